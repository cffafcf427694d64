package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

// evening is 22:00 in Berlin.
const evening = "2026-10-05T20:00:00Z"

// wants says that err is of the kind, on the field, with the text.
func wants(t testing.TB, err error, kind fault.Kind, field, says string) {
	t.Helper()
	if err == nil || fault.Of(err) != kind || fault.FieldOf(err) != field || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, %v on field %q; want %v on %q with %q", err, fault.Of(err), fault.FieldOf(err), kind, field, says)
	}
}

func TestCreate(t *testing.T) {
	t.Run("a job is active and due at its next time", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		made := w.job(c, daily("23:59", "Europe/Berlin"), func(j *Job) { j.Jitter, j.State, j.User, j.Due = 10, Paused, "other#user", w.Now() })
		want := &Job{
			ID: made.ID, User: user, Kind: run.Archive, Config: c.ID, Schedule: daily("23:59", "Europe/Berlin"), Jitter: 10, State: Active,
			Due: at(t, "2026-10-05T21:59:00Z"), Created: w.Now(), Updated: w.Now(), Version: 1,
		}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Errorf("made (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(want, w.get(made.ID)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
		if late := made.Starts().Sub(made.Due); late < 0 || late > 10*time.Minute {
			t.Errorf("it starts %v after its time", late)
		}
	})
	t.Run("what is wrong with a job names the field", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		inactive := w.config("Inactive")
		inactive.Active = false
		_, err := w.configs().Update(t.Context(), user, inactive)
		must(t, err)
		for _, bad := range []struct {
			change func(*Job)
			kind   fault.Kind
			field  string
			says   string
		}{
			{func(j *Job) { j.Kind = "dream" }, fault.Invalid, "kind", "expected archive or backup or drill"},
			{func(j *Job) { j.Calendar = "archive" }, fault.Invalid, "calendar", "does not belong to a job of kind archive"},
			{func(j *Job) { j.Retention.Last = 1 }, fault.Invalid, "retention", "does not belong to a job of kind archive"},
			{func(j *Job) { j.Kind, j.Calendar = run.Backup, "both" }, fault.Invalid, "calendar", "expected source or archive"},
			{func(j *Job) { j.Kind, j.Retention.Weekly = run.Backup, 1001 }, fault.Invalid, "retention.weekly", "0 to 1000"},
			{func(j *Job) { j.Kind, j.Window.Days = run.Drill, 1 }, fault.Invalid, "window.days", "does not belong to a job of kind drill"},
			{func(j *Job) { j.Kind, j.Retention.Daily = run.Drill, 1 }, fault.Invalid, "retention", "does not belong to a job of kind drill"},
			{func(j *Job) { j.Config = "" }, fault.Invalid, "config", "missing"},
			{func(j *Job) { j.Config = "01K0000000000000000000000C" }, fault.NotFound, "", "no config"},
			{func(j *Job) { j.Config = inactive.ID }, fault.Conflict, "", "not active"},
			{func(j *Job) { j.Window.Days = -1 }, fault.Invalid, "window.days", "0 to 366"},
			{func(j *Job) { j.Window.Days = 367 }, fault.Invalid, "window.days", "0 to 366"},
			{func(j *Job) { j.Jitter = -2 }, fault.Invalid, "jitter", "0 to 60"},
			{func(j *Job) { j.Jitter = 61 }, fault.Invalid, "jitter", "0 to 60"},
			{func(j *Job) { j.Schedule.Zone = "Mars" }, fault.Invalid, "schedule.zone", "Mars"},
		} {
			in := Job{Kind: run.Archive, Config: c.ID, Schedule: daily("23:59", "Europe/Berlin")}
			bad.change(&in)
			_, err := w.jobs().Create(t.Context(), user, in)
			wants(t, err, bad.kind, bad.field, bad.says)
		}
		_, err = w.jobs().Create(t.Context(), "other#user", Job{Kind: run.Archive, Config: c.ID, Schedule: daily("23:59", "UTC")})
		wants(t, err, fault.NotFound, "", "no config")
	})
	t.Run("no more than fifty, even when two are created at once", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		for range MaxJobs - 1 {
			w.job(c, daily("23:59", "Europe/Berlin"))
		}
		together := &meeting{Table: w.Table}
		together.all.Add(2)
		var both sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			jobs := New(together, w.kinds(w.Table, w.queue), w.NewID, w.Now)
			both.Go(func() {
				_, errs[i] = jobs.Create(t.Context(), user, Job{Kind: run.Archive, Config: c.ID, Schedule: daily("23:59", "UTC")})
			})
		}
		both.Wait()
		if errs[0] == nil {
			errs[0], errs[1] = errs[1], errs[0]
		}
		wants(t, errs[0], fault.Conflict, "", "remove one first")
		items, err := w.jobs().items(t.Context(), user)
		must(t, err)
		if errs[1] != nil || len(items) != MaxJobs {
			t.Errorf("%d jobs, %v", len(items), errs[1])
		}
	})
	t.Run("a job belongs to its user", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"))
		_, err := w.jobs().Get(t.Context(), "other#user", j.ID)
		wants(t, err, fault.NotFound, "", "no job")
		jobs, _, err := w.jobs().List(t.Context(), "other#user", 10, "")
		must(t, err)
		if len(jobs) != 0 {
			t.Errorf("got %+v", jobs)
		}
	})
}

