package microsoft

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
)

func TestURL(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	r := Request{State: "s", Nonce: "n", Challenge: "c", LoginHint: "ann@home.example", Claims: `{"a":1}`}
	want := url.Values{
		"client_id": {web}, "response_type": {"code"}, "response_mode": {"query"}, "redirect_uri": {back}, "state": {"s"}, "nonce": {"n"},
		"scope":          {"openid profile offline_access Calendars.ReadWrite MailboxSettings.Read"},
		"code_challenge": {"c"}, "code_challenge_method": {"S256"}, "login_hint": {"ann@home.example"}, "claims": {`{"a":1}`},
	}
	check := func(t *testing.T, address, page string) {
		t.Helper()
		got, err := url.Parse(address)
		if err != nil || !strings.HasPrefix(address, page+"?") {
			t.Fatalf("got %s, %v", address, err)
		}
		if diff := cmp.Diff(want, got.Query()); diff != "" {
			t.Error(diff)
		}
	}
	t.Run("of one tenant is that tenant's page", func(t *testing.T) {
		check(t, w.api().URL(t.Context(), r), w.url+"/"+home+"/oauth2/v2.0/authorize")
	})
	t.Run("of several is everybody's page", func(t *testing.T) {
		check(t, w.api(tenants).URL(t.Context(), r), w.url+"/organizations/oauth2/v2.0/authorize")
	})
	t.Run("of one, where others are let in as well, is everybody's page", func(t *testing.T) {
		more, down := true, error(nil)
		api := w.api(func(o *Options) { o.More = func(context.Context) (bool, error) { return more, down } })
		check(t, api.URL(t.Context(), r), w.url+"/organizations/oauth2/v2.0/authorize")
		more = false
		check(t, api.URL(t.Context(), r), w.url+"/"+home+"/oauth2/v2.0/authorize")
		down = errors.New("down")
		check(t, api.URL(t.Context(), r), w.url+"/"+home+"/oauth2/v2.0/authorize")
	})
	t.Run("of a tenant that is named is that one's page, if it is let in", func(t *testing.T) {
		in := map[string]bool{abroad: true}
		api := w.api(func(o *Options) { o.Lets = func(_ context.Context, id string) (bool, error) { return in[id], nil } })
		named := r
		named.Tenant = strings.ToUpper(abroad)
		address, err := api.Begin(t.Context(), "", named)
		if err != nil {
			t.Fatal(err)
		}
		check(t, address, w.url+"/"+abroad+"/oauth2/v2.0/authorize")
		in[abroad] = false
		if _, err := api.Begin(t.Context(), "", named); fault.FieldOf(err) != "tenant" {
			t.Errorf("of one that is not: %v", err)
		}
	})
	t.Run("leaves out what nobody asks for", func(t *testing.T) {
		delete(want, "login_hint")
		delete(want, "claims")
		r.LoginHint, r.Claims = "", ""
		check(t, w.api().URL(t.Context(), r), w.url+"/"+home+"/oauth2/v2.0/authorize")
	})
	if n := len(w.Requests()); n != 0 {
		t.Errorf("%d endpoints were asked", n)
	}
}

