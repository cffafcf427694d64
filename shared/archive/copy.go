package archive

import (
	"context"
	"errors"
	"fmt"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// missing asks the archive calendar which of the entries it does not show, and notes the others as done.
func (x *execution) missing(ctx context.Context, entries []*ledger.Entry) ([]*ledger.Entry, error) {
	marks := make([]string, len(entries))
	for i, e := range entries {
		marks[i] = e.Mark()
	}
	shown, err := run.Retry(ctx, &x.patience, func() (map[string]calendar.Event, error) {
		return x.target.Marked(ctx, x.config.Archive.Account, x.targetInfo.ID, marks)
	})
	if err != nil {
		return nil, fmt.Errorf("look into the archive calendar: %w", err)
	}
	var missing []*ledger.Entry
	for _, e := range entries {
		if event, ok := shown[e.Mark()]; ok {
			x.done(e, event.ID)
		} else {
			missing = append(missing, e)
		}
	}
	return missing, nil
}

// done notes that the archive calendar shows the entry.
func (x *execution) done(e *ledger.Entry, copyID string) {
	e.State, e.CopyID, e.Failure = ledger.Done, copyID, ""
	if e.Run == x.run.ID {
		x.written[e.Key] = true
	}
}

// refused notes that the archive calendar will not have the entry.
func (x *execution) refused(e *ledger.Entry, err error) {
	problem := run.NewProblem(err)
	e.State, e.Failure = ledger.Failed, problem.Detail
	if e.Run == x.run.ID {
		x.problems[e.Key] = problem
	}
}

// copy writes the entries' drafts into the archive calendar and notes each as done or failed. What fails for a passing reason is
// tried again, after asking whether it took effect all the same; an error leaves entries of which nothing is known.
func (x *execution) copy(ctx context.Context, entries []*ledger.Entry) error {
	for _, e := range entries {
		if err := x.ledger.Load(ctx, e); err != nil {
			return err
		}
	}
	trial := x.patience.Trial()
	for len(entries) > 0 {
		again, err := x.attempt(ctx, entries)
		if err == nil {
			return nil
		}
		if err := trial.Again(ctx, err); err != nil {
			return err
		}
		if entries, err = x.missing(ctx, again); err != nil {
			return err
		}
	}
	return nil
}

// attempt writes the entries once. It returns those that failed for a passing reason, with one of the reasons.
func (x *execution) attempt(ctx context.Context, entries []*ledger.Entry) (again []*ledger.Entry, err error) {
	var updates, creates []*ledger.Entry
	for _, e := range entries {
		if e.Replaces != "" {
			updates = append(updates, e)
		} else {
			creates = append(creates, e)
		}
	}
	settle := func(some []*ledger.Entry, updating bool, results []calendar.WriteResult, failure error) error {
		for i, e := range some {
			result := calendar.WriteResult{Err: failure}
			if failure == nil {
				result = results[i]
			}
			switch {
			case result.Err == nil:
				x.done(e, result.ID)
			case updating && errors.Is(result.Err, calendar.ErrNotFound):
				creates = append(creates, e) // somebody deleted the copy that it replaces
			case fault.Of(result.Err).Transient():
				again = append(again, e)
				if err == nil || run.RetryAfter(result.Err) > run.RetryAfter(err) {
					err = result.Err
				}
			case failure != nil:
				return failure
			default:
				x.refused(e, result.Err)
			}
		}
		return nil
	}
	account, id := x.config.Archive.Account, x.targetInfo.ID
	if len(updates) > 0 {
		changes := make([]calendar.Update, len(updates))
		for i, e := range updates {
			changes[i] = calendar.Update{ID: e.Replaces, Draft: *e.Draft}
		}
		results, failure := x.target.Update(ctx, account, id, changes)
		if err := settle(updates, true, results, failure); err != nil {
			return nil, fmt.Errorf("change the archive calendar: %w", err)
		}
	}
	if len(creates) > 0 {
		drafts := make([]calendar.Draft, len(creates))
		for i, e := range creates {
			drafts[i] = *e.Draft
		}
		results, failure := x.target.Create(ctx, account, id, drafts)
		if err := settle(creates, false, results, failure); err != nil {
			return nil, fmt.Errorf("write the archive calendar: %w", err)
		}
	}
	if err != nil {
		err = fmt.Errorf("write the archive calendar: %w", err)
	}
	return again, err
}
