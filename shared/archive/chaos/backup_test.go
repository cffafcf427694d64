package chaos_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/run"
)

// backUp makes a backup of Work and returns its result.
func (w *world) backUp() backup.Result {
	w.t.Helper()
	r := &run.Run{ID: w.NewID(), User: user, Kind: run.Backup, Calendar: uri("Work").String(), State: run.Queued, Created: w.clock()}
	r, _, err := run.NewStore(w.Table).Create(w.t.Context(), r)
	must(w.t, err)
	runner := &backup.Runner{
		Table: w.Table, Blobs: w.Blobs, Clock: w.clock, NewID: w.NewID, Software: "test", HandOn: time.Minute,
		Provider: func(context.Context, string, calendar.URI) (backup.Provider, error) { return w.provider, nil },
	}
	must(w.t, runner.Run(w.t.Context(), r))
	r, err = run.NewStore(w.Table).Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	var result backup.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	report, err := backup.New(w.Table, w.Blobs).Verify(w.t.Context(), user, r.ID)
	must(w.t, err)
	if r.State != run.Succeeded || !report.OK {
		w.t.Errorf("%s %+v, %+v", r.State, r.Problem, report)
	}
	return result
}

// TestABackupOfAMailboxHoldsTheSameWhateverFails backs up a mailbox while the service throttles, fails and cuts connections. Time is that of a
// synctest bubble.
func TestABackupOfAMailboxHoldsTheSameWhateverFails(t *testing.T) {
	warm(t)
	synctest.Test(t, func(t *testing.T) {
		c := newChaos(t, 1, "ask", nil)
		c.month(200)
		_, err := c.sim.PutEvent(me, c.source, []byte(`{"id":"`+c.series[0]+`@20261005T160000Z","subject":"Stand-up by itself"}`))
		must(t, err)
		want := c.backUp()
		if want.Counts.Series != 2 || want.Counts.Exceptions != 1 || want.Counts.Singles < 200 || want.Cost.Traffic.Requests == 0 {
			t.Errorf("%+v", want)
		}
		for name, faults := range map[string][]graphsim.Fault{
			"throttled":              {{Kind: graphsim.FaultThrottle, RetryAfter: "2", Every: 2, Times: 6}},
			"throttled without time": {{Kind: graphsim.FaultThrottle, Every: 3, Times: 4}},
			"broken":                 {{Kind: graphsim.FaultUnavailable, Every: 2, Times: 5}},
			"cut in answers":         {{Kind: graphsim.FaultCut, When: graphsim.During, Every: 2, Times: 4}},
		} {
			must(t, c.sim.SetFaults(faults...))
			if got := c.backUp(); got.Content != want.Content || got.Counts != want.Counts {
				t.Errorf("%s: %+v, want %+v", name, got, want)
			}
			struck := false
			for _, f := range c.sim.Faults() {
				struck = struck || f.Seen > 0
			}
			if !struck {
				t.Errorf("%s: nothing failed", name)
			}
		}
		c.polite()
	})
}
