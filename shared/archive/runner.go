package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Result is what an archive run reports.
type Result struct {
	Counts   Counts   `json:"counts"`
	Balanced bool     `json:"balanced"`
	Written  int      `json:"written" doc:"Events written to the archive calendar."`
	Failed   int      `json:"failed" doc:"Events that the archive calendar refused."`
	Overlaps int      `json:"overlaps" doc:"Groups of appointments that share time."`
	Actions  int      `json:"actions" doc:"Things that the user has to decide."`
	Shrunk   bool     `json:"shrunk,omitempty" doc:"The source shows far fewer events than the ledger holds, so that nothing was done."`
	Link     string   `json:"link,omitempty" doc:"Hash of the run's link in the ledger's chain."`
	Cost     run.Cost `json:"cost"`

	ArchiveMissing bool `json:"archive_missing,omitempty" doc:"The archive calendar does not show what was archived."`
}

// Runner carries archive runs out.
type Runner struct {
	Table store.Table
	Blobs blob.Blob
	// Provider returns the provider of a calendar URI for a user.
	Provider func(ctx context.Context, user string, uri calendar.URI) (calendar.Provider, error)
	Clock    func() time.Time
	NewID    func() string
	// LeaseFor is how long the archive calendar stays reserved after the last sign of life.
	LeaseFor time.Duration
	// HandOn is how long before the context's deadline the run stops and hands the rest on.
	HandOn time.Duration
}

var _ run.Handler = (*Runner)(nil)

// chunk is how many entries are intended, written and noted as done together: a multiple of the twenty requests that fit into one
// of Graph's batches, and few enough for one transaction each way.
const chunk = 40

// execution is one worker's attempt at a run.
type execution struct {
	*Runner
	table    *store.Counter
	runs     *run.Store
	ledger   *ledger.Ledger
	configs  *Configs
	patience run.Patience

	run      *run.Run
	config   Config
	settings Settings
	window   calendar.Window
	only     map[string]bool // keys that a retry is about; nil: all

	source, target         calendar.Provider
	sourceInfo, targetInfo calendar.Info
	targetMissing          bool

	lease  *run.Lease
	head   ledger.Head
	places ledger.Places
	newest map[string]*ledger.Entry // the newest version of each key that was read
	mine   []*ledger.Entry          // what this run wrote, to be sealed
	own    map[string]Outcome       // what this run made of keys that it wrote in an earlier attempt: Archived or Drifted

	plan     Plan
	shrunk   bool                    // against the ledger
	problems map[string]*run.Problem // by key
	written  map[string]bool         // by key
}

// Run carries a run out, or on where another worker left it. A run that fails for a reason of its own ends as failed, and the
// error is nil; see run.Handler for the others.
func (r *Runner) Run(ctx context.Context, rn *run.Run) (err error) {
	table := &store.Counter{Table: r.Table}
	x := &execution{Runner: r, table: table, runs: run.NewStore(table), ledger: ledger.New(table, r.Blobs), run: rn, patience: run.Patience{Clock: r.Clock, HandOn: r.HandOn}, newest: map[string]*ledger.Entry{}, own: map[string]Outcome{}, problems: map[string]*run.Problem{}, written: map[string]bool{}}
	x.configs = NewConfigs(table, x.ledger, r.NewID, r.Clock)
	defer func() {
		if err != nil && x.lease != nil {
			x.release(ctx)
		}
	}()
	if err := x.prepare(ctx); err != nil {
		return err
	}
	if err := x.settle(ctx); err != nil {
		return err
	}
	if err := x.makePlan(ctx); err != nil {
		return err
	}
	if problem := x.refuse(); problem != nil {
		return x.end(ctx, run.Failed, problem)
	}
	if rn.Options.DryRun {
		return x.end(ctx, run.Succeeded, nil)
	}
	if err := x.write(ctx); err != nil {
		return err
	}
	state := run.Succeeded
	if len(x.problems) > 0 {
		state = run.Partial
	}
	return x.end(ctx, state, nil)
}

