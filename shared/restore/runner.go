package restore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// File is what is restored.
type File interface {
	// Zones returns the time zones that only the file explains.
	Zones(ctx context.Context) ([]calendar.Zone, error)
	// Each hands all that the file holds to each, every time the same in the same order, with memory that does not grow with the
	// file. What each returns ends the reading and is returned as it is. Errors of kind fault.Invalid say what is wrong with the file.
	Each(ctx context.Context, each func(calendar.Kept) error) error
}

// Runner carries restore runs out.
type Runner struct {
	Table store.Table
	Blobs blob.Blob
	// Open opens what a run restores. A file that is not what it was when the run was started is of kind fault.Conflict.
	Open func(ctx context.Context, user string, in Input) (File, error)
	// Provider returns the provider of a calendar URI for a user.
	Provider func(ctx context.Context, user string, uri calendar.URI) (Provider, error)
	// Archives returns the calendars into which a user's configs archive. Nothing is restored into them: they show what a ledger holds.
	Archives func(ctx context.Context, user string) ([]calendar.URI, error)
	Clock    func() time.Time
	NewID    func() string
	// LeaseFor is how long the calendar stays reserved after the last sign of life.
	LeaseFor time.Duration
	// HandOn is how long before the context's deadline the run stops and hands the rest on.
	HandOn time.Duration
}

var _ run.Handler = (*Runner)(nil)

// execution is one worker's attempt at a run.
type execution struct {
	*Runner
	runs     *run.Store
	patience *run.Patience
	run      *run.Run
	input    Input

	file     File
	zones    []calendar.Zone // of the file
	into     calendar.URI
	provider Provider
	target   calendar.Info
	missing  bool // there is no such calendar

	progress progress
	resumed  bool // another attempt came before this one
	lease    *run.Lease
	drafting drafting
	// drill says that what becomes of each thing is shown by comparing, and not by items.
	drill bool
}

// Run carries a run out, or on where another worker left it. A run that fails for a reason of its own ends as failed, and the
// error is nil; see run.Handler for the others.
func (r *Runner) Run(ctx context.Context, rn *run.Run) (err error) {
	x := &execution{Runner: r, runs: run.NewStore(r.Table), patience: &run.Patience{Clock: r.Clock, HandOn: r.HandOn}, run: rn}
	defer func() {
		if err != nil {
			x.release(ctx)
		}
	}()
	if err := json.Unmarshal(rn.Input, &x.input); err != nil {
		return fault.New(fault.Malformed, "what run %s is to restore is unreadable: %v", rn.ID, err)
	}
	if err := x.input.Check(); err != nil {
		return err
	}
	if x.into, err = calendar.ParseURI(rn.Calendar); err != nil {
		return err
	}
	if x.file, err = r.Open(ctx, rn.User, x.input); err != nil {
		return fmt.Errorf("open what is to be restored: %w", err)
	}
	if x.zones, err = x.file.Zones(ctx); err != nil {
		return fmt.Errorf("read what is to be restored: %w", err)
	}
	if err := x.restore(ctx); err != nil {
		return err
	}
	return x.end(ctx)
}

// restore puts the file into the calendar; what has become of each thing is then in progress and stored.
func (x *execution) restore(ctx context.Context) (err error) {
	if x.progress, err = loadProgress(ctx, x.Table, x.run.ID); err != nil {
		return err
	}
	x.resumed = x.progress.version > 0
	if err := x.findCalendar(ctx); err != nil {
		return err
	}
	if err := x.begin(ctx); err != nil {
		return err
	}
	if !x.progress.Planned {
		if err := x.makePlan(ctx); err != nil {
			return err
		}
	}
	return x.carryOut(ctx)
}

