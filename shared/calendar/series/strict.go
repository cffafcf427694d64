package series

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/teambition/rrule-go"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// StrictRule writes a rule of a series to the letter of RFC 5545, section 3.3.10, so that it means the same to a strict reader: UNTIL is a date in a series
// of days, a local time in one whose times float, else an instant; a rule has UNTIL or COUNT, not both; what changes nothing is left out. A rule with
// SKIP=FORWARD, which RFC 5545 does not know, keeps it (see Listed). Errors are Invalid.
func StrictRule(text string, master *calendar.Event, zones Zones) (string, error) {
	r, err := parseRule(text)
	if err != nil {
		return "", err
	}
	like := *master
	like.Recurrence = nil
	x := Expander{zones: zones}
	s, err := x.read(like)
	if err != nil {
		return "", err
	}
	last := r.last(s.loc, master.AllDay, s.day)
	drop := ""
	if r.until != "" && r.Count > 0 {
		drop = "COUNT"
		n := 0
		err := r.starts(s.start, last, s.start, last.Add(time.Second), &work{}, func(time.Time) bool {
			n++
			return n < r.Count
		})
		if err != nil {
			return "", err
		}
		if n == r.Count {
			drop = "UNTIL"
		}
	}
	spelled := r.spellOut(s.start)
	if r.skip != omit && (len(spelled.Bymonthday) != 1 || spelled.Bymonthday[0] < 29) {
		r.skip = omit // every month has the day
	}
	leapDay := r.skip == forward && r.Freq == rrule.YEARLY && slices.Equal(spelled.Bymonth, []int{2}) && spelled.Bymonthday[0] == 29
	var parts []string
	for part := range strings.SplitSeq(strings.ToUpper(strings.TrimSpace(text)), ";") {
		part = strings.TrimSpace(part)
		key, value, _ := strings.Cut(part, "=")
		switch {
		case part == "" || key == drop:
			continue
		case (key == "RSCALE" || key == "SKIP") && (r.skip != forward || leapDay):
			continue
		case (key == "BYMONTHDAY" || key == "BYMONTH") && (r.skip == backward || leapDay):
			continue
		case key == "FREQ" && r.skip == backward && r.Freq == rrule.YEARLY && len(r.Bymonth) > 1 && r.Interval == 1:
			part = "FREQ=MONTHLY" // BYSETPOS counts within a month
		case key == "UNTIL":
			part = "UNTIL=" + s.until(r, last)
		case key == "INTERVAL" && strings.Trim(value, "0") == "":
			continue
		case key == "BYDAY" && r.Freq > rrule.MONTHLY:
			part = "BYDAY=" + strings.Map(func(c rune) rune {
				if c >= 'A' && c <= 'Z' || c == ',' {
					return c
				}
				return -1
			}, value)
		}
		parts = append(parts, part)
	}
	switch {
	case leapDay: // the sixtieth day is 29 February, or else 1 March
		parts = append(parts, "BYYEARDAY=60")
	case r.skip == backward:
		if r.Freq == rrule.YEARLY && len(r.Bymonth) > 1 && r.Interval > 1 {
			return "", fault.New(fault.Invalid, "recurrence rule %.100q: SKIP=BACKWARD is not supported for several months of every few years", text)
		}
		if len(spelled.Bymonth) > 0 {
			parts = append(parts, "BYMONTH="+numbers(spelled.Bymonth))
		}
		days := []int{28, 29, 30, 31}
		parts = append(parts, "BYMONTHDAY="+numbers(days[:spelled.Bymonthday[0]-27]), "BYSETPOS=-1")
	}
	return strings.Join(parts, ";"), nil
}

func numbers(list []int) string {
	texts := make([]string, len(list))
	for i, n := range list {
		texts[i] = strconv.Itoa(n)
	}
	return strings.Join(texts, ",")
}

// IsPlain says whether RFC 5545 knows all parts of a rule that StrictRule wrote; a rule with SKIP=FORWARD it does not.
func IsPlain(rule string) bool { return !strings.Contains(rule, "SKIP=") }

