package archive_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

const decided = "RUN-1"

// rule carries out a run that gives a subject the version that a decision makes of its newest one.
func (w *world) rule(c archive.Config, kind archive.ChangeKind, subject string, change func(*ledger.Entry)) *run.Run {
	w.t.Helper()
	engine := archive.Engine(*w.runner(w.Table, w.calendar))
	r := w.start(c, func(r *run.Run) { r.Input = []byte(`{"n":"` + w.NewID() + `"}`) })
	must(w.t, engine.Carry(w.t.Context(), r, func(newest map[string]*ledger.Entry) []archive.Change {
		e := ledger.Entry{Key: "decision:1", Lineage: "decision:1", Outcome: ledger.Archived}
		for _, old := range newest {
			if old.Appointment.Subject == subject {
				e = ledger.Entry{
					Key: old.Key, Lineage: old.Lineage, Single: old.Single, Outcome: old.Outcome, SourceHash: old.SourceHash, Hash: old.Hash,
					Appointment: old.Appointment, Changes: old.Changes, Source: old.Source, BodyDigest: old.BodyDigest,
				}
			}
		}
		e.Decision, e.Reason = decided, archive.ReasonDecision
		if change != nil {
			change(&e)
		}
		return []archive.Change{{Kind: kind, Entry: e}}
	}))
	return w.again(r.ID)
}

// stands is the newest version of a subject that is done.
func (w *world) stands(c archive.Config, subject string) ledger.Entry {
	w.t.Helper()
	of := slices.DeleteFunc(w.versions(c.ID, subject), func(e ledger.Entry) bool { return e.State != ledger.Done || e.Outcome == ledger.Moved })
	return of[len(of)-1]
}

func TestUndoOfADecisionAsksAgain(t *testing.T) {
	w := newWorld(t)
	w.add("One", "2026-10-06T09:00", "2026-10-06T10:00")
	w.add("Other", "2026-10-06T09:30", "2026-10-06T10:30")
	c := w.config()
	w.archive(c)
	kept := w.rule(c, archive.Create, "One", func(e *ledger.Entry) { e.Outcome = ledger.Archived })
	if len(w.copies()) != 1 {
		t.Fatalf("%v", w.copies())
	}
	r, result := w.undo(kept.ID, how{})
	if r.State != run.Succeeded || !slices.Equal(result.Decisions, []string{decided}) || result.Written != 1 || len(w.copies()) != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	if e := w.stands(c, "One"); e.Outcome != ledger.Conflicted || e.Decision != "" || e.Restores != 1 {
		t.Errorf("%+v", e)
	}
	if _, night := w.archive(c); night.Counts.Conflicted != 2 || night.Actions != 1 {
		t.Errorf("the next night: %+v", night)
	}
	again, _ := w.undo(r.ID, how{})
	if e := w.stands(c, "One"); e.Outcome != ledger.Archived || e.Decision != decided || len(w.copies()) != 1 {
		t.Errorf("%+v", e)
	}
	if _, result := w.undo(again.ID, how{}); !slices.Equal(result.Decisions, []string{decided}) {
		t.Errorf("%+v", result)
	}
	w.verify(c)
}

func TestUndoOfWhatADecisionKeptAsksAboutTheDriftAgain(t *testing.T) {
	w := newWorld(t)
	id := w.add("Workshop", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	w.archive(c)
	before := w.shown()
	w.rewrite(id, func(d *calendar.Draft) { d.Location = "Room 2" })
	seen := w.stands(c, "Workshop")
	kept := w.rule(c, archive.Note, "Workshop", func(e *ledger.Entry) { e.SourceHash = "sha256:" + string(slices.Repeat([]byte{'a'}, 64)) })
	if e := w.stands(c, "Workshop"); !e.Kept || e.CopyID != seen.CopyID {
		t.Fatalf("%+v", e)
	}
	plan := w.preview(kept.ID, how{})
	if of(plan, "Workshop") != "undone records" || len(plan.Hours) != 1 || plan.Hours[0].Before != 3600 || plan.Hours[0].After != 3600 {
		t.Errorf("%+v", plan)
	}
	undone, result := w.undo(kept.ID, how{})
	if result.Written != 0 || result.Counts.Undone != 1 {
		t.Errorf("%+v", result)
	}
	if e := w.stands(c, "Workshop"); !e.Kept || e.CopyID != seen.CopyID || e.SourceHash != seen.SourceHash || e.Decision != "" {
		t.Errorf("%+v", e)
	}
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("what is shown:\n%s", diff)
	}
	if _, night := w.archive(c); night.Counts.Drifted != 1 || night.Actions != 1 {
		t.Errorf("the next night: %+v", night)
	}
	w.undo(undone.ID, how{})
	if e := w.stands(c, "Workshop"); !strings.HasPrefix(e.SourceHash, "sha256:aaaa") || e.Decision != decided {
		t.Errorf("redone: %+v", e)
	}
	w.verify(c)
}

