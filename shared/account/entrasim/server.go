// Package entrasim is a simulator of Entra ID's sign-in service: an http.Handler that speaks its OpenID Connect dialect, with its state in memory.
//
// It serves tests and the demo. A person signs in by choosing a simulated user on a page; there are no passwords. Programs get tokens by authorization
// code with PKCE, refresh token, device code and client credentials (by secret, certificate or federated identity), for any number of tenants. All
// tenants share one set of signing keys, as the service's do.
//
// What the service may do and one does not hope for is in switch.go: each switch is a method of Server, or a field of a User or an App.
//
// The tokens, the errors and the way in which claims are asked for are the service's own and unlike any general provider's, and time has to be a
// value in tests; so this stands on a library for tokens and keys (go-jose) and not on one for whole providers.
//
// All methods of Server may be called from many goroutines at once.
package entrasim

import (
	"cmp"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultURL is the address that tokens and documents name when there is no other.
const DefaultURL = "https://login.microsoftonline.com"

// User is somebody who can sign in.
type User struct {
	Tenant   string // id of the tenant
	Object   string // object id
	Name     string // as shown to people
	Username string // preferred_username, as a login_hint names it
	Roles    []string
	Disabled bool
	// Home is the tenant of a guest's own account; empty: the user is a member. A guest can be asked for at Tenant alone.
	Home string
	// Alias is what tokens name as preferred_username in the place of Username, which stays the user principal name; empty: the same.
	Alias string
	// Groups is in how many groups the user is.
	Groups int
}

// guest says whether the user's account belongs to another tenant.
func (u *User) guest() bool { return u.Home != "" }

// App is an application that is known in all tenants.
type App struct {
	Client string // application id
	Name   string // as shown to people; empty: the application id
	Secret string // empty: a public client
	// RedirectURIs are where codes may be sent, to the letter; of http://localhost the port does not matter.
	RedirectURIs []string
	// Certificates are those whose keys may sign its client assertions; Federated are the identities of other providers that may stand for it.
	// An application with one of these or a Secret is confidential.
	Certificates []*x509.Certificate
	Federated    []Federated
	// Audience is an identifier of the application's own API beside its application id and api:// with that (Application ID URI).
	Audience string
	// Version of the access tokens for its API (requestedAccessTokenVersion), 1 or 2; 0 is 1, as with the service. Tokens of version 1 name the
	// API as it was asked for, those of version 2 by its application id.
	Version int
	// Roles are what its own access tokens (client credentials) name.
	Roles []string
	// Optional are the optional claims of its registration that the simulator knows: acct, email, groups and login_hint.
	Optional []string
	// Tenant is the one tenant that a single-tenant application is in (signInAudience); empty: it is in all.
	Tenant string
	// NoSignIn means that it lacks the permission to sign in (User.Read): it gets no token for itself.
	NoSignIn bool
	// NoPublicFlows means that public client flows are not allowed, so that a device code is of no use.
	NoPublicFlows bool
	// OwnKeys means that its tokens are signed with keys of its own, which are published for who names the application alone.
	OwnKeys bool
}

// public says whether the application has no credential.
func (a *App) public() bool {
	return a.Secret == "" && len(a.Certificates) == 0 && len(a.Federated) == 0
}

// Options are a server's settings.
type Options struct {
	// URL is the address under which clients know the server; empty: the one at which it listens (Start), else DefaultURL.
	URL   string
	Users []User
	Apps  []App
	// Tenants are ids of tenants without users.
	Tenants []string
	// Strict makes a refresh token good for one use: a second use ends the whole sign-in. The service itself still accepts older ones.
	Strict          bool
	AccessLifetime  time.Duration // 0: an hour
	RefreshLifetime time.Duration // 0: 90 days
	DeviceLifetime  time.Duration // 0: 15 minutes
	DeviceInterval  time.Duration // between two questions for a device code, in whole seconds; 0: 5 seconds. Who asks too soon is answered slow_down.
	// V1Issuer is the address with which issuers of version 1 tokens begin, which differs between clouds; empty: https://sts.windows.net.
	V1Issuer string
	Clock    func() time.Time
}

const codeLifetime = 10 * time.Minute

// Endpoint names what the server answers.
type Endpoint string

const (
	Discovery     Endpoint = "discovery"
	Keys          Endpoint = "keys"
	Authorize     Endpoint = "authorize"
	Token         Endpoint = "token"
	DeviceCode    Endpoint = "devicecode"
	DeviceConfirm Endpoint = "deviceconfirm"
	Logout        Endpoint = "logout"
)

// Server is the simulator.
type Server struct {
	options Options
	mux     *http.ServeMux

	mu       sync.Mutex
	url      string
	users    []*User
	signing  []*signingKey // the last one signs, all are published
	requests map[Endpoint]int
	failing  map[Endpoint]int // HTTP status; 0 cuts the connection
	codes    map[string]*code
	refresh  map[string]*refreshToken
	devices  map[string]*device // by device code
	claims   map[string]bool    // users of whom more is asked, by object id
	own      map[string]*signingKey
	browsers map[string]*User // who is signed in with a browser, by its cookie
	used     map[string]bool  // ids of client assertions
	odd      odd
}

var _ http.Handler = (*Server)(nil)

// grant is a sign-in of a user to an application, from which tokens come.
type grant struct {
	user    *User
	app     *App
	scopes  []string
	nonce   string
	revoked bool
	// password is set once the user has another password than at the sign-in.
	password bool
}

// New makes a server. It panics if an id is not one, or is there twice: such a setup is a mistake of the program.
func New(o Options) *Server {
	o.AccessLifetime = cmp.Or(o.AccessLifetime, time.Hour)
	o.RefreshLifetime = cmp.Or(o.RefreshLifetime, 90*24*time.Hour)
	o.DeviceLifetime = cmp.Or(o.DeviceLifetime, 15*time.Minute)
	o.DeviceInterval = cmp.Or(o.DeviceInterval, 5*time.Second)
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Server{
		options: o, mux: http.NewServeMux(), url: cmp.Or(strings.TrimSuffix(o.URL, "/"), DefaultURL),
		requests: map[Endpoint]int{}, failing: map[Endpoint]int{}, codes: map[string]*code{}, refresh: map[string]*refreshToken{},
		devices: map[string]*device{}, claims: map[string]bool{}, own: map[string]*signingKey{}, browsers: map[string]*User{}, used: map[string]bool{},
		odd: odd{policies: map[string]int{}, unconsented: map[string]bool{}, expired: map[string]bool{}, declined: map[string]bool{}},
	}
	s.options.V1Issuer = cmp.Or(strings.TrimSuffix(o.V1Issuer, "/"), "https://sts.windows.net")
	seen := map[string]bool{}
	once := func(id, what string) {
		if !guid.MatchString(id) || seen[id] {
			panic(fmt.Sprintf("entrasim: %q is no %s id, or there twice", id, what))
		}
		seen[id] = true
	}
	for _, u := range o.Users {
		once(u.Object, "object")
		s.options.Tenants = append(slices.Clip(s.options.Tenants), u.Tenant)
		s.users = append(s.users, &u)
	}
	for _, a := range o.Apps {
		once(a.Client, "application")
		if a.OwnKeys {
			s.own[a.Client] = newSigningKey(o.Clock())
		}
	}
	for _, id := range s.options.Tenants {
		if !guid.MatchString(id) {
			panic(fmt.Sprintf("entrasim: %q is no tenant id", id))
		}
	}
	s.RotateKeys()
	s.handle("GET /{tenant}/v2.0/.well-known/openid-configuration", Discovery, s.discovery)
	s.handle("GET /{tenant}/discovery/v2.0/keys", Keys, s.keySet)
	s.handle("GET /{tenant}/oauth2/v2.0/authorize", Authorize, s.authorize)
	s.handle("POST /{tenant}/oauth2/v2.0/authorize", Authorize, s.authorize)
	s.handle("POST /{tenant}/oauth2/v2.0/token", Token, s.token)
	s.handle("POST /{tenant}/oauth2/v2.0/devicecode", DeviceCode, s.deviceCode)
	s.handle("GET /{tenant}/oauth2/deviceauth", DeviceConfirm, s.deviceConfirm)
	s.handle("POST /{tenant}/oauth2/deviceauth", DeviceConfirm, s.deviceConfirm)
	s.handle("GET /{tenant}/oauth2/v2.0/logout", Logout, s.logout)
	return s
}

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

const maxForm = 64 << 10 // bytes

// handle counts an endpoint's requests, fails those that are to fail, and lets the others through if their tenant exists.
func (s *Server) handle(pattern string, endpoint Endpoint, serve func(w http.ResponseWriter, r *http.Request, tenant string)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests[endpoint]++
		status, fails := s.failing[endpoint]
		passing := s.odd.next(endpoint)
		s.mu.Unlock()
		switch {
		case passing != nil:
			s.refuseFor(w, passing)
			return
		case fails && status == 0:
			panic(http.ErrAbortHandler) // the connection is cut
		case fails:
			http.Error(w, http.StatusText(status), status)
			return
		}
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			s.refuse(w, fail("invalid_request", 90023, "The request cannot be read."))
			return
		}
		tenant := strings.ToLower(r.PathValue("tenant"))
		if !s.knows(tenant) {
			s.refuse(w, fail("invalid_request", 90002, "Tenant '%.60s' not found.", tenant))
			return
		}
		serve(w, r, tenant)
	})
}