// prepare reads the config, finds the calendars and reserves the archive calendar.
func (x *execution) prepare(ctx context.Context) (err error) {
	rn := x.run
	if x.config, err = x.configs.Get(ctx, rn.User, rn.Config); err != nil {
		return err
	}
	if x.settings, err = x.config.Settings(); err != nil {
		return err
	}
	if x.window, err = calendar.NewWindow(rn.From, rn.To, x.settings.Zone); err != nil {
		return err
	}
	if rn.AttemptOf != "" {
		if err := x.restrict(ctx); err != nil {
			return err
		}
	}
	if err := x.findCalendars(ctx); err != nil {
		return err
	}
	rn.Lease = leaseByName(rn.User, &x.config)
	if !x.targetMissing {
		rn.Lease = rn.User + "#" + x.config.Archive.Provider + "#" + x.targetInfo.ID
	}
	if rn.State == run.Queued {
		rn.State, rn.Started = run.Running, x.Clock().UTC()
	}
	rn.Progress = run.NewProgress("reading", 0, 0)
	// The lease guards the head of the ledger: both are read in one request.
	found, err := x.table.GetMany(ctx, []store.Key{run.LeaseKey(rn.Lease), ledger.HeadKey(rn.Config)})
	if err != nil {
		return fmt.Errorf("read the lease and the head of the ledger: %w", err)
	}
	if x.lease, err = run.Take(ctx, x.table, found, rn.Lease, rn.ID+"/"+x.NewID(), x.LeaseFor, x.Clock(), rn.Put()); err != nil {
		return err
	}
	rn.Stored()
	x.head, err = ledger.HeadOf(rn.Config, found)
	return err
}

// restrict limits the run to the failed items of the run that it retries.
func (x *execution) restrict(ctx context.Context) error {
	first, err := x.runs.Get(ctx, x.run.User, x.run.AttemptOf)
	if err != nil {
		return err
	}
	x.only = map[string]bool{}
	for page := range first.Pages {
		items, err := x.runs.Items(ctx, first, page)
		if err != nil {
			return err
		}
		for _, it := range items {
			if it.Problem != nil {
				x.only[it.Key] = true
			}
		}
	}
	return nil
}

// findCalendars finds source and archive calendar, with one listing for both where they are in one account.
func (x *execution) findCalendars(ctx context.Context) (err error) {
	c := &x.config
	if x.source, err = x.Provider(ctx, x.run.User, c.Source); err != nil {
		return err
	}
	list, err := run.Retry(ctx, &x.patience, func() ([]calendar.Info, error) { return x.source.Calendars(ctx, c.Source.Account) })
	if err != nil {
		return fmt.Errorf("list the source's calendars: %w", err)
	}
	if x.sourceInfo, err = calendar.Pick(list, c.Source); err != nil {
		return fmt.Errorf("source calendar: %w", err)
	}
	x.target = x.source
	if c.Archive.Provider != c.Source.Provider || c.Archive.Account != c.Source.Account {
		if x.target, err = x.Provider(ctx, x.run.User, c.Archive); err != nil {
			return err
		}
		if list, err = run.Retry(ctx, &x.patience, func() ([]calendar.Info, error) { return x.target.Calendars(ctx, c.Archive.Account) }); err != nil {
			return fmt.Errorf("list the archive's calendars: %w", err)
		}
	}
	x.targetInfo, err = calendar.Pick(list, c.Archive)
	switch {
	case errors.Is(err, calendar.ErrNotFound):
		x.targetMissing = true
	case err != nil:
		return fmt.Errorf("archive calendar: %w", err)
	case x.targetInfo.ID == x.sourceInfo.ID && c.Archive.Provider == c.Source.Provider:
		return fault.Field("archive", "names the source calendar: the source is never written")
	}
	return nil
}

// settle finishes what an earlier attempt, of this run or of another one, left open: entries of which it is unknown whether the
// archive calendar has them. Those of another run are sealed under that run's name.
func (x *execution) settle(ctx context.Context) (err error) {
	if x.head.Open == "" {
		return nil
	}
	entries, err := x.ledger.Range(ctx, x.config.ID, x.head.OpenFrom, x.head.OpenTo)
	if err != nil {
		return err
	}
	var open, of []*ledger.Entry
	for i := range entries {
		if e := &entries[i]; e.Run == x.head.Open {
			of = append(of, e)
			if e.State == ledger.Intended {
				open = append(open, e)
			}
		}
	}
	if len(open) > 0 && x.targetMissing { // it was deleted since, and its copies with it
		if err := x.createTarget(ctx); err != nil {
			return err
		}
	}
	for some := range slices.Chunk(open, chunk) {
		unwritten, err := x.missing(ctx, some)
		if err != nil {
			return err
		}
		if err := x.copy(ctx, unwritten); err != nil {
			return err
		}
		if err := x.writeEntries(ctx, some); err != nil {
			return err
		}
	}
	if x.head.Open == x.run.ID {
		x.mine = of
		for _, e := range of {
			switch {
			case e.State == ledger.Failed:
				x.problems[e.Key] = &run.Problem{Code: fault.Invalid.String(), Detail: e.Failure}
			case e.Outcome == ledger.Archived && e.Replaces != "":
				x.own[e.Key], x.written[e.Key] = Drifted, true
			case e.Outcome == ledger.Archived:
				x.own[e.Key], x.written[e.Key] = Archived, true
			}
		}
		return nil
	}
	left := x.head.Open
	sealing, err := x.ledger.Prepare(x.config.ID, x.head, left, x.Clock(), of)
	if err != nil {
		return err
	}
	if err := x.ledger.Seal(ctx, &x.head, sealing, x.lease.Renew(x.Clock())); err != nil {
		return err
	}
	x.lease.Renewed()
	zerolog.Ctx(ctx).Info().Str("of", left).Int("entries", len(of)).Int("unknown", len(open)).Msg("run left open was settled")
	return nil
}

