package sqlite

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"adminassistant/shared/store"
)

func filled(b *testing.B, n int) *Table {
	b.Helper()
	table := open(b, filepath.Join(b.TempDir(), "store.db"), time.Now)
	var items []store.Item
	for i := range n {
		items = append(items, store.Item{Key: store.Key{PK: fmt.Sprintf("P#%d", i%100), SK: fmt.Sprintf("%06d", i)}, Data: make([]byte, 800)})
	}
	if err := table.BatchPut(b.Context(), items); err != nil {
		b.Fatal(err)
	}
	return table
}

// BenchmarkGet has 500 goroutines a core read at once.
func BenchmarkGet(b *testing.B) {
	table := filled(b, 10_000)
	b.SetParallelism(500)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := table.Get(b.Context(), store.Key{PK: fmt.Sprintf("P#%d", i%100), SK: fmt.Sprintf("%06d", i%100)}); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkPut has 500 goroutines a core write at once.
func BenchmarkPut(b *testing.B) {
	table := filled(b, 10_000)
	b.SetParallelism(500)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			item := store.Item{Key: store.Key{PK: fmt.Sprintf("P#%d", i%100), SK: fmt.Sprintf("%06d", i%100)}, Data: make([]byte, 800)}
			if _, err := table.Put(b.Context(), item, store.Any()); err != nil {
				b.Error(err)
			}
		}
	})
}

// BenchmarkPutAlone has one writer, which waits for the disk each time.
func BenchmarkPutAlone(b *testing.B) {
	table := filled(b, 10_000)
	for b.Loop() {
		if _, err := table.Put(b.Context(), store.Item{Key: store.Key{PK: "P", SK: "a"}, Data: make([]byte, 800)}, store.Any()); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkPage reads the 100 items of a partition.
func BenchmarkPage(b *testing.B) {
	table := filled(b, 10_000)
	for b.Loop() {
		if page, err := table.Query(b.Context(), store.Query{PK: "P#7"}); err != nil || len(page.Items) != 100 {
			b.Error(len(page.Items), err)
		}
	}
}
