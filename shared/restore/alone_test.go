package restore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// retryOf makes a run one that tries the failed items of another again.
func retryOf(r *run.Run) func(*run.Run, *restore.Input) {
	return func(next *run.Run, _ *restore.Input) { next.AttemptOf = r.ID }
}

// TestARetryReplacesNothingOfOthers has somebody put the event that failed into the calendar before it is tried again.
func TestARetryReplacesNothingOfOthers(t *testing.T) {
	w := newWorld(t)
	w.make(uri("Copy"))
	bad := single("a@example.com", "Acme", "2026-10-05T10:00", "2026-10-05T11:00")
	good := bad
	bad.Event.Start.Zone = "Nowhere"
	w.file = memory{things: []calendar.Kept{bad}}
	r, result := w.restore(restore.Skip)
	if result.Counts.Failed != 1 {
		t.Fatalf("%+v", result)
	}
	theirs := good
	theirs.Event.Subject = "Acme, by somebody"
	must(t, w.importing("Copy", theirs))
	before := w.kept(uri("Copy"))
	w.file = memory{things: []calendar.Kept{good}}
	again, result := w.restore(restore.Skip, retryOf(r))
	if again.State != run.Succeeded || result.Counts != (restore.Counts{Read: 1, InPeriod: 1, Skipped: 1}) || result.Written != 0 {
		t.Errorf("%s %+v", again.State, result)
	}
	if diff := cmp.Diff(before, w.kept(uri("Copy")), cmp.AllowUnexported(memory{})); diff != "" {
		t.Error(diff)
	}
}

// TestARetryOfARetryGoesOnWithTheSameCopy makes duplicates of which one fails, and fails again.
func TestARetryOfARetryGoesOnWithTheSameCopy(t *testing.T) {
	w := newWorld(t)
	w.file = serial()
	w.restore(restore.Skip)
	p := &refusing{Provider: unchanging{w.calendar}, subject: "Acme"}
	var last *run.Run
	for range 2 {
		r := w.start(restore.Duplicate, func(next *run.Run, _ *restore.Input) {
			if last != nil {
				next.AttemptOf = last.ID
			}
		})
		must(t, w.runner(w.Table, w.Blobs, p).Run(t.Context(), r))
		var result restore.Result
		if last, result = w.result(r.ID); last.State != run.Partial || result.Counts.Failed != 3 {
			t.Fatalf("%s %+v", last.State, result)
		}
	}
	r, result := w.restore(restore.Duplicate, retryOf(last))
	if r.State != run.Succeeded || result.Counts.Read != 3 || len(w.kept(uri("Copy")).things) != 6 {
		t.Errorf("%s %+v, %d events", r.State, result, len(w.kept(uri("Copy")).things))
	}
	if open := w.open(); open != nil {
		t.Errorf("left: %q", open)
	}
}

// TestRestoresOfDifferentThingsAreDifferentRuns starts a restore beside one that is under way.
func TestRestoresOfDifferentThingsAreDifferentRuns(t *testing.T) {
	w := newWorld(t)
	first := w.start(restore.Skip)
	for name, change := range map[string]func(*run.Run, *restore.Input){
		"of another backup":      func(_ *run.Run, in *restore.Input) { in.Backup = "C" },
		"by another policy":      func(_ *run.Run, in *restore.Input) { in.Policy = restore.Replace },
		"in another zone":        func(_ *run.Run, in *restore.Input) { in.Zone = "UTC" },
		"that makes no calendar": func(_ *run.Run, in *restore.Input) { in.CreateCalendar = false },
		"of other days": func(r *run.Run, _ *restore.Input) {
			r.From, r.To = calendar.Date{Year: 2026, Month: 10, Day: 1}, calendar.Date{Year: 2026, Month: 10, Day: 2}
		},
		"into another calendar": func(r *run.Run, _ *restore.Input) { r.Calendar = uri("Other").String() },
		"that writes nothing":   dryRun,
	} {
		if r := w.start(restore.Skip, change); r.ID == first.ID { // start demands that it is new
			t.Errorf("a restore %s is the same run", name)
		}
	}
	same := *first
	same.ID = w.NewID()
	if r, created, err := run.NewStore(w.Table).Create(t.Context(), &same); err != nil || created || r.ID != first.ID {
		t.Errorf("the same: created %v, %v", created, err)
	}
}

