package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

const user = "local#tester"

// world is one machine: a store, blobs and a local calendar, on a clock that moves when it is told to.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	t        testing.TB
	calendar *local.Provider
	work     calendar.Info
}

func newWorld(t testing.TB) *world {
	clock := machinetest.NewClock(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Millisecond)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t}
	w.calendar = local.New(w.Table, w.NewID, w.Now).For(user)
	var err error
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
	_, err = w.calendar.Import(w.t.Context(), "me", w.work.ID, f, importing.Options{})
	must(w.t, err)
}

// runner returns a runner over parts of which some may fail.
func (w *world) runner(t store.Table, b blob.Blob, p Provider) *Runner {
	return &Runner{
		Head:  func(_ context.Context, config string) (string, error) { return "head of " + config, nil },
		Table: t, Blobs: b,
		Provider: func(context.Context, string, calendar.URI) (Provider, error) { return p, nil },
		Zone: func(context.Context, string, string) (*time.Location, error) {
			return time.LoadLocation("Europe/Berlin")
		},
		Clock: w.Now, NewID: w.NewID, Software: "test", HandOn: time.Minute,
	}
}

// start stores a run of all of Work.
func (w *world) start(changes ...func(*run.Run)) *run.Run {
	w.t.Helper()
	r := &run.Run{ID: w.NewID(), User: user, Kind: run.Backup, Calendar: uri("Work").String(), State: run.Queued, Created: w.Now()}
	for _, change := range changes {
		change(r)
	}
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), r)
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
	must(w.t, w.runner(w.Table, w.Blobs, w.calendar).Run(w.t.Context(), r))
	return w.result(r.ID)
}

func (w *world) result(id string) (*run.Run, Result) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result Result
	if r.Result != nil {
		must(w.t, json.Unmarshal(r.Result, &result))
	}
	return r, result
}

func (w *world) backups() *Backups { return New(w.Table, w.Blobs) }

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
	objects, err := w.Blobs.List(w.t.Context(), "")
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
