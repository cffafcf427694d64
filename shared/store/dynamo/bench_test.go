package dynamo

import (
	"fmt"
	"testing"

	"adminassistant/shared/store"
)

func filled(b *testing.B, n int) *Table {
	b.Helper()
	table := open(b)
	var items []store.Item
	for i := range n {
		items = append(items, store.Item{Key: store.Key{PK: fmt.Sprintf("P#%d", i%10), SK: fmt.Sprintf("%06d", i)}, Data: make([]byte, 800)})
	}
	if err := table.BatchPut(b.Context(), items); err != nil {
		b.Fatal(err)
	}
	return table
}

// The engine shares the machine: allocations are the adapter's, times mostly are not.

func BenchmarkGet(b *testing.B) {
	table := filled(b, 10)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Get(b.Context(), store.Key{PK: "P#7", SK: "000007"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	table := filled(b, 10)
	item := store.Item{Key: store.Key{PK: "P#7", SK: "000007"}, Data: make([]byte, 800)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Put(b.Context(), item, store.Any()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGetMany reads a hundred items.
func BenchmarkGetMany(b *testing.B) {
	table := filled(b, 100)
	var keys []store.Key
	for i := range 100 {
		keys = append(keys, store.Key{PK: fmt.Sprintf("P#%d", i%10), SK: fmt.Sprintf("%06d", i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		if items, err := table.GetMany(b.Context(), keys); err != nil || len(items) != 100 {
			b.Fatal(len(items), err)
		}
	}
}

// BenchmarkPage reads the hundred items of a partition.
func BenchmarkPage(b *testing.B) {
	table := filled(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		if page, err := table.Query(b.Context(), store.Query{PK: "P#7"}); err != nil || len(page.Items) != 100 {
			b.Fatal(len(page.Items), err)
		}
	}
}
