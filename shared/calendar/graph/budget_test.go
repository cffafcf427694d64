package graph

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

// fakeTime is a clock that moves when somebody sleeps.
type fakeTime struct {
	mu    sync.Mutex
	now   time.Time
	slept time.Duration
}

func newFakeTime() *fakeTime {
	return &fakeTime{now: time.Date(2026, 10, 5, 2, 0, 0, 0, time.UTC)}
}

func (f *fakeTime) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fakeTime) sleep(ctx context.Context, d time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
	f.slept += d
	return ctx.Err()
}

func TestABudgetNeverSpendsMoreThanItsWindowsAllow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newFakeTime()
		limits := Limits{
			Requests: rapid.Int64Range(1, 50).Draw(t, "requests"), RequestsPer: time.Duration(rapid.IntRange(1, 60).Draw(t, "span")) * time.Second,
			Upload: rapid.Int64Range(1, 1000).Draw(t, "upload"), UploadPer: time.Duration(rapid.IntRange(1, 60).Draw(t, "upload span")) * time.Second,
		}
		b := NewBudgets(limits, clock.clock, clock.sleep)
		type spent struct {
			at            time.Time
			amount, bytes int64
		}
		var all []spent
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			_ = clock.sleep(t.Context(), time.Duration(rapid.IntRange(0, 5000).Draw(t, "pause"))*time.Millisecond)
			operations := rapid.Int64Range(1, min(20, limits.Requests)).Draw(t, "operations")
			bytes := rapid.Int64Range(0, limits.Upload).Draw(t, "bytes")
			leave, err := b.of("me@example.com").enter(t.Context(), int(operations), bytes)
			if err != nil {
				t.Fatal(err)
			}
			leave()
			all = append(all, spent{clock.clock(), operations, bytes})
		}
		for i := range all {
			var requests, bytes int64
			for _, s := range all[:i+1] {
				if s.at.After(all[i].at.Add(-limits.RequestsPer)) {
					requests += s.amount
				}
				if s.at.After(all[i].at.Add(-limits.UploadPer)) {
					bytes += s.bytes
				}
			}
			if requests > limits.Requests || bytes > limits.Upload {
				t.Fatalf("%d requests and %d bytes within the spans of %+v", requests, bytes, limits)
			}
		}
	})
}

func TestASteadyStreamUsesAllThatTheWindowAllows(t *testing.T) {
	clock := newFakeTime()
	b := NewBudgets(Limits{Requests: 600, RequestsPer: time.Minute}, clock.clock, clock.sleep).of("me@example.com")
	for range 6000 { // ten a second, which is just what is allowed
		leave, err := b.enter(t.Context(), 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		leave()
		_ = clock.sleep(t.Context(), 100*time.Millisecond)
	}
	if waited := clock.slept - 600*time.Second; waited > 15*time.Second {
		t.Errorf("a stream within the limit waited %s", waited)
	}
	if n := len(b.requests.spent); n > 61 {
		t.Errorf("the window remembers %d spendings", n)
	}
}

func TestWhatIsOverTheLimitByItselfIsSpentAlone(t *testing.T) {
	clock := newFakeTime()
	b := NewBudgets(Limits{Upload: 100, UploadPer: time.Minute}, clock.clock, clock.sleep).of("me@example.com")
	for range 3 {
		leave, err := b.enter(t.Context(), 1, 150)
		if err != nil {
			t.Fatal(err)
		}
		leave()
	}
	if clock.slept != 2*time.Minute {
		t.Errorf("waited %s, want 2 minutes", clock.slept)
	}
}

func TestAWaitThatOutlastsTheContextIsRefusedAtOnce(t *testing.T) {
	clock := newFakeTime()
	b := NewBudgets(Limits{Requests: 1}, clock.clock, clock.sleep).of("me@example.com")
	leave, err := b.enter(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	leave()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err = b.enter(ctx, 1, 0)
	var wait interface{ RetryAfter() time.Duration }
	if fault.Of(err) != fault.Throttled || !errors.As(err, &wait) || wait.RetryAfter() != 10*time.Minute {
		t.Fatalf("error %v of kind %s, want throttled for 10 minutes", err, fault.Of(err))
	}
	if clock.slept != 0 {
		t.Errorf("it waited %s all the same", clock.slept)
	}
	if leave, err = b.enter(t.Context(), 4, 0); err != nil {
		t.Fatalf("the slots were not given back: %v", err)
	}
	leave()
}

func TestAContextThatEndsWhileWaitingForASlotIsUnavailable(t *testing.T) {
	b := NewBudgets(Limits{}, time.Now, nil).of("me@example.com")
	leave, err := b.enter(t.Context(), 20, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.enter(ctx, 1, 0); fault.Of(err) != fault.Unavailable {
		t.Errorf("error %v of kind %s, want unavailable", err, fault.Of(err))
	}
	leave()
	if leave, err = b.enter(t.Context(), 1, 0); err != nil {
		t.Errorf("the slots were not given back: %v", err)
	}
	leave()
}

func TestAMailboxHasAtMostFourRequestsInFlight(t *testing.T) {
	budgets := NewBudgets(Limits{}, time.Now, nil)
	var inside, most atomic.Int64
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			operations := []int{1, 20, 1, 3}[i%4]
			account := []string{"me@example.com", "ME@example.com "}[i%2]
			leave, err := budgets.of(account).enter(t.Context(), operations, 10)
			if err != nil {
				t.Error(err)
				return
			}
			now := inside.Add(int64(min(operations, 4)))
			for seen := most.Load(); now > seen && !most.CompareAndSwap(seen, now); seen = most.Load() {
			}
			inside.Add(-int64(min(operations, 4)))
			leave()
		})
	}
	wg.Wait()
	if most.Load() > 4 {
		t.Errorf("%d requests were in flight at once", most.Load())
	}
}

func TestSlotsStayTakenWhileTheServiceMayStillWorkOnARequest(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		free bool
	}{
		{"it answered", nil, true},
		{"it answered with a failure", fault.Wrap(fault.Unavailable, &Failure{Status: 503}), true},
		{"it was never reached", fault.Wrap(fault.Unavailable, &net.OpError{Op: "dial", Err: errors.New("refused")}), true},
		{"the answer was lost", fault.Wrap(fault.Unavailable, &net.OpError{Op: "read", Err: errors.New("reset")}), false},
		{"we gave up", context.DeadlineExceeded, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBudgets(Limits{Grace: time.Minute}, time.Now, nil).of("me@example.com")
				leave, err := b.enter(t.Context(), 4, 0)
				if err != nil {
					t.Fatal(err)
				}
				b.done(c.err, leave)
				if free := b.slots.TryAcquire(4); free != c.free {
					t.Fatalf("the slots are free: %v, want %v", free, c.free)
				}
				time.Sleep(time.Minute + 1)
				synctest.Wait()
				if !c.free && !b.slots.TryAcquire(4) {
					t.Error("the slots are still taken after the grace")
				}
			})
		})
	}
}