func TestSigningIn(t *testing.T) {
	for name, change := range map[string]func(*Options){"a confidential application": func(*Options) {}, "a public application": publicApp} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{})
			api, worker := w.api(change), w.worker(change)
			if got, err := api.State(w.ctx(), bossKey); err != nil || got != (State{}) {
				t.Errorf("before: %+v, %v", got, err)
			}
			who := api.signIn(boss)
			if want := (account.Principal{Tenant: home, Object: boss, Name: "Boss", Role: account.RoleAdmin, UserName: "boss@home.example"}); who.Principal != want {
				t.Errorf("got %+v, want %+v", who.Principal, want)
			}
			token, expires, err := who.Access.Token(t.Context())
			if err != nil || keyIn(token) != bossKey || !expires.After(w.now()) {
				t.Errorf("got a token of %s until %s, %v", keyIn(token), expires, err)
			}
			if err := who.Access.Refused(t.Context(), "{}"); !errors.Is(err, ErrSignInNeeded) {
				t.Errorf("refused: %v", err)
			}
			if got, err := api.State(w.ctx(), bossKey); err != nil || got != (State{SignedIn: true}) {
				t.Errorf("after: %+v, %v", got, err)
			}
			if got := worker.needs(bossKey); got != token || w.asked() != 1 {
				t.Errorf("the worker has the same token: %t, after %d requests", got == token, w.asked())
			}
			if got := api.signIn(ann); got.Role != account.RoleUser {
				t.Errorf("got %+v", got.Principal)
			}
			worker.needs(annKey)
			if w.Requests()[entrasim.Discovery] > 2*2 { // each process asks for the library and for the keys
				t.Errorf("asked %v", w.Requests())
			}
		})
	}
	t.Run("at several tenants", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{Strict: true})
		api, worker := w.api(tenants), w.worker(tenants)
		for user, key := range map[string]string{ann: annKey, eve: eveKey} {
			if who := api.signIn(user); who.Key() != key {
				t.Errorf("got %+v", who.Principal)
			}
			worker.needs(key)
		}
	})
	t.Run("a new sign-in takes the place of the old one", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		first := worker.needs(annKey)
		api.signIn(ann)
		w.advance(lookEvery)
		second := worker.needs(annKey)
		worker.signIn(ann)
		if third := worker.needs(annKey); second == first || third == second {
			t.Errorf("the old token is in use: in another process %t, in the same one %t", second == first, third == second)
		}
	})
}

