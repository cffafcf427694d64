package timesheet

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/currency"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

// Terms say what a sheet is of, and how its time is counted and paid.
type Terms struct {
	Zone     *time.Location
	Period   Period
	Customer string // empty: all of them
	// DayMinutes is how long an all-day entry counts on each of its days; 0: not at all.
	DayMinutes int
	Currency   string // ISO 4217; may be empty where there are no rates
	Rates      []Rate
	Rounding   []Rounding
	Locked     []Locked
	// LeaveOut says which of Cancelled, Declined and Free entries are left out; the others are billed.
	LeaveOut []Reason
	// Named gives the name under which a customer is known now, for customers that were renamed or merged; nil: names are as they are written.
	Named func(name string) string
	// Changed says of which keys the entries have what stands now on locked days; the lines of others are as they were. Nil: of all.
	Changed func(key string) bool
}

// Rate is what an hour costs from a day on, until the next rate begins.
type Rate struct {
	From calendar.Date `json:"from"`
	Work string        `json:"work"` // decimal, at most four places
	// Travel is a decimal, or a share of Work as in "50%", which is rounded to four places. Empty: travel has no rate.
	Travel string `json:"travel,omitempty"`
}

// Locked is a sheet that never changes again.
type Locked struct {
	Sheet    Sheet
	Customer string // whose days it locks; empty: everybody's
	// Rounding is that by which its lines were counted; nil: that of the terms.
	Rounding []Rounding
}

const (
	dayMinutes  = 24 * 60
	mostSeconds = 400_000_000_000 // more than the years 1 to 9999 have, and a sum of millions of them fits into an int64
)

// ReadTerms reads the JSON form of terms:
//
//	{"timezone": "Europe/Berlin", "period": {"from": "2026-10-01", "to": "2026-10-31"}, "customer": "Acme", "day_minutes": 480, "currency": "EUR",
//	 "rates": [{"from": "2026-01-01", "work": "120.00", "travel": "60.00"}],
//	 "rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "day", "least": 0}], "locked": []}
//
// All but timezone and period may be left out. A further member "leave_out" may list cancelled, declined and free, as timesheets have it that are
// kept. Sheets in locked are taken to be of the same customer. Errors are of kind fault.Invalid and name
// the field.
func ReadTerms(r io.Reader) (Terms, error) {
	var file struct {
		Timezone string `json:"timezone"`
		Period   *struct {
			From string `json:"from"`
			To   string `json:"to"`
		} `json:"period"`
		Customer   string     `json:"customer"`
		DayMinutes int        `json:"day_minutes"`
		Currency   string     `json:"currency"`
		Rates      []Rate     `json:"rates"`
		Rounding   []Rounding `json:"rounding"`
		Locked     []Sheet    `json:"locked"`
		LeaveOut   []Reason   `json:"leave_out"`
	}
	if err := strictjson.Decode(r, &file); err != nil {
		return Terms{}, fmt.Errorf("the terms: %w", err)
	}
	t := Terms{Customer: strings.TrimSpace(file.Customer), DayMinutes: file.DayMinutes, Currency: file.Currency, Rates: file.Rates, Rounding: file.Rounding,
		LeaveOut: file.LeaveOut}
	if file.Timezone == "" {
		return t, fault.Field("timezone", `is missing; give an IANA zone as in "Europe/Berlin"`)
	}
	var err error
	if t.Zone, err = calendar.LoadZone(file.Timezone); err != nil {
		return t, fault.Field("timezone", `names no time zone that is known: %.80q; give an IANA zone as in "Europe/Berlin"`, file.Timezone)
	}
	if file.Period == nil {
		return t, fault.Field("period", `is missing; give it as {"from": "2026-10-01", "to": "2026-10-31"}`)
	}
	if t.Period.From, err = calendar.ParseDate(file.Period.From); err != nil {
		return t, fault.Field("period.from", "must be a day as in 2026-10-01, not %.40q", file.Period.From)
	}
	if t.Period.To, err = calendar.ParseDate(file.Period.To); err != nil {
		return t, fault.Field("period.to", "must be a day as in 2026-10-31, not %.40q", file.Period.To)
	}
	for i := range file.Locked {
		t.Locked = append(t.Locked, Locked{Sheet: file.Locked[i], Customer: t.Customer})
	}
	return t, t.check()
}

