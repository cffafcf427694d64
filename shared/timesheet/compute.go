package timesheet

import (
	"cmp"
	"math/big"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/currency"
	"adminassistant/shared/fault"
)

// Compute makes the sheet of entries by terms. Errors are of kind fault.Invalid and name the field of the terms, or the entry.
func Compute(entries []Entry, terms Terms) (*Sheet, error) {
	s, _, err := reckon(entries, &terms)
	return s, err
}

// reckon makes the sheet, and says what of the entries it does not say.
func reckon(entries []Entry, terms *Terms) (*Sheet, []Issue, error) {
	if err := terms.check(); err != nil {
		return nil, nil, err
	}
	c, err := newComputation(terms)
	if err != nil {
		return nil, nil, err
	}
	seen := make(map[string]bool, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Key == "" || seen[e.Key] {
			return nil, nil, fault.New(fault.Invalid, "there are two entries with the key %.80q, or one without", e.Key)
		}
		seen[e.Key] = true
		if err := checkAppointment(&e.Appointment); err != nil {
			return nil, nil, err
		}
		c.enter(e)
	}
	issues := c.issuesOf(entries)
	c.supplement()
	return c.sheet(), issues, nil
}

// computation is a sheet in the making.
type computation struct {
	terms    *Terms
	places   int
	rates    []priced
	rounding []Rounding

	lines   []line
	left    []leftOut
	settled *settled
	groups  map[group]*sums
}

// line is a Line with what it takes to sum it.
type line struct {
	Line
	start, end time.Time
	position   positionKey
}

type leftOut struct {
	LeftOut
	start time.Time
}

// positionKey tells positions apart.
type positionKey struct {
	customer    string // folded
	billingType calendar.BillingType
	kind        Kind
	units       int64
	priced      bool
	currency    string
	rounding    Rounding
}

// group is what is rounded together: all of a position, or that of one day. A sheet that is locked has groups of its own.
type group struct {
	position positionKey
	day      calendar.Date // none: of all days
	sheet    int           // of the locked one, from 1; 0: the one that is made
}

// sums are seconds of a group as locked sheets have them, and as they are from now on.
type sums struct{ before, after int64 }

func newComputation(t *Terms) (*computation, error) {
	rates, err := t.rates()
	if err != nil {
		return nil, err
	}
	places, _ := currency.Places(t.Currency)
	c := &computation{terms: t, places: places, rates: rates, rounding: ordered(t.Rounding), groups: map[group]*sums{}}
	c.settled = newSettled(t)
	return c, nil
}

func (c *computation) roundingOn(day calendar.Date) Rounding {
	return inForce(c.rounding, day, func(r *Rounding) calendar.Date { return r.From })
}

// enter takes an entry into the sheet, as far as it is of its customer and period.
func (c *computation) enter(e *Entry) {
	a := &e.Appointment
	if c.terms.Customer != "" && a.Customer != "" && !c.terms.same(a.Customer, c.terms.Customer) {
		return // another customer's is not mentioned
	}
	var days []calendar.Date
	if !a.AllDay {
		days = []calendar.Date{calendar.DateOf(a.Start, c.terms.Zone)}
	} else {
		days = c.daysOf(a)
	}
	reason := c.leavesOut(a)
	for _, day := range days {
		inPeriod := c.terms.Period.Has(day)
		switch {
		case reason != "" && inPeriod:
			c.left = append(c.left, leftOut{LeftOut{e.Key, reason}, a.Start})
			return
		case reason != "":
		case inPeriod:
			c.add(c.lineOf(e, day), 0)
		default:
			c.settled.stands(c, c.lineOf(e, day))
		}
	}
}

// daysOf returns the dates of an all-day entry that matter: those of the period and of what is locked.
func (c *computation) daysOf(a *calendar.Appointment) (days []calendar.Date) {
	spans := []Period{c.terms.Period}
	for i := range c.terms.Locked {
		spans = append(spans, c.terms.Locked[i].Sheet.Period)
	}
	seen := map[calendar.Date]bool{}
	for _, span := range spans {
		day := span.From
		if day.Before(a.StartDate) {
			day = a.StartDate
		}
		for ; day.Before(a.EndDate) && !span.To.Before(day); day = day.AddDays(1) {
			if !seen[day] {
				seen[day] = true
				days = append(days, day)
			}
		}
	}
	return days
}

