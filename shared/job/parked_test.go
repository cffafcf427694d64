package job

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
	"adminassistant/shared/wiretest"
)

// older is a world whose program does not know drills: it was put back to an earlier version.
type older struct {
	*world
	told    []string // of parked jobs
	metrics strings.Builder
}

func (o *older) kinds() map[run.Kind]Kind {
	kinds := o.world.kinds(o.Table, o.queue)
	delete(kinds, run.Drill)
	return kinds
}

func (o *older) jobs() *Jobs { return New(o.Table, o.kinds(), o.NewID, o.Now) }

func (o *older) tick() Report {
	o.t.Helper()
	d := &Dispatcher{
		Table: o.Table, Kinds: o.kinds(), Clock: o.Now, Log: o.log, Metrics: telemetry.NewMetrics(&o.metrics, "dev", o.Now),
		Parked: func(_ context.Context, j *Job) {
			o.told = append(o.told, j.ID)
			if got := o.get(j.ID); got.Parked == nil || got.Parked.Look != j.Parked.Look {
				o.t.Errorf("told before it was stored: %+v", got)
			}
		},
	}
	r, err := d.Tick(o.t.Context())
	must(o.t, err)
	return r
}

// rolledBack is a world of late evening with a drill that is about to be due, at 23:00 in Berlin.
func rolledBack(t *testing.T) (*older, *Job) {
	w := newWorld(t, evening)
	return &older{world: w}, w.job(w.config("A"), daily("23:00", "Europe/Berlin"), of(run.Drill))
}

