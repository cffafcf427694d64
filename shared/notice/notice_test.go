package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/ledger"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/mail/outbox"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
	"adminassistant/shared/queue"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// base is the address of the API.
const base = "https://api.example.com"

const annKey = "tenant#ann"

var ann = account.Principal{Tenant: "tenant", Object: "ann", Name: "Name of ann"}

// world has a user who is told of problems by e-mail as well, and has a config.
type world struct {
	*Notices
	*machinetest.Machine
	clock   *machinetest.Clock
	t       *testing.T
	users   *account.Users
	configs *archive.Configs
	queue   queue.Queue // of e-mails
	folder  string      // of e-mails that were sent
	config  string
	nth     int // of the user's runs
}

func newWorld(t *testing.T) *world {
	t.Helper()
	clock := machinetest.NewClock(time.Date(2026, 10, 12, 9, 0, 0, 0, time.UTC), 0)
	w := &world{Machine: machinetest.New(t, clock.Now), clock: clock, t: t, queue: machinetest.Queues(t, clock.Now).Queue("notify"), folder: t.TempDir()}
	w.users = account.NewUsers(w.Table, clock.Now)
	_, err := w.users.Admit(t.Context(), ann)
	must(t, err)
	told := account.DefaultSettings()
	both := account.Channels{InApp: true, Email: true}
	told.Email, told.Notifications.Problems, told.Notifications.SignIn = "ann@example.com", both, both
	profile, err := w.users.Of(t.Context(), annKey)
	must(t, err)
	_, err = w.users.UpdateSettings(t.Context(), ann, told, profile.SettingsVersion)
	must(t, err)
	w.configs = archive.NewConfigs(w.Table, ledger.New(w.Table, w.Blobs, w.Key), w.NewID, clock.Now)
	w.Notices = w.over(w.Table)
	w.config = w.newConfig("work", "Archive")
	return w
}

// over are the notices of another process, over a table.
func (w *world) over(table store.Table) *Notices {
	kinds := run.MustKinds(archive.RunKind, archive.VerifyKind, archive.RepairKind, backup.RunKind, restore.RunKind, restore.DrillKind)
	configs := archive.NewConfigs(table, ledger.New(table, w.Blobs, w.Key), w.NewID, w.clock.Now)
	queues := map[run.QueueName]queue.Queue{} // nobody sends runs
	return &Notices{
		Kinds: kinds, Actions: action.New(table, w.NewID, w.clock.Now), Notifications: notify.New(table, w.queue, w.clock.Now),
		Jobs: job.New(table, job.Kinds(kinds, configs, queues), w.NewID, w.clock.Now), Configs: configs, Profile: account.NewUsers(table, w.clock.Now).Of,
		Runs: run.NewStore(table), Clock: w.clock.Now, Log: zerolog.Nop(), Records: table, Signer: w.Key, EndDigest: account.NewUsers(table, w.clock.Now).EndDigest,
		Head: func(_ context.Context, config string) (string, error) { return "head of " + config + "\nsigned\n", nil },
	}
}

