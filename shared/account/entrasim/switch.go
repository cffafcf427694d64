package entrasim

import (
	"net/http"
	"slices"
	"strings"
)

// odd is what the service does that one does not hope for.
type odd struct {
	policies    map[string]int // number of the policy that refuses refreshes, by object id
	unconsented map[string]bool
	expired     map[string]bool // applications whose secret has ended
	declined    map[string]bool // names of scopes that users did not grant
	noDevices   bool
	form        ScopeForm
	passing     []passing
}

// passing is an error that goes away by itself.
type passing struct {
	endpoint Endpoint
	error    *refusal
}

// next takes the next error for an endpoint; nil: there is none.
func (o *odd) next(endpoint Endpoint) *refusal {
	i := slices.IndexFunc(o.passing, func(p passing) bool { return p.endpoint == endpoint })
	if i < 0 {
		return nil
	}
	f := o.passing[i].error
	o.passing = slices.Delete(o.passing, i, i+1)
	return f
}

// ScopeForm is how the service writes the scopes that it granted.
type ScopeForm int

const (
	AsAsked ScopeForm = iota
	Short             // without the resource
	Full              // with the address of the resource
	ByID              // with the application id of the resource
	Shouted           // in capitals, in another order, and without the scopes that are about the user
)

// scope writes what was granted.
func (o *odd) scope(r resource) string {
	under := r.asked
	switch o.form {
	case AsAsked:
	case Short:
		under = ""
	case ByID:
		under = graphID
		if r.app != nil {
			under = r.app.Client
		}
	default:
		under = graphURL
		if r.app != nil {
			under = "api://" + r.app.Client
		}
	}
	var api []string
	for _, name := range r.names {
		switch {
		case slices.Contains(r.granted, name):
		case under == "":
			api = append(api, name)
		default:
			api = append(api, under+"/"+name)
		}
	}
	if o.form == Shouted {
		slices.Reverse(api)
		return strings.ToUpper(strings.Join(api, " "))
	}
	return strings.Join(append(slices.Clone(r.granted), api...), " ")
}

// change changes the state while nobody looks.
func (s *Server) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// Policy makes a policy of the tenant refuse a user's refreshes and silent sign-ins until it is lifted by 0. number is that of the service's error:
// 53003 is conditional access, as about the place from which is asked, 70043 the sign-in frequency. A new sign-in on the page is let through, and
// lifts 70043, which comes again when Policy is called again.
func (s *Server) Policy(object string, number int) {
	s.change(func() { s.odd.policies[object] = number })
}

// ChangePassword gives a user another password. That ends the refresh tokens of public clients alone; see Revoke.
func (s *Server) ChangePassword(object string) {
	s.change(func() {
		for _, t := range s.refresh {
			if t.grant.user.Object == object {
				t.grant.password = true
			}
		}
	})
}

// SetRoles assigns roles to a user, in the place of those that there are.
func (s *Server) SetRoles(object string, roles ...string) {
	s.change(func() {
		if u := s.user(func(u *User) bool { return u.Object == object }); u != nil {
			u.Roles = roles
		}
	})
}

// RequireConsent makes an application need the consent of an administrator, whom nobody has asked yet, until it is given.
func (s *Server) RequireConsent(client string, missing bool) {
	s.change(func() { s.odd.unconsented[client] = missing })
}

// ExpireSecret ends an application's secret.
func (s *Server) ExpireSecret(client string) {
	s.change(func() { s.odd.expired[client] = true })
}

// BlockDevices lets nobody sign in by a device code, as a policy of many tenants does.
func (s *Server) BlockDevices() { s.change(func() { s.odd.noDevices = true }) }

// Decline makes users not grant the scope of that name.
func (s *Server) Decline(scope string) { s.change(func() { s.odd.declined[scope] = true }) }

// WriteScopes sets how granted scopes are written.
func (s *Server) WriteScopes(form ScopeForm) { s.change(func() { s.odd.form = form }) }

