package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Claim notes on open actions that a run is about to answer them, so that of two answers one counts. Either all are claimed or, with an error, some may be:
// Release gives them free. claimant says whether a run that claimed an action before is there, and still under way: the claim of one that has ended is
// none, nor is that of one that was not started soon. An action that is not there is of kind fault.NotFound; one that is not open, or that another run is
// about to answer, is a *Taken.
func (s *Actions) Claim(ctx context.Context, user, run string, ids []string, claimant Claimant) ([]*Action, error) {
	runs := map[string]bool{} // those that claimed some of the actions before: whether they may still be about to answer them
	for range attempts {
		actions, err := s.Many(ctx, user, ids)
		if err != nil {
			return nil, err
		}
		var ops [][]store.Op
		for _, a := range actions {
			if a.Deciding == run {
				continue
			}
			by := a.Deciding
			if by != "" {
				about, known := runs[by]
				if !known {
					there, under, err := claimant(ctx, by)
					if err != nil {
						return nil, err
					}
					about = under || !there && s.clock().Sub(a.Claimed) < starting
					runs[by] = about
				}
				if !about {
					by = ""
				}
			}
			if a.State != Open || by != "" {
				return nil, &Taken{Action: a, By: by}
			}
			a.Deciding, a.Claimed = run, s.clock().UTC()
			ops = append(ops, []store.Op{a.op()})
		}
		if err = s.inParts(ctx, ops); err == nil {
			for _, a := range actions {
				a.stored++
			}
			return actions, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("claim actions: %w", err)
		}
	}
	return nil, errBusy
}

// Claimant says of a run by its id whether it is there, and whether it is under way.
type Claimant func(ctx context.Context, run string) (there, under bool, err error)

// starting is how long it may take until a run is stored that claimed actions.
const starting = time.Minute

// Taken says that an action cannot be answered any more: it is not open, or a run is about to answer it.
type Taken struct {
	Action *Action
	By     string // id of the run; empty: the action is not open
}

// Error implements error.
func (t *Taken) Error() string {
	if t.By != "" {
		return fmt.Sprintf("action %s is being decided by run %s", t.Action.ID, t.By)
	}
	text := fmt.Sprintf("action %s is %s already", t.Action.ID, t.Action.State)
	if n := len(t.Action.History); n > 0 && t.Action.History[n-1].Why != "" {
		text += ", by " + t.Action.History[n-1].Why
	}
	return text
}

// Unwrap gives it its kind.
func (t *Taken) Unwrap() error { return errTaken }

var errTaken = fault.New(fault.Conflict, "the action is decided already")

// Release gives free what a run claimed and does not answer. It may be called any number of times.
func (s *Actions) Release(ctx context.Context, user, run string, ids []string) error {
	return s.each(ctx, user, ids, func(a *Action) []store.Op {
		if a.Deciding != run {
			return nil
		}
		a.Deciding, a.Claimed = "", time.Time{}
		return []store.Op{a.op()}
	})
}

// AnswerMany resolves open actions by what the user decided, some in each request; why is the id of the run that carried it out. Actions that are not open
// stay as they are, those that are gone are left out.
func (s *Actions) AnswerMany(ctx context.Context, user, by, why string, ids []string) error {
	return s.each(ctx, user, ids, func(a *Action) []store.Op {
		if a.State != Open {
			return nil
		}
		a.Deciding, a.Claimed = "", time.Time{}
		a.changed(Change{At: s.clock().UTC(), State: Resolved, By: by, Why: why})
		ops := []store.Op{a.op()}
		if a.asks() {
			row := openKey(user, a.Config, a.Cause)
			ops = append(ops, store.Op{Delete: &row})
		}
		return ops
	})
}

// each changes actions and the notes of their causes, as many at once as fit into a transaction.
func (s *Actions) each(ctx context.Context, user string, ids []string, change func(*Action) []store.Op) error {
	for range attempts {
		actions, err := s.there(ctx, user, ids)
		if err != nil {
			return err
		}
		keys := make([]store.Key, len(actions))
		for i, a := range actions {
			keys[i] = causeKey(user, a.Cause)
		}
		notes := map[store.Key]*note{}
		if len(keys) > 0 {
			items, err := s.table.GetMany(ctx, keys)
			if err != nil {
				return fmt.Errorf("read what raised actions: %w", err)
			}
			for _, item := range items {
				notes[item.Key] = decodeNote(ctx, item)
			}
		}
		var ops [][]store.Op
		for _, a := range actions {
			some := change(a)
			if n := notes[causeKey(user, a.Cause)]; len(some) > 0 && n != nil && n.Action == a.ID && n.Open && a.State != Open {
				n.Open = false
				some = append(some, n.op(user, a.Cause, a.Updated))
			}
			ops = append(ops, some)
		}
		if err = s.inParts(ctx, ops); err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("store actions: %w", err)
		}
	}
	return errBusy
}

// inParts carries out operations, those of as many actions in each transaction as fit.
func (s *Actions) inParts(ctx context.Context, ofActions [][]store.Op) error {
	var ops []store.Op
	for i, some := range ofActions {
		ops = append(ops, some...)
		if len(ops) > 0 && (i == len(ofActions)-1 || len(ops)+len(ofActions[i+1]) > store.MaxTransact) {
			if err := s.table.Transact(ctx, ops); err != nil {
				return err
			}
			ops = nil
		}
	}
	return nil
}

// Many returns a user's actions in the order of their ids; one that is not there is of kind fault.NotFound.
func (s *Actions) Many(ctx context.Context, user string, ids []string) ([]*Action, error) {
	actions, err := s.there(ctx, user, ids)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, a := range actions {
		known[a.ID] = true
	}
	for _, id := range ids {
		if !known[id] {
			return nil, fault.New(fault.NotFound, "there is no action %s", id)
		}
	}
	return actions, nil
}

// there returns those of a user's actions that are there and readable.
func (s *Actions) there(ctx context.Context, user string, ids []string) ([]*Action, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]store.Key, len(ids))
	for i, id := range ids {
		keys[i] = actionKey(user, id)
	}
	items, err := s.table.GetMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read actions: %w", err)
	}
	return readable(ctx, items), nil
}
