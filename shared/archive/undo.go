package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// Undoer undoes what runs wrote into a config's ledger and its archive calendar, whatever the kind of these runs: for each appointment the version
// stands again that stood before them.
type Undoer Engine

var _ undo.Undoer = (*Undoer)(nil)

// reasonUndo is the reason that the ledger gives for a version that an undo made.
const reasonUndo = "undo"

// Plan implements undo.Undoer.
func (u *Undoer) Plan(ctx context.Context, rn *run.Run, in undo.Input) (undo.Plan, error) {
	a, err := (*Engine)(u).look(ctx, rn)
	if err != nil {
		return undo.Plan{}, err
	}
	if a.damaged != nil {
		return undo.Plan{}, fault.New(fault.Conflict, "%v; nothing can be undone. See what does not fit: admin-assistant ledger verify --config %s",
			a.damaged, a.config.ID)
	}
	if a.archive.missing && a.books.head.Seq > 0 {
		return undo.Plan{}, a.archiveGone()
	}
	w, err := a.unwind(ctx, in)
	if err != nil {
		return undo.Plan{}, err
	}
	return w.plan, nil
}

// archiveGone is why nothing can be undone in an archive calendar that is not there.
func (a *Attempt) archiveGone() error {
	return fault.New(fault.NotFound, "archive calendar %q is gone, so that nothing in it can be undone; bring it back, in Outlook from the deleted items",
		a.config.Archive.Calendar)
}

// Run undoes, or goes on where another worker stopped. When the plan is not the one that the user saw, the run ends as failed and the error is nil.
// For errors see run.Handler.
func (u *Undoer) Run(ctx context.Context, rn *run.Run) error {
	in, err := undo.InputOf(rn)
	if err != nil {
		return err
	}
	a, err := (*Engine)(u).Open(ctx, rn, accessOf(rn))
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	w := &unwinding{attempt: a, in: in}
	switch {
	case a.damaged != nil:
		a.run.Problem = &run.Problem{
			Code:   LedgerDamaged,
			Detail: a.damaged.Error() + "; nothing was undone. See what does not fit: admin-assistant ledger verify --config " + a.config.ID,
		}
		return w.end(ctx, run.Failed)
	case a.archive.missing && (a.lost > 0 || a.books.head.Seq > 0):
		a.run.Problem = run.NewProblem(a.archiveGone())
		return w.end(ctx, run.Failed)
	}
	if w, err = a.unwind(ctx, in); err != nil {
		return err
	}
	if rn.Options.DryRun {
		return w.end(ctx, run.Succeeded)
	}
	if !w.begun && w.plan.Hash != in.PlanHash {
		w.plan.Items = nil
		a.run.Problem = &run.Problem{Code: undo.Changed, Detail: "something changed since you saw what would be undone, so nothing was undone; look again"}
		return w.end(ctx, run.Failed)
	}
	if err := in.Names(rn, w.plan.Runs); err != nil {
		return err
	}
	if err := w.carryOut(ctx); err != nil {
		return err
	}
	if a.count(Written.failed) > 0 {
		return w.end(ctx, run.Partial)
	}
	return w.end(ctx, run.Succeeded)
}

// past is what the ledger has under one key, without what the undo run itself wrote.
type past struct {
	key      string
	versions []*ledger.Entry // that are done, the oldest first
	own      bool            // the undo run wrote a version already
}

// at returns a version by its number; nil if it is not there.
func (p *past) at(version int) *ledger.Entry {
	i := slices.IndexFunc(p.versions, func(e *ledger.Entry) bool { return e.Version == version })
	if i < 0 {
		return nil
	}
	return p.versions[i]
}

// before returns the version before one; nil if that was the first.
func (p *past) before(version int) (last *ledger.Entry) {
	for _, e := range p.versions {
		if e.Version < version {
			last = e
		}
	}
	return last
}

func (p *past) newest() *ledger.Entry { return p.versions[len(p.versions)-1] }

// undoes says whether a version is one that an undo made.
func undoes(e *ledger.Entry) bool { return e.Reverses != "" }

