package audit

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const ana = "tenant#ana"

var monday = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)

var same = cmp.Options{cmp.AllowUnexported(Value{}), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

// world is a log over a real store, with a clock that stands until it is moved.
type world struct {
	*Log
	t     testing.TB
	table *store.Counter
	clock atomic.Int64 // Unix milliseconds
}

func (w *world) now() time.Time { return time.UnixMilli(w.clock.Load()).UTC() }

func (w *world) move(d time.Duration) { w.clock.Add(d.Milliseconds()) }

func (w *world) newID() string {
	return ulid.MustNew(ulid.Timestamp(w.now()), ulid.DefaultEntropy()).String()
}

// another returns the log as another process has it.
func (w *world) another(table store.Table) *Log { return New(table, w.now, w.newID) }

func newWorld(t testing.TB) *world {
	t.Helper()
	table, err := sqlite.Open(":memory:", func() time.Time { return monday })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{t: t, table: &store.Counter{Table: table}}
	w.clock.Store(monday.UnixMilli())
	w.Log = w.another(w.table)
	return w
}

func entry(action Action, id string) Entry {
	kind, _, _ := strings.Cut(string(action), ".")
	return Entry{User: ana, Actor: ana, Action: action, Resource: Resource{Kind: kind, ID: id}, Outcome: OK, Correlation: "c-" + id,
		Personal: Personal{Name: "Ana", IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla/5.0"}}
}

func (w *world) append(entries ...Entry) []Record {
	w.t.Helper()
	records, err := w.Append(w.t.Context(), entries...)
	if err != nil {
		w.t.Fatal(err)
	}
	return records
}

// all returns a user's records as List has them, the newest first.
func (w *world) all(user string, f Filter) []Record {
	w.t.Helper()
	var records []Record
	for cursor := ""; ; {
		page, err := w.List(w.t.Context(), user, f, MaxPage, cursor)
		if err != nil {
			w.t.Fatal(err)
		}
		records = append(records, page.Records...)
		if cursor = page.Next; cursor == "" {
			return records
		}
	}
}

func (w *world) verify(user string) Report {
	w.t.Helper()
	report, err := w.Verify(w.t.Context(), user)
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// sound fails the test unless the chain verifies and has n records.
func (w *world) sound(user string, n int) {
	w.t.Helper()
	if report := w.verify(user); !report.OK || report.Records != n || report.Seq != n {
		w.t.Fatalf("want a sound chain of %d records, got %+v", n, report)
	}
}

func TestAppend(t *testing.T) {
	t.Run("records follow each other without gaps and hold what was given", func(t *testing.T) {
		w := newWorld(t)
		e := entry("config.create", "c1")
		e.Duration, e.Details = 12, Details{"rules": Int(3), "active": Bool(true), "hash": ID("sha256:aa")}
		first := w.append(e)
		w.move(time.Second)
		rest := w.append(entry("run.start", "r1"), Entry{User: ana, Action: "run.archive.finished", Outcome: Failed, Fault: "unavailable"})
		records := slices.Concat(first, rest)
		stored := w.all(ana, Filter{})
		slices.Reverse(stored)
		if diff := cmp.Diff(records, stored, same); diff != "" {
			t.Error(diff)
		}
		if records[0].Time != monday || records[1].Time != monday.Add(time.Second) || records[0].Behind != 0 {
			t.Errorf("times are %s and %s", records[0].Time, records[1].Time)
		}
		if diff := cmp.Diff(e, stored[0].Entry, same); diff != "" {
			t.Error(diff)
		}
		for i, r := range records {
			if r.Seq != i+1 || i > 0 && (r.Prev != records[i-1].Hash || r.ID <= records[i-1].ID) {
				t.Errorf("record %d is %+v", i, r)
			}
		}
		if stored[2].Actor != System {
			t.Errorf("without an actor it is %q", stored[2].Actor)
		}
		w.sound(ana, 3)
	})
	t.Run("alone on a chain it costs a transaction, and a read the first time", func(t *testing.T) {
		w := newWorld(t)
		for i, want := range []int{2, 1, 1} {
			before := w.table.Requests()
			w.append(entry("run.start", fmt.Sprint(i)))
			if got := w.table.Requests() - before; got != want {
				t.Errorf("append %d took %d requests, want %d", i, got, want)
			}
		}
	})
	t.Run("a process that was overtaken catches up", func(t *testing.T) {
		w := newWorld(t)
		other := w.another(w.table)
		for i := range 6 {
			if _, err := []*Log{w.Log, other}[i%2].Append(t.Context(), entry("run.start", fmt.Sprint(i))); err != nil {
				t.Fatal(err)
			}
		}
		w.sound(ana, 6)
	})
	t.Run("chains of different users know nothing of each other", func(t *testing.T) {
		w := newWorld(t)
		for i := range 300 { // more than there are stripes
			e := entry("run.start", "r")
			e.User = fmt.Sprintf("tenant#%d", i%100)
			w.append(e)
		}
		for i := range 100 {
			w.sound(fmt.Sprintf("tenant#%d", i), 3)
		}
	})
	t.Run("a clock that was set back does not turn the order round", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "1"))
		w.move(-time.Hour)
		late := w.append(entry("run.start", "2"), entry("run.start", "3"))
		for _, r := range late {
			if r.Time.Before(monday) || r.Behind < time.Hour.Milliseconds() {
				t.Errorf("record of %s is %d ms behind", r.Time, r.Behind)
			}
		}
		w.sound(ana, 3)
	})
	t.Run("a batch is written as a whole or not at all", func(t *testing.T) {
		w := newWorld(t)
		bad := entry("run.start", "2")
		bad.Outcome = ""
		if _, err := w.Append(t.Context(), entry("run.start", "1"), bad); fault.Of(err) != fault.Internal {
			t.Errorf("got %v", err)
		}
		w.sound(ana, 0)
		w.append(slices.Repeat([]Entry{entry("run.start", "1")}, MaxAppend)...)
		w.sound(ana, MaxAppend)
	})
	t.Run("a record that is there is not written over, whatever became of the head", func(t *testing.T) {
		w := newWorld(t)
		id := w.newID()
		l := New(w.table, w.now, func() string { return id })
		if _, err := l.Append(t.Context(), entry("run.start", "1")); err != nil {
			t.Fatal(err)
		}
		w.remove(HeadKey(ana))
		before := w.items(ana)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := New(w.table, w.now, func() string { return id }).Append(ctx, entry("run.start", "2")); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		if diff := cmp.Diff(before, w.items(ana)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a damaged head is not built on", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "1"))
		w.put(store.Item{Key: HeadKey(ana), Data: []byte(`{"seq":1}`)})
		if _, err := w.another(w.table).Append(t.Context(), entry("run.start", "2")); fault.Of(err) != fault.Malformed {
			t.Errorf("got %v", err)
		}
	})
}

func TestAppendRefuses(t *testing.T) {
	for name, change := range map[string]func(*Entry){
		"nobody's chain":             func(e *Entry) { e.User = "" },
		"a user that is too long":    func(e *Entry) { e.User = strings.Repeat("u", maxUser+1) },
		"an actor that is not UTF-8": func(e *Entry) { e.Actor = "\xff" },
		"no action":                  func(e *Entry) { e.Action = "" },
		"an action of one word":      func(e *Entry) { e.Action = "run" },
		"an action that is content":  func(e *Entry) { e.Action = "run.Lunch with Ann" },
		"no outcome":                 func(e *Entry) { e.Outcome = "" },
		"an unreadable outcome":      func(e *Entry) { e.Outcome = Unreadable },
		"a detail's name":            func(e *Entry) { e.Details = Details{"Lunch with Ann": Int(1)} },
		"a detail without a value":   func(e *Entry) { e.Details = Details{"n": {}} },
		"too many details": func(e *Entry) {
			e.Details = Details{}
			for i := range maxDetails + 1 {
				e.Details["n"+fmt.Sprint(i)] = Int(1)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := entry("run.start", "1")
			change(&e)
			if _, err := w.Append(t.Context(), e); fault.Of(err) != fault.Internal || err == nil {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("no records, too many, and those of two users", func(t *testing.T) {
		w := newWorld(t)
		other := entry("run.start", "1")
		other.User = "tenant#bob"
		for _, entries := range [][]Entry{nil, slices.Repeat([]Entry{entry("run.start", "1")}, MaxAppend+1), {entry("run.start", "1"), other}} {
			if _, err := w.Append(t.Context(), entries...); fault.Of(err) != fault.Internal || err == nil {
				t.Errorf("got %v", err)
			}
		}
	})
}

func TestNormal(t *testing.T) {
	t.Run("what is no id becomes a hash", func(t *testing.T) {
		for _, text := range []string{"Lunch with Ann", "ana@example.com", "msgraph://me@example.com/calendars/Private", strings.Repeat("a", maxID+1), "é"} {
			e := entry("calendar.import", text)
			e.Correlation, e.Fault, e.Details = text, text, Details{"calendar": ID(text)}
			e, err := e.normal()
			if err != nil {
				t.Fatal(err)
			}
			if stored := string(mustJSON(e)); strings.Contains(stored, text) || len(e.Resource.ID) != len("sha256:")+32 {
				t.Errorf("%q is stored as %s", text, stored)
			}
		}
	})
	t.Run("ids stay, and a hash stays what it is", func(t *testing.T) {
		for _, id := range []string{"", "01J9ZKQ4T0Z8Q0V5", "AAMkAGI2TG93AAA+/_-=", "tid#oid", identifier("no id")} {
			if got := identifier(id); got != id {
				t.Errorf("%q became %q", id, got)
			}
		}
	})
	t.Run("personal fields are bounded and cannot break a line", func(t *testing.T) {
		e := entry("run.start", "1")
		e.Personal = Personal{Name: "Ana\r\nB", IP: netip.MustParseAddr("::ffff:192.0.2.7"), UserAgent: strings.Repeat("é", 1000) + "\xff"}
		e, err := e.normal()
		if err != nil {
			t.Fatal(err)
		}
		if e.Personal.Name != "Ana  B" || e.Personal.IP.String() != "192.0.2.7" || len(e.Personal.UserAgent) != maxUserAgent ||
			!utf8.ValidString(e.Personal.UserAgent) {
			t.Errorf("got %+v", e.Personal)
		}
		if odd := cut("a"+strings.Repeat("é", 1000), maxUserAgent); len(odd) != maxUserAgent-1 || !utf8.ValidString(odd) {
			t.Errorf("cut to %d bytes, valid %t", len(odd), utf8.ValidString(odd))
		}
	})
	t.Run("in somebody else's chain nothing personal is kept", func(t *testing.T) {
		w := newWorld(t)
		e := entry("user.disable", "u1")
		e.Actor = "tenant#admin"
		if r := w.append(e)[0]; r.Personal != (Personal{}) || r.Actor != "tenant#admin" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("what the caller gave is left alone", func(t *testing.T) {
		w := newWorld(t)
		e := entry("run.start", "no id")
		e.Actor = ""
		given := []Entry{e}
		w.append(given...)
		if given[0].Actor != "" || given[0].Resource.ID != "no id" {
			t.Errorf("got %+v", given[0])
		}
	})
}

func TestValueReadsBackOnlyWhatItCanHold(t *testing.T) {
	for text, ok := range map[string]bool{`"a"`: true, `-7`: true, `true`: true, `null`: false, `1.5`: false, `[]`: false, `{}`: false} {
		var d Details
		err := json.Unmarshal([]byte(`{"v":`+text+`}`), &d)
		if ok != (err == nil && bytes.Equal(mustJSON(d), []byte(`{"v":`+text+`}`))) {
			t.Errorf("%s reads as %v, %v", text, d, err)
		}
	}
}

func TestAfter(t *testing.T) {
	t.Run("ids grow whatever they are made from", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			bytesOf := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x7f, 0xfe, 0xff}), 16, 16)
			last, fresh := ulid.ULID(bytesOf.Draw(t, "last")), ulid.ULID(bytesOf.Draw(t, "fresh"))
			if last == (ulid.ULID{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}) {
				t.Skip("there is none after the last one")
			}
			id := after(last, fresh)
			if id.Compare(last) <= 0 || id.Compare(fresh) < 0 || id.String() <= last.String() {
				t.Errorf("%s follows %s", id, last)
			}
		})
	})
}

// contend has many writers append at once and checks that all of it landed.
func contend(t *testing.T, w *world, logs []*Log, each int) {
	t.Helper()
	var writers sync.WaitGroup
	for i, l := range logs {
		writers.Go(func() {
			for n := range each {
				if _, err := l.Append(t.Context(), entry("run.start", fmt.Sprintf("%d-%d", i, n))); err != nil {
					t.Errorf("writer %d: %v", i, err)
				}
			}
		})
	}
	writers.Wait()
	w.sound(ana, len(logs)*each)
	seen := map[string]bool{}
	for _, r := range w.all(ana, Filter{}) {
		seen[r.Resource.ID] = true
	}
	if len(seen) != len(logs)*each {
		t.Errorf("%d different records of %d", len(seen), len(logs)*each)
	}
}

func TestContention(t *testing.T) {
	t.Run("fifty goroutines of one process all land, and none is in another's way", func(t *testing.T) {
		w := newWorld(t)
		contend(t, w, slices.Repeat([]*Log{w.Log}, 50), 10)
		if got := w.table.Requests(); got > 500+1+10 { // with what it takes to read them
			t.Errorf("500 appends took %d requests", got)
		}
	})
	t.Run("fifty processes all land", func(t *testing.T) {
		w := newWorld(t)
		logs := make([]*Log, 50)
		for i := range logs {
			logs[i] = w.another(w.table)
		}
		contend(t, w, logs, 4)
	})
	t.Run("a writer whose time is up stops waiting for its turn", func(t *testing.T) {
		w := newWorld(t)
		held, release, entered := &gate{Table: w.table}, make(chan struct{}), make(chan struct{})
		held.before = func() { close(entered); <-release }
		l := w.another(held)
		var first sync.WaitGroup
		first.Go(func() {
			if _, err := l.Append(t.Context(), entry("run.start", "1")); err != nil {
				t.Error(err)
			}
		})
		<-entered
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := l.Append(over, entry("run.start", "2")); !errors.Is(err, context.Canceled) || fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		close(release)
		first.Wait()
		w.sound(ana, 1)
	})
}

// gate lets a test in before the first transaction.
type gate struct {
	store.Table
	once   sync.Once
	before func()
}

func (g *gate) Transact(ctx context.Context, ops []store.Op) error {
	g.once.Do(g.before)
	return g.Table.Transact(ctx, ops)
}

// flaky loses requests and answers.
type flaky struct {
	store.Table
	fails func() (before, after bool)
	with  error // nil: errCut
}

func (f *flaky) err() error {
	if f.with != nil {
		return f.with
	}
	return errCut
}

var errCut = fault.New(fault.Unavailable, "connection cut")

func (f *flaky) Transact(ctx context.Context, ops []store.Op) error {
	before, after := f.fails()
	if before {
		return f.err()
	}
	if err := f.Table.Transact(ctx, ops); err != nil {
		return err
	}
	if after {
		return f.err()
	}
	return nil
}

func (f *flaky) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if before, _ := f.fails(); before {
		return store.Item{}, f.err()
	}
	return f.Table.Get(ctx, key)
}

func (f *flaky) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if before, _ := f.fails(); before {
		return store.Page{}, f.err()
	}
	return f.Table.Query(ctx, q)
}

