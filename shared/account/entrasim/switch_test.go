package entrasim_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	msal "github.com/AzureAD/microsoft-authentication-library-for-go/apps/errors"

	"adminassistant/shared/account/entrasim"
)

const (
	guest   = "99999999-9999-4999-8999-999999999999" // of home, whose account is abroad
	many    = "77777777-7777-4777-8777-777777777777" // in many groups, and signs in by another name
	single  = "66666666-6666-4666-8666-666666666666" // an application of home alone
	proving = "55555555-5555-4555-8555-555555555555" // an application with a certificate
)

// odd starts a simulator with more users and applications.
func odd(t *testing.T, change ...func(*entrasim.Options)) *world {
	plain := func(s *entrasim.Server) (*entrasim.Listener, error) { return s.Start("") }
	return started(t, entrasim.Options{}, plain, append([]func(*entrasim.Options){func(o *entrasim.Options) {
		o.Users = append(o.Users, entrasim.User{Tenant: home, Object: guest, Name: "Guest", Username: "guest_abroad#EXT#@home.example", Home: abroad},
			entrasim.User{Tenant: home, Object: many, Name: "Many", Username: "many@home.example", Alias: "m.any@other.example", Groups: 170})
		o.Apps = append(o.Apps, entrasim.App{Client: single, RedirectURIs: []string{"http://localhost"}, Tenant: home})
		o.Apps[0].Optional = []string{"acct", "groups", "login_hint", "email"}
	}}, change...)...)
}

func TestGuests(t *testing.T) {
	w := odd(t)
	got := w.redeemAt(t, home, w.choose(t, w.authorizeURL(home), guest).Get("code"))
	claims := claimsOf(t, got["access_token"].(string))
	has(t, claims, "tid", home, "idp", w.URL+"/"+abroad+"/v2.0")
	if claims["acct"] != 1.0 {
		t.Errorf("acct is %v", claims["acct"])
	}
	if _, page, _ := w.do(t, http.MethodGet, w.authorizeURL("organizations"), nil); strings.Contains(page, guest) {
		t.Error("a guest is asked for at the endpoint of all tenants, where the account is another one")
	}
	own := claimsOf(t, w.signIn(t, ann)["access_token"].(string))
	if own["acct"] != 0.0 || own["idp"] != nil {
		t.Errorf("a member has %v", own)
	}
}

func TestNamesAndGroups(t *testing.T) {
	w := odd(t)
	got := w.signIn(t, many)
	claims := claimsOf(t, got["access_token"].(string))
	has(t, claims, "preferred_username", "m.any@other.example", "email", "many@home.example")
	if groups, _ := claims["groups"].([]any); len(groups) != 170 || len(got["access_token"].(string)) < 8<<10 {
		t.Errorf("%d groups in %d bytes", len(groups), len(got["access_token"].(string)))
	}
}

func TestPolicies(t *testing.T) {
	for _, number := range []int{53003, 70043} {
		w := odd(t)
		first := w.signIn(t, ann)
		w.Policy(ann, number)
		got := w.renew(t, first)
		sub := map[int]string{53003: "message_only", 70043: "token_expired"}[number]
		if got["error"] != "invalid_grant" || got["suberror"] != sub || got["error_codes"].([]any)[0] != float64(number) {
			t.Errorf("got %v", got)
		}
		browser := w.withCookies(t)
		w.signIn(t, boss)
		browser.choose(t, w.authorizeURL(home), boss)
		w.Policy(boss, 53003)
		if _, _, back := browser.do(t, http.MethodGet, w.authorizeURL(home, "prompt", "none"), nil); back.Get("error") != "interaction_required" {
			t.Errorf("a silent sign-in: %v", back)
		}
		second := w.signIn(t, ann)
		if got := w.renew(t, second); (got["error"] == nil) != (number == 70043) {
			t.Errorf("after another sign-in: %v", got)
		}
		w.Policy(ann, 0)
		if got := w.renew(t, first); got["access_token"] == nil {
			t.Errorf("got %v", got)
		}
	}
}

func TestAPasswordIsNoRevocation(t *testing.T) {
	w := odd(t)
	public := w.signIn(t, ann)
	confidential := w.redeemWeb(t, ann)
	w.ChangePassword(ann)
	if got := w.renew(t, public); got["error"] != "invalid_grant" {
		t.Errorf("a public client: %v", got)
	}
	refresh := map[string]string{"client_id": web, "client_secret": webSecret, "grant_type": "refresh_token",
		"refresh_token": confidential["refresh_token"].(string)}
	if got := w.ask(t, home, refresh); got["access_token"] == nil {
		t.Errorf("a confidential client: %v", got)
	}
	w.Revoke(ann)
	if got := w.ask(t, home, refresh); got["error"] != "invalid_grant" {
		t.Errorf("revoked: %v", got)
	}
}

