package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/fault"
)

// adjust makes the instances of the written series what they are in the file.
func (a *attempt) adjust(ctx context.Context, tasks []*task) error {
	plans := map[*task]*instancePlan{}
	var series []*task
	for _, t := range tasks {
		if !t.begun || t.problem != nil || !t.entry.Series {
			continue
		}
		switch plan, err := a.instances(t); {
		case err != nil:
			t.fail(err)
		case plan != nil:
			plans[t] = plan
			series = append(series, t)
		}
	}
	if err := a.awaitSeries(ctx, series); err != nil {
		return err
	}
	for _, t := range series {
		if err := a.adjustInstances(ctx, t, plans[t]); err != nil {
			return err
		}
	}
	return nil
}

// awaitSeries waits until the calendar shows the series as they were written, or must show them.
func (a *attempt) awaitSeries(ctx context.Context, tasks []*task) error {
	if len(tasks) == 0 {
		return nil
	}
	// An earlier attempt may have written a series in the place of what was there, and deleted instances of it. Written again, it has them back: what is
	// shown until then is as it was after that attempt, and looks right.
	if a.resumed && slices.ContainsFunc(tasks, func(t *task) bool { return t.item.Existing != "" }) {
		if err := a.patience.Pause(ctx, a.target.settles()); err != nil {
			return err
		}
	}
	return a.until(ctx, func() (bool, error) {
		var ids []string
		for _, t := range tasks {
			ids = append(ids, t.entry.EventID)
		}
		there, err := a.find(ctx, ids)
		for _, t := range tasks {
			e, shown := there[t.entry.EventID]
			if !shown || t.item.Existing == e.ID && !t.item.Before.IsZero() && !e.LastModified.After(t.item.Before) {
				return false, err
			}
		}
		return true, err
	})
}

