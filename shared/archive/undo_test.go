package archive_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/undo"
)

// undoers undo over a table and a provider, which may fail.
func (w *world) undoers(t store.Table, p calendar.Provider) *undo.Undoers {
	u := archive.Undoer(*w.runner(t, p))
	return &undo.Undoers{
		Runs: run.NewStore(t), Kinds: run.MustKinds(archive.RunKind, archive.DecideKind, archive.RepairKind, undo.RunKind),
		Of: map[run.Undoing]undo.Undoer{run.UndoneInLedger: &u},
	}
}

// how an undo is asked for.
type how struct{ cascade, force bool }

// preview says what undoing a run would do.
func (w *world) preview(id string, h how) undo.Plan {
	w.t.Helper()
	_, plan, err := w.undoers(w.Table, w.calendar).Plan(w.t.Context(), user, id, undo.Asked{Cascade: h.cascade, Force: h.force})
	must(w.t, err)
	return plan
}

// toUndo stores an undo run of what its user was shown.
func (w *world) toUndo(id string, h how) *run.Run {
	w.t.Helper()
	r, _, err := w.undoers(w.Table, w.calendar).New(w.t.Context(), user, id, undo.Asked{
		Cascade: h.cascade, Force: h.force, PlanHash: w.preview(id, h).Hash,
	})
	must(w.t, err)
	r.ID, r.State, r.Created = w.NewID(), run.Queued, w.Now()
	r, created, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	if !created {
		w.t.Fatalf("run %s is under way", r.ID)
	}
	return r
}

// undo undoes a run, and returns the run that did with its result.
func (w *world) undo(id string, h how) (*run.Run, undo.Result) {
	w.t.Helper()
	r := w.toUndo(id, h)
	must(w.t, w.undoers(w.Table, w.calendar).Run(w.t.Context(), r))
	return w.undone(r.ID)
}

func (w *world) undone(id string) (*run.Run, undo.Result) {
	w.t.Helper()
	r := w.again(id)
	var result undo.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	if !result.Balanced {
		w.t.Errorf("the sums do not balance: %+v", result)
	}
	return r, result
}

// shown is all that the archive calendar shows, but for ids, change keys, marks and when it was written.
func (w *world) shown() []calendar.Event {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	events := w.read(info.ID)
	var ids []string
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	found, err := w.calendar.Find(w.t.Context(), "me", info.ID, ids)
	must(w.t, err)
	events = events[:0]
	for _, id := range ids {
		e := found[id]
		e.ID, e.ICalUID, e.ChangeKey, e.Mark, e.Sequence = "", "", "", "", 0
		e.Created, e.LastModified, e.Stamp = time.Time{}, time.Time{}, time.Time{}
		events = append(events, e)
	}
	slices.SortFunc(events, func(a, b calendar.Event) int {
		return strings.Compare(a.Subject+a.Start.Local, b.Subject+b.Start.Local)
	})
	return events
}

// editCopy changes the copy of a subject in the archive calendar, as a user does in Outlook.
func (w *world) editCopy(subject string, change func(*calendar.Draft)) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	for _, e := range w.read(info.ID) {
		if e.Subject != subject {
			continue
		}
		d := calendar.Draft{
			Subject: e.Subject, Body: e.Body, Start: e.Start, End: e.End, AllDay: e.AllDay, Location: e.Location, Categories: e.Categories, ShowAs: e.ShowAs,
			Importance: e.Importance, Sensitivity: e.Sensitivity, Mark: e.Mark,
		}
		change(&d)
		results, err := w.calendar.Update(w.t.Context(), "me", info.ID, []calendar.Update{{ID: e.ID, Draft: d}})
		must(w.t, err)
		must(w.t, results[0].Err)
	}
}

// throw deletes the copy of a subject from the archive calendar.
func (w *world) throw(subject string) {
	w.t.Helper()
	info, err := w.calendar.Calendar(w.t.Context(), uri("Archive"))
	must(w.t, err)
	for _, e := range w.read(info.ID) {
		if e.Subject == subject {
			_, err := w.calendar.Delete(w.t.Context(), "me", info.ID, []string{e.ID})
			must(w.t, err)
		}
	}
}

// of returns what a plan says of a subject: "outcome does reason".
func of(p undo.Plan, subject string) string {
	for _, it := range p.Items {
		if it.Appointment.Subject == subject {
			return strings.TrimSpace(fmt.Sprintf("%s %s %s", it.Outcome, it.Does, it.Reason))
		}
	}
	return "none"
}

