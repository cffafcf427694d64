package ledger

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/store"
)

func TestAsOf(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 10, n, 0, 0, 0, 0, time.UTC) }
	at := func(n, hour int) time.Time { return day(n).Add(time.Duration(hour) * time.Hour) }
	version := func(key string, v int, start, written time.Time, change func(e *Entry)) *Entry {
		e := entry(key, v, start)
		e.Time = written
		if change != nil {
			change(e)
		}
		return e
	}
	is := func(o Outcome) func(*Entry) { return func(e *Entry) { e.Outcome = o } }
	state := func(s State) func(*Entry) { return func(e *Entry) { e.State = s } }
	until := func(end time.Time) func(*Entry) { return func(e *Entry) { e.Appointment.End = end } }
	now := time.Time{}

	type look struct {
		day  int
		at   time.Time
		want []string
	}
	for _, c := range []struct {
		name    string
		entries []*Entry
		looks   []look
	}{
		{
			name:    "an entry is there from its time on, and on its day only",
			entries: []*Entry{version("a", 1, at(5, 9), at(6, 1), nil)},
			looks: []look{
				{5, at(6, 1).Add(-time.Nanosecond), nil}, {5, at(6, 1), []string{"a/1"}}, {5, now, []string{"a/1"}},
				{4, now, nil}, {6, now, nil},
			},
		},
		{
			name: "of the versions the newest of then",
			entries: []*Entry{
				version("a", 1, at(5, 9), at(6, 1), nil), version("a", 2, at(5, 9), at(7, 1), is(Superseded)), version("a", 3, at(5, 9), at(8, 1), nil),
				version("b", 1, at(5, 8), at(7, 1), is(Conflicted)),
			},
			looks: []look{
				{5, at(6, 2), []string{"a/1"}}, {5, at(7, 2), []string{"b/1 conflicted", "a/2 superseded"}}, {5, now, []string{"b/1 conflicted", "a/3"}},
			},
		},
		{
			name: "what moved to another day stands there from then on",
			entries: []*Entry{
				version("a", 1, at(5, 9), at(6, 1), nil),
				version("a", 2, at(5, 9), at(8, 1), is(Moved)), version("a", 2, at(7, 9), at(8, 1), nil),
				version("a", 3, at(7, 9), at(9, 1), is(Moved)), version("a", 3, at(5, 9), at(9, 1), nil),
			},
			looks: []look{
				{5, at(7, 1), []string{"a/1"}}, {7, at(7, 1), nil},
				{5, at(8, 1), nil}, {7, at(8, 1), []string{"a/2"}},
				{5, now, []string{"a/3"}}, {7, now, nil},
			},
		},
		{
			name: "what moved within its day is there once",
			entries: []*Entry{
				version("a", 1, at(5, 9), at(6, 1), nil),
				version("a", 2, at(5, 9), at(8, 1), is(Moved)), version("a", 2, at(5, 11), at(8, 1), nil),
			},
			looks: []look{{5, at(7, 1), []string{"a/1"}}, {5, now, []string{"a/2"}}},
		},
		{
			name: "what is moving stands at its old place until it is done",
			entries: []*Entry{
				version("a", 1, at(5, 9), at(6, 1), nil),
				version("a", 2, at(5, 9), at(8, 1), is(Moved)), version("a", 2, at(7, 9), at(8, 1), state(Intended)),
			},
			looks: []look{{5, now, []string{"a/1"}}, {7, now, nil}},
		},
		{
			name: "what could not be moved stays",
			entries: []*Entry{
				version("a", 1, at(5, 9), at(6, 1), nil),
				version("a", 2, at(5, 9), at(8, 1), is(Moved)), version("a", 2, at(7, 9), at(8, 1), state(Failed)),
			},
			looks: []look{{5, now, []string{"a/1"}}, {7, now, nil}},
		},
		{
			name:    "a note of a move to nowhere moves nothing",
			entries: []*Entry{version("a", 1, at(5, 9), at(6, 1), nil), version("a", 2, at(5, 9), at(8, 1), is(Moved))},
			looks:   []look{{5, now, []string{"a/1"}}},
		},
		{
			name: "what was only intended or refused is not there, and hides nothing",
			entries: []*Entry{
				version("a", 1, at(5, 9), at(6, 1), nil), version("a", 2, at(5, 9), at(7, 1), state(Intended)),
				version("b", 1, at(5, 10), at(6, 1), nil), version("b", 2, at(5, 10), at(7, 1), state(Failed)),
			},
			looks: []look{{5, now, []string{"a/1", "b/1"}}},
		},
		{
			name: "what began before the day and goes on is there",
			entries: []*Entry{
				version("two days", 1, at(4, 12), at(6, 1), until(at(6, 12))), version("until midnight", 1, at(4, 13), at(6, 1), until(day(5))),
				version("over midnight", 1, at(4, 23), at(6, 1), until(at(5, 0).Add(time.Nanosecond))),
			},
			looks: []look{
				{4, now, []string{"two days/1", "until midnight/1", "over midnight/1"}},
				{5, now, []string{"two days/1", "over midnight/1"}}, {6, now, []string{"two days/1"}}, {7, now, nil},
			},
		},
		{
			name:    "what takes no time at midnight is of the day that begins",
			entries: []*Entry{version("a", 1, day(5), at(6, 1), until(day(5)))},
			looks:   []look{{4, now, nil}, {5, now, []string{"a/1"}}},
		},
	} {
		for _, sealed := range []bool{true, false} {
			name := c.name
			if !sealed {
				name += ", also before the run has ended"
			}
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				if sealed {
					w.writeAndSeal(at(9, 2), clones(c.entries)...)
				} else {
					w.write(clones(c.entries)...)
				}
				for _, look := range c.looks {
					entries, err := w.AsOf(t.Context(), config, Span{day(look.day), day(look.day + 1)}, look.at)
					if err != nil {
						t.Fatal(err)
					}
					expect(t, day(look.day).Format(time.DateOnly)+" as of "+look.at.Format(time.RFC3339), names(entries), look.want)
				}
			})
		}
	}
}

