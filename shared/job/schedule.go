package job

import (
	"slices"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Repeat says how a schedule repeats.
type Repeat string

const (
	Daily   Repeat = "daily"
	Weekly  Repeat = "weekly"
	Monthly Repeat = "monthly"
	Cron    Repeat = "cron"
)

// LastDay is the Schedule.Day of the last day of every month.
const LastDay = 31

// Schedule says when a job is due, as clocks in its zone show it.
type Schedule struct {
	Repeat   Repeat   `json:"repeat" enum:"daily,weekly,monthly,cron" doc:"How the schedule repeats."`
	At       string   `json:"at,omitempty" doc:"Time of day, HH:MM from 00:00 to 23:59; of all but cron."`
	Weekdays []string `json:"weekdays,omitempty" doc:"Weekly: the days in English, in small letters, as in \"monday\"."`
	Day      int      `json:"day,omitempty" doc:"Monthly: the day, 1 to 31. In a shorter month, its last day."`
	Cron     string   `json:"cron,omitempty" doc:"Cron: minute, hour, day of month, month, day of week (0 is Sunday), as in \"30 2 * * 1-5\"."`
	Zone     string   `json:"zone" doc:"IANA time zone, as in \"Europe/Berlin\"."`
}

const (
	// maxCron is the longest cron expression in bytes; one that lists every minute, hour, day and month fits.
	maxCron = 400
	// leastPause is the shortest pause between two times of a schedule.
	leastPause = 5 * time.Minute
)

// Timetable is a schedule that was found to be right.
type Timetable struct {
	zone *time.Location
	at   time.Duration // since midnight
	on   func(day calendar.Date) bool
	spec *cron.SpecSchedule // instead of at and on
}

// Timetable checks the schedule. Errors are of kind fault.Invalid and name the field, as in "schedule.cron".
func (s Schedule) Timetable() (*Timetable, error) {
	zone, err := calendar.LoadZone(s.Zone)
	if err != nil {
		return nil, fault.Field("schedule.zone", "is an %w", err)
	}
	t := &Timetable{zone: zone}
	for _, f := range []struct {
		name      string
		given     bool
		of        []Repeat
		mustGiven string
	}{
		{"at", s.At != "", []Repeat{Daily, Weekly, Monthly}, "is missing; give a time of day, HH:MM"},
		{"weekdays", len(s.Weekdays) > 0, []Repeat{Weekly}, "is missing; give at least one day, as in monday"},
		{"day", s.Day != 0, []Repeat{Monthly}, "is missing; give a day of the month, 1 to 31"},
		{"cron", s.Cron != "", []Repeat{Cron}, "is missing; give five fields: minute, hour, day of month, month, day of week"},
	} {
		switch wanted := slices.Contains(f.of, s.Repeat); {
		case f.given && !wanted && s.Repeat.known():
			return nil, fault.Field("schedule."+f.name, "does not belong to a schedule that is %s; leave it out", s.Repeat)
		case !f.given && wanted:
			return nil, fault.Field("schedule."+f.name, "%s", f.mustGiven)
		}
	}
	switch s.Repeat {
	case Daily:
		t.on = func(calendar.Date) bool { return true }
	case Weekly:
		days, err := weekdays(s.Weekdays)
		if err != nil {
			return nil, err
		}
		t.on = func(day calendar.Date) bool { return days[day.Weekday()] }
	case Monthly:
		if s.Day < 1 || s.Day > LastDay {
			return nil, fault.Field("schedule.day", "is %d: expected 1 to 31, where 31 is the last day of every month", s.Day)
		}
		t.on = func(day calendar.Date) bool {
			return day.Day == s.Day || day.Day < s.Day && day.AddDays(1).Day == 1
		}
	case Cron:
		t.spec, err = parseCron(s.Cron)
		return t, err
	default:
		return nil, fault.Field("schedule.repeat", "is %.20q: expected daily, weekly, monthly or cron", string(s.Repeat))
	}
	at, err := time.Parse("15:04", s.At)
	if err != nil || at.Format("15:04") != s.At {
		return nil, fault.Field("schedule.at", "is %.20q: expected a time of day, HH:MM from 00:00 to 23:59", s.At)
	}
	t.at = time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute
	return t, nil
}

func (r Repeat) known() bool { return slices.Contains([]Repeat{Daily, Weekly, Monthly, Cron}, r) }

// weekdays reads the names of days.
func weekdays(names []string) (days [7]bool, err error) {
	for _, name := range names {
		i := 0
		for i < 7 && strings.ToLower(time.Weekday(i).String()) != name {
			i++
		}
		switch {
		case i == 7:
			return days, fault.Field("schedule.weekdays", "has %.20q: expected monday, tuesday, wednesday, thursday, friday, saturday or sunday", name)
		case days[i]:
			return days, fault.Field("schedule.weekdays", "has %s twice", name)
		}
		days[i] = true
	}
	return days, nil
}

var cronParser = cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)

