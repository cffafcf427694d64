package archive_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/store"
)

// beside is what calendar and archive have in a window, in short: "Review unchanged 09:00-10:00 = 09:00-10:00 v1".
func (w *world) beside(table store.Table, c archive.Config, from, to string, unread bool) []string {
	w.t.Helper()
	zone, err := calendar.LoadZone(c.Timezone)
	must(w.t, err)
	window, err := calendar.NewWindow(day(from), day(to), zone)
	must(w.t, err)
	var events []calendar.Event
	if !unread {
		events, err = archive.SourceEvents(w.t.Context(), w.calendar, &c, window)
		must(w.t, err)
	}
	engine := (*archive.Engine)(w.runner(table, w.calendar))
	all, err := engine.Compare(w.t.Context(), user, &c, window, events)
	if unread {
		all, err = engine.AsSeen(w.t.Context(), user, &c, window, nil)
	}
	must(w.t, err)
	return inShort(all, zone)
}

// inShort are pairs in short.
func inShort(all []archive.Beside, zone *time.Location) []string {
	span := func(a *calendar.Appointment) string {
		if a == nil {
			return "nothing"
		}
		return a.Start.In(zone).Format("15:04") + "-" + a.End.In(zone).Format("15:04")
	}
	var texts []string
	for i := range all {
		b := &all[i]
		texts = append(texts, fmt.Sprintf("%s %s %s = %s v%d", b.Stands().Subject, b.Outcome, span(b.Source), span(b.Archive), b.Version))
	}
	return texts
}

func TestCalendarAndArchiveBesideEachOther(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	moved := w.add("Call", "2026-10-05T11:00", "2026-10-05T12:00")
	gone := w.add("Lunch", "2026-10-05T12:00", "2026-10-05T13:00")
	w.add("Strategy", "2026-10-06T09:00", "2026-10-06T11:00")
	w.add("Planning", "2026-10-06T10:00", "2026-10-06T12:00")
	w.add("Walk", "2026-10-06T14:00", "2026-10-06T16:00")
	w.add("Maybe", "2026-10-06T15:00", "2026-10-06T17:00", func(d *calendar.Draft) { d.ShowAs = calendar.Tentative })
	w.add("Night", "2026-10-06T23:00", "2026-10-07T05:00")
	c := w.config()
	w.archive(c)
	w.remove(gone)
	w.remove(moved)
	w.add("New", "2026-10-05T15:00", "2026-10-05T16:00")
	for _, tt := range []struct {
		name     string
		from, to string
		unread   bool
		want     []string
	}{
		{"a day on which something changed", "2026-10-05", "2026-10-05", false, []string{
			"Review unchanged 09:00-10:00 = 09:00-10:00 v1", "Call vanished nothing = 11:00-12:00 v1", "Lunch vanished nothing = 12:00-13:00 v1",
			"New archived 15:00-16:00 = nothing v0",
		}},
		{"a day with questions", "2026-10-06", "2026-10-06", false, []string{
			"Strategy conflicted 09:00-11:00 = nothing v1", "Planning conflicted 10:00-12:00 = nothing v1", "Walk unchanged 14:00-16:00 = 14:00-16:00 v1",
			"Maybe superseded 15:00-17:00 = nothing v1", "Night unchanged 23:00-05:00 = 23:00-05:00 v1",
		}},
		{"what began the day before", "2026-10-07", "2026-10-07", false, []string{"Night unchanged 23:00-05:00 = 23:00-05:00 v1"}},
		{"a day with nothing", "2026-10-08", "2026-10-08", false, nil},
		{"as runs saw it", "2026-10-05", "2026-10-05", true, []string{
			"Review unchanged 09:00-10:00 = 09:00-10:00 v1", "Call unchanged 11:00-12:00 = 11:00-12:00 v1", "Lunch unchanged 12:00-13:00 = 12:00-13:00 v1",
		}},
		{"as runs saw it, with questions", "2026-10-06", "2026-10-06", true, []string{
			"Strategy conflicted 09:00-11:00 = nothing v1", "Planning conflicted 10:00-12:00 = nothing v1", "Walk unchanged 14:00-16:00 = 14:00-16:00 v1",
			"Maybe superseded 15:00-17:00 = nothing v1", "Night unchanged 23:00-05:00 = 23:00-05:00 v1",
		}},
		{"as runs saw what began the day before", "2026-10-07", "2026-10-07", true, []string{"Night unchanged 23:00-05:00 = 23:00-05:00 v1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := w.beside(w.Table, c, tt.from, tt.to, tt.unread); !slices.Equal(got, tt.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
			}
		})
	}
}

// TestAWeekCostsTheSameWhateverThereIs counts the requests for a week beside little and beside much.
func TestAWeekCostsTheSameWhateverThereIs(t *testing.T) {
	cost := func(others int) int {
		w := newWorld(t)
		for i := range others {
			start := time.Date(2026, 10, 12, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * 30 * time.Minute)
			w.add(fmt.Sprint("Work ", i), start.Format("2006-01-02T15:04"), start.Add(30*time.Minute).Format("2006-01-02T15:04"))
		}
		w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
		c := w.config()
		w.archive(c)
		table := &store.Counter{Table: w.Table}
		if got := w.beside(table, c, "2026-10-05", "2026-10-11", false); len(got) != 1 {
			t.Fatalf("%d others: %v", others, got)
		}
		return table.Requests()
	}
	few, many := cost(1), cost(400)
	if few != many || few > 6 {
		t.Errorf("a week costs %d requests beside one appointment, and %d beside 400", few, many)
	}
}

// TestWhatMovedOrWasDecidedIsSeenBesideTheArchive shows what only entries of other days, and decisions, can tell.
func TestWhatMovedOrWasDecidedIsSeenBesideTheArchive(t *testing.T) {
	w := newWorld(t)
	moved := w.add("Call", "2026-10-05T11:00", "2026-10-05T12:00")
	night := w.add("Night", "2026-10-06T23:00", "2026-10-07T05:00")
	w.add("Strategy", "2026-10-08T09:00", "2026-10-08T11:00")
	w.add("Planning", "2026-10-08T10:00", "2026-10-08T12:00")
	c := w.config()
	w.archive(c)
	w.settleBy(c, archive.Asked{Answers: []archive.Answer{w.about(c, map[string]decision.Verdict{
		"Strategy": {Word: decision.Keep}, "Planning": {Word: decision.Drop},
	})}})
	w.edit(moved, "Call", "2026-10-12T11:00", "2026-10-12T12:00")
	w.remove(night)
	for _, tt := range []struct {
		day  string
		want []string
	}{
		{"2026-10-12", []string{"Call drifted 11:00-12:00 = 11:00-12:00 v1"}},
		{"2026-10-07", []string{"Night vanished nothing = 23:00-05:00 v1"}},
		{"2026-10-08", []string{"Strategy unchanged 09:00-11:00 = 09:00-11:00 v2", "Planning superseded 10:00-12:00 = nothing v2"}},
	} {
		if got := w.beside(w.Table, c, tt.day, tt.day, false); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.day, strings.Join(got, "\n"), strings.Join(tt.want, "\n"))
		}
	}
}
