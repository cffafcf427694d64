package httpapi

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/account/bearer"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/session"
	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

const (
	webClient = "dddddddd-dddd-4ddd-8ddd-0000000000aa"
	site      = "https://example.com" // where the API is, for browsers
	ann       = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	bob       = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
)

// web is the API with a sign-in service, both over TLS, in the way in which browsers see them.
type web struct {
	*service
	sim     *entrasim.Server
	signIn  *changed
	address string // of the API
	trusted *x509.CertPool
	metrics *logBuffer
}

// changed is the real sign-in, of which a test may change what is asked and what comes back.
type changed struct {
	*microsoft.Client
	ask    func(*microsoft.Request)
	state  microsoft.State
	redeem func(microsoft.Response) error
}

func (c *changed) Begin(ctx context.Context, user string, r microsoft.Request) (string, error) {
	if user != "" {
		r.Claims = c.state.Claims
	}
	if c.ask != nil {
		c.ask(&r)
	}
	return c.Client.URL(ctx, r), nil
}

func (c *changed) Redeem(ctx context.Context, r microsoft.Response) (microsoft.Identity, error) {
	if c.redeem != nil {
		if err := c.redeem(r); err != nil {
			return microsoft.Identity{}, err
		}
	}
	return c.Client.Redeem(ctx, r)
}

func newWeb(t testing.TB, change ...func(*web, *Services)) *web {
	t.Helper()
	w := &web{metrics: &logBuffer{}}
	w.service = newService(t)
	services := w.services
	w.sim = entrasim.New(entrasim.Options{
		Users: []entrasim.User{
			{Tenant: homeTenant, Object: ann, Name: "Ann", Username: "ann@home.example"},
			{Tenant: homeTenant, Object: bob, Name: "Bob", Username: "bob@home.example", Roles: []string{"admin"}},
		},
		Apps: []entrasim.App{{
			Client: webClient, Secret: "web secret", RedirectURIs: []string{site + "/auth/callback", site + "/auth/signed-out"}, Version: 2,
			Optional: []string{"login_hint"},
		}},
		Clock: services.Clock,
	})
	listener, err := w.sim.StartTLS("")
	check(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	check(t, err)
	client, err := microsoft.New(microsoft.Options{
		Authority: listener.URL, Client: webClient, Secret: "web secret", RedirectURL: site + "/auth/callback", Tenants: []string{homeTenant},
		HTTPClient: listener.Client,
		Table:      w.table, Keeper: secret.New(wrapper, services.Clock, secret.Limits{}), Clock: services.Clock,
	})
	check(t, err)
	verifier, err := bearer.New(bearer.Options{
		Authority: listener.URL, Audiences: []string{webClient}, Clients: []string{webClient}, Tenants: []string{homeTenant},
		HTTPClient: listener.Client, Clock: services.Clock,
	})
	check(t, err)
	w.signIn = &changed{Client: client}
	services.CLI.Scope = webClient + "/access_as_user"
	services.SignIn, services.Sessions, services.Authenticate = w.signIn, session.New(w.table, services.Clock), verifier.Authenticate
	services.Attempts = session.NewAttempts(w.table, services.Clock)
	services.Metrics = telemetry.NewMetrics(w.metrics, "test", services.Clock)
	for _, c := range change {
		c(w, &services)
	}
	w.services = services
	server := httptest.NewTLSServer(New(services))
	t.Cleanup(server.Close)
	w.address = server.Listener.Addr().String()
	w.trusted = listener.Client.Transport.(*http.Transport).TLSClientConfig.RootCAs.Clone()
	w.trusted.AddCert(server.Certificate())
	return w
}

// run is a part of a test about the same service.
func (w *web) run(t *testing.T, name string, part func(*testing.T)) {
	t.Helper()
	t.Run(name, func(sub *testing.T) {
		w.t = sub
		defer func() { w.t = t }()
		part(sub)
	})
}

// failures is how many refused credentials were counted.
func (w *web) failures() int {
	return strings.Count(w.metrics.String(), string(telemetry.SignInFailures)+`":1`)
}

// browser keeps cookies and follows redirects, as browsers do, and remembers what it was answered.
type browser struct {
	*web
	client *http.Client
	jar    *cookiejar.Jar
	seen   []*http.Response
}

func (w *web) browser() *browser {
	b := &browser{web: w}
	var err error
	b.jar, err = cookiejar.New(nil)
	check(w.t, err)
	dialer := &net.Dialer{}
	b.client = &http.Client{Jar: b.jar, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: w.trusted, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "example.com:443" {
				address = w.address
			}
			return dialer.DialContext(ctx, network, address)
		},
	}}
	w.t.Cleanup(b.client.CloseIdleConnections)
	return b
}

// send sends a request, and does not follow where it leads.
func (b *browser) send(method, at, body string, header ...string) answer {
	b.t.Helper()
	if strings.HasPrefix(at, "/") {
		at = site + at
	}
	req, err := http.NewRequestWithContext(b.t.Context(), method, at, strings.NewReader(body))
	check(b.t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		if req.Header.Set(header[i], header[i+1]); header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	client := *b.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(req)
	check(b.t, err)
	defer res.Body.Close()
	b.seen = append(b.seen, res)
	a := answer{t: b.t, Response: res}
	a.body, err = io.ReadAll(res.Body)
	check(b.t, err)
	if strings.HasSuffix(res.Header.Get("Content-Type"), "json") {
		check(b.t, json.Unmarshal(a.body, &a.json))
	}
	b.conforms(req, a)
	return a
}

// open goes to an address as a person does, and follows where it leads.
func (b *browser) open(at string) answer {
	b.t.Helper()
	a := b.send("GET", at, "", "Accept", "text/html,*/*")
	for a.Header.Get("Location") != "" {
		to, err := a.Location()
		check(b.t, err)
		a = b.send("GET", to.String(), "", "Accept", "text/html,*/*")
	}
	return a
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]+)">`)