func TestTheBrowserHasASessionOfItsOwn(t *testing.T) {
	w := odd(t).withCookies(t)
	w.choose(t, w.authorizeURL(home), ann)
	status, _, back := w.do(t, http.MethodGet, w.authorizeURL(home), nil)
	if status != http.StatusFound || back.Get("code") == "" {
		t.Errorf("the one who is signed in is asked again: %d", status)
	}
	if status, page, _ := w.do(t, http.MethodGet, w.authorizeURL(home, "prompt", "select_account"), nil); status != http.StatusOK ||
		!strings.Contains(page, boss) {
		t.Errorf("no choice: %d %s", status, page)
	}
	if status, _, _ := w.do(t, http.MethodGet, w.authorizeURL(home, "login_hint", "boss@home.example"), nil); status != http.StatusOK {
		t.Errorf("another one than the hint says is signed in: %d", status)
	}
	hint := claimsOf(t, w.redeem(t, back.Get("code"))["id_token"].(string))["login_hint"]
	if hint != nil {
		t.Errorf("an application whose registration does not ask for it gets %v", hint)
	}
	out := w.URL + "/" + home + "/oauth2/v2.0/logout?post_logout_redirect_uri=" + url.QueryEscape(webBack)
	if _, page, _ := w.do(t, http.MethodGet, out, nil); !strings.Contains(page, "Which account") {
		t.Errorf("nobody is asked who signs out: %s", page)
	}
	code := w.choose(t, w.authorizeURL(home, "client_id", api, "scope", "openid "+api+"/access_as_user", "redirect_uri", webBack, "prompt", "login"), ann)
	got := w.ask(t, home, map[string]string{
		"client_id": api, "grant_type": "authorization_code", "code": code.Get("code"), "redirect_uri": webBack, "code_verifier": verifier,
	})
	hint = claimsOf(t, got["id_token"].(string))["login_hint"]
	if status, _, _ := w.do(t, http.MethodGet, out+"&logout_hint="+url.QueryEscape(hint.(string)), nil); status != http.StatusFound {
		t.Errorf("signing out leads nowhere: %d", status)
	}
	if status, _, _ := w.do(t, http.MethodGet, w.authorizeURL(home), nil); status != http.StatusOK {
		t.Errorf("somebody is signed in still: %d", status)
	}
}

func TestConsent(t *testing.T) {
	w := odd(t)
	first := w.signIn(t, ann)
	w.RequireConsent(cli, true)
	if _, _, back := w.do(t, http.MethodPost, w.authorizeURL(home), url.Values{"user": {ann}}); back.Get("error") != "access_denied" ||
		!strings.HasPrefix(back.Get("error_description"), "AADSTS90094:") {
		t.Errorf("got %v", back)
	}
	if got := w.renew(t, first); got["suberror"] != "consent_required" {
		t.Errorf("got %v", got)
	}
	browser := w.withCookies(t)
	browser.choose(t, w.authorizeURL(home, "client_id", single, "scope", "openid User.Read"), ann)
	if _, _, back := browser.do(t, http.MethodGet, w.authorizeURL(home, "prompt", "none"), nil); back.Get("error") != "consent_required" {
		t.Errorf("got %v", back)
	}
	w.RequireConsent(cli, false)
	w.signIn(t, ann)
}

