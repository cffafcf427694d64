package functions_test

import (
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/awstest"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

const (
	administrator  = "88888888-9999-4aaa-8bbb-cccccccccccc"
	publicURL      = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com" // as in the samples
	clientSecret   = "secret-of-the-application"
	sessionCookie  = "__Host-session"
	loginCookie    = "__Host-login"
	chooseCookie   = "__Host-choose"
	tokensOfPerson = "SECRET#microsoft"
)

// web is a deployment in which users sign in with a browser, and mailboxes are reached by that.
type web struct {
	*deployment
	env    map[string]string // beside what every function is given
	client *http.Client      // reaches the sign-in service, and does not follow where it leads
	asked  *bearers
}

// bearers are the access tokens with which the mailbox was asked.
type bearers struct {
	to http.Handler
	d  *deployment
	n  map[string]int
}

func (b *bearers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	b.d.secrets.mu.Lock()
	if b.n[token]++; b.n[token] == 1 {
		b.d.secrets.all = append(b.d.secrets.all, token)
	}
	b.d.secrets.mu.Unlock()
	b.to.ServeHTTP(w, r)
}

func deployWeb(t *testing.T) *web {
	t.Helper()
	d := deploy(t)
	d.signer = entrasim.New(entrasim.Options{
		Users: []entrasim.User{
			{Tenant: tenant, Object: object, Name: person, Username: address},
			{Tenant: tenant, Object: administrator, Name: "Boss", Username: "boss@example.com", Roles: []string{"admin"}},
		},
		Apps: []entrasim.App{{Client: audience, Secret: clientSecret, RedirectURIs: []string{publicURL + "/auth/callback"}}},
	})
	signIn, err := d.signer.StartTLS("")
	must(t, err)
	t.Cleanup(func() { _ = signIn.Close() })
	d.signIn = signIn.URL
	w := &web{deployment: d, asked: &bearers{to: d.sim, d: d, n: map[string]int{}}}
	d.sim.SetToken("") // users' own, whichever
	d.gate.to = w.asked
	client := *signIn.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	w.client = &client

	moto := awstest.Moto(t)
	text, name := fmt.Sprintf(`{"client_secret": %q}`, clientSecret), "sign-in/"+newID()
	_, err = secretsmanager.NewFromConfig(moto).CreateSecret(d.ctx, &secretsmanager.CreateSecretInput{Name: &name, SecretString: &text})
	must(t, err)
	d.secrets.all = append(d.secrets.all, clientSecret)
	w.env = map[string]string{
		"ADMIN_ASSISTANT_SIGN_IN_AUTHORITY": d.signIn, "ADMIN_ASSISTANT_SIGN_IN_AUDIENCE": audience, "ADMIN_ASSISTANT_SIGN_IN_TENANTS": tenant,
		"ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS": name, "ADMIN_ASSISTANT_SIGN_IN_REDIRECT": publicURL + "/auth/callback",
		"ADMIN_ASSISTANT_KEY": d.key, "ADMIN_ASSISTANT_GRAPH_DELEGATED": "true", "ADMIN_ASSISTANT_GRAPH_TOKEN": "",
		"SSL_CERT_FILE": w.certificate(signIn.Client),
	}
	return w
}

// certificate writes the certificate of the sign-in service into a file, for functions to trust.
func (w *web) certificate(client *http.Client) string {
	w.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(w.signIn, "https://"), client.Transport.(*http.Transport).TLSClientConfig)
	must(w.t, err)
	defer conn.Close()
	file := filepath.Join(w.t.TempDir(), "sign-in.pem")
	must(w.t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: conn.ConnectionState().PeerCertificates[0].Raw}), 0o600))
	return file
}

func (w *web) start(function string, changes ...func(*lambdatest.Options, map[string]string)) *lambdatest.Function {
	w.t.Helper()
	given := func(_ *lambdatest.Options, env map[string]string) {
		for name, value := range w.env {
			env[name] = value
		}
	}
	return w.deployment.start(function, append([]func(*lambdatest.Options, map[string]string){given}, changes...)...)
}

// browser keeps cookies.
type browser struct {
	*web
	api     *lambdatest.Function
	cookies map[string]string
}

func (w *web) browser(api *lambdatest.Function) *browser {
	return &browser{web: w, api: api, cookies: map[string]string{}}
}

// send has the API answer a request without a token, with the cookies that there are, and keeps those that it sets.
func (b *browser) send(sample, method, at string, changes ...func(*events.APIGatewayV2HTTPRequest)) answer {
	b.t.Helper()
	to, err := url.Parse(at)
	must(b.t, err)
	r := b.request(sample, slices.Concat([]func(*events.APIGatewayV2HTTPRequest){
		header("authorization", ""), header("sec-fetch-site", "same-origin"), func(r *events.APIGatewayV2HTTPRequest) {
			r.RawPath, r.RequestContext.HTTP.Path, r.RequestContext.HTTP.Method, r.RawQueryString = to.Path, to.Path, method, to.RawQuery
			for name, value := range b.cookies {
				r.Cookies = append(r.Cookies, name+"="+value)
			}
		},
	}, changes)...)
	a, cookies := b.exchange(b.api, r)
	for _, line := range cookies {
		c, err := http.ParseSetCookie(line)
		must(b.t, err)
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
			b.t.Errorf("the cookie %s", line)
		}
		if b.cookies[c.Name] = c.Value; c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else if c.Name != chooseCookie { // which says nothing but "ask"
			b.secrets.mu.Lock()
			b.secrets.all = append(b.secrets.all, c.Value)
			b.secrets.mu.Unlock()
		}
	}
	return a
}

