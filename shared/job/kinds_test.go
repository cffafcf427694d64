package job

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/account"
	"adminassistant/shared/backup"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// of makes a job one of a kind.
func of(kind run.Kind) func(*Job) { return func(j *Job) { j.Kind = kind } }

func TestKinds(t *testing.T) {
	t.Run("a backup is of the whole source calendar, and knows its job and what stays", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"), of(run.Backup), func(j *Job) { j.Retention = backup.Retention{Last: 3, Monthly: 12} })
		if j.Calendar != SourceCalendar || w.get(j.ID).Calendar != SourceCalendar {
			t.Errorf("got %+v", j)
		}
		w.Advance(time.Hour)
		if r := w.tick(); r != (Report{Started: 1}) {
			t.Fatalf("got %+v", r)
		}
		r := w.runs()[0]
		var in backup.Input
		must(t, json.Unmarshal(r.Input, &in))
		if diff := cmp.Diff(backup.Input{Retention: backup.Retention{Last: 3, Monthly: 12}, Job: j.ID}, in); diff != "" {
			t.Error(diff)
		}
		if r.Kind != run.Backup || r.Calendar != "local://me/calendars/Work" || r.Config != j.Config || r.Job != j.ID || r.From.String() != "" ||
			r.To.String() != "" {
			t.Errorf("got %+v", r)
		}
		if w.messages()[r.ID] != 1 {
			t.Error("the run is not named to a worker")
		}
		history, _, err := w.jobs().History(t.Context(), user, j.ID, 10, "")
		must(t, err)
		if len(history) != 1 || history[0].ID != r.ID {
			t.Errorf("the history has %d runs", len(history))
		}
	})
	t.Run("a backup of the whole calendar that is under way stands for the next, and after its end there is another", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"), of(run.Backup))
		first, created, err := w.jobs().Trigger(t.Context(), user, j.ID)
		must(t, err)
		if !created {
			t.Fatal("not created")
		}
		w.Advance(time.Hour)
		if r := w.tick(); r != (Report{Started: 1, Joined: 1}) {
			t.Errorf("under way: %+v", r)
		}
		w.end(first.ID, run.Succeeded)
		w.Advance(24 * time.Hour)
		if r := w.tick(); r != (Report{Started: 1}) || len(w.runs()) != 2 {
			t.Errorf("after its end: %+v", r)
		}
	})
	t.Run("a backup of the last days of the archive", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), daily("23:00", "Europe/Berlin"), of(run.Backup), func(j *Job) { j.Calendar, j.Window.Days = ArchiveCalendar, 7 })
		w.Advance(time.Hour)
		w.tick()
		if r := w.runs()[0]; r.Calendar != "local://me/calendars/A" || r.From.String() != "2026-09-28" || r.To.String() != "2026-10-04" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("a drill has a calendar and nothing else", func(t *testing.T) {
		w := newWorld(t, evening)
		w.job(w.config("A"), daily("23:00", "Europe/Berlin"), of(run.Drill), func(j *Job) { j.Calendar = ArchiveCalendar })
		w.Advance(time.Hour)
		w.tick()
		if r := w.runs()[0]; r.Kind != run.Drill || r.Calendar != "local://me/calendars/A" || r.Input != nil || r.From.String() != "" || r.Config == "" {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("what belongs to another kind is refused in a change, too", func(t *testing.T) {
		w := newWorld(t, evening)
		j := w.job(w.config("A"), daily("23:00", "Europe/Berlin"))
		j.Calendar = SourceCalendar
		_, err := w.jobs().Update(t.Context(), user, *j)
		wants(t, err, fault.Invalid, "calendar", "leave it out")
		b := w.job(w.config("B"), daily("23:00", "Europe/Berlin"), of(run.Backup))
		b.Calendar, b.Retention.Daily = "", 7
		got, err := w.jobs().Update(t.Context(), user, *b)
		must(t, err)
		if got.Calendar != SourceCalendar || got.Retention.Daily != 7 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestNextTimes(t *testing.T) {
	w := newWorld(t, "2026-10-23T20:00:00Z")
	j := w.job(w.config("A"), daily("02:30", "Europe/Berlin"))
	next, err := j.Next(3)
	must(t, err)
	want := []time.Time{at(t, "2026-10-24T00:30:00Z"), at(t, "2026-10-25T00:30:00Z"), at(t, "2026-10-26T01:30:00Z")}
	if diff := cmp.Diff(want, next); diff != "" {
		t.Error(diff)
	}
	j, err = w.jobs().Pause(t.Context(), user, j.ID, ByUser)
	must(t, err)
	if next, err := j.Next(3); err != nil || next != nil {
		t.Errorf("paused: %v, %v", next, err)
	}
}

// TestDisabledUsers has jobs of users who are shut out: whatever becomes of whoever pauses them, none of their jobs starts a run.
func TestDisabledUsers(t *testing.T) {
	w := newWorld(t, evening)
	users := account.NewUsers(w.Table, w.Now)
	who := account.Principal{Tenant: "local", Object: "tester"}
	_, err := users.Admit(t.Context(), who)
	must(t, err)
	admin := account.Principal{Tenant: "local", Object: "boss", Role: account.RoleAdmin}
	_, err = users.Disable(t.Context(), admin, who.Object)
	must(t, err)
	c := w.config("A")
	j := w.job(c, daily("23:00", "Europe/Berlin"))
	idle := w.config("B")
	k := w.job(idle, daily("23:00", "Europe/Berlin"))
	tick := func() Report {
		d := w.dispatcher()
		d.Barred = barred(users)
		r, err := d.Tick(t.Context())
		must(t, err)
		return r
	}
	w.Advance(time.Hour)
	if r := tick(); r != (Report{Paused: 2}) || len(w.runs()) != 0 {
		t.Errorf("disabled: %+v", r)
	}
	if got := w.get(j.ID); got.State != Paused || got.Reason != UserDisabled || !strings.Contains(got.Detail, "disabled") {
		t.Errorf("got %+v", got)
	}
	idle.Active = false
	_, err = w.configs().Update(t.Context(), user, idle)
	must(t, err)
	_, err = users.Enable(t.Context(), admin, who.Object)
	must(t, err)
	must(t, w.jobs().ResumeAll(t.Context(), user, "", UserDisabled))
	if got := w.get(j.ID); got.State != Active {
		t.Errorf("got %+v", got)
	}
	if got := w.get(k.ID); got.State != Paused || got.Reason != ConfigInactive {
		t.Errorf("the job of an inactive config: %+v", got)
	}
	w.Advance(24 * time.Hour)
	if r := tick(); r != (Report{Started: 1}) {
		t.Errorf("enabled: %+v", r)
	}

	t.Run("when profiles cannot be read, nothing starts and the next tick tries again", func(t *testing.T) {
		w.Advance(24 * time.Hour)
		d := w.dispatcher()
		d.Barred = func(context.Context, []string) (map[string]Reason, error) {
			return nil, fault.New(fault.Unavailable, "gone")
		}
		if r, err := d.Tick(t.Context()); r != (Report{Failed: 1}) || fault.Of(err) != fault.Unavailable {
			t.Errorf("got %+v, %v", r, err)
		}
		for id := range w.messages() {
			w.end(id, run.Succeeded)
		}
		if r := tick(); r != (Report{Started: 1}) {
			t.Errorf("the next: %+v", r)
		}
	})
}
