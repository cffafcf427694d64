package action

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

const (
	ann = "tenant#ann"
	bob = "tenant#bob"
)

var monday = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

// world is actions over a real store, with a clock that goes on by a second whenever it is asked.
type world struct {
	*machinetest.Clock
	*machinetest.Machine
	*Actions
	t *testing.T
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := machinetest.NewClock(monday, time.Second)
	w := &world{Clock: clock, Machine: machinetest.New(t, clock.Now), t: t}
	w.Actions = w.over(w.Table)
	return w
}

func (w *world) over(table store.Table) *Actions { return New(table, w.NewID, w.Now) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failure is what a run that failed that many minutes after noon raises.
func failure(minutes int) Action {
	return Action{
		User: ann, Cause: Cause{RunFailed, "archive#work"}, Subject: Subject{"run", fmt.Sprintf("R%d", minutes)},
		Detail: fmt.Sprintf("the run of minute %d failed", minutes), At: monday.Add(time.Duration(minutes) * time.Minute),
	}
}

func (w *world) raise(a Action) *Action {
	w.t.Helper()
	raised, err := w.Raise(w.t.Context(), a)
	must(w.t, err)
	return raised
}

func (w *world) list(user string, state State, kind Kind) (ids []string) {
	w.t.Helper()
	actions, next, err := w.List(w.t.Context(), user, Filter{State: state, Kind: kind}, 100, "")
	must(w.t, err)
	if next != "" {
		w.t.Errorf("there is more after %d", len(actions))
	}
	for _, a := range actions {
		ids = append(ids, a.ID)
	}
	return ids
}

func (w *world) listed(state State, want ...string) {
	w.t.Helper()
	if got := w.list(ann, state, ""); !slices.Equal(got, want) {
		w.t.Errorf("%s: %q, want %q", state, got, want)
	}
}

func TestRaise(t *testing.T) {
	t.Run("what is told twice is there once", func(t *testing.T) {
		w := newWorld(t)
		first := w.raise(failure(1))
		again := w.raise(failure(1))
		if diff := cmp.Diff(first, again, cmp.AllowUnexported(Action{})); diff != "" {
			t.Errorf("the second time: %s", diff)
		}
		want := &Action{
			ID: "ID00000001", User: ann, Cause: Cause{RunFailed, "archive#work"}, Subject: Subject{"run", "R1"}, Detail: "the run of minute 1 failed", State: Open,
			At: monday.Add(time.Minute), History: []Change{{At: first.Created, State: Open, Why: "R1"}}, Created: first.Created, Updated: first.Created, stored: 1,
		}
		if diff := cmp.Diff(want, first, cmp.AllowUnexported(Action{})); diff != "" {
			t.Error(diff)
		}
		w.listed(Open, first.ID)
	})
	t.Run("a cause that is there again shows in the open one", func(t *testing.T) {
		w := newWorld(t)
		first := w.raise(failure(1))
		again := w.raise(failure(2))
		if again.ID != first.ID || again.Subject.ID != "R2" || again.Detail != "the run of minute 2 failed" || len(again.History) != 2 ||
			again.History[1].Why != "R2" {
			t.Errorf("%+v", again)
		}
		if late := w.raise(failure(1)); late.Subject.ID != "R2" || len(late.History) != 2 {
			t.Errorf("an older one that comes late: %+v", late)
		}
	})
	t.Run("other causes, kinds and users have actions of their own", func(t *testing.T) {
		w := newWorld(t)
		w.raise(failure(1))
		for _, change := range []func(*Action){
			func(a *Action) { a.Of = "archive#home" }, func(a *Action) { a.Kind = ShrunkWindow }, func(a *Action) { a.User = bob },
		} {
			other := failure(1)
			change(&other)
			w.raise(other)
		}
		if got := w.list(ann, Open, ""); len(got) != 3 || len(w.list(bob, Open, "")) != 1 {
			t.Errorf("there are %q", got)
		}
	})
	t.Run("of many processes one raises it", func(t *testing.T) {
		w := newWorld(t)
		ids := make([]string, 16)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				for {
					a, err := w.over(w.Table).Raise(t.Context(), failure(1+i%4))
					if fault.Of(err) == fault.Unavailable && err != nil {
						continue // others were faster, again and again
					}
					if err != nil {
						t.Error(err)
						return
					}
					ids[i] = a.ID
					return
				}
			})
		}
		all.Wait()
		if slices.Sort(ids); len(slices.Compact(ids)) != 1 {
			t.Errorf("raised %q", ids)
		}
		if a, err := w.Last(t.Context(), ann, Cause{RunFailed, "archive#work"}); err != nil || a.Subject.ID != "R4" {
			t.Errorf("it is about %+v, %v", a, err)
		}
		if open := w.list(ann, Open, ""); len(open) != 1 {
			t.Errorf("open are %q", open)
		}
	})
	t.Run("a cause that never goes has a bounded history", func(t *testing.T) {
		w := newWorld(t)
		for i := range maxHistory + 20 {
			w.raise(failure(i))
		}
		a, err := w.Last(t.Context(), ann, Cause{RunFailed, "archive#work"})
		must(t, err)
		if h := a.History; len(h) != maxHistory || h[0].Why != "R0" || h[1].Why != "R21" || h[maxHistory-1].Why != fmt.Sprintf("R%d", maxHistory+19) {
			t.Errorf("%d entries: %+v", len(h), h)
		}
	})
}

