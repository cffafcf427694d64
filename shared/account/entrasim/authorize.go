package entrasim

import (
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// code is an authorization code.
type code struct {
	grant     *grant
	redirect  string
	challenge string // of PKCE; empty: none
	expires   time.Time
	redeemed  bool
}

// redirects says whether codes may be sent to an address. RFC 8252 lets a program on the user's machine choose the port.
func (a *App) redirects(to string) bool {
	return slices.ContainsFunc(a.RedirectURIs, func(known string) bool {
		if known == to {
			return true
		}
		k, errKnown := url.Parse(known)
		t, err := url.Parse(to)
		if errKnown != nil || err != nil || k.Scheme != "http" || t.Scheme != "http" || k.Hostname() != t.Hostname() || t.User != nil || t.Fragment != "" {
			return false
		}
		ip := net.ParseIP(k.Hostname())
		return (k.Hostname() == "localhost" || ip != nil && ip.IsLoopback()) &&
			strings.TrimSuffix(k.Path, "/") == strings.TrimSuffix(t.Path, "/") && k.RawQuery == t.RawQuery
	})
}

// authorize shows who can sign in, and sends the one who was chosen back to the application with a code. The request stays in the page's address,
// so that the form has nothing but the choice.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request, tenant string) {
	q := r.URL.Query()
	app := s.app(q.Get("client_id"))
	if app == nil {
		s.refusePage(w, fail("unauthorized_client", 700016, "Application with identifier '%.60s' was not found in the directory.", q.Get("client_id")))
		return
	}
	back := q.Get("redirect_uri")
	if !app.redirects(back) {
		s.refusePage(w, fail("invalid_request", 50011,
			"The redirect URI '%.200s' specified in the request does not match the redirect URIs configured for the application.", back))
		return
	}
	if f := app.reachedAt(tenant); f != nil {
		s.refusePage(w, f)
		return
	}
	answer := func(values map[string]string) {
		values["state"] = q.Get("state")
		if q.Get("response_mode") == "form_post" {
			postBack(w, back, values)
			return
		}
		redirect(w, r, back, values)
	}
	refuse := func(f *refusal) {
		answer(map[string]string{"error": f.code, "error_description": f.description(newID(), newID(), s.options.Clock())})
	}
	if f := s.checkAuthorize(app, q); f != nil {
		refuse(f)
		return
	}
	if r.PostForm.Has("cancel") {
		refuse(fail("access_denied", 65004, "User declined to consent to access the app."))
		return
	}
	prompt := q.Get("prompt")
	s.mu.Lock()
	users := s.usersOf(tenant)
	user := s.chosen(r, users, prompt)
	if user == nil {
		shown := peopleOf(users, q.Get("login_hint"))
		s.mu.Unlock()
		if prompt == "none" {
			refuse(fail("login_required", 50058, "A silent sign-in request was sent but no user is signed in."))
			return
		}
		writePage(w, http.StatusOK, "choose", choice{App: app.title(), Action: template.URL(r.URL.RequestURI()), Users: shown})
		return
	}
	if f, toApp := s.admit(user, app, prompt == "none"); f != nil {
		s.mu.Unlock()
		if toApp {
			refuse(f)
		} else {
			s.refusePage(w, f)
		}
		return
	}
	if strings.Contains(q.Get("claims"), challengeValue) {
		delete(s.claims, user.Object)
	}
	if r.Method == http.MethodPost && s.odd.policies[user.Object] == 70043 {
		delete(s.odd.policies, user.Object) // the user has just signed in
	}
	s.sweep()
	secret := newSecret()
	s.codes[secret] = &code{
		grant:    &grant{user: user, app: app, scopes: strings.Fields(q.Get("scope")), nonce: q.Get("nonce")},
		redirect: back, challenge: q.Get("code_challenge"), expires: s.options.Clock().Add(codeLifetime),
	}
	s.remember(w, user)
	s.mu.Unlock()
	answer(map[string]string{"code": secret})
}

