package hours

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

// Limits are those that a report about working time warns of. What is 0 is not looked at.
type Limits struct {
	Day  time.Duration // of work on a local day, at most
	Week time.Duration // of work in a week, at most
	Rest time.Duration // without work between two days, at least
	// Stretch is of work without a break, at most. A break is at least LeastBreak long.
	Stretch    time.Duration
	LeastBreak time.Duration
	// Breaks are how long the breaks of a day are together, at least, if more than After is worked on it.
	Breaks []BreakRule
}

// BreakRule is how long breaks are at least on a day with more work than After.
type BreakRule struct{ After, Least time.Duration }

// DefaultLimits are those of the German law on working time (ArbZG, sections 3 to 5) for a day, breaks and rest, and that of the EU's directive
// 2003/88/EC for a week, which is a mean of several ones there.
func DefaultLimits() Limits {
	return Limits{
		Day: 10 * time.Hour, Week: 48 * time.Hour, Rest: 11 * time.Hour, Stretch: 6 * time.Hour, LeastBreak: 15 * time.Minute,
		Breaks: []BreakRule{{6 * time.Hour, 30 * time.Minute}, {9 * time.Hour, 45 * time.Minute}},
	}
}

// Check says what is wrong with limits; errors are of kind fault.Invalid and name the field.
func (l *Limits) Check() error {
	for _, c := range []struct {
		field string
		value time.Duration
		most  time.Duration
	}{
		{"most_day", l.Day, 24 * time.Hour}, {"most_week", l.Week, 7 * 24 * time.Hour}, {"least_rest", l.Rest, 24 * time.Hour},
		{"most_stretch", l.Stretch, 24 * time.Hour}, {"least_break", l.LeastBreak, 24 * time.Hour},
	} {
		if c.value < 0 || c.value > c.most {
			return fault.Field(c.field, "must be 0 to %d minutes", c.most/time.Minute)
		}
	}
	return nil
}

// Warning is what somebody who looks at a day or a week should know.
type Warning string

const (
	LongDay     Warning = "long_day"     // more work than the limit of a day
	ShortRest   Warning = "short_rest"   // less time without work before the day than there should be
	ShortBreaks Warning = "short_breaks" // less breaks than the work of the day asks for
	LongStretch Warning = "long_stretch" // more work without a break than there should be
	LongWeek    Warning = "long_week"    // more work than the limit of a week
)

// WorkingDay is the work of one local day. What goes on past midnight is split there.
type WorkingDay struct {
	Date        calendar.Date
	First, Last time.Time     // begin and end of work, within the day
	Worked      time.Duration // in which at least one appointment was under way
	// Gaps are between First and Last. Those that are long enough are breaks, but for one that is the rest of the day.
	Gaps   []Gap
	Breaks time.Duration
	// Stretch is the longest work without a break.
	Stretch time.Duration
	// Rest is the longest time without work that ended on the day; 0: none did, or it is not known since it began long before.
	Rest     time.Duration
	Warnings []Warning
}

// WorkingWeek is the work of a week.
type WorkingWeek struct {
	From     calendar.Date
	Worked   time.Duration // of those of its days that are in the period
	Warnings []Warning
}

// WorkingTime is the work of a period.
type WorkingTime struct {
	Days    []WorkingDay // those on which there was work
	Weeks   []WorkingWeek
	Worked  time.Duration
	LeftOut map[Reason]int
}

// piece is a time in which there was work.
type piece struct{ from, to time.Time }

// Work makes the report of the days of w. Entries are what the ledger has of these days and of the one before, each key once. Work is what a customer has
// asked for, private or not, but for Break, and travel; whole days have no begin, and are left out and counted.
func Work(entries []ledger.Entry, w calendar.Window, l Limits, weekStart time.Weekday) *WorkingTime {
	r := &WorkingTime{Days: []WorkingDay{}, Weeks: []WorkingWeek{}, LeftOut: map[Reason]int{}}
	pieces := together(r.timed(entries, w))
	var before time.Time // end of the last work
	for n := 0; n < len(pieces); {
		day := calendar.DateOf(pieces[n].from, w.Zone)
		midnight := calendar.StartOfDay(day.AddDays(1), w.Zone)
		var today []piece
		for ; n < len(pieces) && pieces[n].from.Before(midnight); n++ {
			p := pieces[n]
			if p.to.After(midnight) { // the rest is the next day's
				today = append(today, piece{p.from, midnight})
				pieces[n].from = midnight
				break
			}
			today = append(today, p)
		}
		if !day.Before(w.From) && !w.To.Before(day) {
			r.Days = append(r.Days, workingDay(day, today, before, &l))
		}
		before = today[len(today)-1].to
	}
	r.weeks(&l, weekStart)
	return r
}

// timed are the times of entries that are work. Others of the window are counted.
func (r *WorkingTime) timed(entries []ledger.Entry, w calendar.Window) (pieces []piece) {
	for i := range entries {
		a := &entries[i].Appointment
		isBreak := a.Customer == category.Break && a.BillingType == calendar.NonBillable
		if entries[i].Outcome != ledger.Archived || a.Customer == "" && !a.Travel || isBreak {
			continue
		}
		why := idle(a)
		switch {
		case why == "" && a.AllDay:
			why = AllDay
		case why == "" && a.Duration() > 0:
			pieces = append(pieces, piece{a.Start, a.End})
		}
		if day := a.Day(w.Zone); why != "" && !day.Before(w.From) && !w.To.Before(day) {
			r.LeftOut[why]++
		}
	}
	return pieces
}