func TestJitter(t *testing.T) {
	seen := map[time.Duration]bool{}
	for i := range 1000 {
		j := &Job{ID: fmt.Sprintf("01JY%022d", i), Jitter: 10, Due: at(t, evening)}
		late := j.Starts().Sub(j.Due)
		if late < 0 || late > 10*time.Minute || late != j.Starts().Sub(j.Due) {
			t.Fatalf("job %d starts %v after its time", i, late)
		}
		seen[late] = true
		if j.Jitter = 0; !j.Starts().Equal(j.Due) {
			t.Fatalf("job %d without jitter starts %v", i, j.Starts())
		}
	}
	if len(seen) < 450 { // of 601 seconds, 487 are expected to be met
		t.Errorf("a thousand jobs start in %d different seconds", len(seen))
	}
}

func TestUpdate(t *testing.T) {
	t.Run("another schedule has another next time", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"))
		w.Advance(time.Minute)
		change := *j
		change.Schedule, change.Window.Days, change.Jitter = daily("04:00", "Europe/Berlin"), 7, 20
		change.State, change.Config, change.LastRun = Paused, "another", "another"
		got, err := w.jobs().Update(t.Context(), user, change)
		must(t, err)
		want := *j
		want.Schedule, want.Window.Days, want.Jitter, want.Due, want.Updated, want.Version = change.Schedule, 7, 20, at(t, "2026-10-06T02:00:00Z"), w.Now(), 2
		if diff := cmp.Diff(&want, got); diff != "" {
			t.Errorf("got (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(&want, w.get(j.ID)); diff != "" {
			t.Errorf("stored (-want +got):\n%s", diff)
		}
	})
	t.Run("the same schedule keeps a time that is due", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		j.Window.Days = 2
		got, err := w.jobs().Update(t.Context(), user, *j)
		must(t, err)
		if !got.Due.Equal(j.Due) || w.tick() != (Report{Started: 1}) {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a job that was changed meanwhile stays", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"))
		_, err := w.jobs().Update(t.Context(), user, *j)
		must(t, err)
		if _, err := w.jobs().Update(t.Context(), user, *j); !errors.Is(err, store.ErrConflict) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("what is wrong changes nothing", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"))
		change := *j
		change.Schedule.At = "25:00"
		_, err := w.jobs().Update(t.Context(), user, change)
		wants(t, err, fault.Invalid, "schedule.at", "25:00")
		if diff := cmp.Diff(j, w.get(j.ID)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a paused job stays paused", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:59", "Europe/Berlin"))
		j, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
		must(t, err)
		j.Schedule.At = "04:00"
		got, err := w.jobs().Update(t.Context(), user, *j)
		must(t, err)
		if got.State != Paused || !got.Due.IsZero() {
			t.Errorf("got %+v", got)
		}
	})
}