// idle are the reasons for which entries take up no time, and are left out where the terms say so.
var idle = []Reason{Cancelled, Declined, Free}

func (t *Terms) leaves(why Reason) bool { return slices.Contains(t.LeaveOut, why) }

// check says what is wrong with terms. Errors are of kind fault.Invalid and name the field.
func (t *Terms) check() error {
	switch _, known := currency.Places(t.Currency); {
	case t.Period.To.Before(t.Period.From):
		return fault.Field("period.to", "is %s, before period.from, %s", t.Period.To, t.Period.From)
	case t.DayMinutes < 0 || t.DayMinutes > dayMinutes:
		return fault.Field("day_minutes", "must be 0 to %d, not %d", dayMinutes, t.DayMinutes)
	case t.Currency == "" && len(t.Rates) > 0:
		return fault.Field("currency", "is missing: there are rates")
	case t.Currency != "" && !known:
		return fault.Field("currency", "is %.10q, which is no currency of ISO 4217; write it as in EUR", t.Currency)
	}
	for i, why := range t.LeaveOut {
		if !slices.Contains(idle, why) {
			return fault.Field(fmt.Sprintf("leave_out[%d]", i), "must be cancelled, declined or free, not %.20q", string(why))
		}
	}
	if _, err := t.rates(); err != nil {
		return err
	}
	if err := checkRounding(t.Rounding); err != nil {
		return err
	}
	for i := range t.Locked {
		locked := &t.Locked[i]
		if err := checkLocked(fmt.Sprintf("locked[%d]", i), &locked.Sheet); err != nil {
			return err
		}
		alike := locked.Customer == "" || t.Customer == "" || t.same(locked.Customer, t.Customer)
		if alike && t.Period.overlaps(locked.Sheet.Period) {
			return fault.Field("period", "has days that a locked sheet has: %s to %s; what changed in them is a matter of the next sheet",
				locked.Sheet.Period.From, locked.Sheet.Period.To)
		}
	}
	return nil
}

// named is the name of a customer as it is known now.
func (t *Terms) named(customer string) string {
	if t.Named == nil || customer == "" {
		return customer
	}
	return t.Named(customer)
}

// folded is the name by which customers are compared.
func (t *Terms) folded(customer string) string { return calendar.Folded(t.named(customer)) }

func (t *Terms) same(a, b string) bool { return t.folded(a) == t.folded(b) }

// priced is a Rate as it is reckoned with.
type priced struct {
	from         calendar.Date
	work, travel rate
}

// rates are those of the terms by their days.
func (t *Terms) rates() ([]priced, error) {
	places, _ := currency.Places(t.Currency)
	all := make([]priced, len(t.Rates))
	seen := map[calendar.Date]bool{}
	for i, r := range t.Rates {
		field := fmt.Sprintf("rates[%d].", i)
		switch {
		case !r.From.Valid():
			return nil, fault.Field(field+"from", "is missing: the first day on which the rate holds, as in 2026-01-01")
		case seen[r.From]:
			return nil, fault.Field(field+"from", "is %s, a day from which there is another rate", r.From)
		}
		seen[r.From] = true
		p := priced{from: r.From}
		var err error
		if p.work, err = parseRate(field+"work", r.Work); err != nil {
			return nil, err
		}
		if percent, ok := strings.CutSuffix(r.Travel, "%"); ok {
			units, ok := parseDecimal(percent)
			if !ok {
				return nil, fault.Field(field+"travel", "must be a share as in 50%%, with at most %d digits behind the point, not %.30q", ratePlaces, r.Travel)
			}
			if p.travel, ok = p.work.share(units, places); !ok {
				return nil, fault.Field(field+"travel", "comes to more than a rate may be: %s of %s", r.Travel, r.Work)
			}
		} else if r.Travel != "" {
			if p.travel, err = parseRate(field+"travel", r.Travel); err != nil {
				return nil, err
			}
		}
		all[i] = p
	}
	slices.SortFunc(all, func(a, b priced) int { return a.from.Compare(b.from) })
	first := map[Kind]map[int64]string{Work: {}, Travel: {}} // one rate is written in one way
	unify := func(kind Kind, r *rate) {
		if text, ok := first[kind][r.units]; ok && !r.none() {
			r.text = text
		}
		first[kind][r.units] = r.text
	}
	for i := range all {
		unify(Work, &all[i].work)
		if !all[i].travel.none() {
			unify(Travel, &all[i].travel)
		}
	}
	return all, nil
}

