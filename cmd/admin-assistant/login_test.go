package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/bearer"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/session"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/audit"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/flag"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/idempotency"
	"adminassistant/shared/job"
	"adminassistant/shared/notify"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/timesheet"
)

const (
	home   = "11111111-1111-4111-8111-111111111111" // the tenant whose users are let in
	abroad = "22222222-2222-4222-8222-222222222222"
	ann    = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	boss   = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb" // administrator of home
	eve    = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee" // of the other tenant
	apiApp = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
	cliApp = "dddddddd-dddd-4ddd-8ddd-dddddddddddd"

	webBack = "https://assistant.example/auth/callback"
)

// world is a sign-in service over TLS, a server that asks for its tokens, and a user's folder of sign-ins.
type world struct {
	*entrasim.Server
	t       *testing.T
	api     string
	version string // of the API
	folder  string
	user    string // who signs in, by object id; empty: who cancels
	inner   http.RoundTripper

	users  *account.Users // of the API, unless it is deployed
	letIn  *tenant.Tenants
	mailer *notify.Mailer

	mu       sync.Mutex
	secrets  map[string]bool         // all tokens and codes that were on the wire
	told     bytes.Buffer            // all that was printed
	calls    []string                // requests to servers, with the scheme and host
	carried  map[string]string       // the last token that was sent to each scheme and host
	answer   func(*http.Request) int // answers a request to a server in its place with a status; 0: does not
	claims   string                  // of the last request for a device code
	mailbox  error                   // why mailboxes cannot be reached; nil: they were not listed yet
	answered func(endpoint string)   // told of what the sign-in service has answered
}

func newWorld(t *testing.T, o entrasim.Options, tenants ...string) *world {
	t.Helper()
	return newWorldWith(t, o, func(*entrasim.Options) {}, tenants...)
}

