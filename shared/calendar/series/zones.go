package series

import (
	"fmt"

	"adminassistant/shared/calendar"
)

// InKnownZones writes an event's times so that everybody understands them: in UTC where their zone is one that only zones
// explains, which StartZone and EndZone then name.
func InKnownZones(e calendar.Event, zones Zones) (calendar.Event, error) {
	for _, part := range []struct {
		time *calendar.DateTime
		made *string
	}{{&e.Start, &e.StartZone}, {&e.End, &e.EndZone}} {
		name := part.time.Zone
		if name == "" {
			continue
		}
		if _, err := calendar.LoadZone(name); err == nil {
			continue
		}
		if *part.made == "" {
			*part.made = name
		}
		if e.AllDay {
			part.time.Zone = "" // a date is a date
			continue
		}
		zone, err := zones(name)
		if err != nil {
			return e, fmt.Errorf("event %.200q: %w", e.ID, err)
		}
		at, err := calendar.DateTime{Local: part.time.Local}.Instant(zone)
		if err != nil {
			return e, fmt.Errorf("event %.200q: %w", e.ID, err)
		}
		*part.time = calendar.DateTime{Local: at.Format("2006-01-02T15:04:05.999999999"), Zone: "UTC"}
	}
	return e, nil
}
