// Package microsoft has access to Microsoft Graph on behalf of users, by Microsoft's own library (MSAL).
//
// It has two halves. Signing in (URL, Redeem, State, Forget) is for the API, which may seal secrets and not open them: the tokens of a sign-in go
// sealed into the table, and the API never sees them again. Getting access tokens (Of) is for workers, which may do both. A Client serves either;
// what a process may do depends on its Keeper.
//
// There is one item per user in the table:
//
//	item     pk            sk                 document
//	sign-in  USER#<user>   SECRET#microsoft   the library's cache, sealed for the user; until when it is being refreshed; why a sign-in is needed
//
// A refresh token may be good for one use: whoever uses an old one again ends the sign-in. So before a worker refreshes it takes a lease, a time
// in the same item, by compare-and-set on the item's version; the others wait and then read the new tokens. What a refresh brought is stored
// under the same condition, so that a sign-in or a Forget meanwhile wins.
//
// A worker that is killed after the service answered and before the answer is stored loses the new refresh token. The lease runs out by itself,
// and the next worker goes on with the old token: Entra ID still accepts it; where tokens are good for one use, the user has to sign in again.
package microsoft

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"golang.org/x/sync/singleflight"

	"adminassistant/shared/account/bearer"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/store"
)

const (
	// askFor is how long one request to the sign-in service may take.
	askFor = 15 * time.Second
	// leaseFor is how long a worker has to refresh: to ask discovery and for tokens, and to seal and store them.
	leaseFor = 40 * time.Second
	// workFor is how long getting a token may take in all: another worker's lease, and our own.
	workFor = 2 * leaseFor
	// firstPause and longestPause are between two looks at what another worker does, and between two attempts.
	firstPause, longestPause = 25 * time.Millisecond, 500 * time.Millisecond
)

// DefaultScopes are the permissions that are enough for all that is done: calendars, and the mailbox's time zone and categories.
var DefaultScopes = []string{"Calendars.ReadWrite", "MailboxSettings.Read"}

// Options are a client's settings. An application with a Secret, a Certificate or an Assertion is confidential, one with none of them is public.
type Options struct {
	// Authority is the sign-in service, without a path; empty: bearer.DefaultAuthority. It is always https, which the library insists on.
	Authority string
	// Client is the application id.
	Client string
	Secret string
	// Certificate is a certificate with its private key, as PEM or PKCS #12.
	Certificate         []byte
	CertificatePassword []byte
	// Assertion returns a token of another provider that stands for the application (workload identity federation); nil: there is none. Its errors
	// have a kind.
	Assertion func(ctx context.Context) (string, error)
	// RedirectURL is where the sign-in service sends a user back with a code.
	RedirectURL string
	// Scopes are permissions of Microsoft Graph; nil: DefaultScopes.
	Scopes []string
	// IdentityOnly asks who the user is and nothing else: no refresh token is asked for, and nothing is kept of a sign-in. Nobody can act for a user then.
	IdentityOnly bool
	// Guests lets in users whose account is of another tenant and who are guests of one of Tenants.
	Guests bool
	// Tenants are the ids of the tenants whose users are let in. With one the sign-in page is that tenant's own.
	Tenants []string
	// Lets is as in bearer.Options, and More says whether any but Tenants are let in: then users sign in at the tenant of their account. nil: those of
	// Tenants are, and no others.
	Lets func(ctx context.Context, tenant string) (bool, error)
	More func(ctx context.Context) (bool, error)
	// HTTPClient reaches the sign-in service; nil: one of its own. Its redirects are not followed.
	HTTPClient *http.Client
	Table      store.Table
	Keeper     secret.Keeper
	Clock      func() time.Time
}

// Client signs users in and acts for them. It may be used from many goroutines at once.
type Client struct {
	authority  *url.URL
	id         string
	credential *confidential.Credential // nil: the application is public
	redirect   string
	scopes     []string
	identity   bool // alone
	tenants    []string
	lets       func(ctx context.Context, tenant string) (bool, error)
	more       func(ctx context.Context) (bool, error)
	verifier   *bearer.Verifier
	send       *http.Client
	documents  *documents
	table      store.Table
	keeper     secret.Keeper
	clock      func() time.Time

	flights singleflight.Group // by user
	memory  *memory
}

