package app

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/mail/outbox"
	"adminassistant/shared/notify"
	"adminassistant/shared/queue"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
	"adminassistant/shared/wiretest"
)

const watchedUser = "tenant#ann"

// watched is a system with a user who is told of problems by e-mail as well, and has a config.
type watched struct {
	*one
	user   string
	config string
	folder string // of e-mails
	nth    int    // of its runs
}

func watch(t *testing.T) *watched {
	t.Helper()
	w := &watched{one: openOne(t), user: watchedUser, folder: t.TempDir()}
	w.do("ann", "GET", "/v1/me", "", "")
	w.do("ann", "PUT", "/v1/me/settings", `{"email": "ann@example.com", "notifications": {"problems": {"in_app": true, "email": true}, "sign_in": {"in_app": true, "email": true}}}`, "", "If-Match", "*")
	w.config = w.do("ann", "POST", "/v1/archive-configs", `{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "timezone": "UTC"}`, "id")
	return w
}

// ended is a run of ann's that has just ended.
func (w *watched) ended(state run.State, change ...func(*run.Run)) *run.Run {
	w.nth++
	now := time.Now().UTC()
	day := calendar.Date{Year: 2026, Month: 10, Day: 5}
	r := &run.Run{
		ID: fmt.Sprintf("R%d", w.nth), User: watchedUser, Kind: run.Archive, Config: w.config, From: day, To: day.AddDays(6), Job: "J1", State: state,
		Correlation: "correlation", Created: now.Add(-time.Minute), Started: now.Add(-time.Minute), Ended: now, Result: json.RawMessage(`{"written": 0}`),
	}
	if state == run.Failed {
		r.Problem = &run.Problem{Code: fault.NotFound.String(), Detail: "no calendar Work of ann@example.com"}
	}
	for _, c := range change {
		c(r)
	}
	return r
}

func (w *watched) tell(r *run.Run) {
	w.t.Helper()
	must(w.t, w.attention.runEnded(w.t.Context(), r))
}

// notes are what ann is shown in the application, the newest first.
func (w *watched) notes() []*notify.Notification {
	w.t.Helper()
	list, _, err := w.attention.notifications.List(w.t.Context(), w.user, false, 100, "")
	must(w.t, err)
	return list
}

func (w *watched) actions(state action.State) []*action.Action {
	w.t.Helper()
	list, _, err := w.attention.actions.List(w.t.Context(), w.user, state, "", 100, "")
	must(w.t, err)
	return list
}

// mail sends what is due, by a system that may be about to die, and returns how many e-mails there are in all.
func (w *watched) mail(y *system) (int, error) {
	w.t.Helper()
	box, err := outbox.Open(w.folder, "assistant@example.com", time.Now)
	must(w.t, err)
	m := y.mailer(box, nil, time.Second, time.Minute)
	if y == w.system { // it comes after the others, when what they were about to send is free again
		m.Clock = func() time.Time { return time.Now().Add(time.Hour) }
	}
	for err == nil {
		var due []queue.Message
		due, err = w.notices.Receive(w.t.Context(), 1, 0, 0) // visible to the next one at once
		must(w.t, err)
		if len(due) == 0 {
			break
		}
		err = m.Handle(w.t.Context(), due[0])
	}
	files, globErr := filepath.Glob(filepath.Join(w.folder, "*.eml"))
	must(w.t, globErr)
	return len(files), err
}

func (w *watched) mailed(want int) {
	w.t.Helper()
	if n, err := w.mail(w.system); n != want || err != nil {
		w.t.Errorf("%d e-mails, want %d: %v", n, want, err)
	}
}

