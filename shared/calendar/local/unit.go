package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// unit is what changes together: an event by itself, or a series, its master first, with its exceptions; all that has one UID.
type unit struct {
	id      string
	version int64            // of its ID item; 0: there is none
	keys    []string         // of the events, as the ID item says
	stored  []store.Item     // of the events
	was     []calendar.Event // as they are stored
	now     []calendar.Event // as they should be; none: there should be no such unit

	unknown       store.Unknown            // of the ID item
	unknownEvents map[string]store.Unknown // of the items of events, by their ids
}

// pointer is what an ID item holds: the sort keys of the unit's events. Some may not be there any more.
type pointer struct {
	Keys []string `json:"keys"`
}

// holder is what a MARK item holds.
type holder struct {
	Unit string `json:"unit"`
}

// master is the unit's master; nil when it is an event by itself.
func (u *unit) master() *calendar.Event {
	if len(u.now) > 0 && u.now[0].Type == calendar.Master {
		return &u.now[0]
	}
	return nil
}

// find returns the position of an event in now, or -1.
func (u *unit) find(eventID string) int {
	return slices.IndexFunc(u.now, func(e calendar.Event) bool { return e.ID == eventID })
}

// readUnit makes a unit of its ID item; its events are not there yet.
func readUnit(id string, item store.Item) (*unit, error) {
	var p pointer
	unknown, err := decodeRecord(item, &p)
	if err != nil {
		return nil, err
	}
	return &unit{id: id, version: item.Version, keys: p.Keys, unknown: unknown, unknownEvents: map[string]store.Unknown{}}, nil
}

// loadUnits reads units by id; one that is not there has version 0. further keys are read in the same request.
func (p *Provider) loadUnits(ctx context.Context, calendarID string, ids []string, further []store.Key) (map[string]*unit, map[store.Key]store.Item, error) {
	for range attempts {
		keys := slices.Clone(further)
		for _, id := range ids {
			if key := idKey(calendarID, id); key.Check() == nil { // else nothing has the id
				keys = append(keys, key)
			}
		}
		found, err := p.getMany(ctx, keys)
		if err != nil {
			return nil, nil, err
		}
		units := make(map[string]*unit, len(ids))
		var eventKeys []store.Key
		for _, id := range ids {
			item, ok := found[idKey(calendarID, id)]
			if !ok {
				units[id] = &unit{id: id}
				continue
			}
			u, err := readUnit(id, item)
			if err != nil {
				return nil, nil, err
			}
			units[id] = u
			for _, sk := range u.keys {
				eventKeys = append(eventKeys, store.Key{PK: eventsPK(calendarID), SK: sk})
			}
		}
		if len(eventKeys) == 0 {
			return units, found, nil
		}
		events, err := p.getMany(ctx, eventKeys)
		if err != nil {
			return nil, nil, err
		}
		missing := false
		for _, u := range units {
			for _, sk := range u.keys {
				item, ok := events[store.Key{PK: eventsPK(calendarID), SK: sk}]
				if !ok {
					missing = true
					continue
				}
				var e calendar.Event
				unknown, err := decodeRecord(item, &e)
				if err != nil {
					return nil, nil, err
				}
				u.unknownEvents[e.ID] = unknown
				u.stored, u.was = append(u.stored, item), append(u.was, e)
			}
			u.now = slices.Clone(u.was)
		}
		if !missing {
			return units, found, nil
		}
		// Either the unit changed between the two requests, or a large change of it was cut short, which left keys without events.
		same, err := p.sameVersions(ctx, calendarID, units)
		if err != nil {
			return nil, nil, err
		}
		if same {
			return units, found, nil
		}
	}
	return nil, nil, errBusy()
}

func (p *Provider) sameVersions(ctx context.Context, calendarID string, units map[string]*unit) (bool, error) {
	var keys []store.Key
	for id := range units {
		keys = append(keys, idKey(calendarID, id))
	}
	found, err := p.getMany(ctx, keys)
	for id, u := range units {
		if found[idKey(calendarID, id)].Version != u.version {
			return false, err
		}
	}
	return true, err
}

// getMany returns those items that exist, by key.
func (p *Provider) getMany(ctx context.Context, keys []store.Key) (map[store.Key]store.Item, error) {
	items, err := p.table.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	found := make(map[store.Key]store.Item, len(items))
	for _, item := range items {
		found[item.Key] = item
	}
	return found, nil
}

// eventItems are the items that hold the unit's events.
func (u *unit) eventItems(calendarID string, zones series.Zones) ([]*store.Item, error) {
	items := make([]*store.Item, len(u.now))
	for i := range u.now {
		sk, err := u.place(&u.now[i], u.master() != nil, zones)
		if err != nil {
			return nil, err
		}
		items[i] = encodeRecord(store.Key{PK: eventsPK(calendarID), SK: sk}, u.unknownEvents[u.now[i].ID], u.now[i])
	}
	return items, nil
}

// keyItems are the MARK items that go with events of the unit.
func (u *unit) keyItems(calendarID string, events []calendar.Event) (items []*store.Item) {
	for _, e := range events {
		if e.Mark != "" {
			items = append(items, encode(markKey(calendarID, e.Mark), holder{u.id}))
		}
	}
	return items
}