func TestSettled(t *testing.T) {
	cause, other := failure(0).Cause, Cause{ShrunkWindow, "work"}
	settle := func(w *world, minutes int) []*Action {
		t.Helper()
		resolved, err := w.ResolveGone(w.t.Context(), ann, monday.Add(time.Duration(minutes)*time.Minute), fmt.Sprintf("R%d", minutes), cause, other)
		must(w.t, err)
		return resolved
	}
	t.Run("what is gone is resolved, with what brought that about", func(t *testing.T) {
		w := newWorld(t)
		raised := w.raise(failure(1))
		resolved := settle(w, 2)
		if len(resolved) != 1 || resolved[0].ID != raised.ID || resolved[0].State != Resolved {
			t.Fatalf("resolved %+v", resolved)
		}
		if last := resolved[0].History[1]; last.State != Resolved || last.By != "" || last.Why != "R2" {
			t.Errorf("history %+v", last)
		}
		w.listed(Open)
		w.listed(Resolved, raised.ID)
		if again := settle(w, 2); len(again) != 0 {
			t.Errorf("again: %+v", again)
		}
	})
	t.Run("what is there since then stays", func(t *testing.T) {
		w := newWorld(t)
		raised := w.raise(failure(3))
		for _, minutes := range []int{2, 3} {
			if resolved := settle(w, minutes); len(resolved) != 0 {
				t.Errorf("minute %d resolved %+v", minutes, resolved)
			}
		}
		w.listed(Open, raised.ID)
	})
	t.Run("what is told late, of before, raises nothing", func(t *testing.T) {
		w := newWorld(t)
		raised := w.raise(failure(1))
		settle(w, 3)
		for _, minutes := range []int{1, 2, 3} {
			if late := w.raise(failure(minutes)); late.ID != raised.ID || late.State != Resolved {
				t.Errorf("minute %d: %+v", minutes, late)
			}
		}
		w.listed(Open)
		if anew := w.raise(failure(4)); anew.ID == raised.ID || anew.State != Open {
			t.Errorf("a new one: %+v", anew)
		}
	})
	t.Run("without anything to resolve it costs one request", func(t *testing.T) {
		w := newWorld(t)
		counter := &store.Counter{Table: w.Table}
		if resolved, err := w.over(counter).ResolveGone(t.Context(), ann, monday, "R0", cause, other); err != nil || resolved != nil || counter.Requests() != 1 {
			t.Errorf("%+v, %v after %d requests", resolved, err, counter.Requests())
		}
	})
}

