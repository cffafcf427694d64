package graph

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// What a pattern can hold at most.
const (
	maxInterval    = 999
	maxOccurrences = 999
)

// recurrence is what makes a draft a series, in Graph's words: a pattern of days, and a range of dates. start is the draft's start as Graph gets it. It
// says the same instances as the draft, but for what Without names, which is the caller's; else the error is of kind Invalid.
func recurrence(d *calendar.Draft, start calendar.DateTime) (*graphRecurrence, error) {
	wall, err := start.Wall()
	if err != nil {
		return nil, err
	}
	zone, err := calendar.LoadZone(start.Zone)
	if err != nil {
		return nil, err
	}
	// Without a zone of its own it repeats on the clocks of UTC.
	if !d.AllDay && d.Start.Zone != "" && !sameClocks(d.Start.Zone, zone, calendar.InstantOf(wall, zone)) {
		return nil, refuse("repeats on the clocks of %.80q, a zone that Microsoft 365 does not have", d.Start.Zone)
	}
	if len(d.Recurrence.Rules) != 1 || len(d.Recurrence.Dates) > 0 {
		return nil, refuse("has %d rules and %d further dates, and Microsoft 365 keeps one rule alone", len(d.Recurrence.Rules), len(d.Recurrence.Dates))
	}
	text := d.Recurrence.Rules[0]
	if err := series.CheckRule(text); err != nil {
		return nil, err
	}
	rule := partsOf(text)
	pattern, err := rule.pattern(wall)
	if err != nil {
		return nil, err
	}
	// Outlook moves a series to the first day that its pattern names.
	day := time.Date(wall.Year, wall.Month, wall.Day, 0, 0, 0, 0, time.UTC)
	endless := graphSeries{Recurrence: graphRecurrence{Pattern: pattern, Range: graphRange{Type: "noEnd"}}}
	same, err := endless.rule(time.UTC, true)
	if err != nil {
		return nil, err
	}
	if starts, err := series.Starts(same, day, day, day.AddDate(0, 0, 1), time.UTC); err != nil || len(starts) == 0 {
		return nil, refuse("does not name the day of its first instance, %s, and Microsoft 365 would move that", wall.Date)
	}
	first := time.Date(wall.Year, wall.Month, wall.Day, wall.Hour, wall.Minute, wall.Second, 0, time.UTC)
	span := graphRange{Type: "noEnd", StartDate: wall.Date.String(), RecurrenceTimeZone: start.Zone}
	if count, counted := rule["COUNT"]; counted {
		span.Type = "numbered"
		if span.NumberOfOccurrences, _ = strconv.Atoi(count); span.NumberOfOccurrences > maxOccurrences {
			starts, err := series.Starts(text, first, first, time.Date(9990, 1, 1, 0, 0, 0, 0, time.UTC), zone)
			if err != nil {
				return nil, err
			}
			if len(starts) != span.NumberOfOccurrences {
				return nil, refuse("has %d instances, more than Microsoft 365 keeps", span.NumberOfOccurrences)
			}
			span.Type, span.NumberOfOccurrences, span.EndDate = "endDate", 0, starts[len(starts)-1].Format(time.DateOnly)
		}
	}
	if until, ends := rule["UNTIL"]; ends {
		span.Type, span.EndDate = "endDate", lastDay(until, wall, zone, d.AllDay, d.Start.Zone).String()
		if span.EndDate < span.StartDate { // the start is an instance all the same (RFC 5545, section 3.8.5.3)
			span.Type, span.EndDate, span.NumberOfOccurrences = "numbered", "", 1
		}
	}
	return &graphRecurrence{Pattern: pattern, Range: span}, nil
}

// refuse says what about a series Microsoft 365 cannot keep, and what to do.
func refuse(format string, args ...any) error {
	return fault.Field("recurrence", format+"; restore the series into a local calendar, or its instances as events by themselves", args...)
}