func TestAJobOfAKindThatThisVersionDoesNotKnow(t *testing.T) {
	t.Run("is parked when it is due: said, counted, and left alone for an hour", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		if r := w.tick(); r != (Report{Parked: 1}) {
			t.Fatalf("got %+v", r)
		}
		got := w.get(j.ID)
		if got.State != Paused || got.Reason != UnknownKind || !strings.Contains(got.Detail, `"drill"`) ||
			!strings.Contains(got.Detail, "by itself") || !got.Due.IsZero() {
			t.Errorf("got %+v", got)
		}
		if log := w.logs.String(); !strings.Contains(log, `"job parked"`) || !strings.Contains(log, j.ID) || !strings.Contains(log, `"kind":"drill"`) {
			t.Errorf("the log says %s", log)
		}
		for range 59 {
			w.Advance(time.Minute)
			if r := w.tick(); r != (Report{}) {
				t.Fatalf("at %s: %+v", w.Now(), r)
			}
		}
		w.Advance(time.Minute)
		if r := w.tick(); r != (Report{Parked: 1}) {
			t.Errorf("an hour later: %+v", r)
		}
		if !cmp.Equal(w.told, []string{j.ID}) {
			t.Errorf("told of %v", w.told)
		}
		if n := strings.Count(w.metrics.String(), `"JobsParked":1`); n != 2 {
			t.Errorf("counted %d times: %s", n, w.metrics.String())
		}
		if len(w.runs()) != 0 {
			t.Error("it started a run")
		}
	})
	t.Run("goes on by itself in a version that knows it, with one run for the time that it missed", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		w.tick()
		w.Advance(24*time.Hour - time.Minute)
		if r := w.world.tick(); r != (Report{Started: 1, Late: 1}) {
			t.Fatalf("got %+v", r)
		}
		got := w.get(j.ID)
		if got.State != Active || got.Reason != "" || got.Detail != "" || got.Parked != nil || !got.LastDue.Equal(j.Due) ||
			!got.Due.Equal(j.Due.AddDate(0, 0, 1)) {
			t.Errorf("got %+v", got)
		}
		if sent := w.messages(); len(sent) != 1 || sent[got.LastRun] != 1 {
			t.Errorf("sent %v", sent)
		}
		w.Advance(time.Minute)
		w.end(got.LastRun, run.Succeeded)
		if r := w.world.tick(); r != (Report{Started: 1}) {
			t.Errorf("its next time: %+v", r)
		}
	})
	t.Run("goes on at once when a version that knows it is asked to resume it", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		w.tick()
		_, err := w.jobs().Resume(t.Context(), user, j.ID)
		wants(t, err, fault.Conflict, "", "does not know")
		_, _, err = w.jobs().Trigger(t.Context(), user, j.ID)
		wants(t, err, fault.Conflict, "", "does not know")
		changed := *w.get(j.ID)
		changed.Jitter = 3
		_, err = w.jobs().Update(t.Context(), user, changed)
		wants(t, err, fault.Conflict, "", "does not know")
		resumed, err := w.world.jobs().Resume(t.Context(), user, j.ID)
		must(t, err)
		if got := w.get(j.ID); resumed.State != Active || got.State != Active || got.Reason != "" || got.Parked != nil ||
			!got.Due.Equal(j.Due.AddDate(0, 0, 1)) {
			t.Errorf("got %+v", got)
		}
		w.Advance(time.Hour)
		if r := w.world.tick(); r != (Report{}) {
			t.Errorf("before its next time: %+v", r)
		}
		w.Advance(23 * time.Hour)
		if r := w.world.tick(); r != (Report{Started: 1}) {
			t.Errorf("at its next time: %+v", r)
		}
	})
	t.Run("started by hand in a version that knows it, it goes on", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		w.tick()
		r, created, err := w.world.jobs().Trigger(t.Context(), user, j.ID)
		must(t, err)
		if got := w.get(j.ID); !created || got.State != Active || got.Parked != nil || got.Start != nil || w.messages()[r.ID] != 1 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("changed in a version that knows it, it goes on, at the times of a schedule that is new", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		w.tick()
		changed := *w.get(j.ID)
		changed.Schedule = daily("04:00", "Europe/Berlin")
		_, err := w.world.jobs().Update(t.Context(), user, changed)
		must(t, err)
		if got := w.get(j.ID); got.State != Active || got.Reason != "" || got.Parked != nil || !got.Due.Equal(j.Due.Add(5*time.Hour)) {
			t.Errorf("got %+v", got)
		}
		w.Advance(parkedFor)
		if r := w.world.tick(); r != (Report{}) {
			t.Errorf("before its new time: %+v", r)
		}
		w.Advance(4 * time.Hour)
		if r := w.world.tick(); r != (Report{Started: 1}) {
			t.Errorf("at its new time: %+v", r)
		}
	})
	t.Run("changed in something else, it goes on with the time that it missed", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		w.tick()
		changed := *w.get(j.ID)
		changed.Calendar = ArchiveCalendar
		_, err := w.world.jobs().Update(t.Context(), user, changed)
		must(t, err)
		if r := w.world.tick(); r != (Report{Started: 1}) {
			t.Errorf("got %+v", r)
		}
		if r := w.runs()[0]; r.Calendar != "local://me/calendars/A" {
			t.Errorf("its run is about %s", r.Calendar)
		}
	})
	t.Run("paused by its user it stays so", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		w.tick()
		_, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
		must(t, err)
		w.Advance(48 * time.Hour)
		if r := w.world.tick(); r != (Report{}) {
			t.Errorf("got %+v", r)
		}
		if got := w.get(j.ID); got.State != Paused || got.Reason != ByUser || got.Parked != nil {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a run that was started before and not named to a worker is named when the kind is known again", func(t *testing.T) {
		for name, pause := range map[string]bool{"active": false, "paused by its user": true} {
			t.Run(name, func(t *testing.T) {
				w, j := rolledBack(t)
				w.Advance(j.Due.Sub(w.Now()))
				d := w.dispatcher()
				d.Kinds = w.world.kinds(w.Table, (&wiretest.Wire{DieAt: 1}).Queue(w.queue))
				if r, err := d.Tick(t.Context()); r != (Report{Started: 1, Failed: 1}) || err == nil {
					t.Fatalf("the newer version before: %+v, %v", r, err)
				}
				state, reason := Active, Reason("")
				if pause {
					_, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
					must(t, err)
					state, reason = Paused, ByUser
				}
				w.Advance(takeOver)
				if r := w.tick(); r != (Report{Parked: 1}) {
					t.Fatalf("got %+v", r)
				}
				if got := w.get(j.ID); got.Start == nil || got.State != Paused || pause && got.Reason != ByUser || !pause && got.Reason != UnknownKind {
					t.Fatalf("got %+v", got)
				}
				w.Advance(time.Minute)
				if r := w.tick(); r != (Report{}) {
					t.Errorf("a minute later: %+v", r)
				}
				w.Advance(parkedFor)
				if r := w.world.tick(); r != (Report{Resumed: 1}) {
					t.Errorf("the newer version: %+v", r)
				}
				got := w.get(j.ID)
				if got.State != state || got.Reason != reason || got.Start != nil || got.Parked != nil || w.messages()[got.LastRun] != 1 {
					t.Errorf("got %+v", got)
				}
				if !pause && !got.Due.Equal(j.Due.AddDate(0, 0, 1)) {
					t.Errorf("due at %s", got.Due)
				}
				w.Advance(time.Hour)
				if r := w.world.tick(); r != (Report{}) {
					t.Errorf("an hour later: %+v", r)
				}
			})
		}
	})
	t.Run("resumed with such a run, the run is named at once", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		d := w.dispatcher()
		d.Kinds = w.world.kinds(w.Table, (&wiretest.Wire{DieAt: 1}).Queue(w.queue))
		_, _ = d.Tick(t.Context())
		w.Advance(takeOver)
		w.tick()
		resumed, err := w.world.jobs().Resume(t.Context(), user, j.ID)
		must(t, err)
		if got := w.get(j.ID); resumed.Start != nil || got.Start != nil || got.Parked != nil || got.State != Active || w.messages()[got.LastRun] != 1 {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("resumed with others that its user had paused, such a run is named by the next tick", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		d := w.dispatcher()
		d.Kinds = w.world.kinds(w.Table, (&wiretest.Wire{DieAt: 1}).Queue(w.queue))
		_, _ = d.Tick(t.Context())
		must(t, w.jobs().PauseAll(t.Context(), user, "", SignInNeeded))
		w.Advance(takeOver)
		w.tick()
		must(t, w.world.jobs().ResumeAll(t.Context(), user, "", SignInNeeded))
		if got := w.get(j.ID); got.State != Active || got.Parked != nil || got.Start == nil {
			t.Errorf("got %+v", got)
		}
		if r := w.world.tick(); r != (Report{Resumed: 1}) || w.messages()[w.get(j.ID).LastRun] != 1 {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("changed while it is being parked, it is left to the next tick", func(t *testing.T) {
		w, j := rolledBack(t)
		w.Advance(j.Due.Sub(w.Now()))
		hook := &meddling{Table: w.Table, do: func() {
			_, err := w.jobs().Pause(t.Context(), user, j.ID, ByUser)
			must(t, err)
		}}
		d := &Dispatcher{Table: hook, Kinds: w.kinds(), Clock: w.Now, Log: zerolog.Nop(), Parked: func(context.Context, *Job) { t.Error("told") }}
		if r, err := d.Tick(t.Context()); r != (Report{Taken: 1}) || err != nil {
			t.Errorf("got %+v, %v", r, err)
		}
		if got := w.get(j.ID); got.Reason != ByUser {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("all others start", func(t *testing.T) {
		w, j := rolledBack(t)
		other := w.job(w.config("B"), daily("23:00", "Europe/Berlin"))
		w.Advance(j.Due.Sub(w.Now()))
		if r := w.tick(); r != (Report{Started: 1, Parked: 1}) || w.runs()[0].Job != other.ID {
			t.Errorf("got %+v", r)
		}
	})
}

// meddling is a table in which something happens before the first write.
type meddling struct {
	store.Table
	do func()
}

func (m *meddling) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if do := m.do; do != nil {
		m.do = nil
		do()
	}
	return m.Table.Put(ctx, item, cond)
}

// unreadable is a table that refuses to tell of configs, as one does whose permissions are wrong: nobody's fault but ours.
type unreadable struct{ store.Table }

func (u *unreadable) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if strings.HasPrefix(key.SK, "CONFIG#") {
		return store.Item{}, errors.New("no permission")
	}
	return u.Table.Get(ctx, key)
}

func TestAnInternalErrorDoesNotPauseAJob(t *testing.T) {
	t.Run("when its run is to be started", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		w.Advance(time.Hour)
		d := w.dispatcher()
		d.Kinds = w.kinds(&unreadable{w.Table}, w.queue)
		if r, err := d.Tick(t.Context()); r != (Report{Stuck: 1}) || fault.Of(err) != fault.Internal || !strings.Contains(err.Error(), j.ID) {
			t.Errorf("got %+v, %v", r, err)
		}
		if got := w.get(j.ID); got.State != Active || !got.Due.Equal(j.Due) {
			t.Errorf("got %+v", got)
		}
		w.Advance(firstRest)
		if r := w.tick(); r != (Report{Started: 1}) {
			t.Errorf("the next tick: %+v", r)
		}
	})
	t.Run("when it is resumed with others", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		must(t, w.jobs().PauseAll(t.Context(), user, "", SignInNeeded))
		jobs := New(w.Table, w.kinds(&unreadable{w.Table}, w.queue), w.NewID, w.Now)
		if err := jobs.ResumeAll(t.Context(), user, "", SignInNeeded); fault.Of(err) != fault.Internal {
			t.Errorf("got %v", err)
		}
		if got := w.get(j.ID); got.Reason != SignInNeeded || got.Detail != "" {
			t.Errorf("got %+v", got)
		}
		must(t, w.jobs().ResumeAll(t.Context(), user, "", SignInNeeded))
		if got := w.get(j.ID); got.State != Active {
			t.Errorf("got %+v", got)
		}
	})
}

func TestAPausedJobIsNotLate(t *testing.T) {
	w, parked := rolledBack(t)
	active, paused := w.job(w.config("B"), daily("23:00", "Europe/Berlin")), w.job(w.config("C"), daily("23:00", "Europe/Berlin"))
	_, err := w.jobs().Pause(t.Context(), user, paused.ID, ByUser)
	must(t, err)
	w.Advance(parked.Due.Sub(w.Now()))
	if r := w.tick(); r != (Report{Started: 1, Parked: 1}) {
		t.Fatalf("got %+v", r)
	}
	w.Advance(24*time.Hour + lateAfter + time.Second)
	h, err := w.world.jobs().Health(t.Context(), user)
	must(t, err)
	if len(h.Late) != 1 || h.Late[0].ID != active.ID {
		t.Errorf("late are %+v", h.Late)
	}
}
