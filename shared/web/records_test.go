package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"adminassistant/shared/fault"
)

func TestWhatIsToldLeadsToItsPage(t *testing.T) {
	v := &view{speech: speech{"en"}}
	for path, page := range map[string]string{
		"/v1/runs/R1": "/runs/R1", "/v1/actions/A1": "/review/A1", "/v1/timesheets/S1": "/timesheets/S1", "/v1/runs/": "", "/v1/runs/R1/items": "",
		"/v1/me": "/settings", "/v1/jobs/J1": "/jobs", "/v1/actions?state=open": "/review", "/auth/login": "/auth/login", "/v1/customers": "",
	} {
		var b strings.Builder
		if n := pageOf(v, path); n != nil {
			if err := n.Render(&b); err != nil {
				t.Fatal(err)
			}
		}
		if leads := strings.Contains(b.String(), `href="`+page+`"`); page == "" && b.Len() > 0 || page != "" && !leads {
			t.Errorf("%s leads to %q", path, b.String())
		}
	}
}

func TestNoFileIsLargerThanWhatCanBeAnswered(t *testing.T) {
	w := httptest.NewRecorder()
	s := &web{Services: Services{Money: Money{MostFile: 3}}}
	v := &view{w: w}
	if err := s.send(v, "attachment", "a b.csv", "text/csv", []byte("1234")); fault.Of(err) != fault.Invalid || w.Body.Len() > 0 {
		t.Errorf("too large: %v, %q", err, w.Body)
	}
	if err := s.send(v, "attachment", "a b.csv", "text/csv", []byte("123")); err != nil || w.Code != http.StatusOK || w.Body.String() != "123" ||
		w.Header().Get("Content-Disposition") != "attachment; filename*=UTF-8''a%20b.csv" {
		t.Errorf("small enough: %v, %q, %v", err, w.Body, w.Header())
	}
}

func TestMoneyIsWrittenAsInTheLanguage(t *testing.T) {
	for text, want := range map[[2]string][2]string{
		{"2250.00", "EUR"}: {"€2,250.00", "2.250,00\u00a0€"}, {"-0.50", "GBP"}: {"−£0.50", "−0,50\u00a0£"}, {"1050", "JPY"}: {"1,050\u00a0JPY", "1.050\u00a0JPY"},
		{"1234567.890", "KWD"}: {"1,234,567.890\u00a0KWD", "1.234.567,890\u00a0KWD"}, {"999.99", "USD"}: {"$999.99", "999,99\u00a0$"},
	} {
		if en, de := (speech{"en"}).money(total(text[0], text[1])), (speech{"de"}).money(total(text[0], text[1])); en != want[0] || de != want[1] {
			t.Errorf("%v is %s and %s", text, en, de)
		}
	}
	for text, want := range map[string]string{"120,50": "120.50", " 120.50 ": "120.50", "1.200,50": "1.200,50", "1,200,50": "1,200,50", "120": "120"} {
		if got := typed(text); got != want {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}
