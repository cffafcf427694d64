package calendar

import (
	"time"

	"adminassistant/shared/fault"
)

// Window is a run of local days in a time zone. As instants it is half-open: from the first instant of From up to, and without,
// the first instant of the day after To.
type Window struct {
	From Date           `json:"from"`
	To   Date           `json:"to"` // included
	Zone *time.Location `json:"-"`
}

// The first and the last day that a window may have: every instant in it is then in the years 1 to 9999 in every zone, which RFC 3339 can write.
var firstDay, lastDay = Date{1, time.January, 2}, Date{9999, time.December, 30}

// NewWindow makes a window. Days that are missing or cannot be, and To before From, are Invalid errors on the fields window.from and window.to.
func NewWindow(from, to Date, zone *time.Location) (Window, error) {
	for _, day := range []struct {
		field string
		Date
	}{{"window.from", from}, {"window.to", to}} {
		switch {
		case day.Date == Date{}:
			return Window{}, fault.Field(day.field, "is missing")
		case !day.Valid() || day.Before(firstDay) || lastDay.Before(day.Date):
			return Window{}, fault.Field(day.field, "is %v: expected a day from %v to %v", day.Date, firstDay, lastDay)
		}
	}
	if to.Before(from) {
		return Window{}, fault.Field("window.to", "is %v, before window.from, %v", to, from)
	}
	return Window{From: from, To: to, Zone: zone}, nil
}

// Start is the window's first instant, in its zone.
func (w Window) Start() time.Time { return StartOfDay(w.From, w.Zone) }

// End is the first instant after the window, in its zone.
func (w Window) End() time.Time { return StartOfDay(w.To.AddDays(1), w.Zone) }

// Contains says whether t is in the window.
func (w Window) Contains(t time.Time) bool { return !t.Before(w.Start()) && t.Before(w.End()) }

// Holds says whether an event starts in the window or overlaps it: an all-day one by its dates, one whose times float as the clocks of the window's zone show
// them. An event whose times cannot be read counts as in it, so that it is seen.
func (w Window) Holds(e *Event) bool {
	if e.AllDay {
		from, to, err := e.Days(w.Zone)
		return err != nil || !w.To.Before(from) && (w.From.Before(to) || !from.Before(w.From))
	}
	start, err := e.Start.Instant(w.Zone)
	if err != nil {
		return true
	}
	end, err := e.End.Instant(w.Zone)
	return err != nil || start.Before(w.End()) && (end.After(w.Start()) || !start.Before(w.Start()))
}

// Days is the number of days, both ends included.
func (w Window) Days() int {
	return int(Wall{Date: w.To}.utc()-Wall{Date: w.From}.utc())/(24*60*60) + 1
}
