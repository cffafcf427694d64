package archive_test

import (
	"testing"

	"adminassistant/shared/run"
)

func TestTheDayUpToWhichAllIsArchivedGoesForwardOnly(t *testing.T) {
	w := newWorld(t)
	ids := w.daily(20)
	w.add("Refused", "2026-10-28T09:00", "2026-10-28T10:00")
	c := w.config()
	through := func(what, want string) {
		t.Helper()
		if got := w.head(c.ID).Through; got != day(want) {
			t.Errorf("after %s it is %s, want %s", what, got, want)
		}
	}
	november := func(r *run.Run) { r.From, r.To = day("2026-11-01"), day("2026-11-30") }

	first := w.start(c)
	must(t, w.runner(w.Table, picky{w.calendar, "Refused"}).Run(t.Context(), first))
	through("a run of which something was refused", "2026-10-31")
	w.archive(c, september)
	through("a run of the month before", "2026-10-31")
	w.archive(c, november, func(r *run.Run) { r.Options.DryRun = true })
	through("a dry run", "2026-10-31")
	w.archive(c, func(r *run.Run) { r.AttemptOf, r.To = first.ID, day("2026-11-10") })
	through("a retry", "2026-10-31")
	for _, id := range ids {
		w.remove(id)
	}
	shrunk := func(r *run.Run) { r.To = day("2026-11-20") }
	if r, _ := w.archive(c, shrunk); r.State != run.Failed {
		t.Fatal(r.State)
	}
	through("a run that did nothing", "2026-10-31")
	w.archive(c, november)
	through("a run of the month after", "2026-11-30")
}