func newWorldWith(t *testing.T, o entrasim.Options, change func(*entrasim.Options), tenants ...string) *world {
	t.Helper()
	for _, name := range []string{"ADMIN_ASSISTANT_TOKEN", "ADMIN_ASSISTANT_API"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	w := &world{t: t, folder: filepath.Join(t.TempDir(), "config", "admin-assistant"), user: ann, secrets: map[string]bool{}, carried: map[string]string{}}
	o.Users = []entrasim.User{
		{Tenant: home, Object: ann, Name: "Ann", Username: "ann@home.example"},
		{Tenant: home, Object: boss, Name: "Boss", Username: "boss@home.example", Roles: []string{"admin"}},
		{Tenant: abroad, Object: eve, Name: "Eve", Username: "eve@abroad.example"},
	}
	o.Apps = []entrasim.App{
		{Client: apiApp, Secret: "web secret", RedirectURIs: []string{webBack}, Version: 2, Optional: []string{"email"}},
		{Client: cliApp, RedirectURIs: []string{"http://localhost"}},
	}
	change(&o)
	w.Server = entrasim.New(o)
	l, err := w.StartTLS("")
	if err != nil {
		t.Fatal(err)
	}
	w.inner = l.Client.Transport
	if len(tenants) == 0 {
		tenants = []string{home}
	}
	t.Cleanup(w.nothingTold)
	t.Cleanup(func() { _ = l.Close() })
	if w.version = "1.2.3"; deployed != nil {
		w.api, w.version = deployed.api(t, l, tenants), "dev"
	} else {
		w.api = w.serveHere(t, l, tenants, o)
	}
	return w
}

// serveHere starts an API that takes the tokens of a sign-in service, and returns its address.
func (w *world) serveHere(t *testing.T, l *entrasim.Listener, tenants []string, o entrasim.Options) string {
	t.Helper()
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	w.letIn = tenant.New(table, tenants, time.Now)
	verifier, err := bearer.New(bearer.Options{
		Authority: l.URL, Audiences: []string{apiApp}, Clients: []string{apiApp, cliApp}, Tenants: tenants, Lets: w.letIn.Lets, HTTPClient: l.Client,
		Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	scope := apiApp + "/access_as_user"
	if o.Apps[1].NoSignIn { // which matters where the command line's application is the API's own
		scope = cliApp + "/access_as_user"
	}
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	web, err := microsoft.New(microsoft.Options{
		Authority: l.URL, Client: apiApp, Secret: "web secret", RedirectURL: webBack, Tenants: tenants, HTTPClient: l.Client, Table: table,
		Keeper: secret.New(wrapper, time.Now, secret.Limits{}), Clock: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	newID := func() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }
	users := account.NewUsers(table, time.Now)
	notifications := notify.New(table, nil, time.Now) // nobody is told by e-mail
	w.users, w.mailer = users, &notify.Mailer{Notifications: notifications, Profile: users.Of, Clock: time.Now}
	server := httptest.NewServer(httpapi.New(httpapi.Services{
		Notifications: notifications,
		Tenants:       w.letIn,
		Timesheets:    &timesheet.Sheets{Table: table, Clock: time.Now},
		Flags:         flag.New(table, time.Now), Users: users, Eraser: account.NewEraser(users),
		Jobs: job.New(table, nil, newID, time.Now), Audit: audit.New(table, time.Now, newID),
		Requests: idempotency.New(table, time.Now), Clock: time.Now, NewID: newID, Log: zerolog.Nop(), Version: "1.2.3",
		Authenticate: verifier.Authenticate, SignIn: web, Sessions: session.New(table, time.Now), Attempts: session.NewAttempts(table, time.Now),
		Provider: func(context.Context, string, calendar.URI) (httpapi.Provider, error) {
			if w.mailbox != nil {
				return nil, w.mailbox
			}
			return listing.New(table).Of(home + "#" + ann), nil
		},
		CLI: httpapi.CLISignIn{Authority: l.URL, Client: cliApp, Scope: scope, Tenants: tenants},
	}))
	t.Cleanup(func() {
		server.Close()
		_ = table.Close()
	})
	return server.URL
}

// RoundTrip carries requests of programs and browsers.
func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	origin := r.URL.Scheme + "://" + r.URL.Host
	if origin == w.URL() {
		return w.askSignIn(r)
	}
	w.mu.Lock()
	w.calls = append(w.calls, origin)
	if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token != "" {
		w.carried[origin] = token
	}
	answer := w.answer
	w.mu.Unlock()
	if answer != nil {
		if status := answer(r); status != 0 {
			return &http.Response{
				StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Location": {"http://127.0.0.1:1/elsewhere"}}, Body: http.NoBody,
				Request: r,
			}, nil
		}
	}
	return w.inner.RoundTrip(r)
}

func (w *world) askSignIn(r *http.Request) (*http.Response, error) {
	endpoint := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, _ := url.ParseQuery(string(text))
		if endpoint == "devicecode" {
			w.claims = form.Get("claims")
		}
		w.note(form.Get("code"), form.Get("code_verifier"), form.Get("device_code"))
		r.Body = io.NopCloser(bytes.NewReader(text))
	}
	got, err := w.inner.RoundTrip(r)
	if w.answered != nil {
		w.answered(endpoint)
	}
	if r.Context().Err() != nil { // whoever asked has gone
		return nil, r.Context().Err()
	}
	if err != nil || !strings.HasPrefix(got.Header.Get("Content-Type"), "application/json") {
		return got, err
	}
	text, err := io.ReadAll(got.Body)
	got.Body.Close()
	got.Body = io.NopCloser(bytes.NewReader(text))
	var held map[string]any
	_ = json.Unmarshal(text, &held)
	for _, name := range []string{"access_token", "refresh_token", "id_token", "device_code"} {
		secret, _ := held[name].(string)
		w.note(secret)
	}
	return got, err
}

func (w *world) note(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range secrets {
		if s != "" {
			w.secrets[s] = true
		}
	}
}

// nothingTold demands that no secret was printed, nor is readable for others.
func (w *world) nothingTold() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for s := range w.secrets {
		if bytes.Contains(w.told.Bytes(), []byte(s)) {
			w.t.Errorf("a secret was printed:\n%s", w.told.String())
		}
	}
	_ = filepath.WalkDir(filepath.Dir(w.folder), func(name string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil // there is no folder
		}
		info, err := entry.Info()
		want := os.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != want {
			w.t.Errorf("%s has mode %v, want %v: %v", name, info.Mode().Perm(), want, err)
		}
		if strings.HasPrefix(entry.Name(), ".") {
			w.t.Errorf("%s was left behind", name)
		}
		return nil
	})
}

