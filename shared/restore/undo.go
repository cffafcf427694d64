package restore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// Undoer undoes restores, and undoes of these: what the run created goes, and what it replaced or removed comes back as it was.
type Undoer struct{ Runner }

var _ undo.Undoer = (*Undoer)(nil)

// undoProgress is how far an undo is.
type undoProgress struct {
	Zone    string      `json:"zone"` // in which floating times are read
	Counts  undo.Totals `json:"counts"`
	Written int         `json:"written"`
}

// effect is what a run did about one thing: Has is the event that is there through it, empty where it removed one, and Had the one that was there before,
// which is in the run's object "before"; empty where there was none. They are the same where the run changed it in place.
type effect struct {
	Has      string    `json:"event_id,omitempty"`
	Had      string    `json:"replaced_id,omitempty"`
	Mark     string    `json:"mark,omitempty"`  // of the event that is there through it; or of the one that it removed
	Wrote    string    `json:"wrote,omitempty"` // see Entry.Wrote
	Instance time.Time `json:"instance,omitzero"`
	// Further says that the event came with another one.
	Further bool `json:"further,omitempty"`
}

// reversal is an item of an undo: what the user is told, and what undoing it again has to know.
type reversal struct {
	undo.Item
	effect
	// Of is what is reversed, and Found the event that is there. They are for whoever carries it out.
	Of    effect `json:"of"`
	Found string `json:"found,omitempty"`
}

// unmaking is one attempt at undoing a run.
type unmaking struct {
	*attempt
	in     undo.Input
	of     *run.Run
	before string // where what was there before the run is kept
	zones  []calendar.Zone
	plan   undo.Plan
	steps  []reversal
	later  map[string]string // by id of an event: the newest later run that wrote it
}

// Plan implements undo.Undoer.
func (u *Undoer) Plan(ctx context.Context, rn *run.Run, in undo.Input) (undo.Plan, error) {
	m, err := u.open(ctx, rn, in)
	if err == nil {
		err = m.makePlan(ctx)
	}
	if err != nil {
		return undo.Plan{}, err
	}
	return m.plan, nil
}

// Run undoes, or goes on where another worker stopped. For errors see run.Handler.
func (u *Undoer) Run(ctx context.Context, rn *run.Run) (err error) {
	in, err := undo.InputOf(rn)
	if err != nil {
		return err
	}
	m, err := u.open(ctx, rn, in)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			m.release(ctx)
		}
	}()
	if rn.Options.DryRun {
		return m.show(ctx)
	}
	if err := m.reserve(ctx, run.LeaseName(rn.User, m.target.unmade(), m.target.info.ID)); err != nil {
		return err
	}
	if busy, err := m.waits(ctx); err != nil || busy {
		return cmp.Or(err, run.ErrBusy)
	}
	if !m.progress.Planned {
		if err := m.makePlan(ctx); err != nil {
			return err
		}
		if m.plan.Hash != in.PlanHash {
			rn.Problem = &run.Problem{Code: undo.Changed, Detail: "something changed since you saw what would be undone, so nothing was undone; look again"}
			return m.end(ctx, run.Failed)
		}
		if err := m.storePlan(ctx); err != nil {
			return err
		}
	}
	if err := m.carryOut(ctx); err != nil {
		return err
	}
	if m.progress.Undo.Counts.Failed > 0 {
		return m.end(ctx, run.Partial)
	}
	return m.end(ctx, run.Succeeded)
}

// show carries a dry run out.
func (m *unmaking) show(ctx context.Context) error {
	if err := m.makePlan(ctx); err != nil {
		return err
	}
	if err := m.reserve(ctx, ""); err != nil {
		return err
	}
	items := make([]run.Item, len(m.plan.Items))
	for i := range m.plan.Items {
		data, err := json.Marshal(&m.plan.Items[i])
		if err != nil {
			return fmt.Errorf("store items: %w", err)
		}
		items[i] = run.Item{Key: m.plan.Items[i].Key, Plan: data}
	}
	if err := m.runs().PutItems(ctx, m.run, items); err != nil {
		return err
	}
	m.progress.Undo.Counts, m.progress.Total = m.plan.Counts, len(items)
	return m.end(ctx, run.Succeeded)
}

