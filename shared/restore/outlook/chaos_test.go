package outlook_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/wiretest"
)

// TestRestoresSurviveChaos lets workers die at any request, several in a row, while a mailbox with a random set of switches fails as mailboxes do. When the
// failures have stopped, all of the backup is in the calendar, once. The calendar is restored a second time, so that there is something in it.
func TestRestoresSurviveChaos(t *testing.T) {
	for seed := range *seeds {
		random := rand.New(rand.NewPCG(seed, 11))
		set := graphsim.RandomSwitches(random, 0.25)
		t.Run(fmt.Sprintf("seed %d, %s", seed, set), func(t *testing.T) {
			inBubble(t, set, func(t *testing.T, w *world) {
				first := w.backUp(w.fillMore())
				state := run.Succeeded
				visible := set["instance_fields"] == "master" // a private instance cannot be kept
				if visible {
					state = run.Partial
				}
				policies := []restore.Policy{restore.Skip, restore.Skip, restore.Replace}
				if _, on := set["get_private"]; on { // what is private is not replaced
					policies = policies[:2]
				}
				for i, policy := range []restore.Policy{restore.Skip, policies[random.IntN(len(policies))]} {
					r, result := w.raged(random, first, policy)
					n := result.Counts
					if r.State != state || !result.Balanced || n.Read != 8 || i == 1 && n.Created > 0 && !visible {
						t.Errorf("restore %d, %s: %s %+v %+v %+v", i, policy, r.State, result, r.Problem, w.entries(r))
					}
					time.Sleep(time.Minute)
					must(t, w.sim.SetSwitches(nil))
					if diff := cmp.Diff(fitted(w.canonical(first)), w.canonical(w.backUp(uri(calendar.ProviderGraph, "Copy")))); diff != "" && !visible {
						t.Errorf("restore %d, %s (-calendar +copy):\n%s", i, policy, diff)
					}
					must(t, w.sim.SetSwitches(set))
				}
			})
		})
	}
}

// TestAReplacedSeriesThatIsWrittenTwiceKeepsItsGaps lets the process die at every request while series take the place of what is there, in a mailbox that
// shows what was written after two seconds.
func TestAReplacedSeriesThatIsWrittenTwiceKeepsItsGaps(t *testing.T) {
	inBubble(t, graphsim.MustSwitches("lag=2"), func(t *testing.T, w *world) {
		first := w.backUp(w.fillMore())
		into := uri(calendar.ProviderGraph, "Copy")
		if r, _ := w.restore(first, into, restore.Skip); r.State != run.Succeeded {
			t.Fatalf("%+v", r.Problem)
		}
		time.Sleep(time.Minute)
		want := w.canonical(w.backUp(into))
		runs := run.NewStore(w.table)
		for at, dead := 1, true; dead; at++ {
			input, err := json.Marshal(restore.Input{Backup: first, Policy: restore.Replace, Zone: zone})
			must(t, err)
			r := &run.Run{ID: w.newID(), User: user, Kind: run.Restore, Calendar: into.String(), Input: input, State: run.Queued, Created: time.Now()}
			_, _, err = runs.Create(t.Context(), r)
			must(t, err)
			dying := &wiretest.Wire{DieAt: at, After: true}
			runner := w.runner()
			runner.Table = dying.Table(w.table)
			runner.Provider = func(context.Context, string, calendar.URI) (restore.Provider, error) {
				return mortal{dying.Provider(w.graph), dying, w.graph}, nil
			}
			_ = runner.Run(t.Context(), r)
			if dead = dying.Dead(); dead {
				time.Sleep(2 * time.Minute)
				again := w.runner()
				if r, err = runs.Get(t.Context(), user, r.ID); !r.State.Ended() {
					must(t, err)
					must(t, again.Run(t.Context(), r))
				}
			}
			time.Sleep(time.Minute)
			if diff := cmp.Diff(want, w.canonical(w.backUp(into))); diff != "" {
				t.Fatalf("dead at request %d (-before +after):\n%s", at, diff)
			}
		}
	})
}

