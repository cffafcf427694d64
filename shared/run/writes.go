package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Writes are writes to a calendar that are made together. Each is known by its number, from 0.
type Writes struct {
	// Write makes those that are still open. It returns a result for each of them, in order; an error is that of all of them.
	Write func(ctx context.Context, open []int) ([]calendar.WriteResult, error)
	// Look says which of those that are open took effect already, and returns a result for each that did. Nil: each may be made twice.
	Look func(ctx context.Context, open []int) (map[int]calendar.WriteResult, error)
	// Begun says that an earlier attempt may have made some, so that Look is asked before the first write, too.
	Begun bool
	// Settles is for how long a calendar may not show yet what took effect: Look is asked once more at the end of it, and in between, before it is
	// believed that something did not. Zero: at once.
	Settles time.Duration
	// Renew gives a write another transaction id, because the one that it has is taken (calendar.ErrTaken) and Look does not find what has it. It is
	// called with 2 first, with 3 if that one is taken, too. Nil: that an id is taken is a refusal.
	Renew func(i, nth int)
}

// Settling is Writes.Settles of Microsoft 365.
const Settling = 4 * time.Second

// Working is how long a calendar that settles may still work on a write that was given up because its answer did not come in time: until then Look is
// asked, before it is believed that the write had no effect. It is what package graph takes for it, too.
const Working = 30 * time.Second

// mostRenewed is how many further transaction ids a write may have, one after the other.
const mostRenewed = 3

// EachWrite makes n writes until each has a result that will not change by itself, and hands that to done, which is called once for each.
//
// What failed for a passing reason is tried again, after Look was asked whether it took effect all the same, when the longest Retry-After of
// all that failed is over, else by the patience's back-off. A refusal is a result. An error leaves writes of which nothing is known: ErrHandOn
// when the wait is too long for this worker, a passing failure after too many tries, or what failed for all of them and is final.
func EachWrite(ctx context.Context, p *Patience, n int, w Writes, done func(i int, r calendar.WriteResult)) error {
	open := make([]int, n)
	for i := range open {
		open[i] = i
	}
	trial := p.Trial()
	taken, renewed := map[int]bool{}, map[int]int{}
	unknown := w.Begun // whether one of the open ones took effect
	given := false     // up, because an answer did not come in time
	for look := w.Begun; len(open) > 0; look = true {
		if look && w.Look != nil {
			var err error
			if open, err = w.look(ctx, p, open, unknown, given, done); err != nil {
				return err
			}
		}
		for _, at := range open {
			if taken[at] {
				renewed[at]++
				w.Renew(at, renewed[at]+1)
			}
		}
		if len(open) == 0 {
			return nil
		}
		results, err := w.Write(ctx, open)
		if err != nil {
			if !fault.Of(err).Transient() {
				return err
			}
			results = make([]calendar.WriteResult, len(open))
			for i := range results {
				results[i].Err = err
			}
		}
		clear(taken)
		unknown, given = false, false
		var left []int
		var passing error // the one that asks for the longest wait
		for i, r := range results {
			at := open[i]
			switch {
			case errors.Is(r.Err, calendar.ErrTaken) && w.Renew != nil && renewed[at] < mostRenewed:
				taken[at], unknown = true, true
				if passing == nil {
					passing = fault.New(fault.Unavailable, "the transaction id of a write is taken")
				}
			case r.Err == nil || !fault.Of(r.Err).Transient():
				done(at, r)
				continue
			default:
				unknown, given = unknown || !harmless(r.Err), given || late(r.Err)
				if passing == nil || RetryAfter(r.Err) > RetryAfter(passing) {
					passing = r.Err
				}
			}
			left = append(left, at)
		}
		if len(left) < len(open) {
			trial.Went()
		}
		if open = left; passing != nil {
			if err := trial.Again(ctx, passing); err != nil {
				return err
			}
		}
	}
	return nil
}

// look asks which of the open writes took effect, and returns the others. With doubt it asks until the calendar must show it, and after one that was given
// up until the service cannot be at it any more.
func (w *Writes) look(ctx context.Context, p *Patience, open []int, doubt, given bool, done func(i int, r calendar.WriteResult)) ([]int, error) {
	pauses := []time.Duration{0}
	if doubt && w.Settles > 0 {
		pauses = append(pauses, w.Settles/4, w.Settles/4, w.Settles/2)
		if given {
			pauses = append(pauses, Working/2, Working/2)
		}
	}
	for _, wait := range pauses {
		if err := p.Pause(ctx, wait); err != nil {
			return nil, err
		}
		there, err := Retry(ctx, p, func() (map[int]calendar.WriteResult, error) { return w.Look(ctx, open) })
		if err != nil {
			return nil, fmt.Errorf("look into the calendar: %w", err)
		}
		if open = without(open, there, done); len(open) == 0 {
			break
		}
	}
	return open, nil
}

// harmless says whether a write that failed surely had no effect.
func harmless(err error) bool {
	var says interface{ NoEffect() bool }
	return errors.As(err, &says) && says.NoEffect()
}

// late says whether a write failed because its answer did not come in time.
func late(err error) bool {
	var waits interface{ Timeout() bool }
	return errors.As(err, &waits) && waits.Timeout()
}

// without hands those that are there to done, and returns the others.
func without(open []int, there map[int]calendar.WriteResult, done func(i int, r calendar.WriteResult)) (left []int) {
	for _, at := range open {
		if r, ok := there[at]; ok {
			done(at, r)
		} else {
			left = append(left, at)
		}
	}
	return left
}
