package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
)

// The leaves and roots are the test vectors of the Certificate Transparency reference implementation of RFC 6962.
func TestMerkleRoot(t *testing.T) {
	leaves := []string{"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"}
	roots := []string{
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", // the SHA-256 of nothing
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	grows := newTree()
	for n, want := range roots {
		root := grows.root()
		again, err := rootOf(n, grows.frontier())
		if err != nil || again != root {
			t.Errorf("the frontier of %d leaves has the root %x, %v", n, again, err)
		}
		if hex.EncodeToString(root[:]) != want {
			t.Errorf("root of %d leaves is %x, want %s", n, root, want)
		}
		if n < len(leaves) {
			data, err := hex.DecodeString(leaves[n])
			if err != nil {
				t.Fatal(err)
			}
			if grows, err = grown(n, grows.frontier()); err != nil {
				t.Fatal(err)
			}
			grows.add(tlog.RecordHash(data))
		}
	}
}

func TestLinkHashCoversAllOfTheLink(t *testing.T) {
	link := Link{Seq: 2, Run: "run", Time: monday, Entries: 3, Root: "root", RunDigest: "digest", Audit: AuditHead{4, "audit"}, Longest: 1, Total: 5, Prev: "prev"}
	hashes, leaves := map[string]bool{LinkHash(mustJSON(link)): true}, map[tlog.Hash]bool{LinkLeaf(mustJSON(link)): true}
	for _, change := range linkChanges {
		changed := link
		change(&changed)
		hashes[LinkHash(mustJSON(changed))], leaves[LinkLeaf(mustJSON(changed))] = true, true
	}
	if len(hashes) != len(linkChanges)+1 || len(leaves) != len(linkChanges)+1 {
		t.Errorf("%d changes make %d hashes and %d leaves", len(linkChanges), len(hashes)-1, len(leaves)-1)
	}
	if changes := reflect.TypeFor[Link]().NumField() + reflect.TypeFor[AuditHead]().NumField() - 1; changes != len(linkChanges) {
		t.Errorf("%d things of a link are changed here, it has %d", len(linkChanges), changes)
	}
}

var linkChanges = []func(k *Link){
	func(k *Link) { k.Seq++ },
	func(k *Link) { k.Run += "x" },
	func(k *Link) { k.Sheet += "x" },
	func(k *Link) { k.Time = k.Time.Add(time.Nanosecond) },
	func(k *Link) { k.Entries++ },
	func(k *Link) { k.Root = strings.Repeat("0", 64) },
	func(k *Link) { k.RunDigest += "x" },
	func(k *Link) { k.Audit.Seq++ },
	func(k *Link) { k.Audit.Hash += "x" },
	func(k *Link) { k.Longest++ },
	func(k *Link) { k.Through = k.Through.AddDays(1) },
	func(k *Link) { k.Total++ },
	func(k *Link) { k.Prev = strings.Repeat("0", 64) },
}

// An entry's form is sealed: what a proof shows of it hashes to the same for ever.
func TestLeafOfAnEntry(t *testing.T) {
	e := entry("a", 1, monday)
	e.sum = sha256.Sum256([]byte("stored"))
	const want = "750f0fe9c3617dab555dfd89cfb8a469ff99fdf1ce2ad88d26b6ac97aa00e569"
	leaf := leafHash(e)
	if got := hex.EncodeToString(leaf[:]); got != want {
		t.Errorf("the leaf is %s, it was %s: entries that are sealed do not verify any more. The facts are %s", got, want, mustJSON(e.Facts()))
	}
	stored := with(entry("b", 2, monday.In(time.FixedZone("", 3600))), func(e *Entry) {
		e.Appointment.Subject, e.Appointment.AllDay = "broken \xff <text>", true
		e.Appointment.StartDate, e.Appointment.EndDate = calendar.Date{Year: 2026, Month: 10, Day: 5}, calendar.Date{Year: 2026, Month: 10, Day: 6}
		e.Time = e.Time.Add(time.Nanosecond).In(time.FixedZone("", 7200))
	})
	read, err := decode([]store.Item{{Data: mustJSON(stored)}})
	if err != nil {
		t.Fatal(err)
	}
	if a, b := mustJSON(stored.Facts()), mustJSON(read[0].Facts()); !bytes.Equal(a, b) {
		t.Errorf("what is written has the facts %s, what is read %s", a, b)
	}
}

func TestPrepare(t *testing.T) {
	ctx := t.Context()
	t.Run("the order of the entries does not matter", rapid.MakeCheck(func(r *rapid.T) {
		var entries []*Entry
		open := map[string]tlog.Hash{}
		for _, key := range rapid.SliceOfNDistinct(rapid.StringN(0, 5, -1), 0, 9, rapid.ID).Draw(r, "keys") {
			e := entry(key, 1, monday.Add(time.Duration(rapid.IntRange(0, 3).Draw(r, "hour"))*time.Hour))
			e.stored, e.sum = 1, sha256.Sum256(mustJSON(e))
			e.leaf = leafHash(e)
			open[e.sortKey()] = e.leaf
			entries = append(entries, e)
		}
		l := New(nil, nil, signingtest.Key(t)) // nothing is read or written
		head, ending := Head{open: open}, Ending{Run: "run1", Time: monday}
		want, err := l.Prepare(ctx, config, head, ending, entries)
		if err != nil {
			r.Fatal(err)
		}
		got, err := l.Prepare(ctx, config, head, ending, rapid.Permutation(entries).Draw(r, "order"))
		if err != nil {
			r.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(Sealing{}, Head{}, store.Unknown{}), cmp.AllowUnexported(store.Condition{})); diff != "" {
			r.Fatal(diff)
		}
	}))
	t.Run("what may not have been written is not sealed", func(t *testing.T) {
		w := newWorld(t)
		e := with(entry("a", 1, monday), func(e *Entry) { e.State = Intended })
		w.write(e)
		ending := Ending{Run: "run1", Time: monday}
		if _, err := w.Prepare(ctx, config, *w.head(), ending, []*Entry{e}); fault.Of(err) != fault.Internal || err == nil {
			t.Errorf("intended: %v, want an internal error", err)
		}
		if _, err := w.Prepare(ctx, config, *w.head(), ending, []*Entry{entry("b", 1, monday)}); fault.Of(err) != fault.Internal || err == nil {
			t.Errorf("not in the ledger: %v, want an internal error", err)
		}
	})
	t.Run("all that the open run wrote is sealed, and nothing else", func(t *testing.T) {
		w := newWorld(t)
		a, b := entry("a", 1, monday), entry("b", 1, monday)
		w.write(a, b)
		ending := Ending{Run: "run1", Time: monday}
		for _, entries := range [][]*Entry{nil, {a}, {b}, {a, b, a}} {
			if _, err := w.Prepare(ctx, config, *w.head(), ending, entries); fault.Of(err) != fault.Internal || err == nil {
				t.Errorf("%d of two: %v, want an internal error", len(entries), err)
			}
		}
		ending.Run = "run2"
		if _, err := w.Prepare(ctx, config, *w.head(), ending, []*Entry{a, b}); fault.Of(err) != fault.Internal || err == nil {
			t.Errorf("by another run: %v, want an internal error", err)
		}
	})
	t.Run("what is sealed is what is stored, to the byte", func(t *testing.T) {
		w := newWorld(t)
		w.write(with(entry("a", 1, monday), func(e *Entry) { e.Source.Subject = "broken \xff text" }))
		w.sealAll(monday, "run1")
		w.verified(1, 1)
	})
	t.Run("the head notes the longest entry", func(t *testing.T) {
		w := newWorld(t)
		long := with(entry("a", 1, monday), func(e *Entry) { e.Appointment.End = monday.AddDate(0, 0, 3) })
		w.write(long, entry("b", 1, monday))
		w.sealAll(monday, "run1")
		w.seal(monday, "run2", nil)
		if head, err := w.Head(ctx, config); err != nil || head.Longest != 72*time.Hour || head.Seq != 2 {
			t.Errorf("%+v, %v", head, err)
		}
	})
}

// verify inspects the ledger.
func (w *world) verify() Report {
	w.t.Helper()
	in, err := w.Inspect(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	return in.Report
}

// verified expects that all is well.
func (w *world) verified(links, entries int) Report {
	w.t.Helper()
	report, head := w.verify(), w.head()
	if want := (Report{OK: true, Links: links, Entries: entries, Open: report.Open, Head: head.Hash, Checkpoint: head.Checkpoint}); report != want {
		w.t.Fatalf("report %+v, first %+v, want %+v", report, report.First, want)
	}
	if err := w.Check(w.t.Context(), config, head); err != nil {
		w.t.Fatal(err)
	}
	return report
}

func TestSeal(t *testing.T) {
	ctx := t.Context()
	mine := store.Op{Put: &store.Item{Key: store.Key{PK: "MINE", SK: "a"}, Data: []byte("{}")}, If: store.Absent()}
	prepare := func(t *testing.T, n int) (*world, *Head, *Sealing) {
		w := newWorld(t)
		var entries []*Entry
		for i := range n {
			entries = append(entries, entry(fmt.Sprint("k", i), 1, monday))
		}
		w.write(entries...)
		head := w.head()
		s, err := w.Prepare(ctx, config, *head, Ending{Run: "run1", Time: monday}, entries)
		if err != nil {
			t.Fatal(err)
		}
		return w, head, s
	}
	for _, n := range []int{0, 1, leavesPerPart, leavesPerPart + 1} {
		t.Run(fmt.Sprintf("a link of %d entries", n), func(t *testing.T) {
			w, head, s := prepare(t, n)
			if err := w.Seal(ctx, head, s, mine); err != nil {
				t.Fatal(err)
			}
			if _, err := w.table.Get(ctx, mine.Put.Key); err != nil {
				t.Errorf("the caller's own operation: %v", err)
			}
			w.verified(1, n)

			t.Run("is followed by the next", func(t *testing.T) {
				w.sealWith(head, monday, "run2", nil)
				w.verified(2, n)
			})
		})
		t.Run(fmt.Sprintf("a link of %d entries that comes too late changes nothing", n), func(t *testing.T) {
			w, head, s := prepare(t, n)
			faster := *head
			others, err := w.Unsealed(ctx, config, &faster)
			if err != nil {
				t.Fatal(err)
			}
			w.sealWith(&faster, monday, "run1", others)
			hash, open := head.Hash, head.Open
			if err := w.Seal(ctx, head, s, mine); !errors.Is(err, store.ErrConflict) {
				t.Fatalf("got %v, want a conflict", err)
			}
			if head.Hash != hash || head.Open != open {
				t.Errorf("the head became %+v", head)
			}
			if _, err := w.table.Get(ctx, mine.Put.Key); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("the caller's own operation: %v, want not found", err)
			}
			if now := w.head(); now.Hash != faster.Hash {
				t.Errorf("stored %+v, want %+v", now, faster)
			}
			w.verified(1, n)
		})
	}
}

func TestVerify(t *testing.T) {
	ctx := t.Context()
	t.Run("of nothing all is well", func(t *testing.T) { newWorld(t).verified(0, 0) })
	t.Run("entries of the open run are open", func(t *testing.T) {
		w := newWorld(t)
		w.write(entry("a", 1, monday), with(entry("b", 1, monday), func(e *Entry) { e.State = Intended }))
		if report := w.verified(0, 0); report.Open != 2 {
			t.Errorf("%d are open", report.Open)
		}
	})
	t.Run("an entry that a run wrote after others had sealed what it left is well", func(t *testing.T) {
		w := newWorld(t)
		w.write(entry("a", 1, monday))
		w.sealAll(monday, "run1")
		w.write(entry("b", 1, monday))
		w.sealAll(monday, "run1")
		w.verified(2, 2)
	})
	t.Run("parts of a link that was never added do not count", func(t *testing.T) {
		w := newWorld(t)
		w.write(entry("a", 1, monday))
		w.sealAll(monday, "run1")
		s, err := w.Prepare(ctx, config, *w.head(), Ending{Run: "run2", Time: monday}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.table.BatchPut(ctx, s.items); err != nil {
			t.Fatal(err)
		}
		w.verified(1, 1)
	})
	t.Run("of a ledger that goes on meanwhile it is not said that it was changed", func(t *testing.T) {
		w := newWorld(t)
		runs := 0
		begin := func() { // a run begins and writes when the entries are about to be read
			runs++
			run := fmt.Sprint("run", runs)
			if open := w.head().Open; open != "" {
				w.sealAll(monday, open)
			}
			w.write(with(entry(run, 1, monday), func(e *Entry) { e.Run = run }))
		}
		busy := &interrupted{Table: w.table, left: 1, first: begin}
		in, err := New(busy, w.blobs, w.key).Inspect(ctx, config)
		if err != nil || !in.Report.OK || in.Report.Open != 1 {
			t.Errorf("one run: %+v, %v", in, err)
		}
		busy.left = 100
		if in, err = New(busy, w.blobs, w.key).Inspect(ctx, config); fault.Of(err) != fault.Unavailable {
			t.Errorf("run after run: %+v, %v, want unavailable", in, err)
		}
	})
	t.Run("blob storage that does not answer is no finding", func(t *testing.T) {
		w := newWorld(t)
		w.write(with(entry("a", 1, monday), func(e *Entry) { e.Source.Body.Content = noise(1, maxInline+1) }))
		w.sealAll(monday, "run1")
		for _, failure := range []error{fault.New(fault.Unavailable, "down"), errors.New("access denied")} {
			if in, err := New(w.table, broken{w.blobs, failure}, w.key).Inspect(ctx, config); !errors.Is(err, failure) {
				t.Errorf("%+v, %v, want %v", in, err, failure)
			}
		}
	})
}

// interrupted is a store in which something happens before the first queries of ledger entries.
type interrupted struct {
	store.Table
	left  int
	first func()
}

func (i *interrupted) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if q.To == chainPrefix && i.left > 0 {
		i.left--
		i.first()
	}
	return i.Table.Query(ctx, q)
}

// broken is blob storage that cannot be read.
type broken struct {
	blob.Blob
	err error
}

func (b broken) Get(context.Context, string) (io.ReadCloser, error) { return nil, b.err }

// chain is a sealed ledger as it was made: what Verify has to find of it.
type chain struct {
	*world
	seals []seal
	heads []store.Item // as they were stored before each seal, but the first
}

type seal struct {
	link    Link
	hash    string
	entries []*Entry // in the order of the chain
}

func (c *chain) run(entries []*Entry) {
	c.t.Helper()
	run := fmt.Sprint("run", len(c.seals)+1)
	at := monday.Add(time.Duration(len(c.seals)) * time.Hour)
	for _, e := range entries {
		e.Run, e.Time = run, at
	}
	if len(entries) > 0 {
		c.write(entries...)
	}
	c.seal(at, run, entries)
	head := c.head()
	k, problem, err := c.Ledger.link(c.t.Context(), config, head.Seq, head.Hash)
	if err != nil || problem != "" {
		c.t.Fatal(problem, err)
	}
	slices.SortFunc(entries, func(a, b *Entry) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	c.seals = append(c.seals, seal{k.Link, head.Hash, entries})
	c.heads = append(c.heads, c.get(HeadKey(config)))
}

func (c *chain) entries() (n int) {
	for _, s := range c.seals {
		n += len(s.entries)
	}
	return n
}

// place of an entry in the chain.
type placed struct {
	seal int
	*Entry
}

func (c *chain) all() (all []placed) {
	for i, s := range c.seals {
		for _, e := range s.entries {
			all = append(all, placed{i, e})
		}
	}
	return all
}

func (c *chain) get(key store.Key) store.Item {
	c.t.Helper()
	item, err := c.table.Get(c.t.Context(), key)
	if err != nil {
		c.t.Fatal(err)
	}
	return item
}

// put changes an item, and returns what puts it back.
func (c *chain) put(item store.Item) (undo func()) {
	c.t.Helper()
	before, err := c.table.Get(c.t.Context(), item.Key)
	if _, err := c.table.Put(c.t.Context(), item, store.Any()); err != nil {
		c.t.Fatal(err)
	}
	if errors.Is(err, store.ErrNotFound) {
		return func() { c.remove(item.Key) }
	}
	return func() { c.put(before) }
}

func (c *chain) remove(key store.Key) (undo func()) {
	c.t.Helper()
	before := c.get(key)
	if err := c.table.Delete(c.t.Context(), key, store.Any()); err != nil {
		c.t.Fatal(err)
	}
	return func() { c.put(before) }
}

func (c *chain) linkKey(seal, part int) store.Key {
	s := c.seals[seal]
	return store.Key{PK: partition(config), SK: fmt.Sprintf("%s%04d", linkPrefix(s.link.Seq, s.hash), part)}
}

func (c *chain) parts(seal int) int {
	return max(1, (len(c.seals[seal].entries)+leavesPerPart-1)/leavesPerPart)
}

func (c *chain) linkPart(seal, part int) (p linkPart) {
	c.t.Helper()
	if err := json.Unmarshal(c.get(c.linkKey(seal, part)).Data, &p); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// draws chooses from 0 to n-1.
type draws func(n int, what string) int

// A tampering changes one thing. It returns where the first misfit must be, nil if nothing can be seen, and what undoes it; ok is
// false if the chain has no such thing.
type tampering struct {
	name string
	do   func(c *chain, draw draws) (first *Misfit, undo func(), ok bool)
}

func (p placed) misfit() *Misfit { return &Misfit{Seq: p.seal + 1, Run: p.Run, Entry: p.sortKey()} }

var tamperings = []tampering{
	{"a field of an entry", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		if len(all) == 0 {
			return nil, nil, false
		}
		p := all[draw(len(all), "entry")]
		item := c.get(p.key())
		var fields map[string]any
		if err := json.Unmarshal(item.Data, &fields); err != nil {
			c.t.Fatal(err)
		}
		names := []string{"config", "key", "lineage", "version", "outcome", "hash", "appointment", "source", "run", "time", "actor", "state"}
		name := names[draw(len(names), "field")]
		switch v := fields[name].(type) {
		case string:
			fields[name] = v + "x"
			if name == "time" {
				fields[name] = "2026-10-05T09:00:00.000000001Z"
			}
		case float64:
			fields[name] = v + 1
		case map[string]any:
			v["subject"] = "another"
		default:
			c.t.Fatalf("the entry has no %s", name)
		}
		item.Data = mustJSON(fields)
		return p.misfit(), c.put(item), true
	}},
	{"a byte of an entry", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		if len(all) == 0 {
			return nil, nil, false
		}
		p := all[draw(len(all), "entry")]
		item := c.get(p.key())
		item.Data = bytes.Clone(item.Data)
		item.Data[draw(len(item.Data), "byte")] ^= 1
		return p.misfit(), c.put(item), true
	}},
	{"an entry is deleted", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		if len(all) == 0 {
			return nil, nil, false
		}
		p := all[draw(len(all), "entry")]
		return p.misfit(), c.remove(p.key()), true
	}},
	{"an entry is added", func(c *chain, draw draws) (*Misfit, func(), bool) {
		e := entry("added", 1, monday.Add(time.Duration(draw(100, "hour"))*time.Hour))
		e.Run = []string{"", "run1", "another"}[draw(3, "run")]
		return &Misfit{Run: e.Run, Entry: e.sortKey()}, c.put(store.Item{Key: e.key(), Data: mustJSON(e)}), true
	}},
	{"what is no entry is added", func(c *chain, draw draws) (*Misfit, func(), bool) {
		key := store.Key{PK: partition(config), SK: entry("added", 1, monday).sortKey()}
		data := []string{"null", "[]", "{}", "{", ""}[draw(5, "data")]
		return &Misfit{Entry: key.SK}, c.put(store.Item{Key: key, Data: []byte(data)}), true
	}},
	{"two entries are swapped", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		if len(all) < 2 {
			return nil, nil, false
		}
		i := draw(len(all)-1, "first entry")
		j := i + 1 + draw(len(all)-1-i, "second entry")
		a, b := c.get(all[i].key()), c.get(all[j].key())
		a.Data, b.Data = b.Data, a.Data
		undoA, undoB := c.put(a), c.put(b)
		return all[i].misfit(), func() { undoA(); undoB() }, true
	}},
	{"a field of a link", func(c *chain, draw draws) (*Misfit, func(), bool) {
		if len(c.seals) == 0 {
			return nil, nil, false
		}
		i := draw(len(c.seals), "link")
		p := c.linkPart(i, 0)
		k := c.seals[i].link
		linkChanges[draw(len(linkChanges), "field")](&k)
		p.Link = mustJSON(k)
		return &Misfit{Seq: i + 1, Run: k.Run}, c.put(store.Item{Key: c.linkKey(i, 0), Data: mustJSON(p)}), true
	}},
	{"a link is deleted", func(c *chain, draw draws) (*Misfit, func(), bool) {
		if len(c.seals) == 0 {
			return nil, nil, false
		}
		i := draw(len(c.seals), "link")
		var undo []func()
		for n := range c.parts(i) {
			undo = append(undo, c.remove(c.linkKey(i, n)))
		}
		return &Misfit{Seq: i + 1}, func() {
			for _, u := range undo {
				u()
			}
		}, true
	}},
	{"a part of a link is deleted", func(c *chain, draw draws) (*Misfit, func(), bool) {
		i := slices.IndexFunc(c.seals, func(s seal) bool { return len(s.entries) > leavesPerPart })
		if i < 0 {
			return nil, nil, false
		}
		n := draw(c.parts(i), "part")
		first := &Misfit{Seq: i + 1}
		if n > 0 { // the first one tells the run
			first.Run = c.seals[i].link.Run
		}
		return first, c.remove(c.linkKey(i, n)), true
	}},
	{"a part of a link is added", func(c *chain, draw draws) (*Misfit, func(), bool) {
		if len(c.seals) == 0 {
			return nil, nil, false
		}
		i := draw(len(c.seals), "link")
		p := linkPart{Leaves: []leaf{{SK: "x", Hash: strings.Repeat("0", 64)}}}
		return &Misfit{Seq: i + 1, Run: c.seals[i].link.Run}, c.put(store.Item{Key: c.linkKey(i, c.parts(i)), Data: mustJSON(p)}), true
	}},
	{"a part of a link is unreadable", func(c *chain, draw draws) (*Misfit, func(), bool) {
		if len(c.seals) == 0 {
			return nil, nil, false
		}
		i := draw(len(c.seals), "link")
		n := draw(c.parts(i), "part")
		first := &Misfit{Seq: i + 1}
		if n > 0 {
			first.Run = c.seals[i].link.Run
		}
		return first, c.put(store.Item{Key: c.linkKey(i, n), Data: []byte("{")}), true
	}},
	{"the hash of a leaf", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		if len(all) == 0 {
			return nil, nil, false
		}
		p := all[draw(len(all), "entry")]
		at := slices.Index(c.seals[p.seal].entries, p.Entry)
		part := c.linkPart(p.seal, at/leavesPerPart)
		part.Leaves[at%leavesPerPart].Hash = []string{strings.Repeat("0", 64), "", "zz", strings.Repeat("0", 66)}[draw(4, "hash")]
		return &Misfit{Seq: p.seal + 1, Run: p.Run}, c.put(store.Item{Key: c.linkKey(p.seal, at/leavesPerPart), Data: mustJSON(part)}), true
	}},
	{"the sort key of a leaf", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		if len(all) == 0 {
			return nil, nil, false
		}
		p := all[draw(len(all), "entry")]
		at := slices.Index(c.seals[p.seal].entries, p.Entry)
		part := c.linkPart(p.seal, at/leavesPerPart)
		sk := "2026-10-05T09:00:00Z#nobody#000001"
		if draw(2, "of another") == 1 && len(all) > 1 {
			other := all[draw(len(all), "other")]
			if other.Entry == p.Entry {
				return nil, nil, false
			}
			sk = other.sortKey()
		}
		part.Leaves[at%leavesPerPart].SK = sk
		first := p.misfit()
		first.Entry = sk
		return first, c.put(store.Item{Key: c.linkKey(p.seal, at/leavesPerPart), Data: mustJSON(part)}), true
	}},
	{"two leaves are swapped", func(c *chain, draw draws) (*Misfit, func(), bool) {
		i := slices.IndexFunc(c.seals, func(s seal) bool { return len(s.entries) > 1 })
		if i < 0 {
			return nil, nil, false
		}
		p := c.linkPart(i, 0)
		at := draw(len(p.Leaves)-1, "leaf")
		p.Leaves[at], p.Leaves[at+1] = p.Leaves[at+1], p.Leaves[at]
		return &Misfit{Seq: i + 1, Run: c.seals[i].link.Run}, c.put(store.Item{Key: c.linkKey(i, 0), Data: mustJSON(p)}), true
	}},
	{"a body in blob storage", func(c *chain, draw draws) (*Misfit, func(), bool) {
		all := c.all()
		i := slices.IndexFunc(all, func(p placed) bool { return len(p.Blobs) > 0 })
		if i < 0 {
			return nil, nil, false
		}
		ctx, key := c.t.Context(), bodyKey(config, all[i].Blobs["source"])
		content := all[i].Source.Body.Content
		var err error
		if draw(2, "deleted") == 1 {
			err = c.blobs.Delete(ctx, key)
		} else {
			err = c.blobs.Put(ctx, key, strings.NewReader(content[1:]))
		}
		if err != nil {
			c.t.Fatal(err)
		}
		return all[i].misfit(), func() {
			if err := c.blobs.Put(ctx, key, strings.NewReader(content)); err != nil {
				c.t.Fatal(err)
			}
		}, true
	}},
	{"the head goes back to an older link", func(c *chain, draw draws) (*Misfit, func(), bool) {
		if len(c.seals) == 0 {
			return nil, nil, false
		}
		left := draw(len(c.seals), "links left")
		// What the links sealed that are gone now is in the order of its keys: no chain has it.
		var first *Misfit
		for _, s := range c.seals[left:] {
			for _, e := range s.entries {
				if first == nil || e.sortKey() < first.Entry {
					first = &Misfit{Run: e.Run, Entry: e.sortKey()}
				}
			}
		}
		if left == 0 {
			if first == nil { // nothing but links, which nobody refers to
				first = &Misfit{}
			}
			return first, c.remove(HeadKey(config)), true
		}
		return first, c.put(c.heads[left-1]), true
	}},
	{"the head names a link that is not there", func(c *chain, draw draws) (*Misfit, func(), bool) {
		if len(c.seals) == 0 {
			return nil, nil, false
		}
		head := Head{Seq: len(c.seals), Hash: c.seals[len(c.seals)-1].hash}
		if draw(2, "seq") == 1 {
			head.Seq++
		} else {
			head.Hash = strings.Repeat("0", 64)
		}
		return &Misfit{Seq: head.Seq}, c.put(store.Item{Key: store.Key{PK: partition(config), SK: "HEAD"}, Data: mustJSON(head)}), true
	}},
}

