package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

const user = "local#tester"

// world is one machine: a store, blobs and a local provider, with a clock that a test moves.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	t        testing.TB
	calendar *local.Provider
	source   calendar.Info
}

func newWorld(t testing.TB) *world {
	clock := machinetest.NewClock(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Millisecond)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t}
	w.calendar = local.New(w.Table, w.NewID, w.Now)
	var err error
	w.source, err = w.calendar.CreateCalendar(t.Context(), uri("Work"))
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

// add puts an event into the source calendar and returns its id.
func (w *world) add(subject, start, end string, change ...func(*calendar.Draft)) string {
	w.t.Helper()
	d := calendar.Draft{
		Subject: subject, Start: calendar.DateTime{Local: start + ":00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: end + ":00", Zone: "Europe/Berlin"},
		Categories: []string{"Acme - billable"}, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
		TransactionID: w.NewID(),
	}
	for _, c := range change {
		c(&d)
	}
	results, err := w.calendar.Create(w.t.Context(), "me", w.source.ID, []calendar.Draft{d})
	must(w.t, err)
	must(w.t, results[0].Err)
	return results[0].ID
}

func (w *world) remove(id string) {
	w.t.Helper()
	_, err := w.calendar.Delete(w.t.Context(), "me", w.source.ID, []string{id})
	must(w.t, err)
}

// month fills the source with n appointments of half an hour, none of which overlap.
func (w *world) month(n int) {
	w.t.Helper()
	for i := range n {
		start := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute)
		w.add(fmt.Sprintf("Work %d", i), start.Format("2006-01-02T15:04"), start.Add(30*time.Minute).Format("2006-01-02T15:04"))
	}
}

func (w *world) config(change ...func(*archive.Config)) archive.Config {
	w.t.Helper()
	c := archive.Config{
		Name: "work", Source: uri("Work"), Archive: uri("Archive"), Timezone: "Europe/Berlin", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: archive.AskOnDrift, LookBack: 30, CreateCalendar: true,
	}
	for _, f := range change {
		f(&c)
	}
	c, err := w.configs(w.Table).Create(w.t.Context(), user, c)
	must(w.t, err)
	return c
}

func (w *world) configs(t store.Table) *archive.Configs {
	return archive.NewConfigs(t, ledger.New(t, w.Blobs, w.Key), w.NewID, w.Now)
}

// runner returns a runner over a table and a provider, which may fail.
func (w *world) runner(t store.Table, p calendar.Provider) *archive.Runner {
	return &archive.Runner{
		Table: t, Blobs: w.Blobs, Signer: w.Key,
		Provider: func(context.Context, string, calendar.URI) (archive.Provider, error) { return p, nil },
		Clock:    w.Now, NewID: w.NewID, LeaseFor: time.Minute, HandOn: time.Minute,
	}
}

func day(s string) calendar.Date {
	d, err := calendar.ParseDate(s)
	if err != nil {
		panic(err)
	}
	return d
}

// start stores a run of October.
func (w *world) start(c archive.Config, change ...func(*run.Run)) *run.Run {
	w.t.Helper()
	r := &run.Run{ID: w.NewID(), User: user, Kind: run.Archive, Config: c.ID, From: day("2026-10-01"), To: day("2026-10-31"), State: run.Queued, Created: w.Now()}
	for _, f := range change {
		f(r)
	}
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	if !created {
		w.t.Fatalf("run %s is under way", r.ID)
	}
	return r
}

// reserve lets another run have the lease of that name.
func (w *world) reserve(name string) *run.Hold {
	w.t.Helper()
	r, _, err := run.NewStore(w.Table).Create(w.t.Context(), &run.Run{
		ID: w.NewID(), User: user, Kind: run.Archive, Config: "another", State: run.Queued, Created: w.Now(),
	})
	must(w.t, err)
	found, err := w.Table.GetMany(w.t.Context(), []store.Key{run.LeaseKey(name)})
	must(w.t, err)
	hold, err := run.Begin(w.t.Context(), w.Table, r, name, "another", time.Minute, w.Now, found)
	must(w.t, err)
	return hold
}

