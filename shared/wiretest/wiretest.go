// Package wiretest lets a process die at any of its requests to the store, to blobs, to queues and to calendars, so that tests can show what the
// next process makes of what it finds.
package wiretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
)

// ErrDied is what a dead process gets for an answer. It is of no kind that is worth a retry: a dead process retries nothing.
var ErrDied = errors.New("the process died")

// Wire is what the requests of one process go over. The zero Wire counts them.
type Wire struct {
	// DieAt is the request at which the process dies, from 1; 0: it does not.
	DieAt int
	// After says that this request takes effect, and only its answer is lost.
	After bool

	mu sync.Mutex
	n  int
}

// Everywhere runs a test with a wire over which the process dies at its first request, with another for the second one, and so on, until a process
// lives through the test; first each time before the request takes effect, then after it. A failure ends it.
func Everywhere(t *testing.T, test func(t *testing.T, w *Wire)) {
	for _, after := range []bool{false, true} {
		for n := 1; ; n++ {
			w := &Wire{DieAt: n, After: after}
			t.Run(fmt.Sprintf("at request %d, effect %v", n, after), func(t *testing.T) { test(t, w) })
			if !w.Dead() || t.Failed() {
				break
			}
		}
	}
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

// answered makes a request that has an answer.
func answered[T any](w *Wire, request func() (T, error)) (T, error) {
	var answer T
	err := w.pass(func() (err error) { answer, err = request(); return err })
	if errors.Is(err, ErrDied) {
		var none T
		return none, err
	}
	return answer, err
}

// Table is a table that the process reaches over the wire.
func (w *Wire) Table(t store.Table) store.Table { return &table{t, w} }

// Blobs are blobs that the process reaches over the wire.
func (w *Wire) Blobs(b blob.Blob) blob.Blob { return &blobs{b, w} }

// Queue is a queue that the process reaches over the wire. Receiving and extending are none of its requests: to lose one is to be late.
func (w *Wire) Queue(q queue.Queue) queue.Queue { return &messages{q, w} }

// Provider is a provider that the process reaches over the wire. What it reads event by event is a request for each of them, too.
func (w *Wire) Provider(p calendar.Provider) calendar.Provider { return &provider{p, w} }

type table struct {
	store.Table
	wire *Wire
}

func (t *table) Get(ctx context.Context, key store.Key) (store.Item, error) {
	return answered(t.wire, func() (store.Item, error) { return t.Table.Get(ctx, key) })
}

func (t *table) GetMany(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	return answered(t.wire, func() ([]store.Item, error) { return t.Table.GetMany(ctx, keys) })
}

func (t *table) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	return answered(t.wire, func() (int64, error) { return t.Table.Put(ctx, item, cond) })
}

func (t *table) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	return t.wire.pass(func() error { return t.Table.Delete(ctx, key, cond) })
}

func (t *table) Query(ctx context.Context, q store.Query) (store.Page, error) {
	return answered(t.wire, func() (store.Page, error) { return t.Table.Query(ctx, q) })
}

func (t *table) Transact(ctx context.Context, ops []store.Op) error {
	return t.wire.pass(func() error { return t.Table.Transact(ctx, ops) })
}

// BatchPut writes an item a request, as DynamoDB does.
func (t *table) BatchPut(ctx context.Context, items []store.Item) error {
	for i := range items {
		if err := t.wire.pass(func() error { return t.Table.BatchPut(ctx, items[i:i+1]) }); err != nil {
			return err
		}
	}
	return nil
}

type blobs struct {
	blob.Blob
	wire *Wire
}

func (b *blobs) Put(ctx context.Context, key string, r io.Reader) error {
	return b.wire.pass(func() error { return b.Blob.Put(ctx, key, r) })
}

func (b *blobs) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	return answered(b.wire, func() (io.ReadCloser, error) { return b.Blob.Get(ctx, key) })
}

