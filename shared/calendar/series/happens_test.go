package series

import (
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

// TestHappens compares with Expand, which finds all instances, for windows of all kinds.
func TestHappens(t *testing.T) {
	berlin := func(local string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: "Europe/Berlin"} }
	master := func(change func(*calendar.Event)) calendar.Event {
		e := calendar.Event{
			ID: "s", Type: calendar.Master, Start: berlin("2026-10-05T09:00:00"), End: berlin("2026-10-05T10:00:00"),
			Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=4"}, Without: []calendar.DateTime{berlin("2026-10-12T09:00:00")}},
		}
		if change != nil {
			change(&e)
		}
		return e
	}
	moved := calendar.Event{ID: "x", Type: calendar.Exception, OriginalStart: time.Date(2026, 10, 19, 7, 0, 0, 0, time.UTC),
		Start: berlin("2026-10-30T09:00:00"), End: berlin("2026-10-30T10:00:00")}
	for name, s := range map[string]struct {
		master     calendar.Event
		exceptions []calendar.Event
	}{
		"with a deleted instance": {master: master(nil)},
		"with one that was moved": {master(nil), []calendar.Event{moved}},
		"of days":                 {master: master(func(e *calendar.Event) { e.AllDay = true })},
		"over midnight":           {master: master(func(e *calendar.Event) { e.End = berlin("2026-10-06T03:00:00") })},
		"without end":             {master: master(func(e *calendar.Event) { e.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=DAILY;INTERVAL=9"}} })},
	} {
		found := 0
		for day := range 40 {
			from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, day)
			events, err := Expand(s.master, s.exceptions, from, from.AddDate(0, 0, 1), calendar.LoadZone)
			if err != nil {
				t.Fatal(err)
			}
			happens, err := NewExpander(from, from.AddDate(0, 0, 1), calendar.LoadZone).Happens(s.master, s.exceptions)
			if err != nil || happens != (len(events) > 0) {
				t.Errorf("%s, %s: %v (%v), but there are %d instances", name, from.Format(time.DateOnly), happens, err, len(events))
			}
			if happens {
				found++
			}
		}
		if found == 0 || found == 40 {
			t.Errorf("%s: on %d days", name, found)
		}
	}
	if _, err := NewExpander(time.Time{}, time.Now(), calendar.LoadZone).Happens(master(func(e *calendar.Event) { e.Start.Zone = "Nowhere" }), nil); err == nil {
		t.Error("a zone that nobody knows is no error")
	}
}
