package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
)

// examine runs the doctor and returns the states of its steps, and what it says to do.
func (w *world) examine(args ...string) (code int, steps, does map[string]string) {
	w.t.Helper()
	got := w.run(append(args, "doctor", "--output", "json")...)
	var said struct {
		Findings []finding `json:"findings"`
	}
	if err := json.Unmarshal([]byte(got.out), &said); err != nil {
		w.t.Fatalf("%s: %v: %s%s", got.line, err, got.out, got.err)
	}
	steps, does = map[string]string{}, map[string]string{}
	for _, f := range said.Findings {
		if f.State == missing || steps[f.Step] != string(missing) {
			steps[f.Step], does[f.Step] = string(f.State), f.What+" / "+f.Do
		}
	}
	return got.code, steps, does
}

func TestDoctorLooksAtTenantsThatWereAdded(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.login()
	const unknown = "99999999-9999-4999-8999-999999999999"
	add := func(id string) {
		t.Helper()
		if _, err := w.letIn.Add(t.Context(), boss, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	if _, steps, _ := w.examine("--api", w.api); steps["added tenants"] != "" {
		t.Errorf("%v", steps)
	}
	add(abroad)
	if code, steps, does := w.examine("--api", w.api); code != exitOK || steps["added tenants"] != "unknown" || !strings.Contains(does["added tenants"], home) {
		t.Errorf("code %d, %v", code, does)
	}
	w.user = boss
	w.login()
	if code, steps, _ := w.examine("--api", w.api); code != exitOK || steps["added tenants"] != "ok" || steps["tenant"] != "ok" {
		t.Errorf("code %d, %v", code, steps)
	}
	add(unknown)
	if _, steps, does := w.examine("--api", w.api); steps["tenant"] != string(missing) || !strings.Contains(does["tenant"], unknown) {
		t.Errorf("%v", does)
	}
}

func TestDoctor(t *testing.T) {
	t.Run("finds nothing missing where all is set up", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		code, steps, _ := w.examine("--api", w.api)
		if code != exitOK || steps["token"] != "unknown" || steps["tenant"] != "ok" || steps["command line"] != "ok" || steps["web sign-in"] != "ok" ||
			steps["login --device"] != "ok" {
			t.Errorf("code %d, %v", code, steps)
		}
		w.login()
		code, steps, does := w.examine("--api", w.api)
		for _, step := range []string{"tenant", "command line", "web sign-in", "login --device", "token version", "scope", "groups claim", "claims mapping",
			"server", "optional claims"} {
			if steps[step] != "ok" {
				t.Errorf("%s is %s: %s", step, steps[step], does[step])
			}
		}
		if code != exitOK || steps["administrator"] != "unknown" || steps["your mailbox"] != "unknown" {
			t.Errorf("code %d, %v", code, steps)
		}
		w.user = boss
		w.login()
		if _, steps, _ = w.examine("--api", w.api); steps["administrator"] != "ok" {
			t.Errorf("%v", steps)
		}
		w.at("doctor").ok().says("ok       web sign-in", "unknown  credential", "         Do: prefer federated", "Nothing is missing, as far as can be seen.")
	})
	for name, row := range map[string]struct {
		before func(*entrasim.Options)
		after  func(*world)
		login  bool
		step   string
		says   []string
	}{
		"a tenant that is none": {before: func(o *entrasim.Options) { o.Users = o.Users[2:] }, step: "tenant", says: []string{"sign-in-tenants", "AADSTS90002"}},
		"no application of the command line": {before: func(o *entrasim.Options) { o.Apps[1].Client = "99999999-dddd-4ddd-8ddd-dddddddddddd" },
			step: "command line", says: []string{"AADSTS700016", "Mobile and desktop"}},
		"no redirect address of the command line": {before: func(o *entrasim.Options) { o.Apps[1].RedirectURIs = nil },
			step: "command line", says: []string{"AADSTS50011", "http://localhost"}},
		"no permission to sign in": {before: func(o *entrasim.Options) { o.Apps[1].NoSignIn = true },
			step: "command line", says: []string{"AADSTS90008", "User.Read"}},
		"no API": {before: func(o *entrasim.Options) { o.Apps[0].Client = "99999999-dddd-4ddd-8ddd-dddddddddddd" },
			step: "command line", says: []string{"AADSTS500011"}},
		"no redirect address of the web": {before: func(o *entrasim.Options) { o.Apps[0].RedirectURIs = nil },
			step: "web sign-in", says: []string{"AADSTS50011", webBack, "https://assistant.example/auth/signed-out", "Web"}},
		"an application of another tenant": {before: func(o *entrasim.Options) { o.Apps[0].Tenant = abroad }, step: "web sign-in", says: []string{"AADSTS700016"}},
		"tokens of version 1": {before: func(o *entrasim.Options) { o.Apps[0].Version = 1 }, login: true,
			step: "token version", says: []string{`"1.0"`, "requestedAccessTokenVersion"}},
		"a groups claim": {before: func(o *entrasim.Options) { o.Users[0].Groups, o.Apps[0].Optional = 3, []string{"groups"} }, login: true,
			step: "groups claim", says: []string{"remove the groups claim"}},
		"no optional claims": {before: func(o *entrasim.Options) { o.Apps[0].Optional = nil }, login: true, step: "optional claims", says: []string{"upn and email"}},
		"claims mapping": {before: func(o *entrasim.Options) { o.Apps[0].OwnKeys = true }, login: true,
			step: "claims mapping", says: []string{"claims mapping policy"}},
		"consent that was taken back": {before: func(o *entrasim.Options) { o.AccessLifetime = 1e9 }, login: true,
			after: func(w *world) { w.RequireConsent(cliApp, true) }, step: "token", says: []string{"adminconsent?client_id=" + cliApp}},
		"a mailbox that Exchange does not give": {login: true, after: func(w *world) { w.mailbox = fault.New(fault.Forbidden, "not granted in Exchange") },
			step: "your mailbox", says: []string{"not granted in Exchange", "two hours"}},
		"a secret that has ended": {login: true, after: func(w *world) { w.mailbox = fault.New(fault.Setup, "AADSTS7000222") },
			step: "your mailbox", says: []string{"AADSTS7000222", "setup-faults.md"}},
		"a server that does not accept the token": {login: true, after: func(w *world) {
			w.answer = func(r *http.Request) int {
				if r.URL.Path == "/v1/me" {
					return http.StatusUnauthorized
				}
				return 0
			}
		}, step: "server", says: []string{"sign-in-audience"}},
	} {
		t.Run("finds "+name, func(t *testing.T) {
			w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) {
				if row.before != nil {
					row.before(o)
				}
			})
			if row.login {
				w.login()
			}
			if row.after != nil {
				row.after(w)
			}
			code, steps, does := w.examine("--api", w.api)
			if code != exitMissing || steps[row.step] != string(missing) {
				t.Fatalf("code %d, %v", code, does)
			}
			for _, want := range row.says {
				if !strings.Contains(does[row.step], want) {
					t.Errorf("%s says %s, not %s", row.step, does[row.step], want)
				}
			}
		})
	}
	t.Run("says what does not apply", func(t *testing.T) {
		w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Apps[1].NoPublicFlows = true })
		if code, steps, _ := w.examine("--api", w.api); code != exitOK || steps["login --device"] != "n/a" {
			t.Errorf("code %d, %v", code, steps)
		}
		one := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			rw.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(rw).Encode(problem{Code: "not_found", Detail: "this server asks for no sign-in"})
		}))
		defer one.Close()
		if code, steps, _ := w.examine("--api", one.URL); code != exitOK || steps["sign-in"] != "n/a" {
			t.Errorf("code %d, %v", code, steps)
		}
		if code, steps, _ := w.examine("--local"); code != exitOK || steps["sign-in"] != "n/a" || steps["mailboxes"] != "n/a" {
			t.Errorf("code %d, %v", code, steps)
		}
	})
	t.Run("fails where it could not be found out", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.Break(entrasim.Discovery, 503)
		w.at("doctor").fails(exitFailed, "try again later")
		w.Mend(entrasim.Discovery)
		w.Break(entrasim.Authorize, 0)
		w.at("doctor").fails(exitFailed, "does not answer")
		w.run("--api", "http://127.0.0.1:1", "doctor").fails(exitFailed)
	})
	t.Run("asks for no token and shows none", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.login()
		w.at("doctor")
		if w.carried[w.URL()] != "" {
			t.Error("a token was sent to the sign-in service")
		}
	})
}