// choose submits the form of the sign-in service's page and returns where it leads: the callback.
func (b *browser) choose(page answer, name, value string) string {
	b.t.Helper()
	found := formAction.FindSubmatch(page.body)
	if found == nil {
		b.t.Fatalf("no form: %s", page.body)
	}
	action, err := page.Request.URL.Parse(html.UnescapeString(string(found[1])))
	check(b.t, err)
	sent := b.send("POST", action.String(), url.Values{name: {value}}.Encode(), "Content-Type", "application/x-www-form-urlencoded").is(302)
	return sent.Header.Get("Location")
}

// callbackURL is where the sign-in service sends the browser with a code for a user.
func (b *browser) callbackURL(user, back string) string {
	b.t.Helper()
	return b.choose(b.open("/auth/login?prompt=select_account&return="+url.QueryEscape(back)).is(200), "user", user)
}

// login signs a user in and returns the page to which that leads.
func (b *browser) login(user, back string) answer {
	b.t.Helper()
	return b.open(b.callbackURL(user, back)).is(200)
}

func (b *browser) cookie(name string) string {
	b.t.Helper()
	at, err := url.Parse(site)
	check(b.t, err)
	for _, c := range b.jar.Cookies(at) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

func (b *browser) plant(name, value string) {
	b.t.Helper()
	at, err := url.Parse(site)
	check(b.t, err)
	b.jar.SetCookies(at, []*http.Cookie{{Name: name, Value: value, Path: "/", Secure: true}})
}

// token is what the session's page may read.
func (b *browser) token() string {
	b.t.Helper()
	return b.send("GET", "/auth/session", "").is(200).str("csrf_token")
}

// signedIn demands that the browser is signed in as a user, or as nobody.
func (b *browser) signedIn(user string) {
	b.t.Helper()
	me := b.send("GET", "/v1/me", "")
	if user == "" {
		me.problem(401, "unauthenticated", "")
	} else if me.is(200); me.str("object") != user {
		b.t.Errorf("signed in as %s, want %s", me.str("object"), user)
	}
}

// setCookies are all that an answer sets, by name.
func setCookies(a *http.Response) map[string]*http.Cookie {
	all := map[string]*http.Cookie{}
	for _, c := range a.Cookies() {
		all[c.Name] = c
	}
	return all
}

func TestSigningInWithABrowser(t *testing.T) {
	w := newWeb(t)
	b := w.browser()
	b.signedIn("")
	back := "/docs?q=a%20b&r=%2F#group-me"
	landed := b.login(ann, back)
	if got := landed.Request.URL.String(); got != site+back {
		t.Errorf("it leads to %s, want %s", got, back)
	}
	b.signedIn(ann)
	if name := b.send("GET", "/v1/me", "").str("name"); name != "Ann" {
		t.Errorf("name %s", name)
	}
	w.run(t, "by cookies that no script and no other host has", func(t *testing.T) {
		found := map[string]bool{}
		for _, res := range b.seen {
			if res.Request.URL.Host != "example.com" {
				continue // the sign-in service's own
			}
			for _, c := range setCookies(res) {
				found[fmt.Sprint(res.Request.URL.Path, " ", c.Name, " ", c.MaxAge)] = true
				if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || !strings.HasPrefix(c.Name, "__Host-") {
					t.Errorf("cookie %s", c)
				}
			}
		}
		want := map[string]bool{"/auth/login __Host-login 600": true, "/auth/callback __Host-login -1": true, "/auth/callback __Host-choose -1": true,
			"/auth/callback __Host-session 43200": true}
		if fmt.Sprint(found) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", found, want)
		}
	})
	w.run(t, "with a proof key, a state and a nonce, of which the table has nothing", func(t *testing.T) {
		b := w.browser()
		page := b.open("/auth/login").is(200)
		q := page.Request.URL.Query()
		for _, name := range []string{"state", "nonce", "code_challenge"} {
			if raw, err := base64.RawURLEncoding.DecodeString(q.Get(name)); err != nil || len(raw) != 32 {
				t.Errorf("%s is %q", name, q.Get(name))
			}
		}
		if q.Get("code_challenge_method") != "S256" || q.Get("response_type") != "code" {
			t.Errorf("asked with %v", q)
		}
		item, err := w.table.Get(t.Context(), loginKey(q.Get("state")))
		check(t, err)
		cookie := b.cookie(loginCookie)
		attempt := session.Attempt{State: q.Get("state"), Cookie: cookie}
		for _, secret := range []string{q.Get("state"), q.Get("nonce"), cookie, attempt.Verifier()} {
			if all := fmt.Sprint(item.Key, string(item.Data)); secret == "" || strings.Contains(all, secret) {
				t.Errorf("the table has %q: %s", secret, all)
			}
		}
		if until := item.Expires.Sub(w.services.Clock()); until != session.AttemptFor {
			t.Errorf("kept for %s", until)
		}
	})
	w.run(t, "with a name that is proposed, and what the service asks of the user", func(t *testing.T) {
		w.signIn.state = microsoft.State{Claims: `{"access_token":{"acrs":{"essential":true}}}`}
		defer func() { w.signIn.state = microsoft.State{} }()
		q := b.open("/auth/login?login_hint=bob@home.example").is(200).Request.URL.Query()
		if q.Get("login_hint") != "bob@home.example" || q.Get("claims") != w.signIn.state.Claims {
			t.Errorf("asked with %v", q)
		}
		if q := w.browser().open("/auth/login").is(200).Request.URL.Query(); q.Has("claims") || q.Has("login_hint") {
			t.Errorf("of nobody in particular asked %v", q)
		}
		w.browser().send("GET", "/auth/login?login_hint="+strings.Repeat("x", 321), "").problem(422, "invalid", "login_hint")
	})
	w.run(t, "as a new session each time, which ends the one before", func(t *testing.T) {
		first := b.cookie(sessionCookie)
		other := w.browser()
		other.login(ann, "/healthz")
		b.login(bob, "/healthz")
		b.signedIn(bob)
		if b.cookie(sessionCookie) == first || b.cookie(loginCookie) != "" {
			t.Error("the session is the old one, or the sign-in's cookie is left")
		}
		thief := w.browser()
		thief.plant(sessionCookie, first)
		thief.signedIn("")
		other.signedIn(ann)
	})
	w.run(t, "whatever cookie somebody planted before", func(t *testing.T) {
		thief, victim := w.browser(), w.browser()
		thief.login(bob, "/healthz")
		for _, planted := range []string{thief.cookie(sessionCookie), strings.Repeat("A", 43), "x"} {
			victim.plant(sessionCookie, planted)
			victim.login(ann, "/healthz")
			victim.signedIn(ann)
			if victim.cookie(sessionCookie) == planted {
				t.Error("the planted cookie is a session now")
			}
		}
		thief.signedIn("") // what the browser had before has ended
	})
	w.run(t, "is in the user's audit log", func(t *testing.T) {
		records := b.send("GET", "/v1/audit?action=session.begin", "").is(200).items()
		if len(records) == 0 {
			t.Fatal("it is not")
		}
		r := object(records[0])
		if r["outcome"] != "ok" || r["resource_kind"] != "session" || r["ip"] != "127.0.0.1" || r["user_agent"] == nil || r["actor"] != homeTenant+"#"+bob {
			t.Errorf("record %v", r)
		}
	})
	w.run(t, "leaves no secret in the log", func(t *testing.T) {
		log := w.log.String()
		if !strings.Contains(log, "signed in") {
			t.Fatal("the log lacks the sign-in")
		}
		for _, res := range b.seen {
			for _, c := range res.Cookies() {
				if c.Value != "" && strings.Contains(log, c.Value) {
					t.Errorf("the log has a cookie")
				}
			}
			for _, name := range []string{"code", "state", "nonce"} {
				if value := res.Request.URL.Query().Get(name); value != "" && strings.Contains(log, value) {
					t.Errorf("the log has a %s", name)
				}
			}
		}
		for _, personal := range []string{"Ann", "Bob", ann, bob, "home.example", "web secret"} {
			if strings.Contains(log, personal) {
				t.Errorf("the log has %s", personal)
			}
		}
	})
}

