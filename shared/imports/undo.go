package imports

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/undo"
)

// Undoer undoes imports, and undoes of these: what a file changed is again as it was before, byte for byte, all of it in one transaction with the run's end.
type Undoer struct{ Runner }

var _ undo.Undoer = (*Undoer)(nil)

// unmaking is one attempt at undoing runs.
type unmaking struct {
	*Undoer
	run   *run.Run
	in    undo.Input
	uri   calendar.URI
	info  calendar.Info
	runs  []string // that are undone, the newest first
	later []string
	steps []step
}

// step is what becomes of one unit.
type step struct {
	undo.Item
	id    string
	shows string           // print of what is there
	was   []calendar.Event // as it was before
}

// wrote is what a run changed of one unit.
type wrote struct {
	run string
	kept
	// restored says that a restore wrote it, or an undo of one, so that it is not known what it was before.
	restored bool
}

// Plan implements undo.Undoer.
func (u *Undoer) Plan(ctx context.Context, rn *run.Run, in undo.Input) (undo.Plan, error) {
	m, err := u.open(ctx, rn, in)
	if err != nil {
		return undo.Plan{}, err
	}
	return m.plan(ctx)
}

// Run undoes. For errors see run.Handler.
func (u *Undoer) Run(ctx context.Context, rn *run.Run) error {
	in, err := undo.InputOf(rn)
	if err != nil {
		return err
	}
	m, err := u.open(ctx, rn, in)
	if err != nil {
		return err
	}
	hold, err := u.begin(ctx, rn, m.uri, m.info.ID)
	if err != nil {
		return err
	}
	defer hold.Release(ctx)
	plan, err := m.plan(ctx)
	if err != nil {
		return err
	}
	switch {
	case rn.Options.DryRun:
		return m.end(ctx, hold, run.Succeeded, &plan, nil)
	case plan.Hash != in.PlanHash:
		rn.Problem = &run.Problem{Code: undo.Changed, Detail: "something changed since you saw what would be undone, so nothing was undone; look again"}
		return m.end(ctx, hold, run.Failed, nil, nil)
	}
	return m.carryOut(ctx, hold)
}

// open finds the calendar that a run wrote.
func (u *Undoer) open(ctx context.Context, rn *run.Run, in undo.Input) (m *unmaking, err error) {
	m = &unmaking{Undoer: u, run: rn, in: in}
	if m.uri, err = calendar.ParseURI(rn.Calendar); err != nil {
		return nil, err
	}
	m.info, err = u.Local(rn.User).Calendar(ctx, m.uri)
	if errors.Is(err, calendar.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "calendar %q is gone, and with it what the run imported", m.uri.Calendar)
	}
	return m, err
}

// history reads what the run changed that is to be undone, and what later runs wrote into the calendar: by unit, the newest first.
func (m *unmaking) history(ctx context.Context) (map[string][]wrote, error) {
	of := map[string][]wrote{}
	store := run.NewStore(m.Table)
	for cursor := ""; ; {
		runs, next, err := store.List(ctx, m.run.User, run.CalendarScope(m.run.User, m.run.Calendar), runsPerPage, cursor)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			switch {
			case r.ID < m.in.Run:
				return of, nil
			case r.ID == m.run.ID || r.Options.DryRun || !r.State.Ended():
				continue
			}
			all, err := m.kept(ctx, r.User, r.ID)
			if err != nil {
				return nil, err
			}
			for _, k := range all {
				of[k.ID] = append(of[k.ID], wrote{run: r.ID, kept: k})
			}
			if len(all) > 0 || r.Kind != run.Restore && r.Kind != run.Undo {
				continue
			}
			ids, err := restored(ctx, store, r)
			if err != nil {
				return nil, err
			}
			for _, id := range ids {
				of[id] = append(of[id], wrote{run: r.ID, restored: true})
			}
		}
		if cursor = next; cursor == "" {
			return of, nil
		}
	}
}

// runsPerPage is how many runs are read at once.
const runsPerPage = 50

// restored are the ids of events that a restore wrote, or an undo of one.
func restored(ctx context.Context, runs *run.Store, r *run.Run) (ids []string, err error) {
	for page := range r.Pages {
		items, err := runs.Items(ctx, r, page)
		if err != nil {
			return nil, err
		}
		for i := range items {
			var it struct {
				ID string `json:"event_id"`
			}
			if err := json.Unmarshal(items[i].Plan, &it); err != nil {
				return nil, fault.New(fault.Malformed, "item %s is unreadable: %v", items[i].Key, err)
			}
			if items[i].Written && it.ID != "" {
				ids = append(ids, it.ID)
			}
		}
	}
	return ids, nil
}

