package entrasim_test

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"adminassistant/shared/account/entrasim"
)

const (
	home      = "11111111-1111-4111-8111-111111111111"
	abroad    = "22222222-2222-4222-8222-222222222222"
	ann       = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	boss      = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	eve       = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee"
	api       = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
	cli       = "c11c11c1-c11c-4c11-8c11-c11c11c11c11"
	web       = "dddddddd-dddd-4ddd-8ddd-dddddddddddd"
	older     = "01d01d01-01d0-401d-801d-01d01d01d01d"
	webSecret = "web secret %+/"
	webBack   = "https://app.example/callback"
)

var (
	scopes      = []string{"api://" + api + "/access_as_user"}
	graphScopes = []string{"https://graph.microsoft.com/Calendars.ReadWrite"}
)

// world is a simulator that is served, and a browser.
type world struct {
	*entrasim.Server
	*entrasim.Listener
	URL     string
	browser *http.Client
	now     *atomic.Int64 // seconds
}

func options(o entrasim.Options) (entrasim.Options, *atomic.Int64) {
	now := &atomic.Int64{}
	now.Store(time.Now().Unix())
	o.Users = []entrasim.User{
		{Tenant: home, Object: ann, Name: "Ann <script>", Username: "ann@home.example"},
		{Tenant: home, Object: boss, Name: "Boss", Username: "boss@home.example", Roles: []string{"Admin"}},
		{Tenant: abroad, Object: eve, Name: "Eve", Username: "eve@abroad.example"},
	}
	o.Apps = []entrasim.App{
		{Client: api, Name: "Admin Assistant", Version: 2, RedirectURIs: []string{webBack}},
		{Client: cli, RedirectURIs: []string{"http://localhost"}},
		{Client: web, Secret: webSecret, RedirectURIs: []string{webBack}, Roles: []string{"Calendars.ReadWrite"}},
		{Client: older, Audience: "api://" + older, Version: 1},
	}
	o.Clock = func() time.Time { return time.Unix(now.Load(), 0) }
	return o, now
}

