// Package timesheet makes of what a ledger holds what a customer pays.
//
// Compute is pure: the same entries and terms give the same sheet, in whatever order they come. Money is reckoned in integers and rationals
// alone. Sheet is the form that is printed, hashed and kept; every line of it names the entry that it comes from.
package timesheet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"adminassistant/shared/calendar"
)

// Kind says whether time was worked or travelled.
type Kind string

const (
	Work   Kind = "work"
	Travel Kind = "travel"
)

// Flag is something that whoever reads a line has to know.
type Flag string

const (
	AllDay          Flag = "all_day"          // counts the customer's day_minutes
	CrossesMidnight Flag = "crosses_midnight" // belongs to the day on which it starts
	NoRate          Flag = "no_rate"          // billable, on a day for which there is no rate
	ZeroLength      Flag = "zero_length"
)

// Reason says why an entry of the period has no line.
type Reason string

const (
	Private    Reason = "private"   // its sensitivity is above normal
	Cancelled  Reason = "cancelled" // as the next two: if the terms say so
	Declined   Reason = "declined"
	Free       Reason = "free"        // it claims no time
	WholeDay   Reason = "all_day"     // it takes whole days, and the customer has no day_minutes
	NoCustomer Reason = "no_customer" // it names none
)

// Period is a run of local days, the last one included.
type Period struct {
	From calendar.Date `json:"from"`
	To   calendar.Date `json:"to"`
}

// Has says whether a day is in the period.
func (p Period) Has(day calendar.Date) bool { return !day.Before(p.From) && !p.To.Before(day) }

func (p Period) overlaps(other Period) bool {
	return !other.To.Before(p.From) && !p.To.Before(other.From)
}

// Sheet is a timesheet, in the form in which it is printed and kept.
type Sheet struct {
	Period    Period     `json:"period"`
	Positions []Position `json:"positions"` // by customer, billing type, kind, rate
	Lines     []Line     `json:"lines"`     // by start, then key
	Totals    []Total    `json:"totals"`    // by currency
	// Billed is the sum of the positions, Worked the length of the time that the lines cover together, both in seconds.
	Billed   int64       `json:"billed_seconds"`
	Worked   int64       `json:"worked_seconds"`
	LeftOut  []LeftOut   `json:"left_out"`
	Overlaps [][2]string `json:"overlaps"` // pairs of keys of lines that share time
}

// Position is what is billed as one: the time of one customer, billing type and kind at one rate, counted by one rounding.
type Position struct {
	Customer    string               `json:"customer"`
	BillingType calendar.BillingType `json:"billing_type"`
	Kind        Kind                 `json:"kind"`
	Rate        string               `json:"rate"` // of an hour, decimal; empty: none
	Currency    string               `json:"currency"`
	Seconds     int64                `json:"seconds"`        // as they were
	Billed      int64                `json:"billed_seconds"` // as they are rounded
	Amount      string               `json:"amount"`         // decimal, with the currency's places; empty where there is no rate
}

// Line is one entry on one day.
type Line struct {
	Key         string               `json:"key"`
	Version     int                  `json:"version"`
	Hash        string               `json:"hash"`
	Date        calendar.Date        `json:"date"`
	Start       string               `json:"start"` // UTC, as in 2026-10-05T07:00:00Z; empty for a whole day
	End         string               `json:"end"`
	Customer    string               `json:"customer"`
	BillingType calendar.BillingType `json:"billing_type"`
	Kind        Kind                 `json:"kind"`
	Rate        string               `json:"rate"`
	Subject     string               `json:"subject"`
	Seconds     int64                `json:"seconds"`
	Billed      int64                `json:"billed_seconds"`
	Flags       []Flag               `json:"flags"`
	// Supplements names the line of a locked sheet that this one takes back, or takes the place of, as "<hash of the sheet>#<number of the line, from 1>";
	// of an entry that is new in a locked period it names the sheet alone.
	Supplements string `json:"supplements"`
}

// Reverses says whether the line takes back one of a locked sheet.
func (l *Line) Reverses() bool { return l.Seconds < 0 || l.Billed < 0 }

// Doubled are the days that a line of a whole day shares with other lines of the same customer and kind, all of which are billed. Lines of whole days have no
// times, so that Overlaps does not name them.
func (s *Sheet) Doubled() (days []calendar.Date) {
	type work struct {
		customer string
		kind     Kind
		day      calendar.Date
	}
	lines, whole := map[work]int{}, map[work]bool{}
	for i := range s.Lines {
		if l := &s.Lines[i]; l.Seconds > 0 {
			w := work{calendar.Folded(l.Customer), l.Kind, l.Date}
			lines[w]++
			whole[w] = whole[w] || l.Start == ""
		}
	}
	for w, n := range lines {
		if n > 1 && whole[w] {
			days = append(days, w.day)
		}
	}
	slices.SortFunc(days, calendar.Date.Compare)
	return slices.Compact(days)
}

// Total is the sum of the amounts in one currency.
type Total struct {
	Currency string `json:"currency"`
	Amount   string `json:"amount"`
}

// LeftOut is an entry of the period that has no line.
type LeftOut struct {
	Key    string `json:"key"`
	Reason Reason `json:"reason"`
}

// JSON is the canonical form: the members in the order of the types, without white space.
func (s *Sheet) JSON() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		panic(fmt.Sprintf("timesheet: a sheet does not encode: %v", err)) // it has texts and integers alone
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Hash is the SHA-256 of the canonical form, as in "sha256:9f2c...".
func (s *Sheet) Hash() string {
	sum := sha256.Sum256(s.JSON())
	return "sha256:" + hex.EncodeToString(sum[:])
}
