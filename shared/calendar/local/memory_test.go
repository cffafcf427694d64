package local

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/fault"
	"adminassistant/shared/store/sqlite"
)

// TestReadingsHaveAnEnd reads and exports calendars that hold more than may be held at once.
func TestReadingsHaveAnEnd(t *testing.T) {
	now := time.Date(2026, 10, 20, 0, 0, 0, 0, time.UTC)
	table, err := sqlite.Open(":memory:", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	ids := 0
	p := New(table, func() string { ids++; return fmt.Sprintf("id%d", ids) }, func() time.Time { return now }).For("t#ana")
	p.MostEvents = 1 << 20
	made := func(name, events string) string {
		info, err := p.CreateCalendar(t.Context(), calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: name})
		if err != nil {
			t.Fatal(err)
		}
		f, err := ics.Read(strings.NewReader("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + events + "END:VCALENDAR\n"))
		if err == nil {
			_, err = p.Import(t.Context(), "me", info.ID, f, importing.Options{Strict: true})
		}
		if err != nil {
			t.Fatal(err)
		}
		return info.ID
	}
	often := made("Often", "BEGIN:VEVENT\nUID:s\nDTSTART:20261001T000000Z\nRRULE:FREQ=MINUTELY;INTERVAL=3\nEND:VEVENT\n")
	var many strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&many, "BEGIN:VEVENT\nUID:%d\nDTSTART:20261001T%02d0000Z\nEND:VEVENT\n", i, i%24)
	}
	full := made("Full", many.String())
	refused := func(what string, err error, says string) {
		t.Helper()
		if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "more than 1 MB of events") || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v (%v)", what, err, fault.Of(err))
		}
	}
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	if day, err := p.Events(t.Context(), "me", often, from, from.AddDate(0, 0, 1)); err != nil || len(day) != 480 {
		t.Errorf("a day has %d events: %v", len(day), err)
	}
	_, err = p.Events(t.Context(), "me", often, from, from.AddDate(1, 0, 0))
	refused("a year", err, "take a shorter period")
	_, err = p.Instances(t.Context(), "me", often, idOfUID("s"), from, from.AddDate(1, 0, 0))
	refused("the instances of a year", err, "take a shorter period")
	if f, err := p.Export(t.Context(), "me", often); err != nil || len(f.Events) != 1 {
		t.Errorf("the series is exported as %d events: %v", len(f.Events), err)
	}
	_, err = p.Export(t.Context(), "me", full)
	refused("an export", err, "back it up instead")
}
