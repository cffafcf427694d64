package restore_test

import (
	"slices"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

func TestAReplacedEventTellsWhichOfItsFieldsChange(t *testing.T) {
	guest := []calendar.Attendee{{Person: calendar.Person{Address: "ann@example.com"}}}
	for name, test := range map[string]struct {
		change  func(k *calendar.Kept) // of what the file has
		series  bool
		invited []calendar.Attendee
		want    []string
	}{
		"nothing":     {change: func(*calendar.Kept) {}},
		"the subject": {change: func(k *calendar.Kept) { k.Event.Subject = "Other" }, want: []string{"subject"}},
		"when it is": {change: func(k *calendar.Kept) {
			k.Event.Start, k.Event.End = at("2026-10-06T12:00"), at("2026-10-06T14:00")
		}, want: []string{"start", "end"}},
		"another zone, the same time": {change: func(k *calendar.Kept) {
			k.Event.Start, k.Event.End = calendar.DateTime{Local: "2026-10-05T10:00:00", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-05T11:00:00", Zone: "UTC"}
		}},
		"all the others": {change: func(k *calendar.Kept) {
			e := &k.Event
			e.Location, e.Categories, e.Body.Content, e.ShowAs, e.Importance, e.Sensitivity = "Hall", []string{"c"}, "text", calendar.Free, calendar.Low,
				calendar.Normal
		}, want: []string{"body", "location", "categories", "show_as", "importance", "sensitivity"}},
		"who was invited, whom a copy names in its text": {change: func(k *calendar.Kept) { k.Event.Attendees = guest }, want: []string{"body"}},
		"who is invited in the calendar as well":         {invited: guest, change: func(*calendar.Kept) {}, want: []string{"body"}},
		"a series of the same rules":                     {series: true, change: func(*calendar.Kept) {}},
		"the rule": {series: true, change: func(k *calendar.Kept) {
			k.Event.Recurrence = &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=3"}}
		}, want: []string{"recurrence"}},
		"the rule, written in another way": {series: true, change: func(k *calendar.Kept) {
			k.Event.Recurrence = &calendar.Recurrence{Rules: []string{"INTERVAL=1;COUNT=4;BYDAY=MO;FREQ=WEEKLY"}}
		}},
		"an instance of it": {series: true, change: func(k *calendar.Kept) {
			x := k.Event
			x.ID, x.Type, x.SeriesMasterID, x.Recurrence, x.Subject = k.Event.ID+"@1", calendar.Exception, k.Event.ID, nil, "Moved"
			x.OriginalStart = time.Date(2026, 10, 12, 10, 0, 0, 0, time.UTC)
			x.Start, x.End = at("2026-10-13T12:00"), at("2026-10-13T13:00")
			k.Exceptions = []calendar.Event{x}
		}, want: []string{"exceptions"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.make(uri("Copy"))
			one := single("1@example.com", "One", "2026-10-05T12:00", "2026-10-05T13:00")
			if test.series {
				one.Event.Type, one.Event.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=4"}}
			}
			one.Event.Attendees = test.invited
			must(t, w.importing("Copy", one))
			test.change(&one)
			w.file = memory{things: []calendar.Kept{one}}
			for _, change := range [][]func(*run.Run, *restore.Input){{dryRun}, nil} {
				r, result := w.restore(restore.Replace, change...)
				_, entries := w.items(r)
				if result.Counts.Replaced != 1 || !slices.Equal(entries[0].Fields, test.want) {
					t.Errorf("preview %v: %v %+v", r.Options.DryRun, result.Counts, entries)
				}
			}
			r, _ := w.restore(restore.Replace) // the copy is now as the file has it
			if _, entries := w.items(r); len(entries[0].Fields) > 0 {
				t.Errorf("again: %+v", entries)
			}
			r, _ = w.restore(restore.Skip)
			if _, entries := w.items(r); entries[0].Outcome != restore.Skipped || len(entries[0].Fields) > 0 {
				t.Errorf("skipped: %+v", entries)
			}
		})
	}
}

func TestAReplacedInstanceTellsWhichOfItsFieldsChange(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.imports(small(t, "83-series.ics"))
	_, _, entries := w.restoreFile(small(t, "83-instance-only.ics"), replacing, dryRun)
	if want := []string{"subject", "start", "end"}; !slices.Equal(entries[0].Fields, want) {
		t.Errorf("an occurrence: %+v", entries)
	}
	w.restoreFile(small(t, "83-instance-only.ics"), replacing)
	_, _, entries = w.restoreFile(small(t, "83-instance-only.ics", "R moved", "R once more"), replacing)
	if want := []string{"subject"}; !slices.Equal(entries[0].Fields, want) {
		t.Errorf("a changed instance: %+v", entries)
	}
}

// TestWhatOutlookCutsIsNoChange plans for a calendar that keeps 255 characters of a subject.
func TestWhatOutlookCutsIsNoChange(t *testing.T) {
	long := make([]byte, 300)
	for i := range long {
		long[i] = 'x'
	}
	file := single("1@example.com", string(long), "2026-10-05T12:00", "2026-10-05T13:00")
	kept := file
	kept.FitOutlook()
	for outlook, want := range map[bool]int{true: 0, false: 1} {
		_, items := plan(t, restore.Settings{Policy: restore.Replace, Outlook: outlook}, []calendar.Kept{file}, []calendar.Kept{kept})
		if items[0].Outcome != restore.Replaced || len(items[0].Fields) != want {
			t.Errorf("Outlook %v: %+v", outlook, items)
		}
	}
}

// TestAnInstanceThatTheSeriesDoesNotHaveIsNoChangeOfIt restores a change of an occurrence that is not: it becomes an event by itself.
func TestAnInstanceThatTheSeriesDoesNotHaveIsNoChangeOfIt(t *testing.T) {
	w := newWorld(t)
	k := single("1@example.com", "One", "2026-10-05T12:00", "2026-10-05T13:00")
	k.Event.Type, k.Event.Recurrence = calendar.Master, &calendar.Recurrence{Rules: []string{"FREQ=WEEKLY;COUNT=4"}}
	x := k.Event
	x.ID, x.Type, x.SeriesMasterID, x.Recurrence = k.Event.ID+"@1", calendar.Exception, k.Event.ID, nil
	x.OriginalStart = time.Date(2026, 10, 7, 10, 0, 0, 0, time.UTC)
	k.Exceptions = []calendar.Event{x}
	w.file = memory{things: []calendar.Kept{k}}
	w.restore(restore.Replace)
	r, _ := w.restore(restore.Replace)
	if _, entries := w.items(r); entries[0].Outcome != restore.Replaced || len(entries[0].Fields) > 0 {
		t.Errorf("%+v", entries)
	}
}
