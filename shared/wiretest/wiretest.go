// Package wiretest lets a process die at any of its requests to the store and to queues, so that tests can show what the next process
// makes of what it finds.
package wiretest

import (
	"context"
	"errors"
	"sync"
	"time"

	"adminassistant/shared/queue"
	"adminassistant/shared/store"
)

// ErrDied is what a dead process gets for an answer.
var ErrDied = errors.New("the process died")

// Wire is what the requests of one process go over.
type Wire struct {
	// DieAt is the request at which the process dies, from 1; 0: it does not.
	DieAt int
	// After says that this request takes effect, and only its answer is lost.
	After bool

	mu sync.Mutex
	n  int
}

// Dead says whether the process has died.
func (w *Wire) Dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.DieAt > 0 && w.n >= w.DieAt
}

// Requests is how many there were.
func (w *Wire) Requests() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.n
}

// pass makes a request, if the process lives.
func (w *Wire) pass(request func() error) error {
	w.mu.Lock()
	w.n++
	n := w.n
	w.mu.Unlock()
	if w.DieAt == 0 || n < w.DieAt {
		return request()
	}
	if n == w.DieAt && w.After {
		_ = request() // nobody hears of it
	}
	return ErrDied
}

// Table is a table that the process reaches over the wire.
func (w *Wire) Table(t store.Table) store.Table { return &table{t, w} }

// Queue is a queue that the process reaches over the wire.
func (w *Wire) Queue(q queue.Queue) queue.Queue { return &messages{q, w} }

type table struct {
	store.Table
	wire *Wire
}

func (t *table) Get(ctx context.Context, key store.Key) (item store.Item, err error) {
	err = t.wire.pass(func() (err error) { item, err = t.Table.Get(ctx, key); return err })
	return item, err
}

func (t *table) GetMany(ctx context.Context, keys []store.Key) (items []store.Item, err error) {
	err = t.wire.pass(func() (err error) { items, err = t.Table.GetMany(ctx, keys); return err })
	return items, err
}

func (t *table) Put(ctx context.Context, item store.Item, cond store.Condition) (version int64, err error) {
	err = t.wire.pass(func() (err error) { version, err = t.Table.Put(ctx, item, cond); return err })
	return version, err
}

func (t *table) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	return t.wire.pass(func() error { return t.Table.Delete(ctx, key, cond) })
}

func (t *table) Query(ctx context.Context, q store.Query) (page store.Page, err error) {
	err = t.wire.pass(func() (err error) { page, err = t.Table.Query(ctx, q); return err })
	return page, err
}

func (t *table) Transact(ctx context.Context, ops []store.Op) error {
	return t.wire.pass(func() error { return t.Table.Transact(ctx, ops) })
}

func (t *table) BatchPut(ctx context.Context, items []store.Item) error {
	return t.wire.pass(func() error { return t.Table.BatchPut(ctx, items) })
}

type messages struct {
	queue.Queue
	wire *Wire
}

func (m *messages) Send(ctx context.Context, body []byte, delay time.Duration) error {
	return m.wire.pass(func() error { return m.Queue.Send(ctx, body, delay) })
}

func (m *messages) Delete(ctx context.Context, receipt string) error {
	return m.wire.pass(func() error { return m.Queue.Delete(ctx, receipt) })
}

func (m *messages) Park(ctx context.Context, message queue.Message, reason string) error {
	return m.wire.pass(func() error { return m.Queue.Park(ctx, message, reason) })
}
