package functions_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"adminassistant/functions/cloudtest"
	"adminassistant/functions/lambdatest"
	"adminassistant/shared/account"
	"adminassistant/shared/awstest"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/notify"
	"adminassistant/shared/queue"
	"adminassistant/shared/queue/sqs"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// cloud lets functions of the deployment work by themselves.
func (d *deployment) cloud(o cloudtest.Options) *cloudtest.Cloud {
	d.t.Helper()
	change := o.Environment
	o.Environment = func(function string, env map[string]string) {
		for name, value := range d.settings(function) {
			if !strings.HasPrefix(name, "AWS_") {
				env[name] = value
			}
		}
		if change != nil {
			change(function, env)
		}
	}
	return cloudtest.Start(d.t, cloudtest.Resources{
		Table: d.table, Bucket: d.bucket, Heads: d.heads, Key: d.key, Queues: d.queues, DynamoDB: d.dynamodb, Other: d.other,
	}, o)
}

// atOnce is a clock of queues by which every wait is over at once.
func atOnce(time.Duration) time.Duration { return 0 }

// reserve reserves the archive calendar for another run; release gives it back.
func (d *deployment) reserve() (release func()) {
	d.t.Helper()
	key := run.LeaseKey(d.leaseName())
	text, err := json.Marshal(map[string]any{"holder": "another", "until": time.Now().Add(24 * time.Hour)})
	must(d.t, err)
	version, err := d.items.Put(d.ctx, store.Item{Key: key, Data: text}, store.Absent())
	must(d.t, err)
	return func() { must(d.t, d.items.Delete(d.ctx, key, store.VersionIs(version))) }
}

func TestARunThatWaitsAnHourForAnotherEndsWell(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(20, 14, "2026-10-01")
	config := d.config()
	release := d.reserve()
	cloud := d.cloud(cloudtest.Options{Functions: map[string]int{"archive": 1}, Wait: atOnce})
	r := d.queued(config.ID, "01K7KMPQ8C9D3E4F5G6H7J8K07", nil)
	d.send(r, "archive")
	eventually(t, "it waited for an hour", func() bool { return cloud.Waited() >= time.Hour })
	if now := d.stored(r.ID); now.State != run.Queued {
		t.Errorf("while it waits the run is %s, %+v", now.State, now.Problem)
	}
	release()
	eventually(t, "it ended", func() bool { return d.stored(r.ID).State.Ended() })
	if result := d.succeeded(r.ID); result.Written != 20 {
		t.Errorf("the run reports %+v", result)
	}
	d.once(config.ID)
	if n := cloud.Dropped(); n > 0 {
		t.Errorf("%d messages were dropped", n)
	}
}

// TestARunThatLambdaTakesForALoopFails takes the permission to come round away: what was dropped is a dead letter, and its run does not hang.
func TestARunThatLambdaTakesForALoopFails(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	config := d.config()
	d.reserve()
	cloud := d.cloud(cloudtest.Options{
		Functions: map[string]int{"archive": 1, "notify": 1}, Wait: atOnce,
		Change: func(_ string, o *lambdatest.Options) { o.AllowLoops = false },
	})
	r := d.queued(config.ID, "01K7KMPQ8C9D3E4F5G6H7J8K08", nil)
	d.send(r, "archive")
	eventually(t, "it ended", func() bool { return d.stored(r.ID).State.Ended() })
	if r := d.stored(r.ID); r.State != run.Failed || cloud.Dropped() != 1 || cloud.Waited() != 16*15*time.Second {
		t.Errorf("the run is %s, %+v; %d messages were dropped after %v", r.State, r.Problem, cloud.Dropped(), cloud.Waited())
	}
}

