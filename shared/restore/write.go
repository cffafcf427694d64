package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// Entry is what became of one thing of the file: the plan of a run's item.
type Entry struct {
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"`
	Subject string  `json:"subject"`
	Start   string  `json:"start,omitempty"` // UTC, or of an all-day event a date; of a series that of its first instance
	End     string  `json:"end,omitempty"`
	AllDay  bool    `json:"all_day,omitempty"`
	Series  bool    `json:"series,omitempty"`
	// EventID is of the event that was created, or is the same.
	EventID string `json:"event_id,omitempty"`
	// ReplacedID is of the event whose place was taken; as it was, it is in the run's object "before".
	ReplacedID string `json:"replaced_id,omitempty"`
	// FurtherIDs are of changed instances that belong to no occurrence of their series, and were created by themselves.
	FurtherIDs []string `json:"further_ids,omitempty"`
}

// longestSubject is how much of a subject an item tells, in bytes.
const longestSubject = 400

// task is one thing of the file, and what is to be done about it.
type task struct {
	item    Item
	kept    calendar.Kept
	draft   calendar.Draft
	entry   Entry
	done    bool // it is written, or needs no writing
	begun   bool // something of it is in the calendar through this run
	problem *run.Problem
}

// newTask returns what is to be done about a thing of the file. A thing of which no draft can be made has failed already.
func (x *execution) newTask(it Item, k calendar.Kept) (*task, error) {
	t := &task{item: it, kept: k, entry: Entry{Outcome: it.Outcome, Reason: it.Reason, EventID: it.Existing, Series: k.Event.Type == calendar.Master}}
	t.entry.Subject = k.Event.Subject
	if len(t.entry.Subject) > longestSubject {
		t.entry.Subject = k.Event.Subject[:longestSubject] // JSON replaces the half of a character
	}
	if start, end, err := x.drafting.span(&k.Event); err == nil {
		layout := time.RFC3339
		if t.entry.AllDay = k.Event.AllDay; t.entry.AllDay {
			layout = time.DateOnly
		}
		t.entry.Start, t.entry.End = start.UTC().Format(layout), end.UTC().Format(layout)
	}
	switch it.Outcome {
	case Created, Replaced:
	case Failed:
		t.fail(fault.New(fault.Invalid, "%s", it.Reason))
		return t, nil
	default:
		t.done = true
		return t, nil
	}
	mark, err := markOf(x.progress.Scope, it.Key)
	if err != nil {
		return nil, err
	}
	if t.draft, err = x.drafting.draft(&k.Event, mark); err != nil {
		t.fail(err)
		return t, nil
	}
	t.draft.TransactionID = x.transaction(mark)
	if it.Outcome == Replaced {
		t.entry.ReplacedID = it.Existing
	}
	return t, nil
}

// transaction is what makes creating the event with the mark a single create, however often this run does it. Another run may create
// it anew, after somebody has deleted it.
func (x *execution) transaction(mark string) string {
	return hashOf("transaction", x.run.ID, mark).String()
}

// writes is about how many events the task writes: a changed instance is one, and so is one that goes.
func (t *task) writes() int {
	if t.done {
		return 0
	}
	n := 1 + len(t.kept.Exceptions)
	if r := t.kept.Event.Recurrence; r != nil {
		n += len(r.Without)
	}
	return n
}

// size is about how much memory the task takes for long texts.
func (t *task) size() int {
	n := len(t.draft.Body.Content)
	for i := range t.kept.Exceptions {
		n += len(t.kept.Exceptions[i].Body.Content)
	}
	return n
}

func (t *task) fail(err error) {
	if t.done = true; t.problem == nil {
		t.problem = run.NewProblem(err)
	}
}

// outcome is what the task is counted as.
func (t *task) outcome() Outcome {
	if t.problem != nil {
		return Failed
	}
	return t.item.Outcome
}

