package restore

import (
	"testing"
	"time"

	"adminassistant/shared/calendar"
)

// TestASeriesOfManyInstancesIsComparedByItsRule compares series that differ in one of their first instances: one of few by its instances, one that
// happens too often for that by its rule.
func TestASeriesOfManyInstancesIsComparedByItsRule(t *testing.T) {
	c := comparing{reading: reading{calendar.LoadZone, time.UTC}}
	utc := func(local string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: "UTC"} }
	for rule, few := range map[string]bool{"FREQ=DAILY": true, "FREQ=MINUTELY;INTERVAL=3": false} {
		k := calendar.Kept{Event: calendar.Event{
			ID: "s", Type: calendar.Master, Start: utc("2026-10-05T09:00:00"), End: utc("2026-10-05T09:01:00"), Recurrence: &calendar.Recurrence{Rules: []string{rule}},
		}}
		less := k
		less.Event.Recurrence = &calendar.Recurrence{Rules: []string{rule}, Without: []calendar.DateTime{utc("2026-10-05T09:00:00")}}
		if differ := c.instances(&k, nil) != c.instances(&less, nil); differ != few {
			t.Errorf("%s: without its first instance it differs: %v, want %v", rule, differ, few)
		}
	}
}
