package archive_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/undo"
	"adminassistant/shared/wiretest"
)

// eventful archives a few events twice, with changes of the second time accepted, and undoes part of it. It returns the runs.
func (w *world) eventful() (c archive.Config, first, second *run.Run) {
	w.t.Helper()
	w.month(2)
	moved := w.add("Moved", "2026-10-20T09:00", "2026-10-20T10:00")
	w.add("Loser", "2026-10-21T09:00", "2026-10-21T10:00", func(d *calendar.Draft) { d.Importance = calendar.Low })
	w.add("Winner", "2026-10-21T09:30", "2026-10-21T10:30")
	c = w.config(accepting)
	first, _ = w.archive(c)
	w.rewrite(moved, func(d *calendar.Draft) { d.Start.Local, d.End.Local = "2026-10-22T09:00:00", "2026-10-22T10:00:00" })
	w.add("Later", "2026-10-23T09:00", "2026-10-23T10:00")
	second, _ = w.archive(c)
	return c, first, second
}

// finish carries a run on until it has ended.
func (w *world) finish(id string) (*run.Run, undo.Result) {
	w.t.Helper()
	for range 10 {
		r := w.again(id)
		if r.State.Ended() {
			return w.undone(id)
		}
		w.Advance(2 * time.Minute) // the lease of who died is over
		must(w.t, w.undoers(w.Table, w.calendar).Run(w.t.Context(), r))
	}
	w.t.Fatalf("run %s does not end", id)
	return nil, undo.Result{}
}

// reversals counts the done versions that a run wrote, by key.
func (w *world) reversals(c archive.Config, id string) map[string]int {
	w.t.Helper()
	n := map[string]int{}
	for _, e := range w.entries(c.ID) {
		if e.Run == id && e.Outcome != ledger.Moved && e.State == ledger.Done {
			n[e.Key]++
		}
	}
	return n
}

func TestAnUndoThatDiesAnywhereIsDoneOnceInTheEnd(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		c, first, second := w.eventful()
		r := w.toUndo(first.ID, how{cascade: true})
		if err := w.undoers(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r); !dying.Dead() {
			must(t, err)
		}
		r, result := w.finish(r.ID)
		if r.State != run.Succeeded || result.Counts.Undone != 6 || result.Counts.Participants != 6 || !slices.Equal(result.Runs, []string{second.ID, first.ID}) {
			t.Errorf("%s %+v %+v", r.State, r.Problem, result)
		}
		expect(t, "copies", w.copies())
		for key, n := range w.reversals(c, r.ID) {
			if n != 1 {
				t.Errorf("%s was undone %d times", key, n)
			}
		}
		w.verify(c)
		if _, night := w.archive(c); night.Written != 0 {
			t.Errorf("the next night: %+v", night)
		}
	})
}

func TestARedoThatDiesAnywhereBringsEverythingBackOnce(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		c, first, _ := w.eventful()
		before := w.shown()
		undone, _ := w.undo(first.ID, how{cascade: true})
		r := w.toUndo(undone.ID, how{})
		if err := w.undoers(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r); !dying.Dead() {
			must(t, err)
		}
		r, _ = w.finish(r.ID)
		if diff := cmp.Diff(before, w.shown()); diff != "" || r.State != run.Succeeded {
			t.Errorf("%s, what is shown (- before, + after):\n%s", r.State, diff)
		}
		w.verify(c)
	})
}

func TestAnUndoOfAcceptedDriftThatDiesAnywhereChangesTheCopyOnce(t *testing.T) {
	wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
		w := newWorld(t)
		c, _, second := w.eventful()
		r := w.toUndo(second.ID, how{})
		if err := w.undoers(dying.Table(w.Table), dying.Provider(w.calendar)).Run(t.Context(), r); !dying.Dead() {
			must(t, err)
		}
		r, result := w.finish(r.ID)
		if r.State != run.Succeeded || result.Counts.Undone != 2 {
			t.Errorf("%s %+v", r.State, result)
		}
		if got := w.copies(); len(got) != 4 || !slices.Contains(got, "Moved 2026-10-20T07:00") {
			t.Errorf("copies: %v", got)
		}
		w.verify(c)
	})
}

