package storetest

import (
	"context"
	"sync"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Capacity is a table that takes as many writes as a table of DynamoDB does, by a clock that is a value: so many units a second as a whole, in the index
// as a whole, and for each partition key of both. A unit is a write of up to a kilobyte; in a transaction it counts twice, and an item that changes its
// place in the index is written there twice. What is more is refused as throttled, and nothing of it happens. What was not used within the last
// minute is there still, so that work which is done at one instant of the clock may take what a minute brings.
//
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
type Capacity struct {
	store.Table
	Clock func() time.Time
	// Whole and Partition are units a second. A new table of DynamoDB has 4,000 and 1,000.
	Whole, Partition float64

	mu      sync.Mutex
	left    map[string]*budget
	refused int
	written float64
}

type budget struct {
	units float64
	at    time.Time
}

const saved = 60 // seconds

// Refused is how many requests were turned away.
func (c *Capacity) Refused() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refused
}

// Written is how many units were written, in the table and the index.
func (c *Capacity) Written() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.written
}

// costs are units by what they are taken from.
type costs map[string]float64

func (k costs) add(part, pk string, units float64) {
	k[part] += units
	k[part+" "+pk] += units
}

func units(item *store.Item) float64 {
	size := len(item.PK) + len(item.SK) + len(item.IndexPK) + len(item.IndexSK) + len(item.Data) + 100
	return float64((size + 1023) / 1024)
}

// of adds what it costs to have item in the place of what is there; nil: nothing.
func (c *Capacity) of(ctx context.Context, k costs, key store.Key, item *store.Item, times float64) {
	before, err := c.Table.Get(ctx, key)
	there, now := err == nil && before.IndexPK != "", item != nil && item.IndexPK != ""
	one := 1.0
	if item != nil {
		one = units(item)
	}
	k.add("table", key.PK, one*times)
	moved := there != now || before.IndexPK != "" && item != nil && (before.IndexPK != item.IndexPK || before.IndexSK != item.IndexSK)
	if there && moved {
		k.add("index", before.IndexPK, 1)
	}
	if now {
		k.add("index", item.IndexPK, one)
	}
}

// take takes what is to be paid, all or nothing.
func (c *Capacity) take(k costs) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == nil {
		c.left = map[string]*budget{}
	}
	now := c.Clock()
	for name := range k {
		rate := c.Partition
		if name == "table" || name == "index" {
			rate = c.Whole
		}
		b := c.left[name]
		if b == nil {
			b = &budget{units: rate * saved, at: now}
			c.left[name] = b
		}
		b.units, b.at = min(rate*saved, b.units+rate*now.Sub(b.at).Seconds()), now
		if b.units < k[name] {
			c.refused++
			return fault.New(fault.Throttled, "more is written than the table takes: %s", name)
		}
	}
	for name, cost := range k {
		c.left[name].units -= cost
	}
	c.written += k["table"] + k["index"]
	return nil
}

// Put implements store.Table.
func (c *Capacity) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	k := costs{}
	c.of(ctx, k, item.Key, &item, 1)
	if err := c.take(k); err != nil {
		return 0, err
	}
	return c.Table.Put(ctx, item, cond)
}

// Delete implements store.Table.
func (c *Capacity) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	k := costs{}
	c.of(ctx, k, key, nil, 1)
	if err := c.take(k); err != nil {
		return err
	}
	return c.Table.Delete(ctx, key, cond)
}

// Transact implements store.Table.
func (c *Capacity) Transact(ctx context.Context, ops []store.Op) error {
	k := costs{}
	for _, op := range ops {
		switch {
		case op.Put != nil:
			c.of(ctx, k, op.Put.Key, op.Put, 2)
		case op.Delete != nil:
			c.of(ctx, k, *op.Delete, nil, 2)
		case op.Check != nil:
			k.add("table", op.Check.PK, 2)
		}
	}
	if err := c.take(k); err != nil {
		return err
	}
	return c.Table.Transact(ctx, ops)
}

// BatchPut implements store.Table. It waits for nothing: the first items that are too many end it.
func (c *Capacity) BatchPut(ctx context.Context, items []store.Item) error {
	for i := range items {
		if _, err := c.Put(ctx, items[i], store.Any()); err != nil {
			return err
		}
	}
	return nil
}