func clones(entries []*Entry) []*Entry {
	copies := make([]*Entry, len(entries))
	for i, e := range entries {
		c := *e
		copies[i] = &c
	}
	return copies
}

// writeAndSeal writes entries and seals those that can be; the others belong to a run that goes on.
func (w *world) writeAndSeal(at time.Time, entries ...*Entry) {
	w.t.Helper()
	var known, open []*Entry
	for _, e := range entries {
		if e.State == Intended {
			open = append(open, with(e, func(e *Entry) { e.Run = "run2" }))
		} else {
			known = append(known, e)
		}
	}
	if len(known) > 0 {
		w.write(known...)
	}
	w.sealAll(at, "run1")
	if len(open) > 0 {
		w.write(open...)
	}
}

// sealAll seals what the open run wrote, as it is found in the store.
func (w *world) sealAll(at time.Time, run string) {
	w.t.Helper()
	head, err := w.Head(w.t.Context(), config)
	if err != nil {
		w.t.Fatal(err)
	}
	entries, err := w.Unsealed(w.t.Context(), config, &head)
	if err != nil {
		w.t.Fatal(err)
	}
	w.sealWith(&head, at, run, entries)
}

func (w *world) seal(at time.Time, run string, entries []*Entry) {
	w.t.Helper()
	w.sealWith(w.head(), at, run, entries)
}

func (w *world) sealWith(head *Head, at time.Time, run string, entries []*Entry) {
	w.t.Helper()
	s, err := w.Prepare(w.t.Context(), config, *head, Ending{Run: run, RunDigest: "digest of " + run, Time: at}, entries)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := w.Seal(w.t.Context(), head, s); err != nil {
		w.t.Fatal(err)
	}
	read := w.head()
	if diff := cmp.Diff(head, read, cmpopts.IgnoreUnexported(Head{})); diff != "" || read.Hash != s.Hash() || read.Open != "" || read.stored != head.stored {
		w.t.Fatalf("the head is %+v, sealed was %+v", read, head)
	}
	if err := w.Check(w.t.Context(), config, read); err != nil {
		w.t.Fatal(err)
	}
}

