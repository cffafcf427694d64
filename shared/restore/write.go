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
	gone, err := a.update(ctx, slices.DeleteFunc(slices.Clone(updates), (*task).one))
	if err != nil {
		return err
	}
	lost, err := a.updateInstances(ctx, slices.DeleteFunc(slices.Clone(updates), func(t *task) bool { return !t.one() }))
	if err != nil {
		return err
	}
	gone = append(gone, lost...)
	creates = append(creates, gone...) // somebody deleted what they were to replace
	if err := a.create(ctx, creates, unknown); err != nil {
		return err
	}
	if err := a.adjust(ctx, tasks); err != nil {
		return err
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
		if !t.done {
			ids = append(ids, t.item.Gone...)
		}
	}
	if len(ids) == 0 || !a.target.notifies() {
		return nil
	}
	invited, err := a.invited(ctx, ids)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		if !t.done && t.item.Outcome == Replaced && (invited[t.item.Existing] || invited[t.item.Leftover]) {
			t.item.Outcome, t.entry.Reason, t.entry.ReplacedID, t.done = Refused, reasonInvited, "", true
		}
		if n := len(t.item.Gone); n > 0 {
			t.item.Gone = slices.DeleteFunc(slices.Clone(t.item.Gone), func(id string) bool { return invited[id] })
			if t.entry.RemovedIDs = t.item.Gone; len(t.item.Gone) < n {
				t.entry.Notes = append(t.entry.Notes, "an instance stays in the calendar beside the series: people were invited to it, and would be told")
			}
		}
	}
	return nil
}

// invited returns which events people were invited to whom a change would be told. An instance need not name them though its series does, so the series is
// asked as well. Of an event that is withheld nobody knows.
func (a *attempt) invited(ctx context.Context, ids []string) (map[string]bool, error) {
	find := func(ids []string) (map[string]calendar.Event, error) {
		there, err := run.Retry(ctx, a.patience, func() (map[string]calendar.Event, error) {
			return a.target.Find(ctx, a.target.uri.Account, a.target.info.ID, ids)
		})
		if err != nil {
			return nil, fmt.Errorf("look into the calendar: %w", err)
		}
		return there, nil
	}
	tells := func(e calendar.Event) bool { return e.Withheld || notifies(&calendar.Kept{Event: e}) }
	there, err := find(ids)
	if err != nil {
		return nil, err
	}
	invited := map[string]bool{}
	var masters []string
	for id, e := range there {
		invited[id] = tells(e)
		if e.SeriesMasterID != "" {
			masters = append(masters, e.SeriesMasterID)
		}
	}
	if len(masters) == 0 {
		return invited, nil
	}
	series, err := find(masters)
	if err != nil {
		return nil, err
	}
	for id, e := range there {
		if master, is := series[e.SeriesMasterID]; is && tells(master) {
			invited[id] = true
		}
	}
	return invited, nil
}

// findInstances finds the ids of the instances of series that are replaced alone.
func (a *attempt) findInstances(ctx context.Context, tasks []*task) error {
	for _, t := range tasks {
		if !t.one() {
			continue
		}
		at := t.item.Instance
		from, to := around(at)
		there, err := a.readInstances(ctx, t.item.Existing, from, to)
		if err != nil && !errors.Is(err, calendar.ErrNotFound) {
			return err
		}
		id, invited := "", false
		for i := range there {
			e := &there[i]
			if e.OriginalStart.Equal(at) || e.AllDay && originalDay(e, e.OriginalStart) == originalDay(e, at) {
				id, invited = e.ID, a.target.notifies() && (e.Withheld || notifies(&calendar.Kept{Event: *e}))
			}
		}
		switch {
		case id == "":
			t.fail(fault.New(fault.Conflict, "its series does not have the instance any more; start the restore again"))
		case invited:
			t.item.Outcome, t.entry.Reason, t.entry.ReplacedID, t.done = Refused, reasonInvited, "", true
		default:
			t.of, t.item.Existing = t.item.Existing, id
		}
	}
	return nil
}

