package limit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

var start = time.Date(2026, 10, 20, 10, 0, 17, 0, time.UTC)

// watch is a clock that is set by hand.
type watch struct{ at atomic.Int64 }

func newWatch() *watch { w := &watch{}; w.at.Store(start.UnixNano()); return w }

func (w *watch) now() time.Time           { return time.Unix(0, w.at.Load()).UTC() }
func (w *watch) advance(by time.Duration) { w.at.Add(int64(by)) }

func table(t testing.TB, clock func() time.Time) *sqlite.Table {
	t.Helper()
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	return table
}

// unreachable is a table that can be cut off.
type unreachable struct {
	store.Table
	down  atomic.Bool
	asked atomic.Int64
}

var errDown = fault.New(fault.Unavailable, "no answer")

func (u *unreachable) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if u.asked.Add(1); u.down.Load() {
		return 0, errDown
	}
	return u.Table.Put(ctx, item, cond)
}

// granted asks n times and returns how often the answer was yes. Each no must be a throttling.
func granted(t testing.TB, l *Limiter, user string, class Class, n int) (yes int) {
	t.Helper()
	for range n {
		switch err := l.Allow(t.Context(), user, class); {
		case err == nil:
			yes++
		case fault.Of(err) != fault.Throttled:
			t.Fatalf("%s: %v", class, err)
		}
	}
	return yes
}

func TestAllow(t *testing.T) {
	for _, c := range []struct {
		class Class
		want  int
	}{{Reads, 600}, {Writes, 120}, {Bulk, 30}, {Starts, 10}, {Removals, 5}} {
		t.Run(fmt.Sprintf("one process alone lets exactly the limit of %s through in a minute", c.class), func(t *testing.T) {
			w := newWatch()
			l := New(table(t, w.now), Default(), w.now)
			for range 3 {
				if got := granted(t, l, "t#ana", c.class, c.want+50); got != c.want {
					t.Errorf("%d were let through, want %d", got, c.want)
				}
				w.advance(time.Minute)
			}
		})
	}
	t.Run("users and classes do not count for each other", func(t *testing.T) {
		w := newWatch()
		l := New(table(t, w.now), Default(), w.now)
		granted(t, l, "t#ana", Removals, 9)
		if granted(t, l, "t#ben", Removals, 5) != 5 || granted(t, l, "t#ana", Reads, 5) != 5 {
			t.Error("somebody else was refused")
		}
	})
	t.Run("a day has its own limit, and a refusal by the one does not use the other up", func(t *testing.T) {
		w := newWatch()
		l := New(table(t, w.now), Default(), w.now)
		all := 0
		for range 20 {
			all += granted(t, l, "t#ana", Starts, 30)
			w.advance(time.Minute)
		}
		if all != 100 {
			t.Errorf("%d were started in a day, want 100", all)
		}
		err := l.Allow(t.Context(), "t#ana", Starts)
		var over *Exceeded
		if !errors.As(err, &over) || over.Rule.Window != day || over.RetryAfter < 13*time.Hour || over.RetryAfter > 14*time.Hour {
			t.Errorf("refused with %v", err)
		}
		w.advance(day)
		if got := granted(t, l, "t#ana", Starts, 30); got != 10 {
			t.Errorf("the day after %d were started", got)
		}
	})
	t.Run("a refusal says how long to wait, in whole seconds", func(t *testing.T) {
		w := newWatch()
		l := New(table(t, w.now), Default(), w.now)
		granted(t, l, "t#ana", Removals, 5)
		w.advance(300 * time.Millisecond)
		err := l.Allow(t.Context(), "t#ana", Removals)
		var over *Exceeded
		if !errors.As(err, &over) || over.RetryAfter != 43*time.Second || fault.Of(err) != fault.Throttled ||
			!strings.Contains(err.Error(), "try again in 43 seconds") {
			t.Errorf("refused with %v", err)
		}
		w.advance(42*time.Second + 699*time.Millisecond)
		if err := l.Allow(t.Context(), "t#ana", Removals); !errors.As(err, &over) || over.RetryAfter != time.Second {
			t.Errorf("a millisecond before the end: %v", err)
		}
		w.advance(time.Millisecond)
		if err := l.Allow(t.Context(), "t#ana", Removals); err != nil {
			t.Errorf("in the next window: %v", err)
		}
	})
	t.Run("erasing a user removes all counts", func(t *testing.T) {
		w := newWatch()
		tab := table(t, w.now)
		l := New(tab, Default(), w.now)
		for class := range Classes {
			granted(t, l, "t#ana", class, 2)
		}
		granted(t, l, "t#ben", Reads, 2)
		if err := Erase(t.Context(), tab, "t#ana"); err != nil {
			t.Fatal(err)
		}
		for user, want := range map[string]int{"t#ana": 0, "t#ben": 1} {
			items, err := store.All(t.Context(), tab, store.Query{PK: partition(user)})
			if err != nil || len(items) != want {
				t.Errorf("%s has %d counts, %v", user, len(items), err)
			}
		}
		if err := New(tab, Default(), w.now).Allow(t.Context(), "t#ana", Reads); err != nil {
			t.Error(err)
		}
	})
	t.Run("counts expire after their window", func(t *testing.T) {
		w := newWatch()
		tab := table(t, w.now)
		granted(t, New(tab, Default(), w.now), "t#ana", Starts, 1)
		items, err := store.All(t.Context(), tab, store.Query{PK: partition("t#ana")})
		if err != nil || len(items) != 2 {
			t.Fatalf("%v, %v", items, err)
		}
		for _, it := range items {
			want := time.Date(2026, 10, 20, 11, 1, 0, 0, time.UTC)
			if it.SK == "starts#2026-10-20" {
				want = time.Date(2026, 10, 21, 1, 0, 0, 0, time.UTC)
			} else if it.SK != "starts#2026-10-20T10:00" {
				t.Errorf("key %s", it.SK)
			}
			if !it.Expires.Equal(want) {
				t.Errorf("%s expires %s, want %s", it.SK, it.Expires, want)
			}
		}
	})
}