// findCalendar finds the calendar that is written, or makes it.
func (x *execution) findCalendar(ctx context.Context) (err error) {
	if x.provider, err = x.Provider(ctx, x.run.User, x.into); err != nil {
		return err
	}
	list, err := run.Retry(ctx, x.patience, func() ([]calendar.Info, error) { return x.provider.Calendars(ctx, x.into.Account) })
	if err != nil {
		return fmt.Errorf("list the calendars: %w", err)
	}
	x.target, err = calendar.Pick(list, x.into)
	if err == nil || errors.Is(err, calendar.ErrNotFound) {
		if err := x.refuseArchive(ctx, list); err != nil {
			return err
		}
	}
	switch {
	case x.progress.Calendar != "" && (errors.Is(err, calendar.ErrNotFound) || err == nil && x.target.ID != x.progress.Calendar):
		return fault.New(fault.Conflict, "calendar %q, which the restore was writing, is not there any more; start the restore again", x.into.Calendar)
	case errors.Is(err, calendar.ErrNotFound) && x.run.Options.DryRun && x.input.CreateCalendar:
		x.missing = true
		return nil
	case errors.Is(err, calendar.ErrNotFound) && x.input.CreateCalendar:
		return x.createCalendar(ctx)
	case errors.Is(err, calendar.ErrNotFound):
		return fault.New(fault.NotFound, "calendar %q not found in %s; let the restore create it, or create it with: admin-assistant calendar create %s", x.into.Calendar, x.into.Account, x.into)
	case err != nil:
		return err
	case !x.target.CanEdit:
		return fault.New(fault.Forbidden, "calendar %q may only be read; restore into another one", x.target.Name)
	}
	return nil
}

// refuseArchive refuses a calendar into which a config archives, or will: verifying the archive would call what is restored foreign.
func (x *execution) refuseArchive(ctx context.Context, list []calendar.Info) error {
	archives, err := x.Archives(ctx, x.run.User)
	if err != nil {
		return fmt.Errorf("find the archives: %w", err)
	}
	for _, uri := range archives {
		if uri.Provider != x.into.Provider || !strings.EqualFold(uri.Account, x.into.Account) {
			continue
		}
		info, err := calendar.Pick(list, uri)
		if err == nil && info.ID == x.target.ID || x.target.ID == "" && calendar.SameName(uri.Calendar, x.into.Calendar) {
			return fault.New(fault.Conflict, "calendar %q is the archive of one of your configs and shows what its ledger holds; restore into another calendar", x.into.Calendar)
		}
	}
	return nil
}

// createCalendar makes the calendar, after noting that it was not there: what undoes the run has to know.
func (x *execution) createCalendar(ctx context.Context) (err error) {
	x.progress.Made = true
	op := x.progress.put(x.run.ID)
	if _, err := x.Table.Put(ctx, *op.Put, op.If); err != nil {
		return fmt.Errorf("note that the calendar is made: %w", err)
	}
	x.progress.stored()
	x.target, err = run.Retry(ctx, x.patience, func() (calendar.Info, error) { return x.provider.CreateCalendar(ctx, x.into) })
	if errors.Is(err, calendar.ErrExists) { // an answer was lost, or somebody was faster
		x.target, err = run.Retry(ctx, x.patience, func() (calendar.Info, error) { return x.provider.Calendar(ctx, x.into) })
	}
	if err != nil {
		return fmt.Errorf("create the calendar: %w", err)
	}
	return nil
}

// begin reserves the calendar, under the name that archive runs reserve theirs by, and tells the run as running.
func (x *execution) begin(ctx context.Context) (err error) {
	rn := x.run
	if !x.missing {
		rn.Lease = rn.User + "#" + x.into.Provider + "#" + x.target.ID
		if x.lease, err = run.Acquire(ctx, x.Table, rn.Lease, rn.ID+"/"+x.NewID(), x.LeaseFor, x.Clock()); err != nil {
			return err
		}
	}
	if rn.State == run.Queued {
		rn.State, rn.Started = run.Running, x.Clock().UTC()
	}
	if x.progress.Scope == "" {
		if x.progress.Scope, err = x.scope(ctx); err != nil {
			return err
		}
	}
	x.progress.Calendar = x.target.ID
	x.drafting = drafting{
		reading: reading{zones: ics.Lookup(x.zones)}, zone: x.input.Zone, explains: x.into.Provider == calendar.ProviderLocal,
	}
	if x.drafting.floating, err = calendar.LoadZone(x.input.Zone); err != nil {
		return err
	}
	if !x.progress.Planned {
		rn.Progress = run.NewProgress("reading", 0, 0)
	}
	return x.commit(ctx)
}