// signsIn is a browser in which the user signs in.
func (w *world) signsIn(address string) error {
	browser := &http.Client{Transport: w}
	page, err := browser.Get(address)
	if err != nil {
		return err
	}
	page.Body.Close()
	form := url.Values{"user": {w.user}}
	if w.user == "" {
		form = url.Values{"cancel": {"1"}}
	}
	end, err := browser.PostForm(address, form)
	if err != nil {
		return err
	}
	defer end.Body.Close()
	w.note(end.Request.URL.Query().Get("code"))
	return nil
}

// prompt is a program's error output, in which a user with another machine looks for a code.
type prompt struct {
	bytes.Buffer
	w *world
}

var deviceCode = regexp.MustCompile(`open (\S+) in any browser and enter the code (\S+)`)

func (p *prompt) Write(text []byte) (int, error) {
	if found := deviceCode.FindSubmatch(text); found != nil {
		form := url.Values{"user_code": {string(found[2])}, "user": {p.w.user}}
		if p.w.user == "" {
			form.Set("cancel", "1")
		}
		answer, err := (&http.Client{Transport: p.w}).PostForm(string(found[1]), form)
		if err != nil {
			return 0, err
		}
		answer.Body.Close()
	}
	return p.Buffer.Write(text)
}

// run runs a command line as a process of its own would.
func (w *world) run(args ...string) result {
	w.t.Helper()
	return w.runIn(w.t.Context(), args...)
}

