package bearer

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
)

const (
	home   = "11111111-1111-4111-8111-111111111111" // the tenant whose users are let in
	abroad = "22222222-2222-4222-8222-222222222222"
	ann    = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	boss   = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	eve    = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee" // of the other tenant
	api    = "cccccccc-cccc-4ccc-8ccc-cccccccccccc"
	other  = "dddddddd-dddd-4ddd-8ddd-dddddddddddd" // another application
)

// clock is the time of a test.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// start serves a simulator over real HTTP.
func start(t testing.TB) (*entrasim.Server, *entrasim.Listener, *clock) {
	c := newClock()
	sim := entrasim.New(entrasim.Options{
		Users: []entrasim.User{
			{Tenant: home, Object: ann, Name: "Ann", Username: "ann@home.example"},
			{Tenant: home, Object: boss, Name: "Boss", Username: "boss@home.example", Roles: []string{"Admin"}},
			{Tenant: abroad, Object: eve, Name: "Eve", Username: "eve@abroad.example"},
		},
		Apps:  []entrasim.App{{Client: api, Version: 2}, {Client: other, Version: 2}},
		Clock: c.now,
	})
	l, err := sim.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return sim, l, c
}

// verifier lets in users of the home tenant, unless the options say otherwise.
func verifier(t testing.TB, l *entrasim.Listener, c *clock, change ...func(*Options)) *Verifier {
	o := Options{Authority: l.URL, Audiences: []string{api}, Clients: []string{api}, Tenants: []string{home}, HTTPClient: l.Client, Clock: c.now}
	for _, f := range change {
		f(&o)
	}
	v, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerify(t *testing.T) {
	sim, l, c := start(t)
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := c.now().Unix()
	claim := entrasim.Claim
	v1 := func(more ...entrasim.Override) []entrasim.Override {
		return append([]entrasim.Override{claim("ver", "1.0"), claim("iss", "https://sts.windows.net/"+home+"/"), claim("azp", nil), claim("appid", api)}, more...)
	}
	list := func(o ...entrasim.Override) []entrasim.Override { return o }
	service := func(more ...entrasim.Override) []entrasim.Override {
		return append(list(claim("scp", nil), claim("idtyp", "app"), claim("roles", []string{"nightly"})), more...)
	}
	services := func(o *Options) { o.ServiceRoles = []string{"nightly", "hourly"} }

	for _, row := range []struct {
		name   string
		user   string // empty: Ann
		change []entrasim.Override
		option func(*Options)
		want   error
	}{
		{name: "a good token"},
		{name: "a token of version 1.0", change: v1()},
		{name: "a token of version 1.0 that names the application id as a URI", change: v1(claim("aud", "api://"+api))},
		{name: "a token that expired less than a minute ago, by a clock that runs late", change: list(claim("exp", now-59))},
		{name: "a token from a clock that runs half a minute ahead", change: list(claim("nbf", now+30), claim("iat", now+30))},
		{name: "a token without nbf", change: list(claim("nbf", nil))},
		{name: "a client that was configured in capitals", option: func(o *Options) { o.Clients = []string{strings.ToUpper(api)} }},
		{name: "the scope among others", change: list(claim("scp", "openid access_as_user email"))},
		{name: "a service with its role", option: services, change: service()},
		{name: "a service with its role among others, in version 1.0", option: services, change: v1(service(claim("roles", []string{"x", "hourly"}))...)},
		{name: "a service is no administrator", option: services, change: service(claim("roles", []string{"nightly", "admin"}))},
		{name: "another member of the list of audiences", option: func(o *Options) { o.Audiences = append(o.Audiences, other) }, change: list(claim("aud", other))},
		{name: "a tenant that was configured in capitals", option: func(o *Options) { o.Tenants = []string{strings.ToUpper(home)} }},

		{name: "a user of another tenant, signed with the very same key", user: eve, want: errTenant},
		{name: "a user of another tenant, with our issuer", user: eve, change: list(claim("iss", l.URL+"/"+home+"/v2.0")), want: errTenant},
		{name: "our tenant, with the issuer of another", change: list(claim("iss", l.URL+"/"+abroad+"/v2.0")), want: errIssuer},
		{name: "our tenant, with the v1.0 issuer of another", change: v1(claim("iss", "https://sts.windows.net/"+abroad+"/")), want: errIssuer},
		{name: "a version 1.0 issuer in a version 2.0 token", change: v1(claim("ver", "2.0")), want: errIssuer},
		{name: "a version 2.0 issuer in a version 1.0 token", change: list(claim("ver", "1.0")), want: errIssuer},
		{name: "no version", change: list(claim("ver", nil)), want: errIssuer},
		{name: "an issuer that begins like ours", change: list(claim("iss", l.URL+"/"+home+"/v2.0/more")), want: errIssuer},
		{name: "an issuer on another host", change: list(claim("iss", "https://evil.example/"+home+"/v2.0")), want: errIssuer},
		{name: "no issuer", change: list(claim("iss", nil)), want: errIssuer},
		{name: "no tenant", change: list(claim("tid", nil)), want: errTenant},
		{
			name: "a tenant in capitals", change: list(claim("tid", strings.ToUpper(home)), claim("iss", l.URL+"/"+strings.ToUpper(home)+"/v2.0")),
			option: func(o *Options) { o.Tenants = []string{abroad} }, want: errTenant,
		},
		{name: "the tenant common", change: list(claim("tid", "common")), want: errTenant},

		{name: "another audience", change: list(claim("aud", other)), want: errAudience},
		{name: "Microsoft Graph as the audience", change: list(claim("aud", "https://graph.microsoft.com")), want: errAudience},
		{name: "an audience that begins like ours", change: list(claim("aud", api+"0")), want: errAudience},
		{name: "the URI form of the audience in version 2.0", change: list(claim("aud", "api://"+api)), want: errAudience},
		{name: "no audience", change: list(claim("aud", nil)), want: errAudience},
		{name: "an empty audience", change: list(claim("aud", "")), want: errAudience},
		{name: "several audiences", change: list(claim("aud", []string{api, other})), want: errMalformed},

		{name: "another client", change: list(claim("azp", other)), want: errClient},
		{name: "another client in version 1.0", change: v1(claim("appid", other)), want: errClient},
		{name: "another client, with ours where version 1.0 has it", change: list(claim("azp", other), claim("appid", api)), want: errClient},
		{name: "a version 2.0 client in a token of version 1.0", change: v1(claim("appid", nil), claim("azp", api)), want: errClient},
		{name: "no client", change: list(claim("azp", nil)), want: errClient},
		{name: "any client, where none is configured", option: func(o *Options) { o.Clients = nil }, want: errClient},
		{name: "no client, where none is configured", option: func(o *Options) { o.Clients = nil }, change: list(claim("azp", nil)), want: errClient},

		{name: "another scope", change: list(claim("scp", "read")), want: errScope},
		{name: "a scope that begins like ours", change: list(claim("scp", "access_as_user.read")), want: errScope},
		{name: "a scope that ends like ours", change: list(claim("scp", "not_access_as_user")), want: errScope},
		{name: "the scope in capitals", change: list(claim("scp", "Access_As_User")), want: errScope},
		{name: "the scope behind a tab", change: list(claim("scp", "read\taccess_as_user")), want: errScope},
		{name: "a space for a scope", change: list(claim("scp", " ")), want: errScope},
		{name: "another scope, and a role of services", option: services, change: list(claim("scp", "read"), claim("roles", []string{"nightly"})), want: errScope},
		{name: "another scope and another key under the name of ours", change: list(claim("scp", "read"), entrasim.SignedBy(foreign)), want: errSignature},
		{name: "a service with another role", option: services, change: service(claim("roles", []string{"Nightly"})), want: errService},
		{name: "a service without a role", option: services, change: service(claim("roles", nil)), want: errService},
		{name: "a service of another application", option: services, change: service(claim("azp", other)), want: errClient},
		{name: "a service that also has a scope", option: services, change: service(claim("scp", "access_as_user")), want: errApplication},
		{name: "a service with another key under the name of ours", option: services, change: service(entrasim.SignedBy(foreign)), want: errSignature},
		{name: "a service that does not say that it is one", option: services, change: service(claim("idtyp", nil)), want: errNoScope},

		{name: "no user", change: list(claim("oid", nil)), want: errNoUser},
		{name: "a user that is no id", change: list(claim("oid", "ann#x")), want: errNoUser},
		{name: "a user in capitals, who would be another one", change: list(claim("oid", strings.ToUpper(ann))), want: errNoUser},
		{name: "a user with a line after it", change: list(claim("oid", ann+"\n")), want: errNoUser},
		{name: "an id token, which has no scope", change: list(claim("scp", nil)), want: errNoScope},
		{name: "a token of an application", change: list(claim("scp", nil), claim("idtyp", "app"), claim("roles", []string{"Admin"})), want: errApplication},
		{name: "a token of an application that also has a scope", change: list(claim("idtyp", "app")), want: errApplication},
		{name: "a token of an application that does not say so", change: list(claim("scp", nil), claim("roles", []string{"Admin"})), want: errNoScope},

		{name: "one that expired", change: list(claim("exp", now-60)), want: errExpired},
		{name: "one that never expires", change: list(claim("exp", nil)), want: errMalformed},
		{name: "an expiry that is text", change: list(claim("exp", "9999999999")), want: errMalformed},
		{name: "an expiry before 1970", change: list(claim("exp", -5)), want: errMalformed},
		{name: "an expiry beyond all times", change: list(claim("exp", 1e30)), want: errMalformed},
		{name: "one that begins in the future", change: list(claim("nbf", now+61)), want: errNotYet},
		{name: "one that was issued in the future", change: list(claim("iat", now+61)), want: errNotYet},
		{name: "one that was never issued", change: list(claim("iat", nil)), want: errMalformed},

		{name: "another key under the name of ours", change: list(entrasim.SignedBy(foreign)), want: errSignature},
		{name: "a key that nobody publishes", change: list(entrasim.SignedBy(foreign), entrasim.Header("kid", "mine")), want: errUnknownKey},
		{name: "no name of a key", change: list(entrasim.Header("kid", nil)), want: errMalformed},
		{name: "a long name of a key", change: list(entrasim.Header("kid", strings.Repeat("k", maxKeyID+1))), want: errMalformed},
		{name: "the algorithm none", change: list(entrasim.Unsigned()), want: errMalformed},
		{name: "HS256 with the public key as the secret", change: list(entrasim.SharedSecret()), want: errMalformed},
		{name: "an extension that has to be understood", change: list(entrasim.Header("crit", []string{"x"}), entrasim.Header("x", 1)), want: errMalformed},
		{name: "one that is too long", change: list(claim("padding", strings.Repeat("x", maxToken))), want: errLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			v := verifier(t, l, c, func(o *Options) {
				if row.option != nil {
					row.option(o)
				}
			})
			user := ann
			if row.user != "" {
				user = row.user
			}
			raw := sim.Token(user, row.change...)
			for range 2 { // the second time what is remembered answers
				got, err := v.Verify(t.Context(), raw)
				if err != row.want {
					t.Fatalf("got %v, want %v", err, row.want)
				}
				kind := fault.Unauthenticated
				if err == errScope || err == errService {
					kind = fault.Forbidden
				}
				if err != nil && (fault.Of(err) != kind || got != (Claims{})) {
					t.Errorf("is of kind %s, with %+v", fault.Of(err), got)
				}
				if err == nil && (got.Tenant != home || got.Object != ann || got.Name != "Ann" || got.Role != account.RoleUser || got.ID == "" || got.Client != api) {
					t.Errorf("got %+v", got)
				}
			}
		})
	}
	t.Run("the application role Admin makes an administrator", func(t *testing.T) {
		got, err := verifier(t, l, c).Verify(t.Context(), sim.Token(boss))
		want := account.Principal{Tenant: home, Object: boss, Name: "Boss", Role: account.RoleAdmin, UserName: "boss@home.example"}
		if err != nil || got.Principal() != want {
			t.Errorf("got %+v, %v", got, err)
		}
		got, err = verifier(t, l, c).Verify(t.Context(), sim.Token(boss, claim("roles", []string{"Administrator", "user"})))
		if err != nil || got.Role != account.RoleUser {
			t.Errorf("another role: got %+v, %v", got, err)
		}
	})
	t.Run("what is wrong is told without the token's content", func(t *testing.T) {
		for _, token := range []string{sim.Token(eve), sim.Token(ann, claim("aud", other)), sim.Token(ann, entrasim.SignedBy(foreign)), "secret.secret.secret"} {
			_, err := verifier(t, l, c).Verify(t.Context(), token)
			for _, part := range append(strings.Split(token, "."), eve, abroad, other, "Eve", "secret") {
				if err == nil || strings.Contains(err.Error(), part) {
					t.Errorf("got %v", err)
				}
			}
		}
	})
}

