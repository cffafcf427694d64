package storetest

import (
	"path/filepath"
	"testing"
	"time"

	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

func TestLate(t *testing.T) {
	now := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	open := func() store.Table {
		table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), func() time.Time { return time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC) })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = table.Close() })
		return table
	}
	l := &Late{Table: open(), Index: open(), Clock: func() time.Time { return now }, Lag: time.Minute}
	key := store.Key{PK: "A", SK: "1"}
	shows := func(want string) {
		t.Helper()
		page, err := l.Query(t.Context(), store.Query{Index: true, PK: "I"})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, item := range page.Items {
			got += item.IndexSK + string(rune('0'+item.Version))
		}
		if got != want {
			t.Errorf("the index shows %q, want %q", got, want)
		}
	}
	put := func(sk string) {
		t.Helper()
		item := store.Item{Key: key, Data: []byte("{}"), IndexPK: "I", IndexSK: sk, Expires: now.Add(time.Second)}
		if sk == "" {
			item.IndexPK = ""
		}
		if err := l.Transact(t.Context(), []store.Op{{Put: &item}}); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	shows("")
	now = now.Add(59 * time.Second)
	put("b")
	shows("")
	now = now.Add(time.Second)
	shows("a1")
	if item, err := l.Get(t.Context(), key); err != nil || item.IndexSK != "b" || item.Version != 2 { // which has expired as well
		t.Errorf("the table has %+v, %v", item, err)
	}
	now = now.Add(time.Minute)
	shows("b2")
	put("")
	shows("b2")
	now = now.Add(time.Minute)
	shows("")
	put("c")
	now = now.Add(time.Minute)
	shows("c4")
	if err := l.Delete(t.Context(), key, store.Any()); err != nil {
		t.Fatal(err)
	}
	shows("c4")
	now = now.Add(time.Minute)
	shows("")
}