// TestARefusedThingIsNotTriedAgainByTheNextWorker hands a run on after the chunk of which one thing was refused.
func TestARefusedThingIsNotTriedAgainByTheNextWorker(t *testing.T) {
	w := newWorld(t)
	w.file = many(100)
	w.Advance(100 * 365 * 24 * time.Hour) // the deadline must not have passed on the clock of whoever runs the test
	r := w.start(restore.Skip)
	p := &refusing{Provider: w.calendar, subject: "Work 3"}
	for hands := 0; ; hands++ {
		ctx, cancel := context.WithDeadline(t.Context(), w.Now().Add(30*time.Second)) // within HandOn
		err := w.runner(w.Table, w.Blobs, p).Run(ctx, w.get(r.ID))
		cancel()
		if err == nil {
			if hands == 0 {
				t.Fatal("it was not handed on")
			}
			break
		}
		if !errors.Is(err, run.ErrHandOn) {
			t.Fatal(err)
		}
	}
	r, result := w.result(r.ID)
	items, _ := w.items(r)
	failed := 0
	for _, it := range items {
		if it.Problem != nil {
			failed++
		}
	}
	want := restore.Counts{Read: 100, InPeriod: 100, Created: 99, Failed: 1}
	if r.State != run.Partial || result.Counts != want || r.Failed != 1 || failed != 1 || p.tries != 1 {
		t.Errorf("%s %+v, %d items failed, tried %d times", r.State, result, failed, p.tries)
	}
}

// TestWhatARunHasWrittenIsItsOwn counts what the run has written, and not what others had.
func TestWhatARunHasWrittenIsItsOwn(t *testing.T) {
	w := newWorld(t)
	w.file = many(3)
	w.restore(restore.Skip)
	w.file = many(5)
	p := &refusing{Provider: w.calendar, subject: "Work 4"}
	r := w.start(restore.Skip)
	must(t, w.runner(w.Table, w.Blobs, p).Run(t.Context(), r))
	r, result := w.result(r.ID)
	if result.Written != 1 || result.Counts != (restore.Counts{Read: 5, InPeriod: 5, Created: 1, Skipped: 3, Failed: 1}) {
		t.Errorf("%+v", result)
	}
	if items, _ := w.items(r); items[2].Written || !items[3].Written || items[4].Written {
		t.Errorf("%+v", items)
	}
	if _, result = w.restore(restore.Skip, retryOf(r)); result.Written != 1 || result.Counts.Read != 1 {
		t.Errorf("tried again: %+v", result)
	}
}

// taken is a provider with which somebody else makes the calendar in the moment before we do, or our own answer is lost.
type taken struct {
	calendar.Provider
	tries int
	lost  bool
}

func (p *taken) CreateCalendar(ctx context.Context, u calendar.URI) (calendar.Info, error) {
	if p.tries++; p.tries == 1 {
		if _, err := p.Provider.CreateCalendar(ctx, u); err != nil {
			return calendar.Info{}, err
		}
		if p.lost {
			return calendar.Info{}, fault.Wrap(fault.Unavailable, soon{})
		}
	}
	return p.Provider.CreateCalendar(ctx, u)
}

// TestACalendarThatSomebodyMadeMeanwhileIsNotOurs tells what the run made itself, which undoing it would remove, from what it found.
func TestACalendarThatSomebodyMadeMeanwhileIsNotOurs(t *testing.T) {
	for _, lost := range []bool{false, true} {
		w := newWorld(t)
		w.file = many(3)
		r := w.start(restore.Skip)
		must(t, w.runner(w.Table, w.Blobs, &taken{Provider: w.calendar, lost: lost}).Run(t.Context(), r))
		r, result := w.result(r.ID)
		if r.State != run.Succeeded || result.Counts.Created != 3 || result.CreatedCalendar != lost || len(w.kept(uri("Copy")).things) != 3 {
			t.Errorf("our answer was lost %v: %s %+v", lost, r.State, result)
		}
	}
}

