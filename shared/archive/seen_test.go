package archive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// seen is what a run saw in a window, in short.
func (w *world) seen(table store.Table, c archive.Config, from, to string, r *run.Run) []string {
	w.t.Helper()
	zone, err := calendar.LoadZone(c.Timezone)
	must(w.t, err)
	window, err := calendar.NewWindow(day(from), day(to), zone)
	must(w.t, err)
	all, err := (*archive.Engine)(w.runner(table, w.calendar)).AsSeen(w.t.Context(), user, &c, window, r)
	must(w.t, err)
	return inShort(all, zone)
}

func TestWhatTheLastRunSaw(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	edited := w.add("Call", "2026-10-05T11:00", "2026-10-05T12:00")
	gone := w.add("Lunch", "2026-10-05T12:00", "2026-10-05T13:00")
	w.add("Gone home", "2026-10-05T18:00", "2026-10-05T19:00", func(d *calendar.Draft) { d.Categories = nil })
	w.add("Night", "2026-10-04T23:00", "2026-10-05T02:00")
	w.add("Evening", "2026-10-04T22:30", "2026-10-04T23:00", func(d *calendar.Draft) { d.Categories = nil })
	w.add("Elsewhere", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config(func(c *archive.Config) { c.Purpose = archive.Timesheet })
	w.archive(c)
	w.edit(edited, "Call", "2026-10-05T11:30", "2026-10-05T12:00")
	w.remove(gone)
	w.add("New", "2026-10-05T15:00", "2026-10-05T16:00")
	r, _ := w.archive(c)
	w.add("After the run", "2026-10-05T16:00", "2026-10-05T17:00")
	want := []string{
		"Night unchanged 23:00-02:00 = 23:00-02:00 v1", "Review unchanged 09:00-10:00 = 09:00-10:00 v1", "Call drifted 11:30-12:00 = 11:00-12:00 v1",
		"Lunch vanished nothing = 12:00-13:00 v1", "New unchanged 15:00-16:00 = 15:00-16:00 v1", "Gone home excluded 18:00-19:00 = nothing v0",
	}
	if got := w.seen(w.Table, c, "2026-10-05", "2026-10-05", r); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if got := w.seen(w.Table, c, "2026-10-05", "2026-10-05", nil); len(got) != 5 || strings.Contains(strings.Join(got, "\n"), "Gone home") {
		t.Errorf("the ledger alone has\n%s", strings.Join(got, "\n"))
	}
	if got := w.seen(w.Table, c, "2026-10-07", "2026-10-07", r); len(got) != 0 {
		t.Errorf("a day with nothing has %v", got)
	}
	// What was decided after the run counts more than what it saw.
	w.Advance(time.Minute)
	w.decide(c, "Call", ledger.Declined)
	if got := strings.Join(w.seen(w.Table, c, "2026-10-05", "2026-10-05", r), "\n"); strings.Contains(got, "Call drifted") {
		t.Errorf("after the decision:\n%s", got)
	}
}

// TestWhatTheLastRunSawOfADayIsFoundByHalves counts the requests for a day of a run with few items and of one with many pages of them.
func TestWhatTheLastRunSawOfADayIsFoundByHalves(t *testing.T) {
	cost := func(n int, day string) (requests, pages int) {
		w := newWorld(t)
		r := &run.Run{ID: w.NewID(), User: user, Kind: run.Archive, State: run.Succeeded, From: calendar.Date{Year: 2026, Month: 1, Day: 1}}
		items := make([]run.Item, n)
		for i := range items {
			start := time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * (364 * 24 * time.Hour / time.Duration(n)))
			items[i] = run.Item{Key: fmt.Sprint("key", i), Plan: fmt.Appendf(nil,
				`{"event_id": "e%d", "key": "key%d", "outcome": "excluded", "appointment": {"subject": "%s", "start": %q, "end": %q}}`,
				i, i, strings.Repeat("x", 500), start.Format(time.RFC3339), start.Add(time.Minute).Format(time.RFC3339))}
		}
		must(t, run.NewStore(w.Table).PutItems(t.Context(), r, items))
		c := w.config()
		table := &store.Counter{Table: w.Table}
		if got := w.seen(table, c, day, day, r); len(got) == 0 || len(got) > n/364+2 {
			t.Errorf("of %d items there are %d on %s", n, len(got), day)
		}
		return table.Requests(), r.Pages
	}
	few, _ := cost(364, "2026-07-01")
	for _, day := range []string{"2026-01-01", "2026-07-01", "2026-12-30"} {
		many, pages := cost(20000, day)
		t.Logf("%s: %d requests of %d pages; %d of few", day, many, pages, few)
		if pages < 40 || many > few+9 {
			t.Errorf("%s costs %d requests of %d pages, and %d of one", day, many, pages, few)
		}
	}
}
