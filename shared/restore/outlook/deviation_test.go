package outlook_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// readings are the rows of docs/graph.md about what is read.
var readings = []int{1, 4, 5, 6, 7, 11, 12, 16, 18, 19, 25, 26, 30, 31, 32}

// eachSet calls test with every switch about readings alone and with random sets of them, but for loose ones: a backup of what moves away meanwhile is
// another one each time. See TestRestoresWithSwitches for the others.
func eachSet(t *testing.T, test func(t *testing.T, set graphsim.Switches, w *world)) {
	sets := graphsim.EachSwitch()
	for seed := range uint64(5) {
		sets = append(sets, graphsim.RandomSwitches(rand.New(rand.NewPCG(seed, 1)), 0.4))
	}
	seen := map[string]bool{}
	for _, set := range sets {
		for _, s := range graphsim.AllSwitches() {
			if !slices.Contains(readings, s.Row) {
				delete(set, s.Name)
			}
		}
		if name := set.String(); len(set) > 0 && !set.Loose() && !seen[name] {
			seen[name] = true
			t.Run(name, func(t *testing.T) {
				inBubble(t, set, func(t *testing.T, w *world) { test(t, set, w) })
			})
		}
	}
}

func TestRoundTripsHoweverOutlookTurnsOut(t *testing.T) {
	eachSet(t, func(t *testing.T, set graphsim.Switches, w *world) {
		work := w.fill(calendar.ProviderGraph)
		plain := w.plainly(work)
		first := w.backUp(work)
		if diff := cmp.Diff(plain, w.canonical(first)); diff != "" {
			t.Errorf("(-calendar +backup):\n%s", diff)
		}
		copied := uri(calendar.ProviderGraph, "Copy")
		r, result := w.restore(first, copied, restore.Skip)
		if r.State != run.Succeeded || result.Counts.Created != 6 || result.Counts.Read != 6 {
			t.Fatalf("%s %+v %+v %+v", r.State, result, r.Problem, w.entries(r))
		}
		if diff := cmp.Diff(plain, w.plainly(copied)); diff != "" {
			t.Errorf("(-calendar +copy):\n%s", diff)
		}
		if r, result := w.restore(first, copied, restore.Skip); r.State != run.Succeeded || result.Counts.Skipped != 6 {
			t.Errorf("again: %s %+v %+v", r.State, result, w.entries(r))
		}
		r, result = w.restore(first, copied, restore.Replace)
		refused := 0 // a private event that is refused by its id may have got guests
		if _, on := set["get_private"]; on {
			refused = 1
		}
		if result.Counts.Replaced != 6-refused || result.Counts.Refused != refused {
			t.Errorf("in its place: %s %+v %+v", r.State, result, w.entries(r))
		}
		if diff := cmp.Diff(plain, w.plainly(copied)); diff != "" {
			t.Errorf("replaced (-calendar +copy):\n%s", diff)
		}
	})
}

// plainly tells what a calendar holds when no switch is on.
func (w *world) plainly(u calendar.URI) []string {
	w.t.Helper()
	set := w.sim.Switches()
	must(w.t, w.sim.SetSwitches(nil))
	told := w.canonical(w.backUp(u))
	must(w.t, w.sim.SetSwitches(set))
	return told
}

func TestDrillsHoweverOutlookTurnsOut(t *testing.T) {
	eachSet(t, func(t *testing.T, set graphsim.Switches, w *world) {
		work := w.fill(calendar.ProviderGraph)
		w.backUp(work)
		var result restore.DrillResult
		r := w.carryOut(&restore.Drill{Runner: w.runner(), Backups: backup.New(w.table, w.blobs)}, &run.Run{Kind: run.Drill, Calendar: work.String()}, nil, &result)
		if r.State != run.Succeeded || result.Compared != 6 || result.Differing != 0 {
			t.Errorf("%s %+v %+v", r.State, result, r.Problem)
		}
		calendars, err := w.sim.Calendars(me)
		must(t, err)
		if len(calendars) != 2 {
			t.Errorf("calendars are %+v", calendars)
		}
	})
}

// inviting invites people to a series when its instances are asked for.
type inviting struct {
	calendar.Provider
	w *world
}

func (p inviting) Instances(ctx context.Context, account, id, master string, from, to time.Time) ([]calendar.Event, error) {
	text, err := json.Marshal(map[string]any{"id": master, "isOrganizer": true, "attendees": []any{
		map[string]any{"emailAddress": map[string]any{"name": "Ann", "address": "ann@example.com"}},
	}})
	must(p.w.t, err)
	_, err = p.w.sim.PutEvent(me, id, text)
	must(p.w.t, err)
	return p.Provider.Instances(ctx, account, id, master, from, to)
}

// TestGuestsOfASeriesWhoseInstancesDoNotNameThem are not told that an instance is changed.
func TestGuestsOfASeriesWhoseInstancesDoNotNameThem(t *testing.T) {
	w := newWorldWith(t, graphsim.MustSwitches("instance_attendees=none"))
	first := w.backUp(w.fill(calendar.ProviderLocal))
	runner := w.runner()
	runner.Provider = func(ctx context.Context, who string, u calendar.URI) (restore.Provider, error) {
		p, err := w.provider(ctx, who, u)
		return inviting{p, w}, err
	}
	var result restore.Result
	r := w.carryOut(&runner, &run.Run{Kind: run.Restore, Calendar: uri(calendar.ProviderGraph, "Copy").String()},
		restore.Input{Backup: first, Policy: restore.Skip, Zone: zone, CreateCalendar: true}, &result)
	if r.State != run.Partial || result.Counts.Failed != 2 {
		t.Errorf("%s %+v", r.State, result)
	}
	for _, e := range w.entries(r) {
		if series := slices.Contains([]string{"Stand-up", "Pay day"}, e.Subject); (e.Outcome == restore.Failed) != series ||
			series && !strings.Contains(e.Reason, "send messages") {
			t.Errorf("%+v", e)
		}
	}
}
