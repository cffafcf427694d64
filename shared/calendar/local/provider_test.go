package local

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/calendar/providertest"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

var now = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

const account = "me@example.com"

// counting counts the requests to a store, and fails writes when it is asked to.
type counting struct {
	store.Table
	requests, transactions atomic.Int64
	failAfter              atomic.Int64 // the number of the transaction that fails, and all later ones, when positive
	meanwhile              func()       // called once, before the next transaction
}

var errCut = fault.New(fault.Unavailable, "the line was cut")

func (c *counting) Get(ctx context.Context, key store.Key) (store.Item, error) {
	c.requests.Add(1)
	return c.Table.Get(ctx, key)
}

func (c *counting) GetMany(ctx context.Context, keys []store.Key) ([]store.Item, error) {
	c.requests.Add(int64(len(keys)+99) / 100)
	return c.Table.GetMany(ctx, keys)
}

func (c *counting) Query(ctx context.Context, q store.Query) (store.Page, error) {
	c.requests.Add(1)
	return c.Table.Query(ctx, q)
}

func (c *counting) Transact(ctx context.Context, ops []store.Op) error {
	if meanwhile := c.meanwhile; meanwhile != nil {
		c.meanwhile = nil
		meanwhile()
	}
	c.requests.Add(1)
	n := c.transactions.Add(1)
	if after := c.failAfter.Load(); after > 0 && n >= after {
		return errCut
	}
	return c.Table.Transact(ctx, ops)
}

func fresh(t testing.TB) (*Provider, *counting) {
	t.Helper()
	table, err := sqlite.Open(":memory:", func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = table.Close() })
	c := &counting{Table: table}
	var n atomic.Int64
	return New(c, func() string { return fmt.Sprintf("id-%06d", n.Add(1)) }, func() time.Time { return now }), c
}

func TestProvider(t *testing.T) {
	providertest.Run(t, func(t *testing.T) providertest.Fixture {
		p, _ := fresh(t)
		return providertest.Fixture{
			Provider: p, Scheme: calendar.ProviderLocal, Account: account,
			Add: func(t *testing.T, calendarID string, events ...calendar.Event) {
				t.Helper()
				if _, err := p.Import(t.Context(), account, calendarID, ics.File{Events: events}, importing.Options{}); err != nil {
					t.Fatal(err)
				}
			},
		}
	})
}

func create(t testing.TB, p *Provider, name string) string {
	t.Helper()
	info, err := p.CreateCalendar(context.Background(), calendar.URI{Provider: calendar.ProviderLocal, Account: account, Calendar: name})
	if err != nil {
		t.Fatal(err)
	}
	return info.ID
}

func at(local, zone string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: zone} }

func single(uid, start, end string) calendar.Event {
	return calendar.Event{ICalUID: uid, ID: uid, Type: calendar.Single, Subject: uid, Start: at(start, "Europe/Berlin"), End: at(end, "Europe/Berlin")}
}

// weekly is on Mondays from 5 October at 09:00 in Berlin, five times.
func weekly(uid string) calendar.Event {
	e := single(uid, "2026-10-05T09:00:00", "2026-10-05T10:00:00")
	e.Type, e.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=5"}}
	return e
}

// instead is an exception: what would start at the original start lies elsewhere.
func instead(uid string, original time.Time, start, end string) calendar.Event {
	e := single(uid, start, end)
	e.Type, e.SeriesMasterID, e.OriginalStart, e.Subject = calendar.Exception, uid, original, "moved "+uid
	return e
}

