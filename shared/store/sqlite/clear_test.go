package sqlite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// cut fails transactions once some have happened, and lets one conflict before that.
type cut struct {
	store.Table
	left     int
	conflict bool
}

func (c *cut) Transact(ctx context.Context, ops []store.Op) error {
	if c.conflict {
		c.conflict = false
		return store.ErrConflict
	}
	if c.left--; c.left < 0 {
		return fault.New(fault.Unavailable, "the line was cut")
	}
	return c.Table.Transact(ctx, ops)
}

func TestClear(t *testing.T) {
	table, err := Open(":memory:", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	put := func(pk, sk, indexPK string) {
		item := store.Item{Key: store.Key{PK: pk, SK: sk}, Data: []byte("{}")}
		if indexPK != "" {
			item.IndexPK, item.IndexSK = indexPK, sk
		}
		if _, err := table.Put(t.Context(), item, store.Any()); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 250 {
		put("P", fmt.Sprintf("A#%03d", i), "")
		put(fmt.Sprint("Q", i), "S", "I")
	}
	put("P", "B", "")
	put("PP", "A#000", "")
	count := func(q store.Query) int {
		items, err := store.All(t.Context(), table, q)
		if err != nil {
			t.Fatal(err)
		}
		return len(items)
	}
	broken := &cut{Table: table, left: 1, conflict: true}
	if err := store.Clear(t.Context(), broken, store.Query{PK: "P", Prefix: "A#", Limit: 1, Cursor: "old"}); fault.Of(err) != fault.Unavailable {
		t.Errorf("cut short: %v", err)
	}
	if n := count(store.Query{PK: "P"}); n != 151 {
		t.Errorf("%d items are left after one page", n)
	}
	for range 2 {
		if err := store.Clear(t.Context(), table, store.Query{PK: "P", Prefix: "A#"}); err != nil {
			t.Fatal(err)
		}
		if err := store.Clear(t.Context(), table, store.Query{Index: true, PK: "I"}); err != nil {
			t.Fatal(err)
		}
	}
	if p, pp, i := count(store.Query{PK: "P"}), count(store.Query{PK: "PP"}), count(store.Query{Index: true, PK: "I"}); p != 1 || pp != 1 || i != 0 {
		t.Errorf("left are %d, %d of another partition, %d of the index", p, pp, i)
	}
	if err := store.Remove(t.Context(), table); err != nil {
		t.Errorf("nothing to remove: %v", err)
	}
}