func TestASignInThatIsNotGood(t *testing.T) {
	for _, row := range []struct {
		name   string
		user   string
		client func(*Options)
		change func(*world, *Response)
		kind   fault.Kind
		again  bool // ErrSignInNeeded
		text   string
	}{
		{name: "the nonce of another sign-in", change: func(_ *world, r *Response) { r.Nonce = "another" }, kind: fault.Unauthenticated, text: "not begun here"},
		{name: "no nonce", change: func(_ *world, r *Response) { r.Nonce = "" }, kind: fault.Unauthenticated, text: "not begun here"},
		{
			name: "a wrong verifier", change: func(_ *world, r *Response) { r.Verifier = strings.Repeat("x", 43) }, kind: fault.Unauthenticated,
			again: true, text: "AADSTS501481",
		},
		{name: "no verifier", change: func(_ *world, r *Response) { r.Verifier = "" }, kind: fault.Unauthenticated, again: true, text: "AADSTS501481"},
		{
			name: "an invented code", change: func(_ *world, r *Response) { r.Code = "an-invented-code" }, kind: fault.Unauthenticated, again: true,
			text: "AADSTS9002313",
		},
		{name: "a code that is too old", change: func(w *world, _ *Response) { w.advance(time.Hour) }, kind: fault.Unauthenticated, again: true, text: "AADSTS70008"},
		{
			name: "a user whose account was closed meanwhile", change: func(w *world, _ *Response) { w.Disable(ann, true) },
			kind: fault.Unauthenticated, again: true, text: "AADSTS50057",
		},
		{
			name: "a user of a tenant that is not let in", user: eve, client: func(o *Options) { o.Tenants = []string{home, third} },
			kind: fault.Unauthenticated, text: "tenant",
		},
		{name: "an outage", change: func(w *world, _ *Response) { w.Break(entrasim.Token, 503) }, kind: fault.Unavailable},
		{name: "an outage of discovery", change: func(w *world, _ *Response) { w.Break(entrasim.Discovery, 500) }, kind: fault.Unavailable},
		{name: "an outage of the keys", change: func(w *world, _ *Response) { w.Break(entrasim.Keys, 500) }, kind: fault.Unavailable},
		{name: "a cut connection", change: func(w *world, _ *Response) { w.Break(entrasim.Token, 0) }, kind: fault.Unavailable},
		{name: "throttling", change: func(w *world, _ *Response) { w.Break(entrasim.Token, 429) }, kind: fault.Throttled},
		{name: "an answer that is none", change: func(w *world, _ *Response) {
			w.wire.set(func(wire *wire) { wire.answer = func(_ url.Values, body map[string]any) { delete(body, "expires_in") } })
		}, kind: fault.Unavailable},
		{name: "an id token that is none", change: func(w *world, _ *Response) {
			w.wire.set(func(wire *wire) {
				wire.answer = func(_ url.Values, body map[string]any) {
					if token, ok := body["id_token"].(string); ok {
						body["id_token"] = token[:strings.LastIndex(token, ".")] + ".AAAA"
					}
				}
			})
		}, kind: fault.Unauthenticated, text: "not genuine"},
		{name: "no id token", change: func(w *world, _ *Response) {
			w.wire.set(func(wire *wire) { wire.answer = func(_ url.Values, body map[string]any) { delete(body, "id_token") } })
		}, kind: fault.Unauthenticated},
		{name: "a user who allowed a part alone", change: func(w *world, _ *Response) {
			w.wire.set(func(wire *wire) {
				wire.answer = func(_ url.Values, body map[string]any) {
					if body["scope"] != nil {
						body["scope"] = "openid profile Calendars.ReadWrite"
					}
				}
			})
		}, kind: fault.Forbidden, text: "allow both"},
		{name: "an application that is not set up", change: func(w *world, _ *Response) {
			w.wire.set(func(wire *wire) {
				wire.request = func(_ *http.Request, form url.Values) (*http.Response, error) {
					form.Set("client_secret", "wrong")
					return nil, nil
				}
			})
		}, kind: fault.Setup, text: "AADSTS7000215"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{})
			if row.user == "" {
				row.user, row.client = ann, func(*Options) {}
			}
			api := w.api(row.client)
			r := api.begin(row.user)
			if row.change != nil {
				row.change(w, &r)
			}
			who, err := api.Redeem(w.ctx(), r)
			if w.tell(err); fault.Of(err) != row.kind || errors.Is(err, ErrSignInNeeded) != row.again || !strings.Contains(err.Error(), row.text) {
				t.Errorf("got %v of kind %s, want %s", err, fault.Of(err), row.kind)
			}
			if who != (Identity{}) {
				t.Errorf("%+v is in", who)
			}
			for _, key := range []string{annKey, eveKey} {
				if _, found := w.item(key); found {
					t.Error("something was stored")
				}
			}
		})
	}
	t.Run("a code that was redeemed ends the first sign-in too", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		api, worker := w.api(), w.worker()
		r := api.begin(ann)
		w.expiring(true)
		if _, err := api.Redeem(w.ctx(), r); err != nil {
			t.Fatal(err)
		}
		before, _ := w.item(annKey)
		_, err := api.Redeem(w.ctx(), r)
		if w.tell(err); !errors.Is(err, ErrSignInNeeded) || !strings.Contains(err.Error(), "AADSTS54005") {
			t.Errorf("got %v", err)
		}
		if after, _ := w.item(annKey); !bytes.Equal(after.Sealed, before.Sealed) {
			t.Error("what the first one stored was changed")
		}
		if _, err := worker.token(annKey); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a code of another application", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		r := w.api(publicApp, func(o *Options) { o.Client = other }).begin(ann)
		if _, err := w.api(publicApp).Redeem(w.ctx(), r); !errors.Is(w.tell(err), ErrSignInNeeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTokensGoNowhereElse(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	api := w.api()
	t.Run("not where discovery points", func(t *testing.T) {
		r := api.begin(ann)
		w.wire.set(func(wire *wire) {
			wire.answer = func(_ url.Values, body map[string]any) {
				if body["token_endpoint"] != nil {
					body["token_endpoint"] = "https://evil.example/token"
				}
			}
			wire.request = func(r *http.Request, _ url.Values) (*http.Response, error) {
				if strings.Contains(r.URL.Host, "evil") {
					t.Error("the code went elsewhere")
				}
				return nil, nil
			}
		})
		_, err := api.Redeem(w.ctx(), r)
		if w.tell(err); fault.Of(err) != fault.Internal || !strings.Contains(err.Error(), "evil.example") {
			t.Errorf("got %v", err)
		}
		w.wire.set(func(wire *wire) { wire.answer, wire.request = nil, nil })
		if _, err := api.Redeem(w.ctx(), r); err != nil {
			t.Errorf("when it is right again: %v", err)
		}
	})
	t.Run("not where a redirect points", func(t *testing.T) {
		r := api.begin(ann)
		asked := 0
		w.wire.set(func(wire *wire) {
			wire.request = func(r *http.Request, _ url.Values) (*http.Response, error) {
				asked++
				return &http.Response{
					StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"https://evil.example/"}},
					Body: io.NopCloser(strings.NewReader("")), Request: r,
				}, nil
			}
		})
		if _, err := api.Redeem(w.ctx(), r); w.tell(err) == nil || asked != 1 {
			t.Errorf("got %v after %d requests", err, asked)
		}
		w.wire.set(func(wire *wire) { wire.request = nil })
	})
}

