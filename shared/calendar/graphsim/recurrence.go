package graphsim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
)

// recurrence is Graph's patternedRecurrence.
type recurrence struct {
	Pattern pattern    `json:"pattern"`
	Range   spanOfDays `json:"range"`
}

type pattern struct {
	Type           string   `json:"type"`
	Interval       int      `json:"interval"`
	Month          int      `json:"month"`
	DayOfMonth     int      `json:"dayOfMonth"`
	DaysOfWeek     []string `json:"daysOfWeek,omitempty"`
	FirstDayOfWeek string   `json:"firstDayOfWeek"`
	Index          string   `json:"index"`
}

// spanOfDays is Graph's recurrenceRange. Days are YYYY-MM-DD.
type spanOfDays struct {
	Type                string `json:"type"`
	StartDate           string `json:"startDate"`
	EndDate             string `json:"endDate"`
	RecurrenceTimeZone  string `json:"recurrenceTimeZone"`
	NumberOfOccurrences int    `json:"numberOfOccurrences"`
}

var (
	dayNames  = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}
	dayCodes  = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}
	weekIndex = map[string]int{"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
)

const noDate = "0001-01-01" // where Graph has no day

// readRecurrence reads one that agrees with the types. start is the first occurrence's, or where the pattern first fits after it.
func readRecurrence(checked object, start calendar.DateTime) (*recurrence, error) {
	text, _ := json.Marshal(checked)
	var r recurrence
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, badBody("The recurrence cannot be read.")
	}
	fill(&r.Pattern.FirstDayOfWeek, "sunday")
	fill(&r.Pattern.Index, "first")
	fill(&r.Range.EndDate, noDate)
	p, days := &r.Pattern, len(r.Pattern.DaysOfWeek)
	wall, _ := start.Wall()
	wrong := func(format string, args ...any) (*recurrence, error) {
		return nil, badValue("recurrence: "+format, args...)
	}
	switch {
	case p.Type == "" || r.Range.Type == "":
		return wrong("a pattern and a range with a type each are required")
	case p.Interval < 1 || p.Interval > 999:
		return wrong("interval must be 1 to 999")
	case slices.Contains([]string{"weekly", "relativeMonthly", "relativeYearly"}, p.Type) && days == 0:
		return wrong("daysOfWeek is required by %s", p.Type)
	case strings.HasPrefix(p.Type, "absolute") && (p.DayOfMonth < 1 || p.DayOfMonth > 31):
		return wrong("dayOfMonth must be 1 to 31")
	case strings.HasSuffix(p.Type, "Yearly") && (p.Month < 1 || p.Month > 12):
		return wrong("month must be 1 to 12")
	case r.Range.StartDate != "" && r.Range.StartDate != wall.Date.String():
		return wrong("startDate must be the day of the start, %s", wall.Date)
	case r.Range.Type == "numbered" && (r.Range.NumberOfOccurrences < 1 || r.Range.NumberOfOccurrences > 999):
		return wrong("numberOfOccurrences must be 1 to 999")
	case r.Range.Type == "endDate" && (r.Range.EndDate == noDate || r.Range.EndDate < wall.Date.String()):
		return wrong("endDate is required and must not be before the start")
	}
	r.Range.StartDate = wall.Date.String()
	if r.Range.RecurrenceTimeZone != "" {
		if _, err := calendar.LoadZone(r.Range.RecurrenceTimeZone); err != nil {
			return nil, badZone(r.Range.RecurrenceTimeZone)
		}
	}
	if err := series.CheckRule(r.rule()); err != nil {
		return wrong("%v", err)
	}
	return &r, nil
}

// rule is the recurrence as an RRULE. Where RFC 5545 skips months that do not have a day, Outlook uses their last one.
func (r *recurrence) rule() string {
	p := r.Pattern
	var codes []string
	for _, day := range p.DaysOfWeek {
		codes = append(codes, dayCodes[slices.Index(dayNames, day)])
	}
	days := "BYDAY=" + strings.Join(codes, ",")
	monthDay := "BYMONTHDAY=" + strconv.Itoa(p.DayOfMonth)
	if p.DayOfMonth > 28 {
		monthDay = "BYMONTHDAY=28"
		for d := 29; d <= p.DayOfMonth; d++ {
			monthDay += "," + strconv.Itoa(d)
		}
		monthDay += ";BYSETPOS=-1"
	}
	nth := fmt.Sprintf("%s;BYSETPOS=%d", days, weekIndex[p.Index])
	month := "BYMONTH=" + strconv.Itoa(p.Month)
	parts := map[string][]string{
		"daily":           {"FREQ=DAILY"},
		"weekly":          {"FREQ=WEEKLY", days, "WKST=" + dayCodes[max(0, slices.Index(dayNames, p.FirstDayOfWeek))]},
		"absoluteMonthly": {"FREQ=MONTHLY", monthDay},
		"relativeMonthly": {"FREQ=MONTHLY", nth},
		"absoluteYearly":  {"FREQ=YEARLY", month, monthDay},
		"relativeYearly":  {"FREQ=YEARLY", month, nth},
	}[p.Type]
	parts = append(parts, "INTERVAL="+strconv.Itoa(p.Interval))
	switch r.Range.Type {
	case "numbered":
		parts = append(parts, "COUNT="+strconv.Itoa(r.Range.NumberOfOccurrences))
	case "endDate":
		parts = append(parts, "UNTIL="+strings.ReplaceAll(r.Range.EndDate, "-", ""))
	}
	return strings.Join(parts, ";")
}