func TestSignInsThatAreRefused(t *testing.T) {
	const evil = `"><script>alert(1)</script>`
	with := func(at, name string, values ...string) string {
		u, err := url.Parse(at)
		check(t, err)
		q := u.Query()
		if q[name] = values; values == nil {
			q.Del(name)
		}
		u.RawQuery = q.Encode()
		return u.String()
	}
	w := newWeb(t)
	for _, row := range []struct {
		name     string
		callback func(w *web, b *browser) string // makes everything ready and returns what the browser opens
		status   int
		code     string
		count    int  // of failures
		redeems  bool // the code gets to the service
	}{
		{"another state", func(_ *web, b *browser) string { return with(b.callbackURL(ann, "/docs"), "state", newToken()) }, 400, codeSignIn, 1, false},
		{"no state", func(_ *web, b *browser) string { return with(b.callbackURL(ann, "/docs"), "state") }, 400, codeSignIn, 1, false},
		{"two states", func(_ *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			return at + "&state=x"
		}, 400, codeSignIn, 1, false},
		{"nothing at all", func(*web, *browser) string { return site + "/auth/callback" }, 400, codeSignIn, 1, false},
		{"no cookie", func(w *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			b.plant(loginCookie, "")
			return at
		}, 400, codeSignIn, 1, false},
		{"the browser of somebody else", func(w *web, b *browser) string {
			b.open("/auth/login")
			return w.browser().callbackURL(ann, "/docs") // a link that somebody made, to sign others in as themselves
		}, 400, codeSignIn, 1, false},
		{"a cookie that was changed", func(_ *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			b.plant(loginCookie, b.cookie(loginCookie)+"A")
			return at
		}, 400, codeSignIn, 1, false},
		{"an older attempt of the same browser", func(_ *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			b.open("/auth/login?prompt=select_account")
			return at
		}, 400, codeSignIn, 1, false},
		{"a callback that was done before", func(_ *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			cookie := b.cookie(loginCookie)
			b.open(at).is(200)
			b.plant(loginCookie, cookie)
			b.plant(sessionCookie, "")
			return at
		}, 400, codeSignIn, 1, false},
		{"ten minutes later", func(w *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			w.now.Add(int64(session.AttemptFor / time.Second))
			return at
		}, 400, codeSignIn, 1, false},
		{"ten minutes later, when the store keeps what has expired", func(w *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			u, err := url.Parse(at)
			check(t, err)
			item, err := w.table.Get(t.Context(), loginKey(u.Query().Get("state")))
			check(t, err)
			item.Expires = time.Time{}
			_, err = w.table.Put(t.Context(), item, store.Any())
			check(t, err)
			w.now.Add(int64(session.AttemptFor / time.Second))
			return at
		}, 400, codeSignIn, 1, false},
		{"the code of another sign-in", func(w *web, b *browser) string {
			other, err := url.Parse(w.browser().callbackURL(bob, "/docs"))
			check(t, err)
			return with(b.callbackURL(ann, "/docs"), "code", other.Query().Get("code"))
		}, 400, codeSignIn, 1, true},
		{"a code that was made up", func(_ *web, b *browser) string { return with(b.callbackURL(ann, "/docs"), "code", "x") }, 400, codeSignIn, 1, true},
		{"no code", func(_ *web, b *browser) string { return with(b.callbackURL(ann, "/docs"), "code") }, 400, codeSignIn, 1, false},
		{"two codes", func(_ *web, b *browser) string { return b.callbackURL(ann, "/docs") + "&code=x" }, 400, codeSignIn, 1, false},
		{"a code that is too long", func(_ *web, b *browser) string {
			return with(b.callbackURL(ann, "/docs"), "code", strings.Repeat("x", maxCode+1))
		}, 400, codeSignIn, 1, false},
		{"an answer to another nonce", func(w *web, b *browser) string {
			w.signIn.ask = func(r *microsoft.Request) { r.Nonce = newToken() }
			return b.callbackURL(ann, "/docs")
		}, 400, codeSignIn, 1, true},
		{"an answer to another proof key", func(w *web, b *browser) string {
			w.signIn.ask = func(r *microsoft.Request) { r.Challenge = newToken() }
			return b.callbackURL(ann, "/docs")
		}, 400, codeSignIn, 1, true},
		{"a user who cancels", func(_ *web, b *browser) string {
			return b.choose(b.open("/auth/login").is(200), "cancel", "1")
		}, 400, codeSignIn, 0, false},
		{"an error in no word", func(_ *web, b *browser) string {
			return with(with(b.callbackURL(ann, "/docs"), "error", evil), "error_description", evil)
		}, 400, codeSignIn, 1, false},
		{"an error with a description", func(_ *web, b *browser) string {
			return with(with(b.callbackURL(ann, "/docs"), "error", "interaction_required"), "error_description", evil)
		}, 400, codeSignIn, 1, false},
		{"an error in two words", func(_ *web, b *browser) string {
			return with(b.callbackURL(ann, "/docs"), "error", "access_denied", "access_denied")
		}, 400, codeSignIn, 1, false},
		{"a service that has a problem", func(_ *web, b *browser) string {
			return with(b.callbackURL(ann, "/docs"), "error", "temporarily_unavailable")
		}, 503, "unavailable", 0, false},
		{"a service that does not answer", func(w *web, b *browser) string {
			at := b.callbackURL(ann, "/docs")
			w.sim.Break(entrasim.Token, 503)
			return at
		}, 503, "unavailable", 0, true},
		{"an organisation that does not allow it", func(w *web, b *browser) string {
			w.signIn.redeem = func(microsoft.Response) error {
				return fault.New(fault.Forbidden, "the organisation does not let its users in")
			}
			return b.callbackURL(ann, "/docs")
		}, 403, "forbidden", 1, false},
		{"a failure of ours", func(w *web, b *browser) string {
			w.signIn.redeem = func(microsoft.Response) error { return fmt.Errorf("secret-detail %s", evil) }
			return b.callbackURL(ann, "/docs")
		}, 500, "internal", 0, false},
	} {
		w.run(t, row.name, func(t *testing.T) {
			for _, accept := range []string{"text/html,application/xhtml+xml", "application/json"} {
				w.signIn.ask, w.signIn.redeem = nil, nil
				w.sim.Mend(entrasim.Token)
				b := w.browser()
				at, before, asked := row.callback(w, b), w.failures(), w.sim.Requests()[entrasim.Token]
				a := b.send("GET", at, "", "Accept", accept)
				if accept == "application/json" {
					a.problem(row.status, row.code, "")
				} else if a.is(row.status); !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html") ||
					!strings.Contains(string(a.body), `href="/auth/login"`) || a.Header.Get("Content-Security-Policy") != docsPolicy {
					t.Errorf("no page for people: %v %s", a.Header, a.body)
				}
				if strings.Contains(string(a.body), "<script") || strings.Contains(string(a.body), "alert(1)") || strings.Contains(string(a.body), "secret-detail") {
					t.Errorf("it repeats what it was sent: %s", a.body)
				}
				if n := w.failures() - before; n != row.count {
					t.Errorf("%d failures counted, want %d", n, row.count)
				}
				if redeems := w.sim.Requests()[entrasim.Token] > asked; redeems != row.redeems {
					t.Errorf("the code got to the service: %v", redeems)
				}
				cookies := setCookies(a.Response)
				if cookies[sessionCookie] != nil || cookies[loginCookie] == nil || cookies[loginCookie].MaxAge >= 0 {
					t.Errorf("cookies %v", cookies)
				}
				b.signedIn("")
			}
		})
	}
}

