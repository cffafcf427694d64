package storetest

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

func TestCapacity(t *testing.T) {
	now := time.Date(2026, 10, 5, 23, 59, 0, 0, time.UTC)
	open := func() *Capacity {
		table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = table.Close() })
		return &Capacity{Table: table, Clock: func() time.Time { return now }, Whole: 2, Partition: 1}
	}
	item := func(pk, sk string, size int) store.Item {
		return store.Item{Key: store.Key{PK: pk, SK: sk}, Data: []byte(`"` + strings.Repeat("x", size) + `"`)}
	}
	put := func(c *Capacity, item store.Item) bool {
		t.Helper()
		_, err := c.Put(t.Context(), item, store.Any())
		if err != nil && fault.Of(err) != fault.Throttled {
			t.Fatal(err)
		}
		return err == nil
	}
	fits := func(c *Capacity, item store.Item) (n int) {
		t.Helper()
		for put(c, item) {
			n++
		}
		return n
	}
	t.Run("a key takes what a minute brings it, and the table what it brings all", func(t *testing.T) {
		c := open()
		if n := fits(c, item("A", "1", 10)); n != 60 {
			t.Errorf("%d writes", n)
		}
		if n := fits(c, item("B", "1", 10)); n != 60 {
			t.Errorf("%d writes of another key", n)
		}
		if put(c, item("C", "1", 10)) {
			t.Error("the table takes more than it has")
		}
		now = now.Add(10 * time.Second)
		if n := fits(c, item("A", "1", 10)); n != 10 {
			t.Errorf("ten seconds later %d writes", n)
		}
		if c.Refused() != 4 || c.Written() != 130 {
			t.Errorf("%d refused, %v written", c.Refused(), c.Written())
		}
	})
	t.Run("a large item counts by the kilobyte, a transaction twice", func(t *testing.T) {
		c := open()
		if n := fits(c, item("A", "1", 2000)); n != 20 {
			t.Errorf("%d writes of three kilobytes", n)
		}
		small := item("B", "1", 10)
		n := 0
		for c.Transact(t.Context(), []store.Op{{Put: &small}}) == nil {
			n++
		}
		if n != 30 {
			t.Errorf("%d transactions", n)
		}
	})
	t.Run("an item that moves in the index is written there twice, and a refused one not at all", func(t *testing.T) {
		c := open()
		moving := item("A", "1", 10)
		moving.IndexPK = "I"
		n := 0
		for ; ; n++ {
			moving.IndexSK = string(rune('a' + n))
			if !put(c, moving) {
				break
			}
		}
		if n != 30 { // one at first, then two each
			t.Errorf("%d writes", n)
		}
		got, err := c.Get(t.Context(), moving.Key)
		if err != nil || got.IndexSK != string(rune('a'+n-1)) {
			t.Errorf("it is at %q, %v", got.IndexSK, err)
		}
	})
}
