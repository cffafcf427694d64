package httpapi

import (
	"net/http"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/fault"
)

// TestABrowserOnOneMachine has browsers come to the server of one machine with a key that is good once, and without.
func TestABrowserOnOneMachine(t *testing.T) {
	const name = "admin-assistant-8080"
	owner := account.Principal{Tenant: "local", Object: "ann", Name: "Ann", Role: account.RoleAdmin}
	keys := map[string]bool{"one": true, "two": true, "three": true}
	s := newService(t, func(service *service, s *Services) {
		s.Sessions = session.New(service.table, s.Clock)
		s.Authenticate = func(r *http.Request) (account.Principal, error) {
			if r.Header.Get("Authorization") == "Bearer key" {
				return owner, nil
			}
			return account.Principal{}, fault.New(fault.Unauthenticated, "ask for an address")
		}
		s.Machine = &Machine{User: owner, Cookie: name, Redeem: func(once string) error {
			if !keys[once] {
				return fault.New(fault.Unauthenticated, "used already")
			}
			keys[once] = false
			return nil
		}}
	})
	enter := func(t *testing.T, path string, header ...string) *http.Cookie {
		t.Helper()
		a := s.do("GET", path, nil, header...).is(303)
		c := setCookies(a.Response)[name]
		if len(a.Cookies()) != 1 || a.Header.Get("Location") != "/" || a.Header.Get("Referrer-Policy") != "no-referrer" || c == nil {
			t.Fatalf("header %v", a.Header)
		}
		return c
	}
	first := enter(t, "/?key=one")
	as := func(c *http.Cookie) []string { return []string{"Cookie", name + "=" + c.Value} }
	t.Run("gets a cookie that no script, no other site and no other path has", func(t *testing.T) {
		if first.Path != "/" || !first.HttpOnly || first.SameSite != http.SameSiteStrictMode || first.Secure || first.Domain != "" || first.MaxAge != 12*60*60 {
			t.Errorf("got %+v", first)
		}
		if me := s.do("GET", "/v1/me", nil, as(first)...).is(200); me.str("object") != "ann" || me.str("role") != "admin" {
			t.Errorf("is %s", me.body)
		}
	})
	t.Run("is refused with the same key, with another and with several, and told why", func(t *testing.T) {
		for _, path := range []string{"/?key=one", "/?key=four", "/?key=", "/?key=two&key=two"} {
			a := s.do("GET", path, nil).problem(401, "unauthenticated", "")
			if a.Header.Get("WWW-Authenticate") != `Bearer error="invalid_token"` || len(a.Cookies()) > 0 || !strings.Contains(string(a.body), "used already") {
				t.Errorf("%s: %v %s", path, a.Header, a.body)
			}
		}
		page := s.do("GET", "/?key=one", nil, "Accept", "text/html").is(401)
		text, referrer := string(page.body), page.Header.Get("Referrer-Policy")
		if !strings.Contains(text, "Used already.") || strings.Contains(text, "/auth/login") || referrer != "no-referrer" {
			t.Errorf("%v %s", page.Header, text)
		}
	})
	t.Run("does not use a key up by asking for the head", func(t *testing.T) {
		if a := s.do("HEAD", "/?key=two", nil).is(302); len(a.Cookies()) > 0 || !keys["two"] {
			t.Errorf("%v", a.Header)
		}
	})
	t.Run("without a key is led to the reference", func(t *testing.T) {
		if a := s.do("GET", "/", nil).is(302); a.Header.Get("Location") != "/docs" {
			t.Errorf("%v", a.Header)
		}
	})
	t.Run("changes nothing without the session's token", func(t *testing.T) {
		body := `{"uri": "local://me/calendars/X"}`
		s.do("POST", "/v1/calendars", body, as(first)...).problem(403, codeCSRF, headerCSRF)
		token := s.do("GET", "/auth/session", nil, as(first)...).is(200).str("csrf_token")
		s.do("POST", "/v1/calendars", body, append(as(first), headerCSRF, token)...).is(201)
		s.do("POST", "/v1/calendars", strings.Replace(body, "X", "Y", 1), "Authorization", "Bearer key").is(201) // the command line has no session
	})
	second := enter(t, "/?key=two", as(first)...)
	t.Run("has the session of the last key alone, and is told how to get in when it has none", func(t *testing.T) {
		a := s.do("GET", "/v1/me", nil, as(first)...).problem(401, "unauthenticated", "")
		if c := setCookies(a.Response)[name]; c == nil || c.MaxAge >= 0 || !strings.Contains(string(a.body), "ask for an address") {
			t.Errorf("%v %s", a.Header, a.body)
		}
		if all := s.do("GET", "/auth/sessions", nil, as(second)...).is(200).items(); len(all) != 1 {
			t.Errorf("sessions %v", all)
		}
	})
	t.Run("signs out", func(t *testing.T) {
		token := s.do("GET", "/auth/session", nil, as(second)...).is(200).str("csrf_token")
		a := s.do("POST", "/auth/logout", nil, append(as(second), headerCSRF, token)...).is(204)
		if c := setCookies(a.Response)[name]; c == nil || c.MaxAge >= 0 {
			t.Errorf("%v", a.Header)
		}
		s.do("GET", "/v1/me", nil, as(second)...).problem(401, "unauthenticated", "")
	})
	t.Run("signs in at no service: there is none", func(t *testing.T) {
		for _, path := range []string{"/auth/login", "/auth/callback"} {
			s.do("GET", path, nil).problem(404, codeNoRoute, "")
		}
	})
	t.Run("each entry is recorded, and no key is in the log", func(t *testing.T) {
		records := s.do("GET", "/v1/audit?action=session.begin", nil, "Authorization", "Bearer key").is(200).items()
		if len(records) != 2 || strings.Contains(s.log.String(), "key=") || !strings.Contains(s.log.String(), `"route":"GET /{$}"`) {
			t.Errorf("%d records: %s", len(records), s.log.String())
		}
	})
	t.Run("a server without keys leaves them alone", func(t *testing.T) {
		if a := newService(t).do("GET", "/?key=three", nil).is(302); a.Header.Get("Location") != "/docs" || len(a.Cookies()) > 0 {
			t.Errorf("%v", a.Header)
		}
	})
}
