package run

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"

	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
)

// This file is the one place that decides whether a request to a provider is repeated, and when.

const (
	// attempts is how often a request is made in one attempt at the run, and nothing comes of it, before the rest is left to redelivery.
	attempts = 5
	// longestWait is how long a run waits within a worker when the provider says for how long; it is handed on for more.
	longestWait = time.Minute
	// shortestBackOff and longestBackOff are between attempts when the provider does not say.
	shortestBackOff, longestBackOff = 250 * time.Millisecond, 15 * time.Second
)

// Patience decides for one worker's attempt at a run how often and when requests are repeated.
type Patience struct {
	Clock func() time.Time
	// HandOn is how long before the context's deadline the run stops and hands the rest on.
	HandOn time.Duration
	// Retries is how many requests were repeated.
	Retries int
}

// Late says whether it is time to hand the run on.
func (p *Patience) Late(ctx context.Context) bool { return p.leaves(ctx, 0) }

// leaves says whether it is time to hand the run on in a while.
func (p *Patience) leaves(ctx context.Context, after time.Duration) bool {
	deadline, ok := ctx.Deadline()
	return ok && deadline.Sub(p.Clock())-after < p.HandOn
}

// Retry makes a request while it fails for a passing reason, with full jitter, or when the provider says. It returns ErrHandOn when
// that is too long for this worker.
func Retry[T any](ctx context.Context, p *Patience, request func() (T, error)) (T, error) {
	trial := p.Trial()
	for {
		v, err := request()
		if err == nil {
			return v, nil
		}
		if err := trial.Again(ctx, err); err != nil {
			return v, err
		}
	}
}

// Trial is one request with all its repeats.
type Trial struct {
	*Patience
	wait *backoff.ExponentialBackOff
	made int
}

// Trial begins one.
func (p *Patience) Trial() *Trial {
	return &Trial{Patience: p, wait: pause.Growing(shortestBackOff, longestBackOff)}
}

// Again waits before the request that failed with err is repeated: for as long as the provider asked, else by the back-off. Otherwise it
// returns the error that ends the trial: err itself when it is final, or was the last of too many, and ErrHandOn with the delay
// when that is too long for this worker.
func (t *Trial) Again(ctx context.Context, err error) error {
	if t.made++; !fault.Of(err).Transient() || t.made == attempts {
		return err
	}
	t.Retries++
	d := t.wait.NextBackOff()
	if asked := RetryAfter(err); asked > 0 {
		d = asked
	}
	if d > longestWait || t.leaves(ctx, d) {
		return HandOnAfter(d)
	}
	if pause.For(ctx, d) != nil {
		return err
	}
	return nil
}

// Went says that something came of the last try though it failed, so that the tries before it do not count. Where much is asked for in one request, some
// of it may fail for a passing reason each time.
func (t *Trial) Went() { t.made = 0 }

// Pause waits for a while, or returns ErrHandOn when that is too long for this worker.
func (p *Patience) Pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	if p.leaves(ctx, d) {
		return HandOnAfter(d)
	}
	if err := pause.For(ctx, d); err != nil {
		return fmt.Errorf("wait for the calendar: %w", err)
	}
	return nil
}

// RetryAfter returns how long a provider asked to wait; 0 if it did not say.
func RetryAfter(err error) time.Duration {
	var asks interface{ RetryAfter() time.Duration }
	if errors.As(err, &asks) {
		return asks.RetryAfter()
	}
	return 0
}