func TestHistory(t *testing.T) {
	w := newWorld(t)
	tuesday := monday.AddDate(0, 0, 1)
	single := func(key string, v int, start time.Time, o Outcome) *Entry {
		return with(entry(key, v, start), func(e *Entry) { e.Lineage, e.Outcome = "uid@example.com", o })
	}
	const key = "uid@example.com@2026-10-05T09:00:00Z"
	w.write(single(key, 1, monday, Archived))
	w.write(single(key, 2, monday, Moved), single(key, 2, tuesday, Archived))
	w.write(single(key, 3, tuesday, Superseded), single("uid@example.com@2026-10-09T09:00:00Z", 1, monday, Archived))
	w.write(entry("series@2026-10-05T09:00:00Z", 1, monday), entry("id-1", 1, monday))
	for _, c := range []struct {
		name, key string
		want      []string
	}{
		{"a single event, wherever it moved", key, []string{key + "/1", key + "/2", key + "/2 moved", key + "/3 superseded"}},
		{"an instance of a series", "series@2026-10-05T09:00:00Z", []string{"series@2026-10-05T09:00:00Z/1"}},
		{"one known by its id", "id-1", []string{"id-1/1"}},
		{"an iCalUId alone is no key", "uid@example.com", nil},
		{"nobody", "nobody@2026-10-05T09:00:00Z", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			entries, err := w.History(t.Context(), config, c.key)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, "history", names(entries), c.want)
		})
	}
}

func TestOfRun(t *testing.T) {
	w := newWorld(t)
	of := func(run, key string, version int) *Entry {
		return with(entry(key, version, monday.AddDate(0, 0, len(key)%5)), func(e *Entry) { e.Run = run })
	}
	at := func(days int) time.Time { return monday.AddDate(0, 0, days) }
	written := func(at time.Time, run string, entries ...*Entry) {
		w.write(entries...)
		w.sealAll(at, run)
	}
	written(at(0), "old", of("old", "a", 1))
	written(at(10), "one", of("one", "a", 2), of("one", "b", 1))
	written(at(11), "other", of("other", "a", 3))
	written(at(12), "one", of("one", "c", 1), with(of("one", "d", 1), func(e *Entry) { e.State = Failed }))
	var many []*Entry
	for i := range 2*leavesPerPart + 1 {
		many = append(many, of("many", fmt.Sprintf("m%d", i), 1))
	}
	written(at(13), "many", many...)
	wrote := func(run string, since time.Time) []string {
		t.Helper()
		entries, missing, err := w.OfRun(t.Context(), config, run, since)
		if err != nil || len(missing) > 0 {
			t.Fatalf("missing %v, %v", missing, err)
		}
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Key, b.Key) })
		return names(entries)
	}
	expect(t, "of a run with two links", wrote("one", at(9)), []string{"a/2", "b/1", "c/1", "d/1"})
	expect(t, "of the oldest run", wrote("old", at(0)), []string{"a/1"})
	expect(t, "of nobody", wrote("nobody", at(0)), []string{})
	if got := wrote("many", at(13)); len(got) != len(many) {
		t.Errorf("%d of %d", len(got), len(many))
	}
	expect(t, "of a run that was sealed a day before it began, by another clock", wrote("one", at(13)), []string{"c/1", "d/1"})
	expect(t, "of a run that ended long before it began", wrote("one", at(14)), []string{})

	if err := store.Remove(t.Context(), w.table, of("one", "b", 1).key()); err != nil {
		t.Fatal(err)
	}
	entries, missing, err := w.OfRun(t.Context(), config, "one", at(9))
	if err != nil || len(entries) != 3 {
		t.Errorf("%v, %v", names(entries), err)
	}
	expect(t, "missing", missing, []string{"b"})
}