// scope is what the run's marks are derived from. A run that tries the failed items of another one again goes on with its marks.
func (x *execution) scope(ctx context.Context) (string, error) {
	if x.run.AttemptOf != "" {
		first, err := loadProgress(ctx, x.Table, x.run.AttemptOf)
		if err != nil || first.Scope != "" {
			return first.Scope, err
		}
	}
	if x.input.Policy == Duplicate {
		return "run#" + cmp.Or(x.run.AttemptOf, x.run.ID), nil
	}
	return "calendar#" + x.target.ID, nil
}

// makePlan reads file and calendar, decides, and stores what was decided and what is replaced.
func (x *execution) makePlan(ctx context.Context) error {
	settings := Settings{
		Policy: x.input.Policy, Scope: x.progress.Scope, Zone: x.drafting.floating, Notifies: x.notifies(),
	}
	if x.run.From != (calendar.Date{}) || x.run.To != (calendar.Date{}) {
		w, err := calendar.NewWindow(x.run.From, x.run.To, x.drafting.floating)
		if err != nil {
			return err
		}
		settings.From, settings.To = w.Start(), w.End()
	}
	var err error
	if settings.Only, err = x.only(ctx); err != nil {
		return err
	}
	var zones []calendar.Zone
	if !x.missing {
		if zones, err = run.Retry(ctx, x.patience, func() ([]calendar.Zone, error) {
			return x.provider.Zones(ctx, x.into.Account, x.target.ID)
		}); err != nil {
			return fmt.Errorf("read the calendar's time zones: %w", err)
		}
	}
	p := NewPlanner(settings, x.drafting.zones, ics.Lookup(zones))
	if err := x.file.Each(ctx, func(k calendar.Kept) error {
		p.Incoming(&k)
		return nil
	}); err != nil {
		return fmt.Errorf("read what is to be restored: %w", err)
	}
	if !x.missing {
		if _, err := run.Retry(ctx, x.patience, func() (struct{}, error) { return struct{}{}, x.readCalendar(ctx, p) }); err != nil {
			return fmt.Errorf("read the calendar: %w", err)
		}
	}
	x.progress.Total = 0
	err = spool(ctx, x.Blobs, PlanKey(x.run.User, x.run.ID), func(line func(any) error) error {
		return p.Items(func(it Item) error {
			x.progress.Total++
			return line(it)
		})
	})
	if err != nil {
		return fmt.Errorf("store the plan: %w", err)
	}
	x.progress.Planned = true
	x.run.Progress = run.NewProgress("planning", 0, x.progress.Total)
	return x.commit(ctx)
}

// notifies says whether the calendar's provider tells the people who were invited when an event changes.
func (x *execution) notifies() bool { return x.into.Provider != calendar.ProviderLocal }

// readCalendar tells the planner what the calendar holds, and keeps what may be replaced as it is.
func (x *execution) readCalendar(ctx context.Context, p *Planner) error {
	p.Forget()
	if x.input.Policy != Replace || x.run.Options.DryRun {
		return x.kept(ctx, func(k *calendar.Kept) error {
			p.Existing(k)
			return nil
		})
	}
	return spool(ctx, x.Blobs, BeforeKey(x.run.User, x.run.ID), func(line func(any) error) error {
		return x.kept(ctx, func(k *calendar.Kept) error {
			if !p.Existing(k) {
				return nil
			}
			return line(k)
		})
	})
}

