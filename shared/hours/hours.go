// Package hours adds up the time that stands in an archive: by customer, day, week, billing type or category.
//
// Duration is elapsed time between instants, and an appointment belongs as a whole to the local day of its start. What counts is what an archive for
// timesheets would hold, so that an archive of everything gives the same hours: what was left out is counted, with the reason.
package hours

import (
	"cmp"
	"container/heap"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

// By is what time is added up by.
type By string

const (
	ByCustomer By = "customer"
	ByDay      By = "day"
	ByWeek     By = "week" // by its first day
	ByBilling  By = "billing"
	ByCategory By = "category"
)

// All are all that there are.
var All = []By{ByCustomer, ByDay, ByWeek, ByBilling, ByCategory}

// Reason says why an appointment of the period is not counted. The first that fits is its reason.
type Reason string

const (
	Private    Reason = "private" // its sensitivity is above normal
	Cancelled  Reason = "cancelled"
	Declined   Reason = "declined"
	Free       Reason = "free"        // it claims no time
	NoCustomer Reason = "no_customer" // and it is no travel
	AllDay     Reason = "all_day"     // its customer has no length of a day
)

// Row is the time of one customer, day, week, billing type or category.
type Row struct {
	Key     string // the customer's name, the first or only day, the billing type, or the category; empty: travel without a customer
	New     bool   // by customer: nobody recorded that customer
	Entries int
	// Billable and NonBillable are work; Travel is apart, whatever its billing type.
	Billable, NonBillable, Travel time.Duration
}

// Whole is all time of a row.
func (r *Row) Whole() time.Duration { return r.Billable + r.NonBillable + r.Travel }

// Overlap is time that two appointments share.
type Overlap struct {
	First, Second *ledger.Entry
	From, To      time.Time
}

// Gap is time of a day between appointments, in which there is none.
type Gap struct{ From, To time.Time }

// maxNamed is how many overlaps and gaps are named, each.
const maxNamed = 500

// Report is the time of a period.
type Report struct {
	Rows  []Row // by key
	Total Row
	// Worked is the time in which at least one appointment was counted; it is less than the total where they overlap.
	Worked  time.Duration
	LeftOut map[Reason]int
	// Overlaps and Gaps are the first ones; OverlapCount and GapCount say how many there are.
	Overlaps               []Overlap
	Gaps                   []Gap
	OverlapCount, GapCount int
}

// Sum adds up what entries have in the days of w. Entries are what the ledger has of these days, each key once, as ledger.AsOf gives them. Weeks begin
// on weekStart.
func Sum(entries []ledger.Entry, w calendar.Window, book *customer.Book, by By, weekStart time.Weekday) *Report {
	s := &summing{
		window: w, book: book, names: spellings(entries, book), by: by, weekStart: weekStart, rows: map[string]*Row{},
		report: &Report{Rows: []Row{}, LeftOut: map[Reason]int{}},
	}
	for i := range entries {
		if entries[i].Outcome == ledger.Archived {
			s.add(&entries[i])
		}
	}
	s.report.Worked = s.allDay + union(s.counted)
	s.overlaps()
	s.gaps()
	for _, row := range s.rows {
		s.report.Rows = append(s.report.Rows, *row)
	}
	slices.SortFunc(s.report.Rows, func(a, b Row) int {
		return cmp.Or(strings.Compare(calendar.Folded(a.Key), calendar.Folded(b.Key)), strings.Compare(a.Key, b.Key))
	})
	return s.report
}

// summing is the adding up of one period.
type summing struct {
	window    calendar.Window
	book      *customer.Book
	names     map[string]string // how customers that nobody recorded are written, by their folded names
	by        By
	weekStart time.Weekday
	rows      map[string]*Row
	allDay    time.Duration
	counted   []*ledger.Entry // timed ones that claim time
	there     []*ledger.Entry // the same, and private ones, those of no customer, and those that reach in from the day before
	report    *Report
}

func (s *summing) add(e *ledger.Entry) {
	a := &e.Appointment
	if claims(a) {
		s.there = append(s.there, e)
	}
	days := s.days(a)
	if len(days) == 0 {
		return // it reaches in from the days before
	}
	if why := reason(a); why != "" {
		s.report.LeftOut[why]++
		return
	}
	if !a.AllDay {
		s.count(a, days[0], a.Duration())
		if claims(a) {
			s.counted = append(s.counted, e)
		}
		return
	}
	c := s.book.Find(a.Customer)
	if c == nil || c.DayMinutes == 0 {
		s.report.LeftOut[AllDay]++
		return
	}
	for _, day := range days {
		long := time.Duration(c.DayMinutes) * time.Minute
		s.count(a, day, long)
		s.allDay += long
	}
}

// claims says whether an appointment takes up time of its day.
func claims(a *calendar.Appointment) bool {
	return !a.AllDay && a.Duration() > 0 && idle(a) == ""
}

// days are the days of the window to which an appointment belongs: that of its start, or each of an all-day one.
func (s *summing) days(a *calendar.Appointment) (days []calendar.Date) {
	first := a.Day(s.window.Zone)
	last := first
	if a.AllDay && first.Before(a.EndDate) {
		last = a.EndDate.AddDays(-1)
	}
	for day := maxDate(first, s.window.From); !last.Before(day) && !s.window.To.Before(day); day = day.AddDays(1) {
		days = append(days, day)
	}
	return days
}

func maxDate(a, b calendar.Date) calendar.Date {
	if a.Before(b) {
		return b
	}
	return a
}

// reason says why an appointment is not counted, whatever its length; empty if it is.
func reason(a *calendar.Appointment) Reason {
	if a.Sensitivity != "" && a.Sensitivity != calendar.Normal {
		return Private
	}
	if why := idle(a); why != "" || a.Customer != "" || a.Travel {
		return why
	}
	return NoCustomer
}

// idle says why an appointment takes up no time; empty if it does.
func idle(a *calendar.Appointment) Reason {
	switch {
	case a.Cancelled:
		return Cancelled
	case a.Declined:
		return Declined
	case a.ShowAs == calendar.Free:
		return Free
	}
	return ""
}

// count adds time of a day to its row and to the total. Each day of an all-day appointment is an entry.
func (s *summing) count(a *calendar.Appointment, day calendar.Date, long time.Duration) {
	key, unknown := s.key(a, day)
	row := s.rows[key]
	if row == nil {
		row = &Row{Key: key, New: unknown}
		s.rows[key] = row
	}
	for _, r := range []*Row{row, &s.report.Total} {
		r.Entries++
		switch {
		case a.Travel:
			r.Travel += long
		case a.BillingType == calendar.NonBillable:
			r.NonBillable += long
		default:
			r.Billable += long
		}
	}
}

// key is the row to which time of a day belongs, and whether its customer is one that nobody recorded.
func (s *summing) key(a *calendar.Appointment, day calendar.Date) (key string, unknown bool) {
	switch s.by {
	case ByDay:
		return day.String(), false
	case ByWeek:
		return day.AddDays(-(int(day.Weekday()-s.weekStart) + 7) % 7).String(), false
	case ByBilling:
		return string(a.BillingType), false
	}
	if a.Customer == "" {
		return "", false
	}
	name := s.name(a.Customer)
	if s.by == ByCategory {
		return name + " - " + string(cmp.Or(a.BillingType, calendar.Billable)), false
	}
	return name, s.book.Find(a.Customer) == nil && !category.OwnTime(a.Customer, a.BillingType)
}

func (s *summing) name(name string) string {
	return cmp.Or(s.names[calendar.Folded(name)], s.book.Named(name))
}

// spellings are how customers that nobody recorded are called, by their folded names: as most entries have it.
func spellings(entries []ledger.Entry, book *customer.Book) map[string]string {
	count := map[string]int{}
	for i := range entries {
		if name := entries[i].Appointment.Customer; name != "" && book.Find(name) == nil {
			count[name]++
		}
	}
	return customer.Spellings(count)
}

// byStart sorts entries by their starts, then their keys.
func byStart(entries []*ledger.Entry) {
	slices.SortFunc(entries, func(a, b *ledger.Entry) int {
		return cmp.Or(a.Appointment.Start.Compare(b.Appointment.Start), strings.Compare(a.Key, b.Key))
	})
}

// union is the time in which at least one of the entries is under way.
func union(entries []*ledger.Entry) (long time.Duration) {
	byStart(entries)
	var end time.Time
	for _, e := range entries {
		a := &e.Appointment
		from := a.Start
		if from.Before(end) {
			from = end
		}
		if a.End.After(from) {
			long += a.End.Sub(from)
			end = a.End
		}
	}
	return long
}

// running are entries that are under way, the one that ends first at the top.
type running []*ledger.Entry

func (r running) Len() int           { return len(r) }
func (r running) Less(i, j int) bool { return r[i].Appointment.End.Before(r[j].Appointment.End) }
func (r running) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }
func (r *running) Push(e any)        { *r = append(*r, e.(*ledger.Entry)) }
func (r *running) Pop() any {
	last := len(*r) - 1
	e := (*r)[last]
	*r = (*r)[:last]
	return e
}

