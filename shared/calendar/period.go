package calendar

import (
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/fault"
)

// ParsePeriod reads a period as people write it and returns its first and last day. It accepts, in any case and with any space:
//
//   - today, yesterday
//   - last N days: ends yesterday, N from 1 to 9999
//   - this week, last week: seven days from weekStart on
//   - last month: the calendar month before today's
//   - 2026-10-05, 05-10-2026, 5-10, 5-Oct, 5-October, 5-Oct-2026: the day before the month unless the year comes first, months in English
//   - two of them joined by " to " or " - ": from the first day of the one to the last day of the other
//
// A date without a year is the most recent one not after today. When two are joined that is so for the first, and the second is the
// next such date not before it: on 10 January "28-Dec to 3-Jan" ended this month. If only the first has no year, it is the most recent
// one not after the second.
//
// Errors are Invalid and say which text was not understood, or that the period ends before it begins.
func ParsePeriod(text string, today Date, weekStart time.Weekday) (from, to Date, err error) {
	words := strings.Fields(strings.ToLower(text))
	parts := [][]string{words}
	for i, word := range words {
		if word == "to" || word == "-" {
			parts = [][]string{words[:i], words[i+1:]}
			break
		}
	}
	var spans [2]span
	for i, part := range parts {
		var ok bool
		if spans[i], ok = parseSpan(part, today, weekStart); !ok {
			return Date{}, Date{}, errPeriod(strings.Join(part, " "), text)
		}
	}

	first, second := spans[0], spans[len(parts)-1]
	limit := today
	if !second.yearless {
		limit = second.to
	}
	if first.yearless {
		first.from = inYear(first.from, limit.Year, -1, func(d Date) bool { return !limit.Before(d) })
	}
	if second.yearless { // if it is the first, then this finds the same year again
		second.to = inYear(second.to, first.from.Year, 1, func(d Date) bool { return !d.Before(first.from) })
	}
	from, to = first.from, second.to
	switch {
	case !from.Valid() || !to.Valid():
		return Date{}, Date{}, fault.New(fault.Invalid, "the period %.80q is not within the years 1 to 9999", text)
	case to.Before(from):
		return Date{}, Date{}, fault.New(fault.Invalid, "the period %.80q ends, %v, before it begins, %v", text, to, from)
	}
	return from, to, nil
}

func errPeriod(part, text string) error {
	return fault.New(fault.Invalid, "%.40q in the period %.80q was not understood; expected today, yesterday, last N days, this week, last week, last month, "+
		"a date (YYYY-MM-DD, DD-MM-YYYY, DD-Mon, D-M), or two of them joined by \" to \" or \" - \"", part, text)
}

// span is one part of a period. If it is yearless, then it is one day, whose year is still to be found.
type span struct {
	from, to Date
	yearless bool
}

// parseSpan reads one part of a period, words in lower case.
func parseSpan(words []string, today Date, weekStart time.Weekday) (span, bool) {
	week := today.AddDays(-(int(today.Weekday()-weekStart) + 7) % 7) // its first day
	switch strings.Join(words, " ") {
	case "today":
		return span{from: today, to: today}, true
	case "yesterday":
		return span{from: today.AddDays(-1), to: today.AddDays(-1)}, true
	case "this week":
		return span{from: week, to: week.AddDays(6)}, true
	case "last week":
		return span{from: week.AddDays(-7), to: week.AddDays(-1)}, true
	case "last month":
		end := Date{today.Year, today.Month, 1}.AddDays(-1)
		return span{from: Date{end.Year, end.Month, 1}, to: end}, true
	}
	switch {
	case len(words) == 3 && words[0] == "last" && (words[2] == "days" || words[2] == "day"):
		n, ok := number(words[1], 1, 4)
		return span{from: today.AddDays(-n), to: today.AddDays(-1)}, ok && n >= 1
	case len(words) == 1:
		return parseDay(words[0])
	}
	return span{}, false
}

// parseDay reads one day in any of the forms that ParsePeriod accepts, in lower case.
func parseDay(text string) (span, bool) {
	if d, err := ParseDate(text); err == nil {
		return span{from: d, to: d}, true
	}
	fields := strings.Split(text, "-")
	if len(fields) < 2 || len(fields) > 3 {
		return span{}, false
	}
	day, ok := number(fields[0], 1, 2)
	month, isMonth := parseMonth(fields[1])
	year, yearless := 2000, len(fields) == 2 // a year that has a 29 February
	if !yearless {
		var isYear bool
		year, isYear = number(fields[2], 4, 4)
		ok = ok && isYear
	}
	d := Date{year, month, day}
	return span{d, d, yearless}, ok && isMonth && d.Valid()
}

// parseMonth reads a month's number or its English name, whole or its first three letters, in lower case.
func parseMonth(text string) (time.Month, bool) {
	for month := time.January; month <= time.December; month++ {
		name := strings.ToLower(month.String())
		if text == name || text == name[:3] {
			return month, true
		}
	}
	n, ok := number(text, 1, 2)
	return time.Month(n), ok
}

// number reads a number of so many decimal digits, and nothing else.
func number(text string, least, most int) (int, bool) {
	if len(text) < least || len(text) > most || strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}

// inYear puts d into the first year, counting from year in steps, in which it exists and fits; if there is none, it is the zero Date.
func inYear(d Date, year, step int, fits func(Date) bool) Date {
	for range 10 { // leap years are at most eight years apart
		d.Year = year
		if d.Valid() && fits(d) {
			return d
		}
		year += step
	}
	return Date{}
}
