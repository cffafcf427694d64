package app

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWhereTheSourceCannotBeReadTheCalendarIsAsARunSawIt opens the calendar by the process that cannot open users' tokens: it shows what the last run saw,
// and says when that was.
func TestWhereTheSourceCannotBeReadTheCalendarIsAsARunSawIt(t *testing.T) {
	a := act(t)
	a.signsIn()
	day := a.clock().UTC().AddDate(0, 0, -2)
	event := func(uid, at, until, subject, more string) string {
		return fmt.Sprintf("BEGIN:VEVENT\r\nUID:%s\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:%sT%sZ\r\nDTEND:%sT%sZ\r\nSUMMARY:%s\r\n%sEND:VEVENT\r\n",
			uid, day.Format("20060102"), at, day.Format("20060102"), until, subject, more)
	}
	must(t, a.mailbox.LoadICS("ann@example.com", "", strings.NewReader("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\n"+
		event("one", "080000", "090000", "Billed work", "CATEGORIES:Acme - billable\r\n")+event("two", "100000", "110000", "Doctor", "")+"END:VCALENDAR\r\n")))
	config := fmt.Sprint(a.asks("POST", "/v1/archive-configs", `{"name": "work", "source": "msgraph://ann@example.com/calendars/primary",
		"archive": "msgraph://ann@example.com/calendars/Archive", "timezone": "UTC", "purpose": "timesheet"}`)["id"])
	page := func() string {
		t.Helper()
		res, err := a.browser.Get(a.site + "/calendar?view=day&on=" + day.Format(time.DateOnly))
		must(t, err)
		defer res.Body.Close()
		text, err := io.ReadAll(res.Body)
		must(t, err)
		if res.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", res.StatusCode, text)
		}
		return string(text)
	}
	if text := page(); strings.Contains(text, "Billed work") || !strings.Contains(text, "Not archived yet") {
		t.Errorf("before any run: %s", text)
	}
	a.asks("POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": "last 7 days"}`, config))
	a.work()
	a.asks("POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": "today"}`, config)) // which says nothing of that day
	a.work()
	text := page()
	for _, want := range []string{"Billed work", "Doctor", "As the run saw it, "} {
		if !strings.Contains(text, want) {
			t.Errorf("the day lacks %q: %s", want, text)
		}
	}
}
