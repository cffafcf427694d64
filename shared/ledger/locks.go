package ledger

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Locks are the local days on which nothing changes any more what is archived, by customer (its name as calendar.Folded gives it). They are in the
// head, so that whoever reads the head has them, and they are signed with it.
type Locks map[string][]Days

// Days are local days, the first and the last included.
type Days struct {
	From calendar.Date `json:"from"`
	To   calendar.Date `json:"to"`
}

// Everybody is the customer whose locks hold for all customers, and for what has none.
const Everybody = ""

// Has says whether a customer's day is locked.
func (l Locks) Has(customer string, day calendar.Date) bool {
	if len(l) == 0 {
		return false
	}
	in := func(of []Days) bool {
		return slices.ContainsFunc(of, func(d Days) bool { return !day.Before(d.From) && !d.To.Before(day) })
	}
	return in(l[Everybody]) || in(l[calendar.Folded(customer)])
}

// with returns the locks and one more. Days that touch are one span, so that years of locked months stay small.
func (l Locks) with(customer string, more Days) Locks {
	name := calendar.Folded(customer)
	all := append(slices.Clone(l[name]), more)
	slices.SortFunc(all, func(a, b Days) int { return a.From.Compare(b.From) })
	joined := all[:1]
	for _, d := range all[1:] {
		last := &joined[len(joined)-1]
		switch {
		case last.To.AddDays(1).Before(d.From):
			joined = append(joined, d)
		case last.To.Before(d.To):
			last.To = d.To
		}
	}
	locks := maps.Clone(l)
	if locks == nil {
		locks = Locks{}
	}
	locks[name] = joined
	return locks
}

// Lock locks a customer's days in a config's ledger for ever, together with the caller's own operations. It is a fault.Conflict while a run writes the ledger,
// and store.ErrConflict when something changed since head was read.
func (l *Ledger) Lock(ctx context.Context, config string, head *Head, customer string, days Days, own ...store.Op) error {
	switch {
	case days.To.Before(days.From):
		return fault.Field("to", "is before from")
	case head.Open != "":
		return fault.New(fault.Conflict, "run %s is writing the ledger; lock the days when it has ended", head.Open)
	}
	next := *head
	next.Locks = next.Locks.with(customer, days)
	put, err := l.put(ctx, config, &next)
	if err != nil {
		return err
	}
	if err := l.table.Transact(ctx, append(slices.Clone(own), put)); err != nil {
		return fmt.Errorf("lock days: %w", err)
	}
	*head = next
	head.stored++
	return nil
}

// LockSheet locks the days of a customer, by all its names, in a config's ledger for ever, as Lock does, and adds a link to the chain that has the hash of the timesheet by which they
// are locked: ending.Sheet, with the sheet's id as its Run. The caller's own operations are made of the link as it will be. Errors are Lock's.
func (l *Ledger) LockSheet(
	ctx context.Context, config string, head *Head, customers []string, days Days, ending Ending, own func(link *Sealing) ([]store.Op, error),
) error {
	switch {
	case days.To.Before(days.From):
		return fault.Field("to", "is before from")
	case head.Open != "":
		return fault.New(fault.Conflict, "run %s is writing the ledger; lock the days when it has ended", head.Open)
	}
	next := *head
	for _, customer := range customers {
		next.Locks = next.Locks.with(customer, days)
	}
	link, err := l.Prepare(ctx, config, next, ending, nil)
	if err != nil {
		return err
	}
	ops, err := own(link)
	if err != nil {
		return err
	}
	return l.Seal(ctx, head, link, ops...)
}