// open finds the run that is undone, and the calendar that it wrote.
func (u *Undoer) open(ctx context.Context, rn *run.Run, in undo.Input) (m *unmaking, err error) {
	m = &unmaking{attempt: u.attempt(rn), in: in}
	if m.of, err = m.runs().Get(ctx, rn.User, in.Run); err != nil {
		return nil, err
	}
	if m.progress, err = loadProgress(ctx, m.Table, rn.ID); err != nil {
		return nil, err
	}
	m.resumed = m.progress.version > 0
	of, err := loadProgress(ctx, m.Table, m.of.ID)
	if err != nil {
		return nil, err
	}
	if m.target.uri, err = calendar.ParseURI(rn.Calendar); err != nil {
		return nil, err
	}
	switch err := m.findCalendar(ctx); {
	case fault.Of(err) == fault.NotFound && !errors.Is(err, calendar.ErrNoMailbox):
		return nil, fault.New(fault.NotFound, "calendar %q is gone, and with it what the run wrote", m.target.uri.Calendar)
	case err != nil:
		return nil, err
	case of.Calendar != "" && of.Calendar != m.target.info.ID:
		return nil, fault.New(fault.Conflict, "calendar %q is another one than the one that the run wrote", m.target.uri.Calendar)
	}
	m.progress.Calendar, m.progress.Scope = m.target.info.ID, of.Scope
	if m.progress.Undo == nil {
		m.progress.Undo = &undoProgress{}
		if of.Undo != nil {
			m.progress.Undo.Zone = of.Undo.Zone
		} else {
			var input Input
			if err := json.Unmarshal(m.of.Input, &input); err != nil {
				return nil, fault.New(fault.Malformed, "what run %s restored is unreadable: %v", m.of.ID, err)
			}
			m.progress.Undo.Zone = input.Zone
		}
	}
	m.before = BeforeKey(rn.User, m.of.ID)
	m.zones, err = read(ctx, m.attempt, func() ([]calendar.Zone, error) {
		return m.target.Zones(ctx, m.target.uri.Account, m.target.info.ID)
	})
	if err != nil {
		return nil, fmt.Errorf("read the calendar's time zones: %w", err)
	}
	m.drafting = drafting{
		reading: reading{zones: ics.Lookup(m.zones)}, zone: m.progress.Undo.Zone, explains: m.target.uri.Provider == calendar.ProviderLocal,
	}
	m.drafting.floating, err = calendar.LoadZone(m.progress.Undo.Zone)
	return m, err
}

// waits says whether a restore writes the calendar now.
func (m *unmaking) waits(ctx context.Context) (bool, error) {
	others, err := m.others(ctx)
	if err != nil || m.progress.Planned {
		return false, err
	}
	if !slices.ContainsFunc(others, func(o other) bool { return !o.ended() }) {
		return false, m.commit(ctx)
	}
	m.run.Progress = run.NewProgress("waiting", 0, 0)
	return true, m.hold.Commit(ctx)
}

// effects reads what a run did, the newest first.
func (m *unmaking) effects(ctx context.Context) (all []reversal, err error) {
	for page := range m.of.Pages {
		items, err := m.runs().Items(ctx, m.of, page)
		if err != nil {
			return nil, err
		}
		for i := range items {
			some, err := m.effect(&items[i])
			if err != nil {
				return nil, err
			}
			all = append(all, some...)
		}
	}
	slices.Reverse(all)
	return all, nil
}