func accepting(c *archive.Config) { c.OnDrift = archive.AcceptOnDrift }

func TestUndoTakesTheCopiesOfARunOutAgainAndTheNextNightLeavesThemOut(t *testing.T) {
	w := newWorld(t)
	w.month(50)
	c := w.config()
	first, _ := w.archive(c)
	plan := w.preview(first.ID, how{})
	if plan.Counts.Undone != 50 || plan.Counts.Participants != 50 || len(plan.Hours) != 1 ||
		plan.Hours[0] != (undo.CustomerHours{Customer: "Acme", Before: 50 * 1800, After: 0}) || of(plan, "Work 7") != "undone removes" {
		t.Errorf("the plan: %+v, %+v", plan.Counts, plan.Hours)
	}
	if plan.Items[0].Appointment.Subject != "Work 49" {
		t.Errorf("it begins with %s", plan.Items[0].Appointment.Subject)
	}
	r, result := w.undo(first.ID, how{})
	if r.State != run.Succeeded || result.Counts.Undone != 50 || result.Written != 50 || result.Counts.Participants != 50 || result.Link == "" {
		t.Errorf("%s %+v %+v", r.State, r.Problem, result)
	}
	expect(t, "copies", w.copies())
	for _, e := range w.versions(c.ID, "Work 3") {
		if e.Version == 2 && (e.Outcome != ledger.Withdrawn || e.Reverses != first.ID || e.Reason != "undo" || e.Run != r.ID || e.CopyID != "") {
			t.Errorf("%+v", e)
		}
	}
	w.verify(c)
	if _, night := w.archive(c); night.Counts.Archived != 0 || night.Counts.Superseded != 50 || night.Written != 0 || night.Counts.Vanished != 0 {
		t.Errorf("the next night: %+v", night.Counts)
	}
	expect(t, "copies after the night", w.copies())
	if got := w.preview(first.ID, how{}); got.Counts.Undone != 50 || of(got, "Work 3") != "undone nothing" {
		t.Errorf("undone once more: %+v", got.Counts)
	}
}

func TestWhatWasUndoneAndThenChangesInTheSourceIsArchivedAgain(t *testing.T) {
	w := newWorld(t)
	id := w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config()
	first, _ := w.archive(c)
	w.undo(first.ID, how{})
	w.rewrite(id, func(d *calendar.Draft) { d.Subject = "Review, long" })
	if _, night := w.archive(c); night.Counts.Archived != 1 {
		t.Errorf("%+v", night.Counts)
	}
	if got := w.preview(first.ID, how{}); of(got, "Review, long") != "skipped nothing changed_since" {
		t.Errorf("the first run: %+v", got.Items)
	}
}

func TestUndoOfAnUndoBringsBackWhatWasThere(t *testing.T) {
	w := newWorld(t)
	w.month(45)
	w.add("Long text", "2026-10-20T09:00", "2026-10-20T10:00", func(d *calendar.Draft) {
		d.Body = calendar.Body{ContentType: "html", Content: "<p>" + strings.Repeat("long ", 20000) + "</p>"}
		d.Location = "Berlin"
	})
	c := w.config()
	first, _ := w.archive(c)
	before := w.shown()
	undone, _ := w.undo(first.ID, how{})
	redone, result := w.undo(undone.ID, how{})
	if redone.State != run.Succeeded || result.Written != 46 {
		t.Errorf("%s %+v", redone.State, result)
	}
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("what is shown (- before, + after redo):\n%s", diff)
	}
	long := w.versions(c.ID, "Long text")
	if n := len(long); n != 3 || long[2].Outcome != ledger.Archived || long[2].Restores != 1 || long[2].Reverses != undone.ID || long[2].Hash != long[0].Hash {
		t.Errorf("%d versions: %+v", n, long[n-1])
	}
	if _, night := w.archive(c); night.Counts.Unchanged != 46 || night.Written != 0 {
		t.Errorf("the next night: %+v", night.Counts)
	}
	// Once more there and back, by the run of the undo and by the first run.
	again, _ := w.undo(redone.ID, how{})
	expect(t, "copies", w.copies())
	w.undo(again.ID, how{})
	if _, result := w.undo(first.ID, how{}); result.Written != 46 || len(w.copies()) != 0 {
		t.Errorf("the first run undone again: %+v", result)
	}
	w.verify(c)
}