// leavesOut says why an entry has no line; empty: it has one.
func (c *computation) leavesOut(a *calendar.Appointment) Reason {
	switch {
	case a.Sensitivity != "" && a.Sensitivity != calendar.Normal:
		return Private
	case a.Cancelled && c.terms.leaves(Cancelled):
		return Cancelled
	case a.Declined && c.terms.leaves(Declined):
		return Declined
	case a.ShowAs == calendar.Free && c.terms.leaves(Free):
		return Free
	case a.AllDay && c.terms.DayMinutes == 0:
		return WholeDay
	case a.Customer == "":
		return NoCustomer
	}
	return ""
}

// lineOf returns the line of an entry on a day.
func (c *computation) lineOf(e *Entry, day calendar.Date) line {
	a := &e.Appointment
	l := line{Line: Line{
		Key: e.Key, Version: e.Version, Hash: e.Hash, Date: day, Customer: c.terms.named(a.Customer), BillingType: a.BillingType, Kind: Work,
		Subject: a.Subject, Flags: []Flag{},
	}}
	if a.Travel {
		l.Kind = Travel
		l.BillingType = cmp.Or(a.BillingType, calendar.Billable)
	}
	if a.AllDay {
		l.Seconds = int64(c.terms.DayMinutes) * 60
		l.Flags = append(l.Flags, AllDay)
	} else {
		l.start, l.end = a.Start, a.End
		l.Start, l.End = a.Start.UTC().Format(time.RFC3339Nano), a.End.UTC().Format(time.RFC3339Nano)
		l.Seconds = a.End.Unix() - a.Start.Unix() // a Duration would end after 292 years
		if a.End.After(calendar.StartOfDay(day.AddDays(1), c.terms.Zone)) {
			l.Flags = append(l.Flags, CrossesMidnight)
		}
	}
	rounding := c.roundingOn(day)
	l.position = positionKey{
		customer: c.terms.folded(a.Customer), billingType: l.BillingType, kind: l.Kind, currency: c.terms.Currency, rounding: rounding,
	}
	if l.BillingType == calendar.Billable {
		priced := inForce(c.rates, day, func(p *priced) calendar.Date { return p.from })
		r := priced.work
		if l.Kind == Travel {
			r = priced.travel
		}
		if r.none() {
			l.Flags = append(l.Flags, NoRate)
		} else {
			l.Rate, l.position.units, l.position.priced = r.text, r.units, true
		}
	}
	if l.Seconds == 0 && !a.AllDay {
		l.Flags = append(l.Flags, ZeroLength)
	}
	l.Billed = l.Seconds
	if rounding.Scope == ByEntry {
		l.Billed = rounding.of(l.Seconds)
	}
	return l
}

// add takes a line into the sheet. The line belongs to the days of a locked sheet (from 1), or to the period (0).
func (c *computation) add(l line, sheet int) {
	c.lines = append(c.lines, l)
	if l.position.rounding.Scope != ByEntry {
		c.sumsOf(&l, sheet).after += l.Seconds
	}
}

func (c *computation) sumsOf(l *line, sheet int) *sums {
	g := group{position: l.position, sheet: sheet}
	if l.position.rounding.Scope == ByDay {
		g.day = l.Date
	}
	if c.groups[g] == nil {
		c.groups[g] = &sums{}
	}
	return c.groups[g]
}

// total is a position in the making.
type total struct {
	Position
	key positionKey
}

// sheet sums the lines.
func (c *computation) sheet() *Sheet {
	s := &Sheet{Period: c.terms.Period, Positions: []Position{}, Lines: []Line{}, Totals: []Total{}, LeftOut: []LeftOut{}, Overlaps: [][2]string{}}
	slices.SortFunc(c.lines, byStart)
	slices.SortFunc(c.left, func(a, b leftOut) int { return cmp.Or(a.start.Compare(b.start), strings.Compare(a.Key, b.Key)) })
	for i := range c.left {
		s.LeftOut = append(s.LeftOut, c.left[i].LeftOut)
	}
	totals := map[positionKey]*total{}
	of := func(key positionKey) *total {
		if totals[key] == nil {
			totals[key] = &total{Position{BillingType: key.billingType, Kind: key.kind, Currency: key.currency}, key}
		}
		return totals[key]
	}
	names := c.names()
	for i := range c.lines {
		l := &c.lines[i]
		s.Lines = append(s.Lines, l.Line)
		p := of(l.position)
		p.Customer = names[l.position.customer]
		p.Rate = l.Rate
		p.Seconds += l.Seconds
		if l.position.rounding.Scope == ByEntry {
			p.Billed += l.Billed
		}
	}
	for g, sum := range c.groups {
		if p := totals[g.position]; p != nil { // of others there are no lines here
			p.Billed += g.position.rounding.of(sum.after) - g.position.rounding.of(sum.before)
		}
	}
	c.pay(s, totals)
	s.Worked = c.worked()
	s.Overlaps = c.overlaps()
	return s
}

