package chaos_test

import (
	"encoding/json"
	"strings"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// undo undoes a run and the later ones that stand in the way.
func (w *world) undo(id string) (*run.Run, undo.Result) {
	w.t.Helper()
	u := archive.Undoer(*w.runner(w.Table, w.provider))
	undoers := &undo.Undoers{
		Runs: run.NewStore(w.Table), Kinds: run.MustKinds(archive.RunKind, undo.RunKind), Of: map[run.Undoing]undo.Undoer{run.UndoneInLedger: &u},
	}
	_, plan, err := undoers.Plan(w.t.Context(), user, id, undo.Asked{Cascade: true})
	must(w.t, err)
	r, _, err := undoers.New(w.t.Context(), user, id, undo.Asked{Cascade: true, PlanHash: plan.Hash})
	must(w.t, err)
	r.ID, r.State, r.Created = w.NewID(), run.Queued, w.clock()
	r, _, err = run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	must(w.t, undoers.Run(w.t.Context(), r))
	r, err = run.NewStore(w.Table).Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	var result undo.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	return r, result
}

// TestUndoInOutlook undoes and redoes, whatever the service does that it may do.
func TestUndoInOutlook(t *testing.T) {
	const n = 30
	for _, name := range []string{
		"", "rewrites", "ids_change", "transaction_ids=kept", "transaction_ids=dead", "filter=400", "filter=empty", "bump_keys", "locked", "cuts", "zones=few",
		"icaluid=changed", "people_change",
	} {
		t.Run(name, func(t *testing.T) {
			var on []string
			if name != "" {
				on = []string{name}
			}
			w := under(t, on...)
			w.moved = name == "ids_change"
			w.month(n)
			long := w.put(object{
				"subject": strings.TrimSpace(strings.Repeat("Long ", 40)), "start": at(october(28, 9), "UTC"), "end": at(october(28, 10), "UTC"), "showAs": "busy",
				"body": object{"contentType": "html", "content": "<p>" + strings.Repeat("text ", 10_000) + "</p>"},
			})
			c := w.config(archive.AcceptOnDrift)
			first, _ := w.archive(c)
			w.put(object{"id": long, "start": at(october(28, 11), "UTC"), "end": at(october(28, 12), "UTC")})
			second, result := w.archive(c)
			if result.Written != 1 {
				t.Fatalf("%+v", result)
			}
			w.sim.Turn()
			r, done := w.undo(second.ID)
			if r.State != run.Succeeded || done.Counts.Undone != 1 || done.Written != 1 {
				t.Errorf("of drift: %s %+v %+v", r.State, r.Problem, done)
			}
			w.check(c)
			if _, night := w.archive(c); night.Written != 0 || night.Counts.Unchanged != n+1 {
				t.Errorf("the night after: %+v", night)
			}
			r, done = w.undo(first.ID)
			if r.State != run.Succeeded || done.Counts.Undone != n+1 || len(w.copies()) != 0 {
				t.Errorf("of all: %s %+v %+v, %d copies", r.State, r.Problem, done, len(w.copies()))
			}
			if r, done = w.undo(r.ID); r.State != run.Succeeded || done.Written != n+1 || len(w.copies()) != n+1 {
				t.Errorf("redo: %s %+v %+v, %d copies", r.State, r.Problem, done, len(w.copies()))
			}
			w.check(c)
			w.verify(c)
			w.polite()
		})
	}
}

// TestUndoCostsFewRequests counts what an undo of many events asks of Microsoft 365.
func TestUndoCostsFewRequests(t *testing.T) {
	w := under(t)
	w.month(200)
	c := w.config(archive.AskOnDrift)
	first, _ := w.archive(c)
	w.sim.ResetLog()
	_, result := w.undo(first.ID)
	// The calendars, the copies and their texts, for the preview and for the run, and the copies once more with the removals: twenty at a time.
	if got := len(w.sim.Log()); got > 2*(1+10+10)+2*10 || result.Written != 200 {
		t.Errorf("%d requests for %d", got, result.Written)
	}
}
