// Package storetest is the contract of store.Table: every implementation passes it.
package storetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Run runs the contract. open may return the same table each time, with other items in it: each test keeps to partitions of its own.
func Run(t *testing.T, open func(t *testing.T) store.Table) {
	tests := []struct {
		name string
		test func(*testing.T, store.Table, string)
	}{
		{"an item comes back as it was put", roundTrip},
		{"a key that no store could hold is refused", badKeys},
		{"a version counts the writes of its item", versions},
		{"a condition decides whether a write happens", conditions},
		{"one of many writers of an absent item wins", oneCreator},
		{"one of many that delete a version wins", oneDeleter},
		{"no increment is lost to a concurrent one", counter},
		{"each of many writes at once is a version of its own", stepByStep},
		{"sort keys are ordered by their bytes", byteOrder},
		{"queries find what a model finds", queries},
		{"a page ends at a megabyte", bigPages},
		{"a page of what was compressed ends, too", compressedPages},
		{"a cursor that is none is refused", badCursors},
		{"the index holds what asks to be in it", index},
		{"index pages lose and repeat nothing", indexPages},
		{"many items are got at once", getMany},
		{"a transaction happens whole or not at all", transact},
		{"transactions that overlap leave no mix", overlapping},
		{"a transaction that cannot be is refused", badTransactions},
		{"a sequence of writes leaves what a model has", sequences},
		{"a batch of any size is written", batchPut},
		{"an item may be large when it compresses and not larger than the limit when packed", sizes},
		{"the time to live is kept to the second", timeToLive},
		{"a context that has ended stops every call", cancelled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t), "TEST#"+rand.Text()) })
	}
}

func put(t testing.TB, table store.Table, item store.Item) int64 {
	t.Helper()
	version, err := table.Put(t.Context(), item, store.Any())
	if err != nil {
		t.Fatalf("put %s %s: %v", item.PK, item.SK, err)
	}
	return version
}

func get(t testing.TB, table store.Table, key store.Key) store.Item {
	t.Helper()
	item, err := table.Get(t.Context(), key)
	if err != nil {
		t.Fatalf("get %s %s: %v", key.PK, key.SK, err)
	}
	return item
}

func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func wantKind(t testing.TB, what string, err error, want fault.Kind) {
	t.Helper()
	if err == nil || fault.Of(err) != want {
		t.Errorf("%s: error %v of kind %s, want kind %s", what, err, fault.Of(err), want)
	}
}

func diff(t testing.TB, what string, got, want any) {
	t.Helper()
	if d := gocmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// eventually repeats a check until what the index says is as it should be: the index may lag behind.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func sortKeys(items []store.Item) []string {
	keys := []string{}
	for _, item := range items {
		keys = append(keys, item.SK)
	}
	return keys
}

func all(t testing.TB, table store.Table, q store.Query) []string {
	t.Helper()
	items, err := store.All(t.Context(), table, q)
	if err != nil {
		t.Fatalf("query %+v: %v", q, err)
	}
	return sortKeys(items)
}

func roundTrip(t *testing.T, table store.Table, pk string) {
	if err := table.Ping(t.Context()); err != nil {
		t.Errorf("ping: %v", err)
	}
	item := store.Item{Key: store.Key{PK: pk, SK: "ü#\x01 'quoted' \"%_"}, IndexPK: pk + "#I", IndexSK: "ß", Data: []byte(`{"a":"ä\u0000"}`)}
	item.Version = 77 // not the caller's to set
	if v := put(t, table, item); v != 1 {
		t.Errorf("version of a new item is %d, want 1", v)
	}
	item.Version = 1
	diff(t, "item", get(t, table, item.Key), item)

	_, err := table.Get(t.Context(), store.Key{PK: pk, SK: "other"})
	wantErr(t, "get of what is not there", err, store.ErrNotFound)

	put(t, table, store.Item{Key: item.Key, Data: []byte(`[]`)})
	diff(t, "item put again", get(t, table, item.Key), store.Item{Key: item.Key, Version: 2, Data: []byte(`[]`)})

	if err := table.Delete(t.Context(), item.Key, store.Any()); err != nil {
		t.Errorf("delete: %v", err)
	}
	if err := table.Delete(t.Context(), item.Key, store.Any()); err != nil {
		t.Errorf("delete again: %v", err)
	}
	_, err = table.Get(t.Context(), item.Key)
	wantErr(t, "get of what was deleted", err, store.ErrNotFound)
}