// tamper does it, expects that Verify sees it where it is, and undoes it.
func (c *chain) tamper(r fataler, tampering tampering, draw draws) {
	before := c.verify()
	if !before.OK {
		r.Fatalf("before: %+v, %+v", before, before.First)
	}
	first, undo, ok := tampering.do(c, draw)
	if !ok {
		return
	}
	report := c.verify()
	undo()
	if first == nil { // an older head that lost only links without entries: whoever kept the newest hash sees it
		if !report.OK || report.Head == before.Head {
			r.Fatalf("%s: %+v, %+v, was %+v", tampering.name, report, report.First, before)
		}
		return
	}
	if report.OK || report.First == nil || report.Misfits == 0 {
		r.Fatalf("%s: not seen: %+v", tampering.name, report)
	}
	got := *report.First
	if got.Problem == "" {
		r.Fatalf("%s: no problem is named", tampering.name)
	}
	got.Problem = ""
	if got != *first {
		r.Fatalf("%s: first is %+v, want %+v", tampering.name, *report.First, *first)
	}
}

type fataler interface{ Fatalf(string, ...any) }

func TestVerifyFindsTheOneThingThatWasChanged(t *testing.T) {
	blobs := newWorld(t).blobs // one folder for all: a body that is there already is right
	rapid.Check(t, func(r *rapid.T) {
		c := &chain{world: newWorldWith(t, blobs)}
		defer func() { _ = c.table.Close() }()
		n := 0
		for range rapid.IntRange(0, 5).Draw(r, "links") {
			var entries []*Entry
			for range rapid.IntRange(0, 4).Draw(r, "entries") {
				n++
				e := entry(fmt.Sprint("k", rapid.IntRange(0, 5).Draw(r, "key")), n, monday.Add(time.Duration(rapid.IntRange(0, 99).Draw(r, "hour"))*time.Hour))
				e.Source.Body = calendar.Body{ContentType: "text", Content: rapid.String().Draw(r, "body")}
				e.Source.Subject = rapid.String().Draw(r, "subject")
				e.State = rapid.SampledFrom([]State{Done, Failed}).Draw(r, "state")
				e.Outcome = rapid.SampledFrom([]Outcome{Archived, Superseded, Conflicted, Moved}).Draw(r, "outcome")
				if rapid.IntRange(0, 3).Draw(r, "large") == 3 {
					e.Source.Body.Content = noise(n, maxInline+1)
				}
				entries = append(entries, e)
			}
			c.run(entries)
		}
		c.verified(len(c.seals), c.entries())
		c.tamper(r, rapid.SampledFrom(tamperings).Draw(r, "tampering"), func(n int, what string) int { return rapid.IntRange(0, n-1).Draw(r, what) })
		c.verified(len(c.seals), c.entries())
	})
}