// TestAnEMailThatWaitsForADayAndAHalfArrives has the mail service refuse e-mails for a quota as long as one may wait.
func TestAnEMailThatWaitsForADayAndAHalfArrives(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	box := d.postbox()
	const refusals = int(36 * time.Hour / queue.MaxDelay)
	var asked atomic.Int64
	quota := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) <= int64(refusals) {
			w.Header().Set("X-Amzn-Errortype", "TooManyRequestsException")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message": "Daily message quota exceeded."}`)
			return
		}
		on, err := http.NewRequestWithContext(r.Context(), r.Method, box.url+r.URL.Path, r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		on.Header = r.Header
		got, err := http.DefaultClient.Do(on)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		defer got.Body.Close()
		w.WriteHeader(got.StatusCode)
		_, _ = io.Copy(w, got.Body)
	}))
	t.Cleanup(quota.Close)
	cloud := d.cloud(cloudtest.Options{
		Functions: map[string]int{"notify": 1}, Wait: atOnce,
		Environment: func(_ string, env map[string]string) { env["AWS_ENDPOINT_URL_SESV2"] = quota.URL },
	})
	s := account.DefaultSettings()
	s.Email, s.Notifications.Problems.Email = address, true
	users := account.NewUsers(d.items, time.Now)
	who, err := users.Admit(d.ctx, account.Principal{Tenant: tenant, Object: object, Name: person, UserName: address})
	must(t, err)
	_, err = users.UpdateSettings(d.ctx, who, s, 0)
	must(t, err)
	n := notify.Notification{
		ID: "01K7KMPQ8C9D3E4F5G6H7J8N02", User: user, Class: notify.Problems, State: "late", Title: "Archive run was started late", Text: "Nothing is lost.",
	}
	must(t, notify.New(d.items, sqs.New(awstest.Moto(t), d.queues["notify"], d.queues["notify-dead"]), time.Now).Tell(d.ctx, s, n))
	eventually(t, "the e-mail came", func() bool { return len(box.sent()) == 1 })
	if waited := cloud.Waited(); waited != time.Duration(refusals)*queue.MaxDelay || cloud.Dropped() > 0 {
		t.Errorf("it came after %v; %d messages were dropped", waited, cloud.Dropped())
	}
}

// TestSmoke runs what make smoke does against a deployment, with a stand-in for the AWS command line.
func TestSmoke(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	cloud := d.cloud(cloudtest.Options{Functions: map[string]int{"api": 1, "archive": 1, "backup": 1}})
	smoke := func(subscriptions, topic string) (string, int) {
		t.Helper()
		tools := t.TempDir()
		must(t, os.WriteFile(filepath.Join(tools, "aws"), []byte("#!/bin/sh\nprintf '"+subscriptions+"'\n"), 0o700))
		cmd := exec.CommandContext(d.ctx, filepath.Join("..", ".ci", "smoke"), cloud.URL, topic)
		cmd.Env = append(os.Environ(), "PATH="+tools+":"+os.Getenv("PATH"), "ADMIN_ASSISTANT_TOKEN="+d.token())
		out, _ := cmd.CombinedOutput()
		return string(out), cmd.ProcessState.ExitCode()
	}
	const topic, mine = "arn:aws:sns:eu-central-1:111122223333:alarms", "arn:aws:sns:eu-central-1:111122223333:alarms:1\\tops@example.com\\n"
	out, code := smoke(mine+"PendingConfirmation\\tlate@example.com\\n", topic)
	for _, says := range []string{
		"a run wrote 1", "a run wrote 0", "the ledger verifies", "a backup was made and deleted",
		"alarms reach ops@example.com\n", "alarms do not reach late@example.com: the e-mail",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("it does not say %q:\n%s", says, out)
		}
	}
	if code != 3 {
		t.Errorf("while somebody has not confirmed it ends with %d", code)
	}
	if out, code := smoke(mine, topic); code != 0 || strings.Contains(out, "do not reach") {
		t.Errorf("when all have confirmed it ends with %d:\n%s", code, out)
	}
	if out, code := smoke("", topic); code != 0 || !strings.Contains(out, "alarms reach nobody") {
		t.Errorf("without a subscription it ends with %d:\n%s", code, out)
	}
}

var eventsToImport = flag.Int("events", 1000, "how many events TestManyEventsAreImported imports")

