package timesheet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
)

// settled is what locked sheets have billed and not taken back: of every entry the line that holds.
type settled struct {
	sheets []lockedSheet // by period and hash
	lines  []outstanding
	byID   map[string][]int // lines of an entry
	now    map[string][]standing
	terms  *Terms
}

type lockedSheet struct {
	*Locked
	hash     string
	rounding []Rounding
}

// outstanding is a line of a locked sheet that no other one takes back or takes the place of.
type outstanding struct {
	line
	name  string // of the line, as in Line.Supplements
	sheet int    // whose days it belongs to, from 1
}

// standing is what an entry is now, on a day that is locked.
type standing struct {
	line
	sheet int
}

// identity is what a line of an entry is followed by: its key, and of whole days also the date.
func identity(l *Line) string {
	if l.Start == "" {
		return l.Key + "\x00" + l.Date.String()
	}
	return l.Key
}

func newSettled(t *Terms) *settled {
	s := &settled{byID: map[string][]int{}, now: map[string][]standing{}, terms: t}
	for i := range t.Locked {
		of := t.Locked[i].Rounding
		if of == nil {
			of = t.Rounding
		}
		s.sheets = append(s.sheets, lockedSheet{&t.Locked[i], t.Locked[i].Sheet.Hash(), ordered(of)})
	}
	slices.SortFunc(s.sheets, func(a, b lockedSheet) int {
		return cmp.Or(a.Sheet.Period.From.Compare(b.Sheet.Period.From), strings.Compare(a.hash, b.hash))
	})
	s.sheets = slices.CompactFunc(s.sheets, func(a, b lockedSheet) bool { return a.hash == b.hash && a.Customer == b.Customer })
	replaced := map[string]bool{}
	for _, sheet := range s.sheets {
		for i := range sheet.Sheet.Lines {
			if name := sheet.Sheet.Lines[i].Supplements; name != "" {
				replaced[name] = true
			}
		}
	}
	for i, sheet := range s.sheets {
		for n := range sheet.Sheet.Lines {
			l := &sheet.Sheet.Lines[n]
			name := fmt.Sprintf("%s#%d", sheet.hash, n+1)
			if l.Reverses() || replaced[name] || t.Customer != "" && !t.same(l.Customer, t.Customer) {
				continue
			}
			of := s.sheetOf(l.Customer, l.Date)
			if of == 0 {
				of = i + 1 // the sheet that locked the day is not given
			}
			s.byID[identity(l)] = append(s.byID[identity(l)], len(s.lines))
			s.lines = append(s.lines, outstanding{s.lineOf(sheet, l, s.sheets[of-1].rounding), name, of})
		}
	}
	return s
}

// sheetOf returns the sheet that has locked a customer's day, from 1; 0: none has.
func (s *settled) sheetOf(customer string, day calendar.Date) int {
	for i, sheet := range s.sheets {
		if sheet.Sheet.Period.Has(day) && (sheet.Customer == "" || s.terms.same(sheet.Customer, customer)) {
			return i + 1
		}
	}
	return 0
}

// lineOf is a line of a locked sheet with what it takes to sum it. The sheet was checked.
func (s *settled) lineOf(sheet lockedSheet, l *Line, roundings []Rounding) line {
	full := line{Line: *l}
	full.start, full.end, _ = l.times()
	full.position = positionKey{
		customer: s.terms.folded(l.Customer), billingType: l.BillingType, kind: l.Kind, currency: sheet.Sheet.positionOf(l).Currency,
		rounding: inForce(roundings, l.Date, func(r *Rounding) calendar.Date { return r.From }),
	}
	if l.Rate != "" {
		full.position.units, full.position.priced = must(parseDecimal(l.Rate)), true
	}
	return full
}

func must(units int64, ok bool) int64 {
	if !ok {
		panic("timesheet: a rate that was checked is none")
	}
	return units
}

// stands notes what an entry is now on a day that is not of the period. It matters if the day is locked.
func (s *settled) stands(_ *computation, l line) {
	if sheet := s.sheetOf(l.Customer, l.Date); sheet > 0 {
		s.now[identity(&l.Line)] = append(s.now[identity(&l.Line)], standing{l, sheet})
	}
}

// unchanged says whether a locked line still says what an entry is. Rates and roundings may be others by now: what is locked stays.
func (s *settled) unchanged(old, now *line) bool {
	return old.Hash == now.Hash && old.Date == now.Date && old.start.Equal(now.start) && old.end.Equal(now.end) && old.BillingType == now.BillingType &&
		old.Kind == now.Kind && s.terms.same(old.Customer, now.Customer)
}

// supplement adds the lines by which what is locked becomes what is true now.
func (c *computation) supplement() {
	s := c.settled
	for i := range s.lines {
		old := &s.lines[i]
		sums := c.sumsOf(&old.line, old.sheet)
		sums.before += old.Seconds
		sums.after += old.Seconds
	}
	for id, of := range s.byID {
		now := s.now[id]
		delete(s.now, id)
		if c.terms.Changed != nil && !c.terms.Changed(s.lines[of[0]].Key) {
			continue
		}
		if len(of) == 1 && len(now) == 1 && s.unchanged(&s.lines[of[0]].line, &now[0].line) {
			continue
		}
		for _, i := range of {
			c.reverse(&s.lines[i])
		}
		for _, one := range now {
			one.Supplements = s.lines[of[0]].name
			c.add(one.line, one.sheet)
		}
	}
	for _, of := range s.now { // new in a locked period
		for _, one := range of {
			one.Supplements = s.sheets[one.sheet-1].hash
			c.add(one.line, one.sheet)
		}
	}
}

// reverse takes back a line of a locked sheet, at what it was billed. Of one that billed nothing there is nothing to take back.
func (c *computation) reverse(old *outstanding) {
	if old.Seconds == 0 && old.Billed == 0 {
		return
	}
	back := old.line
	back.Flags = slices.Clone(back.Flags)
	if back.Flags == nil {
		back.Flags = []Flag{}
	}
	back.Seconds, back.Billed, back.Supplements = -old.Seconds, -old.Billed, old.name
	c.lines = append(c.lines, back)
	if back.position.rounding.Scope != ByEntry {
		c.sumsOf(&back, old.sheet).after -= old.Seconds
	}
}
