package run

import (
	"context"
	"fmt"

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
}

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
	for look := w.Begun; len(open) > 0; look = true {
		if look && w.Look != nil {
			there, err := Retry(ctx, p, func() (map[int]calendar.WriteResult, error) { return w.Look(ctx, open) })
			if err != nil {
				return fmt.Errorf("look into the calendar: %w", err)
			}
			open = without(open, there, done)
			if len(open) == 0 {
				return nil
			}
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
		var left []int
		var passing error // the one that asks for the longest wait
		for i, r := range results {
			if r.Err == nil || !fault.Of(r.Err).Transient() {
				done(open[i], r)
				continue
			}
			left = append(left, open[i])
			if passing == nil || RetryAfter(r.Err) > RetryAfter(passing) {
				passing = r.Err
			}
		}
		if open = left; passing != nil {
			if err := trial.Again(ctx, passing); err != nil {
				return err
			}
		}
	}
	return nil
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
