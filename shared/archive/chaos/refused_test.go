package chaos_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/run"
)

// The service makes the event, does not say so, shows it to nobody yet, and refuses the request when it comes again.
func TestWhatWasRefusedAfterALostAnswerIsThereOnce(t *testing.T) {
	for _, c := range []struct {
		name    string
		options graphsim.Options
		change  object // of the source, before the next night
	}{
		{name: "as it was"},
		{name: "changed since", change: object{"subject": "Changed"}},
		{
			name: "changed since, and the service names what is there", change: object{"subject": "Changed"},
			options: graphsim.Options{DuplicateStatus: http.StatusBadRequest, TellExisting: true},
		},
		{name: "moved since", change: object{"start": at(october(20, 9), "UTC"), "end": at(october(20, 10), "UTC")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.options)
			w.month(3)
			conf := w.config(archive.AskOnDrift)
			w.archive(conf)
			id := w.put(meeting(3))
			late, refuse := firstCreate, firstCreate
			late.Kind, late.RetryAfter = graphsim.FaultLate, "0.001"
			refuse.Kind, refuse.Status, refuse.Code = graphsim.FaultError, http.StatusBadRequest, "ErrorInvalidRequest"
			must(t, w.sim.SetFaults(late, refuse))
			r, result := w.archive(conf)
			if r.State != run.Partial || result.Failed != 1 || result.Written != 0 || len(w.copies()) != 4 {
				t.Fatalf("%s %+v, %d copies", r.State, result, len(w.copies()))
			}
			must(t, w.sim.SetFaults())
			if c.change != nil {
				c.change["id"] = id
				w.put(c.change)
			}
			r, result = w.archive(conf)
			if r.State != run.Succeeded || result.Failed != 0 || result.Written != 1 || result.Counts.Unchanged != 3 || result.Counts.Archived != 1 {
				t.Errorf("the next night: %s %+v", r.State, result)
			}
			w.check(conf)
			w.verify(conf)
			w.polite()
			if r, result := w.archive(conf); r.State != run.Succeeded || result.Counts.Unchanged != 4 || result.Written != 0 {
				t.Errorf("the night after it: %s %+v", r.State, result)
			}
		})
	}
}

// The service makes the event and says that it refuses it. The copy that is there shows what the source was then.
func TestWhatWasMadeAndRefusedIsNotTakenForWhatTheSourceIsNow(t *testing.T) {
	w := newWorld(t, graphsim.Options{})
	id := w.put(meeting(3))
	conf := w.config(archive.AskOnDrift)
	refuse, wait := firstCreate, firstCreate
	refuse.Kind, refuse.When, refuse.Status, refuse.Code = graphsim.FaultError, graphsim.After, http.StatusBadRequest, "ErrorInvalidRequest"
	wait.Kind, wait.RetryAfter = graphsim.FaultThrottle, "7200"
	must(t, w.sim.SetFaults(refuse))
	if r, result := w.archive(conf); r.State != run.Partial || result.Failed != 1 || len(w.copies()) != 1 {
		t.Fatalf("%s %+v, %d copies", r.State, result, len(w.copies()))
	}
	w.put(object{"id": id, "subject": "Changed"})
	must(t, w.sim.SetFaults(wait))
	r := w.start(conf)
	if err := w.runner(w.Table, w.provider).Run(t.Context(), r); !errors.Is(err, run.ErrHandOn) {
		t.Fatalf("error %v, want %v", err, run.ErrHandOn)
	}
	must(t, w.sim.SetFaults())
	r, err := run.NewStore(w.Table).Get(t.Context(), user, r.ID)
	must(t, err)
	w.connect() // the new worker does not wait for what the old one was asked to
	must(t, w.runner(w.Table, w.provider).Run(t.Context(), r))
	if r, result := w.result(r.ID); r.State != run.Succeeded || result.Written != 1 || result.Failed != 0 {
		t.Errorf("%s %+v", r.State, result)
	}
	w.check(conf)
	w.verify(conf)
}

// firstCreate is a fault of the first event that is created; of several, the next one strikes when it comes again.
var firstCreate = graphsim.Fault{Method: http.MethodPost, Path: "/users/*/calendars/*/events", Scope: "sub", Nth: 1}

func october(day, hour int) time.Time { return time.Date(2026, 10, day, hour, 0, 0, 0, time.UTC) }
