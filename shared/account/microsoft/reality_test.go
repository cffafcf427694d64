package microsoft

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
)

var (
	seed = flag.Uint64("seed", 1, "of the random sets of the service's behaviours")
	sets = flag.Int("sets", 6, "how many random sets of the service's behaviours are tried")
)

// behaviour is something that the service may do, and that nobody has to notice.
type behaviour struct {
	name   string
	before func(*entrasim.Options) // the service starts
	after  func(*world)            // it has started
	option func(*world, *Options)
}

var behaviours = []behaviour{
	{name: "scopes without their API", after: func(w *world) { w.WriteScopes(entrasim.Short) }},
	{name: "scopes with the address of their API", after: func(w *world) { w.WriteScopes(entrasim.Full) }},
	{name: "scopes with the id of their API", after: func(w *world) { w.WriteScopes(entrasim.ByID) }},
	{name: "scopes in capitals and another order", after: func(w *world) { w.WriteScopes(entrasim.Shouted) }},
	{name: "a single tenant", before: func(o *entrasim.Options) { o.Apps[0].Tenant = home }},
	{name: "keys of the application's own", before: func(o *entrasim.Options) { o.Apps[0].OwnKeys = true }},
	{name: "another name in the token", before: func(o *entrasim.Options) { o.Users[0].Alias = "ann.other@other.example" }},
	{name: "many groups", before: func(o *entrasim.Options) {
		o.Users[0].Groups, o.Apps[0].Optional = 170, []string{"groups", "acct", "login_hint"}
	}},
	{name: "a password that was changed", after: func(w *world) { w.ChangePassword(ann) }},
	{name: "a certificate", before: certified, option: byCertificate},
	{name: "an identity of another provider", before: federated, option: byAssertion},
	{name: "single use of refresh tokens", before: func(o *entrasim.Options) { o.Strict = true }},
	{name: "a guest", before: func(o *entrasim.Options) { o.Users[0].Home = abroad }, option: func(_ *world, o *Options) { o.Guests = true }},
}

// acts signs a user in and acts for the user, at a service that behaves so.
func acts(t *testing.T, all ...behaviour) {
	t.Helper()
	w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) {
		for _, b := range all {
			if b.before != nil {
				b.before(o)
			}
		}
	})
	options := func(o *Options) {
		for _, b := range all {
			if b.option != nil {
				b.option(w, o)
			}
		}
	}
	w.expiring(true)
	for _, b := range all {
		if b.after != nil {
			b.after(w)
		}
	}
	api := w.api(options)
	who := api.signIn(ann, func(r *Request) { r.Tenant = home })
	for _, b := range all {
		if b.after != nil { // once more, with a sign-in that there is
			b.after(w)
		}
	}
	if who.Key() != annKey {
		t.Errorf("%s is in", who.Key())
	}
	worker := w.worker(options)
	first := worker.needs(annKey)
	if second := worker.needs(annKey); first == second {
		t.Error("the token was not refreshed")
	}
	w.expiring(false)
	held := worker.needs(annKey)
	asked := w.asked()
	if again := w.worker(options).needs(annKey); again != held || w.asked() != asked {
		t.Error("a token that is good was asked for again")
	}
}

func TestNobodyNoticesHowTheServiceBehaves(t *testing.T) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) { acts(t, b) })
	}
	random := mathrand.New(mathrand.NewPCG(*seed, 0))
	for i := range *sets {
		var set []behaviour
		var names []string
		for _, at := range random.Perm(len(behaviours))[:2+random.IntN(4)] {
			b := behaviours[at]
			before := strings.Join(names, ",")
			if b.option != nil && strings.Contains(before, "certificate") || b.name == "a certificate" && strings.Contains(before, "identity") {
				continue // an application shows who it is in one way
			}
			set, names = append(set, b), append(names, b.name)
		}
		t.Run(fmt.Sprintf("set %d of seed %d: %s", i, *seed, strings.Join(names, ", ")), func(t *testing.T) { acts(t, set...) })
	}
}