func TestACertificateShowsWhoTheApplicationIs(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "app"}, NotAfter: time.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})...)
	certificate := func(o *Options) { o.Secret, o.Certificate = "", both }

	w := newWorld(t, entrasim.Options{Strict: true})
	shown := 0
	w.wire.set(func(wire *wire) {
		// The simulator knows no certificates: what the application shows is checked here, and a secret handed on.
		wire.request = func(r *http.Request, form url.Values) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, "/token") {
				return nil, nil
			}
			assertion, err := jose.ParseSigned(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.PS256})
			if err != nil || form.Has("client_secret") {
				t.Errorf("the application shows %v, %v", form, err)
				return nil, nil
			}
			claims, err := assertion.Verify(key.Public())
			if err != nil || !strings.Contains(string(claims), web) {
				t.Errorf("the assertion is %s, %v", claims, err)
			}
			shown++
			form.Del("client_assertion")
			form.Del("client_assertion_type")
			form.Set("client_secret", webSecret)
			return nil, nil
		}
	})
	w.expiring(true)
	w.api(certificate).signIn(ann)
	w.worker(certificate).needs(annKey)
	if shown != 2 {
		t.Errorf("was shown %d times", shown)
	}
}

func TestNewRefuses(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	for name, row := range map[string]struct {
		change func(*Options)
		field  string
	}{
		"no client":                       {func(o *Options) { o.Client = "" }, "audiences"},
		"no tenants":                      {func(o *Options) { o.Tenants = nil }, "tenants"},
		"a tenant that is none":           {func(o *Options) { o.Tenants = []string{"common"} }, "tenants"},
		"an authority in clear":           {func(o *Options) { o.Authority = "http://login.example" }, "authority"},
		"an authority in clear, loopback": {func(o *Options) { o.Authority = "http://127.0.0.1:1" }, "authority"},
		"no clock":                        {func(o *Options) { o.Clock = nil }, "clock"},
		"no redirect":                     {func(o *Options) { o.RedirectURL = "" }, "redirect_url"},
		"a redirect in clear":             {func(o *Options) { o.RedirectURL = "http://app.example/back" }, "redirect_url"},
		"a redirect to a program":         {func(o *Options) { o.RedirectURL = "app://back" }, "redirect_url"},
		"no scopes":                       {func(o *Options) { o.Scopes = []string{} }, "scopes"},
		"two scopes in one":               {func(o *Options) { o.Scopes = []string{"a b"} }, "scopes"},
		"no table":                        {func(o *Options) { o.Table = nil }, "table"},
		"no keeper":                       {func(o *Options) { o.Keeper = nil }, "keeper"},
		"two ways to show who it is":      {func(o *Options) { o.Certificate = []byte("x") }, "secret"},
		"a certificate that is none":      {func(o *Options) { o.Secret, o.Certificate = "", []byte("x") }, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			o := w.options()
			row.change(&o)
			if _, err := New(o); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != row.field {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("nothing of what works", func(t *testing.T) {
		for _, change := range []func(*Options){
			func(*Options) {}, func(o *Options) { o.Authority, o.HTTPClient = "", nil }, func(o *Options) { o.RedirectURL = "http://localhost:8080/back" },
		} {
			o := w.options()
			change(&o)
			if _, err := New(o); err != nil {
				t.Error(err)
			}
		}
	})
}
