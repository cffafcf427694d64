package graph

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// graphSeries is what makes an event a series: https://learn.microsoft.com/graph/api/resources/patternedrecurrence.
type graphSeries struct {
	Recurrence graphRecurrence `json:"recurrence"`
	// CancelledOccurrences are ids of occurrences that were deleted: "OID.<id of the series>.2026-10-05".
	CancelledOccurrences []string `json:"cancelledOccurrences"`
}

type graphRecurrence struct {
	Pattern graphPattern `json:"pattern"`
	Range   graphRange   `json:"range"`
}

type graphPattern struct {
	Type           string   `json:"type"`
	Interval       int      `json:"interval"`
	Month          int      `json:"month,omitempty"`
	DayOfMonth     int      `json:"dayOfMonth,omitempty"`
	DaysOfWeek     []string `json:"daysOfWeek,omitempty"`
	FirstDayOfWeek string   `json:"firstDayOfWeek,omitempty"`
	Index          string   `json:"index,omitempty"`
}

type graphRange struct {
	Type                string `json:"type"`
	StartDate           string `json:"startDate,omitempty"`
	EndDate             string `json:"endDate,omitempty"`
	NumberOfOccurrences int    `json:"numberOfOccurrences,omitempty"`
	RecurrenceTimeZone  string `json:"recurrenceTimeZone,omitempty"`
}

type weekday struct {
	time.Weekday
	rule string // RFC 5545's name
}

var weekdays = map[string]weekday{
	"sunday": {time.Sunday, "SU"}, "monday": {time.Monday, "MO"}, "tuesday": {time.Tuesday, "TU"}, "wednesday": {time.Wednesday, "WE"},
	"thursday": {time.Thursday, "TH"}, "friday": {time.Friday, "FR"}, "saturday": {time.Saturday, "SA"},
}

var positions = map[string]string{"first": "1", "second": "2", "third": "3", "fourth": "4", "last": "-1"}

// into makes e the series: its times written in the series' zone, which StartZone then names, its rule, and the starts that do not happen. For a zone
// that somebody made up Exchange gives no more than a name ("tzone://Microsoft/Custom"): such a series keeps the zone of its times, and StartZone has
// that name (see series.Clocks). Of a series of days StartZone stays. Errors are Internal.
func (s *graphSeries) into(e *calendar.Event) error {
	zoneName, zone := s.zone(e)
	if !e.AllDay {
		for _, t := range []*calendar.DateTime{&e.Start, &e.End} {
			at, err := t.Instant(zone)
			if err != nil {
				return fault.New(fault.Internal, "the time of the series: %v", err)
			}
			*t = calendar.DateTime{Local: at.In(zone).Format(wallTime), Zone: zoneName}
		}
	}
	rule, err := s.rule(zone, e.AllDay)
	if err != nil {
		return err
	}
	e.Recurrence = &calendar.Recurrence{Rules: []string{rule}}
	_, clock, _ := strings.Cut(e.Start.Local, "T")
	for _, id := range s.CancelledOccurrences {
		day, err := calendar.ParseDate(id[strings.LastIndexByte(id, '.')+1:])
		if err != nil {
			return fault.New(fault.Internal, "a cancelled occurrence: %v", err)
		}
		e.Recurrence.Without = append(e.Recurrence.Without, calendar.DateTime{Local: day.String() + "T" + clock, Zone: e.Start.Zone})
	}
	return nil
}

// zone finds the zone that the series is written in, and puts the one on whose clocks it repeats into StartZone.
func (s *graphSeries) zone(e *calendar.Event) (string, *time.Location) {
	for _, name := range []string{s.Recurrence.Range.RecurrenceTimeZone, e.StartZone} {
		zone, err := calendar.LoadZone(name)
		if err != nil {
			continue
		}
		if windows, ok := calendar.WindowsName(name); ok && windows == "UTC" {
			if _, err := calendar.LoadZone(e.StartZone); err != nil && e.StartZone != "" {
				break // the service writes a series in UTC when it cannot name its zone
			}
			name = windows
		}
		if e.StartZone != "" && !e.AllDay {
			e.StartZone = name
		}
		return name, zone
	}
	e.StartZone = cmp.Or(e.StartZone, s.Recurrence.Range.RecurrenceTimeZone)
	if zone, err := calendar.LoadZone(e.Start.Zone); err == nil {
		return e.Start.Zone, zone
	}
	return "UTC", time.UTC
}