// archive carries out a run of October and returns it with its result.
func (w *world) archive(c archive.Config, change ...func(*run.Run)) (*run.Run, archive.Result) {
	w.t.Helper()
	r := w.start(c, change...)
	must(w.t, w.runner(w.Table, w.calendar).Run(w.t.Context(), r))
	return w.result(r.ID)
}

func (w *world) result(id string) (*run.Run, archive.Result) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result archive.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	return r, result
}

// copies returns "subject start" of every event in the archive calendar, sorted; nil if there is no such calendar.
func (w *world) copies() []string {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	if errors.Is(err, calendar.ErrNotFound) {
		return nil
	}
	must(w.t, err)
	return w.told(info.ID)
}

// expected returns what copies must return in the end when nothing overlaps: the events of the source calendar.
func (w *world) expected() []string { return w.told(w.source.ID) }

// events returns the events of the source calendar.
func (w *world) events() []calendar.Event { return w.read(w.source.ID) }

func (w *world) read(id string) []calendar.Event {
	w.t.Helper()
	events, err := w.calendar.Events(w.t.Context(), "me", id, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	must(w.t, err)
	return events
}

func (w *world) told(id string) []string {
	w.t.Helper()
	events := w.read(id)
	var copies []string
	for _, e := range events {
		at, err := e.Start.Instant(time.UTC)
		must(w.t, err)
		copies = append(copies, e.Subject+" "+at.Format("2006-01-02T15:04"))
	}
	slices.Sort(copies)
	return copies
}

func (w *world) verify(c archive.Config) {
	w.t.Helper()
	verifier := proof.Verifier{
		Ledger: ledger.New(w.Table, w.Blobs, w.Key), Runs: run.NewStore(w.Table), Audit: audit.New(w.Table, w.Now, w.NewID),
		Backups: backup.New(w.Table, w.Blobs), Signer: w.Key, Clock: w.Now,
	}
	report, err := verifier.Verify(w.t.Context(), user, c.ID, nil)
	must(w.t, err)
	if !report.OK {
		w.t.Errorf("the ledger does not verify: %+v, first %+v", report, report.First)
	}
}

func TestRunner(t *testing.T) {
	t.Run("a first run archives, a second one changes nothing", func(t *testing.T) {
		w := newWorld(t)
		w.month(50)
		c := w.config()
		r, first := w.archive(c)
		if r.State != run.Succeeded || first.Counts.Archived != 50 || first.Written != 50 || !first.Balanced || len(w.copies()) != 50 {
			t.Errorf("first run: %s %+v, %d copies", r.State, first, len(w.copies()))
		}
		r, second := w.archive(c)
		if r.State != run.Succeeded || second.Counts.Unchanged != 50 || second.Written != 0 || len(w.copies()) != 50 {
			t.Errorf("second run: %s %+v, %d copies", r.State, second, len(w.copies()))
		}
		w.verify(c)
	})
	t.Run("a dry run writes nothing", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		r, result := w.archive(c, func(r *run.Run) { r.Options.DryRun = true })
		if r.State != run.Succeeded || result.Counts.Archived != 3 || result.Written != 0 || result.Link != "" || w.copies() != nil {
			t.Errorf("%s %+v, copies %v", r.State, result, w.copies())
		}
		if _, result := w.archive(c); result.Counts.Archived != 3 {
			t.Errorf("after it: %+v", result)
		}
	})
	t.Run("what moved is found again in another window and drifts", func(t *testing.T) {
		w := newWorld(t)
		w.month(12)
		id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00")
		c := w.config()
		w.archive(c)
		results, err := w.calendar.Update(t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: calendar.Draft{
			Subject: "Workshop", Categories: []string{"Acme - billable"},
			Start: calendar.DateTime{Local: "2026-11-10T09:00:00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: "2026-11-10T12:00:00", Zone: "Europe/Berlin"},
			ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
		}}})
		must(t, err)
		must(t, results[0].Err)
		november := func(r *run.Run) { r.From, r.To = day("2026-11-01"), day("2026-11-30") }
		if _, result := w.archive(c, november); result.Counts.Drifted != 1 || result.Counts.Archived != 0 || result.Actions != 1 {
			t.Errorf("November: %+v", result)
		}
		if _, result := w.archive(c); result.Counts.Vanished != 0 || result.Counts.Drifted != 1 || result.Counts.Unchanged != 12 {
			t.Errorf("October, which asked for it by its id: %+v", result)
		}
		if got := len(w.copies()); got != 13 {
			t.Errorf("%d copies, want 13", got)
		}
	})
	t.Run("drift that the config accepts becomes a new version, and its copy follows", func(t *testing.T) {
		w := newWorld(t)
		w.month(2)
		id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00")
		c := w.config(func(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift })
		w.archive(c)
		w.Advance(time.Hour)
		between := w.Now()
		_, err := w.calendar.Update(t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: calendar.Draft{
			Subject: "Workshop", Categories: []string{"Acme - billable"},
			Start: calendar.DateTime{Local: "2026-10-21T10:00:00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: "2026-10-21T12:00:00", Zone: "Europe/Berlin"},
			ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
		}}})
		must(t, err)
		if _, result := w.archive(c); result.Counts.Drifted != 1 || result.Written != 1 || result.Actions != 0 {
			t.Errorf("%+v", result)
		}
		want := []string{"Work 0 2026-10-01T04:00", "Work 1 2026-10-01T04:30", "Workshop 2026-10-21T08:00"}
		if diff := cmp.Diff(want, w.copies()); diff != "" {
			t.Errorf("copies (-want +got):\n%s", diff)
		}
		l := ledger.New(w.Table, w.Blobs, w.Key)
		berlin, _ := calendar.LoadZone("Europe/Berlin")
		for _, at := range []struct {
			day   string
			as    time.Time
			count int
		}{{"2026-10-20", between, 1}, {"2026-10-20", time.Time{}, 0}, {"2026-10-21", between, 0}, {"2026-10-21", time.Time{}, 1}} {
			d := day(at.day)
			entries, err := l.AsOf(t.Context(), c.ID, ledger.Span{From: calendar.StartOfDay(d, berlin), To: calendar.StartOfDay(d.AddDays(1), berlin)}, at.as)
			must(t, err)
			if len(entries) != at.count {
				t.Errorf("%s as of %v: %d entries, want %d", at.day, at.as, len(entries), at.count)
			}
		}
		w.verify(c)
		if _, result := w.archive(c); result.Counts.Unchanged != 3 || result.Counts.Vanished != 0 {
			t.Errorf("the next run: %+v", result)
		}
	})
	t.Run("a window that shrank is not carried out unless forced", func(t *testing.T) {
		w := newWorld(t)
		var ids []string
		for i := range 20 {
			ids = append(ids, w.add(fmt.Sprintf("Work %d", i), fmt.Sprintf("2026-10-%02dT09:00", i+1), fmt.Sprintf("2026-10-%02dT10:00", i+1)))
		}
		c := w.config()
		w.archive(c)
		for _, id := range ids[:11] {
			w.remove(id)
		}
		r, result := w.archive(c)
		if r.State != run.Failed || r.Problem == nil || r.Problem.Code != "conflict" || result.Counts.Vanished != 11 || !result.Shrunk {
			t.Errorf("%s %+v %+v", r.State, r.Problem, result)
		}
		r, result = w.archive(c, func(r *run.Run) { r.Options.Force = true })
		if r.State != run.Succeeded || result.Shrunk {
			t.Errorf("forced: %s %+v %+v", r.State, r.Problem, result)
		}
	})
	t.Run("an archive calendar with other people's events needs to be adopted", func(t *testing.T) {
		w := newWorld(t)
		w.month(2)
		info, err := w.calendar.CreateCalendar(t.Context(), uri("Archive"))
		must(t, err)
		_, err = w.calendar.Create(t.Context(), "me", info.ID, []calendar.Draft{{Subject: "Theirs", TransactionID: "theirs",
			Start: calendar.DateTime{Local: "2026-10-03T09:00:00", Zone: "UTC"}, End: calendar.DateTime{Local: "2026-10-03T10:00:00", Zone: "UTC"}}})
		must(t, err)
		c := w.config()
		err = w.runner(w.Table, w.calendar).Run(t.Context(), w.start(c))
		if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "--adopt") {
			t.Errorf("error %v", err)
		}
		r, _ := w.archive(c, func(r *run.Run) { r.From, r.Options.Adopt = day("2026-09-30"), true })
		if r.State != run.Succeeded || len(w.copies()) != 3 {
			t.Errorf("adopted: %s, %v", r.State, w.copies())
		}
	})
	t.Run("an archive calendar that is missing and may not be created says how to create it", func(t *testing.T) {
		w := newWorld(t)
		w.month(1)
		c := w.config(func(c *archive.Config) { c.CreateCalendar = false })
		err := w.runner(w.Table, w.calendar).Run(t.Context(), w.start(c))
		if fault.Of(err) != fault.NotFound || !strings.Contains(err.Error(), "calendar create local://me/calendars/Archive") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("a worker whose time is nearly up hands on, and the next one finishes", func(t *testing.T) {
		w := newWorld(t)
		w.month(100)
		c := w.config()
		r := w.start(c)
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(time.Hour))
		defer cancel()
		short := w.runner(w.Table, w.calendar)
		short.Clock = func() time.Time { return time.Now() }
		calls := 0
		short.Clock = func() time.Time {
			if calls++; calls > 12 {
				return time.Now().Add(2 * time.Hour) // past the deadline, after some chunks
			}
			return time.Now()
		}
		if err := short.Run(ctx, r); !errors.Is(err, run.ErrHandOn) {
			t.Fatalf("error %v, want %v", err, run.ErrHandOn)
		}
		w.Set(time.Now().Add(4 * time.Hour))
		r, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		before := len(w.copies())
		if before == 0 || before == 100 {
			t.Fatalf("%d copies at the hand-over", before)
		}
		must(t, w.runner(w.Table, w.calendar).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Counts.Archived != 100 || len(w.copies()) != 100 {
			t.Errorf("%s %+v, %d copies", r.State, result, len(w.copies()))
		}
		w.verify(c)
	})
	t.Run("one refused event does not stop the others, and a retry is about it alone", func(t *testing.T) {
		w := newWorld(t)
		w.month(5)
		c := w.config()
		first := w.start(c)
		must(t, w.runner(w.Table, picky{w.calendar, "Work 3"}).Run(t.Context(), first))
		r, result := w.result(first.ID)
		if r.State != run.Partial || result.Failed != 1 || result.Written != 4 || len(w.copies()) != 4 {
			t.Fatalf("%s %+v, %d copies", r.State, result, len(w.copies()))
		}
		r, result = w.archive(c, func(r *run.Run) { r.AttemptOf = first.ID })
		if r.State != run.Succeeded || result.Written != 1 || result.Counts.Fetched != 1 || len(w.copies()) != 5 {
			t.Errorf("retry: %s %+v, %d copies", r.State, result, len(w.copies()))
		}
		w.verify(c)
	})
	t.Run("two runs of one archive calendar do not run at once", func(t *testing.T) {
		w := newWorld(t)
		w.month(2)
		c := w.config()
		hold := w.reserve(run.LeaseName(user, c.Archive, ""))
		r := w.start(c)
		if err := w.runner(w.Table, w.calendar).Run(t.Context(), r); !errors.Is(err, run.ErrBusy) {
			t.Errorf("error %v, want %v", err, run.ErrBusy)
		}
		if waiting, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID); err != nil || waiting.State != run.Queued {
			t.Errorf("a run that waits is %s, %v, want %s", waiting.State, err, run.Queued)
		}
		hold.Release(t.Context())
		must(t, w.runner(w.Table, w.calendar).Run(t.Context(), r))
	})
	t.Run("a provider that asks for a long pause gets it: the run is handed on with a delay", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		c := w.config()
		r := w.start(c)
		err := w.runner(w.Table, busyProvider{w.calendar, 2 * time.Hour}).Run(t.Context(), r)
		if !errors.Is(err, run.ErrHandOn) {
			t.Fatalf("error %v, want %v", err, run.ErrHandOn)
		}
		r, err = run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		must(t, w.runner(w.Table, w.calendar).Run(t.Context(), r))
		if r, result := w.result(r.ID); r.State != run.Succeeded || result.Counts.Archived != 3 || len(w.copies()) != 3 {
			t.Errorf("%s %+v, copies %v", r.State, result, w.copies())
		}
	})
	t.Run("an event that is too large to be recorded does not stop the others", func(t *testing.T) {
		w := newWorld(t)
		w.month(3)
		w.add("Huge", "2026-10-20T09:00", "2026-10-20T12:00", func(d *calendar.Draft) { d.Location = strings.Repeat("everywhere ", 30_000) })
		c := w.config()
		if r, result := w.archive(c); r.State != run.Partial || result.Failed != 1 || result.Written != 3 {
			t.Errorf("%s %+v", r.State, result)
		}
		w.verify(c)
	})
	t.Run("one that waited for a decision and moved is not left behind on the day where it was", func(t *testing.T) {
		w := newWorld(t)
		w.month(1)
		w.add("First", "2026-10-20T09:00", "2026-10-20T10:00")
		id := w.add("Second", "2026-10-20T09:30", "2026-10-20T10:30")
		c := w.config()
		if _, result := w.archive(c); result.Counts.Conflicted != 2 {
			t.Fatalf("%+v", result)
		}
		_, err := w.calendar.Update(t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: calendar.Draft{
			Subject: "Second", Categories: []string{"Acme - billable"},
			Start: calendar.DateTime{Local: "2026-10-21T09:30:00", Zone: "Europe/Berlin"}, End: calendar.DateTime{Local: "2026-10-21T10:30:00", Zone: "Europe/Berlin"},
			ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
		}}})
		must(t, err)
		if _, result := w.archive(c); result.Counts.Archived != 2 || result.Written != 2 {
			t.Errorf("after the move: %+v", result)
		}
		berlin, _ := calendar.LoadZone("Europe/Berlin")
		for on, want := range map[string]int{"2026-10-20": 1, "2026-10-21": 1} {
			d := day(on)
			span := ledger.Span{From: calendar.StartOfDay(d, berlin), To: calendar.StartOfDay(d.AddDays(1), berlin)}
			entries, err := ledger.New(w.Table, w.Blobs, w.Key).AsOf(t.Context(), c.ID, span, time.Time{})
			must(t, err)
			if len(entries) != want || entries[0].Outcome != ledger.Archived {
				t.Errorf("%s: %d entries, want %d archived", on, len(entries), want)
			}
		}
		w.verify(c)
	})
	t.Run("a body too large for an entry is kept whole", func(t *testing.T) {
		w := newWorld(t)
		text := strings.Repeat("long ", 20_000)
		w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00", func(d *calendar.Draft) { d.Body = calendar.Body{ContentType: "text", Content: text} })
		c := w.config()
		w.archive(c)
		l := ledger.New(w.Table, w.Blobs, w.Key)
		entries, err := l.AsOf(t.Context(), c.ID, ledger.Span{From: w.Now().AddDate(0, -2, 0), To: w.Now()}, time.Time{})
		must(t, err)
		if len(entries) != 1 || entries[0].Source.Body.Content != "" {
			t.Fatalf("%d entries, %d bytes inline", len(entries), len(entries[0].Source.Body.Content))
		}
		must(t, l.Load(t.Context(), &entries[0]))
		if entries[0].Source.Body.Content != text || entries[0].Draft.Body.Content != text {
			t.Error("the body did not come back whole")
		}
		w.verify(c)
	})
}