// overlaps finds which counted entries share time. It costs n log n however many do; only the first are named.
func (s *summing) overlaps() {
	byStart(s.counted)
	var open running
	for _, e := range s.counted {
		a := &e.Appointment
		for len(open) > 0 && !open[0].Appointment.End.After(a.Start) {
			heap.Pop(&open)
		}
		s.report.OverlapCount += len(open)
		if left := maxNamed - len(s.report.Overlaps); left > 0 && len(open) > 0 {
			others := slices.Clone([]*ledger.Entry(open))
			byStart(others)
			for _, other := range others[:min(left, len(others))] {
				end := a.End
				if other.Appointment.End.Before(end) {
					end = other.Appointment.End
				}
				s.report.Overlaps = append(s.report.Overlaps, Overlap{First: other, Second: e, From: a.Start, To: end})
			}
		}
		heap.Push(&open, e)
	}
}

// gaps finds the time between the appointments that begin on one day.
func (s *summing) gaps() {
	byStart(s.there)
	var day calendar.Date
	var end time.Time
	for _, e := range s.there {
		a := &e.Appointment
		if at := a.Day(s.window.Zone); at != day {
			day = at
		} else if a.Start.After(end) {
			if s.report.GapCount++; s.report.GapCount <= maxNamed {
				s.report.Gaps = append(s.report.Gaps, Gap{From: end, To: a.Start})
			}
		}
		if a.End.After(end) {
			end = a.End
		}
	}
}