func (w *world) runIn(ctx context.Context, args ...string) result {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var out bytes.Buffer
	errs := &prompt{w: w}
	p := &program{in: strings.NewReader(""), out: &out, err: errs, signIns: signIns{w.folder}, transport: w, browse: w.signsIn}
	code := p.execute(ctx, args)
	if p.opened != nil {
		if err := p.opened.Close(); err != nil {
			w.t.Error(err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(&w.told, "%q\n%s%s", args, out.String(), errs.String())
	return result{t: w.t, line: strings.Join(args, " "), code: code, out: out.String(), err: errs.String()}
}

// at runs a command on the server.
func (w *world) at(args ...string) result {
	w.t.Helper()
	return w.run(append([]string{"--api", w.api}, args...)...)
}

// login signs in.
func (w *world) login(args ...string) result {
	w.t.Helper()
	got := w.at(append([]string{"login"}, args...)...)
	if got.code != exitOK {
		w.t.Fatalf("%s: exit code %d\n%s%s", got.line, got.code, got.out, got.err)
	}
	return got
}

// files are the sign-ins that are kept.
func (w *world) files() []string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.folder, "*.json"))
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// lastLine demands that a command failed and ended with one line for the user, after prompts.
func (r result) lastLine(says ...string) {
	r.t.Helper()
	lines := strings.Split(strings.TrimSpace(r.err), "\n")
	r.err = lines[len(lines)-1] + "\n"
	r.fails(exitFailed, says...)
}

func (w *world) asked() int { return w.Requests()[entrasim.Token] }

func TestLogin(t *testing.T) {
	for _, how := range []string{"the browser", "a device code"} {
		t.Run("by "+how+", and later commands are signed in", func(t *testing.T) {
			w := newWorld(t, entrasim.Options{})
			flags := map[string][]string{"the browser": nil, "a device code": {"--device"}}[how]
			w.at("whoami").fails(exitFailed, "nobody is signed in to "+w.api, "sign in with: admin-assistant login --api "+w.api)
			w.login(flags...).says("signed in to " + w.api + " as Ann\n")
			asked := w.asked()
			w.at("whoami").ok().says("Ann", home, ann, w.api, w.version, "user")
			var me struct{ Tenant, Object, Name, Role, Version string }
			w.at("whoami", "--output", "json").ok().decode(&me)
			if me.Tenant != home || me.Object != ann || me.Name != "Ann" || me.Role != "user" || me.Version != w.version {
				t.Errorf("whoami %+v", me)
			}
			if w.asked() != asked {
				t.Errorf("a token that is good was asked for again, %d times", w.asked()-asked)
			}
			if len(w.files()) != 1 {
				t.Errorf("files %q", w.files())
			}
			w.login(append(flags, "--output", "json")...).decode(&me)
		})
		t.Run("by "+how+" is declined, and nothing is kept", func(t *testing.T) {
			w := newWorld(t, entrasim.Options{})
			w.user = ""
			flags := map[string][]string{"the browser": nil, "a device code": {"--device"}}[how]
			w.at(append([]string{"login"}, flags...)...).lastLine("declined")
			if len(w.files()) != 0 {
				t.Errorf("files %q", w.files())
			}
		})
	}
	t.Run("with a profile, which stands for the server", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.run("--profile", "work", "whoami").fails(exitUsage, `no profile "work"`, "admin-assistant login --profile work --api ADDRESS")
		w.login("--profile", "work")
		w.run("--profile", "work", "whoami").ok().says("Ann", w.api)
		w.run("--profile", "work", "--api", w.api+"/", "whoami").ok()
		w.run("--profile", "work", "login") // without its address
		w.at("whoami").fails(exitFailed, "nobody is signed in")
		w.Revoke(ann)
		w.answer = func(*http.Request) int { return http.StatusUnauthorized }
		w.run("--profile", "work", "whoami").fails(exitFailed, "sign in with: admin-assistant login --profile work\n")
	})
	t.Run("at any tenant that the server lets in", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{AccessLifetime: time.Second}, home, abroad)
		w.user = eve
		w.login().says("as Eve")
		w.at("whoami").ok().says(abroad) // refreshed
		w.login("--tenant", strings.ToUpper(abroad)).says("as Eve")
		w.at("whoami").ok().says(abroad)
		w.at("login", "--tenant", apiApp).fails(exitUsage, "--tenant", home, abroad)
	})
	t.Run("by somebody whom the server does not let in keeps nothing", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.login()
		w.answer = func(r *http.Request) int {
			if r.URL.Path == "/v1/me" {
				return http.StatusForbidden
			}
			return 0
		}
		before := mustRead(t, w.files()[0])
		w.at("login").lastLine("Forbidden")
		if !bytes.Equal(before, mustRead(t, w.files()[0])) {
			t.Error("the earlier sign-in was replaced")
		}
	})
	t.Run("to a server of one machine is not needed", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		server := httptest.NewServer(httpapi.New(httpapi.Services{Clock: time.Now, NewID: func() string { return "id" }, Log: zerolog.Nop()}))
		defer server.Close()
		w.run("--api", server.URL, "login").fails(exitFailed, "asks for no sign-in")
		w.run("--local", "login").fails(exitUsage, "--local")
		w.run("--local", "logout").fails(exitUsage, "--local")
		w.run("--local", "--data", filepath.Join(t.TempDir(), "data"), "whoami").ok().says("this machine", "local")
	})
	t.Run("over a network in the clear is refused", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.run("--api", "http://assistant.example", "login").fails(exitUsage, "https")
		if len(w.calls) != 0 {
			t.Errorf("asked %q", w.calls)
		}
	})
	t.Run("where the server asks for tokens that are not for itself is refused", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		good := map[string]any{"authority": "https://login.example", "client_id": cliApp, "scope": "api://" + apiApp + "/access_as_user", "tenants": []string{home}}
		for name, change := range map[string]map[string]any{
			"Microsoft Graph":             {"scope": "https://graph.microsoft.com/.default"},
			"Graph by its id":             {"scope": "00000003-0000-0000-c000-000000000000/Mail.Read"},
			"all of another":              {"scope": apiApp + "/.default"},
			"two scopes":                  {"scope": apiApp + "/access_as_user Mail.Read"},
			"a service in the clear":      {"authority": "http://login.example"},
			"a service with a path":       {"authority": "https://login.example/evil"},
			"a service with a user":       {"authority": "https://login.microsoftonline.com@evil.example"},
			"a client that is none":       {"client_id": "x&redirect_uri=https://evil.example"},
			"no tenant":                   {"tenants": []string{}},
			"a tenant that leads astray":  {"tenants": []string{"../evil"}},
			"a tenant that lets all in":   {"tenants": []string{"common"}},
			"an answer that says nothing": {"authority": "", "client_id": "", "scope": "", "tenants": nil},
		} {
			t.Run(name, func(t *testing.T) {
				w.t = t
				offered := map[string]any{}
				for _, from := range []map[string]any{good, change} {
					for k, v := range from {
						offered[k] = v
					}
				}
				server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(rw).Encode(offered) }))
				defer server.Close()
				w.run("--api", server.URL, "login").fails(exitFailed, "trusted")
			})
		}
		w.t = t
		text, _ := json.Marshal(good)
		var o offer
		if err := json.Unmarshal(text, &o); err != nil || o.check("") != nil {
			t.Errorf("a good one: %v, %v", err, o.check(""))
		}
	})
}

