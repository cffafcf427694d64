package imports

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
	"adminassistant/shared/wiretest"
)

func (w *world) undoers() *undo.Undoers {
	return &undo.Undoers{
		Runs: run.NewStore(w.table), Kinds: run.MustKinds(RunKind, undo.RunKind),
		Of: map[run.Undoing]undo.Undoer{run.UndoneImport: &Undoer{Runner: *w.runner}},
	}
}

// imported puts a file into the calendar, and returns the run.
func (w *world) imported(text string) *run.Run {
	w.t.Helper()
	r := w.queued(text, run.Options{}, false)
	must(w.t, w.runner.Run(w.t.Context(), r))
	return r
}

// toUndo stores the run that undoes another as its user saw it.
func (w *world) toUndo(id string, asked undo.Asked) *run.Run {
	w.t.Helper()
	r, plan, err := w.undoers().Plan(w.t.Context(), user, id, asked)
	must(w.t, err)
	if asked.PlanHash = plan.Hash; asked.DryRun {
		asked.PlanHash = ""
	}
	r, _, err = w.undoers().New(w.t.Context(), user, id, asked)
	must(w.t, err)
	r.ID, r.State, r.Created = w.id(), run.Queued, at
	r, _, err = run.NewStore(w.table).Create(w.t.Context(), r)
	must(w.t, err)
	return r
}

func (w *world) undo(id string, asked undo.Asked) (r *run.Run, result undo.Result) {
	w.t.Helper()
	r = w.toUndo(id, asked)
	must(w.t, w.undoers().Run(w.t.Context(), r))
	must(w.t, json.Unmarshal(r.Result, &result))
	if r.State != run.Succeeded || !result.Balanced {
		w.t.Errorf("the run is %s with %+v", r.State, result)
	}
	return r, result
}

// holds is all that the calendar holds, to the byte.
func (w *world) holds() string {
	w.t.Helper()
	info, err := w.own.Calendar(w.t.Context(), uri)
	must(w.t, err)
	f, err := w.own.Export(w.t.Context(), uri.Account, info.ID)
	must(w.t, err)
	slices.SortFunc(f.Events, func(a, b calendar.Event) int { return strings.Compare(a.ID, b.ID) })
	text, err := json.Marshal(f.Events)
	must(w.t, err)
	return string(text)
}

// edit has the user change the subject of an event.
func (w *world) edit(uid, subject string) {
	w.t.Helper()
	info, err := w.own.Calendar(w.t.Context(), uri)
	must(w.t, err)
	events, err := w.own.Events(w.t.Context(), uri.Account, info.ID, at.AddDate(-1, 0, 0), at.AddDate(1, 0, 0))
	must(w.t, err)
	for _, e := range events {
		if e.ICalUID == uid {
			d := calendar.Draft{Subject: subject, Start: e.Start, End: e.End, ShowAs: e.ShowAs, Importance: e.Importance, Sensitivity: e.Sensitivity}
			results, err := w.own.Update(w.t.Context(), uri.Account, info.ID, []calendar.Update{{ID: e.ID, Draft: d}})
			must(w.t, err)
			must(w.t, results[0].Err)
		}
	}
}

// series is a weekly series, with an instance of another subject if there is one.
func series(subject, instance string) string {
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20261005T120000Z\r\n" +
		"DTEND:20261005T130000Z\r\nRRULE:FREQ=WEEKLY;COUNT=4\r\nSUMMARY:" + subject + "\r\nEND:VEVENT\r\n"
	if instance != "" {
		text += "BEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260102T000000Z\r\nRECURRENCE-ID:20261012T120000Z\r\nDTSTART:20261013T120000Z\r\n" +
			"DTEND:20261013T130000Z\r\nSUMMARY:" + instance + "\r\nEND:VEVENT\r\n"
	}
	return text + "END:VCALENDAR\r\n"
}