// TestManyEventsAreImported sends a file through the gateway, whose events a worker puts into a calendar.
func TestManyEventsAreImported(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	cloud := d.cloud(cloudtest.Options{Functions: map[string]int{"api": 1, "backup": 1}, Twice: true})
	var file bytes.Buffer
	packed, err := zstd.NewWriter(&file)
	must(t, err)
	events := *eventsToImport
	_, _ = io.WriteString(packed, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n")
	for i := range events {
		start := time.Date(2020, 1, 1, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i/4).Add(time.Duration(i%4) * time.Hour)
		fmt.Fprintf(packed, "BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:%s\r\nDTEND:%s\r\nSUMMARY:Review\r\nEND:VEVENT\r\n",
			i, start.Format("20060102T150405Z"), start.Add(time.Hour).Format("20060102T150405Z"))
	}
	_, _ = io.WriteString(packed, "END:VCALENDAR\r\n")
	must(t, packed.Close())
	ask := func(method, path, kind string, body io.Reader, status int) (out map[string]any) {
		t.Helper()
		r, err := http.NewRequestWithContext(d.ctx, method, cloud.URL+path, body)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+d.token())
		r.Header.Set("Content-Type", kind)
		got, err := http.DefaultClient.Do(r)
		must(t, err)
		defer got.Body.Close()
		text, err := io.ReadAll(got.Body)
		must(t, err)
		if got.StatusCode != status {
			t.Fatalf("%s %s: %d %.300s", method, path, got.StatusCode, text)
		}
		must(t, json.Unmarshal(text, &out))
		return out
	}
	ask("POST", "/v1/calendars", "application/json", strings.NewReader(`{"uri": "local://me/calendars/Work"}`), http.StatusCreated)
	upload := ask("POST", "/v1/uploads", "application/octet-stream", &file, http.StatusCreated)
	id := ask("POST", "/v1/imports", "application/json",
		strings.NewReader(fmt.Sprintf(`{"calendar": "local://me/calendars/Work", "upload": %q}`, upload["id"])), http.StatusAccepted)["id"].(string)
	within(t, time.Minute+time.Duration(events)*time.Minute/1000, "the run ended", func() bool { return d.stored(id).State.Ended() })
	if r := d.stored(id); r.State != run.Succeeded || !strings.Contains(string(r.Result), fmt.Sprintf(`"added":%d,`, events)) {
		t.Fatalf("the run is %s, %+v: %s", r.State, r.Problem, r.Result)
	}
	own := local.New(d.items, newID, time.Now).For(user)
	info, err := own.Calendar(d.ctx, calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: "Work"})
	must(t, err)
	n := 0
	must(t, own.Kept(d.ctx, "me", info.ID, func(calendar.Kept) error { n++; return nil }))
	if n != events {
		t.Errorf("%d events are there", n)
	}
}

// over asks the gateway as a program with a token, and returns the answer, which has to have the status.
func (d *deployment) over(cloud *cloudtest.Cloud, method, path, body string, status int) (out map[string]any) {
	d.t.Helper()
	r, err := http.NewRequestWithContext(d.ctx, method, cloud.URL+path, strings.NewReader(body))
	must(d.t, err)
	r.Header.Set("Authorization", "Bearer "+d.token())
	r.Header.Set("Content-Type", "application/json")
	got, err := http.DefaultClient.Do(r)
	must(d.t, err)
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	must(d.t, err)
	if got.StatusCode != status {
		d.t.Fatalf("%s %s: %d %.300s", method, path, got.StatusCode, text)
	}
	must(d.t, json.Unmarshal(text, &out))
	return out
}

// archives archives the mailbox by requests to the gateway, and once more.
func (d *deployment) archives(cloud *cloudtest.Cloud) {
	d.t.Helper()
	_, err := d.sim.AddCalendar(address, graphsim.Calendar{Name: "Archive"})
	must(d.t, err)
	config := d.over(cloud, "POST", "/v1/archive-configs", `{"name": "work", "source": "msgraph://`+address+`/calendars/primary",
		"archive": "msgraph://`+address+`/calendars/Archive", "timezone": "Europe/Zurich", "overlaps": "resolve"}`, http.StatusCreated)["id"].(string)
	for _, written := range []int{20, 0} {
		id := d.over(cloud, "POST", "/v1/runs", `{"kind": "archive", "config": "work", "from": "2026-10-01", "to": "2026-10-14"}`, http.StatusAccepted)["id"].(string)
		eventually(d.t, "the run ended", func() bool { return d.stored(id).State.Ended() })
		if result := d.succeeded(id); result.Written != written {
			d.t.Errorf("the run reports %+v, want %d written", result, written)
		}
	}
	d.once(config)
	if n := cloud.Dropped(); n > 0 {
		d.t.Errorf("%d messages were dropped", n)
	}
}

func TestAMailboxIsArchivedThroughTheGateway(t *testing.T) {
	t.Parallel()
	t.Run("as an application reaches it", func(t *testing.T) {
		d := deploy(t)
		d.appointments(20, 14, "2026-10-01")
		d.archives(d.cloud(cloudtest.Options{Functions: map[string]int{"api": 1, "archive": 1, "notify": 1}, Twice: true}))
	})
	t.Run("as its user does", func(t *testing.T) {
		w := deployWeb(t)
		w.appointments(20, 14, "2026-10-01")
		if done := w.browser(w.start("api")).login(object); done.status != http.StatusSeeOther {
			t.Fatalf("answered %d: %s", done.status, done.body)
		}
		w.archives(w.cloud(cloudtest.Options{
			Functions: map[string]int{"api": 1, "archive": 1, "notify": 1}, Twice: true,
			Environment: func(function string, env map[string]string) {
				if function != "notify" {
					maps.Copy(env, w.env)
				}
			},
		}))
	})
}
