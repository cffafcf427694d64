package microsoft

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/oauth2"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

var rounds = flag.Int("rounds", 20, "how often two workers refresh at once")

const (
	home   = "11111111-1111-4111-8111-111111111111" // the tenant whose users are let in
	abroad = "22222222-2222-4222-8222-222222222222"
	third  = "33333333-3333-4333-8333-333333333333" // another one whose users are let in at times
	ann    = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	boss   = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	eve    = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee" // of the other tenant
	web    = "cccccccc-cccc-4ccc-8ccc-cccccccccccc" // confidential
	cli    = "dddddddd-dddd-4ddd-8ddd-dddddddddddd" // public
	other  = "ffffffff-ffff-4fff-8fff-ffffffffffff" // public, another application

	webSecret = "the-secret-of-the-application"
	back      = "https://app.example/sign-in/back"

	annKey  = home + "#" + ann
	bossKey = home + "#" + boss
	eveKey  = abroad + "#" + eve
)

// world is a sign-in service over TLS and a store on disk; clients of it stand for processes.
type world struct {
	*entrasim.Server
	t      testing.TB
	folder string
	url    string
	wire   *wire
	ahead  atomic.Int64 // of the real time
	logs   safeBuffer
	told   safeBuffer // all errors, in all ways of printing
}

// safeBuffer is a buffer for many goroutines.
type safeBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func newWorld(t testing.TB, o entrasim.Options) *world {
	t.Helper()
	return newWorldWith(t, o, func(*entrasim.Options) {})
}

func newWorldWith(t testing.TB, o entrasim.Options, change func(*entrasim.Options)) *world {
	t.Helper()
	w := &world{t: t, folder: t.TempDir()}
	o.Users = []entrasim.User{
		{Tenant: home, Object: ann, Name: "Ann", Username: "ann@home.example"},
		{Tenant: home, Object: boss, Name: "Boss", Username: "boss@home.example", Roles: []string{"admin"}},
		{Tenant: abroad, Object: eve, Name: "Eve", Username: "eve@abroad.example"},
	}
	o.Apps = []entrasim.App{
		{Client: web, Secret: webSecret, RedirectURIs: []string{back}},
		{Client: cli, RedirectURIs: []string{back}}, {Client: other, RedirectURIs: []string{back}},
	}
	o.Clock = w.now
	change(&o)
	w.Server = entrasim.New(o)
	l, err := w.StartTLS("")
	if err != nil {
		t.Fatal(err)
	}
	w.url = l.URL
	w.wire = &wire{next: l.Client.Transport, seen: map[string]bool{webSecret: true}}
	t.Cleanup(func() {
		_ = l.Close()
		w.nothingLeaked()
	})
	return w
}

func (w *world) now() time.Time          { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *world) advance(d time.Duration) { w.ahead.Add(int64(d)) }

// ctx carries a logger.
func (w *world) ctx() context.Context {
	return zerolog.New(&w.logs).Level(zerolog.TraceLevel).WithContext(w.t.Context())
}

// tell notes an error, to be searched for tokens.
func (w *world) tell(err error) error {
	for e := err; e != nil; e = errors.Unwrap(e) {
		fmt.Fprintf(&w.told, "%v %+v %#v\n", e, e, e)
	}
	return err
}

// process is a client with the handles of one process.
type process struct {
	*Client
	w     *world
	store *store.Counter
}

// table opens the store once more.
func (w *world) table() store.Table {
	w.t.Helper()
	table, err := sqlite.Open(filepath.Join(w.folder, "store.db"), w.now)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = table.Close() })
	return table
}

func (w *world) keeper(file string) secret.Keeper {
	w.t.Helper()
	wrapper, err := keyfile.Open(filepath.Join(w.folder, file))
	if err != nil {
		w.t.Fatal(err)
	}
	return secret.New(wrapper, w.now, secret.Limits{})
}

