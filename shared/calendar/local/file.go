package local

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Import puts the events of a file into a calendar, and says what became of each. What is there already is changed where the file has it otherwise, and not
// an older revision of it: importing a file twice changes nothing. When a file holds instances of a series without the series, they are put into the one
// that is there. What a file cannot know stays as it was: marks, and what the user answered.
//
// A time zone of the file that has the name of another one of the calendar gets another name.
//
// All of the file is checked before anything is written. What cannot be kept is set aside with what the file itself set aside, and is an error of kind
// fault.Invalid if the import is strict. All of it is imported or, after an error, nothing.
func (p *Provider) Import(ctx context.Context, account, calendarID string, f ics.File, how importing.Options) (importing.Report, error) {
	return p.ImportWith(ctx, account, calendarID, f, how, func(ctx context.Context, _ importing.Report, _ []importing.Unit, ops []store.Op) error {
		return p.table.Transact(ctx, ops)
	})
}

// ImportWith is Import for somebody who has to do something at the same time: commit does what it is given, in one transaction with at most eight
// operations of its own, when the report is complete. units are what is changed. It is called again after it returned store.ErrConflict. A dry run commits
// nothing.
func (p *Provider) ImportWith(ctx context.Context, account, calendarID string, f ics.File, how importing.Options,
	commit func(ctx context.Context, report importing.Report, units []importing.Unit, ops []store.Op) error) (report importing.Report, err error) {
	report = importing.Report{Items: []importing.Imported{}, Aside: []calendar.Aside{}, DryRun: how.DryRun}
	report.PutAside(f.Aside...)
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return report, err
	}
	zones, err := p.adopt(ctx, calendarID, f.Zones)
	if err != nil {
		return report, err
	}
	im := fileImport{Provider: p, adopted: zones}
	im.Merger = importing.Merger{Zones: zones.lookup, Now: p.clock().UTC(), NewID: p.ids, Mirror: how.Mirror}
	groups := im.groups(f.Events)
	report.PutAside(im.aside...)
	inFile := len(groups)
	if how.Mirror {
		if groups, err = p.withOthers(ctx, calendarID, groups); err != nil {
			return report, err
		}
	}
	edits := make([]edit, len(groups))
	items, changed := make([][]importing.Imported, len(groups)), make([]importing.Unit, len(groups))
	for i, g := range groups {
		edits[i] = edit{unit: g.ID, apply: func(u *unit, _ series.Zones) (calendar.WriteResult, error) {
			if i >= inFile {
				items[i], changed[i] = nil, importing.Unit{}
				if u.now = u.was; !slices.ContainsFunc(u.was, func(e calendar.Event) bool { return e.Mark != "" }) {
					u.now, items[i], changed[i] = nil, importing.Gone(u.was), importing.Unit{ID: u.id, Was: u.was}
				}
				return calendar.WriteResult{ID: u.id}, nil
			}
			now, became, err := im.Merge(u.was, g)
			if err != nil {
				return calendar.WriteResult{}, err
			}
			u.now, items[i], changed[i] = now, became, importing.Unit{ID: u.id, Was: u.was, Is: now}
			return calendar.WriteResult{ID: u.id}, nil
		}}
	}
	before := report
	_, err = p.carryOut(ctx, account, calendarID, writes{edits: edits, zones: im.lookup, ready: func(results []calendar.WriteResult) error {
		report = before
		report.Items, report.Aside = slices.Clone(before.Items), slices.Clone(before.Aside)
		for i, r := range results {
			switch {
			case r.Err == nil:
				report.Add(items[i]...)
			case fault.Of(r.Err) == fault.Invalid:
				a := refused(groups[i], r.Err)
				for range groups[i].Size() { // with a series its instances
					report.PutAside(a)
				}
			default:
				return fmt.Errorf("event %.200q: %w", groups[i].UID, r.Err)
			}
		}
		switch {
		case how.Mirror && len(report.Aside) > 0:
			return fault.New(fault.Invalid, "nothing was imported: %d of the file's events cannot be read, so that it is not known what the file lacks; the first is %s",
				len(report.Aside), report.Aside[0])
		case how.Strict && len(report.Aside) > 0:
			return fault.New(fault.Invalid, "nothing was imported: %d of the file's events cannot be, first of them %s", len(report.Aside), report.Aside[0])
		case how.DryRun:
			return errDryRun
		}
		return p.keepZones(ctx, account, calendarID, zones)
	}, commit: func(ctx context.Context, ops []store.Op) error {
		var units []importing.Unit
		for i := range changed {
			if slices.ContainsFunc(items[i], func(it importing.Imported) bool {
				return it.Outcome == importing.Added || it.Outcome == importing.Changed || it.Outcome == importing.Removed
			}) {
				units = append(units, changed[i])
			}
		}
		return commit(ctx, report, units, ops)
	}})
	if err != nil && !errors.Is(err, errDryRun) {
		return report, fmt.Errorf("import: %w", err)
	}
	return report, nil
}

