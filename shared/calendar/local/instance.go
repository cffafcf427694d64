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