func TestOfManyRepeatsOfACallbackOneSignsIn(t *testing.T) {
	w := newWeb(t)
	b := w.browser()
	at := b.callbackURL(ann, "/docs")
	u, err := url.Parse(at)
	check(t, err)
	handler, cookie := New(w.services), b.cookie(loginCookie)
	var all sync.WaitGroup
	statuses := make([]int, 12)
	for i := range statuses {
		all.Go(func() {
			r := httptest.NewRequest("GET", "/auth/callback?"+u.RawQuery, nil)
			r.AddCookie(&http.Cookie{Name: loginCookie, Value: cookie})
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, r)
			statuses[i] = answer.Code
		})
	}
	all.Wait()
	slices.Sort(statuses)
	if statuses[0] != 303 || statuses[1] != 400 || statuses[len(statuses)-1] != 400 {
		t.Errorf("statuses %v", statuses)
	}
	if n := w.sim.Requests()[entrasim.Token]; n != 1 { // a code that comes twice ends the sign-in at the service
		t.Errorf("the code got to the service %d times", n)
	}
	if sessions, err := w.services.Sessions.List(t.Context(), homeTenant+"#"+ann); err != nil || len(sessions) != 1 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

func TestASignInThatCannotBeRecordedIsNone(t *testing.T) {
	w := newWeb(t, func(w *web, s *Services) {
		newID := func() string { return ulid.MustNew(ulid.Timestamp(s.Clock()), rand.Reader).String() }
		s.Audit = audit.New(brokenTable{Table: w.table, pk: "AUDIT#"}, s.Clock, newID)
	})
	b := w.browser()
	b.send("GET", b.callbackURL(ann, "/docs"), "").problem(500, "internal", "")
	b.signedIn("")
	if sessions, err := w.services.Sessions.List(t.Context(), homeTenant+"#"+ann); err != nil || len(sessions) != 0 {
		t.Errorf("%d sessions, %v", len(sessions), err)
	}
}

