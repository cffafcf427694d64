package restore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// TestARestoreSurvivesDyingAnywhere lets the process die at every single request to the store, to blobs and to the calendar, before it took
// effect and after it. Whoever comes next brings the calendar to each thing of the file once.
func TestARestoreSurvivesDyingAnywhere(t *testing.T) {
	many := func(w *world) {
		w.file = everything()
		for i := range 45 { // more than one chunk
			start := time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
			w.file.things = append(w.file.things, single(fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("Work %d", i), start.Format("2006-01-02T15:04"), start.Add(30*time.Minute).Format("2006-01-02T15:04")))
		}
	}
	for _, scenario := range []struct {
		name    string
		policy  restore.Policy
		prepare func(w *world)
		want    restore.Counts
		events  int
	}{
		{"into a new calendar", restore.Skip, many, restore.Counts{Read: 51, InPeriod: 51, Created: 51}, 51},
		{"as duplicates", restore.Duplicate, func(w *world) {
			many(w)
			w.restore(restore.Skip)
		}, restore.Counts{Read: 51, InPeriod: 51, Created: 51}, 102},
		{"in the place of what changed since", restore.Replace, func(w *world) {
			many(w)
			w.restore(restore.Skip)
			for i := range w.file.things {
				w.file.things[i].Event.Subject += " as it was"
			}
		}, restore.Counts{Read: 51, InPeriod: 51, Replaced: 51}, 51},
	} {
		for _, after := range []bool{false, true} {
			for n := 1; ; n++ {
				finished := false
				t.Run(fmt.Sprintf("%s, at request %d, effect %v", scenario.name, n, after), func(t *testing.T) {
					w := newWorld(t)
					scenario.prepare(w)
					r := w.start(scenario.policy)
					dying := &tripwire{dieAt: n, after: after}
					err := w.runner(wiredTable{w.table, dying}, wiredBlobs{w.blobs, dying}, wiredProvider{w.calendar, dying}).Run(t.Context(), r)
					if !dying.dead() {
						must(t, err)
						finished = true
					}
					w.advance(2 * time.Minute) // the lease ends
					again, err := run.NewStore(w.table).Get(t.Context(), user, r.ID)
					must(t, err)
					if !again.State.Ended() {
						must(t, w.runner(w.table, w.blobs, w.calendar).Run(t.Context(), again))
					}
					r, result := w.result(r.ID)
					if r.State != run.Succeeded || result.Counts != scenario.want || !result.Balanced || result.Written != scenario.want.Read {
						t.Errorf("%s %+v %+v", r.State, result, r.Problem)
					}
					items, entries := w.items(r)
					seen := map[string]bool{}
					for i, it := range items {
						if seen[it.Key] || !it.Written || entries[i].EventID == "" {
							t.Errorf("item %d: %+v %+v", i, it, entries[i])
						}
						seen[it.Key] = true
					}
					if len(items) != scenario.want.Read {
						t.Errorf("%d items", len(items))
					}
					copies := w.kept(uri("Copy"))
					if len(copies.things) != scenario.events {
						t.Errorf("%d events, want %d", len(copies.things), scenario.events)
					}
					if scenario.policy != restore.Duplicate {
						if diff := cmp.Diff(w.canonical(w.file), w.canonical(copies)); diff != "" {
							t.Errorf("the copy differs (-file +calendar):\n%s", diff)
						}
					}
				})
				if finished || t.Failed() {
					break
				}
			}
		}
	}
}

// errDead is of no kind that is worth a retry: a dead process retries nothing.
var errDead = errors.New("the process is dead")

// tripwire counts requests, and dies at one of them.
type tripwire struct {
	mu    sync.Mutex
	count int
	dieAt int
	after bool
}

func (w *tripwire) dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dieAt > 0 && w.count >= w.dieAt
}

// pass says whether a request takes effect, and whether its answer arrives.
func (w *tripwire) pass() (effect, answer bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	switch {
	case w.dieAt == 0 || w.count < w.dieAt:
		return true, true
	case w.count == w.dieAt:
		return w.after, false
	}
	return false, false
}

func through[T any](w *tripwire, call func() (T, error)) (v T, err error) {
	effect, answer := w.pass()
	if effect {
		v, err = call()
	}
	if !answer {
		var none T
		return none, errDead
	}
	return v, err
}