// newConfig makes a config of ann's and returns its id.
func (w *world) newConfig(name, into string) string {
	w.t.Helper()
	uri := func(text string) calendar.URI {
		uri, err := calendar.ParseURI("local://ann/calendars/" + text)
		must(w.t, err)
		return uri
	}
	c, err := w.configs.Create(w.t.Context(), annKey, archive.Config{
		Name: name, Source: uri("Work"), Archive: uri(into), Timezone: "UTC", Purpose: archive.General, Overlaps: archive.Keep,
		OnDrift: archive.AskOnDrift, LookBack: 3,
	})
	must(w.t, err)
	return c.ID
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ended is a run of ann's that has just ended, a minute after the one before.
func (w *world) ended(state run.State, change ...func(*run.Run)) *run.Run {
	w.nth++
	w.clock.Advance(time.Minute)
	now := w.clock.Now()
	day := calendar.Date{Year: 2026, Month: 10, Day: 5}
	r := &run.Run{
		ID: fmt.Sprintf("R%d", w.nth), User: annKey, Kind: run.Archive, Config: w.config, From: day, To: day.AddDays(6), Job: "J1", State: state,
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

func (w *world) tell(r *run.Run) {
	w.t.Helper()
	must(w.t, w.RunEnded(w.t.Context(), r))
}

// notes are what ann is shown in the application, the newest first.
func (w *world) notes() []*notify.Notification {
	w.t.Helper()
	list, _, err := w.Notifications.List(w.t.Context(), annKey, false, 100, "")
	must(w.t, err)
	return list
}

func (w *world) actions(state action.State) []*action.Action {
	w.t.Helper()
	list, _, err := w.Actions.List(w.t.Context(), annKey, action.Filter{State: state}, 100, "")
	must(w.t, err)
	return list
}

// mailed sends what is due by e-mail; afterwards there are so many of them.
func (w *world) mailed(want int) {
	w.t.Helper()
	if files := w.send(); len(files) != want {
		w.t.Errorf("%d e-mails, want %d", len(files), want)
	}
}

// send sends what is due, and returns the files of all e-mails that were sent.
func (w *world) send() []string {
	w.t.Helper()
	box, err := outbox.Open(w.folder, "assistant@example.com", w.clock.Now)
	must(w.t, err)
	m := &notify.Mailer{
		Deliveries: queue.Deliveries{Queue: w.queue, Log: zerolog.Nop(), FirstPause: time.Second, Visibility: time.Minute}, Notifications: w.Notifications,
		Profile: w.Profile, Sender: box, Clock: w.clock.Now, Base: base,
		Unsubscribe: func(ctx context.Context, user string, in phrase.Language) (string, error) {
			return w.UnsubscribeAddress(ctx, base, user, in)
		},
	}
	for {
		due, err := w.queue.Receive(w.t.Context(), 1, time.Minute, 0)
		must(w.t, err)
		if len(due) == 0 {
			break
		}
		must(w.t, m.Handle(w.t.Context(), due[0]))
	}
	files, err := filepath.Glob(filepath.Join(w.folder, "*.eml"))
	must(w.t, err)
	return files
}

func TestRunEnded(t *testing.T) {
	t.Run("a failed run is an action, a notification and an e-mail, once", func(t *testing.T) {
		w := newWorld(t)
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
		if n.Class != notify.Problems || n.State != "failed" || n.Title != `Archive run of "work" failed` || n.Link != "/v1/runs/R1" ||
			n.Mail != notify.Sent ||
			n.Command != `admin-assistant archive run --config work --period "2026-10-05 to 2026-10-11"` {
			t.Errorf("%+v", n)
		}
		for _, part := range []string{"5–11 October 2026", "not found", "Nothing is lost or doubled", "next time"} {
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
		w := newWorld(t)
		first := w.ended(run.Failed)
		w.tell(first)
		second := w.ended(run.Partial, func(r *run.Run) { r.Failed = 3 })
		w.tell(second)
		if open := w.actions(action.Open); len(open) != 1 || open[0].Subject.ID != "R2" ||
			!strings.HasSuffix(open[0].Detail, "admin-assistant archive retry R2") {
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
	t.Run("a success that came before the failure's end resolves nothing, though it is told later", func(t *testing.T) {
		w := newWorld(t)
		good := w.ended(run.Succeeded)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Created = good.Created.Add(-time.Minute) }))
		w.tell(good)
		if len(w.actions(action.Open)) != 1 {
			t.Errorf("%+v", w.actions(""))
		}
	})
	t.Run("a drill of a job before the first backup asks for a backup, which is no run of that job", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Kind, r.From, r.To = run.Drill, calendar.Date{}, calendar.Date{} }))
		if n := w.notes()[0]; n.Command != "admin-assistant backup run --config work" {
			t.Errorf("%+v", n)
		}
	})
	t.Run("who started a run by hand is promised no other", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Job = "" }))
		if n := w.notes()[0]; strings.Contains(n.Text, "next time") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a window that shrank asks to look, or to force", func(t *testing.T) {
		w := newWorld(t)
		shrunk := w.ended(run.Failed, func(r *run.Run) { r.Result, r.Options.Adopt = json.RawMessage(`{"written": 0, "shrunk": true}`), true })
		w.tell(shrunk)
		open, notes := w.actions(action.Open), w.notes()
		if len(open) != 1 || open[0].Kind != action.ShrunkWindow || len(notes) != 1 || notes[0].Class != notify.Problems ||
			!strings.HasSuffix(notes[0].Command, " --force --adopt") {
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
			"a job's run that wrote": {func(r *run.Run) { r.Result = json.RawMessage(`{"written": 7}`) },
				`Archive run of "work" went well`, "wrote 7 events"},
			"a run that the user started":    {func(r *run.Run) { r.Job = "" }, `Archive run of "work" went well`, "nothing new"},
			"a backup that the user started": {func(r *run.Run) { r.Job, r.Kind = "", run.Backup }, `Backup of "work" went well`, "all that it was to do"},
			"a dry run":                      {func(r *run.Run) { r.Job, r.Options.DryRun = "", true }, "", ""},
			"a run without a result":         {func(r *run.Run) { r.Result = nil }, "", ""},
		} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t)
				r := w.ended(run.Succeeded, c.change)
				w.tell(r)
				w.tell(r)
				notes := w.notes()
				if (len(notes) == 1) != (c.title != "") || len(notes) == 1 && (notes[0].Class != notify.Runs || notes[0].Title != c.title ||
					!strings.Contains(notes[0].Text, c.says)) {
					t.Errorf("told of %+v", notes)
				}
				w.mailed(0) // of runs, by the settings
			})
		}
	})
	t.Run("a night in which nothing changed costs one request to the store", func(t *testing.T) {
		w := newWorld(t)
		counter := &store.Counter{Table: w.Table}
		must(t, w.over(counter).RunEnded(t.Context(), w.ended(run.Succeeded)))
		if n := counter.Requests(); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("a dry run that fails is told of, and needs nobody", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Options.DryRun = true }))
		if notes := w.notes(); len(notes) != 1 || !strings.HasSuffix(notes[0].Command, "--dry-run") || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", notes, w.actions(""))
		}
	})
	t.Run("a run that ended long ago is nothing to tell any more", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Ended = r.Ended.AddDate(0, 0, -91) })) // what was told of it is gone
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
	t.Run("a run that was cancelled is nothing to tell", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Cancelled))
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
	t.Run("every failure has words of its own, and none of the failure's", func(t *testing.T) {
		w := newWorld(t)
		seen := map[string]bool{}
		for kind := fault.Internal; kind <= fault.Locked; kind++ {
			r := w.ended(run.Failed, func(r *run.Run) { r.Problem = &run.Problem{Code: kind.String(), Detail: "Lunch with bob@example.com"} })
			w.tell(r)
			n, err := w.Notifications.Get(t.Context(), annKey, notify.ID(r.Created, "run "+r.ID))
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
			w := newWorld(t)
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
	t.Run("a backup whose iCalendar file cannot tell all is no failure", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.Kind = run.Backup }))
		w.tell(w.ended(run.Partial, func(r *run.Run) { r.Kind, r.Failed = run.Backup, 2 }))
		if n := w.notes()[0]; n.Title != `Backup of "work": 2 events are not in its iCalendar file` || !strings.Contains(n.Text, "complete") ||
			len(w.actions(action.Open)) != 0 {
			t.Errorf("%+v, %+v", n, w.actions(action.Open))
		}
	})
	t.Run("a run of no config names no calendar", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) {
			r.Kind, r.Config, r.Job, r.Calendar = run.Backup, "", "", "msgraph://ann@example.com/calendars/Work"
			r.From, r.To = calendar.Date{}, calendar.Date{}
		}))
		if n := w.notes()[0]; n.Title != "Backup failed" || strings.Contains(n.Text, "@") || n.Command != "" || n.Link == "" ||
			!strings.Contains(n.Text, "all days") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a name that a shell would not take is told by its id", func(t *testing.T) {
		w := newWorld(t)
		w.config = w.newConfig("a; rm -rf ~", "More")
		w.tell(w.ended(run.Failed))
		if n := w.notes()[0]; !strings.Contains(n.Command, "--config "+w.config+" ") || !strings.Contains(n.Title, "a; rm") {
			t.Errorf("%+v", n)
		}
	})
	t.Run("a config that is gone stops nothing", func(t *testing.T) {
		w := newWorld(t)
		w.config = "gone"
		w.tell(w.ended(run.Failed))
		if n := w.notes()[0]; n.Title != `Archive run of "gone" failed` {
			t.Errorf("%+v", n)
		}
	})
	t.Run("who is being erased, or was never there, is told nothing", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed, func(r *run.Run) { r.User = "tenant#nobody" }))
		for _, pk := range []string{"USER#tenant#nobody", "ACTIONS#tenant#nobody#open"} {
			items, err := store.All(t.Context(), w.Table, store.Query{PK: pk, Index: strings.HasPrefix(pk, "ACTIONS")})
			must(t, err)
			if len(items) > 0 {
				t.Errorf("stored: %+v", items)
			}
		}
		_, err := account.NewEraser(w.users).Erase(t.Context(), ann, ann.Object)
		must(t, err)
		w.tell(w.ended(run.Failed))
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
}

