package calendar

import (
	"fmt"
	"strings"
	"time"
)

// Span is the time from an instant up to another one, which is not in it.
type Span struct{ From, To time.Time }

// Contains says whether t is in the span.
func (s Span) Contains(t time.Time) bool { return !t.Before(s.From) && t.Before(s.To) }

// Unread is the error of a reading that lacks some spans: the provider fails whenever it has to read what is in them, so that trying again does not help.
// What else there is was returned beside it. Its kind is that of Err.
type Unread struct {
	Spans []Span // in order, of a day each or less
	Err   error  // of the first of them
}

func (u *Unread) Error() string {
	return fmt.Sprintf("events of %s cannot be read: %v", u.Days(time.UTC), u.Err)
}

// Unwrap returns Err.
func (u *Unread) Unwrap() error { return u.Err }

// Days names the days in a zone, as in "2026-10-05, 2026-10-06".
func (u *Unread) Days(zone *time.Location) string {
	var days []string
	for _, s := range u.Spans {
		for day := DateOf(s.From, zone); StartOfDay(day, zone).Before(s.To); day = day.AddDays(1) {
			if text := day.String(); len(days) == 0 || days[len(days)-1] != text {
				days = append(days, text)
			}
		}
	}
	return strings.Join(days, ", ")
}

// Has says whether t is in one of the spans.
func (u *Unread) Has(t time.Time) bool {
	for _, s := range u.Spans {
		if s.Contains(t) {
			return true
		}
	}
	return false
}
