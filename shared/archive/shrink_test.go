package archive_test

import (
	"fmt"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

// daily puts n appointments into October, one a day from the second on, and returns their ids.
func (w *world) daily(n int) (ids []string) {
	w.t.Helper()
	for i := range n {
		ids = append(ids, w.add(fmt.Sprintf("Work %d", i), fmt.Sprintf("2026-10-%02dT09:00", i+2), fmt.Sprintf("2026-10-%02dT10:00", i+2)))
	}
	return ids
}

func TestARunStopsWhenTheWindowShrank(t *testing.T) {
	for _, c := range []struct {
		name       string
		held, gone int
		before     func(w *world, c archive.Config)
		after      func(w *world)
		change     func(r *run.Run)
		stops      bool
	}{
		{name: "by ten of nineteen", held: 19, gone: 10, stops: true},
		{name: "not by nine, be it more than half", held: 17, gone: 9},
		{name: "not by exactly half", held: 20, gone: 10},
		{name: "by one more than half", held: 20, gone: 11, stops: true},
		{name: "not by less than half", held: 25, gone: 11},
		{name: "by all of them", held: 10, gone: 10, stops: true},
		{
			name: "a dry run says so, too", held: 19, gone: 10, stops: true,
			change: func(r *run.Run) { r.Options.DryRun = true },
		},
		{
			name: "what the ledger holds of the days before does not count", held: 8, gone: 0,
			before: func(w *world, c archive.Config) {
				for i := range 12 { // all of them are read, since one of them lasts so long
					w.add(fmt.Sprintf("Before %d", i), fmt.Sprintf("2026-09-30T%02d:00", i+1), fmt.Sprintf("2026-09-30T%02d:00", i+2))
				}
				w.add("Long", "2026-09-28T08:00", "2026-09-29T22:00")
				w.archive(c, september)
			},
		},
		{
			name: "what the source shows of the days before does not count", held: 19, gone: 10, stops: true,
			after: func(w *world) { w.add("Night shift", "2026-09-30T22:00", "2026-10-01T06:00") },
		},
		{
			name: "what is new counts", held: 19, gone: 10,
			after: func(w *world) { w.add("New", "2026-10-28T09:00", "2026-10-28T10:00") },
		},
		{
			name: "what is left out counts", held: 19, gone: 10,
			after: func(w *world) {
				w.add("Free", "2026-10-28T09:00", "2026-10-28T10:00", func(d *calendar.Draft) { d.ShowAs = calendar.Free })
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			conf := w.config(func(c *archive.Config) { c.Purpose = archive.Timesheet })
			if c.before != nil {
				c.before(w, conf)
			}
			ids := w.daily(c.held)
			if _, first := w.archive(conf); first.Counts.Archived != c.held {
				t.Fatalf("%+v", first)
			}
			for _, id := range ids[:c.gone] {
				w.remove(id)
			}
			if c.after != nil {
				c.after(w)
			}
			var change []func(*run.Run)
			if c.change != nil {
				change = append(change, c.change)
			}
			r, result := w.archive(conf, change...)
			if result.Shrunk != c.stops || (r.State == run.Failed) != c.stops || (result.Link == "") != c.stops {
				t.Errorf("%s %+v, stopped %t, want %t", r.State, result, result.Shrunk, c.stops)
			}
		})
	}
}

func TestWhatWaitsForADecisionIsNotMissedByTheShrinkGuard(t *testing.T) {
	w := newWorld(t)
	w.daily(8)
	w.add("Busy all night", "2026-10-20T08:00", "2026-10-20T20:00")
	var ids []string
	for i := range 12 {
		ids = append(ids, w.add(fmt.Sprintf("Maybe %d", i), fmt.Sprintf("2026-10-20T%02d:00", i+8), fmt.Sprintf("2026-10-20T%02d:30", i+8), tentative))
	}
	c := w.config()
	if _, result := w.archive(c); result.Counts.Superseded != 12 {
		t.Fatalf("%+v", result)
	}
	for _, id := range ids {
		w.remove(id)
	}
	if r, result := w.archive(c); r.State != run.Succeeded || result.Shrunk || result.Counts.Unchanged != 9 {
		t.Errorf("%s %+v", r.State, result)
	}
}

func TestARetryOfFewIsNoWindowThatShrank(t *testing.T) {
	w := newWorld(t)
	ids := w.daily(20)
	c := w.config()
	first := w.start(c)
	must(t, w.runner(w.Table, picky{w.calendar, "Work 19"}).Run(t.Context(), first))
	for _, id := range ids[:15] {
		w.remove(id)
	}
	if r, result := w.archive(c, func(r *run.Run) { r.AttemptOf = first.ID }); r.State != run.Succeeded || result.Written != 1 || result.Shrunk {
		t.Errorf("%s %+v", r.State, result)
	}
}

func tentative(d *calendar.Draft) { d.ShowAs = calendar.Tentative }

// What it wrote before is proven all the same; the days do not count as archived.
func TestARunWhoseWindowShrinksBetweenTwoWorkers(t *testing.T) {
	w := newWorld(t)
	w.month(50)
	c := w.config()
	r := w.start(c)
	w.handOn(r, 1)
	for _, e := range w.events()[5:] {
		w.remove(e.ID)
	}
	r, result := w.goOn(r.ID)
	if r.State != run.Failed || !result.Shrunk || result.Written != 50 || result.Link == "" {
		t.Errorf("%s %+v", r.State, result)
	}
	if head := w.head(c.ID); head.Open != "" || head.Seq != 1 || head.Hash != result.Link || head.Through != (calendar.Date{}) {
		t.Errorf("the head is %+v", head)
	}
	w.verify(c)
}