func TestUndoOfAcceptedDriftBringsBackTheFormerVersionToTheByteAndTheNightKeepsIt(t *testing.T) {
	w := newWorld(t)
	id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00", func(d *calendar.Draft) {
		d.Body, d.Location = calendar.Body{ContentType: "text", Content: "Bring the plans"}, "Room 1"
	})
	c := w.config(accepting)
	first, _ := w.archive(c)
	before := w.shown()
	w.rewrite(id, func(d *calendar.Draft) {
		d.Subject, d.Location = "Workshop, moved", "Room 2"
		d.Start.Local, d.End.Local = "2026-10-21T09:00:00", "2026-10-21T10:00:00"
	})
	second, _ := w.archive(c)
	plan := w.preview(second.ID, how{})
	if of(plan, "Workshop, moved") != "undone changes" || plan.Hours[0] != (undo.CustomerHours{Customer: "Acme", Before: 3600, After: 3 * 3600}) {
		t.Errorf("%+v %+v", plan.Items, plan.Hours)
	}
	if got := w.preview(first.ID, how{}); of(got, "Workshop, moved") != "skipped nothing changed_since" || !slices.Equal(got.Later, []string{second.ID}) ||
		got.Items[0].By != second.ID {
		t.Errorf("the first run: %+v", got)
	}
	r, result := w.undo(second.ID, how{})
	if r.State != run.Succeeded || result.Written != 1 {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("what is shown (- before, + after):\n%s", diff)
	}
	there := slices.DeleteFunc(w.versions(c.ID, "Workshop"), func(e ledger.Entry) bool { return e.Outcome == ledger.Moved })
	old, now := there[0], there[1]
	old.Draft.Mark, old.Draft.TransactionID = now.Draft.Mark, now.Draft.TransactionID
	if diff := cmp.Diff(old.Draft, now.Draft); diff != "" || now.CopyID != old.CopyID {
		t.Errorf("what was written (- first, + again):\n%s", diff)
	}
	for range 2 {
		if _, night := w.archive(c); night.Counts.Unchanged != 1 || night.Written != 0 || night.Actions != 0 {
			t.Errorf("the next night: %+v", night)
		}
	}
	if _, result := w.undo(first.ID, how{}); result.Written != 1 || len(w.copies()) != 0 {
		t.Errorf("the first run: %+v, %v", result, w.copies())
	}
	w.verify(c)
}

func TestUndoOfAnUndoneDriftBringsTheDriftBack(t *testing.T) {
	w := newWorld(t)
	id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00")
	c := w.config(accepting)
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Room 2" })
	second, _ := w.archive(c)
	after := w.shown()
	undone, _ := w.undo(second.ID, how{})
	w.undo(undone.ID, how{})
	if diff := cmp.Diff(after, w.shown()); diff != "" {
		t.Errorf("what is shown:\n%s", diff)
	}
	if _, night := w.archive(c); night.Counts.Unchanged != 1 {
		t.Errorf("the next night: %+v", night.Counts)
	}
}

func TestUndoWithCascadeUndoesLaterRunsFirst(t *testing.T) {
	w := newWorld(t)
	w.month(5)
	id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00")
	c := w.config(accepting)
	first, _ := w.archive(c)
	var runs []string
	for n := range 3 {
		w.rewrite(id, func(d *calendar.Draft) { d.Location = fmt.Sprint("Room ", n) })
		w.add(fmt.Sprint("Later ", n), fmt.Sprintf("2026-10-2%dT14:00", n), fmt.Sprintf("2026-10-2%dT15:00", n))
		r, _ := w.archive(c)
		runs = append([]string{r.ID}, runs...)
	}
	all := w.shown()
	plan := w.preview(first.ID, how{})
	if !slices.Equal(plan.Later, runs) || plan.Counts.Skipped != 1 || plan.Counts.Undone != 5 {
		t.Errorf("without: %+v", plan.Counts)
	}
	plan = w.preview(first.ID, how{cascade: true})
	if !slices.Equal(plan.Runs, append(runs, first.ID)) || len(plan.Later) != 0 || plan.Counts.Undone != 9 {
		t.Errorf("with: %v %v %+v", plan.Runs, plan.Later, plan.Counts)
	}
	r, result := w.undo(first.ID, how{cascade: true})
	if result.Counts.Undone != 9 || result.Written != 9 || len(w.copies()) != 0 || !slices.Equal(result.Runs, plan.Runs) {
		t.Errorf("%+v, %v", result, w.copies())
	}
	w.undo(r.ID, how{})
	if diff := cmp.Diff(all, w.shown()); diff != "" {
		t.Errorf("undone as a whole (- before, + after):\n%s", diff)
	}
	w.verify(c)
}

