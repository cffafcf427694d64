package calendar

import (
	"cmp"
	"fmt"
	"time"

	"adminassistant/shared/fault"
)

// Date is a day of the Gregorian calendar, in no time zone. The zero Date is no day.
type Date struct {
	Year  int
	Month time.Month
	Day   int
}

// DateOf returns the day that it is in zone at t.
func DateOf(t time.Time, zone *time.Location) Date {
	year, month, day := t.In(zone).Date()
	return Date{year, month, day}
}

// ParseDate reads YYYY-MM-DD. A day that does not exist is Invalid, as is one outside the years 1 to 9999.
func ParseDate(text string) (Date, error) {
	if d, rest, ok := cutDate(text); ok && rest == "" && d.Valid() {
		return d, nil
	}
	return Date{}, fault.New(fault.Invalid, "%.40q is not a date: expected YYYY-MM-DD", text)
}

// Valid says whether d is a day that exists, in the years 1 to 9999.
func (d Date) Valid() bool {
	return d.Year >= 1 && d.Year <= 9999 && d.Month >= 1 && d.Month <= 12 && d.Day >= 1 && (d.Day <= 28 || d.Day <= daysIn(d.Year, d.Month))
}

// daysIn is the length of a month.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// String is YYYY-MM-DD; the zero Date is empty text.
func (d Date) String() string {
	if d == (Date{}) {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d.Year, d.Month, d.Day)
}

// MarshalText writes String.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDate reads; empty text is the zero Date.
func (d *Date) UnmarshalText(text []byte) (err error) {
	*d = Date{}
	if len(text) > 0 {
		*d, err = ParseDate(string(text))
	}
	return err
}

// AddDays returns the day n days later, or earlier when n is negative.
func (d Date) AddDays(n int) Date {
	year, month, day := time.Date(d.Year, d.Month, d.Day+n, 0, 0, 0, 0, time.UTC).Date()
	return Date{year, month, day}
}

// Weekday returns the day of the week.
func (d Date) Weekday() time.Weekday {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Weekday()
}

// Compare returns -1, 0 or 1 as d is before, is, or is after other.
func (d Date) Compare(other Date) int {
	return cmp.Or(cmp.Compare(d.Year, other.Year), cmp.Compare(d.Month, other.Month), cmp.Compare(d.Day, other.Day))
}

// Before says whether d is an earlier day than other.
func (d Date) Before(other Date) bool { return d.Compare(other) < 0 }

// cutDate reads YYYY-MM-DD, which need not be a day that exists, from the beginning of text.
func cutDate(text string) (d Date, rest string, ok bool) {
	if len(text) < 10 || text[4] != '-' || text[7] != '-' {
		return Date{}, text, false
	}
	century, ok1 := twoDigits(text, 0)
	year, ok2 := twoDigits(text, 2)
	month, ok3 := twoDigits(text, 5)
	day, ok4 := twoDigits(text, 8)
	return Date{century*100 + year, time.Month(month), day}, text[10:], ok1 && ok2 && ok3 && ok4
}

// twoDigits reads the number that text has at i and i+1.
func twoDigits(text string, i int) (int, bool) {
	tens, ones := text[i]-'0', text[i+1]-'0'
	return int(tens)*10 + int(ones), tens <= 9 && ones <= 9
}
