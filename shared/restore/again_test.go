package restore_test

import (
	"context"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// TestTryingAgainTellsTheFailedFromItsLike has two meetings of the same subject at the same time, of which one failed: what became of the other, created or
// there before, is not taken for it.
func TestTryingAgainTellsTheFailedFromItsLike(t *testing.T) {
	for _, there := range []bool{false, true} {
		w := newWorld(t)
		a, b := single("a@example.com", "Standup", "2026-10-05T10:00", "2026-10-05T11:00"), single("b@example.com", "Standup", "2026-10-05T10:00", "2026-10-05T11:00")
		bad := b
		bad.Event.Start.Zone = "Nowhere"
		w.make(uri("Copy"))
		if there {
			must(t, w.importing("Copy", a))
		}
		w.file = memory{things: []calendar.Kept{a, bad}}
		r, result := w.restore(restore.Skip)
		if result.Counts.Failed != 1 {
			t.Fatalf("%+v", result)
		}
		w.file = memory{things: []calendar.Kept{a, b}}
		again, result := w.restore(restore.Skip, func(next *run.Run, _ *restore.Input) { next.AttemptOf = r.ID })
		if again.State != run.Succeeded || result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Created: 1}) || len(w.kept(uri("Copy")).things) != 2 {
			t.Errorf("there before %v: %s %+v", there, again.State, result)
		}
	}
}

// TestTryingAgainTellsNobody tries a series again that was begun, and to which people were invited since.
func TestTryingAgainTellsNobody(t *testing.T) {
	w := newWorld(t)
	w.file = memory{things: []calendar.Kept{weekly()}}
	r := w.start(restore.Skip)
	must(t, w.runner(w.Table, w.Blobs, unchanging{w.calendar}).Run(t.Context(), r))
	r, _ = w.result(r.ID)
	items, _ := w.items(r)
	if r.State != run.Partial || len(items) != 1 {
		t.Fatalf("%s %+v", r.State, items)
	}
	info, err := w.calendar.Calendar(t.Context(), uri("Copy"))
	must(t, err)
	begun := w.kept(uri("Copy")).things[0]
	begun.Event.IsOrganizer, begun.Event.Attendees = true, []calendar.Attendee{{Person: calendar.Person{Address: "ann@example.com"}}}
	settings := restore.Settings{Policy: restore.Skip, Scope: "calendar#" + info.ID, Notifies: true, Only: map[string]bool{items[0].Key: true}}
	_, planned := plan(t, settings, []calendar.Kept{weekly()}, []calendar.Kept{begun})
	if planned[0].Outcome != restore.Refused || planned[0].Reason == "" {
		t.Errorf("%+v", planned[0])
	}
}

// unchanging refuses to change an event.
type unchanging struct{ calendar.Provider }

var errRefused = fault.New(fault.Forbidden, "not like this")

func (unchanging) Update(_ context.Context, _, _ string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(updates))
	for i := range results {
		results[i].Err = fault.New(fault.Forbidden, "this event must stay as it is")
	}
	return results, nil
}