// effect is what an item says that its run did; none if it did nothing.
func (m *unmaking) effect(it *run.Item) (all []reversal, err error) {
	if !it.Written {
		return nil, nil
	}
	if m.of.Kind == run.Undo {
		var before reversal
		if err := json.Unmarshal(it.Plan, &before); err != nil {
			return nil, fault.New(fault.Malformed, "item %s is unreadable: %v", it.Key, err)
		}
		r := reversal{Of: before.effect}
		r.Key, r.Appointment = it.Key, before.Appointment
		if before.Becomes != nil {
			r.Appointment = *before.Becomes
		}
		return []reversal{r}, nil
	}
	var e Entry
	if err := json.Unmarshal(it.Plan, &e); err != nil {
		return nil, fault.New(fault.Malformed, "item %s is unreadable: %v", it.Key, err)
	}
	r := reversal{Of: effect{Has: e.EventID, Had: e.ReplacedID, Wrote: e.Wrote}}
	if r.Of.Mark, err = markOf(m.progress.Scope, it.Key); err != nil {
		return nil, err
	}
	if e.Instance != "" {
		if r.Of.Instance, err = time.Parse(time.RFC3339, e.Instance); err != nil {
			return nil, fault.New(fault.Malformed, "item %s is unreadable: %v", it.Key, err)
		}
	}
	r.Key, r.Appointment = it.Key, e.appointment()
	all = append(all, r)
	for n, id := range e.FurtherIDs {
		further := reversal{Of: effect{Has: id, Further: true}}
		further.Key, further.Appointment = fmt.Sprintf("%s+%d", it.Key, n+1), r.Appointment
		all = append(all, further)
	}
	return all, nil
}

// appointment is what of an entry undoing shows.
func (e *Entry) appointment() (a calendar.Appointment) {
	a.Subject, a.AllDay = e.Subject, e.AllDay
	if e.AllDay {
		a.StartDate, _ = calendar.ParseDate(e.Start)
		a.EndDate, _ = calendar.ParseDate(e.End)
		a.Start, a.End = calendar.StartOfDay(a.StartDate, time.UTC), calendar.StartOfDay(a.EndDate, time.UTC)
		return a
	}
	a.Start, _ = time.Parse(time.RFC3339, e.Start)
	a.End, _ = time.Parse(time.RFC3339, e.End)
	return a
}

// seen is an event of the calendar that a run may have written.
type seen struct {
	id, mark, shows string
	invited         bool
}

// makePlan compares what the run wrote with what is there, and keeps what is there.
func (m *unmaking) makePlan(ctx context.Context) (err error) {
	if m.steps, err = m.effects(ctx); err != nil {
		return err
	}
	byID, byMark := map[string]bool{}, map[string]bool{}
	for i := range m.steps {
		e := &m.steps[i].Of
		byID[e.Has], byID[e.Had] = true, true
		byMark[e.Mark] = true
	}
	delete(byID, "")
	delete(byMark, "")
	ids, marks := map[string]*seen{}, map[string]*seen{}
	c := comparing{reading: m.drafting.reading}
	look := func(k *calendar.Kept) (ours bool) {
		note := func(e *calendar.Event, shows func() fingerprint) {
			if !byID[e.ID] && !byMark[e.Mark] {
				return
			}
			ours = true
			p := shows()
			s := &seen{id: e.ID, mark: e.Mark, shows: p.String(), invited: m.target.notifies() && notifies(&calendar.Kept{Event: *e})}
			ids[e.ID] = s
			if e.Mark != "" {
				marks[e.Mark] = s
			}
		}
		note(&k.Event, func() fingerprint {
			shown, exceptions := *k, slices.Clone(k.Exceptions)
			shown.Event = bare(k.Event)
			for i := range exceptions {
				exceptions[i] = bare(exceptions[i])
			}
			return c.of(&shown, exceptions, exceptions)
		})
		for i := range k.Exceptions {
			note(&k.Exceptions[i], func() fingerprint {
				e := bare(k.Exceptions[i])
				return c.event(&e)
			})
		}
		return ours
	}
	if err := m.readCalendar(ctx, look); err != nil {
		return err
	}
	was, err := m.hadBefore(ctx)
	if err != nil {
		return err
	}
	if err := m.readLater(ctx); err != nil {
		return err
	}
	for i := range m.steps {
		m.judge(&m.steps[i], ids, marks, was)
	}
	items := make([]undo.Item, len(m.steps))
	for i := range m.steps {
		items[i] = m.steps[i].Item
	}
	var later []string
	for i := range items {
		if items[i].By != "" {
			later = append(later, items[i].By)
		}
	}
	m.plan = undo.NewPlan([]string{m.of.ID}, later, m.run.Options.Force, items)
	m.plan.Hours = []undo.CustomerHours{} // they are of archives
	return nil
}

