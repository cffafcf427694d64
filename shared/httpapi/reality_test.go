package httpapi

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/fault"
	"adminassistant/shared/telemetry"
)

// checks has the sign-in service say once more who is signed in, and demands that nobody is asked.
func (b *browser) checks() {
	b.t.Helper()
	if landed := b.open("/auth/login?check=true&return=/healthz").is(200); landed.Request.URL.Path != "/healthz" {
		b.t.Fatalf("leads to %s", landed.Request.URL)
	}
}

// later lets time pass, and a session be used meanwhile, so that it does not end.
func (w *web) later(d time.Duration) { w.now.Add(int64(d / time.Second)) }

func TestTheServiceIsAskedAgainWhoSomebodyIs(t *testing.T) {
	w := newWeb(t)
	w.run(t, "every few hours, without a page", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		w.later(checkEvery - time.Second)
		b.signedIn(ann)
		w.later(time.Second)
		b.send("GET", "/v1/me", "").problem(401, codeUnchecked, "")
		b.send("GET", "/auth/session", "").problem(401, codeUnchecked, "")
		cookie := b.cookie(sessionCookie)

		b.checks()
		b.signedIn(ann)
		if b.cookie(sessionCookie) != cookie {
			t.Error("it is another session")
		}
	})
	w.run(t, "before administrators change something, and not before they look", func(t *testing.T) {
		b := w.browser()
		b.login(bob, "/healthz")
		w.later(checkChanges)
		b.send("GET", "/v1/users", "").is(200)
		token := b.token()
		b.send("POST", "/v1/users/"+ann+"/enable", "", headerCSRF, token).problem(401, codeUnchecked, "")
		b.checks()
		w.later(checkChanges - time.Second)
		b.send("POST", "/v1/users/"+ann+"/enable", "", headerCSRF, token).is(200)
	})
	w.run(t, "so that one who is no administrator any more is none here", func(t *testing.T) {
		b := w.browser()
		b.login(bob, "/healthz")
		w.sim.SetRoles(bob)
		defer w.sim.SetRoles(bob, "admin")
		b.send("GET", "/v1/users", "").is(200)
		w.later(checkEvery)
		b.send("GET", "/v1/users", "").problem(401, codeUnchecked, "")
		b.checks()
		b.send("GET", "/v1/users", "").problem(403, "forbidden", "")
		b.signedIn(bob)
	})
	w.run(t, "so that one who has left is out", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		w.sim.Disable(ann, true)
		defer w.sim.Disable(ann, false)
		w.later(checkEvery)
		page := b.open("/auth/login?check=true&return=/healthz")
		if !strings.Contains(string(page.body), "AADSTS50057") && !formAction.Match(page.body) {
			t.Errorf("leads to %s: %s", page.Request.URL, page.body)
		}
		b.send("GET", "/v1/me", "").problem(401, codeUnchecked, "")
		if b.cookie(sessionCookie) == "" {
			t.Error("the session cannot be signed out of any more")
		}
	})
	w.run(t, "and the user, where the service says nothing without", func(t *testing.T) {
		for _, number := range []int{53003, 70043} {
			b := w.browser()
			b.login(ann, "/healthz")
			w.later(checkEvery)
			w.sim.Policy(ann, number)
			page := b.open("/auth/login?check=true&return=/docs").is(200)
			if page.Request.URL.Path == "/docs" {
				t.Fatalf("%d: let through", number)
			}
			w.sim.Policy(ann, 0)
			if landed := b.open(b.chosen(page, ann)).is(200); landed.Request.URL.Path != "/docs" {
				t.Errorf("%d: leads to %s", number, landed.Request.URL)
			}
			b.signedIn(ann)
		}
	})
	w.run(t, "and another user who is there now has a session of the own", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		before := b.cookie(sessionCookie)
		w.later(checkEvery)
		w.signIn.ask = func(r *microsoft.Request) { r.LoginHint, r.Prompt = "", microsoft.SelectAccount }
		defer func() { w.signIn.ask = nil }()
		b.open(b.choose(b.open("/auth/login?check=true").is(200), "user", bob))
		b.signedIn(bob)
		if b.cookie(sessionCookie) == before {
			t.Error("it is the session of the one before")
		}
	})
	w.run(t, "but who signs out need not wait for it", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		token := b.token()
		w.later(checkEvery)
		b.send("POST", "/auth/logout", "", headerCSRF, token).is(204)
	})
	w.run(t, "and tokens are not concerned", func(t *testing.T) {
		w.browser().send("GET", "/v1/users", "", "Authorization", "Bearer "+w.sim.Token(bob)).is(200)
	})
}