// together puts times that overlap or touch into one, in order.
func together(pieces []piece) (union []piece) {
	slices.SortFunc(pieces, func(a, b piece) int { return a.from.Compare(b.from) })
	for _, p := range pieces {
		if last := len(union) - 1; last >= 0 && !p.from.After(union[last].to) {
			if p.to.After(union[last].to) {
				union[last].to = p.to
			}
			continue
		}
		union = append(union, p)
	}
	return union
}

// leastRest is from when on time without work is taken for the rest of a day that goes on from the one before, and not for a break.
const leastRest = 4 * time.Hour

// workingDay is a day of the pieces that lie in it, and the end of the work before them; zero: none is known.
func workingDay(date calendar.Date, pieces []piece, before time.Time, l *Limits) WorkingDay {
	d := WorkingDay{Date: date, First: pieces[0].from, Last: pieces[len(pieces)-1].to, Gaps: []Gap{}, Warnings: []Warning{}}
	if !before.IsZero() {
		d.Rest = d.First.Sub(before) // 0 if it goes on from the day before
	}
	goesOn := before.Equal(d.First)
	var rest Gap // the one within the day that is its rest
	if goesOn {
		for i := 1; i < len(pieces); i++ {
			if g := (Gap{pieces[i-1].to, pieces[i].from}); g.To.Sub(g.From) >= max(d.Rest, leastRest) {
				d.Rest, rest = g.To.Sub(g.From), g
			}
		}
	}
	stretch := time.Duration(0)
	for i, p := range pieces {
		d.Worked += p.to.Sub(p.from)
		if i > 0 {
			g := Gap{pieces[i-1].to, p.from}
			d.Gaps = append(d.Gaps, g)
			if long := g.To.Sub(g.From); long >= l.LeastBreak {
				stretch = 0
				if g != rest {
					d.Breaks += long
				}
			}
		}
		stretch += p.to.Sub(p.from)
		d.Stretch = max(d.Stretch, stretch)
	}
	d.warn(l, goesOn && rest == Gap{}, before.IsZero())
	return d
}

// warn says what limits the day goes over. restless says that it goes on from the day before and has no rest, unknown that nobody knows of one.
func (d *WorkingDay) warn(l *Limits, restless, unknown bool) {
	if l.Day > 0 && d.Worked > l.Day {
		d.Warnings = append(d.Warnings, LongDay)
	}
	if l.Rest > 0 && !unknown && !restless && d.Rest < l.Rest {
		d.Warnings = append(d.Warnings, ShortRest)
	}
	for _, rule := range l.Breaks {
		if d.Worked > rule.After && d.Breaks < rule.Least {
			d.Warnings = append(d.Warnings, ShortBreaks)
			break
		}
	}
	if l.Stretch > 0 && d.Stretch > l.Stretch {
		d.Warnings = append(d.Warnings, LongStretch)
	}
}

// weeks adds up the days.
func (r *WorkingTime) weeks(l *Limits, weekStart time.Weekday) {
	for i := range r.Days {
		d := &r.Days[i]
		from := d.Date.AddDays(-(int(d.Date.Weekday()-weekStart) + 7) % 7)
		if n := len(r.Weeks); n == 0 || r.Weeks[n-1].From != from {
			r.Weeks = append(r.Weeks, WorkingWeek{From: from, Warnings: []Warning{}})
		}
		r.Weeks[len(r.Weeks)-1].Worked += d.Worked
		r.Worked += d.Worked
	}
	for i := range r.Weeks {
		if l.Week > 0 && r.Weeks[i].Worked > l.Week {
			r.Weeks[i].Warnings = append(r.Weeks[i].Warnings, LongWeek)
		}
	}
}

// WriteCSV writes the days of a report as a CSV file (RFC 4180), with times as the clocks of zone show them.
func (r *WorkingTime) WriteCSV(w io.Writer, zone *time.Location) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	minutes := func(long time.Duration) string { return fmt.Sprint(Minutes(long)) }
	clock := func(t time.Time, day calendar.Date) string {
		if calendar.DateOf(t, zone) != day { // the midnight at its end
			return "24:00"
		}
		return t.In(zone).Format("15:04:05")
	}
	records := [][]string{{"date", "first_begin", "last_end", "worked_minutes", "break_minutes", "rest_minutes", "longest_stretch_minutes", "gaps", "warnings"}}
	for i := range r.Days {
		d := &r.Days[i]
		var gaps, warnings []string
		for _, g := range d.Gaps {
			gaps = append(gaps, clock(g.From, d.Date)+"-"+clock(g.To, d.Date))
		}
		for _, w := range d.Warnings {
			warnings = append(warnings, string(w))
		}
		rest := ""
		if d.Rest > 0 {
			rest = minutes(d.Rest)
		}
		records = append(records, []string{
			d.Date.String(), clock(d.First, d.Date), clock(d.Last, d.Date), minutes(d.Worked), minutes(d.Breaks), rest, minutes(d.Stretch),
			strings.Join(gaps, " "), strings.Join(warnings, " "),
		})
	}
	if err := out.WriteAll(records); err != nil {
		return fmt.Errorf("write working time: %w", err)
	}
	return nil
}

// WorkingTime makes the report of a user's config in a window, which is at most MaxDays long: else the error is of kind fault.Invalid, as for limits that
// cannot be.
func (r *Reader) WorkingTime(ctx context.Context, config string, w calendar.Window, l Limits, weekStart time.Weekday) (*WorkingTime, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if w.Days() > MaxDays {
		return nil, tooLong(w)
	}
	entries, err := r.Ledger.AsOf(ctx, config, ledger.Span{From: calendar.StartOfDay(w.From.AddDays(-1), w.Zone), To: w.End()}, time.Time{})
	if err != nil {
		return nil, err
	}
	return Work(entries, w, l, weekStart), nil
}