func load(t testing.TB, p *Provider, id string, events ...calendar.Event) (added, updated int) {
	t.Helper()
	report, err := p.Import(context.Background(), account, id, ics.File{Events: events}, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Added, report.Changed + report.Removed
}

func wantCounts(t *testing.T, what string, added, updated, wantAdded, wantUpdated int) {
	t.Helper()
	if added != wantAdded || updated != wantUpdated {
		t.Errorf("%s: %d added and %d updated, want %d and %d", what, added, updated, wantAdded, wantUpdated)
	}
}

// shown lists "start subject" of the events of 2026.
func shown(t testing.TB, p *Provider, id string) []string {
	t.Helper()
	events, err := p.Events(context.Background(), account, id, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for _, e := range events {
		start, err := e.Start.Instant(time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, start.Format("2006-01-02T15:04Z ")+e.Subject)
	}
	slices.Sort(list)
	return list
}

func wantShown(t *testing.T, p *Provider, id string, want ...string) {
	t.Helper()
	if got := shown(t, p, id); !slices.Equal(got, want) {
		t.Errorf("events are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestStoreRequests(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Archive")
	count := func(what string, want int64, fn func() error) {
		t.Helper()
		table.requests.Store(0)
		if err := fn(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := table.requests.Load(); got > want {
			t.Errorf("%s took %d requests, want at most %d", what, got, want)
		}
	}
	drafts := make([]calendar.Draft, 100)
	marks := make([]string, len(drafts))
	for i := range drafts {
		day := fmt.Sprintf("2026-10-%02d", 1+i%28)
		marks[i] = fmt.Sprintf("mark-%d", i)
		drafts[i] = calendar.Draft{Mark: marks[i], TransactionID: fmt.Sprintf("t-%d", i), Subject: "S", Start: at(day+"T09:00:00", "UTC"),
			End: at(day+"T10:00:00", "UTC")}
	}
	var written []calendar.WriteResult
	count("creating 100 events", 3+4, func() (err error) {
		written, err = p.Create(t.Context(), account, id, drafts)
		return err
	})
	count("creating them a second time", 3+1, func() error { _, err := p.Create(t.Context(), account, id, drafts); return err })
	count("reading a month", 3, func() error {
		events, err := p.Events(t.Context(), account, id, time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC))
		if len(events) != 100 {
			t.Errorf("%d events", len(events))
		}
		return err
	})
	count("finding 100 marks", 4, func() error { _, err := p.Marked(t.Context(), account, id, marks); return err })
	count("reading 100 marks", 3+2*(100/keptTogether), func() error {
		return p.Marks(t.Context(), account, id, func(string, string) error { return nil })
	})
	ids := make([]string, len(written))
	for i, r := range written {
		ids[i] = r.ID
	}
	count("deleting 100 events", 4+4, func() error { _, err := p.Delete(t.Context(), account, id, ids); return err })
	items, err := store.All(t.Context(), table, store.Query{PK: keysPK(id)})
	if err != nil || len(items) != 0 {
		t.Errorf("left are %+v, %v", items, err)
	}
}

func TestCalendars(t *testing.T) {
	p, table := fresh(t)
	first := create(t, p, "Work")
	create(t, p, "Private")
	t.Run("the account is found in any case", func(t *testing.T) {
		list, err := p.Calendars(t.Context(), "ME@Example.com")
		if err != nil || len(list) != 2 || list[1].ID != first || !list[1].Primary || list[0].Primary {
			t.Errorf("calendars are %+v, %v, want Private and Work, the default one", list, err)
		}
	})
	t.Run("another account sees none of them", func(t *testing.T) {
		if list, err := p.Calendars(t.Context(), "you@example.com"); err != nil || len(list) != 0 {
			t.Errorf("calendars are %+v, %v", list, err)
		}
		_, err := p.Events(t.Context(), "you@example.com", first, now, now.Add(time.Hour))
		_, err2 := p.Create(t.Context(), "you@example.com", first, []calendar.Draft{{Start: at("2026-10-01T09:00:00", "UTC"), End: at("2026-10-01T09:00:00", "UTC")}})
		err3 := p.DeleteCalendar(t.Context(), "you@example.com", first)
		for _, err := range []error{err, err2, err3} {
			if !errors.Is(err, calendar.ErrNotFound) {
				t.Errorf("%v, want not found", err)
			}
		}
	})
	t.Run("a name that cannot be is refused", func(t *testing.T) {
		for _, uri := range []calendar.URI{
			{Provider: calendar.ProviderLocal, Account: account, Calendar: "  "},
			{Provider: calendar.ProviderLocal, Account: account, Calendar: "a\nb"},
			{Provider: calendar.ProviderLocal, Account: account, Calendar: strings.Repeat("a", maxName+1)},
			{Provider: calendar.ProviderLocal, Account: " ", Calendar: "a"},
			{Provider: calendar.ProviderGraph, Account: account, Calendar: "a"},
		} {
			if _, err := p.CreateCalendar(t.Context(), uri); fault.Of(err) != fault.Invalid {
				t.Errorf("%+v: error %v of kind %s, want kind invalid", uri, err, fault.Of(err))
			}
		}
	})
	t.Run("when the default one is deleted the next new one replaces it", func(t *testing.T) {
		if err := p.DeleteCalendar(t.Context(), account, first); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Calendar(t.Context(), calendar.URI{Account: account, Calendar: "primary"}); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("default calendar: %v, want not found", err)
		}
		next := create(t, p, "primary")
		info, err := p.Calendar(t.Context(), calendar.URI{Account: account, Calendar: "primary"})
		if err != nil || info.ID != next || info.Name != primaryName {
			t.Errorf("default calendar is %+v, %v", info, err)
		}
	})
	t.Run("a deletion that was cut short goes on when it is repeated", func(t *testing.T) {
		id := create(t, p, "Large")
		var events []calendar.Event
		for i := range 300 {
			events = append(events, single(fmt.Sprintf("uid-%d", i), "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
		}
		load(t, p, id, events...)
		table.failAfter.Store(table.transactions.Load() + 3)
		if err := p.DeleteCalendar(t.Context(), account, id); fault.Of(err) != fault.Unavailable {
			t.Fatalf("delete: %v, want it to be cut short", err)
		}
		table.failAfter.Store(0)
		if _, err := p.Events(t.Context(), account, id, now, now.Add(time.Hour)); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("events: %v, want not found", err)
		}
		if err := p.DeleteCalendar(t.Context(), account, id); err != nil {
			t.Errorf("delete again: %v", err)
		}
		for _, pk := range []string{eventsPK(id), keysPK(id)} {
			if items, err := store.All(t.Context(), table, store.Query{PK: pk}); err != nil || len(items) != 0 {
				t.Errorf("left are %d items of %s, %v", len(items), pk, err)
			}
		}
		if err := p.DeleteCalendar(t.Context(), account, id); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("delete a third time: %v, want not found", err)
		}
	})
}

func TestSeries(t *testing.T) {
	moved := instead("w", time.Date(2026, 10, 12, 7, 0, 0, 0, time.UTC), "2026-10-13T15:00:00", "2026-10-13T16:00:00")
	draft := calendar.Draft{Mark: "m", Subject: "changed", Start: at("2026-10-20T11:00:00", "UTC"), End: at("2026-10-20T12:00:00", "UTC"),
		Body: calendar.Body{ContentType: "text", Content: "new"}}
	series := func(t *testing.T) (*Provider, string, string) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		load(t, p, id, weekly("w"), moved)
		wantShown(t, p, id, "2026-10-05T07:00Z w", "2026-10-13T13:00Z moved w", "2026-10-19T07:00Z w", "2026-10-26T08:00Z w", "2026-11-02T08:00Z w")
		return p, id, idOfUID("w")
	}
	change := func(t *testing.T, results []calendar.WriteResult, err error) {
		t.Helper()
		for _, r := range results {
			if r.Err != nil || err != nil {
				t.Fatalf("%+v, %v", results, err)
			}
		}
	}
	t.Run("an occurrence can be deleted", func(t *testing.T) {
		p, id, unit := series(t)
		ids := []string{unit + "@20261019T070000Z", unit + "@20261012T070000Z", unit + "@20261012T080000Z", unit + "@nonsense"}
		for range 2 {
			results, err := p.Delete(t.Context(), account, id, ids)
			change(t, results, err)
			wantShown(t, p, id, "2026-10-05T07:00Z w", "2026-10-26T08:00Z w", "2026-11-02T08:00Z w")
		}
	})
	t.Run("an occurrence can be replaced", func(t *testing.T) {
		p, id, unit := series(t)
		for _, instance := range []string{"@20261019T070000Z", "@20261012T070000Z"} {
			results, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: unit + instance, Draft: draft}})
			change(t, results, err)
			got, err := p.Marked(t.Context(), account, id, []string{"m"})
			if e := got["m"]; err != nil || e.ID != unit+instance || e.Type != calendar.Exception || e.SeriesMasterID != unit {
				t.Errorf("marked is %+v, %v", e, err)
			}
			bodies, err := p.Bodies(t.Context(), account, id, []string{unit + instance, unit + "@20261005T070000Z", unit + "@20261006T070000Z"},
				time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC))
			want := map[string]calendar.Body{unit + instance: draft.Body, unit + "@20261005T070000Z": {}}
			if err != nil || !maps.Equal(bodies, want) {
				t.Errorf("bodies are %+v, %v", bodies, err)
			}
			draft := draft
			draft.Mark = ""
			results, err = p.Update(t.Context(), account, id, []calendar.Update{{ID: unit + instance, Draft: draft}})
			change(t, results, err)
		}
		wantShown(t, p, id, "2026-10-05T07:00Z w", "2026-10-20T11:00Z changed", "2026-10-20T11:00Z changed", "2026-10-26T08:00Z w", "2026-11-02T08:00Z w")
	})
	t.Run("two instances do not get one mark", func(t *testing.T) {
		p, id, unit := series(t)
		results, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: unit + "@20261019T070000Z", Draft: draft},
			{ID: unit + "@20261026T080000Z", Draft: draft}})
		if err != nil || results[0].Err != nil || fault.Of(results[1].Err) != fault.Conflict {
			t.Errorf("%+v, %v, want a conflict for the second", results, err)
		}
	})
	t.Run("an instance that is none is not found", func(t *testing.T) {
		p, id, unit := series(t)
		for _, instance := range []string{"@20261020T070000Z", "@20261019T070001Z", "@nonsense", "@"} {
			results, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: unit + instance, Draft: draft}})
			if err != nil || !errors.Is(results[0].Err, calendar.ErrNotFound) {
				t.Errorf("%s: %+v, %v, want not found", instance, results, err)
			}
		}
	})
	t.Run("a series is deleted with its exceptions and not replaced", func(t *testing.T) {
		p, id, unit := series(t)
		results, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: unit, Draft: draft}})
		if err != nil || fault.Of(results[0].Err) != fault.Invalid {
			t.Errorf("update: %+v, %v, want a result of kind invalid", results, err)
		}
		results, err = p.Delete(t.Context(), account, id, []string{unit})
		change(t, results, err)
		wantShown(t, p, id)
	})
	t.Run("an all-day and a floating series lose a day", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		days, floats := weekly("days"), weekly("floats")
		days.AllDay, days.Start, days.End = true, at("2026-10-05T00:00:00", ""), at("2026-10-06T00:00:00", "")
		floats.Start.Zone, floats.End.Zone = "", ""
		load(t, p, id, days, floats)
		results, err := p.Delete(t.Context(), account, id, []string{idOfUID("days") + "@20261012T000000Z", idOfUID("floats") + "@20261012T090000Z"})
		change(t, results, err)
		wantShown(t, p, id, "2026-10-05T00:00Z days", "2026-10-05T09:00Z floats", "2026-10-19T00:00Z days", "2026-10-19T09:00Z floats",
			"2026-10-26T00:00Z days", "2026-10-26T09:00Z floats", "2026-11-02T00:00Z days", "2026-11-02T09:00Z floats")
	})
}