func TestNew(t *testing.T) {
	good := Options{Audiences: []string{api}, Tenants: []string{home}, Clock: newClock().now}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, row := range map[string]struct {
		change func(*Options)
		field  string
	}{
		"no audience":             {func(o *Options) { o.Audiences = nil }, "audiences"},
		"an empty audience":       {func(o *Options) { o.Audiences = []string{""} }, "audiences"},
		"no tenant":               {func(o *Options) { o.Tenants = nil }, "tenants"},
		"any tenant":              {func(o *Options) { o.Tenants = []string{"common"} }, "tenants"},
		"a role without a name":   {func(o *Options) { o.ServiceRoles = []string{""} }, "service roles"},
		"an empty client":         {func(o *Options) { o.Clients = []string{""} }, "clients"},
		"no clock":                {func(o *Options) { o.Clock = nil }, "clock"},
		"an authority in clear":   {func(o *Options) { o.Authority = "http://login.example" }, "authority"},
		"an authority with path":  {func(o *Options) { o.Authority = "https://login.example/tenant" }, "authority"},
		"an authority in a word":  {func(o *Options) { o.Authority = "login" }, "authority"},
		"a loopback that is none": {func(o *Options) { o.Authority = "http://localhost.evil.example" }, "authority"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			o := good
			row.change(&o)
			if _, err := New(o); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != row.field {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAuthenticate(t *testing.T) {
	sim, l, c := start(t)
	v := verifier(t, l, c)
	token := sim.Token(ann)
	for name, row := range map[string]struct {
		headers []string
		want    error
	}{
		"the header":                     {[]string{"Bearer " + token}, nil},
		"the scheme in any case":         {[]string{"bEARER " + token}, nil},
		"more than one space":            {[]string{"Bearer  " + token}, nil},
		"no header":                      {nil, errNoToken},
		"the header twice":               {[]string{"Bearer " + token, "Bearer " + token}, errNoToken},
		"another scheme":                 {[]string{"Basic " + token}, errNoToken},
		"the token alone":                {[]string{token}, errNoToken},
		"the scheme alone":               {[]string{"Bearer "}, errNoToken},
		"an empty header":                {[]string{""}, errNoToken},
		"something after it":             {[]string{"Bearer " + token + " x"}, errMalformed},
		"two tokens in one header":       {[]string{"Bearer " + token + ", Bearer " + token}, errMalformed},
		"a tab in the place of a space":  {[]string{"Bearer\t" + token}, errNoToken},
		"a token with a space before it": {[]string{" Bearer " + token}, errNoToken},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/me", nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range row.headers {
				r.Header.Add("Authorization", h)
			}
			got, err := v.Authenticate(r)
			if err != row.want || fault.Of(err) == fault.Unavailable {
				t.Errorf("got %v", err)
			}
			if want := (account.Principal{Tenant: home, Object: ann, Name: "Ann", Role: account.RoleUser, UserName: "ann@home.example"}); err == nil && got != want {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestKeys(t *testing.T) {
	verify := func(t *testing.T, v *Verifier, token string, want error) {
		t.Helper()
		if _, err := v.Verify(t.Context(), token); err != want {
			t.Fatalf("got %v, want %v", err, want)
		}
	}
	fetched := func(t *testing.T, sim *entrasim.Server, discoveries, keys int) {
		t.Helper()
		if got := sim.Requests(); got[entrasim.Discovery] != discoveries || got[entrasim.Keys] != keys {
			t.Fatalf("asked %v, want %d and %d", got, discoveries, keys)
		}
	}

	t.Run("are fetched with the first good token, and once", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		fetched(t, sim, 0, 0)
		verify(t, v, sim.Token(eve), errTenant)
		verify(t, v, sim.Token(ann, entrasim.Claim("exp", 1)), errExpired)
		verify(t, v, "a.b.c", errMalformed)
		fetched(t, sim, 0, 0)
		for range 3 {
			verify(t, v, sim.Token(ann), nil)
		}
		fetched(t, sim, 1, 1)
	})
	t.Run("a thousand first clients fetch them once", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		tokens := make([]string, 50)
		for i := range tokens {
			tokens[i] = sim.Token(ann)
		}
		var all sync.WaitGroup
		var failed atomic.Int64
		for i := range 1000 {
			all.Go(func() {
				if _, err := v.Verify(t.Context(), tokens[i%len(tokens)]); err != nil {
					failed.Add(1)
				}
			})
		}
		all.Wait()
		if failed.Load() != 0 {
			t.Errorf("%d failed", failed.Load())
		}
		fetched(t, sim, 1, 1)
	})
	t.Run("a new key is fetched when a token names it", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		verify(t, v, sim.Token(ann), nil)
		sim.RotateKeys()
		c.advance(fetchPause)
		verify(t, v, sim.Token(ann), nil)
		fetched(t, sim, 1, 2)
	})
	t.Run("keys that nobody has are asked for once a minute", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		garbage := func() {
			for i := range 100 {
				verify(t, v, sim.Token(ann, entrasim.Header("kid", fmt.Sprint("garbage", i))), errUnknownKey)
			}
		}
		verify(t, v, sim.Token(ann), nil)
		garbage()
		fetched(t, sim, 1, 1)
		c.advance(fetchPause)
		garbage()
		fetched(t, sim, 1, 3) // of all, and of the application's own
		verify(t, v, sim.Token(ann), nil)
	})
	t.Run("a withdrawn key takes with it what it signed, remembered or not", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		old := sim.Token(ann)
		verify(t, v, old, nil)
		sim.RotateKeys()
		sim.RetireKeys()
		c.advance(fetchPause)
		verify(t, v, sim.Token(ann), nil)
		verify(t, v, old, errUnknownKey)
	})
	t.Run("while the service is away what is known goes on working, and what is new is told to come again", func(t *testing.T) {
		for name, status := range map[string]int{"an error": 503, "a cut connection": 0} {
			t.Run(name, func(t *testing.T) {
				sim, l, c := start(t)
				v := verifier(t, l, c)
				verify(t, v, sim.Token(ann), nil)
				sim.Break(entrasim.Keys, status)
				sim.Break(entrasim.Discovery, status)
				c.advance(goodFor - time.Second)
				verify(t, v, sim.Token(ann), nil) // the fetch beside it fails
				c.advance(retryPause)
				verify(t, v, sim.Token(ann), errUnavailable)
				if fault.Of(errUnavailable) != fault.Unavailable {
					t.Error("another kind")
				}
				sim.Mend(entrasim.Keys)
				sim.Mend(entrasim.Discovery)
				c.advance(retryPause)
				verify(t, v, sim.Token(ann), nil)
			})
		}
	})
	t.Run("a new key while the service is away is no fault of the token", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		old := sim.Token(ann)
		verify(t, v, old, nil)
		sim.RotateKeys()
		sim.Break(entrasim.Keys, 503)
		c.advance(fetchPause)
		verify(t, v, sim.Token(ann), errUnavailable)
		before := sim.Requests()[entrasim.Keys]
		for range 50 {
			verify(t, v, sim.Token(ann), errUnavailable)
		}
		if sim.Requests()[entrasim.Keys] != before {
			t.Error("a service that is away was asked on and on")
		}
		verify(t, v, old, nil)
		sim.Mend(entrasim.Keys)
		c.advance(retryPause)
		verify(t, v, sim.Token(ann), nil)
	})
	t.Run("old keys are renewed while nobody waits", func(t *testing.T) {
		sim, l, c := start(t)
		asked := make(chan struct{}, 10)
		v := verifier(t, l, c, func(o *Options) {
			o.HTTPClient = &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
				asked <- struct{}{}
				return http.DefaultTransport.RoundTrip(r)
			})}
		})
		verify(t, v, sim.Token(ann), nil)
		<-asked // discovery
		<-asked // keys
		c.advance(freshFor - time.Second)
		verify(t, v, sim.Token(ann), nil)
		if len(asked) != 0 {
			t.Fatal("they are not old yet")
		}
		c.advance(time.Second)
		verify(t, v, sim.Token(ann), nil)
		<-asked // they are renewed
	})
	t.Run("one who does not wait leaves the fetch to the others", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		gone, leave := context.WithCancel(t.Context())
		leave()
		if _, err := v.Verify(gone, sim.Token(ann)); err != nil && err != errUnavailable {
			t.Fatalf("got %v", err)
		}
		verify(t, v, sim.Token(ann), nil)
		fetched(t, sim, 1, 1)
	})
	t.Run("a key that is valid for another tenant signs nothing of ours", func(t *testing.T) {
		k := &keys{tenant: home, issuer: "https://login.example/" + home + "/v2.0"}
		const modulus = "u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstIs-bMY2Zkp18gnTxKLxo" +
			"S2tFczGkPLPgizskuemMghRniWaoLcyehkd3qqGElvW_VDL5AaWTg0nLVkjRo9z-40RQzuVaE8AkAFmxZzow3x-VJYKdjykkJ0iT9wCS0DRTXu269V2" +
			"64Vf_3jvredZiKRkgwlL9xNAwxXFg0x_XFw005UWVRIkdgcKWTjpBP2dPwVZ4WWC-9aGVd-Gyn1o0CLelf4rEjGoXbAAEgAqeGUxrcIlbjXfbcmw"
		for _, row := range []struct {
			name, more string
			good       bool
		}{
			{"no issuer", ``, true},
			{"any tenant's issuer", `,"issuer":"https://login.example/{tenantid}/v2.0"`, true},
			{"our issuer", `,"issuer":"https://login.example/` + home + `/v2.0"`, true},
			{"another tenant's issuer", `,"issuer":"https://login.example/` + abroad + `/v2.0"`, false},
			{"another service's issuer", `,"issuer":"https://evil.example/{tenantid}/v2.0"`, false},
			{"a key for encryption", `,"use":"enc"`, false},
			{"a key for another algorithm", `,"alg":"RS512"`, false},
		} {
			_, key := k.read([]byte(`{"kty":"RSA","kid":"k","e":"AQAB","n":"` + modulus + `"` + row.more + `}`))
			if (key != nil) != row.good {
				t.Errorf("%s: got %v", row.name, key)
			}
		}
		for name, raw := range map[string]string{
			"a key without a name": `{"kty":"RSA","e":"AQAB","n":"` + modulus + `"}`,
			"a short key":          `{"kty":"RSA","kid":"k","e":"AQAB","n":"` + modulus[:160] + `"}`,
			"a shared secret":      `{"kty":"oct","kid":"k","k":"c2VjcmV0"}`,
			"no key":               `[]`,
		} {
			if _, key := k.read([]byte(raw)); key != nil {
				t.Errorf("%s: got %v", name, key)
			}
		}
	})
}

