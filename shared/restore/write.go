package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// write carries the tasks out. unknown says that an earlier attempt may have begun them. An error leaves tasks of which nothing is known.
func (a *attempt) write(ctx context.Context, tasks []*task, unknown bool) error {
	if err := a.refuseInvited(ctx, tasks); err != nil {
		return err
	}
	var updates, creates []*task
	for _, t := range tasks {
		switch {
		case t.done:
		case t.item.Outcome == Replaced && !t.item.Switch:
			updates = append(updates, t)
		default:
			creates = append(creates, t)
		}
	}
	if err := a.findInstances(ctx, updates); err != nil {
		return err
	}
	updates = slices.DeleteFunc(updates, func(t *task) bool { return t.done })
	gone, err := a.update(ctx, updates)
	if err != nil {
		return err
	}
	creates = append(creates, gone...) // somebody deleted what they were to replace
	if err := a.create(ctx, creates, unknown); err != nil {
		return err
	}
	for _, t := range tasks {
		if t.begun && t.problem == nil && t.entry.Series {
			if err := a.adjustInstances(ctx, t); err != nil {
				return err
			}
		}
	}
	return a.deleteReplaced(ctx, tasks)
}

// refuseInvited refuses to replace events to which people were invited since the plan was made, which may be long ago: they would be told.
func (a *attempt) refuseInvited(ctx context.Context, tasks []*task) error {
	var ids []string
	for _, t := range tasks {
		if !t.done && t.item.Outcome == Replaced {
			ids = append(ids, t.item.Existing)
			if t.item.Leftover != "" {
				ids = append(ids, t.item.Leftover)
			}
		}
	}
	if len(ids) == 0 || !a.target.notifies() {
		return nil
	}
	there, err := run.Retry(ctx, a.patience, func() (map[string]calendar.Event, error) {
		return a.target.Find(ctx, a.target.uri.Account, a.target.info.ID, ids)
	})
	if err != nil {
		return fmt.Errorf("look into the calendar: %w", err)
	}
	invited := func(id string) bool {
		e, ok := there[id]
		return ok && notifies(&calendar.Kept{Event: e})
	}
	for _, t := range tasks {
		if !t.done && t.item.Outcome == Replaced && (invited(t.item.Existing) || invited(t.item.Leftover)) {
			t.item.Outcome, t.entry.Reason, t.entry.ReplacedID, t.done = Refused, reasonInvited, "", true
		}
	}
	return nil
}

// findInstances finds the ids of the instances of series that are replaced alone.
func (a *attempt) findInstances(ctx context.Context, tasks []*task) error {
	for _, t := range tasks {
		at := t.item.Instance
		if at.IsZero() {
			continue
		}
		there, err := run.Retry(ctx, a.patience, func() ([]calendar.Event, error) {
			return a.target.Instances(ctx, a.target.uri.Account, a.target.info.ID, t.item.Existing, at.Add(-longestMove), at.Add(longestMove))
		})
		if err != nil && !errors.Is(err, calendar.ErrNotFound) {
			return fmt.Errorf("read the instances of a series: %w", err)
		}
		id, invited := "", false
		for i := range there {
			e := &there[i]
			if e.OriginalStart.Equal(at) || e.AllDay && originalDay(e, e.OriginalStart) == originalDay(e, at) {
				id, invited = e.ID, a.target.notifies() && notifies(&calendar.Kept{Event: *e})
			}
		}
		switch {
		case id == "":
			t.fail(fault.New(fault.Conflict, "its series does not have the instance any more; start the restore again"))
		case invited:
			t.item.Outcome, t.entry.Reason, t.entry.ReplacedID, t.done = Refused, reasonInvited, "", true
		default:
			t.item.Existing = id
		}
	}
	return nil
}

// longestMove is how far an instance may have been moved from where its series had it, to be found there.
const longestMove = 400 * 24 * time.Hour

// update makes existing events what the drafts say, and returns the tasks whose event is gone.
func (a *attempt) update(ctx context.Context, tasks []*task) (gone []*task, err error) {
	updates := make([]calendar.Update, len(tasks))
	for i, t := range tasks {
		updates[i] = calendar.Update{ID: t.item.Existing, Draft: t.draft}
	}
	err = a.change(ctx, updates, func(i int, r calendar.WriteResult) {
		t := tasks[i]
		switch {
		case errors.Is(r.Err, calendar.ErrNotFound):
			gone = append(gone, t)
		case r.Err != nil:
			t.fail(r.Err)
		default:
			t.written(r.ID)
		}
	})
	return gone, err
}

