package calendar

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"adminassistant/shared/fault"
)

// ParsePeriod reads a period as people write it and returns its first and last day. It accepts, in any case and with any space:
//
//   - today, yesterday, tomorrow
//   - last N days: ends yesterday, N from 1 to 9999; next N days: begins tomorrow
//   - this, last or next week (seven days from weekStart on), month, quarter and year
//   - 2026-10, October 2026, Oct-2026, October: a month; Q3 2026, 2026-Q3, Q3: a quarter; 2026: a year
//   - 2026-10-05, 05-10-2026, 05.10.2026, 5-10, 5.10., 5-Oct, 5 October, October 5, 5-Oct-2026: the day before the month unless the year comes first, months in
//     English, of which three letters are enough
//   - two of them joined by " to ", " - " or "..": from the first day of the one to the last day of the other
//
// What has no year is the most recent one that began not after today. When two are joined that is so for the first, and the second is the
// next such one not before it: on 10 January "28-Dec to 3-Jan" ended this month. If only the first has no year, it is the most recent
// one not after the second.
//
// Errors are Invalid and say which text was not understood, or that the period ends before it begins.
func ParsePeriod(text string, today Date, weekStart time.Weekday) (from, to Date, err error) {
	words := strings.Fields(strings.ReplaceAll(strings.ToLower(text), "..", " .. "))
	parts := [][]string{words}
	for i, word := range words {
		if word == "to" || word == "-" || word == "\u2013" || word == ".." {
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
		begin := inYear(second.from, first.from.Year, 1, func(d Date) bool { return !d.Before(first.from) })
		second.to = begin
		if begin.Valid() && second.months > 0 {
			second.to = monthsAfter(begin, second.months).AddDays(-1)
		}
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

// dateLike has the form of a day or a month.
var dateLike = regexp.MustCompile(`^(\d{4}-\d{2}(-\d{2})?|\d{1,2}-\d{1,2}(-\d{4})?|\d{1,2}\.\d{1,2}(\.(\d{4})?)?)$`)

func errPeriod(part, text string) error {
	which := fmt.Sprintf("%.40q in the period %.80q", part, text)
	if strings.EqualFold(part, strings.Join(strings.Fields(text), " ")) {
		which = fmt.Sprintf("the period %.80q", text)
	}
	if dateLike.MatchString(part) {
		return fault.New(fault.Invalid, "%s is a day or month that does not exist", which)
	}
	return fault.New(fault.Invalid, "%s was not understood; %s", which, periodForms)
}

const periodForms = "expected words as in yesterday, last 7 days, last week, this month, " +
	"a month as in October, Oct 2026 or 2026-10, a quarter as in Q3 2026, a day as in 2026-10-15, 15.10.2026 or 15-Oct, or two of them with \" to \" between"

// span is one part of a period. If it is yearless, then its year is still to be found; it is so many months long, or with 0 one day.
type span struct {
	from, to Date
	yearless bool
	months   int
}

// monthsAfter is the first day of the month so many months after that of d.
func monthsAfter(d Date, n int) Date {
	month := int(d.Month) - 1 + n
	year := d.Year + month/12
	if month %= 12; month < 0 {
		month, year = month+12, year-1
	}
	return Date{year, time.Month(month + 1), 1}
}

// monthsFrom is a span of so many months.
func monthsFrom(from Date, n int) span {
	return span{from: from, to: monthsAfter(from, n).AddDays(-1), months: n}
}

// yearlessYear is one that has a 29 February.
const yearlessYear = 2000

// parseSpan reads one part of a period, words in lower case.
func parseSpan(words []string, today Date, weekStart time.Weekday) (span, bool) {
	if len(words) == 0 {
		return span{}, false
	}
	if len(words) == 3 && (words[2] == "days" || words[2] == "day") {
		n, ok := number(words[1], 1, 4)
		switch words[0] {
		case "last":
			return span{from: today.AddDays(-n), to: today.AddDays(-1)}, ok && n >= 1
		case "next":
			return span{from: today.AddDays(1), to: today.AddDays(n)}, ok && n >= 1
		}
	}
	if len(words) == 2 {
		if by, ok := map[string]int{"last": -1, "this": 0, "next": 1}[words[0]]; ok {
			return nearby(words[1], by, today, weekStart)
		}
	}
	switch strings.Join(words, " ") {
	case "today":
		return span{from: today, to: today}, true
	case "yesterday":
		return span{from: today.AddDays(-1), to: today.AddDays(-1)}, true
	case "tomorrow":
		return span{from: today.AddDays(1), to: today.AddDays(1)}, true
	}
	return parseDate(words)
}

// nearby reads the last, this or the next week, month, quarter or year: by is -1, 0 or 1.
func nearby(word string, by int, today Date, weekStart time.Weekday) (span, bool) {
	month := Date{today.Year, today.Month, 1}
	switch word {
	case "week":
		first := today.AddDays(-(int(today.Weekday()-weekStart)+7)%7 + 7*by)
		return span{from: first, to: first.AddDays(6)}, true
	case "month":
		return monthsFrom(monthsAfter(month, by), 1), true
	case "quarter":
		return monthsFrom(monthsAfter(month, 3*by-(int(today.Month)-1)%3), 3), true
	case "year":
		return monthsFrom(Date{today.Year + by, time.January, 1}, 12), true
	}
	return span{}, false
}

// parseDate reads a day, a month, a quarter or a year in any of the forms that ParsePeriod accepts, in lower case.
func parseDate(words []string) (span, bool) {
	if len(words) == 1 {
		if d, err := ParseDate(words[0]); err == nil {
			return span{from: d, to: d}, true
		}
	}
	fields, ok := dateFields(words)
	if !ok {
		return span{}, false
	}
	year, yearless := yearlessYear, true
	if i := len(fields) - 1; len(fields[i]) == 4 {
		if n, ok := number(fields[i], 4, 4); ok {
			year, yearless, fields = n, false, fields[:i]
		}
	}
	if yearless && len(fields[0]) == 4 && len(fields) == 2 { // 2026-10, 2026-q3
		if n, ok := number(fields[0], 4, 4); ok {
			if month, ok := parseMonth(fields[1]); ok {
				return ofYear(Date{n, month, 1}, 1, false)
			}
			year, yearless, fields = n, false, fields[1:]
		}
	}
	switch len(fields) {
	case 0:
		return ofYear(Date{year, time.January, 1}, 12, false)
	case 1:
		if quarter, ok := strings.CutPrefix(fields[0], "q"); ok {
			n, ok := number(quarter, 1, 1)
			if !ok || n < 1 || n > 4 {
				return span{}, false
			}
			return ofYear(Date{year, time.Month(3*n - 2), 1}, 3, yearless)
		}
		month, ok := monthNamed(fields[0])
		if !ok {
			return span{}, false
		}
		return ofYear(Date{year, month, 1}, 1, yearless)
	case 2:
		if month, ok := monthNamed(fields[0]); ok { // October 5
			fields = []string{fields[1], month.String()}
		}
		day, ok := number(fields[0], 1, 2)
		month, isMonth := parseMonth(strings.ToLower(fields[1]))
		d := Date{year, month, day}
		return span{from: d, to: d, yearless: yearless}, ok && isMonth && d.Valid()
	}
	return span{}, false
}

// ofYear is a span of months, whose year may be still to be found.
func ofYear(from Date, months int, yearless bool) (span, bool) {
	s := monthsFrom(from, months)
	s.yearless = yearless
	return s, from.Valid()
}

// dateFields are the parts of a date, between dashes, dots or spaces; only one sort of them may be there.
func dateFields(words []string) ([]string, bool) {
	fields := words
	if len(words) == 1 {
		switch text := words[0]; {
		case strings.Contains(text, "-"):
			fields = strings.Split(text, "-")
		case strings.Contains(text, "."):
			fields = strings.Split(strings.TrimSuffix(text, "."), ".")
		}
	} else { // 15 October 2026, October 15, 2026
		fields = make([]string, len(words))
		for i, word := range words {
			fields[i] = strings.TrimSuffix(word, ",")
		}
		if _, all := number(fields[0], 1, 2); all {
			if _, month := monthNamed(fields[1]); !month { // two numbers with a space between are no date
				return nil, false
			}
		}
	}
	for _, field := range fields {
		if field == "" {
			return nil, false
		}
	}
	return fields, len(fields) <= 3
}

// monthNamed reads the English name of a month, or three letters or more of its beginning, in lower case.
func monthNamed(text string) (time.Month, bool) {
	for month := time.January; month <= time.December; month++ {
		if len(text) >= 3 && strings.HasPrefix(strings.ToLower(month.String()), text) {
			return month, true
		}
	}
	return 0, false
}

// parseMonth reads a month's number or its name, in lower case.
func parseMonth(text string) (time.Month, bool) {
	if month, ok := monthNamed(text); ok {
		return month, true
	}
	n, ok := number(text, 1, 2)
	return time.Month(n), ok && n >= 1 && n <= 12
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