func TestAttentionToRuns(t *testing.T) {
	t.Run("a failed run is an action, a notification and an e-mail, once", func(t *testing.T) {
		w := watch(t)
		r := w.ended(run.Failed)
		for range 3 {
			w.tell(r)
			w.mailed(1)
		}
		notes, open := w.notes(), w.actions(action.Open)
		if len(notes) != 1 || len(open) != 1 {
			t.Fatalf("%d notifications, %d actions", len(notes), len(open))
		}
		n, a := notes[0], open[0]
		if n.Class != notify.Problems || n.State != "failed" || n.Title != `Archive run of "work" failed` || n.Link != "/v1/runs/R1" || n.Mail != notify.Sent ||
			n.Command != `admin-assistant archive run --config work --period "2026-10-05 to 2026-10-11"` {
			t.Errorf("%+v", n)
		}
		for _, part := range []string{"2026-10-05 to 2026-10-11", "not found", "Nothing is lost or doubled", "next time"} {
			if !strings.Contains(n.Text, part) {
				t.Errorf("the text does not say %q: %s", part, n.Text)
			}
		}
		if a.Kind != action.RunFailed || a.Subject != (action.Subject{Kind: "run", ID: "R1"}) || a.Detail != n.Text+"\n"+n.Command {
			t.Errorf("%+v", a)
		}
		if strings.Contains(n.Text+a.Detail, "ann@example.com") {
			t.Error("the failure's own text is told")
		}
	})
	t.Run("the next run that succeeds resolves it, and its failure that is told late does not raise it again", func(t *testing.T) {
		w := watch(t)
		first := w.ended(run.Failed)
		w.tell(first)
		second := w.ended(run.Partial, func(r *run.Run) { r.Failed = 3 })
		w.tell(second)
		if open := w.actions(action.Open); len(open) != 1 || open[0].Subject.ID != "R2" || !strings.HasSuffix(open[0].Detail, "admin-assistant archive retry R2") {
			t.Fatalf("open: %+v", open)
		}
		if notes := w.notes(); len(notes) != 2 || notes[0].Title != `Archive run of "work": 3 events failed` {
			t.Errorf("told of %+v", notes)
		}
		w.tell(w.ended(run.Succeeded, func(r *run.Run) { r.Kind = run.Backup }))
		if len(w.actions(action.Open)) != 1 {
			t.Error("a run of another kind resolved it")
		}
		w.tell(w.ended(run.Succeeded))
		w.tell(first)
		w.tell(second)
		resolved := w.actions(action.Resolved)
		if len(w.actions(action.Open)) != 0 || len(resolved) != 1 || resolved[0].History[2].Why != "R4" {
			t.Errorf("resolved %+v", resolved)
		}
		w.mailed(2)
	})
	t.Run("a window that shrank asks to look, or to force", func(t *testing.T) {
		w := watch(t)
		shrunk := w.ended(run.Failed, func(r *run.Run) { r.Result, r.Options.Adopt = json.RawMessage(`{"written": 0, "shrunk": true}`), true })
		w.tell(shrunk)
		open, notes := w.actions(action.Open), w.notes()
		if len(open) != 1 || open[0].Kind != action.ShrunkWindow || len(notes) != 1 || notes[0].Class != notify.Problems || !strings.HasSuffix(notes[0].Command, " --force --adopt") {
			t.Errorf("%+v, %+v", open, notes)
		}
		w.tell(w.ended(run.Succeeded))
		if len(w.actions(action.Open)) != 0 {
			t.Error("a run that succeeded did not resolve it")
		}
	})
	t.Run("what goes well is told when it changed something or was asked for", func(t *testing.T) {
		for name, c := range map[string]struct {
			change func(*run.Run)
			title  string // empty: nothing is told
			says   string
		}{
			"a job's run that found nothing new": {func(*run.Run) {}, "", ""},
			"a job's run that wrote":             {func(r *run.Run) { r.Result = json.RawMessage(`{"written": 7}`) }, `Archive run of "work" went well`, "wrote 7 events"},
			"a run that the user started":        {func(r *run.Run) { r.Job = "" }, `Archive run of "work" went well`, "nothing new"},
			"a backup that the user started":     {func(r *run.Run) { r.Job, r.Kind = "", run.Backup }, `Backup of "work" went well`, "all that it was to do"},
			"a dry run":                          {func(r *run.Run) { r.Job, r.Options.DryRun = "", true }, "", ""},
			"a run without a result":             {func(r *run.Run) { r.Result = nil }, "", ""},
		} {
			t.Run(name, func(t *testing.T) {
				w := watch(t)
				r := w.ended(run.Succeeded, c.change)
				w.tell(r)
				w.tell(r)
				notes := w.notes()
				if (len(notes) == 1) != (c.title != "") || len(notes) == 1 && (notes[0].Class != notify.Runs || notes[0].Title != c.title || !strings.Contains(notes[0].Text, c.says)) {
					t.Errorf("told of %+v", notes)
				}
				w.mailed(0) // of runs, by the settings
			})
		}
	})
	t.Run("a night in which nothing changed costs one request to the store", func(t *testing.T) {
		w := watch(t)
		counting := &wiretest.Wire{}
		must(t, w.over(counting).attention.runEnded(t.Context(), w.ended(run.Succeeded)))
		if n := counting.Requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("a dry run that fails is told of, and needs nobody", func(t *testing.T) {
		w := watch(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Options.DryRun = true }))
		if notes := w.notes(); len(notes) != 1 || !strings.HasSuffix(notes[0].Command, "--dry-run") || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", notes, w.actions(""))
		}
	})
	t.Run("a run that ended long ago is nothing to tell any more", func(t *testing.T) {
		w := watch(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Ended = r.Ended.AddDate(0, 0, -91) })) // what was told of it is gone
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
	t.Run("a run that was cancelled is nothing to tell", func(t *testing.T) {
		w := watch(t)
		w.tell(w.ended(run.Cancelled))
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
	t.Run("every failure has words of its own, and none of the failure's", func(t *testing.T) {
		w := watch(t)
		seen := map[string]bool{}
		for kind := fault.Internal; kind <= fault.Locked; kind++ {
			r := w.ended(run.Failed, func(r *run.Run) { r.Problem = &run.Problem{Code: kind.String(), Detail: "Lunch with bob@example.com"} })
			w.tell(r)
			n, err := w.attention.notifications.Get(t.Context(), watchedUser, notify.ID(r.Created, "run "+r.ID))
			must(t, err)
			if seen[n.Text] || strings.Contains(n.Text, "Lunch") {
				t.Errorf("%s: %s", kind, n.Text)
			}
			seen[n.Text] = true
		}
	})
	t.Run("the command does again what failed", func(t *testing.T) {
		const source, archived = "local://ann/calendars/Work", "local://ann/calendars/Archive"
		noDays := func(r *run.Run) { r.From, r.To = calendar.Date{}, calendar.Date{} }
		for command, change := range map[string]func(*run.Run){
			`archive run --config work --period "2026-10-05 to 2026-10-11"`: func(*run.Run) {},
			`job trigger J1`:                     func(r *run.Run) { r.Kind, r.Calendar = run.Backup, source },
			`backup run --config work --archive`: func(r *run.Run) { r.Kind, r.Job, r.Calendar = run.Backup, "", archived; noDays(r) },
			`backup run --config work --period "2026-10-05 to 2026-10-11"`: func(r *run.Run) { r.Kind, r.Job, r.Calendar = run.Backup, "", source },
			`backup drill --config work --which archive`: func(r *run.Run) {
				r.Kind, r.Job, r.Calendar = run.Drill, "", archived
				r.Problem.Code = fault.Unavailable.String()
				noDays(r)
			},
			`archive show R1`:  func(r *run.Run) { r.Kind, r.Result = run.Drill, json.RawMessage(`{"compared": 9, "differing": 2}`) },
			`archive retry R1`: func(r *run.Run) { r.Kind, r.Job, r.Config, r.State, r.Failed = run.Restore, "", "", run.Partial, 3 },
		} {
			w := watch(t)
			w.tell(w.ended(run.Failed, change))
			n := w.notes()[0]
			if n.Command != "admin-assistant "+command {
				t.Errorf("want %s, got %+v", command, n)
			}
			if len(w.actions(action.Open)) != 1 {
				t.Errorf("%s: %+v", command, w.actions(""))
			}
		}
	})
	t.Run("a drill before the first backup asks for one, and the next drill ends that", func(t *testing.T) {
		w := watch(t)
		config := w.config
		w.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "")
		w.do("ann", "POST", "/v1/backups/drills", `{"config": "`+config+`"}`, "")
		w.work()
		if n := w.notes()[0]; n.Title != `Restore drill of "work": there is nothing to restore` || n.Command != "admin-assistant backup run --config work" || len(w.actions(action.Open)) != 1 {
			t.Fatalf("%+v, %+v", n, w.actions(action.Open))
		}
		w.do("ann", "POST", "/v1/backups", `{"config": "`+config+`"}`, "")
		w.work()
		w.do("ann", "POST", "/v1/backups/drills", `{"config": "`+config+`"}`, "")
		w.work()
		if open := w.actions(action.Open); len(open) != 0 {
			t.Errorf("left: %+v", open)
		}
	})
	t.Run("a backup whose iCalendar file cannot tell all is no failure", func(t *testing.T) {
		w := watch(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Kind = run.Backup }))
		w.tell(w.ended(run.Partial, func(r *run.Run) { r.Kind, r.Failed = run.Backup, 2 }))
		if n := w.notes()[0]; n.Title != `Backup of "work": 2 events are not in its iCalendar file` || !strings.Contains(n.Text, "complete") || len(w.actions(action.Open)) != 0 {
			t.Errorf("%+v, %+v", n, w.actions(action.Open))
		}
	})
	t.Run("a run of no config names no calendar", func(t *testing.T) {
		w := watch(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) {
			r.Kind, r.Config, r.Job, r.Calendar = run.Backup, "", "", "msgraph://ann@example.com/calendars/Work"
			r.From, r.To = calendar.Date{}, calendar.Date{}
		}))
		if n := w.notes()[0]; n.Title != "Backup failed" || strings.Contains(n.Text, "@") || n.Command != "" || n.Link == "" || !strings.Contains(n.Text, "all days") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a name that a shell would not take is told by its id", func(t *testing.T) {
		w := watch(t)
		w.config = w.do("ann", "POST", "/v1/archive-configs", `{"name": "a; rm -rf ~", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/More", "timezone": "UTC"}`, "id")
		w.tell(w.ended(run.Failed))
		if n := w.notes()[0]; !strings.Contains(n.Command, "--config "+w.config+" ") || !strings.Contains(n.Title, "a; rm") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a config that is gone stops nothing", func(t *testing.T) {
		w := watch(t)
		w.config = "gone"
		w.tell(w.ended(run.Failed))
		if n := w.notes()[0]; n.Title != `Archive run of "gone" failed` {
			t.Errorf("%+v", n)
		}
	})
	t.Run("who is being erased, or was never there, is told nothing", func(t *testing.T) {
		w := watch(t)
		before := w.kept()
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.User = "tenant#nobody" }))
		if diff := cmp.Diff(before, w.kept()); diff != "" {
			t.Errorf("stored: %s", diff)
		}
		w.do("ann", "DELETE", "/v1/me", "", "state", "X-Confirm", "ann")
		w.tell(w.ended(run.Failed))
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
}

