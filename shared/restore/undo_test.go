package restore_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/undo"
	"adminassistant/shared/wiretest"
)

func (w *world) undoers(t store.Table, b blob.Blob, p calendar.Provider) *undo.Undoers {
	return &undo.Undoers{
		Runs: run.NewStore(t), Kinds: run.MustKinds(restore.RunKind, undo.RunKind),
		Of: map[run.Undoing]undo.Undoer{run.UndoneInCalendar: &restore.Undoer{Runner: *w.runner(t, b, p)}},
	}
}

// asked stores an undo run of what its user was shown.
func (w *world) asked(id string, force bool) (*run.Run, undo.Plan) {
	w.t.Helper()
	_, plan, err := w.undoers(w.Table, w.Blobs, w.calendar).Plan(w.t.Context(), user, id, undo.Asked{Force: force})
	must(w.t, err)
	r, _, err := w.undoers(w.Table, w.Blobs, w.calendar).New(w.t.Context(), user, id, undo.Asked{Force: force, PlanHash: plan.Hash})
	must(w.t, err)
	r.ID, r.State, r.Created = w.NewID(), run.Queued, w.Now()
	r, _, err = run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	return r, plan
}

// undo undoes a run, and returns the run that did with its result.
func (w *world) undo(id string, force bool) (*run.Run, undo.Result) {
	w.t.Helper()
	r, plan := w.asked(id, force)
	must(w.t, w.undoers(w.Table, w.Blobs, w.calendar).Run(w.t.Context(), r))
	r, result := w.undone(r.ID)
	if result.Counts.Failed == 0 && cmp.Diff(plan.Counts, result.Counts) != "" {
		w.t.Errorf("planned %+v, done %+v", plan.Counts, result.Counts)
	}
	return r, result
}

func (w *world) undone(id string) (*run.Run, undo.Result) {
	w.t.Helper()
	r, err := run.NewStore(w.Table).Get(w.t.Context(), user, id)
	must(w.t, err)
	var result undo.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	if !result.Balanced {
		w.t.Errorf("the sums do not balance: %+v", result)
	}
	return r, result
}

// marked is what the calendar Copy keeps, to the byte, but for what every write of an event changes.
func (w *world) bytes() []string {
	w.t.Helper()
	var told []string
	tell := func(e calendar.Event) string {
		e.ID, e.ICalUID, e.SeriesMasterID, e.ChangeKey, e.LastModified, e.Created, e.Stamp, e.Sequence = "", "", "", "", time.Time{}, time.Time{}, time.Time{}, 0
		e.Mark, e.BodyPreview, e.StartZone, e.EndZone = "", "", "", ""
		data, err := json.Marshal(e)
		must(w.t, err)
		return string(data)
	}
	for _, k := range w.kept(uri("Copy")).things {
		lines := []string{tell(k.Event)}
		for _, e := range k.Exceptions {
			lines = append(lines, tell(e))
		}
		slices.Sort(lines[1:])
		told = append(told, strings.Join(lines, "\n"))
	}
	slices.Sort(told)
	return told
}

// alter changes an event of the calendar Copy, as a user does.
func (w *world) alter(subject string, change func(*calendar.Draft)) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Copy"))
	must(w.t, err)
	for _, k := range w.kept(uri("Copy")).things {
		if e := k.Event; e.Subject == subject {
			d := calendar.Draft{Mark: e.Mark, Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location,
				Categories: e.Categories, ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity, Recurrence: e.Recurrence}
			change(&d)
			results, err := w.calendar.Update(w.t.Context(), "me", info.ID, []calendar.Update{{ID: e.ID, Draft: d}})
			must(w.t, err)
			must(w.t, results[0].Err)
		}
	}
}

