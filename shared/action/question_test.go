package action

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func day(n int) time.Time { return monday.AddDate(0, 0, n) }

// about asks about appointments of one day, each named by a key and a hash: "a1" is the key a with the hash 1.
func about(kind Kind, n int, participants ...string) Action {
	q := Question{Rule: "rule"}
	for _, p := range participants {
		q.Participants = append(q.Participants, Participant{Key: p[:1], Hash: "sha256:" + p[1:]})
	}
	q.Span.Add(day(n), day(n).Add(time.Hour))
	a := Ask(kind, "work", q)
	a.Detail = "they share time"
	return a
}

// night settles what a run asks that looked at the days from first to last.
func (w *world) night(run string, first, last int, asked ...Action) Settled {
	w.t.Helper()
	settled, err := w.Settle(w.t.Context(), w.findings(run, first, last, asked...))
	must(w.t, err)
	w.end(settled)
	return settled
}

func (w *world) findings(run string, first, last int, asked ...Action) Findings {
	in := func(t time.Time) bool { return !t.Before(day(first)) && t.Before(day(last+1)) }
	item, err := w.Table.Get(w.t.Context(), AsksKey(ann, "work"))
	if !errors.Is(err, store.ErrNotFound) {
		must(w.t, err)
	}
	return Findings{
		User: ann, Config: "work", Run: run, Asked: asked, Kinds: []Kind{Overlap, Drift}, Asks: item,
		Near:   func(s Span) bool { return in(s.From) || in(s.Last) },
		Looked: func(a *Action) bool { return in(a.Span.From) && in(a.Span.Last) },
	}
}

// end does what belongs to the end of a run.
func (w *world) end(settled Settled) {
	if len(settled.Ops) > 0 {
		must(w.t, w.Table.Transact(w.t.Context(), settled.Ops))
	}
}

