package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/calendar/series"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

const user = "local#tester"

// world is one machine: a store, blobs and local calendars, on a clock that moves when it is told to.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	t        *testing.T
	calendar calendar.Provider
	file     memory
	archives []calendar.URI // of the user's configs
}

func newWorld(t *testing.T) *world {
	clock := machinetest.NewClock(time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC), time.Millisecond)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t}
	w.calendar = local.New(w.Table, w.NewID, w.Now)
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

// memory is a file that is held in memory.
type memory struct {
	things []calendar.Kept
	zones  []calendar.Zone
}

func (m memory) Zones(context.Context) ([]calendar.Zone, error) { return m.zones, nil }

func (m memory) Each(_ context.Context, each func(calendar.Kept) error) error {
	for _, k := range m.things {
		if err := each(k); err != nil {
			return err
		}
	}
	return nil
}

// runner returns a runner over a table, blobs and a provider, which may be ones that fail.
func (w *world) runner(t store.Table, b blob.Blob, p calendar.Provider) *restore.Runner {
	return &restore.Runner{
		Table: t, Blobs: b,
		Open:     func(context.Context, string, restore.Input) (restore.File, error) { return w.file, nil },
		Provider: func(context.Context, string, calendar.URI) (restore.Provider, error) { return p, nil },
		Archives: func(context.Context, string) (named []calendar.Named, err error) {
			for _, uri := range w.archives {
				named = append(named, calendar.Named{URI: uri})
			}
			return named, nil
		},
		Clock: w.Now, NewID: w.NewID, LeaseFor: time.Minute, HandOn: time.Minute,
	}
}

// start stores a restore run into the calendar "Copy".
func (w *world) start(policy restore.Policy, change ...func(*run.Run, *restore.Input)) *run.Run {
	w.t.Helper()
	in := restore.Input{Backup: "B", Policy: policy, Zone: "Europe/Berlin", CreateCalendar: true}
	r := &run.Run{ID: w.NewID(), User: user, Kind: run.Restore, Calendar: uri("Copy").String(), State: run.Queued, Created: w.Now()}
	for _, f := range change {
		f(r, &in)
	}
	var err error
	r.Input, err = json.Marshal(in)
	must(w.t, err)
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	if !created {
		w.t.Fatalf("run %s is under way", r.ID)
	}
	return r
}

// restore carries a run out and returns it with its result.
func (w *world) restore(policy restore.Policy, change ...func(*run.Run, *restore.Input)) (*run.Run, restore.Result) {
	w.t.Helper()
	r := w.start(policy, change...)
	must(w.t, w.runner(w.Table, w.Blobs, w.calendar).Run(w.t.Context(), r))
	return w.result(r.ID)
}

func (w *world) result(id string) (*run.Run, restore.Result) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result restore.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	return r, result
}

// items returns a run's items with what each says.
func (w *world) items(r *run.Run) (items []run.Item, entries []restore.Entry) {
	w.t.Helper()
	for page := range r.Pages {
		some, err := run.NewStore(w.Table).Items(w.t.Context(), r, page)
		must(w.t, err)
		for _, it := range some {
			var e restore.Entry
			must(w.t, json.Unmarshal(it.Plan, &e))
			items, entries = append(items, it), append(entries, e)
		}
	}
	return items, entries
}

// make creates a calendar.
func (w *world) make(u calendar.URI) calendar.Info {
	w.t.Helper()
	info, err := w.calendar.CreateCalendar(w.t.Context(), u)
	must(w.t, err)
	return info
}

// importing puts things into a local calendar as somebody else's.
func (w *world) importing(name string, things ...calendar.Kept) error {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri(name))
	must(w.t, err)
	var f ics.File
	for _, k := range things {
		f.Events = append(append(f.Events, k.Event), k.Exceptions...)
	}
	_, err = w.calendar.(*local.Provider).Import(w.t.Context(), "me", info.ID, f, importing.Options{})
	return err
}

// kept returns all that a calendar keeps.
func (w *world) kept(u calendar.URI) memory {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), u)
	must(w.t, err)
	var m memory
	must(w.t, w.calendar.Kept(w.t.Context(), u.Account, info.ID, func(k calendar.Kept) error {
		m.things = append(m.things, k)
		return nil
	}))
	m.zones, err = w.calendar.Zones(w.t.Context(), u.Account, info.ID)
	must(w.t, err)
	return m
}

// canonical tells what a calendar holds, without what a copy does not keep: ids, marks, stamps of change, and who was invited.
func (w *world) canonical(m memory) []string {
	w.t.Helper()
	var told []string
	tell := func(e calendar.Event) string {
		e.ID, e.ICalUID, e.SeriesMasterID, e.Mark, e.ChangeKey, e.ETag, e.BodyPreview, e.BodyDigest = "", "", "", "", "", "", "", ""
		e.Created, e.LastModified, e.Stamp, e.Sequence = time.Time{}, time.Time{}, time.Time{}, 0
		e.Body = calendar.CopyBody(&e)
		e.Organizer, e.Attendees, e.OnlineURL, e.IsOrganizer, e.Response, e.Cancelled = calendar.Person{}, nil, "", false, "", false
		e.StartZone, e.EndZone = "", ""
		e.OriginalStart = e.OriginalStart.UTC()
		e.Recurrence = nil
		data, err := json.Marshal(e)
		must(w.t, err)
		return string(data)
	}
	for _, k := range m.things {
		lines := []string{tell(k.Event)}
		if k.Event.Type == calendar.Master {
			lines = append(lines, fmt.Sprint(k.Event.Recurrence.Rules))
			lines = append(lines, w.instances(k, m.zones)...)
		}
		for _, e := range k.Exceptions {
			lines = append(lines, tell(e))
		}
		told = append(told, strings.Join(lines, "\n"))
	}
	slices.Sort(told)
	return told
}

// instances tells when a series happens over two years.
func (w *world) instances(k calendar.Kept, zones []calendar.Zone) (told []string) {
	w.t.Helper()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	events, err := series.Expand(k.Event, k.Exceptions, from, from.AddDate(2, 0, 0), ics.Lookup(zones))
	must(w.t, err)
	for _, e := range events {
		told = append(told, e.OriginalStart.UTC().Format(time.RFC3339)+" "+e.Start.Local)
	}
	return told
}