func throughError(w *tripwire, call func() error) error {
	_, err := through(w, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// wiredProvider is a provider behind a tripwire, as far as a restore uses it.
type wiredProvider struct {
	calendar.Provider
	wire *tripwire
}

func (w wiredProvider) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	return through(w.wire, func() ([]calendar.Info, error) { return w.Provider.Calendars(ctx, account) })
}

func (w wiredProvider) Calendar(ctx context.Context, u calendar.URI) (calendar.Info, error) {
	return through(w.wire, func() (calendar.Info, error) { return w.Provider.Calendar(ctx, u) })
}

func (w wiredProvider) CreateCalendar(ctx context.Context, u calendar.URI) (calendar.Info, error) {
	return through(w.wire, func() (calendar.Info, error) { return w.Provider.CreateCalendar(ctx, u) })
}

func (w wiredProvider) DeleteCalendar(ctx context.Context, account, id string) error {
	return throughError(w.wire, func() error { return w.Provider.DeleteCalendar(ctx, account, id) })
}

func (w wiredProvider) Zones(ctx context.Context, account, id string) ([]calendar.Zone, error) {
	return through(w.wire, func() ([]calendar.Zone, error) { return w.Provider.Zones(ctx, account, id) })
}

func (w wiredProvider) AdoptZones(ctx context.Context, account, id string, zones []calendar.Zone) (map[string]string, error) {
	return through(w.wire, func() (map[string]string, error) { return w.Provider.AdoptZones(ctx, account, id, zones) })
}

func (w wiredProvider) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	return throughError(w.wire, func() error { return w.Provider.Kept(ctx, account, id, each) })
}

func (w wiredProvider) Instances(ctx context.Context, account, id, master string, from, to time.Time) ([]calendar.Event, error) {
	return through(w.wire, func() ([]calendar.Event, error) { return w.Provider.Instances(ctx, account, id, master, from, to) })
}

func (w wiredProvider) Marked(ctx context.Context, account, id string, marks []string) (map[string]calendar.Event, error) {
	return through(w.wire, func() (map[string]calendar.Event, error) { return w.Provider.Marked(ctx, account, id, marks) })
}

func (w wiredProvider) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	return through(w.wire, func() ([]calendar.WriteResult, error) { return w.Provider.Create(ctx, account, id, drafts) })
}

func (w wiredProvider) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	return through(w.wire, func() ([]calendar.WriteResult, error) { return w.Provider.Update(ctx, account, id, updates) })
}

func (w wiredProvider) Delete(ctx context.Context, account, id string, ids []string) ([]calendar.WriteResult, error) {
	return through(w.wire, func() ([]calendar.WriteResult, error) { return w.Provider.Delete(ctx, account, id, ids) })
}

// wiredTable is a store behind a tripwire.
type wiredTable struct {
	store.Table
	wire *tripwire
}

func (w wiredTable) Get(ctx context.Context, key store.Key) (store.Item, error) {
	return through(w.wire, func() (store.Item, error) { return w.Table.Get(ctx, key) })
}

func (w wiredTable) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	return through(w.wire, func() (int64, error) { return w.Table.Put(ctx, item, cond) })
}

func (w wiredTable) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	return throughError(w.wire, func() error { return w.Table.Delete(ctx, key, cond) })
}

func (w wiredTable) Query(ctx context.Context, q store.Query) (store.Page, error) {
	return through(w.wire, func() (store.Page, error) { return w.Table.Query(ctx, q) })
}

func (w wiredTable) Transact(ctx context.Context, ops []store.Op) error {
	return throughError(w.wire, func() error { return w.Table.Transact(ctx, ops) })
}

// wiredBlobs is blob storage behind a tripwire.
type wiredBlobs struct {
	blob.Blob
	wire *tripwire
}

func (w wiredBlobs) Put(ctx context.Context, key string, r io.Reader) error {
	return throughError(w.wire, func() error { return w.Blob.Put(ctx, key, r) })
}

func (w wiredBlobs) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	return through(w.wire, func() (io.ReadCloser, error) { return w.Blob.Get(ctx, key) })
}
