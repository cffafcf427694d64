package notice

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
)

// signInState puts into the table what Microsoft's refusal leaves there, or a sign-in.
func (w *world) signInState(document string) {
	w.t.Helper()
	_, err := w.Table.Put(w.t.Context(), store.Item{Key: store.Key{PK: "USER#" + annKey, SK: "SECRET#microsoft"}, Data: []byte(document)}, store.Any())
	must(w.t, err)
}

const (
	needed   = `{"needed": {"since": "2026-10-05T02:00:00Z", "reason": "AADSTS50173"}}`
	signedIn = `{"sealed": "c2VhbGVk"}`
)

// delegated is a world that reaches calendars on behalf of its user, who has jobs.
func delegated(t *testing.T) (w *world, mine, paused *job.Job) {
	t.Helper()
	w = newWorld(t)
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	client, err := microsoft.New(microsoft.Options{
		Client: "cccccccc-cccc-4ccc-8ccc-cccccccccccc", RedirectURL: "https://example.com/auth/callback",
		Tenants: []string{"11111111-1111-4111-8111-111111111111"},
		Table:   w.Table, Keeper: secret.New(wrapper, w.clock.Now, secret.Limits{}), Clock: w.clock.Now,
	})
	must(t, err)
	w.SignIn = client.State
	nightly := job.Job{Kind: run.Archive, Config: w.config, Schedule: job.Schedule{Repeat: job.Daily, At: "02:00", Zone: "UTC"}}
	mine, err = w.Jobs.Create(t.Context(), annKey, nightly)
	must(t, err)
	paused, err = w.Jobs.Create(t.Context(), annKey, nightly)
	must(t, err)
	paused, err = w.Jobs.Pause(t.Context(), annKey, paused.ID, job.ByUser)
	must(t, err)
	w.signInState(needed)
	return w, mine, paused
}

func refused(r *run.Run) {
	r.Problem = &run.Problem{Code: fault.Unauthenticated.String(), Detail: "sign in again"}
}

func (w *world) jobIs(j *job.Job, state job.State, why job.Reason) {
	w.t.Helper()
	got, err := w.Jobs.Get(w.t.Context(), annKey, j.ID)
	must(w.t, err)
	if got.State != state || got.Reason != why {
		w.t.Errorf("the job is %s because of %q, want %s, %q", got.State, got.Reason, state, why)
	}
}

