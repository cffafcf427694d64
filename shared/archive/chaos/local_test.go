package chaos_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/run"
)

func TestALocalCalendarThatIsArchivedInOutlook(t *testing.T) {
	const n = 50
	w := newWorld(t, graphsim.Options{})
	here := local.New(w.Table, w.NewID, w.clock)
	diary := calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: "Diary"}
	info, err := here.CreateCalendar(t.Context(), diary)
	must(t, err)
	for i := range n {
		start := october(1, 6).Add(time.Duration(i) * 30 * time.Minute)
		results, err := here.Create(t.Context(), "me", info.ID, []calendar.Draft{{
			Subject: fmt.Sprintf("Work %d", i), Start: calendar.DateTime{Local: start.Format(wall), Zone: "UTC"},
			End:    calendar.DateTime{Local: start.Add(30 * time.Minute).Format(wall), Zone: "UTC"},
			ShowAs: calendar.Busy, TransactionID: w.NewID(),
		}})
		must(t, err)
		must(t, results[0].Err)
	}
	c := w.config(archive.AskOnDrift)
	c.Source = diary
	c, err = w.configs(w.Table).Update(t.Context(), user, c)
	must(t, err)
	runner := w.runner(w.Table, nil)
	runner.Provider = func(_ context.Context, _ string, uri calendar.URI) (archive.Provider, error) {
		if uri.Provider == calendar.ProviderLocal {
			return here, nil
		}
		return w.provider, nil
	}
	for _, want := range []archive.Counts{{Fetched: n, Archived: n}, {Fetched: n, Unchanged: n}} {
		r := w.start(c)
		must(t, runner.Run(t.Context(), r))
		r, result := w.result(r.ID)
		if r.State != run.Succeeded || result.Counts != want || result.Written != want.Archived {
			t.Errorf("%s %+v, want %+v", r.State, result, want)
		}
		if log := w.sim.Log(); int(result.Cost.Traffic.Requests) != len(log) {
			t.Errorf("the provider tells %d requests, there were %d", result.Cost.Traffic.Requests, len(log))
		}
	}
	w.check(c)
	w.verify(c)
	events, err := w.sim.Events(me, w.source)
	must(t, err)
	left, err := here.Events(t.Context(), "me", info.ID, october(1, 0), october(31, 0))
	must(t, err)
	if len(left) != n || len(events) != 0 || len(w.copies()) != n {
		t.Errorf("%d events of the source, %d copies, %d elsewhere", len(left), len(w.copies()), len(events))
	}
	if slices.ContainsFunc(w.copies(), func(e graphsim.Stored) bool { return mark(&e) == "" }) {
		t.Error("a copy has no mark")
	}
}