func badKeys(t *testing.T, table store.Table, pk string) {
	for name, item := range map[string]store.Item{
		"no partition key":         {Key: store.Key{SK: "a"}},
		"no sort key":              {Key: store.Key{PK: pk}},
		"not UTF-8":                {Key: store.Key{PK: pk, SK: "\xff"}},
		"a long sort key":          {Key: store.Key{PK: pk, SK: strings.Repeat("a", store.MaxSK+1)}},
		"a long partition key":     {Key: store.Key{PK: strings.Repeat("a", store.MaxPK+1), SK: "a"}},
		"half of an index key":     {Key: store.Key{PK: pk, SK: "a"}, IndexPK: pk},
		"the other half of it":     {Key: store.Key{PK: pk, SK: "a"}, IndexSK: pk},
		"an index key not UTF-8":   {Key: store.Key{PK: pk, SK: "a"}, IndexPK: pk, IndexSK: "\xc0"},
		"a sort key half a letter": {Key: store.Key{PK: pk, SK: "ä"[:1]}},
	} {
		item.Data = []byte(`{}`)
		_, err := table.Put(t.Context(), item, store.Any())
		wantKind(t, "put with "+name, err, fault.Invalid)
		wantKind(t, "batch with "+name, table.BatchPut(t.Context(), []store.Item{item}), fault.Invalid)
		wantKind(t, "transaction with "+name, table.Transact(t.Context(), []store.Op{{Put: &item}}), fault.Invalid)
		if item.IndexPK == "" && item.IndexSK == "" {
			_, err = table.Get(t.Context(), item.Key)
			wantKind(t, "get with "+name, err, fault.Invalid)
			wantKind(t, "delete with "+name, table.Delete(t.Context(), item.Key, store.Any()), fault.Invalid)
		}
	}
	if got := all(t, table, store.Query{PK: pk}); len(got) != 0 {
		t.Errorf("refused items were written: %q", got)
	}
	longest := store.Item{Key: store.Key{PK: pk + strings.Repeat("a", store.MaxPK-len(pk)), SK: strings.Repeat("b", store.MaxSK)}, Data: []byte(`{}`)}
	put(t, table, longest)
	longest.Version = 1
	diff(t, "item with the longest keys", get(t, table, longest.Key), longest)
	_, err := table.Query(t.Context(), store.Query{})
	wantKind(t, "query of no partition", err, fault.Invalid)
	_, err = table.Query(t.Context(), store.Query{PK: pk, Limit: -1})
	wantKind(t, "query with a negative limit", err, fault.Invalid)
}

func versions(t *testing.T, table store.Table, pk string) {
	item := store.Item{Key: store.Key{PK: pk, SK: "a"}, Data: []byte(`{}`)}
	for want := int64(1); want <= 3; want++ {
		if got := put(t, table, item); got != want {
			t.Errorf("write %d gave version %d", want, got)
		}
	}
	if err := table.Transact(t.Context(), []store.Op{{Put: &item, If: store.VersionIs(3)}}); err != nil {
		t.Fatal(err)
	}
	if got := get(t, table, item.Key).Version; got != 4 {
		t.Errorf("version %d after a transaction, want 4", got)
	}
	items, err := store.All(t.Context(), table, store.Query{PK: pk})
	if err != nil || len(items) != 1 || items[0].Version != 4 {
		t.Errorf("query: %+v, %v, want one item of version 4", items, err)
	}
	if err := table.BatchPut(t.Context(), []store.Item{item}); err != nil {
		t.Fatal(err)
	}
	_, err = table.Put(t.Context(), item, store.VersionIs(4))
	wantErr(t, "put with the version from before a batch", err, store.ErrConflict)
}

func conditions(t *testing.T, table store.Table, pk string) {
	key := store.Key{PK: pk, SK: "a"}
	ctx := t.Context()
	write := func(data string, cond store.Condition) error {
		_, err := table.Put(ctx, store.Item{Key: key, Data: []byte(data)}, cond)
		return err
	}
	wantErr(t, "put of version 1 where nothing is", write(`1`, store.VersionIs(1)), store.ErrConflict)
	wantErr(t, "put of version 0 where nothing is", write(`1`, store.VersionIs(0)), nil)
	if err := table.Delete(ctx, key, store.Any()); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "put where nothing is", write(`2`, store.Absent()), nil)
	wantErr(t, "put where something is", write(`3`, store.Absent()), store.ErrConflict)
	wantErr(t, "put of the version that is there", write(`4`, store.VersionIs(1)), nil)
	wantErr(t, "put of an older version", write(`5`, store.VersionIs(1)), store.ErrConflict)
	wantErr(t, "put of version 0 where something is", write(`6`, store.VersionIs(0)), store.ErrConflict)
	diff(t, "item", get(t, table, key), store.Item{Key: key, Version: 2, Data: []byte(`4`)})

	wantErr(t, "delete of an older version", table.Delete(ctx, key, store.VersionIs(1)), store.ErrConflict)
	wantErr(t, "delete where nothing should be", table.Delete(ctx, key, store.Absent()), store.ErrConflict)
	wantErr(t, "delete of the version that is there", table.Delete(ctx, key, store.VersionIs(2)), nil)
	wantErr(t, "delete of a version where nothing is", table.Delete(ctx, key, store.VersionIs(2)), store.ErrConflict)
	wantErr(t, "delete where nothing is nor should be", table.Delete(ctx, key, store.Absent()), nil)
	wantErr(t, "put after a delete", write(`7`, store.Absent()), nil)
}