// chosen submits the page's form, if there is one, else asks for the page once more.
func (b *browser) chosen(page answer, user string) string {
	b.t.Helper()
	if formAction.Match(page.body) {
		return b.choose(page, "user", user)
	}
	return b.callbackURL(user, "/docs")
}

var formToken = regexp.MustCompile(`name="csrf_token" value="([^"]+)"`)

func TestSigningOutWithAPage(t *testing.T) {
	w := newWeb(t)
	leave := func(b *browser, access string) answer {
		b.t.Helper()
		page := b.open("/auth/sign-out").is(200)
		token := formToken.FindSubmatch(page.body)
		if token == nil || !strings.Contains(string(page.body), "Ann") {
			b.t.Fatalf("no form: %s", page.body)
		}
		form := url.Values{"access": {access}, "csrf_token": {string(token[1])}}.Encode()
		return b.send("POST", "/auth/sign-out", form, "Content-Type", formKind, "Accept", "text/html")
	}
	w.run(t, "ends the session here and at the service", func(t *testing.T) {
		b, other := w.browser(), w.browser()
		b.login(ann, "/healthz")
		other.login(ann, "/healthz")
		out := leave(b, "here").is(303)
		to, err := out.Location()
		check(t, err)
		if !strings.HasPrefix(to.String(), w.sim.URL()+"/"+homeTenant+"/oauth2/v2.0/logout?") || to.Query().Get("logout_hint") == "" {
			t.Fatalf("leads to %s", to)
		}
		if landed := b.open(to.String()).is(200); landed.Request.URL.String() != site+"/auth/signed-out" ||
			!strings.Contains(string(landed.body), "You are signed out") {
			t.Errorf("leads to %s: %s", landed.Request.URL, landed.body)
		}
		b.signedIn("")
		other.signedIn(ann)
		if page := b.open("/auth/login").is(200); !formAction.Match(page.body) || page.Request.URL.Query().Get("prompt") != "select_account" {
			t.Errorf("signed in again without being asked: %s", page.Request.URL)
		}
		b.login(ann, "/healthz")
		if b.cookie(chooseCookie) != "" {
			t.Error("the next one will be asked again")
		}
		if got := len(b.send("GET", "/v1/audit?action=session.end&outcome=ok", "").is(200).items()); got != 1 {
			t.Errorf("%d records of it", got)
		}
	})
	w.run(t, "or all access, and what is kept to act for the user", func(t *testing.T) {
		b, other := w.browser(), w.browser()
		b.login(ann, "/healthz")
		other.login(ann, "/healthz")
		state := func() microsoft.State {
			state, err := w.signIn.State(t.Context(), homeTenant+"#"+ann)
			check(t, err)
			return state
		}
		if !state().SignedIn {
			t.Fatal("nothing is kept")
		}
		leave(b, "all").is(303)
		b.signedIn("")
		other.signedIn("")
		if state().SignedIn {
			t.Error("the tokens are still there")
		}
		b.login(ann, "/healthz")
		b.send("POST", "/auth/logout?everywhere=true", "", headerCSRF, b.token()).is(204)
		if state().SignedIn {
			t.Error("the tokens are still there after a request")
		}
	})
	w.run(t, "is refused without the page's token, and changes nothing", func(t *testing.T) {
		b := w.browser()
		b.login(ann, "/healthz")
		for _, form := range []string{"access=all", "access=all&csrf_token=x"} {
			b.send("POST", "/auth/sign-out", form, "Content-Type", formKind).problem(403, codeCSRF, "csrf_token")
		}
		b.send("POST", "/auth/sign-out", "access=all", "Content-Type", formKind, "Sec-Fetch-Site", "cross-site").problem(403, codeCrossOrigin, "")
		b.signedIn(ann)
	})
	w.run(t, "says so to one who is not signed in", func(t *testing.T) {
		b := w.browser()
		if page := b.open("/auth/sign-out").is(200); !strings.Contains(string(page.body), "You are signed out") {
			t.Errorf("%s", page.body)
		}
		b.send("POST", "/auth/sign-out", "access=here", "Content-Type", formKind).is(303)
	})
	w.run(t, "speaks the browser's language", func(t *testing.T) {
		b := w.browser()
		german := func(at string) string {
			return string(b.send("GET", at, "", "Accept", "text/html", "Accept-Language", "de-AT,en;q=0.5").body)
		}
		b.login(ann, "/healthz")
		for at, wants := range map[string][]string{
			"/auth/sign-out":                {`lang="de"`, "<h1>Abmelden</h1>", "Sie sind angemeldet als", "Jeden Zugriff beenden"},
			"/auth/signed-out":              {`lang="de"`, "<h1>Sie sind abgemeldet</h1>", ">Anmelden</a>"},
			"/auth/callback?state=x&code=y": {`lang="de"`, "Die Anmeldung ist nicht gelungen", "wurde nicht in diesem Browser begonnen", "Kennung für Rückfragen"},
		} {
			page := german(at)
			for _, want := range wants {
				if !strings.Contains(page, want) {
					t.Errorf("%s does not say %q: %s", at, want, page)
				}
			}
		}
	})
	w.run(t, "asks for the account also where another one was not let in", func(t *testing.T) {
		b := w.browser()
		w.signIn.redeem = func(microsoft.Response) error {
			return fault.New(fault.Unauthenticated, "users of this tenant are not let in; sign in with another account")
		}
		b.open(b.callbackURL(ann, "/docs"))
		w.signIn.redeem = nil
		if q := b.open("/auth/login").is(200).Request.URL.Query(); q.Get("prompt") != "select_account" {
			t.Errorf("asked with %v", q)
		}
		b.send("GET", "/auth/login?prompt=none", "").problem(422, "invalid", "prompt")
	})
}