func TestUndoOfARestoreRemovesWhatItCreatedAndItsUndoBringsItBack(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	must(t, w.importing("Copy", single("mine@example.com", "Mine", "2026-10-01T10:00", "2026-10-01T11:00")))
	before := w.bytes()
	w.file = everything()
	r, _ := w.restore(restore.Skip)
	after, canonical := w.bytes(), w.canonical(w.kept(uri("Copy")))
	if _, plan := w.asked(r.ID, false); plan.Counts.Undone != 6 || plan.Items[0].Appointment.Subject != "Night shift" || plan.Items[0].Does != undo.Removes {
		t.Errorf("%+v", plan)
	}
	undone, result := w.undo(r.ID, false)
	if undone.State != run.Succeeded || result.Counts.Undone != 6 || result.Written != 6 {
		t.Errorf("%s %+v", undone.State, result)
	}
	if diff := cmp.Diff(before, w.bytes()); diff != "" {
		t.Errorf("(- before, + after):\n%s", diff)
	}
	redone, result := w.undo(undone.ID, false)
	if redone.State != run.Succeeded || result.Written != 6 {
		t.Errorf("%s %+v", redone.State, result)
	}
	if diff := cmp.Diff(canonical, w.canonical(w.kept(uri("Copy")))); diff != "" {
		t.Errorf("redo (- before, + after):\n%s", diff)
	}
	if diff := cmp.Diff(after, w.bytes()); diff != "" {
		t.Errorf("redo, to the byte (- before, + after):\n%s", diff)
	}
	if _, result := w.undo(undone.ID, false); result.Written != 0 || result.Counts.Undone != 6 || len(w.kept(uri("Copy")).things) != 7 {
		t.Errorf("what is there already is not made twice: %+v", result)
	}
	if _, result := w.undo(r.ID, false); result.Written != 6 {
		t.Errorf("the restore undone once more: %+v", result)
	}
	if _, result := w.undo(r.ID, false); result.Written != 0 || result.Counts.Undone != 6 {
		t.Errorf("what is gone already is done: %+v", result)
	}
}

func TestUndoOfARestorePutsBackWhatItReplacedToTheByte(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.file = everything()
	must(t, w.importing("Copy", w.file.things...))
	before := w.bytes()
	for i := range w.file.things {
		w.file.things[i].Event.Location, w.file.things[i].Event.Body.Content = "Elsewhere", "As the file has it"
	}
	r, result := w.restore(restore.Replace)
	if result.Counts.Replaced != 6 {
		t.Fatalf("%+v", result)
	}
	after := w.bytes()
	undone, undoing := w.undo(r.ID, false)
	if undone.State != run.Succeeded || undoing.Counts.Undone != 6 || undoing.Written != 6 {
		t.Errorf("%s %+v", undone.State, undoing)
	}
	if diff := cmp.Diff(before, w.bytes()); diff != "" {
		t.Errorf("(- before, + after):\n%s", diff)
	}
	w.undo(undone.ID, false)
	if diff := cmp.Diff(after, w.bytes()); diff != "" {
		t.Errorf("redo (- before, + after):\n%s", diff)
	}
}

func TestUndoOfARestoreThatMadeASeriesOfAnEvent(t *testing.T) {
	plain := weekly()
	plain.Event.Type, plain.Event.Recurrence, plain.Exceptions = calendar.Single, nil, nil
	for name, put := range map[string]func(w *world){
		"of somebody else's": func(w *world) { must(t, w.importing("Copy", plain)) },
		"of one of ours": func(w *world) {
			w.file = memory{things: []calendar.Kept{plain}}
			w.restore(restore.Skip)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.make(uri("Copy"))
			put(w)
			before := w.canonical(w.kept(uri("Copy")))
			w.file = memory{things: []calendar.Kept{weekly()}}
			r, result := w.restore(restore.Replace)
			if result.Counts.Replaced != 1 {
				t.Fatalf("%+v", result)
			}
			after := w.canonical(w.kept(uri("Copy")))
			undone, result2 := w.undo(r.ID, false)
			if diff := cmp.Diff(before, w.canonical(w.kept(uri("Copy")))); diff != "" || result2.Counts.Undone != 1 {
				t.Errorf("%+v (- before, + after):\n%s", result2, diff)
			}
			w.undo(undone.ID, false)
			if diff := cmp.Diff(after, w.canonical(w.kept(uri("Copy")))); diff != "" {
				t.Errorf("redo (- before, + after):\n%s", diff)
			}
		})
	}
}

