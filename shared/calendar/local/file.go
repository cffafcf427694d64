package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Import puts the events of a file into a calendar. An event whose UID is there already is updated, with all that belongs to its
// series, when it differs: importing a file twice changes nothing. When a file holds instances of a series without the series,
// they are put into the one that is there. What a file cannot know stays as it was: marks, and what the user answered.
//
// A time zone of the file that has the name of another one of the calendar gets another name.
//
// All of the file is checked before anything is written; errors of kind fault.Invalid name the UID. After another error, a second import
// of the file finishes the first. added and updated count events, exceptions and masters each for itself.
func (p *Provider) Import(ctx context.Context, account, calendarID string, f ics.File) (added, updated int, err error) {
	if _, err := p.open(ctx, account, calendarID); err != nil {
		return 0, 0, err
	}
	zones, err := p.adopt(ctx, calendarID, f.Zones)
	if err != nil {
		return 0, 0, err
	}
	im := importing{Provider: p, now: p.clock().UTC(), adopted: zones}
	groups, err := im.group(f.Events)
	if err != nil {
		return 0, 0, err
	}
	edits := make([]edit, len(groups))
	counts := make([]struct{ added, updated int }, len(groups))
	for i, g := range groups {
		edits[i] = edit{unit: g.id, apply: func(u *unit, _ series.Zones) (calendar.WriteResult, error) {
			counts[i].added, counts[i].updated = im.put(u, g)
			return calendar.WriteResult{ID: u.id}, nil
		}}
	}
	results, err := p.carryOut(ctx, account, calendarID, writes{edits: edits, zones: im.lookup, ready: func(results []calendar.WriteResult) error {
		for i, r := range results {
			if r.Err != nil {
				return fmt.Errorf("event %.200q: %w", groups[i].uid, r.Err)
			}
		}
		return p.keepZones(ctx, account, calendarID, zones)
	}})
	if err != nil {
		return 0, 0, fmt.Errorf("import: %w", err)
	}
	var failures []error
	for i, r := range results {
		if r.Err != nil {
			failures = append(failures, r.Err)
			continue
		}
		added += counts[i].added
		updated += counts[i].updated
	}
	if len(failures) > 0 {
		return added, updated, fmt.Errorf("import: %d of %d events were not written; import the file again: %w", len(failures), len(results), failures[0])
	}
	return added, updated, nil
}

// importing is one import under way.
type importing struct {
	*Provider
	now time.Time
	adopted
}

// group is what a file says about one UID.
type group struct {
	uid, id    string
	base       *calendar.Event  // the event or the series; nil when the file has instances only
	exceptions []calendar.Event // of the series, each original start once
	starts     map[string]bool  // ids of the exceptions
}

// group sorts the events by UID, and checks what does not depend on what the calendar holds already.
func (im *importing) group(events []calendar.Event) ([]*group, error) {
	var groups []*group
	byUID := map[string]*group{}
	for _, e := range events {
		if e.ICalUID == "" {
			return nil, fault.New(fault.Invalid, "event %.200q has no UID", e.ID)
		}
		g := byUID[e.ICalUID]
		if g == nil {
			g = &group{uid: e.ICalUID, id: idOfUID(e.ICalUID), starts: map[string]bool{}}
			byUID[e.ICalUID] = g
			groups = append(groups, g)
		}
		im.rezone(&e)
		e.ChangeKey, e.ETag, e.Mark, e.BodyDigest = "", "", "", ""
		if e.Type != calendar.Exception {
			if g.base != nil {
				return nil, fault.New(fault.Invalid, "two events have the UID %.200q", e.ICalUID)
			}
			e.ID, e.SeriesMasterID, e.OriginalStart = g.id, "", time.Time{}
			if e.Type != calendar.Master {
				e.Type, e.Recurrence = calendar.Single, nil
			}
			g.base = &e
			continue
		}
		e.ID, e.SeriesMasterID, e.Recurrence = series.InstanceID(g.id, e.OriginalStart), g.id, nil
		if g.starts[e.ID] {
			return nil, fault.New(fault.Invalid, "two events have the UID %.200q and the original start %s", e.ICalUID, e.OriginalStart.UTC().Format(time.RFC3339))
		}
		g.starts[e.ID] = true
		g.exceptions = append(g.exceptions, e)
	}
	return groups, im.check(groups)
}

// check expands every series over a year, so that none gets in that cannot be expanded: every later read would fail.
func (im *importing) check(groups []*group) error {
	year := series.NewExpander(im.now, im.now.AddDate(1, 0, 0), im.lookup)
	for _, g := range groups {
		if g.base == nil || g.base.Type != calendar.Master {
			continue
		}
		if _, _, err := span(g.base, im.lookup); err != nil {
			return fmt.Errorf("event %.200q: %w", g.uid, err)
		}
		if err := year.Check(*g.base, g.exceptions); err != nil {
			return fmt.Errorf("event %.200q: %w", g.uid, err)
		}
	}
	return nil
}