func TestWhatTheServiceSaysInPlaceOfACode(t *testing.T) {
	w := newWeb(t)
	for _, row := range []struct {
		name, word, description string
		status                  int
		code, says              string
	}{
		{"an administrator has to allow it", "access_denied", "AADSTS90094: x", 400, codeSignIn, "/adminconsent?client_id=" + webClient},
		{"nobody has allowed it", "consent_required", "", 400, codeSignIn, "the administrator opens " + w.sim.URL() + "/" + homeTenant + "/adminconsent"},
		{"the user is not assigned", "access_denied", "AADSTS50105: x", 400, codeSignIn, "not among those whom your organisation has assigned"},
		{"the user said no", "access_denied", "AADSTS65004: x", 400, codeSignIn, "you did not sign in"},
		{"too often", "invalid_request", "AADSTS90055: x", 429, "throttled", "asked too much"},
		{"a passing problem", "temporarily_unavailable", "AADSTS90024: x", 503, "unavailable", "try again in a minute"},
		{"the redirect address is not registered", "invalid_request", "AADSTS50011: x", 503, "setup", "redirect addresses"},
		{"the permission to sign in is missing", "invalid_request", "AADSTS90008: x", 503, "setup", "User.Read"},
		{"something of the user", "interaction_required", "AADSTS50076: x", 400, codeSignIn, "did not let you in"},
	} {
		w.run(t, row.name, func(t *testing.T) {
			b := w.browser()
			at, err := url.Parse(b.callbackURL(ann, "/docs"))
			check(t, err)
			q := at.Query()
			q.Del("code")
			q.Set("error", row.word)
			q.Set("error_description", row.description)
			at.RawQuery = q.Encode()
			if a := b.send("GET", at.String(), "", "Accept", "application/json").problem(row.status, row.code, ""); !strings.Contains(a.str("detail"), row.says) {
				t.Errorf("it says %s", a.str("detail"))
			}
		})
	}
	w.run(t, "consent that is missing at the service itself", func(t *testing.T) {
		w.sim.RequireConsent(webClient, true)
		defer w.sim.RequireConsent(webClient, false)
		b := w.browser()
		a := b.open(b.callbackURL(ann, "/docs")).is(400)
		if !strings.Contains(string(a.body), "administrator opens") {
			t.Errorf("it says %s", a.body)
		}
	})
	w.run(t, "a secret that has ended, which is counted for the operator", func(t *testing.T) {
		b := w.browser()
		at := b.callbackURL(ann, "/docs")
		w.sim.ExpireSecret(webClient)
		before := strings.Count(w.metrics.String(), string(telemetry.SetupFaults)+`":1`)
		a := b.send("GET", at, "", "Accept", "application/json").problem(503, "setup", "")
		if !strings.Contains(a.str("detail"), "AADSTS7000222") || strings.Count(w.metrics.String(), string(telemetry.SetupFaults)+`":1`) != before+1 {
			t.Errorf("it says %s; counted %s", a.str("detail"), w.metrics)
		}
	})
}

func TestSigningInAtANamedTenant(t *testing.T) {
	w := newWeb(t)
	b := w.browser()
	if page := b.open("/auth/login?prompt=select_account&tenant=" + homeTenant).is(200); !strings.HasPrefix(page.Request.URL.Path, "/"+homeTenant+"/") {
		t.Errorf("asked at %s", page.Request.URL)
	}
	b.open(b.choose(b.open("/auth/login?prompt=select_account&return=/healthz&tenant="+homeTenant).is(200), "user", ann)).is(200)
	b.signedIn(ann)
	var asked string
	w.signIn.ask = func(r *microsoft.Request) { asked = r.Tenant }
	b.open("/auth/login?prompt=select_account&tenant=somebody-elses")
	if asked != "somebody-elses" { // whom the sign-in refuses
		t.Errorf("asked for the tenant %q", asked)
	}
}