func TestUndoOfOneInstancePutsItBackAlone(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.imports(small(t, "83-series.ics"))
	r, _, entries := w.restoreFile(small(t, "83-instance-only.ics"), replacing)
	w.wants("05T16:00 R", "13T19:00 R moved", "19T16:00 R", "26T16:00 R")
	if len(entries) != 1 || entries[0].Outcome != restore.Replaced {
		t.Fatalf("%+v", entries)
	}
	undone, result := w.undo(r.ID, false)
	if undone.State != run.Succeeded || result.Counts.Undone != 1 || result.Written != 1 {
		t.Errorf("%s %+v", undone.State, result)
	}
	w.wants("05T16:00 R", "12T16:00 R", "19T16:00 R", "26T16:00 R")
	if redone, result := w.undo(undone.ID, false); redone.State != run.Succeeded || result.Written != 1 {
		t.Errorf("%s %+v", redone.State, result)
	}
	w.wants("05T16:00 R", "13T19:00 R moved", "19T16:00 R", "26T16:00 R")
}

func TestUndoOfARestoreLeavesAloneWhatChangedSince(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.file = everything()
	r, _ := w.restore(restore.Skip)
	w.alter("Acme", func(d *calendar.Draft) { d.Location = "Mine" })
	w.alter("Review", func(d *calendar.Draft) { d.Mark = "" })
	undone, result := w.undo(r.ID, false)
	if undone.State != run.Succeeded || result.Counts.Undone != 4 || result.Counts.By[undo.Altered] != 2 {
		t.Errorf("%s %+v", undone.State, result)
	}
	left := w.kept(uri("Copy"))
	if len(left.things) != 2 {
		t.Errorf("%d are left", len(left.things))
	}
	if _, result := w.undo(r.ID, true); result.Written != 1 {
		t.Errorf("by force: %+v", result)
	}
	if left := w.kept(uri("Copy")); len(left.things) != 1 || left.things[0].Event.Subject != "Review" {
		t.Errorf("what has no mark of ours was removed: %+v", left.things)
	}
}

func TestUndoOfARestoreLeavesAloneWhatALaterOneWrote(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.file = everything()
	first, _ := w.restore(restore.Skip)
	w.file.things = w.file.things[:2]
	for i := range w.file.things {
		w.file.things[i].Event.Location = "Elsewhere"
	}
	second, _ := w.restore(restore.Replace)
	_, plan, err := w.undoers(w.Table, w.Blobs, w.calendar).Plan(t.Context(), user, first.ID, undo.Asked{Force: true})
	must(t, err)
	if plan.Counts.By[undo.ChangedSince] != 2 || plan.Counts.Undone != 4 || !slices.Equal(plan.Later, []string{second.ID}) {
		t.Errorf("%+v, later %v", plan.Counts, plan.Later)
	}
	if _, result := w.undo(second.ID, false); result.Counts.Undone != 2 {
		t.Errorf("the second one: %+v", result)
	}
	if _, result := w.undo(first.ID, false); result.Counts.Undone != 6 || len(w.kept(uri("Copy")).things) != 0 {
		t.Errorf("the first one then: %+v", result)
	}
}

func TestADryRunOfAnUndoWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.file = everything()
	of, _ := w.restore(restore.Skip)
	undoers := w.undoers(w.Table, w.Blobs, w.calendar)
	r, _, err := undoers.New(t.Context(), user, of.ID, undo.Asked{DryRun: true})
	must(t, err)
	r.ID, r.State, r.Created = w.NewID(), run.Queued, w.Now()
	r, _, err = run.NewStore(w.Table).Create(t.Context(), r)
	must(t, err)
	before := w.bytes()
	must(t, undoers.Run(t.Context(), r))
	r, result := w.undone(r.ID)
	_, plan := w.asked(of.ID, false)
	if r.State != run.Succeeded || result.PlanHash != plan.Hash || result.Counts.Undone != 6 || result.Written != 0 || r.Pages != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(before, w.bytes()); diff != "" {
		t.Errorf("it wrote:\n%s", diff)
	}
}

