package timesheet

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/currency"
	"adminassistant/shared/ledger"
)

// untrue says what of a sheet is not as the facts of its entries have it, which are named by lineName; empty: nothing. See wrong.
func (s *Sheet) untrue(facts map[string]*ledger.Facts, zone *time.Location, rounding []Rounding) string {
	for i := range s.Lines {
		l := &s.Lines[i]
		if problem := l.unlike(facts[lineName(l.Key, l.Version)]); problem != "" {
			return fmt.Sprintf("line %d %s", i+1, problem)
		}
	}
	return s.wrong(zone, rounding)
}

// lineName names the version of an entry that a line is of.
func lineName(key string, version int) string { return fmt.Sprint(key, "\x00", version) }

// unlike says in what a line differs from its entry; empty: in nothing.
func (l *Line) unlike(f *ledger.Facts) string {
	if f == nil {
		return "has no entry that is proven"
	}
	billing := calendar.BillingType(f.BillingType)
	if f.Travel {
		billing = cmp.Or(billing, calendar.Billable)
	}
	day := l.Date.String()
	switch {
	case f.Outcome != ledger.Archived:
		return "is of an entry that is not archived"
	case f.Private():
		return "is of an entry that is private"
	case f.Hash != l.Hash:
		return "has another hash than its entry"
	case !f.AllDay && (f.Start != l.Start || f.End != l.End), f.AllDay != (l.Start == ""):
		return "has other times than its entry"
	case f.AllDay && (day < f.StartDate || day >= f.EndDate):
		return "has another day than its entry"
	case f.Subject != l.Subject:
		return "has another subject than its entry"
	case f.Travel != (l.Kind == Travel):
		return "is of another kind than its entry"
	case billing != l.BillingType:
		return "has another billing type than its entry"
	}
	return ""
}

// wrong says what of a sheet Compute would not have made of the entries that its lines name; empty: nothing. Rates, and what was billed by the sheets
// that it supplements, cannot be told from it. The zone and the rounding are those of the sheet.
func (s *Sheet) wrong(zone *time.Location, rounding []Rounding) string {
	rounding = ordered(rounding)
	seen := map[string]bool{}
	c := &computation{}
	for i := range s.Lines {
		l := &s.Lines[i]
		if problem := l.wrong(s.Period, zone, rounding); problem != "" {
			return fmt.Sprintf("line %d %s", i+1, problem)
		}
		what := l.Key + "\x00" + l.Date.String()
		if l.Reverses() {
			what = l.Supplements
		}
		if seen[what] {
			return fmt.Sprintf("line %d bills or takes back once more what another one does", i+1)
		}
		seen[what] = true
		full := line{Line: *l}
		full.start, full.end, _ = l.times()
		c.lines = append(c.lines, full)
	}
	if !slices.IsSortedFunc(c.lines, byStart) {
		return "its lines are not in their order"
	}
	if s.Worked != c.worked() || !slices.Equal(s.Overlaps, c.overlaps()) {
		return "its lines cover another time together"
	}
	return s.wrongSums(rounding)
}

// wrong says what of a line does not fit together; empty: nothing.
func (l *Line) wrong(p Period, zone *time.Location, rounding []Rounding) string {
	start, end, err := l.times()
	lasts := end.Unix() - start.Unix()
	if l.Start == "" {
		lasts = max(l.Seconds, -l.Seconds)
	}
	switch {
	case err != nil:
		return "has a start and end that are none"
	case l.Start == "" && lasts > dayMinutes*60:
		return "has more time than a day"
	case l.BillingType != calendar.Billable && l.Rate != "":
		return "has a rate, and is not billable"
	case l.Reverses():
		if _, _, named := strings.Cut(l.Supplements, "#"); !named || l.Seconds != -lasts || l.Billed > 0 {
			return "does not take back what another one billed"
		}
		return "" // the day and the time that was billed are those of the other sheet
	}
	r := inForce(rounding, l.Date, func(r *Rounding) calendar.Date { return r.From })
	billed := l.Seconds
	if r.Scope == ByEntry {
		billed = r.of(l.Seconds)
	}
	switch {
	case l.Supplements == "" && !p.Has(l.Date):
		return "is not of the period"
	case l.Start != "" && calendar.DateOf(start, zone) != l.Date:
		return "has another day than its start"
	case l.Seconds != lasts || l.Billed != billed:
		return "has another time than from its start to its end"
	}
	return ""
}