// back is the version to which an undo went back; nil: to nothing. Where that waited for its rank, or for the user, the undo withdrew it (see returns).
func (p *past) back(e *ledger.Entry) *ledger.Entry {
	if e.Restores != 0 {
		return p.at(e.Restores)
	}
	i := slices.IndexFunc(p.versions, func(of *ledger.Entry) bool { return of.Run == e.Reverses })
	if i < 0 {
		return nil
	}
	return p.before(p.versions[i].Version)
}

// leads says whether a version that an undo brought back is, in the end, one that some runs made.
func (p *past) leads(e *ledger.Entry, runs map[string]bool) bool {
	for e != nil && !runs[e.Run] {
		if !undoes(e) {
			return false
		}
		e = p.back(e)
	}
	return e != nil
}

// without finds what would stand if some runs had not been: was, nil for nothing. taken are the versions of these runs that are taken back for it, the newest
// first; none where what they made does not stand. Then by is a later version of another run that does; nil if it is undone.
func (p *past) without(runs map[string]bool) (was *ledger.Entry, taken []*ledger.Entry, by *ledger.Entry) {
	at := p.newest()
	for at != nil {
		if runs[at.Run] {
			taken, at = append(taken, at), p.before(at.Version)
			continue
		}
		if back := p.back(at); undoes(at) && p.leads(back, runs) {
			at = back
			continue
		}
		break
	}
	made := 0 // the newest version of the runs that is not taken back
	for _, e := range p.versions {
		if runs[e.Run] && !slices.Contains(taken, e) {
			made = e.Version
		}
	}
	by = at
	for by != nil && undoes(by) {
		by = p.back(by)
	}
	if made > 0 && by != nil && by.Version > made {
		return nil, nil, by
	}
	return at, taken, nil
}

// inTheWay returns the runs whose versions stand in place of what some runs made.
func (p *past) inTheWay(runs map[string]bool) (later []string) {
	also := maps.Clone(runs)
	for {
		_, _, by := p.without(also)
		if by == nil {
			return later
		}
		later = append(later, by.Run)
		also[by.Run] = true
	}
}

// unwinding is what undoing some runs comes to.
type unwinding struct {
	attempt   *Attempt
	in        undo.Input
	plan      undo.Plan
	steps     []step
	begun     bool // an earlier attempt wrote something
	decisions []string
	approved  ledger.Locks // days on timesheets that are approved
}

// step is what is done about one item of the plan.
type step struct {
	newest *ledger.Entry
	taken  []*ledger.Entry // see past.without
	was    *ledger.Entry
	own    bool // an earlier attempt did it
}

// last is the oldest version that is taken back; nil: none is.
func (s *step) last() *ledger.Entry {
	if len(s.taken) == 0 {
		return nil
	}
	return s.taken[len(s.taken)-1]
}

// adopts says whether one of the versions that are taken back made another ledger's copy ours.
func (s *step) adopts() bool {
	return slices.ContainsFunc(s.taken, func(e *ledger.Entry) bool { return e.Reason == reasonAdopted })
}

// unwind finds what the runs of the input wrote, and plans to undo it. With Cascade it adds the runs that stand in the way to the input.
func (a *Attempt) unwind(ctx context.Context, in undo.Input) (*unwinding, error) {
	w := &unwinding{attempt: a, in: in}
	pasts, missing, later := map[string]*past{}, map[string]bool{}, map[string]bool{}
	for unread := in.Runs; ; {
		if err := a.readPasts(ctx, unread, pasts, missing); err != nil {
			return nil, err
		}
		runs := w.runs()
		clear(later)
		unread = nil
		for _, p := range pasts {
			for _, id := range p.inTheWay(runs) {
				if !later[id] {
					later[id] = true
					unread = append(unread, id)
				}
			}
		}
		if !in.Cascade || len(unread) == 0 {
			break
		}
		w.in.Runs = append(slices.Clone(w.in.Runs), unread...)
	}
	settings, err := a.config.Settings()
	if err != nil {
		return nil, err
	}
	if a.Approved != nil {
		if w.approved, err = a.Approved(ctx, a.run.User, a.config.ID); err != nil {
			return nil, err
		}
	}
	items := w.planItems(pasts)
	for key := range missing {
		it := undo.Item{Key: key}
		it.Skip(undo.Erased, "the ledger no longer has what the run wrote")
		items, w.steps = append(items, it), append(w.steps, step{})
	}
	w.sort(items)
	if err := w.lookUp(ctx, items, settings); err != nil {
		return nil, err
	}
	w.plan = undo.NewPlan(w.in.Runs, slices.Collect(maps.Keys(later)), a.run.Options.Force, items)
	w.in.Runs = w.plan.Runs
	return w, nil
}

