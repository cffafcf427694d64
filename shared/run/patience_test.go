package run

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"adminassistant/shared/fault"
)

// asking is a failure that says when to come again.
type asking struct {
	error
	after time.Duration
}

func (a asking) RetryAfter() time.Duration { return a.after }
func (a asking) Unwrap() error             { return a.error }

func TestPatience(t *testing.T) {
	passing, final := fault.New(fault.Unavailable, "down"), fault.New(fault.Invalid, "wrong")
	after := func(d time.Duration) error { return asking{passing, d} }
	for _, c := range []struct {
		name     string
		failures []error
		deadline time.Duration // 0: there is none
		made     int
		want     error // nil: it succeeds in the end
		waits    time.Duration
	}{
		{name: "a request that succeeds is made once", made: 1},
		{name: "one that fails for a passing reason is made again", failures: []error{passing, passing}, made: 3},
		{name: "but five times at most", failures: []error{passing, passing, passing, passing, passing, passing}, made: 5, want: passing},
		{name: "one that fails for good is not", failures: []error{passing, final, passing}, made: 2, want: final},
		{name: "it comes again when it was told to", failures: []error{after(7 * time.Second), after(20 * time.Second)}, made: 3, waits: 27 * time.Second},
		{name: "what takes longer than a minute is for another worker", failures: []error{after(61 * time.Second)}, made: 1, want: ErrHandOn},
		{name: "as is what would end too late", failures: []error{after(30 * time.Second)}, deadline: 80 * time.Second, made: 1, want: ErrHandOn},
		{name: "what ends just in time is not", failures: []error{after(20 * time.Second)}, deadline: 80 * time.Second, made: 2, waits: 20 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				p := &Patience{Clock: time.Now, HandOn: time.Minute}
				made, began := 0, time.Now()
				v, err := Retry(ctx, p, func() (int, error) {
					if made++; made <= len(c.failures) {
						return 0, c.failures[made-1]
					}
					return made, nil
				})
				if made != c.made || !errors.Is(err, c.want) || err == nil && v != made {
					t.Errorf("made %d times, %d, %v", made, v, err)
				}
				if took := time.Since(began); c.waits > 0 && took != c.waits {
					t.Errorf("it waited %s", took)
				}
				if want := c.made - 1; c.want == nil && p.Retries != want {
					t.Errorf("%d were made again, not %d", p.Retries, want)
				}
			})
		})
	}
	t.Run("whoever stops waiting gets the failure", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			p := &Patience{Clock: time.Now}
			_, err := Retry(ctx, p, func() (int, error) { cancel(); return 0, after(time.Second) })
			if !errors.Is(err, passing) {
				t.Error(err)
			}
		})
	})
}
