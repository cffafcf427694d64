package entrasim

import (
	"cmp"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// refreshToken is one that was given out.
type refreshToken struct {
	grant   *grant
	expires time.Time
	used    bool
}

// token gives out tokens.
func (s *Server) token(w http.ResponseWriter, r *http.Request, tenant string) {
	form := r.PostForm
	app, f := s.authenticate(r, tenant)
	if f != nil {
		s.refuse(w, f)
		return
	}
	s.mu.Lock()
	var body object
	switch form.Get("grant_type") {
	case "authorization_code":
		body, f = s.redeemCode(form, app, tenant)
	case "refresh_token":
		body, f = s.redeemRefresh(form, app, tenant)
	case "urn:ietf:params:oauth:grant-type:device_code", "device_code": // the second is what Microsoft's own libraries send
		body, f = s.redeemDevice(form, app, tenant)
	case "client_credentials":
		body, f = s.redeemSecret(form, app, tenant)
	default:
		f = fail("unsupported_grant_type", 70003, "The app requested an unsupported grant type '%.60s'.", form.Get("grant_type"))
	}
	s.mu.Unlock()
	if f != nil {
		s.refuse(w, f)
		return
	}
	writeJSON(w, http.StatusOK, body)
}

// authenticate says which application asks, and that it is the one: by its secret in the form or the header, or by a client assertion, if it is
// confidential.
func (s *Server) authenticate(r *http.Request, tenant string) (*App, *refusal) {
	client, secret := r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	if user, password, ok := r.BasicAuth(); ok {
		var errUser, errPassword error
		client, errUser = url.QueryUnescape(user)
		secret, errPassword = url.QueryUnescape(password)
		if errUser != nil || errPassword != nil {
			return nil, fail("invalid_client", 7000215, "Invalid client credentials.")
		}
	}
	app, assertion := s.app(client), r.PostForm.Get("client_assertion")
	if app == nil {
		return nil, fail("unauthorized_client", 700016, "Application with identifier '%.60s' was not found in the directory.", client)
	}
	device := strings.HasSuffix(r.PostForm.Get("grant_type"), "device_code")
	switch {
	case app.public() && secret+assertion != "":
		return nil, fail("invalid_client", 700025, "Client is public so neither 'client_assertion' nor 'client_secret' should be presented.")
	case !app.public() && secret+assertion == "", app.NoPublicFlows && device:
		return nil, fail("invalid_client", 7000218, "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.")
	case assertion != "":
		if r.PostForm.Get("client_assertion_type") != assertionType {
			return nil, fail("invalid_request", 900144, "The request body must contain the following parameter: 'client_assertion_type'.")
		}
		if f := s.asserted(app, assertion, tenant); f != nil {
			return nil, f
		}
	case subtle.ConstantTimeCompare([]byte(app.Secret), []byte(secret)) != 1:
		return nil, fail("invalid_client", 7000215, "Invalid client secret provided.")
	case s.secretExpired(app):
		return nil, fail("invalid_client", 7000222, "The provided client secret keys for app '%s' are expired.", app.Client)
	}
	return app, app.reachedAt(tenant)
}

// The functions below run with the lock held.

func (s *Server) redeemCode(form url.Values, app *App, tenant string) (object, *refusal) {
	c := s.codes[form.Get("code")]
	verifier := form.Get("code_verifier")
	switch {
	case c == nil || c.grant.app != app || !of(c.grant.user, tenant):
		return nil, fail("invalid_grant", 9002313, "Invalid request. The code is not one that was given to this application.")
	case c.redeemed:
		c.grant.revoked = true // somebody else has it too
		return nil, fail("invalid_grant", 54005,
			"OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token.")
	case !s.options.Clock().Before(c.expires):
		return nil, fail("invalid_grant", 70008, "The provided authorization code has expired due to inactivity. Send a new interactive authorization request.")
	case form.Get("redirect_uri") != c.redirect:
		return nil, fail("invalid_grant", 50148, "The redirect_uri is not the one of the authorization request.")
	case c.challenge == "" && verifier != "", c.challenge != "" && (verifier == "" || oauth2.S256ChallengeFromVerifier(verifier) != c.challenge):
		return nil, fail("invalid_grant", 501481, "The Code_Verifier does not match the code_challenge supplied in the authorization request.")
	}
	c.redeemed = true
	if f := s.standing(c.grant); f != nil {
		return nil, f
	}
	return s.respond(form, c.grant)
}

func (s *Server) redeemRefresh(form url.Values, app *App, tenant string) (object, *refusal) {
	t := s.refresh[form.Get("refresh_token")]
	switch {
	case t == nil || t.grant.app != app || !of(t.grant.user, tenant):
		return nil, fail("invalid_grant", 9002313, "Invalid request. The refresh token is not one that was given to this application.")
	case !s.options.Clock().Before(t.expires):
		return nil, fail("invalid_grant", 700082, "The refresh token has expired due to inactivity.")
	case t.used && s.options.Strict:
		t.grant.revoked = true
		return nil, fail("invalid_grant", 70000, "The refresh token was used before; the sign-in has ended.")
	}
	if f := s.standing(t.grant); f != nil {
		return nil, f
	}
	if f := s.hinders(t.grant); f != nil {
		return nil, f
	}
	body, f := s.respond(form, t.grant)
	if f == nil {
		t.used = true
	}
	return body, f
}

func (s *Server) redeemDevice(form url.Values, app *App, tenant string) (object, *refusal) {
	secret := form.Get("device_code")
	d := s.devices[secret]
	switch {
	case d == nil || d.app != app || d.user != nil && !of(d.user, tenant):
		return nil, fail("invalid_grant", 70019, "Verification code is not valid for this application.")
	case !s.options.Clock().Before(d.expires):
		return nil, fail("expired_token", 70020, "The provided value for the input parameter 'device_code' has expired. Request a new one.")
	case d.blocked:
		return nil, blocked(53003)
	case d.denied:
		return nil, fail("authorization_declined", 70018, "The user has denied the request.")
	case d.user == nil:
		return nil, fail("authorization_pending", 70016, "OAuth 2.0 device flow error. Authorization is pending. Continue polling.")
	}
	delete(s.devices, secret)
	g := &grant{user: d.user, app: app, scopes: d.scopes}
	if f := s.standing(g); f != nil {
		return nil, f
	}
	return s.respond(form, g)
}

func (s *Server) redeemSecret(form url.Values, app *App, tenant string) (object, *refusal) {
	scopes := strings.Fields(form.Get("scope"))
	scopes = slices.DeleteFunc(scopes, func(scope string) bool { return slices.Contains(ofUsers, scope) }) // Microsoft's libraries add them
	switch {
	case app.public():
		return nil, fail("unauthorized_client", 700016, "Application '%s' is public and has no credentials.", app.Client)
	case anyTenant(tenant):
		return nil, fail("invalid_request", 50059, "No tenant-identifying information found in the request.")
	case len(scopes) != 1 || !strings.HasSuffix(scopes[0], "/.default"):
		return nil, fail("invalid_scope", 1002012,
			"The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.")
	}
	r, f := s.resolve(app, scopes)
	if f != nil {
		return nil, f
	}
	return s.lifetimes(object{"token_type": "Bearer", "access_token": s.signFor(r.app, s.appClaims(app, tenant, r))}), nil
}

// of says whether a user can be asked for at a tenant. A guest's account of the host tenant can be at the host tenant alone.
func of(u *User, tenant string) bool { return u.Tenant == tenant || anyTenant(tenant) && !u.guest() }

// standing says why a sign-in is good for nothing any more.
func (s *Server) standing(g *grant) *refusal {
	switch {
	case g.user.Disabled:
		return accountDisabled()
	case g.revoked || g.password && g.app.public():
		f := fail("invalid_grant", 50173,
			"The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.")
		f.sub = "bad_token"
		return f
	}
	return nil
}

// ofUsers are the scopes that are about the user and no API.
var ofUsers = []string{"openid", "profile", "email", "offline_access"}

// respond gives out the tokens of a sign-in, for the scopes that this request asks for, else those of the sign-in.
func (s *Server) respond(form url.Values, g *grant) (object, *refusal) {
	scopes := strings.Fields(form.Get("scope"))
	if len(scopes) == 0 {
		scopes = g.scopes
	}
	r, f := s.resolve(g.app, scopes)
	if f != nil {
		return nil, f
	}
	r.names = slices.DeleteFunc(r.names, func(name string) bool { return s.odd.declined[name] })
	body := s.lifetimes(object{"token_type": "Bearer", "scope": s.odd.scope(r), "access_token": s.signFor(r.app, s.accessClaims(g.user, g.app, r))})
	if slices.Contains(scopes, "openid") {
		body["id_token"] = s.signFor(g.app, s.idClaims(g))
	}
	if slices.Contains(scopes, "offline_access") && slices.Contains(g.scopes, "offline_access") { // what the sign-in did not ask for is not given
		s.sweep()
		secret := newSecret()
		s.refresh[secret] = &refreshToken{grant: g, expires: s.options.Clock().Add(s.options.RefreshLifetime)}
		body["refresh_token"] = secret
	}
	if form.Get("client_info") == "1" {
		body["client_info"] = clientInfo(g.user)
	}
	return body, nil
}

func (s *Server) lifetimes(body object) object {
	seconds := int(s.options.AccessLifetime / time.Second)
	body["expires_in"], body["ext_expires_in"] = seconds, seconds
	return body
}

// resource is an API for which an access token is.
type resource struct {
	app      *App   // whose API it is; nil: Microsoft Graph
	asked    string // as the request names it; empty: not
	audience string
	version  int
	names    []string // scopes without the resource
	granted  []string // scopes that are about the user and no API
}

const (
	graphURL = "https://graph.microsoft.com"
	graphID  = "00000003-0000-0000-c000-000000000000"
)

// resolve finds the one API that scopes are about; scopes that name none are Microsoft Graph's.
func (s *Server) resolve(app *App, scopes []string) (resource, *refusal) {
	r := resource{version: 2}
	for _, scope := range scopes {
		if slices.Contains(ofUsers, scope) {
			if scope != "offline_access" { // which the refresh token stands for
				r.granted = append(r.granted, scope)
			}
			continue
		}
		asked, name, of := "", scope, resource{audience: graphURL, version: 1}
		if i := strings.LastIndex(scope, "/"); i >= 0 {
			name, asked = scope[i+1:], strings.TrimSuffix(scope[:i], "/")
			if asked != graphURL && asked != graphID {
				api := s.api(asked)
				if api == nil {
					return r, fail("invalid_resource", 500011, "The resource principal named %.100s was not found in the tenant.", asked)
				}
				if f := ofItself(app, api, asked); f != nil {
					return r, f
				}
				of = resource{app: api, audience: api.Client, version: cmp.Or(api.Version, 1)}
				if of.version == 1 {
					of.audience = asked
				}
			}
		}
		if name == "" {
			return r, fail("invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid: %.100s.", scope)
		}
		if r.audience != "" && r.audience != of.audience {
			return r, fail("invalid_scope", 28000, "Provided value for the input parameter scope is not valid because it contains more than one resource.")
		}
		r.app, r.asked, r.audience, r.version = of.app, asked, of.audience, of.version
		r.names = append(r.names, name)
	}
	switch {
	case len(scopes) == 0:
		return r, fail("invalid_request", 900144, "The request body must contain the following parameter: 'scope'.")
	case r.audience == "":
		r.audience, r.version, r.names = graphURL, 1, slices.Clone(r.granted)
	}
	if i := slices.Index(r.names, ".default"); i >= 0 {
		r.names[i] = "access_as_user" // what was consented to beforehand
	}
	return r, nil
}

// ofItself says why an application does not get a token for its own API.
func ofItself(app, api *App, asked string) *refusal {
	switch {
	case app != api:
		return nil
	case app.NoSignIn:
		return fail("invalid_request", 90008,
			"The user or administrator has not consented to use the application with ID '%s'. It must require access to sign in and read user profile.", app.Client)
	case asked != app.Client:
		return fail("invalid_request", 90009,
			"Application '%s' is requesting a token for itself. This is supported only if the resource is specified by the GUID based App Identifier.", app.Client)
	}
	return nil
}

// api finds the application whose API an identifier names.
func (s *Server) api(id string) *App {
	for i := range s.options.Apps {
		if a := &s.options.Apps[i]; id == a.Client || id == "api://"+a.Client || a.Audience != "" && id == a.Audience {
			return a
		}
	}
	return nil
}