func TestPauseAndResume(t *testing.T) {
	t.Run("what a paused job missed is not made up", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		got, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
		must(t, err)
		if got.State != Paused || got.Reason != ByUser || !got.Starts().IsZero() {
			t.Errorf("got %+v", got)
		}
		w.Advance(50 * time.Hour)
		if r := w.tick(); r != (Report{}) {
			t.Errorf("paused: %+v", r)
		}
		got, err = w.jobs().Resume(t.Context(), user, j.ID)
		must(t, err)
		if got.State != Active || got.Reason != "" || !got.Due.Equal(at(t, "2026-10-08T21:00:00Z")) {
			t.Errorf("got %+v", got)
		}
		if r := w.tick(); r != (Report{}) {
			t.Errorf("resumed: %+v", r)
		}
		w.Advance(23 * time.Hour)
		if r := w.tick(); r != (Report{Started: 1}) {
			t.Errorf("due: %+v", r)
		}
	})
	t.Run("doing it twice changes nothing", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		for range 2 {
			got, err := w.jobs().Resume(t.Context(), user, j.ID)
			must(t, err)
			if got.Version != 1 {
				t.Errorf("got %+v", got)
			}
		}
		for range 2 {
			got, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
			must(t, err)
			if got.Version != 2 {
				t.Errorf("got %+v", got)
			}
		}
	})
	t.Run("a job whose config is inactive stays paused", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		j := w.job(c, daily("23:00", "Europe/Berlin"))
		c.Active = false
		_, err := w.configs().Update(t.Context(), user, c)
		must(t, err)
		w.Advance(time.Hour)
		w.tick()
		_, err = w.jobs().Resume(t.Context(), user, j.ID)
		wants(t, err, fault.Conflict, "", "activate it first")
		if w.get(j.ID).State != Paused {
			t.Errorf("got %+v", w.get(j.ID))
		}
	})
	t.Run("the jobs of a config follow it, but for those that their user paused", func(t *testing.T) {
		w := newWorld(t, evening)
		a, b := w.config("A"), w.config("B")
		first, second, other := w.job(a, daily("23:00", "UTC")), w.job(a, daily("22:00", "UTC")), w.job(b, daily("23:00", "UTC"))
		_, err := w.jobs().Pause(t.Context(), user, second.ID, ByUser)
		must(t, err)
		must(t, w.jobs().PauseAll(t.Context(), user, a.ID, ConfigInactive))
		states := func() (all []string) {
			for _, j := range []*Job{first, second, other} {
				all = append(all, string(w.get(j.ID).State+" ")+string(w.get(j.ID).Reason))
			}
			return all
		}
		if diff := cmp.Diff([]string{"paused config_inactive", "paused user", "active "}, states()); diff != "" {
			t.Errorf("paused (-want +got):\n%s", diff)
		}
		must(t, w.jobs().ResumeAll(t.Context(), user, a.ID, ConfigInactive))
		if diff := cmp.Diff([]string{"active ", "paused user", "active "}, states()); diff != "" {
			t.Errorf("resumed (-want +got):\n%s", diff)
		}
		must(t, w.jobs().PauseAll(t.Context(), user, "", SignInNeeded))
		if diff := cmp.Diff([]string{"paused sign_in_needed", "paused user", "paused sign_in_needed"}, states()); diff != "" {
			t.Errorf("all paused (-want +got):\n%s", diff)
		}
		must(t, w.jobs().RemoveAll(t.Context(), user, a.ID))
		jobs, _, err := w.jobs().List(t.Context(), user, 10, "")
		must(t, err)
		if len(jobs) != 1 || jobs[0].ID != other.ID {
			t.Errorf("left over: %+v", jobs)
		}
	})
}

func TestTrigger(t *testing.T) {
	t.Run("a run outside the schedule leaves the schedule alone", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		r, created, err := w.jobs().Trigger(t.Context(), user, j.ID)
		must(t, err)
		if !created || r.Job != j.ID || r.To.String() != "2026-10-04" || w.messages()[r.ID] != 1 {
			t.Errorf("got %+v", r)
		}
		if got := w.get(j.ID); !got.Due.Equal(j.Due) || got.LastRun != r.ID || got.Start != nil || !got.LastDue.IsZero() {
			t.Errorf("got %+v", got)
		}
		again, created, err := w.jobs().Trigger(t.Context(), user, j.ID)
		must(t, err)
		if created || again.ID != r.ID || w.messages()[r.ID] != 1 {
			t.Errorf("again: %+v", again)
		}
		w.end(r.ID, run.Succeeded)
		w.Advance(time.Hour)
		if got := w.tick(); got != (Report{Started: 1}) {
			t.Errorf("when it is due: %+v", got)
		}
	})
	t.Run("a paused job can be triggered, and stays paused", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		_, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
		must(t, err)
		_, created, err := w.jobs().Trigger(t.Context(), user, j.ID)
		must(t, err)
		w.Advance(time.Hour)
		if r := w.tick(); !created || w.get(j.ID).State != Paused || r != (Report{}) {
			t.Errorf("got %+v, %+v", r, w.get(j.ID))
		}
	})
	t.Run("a job of an inactive config cannot", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		j := w.job(c, daily("23:00", "Europe/Berlin"))
		c.Active = false
		_, err := w.configs().Update(t.Context(), user, c)
		must(t, err)
		_, _, err = w.jobs().Trigger(t.Context(), user, j.ID)
		wants(t, err, fault.Conflict, "", "activate it first")
	})
	t.Run("a queue that does not answer leaves the message to the dispatcher", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		jobs := New(w.Table, w.kinds(w.Table, (&wiretest.Wire{DieAt: 1}).Queue(w.queue)), w.NewID, w.Now)
		r, created, err := jobs.Trigger(t.Context(), user, j.ID)
		must(t, err)
		w.Advance(takeOver)
		if got := w.tick(); !created || got != (Report{Resumed: 1}) || w.messages()[r.ID] != 1 {
			t.Errorf("got %+v", got)
		}
		if got := w.get(j.ID); got.Start != nil || !got.Due.Equal(j.Due) {
			t.Errorf("got %+v", got)
		}
	})
}