func TestUndoOfEverythingInReverseOrderGivesBackTheViewOfBefore(t *testing.T) {
	w := newWorld(t)
	w.month(5)
	id := w.add("Workshop", "2026-10-20T09:00", "2026-10-20T12:00")
	c := w.config(accepting)
	var views [][]calendar.Event
	var runs []string
	for n := range 4 {
		r, _ := w.archive(c)
		runs, views = append(runs, r.ID), append(views, w.shown())
		w.rewrite(id, func(d *calendar.Draft) {
			d.Start.Local, d.End.Local = fmt.Sprintf("2026-10-2%dT09:00:00", n+1), fmt.Sprintf("2026-10-2%dT10:00:00", n+1)
		})
		w.add(fmt.Sprint("Later ", n), fmt.Sprintf("2026-10-2%dT14:00", n), fmt.Sprintf("2026-10-2%dT15:00", n))
	}
	for n := len(runs) - 1; n > 0; n-- {
		if _, result := w.undo(runs[n], how{}); result.Counts.Skipped > 0 || result.Counts.Failed > 0 {
			t.Errorf("run %d: %+v", n, result.Counts)
		}
		if diff := cmp.Diff(views[n-1], w.shown()); diff != "" {
			t.Errorf("before run %d (- then, + now):\n%s", n, diff)
		}
	}
	w.undo(runs[0], how{})
	expect(t, "copies", w.copies())
	w.verify(c)
}

func TestUndoLeavesAloneWhatSomebodyChangedInTheArchiveCalendar(t *testing.T) {
	changes := map[string]func(*calendar.Draft){
		"subject":     func(d *calendar.Draft) { d.Subject = "Mine" },
		"start, end":  func(d *calendar.Draft) { d.Start.Local, d.End.Local = "2026-10-05T09:30:00", "2026-10-05T10:30:00" },
		"end":         func(d *calendar.Draft) { d.End.Local = "2026-10-05T10:30:00" },
		"location":    func(d *calendar.Draft) { d.Location = "Mine" },
		"categories":  func(d *calendar.Draft) { d.Categories = []string{"Mine"} },
		"show_as":     func(d *calendar.Draft) { d.ShowAs = calendar.Free },
		"importance":  func(d *calendar.Draft) { d.Importance = calendar.High },
		"sensitivity": func(d *calendar.Draft) { d.Sensitivity = calendar.Private },
		"body":        func(d *calendar.Draft) { d.Body.Content += " mine" },
		"all_day, start, end": func(d *calendar.Draft) {
			d.AllDay, d.Start.Local, d.End.Local = true, "2026-10-05T00:00:00", "2026-10-06T00:00:00"
		},
	}
	for field, change := range changes {
		t.Run(field, func(t *testing.T) {
			w := newWorld(t)
			w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00", func(d *calendar.Draft) { d.Body = calendar.Body{ContentType: "text", Content: "Agenda"} })
			w.add("Plan", "2026-10-06T09:00", "2026-10-06T10:00")
			c := w.config()
			first, _ := w.archive(c)
			w.editCopy("Review", change)
			plan := w.preview(first.ID, how{})
			if of(plan, "Review") != "skipped nothing altered_in_calendar" || of(plan, "Plan") != "undone removes" {
				t.Errorf("%+v", plan.Items)
			}
			for _, it := range plan.Items {
				if it.Outcome == undo.Skipped && !strings.Contains(it.Detail, ": "+field+";") {
					t.Errorf("it says %q", it.Detail)
				}
			}
			r, result := w.undo(first.ID, how{})
			if r.State != run.Succeeded || result.Counts.String() != "1 undone, 1 left as they are (1 altered_in_calendar)" || len(w.copies()) != 1 {
				t.Errorf("%s %+v %v", r.State, result.Counts, w.copies())
			}
			if _, result := w.undo(first.ID, how{force: true}); result.Counts.Undone != 2 || result.Written != 1 || len(w.copies()) != 0 {
				t.Errorf("by force: %+v %v", result.Counts, w.copies())
			}
			w.verify(c)
		})
	}
}

