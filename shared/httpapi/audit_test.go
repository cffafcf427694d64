package httpapi

import (
	"net/url"
	"strings"
	"testing"
)

func TestAuditFilters(t *testing.T) {
	s := newService(t)
	id := s.calendar("local://me/calendars/Work")
	s.do("DELETE", "/v1/calendars/"+id, nil).is(204)
	for query, want := range map[string]int{ // each request is two records: that it began, and how it ended
		"":                                 4,
		"?action=calendar.create":          2,
		"?action=calendar":                 4,
		"?action=run":                      0,
		"?outcome=ok":                      2,
		"?resource_kind=calendar":          4,
		"?resource=" + url.QueryEscape(id): 3, // a beginning does not know the id of what will be made
		"?from=2200-01-01T00:00:00Z":       0,
	} {
		if got := s.do("GET", "/v1/audit"+query, nil).is(200).items(); len(got) != want {
			t.Errorf("%q lists %d records, want %d", query, len(got), want)
		}
	}
	if csv := string(s.do("GET", "/v1/audit/export?action=calendar.delete", nil).is(200).body); strings.Count(csv, "\n") != 3 {
		t.Errorf("the export is not a header and two records:\n%s", csv)
	}
	if exported, ok := s.do("GET", "/v1/audit/export?format=json", nil).is(200).json.([]any); !ok || len(exported) != 4 {
		t.Errorf("exported as JSON are %v", exported)
	}
	s.do("GET", "/v1/audit?outcome=fine", nil).problem(422, "invalid", "outcome")
	if report := s.do("POST", "/v1/audit/verify", nil).is(200); !strings.Contains(string(report.body), `"ok":true`) {
		t.Errorf("report is %s", report.body)
	}
}
