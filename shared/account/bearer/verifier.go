// Package bearer knows whether a token of Entra ID is good for us, and whom it speaks for: an access token that somebody sends to this API, or
// the id token that a sign-in brought.
//
// A signature alone proves nothing: Entra ID signs the tokens of all tenants and applications with one set of keys. A token counts when tenant,
// issuer, audience, client, user and times are all what they have to be, and a key that the tenant's discovery names has signed it.
package bearer

import (
	"context"
	"crypto"
	"crypto/sha256"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/telemetry"
)

// DefaultAuthority is the sign-in service of Microsoft's worldwide cloud.
const DefaultAuthority = "https://login.microsoftonline.com"

// Scope is the one that a user's access token has to have, beside others that it may have.
const Scope = "access_as_user"

const (
	maxToken     = 16 << 10 // bytes of a token
	maxKeyID     = 128      // bytes of the name of a key
	leeway       = 60 * time.Second
	fetchTimeout = 10 * time.Second
)

// Options are a verifier's settings.
type Options struct {
	// Authority is the sign-in service, without a path; empty: DefaultAuthority. Plain HTTP is for loopback only.
	Authority string
	// Audiences are the application ids for which tokens have to be. A v1.0 access token may name application id X as api://X, or by one of Identifiers.
	Audiences []string
	// Identifiers are further names of the API (Application ID URIs).
	Identifiers []string
	// Tenants are the ids of the tenants whose users are let in.
	Tenants []string
	// Lets says whether those of a tenant are let in, one of Tenants or any other, by its id, and is asked with every token; nil: those of Tenants.
	Lets func(ctx context.Context, tenant string) (bool, error)
	// Guests lets in users whose account is of another tenant and who are guests of one of Tenants.
	Guests bool
	// Clients are the ids of the applications whose access tokens are accepted; none: no access token is.
	Clients []string
	// ServiceRoles are application roles of the API. An application that has one of them may use the API as itself, without a user; none: no
	// application may.
	ServiceRoles []string
	// HTTPClient asks the sign-in service for its keys; nil: one of its own.
	HTTPClient *http.Client
	Clock      func() time.Time
}

// Verifier checks tokens. All its methods may be called from many goroutines at once.
type Verifier struct {
	audiences   []string
	identifiers []string // of the API in v1.0 tokens, beside audiences
	guests      bool
	clients     []string // in lower case, as tokens have them
	roles       []string // of services
	lets        func(ctx context.Context, tenant string) (bool, error)
	make        func(id string) *tenant
	clock       func() time.Time
	cache       cache

	mu      sync.RWMutex
	tenants map[string]*tenant // that are named, or were let in once
}

// tenant is one whose users are let in.
type tenant struct {
	v1, v2 string // issuers of the two versions of tokens
	keys   *keys
}

// guid is how Entra ID writes ids.
var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// New makes a verifier and asks nobody for anything: keys are fetched when the first token comes. Errors are of kind fault.Invalid and name the option.
func New(o Options) (*Verifier, error) {
	if o.Authority == "" {
		o.Authority = DefaultAuthority
	}
	authority, err := url.Parse(strings.TrimSuffix(o.Authority, "/"))
	switch {
	case err != nil || authority.Host == "" || authority.Path != "" || authority.RawQuery != "" || authority.Fragment != "" || authority.User != nil:
		return nil, fault.Field("authority", "is not the address of a sign-in service, as in %s", DefaultAuthority)
	case authority.Scheme != "https" && !(authority.Scheme == "http" && loopback(authority.Hostname())):
		return nil, fault.Field("authority", "has to be reached by https")
	case len(o.Audiences) == 0 || slices.Contains(o.Audiences, ""):
		return nil, fault.Field("audiences", "has to name the application ids whose tokens are accepted")
	case len(o.Tenants) == 0:
		return nil, fault.Field("tenants", "has to name the tenants whose users are let in")
	case slices.Contains(o.Identifiers, ""):
		return nil, fault.Field("identifiers", "has an identifier without a name")
	case slices.Contains(o.Clients, ""):
		return nil, fault.Field("clients", "names a client without an id")
	case slices.Contains(o.ServiceRoles, ""):
		return nil, fault.Field("service roles", "has a role without a name")
	case o.Clock == nil:
		return nil, fault.Field("clock", "is missing")
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Timeout: fetchTimeout}
	}
	v := &Verifier{
		audiences: slices.Clone(o.Audiences), identifiers: slices.Clone(o.Identifiers), guests: o.Guests, roles: slices.Clone(o.ServiceRoles),
		lets: o.Lets, tenants: map[string]*tenant{}, clock: o.Clock,
		cache: cache{limit: maxCached},
	}
	var applications []string
	for _, id := range o.Audiences {
		if guid.MatchString(id) {
			v.identifiers, applications = append(v.identifiers, "api://"+id), append(applications, id)
		}
	}
	for _, id := range o.Clients {
		v.clients = append(v.clients, strings.ToLower(id))
	}
	v.make = func(id string) *tenant {
		issuer := authority.String() + "/" + id + "/v2.0"
		return &tenant{
			v1: issuerOfV1(authority.Hostname()) + "/" + id + "/", v2: issuer,
			keys: &keys{tenant: id, issuer: issuer, applications: applications, client: o.HTTPClient, clock: o.Clock},
		}
	}
	for _, id := range o.Tenants {
		id = strings.ToLower(id)
		if !guid.MatchString(id) {
			return nil, fault.Field("tenants", "has %q, which is not the id of a tenant", id)
		}
		v.tenants[id] = v.make(id)
	}
	return v, nil
}