// TestACalendarThatIsMadeIsReservedByItsIDToo has another run hold the calendar by the id that it has once it is made.
func TestACalendarThatIsMadeIsReservedByItsIDToo(t *testing.T) {
	w := newWorld(t)
	w.file = many(3)
	r := w.start(restore.Skip)
	looking := watching{Provider: w.calendar, look: func(id string) {
		other := &run.Run{ID: w.NewID(), User: user, Kind: run.Archive, Config: "C", State: run.Queued, Created: w.Now()}
		other, _, err := run.NewStore(w.Table).Create(t.Context(), other)
		must(t, err)
		name := run.LeaseName(user, uri("Copy"), id)
		found, err := w.Table.GetMany(t.Context(), []store.Key{run.LeaseKey(name)})
		must(t, err)
		if _, err := run.Begin(t.Context(), w.Table, other, name, "another", time.Minute, w.Now, found); !errors.Is(err, run.ErrBusy) {
			t.Errorf("another run reserves it: %v", err)
		}
	}}
	must(t, w.runner(w.Table, w.Blobs, looking).Run(t.Context(), r))
	if got := w.get(r.ID); got.Lease == "" || len(got.FormerLeases) != 1 || got.FormerLeases[0] != run.LeaseName(user, uri("Copy"), "") {
		t.Errorf("%q, before %q", got.Lease, got.FormerLeases)
	}
}

// watching looks at what there is while events are created.
type watching struct {
	calendar.Provider
	look func(id string)
}

func (p watching) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	p.look(id)
	return p.Provider.Create(ctx, account, id, drafts)
}

// deleting is a provider with which somebody deletes the calendar before so many writes were made.
type deleting struct {
	calendar.Provider
	w      *world
	writes int
}

func (p *deleting) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	if p.writes--; p.writes == 0 {
		must(p.w.t, p.Provider.DeleteCalendar(ctx, account, id))
	}
	return p.Provider.Create(ctx, account, id, drafts)
}

// TestACalendarThatGoesWhileItIsWrittenEndsTheRun deletes the calendar under a worker: the run says so, and makes no other.
func TestACalendarThatGoesWhileItIsWrittenEndsTheRun(t *testing.T) {
	for writes := 1; writes <= 2; writes++ {
		w := newWorld(t)
		w.file = many(100)
		r := w.start(restore.Skip)
		err := w.runner(w.Table, w.Blobs, &deleting{w.calendar, w, writes}).Run(t.Context(), r)
		if err == nil {
			r, result := w.result(r.ID)
			err = fmt.Errorf("%s %+v", r.State, result)
		}
		if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "start the restore again") {
			t.Errorf("before write %d: %v", writes, err)
		}
		if _, err := w.calendar.Calendar(t.Context(), uri("Copy")); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("before write %d: the calendar: %v", writes, err)
		}
	}
}

// TestWhatCannotGoGetsNoSecondOne has a calendar that refuses to delete the copy of which the place is taken.
func TestWhatCannotGoGetsNoSecondOne(t *testing.T) {
	w := newWorld(t)
	one := single("1@example.com", "One", "2026-10-05T10:00", "2026-10-05T11:00")
	w.file = memory{things: []calendar.Kept{one}}
	w.restore(restore.Skip)
	before := w.kept(uri("Copy"))
	series := weekly()
	series.Event.ICalUID = one.Event.ICalUID
	w.file = memory{things: []calendar.Kept{series}}
	r := w.start(restore.Replace)
	must(t, w.runner(w.Table, w.Blobs, staying{w.calendar}).Run(t.Context(), r))
	if r, result := w.result(r.ID); r.State != run.Partial || result.Counts.Failed != 1 || result.Written != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	if diff := cmp.Diff(before, w.kept(uri("Copy")), cmp.AllowUnexported(memory{})); diff != "" {
		t.Error(diff)
	}
}

// staying refuses to delete.
type staying struct{ calendar.Provider }

func (staying) Delete(_ context.Context, _, _ string, ids []string) ([]calendar.WriteResult, error) {
	results := make([]calendar.WriteResult, len(ids))
	for i := range results {
		results[i].Err = errRefused
	}
	return results, nil
}
