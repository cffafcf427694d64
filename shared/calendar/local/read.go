package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/store"
)

// Events reads what lies in the window, bodies included, each id once. Times in a zone that only the calendar itself explains are given in UTC. All-day
// and floating events count as in it when they would be so in any time zone, that is within series.Margin of it.
func (p *Provider) Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]calendar.Event, error) {
	all := calendar.Gathering{Most: p.MostEvents}
	seen := map[string]bool{}
	err := p.Walk(ctx, account, calendarID, from, to, time.Time{}, func(e calendar.Event) (time.Time, error) {
		if seen[e.ID] {
			return time.Time{}, nil
		}
		seen[e.ID] = true
		return time.Time{}, all.Add(e)
	})
	return all.Events, err
}

// Walk reads the events by themselves in the order of their starts, then the series, each with its exceptions.
func (p *Provider) Walk(ctx context.Context, account, calendarID string, from, to, since time.Time,
	each func(calendar.Event) (until time.Time, err error)) error {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return err
	}
	w := walk{
		Provider: p, pk: eventsPK(calendarID), from: from, to: to, since: since, zones: p.zonesOf(ctx, calendarID), each: each,
	}
	w.expander = series.NewExpander(from, to, w.zones)
	w.expander.Narrow(since, time.Time{})
	err := w.all(ctx)
	switch {
	case w.stopped != nil:
		return w.stopped
	case err != nil:
		return fmt.Errorf("read events: %w", err)
	}
	return nil
}

// walk is one Walk under way.
type walk struct {
	*Provider
	pk              string
	from, to, since time.Time
	until           time.Time // zero: all
	zones           series.Zones
	expander        *series.Expander
	each            func(calendar.Event) (time.Time, error)
	stopped         error // of each
}

func (w *walk) all(ctx context.Context) error {
	key := func(prefix string, t time.Time) string {
		return prefix + clamp(t).Format(keyTime)
	}
	from := w.from.Add(-oneDay - series.Margin)
	if since := w.since.Add(-series.Margin); !w.since.IsZero() && since.After(from) {
		from = since
	}
	short := store.Query{PK: w.pk, Prefix: prefixAt, From: key(prefixAt, from), To: key(prefixAt, w.to.Add(series.Margin+time.Second))}
	err := w.events(ctx, short, func(item store.Item, e *calendar.Event) error {
		if !w.until.IsZero() && item.SK > key(prefixAt, w.until.Add(series.Margin+time.Second)) {
			return errBeyond
		}
		return w.one(*e)
	})
	if err != nil && !errors.Is(err, errBeyond) {
		return err
	}
	var master *calendar.Event
	var replaced []time.Time
	expand := func() error {
		if master == nil {
			return nil
		}
		err := w.expander.Each(*master, replaced, w.hand)
		master, replaced = nil, nil
		return err
	}
	others := store.Query{PK: w.pk, From: key(prefixLong, w.from.Add(-series.Margin)), To: prefixZone}
	err = w.events(ctx, others, func(item store.Item, e *calendar.Event) error {
		switch {
		case !strings.HasPrefix(item.SK, prefixSeries):
			return w.one(*e)
		case e.Type == calendar.Master:
			if err := expand(); err != nil {
				return err
			}
			master = e
			return nil
		case master == nil || e.SeriesMasterID != master.ID: // what a large change left that was cut short
			return nil
		}
		replaced = append(replaced, e.OriginalStart)
		return w.one(*e)
	})
	if err != nil {
		return err
	}
	return expand()
}

// errBeyond means that all that follows starts too late.
var errBeyond = errors.New("local: beyond")

// events hands the events of a query to each, page by page.
func (w *walk) events(ctx context.Context, q store.Query, each func(store.Item, *calendar.Event) error) error {
	return w.items(ctx, q, func(item store.Item) error {
		var e calendar.Event
		if err := decode(item, &e); err != nil {
			return err
		}
		return each(item, &e)
	})
}

// items hands the items of a query to each, page by page.
func (p *Provider) items(ctx context.Context, q store.Query, each func(store.Item) error) error {
	for {
		page, err := p.table.Query(ctx, q)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			if err := each(item); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

// one hands an event over that is no series, if it is in the window.
func (w *walk) one(e calendar.Event) error {
	in, err := w.expander.Contains(e)
	if err != nil {
		return fmt.Errorf("event %s: %w", e.ID, err)
	}
	if !in {
		return nil
	}
	return w.hand(e)
}

func (w *walk) hand(e calendar.Event) error {
	e, err := series.InKnownZones(e, w.zones)
	if err != nil {
		return err
	}
	w.until, w.stopped = w.each(e)
	w.expander.Narrow(w.since, w.until)
	return w.stopped
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

// Bodies returns the body of each event, an empty one of what is not there.
func (p *Provider) Bodies(ctx context.Context, account, calendarID string, ids []string, _, _ time.Time) (map[string]calendar.Body, error) {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
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
	if _, err := p.whole(ctx, account, calendarID); err != nil {
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

// Find reads the units that hold the events. An instance of a series is found as it is: as it was changed, or as the series has it.
func (p *Provider) Find(ctx context.Context, account, calendarID string, ids []string) (map[string]calendar.Event, error) {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return nil, err
	}
	of := make([]string, len(ids))
	for i, id := range ids {
		of[i] = unitOf(id)
	}
	slices.Sort(of)
	units, _, err := p.loadUnits(ctx, calendarID, slices.Compact(of), nil)
	if err != nil {
		return nil, fmt.Errorf("find events: %w", err)
	}
	zones := p.zonesOf(ctx, calendarID)
	events := make(map[string]calendar.Event, len(ids))
	for _, id := range ids {
		u := units[unitOf(id)]
		var e calendar.Event
		at := u.find(id)
		there := at >= 0
		if there {
			e = u.now[at]
		} else if e, there, err = u.occurrence(id, zones); err != nil {
			return nil, fmt.Errorf("find events: %w", err)
		}
		if !there {
			continue
		}
		if events[id], err = series.InKnownZones(e, zones); err != nil {
			return nil, fmt.Errorf("find events: %w", err)
		}
	}
	return events, nil
}