func TestImport(t *testing.T) {
	original := time.Date(2026, 10, 12, 7, 0, 0, 0, time.UTC)
	moved := instead("w", original, "2026-10-13T15:00:00", "2026-10-13T16:00:00")
	trip := single("trip", "2026-10-01T09:00:00", "2026-10-20T09:00:00")
	lunch := single("lunch", "2026-10-06T12:00:00", "2026-10-06T13:00:00")
	all := []calendar.Event{weekly("w"), moved, trip, lunch}

	t.Run("a file that is imported twice changes nothing", func(t *testing.T) {
		p, table := fresh(t)
		id := create(t, p, "Source")
		added, updated := load(t, p, id, all...)
		wantCounts(t, "first", added, updated, 4, 0)
		before, _ := store.All(t.Context(), table, store.Query{PK: eventsPK(id)})
		added, updated = load(t, p, id, all...)
		wantCounts(t, "again", added, updated, 0, 0)
		after, _ := store.All(t.Context(), table, store.Query{PK: eventsPK(id)})
		if !reflect.DeepEqual(before, after) {
			t.Error("items were written again")
		}
	})
	t.Run("what differs is updated", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		load(t, p, id, all...)
		before, err := p.Export(t.Context(), account, id)
		if err != nil {
			t.Fatal(err)
		}
		longer := lunch
		longer.End = at("2026-10-08T13:00:00", "Europe/Berlin")
		series := weekly("w")
		series.Sequence = 1 // newer than its instance
		added, updated := load(t, p, id, series, trip, longer, single("new", "2026-10-07T12:00:00", "2026-10-07T13:00:00"))
		wantCounts(t, "import", added, updated, 1, 2) // lunch, and the exception that is no more
		wantShown(t, p, id, "2026-10-01T07:00Z trip", "2026-10-05T07:00Z w", "2026-10-06T10:00Z lunch", "2026-10-07T10:00Z new",
			"2026-10-12T07:00Z w", "2026-10-19T07:00Z w", "2026-10-26T08:00Z w", "2026-11-02T08:00Z w")
		after, err := p.Export(t.Context(), account, id)
		if err != nil {
			t.Fatal(err)
		}
		keys := map[string]string{}
		for _, e := range before.Events {
			keys[e.ID] = e.ChangeKey
		}
		for _, e := range after.Events {
			changed := e.ICalUID == "lunch" || e.ICalUID == "new"
			if (keys[e.ID] != e.ChangeKey) != changed || e.ChangeKey == "" || e.LastModified.IsZero() {
				t.Errorf("event %s has change key %q, it was %q", e.Subject, e.ChangeKey, keys[e.ID])
			}
		}
	})
	t.Run("instances without their series are put into it", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		added, updated := load(t, p, id, moved)
		wantCounts(t, "the instance alone", added, updated, 1, 0)
		wantShown(t, p, id, "2026-10-13T13:00Z moved w")
		added, updated = load(t, p, id, weekly("w"), moved)
		wantCounts(t, "with its series", added, updated, 1, 0)
		later := moved
		later.Start, later.End = at("2026-10-14T15:00:00", "Europe/Berlin"), at("2026-10-14T16:00:00", "Europe/Berlin")
		other := instead("w", original.AddDate(0, 0, 7), "2026-10-21T15:00:00", "2026-10-21T16:00:00")
		added, updated = load(t, p, id, later, other)
		wantCounts(t, "two instances", added, updated, 1, 1)
		wantShown(t, p, id, "2026-10-05T07:00Z w", "2026-10-14T13:00Z moved w", "2026-10-21T13:00Z moved w", "2026-10-26T08:00Z w", "2026-11-02T08:00Z w")
	})
	t.Run("a wrong event is set aside, and keeps all of the file out of a strict import", func(t *testing.T) {
		p, table := fresh(t)
		id := create(t, p, "Source")
		for name, wrong := range map[string][]calendar.Event{
			"no time":               {single("wrong", "never", "2026-10-06T13:00:00")},
			"an unknown zone":       {{ICalUID: "wrong", Start: at("2026-10-06T12:00:00", "Nowhere"), End: at("2026-10-06T12:00:00", "Nowhere")}},
			"an end before start":   {single("wrong", "2026-10-06T12:00:00", "2026-10-06T11:00:00")},
			"a rule that is none":   {func() calendar.Event { e := weekly("wrong"); e.Recurrence.Rules[0] = "FREQ=SOMETIMES"; return e }()},
			"two of a UID":          {single("wrong", "2026-10-06T12:00:00", "2026-10-06T13:00:00"), single("wrong", "2026-10-07T12:00:00", "2026-10-07T13:00:00")},
			"an event of megabytes": {func() calendar.Event { e := lunch; e.ICalUID = "wrong"; e.Body.Content = noise(600_000); return e }()},
			"two of an instance": {weekly("wrong"), instead("wrong", original, "2026-10-13T15:00:00", "2026-10-13T16:00:00"),
				instead("wrong", original, "2026-10-14T15:00:00", "2026-10-14T16:00:00")},
		} {
			f := ics.File{Events: append(slices.Clone(all), wrong...)}
			_, err := p.Import(t.Context(), account, id, f, importing.Options{Strict: true})
			if fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), "wrong") {
				t.Errorf("%s: error %v of kind %s, want one of kind invalid that names the UID", name, err, fault.Of(err))
			}
			report, err := p.Import(t.Context(), account, id, f, importing.Options{DryRun: true})
			if err != nil || len(report.Aside) != 1 || report.Aside[0].UID != "wrong" || report.Added != 4+len(wrong)-1 || report.Total != 4+len(wrong) {
				t.Errorf("%s: %+v, %v", name, report, err)
			}
			for _, pk := range []string{eventsPK(id), keysPK(id)} {
				if items, err := store.All(t.Context(), table, store.Query{PK: pk}); err != nil || len(items) != 0 {
					t.Fatalf("%s: %d items were written, %v", name, len(items), err)
				}
			}
		}
	})
	t.Run("an import that was cut short is finished by another", func(t *testing.T) {
		for cut := int64(1); cut <= 6; cut++ {
			p, table := fresh(t)
			id := create(t, p, "Source")
			file := func(hour, exceptions int) []calendar.Event {
				daily := weekly("daily")
				daily.Recurrence.Rules[0], daily.Sequence = "FREQ=DAILY;COUNT=300", hour
				events := []calendar.Event{daily, trip, lunch}
				for i := range exceptions {
					first := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i)
					start, _ := calendar.DateTime{Local: first.Format("2006-01-02T15:04:05"), Zone: "Europe/Berlin"}.Instant(time.UTC)
					day := first.Format("2006-01-02")
					e := instead("daily", start, fmt.Sprintf("%sT%02d:00:00", day, hour), fmt.Sprintf("%sT%02d:30:00", day, hour))
					e.Sequence = hour
					events = append(events, e)
				}
				return events
			}
			whole, _ := fresh(t)
			wholeID := create(t, whole, "Source")
			load(t, whole, wholeID, file(17, 140)...)

			load(t, p, id, file(15, 250)...) // to be replaced
			table.failAfter.Store(table.transactions.Load() + cut)
			_, err := p.Import(t.Context(), account, id, ics.File{Events: file(17, 140)}, importing.Options{})
			if err == nil && cut < 5 {
				t.Fatalf("cut at %d: no error", cut)
			}
			table.failAfter.Store(0)
			load(t, p, id, file(17, 140)...)
			wantShown(t, p, id, shown(t, whole, wholeID)...)
			items, _ := store.All(t.Context(), table, store.Query{PK: eventsPK(id)})
			if want := 3 + 140; len(items) != want {
				t.Errorf("cut at %d: %d items are stored, want %d", cut, len(items), want)
			}

			table.failAfter.Store(table.transactions.Load() + 2)
			results, err := p.Delete(t.Context(), account, id, []string{idOfUID("daily")})
			if err != nil || fault.Of(results[0].Err) != fault.Unavailable {
				t.Errorf("a deletion that is cut short: %+v, %v", results, err)
			}
			table.failAfter.Store(0)
			if results, err = p.Delete(t.Context(), account, id, []string{idOfUID("daily")}); err != nil || results[0].Err != nil {
				t.Errorf("the deletion again: %+v, %v", results, err)
			}
			wantShown(t, p, id, "2026-10-01T07:00Z trip", "2026-10-06T10:00Z lunch")
		}
	})
	t.Run("our own events keep their marks", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Archive")
		draft := calendar.Draft{Mark: "m", TransactionID: "t", Subject: "ours", Start: at("2026-10-01T09:00:00", "UTC"), End: at("2026-10-01T10:00:00", "UTC")}
		if _, err := p.Create(t.Context(), account, id, []calendar.Draft{draft}); err != nil {
			t.Fatal(err)
		}
		f, err := p.Export(t.Context(), account, id)
		if err != nil {
			t.Fatal(err)
		}
		f.Events[0].Mark, f.Events[0].Response, f.Events[0].Created = "", calendar.NoResponse, time.Time{} // which a file does not hold
		report, err := p.Import(t.Context(), account, id, f, importing.Options{})
		if err != nil {
			t.Fatal(err)
		}
		wantCounts(t, "import", report.Added, report.Changed, 0, 0)
		f.Events[0].Subject = "changed"
		if report, err = p.Import(t.Context(), account, id, f, importing.Options{}); err != nil {
			t.Fatal(err)
		}
		wantCounts(t, "import of a change", report.Added, report.Changed, 0, 1)
		got, err := p.Marked(t.Context(), account, id, []string{"m"})
		if err != nil || got["m"].Subject != "changed" {
			t.Errorf("marked are %+v, %v", got, err)
		}
	})
}

