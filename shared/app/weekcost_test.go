package app

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/store"
)

// TestAWeekCostsWhatIsInIt opens the same week and the same day of calendars that were archived for a week and for over a year: each takes as many
// requests to the store, and few.
func TestAWeekCostsWhatIsInIt(t *testing.T) {
	now := time.Date(2026, 10, 16, 18, 0, 0, 0, time.UTC)
	cost := func(weeks int, path string) (requests int) {
		counter := &store.Counter{}
		o := openOneAt(t, func() time.Time { return now }, func(table store.Table) store.Table { counter.Table = table; return counter })
		work := o.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
		first := time.Date(2026, 10, 12, 0, 0, 0, 0, time.UTC)
		var file strings.Builder
		for i := range weeks * 7 * 3 {
			day := first.AddDate(0, 0, -7*(weeks-1)+i/3)
			fmt.Fprintf(&file, "BEGIN:VEVENT\r\nUID:e%d\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:%sT%02d0000Z\r\nDTEND:%sT%02d3000Z\r\nSUMMARY:Work %d\r\n"+
				"END:VEVENT\r\n", i, day.Format("20060102"), 8+i%3, day.Format("20060102"), 8+i%3, i)
		}
		text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n" + file.String() + "END:VCALENDAR\r\n"
		o.do("ann", "POST", "/v1/calendars/"+work+"/import", text, "", "Content-Type", "text/calendar")
		config := o.do("ann", "POST", "/v1/archive-configs", `{"name": "work", "source": "local://ann/calendars/Work",
			"archive": "local://ann/calendars/Archive", "verify": "none", "timezone": "UTC", "overlaps": "keep"}`, "id")
		for from := first.AddDate(0, 0, -7*(weeks-1)); !from.After(first); from = from.AddDate(0, 0, 70) {
			until := from.AddDate(0, 0, 69)
			if sunday := first.AddDate(0, 0, 6); until.After(sunday) {
				until = sunday
			}
			o.do("ann", "POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": %q, "period": "%s to %s", "future": true}`, config,
				from.Format(time.DateOnly), until.Format(time.DateOnly)), "id")
			o.work()
		}
		r := httptest.NewRequestWithContext(t.Context(), "GET", path, nil)
		r.Header.Set("X-Test-User", "ann")
		before := counter.Requests()
		w := httptest.NewRecorder()
		o.api.ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), "Work ") {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return counter.Requests() - before
	}
	for _, path := range []string{"/calendar?view=week&on=2026-10-15", "/calendar?view=day&on=2026-10-15"} {
		short, long := cost(1, path), cost(60, path)
		t.Logf("%s: %d requests", path, short)
		if short != long || short > 20 {
			t.Errorf("%s takes %d requests after a week, and %d after more than a year", path, short, long)
		}
	}
}