// from returns the tenant that a token is of, if its users are let in. Errors are errTenant, and errTenants when nobody can say.
func (v *Verifier) from(ctx context.Context, id string) (*tenant, error) {
	v.mu.RLock()
	known := v.tenants[id]
	v.mu.RUnlock()
	if v.lets == nil {
		if known == nil {
			return nil, errTenant
		}
		return known, nil
	}
	if !guid.MatchString(id) {
		return nil, errTenant
	}
	switch in, err := v.lets(ctx, id); {
	case err != nil:
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("nobody can say which tenants are let in")
		return nil, errTenants
	case !in:
		return nil, errTenant
	case known != nil:
		return known, nil
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tenants[id] == nil {
		v.tenants[id] = v.make(id)
	}
	return v.tenants[id], nil
}

// issuerOfV1 is with what issuers of v1.0 tokens begin in the cloud of a sign-in service. China's is another one; all others have the first one's.
func issuerOfV1(host string) string {
	if strings.HasSuffix(strings.ToLower(host), ".partner.microsoftonline.cn") || strings.EqualFold(host, "login.chinacloudapi.cn") {
		return "https://sts.chinacloudapi.cn"
	}
	return "https://sts.windows.net"
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Authenticate says who makes a request, from its Authorization header. Errors are those of Verify; a request without exactly one bearer token
// is fault.Unauthenticated.
func (v *Verifier) Authenticate(r *http.Request) (account.Principal, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 {
		return account.Principal{}, errNoToken
	}
	scheme, token, found := strings.Cut(headers[0], " ")
	if token = strings.TrimLeft(token, " "); !found || token == "" || !strings.EqualFold(scheme, "Bearer") {
		return account.Principal{}, errNoToken
	}
	claims, err := v.Verify(r.Context(), token)
	if err != nil {
		return account.Principal{}, err
	}
	return claims.Principal(), nil
}

// Verify checks an access token. Errors are of kind fault.Unauthenticated, and say what to do without showing anything of the token;
// fault.Forbidden when it is genuine and its scope, or its role, is not the one that the API asks for; or fault.Unavailable when the key that
// would prove it cannot be had now.
func (v *Verifier) Verify(ctx context.Context, raw string) (Claims, error) {
	if len(raw) > maxToken {
		return Claims{}, errLarge
	}
	now, sum := v.clock(), sha256.Sum256([]byte(raw))
	if known, ok := v.cache.get(sum); ok {
		if err := known.times.check(now); err != nil {
			return Claims{}, err
		}
		// A tenant that was put out, and a key that was withdrawn, take with them what was theirs.
		from, err := v.from(ctx, known.claims.Tenant)
		if err == nil {
			_, err = from.keys.find(ctx, known.keyID)
		}
		if err != nil {
			return Claims{}, err
		}
		return known.claims, nil
	}
	keyID, body, err := parse(raw)
	if err != nil {
		return Claims{}, err
	}
	from, err := v.from(ctx, body.Tenant)
	if err != nil {
		return Claims{}, err
	}
	claims, issuer, err := v.check(from, body, now)
	if err != nil {
		return Claims{}, err
	}
	if err := from.genuine(ctx, raw, keyID, issuer); err != nil {
		return Claims{}, err
	}
	if err := v.permits(&body); err != nil {
		return Claims{}, err
	}
	v.cache.put(sum, verified{claims: claims, keyID: keyID, times: body.times})
	return claims, nil
}

// genuine says whether a key of the tenant has signed a token, which is all that it has to be otherwise.
func (t *tenant) genuine(ctx context.Context, raw, keyID, issuer string) error {
	key, err := t.keys.find(ctx, keyID)
	if err != nil {
		return err
	}
	signed := oidc.NewVerifier(issuer, &oidc.StaticKeySet{PublicKeys: []crypto.PublicKey{key}}, &oidc.Config{
		SupportedSigningAlgs: []string{oidc.RS256},
		SkipClientIDCheck:    true, // the audience has been compared,
		SkipExpiryCheck:      true, // and the times with a leeway both ways
	})
	if _, err := signed.Verify(ctx, raw); err != nil {
		return errSignature // the library's text may quote the token
	}
	return nil
}
