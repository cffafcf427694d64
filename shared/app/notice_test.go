package app

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	w.do("ann", "PUT", "/v1/me/settings",
		`{"email": "ann@example.com", "notifications": {"problems": {"in_app": true, "email": true}, "sign_in": {"in_app": true, "email": true}}}`,
		"", "If-Match", "*")
	w.config = w.do("ann", "POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://ann/calendars/Work", "archive": "local://ann/calendars/Archive", "timezone": "UTC"}`, "id")
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
	must(w.t, w.notice.RunEnded(w.t.Context(), r))
}

// notes are what ann is shown in the application, the newest first.
func (w *watched) notes() []*notify.Notification {
	w.t.Helper()
	list, _, err := w.notice.Notifications.List(w.t.Context(), w.user, false, 100, "")
	must(w.t, err)
	return list
}

func (w *watched) actions(state action.State) []*action.Action {
	w.t.Helper()
	list, _, err := w.notice.Actions.List(w.t.Context(), w.user, action.Filter{State: state}, 100, "")
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

func TestADrillBeforeTheFirstBackupAsksForOneAndTheNextDrillEndsThat(t *testing.T) {
	w := watch(t)
	config := w.config
	w.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "")
	w.do("ann", "POST", "/v1/backups/drills", `{"config": "`+config+`"}`, "")
	w.work()
	if n := w.notes()[0]; n.Title != `Restore drill of "work": there is nothing to restore` ||
		n.Command != "admin-assistant backup run --config work" || len(w.actions(action.Open)) != 1 {
		t.Fatalf("%+v, %+v", n, w.actions(action.Open))
	}
	w.do("ann", "POST", "/v1/backups", `{"config": "`+config+`"}`, "")
	w.work()
	w.do("ann", "POST", "/v1/backups/drills", `{"config": "`+config+`"}`, "")
	w.work()
	if open := w.actions(action.Open); len(open) != 0 {
		t.Errorf("left: %+v", open)
	}
}

// over is another process of the system, whose requests go over a wire.
func (w *watched) over(wire *wiretest.Wire) *system {
	y := &system{settings: w.settings, log: zerolog.Nop(), table: wire.Table(w.table), blobs: w.blobs, archives: wire.Queue(w.archives),
		notices: wire.Queue(w.notices)}
	y.keeper = testKeeper()
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
					worker := y.worker(run.ArchiveQueue, time.Second, time.Minute)
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
				if r.State != run.Failed || len(notes) != 1 || notes[0].State != "failed" || notes[0].Mail != notify.Sent || len(open) != 1 ||
					open[0].State != action.Open {
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
		Client: "cccccccc-cccc-4ccc-8ccc-cccccccccccc", RedirectURL: "https://example.com/auth/callback",
		Tenants: []string{"11111111-1111-4111-8111-111111111111"},
		Table:   w.table, Keeper: secret.New(wrapper, time.Now, secret.Limits{}), Clock: time.Now,
	})
	must(t, err)
	w.notice.SignIn = client.State
	nightly := job.Job{Kind: run.Archive, Config: w.config, Schedule: job.Schedule{Repeat: job.Daily, At: "02:00", Zone: "UTC"}}
	mine, err = w.notice.Jobs.Create(t.Context(), watchedUser, nightly)
	must(t, err)
	paused, err = w.notice.Jobs.Create(t.Context(), watchedUser, nightly)
	must(t, err)
	paused, err = w.notice.Jobs.Pause(t.Context(), watchedUser, paused.ID, job.ByUser)
	must(t, err)
	w.signInState(needed)
	return w, mine, paused
}

func refused(r *run.Run) {
	r.Problem = &run.Problem{Code: fault.Unauthenticated.String(), Detail: "sign in again"}
}

func (w *watched) jobIs(j *job.Job, state job.State, why job.Reason) {
	w.t.Helper()
	got, err := w.notice.Jobs.Get(w.t.Context(), w.user, j.ID)
	must(w.t, err)
	if got.State != state || got.Reason != why {
		w.t.Errorf("the job is %s because of %q, want %s, %q", got.State, got.Reason, state, why)
	}
}

func TestASignInThroughTheDoorEndsWhatWaitsForIt(t *testing.T) {
	w, mine, paused := delegated(t)
	for range 2 {
		w.tell(w.ended(run.Failed, refused))
	}
	open, notes := w.actions(action.Open), w.notes()
	if len(open) != 1 || open[0].Kind != action.SignInNeeded || len(notes) != 1 || notes[0].Class != notify.SignIn {
		t.Fatalf("%+v, %+v", open, notes)
	}
	w.mailed(1)
	w.jobIs(mine, job.Paused, job.SignInNeeded)
	w.signInState(signedIn)
	must(t, (&Function{system: *w.system}).newSignIn().signedIn(t.Context(), watchedUser))
	w.jobIs(mine, job.Active, "")
	w.jobIs(paused, job.Paused, job.ByUser)
	if len(w.actions(action.Open)) != 0 || w.notes()[0].State != "done" {
		t.Errorf("%+v, %+v", w.actions(action.Open), w.notes())
	}
}

func TestTheDispatcherTellsOfJobs(t *testing.T) {
	w := watch(t)
	schedule := job.Schedule{Repeat: job.Daily, At: "02:00", Zone: "UTC"}
	made, err := w.notice.Jobs.Create(t.Context(), watchedUser, job.Job{Kind: run.Archive, Config: w.config, Schedule: schedule})
	must(t, err)
	drill, err := w.notice.Jobs.Create(t.Context(), watchedUser, job.Job{Kind: run.Drill, Config: w.config, Schedule: schedule})
	must(t, err)
	d := w.dispatcher()
	d.Clock = func() time.Time { return made.Due.Add(time.Hour) }
	delete(d.Kinds, run.Drill) // as an earlier version
	report, err := d.Tick(t.Context())
	must(t, err)
	states := map[string]bool{}
	for _, n := range w.notes() {
		states[n.State] = true
	}
	if report.Late != 1 || report.Parked != 1 || len(states) != 2 || !states["late"] || !states["waiting"] {
		t.Errorf("%+v, %+v", report, w.notes())
	}
	w.jobIs(drill, job.Paused, job.UnknownKind)
	if shown := w.do("ann", "GET", "/v1/jobs/"+drill.ID, "", "reason"); shown != "unknown_kind" {
		t.Errorf("its user sees %s", shown)
	}
}

// TestAShrunkWindowIsTold goes all the way from a calendar that lost its events to what the user is told, and back by a forced run.
func TestAShrunkWindowIsTold(t *testing.T) {
	w := watch(t)
	id := w.do("ann", "POST", "/v1/calendars", `{"uri": "local://ann/calendars/Work"}`, "id")
	day := time.Now().UTC().AddDate(0, 0, -1).Format("20060102")
	var file strings.Builder
	file.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	for i := range 12 {
		fmt.Fprintf(&file,
			"BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Meeting %d\r\nDTSTART:%sT%02d0000Z\r\nDTEND:%sT%02d3000Z\r\n"+
				"END:VEVENT\r\n", i, i, day, i+6, day, i+6)
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
	if open, notes := w.actions(action.Open), w.notes(); len(open) != 1 || open[0].Kind != action.ShrunkWindow || len(notes) != 2 ||
		!strings.HasSuffix(notes[0].Command, "--force") {
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
