package httpapi

import (
	"net/http"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/fault"
)

// Machine is how browsers get into the server of one machine, where there is no sign-in service: by an address that is good once.
type Machine struct {
	// Redeem takes the key in that address. Errors are of kind fault.Unauthenticated, with a text for the user.
	Redeem func(once string) error
	// User is who gets in.
	User account.Principal
	// Cookie is the name of a session's cookie. Each server of a machine has its own: browsers do not distinguish ports.
	Cookie string
}

// home leads to the first page, or to the reference where there are no pages, and lets a browser in that brings a key. The answer leads on to an
// address without it, so that it stays in no history and in no link.
func (s *server) home(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if s.Machine == nil || r.Method != http.MethodGet || !q.Has("key") {
		to := "/docs"
		if s.Web != nil {
			to = s.Web.Home
		}
		http.Redirect(w, r, to, http.StatusFound)
		return
	}
	err := s.Machine.Redeem(single(q, "key"))
	if err == nil {
		err = s.beginSession(w.Header(), r, session.SignIn{Principal: s.Machine.User})
	}
	if err != nil {
		s.refused(w.Header(), err, true)
		s.refuse(w, r, problemOf(r.Context(), err))
		return
	}
	w.Header().Set("Location", "/")
	w.WriteHeader(http.StatusSeeOther)
}

// where is on which servers a route is there.
type where int

const (
	everywhere   where = iota
	withSignIn         // where browsers sign in at a sign-in service
	withSessions       // where browsers have sessions
	withTenants        // where users of several tenants may sign in
)

// has says whether a route is there.
func (s *server) has(r *route) bool {
	switch r.where {
	case withSignIn:
		return s.SignIn != nil
	case withSessions:
		return s.browsers()
	case withTenants:
		return s.Tenants != nil
	}
	return true
}

// browsers says whether browsers have sessions.
func (s *server) browsers() bool { return s.SignIn != nil || s.Machine != nil }

// sessionCookie is the name of a session's cookie.
func (s *server) sessionCookie() string {
	if s.Machine != nil {
		return s.Machine.Cookie
	}
	return sessionCookie
}

// setSession sets the cookie of a session; a negative age removes it. A machine's server speaks HTTP alone, over which some browsers keep no
// cookie that is marked as secure. No other site leads there, so that no request that another site's page causes needs it.
func (s *server) setSession(h http.Header, value string, seconds int) {
	if s.Machine == nil {
		setCookie(h, sessionCookie, value, seconds)
		return
	}
	c := http.Cookie{Name: s.Machine.Cookie, Value: value, Path: "/", MaxAge: seconds, HttpOnly: true, SameSite: http.SameSiteStrictMode}
	h.Add("Set-Cookie", c.String())
}

// unknownSession is the failure of a request of a session that there is not, or not any more.
func (s *server) unknownSession(r *http.Request, err error) error {
	if s.Machine != nil && fault.Of(err) == fault.Unauthenticated {
		_, err = s.Authenticate(r) // which says how to get in here
	}
	return err
}