// chosen is who signs in: whoever was chosen on the page, else the one who is signed in with the browser, whom the service takes without a word
// unless the request wants to be asked. The lock is held.
func (s *Server) chosen(r *http.Request, users []*User, prompt string) *User {
	q := r.URL.Query()
	fits := func(u *User) bool { return u.Object == r.PostForm.Get("user") }
	if r.Method != http.MethodPost {
		in := s.signedIn(r)
		hint := q.Get("login_hint")
		if in == nil || prompt != "" && prompt != "none" || prompt == "" && s.odd.policies[in.Object] != 0 || q.Get("claims") != "" || hint != "" && !in.named(hint) {
			return nil
		}
		fits = func(u *User) bool { return u == in }
	}
	if i := slices.IndexFunc(users, fits); i >= 0 {
		return users[i]
	}
	return nil
}

// admit says why a user is not let in to an application, and whether the application is told so; else the user reads it. The lock is held.
func (s *Server) admit(user *User, app *App, silent bool) (f *refusal, toApp bool) {
	switch {
	case user.Disabled:
		return accountDisabled(), silent
	case silent && s.claims[user.Object]:
		return moreNeeded(), true
	case silent && s.odd.policies[user.Object] != 0:
		f := blocked(s.odd.policies[user.Object])
		f.code = "interaction_required"
		return f, true
	case silent && s.odd.unconsented[app.Client]:
		return fail("consent_required", 65001, "The user or administrator has not consented to use the application with ID '%s'.", app.Client), true
	case s.odd.unconsented[app.Client]: // the page that asks for an administrator, from which the user goes back
		return fail("access_denied", 90094, "The grant requires admin permission for '%s'.", app.title()), true
	}
	return nil, false
}

// reachedAt says why an application cannot be asked for at a tenant.
func (a *App) reachedAt(tenant string) *refusal {
	switch {
	case a.Tenant == "" || a.Tenant == tenant:
		return nil
	case anyTenant(tenant):
		return fail("invalid_request", 50194, "Application '%s' is not configured as a multi-tenant application.", a.Client)
	}
	return fail("unauthorized_client", 700016, "Application with identifier '%s' was not found in the directory '%s'.", a.Client, tenant)
}

// checkAuthorize says what is wrong with a request for a code.
func (s *Server) checkAuthorize(app *App, q url.Values) *refusal {
	switch {
	case q.Get("response_type") != "code":
		return fail("unsupported_response_type", 700054, "response_type '%.60s' is not enabled for the application.", q.Get("response_type"))
	case !slices.Contains([]string{"", "query", "form_post"}, q.Get("response_mode")):
		return fail("invalid_request", 900144, "response_mode '%.60s' is not supported.", q.Get("response_mode"))
	case q.Get("code_challenge") == "" && app.public():
		return fail("invalid_request", 9002325, "Proof Key for Code Exchange is required for cross-origin authorization code redemption and for public clients.")
	case q.Get("code_challenge") != "" && q.Get("code_challenge_method") != "S256":
		return fail("invalid_request", 501471, "The code_challenge_method has to be S256.")
	case !slices.Contains([]string{"", "none", "login", "select_account", "consent"}, q.Get("prompt")):
		return fail("invalid_request", 90023, "Unsupported 'prompt' value.")
	}
	_, f := s.resolve(app, strings.Fields(q.Get("scope")))
	return f
}

// redirect sends a browser to an address with more parameters; empty ones are left out.
func redirect(w http.ResponseWriter, r *http.Request, to string, values map[string]string) {
	u, err := url.Parse(to)
	if err != nil {
		http.Error(w, "redirect address", http.StatusBadRequest)
		return
	}
	q := u.Query()
	for name, value := range values {
		if value != "" {
			q.Set(name, value)
		}
	}
	u.RawQuery = q.Encode()
	http.Redirect(w, r, u.String(), http.StatusFound)
}

// challengeValue names the policy that a claims challenge is about.
const challengeValue = "c3a5b8a4-7d1e-4c5b-9d58-1f0f7e0a9c11"

func accountDisabled() *refusal {
	return fail("invalid_grant", 50057, "The user account is disabled.")
}

func moreNeeded() *refusal {
	f := fail("interaction_required", 50076,
		"Due to a configuration change made by your administrator, you must use multi-factor authentication to access the application.")
	f.sub = "basic_action"
	f.claims = `{"access_token":{"capolids":{"essential":true,"values":["` + challengeValue + `"]}}}`
	return f
}
