package ledger

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/signing"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const config = "work"

// monday is when the tests' appointments begin, and when the tests' runs are.
var monday = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)

// world is a ledger over a real store and a real folder.
type world struct {
	*Ledger
	t     testing.TB
	table *sqlite.Table
	blobs *folder.Folder
	key   *signing.Key
}

func newWorld(t testing.TB) *world {
	t.Helper()
	blobs, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	w := newWorldWith(t, blobs)
	t.Cleanup(func() {
		if err := errors.Join(w.table.Close(), blobs.Close()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return w
}

// newWorldWith returns a world of which the caller closes the table.
func newWorldWith(t testing.TB, blobs *folder.Folder) *world {
	t.Helper()
	table, err := sqlite.Open(":memory:", func() time.Time { return monday })
	if err != nil {
		t.Fatal(err)
	}
	key := signingtest.Key(t)
	return &world{Ledger: New(table, blobs, key), t: t, table: table, blobs: blobs, key: key}
}

// entry returns a done version of a single event that stands in the archive for an hour.
func entry(key string, version int, start time.Time) *Entry {
	return &Entry{
		Config: config, Key: key, Lineage: key, Version: version, Outcome: Archived, SourceHash: fmt.Sprintf("sha256:%s-%d", key, version), Hash: "sha256:stands",
		Appointment: calendar.Appointment{Subject: key, Start: start, End: start.Add(time.Hour), Categories: []string{}},
		Source:      calendar.Event{ID: "id-" + key, Subject: key, Start: calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"}},
		Run:         "run1", Time: monday, Actor: "tenant#object", State: Done,
	}
}

func with(e *Entry, change func(e *Entry)) *Entry {
	change(e)
	return e
}

// write puts the entries into the ledger, as many at a time as go. Entries of another run than the open one come after that one is sealed.
func (w *world) write(entries ...*Entry) {
	w.t.Helper()
	var lineages []string
	for _, e := range entries {
		lineages = append(lineages, e.Lineage)
	}
	places, err := w.Find(w.t.Context(), config, lineages)
	if err != nil {
		w.t.Fatal(err)
	}
	head := w.head()
	for some := range slices.Chunk(entries, MaxWrite) {
		if err := w.Write(w.t.Context(), head, &places, Span{}, some); err != nil {
			w.t.Fatal(err)
		}
	}
}

// head returns the head, ready to be written with.
func (w *world) head() *Head {
	w.t.Helper()
	head, err := w.Head(w.t.Context(), config)
	if err == nil {
		_, err = w.Unsealed(w.t.Context(), config, &head)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return &head
}

// names tells entries as "<key>/<version>", with the outcome where that is not archived.
func names(entries []Entry) []string {
	told := []string{}
	for _, e := range entries {
		name := fmt.Sprintf("%s/%d", e.Key, e.Version)
		if e.Outcome != Archived {
			name += " " + string(e.Outcome)
		}
		told = append(told, name)
	}
	return told
}

func (w *world) ranged(from, to time.Time) []string {
	w.t.Helper()
	entries, err := w.Range(w.t.Context(), config, from, to)
	if err != nil {
		w.t.Fatal(err)
	}
	return names(entries)
}

// expect compares what was told with what is wanted.
func expect(t testing.TB, what string, got, want []string) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (- wanted, + got):\n%s", what, diff)
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	w := newWorld(t)
	e := with(entry("uid@example.com@2026-10-05T09:00:00Z", 1, monday), func(e *Entry) {
		e.Lineage, e.Single, e.State = "uid@example.com", true, Intended
		e.Reason, e.By, e.CopyID, e.Replaces, e.Failure, e.BodyDigest = "because", "id-b", "copy", "other", "no", "digest"
		e.Appointment.Customer, e.Appointment.BillingType = "Acme", calendar.Billable
		e.Appointment.Subject = "a < b & \u2028 \U0001f600 \x00"
		e.Changes = []Change{{Field: "end", From: "a", To: "b", Reason: "extended"}}
		e.Source.Attendees = []calendar.Attendee{{Person: calendar.Person{Name: "Ann", Address: "ann@example.com"}, Response: calendar.Accepted}}
		e.Source.Body = calendar.Body{ContentType: "html", Content: "<p>text</p>"}
		e.Source.LastModified = time.Date(2026, 10, 1, 8, 0, 0, 123, time.FixedZone("", 7200))
		e.Draft = &calendar.Draft{Mark: e.Mark(), Subject: "s", Body: calendar.Body{ContentType: "text", Content: "t"}}
	})
	w.write(e)
	entries, err := w.Range(t.Context(), config, monday, monday.Add(time.Second))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	if diff := cmp.Diff(*e, entries[0], cmp.AllowUnexported(Entry{})); diff != "" {
		t.Errorf("(- written, + read):\n%s", diff)
	}

	t.Run("a state that changes is the same version", func(t *testing.T) {
		again := &entries[0]
		again.State, again.CopyID = Done, "copy2"
		w.write(again)
		entries, err := w.History(t.Context(), config, e.Key)
		if err != nil || len(entries) != 1 || entries[0].State != Done || entries[0].CopyID != "copy2" {
			t.Errorf("%+v, %v", entries, err)
		}
	})
	t.Run("another config has none of it", func(t *testing.T) {
		if entries, err := w.Range(t.Context(), "home", monday, monday.Add(time.Second)); err != nil || len(entries) != 0 {
			t.Errorf("%v, %v", names(entries), err)
		}
		if entries, err := w.History(t.Context(), "home", e.Key); err != nil || len(entries) != 0 {
			t.Errorf("%v, %v", names(entries), err)
		}
	})
}

func TestRangeIsHalfOpen(t *testing.T) {
	w := newWorld(t)
	w.write(
		entry("before", 1, monday.Add(-time.Nanosecond)),
		entry("first", 1, monday),
		entry("within", 1, monday.Add(300*time.Millisecond)),
		entry("last", 1, monday.Add(time.Hour-time.Nanosecond)),
		entry("after", 1, monday.Add(time.Hour)),
	)
	berlin := time.FixedZone("", 7200)
	for _, c := range []struct {
		name     string
		from, to time.Time
		want     []string
	}{
		{"whole seconds", monday, monday.Add(time.Hour), []string{"first/1", "within/1", "last/1"}},
		{"whatever zone the bounds are told in", monday.In(berlin), monday.Add(time.Hour).In(berlin), []string{"first/1", "within/1", "last/1"}},
		{"a fraction at the end", monday, monday.Add(500 * time.Millisecond), []string{"first/1", "within/1"}},
		{"an end in the same second and before it", monday, monday.Add(200 * time.Millisecond), []string{"first/1"}},
		{"a fraction at the beginning", monday.Add(200 * time.Millisecond), monday.Add(time.Second), []string{"within/1"}},
		{"the beginning counts", monday.Add(300 * time.Millisecond), monday.Add(time.Second), []string{"within/1"}},
		{"the end does not", monday, monday.Add(300 * time.Millisecond), []string{"first/1"}},
		{"nothing in an empty span", monday, monday, nil},
		{"nothing in a span that is the wrong way round", monday.Add(time.Hour), monday, nil},
		{"all", time.Time{}, monday.AddDate(100, 0, 0), []string{"before/1", "first/1", "within/1", "last/1", "after/1"}},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, "range", w.ranged(c.from, c.to), c.want) })
	}
}

func TestARangeHasAnEnd(t *testing.T) {
	w := newWorld(t)
	var entries []*Entry
	for i := range 40 {
		entries = append(entries, with(entry(fmt.Sprint("k", i), 1, monday), func(e *Entry) { e.Appointment.Subject = strings.Repeat("x", 50_000) }))
	}
	w.write(entries...)
	if all, err := w.Range(t.Context(), config, monday, monday.Add(time.Hour)); err != nil || len(all) != 40 {
		t.Fatal(len(all), err)
	}
	w.Most = 1 << 20
	_, err := w.Range(t.Context(), config, monday, monday.Add(time.Hour))
	if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "more than 1 MB of entries") || !strings.Contains(err.Error(), "shorter period") {
		t.Error(err)
	}
}

