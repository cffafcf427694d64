package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const user = "local#tester"

// world is one machine: a store, blobs and a local calendar, on a clock that moves when it is told to.
type world struct {
	t        testing.TB
	mu       sync.Mutex
	now      time.Time
	ids      int
	table    store.Table
	blobs    blob.Blob
	calendar *local.Provider
	work     calendar.Info
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC)}
	table, err := sqlite.Open(":memory:", w.clock)
	must(t, err)
	t.Cleanup(func() { table.Close() })
	blobs, err := folder.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { blobs.Close() })
	w.table, w.blobs = table, blobs
	w.calendar = local.New(table, w.newID, w.clock).For(user)
	w.work, err = w.calendar.CreateCalendar(t.Context(), uri("Work"))
	must(t, err)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uri(name string) calendar.URI {
	return calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: name}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(time.Millisecond)
	return w.now
}

func (w *world) advance(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("ID%08d", w.ids)
}

// sample has a series with an exception, a day off, one that floats, and one in a zone that only the file explains.
const sample = `BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Here
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0130
TZOFFSETTO:+0130
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:standup
DTSTART;TZID=Europe/Berlin:20261005T090000
DTEND;TZID=Europe/Berlin:20261005T091500
RRULE:FREQ=WEEKLY;BYDAY=MO
EXDATE;TZID=Europe/Berlin:20261012T090000
SUMMARY:=Stand-up
CATEGORIES:Acme - billable,Online
ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.com
LAST-MODIFIED:20260901T100000Z
END:VEVENT
BEGIN:VEVENT
UID:standup
RECURRENCE-ID;TZID=Europe/Berlin:20261019T090000
DTSTART;TZID=Europe/Berlin:20261020T110000
DTEND;TZID=Europe/Berlin:20261020T111500
SUMMARY:Stand-up moved
LAST-MODIFIED:20260901T100000Z
END:VEVENT
BEGIN:VEVENT
UID:review
DTSTART:20261006T120000Z
DTEND:20261006T130000Z
SUMMARY:Acme review "big"
DESCRIPTION:one\ntwo\, three
X-ALT-DESC;FMTTYPE=text/html:<p>one &amp; two</p>
CLASS:PRIVATE
ORGANIZER;CN=Olga:mailto:olga@example.com
LAST-MODIFIED:20260901T100000Z
END:VEVENT
BEGIN:VEVENT
UID:off
DTSTART;VALUE=DATE:20261007
DTEND;VALUE=DATE:20261009
SUMMARY:Day off
LAST-MODIFIED:20260901T100000Z
END:VEVENT
BEGIN:VEVENT
UID:lunch
DTSTART:20261008T120000
DTEND:20261008T130000
SUMMARY:Lunch
LAST-MODIFIED:20260901T100000Z
END:VEVENT
BEGIN:VEVENT
UID:here
DTSTART;TZID=Here:20261101T080000
DTEND;TZID=Here:20261101T090000
SUMMARY:In a zone of its own
LAST-MODIFIED:20260901T100000Z
END:VEVENT
END:VCALENDAR
`

// sampleCounts are what sample holds.
var sampleCounts = Counts{Singles: 4, Series: 1, Exceptions: 1, Events: 6}

