package ics

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-ical"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// zoneKey is a TZID as one VCALENDAR of a file uses it: another one may mean another zone by the same name.
type zoneKey struct {
	in   int
	tzid string
}

// text is how a time names the zone until it is known what that is called in events.
func (k zoneKey) text() string { return "\x00" + strconv.Itoa(k.in) + "\x00" + k.tzid }

func keyOf(text string) (zoneKey, bool) {
	rest, ok := strings.CutPrefix(text, "\x00")
	number, tzid, _ := strings.Cut(rest, "\x00")
	in, _ := strconv.Atoi(number)
	return zoneKey{in, tzid}, ok
}

// zoneText is the TZID of the event's start.
func (e *entry) zoneText() string {
	key, ok := keyOf(e.Start.Zone)
	if !ok {
		return ""
	}
	return key.tzid
}

// definition is a VTIMEZONE. Where a VCALENDAR has several of one name, each knows the one before it.
type definition struct {
	calendar.Zone
	line   int
	bad    error
	before *definition
}

// use is what events need of a zone.
type use struct {
	line        int       // where it is used first
	first, last time.Time // walls
	endless     bool

	name  string // what it is called in events
	err   error  // nobody knows what it is
	issue string
}

// follow notes until when a rule uses the zone.
func (u *use) follow(rule string) {
	_, rest, bounded := strings.Cut(strings.ToUpper(rule), "UNTIL=")
	until, _, _ := strings.Cut(rest, ";")
	if until, _, _, err := parseTime(until, false); bounded && err == nil {
		u.last = maxTime(u.last, until)
		return
	}
	u.endless = true
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// use notes that a time is written in a zone.
func (r *reader) use(key zoneKey, wall time.Time, line int) {
	u := r.uses[key]
	if u == nil {
		u = &use{line: line, first: wall, last: wall}
		r.uses[key] = u
	}
	if wall.Before(u.first) {
		u.first = wall
	}
	u.last = maxTime(u.last, wall)
}

// maxKnown is how many definitions of zones are looked at whose names calendar.LoadZone knows.
const maxKnown = 2000

// zone keeps a definition. Its errors are of the file as a whole.
func (r *reader) zone(p part) error {
	d := &definition{line: p.number(nil), bad: p.bad}
	var name string
	if p.bad == nil {
		id := p.Props.Get(ical.PropTimezoneID)
		if id == nil {
			return nil // nothing can use it
		}
		name = unescape(strings.TrimSpace(id.Value))
		d.Zone = calendar.Zone{ID: name, Definition: p.text()}
	} else {
		for _, l := range p.lines {
			if property, value, _ := cutName(l.text); property == ical.PropTimezoneID {
				name = unescape(strings.TrimSpace(value))
			}
		}
		d.ID = name
	}
	key := zoneKey{p.calendar, name}
	for other := r.zones[key]; other != nil; other = other.before {
		if other.Definition == d.Definition {
			return nil
		}
	}
	if _, known := known(name); known {
		if len(r.order)-r.unknown >= maxKnown {
			return nil
		}
	} else if r.unknown++; r.unknown > MaxZones {
		return invalid(d.line, "the file defines more than %d time zones of its own", MaxZones)
	}
	d.before = r.zones[key]
	r.zones[key] = d
	r.order = append(r.order, d)
	return nil
}

// known returns the name by which calendar.LoadZone knows a TZID.
func known(tzid string) (name string, ok bool) {
	name = tzid
	for {
		if _, err := calendar.LoadZone(name); err == nil {
			return name, true
		}
		if !strings.HasPrefix(tzid, "/") { // only such a TZID is made of a prefix and a name (RFC 5545, section 3.2.19)
			return "", false
		}
		if _, name, ok = strings.Cut(name, "/"); !ok {
			return "", false
		}
	}
}

// resolve finds out what each zone that is used is called in events, and returns those that only the file explains, by name.
func (r *reader) resolve() []calendar.Zone {
	own := map[string]calendar.Zone{}
	add := func(u *use, name string, d calendar.Zone) {
		for n := 1; ; n++ {
			u.name = name
			if n > 1 {
				u.name = fmt.Sprintf("%s (%d)", name, n)
			}
			z := calendar.Zone{ID: u.name, Definition: renamed(d, u.name)}
			if other, taken := own[u.name]; taken && other.Definition != z.Definition {
				continue
			}
			own[u.name] = z
			return
		}
	}
	keys := slices.SortedFunc(maps.Keys(r.uses), func(a, b zoneKey) int { return cmp.Or(cmp.Compare(a.in, b.in), strings.Compare(a.tzid, b.tzid)) })
	for _, key := range keys {
		u := r.uses[key]
		name, isKnown := known(key.tzid)
		d := r.zones[key]
		if d == nil && !isKnown { // another VCALENDAR of the file may have it
			for _, other := range r.order {
				if other.ID == key.tzid && other.bad == nil {
					d = other
					break
				}
			}
		}
		var loc *time.Location
		var err error
		if d != nil {
			loc, err = d.location(u)
		}
		switch {
		case isKnown && (d == nil || err != nil || strings.HasPrefix(key.tzid, "/")):
			u.name = name
		case isKnown:
			other, _ := calendar.LoadZone(name)
			if at, same := u.sameClocks(loc, other); same {
				u.name = name
			} else {
				add(u, key.tzid+" (file)", d.Zone)
				u.issue = fmt.Sprintf("the time zone %.80q is another one in the file, on %s for example; times are read as the file defines it", key.tzid,
					at.Format(time.DateOnly))
			}
		case d != nil && err != nil:
			u.err = err
		case d != nil:
			add(u, key.tzid, d.Zone)
		default:
			if z, ok := offsetZone(key.tzid); ok {
				add(u, z.ID, z)
			} else {
				u.err = fault.New(fault.Invalid, "the time zone %.100q is unknown, and the file has no VTIMEZONE for it", key.tzid)
			}
		}
	}
	zones := slices.Collect(maps.Values(own))
	slices.SortFunc(zones, func(a, b calendar.Zone) int { return strings.Compare(a.ID, b.ID) })
	return slices.Clip(zones)
}

// location understands a definition. One that the file has twice, with other clocks for the time in which the zone is used, is an error.
func (d *definition) location(u *use) (*time.Location, error) {
	if d.bad != nil {
		return nil, fault.Wrap(fault.Invalid, fmt.Errorf("the VTIMEZONE of %.100q: %w", d.ID, d.bad))
	}
	loc, err := Location(d.Zone)
	if err != nil {
		return nil, invalid(d.line, "%w", err)
	}
	for other := d.before; other != nil; other = other.before {
		if other.bad != nil {
			continue
		}
		twin, err := Location(other.Zone)
		if err != nil {
			continue
		}
		if _, same := u.sameClocks(loc, twin); !same {
			return nil, invalid(d.line, "the time zone %.100q is defined otherwise in line %d", d.ID, other.line)
		}
	}
	return loc, nil
}

// ahead is for how many years the clocks of a zone are compared that a series without end uses.
const ahead = 5

// sameClocks compares the clocks of two zones for the time in which events use them; if they differ, at is a time at which they do.
func (u *use) sameClocks(a, b *time.Location) (at time.Time, same bool) {
	last := u.last.AddDate(0, 0, 1)
	if u.endless {
		last = u.last.AddDate(ahead, 0, 0)
	}
	for at = u.first.AddDate(0, 0, -1); at.Before(last); {
		_, one := at.In(a).Zone()
		_, other := at.In(b).Zone()
		if one != other {
			return at, false
		}
		next := last
		for _, loc := range []*time.Location{a, b} {
			_, end := at.In(loc).ZoneBounds()
			if !end.IsZero() && !end.After(at) { // by a defect of the library, on the last day of a leap year
				end = at.AddDate(0, 0, 1)
			}
			if !end.IsZero() && end.Before(next) {
				next = end
			}
		}
		at = next.UTC()
	}
	return at, true
}

// renamed is a definition under another name.
func renamed(z calendar.Zone, id string) string {
	if z.ID == id {
		return z.Definition
	}
	lines := strings.Split(z.Definition, "\r\n")
	for i, line := range lines {
		if name, _, _ := cutName(line); name == ical.PropTimezoneID {
			lines[i] = "TZID:" + escape(id)
		}
	}
	return strings.Join(lines, "\r\n")
}

// offsetZone understands names such as GMT+05:00, UTC-3 and +0100: clocks that many hours ahead of UTC, or behind it.
func offsetZone(tzid string) (calendar.Zone, bool) {
	text := strings.ToUpper(strings.TrimSpace(tzid))
	text = strings.TrimPrefix(strings.TrimPrefix(text, "GMT"), "UTC")
	if len(text) < 2 || text[0] != '+' && text[0] != '-' {
		return calendar.Zone{}, false
	}
	hours, minutes, colon := strings.Cut(text[1:], ":")
	if !colon && len(hours) == 4 {
		hours, minutes = hours[:2], hours[2:]
	} else if !colon {
		minutes = "00"
	}
	h, errH := strconv.ParseUint(hours, 10, 8)
	m, errM := strconv.ParseUint(minutes, 10, 8)
	if errH != nil || errM != nil || len(hours) > 2 || len(minutes) != 2 || h > 14 || m > 59 {
		return calendar.Zone{}, false
	}
	written := fmt.Sprintf("%c%02d%02d", text[0], h, m)
	if written == "-0000" {
		written = "+0000"
	}
	id := "UTC" + written
	return calendar.Zone{ID: id, Definition: strings.Join([]string{"BEGIN:VTIMEZONE", "TZID:" + id, "BEGIN:STANDARD", "DTSTART:16010101T000000",
		"TZOFFSETFROM:" + written, "TZOFFSETTO:" + written, "END:STANDARD", "END:VTIMEZONE", ""}, "\r\n")}, true
}

// rezone gives the event's times the names of their zones. An error says that nobody knows one of them.
func (r *reader) rezone(e *entry) error {
	var failed error
	name := func(zone *string) {
		key, ok := keyOf(*zone)
		if !ok {
			return
		}
		u := r.uses[key]
		if *zone = u.name; u.err != nil && failed == nil {
			failed = wrongTime{u.err}
		}
		if u.issue != "" && !slices.Contains(e.Issues, u.issue) {
			e.Issues = append(e.Issues, u.issue)
		}
	}
	times := []*calendar.DateTime{&e.Start, &e.End}
	if e.instead != nil {
		times = append(times, &e.instead.DateTime)
	}
	for i := range e.periods {
		times = append(times, &e.periods[i].start.DateTime)
		if e.periods[i].end != nil {
			times = append(times, &e.periods[i].end.DateTime)
		}
	}
	if e.Recurrence != nil {
		for _, list := range [][]calendar.DateTime{e.Recurrence.Dates, e.Recurrence.Without} {
			for i := range list {
				times = append(times, &list[i])
			}
		}
	}
	for _, d := range times {
		name(&d.Zone)
	}
	for i := range e.moments {
		name(&e.moments[i].at.Zone)
	}
	e.StartZone, e.EndZone = e.Start.Zone, e.End.Zone
	if e.AllDay && e.made.tzid != "" {
		if u := r.uses[e.made]; u != nil && u.name != "" {
			e.StartZone = u.name
		} else if known, ok := known(e.made.tzid); ok {
			e.StartZone = known
		}
		e.EndZone = e.StartZone
	}
	if e.days = e.StartZone; e.AllDay && e.days == "" {
		e.days, _ = known(r.of(e.in).zone)
	}
	return failed
}
