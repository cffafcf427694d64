package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// openHere opens this machine's system in a new folder, with a way to ask it.
func openHere(t *testing.T) (l *Local, dir string, ask func(method, path, body string, header ...string) map[string]any) {
	t.Helper()
	dir = t.TempDir()
	l = openAt(t, dir)
	return l, dir, func(method, path, body string, header ...string) map[string]any {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		l.Handler().ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return answer
	}
}

// openAt opens this machine's system in a folder, as one more process does.
func openAt(t *testing.T, dir string) *Local {
	t.Helper()
	l, err := OpenLocal(Settings{Data: dir, Lease: time.Minute}, "test", io.Discard)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	return l
}

// TestWorkPutsEMailsIntoTheOutbox has a run fail on this machine, whose user wants to be told by e-mail.
func TestWorkPutsEMailsIntoTheOutbox(t *testing.T) {
	l, dir, ask := openHere(t)
	ask("GET", "/v1/me", "")
	ask("PUT", "/v1/me/settings", `{"email": "me@example.com", "notifications": {"problems": {"in_app": false, "email": true}}}`, "If-Match", "*")
	ask("POST", "/v1/archive-configs", `{"name": "work", "source": "local://me/calendars/Nowhere", "archive": "local://me/calendars/Archive", "timezone": "UTC"}`)
	ask("POST", "/v1/runs", `{"kind": "archive", "config": "work", "period": "last week"}`)
	working, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- l.Work(working) }()
	var mails []string
	for len(mails) == 0 {
		if working.Err() != nil {
			t.Fatal("there is no e-mail")
		}
		var err error
		mails, err = filepath.Glob(filepath.Join(dir, "outbox", "*.eml"))
		must(t, err)
	}
	stop()
	<-worked
	text, err := os.ReadFile(mails[0])
	must(t, err)
	if !strings.Contains(string(text), "me@example.com") || !strings.Contains(string(text), localSender) ||
		!strings.Contains(string(text), "failed") || len(mails) != 1 {
		t.Errorf("%d e-mails: %s", len(mails), text)
	}
	if shown := ask("GET", "/v1/notifications", "")["items"].([]any); len(shown) != 0 {
		t.Errorf("it is shown in the application, too: %v", shown)
	}
}

// missed puts the time of a job three days into the past, as it is after the machine was off, and returns the time that it had.
func missed(t *testing.T, l *Local, dir, job string) time.Time {
	t.Helper()
	table, err := sqlite.Open(filepath.Join(dir, "store.db"), time.Now)
	must(t, err)
	defer func() { must(t, table.Close()) }()
	item, err := table.Get(t.Context(), store.Key{PK: "USER#" + l.Principal.Key(), SK: "JOB#" + job})
	must(t, err)
	var stored map[string]any
	must(t, json.Unmarshal(item.Data, &stored))
	due, err := time.Parse(time.RFC3339, stored["due"].(string))
	must(t, err)
	stored["due"] = due.AddDate(0, 0, -3)
	item.Data, err = json.Marshal(stored)
	must(t, err)
	item.IndexSK = due.AddDate(0, 0, -3).UTC().Format(time.RFC3339) + "#" + job
	_, err = table.Put(t.Context(), item, store.Any())
	must(t, err)
	return due
}

// daily is a job that is not due while a test runs: it is in twelve hours.
func daily(config string) string {
	at := time.Now().UTC().Add(12 * time.Hour).Format("15:04")
	return fmt.Sprintf(`{"kind": "archive", "config": %q, "schedule": {"repeat": "daily", "at": %q, "zone": "UTC"}, "jitter": 0}`, config, at)
}