// bare is an event as a copy is, whose text names the people. Where it was put over another event, those of that one are still invited to it.
func bare(e calendar.Event) calendar.Event {
	e.Organizer, e.Attendees, e.OnlineURL = calendar.Person{}, nil, ""
	return e
}

// laterPage is how many runs are read at once.
const laterPage = 50

// readLater finds what later runs wrote into the calendar.
func (m *unmaking) readLater(ctx context.Context) error {
	m.later = map[string]string{}
	for cursor := ""; ; {
		runs, next, err := m.runs().List(ctx, m.run.User, run.CalendarScope(m.run.User, m.of.Calendar), laterPage, cursor)
		if err != nil {
			return err
		}
		for _, r := range runs {
			if r.ID <= m.of.ID {
				return nil
			}
			if r.ID == m.run.ID || r.Options.DryRun || r.Kind != run.Restore && r.Kind != run.Undo {
				continue
			}
			for page := range r.Pages {
				items, err := m.runs().Items(ctx, r, page)
				if err != nil {
					return err
				}
				for i := range items {
					var wrote struct {
						Has string `json:"event_id"`
					}
					if err := json.Unmarshal(items[i].Plan, &wrote); err != nil {
						return fault.New(fault.Malformed, "item %s is unreadable: %v", items[i].Key, err)
					}
					if items[i].Written && m.later[wrote.Has] == "" {
						m.later[wrote.Has] = r.ID
					}
				}
			}
		}
		if cursor = next; cursor == "" {
			return nil
		}
	}
}

// readCalendar shows all that the calendar keeps. A run keeps what is to be kept as it is.
func (m *unmaking) readCalendar(ctx context.Context, look func(*calendar.Kept) bool) error {
	_, err := read(ctx, m.attempt, func() (struct{}, error) {
		if m.hold == nil {
			return struct{}{}, m.target.Kept(ctx, m.target.uri.Account, m.target.info.ID, func(k calendar.Kept) error {
				look(&k)
				return nil
			})
		}
		return struct{}{}, spool(ctx, m.Blobs, BeforeKey(m.run.User, m.run.ID), func(line func(any) error) error {
			return m.kept(ctx, func(k *calendar.Kept) error {
				if !look(k) {
					return nil
				}
				return line(k)
			})
		})
	})
	if err != nil {
		return fmt.Errorf("read the calendar: %w", err)
	}
	return nil
}

// hadBefore returns what was there before the run, by id.
func (m *unmaking) hadBefore(ctx context.Context) (map[string]calendar.Appointment, error) {
	wanted := map[string]bool{}
	for i := range m.steps {
		wanted[m.steps[i].Of.Had] = true
	}
	delete(wanted, "")
	was := map[string]calendar.Appointment{}
	if len(wanted) == 0 {
		return was, nil
	}
	err := m.eachBefore(ctx, func(k *calendar.Kept) {
		if wanted[k.Event.ID] {
			was[k.Event.ID] = m.appointmentOf(&k.Event)
		}
	})
	return was, err
}

// eachBefore shows what the run kept of what was there before it. Where that is gone, there is nothing.
func (m *unmaking) eachBefore(ctx context.Context, each func(*calendar.Kept)) error {
	before, err := openLines(ctx, m.Blobs, m.before)
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what was there before the run: %w", err)
	}
	defer before.close()
	for {
		var k calendar.Kept
		switch err := before.next(&k); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("read what was there before the run: %w", err)
		}
		each(&k)
	}
}