func TestArchiveMissing(t *testing.T) {
	missing := func(r *run.Run) {
		r.Result = json.RawMessage(`{"written": 2, "archive_missing": true}`)
		r.Problem = &run.Problem{Code: "conflict", Detail: "calendar Archive of ann@example.com is gone"}
	}
	t.Run("is an action of its own, which the next run that succeeds resolves", func(t *testing.T) {
		w := newWorld(t)
		first := w.ended(run.Partial, missing)
		w.tell(first)
		w.tell(w.ended(run.Partial, missing))
		open, notes := w.actions(action.Open), w.notes()
		if len(open) != 1 || open[0].Kind != action.ArchiveMissing || open[0].Subject.ID != "R2" || len(notes) != 2 {
			t.Fatalf("%+v, %+v", open, notes)
		}
		n := notes[0]
		if n.Class != notify.Problems || n.State != "partial" || n.Title != `Archive run of "work": the archive calendar does not show what was archived` ||
			n.Command != "admin-assistant archive show R2" || open[0].Detail != n.Text+"\n"+n.Command || strings.Contains(n.Text, "@") {
			t.Errorf("%+v", n)
		}
		w.mailed(2)
		w.tell(w.ended(run.Succeeded, func(r *run.Run) { r.Kind = run.Backup }))
		w.tell(w.ended(run.Succeeded, func(r *run.Run) { r.Config = "other" }))
		if len(w.actions(action.Open)) != 1 {
			t.Error("a run of something else resolved it")
		}
		w.tell(w.ended(run.Succeeded))
		w.tell(first)
		if open := w.actions(action.Open); len(open) != 0 {
			t.Errorf("left: %+v", open)
		}
	})
	t.Run("a failure before it stays to be seen to until a run succeeds", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Failed))
		w.tell(w.ended(run.Partial, missing))
		if open := w.actions(action.Open); len(open) != 2 {
			t.Errorf("open: %+v", open)
		}
		w.tell(w.ended(run.Succeeded))
		if open := w.actions(action.Open); len(open) != 0 {
			t.Errorf("left: %+v", open)
		}
	})
	t.Run("whatever the run's state, it is not told that it went well", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Succeeded, missing))
		if n := w.notes()[0]; n.Class != notify.Problems || strings.Contains(n.Title, "went well") || len(w.actions(action.Open)) != 1 {
			t.Errorf("%+v, %+v", n, w.actions(action.Open))
		}
	})
	t.Run("a dry run that saw it is told by whoever asked for it", func(t *testing.T) {
		w := newWorld(t)
		w.tell(w.ended(run.Succeeded, missing, func(r *run.Run) { r.Options.DryRun = true }))
		if len(w.notes()) != 0 || len(w.actions("")) != 0 {
			t.Errorf("%+v, %+v", w.notes(), w.actions(""))
		}
	})
}