// rezone gives the event's times the names that its zones have in the calendar.
func (im *importing) rezone(e *calendar.Event) {
	if len(im.renamed) == 0 {
		return
	}
	name := func(zone *string) {
		if own, ok := im.renamed[*zone]; ok {
			*zone = own
		}
	}
	for _, zone := range []*string{&e.Start.Zone, &e.End.Zone, &e.StartZone, &e.EndZone} {
		name(zone)
	}
	if e.Recurrence != nil {
		r := calendar.Recurrence{Rules: e.Recurrence.Rules}
		r.Dates = append(r.Dates, e.Recurrence.Dates...)
		r.Without = append(r.Without, e.Recurrence.Without...)
		for i := range r.Dates {
			name(&r.Dates[i].Zone)
		}
		for i := range r.Without {
			name(&r.Without[i].Zone)
		}
		e.Recurrence = &r
	}
}

// put makes the unit what the group says.
func (im *importing) put(u *unit, g *group) (added, updated int) {
	before := map[string]calendar.Event{}
	for _, e := range u.was {
		before[e.ID] = e
	}
	var now []calendar.Event
	add := func(e calendar.Event) {
		old, there := before[e.ID]
		delete(before, e.ID)
		merged, changed := im.merge(old, e)
		switch {
		case !there:
			added++
		case changed:
			updated++
		}
		now = append(now, merged)
	}
	if g.base != nil {
		add(*g.base)
	} else {
		instead := map[string]bool{}
		for _, e := range g.exceptions {
			instead[e.ID] = true
		}
		for _, e := range u.was {
			if !instead[e.ID] {
				now = append(now, e)
				delete(before, e.ID)
			}
		}
	}
	for _, e := range g.exceptions {
		add(e)
	}
	updated += len(before) // those that are no more
	u.now = now
	return added, updated
}

// merge is what becomes of an event that was old, or not there, by the event of a file. changed says whether anything but the
// times of the last change differs; if not, it is old.
func (im *importing) merge(old, e calendar.Event) (merged calendar.Event, changed bool) {
	e.Mark = old.Mark
	if old.ID != "" {
		e.IsOrganizer = e.IsOrganizer || old.IsOrganizer
	}
	if e.Response == "" || e.Response == calendar.NoResponse {
		e.Response = old.Response
	}
	if e.Created.IsZero() {
		e.Created = old.Created
	}
	modified := e.LastModified
	e.LastModified, e.ChangeKey = old.LastModified, old.ChangeKey
	if old.ID != "" && equal(old, e) {
		return old, false
	}
	e.LastModified, e.ChangeKey = modified, im.ids()
	if e.LastModified.IsZero() {
		e.LastModified = im.now
	}
	if e.Created.IsZero() {
		e.Created = im.now
	}
	return e, true
}

// equal compares events as they are stored.
func equal(a, b calendar.Event) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errors.Join(errX, errY) == nil && bytes.Equal(x, y)
}

// Export returns everything that the calendar holds: events by themselves, series with their exceptions, and the zones that only
// the calendar explains.
func (p *Provider) Export(ctx context.Context, account, calendarID string) (ics.File, error) {
	c, err := p.open(ctx, account, calendarID)
	if err != nil {
		return ics.File{}, err
	}
	all := calendar.Gathering{Most: p.MostEvents}
	var zones []store.Item
	master := ""
	err = p.items(ctx, store.Query{PK: eventsPK(calendarID)}, func(item store.Item) error {
		if strings.HasPrefix(item.SK, prefixZone) {
			zones = append(zones, item)
			return nil
		}
		var e calendar.Event
		if err := decode(item, &e); err != nil {
			return err
		}
		switch {
		case e.Type == calendar.Master:
			master = e.ID
		case strings.HasPrefix(item.SK, prefixSeries) && e.SeriesMasterID != master: // what a large change left that was cut short
			return nil
		}
		return all.Add(e)
	})
	if errors.Is(err, calendar.ErrTooMuch) {
		return ics.File{}, fault.New(fault.Invalid, "the calendar has more than %d MB of events, more than can be exported at once here; back it up instead, "+
			"and download the iCalendar file of the backup", p.MostEvents>>20)
	}
	if err != nil {
		return ics.File{}, fmt.Errorf("export: %w", err)
	}
	f := ics.File{Name: c.Name, Events: all.Events}
	f.Zones, err = readZones(zones)
	return f, err
}