// The certificate of the application; its key is made once.
var certificate, certificatePEM = newCertificate()

func newCertificate() (*x509.Certificate, []byte) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "application"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return parsed, append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

func certified(o *entrasim.Options) {
	o.Apps[0].Secret, o.Apps[0].Certificates = "", []*x509.Certificate{certificate}
}

func byCertificate(_ *world, o *Options) { o.Secret, o.Certificate = "", certificatePEM }

// issuer vouches for the role of a function, as AWS does.
var issuer = awstest.NewIssuer("https://11111111.tokens.sts.global.api.aws")

const role = "arn:aws:iam::123456789012:role/api"

func federated(o *entrasim.Options) {
	o.Apps[0].Secret = ""
	o.Apps[0].Federated = []entrasim.Federated{{Issuer: issuer.URL, Subject: role, Keys: issuer.Keys}}
}

func byAssertion(w *world, o *Options) {
	o.Secret = ""
	o.Assertion = func(context.Context) (string, error) {
		token := issuer.Token(role, entrasim.FederatedAudience, w.now(), time.Minute)
		w.wire.remember(token)
		return token, nil
	}
}

func TestAnIdentityOfAnotherProvider(t *testing.T) {
	for name, row := range map[string]struct {
		token func(*world) (string, error)
		kind  fault.Kind
		text  string
	}{
		"of another role": {func(w *world) (string, error) {
			return issuer.Token(role+"2", entrasim.FederatedAudience, w.now(), time.Minute), nil
		}, fault.Unavailable, "AADSTS700213"},
		"for another audience": {func(w *world) (string, error) {
			return issuer.Token(role, "api://other", w.now(), time.Minute), nil
		}, fault.Unavailable, "AADSTS700212"},
		"that has ended": {func(w *world) (string, error) {
			return issuer.Token(role, entrasim.FederatedAudience, w.now().Add(-time.Hour), time.Minute), nil
		}, fault.Setup, "AADSTS700024"},
		"of another issuer": {func(w *world) (string, error) {
			return awstest.NewIssuer("https://other.example").Token(role, entrasim.FederatedAudience, w.now(), time.Minute), nil
		}, fault.Unavailable, "AADSTS700211"},
		"of somebody else under its name": {func(w *world) (string, error) {
			return awstest.NewIssuer(issuer.URL).Token(role, entrasim.FederatedAudience, w.now(), time.Minute), nil
		}, fault.Setup, "AADSTS700027"},
		"that cannot be had": {func(*world) (string, error) { return "", fault.New(fault.Setup, "the role may not do that") }, fault.Setup, "may not do that"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldWith(t, entrasim.Options{}, federated)
			w.expiring(true)
			w.api(func(o *Options) { byAssertion(w, o) }).signIn(ann)
			worker := w.worker(func(o *Options) {
				o.Secret, o.Assertion = "", func(context.Context) (string, error) { return row.token(w) }
			})
			if _, err := worker.token(annKey); fault.Of(err) != row.kind || !strings.Contains(err.Error(), row.text) {
				t.Errorf("got %v of kind %s", err, fault.Of(err))
			}
			if state, _ := w.api().State(t.Context(), annKey); !state.SignedIn {
				t.Error("the sign-in is lost")
			}
		})
	}
	t.Run("excludes a secret", func(t *testing.T) {
		o := newWorld(t, entrasim.Options{}).options()
		o.Assertion = func(context.Context) (string, error) { return "", nil }
		if _, err := New(o); fault.FieldOf(err) != "secret" {
			t.Errorf("got %v", err)
		}
	})
}

