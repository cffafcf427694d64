package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oklog/ulid/v2"
	"pgregory.net/rapid"

	"adminassistant/shared/store"
)

// put writes an item as an intruder would.
func (w *world) put(items ...store.Item) {
	w.t.Helper()
	if err := w.table.BatchPut(w.t.Context(), items); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(key store.Key) {
	w.t.Helper()
	if err := w.table.Delete(w.t.Context(), key, store.Any()); err != nil {
		w.t.Fatal(err)
	}
}

// items returns all that is stored of a user, in order; the head is the last.
func (w *world) items(user string) []store.Item {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.table, store.Query{PK: partition(user)})
	if err != nil {
		w.t.Fatal(err)
	}
	return items
}

// rewrite changes a stored record and makes its hash fit.
func rewrite(item store.Item, change func(*Record)) store.Item {
	r, err := decode(&item)
	if err != nil {
		panic(err)
	}
	change(&r)
	r.Hash = r.Sum()
	item.Data = mustJSON(r)
	return item
}

// next returns the id after another one.
func next(id string) string { return after(ulid.MustParse(id), ulid.ULID{}).String() }

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(w *world, items []store.Item) // of five records, and the head
		want   []Misfit                           // IDs are left out
	}{
		{"nothing is wrong", func(*world, []store.Item) {}, nil},
		{"a record is gone", func(w *world, items []store.Item) { w.remove(items[2].Key) }, []Misfit{{Seq: 3, Last: 3, Problem: Missing}}},
		{"the first ones are gone", func(w *world, items []store.Item) { w.remove(items[0].Key); w.remove(items[1].Key) },
			[]Misfit{{Seq: 1, Last: 2, Problem: Missing}}},
		{"the newest ones are gone", func(w *world, items []store.Item) { w.remove(items[3].Key); w.remove(items[4].Key) },
			[]Misfit{{Seq: 4, Last: 5, Problem: Truncated}}},
		{"the head is gone", func(w *world, items []store.Item) { w.remove(items[5].Key) }, []Misfit{{Seq: 5, Problem: Headless}}},
		{"the head is unreadable", func(w *world, items []store.Item) { items[5].Data = []byte("no"); w.put(items[5]) }, []Misfit{{Problem: Headless}}},
		{"the head tells less", func(w *world, items []store.Item) {
			r, _ := decode(&items[3])
			items[5].Data = mustJSON(head{Seq: r.Seq, ID: r.ID, Hash: r.Hash})
			w.put(items[5])
		}, []Misfit{{Seq: 5, Problem: Headless}}},
		{"a record was changed", func(w *world, items []store.Item) {
			items[2].Data = []byte(strings.Replace(string(items[2].Data), `"ok"`, `"failed"`, 1))
			w.put(items[2])
		}, []Misfit{{Seq: 3, Problem: Altered}}},
		{"a record was changed and its hash made to fit", func(w *world, items []store.Item) {
			w.put(rewrite(items[2], func(r *Record) { r.Outcome = Failed }))
		}, []Misfit{{Seq: 4, Problem: Unlinked}}},
		{"the newest record was changed and its hash made to fit", func(w *world, items []store.Item) {
			w.put(rewrite(items[4], func(r *Record) { r.Outcome = Failed }))
		}, []Misfit{{Seq: 5, Problem: Headless}}},
		{"a record is unreadable", func(w *world, items []store.Item) { items[1].Data = []byte("{"); w.put(items[1]) }, []Misfit{{Seq: 2, Problem: Altered}}},
		{"two records changed places", func(w *world, items []store.Item) {
			items[1].Data, items[2].Data = items[2].Data, items[1].Data
			w.put(items[1], items[2])
		}, []Misfit{{Seq: 3, Problem: Reordered}, {Seq: 2, Problem: Reordered}}},
		{"a record is there twice", func(w *world, items []store.Item) {
			copied := items[2]
			copied.SK = next(items[2].SK)
			w.put(copied)
		}, []Misfit{{Seq: 3, Problem: Reordered}, {Seq: 4, Problem: Reordered}}},
		{"a record was put in between", func(w *world, items []store.Item) {
			forged := rewrite(items[2], func(r *Record) { r.ID = next(r.ID) })
			forged.SK = next(items[2].SK)
			w.put(forged)
		}, []Misfit{{Seq: 3, Problem: Reordered}}},
		{"a record was put behind the newest", func(w *world, items []store.Item) {
			forged := rewrite(items[4], func(r *Record) { r.Seq, r.Prev, r.ID = 6, r.Hash, next(r.ID) })
			forged.SK = next(items[4].SK)
			w.put(forged)
		}, []Misfit{{Seq: 6, Problem: Headless}}},
		{"a record is another user's", func(w *world, items []store.Item) {
			w.put(rewrite(items[2], func(r *Record) { r.User = "tenant#bob" }))
		}, []Misfit{{Problem: Foreign}, {Seq: 3, Last: 3, Problem: Missing}}},
		{"something else lies there", func(w *world, items []store.Item) {
			w.put(store.Item{Key: store.Key{PK: partition(ana), SK: "0"}, Data: []byte("{}")})
		}, []Misfit{{Problem: Foreign}}},
		{"personal fields were changed", func(w *world, items []store.Item) {
			items[2].Data = []byte(strings.Replace(string(items[2].Data), "192.0.2.7", "192.0.2.8", 1))
			w.put(items[2])
		}, []Misfit{{Seq: 3, Problem: Altered}}},
		{"personal fields were removed", func(w *world, items []store.Item) {
			r, _ := decode(&items[2])
			r.Salt, r.Personal = nil, Personal{}
			items[2].Data = mustJSON(r)
			w.put(items[2])
		}, []Misfit{{Seq: 3, Problem: Altered}}},
		{"a record was given an end", func(w *world, items []store.Item) { items[2].Expires = monday.Add(time.Hour); w.put(items[2]) },
			[]Misfit{{Seq: 3, Problem: Altered}}},
		{"a record was put into the index", func(w *world, items []store.Item) { items[2].IndexPK, items[2].IndexSK = "a", "b"; w.put(items[2]) },
			[]Misfit{{Seq: 3, Problem: Altered}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			for i := range 5 {
				w.append(entry("run.start", fmt.Sprint(i)))
				w.move(time.Second)
			}
			tt.tamper(w, w.items(ana))
			report := w.verify(ana)
			var got []Misfit
			for _, m := range report.Misfits {
				if m.ID == "" && m.Problem != Missing && m.Problem != Truncated {
					t.Errorf("%+v names no place", m)
				}
				m.ID = ""
				got = append(got, m)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if report.OK != (tt.want == nil) || report.Count != len(tt.want) {
				t.Errorf("got %+v", report)
			}
		})
	}
	t.Run("a chain that was rewritten as a whole shows against a head that was kept", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "1"))
		kept := w.verify(ana).Head
		items := w.items(ana)
		forged := rewrite(items[0], func(r *Record) { r.Outcome = Failed })
		r, _ := decode(&forged)
		items[1].Data = mustJSON(head{Seq: 1, ID: r.ID, Hash: r.Hash})
		w.put(forged, items[1])
		if report := w.verify(ana); !report.OK || report.Head == kept {
			t.Errorf("got %+v", report)
		}
	})
	t.Run("a report names a hundred misfits and counts them all", func(t *testing.T) {
		w := newWorld(t)
		w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 99)...)
		w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 50)...)
		items := w.items(ana)
		for i := range items[:149] {
			items[i].Data = []byte("{}")
		}
		w.put(items...)
		if report := w.verify(ana); len(report.Misfits) != 100 || report.Count != 149 || report.Records != 149 {
			t.Errorf("%d of %d misfits in %d records", len(report.Misfits), report.Count, report.Records)
		}
	})
	t.Run("appends that go on meanwhile are no misfits", func(t *testing.T) {
		w := newWorld(t)
		w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 50)...)
		var writers sync.WaitGroup
		var left atomic.Int64
		for range 4 {
			l := w.another(w.table)
			left.Add(1)
			writers.Go(func() {
				defer left.Add(-1)
				for range 20 {
					if _, err := l.Append(t.Context(), entry("run.start", "2"), entry("run.start", "3")); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for left.Load() > 0 {
			if report := w.verify(ana); !report.OK {
				t.Errorf("got %+v", report)
			}
		}
		writers.Wait()
		w.sound(ana, 50+4*20*2)
	})
}

// genEntry draws what may be recorded for a user.
func genEntry(user string) *rapid.Generator[Entry] {
	return rapid.Custom(func(t *rapid.T) Entry {
		action := rapid.SampledFrom([]Action{"run.start", "run.archive.finished", "runs.clear", "config.create", "config.update", "session.create"}).Draw(t, "action")
		e := entry(action, rapid.SampledFrom([]string{"1", "2", "a name"}).Draw(t, "id"))
		e.User, e.Actor = user, user
		e.Outcome = rapid.SampledFrom([]Outcome{Begun, OK, Refused, Failed}).Draw(t, "outcome")
		e.Correlation = rapid.SampledFrom([]string{"", "c1", "c2"}).Draw(t, "correlation")
		e.Details = Details{"n": Int(rapid.Int64().Draw(t, "n")), "b": Bool(rapid.Bool().Draw(t, "b")), "id": ID(rapid.String().Draw(t, "text"))}
		e.Personal.UserAgent = rapid.String().Draw(t, "agent")
		return e
	})
}

func TestAnyInterleavingVerifies(t *testing.T) {
	w := newWorld(t)
	chains := 0
	rapid.Check(t, func(t *rapid.T) {
		chains++
		user := fmt.Sprintf("tenant#%d", chains)
		logs := []*Log{w.another(w.table), w.another(w.table), w.another(w.table)}
		want := 0
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			w.move(time.Duration(rapid.IntRange(-5000, 5000).Draw(t, "ms")) * time.Millisecond)
			l := rapid.SampledFrom(logs).Draw(t, "log")
			if want > 0 && rapid.IntRange(0, 9).Draw(t, "erase") == 0 {
				if _, err := l.Erase(w.t.Context(), genEntry(user).Draw(t, "erasure")); err != nil {
					t.Fatal(err)
				}
				want++
				continue
			}
			entries := rapid.SliceOfN(genEntry(user), 1, 4).Draw(t, "entries")
			if _, err := l.Append(w.t.Context(), entries...); err != nil {
				t.Fatal(err)
			}
			want += len(entries)
		}
		report, err := w.Verify(w.t.Context(), user)
		if err != nil || !report.OK || report.Records != want || report.Seq != want {
			t.Fatalf("of %d records: %+v, %v", want, report, err)
		}
		seq := want
		for _, r := range w.all(user, Filter{}) {
			if r.Seq != seq {
				t.Fatalf("record %d where %d should be", r.Seq, seq)
			}
			seq--
		}
	})
}