// byStart is the order of lines.
func byStart(a, b line) int {
	return cmp.Or(a.start.Compare(b.start), strings.Compare(a.Key, b.Key), a.Date.Compare(b.Date), cmp.Compare(a.Seconds, b.Seconds),
		strings.Compare(a.Supplements, b.Supplements))
}

// names gives each customer one spelling: that of most lines, or else the first of them by the alphabet.
func (c *computation) names() map[string]string {
	times := map[string]int{}
	for i := range c.lines {
		times[c.lines[i].Customer]++
	}
	best := map[string]string{}
	for spelling, n := range times {
		folded := c.terms.folded(spelling)
		if other, ok := best[folded]; !ok || n > times[other] || n == times[other] && spelling < other {
			best[folded] = spelling
		}
	}
	return best
}

// pay puts the positions into the sheet, with what they cost, and the totals.
func (c *computation) pay(s *Sheet, totals map[positionKey]*total) {
	all := make([]*total, 0, len(totals))
	for _, p := range totals {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b *total) int {
		return cmp.Or(strings.Compare(a.Customer, b.Customer), strings.Compare(string(a.BillingType), string(b.BillingType)),
			strings.Compare(string(a.Kind), string(b.Kind)), boolean(a.key.priced, b.key.priced), cmp.Compare(a.key.units, b.key.units),
			strings.Compare(a.Currency, b.Currency), a.key.rounding.From.Compare(b.key.rounding.From))
	})
	sums := map[string]*big.Int{}
	for _, p := range all {
		s.Billed += p.Billed
		if p.key.priced {
			places, _ := currency.Places(p.Currency)
			cost := amount(p.Billed, rate{units: p.key.units}, places)
			p.Amount = decimalText(cost, places)
			if sums[p.Currency] == nil {
				sums[p.Currency] = new(big.Int)
			}
			sums[p.Currency].Add(sums[p.Currency], cost)
		}
		s.Positions = append(s.Positions, p.Position)
	}
	s.Totals = totalsOf(sums)
}

// totalsOf writes sums, which are in the smallest coins of their currencies.
func totalsOf(sums map[string]*big.Int) []Total {
	totals := make([]Total, 0, len(sums))
	for code, sum := range sums {
		places, _ := currency.Places(code)
		totals = append(totals, Total{code, decimalText(sum, places)})
	}
	slices.SortFunc(totals, func(a, b Total) int { return strings.Compare(a.Currency, b.Currency) })
	return totals
}

func boolean(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// worked is how long the lines last together: time that several of them share counts once, and what they take back counts against them.
func (c *computation) worked() (seconds int64) {
	var timed, reversed []*line
	for i := range c.lines {
		l := &c.lines[i]
		switch {
		case l.Start == "":
			seconds += l.Seconds
		case l.Reverses():
			reversed = append(reversed, l)
		default:
			timed = append(timed, l)
		}
	}
	return seconds + union(timed) - union(reversed)
}

// union is how long lines, sorted by start, last together.
func union(lines []*line) (seconds int64) {
	if len(lines) == 0 {
		return 0
	}
	end := lines[0].start.Unix()
	for _, l := range lines {
		if from, to := max(l.start.Unix(), end), l.end.Unix(); to > from {
			seconds += to - from
			end = to
		}
	}
	return seconds
}

// overlaps are the pairs of lines that share time. What is taken back shares none.
func (c *computation) overlaps() [][2]string {
	pairs := [][2]string{}
	var open []*line // those that end after the start of the line that is looked at
	for i := range c.lines {
		l := &c.lines[i]
		if l.Start == "" || l.Reverses() || !l.start.Before(l.end) {
			continue
		}
		open = slices.DeleteFunc(open, func(o *line) bool { return !l.start.Before(o.end) })
		for _, o := range open {
			pairs = append(pairs, [2]string{min(o.Key, l.Key), max(o.Key, l.Key)})
		}
		open = append(open, l)
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) })
	return slices.Compact(pairs)
}
