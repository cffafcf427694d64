package restore_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

// TestARestoreSurvivesDyingAnywhere lets the process die at every single request to the store, to blobs and to the calendar, before it took
// effect and after it. Whoever comes next brings the calendar to each thing of the file once.
func TestARestoreSurvivesDyingAnywhere(t *testing.T) {
	many := func(w *world) {
		w.file = everything()
		for i := range 45 { // more than one chunk
			start := time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
			w.file.things = append(w.file.things, single(fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("Work %d", i),
				start.Format("2006-01-02T15:04"), start.Add(30*time.Minute).Format("2006-01-02T15:04")))
		}
	}
	for _, scenario := range []struct {
		name    string
		policy  restore.Policy
		prepare func(w *world)
		want    restore.Counts
		events  int
	}{
		{"into a new calendar", restore.Skip, many, restore.Counts{Read: 51, InPeriod: 51, Created: 51}, 51},
		{"as duplicates", restore.Duplicate, func(w *world) {
			many(w)
			w.restore(restore.Skip)
		}, restore.Counts{Read: 51, InPeriod: 51, Created: 51}, 102},
		{"in the place of what changed since", restore.Replace, func(w *world) {
			many(w)
			w.restore(restore.Skip)
			for i := range w.file.things {
				w.file.things[i].Event.Subject += " as it was"
			}
		}, restore.Counts{Read: 51, InPeriod: 51, Replaced: 51}, 51},
	} {
		t.Run(scenario.name, func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := newWorld(t)
				scenario.prepare(w)
				r := w.start(scenario.policy)
				err := w.runner(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), r)
				if !dying.Dead() {
					must(t, err)
				}
				w.Advance(2 * time.Minute) // the lease ends
				again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				must(t, err)
				if !again.State.Ended() {
					must(t, w.runner(w.Table, w.Blobs, w.calendar).Run(t.Context(), again))
				}
				r, result := w.result(r.ID)
				if r.State != run.Succeeded || result.Counts != scenario.want || !result.Balanced || result.Written != scenario.want.Read {
					t.Errorf("%s %+v %+v", r.State, result, r.Problem)
				}
				items, entries := w.items(r)
				seen := map[string]bool{}
				for i, it := range items {
					if seen[it.Key] || !it.Written || entries[i].EventID == "" {
						t.Errorf("item %d: %+v %+v", i, it, entries[i])
					}
					seen[it.Key] = true
				}
				if len(items) != scenario.want.Read {
					t.Errorf("%d items", len(items))
				}
				copies := w.kept(uri("Copy"))
				if len(copies.things) != scenario.events {
					t.Errorf("%d events, want %d", len(copies.things), scenario.events)
				}
				if scenario.policy != restore.Duplicate {
					if diff := cmp.Diff(w.canonical(w.file), w.canonical(copies)); diff != "" {
						t.Errorf("the copy differs (-file +calendar):\n%s", diff)
					}
				}
			})
		})
	}
}