func TestARunOfAKindThatThisVersionDoesNotKnowIsToldAsAnyRun(t *testing.T) {
	dream := func(r *run.Run) { r.Kind, r.Result = "dream", json.RawMessage(`"asleep"`) }
	w := newWorld(t)
	w.tell(w.ended(run.Failed, dream))
	if n := w.notes()[0]; n.Title != `Run of "work" failed` || n.Command != "admin-assistant job trigger J1" || len(w.actions(action.Open)) != 1 {
		t.Errorf("%+v, %+v", n, w.actions(action.Open))
	}
	w.tell(w.ended(run.Partial, dream, func(r *run.Run) { r.Failed = 2 }))
	if n := w.notes()[0]; n.Title != `Run of "work": 2 events failed` || n.Command != "admin-assistant job trigger J1" {
		t.Errorf("%+v", n)
	}
	w.tell(w.ended(run.Succeeded, dream, func(r *run.Run) { r.Job = "" }))
	if n := w.notes()[0]; n.Title != `Run of "work" went well` || n.Command != "admin-assistant archive show R3" || len(w.actions(action.Open)) != 0 {
		t.Errorf("%+v, %+v", n, w.actions(action.Open))
	}
}

func TestAResultThatCannotBeReadStopsNothing(t *testing.T) {
	w := newWorld(t)
	w.tell(w.ended(run.Failed, func(r *run.Run) { r.Result = json.RawMessage(`{"written": "x"}`) }))
	if n := w.notes()[0]; n.Title != `Archive run of "work" failed` {
		t.Errorf("%+v", n)
	}
}
