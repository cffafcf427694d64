package restore

import (
	"context"
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

// adjustInstances deletes the instances of a written series that do not happen, and changes those that differ. It can be repeated.
func (a *attempt) adjustInstances(ctx context.Context, t *task) error {
	plan, err := a.instances(t)
	if err != nil {
		t.fail(err)
		return nil
	}
	if plan == nil {
		return nil
	}
	if err := a.dropShown(ctx, t, plan); err != nil {
		return err
	}
	there, err := run.Retry(ctx, a.patience, func() ([]calendar.Event, error) {
		return a.target.Instances(ctx, a.target.uri.Account, a.target.info.ID, t.entry.EventID, plan.from, plan.to)
	})
	if err != nil {
		return fmt.Errorf("read the instances of a series: %w", err)
	}
	if a.target.notifies() { // its instances need not name the people who were invited to it
		invited, err := a.invited(ctx, []string{t.entry.EventID})
		if err != nil {
			return err
		}
		if invited[t.entry.EventID] {
			t.fail(fault.New(fault.Conflict, "the series is there, but not all of its instances are as they were: changing them would send messages to the people "+
				"who were invited to it"))
			return nil
		}
	}
	var deleted, when []string
	ids := map[string]string{} // by slot
	for i := range there {
		e := &there[i]
		at := originalDay(&t.kept.Event, e.OriginalStart)
		if a.target.notifies() && notifies(&calendar.Kept{Event: *e}) {
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
	if err := a.delete(ctx, deleted, func(i int, err error) { wrong(when[i], err) }); err != nil {
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
	err = a.change(ctx, changes, func(i int, r calendar.WriteResult) {
		if r.Err != nil {
			wrong(changes[i].Draft.Start.Local, r.Err)
		}
	})
	if err != nil {
		return err
	}
	return a.createAlone(ctx, t, alone, wrong)
}

// createAlone creates changed instances that belong to no occurrence of their series: they happen all the same.
func (a *attempt) createAlone(ctx context.Context, t *task, drafts []calendar.Draft, wrong func(string, error)) error {
	tasks := make([]*task, len(drafts))
	for i, d := range drafts {
		d.TransactionID = a.transaction(d.Mark)
		tasks[i] = &task{draft: d}
	}
	if err := a.create(ctx, tasks, false); err != nil {
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
func (a *attempt) instances(t *task) (*instancePlan, error) {
	master := &t.kept.Event
	var times []time.Time
	if master.Recurrence != nil {
		for _, d := range master.Recurrence.Without {
			at, err := a.drafting.instant(d)
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
		d, err := a.drafting.draft(e, a.exceptionMark(t.draft.Mark, e))
		if err != nil {
			return nil, err
		}
		p.drafts[a.fileSlot(master, e.OriginalStart)] = d
	}
	if len(times) == 0 {
		return nil, nil
	}
	p.from, p.to = slices.MinFunc(times, time.Time.Compare).Add(-3*edge), slices.MaxFunc(times, time.Time.Compare).Add(3*edge)
	err := series.NewExpander(p.from.Add(-edge), p.to.Add(edge), a.drafting.zones).Each(*master, nil, func(e calendar.Event) error {
		if len(p.happens) == series.MaxInstances {
			return fault.New(fault.Invalid, "the series has more than %d instances between its first and its last that differs", series.MaxInstances)
		}
		p.happens[a.fileSlot(master, e.OriginalStart)] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, at := range slices.Sorted(maps.Keys(p.drafts)) {
		if !p.happens[at] {
			p.alone = append(p.alone, p.drafts[at])
			delete(p.drafts, at)
		}
	}
	return p, nil
}

// dropShown takes out of the plan what the calendar shows already: an instance that was moved may not be found by its day any more.
func (a *attempt) dropShown(ctx context.Context, t *task, p *instancePlan) error {
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
	there, err := run.Retry(ctx, a.patience, func() (map[string]calendar.Event, error) {
		return a.target.Marked(ctx, a.target.uri.Account, a.target.info.ID, marks)
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
func (a *attempt) exceptionMark(series string, e *calendar.Event) string {
	return series + "#" + e.OriginalStart.UTC().Format("20060102T150405Z")
}

// belonging separates the changed instances of a series that replace one of its own from those that happen by themselves.
func (a *attempt) belonging(k *calendar.Kept) (own, alone []calendar.Event) {
	for i := range k.Exceptions {
		e := k.Exceptions[i]
		at := a.fileSlot(&k.Event, e.OriginalStart)
		events, err := series.Expand(k.Event, nil, e.OriginalStart.Add(-edge), e.OriginalStart.Add(edge), a.drafting.zones)
		if err != nil || !slices.ContainsFunc(events, func(o calendar.Event) bool { return a.fileSlot(&k.Event, o.OriginalStart) == at }) {
			alone = append(alone, e)
		} else {
			own = append(own, e)
		}
	}
	return own, alone
}

// fileSlot is originalDay for the file's series, whose floating times are written in UTC.
func (a *attempt) fileSlot(master *calendar.Event, original time.Time) string {
	if !master.AllDay && !a.drafting.explains && master.Start.Floats() {
		if at, err := (calendar.DateTime{Local: original.UTC().Format("2006-01-02T15:04:05")}).Instant(a.drafting.floating); err == nil {
			original = at
		}
	}
	return originalDay(master, original)
}
