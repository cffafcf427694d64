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
	// The hint is enough to sign in without the page; a person chooses on it.
	silent := q.Get("prompt") == "none"
	s.mu.Lock()
	users := s.usersOf(tenant)
	chosen := slices.IndexFunc(users, func(u *User) bool {
		if silent {
			return strings.EqualFold(u.Username, q.Get("login_hint"))
		}
		return r.Method == http.MethodPost && u.Object == r.PostForm.Get("user")
	})
	if chosen < 0 {
		shown := peopleOf(users, q.Get("login_hint"))
		s.mu.Unlock()
		if silent {
			refuse(fail("login_required", 50058, "A silent sign-in request was sent but no user is signed in."))
			return
		}
		writePage(w, http.StatusOK, "choose", choice{App: app.title(), Action: template.URL(r.URL.RequestURI()), Users: shown})
		return
	}
	user := users[chosen]
	var f *refusal
	switch {
	case user.Disabled:
		f = accountDisabled()
	case silent && s.claims[user.Object]:
		f = moreNeeded()
	}
	if f != nil {
		s.mu.Unlock()
		if silent {
			refuse(f)
		} else {
			s.refusePage(w, f)
		}
		return
	}
	if strings.Contains(q.Get("claims"), challengeValue) {
		delete(s.claims, user.Object)
	}
	s.sweep()
	secret := newSecret()
	s.codes[secret] = &code{
		grant:    &grant{user: user, app: app, scopes: strings.Fields(q.Get("scope")), nonce: q.Get("nonce")},
		redirect: back, challenge: q.Get("code_challenge"), expires: s.options.Clock().Add(codeLifetime),
	}
	s.mu.Unlock()
	answer(map[string]string{"code": secret})
}

// checkAuthorize says what is wrong with a request for a code.
func (s *Server) checkAuthorize(app *App, q url.Values) *refusal {
	switch {
	case q.Get("response_type") != "code":
		return fail("unsupported_response_type", 700054, "response_type '%.60s' is not enabled for the application.", q.Get("response_type"))
	case !slices.Contains([]string{"", "query", "form_post"}, q.Get("response_mode")):
		return fail("invalid_request", 900144, "response_mode '%.60s' is not supported.", q.Get("response_mode"))
	case q.Get("code_challenge") == "" && app.Secret == "":
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
