package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account/entrasim"
)

var (
	behaviourSeed = flag.Uint64("behaviour-seed", 1, "of the random sets of the sign-in service's behaviours")
	behaviourSets = flag.Int("behaviour-sets", 4, "how many random sets of the sign-in service's behaviours are tried")
)

// behaviour is something that the sign-in service may do, and that nobody has to notice.
type behaviour struct {
	name   string
	before func(*entrasim.Options)
	after  func(*world)
}

var behaviours = []behaviour{
	{"scopes without their API", nil, func(w *world) { w.WriteScopes(entrasim.Short) }},
	{"scopes with the address of their API", nil, func(w *world) { w.WriteScopes(entrasim.Full) }},
	{"scopes with the id of their API", nil, func(w *world) { w.WriteScopes(entrasim.ByID) }},
	{"scopes in capitals", nil, func(w *world) { w.WriteScopes(entrasim.Shouted) }},
	{"tokens of version 2", func(o *entrasim.Options) { o.Apps[0].Version = 2 }, nil},
	{"keys of the API's own", func(o *entrasim.Options) { o.Apps[0].OwnKeys = true }, nil},
	{"single tenants", func(o *entrasim.Options) { o.Apps[0].Tenant, o.Apps[1].Tenant = home, home }, nil},
	{"another name in the token", func(o *entrasim.Options) { o.Users[0].Alias = "ann@other.example" }, nil},
	{"some groups", func(o *entrasim.Options) {
		o.Users[0].Groups, o.Apps[0].Optional = 20, []string{"groups", "acct", "email"}
	}, nil},
	{"single use of refresh tokens", func(o *entrasim.Options) { o.Strict = true }, nil},
	{"no public flows", func(o *entrasim.Options) { o.Apps[1].NoPublicFlows = true }, nil},
	{"blocked device codes", nil, func(w *world) { w.BlockDevices() }},
}

// goesOn signs in, and works with tokens that are refreshed, at a service that behaves so.
func goesOn(t *testing.T, all ...behaviour) {
	t.Helper()
	w := newWorldWith(t, entrasim.Options{AccessLifetime: time.Second}, func(o *entrasim.Options) {
		for _, b := range all {
			if b.before != nil {
				b.before(o)
			}
		}
	})
	for _, b := range all {
		if b.after != nil {
			b.after(w)
		}
	}
	w.login().says("as Ann")
	asked := w.asked()
	for range 2 {
		w.at("whoami").ok().says("Ann", home)
	}
	if w.asked() != asked+2 {
		t.Errorf("refreshed %d times", w.asked()-asked)
	}
}

func TestTheCommandLineDoesNotNoticeHowTheServiceBehaves(t *testing.T) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) { goesOn(t, b) })
	}
	random := rand.New(rand.NewPCG(*behaviourSeed, 0))
	for i := range *behaviourSets {
		var set []behaviour
		var names []string
		for _, at := range random.Perm(len(behaviours))[:2+random.IntN(4)] {
			set, names = append(set, behaviours[at]), append(names, behaviours[at].name)
		}
		t.Run(fmt.Sprintf("set %d of seed %d: %s", i, *behaviourSeed, strings.Join(names, ", ")), func(t *testing.T) { goesOn(t, set...) })
	}
}

func TestWhatTheCommandLineSaysOfRefusals(t *testing.T) {
	brief := entrasim.Options{AccessLifetime: time.Second}
	consent := func(w *world) string { return w.URL() + "/" + home + "/adminconsent?client_id=" + cliApp }
	t.Run("an administrator has to allow it", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		before := string(mustRead(t, w.files()[0]))
		w.RequireConsent(cliApp, true)
		w.at("whoami").fails(exitFailed, "has to allow", consent(w))
		w.at("login").lastLine("has to allow", consent(w))
		if string(mustRead(t, w.files()[0])) != before {
			t.Error("the sign-in was not kept")
		}
		w.RequireConsent(cliApp, false)
		w.at("whoami").ok()
	})
	t.Run("a policy about places, which ends no sign-in", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		w.Policy(ann, 53003)
		w.at("whoami").fails(exitFailed, "policy", "administrator", "AADSTS53003")
		w.Policy(ann, 0)
		w.at("whoami").ok()
	})
	t.Run("a sign-in that has to be repeated every so often", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		w.Policy(ann, 70043)
		w.at("whoami").fails(exitFailed, "has ended (AADSTS70043)", "sign in with: admin-assistant login")
		w.login()
		w.at("whoami").ok()
	})
	t.Run("a changed password", func(t *testing.T) {
		w := newWorld(t, brief)
		w.login()
		w.ChangePassword(ann)
		w.at("whoami").fails(exitFailed, "has ended", "sign in with: admin-assistant login")
	})
	t.Run("what passes", func(t *testing.T) {
		for _, e := range entrasim.Passing {
			w := newWorld(t, brief)
			w.login()
			w.Fail(entrasim.Token, e)
			if got := w.at("whoami"); got.code != exitFailed || strings.Contains(got.err, "admin-assistant login") {
				t.Errorf("%+v: exit code %d: %s", e, got.code, got.err)
			}
			w.at("whoami").ok()
		}
	})
	t.Run("device codes that are blocked", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.BlockDevices()
		w.at("login", "--device").lastLine("nobody sign in by a code (AADSTS53003)", "without --device")
		w.login()
	})
	t.Run("public flows that are not allowed", func(t *testing.T) {
		w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Apps[1].NoPublicFlows = true })
		w.at("login", "--device").lastLine("public client flows", "AADSTS7000218")
	})
	t.Run("a scope that was declined", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.Decline("access_as_user")
		w.at("login").lastLine("did not give access")
	})
	t.Run("the API's application as the command line's, without the permission to sign in", func(t *testing.T) {
		w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) {
			o.Apps[1].NoSignIn = true
		})
		w.at("login").lastLine("User.Read", "AADSTS90008")
	})
	t.Run("a registration for one organisation alone", func(t *testing.T) {
		w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Apps[1].Tenant = home }, home, abroad)
		w.login("--tenant", home).says("as Ann")
	})
	t.Run("a guest, who names the host", func(t *testing.T) {
		w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Users[0].Home = abroad }, home, abroad)
		w.at("login", "--tenant", home).lastLine("guests of this organisation are not let in")
	})
	t.Run("a token that is too large for the gateway", func(t *testing.T) {
		w := newWorldWith(t, entrasim.Options{}, func(o *entrasim.Options) { o.Users[0].Groups, o.Apps[0].Optional = 190, []string{"groups"} })
		w.answer = func(r *http.Request) int {
			if len(r.Header.Get("Authorization")) > 8<<10 {
				return http.StatusRequestHeaderFieldsTooLarge
			}
			return 0
		}
		w.at("login").lastLine("too large", "groups claim")
	})
}

func TestLogoutEverywhere(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.login()
	w.answer = func(r *http.Request) int {
		if r.URL.Path == "/auth/logout" {
			return http.StatusServiceUnavailable
		}
		return 0
	}
	w.at("logout", "--everywhere").fails(exitFailed, "Service Unavailable")
	if len(w.files()) != 1 {
		t.Fatal("the sign-in is gone, and the server does not know")
	}
	var asked string
	w.answer = func(r *http.Request) int {
		if r.URL.Path == "/auth/logout" {
			asked = r.Method + " " + r.URL.RawQuery
			return http.StatusNoContent
		}
		return 0
	}
	w.at("logout", "--everywhere").ok().says("signed out; all sessions")
	if asked != "POST everywhere=true" || len(w.files()) != 0 {
		t.Errorf("asked %q, files %q", asked, w.files())
	}
}