// returns are paths to which a sign-in may lead, or not.
var returns = []struct {
	path string
	ok   bool
}{
	{"", true}, {"/", true}, {"/docs", true}, {"/docs?a=b&c=d#e", true}, {"/a%2Fb", true}, {"/a%20b", true}, {"/v1/me", true}, {"/a:b", true},
	{"/docs?u=https://evil.example", true},
	{"/authors", true},
	{"docs", false}, {"./docs", false}, {"../docs", false}, {"?a", false}, {"#a", false},
	{"//evil.example", false}, {"///evil.example", false}, {"/\\evil.example", false}, {"\\\\evil.example", false}, {"/\t/evil.example", false},
	{"/\n/evil.example", false}, {"\t//evil.example", false},
	{" //evil.example", false}, {"/ /evil.example", false}, {"https://evil.example", false}, {"HTTPS://evil.example", false},
	{"https:evil.example", false}, {"https:/evil.example", false},
	{"javascript:alert(1)", false}, {"data:text/html,x", false}, {"//evil.example/%2e%2e", false}, {"/..//evil.example", false},
	{"/.//evil.example", false}, {"/a//b", false}, {"/a/../b", false},
	{"/docs/", false}, {"/%", false}, {"/ä", false}, {"/\x00", false}, {"/\x7f", false}, {"//user@evil.example", false}, {"http://", false},
	{site + "/docs", false},
	{"/auth/login", false}, {"/auth/login?return=/auth/login", false}, {"/auth/callback", false}, {"/%61uth/login", false},
	{"/" + strings.Repeat("a", maxReturn), false},
}

func TestReturnPaths(t *testing.T) {
	w := newWeb(t)
	for _, row := range returns {
		t.Run(fmt.Sprintf("%.60q", row.path), func(t *testing.T) {
			a := w.browser().send("GET", "/auth/login?return="+url.QueryEscape(row.path), "")
			if row.ok {
				a.is(303)
			} else if a.problem(422, "invalid", "return"); a.Header.Get("Location") != "" || len(a.Cookies()) != 0 {
				t.Errorf("headers %v", a.Header)
			}
		})
	}
}

