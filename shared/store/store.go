// Package store is the port to the one table that holds everything: DynamoDB in the cloud, SQLite on one machine.
//
// An item is a key pair, an optional index key pair, a version, an optional time to live and a JSON document. Reads by
// key and queries of the table are strongly consistent; a query of the index may lag behind by moments, so nothing
// decides from it what a key read or a condition could decide.
package store

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound means that no item has the key.
	ErrNotFound = errors.New("store: not found")
	// ErrConflict means that a condition did not hold: the item exists, is gone, or has another version. Nothing was written.
	ErrConflict = errors.New("store: conflict")
	// ErrTooLarge means that an item is over MaxItem even when compressed. Nothing was written.
	ErrTooLarge = errors.New("store: item too large")
)

const (
	// MaxItem is the largest size of an item in bytes, keys included, after compression (DynamoDB's 400 KB).
	MaxItem = 400 << 10
	// MaxTransact is the largest number of operations in a transaction (DynamoDB's).
	MaxTransact = 100
)

// Key names an item. Sort keys are ordered by their bytes.
type Key struct{ PK, SK string }

// Item is one record.
type Item struct {
	Key
	// IndexPK and IndexSK place the item in the index; both empty leaves it out.
	IndexPK, IndexSK string
	// Version counts the writes of this item, from 1. The store sets it; what a caller puts here is ignored but by conditions.
	Version int64
	// Expires is when the item may be removed by the store, to the second; zero never. An expired item may still be returned for a while.
	Expires time.Time
	// Data is a JSON document. The store may compress it.
	Data []byte
}

// Condition is what must hold for a write to happen.
type Condition struct{ kind, version int64 }

// Absent holds when no item has the key.
func Absent() Condition { return Condition{kind: 1} }

// VersionIs holds when the item exists and has that version.
func VersionIs(v int64) Condition { return Condition{kind: 2, version: v} }

// Any always holds. It is the zero Condition.
func Any() Condition { return Condition{} }

// Holds says whether the condition holds for an item of that version; version 0 stands for no item.
// Adapters that cannot ask their engine use it.
func (c Condition) Holds(version int64) bool {
	switch c.kind {
	case 1:
		return version == 0
	case 2:
		return version == c.version
	}
	return true
}

// Unconditional, IsAbsent and Version take a Condition apart for adapters that hand it to their engine.
func (c Condition) Unconditional() bool    { return c.kind == 0 }
func (c Condition) IsAbsent() bool         { return c.kind == 1 }
func (c Condition) Version() (int64, bool) { return c.version, c.kind == 2 }

// Op is one operation of a transaction: exactly one of Put, Delete and Check is set.
type Op struct {
	Put    *Item
	Delete *Key
	Check  *Key // only the condition
	If     Condition
}

// Query asks for the items of one partition in sort key order.
type Query struct {
	Index  bool   // of the index instead of the table
	PK     string // the partition, required
	Prefix string // only sort keys that begin so
	From   string // only sort keys >= From, when not empty
	To     string // only sort keys < To, when not empty
	Limit  int    // at most so many items a page; 0 leaves it to the store. A page also ends at about 1 MB as stored, and at PageData.
	Cursor string // where a page ended, from Page.Next
	Desc   bool   // from the last to the first
}

// Page is one page of a query. Next is empty when there is no more; a page may be empty and still have a Next.
type Page struct {
	Items []Item
	Next  string
}

// Table is the port. Every method may return an error of kind fault.Throttled or fault.Unavailable, which is worth a retry.
type Table interface {
	// Get returns the item, or ErrNotFound.
	Get(ctx context.Context, key Key) (Item, error)
	// GetMany returns those of the items that exist, in no particular order, any number of keys.
	GetMany(ctx context.Context, keys []Key) ([]Item, error)
	// Put writes the item if the condition holds, else ErrConflict, and returns the version it now has.
	Put(ctx context.Context, item Item, cond Condition) (int64, error)
	// Delete removes the item if the condition holds, else ErrConflict. Deleting what is not there is no error.
	Delete(ctx context.Context, key Key, cond Condition) error
	// Query returns a page of a partition. A malformed cursor is of kind fault.Invalid.
	Query(ctx context.Context, q Query) (Page, error)
	// Transact does all of up to MaxTransact operations, each on another key, or none of them: ErrConflict when a condition
	// does not hold or another transaction got in the way.
	Transact(ctx context.Context, ops []Op) error
	// BatchPut writes any number of items without conditions, not atomically: after an error some may be written and some not.
	BatchPut(ctx context.Context, items []Item) error
	// Ping says whether the store can be reached.
	Ping(ctx context.Context) error
}

// All runs a query page by page to its end.
func All(ctx context.Context, t Table, q Query) ([]Item, error) {
	var items []Item
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return nil, err
		}
		items = append(items, page.Items...)
		if page.Next == "" {
			return items, nil
		}
		q.Cursor = page.Next
	}
}
