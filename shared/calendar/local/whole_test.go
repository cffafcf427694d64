package local

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// day is so many events of a day, each with a subject.
func day(n int, subject string) []calendar.Event {
	var events []calendar.Event
	for i := range n {
		e := single(fmt.Sprintf("uid-%04d", i), fmt.Sprintf("2026-10-%02dT09:00:00", 1+i%28), fmt.Sprintf("2026-10-%02dT10:00:00", 1+i%28))
		e.Subject = subject
		events = append(events, e)
	}
	return events
}

// subjects counts the events of a calendar by their subjects.
func subjects(t testing.TB, p *Provider, id string) map[string]int {
	t.Helper()
	f, err := p.Export(context.Background(), account, id)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int{}
	for _, e := range f.Events {
		found[e.Subject]++
	}
	events, err := p.Events(context.Background(), account, id, now.AddDate(0, 0, -1), now.AddDate(0, 1, 0))
	if err != nil || len(events) != len(f.Events) {
		t.Errorf("%d events are exported, %d are there, %v", len(f.Events), len(events), err)
	}
	kept := 0
	if err := p.Kept(context.Background(), account, id, func(calendar.Kept) error { kept++; return nil }); err != nil || kept != len(f.Events) {
		t.Errorf("%d events are exported, %d are kept, %v", len(f.Events), kept, err)
	}
	return found
}

// nothingPrepared demands that nothing is left of generations.
func nothingPrepared(t *testing.T, p *Provider, table *counting, id string) {
	t.Helper()
	c, err := p.open(t.Context(), account, id)
	if err != nil || c.Prepared+c.Switched != "" {
		t.Errorf("the calendar is %+v, %v", c, err)
	}
	for n := range 30 {
		for _, pk := range generationPKs(id, fmt.Sprintf("id-%06d", n)) {
			items, err := store.All(t.Context(), table.Table, store.Query{PK: pk})
			if err != nil || len(items) > 0 {
				t.Errorf("%d items of a generation are left, %v", len(items), err)
			}
		}
	}
}

func TestAnImportHappensAsAWhole(t *testing.T) {
	const many = 60 // more than fit into a transaction
	wiretest.Everywhere(t, func(t *testing.T, w *wiretest.Wire) {
		p, table := fresh(t)
		id := create(t, p, "Source")
		load(t, p, id, day(many/2, "old")...)
		dying := *p
		dying.table = w.Table(p.table)
		_, err := dying.Import(t.Context(), account, id, ics.File{Events: day(many, "new")}, importing.Options{})
		found := subjects(t, p, id)
		switch {
		case found["new"] == many && found["old"] == 0: // it happened, though whoever asked may not know
		case err != nil && found["old"] == many/2 && found["new"] == 0:
		default:
			t.Errorf("after %v there are %v", err, found)
		}
		load(t, p, id, day(many, "new")...)
		if found := subjects(t, p, id); found["new"] != many || len(found) != 1 {
			t.Errorf("the same again: %v", found)
		}
		nothingPrepared(t, p, table, id)
	})
}

func TestAFewEventsAreImportedInOneTransaction(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Source")
	before := table.transactions.Load()
	load(t, p, id, day(45, "a")...) // each has two items
	if n := table.transactions.Load() - before; n != 1 {
		t.Errorf("%d transactions", n)
	}
}

func TestWhoReadsDuringAnImportSeesAllOrNothing(t *testing.T) {
	p, _ := fresh(t)
	id := create(t, p, "Source")
	load(t, p, id, day(200, "a")...)
	var reading sync.WaitGroup
	stop := make(chan struct{})
	reading.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			c, err := p.open(t.Context(), account, id)
			if err != nil || c.Switched != "" {
				continue // one who reads then carries the change over
			}
			if found := subjects(t, p, id); found["a"] != 200 && found["b"] != 200 && found["c"] != 200 {
				if now, err := p.open(t.Context(), account, id); err == nil && now.version == c.version {
					t.Errorf("there are %v", found)
				}
			}
		}
	})
	for _, subject := range []string{"b", "c"} {
		load(t, p, id, day(200, subject)...)
	}
	close(stop)
	reading.Wait()
}

func TestAnImportGivesWayToWhoWritesMeanwhile(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Source")
	load(t, p, id, day(200, "a")...)
	other := *p
	table.meanwhile = func() { // before the switch
		draft := calendar.Draft{TransactionID: "t", Subject: "ours", Start: at("2026-10-01T09:00:00", "UTC"), End: at("2026-10-01T10:00:00", "UTC")}
		if results, err := other.Create(t.Context(), account, id, []calendar.Draft{draft}); err != nil || results[0].Err != nil {
			t.Errorf("%+v, %v", results, err)
		}
	}
	load(t, p, id, day(200, "b")...)
	if found := subjects(t, p, id); found["ours"] != 1 || found["b"] != 200 || len(found) != 2 {
		t.Errorf("there are %v", found)
	}
	nothingPrepared(t, p, table, id)
}