// parseCron reads five fields of numbers, names, lists, ranges and steps. What the library would let through besides (a zone before
// the fields, "?", "*-5") is refused first.
func parseCron(text string) (*cron.SpecSchedule, error) {
	const field = "schedule.cron"
	switch {
	case len(text) > maxCron:
		return nil, fault.Field(field, "has %d characters, at most %d are allowed", len(text), maxCron)
	case strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789*,-/ ") != "" || len(strings.Fields(text)) != 5 || strings.Contains(text, "*-"):
		return nil, fault.Field(field, "is %.60q: expected five fields: minute, hour, day of month, month, day of week, as in \"30 2 * * 1-5\"", text)
	}
	parsed, err := cronParser.Parse(text)
	if err != nil {
		return nil, fault.Field(field, "is %.60q, which was not understood: %v", text, err)
	}
	spec := parsed.(*cron.SpecSchedule)
	spec.Location = time.UTC // it is asked for wall times, written as if they were UTC
	if nextOf(spec, reference).IsZero() {
		return nil, fault.Field(field, "is %.60q, which never comes; look at the day and the month", text)
	}
	if tooOften(spec) {
		return nil, fault.Field(field, "is %.60q, which comes more often than every %d minutes", text, leastPause/time.Minute)
	}
	return spec, nil
}

// reference is where a cron expression is tried out; the 28 years after it have every calendar that there is.
var reference = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC).Add(-time.Minute)

// nextOf returns the first wall time of spec after w. The library gives up after five years; 29 February can be eight years away.
func nextOf(spec *cron.SpecSchedule, w time.Time) time.Time {
	for range 2 {
		if next := spec.Next(w); !next.IsZero() {
			return next
		}
		w = time.Date(w.Year()+5, time.December, 31, 23, 59, 0, 0, time.UTC)
	}
	return time.Time{}
}

// tooOften says whether two times of spec, as clocks show them, are less than leastPause apart.
func tooOften(spec *cron.SpecSchedule) bool {
	first, last := -1, -1 // minutes of a day
	for m := range 24 * 60 {
		if spec.Hour&(1<<(m/60)) == 0 || spec.Minute&(1<<(m%60)) == 0 {
			continue
		}
		if first < 0 {
			first = m
		} else if time.Duration(m-last)*time.Minute < leastPause {
			return true
		}
		last = m
	}
	if time.Duration(first+24*60-last)*time.Minute >= leastPause {
		return false
	}
	days := *spec // once on each of its days
	days.Hour, days.Minute = 1, 1
	end := reference.AddDate(28, 0, 0)
	for day := nextOf(&days, reference); !day.IsZero() && day.Before(end); {
		next := nextOf(&days, day)
		if next.Sub(day) == 24*time.Hour {
			return true
		}
		day = next
	}
	return false
}

// Next returns the first instant after t at which the schedule is due, in UTC. A local time that a change of the clocks skips is due
// at the first instant that exists; one that occurs twice is due once, the first time.
func (t *Timetable) Next(after time.Time) time.Time {
	local := after.In(t.zone)
	w := time.Date(local.Year(), local.Month(), local.Day(), local.Hour(), local.Minute(), local.Second(), local.Nanosecond(), time.UTC)
	// instant never decreases with the wall time, and is not after the instant at which clocks show w, so that no time up to w can be due.
	for {
		if w = t.nextWall(w); w.IsZero() {
			return w
		}
		if at := t.instant(w); at.After(after) {
			return at
		}
	}
}

// nextWall returns the first wall time of the schedule after w; wall times are written as if they were UTC.
func (t *Timetable) nextWall(w time.Time) time.Time {
	if t.spec != nil {
		return nextOf(t.spec, w)
	}
	for day := calendar.DateOf(w, time.UTC); ; day = day.AddDays(1) {
		at := time.Date(day.Year, day.Month, day.Day, 0, 0, 0, 0, time.UTC).Add(t.at)
		if t.on(day) && at.After(w) {
			return at
		}
	}
}

// instant returns the first instant at which clocks in the zone show w or later, in UTC.
func (t *Timetable) instant(w time.Time) time.Time {
	at := calendar.InstantOf(calendar.Wall{Date: calendar.DateOf(w, time.UTC), Hour: w.Hour(), Minute: w.Minute()}, t.zone)
	if at.Hour() != w.Hour() || at.Minute() != w.Minute() || at.Day() != w.Day() { // skipped, and read by the offset before the change
		at, _ = at.ZoneBounds()
	}
	return at.UTC()
}

// around returns the last time of the schedule up to t, but not one before due, which is one; and the first after t.
func (t *Timetable) around(due, at time.Time) (last, next time.Time) {
	last = due
	for _, back := range []time.Duration{time.Hour, 25 * time.Hour, 32 * 24 * time.Hour} { // not one by one through a long absence
		from := at.Add(-back)
		if from.Before(due) {
			break
		}
		if near := t.Next(from); !near.IsZero() && !near.After(at) {
			last = near
			break
		}
	}
	for {
		next = t.Next(last)
		if next.IsZero() || next.After(at) {
			return last, next
		}
		last = next
	}
}

func (s Schedule) equal(o Schedule) bool {
	return s.Repeat == o.Repeat && s.At == o.At && slices.Equal(s.Weekdays, o.Weekdays) && s.Day == o.Day && s.Cron == o.Cron && s.Zone == o.Zone
}
