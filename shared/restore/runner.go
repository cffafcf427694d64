package restore

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
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
	Archives func(ctx context.Context, user string) ([]calendar.Named, error)
	// Known returns a calendar with what it was known by when it was found before; nil: nothing is known of any.
	Known func(ctx context.Context, user string, uri calendar.URI) (calendar.Named, error)
	Clock func() time.Time
	NewID func() string
	// LeaseFor is how long the calendar stays reserved after the last sign of life.
	LeaseFor time.Duration
	// HandOn is how long before the context's deadline the run stops and hands the rest on.
	HandOn time.Duration
}

var _ run.Handler = (*Runner)(nil)

// attempt is one worker's attempt at a run.
type attempt struct {
	*Runner
	run      *run.Run
	patience *run.Patience
	input    Input
	source   source
	target   target
	hold     *run.Hold
	progress progress
	note     *restoring // nil: of a drill
	drafting drafting
	// resumed says that another attempt came before this one.
	resumed bool
	// drill says that what becomes of each thing is shown by comparing, and not by items.
	drill bool
	// otherwise says by what else the calendar was found than by what the run names it by; empty: by that.
	otherwise string
}

// source is what is restored.
type source struct {
	File
	zones []calendar.Zone // that only the file explains
}

func (r *Runner) attempt(rn *run.Run) *attempt {
	return &attempt{Runner: r, run: rn, patience: &run.Patience{Clock: r.Clock, HandOn: r.HandOn}}
}

func (a *attempt) runs() *run.Store { return run.NewStore(a.Table) }

// Run carries a run out, or on where another worker left it. A run that fails for a reason of its own ends as failed, and the
// error is nil; see run.Handler for the others.
func (r *Runner) Run(ctx context.Context, rn *run.Run) (err error) {
	a := r.attempt(rn)
	defer func() {
		if err != nil {
			a.release(ctx)
		}
	}()
	if err := json.Unmarshal(rn.Input, &a.input); err != nil {
		return fault.New(fault.Malformed, "what run %s is to restore is unreadable: %v", rn.ID, err)
	}
	if err := a.input.Check(); err != nil {
		return err
	}
	if a.target.uri, err = calendar.ParseURI(rn.Calendar); err != nil {
		return err
	}
	if err := a.open(ctx, func() (File, error) { return r.Open(ctx, rn.User, a.input) }); err != nil {
		return err
	}
	if err := a.inPeriod(); err != nil {
		return err
	}
	if err := a.restore(ctx); err != nil {
		return err
	}
	return a.end(ctx)
}

// open opens what is restored.
func (a *attempt) open(ctx context.Context, file func() (File, error)) (err error) {
	if a.source.File, err = file(); err != nil {
		return fmt.Errorf("open what is to be restored: %w", err)
	}
	if a.source.zones, err = a.source.Zones(ctx); err != nil {
		return fmt.Errorf("read what is to be restored: %w", err)
	}
	return nil
}

// restore puts the file into the calendar; what has become of each thing is then in progress and stored.
func (a *attempt) restore(ctx context.Context) (err error) {
	if a.progress, err = loadProgress(ctx, a.Table, a.run.ID); err != nil {
		return err
	}
	a.resumed = a.progress.version > 0
	if err := a.findCalendar(ctx); err != nil {
		return err
	}
	if err := a.begin(ctx); err != nil {
		return err
	}
	if !a.progress.Planned {
		if err := a.makePlan(ctx); err != nil {
			return err
		}
	}
	return a.carryOut(ctx)
}

// release gives the calendar free after an attempt that did not end the run.
func (a *attempt) release(ctx context.Context) {
	if a.hold != nil {
		a.hold.Release(ctx)
	}
}