// concurrently calls fn n times at once.
func concurrently(n int, fn func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { fn(i) })
	}
	wg.Wait()
}

func oneCreator(t *testing.T, table store.Table, pk string) {
	const writers = 32
	errs := make([]error, writers)
	concurrently(writers, func(i int) {
		_, errs[i] = table.Put(t.Context(), store.Item{Key: store.Key{PK: pk, SK: "a"}, Data: fmt.Appendf(nil, "%d", i)}, store.Absent())
	})
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			t.Errorf("%d and %d both won", winner, i)
		case err == nil:
			winner = i
		case !errors.Is(err, store.ErrConflict):
			t.Errorf("%d: %v, want a conflict", i, err)
		}
	}
	if got := string(get(t, table, store.Key{PK: pk, SK: "a"}).Data); got != fmt.Sprint(winner) {
		t.Errorf("stored is %s, the winner is %d", got, winner)
	}
}

func oneDeleter(t *testing.T, table store.Table, pk string) {
	const deleters = 16
	key := store.Key{PK: pk, SK: "a"}
	put(t, table, store.Item{Key: key, Data: []byte(`{}`)})
	errs := make([]error, deleters)
	concurrently(deleters, func(i int) { errs[i] = table.Delete(t.Context(), key, store.VersionIs(1)) })
	won := 0
	for i, err := range errs {
		switch {
		case err == nil:
			won++
		case !errors.Is(err, store.ErrConflict) && !fault.Of(err).Transient():
			t.Errorf("%d: %v, want a conflict", i, err)
		}
	}
	if won != 1 {
		t.Errorf("%d deleted the one version", won)
	}
}

func stepByStep(t *testing.T, table store.Table, pk string) {
	const writers = 16
	key := store.Key{PK: pk, SK: "a"}
	got := make([]int64, writers)
	concurrently(writers, func(i int) {
		var err error
		if got[i], err = table.Put(t.Context(), store.Item{Key: key, Data: []byte(`{}`)}, store.Any()); err != nil {
			t.Errorf("put: %v", err)
		}
	})
	slices.Sort(got)
	for i, version := range got {
		if version != int64(i+1) {
			t.Fatalf("versions %d, want 1 to %d", got, writers)
		}
	}
}

func counter(t *testing.T, table store.Table, pk string) {
	const workers, times = 8, 20
	key := store.Key{PK: pk, SK: "counter"}
	put(t, table, store.Item{Key: key, Data: []byte(`0`)})
	concurrently(workers, func(int) {
		for done := 0; done < times; {
			item, err := table.Get(t.Context(), key)
			if err != nil {
				t.Errorf("get: %v", err)
				return
			}
			var n int
			_, _ = fmt.Sscan(string(item.Data), &n)
			item.Data = fmt.Appendf(nil, "%d", n+1)
			switch _, err := table.Put(t.Context(), item, store.VersionIs(item.Version)); {
			case err == nil:
				done++
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("put: %v", err)
				return
			}
		}
	})
	diff(t, "counter", get(t, table, key), store.Item{Key: key, Version: workers*times + 1, Data: fmt.Appendf(nil, "%d", workers*times)})
}