// over is another process of the system, whose requests go over a wire.
func (w *watched) over(wire *wiretest.Wire) *system {
	y := &system{settings: w.settings, log: zerolog.Nop(), table: wire.Table(w.table), blobs: w.blobs, archives: wire.Queue(w.archives), notices: wire.Queue(w.notices)}
	y.connect(fromSettings(y.settings))
	return y
}

// TestAFailedRunIsToldOnceWhereverItsProcessDies lets the processes that carry out a run and that send e-mail die at every single request,
// before it took effect and after it. The message of the run is delivered again, and what is told in the end is one of each.
func TestAFailedRunIsToldOnceWhereverItsProcessDies(t *testing.T) {
	for _, bury := range []bool{false, true} {
		t.Run(fmt.Sprintf("dead letter %v", bury), func(t *testing.T) {
			wiretest.Everywhere(t, func(t *testing.T, dying *wiretest.Wire) {
				w := watch(t)
				id := w.do("ann", "POST", "/v1/runs", `{"kind": "archive", "config": "work", "period": "last 3 days"}`, "id")
				messages, err := w.archives.Receive(t.Context(), 1, time.Minute, 0)
				must(t, err)
				m := messages[0]
				handle := func(y *system) error {
					worker := y.worker(y.archives, time.Second, time.Minute, map[run.Kind]run.Handler{run.Archive: y.archiver()})
					if bury {
						return worker.HandleDead(t.Context(), m)
					}
					return worker.Handle(t.Context(), m)
				}
				y := w.over(dying)
				if err = handle(y); err == nil {
					_, err = w.mail(y)
				}
				if !dying.Dead() {
					must(t, err)
				}
				_, err = w.mail(w.system) // another one may be at it before the run's message comes again
				must(t, err)
				for range 2 {
					must(t, handle(w.system))
					w.mailed(1)
				}
				r, err := w.runs.Get(t.Context(), watchedUser, id)
				must(t, err)
				notes, open := w.notes(), w.actions("")
				if r.State != run.Failed || len(notes) != 1 || notes[0].State != "failed" || notes[0].Mail != notify.Sent || len(open) != 1 || open[0].State != action.Open {
					t.Errorf("the run is %s; told of %+v; actions %+v", r.State, notes, open)
				}
				records, err := w.audit.List(t.Context(), watchedUser, audit.Filter{Action: "run.archive.finished"}, 10, "")
				if err != nil || len(records.Records) != 1 {
					t.Errorf("%d records, %v", len(records.Records), err)
				}
			})
		})
	}
}

