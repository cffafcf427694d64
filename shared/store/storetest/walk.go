package storetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Walker is a table that can be walked through.
type Walker interface {
	store.Table
	Walk(ctx context.Context, cursor string) (store.Page, error)
}

// Walks is the contract of Walk. The table may hold other items.
func Walks(t *testing.T, table Walker) {
	ctx, mine := t.Context(), "TEST#"+rand.Text()
	want := map[store.Key]store.Item{}
	var items []store.Item
	for i := range 40 { // three megabytes, none of which can be compressed
		it := store.Item{Key: store.Key{PK: fmt.Sprintf("%s#%d", mine, i%7), SK: fmt.Sprintf("%02d", i)}, Data: []byte(`"` + strings.Repeat(rand.Text(), 3000) + `"`)}
		if i%2 == 0 {
			it.IndexPK, it.IndexSK = mine+"#I", it.SK
		}
		for n := range len(it.Data) / 26 {
			copy(it.Data[1+26*n:], rand.Text())
		}
		it.Data[len(it.Data)-1] = '"'
		items = append(items, it)
		want[it.Key] = it
	}
	if err := table.BatchPut(ctx, items); err != nil {
		t.Fatal(err)
	}
	pages, cursor := 0, ""
	for {
		page, err := table.Walk(ctx, cursor)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, it := range page.Items {
			if !strings.HasPrefix(it.PK, mine) {
				continue
			}
			w, there := want[it.Key]
			if !there {
				t.Errorf("%v comes twice", it.Key)
			}
			if it.Version != 1 || it.IndexPK != w.IndexPK || it.IndexSK != w.IndexSK || !bytes.Equal(it.Data, w.Data) {
				t.Errorf("%v is not as it was put", it.Key)
			}
			delete(want, it.Key)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(want) > 0 || pages < 3 {
		t.Errorf("%d items did not come, in %d pages", len(want), pages)
	}
	for _, none := range []string{"x", "W10", "WyJhIl0", "WyIiLCIiXQ"} { // no base64, [], ["a"], ["",""]
		if _, err := table.Walk(ctx, none); fault.Of(err) != fault.Invalid {
			t.Errorf("cursor %q: %v", none, err)
		}
	}
}
