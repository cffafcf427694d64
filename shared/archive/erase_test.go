package archive_test

import (
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

func TestErase(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-20T09:00", "2026-10-20T12:00")
	c := w.config()
	w.archive(c)
	waiting := w.start(c)
	broken := store.Item{Key: store.Key{PK: "USER#" + user, SK: "CONFIG#BROKEN"}, Data: []byte(`{"id": 1}`)}
	_, err := w.Table.Put(t.Context(), broken, store.Any())
	must(t, err)
	mark := w.Now()
	for range 2 {
		must(t, archive.Erase(t.Context(), w.Table, w.Blobs, user, mark, w.Now()))
	}
	left, err := run.NewStore(w.Table).Get(t.Context(), user, waiting.ID)
	if err != nil || left.State != run.Cancelled {
		t.Fatalf("the run that waited: %+v, %v", left, err)
	}
	t.Run("a worker that was late leaves nothing either", func(t *testing.T) {
		late := store.Item{Key: store.Key{PK: "LEDGER#" + c.ID, SK: "CHAIN#00000009#late#0001"}, Data: []byte(`{}`)}
		_, err := w.Table.Put(t.Context(), late, store.Any())
		must(t, err)
		must(t, archive.Erase(t.Context(), w.Table, w.Blobs, user, time.Time{}, w.Now()))
		if _, err := run.NewStore(w.Table).Get(t.Context(), user, waiting.ID); fault.Of(err) != fault.NotFound {
			t.Errorf("the run: %v", err)
		}
		for _, pk := range []string{"USER#" + user, "LEDGER#" + c.ID, "ACTIVE#" + c.ID, "LEASE#" + user + "#" + c.Archive.String()} {
			items, err := store.All(t.Context(), w.Table, store.Query{PK: pk})
			if err != nil || len(items) != 0 {
				t.Errorf("%s has %d items, %v", pk, len(items), err)
			}
		}
		if objects, err := w.Blobs.List(t.Context(), ""); err != nil || len(objects) != 0 {
			t.Errorf("objects %v, %v", objects, err)
		}
	})
}