func TestJobsArePausedAndResumedWhereTheirQueueIsOutOfReach(t *testing.T) {
	w := newWorld(t, evening)
	j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
	jobs := New(w.Table, w.kinds(w.Table, (&wiretest.Wire{DieAt: 1}).Queue(w.queue)), w.NewID, w.Now)
	r, _, err := jobs.Trigger(t.Context(), user, j.ID)
	must(t, err)
	must(t, jobs.PauseAll(t.Context(), user, "", SignInNeeded))
	if got := w.get(j.ID); got.State != Paused || got.Reason != SignInNeeded || got.Start == nil {
		t.Errorf("got %+v", got)
	}
	must(t, jobs.ResumeAll(t.Context(), user, "", SignInNeeded))
	if got := w.get(j.ID); got.State != Active || !got.Due.Equal(j.Due) || got.Start == nil {
		t.Errorf("got %+v", got)
	}
	must(t, jobs.PauseAll(t.Context(), user, "", SignInNeeded))
	w.Advance(takeOver)
	if got := w.tick(); got != (Report{Resumed: 1}) || w.messages()[r.ID] != 1 {
		t.Errorf("got %+v", got)
	}
	if got := w.get(j.ID); got.State != Paused || got.Start != nil || !got.Due.IsZero() {
		t.Errorf("got %+v", got)
	}
	w.Advance(24 * time.Hour)
	if got := w.tick(); got != (Report{}) {
		t.Errorf("a paused job did %+v", got)
	}
}

func TestRemove(t *testing.T) {
	t.Run("a removed job is gone, its runs stay", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		w.tick()
		if err := w.jobs().Remove(t.Context(), user, j.ID, j.Version); !errors.Is(err, store.ErrConflict) {
			t.Errorf("by an old version: %v", err)
		}
		must(t, w.jobs().Remove(t.Context(), user, j.ID, w.get(j.ID).Version))
		_, err := w.jobs().Get(t.Context(), user, j.ID)
		wants(t, err, fault.NotFound, "", "no job")
		w.Advance(24 * time.Hour)
		if r := w.tick(); r != (Report{}) || len(w.runs()) != 1 {
			t.Errorf("got %+v, %d runs", r, len(w.runs()))
		}
	})
	t.Run("an unreadable job hides no other and can be removed", func(t *testing.T) {
		w := newWorld(t, evening)
		c := w.config("A")
		bad, good := w.job(c, daily("23:00", "Europe/Berlin")), w.job(c, daily("22:30", "Europe/Berlin"))
		item := bad.item()
		item.Data = []byte("{")
		w.put(item)
		jobs, _, err := w.jobs().List(t.Context(), user, 10, "")
		must(t, err)
		if len(jobs) != 1 || jobs[0].ID != good.ID {
			t.Errorf("got %+v", jobs)
		}
		_, err = w.jobs().Get(t.Context(), user, bad.ID)
		wants(t, err, fault.Malformed, "", bad.ID)
		must(t, w.jobs().Remove(t.Context(), user, bad.ID, 2))
		_, err = w.jobs().Get(t.Context(), user, bad.ID)
		wants(t, err, fault.NotFound, "", bad.ID)
	})
	t.Run("erasing leaves nothing of a user's jobs", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		must(t, Erase(t.Context(), w.Table, user))
		items, err := store.All(t.Context(), w.Table, store.Query{PK: "USER#" + user, Prefix: "JOB"})
		must(t, err)
		w.Advance(time.Hour)
		if r := w.tick(); len(items) != 0 || r != (Report{}) {
			t.Errorf("left over: %+v, %+v", items, r)
		}
	})
}

