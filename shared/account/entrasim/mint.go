package entrasim

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" // names certificates, as the service does
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is a key pair with the certificate under which it is published.
type signingKey struct {
	id          string
	private     *rsa.PrivateKey
	certificate *x509.Certificate
}

func newSigningKey(now time.Time) *signingKey {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("entrasim: " + err.Error()) // there is no randomness
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "accounts.accesscontrol.windows.net"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.AddDate(5, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, private.Public(), private)
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	sum := sha1.Sum(der)
	return &signingKey{id: base64.RawURLEncoding.EncodeToString(sum[:]), private: private, certificate: certificate}
}

// RotateKeys signs with a new key from now on; the older ones stay published.
func (s *Server) RotateKeys() {
	key := newSigningKey(s.options.Clock())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = append(s.signing, key)
}

// RetireKeys publishes only the key that signs.
func (s *Server) RetireKeys() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signing = s.signing[len(s.signing)-1:]
}

// keySet serves the keys; those of an application's own for who names it.
func (s *Server) keySet(w http.ResponseWriter, r *http.Request, tenant string) {
	s.mu.Lock()
	published := slices.Clone(s.signing)
	if own := s.own[strings.ToLower(r.URL.Query().Get("appid"))]; own != nil {
		published = append(published, own)
	}
	s.mu.Unlock()
	issuerOf := tenant
	if anyTenant(tenant) {
		issuerOf = "{tenantid}"
	}
	keys := []object{}
	for _, k := range published {
		sum := sha1.Sum(k.certificate.Raw)
		keys = append(keys, object{
			"kty": "RSA", "use": "sig", "kid": k.id, "x5t": base64.RawURLEncoding.EncodeToString(sum[:]),
			"n":      base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
			"e":      base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
			"x5c":    []string{base64.StdEncoding.EncodeToString(k.certificate.Raw)},
			"issuer": s.URL() + "/" + issuerOf + "/v2.0",
		})
	}
	writeJSON(w, http.StatusOK, object{"keys": keys})
}

// newID is a random GUID.
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// issuer is who issues a tenant's tokens of a version. The lock is held.
func (s *Server) issuer(tenant string, version int) string {
	if version == 1 {
		return s.options.V1Issuer + "/" + tenant + "/"
	}
	return s.url + "/" + tenant + "/v2.0"
}

// times are the claims about when a token is valid.
func (s *Server) times() object {
	now := s.options.Clock().Unix()
	return object{"iat": now, "nbf": now, "exp": now + int64(s.options.AccessLifetime/time.Second), "uti": newSecret()[:22], "rh": "1." + newSecret()[:22] + "."}
}

// accessClaims are those of a user's access token. The lock is held.
func (s *Server) accessClaims(u *User, app *App, r resource) object {
	c := s.times()
	maps.Copy(c, object{
		"aud": r.audience, "iss": s.issuer(u.Tenant, r.version), "tid": u.Tenant, "oid": u.Object, "name": u.Name,
		"scp": strings.Join(r.names, " "), "sub": pseudonym(u.Object, r.audience), "ver": fmt.Sprintf("%d.0", r.version),
	})
	strength := "0" // how the application showed who it is
	switch {
	case len(app.Certificates)+len(app.Federated) > 0:
		strength = "2"
	case app.Secret != "":
		strength = "1"
	}
	s.about(c, u, r.app, r.version)
	if r.version == 1 {
		c["appid"], c["appidacr"], c["unique_name"], c["upn"] = app.Client, strength, u.Username, u.Username
	} else {
		c["azp"], c["azpacr"], c["preferred_username"] = app.Client, strength, u.preferred()
	}
	if len(u.Roles) > 0 && r.app != nil {
		c["roles"] = u.Roles
	}
	return c
}

// appClaims are those of an application's own access token. The lock is held.
func (s *Server) appClaims(app *App, tenant string, r resource) object {
	principal := pseudoGUID(tenant, app.Client)
	c := s.times()
	maps.Copy(c, object{
		"aud": r.audience, "iss": s.issuer(tenant, r.version), "tid": tenant, "oid": principal, "sub": principal, "idtyp": "app",
		"ver": fmt.Sprintf("%d.0", r.version),
	})
	if r.version == 1 {
		c["appid"], c["appidacr"] = app.Client, "1"
	} else {
		c["azp"], c["azpacr"] = app.Client, "1"
	}
	if len(app.Roles) > 0 {
		c["roles"] = app.Roles
	}
	return c
}

// idClaims are those of an id token. The lock is held.
func (s *Server) idClaims(g *grant) object {
	c := s.times()
	maps.Copy(c, object{
		"aud": g.app.Client, "iss": s.issuer(g.user.Tenant, 2), "tid": g.user.Tenant, "oid": g.user.Object, "name": g.user.Name,
		"preferred_username": g.user.preferred(), "sub": pseudonym(g.user.Object, g.app.Client), "ver": "2.0",
	})
	s.about(c, g.user, g.app, 2)
	if g.nonce != "" {
		c["nonce"] = g.nonce
	}
	if len(g.user.Roles) > 0 {
		c["roles"] = g.user.Roles
	}
	return c
}

// preferred is the name that tokens have for a user.
func (u *User) preferred() string { return cmp.Or(u.Alias, u.Username) }

// named says whether a hint is a name of the user.
func (u *User) named(hint string) bool {
	return strings.EqualFold(u.Username, hint) || strings.EqualFold(u.preferred(), hint) || hint == u.hint()
}