func TestACalendarGoesWithWhatIsPreparedForIt(t *testing.T) {
	for name, remove := range map[string]func(p *Provider, id string) error{
		"when it is deleted": func(p *Provider, id string) error { return p.DeleteCalendar(t.Context(), account, id) },
		"when its user goes": func(p *Provider, _ string) error { return p.Erase(t.Context()) },
	} {
		for _, cut := range []int64{1, 2} { // before the switch, and after it
			t.Run(fmt.Sprint(name, ", cut at ", cut), func(t *testing.T) {
				p, table := fresh(t)
				id := create(t, p, "Source")
				table.failAfter.Store(table.transactions.Load() + cut)
				_, _ = p.Import(t.Context(), account, id, ics.File{Events: day(200, "a")}, importing.Options{})
				table.failAfter.Store(0)
				c, err := p.open(t.Context(), account, id)
				if err != nil || (c.Prepared != "") != (cut == 1) || (c.Switched != "") != (cut == 2) {
					t.Fatalf("the calendar is %+v, %v", c, err)
				}
				held := func() (n int) {
					t.Helper()
					for _, pk := range generations(id, c) {
						items, err := store.All(t.Context(), table, store.Query{PK: pk})
						if err != nil {
							t.Fatal(err)
						}
						for _, item := range items {
							if item.Expires.Before(now.Add(24 * time.Hour)) {
								t.Errorf("%s goes at %s", item.Key, item.Expires)
							}
						}
						n += len(items)
					}
					return n
				}
				if n := held(); n != 201 { // and that they are spread
					t.Fatalf("%d items are prepared", n)
				}
				if err := remove(p, id); err != nil {
					t.Fatal(err)
				}
				if n := held(); n > 0 {
					t.Errorf("%d items are left", n)
				}
			})
		}
	}
}

// preparedImport cuts an import short after the switch, and returns the calendar's record.
func preparedImport(t *testing.T, p *Provider, table *counting, id string, n int) *record {
	t.Helper()
	table.failAfter.Store(table.transactions.Load() + 2)
	_, _ = p.Import(t.Context(), account, id, ics.File{Events: day(n, "a")}, importing.Options{})
	table.failAfter.Store(0)
	c, err := p.open(t.Context(), account, id)
	if err != nil || c.Switched == "" {
		t.Fatalf("the calendar is %+v, %v", c, err)
	}
	return c
}

func TestWhatIsPreparedIsSpread(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Source")
	c := preparedImport(t, p, table, id, 1600)
	for _, pk := range generationPKs(id, c.Switched)[:generationShards] {
		items, err := store.All(t.Context(), table, store.Query{PK: pk})
		if err != nil || len(items) < 50 || len(items) > 160 { // a hundred, were they all alike
			t.Errorf("%s has %d items, %v", pk, len(items), err)
		}
	}
	if found := subjects(t, p, id); found["a"] != 1600 {
		t.Errorf("there are %v", found)
	}
	nothingPrepared(t, p, table, id)
}

// TestWhatAnotherVersionPrepared reads a generation that is not spread, and has a program that knows no other fail at one that is.
func TestWhatAnotherVersionPrepared(t *testing.T) {
	p, table := fresh(t)
	id := create(t, p, "Source")
	c := preparedImport(t, p, table, id, 200)
	whole := generationWhole(id, c.Switched)
	items, err := store.All(t.Context(), table, store.Query{PK: whole})
	if err != nil || len(items) != 1 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	var e calendar.Event
	if decode(items[0], &e) == nil {
		t.Error("an earlier program would take the generation for empty")
	}
	for _, pk := range generationPKs(id, c.Switched)[:generationShards] {
		moved, err := store.All(t.Context(), table, store.Query{PK: pk})
		if err == nil {
			err = store.Clear(t.Context(), table, store.Query{PK: pk})
		}
		for i := range moved {
			moved[i].PK = whole
		}
		if err == nil {
			err = table.BatchPut(t.Context(), moved)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if found := subjects(t, p, id); found["a"] != 200 {
		t.Errorf("there are %v", found)
	}
	nothingPrepared(t, p, table, id)
}

func TestWhoImportsCanDoMoreAtTheSameTime(t *testing.T) {
	for _, n := range []int{1, 44, 45, 200} {
		p, table := fresh(t)
		id := create(t, p, "Source")
		note := store.Key{PK: "NOTE", SK: "1"}
		report, err := p.ImportWith(t.Context(), account, id, ics.File{Events: day(n, "a")}, importing.Options{},
			func(ctx context.Context, report importing.Report, _ []importing.Unit, ops []store.Op) error {
				if report.Added != n {
					t.Errorf("reported before: %+v", report)
				}
				for i := range aside - 1 {
					ops = append(ops, store.Op{Put: &store.Item{Key: store.Key{PK: "NOTE", SK: strings.Repeat("x", 2+i)}, Data: []byte("{}")}})
				}
				return table.Transact(ctx, append(ops, store.Op{Put: &store.Item{Key: note, Data: []byte("{}")}, If: store.Absent()}))
			})
		if _, noted := table.Get(t.Context(), note); err != nil || noted != nil || report.Added != n || subjects(t, p, id)["a"] != n {
			t.Errorf("%d events: %+v, %v, %v", n, report, err, noted)
		}
	}
	refused := errors.New("no")
	p, table := fresh(t)
	id := create(t, p, "Source")
	for _, n := range []int{1, 200} {
		_, err := p.ImportWith(t.Context(), account, id, ics.File{Events: day(n, "a")}, importing.Options{},
			func(context.Context, importing.Report, []importing.Unit, []store.Op) error { return refused })
		if found := subjects(t, p, id); !errors.Is(err, refused) || len(found) > 0 {
			t.Errorf("%d events: %v, there are %v", n, err, found)
		}
	}
	load(t, p, id, day(200, "a")...)
	nothingPrepared(t, p, table, id)
	if found := subjects(t, p, id); found["a"] != 200 {
		t.Errorf("there are %v", found)
	}
}