// adjustInstances deletes the instances of a written series that do not happen, and changes those that differ. It can be repeated.
func (a *attempt) adjustInstances(ctx context.Context, t *task, plan *instancePlan) error {
	if err := a.dropShown(ctx, t, plan); err != nil {
		return err
	}
	there, err := a.readInstances(ctx, t.entry.EventID, plan.from, plan.to)
	if err != nil {
		return err
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
	for _, group := range a.together(len(deleted)) {
		if err := a.deleteUnseen(ctx, pick(deleted, group), func(i int, err error) { wrong(when[group[i]], err) }); err != nil {
			return err
		}
	}
	still, err := a.stillThere(ctx, deleted)
	if err != nil {
		return err
	}
	for _, i := range still {
		wrong(when[i], errNotDeleted)
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
	failed := func(c calendar.Update, err error) { wrong(c.Draft.Start.Local, err) }
	if err := a.changeInstances(ctx, changes, failed); err != nil {
		return err
	}
	if err := a.seeChanged(ctx, t, t.entry.EventID, plan.from, plan.to, changes, failed); err != nil {
		return err
	}
	return a.createAlone(ctx, t, alone, wrong)
}

func (a *attempt) readInstances(ctx context.Context, series string, from, to time.Time) ([]calendar.Event, error) {
	there, err := read(ctx, a, func() ([]calendar.Event, error) {
		return a.target.Instances(ctx, a.target.uri.Account, a.target.info.ID, series, from, to)
	})
	if err != nil {
		return nil, fmt.Errorf("read the instances of a series: %w", err)
	}
	return there, nil
}

func (a *attempt) instancesByID(ctx context.Context, series string, from, to time.Time) (map[string]calendar.Event, error) {
	there, err := a.readInstances(ctx, series, from, to)
	byID := make(map[string]calendar.Event, len(there))
	for _, e := range there {
		byID[e.ID] = e
	}
	return byID, err
}

// together says which of n writes to the instances of one series are made together. Microsoft 365 keeps all instances in one item, and writes to
// that conflict, so they are made one after the other.
func (a *attempt) together(n int) (groups [][]int) {
	size := 1
	if a.target.uri.Provider == calendar.ProviderLocal {
		size = n
	}
	for i := range n {
		if i%max(size, 1) == 0 {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], i)
	}
	return groups
}

// changeInstances changes instances of one series.
func (a *attempt) changeInstances(ctx context.Context, changes []calendar.Update, failed func(calendar.Update, error)) error {
	for _, group := range a.together(len(changes)) {
		some := pick(changes, group)
		err := a.change(ctx, some, func(i int, r calendar.WriteResult) {
			if r.Err != nil {
				failed(some[i], r.Err)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// seeChanged reads the instances of a series in [from, to) that were changed once more: Microsoft 365 may answer that it changed one and not store
// that, and need not keep all that an instance has of its own. What was not stored is written again.
func (a *attempt) seeChanged(ctx context.Context, t *task, series string, from, to time.Time, changes []calendar.Update,
	failed func(calendar.Update, error)) error {
	open := slices.Clone(changes)
	err := a.until(ctx, func() (bool, error) {
		var ids []string
		for _, c := range open {
			ids = append(ids, c.ID)
		}
		there, err := a.find(ctx, ids)
		maps.DeleteFunc(there, func(_ string, e calendar.Event) bool { return e.Start.Local == "" }) // refused by its id, as private ones may be
		if err == nil && len(there) < len(ids) {                                                     // some calendars show instances with their series alone
			there, err = a.instancesByID(ctx, series, from, to)
		}
		if err != nil {
			return false, err
		}
		open = slices.DeleteFunc(open, func(c calendar.Update) bool {
			e, shown := there[c.ID]
			if !shown || !a.stored(&e, &c.Draft) {
				return false
			}
			a.noteLost(t, &e, &c, failed)
			return true
		})
		if len(open) == 0 {
			return true, nil
		}
		return false, a.changeInstances(ctx, open, failed)
	})
	if err != nil || a.target.settles() == 0 {
		return err
	}
	for _, c := range open {
		failed(c, fault.New(fault.Conflict, "the calendar does not keep this instance's change"))
	}
	return nil
}

// stored says whether an instance shows that it was changed to what the draft says.
func (a *attempt) stored(e *calendar.Event, d *calendar.Draft) bool {
	if e.Mark != "" && e.Mark == d.Mark {
		return true
	}
	want := calendar.Event{Start: d.Start, End: d.End, AllDay: d.AllDay}
	start, end, err := a.drafting.span(&want)
	from, to, err2 := a.drafting.span(e)
	return err == nil && err2 == nil && start.Equal(from) && end.Equal(to) && e.AllDay == d.AllDay && words(e.Subject) == words(d.Subject) &&
		words(e.Location) == words(d.Location) && e.Sensitivity == d.Sensitivity && e.ShowAs == d.ShowAs
}

// secrecy orders sensitivities by how much they hide.
var secrecy = map[calendar.Sensitivity]int{calendar.Normal: 0, calendar.Personal: 1, calendar.Private: 2, calendar.Confidential: 3}

// noteLost says what an instance did not keep of its own. What others may now see fails the item.
func (a *attempt) noteLost(t *task, e *calendar.Event, c *calendar.Update, failed func(calendar.Update, error)) {
	d := &c.Draft
	if secrecy[e.Sensitivity] < secrecy[d.Sensitivity] {
		failed(*c, fault.New(fault.Conflict, "the calendar did not keep that this instance is %s, so that others may see it; make it so by hand", d.Sensitivity))
		return
	}
	want, has := slices.Sorted(slices.Values(d.Categories)), slices.Sorted(slices.Values(e.Categories))
	var lost []string
	if !slices.Equal(want, has) {
		lost = append(lost, "categories")
	}
	if cmp.Or(e.Importance, calendar.NormalImportance) != cmp.Or(d.Importance, calendar.NormalImportance) {
		lost = append(lost, "importance")
	}
	if len(lost) > 0 {
		t.entry.Notes = append(t.entry.Notes, fmt.Sprintf("the calendar did not keep the %s of the instance at %s: it shows those of the series",
			strings.Join(lost, " and "), d.Start.Local))
	}
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
	there, err := read(ctx, a, func() (map[string]calendar.Event, error) {
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
func belonging(k *calendar.Kept, zones series.Zones) (own, alone []calendar.Event) {
	for i := range k.Exceptions {
		e := k.Exceptions[i]
		at := originalDay(&k.Event, e.OriginalStart)
		events, err := series.Expand(k.Event, nil, e.OriginalStart.Add(-edge), e.OriginalStart.Add(edge), zones)
		if err != nil || !slices.ContainsFunc(events, func(o calendar.Event) bool { return originalDay(&k.Event, o.OriginalStart) == at }) {
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