// TestAnUnchangedNight counts the requests of a run that finds nothing new. At most 2 to the provider and 10 to the store are allowed.
func TestAnUnchangedNight(t *testing.T) {
	w := newWorld(t)
	w.month(300)
	c := w.config()
	w.archive(c)
	var stored, provided wiretest.Wire
	r := w.start(c)
	must(t, w.runner(stored.Table(w.Table), provided.Provider(w.calendar)).Run(t.Context(), r))
	_, result := w.result(r.ID)
	if result.Counts.Unchanged != 300 {
		t.Errorf("%+v", result)
	}
	if result.Cost.Store != stored.Requests() {
		t.Errorf("the run reports %d store requests, there were %d", result.Cost.Store, stored.Requests())
	}
	if provided.Requests() > 2 || stored.Requests() > 10 {
		t.Errorf("%d provider requests and %d store requests, at most 2 and 10 are allowed", provided.Requests(), stored.Requests())
	}
	t.Logf("%d provider requests, %d store requests", provided.Requests(), stored.Requests())
}

// TestARunSurvivesDyingAnywhere lets the process die at every single request to the store and to the calendar, before it took
// effect and after it. The next process brings each appointment into the archive calendar once, as the source has it.
func TestARunSurvivesDyingAnywhere(t *testing.T) {
	for _, scenario := range []struct {
		name    string
		prepare func(w *world) (c archive.Config, copies []string)
		total   func(archive.Counts) int // events that are archived in the end
		own     func(archive.Counts) int // of them, those that the run itself must report as written
	}{
		{
			name: "a first archive",
			prepare: func(w *world) (archive.Config, []string) {
				w.month(90)
				c := w.config()
				return c, w.expected()
			},
			total: func(c archive.Counts) int { return c.Archived + c.Unchanged },
			own:   func(c archive.Counts) int { return c.Archived },
		},
		{
			name: "appointments that waited for a decision on another day, in another month",
			prepare: func(w *world) (archive.Config, []string) {
				var ids []string
				for i := range 4 {
					ids = append(ids, w.add(fmt.Sprintf("Waiting %d", i), "2026-09-10T09:00", "2026-09-10T10:00"))
				}
				c := w.config()
				w.archive(c, func(r *run.Run) { r.From, r.To = day("2026-09-01"), day("2026-09-30") })
				for i, id := range ids {
					start := time.Date(2026, 10, 12+i, 9, 0, 0, 0, time.UTC)
					results, err := w.calendar.Update(w.t.Context(), "me", w.source.ID, []calendar.Update{{ID: id, Draft: calendar.Draft{
						Subject: fmt.Sprintf("Waiting %d", i), Start: calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"},
						End:        calendar.DateTime{Local: start.Add(time.Hour).Format("2006-01-02T15:04:05"), Zone: "UTC"},
						Categories: []string{"Acme - billable"}, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
					}}})
					must(w.t, err)
					must(w.t, results[0].Err)
				}
				return c, w.expected()
			},
			total: func(c archive.Counts) int { return c.Archived + c.Unchanged },
			own:   func(c archive.Counts) int { return c.Archived },
		},
		{
			name: "drift that is accepted, some of it to other days",
			prepare: func(w *world) (archive.Config, []string) {
				w.month(90)
				c := w.config(func(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift })
				w.archive(c)
				for i, e := range w.events() {
					start, err := e.Start.Instant(time.UTC)
					must(w.t, err)
					if i%2 == 0 {
						start = start.AddDate(0, 0, 14)
					}
					d := calendar.Draft{
						Subject: "Changed " + e.Subject, Start: calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"},
						End:        calendar.DateTime{Local: start.Add(30 * time.Minute).Format("2006-01-02T15:04:05"), Zone: "UTC"},
						Categories: e.Categories, ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity,
					}
					results, err := w.calendar.Update(w.t.Context(), "me", w.source.ID, []calendar.Update{{ID: e.ID, Draft: d}})
					must(w.t, err)
					must(w.t, results[0].Err)
				}
				return c, w.expected()
			},
			total: func(c archive.Counts) int { return c.Drifted + c.Unchanged },
			own:   func(c archive.Counts) int { return c.Drifted + c.Unchanged },
		},
		{
			name: "events under other ids",
			prepare: func(w *world) (archive.Config, []string) {
				w.month(90)
				c := w.config()
				w.archive(c)
				w.underOtherIDs()
				return c, w.expected()
			},
			total: func(c archive.Counts) int { return c.Unchanged },
			own:   func(c archive.Counts) int { return c.Unchanged },
		},
	} {
		t.Run(scenario.name, func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := newWorld(t)
				c, want := scenario.prepare(w)
				r := w.start(c)
				err := w.runner(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r)
				if !dying.Dead() {
					must(t, err)
				}
				w.Advance(2 * time.Minute) // the lease ends

				another := dying.DieAt%2 == 0
				if another { // another run comes first
					_, result := w.archive(c, func(r *run.Run) { r.From = day("2026-09-01") })
					if scenario.total(result.Counts) != len(want) {
						t.Errorf("the other run: %+v", result)
					}
				}
				left, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				must(t, err)
				if !left.State.Ended() {
					must(t, w.runner(w.Table, w.calendar).Run(t.Context(), left))
				}
				r, result := w.result(r.ID)
				if r.State != run.Succeeded || !result.Balanced || scenario.total(result.Counts) != len(want) {
					t.Errorf("%s %+v", r.State, result)
				}
				if !another && scenario.own(result.Counts) != len(want) {
					t.Errorf("the run reports %+v as written", result.Counts)
				}
				if diff := cmp.Diff(want, w.copies()); diff != "" {
					t.Errorf("copies (-want +got):\n%s", diff)
				}
				w.verify(c)
			})
		})
	}
}