// Error is an answer of the service's that is no success.
type Error struct {
	Status     int // of the answer; 0: 400
	Word       string
	Number     int
	Sub        string
	RetryAfter string // the header; empty: none
}

// Fail makes the next request to an endpoint fail. Several calls make several requests fail, in their order.
func (s *Server) Fail(endpoint Endpoint, e Error) {
	f := fail(e.Word, e.Number, "It did not work this time.")
	f.sub, f.http, f.after = e.Sub, e.Status, e.RetryAfter
	s.change(func() { s.odd.passing = append(s.odd.passing, passing{endpoint, f}) })
}

// Passing are errors that pass by themselves.
var Passing = []Error{
	{Status: http.StatusServiceUnavailable, Word: "temporarily_unavailable", Number: 90033, RetryAfter: "1"},
	{Word: "temporarily_unavailable", Number: 90024},
	{Word: "invalid_request", Number: 90055},
	{Word: "invalid_grant", Number: 50196},
	{Status: http.StatusTooManyRequests, Word: "invalid_request", Number: 90055, RetryAfter: "1"},
	{Status: http.StatusGatewayTimeout, Word: "server_error", Number: 90012},
}

// blocked is the refusal of a policy.
func blocked(number int) *refusal {
	if number == 70043 {
		f := fail("invalid_grant", number, "The refresh token has expired or is invalid due to sign-in frequency checks by conditional access.")
		f.sub = "token_expired"
		return f
	}
	f := fail("invalid_grant", number, "Access has been blocked by Conditional Access policies. The access policy does not allow token issuance.")
	f.sub = "message_only"
	f.claims = `{"access_token":{"capolids":{"essential":true,"values":["` + challengeValue + `"]}}}`
	return f
}

// hinders says why a refresh is refused though the sign-in stands. The lock is held.
func (s *Server) hinders(g *grant) *refusal {
	switch number := s.odd.policies[g.user.Object]; {
	case number != 0:
		return blocked(number)
	case s.claims[g.user.Object]:
		return moreNeeded()
	case s.odd.unconsented[g.app.Client]:
		f := fail("invalid_grant", 65001, "The user or administrator has not consented to use the application with ID '%s'.", g.app.Client)
		f.sub = "consent_required"
		return f
	}
	return nil
}

func (s *Server) secretExpired(app *App) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.odd.expired[app.Client]
}

// browserCookie names who is signed in with a browser.
const browserCookie = "ESTSAUTH"

// signedIn is who is signed in with the browser; nil: nobody is, or not any more. The lock is held.
func (s *Server) signedIn(r *http.Request) *User {
	c, err := r.Cookie(browserCookie)
	if err != nil {
		return nil
	}
	return s.browsers[c.Value]
}

// remember signs a user in with the browser. The lock is held.
func (s *Server) remember(w http.ResponseWriter, u *User) {
	value := newSecret()
	s.browsers[value] = u
	http.SetCookie(w, &http.Cookie{Name: browserCookie, Value: value, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteNoneMode})
}

// logout ends the session of the browser if the hint says whose it is, else it asks. It leads back to the application from which the user comes.
func (s *Server) logout(w http.ResponseWriter, r *http.Request, _ string) {
	s.mu.Lock()
	if in := s.signedIn(r); in != nil {
		if r.Form.Get("logout_hint") != in.hint() {
			s.mu.Unlock()
			writePage(w, http.StatusOK, "sign-out", person{Object: in.Object, Name: in.Name, Username: in.Username})
			return
		}
		c, _ := r.Cookie(browserCookie)
		delete(s.browsers, c.Value)
	}
	s.mu.Unlock()
	back := r.Form.Get("post_logout_redirect_uri")
	if back == "" || !slices.ContainsFunc(s.options.Apps, func(a App) bool { return a.redirects(back) }) {
		writePage(w, http.StatusOK, "signed-out", nil)
		return
	}
	redirect(w, r, back, map[string]string{"state": r.Form.Get("state")})
}