// knows says whether a tenant can be asked for, by its id or as any.
func (s *Server) knows(tenant string) bool {
	return anyTenant(tenant) || slices.Contains(s.options.Tenants, tenant)
}

func anyTenant(tenant string) bool { return tenant == "common" || tenant == "organizations" }

// ServeHTTP answers a request of the sign-in service's.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.mux.ServeHTTP(w, r) }

// URL is the address that tokens and documents name.
func (s *Server) URL() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url
}

// Requests counts the requests so far.
func (s *Server) Requests() map[Endpoint]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.requests)
}

// Break makes an endpoint answer all requests with an HTTP status, or cut the connection if that is 0, until it is mended.
func (s *Server) Break(endpoint Endpoint, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failing[endpoint] = status
}

// Mend makes an endpoint work again.
func (s *Server) Mend(endpoint Endpoint) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.failing, endpoint)
}

// Revoke ends all sign-ins of a user: their refresh tokens and codes are answered invalid_grant. The user can sign in again.
func (s *Server) Revoke(object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(func(g *grant) bool { return g.user.Object == object })
}

// end revokes the grants that fit. The lock is held.
func (s *Server) end(fits func(*grant) bool) {
	for _, c := range s.codes {
		if fits(c.grant) {
			c.grant.revoked = true
		}
	}
	for _, t := range s.refresh {
		if fits(t.grant) {
			t.grant.revoked = true
		}
	}
}