// picky is a provider that refuses events with a certain subject.
type picky struct {
	calendar.Provider
	subject string
}

func (p picky) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	refused := slices.IndexFunc(drafts, func(d calendar.Draft) bool { return d.Subject == p.subject })
	if refused < 0 {
		return p.Provider.Create(ctx, account, id, drafts)
	}
	results, err := p.Provider.Create(ctx, account, id, slices.Delete(slices.Clone(drafts), refused, refused+1))
	return slices.Insert(results, refused, calendar.WriteResult{Err: fault.New(fault.Invalid, "the calendar refuses it")}), err
}

// busyProvider throttles every create, and says how long to wait.
type busyProvider struct {
	calendar.Provider
	pause time.Duration
}

type throttled struct{ pause time.Duration }

func (throttled) Error() string               { return "too many requests" }
func (e throttled) RetryAfter() time.Duration { return e.pause }

func (p busyProvider) Create(_ context.Context, _, _ string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(drafts))
	for i := range results {
		results[i].Err = fault.Wrap(fault.Throttled, throttled{p.pause})
	}
	return results, nil
}

func TestARunSeesNothingOfTheDaysAroundItsWindow(t *testing.T) {
	w := newWorld(t)
	allDay := func(d *calendar.Draft) {
		d.AllDay, d.Start.Zone, d.End.Zone = true, "", ""
	}
	w.add("Before", "2026-09-30T00:00", "2026-10-01T00:00", allDay)
	w.add("In it", "2026-10-31T00:00", "2026-11-01T00:00", allDay)
	w.add("After", "2026-11-01T00:00", "2026-11-02T00:00", allDay)
	_, result := w.archive(w.config())
	if c := result.Counts; c.Fetched != 1 || c.Archived != 1 || c.Excluded != 0 {
		t.Errorf("%+v", c)
	}
}
