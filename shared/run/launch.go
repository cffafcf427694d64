package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Launcher starts runs of users, each by the queue of its kind.
type Launcher struct {
	Kinds    Kinds
	Starters map[QueueName]*Starter
	Clock    func() time.Time
	NewID    func() string
}

// Launch starts a run of a user's, which gets an id if it has none. If the same is under way, that run is returned, and created is false.
func (l *Launcher) Launch(ctx context.Context, user string, r *Run) (_ *Run, created bool, err error) {
	if r.ID == "" {
		r.ID = l.NewID()
	}
	r.User, r.State = user, Queued
	r.Progress, r.Correlation, r.Created = NewProgress("queued", 0, 0), telemetry.Correlation(ctx), l.Clock().UTC()
	return l.Starters[l.Kinds.Of(r.Kind).Queue].Start(ctx, r)
}

// Errors of Again and Cancel, with a text for the user. They are of kind fault.Conflict.
var (
	ErrUnderWay = errors.New("the run has not ended yet")
	ErrNoRetry  = errors.New("the run has nothing that could be tried again")
	ErrEnded    = errors.New("the run has ended")
)

// refused is one of these errors, in words.
type refused struct {
	text string
	is   error
}

func (r *refused) Error() string { return r.text }
func (r *refused) Unwrap() error { return r.is }

func refuse(as error, format string, args ...any) error {
	return fault.Wrap(fault.Conflict, &refused{fmt.Sprintf(format, args...), as})
}

// Again returns a run, which is not stored, that tries the failed items of one again: ErrUnderWay if that has not ended, ErrNoRetry if there are none, or
// its kind is done as a whole.
func (k Kinds) Again(r *Run) (*Run, error) {
	switch {
	case !r.State.Ended():
		return nil, refuse(ErrUnderWay, "run %s has not ended yet; it is %s", r.ID, r.State)
	case !k.Of(r.Kind).Retries:
		return nil, refuse(ErrNoRetry, "run %s is a %s, which is done as a whole; start another one", r.ID, r.Kind)
	case r.Failed == 0:
		return nil, refuse(ErrNoRetry, "run %s has no failed items; start a new run for the whole window", r.ID)
	}
	return &Run{
		Kind: r.Kind, Config: r.Config, Calendar: r.Calendar, From: r.From, To: r.To, Options: r.Options, Input: r.Input, AttemptOf: r.ID,
	}, nil
}

// cancelAttempts is how often a cancellation is tried while the run makes progress.
const cancelAttempts = 5

// Cancel ends a user's run that has not ended, else ErrEnded. A worker that is at it finds out with its next write, which then does not happen.
func (s *Store) Cancel(ctx context.Context, user, id string, now time.Time) (*Run, error) {
	for range cancelAttempts {
		r, err := s.Get(ctx, user, id)
		if err != nil {
			return nil, err
		}
		if r.State.Ended() {
			return nil, refuse(ErrEnded, "run %s has ended already: %s", r.ID, r.State)
		}
		if err = s.Finish(ctx, r, Cancelled, now); !errors.Is(err, store.ErrConflict) {
			return r, err
		}
	}
	return nil, fault.New(fault.Conflict, "run %s makes progress all the time; try again", id)
}
