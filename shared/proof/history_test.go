package proof_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/signing"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const user = "tenant#ann"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uri(name string) calendar.URI {
	return calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: name}
}

// history is a user's calendar with its archive, and what a random life makes of them.
type history struct {
	*machinetest.Clock
	t      testing.TB
	rand   *rand.Rand
	table  *recording // of the ledger, runs, backups and the audit log
	blobs  *folder.Folder
	key    *signing.Key
	events *local.Provider // in a table of their own
	source string
	config archive.Config
	ids    int
	heads  []string // signed, as the user kept them
}

func newHistory(t testing.TB, seed uint64) *history {
	t.Helper()
	h := &history{
		Clock: machinetest.NewClock(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Millisecond),
		t:     t, rand: rand.New(rand.NewPCG(seed, 1)), key: signingtest.Key(t),
	}
	open := func() *sqlite.Table {
		table, err := sqlite.Open(":memory:", h.Now)
		must(t, err)
		t.Cleanup(func() { must(t, table.Close()) })
		return table
	}
	h.table = &recording{Table: open(), was: map[store.Key][]store.Item{}}
	blobs, err := folder.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, blobs.Close()) })
	h.blobs = blobs
	h.events = local.New(open(), h.newID, h.Now)
	work, err := h.events.CreateCalendar(t.Context(), uri("Work"))
	must(t, err)
	h.source = work.ID
	h.config, err = archive.NewConfigs(h.table, h.ledger(), h.newID, h.Now).Create(t.Context(), user, archive.Config{
		Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "UTC", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: archive.AcceptOnDrift, LookBack: 30, CreateCalendar: true,
	})
	must(t, err)
	return h
}

func (h *history) newID() string {
	h.ids++
	return fmt.Sprintf("01KB0000000000000000%06d", h.ids)
}

func (h *history) ledger() *ledger.Ledger { return ledger.New(h.table, h.blobs, h.key) }

func (h *history) runs() *run.Store { return run.NewStore(h.table) }

func (h *history) backups() *backup.Backups { return backup.New(h.table, h.blobs) }

func (h *history) log() *audit.Log {
	return audit.New(h.table, h.Now, func() string {
		return ulid.MustNew(ulid.Timestamp(h.Now()), rand.NewChaCha8([32]byte{byte(h.rand.Uint32())})).String()
	})
}

func (h *history) verifier() *proof.Verifier {
	return &proof.Verifier{Ledger: h.ledger(), Runs: h.runs(), Audit: h.log(), Backups: h.backups(), Signer: h.key, Clock: h.Now}
}

// verify compares all there is with each other and with the heads that the user kept.
func (h *history) verify(since ...string) proof.Verification {
	h.t.Helper()
	report, err := h.verifier().Verify(h.t.Context(), user, h.config.ID, since)
	must(h.t, err)
	return report
}

// live does one thing that a user, or a night, does.
func (h *history) live() {
	h.t.Helper()
	switch n := h.rand.IntN(12); {
	case n < 3:
		h.meet()
	case n < 4:
		h.change()
	case n < 8:
		h.run(run.Archive)
	case n < 9:
		h.run(run.Backup)
	case n < 10:
		h.deleteBackup()
	case n < 11:
		h.audited("config.update", "config", h.config.ID)
	default:
		h.keepHead()
	}
	h.Advance(time.Duration(h.rand.IntN(8)) * time.Hour)
}

// meet puts an event into the source calendar.
func (h *history) meet() {
	h.t.Helper()
	start := time.Date(2026, 10, 8, 6, 0, 0, 0, time.UTC).Add(time.Duration(h.rand.IntN(500)) * time.Hour)
	wall := func(t time.Time) calendar.DateTime {
		return calendar.DateTime{Local: t.Format("2006-01-02T15:04:05"), Zone: "UTC"}
	}
	d := calendar.Draft{
		Subject: fmt.Sprintf("Meeting %d", h.rand.IntN(1000)), Start: wall(start), End: wall(start.Add(time.Duration(1+h.rand.IntN(3)) * time.Hour)),
		Categories: [][]string{{"Acme - billable"}, {"Globex - non-billable"}, {}}[h.rand.IntN(3)], ShowAs: calendar.Busy,
		Importance: calendar.NormalImportance, Sensitivity: calendar.Normal, TransactionID: h.newID(),
	}
	if h.rand.IntN(4) == 0 { // too large for its entry
		d.Body = calendar.Body{ContentType: "text", Content: strings.Repeat(fmt.Sprint(h.rand.Uint64(), " "), 2500)}
	}
	_, err := h.events.Create(h.t.Context(), "me", h.source, []calendar.Draft{d})
	must(h.t, err)
}