func TestVerifyOfALongChain(t *testing.T) {
	c := &chain{world: newWorld(t)}
	for _, n := range []int{3, 0, 1500, 0, 1, 40, 0} {
		var entries []*Entry
		for i := range n {
			e := entry(fmt.Sprint("k", i), len(c.seals)+1, monday.Add(time.Duration(i%200)*time.Hour))
			if i == 7 {
				e.Source.Body.Content = noise(n, maxInline+1)
			}
			entries = append(entries, e)
		}
		c.run(entries)
	}
	c.verified(7, 1544)

	t.Run("of what is before a broken link nothing is said", func(t *testing.T) {
		undo := c.remove(c.linkKey(6, 0))
		defer undo()
		report := c.verify()
		if report.Misfits != 1 || report.Entries != 0 || report.Open != 0 {
			t.Errorf("%+v", report)
		}
	})
	t.Run("entries do not change places, even if their link says so", func(t *testing.T) {
		p := c.linkPart(0, 0)
		a, b := &p.Leaves[0], &p.Leaves[1]
		first, second := c.get(store.Key{PK: partition(config), SK: a.SK}), c.get(store.Key{PK: partition(config), SK: b.SK})
		first.Data, second.Data = second.Data, first.Data
		a.SK, b.SK = b.SK, a.SK
		for _, item := range []store.Item{first, second, {Key: c.linkKey(0, 0), Data: mustJSON(p)}} {
			defer c.put(item)()
		}
		report := c.verify()
		if report.Misfits < 2 || report.First.Entry != a.SK {
			t.Errorf("%+v, %+v", report, report.First)
		}
	})
	random := rand.New(rand.NewPCG(1, 2))
	for _, tampering := range tamperings {
		t.Run(tampering.name, func(t *testing.T) {
			for range 2 {
				c.tamper(t, tampering, func(n int, _ string) int { return random.IntN(n) })
			}
		})
	}
	c.verified(7, 1544)
}