// makePlan reads the window and the ledger and plans.
func (x *execution) makePlan(ctx context.Context) error {
	from, to := x.window.Start(), x.window.End()
	events, err := run.Retry(ctx, &x.patience, func() ([]calendar.Event, error) {
		return x.source.Events(ctx, x.config.Source.Account, x.sourceInfo.ID, from, to)
	})
	if err != nil {
		return fmt.Errorf("read the source calendar: %w", err)
	}
	entries, err := x.ledger.Range(ctx, x.config.ID, from.Add(-x.head.Longest), to)
	if err != nil {
		return err
	}
	x.remember(entries)
	if err := x.fetchBodies(ctx, events); err != nil {
		return err
	}
	looked := map[string]bool{}
	for {
		x.plan = NewPlan(events, x.window, x.settings, x.held())
		var lineages []string
		for i := range x.plan.Items {
			if it := &x.plan.Items[i]; x.writes(it) {
				if lineage := ledger.Lineage(it.Event, it.Key); !looked[lineage] {
					looked[lineage] = true
					lineages = append(lineages, lineage)
				}
			}
		}
		if len(lineages) == 0 {
			break
		}
		// What is new to this window may stand in the ledger on another day, from which it moved.
		places, err := x.ledger.Find(ctx, x.config.ID, lineages)
		if err != nil {
			return err
		}
		elsewhere, err := x.ledger.Entries(ctx, x.config.ID, places)
		if err != nil {
			return err
		}
		x.places.Add(places)
		if x.remember(elsewhere) == 0 {
			break
		}
	}
	x.rename()
	x.relabel()
	return nil
}

// rename gives single events the key under which the ledger knows them, if they were not archived yet and moved since: what waits
// for a decision on one day must not be left behind there.
func (x *execution) rename() {
	waiting := map[string]*ledger.Entry{}
	for _, e := range x.newest {
		if e.Single && e.Outcome != ledger.Archived {
			waiting[e.Lineage] = e
		}
	}
	if len(waiting) == 0 {
		return
	}
	used := make(map[string]bool, len(x.plan.Items))
	for i := range x.plan.Items {
		used[x.plan.Items[i].Key] = true
	}
	for i := range x.plan.Items {
		it := &x.plan.Items[i]
		if it.Outcome != Archived && it.Outcome != Superseded && it.Outcome != Conflicted {
			continue
		}
		if e := waiting[ledger.Lineage(it.Event, it.Key)]; e != nil && !used[e.Key] {
			it.Key = e.Key
			used[e.Key] = true
		}
	}
}

// remember keeps the newest version of each key, and returns how many keys were not known before and stand in the archive.
func (x *execution) remember(entries []ledger.Entry) (news int) {
	for i := range entries {
		e := &entries[i]
		if e.State != ledger.Done || e.Outcome == ledger.Moved {
			continue
		}
		known := x.newest[e.Key]
		if known == nil || known.Version < e.Version {
			x.newest[e.Key] = e
		}
		if known == nil && e.Outcome == ledger.Archived {
			news++
		}
	}
	return news
}

// held returns what the ledger holds as archived.
func (x *execution) held() []Held {
	held := make([]Held, 0, len(x.newest))
	for _, e := range x.newest {
		if e.Outcome == ledger.Archived {
			held = append(held, Held{Key: e.Key, Hash: e.Hash, EventID: e.Source.ID, Single: e.Single, Appointment: e.Appointment})
		}
	}
	slices.SortFunc(held, func(a, b Held) int { return strings.Compare(a.Key, b.Key) })
	return held
}