// TestWorkStartsWhatIsDue puts the time of a job into the past, as it is after the machine was off, and lets the worker work.
func TestWorkStartsWhatIsDue(t *testing.T) {
	l, dir, ask := openHere(t)
	ask("POST", "/v1/calendars", `{"uri": "local://me/calendars/Work"}`)
	ask("POST", "/v1/archive-configs",
		`{"name": "work", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive", "timezone": "Europe/Berlin"}`)
	id := ask("POST", "/v1/jobs", daily("work"))["id"].(string)

	due := missed(t, l, dir, id)

	working, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- l.Work(working) }()
	var runs []any
	for len(runs) == 0 || runs[0].(map[string]any)["ended"] == nil {
		if working.Err() != nil {
			t.Fatalf("the job's runs are %v", runs)
		}
		runs = ask("GET", "/v1/jobs/"+id+"/runs", "")["items"].([]any)
	}
	stop()
	<-worked
	if r := runs[0].(map[string]any); len(runs) != 1 || r["state"] != "succeeded" || r["job"] != id {
		t.Errorf("runs %v", runs)
	}
	if j := ask("GET", "/v1/jobs/"+id, ""); j["due"] != due.UTC().Format(time.RFC3339) || j["last_run"] != runs[0].(map[string]any)["id"] {
		t.Errorf("job %v", j)
	}
}

// runsFailing is a handler of runs that fails.
type runsFailing struct{ because error }

func (r runsFailing) Run(context.Context, *run.Run) error { return r.because }

func TestWhoWaitsForTheWorkIsToldThatTheDiskIsFull(t *testing.T) {
	l, _, ask := openHere(t)
	ask("POST", "/v1/calendars", `{"uri": "local://me/calendars/Work"}`)
	ask("POST", "/v1/archive-configs", `{"name": "work", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive", "timezone": "UTC"}`)
	ask("POST", "/v1/runs", `{"kind": "archive", "config": "work", "period": "last week"}`)
	working, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	l.stations[0].worker.Handlers[run.Archive] = runsFailing{fault.New(fault.Unavailable, "the disk of the store is %w", fault.ErrFull)}
	if err := l.WorkFor(working); !errors.Is(err, fault.ErrFull) || fault.Of(err) != fault.Unavailable {
		t.Errorf("got %v", err)
	}

	// What passes by itself is waited for.
	l, _, ask = openHere(t)
	ask("POST", "/v1/calendars", `{"uri": "local://me/calendars/Work"}`)
	ask("POST", "/v1/archive-configs", `{"name": "work", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive", "timezone": "UTC"}`)
	ask("POST", "/v1/runs", `{"kind": "archive", "config": "work", "period": "last week"}`)
	waiting, giveUp := context.WithCancel(t.Context())
	l.stations[0].worker.Handlers[run.Archive] = telling{runsFailing{fault.New(fault.Unavailable, "the mailbox does not answer")}, giveUp}
	if err := l.WorkFor(waiting); err != nil {
		t.Errorf("got %v", err)
	}
}

// telling is a handler that tells of its runs.
type telling struct {
	runsFailing
	tell func()
}

func (h telling) Run(ctx context.Context, r *run.Run) error {
	h.tell()
	return h.runsFailing.Run(ctx, r)
}

// TestProcessesShareTheWork has three processes work at once on one folder, on jobs whose runs fail, of which the user is told.
func TestProcessesShareTheWork(t *testing.T) {
	l, dir, ask := openHere(t)
	ask("GET", "/v1/me", "")
	ask("PUT", "/v1/me/settings", `{"email": "me@example.com", "notifications": {"problems": {"in_app": true, "email": true}}}`, "If-Match", "*")
	const jobs = 6
	for i := range jobs {
		ask("POST", "/v1/archive-configs",
			fmt.Sprintf(`{"name": "work%d", "source": "local://me/calendars/Nowhere", "archive": "local://me/calendars/Archive%d", "timezone": "UTC"}`, i, i))
		missed(t, l, dir, ask("POST", "/v1/jobs", daily(fmt.Sprintf("work%d", i)))["id"].(string))
	}
	working, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var processes sync.WaitGroup
	for _, p := range []*Local{l, openAt(t, dir), openAt(t, dir)} {
		processes.Go(func() { _ = p.Work(working) })
	}
	told := func() (runs, notes, mailed, actions int) {
		for _, n := range ask("GET", "/v1/notifications?limit=100", "")["items"].([]any) {
			if notes++; n.(map[string]any)["mail"] == "sent" {
				mailed++
			}
		}
		return len(ask("GET", "/v1/runs?limit=100", "")["items"].([]any)), notes, mailed, len(ask("GET", "/v1/actions?limit=100", "")["items"].([]any))
	}
	for {
		runs, notes, mailed, actions := told()
		mails, err := filepath.Glob(filepath.Join(dir, "outbox", "*.eml"))
		must(t, err)
		// each job is late, and its run fails
		if runs == jobs && notes == 2*jobs && mailed == 2*jobs && actions == jobs && len(mails) == 2*jobs {
			break
		}
		if runs > jobs || working.Err() != nil {
			t.Fatalf("%d runs, %d notifications, of which %d were mailed, %d actions, %d e-mails", runs, notes, mailed, actions, len(mails))
		}
	}
	stop()
	processes.Wait()
	if finished := ask("GET", "/v1/audit?action=run.archive.finished&limit=100", "")["items"].([]any); len(finished) != jobs {
		t.Errorf("%d runs are recorded to have ended", len(finished))
	}
}