func started(t *testing.T, o entrasim.Options, start func(*entrasim.Server) (*entrasim.Listener, error), change ...func(*entrasim.Options)) *world {
	t.Helper()
	o, now := options(o)
	for _, f := range change {
		f(&o)
	}
	sim := entrasim.New(o)
	l, err := start(sim)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	browser := &http.Client{Transport: l.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &world{Server: sim, Listener: l, URL: l.URL, browser: browser, now: now}
}

func startTLS(t *testing.T, o entrasim.Options) *world {
	return started(t, o, func(s *entrasim.Server) (*entrasim.Listener, error) { return s.StartTLS("") })
}

func start(t *testing.T, o entrasim.Options) *world {
	return started(t, o, func(s *entrasim.Server) (*entrasim.Listener, error) { return s.Start("") })
}

// withCookies is the same service for a browser that keeps cookies.
func (w *world) withCookies(t *testing.T) *world {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	own := *w
	own.browser = &http.Client{Transport: secureAnyway{cmp.Or(w.browser.Transport, http.DefaultTransport)}, CheckRedirect: w.browser.CheckRedirect, Jar: jar}
	return &own
}

// secureAnyway makes cookies that are for https alone ones for plain HTTP too, as browsers do on the own machine.
type secureAnyway struct{ next http.RoundTripper }

func (s secureAnyway) RoundTrip(r *http.Request) (*http.Response, error) {
	got, err := s.next.RoundTrip(r)
	if err == nil {
		for i, c := range got.Header["Set-Cookie"] {
			got.Header["Set-Cookie"][i] = strings.ReplaceAll(c, "; Secure", "")
		}
	}
	return got, err
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

func copyTo(w io.Writer, r *http.Response) (int64, error) { return io.Copy(w, r.Body) }

// authorizeURL asks for a code for the command line, with changes; an empty value takes a parameter out.
func (w *world) authorizeURL(tenant string, changes ...string) string {
	q := url.Values{
		"client_id": {cli}, "response_type": {"code"}, "redirect_uri": {"http://localhost:7777"}, "state": {"s&t"}, "nonce": {"n"},
		"scope": {"openid offline_access " + scopes[0]}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(changes); i += 2 {
		if q.Set(changes[i], changes[i+1]); changes[i+1] == "" {
			q.Del(changes[i])
		}
	}
	return w.URL + "/" + tenant + "/oauth2/v2.0/authorize?" + q.Encode()
}

const verifier = "a-verifier-that-is-long-enough-to-be-one-of-PKCE"

// token asks for tokens and returns the answer.
func (w *world) ask(t *testing.T, tenant string, form map[string]string) map[string]any {
	t.Helper()
	values := url.Values{"client_id": {cli}}
	for name, value := range form {
		values.Set(name, value)
	}
	_, text, _ := w.do(t, http.MethodPost, w.URL+"/"+tenant+"/oauth2/v2.0/token", values)
	answer := map[string]any{}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return answer
}

func (w *world) redeem(t *testing.T, code string, changes ...string) map[string]any {
	t.Helper()
	form := map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost:7777", "code_verifier": verifier}
	for i := 0; i < len(changes); i += 2 {
		form[changes[i]] = changes[i+1]
	}
	return w.ask(t, "organizations", form)
}

func (w *world) signIn(t *testing.T, user string, changes ...string) map[string]any {
	t.Helper()
	got := w.redeem(t, w.choose(t, w.authorizeURL("organizations", changes...), user).Get("code"))
	if got["access_token"] == nil || got["refresh_token"] == nil || got["id_token"] == nil {
		t.Fatalf("got %v", got)
	}
	return got
}

func (w *world) renew(t *testing.T, from map[string]any) map[string]any {
	t.Helper()
	secret, _ := from["refresh_token"].(string)
	return w.ask(t, "organizations", map[string]string{"grant_type": "refresh_token", "refresh_token": secret})
}

func TestAuthorize(t *testing.T) {
	w := start(t, entrasim.Options{})
	t.Run("shows the users of the tenant, or all, and their names as text", func(t *testing.T) {
		_, page, _ := w.do(t, http.MethodGet, w.authorizeURL(home), nil)
		if !strings.Contains(page, ann) || strings.Contains(page, eve) || strings.Contains(page, "<script>") {
			t.Error(page)
		}
		if _, page, _ = w.do(t, http.MethodGet, w.authorizeURL("common"), nil); !strings.Contains(page, ann) || !strings.Contains(page, eve) {
			t.Error(page)
		}
	})
	t.Run("sends nobody's code without a choice", func(t *testing.T) {
		for _, form := range []url.Values{{}, {"user": {"nobody"}}} {
			if status, page, _ := w.do(t, http.MethodPost, w.authorizeURL(home), form); status != http.StatusOK || !strings.Contains(page, ann) {
				t.Errorf("%d %s", status, page)
			}
		}
		if status, _, _ := w.do(t, http.MethodPost, w.authorizeURL(home), url.Values{"user": {eve}}); status != http.StatusOK {
			t.Errorf("a user of another tenant: %d", status)
		}
	})
	t.Run("posts the code to an application that asks for it", func(t *testing.T) {
		status, page, _ := w.do(t, http.MethodPost, w.authorizeURL(home, "response_mode", "form_post"), url.Values{"user": {ann}})
		if status != http.StatusOK || !strings.Contains(page, `action="http://localhost:7777"`) || !strings.Contains(page, `name="code"`) ||
			!strings.Contains(page, `value="s&amp;t"`) {
			t.Errorf("%d %s", status, page)
		}
	})
	t.Run("needs no page when the hint says who, of one who is signed in", func(t *testing.T) {
		w := w.withCookies(t)
		w.choose(t, w.authorizeURL("organizations"), eve)
		_, _, back := w.do(t, http.MethodGet, w.authorizeURL("organizations", "prompt", "none", "login_hint", "EVE@abroad.example"), nil)
		has(t, claimsOf(t, w.redeem(t, back.Get("code"))["access_token"].(string)), "oid", eve, "tid", abroad)
	})
	for name, row := range map[string]struct {
		changes []string
		form    url.Values
		want    string
	}{
		"a silent request for nobody":           {changes: []string{"prompt", "none"}, want: "login_required"},
		"a silent request for another tenant's": {changes: []string{"prompt", "none", "login_hint", "eve@abroad.example"}, want: "login_required"},
		"a user who cancels":                    {form: url.Values{"cancel": {"1"}}, want: "access_denied"},
		"the implicit flow":                     {changes: []string{"response_type", "token"}, want: "unsupported_response_type"},
		"a public client without PKCE":          {changes: []string{"code_challenge", "", "code_challenge_method", ""}, want: "invalid_request"},
		"PKCE by a plain challenge":             {changes: []string{"code_challenge_method", "plain"}, want: "invalid_request"},
		"no scope":                              {changes: []string{"scope", ""}, want: "invalid_request"},
		"scopes of two APIs":                    {changes: []string{"scope", scopes[0] + " User.Read"}, want: "invalid_scope"},
		"an unknown API":                        {changes: []string{"scope", "api://nobody/read"}, want: "invalid_resource"},
		"an unknown prompt":                     {changes: []string{"prompt", "maybe"}, want: "invalid_request"},
	} {
		t.Run("tells the application of "+name, func(t *testing.T) {
			method := http.MethodGet
			if row.form != nil {
				method = http.MethodPost
			}
			status, page, back := w.do(t, method, w.authorizeURL(home, row.changes...), row.form)
			if status != http.StatusFound || back.Get("error") != row.want || back.Get("state") != "s&t" || back.Has("code") {
				t.Errorf("%d %v %s", status, back, page)
			}
		})
	}
	for name, changes := range map[string][]string{
		"an unknown application":              {"client_id", ann},
		"an unknown address":                  {"redirect_uri", "https://evil.example"},
		"an address that begins like ours":    {"redirect_uri", "http://localhost.evil.example"},
		"an address with a user":              {"redirect_uri", "http://user@localhost:7777"},
		"an address with another path":        {"redirect_uri", "http://localhost:7777/x"},
		"another scheme":                      {"redirect_uri", "https://localhost:7777"},
		"no address":                          {"redirect_uri", ""},
		"an application's address of another": {"redirect_uri", webBack},
	} {
		t.Run("sends nobody to "+name, func(t *testing.T) {
			status, page, back := w.do(t, http.MethodPost, w.authorizeURL(home, changes...), url.Values{"user": {ann}})
			if status != http.StatusBadRequest || back != nil || !strings.Contains(page, "AADSTS") {
				t.Errorf("%d %v %s", status, back, page)
			}
		})
	}
	t.Run("lets nobody in whose account is closed", func(t *testing.T) {
		w.Disable(ann, true)
		defer w.Disable(ann, false)
		if status, page, _ := w.do(t, http.MethodPost, w.authorizeURL(home), url.Values{"user": {ann}}); status != http.StatusBadRequest ||
			!strings.Contains(page, "AADSTS50057") {
			t.Errorf("%d %s", status, page)
		}
	})
	t.Run("knows its tenants", func(t *testing.T) {
		if status, page, _ := w.do(t, http.MethodGet, w.authorizeURL(boss), nil); status != http.StatusBadRequest || !strings.Contains(page, "AADSTS90002") {
			t.Errorf("%d %s", status, page)
		}
	})
}

func TestToken(t *testing.T) {
	w := start(t, entrasim.Options{})
	newCode := func(t *testing.T) string { return w.choose(t, w.authorizeURL(home), ann).Get("code") }
	for name, row := range map[string]struct {
		changes []string
		want    string
	}{
		"an unknown code":                 {[]string{"code", "x"}, "invalid_grant"},
		"another verifier":                {[]string{"code_verifier", verifier + "x"}, "invalid_grant"},
		"no verifier":                     {[]string{"code_verifier", ""}, "invalid_grant"},
		"another address":                 {[]string{"redirect_uri", "http://localhost:8888"}, "invalid_grant"},
		"another application's code":      {[]string{"client_id", api}, "invalid_grant"},
		"an unknown application":          {[]string{"client_id", ann}, "unauthorized_client"},
		"a secret of a public client":     {[]string{"client_secret", "x"}, "invalid_client"},
		"no secret of a confidential one": {[]string{"client_id", web}, "invalid_client"},
		"another grant":                   {[]string{"grant_type", "password"}, "unsupported_grant_type"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			got := w.redeem(t, newCode(t), row.changes...)
			if got["error"] != row.want || got["access_token"] != nil || !strings.HasPrefix(got["error_description"].(string), "AADSTS") ||
				got["correlation_id"] == nil || got["error_codes"] == nil {
				t.Errorf("got %v", got)
			}
		})
	}
	t.Run("refuses a code that is too old", func(t *testing.T) {
		c := newCode(t)
		w.now.Add(600)
		if got := w.redeem(t, c); got["error"] != "invalid_grant" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("takes a refresh token again, as the service does", func(t *testing.T) {
		first := w.signIn(t, ann)
		second := w.renew(t, first)
		if second["refresh_token"] == first["refresh_token"] || w.renew(t, first)["access_token"] == nil || w.renew(t, second)["access_token"] == nil {
			t.Error("it does not")
		}
	})
	t.Run("refuses a refresh token that has expired", func(t *testing.T) {
		first := w.signIn(t, ann)
		w.now.Add(int64(90 * 24 * time.Hour / time.Second))
		if got := w.renew(t, first); got["error"] != "invalid_grant" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("refuses those who were revoked or closed, and lets them sign in again", func(t *testing.T) {
		first, others := w.signIn(t, ann), w.signIn(t, eve)
		w.Revoke(ann)
		if got := w.renew(t, first); got["error"] != "invalid_grant" {
			t.Errorf("got %v", got)
		}
		if got := w.renew(t, others); got["access_token"] == nil {
			t.Errorf("another user: got %v", got)
		}
		second := w.signIn(t, ann)
		w.Disable(ann, true)
		if got := w.renew(t, second); got["error"] != "invalid_grant" {
			t.Errorf("got %v", got)
		}
		w.Disable(ann, false)
		if got := w.renew(t, second); got["access_token"] == nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("asks for more until the challenge was met", func(t *testing.T) {
		first := w.signIn(t, ann)
		w.RequireClaims(ann)
		got := w.renew(t, first)
		if got["error"] != "interaction_required" || got["claims"] == nil {
			t.Fatalf("got %v", got)
		}
		browser := w.withCookies(t)
		browser.choose(t, w.authorizeURL(home), ann)
		if _, _, back := browser.do(t, http.MethodGet, w.authorizeURL(home, "prompt", "none", "login_hint", "ann@home.example"),
			nil); back.Get("error") != "interaction_required" {
			t.Errorf("got %v", back)
		}
		again := w.signIn(t, ann)
		if got := w.renew(t, again); got["error"] != "interaction_required" {
			t.Errorf("got %v", got)
		}
		met := w.signIn(t, ann, "claims", got["claims"].(string))
		if got := w.renew(t, met); got["access_token"] == nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("makes tokens of version 1.0 for an API that wants them", func(t *testing.T) {
		got := w.signIn(t, ann, "scope", "openid offline_access api://"+older+"/read")
		has(t, claimsOf(t, got["access_token"].(string)), "ver", "1.0", "aud", "api://"+older, "appid", cli, "iss",
			"https://sts.windows.net/"+home+"/", "scp", "read")
	})
	t.Run("keeps users at their tenant", func(t *testing.T) {
		first := w.signIn(t, ann)
		if got := w.ask(t, abroad, map[string]string{
			"grant_type":    "refresh_token",
			"refresh_token": first["refresh_token"].(string),
		}); got["error"] != "invalid_grant" {
			t.Errorf("got %v", got)
		}
	})
}

func TestStrict(t *testing.T) {
	w := start(t, entrasim.Options{Strict: true})
	first := w.signIn(t, ann)
	second := w.renew(t, first)
	if second["refresh_token"] == nil || w.renew(t, first)["error"] != "invalid_grant" {
		t.Error("a refresh token was good twice")
	}
	if got := w.renew(t, second); got["error"] != "invalid_grant" {
		t.Errorf("the sign-in goes on after a second use: %v", got)
	}
}

func TestDevice(t *testing.T) {
	w := start(t, entrasim.Options{})
	begin := func(t *testing.T, tenant string) (secret, userCode, page string) {
		_, text, _ := w.do(t, http.MethodPost, w.URL+"/"+tenant+"/oauth2/v2.0/devicecode",
			url.Values{"client_id": {cli}, "scope": {"openid offline_access " + scopes[0]}})
		var got struct {
			DeviceCode string `json:"device_code"`
			UserCode   string `json:"user_code"`
			Page       string `json:"verification_uri"`
			ExpiresIn  int    `json:"expires_in"`
			Interval   int    `json:"interval"`
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.ExpiresIn != 900 || got.Interval != 5 {
			t.Fatalf("%s: %v", text, err)
		}
		return got.DeviceCode, got.UserCode, got.Page
	}
	poll := func(t *testing.T, secret string) map[string]any {
		return w.ask(t, "organizations", map[string]string{"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": secret})
	}
	t.Run("waits for the user, and gives out tokens once", func(t *testing.T) {
		secret, userCode, page := begin(t, "organizations")
		if got := poll(t, secret); got["error"] != "authorization_pending" {
			t.Errorf("got %v", got)
		}
		w.confirm(t, page, " "+strings.ToLower(userCode), ann)
		if got := poll(t, secret); got["access_token"] == nil || got["refresh_token"] == nil {
			t.Errorf("got %v", got)
		}
		if got := poll(t, secret); got["error"] != "invalid_grant" {
			t.Errorf("got %v", got)
		}
	})
	t.Run("ends when the user declines or the time is over", func(t *testing.T) {
		secret, userCode, page := begin(t, "organizations")
		w.do(t, http.MethodPost, page, url.Values{"user_code": {userCode}, "cancel": {"1"}})
		if got := poll(t, secret); got["error"] != "authorization_declined" {
			t.Errorf("got %v", got)
		}
		secret, userCode, page = begin(t, "organizations")
		w.now.Add(900)
		if got := poll(t, secret); got["error"] != "expired_token" {
			t.Errorf("got %v", got)
		}
		if _, text, _ := w.do(t, http.MethodPost, page, url.Values{"user_code": {userCode}, "user": {ann}}); !strings.Contains(text, "did not work") {
			t.Error(text)
		}
	})
	t.Run("is for the users of the tenant", func(t *testing.T) {
		_, userCode, page := begin(t, home)
		if _, text, _ := w.do(t, http.MethodPost, page, url.Values{"user_code": {userCode}, "user": {eve}}); strings.Contains(text, "You have signed in") {
			t.Error(text)
		}
	})
}

func TestControls(t *testing.T) {
	t.Run("a broken endpoint answers what was asked for, and is counted", func(t *testing.T) {
		w := start(t, entrasim.Options{})
		at := w.URL + "/" + home + "/discovery/v2.0/keys"
		w.Break(entrasim.Keys, http.StatusServiceUnavailable)
		if status, _, _ := w.do(t, http.MethodGet, at, nil); status != http.StatusServiceUnavailable {
			t.Errorf("answered %d", status)
		}
		w.Break(entrasim.Keys, 0)
		if _, err := w.browser.Get(at); err == nil {
			t.Error("the connection was not cut")
		}
		w.Mend(entrasim.Keys)
		if status, _, _ := w.do(t, http.MethodGet, at, nil); status != http.StatusOK {
			t.Errorf("answered %d", status)
		}
		if got := w.Requests()[entrasim.Keys]; got < 3 {
			t.Errorf("counted %d", got)
		}
	})
	t.Run("keys rotate and retire, and all tenants have the same", func(t *testing.T) {
		w := start(t, entrasim.Options{})
		ids := func(tenant string) map[string]bool {
			_, text, _ := w.do(t, http.MethodGet, w.URL+"/"+tenant+"/discovery/v2.0/keys", nil)
			var set struct{ Keys []struct{ Kid string } }
			if err := json.Unmarshal([]byte(text), &set); err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for _, k := range set.Keys {
				got[k.Kid] = true
			}
			return got
		}
		before := ids(home)
		w.RotateKeys()
		if both := ids(home); len(before) != 1 || len(both) != 2 || !maps.Equal(both, ids(abroad)) {
			t.Errorf("got %v, %v", before, both)
		}
		w.RetireKeys()
		for id := range ids("common") {
			if before[id] || len(ids("common")) != 1 {
				t.Errorf("%s is still there", id)
			}
		}
	})
	t.Run("signing out leads back to the application, and nowhere else", func(t *testing.T) {
		w := start(t, entrasim.Options{})
		at := w.URL + "/" + home + "/oauth2/v2.0/logout?state=x&post_logout_redirect_uri="
		if status, _, back := w.do(t, http.MethodGet, at+url.QueryEscape(webBack), nil); status != http.StatusFound || back.Get("state") != "x" {
			t.Errorf("%d %v", status, back)
		}
		for _, to := range []string{"", "https://evil.example"} {
			if status, page, _ := w.do(t, http.MethodGet, at+url.QueryEscape(to), nil); status != http.StatusOK || !strings.Contains(page, "signed out") {
				t.Errorf("%d %s", status, page)
			}
		}
	})
	t.Run("a setup with a mistake in it is told at once", func(t *testing.T) {
		for name, o := range map[string]entrasim.Options{
			"a user without an id":     {Users: []entrasim.User{{Tenant: home, Object: "ann"}}},
			"a user twice":             {Users: []entrasim.User{{Tenant: home, Object: ann}, {Tenant: home, Object: ann}}},
			"a tenant without an id":   {Users: []entrasim.User{{Tenant: "home", Object: ann}}},
			"an app without an id":     {Apps: []entrasim.App{{Client: "app"}}},
			"another tenant by a name": {Tenants: []string{"common"}},
		} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s is not", name)
					}
				}()
				entrasim.New(o)
			}()
		}
	})
}