// plan says what becomes of each unit.
func (m *unmaking) plan(ctx context.Context) (undo.Plan, error) {
	history, err := m.history(ctx)
	if err != nil {
		return undo.Plan{}, err
	}
	undone := m.undone(history)
	var ids []string
	for id, all := range history {
		if slices.ContainsFunc(all, func(w wrote) bool { return undone[w.run] }) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return undo.Plan{}, m.notKept(ctx)
	}
	slices.Sort(ids)
	there, err := m.Local(m.run.User).Units(ctx, m.uri.Account, m.info.ID, ids)
	if err != nil {
		return undo.Plan{}, err
	}
	m.steps, m.later, m.runs = nil, nil, nil
	for id := range undone {
		m.runs = append(m.runs, id)
	}
	for _, id := range ids {
		m.steps = append(m.steps, m.judge(id, there[id], history[id], undone))
	}
	slices.SortFunc(m.steps, func(a, b step) int {
		return cmp.Or(b.Appointment.Start.Compare(a.Appointment.Start), strings.Compare(a.Key, b.Key), strings.Compare(a.id, b.id))
	})
	items := make([]undo.Item, len(m.steps))
	for i := range m.steps {
		if items[i] = m.steps[i].Item; items[i].By != "" {
			m.later = append(m.later, items[i].By)
		}
	}
	plan := undo.NewPlan(m.runs, m.later, m.run.Options.Force, items)
	m.runs, m.later, plan.Hours = plan.Runs, plan.Later, []undo.CustomerHours{} // they are of archives
	return plan, nil
}

// notKept says why there is nothing to undo, if the run wrote something; nil: it did not.
func (m *unmaking) notKept(ctx context.Context) error {
	of, err := run.NewStore(m.Table).Get(ctx, m.run.User, m.in.Run)
	if err != nil {
		return err
	}
	var result struct{ Added, Changed, Removed, Written int }
	if len(of.Result) > 0 {
		if err := json.Unmarshal(of.Result, &result); err != nil {
			return fault.New(fault.Malformed, "the result of run %s is unreadable: %v", of.ID, err)
		}
	}
	if result.Added+result.Changed+result.Removed+result.Written > 0 {
		return fault.New(fault.NotFound, "what run %s changed is not kept any more", of.ID)
	}
	return nil
}

// undone are the runs that are undone: the one that is asked for and, with Cascade, later ones that wrote the same, and what these wrote.
func (m *unmaking) undone(history map[string][]wrote) map[string]bool {
	set := map[string]bool{m.in.Run: true}
	for grows := m.in.Cascade; grows; {
		grows = false
		for _, all := range history {
			oldest := -1
			for n, w := range all {
				if set[w.run] {
					oldest = n
				}
			}
			if oldest < 0 || slices.ContainsFunc(all[:oldest], func(w wrote) bool { return w.restored }) {
				continue // none of it is undone, or a restore stands in the way
			}
			for _, w := range all[:oldest] {
				grows, set[w.run] = grows || !set[w.run], true
			}
		}
	}
	return set
}

// judge says what becomes of one unit. all are the runs that wrote it, the newest first.
func (m *unmaking) judge(id string, there []calendar.Event, all []wrote, undone map[string]bool) step {
	oldest := wrote{}
	for _, w := range all {
		if undone[w.run] {
			oldest = w
		}
	}
	s := step{id: id, shows: printOf(there), was: oldest.Was}
	s.Key, s.Outcome, s.Does, s.Stands = oldest.UID, undo.Undone, undo.Changes, len(there) > 0
	if s.Appointment = appointmentOf(there); len(there) == 0 {
		s.Appointment = appointmentOf(oldest.Was)
	}
	newest := all[0]
	switch {
	case s.shows == printOf(oldest.Was):
		s.Does, s.Detail = undo.Gone, "it is as it was before already"
		return s
	case !undone[newest.run]:
		s.By = newest.run
		s.Skip(undo.ChangedSince, "run %s wrote it after that; undo that run first", newest.run)
		return s
	case s.shows != newest.Wrote && !m.run.Options.Force:
		s.Skip(undo.Altered, "it is not what the run imported any more; with --force it is undone all the same")
		return s
	}
	switch {
	case len(oldest.Was) == 0:
		s.Does = undo.Removes
		return s
	case len(there) == 0:
		s.Does = undo.Creates
	}
	becomes := appointmentOf(oldest.Was)
	s.Becomes = &becomes
	return s
}