// Unknown is a customer that appointments name and nobody recorded.
type Unknown struct {
	Name      string // as most appointments have it
	Spellings []string
	Entries   int
	Long      time.Duration
	Last      calendar.Date // the newest day on which it is named
}

// Unknowns are the customers in a report's entries that nobody recorded, by name. Private appointments count as well: a customer may be new in one.
func Unknowns(entries []ledger.Entry, w calendar.Window, book *customer.Book) []Unknown {
	names, found, spelled := spellings(entries, book), map[string]*Unknown{}, map[string]bool{}
	for i := range entries {
		a := &entries[i].Appointment
		if entries[i].Outcome != ledger.Archived || a.Customer == "" || book.Find(a.Customer) != nil || category.OwnTime(a.Customer, a.BillingType) {
			continue
		}
		folded := calendar.Folded(a.Customer)
		u := found[folded]
		if u == nil {
			u = &Unknown{Name: names[folded]}
			found[folded] = u
		}
		if u.Entries++; !a.AllDay {
			u.Long += a.Duration()
		}
		u.Last = maxDate(u.Last, a.Day(w.Zone))
		if !spelled[a.Customer] {
			spelled[a.Customer] = true
			u.Spellings = append(u.Spellings, a.Customer)
		}
	}
	all := []Unknown{}
	for _, folded := range slices.Sorted(maps.Keys(found)) {
		slices.Sort(found[folded].Spellings)
		all = append(all, *found[folded])
	}
	return all
}

// Ledger is what has the entries.
type Ledger interface {
	AsOf(ctx context.Context, config string, span ledger.Span, at time.Time) ([]ledger.Entry, error)
}

// Customers are those of users.
type Customers interface {
	Book(ctx context.Context, user string) (*customer.Book, error)
}

// Reader reads hours.
type Reader struct {
	Ledger    Ledger
	Customers Customers
}

// MaxDays is the longest period.
const MaxDays = 400

func tooLong(w calendar.Window) error {
	return fault.Field("period", "has %d days; at most %d are added up at once", w.Days(), MaxDays)
}

// read returns what the ledger of a config has in a window.
func (r *Reader) read(ctx context.Context, config string, w calendar.Window) ([]ledger.Entry, error) {
	if w.Days() > MaxDays {
		return nil, tooLong(w)
	}
	return r.Ledger.AsOf(ctx, config, ledger.Span{From: w.Start(), To: w.End()}, time.Time{})
}

// Report adds up the time of a user's config in a window, which is at most MaxDays long: else the error is of kind fault.Invalid.
func (r *Reader) Report(ctx context.Context, user, config string, w calendar.Window, by By, weekStart time.Weekday) (*Report, error) {
	entries, err := r.read(ctx, config, w)
	if err != nil {
		return nil, err
	}
	book, err := r.Customers.Book(ctx, user)
	if err != nil {
		return nil, err
	}
	return Sum(entries, w, book, by, weekStart), nil
}

// Unknowns are the customers that a user's config names in a window and nobody recorded. Errors are Report's.
func (r *Reader) Unknowns(ctx context.Context, user, config string, w calendar.Window) ([]Unknown, error) {
	entries, err := r.read(ctx, config, w)
	if err != nil {
		return nil, err
	}
	book, err := r.Customers.Book(ctx, user)
	if err != nil {
		return nil, err
	}
	return Unknowns(entries, w, book), nil
}
