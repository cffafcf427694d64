package local

import (
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// occurrence finds the instance of an id as the unit's series has it. An instance that is an exception is none.
func (u *unit) occurrence(id string, zones series.Zones) (e calendar.Event, found bool, err error) {
	master := u.master()
	if master == nil || len(id) <= len(u.id)+1 {
		return e, false, nil
	}
	at, err := time.Parse(keyTime, id[len(u.id)+1:])
	if err != nil {
		return e, false, nil // no instance has such an id
	}
	instances, err := series.Expand(*master, nil, at, at.Add(time.Second), zones)
	if err != nil || u.find(id) >= 0 {
		return e, false, err
	}
	for _, instance := range instances {
		if instance.ID == id {
			return instance, true, nil
		}
	}
	return e, false, nil
}

// excluded is how a master names an occurrence that does not happen.
func excluded(master *calendar.Event, occurrence calendar.Event) calendar.DateTime {
	const layout = "2006-01-02T15:04:05"
	switch {
	case master.AllDay:
		return calendar.DateTime{Local: occurrence.OriginalStart.UTC().Format(time.DateOnly)}
	case master.Start.Floats():
		return calendar.DateTime{Local: occurrence.OriginalStart.UTC().Format(layout)}
	}
	return calendar.DateTime{Local: occurrence.OriginalStart.UTC().Format(layout), Zone: "UTC"}
}