// charge is what positions have in common that rounding or currency alone tells apart.
type charge struct {
	customer    string // folded
	billingType calendar.BillingType
	kind        Kind
	units       int64
	priced      bool
}

func chargeOf(customer string, billingType calendar.BillingType, kind Kind, rate string) charge {
	units, _ := parseDecimal(rate)
	return charge{calendar.Folded(customer), billingType, kind, units, rate != ""}
}

// wrongSums says which positions or totals are not those of the lines; empty: none.
func (s *Sheet) wrongSums(rounding []Rounding) string {
	lines := map[charge][]*Line{}
	for i := range s.Lines {
		l := &s.Lines[i]
		of := chargeOf(l.Customer, l.BillingType, l.Kind, l.Rate)
		lines[of] = append(lines[of], l)
	}
	positions := map[charge][]*Position{}
	sums := map[string]*big.Int{}
	billed := int64(0)
	for i := range s.Positions {
		p := &s.Positions[i]
		of := chargeOf(p.Customer, p.BillingType, p.Kind, p.Rate)
		positions[of] = append(positions[of], p)
		billed += p.Billed
		if len(lines[of]) == 0 {
			return fmt.Sprintf("position %d has no lines", i+1)
		}
		if !of.priced {
			if p.Amount != "" {
				return fmt.Sprintf("position %d has an amount without a rate", i+1)
			}
			continue
		}
		places, ok := currency.Places(p.Currency)
		if _, ok2 := parseDecimal(p.Rate); !ok || !ok2 {
			return fmt.Sprintf("position %d has a rate or currency that is none", i+1)
		}
		cost := amount(p.Billed, rate{units: of.units}, places)
		if decimalText(cost, places) != p.Amount {
			return fmt.Sprintf("position %d has another amount than its time at its rate", i+1)
		}
		if sums[p.Currency] == nil {
			sums[p.Currency] = new(big.Int)
		}
		sums[p.Currency].Add(sums[p.Currency], cost)
	}
	for of, some := range lines {
		if !timesAgree(some, positions[of], rounding) {
			return "the time of its lines is not that of its positions"
		}
	}
	switch {
	case billed != s.Billed:
		return "the time of its positions is not that of the sheet"
	case !slices.Equal(s.Totals, totalsOf(sums)):
		return "its totals are not those of its positions"
	}
	return ""
}

// timesAgree says whether positions have the time of the lines that are charged so. How much of it is billed is known if no line supplements another sheet.
func timesAgree(lines []*Line, positions []*Position, roundings []Rounding) bool {
	type part struct {
		rounding Rounding
		day      calendar.Date
	}
	parts := map[part]int64{}
	known := true
	sums := map[Rounding]*Position{}
	have := int64(0)
	for _, l := range lines {
		known = known && l.Supplements == ""
		have += l.Seconds
		r := inForce(roundings, l.Date, func(r *Rounding) calendar.Date { return r.From })
		if sums[r] == nil {
			sums[r] = &Position{}
		}
		sums[r].Seconds += l.Seconds
		switch r.Scope {
		case ByEntry:
			sums[r].Billed += l.Billed
		case ByDay:
			parts[part{r, l.Date}] += l.Seconds
		default:
			parts[part{rounding: r}] += l.Seconds
		}
	}
	for _, p := range positions {
		have -= p.Seconds
	}
	if have != 0 || !known {
		return have == 0 && len(positions) > 0
	}
	for p, seconds := range parts {
		sums[p.rounding].Billed += p.rounding.of(seconds)
	}
	order := make([]Rounding, 0, len(sums))
	for r := range sums {
		order = append(order, r)
	}
	slices.SortFunc(order, func(a, b Rounding) int { return a.From.Compare(b.From) })
	return slices.EqualFunc(order, positions, func(r Rounding, p *Position) bool { return sums[r].Seconds == p.Seconds && sums[r].Billed == p.Billed })
}
