package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/blob"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// meter is a table that counts what DynamoDB would charge for on demand: read units of 4 KB, write units of 1 KB, both doubled in
// transactions, and a write of the index for each item that is in it.
type meter struct {
	store.Table
	usage
}

// usage is what was asked for.
type usage struct {
	reads, writes float64
	bytes         float64 // by which the table grew
	batched       float64 // of them, by items that were put in batches: those of runs
	objects       float64 // written to the bucket
	objectBytes   float64
}

func (u usage) minus(v usage) usage {
	return usage{u.reads - v.reads, u.writes - v.writes, u.bytes - v.bytes, u.batched - v.batched, u.objects - v.objects, u.objectBytes - v.objectBytes}
}

func units(size, unit int) float64 { return float64(max(1, (size+unit-1)/unit)) }

func size(it *store.Item) int {
	_, n, err := it.Pack()
	if err != nil {
		panic(err)
	}
	return n
}

// stored returns how large the item of a key is; 0 if there is none.
func (m *meter) stored(ctx context.Context, key store.Key) int {
	it, err := m.Table.Get(ctx, key)
	if err != nil {
		return 0
	}
	return size(&it)
}

func (m *meter) Get(ctx context.Context, key store.Key) (store.Item, error) {
	m.reads += units(m.stored(ctx, key), 4<<10)
	return m.Table.Get(ctx, key)
}

func (m *meter) GetMany(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	for _, key := range keys {
		m.reads += units(m.stored(ctx, key), 4<<10)
	}
	return m.Table.GetMany(ctx, keys)
}

func (m *meter) Query(ctx context.Context, q store.Query) (store.Page, error) {
	page, err := m.Table.Query(ctx, q)
	sum := 0
	for i := range page.Items {
		sum += size(&page.Items[i])
	}
	if share := units(sum, 4<<10); q.Index {
		m.reads += share / 2 // eventually consistent
	} else {
		m.reads += share
	}
	return page, err
}

// write counts an item that is about to be put, or, with size 0, deleted.
func (m *meter) write(ctx context.Context, key store.Key, size int, indexed bool, factor float64) {
	old := m.stored(ctx, key)
	m.writes += factor * units(max(size, old), 1<<10)
	m.bytes += float64(size - old)
	if indexed {
		m.writes += units(size, 1<<10)
		m.bytes += float64(size - old)
	}
}

func (m *meter) Put(ctx context.Context, it store.Item, cond store.Condition) (int64, error) {
	m.write(ctx, it.Key, size(&it), it.IndexPK != "", 1)
	return m.Table.Put(ctx, it, cond)
}

func (m *meter) Delete(ctx context.Context, key store.Key, cond store.Condition) error {
	m.write(ctx, key, 0, false, 1)
	return m.Table.Delete(ctx, key, cond)
}

func (m *meter) BatchPut(ctx context.Context, items []store.Item) error {
	before := m.bytes
	for i := range items {
		m.write(ctx, items[i].Key, size(&items[i]), items[i].IndexPK != "", 1)
	}
	m.batched += m.bytes - before
	return m.Table.BatchPut(ctx, items)
}

func (m *meter) Transact(ctx context.Context, ops []store.Op) error {
	for i := range ops {
		if p := ops[i].Put; p != nil {
			m.write(ctx, p.Key, size(p), p.IndexPK != "", 2)
		} else {
			m.write(ctx, ops[i].Key(), 0, false, 2)
		}
	}
	return m.Table.Transact(ctx, ops)
}

// shelf is blobs that count.
type shelf struct {
	blob.Blob
	on *meter
}

func (s shelf) Put(ctx context.Context, key string, from io.Reader) error {
	data, err := io.ReadAll(from)
	if err != nil {
		return err
	}
	s.on.objects++
	s.on.objectBytes += float64(len(data))
	return s.Blob.Put(ctx, key, bytes.NewReader(data))
}