// withOthers adds to the groups of a file an empty one for each unit that the calendar has and the file has not.
func (p *Provider) withOthers(ctx context.Context, calendarID string, groups []*importing.Group) ([]*importing.Group, error) {
	named := make(map[string]bool, len(groups))
	for _, g := range groups {
		named[g.ID] = true
	}
	err := p.items(ctx, store.Query{PK: keysPK(calendarID), Prefix: prefixID}, func(item store.Item) error {
		if id := strings.TrimPrefix(item.SK, prefixID); !named[id] {
			groups = append(groups, &importing.Group{ID: id})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the calendar: %w", err)
	}
	return groups, nil
}

// Units returns what a calendar has under the ids of units: an event, or a series, its master first, with its changed instances. What is not there is left
// out. Errors: calendar.ErrNotFound.
func (p *Provider) Units(ctx context.Context, account, calendarID string, ids []string) (map[string][]calendar.Event, error) {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return nil, err
	}
	units, _, err := p.loadUnits(ctx, calendarID, ids, nil)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	all := map[string][]calendar.Event{}
	for id, u := range units {
		if len(u.was) > 0 {
			all[id] = u.was
		}
	}
	return all, nil
}

// RewriteWith makes of units what change returns: it gets what a unit has, and says what it is to have, byte for byte; none: it is to go. commit does what it
// is given, in one transaction with at most eight operations of its own. Both are called again after commit returned store.ErrConflict. All of it is
// written or, after an error, nothing. Errors: calendar.ErrNotFound; one of kind fault.Conflict if an event would get a mark that another one has.
func (p *Provider) RewriteWith(ctx context.Context, account, calendarID string, ids []string,
	change func(id string, was []calendar.Event) []calendar.Event, commit func(ctx context.Context, ops []store.Op) error) error {
	if _, err := p.whole(ctx, account, calendarID); err != nil {
		return err
	}
	edits := make([]edit, len(ids))
	for i, id := range ids {
		edits[i] = edit{unit: id, apply: func(u *unit, _ series.Zones) (calendar.WriteResult, error) {
			u.now = change(u.id, slices.Clone(u.was))
			return calendar.WriteResult{ID: u.id}, nil
		}}
	}
	_, err := p.carryOut(ctx, account, calendarID, writes{edits: edits, zones: p.zonesOf(ctx, calendarID), ready: func(results []calendar.WriteResult) error {
		for i, r := range results {
			if r.Err != nil {
				return fmt.Errorf("event %.200q: %w", ids[i], r.Err)
			}
		}
		return nil
	}, commit: commit})
	if err != nil {
		return fmt.Errorf("rewrite events: %w", err)
	}
	return nil
}

// errDryRun ends an import before it writes.
var errDryRun = errors.New("dry run")

// refused says why nothing of a group could be kept.
func refused(g *importing.Group, err error) calendar.Aside {
	a := calendar.Aside{UID: g.UID, Reason: calendar.Unreadable, Detail: err.Error()}
	if g.Base != nil {
		a.Subject = g.Base.Subject
	} else if len(g.Exceptions) > 0 {
		a.Subject = g.Exceptions[0].Subject
	}
	return a
}

// fileImport is one import under way.
type fileImport struct {
	*Provider
	importing.Merger
	adopted
	aside []calendar.Aside
}

// groups sorts the events by UID, and sets aside what could not be kept whatever the calendar holds.
func (im *fileImport) groups(events []calendar.Event) []*importing.Group {
	put := func(e *calendar.Event, reason, detail string) {
		im.aside = append(im.aside, calendar.Aside{UID: e.ICalUID, Subject: e.Subject, Reason: reason, Detail: detail})
	}
	groups := importing.Groups(events, idOfUID, func(e *calendar.Event, detail string) { put(e, calendar.Unreadable, detail) })
	year := series.NewExpander(im.Now, im.Now.AddDate(1, 0, 0), im.lookup)
	kept := groups[:0]
	for _, g := range groups {
		exceptions := g.Exceptions[:0]
		for _, e := range g.Exceptions {
			im.rezone(&e)
			if _, _, err := span(&e, im.lookup); err != nil {
				put(&e, calendar.InvalidTime, err.Error())
				continue
			}
			exceptions = append(exceptions, e)
		}
		g.Exceptions = exceptions
		if g.Base != nil {
			im.rezone(g.Base)
			if reason, err := im.check(year, g); err != nil {
				put(g.Base, reason, err.Error())
				g.Base = nil
			}
		}
		if g.Size() > 0 {
			kept = append(kept, g)
		}
	}
	return kept
}

// check expands a series over a year, so that none gets in that cannot be expanded: every later read would fail.
func (im *fileImport) check(year *series.Expander, g *importing.Group) (reason string, err error) {
	if _, _, err := span(g.Base, im.lookup); err != nil {
		return calendar.InvalidTime, err
	}
	if g.Base.Type == calendar.Master {
		if err := year.Check(*g.Base, g.Exceptions); err != nil {
			return calendar.Unreadable, err
		}
	}
	return "", nil
}

// rezone gives the event's times the names that its zones have in the calendar.
func (im *fileImport) rezone(e *calendar.Event) {
	if len(im.renamed) == 0 {
		return
	}
	name := func(zone *string) {
		if own, ok := im.renamed[*zone]; ok {
			*zone = own
		}
	}
	for _, zone := range []*string{&e.Start.Zone, &e.End.Zone, &e.StartZone, &e.EndZone, &e.RecurrenceID.Zone} {
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

// Export returns everything that the calendar holds: events by themselves, series with their exceptions, and the zones that only
// the calendar explains.
func (p *Provider) Export(ctx context.Context, account, calendarID string) (ics.File, error) {
	c, err := p.whole(ctx, account, calendarID)
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
