package ledger

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

func TestErase(t *testing.T) {
	w := newWorld(t)
	large := func(e *Entry) { e.Source.Body = calendar.Body{Content: strings.Repeat(e.Key, maxInline)} }
	var entries []*Entry
	for i := range 120 {
		e := entry(fmt.Sprintf("uid-%03d@example.com", i), 1, monday.Add(time.Duration(i)*time.Hour))
		if i%40 == 0 {
			large(e)
		}
		entries = append(entries, e)
	}
	w.write(entries...)
	w.seal(monday, "run1", entries)
	orphan := bodyKey(config, strings.Repeat("0", 64))
	if err := w.blobs.Put(t.Context(), orphan, strings.NewReader("of an entry that was never written")); err != nil {
		t.Fatal(err)
	}
	for _, e := range []store.Item{ // what is unreadable, and what names a body that cannot be
		{Key: store.Key{PK: partition(config), SK: "2026-01-01T00:00:00Z#broken#000001"}, Data: []byte(`{"blobs": 1}`)},
		{Key: store.Key{PK: partition(config), SK: "2026-01-01T00:00:00Z#odd#000001"}, Data: []byte(`{"blobs": {"source": "../../x"}}`)},
	} {
		if _, err := w.table.Put(t.Context(), e, store.Any()); err != nil {
			t.Fatal(err)
		}
	}
	other := with(entry("uid@example.com", 1, monday), func(e *Entry) { e.Config = "other"; large(e) })
	places, err := w.Find(t.Context(), "other", []string{other.Lineage})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(t.Context(), &Head{}, &places, Span{}, []*Entry{other}); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if err := w.Erase(t.Context(), config); err != nil {
			t.Fatal(err)
		}
	}
	items, err := store.All(t.Context(), w.table, store.Query{PK: partition(config)})
	objects, listErr := w.blobs.List(t.Context(), "")
	if err := errors.Join(err, listErr); err != nil || len(items) != 0 || len(objects) != 1 || !strings.Contains(objects[0].Key, "/other/") {
		t.Errorf("left: %d items, objects %v, %v", len(items), objects, err)
	}
	if kept, err := w.Range(t.Context(), "other", monday, monday.Add(time.Hour)); err != nil || len(kept) != 1 || w.Load(t.Context(), &kept[0]) != nil {
		t.Errorf("of another config: %d entries, %v", len(kept), err)
	}
}