// FuzzReturn shows that what passes leads to a page of the same host, to Go and to browsers, which drop tabs and line ends and read a backslash as a slash.
func FuzzReturn(f *testing.F) {
	for _, row := range returns {
		f.Add(row.path)
	}
	base, err := url.Parse(site + "/auth/callback?code=x")
	if err != nil {
		f.Fatal(err)
	}
	inBrowsers := strings.NewReplacer("\t", "", "\n", "", "\r", "", `\`, "/")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := localPath(text)
		if err != nil {
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "return" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if got != text && (text != "" || got != "/") {
			t.Errorf("%q became %q", text, got)
		}
		for _, read := range []string{got, inBrowsers.Replace(strings.TrimFunc(got, func(r rune) bool { return r <= ' ' }))} {
			u, err := base.Parse(read)
			if err != nil || u.Scheme != "https" || u.Host != "example.com" || u.User != nil || !strings.HasPrefix(read, "/") || strings.HasPrefix(read, "//") {
				t.Errorf("%q leads to %v, %v", text, u, err)
			}
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			t.Errorf("%q passes", text)
		}
	})
}

func TestSessions(t *testing.T) {
	w := newWeb(t)
	w.run(t, "end twelve hours after their last use, and their cookies with them", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		w.now.Add(int64(11 * time.Hour / time.Second))
		b.checks()
		w.now.Add(int64(time.Hour / time.Second))
		renewed := setCookies(b.send("GET", "/v1/me", "").is(200).Response)[sessionCookie]
		if renewed == nil || renewed.MaxAge != 12*3600 || renewed.Value != b.cookie(sessionCookie) || !renewed.HttpOnly || !renewed.Secure ||
			renewed.SameSite != http.SameSiteLaxMode {
			t.Errorf("renewed as %v", renewed)
		}
		if again := setCookies(b.send("GET", "/v1/me", "").is(200).Response); len(again) != 0 {
			t.Errorf("renewed a second time: %v", again)
		}
		w.now.Add(int64(11 * time.Hour / time.Second))
		b.checks()
		b.signedIn(ann)
		w.now.Add(int64(12 * time.Hour / time.Second))
		refused := b.send("GET", "/v1/me", "").problem(401, "unauthenticated", "")
		if c := setCookies(refused.Response)[sessionCookie]; c == nil || c.MaxAge >= 0 {
			t.Errorf("the cookie stays: %v", c)
		}
	})
	w.run(t, "end after a week, however much they are used", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		for range 7*24/8 - 1 {
			w.now.Add(8 * 3600)
			b.checks()
			b.signedIn(ann)
		}
		w.now.Add(4*3600 - 600)
		b.checks()
		w.now.Add(600)
		if c := setCookies(b.send("GET", "/v1/me", "").is(200).Response)[sessionCookie]; c == nil || c.MaxAge != 4*3600 {
			t.Errorf("renewed as %v", c)
		}
		w.now.Add(4 * 3600)
		b.signedIn("")
	})
	w.run(t, "end by signing out, in this browser alone", func(t *testing.T) {
		b, other := w.browser(), w.browser()
		b.login(ann, "/healthz")
		other.login(ann, "/healthz")
		stolen, token := b.cookie(sessionCookie), b.token()
		w.now.Add(600) // the use is noted, and the cookie would be renewed
		out := b.send("POST", "/auth/logout", "", headerCSRF, token).is(204)
		if c := setCookies(out.Response)[sessionCookie]; c == nil || c.MaxAge >= 0 || c.Value != "" {
			t.Errorf("the cookie stays: %v", c)
		}
		b.signedIn("")
		b.plant(sessionCookie, stolen)
		b.signedIn("")
		other.signedIn(ann)
		if got := len(other.send("GET", "/v1/audit?action=session.end&outcome=ok", "").is(200).items()); got != 1 {
			t.Errorf("%d records of it", got)
		}
	})
	w.run(t, "end by signing out everywhere, in all browsers of the user", func(t *testing.T) {
		b, other, bobs := w.browser(), w.browser(), w.browser()
		b.login(ann, "/healthz")
		other.login(ann, "/healthz")
		bobs.login(bob, "/healthz")
		b.send("POST", "/auth/logout?everywhere=true", "", headerCSRF, b.token()).is(204)
		b.signedIn("")
		other.signedIn("")
		bobs.signedIn(bob)
		b.login(ann, "/healthz")
		b.signedIn(ann)
		w.browser().send("POST", "/auth/logout?everywhere=true", "", "Authorization", "Bearer "+w.sim.Token(ann)).is(204) // the command line
		b.signedIn("")
	})
	w.run(t, "are listed, and ended one by one", func(t *testing.T) {
		b, other, bobs := w.browser(), w.browser(), w.browser()
		for _, one := range []*browser{b, other} {
			one.login(ann, "/healthz")
			w.now.Add(60)
		}
		bobs.login(bob, "/healthz")
		all := b.send("GET", "/auth/sessions", "").is(200).items()
		if len(all) != 2 || object(all[0])["current"] != true || object(all[1])["current"] != false || object(all[1])["user_agent"] != "Go-http-client/1.1" {
			t.Fatalf("listed %v", all)
		}
		first := b.send("GET", "/auth/sessions?limit=1", "").is(200)
		if next := b.send("GET", "/auth/sessions?limit=1&cursor="+first.str("next"), "").is(200).items(); len(next) != 1 ||
			object(next[0])["id"] != object(all[1])["id"] {
			t.Errorf("the next page has %v", next)
		}
		path := "/auth/sessions/" + object(all[1])["id"].(string)
		bobs.send("DELETE", path, "", headerCSRF, bobs.token()).problem(404, "not_found", "")
		other.signedIn(ann)
		b.send("DELETE", path, "", headerCSRF, b.token()).is(204)
		other.signedIn("")
		b.signedIn(ann)
		b.send("DELETE", path, "", headerCSRF, b.token()).problem(404, "not_found", "")
	})
	w.run(t, "of a user who is disabled end, in all browsers and for good", func(t *testing.T) {
		b, other, boss := w.browser(), w.browser(), w.browser()
		b.login(ann, "/healthz")
		other.login(ann, "/healthz")
		boss.login(bob, "/healthz")
		boss.send("POST", "/v1/users/"+ann+"/disable", "", headerCSRF, boss.token()).is(200)
		b.signedIn("")
		boss.send("POST", "/v1/users/"+ann+"/enable", "", headerCSRF, boss.token()).is(200)
		other.signedIn("")
		boss.signedIn(bob)
	})
	w.run(t, "of a user who is shut out can still be ended", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		token := b.token()
		_, err := w.services.Users.Disable(t.Context(), account.Principal{Tenant: homeTenant, Object: bob}, ann)
		check(t, err)
		b.send("GET", "/v1/me", "").problem(403, "forbidden", "")
		b.send("POST", "/auth/logout", "", headerCSRF, token).is(204)
		b.signedIn("")
	})
	w.run(t, "are of the role that the sign-in brought", func(t *testing.T) {
		b := w.browser()
		b.login(bob, "/healthz")
		if role := b.send("GET", "/v1/me", "").is(200).str("role"); role != "admin" {
			t.Errorf("role %s", role)
		}
	})
}

func TestForgedRequests(t *testing.T) {
	w := newWeb(t)
	b, other := w.browser(), w.browser()
	b.login(ann, "/healthz")
	other.login(ann, "/healthz")
	token := b.token()
	calendars := 0
	for _, row := range []struct {
		name   string
		method string
		header []string
		code   string // of the refusal; empty: let through
	}{
		{"no token", "POST", nil, codeCSRF},
		{"a wrong token", "POST", []string{headerCSRF, newToken()}, codeCSRF},
		{"the token of another session of the user", "POST", []string{headerCSRF, other.token()}, codeCSRF},
		{"part of the token", "POST", []string{headerCSRF, token[:20]}, codeCSRF},
		{"more than the token", "POST", []string{headerCSRF, token + "x"}, codeCSRF},
		{"the cookie as the token", "POST", []string{headerCSRF, b.cookie(sessionCookie)}, codeCSRF},
		{"another site", "POST", []string{headerCSRF, token, "Origin", "https://evil.example"}, codeCrossOrigin},
		{"another site, as newer browsers tell it", "POST", []string{headerCSRF, token, "Sec-Fetch-Site", "cross-site"}, codeCrossOrigin},
		{"another host of the same site", "POST", []string{headerCSRF, token, "Sec-Fetch-Site", "same-site"}, codeCrossOrigin},
		{"nowhere", "POST", []string{headerCSRF, token, "Origin", "null"}, codeCrossOrigin},
		{"another method", "DELETE", nil, codeCSRF},
		{"the right token", "POST", []string{headerCSRF, token}, ""},
		{"the right token and origin", "POST", []string{headerCSRF, token, "Origin", site, "Sec-Fetch-Site", "same-origin"}, ""},
		{"an access token, which needs no other", "POST", []string{"Authorization", "Bearer " + w.sim.Token(ann)}, ""},
	} {
		w.run(t, row.name, func(t *testing.T) {
			calendars++
			path, body := "/v1/calendars", fmt.Sprintf(`{"uri": "local://me/calendars/C%d"}`, calendars)
			if row.method == "DELETE" {
				path, body = "/v1/me", ""
			}
			a := b.send(row.method, path, body, row.header...)
			if row.code == "" {
				a.is(201)
				return
			}
			field := ""
			if row.code == codeCSRF {
				field = headerCSRF
			}
			a.problem(403, row.code, field)
		})
	}
	if n := len(b.send("GET", "/v1/calendars", "").is(200).items()); n != 3 {
		t.Errorf("%d calendars were made, want 3", n)
	}
	if n := w.failures(); n != 0 {
		t.Errorf("%d failures counted", n)
	}
	b.send("POST", "/auth/logout", "").problem(403, codeCSRF, headerCSRF)
	b.signedIn(ann)
}

func TestCredentials(t *testing.T) {
	w := newWeb(t)
	b := w.browser()
	b.login(ann, "/healthz")
	good := b.cookie(sessionCookie)
	flipped := []byte(good)
	flipped[0] ^= 1
	bearer := func(user string, change ...entrasim.Override) string { return "Bearer " + w.sim.Token(user, change...) }
	const scope = `Bearer error="insufficient_scope", scope="` + webClient + `/access_as_user"`
	for _, row := range []struct {
		name, cookie, authorization string
		user                        string // who is let in; empty: nobody
		count                       int
		challenge                   string
	}{
		{"nothing", "", "", "", 0, "Bearer"},
		{"a session", good, "", ann, 0, ""},
		{"a session of which a letter is another", string(flipped), "", "", 1, `Bearer error="invalid_token"`},
		{"half a session", good[:21], "", "", 1, `Bearer error="invalid_token"`},
		{"a session and more", good + "A", "", "", 1, `Bearer error="invalid_token"`},
		{"a session in other letters", strings.ToUpper(good), "", "", 1, `Bearer error="invalid_token"`},
		{"the name of a session", session1(t, w), "", "", 1, `Bearer error="invalid_token"`},
		{"an access token", "", bearer(bob), bob, 0, ""},
		{"an access token that has expired", "", bearer(bob, entrasim.Claim("exp", 1)), "", 1, `Bearer error="invalid_token"`},
		{"an access token with another scope", "", bearer(bob, entrasim.Claim("scp", "read")), "", 1, scope},
		{"a session and an access token with another scope", good, bearer(bob, entrasim.Claim("scp", "read")), "", 1, scope},
		{"an access token that another program got", "", bearer(bob, entrasim.Claim("azp", foreignTenant)), "", 1, `Bearer error="invalid_token"`},
		{"a session as an access token", "", "Bearer " + good, "", 1, `Bearer error="invalid_token"`},
		{"an empty header", good, "Bearer", "", 1, `Bearer error="invalid_token"`},
		{"a password", good, "Basic YTpi", "", 1, `Bearer error="invalid_token"`},
		{"a session and an access token, which is meant", good, bearer(bob), bob, 0, ""},
		{"a session and an access token that is no good", good, bearer(bob, entrasim.Unsigned()), "", 1, `Bearer error="invalid_token"`},
	} {
		w.run(t, row.name, func(t *testing.T) {
			one := w.browser()
			if row.cookie != "" {
				one.plant(sessionCookie, row.cookie)
			}
			before := w.failures()
			a := one.send("GET", "/v1/me", "", "Authorization", row.authorization)
			if row.challenge == scope {
				a.problem(403, "forbidden", "")
			} else if row.user == "" {
				a.problem(401, "unauthenticated", "")
			} else if a.is(200); a.str("object") != row.user {
				t.Errorf("it is %s", a.str("object"))
			}
			if got := a.Header.Get("WWW-Authenticate"); got != row.challenge {
				t.Errorf("WWW-Authenticate: %s", got)
			}
			if n := w.failures() - before; n != row.count {
				t.Errorf("%d failures counted, want %d", n, row.count)
			}
			if c := setCookies(a.Response)[sessionCookie]; (c != nil && c.MaxAge < 0) != (row.cookie != "" && row.authorization == "" && row.user == "") {
				t.Errorf("cookie set: %v", c)
			}
		})
	}
	b.send("GET", "/auth/session", "", "Authorization", bearer(ann)).problem(404, "not_found", "")
	if all := b.send("GET", "/auth/sessions", "", "Authorization", bearer(ann)).is(200).items(); len(all) != 1 || object(all[0])["current"] != false {
		t.Errorf("sessions %v", all)
	}
	b.signedIn(ann)
}

// session1 is the name of ann's first session.
func session1(t *testing.T, w *web) string {
	t.Helper()
	all, err := w.services.Sessions.List(t.Context(), homeTenant+"#"+ann)
	if err != nil || len(all) == 0 {
		t.Fatal(err)
	}
	return all[0].ID
}

func TestOneMachineHasNoSignIn(t *testing.T) {
	s := newService(t)
	web := 0
	for route, r := range s.declared {
		if r.where == everywhere {
			continue
		}
		web++
		method, path, _ := strings.Cut(strings.Replace(route, "{id}", "x", 1), " ")
		if a := s.do(method, path, nil).problem(404, codeNoRoute, ""); len(a.Cookies()) != 0 {
			t.Errorf("%s sets cookies", route)
		}
	}
	if web != 12 {
		t.Errorf("%d routes are there only where browsers sign in", web)
	}
	s.do("GET", "/v1/me", nil, "Cookie", sessionCookie+"="+strings.Repeat("A", 43)).is(200) // who asks is known otherwise
	s.do("POST", "/v1/calendars", `{"uri": "local://me/calendars/X"}`, "Cookie", sessionCookie+"=x").is(201)
}

func TestContentTypes(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	kinds := map[string]bool{
		"application/json": true, "application/json; charset=utf-8": true, "Application/JSON;charset=\"UTF-8\"": true,
		"": false, "text/plain": false, "text/plain; application/json": false, "application/x-www-form-urlencoded": false, "multipart/form-data; boundary=x": false,
		"application/problem+json": false, "text/json": false, "json": false, "application/json; charset=latin1": false,
		"application/json, text/plain": false, "application/jsonp": false, "text/calendar": false,
	}
	for kind, ok := range kinds {
		t.Run(kind, func(t *testing.T) {
			s.t = t
			for i, send := range []func() answer{
				func() answer {
					return s.do("POST", "/v1/calendars", `{"uri": "local://me/calendars/`+newToken()+`"}`, "Content-Type", kind)
				},
				func() answer {
					body := io.MultiReader(strings.NewReader(`{"uri": "local://me/calendars/` + newToken() + `"}`))
					return s.do("POST", "/v1/calendars", body, "Content-Type", kind)
				},
				func() answer { return s.do("PUT", "/v1/me/settings", `{}`, "Content-Type", kind, "If-Match", "*") },
			} {
				if a := send(); ok != (a.StatusCode < 300) || !ok && a.StatusCode != 415 {
					t.Errorf("%d: status %d: %s", i, a.StatusCode, a.body)
				}
			}
		})
	}
	s.t = t
	s.do("POST", "/v1/calendars/"+id+"/import", week, "Content-Type", "application/json").problem(415, codeMediaType, "")
	s.do("POST", "/v1/audit/verify", nil).is(200)
}

func TestSecurityHeaders(t *testing.T) {
	s := newService(t)
	plain := s.do("GET", "/v1/me", nil).is(200).Header
	for name, want := range map[string]string{
		"Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Referrer-Policy":              "no-referrer", "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store",
		"Strict-Transport-Security": "", // not over plain HTTP
	} {
		if got := plain.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	behind := s.do("GET", "/v1/none", nil, "X-Forwarded-Proto", "https").is(404).Header
	direct := newWeb(t).browser().send("GET", "/docs", "").is(200).Header
	for _, h := range []http.Header{behind, direct} {
		if got := h.Get("Strict-Transport-Security"); got != "max-age=63072000" {
			t.Errorf("over https: %q", got)
		}
	}
}

// loginKey is where the table has the sign-in of a state.
func loginKey(state string) store.Key {
	sum := sha256.Sum256([]byte(state))
	return store.Key{PK: "LOGIN#" + hex.EncodeToString(sum[:]), SK: "LOGIN"}
}

// newToken is 256 random bits, as tokens are written.
func newToken() string {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// brokenTable cannot be written to in the partitions that begin with pk.
type brokenTable struct {
	store.Table
	pk string
}

var errBroken = errors.New("secret-detail") // of a kind that nobody tries again

func (b brokenTable) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if strings.HasPrefix(item.PK, b.pk) {
		return 0, errBroken
	}
	return b.Table.Put(ctx, item, cond)
}

func (b brokenTable) Transact(ctx context.Context, ops []store.Op) error {
	for i := range ops {
		if strings.HasPrefix(ops[i].Key().PK, b.pk) {
			return errBroken
		}
	}
	return b.Table.Transact(ctx, ops)
}
