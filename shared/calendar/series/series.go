// Package series turns a recurring event into the events of a window, by the rules of RFC 5545.
//
// A series repeats on the clocks of its zone: a meeting at 09:00 in Berlin stays at 09:00 in Berlin. So rules are expanded in wall-clock
// time, and each time that comes out is read in the zone by calendar.InstantOf: one that a change of the clocks skips moves to the offset
// that held before, of one that occurs twice it is the first.
package series

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

const (
	// MaxInstances is how many instances an Expander returns in all.
	MaxInstances = 250_000
	// MaxWork is how many days an Expander walks through in all, where it cannot jump: over the past of a series that counts its instances,
	// and in search of dates that a rule never reaches. It is reached in some three seconds.
	MaxWork = 30_000_000
	// Margin is how far from UTC a floating time or a date may be meant: zones reach from 12 hours behind to 14 hours ahead.
	Margin = 14 * time.Hour
)

// Zones finds a time zone by the name that an event gives it. Its errors should be Invalid.
type Zones func(name string) (*time.Location, error)

// Expander finds what happens in one window. What it does over its lifetime is bounded by MaxInstances and MaxWork.
type Expander struct {
	from, to     time.Time
	since, until time.Time // see Narrow; zero: not narrowed
	zones        Zones
	floating     *time.Location // where days and floating times are read; nil: anywhere
	instances    int            // returned so far
	work         work
}

// NewExpander makes an Expander for the window [from, to).
func NewExpander(from, to time.Time, zones Zones) *Expander {
	return &Expander{from: from, to: to, zones: zones}
}

// In reads days and floating times in zone, so that the window has no Margin.
func (x *Expander) In(zone *time.Location) *Expander {
	x.floating = zone
	return x
}

// Expand returns what NewExpander(from, to, zones).Expand does, for one series.
func Expand(master calendar.Event, exceptions []calendar.Event, from, to time.Time, zones Zones) ([]calendar.Event, error) {
	return NewExpander(from, to, zones).Expand(master, exceptions)
}

// Expand returns every instance of a series that starts in the window or overlaps it, by original start.
//
// The series is the master's start, its rules and its further dates, without the dates that do not happen. It is expanded in the zone in
// which the event was made: StartZone where that is given, else the zone of Start. Each occurrence copies the master, says its original start, has the
// id "<master's id>@<original start in UTC, as 20261005T070000Z>", and has its times in the master's zones; a wall time that would be read as another
// instant, because it occurs twice, carries its offset. A timed instance lasts as long as the master does, to the second; an all-day one has as
// many days (RFC 5545, section 3.8.5.3, for events that have a DTEND).
//
// An exception replaces the occurrence of its OriginalStart (by the day in an all-day series) and is returned as it is when it itself lies
// in the window, wherever the series had it; one that belongs to no occurrence is an instance by itself.
//
// An exception of an instance that does not happen is none (RFC 5545, section 3.8.5.1).
//
// An excluded date without a time of day ("2026-10-05") leaves out all that starts on that day of the series' zone.
//
// All-day and floating events mean a time in no zone. Their OriginalStart and id read it in UTC, and they count as in the window when they
// would be so anywhere, that is within Margin of it; after In, when they are so in that zone.
//
// Errors are Invalid: times, zones or rules that cannot be understood, and more instances or work than MaxInstances and MaxWork.
func (x *Expander) Expand(master calendar.Event, exceptions []calendar.Event) ([]calendar.Event, error) {
	events, err := x.expand(master, exceptions)
	if err != nil {
		return nil, fmt.Errorf("expand series %.200q: %w", master.ID, err)
	}
	return events, nil
}

