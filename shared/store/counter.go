package store

import (
	"context"
	"sync/atomic"
)

// Counter is a Table that counts the requests that DynamoDB would see.
type Counter struct {
	Table
	requests atomic.Int64
}

// Requests returns how many there were so far.
func (c *Counter) Requests() int { return int(c.requests.Load()) }

// batches is how many requests a batch of n takes, at most most a request.
func batches(n, most int) int64 { return int64((n + most - 1) / most) }

func (c *Counter) Get(ctx context.Context, key Key) (Item, error) {
	c.requests.Add(1)
	return c.Table.Get(ctx, key)
}

func (c *Counter) GetMany(ctx context.Context, keys []Key) ([]Item, error) {
	c.requests.Add(batches(len(keys), 100))
	return c.Table.GetMany(ctx, keys)
}

func (c *Counter) Put(ctx context.Context, item Item, cond Condition) (int64, error) {
	c.requests.Add(1)
	return c.Table.Put(ctx, item, cond)
}

func (c *Counter) Delete(ctx context.Context, key Key, cond Condition) error {
	c.requests.Add(1)
	return c.Table.Delete(ctx, key, cond)
}

func (c *Counter) Query(ctx context.Context, q Query) (Page, error) {
	c.requests.Add(1)
	return c.Table.Query(ctx, q)
}

func (c *Counter) Transact(ctx context.Context, ops []Op) error {
	c.requests.Add(1)
	return c.Table.Transact(ctx, ops)
}

func (c *Counter) BatchPut(ctx context.Context, items []Item) error {
	c.requests.Add(int64(len(items))) // as many as DynamoDB sees
	return c.Table.BatchPut(ctx, items)
}