// appointmentOf is what of an event undoing shows.
func (m *unmaking) appointmentOf(e *calendar.Event) calendar.Appointment {
	entry := Entry{Subject: e.Subject, AllDay: e.AllDay}
	if start, end, err := m.drafting.span(e); err == nil {
		layout := time.RFC3339
		if e.AllDay {
			layout = time.DateOnly
		}
		entry.Start, entry.End = start.UTC().Format(layout), end.UTC().Format(layout)
	}
	return entry.appointment()
}

// judge says what becomes of one thing.
func (m *unmaking) judge(r *reversal, ids, marks map[string]*seen, was map[string]calendar.Appointment) {
	e, force := &r.Of, m.run.Options.Force
	r.Outcome, r.Does = undo.Undone, undo.Nothing
	there := ids[e.Has]
	if there == nil && e.Mark != "" {
		there = marks[e.Mark]
	}
	then, had := was[e.Had]
	switch {
	case e.Had != "" && !had:
		r.Skip(undo.Erased, "what was there before is not kept any more")
		return
	case e.Has == "" && there != nil:
		r.Detail = "it is there already"
		return
	case e.Has == "":
		r.Does, r.Becomes = undo.Creates, &then
		return
	case there == nil && e.Had == "":
		r.Does, r.Detail = undo.Gone, "it is gone already"
		return
	case there == nil && !force:
		r.Skip(undo.Altered, "what the run wrote is gone; with --force what was there before is made anew")
		return
	case there == nil:
		r.Does, r.Becomes = undo.Creates, &then
		return
	case e.Mark != "" && there.mark != e.Mark, e.Further && !strings.HasPrefix(there.mark, markPrefix):
		r.Skip(undo.Altered, "the event has no mark of ours any more, so that it is left alone, also with --force")
		return
	case there.invited:
		r.Skip(undo.Altered, "people were invited to it since, who would be told, so that it is left alone, also with --force")
		return
	case e.Wrote != there.shows && !e.Further && m.later[there.id] != "":
		r.By = m.later[there.id]
		r.Skip(undo.ChangedSince, "run %s wrote it after that; undo that run first", r.By)
		return
	case e.Wrote == "" && !e.Further && !force:
		r.Skip(undo.Altered, "it is not known what the run wrote, so that nobody can say whether it is still that; with --force it is undone all the same")
		return
	case e.Wrote != "" && there.shows != e.Wrote && !force:
		r.Skip(undo.Altered, "it is not what the run wrote any more; with --force it is undone all the same")
		return
	}
	r.Found = there.id
	if e.Had == "" {
		r.Does = undo.Removes
	} else {
		r.Does, r.Becomes = undo.Changes, &then
	}
}