func TestRequestsCost(t *testing.T) {
	w := newWatch()
	counter := &store.Counter{Table: table(t, w.now)}
	l := New(counter, Default(), w.now)
	if granted(t, l, "t#ana", Reads, 600) != 600 {
		t.Fatal("600 requests were not let through")
	}
	if n := counter.Requests(); n > 30 {
		t.Errorf("600 requests cost %d store requests, want at most 30", n)
	}
	before := counter.Requests()
	granted(t, l, "t#ana", Reads, 1000)
	if n := counter.Requests() - before; n > 1 {
		t.Errorf("1,000 requests over the limit cost %d store requests", n)
	}
}

// TestManyProcesses lets several processes, with several goroutines each, count in one table at once.
func TestManyProcesses(t *testing.T) {
	w := newWatch()
	tab := table(t, w.now)
	var user atomic.Int64
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 700).Draw(t, "limit")
		processes := rapid.IntRange(1, 6).Draw(t, "processes")
		asks := rapid.IntRange(1, 250).Draw(t, "asks of each goroutine")
		class := Class(rapid.IntRange(0, int(Classes)-1).Draw(t, "class"))
		if class.strict() { // each costs a store request
			most, asks = min(most, 60), min(asks, 30)
		}
		var rules Rules
		rules[class] = []Rule{{most, time.Minute}}
		who := fmt.Sprint("t#", user.Add(1))
		var yes, other atomic.Int64
		var all sync.WaitGroup
		limiters := make([]*Limiter, processes)
		for i := range limiters {
			limiters[i] = New(tab, rules, w.now)
			for range 2 {
				all.Go(func() {
					for range asks {
						switch err := limiters[i].Allow(context.Background(), who, class); {
						case err == nil:
							yes.Add(1)
						case fault.Of(err) != fault.Throttled:
							other.Add(1)
						}
					}
				})
			}
		}
		all.Wait()
		asked, got := 2*processes*asks, int(yes.Load())
		if got > most {
			t.Fatalf("%d were let through, the limit is %d", got, most)
		}
		lost := processes * block
		if class.strict() {
			lost = 0
		}
		if got < min(asked, most)-lost && asked >= most {
			t.Fatalf("%d of %d were let through, the limit is %d", got, asked, most)
		}
		if asked+lost <= most && got < asked {
			t.Fatalf("%d of %d were let through although the limit is %d", got, asked, most)
		}
		if other.Load() > 0 {
			t.Fatalf("%d were refused for another reason", other.Load())
		}
	})
}