func TestUndoOfAWithdrawalBringsTheCopyBackToTheByte(t *testing.T) {
	w := newWorld(t)
	w.add("Workshop", "2026-10-06T09:00", "2026-10-06T10:00", func(d *calendar.Draft) { d.Body = calendar.Body{ContentType: "text", Content: "Agenda"} })
	c := w.config()
	w.archive(c)
	before := w.shown()
	out := w.rule(c, archive.Remove, "Workshop", func(e *ledger.Entry) { e.Outcome = ledger.Withdrawn })
	if len(w.copies()) != 0 {
		t.Fatalf("%v", w.copies())
	}
	if got := w.preview(out.ID, how{}); of(got, "Workshop") != "undone creates" || got.Hours[0] != (undo.CustomerHours{Customer: "Acme", After: 3600}) {
		t.Errorf("%+v", got)
	}
	w.undo(out.ID, how{})
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("what is shown:\n%s", diff)
	}
	if _, night := w.archive(c); night.Counts.Unchanged != 1 || night.Written != 0 {
		t.Errorf("the next night: %+v", night)
	}
	w.verify(c)
}

func TestUndoOfACorrectionAndOfWhatWasCreated(t *testing.T) {
	w := newWorld(t)
	w.add("Workshop", "2026-10-06T09:00", "2026-10-06T10:00")
	c := w.config()
	first, _ := w.archive(c)
	before := w.shown()
	amended := w.rule(c, archive.Update, "Workshop", func(e *ledger.Entry) {
		e.Appointment.Categories, e.Appointment.Customer = []string{"Globex - billable"}, "Globex"
	})
	made := w.rule(c, archive.Create, "Mine", func(e *ledger.Entry) {
		e.Appointment = w.stands(c, "Workshop").Appointment
		e.Appointment.Subject = "Mine"
	})
	if len(w.copies()) != 2 {
		t.Fatalf("%v", w.copies())
	}
	plan := w.preview(amended.ID, how{})
	want := []undo.CustomerHours{{Customer: "Acme", After: 3600}, {Customer: "Globex", Before: 3600}}
	if diff := cmp.Diff(want, plan.Hours); diff != "" || of(plan, "Workshop") != "undone changes" {
		t.Errorf("%+v\n%s", plan.Items, diff)
	}
	if got := w.preview(first.ID, how{}); of(got, "Workshop") != "skipped nothing changed_since" {
		t.Errorf("%+v", got.Items)
	}
	w.undo(amended.ID, how{})
	undone, _ := w.undo(made.ID, how{})
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("what is shown:\n%s", diff)
	}
	if e := w.stands(c, "Mine"); e.Outcome != ledger.Withdrawn || e.Decision != "" {
		t.Errorf("%+v", e)
	}
	w.undo(undone.ID, how{})
	if len(w.copies()) != 2 || w.stands(c, "Mine").Decision != decided {
		t.Errorf("%v", w.copies())
	}
	w.verify(c)
}

func TestUndoInReverseOrderGoesBackOverWhatWaitedInBetween(t *testing.T) {
	w := newWorld(t)
	w.add("One", "2026-10-06T09:00", "2026-10-06T10:00")
	other := w.add("Other", "2026-10-06T09:30", "2026-10-06T10:30")
	c := w.config()
	w.archive(c)
	w.rule(c, archive.Create, "One", func(e *ledger.Entry) { e.Outcome = ledger.Archived })
	kept := w.stands(c, "One").Run
	before := w.shown()
	asks, _ := w.undo(kept, how{})
	w.remove(other)
	night, result := w.archive(c)
	if result.Counts.Archived != 1 {
		t.Fatalf("the night: %+v", result)
	}
	w.undo(night.ID, how{})
	expect(t, "copies", w.copies())
	if _, result := w.undo(asks.ID, how{}); result.Counts.Undone != 1 || result.Written != 1 {
		t.Errorf("the undo that asked again: %+v", result)
	}
	if diff := cmp.Diff(before, w.shown()); diff != "" {
		t.Errorf("what is shown (- when it was decided, + now):\n%s", diff)
	}
	if e := w.stands(c, "One"); e.Decision != decided {
		t.Errorf("%+v", e)
	}
	w.verify(c)
}