func TestLogout(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.at("logout").ok().says("nobody was signed in")
	w.login()
	w.login("--profile", "work")
	w.run("--profile", "work", "logout").ok().says("signed out")
	w.at("whoami").ok()
	w.at("logout", "--output", "json").ok().says(`"signed_out": true`)
	if len(w.files()) != 0 {
		t.Errorf("files %q", w.files())
	}
	w.at("whoami").fails(exitFailed, "nobody is signed in")
	w.run("--profile", "../../etc/passwd", "logout").fails(exitUsage, "--profile")
}

func TestTokens(t *testing.T) {
	brief := entrasim.Options{AccessLifetime: time.Second, Strict: true} // the library takes such a token for one that is over
	t.Run("are refreshed in silence", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		for range 3 {
			asked := w.asked()
			w.at("whoami").ok()
			if w.asked() != asked+1 {
				t.Errorf("asked %d times", w.asked()-asked)
			}
		}
	})
	t.Run("of two commands at once are refreshed in turn, with the newest refresh token", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				for range 3 {
					if got := w.at("whoami"); got.code != exitOK {
						t.Errorf("exit code %d: %s", got.code, got.err)
					}
				}
			})
		}
		all.Wait()
		w.at("whoami").ok()
	})
	t.Run("are kept by a command that is interrupted while they are refreshed", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		ctx, interrupt := context.WithCancel(t.Context())
		w.answered = func(endpoint string) {
			if endpoint == "token" {
				interrupt()
			}
		}
		if got := w.runIn(ctx, "--api", w.api, "whoami"); got.code != exitFailed {
			t.Errorf("it was not interrupted: %+v", got)
		}
		w.answered = nil
		w.at("whoami").ok()
	})
	t.Run("that the server refuses are refreshed once", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.login()
		w.at("whoami").ok()
		old := w.carried[w.api]
		w.answer = func(r *http.Request) int {
			if r.Header.Get("Authorization") == "Bearer "+old {
				return http.StatusUnauthorized
			}
			return 0
		}
		w.calls = nil
		asked := w.asked()
		w.at("whoami").ok()
		if len(w.calls) != 2 || w.asked() != asked+1 {
			t.Errorf("%d calls, asked %d times", len(w.calls), w.asked()-asked)
		}
		w.answer = func(*http.Request) int { return http.StatusUnauthorized }
		w.calls = nil
		asked = w.asked()
		w.at("whoami").fails(exitFailed, "does not accept the sign-in", "sign in with: admin-assistant login")
		if len(w.calls) != 2 || w.asked() != asked+1 {
			t.Errorf("%d calls, asked %d times", len(w.calls), w.asked()-asked)
		}
	})
	t.Run("that another command has refreshed meanwhile are taken from it", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{Strict: true})
		w.login()
		file := w.files()[0]
		one := &tokens{place: place{api: w.api, file: file}, signIns: signIns{w.folder}, transport: w}
		other := &tokens{place: one.place, signIns: one.signIns, transport: w}
		first, err := one.Token(t.Context(), "")
		if err != nil {
			t.Fatal(err)
		}
		newer, err := other.Token(t.Context(), first)
		if err != nil || newer == first {
			t.Fatalf("refused, and the same again: %v", err)
		}
		asked := w.asked()
		if again, err := one.Token(t.Context(), first); err != nil || again != newer || w.asked() != asked {
			t.Errorf("not that of the other: %v, asked %d times", err, w.asked()-asked)
		}
	})
	t.Run("of a sign-in that was revoked are over, and nobody is asked again", func(t *testing.T) {
		for name, end := range map[string]func(*world){"revoked": func(w *world) { w.Revoke(ann) }, "account disabled": func(w *world) { w.Disable(ann, true) }} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, brief)
				w.login()
				end(w)
				w.at("whoami").fails(exitFailed, "has ended (AADSTS", "sign in with: admin-assistant login")
				asked := w.asked()
				w.at("whoami").fails(exitFailed, "has ended", "sign in with: admin-assistant login")
				var told struct{ Error struct{ Code string } }
				if got := w.at("whoami", "--output", "json"); json.Unmarshal([]byte(got.err), &told) != nil || told.Error.Code != "unauthenticated" {
					t.Errorf("as JSON: %s", got.err)
				}
				if w.asked() != asked {
					t.Error("the service was asked again")
				}
				if text := string(mustRead(t, w.files()[0])); strings.Contains(text, "cache") {
					t.Error("what is good for nothing was kept")
				}
				w.Disable(ann, false)
				w.login()
				w.at("whoami").ok()
			})
		}
	})
	t.Run("for which more is asked come with a sign-in that shows it", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		w.RequireClaims(ann)
		w.at("whoami").fails(exitFailed, "has ended (AADSTS50076)", "sign in with")
		w.user = ""
		w.at("login").lastLine("declined") // and what has to be shown is not forgotten
		w.at("login", "--device").lastLine("declined")
		if !strings.Contains(w.claims, "capolids") {
			t.Errorf("the device showed %q", w.claims)
		}
		w.user = ann
		w.login()
		w.at("whoami").ok()
	})
	t.Run("of a service that is away are not over", func(t *testing.T) {
		for name, status := range map[string]int{"an error": 503, "too many": 429, "a cut connection": 0, "a redirect": 302} {
			t.Run(name, func(t *testing.T) {
				w := newWorld(t, brief)
				w.login()
				w.Break(entrasim.Token, status)
				if got := w.at("whoami"); got.code != exitFailed || strings.Contains(got.err, "admin-assistant login") {
					t.Errorf("exit code %d: %s", got.code, got.err)
				}
				w.Mend(entrasim.Token)
				w.at("whoami").ok()
			})
		}
	})
	t.Run("from a file that is something else are none", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		file := w.files()[0]
		good := mustRead(t, file)
		for name, text := range map[string]string{
			"nothing":       "",
			"half of it":    string(good[:len(good)/2]),
			"another thing": `{"a": 1}`,
			"no cache":      regexp.MustCompile(`"cache":.*`).ReplaceAllString(string(good), `"cache":{}}`),
		} {
			t.Run(name, func(t *testing.T) {
				w.t = t
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				w.at("whoami").fails(exitFailed, "sign in with: admin-assistant login")
				w.login()
				w.at("whoami").ok()
			})
		}
		w.t = t
	})
}

