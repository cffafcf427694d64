package chaos_test

import (
	"context"
	"strings"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// A calendar that is deleted answers each request to write into it with not found. That is no refusal of the events.
func TestAnArchiveCalendarThatGoesWhileItIsWritten(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	w.month(50)
	conf := w.config(archive.AskOnDrift)
	r := w.start(conf)
	going := vanishing{Provider: w.provider, after: 1, gone: func() {
		calendars, err := w.sim.Calendars(me)
		must(t, err)
		for _, c := range calendars {
			if c.Name == "Archive" {
				must(t, w.sim.RemoveCalendar(me, c.ID))
			}
		}
	}}
	err := w.runner(w.Table, &going).Run(t.Context(), r)
	if fault.Of(err) != fault.NotFound || !strings.Contains(err.Error(), "was deleted while the run wrote it") {
		t.Errorf("error %v", err)
	}
	unfailed(w, conf)
	next := w.newRun(conf)
	next.From = next.From.AddDays(-1)
	next, _, err = run.NewStore(w.Table).Create(t.Context(), next)
	must(t, err)
	must(t, w.runner(w.Table, w.provider).Run(t.Context(), next))
	if next, result := w.result(next.ID); next.State != run.Partial || !result.ArchiveMissing || result.Unsettled != 10 || result.Written != 0 {
		t.Errorf("%s %+v", next.State, result)
	}
	unfailed(w, conf)
}

func unfailed(w *world, c archive.Config) {
	w.t.Helper()
	entries, err := ledger.New(w.Table, w.Blobs, w.Key).Range(w.t.Context(), c.ID, october(-30, 0), october(60, 0))
	must(w.t, err)
	if len(entries) == 0 {
		w.t.Error("the ledger is empty")
	}
	for _, e := range entries {
		if e.State == ledger.Failed {
			w.t.Errorf("%s failed: %s", e.Appointment.Subject, e.Failure)
		}
	}
}

// vanishing is a provider that calls gone before it creates events, when it has done so often enough.
type vanishing struct {
	calendar.Provider
	after int
	gone  func()
}

func (v *vanishing) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	if v.after--; v.after == -1 {
		v.gone()
	}
	return v.Provider.Create(ctx, account, id, drafts)
}
