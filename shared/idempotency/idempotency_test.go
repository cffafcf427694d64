package idempotency

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const user, route = "tenant#ann", "POST /v1/runs"

var answer = Answer{Request: "hash", Status: 201, Header: map[string][]string{"Location": {"/v1/runs/1"}}, Body: []byte("made")}

// world is records over a real store, and the clocks of both.
type world struct {
	*Records
	t          *testing.T
	table      store.Table
	now, ahead time.Duration // since 2026; ahead is by how much the records' clock is
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t}
	at := func() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(w.now) }
	table, err := sqlite.Open(":memory:", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	w.table, w.Records = table, New(table, func() time.Time { return at().Add(w.ahead) })
	return w
}

// claims demands that a request is the first with its key.
func (w *world) claims(user, route, key string) *Claim {
	w.t.Helper()
	c, first, err := w.Claim(w.t.Context(), user, route, key)
	if err != nil || first != nil || c == nil {
		w.t.Fatalf("claim %v, answer %v, %v", c, first, err)
	}
	return c
}

func (w *world) underWay() {
	w.t.Helper()
	if c, first, err := w.Claim(w.t.Context(), user, route, "k"); !errors.Is(err, ErrUnderWay) || fault.Of(err) != fault.Conflict || c != nil || first != nil {
		w.t.Fatalf("claim %v, answer %v, %v", c, first, err)
	}
}

func (w *world) answered() {
	w.t.Helper()
	c, first, err := w.Claim(w.t.Context(), user, route, "k")
	if err != nil || c != nil {
		w.t.Fatalf("claim %v, %v", c, err)
	}
	if diff := cmp.Diff(&answer, first); diff != "" {
		w.t.Fatal(diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestRecords(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(*world)
	}{
		{"a repeat is told that the first one is under way, and then its answer", func(w *world) {
			first := w.claims(user, route, "k")
			w.underWay()
			must(w.t, first.Keep(w.t.Context(), answer))
			w.answered()
		}},
		{"another key, route or user is another request", func(w *world) {
			must(w.t, w.claims(user, route, "k").Keep(w.t.Context(), answer))
			w.claims(user, route, "l")
			w.claims(user, "POST /v1/jobs", "k")
			w.claims("tenant#bob", route, "k")
			w.answered()
		}},
		{"a request that was dropped is the first again", func(w *world) {
			must(w.t, w.claims(user, route, "k").Drop(w.t.Context()))
			w.claims(user, route, "k")
		}},
		{"a repeat takes over two minutes later", func(w *world) {
			first := w.claims(user, route, "k")
			w.now += ClaimedFor - time.Second
			w.underWay()
			w.now += time.Second
			second := w.claims(user, route, "k")
			if err := first.Keep(w.t.Context(), Answer{Status: 200}); !errors.Is(err, store.ErrConflict) {
				w.t.Errorf("the first one's answer is kept: %v", err)
			}
			must(w.t, first.Drop(w.t.Context()))
			w.underWay()
			must(w.t, second.Keep(w.t.Context(), answer))
			w.answered()
		}},
		{"an answer is kept for a day, whatever the store still returns", func(w *world) {
			must(w.t, w.claims(user, route, "k").Keep(w.t.Context(), answer))
			w.ahead = KeptFor - time.Second
			w.answered()
			w.ahead = KeptFor
			w.claims(user, route, "k")
		}},
		{"the store may forget it after a day", func(w *world) {
			c := w.claims(user, route, "k")
			must(w.t, c.Keep(w.t.Context(), answer))
			item, err := w.table.Get(w.t.Context(), c.key)
			if err != nil || !item.Expires.Equal(w.clock().Add(24*time.Hour)) {
				w.t.Errorf("expires %s, %v", item.Expires, err)
			}
		}},
		{"an unreadable record is damage, not an answer", func(w *world) {
			c := w.claims(user, route, "k")
			_, err := w.table.Put(w.t.Context(), store.Item{Key: c.key, Expires: w.clock().Add(time.Hour), Data: []byte("[]")}, store.Any())
			must(w.t, err)
			if _, _, err := w.Claim(w.t.Context(), user, route, "k"); fault.Of(err) != fault.Malformed {
				w.t.Errorf("%v", err)
			}
		}},
		{"what is kept of a user is erased, and nobody else's", func(w *world) {
			must(w.t, w.claims(user, route, "k").Keep(w.t.Context(), answer))
			other := w.claims("tenant#ann2", route, "k")
			must(w.t, Erase(w.t.Context(), w.table, user))
			w.claims(user, route, "k")
			must(w.t, other.Keep(w.t.Context(), answer))
		}},
	} {
		t.Run(c.name, func(t *testing.T) { c.do(newWorld(t)) })
	}
}

// late is a store to which a record comes between two of a caller's steps.
type late struct {
	store.Table
	get func() // before a Get
	put func() // before a Put on a version
}

func (l *late) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if l.get != nil {
		l.get()
	}
	return l.Table.Get(ctx, key)
}

func (l *late) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if _, on := cond.Version(); on && l.put != nil {
		l.put()
	}
	return l.Table.Put(ctx, item, cond)
}

func TestOfTwoRepeatsOneTakesOver(t *testing.T) {
	w := newWorld(t)
	first := w.claims(user, route, "k")
	slow := &late{Table: w.table, get: func() { must(t, first.Drop(t.Context())) }}
	if _, _, err := New(slow, w.clock).Claim(t.Context(), user, route, "k"); !errors.Is(err, ErrUnderWay) {
		t.Errorf("of one that was dropped meanwhile: %v", err)
	}
	w.claims(user, route, "k")
	w.now += ClaimedFor
	slow = &late{Table: w.table, put: func() { w.claims(user, route, "k") }}
	if _, _, err := New(slow, w.clock).Claim(t.Context(), user, route, "k"); !errors.Is(err, ErrUnderWay) {
		t.Errorf("of one that another repeat took over meanwhile: %v", err)
	}
}

func TestOfManyAtOnceOneIsFirst(t *testing.T) {
	w := newWorld(t)
	var firsts atomic.Int64
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			switch c, _, err := w.Claim(t.Context(), user, route, "k"); {
			case err == nil && c != nil:
				firsts.Add(1)
			case !errors.Is(err, ErrUnderWay):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if firsts.Load() != 1 {
		t.Errorf("%d are the first", firsts.Load())
	}
}
