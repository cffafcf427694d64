package session

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

var (
	ann  = account.Principal{Tenant: "t1", Object: "ann", Name: "Ann", Role: account.RoleAdmin}
	bob  = account.Principal{Tenant: "t1", Object: "bob", Name: "Bob"}
	noon = time.Date(2026, 10, 20, 12, 0, 0, 0, time.UTC)
)

// world is one table, and processes over it.
type world struct {
	t     testing.TB
	table *store.Counter
	now   *atomic.Int64 // nanoseconds
}

// newWorld returns a table. One that keeps what has expired has a clock that stands still.
func newWorld(t testing.TB, keeps bool) *world {
	t.Helper()
	w := &world{t: t, now: &atomic.Int64{}}
	w.now.Store(noon.UnixNano())
	clock := w.clock
	if keeps {
		clock = func() time.Time { return noon }
	}
	table, err := sqlite.Open(":memory:", clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	w.table = &store.Counter{Table: table}
	return w
}

func (w *world) clock() time.Time      { return time.Unix(0, w.now.Load()).UTC() }
func (w *world) later(d time.Duration) { w.now.Add(int64(d)) }
func (w *world) process() *Sessions    { return New(w.table, w.clock) }
func (w *world) requests(do func()) int {
	before := w.table.Requests()
	do()
	return w.table.Requests() - before
}
func (w *world) ctx() context.Context { return w.t.Context() }
func (w *world) find(s *Sessions, c string) Session {
	w.t.Helper()
	it, err := s.Find(w.ctx(), c)
	if err != nil {
		w.t.Fatalf("find: %v", err)
	}
	return it
}

func (w *world) start(s *Sessions, who account.Principal) (string, Session) {
	w.t.Helper()
	cookie, it, err := s.Start(w.ctx(), SignIn{Principal: who}, "Browser 1.0")
	if err != nil {
		w.t.Fatalf("start: %v", err)
	}
	return cookie, it
}

func (w *world) gone(s *Sessions, cookie string) {
	w.t.Helper()
	if it, err := s.Find(w.ctx(), cookie); fault.Of(err) != fault.Unauthenticated || it != (Session{}) {
		w.t.Errorf("the session goes on: %+v, %v", it, err)
	}
}

func TestASession(t *testing.T) {
	t.Run("is found by its cookie, in every process, with whose it is", func(t *testing.T) {
		w := newWorld(t, false)
		cookie, began := w.start(w.process(), ann)
		found := w.find(w.process(), cookie)
		want := Session{SignIn: SignIn{Principal: ann}, ID: began.ID, Agent: "Browser 1.0", Began: noon, Used: noon, Checked: noon, Token: began.Token}
		if diff := cmp.Diff(want, found); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("is a new one each time, with a cookie of 256 bits", func(t *testing.T) {
		w := newWorld(t, false)
		s, seen := w.process(), map[string]bool{}
		for range 50 {
			cookie, it := w.start(s, ann)
			if raw, err := base64.RawURLEncoding.DecodeString(cookie); err != nil || len(raw) != 32 {
				t.Fatalf("cookie %q", cookie)
			}
			for _, text := range []string{cookie, it.ID, it.Token} {
				if seen[text] {
					t.Fatal("there twice")
				}
				seen[text] = true
			}
		}
	})
	t.Run("leaves nothing in the table that would open it", func(t *testing.T) {
		w := newWorld(t, false)
		cookie, it := w.start(w.process(), ann)
		for _, at := range []store.Key{keyOf(it.ID), {PK: prefixSession + cookie, SK: skSession}} {
			item, err := w.table.Get(t.Context(), at)
			if at.PK == keyOf(it.ID).PK && err != nil || at.PK != keyOf(it.ID).PK && !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s: %v", at.PK[:10], err)
			}
			if all := fmt.Sprint(item.Key, item.IndexPK, item.IndexSK, string(item.Data)); strings.Contains(all, cookie) || strings.Contains(all, it.Token) {
				t.Errorf("the table has it: %s", all)
			}
		}
		w.gone(w.process(), it.ID) // what the table has is no cookie
	})
	t.Run("of nobody does not begin", func(t *testing.T) {
		if _, _, err := newWorld(t, false).process().Start(t.Context(), SignIn{Principal: account.Principal{Tenant: "t1"}}, ""); err == nil {
			t.Error("it began")
		}
	})
	t.Run("knows its own token", func(t *testing.T) {
		w := newWorld(t, false)
		s := w.process()
		cookie, it := w.start(s, ann)
		_, other := w.start(s, ann)
		found := w.find(s, cookie)
		if !found.Proves(it.Token) || found.Proves(other.Token) || found.Proves("") || found.Proves(it.Token+"x") || (&Session{}).Proves("") {
			t.Error("a wrong token passes, or the right one does not")
		}
	})
	t.Run("masks its token otherwise each time", func(t *testing.T) {
		w := newWorld(t, false)
		s := w.process()
		cookie, it := w.start(s, ann)
		_, other := w.start(s, ann)
		found := w.find(s, cookie)
		one, two := found.Masked(), found.Masked()
		if !it.Proves(one) || !it.Proves(two) || other.Proves(one) {
			t.Error("a masked token proves another session, or not its own")
		}
		first, err := encoding.DecodeString(one)
		second, err2 := encoding.DecodeString(two)
		token, err3 := encoding.DecodeString(it.Token)
		if err != nil || err2 != nil || err3 != nil || bytes.Contains(first, token) {
			t.Fatalf("%v %v %v, or the token is in it", err, err2, err3)
		}
		for i := range first {
			if i+4 <= len(first) && bytes.Contains(second, first[i:i+4]) {
				t.Error("two have bytes in common")
			}
		}
		for i := range one {
			wrong := []byte(one)
			if wrong[i] = 'A'; one[i] == 'A' {
				wrong[i] = 'Q'
			}
			if it.Proves(string(wrong)) {
				t.Fatalf("one with another character at %d proves it", i)
			}
		}
		for _, wrong := range []string{strings.Repeat("A", len(one)), strings.Repeat("\n", len(one)), strings.Repeat("*", len(one)), one + "A", one[1:]} {
			if it.Proves(wrong) || (&Session{}).Proves(wrong) {
				t.Errorf("%q proves it", wrong)
			}
		}
		if (&Session{}).Masked() != "" {
			t.Error("without a token there is a masked one")
		}
	})
	t.Run("keeps of the browser what can be shown", func(t *testing.T) {
		w := newWorld(t, false)
		_, it, err := w.process().Start(t.Context(), SignIn{Principal: ann}, " Bröwser\r\n\x00\u202e\xff"+strings.Repeat("ä", 500))
		if want := "Bröwser" + strings.Repeat("ä", 192); err != nil || it.Agent != want {
			t.Errorf("got %q, %v", it.Agent, err)
		}
	})
	t.Run("that cannot be read is no session", func(t *testing.T) {
		w := newWorld(t, false)
		cookie, it := w.start(w.process(), ann)
		if _, err := w.table.Put(t.Context(), store.Item{Key: keyOf(it.ID), Data: []byte(`{"object":"ann"}`)}, store.Any()); err != nil {
			t.Fatal(err)
		}
		if _, err := w.process().Find(t.Context(), cookie); fault.Of(err) != fault.Malformed {
			t.Errorf("got %v", err)
		}
	})
}

// TestTime runs on a store that goes on returning what has expired, and on one that does not.
func TestTime(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		t.Run(fmt.Sprintf("when the store keeps the expired: %v", keeps), func(t *testing.T) {
			t.Run("ends a session that is not used", func(t *testing.T) {
				w := newWorld(t, keeps)
				s := w.process()
				cookie, _ := w.start(s, ann)
				w.later(Idle - time.Second)
				if it := w.find(s, cookie); !it.Noted || !it.Ends().Equal(w.clock().Add(Idle)) {
					t.Errorf("its use was not noted: %+v", it)
				}
				w.later(Idle)
				w.gone(s, cookie)
				w.gone(w.process(), cookie)
			})
			t.Run("ends a session however much it is used", func(t *testing.T) {
				w := newWorld(t, keeps)
				s := w.process()
				cookie, _ := w.start(s, ann)
				for w.clock().Before(noon.Add(Longest - time.Hour)) {
					w.later(time.Hour)
					w.find(s, cookie)
				}
				w.later(time.Hour - time.Nanosecond)
				if it := w.find(s, cookie); !it.Ends().Equal(noon.Add(Longest)) {
					t.Errorf("it ends at %s", it.Ends())
				}
				w.later(time.Nanosecond)
				w.gone(s, cookie)
				w.gone(w.process(), cookie)
			})
		})
	}
	t.Run("of the store is no later than the session's", func(t *testing.T) {
		w := newWorld(t, false)
		cookie, it := w.start(w.process(), ann)
		expires := func() time.Time {
			item, err := w.table.Get(t.Context(), keyOf(it.ID))
			if err != nil {
				t.Fatal(err)
			}
			return item.Expires
		}
		if got := expires(); !got.Equal(noon.Add(Idle)) {
			t.Errorf("got %s", got)
		}
		for range 15 {
			w.later(11 * time.Hour)
			w.find(w.process(), cookie)
		}
		if got := expires(); !got.Equal(noon.Add(Longest)) {
			t.Errorf("got %s", got)
		}
	})
	t.Run("never lets a session live longer than it may, however it is used", func(t *testing.T) {
		rapid.Check(t, func(rt *rapid.T) {
			w := newWorld(t, true)
			processes := []*Sessions{w.process(), w.process()}
			cookie, _ := w.start(processes[0], ann)
			began, used := w.clock(), w.clock()
			for range rapid.IntRange(1, 40).Draw(rt, "uses") {
				w.later(time.Duration(rapid.Int64Range(0, int64(13*time.Hour)).Draw(rt, "pause")))
				now := w.clock()
				_, err := processes[rapid.IntRange(0, 1).Draw(rt, "process")].Find(t.Context(), cookie)
				idle, old := now.Sub(used), now.Sub(began)
				switch {
				case err == nil && (idle >= Idle || old >= Longest):
					rt.Fatalf("lives %s after its last use, %s after its beginning", idle, old)
				case err != nil && idle < Idle-noteEvery && old < Longest:
					rt.Fatalf("ended %s after its last use, %s after its beginning: %v", idle, old, err)
				case err != nil:
					return
				}
				used = now
			}
		})
	})
}

func TestStoreRequests(t *testing.T) {
	w := newWorld(t, false)
	s := w.process()
	cookie, it := w.start(s, ann)
	version := func() int64 {
		item, err := w.table.Get(t.Context(), keyOf(it.ID))
		if err != nil {
			t.Fatal(err)
		}
		return item.Version
	}
	if n := w.requests(func() { w.find(s, cookie) }); n != 2 {
		t.Errorf("the first use takes %d", n)
	}
	w.later(believedFor - time.Second)
	if n := w.requests(func() {
		for range 100 {
			w.find(s, cookie)
		}
	}); n != 0 {
		t.Errorf("a hundred uses take %d", n)
	}
	w.later(time.Second)
	if n := w.requests(func() { w.find(s, cookie) }); n != 2 {
		t.Errorf("a use half a minute later takes %d", n)
	}
	for range 30 { // ten minutes
		w.later(20 * time.Second)
		w.find(s, cookie)
		w.find(w.process(), cookie)
	}
	if got := version(); got != 3 {
		t.Errorf("in ten minutes the last use was written %d times, want 2", got-1)
	}
	w.later(noteEvery)
	n := w.requests(func() {
		var all sync.WaitGroup
		for range 64 {
			all.Go(func() {
				if _, err := s.Find(t.Context(), cookie); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	})
	if got := version(); got != 4 || n > 64 {
		t.Errorf("a herd wrote the last use %d times with %d requests", got-3, n)
	}
}

func TestEnding(t *testing.T) {
	t.Run("is seen at once in the same process, and within half a minute in another", func(t *testing.T) {
		w := newWorld(t, false)
		here, there := w.process(), w.process()
		cookie, it := w.start(here, ann)
		kept, _ := w.start(here, ann)
		for _, s := range []*Sessions{here, there} {
			w.find(s, cookie)
		}
		if err := here.End(t.Context(), ann.Key(), it.ID); err != nil {
			t.Fatal(err)
		}
		w.gone(here, cookie)
		w.find(here, kept)
		w.later(believedFor)
		w.gone(there, cookie)
		w.find(there, kept)
	})
	t.Run("everywhere ends the sessions of one user, those of a lagging index too", func(t *testing.T) {
		w := newWorld(t, false)
		here, there := w.process(), w.process()
		lost, it := w.start(here, ann)
		item, err := w.table.Get(t.Context(), keyOf(it.ID))
		if err != nil {
			t.Fatal(err)
		}
		item.IndexPK, item.IndexSK = "", "" // the index does not show it yet
		if _, err := w.table.Put(t.Context(), item, store.Any()); err != nil {
			t.Fatal(err)
		}
		mine := []string{lost}
		for range 205 { // more than one transaction deletes
			cookie, _ := w.start(here, ann)
			mine = append(mine, cookie)
		}
		others, _ := w.start(there, bob)
		for _, cookie := range mine[:5] {
			w.find(here, cookie)
			w.find(there, cookie)
		}
		if err := here.EndAll(t.Context(), ann.Key()); err != nil {
			t.Fatal(err)
		}
		for _, cookie := range mine {
			w.gone(here, cookie)
		}
		w.later(believedFor)
		for _, cookie := range mine {
			w.gone(there, cookie)
		}
		w.find(there, others)
		if items, err := store.All(t.Context(), w.table, store.Query{Index: true, PK: indexOf(ann.Key())}); err != nil || len(items) != 0 {
			t.Errorf("%d are left, %v", len(items), err)
		}
		again, _ := w.start(here, ann)
		w.find(here, again)
		w.find(there, again)
	})
	t.Run("everywhere ends a session that begins meanwhile", func(t *testing.T) {
		w := newWorld(t, false)
		gate := newGate(w.table)
		s := New(gate, w.clock)
		cookies := make(chan string)
		gate.hold("put SESSION#")
		go func() {
			cookie, _, err := s.Start(t.Context(), SignIn{Principal: ann}, "")
			if err != nil {
				t.Error(err)
			}
			cookies <- cookie
		}()
		gate.reached()
		if err := w.process().EndAll(t.Context(), ann.Key()); err != nil {
			t.Fatal(err)
		}
		gate.open()
		w.gone(s, <-cookies)
	})
	t.Run("is not undone by who read the session before", func(t *testing.T) {
		for name, end := range map[string]func(*Sessions, string) error{
			"one":  func(s *Sessions, id string) error { return s.End(t.Context(), ann.Key(), id) },
			"them": func(s *Sessions, _ string) error { return s.EndAll(t.Context(), ann.Key()) },
		} {
			w := newWorld(t, false)
			gate := newGate(w.table)
			s := New(gate, w.clock)
			cookie, it := w.start(s, ann)
			gate.hold("got USER#")
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = s.Find(t.Context(), cookie) // at the same time: either answer is right
			}()
			gate.reached()
			if err := end(s, it.ID); err != nil {
				t.Fatal(err)
			}
			w.gone(s, cookie) // and does not wait for the first one
			gate.open()
			<-done
			if _, err := s.Find(t.Context(), cookie); fault.Of(err) != fault.Unauthenticated {
				t.Errorf("ending %s: the session is back: %v", name, err)
			}
		}
	})
	t.Run("is not undone by who notes its use", func(t *testing.T) {
		w := newWorld(t, false)
		gate := newGate(w.table)
		s := New(gate, w.clock)
		cookie, it := w.start(s, ann)
		w.later(time.Hour)
		gate.hold("put SESSION#")
		found := make(chan error)
		go func() {
			_, err := s.Find(t.Context(), cookie)
			found <- err
		}()
		gate.reached()
		if err := w.process().End(t.Context(), ann.Key(), it.ID); err != nil {
			t.Fatal(err)
		}
		gate.open()
		if err := <-found; fault.Of(err) != fault.Unauthenticated {
			t.Errorf("got %v", err)
		}
		w.gone(w.process(), cookie)
	})
	t.Run("is for the user's own sessions", func(t *testing.T) {
		w := newWorld(t, false)
		s := w.process()
		cookie, it := w.start(s, ann)
		for _, id := range []string{it.ID, "", "x", it.ID[:62], it.ID + "00", strings.ToUpper(it.ID), cookie, strings.Repeat("0", 64)} {
			if err := s.End(t.Context(), bob.Key(), id); fault.Of(err) != fault.NotFound {
				t.Errorf("%q: %v", id, err)
			}
		}
		w.find(s, cookie)
		w.find(w.process(), cookie)
		if err := s.End(t.Context(), ann.Key(), it.ID); err != nil {
			t.Error(err)
		}
		if err := s.End(t.Context(), ann.Key(), it.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("a second time: %v", err)
		}
	})
	t.Run("that is done elsewhere is seen here by who ends it again", func(t *testing.T) {
		w := newWorld(t, false)
		here := w.process()
		cookie, it := w.start(here, ann)
		w.find(here, cookie)
		if err := w.process().End(t.Context(), ann.Key(), it.ID); err != nil {
			t.Fatal(err)
		}
		if err := here.End(t.Context(), ann.Key(), it.ID); fault.Of(err) != fault.NotFound {
			t.Error(err)
		}
		w.gone(here, cookie)
	})
}

func TestList(t *testing.T) {
	w := newWorld(t, true)
	s := w.process()
	var want []Session
	for range 3 {
		_, it := w.start(s, ann)
		it.Token, it.Noted = "", false
		want = append(want, it)
		w.later(5 * time.Hour)
	}
	w.start(s, bob)
	got, err := s.List(t.Context(), ann.Key())
	if diff := cmp.Diff(want[1:], got); err != nil || diff != "" { // the first one is over
		t.Error(err, diff)
	}
	if err := s.EndAll(t.Context(), ann.Key()); err != nil {
		t.Fatal(err)
	}
	if got, err = s.List(t.Context(), ann.Key()); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestFailuresOfTheStore(t *testing.T) {
	w := newWorld(t, false)
	broken := &broken{Table: w.table}
	s := New(broken, w.clock)
	cookie, it := w.start(s, ann)
	w.later(time.Hour)
	broken.puts = true
	if found := w.find(s, cookie); found.Noted || !found.Used.Equal(noon) {
		t.Errorf("a use that cannot be noted: %+v", found)
	}
	if err := s.EndAll(t.Context(), ann.Key()); fault.Of(err) != fault.Throttled {
		t.Errorf("signed out everywhere: %v", err)
	}
	broken.puts, broken.transactions = false, true
	w.find(s, cookie)
	if err := s.EndAll(t.Context(), ann.Key()); fault.Of(err) != fault.Throttled {
		t.Errorf("ended and kept: %v", err)
	}
	w.gone(s, cookie)
	broken.transactions = false
	if err := s.EndAll(t.Context(), ann.Key()); err != nil {
		t.Error(err)
	}
	if _, err := w.table.Get(t.Context(), keyOf(it.ID)); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("still kept: %v", err)
	}
	broken.gets = true
	for _, err := range []error{
		func() error { _, err := s.Find(t.Context(), cookie); return err }(),
		func() error { _, _, err := s.Start(t.Context(), SignIn{Principal: ann}, ""); return err }(),
		s.End(t.Context(), ann.Key(), it.ID),
		func() error { _, err := s.List(t.Context(), ann.Key()); return err }(),
	} {
		if fault.Of(err) != fault.Throttled {
			t.Errorf("got %v", err)
		}
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	w := newWorld(t, false)
	s := w.process()
	s.cache.limit = 10
	var cookies []string
	for range 35 {
		cookie, _ := w.start(s, ann)
		cookies = append(cookies, cookie)
		w.find(s, cookie)
		if n := len(s.cache.entries); n < 1 || n > 10 {
			t.Fatalf("%d are remembered", n)
		}
	}
	for _, cookie := range cookies {
		w.find(s, cookie)
	}
}

// FuzzFind shows cookies that are not one.
func FuzzFind(f *testing.F) {
	w := newWorld(f, false)
	s := w.process()
	cookie, it := w.start(s, ann)
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	if err != nil {
		f.Fatal(err)
	}
	last := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", cookie[42])
	for _, text := range []string{
		"", "x", it.ID, cookie + "A", cookie[:42], cookie + "=", cookie + "\n", cookie[:20] + "\r\n" + cookie[20:], base64.StdEncoding.EncodeToString(raw),
		cookie[:42] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last^1]), // the same bits, written in another way
		strings.Repeat("A", 43), strings.Repeat("A", 1<<16),
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := s.Find(t.Context(), text)
		if text == cookie {
			if err != nil || found.ID != it.ID {
				t.Errorf("the real one: %v", err)
			}
			return
		}
		if fault.Of(err) != fault.Unauthenticated || found != (Session{}) {
			t.Errorf("%q: %+v, %v", text, found, err)
		}
	})
}

// gate holds one request back.
type gate struct {
	store.Table
	mu      sync.Mutex
	at      string
	arrived chan struct{}
	pass    chan struct{}
}

func newGate(table store.Table) *gate { return &gate{Table: table} }

// hold lets the next request of that kind wait: "put <pk>" before it is made, "got <pk>" after.
func (g *gate) hold(at string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.at, g.arrived, g.pass = at, make(chan struct{}), make(chan struct{})
}

func (g *gate) reached() { <-g.arrived }
func (g *gate) open()    { close(g.pass) }

func (g *gate) wait(at string) {
	g.mu.Lock()
	held := g.at != "" && strings.HasPrefix(at, g.at)
	if held {
		g.at = ""
	}
	arrived, pass := g.arrived, g.pass
	g.mu.Unlock()
	if held {
		close(arrived)
		<-pass
	}
}

func (g *gate) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	g.wait("put " + item.PK)
	return g.Table.Put(ctx, item, cond)
}

func (g *gate) Get(ctx context.Context, key store.Key) (store.Item, error) {
	item, err := g.Table.Get(ctx, key)
	g.wait("got " + key.PK)
	return item, err
}

// broken refuses some requests.
type broken struct {
	store.Table
	gets, puts, transactions bool
}

var errThrottled = fault.New(fault.Throttled, "too much")

func (b *broken) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if b.gets {
		return store.Item{}, errThrottled
	}
	return b.Table.Get(ctx, key)
}

func (b *broken) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if b.puts {
		return 0, errThrottled
	}
	return b.Table.Put(ctx, item, cond)
}

func (b *broken) Transact(ctx context.Context, ops []store.Op) error {
	if b.transactions {
		return errThrottled
	}
	return b.Table.Transact(ctx, ops)
}
