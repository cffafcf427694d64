package restore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Drill carries drills out: it restores the newest backup of a calendar into a scratch calendar beside it, reads that, compares, and removes it.
type Drill struct {
	Runner
	Backups *backup.Backups
}

var _ run.Handler = (*Drill)(nil)

// DrillResult is what a drill reports.
type DrillResult struct {
	Backup   string `json:"backup" doc:"The backup that was restored."`
	Restored Counts `json:"restored"`
	// Otherwise is what calendar.Named.Otherwise says.
	Otherwise string `json:"found_otherwise,omitempty" doc:"By what else the calendar was found than by what the drill names it by."`
	Comparison
}

// drillProgress is how far a drill is beyond restoring.
type drillProgress struct {
	Backup string `json:"backup"`
	// Otherwise is DrillResult.Otherwise.
	Otherwise string `json:"found_otherwise,omitempty"`
	// Compared is what comparing came to; nil: it has not.
	Compared *Comparison `json:"compared,omitempty"`
}

// drillZone is where floating times are read, in the backup and in its copy.
const drillZone = "UTC"

// Run carries a drill out, or on where another worker left it; see run.Handler. A drill that finds a difference ends as failed. The
// scratch calendar goes whatever happens: when the worker dies, with the next attempt, when the run has ended, or with the next drill.
func (d *Drill) Run(ctx context.Context, rn *run.Run) (err error) {
	a := d.attempt(rn)
	a.drill = true
	defer func() {
		if err != nil {
			a.release(ctx)
		}
	}()
	from, err := calendar.ParseURI(rn.Calendar)
	if err != nil {
		return err
	}
	if err := d.sweep(ctx, a, rn.User); err != nil {
		return err
	}
	note := &scratch{Run: rn.ID, Provider: from.Provider, Account: from.Account, Name: scratchName(rn)}
	err = d.drill(ctx, a, from, note)
	if err == nil || errors.Is(err, run.ErrHandOn) || errors.Is(err, run.ErrBusy) || errors.Is(err, store.ErrConflict) || fault.Of(err).Transient() {
		return err // whoever comes next goes on with the scratch calendar, or finds the run ended and removes it
	}
	removing, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeFor)
	defer cancel()
	if removed := d.remove(removing, a, rn.User, note); removed != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), removed).Msg("scratch calendar not removed")
	}
	return err
}

// removeFor is how long removing a scratch calendar may take after its drill has failed.
const removeFor = 30 * time.Second

func (d *Drill) drill(ctx context.Context, a *attempt, from calendar.URI, note *scratch) (err error) {
	if a.progress, err = loadProgress(ctx, d.Table, a.run.ID); err != nil {
		return err
	}
	if a.progress.Drill == nil {
		if err := d.choose(ctx, a, from); err != nil {
			return err
		}
	}
	if a.progress.Drill.Compared == nil {
		if err := d.restoreAndCompare(ctx, a, note); err != nil {
			return err
		}
	}
	left := d.remove(ctx, a, a.run.User, note)
	if left != nil && !errors.Is(left, errLeft) {
		return fmt.Errorf("remove the scratch calendar %q: %w", note.Name, left)
	}
	if a.hold == nil { // an earlier attempt compared
		if err := a.reserve(ctx, ""); err != nil {
			return err
		}
	}
	return a.endDrill(ctx, left)
}

// choose decides which backup is restored, and stores that, so that every attempt restores the same one.
func (d *Drill) choose(ctx context.Context, a *attempt, from calendar.URI) (err error) {
	if a.target.Provider, err = d.Provider(ctx, a.run.User, from); err != nil {
		return err
	}
	list, err := run.Retry(ctx, a.patience, func() ([]calendar.Info, error) { return a.target.Calendars(ctx, from.Account) })
	if err != nil {
		return err
	}
	info, err := a.pick(ctx, list, from)
	if err != nil {
		return err
	}
	newest, err := d.Backups.Newest(ctx, a.run.User, from, info.ID)
	if err != nil {
		return err
	}
	a.progress.Drill = &drillProgress{Backup: newest.ID, Otherwise: a.otherwise}
	a.progress.Scope = "run#" + a.run.ID
	a.run.Progress = run.NewProgress("reading", 0, 0)
	if err := a.reserve(ctx, ""); err != nil { // there is no calendar to write yet
		return err
	}
	return a.commit(ctx)
}

