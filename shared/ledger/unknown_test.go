package ledger

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

// TestWhatANewerVersionPutIntoALedgerIsSealedWithIt has a newer version write an entry and die, and this one settle and seal it.
func TestWhatANewerVersionPutIntoALedgerIsSealedWithIt(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	stored := func(key store.Key) store.Item {
		t.Helper()
		item, err := w.table.Get(ctx, key)
		must(err)
		return item
	}
	first := with(entry("a", 1, monday), func(e *Entry) { e.State, e.Changes = Intended, []Change{{Field: "subject", Reason: "<&>"}} })
	next := entry("a", 2, monday)
	head, places := &Head{}, Places{}
	must(w.Write(ctx, head, &places, Span{}, []*Entry{first}))

	keys := []store.Key{first.key(), HeadKey(config), {PK: partition(config), SK: "KEY#a"}}
	unknown := []byte(`"new":{"number":12345678901234567890123,"text":"<&>"}`)
	put := map[store.Key]int{}
	for _, key := range keys {
		item := stored(key)
		item.Data = bytes.ReplaceAll(item.Data, []byte("{"), slices.Concat([]byte("{"), unknown, []byte(",")))
		put[key] = bytes.Count(item.Data, unknown)
		_, err := w.table.Put(ctx, item, store.VersionIs(item.Version))
		must(err)
	}

	// The newer version seals what it wrote itself.
	written, err := decode([]store.Item{stored(first.key())})
	must(err)
	sealed, err := w.Head(ctx, config)
	must(err)
	sealed.OpenDigest = digest(map[string]tlog.Hash{first.sortKey(): written[0].leaf})
	op, err := w.put(ctx, config, &sealed)
	must(err)
	must(w.table.Transact(ctx, []store.Op{op}))

	head = w.head()
	found, err := w.Find(ctx, config, []string{first.Lineage})
	must(err)
	places.Add(found)
	entries, err := w.Entries(ctx, config, places)
	must(err)
	entries[0].State, entries[0].CopyID = Done, "copy"
	must(w.Write(ctx, head, &places, Span{}, []*Entry{&entries[0], next}))
	sealing, err := w.Prepare(ctx, config, *head, Ending{Run: "run1", Time: monday}, []*Entry{&entries[0], next})
	must(err)
	must(w.Seal(ctx, head, sealing))

	for _, key := range keys {
		if data := stored(key).Data; put[key] == 0 || bytes.Count(data, unknown) != put[key] {
			t.Errorf("%s has %d of the %d members that were put into it: %s", key.SK, bytes.Count(data, unknown), put[key], data)
		}
	}
	if data := stored(next.key()).Data; bytes.Contains(data, unknown) {
		t.Errorf("the entry that only this version wrote is %s", data)
	}
	w.verified(1, 2)

	behind := w.head() // as it was when the entry was written
	behind.Seq--
	t.Run("and to the same bytes when it is written again", func(t *testing.T) {
		before := stored(first.key())
		again, err := decode([]store.Item{before})
		must(err)
		must(w.Write(ctx, behind, &places, Span{}, []*Entry{&again[0]}))
		if after := stored(first.key()); after.Version == before.Version || !bytes.Equal(before.Data, after.Data) {
			t.Errorf("%s became %s", before.Data, after.Data)
		}
	})
	t.Run("and not with a version that is made of it", func(t *testing.T) {
		made := entries[0]
		made.Version, made.stored = 3, 0
		must(w.Write(ctx, behind, &places, Span{}, []*Entry{&made}))
		if data := stored(made.key()).Data; bytes.Contains(data, unknown) {
			t.Errorf("it is %s", data)
		}
	})
}

// BenchmarkChunk decodes and encodes the entries of one write.
func BenchmarkChunk(b *testing.B) {
	var items, foreign []store.Item
	for i := range MaxWrite {
		e := entry("a", 1+i, monday)
		e.Source.Body.Content = strings.Repeat("notes ", 200)
		e.Draft = &calendar.Draft{Subject: "a", Body: e.Source.Body, Categories: []string{"Acme - billable"}}
		items = append(items, store.Item{Data: mustJSON(e)})
		foreign = append(foreign, store.Item{Data: append([]byte(`{"new":1,`), mustJSON(e)[1:]...)})
	}
	b.Run("json.Unmarshal", func(b *testing.B) {
		for b.Loop() {
			for i := range items {
				_ = json.Unmarshal(items[i].Data, &Entry{})
			}
		}
	})
	for name, items := range map[string][]store.Item{"all known": items, "one unknown": foreign} {
		read, err := decode(items)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("decode, "+name, func(b *testing.B) {
			for b.Loop() {
				_, _ = decode(items)
			}
		})
		b.Run("encode, "+name, func(b *testing.B) {
			for b.Loop() {
				for i := range read {
					encode(read[i].unknown, &read[i])
				}
			}
		})
	}
}