// outlook is a calendar whose events are as large as those of Microsoft 365: long ids, people, a text.
type outlook struct{ *local.Provider }

func (o outlook) Events(ctx context.Context, account, id string, from, to time.Time) ([]calendar.Event, error) {
	events, err := o.Provider.Events(ctx, account, id, from, to)
	for i := range events {
		e := &events[i]
		e.ID = "AAMkAGI2TG93AAA" + strings.Repeat("x", 130) + e.ID
		e.ICalUID = "040000008200E00074C5B7101A82E008" + strings.Repeat("0", 80) + e.ICalUID
		e.ChangeKey = "DwAAABYAAABiOC8xvYmdT6G2E/" + e.ChangeKey
		e.Organizer = calendar.Person{Name: "Olga Organiser", Address: "olga.organiser@customer.example.com"}
		for n := range 5 {
			e.Attendees = append(e.Attendees, calendar.Attendee{
				Person: calendar.Person{Name: fmt.Sprintf("Attendee Number %d", n), Address: fmt.Sprintf("attendee.%d@customer.example.com", n)},
				Type:   "required", Response: calendar.Accepted,
			})
		}
		e.Body = calendar.Body{ContentType: "html", Content: text(e.ICalUID)}
		e.BodyPreview = e.Body.Content[:255]
	}
	return events, err
}

// text makes 2 KB of words that compress about as text does.
func text(seed string) string {
	words := strings.Fields("agenda review of the quarter with customer about open points decisions next steps budget risks people plan scope")
	var b strings.Builder
	b.WriteString("<html><body><p>")
	state := uint32(1)
	for _, c := range seed {
		state = state*31 + uint32(c)
	}
	for b.Len() < 2<<10 {
		state = state*1664525 + 1013904223
		b.WriteString(words[int(state>>16)%len(words)] + " ")
	}
	return b.String() + "</p></body></html>"
}

// household is a user whose calendar is archived every night.
type household struct {
	t      *testing.T
	mu     sync.Mutex
	now    time.Time
	ids    int
	meter  *meter
	events *local.Provider
	source calendar.Info
	config archive.Config
	runner *archive.Runner
}

func newHousehold(t *testing.T) *household {
	t.Helper()
	h := &household{t: t, now: time.Date(2026, 11, 1, 2, 0, 0, 0, time.UTC)}
	open := func() store.Table {
		table, err := sqlite.Open(":memory:", h.clock)
		h.must(err)
		t.Cleanup(func() { h.must(table.Close()) })
		return table
	}
	blobs, err := folder.Open(t.TempDir())
	h.must(err)
	t.Cleanup(func() { h.must(blobs.Close()) })
	h.meter = &meter{Table: open()}
	h.events = local.New(open(), h.newID, h.clock)
	uri := func(name string) calendar.URI {
		return calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: name}
	}
	h.source, err = h.events.CreateCalendar(t.Context(), uri("Work"))
	h.must(err)
	counted := shelf{blobs, h.meter}
	key := signingtest.Key(t)
	h.config, err = archive.NewConfigs(h.meter, ledger.New(h.meter, counted, key), h.newID, h.clock).Create(t.Context(), owner, archive.Config{
		Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: archive.AskOnDrift, LookBack: 30, CreateCalendar: true,
	})
	h.must(err)
	h.runner = &archive.Runner{
		Table: h.meter, Blobs: counted, Signer: key, Clock: h.clock, NewID: h.newID, LeaseFor: time.Minute, HandOn: time.Minute,
		Provider: func(context.Context, string, calendar.URI) (archive.Provider, error) { return outlook{h.events}, nil },
	}
	return h
}

const owner = "b3c5e1b2-0000-4000-8000-000000000001#b3c5e1b2-0000-4000-8000-000000000002"

func (h *household) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *household) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(time.Millisecond)
	return h.now
}

func (h *household) newID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprintf("01JBXA%020d", h.ids)
}

