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
}

var _ run.Handler = (*Undoers)(nil)

// Errors of Plan. They are of kind fault.Conflict.
var (
	ErrUnderWay = errors.New("the run has not ended yet")
	ErrNothing  = errors.New("there is nothing to undo")
)

// Plan returns a run, which is not stored, that undoes the user's run of that id, and what it would do. A run that has not ended is ErrUnderWay,
// one that wrote nothing, or is of a kind that writes nothing, ErrNothing.
func (u *Undoers) Plan(ctx context.Context, user, id string, cascade, force bool) (*run.Run, Plan, error) {
	of, err := u.Runs.Get(ctx, user, id)
	if err != nil {
		return nil, Plan{}, err
	}
	in := Input{Run: of.ID, Of: u.Kinds.Of(of.Kind).Undo, Cascade: cascade}
	if of.Kind == run.Undo {
		before, err := InputOf(of)
		if err != nil {
			return nil, Plan{}, err
		}
		in.Of = before.Of
	}
	undoer := u.Of[in.Of]
	switch {
	case !of.State.Ended():
		return nil, Plan{}, refuse(ErrUnderWay, "run %s has not ended yet; it is %s", of.ID, of.State)
	case undoer == nil:
		return nil, Plan{}, refuse(ErrNothing, "run %s is of kind %s, of which there is nothing to undo", of.ID, of.Kind)
	case of.Options.DryRun:
		return nil, Plan{}, refuse(ErrNothing, "run %s was a dry run, which wrote nothing", of.ID)
	}
	r := &run.Run{
		User: user, Kind: run.Undo, Config: of.Config, Calendar: of.Calendar, From: of.From, To: of.To, Options: run.Options{Force: force}, Created: of.Created,
	}
	plan, err := undoer.Plan(ctx, r, in)
	if err != nil {
		return nil, Plan{}, err
	}
	if plan.Counts.Participants == 0 {
		return nil, Plan{}, refuse(ErrNothing, "run %s wrote nothing, so that there is nothing to undo", of.ID)
	}
	in.Runs, in.PlanHash = plan.Runs, plan.Hash
	if r.Input, err = json.Marshal(in); err != nil {
		return nil, Plan{}, err
	}
	return r, plan, nil
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