func TestEveryKeyHasAPlaceOfItsOwn(t *testing.T) {
	long := strings.Repeat("k", 300)
	keys := []string{
		"a", "a#000001", "a#000001#000001", "a#", "#", "a/b", "a b", "é", long, long + "x", part(long), "sha256:", "a\n", "a\x00", part("a\n"), part(part(long)),
	}
	w := newWorld(t)
	var entries []*Entry
	for _, key := range keys {
		entries = append(entries, entry(key, 1, monday), entry(key, 2, monday))
	}
	w.write(entries...) // two with one sort key would be refused
	if got := w.ranged(monday, monday.Add(time.Second)); len(got) != len(entries) {
		t.Errorf("%d entries, want %d", len(got), len(entries))
	}
	marks := map[string]bool{}
	for i, key := range keys {
		history, err := w.History(t.Context(), config, key)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, "history of "+key, names(history), []string{key + "/1", key + "/2"})
		marks[entries[2*i].Mark()] = true
		marks[entries[2*i+1].Mark()] = true
		if tid := entries[2*i].TransactionID(); tid == entries[2*i+1].TransactionID() || tid != entry(key, 1, monday.Add(time.Hour)).TransactionID() {
			t.Errorf("transaction ids of %q tell versions wrong", key)
		}
	}
	if len(marks) != len(entries) {
		t.Errorf("%d entries have %d marks", len(entries), len(marks))
	}
}