// raged restores a backup with workers that die and a mailbox that fails, and then with one worker and without failures.
func (w *world) raged(random *rand.Rand, id string, policy restore.Policy) (*run.Run, restore.Result) {
	w.t.Helper()
	coin := func() bool { return random.IntN(2) == 0 }
	input, err := json.Marshal(restore.Input{Backup: id, Policy: policy, Zone: zone, CreateCalendar: true})
	must(w.t, err)
	runs := run.NewStore(w.table)
	r := &run.Run{
		ID: w.newID(), User: user, Kind: run.Restore, Calendar: uri(calendar.ProviderGraph, "Copy").String(), Input: input, State: run.Queued, Created: time.Now(),
	}
	_, _, err = runs.Create(w.t.Context(), r)
	must(w.t, err)
	attempt := func(dying *wiretest.Wire) error {
		r, err = runs.Get(w.t.Context(), user, r.ID)
		must(w.t, err)
		if r.State.Ended() {
			return nil
		}
		runner := w.runner()
		runner.Table, runner.Blobs = dying.Table(w.table), dying.Blobs(w.blobs)
		runner.Provider = func(context.Context, string, calendar.URI) (restore.Provider, error) {
			return mortal{dying.Provider(w.graph), dying, w.graph}, nil
		}
		return runner.Run(w.t.Context(), r)
	}
	for range random.IntN(7) {
		must(w.t, w.sim.SetFaults(faults(random)...))
		if err := attempt(&wiretest.Wire{DieAt: 1 + random.IntN(80), After: coin()}); err != nil && !errors.Is(err, wiretest.ErrDied) && !passes(err) {
			w.t.Fatal(err)
		}
		if coin() {
			time.Sleep(2 * time.Minute)
		}
	}
	must(w.t, w.sim.SetFaults())
	time.Sleep(2 * time.Minute)
	for tries := 1; ; tries++ {
		if err := attempt(&wiretest.Wire{}); err == nil {
			break
		} else if !passes(err) || tries == 10 {
			w.t.Fatal(err)
		}
	}
	r, err = runs.Get(w.t.Context(), user, r.ID)
	must(w.t, err)
	var result restore.Result
	must(w.t, json.Unmarshal(r.Result, &result))
	return r, result
}

// mortal is a mailbox that a process reaches which may die. It repeats by itself what failed of a reading, as the mailbox's own provider does.
type mortal struct {
	calendar.Provider
	wire *wiretest.Wire
	of   *graph.Provider
}

func (m mortal) Patiently(retry func() func(ctx context.Context, failure error) error) calendar.Provider {
	return m.wire.Provider(m.of.Patiently(retry))
}

// passes says whether a queue delivers a run again that ended with the error.
func passes(err error) bool {
	return fault.Of(err).Transient() || errors.Is(err, run.ErrHandOn) || errors.Is(err, run.ErrBusy) || fault.Of(err) == fault.Conflict
}

// faults returns up to three random faults, each of which strikes a few times.
func faults(random *rand.Rand) (all []graphsim.Fault) {
	for range random.IntN(4) {
		f := graphsim.Fault{
			Times: 1 + random.IntN(5), Probability: 0.05 + 0.3*random.Float64(), Seed: random.Uint64(), Scope: []string{"", "sub", "request"}[random.IntN(3)],
			Kind: []string{graphsim.FaultThrottle, graphsim.FaultUnavailable, graphsim.FaultTimeout, graphsim.FaultCut}[random.IntN(4)],
		}
		if f.Kind == graphsim.FaultThrottle {
			f.RetryAfter = []string{"", "0.4", "2", "30"}[random.IntN(4)]
		} else {
			f.When = []string{graphsim.Before, graphsim.After}[random.IntN(2)]
		}
		all = append(all, f)
	}
	return all
}
