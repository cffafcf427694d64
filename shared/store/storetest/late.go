package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"adminassistant/shared/store"
)

// Late is a table whose index shows what was written only after Lag, by a clock that is a value: until then it shows what was there before, with its
// version. That of DynamoDB may do so. Open the table itself with a clock that stands still, and what has expired stays, too, as it may for days.
type Late struct {
	store.Table
	// Index is another table, empty at first, in which the index is kept.
	Index store.Table
	Clock func() time.Time
	Lag   time.Duration

	mu       sync.Mutex
	pending  []written
	versions map[store.Key]int64 // of what the index shows
}

// written is what became of an item at a time.
type written struct {
	at   time.Time
	key  store.Key
	item *store.Item // nil: it is gone
}

// note reads what was just written.
func (l *Late) note(ctx context.Context, keys ...store.Key) error {
	for _, key := range keys {
		w := written{at: l.Clock(), key: key}
		switch item, err := l.Table.Get(ctx, key); {
		case err == nil:
			w.item = &item
		case err != store.ErrNotFound:
			return err
		}
		l.pending = append(l.pending, w)
	}
	return nil
}

// catchUp brings to the index what is old enough.
func (l *Late) catchUp(ctx context.Context) error {
	if l.versions == nil {
		l.versions = map[store.Key]int64{}
	}
	until := l.Clock().Add(-l.Lag)
	for len(l.pending) > 0 && !l.pending[0].at.After(until) {
		w := l.pending[0]
		l.pending = l.pending[1:]
		if w.item == nil || w.item.IndexPK == "" {
			if err := l.Index.Delete(ctx, w.key, store.Any()); err != nil {
				return err
			}
			continue
		}
		if _, err := l.Index.Put(ctx, *w.item, store.Any()); err != nil {
			return err
		}
		l.versions[w.key] = w.item.Version
	}
	return nil
}

// Query implements store.Table.
func (l *Late) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if !q.Index {
		return l.Table.Query(ctx, q)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.catchUp(ctx); err != nil {
		return store.Page{}, err
	}
	page, err := l.Index.Query(ctx, q)
	for i := range page.Items {
		page.Items[i].Version = l.versions[page.Items[i].Key]
	}
	return page, err
}

// Put implements store.Table.
func (l *Late) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	version, err := l.Table.Put(ctx, item, cond)
	if err == nil {
		err = l.note(ctx, item.Key)
	}
	return version, err
}

// Delete implements store.Table.
func (l *Late) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Table.Delete(ctx, key, cond)
	if err == nil {
		err = l.note(ctx, key)
	}
	return err
}

// Transact implements store.Table.
func (l *Late) Transact(ctx context.Context, ops []store.Op) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Table.Transact(ctx, ops)
	for _, op := range ops {
		switch {
		case err != nil:
		case op.Put != nil:
			err = l.note(ctx, op.Put.Key)
		case op.Delete != nil:
			err = l.note(ctx, *op.Delete)
		}
	}
	return err
}

// BatchPut implements store.Table.
func (l *Late) BatchPut(ctx context.Context, items []store.Item) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.Table.BatchPut(ctx, items)
	for item := range slices.Values(items) {
		if err == nil {
			err = l.note(ctx, item.Key)
		}
	}
	return err
}