func (x *Expander) expand(master calendar.Event, exceptions []calendar.Event) ([]calendar.Event, error) {
	s, err := x.read(master)
	if err != nil {
		return nil, err
	}
	var events []calendar.Event
	err = x.walk(s, originals(exceptions), func(start time.Time) error {
		if err := x.count(); err != nil {
			return err
		}
		events = append(events, s.occurrence(start))
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, e := range exceptions {
		if s.excludes(e.OriginalStart) {
			continue
		}
		in, err := x.Contains(e)
		if err != nil {
			return nil, fmt.Errorf("exception %.200q: %w", e.ID, err)
		}
		if in {
			if err := x.count(); err != nil {
				return nil, err
			}
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(a, b calendar.Event) int { return a.OriginalStart.Compare(b.OriginalStart) })
	return events, nil
}

// Each hands the occurrences that Expand would return to yield, one at a time and in no particular order, so that nobody has to hold them all.
// replaced are the original starts of those that an exception takes the place of; the exceptions themselves are for the caller. An error of
// yield stops it and is returned as it is. Other errors are Invalid: MaxWork applies, MaxInstances does not.
func (x *Expander) Each(master calendar.Event, replaced []time.Time, yield func(calendar.Event) error) error {
	s, err := x.read(master)
	if err != nil {
		return fmt.Errorf("expand series %.200q: %w", master.ID, err)
	}
	var stopped error
	err = x.walk(s, replaced, func(start time.Time) error {
		stopped = yield(s.occurrence(start))
		return stopped
	})
	if err != nil && stopped == nil {
		return fmt.Errorf("expand series %.200q: %w", master.ID, err)
	}
	return err
}

// Check says whether Expand would return the instances of a series, and holds none of them. Errors are Invalid.
func (x *Expander) Check(master calendar.Event, exceptions []calendar.Event) error {
	s, err := x.read(master)
	if err == nil {
		err = x.walk(s, originals(exceptions), func(time.Time) error { return x.count() })
	}
	if err != nil {
		return fmt.Errorf("expand series %.200q: %w", master.ID, err)
	}
	for _, e := range exceptions {
		if _, err := x.Contains(e); err != nil {
			return fmt.Errorf("expand series %.200q: exception %.200q: %w", master.ID, e.ID, err)
		}
	}
	return nil
}

// Narrow leaves out what starts before since or after until; a zero time leaves nothing out. It may be called while Each walks: what was walked
// through is not looked for again. All-day and floating starts are kept when they are within Margin of the two.
func (x *Expander) Narrow(since, until time.Time) { x.since, x.until = since, until }

// aside says whether a start is one that Narrow leaves out.
func (x *Expander) aside(start time.Time, floating bool) bool {
	margin := time.Duration(0)
	if floating {
		margin = Margin
	}
	return !x.since.IsZero() && start.Before(x.since.Add(-margin)) || !x.until.IsZero() && start.After(x.until.Add(margin))
}

// originals are the original starts of exceptions.
func originals(exceptions []calendar.Event) []time.Time {
	starts := make([]time.Time, len(exceptions))
	for i := range exceptions {
		starts[i] = exceptions[i].OriginalStart
	}
	return starts
}

// errBeyond means that a start lies so far behind until that all later ones of its rule do, too.
var errBeyond = errors.New("beyond")

// walk hands yield the start of every occurrence in the window that no exception replaces and that Narrow does not leave out.
func (x *Expander) walk(s series, exceptions []time.Time, yield func(time.Time) error) error {
	replaced := make(map[int64]bool, len(exceptions))
	for _, at := range exceptions {
		replaced[s.slot(at)] = true
	}
	from, to := x.from.Add(-s.length-2*Margin), x.to.Add(2*Margin)
	if since := x.since.Add(-2 * Margin); !x.since.IsZero() && since.After(from) {
		from = since
	}
	return s.each(from, to, &x.work, func(start time.Time) error {
		if !x.until.IsZero() && start.After(x.until.Add(2*dayAndMore)) {
			return errBeyond
		}
		floating := s.loc == nil
		if replaced[s.slot(start)] || x.aside(start, floating) || !x.overlaps(start, start.Add(s.length), floating) {
			return nil
		}
		return yield(start)
	})
}

// Contains says whether an event starts in the window or overlaps it, and is not left out by Narrow; Margin applies to all-day and floating ones.
// Errors are Invalid.
func (x *Expander) Contains(e calendar.Event) (bool, error) {
	start, floating, err := x.instant(e.Start, e.AllDay)
	if err != nil {
		return false, fmt.Errorf("start: %w", err)
	}
	end, _, err := x.instant(e.End, e.AllDay)
	if err != nil {
		return false, fmt.Errorf("end: %w", err)
	}
	return x.overlaps(start, end, floating) && !x.aside(start, floating), nil
}

func (x *Expander) overlaps(start, end time.Time, floating bool) bool {
	from, to := x.from, x.to
	switch {
	case floating && x.floating != nil:
		start, end = x.there(start), x.there(end)
	case floating:
		from, to = from.Add(-Margin), to.Add(Margin)
	}
	return start.Before(to) && (end.After(from) || !start.Before(from))
}

// there is when the clocks of the zone for floating times show a wall; a midnight is the beginning of its day.
func (x *Expander) there(wall time.Time) time.Time {
	if wall = wall.UTC(); wall.Equal(wall.Truncate(24 * time.Hour)) {
		return calendar.StartOfDay(dateOf(wall), x.floating)
	}
	return calendar.InstantOf(calendar.Wall{Date: dateOf(wall), Hour: wall.Hour(), Minute: wall.Minute(), Second: wall.Second()}, x.floating)
}

// instant reads a time in its zone; a floating one, and a date, is read in UTC.
func (x *Expander) instant(d calendar.DateTime, dates bool) (at time.Time, floating bool, err error) {
	if dates {
		w, err := d.Wall()
		return utc(calendar.Wall{Date: w.Date}), true, err
	}
	if d.Zone == "" {
		at, err := d.Instant(time.UTC)
		return at, !fixed(d), err
	}
	loc, err := x.zones(d.Zone)
	if err != nil {
		return time.Time{}, false, err
	}
	at, err = calendar.DateTime{Local: d.Local}.Instant(loc)
	return at, false, err
}

// count admits one more instance.
func (x *Expander) count() error {
	if x.instances++; x.instances > MaxInstances {
		return fault.New(fault.Invalid, "more than %d instances from %s to %s", MaxInstances, x.from.UTC().Format(time.DateOnly), x.to.UTC().Format(time.DateOnly))
	}
	return nil
}

// work counts the days that were walked through.
type work struct{ days int }

func (w *work) spend(days int) error {
	if w.days += days; w.days > MaxWork {
		return fault.New(fault.Invalid, "the recurrence takes too long to expand; give it a later start, a sooner end or a simpler rule")
	}
	return nil
}

// series is a master, understood.
type series struct {
	master  calendar.Event
	start   time.Time                 // the wall of the first instance
	loc     *time.Location            // the zone in which it repeats; nil: dates, or floating times
	day     func(time.Time) time.Time // which day an instant means in a series of days
	length  time.Duration
	shown   [2]*time.Location // the zones in which start and end are written; nil like loc
	rules   []rule
	dates   []time.Time // walls
	without map[int64]bool
	days    map[calendar.Date]bool
}

func (x *Expander) read(master calendar.Event) (s series, err error) {
	s = series{master: master, without: map[int64]bool{}, days: map[calendar.Date]bool{}}
	s.day = func(at time.Time) time.Time { return Day(at, master.StartZone, x.zones) }
	start, floating, err := x.instant(master.Start, master.AllDay)
	if err != nil {
		return s, fmt.Errorf("start: %w", err)
	}
	end, endFloats, err := x.instant(master.End, master.AllDay)
	switch {
	case err != nil:
		return s, fmt.Errorf("end: %w", err)
	case floating != endFloats:
		return s, fault.New(fault.Invalid, "start and end must both have a time zone, or neither")
	}
	s.length = end.Sub(start)
	s.start = start
	if !floating {
		for i, d := range []calendar.DateTime{master.Start, master.End} {
			if s.shown[i] = time.UTC; d.Zone != "" {
				if s.shown[i], err = x.zones(d.Zone); err != nil {
					return s, err
				}
			}
		}
		s.loc = s.shown[0]
		if zone := master.StartZone; zone != "" && zone != master.Start.Zone {
			if s.loc, err = x.zones(zone); err != nil {
				return s, err
			}
		}
		if s.start, err = x.wall(s, master.Start); err != nil {
			return s, err
		}
	}
	s.start = s.start.Truncate(time.Second)
	s.dates = []time.Time{s.start}
	if master.Recurrence == nil {
		return s, nil
	}
	for _, text := range master.Recurrence.Rules {
		r, err := parseRule(text)
		if err != nil {
			return s, err
		}
		s.rules = append(s.rules, r)
	}
	for _, d := range master.Recurrence.Dates {
		wall, err := x.wall(s, d)
		if err != nil {
			return s, fmt.Errorf("further date: %w", err)
		}
		s.dates = append(s.dates, wall)
	}
	for _, d := range master.Recurrence.Without {
		wall, err := x.wall(s, d)
		if err != nil {
			return s, fmt.Errorf("excluded date: %w", err)
		}
		if master.AllDay || len(d.Local) == len(time.DateOnly) {
			s.days[dateOf(wall)] = true
		} else {
			s.without[s.instant(wall).Unix()] = true
		}
	}
	return s, nil
}

// wall is d on the clocks of the series' zone. A time that is written in that zone, or in none, stays as it is written, even one that does not exist.
func (x *Expander) wall(s series, d calendar.DateTime) (time.Time, error) {
	if w, err := d.Wall(); err != nil || s.loc == nil || !fixed(d) && (d.Zone == "" || d.Zone == s.zone()) {
		if s.master.AllDay && (fixed(d) || d.Zone == "UTC") && err == nil {
			at, _, err := x.instant(d, false)
			return s.day(at), err
		}
		if s.master.AllDay {
			w = calendar.Wall{Date: w.Date}
		}
		return utc(w), err
	}
	at, _, err := x.instant(d, false)
	return wallOf(at.In(s.loc)), err
}

// zone is the name of the series' zone.
func (s series) zone() string {
	if s.master.StartZone != "" {
		return s.master.StartZone
	}
	return s.master.Start.Zone
}

// instant returns when a wall of the series is.
func (s series) instant(wall time.Time) time.Time {
	if s.loc == nil {
		return wall
	}
	return calendar.InstantOf(calendar.Wall{Date: dateOf(wall), Hour: wall.Hour(), Minute: wall.Minute(), Second: wall.Second()}, s.loc).UTC()
}

// slot identifies an instance: by its instant, or by its day.
func (s series) slot(start time.Time) int64 {
	if s.master.AllDay {
		return start.UTC().Truncate(24 * time.Hour).Unix()
	}
	return start.Unix()
}

// dayAndMore is the most that lies between a wall that is read as UTC and its instant.
const dayAndMore = 26 * time.Hour

// each hands yield every start of the series that lies in [from, to), in no particular order, each once. errBeyond ends what a rule gives, any other
// error all.
func (s series) each(from, to time.Time, w *work, yield func(time.Time) error) error {
	low, high := from.UTC().Add(-dayAndMore), to.UTC().Add(dayAndMore)
	seen := memory{all: len(s.rules) > 1, now: map[int64]bool{}}
	accept := func(wall time.Time) error {
		start := s.instant(wall)
		if s.without[start.Unix()] || s.days[dateOf(wall)] || start.Before(from) || !start.Before(to) {
			return nil
		}
		if again, err := seen.add(start.Unix()); again || err != nil {
			return err
		}
		return yield(start)
	}
	for _, wall := range s.dates {
		if err := accept(wall); err != nil && !errors.Is(err, errBeyond) {
			return err
		}
	}
	seen.dates = seen.now
	seen.now = map[int64]bool{}
	for _, r := range s.rules {
		var stopped error
		err := r.starts(s.start, r.last(s.loc, s.master.AllDay, s.day), low, high, w, func(wall time.Time) bool {
			stopped = accept(wall)
			return stopped == nil
		})
		if err != nil {
			return err
		}
		if stopped != nil && !errors.Is(stopped, errBeyond) {
			return stopped
		}
	}
	return nil
}

// memory knows which starts were there before. One rule by itself goes on in time, and names a start again only where the clocks change: then the
// last of them are enough, more than there are seconds in dayAndMore. Of several rules it keeps MaxInstances at most.
type memory struct {
	all                bool
	dates, before, now map[int64]bool
}

const remembered = 100_000

// add says whether the start was there before.
func (m *memory) add(start int64) (again bool, err error) {
	if m.dates[start] || m.before[start] || m.now[start] {
		return true, nil
	}
	switch m.now[start] = true; {
	case m.all && len(m.now) > MaxInstances:
		return false, fault.New(fault.Invalid, "more than %d instances of several rules", MaxInstances)
	case !m.all && len(m.now) >= remembered:
		m.before, m.now = m.now, map[int64]bool{}
	}
	return false, nil
}

// occurrence is the instance that starts at start.
func (s series) occurrence(start time.Time) calendar.Event {
	e := s.master
	e.Type, e.SeriesMasterID, e.Recurrence = calendar.Occurrence, s.master.ID, nil
	e.OriginalStart = start
	e.ID = InstanceID(s.master.ID, start)
	e.Start.Local = write(start, s.shown[0], e.Start)
	e.End.Local = write(start.Add(s.length), s.shown[1], e.End)
	e.Categories, e.Attendees = slices.Clone(e.Categories), slices.Clone(e.Attendees)
	return e
}

// InstanceID is the id of the instance of a series that originally starts at start.
func InstanceID(masterID string, start time.Time) string {
	return masterID + "@" + start.UTC().Format(instanceForm)
}

const instanceForm = "20060102T150405Z"

// StartOfInstance is the original start in an id that InstanceID made; ok says whether it did.
func StartOfInstance(id string) (original time.Time, ok bool) {
	at := strings.LastIndexByte(id, '@')
	if at <= 0 {
		return time.Time{}, false
	}
	original, err := time.Parse(instanceForm, id[at+1:])
	return original, err == nil
}

// Without is how a master names its instance of an original start, for Recurrence.Without: by its day, by a floating time, or by the instant.
func Without(master *calendar.Event, original time.Time) calendar.DateTime {
	switch {
	case master.AllDay:
		return calendar.DateTime{Local: OriginalDay(original, master.StartZone).Format(time.DateOnly)}
	case master.Start.Floats():
		return calendar.DateTime{Local: original.UTC().Format(layout)}
	}
	return calendar.DateTime{Local: original.UTC().Format(layout), Zone: "UTC"}
}

// OriginalDay is the day, as its midnight in UTC, on which an instance of an all-day series would have begun. A provider gives it as the midnight of UTC, or of
// the zone in which the series was made; of any other zone it is the nearest one.
func OriginalDay(original time.Time, made string) time.Time {
	original = original.UTC()
	if midnight := original.Truncate(24 * time.Hour); midnight.Equal(original) {
		return midnight
	}
	if zone, err := calendar.LoadZone(made); err == nil && made != "" {
		if day := calendar.DateOf(original, zone); calendar.StartOfDay(day, zone).Equal(original) {
			return time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC)
		}
	}
	return original.Add(12 * time.Hour).Truncate(24 * time.Hour)
}

// Local writes an instant as a wall time of loc. One that would be read as another instant, because it occurs twice, carries its offset.
func Local(at time.Time, loc *time.Location) string {
	at = at.In(loc)
	wall := calendar.Wall{Date: calendar.DateOf(at, loc), Hour: at.Hour(), Minute: at.Minute(), Second: at.Second()}
	if !calendar.InstantOf(wall, loc).Equal(at.Truncate(time.Second)) {
		return at.Format(layout + "Z07:00")
	}
	return at.Format(layout)
}

const layout = "2006-01-02T15:04:05"

// write writes a time like the one that the master has: in loc, or in UTC with a Z, or, without a loc, as it is.
func write(at time.Time, loc *time.Location, like calendar.DateTime) string {
	switch {
	case loc == nil:
		return at.Format(layout)
	case like.Zone == "":
		return at.UTC().Format(layout + "Z")
	}
	return Local(at, loc)
}

// Starts returns the starts of one rule in [from, to), as the walls of a series that begins at start: all of them are written as if in UTC. An UNTIL that is
// an instant is read in loc. Errors are Invalid, as Expand's.
func Starts(text string, start, from, to time.Time, loc *time.Location) (starts []time.Time, err error) {
	r, err := parseRule(text)
	if err != nil {
		return nil, err
	}
	err = r.starts(start, r.last(loc, false, nil), from, to, &work{days: MaxWork - MaxWork/100}, func(t time.Time) bool {
		starts = append(starts, t)
		return len(starts) < MaxInstances
	})
	return starts, err
}

// fixed says whether a time carries Z or an offset, which makes it an instant.
func fixed(d calendar.DateTime) bool {
	_, clock, _ := strings.Cut(strings.ToUpper(d.Local), "T")
	return strings.ContainsAny(clock, "Z+-")
}

// utc reads a wall in UTC, wallOf drops a time's zone and keeps what it shows.
func utc(w calendar.Wall) time.Time {
	return time.Date(w.Year, w.Month, w.Day, w.Hour, w.Minute, w.Second, w.Nanosecond, time.UTC)
}

func wallOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
}

func dateOf(wall time.Time) calendar.Date {
	return calendar.Date{Year: wall.Year(), Month: wall.Month(), Day: wall.Day()}
}