// sameClocks says whether the clocks of a zone by name and of another zone show the same from at on: once a week for thirty years, which
// meets every summer.
func sameClocks(name string, other *time.Location, at time.Time) bool {
	for range 30 * 52 {
		if !sameOffset(name, other, at) {
			return false
		}
		at = at.AddDate(0, 0, 7)
	}
	return true
}

// parts are the parts of an RRULE that series.CheckRule accepts, by name.
type parts map[string]string

func partsOf(rule string) parts {
	p := parts{}
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		if key, value, _ := strings.Cut(strings.TrimSpace(part), "="); key != "" && key != "RSCALE" && key != "SKIP" {
			p[key] = value
		}
	}
	return p
}

// has says whether a rule has one of the parts.
func (p parts) has(names ...string) bool {
	return slices.ContainsFunc(names, func(name string) bool { _, there := p[name]; return there })
}

// numbers reads a list of numbers, from the smallest to the largest.
func (p parts) numbers(name string) []int {
	var list []int
	if p.has(name) {
		for text := range strings.SplitSeq(p[name], ",") {
			n, _ := strconv.Atoi(strings.TrimPrefix(strings.TrimSpace(text), "+"))
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// days reads BYDAY: the days of the week, each once, and the place that they have in common ("2TU": 2); 0 is none. It is not ok if they
// have different places, or several have one.
func (p parts) days() (names []string, place int, ok bool) {
	if !p.has("BYDAY") {
		return nil, 0, true
	}
	for i, text := range strings.Split(p["BYDAY"], ",") {
		text = strings.TrimSpace(text)
		if len(text) < 2 {
			return nil, 0, false
		}
		n, _ := strconv.Atoi(strings.TrimPrefix(text[:len(text)-2], "+"))
		if i > 0 && (n != 0 || place != 0) {
			return nil, 0, false
		}
		place = n
		for name, day := range weekdays {
			if day.rule == text[len(text)-2:] && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	slices.SortFunc(names, func(a, b string) int { return int(weekdays[a].Weekday) - int(weekdays[b].Weekday) })
	return names, place, len(names) > 0
}

// pattern is the days that the rule names, for a series that begins at wall.
func (p parts) pattern(wall calendar.Wall) (graphPattern, error) {
	none := func(format string, args ...any) (graphPattern, error) { return graphPattern{}, refuse(format, args...) }
	if p.has("BYHOUR", "BYMINUTE", "BYSECOND") {
		return none("names times of day, and Microsoft 365 keeps days alone")
	}
	if p.has("BYYEARDAY", "BYWEEKNO") {
		return none("names days or weeks of a year by their number, which Microsoft 365 cannot keep")
	}
	g := graphPattern{Interval: 1}
	if n := p.numbers("INTERVAL"); len(n) == 1 {
		g.Interval = n[0]
	}
	if g.Interval < 1 || g.Interval > maxInterval {
		return none("has the interval %d, and Microsoft 365 keeps 1 to %d", g.Interval, maxInterval)
	}
	names, place, ok := p.days()
	if !ok {
		return none("names several days of the week by their places, and Microsoft 365 keeps one place for all of them")
	}
	dates, months := p.numbers("BYMONTHDAY"), p.numbers("BYMONTH")
	if positions := p.numbers("BYSETPOS"); len(positions) > 0 {
		if place != 0 || len(positions) > 1 {
			return none("has several places in a period, and Microsoft 365 keeps one")
		}
		place = positions[0]
	}
	monthly, yearly := p["FREQ"] == "MONTHLY", p["FREQ"] == "YEARLY"
	switch {
	case len(months) > 1 || len(months) == 1 && !yearly:
		return none("names months in a way that Microsoft 365 cannot keep")
	case len(months) == 1:
		g.Month = months[0]
	case yearly && len(names)+len(dates) == 0:
		g.Month = int(wall.Month)
	case yearly:
		return none("repeats once a year and names no month, which Microsoft 365 cannot keep")
	}
	switch kind := map[bool]string{false: "Monthly", true: "Yearly"}[yearly]; {
	case p["FREQ"] == "DAILY" && len(names)+len(dates) == 0 && place == 0:
		g.Type = "daily"
	case (p["FREQ"] == "WEEKLY" || p["FREQ"] == "DAILY" && g.Interval == 1) && len(dates) == 0 && place == 0:
		g.Type, g.DaysOfWeek, g.FirstDayOfWeek = "weekly", names, "monday"
		for name, day := range weekdays {
			if p["WKST"] == day.rule {
				g.FirstDayOfWeek = name
			}
			if len(names) == 0 && day.Weekday == wall.Weekday() {
				g.DaysOfWeek = []string{name}
			}
		}
	case (monthly || yearly) && len(names) > 0 && len(dates) == 0:
		g.Type, g.DaysOfWeek = "relative"+kind, names
		for name, number := range positions {
			if number == strconv.Itoa(place) {
				g.Index = name
			}
		}
		if g.Index == "" {
			return none("names days of the week by a place that is none of the first four and not the last, which Microsoft 365 cannot keep")
		}
	case (monthly || yearly) && len(names) == 0:
		if g.DayOfMonth, ok = dayOfMonth(dates, place, wall.Day, g.Month); !ok {
			return none("names days that not every month has, or several, and Microsoft 365 keeps one day, in a month that is too short its last one")
		}
		g.Type = "absolute" + kind
	default:
		return none("repeats in a way that Microsoft 365 cannot keep")
	}
	return g, nil
}

// dayOfMonth is the one day that dates of a month name, by Outlook's reading of 29, 30 and 31: in a month that is too short it is the last
// day. month is 0 where the rule is for every month; of no dates it is the day otherwise.
func dayOfMonth(dates []int, place, otherwise, month int) (day int, ok bool) {
	least, most := 28, 31
	if month != 0 {
		most = time.Date(2024, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if least = most; month == 2 {
			least = 28
		}
	}
	switch {
	case len(dates) == 0:
		dates = []int{otherwise}
	case len(dates) == 1 && dates[0] == -1:
		return most, place == 0 || place == 1 || place == -1
	}
	day = dates[len(dates)-1]
	switch {
	case len(dates) == 1 && (place == 0 || place == 1 || place == -1):
		return day, day >= 1 && day <= least
	case place != -1 || dates[0] < 1:
		return 0, false
	}
	// The last one that a month has of several: it is always the same, or they reach down to a day that every month has without a gap.
	if day <= least {
		return day, true
	}
	for i := len(dates) - 1; dates[i] > least; i-- {
		if dates[i] > most { // which the month never has
			day = most
		}
		if i == 0 || dates[i-1] != dates[i]-1 {
			return 0, false
		}
	}
	return day, true
}

// lastDay is the last day on which an instance may start, by package series' reading of UNTIL: a date or a local time as it is, an instant in the zone of the
// series; among days, the day that it means in the zone in which the series was made.
func lastDay(until string, start calendar.Wall, zone *time.Location, allDay bool, made string) calendar.Date {
	var at time.Time
	for _, layout := range []string{"20060102", "20060102T150405", "20060102T150405Z"} {
		if t, err := time.Parse(layout, until); err == nil {
			at = t
			break
		}
	}
	fixed := strings.HasSuffix(until, "Z")
	switch {
	case len(until) == len("20060102"):
		at = at.Add(24*time.Hour - time.Second)
	case fixed && allDay:
		at = series.Day(at, made, calendar.LoadZone)
	case fixed:
		at = at.In(zone)
	}
	day := calendar.Date{Year: at.Year(), Month: at.Month(), Day: at.Day()}
	if at.Hour()*3600+at.Minute()*60+at.Second() < start.Hour*3600+start.Minute*60+start.Second {
		day = day.AddDays(-1)
	}
	return day
}
