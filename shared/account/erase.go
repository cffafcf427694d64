package account

import (
	"context"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Erasure is one pass at erasing a user's data.
type Erasure struct {
	User  string    // whose: Principal.Key
	By    string    // who asked for this pass: Principal.Key
	Begun time.Time // when the user was marked
	// Last says that nobody can be at work for the user any more who began before the mark; all that is found now goes. In an
	// earlier pass a step may keep what tells those that are still at work to stop.
	Last bool
}

// Step erases what one package keeps of a user. It has to be idempotent, to hold no more than a page of anything in memory, and to get
// further with every call, however soon that is cut short.
type Step struct {
	Name  string // for the user and the log
	Erase func(context.Context, Erasure) error
}

const (
	// latecomers is how long after the mark somebody may still be at work who does not know of it: a worker lasts up to 15 minutes, a
	// request that another process has let in half a minute longer than Admit remembers.
	latecomers = 16 * time.Minute
	// eraseFor is how long one call works, less than the 29 seconds that a function has for a request.
	eraseFor = 20 * time.Second
)

// Eraser erases all that is kept of a user. It first marks the profile, so that the user is refused, and takes everything personal out of
// it. Then it does the steps, in their order. When all of them were done once more after everybody who did not know of the mark has
// stopped, it removes what else lies in the user's own partition, and what remains of the profile is that the user was erased.
//
// One call works for some seconds; what it does not finish, the next one goes on with.
type Eraser struct {
	users  *Users
	steps  []Step
	within time.Duration
}

// NewEraser returns an eraser with these steps. What starts new work for a user should come first.
func NewEraser(users *Users, steps ...Step) *Eraser {
	return &Eraser{users: users, steps: steps, within: eraseFor}
}

// Progress says how far an erasure is.
type Progress struct {
	Done  bool
	Begun time.Time // zero when it was done before this call
	// Step is what it was at when its time was up; empty when it got through all.
	Step string
	// Again is from when on the next call goes on; zero when it is done.
	Again time.Time
}

// Erase erases the data of a user of by's tenant, or goes on with it; of a user who was erased it is done. One who is not there is of
// kind fault.NotFound. After another error the user stays marked, and the next call goes on.
func (e *Eraser) Erase(ctx context.Context, by Principal, object string) (Progress, error) {
	p, err := e.users.leave(ctx, by.Tenant, object)
	if err != nil || p.State() == Erased {
		return Progress{Done: err == nil}, err
	}
	now := e.users.clock()
	last := p.Erasing.Add(latecomers)
	pass := Erasure{User: Principal{Tenant: by.Tenant, Object: object}.Key(), By: by.Key(), Begun: p.Erasing, Last: !now.Before(last)}
	working, cancel := context.WithTimeout(ctx, e.within)
	defer cancel()
	steps := append([]Step{{"secrets", e.secrets}}, e.steps...)
	if pass.Last {
		steps = append(steps, Step{"profile", e.rest})
	}
	for _, s := range steps {
		err := s.Erase(working, pass)
		switch {
		case err != nil && working.Err() != nil && ctx.Err() == nil:
			return Progress{Begun: p.Erasing, Step: s.Name, Again: e.users.clock()}, nil
		case err != nil:
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Str("erased_user", telemetry.Hash(pass.User)).Str("step", s.Name).Msg("erasure interrupted")
			return Progress{}, fault.New(fault.Of(err), "the erasure is not finished; ask for it again to go on: %w", fmt.Errorf("%s: %w", s.Name, err))
		}
	}
	log := zerolog.Ctx(ctx).Info().Str("erased_user", telemetry.Hash(pass.User))
	if !pass.Last {
		log.Msg("erasure waits for its last pass")
		return Progress{Begun: p.Erasing, Again: last}, nil
	}
	if err := e.users.left(ctx, by.Tenant, object); err != nil {
		return Progress{}, err
	}
	log.Msg("user erased")
	return Progress{Done: true, Begun: p.Erasing}, nil
}

// secrets removes what packages keep sealed for a user, at USER#<user> / SECRET#<name>.
func (e *Eraser) secrets(ctx context.Context, pass Erasure) error {
	return store.Clear(ctx, e.users.table, store.Query{PK: store.UserPartition(pass.User), Prefix: "SECRET#"})
}

// rest removes all of a user's own partition but the profile.
func (e *Eraser) rest(ctx context.Context, pass Erasure) error {
	for _, q := range []store.Query{{To: profileSK}, {From: profileSK + "\x00"}} {
		q.PK = store.UserPartition(pass.User)
		if err := store.Clear(ctx, e.users.table, q); err != nil {
			return err
		}
	}
	return nil
}
