package notice

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/fault"
	"adminassistant/shared/flag"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
)

var due = time.Date(2026, 10, 5, 2, 0, 0, 0, time.UTC)

func (w *world) lateJob() *job.Job {
	return &job.Job{ID: "J1", User: annKey, Kind: run.Archive, Config: w.config, LastRun: "R1", LastDue: due}
}

func (w *world) parkedJob() *job.Job {
	return &job.Job{
		ID: "J1", User: annKey, Kind: "dream", Config: w.config, State: job.Paused, Reason: job.UnknownKind,
		Parked: &job.Parked{Due: due, Look: due.Add(time.Hour)},
	}
}

func TestJobLate(t *testing.T) {
	w := newWorld(t)
	j := w.lateJob()
	for range 2 {
		w.JobLate(t.Context(), j)
	}
	notes := w.notes()
	if len(notes) != 1 || notes[0].Class != notify.Problems || notes[0].State != "late" || notes[0].Title != `Archive run of "work" was started late` ||
		notes[0].Command != "admin-assistant archive show R1" || notes[0].Link != "/v1/runs/R1" || len(w.actions("")) != 0 {
		t.Fatalf("%+v", notes)
	}
	w.mailed(1)
	next := *j
	next.LastDue, next.LastRun = due.AddDate(0, 0, 1), "R2"
	w.JobLate(t.Context(), &next)
	if len(w.notes()) != 2 {
		t.Errorf("the next time: %+v", w.notes())
	}
	other := *j
	other.ID = "J2"
	w.JobLate(t.Context(), &other)
	if len(w.notes()) != 3 {
		t.Errorf("another job at the same time: %+v", w.notes())
	}
	w.JobLate(t.Context(), &job.Job{ID: "J1", User: "tenant#nobody", LastDue: due})
	w.Profile = func(context.Context, string) (account.Profile, error) { return account.Profile{}, errors.New("gone") }
	w.JobLate(t.Context(), j) // which is no matter of the job's
}

func TestJobParked(t *testing.T) {
	w := newWorld(t)
	for range 2 {
		w.JobParked(t.Context(), w.parkedJob())
	}
	notes := w.notes()
	if len(notes) != 1 || notes[0].Class != notify.Problems || notes[0].State != "waiting" || notes[0].Title != `Run of "work" waits for a newer version` ||
		notes[0].Command != "admin-assistant job show J1" || notes[0].Link != "/v1/jobs/J1" || len(w.actions("")) != 0 {
		t.Fatalf("%+v", notes)
	}
	w.mailed(1)
	w.JobLate(t.Context(), w.lateJob())
	if notes = w.notes(); len(notes) != 1 || notes[0].State != "late" || notes[0].Command != "admin-assistant archive show R1" {
		t.Errorf("that it was started late is not told in its place: %+v", notes)
	}
	t.Run("one that its user has paused is nothing to tell", func(t *testing.T) {
		w := newWorld(t)
		j := w.parkedJob()
		j.Reason = job.ByUser
		w.JobParked(t.Context(), j)
		if len(w.notes()) != 0 {
			t.Errorf("told %+v", w.notes())
		}
	})
}

func TestUsersHearNothingOfStuckJobsWhereThatIsSwitchedOff(t *testing.T) {
	w := newWorld(t)
	w.Flags = flag.New(w.Table, w.clock.Now)
	tenant, object, _ := strings.Cut(annKey, "#")
	if _, err := w.Flags.Set(t.Context(), tenant, "boss", flag.Flag{Name: flag.StuckJobAction, State: flag.On, Deny: []string{object}}); err != nil {
		t.Fatal(err)
	}
	w.JobStuck(t.Context(), w.lateJob())
	if open := w.actions(action.Open); len(open) != 0 {
		t.Errorf("%+v", open)
	}
	if _, err := w.Flags.Set(t.Context(), tenant, "boss", flag.Flag{Name: flag.StuckJobAction, State: flag.On}); err != nil {
		t.Fatal(err)
	}
	w.JobStuck(t.Context(), w.lateJob())
	if open := w.actions(action.Open); len(open) != 1 {
		t.Errorf("%+v", open)
	}
}

func TestAJobThatIsStuckNeedsItsUserOnceAndUntilItGoes(t *testing.T) {
	w := newWorld(t)
	j := w.lateJob()
	j.Detail = "something went wrong on our side"
	for range 3 {
		w.JobStuck(t.Context(), j)
	}
	open := w.actions(action.Open)
	if len(open) != 1 || open[0].Kind != action.JobStuck || open[0].Subject != (action.Subject{Kind: "job", ID: "J1"}) ||
		!strings.HasPrefix(open[0].Detail, `Archive run of "work" cannot be started: something went wrong on our side`) {
		t.Fatalf("%+v", open)
	}
	if _, err := w.Actions.Resolve(t.Context(), annKey, open[0].ID); fault.Of(err) != fault.Conflict {
		t.Errorf("the user's word resolves it: %v", err)
	}
	other := *j
	other.ID = "J2"
	w.JobStuck(t.Context(), &other)
	w.clock.Advance(time.Minute)
	w.JobGoing(t.Context(), j)
	if open = w.actions(action.Open); len(open) != 1 || open[0].Subject.ID != "J2" {
		t.Errorf("%+v", open)
	}
	w.JobStuck(t.Context(), &job.Job{ID: "J3", User: "tenant#nobody"})
	w.Profile = func(context.Context, string) (account.Profile, error) { return account.Profile{}, errors.New("gone") }
	w.JobStuck(t.Context(), j) // which is no matter of the job's
	w.JobGoing(t.Context(), &other)
	if got := w.actions(action.Open); len(got) != 1 {
		t.Errorf("%+v", got)
	}
}