func TestAnUndoOfARestoreSurvivesDyingAnywhere(t *testing.T) {
	for name, policy := range map[string]restore.Policy{"created": restore.Duplicate, "replaced": restore.Replace} {
		t.Run(name, func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := newWorld(t)
				w.make(uri("Copy"))
				w.file = memory{things: []calendar.Kept{weekly(), single("a@example.com", "Acme", "2026-10-05T10:00", "2026-10-05T11:00")}}
				must(t, w.importing("Copy", w.file.things...))
				before := w.bytes()
				for i := range w.file.things {
					w.file.things[i].Event.Location = "Elsewhere"
				}
				of, _ := w.restore(policy)
				r, _ := w.asked(of.ID, false)
				err := w.undoers(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), r)
				if !dying.Dead() {
					must(t, err)
				}
				w.Advance(2 * time.Minute)
				again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
				must(t, err)
				if !again.State.Ended() {
					must(t, w.undoers(w.Table, w.Blobs, w.calendar).Run(t.Context(), again))
				}
				r, result := w.undone(r.ID)
				if r.State != run.Succeeded || result.Counts.Undone != 2 {
					t.Errorf("%s %+v", r.State, result)
				}
				if diff := cmp.Diff(before, w.bytes()); diff != "" {
					t.Errorf("(- before, + after):\n%s", diff)
				}
			})
		})
	}
}

func TestARedoOfARestoreSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		w.make(uri("Copy"))
		w.file = memory{things: []calendar.Kept{weekly(), single("a@example.com", "Acme", "2026-10-05T10:00", "2026-10-05T11:00")}}
		of, _ := w.restore(restore.Skip)
		after := w.bytes()
		undone, _ := w.undo(of.ID, false)
		r, _ := w.asked(undone.ID, false)
		err := w.undoers(dying.Table(w.Table), dying.Blobs(w.Blobs), dying.Provider(w.calendar)).Run(t.Context(), r)
		if !dying.Dead() {
			must(t, err)
		}
		w.Advance(2 * time.Minute)
		again, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
		must(t, err)
		if !again.State.Ended() {
			must(t, w.undoers(w.Table, w.Blobs, w.calendar).Run(t.Context(), again))
		}
		if diff := cmp.Diff(after, w.bytes()); diff != "" {
			t.Errorf("(- before, + after):\n%s", diff)
		}
	})
}

func TestUndoOfALongRestoreGoesChunkByChunk(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	for i := range 95 {
		start := time.Date(2026, 11, 2, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour)
		w.file.things = append(w.file.things, single(fmt.Sprintf("n%d@example.com", i), fmt.Sprintf("Work %d", i),
			start.Format("2006-01-02T15:04"), start.Add(30*time.Minute).Format("2006-01-02T15:04")))
	}
	of, _ := w.restore(restore.Skip)
	r, result := w.undo(of.ID, false)
	if result.Counts.Undone != 95 || len(w.kept(uri("Copy")).things) != 0 || r.Pages != 3 {
		t.Errorf("%+v, %d pages", result, r.Pages)
	}
}

func TestUndoOfARestoreWhoseThingsMovedOnDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	w.file = everything()
	of, _ := w.restore(restore.Skip)
	r, _ := w.asked(of.ID, false)
	w.alter("Acme", func(d *calendar.Draft) { d.Location = "Mine" })
	must(t, w.undoers(w.Table, w.Blobs, w.calendar).Run(t.Context(), r))
	if r, _ := w.undone(r.ID); r.State != run.Failed || r.Problem.Code != undo.Changed || len(w.kept(uri("Copy")).things) != 6 {
		t.Errorf("%s %+v", r.State, r.Problem)
	}
}

func TestUndoOfARestoreIntoACalendarThatIsGone(t *testing.T) {
	w := newWorld(t)
	w.file = everything()
	of, _ := w.restore(restore.Skip)
	info, err := w.calendar.Calendar(t.Context(), uri("Copy"))
	must(t, err)
	must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
	plan := func() error {
		_, _, err := w.undoers(w.Table, w.Blobs, w.calendar).Plan(t.Context(), user, of.ID, undo.Asked{})
		return err
	}
	if err := plan(); fault.Of(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	w.make(uri("Copy"))
	if err := plan(); fault.Of(err) != fault.Conflict {
		t.Errorf("another one of its name: %v", err)
	}
}