func TestUnknownOutcome(t *testing.T) {
	t.Run("an append whose answer was lost is recorded once", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "0"))
		calls := 0
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) { calls++; return false, calls == 2 }}) // the head, the transaction
		if _, err := l.Append(t.Context(), entry("run.start", "1"), entry("run.start", "2")); err != nil {
			t.Fatal(err)
		}
		w.sound(ana, 3)
	})
	t.Run("many writers over a store that loses requests and answers all land once", func(t *testing.T) {
		w := newWorld(t)
		var guard sync.Mutex
		random := rand.New(rand.NewPCG(1, 2))
		fails := func() (bool, bool) {
			guard.Lock()
			defer guard.Unlock()
			return random.IntN(4) == 0, random.IntN(4) == 0
		}
		logs := make([]*Log, 8)
		for i := range logs {
			logs[i] = w.another(&flaky{Table: w.table, fails: fails})
		}
		contend(t, w, logs, 5)
	})
	t.Run("when the store stays away, the error says so", func(t *testing.T) {
		w := newWorld(t)
		tries := 0
		ctx, cancel := context.WithCancel(t.Context())
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) {
			if tries++; tries == 3 {
				cancel()
			}
			return true, true
		}})
		if _, err := l.Append(ctx, entry("run.start", "1")); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		w.sound(ana, 0)
	})
}