func TestStoreThatDoesNotAnswer(t *testing.T) {
	cut := func(t *testing.T) (*unreachable, *watch, *Limiter) {
		w := newWatch()
		u := &unreachable{Table: table(t, w.now)}
		u.down.Store(true)
		return u, w, New(u, Default(), w.now)
	}
	for class := range Classes {
		u, w, l := cut(t)
		if class.strict() {
			t.Run(class.String()+" are refused, and let through when it is back", func(t *testing.T) {
				if err := l.Allow(t.Context(), "t#ana", class); fault.Of(err) != fault.Unavailable {
					t.Errorf("got %v", err)
				}
				u.down.Store(false)
				w.advance(restAfterFailure)
				if err := l.Allow(t.Context(), "t#ana", class); err != nil {
					t.Error(err)
				}
			})
			continue
		}
		t.Run(class.String()+" go on, up to the limit in each process", func(t *testing.T) {
			most := Default()[class][0].Most
			if got := granted(t, l, "t#ana", class, most+20); got != most {
				t.Errorf("%d were let through, want %d", got, most)
			}
		})
	}
	t.Run("it is asked once a second", func(t *testing.T) {
		u, w, l := cut(t)
		for range 3 {
			granted(t, l, "t#ana", Reads, 50)
			w.advance(restAfterFailure)
		}
		if n := u.asked.Load(); n != 3 {
			t.Errorf("asked %d times", n)
		}
	})
	t.Run("what was let through uncounted counts no more when it is back", func(t *testing.T) {
		u, w, l := cut(t)
		granted(t, l, "t#ana", Reads, 100)
		u.down.Store(false)
		w.advance(restAfterFailure)
		if got := granted(t, l, "t#ana", Reads, 700); got != 600 {
			t.Errorf("%d were let through", got)
		}
	})
	t.Run("a caller who hangs up does not wait for others", func(t *testing.T) {
		w := newWatch()
		l := New(table(t, w.now), Default(), w.now)
		l.mu.Lock()
		held := l.remember(name{"t#ana", Reads, 0}, w.now().Truncate(time.Minute))
		l.mu.Unlock()
		<-held.turn
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Allow(ctx, "t#ana", Reads); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	})
}

func TestMemory(t *testing.T) {
	t.Run("is bounded, and who is forgotten still has the count", func(t *testing.T) {
		w := newWatch()
		l := New(table(t, w.now), Default(), w.now)
		l.most = 8
		for range 3 {
			for i := range 40 {
				granted(t, l, fmt.Sprint("t#", i), Removals, 2)
				if len(l.windows) > l.most {
					t.Fatalf("%d windows are remembered", len(l.windows))
				}
			}
		}
		if got := granted(t, l, "t#1", Removals, 9); got != 0 {
			t.Errorf("%d more were let through", got)
		}
	})
	t.Run("windows that are over go first", func(t *testing.T) {
		w := newWatch()
		l := New(table(t, w.now), Default(), w.now)
		l.most = 8
		for i := range 8 {
			granted(t, l, fmt.Sprint("t#", i), Removals, 1)
			if i == 3 {
				w.advance(2 * time.Minute)
			}
		}
		granted(t, l, "t#8", Removals, 1)
		for i := 4; i <= 8; i++ {
			if l.windows[name{fmt.Sprint("t#", i), Removals, 0}] == nil {
				t.Errorf("user %d is forgotten", i)
			}
		}
		if len(l.windows) != 5 {
			t.Errorf("%d windows are remembered", len(l.windows))
		}
	})
}

func TestAllowAllocatesNothing(t *testing.T) {
	w := newWatch()
	var rules Rules
	rules[Reads] = []Rule{{1 << 30, time.Minute}}
	l := New(table(t, w.now), rules, w.now)
	granted(t, l, "t#ana", Reads, 6) // reserves 25, of which 24 are left
	if n := testing.AllocsPerRun(20, func() { _ = l.Allow(context.Background(), "t#ana", Reads) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAllow measures requests that are let through, one store request in 25 of them included, and those that are refused.
func BenchmarkAllow(b *testing.B) {
	w := newWatch()
	b.Run("let through", func(b *testing.B) {
		var rules Rules
		rules[Reads] = []Rule{{1 << 40, time.Minute}}
		l := New(table(b, w.now), rules, w.now)
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Allow(context.Background(), "t#ana", Reads); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("without the store", func(b *testing.B) {
		l := New(table(b, w.now), Rules{Reads: {{1 << 40, time.Minute}}}, w.now)
		l.remember(name{"t#ana", Reads, 0}, w.now().Truncate(time.Minute)).left = 1 << 40
		b.ReportAllocs()
		for b.Loop() {
			if err := l.Allow(context.Background(), "t#ana", Reads); err != nil {
				b.Fatal(err)
			}
		}
	})
}