// signInState puts into the table what Microsoft's refusal leaves there, or a sign-in.
func (w *watched) signInState(document string) {
	w.t.Helper()
	_, err := w.table.Put(w.t.Context(), store.Item{Key: store.Key{PK: "USER#" + watchedUser, SK: "SECRET#microsoft"}, Data: []byte(document)}, store.Any())
	must(w.t, err)
}

const (
	needed   = `{"needed": {"since": "2026-10-05T02:00:00Z", "reason": "AADSTS50173"}}`
	signedIn = `{"sealed": "c2VhbGVk"}`
)

// delegated is a watched system that reaches calendars on behalf of users, one of whom has jobs.
func delegated(t *testing.T) (w *watched, mine, paused *job.Job) {
	t.Helper()
	w = watch(t)
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	client, err := microsoft.New(microsoft.Options{
		Client: "cccccccc-cccc-4ccc-8ccc-cccccccccccc", RedirectURL: "https://example.com/auth/callback", Tenants: []string{"11111111-1111-4111-8111-111111111111"},
		Table: w.table, Keeper: secret.New(wrapper, time.Now, secret.Limits{}), Clock: time.Now,
	})
	must(t, err)
	w.attention.signIn = client.State
	nightly := job.Job{Kind: run.Archive, Config: w.config, Schedule: job.Schedule{Repeat: job.Daily, At: "02:00", Zone: "UTC"}}
	mine, err = w.attention.jobs.Create(t.Context(), watchedUser, nightly)
	must(t, err)
	paused, err = w.attention.jobs.Create(t.Context(), watchedUser, nightly)
	must(t, err)
	paused, err = w.attention.jobs.Pause(t.Context(), watchedUser, paused.ID, job.ByUser)
	must(t, err)
	w.signInState(needed)
	return w, mine, paused
}