// told is the run's item about the task.
func (t *task) told() (run.Item, error) {
	t.entry.Outcome = t.outcome()
	if t.problem != nil {
		t.entry.Reason = t.problem.Detail
	}
	plan, err := json.Marshal(t.entry)
	if err != nil {
		return run.Item{}, fmt.Errorf("store an item: %w", err)
	}
	return run.Item{Key: t.item.Key, Plan: plan, Written: t.begun, Problem: t.problem}, nil
}

// write carries the tasks out. unknown says that an earlier attempt may have begun them. An error leaves tasks of which nothing is known.
func (x *execution) write(ctx context.Context, tasks []*task, unknown bool) error {
	if err := x.refuseInvited(ctx, tasks); err != nil {
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
	gone, err := x.update(ctx, updates)
	if err != nil {
		return err
	}
	creates = append(creates, gone...) // somebody deleted what they were to replace
	if err := x.create(ctx, creates, unknown); err != nil {
		return err
	}
	for _, t := range tasks {
		if t.begun && t.problem == nil && t.entry.Series {
			if err := x.settleInstances(ctx, t); err != nil {
				return err
			}
		}
	}
	return x.deleteReplaced(ctx, creates)
}

// refuseInvited refuses to replace events to which people were invited since the plan was made, which may be long ago: they would be told.
func (x *execution) refuseInvited(ctx context.Context, tasks []*task) error {
	var ids []string
	for _, t := range tasks {
		if !t.done && t.item.Outcome == Replaced {
			ids = append(ids, t.item.Existing)
		}
	}
	if len(ids) == 0 || !x.notifies() {
		return nil
	}
	there, err := run.Retry(ctx, x.patience, func() (map[string]calendar.Event, error) {
		return x.provider.Find(ctx, x.into.Account, x.target.ID, ids)
	})
	if err != nil {
		return fmt.Errorf("look into the calendar: %w", err)
	}
	for _, t := range tasks {
		if e, ok := there[t.item.Existing]; ok && !t.done && t.item.Outcome == Replaced && notifies(&calendar.Kept{Event: e}) {
			t.item.Outcome, t.entry.Reason, t.entry.ReplacedID, t.done = Refused, reasonInvited, "", true
		}
	}
	return nil
}

// update makes existing events what the drafts say, and returns the tasks whose event is gone.
func (x *execution) update(ctx context.Context, tasks []*task) (gone []*task, err error) {
	err = x.each(ctx, len(tasks), func(open []int) ([]calendar.WriteResult, error) {
		updates := make([]calendar.Update, len(open))
		for i, at := range open {
			updates[i] = calendar.Update{ID: tasks[at].item.Existing, Draft: tasks[at].draft}
		}
		return x.provider.Update(ctx, x.into.Account, x.target.ID, updates)
	}, func(i int, r calendar.WriteResult) {
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
	if err != nil {
		return nil, fmt.Errorf("change the calendar: %w", err)
	}
	return gone, nil
}

func (t *task) written(id string) { t.done, t.begun, t.entry.EventID = true, true, id }

// create makes events. Those of which it is unknown whether they are there are looked for first.
func (x *execution) create(ctx context.Context, tasks []*task, unknown bool) error {
	var ours []*task // of a switch: the event that goes has the mark of the one that comes
	for _, t := range tasks {
		if t.item.Switch && t.item.Ours {
			ours = append(ours, t)
		}
	}
	if err := x.deleteEvents(ctx, ours); err != nil {
		return err
	}
	tasks = slices.DeleteFunc(slices.Clone(tasks), func(t *task) bool { return t.done }) // what could not be deleted gets no second one
	look := func(open []int) ([]int, error) {
		marks := make([]string, len(open))
		for i, at := range open {
			marks[i] = tasks[at].draft.Mark
		}
		there, err := run.Retry(ctx, x.patience, func() (map[string]calendar.Event, error) {
			return x.provider.Marked(ctx, x.into.Account, x.target.ID, marks)
		})
		if err != nil {
			return nil, fmt.Errorf("look into the calendar: %w", err)
		}
		return slices.DeleteFunc(slices.Clone(open), func(at int) bool {
			e, ok := there[tasks[at].draft.Mark]
			if ok {
				tasks[at].written(e.ID)
			}
			return ok
		}), nil
	}
	var before func([]int) ([]int, error)
	if unknown {
		before = look
	}
	return x.eachLooking(ctx, len(tasks), before, look, func(open []int) ([]calendar.WriteResult, error) {
		drafts := make([]calendar.Draft, len(open))
		for i, at := range open {
			drafts[i] = tasks[at].draft
		}
		results, err := x.provider.Create(ctx, x.into.Account, x.target.ID, drafts)
		if err != nil {
			err = fmt.Errorf("write the calendar: %w", err)
		}
		return results, err
	}, func(i int, r calendar.WriteResult) {
		if r.Err != nil {
			tasks[i].fail(r.Err)
		} else {
			tasks[i].written(r.ID)
		}
	})
}

// deleteReplaced deletes the events whose place was taken by another one.
func (x *execution) deleteReplaced(ctx context.Context, tasks []*task) error {
	var replaced []*task
	for _, t := range tasks {
		if t.item.Switch && !t.item.Ours && t.begun && t.problem == nil {
			replaced = append(replaced, t)
		}
	}
	return x.deleteEvents(ctx, replaced)
}

func (x *execution) deleteEvents(ctx context.Context, tasks []*task) error {
	ids := make([]string, len(tasks))
	for i, t := range tasks {
		ids[i] = t.item.Existing
	}
	return x.delete(ctx, ids, func(i int, err error) { tasks[i].fail(err) })
}

func (x *execution) delete(ctx context.Context, ids []string, failed func(i int, err error)) error {
	err := x.each(ctx, len(ids), func(open []int) ([]calendar.WriteResult, error) {
		some := make([]string, len(open))
		for i, at := range open {
			some[i] = ids[at]
		}
		return x.provider.Delete(ctx, x.into.Account, x.target.ID, some)
	}, func(i int, r calendar.WriteResult) {
		if r.Err != nil {
			failed(i, r.Err)
		}
	})
	if err != nil {
		return fmt.Errorf("delete from the calendar: %w", err)
	}
	return nil
}

// each makes n writes until each has a result that will not change by itself, and hands it to done.
func (x *execution) each(ctx context.Context, n int, write func(open []int) ([]calendar.WriteResult, error), done func(int, calendar.WriteResult)) error {
	return x.eachLooking(ctx, n, nil, nil, write, done)
}

// eachLooking is each with a look before the first write and before every further one, which says what of them is still to be written.
func (x *execution) eachLooking(ctx context.Context, n int, first, again func([]int) ([]int, error), write func([]int) ([]calendar.WriteResult, error), done func(int, calendar.WriteResult)) (err error) {
	open := make([]int, n)
	for i := range open {
		open[i] = i
	}
	look := first
	for trial := x.patience.Trial(); ; {
		if look != nil && len(open) > 0 {
			if open, err = look(open); err != nil {
				return err
			}
		}
		if len(open) == 0 {
			return nil
		}
		results, failure := write(open)
		if failure != nil && !fault.Of(failure).Transient() {
			return failure
		}
		var left []int
		for i, at := range open {
			r := calendar.WriteResult{Err: failure}
			if failure == nil {
				r = results[i]
			}
			if r.Err == nil || !fault.Of(r.Err).Transient() {
				done(at, r)
				continue
			}
			left = append(left, at)
			if err == nil || run.RetryAfter(r.Err) > run.RetryAfter(err) {
				err = r.Err
			}
		}
		if open = left; len(open) == 0 {
			return nil
		}
		if err := trial.Again(ctx, err); err != nil {
			return err
		}
		look, err = again, nil
	}
}

// settleInstances deletes those instances of a series that was written which do not happen, and changes those that differ. It can be done again.
func (x *execution) settleInstances(ctx context.Context, t *task) error {
	plan, err := x.instances(t)
	if err != nil {
		t.fail(err)
		return nil
	}
	if plan == nil {
		return nil
	}
	if err := x.dropSettled(ctx, t, plan); err != nil {
		return err
	}
	there, err := run.Retry(ctx, x.patience, func() ([]calendar.Event, error) {
		return x.provider.Instances(ctx, x.into.Account, x.target.ID, t.entry.EventID, plan.from, plan.to)
	})
	if err != nil {
		return fmt.Errorf("read the instances of a series: %w", err)
	}
	var deleted, when []string
	ids := map[string]string{} // by slot
	for i := range there {
		e := &there[i]
		at := originalDay(&t.kept.Event, e.OriginalStart)
		if x.notifies() && notifies(&calendar.Kept{Event: *e}) {
			t.fail(fault.New(fault.Conflict, "the series is there, but not as it was at %s: changing that would send messages to the people who were invited to it", at))
			return nil
		}
		ids[at] = e.ID
		inside := e.OriginalStart.After(plan.from.Add(edge)) && e.OriginalStart.Before(plan.to.Add(-edge))
		if e.Type != calendar.Exception && inside && !plan.happens[at] {
			deleted, when = append(deleted, e.ID), append(when, at)
		}
	}
	wrong := func(at string, err error) {
		t.fail(fault.New(fault.Of(err), "the series is there, but not as it was at %s: %w", at, err))
	}
	if err := x.delete(ctx, deleted, func(i int, err error) { wrong(when[i], err) }); err != nil {
		return err
	}
	var changes []calendar.Update
	alone := plan.alone
	for _, at := range slices.Sorted(maps.Keys(plan.drafts)) {
		if id := ids[at]; id != "" {
			changes = append(changes, calendar.Update{ID: id, Draft: plan.drafts[at]})
		} else {
			alone = append(alone, plan.drafts[at])
		}
	}
	err = x.each(ctx, len(changes), func(open []int) ([]calendar.WriteResult, error) {
		some := make([]calendar.Update, len(open))
		for i, at := range open {
			some[i] = changes[at]
		}
		return x.provider.Update(ctx, x.into.Account, x.target.ID, some)
	}, func(i int, r calendar.WriteResult) {
		if r.Err != nil {
			wrong(changes[i].Draft.Start.Local, r.Err)
		}
	})
	if err != nil {
		return fmt.Errorf("change the instances of a series: %w", err)
	}
	return x.createAlone(ctx, t, alone, wrong)
}

// createAlone creates changed instances that belong to no occurrence of their series: they happen all the same.
func (x *execution) createAlone(ctx context.Context, t *task, drafts []calendar.Draft, wrong func(string, error)) error {
	tasks := make([]*task, len(drafts))
	for i, d := range drafts {
		d.TransactionID = x.transaction(d.Mark)
		tasks[i] = &task{draft: d}
	}
	if err := x.create(ctx, tasks, false); err != nil {
		return err
	}
	for _, one := range tasks {
		if one.problem != nil {
			wrong(one.draft.Start.Local, errors.New(one.problem.Detail))
			continue
		}
		t.entry.FurtherIDs = append(t.entry.FurtherIDs, one.entry.EventID)
	}
	return nil
}

// instancePlan is what of a series differs from its rules: the instances of [from, to) that happen, as far as any do not, and drafts of those
// that were changed by themselves, both by slot. alone are drafts of changed instances that belong to no occurrence.
type instancePlan struct {
	from, to time.Time
	happens  map[string]bool
	drafts   map[string]calendar.Draft
	alone    []calendar.Draft
}

// edge is how far within the window of an instancePlan the instances lie that it is about.
const edge = 24 * time.Hour

// instances returns what of the task's series differs from its rules; nil if nothing does. Errors are Invalid.
func (x *execution) instances(t *task) (*instancePlan, error) {
	master := &t.kept.Event
	var times []time.Time
	if master.Recurrence != nil {
		for _, d := range master.Recurrence.Without {
			at, err := x.drafting.instant(d)
			if err != nil {
				return nil, fault.New(fault.Invalid, "a deleted instance cannot be read: %w", err)
			}
			times = append(times, at)
		}
	}
	p := &instancePlan{happens: map[string]bool{}, drafts: map[string]calendar.Draft{}}
	for i := range t.kept.Exceptions {
		e := &t.kept.Exceptions[i]
		times = append(times, e.OriginalStart)
		d, err := x.drafting.draft(e, x.exceptionMark(t.draft.Mark, e))
		if err != nil {
			return nil, err
		}
		p.drafts[x.fileSlot(master, e.OriginalStart)] = d
	}
	if len(times) == 0 {
		return nil, nil
	}
	p.from, p.to = slices.MinFunc(times, time.Time.Compare).Add(-3*edge), slices.MaxFunc(times, time.Time.Compare).Add(3*edge)
	events, err := series.Expand(*master, nil, p.from.Add(-edge), p.to.Add(edge), x.drafting.zones)
	if err != nil {
		return nil, err
	}
	for i := range events {
		p.happens[x.fileSlot(master, events[i].OriginalStart)] = true
	}
	for _, at := range slices.Sorted(maps.Keys(p.drafts)) {
		if !p.happens[at] {
			p.alone = append(p.alone, p.drafts[at])
			delete(p.drafts, at)
		}
	}
	return p, nil
}

// dropSettled takes out of the plan what the calendar shows already: an instance that was moved may not be found by its day any more.
func (x *execution) dropSettled(ctx context.Context, t *task, p *instancePlan) error {
	var marks []string
	for _, at := range slices.Sorted(maps.Keys(p.drafts)) {
		marks = append(marks, p.drafts[at].Mark)
	}
	for _, d := range p.alone {
		marks = append(marks, d.Mark)
	}
	if len(marks) == 0 {
		return nil
	}
	there, err := run.Retry(ctx, x.patience, func() (map[string]calendar.Event, error) {
		return x.provider.Marked(ctx, x.into.Account, x.target.ID, marks)
	})
	if err != nil {
		return fmt.Errorf("look into the calendar: %w", err)
	}
	maps.DeleteFunc(p.drafts, func(_ string, d calendar.Draft) bool {
		_, ok := there[d.Mark]
		return ok
	})
	p.alone = slices.DeleteFunc(p.alone, func(d calendar.Draft) bool {
		e, ok := there[d.Mark]
		if ok {
			t.entry.FurtherIDs = append(t.entry.FurtherIDs, e.ID)
		}
		return ok
	})
	return nil
}

// exceptionMark is the mark of a changed instance of the series that has a mark.
func (x *execution) exceptionMark(series string, e *calendar.Event) string {
	return series + "#" + e.OriginalStart.UTC().Format("20060102T150405Z")
}

// belonging tells those changed instances of a series that take the place of one of its own from those that happen by themselves.
func (x *execution) belonging(k *calendar.Kept) (own, alone []calendar.Event) {
	for i := range k.Exceptions {
		e := k.Exceptions[i]
		at := x.fileSlot(&k.Event, e.OriginalStart)
		events, err := series.Expand(k.Event, nil, e.OriginalStart.Add(-edge), e.OriginalStart.Add(edge), x.drafting.zones)
		if err != nil || !slices.ContainsFunc(events, func(o calendar.Event) bool { return x.fileSlot(&k.Event, o.OriginalStart) == at }) {
			alone = append(alone, e)
		} else {
			own = append(own, e)
		}
	}
	return own, alone
}

// fileSlot is originalDay for the file's series, whose floating times are told in UTC.
func (x *execution) fileSlot(master *calendar.Event, original time.Time) string {
	if !master.AllDay && !x.drafting.explains && master.Start.Floats() {
		if at, err := (calendar.DateTime{Local: original.UTC().Format("2006-01-02T15:04:05")}).Instant(x.drafting.floating); err == nil {
			original = at
		}
	}
	return originalDay(master, original)
}