func (d *Drill) restoreAndCompare(ctx context.Context, a *attempt, note *scratch) (err error) {
	a.input = Input{Backup: a.progress.Drill.Backup, Policy: Skip, Zone: drillZone}
	if err := a.open(ctx, func() (File, error) { return d.Backups.Open(ctx, a.run.User, a.input.Backup) }); err != nil {
		return err
	}
	if err := d.make(ctx, a, note); err != nil {
		return err
	}
	a.target.uri = note.uri()
	if err := a.restore(ctx); err != nil {
		return err
	}
	a.run.Progress = run.NewProgress("comparing", 0, 0)
	if err := a.commit(ctx); err != nil { // the lease is still ours
		return err
	}
	var c Comparison
	look := func() (same bool, err error) {
		if c, err = read(ctx, a, func() (Comparison, error) { return a.compare(ctx) }); err != nil {
			return false, fmt.Errorf("compare the copy with the backup: %w", err)
		}
		return c.Differing == 0, nil
	}
	if same, err := look(); err != nil {
		return err
	} else if settles := a.target.settles(); !same && settles > 0 { // it need not show yet what was written last
		if err := a.patience.Pause(ctx, settles); err != nil {
			return err
		}
		if _, err := look(); err != nil {
			return err
		}
	}
	if err := a.compareCalendar(ctx, &c); err != nil {
		return fmt.Errorf("compare the iCalendar file with the backup: %w", err)
	}
	a.progress.Drill.Compared = &c
	return a.commit(ctx)
}

// scratch is the note of a scratch calendar that is there, or may be.
type scratch struct {
	Run      string `json:"run"`
	Provider string `json:"provider"`
	Account  string `json:"account"`
	Name     string `json:"name"`
	ID       string `json:"id"` // empty: it was not known yet whether it is there
	// Tries counts how often it could not be deleted for a passing reason.
	Tries int `json:"tries,omitempty"`
}

// mostTries is after how many tries a scratch calendar that cannot be deleted stays: Microsoft 365 does not delete some calendars. Each later
// drill tries once more.
const mostTries = 3

// errLeft is the failure to delete a scratch calendar after mostTries tries.
var errLeft = errors.New("restore: the scratch calendar cannot be deleted")

// scratchName is a name that shows a person what the calendar is, and us whose: no other calendar has the run's id in its name.
func scratchName(r *run.Run) string {
	return "Restore drill " + r.Created.UTC().Format(time.DateOnly) + " " + r.ID
}

func (n *scratch) uri() calendar.URI {
	return calendar.URI{Provider: n.Provider, Account: n.Account, Calendar: n.ID}
}

const scratchPrefix = "SCRATCH#"

func scratchKey(user, run string) store.Key {
	return store.OfUser(user, scratchPrefix+run)
}

// put notes the scratch calendar, in the place of what an earlier attempt noted.
func (n *scratch) put(ctx context.Context, t store.Table, user string) error {
	var unknown store.Unknown
	item, err := t.Get(ctx, scratchKey(user, n.Run))
	if err == nil {
		unknown, _ = store.Decode(item.Data, &scratch{}) // of one that is unreadable nothing stays
	} else if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read the note of the scratch calendar: %w", err)
	}
	data, err := unknown.Encode(n)
	if err != nil {
		return fmt.Errorf("note the scratch calendar: %w", err)
	}
	if _, err := t.Put(ctx, store.Item{Key: scratchKey(user, n.Run), Data: data}, store.Any()); err != nil {
		return fmt.Errorf("note the scratch calendar: %w", err)
	}
	return nil
}

// make makes the scratch calendar, or finds the one that an earlier attempt made. It is noted before it is there.
func (d *Drill) make(ctx context.Context, a *attempt, note *scratch) (err error) {
	uri := note.uri()
	uri.Calendar = note.Name
	if a.target.Provider, err = d.Provider(ctx, a.run.User, uri); err != nil {
		return err
	}
	if err := note.put(ctx, d.Table, a.run.User); err != nil {
		return err
	}
	info, err := run.Retry(ctx, a.patience, func() (calendar.Info, error) {
		info, err := a.target.Calendar(ctx, uri)
		if errors.Is(err, calendar.ErrNotFound) {
			info, err = a.target.CreateCalendar(ctx, uri)
		}
		return info, err
	})
	if err != nil {
		return fmt.Errorf("make a scratch calendar: %w", err)
	}
	note.ID = info.ID
	return note.put(ctx, d.Table, a.run.User)
}