func TestTokensAreForOneServer(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	w.login()
	w.login("--profile", "work")
	quiet := func(t *testing.T, origin string) {
		t.Helper()
		w.t = t
		if token := w.carried[origin]; token != "" {
			t.Errorf("a token was sent to %s", origin)
		}
	}
	t.Run("a profile is not used for another one", func(t *testing.T) {
		w.t = t
		w.run("--profile", "work", "--api", other.URL, "whoami").fails(exitUsage, "profile", w.api, other.URL)
		quiet(t, other.URL)
	})
	t.Run("another one has no sign-in", func(t *testing.T) {
		w.run("--api", other.URL, "whoami")
		quiet(t, other.URL)
	})
	t.Run("a file under the name of another one's is not used for it", func(t *testing.T) {
		w.t = t
		mine := signIns{w.folder}
		if err := os.WriteFile(mine.ofAPI(other.URL), mustRead(t, mine.ofAPI(w.api)), 0o600); err != nil {
			t.Fatal(err)
		}
		w.run("--api", other.URL, "whoami").fails(exitFailed, "another server")
		quiet(t, other.URL)
	})
	t.Run("a redirect is not followed", func(t *testing.T) {
		for _, status := range []int{301, 302, 307, 308} {
			w.t = t
			w.calls = nil
			w.answer = func(*http.Request) int { return status }
			w.at("whoami").fails(exitFailed, w.api)
			w.answer = nil
			if !slices.Equal(w.calls, []string{w.api}) {
				t.Errorf("called %q", w.calls)
			}
		}
	})
	t.Run("a path does not lead to another one", func(t *testing.T) {
		w.calls = nil
		c, err := newClient("https://assistant.example", w)
		if err != nil {
			t.Fatal(err)
		}
		c.credentials = fixedToken{token: "secret"}
		for _, path := range []string{"@evil.example/", ".evil.example/", ":444/"} {
			if _, err := c.do(t.Context(), request{method: http.MethodGet, path: path}, nil); err == nil || len(w.calls) != 0 {
				t.Errorf("%s: %v, called %q", path, err, w.calls)
			}
		}
	})
	t.Run("the sign-in service has to stay the same", func(t *testing.T) {
		s := &sender{host: "login.example", transport: w}
		w.calls = nil
		for _, address := range []string{"https://evil.example/token", "http://login.example/token", "https://login.example.evil.example/"} {
			r, err := http.NewRequest(http.MethodPost, address, strings.NewReader("refresh_token=secret"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Do(r); err == nil || len(w.calls) != 0 {
				t.Errorf("%s: %v, called %q", address, err, w.calls)
			}
		}
	})
}

func TestFixedToken(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	token := w.Token(ann)
	w.note(token)
	t.Setenv(tokenVariable, token)
	w.at("whoami").ok().says("Ann")
	w.at("login").fails(exitUsage, tokenVariable, "unset")
	if len(w.files()) != 0 {
		t.Errorf("files %q", w.files())
	}
	w.run("--local", "--data", filepath.Join(t.TempDir(), "data"), "whoami").ok().says("this machine")
	w.run("--api", "http://assistant.example", "whoami").fails(exitUsage, "https")
	if w.carried["http://assistant.example"] != "" {
		t.Error("the token was sent in the clear")
	}
	t.Setenv(tokenVariable, "another")
	w.calls = nil
	w.at("whoami").fails(exitFailed, "does not accept "+tokenVariable)
	if len(w.calls) != 1 {
		t.Errorf("called %q", w.calls)
	}
	t.Setenv(tokenVariable, "two words")
	w.at("whoami").fails(exitUsage, tokenVariable)
}

func TestLanding(t *testing.T) {
	l, err := land("the-state")
	if err != nil {
		t.Fatal(err)
	}
	defer l.close()
	port := strings.TrimPrefix(l.address, "http://localhost:")
	at := "http://127.0.0.1:" + port
	t.Run("listens on the loopback of IPv4 and nowhere else", func(t *testing.T) {
		addresses, err := net.InterfaceAddrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addresses {
			host, _, err := net.ParseCIDR(a.String())
			if err != nil || host.Equal(net.IPv4(127, 0, 0, 1)) {
				continue
			}
			if conn, err := net.DialTimeout("tcp", net.JoinHostPort(host.String(), port), time.Second); err == nil {
				conn.Close()
				t.Errorf("it listens on %s", host)
			}
		}
	})
	for _, tt := range []struct {
		name, method, path, host string
		status                   int
	}{
		{"another state", "GET", "/?code=evil&state=other", "", 400},
		{"no state", "GET", "/?code=evil", "", 400},
		{"an error with another state", "GET", "/?error=access_denied&state=other", "", 400},
		{"no code", "GET", "/?state=the-state", "", 400},
		{"a form", "POST", "/?code=evil&state=the-state", "", 405},
		{"another page", "GET", "/favicon.ico?code=evil&state=the-state", "", 404},
		{"another host", "GET", "/?code=evil&state=the-state", "evil.example", 421},
		{"the right one", "GET", "/?code=right&state=the-state", "", 200},
		{"a second one", "GET", "/?code=evil&state=the-state", "", 409},
	} {
		t.Run(fmt.Sprintf("%s is answered %d", tt.name, tt.status), func(t *testing.T) {
			r, err := http.NewRequest(tt.method, at+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = tt.host
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			text, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != tt.status || bytes.Contains(text, []byte("evil")) || bytes.Contains(text, []byte("the-state")) {
				t.Errorf("got %d %s: %v", answer.StatusCode, text, err)
			}
		})
	}
	if code, err := l.wait(t.Context()); err != nil || code != "right" {
		t.Errorf("got %q, %v", code, err)
	}
	t.Run("brings what was refused", func(t *testing.T) {
		l.arrived <- url.Values{"error": {"access_denied"}, "error_description": {"AADSTS90094: <b>secret</b>"}}
		if _, err := l.wait(t.Context()); err == nil || !strings.Contains(err.Error(), "AADSTS90094") || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("gives up in time", func(t *testing.T) {
		for want, limit := range map[string]time.Duration{"in time": 0, "interrupted": time.Hour} {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			if limit > 0 {
				cancel()
			}
			if _, err := l.wait(ctx); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
			cancel()
		}
	})
}

func TestAPIAddress(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:8080":                 "http://127.0.0.1:8080",
		"HTTPS://Assistant.Example/":            "https://assistant.example",
		"https://assistant.example:443/prod/":   "https://assistant.example/prod",
		"http://[::1]:80":                       "http://[::1]",
		"http://assistant.example:443":          "http://assistant.example:443",
		"https://user:secret@assistant.example": "",
		"https://assistant.example?x=1":         "",
		"https://assistant.example#x":           "",
		"https://:443":                          "",
		"ftp://assistant.example":               "",
		"assistant.example":                     "",
		"":                                      "",
	} {
		got, err := apiAddress(text)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", text, got, err, want)
		}
		if want != "" {
			if again, err := apiAddress(got); again != got || err != nil {
				t.Errorf("%q: again %q, %v", got, again, err)
			}
		}
	}
}