func byteOrder(t *testing.T, table store.Table, pk string) {
	keys := []string{"\x01", " ", "#", "10", "2", "A", "Z", "a", "a\x00", "aa", "z", "~", "é", "z\u0301", "日本", "\uffff", "\U0001f600"}
	var items []store.Item
	for _, sk := range keys {
		items = append(items, store.Item{Key: store.Key{PK: pk, SK: sk}, Data: []byte(`{}`)})
		items = append(items, store.Item{Key: store.Key{PK: pk + "x", SK: sk}, Data: []byte(`{}`)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys) // Go compares strings by bytes
	diff(t, "upwards", all(t, table, store.Query{PK: pk}), keys)
	slices.Reverse(keys)
	diff(t, "downwards", all(t, table, store.Query{PK: pk, Desc: true}), keys)
}

func queries(t *testing.T, table store.Table, pk string) {
	letters := []string{"a", "b", "#", "é", "\x7f", "\U0010ffff"} // the last two end where a letter has more bytes, and where letters end
	var keys []string
	for _, a := range letters {
		keys = append(keys, a)
		for _, b := range letters {
			keys = append(keys, a+b, a+b+a)
		}
	}
	var items []store.Item
	for _, sk := range keys {
		items = append(items, store.Item{Key: store.Key{PK: pk, SK: sk}, Data: []byte(`{}`)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	part := rapid.Map(rapid.SliceOfN(rapid.SampledFrom(letters), 0, 3), func(p []string) string { return strings.Join(p, "") })
	rapid.Check(t, func(r *rapid.T) {
		q := store.Query{
			PK: pk, Prefix: part.Draw(r, "prefix"), From: part.Draw(r, "from"), To: part.Draw(r, "to"),
			Desc: rapid.Bool().Draw(r, "desc"), Limit: rapid.IntRange(0, 9).Draw(r, "limit"),
		}
		want := []string{}
		for _, sk := range keys {
			if strings.HasPrefix(sk, q.Prefix) && sk >= q.From && (q.To == "" || sk < q.To) {
				want = append(want, sk)
			}
		}
		if q.Desc {
			slices.Reverse(want)
		}
		got := []string{}
		for pages := 0; ; pages++ {
			page, err := table.Query(context.Background(), q)
			if err != nil {
				r.Fatalf("query %+v: %v", q, err)
			}
			if q.Limit > 0 && len(page.Items) > q.Limit {
				r.Fatalf("page of %d items, the limit is %d", len(page.Items), q.Limit)
			}
			got = append(got, sortKeys(page.Items)...)
			if page.Next == "" {
				break
			}
			if pages > 2*len(keys) {
				r.Fatalf("paging does not end")
			}
			q.Cursor = page.Next
		}
		if d := gocmp.Diff(want, got); d != "" {
			r.Fatalf("query %+v (-want +got):\n%s", q, d)
		}
	})
}

// noise is JSON of about n bytes that does not compress.
func noise(n int) []byte {
	var b bytes.Buffer
	b.WriteByte('"')
	for b.Len() < n {
		b.WriteString(rand.Text())
	}
	b.WriteByte('"')
	return b.Bytes()
}

// compressedPages has items that are small as they are stored.
func compressedPages(t *testing.T, table store.Table, pk string) {
	data := []byte(`"` + strings.Repeat("x", 1<<20) + `"`)
	for i := range 12 {
		sk := fmt.Sprintf("%02d", i)
		item := store.Item{Key: store.Key{PK: pk, SK: sk}, IndexPK: pk + "#I", IndexSK: sk, Data: data}
		if _, err := table.Put(t.Context(), item, store.Any()); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []store.Query{
		{PK: pk}, {PK: pk, Desc: true}, {PK: pk + "#I", Index: true}, {PK: pk, Prefix: "0", Limit: 7}, {PK: pk, From: "01", To: "11"},
	} {
		read := 0
		want := 12
		if q.Prefix+q.From != "" {
			want = 10
		}
		for range 20 {
			page, err := table.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(page.Items) * len(data); n > store.PageData {
				t.Errorf("a page has %d bytes", n)
			}
			read += len(page.Items)
			if q.Cursor = page.Next; q.Cursor == "" {
				break
			}
		}
		if read != want {
			t.Errorf("%+v: %d items on all pages, want %d", q, read, want)
		}
	}
}

func bigPages(t *testing.T, table store.Table, pk string) {
	const n, size = 24, 200 << 10 // about 3 MB, even when the letters are packed to five bits each
	var items []store.Item
	for i := range n {
		items = append(items, store.Item{Key: store.Key{PK: pk, SK: fmt.Sprintf("%03d", i)}, Data: noise(size)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for _, desc := range []bool{false, true} {
		if desc {
			slices.Reverse(items)
		}
		q := store.Query{PK: pk, Desc: desc}
		var got []store.Item
		for pages := 1; ; pages++ {
			page, err := table.Query(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Items) > 12 {
				t.Errorf("page of %d items, that is more than about 1 MB", len(page.Items))
			}
			got = append(got, page.Items...)
			if page.Next == "" {
				if pages < 3 {
					t.Errorf("%d pages, want at least 3", pages)
				}
				break
			}
			q.Cursor = page.Next
		}
		for i := range items {
			items[i].Version = 1
		}
		if !reflect.DeepEqual(got, items) {
			t.Errorf("paging (downwards: %t) gave %q, want all items with their data", desc, sortKeys(got))
		}
	}
}

func badCursors(t *testing.T, table store.Table, pk string) {
	for i := range 3 {
		sk := fmt.Sprint(i)
		put(t, table, store.Item{Key: store.Key{PK: pk, SK: sk}, IndexPK: pk, IndexSK: sk, Data: []byte(`{}`)})
		put(t, table, store.Item{Key: store.Key{PK: pk + "x", SK: sk}, Data: []byte(`{}`)})
	}
	page, err := table.Query(t.Context(), store.Query{PK: pk, Limit: 1})
	if err != nil || page.Next == "" {
		t.Fatalf("first page: %+v, %v, want one with more to come", page, err)
	}
	for name, q := range map[string]store.Query{
		"nonsense":                   {PK: pk, Cursor: "%%%"},
		"base64 of nonsense":         {PK: pk, Cursor: "bm9uc2Vuc2U"},
		"one that was cut":           {PK: pk, Cursor: page.Next[:len(page.Next)-3]},
		"one of another partition":   {PK: pk + "x", Cursor: page.Next},
		"one of the table, at index": {PK: pk, Index: true, Cursor: page.Next},
	} {
		_, err := table.Query(t.Context(), q)
		wantKind(t, "cursor: "+name, err, fault.Invalid)
	}
}

func indexed(t *testing.T, table store.Table, q store.Query, want []string) {
	t.Helper()
	q.Index = true
	eventually(t, func() error {
		items, err := store.All(t.Context(), table, q)
		if err != nil {
			return err
		}
		if d := gocmp.Diff(want, sortKeys(items), cmpopts.EquateEmpty()); d != "" {
			return fmt.Errorf("index query %+v (-want +got):\n%s", q, d)
		}
		return nil
	})
}

func index(t *testing.T, table store.Table, pk string) {
	due := pk + "#DUE"
	item := func(sk, indexSK string) store.Item {
		item := store.Item{Key: store.Key{PK: pk, SK: sk}, Data: []byte(`{"sk":"` + sk + `"}`)}
		if indexSK != "" {
			item.IndexPK, item.IndexSK = due, indexSK
		}
		return item
	}
	for _, it := range []store.Item{item("a", "3"), item("b", "1"), item("c", ""), item("d", "2"), item("e", "20")} {
		put(t, table, it)
	}
	indexed(t, table, store.Query{PK: due}, []string{"b", "d", "e", "a"})
	indexed(t, table, store.Query{PK: due, Desc: true}, []string{"a", "e", "d", "b"})
	indexed(t, table, store.Query{PK: due, Prefix: "2"}, []string{"d", "e"})
	indexed(t, table, store.Query{PK: due, From: "2", To: "3"}, []string{"d", "e"})
	indexed(t, table, store.Query{PK: due, From: "2", To: "3", Desc: true}, []string{"e", "d"})
	indexed(t, table, store.Query{PK: pk}, nil)

	items, err := store.All(t.Context(), table, store.Query{Index: true, PK: due, To: "2"})
	want := item("b", "1")
	want.Version = 1
	diff(t, "item from the index", items, []store.Item{want})
	if err != nil {
		t.Error(err)
	}

	put(t, table, item("a", "0")) // moves
	put(t, table, item("b", ""))  // leaves
	put(t, table, item("c", "5")) // enters
	if err := table.Delete(t.Context(), store.Key{PK: pk, SK: "d"}, store.Any()); err != nil {
		t.Fatal(err)
	}
	indexed(t, table, store.Query{PK: due}, []string{"a", "e", "c"})
}

func indexPages(t *testing.T, table store.Table, pk string) {
	// Many items share an index sort key, so that pages end between them.
	var items []store.Item
	for i := range 40 {
		sk := fmt.Sprintf("%02d", i)
		items = append(items, store.Item{Key: store.Key{PK: pk, SK: sk}, IndexPK: pk + "#I", IndexSK: sk[:1], Data: []byte(`{}`)})
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	for _, desc := range []bool{false, true} {
		for _, limit := range []int{1, 3, 10, 100} {
			eventually(t, func() error {
				got, err := store.All(t.Context(), table, store.Query{Index: true, PK: pk + "#I", Limit: limit, Desc: desc})
				if err != nil {
					return err
				}
				ordered := slices.IsSortedFunc(got, func(a, b store.Item) int {
					if desc {
						a, b = b, a
					}
					return cmp.Compare(a.IndexSK, b.IndexSK)
				})
				keys := sortKeys(got)
				slices.Sort(keys)
				if !ordered || len(slices.Compact(keys)) != len(items) || len(got) != len(items) {
					return fmt.Errorf("pages of %d (downwards: %t) gave %q", limit, desc, sortKeys(got))
				}
				return nil
			})
		}
	}
}

func getMany(t *testing.T, table store.Table, pk string) {
	var items []store.Item
	var keys []store.Key
	for i := range 230 {
		item := store.Item{Key: store.Key{PK: fmt.Sprintf("%s#%d", pk, i%7), SK: fmt.Sprintf("%03d", i)}, Data: fmt.Appendf(nil, "%d", i)}
		keys = append(keys, item.Key, item.Key, store.Key{PK: item.PK, SK: item.SK + "missing"})
		items = append(items, item)
	}
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	got, err := table.GetMany(t.Context(), keys)
	if err != nil {
		t.Fatal(err)
	}
	for i := range items {
		items[i].Version = 1
	}
	slices.SortFunc(got, func(a, b store.Item) int { return cmp.Compare(a.SK, b.SK) })
	diff(t, "items", got, items)
	got, err = table.GetMany(t.Context(), nil)
	if err != nil || len(got) != 0 {
		t.Errorf("get none: %v, %v", got, err)
	}
}

func transact(t *testing.T, table store.Table, pk string) {
	ctx := t.Context()
	key := func(sk string) store.Key { return store.Key{PK: pk, SK: sk} }
	item := func(sk, data string) *store.Item { return &store.Item{Key: key(sk), Data: []byte(data)} }
	for _, sk := range []string{"changed", "removed", "checked"} {
		put(t, table, *item(sk, `"before"`))
	}
	ops := func() []store.Op {
		removed, checked, gone := key("removed"), key("checked"), key("gone")
		return []store.Op{
			{Put: item("new", `"after"`), If: store.Absent()},
			{Put: item("changed", `"after"`), If: store.VersionIs(1)},
			{Delete: &removed, If: store.VersionIs(1)},
			{Check: &checked, If: store.VersionIs(1)},
			{Check: &gone, If: store.Absent()},
		}
	}
	for i := range ops() {
		failing := ops()
		failing[i].If = store.VersionIs(9)
		wantErr(t, fmt.Sprintf("transaction whose operation %d fails", i), table.Transact(ctx, failing), store.ErrConflict)
	}
	diff(t, "after failures", all(t, table, store.Query{PK: pk}), []string{"changed", "checked", "removed"})
	diff(t, "item after failures", get(t, table, key("changed")), store.Item{Key: key("changed"), Version: 1, Data: []byte(`"before"`)})

	wantErr(t, "transaction", table.Transact(ctx, ops()), nil)
	diff(t, "after", all(t, table, store.Query{PK: pk}), []string{"changed", "checked", "new"})
	diff(t, "changed item", get(t, table, key("changed")), store.Item{Key: key("changed"), Version: 2, Data: []byte(`"after"`)})
	diff(t, "checked item", get(t, table, key("checked")), store.Item{Key: key("checked"), Version: 1, Data: []byte(`"before"`)})
	wantErr(t, "the same transaction again", table.Transact(ctx, ops()), store.ErrConflict)

	var many []store.Op
	for i := range store.MaxTransact {
		many = append(many, store.Op{Put: item(fmt.Sprintf("many%03d", i), `{}`), If: store.Absent()})
	}
	wantErr(t, "the largest transaction", table.Transact(ctx, many), nil)
	if got := all(t, table, store.Query{PK: pk, Prefix: "many"}); len(got) != store.MaxTransact {
		t.Errorf("the largest transaction wrote %d items", len(got))
	}
	wantErr(t, "a transaction of nothing", table.Transact(ctx, nil), nil)
}

func overlapping(t *testing.T, table store.Table, pk string) {
	const workers = 8
	keys := []string{"a", "b", "c"}
	concurrently(workers, func(w int) {
		for attempt := 0; ; attempt++ {
			var ops []store.Op
			for _, sk := range keys {
				ops = append(ops, store.Op{Put: &store.Item{Key: store.Key{PK: pk, SK: sk}, Data: fmt.Appendf(nil, "%d", w)}})
			}
			if w%2 == 1 {
				slices.Reverse(ops)
			}
			err := table.Transact(t.Context(), ops)
			if err == nil {
				return
			}
			if attempt > 100 || !errors.Is(err, store.ErrConflict) && !fault.Of(err).Transient() {
				t.Errorf("transaction: %v", err)
				return
			}
			time.Sleep(time.Duration(w+1) * time.Millisecond) // another one got in the way
		}
	})
	items, err := store.All(t.Context(), table, store.Query{PK: pk})
	if err != nil || len(items) != len(keys) {
		t.Fatalf("items: %+v, %v", items, err)
	}
	for _, item := range items {
		if !bytes.Equal(item.Data, items[0].Data) || item.Version != workers {
			t.Errorf("item %s has data %s and version %d, want %s and %d", item.SK, item.Data, item.Version, items[0].Data, workers)
		}
	}
}

func badTransactions(t *testing.T, table store.Table, pk string) {
	item := store.Item{Key: store.Key{PK: pk, SK: "a"}, Data: []byte(`{}`)}
	other := store.Item{Key: store.Key{PK: pk, SK: "b"}, Data: []byte(`{}`)}
	var many []store.Op
	for i := range store.MaxTransact + 1 {
		many = append(many, store.Op{Put: &store.Item{Key: store.Key{PK: pk, SK: fmt.Sprint(i)}, Data: []byte(`{}`)}})
	}
	for name, ops := range map[string][]store.Op{
		"too many operations":             many,
		"two operations on a key":         {{Put: &item}, {Delete: &item.Key}},
		"a put and a check on a key":      {{Put: &item}, {Put: &other}, {Check: &item.Key, If: store.Absent()}},
		"an operation that does nothing":  {{Put: &item}, {If: store.Absent()}},
		"an operation that is two":        {{Put: &item, Delete: &other.Key}},
		"an operation on half of a key":   {{Put: &other}, {Delete: &store.Key{PK: pk}}},
		"a check of what can never exist": {{Put: &other}, {Check: &store.Key{SK: "a"}, If: store.Absent()}},
	} {
		wantKind(t, name, table.Transact(t.Context(), ops), fault.Invalid)
	}
	var big []store.Op
	for i := range 16 {
		big = append(big, store.Op{Put: &store.Item{Key: store.Key{PK: pk, SK: fmt.Sprint(i)}, Data: noise(500 << 10)}})
	}
	wantErr(t, "a transaction of more than 4 MB", table.Transact(t.Context(), big), store.ErrTooLarge)
	if got := all(t, table, store.Query{PK: pk}); len(got) != 0 {
		t.Errorf("refused transactions wrote %q", got)
	}
}

// sequences runs random writes on a few keys beside a model of versions and data.
func sequences(t *testing.T, table store.Table, pk string) {
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		pk := fmt.Sprintf("%s#%d", pk, run)
		type entry struct {
			version int64
			data    string
		}
		model := map[string]entry{}
		sk := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		cond := rapid.Custom(func(r *rapid.T) store.Condition {
			switch rapid.IntRange(0, 2).Draw(r, "kind") {
			case 0:
				return store.Any()
			case 1:
				return store.Absent()
			}
			return store.VersionIs(rapid.Int64Range(1, 3).Draw(r, "version"))
		})
		written := 0
		transaction := func(keys []string) {
			ops := make([]store.Op, len(keys))
			next := make(map[string]entry, len(keys))
			holds := true
			for i, k := range keys {
				key := store.Key{PK: pk, SK: k}
				ops[i].If = cond.Draw(r, "condition")
				holds = holds && ops[i].If.Holds(model[k].version)
				switch rapid.IntRange(0, 3).Draw(r, "operation") {
				case 0:
					ops[i].Check = &key
				case 1:
					ops[i].Delete = &key
					next[k] = entry{}
				default:
					written++
					data := fmt.Sprint(written)
					ops[i].Put = &store.Item{Key: key, Data: []byte(data)}
					next[k] = entry{model[k].version + 1, data}
				}
			}
			var err error
			switch {
			case len(ops) == 1 && ops[0].Put != nil:
				var version int64
				if version, err = table.Put(context.Background(), *ops[0].Put, ops[0].If); err == nil && version != next[keys[0]].version {
					r.Fatalf("put gave version %d, want %d", version, next[keys[0]].version)
				}
			case len(ops) == 1 && ops[0].Delete != nil:
				err = table.Delete(context.Background(), *ops[0].Delete, ops[0].If)
			default:
				err = table.Transact(context.Background(), ops)
			}
			if holds != (err == nil) || err != nil && !errors.Is(err, store.ErrConflict) {
				r.Fatalf("conditions hold: %t, error: %v", holds, err)
			}
			if !holds {
				return
			}
			for k, e := range next {
				if e.version == 0 {
					delete(model, k)
				} else {
					model[k] = e
				}
			}
		}
		r.Repeat(map[string]func(*rapid.T){
			"one":  func(r *rapid.T) { transaction([]string{sk.Draw(r, "key")}) },
			"many": func(r *rapid.T) { transaction(rapid.SliceOfNDistinct(sk, 2, 4, rapid.ID[string]).Draw(r, "keys")) },
			"": func(r *rapid.T) {
				items, err := store.All(context.Background(), table, store.Query{PK: pk})
				if err != nil {
					r.Fatal(err)
				}
				got := map[string]entry{}
				for _, item := range items {
					got[item.SK] = entry{item.Version, string(item.Data)}
				}
				if d := gocmp.Diff(model, got, gocmp.AllowUnexported(entry{}), cmpopts.EquateEmpty()); d != "" {
					r.Fatalf("(-model +stored):\n%s", d)
				}
			},
		})
	})
}

func batchPut(t *testing.T, table store.Table, pk string) {
	var items []store.Item
	var want []string
	for i := range 260 {
		sk := fmt.Sprintf("%03d", i)
		want = append(want, sk)
		items = append(items, store.Item{Key: store.Key{PK: pk, SK: sk}, Data: []byte(`"first"`)})
	}
	// The last of several with the same key is the one that stays.
	items = append(items, store.Item{Key: store.Key{PK: pk, SK: "000"}, Data: []byte(`"last"`)})
	if err := table.BatchPut(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	diff(t, "batch", all(t, table, store.Query{PK: pk}), want)
	if got := string(get(t, table, store.Key{PK: pk, SK: "000"}).Data); got != `"last"` {
		t.Errorf("item put twice has %s", got)
	}
	if got := get(t, table, store.Key{PK: pk, SK: "001"}); got.Version != 1 || string(got.Data) != `"first"` {
		t.Errorf("item of a batch is %+v, want version 1", got)
	}
	if err := table.BatchPut(t.Context(), nil); err != nil {
		t.Errorf("batch of nothing: %v", err)
	}
}

func sizes(t *testing.T, table store.Table, pk string) {
	key := store.Key{PK: pk, SK: "a"}
	ctx := t.Context()
	letters := append(append([]byte{'"'}, bytes.Repeat([]byte("calendar "), 200_000)...), '"')
	for _, data := range [][]byte{[]byte(`{}`), noise(4 << 10), noise(5 << 10), noise(300 << 10), letters} {
		put(t, table, store.Item{Key: key, Data: data})
		if got := get(t, table, key).Data; !bytes.Equal(got, data) {
			t.Errorf("%d bytes came back as %d others", len(data), len(got))
		}
	}
	large := store.Item{Key: key, Data: noise(800 << 10)}
	_, err := table.Put(ctx, large, store.Any())
	wantErr(t, "put of a large item", err, store.ErrTooLarge)
	wantErr(t, "batch of a large item", table.BatchPut(ctx, []store.Item{large}), store.ErrTooLarge)
	wantErr(t, "transaction with a large item", table.Transact(ctx, []store.Op{{Put: &large}}), store.ErrTooLarge)
	large.Data = bytes.Repeat([]byte(" "), store.MaxData+1)
	_, err = table.Put(ctx, large, store.Any())
	wantErr(t, "put of what nobody could read", err, store.ErrTooLarge)
	if got := get(t, table, key).Data; !bytes.Equal(got, letters) {
		t.Error("a refused item was written")
	}
}

func timeToLive(t *testing.T, table store.Table, pk string) {
	key := store.Key{PK: pk, SK: "a"}
	expires := time.Now().Add(48 * time.Hour)
	put(t, table, store.Item{Key: key, Data: []byte(`{}`), Expires: expires})
	if got := get(t, table, key).Expires; !got.Equal(expires.Truncate(time.Second)) {
		t.Errorf("expires at %s, want %s to the second", got, expires)
	}
	put(t, table, store.Item{Key: key, Data: []byte(`{}`)})
	if got := get(t, table, key).Expires; !got.IsZero() {
		t.Errorf("expires at %s, want never", got)
	}
}

func cancelled(t *testing.T, table store.Table, pk string) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	item := store.Item{Key: store.Key{PK: pk, SK: "a"}, Data: []byte(`{}`)}
	calls := map[string]func() error{
		"get":      func() error { _, err := table.Get(ctx, item.Key); return err },
		"get many": func() error { _, err := table.GetMany(ctx, []store.Key{item.Key}); return err },
		"put":      func() error { _, err := table.Put(ctx, item, store.Any()); return err },
		"delete":   func() error { return table.Delete(ctx, item.Key, store.Any()) },
		"query":    func() error { _, err := table.Query(ctx, store.Query{PK: pk}); return err },
		"transact": func() error { return table.Transact(ctx, []store.Op{{Put: &item}}) },
		"batch":    func() error { return table.BatchPut(ctx, []store.Item{item}) },
		"ping":     func() error { return table.Ping(ctx) },
	}
	for name, call := range calls {
		wantErr(t, name, call(), context.Canceled)
	}
	if got := all(t, table, store.Query{PK: pk}); len(got) != 0 {
		t.Errorf("a call without time wrote %q", got)
	}
}