func TestAnySingleChangeIsFound(t *testing.T) {
	w := newWorld(t)
	chains := 0
	rapid.Check(t, func(t *rapid.T) {
		chains++
		user := fmt.Sprintf("tenant#%d", chains)
		if _, err := w.Append(w.t.Context(), rapid.SliceOfN(genEntry(user), 2, 5).Draw(t, "entries")...); err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "erase") {
			if _, err := w.Erase(w.t.Context(), Entry{User: user, Action: "user.erase", Outcome: OK}); err != nil {
				t.Fatal(err)
			}
		}
		item := rapid.SampledFrom(w.items(user)).Draw(t, "item")
		if rapid.IntRange(0, 9).Draw(t, "remove") == 0 {
			w.remove(item.Key)
		} else {
			at, with := rapid.IntRange(0, len(item.Data)-1).Draw(t, "at"), rapid.Byte().Draw(t, "with")
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				if item.Data[at] == with {
					t.Skip("that is no change")
				}
				item.Data[at] = with
			case 1:
				item.Data = slices.Insert(item.Data, at, with)
			case 2:
				item.Data = slices.Delete(item.Data, at, at+1)
			}
			w.put(item)
		}
		report, err := w.Verify(w.t.Context(), user)
		if err != nil || report.OK || report.Count == 0 {
			t.Fatalf("%s\ngoes unnoticed: %+v, %v", item.Data, report, err)
		}
	})
}