// hint is the user's login_hint, which means nothing to others.
func (u *User) hint() string { return "O." + pseudonym(u.Object, "hint") }

// about adds what tokens say of a user where the application's registration asks for it, and what they say of guests.
func (s *Server) about(c object, u *User, app *App, version int) {
	if u.guest() {
		c["idp"] = s.issuer(u.Home, version)
	}
	if app == nil {
		return
	}
	for _, name := range app.Optional {
		switch name {
		case "acct":
			c[name] = 0
			if u.guest() {
				c[name] = 1
			}
		case "email":
			c[name] = u.Username
		case "login_hint":
			c[name] = u.hint()
		case "groups":
			var groups []string
			for i := range u.Groups {
				groups = append(groups, pseudoGUID(u.Object, "group", fmt.Sprint(i)))
			}
			if len(groups) > 0 {
				c[name] = groups
			}
		}
	}
}

// clientInfo names the user of the tokens for the libraries, as the service does: a guest by the account at home.
func clientInfo(u *User) string {
	text, err := json.Marshal(object{"uid": u.Object, "utid": u.Tenant})
	if u.guest() {
		text, err = json.Marshal(object{"uid": pseudoGUID(u.Object, u.Home), "utid": u.Home})
	}
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// pseudoGUID is an id that follows from names.
func pseudoGUID(parts ...string) string {
	text := fmt.Sprintf("%x", pseudonym(parts...))
	return fmt.Sprintf("%s-%s-%s-%s-%s", text[:8], text[8:12], text[12:16], text[16:20], text[20:32])
}

// signFor makes a token for an application, or for Microsoft Graph if that is nil. The lock is held.
func (s *Server) signFor(app *App, claims object) string {
	d := &Draft{Claims: claims}
	return d.seal(s.keyFor(app))
}

// keyFor is the key that signs tokens for an application. The lock is held.
func (s *Server) keyFor(app *App) *signingKey {
	if app != nil && s.own[app.Client] != nil {
		return s.own[app.Client]
	}
	return s.signing[len(s.signing)-1]
}

// Draft is a token that is being made up.
type Draft struct {
	Claims map[string]any
	Header map[string]any // in addition to alg, typ and kid, or in their place

	key    *rsa.PrivateKey // nil: the one that signs
	unsafe string          // an algorithm that proves nothing: "none", or "HS256" with the public key as the secret
}

// Override changes a token before it is signed.
type Override func(*Draft)

// Claim sets a claim; nil takes it out.
func Claim(name string, value any) Override {
	return func(d *Draft) {
		if d.Claims[name] = value; value == nil {
			delete(d.Claims, name)
		}
	}
}

// Header sets a member of the header; nil takes it out.
func Header(name string, value any) Override {
	return func(d *Draft) { d.Header[name] = value }
}

// SignedBy signs with another key, under the name of ours.
func SignedBy(key *rsa.PrivateKey) Override {
	return func(d *Draft) { d.key = key }
}

// Unsigned has the algorithm none and no signature.
func Unsigned() Override {
	return func(d *Draft) { d.unsafe = "none" }
}

// SharedSecret signs by HS256 with the text of the public key, which everybody knows.
func SharedSecret() Override {
	return func(d *Draft) { d.unsafe = "HS256" }
}

// Token makes an access token of a user for the API of the first application, got by that application with the scope access_as_user, and
// changed as asked. It panics if there is no such user or no application.
func (s *Server) Token(object string, overrides ...Override) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	u := s.user(func(u *User) bool { return u.Object == object })
	if u == nil || len(s.options.Apps) == 0 {
		panic("entrasim: no user " + object + ", or no application")
	}
	app := &s.options.Apps[0]
	r, f := s.resolve(app, []string{app.Client + "/access_as_user"})
	if f != nil {
		panic("entrasim: " + f.text)
	}
	d := &Draft{Claims: s.accessClaims(u, app, r), Header: map[string]any{}}
	for _, change := range overrides {
		change(d)
	}
	return d.seal(s.keyFor(app))
}

// seal signs a token.
func (d *Draft) seal(k *signingKey) string {
	header := map[string]any{"typ": "JWT", "alg": cmp.Or(d.unsafe, "RS256"), "kid": k.id}
	for name, value := range d.Header {
		if header[name] = value; value == nil {
			delete(header, name)
		}
	}
	signed := part(header) + "." + part(d.Claims)
	if d.unsafe == "none" {
		return signed + "."
	}
	var signer jose.SigningKey
	switch {
	case d.unsafe == "HS256":
		der, err := x509.MarshalPKIXPublicKey(k.private.Public())
		if err != nil {
			panic("entrasim: " + err.Error())
		}
		signer = jose.SigningKey{Algorithm: jose.HS256, Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})}
	case d.key != nil:
		signer = jose.SigningKey{Algorithm: jose.RS256, Key: d.key}
	default:
		signer = jose.SigningKey{Algorithm: jose.RS256, Key: k.private}
	}
	options := &jose.SignerOptions{}
	for name, value := range header {
		if name != "alg" {
			options.WithHeader(jose.HeaderKey(name), value)
		}
	}
	by, err := jose.NewSigner(signer, options)
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	token, err := by.Sign(payload(d.Claims))
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	text, err := token.CompactSerialize()
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	return text
}

func payload(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("entrasim: " + err.Error())
	}
	return text
}

func part(v any) string { return base64.RawURLEncoding.EncodeToString(payload(v)) }