func refused(r *run.Run) {
	r.Problem = &run.Problem{Code: fault.Unauthenticated.String(), Detail: "sign in again"}
}

func (w *watched) jobIs(j *job.Job, state job.State, why job.Reason) {
	w.t.Helper()
	got, err := w.attention.jobs.Get(w.t.Context(), w.user, j.ID)
	must(w.t, err)
	if got.State != state || got.Reason != why {
		w.t.Errorf("the job is %s because of %q, want %s, %q", got.State, got.Reason, state, why)
	}
}

func TestAttentionToSignIns(t *testing.T) {
	t.Run("runs that fail for want of a sign-in raise one action, tell once and pause the jobs; a sign-in ends it", func(t *testing.T) {
		w, mine, paused := delegated(t)
		var last *run.Run
		for range 3 {
			last = w.ended(run.Failed, refused)
			w.tell(last)
			w.tell(last)
		}
		open, notes := w.actions(action.Open), w.notes()
		if len(open) != 1 || open[0].Kind != action.SignInNeeded || len(notes) != 1 || notes[0].Class != notify.SignIn || notes[0].State != "needed" || notes[0].Link != "/auth/login" {
			t.Fatalf("%+v, %+v", open, notes)
		}
		w.mailed(1)
		w.jobIs(mine, job.Paused, job.SignInNeeded)
		w.jobIs(paused, job.Paused, job.ByUser)

		w.signInState(signedIn)
		door := (&Function{system: *w.system}).newSignIn()
		for range 2 {
			must(t, door.signedIn(t.Context(), watchedUser))
		}
		w.jobIs(mine, job.Active, "")
		w.jobIs(paused, job.Paused, job.ByUser)
		w.tell(last) // its message comes once more
		if n := w.notes()[0]; len(w.actions(action.Open)) != 0 || len(w.actions(action.Resolved)) != 1 || len(w.notes()) != 1 || n.State != "done" || n.Read.IsZero() {
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
		w.tell(w.ended(run.Failed, refused))
		_, err := w.attention.actions.Dismiss(t.Context(), watchedUser, w.actions(action.Open)[0].ID)
		must(t, err)
		w.signInState(signedIn)
		must(t, w.attention.signedIn(t.Context(), watchedUser))
		w.jobIs(mine, job.Active, "")
		if n := w.notes()[0]; n.State != "done" || len(w.actions(action.Dismissed)) != 1 {
			t.Errorf("%+v, %+v", n, w.actions(""))
		}
	})
	t.Run("who never signed in is asked to, once", func(t *testing.T) {
		w, mine, _ := delegated(t)
		must(t, w.table.Delete(t.Context(), store.Key{PK: "USER#" + watchedUser, SK: "SECRET#microsoft"}, store.Any()))
		for range 3 {
			w.tell(w.ended(run.Failed, refused))
		}
		if len(w.actions(action.Open)) != 1 || len(w.notes()) != 1 {
			t.Errorf("%+v, %+v", w.actions(""), w.notes())
		}
		w.jobIs(mine, job.Paused, job.SignInNeeded)
	})
	t.Run("a refusal that a sign-in does not help is a problem like others", func(t *testing.T) {
		for name, prepare := range map[string]func(*watched){
			"signed in": func(w *watched) { w.signInState(signedIn) }, "as an application": func(w *watched) { w.attention.signIn = nil },
		} {
			t.Run(name, func(t *testing.T) {
				w, mine, _ := delegated(t)
				prepare(w)
				w.tell(w.ended(run.Failed, refused))
				if open, notes := w.actions(action.Open), w.notes(); len(open) != 1 || open[0].Kind != action.RunFailed || len(notes) != 1 || notes[0].Class != notify.Problems {
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
		must(t, w.attention.signedIn(t.Context(), watchedUser))
		if len(w.actions("")) != 0 || len(w.notes()) != 0 {
			t.Errorf("%+v, %+v", w.actions(""), w.notes())
		}
	})
	t.Run("a job that cannot be resumed stays paused and stops nothing", func(t *testing.T) {
		w, mine, _ := delegated(t)
		other := w.do("ann", "POST", "/v1/archive-configs", `{"name": "home", "source": "local://ann/calendars/Home", "archive": "local://ann/calendars/More", "timezone": "UTC"}`, "id")
		stuck, err := w.attention.jobs.Create(t.Context(), watchedUser, job.Job{Kind: run.Archive, Config: other, Schedule: mine.Schedule})
		must(t, err)
		w.tell(w.ended(run.Failed, refused))
		w.do("ann", "POST", "/v1/archive-configs/"+other+"/deactivate", "", "")
		w.signInState(signedIn)
		must(t, w.attention.signedIn(t.Context(), watchedUser))
		w.jobIs(mine, job.Active, "")
		w.jobIs(stuck, job.Paused, job.ConfigInactive)
		if len(w.actions(action.Open)) != 0 {
			t.Errorf("%+v", w.actions(action.Open))
		}
	})
	t.Run("a sign-in while the jobs are being paused resumes them", func(t *testing.T) {
		w, mine, _ := delegated(t)
		client := w.attention.signIn
		asked := 0
		w.attention.signIn = func(ctx context.Context, user string) (microsoft.State, error) {
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

func TestAttentionToLateJobs(t *testing.T) {
	w := watch(t)
	due := time.Date(2026, 10, 5, 2, 0, 0, 0, time.UTC)
	j := &job.Job{ID: "J1", User: watchedUser, Kind: run.Archive, Config: w.config, LastRun: "R1", LastDue: due}
	for range 2 {
		w.attention.late(t.Context(), j)
	}
	notes := w.notes()
	if len(notes) != 1 || notes[0].Class != notify.Problems || notes[0].State != "late" || notes[0].Title != `Archive run of "work" was started late` ||
		notes[0].Command != "admin-assistant archive show R1" || len(w.actions("")) != 0 {
		t.Fatalf("%+v", notes)
	}
	w.mailed(1)
	next := *j
	next.LastDue, next.LastRun = due.AddDate(0, 0, 1), "R2"
	w.attention.late(t.Context(), &next)
	if len(w.notes()) != 2 {
		t.Errorf("the next time: %+v", w.notes())
	}
	w.attention.late(t.Context(), &job.Job{ID: "J1", User: "tenant#nobody", LastDue: due})

	t.Run("the dispatcher tells", func(t *testing.T) {
		w := watch(t)
		made, err := w.attention.jobs.Create(t.Context(), watchedUser, job.Job{Kind: run.Archive, Config: w.config, Schedule: job.Schedule{Repeat: job.Daily, At: "02:00", Zone: "UTC"}})
		must(t, err)
		d := w.dispatcher()
		d.Clock = func() time.Time { return made.Due.Add(time.Hour) }
		report, err := d.Tick(t.Context())
		must(t, err)
		if notes := w.notes(); report.Late != 1 || len(notes) != 1 || notes[0].State != "late" {
			t.Errorf("%+v, %+v", report, notes)
		}
	})
}

// TestAShrunkWindowIsTold goes all the way from a calendar that lost its events to what the user is told, and back by a forced run.
func TestAShrunkWindowIsTold(t *testing.T) {
	w := watch(t)
	id := w.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	day := time.Now().UTC().AddDate(0, 0, -1).Format("20060102")
	var file strings.Builder
	file.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	for i := range 12 {
		fmt.Fprintf(&file, "BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Meeting %d\r\nDTSTART:%sT%02d0000Z\r\nDTEND:%sT%02d3000Z\r\nEND:VEVENT\r\n", i, i, day, i+6, day, i+6)
	}
	file.WriteString("END:VCALENDAR\r\n")
	w.do("ann", "POST", "/v1/calendars/"+id+"/import", file.String(), "", "Content-Type", "text/calendar")
	archived := func(force bool) archive.Result {
		t.Helper()
		run := w.do("ann", "POST", "/v1/runs", fmt.Sprintf(`{"kind": "archive", "config": "work", "period": "last 3 days", "force": %v}`, force), "id")
		w.work()
		r, err := w.runs.Get(t.Context(), watchedUser, run)
		must(t, err)
		var result archive.Result
		must(t, json.Unmarshal(r.Result, &result))
		return result
	}
	if first := archived(false); first.Shrunk || first.Written != 12 {
		t.Fatalf("first: %+v", first)
	}
	w.do("ann", "DELETE", "/v1/calendars/"+id+"?force=true", "", "")
	w.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	if second := archived(false); !second.Shrunk {
		t.Errorf("second: %+v", second)
	}
	if open, notes := w.actions(action.Open), w.notes(); len(open) != 1 || open[0].Kind != action.ShrunkWindow || len(notes) != 2 || !strings.HasSuffix(notes[0].Command, "--force") {
		t.Errorf("%+v, %+v", open, notes)
	}
	if third := archived(true); third.Shrunk {
		t.Errorf("third: %+v", third)
	}
	if open := w.actions(action.Open); len(open) != 0 {
		t.Errorf("left: %+v", open)
	}
}

func TestWhoIsDisabledGetsNoEMail(t *testing.T) {
	w := watch(t)
	_, err := account.NewUsers(w.table, time.Now).Disable(t.Context(), account.Principal{Tenant: "tenant", Object: "boss"}, "ann")
	must(t, err)
	w.tell(w.ended(run.Failed))
	w.mailed(0)
	if len(w.notes()) != 1 {
		t.Error("nothing is there for when the user is enabled again")
	}
}