// fetchBodies completes events that were listed without their bodies: by the digest that the ledger knows where the event did
// not change since, and by reading the body where it is new.
func (x *execution) fetchBodies(ctx context.Context, events []calendar.Event) error {
	type known struct{ changeKey, digest string }
	byID := make(map[string]known, len(x.newest))
	for _, e := range x.newest {
		byID[e.Source.ID] = known{e.Source.ChangeKey, e.BodyDigest}
	}
	missing := map[string]*calendar.Event{}
	for i := range events {
		e := &events[i]
		if e.Body.Content != "" || e.BodyPreview == "" {
			continue
		}
		if k := byID[e.ID]; k.changeKey != "" && k.changeKey == e.ChangeKey {
			e.BodyDigest = k.digest
		} else {
			missing[e.ID] = e
		}
	}
	if len(missing) == 0 {
		return nil
	}
	ids := make([]string, 0, len(missing))
	for id := range missing {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	bodies, err := run.Retry(ctx, &x.patience, func() (map[string]calendar.Body, error) {
		return x.source.Bodies(ctx, x.config.Source.Account, x.sourceInfo.ID, ids, x.window.Start(), x.window.End())
	})
	if err != nil {
		return fmt.Errorf("read the source calendar's texts: %w", err)
	}
	for id, e := range missing {
		e.Body = bodies[id]
	}
	return nil
}

// relabel tells what this run wrote in an earlier attempt as its own, which the plan found unchanged in the ledger.
func (x *execution) relabel() {
	for i := range x.plan.Items {
		it := &x.plan.Items[i]
		if own := x.own[it.Key]; own != "" && it.Outcome == Unchanged {
			it.Outcome = own
			x.plan.Counts.Unchanged--
			*x.plan.Counts.Of(own)++
		}
	}
	if x.only == nil {
		return
	}
	x.plan.Items = slices.DeleteFunc(x.plan.Items, func(it Item) bool { return !x.only[it.Key] })
	x.plan.Counts = Counts{}
	for i := range x.plan.Items {
		if x.plan.Items[i].Outcome != Vanished {
			x.plan.Counts.Fetched++
		}
		*x.plan.Counts.Of(x.plan.Items[i].Outcome)++
	}
}

// refuse returns why the plan must not be carried out, nil if it may.
func (x *execution) refuse() *run.Problem {
	if !x.plan.Balanced() {
		return &run.Problem{Code: fault.Internal.String(), Detail: "the sums do not balance: " + x.plan.Counts.String()}
	}
	held, fetched := 0, 0
	for _, e := range x.newest {
		if e.Outcome == ledger.Archived && x.window.Contains(e.Appointment.Start) {
			held++
		}
	}
	for i := range x.plan.Items {
		if it := &x.plan.Items[i]; it.Event != nil && it.Reason != ReasonOutsideWindow {
			fetched++
		}
	}
	if x.run.Options.Force || x.only != nil || held-fetched < 10 || 2*fetched >= held {
		return nil
	}
	detail := fmt.Sprintf("the source shows %d events where the ledger holds %d; if that is right, run again with force", fetched, held)
	x.shrunk = true
	x.plan.Actions = append(x.plan.Actions, Action{Kind: ActionShrunkWindow, EventIDs: []string{}, Detail: detail})
	return &run.Problem{Code: fault.Conflict.String(), Detail: detail}
}

// writes says whether carrying out the item adds a version to the ledger.
func (x *execution) writes(it *Item) bool {
	if x.only != nil && !x.only[it.Key] || x.problems[it.Key] != nil {
		return false
	}
	switch it.Outcome {
	case Archived:
		return x.own[it.Key] == ""
	case Drifted:
		return it.Accept
	case Superseded, Conflicted:
		e := x.newest[it.Key]
		return e == nil || string(e.Outcome) != string(it.Outcome) || e.Hash != it.Hash || e.By != it.By
	}
	return false
}

// write brings ledger and archive calendar to what the plan says, chunk by chunk: intended in the ledger, written, done in the ledger.
func (x *execution) write(ctx context.Context) error {
	var items []*Item
	for i := range x.plan.Items {
		if it := &x.plan.Items[i]; x.writes(it) {
			items = append(items, it)
		}
	}
	if len(items) > 0 {
		if err := x.readyTarget(ctx); err != nil {
			return err
		}
	}
	for done := 0; done < len(items); {
		if x.patience.Late(ctx) {
			return run.ErrHandOn // all that was begun is in the ledger, which is the checkpoint
		}
		var entries, copies []*ledger.Entry
		begun := done
		for ; done < len(items); done++ {
			versions := x.entries(items[done])
			if len(entries)+len(versions) > chunk {
				break
			}
			if err := versions[len(versions)-1].Fits(); err != nil {
				x.problems[items[done].Key] = run.NewProblem(err)
				continue
			}
			entries = append(entries, versions...)
			if last := versions[len(versions)-1]; last.State == ledger.Intended {
				copies = append(copies, last)
			}
		}
		if len(entries) == 0 {
			continue
		}
		x.run.Progress = run.NewProgress("writing", begun, len(items))
		var opened []store.Op
		if x.head.Open == "" {
			opened = append(opened, x.head.Opened(x.config.ID, x.run.ID, x.span(items)))
		}
		if err := x.writeEntries(ctx, entries, opened...); err != nil {
			return err
		}
		if len(opened) > 0 {
			x.head.Stored()
		}
		x.mine = append(x.mine, entries...)
		if len(copies) > 0 {
			if err := x.copy(ctx, copies); err != nil {
				return err
			}
			x.run.Progress = run.NewProgress("writing", done, len(items))
			if err := x.writeEntries(ctx, copies); err != nil {
				return err
			}
		}
	}
	return nil
}

// span bounds the starts of all entries that writing the items can make.
func (x *execution) span(items []*Item) ledger.Span {
	s := ledger.Span{From: x.window.Start(), To: x.window.End()}
	for _, it := range items {
		starts := []time.Time{it.Appointment.Start}
		if old := x.newest[it.Key]; old != nil { // where a note may stay behind
			starts = append(starts, old.Appointment.Start)
		}
		for _, t := range starts {
			s.From, s.To = earlier(s.From, t), later(s.To, t.Add(time.Second))
		}
	}
	return s
}

// entries returns the new versions that an item adds to the ledger: one, and where the start changed a note at the old place before it.
func (x *execution) entries(it *Item) []*ledger.Entry {
	lineage := ledger.Lineage(it.Event, it.Key)
	e := &ledger.Entry{
		Config: x.config.ID, Key: it.Key, Lineage: lineage, Version: x.places.Versions(lineage, it.Key) + 1,
		Outcome: ledger.Outcome(it.Outcome), Reason: it.Reason, By: it.By, Hash: it.Hash, Single: lineage != it.Key,
		Appointment: it.Appointment, Changes: it.Changes, Source: *it.Event, BodyDigest: bodyDigest(it.Event),
		Run: x.run.ID, Time: x.Clock().UTC(), Actor: x.run.User, State: ledger.Done,
	}
	switch it.Outcome {
	case Archived:
		e.State, e.Draft = ledger.Intended, newDraft(e, x.config.Timezone)
	case Drifted:
		e.Outcome, e.Reason = ledger.Archived, "drift accepted by the config"
		e.State, e.Draft, e.Replaces = ledger.Intended, newDraft(e, x.config.Timezone), x.newest[it.Key].CopyID
	}
	if old := x.newest[it.Key]; old != nil && !old.Appointment.Start.Equal(e.Appointment.Start) {
		moved := *e
		moved.Outcome, moved.State, moved.Draft, moved.Replaces, moved.Appointment = ledger.Moved, ledger.Done, nil, "", old.Appointment
		return []*ledger.Entry{&moved, e}
	}
	return []*ledger.Entry{e}
}

// writeEntries stores entries together with the run's progress, guarded by the lease.
func (x *execution) writeEntries(ctx context.Context, entries []*ledger.Entry, own ...store.Op) error {
	for len(entries) > 0 {
		some := entries[:min(ledger.MaxWrite, len(entries))]
		entries = entries[len(some):]
		ops := append([]store.Op{x.lease.Renew(x.Clock()), x.run.Put()}, own...)
		if err := x.ledger.Write(ctx, &x.places, some, ops...); err != nil {
			return err
		}
		x.lease.Renewed()
		x.run.Stored()
		own = nil
	}
	return nil
}

// readyTarget makes sure that the archive calendar exists and is ours to write.
func (x *execution) readyTarget(ctx context.Context) error {
	if x.targetMissing {
		return x.createTarget(ctx)
	}
	if x.head.Seq > 0 || x.head.Open != "" || x.run.Options.Adopt {
		return nil
	}
	foreign, err := run.Retry(ctx, &x.patience, func() (bool, error) { return x.target.Foreign(ctx, x.config.Archive.Account, x.targetInfo.ID) })
	if err != nil {
		return fmt.Errorf("look into the archive calendar: %w", err)
	}
	if foreign {
		return fault.New(fault.Conflict, "archive calendar %q holds events that are not ours; run again with --adopt to archive into it all the same", x.targetInfo.Name)
	}
	return nil
}

func (x *execution) createTarget(ctx context.Context) (err error) {
	uri := x.config.Archive
	if !x.config.CreateCalendar {
		return fault.New(fault.NotFound, "archive calendar %q not found in %s; create it with: admin-assistant calendar create %s", uri.Calendar, uri.Account, uri)
	}
	if x.targetInfo, err = x.target.CreateCalendar(ctx, uri); err != nil && !errors.Is(err, calendar.ErrExists) {
		return fmt.Errorf("create the archive calendar: %w", err)
	} else if err != nil {
		if x.targetInfo, err = x.target.Calendar(ctx, uri); err != nil {
			return fmt.Errorf("archive calendar: %w", err)
		}
	}
	x.targetMissing = false
	return nil
}

// end stores the run's outcome, seals the ledger and gives the archive calendar free, in one transaction.
func (x *execution) end(ctx context.Context, state run.State, problem *run.Problem) error {
	items := make([]run.Item, len(x.plan.Items))
	for i := range x.plan.Items {
		it := &x.plan.Items[i]
		data, err := json.Marshal(it)
		if err != nil {
			return fmt.Errorf("store items: %w", err)
		}
		items[i] = run.Item{Key: it.Key, Plan: data, Written: x.written[it.Key], Problem: x.problems[it.Key]}
	}
	if err := x.runs.PutItems(ctx, x.run, items); err != nil {
		return err
	}
	plan, err := json.Marshal(x.plan)
	if err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	if err := x.Blobs.Put(ctx, PlanKey(x.run.ID), bytes.NewReader(plan)); err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}

	now := x.Clock()
	result := Result{Counts: x.plan.Counts, Balanced: x.plan.Balanced(), Written: len(x.written), Failed: len(x.problems), Overlaps: len(x.plan.Overlaps), Actions: len(x.plan.Actions), Shrunk: x.shrunk, Cost: run.CostOf(x.table, &x.patience, x.source, x.target)}
	x.run.Problem, x.run.Failed = problem, len(x.problems)
	x.run.Progress.Total = len(x.plan.Items)
	// A run that carried its plan out has a link even when it changed nothing: it proves that the window was looked at.
	var sealing *ledger.Sealing
	if state != run.Failed && !x.run.Options.DryRun || x.head.Open == x.run.ID {
		if state != run.Failed && x.only == nil && x.head.Through.Before(x.window.To) {
			x.head.Through = x.window.To
		}
		if sealing, err = x.ledger.Prepare(x.config.ID, x.head, x.run.ID, now, x.mine); err != nil {
			return err
		}
		result.Link = sealing.Hash()
	}
	if x.run.Result, err = json.Marshal(result); err != nil {
		return fmt.Errorf("store the result: %w", err)
	}
	ops := append(x.run.End(state, now), x.lease.Release(now))
	if sealing != nil {
		err = x.ledger.Seal(ctx, &x.head, sealing, ops...)
	} else {
		err = x.table.Transact(ctx, ops)
	}
	if err != nil {
		return fmt.Errorf("end the run: %w", err)
	}
	x.run.Stored()
	c := &x.plan.Counts
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("fetched", c.Fetched).Int("archived", c.Archived).Int("unchanged", c.Unchanged).
		Int("conflicted", c.Conflicted).Int("drifted", c.Drifted).Int("vanished", c.Vanished).Int("failed", len(x.problems)).Msg("archive run finished")
	return nil
}

// PlanKey is where the plan of a run is kept in blob storage.
func PlanKey(run string) string { return "runs/" + run + "/plan.json" }

// release gives the archive calendar free after a failed attempt, so that the next one need not wait for the lease to end.
func (x *execution) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	op := x.lease.Release(x.Clock())
	if _, err := x.table.Put(ctx, *op.Put, op.If); err != nil && !errors.Is(err, store.ErrConflict) {
		zerolog.Ctx(ctx).Warn().AnErr("error", err).Msg("lease not released")
	}
}