// transport is a function that carries requests.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestRemembered(t *testing.T) {
	t.Run("a token that was good expires all the same", func(t *testing.T) {
		sim, l, c := start(t)
		v := verifier(t, l, c)
		token := sim.Token(ann)
		for range 2 {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(time.Hour + leeway)
		if _, err := v.Verify(t.Context(), token); err != errExpired {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no more than the limit, and what is in use stays", func(t *testing.T) {
		c := cache{limit: 10}
		used := [32]byte{255}
		c.put(used, verified{keyID: "used"})
		for i := range byte(200) {
			c.put([32]byte{i}, verified{})
			if _, ok := c.get(used); !ok {
				t.Fatalf("what is in use was forgotten after %d", i)
			}
			if n := len(c.young) + len(c.old); n > c.limit {
				t.Fatalf("%d are remembered", n)
			}
		}
		if _, ok := c.get([32]byte{0}); ok {
			t.Error("what is not in use was not forgotten")
		}
	})
}

// TestMutations shows that a good token is good in one spelling only.
func TestMutations(t *testing.T) {
	sim, l, c := start(t)
	v := verifier(t, l, c)
	token := sim.Token(ann)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/\n\r\t \x00"
	refused := func(t rapid.TB, changed string) {
		if changed == token {
			return
		}
		if _, err := v.Verify(context.Background(), changed); fault.Of(err) != fault.Unauthenticated {
			t.Fatalf("%q: got %v", changed, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(token)
		at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		by := alphabet[rapid.IntRange(0, len(alphabet)-1).Draw(t, "by")]
		switch rapid.SampledFrom([]string{"replace", "insert", "delete", "cut"}).Draw(t, "how") {
		case "replace":
			text[at] = by
		case "insert":
			text = slices.Insert(text, at, by)
		case "delete":
			text = slices.Delete(text, at, at+1)
		case "cut":
			text = text[:at]
		}
		c.advance(time.Millisecond)
		refused(t, string(text))
	})
	for _, last := range alphabet { // the bits of the last character that mean nothing
		refused(t, token[:len(token)-1]+string(last))
		refused(t, token+string(last))
	}
	parts := strings.Split(token, ".")
	fresh := strings.Split(sim.Token(boss), ".")
	for _, changed := range []string{
		parts[0] + "." + fresh[1] + "." + parts[2], parts[0] + "." + parts[1] + "." + fresh[2], parts[0] + "." + parts[1], parts[0] + "." + parts[1] + ".",
		"." + parts[1] + "." + parts[2], token + ".", token + "." + parts[2], parts[0] + ".." + parts[2],
	} {
		refused(t, changed)
	}
}

func FuzzVerify(f *testing.F) {
	sim, l, c := start(f)
	v := verifier(f, l, c)
	good := sim.Token(ann)
	if _, err := v.Verify(f.Context(), good); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		good, sim.Token(eve), sim.Token(ann, entrasim.Unsigned()), sim.Token(ann, entrasim.SharedSecret()), "", ".", "..", "a.b.c", "e30.e30.e30",
		"bnVsbA.bnVsbA.AA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := v.Verify(context.Background(), raw)
		if raw != good && fault.Of(err) != fault.Unauthenticated {
			t.Fatalf("%q: got %+v, %v", raw, claims, err)
		}
		if err != nil && claims != (Claims{}) {
			t.Fatalf("%q: claims with an error", raw)
		}
	})
}

