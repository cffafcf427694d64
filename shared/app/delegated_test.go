package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/action"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
)

// acting is the whole system where it acts for its users at Microsoft 365, both of whose sides are simulated, and a user with a browser.
type acting struct {
	*watched
	entra   *entrasim.Server
	mailbox *graphsim.Server
	doors   *system // the API's process, which cannot open tokens
	browser *http.Client
	site    string
	later   time.Duration // than the machine's clock
}

func act(t *testing.T, around ...func(store.Table) store.Table) *acting {
	t.Helper()
	const back = "https://calendar.example.com/auth/callback"
	a := &acting{mailbox: graphsim.New(graphsim.Options{})}
	clock := func() time.Time { return time.Now().Add(a.later) }
	a.watched = &watched{one: openOneAt(t, clock, around...), user: annKey, folder: t.TempDir()}
	must(t, a.mailbox.AddMailbox(graphsim.Mailbox{ID: plantedObject, Address: "ann@example.com", Name: "Ann", TimeZone: "UTC"}))
	remote := httptest.NewServer(a.mailbox)
	t.Cleanup(remote.Close)
	a.entra = entrasim.New(entrasim.Options{
		Apps:  []entrasim.App{{Client: plantedClient, Secret: "secret", RedirectURIs: []string{back}}},
		Users: []entrasim.User{{Tenant: plantedTenant, Object: plantedObject, Name: "Ann", Username: "ann@example.com"}},
		Clock: clock, Strict: true, AccessLifetime: time.Minute, // so that every run has to refresh its token
	})
	listener, err := a.entra.StartTLS("")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	client := func() *once[*microsoft.Client] {
		return &once[*microsoft.Client]{make: func(context.Context) (*microsoft.Client, error) {
			return microsoft.New(microsoft.Options{
				Authority: listener.URL, Client: plantedClient, Secret: "secret", RedirectURL: back, Tenants: []string{plantedTenant}, HTTPClient: listener.Client,
				Table: a.table, Keeper: secret.New(wrapper, clock, secret.Limits{}), Clock: clock,
			})
		}}
	}
	a.settings.GraphDelegated, a.settings.GraphURL = true, remote.URL+"/v1.0"
	a.keeper = testKeeper()
	a.connect(fromSettings(a.settings))
	a.providers.users = client()
	a.doors = &system{
		settings: a.settings, log: a.log, clock: a.clock, table: a.table, blobs: a.blobs, archives: a.archives, backups: a.backups,
		notices: a.notices,
	}
	a.doors.keeper = testKeeper()
	a.doors.connect(fromSettings(a.settings))
	a.doors.providers.users, a.doors.providers.sealed = client(), true
	a.doors.signIn = (&Function{system: *a.doors}).newSignIn()
	site := httptest.NewTLSServer(a.doors.api(func(*http.Request) (account.Principal, error) {
		return account.Principal{Tenant: plantedTenant, Object: plantedObject, Name: "Ann"}, nil
	}))
	t.Cleanup(site.Close)
	a.site = site.URL
	jar, err := cookiejar.New(nil)
	must(t, err)
	roots := listener.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs
	roots.AddCert(site.Certificate())
	a.browser = &http.Client{
		Jar: jar, Transport: listener.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a
}

// signsIn has the user sign in with the browser.
func (a *acting) signsIn() {
	t := a.t
	t.Helper()
	to := func(res *http.Response, err error) *url.URL {
		t.Helper()
		must(t, err)
		res.Body.Close()
		at, err := res.Location()
		if err != nil {
			t.Fatalf("%s leads nowhere: %d", res.Request.URL.Path, res.StatusCode)
		}
		return at
	}
	page := to(a.browser.Get(a.site + "/auth/login"))
	for range 2 { // once more when the organisation wants to see more
		back := to(a.browser.PostForm(page.String(), url.Values{"user": {plantedObject}}))
		if page = to(a.browser.Get(a.site + back.RequestURI())); page.Path == "/" {
			return
		}
	}
	t.Fatalf("not signed in, but led to %s", page)
}

// asks sends a request of the user's command line and returns the answer.
func (a *acting) asks(method, path, body string) map[string]any {
	t := a.t
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.site+path, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Authorization", "Bearer of Ann")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("If-Match", "*")
	res, err := a.browser.Do(r)
	must(t, err)
	defer res.Body.Close()
	var v map[string]any
	_ = json.NewDecoder(res.Body).Decode(&v) // an answer without a body has no fields
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %d %v", method, path, res.StatusCode, v)
	}
	return v
}

// job makes a nightly job and returns its id.
func (a *acting) job(kind run.Kind, config string) string {
	a.t.Helper()
	return fmt.Sprint(a.asks("POST", "/v1/jobs",
		`{"kind": "`+string(kind)+`", "config": "`+config+`", "jitter": 0, "schedule": {"repeat": "daily", "at": "02:00", "zone": "UTC"}}`)["id"])
}