// TestAMailThatCameBackOnThisMachine moves a mail of the outbox to those that came back.
func TestAMailThatCameBackOnThisMachine(t *testing.T) {
	l, dir, ask := openHere(t)
	ask("GET", "/v1/me", "")
	ask("PUT", "/v1/me/settings", `{"email": "me@example.com", "notifications": {"problems": {"in_app": false, "email": true}}}`, "If-Match", "*")
	profile, err := l.system.users.Of(t.Context(), l.Principal.Key())
	must(t, err)
	mailed := func(id string) string {
		t.Helper()
		n := notify.Notification{ID: id, User: l.Principal.Key(), Class: notify.Problems, State: "late", Title: "Late", Text: "Nothing is lost."}
		must(t, l.system.notice.Notifications.Tell(t.Context(), profile.Settings, n))
		messages, err := l.system.notices.Receive(t.Context(), 1, time.Minute, 0)
		if err != nil || len(messages) != 1 {
			t.Fatalf("%d messages, %v", len(messages), err)
		}
		must(t, l.mailer.Handle(t.Context(), messages[0]))
		told, err := l.system.notice.Notifications.Get(t.Context(), l.Principal.Key(), id)
		must(t, err)
		return string(told.Mail)
	}
	if became := mailed("01K7KMPQ8C9D3E4F5G6H7J8N01"); became != "sent" {
		t.Fatalf("the first mail is %s", became)
	}
	folder := filepath.Join(dir, "outbox")
	mails, err := filepath.Glob(filepath.Join(folder, "*.eml"))
	if err != nil || len(mails) != 1 {
		t.Fatalf("mails %q, %v", mails, err)
	}
	must(t, os.Mkdir(filepath.Join(folder, "returned"), 0o700))
	must(t, os.Rename(mails[0], filepath.Join(folder, "returned", filepath.Base(mails[0]))))
	for range 2 {
		l.lookForReturned(t.Context())
	}
	if me := ask("GET", "/v1/me", ""); me["mail_returned"].(map[string]any)["why"] != "bounced" {
		t.Errorf("the user sees %v", me)
	}
	if became := mailed("01K7KMPQ8C9D3E4F5G6H7J8N02"); became != "returned" {
		t.Errorf("the second mail is %s", became)
	}
	shown := fmt.Sprint(ask("GET", "/v1/notifications", "")["items"])
	if strings.Count(shown, "Late") != 2 || strings.Count(shown, "E-mail to you came back") != 1 {
		t.Errorf("shown are %s", shown)
	}
	must(t, l.system.notice.Notifications.MailAgain(t.Context(), "me@example.com", false))
	l.lookForReturned(t.Context()) // the file lies there still
	if became := mailed("01K7KMPQ8C9D3E4F5G6H7J8N03"); became != "sent" {
		t.Errorf("after it was put right a mail is %s", became)
	}
}

func TestWhatIsClosedHoldsNoFileOpen(t *testing.T) {
	l, folder, ask := openHere(t)
	ask("GET", "/v1/archive-configs", "")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	if len(open) == 0 {
		t.Skip("this system does not tell which files are open")
	}
	for _, link := range open {
		if file, err := os.Readlink(link); err == nil && strings.HasPrefix(file, folder) {
			t.Errorf("%s is still open", strings.TrimPrefix(file, folder))
		}
	}
}