// first returns how many days after start the pattern first fits: Outlook moves a series to the first day that it names.
func (r *recurrence) first(start calendar.Wall) (days int, err error) {
	endless := *r
	endless.Range.Type = "noEnd"
	at := time.Date(start.Year, start.Month, start.Day, start.Hour, start.Minute, start.Second, 0, time.UTC)
	starts, err := series.Starts(endless.rule(), at, at, at.AddDate(9, 0, 0), time.UTC)
	if err != nil || len(starts) == 0 {
		return 0, badValue("recurrence: the pattern names no day in the nine years after the start")
	}
	return int(starts[0].Sub(at) / (24 * time.Hour)), nil
}

// recurrenceOf writes an RRULE in Graph's patterns, if they can express it. Events start at the wall time start in loc.
func recurrenceOf(rule string, start calendar.Wall, zoneName string, loc *time.Location) (*recurrence, bool) {
	part := map[string]string{}
	for text := range strings.SplitSeq(strings.ToUpper(strings.TrimSuffix(rule, ";")), ";") {
		key, value, _ := strings.Cut(text, "=")
		part[key] = value
	}
	day := func(code string) string {
		if i := slices.Index(dayCodes, code); i >= 0 {
			return dayNames[i]
		}
		return ""
	}
	r := &recurrence{Pattern: pattern{Interval: 1, FirstDayOfWeek: "monday", Index: "first"},
		Range: spanOfDays{Type: "noEnd", StartDate: start.Date.String(), EndDate: noDate}}
	r.Range.RecurrenceTimeZone = zoneName
	p := &r.Pattern
	extract := func(key string) string {
		value := part[key]
		delete(part, key)
		return value
	}
	if n := extract("INTERVAL"); n != "" {
		var err error
		if p.Interval, err = strconv.Atoi(n); err != nil || p.Interval < 1 || p.Interval > 999 {
			return nil, false
		}
	}
	if w := day(extract("WKST")); w != "" {
		p.FirstDayOfWeek = w
	}
	position := extract("BYSETPOS")
	if list := extract("BYDAY"); list != "" {
		for code := range strings.SplitSeq(list, ",") {
			if len(code) < 2 {
				return nil, false
			}
			if n := code[:len(code)-2]; n != "" { // "2TU", "-1FR"
				if position != "" && position != n || strings.Contains(list, ",") {
					return nil, false
				}
				position = strings.TrimPrefix(n, "+")
			}
			name := day(code[len(code)-2:])
			if name == "" {
				return nil, false
			}
			p.DaysOfWeek = append(p.DaysOfWeek, name)
		}
	}
	if position != "" {
		n, _ := strconv.Atoi(position)
		p.Index = ""
		for name, i := range weekIndex {
			if i == n {
				p.Index = name
			}
		}
		if p.Index == "" || len(p.DaysOfWeek) == 0 {
			return nil, false
		}
	}
	p.DayOfMonth = number(extract("BYMONTHDAY"), start.Day)
	months := extract("BYMONTH")
	p.Month = number(months, int(start.Month))
	freq := extract("FREQ")
	relative := len(p.DaysOfWeek) > 0 && position != ""
	switch {
	case p.DayOfMonth < 1 || p.DayOfMonth > 31 || p.Month < 1 || p.Month > 12:
		return nil, false
	case freq == "DAILY" && len(p.DaysOfWeek) == 0 && months == "":
		p.Type = "daily"
	case (freq == "WEEKLY" || freq == "DAILY" && p.Interval == 1) && position == "" && months == "":
		p.Type = "weekly"
		if len(p.DaysOfWeek) == 0 {
			p.DaysOfWeek = []string{dayNames[start.Weekday()]}
		}
	case freq == "MONTHLY" && relative && months == "":
		p.Type = "relativeMonthly"
	case freq == "MONTHLY" && len(p.DaysOfWeek) == 0 && p.DayOfMonth <= 28 && months == "":
		p.Type = "absoluteMonthly"
	case freq == "YEARLY" && relative && months != "":
		p.Type = "relativeYearly"
	case freq == "YEARLY" && len(p.DaysOfWeek) == 0 && (p.DayOfMonth <= 28 || p.Month != 2):
		p.Type = "absoluteYearly"
	default:
		return nil, false
	}
	if !strings.HasPrefix(p.Type, "absolute") {
		p.DayOfMonth = 0
	}
	if !strings.HasSuffix(p.Type, "Yearly") {
		p.Month = 0
	}
	if count := extract("COUNT"); count != "" {
		r.Range.Type, r.Range.NumberOfOccurrences = "numbered", number(count, 0)
	}
	if until := extract("UNTIL"); until != "" {
		r.Range.Type = "endDate"
		last, ok := untilDay(until, start, loc)
		if !ok {
			return nil, false
		}
		r.Range.EndDate = last.String()
	}
	// What is left is something that a pattern cannot express; and a series starts on a day that its pattern names.
	for key := range part {
		if key != "" {
			return nil, false
		}
	}
	if days, err := r.first(start); err != nil || days != 0 {
		return nil, false
	}
	return r, true
}

// untilDay is the last day on which an occurrence may start.
func untilDay(until string, start calendar.Wall, loc *time.Location) (calendar.Date, bool) {
	for _, layout := range []string{"20060102", "20060102T150405", "20060102T150405Z"} {
		at, err := time.Parse(layout, until)
		if err != nil {
			continue
		}
		if strings.HasSuffix(layout, "Z") {
			at = at.In(loc)
		}
		day := calendar.Date{Year: at.Year(), Month: at.Month(), Day: at.Day()}
		if layout != "20060102" && at.Hour()*3600+at.Minute()*60+at.Second() < start.Hour*3600+start.Minute*60+start.Second {
			day = day.AddDays(-1)
		}
		return day, true
	}
	return calendar.Date{}, false
}

// number reads a number; what is none is 0, and nothing is otherwise.
func number(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}
	n, _ := strconv.Atoi(text)
	return n
}