// place is the sort key of an event of the unit. An exception of a series that is not there is an event by itself.
func (u *unit) place(e *calendar.Event, inSeries bool, zones series.Zones) (string, error) {
	start, end, err := span(e, zones)
	switch {
	case err != nil:
		return "", err
	case e.Type == calendar.Master:
		return prefixSeries + u.id, nil
	case inSeries:
		return prefixSeries + u.id + "#" + e.OriginalStart.UTC().Format(keyTime), nil
	}
	if end.Sub(start) > oneDay {
		return prefixLong + end.Format(keyTime) + "#" + e.ID, nil
	}
	return prefixAt + start.Format(keyTime) + "#" + e.ID, nil
}

// span is when an event is, in UTC; dates and floating times are read in UTC. Errors are fault.Invalid.
func span(e *calendar.Event, zones series.Zones) (start, end time.Time, err error) {
	if start, err = instant(e.Start, e.AllDay, zones); err != nil {
		return start, end, fmt.Errorf("start: %w", err)
	}
	if end, err = instant(e.End, e.AllDay, zones); err != nil {
		return start, end, fmt.Errorf("end: %w", err)
	}
	if end.Before(start) {
		return start, end, fault.New(fault.Invalid, "the event ends before it starts")
	}
	return start, end, nil
}

func instant(d calendar.DateTime, dates bool, zones series.Zones) (time.Time, error) {
	if dates {
		w, err := d.Wall()
		return time.Date(w.Year, w.Month, w.Day, 0, 0, 0, 0, time.UTC), err
	}
	zone := time.UTC
	if d.Zone != "" {
		var err error
		if zone, err = zones(d.Zone); err != nil {
			return time.Time{}, err
		}
	}
	return calendar.DateTime{Local: d.Local}.Instant(zone)
}

// change is a unit's change as operations.
type change struct {
	unit *unit
	ops  []store.Op // the first one is on the ID item, on whose version it depends
	size int        // bytes of what is put
	// large says that it may not fit into one transaction, which checks the calendar as well.
	large bool
}

// change compares what is stored with now; no operations when nothing is to be done. Errors are fault.Invalid: times that cannot
// be, and events that are too large.
func (u *unit) change(calendarID string, zones series.Zones) (change, error) {
	c := change{unit: u}
	events, err := u.eventItems(calendarID, zones)
	if err != nil {
		return c, err
	}
	left := map[store.Key][]byte{} // what is stored and not needed any more
	var old []store.Key            // its keys, in order
	for i := range u.stored {
		left[u.stored[i].Key] = u.stored[i].Data
		old = append(old, u.stored[i].Key)
	}
	for _, item := range u.keyItems(calendarID, u.was) {
		left[item.Key] = item.Data
		old = append(old, item.Key)
	}
	put := func(item *store.Item, cond store.Condition) (store.Op, error) {
		_, size, err := item.Pack()
		if errors.Is(err, store.ErrTooLarge) {
			err = fault.Wrap(fault.Invalid, fmt.Errorf("the event is too large to be kept: %w", err))
		}
		c.size += size
		return store.Op{Put: item, If: cond}, err
	}
	var ops []store.Op
	for _, item := range append(events, u.keyItems(calendarID, u.now)...) {
		data, there := left[item.Key]
		delete(left, item.Key)
		if there && bytes.Equal(data, item.Data) {
			continue
		}
		cond := store.Any()
		if !there && strings.HasPrefix(item.SK, prefixMark) {
			cond = store.Absent() // another event may get the mark meanwhile
		}
		op, err := put(item, cond)
		if err != nil {
			return c, err
		}
		ops = append(ops, op)
	}
	for _, key := range old {
		if _, ok := left[key]; ok {
			ops = append(ops, store.Op{Delete: &key})
		}
	}
	if len(ops) == 0 {
		return c, nil
	}
	c.large = len(ops)+2 > store.MaxTransact || c.size+store.MaxItem > transactBytes // with the ID item
	guard := store.Absent()
	if u.version > 0 {
		guard = store.VersionIs(u.version)
	}
	key := idKey(calendarID, u.id)
	head := store.Op{Delete: &key, If: guard}
	if len(events) > 0 {
		var keys []string
		for _, item := range events {
			keys = append(keys, item.SK)
		}
		if c.large {
			// Should not all of its transactions happen, the next change must still find what they were to remove.
			for _, item := range u.stored {
				if _, ok := left[item.Key]; ok {
					keys = append(keys, item.SK)
				}
			}
		}
		if head, err = put(encodeRecord(key, u.unknown, pointer{keys}), guard); err != nil {
			return c, err
		}
	}
	c.ops = append([]store.Op{head}, ops...)
	return c, nil
}

// zonesOf finds zones by name: those that everybody knows, else those that only the calendar itself explains, which are read when first asked for.
func (p *Provider) zonesOf(ctx context.Context, calendarID string) series.Zones {
	own := sync.OnceValues(func() (series.Zones, error) {
		zones, err := p.ownZones(ctx, calendarID)
		return ics.Lookup(zones), err
	})
	return func(name string) (*time.Location, error) {
		if loc, err := calendar.LoadZone(name); err == nil {
			return loc, nil
		}
		find, err := own()
		if err != nil {
			return nil, err
		}
		return find(name)
	}
}

func readZones(items []store.Item) ([]calendar.Zone, error) {
	zones := make([]calendar.Zone, len(items))
	for i, item := range items {
		if err := decode(item, &zones[i]); err != nil {
			return nil, err
		}
	}
	return zones, nil
}
