package local

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/store"
)

// Events reads what lies in the window, bodies included. Times in a zone that only the calendar itself explains are given in UTC. All-day
// and floating events count as in it when they would be so in any time zone, that is within series.Margin of it.
func (p *Provider) Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]calendar.Event, error) {
	if _, err := p.open(ctx, account, calendarID); err != nil {
		return nil, err
	}
	events, err := p.window(ctx, calendarID, from, to)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

func (p *Provider) window(ctx context.Context, calendarID string, from, to time.Time) ([]calendar.Event, error) {
	pk := eventsPK(calendarID)
	key := func(prefix string, t time.Time) string {
		return prefix + clamp(t).Format(keyTime)
	}
	short, err := store.All(ctx, p.table, store.Query{PK: pk, Prefix: prefixAt, From: key(prefixAt, from.Add(-oneDay-series.Margin)),
		To: key(prefixAt, to.Add(series.Margin+time.Second))})
	if err != nil {
		return nil, err
	}
	others, err := store.All(ctx, p.table, store.Query{PK: pk, From: key(prefixLong, from.Add(-series.Margin)), To: afterZones})
	if err != nil {
		return nil, err
	}
	content, err := read(append(short, others...))
	if err != nil {
		return nil, err
	}
	return content.expand(from, to)
}

// clamp keeps a time within the years that keys can hold.
func clamp(t time.Time) time.Time {
	first, last := time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	switch t = t.UTC(); {
	case t.Before(first):
		return first
	case t.After(last):
		return last
	}
	return t
}

// content is what items of an EVENTS partition hold.
type content struct {
	single     []calendar.Event            // by themselves
	masters    []calendar.Event            // of series
	exceptions map[string][]calendar.Event // by the id of their series
	zones      []calendar.Zone
}

func read(items []store.Item) (content, error) {
	c := content{exceptions: map[string][]calendar.Event{}}
	var zones []store.Item
	for _, item := range items {
		if strings.HasPrefix(item.SK, prefixZone) {
			zones = append(zones, item)
			continue
		}
		var e calendar.Event
		if err := decode(item, &e); err != nil {
			return c, err
		}
		switch {
		case !strings.HasPrefix(item.SK, prefixSeries):
			c.single = append(c.single, e)
		case e.Type == calendar.Master:
			c.masters = append(c.masters, e)
		default:
			c.exceptions[e.SeriesMasterID] = append(c.exceptions[e.SeriesMasterID], e)
		}
	}
	var err error
	c.zones, err = readZones(zones)
	return c, err
}

// expand returns the events of a window, each id once: one that was moved between two pages of a query may be there twice.
func (c content) expand(from, to time.Time) ([]calendar.Event, error) {
	zones := ics.Lookup(c.zones)
	expander := series.NewExpander(from, to, zones)
	seen := map[string]bool{}
	var events []calendar.Event
	add := func(e calendar.Event) error {
		if seen[e.ID] {
			return nil
		}
		seen[e.ID] = true
		e, err := series.InKnownZones(e, zones)
		events = append(events, e)
		return err
	}
	for _, e := range c.single {
		in, err := expander.Contains(e)
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", e.ID, err)
		}
		if !in {
			continue
		}
		if err := add(e); err != nil {
			return nil, err
		}
	}
	for _, master := range c.masters {
		instances, err := expander.Expand(master, c.exceptions[master.ID])
		if err != nil {
			return nil, err
		}
		for _, e := range instances {
			if err := add(e); err != nil {
				return nil, err
			}
		}
	}
	return events, nil
}

// Bodies returns the body of each event that is there.
func (p *Provider) Bodies(ctx context.Context, account, calendarID string, ids []string, _, _ time.Time) (map[string]calendar.Body, error) {
	if _, err := p.open(ctx, account, calendarID); err != nil {
		return nil, err
	}
	wanted := map[string]bool{}
	for _, id := range ids {
		if unit := unitOf(id); idKey(calendarID, unit).Check() == nil {
			wanted[unit] = true
		}
	}
	units, _, err := p.loadUnits(ctx, calendarID, slices.Sorted(maps.Keys(wanted)), nil)
	if err != nil {
		return nil, fmt.Errorf("read bodies: %w", err)
	}
	zones := p.zonesOf(ctx, calendarID)
	bodies := make(map[string]calendar.Body, len(ids))
	for _, id := range ids {
		u := units[unitOf(id)]
		if u == nil {
			continue
		}
		if at := u.find(id); at >= 0 {
			bodies[id] = u.now[at].Body
			continue
		}
		e, found, err := u.occurrence(id, zones)
		if err != nil {
			return nil, fmt.Errorf("read bodies: %w", err)
		}
		if found {
			bodies[id] = e.Body
		}
	}
	return bodies, nil
}

// Marked finds events by mark, in three requests to the store for any hundred marks.
func (p *Provider) Marked(ctx context.Context, account, calendarID string, marks []string) (map[string]calendar.Event, error) {
	if _, err := p.open(ctx, account, calendarID); err != nil {
		return nil, err
	}
	var keys []store.Key
	wanted := make(map[string]bool, len(marks))
	for _, mark := range marks {
		if key := markKey(calendarID, mark); mark != "" && key.Check() == nil {
			wanted[mark] = true
			keys = append(keys, key)
		}
	}
	found, err := p.getMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("find marked events: %w", err)
	}
	holding := map[string]bool{}
	for _, item := range found {
		var h holder
		if err := decode(item, &h); err != nil {
			return nil, err
		}
		holding[h.Unit] = true
	}
	units, _, err := p.loadUnits(ctx, calendarID, slices.Sorted(maps.Keys(holding)), nil)
	if err != nil {
		return nil, fmt.Errorf("find marked events: %w", err)
	}
	zones := p.zonesOf(ctx, calendarID)
	events := make(map[string]calendar.Event, len(found))
	for _, u := range units {
		for _, e := range u.now {
			if !wanted[e.Mark] {
				continue
			}
			if events[e.Mark], err = series.InKnownZones(e, zones); err != nil {
				return nil, fmt.Errorf("find marked events: %w", err)
			}
		}
	}
	return events, nil
}

// Find reads the units that hold the events.
func (p *Provider) Find(ctx context.Context, account, calendarID string, ids []string) (map[string]calendar.Event, error) {
	if _, err := p.open(ctx, account, calendarID); err != nil {
		return nil, err
	}
	units, _, err := p.loadUnits(ctx, calendarID, ids, nil)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	zones := p.zonesOf(ctx, calendarID)
	events := make(map[string]calendar.Event, len(ids))
	for _, id := range ids {
		u := units[id]
		if u == nil {
			continue
		}
		for _, e := range u.now {
			if e.ID != id {
				continue
			}
			if events[id], err = series.InKnownZones(e, zones); err != nil {
				return nil, fmt.Errorf("find events: %w", err)
			}
		}
	}
	return events, nil
}