// noise is text of n bytes that does not compress well.
func noise(n int) string {
	var b strings.Builder
	for state := uint64(1); b.Len() < n; {
		state = state*6364136223846793005 + 1442695040888963407
		fmt.Fprintf(&b, "%c", rune(0x4e00+state>>33%20000))
	}
	return b.String()
}

func zone(id, offset string) calendar.Zone {
	return calendar.Zone{ID: id, Definition: strings.Join([]string{
		"BEGIN:VTIMEZONE", "TZID:" + id, "BEGIN:STANDARD", "DTSTART:19700101T000000", "TZOFFSETFROM:" + offset, "TZOFFSETTO:" + offset, "END:STANDARD",
		"END:VTIMEZONE", "",
	}, "\r\n")}
}

func TestZonesOfAFile(t *testing.T) {
	p, _ := fresh(t)
	id := create(t, p, "Source")
	file := func(uid, offset string) ics.File {
		e := weekly(uid)
		e.Recurrence.Rules[0] = "FREQ=WEEKLY;COUNT=2"
		e.Start, e.End = at("2026-10-05T09:00:00", "Office"), at("2026-10-05T10:00:00", "Office")
		e.Recurrence.Without = []calendar.DateTime{at("2026-10-12T09:00:00", "Office")}
		return ics.File{Zones: []calendar.Zone{zone("Office", offset)}, Events: []calendar.Event{e}}
	}
	for range 2 {
		for _, f := range []ics.File{file("a", "+0300"), file("b", "+0500"), file("c", "+0300")} {
			if _, err := p.Import(t.Context(), account, id, f, importing.Options{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	wantShown(t, p, id, "2026-10-05T04:00Z b", "2026-10-05T06:00Z a", "2026-10-05T06:00Z c")

	exported, err := p.Export(t.Context(), account, id)
	if err != nil || len(exported.Zones) != 2 || exported.Name != "Source" {
		t.Fatalf("exported are the zones %+v, %v, want two", exported.Zones, err)
	}
	other := create(t, p, "Copy")
	if _, err := p.Import(t.Context(), account, other, exported, importing.Options{}); err != nil {
		t.Fatal(err)
	}
	wantShown(t, p, other, shown(t, p, id)...)

	t.Run("are for our own events too", func(t *testing.T) {
		d := calendar.Draft{Subject: "ours", Start: at("2026-10-06T09:00:00", "Office"), End: at("2026-10-06T10:00:00", "Office")}
		results, err := p.Create(t.Context(), account, id, []calendar.Draft{d})
		if err != nil || results[0].Err != nil {
			t.Fatalf("%+v, %v", results, err)
		}
		wantShown(t, p, id, "2026-10-05T04:00Z b", "2026-10-05T06:00Z a", "2026-10-05T06:00Z c", "2026-10-06T06:00Z ours")
	})
	t.Run("that are none are refused", func(t *testing.T) {
		f := file("d", "+0300")
		f.Zones[0].Definition = "BEGIN:VTIMEZONE\r\nTZID:Office\r\nEND:VTIMEZONE"
		if _, err := p.Import(t.Context(), account, id, f, importing.Options{}); fault.Of(err) != fault.Invalid {
			t.Errorf("error %v, want one of kind invalid", err)
		}
	})
}

// TestWindows compares reading a window with expanding the whole calendar.
func TestWindows(t *testing.T) {
	p, _ := fresh(t)
	run := 0
	rapid.Check(t, func(r *rapid.T) {
		run++
		id := create(t, p, fmt.Sprintf("Calendar %d", run))
		minute := rapid.IntRange(0, 20*24*60)
		zone := rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "Pacific/Kiritimati", "Etc/GMT+12", ""})
		first := time.Date(2026, 10, 15, 0, 0, 0, 0, time.UTC)
		var events []calendar.Event
		for i := range rapid.IntRange(1, 8).Draw(r, "events") {
			e := calendar.Event{ICalUID: fmt.Sprint(i), ID: fmt.Sprint(i), Type: calendar.Single}
			start := first.Add(time.Duration(minute.Draw(r, "start")) * time.Minute)
			length := time.Duration(rapid.SampledFrom([]int{0, 1, 60, 24*60 - 1, 24 * 60, 24*60 + 1, 5 * 24 * 60}).Draw(r, "length")) * time.Minute
			z := zone.Draw(r, "zone")
			layout := "2006-01-02T15:04:05"
			if e.AllDay = rapid.Bool().Draw(r, "all day"); e.AllDay {
				layout, length = "2006-01-02T00:00:00", length.Truncate(24*time.Hour)+24*time.Hour
			}
			e.Start, e.End = at(start.Format(layout), z), at(start.Add(length).Format(layout), z)
			if rapid.IntRange(0, 3).Draw(r, "series") == 0 {
				e.Type, e.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=DAILY;INTERVAL=3;COUNT=4"}}
			}
			if s, end, err := span(&e, ics.Lookup(nil)); err != nil || end.Before(s) {
				continue // the clocks changed within it
			}
			events = append(events, e)
		}
		load(t, p, id, events...)
		whole, err := p.Export(context.Background(), account, id)
		if err != nil {
			r.Fatal(err)
		}
		from := first.Add(time.Duration(minute.Draw(r, "from")) * time.Minute)
		to := from.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 60, 24 * 60, 8 * 24 * 60}).Draw(r, "window")) * time.Minute)
		want, err := ics.Expand(whole, from, to)
		if err != nil {
			r.Fatal(err)
		}
		got, err := p.Events(context.Background(), account, id, from, to)
		if err != nil {
			r.Fatal(err)
		}
		ids := func(events []calendar.Event) []string {
			list := []string{}
			for _, e := range events {
				list = append(list, e.ID)
			}
			slices.Sort(list)
			return list
		}
		if !slices.Equal(ids(got), ids(want)) {
			r.Fatalf("from %s to %s: %v, want %v, of %+v", from, to, ids(got), ids(want), events)
		}
	})
}

