package archive

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
	"adminassistant/shared/run"
)

// This file is the one place that decides whether a request to a provider is made again, and when.

const (
	// attempts is how often a request is made in one attempt at the run before the rest is left to redelivery.
	attempts = 5
	// longestWait is how long a run waits within a worker when the provider says for how long; it is handed on for more.
	longestWait = time.Minute
	// firstPause and longestPause are between attempts when the provider does not say.
	firstPause, longestPause = 250 * time.Millisecond, 15 * time.Second
)

// retry makes a request while it fails for a passing reason, with full jitter, or when the provider says.
func retry[T any](ctx context.Context, x *execution, request func() (T, error)) (T, error) {
	wait := pause.Growing(firstPause, longestPause)
	for attempt := 1; ; attempt++ {
		v, err := request()
		if err == nil || !fault.Of(err).Transient() || attempt == attempts {
			return v, err
		}
		if err := x.pause(ctx, wait, err); err != nil {
			return v, err
		}
	}
}

// pause waits before a request is made again: for as long as the provider asked, else by the back-off. What is too long for this
// worker is handed on with that delay.
func (x *execution) pause(ctx context.Context, wait *backoff.ExponentialBackOff, cause error) error {
	x.retries++
	d := wait.NextBackOff()
	if asked := retryAfter(cause); asked > 0 {
		d = asked
	}
	if deadline, ok := ctx.Deadline(); d > longestWait || ok && deadline.Sub(x.Clock())-d < x.HandOn {
		return run.HandOnAfter(d)
	}
	if pause.For(ctx, d) != nil {
		return cause
	}
	return nil
}

// retryAfter returns how long a provider asked to wait; 0 if it did not say.
func retryAfter(err error) time.Duration {
	var asks interface{ RetryAfter() time.Duration }
	if errors.As(err, &asks) {
		return asks.RetryAfter()
	}
	return 0
}

// cost sums up what the attempt asked of others; storing the result is one more request to the store.
func (x *execution) cost() Cost {
	c := Cost{Store: x.table.Requests() + 1, Retries: x.retries}
	for i, p := range []calendar.Provider{x.source, x.target} {
		m, ok := p.(metered)
		if !ok || i == 1 && x.target == x.source {
			continue
		}
		t := m.Stats()
		c.Traffic.Requests += t.Requests
		c.Traffic.SubRequests += t.SubRequests
		c.Traffic.Up += t.Up
		c.Traffic.Down += t.Down
		c.Traffic.Throttled += t.Throttled
	}
	return c
}
