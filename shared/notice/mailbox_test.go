package notice

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/action"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// fails lets a run end that could not reach the mailbox, and stores it as its worker does.
func (w *world) fails(change ...func(*run.Run)) *run.Run {
	w.t.Helper()
	r := w.ended(run.Failed, append([]func(*run.Run){func(r *run.Run) {
		r.ID, r.Problem = w.NewID(), &run.Problem{Code: run.OutOfReach, Detail: "the mailbox is out of reach"}
	}}, change...)...)
	w.stores(r)
	w.tell(r)
	return r
}

func (w *world) stores(r *run.Run) {
	w.t.Helper()
	ended, state := r.Ended, r.State
	r.State = run.Queued
	_, _, err := w.runs().Create(w.t.Context(), r)
	must(w.t, err)
	must(w.t, w.runs().Finish(w.t.Context(), r, state, ended))
}

func (w *world) runs() *run.Store { return run.NewStore(w.Table) }

func otherwise(r *run.Run) { r.Problem = &run.Problem{Code: fault.Unavailable.String()} }

func TestAMailboxThatStaysOutOfReachIsAnActionOnTheThirdDay(t *testing.T) {
	const day = 24 * time.Hour
	w := newWorld(t)
	w.fails()
	w.fails() // the same day counts once
	w.clock.Advance(day)
	w.fails()
	if got := w.actions(action.Open); len(got) != 0 || len(w.notes()) != 3 {
		t.Fatalf("after two days there are %d actions and %d notifications", len(got), len(w.notes()))
	}
	w.clock.Advance(day)
	last := w.fails()
	got := w.actions(action.Open)
	if len(got) != 1 || got[0].Kind != action.MailboxOutOfReach || got[0].Subject.ID != last.ID {
		t.Fatalf("%+v", got)
	}
	for _, want := range []string{"since 12 October 2026", "on 3 days", "ask the administrator"} {
		if !strings.Contains(got[0].Detail, want) {
			t.Errorf("%q lacks %q", got[0].Detail, want)
		}
	}
	w.clock.Advance(day)
	w.fails()
	if got := w.actions(action.Open); len(got) != 1 || !strings.Contains(got[0].Detail, "on 4 days") {
		t.Errorf("%+v", got)
	}
	if _, err := w.Actions.Resolve(t.Context(), annKey, got[0].ID); fault.Of(err) != fault.Conflict {
		t.Errorf("a user's word resolves it: %v", err)
	}
	well := w.ended(run.Succeeded)
	w.tell(well)
	if len(w.actions(action.Open)) != 0 || len(w.actions(action.Resolved)) != 1 {
		t.Error("a run that goes well does not resolve it")
	}
}

func TestOnlyDaysInARowOfOneKindOfRunCount(t *testing.T) {
	const day = 24 * time.Hour
	for name, between := range map[string]func(*world){
		"a run went well": func(w *world) { w.stores(w.ended(run.Succeeded, func(r *run.Run) { r.ID = w.NewID() })) },
		"a run failed otherwise": func(w *world) {
			w.stores(w.ended(run.Failed, otherwise, func(r *run.Run) { r.ID = w.NewID() }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.fails()
			w.clock.Advance(day)
			between(w)
			w.fails()
			w.clock.Advance(day)
			w.fails()
			if got := w.actions(action.Open); len(got) != 0 {
				t.Errorf("%+v", got)
			}
			w.clock.Advance(day)
			w.fails()
			if got := w.actions(action.Open); len(got) != 1 || !strings.Contains(got[0].Detail, "since 13 October 2026") {
				t.Errorf("%+v", got)
			}
		})
	}
	t.Run("a cancelled run says nothing, and one of another kind neither", func(t *testing.T) {
		w := newWorld(t)
		w.fails()
		w.clock.Advance(day)
		w.fails()
		w.stores(w.ended(run.Cancelled, func(r *run.Run) { r.ID = w.NewID() }))
		w.stores(w.ended(run.Succeeded, func(r *run.Run) { r.ID, r.Kind = w.NewID(), run.Backup }))
		w.clock.Advance(day)
		w.fails(func(r *run.Run) { r.Kind = run.Backup })
		if got := w.actions(action.Open); len(got) != 0 {
			t.Errorf("%+v", got)
		}
		w.fails()
		if got := w.actions(action.Open); len(got) != 1 {
			t.Errorf("%+v", got)
		}
	})
}