func TestFold(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("aAkK\u212asS\u017fßẞéÉ ")), 0, 4, -1)
		a, b := letters.Draw(r, "a"), letters.Draw(r, "b")
		if got, want := fold(a) == fold(b), calendar.SameName(a, b); got != want {
			r.Fatalf("%q and %q fold the same: %t, are the same name: %t", a, b, got, want)
		}
	})
}

func TestMarksAreUnique(t *testing.T) {
	draft := func(transaction, mark string) calendar.Draft {
		return calendar.Draft{TransactionID: transaction, Mark: mark, Subject: transaction, Start: at("2026-10-01T09:00:00", "UTC"),
			End: at("2026-10-01T10:00:00", "UTC")}
	}
	p, table := fresh(t)
	id := create(t, p, "Archive")
	kinds := func(results []calendar.WriteResult, err error) []fault.Kind {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		kinds := []fault.Kind{}
		for _, r := range results {
			kind := fault.Kind(-1)
			if r.Err != nil {
				kind = fault.Of(r.Err)
			}
			kinds = append(kinds, kind)
		}
		return kinds
	}
	const fine = fault.Kind(-1)
	want := func(what string, got []fault.Kind, want ...fault.Kind) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: outcomes %d, want %d", what, got, want)
		}
	}
	want("two drafts of one call", kinds(p.Create(t.Context(), account, id, []calendar.Draft{draft("a", "m"), draft("b", "m"), draft("c", "n")})), fine,
		fault.Conflict, fine)
	want("a later draft", kinds(p.Create(t.Context(), account, id, []calendar.Draft{draft("d", "m"), draft("e", "o")})), fault.Conflict, fine)
	want("an update", kinds(p.Update(t.Context(), account, id, []calendar.Update{{ID: idOfTransaction("c"), Draft: draft("c2", "m")}})), fault.Conflict)
	table.meanwhile = func() {
		want("a draft while another is written", kinds(p.Create(t.Context(), account, id, []calendar.Draft{draft("f", "p")})), fine)
	}
	want("a draft whose mark is given away while it is written", kinds(p.Create(t.Context(), account, id, []calendar.Draft{draft("g", "p"), draft("h", "q")})),
		fault.Conflict, fine)
	wantShown(t, p, id, "2026-10-01T09:00Z a", "2026-10-01T09:00Z c", "2026-10-01T09:00Z e", "2026-10-01T09:00Z f", "2026-10-01T09:00Z h")
}