// updateInstances makes instances of series that are replaced alone what their drafts say, and returns the tasks whose instance is gone.
func (a *attempt) updateInstances(ctx context.Context, tasks []*task) (gone []*task, err error) {
	for _, group := range a.together(len(tasks)) {
		some := pick(tasks, group)
		lost, err := a.update(ctx, some)
		if err != nil {
			return nil, err
		}
		gone = append(gone, lost...)
		for _, t := range some {
			if !t.begun || t.problem != nil {
				continue
			}
			from, to := around(t.item.Instance)
			changes := []calendar.Update{{ID: t.item.Existing, Draft: t.draft}}
			if err := a.seeChanged(ctx, t, t.of, from, to, changes, func(_ calendar.Update, err error) { t.fail(err) }); err != nil {
				return nil, err
			}
		}
	}
	return gone, nil
}

// longestMove is how far an instance may have been moved from where its series had it, to be found there.
const longestMove = 400 * 24 * time.Hour

// around is where an instance is looked for that its series had at a time.
func around(at time.Time) (from, to time.Time) { return at.Add(-longestMove), at.Add(longestMove) }

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
		Settles: a.target.settles(),
		Renew:   func(i, nth int) { drafts[i].TransactionID = calendar.Renewed(drafts[i].TransactionID, nth) },
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
		if !t.begun || t.problem != nil {
			continue
		}
		if id != "" {
			replaced, ids = append(replaced, t), append(ids, id)
		}
		for _, id := range t.item.Gone {
			replaced, ids = append(replaced, t), append(ids, id)
		}
	}
	return a.delete(ctx, ids, func(i int, err error) { replaced[i].fail(err) })
}

// delete deletes events, and looks whether they are gone.
func (a *attempt) delete(ctx context.Context, ids []string, failed func(i int, err error)) error {
	told := map[int]bool{}
	err := a.deleteUnseen(ctx, ids, func(i int, err error) {
		told[i] = true
		failed(i, err)
	})
	if err != nil {
		return err
	}
	still, err := a.stillThere(ctx, ids)
	for _, i := range still {
		if !told[i] {
			failed(i, errNotDeleted)
		}
	}
	return err
}

// errNotDeleted is the failure of a deletion that did nothing.
var errNotDeleted = fault.New(fault.Forbidden, "Microsoft 365 answered that it was deleted, and it is still there: the calendar may only be read")

// stillThere returns which of some events that were deleted are there all the same: where a calendar may only be read, Microsoft 365 answers that
// they are gone, too.
func (a *attempt) stillThere(ctx context.Context, ids []string) (still []int, err error) {
	err = a.until(ctx, func() (bool, error) {
		still = nil
		there, err := a.find(ctx, ids)
		for i, id := range ids {
			if _, ok := there[id]; ok {
				still = append(still, i)
			}
		}
		return len(still) == 0, err
	})
	return still, err
}

// find reads those of some events that are there, by their ids.
func (a *attempt) find(ctx context.Context, ids []string) (map[string]calendar.Event, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	there, err := read(ctx, a, func() (map[string]calendar.Event, error) {
		return a.target.Find(ctx, a.target.uri.Account, a.target.info.ID, ids)
	})
	if err != nil {
		return nil, fmt.Errorf("look into the calendar: %w", err)
	}
	return there, nil
}

// until looks into a calendar that may show late what was written, until it is seen or must be shown. Others are not looked into.
func (a *attempt) until(ctx context.Context, seen func() (bool, error)) error {
	settles := a.target.settles()
	if settles == 0 {
		return nil
	}
	for _, wait := range []time.Duration{0, settles / 4, settles / 4, settles / 2} {
		if err := a.patience.Pause(ctx, wait); err != nil {
			return err
		}
		if done, err := seen(); done || err != nil {
			return err
		}
	}
	return nil
}

func (a *attempt) deleteUnseen(ctx context.Context, ids []string, failed func(i int, err error)) error {
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