// checkRounding checks roundings as those of a customer.
func checkRounding(roundings []Rounding) error {
	of := make([]customer.Rounding, len(roundings))
	for i, r := range roundings {
		of[i] = customer.Rounding(r)
	}
	return customer.CheckRounding(of)
}

// ordered returns roundings by their days; of those that follow one another and do the same there is the first alone.
func ordered(roundings []Rounding) []Rounding {
	all := slices.SortedFunc(slices.Values(roundings), func(a, b Rounding) int { return a.From.Compare(b.From) })
	return slices.CompactFunc(all, func(a, b Rounding) bool { return a.same(b) })
}

// inForce returns what began last, of those that began on the day or before; all is sorted. The zero value where none did.
func inForce[T any](all []T, day calendar.Date, from func(*T) calendar.Date) (found T) {
	for i := range all {
		if day.Before(from(&all[i])) {
			break
		}
		found = all[i]
	}
	return found
}

func checkLocked(field string, s *Sheet) error {
	if !s.Period.From.Valid() || !s.Period.To.Valid() || s.Period.To.Before(s.Period.From) {
		return fault.Field(field+".period", "must have two days, from and to, in this order")
	}
	for i := range s.Lines {
		l := &s.Lines[i]
		at := fmt.Sprintf("%s.lines[%d]", field, i)
		switch {
		case l.Key == "":
			return fault.Field(at+".key", "is missing")
		case !l.Date.Valid():
			return fault.Field(at+".date", "is missing")
		case l.Kind != Work && l.Kind != Travel:
			return fault.Field(at+".kind", "must be work or travel, not %.20q", string(l.Kind))
		case max(l.Seconds, -l.Seconds, l.Billed, -l.Billed) > mostSeconds || min(l.Seconds, l.Billed) < -mostSeconds:
			return fault.Field(at, "has more seconds than there are")
		}
		if _, _, err := l.times(); err != nil {
			return fault.Field(at, "has a start and end that are none: %.40q, %.40q", l.Start, l.End)
		}
		if l.Rate != "" {
			if _, err := parseRate(at+".rate", l.Rate); err != nil {
				return err
			}
		}
		position := s.positionOf(l)
		if position == nil {
			return fault.Field(at, "belongs to no position of its sheet")
		}
		if _, ok := currency.Places(position.Currency); !ok && l.Rate != "" {
			return fault.Field(at, "belongs to a position in %.10q, which is no currency of ISO 4217", position.Currency)
		}
	}
	return nil
}

// positionOf returns a position to which a line belongs; nil if there is none.
func (s *Sheet) positionOf(l *Line) *Position {
	for i := range s.Positions {
		p := &s.Positions[i]
		if calendar.Folded(p.Customer) == calendar.Folded(l.Customer) && p.BillingType == l.BillingType && p.Kind == l.Kind && equalRates(p.Rate, l.Rate) {
			return p
		}
	}
	return nil
}

func equalRates(a, b string) bool {
	if a == b {
		return true
	}
	x, ok1 := parseDecimal(a)
	y, ok2 := parseDecimal(b)
	return ok1 && ok2 && x == y
}

// times returns when a line starts and ends; both are zero for a whole day.
func (l *Line) times() (start, end time.Time, err error) {
	if l.Start == "" && l.End == "" {
		return start, end, nil
	}
	if start, err = time.Parse(time.RFC3339Nano, l.Start); err != nil {
		return start, end, err
	}
	if end, err = time.Parse(time.RFC3339Nano, l.End); err == nil && end.Before(start) {
		err = fault.New(fault.Invalid, "the end is before the start")
	}
	return start, end, err
}