func TestWhoSignsInAlone(t *testing.T) {
	identity := func(o *Options) { o.IdentityOnly, o.Scopes = true, []string{"User.Read"} }
	w := newWorld(t, entrasim.Options{})
	w.api().signIn(ann) // as it was before the setting changed
	api := w.api(identity)
	page, err := url.Parse(api.URL(t.Context(), Request{State: "s"}))
	if err != nil || page.Query().Get("scope") != "openid profile User.Read" {
		t.Errorf("asks for %q", page.Query().Get("scope"))
	}
	var refreshed bool
	w.wire.set(func(wire *wire) {
		wire.answer = func(_ url.Values, body map[string]any) { refreshed = refreshed || body["refresh_token"] != nil }
	})
	who := api.signIn(ann)
	if who.Key() != annKey || refreshed {
		t.Errorf("%s is in, with a refresh token: %t", who.Key(), refreshed)
	}
	if e, kept := w.item(annKey); kept {
		t.Errorf("kept: %+v", e.record)
	}
}

func TestWhereAUserSignsIn(t *testing.T) {
	w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Apps[0].Optional = []string{"login_hint"} })
	api := w.api(tenants)
	at := func(r Request) *url.URL {
		page, err := api.Begin(t.Context(), "", r)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for tenant, want := range map[string]string{"": "/organizations/", home: "/" + home + "/", strings.ToUpper(abroad): "/" + abroad + "/"} {
		if got := at(Request{Tenant: tenant}); !strings.HasPrefix(got.Path, want) {
			t.Errorf("%q is asked for at %s", tenant, got.Path)
		}
	}
	for _, tenant := range []string{third, "common", "../evil"} {
		if _, err := api.Begin(t.Context(), "", Request{Tenant: tenant}); fault.FieldOf(err) != "tenant" {
			t.Errorf("%q: %v", tenant, err)
		}
	}
	if got := at(Request{Prompt: SelectAccount}).Query().Get("prompt"); got != "select_account" {
		t.Errorf("prompt %q", got)
	}
	if at(Request{}).Query().Has("prompt") {
		t.Error("a prompt that nobody asked for")
	}
	r := api.begin(eve, func(r *Request) { r.Tenant = abroad })
	if _, err := api.Redeem(w.ctx(), Response{Code: r.Code, Verifier: r.Verifier, Nonce: r.Nonce, Tenant: home}); !errors.Is(err, ErrSignInNeeded) {
		t.Errorf("redeemed at another tenant: %v", err)
	}
	r = api.begin(eve, func(r *Request) { r.Tenant = abroad })
	who, err := api.Redeem(w.ctx(), Response{Code: r.Code, Verifier: r.Verifier, Nonce: r.Nonce, Tenant: abroad})
	if err != nil || who.Key() != eveKey || who.LogoutHint == "" {
		t.Fatalf("%+v, %v", who, err)
	}
	out, err := api.SignOut(t.Context(), abroad, who.LogoutHint)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(out)
	if err != nil || !strings.HasPrefix(out, w.url+"/"+abroad+"/oauth2/v2.0/logout?") || u.Query().Get("logout_hint") != who.LogoutHint ||
		u.Query().Get("post_logout_redirect_uri") != "https://app.example/sign-in/signed-out" {
		t.Errorf("signs out at %s", out)
	}
	if got, err := api.Consent(t.Context(), home); err != nil || got != w.url+"/"+home+"/adminconsent?client_id="+web {
		t.Errorf("consent at %s", got)
	}
}

func TestGuestsAreRefusedAtTheirSignIn(t *testing.T) {
	w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Users[0].Home = abroad })
	api := w.api()
	verifier := oauth2.GenerateVerifier()
	came := w.browse(api.URL(t.Context(), Request{State: "s", Nonce: "n", Challenge: oauth2.S256ChallengeFromVerifier(verifier)}), ann)
	if _, err := api.Redeem(w.ctx(), Response{Code: came.Get("code"), Verifier: verifier, Nonce: "n"}); fault.Of(err) != fault.Unauthenticated ||
		!strings.Contains(err.Error(), "guests") {
		t.Errorf("got %v", err)
	}
	if _, kept := w.item(annKey); kept {
		t.Error("something is kept of it")
	}
}