// asked lists the questions of a state by kind and keys.
func (w *world) asked(state State) string {
	w.t.Helper()
	list, _, err := w.List(w.t.Context(), ann, Filter{State: state}, 100, "")
	must(w.t, err)
	var all []string
	for _, a := range list {
		text := string(a.Kind) + " "
		for _, p := range a.Participants {
			text += p.Key + strings.TrimPrefix(p.Hash, "sha256:")
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (w *world) is(state State, want string) {
	w.t.Helper()
	if got := w.asked(state); got != want {
		w.t.Errorf("%s are %q, should be %q", state, got, want)
	}
}

func TestAQuestionIsAskedOnceAndStaysOpen(t *testing.T) {
	w := newWorld(t)
	ab := about(Overlap, 1, "b1", "a1")
	if got := w.night("R1", 0, 9, ab); got.Raised[Overlap] != 1 || got.Open != 1 || got.Resolved != 0 {
		t.Errorf("%+v", got)
	}
	for _, run := range []string{"R2", "R3"} {
		if got := w.night(run, 0, 9, about(Overlap, 1, "a1", "b1")); len(got.Raised) != 0 || got.Open != 1 {
			t.Errorf("%s: %+v", run, got)
		}
	}
	if got := w.night("R1", 0, 9, ab); got.Raised[Overlap] != 1 || got.Open != 1 {
		t.Errorf("the run that raised it, once more: %+v", got)
	}
	w.is("", "overlap a1b1")
	list, _, err := w.List(t.Context(), ann, Filter{}, 9, "")
	must(t, err)
	if a := list[0]; len(a.History) != 1 || a.History[0].Why != "R1" || a.Subject != (Subject{"run", "R1"}) || a.Config != "work" || a.Rule != "rule" ||
		a.Detail != "they share time" || !a.Span.From.Equal(day(1)) || !a.Span.To.Equal(day(1).Add(time.Hour)) {
		t.Errorf("%+v", a)
	}
}

func TestAQuestionWhoseCauseIsGoneIsResolvedByTheRun(t *testing.T) {
	w := newWorld(t)
	w.night("R1", 0, 9, about(Overlap, 1, "a1", "b1"), about(Drift, 2, "c1"))
	if got := w.night("R2", 0, 9, about(Drift, 2, "c2")); got.Resolved != 2 || got.Raised[Drift] != 1 || got.Open != 1 {
		t.Errorf("%+v", got)
	}
	w.is(Open, "drift c2")
	w.is(Resolved, "drift c1, overlap a1b1")
	list, _, err := w.List(t.Context(), ann, Filter{State: Resolved, Kind: Overlap}, 9, "")
	must(t, err)
	if last := list[0].History[1]; last.Why != "R2" || last.By != "" {
		t.Errorf("%+v", last)
	}
	w.night("R3", 0, 9, about(Overlap, 1, "a1", "b1"), about(Drift, 2, "c2"))
	w.is(Open, "drift c2, overlap a1b1")
}

func TestARunResolvesOnlyWhatItLookedAt(t *testing.T) {
	w := newWorld(t)
	two := about(Overlap, 1, "a1", "b1")
	two.Span.Add(day(5), day(5))
	w.night("R1", 0, 9, two, about(Drift, 8, "c1"), about(Retention, 2, "d1"))
	w.night("R2", 0, 4)
	w.night("R3", 9, 9)
	w.night("R4", 5, 7)
	w.is(Open, "drift c1, overlap a1b1, retention d1")
	w.night("R5", 1, 5)
	w.is(Open, "drift c1, retention d1")
}

func TestWhatTheUserDismissedIsNotAskedAgain(t *testing.T) {
	for name, say := range map[string]func(w *world, id string) (*Action, error){
		"dismissed": func(w *world, id string) (*Action, error) { return w.Dismiss(t.Context(), ann, id) },
		"done":      func(w *world, id string) (*Action, error) { return w.Resolve(t.Context(), ann, id) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.night("R1", 0, 9, about(OrphanModification, 1, "a1"))
			list, _, err := w.List(t.Context(), ann, Filter{}, 9, "")
			must(t, err)
			_, err = say(w, list[0].ID)
			must(t, err)
			for i := range 4 {
				w.Set(w.Now().AddDate(0, 0, 60*i))
				if got := w.night(fmt.Sprint("R", i), 0, 9, about(OrphanModification, 1, "a1")); got.Open != 0 || len(got.Raised) != 0 {
					t.Errorf("night %d: %+v", i, got)
				}
				note, err := w.Table.Get(t.Context(), causeKey(ann, list[0].Cause))
				if err != nil || !note.Expires.IsZero() {
					t.Errorf("the note: %v, expires %s", err, note.Expires)
				}
			}
			w.is(Open, "")
			w.night("R9", 0, 9, about(OrphanModification, 1, "a2"))
			w.is(Open, "orphan_modification a2")
		})
	}
}

func TestAnAnsweredQuestionIsAskedAgainWhenItIsThereAgain(t *testing.T) {
	w := newWorld(t)
	w.night("R1", 0, 9, about(Overlap, 1, "a1", "b1"))
	list, _, err := w.List(t.Context(), ann, Filter{}, 9, "")
	must(t, err)
	id := list[0].ID
	answered, err := w.Answer(t.Context(), ann, id, ann, "D1")
	must(t, err)
	if last := answered.History[1]; answered.State != Resolved || last.By != ann || last.Why != "D1" {
		t.Errorf("%+v", answered)
	}
	w.is(Open, "")
	reopened, err := w.Reopen(t.Context(), ann, id, "U1")
	must(t, err)
	if reopened.State != Open || reopened.History[2].Why != "U1" {
		t.Errorf("%+v", reopened)
	}
	if got := w.night("R2", 0, 9, about(Overlap, 1, "a1", "b1")); got.Open != 1 || len(got.Raised) != 0 {
		t.Errorf("open again: %+v", got)
	}
	_, err = w.Answer(t.Context(), ann, id, ann, "D2")
	must(t, err)
	w.night("R3", 0, 9, about(Overlap, 1, "a1", "b1"))
	w.is(Open, "overlap a1b1")
	other, err := w.Reopen(t.Context(), ann, id, "U2")
	must(t, err)
	if other.ID == id || other.State != Open {
		t.Errorf("while its cause has another one open: %+v", other)
	}
	w.is("", "overlap a1b1, overlap a1b1")
}

// TestSettlingCosts counts the requests of runs.
func TestSettlingCosts(t *testing.T) {
	w := newWorld(t)
	counter := &store.Counter{Table: w.Table}
	w.Actions = w.over(counter)
	costs := func(name string, most int, asked ...Action) {
		t.Helper()
		findings, before := w.findings(name, 0, 9, asked...), counter.Requests()
		settled, err := w.Settle(t.Context(), findings)
		must(t, err)
		if got := counter.Requests() - before; got != most {
			t.Errorf("%s: %d requests, should be %d", name, got, most)
		}
		w.end(settled)
	}
	var many []Action
	for i := range 300 {
		many = append(many, about(Drift, 1, fmt.Sprintf("k%d", i)))
	}
	costs("nothing asked, nothing open", 0)
	costs("300 new ones", 3+10, many...) // their notes, by the hundred, and 33 to a transaction
	costs("the same", 1, many...)
	costs("one more", 1+1+1, append(many, about(Overlap, 1, "a1"))...)
	costs("all gone", 1+7+10)
	costs("nothing asked, nothing open any more", 0)
	w.is(Open, "")
}

func TestManyTransactionsHaveTheGuard(t *testing.T) {
	w := newWorld(t)
	var many []Action
	for i := range 300 {
		many = append(many, about(Drift, 1, fmt.Sprintf("k%d", i)))
	}
	guards, done := 0, 0
	lease := store.Key{PK: "LEASE#x", SK: "LEASE"}
	f := w.findings("R1", 0, 9, many...)
	f.Guard = func() []store.Op {
		op := store.Op{Put: &store.Item{Key: lease, Data: []byte(`{}`)}, If: store.Absent()}
		if guards > 0 {
			op.If = store.VersionIs(int64(guards))
		}
		guards++
		return []store.Op{op}
	}
	f.Done = func() { done++ }
	_, err := w.Settle(t.Context(), f)
	must(t, err)
	if guards != 10 || done != 10 {
		t.Errorf("%d guards, %d done", guards, done)
	}
	// Another worker has the lease.
	f = w.findings("R2", 0, 9, about(Overlap, 1, "a1"))
	f.Guard = func() []store.Op {
		return []store.Op{{Put: &store.Item{Key: lease, Data: []byte(`{}`)}, If: store.VersionIs(1)}}
	}
	if _, err := w.Settle(t.Context(), f); !errors.Is(err, store.ErrConflict) {
		t.Errorf("without the lease: %v", err)
	}
	if list, _, err := w.List(t.Context(), ann, Filter{Kind: Overlap}, 9, ""); err != nil || len(list) != 0 {
		t.Errorf("without the lease: %v, %v", list, err)
	}
}

// dying is a table whose nth transaction fails, and all requests after it.
type dying struct {
	store.Table
	left int
}

var errDead = fault.New(fault.Unavailable, "dead")

func (d *dying) Transact(ctx context.Context, ops []store.Op) error {
	if d.left--; d.left < 0 {
		return errDead
	}
	return d.Table.Transact(ctx, ops)
}

func TestARunThatIsKilledWhileItAsksAsksEachOnce(t *testing.T) {
	var many []Action
	for i := range 100 {
		many = append(many, about(Drift, 1, fmt.Sprintf("k%d", i)))
	}
	for kills := range 4 {
		w := newWorld(t)
		alive := w.Actions
		w.Actions = w.over(&dying{w.Table, kills})
		if _, err := w.Settle(t.Context(), w.findings("R1", 0, 9, many...)); !errors.Is(err, errDead) {
			t.Fatalf("after %d transactions: %v", kills, err)
		}
		w.Actions = alive
		if got := w.night("R1", 0, 9, many...); got.Raised[Drift] != 100 || got.Open != 100 {
			t.Errorf("after %d transactions: %+v", kills, got)
		}
		if list, _, err := w.List(t.Context(), ann, Filter{}, 200, ""); err != nil || len(list) != 100 {
			t.Errorf("after %d transactions: %d are there, %v", kills, len(list), err)
		}
	}
}

func TestOfManyParticipantsAnActionNamesSome(t *testing.T) {
	q := Question{}
	for i := range 5000 {
		q.Participants = append(q.Participants, Participant{Key: fmt.Sprintf("key %04d", i), Hash: "sha256:1"})
	}
	rand.Shuffle(len(q.Participants), func(i, j int) { q.Participants[i], q.Participants[j] = q.Participants[j], q.Participants[i] })
	a := Ask(Retention, "work", q)
	if len(a.Participants) != MaxParticipants || a.Others != 5000-MaxParticipants || a.Participants[0].Key != "key 0000" {
		t.Errorf("%d named, %d others, first %q", len(a.Participants), a.Others, a.Participants[0].Key)
	}
	slices.SortFunc(q.Participants, func(a, b Participant) int { return strings.Compare(a.Key, b.Key) })
	if b := Ask(Retention, "work", q); b.Cause != a.Cause {
		t.Error("the order counts")
	}
	q.Participants[4999].Hash = "sha256:2"
	if b := Ask(Retention, "work", q); b.Cause == a.Cause {
		t.Error("what is not named does not count")
	}
	long := Question{}
	for i := range 3 {
		long.Participants = append(long.Participants, Participant{Key: strings.Repeat(fmt.Sprint(i), 40_000)})
	}
	if a := Ask(Drift, "work", long); len(a.Participants) != 1 || a.Others != 2 {
		t.Errorf("of long keys %d are named, %d others", len(a.Participants), a.Others)
	}
	if Ask(Drift, "work", Question{Participants: []Participant{{Key: "ab", Hash: "c"}}}).Cause ==
		Ask(Drift, "work", Question{Participants: []Participant{{Key: "a", Hash: "bc"}}}).Cause {
		t.Error("key and hash run into each other")
	}
}

func TestListByConfigAndPeriod(t *testing.T) {
	w := newWorld(t)
	w.raise(failure(1))
	w.night("R1", 0, 9, about(Overlap, 1, "a1"), about(Drift, 3, "b1"))
	for _, one := range []struct {
		name string
		Filter
		want string
	}{
		{"of a config", Filter{Config: "work"}, "drift b1, overlap a1"},
		{"of another config", Filter{Config: "other"}, ""},
		{"of a period", Filter{From: day(1), To: day(2)}, "overlap a1"},
		{"until it ends", Filter{From: day(1).Add(time.Hour), To: day(3).Add(time.Second)}, "drift b1"},
		{"until it begins", Filter{To: day(3)}, "overlap a1"},
		{"from a day on", Filter{From: day(2)}, "drift b1"},
		{"that lasts into it", Filter{From: day(1).Add(30 * time.Minute), To: day(2)}, "overlap a1"},
	} {
		w.t.Run(one.name, func(t *testing.T) {
			list, _, err := w.List(t.Context(), ann, one.Filter, 9, "")
			must(t, err)
			var got []string
			for _, a := range list {
				got = append(got, string(a.Kind)+" "+a.Participants[0].Key+"1")
			}
			if slices.Sort(got); strings.Join(got, ", ") != one.want {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestQuestionsAgainstAModel plays random nights, answers and dismissals against the rules written down plainly.
func TestQuestionsAgainstAModel(t *testing.T) {
	causes := map[string]Action{}
	for i, name := range []string{"a1", "a2", "b1", "c1"} {
		causes[name] = about(Drift, 2*i, name)
	}
	for seed := range uint64(30) {
		w, rng := newWorld(t), rand.New(rand.NewPCG(seed, 1))
		open, quiet, asks := map[string]bool{}, map[string]bool{}, map[string]bool{}
		for step := range 60 {
			for name := range causes {
				if rng.IntN(3) == 0 {
					asks[name] = !asks[name]
				}
			}
			first := rng.IntN(6)
			last := first + rng.IntN(8)
			var asked []Action
			for name, a := range causes {
				d := int(a.Span.From.Sub(monday) / (24 * time.Hour))
				if d < first || d > last {
					continue
				}
				switch {
				case asks[name]:
					asked = append(asked, a)
					open[name] = !quiet[name]
				default:
					open[name] = false
				}
			}
			w.night(fmt.Sprint("R", step), first, last, asked...)
			list, _, err := w.List(t.Context(), ann, Filter{State: Open}, 100, "")
			must(t, err)
			got := map[string]bool{}
			for _, a := range list {
				name := a.Participants[0].Key + strings.TrimPrefix(a.Participants[0].Hash, "sha256:")
				if got[name] {
					t.Fatalf("seed %d, step %d: %s is asked twice", seed, step, name)
				}
				got[name] = true
				switch rng.IntN(8) {
				case 0:
					_, err = w.Dismiss(t.Context(), ann, a.ID)
					open[name], quiet[name], got[name] = false, true, false
				case 1:
					_, err = w.Answer(t.Context(), ann, a.ID, ann, "D")
					open[name], got[name] = false, false
				}
				must(t, err)
			}
			for m := range maps.All(map[*map[string]bool]bool{&open: true, &got: true}) {
				maps.DeleteFunc(*m, func(_ string, is bool) bool { return !is })
			}
			if !maps.Equal(open, got) {
				t.Fatalf("seed %d, step %d: open are %v, should be %v", seed, step, got, open)
			}
		}
	}
}

func TestARunOfOtherDaysReadsNoActions(t *testing.T) {
	w := newWorld(t)
	w.night("R1", 0, 9, about(Drift, 1, "a1"), about(Overlap, 2, "b1"))
	counter := &store.Counter{Table: w.Table}
	w.Actions = w.over(counter)
	findings, before := w.findings("R2", 20, 29), counter.Requests()
	_, err := w.Settle(t.Context(), findings)
	must(t, err)
	if got := counter.Requests() - before; got != 1 {
		t.Errorf("%d requests", got)
	}
}

func TestWhatWasDismissedAndOpenedAgainIsAQuestionLikeAnyOther(t *testing.T) {
	w := newWorld(t)
	w.night("R1", 0, 9, about(Overlap, 1, "a1"))
	list, _, err := w.List(t.Context(), ann, Filter{}, 9, "")
	must(t, err)
	_, err = w.Dismiss(t.Context(), ann, list[0].ID)
	must(t, err)
	_, err = w.Reopen(t.Context(), ann, list[0].ID, "U1")
	must(t, err)
	w.night("R2", 0, 9)
	w.is(Open, "")
	w.night("R3", 0, 9, about(Overlap, 1, "a1"))
	w.is(Open, "overlap a1")
}

func TestAnOpenQuestionOfWhichTheRowIsLostIsNotAskedTwice(t *testing.T) {
	for name, damage := range map[string]func(w *world, key store.Key) error{
		"lost": func(w *world, key store.Key) error { return w.Table.Delete(t.Context(), key, store.Any()) },
		"unreadable": func(w *world, key store.Key) error {
			_, err := w.Table.Put(t.Context(), store.Item{Key: key, Data: []byte(`[]`)}, store.Any())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := about(Overlap, 1, "a1")
			w.night("R1", 0, 9, a)
			must(t, damage(w, openKey(ann, "work", a.Cause)))
			w.night("R2", 0, 9, a)
			w.is("", "overlap a1")
			w.night("R3", 0, 9)
			w.is(Resolved, "overlap a1")
		})
	}
}