func TestOnce(t *testing.T) {
	t.Run("an effect that is told again is recorded once", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "r1"))
		var ids []string
		for range 3 {
			w.move(time.Minute)
			r, err := w.Once(t.Context(), monday, entry("run.archive.finished", "r1"))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, r.ID)
		}
		if ids[0] != ids[1] || ids[1] != ids[2] {
			t.Errorf("recorded as %v", ids)
		}
		w.sound(ana, 2)
	})
	t.Run("another effect, another resource and an earlier one are told apart", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.archive.finished", "r1"))
		w.move(time.Minute)
		for _, e := range []Entry{entry("run.archive.finished", "r2"), entry("run.start", "r1"), entry("run.archive.finished", "r1")} {
			if _, err := w.Once(t.Context(), w.now(), e); err != nil {
				t.Fatal(err)
			}
		}
		w.sound(ana, 4)
	})
	t.Run("many who tell it at once record it once", func(t *testing.T) {
		w := newWorld(t)
		var all sync.WaitGroup
		for range 20 {
			l := w.another(w.table)
			all.Go(func() {
				if _, err := l.Once(t.Context(), monday, entry("run.archive.finished", "r1")); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		w.sound(ana, 1)
	})
	t.Run("it costs one query and one transaction", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "r1"))
		before := w.table.Requests()
		if _, err := w.Once(t.Context(), monday, entry("run.archive.finished", "r1")); err != nil {
			t.Fatal(err)
		}
		if got := w.table.Requests() - before; got != 2 {
			t.Errorf("%d requests", got)
		}
	})
}