// New makes a Client and asks nobody for anything. Errors are of kind fault.Invalid and name the option.
func New(o Options) (*Client, error) {
	if o.Authority == "" {
		o.Authority = bearer.DefaultAuthority
	}
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Timeout: askFor}
	}
	if o.Scopes == nil {
		o.Scopes = DefaultScopes
	}
	verifier, err := bearer.New(bearer.Options{
		Authority: o.Authority, Audiences: []string{o.Client}, Tenants: o.Tenants, Lets: o.Lets, Guests: o.Guests, HTTPClient: o.HTTPClient, Clock: o.Clock,
	})
	if err != nil {
		return nil, err
	}
	authority, err := url.Parse(strings.TrimSuffix(o.Authority, "/"))
	if err != nil || authority.Scheme != "https" {
		return nil, fault.Field("authority", "has to be reached by https")
	}
	back, err := url.Parse(o.RedirectURL)
	switch {
	case err != nil || back.Host == "" || back.Scheme != "https" && back.Scheme != "http" || back.Fragment != "":
		return nil, fault.Field("redirect_url", "is not the address to which a sign-in comes back")
	case back.Scheme == "http" && !slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, back.Hostname()):
		return nil, fault.Field("redirect_url", "has to be reached by https")
	case len(o.Scopes) == 0 || slices.ContainsFunc(o.Scopes, func(s string) bool { return s == "" || strings.ContainsAny(s, " \t\r\n") }):
		return nil, fault.Field("scopes", "has to name permissions of Microsoft Graph")
	case o.Table == nil:
		return nil, fault.Field("table", "is missing")
	case o.Keeper == nil:
		return nil, fault.Field("keeper", "is missing")
	}
	c := &Client{
		authority: authority, id: o.Client, redirect: o.RedirectURL, scopes: slices.Clone(o.Scopes), identity: o.IdentityOnly, verifier: verifier,
		lets: o.Lets, more: o.More, documents: &documents{}, table: o.Table, keeper: o.Keeper, clock: o.Clock, memory: newMemory(maxHeld),
	}
	if c.credential, err = credentialOf(&o); err != nil {
		return nil, err
	}
	for _, id := range o.Tenants {
		c.tenants = append(c.tenants, strings.ToLower(id))
	}
	send := *o.HTTPClient
	send.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a redirected form would carry the tokens elsewhere
	c.send = &send
	return c, nil
}

// credentialOf is how the application shows who it is; nil for a public one.
func credentialOf(o *Options) (*confidential.Credential, error) {
	switch {
	case o.Secret != "" && len(o.Certificate) > 0, o.Assertion != nil && o.Secret+string(o.Certificate) != "":
		return nil, fault.Field("secret", "certificate and assertion exclude each other")
	case o.Assertion != nil:
		c := confidential.NewCredFromAssertionCallback(func(ctx context.Context, _ confidential.AssertionRequestOptions) (string, error) {
			return o.Assertion(ctx)
		})
		return &c, nil
	case o.Secret != "":
		c, err := confidential.NewCredFromSecret(o.Secret)
		if err != nil {
			return nil, fault.Field("secret", "cannot be used")
		}
		return &c, nil
	case len(o.Certificate) > 0:
		certificates, key, err := azidentity.ParseCertificates(o.Certificate, o.CertificatePassword)
		if err != nil {
			return nil, fault.Field("certificate", "cannot be read: expected a certificate with its private key, as PEM or PKCS #12")
		}
		c, err := confidential.NewCredFromCert(certificates, key)
		if err != nil {
			return nil, fault.Field("certificate", "cannot be used: its key has to be an RSA key that fits it")
		}
		return &c, nil
	}
	return nil, nil
}