func (w *unwinding) runs() map[string]bool {
	runs := make(map[string]bool, len(w.in.Runs))
	for _, id := range w.in.Runs {
		runs[id] = true
	}
	return runs
}

// readPasts reads the versions of all that the runs wrote. What they wrote that is gone is added to missing.
func (a *Attempt) readPasts(ctx context.Context, runs []string, pasts map[string]*past, missing map[string]bool) error {
	records, err := run.NewStore(a.table).GetMany(ctx, a.run.User, runs)
	if err != nil {
		return err
	}
	var lineages []string
	wanted := map[string]bool{}
	for _, r := range records {
		entries, gone, err := a.books.ledger.OfRun(ctx, a.config.ID, r.ID, r.Created)
		if err != nil {
			return err
		}
		for _, key := range gone {
			missing[key] = true
		}
		for i := range entries {
			e := &entries[i]
			if e.State == ledger.Done && e.Outcome != ledger.Moved && !wanted[e.Key] && pasts[e.Key] == nil {
				wanted[e.Key] = true
				lineages = append(lineages, e.Lineage)
			}
		}
	}
	slices.Sort(lineages)
	places, err := a.books.ledger.Find(ctx, a.config.ID, slices.Compact(lineages))
	if err != nil {
		return err
	}
	entries, err := a.books.ledger.Entries(ctx, a.config.ID, places)
	if err != nil {
		return err
	}
	a.books.places.Add(places)
	a.books.remember(entries)
	for i := range entries {
		e := &entries[i]
		if !wanted[e.Key] || e.State != ledger.Done || e.Outcome == ledger.Moved {
			continue
		}
		p := pasts[e.Key]
		if p == nil {
			p = &past{key: e.Key}
			pasts[e.Key] = p
		}
		if e.Run == a.run.ID {
			p.own = true
			continue
		}
		p.versions = append(p.versions, e)
		delete(missing, ledger.KeyInMark(e.Key))
	}
	for key := range wanted {
		slices.SortFunc(pasts[key].versions, func(a, b *ledger.Entry) int { return a.Version - b.Version })
	}
	return nil
}

// planItems says what becomes of each key, as far as the ledger knows. The steps are in the order of the items.
func (w *unwinding) planItems(pasts map[string]*past) []undo.Item {
	runs := w.runs()
	var items []undo.Item
	for _, key := range slices.Sorted(maps.Keys(pasts)) {
		p := pasts[key]
		w.begun = w.begun || p.own
		was, taken, by := p.without(runs)
		s := step{newest: p.newest(), taken: taken, own: p.own}
		newest, last := s.newest, s.last()
		it := undo.Item{
			Key: key, Outcome: undo.Undone, Does: undo.Nothing, Version: newest.Version, Appointment: newest.Appointment, Stands: newest.Outcome == ledger.Archived,
		}
		switch {
		case by != nil:
			it.By = by.Run
			it.Skip(undo.ChangedSince, "run %s gave it another version on %s; undo that run first, or both with --cascade", by.Run, by.Time.Format("2006-01-02"))
		case last == nil:
			it.Detail = "it is undone already"
		case w.attempt.locked(newest) || was != nil && w.attempt.locked(was):
			it.Skip(undo.Locked, "its day is locked")
		case w.attempt.within(w.approved, newest) || was != nil && w.attempt.within(w.approved, was):
			it.Skip(undo.Approved, "its day is on a timesheet that is approved; reopen that one first")
		case s.adopts() && (was == nil || was.CopyID == ""):
			it.Skip(undo.Adopted, "another ledger made the copy before this one took it over")
		default:
			if returns(was, last, newest) {
				s.was, it.Restores = was, was.Version
			}
			it.Does, it.Decision = s.does(), last.Decision
			if s.was != nil && s.was.Outcome == ledger.Archived {
				becomes := s.was.Appointment
				it.Becomes = &becomes
			}
		}
		items, w.steps = append(items, it), append(w.steps, s)
	}
	return items
}