func TestSignIns(t *testing.T) {
	t.Run("runs that fail for want of a sign-in raise one action, tell once and pause the jobs; a sign-in ends it", func(t *testing.T) {
		w, mine, paused := delegated(t)
		var last *run.Run
		for range 3 {
			last = w.ended(run.Failed, refused)
			w.tell(last)
			w.tell(last)
		}
		open, notes := w.actions(action.Open), w.notes()
		if len(open) != 1 || open[0].Kind != action.SignInNeeded || len(notes) != 1 || notes[0].Class != notify.SignIn || notes[0].State != "needed" ||
			notes[0].Link != "/auth/login" {
			t.Fatalf("%+v, %+v", open, notes)
		}
		w.mailed(1)
		w.jobIs(mine, job.Paused, job.SignInNeeded)
		w.jobIs(paused, job.Paused, job.ByUser)

		w.signInState(signedIn)
		for range 2 {
			must(t, w.SignedIn(t.Context(), annKey))
		}
		w.jobIs(mine, job.Active, "")
		w.jobIs(paused, job.Paused, job.ByUser)
		w.tell(last) // its message comes once more
		if n := w.notes()[0]; len(w.actions(action.Open)) != 0 || len(w.actions(action.Resolved)) != 1 || len(w.notes()) != 1 || n.State != "done" ||
			n.Read.IsZero() {
			t.Errorf("%+v, %+v", w.actions(""), n)
		}
		w.mailed(1)

		w.tell(w.ended(run.Failed, refused)) // whatever that is, the sign-in did not help
		if open := w.actions(action.Open); len(open) != 1 || open[0].Kind != action.RunFailed || len(w.notes()) != 2 {
			t.Errorf("a refusal after the sign-in: %+v, %+v", open, w.notes())
		}
		w.mailed(2)
		w.tell(w.ended(run.Succeeded))

		w.signInState(strings.Replace(needed, "2026-10-05T02", "2099-10-05T02", 1)) // another time
		w.tell(w.ended(run.Failed, refused))
		if len(w.actions(action.Open)) != 1 || len(w.notes()) != 3 {
			t.Errorf("the next time: %+v, %+v", w.actions(action.Open), w.notes())
		}
		w.mailed(3)
	})
	t.Run("a sign-in is noted where its action was dismissed, too", func(t *testing.T) {
		w, mine, _ := delegated(t)
		before := w.ended(run.Failed, refused)
		w.tell(before)
		_, err := w.Actions.Dismiss(t.Context(), annKey, w.actions(action.Open)[0].ID)
		must(t, err)
		w.signInState(signedIn)
		must(t, w.SignedIn(t.Context(), annKey))
		w.jobIs(mine, job.Active, "")
		if n := w.notes()[0]; n.State != "done" || len(w.actions(action.Dismissed)) != 1 {
			t.Errorf("%+v, %+v", n, w.actions(""))
		}
		w.tell(before) // its message comes once more
		if len(w.notes()) != 1 || len(w.actions(action.Open)) != 0 {
			t.Errorf("told once more: %+v, %+v", w.notes(), w.actions(""))
		}
	})
	t.Run("a run that was refused before a sign-in was asked for is told as what it is", func(t *testing.T) {
		w, _, _ := delegated(t)
		early := w.ended(run.Failed, refused, func(r *run.Run) { r.Ended = time.Date(2026, 10, 5, 1, 0, 0, 0, time.UTC) }) // an hour before
		w.tell(w.ended(run.Failed, refused))
		w.signInState(signedIn)
		must(t, w.SignedIn(t.Context(), annKey))
		w.tell(early)
		if open := w.actions(action.Open); len(open) != 1 || open[0].Kind != action.RunFailed {
			t.Errorf("%+v", open)
		}
	})
	t.Run("who never signed in is asked to, once", func(t *testing.T) {
		w, mine, _ := delegated(t)
		must(t, w.Table.Delete(t.Context(), store.Key{PK: "USER#" + annKey, SK: "SECRET#microsoft"}, store.Any()))
		var last *run.Run
		for range 3 {
			last = w.ended(run.Failed, refused)
			w.tell(last)
		}
		if open := w.actions(action.Open); len(open) != 1 || !open[0].At.Equal(last.Ended) || len(w.notes()) != 1 {
			t.Errorf("%+v, %+v", open, w.notes())
		}
		w.jobIs(mine, job.Paused, job.SignInNeeded)
	})
	t.Run("a refusal that a sign-in does not help is a problem like others", func(t *testing.T) {
		for name, prepare := range map[string]func(*world){
			"signed in": func(w *world) { w.signInState(signedIn) }, "as an application": func(w *world) { w.SignIn = nil },
		} {
			t.Run(name, func(t *testing.T) {
				w, mine, _ := delegated(t)
				prepare(w)
				w.tell(w.ended(run.Failed, refused))
				if open, notes := w.actions(action.Open), w.notes(); len(open) != 1 || open[0].Kind != action.RunFailed || len(notes) != 1 ||
					notes[0].Class != notify.Problems {
					t.Errorf("%+v, %+v", open, notes)
				}
				w.jobIs(mine, job.Active, "")
			})
		}
	})
	t.Run("another failure while a sign-in is needed is told as what it is", func(t *testing.T) {
		w, mine, _ := delegated(t)
		w.tell(w.ended(run.Failed))
		if open := w.actions(action.Open); len(open) != 1 || open[0].Kind != action.RunFailed {
			t.Errorf("%+v", open)
		}
		w.jobIs(mine, job.Active, "")
	})
	t.Run("a sign-in that nobody waits for is nothing", func(t *testing.T) {
		w, _, _ := delegated(t)
		must(t, w.SignedIn(t.Context(), annKey))
		if len(w.actions("")) != 0 || len(w.notes()) != 0 {
			t.Errorf("%+v, %+v", w.actions(""), w.notes())
		}
	})
	t.Run("a job that cannot be resumed stays paused and stops nothing", func(t *testing.T) {
		w, mine, _ := delegated(t)
		other := w.newConfig("home", "More")
		stuck, err := w.Jobs.Create(t.Context(), annKey, job.Job{Kind: run.Archive, Config: other, Schedule: mine.Schedule})
		must(t, err)
		w.tell(w.ended(run.Failed, refused))
		c, err := w.configs.Get(t.Context(), annKey, other)
		must(t, err)
		c.Active = false
		_, err = w.configs.Update(t.Context(), annKey, c)
		must(t, err)
		w.signInState(signedIn)
		must(t, w.SignedIn(t.Context(), annKey))
		w.jobIs(mine, job.Active, "")
		w.jobIs(stuck, job.Paused, job.ConfigInactive)
		if len(w.actions(action.Open)) != 0 {
			t.Errorf("%+v", w.actions(action.Open))
		}
	})
	t.Run("a sign-in while the jobs are being paused resumes them", func(t *testing.T) {
		w, mine, _ := delegated(t)
		client := w.SignIn
		asked := 0
		w.SignIn = func(ctx context.Context, user string) (microsoft.State, error) {
			if asked++; asked == 2 { // between the first look and the second
				w.signInState(signedIn)
			}
			return client(ctx, user)
		}
		w.tell(w.ended(run.Failed, refused))
		w.jobIs(mine, job.Active, "")
		if len(w.actions(action.Open)) != 0 {
			t.Errorf("%+v", w.actions(action.Open))
		}
	})
}