// night lets the next night pass, and returns the runs that were started in it, by their kinds.
func (a *acting) night() map[run.Kind]*run.Run {
	t := a.t
	t.Helper()
	now := a.clock().UTC()
	due := now.Truncate(24 * time.Hour).Add(2 * time.Hour)
	if !due.After(now) {
		due = due.AddDate(0, 0, 1)
	}
	a.later += due.Sub(now)
	before, _, err := a.runs.List(t.Context(), annKey, "", 100, "")
	must(t, err)
	_, err = a.dispatcher().Tick(t.Context())
	must(t, err)
	a.work()
	after, _, err := a.runs.List(t.Context(), annKey, "", 100, "")
	must(t, err)
	known := map[string]bool{}
	for _, r := range before {
		known[r.ID] = true
	}
	runs := map[run.Kind]*run.Run{}
	for _, r := range after {
		if !known[r.ID] {
			runs[r.Kind] = r
		}
	}
	return runs
}

// TestASignInThatEnds lives through it from the night on which Microsoft refuses the user's token to the morning after the user has signed in again.
func TestASignInThatEnds(t *testing.T) {
	for name, end := range map[string]func(*acting){
		"because it was revoked":                                 func(a *acting) { a.entra.Revoke(plantedObject) },
		"because the organisation wants to see more of the user": func(a *acting) { a.entra.RequireClaims(plantedObject) },
	} {
		t.Run(name, func(t *testing.T) {
			a := act(t)
			a.signsIn()
			a.asks("PUT", "/v1/me/settings",
				`{"email": "ann@example.com", "notifications": {"problems": {"in_app": true, "email": true}, "sign_in": {"in_app": true, "email": true}}}`)
			config := func(name string) string {
				return fmt.Sprint(a.asks("POST", "/v1/archive-configs",
					`{"name": "`+name+`", "source": "msgraph://ann@example.com/calendars/primary", `+
						`"archive": "msgraph://ann@example.com/calendars/`+name+`", "timezone": "UTC"}`)["id"])
			}
			work, idle := config("work"), config("idle")
			nightly := []string{a.job(run.Archive, work), a.job(run.Backup, work)}
			a.night() // which leaves a backup to drill with
			nightly = append(nightly, a.job(run.Drill, work))
			rests, stopped := a.job(run.Archive, idle), a.job(run.Backup, work)
			a.asks("POST", "/v1/archive-configs/"+idle+"/deactivate", "")
			a.asks("POST", "/v1/jobs/"+stopped+"/pause", "")
			are := func(state job.State, why job.Reason) {
				t.Helper()
				for _, id := range nightly {
					a.jobIs(&job.Job{ID: id}, state, why)
				}
				a.jobIs(&job.Job{ID: rests}, job.Paused, job.ConfigInactive)
				a.jobIs(&job.Job{ID: stopped}, job.Paused, job.ByUser)
			}
			went := func(state run.State) {
				t.Helper()
				runs := a.night()
				for _, kind := range []run.Kind{run.Archive, run.Backup, run.Drill} {
					if r := runs[kind]; r == nil || r.State != state {
						t.Errorf("%s: %s %+v", a.clock().Format(time.DateOnly), kind, r)
					}
				}
			}
			went(run.Succeeded)
			are(job.Active, "")
			if len(a.actions("")) != 0 || len(a.notes()) != 0 {
				t.Fatalf("after a good night: %+v, %+v", a.actions(""), a.notes())
			}

			end(a)
			went(run.Failed)
			restored := fmt.Sprint(a.asks("POST", "/v1/restores",
				`{"into": "msgraph://ann@example.com/calendars/Restored", "create_calendar": true, "backup": "`+a.newest()+`"}`)["id"])
			a.work()
			if r, err := a.runs.Get(t.Context(), annKey, restored); err != nil || r.State != run.Failed {
				t.Errorf("the restore: %+v, %v", r, err)
			}
			are(job.Paused, job.SignInNeeded)
			if open, notes := a.actions(""), a.notes(); len(open) != 1 || open[0].Kind != action.SignInNeeded || open[0].State != action.Open ||
				len(notes) != 1 || notes[0].Class != notify.SignIn {
				t.Errorf("after a bad night: %+v, %+v", open, notes)
			}
			a.mailed(1)
			if runs := a.night(); len(runs) != 0 {
				t.Errorf("jobs that are paused started %+v", runs)
			}

			a.signsIn()
			are(job.Active, "")
			if all, notes := a.actions(""), a.notes(); len(all) != 1 || all[0].State != action.Resolved || len(notes) != 1 || notes[0].State != "done" {
				t.Errorf("after the sign-in: %+v, %+v", all, notes)
			}
			went(run.Succeeded)
			a.mailed(1)
			a.mailbox.AssertNobodyInvited(t)
		})
	}
}

// newest is the id of the user's newest backup.
func (a *acting) newest() string {
	a.t.Helper()
	items, _ := a.asks("GET", "/v1/backups", "")["items"].([]any)
	if len(items) == 0 {
		a.t.Fatal("there is no backup")
	}
	return fmt.Sprint(items[0].(map[string]any)["id"])
}