func TestHistoryAndHealth(t *testing.T) {
	w := newWorld(t, evening)
	c := w.config("A")
	failing, fine := w.job(c, daily("23:00", "Europe/Berlin")), w.job(w.config("B"), daily("23:00", "Europe/Berlin"))
	health := func() (late, bad []string) {
		t.Helper()
		h, err := w.jobs().Health(t.Context(), user)
		must(t, err)
		for _, j := range h.Late {
			late = append(late, j.ID)
		}
		for _, j := range h.Failing {
			bad = append(bad, j.ID)
		}
		return late, bad
	}
	w.Advance(time.Hour)
	var want []string
	for day := range failingAfter {
		if _, bad := health(); len(bad) > 0 {
			t.Errorf("day %d: failing are %v", day, bad)
		}
		w.tick()
		for id := range w.messages() {
			r, err := run.NewStore(w.Table).Get(t.Context(), user, id)
			must(t, err)
			if r.Job == failing.ID {
				want = append([]string{id}, want...)
				w.end(id, run.Failed)
			} else if day < failingAfter-1 {
				w.end(id, run.Failed)
			} else {
				w.end(id, run.Succeeded)
			}
		}
		other, _, err := run.NewStore(w.Table).Create(t.Context(), &run.Run{ID: w.NewID(), User: user, Config: c.ID, Kind: run.Archive, State: run.Queued})
		must(t, err)
		w.end(other.ID, run.Succeeded) // which nobody's job started
		w.Advance(24 * time.Hour)
	}
	late, bad := health()
	if diff := cmp.Diff([]string{failing.ID}, bad); diff != "" || late != nil {
		t.Errorf("failing (-want +got), late %v:\n%s", late, diff)
	}
	w.Advance(lateAfter + time.Second)
	if late, _ := health(); !cmp.Equal(late, []string{failing.ID, fine.ID}) {
		t.Errorf("late are %v", late)
	}
	w.tick()
	if late, bad := health(); late != nil || !cmp.Equal(bad, []string{failing.ID}) {
		t.Errorf("with a run under way late are %v and failing %v", late, bad)
	}
	queues, err := w.jobs().Queues(t.Context())
	must(t, err)
	if got := queues[run.Archive]; got.Waiting != 2 || got.Dead != 0 || got.Oldest.IsZero() {
		t.Errorf("queue %+v", got)
	}
	for id := range w.messages() {
		w.end(id, run.Succeeded)
	}
	if _, bad := health(); bad != nil {
		t.Errorf("after a good run failing are %v", bad)
	}
	want = append([]string{w.get(failing.ID).LastRun}, want...)
	for range failingAfter { // and then it fails again
		w.Advance(24 * time.Hour)
		r, _, err := w.jobs().Trigger(t.Context(), user, failing.ID)
		must(t, err)
		w.end(r.ID, run.Failed)
		want = append([]string{r.ID}, want...)
	}
	if _, bad := health(); !cmp.Equal(bad, []string{failing.ID}) {
		t.Errorf("after failed runs failing are %v", bad)
	}
	w.Advance(24 * time.Hour)
	from, to, err := w.configs().Window(t.Context(), c, w.Now())
	must(t, err)
	joined, _, err := run.NewStore(w.Table).Create(t.Context(), &run.Run{
		ID: w.NewID(), User: user, Config: c.ID, Kind: run.Archive, State: run.Queued, From: from, To: to,
	})
	must(t, err)
	_, created, err := w.jobs().Trigger(t.Context(), user, failing.ID)
	must(t, err)
	w.end(joined.ID, run.Succeeded)
	if _, bad := health(); created || bad != nil {
		t.Errorf("after a good run that somebody else started failing are %v", bad)
	}

	var got []string
	for cursor, pages := "", 0; ; pages++ {
		runs, next, err := w.jobs().History(t.Context(), user, failing.ID, 2, cursor)
		must(t, err)
		if len(runs) > 2 || pages > 10 {
			t.Fatalf("page %d has %d runs", pages, len(runs))
		}
		for _, r := range runs {
			got = append(got, r.ID)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
	_, _, err = w.jobs().History(t.Context(), user, "01K0000000000000000000000D", 2, "")
	wants(t, err, fault.NotFound, "", "no job")
}

// meeting is a table whose first queries are answered when all that are awaited have been asked.
type meeting struct {
	store.Table
	all  sync.WaitGroup
	came atomic.Int32
}

func (m *meeting) Query(ctx context.Context, q store.Query) (store.Page, error) {
	page, err := m.Table.Query(ctx, q)
	if m.came.Add(1) <= 2 {
		m.all.Done()
		m.all.Wait()
	}
	return page, err
}

// staleIndex is a table whose index still shows what it did at an earlier moment, as that of DynamoDB may.
type staleIndex struct {
	store.Table
	pages map[string]store.Page // by partition
}

func stale(w *world) staleIndex {
	w.t.Helper()
	s := staleIndex{w.Table, map[string]store.Page{}}
	for shard := range Shards {
		page, err := w.Table.Query(w.t.Context(), store.Query{Index: true, PK: shardKey(shard)})
		must(w.t, err)
		s.pages[shardKey(shard)] = page
	}
	return s
}

func (s staleIndex) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if q.Index {
		return s.pages[q.PK], nil
	}
	return s.Table.Query(ctx, q)
}

// TestStaleIndex shows a tick an index that tells of a job as it was before something happened to it.
func TestStaleIndex(t *testing.T) {
	for _, c := range []struct {
		name    string
		meddle  func(w *world, c archive.Config, j *Job)
		started int // of the job, in all
		want    Report
	}{
		{"a paused job starts nothing", func(w *world, _ archive.Config, j *Job) {
			_, err := w.jobs().Pause(w.t.Context(), user, j.ID, ByUser)
			must(w.t, err)
		}, 0, Report{Taken: 1}},
		{"a removed job starts nothing and stays away", func(w *world, _ archive.Config, j *Job) {
			must(w.t, w.jobs().Remove(w.t.Context(), user, j.ID, j.Version))
		}, 0, Report{Taken: 1}},
		{"a job with another schedule waits for its time", func(w *world, _ archive.Config, j *Job) {
			j.Schedule.At = "04:00"
			_, err := w.jobs().Update(w.t.Context(), user, *j)
			must(w.t, err)
		}, 0, Report{Taken: 1}},
		{"a job that was started is not started again", func(w *world, _ archive.Config, _ *Job) {
			w.tick()
		}, 1, Report{Taken: 1}},
		{"a job that was started, and whose run has ended, is not started again", func(w *world, _ archive.Config, _ *Job) {
			w.tick()
			w.end(w.runs()[0].ID, run.Succeeded)
		}, 1, Report{Taken: 1}},
		{"a job that was changed is not paused for what is past", func(w *world, c archive.Config, j *Job) {
			_, err := w.jobs().Update(w.t.Context(), user, *j)
			must(w.t, err)
			c.Active = false
			_, err = w.configs().Update(w.t.Context(), user, c)
			must(w.t, err)
		}, 0, Report{Taken: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, evening)
			config := w.config("A")
			j := w.job(config, daily("23:00", "Europe/Berlin"))
			fine := w.job(w.config("B"), daily("23:00", "Europe/Berlin"))
			w.Advance(time.Hour)
			index := stale(w)
			index.pages[shardKey(int(hash(fine.ID)%Shards))] = store.Page{}
			item := *j.item()
			item.Version = j.Version
			index.pages[shardKey(int(hash(j.ID)%Shards))] = store.Page{Items: []store.Item{item}}
			c.meddle(w, config, j)
			before, gone := w.Table.Get(t.Context(), jobKey(user, j.ID))
			d := w.dispatcher()
			d.Table = index
			r, err := d.Tick(t.Context())
			must(t, err)
			if r != c.want || len(w.runsOf(j.ID)) != c.started {
				t.Errorf("got %+v and %d runs, want %+v and %d", r, len(w.runsOf(j.ID)), c.want, c.started)
			}
			after, err := w.Table.Get(t.Context(), jobKey(user, j.ID))
			if !errors.Is(err, gone) || after.Version != before.Version {
				t.Errorf("the job was changed: %+v, %v", after, err)
			}
		})
	}
}