const blockedNow = `{"sealed": "c2VhbGVk", "blocked": {"since": "2026-10-05T02:00:00Z", "again": "2026-10-05T02:15:00Z", "word": "invalid_grant",
	"number": 70043, "sub": "token_expired"}}`

func forbidden(r *run.Run) {
	r.Problem = &run.Problem{Code: fault.Forbidden.String(), Detail: "a policy of your organisation"}
}

func TestAnOrganisationThatDoesNotLetUsActIsToldOnceAWeek(t *testing.T) {
	w, mine, _ := delegated(t)
	w.signInState(blockedNow)
	for range 6 { // mornings
		w.tell(w.ended(run.Failed, forbidden, func(r *run.Run) { r.ID = w.NewID() }))
		w.clock.Advance(24 * time.Hour)
	}
	open, notes := w.actions(action.Open), w.notes()
	if len(open) != 1 || open[0].Kind != action.Blocked || !strings.Contains(open[0].Detail, "administrator can exempt") ||
		!strings.Contains(open[0].Detail, "since 5 October 2026") {
		t.Fatalf("%+v", open)
	}
	if len(notes) == 0 || len(notes) > 2 || notes[0].Class != notify.SignIn { // two weeks are touched
		t.Fatalf("told %d times: %+v", len(notes), notes)
	}
	w.jobIs(mine, job.Active, "")
	if _, err := w.Actions.Resolve(t.Context(), annKey, open[0].ID); fault.Of(err) != fault.Conflict {
		t.Errorf("a user's word resolves it: %v", err)
	}
	w.signInState(signedIn)
	w.tell(w.ended(run.Succeeded))
	if len(w.actions(action.Open)) != 0 {
		t.Error("a run that reaches the mailbox does not resolve it")
	}
	w.signInState(blockedNow)
	w.tell(w.ended(run.Failed, forbidden, func(r *run.Run) { r.ID = w.NewID() }))
	w.clock.Advance(time.Second)
	must(t, w.SignedIn(t.Context(), annKey))
	if len(w.actions(action.Open)) != 0 {
		t.Error("a sign-in does not resolve it")
	}
	w.signInState(signedIn)
	before := len(w.notes())
	w.tell(w.ended(run.Failed, forbidden, func(r *run.Run) { r.ID = w.NewID() })) // something else is forbidden
	if open := w.actions(action.Open); len(open) != 1 || open[0].Kind != action.RunFailed || len(w.notes()) != before+1 {
		t.Errorf("%+v", open)
	}
}

func TestAUserWhoWasNotSeenIsToldBeforeAndThen(t *testing.T) {
	w, mine, paused := delegated(t)
	seen, pause := calendar.Date{Year: 2026, Month: 8, Day: 20}, calendar.Date{Year: 2026, Month: 10, Day: 20}
	for range 3 {
		must(t, w.UnseenSoon(t.Context(), annKey, seen, pause))
	}
	if notes := w.notes(); len(notes) != 1 || !strings.Contains(notes[0].Title, "20 October 2026") || notes[0].Class != notify.SignIn {
		t.Fatalf("%+v", notes)
	}
	w.jobIs(mine, job.Active, "")
	for range 3 {
		must(t, w.Unseen(t.Context(), annKey, 60))
	}
	open := w.actions(action.Open)
	if len(open) != 1 || open[0].Kind != action.NotSeen || len(w.notes()) != 2 || !strings.Contains(open[0].Detail, "60 days") {
		t.Fatalf("%+v, %+v", open, w.notes())
	}
	w.jobIs(mine, job.Paused, job.NotSeen)
	w.jobIs(paused, job.Paused, job.ByUser)
	w.clock.Advance(time.Second)
	must(t, w.Returned(t.Context(), annKey))
	w.jobIs(mine, job.Active, "")
	w.jobIs(paused, job.Paused, job.ByUser)
	if len(w.actions(action.Open)) != 0 {
		t.Errorf("%+v", w.actions(action.Open))
	}
	must(t, w.Unseen(t.Context(), "tenant#nobody", 60))
	must(t, w.UnseenSoon(t.Context(), "tenant#nobody", seen, pause))
}