// returns says whether the version before stands again. What waited for its rank, or for the user, and was then archived because nothing stood in its way
// any more, would be archived once more the next night.
func returns(was, last, newest *ledger.Entry) bool {
	return was != nil && (stands(was) || last.Decision != "" || undoes(last) || newest.CopyID == "")
}

// does says what a step does to the archive calendar.
func (s *step) does() undo.Step {
	shown, then := s.newest.CopyID != "", s.was != nil && s.was.Outcome == ledger.Archived
	switch {
	case shown && !then:
		return undo.Removes
	case shown && s.was.CopyID == s.newest.CopyID && sameCopy(s.was, s.newest):
		return undo.Records
	case shown:
		return undo.Changes
	case then:
		return undo.Creates
	}
	return undo.Records
}

// sameCopy says whether the copy looks the same in two versions. Their marks alone do not tell: what was adopted keeps the mark that we wrote.
func sameCopy(a, b *ledger.Entry) bool {
	if a.Draft == nil || b.Draft == nil || a.Blobs["draft"] != b.Blobs["draft"] {
		return false
	}
	one, err := json.Marshal(a.Draft)
	other, err2 := json.Marshal(b.Draft)
	return err == nil && err2 == nil && bytes.Equal(one, other)
}

// locked says whether an entry is of a day on which nothing changes any more what is archived.
func (a *Attempt) locked(e *ledger.Entry) bool { return a.within(a.books.head.Locks, e) }

// within says whether an entry stands on a day that is locked.
func (a *Attempt) within(locks ledger.Locks, e *ledger.Entry) bool {
	if len(locks) == 0 || e.Outcome != ledger.Archived {
		return false
	}
	zone, err := time.LoadLocation(a.config.Timezone)
	if err != nil {
		return true // nobody knows which day it is
	}
	return locks.Has(e.Appointment.Customer, e.Appointment.Day(zone))
}

// sort puts the newest first: what was written last is undone first.
func (w *unwinding) sort(items []undo.Item) {
	order := make([]int, len(items))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := &w.steps[i], &w.steps[j]
		if a.newest == nil || b.newest == nil {
			return cmp.Or(absentLast(a.newest, b.newest), strings.Compare(items[i].Key, items[j].Key))
		}
		return cmp.Or(
			b.newest.Time.Compare(a.newest.Time), b.newest.Appointment.Start.Compare(a.newest.Appointment.Start), strings.Compare(items[i].Key, items[j].Key),
		)
	})
	sorted, steps := make([]undo.Item, len(items)), make([]step, len(items))
	for to, from := range order {
		sorted[to], steps[to] = items[from], w.steps[from]
	}
	copy(items, sorted)
	w.steps = steps
}

// absentLast orders entries of which one is not there.
func absentLast(a, b *ledger.Entry) int {
	switch {
	case a == nil && b != nil:
		return 1
	case a != nil && b == nil:
		return -1
	}
	return 0
}

// lookUp compares the copies that are to be removed or changed with what was written of them, and checks that what stands again can be read.
func (w *unwinding) lookUp(ctx context.Context, items []undo.Item, settings Settings) error {
	a := w.attempt
	var at []int
	for i := range items {
		s := &w.steps[i]
		if items[i].Outcome != undo.Undone || s.own || len(s.taken) == 0 {
			continue
		}
		err := w.load(ctx, s)
		switch {
		case errors.Is(err, blob.ErrNotFound):
			items[i].Skip(undo.Erased, "the text that it had before is erased")
		case err != nil:
			return err
		case items[i].Does == undo.Removes || items[i].Does == undo.Changes:
			at = append(at, i)
		}
	}
	shown, err := a.readCopies(ctx, w.steps, at)
	if err != nil {
		return err
	}
	for _, i := range at {
		it, newest := &items[i], w.steps[i].newest
		e, there := shown[newest.Key]
		m, marked := ledger.ParseMark(e.Mark)
		switch {
		case !there && it.Does == undo.Removes:
			it.Does, it.Detail = undo.Gone, "the copy is gone already"
		case !there:
			if !a.run.Options.Force {
				it.Skip(undo.Altered, "the copy is gone from the archive calendar; with --force it is made anew")
			}
		case !marked || m.Config != a.config.ID || m.Key != ledger.KeyInMark(newest.Key):
			it.Skip(undo.Altered, "the event has no mark of ours any more, so that it is left alone, also with --force")
		case !a.run.Options.Force && newest.Draft != nil:
			if fields := altered(newest.Draft, &e, settings); len(fields) > 0 {
				it.Skip(undo.Altered, "somebody changed it in the archive calendar: %s; with --force it is undone all the same", strings.Join(fields, ", "))
			}
		}
	}
	return nil
}