func TestWritesAtTheSameTime(t *testing.T) {
	draft := func(subject string, day int) calendar.Draft {
		d := fmt.Sprintf("2026-10-%02d", day)
		return calendar.Draft{TransactionID: "t", Subject: subject, Start: at(d+"T09:00:00", "UTC"), End: at(d+"T10:00:00", "UTC")}
	}
	for _, tt := range []struct {
		name            string
		before          bool // the event is there
		meanwhile, then func(p *Provider, id string) ([]calendar.WriteResult, error)
		want            error
		left            []string
	}{
		{
			name: "one of two creates makes the event",
			meanwhile: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Create(context.Background(), account, id, []calendar.Draft{draft("first", 1)})
			},
			then: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Create(context.Background(), account, id, []calendar.Draft{draft("second", 2)})
			},
			left: []string{"2026-10-01T09:00Z first"},
		},
		{
			name: "of two updates one is left", before: true,
			meanwhile: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Update(context.Background(), account, id, []calendar.Update{{ID: idOfTransaction("t"), Draft: draft("first", 1)}})
			},
			then: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Update(context.Background(), account, id, []calendar.Update{{ID: idOfTransaction("t"), Draft: draft("second", 2)}})
			},
			left: []string{"2026-10-02T09:00Z second"},
		},
		{
			name: "an update does not bring back what is deleted", before: true,
			meanwhile: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Delete(context.Background(), account, id, []string{idOfTransaction("t")})
			},
			then: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Update(context.Background(), account, id, []calendar.Update{{ID: idOfTransaction("t"), Draft: draft("second", 2)}})
			},
			want: calendar.ErrNotFound,
		},
		{
			name: "a calendar that is deleted gets no event",
			meanwhile: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return nil, p.DeleteCalendar(context.Background(), account, id)
			},
			then: func(p *Provider, id string) ([]calendar.WriteResult, error) {
				return p.Create(context.Background(), account, id, []calendar.Draft{draft("late", 2)})
			},
			want: calendar.ErrNotFound,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, table := fresh(t)
			id := create(t, p, "Archive")
			if tt.before {
				if _, err := p.Create(t.Context(), account, id, []calendar.Draft{draft("before", 5)}); err != nil {
					t.Fatal(err)
				}
			}
			table.meanwhile = func() {
				results, err := tt.meanwhile(p, id)
				if err != nil || len(results) > 0 && results[0].Err != nil {
					t.Fatalf("meanwhile: %+v, %v", results, err)
				}
			}
			results, err := tt.then(p, id)
			if err != nil || len(results) != 1 || !errors.Is(results[0].Err, tt.want) {
				t.Fatalf("%+v, %v, want %v", results, err, tt.want)
			}
			items, err := store.All(t.Context(), table, store.Query{PK: eventsPK(id)})
			if err != nil || len(items) != len(tt.left) {
				t.Errorf("%d items are stored, %v, want %d", len(items), err, len(tt.left))
			}
			if len(tt.left) > 0 {
				wantShown(t, p, id, tt.left...)
			}
		})
	}
}