func TestDoctorLooksAtTheApplicationOfThisMachine(t *testing.T) {
	for name, row := range map[string]struct {
		permissions []string
		err         error
		step        string
		want        state
	}{
		"that Exchange alone lets in":             {nil, nil, "Graph permissions", done},
		"with another permission":                 {[]string{"User.Read.All"}, nil, "Graph permissions", done},
		"that reaches all mailboxes":              {[]string{"Calendars.ReadWrite"}, nil, "Graph permissions", missing},
		"that reads the settings of all":          {[]string{"MailboxSettings.Read"}, nil, "Graph permissions", missing},
		"whose secret has ended":                  {nil, fault.New(fault.Setup, "AADSTS7000222"), "mailboxes", missing},
		"that signs in, so far as can be seen":    {nil, nil, "mailboxes", done},
		"of which Exchange knows where it may go": {nil, nil, "Exchange", unseen},
	} {
		t.Run(name, func(t *testing.T) {
			d := &doctor{program: &program{}}
			if err := d.lookAtApplication(t.Context(), func(context.Context) ([]string, error) { return row.permissions, row.err }); err != nil {
				t.Fatal(err)
			}
			for _, f := range d.found {
				if f.Step == row.step && f.State != row.want {
					t.Errorf("%+v", f)
				}
			}
			if len(d.found) == 0 {
				t.Error("nothing is found")
			}
		})
	}
	d := &doctor{program: &program{}}
	if err := d.lookAtApplication(t.Context(), func(context.Context) ([]string, error) { return nil, fault.New(fault.Unavailable, "later") }); err == nil {
		t.Error("what could not be found out is no failure")
	}
}
