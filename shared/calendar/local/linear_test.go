package local

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/importing"
)

// TestTheCostOfAFileGrowsWithItsExceptionsAlone counts what is allocated and how often a zone is looked up for twice as many exceptions of one series:
// twice as much, and not four times.
func TestTheCostOfAFileGrowsWithItsExceptionsAlone(t *testing.T) {
	type cost struct{ allocations, bytes, zones uint64 }
	of := func(n int) (c cost) {
		day := func(i int) calendar.DateTime {
			return calendar.DateTime{Local: time.Date(2026, 1, 1+i, 9, 0, 0, 0, time.UTC).Format("2006-01-02T15:04:05"), Zone: "Europe/Berlin"}
		}
		events := []calendar.Event{{ID: "series", ICalUID: "series", Type: calendar.Master, Start: day(0), End: day(0),
			Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY"}}}}
		for i := range n {
			at, _ := day(i).Instant(time.UTC)
			events = append(events, calendar.Event{ID: fmt.Sprint(i), ICalUID: "series", Type: calendar.Exception, OriginalStart: at, Start: day(i), End: day(i)})
		}
		im := fileImport{Provider: &Provider{}, Merger: importing.Merger{Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), NewID: func() string { return "id" }}}
		im.Merger.Zones = func(name string) (*time.Location, error) { c.zones++; return calendar.LoadZone(name) }
		im.adopted.lookup = im.Merger.Zones
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		groups := im.groups(events)
		if len(groups) != 1 || groups[0].Base == nil || len(groups[0].Exceptions) != n || len(im.aside) > 0 {
			t.Fatal(len(groups), im.aside)
		}
		if _, items, err := im.Merge(nil, groups[0]); err != nil || len(items) != n+1 {
			t.Fatal(len(items), err)
		}
		runtime.ReadMemStats(&after)
		c.allocations, c.bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
		return c
	}
	const n = 5_000
	of(n) // reads the zone
	if once, twice := of(n), of(2*n); twice.allocations > 3*once.allocations || twice.bytes > 3*once.bytes || twice.zones > 3*once.zones {
		t.Errorf("%d exceptions cost %+v, %d cost %+v", n, once, 2*n, twice)
	}
}