func (b *blobs) Stat(ctx context.Context, key string) (blob.Object, error) {
	return answered(b.wire, func() (blob.Object, error) { return b.Blob.Stat(ctx, key) })
}

func (b *blobs) List(ctx context.Context, prefix string) ([]blob.Object, error) {
	return answered(b.wire, func() ([]blob.Object, error) { return b.Blob.List(ctx, prefix) })
}

func (b *blobs) Delete(ctx context.Context, key string) error {
	return b.wire.pass(func() error { return b.Blob.Delete(ctx, key) })
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

type provider struct {
	calendar.Provider
	wire *Wire
}

func (p *provider) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	return answered(p.wire, func() ([]calendar.Info, error) { return p.Provider.Calendars(ctx, account) })
}

func (p *provider) Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	return answered(p.wire, func() (calendar.Info, error) { return p.Provider.Calendar(ctx, uri) })
}

func (p *provider) CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	return answered(p.wire, func() (calendar.Info, error) { return p.Provider.CreateCalendar(ctx, uri) })
}

func (p *provider) DeleteCalendar(ctx context.Context, account, id string) error {
	return p.wire.pass(func() error { return p.Provider.DeleteCalendar(ctx, account, id) })
}

func (p *provider) DiscardCalendar(ctx context.Context, account, id string) error {
	return p.wire.pass(func() error { return p.Provider.DiscardCalendar(ctx, account, id) })
}

func (p *provider) Events(ctx context.Context, account, id string, from, to time.Time) ([]calendar.Event, error) {
	return answered(p.wire, func() ([]calendar.Event, error) { return p.Provider.Events(ctx, account, id, from, to) })
}

func (p *provider) Bodies(ctx context.Context, account, id string, ids []string, from, to time.Time) (map[string]calendar.Body, error) {
	return answered(p.wire, func() (map[string]calendar.Body, error) { return p.Provider.Bodies(ctx, account, id, ids, from, to) })
}

func (p *provider) Marked(ctx context.Context, account, id string, marks []string) (map[string]calendar.Event, error) {
	return answered(p.wire, func() (map[string]calendar.Event, error) { return p.Provider.Marked(ctx, account, id, marks) })
}

func (p *provider) Zones(ctx context.Context, account, id string) ([]calendar.Zone, error) {
	return answered(p.wire, func() ([]calendar.Zone, error) { return p.Provider.Zones(ctx, account, id) })
}

func (p *provider) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	return p.wire.pass(func() error {
		return p.Provider.Kept(ctx, account, id, func(k calendar.Kept) error { return p.wire.pass(func() error { return each(k) }) })
	})
}

func (p *provider) Instances(ctx context.Context, account, id, master string, from, to time.Time) ([]calendar.Event, error) {
	return answered(p.wire, func() ([]calendar.Event, error) { return p.Provider.Instances(ctx, account, id, master, from, to) })
}

func (p *provider) Marks(ctx context.Context, account, id string, each func(id, mark string) error) error {
	return p.wire.pass(func() error {
		return p.Provider.Marks(ctx, account, id, func(event, mark string) error { return p.wire.pass(func() error { return each(event, mark) }) })
	})
}

func (p *provider) AdoptZones(ctx context.Context, account, id string, zones []calendar.Zone) (map[string]string, error) {
	return answered(p.wire, func() (map[string]string, error) { return p.Provider.AdoptZones(ctx, account, id, zones) })
}

func (p *provider) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	return answered(p.wire, func() ([]calendar.WriteResult, error) { return p.Provider.Create(ctx, account, id, drafts) })
}

func (p *provider) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	return answered(p.wire, func() ([]calendar.WriteResult, error) { return p.Provider.Update(ctx, account, id, updates) })
}

func (p *provider) Delete(ctx context.Context, account, id string, ids []string) ([]calendar.WriteResult, error) {
	return answered(p.wire, func() ([]calendar.WriteResult, error) { return p.Provider.Delete(ctx, account, id, ids) })
}
