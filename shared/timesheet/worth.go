package timesheet

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/ledger"
)

// Worth is what a customer's time of a period comes to.
type Worth struct {
	Customer string // name, as Book.Named has it
	Totals   []Total
	Billed   int64 // seconds
}

// WorthOf says what entries come to for each customer with a rate, as one sheet of each would have it that settles nothing of others: by the terms as they
// are now. Entries of customers without a record, or without a rate, have no worth. Worths are sorted by customer. Errors are Compute's.
func WorthOf(entries []Entry, book *customer.Book, zone *time.Location, p Period) ([]Worth, error) {
	of := map[string][]Entry{}
	for i := range entries {
		if c := book.Find(entries[i].Appointment.Customer); c != nil && len(c.Rates) > 0 {
			of[c.ID] = append(of[c.ID], entries[i])
		}
	}
	all := book.All()
	worths := []Worth{}
	for i := range all {
		c := &all[i]
		if len(of[c.ID]) == 0 {
			continue
		}
		terms := Terms{Zone: zone, Period: p, Customer: c.Name, Named: book.Named, LeaveOut: idle}
		terms.priced(c)
		sheet, err := Compute(of[c.ID], terms)
		if err != nil {
			return nil, fmt.Errorf("add up the time of %s: %w", c.Name, err)
		}
		if len(sheet.Totals) > 0 {
			worths = append(worths, Worth{Customer: c.Name, Totals: sheet.Totals, Billed: sheet.Billed})
		}
	}
	slices.SortFunc(worths, func(a, b Worth) int {
		return cmp.Or(strings.Compare(calendar.Folded(a.Customer), calendar.Folded(b.Customer)), strings.Compare(a.Customer, b.Customer))
	})
	return worths, nil
}

// Standing are the entries of those of a ledger that are archived.
func Standing(entries []ledger.Entry) []Entry {
	all := make([]Entry, 0, len(entries))
	for i := range entries {
		if e := &entries[i]; e.Outcome == ledger.Archived {
			all = append(all, Entry{Key: e.Key, Version: e.Version, Hash: e.Hash, Appointment: e.Appointment})
		}
	}
	return all
}

// AddUp adds totals of the same currency up; the result is sorted by currency. Amounts have the places of their currency, as those of sheets do.
func AddUp(totals ...[]Total) []Total {
	sums := map[string]*big.Int{}
	for _, some := range totals {
		for _, t := range some {
			units, ok := new(big.Int).SetString(strings.Replace(t.Amount, ".", "", 1), 10)
			if !ok {
				continue // no sheet has such an amount
			}
			if sums[t.Currency] == nil {
				sums[t.Currency] = new(big.Int)
			}
			sums[t.Currency].Add(sums[t.Currency], units)
		}
	}
	return totalsOf(sums)
}