func TestEveryByteOfARecordCounts(t *testing.T) {
	w := newWorld(t)
	e := entry("run.start", "1")
	e.Details, e.Begun, e.Fault = Details{"n": Int(1), "b": Bool(true), "id": ID("x")}, "b1", "invalid"
	w.append(e)
	for _, item := range w.items(ana) {
		for at := range item.Data {
			changed := item
			changed.Data = slices.Clone(item.Data)
			changed.Data[at] ^= 1
			w.put(changed)
			if report := w.verify(ana); report.OK {
				t.Errorf("byte %d of %s may change to %q", at, item.SK, changed.Data)
			}
		}
		w.put(item)
	}
	w.sound(ana, 1)
}

func TestErase(t *testing.T) {
	erasure := Entry{User: ana, Actor: "tenant#admin", Action: "user.erase", Outcome: OK}
	personal := func(w *world) (n int) {
		for _, item := range w.items(ana) {
			for _, text := range []string{"Ana", "192.0.2.7", "Mozilla", "salt"} {
				if strings.Contains(string(item.Data), text) {
					n++
					break
				}
			}
		}
		return n
	}
	t.Run("personal fields go, and the chain still verifies", func(t *testing.T) {
		w := newWorld(t)
		for i := range 120 { // more than fit into a transaction
			w.append(entry("run.start", fmt.Sprint(i)))
		}
		hash := w.verify(ana).Head
		n, err := w.Erase(t.Context(), erasure)
		if err != nil || n != 120 {
			t.Errorf("erased %d, %v", n, err)
		}
		if got := personal(w); got != 1 { // the salt of the erasure's own record, which has nothing else
			t.Errorf("%d records still have some", got)
		}
		records := w.all(ana, Filter{})
		if records[0].Prev != hash || records[0].Personal != (Personal{}) || records[1].Resource.ID != "119" {
			t.Errorf("the newest are %+v", records[:2])
		}
		w.sound(ana, 121)
		w.append(entry("run.start", "later"))
		w.sound(ana, 122)
		if got := w.verify(ana).Erased; got != 120 {
			t.Errorf("erased up to %d", got)
		}
	})
	t.Run("personal fields that are stripped without an erasure show", func(t *testing.T) {
		w := newWorld(t)
		w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 3)...)
		page, err := w.table.Query(t.Context(), store.Query{PK: partition(ana)})
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range page.Items {
			if item.SK == headSK {
				h, err := readHead(&item)
				if err != nil {
					t.Fatal(err)
				}
				h.Erased = 3
				item.Data = encode(h.unknown, h)
			} else {
				r, err := decode(&item)
				if err != nil {
					t.Fatal(err)
				}
				r.Salt, r.Personal = nil, Personal{}
				item = r.item()
			}
			if _, err := w.table.Put(t.Context(), item, store.Any()); err != nil {
				t.Fatal(err)
			}
		}
		if report := w.verify(ana); report.OK || report.Misfits[0] != (Misfit{Seq: 3, ID: headSK, Problem: Altered}) {
			t.Errorf("%+v", report)
		}
	})
	t.Run("an erasure that was interrupted shows, and is finished by another", func(t *testing.T) {
		w := newWorld(t)
		w.append(slices.Repeat([]Entry{entry("run.start", "1")}, 3)...)
		transactions := 0
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) { transactions++; return transactions == 4, false }}) // head, append, query, strip
		if _, err := l.Erase(t.Context(), erasure); err == nil {
			t.Fatal("it was not interrupted")
		}
		report := w.verify(ana)
		if report.Count != 3 || report.Misfits[0].Problem != Unerased || report.Misfits[2].Seq != 3 {
			t.Errorf("got %+v", report)
		}
		if n, err := w.Erase(t.Context(), erasure); err != nil || n != 4 {
			t.Errorf("erased %d, %v", n, err)
		}
		w.sound(ana, 5)
	})
	t.Run("who has no records has nothing to erase", func(t *testing.T) {
		w := newWorld(t)
		if n, err := w.Erase(t.Context(), erasure); err != nil || n != 0 {
			t.Errorf("erased %d, %v", n, err)
		}
		w.sound(ana, 1)
	})
	t.Run("a record that is unreadable does not keep the others from it", func(t *testing.T) {
		w := newWorld(t)
		w.append(entry("run.start", "1"), entry("run.start", "2"), entry("run.start", "3"))
		items := w.items(ana)
		items[1].Data = []byte("{")
		w.put(items[1])
		if n, err := w.Erase(t.Context(), erasure); n != 2 || err == nil || !strings.Contains(err.Error(), items[1].SK) {
			t.Errorf("erased %d, %v", n, err)
		}
	})
}

func FuzzDecode(f *testing.F) {
	w := newWorld(f)
	w.append(entry("run.start", "1"))
	for _, item := range w.items(ana) {
		f.Add(item.Data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		item := store.Item{Key: store.Key{PK: partition(ana), SK: "01JTEST0000000000000000000"}, Data: data}
		r := read(&item)
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("what was read cannot be shown: %v", err)
		}
		c := &chain{user: ana, sound: true, head: &head{}}
		c.take(&item)
		_, _ = readHead(&item)
	})
}