// appointmentOf is what of a unit undoing shows.
func appointmentOf(events []calendar.Event) (a calendar.Appointment) {
	if len(events) == 0 {
		return a
	}
	e := &events[0]
	a.Subject, a.AllDay, a.Location, a.Categories = e.Subject, e.AllDay, e.Location, e.Categories
	if from, to, err := e.Days(time.UTC); e.AllDay && err == nil {
		a.StartDate, a.EndDate = from, to
		a.Start, a.End = calendar.StartOfDay(from, time.UTC), calendar.StartOfDay(to, time.UTC)
		return a
	}
	if start, err := e.Start.Instant(time.UTC); err == nil {
		a.Start = start.UTC()
	}
	if end, err := e.End.Instant(time.UTC); err == nil {
		a.End = end.UTC()
	}
	return a
}

// writes says whether a step changes the calendar.
func (s *step) writes() bool {
	return s.Does == undo.Removes || s.Does == undo.Changes || s.Does == undo.Creates
}

// carryOut changes the calendar, and ends the run with that.
func (m *unmaking) carryOut(ctx context.Context, hold *run.Hold) error {
	var ids []string
	of := map[string]int{}
	for i := range m.steps {
		if s := &m.steps[i]; s.writes() {
			ids, of[s.id] = append(ids, s.id), i
		}
	}
	if len(ids) == 0 {
		return m.end(ctx, hold, run.Succeeded, nil, nil)
	}
	planned := slices.Clone(m.steps)
	units := map[string]importing.Unit{}
	return m.Local(m.run.User).RewriteWith(ctx, m.uri.Account, m.info.ID, ids, func(id string, there []calendar.Event) []calendar.Event {
		s := &m.steps[of[id]]
		*s = planned[of[id]]
		delete(units, id)
		if printOf(there) != s.shows { // somebody changed it since the plan was made
			s.Skip(undo.Altered, "it was changed while it was to be undone; look again")
			return there
		}
		units[id] = importing.Unit{ID: id, Was: there, Is: s.was}
		return s.was
	}, func(ctx context.Context, ops []store.Op) error {
		var changed []importing.Unit
		for _, id := range ids {
			if u, ok := units[id]; ok {
				changed = append(changed, u)
			}
		}
		if err := m.keep(ctx, m.run, changed); err != nil {
			return err
		}
		return m.end(ctx, hold, run.Succeeded, nil, ops)
	})
}

// end ends the run with its items, together with other operations. plan is what a dry run shows.
func (m *unmaking) end(ctx context.Context, hold *run.Hold, state run.State, plan *undo.Plan, ops []store.Op) error {
	result := undo.Result{Runs: m.runs}
	var items []run.Item
	if state != run.Failed {
		for i := range m.steps {
			s := &m.steps[i]
			data, err := json.Marshal(&s.Item)
			if err != nil {
				return fmt.Errorf("store items: %w", err)
			}
			it := run.Item{Key: s.Key, Plan: data, Written: s.writes() && !m.run.Options.DryRun}
			if it.Written {
				result.Written++
			}
			result.Counts.Add(&s.Item, false)
			items = append(items, it)
		}
	}
	if plan != nil {
		result.PlanHash, result.Later = plan.Hash, plan.Later
	}
	result.Balanced = result.Counts.Balanced()
	if err := run.NewStore(m.Table).PutItems(ctx, m.run, items); err != nil {
		return err
	}
	var err error
	if m.run.Result, err = json.Marshal(result); err != nil {
		return err
	}
	m.run.Progress = run.NewProgress("done", len(items), len(items))
	hold.Ends(state)
	if err := m.Table.Transact(ctx, slices.Concat(ops, hold.Ending())); err != nil {
		m.run.State, m.run.Ended = run.Running, time.Time{}
		return fmt.Errorf("end the run: %w", err)
	}
	hold.Done()
	c := &result.Counts
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("participants", c.Participants).Int("undone", c.Undone).Int("skipped", c.Skipped).
		Msg("undo run finished")
	return nil
}