func (w *world) imports(text string) {
	w.t.Helper()
	f, err := ics.Read(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	must(w.t, err)
	_, _, err = w.calendar.Import(w.t.Context(), "me", w.work.ID, f)
	must(w.t, err)
}

// runner returns a runner over parts of which some may fail.
func (w *world) runner(t store.Table, b blob.Blob, p Provider) *Runner {
	return &Runner{
		Table: t, Blobs: b,
		Provider: func(context.Context, string, calendar.URI) (Provider, error) { return p, nil },
		Zone: func(context.Context, string, string) (*time.Location, error) {
			return time.LoadLocation("Europe/Berlin")
		},
		Clock: w.clock, NewID: w.newID, Software: "test", HandOn: time.Minute,
	}
}

// start stores a run of all of Work.
func (w *world) start(changes ...func(*run.Run)) *run.Run {
	w.t.Helper()
	r := &run.Run{ID: w.newID(), User: user, Kind: run.Backup, Calendar: uri("Work").String(), State: run.Queued, Created: w.clock()}
	for _, change := range changes {
		change(r)
	}
	r, created, err := run.NewStore(w.table).Create(w.t.Context(), r)
	must(w.t, err)
	if !created {
		w.t.Fatalf("run %s is under way", r.ID)
	}
	return r
}

func days(from, to string) func(*run.Run) {
	return func(r *run.Run) {
		r.From, _ = calendar.ParseDate(from)
		r.To, _ = calendar.ParseDate(to)
		r.Input = json.RawMessage(`{"timezone":"Europe/Berlin"}`)
	}
}

// backUp carries a run out and returns how it ended.
func (w *world) backUp(changes ...func(*run.Run)) (*run.Run, Result) {
	w.t.Helper()
	r := w.start(changes...)
	must(w.t, w.runner(w.table, w.blobs, w.calendar).Run(w.t.Context(), r))
	return w.result(r.ID)
}

func (w *world) result(id string) (*run.Run, Result) {
	w.t.Helper()
	r, err := run.NewStore(w.table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result Result
	if r.Result != nil {
		must(w.t, json.Unmarshal(r.Result, &result))
	}
	return r, result
}

func (w *world) backups() *Backups { return New(w.table, w.blobs) }

func (w *world) open(id string) *Content {
	w.t.Helper()
	c, err := w.backups().Open(w.t.Context(), user, id)
	must(w.t, err)
	return c
}

// file returns a file of a backup, decompressed.
func (w *world) file(id string, f Format) string {
	w.t.Helper()
	c := w.open(id)
	var b bytes.Buffer
	must(w.t, c.read(w.t.Context(), c.Manifest.File(f), func(r io.Reader) error {
		_, err := io.Copy(&b, r)
		return err
	}))
	return b.String()
}

// objects returns the keys of all objects, without the user's folder.
func (w *world) objects() (keys []string) {
	w.t.Helper()
	objects, err := w.blobs.List(w.t.Context(), "")
	must(w.t, err)
	for _, o := range objects {
		keys = append(keys, strings.TrimPrefix(o.Key, userFolder(user)))
	}
	return keys
}

// sound wants the backups that there are to be proven, and no other object to be there.
func (w *world) sound(ids ...string) {
	w.t.Helper()
	want := map[string]bool{}
	for _, id := range ids {
		report, err := w.backups().Verify(w.t.Context(), user, id)
		must(w.t, err)
		if !report.OK {
			w.t.Errorf("backup %s: %+v", id, report)
		}
		r, err := w.backups().Get(w.t.Context(), user, id)
		must(w.t, err)
		for _, name := range []string{fileNames[JSONL], fileNames[ICS], fileNames[CSV], manifestName} {
			want[r.ID+"/"+r.Attempt+"/"+name] = true
		}
	}
	for _, key := range w.objects() {
		if !want[key] {
			w.t.Errorf("%s is left over", key)
		}
		delete(want, key)
	}
	for key := range want {
		w.t.Errorf("%s is not there", key)
	}
	records, err := w.backups().all(w.t.Context(), user)
	must(w.t, err)
	if len(records) != len(ids) {
		w.t.Errorf("%d records of %d backups", len(records), len(ids))
	}
}

// errDead is of no kind that is worth a retry: a dead process retries nothing.
var errDead = errors.New("the process is dead")

// tripwire counts requests, and lets the process die at one of them.
type tripwire struct {
	mu              sync.Mutex
	requests, dieAt int
	after           bool
}

func (w *tripwire) dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.dieAt > 0 && w.requests >= w.dieAt
}

// pass says whether a request takes effect, and whether its answer arrives.
func (w *tripwire) pass() (effect, answer bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.requests++
	switch {
	case w.dieAt == 0 || w.requests < w.dieAt:
		return true, true
	case w.requests == w.dieAt:
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
		var zero T
		return zero, errDead
	}
	return v, err
}

func done(err error) (struct{}, error) { return struct{}{}, err }

type wiredTable struct {
	store.Table
	wire *tripwire
}

func (w wiredTable) Get(ctx context.Context, k store.Key) (store.Item, error) {
	return through(w.wire, func() (store.Item, error) { return w.Table.Get(ctx, k) })
}

func (w wiredTable) Put(ctx context.Context, i store.Item, c store.Condition) (int64, error) {
	return through(w.wire, func() (int64, error) { return w.Table.Put(ctx, i, c) })
}

func (w wiredTable) Delete(ctx context.Context, k store.Key, c store.Condition) error {
	_, err := through(w.wire, func() (struct{}, error) { return done(w.Table.Delete(ctx, k, c)) })
	return err
}

func (w wiredTable) Query(ctx context.Context, q store.Query) (store.Page, error) {
	return through(w.wire, func() (store.Page, error) { return w.Table.Query(ctx, q) })
}

func (w wiredTable) Transact(ctx context.Context, ops []store.Op) error {
	_, err := through(w.wire, func() (struct{}, error) { return done(w.Table.Transact(ctx, ops)) })
	return err
}

func (w wiredTable) BatchPut(ctx context.Context, items []store.Item) error {
	_, err := through(w.wire, func() (struct{}, error) { return done(w.Table.BatchPut(ctx, items)) })
	return err
}

type wiredBlobs struct {
	blob.Blob
	wire *tripwire
}

func (w wiredBlobs) Put(ctx context.Context, key string, r io.Reader) error {
	_, err := through(w.wire, func() (struct{}, error) { return done(w.Blob.Put(ctx, key, r)) })
	return err
}

func (w wiredBlobs) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	return through(w.wire, func() (io.ReadCloser, error) { return w.Blob.Get(ctx, key) })
}

func (w wiredBlobs) List(ctx context.Context, prefix string) ([]blob.Object, error) {
	return through(w.wire, func() ([]blob.Object, error) { return w.Blob.List(ctx, prefix) })
}

func (w wiredBlobs) Delete(ctx context.Context, key string) error {
	_, err := through(w.wire, func() (struct{}, error) { return done(w.Blob.Delete(ctx, key)) })
	return err
}

// wiredProvider is a provider behind a tripwire, which may also be hit between two events.
type wiredProvider struct {
	Provider
	wire *tripwire
}

func (w wiredProvider) Calendar(ctx context.Context, u calendar.URI) (calendar.Info, error) {
	return through(w.wire, func() (calendar.Info, error) { return w.Provider.Calendar(ctx, u) })
}

func (w wiredProvider) Zones(ctx context.Context, account, id string) ([]calendar.Zone, error) {
	return through(w.wire, func() ([]calendar.Zone, error) { return w.Provider.Zones(ctx, account, id) })
}

func (w wiredProvider) Kept(ctx context.Context, account, id string, each func(calendar.Kept) error) error {
	return w.Provider.Kept(ctx, account, id, func(k calendar.Kept) error {
		_, err := through(w.wire, func() (struct{}, error) { return done(each(k)) })
		return err
	})
}