func TestAnImportIsUndoneAndThatToo(t *testing.T) {
	w := newWorld(t, &wiretest.Wire{})
	w.imported(series("Weekly", "Moved"))
	w.imported(file(3, "old"))
	before := w.holds()
	later := strings.Replace(file(5, "new"), "20260101", "20260301", -1)
	second := w.imported(strings.Replace(later, "END:VCALENDAR\r\n", "", 1) +
		strings.Replace(strings.Replace(series("Weekly, renamed", ""), "20260101", "20260301", 1), "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n", "", 1))
	after := w.holds()

	_, plan, err := w.undoers().Plan(t.Context(), user, second.ID, undo.Asked{})
	must(t, err)
	does := map[undo.Step]int{}
	for _, it := range plan.Items {
		does[it.Does]++
		if it.Does == undo.Changes && (it.Becomes == nil || it.Becomes.Subject == it.Appointment.Subject) {
			t.Errorf("%+v", it)
		}
	}
	if does[undo.Removes] != 2 || does[undo.Changes] != 4 || plan.Counts.Undone != 6 || w.holds() != after {
		t.Errorf("%v %+v", does, plan.Counts)
	}
	dry, shown := w.undo(second.ID, undo.Asked{DryRun: true})
	if shown.PlanHash != plan.Hash || shown.Written != 0 || w.holds() != after || dry.Lease != "" {
		t.Errorf("%+v", shown)
	}
	first, undone := w.undo(second.ID, undo.Asked{})
	if w.holds() != before || undone.Written != 6 || !slices.Equal(undone.Runs, []string{second.ID}) {
		t.Errorf("%+v, there are\n%s\nwant\n%s", undone, w.holds(), before)
	}
	again, _ := w.undo(first.ID, undo.Asked{})
	if w.holds() != after {
		t.Errorf("undoing the undo: there are\n%s\nwant\n%s", w.holds(), after)
	}
	if w.undo(again.ID, undo.Asked{}); w.holds() != before {
		t.Errorf("and that: there are\n%s\nwant\n%s", w.holds(), before)
	}
	// What is as it was already is no work.
	if _, nothing := w.undo(second.ID, undo.Asked{}); nothing.Written != 0 || nothing.Counts.Undone != 6 {
		t.Errorf("once more: %+v", nothing)
	}
}

func TestAnUndoOfAnImportLeavesWhatChangedSince(t *testing.T) {
	w := newWorld(t, &wiretest.Wire{})
	first := w.imported(file(4, "old"))
	second := w.imported(strings.Replace(strings.Replace(file(1, "new"), "UID:0", "UID:1", 1), "20260101", "20260301", 1))
	w.edit("2", "mine")
	_, plan, err := w.undoers().Plan(t.Context(), user, first.ID, undo.Asked{})
	must(t, err)
	got := map[string]string{}
	for _, it := range plan.Items {
		got[it.Key] = string(it.Reason) + it.By
	}
	if want := map[string]string{"0": "", "1": "changed_since" + second.ID, "2": "altered_in_calendar", "3": ""}; fmt.Sprint(got) != fmt.Sprint(want) ||
		!slices.Equal(plan.Later, []string{second.ID}) {
		t.Errorf("%v, later %v", got, plan.Later)
	}
	_, undone := w.undo(first.ID, undo.Asked{})
	if found := w.subjects(); undone.Counts.Skipped != 2 || undone.Counts.Undone != 2 || found["new"] != 1 || found["mine"] != 1 || len(found) != 2 {
		t.Errorf("%+v, there are %v", undone.Counts, found)
	}
	_, undone = w.undo(first.ID, undo.Asked{Cascade: true})
	if found := w.subjects(); found["mine"] != 1 || len(found) != 1 || !slices.Equal(undone.Runs[len(undone.Runs)-2:], []string{second.ID, first.ID}) {
		t.Errorf("with what stands in the way: %+v, there are %v", undone, found)
	}
	if w.undo(first.ID, undo.Asked{Force: true, Cascade: true}); len(w.subjects()) != 0 {
		t.Errorf("with force there are %v", w.subjects())
	}
}

func TestAnUndoOfAnImportThatIsNotWhatWasSeenDoesNothing(t *testing.T) {
	w := newWorld(t, &wiretest.Wire{})
	first := w.imported(file(2, "old"))
	r := w.toUndo(first.ID, undo.Asked{})
	w.edit("1", "mine")
	must(t, w.undoers().Run(t.Context(), r))
	if r.State != run.Failed || r.Problem.Code != undo.Changed || len(w.subjects()) != 2 {
		t.Errorf("%s %+v, there are %v", r.State, r.Problem, w.subjects())
	}
}