// remove deletes the scratch calendar that is noted, and then the note. It deletes no calendar but one that has both the id and the name of the
// note, or the name alone where no calendar has the id any more: ids change, and no other calendar has the run's id in its name. One that is gone, or
// that somebody has given another name, is forgotten. errLeft: the calendar stays.
func (d *Drill) remove(ctx context.Context, a *attempt, user string, note *scratch) error {
	item, err := d.Table.Get(ctx, scratchKey(user, note.Run))
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the note of the scratch calendar: %w", err)
	}
	var noted scratch
	if err := json.Unmarshal(item.Data, &noted); err != nil {
		return fault.New(fault.Malformed, "the note of a scratch calendar is unreadable: %v", err)
	}
	p, err := d.Provider(ctx, user, noted.uri())
	if err != nil {
		return err
	}
	_, err = run.Retry(ctx, a.patience, func() (struct{}, error) {
		list, err := p.Calendars(ctx, noted.Account)
		if err != nil {
			return struct{}{}, err
		}
		known := slices.ContainsFunc(list, func(c calendar.Info) bool { return c.ID == noted.ID })
		for _, c := range list {
			if !calendar.SameName(c.Name, noted.Name) || known && c.ID != noted.ID || c.Primary {
				continue
			}
			if err := p.DiscardCalendar(ctx, noted.Account, c.ID); err != nil && !errors.Is(err, calendar.ErrNotFound) {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
	if err != nil && fault.Of(err) == fault.Unavailable && ctx.Err() == nil {
		noted.Tries++
		if err := noted.put(ctx, d.Table, user); err != nil {
			return err
		}
		if noted.Tries >= mostTries {
			return fault.Wrap(fault.Conflict, fmt.Errorf("%w in %d tries: delete %q by hand", errLeft, noted.Tries, noted.Name))
		}
	}
	if err != nil {
		return err
	}
	return store.Remove(ctx, d.Table, item.Key)
}

// sweep removes the scratch calendars of the user's drills that have ended: of workers that died, and of runs that were cancelled.
func (d *Drill) sweep(ctx context.Context, a *attempt, user string) error {
	items, err := store.All(ctx, d.Table, store.Query{PK: store.UserPartition(user), Prefix: scratchPrefix})
	if err != nil {
		return fmt.Errorf("look for scratch calendars: %w", err)
	}
	for _, item := range items {
		id := item.SK[len(scratchPrefix):]
		of, err := a.runs().Get(ctx, user, id)
		if err != nil && fault.Of(err) != fault.NotFound {
			return err
		}
		if err == nil && !of.State.Ended() {
			continue
		}
		if err := d.remove(ctx, a, user, &scratch{Run: id}); err != nil {
			if errors.Is(err, run.ErrHandOn) || fault.Of(err).Transient() {
				return err
			}
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Str("of", id).Msg("scratch calendar not removed") // it must not keep the others from their drill
		}
	}
	return nil
}

// Ended removes what a drill has left behind when it was cancelled, or failed by somebody else. It has to be called as
// run.Worker.Ended is. What cannot be removed now stays noted for the next drill.
func (d *Drill) Ended(ctx context.Context, r *run.Run) error {
	if r.Kind != run.Drill {
		return nil
	}
	if err := d.remove(ctx, d.attempt(r), r.User, &scratch{Run: r.ID}); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("scratch calendar not removed")
	}
	return nil
}

// endDrill ends a drill. left says why its scratch calendar is still there; nil: it is gone.
func (a *attempt) endDrill(ctx context.Context, left error) (err error) {
	c, compared := a.progress.Counts, a.progress.Drill.Compared
	state := run.Succeeded
	switch {
	case !c.Balanced():
		state, a.run.Problem = run.Failed, run.NewProblem(errUnbalanced(c))
	case compared.Differing > 0:
		state, a.run.Problem = run.Failed, run.NewProblem(fault.New(fault.Conflict,
			"what was restored from backup %s differs in %d of %d events; the run's result names them", a.progress.Drill.Backup, compared.Differing, compared.Compared))
	case left != nil:
		state, a.run.Problem = run.Partial, run.NewProblem(left)
	}
	if a.run.Result, err = json.Marshal(DrillResult{
		Backup: a.progress.Drill.Backup, Restored: c, Otherwise: a.progress.Drill.Otherwise, Comparison: *compared,
	}); err != nil {
		return fmt.Errorf("store the result: %w", err)
	}
	if err := a.finish(ctx, state); err != nil {
		return err
	}
	zerolog.Ctx(ctx).Info().Str("state", string(state)).Int("compared", compared.Compared).Int("differing", compared.Differing).Msg("drill finished")
	return nil
}