// change moves an event, or takes it away.
func (h *history) change() {
	h.t.Helper()
	from := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	events, err := h.events.Events(h.t.Context(), "me", h.source, from, from.AddDate(0, 2, 0))
	must(h.t, err)
	if len(events) == 0 {
		return
	}
	e := events[h.rand.IntN(len(events))]
	if h.rand.IntN(3) == 0 {
		_, err = h.events.Delete(h.t.Context(), "me", h.source, []string{e.ID})
		must(h.t, err)
		return
	}
	d := calendar.Draft{
		Subject: e.Subject + " again", Start: e.Start, End: e.End, Categories: e.Categories, ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity,
		Body: e.Body, TransactionID: h.newID(),
	}
	_, err = h.events.Update(h.t.Context(), "me", h.source, []calendar.Update{{ID: e.ID, Draft: d}})
	must(h.t, err)
}

var errDead = errors.New("the process is dead")

// run starts a run and carries it out. Its worker may die at any write, before or after it took effect; then another one goes on with the run, or
// nobody does, and the next run finds what it left.
func (h *history) run(kind run.Kind) {
	h.t.Helper()
	r := &run.Run{ID: h.newID(), User: user, Kind: kind, Config: h.config.ID, State: run.Queued, Created: h.Now(), Correlation: h.newID()}
	if kind == run.Archive {
		r.From, r.To = calendar.Date{Year: 2026, Month: 10, Day: 1}, calendar.Date{Year: 2026, Month: 10, Day: 31}
	} else {
		r.Calendar = uri("Work").String()
	}
	h.audited("run.start", "run", r.ID)
	r, created, err := h.runs().Create(h.t.Context(), r)
	must(h.t, err)
	if !created && r.State.Ended() {
		return
	}
	for attempt := 0; attempt < 4; attempt++ {
		table := &mortal{Table: h.table, left: -1}
		if h.rand.IntN(3) == 0 && attempt < 3 {
			table.left, table.after = h.rand.IntN(12), h.rand.IntN(2) == 0
		}
		r, err = h.runs().Get(h.t.Context(), user, r.ID)
		must(h.t, err)
		if !r.State.Ended() {
			err = h.handler(kind, table).Run(h.t.Context(), r)
		}
		if err == nil || !errors.Is(err, errDead) && !errors.Is(err, run.ErrBusy) && !errors.Is(err, store.ErrConflict) {
			must(h.t, err)
			break
		}
		h.Advance(2 * time.Minute) // its lease ends
		if h.rand.IntN(4) == 0 {
			return // nobody goes on with it
		}
	}
	if r, err = h.runs().Get(h.t.Context(), user, r.ID); err == nil && r.State.Ended() {
		err = h.log().RunEnded(h.t.Context(), r)
	}
	must(h.t, err)
}

func (h *history) handler(kind run.Kind, table store.Table) run.Handler {
	if kind == run.Archive {
		return &archive.Runner{
			Table: table, Blobs: h.blobs, Signer: h.key, Clock: h.Now, NewID: h.newID, LeaseFor: time.Minute, HandOn: time.Minute,
			Provider: func(context.Context, string, calendar.URI) (archive.Provider, error) { return h.events, nil },
		}
	}
	return &backup.Runner{
		Table: table, Blobs: h.blobs, Clock: h.Now, NewID: h.newID, Software: "test", HandOn: time.Minute,
		Provider: func(context.Context, string, calendar.URI) (backup.Provider, error) { return h.events, nil },
		Zone:     func(context.Context, string, string) (*time.Location, error) { return time.UTC, nil },
		Head: func(ctx context.Context, config string) (string, error) {
			head, err := h.ledger().Head(ctx, config)
			return head.Checkpoint, err
		},
	}
}

func (h *history) deleteBackup() {
	h.t.Helper()
	records, _, err := h.backups().List(h.t.Context(), user, backup.Filter{}, 10, "")
	must(h.t, err)
	if len(records) == 0 {
		return
	}
	id := records[h.rand.IntN(len(records))].ID
	h.audited("backup.delete", "backup", id)
	must(h.t, h.backups().Delete(h.t.Context(), user, id))
}

// audited records that the user did something.
func (h *history) audited(action audit.Action, kind, id string) {
	h.t.Helper()
	_, err := h.log().Append(h.t.Context(), audit.Entry{
		User: user, Actor: user, Action: action, Resource: audit.Resource{Kind: kind, ID: id}, Outcome: audit.OK, Personal: audit.Personal{Name: "Ann"},
	})
	must(h.t, err)
}

func (h *history) keepHead() {
	h.t.Helper()
	head, err := h.ledger().Head(h.t.Context(), h.config.ID)
	must(h.t, err)
	if head.Checkpoint != "" {
		h.heads = append(h.heads, head.Checkpoint)
	}
}