// TestFileRoundTrip writes a calendar as text and reads it back, into the same calendar and into another one.
func TestFileRoundTrip(t *testing.T) {
	p, _ := fresh(t)
	id := create(t, p, "Source")
	office := weekly("office")
	office.Start.Zone, office.End.Zone = "Office", "Office"
	vacation := single("vacation", "2026-10-20T00:00:00", "2026-10-25T00:00:00")
	vacation.AllDay, vacation.Start.Zone, vacation.End.Zone = true, "", ""
	full := single("full", "2026-10-06T12:00:00", "2026-10-06T13:00:00")
	full.Body = calendar.Body{ContentType: "text", Content: "Agenda:\n1; 2, \\ 3"}
	full.Location, full.Categories = "Büro, 3", []string{"Acme - billable", "Online"}
	full.ShowAs, full.Importance, full.Sensitivity = calendar.Tentative, calendar.High, calendar.Private
	full.Organizer = calendar.Person{Name: "Ann", Address: "ann@example.com"}
	full.Attendees = []calendar.Attendee{{Person: calendar.Person{Name: "Bob", Address: "bob@example.com"}, Type: "required", Response: calendar.Accepted}}
	f := ics.File{Zones: []calendar.Zone{zone("Office", "+0300")}, Events: []calendar.Event{
		office, vacation, full, weekly("w"), instead("w", time.Date(2026, 10, 12, 7, 0, 0, 0, time.UTC), "2026-10-13T15:00:00", "2026-10-13T16:00:00"),
	}}
	throughText := func(f ics.File) (string, ics.File) {
		t.Helper()
		var b strings.Builder
		if err := ics.Write(&b, f, now); err != nil {
			t.Fatal(err)
		}
		read, err := ics.Read(strings.NewReader(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		return b.String(), read
	}
	_, f = throughText(f)
	if _, err := p.Import(t.Context(), account, id, f, importing.Options{}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Create(t.Context(), account, id, []calendar.Draft{{
		Mark: "m", TransactionID: "t", Subject: "ours", Start: at("2026-10-01T09:00:00", "UTC"), End: at("2026-10-01T10:00:00", "UTC"),
		Body: calendar.Body{ContentType: "text", Content: "text"}, ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
	}}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Delete(t.Context(), account, id, []string{idOfUID("w") + "@20261019T070000Z"}); err != nil {
		t.Fatal(err)
	}
	export := func(id string) (string, ics.File) {
		t.Helper()
		f, err := p.Export(t.Context(), account, id)
		if err != nil {
			t.Fatal(err)
		}
		f.Name = "Calendar"
		return throughText(f)
	}
	before, read := export(id)
	report, err := p.Import(t.Context(), account, id, read, importing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantCounts(t, "into the same calendar", report.Added, report.Changed, 0, 0)
	if got, err := p.Marked(t.Context(), account, id, []string{"m"}); err != nil || len(got) != 1 {
		t.Errorf("marked are %+v, %v", got, err)
	}

	other := create(t, p, "Copy")
	if report, err = p.Import(t.Context(), account, other, read, importing.Options{}); err != nil {
		t.Fatal(err)
	}
	wantCounts(t, "into another calendar", report.Added, report.Changed, 6, 0)
	wantShown(t, p, other, shown(t, p, id)...)
	masked := func(text string) string { // a copy has change keys of its own, and no marks
		var kept []string
		for line := range strings.SplitSeq(text, "\r\n") {
			if !strings.HasPrefix(line, "SEQUENCE") && !strings.HasPrefix(line, "X-ADMIN-ASSISTANT-MARK") {
				kept = append(kept, line)
			}
		}
		return strings.Join(kept, "\n")
	}
	copied, _ := export(other)
	if d := cmp.Diff(masked(before), masked(copied)); d != "" {
		t.Errorf("the copy's file (-calendar +copy):\n%s", d)
	}
}

// TestKeptWhileOthersWrite changes what is still to be read, and what was read already.
func TestKeptWhileOthersWrite(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Source")
	var events []calendar.Event
	for i := range 3 * keptTogether {
		events = append(events, single(fmt.Sprintf("uid-%d", i), "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	}
	load(t, p, id, append(events, weekly("w"), instead("w", time.Date(2026, 10, 12, 7, 0, 0, 0, time.UTC), "2026-10-13T15:00:00", "2026-10-13T16:00:00"))...)
	seen := map[string]int{}
	changed := 0
	table.requests.Store(0)
	err := p.Kept(t.Context(), account, id, func(k calendar.Kept) error {
		if got := table.requests.Load(); len(seen) == 0 && got > 6 {
			t.Errorf("the first event comes after %d requests", got)
		}
		seen[k.Event.ICalUID]++
		if k.Event.Type == calendar.Master && len(k.Exceptions) != 1 {
			t.Errorf("the series is %+v", k)
		}
		if changed++; changed%10 != 0 {
			return nil
		}
		// Each event goes to another place in the calendar, an earlier one and then a later one.
		var updates []calendar.Update
		for i, e := range events {
			day := fmt.Sprintf("2026-%02d-01T", 9+(changed/10+i)%3)
			updates = append(updates, calendar.Update{ID: idOfUID(e.ICalUID),
				Draft: calendar.Draft{Subject: e.Subject, Start: at(day+"09:00:00", "UTC"), End: at(day+"10:00:00", "UTC")}})
		}
		_, err := p.Update(t.Context(), account, id, updates)
		return err
	})
	if err != nil || len(seen) != len(events)+1 {
		t.Errorf("%d were kept, %v, want %d", len(seen), err, len(events)+1)
	}
	for uid, times := range seen {
		if times != 1 {
			t.Errorf("%s was handed over %d times", uid, times)
		}
	}
}

func TestKeptOfACalendarThatIsDeleted(t *testing.T) {
	p, _ := fresh(t)
	id := create(t, p, "Source")
	var events []calendar.Event
	for i := range keptTogether + 1 {
		events = append(events, single(fmt.Sprintf("uid-%d", i), "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	}
	load(t, p, id, events...)
	first := true
	err := p.Kept(t.Context(), account, id, func(calendar.Kept) error {
		if !first {
			return nil
		}
		first = false
		return p.DeleteCalendar(t.Context(), account, id)
	})
	if !errors.Is(err, calendar.ErrNotFound) {
		t.Errorf("the reading ended with %v, want not found", err)
	}
}

func TestAnExceptionWithoutItsSeriesIsKeptAsAnInstance(t *testing.T) {
	p, _ := fresh(t)
	id := create(t, p, "Source")
	original := time.Date(2026, 10, 12, 7, 0, 0, 0, time.UTC)
	load(t, p, id, instead("w", original, "2026-10-13T15:00:00", "2026-10-13T16:00:00"),
		instead("w", original.AddDate(0, 0, 7), "2026-10-20T15:00:00", "2026-10-20T16:00:00"))
	var kept []calendar.Event
	err := p.Kept(t.Context(), account, id, func(k calendar.Kept) error {
		kept = append(kept, k.Event)
		return nil
	})
	if err != nil || len(kept) != 2 || kept[0].ID == kept[1].ID {
		t.Fatalf("kept are %+v, %v", kept, err)
	}
	for i, e := range kept {
		if want := original.AddDate(0, 0, 7*i); e.Type != calendar.Exception || e.SeriesMasterID != "" || !e.OriginalStart.Equal(want) || e.Subject != "moved w" {
			t.Errorf("an exception without its series is kept as %+v", e)
		}
	}
	load(t, p, id, single("w", "2026-10-05T09:00:00", "2026-10-05T10:00:00")) // of the same UID, and no series
	err = p.Kept(t.Context(), account, id, func(k calendar.Kept) error {
		if (k.Event.Subject == "moved w") != (k.Event.Type == calendar.Exception) {
			t.Errorf("kept is %+v", k)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestZonesAtTheSameTime(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Source")
	table.meanwhile = func() {
		if _, err := p.AdoptZones(t.Context(), account, id, []calendar.Zone{zone("Office", "+0500")}); err != nil {
			t.Fatal(err)
		}
	}
	renamed, err := p.AdoptZones(t.Context(), account, id, []calendar.Zone{zone("Office", "+0300"), zone("Home", "+0300")})
	if err != nil || len(renamed) != 1 || renamed["Office"] == "" {
		t.Errorf("renamed are %v, %v", renamed, err)
	}
	zones, err := p.Zones(t.Context(), account, id)
	if err != nil || len(zones) != 3 {
		t.Errorf("zones are %+v, %v", zones, err)
	}
	table.meanwhile = func() {
		if _, err := p.AdoptZones(t.Context(), account, id, []calendar.Zone{zone("Lab", "+0500")}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = p.Import(t.Context(), account, id, ics.File{Zones: []calendar.Zone{zone("Lab", "+0300")}, Events: []calendar.Event{weekly("w")}}, importing.Options{})
	if fault.Of(err) != fault.Throttled {
		t.Errorf("an import whose zone gets another's name: %v, want it to be tried again", err)
	}
}

func TestASeriesThatCannotBeExpandedIsRefused(t *testing.T) {
	p, _ := fresh(t)
	id := create(t, p, "Source")
	d := calendar.Draft{TransactionID: "t", Subject: "half floating", Start: at("2026-10-01T09:00:00", "UTC"), End: at("2026-10-01T10:00:00", ""),
		Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY"}}}
	results, err := p.Create(t.Context(), account, id, []calendar.Draft{d})
	if err != nil || fault.Of(results[0].Err) != fault.Invalid {
		t.Errorf("%+v, %v", results, err)
	}
	d.End.Zone = "UTC"
	results, err = p.Create(t.Context(), account, id, []calendar.Draft{d})
	if err != nil || results[0].Err != nil {
		t.Fatalf("%+v, %v", results, err)
	}
	d.End.Zone = ""
	series := results[0].ID
	for name, tt := range map[string]struct {
		id   string
		kind fault.Kind
	}{"the series": {series, fault.Invalid}, "an instance": {series + "@20261002T090000Z", fault.Invalid}, "nothing": {"no-such-event", fault.NotFound}} {
		results, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: tt.id, Draft: d}})
		if err != nil || fault.Of(results[0].Err) != tt.kind {
			t.Errorf("%s: %+v, %v, want kind %s", name, results, err, tt.kind)
		}
	}
	if got := len(shown(t, p, id)); got != 92 {
		t.Errorf("there are %d events left of the series, want 92", got)
	}
}

// TestAnEditIsANewerRevision edits what came from a file, and imports that and later files again.
func TestAnEditIsANewerRevision(t *testing.T) {
	ann := calendar.Person{Address: "ann@example.com"}
	stamp := now.Add(-time.Hour)
	meeting := func(sequence int, stamp time.Time, subject string, organizer calendar.Person) calendar.Event {
		e := single("m", "2026-10-05T09:00:00", "2026-10-05T10:00:00")
		e.Subject, e.Sequence, e.Stamp, e.Organizer = subject, sequence, stamp, organizer
		return e
	}
	moved := calendar.Draft{Subject: "Here", Start: at("2026-10-05T12:00:00", "Europe/Berlin"), End: at("2026-10-05T13:00:00", "Europe/Berlin")}
	renamed := calendar.Draft{Subject: "Here", Start: at("2026-10-05T07:00:00", "UTC"), End: at("2026-10-05T08:00:00", "UTC")}
	for name, test := range map[string]struct {
		edit      calendar.Draft
		organizer calendar.Person
		sequence  int // after the edit
		// what an import of a later file of these revisions comes to
		same, later, next importing.Outcome
	}{
		"a new time is a new SEQUENCE":    {edit: moved, sequence: 3, same: importing.Older, later: importing.Older, next: importing.Changed},
		"another text is a later DTSTAMP": {edit: renamed, sequence: 2, same: importing.Older, later: importing.Changed, next: importing.Changed},
		"the SEQUENCE is the organiser's to raise": {edit: moved, organizer: ann, sequence: 2, same: importing.Older, later: importing.Changed,
			next: importing.Changed},
	} {
		t.Run(name, func(t *testing.T) {
			for file, want := range map[*calendar.Event]importing.Outcome{
				new(meeting(2, stamp, "File", test.organizer)):                   test.same,
				new(meeting(2, now.Add(time.Minute), "Later", test.organizer)):   test.later,
				new(meeting(3, now.Add(time.Minute), "Changed", test.organizer)): test.next,
			} {
				p, _ := fresh(t)
				id := create(t, p, "Source")
				load(t, p, id, meeting(2, stamp, "File", test.organizer))
				results, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: idOfUID("m"), Draft: test.edit}})
				if err != nil || results[0].Err != nil {
					t.Fatalf("%+v, %v", results, err)
				}
				f, err := p.Export(t.Context(), account, id)
				if err != nil || f.Events[0].Sequence != test.sequence || !f.Events[0].Stamp.Equal(now) || !f.Events[0].LastModified.Equal(now) {
					t.Errorf("after the edit: %+v, %v", f.Events, err)
				}
				report, err := p.Import(t.Context(), account, id, ics.File{Events: []calendar.Event{*file}}, importing.Options{})
				if err != nil || len(report.Items) != 1 || report.Items[0].Outcome != want {
					t.Errorf("%s: %+v, %v, want %s", file.Subject, report, err, want)
				}
			}
		})
	}

	t.Run("each change of when it happens counts once", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		d := calendar.Draft{TransactionID: "t", Subject: "Here", Start: at("2026-10-05T09:00:00", "UTC"), End: at("2026-10-05T10:00:00", "UTC"),
			Recurrence: &calendar.Recurrence{Rules: []string{"FREQ=DAILY"}}}
		results, err := p.Create(t.Context(), account, id, []calendar.Draft{d})
		if err != nil || results[0].Err != nil {
			t.Fatalf("%+v, %v", results, err)
		}
		for want, change := range []func(){func() {}, func() { d.End.Local = "2026-10-05T11:00:00" },
			func() { d.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY"}} }} {
			for range 2 { // the second time it is the same
				if change(); want > 0 {
					if _, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: results[0].ID, Draft: d}}); err != nil {
						t.Fatal(err)
					}
				}
				f, err := p.Export(t.Context(), account, id)
				if err != nil || f.Events[0].Sequence != want {
					t.Errorf("%+v, %v, want SEQUENCE %d", f.Events, err, want)
				}
			}
		}
	})

	t.Run("a stamp that is ahead of the clock is passed all the same", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		for _, ahead := range []time.Time{now, now.Add(time.Hour)} {
			e := meeting(2, ahead, "File", ann)
			load(t, p, id, e)
			if _, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: idOfUID("m"), Draft: renamed}}); err != nil {
				t.Fatal(err)
			}
			report, err := p.Import(t.Context(), account, id, ics.File{Events: []calendar.Event{e}}, importing.Options{})
			if err != nil || report.Older != 1 {
				t.Errorf("%+v, %v", report, err)
			}
		}
	})

	t.Run("an instance that was deleted or moved stays so", func(t *testing.T) {
		p, _ := fresh(t)
		id := create(t, p, "Source")
		file := weekly("w")
		file.Sequence, file.Stamp = 2, stamp
		load(t, p, id, file)
		instances, err := p.Instances(t.Context(), account, id, idOfUID("w"), now, now.AddDate(0, 0, 30))
		if err != nil || len(instances) != 4 {
			t.Fatalf("%+v, %v", instances, err)
		}
		if _, err := p.Delete(t.Context(), account, id, []string{instances[0].ID}); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Update(t.Context(), account, id, []calendar.Update{{ID: instances[1].ID, Draft: moved}}); err != nil {
			t.Fatal(err)
		}
		before := shown(t, p, id)
		file.Stamp = now.Add(time.Minute) // of the next download
		report, err := p.Import(t.Context(), account, id, ics.File{Events: []calendar.Event{file}}, importing.Options{})
		if err != nil || report.Older != 1 || report.Removed != 0 {
			t.Errorf("%+v, %v", report, err)
		}
		wantShown(t, p, id, before...)
		f, err := p.Export(t.Context(), account, id)
		if err != nil || len(f.Events) != 2 || f.Events[0].Sequence != 3 || f.Events[1].Sequence != 4 {
			t.Errorf("%+v, %v", f.Events, err)
		}
	})
}
