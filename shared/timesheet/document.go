package timesheet

import (
	"time"

	"adminassistant/shared/calendar"
)

// State is how binding a sheet is.
type State string

const (
	Draft    State = "draft"    // computed when it is looked at
	Approved State = "approved" // its lines are frozen
	Final    State = "locked"   // never changes again
)

// Party is who made a sheet, or who gets it.
type Party struct {
	Name  string
	Lines []string // address
	Email string
}

// Document is a sheet with what a paper or file of it says beside it. All outputs are functions of it: the same document gives the same bytes.
type Document struct {
	Sheet *Sheet
	ID    string // number of the sheet
	State State
	Zone  *time.Location
	// Locale is the language, "en" or "de"; anything else is English.
	Locale   string
	From, To Party
	// Made is when the sheet got its state; for a draft when it was computed.
	Made           time.Time
	BuyerReference string
	OrderNumber    string
	InvoiceRef     string
	Rounding       []Rounding
	// Issues are for whoever makes the sheet, and no part of it.
	Issues []Issue
	Seal   Seal
}

// Seal is what lets others check a sheet.
type Seal struct {
	Hash string // of the sheet; empty: it is not approved
	Link int    // of the ledger's chain, at which the sheet was locked; 0: not locked
	Head string // of that link
	File []byte // what "timesheet verify" checks; nil: none
}

// local is when a line starts or ends, as the clocks of the sheet's zone show it.
func (d *Document) local(text string) (t time.Time, ok bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if text == "" || err != nil {
		return time.Time{}, false
	}
	return t.In(d.Zone), true
}

// Clock is from when to when a line lasts, as in 09:00 and 10:30; both are empty for a whole day.
func (d *Document) Clock(l *Line) (from, to string) {
	start, ok := d.local(l.Start)
	end, ok2 := d.local(l.End)
	if !ok || !ok2 {
		return "", ""
	}
	return start.Format("15:04"), end.Format("15:04")
}

// CurrencyOf is the currency in which a line is billed.
func (s *Sheet) CurrencyOf(l *Line) string {
	if p := s.positionOf(l); p != nil {
		return p.Currency
	}
	return ""
}

// RoundingIn returns the roundings that hold on days of a period, in the order of their days; those that do nothing too.
func RoundingIn(all []Rounding, p Period) (in []Rounding) {
	all = ordered(all)
	for i, r := range all {
		ends := i+1 < len(all) && !p.From.Before(all[i+1].From)
		if !p.To.Before(r.From) && !ends {
			in = append(in, r)
		}
	}
	return in
}

// BilledOn is the time that is billed for lines of one day, which are all of its kinds, and supplement nothing, in seconds. Where time is rounded by position
// alone, no day has any of its own: ok is false.
func (d *Document) BilledOn(day calendar.Date, lines []*Line) (billed int64, ok bool) {
	r := d.roundingOn(day)
	if r.Scope != ByDay {
		for _, l := range lines {
			billed += l.Billed
		}
		return billed, r.Scope == ByEntry || r.of(1) == 1
	}
	positions := map[Position]int64{}
	for _, l := range lines {
		positions[Position{Customer: calendar.Folded(l.Customer), BillingType: l.BillingType, Kind: l.Kind, Rate: l.Rate}] += l.Seconds
	}
	for _, seconds := range positions {
		billed += r.of(seconds)
	}
	return billed, true
}

// RoundsEntries says whether what is billed of a day is the sum of what is billed of its lines.
func (d *Document) RoundsEntries(day calendar.Date) bool {
	r := d.roundingOn(day)
	return r.Scope == ByEntry || r.of(1) == 1
}

func (d *Document) roundingOn(day calendar.Date) Rounding {
	return inForce(ordered(d.Rounding), day, func(r *Rounding) calendar.Date { return r.From })
}

// FileName is the name of a sheet's file without its ending, of letters that every system takes.
func (d *Document) FileName() string {
	return "timesheet-" + d.Sheet.Period.From.String() + "-" + d.Sheet.Period.To.String() + "-" + plainName(d.To.Name)
}

func plainName(text string) string {
	name := []byte{}
	for _, r := range calendar.Folded(text) {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			name = append(name, byte(r))
		case len(name) > 0 && name[len(name)-1] != '-':
			name = append(name, '-')
		}
	}
	for len(name) > 0 && name[len(name)-1] == '-' {
		name = name[:len(name)-1]
	}
	if len(name) == 0 {
		return "all"
	}
	return string(name[:min(len(name), 40)])
}