func (b *browser) get(at string) answer {
	b.t.Helper()
	return b.send("api-get-me.json", http.MethodGet, at)
}

var formAction = regexp.MustCompile(`<form method="post" action="([^"]+)">`)

// choose signs a user in at the service's page and returns where that leads.
func (b *browser) choose(page, object string) string {
	b.t.Helper()
	ask := func(method, at, text string) (http.Header, string) {
		r, err := http.NewRequestWithContext(b.ctx, method, at, strings.NewReader(text))
		must(b.t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := b.client.Do(r)
		must(b.t, err)
		defer res.Body.Close()
		content, err := io.ReadAll(res.Body)
		must(b.t, err)
		return res.Header, string(content)
	}
	_, text := ask(http.MethodGet, page, "")
	found := formAction.FindStringSubmatch(text)
	if found == nil {
		b.t.Fatalf("no form: %s", text)
	}
	base, err := url.Parse(page)
	must(b.t, err)
	action, err := base.Parse(html.UnescapeString(found[1]))
	must(b.t, err)
	h, text := ask(http.MethodPost, action.String(), url.Values{"user": {object}}.Encode())
	back := h.Get("Location")
	if !strings.HasPrefix(back, publicURL+"/auth/callback?") {
		b.t.Fatalf("leads to %q: %s", back, text)
	}
	return strings.TrimPrefix(back, publicURL)
}

// login goes to the sign-in service and comes back, as the user.
func (b *browser) login(object string) answer {
	b.t.Helper()
	begun := b.get("/auth/login?return=/docs")
	if to := begun.header.Get("Location"); begun.status != http.StatusSeeOther ||
		!strings.HasPrefix(to, b.signIn+"/"+tenant+"/oauth2/v2.0/authorize?") || b.cookies[loginCookie] == "" {
		b.t.Fatalf("answered %d, leads to %s: %s", begun.status, to, begun.body)
	}
	return b.get(b.choose(begun.header.Get("Location"), object))
}

// isIn demands that the browser is signed in as the user.
func (b *browser) isIn(object string) {
	b.t.Helper()
	if me := read[map[string]any](b.t, b.get("/v1/me"), http.StatusOK); me["object"] != object || me["tenant"] != tenant {
		b.t.Errorf("signed in as %v", me)
	}
}

func (b *browser) token() string {
	b.t.Helper()
	return read[map[string]any](b.t, b.get("/auth/session"), http.StatusOK)["csrf_token"].(string)
}

// sealed is what the table has of the user's tokens; nil: nothing.
func (w *web) sealed() []byte {
	w.t.Helper()
	item, err := w.items.Get(w.ctx, store.Key{PK: "USER#" + user, SK: tokensOfPerson})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	must(w.t, err)
	return item.Data
}

func TestSigningInWithABrowser(t *testing.T) {
	t.Parallel()
	w := deployWeb(t)
	w.appointments(20, 14, "2026-10-01")
	api := w.start("api")
	b := w.browser(api)

	t.Run("leads to the service and back, into a session", func(t *testing.T) {
		w.t = t
		refused(t, b.get("/v1/me"), http.StatusUnauthorized, "unauthenticated")
		if n := counted(api, string(telemetry.SignInFailures)); n != 0 {
			t.Errorf("who has not signed in yet is counted as %d failures", n)
		}
		done := b.login(object)
		if done.status != http.StatusSeeOther || done.header.Get("Location") != "/docs" || b.cookies[sessionCookie] == "" || b.cookies[loginCookie] != "" {
			t.Fatalf("answered %d, leads to %q: %s", done.status, done.header.Get("Location"), done.body)
		}
		b.isIn(object)
		if n := len(lines(api, "signed in")); n != 1 {
			t.Errorf("the log has it %d times", n)
		}
	})
	t.Run("leaves tokens that are sealed, and the names of the calendars", func(t *testing.T) {
		w.t = t
		var kept struct{ Sealed []byte }
		if must(t, json.Unmarshal(w.sealed(), &kept)); len(kept.Sealed) == 0 {
			t.Fatalf("kept is %s", w.sealed())
		}
		for token := range w.asked.n {
			if token == "" || strings.Contains(string(kept.Sealed), token) {
				t.Error("the access token is not there, or lies open in the table")
			}
		}
		requests := len(w.asked.n)
		list := read[struct{ Items []map[string]any }](t, b.get("/v1/calendars?provider=msgraph&account="+address), http.StatusOK)
		if len(list.Items) != 1 || list.Items[0]["primary"] != true || requests != 1 || len(w.asked.n) != 1 {
			t.Errorf("listed %v", list.Items)
		}
	})
	t.Run("lets it change what its own pages ask for, and no others", func(t *testing.T) {
		w.t = t
		refused(t, b.send("api-create-config.json", http.MethodPost, "/v1/archive-configs"), http.StatusForbidden, "csrf_token")
		refused(t, b.send("api-create-config.json", http.MethodPost, "/v1/archive-configs", header("x-csrf-token", b.token()),
			header("sec-fetch-site", "cross-site")),
			http.StatusForbidden, "cross_origin")
		read[map[string]any](t, b.send("api-create-config.json", http.MethodPost, "/v1/archive-configs", header("x-csrf-token", b.token())), http.StatusCreated)
	})
	t.Run("lets a worker archive the mailbox as its user", func(t *testing.T) {
		w.t = t
		_, err := w.configs().Named(w.ctx, user, "work")
		must(t, err)
		started := read[map[string]any](t, b.send("api-start-run.json", http.MethodPost, "/v1/runs", header("x-csrf-token", b.token())), http.StatusAccepted)
		w.deliverAll(t, w.start("archive"), "archive", w.take("archive", 10))
		if result := w.succeeded(started["id"].(string)); result.Written != 20 {
			t.Errorf("the run reports %+v", result)
		}
	})
	t.Run("ends by signing out", func(t *testing.T) {
		w.t = t
		stolen := b.cookies[sessionCookie]
		refused(t, b.send("api-get-me.json", http.MethodPost, "/auth/logout"), http.StatusForbidden, "csrf_token")
		out := b.send("api-get-me.json", http.MethodPost, "/auth/logout", header("x-csrf-token", b.token()))
		if out.status != http.StatusNoContent || b.cookies[sessionCookie] != "" {
			t.Fatalf("answered %d: %s", out.status, out.body)
		}
		b.cookies[sessionCookie] = stolen
		refused(t, b.get("/v1/me"), http.StatusUnauthorized, "unauthenticated")
	})
	t.Run("is over for a user who is disabled, at once, and leaves nothing", func(t *testing.T) {
		w.t = t
		b.login(object)
		b.isIn(object)
		boss := header("authorization", "Bearer "+w.tokenOf(administrator))
		read[map[string]any](t, w.ask(api, w.request("api-get-me.json", at(http.MethodPost, "/v1/users/"+object+"/disable"), boss)), http.StatusOK)
		refused(t, b.get("/v1/me"), http.StatusUnauthorized, "unauthenticated")
		if again := b.login(object); again.status != http.StatusForbidden || b.cookies[sessionCookie] != "" {
			t.Errorf("answered %d, leads to %q: %s", again.status, again.header.Get("Location"), again.body)
		}
		if left := w.sealed(); left != nil {
			t.Errorf("left: %s", left)
		}
	})
	t.Run("outlives keys that the service changes", func(t *testing.T) {
		w.t = t
		before := w.browser(api)
		before.login(administrator)
		old := w.tokenOf(administrator)
		w.signer.RotateKeys()
		before.isIn(administrator)
		other := w.start("api")
		after := w.browser(other)
		after.login(administrator)
		after.isIn(administrator)
		for _, token := range []string{old, w.tokenOf(administrator)} {
			read[map[string]any](t, w.ask(other, w.request("api-get-me.json", header("authorization", "Bearer "+token))), http.StatusOK)
		}
	})
}

func TestASecretThatIsOutOfReach(t *testing.T) {
	t.Parallel()
	w := deployWeb(t)
	api := w.start("api", func(_ *lambdatest.Options, env map[string]string) {
		env["ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS"] = "sign-in/not-there"
	})
	refused(t, w.browser(api).get("/auth/login"), http.StatusServiceUnavailable, "unavailable")
	if found := lines(api, "nobody can sign in on the web"); len(found) != 1 || found[0]["level"] != "error" ||
		!strings.Contains(fmt.Sprint(found[0]["error"]), "ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS") {
		t.Errorf("the log has %v", found)
	}
	read[map[string]any](t, w.ask(api, w.request("api-get-me.json")), http.StatusOK)
}

// TestASecretThatWasReplacedIsReadAgain has a process that read the application's secret before it was replaced.
func TestASecretThatWasReplacedIsReadAgain(t *testing.T) {
	t.Parallel()
	w := deployWeb(t)
	name, secrets := w.env["ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS"], secretsmanager.NewFromConfig(awstest.Moto(t))
	put := func(secret string) {
		text := fmt.Sprintf(`{"client_secret": %q}`, secret)
		_, err := secrets.PutSecretValue(w.ctx, &secretsmanager.PutSecretValueInput{SecretId: &name, SecretString: &text})
		must(t, err)
	}
	put("the former one")
	b := w.browser(w.start("api"))
	if refused := b.login(object); refused.status != http.StatusServiceUnavailable {
		t.Fatalf("answered %d: %s", refused.status, refused.body)
	}
	put(clientSecret)
	if done := b.login(object); done.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", done.status, done.body)
	}
	b.isIn(object)
}