const (
	// signOfLife is after how many events a reader shows that it is alive, and looks at the clock.
	signOfLife = 1000
	// mostLate is how many attempts may end while they are still reading: nobody can take up another's reading.
	mostLate = 3
)

// kept reads the calendar.
func (x *execution) kept(ctx context.Context, each func(*calendar.Kept) error) error {
	read := 0
	return x.provider.Kept(ctx, x.into.Account, x.target.ID, func(k calendar.Kept) error {
		if read++; read%signOfLife == 0 {
			if x.patience.Late(ctx) {
				return x.late(ctx)
			}
			if err := x.commit(ctx); err != nil {
				return err
			}
		}
		return each(&k)
	})
}

// late hands the run on while it is still reading, unless that has happened too often.
func (x *execution) late(ctx context.Context) error {
	if x.progress.Late++; x.progress.Late == mostLate {
		return fault.New(fault.Conflict, "calendar %q holds too much to be read by one worker; use another calendar", x.target.Name)
	}
	if err := x.commit(ctx); err != nil {
		return err
	}
	return run.ErrHandOn
}

// only returns the keys of the failed items of the run that this one retries; nil: it retries none.
func (x *execution) only(ctx context.Context) (map[string]bool, error) {
	if x.run.AttemptOf == "" {
		return nil, nil
	}
	first, err := x.runs.Get(ctx, x.run.User, x.run.AttemptOf)
	if err != nil {
		return nil, err
	}
	only := map[string]bool{}
	for page := range first.Pages {
		items, err := x.runs.Items(ctx, first, page)
		if err != nil {
			return nil, err
		}
		for _, it := range items {
			if it.Problem != nil {
				only[it.Key] = true
			}
		}
	}
	return only, nil
}

const (
	// chunkWrites is how many events and changed instances are written together: twice the twenty requests that fit into one of Graph's batches. A
	// series with more is a chunk by itself.
	chunkWrites = 40
	// chunkThings is how many things are dealt with together: their items are one page.
	chunkThings = 200
	// chunkBytes is about how large the texts of a chunk may be, so that the memory of a run does not depend on them.
	chunkBytes = 8 << 20
)