// mortal is a store of a process that dies at a write.
type mortal struct {
	store.Table
	left  int  // writes; below 0: it does not die
	after bool // the write takes effect before
	dead  bool
}

func (m *mortal) write(do func() error) error {
	if m.dead {
		return errDead
	}
	if m.left == 0 {
		m.dead = true
		if m.after {
			_ = do()
		}
		return errDead
	}
	m.left--
	return do()
}

func (m *mortal) Transact(ctx context.Context, ops []store.Op) error {
	return m.write(func() error { return m.Table.Transact(ctx, ops) })
}

func (m *mortal) BatchPut(ctx context.Context, items []store.Item) error {
	return m.write(func() error { return m.Table.BatchPut(ctx, items) })
}

func (m *mortal) Put(ctx context.Context, item store.Item, cond store.Condition) (version int64, err error) {
	err = m.write(func() error {
		version, err = m.Table.Put(ctx, item, cond)
		return err
	})
	return version, err
}

// recording is a store that remembers what its items were.
type recording struct {
	store.Table
	mu     sync.Mutex
	forget bool                       // it remembers nothing
	was    map[store.Key][]store.Item // versions, the oldest first
}

func (r *recording) remember(ctx context.Context, keys ...store.Key) {
	if r.forget {
		return
	}
	items, err := r.Table.GetMany(ctx, keys)
	if err != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, item := range items {
		r.was[item.Key] = append(r.was[item.Key], item)
	}
}

func (r *recording) Transact(ctx context.Context, ops []store.Op) error {
	err := r.Table.Transact(ctx, ops)
	if err == nil {
		var keys []store.Key
		for _, op := range ops {
			if op.Put != nil {
				keys = append(keys, op.Put.Key)
			}
		}
		r.remember(ctx, keys...)
	}
	return err
}

func (r *recording) BatchPut(ctx context.Context, items []store.Item) error {
	err := r.Table.BatchPut(ctx, items)
	for i := range items {
		r.remember(ctx, items[i].Key)
	}
	return err
}

func (r *recording) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	version, err := r.Table.Put(ctx, item, cond)
	if err == nil {
		r.remember(ctx, item.Key)
	}
	return version, err
}

// many is how often something random is tried: n times, or as ADMIN_ASSISTANT_HISTORIES says.
func many(n int) int {
	if asked, err := strconv.Atoi(os.Getenv("ADMIN_ASSISTANT_HISTORIES")); err == nil {
		return asked
	}
	return n
}

func TestAnHonestLedgerHolds(t *testing.T) {
	for seed := range many(60) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			h := newHistory(t, uint64(seed))
			for range 6 + h.rand.IntN(20) {
				h.live()
				if h.rand.IntN(5) == 0 {
					if report := h.verify(h.heads...); !report.OK {
						t.Fatalf("%+v, first %+v", report, report.First)
					}
				}
			}
			h.Advance(48 * time.Hour)
			h.endAll()
			if report := h.verify(h.heads...); !report.OK || report.Since != len(h.heads) {
				t.Fatalf("%+v, first %+v, %d heads", report, report.First, len(h.heads))
			}
		})
	}
}

// endAll records the ends of runs that are not recorded yet, as the messages of their workers do that are delivered again.
func (h *history) endAll() {
	h.t.Helper()
	must(h.t, h.runs().Each(h.t.Context(), user, func(r *run.Run) error {
		if !r.State.Ended() {
			return nil
		}
		return h.log().RunEnded(h.t.Context(), r)
	}))
}

// items are all of the table that belong to the config's ledger, its runs and backups and to the user's audit log, in order.
func (h *history) items() []store.Item {
	h.t.Helper()
	h.table.mu.Lock()
	var keys []store.Key
	for key := range h.table.was {
		_, pages, _ := strings.Cut(key.PK, "RUN#")
		if strings.HasPrefix(key.PK, "LEDGER#") || strings.HasPrefix(key.PK, "AUDIT#") || key.PK == "RUN#"+pages && strings.HasPrefix(key.SK, "ITEM#") ||
			key.PK == store.UserPartition(user) && (strings.HasPrefix(key.SK, "RUN#") || strings.HasPrefix(key.SK, "BACKUP#")) {
			keys = append(keys, key)
		}
	}
	h.table.mu.Unlock()
	items, err := h.table.GetMany(h.t.Context(), keys)
	must(h.t, err)
	slices.SortFunc(items, func(a, b store.Item) int { return strings.Compare(a.PK+"\x00"+a.SK, b.PK+"\x00"+b.SK) })
	return items
}