func TestWhatCannotBeUndoneOfAnImportIsSaid(t *testing.T) {
	w := newWorld(t, &wiretest.Wire{})
	waiting := w.queued(file(1, "a"), run.Options{}, false)
	if _, _, err := w.undoers().New(t.Context(), user, waiting.ID, undo.Asked{}); !errors.Is(err, undo.ErrUnderWay) {
		t.Errorf("one that is under way: %v", err)
	}
	must(t, w.runner.Run(t.Context(), waiting))
	same := w.imported(file(1, "a"))
	if _, _, err := w.undoers().Plan(t.Context(), user, same.ID, undo.Asked{}); !errors.Is(err, undo.ErrNothing) {
		t.Errorf("one that changed nothing: %v", err)
	}
	must(t, w.runner.Blobs.Delete(t.Context(), w.runner.Folder(user)+keptName(waiting.ID)))
	if _, _, err := w.undoers().Plan(t.Context(), user, waiting.ID, undo.Asked{}); fault.Of(err) != fault.NotFound {
		t.Errorf("one of which nothing is kept: %v", err)
	}
	info, err := w.own.Calendar(t.Context(), uri)
	must(t, err)
	must(t, w.own.DeleteCalendar(t.Context(), uri.Account, info.ID))
	if _, _, err := w.undoers().Plan(t.Context(), user, same.ID, undo.Asked{}); fault.Of(err) != fault.NotFound || !strings.Contains(err.Error(), "is gone") {
		t.Errorf("one of a calendar that is gone: %v", err)
	}
}

// TestAnUndoOfAnImportIsThereWithItsRun has the process die at every request, and another one go on.
func TestAnUndoOfAnImportIsThereWithItsRun(t *testing.T) {
	for _, n := range []int{3, 46} { // what fits into one transaction, and what does not
		t.Run(fmt.Sprint(n, " events"), func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, wire *wiretest.Wire) {
				w := newWorld(t, &wiretest.Wire{})
				w.imported(file(2, "old"))
				before := w.holds()
				second := w.imported(strings.ReplaceAll(file(n, "new"), "20260101", "20260301"))
				after := w.holds()
				r := w.toUndo(second.ID, undo.Asked{})
				dying := *w.runner
				dying.Table, dying.Blobs = wire.Table(w.table), wire.Blobs(w.runner.Blobs)
				dying.Local = func(user string) Calendars { return local.New(wire.Table(w.table), w.id, dying.Clock).For(user) }
				_ = (&Undoer{Runner: dying}).Run(t.Context(), r)
				r = w.stored(r.ID)
				switch holds := w.holds(); {
				case r.State == run.Succeeded && holds == before:
				case !r.State.Ended() && holds == after:
					w.runner.Clock = func() time.Time { return at.Add(time.Hour) } // nobody has the calendar any more
					must(t, w.undoers().Run(t.Context(), r))
				default:
					t.Fatalf("the run is %s, and there are %v", r.State, w.subjects())
				}
				if w.holds() != before || w.stored(r.ID).State != run.Succeeded {
					t.Errorf("the run is %s, and there are %v", w.stored(r.ID).State, w.subjects())
				}
				if w.undo(r.ID, undo.Asked{}); w.holds() != after {
					t.Errorf("undone itself, there are %v", w.subjects())
				}
			})
		})
	}
}

func TestAnExportOfWhatIsUndoneIsReadable(t *testing.T) {
	w := newWorld(t, &wiretest.Wire{})
	w.imported(series("Weekly", "Moved"))
	second := w.imported(strings.ReplaceAll(series("Renamed", ""), "20260101", "20260301"))
	w.undo(second.ID, undo.Asked{})
	info, err := w.own.Calendar(t.Context(), uri)
	must(t, err)
	f, err := w.own.Export(t.Context(), uri.Account, info.ID)
	must(t, err)
	var text bytes.Buffer
	must(t, ics.Write(&text, f, at))
	if n := strings.Count(text.String(), "SUMMARY:Moved"); n != 1 || strings.Contains(text.String(), "Renamed") {
		t.Errorf("%s", text.String())
	}
}
