package entrasim

import (
	"crypto/rand"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// device is a program without a browser that waits for its user to sign in elsewhere.
type device struct {
	tenant   string
	userCode string
	app      *App
	scopes   []string
	expires  time.Time
	user     *User // nil: nobody yet
	denied   bool
	blocked  bool // by a policy
}

// deviceCode begins a sign-in by device code.
func (s *Server) deviceCode(w http.ResponseWriter, r *http.Request, tenant string) {
	app := s.app(r.PostForm.Get("client_id"))
	if app == nil {
		s.refuse(w, fail("unauthorized_client", 700016, "Application with identifier '%.60s' was not found in the directory.", r.PostForm.Get("client_id")))
		return
	}
	if f := app.reachedAt(tenant); f != nil {
		s.refuse(w, f)
		return
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	if _, f := s.resolve(app, scopes); f != nil {
		s.refuse(w, f)
		return
	}
	secret, d := newSecret(), &device{
		tenant: tenant, userCode: rand.Text()[:9], app: app, scopes: scopes, expires: s.options.Clock().Add(s.options.DeviceLifetime),
	}
	s.mu.Lock()
	s.sweep()
	s.devices[secret] = d
	s.mu.Unlock()
	at := s.URL() + "/common/oauth2/deviceauth"
	writeJSON(w, http.StatusOK, object{
		"user_code":        d.userCode,
		"device_code":      secret,
		"verification_uri": at,
		"expires_in":       int(s.options.DeviceLifetime / time.Second),
		"interval":         int(s.options.DeviceInterval / time.Second),
		"message":          "To sign in, use a web browser to open the page " + at + " and enter the code " + d.userCode + " to authenticate.",
	})
}

// deviceConfirm is the page on which a user enters the code and signs in.
func (s *Server) deviceConfirm(w http.ResponseWriter, r *http.Request, _ string) {
	type ask struct {
		Action template.URL
		Wrong  string
	}
	here, entered := template.URL(r.URL.EscapedPath()), strings.ToUpper(strings.TrimSpace(r.Form.Get("user_code")))
	s.mu.Lock()
	defer s.mu.Unlock()
	var d *device
	for _, one := range s.devices {
		if one.userCode == entered && s.options.Clock().Before(one.expires) && one.user == nil && !one.denied && !one.blocked {
			d = one
		}
	}
	if d == nil {
		about := ask{Action: here}
		if entered != "" {
			about.Wrong = "That code did not work. Check the code and try again."
		}
		writePage(w, http.StatusOK, "device", about)
		return
	}
	users := s.usersOf(d.tenant)
	if r.PostForm.Has("cancel") {
		d.denied = true
		writePage(w, http.StatusOK, "done", "The program was not let in. You can close this page.")
		return
	}
	for _, u := range users {
		switch {
		case r.Method != http.MethodPost || r.PostForm.Get("user") != u.Object:
		case u.Disabled:
			s.refusePage(w, accountDisabled())
			return
		case s.odd.noDevices:
			d.blocked = true
			s.refusePage(w, blocked(53003))
			return
		default:
			d.user = u
			writePage(w, http.StatusOK, "done", "You have signed in. You can close this page.")
			return
		}
	}
	writePage(w, http.StatusOK, "choose", choice{App: d.app.title(), Action: here, Code: d.userCode, Users: peopleOf(users, "")})
}