// carryOut does what the plan says, chunk by chunk, from where an earlier attempt stopped.
func (x *execution) carryOut(ctx context.Context) error {
	plan, err := openLines(ctx, x.Blobs, PlanKey(x.run.User, x.run.ID))
	if err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	defer plan.close()
	if !x.run.Options.DryRun && len(x.zones) > 0 {
		x.drafting.renamed, err = run.Retry(ctx, x.patience, func() (map[string]string, error) {
			return x.provider.AdoptZones(ctx, x.into.Account, x.target.ID, x.zones)
		})
		if err != nil {
			return fmt.Errorf("make the file's time zones known to the calendar: %w", err)
		}
	}
	var tasks []*task
	read, writes, size := 0, 0, 0
	flush := func() error {
		if err := x.chunk(ctx, tasks); err != nil {
			return err
		}
		tasks, writes, size = nil, 0, 0
		if x.progress.Done < x.progress.Total && x.patience.Late(ctx) {
			return run.ErrHandOn
		}
		return nil
	}
	err = x.file.Each(ctx, func(k calendar.Kept) error {
		var it Item
		if err := plan.next(&it); err != nil {
			return errChanged(err)
		}
		if read++; read <= x.progress.Done {
			return nil
		}
		t, err := x.newTask(it, k)
		if err != nil {
			return err
		}
		tasks = append(tasks, t)
		if n := t.writes(); n > 0 {
			writes += n
			size += t.size()
		}
		if writes >= chunkWrites || len(tasks) == chunkThings || size >= chunkBytes {
			return flush()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := plan.next(&Item{}); !errors.Is(err, io.EOF) {
		return errChanged(err)
	}
	if len(tasks) > 0 {
		return flush()
	}
	return nil
}

// errChanged is the failure of a file that does not hold what the plan was made for.
func errChanged(err error) error {
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the plan: %w", err)
	}
	return fault.New(fault.Conflict, "what is restored is not what it was when the run began; start the restore again")
}

// chunk deals with the next things of the file, and stores what became of them.
func (x *execution) chunk(ctx context.Context, tasks []*task) error {
	if !x.run.Options.DryRun {
		if err := x.write(ctx, tasks, x.resumed); err != nil {
			return err
		}
		x.resumed = false // what comes now was not begun by anybody
	}
	var items []run.Item
	for _, t := range tasks {
		x.progress.Done++
		if t.item.Outcome == none {
			continue
		}
		it, err := t.told()
		if err != nil {
			return err
		}
		if it.Written && !x.run.Options.DryRun {
			x.progress.Written++
		}
		if it.Problem != nil {
			x.progress.Failed++
		}
		x.progress.Counts.add(t.outcome())
		items = append(items, it)
	}
	x.run.Progress = run.NewProgress("writing", x.progress.Done, x.progress.Total)
	x.run.Failed = x.progress.Failed
	if x.drill {
		return x.commit(ctx)
	}
	if err := x.result(); err != nil {
		return err
	}
	if len(items) == 0 {
		return x.commit(ctx)
	}
	page, err := x.run.AddPage(items)
	if err != nil {
		return err
	}
	return x.commit(ctx, page)
}

// result puts what the run has come to into its record.
func (x *execution) result() (err error) {
	p := &x.progress
	x.run.Result, err = json.Marshal(Result{
		Counts: p.Counts, Balanced: p.Counts.Balanced(), Written: p.Written, CreatedCalendar: p.Made, Backup: x.input.Backup, Policy: x.input.Policy,
	})
	return err
}

// commit stores the run and how far it is, guarded by the lease.
func (x *execution) commit(ctx context.Context, also ...store.Op) error {
	ops := append([]store.Op{x.run.Put(), x.progress.put(x.run.ID)}, also...)
	if x.lease != nil {
		ops = append(ops, x.lease.Renew(x.Clock()))
	}
	if err := x.Table.Transact(ctx, ops); err != nil {
		return fmt.Errorf("store how far run %s is: %w", x.run.ID, err)
	}
	x.run.Stored()
	x.progress.stored()
	if x.lease != nil {
		x.lease.Renewed()
	}
	return nil
}

// end ends a restore.
func (x *execution) end(ctx context.Context) error {
	state, c := run.Succeeded, x.progress.Counts
	switch {
	case !c.Balanced():
		state, x.run.Problem = run.Failed, run.NewProblem(errUnbalanced(c))
	case c.Failed > 0 || c.Refused > 0:
		state = run.Partial
	}
	if err := x.result(); err != nil {
		return err
	}
	if err := x.finish(ctx, state); err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("read", c.Read).Int("created", c.Created).Int("skipped", c.Skipped).Int("replaced", c.Replaced).
		Int("refused", c.Refused).Int("failed", c.Failed).Int("outside", c.OutsidePeriod).Bool("dry_run", x.run.Options.DryRun).Msg("restore run finished")
	return nil
}

// finish stores the run's final state and gives the calendar free.
func (x *execution) finish(ctx context.Context, state run.State) error {
	x.run.Progress.Total = x.progress.Total
	ops := x.run.End(state, x.Clock())
	if x.lease != nil {
		ops = append(ops, x.lease.Release(x.Clock()))
	}
	if err := x.Table.Transact(ctx, ops); err != nil {
		return fmt.Errorf("end the run: %w", err)
	}
	x.run.Stored()
	return nil
}

// release gives the calendar free after a failed attempt, so that the next one need not wait for the lease to end.
func (x *execution) release(ctx context.Context) {
	if x.lease == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	op := x.lease.Release(x.Clock())
	if _, err := x.Table.Put(ctx, *op.Put, op.If); err != nil && !errors.Is(err, store.ErrConflict) {
		zerolog.Ctx(ctx).Warn().AnErr("error", err).Msg("lease not released")
	}
}
