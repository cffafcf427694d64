package bearer

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
)

// What is wrong with a token. The texts are for whoever sent it, and the same for everybody.
var (
	errNoToken     = fault.New(fault.Unauthenticated, "nobody is signed in; send one header \"Authorization: Bearer <access token>\"")
	errMalformed   = fault.New(fault.Unauthenticated, "this is not a token of the sign-in service; sign in again")
	errSignature   = fault.New(fault.Unauthenticated, "the token is not genuine; sign in again")
	errUnknownKey  = fault.New(fault.Unauthenticated, "the token was signed with a key that is not valid for its tenant; sign in again")
	errExpired     = fault.New(fault.Unauthenticated, "the token has expired; get a new one")
	errNotYet      = fault.New(fault.Unauthenticated, "the token is not valid yet; check the clock of the machine that sent it")
	errTenant      = fault.New(fault.Unauthenticated, "users of this tenant are not let in; sign in with another account")
	errGuest       = fault.New(fault.Unauthenticated, "guests of this organisation are not let in; sign in with an account of the organisation itself")
	errLarge       = fault.New(fault.Unauthenticated, "the token is too large; the API's registration in Entra ID must not ask for the groups claim")
	errIssuer      = fault.New(fault.Unauthenticated, "the access token was issued by another service than the tenant's; sign in again")
	errAudience    = fault.New(fault.Unauthenticated, "the access token is for another application; get one for this API")
	errClient      = fault.New(fault.Unauthenticated, "the application that got this access token may not use this API; use another one")
	errApplication = fault.New(fault.Unauthenticated, "access tokens of applications are not accepted; sign in as a user")
	errNoScope     = fault.New(fault.Unauthenticated, "this is not an access token of a user for an API; sign in as a user and ask for a scope of this API")
	errScope       = fault.New(fault.Forbidden, "the access token does not have the scope "+Scope+" of this API; get one that has")
	errService     = fault.New(fault.Forbidden, "the application does not have the role that this API asks of services; an administrator can assign it")
	errNoUser      = fault.New(fault.Unauthenticated, "the token does not say whose it is; sign in again")
	errTenants     = fault.New(fault.Unavailable, "which organisations are let in cannot be looked up; try again in a minute")
	errUnavailable = fault.New(fault.Unavailable, "the sign-in service cannot be reached to check the token; try again in a minute")
)

// Claims are what a genuine token says.
type Claims struct {
	Tenant string // tid
	Object string // oid
	Name   string // for people; may be empty
	// UserName is upn, else preferred_username, else unique_name; Address is email. Either may be empty, changes, and is no key.
	UserName, Address string
	Client            string       // application id of the program that acts for the user, or to which the user signed in
	Role              account.Role // admin if a user has the application role of that name, else user
	LogoutHint        string       // names the user to the service when the user signs out; empty where the registration does not ask for it
	ID                string       // names the token (uti, else jti); may be empty
	Expires           time.Time
}

// Principal is who makes the request.
func (c Claims) Principal() account.Principal {
	return account.Principal{Tenant: c.Tenant, Object: c.Object, Name: c.Name, Role: c.Role, UserName: c.UserName, Address: c.Address}
}

// body is what we read of a token's payload.
type body struct {
	times
	Issuer   string   `json:"iss"`
	Audience string   `json:"aud"` // Entra ID names exactly one
	Tenant   string   `json:"tid"`
	Object   string   `json:"oid"`
	Name     string   `json:"name"`
	UPN      string   `json:"upn"`
	Username string   `json:"preferred_username"` // of v2.0
	Unique   string   `json:"unique_name"`        // of v1.0
	Email    string   `json:"email"`
	Version  string   `json:"ver"`
	Scopes   string   `json:"scp"`
	Type     string   `json:"idtyp"`
	Azp      string   `json:"azp"`   // the client in v2.0
	AppID    string   `json:"appid"` // the client in v1.0
	Roles    []string `json:"roles"`
	UTI      string   `json:"uti"`
	JTI      string   `json:"jti"`
	Nonce    string   `json:"nonce"`      // of id tokens
	Hint     string   `json:"login_hint"` // of id tokens
	// Account is 1 for a guest and 0 for a member; Provider is who vouched for the user, where that is not the tenant itself.
	Account  any    `json:"acct"`
	Provider string `json:"idp"`
}

// guest says whether the user's account is of another tenant. Of those whom a tenant has made members the first claim says so, where the registration
// asks for it.
func (b *body) guest() bool {
	switch account := b.Account.(type) {
	case float64:
		return account != 0
	case string:
		return account != "0"
	}
	return b.Provider != "" && b.Provider != b.Issuer && !strings.Contains(b.Provider, "/"+b.Tenant+"/")
}