func TestTheUserEnds(t *testing.T) {
	t.Run("an action that is dismissed comes again with its cause, as another", func(t *testing.T) {
		w := newWorld(t)
		raised := w.raise(failure(1))
		for range 2 { // the second time changes nothing
			a, err := w.Dismiss(t.Context(), ann, raised.ID)
			if err != nil || a.State != Dismissed || len(a.History) != 2 || a.History[1].By != ann {
				t.Fatalf("%+v, %v", a, err)
			}
		}
		if again := w.raise(failure(1)); again.ID != raised.ID || again.State != Dismissed {
			t.Errorf("what was dismissed is told again: %+v", again)
		}
		if _, err := w.Resolve(t.Context(), ann, raised.ID); fault.Of(err) != fault.Conflict {
			t.Errorf("resolved after that: %v", err)
		}
		if a := w.raise(failure(2)); a.ID == raised.ID {
			t.Errorf("the next one: %+v", a)
		}
	})
	t.Run("by a word, where that is enough", func(t *testing.T) {
		w := newWorld(t)
		for i, kind := range []Kind{Overlap, Drift, OrphanModification, MissingCategory, ArchiveMissing, LedgerDamaged, ShrunkWindow, KeysChanged, UnreadableDays,
			SignInNeeded, RunFailed} {
			a := failure(1)
			a.Kind = kind
			raised := w.raise(a)
			got, err := w.Resolve(t.Context(), ann, raised.ID)
			enough := kind == RunFailed || kind == OrphanModification || kind == MissingCategory
			if enough && (err != nil || got.State != Resolved) || !enough && fault.Of(err) != fault.Conflict {
				t.Errorf("%d %s: %+v, %v", i, kind, got, err)
			}
		}
	})
	t.Run("nobody else's", func(t *testing.T) {
		w := newWorld(t)
		raised := w.raise(failure(1))
		for name, do := range map[string]func(context.Context, string, string) (*Action, error){"get": w.Get, "resolve": w.Resolve, "dismiss": w.Dismiss} {
			if _, err := do(t.Context(), bob, raised.ID); fault.Of(err) != fault.NotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.listed(Open, raised.ID)
	})
	t.Run("what has ended goes some day, with the note of its cause, and what is open stays", func(t *testing.T) {
		w := newWorld(t)
		ended, open := w.raise(failure(1)), failure(1)
		open.Of = "archive#home"
		w.raise(open)
		_, err := w.Dismiss(t.Context(), ann, ended.ID)
		must(t, err)
		w.Advance(keep + 100*time.Second)
		w.listed(Dismissed)
		items, err := store.All(t.Context(), w.Table, store.Query{PK: "USER#" + ann})
		must(t, err)
		if len(items) != 2 {
			t.Errorf("%d items are left", len(items))
		}
	})
}

func TestList(t *testing.T) {
	w := newWorld(t)
	var raised []string
	for i := range 25 {
		a := failure(1)
		a.Of = fmt.Sprint(i)
		if i%5 == 0 {
			a.Kind = ShrunkWindow
		}
		raised = append(raised, w.raise(a).ID)
	}
	slices.Reverse(raised)
	w.listed(Open, raised...)
	w.listed("", raised...)
	if got := w.list(ann, Open, ShrunkWindow); len(got) != 5 || got[0] != "ID00000021" {
		t.Errorf("of one kind: %q", got)
	}
	for _, kind := range []Kind{"", RunFailed} {
		var all []string
		for cursor, pages := "", 0; ; pages++ {
			actions, next, err := w.List(t.Context(), ann, Filter{Kind: kind}, 4, cursor)
			must(t, err)
			if len(actions) > 4 || pages > 20 {
				t.Fatalf("page %d has %d", pages, len(actions))
			}
			for _, a := range actions {
				all = append(all, a.ID)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if !slices.Equal(all, w.list(ann, "", kind)) {
			t.Errorf("pages of %q: %q", kind, all)
		}
	}
	_, err := w.Table.Put(t.Context(), store.Item{Key: actionKey(ann, "A99999"), Data: []byte(`{"id": "ID00000001"}`)}, store.Any())
	must(t, err)
	w.listed("", raised...)
	if _, err := w.Get(t.Context(), ann, "A99999"); fault.Of(err) != fault.Malformed {
		t.Errorf("an unreadable one: %v", err)
	}
}

func TestWhatIsUnreadableStopsNobody(t *testing.T) {
	for name, key := range map[string]func(a *Action) store.Key{
		"an action": func(a *Action) store.Key { return actionKey(ann, a.ID) }, "a note": func(a *Action) store.Key { return causeKey(ann, a.Cause) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			broken := w.raise(failure(1))
			_, err := w.Table.Put(t.Context(), store.Item{Key: key(broken), Data: []byte(`[]`)}, store.Any())
			must(t, err)
			if last, err := w.Last(t.Context(), ann, broken.Cause); err != nil || last != nil {
				t.Errorf("the last one is %+v, %v", last, err)
			}
			if resolved, err := w.ResolveGone(t.Context(), ann, failure(9).At, "R9", failure(9).Cause); err != nil || len(resolved) != 0 {
				t.Errorf("%+v, %v", resolved, err)
			}
			if a := w.raise(failure(2)); a.ID == broken.ID || a.State != Open {
				t.Errorf("raised %+v", a)
			}
		})
	}
}

func TestEraseLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.raise(failure(1))
	a := failure(1)
	a.Of, a.User = "other", bob
	w.raise(a)
	must(t, Erase(t.Context(), w.Table, ann))
	if items, err := store.All(t.Context(), w.Table, store.Query{PK: "USER#" + ann}); err != nil || len(items) != 0 {
		t.Errorf("%d items are left, %v", len(items), err)
	}
	if len(w.list(bob, Open, "")) != 1 {
		t.Error("another user's are gone")
	}
}

// TestAnActionSurvivesDyingAnywhere lets the process die at every single request, before it took effect and after it. What it did is told
// again from the start.
func TestAnActionSurvivesDyingAnywhere(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		steps := func(s *Actions) error {
			if _, err := s.Raise(t.Context(), failure(1)); err != nil {
				return err
			}
			if _, err := s.Raise(t.Context(), failure(2)); err != nil {
				return err
			}
			_, err := s.ResolveGone(t.Context(), ann, failure(3).At, "R3", failure(3).Cause)
			return err
		}
		err := steps(w.over(dying.Table(w.Table)))
		if dying.Dead() == (err == nil) {
			t.Fatalf("%v", err)
		}
		must(t, steps(w.Actions))
		all := w.list(ann, "", "")
		if len(all) != 1 {
			t.Fatalf("there are %q", all)
		}
		a, err := w.Get(t.Context(), ann, all[0])
		must(t, err)
		var why []string
		for _, c := range a.History {
			why = append(why, c.Why)
		}
		if a.State != Resolved || strings.Join(why, " ") != "R1 R2 R3" {
			t.Errorf("%s, history %q", a.State, why)
		}
	})
}