func TestLineage(t *testing.T) {
	start := monday
	for _, c := range []struct {
		name  string
		event calendar.Event
		want  string
	}{
		{"a single event is known by its iCalUId", calendar.Event{ID: "1", ICalUID: "uid", Type: calendar.Single}, "uid"},
		{"an event without a type is single", calendar.Event{ID: "1", ICalUID: "uid"}, "uid"},
		{"without an iCalUId by its key", calendar.Event{ID: "1"}, "key"},
		{"an instance of a series by its key", calendar.Event{ID: "1", ICalUID: "uid", Type: calendar.Occurrence, OriginalStart: start}, "key"},
		{"an exception by its key", calendar.Event{ID: "1", ICalUID: "uid", Type: calendar.Exception, OriginalStart: start}, "key"},
		{"an instance whose original start is unknown by its key", calendar.Event{ID: "1", ICalUID: "uid", Type: calendar.Occurrence}, "key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := Lineage(&c.event, "key"); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestNewest(t *testing.T) {
	entries := []Entry{*entry("a", 1, monday), *entry("b", 2, monday), *entry("a", 3, monday), *entry("b", 1, monday), *entry("a", 2, monday),
		*entry("c", 7, monday)}
	expect(t, "newest", names(Newest(entries)), []string{"b/2", "a/3", "c/7"})
	expect(t, "newest of nothing", names(Newest(nil)), nil)
}

func TestPlaces(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	tuesday := monday.AddDate(0, 0, 1)
	at := func(key string, version int, start time.Time) *Entry {
		return with(entry(key, version, start), func(e *Entry) { e.Lineage = "uid" })
	}
	w.write(at("uid@1", 1, monday), entry("other", 1, monday))
	w.write(with(at("uid@1", 2, monday), func(e *Entry) { e.Outcome = Moved }), at("uid@1", 2, tuesday), at("uid@2", 1, tuesday))

	places, err := w.Find(ctx, config, []string{"uid", "nobody", "uid"})
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"uid@1": 2, "uid@2": 1, "uid@3": 0} {
		if got := places.Versions("uid", key); got != want {
			t.Errorf("versions of %s: %d, want %d", key, got, want)
		}
	}
	if got := places.Versions("other", "other"); got != 0 {
		t.Errorf("versions of what was not looked up: %d", got)
	}
	entries, err := w.Entries(ctx, config, places)
	if err != nil {
		t.Fatal(err)
	}
	got := names(entries)
	slices.Sort(got)
	expect(t, "entries", got, []string{"uid@1/1", "uid@1/2", "uid@1/2 moved", "uid@2/1"})

	other, err := w.Find(ctx, config, []string{"other"})
	if err != nil {
		t.Fatal(err)
	}
	places.Add(other)
	if places.Versions("other", "other") != 1 || places.Versions("uid", "uid@1") != 2 {
		t.Errorf("places that were added: %+v", places)
	}
	var zero Places
	zero.Add(other)
	if zero.Versions("other", "other") != 1 || zero.Versions("uid", "uid@1") != 0 {
		t.Errorf("places that were added to none: %+v", zero)
	}
	if entries, err := w.Entries(ctx, config, Places{}); err != nil || len(entries) != 0 {
		t.Errorf("entries of no places: %v, %v", names(entries), err)
	}
}

func TestWrite(t *testing.T) {
	mine := func(n int) (ops []store.Op) {
		for i := range n {
			ops = append(ops, store.Op{Put: &store.Item{Key: store.Key{PK: "MINE", SK: fmt.Sprint(i)}, Data: []byte("{}")}, If: store.Absent()})
		}
		return ops
	}
	t.Run("as many entries as go, each of another lineage, leave room for nine operations", func(t *testing.T) {
		w := newWorld(t)
		var entries []*Entry
		for i := range MaxWrite {
			entries = append(entries, with(entry(fmt.Sprint("k", i), 1, monday), func(e *Entry) {
				// nothing here compresses well, and no body goes elsewhere
				e.Source.Body = calendar.Body{ContentType: "text", Content: noise(i, maxInline)}
				e.Draft = &calendar.Draft{Body: calendar.Body{ContentType: "text", Content: noise(-i, maxInline)}}
			}))
		}
		var places Places
		if err := w.Write(t.Context(), w.head(), &places, Span{}, entries, mine(store.MaxTransact-2*MaxWrite-1)...); err != nil {
			t.Fatal(err)
		}
		if objects, err := w.blobs.List(t.Context(), ""); err != nil || len(objects) != 0 {
			t.Errorf("%d bodies went to blob storage, %v", len(objects), err)
		}
		entries = append(entries, entry("one more", 1, monday))
		if err := w.Write(t.Context(), w.head(), &places, Span{}, entries); err == nil {
			t.Error("one more was taken")
		}
	})
	t.Run("places are up to date after it, also those that were empty before", func(t *testing.T) {
		w := newWorld(t)
		var places Places
		if err := w.Write(t.Context(), w.head(), &places, Span{}, []*Entry{entry("a", 1, monday), entry("a", 2, monday)}); err != nil {
			t.Fatal(err)
		}
		if got := places.Versions("a", "a"); got != 2 {
			t.Errorf("version %d, want 2", got)
		}
		if err := w.Write(t.Context(), w.head(), &places, Span{}, []*Entry{entry("a", 3, monday)}); err != nil {
			t.Fatal(err)
		}
		found, err := w.Find(t.Context(), config, []string{"a"})
		if err != nil || found.Versions("a", "a") != 3 {
			t.Errorf("%+v, %v", found, err)
		}
	})
	t.Run("an entry may be written again and again", func(t *testing.T) {
		w := newWorld(t)
		e := entry("a", 1, monday)
		for _, state := range []State{Intended, Failed, Done} {
			e.State = state
			if err := w.Write(t.Context(), w.head(), &Places{}, Span{}, []*Entry{e}); err != nil {
				t.Fatal(err)
			}
		}
		history, err := w.History(t.Context(), config, "a")
		if err != nil || len(history) != 1 || history[0].State != Done {
			t.Errorf("%+v, %v", history, err)
		}
	})
	t.Run("nothing is half written when", func(t *testing.T) {
		for _, c := range []struct {
			name  string
			other func(w *world, read Entry) // what somebody else does first
			own   []store.Op
		}{
			{"the entry changed", func(w *world, read Entry) {
				if err := w.Write(w.t.Context(), w.head(), &Places{}, Span{}, []*Entry{&read}); err != nil {
					w.t.Fatal(err)
				}
			}, nil},
			{"the version is there already", func(w *world, _ Entry) {
				w.write(with(entry("new", 1, monday), func(e *Entry) { e.Lineage = "other" }))
			}, nil},
			{"the lineage has a new version", func(w *world, _ Entry) { w.write(entry("new", 1, monday.Add(time.Hour))) }, nil},
			{"a condition of the caller does not hold", func(*world, Entry) {}, []store.Op{{Check: &store.Key{PK: "MINE", SK: "none"}, If: store.VersionIs(1)}}},
		} {
			t.Run(c.name, func(t *testing.T) {
				ctx := t.Context()
				w := newWorld(t)
				w.write(entry("old", 1, monday))
				read, err := w.Range(ctx, config, monday, monday.Add(time.Second))
				if err != nil {
					t.Fatal(err)
				}
				places, err := w.Find(ctx, config, []string{"new"})
				if err != nil {
					t.Fatal(err)
				}
				head := w.head()
				c.other(w, read[0])
				before := w.dump()
				old, fresh := &read[0], entry("new", 1, monday)
				old.Reason = "mine"
				was, open := head.OpenDigest, maps.Clone(head.open)
				err = w.Write(ctx, head, &places, Span{}, []*Entry{old, fresh}, append(c.own, mine(1)[0])...)
				if !errors.Is(err, store.ErrConflict) {
					t.Errorf("got %v, want a conflict", err)
				}
				if diff := cmp.Diff(before, w.dump()); diff != "" {
					t.Errorf("the store changed:\n%s", diff)
				}
				if head.OpenDigest != was || !maps.Equal(head.open, open) {
					t.Errorf("the head became %+v", head)
				}
				if places.Versions("new", "new") != 0 || fresh.stored != 0 || old.stored != 1 {
					t.Errorf("what was not written counts as written: %+v, %d, %d", places, fresh.stored, old.stored)
				}
			})
		}
	})
	t.Run("of writers at once one wins", func(t *testing.T) {
		w := newWorld(t)
		results := make(chan error)
		for i := range 8 {
			go func() {
				a := with(entry("a", 1, monday), func(e *Entry) { e.Run = fmt.Sprint("run", i) })
				b := with(entry("b", 1, monday), func(e *Entry) { e.Run = a.Run })
				results <- w.Write(context.WithoutCancel(t.Context()), &Head{}, &Places{}, Span{}, []*Entry{a, b})
			}()
		}
		won := 0
		for range 8 {
			if err := <-results; err == nil {
				won++
			} else if !errors.Is(err, store.ErrConflict) {
				t.Error(err)
			}
		}
		entries, err := w.Range(t.Context(), config, monday, monday.Add(time.Second))
		if err != nil || won != 1 || len(entries) != 2 || entries[0].Run != entries[1].Run {
			t.Errorf("%d won, %v, %v", won, names(entries), err)
		}
	})
}

// dump tells everything in the ledger's partition.
func (w *world) dump() map[string]string {
	w.t.Helper()
	items, err := store.All(w.t.Context(), w.table, store.Query{PK: partition(config)})
	if err != nil {
		w.t.Fatal(err)
	}
	told := map[string]string{}
	for _, item := range items {
		told[item.SK] = string(item.Data)
	}
	return told
}

// noise is text of n bytes that does not compress, always the same for a seed.
func noise(seed, n int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	text := make([]byte, n)
	state := uint64(seed)*2654435761 + 88172645463325252
	for i := range text {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		text[i] = letters[state%64]
	}
	return string(text)
}

func TestLargeBodies(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	source, draft := noise(1, maxInline+1), strings.Repeat("é", maxInline)
	e := with(entry("a", 1, monday), func(e *Entry) {
		e.Source.Body = calendar.Body{ContentType: "html", Content: source}
		e.Draft = &calendar.Draft{Subject: "s", Body: calendar.Body{ContentType: "text", Content: draft}}
	})
	w.write(e)
	if e.Source.Body.Content != source || e.Draft.Body.Content != draft {
		t.Error("what was written lost its bodies")
	}
	load := func() *Entry {
		t.Helper()
		entries, err := w.History(ctx, config, "a")
		if err != nil || len(entries) != 1 {
			t.Fatalf("%v, %v", names(entries), err)
		}
		read := &entries[0]
		if read.Source.Body != (calendar.Body{ContentType: "html"}) || read.Draft.Body != (calendar.Body{ContentType: "text"}) || len(read.Blobs) != 2 {
			t.Errorf("the entry holds its bodies: %.100v, %v", read.Source.Body, read.Blobs)
		}
		return read
	}
	read := load()
	unloaded := *read
	if err := w.Load(ctx, read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(*e, *read, cmp.AllowUnexported(Entry{})); diff != "" {
		t.Errorf("(- written, + loaded):\n%s", diff)
	}
	if unloaded.Draft.Body.Content != "" {
		t.Error("loading changed a copy of the entry")
	}

	for _, c := range []struct {
		name  string
		entry *Entry
	}{{"loaded", read}, {"not loaded", &unloaded}} {
		if c.name == "not loaded" {
			c.entry = load()
		}
		c.entry.CopyID = c.name
		w.write(c.entry)
		again := load()
		if err := w.Load(ctx, again); err != nil || again.Source.Body.Content != source || again.Draft.Body.Content != draft || again.CopyID != c.name {
			t.Errorf("written again %s, it lost its bodies: %v", c.name, err)
		}
	}

	t.Run("the same body is kept once", func(t *testing.T) {
		w.write(with(entry("b", 1, monday), func(e *Entry) { e.Source.Body = calendar.Body{ContentType: "text", Content: source} }))
		if objects, err := w.blobs.List(ctx, ""); err != nil || len(objects) != 2 {
			t.Errorf("%d objects, %v", len(objects), err)
		}
	})
	t.Run("one of the largest that stay is kept in the entry", func(t *testing.T) {
		e := with(entry("c", 1, monday), func(e *Entry) { e.Source.Body.Content = noise(3, maxInline) })
		w.write(e)
		if e.Blobs != nil {
			t.Errorf("went to %v", e.Blobs)
		}
	})
	t.Run("a body that was changed is malformed", func(t *testing.T) {
		if err := w.blobs.Put(ctx, bodyKey(config, read.Blobs["source"]), strings.NewReader("other")); err != nil {
			t.Fatal(err)
		}
		if err := w.Load(ctx, load()); fault.Of(err) != fault.Malformed {
			t.Errorf("got %v, want malformed", err)
		}
	})
}

func TestHead(t *testing.T) {
	ctx := t.Context()
	w := newWorld(t)
	if head, err := w.Head(ctx, config); err != nil || head.stored != 0 || head.Seq != 0 || head.Open != "" {
		t.Fatalf("of nothing: %+v, %v", head, err)
	}
	span := Span{From: monday, To: monday.AddDate(0, 0, 1)}
	head, stale := w.head(), w.head()
	no := store.Op{Check: &store.Key{PK: "P", SK: "a"}, If: store.VersionIs(1)}
	if err := w.Write(ctx, head, &Places{}, span, []*Entry{entry("a", 1, monday)}, no); !errors.Is(err, store.ErrConflict) {
		t.Fatalf("got %v, want a conflict", err)
	}
	if head.Open != "" || len(head.open) != 0 {
		t.Error("open after a transaction that failed")
	}
	if err := w.Write(ctx, head, &Places{}, span, []*Entry{entry("a", 1, monday)}); err != nil {
		t.Fatal(err)
	}
	read := w.head()
	if diff := cmp.Diff(head, read, cmpopts.IgnoreUnexported(Head{})); diff != "" || read.stored != head.stored || !maps.Equal(read.open, head.open) {
		t.Errorf("read %+v, have %+v", read, head)
	}
	if read.Open != "run1" || !read.OpenFrom.Equal(span.From) || !read.OpenTo.Equal(span.To) || read.Entries != 1 {
		t.Errorf("read %+v", read)
	}
	late := with(entry("b", 1, span.To), func(*Entry) {})
	err := w.Write(ctx, head, &Places{}, Span{}, []*Entry{late})
	if err != nil || !head.OpenTo.Equal(span.To.Add(time.Second)) || !head.OpenFrom.Equal(span.From) {
		t.Errorf("after an entry that nobody expected: %+v, %v", head, err)
	}
	other := with(entry("c", 1, monday), func(e *Entry) { e.Run = "run2" })
	if err := w.Write(ctx, stale, &Places{}, span, []*Entry{other}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an old head: %v, want a conflict", err)
	}
	if err := w.Write(ctx, head, &Places{}, span, []*Entry{other}); fault.Of(err) != fault.Internal || err == nil {
		t.Errorf("while another run is open: %v, want an internal error", err)
	}
	unread, err := w.Head(ctx, config)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(ctx, &unread, &Places{}, span, []*Entry{entry("d", 1, monday)}); fault.Of(err) != fault.Internal || err == nil {
		t.Errorf("before the open entries are read: %v, want an internal error", err)
	}
	if _, err := w.table.Put(ctx, store.Item{Key: HeadKey(config), Data: []byte("[")}, store.Any()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Head(ctx, config); fault.Of(err) != fault.Malformed {
		t.Errorf("unreadable: %v, want malformed", err)
	}
}

func TestUnreadableEntriesAreMalformed(t *testing.T) {
	w := newWorld(t)
	e := entry("a", 1, monday)
	w.write(e)
	if _, err := w.table.Put(t.Context(), store.Item{Key: e.key(), Data: []byte(`{"version":"one"}`)}, store.Any()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Range(t.Context(), config, monday, monday.Add(time.Second)); fault.Of(err) != fault.Malformed {
		t.Errorf("range: %v, want malformed", err)
	}
	if _, err := w.History(t.Context(), config, "a"); fault.Of(err) != fault.Malformed {
		t.Errorf("history: %v, want malformed", err)
	}
	if _, err := w.table.Put(t.Context(), store.Item{Key: store.Key{PK: partition(config), SK: "KEY#a"}, Data: []byte("{}")}, store.Any()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Find(t.Context(), config, []string{"a"}); fault.Of(err) != fault.Malformed {
		t.Errorf("find: %v, want malformed", err)
	}
}
