package local

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// keptTogether is how many units Kept reads at a time.
const keptTogether = 50

// Kept reads unit after unit: the keys of units never change, so that none is missed or met twice because it changes meanwhile, and
// what belongs to a series is read with it, at one version. An exception whose series is not there is a calendar.Lone.
func (p *Provider) Kept(ctx context.Context, account, calendarID string, each func(calendar.Kept) error) error {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return err
	}
	q := store.Query{PK: keysPK(calendarID), Prefix: prefixID}
	for {
		page, err := p.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("read the calendar: %w", err)
		}
		for items := range slices.Chunk(page.Items, keptTogether) {
			ids := make([]string, len(items))
			for i, item := range items {
				ids[i] = strings.TrimPrefix(item.SK, prefixID)
			}
			units, _, err := p.loadUnits(ctx, calendarID, ids, nil)
			if err != nil {
				return fmt.Errorf("read the calendar: %w", err)
			}
			for _, id := range ids {
				for _, k := range units[id].kept() {
					if err := each(k); err != nil {
						return err
					}
				}
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	// What is left of a calendar that is deleted meanwhile must not be mistaken for the whole.
	_, err := p.open(ctx, account, calendarID)
	return err
}

// Marks reads what Kept does.
func (p *Provider) Marks(ctx context.Context, account, calendarID string, each func(id, mark string) error) error {
	return p.Kept(ctx, account, calendarID, func(k calendar.Kept) error { return each(k.Event.ID, k.Event.Mark) })
}

// kept is what the unit's events are to somebody who keeps them.
func (u *unit) kept() []calendar.Kept {
	if master := u.master(); master != nil {
		exceptions := slices.Clone(u.now[1:])
		slices.SortFunc(exceptions, func(a, b calendar.Event) int { return a.OriginalStart.Compare(b.OriginalStart) })
		return []calendar.Kept{{Event: *master, Exceptions: exceptions}}
	}
	all := make([]calendar.Kept, len(u.now))
	for i, e := range u.now {
		if e.Type == calendar.Exception {
			e = calendar.Lone(e)
		}
		all[i] = calendar.Kept{Event: e}
	}
	return all
}

// Instances expands a series, bodies included. Times in a zone that only the calendar itself explains are given in UTC. Of all-day and floating
// series it returns the instances that start in the window in some time zone, that is within series.Margin of it.
func (p *Provider) Instances(ctx context.Context, account, calendarID, masterID string, from, to time.Time) ([]calendar.Event, error) {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return nil, err
	}
	units, _, err := p.loadUnits(ctx, calendarID, []string{masterID}, nil)
	if err != nil {
		return nil, fmt.Errorf("read a series: %w", err)
	}
	u := units[masterID]
	master := u.master()
	switch {
	case len(u.now) == 0:
		return nil, calendar.Told(fault.NotFound, calendar.ErrNotFound, "there is no event %.200q", masterID)
	case master == nil:
		return nil, fault.New(fault.Invalid, "event %.200q is no series", masterID)
	}
	zones := p.zonesOf(ctx, calendarID)
	expander := series.NewExpander(from, to, zones)
	events := calendar.Gathering{Most: p.MostEvents}
	add := func(e calendar.Event) error {
		start, err := instant(e.Start, e.AllDay, zones)
		if err != nil {
			return fmt.Errorf("event %.200q: %w", e.ID, err)
		}
		if e.AllDay || e.Start.Floats() {
			start = start.Add(series.Margin)
		}
		if start.Before(from) {
			return nil
		}
		if e, err = series.InKnownZones(e, zones); err != nil {
			return err
		}
		return events.Add(e)
	}
	var replaced []time.Time
	for _, e := range u.now[1:] {
		replaced = append(replaced, e.OriginalStart)
		in, err := expander.Contains(e)
		if err == nil && in {
			err = add(e)
		}
		if err != nil {
			return nil, err
		}
	}
	if err := expander.Each(*master, replaced, add); err != nil {
		return nil, err
	}
	slices.SortStableFunc(events.Events, func(a, b calendar.Event) int { return a.OriginalStart.Compare(b.OriginalStart) })
	return events.Events, nil
}