// change makes updates, and hands the result of each to done. Each may be made twice.
func (a *attempt) change(ctx context.Context, updates []calendar.Update, done func(i int, r calendar.WriteResult)) error {
	err := run.EachWrite(ctx, a.patience, len(updates), run.Writes{Write: func(ctx context.Context, open []int) ([]calendar.WriteResult, error) {
		return a.target.Update(ctx, a.target.uri.Account, a.target.info.ID, pick(updates, open))
	}}, done)
	if err != nil {
		return fmt.Errorf("change the calendar: %w", err)
	}
	return nil
}

func pick[T any](all []T, some []int) []T {
	picked := make([]T, len(some))
	for i, at := range some {
		picked[i] = all[at]
	}
	return picked
}

// create makes events. Those of which it is unknown whether they are there are looked for first.
func (a *attempt) create(ctx context.Context, tasks []*task, unknown bool) error {
	var ours []*task // of a switch: the event that goes has the mark of the one that comes
	var ids []string
	for _, t := range tasks {
		if t.item.Switch && t.item.Ours {
			ours, ids = append(ours, t), append(ids, t.item.Existing)
		}
	}
	if err := a.delete(ctx, ids, func(i int, err error) { ours[i].fail(err) }); err != nil {
		return err
	}
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool { return t.done }) // what could not be deleted gets no second one
	drafts, marks := make([]calendar.Draft, len(tasks)), make([]string, len(tasks))
	for i, t := range tasks {
		drafts[i], marks[i] = t.draft, t.draft.Mark
	}
	gone := false // what is created is not found when there is no calendar for it
	err := run.EachWrite(ctx, a.patience, len(tasks), run.Writes{
		Begun: unknown,
		Look: func(ctx context.Context, open []int) (map[int]calendar.WriteResult, error) {
			shown, err := a.target.Marked(ctx, a.target.uri.Account, a.target.info.ID, pick(marks, open))
			there := map[int]calendar.WriteResult{}
			for _, at := range open {
				if e, ok := shown[marks[at]]; ok {
					there[at] = calendar.WriteResult{ID: e.ID}
				}
			}
			return there, err
		},
		Write: func(ctx context.Context, open []int) ([]calendar.WriteResult, error) {
			return a.target.Create(ctx, a.target.uri.Account, a.target.info.ID, pick(drafts, open))
		},
	}, func(i int, r calendar.WriteResult) {
		gone = gone || errors.Is(r.Err, calendar.ErrNotFound)
		if r.Err != nil {
			tasks[i].fail(r.Err)
		} else {
			tasks[i].written(r.ID)
		}
	})
	switch {
	case gone || errors.Is(err, calendar.ErrNotFound):
		return a.target.errGone()
	case err != nil:
		return fmt.Errorf("write the calendar: %w", err)
	}
	return nil
}

// deleteReplaced deletes the events whose place was taken by another one.
func (a *attempt) deleteReplaced(ctx context.Context, tasks []*task) error {
	var replaced []*task
	var ids []string
	for _, t := range tasks {
		id := t.item.Leftover
		if t.item.Switch && !t.item.Ours {
			id = t.item.Existing
		}
		if id != "" && t.begun && t.problem == nil {
			replaced, ids = append(replaced, t), append(ids, id)
		}
	}
	return a.delete(ctx, ids, func(i int, err error) { replaced[i].fail(err) })
}

func (a *attempt) delete(ctx context.Context, ids []string, failed func(i int, err error)) error {
	err := run.EachWrite(ctx, a.patience, len(ids), run.Writes{Write: func(ctx context.Context, open []int) ([]calendar.WriteResult, error) {
		return a.target.Delete(ctx, a.target.uri.Account, a.target.info.ID, pick(ids, open))
	}}, func(i int, r calendar.WriteResult) {
		if r.Err != nil {
			failed(i, r.Err)
		}
	})
	if err != nil {
		return fmt.Errorf("delete from the calendar: %w", err)
	}
	return nil
}