func TestUndoTakesAnotherWritingOfTheSameForTheSame(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00", func(d *calendar.Draft) {
		d.Body, d.Categories = calendar.Body{ContentType: "text", Content: "Agenda\nand more"}, []string{"Acme - billable", "Online"}
	})
	c := w.config()
	first, _ := w.archive(c)
	w.editCopy("Review", func(d *calendar.Draft) {
		d.Body = calendar.Body{ContentType: "html", Content: "<html><body><div>Agenda<br>and  more</div></body></html>"}
		d.Start, d.End = calendar.DateTime{Local: "2026-10-05T07:00:00.0000000", Zone: "UTC"}, calendar.DateTime{Local: "2026-10-05T08:00:00", Zone: "UTC"}
		slices.Reverse(d.Categories)
	})
	if got := w.preview(first.ID, how{}); of(got, "Review") != "undone removes" {
		t.Errorf("%+v", got.Items)
	}
}

func TestUndoNeverTouchesAnEventWithoutOurMark(t *testing.T) {
	for name, mark := range map[string]string{"none": "", "another ledger's": "other/key/1"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
			c := w.config()
			first, _ := w.archive(c)
			w.editCopy("Review", func(d *calendar.Draft) { d.Mark = mark })
			r, result := w.undo(first.ID, how{force: true})
			if r.State != run.Succeeded || result.Counts.By[undo.Altered] != 1 || len(w.copies()) != 1 {
				t.Errorf("%s %+v %v", r.State, result.Counts, w.copies())
			}
		})
	}
}

func TestUndoOfWhatIsGoneAlreadyIsDone(t *testing.T) {
	w := newWorld(t)
	w.add("Plan", "2026-10-06T09:00", "2026-10-06T10:00")
	id := w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	c := w.config(accepting)
	first, _ := w.archive(c)
	w.throw("Plan")
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Room 2" })
	second, _ := w.archive(c)
	w.throw("Review")
	plan := w.preview(second.ID, how{})
	if of(plan, "Review") != "skipped nothing altered_in_calendar" {
		t.Errorf("a version before cannot be shown in a copy that is gone: %+v", plan.Items)
	}
	if _, result := w.undo(second.ID, how{force: true}); result.Written != 1 || len(w.copies()) != 1 {
		t.Errorf("by force it is made anew: %+v %v", result, w.copies())
	}
	plan = w.preview(first.ID, how{})
	if of(plan, "Plan") != "undone gone" || plan.Hours[0] != (undo.CustomerHours{Customer: "Acme", Before: 7200}) {
		t.Errorf("%+v", plan)
	}
	r, result := w.undo(first.ID, how{})
	if r.State != run.Succeeded || result.Counts.Undone != 2 || result.Written != 1 || len(w.copies()) != 0 {
		t.Errorf("%s %+v %v", r.State, result, w.copies())
	}
	if got := w.versions(c.ID, "Plan"); got[len(got)-1].Outcome != ledger.Withdrawn {
		t.Errorf("%+v", got)
	}
	w.verify(c)
}

func TestUndoThatWasNotWhatTheUserSawDoesNothing(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Plan", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	first, _ := w.archive(c)
	r := w.toUndo(first.ID, how{})
	w.editCopy("Review", func(d *calendar.Draft) { d.Subject = "Mine" })
	must(t, w.undoers(w.Table, w.calendar).Run(t.Context(), r))
	r, result := w.undone(r.ID)
	if r.State != run.Failed || r.Problem == nil || r.Problem.Code != undo.Changed || len(w.copies()) != 2 || result.Link != "" {
		t.Errorf("%s %+v %v", r.State, r.Problem, w.copies())
	}
	w.undo(first.ID, how{})
	expect(t, "copies", w.copies(), "Mine 2026-10-05T07:00")
}