func TestTwoWorkersOfOneUndoDoItOnce(t *testing.T) {
	w := newWorld(t)
	c, first, _ := w.eventful()
	w.month(0)
	r := w.toUndo(first.ID, how{cascade: true})
	var workers sync.WaitGroup
	errs := make([]error, 4)
	for n := range errs {
		workers.Add(1)
		go func() {
			defer workers.Done()
			mine, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
			if err == nil && !mine.State.Ended() {
				err = w.undoers(w.Table, w.calendar).Run(t.Context(), mine)
			}
			errs[n] = err
		}()
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil && !errors.Is(err, run.ErrBusy) && !errors.Is(err, store.ErrConflict) {
			t.Errorf("a worker: %v", err)
		}
	}
	r, result := w.finish(r.ID)
	if r.State != run.Succeeded || result.Counts.Undone != 6 || len(w.copies()) != 0 {
		t.Errorf("%s %+v %v", r.State, result, w.copies())
	}
	for key, n := range w.reversals(c, r.ID) {
		if n != 1 {
			t.Errorf("%s was undone %d times", key, n)
		}
	}
	w.verify(c)
}

func TestWhatTheCalendarRefusesFailsAloneAndCanBeUndoneLater(t *testing.T) {
	w := newWorld(t)
	c, _, second := w.eventful()
	r := w.toUndo(second.ID, how{})
	refusing := wired{Provider: w.calendar, updating: func([]calendar.Update) error { return fault.New(fault.Forbidden, "not today") }}
	err := w.undoers(w.Table, refusing).Run(t.Context(), r)
	if fault.Of(err) != fault.Forbidden {
		t.Fatalf("error %v", err)
	}
	if r, result := w.finish(r.ID); r.State != run.Succeeded || result.Counts.Undone != 2 {
		t.Errorf("%s %+v", r.State, result)
	}
	w.verify(c)
}

func TestAnUndoIsOneRunOfManyChunks(t *testing.T) {
	w := newWorld(t)
	w.month(95)
	c := w.config()
	first, _ := w.archive(c)
	wire := &wiretest.Wire{}
	r := w.toUndo(first.ID, how{})
	must(t, w.undoers(wire.Table(w.Table), w.calendar).Run(t.Context(), r))
	_, result := w.undone(r.ID)
	if result.Counts.Undone != 95 || wire.Requests() > 20 {
		t.Errorf("%+v with %d requests to the store", result.Counts, wire.Requests())
	}
	fmt.Fprintln(t.Output(), wire.Requests(), "requests to the store")
}

func TestAnUndoGoesOnAfterAnotherRunSealedWhatItHadWritten(t *testing.T) {
	for n := 8; n < 60; n++ {
		w := newWorld(t)
		w.month(90)
		c := w.config()
		first, _ := w.archive(c)
		r := w.toUndo(first.ID, how{})
		dying := &wiretest.Wire{DieAt: n}
		if err := w.undoers(dying.Table(w.Table), w.calendar).Run(t.Context(), r); err == nil {
			t.Fatal("no worker died between two chunks")
		}
		if done := len(w.reversals(c, r.ID)); done == 0 || done >= 90 {
			continue
		}
		w.Advance(2 * time.Minute)
		w.archive(c) // settles and seals what the undo has written
		w.editCopy("Work 0", func(d *calendar.Draft) { d.Subject = "Mine" })
		r, result := w.finish(r.ID)
		if r.State != run.Succeeded || result.Counts.Undone != 89 || result.Written != 89 || result.Counts.By[undo.Altered] != 1 {
			t.Errorf("%s %+v %+v", r.State, r.Problem, result)
		}
		for key, times := range w.reversals(c, r.ID) {
			if times != 1 {
				t.Errorf("%s was undone %d times", key, times)
			}
		}
		expect(t, "copies", w.copies(), "Mine 2026-10-01T04:00")
		w.verify(c)
		return
	}
}
