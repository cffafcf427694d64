package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"adminassistant/shared/store"
	"adminassistant/shared/store/storetest"
)

func open(t testing.TB, path string, clock func() time.Time) *Table {
	t.Helper()
	table, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := table.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return table
}

func TestTable(t *testing.T) {
	t.Run("in a file", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Table { return open(t, filepath.Join(t.TempDir(), "store.db"), time.Now) })
	})
	t.Run("in memory", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) store.Table { return open(t, ":memory:", time.Now) })
	})
}

func TestExpired(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	table := open(t, ":memory:", func() time.Time { return now })
	key := store.Key{PK: "P", SK: "a"}
	ctx := t.Context()
	item := store.Item{Key: key, IndexPK: "I", IndexSK: "a", Expires: now.Add(time.Minute), Data: []byte(`{}`)}
	if _, err := table.Put(ctx, item, store.Any()); err != nil {
		t.Fatal(err)
	}
	if _, err := table.Get(ctx, key); err != nil {
		t.Errorf("before its time: %v", err)
	}
	now = now.Add(time.Minute)
	if _, err := table.Get(ctx, key); err != store.ErrNotFound {
		t.Errorf("get: %v, want not found", err)
	}
	for _, q := range []store.Query{{PK: "P"}, {PK: "I", Index: true}} {
		if page, err := table.Query(ctx, q); err != nil || len(page.Items) != 0 {
			t.Errorf("query %+v: %+v, %v, want nothing", q, page, err)
		}
	}
	if v, err := table.Put(ctx, item, store.Absent()); err != nil || v != 1 {
		t.Errorf("put where the expired item was: version %d, %v, want 1", v, err)
	}
}

func TestExpiredItemsAreRemovedByLaterWrites(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	table := open(t, ":memory:", func() time.Time { return now })
	var items []store.Item
	for i := range 100 {
		items = append(items, store.Item{Key: store.Key{PK: "P", SK: fmt.Sprintf("%03d", i)}, Expires: now.Add(time.Minute), Data: []byte(`{}`)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	for _, want := range []int{100 - purgeAtOnce, 100 - 2*purgeAtOnce, 100 - 3*purgeAtOnce, 0} {
		if _, err := table.Put(t.Context(), store.Item{Key: store.Key{PK: "Q", SK: "a"}, Data: []byte(`{}`)}, store.Any()); err != nil {
			t.Fatal(err)
		}
		if got := count(t, table, "SELECT count(*) FROM items WHERE pk = ?", []byte("P")); got != want {
			t.Errorf("%d expired items are left, want %d", got, want)
		}
	}
}

func TestWalk(t *testing.T) {
	storetest.Walks(t, open(t, ":memory:", time.Now))

	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	table := open(t, ":memory:", func() time.Time { return now })
	if _, err := table.Put(t.Context(), store.Item{Key: store.Key{PK: "P", SK: "a"}, Data: []byte(`{}`), Expires: now.Add(time.Second)}, store.Any()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		page, err := table.Walk(t.Context(), "")
		if err != nil || len(page.Items) != want {
			t.Errorf("%d items, %v, want %d", len(page.Items), err, want)
		}
		now = now.Add(time.Second)
	}
}