func (w *world) options() Options {
	w.t.Helper()
	return Options{
		Authority: w.url, Client: web, Secret: webSecret, RedirectURL: back, Tenants: []string{home}, HTTPClient: &http.Client{Transport: w.wire},
		Table: w.table(), Keeper: w.keeper("master.key"), Clock: w.now,
	}
}

func publicApp(o *Options) { o.Client, o.Secret = cli, "" }
func tenants(o *Options)   { o.Tenants = []string{home, abroad} }

// worker starts a process that may seal and open.
func (w *world) worker(change ...func(*Options)) *process {
	w.t.Helper()
	o := w.options()
	for _, f := range change {
		f(&o)
	}
	counter := &store.Counter{Table: o.Table}
	o.Table = counter
	c, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return &process{Client: c, w: w, store: counter}
}

// sealOnly is a keeper that may not open.
type sealOnly struct {
	secret.Keeper
	t testing.TB
}

func (s sealOnly) Open(context.Context, secret.Context, []byte) ([]byte, error) {
	s.t.Error("a secret was opened where none may be")
	return nil, errors.New("denied")
}

// api starts a process that may only seal.
func (w *world) api(change ...func(*Options)) *process {
	w.t.Helper()
	return w.worker(append(change, func(o *Options) { o.Keeper = sealOnly{o.Keeper, w.t} })...)
}

// browse chooses a user on the page of a sign-in and returns what comes back.
func (w *world) browse(address, user string) url.Values {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, address, strings.NewReader("user="+user))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := w.wire.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || !strings.HasPrefix(to.String(), back) {
		text, _ := io.ReadAll(answer.Body)
		w.t.Fatalf("status %d, sent to %q: %s", answer.StatusCode, to, text)
	}
	w.wire.remember(to.Query().Get("code"))
	return to.Query()
}

// begin makes a user come back with a code.
func (p *process) begin(user string, change ...func(*Request)) Response {
	p.w.t.Helper()
	verifier := oauth2.GenerateVerifier()
	r := Request{State: "the-state", Nonce: "the-nonce", Challenge: oauth2.S256ChallengeFromVerifier(verifier)}
	for _, f := range change {
		f(&r)
	}
	came := p.w.browse(p.URL(p.w.t.Context(), r), user)
	if came.Get("state") != r.State || came.Get("code") == "" {
		p.w.t.Fatalf("came back with %v", came)
	}
	return Response{Code: came.Get("code"), Verifier: verifier, Nonce: r.Nonce, Tenant: r.Tenant, Asked: func(string) bool { return r.Claims != "" }}
}

// signIn signs a user in.
func (p *process) signIn(user string, change ...func(*Request)) Identity {
	p.w.t.Helper()
	who, err := p.Redeem(p.w.ctx(), p.begin(user, change...))
	if err != nil {
		p.w.t.Fatal(err)
	}
	if fmt.Sprintf("%v %+v %#v", who, who, who) == "" || who.Object != user {
		p.w.t.Fatalf("%+v signed in", who)
	}
	fmt.Fprintf(&p.w.told, "%v %+v %#v %s\n", who, who, who.Access, who.Access)
	_ = json.NewEncoder(&p.w.told).Encode(who)
	return who
}

// token gets the token of a user, and looks whose it is.
func (p *process) token(user string) (string, error) {
	token, expires, err := p.Of(user).Token(p.w.ctx())
	if err != nil {
		return "", p.w.tell(err)
	}
	if whose := keyIn(token); whose != user || expires.IsZero() {
		return "", fmt.Errorf("got the token of %s, until %s", whose, expires)
	}
	return token, nil
}

// needs gets a token and fails the test when there is none.
func (p *process) needs(user string) string {
	p.w.t.Helper()
	token, err := p.token(user)
	if err != nil {
		p.w.t.Fatal(err)
	}
	return token
}

// keyIn is the key of the user for whom an access token is.
func keyIn(token string) string {
	var claims struct{ Tid, Oid string }
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "no token"
	}
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	_ = json.Unmarshal(text, &claims)
	return account.Principal{Tenant: claims.Tid, Object: claims.Oid}.Key()
}

