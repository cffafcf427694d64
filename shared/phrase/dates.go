package phrase

import (
	"fmt"
	"strconv"
	"time"

	"adminassistant/shared/calendar"
)

// months are their names.
var months = map[Language][12]string{
	English: {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"},
	German:  {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"},
}

// Month is the name of a month.
func (l Language) Month(m time.Month) string { return months[l][m-1] }

// nth is a day within a month: "5", "5.".
func (l Language) nth(day int) string {
	if l == German {
		return strconv.Itoa(day) + "."
	}
	return strconv.Itoa(day)
}

// Day is "5 October 2026", "5. Oktober 2026".
func (l Language) Day(d calendar.Date) string {
	return fmt.Sprintf("%s %s %d", l.nth(d.Day), l.Month(d.Month), d.Year)
}

// Days are a first and a last day: "12–18 October 2026", "12.–18. Oktober 2026". Both zero: all days.
func (l Language) Days(from, to calendar.Date) string {
	switch {
	case from == (calendar.Date{}) && to == (calendar.Date{}):
		if l == German {
			return "alle Tage"
		}
		return "all days"
	case from == to:
		return l.Day(from)
	case from.Year == to.Year && from.Month == to.Month:
		return l.nth(from.Day) + "–" + l.Day(to)
	}
	return l.first(from, to) + " – " + l.Day(to)
}

// first is the first of several days, without what it has in common with the last one.
func (l Language) first(from, to calendar.Date) string {
	switch {
	case from.Year != to.Year:
		return l.Day(from)
	case from.Month != to.Month:
		return l.nth(from.Day) + " " + l.Month(from.Month)
	}
	return l.nth(from.Day)
}

// within are days as a sentence has them, behind "of" and "für".
func (l Language) within(from, to calendar.Date) string {
	switch {
	case l != German || from == (calendar.Date{}) && to == (calendar.Date{}):
		return l.Days(from, to)
	case from == to:
		return "den " + l.Day(from)
	}
	return "die Zeit vom " + l.first(from, to) + " bis " + l.Day(to)
}

// Number is "1,234", "1.234".
func (l Language) Number(n int) string {
	text, sign := strconv.Itoa(n), ""
	if n < 0 {
		text, sign = text[1:], "-"
	}
	mark := ","
	if l == German {
		mark = "."
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + mark + text[i:]
	}
	return sign + text
}

// zone is where the reader is.
func (r Reader) zone() *time.Location {
	if r.Zone == nil {
		return time.UTC
	}
	return r.Zone
}

// moment is an instant in the reader's zone: "5 October 2026 at 09:30", "5. Oktober 2026 um 09:30 Uhr". In UTC it says so.
func (r Reader) moment(t time.Time) string {
	zone := r.zone()
	day, clock := r.Language.Day(calendar.DateOf(t, zone)), t.In(zone).Format("15:04")
	text := day + " at " + clock
	if r.Language == German {
		text = day + " um " + clock + " Uhr"
	}
	if zone.String() == time.UTC.String() {
		text += " UTC"
	}
	return text
}
