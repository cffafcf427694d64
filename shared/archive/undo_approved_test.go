package archive_test

import (
	"context"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

func TestWhatIsOnAnApprovedTimesheetIsNotUndone(t *testing.T) {
	w := newWorld(t)
	w.add("Review", "2026-10-05T09:00", "2026-10-05T10:00")
	w.add("Other", "2026-10-06T09:00", "2026-10-06T10:00", func(d *calendar.Draft) { d.Categories = []string{"Beta - billable"} })
	c := w.config()
	r, _ := w.archive(c)
	undoers := w.undoers(w.Table, w.calendar)
	approved := ledger.Locks{"acme": {{From: day("2026-10-01"), To: day("2026-10-31")}}}
	of := undoers.Of[run.UndoneInLedger].(*archive.Undoer)
	of.Approved = func(_ context.Context, who, config string) (ledger.Locks, error) {
		if who != user || config != c.ID {
			t.Errorf("asked for %s of %s", config, who)
		}
		return approved, nil
	}
	for _, force := range []bool{false, true} {
		_, plan, err := undoers.Plan(t.Context(), user, r.ID, undo.Asked{Force: force})
		must(t, err)
		if plan.Counts.Undone != 1 || plan.Counts.By[undo.Approved] != 1 {
			t.Errorf("force %t: %+v", force, plan.Counts)
		}
	}
	approved = nil
	if _, plan, err := undoers.Plan(t.Context(), user, r.ID, undo.Asked{}); err != nil || plan.Counts.Undone != 2 {
		t.Errorf("reopened: %+v, %v", plan.Counts, err)
	}
}