func TestPassingErrors(t *testing.T) {
	w := odd(t)
	first := w.signIn(t, ann)
	for _, e := range entrasim.Passing {
		w.Fail(entrasim.Token, e)
		if got := w.renew(t, first); got["error"] != e.Word || got["error_codes"].([]any)[0] != float64(e.Number) {
			t.Errorf("got %v", got)
		}
		if got := w.renew(t, first); got["access_token"] == nil {
			t.Errorf("it does not pass: %v", got)
		}
	}
	w.Fail(entrasim.Keys, entrasim.Passing[0])
	answer, err := w.browser.Get(w.URL + "/" + home + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "1" {
		t.Errorf("answered %d, %v", answer.StatusCode, answer.Header)
	}
}

func TestSecretsEnd(t *testing.T) {
	w := odd(t)
	w.ExpireSecret(web)
	got := w.ask(t, home, map[string]string{
		"client_id": web, "client_secret": webSecret, "grant_type": "client_credentials", "scope": "https://graph.microsoft.com/.default",
	})
	if got["error"] != "invalid_client" || got["error_codes"].([]any)[0] != 7000222.0 {
		t.Errorf("got %v", got)
	}
}

func TestOneTenantAlone(t *testing.T) {
	w := odd(t)
	if _, page, _ := w.do(t, http.MethodGet, w.authorizeURL("organizations", "client_id", single), nil); !strings.Contains(page, "AADSTS50194") {
		t.Error(page)
	}
	if _, page, _ := w.do(t, http.MethodGet, w.authorizeURL(abroad, "client_id", single), nil); !strings.Contains(page, "AADSTS700016") {
		t.Error(page)
	}
	w.choose(t, w.authorizeURL(home, "client_id", single), ann)
	if got := w.ask(t, "organizations", map[string]string{"client_id": single, "grant_type": "refresh_token"}); got["error_codes"].([]any)[0] != 50194.0 {
		t.Errorf("got %v", got)
	}
}

func TestATokenForOneself(t *testing.T) {
	for name, row := range map[string]struct {
		app  entrasim.App
		want float64
	}{
		"without the permission to sign in": {entrasim.App{Client: older, NoSignIn: true}, 90008},
		"by another name than the id":       {entrasim.App{Client: older}, 90009},
	} {
		t.Run(name, func(t *testing.T) {
			w := odd(t, func(o *entrasim.Options) {
				row.app.RedirectURIs = []string{"http://localhost"}
				o.Apps[3] = row.app
			})
			_, _, back := w.do(t, http.MethodPost, w.authorizeURL(home, "client_id", older, "scope", "openid api://"+older+"/access_as_user"), url.Values{"user": {ann}})
			if !strings.Contains(back.Get("error_description"), "AADSTS"+map[float64]string{90008: "90008", 90009: "90009"}[row.want]) {
				t.Errorf("got %v", back)
			}
		})
	}
}

func TestKeysOfAnApplicationsOwn(t *testing.T) {
	w := odd(t, func(o *entrasim.Options) { o.Apps[0].OwnKeys = true })
	header := strings.Split(w.Token(ann), ".")[0]
	keysAt := func(query string) string {
		_, text, _ := w.do(t, http.MethodGet, w.URL+"/"+home+"/discovery/v2.0/keys"+query, nil)
		return text
	}
	kid := claimsOf(t, "x."+header+".x")["kid"].(string)
	if strings.Contains(keysAt(""), kid) || !strings.Contains(keysAt("?appid="+api), kid) {
		t.Error("the key is not where it has to be")
	}
}

func TestVersionOneIsWhatThereIs(t *testing.T) {
	w := odd(t, func(o *entrasim.Options) { o.Apps[0].Version, o.V1Issuer = 0, "https://sts.chinacloudapi.cn/" })
	for _, asked := range []string{api, "api://" + api} {
		got := w.signIn(t, ann, "scope", "openid offline_access "+asked+"/access_as_user")
		has(t, claimsOf(t, got["access_token"].(string)), "ver", "1.0", "aud", asked, "appid", cli, "iss", "https://sts.chinacloudapi.cn/"+home+"/")
	}
}

func TestScopesAreWrittenInManyWays(t *testing.T) {
	w := odd(t)
	for form, want := range map[entrasim.ScopeForm]string{
		entrasim.AsAsked: "openid api://" + api + "/access_as_user", entrasim.Short: "openid access_as_user",
		entrasim.Full: "openid api://" + api + "/access_as_user",
		entrasim.ByID: "openid " + api + "/access_as_user", entrasim.Shouted: strings.ToUpper("api://" + api + "/access_as_user"),
	} {
		w.WriteScopes(form)
		if got := w.signIn(t, ann); got["scope"] != want {
			t.Errorf("got %q, want %q", got["scope"], want)
		}
	}
	w.WriteScopes(entrasim.AsAsked)
	w.Decline("access_as_user")
	if got := w.signIn(t, ann); got["scope"] != "openid" {
		t.Errorf("got %q", got["scope"])
	}
}

func TestNoRefreshTokenIsGivenThatWasNotAskedFor(t *testing.T) {
	w := odd(t)
	code := w.choose(t, w.authorizeURL(home, "scope", "openid "+scopes[0]), ann).Get("code")
	if got := w.redeem(t, code, "scope", "openid offline_access "+scopes[0]); got["access_token"] == nil || got["refresh_token"] != nil {
		t.Errorf("got %v", got)
	}
}

func TestDevicesThatAreBlocked(t *testing.T) {
	w := odd(t)
	w.BlockDevices()
	secret, userCode, page := w.device(t)
	if _, text, _ := w.do(t, http.MethodPost, page, url.Values{"user_code": {userCode}, "user": {ann}}); !strings.Contains(text, "AADSTS53003") {
		t.Error(text)
	}
	if got := w.ask(t, home, map[string]string{"grant_type": "device_code", "device_code": secret}); got["error_codes"].([]any)[0] != 53003.0 {
		t.Errorf("got %v", got)
	}
	w = odd(t, func(o *entrasim.Options) { o.Apps[1].NoPublicFlows = true })
	secret, _, _ = w.device(t)
	if got := w.ask(t, home, map[string]string{"grant_type": "device_code", "device_code": secret}); got["error_codes"].([]any)[0] != 7000218.0 {
		t.Errorf("got %v", got)
	}
	w.signIn(t, ann)
}

func TestRolesThatWereWithdrawn(t *testing.T) {
	w := odd(t)
	first := w.signIn(t, boss)
	w.SetRoles(boss)
	if claims := claimsOf(t, w.renew(t, first)["access_token"].(string)); claims["roles"] != nil {
		t.Errorf("got %v", claims["roles"])
	}
}

// TestACertificate proves an application by one, with Microsoft's own library.
func TestACertificate(t *testing.T) {
	certificate, key := newCertificate(t, time.Now().AddDate(1, 0, 0))
	ended, endedKey := newCertificate(t, time.Now().Add(-time.Hour))
	stranger, strangerKey := newCertificate(t, time.Now().AddDate(1, 0, 0))
	w := started(t, entrasim.Options{}, func(s *entrasim.Server) (*entrasim.Listener, error) { return s.StartTLS("") }, func(o *entrasim.Options) {
		o.Apps = append(o.Apps, entrasim.App{Client: proving, Certificates: []*x509.Certificate{certificate, ended}})
	})
	ask := func(certificate *x509.Certificate, key crypto.PrivateKey, tenant string) error {
		proof, err := confidential.NewCredFromCert([]*x509.Certificate{certificate}, key)
		if err != nil {
			t.Fatal(err)
		}
		client, err := confidential.New(w.URL+"/"+tenant, proving, proof, confidential.WithHTTPClient(w.Client), confidential.WithInstanceDiscovery(false))
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.AcquireTokenByCredential(t.Context(), []string{"https://graph.microsoft.com/.default"})
		return err
	}
	if err := ask(certificate, key, home); err != nil {
		t.Error(err)
	}
	for name, err := range map[string]error{
		"of somebody else": ask(stranger, strangerKey, home), "that has ended": ask(ended, endedKey, home),
	} {
		var call msal.CallErr
		if !errors.As(err, &call) || answerOf(err).Error != "invalid_client" {
			t.Errorf("one %s: %v", name, err)
		}
	}
}

func newCertificate(t *testing.T, until time.Time) (*x509.Certificate, crypto.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "application"}, NotBefore: until.AddDate(-1, 0, -1), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// redeemAt redeems a code at a tenant.
func (w *world) redeemAt(t *testing.T, tenant, code string) map[string]any {
	t.Helper()
	got := w.ask(t, tenant, map[string]string{
		"grant_type": "authorization_code", "code": code, "redirect_uri": "http://localhost:7777", "code_verifier": verifier,
	})
	if got["access_token"] == nil {
		t.Fatalf("got %v", got)
	}
	return got
}

// redeemWeb signs a user in to the confidential application.
func (w *world) redeemWeb(t *testing.T, user string) map[string]any {
	t.Helper()
	code := w.choose(t, w.authorizeURL(home, "client_id", web, "redirect_uri", webBack), user).Get("code")
	return w.ask(t, home, map[string]string{
		"client_id": web, "client_secret": webSecret, "grant_type": "authorization_code", "code": code, "redirect_uri": webBack, "code_verifier": verifier,
	})
}

// device begins a sign-in by device code.
func (w *world) device(t *testing.T) (secret, userCode, page string) {
	t.Helper()
	_, text, _ := w.do(t, http.MethodPost, w.URL+"/"+home+"/oauth2/v2.0/devicecode", url.Values{"client_id": {cli}, "scope": {"openid " + scopes[0]}})
	got := claimsOf(t, "x."+encode(text)+".x")
	return got["device_code"].(string), got["user_code"].(string), got["verification_uri"].(string)
}