// sweep forgets what has long expired. The lock is held.
func (s *Server) sweep() {
	long := s.options.Clock().Add(-time.Hour) // until then the errors say that it has expired
	maps.DeleteFunc(s.codes, func(_ string, c *code) bool { return c.expires.Before(long) })
	maps.DeleteFunc(s.refresh, func(_ string, t *refreshToken) bool { return t.expires.Before(long) })
	maps.DeleteFunc(s.devices, func(_ string, d *device) bool { return d.expires.Before(long) })
}

// Disable closes or opens a user's account.
func (s *Server) Disable(object string, disabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.user(func(u *User) bool { return u.Object == object }); u != nil {
		u.Disabled = disabled
	}
}

// RequireClaims makes the service ask more of a user than the sign-in has shown, as a policy of the tenant does: refreshing a token is answered
// interaction_required with a claims challenge, until the user signs in on the page by a request that has the challenge as its claims.
func (s *Server) RequireClaims(object string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claims[object] = true
}

// user returns the first user that fits, else nil. The lock is held.
func (s *Server) user(fits func(*User) bool) *User {
	if i := slices.IndexFunc(s.users, fits); i >= 0 {
		return s.users[i]
	}
	return nil
}

// usersOf returns those who can sign in at a tenant. The lock is held.
func (s *Server) usersOf(tenant string) []*User {
	var in []*User
	for _, u := range s.users {
		if of(u, tenant) {
			in = append(in, u)
		}
	}
	return in
}

func (s *Server) app(client string) *App {
	if i := slices.IndexFunc(s.options.Apps, func(a App) bool { return a.Client == strings.ToLower(client) }); i >= 0 {
		return &s.options.Apps[i]
	}
	return nil
}

func (a *App) title() string { return cmp.Or(a.Name, a.Client) }

// discovery serves the OpenID Connect configuration of a tenant.
func (s *Server) discovery(w http.ResponseWriter, _ *http.Request, tenant string) {
	url, issuerOf := s.URL(), tenant
	if anyTenant(tenant) {
		issuerOf = "{tenantid}"
	}
	at := url + "/" + tenant
	writeJSON(w, http.StatusOK, object{
		"issuer":                                url + "/" + issuerOf + "/v2.0",
		"authorization_endpoint":                at + "/oauth2/v2.0/authorize",
		"token_endpoint":                        at + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         at + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  at + "/oauth2/v2.0/logout",
		"jwks_uri":                              at + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_modes_supported":              []string{"query", "form_post"},
		"response_types_supported":              []string{"code"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"code_challenge_methods_supported":      []string{"S256"},
		"request_uri_parameter_supported":       false,
		"http_logout_supported":                 true,
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   "microsoftonline.com",
		"claims_supported": []string{"sub", "iss", "aud", "exp", "iat", "nonce", "preferred_username", "name", "tid", "oid",
			"ver", "uti", "roles"},
	})
}

// newSecret is a code or a token that means nothing to others: 256 bits, in the alphabet of URLs.
func newSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// pseudonym is a name in disguise, the same each time.
func pseudonym(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
