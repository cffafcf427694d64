package pause

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestFor(t *testing.T) {
	t.Run("returns after the time", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			if err := For(t.Context(), time.Hour); err != nil || time.Since(began) != time.Hour {
				t.Errorf("returned %v after %s", err, time.Since(began))
			}
		})
	})
	t.Run("returns when the context ends before", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := For(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Minute {
				t.Errorf("returned %v after %s", err, time.Since(began))
			}
		})
	})
}

func TestGrowing(t *testing.T) {
	const first, longest = 100 * time.Millisecond, 2 * time.Second
	var least, most, early time.Duration = longest, 0, 0
	for range 200 {
		wait := Growing(first, longest)
		early = max(early, wait.NextBackOff())
		for range 20 {
			d := wait.NextBackOff()
			least, most = min(least, d), max(most, d)
		}
	}
	if early > 2*first || early < first/2 {
		t.Errorf("first pauses are at most %s", early)
	}
	if most > 2*longest || most < longest || least > first {
		t.Errorf("pauses are %s to %s", least, most)
	}
}