// claims are what the token says, for a client.
func (b *body) claims(client string) Claims {
	c := Claims{
		Tenant: b.Tenant, Object: b.Object, Name: b.Name, UserName: cmp.Or(b.UPN, b.Username, b.Unique), Address: b.Email,
		Client: client, Role: account.RoleUser, LogoutHint: b.Hint, ID: b.UTI, Expires: time.Unix(b.Expires, 0).UTC(),
	}
	if c.ID == "" {
		c.ID = b.JTI
	}
	if !b.service() && slices.ContainsFunc(b.Roles, func(role string) bool { return strings.EqualFold(role, string(account.RoleAdmin)) }) {
		c.Role = account.RoleAdmin
	}
	return c
}

// service says whether an application got the token for itself, without a user. Entra ID says so where the API's registration asks for it.
func (b *body) service() bool { return b.Type == "app" }

// times are when a token is valid, in seconds since 1970.
type times struct {
	Expires   int64 `json:"exp"`
	NotBefore int64 `json:"nbf"` // 0: any time
	Issued    int64 `json:"iat"`
}

// check allows for clocks that differ by the leeway.
func (t times) check(now time.Time) error {
	const slack = int64(leeway / time.Second)
	at := now.Unix()
	switch {
	case t.Expires <= 0 || t.Issued <= 0 || t.NotBefore < 0:
		return errMalformed
	case at-slack >= t.Expires:
		return errExpired
	case at+slack < t.NotBefore || at+slack < t.Issued:
		return errNotYet
	}
	return nil
}

// parse takes a token apart without believing it. Each part has to be written in the one canonical way, so that no second text passes for the same token.
func parse(raw string) (keyID string, b body, err error) {
	head, rest, _ := strings.Cut(raw, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || head == "" || payload == "" || signature == "" {
		return "", b, errMalformed
	}
	var header struct {
		Algorithm string          `json:"alg"`
		KeyID     string          `json:"kid"`
		Critical  json.RawMessage `json:"crit"` // nothing that a token may insist on is understood
	}
	if decode(head, &header) != nil || header.Algorithm != "RS256" || header.KeyID == "" || len(header.KeyID) > maxKeyID || header.Critical != nil {
		return "", b, errMalformed
	}
	if decode(payload, &b) != nil || decode(signature, nil) != nil {
		return "", b, errMalformed
	}
	return header.KeyID, b, nil
}

var canonical = base64.RawURLEncoding.Strict()

// decode reads a part of a token; as JSON if into is not nil.
func decode(part string, into any) error {
	if strings.ContainsAny(part, "\r\n") { // which the decoder passes over
		return errMalformed
	}
	text, err := canonical.DecodeString(part)
	if err != nil || into == nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// check says what a token's payload amounts to and which issuer has to have signed it, without a look at the signature.
func (v *Verifier) check(from *tenant, b body, now time.Time) (_ Claims, issuer string, err error) {
	client, audiences := b.Azp, v.audiences
	switch {
	case b.Issuer == from.v2 && b.Version == "2.0":
	case b.Issuer == from.v1 && b.Version == "1.0":
		client = b.AppID
		audiences = slices.Concat(audiences, v.identifiers)
	default:
		return Claims{}, "", errIssuer
	}
	switch {
	case !slices.Contains(audiences, b.Audience):
		return Claims{}, "", errAudience
	case b.service() && (len(v.roles) == 0 || b.Scopes != ""):
		return Claims{}, "", errApplication
	case b.Scopes == "" && !b.service(): // an id token, or one of an application that does not say so
		return Claims{}, "", errNoScope
	case !slices.Contains(v.clients, client):
		return Claims{}, "", errClient
	case !guid.MatchString(b.Object):
		return Claims{}, "", errNoUser
	case !v.guests && b.guest():
		return Claims{}, "", errGuest
	}
	if err := b.times.check(now); err != nil {
		return Claims{}, "", err
	}
	return b.claims(client), b.Issuer, nil
}

// permits says whether what a genuine token allows is what this API asks for: of users the scope, of services one of the roles.
func (v *Verifier) permits(b *body) error {
	switch {
	case b.service() && !slices.ContainsFunc(b.Roles, func(role string) bool { return slices.Contains(v.roles, role) }):
		return errService
	case !b.service() && !slices.Contains(strings.Split(b.Scopes, " "), Scope):
		return errScope
	}
	return nil
}