// What is signed is recomputed all the same: a program with a fault signs, too.
func TestBookkeepingIsRecomputed(t *testing.T) {
	ctx := t.Context()
	for name, wrong := range map[string]func(h *Head){
		"the longest entry":     func(h *Head) { h.Longest = 100 * time.Hour },
		"the number of entries": func(h *Head) { h.Entries++ },
		"the tree of the links": func(h *Head) { h.Tree[0] = strings.Repeat("0", 64) },
		"the number of links":   func(h *Head) { h.Seq, h.Tree = 2, []string{h.Tree[0]} },
		"the link before":       func(h *Head) { h.Hash = strings.Repeat("0", 64) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write(entry("a", 1, monday))
			w.sealAll(monday, "run1")
			head := w.head()
			wrong(head)
			s, err := w.Prepare(ctx, config, *head, Ending{Run: "run2", Time: monday}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.Seal(ctx, head, s); err != nil {
				t.Fatal(err)
			}
			if report := w.verify(); report.OK {
				t.Errorf("%+v", report)
			}
		})
	}
	t.Run("a link that counts other entries than it has", func(t *testing.T) {
		root := newTree().root()
		raw := mustJSON(Link{Seq: 1, Run: "run1", Time: monday, Entries: 1, Root: hex.EncodeToString(root[:])})
		items := []store.Item{{Data: mustJSON(linkPart{Link: raw, Leaves: []leaf{}})}}
		if _, problem := readLink(items, 1, LinkHash(raw), itself); problem == "" {
			t.Error("no problem")
		}
	})
	t.Run("an entry that another link is to seal", func(t *testing.T) {
		w := newWorld(t)
		a, b := entry("a", 1, monday), entry("b", 1, monday)
		w.write(a)
		w.sealAll(monday, "run1")
		w.write(b)
		head := w.head()
		head.open[a.sortKey()] = a.leaf // sealed once more
		s, err := w.Prepare(ctx, config, *head, Ending{Run: "run1", Time: monday}, []*Entry{a, b})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Seal(ctx, head, s); err != nil {
			t.Fatal(err)
		}
		if report := w.verify(); report.OK || report.First.Entry != a.sortKey() || report.First.Seq != 2 {
			t.Errorf("%+v, first %+v", report, report.First)
		}
	})
}