// storePlan stores what was decided, so that another worker goes on with the same.
func (m *unmaking) storePlan(ctx context.Context) error {
	err := spool(ctx, m.Blobs, PlanKey(m.run.User, m.run.ID), func(line func(any) error) error {
		for i := range m.steps {
			if err := line(&m.steps[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	m.progress.Planned, m.progress.Total, m.steps = true, len(m.steps), nil
	m.run.Progress = run.NewProgress("planning", 0, m.progress.Total)
	return m.commit(ctx)
}

// carryOut does what was decided, chunk by chunk, from where an earlier attempt stopped.
func (m *unmaking) carryOut(ctx context.Context) error {
	plan, err := openLines(ctx, m.Blobs, PlanKey(m.run.User, m.run.ID))
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	defer plan.close()
	var some []reversal
	for n := 0; n < m.progress.Total; n++ {
		var r reversal
		if err := plan.next(&r); err != nil {
			return fmt.Errorf("read the plan: %w", err)
		}
		if n >= m.progress.Done {
			some = append(some, r)
		}
		if len(some) == chunkWrites || n == m.progress.Total-1 && len(some) > 0 {
			if err := m.unmake(ctx, some); err != nil {
				return err
			}
			some = nil
			if n < m.progress.Total-1 && m.patience.Late(ctx) {
				return run.ErrHandOn
			}
		}
	}
	return nil
}

// unmake reverses some effects, and stores what became of them.
func (m *unmaking) unmake(ctx context.Context, some []reversal) error {
	tasks, err := m.tasks(ctx, some)
	if err != nil {
		return err
	}
	if err := m.write(ctx, tasks, m.resumed); err != nil {
		return err
	}
	var ids []string
	var removed []*task
	of := map[int]*task{} // by the number of the reversal
	n := 0
	for i := range some {
		switch some[i].Does {
		case undo.Changes, undo.Creates:
			of[i] = tasks[n]
			n++
		case undo.Removes:
			t := &task{}
			of[i], ids, removed = t, append(ids, some[i].Found), append(removed, t)
		}
	}
	if err := m.remove(ctx, ids, removed); err != nil {
		return err
	}
	m.resumed = false
	items := make([]run.Item, len(some))
	for i := range some {
		if items[i], err = m.item(&some[i], of[i]); err != nil {
			return err
		}
	}
	m.progress.Done += len(some)
	m.run.Progress = run.NewProgress("writing", m.progress.Done, m.progress.Total)
	m.run.Failed = m.progress.Undo.Counts.Failed
	if err := m.result(); err != nil {
		return err
	}
	page, err := m.run.AddPage(items)
	if err != nil {
		return err
	}
	return m.commit(ctx, page)
}

// remove deletes events, but for those to which people were invited meanwhile: they would be told.
func (m *unmaking) remove(ctx context.Context, ids []string, tasks []*task) error {
	if len(ids) > 0 && m.target.notifies() {
		invited, err := m.invited(ctx, ids)
		if err != nil {
			return err
		}
		var quiet []string
		var of []*task
		for i, id := range ids {
			if invited[id] {
				tasks[i].fail(fault.New(fault.Conflict, "people were invited to it since, who would be told"))
			} else {
				quiet, of = append(quiet, id), append(of, tasks[i])
			}
		}
		ids, tasks = quiet, of
	}
	return m.delete(ctx, ids, func(i int, err error) { tasks[i].fail(err) })
}

// tasks are what writes the calendar: one for each event that is changed or created, in order.
func (m *unmaking) tasks(ctx context.Context, some []reversal) ([]*task, error) {
	wanted := map[string]*calendar.Kept{}
	for i := range some {
		if d := some[i].Does; d == undo.Changes || d == undo.Creates {
			wanted[some[i].Of.Had] = nil
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	err := m.eachBefore(ctx, func(k *calendar.Kept) {
		if _, ok := wanted[k.Event.ID]; ok {
			wanted[k.Event.ID] = k
		}
	})
	if err != nil {
		return nil, err
	}
	var tasks []*task
	for i := range some {
		r := &some[i]
		if r.Does != undo.Changes && r.Does != undo.Creates {
			continue
		}
		t := &task{item: Item{Key: r.Key, Outcome: Created}}
		tasks = append(tasks, t)
		k := wanted[r.Of.Had]
		if k == nil {
			t.fail(fault.New(fault.NotFound, "what was there before is not kept any more"))
			continue
		}
		if err := m.becomes(t, r, *k); err != nil {
			t.fail(err)
		}
	}
	return tasks, nil
}

// becomes fills a task that makes of what is there what was there before.
func (m *unmaking) becomes(t *task, r *reversal, was calendar.Kept) (err error) {
	if !r.Of.Instance.IsZero() {
		if was, err = m.instance(&was, r.Of.Instance); err != nil {
			return err
		}
	}
	mark := was.Event.Mark
	inPlace := r.Found != "" && r.Found == r.Of.Has && (r.Of.Had == r.Of.Has || !r.Of.Instance.IsZero())
	if !inPlace && !strings.HasPrefix(mark, markPrefix) { // a create is found again by its mark
		mark = markPrefix + markHash("undo#"+m.run.ID, hashOf(r.Key)).String()
	}
	t.kept = was
	t.entry.Series = was.Event.Type == calendar.Master
	if t.draft, err = m.drafting.draft(&was.Event, mark); err != nil {
		return err
	}
	t.draft.TransactionID = m.transaction(r.Key + mark)
	t.entry.Wrote = m.wrote(&was).String()
	if r.Found == "" {
		return nil
	}
	t.item.Outcome, t.item.Existing, t.entry.ReplacedID = Replaced, r.Found, r.Found
	t.item.Ours = mark == r.Of.Mark        // then it goes first
	if t.item.Switch = !inPlace; inPlace { // who was invited still is
		t.draft.Body, was.Event = was.Event.Body, bare(was.Event)
		t.entry.Wrote = m.wrote(&was).String()
	}
	return nil
}

// instance is one instance of a series as it was: as it was changed, or as the series has it.
func (m *unmaking) instance(was *calendar.Kept, at time.Time) (k calendar.Kept, err error) {
	for i := range was.Exceptions {
		if e := &was.Exceptions[i]; originalDay(&was.Event, e.OriginalStart) == originalDay(&was.Event, at) {
			return calendar.Kept{Event: *e}, nil
		}
	}
	c := comparing{reading: m.drafting.reading}
	events, err := c.few(was, was.Exceptions, at.Add(-edge), at.Add(edge))
	if err != nil {
		return k, fault.New(fault.Invalid, "the series cannot be read: %w", err)
	}
	for i := range events {
		if e := events[i]; originalDay(&was.Event, e.OriginalStart) == originalDay(&was.Event, at) {
			e.Type, e.Recurrence = calendar.Exception, nil
			return calendar.Kept{Event: e}, nil
		}
	}
	return k, fault.New(fault.NotFound, "the series did not have the instance of %s", at.UTC().Format(time.RFC3339))
}

// item is the run's item about a reversal; t is nil where nothing was to be written.
func (m *unmaking) item(r *reversal, t *task) (run.Item, error) {
	p := m.progress.Undo
	it := run.Item{Key: r.Key}
	if t != nil {
		it.Problem, it.Written = t.problem, t.problem == nil
		r.Mark, r.Had, r.Instance = r.Of.Mark, r.Found, r.Of.Instance
		if !r.Instance.IsZero() {
			r.Had = r.Of.Had // its series
		}
		if r.Does != undo.Removes {
			r.Has, r.Mark, r.Wrote = t.entry.EventID, t.draft.Mark, t.entry.Wrote
		}
	}
	p.Counts.Add(&r.Item, it.Problem != nil)
	if it.Written {
		p.Written++
	}
	if it.Problem != nil {
		m.progress.Failed++
	}
	var err error
	it.Plan, err = json.Marshal(r)
	if err != nil {
		return it, fmt.Errorf("store an item: %w", err)
	}
	return it, nil
}

// result puts what the undo has come to into its record.
func (m *unmaking) result() (err error) {
	p := m.progress.Undo
	result := undo.Result{Runs: m.in.Runs, Counts: p.Counts, Balanced: p.Counts.Balanced(), Written: p.Written}
	if m.run.Options.DryRun {
		result.PlanHash, result.Later = m.plan.Hash, m.plan.Later
	}
	m.run.Result, err = json.Marshal(result)
	return err
}

// end ends the undo.
func (m *unmaking) end(ctx context.Context, state run.State) error {
	if err := m.result(); err != nil {
		return err
	}
	if err := m.finish(ctx, state); err != nil {
		return err
	}
	c := &m.progress.Undo.Counts
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("participants", c.Participants).Int("undone", c.Undone).Int("skipped", c.Skipped).
		Int("failed", c.Failed).Msg("undo run finished")
	return nil
}
