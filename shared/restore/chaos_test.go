package restore_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// TestARestoreSurvivesChaos lets workers die at any request, several in a row, while the provider answers some writes with a passing failure, after or
// before they took effect.
func TestARestoreSurvivesChaos(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { chaos(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func chaos(t *testing.T, random *rand.Rand) {
	coin := func() bool { return random.IntN(2) == 0 }
	w := newWorld(t)
	w.file = everything()
	for i := range 45 {
		start := time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		w.file.things = append(w.file.things, single(fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("Work %d", i), start.Format("2006-01-02T15:04"),
			start.Add(30*time.Minute).Format("2006-01-02T15:04")))
	}
	policy := []restore.Policy{restore.Skip, restore.Replace, restore.Duplicate}[random.IntN(3)]
	if coin() {
		whole := w.file
		w.file = memory{things: whole.things[:20]}
		w.restore(policy)
		w.file = whole
	}
	before := 0
	if info, err := w.calendar.Calendar(t.Context(), uri("Copy")); err == nil && info.ID != "" {
		before = len(w.kept(uri("Copy")).things)
	}
	r := w.start(policy)
	flaky := &flaky{Provider: w.calendar}
	for range random.IntN(7) {
		flaky.set(random.IntN(5), coin())
		dying := &wiretest.Wire{DieAt: 1 + random.IntN(60), After: coin()}
		at, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		if at.State.Ended() {
			break
		}
		err = w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(flaky)).Run(t.Context(), at)
		if err != nil && !errors.Is(err, wiretest.ErrDied) && !errors.Is(err, run.ErrBusy) && !fault.Of(err).Transient() && !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		if coin() {
			w.Advance(2 * time.Minute)
		}
	}
	w.Advance(2 * time.Minute)
	flaky.set(0, false)
	if at, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID); err != nil || !at.State.Ended() {
		must(t, err)
		must(t, w.runner(w.Table, w.Blobs, flaky).Run(t.Context(), at))
	}
	r, result := w.result(r.ID)
	if r.State != run.Succeeded || !result.Balanced || result.Counts.Read != len(w.file.things) {
		t.Fatalf("%s %+v %+v", r.State, result, r.Problem)
	}
	if items, _ := w.items(r); len(items) != len(w.file.things) {
		t.Fatalf("%d items", len(items))
	}
	copies := w.kept(uri("Copy"))
	if len(copies.things) != before+result.Counts.Created {
		t.Fatalf("%d events, there were %d: %+v", len(copies.things), before, result.Counts)
	}
	if policy != restore.Duplicate {
		if diff := cmp.Diff(w.canonical(w.file), w.canonical(copies)); diff != "" {
			t.Fatalf("(-file +calendar):\n%s", diff)
		}
	}
}

// flaky answers every so many writes with a passing failure, for some of the events, after they took effect or before.
type flaky struct {
	calendar.Provider
	mu    sync.Mutex
	every int
	after bool
	count int
}

func (f *flaky) set(every int, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.every, f.after = every, after
}

// soon is a passing failure that is to be tried again at once.
type soon struct{}

func (soon) Error() string             { return "not now" }
func (soon) RetryAfter() time.Duration { return time.Microsecond }

// fails says whether this write fails.
func (f *flaky) fails() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count++
	return f.every > 1 && f.count%f.every == 0
}

// write makes those of n writes that do not fail before they take effect.
func (f *flaky) write(n int, do func(some []int) ([]calendar.WriteResult, error)) ([]calendar.WriteResult, error) {
	failure := fault.Wrap(fault.Unavailable, soon{})
	if f.fails() && !f.after {
		return nil, failure
	}
	results := make([]calendar.WriteResult, n)
	var some []int
	for i := range n {
		if results[i].Err = nil; f.fails() {
			results[i].Err = failure
			if !f.after {
				continue
			}
		}
		some = append(some, i)
	}
	if len(some) == 0 {
		return results, nil
	}
	made, err := do(some)
	if err != nil {
		return nil, err
	}
	for i, at := range some {
		if results[at].Err == nil {
			results[at] = made[i]
		}
	}
	return results, nil
}

func pick[T any](all []T, some []int) []T {
	picked := make([]T, len(some))
	for i, at := range some {
		picked[i] = all[at]
	}
	return picked
}

func (f *flaky) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	return f.write(len(drafts), func(some []int) ([]calendar.WriteResult, error) {
		return f.Provider.Create(ctx, account, id, pick(drafts, some))
	})
}

func (f *flaky) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	return f.write(len(updates), func(some []int) ([]calendar.WriteResult, error) {
		return f.Provider.Update(ctx, account, id, pick(updates, some))
	})
}

func (f *flaky) Delete(ctx context.Context, account, id string, ids []string) ([]calendar.WriteResult, error) {
	return f.write(len(ids), func(some []int) ([]calendar.WriteResult, error) {
		return f.Provider.Delete(ctx, account, id, pick(ids, some))
	})
}