// BenchmarkAppend reports what a record costs in requests to the store, alone on a chain and with other processes at work.
func BenchmarkAppend(b *testing.B) {
	b.Run("alone", func(b *testing.B) {
		w := newWorld(b)
		for b.Loop() {
			w.append(entry("run.start", "r1"))
		}
		b.ReportMetric(float64(w.table.Requests())/float64(b.N), "requests/op")
	})
	b.Run("batches of 50", func(b *testing.B) {
		w := newWorld(b)
		entries := slices.Repeat([]Entry{entry("run.start", "r1")}, 50)
		for b.Loop() {
			w.append(entries...)
		}
		b.ReportMetric(float64(w.table.Requests())/float64(b.N), "requests/op")
	})
	b.Run("eight processes", func(b *testing.B) {
		w := newWorld(b)
		var left atomic.Int64
		left.Store(int64(b.N))
		var all sync.WaitGroup
		b.ResetTimer()
		for range 8 {
			l := w.another(w.table)
			all.Go(func() {
				for left.Add(-1) >= 0 {
					if _, err := l.Append(b.Context(), entry("run.start", "r1")); err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
		b.ReportMetric(float64(w.table.Requests())/float64(b.N), "requests/op")
	})
}

// BenchmarkVerify reads a chain of 10,000 records.
func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	for range 200 {
		w.append(slices.Repeat([]Entry{entry("run.start", "r1")}, 50)...)
	}
	before := w.table.Requests()
	b.ReportAllocs()
	for b.Loop() {
		w.sound(ana, 10_000)
	}
	b.ReportMetric(float64(w.table.Requests()-before)/float64(b.N), "requests/op")
}