// until writes the last wall of a rule in the type of the series' start.
func (s series) until(r rule, last time.Time) string {
	switch {
	case s.master.AllDay:
		return last.Format("20060102")
	case s.loc == nil:
		return last.Format("20060102T150405")
	case strings.HasSuffix(r.until, "Z"):
		return r.until
	}
	return s.instant(last).Format("20060102T150405Z")
}

// Day is the day, as its midnight in UTC, that an instant means in an all-day series that was made in a zone: that of the zone's clocks. Where the zone is not
// known, it is the nearest midnight of UTC: nothing is further from it than twelve hours but in the Pacific.
func Day(at time.Time, made string, zones Zones) time.Time {
	at = at.UTC()
	if midnight := at.Truncate(24 * time.Hour); midnight.Equal(at) {
		return midnight // a date, written as an instant
	}
	if made != "" {
		if zone, err := zones(made); err == nil {
			return wallOf(at.In(zone)).Truncate(24 * time.Hour)
		}
	}
	if at.Second() == 59 { // the second before the midnight that ends the day
		return at.Add(time.Second + 12*time.Hour).Truncate(24 * time.Hour).Add(-24 * time.Hour)
	}
	return at.Add(12 * time.Hour).Truncate(24 * time.Hour)
}

// Place returns the original start of an exception in its series, whatever way its file names it: by a date, by a time without a zone, in another zone, or
// by the instant. Without a series it is the instant, with times that float read in UTC. Errors are Invalid.
func Place(e, master *calendar.Event, zones Zones) (time.Time, error) {
	id := e.RecurrenceID
	x := Expander{zones: zones}
	wall, err := id.Wall()
	switch {
	case id.Local == "":
		return e.OriginalStart, nil
	case err != nil:
		return time.Time{}, err
	case master == nil:
		at, _, err := x.instant(id, false)
		return at, err
	}
	like := *master
	like.Recurrence = nil
	s, err := x.read(like)
	if err != nil {
		return time.Time{}, err
	}
	date := len(id.Local) == len(time.DateOnly)
	floats := !fixed(id) && id.Zone == ""
	switch {
	case master.AllDay && (date || floats || !fixed(id) && id.Zone != "UTC" && wall == calendar.Wall{Date: wall.Date}):
		return utc(calendar.Wall{Date: wall.Date}), nil
	case master.AllDay:
		at, _, err := x.instant(id, false)
		return Day(at, cmp.Or(master.StartZone, e.StartZone), zones), err
	case date:
		wall.Hour, wall.Minute, wall.Second = s.start.Clock()
		return s.instant(utc(wall)), nil
	case s.loc == nil || floats:
		return s.instant(utc(wall).Truncate(time.Second)), nil
	}
	at, _, err := x.instant(id, false)
	return at, err
}

// Excludes says whether a series leaves out its instance of an original start. Errors are Invalid.
func Excludes(master *calendar.Event, original time.Time, zones Zones) (bool, error) {
	if master.Recurrence == nil || len(master.Recurrence.Without) == 0 {
		return false, nil
	}
	excluded, err := Excluding(master, zones)
	return err == nil && excluded(original), err
}

// Excluding returns what says whether a series leaves out its instance of an original start. Errors are Invalid.
func Excluding(master *calendar.Event, zones Zones) (func(original time.Time) bool, error) {
	like := *master
	like.Recurrence = nil
	if master.Recurrence != nil {
		like.Recurrence = &calendar.Recurrence{Without: master.Recurrence.Without}
	}
	x := Expander{zones: zones}
	s, err := x.read(like)
	if err != nil {
		return nil, fmt.Errorf("series %.200q: %w", master.ID, err)
	}
	return s.excludes, nil
}

// excludes says whether the instance of an original start does not happen.
func (s series) excludes(original time.Time) bool {
	if s.master.AllDay {
		return s.days[dateOf(original.UTC())]
	}
	wall := original.UTC()
	if s.loc != nil {
		wall = wallOf(original.In(s.loc))
	}
	return s.without[original.Unix()] || s.days[dateOf(wall)]
}