// FuzzParts goes behind the encoding: header and payload are texts, under the signature of a good token. KID is the name of the key.
func FuzzParts(f *testing.F) {
	sim, l, c := start(f)
	v := verifier(f, l, c)
	good := strings.Split(sim.Token(ann), ".")
	if _, err := v.Verify(f.Context(), strings.Join(good, ".")); err != nil {
		f.Fatal(err)
	}
	keyID, _, err := parse(strings.Join(good, "."))
	if err != nil {
		f.Fatal(err)
	}
	payload := fmt.Sprintf(`{"iss":"https://sts.windows.net/%s/","aud":"%s","tid":"%s","oid":"%s","ver":"1.0",`+
		`"appid":"%s","scp":"x","exp":1891234567,"iat":1,"nbf":1,"roles":["admin"]}`, home, api, home, ann, api)
	f.Add(`{"alg":"RS256","kid":"KID"}`, payload)
	f.Add(`{"alg":"none","kid":"KID"}`, payload)
	f.Add(`{"alg":"RS256","kid":"KID","b64":false,"crit":["b64"]}`, `{}`)
	f.Add(`{"alg":"RS256","alg":"none","kid":["KID"]}`, `null`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		header = strings.ReplaceAll(header, "KID", keyID)
		raw := canonical.EncodeToString([]byte(header)) + "." + canonical.EncodeToString([]byte(payload)) + "." + good[2]
		if claims, err := v.Verify(context.Background(), raw); fault.Of(err) != fault.Unauthenticated || claims != (Claims{}) {
			t.Fatalf("%s %s: got %+v, %v", header, payload, claims, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	sim, l, c := start(b)
	token := sim.Token(ann)
	b.Run("remembered", func(b *testing.B) {
		v := verifier(b, l, c)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		v := verifier(b, l, c)
		b.ReportAllocs()
		for b.Loop() {
			v.cache = cache{limit: maxCached}
			if _, err := v.Verify(context.Background(), token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered, from many at once", func(b *testing.B) {
		v := verifier(b, l, c)
		b.ReportAllocs()
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if _, err := v.Verify(context.Background(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// TestTenantsThatAreLetInLater asks with every token whether its tenant is let in, also with those that were good before.
func TestTenantsThatAreLetInLater(t *testing.T) {
	sim, l, c := start(t)
	in := map[string]bool{home: true}
	var down error
	v := verifier(t, l, c, func(o *Options) {
		o.Lets = func(_ context.Context, tenant string) (bool, error) { return in[tenant], down }
	})
	eves, anns := sim.Token(eve), sim.Token(ann)
	asks := func(raw string, want error) {
		t.Helper()
		if _, err := v.Verify(t.Context(), raw); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	asks(eves, errTenant)
	in[abroad] = true
	asks(eves, nil)
	asks(anns, nil)
	if claims, err := v.Verify(t.Context(), eves); err != nil || claims.Tenant != abroad || claims.Object != eve {
		t.Errorf("%+v, %v", claims, err)
	}
	in[abroad], in[home] = false, false
	asks(eves, errTenant)
	asks(anns, errTenant) // which the settings name
	down = errors.New("down")
	asks(anns, errTenants)
	if _, err := v.Identify(t.Context(), anns, "n"); !errors.Is(err, errTenants) {
		t.Errorf("at a sign-in: %v", err)
	}
	down, in[home] = nil, true
	asks(anns, nil)
	asks(sim.Token(ann, entrasim.Claim("tid", "x/../"+home)), errTenant)
}