// day gives the source n appointments on a day, one after the other.
func (h *household) day(d time.Time, n int) {
	h.t.Helper()
	var drafts []calendar.Draft
	for i := range n {
		start := d.Add(7*time.Hour + time.Duration(i)*30*time.Minute)
		drafts = append(drafts, calendar.Draft{
			Subject: fmt.Sprintf("Customer review, part %d of %s", i, d.Format(time.DateOnly)), Location: "Meeting room 7, second floor",
			Categories: []string{"Acme - billable"},
			Start:      calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"},
			End:        calendar.DateTime{Local: start.Add(30 * time.Minute).Format("2006-01-02T15:04:05"), Zone: "UTC"},
			ShowAs:     calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal, TransactionID: h.newID(),
		})
	}
	results, err := h.events.Create(h.t.Context(), "me", h.source.ID, drafts)
	h.must(err)
	for _, r := range results {
		h.must(r.Err)
	}
}

// night archives the thirty days before d, as a worker does, and returns what that took.
func (h *household) night(d time.Time) usage {
	h.t.Helper()
	h.mu.Lock()
	h.now = d.Add(2 * time.Hour)
	h.mu.Unlock()
	before := h.meter.usage
	runs := run.NewStore(h.meter)
	date := func(t time.Time) calendar.Date { return calendar.Date{Year: t.Year(), Month: t.Month(), Day: t.Day()} }
	r, created, err := runs.Create(h.t.Context(), &run.Run{
		ID: h.newID(), User: owner, Kind: run.Archive, Config: h.config.ID, From: date(d.AddDate(0, 0, -30)), To: date(d.AddDate(0, 0, -1)),
		State: run.Queued, Created: h.clock(), Correlation: h.newID(),
	})
	if err != nil || !created {
		h.t.Fatalf("created %t, %v", created, err)
	}
	r, err = runs.Get(h.t.Context(), owner, r.ID) // as the worker does
	h.must(err)
	h.must(h.runner.Run(h.t.Context(), r))
	if r.State != run.Succeeded {
		h.t.Fatalf("the run %s: %+v", r.State, r.Problem)
	}
	return h.meter.usage.minus(before)
}

// TestNight measures what a night takes of table and bucket, with the code that runs in production, and holds the model to it.
func TestNight(t *testing.T) {
	h := newHousehold(t)
	first, perDay := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), int(typical.AppointmentsADay)
	for d := range 31 {
		h.day(first.AddDate(0, 0, d), perDay)
	}
	h.night(first.AddDate(0, 0, 31))
	h.night(first.AddDate(0, 0, 31)) // a night reads the link of the one before, and that of the first is large
	unchanged := h.night(first.AddDate(0, 0, 31))
	h.day(first.AddDate(0, 0, 31), perDay)
	busy := h.night(first.AddDate(0, 0, 32))
	each := busy.minus(unchanged)

	for _, c := range []struct {
		what           string
		measured, said float64
	}{
		{"read units of a night in which nothing is new", unchanged.reads, typical.NightReads},
		{"write units of a night in which nothing is new", unchanged.writes, typical.NightWrites},
		{"read units of each new appointment", each.reads / float64(perDay), typical.AppointmentReads},
		{"write units of each new appointment", each.writes / float64(perDay), typical.AppointmentWrites},
		{"bytes of the table that a night adds", unchanged.bytes, typical.NightBytes},
		{"bytes of the run's items", unchanged.batched, typical.ItemBytes},
		{"bytes of the table that each new appointment adds", each.bytes / float64(perDay), typical.AppointmentBytes},
		{"objects that a night adds", busy.objects, typical.PlanObjects},
		{"bytes of objects that a night adds", busy.objectBytes, typical.PlanBytes},
	} {
		t.Logf("%s: %.2f", c.what, c.measured)
		if math.Abs(c.measured-c.said) > 0.15*c.said+0.25 {
			t.Errorf("%s: %.2f were measured, and the model says %.2f", c.what, c.measured, c.said)
		}
	}
}