// rule is the RRULE of a pattern and its range (RFC 5545, section 3.3.10).
func (s *graphSeries) rule(zone *time.Location, allDay bool) (string, error) {
	p, r := &s.Recurrence.Pattern, &s.Recurrence.Range
	var days []string
	for _, name := range p.DaysOfWeek {
		day, ok := weekdays[strings.ToLower(name)]
		if !ok {
			return "", fault.New(fault.Internal, "%.20q is no day of the week", name)
		}
		days = append(days, day.rule)
	}
	var parts []string
	add := func(name, value string) { parts = append(parts, name+"="+value) }
	kind := strings.ToLower(p.Type)
	frequency, ok := map[string]string{
		"daily": "DAILY", "weekly": "WEEKLY", "absolutemonthly": "MONTHLY", "relativemonthly": "MONTHLY", "absoluteyearly": "YEARLY", "relativeyearly": "YEARLY",
	}[kind]
	if !ok {
		return "", fault.New(fault.Internal, "%.40q is no pattern of a series", p.Type)
	}
	add("FREQ", frequency)
	if p.Interval > 1 {
		add("INTERVAL", strconv.Itoa(p.Interval))
	}
	if first, ok := weekdays[strings.ToLower(p.FirstDayOfWeek)]; ok && kind == "weekly" {
		add("WKST", first.rule)
	}
	if frequency == "YEARLY" {
		if p.Month < 1 || p.Month > 12 {
			return "", fault.New(fault.Internal, "%d is no month", p.Month)
		}
		add("BYMONTH", strconv.Itoa(p.Month))
	}
	switch {
	case strings.HasPrefix(kind, "absolute"):
		if p.DayOfMonth < 1 || p.DayOfMonth > 31 {
			return "", fault.New(fault.Internal, "%d is no day of a month", p.DayOfMonth)
		}
		// In a month that is too short Outlook uses the last day, and RFC 5545 leaves the month out.
		dates := []string{strconv.Itoa(p.DayOfMonth)}
		for day := p.DayOfMonth - 1; day >= 28; day-- {
			dates = append(dates, strconv.Itoa(day))
		}
		add("BYMONTHDAY", strings.Join(dates, ","))
		if len(dates) > 1 {
			add("BYSETPOS", "-1")
		}
	case kind == "weekly" || strings.HasPrefix(kind, "relative"):
		if len(days) == 0 {
			return "", fault.New(fault.Internal, "the series has no day of the week")
		}
		add("BYDAY", strings.Join(days, ","))
		if kind != "weekly" {
			position, ok := positions[strings.ToLower(cmp.Or(p.Index, "first"))]
			if !ok {
				return "", fault.New(fault.Internal, "%.20q is no place in a month", p.Index)
			}
			add("BYSETPOS", position)
		}
	}
	switch strings.ToLower(r.Type) {
	case "noend":
	case "numbered":
		add("COUNT", strconv.Itoa(r.NumberOfOccurrences))
	case "enddate":
		day, err := calendar.ParseDate(r.EndDate)
		if err != nil {
			return "", fault.New(fault.Internal, "the end of the series: %v", err)
		}
		if allDay {
			add("UNTIL", strings.ReplaceAll(day.String(), "-", ""))
		} else {
			add("UNTIL", calendar.StartOfDay(day.AddDays(1), zone).Add(-time.Second).UTC().Format("20060102T150405Z"))
		}
	default:
		return "", fault.New(fault.Internal, "%.40q is no range of a series", r.Type)
	}
	return strings.Join(parts, ";"), nil
}
