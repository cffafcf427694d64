package ics

import (
	"cmp"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// split carries out changes with RANGE=THISANDFUTURE: what begins with the changed instance is a series of its own from then on.
func (r *reader) split() {
	var changes []*entry
	for _, e := range r.entries {
		if e.onwards && !e.replaced {
			changes = append(changes, e)
		}
	}
	if len(changes) == 0 {
		return
	}
	slices.SortStableFunc(changes, func(a, b *entry) int {
		return cmp.Or(strings.Compare(a.ICalUID, b.ICalUID), b.OriginalStart.Compare(a.OriginalStart)) // the last one first
	})
	byUID := map[string][]*entry{}
	for _, e := range r.entries {
		if e.instead != nil && !e.replaced && !e.onwards {
			byUID[e.ICalUID] = append(byUID[e.ICalUID], e)
		}
	}
	for _, e := range changes {
		master := r.original[e.ICalUID]
		if master == nil || master.Type != calendar.Master {
			r.setEntryAside(e, fault.New(fault.Invalid, "RECURRENCE-ID with RANGE=THISANDFUTURE needs its series; put both into one file"))
			continue
		}
		id := e.ICalUID + "/" + e.OriginalStart.UTC().Format(utcForm)
		head, tail, of, err := series.Split(master.Event, e.Event, id, r.lookup)
		if err == nil {
			tail.Recurrence, err = series.Strict(&tail, r.lookup)
		}
		if err != nil {
			r.setEntryAside(e, err)
			continue
		}
		for _, x := range byUID[e.ICalUID] {
			at, moved := of(x.OriginalStart)
			if moved && x.SeriesMasterID == e.ICalUID {
				x.OriginalStart, x.SeriesMasterID, x.ICalUID, x.ID = at, id, id, series.InstanceID(id, at)
			}
		}
		uid := e.ICalUID
		e.Event, e.instead = tail, nil
		r.original[id] = e
		if head.ID == "" {
			master.replaced = true
			delete(r.original, uid)
			continue
		}
		issues := master.Issues
		master.Event = head
		master.Issues = issues
	}
}