func TestWhatLostAgainstSomethingUndoneStaysOutWithIt(t *testing.T) {
	w := newWorld(t)
	w.add("Important", "2026-10-05T09:00", "2026-10-05T10:00", func(d *calendar.Draft) { d.Importance = calendar.High })
	w.add("Loser", "2026-10-05T09:30", "2026-10-05T10:30")
	w.add("One", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("Other", "2026-10-06T09:30", "2026-10-06T10:30")
	c := w.config()
	first, _ := w.archive(c)
	if _, result := w.undo(first.ID, how{}); result.Counts.Undone != 4 || result.Written != 1 {
		t.Errorf("%+v", result)
	}
	if _, night := w.archive(c); night.Counts.Superseded != 4 || night.Actions != 0 || len(w.copies()) != 0 {
		t.Errorf("the next night: %+v %v", night, w.copies())
	}
}

func TestWhatWaitedAndWasArchivedLaterDoesNotComeBackTheNightAfterItsUndo(t *testing.T) {
	w := newWorld(t)
	id := w.add("Important", "2026-10-05T09:00", "2026-10-05T10:00", func(d *calendar.Draft) { d.Importance = calendar.High })
	w.add("Loser", "2026-10-05T09:30", "2026-10-05T10:30")
	c := w.config(func(c *archive.Config) { c.Overlaps = archive.Resolve })
	first, _ := w.archive(c)
	w.undo(first.ID, how{})
	w.remove(id)
	w.add("Waits", "2026-10-07T09:00", "2026-10-07T10:00")
	rival := w.add("Rival", "2026-10-07T09:30", "2026-10-07T10:30")
	w.archive(c)
	w.remove(rival)
	last, night := w.archive(c)
	if night.Counts.Archived != 1 {
		t.Fatalf("%+v", night.Counts)
	}
	w.undo(last.ID, how{})
	if _, night := w.archive(c); night.Counts.Archived != 0 || len(w.copies()) != 0 {
		t.Errorf("the night after: %+v %v", night.Counts, w.copies())
	}
}

func TestRunsThatCannotBeUndoneSaySo(t *testing.T) {
	w := newWorld(t)
	w.month(2)
	c := w.config()
	dry, _ := w.archive(c, func(r *run.Run) { r.Options.DryRun = true })
	w.archive(c)
	nothing, _ := w.archive(c)
	going := w.start(c)
	u := w.undoers(w.Table, w.calendar)
	for id, want := range map[string]error{dry.ID: undo.ErrNothing, nothing.ID: undo.ErrNothing, going.ID: undo.ErrUnderWay} {
		if _, _, err := u.Plan(t.Context(), user, id, undo.Asked{}); !errors.Is(err, want) || fault.Of(err) != fault.Conflict {
			t.Errorf("%s: %v, want %v", id, err, want)
		}
	}
	if _, _, err := u.Plan(t.Context(), "local#other", nothing.ID, undo.Asked{}); fault.Of(err) != fault.NotFound {
		t.Errorf("another user's: %v", err)
	}
}

func TestUndoInAnArchiveCalendarThatIsGoneIsRefused(t *testing.T) {
	w := newWorld(t)
	w.month(2)
	c := w.config()
	first, _ := w.archive(c)
	r := w.toUndo(first.ID, how{})
	info, err := w.calendar.Calendar(t.Context(), uri("Archive"))
	must(t, err)
	must(t, w.calendar.DeleteCalendar(t.Context(), "me", info.ID))
	if _, _, err := w.undoers(w.Table, w.calendar).Plan(t.Context(), user, first.ID, undo.Asked{}); fault.Of(err) != fault.NotFound {
		t.Errorf("the plan: %v", err)
	}
	must(t, w.undoers(w.Table, w.calendar).Run(t.Context(), r))
	if r, _ := w.undone(r.ID); r.State != run.Failed || r.Problem.Code != "not_found" {
		t.Errorf("%s %+v", r.State, r.Problem)
	}
}

func TestUndoOfAdoptedCopiesLeavesThem(t *testing.T) {
	w := newWorld(t)
	w.month(3)
	w.add("Settled", "2026-10-20T09:00", "2026-10-20T10:00")
	c := w.config()
	rival := w.add("Rival", "2026-10-20T09:30", "2026-10-20T10:30")
	day20 := func(r *run.Run) { r.From, r.To = day("2026-10-20"), day("2026-10-20") }
	w.archive(c, day20)
	w.remove(rival)
	other := w.another()
	other.archive(other.config())
	before := w.copies()
	r, result := w.archive(c, adopting)
	if result.Adopted != 4 {
		t.Fatalf("%+v", result)
	}
	if _, result := w.undo(r.ID, how{force: true}); result.Counts.By[undo.Adopted] != 4 || result.Written != 0 {
		t.Errorf("%+v", result.Counts)
	}
	expect(t, "copies", w.copies(), before...)
}

func TestADryRunOfAnUndoWritesNothing(t *testing.T) {
	w := newWorld(t)
	w.month(3)
	c := w.config()
	first, _ := w.archive(c)
	undoers := w.undoers(w.Table, w.calendar)
	r, _, err := undoers.New(t.Context(), user, first.ID, undo.Asked{DryRun: true, Cascade: true})
	must(t, err)
	r.ID, r.State, r.Created = w.NewID(), run.Queued, w.Now()
	r, _, err = run.NewStore(w.Table).Create(t.Context(), r)
	must(t, err)
	items, copies := w.ledgerItems(c), w.copies()
	must(t, undoers.Run(t.Context(), r))
	r, result := w.undone(r.ID)
	if r.State != run.Succeeded || result.Counts.Undone != 3 || result.Written != 0 || result.PlanHash != w.preview(first.ID, how{}).Hash || result.Link != "" {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(items, w.ledgerItems(c)); diff != "" {
		t.Errorf("the ledger changed:\n%s", diff)
	}
	expect(t, "copies", w.copies(), copies...)
}

func TestWhatTheLedgerLostIsErased(t *testing.T) {
	w := newWorld(t)
	w.month(1)
	long := w.add("Long text", "2026-10-20T09:00", "2026-10-20T10:00", func(d *calendar.Draft) {
		d.Body = calendar.Body{ContentType: "text", Content: strings.Repeat("long ", 20000)}
	})
	c := w.config(accepting)
	w.archive(c)
	w.rewrite(long, func(d *calendar.Draft) { d.Body.Content = "short" })
	w.add("New", "2026-10-21T09:00", "2026-10-21T10:00")
	second, _ := w.archive(c)
	for _, digest := range w.versions(c.ID, "Long text")[0].Blobs {
		must(t, w.Blobs.Delete(t.Context(), "ledger/"+c.ID+"/bodies/"+digest))
	}
	if _, result := w.undo(second.ID, how{}); result.Counts.By[undo.Erased] != 1 || result.Counts.Undone != 1 {
		t.Errorf("%+v", result.Counts)
	}
}

func TestUndoOfANoteBringsTheFormerNoteBack(t *testing.T) {
	w := newWorld(t)
	w.add("First", "2026-10-20T09:00", "2026-10-20T09:30")
	id := w.add("Maybe", "2026-10-20T09:00", "2026-10-20T11:00", tentative)
	c := w.config()
	w.archive(c)
	w.rewrite(id, func(d *calendar.Draft) { d.ShowAs = calendar.Busy })
	second, _ := w.archive(c)
	if e := w.stands(c, "Maybe"); e.Outcome != ledger.Conflicted {
		t.Fatalf("%+v", e)
	}
	if _, result := w.undo(second.ID, how{}); result.Counts.Undone != 1 || result.Written != 0 {
		t.Errorf("%+v", result)
	}
	if e := w.stands(c, "Maybe"); e.Outcome != ledger.Superseded || e.By == "" || e.Version != 3 || e.Restores != 1 {
		t.Errorf("%+v", e)
	}
}

func TestUndoOfAnAdoptionPutsTheCopyBack(t *testing.T) {
	for name, change := range map[string]func(*calendar.Draft){
		"subject":    func(d *calendar.Draft) { d.Subject = "Mine" },
		"categories": func(d *calendar.Draft) { d.Categories = []string{"Beta - billable"} },
		"times":      func(d *calendar.Draft) { d.End.Local = "2026-10-05T11:30:00" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
			c := w.config()
			w.archive(c)
			before := w.shown()
			w.editCopy("Review", change)
			after := w.shown()
			r := w.repairRun(c, archive.RepairInput{Mode: archive.AdoptFindings})
			must(t, (&archive.Repairer{Verifier: *w.verifier(w.Table, w.calendar)}).Run(t.Context(), r))
			undone, result := w.undo(r.ID, how{})
			if result.Written != 1 || result.Counts.Undone != 1 {
				t.Errorf("%+v", result)
			}
			if diff := cmp.Diff(before, w.shown()); diff != "" {
				t.Errorf("what is shown (- before, + undone):\n%s", diff)
			}
			w.undo(undone.ID, how{})
			if diff := cmp.Diff(after, w.shown()); diff != "" {
				t.Errorf("what is shown (- adopted, + redone):\n%s", diff)
			}
			if _, _, found := w.verified(c); len(found) > 0 {
				t.Errorf("a comparison finds %+v", found)
			}
			w.verify(c)
		})
	}
}