// Strict writes the recurrence of a series to the letter of RFC 5545: its rules as StrictRule does, and its dates in the type and the zone of the series'
// start. A day that a series of times leaves out becomes the starts that it has on that day. Errors are Invalid.
func Strict(master *calendar.Event, zones Zones) (*calendar.Recurrence, error) {
	var strict calendar.Recurrence
	if master.Recurrence == nil {
		return &strict, nil
	}
	x := Expander{zones: zones}
	for _, rule := range master.Recurrence.Rules {
		text, err := StrictRule(rule, master, zones)
		if err != nil {
			return nil, err
		}
		strict.Rules = append(strict.Rules, text)
	}
	like := *master
	like.Recurrence = &calendar.Recurrence{Rules: master.Recurrence.Rules}
	s, err := x.read(like)
	if err != nil {
		return nil, err
	}
	for _, d := range master.Recurrence.Dates {
		wall, err := x.wall(s, d)
		if err != nil {
			return nil, fmt.Errorf("further date: %w", err)
		}
		if !master.AllDay && len(d.Local) == len(time.DateOnly) {
			wall = wall.Add(s.start.Sub(s.start.Truncate(24 * time.Hour)))
		}
		strict.Dates = append(strict.Dates, s.date(d, wall))
		s.dates = append(s.dates, wall)
	}
	var days map[calendar.Date][]time.Time
	for _, d := range master.Recurrence.Without {
		wall, err := x.wall(s, d)
		if err != nil {
			return nil, fmt.Errorf("excluded date: %w", err)
		}
		if master.AllDay || len(d.Local) != len(time.DateOnly) {
			strict.Without = append(strict.Without, s.date(d, wall))
			continue
		}
		if days == nil {
			if days, err = s.startsOf(master.Recurrence.Without); err != nil {
				return nil, err
			}
		}
		for _, start := range days[dateOf(wall)] {
			strict.Without = append(strict.Without, s.date(calendar.DateTime{}, start))
		}
	}
	return &strict, nil
}

// date writes a wall as the series' start is written. What is so already stays as it is.
func (s series) date(d calendar.DateTime, wall time.Time) calendar.DateTime {
	switch {
	case s.master.AllDay || s.loc == nil:
		return calendar.DateTime{Local: wall.Format(layout)}
	case !fixed(d) && d.Local != "" && d.Zone == s.zone():
		return d
	case !fixed(d) && d.Local != "" && d.Zone == "": // a time that the clocks skip stays as it is
		return calendar.DateTime{Local: wall.Format(layout), Zone: s.zone()}
	}
	at := s.instant(wall)
	if s.zone() == "" {
		return calendar.DateTime{Local: at.UTC().Format(layout), Zone: "UTC"}
	}
	return calendar.DateTime{Local: Local(at, s.loc), Zone: s.zone()}
}

// startsOf returns the walls at which the series starts on days that it leaves out.
func (s series) startsOf(without []calendar.DateTime) (map[calendar.Date][]time.Time, error) {
	days := map[calendar.Date][]time.Time{}
	var low, high time.Time
	for _, d := range without {
		if w, err := d.Wall(); err == nil && len(d.Local) == len(time.DateOnly) {
			day := utc(calendar.Wall{Date: w.Date})
			days[w.Date] = nil
			if low.IsZero() || day.Before(low) {
				low = day
			}
			if end := day.AddDate(0, 0, 1); end.After(high) {
				high = end
			}
		}
	}
	add := func(wall time.Time) bool {
		if starts, wanted := days[dateOf(wall)]; wanted && !slices.Contains(starts, wall) {
			days[dateOf(wall)] = append(starts, wall)
		}
		return true
	}
	for _, wall := range s.dates {
		add(wall)
	}
	w := &work{}
	for _, r := range s.rules {
		if err := r.starts(s.start, r.last(s.loc, false, s.day), low, high, w, add); err != nil {
			return nil, err
		}
	}
	return days, nil
}
