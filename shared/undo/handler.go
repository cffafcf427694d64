package undo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// Undoer undoes the runs of some kinds.
type Undoer interface {
	// Plan says what a run of kind undo would do that is not stored. It writes nothing.
	Plan(ctx context.Context, r *run.Run, in Input) (Plan, error)
	run.Handler
}

// Undoers plan the undoing of runs of all kinds, and carry it out.
type Undoers struct {
	Runs  *run.Store
	Kinds run.Kinds
	// Of are who undoes; see run.Description.Undo.
	Of map[run.Undoing]Undoer
	// Blind says that calendars cannot be looked into here, so that there are no plans: the runs themselves find out whether things have changed.
	Blind bool
}

var _ run.Handler = (*Undoers)(nil)

// Errors of Plan and Confirmed. They are of kind fault.Conflict.
var (
	ErrUnderWay = errors.New("the run has not ended yet")
	ErrNothing  = errors.New("there is nothing to undo")
	ErrChanged  = errors.New("something changed since the user saw the plan")
)

// Asked is how a user wants a run undone.
type Asked struct {
	Cascade  bool // also the later runs that stand in the way
	Force    bool // also what was changed in the calendar since
	DryRun   bool
	PlanHash string // of what the user saw
}

// New returns a run, which is not stored, that undoes the user's run of that id. A run that has not ended is ErrUnderWay; one that wrote nothing, or is of
// a kind that writes nothing, ErrNothing.
func (u *Undoers) New(ctx context.Context, user, id string, asked Asked) (*run.Run, Input, error) {
	of, err := u.Runs.Get(ctx, user, id)
	if err != nil {
		return nil, Input{}, err
	}
	in := Input{Run: of.ID, Runs: []string{of.ID}, Of: u.Kinds.Of(of.Kind).Undo, Cascade: asked.Cascade, PlanHash: asked.PlanHash}
	if of.Kind == run.Undo {
		before, err := InputOf(of)
		if err != nil {
			return nil, Input{}, err
		}
		in.Of = before.Of
	}
	switch {
	case !of.State.Ended():
		return nil, Input{}, refuse(ErrUnderWay, "run %s has not ended yet; it is %s", of.ID, of.State)
	case u.Of[in.Of] == nil:
		return nil, Input{}, refuse(ErrNothing, "run %s is of kind %s, of which there is nothing to undo", of.ID, of.Kind)
	case of.Options.DryRun:
		return nil, Input{}, refuse(ErrNothing, "run %s was a dry run, which wrote nothing", of.ID)
	}
	r := &run.Run{
		User: user, Kind: run.Undo, Config: of.Config, Calendar: of.Calendar, From: of.From, To: of.To,
		Options: run.Options{Force: asked.Force, DryRun: asked.DryRun},
	}
	return r, in, in.into(r)
}

// into makes the input that of a run.
func (in *Input) into(r *run.Run) (err error) {
	if r.Input, err = json.Marshal(in); err != nil {
		return fmt.Errorf("store what is to be undone: %w", err)
	}
	return nil
}

// Names notes in a run which runs it undoes, before it begins: whoever goes on with it undoes the same.
func (in Input) Names(r *run.Run, runs []string) error {
	in.Runs, in.Cascade = runs, false
	return in.into(r)
}

// Plan is New with what the run would do. One that would find nothing is ErrNothing.
func (u *Undoers) Plan(ctx context.Context, user, id string, asked Asked) (*run.Run, Plan, error) {
	r, in, err := u.New(ctx, user, id, asked)
	if err != nil {
		return nil, Plan{}, err
	}
	if u.Blind {
		return nil, Plan{}, fault.New(fault.Conflict, "calendars cannot be looked into here; ask for a dry run")
	}
	plan, err := u.Of[in.Of].Plan(ctx, r, in)
	if err != nil {
		return nil, Plan{}, err
	}
	if plan.Counts.Participants == 0 {
		return nil, Plan{}, refuse(ErrNothing, "run %s wrote nothing, so that there is nothing to undo", id)
	}
	return r, plan, nil
}

// Confirmed is New for what the user saw and wants: asked has the hash of that plan. If something changed since it is ErrChanged; where calendars cannot be
// looked into, the run itself finds that out.
func (u *Undoers) Confirmed(ctx context.Context, user, id string, asked Asked) (*run.Run, error) {
	r, _, err := u.New(ctx, user, id, asked)
	switch {
	case err != nil:
		return nil, err
	case asked.PlanHash == "":
		return nil, fault.Field("plan_hash", "is missing: ask with preview=true or dry_run first, and give the plan_hash of what you saw")
	case u.Blind:
		return r, nil
	}
	_, plan, err := u.Plan(ctx, user, id, asked)
	if err == nil && plan.Hash != asked.PlanHash {
		err = refuse(ErrChanged, "something changed since you saw what would be undone; look again, and start it again")
	}
	return r, err
}

// refuse returns an error that says what it says, and is one of those above.
func refuse(as error, format string, args ...any) error {
	return fault.Wrap(fault.Conflict, &refusal{fmt.Sprintf(format, args...), as})
}

type refusal struct {
	text string
	is   error
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.is }

// Run implements run.Handler.
func (u *Undoers) Run(ctx context.Context, r *run.Run) error {
	in, err := InputOf(r)
	if err != nil {
		return err
	}
	undoer := u.Of[in.Of]
	if undoer == nil {
		return fault.New(fault.Malformed, "run %s is to undo what nobody undoes", r.ID)
	}
	return undoer.Run(ctx, r)
}