// asked counts the requests for tokens.
func (w *world) asked() int { return w.Requests()[entrasim.Token] }

// item is what is stored of a user.
func (w *world) item(user string) (entry, bool) {
	w.t.Helper()
	e, err := (&Client{table: w.table()}).load(w.t.Context(), user)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		w.t.Fatal(err)
	}
	return e, err == nil
}

// nothingLeaked searches what was stored, logged and told for what is secret.
func (w *world) nothingLeaked() {
	w.t.Helper()
	texts := map[string][]byte{"the log": w.logs.Bytes(), "an error": w.told.Bytes()}
	files, err := filepath.Glob(filepath.Join(w.folder, "store.db*"))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			w.t.Fatal(err)
		}
		texts[filepath.Base(name)] = text
	}
	if len(files) > 0 {
		table, err := sqlite.Open(filepath.Join(w.folder, "store.db"), w.now)
		if err != nil {
			w.t.Fatal(err)
		}
		defer table.Close()
		for _, user := range []string{annKey, bossKey, eveKey} {
			item, err := table.Get(context.Background(), keyOf(user))
			if err != nil {
				continue
			}
			var r record
			if err := json.Unmarshal(item.Data, &r); err != nil {
				w.t.Fatal(err)
			}
			texts["the item of "+user], texts["what is sealed for "+user] = item.Data, r.Sealed
		}
	}
	secrets := w.wire.secrets()
	for where, text := range texts {
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				w.t.Errorf("%s holds what is secret: %.12s...", where, s)
			}
		}
	}
}

// wire carries requests to the service, remembers what is secret in them, and may change what goes over it.
type wire struct {
	next http.RoundTripper

	mu       sync.Mutex
	seen     map[string]bool // secrets
	lifetime int             // of access tokens, in seconds; 0: as the service says
	request  func(*http.Request, url.Values) (*http.Response, error)
	answer   func(form url.Values, body map[string]any)
	received func(*http.Request) error // after the service has answered; an error is in the place of the answer
}

func (w *wire) remember(secrets ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range secrets {
		if len(s) > 8 {
			w.seen[s] = true
		}
	}
}

func (w *wire) secrets() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.seen))
}

// set changes the wire while nobody looks.
func (w *wire) set(change func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	lifetime, request, change, received := w.lifetime, w.request, w.answer, w.received
	w.mu.Unlock()
	var form url.Values
	if r.Body != nil {
		text, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		form, _ = url.ParseQuery(string(text))
		if request != nil {
			if answer, err := request(r, form); answer != nil || err != nil {
				return answer, err
			}
			text = []byte(form.Encode())
		}
		r = r.Clone(r.Context())
		r.Body, r.ContentLength, r.GetBody = io.NopCloser(bytes.NewReader(text)), int64(len(text)), nil
	}
	w.remember(form.Get("code_verifier"), form.Get("client_assertion"))
	if form.Get("grant_type") == "client_credentials" {
		return nil, errors.New("a token for the application was asked for")
	}
	answer, err := w.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if received != nil {
		if err := received(r); err != nil {
			answer.Body.Close()
			return nil, err
		}
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	var body map[string]any
	if json.Unmarshal(text, &body) == nil {
		for _, name := range []string{"access_token", "refresh_token", "id_token"} {
			if s, ok := body[name].(string); ok {
				w.remember(s)
			}
		}
		if lifetime > 0 && body["expires_in"] != nil {
			body["expires_in"] = lifetime
		}
		if change != nil {
			change(form, body)
		}
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	answer.Header.Del("Content-Length")
	return answer, nil
}

// expiring makes all access tokens from now on ones that have to be refreshed at once, or not any more.
func (w *world) expiring(yes bool) {
	w.wire.set(func(wire *wire) {
		wire.lifetime = 0
		if yes {
			wire.lifetime = 60
		}
	})
}
