package series

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Split carries out a change of an instance and all that follow it (RANGE=THISANDFUTURE; RFC 5545, section 3.2.13): head is the series up to that instance,
// tail one of its own that begins with the change, with the id and UID id. The later instances keep their distance from where the series had them. of says to
// which of the two an original start of the series belongs, and where it is in the tail. head is empty when nothing is left before the change. Errors are
// Invalid.
func Split(master, change calendar.Event, id string, zones Zones) (head, tail calendar.Event, of func(original time.Time) (time.Time, bool), err error) {
	fail := func(err error) (calendar.Event, calendar.Event, func(time.Time) (time.Time, bool), error) {
		return head, tail, nil, err
	}
	x := Expander{zones: zones}
	s, err := x.read(master)
	if err != nil {
		return fail(err)
	}
	wallAt := func(at time.Time) time.Time {
		if s.loc == nil {
			return at.UTC()
		}
		return wallOf(at.In(s.loc))
	}
	from := wallAt(change.OriginalStart)
	to, err := x.wall(s, change.Start)
	if err != nil {
		return fail(err)
	}
	delta := to.Sub(from)
	shifted := func(wall time.Time) calendar.DateTime { return s.date(calendar.DateTime{}, wall.Add(delta)) }

	head, tail = master, change
	head.Recurrence, tail.Recurrence = &calendar.Recurrence{}, &calendar.Recurrence{}
	tail.Type, tail.ID, tail.ICalUID, tail.SeriesMasterID, tail.OriginalStart, tail.RecurrenceID = calendar.Master, id, id, "", time.Time{}, calendar.DateTime{}
	for i, text := range master.Recurrence.Rules {
		r := s.rules[i]
		before := from.Add(-time.Second)
		if master.AllDay {
			before = from.AddDate(0, 0, -1)
		}
		count, n, last := r.Count, 0, r.last(s.loc, master.AllDay, s.day)
		if err := r.starts(s.start, last, s.start, from, &x.work, func(time.Time) bool { n++; return true }); err != nil {
			return fail(err)
		}
		if before.Before(last) {
			head.Recurrence.Rules = append(head.Recurrence.Rules, with(text, "COUNT", "", "UNTIL", s.until(rule{}, before)))
		} else {
			head.Recurrence.Rules = append(head.Recurrence.Rules, text)
		}
		if count > 0 && n >= count || last.Before(from) {
			continue // nothing is left of it
		}
		if count > 0 {
			text = with(text, "COUNT", strconv.Itoa(count-n))
		}
		if r.until != "" {
			text = with(text, "UNTIL", s.until(rule{}, last.Add(delta)))
		}
		moved, ok := r.move(text, from, to)
		if ok {
			tail.Recurrence.Rules = append(tail.Recurrence.Rules, moved)
			continue
		}
		end, listed := time.Date(maxListedYear, 1, 1, 0, 0, 0, 0, time.UTC), 0
		err := r.starts(s.start, last, from, end, &x.work, func(wall time.Time) bool {
			if wall.After(from) {
				tail.Recurrence.Dates = append(tail.Recurrence.Dates, shifted(wall))
			}
			listed++
			return listed <= maxListed
		})
		if err == nil && listed > maxListed {
			err = fault.New(fault.Invalid, "RANGE=THISANDFUTURE: no rule says when the later instances are, and they are more than %d", maxListed)
		}
		if err != nil {
			return fail(err)
		}
	}
	for _, list := range []struct {
		dates      []calendar.DateTime
		head, tail *[]calendar.DateTime
	}{{master.Recurrence.Dates, &head.Recurrence.Dates, &tail.Recurrence.Dates}, {master.Recurrence.Without, &head.Recurrence.Without, &tail.Recurrence.Without}} {
		for _, d := range list.dates {
			wall, err := x.wall(s, d)
			switch {
			case err != nil:
				return fail(err)
			case wall.Before(from):
				*list.head = append(*list.head, d)
			case wall.After(from):
				*list.tail = append(*list.tail, shifted(wall))
			}
		}
	}
	if !s.start.Before(from) {
		head = calendar.Event{}
	}
	after, err := x.read(tail)
	if err != nil {
		return fail(err)
	}
	return head, tail, func(original time.Time) (time.Time, bool) {
		wall := wallAt(original)
		if wall.Before(from) {
			return original, false
		}
		moved, err := x.wall(after, shifted(wall))
		return after.instant(moved), err == nil
	}, nil
}

const (
	// maxListed is how many instances of a series are written out one by one, and maxListedYear is until when, where it has no end.
	maxListed     = 5000
	maxListedYear = 2101
)

// with replaces parts of a rule, names and values in turn; an empty value leaves the part out.
func with(text string, parts ...string) string {
	var kept []string
	for part := range strings.SplitSeq(strings.ToUpper(text), ";") {
		name, _, _ := strings.Cut(part, "=")
		if at := slices.Index(parts, name); at < 0 || at%2 == 1 {
			kept = append(kept, part)
		}
	}
	for i := 0; i < len(parts); i += 2 {
		if parts[i+1] != "" {
			kept = append(kept, parts[i]+"="+parts[i+1])
		}
	}
	return strings.Join(kept, ";")
}

// move writes a rule for a series of which an instance, and all others with it, moves from one wall to another; false: no rule says it.
func (r rule) move(text string, from, to time.Time) (string, bool) {
	days := int(to.Truncate(24*time.Hour).Sub(from.Truncate(24*time.Hour)) / (24 * time.Hour))
	clock := from.Sub(from.Truncate(24*time.Hour)) != to.Sub(to.Truncate(24*time.Hour))
	switch {
	case days == 0 && !clock:
		return text, true
	case r.Freq >= rrule.HOURLY || len(r.Byhour)+len(r.Byminute)+len(r.Bysecond) > 0 || r.skip != omit:
		return "", false
	case days == 0:
		return text, true
	case len(r.Bymonth)+len(r.Bymonthday)+len(r.Byyearday)+len(r.Byweekno)+len(r.Bysetpos) > 0:
		return "", false
	case r.Freq == rrule.WEEKLY && len(r.Byweekday) > 1 && r.Interval > 1:
		return "", false
	case r.Freq == rrule.WEEKLY && len(r.Byweekday) > 0:
		names := [...]string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
		var moved []string
		for _, day := range r.Byweekday {
			moved = append(moved, names[((day.Day()+days)%7+7)%7])
		}
		return with(text, "BYDAY", strings.Join(moved, ",")), true
	case len(r.Byweekday) > 0:
		return "", false
	}
	if r.Freq <= rrule.MONTHLY { // the day of the month follows from the start
		return text, from.Month() == to.Month() && from.Day() <= 28 && to.Day() <= 28
	}
	return text, true
}
