// Package ics reads and writes iCalendar files (RFC 5545).
//
// Read accepts what Outlook, Google, Apple and others write, is strict where a guess would lose or invent time, and holds to limits, so that a hostile
// file gets its error within bounded time and memory. Write keeps to the letter of the RFC; what it writes, Read reads as it was.
//
// The grammar of content lines is the library's (emersion/go-ical); what lines mean is decided here. The library reads a component at a
// time: scan hands it each one, by itself, as soon as its END has come.
package ics

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// What a file may hold at most.
const (
	MaxBytes     = 128 << 20 // of the whole stream
	MaxLine      = 1 << 20   // bytes of a content line, unfolded; of an attachment, which is not kept, of each physical line
	MaxParams    = 1 << 10   // bytes of a line's name and parameters, where the parameters matter
	MaxComponent = 4 << 20   // bytes of one event or time zone, unfolded; attachments and alarms do not count
	MaxLines     = 50_000    // content lines of one event or time zone
	MaxDepth     = 8         // components in components
	MaxEvents    = 200_000
	MaxZones     = 200       // time zones that only the file explains
	MaxValues    = 2_000_000 // categories, attendees, further and excluded dates, in all events together
)

// File is what an iCalendar file holds: events, and the zones that only the file itself explains.
type File struct {
	Name   string          // of the calendar (X-WR-CALNAME, NAME); may be empty
	Zones  []calendar.Zone // those that events use and calendar.LoadZone does not know, by ID
	Events []calendar.Event
	Aside  []calendar.Aside // what could not be read, by line
}

// Lookup finds a zone by the name that an event gives it: one that calendar.LoadZone knows, else one of these. Its errors are Invalid.
func Lookup(zones []calendar.Zone) series.Zones {
	locations := make(map[string]func() (*time.Location, error), len(zones))
	for _, z := range zones {
		locations[z.ID] = sync.OnceValues(func() (*time.Location, error) { return Location(z) })
	}
	return func(name string) (*time.Location, error) {
		loc, err := calendar.LoadZone(name)
		if own := locations[name]; err != nil && own != nil {
			return own()
		}
		return loc, err
	}
}

// Expand returns everything in the file that starts in [from, to) or overlaps it: single events, and the instances of series as
// series.Expander finds them, in the order of the file. Errors are Invalid.
func Expand(f File, from, to time.Time) ([]calendar.Event, error) {
	var failed error
	events := expand(f, series.NewExpander(from, to, Lookup(f.Zones)), func(_ *calendar.Event, err error) bool {
		failed = err
		return false
	})
	if failed != nil {
		return nil, failed
	}
	return events, nil
}

// ExpandIn is Expand for the days of a window: all-day events count by their dates, floating times are read in the window's zone. What cannot be expanded
// is set aside, with what the file itself set aside, and does not stop the others.
func ExpandIn(f File, w calendar.Window) ([]calendar.Event, []calendar.Aside) {
	aside := slices.Clone(f.Aside)
	events := expand(f, series.NewExpander(w.Start(), w.End(), Lookup(f.Zones)).In(w.Zone), func(e *calendar.Event, err error) bool {
		aside = append(aside, calendar.Aside{UID: e.ICalUID, Subject: e.Subject, Reason: calendar.Unreadable, Detail: err.Error()})
		return true
	})
	return events, aside
}

// expand does both; failed is told what cannot be expanded, and says whether to go on.
func expand(f File, expander *series.Expander, failed func(*calendar.Event, error) bool) []calendar.Event {
	zones := Lookup(f.Zones)
	exceptions := map[string][]calendar.Event{}
	masters := map[string]bool{}
	for _, e := range f.Events {
		if e.Type == calendar.Master {
			masters[e.ID] = true
		}
	}
	for _, e := range f.Events {
		if e.Type == calendar.Exception && masters[e.SeriesMasterID] {
			exceptions[e.SeriesMasterID] = append(exceptions[e.SeriesMasterID], e)
		}
	}
	var events []calendar.Event
	for i := range f.Events {
		e := &f.Events[i]
		var instances []calendar.Event
		var err error
		switch {
		case e.Type == calendar.Master:
			instances, err = expander.Expand(*e, exceptions[e.ID])
		case instance(e) && masters[e.SeriesMasterID]: // came with its master
		default:
			var in bool
			if in, err = expander.Contains(*e); in {
				instances = []calendar.Event{*e}
			}
			if err != nil {
				err = fmt.Errorf("event %.200q: %w", e.ID, err)
			}
		}
		for j := range instances {
			if err == nil {
				instances[j], err = series.InKnownZones(instances[j], zones)
			}
		}
		if err != nil {
			if !failed(e, err) {
				return nil
			}
			continue
		}
		events = append(events, instances...)
	}
	return slices.Clip(events)
}

// lineError is what is wrong with a line of a file, counted from 1.
type lineError struct {
	line int
	err  error
}

func (e lineError) Error() string { return fmt.Sprintf("line %d: %v", e.line, e.err) }

func (e lineError) Unwrap() error { return e.err }

// invalid makes the error for a line of a file, counted from 1.
func invalid(line int, format string, args ...any) error {
	return lineError{line, fault.New(fault.Invalid, format, args...)}
}