// load reads the texts of a step's versions that are kept in blob storage.
func (w *unwinding) load(ctx context.Context, s *step) error {
	for _, e := range []*ledger.Entry{s.was, s.newest} {
		if e == nil || len(e.Blobs) == 0 {
			continue
		}
		if err := w.attempt.books.ledger.Load(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// readCopies returns, by key, the copies of some steps' newest versions that are in the archive calendar, with their texts.
func (a *Attempt) readCopies(ctx context.Context, steps []step, at []int) (map[string]calendar.Event, error) {
	shown := make(map[string]calendar.Event, len(at))
	if len(at) == 0 {
		return shown, nil
	}
	p, account, in := a.archive.provider, a.archive.uri.Account, a.archive.info.ID
	ids := make([]string, len(at))
	for i, n := range at {
		ids[i] = steps[n].newest.CopyID
	}
	find := func(ids []string) (map[string]calendar.Event, error) {
		return read(ctx, a, &a.archive, func() (map[string]calendar.Event, error) { return p.Find(ctx, account, in, ids) })
	}
	there, err := find(ids)
	if err != nil {
		return nil, fmt.Errorf("look for copies: %w", err)
	}
	entries := make([]*ledger.Entry, len(at))
	var missing []int
	for i, n := range at {
		newest := steps[n].newest
		if e, ok := there[newest.CopyID]; ok {
			shown[newest.Key] = e
			continue
		}
		looked := *newest
		looked.Replaces = newest.CopyID
		entries[i], missing = &looked, append(missing, i)
	}
	renamed, of, _, err := a.underOtherIDs(ctx, entries, missing)
	if err != nil {
		return nil, err
	}
	if len(renamed) > 0 {
		ids = ids[:0]
		for _, u := range renamed {
			ids = append(ids, u.ID)
		}
		if there, err = find(ids); err != nil {
			return nil, fmt.Errorf("look for copies: %w", err)
		}
		for i, u := range renamed {
			if e, ok := there[u.ID]; ok {
				shown[entries[of[i]].Key] = e
			}
		}
	}
	return shown, a.readTexts(ctx, shown)
}

// readTexts reads the texts of copies that were listed without them. Those that cannot be read stay unread.
func (a *Attempt) readTexts(ctx context.Context, shown map[string]calendar.Event) error {
	var unread []string
	var span ledger.Span
	for key, e := range shown {
		if !e.BodyUnread {
			continue
		}
		start := a.books.newest[key].Appointment.Start
		if len(unread) == 0 {
			span = ledger.Span{From: start, To: start}
		}
		span.From, span.To = earlier(span.From, start), later(span.To, a.books.newest[key].Appointment.End)
		unread = append(unread, e.ID)
	}
	if len(unread) == 0 {
		return nil
	}
	slices.Sort(unread)
	bodies, err := read(ctx, a, &a.archive, func() (map[string]calendar.Body, error) {
		return a.archive.provider.Bodies(ctx, a.archive.uri.Account, a.archive.info.ID, unread, span.From, later(span.To, span.From.Add(1)))
	})
	if err != nil {
		return fmt.Errorf("read the texts of copies: %w", err)
	}
	for key, e := range shown {
		if body, told := bodies[e.ID]; told && e.BodyUnread {
			e.Body, e.BodyUnread = body, false
			shown[key] = e
		}
	}
	return nil
}

// carryOut writes what the plan says, but for what an earlier attempt wrote.
func (w *unwinding) carryOut(ctx context.Context) error {
	a := w.attempt
	var changes []Change
	for i := range w.plan.Items {
		it, s := &w.plan.Items[i], &w.steps[i]
		_, tried := a.wrote[it.Key]
		if it.Outcome != undo.Undone || len(s.taken) == 0 {
			continue
		}
		for _, e := range s.taken {
			if e.Decision != "" {
				w.decisions = append(w.decisions, e.Decision)
			}
		}
		if !s.own && !tried {
			changes = append(changes, w.change(it, s))
		}
	}
	slices.Sort(w.decisions)
	w.decisions = slices.Compact(w.decisions)
	if len(changes) > 0 {
		if err := a.checkShared(ctx); err != nil {
			return err
		}
	}
	_, err := a.Write(ctx, changes)
	return err
}

// change is the new version of an item: what it was before, or withdrawn.
func (w *unwinding) change(it *undo.Item, s *step) Change {
	c := Change{Kind: Note}
	source, last := s.newest, s.last()
	if s.was == nil {
		c.Entry = *s.newest
		c.Entry.Outcome, c.Entry.By, c.Entry.Decision = ledger.Withdrawn, "", ""
	} else {
		c.Entry = *s.was
		// The user was asked about the source as it was then, and is asked again. What no decision was about has been seen, and is undone: it must not
		// be archived once more the next night.
		if last.Decision != "" || undoes(last) {
			source = s.was
		}
		c.As = s.was.Draft
	}
	e := &c.Entry
	e.Lineage, e.Single = s.newest.Lineage, s.newest.Single
	e.SourceHash, e.Source, e.BodyDigest = source.SourceHash, source.Source, source.BodyDigest
	e.Reason, e.Reverses, e.Restores = reasonUndo, last.Run, it.Restores
	c.Entry = fresh(&c.Entry)
	switch it.Does {
	case undo.Removes:
		c.Kind = Remove
	case undo.Changes:
		c.Kind = Update
	case undo.Creates:
		c.Kind = Create
	}
	return c
}

// fresh is what a new version has in common with an earlier one: all but what says how that one was written.
func fresh(e *ledger.Entry) ledger.Entry {
	return ledger.Entry{
		Key: e.Key, Lineage: e.Lineage, Single: e.Single, Outcome: e.Outcome, Reason: e.Reason, By: e.By, SourceHash: e.SourceHash, Hash: e.Hash,
		Appointment: e.Appointment, Changes: e.Changes, Source: e.Source, BodyDigest: e.BodyDigest,
		Decision: e.Decision, Reverses: e.Reverses, Restores: e.Restores,
	}
}

// undoReport is the result of an undo run, which End completes.
type undoReport struct{ *undo.Result }

func (r undoReport) sealed(link string, cost run.Cost) { r.Link, r.Cost = link, cost }

// end stores what became of each item, and ends the run.
func (w *unwinding) end(ctx context.Context, state run.State) error {
	a := w.attempt
	result := &undo.Result{Runs: w.in.Runs, Hours: w.plan.Hours, Decisions: w.decisions, LedgerDamaged: a.damaged != nil}
	items := make([]run.Item, len(w.plan.Items))
	for i := range w.plan.Items {
		it := &w.plan.Items[i]
		problem := a.wrote[it.Key].Problem
		written := problem == nil && a.access == Writing && (it.Does == undo.Removes || it.Does == undo.Changes || it.Does == undo.Creates)
		result.Counts.Add(it, problem != nil)
		if written {
			result.Written++
		}
		data, err := json.Marshal(it)
		if err != nil {
			return fmt.Errorf("store items: %w", err)
		}
		items[i] = run.Item{Key: it.Key, Plan: data, Written: written, Problem: problem}
	}
	result.Balanced = result.Counts.Balanced()
	if state == run.Failed {
		result.Hours = nil
	}
	if a.access == ReadOnly {
		result.Later, result.PlanHash = w.plan.Later, w.plan.Hash
	}
	if err := a.End(ctx, state, undoReport{result}, items); err != nil {
		return err
	}
	c := &result.Counts
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("participants", c.Participants).Int("undone", c.Undone).Int("skipped", c.Skipped).
		Int("failed", c.Failed).Msg("undo run finished")
	return nil
}
