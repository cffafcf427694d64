// Package pause waits: for some time, or between attempts.
package pause

import (
	"context"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// For returns after d, or with the error of ctx when that ends before.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Growing returns pauses with full jitter: each is random between zero and twice a mean, which grows from first to longest.
func Growing(first, longest time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.RandomizationFactor = first, longest, 1
	return b
}
