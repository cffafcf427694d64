package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	kiota "github.com/microsoft/kiota-abstractions-go"

	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
)

// App is an application that was registered in Entra ID and given application permissions by an organisation's admin. It has a Secret, a
// Certificate or an Assertion.
type App struct {
	Tenant string // id or domain of the organisation
	Client string // id of the application
	Secret string
	// Certificate is a certificate with its private key, as PEM or PKCS #12.
	Certificate         []byte
	CertificatePassword []byte
	// Assertion returns a token of another provider that stands for the application (workload identity federation). Its errors have a kind.
	Assertion func(ctx context.Context) (string, error)
}

func (a *App) isZero() bool {
	return a.Tenant == "" && a.Client == "" && a.Secret == "" && len(a.Certificate) == 0 && a.Assertion == nil
}

// credential is what signs a in. It remembers tokens until shortly before they expire.
func (a *App) credential(base *url.URL, send http.RoundTripper) (azcore.TokenCredential, error) {
	for _, setting := range []struct{ name, value string }{{"tenant", a.Tenant}, {"client", a.Client}} {
		if setting.value == "" {
			return nil, fault.Field("graph.app."+setting.name, "is missing")
		}
	}
	options := azcore.ClientOptions{
		Cloud: cloudOf(base),
		Retry: policy.RetryOptions{MaxRetries: -1}, // the caller retries, nobody else
	}
	if send != nil {
		options.Transport = &http.Client{Transport: send}
	}
	var credential azcore.TokenCredential
	var err error
	switch {
	case ways(a.Secret != "", len(a.Certificate) > 0, a.Assertion != nil) != 1:
		return nil, fault.Field("graph.app", "must have a secret, a certificate or an assertion")
	case a.Assertion != nil:
		credential, err = azidentity.NewClientAssertionCredential(a.Tenant, a.Client, a.vouched,
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: options})
	case a.Secret != "":
		credential, err = azidentity.NewClientSecretCredential(a.Tenant, a.Client, a.Secret, &azidentity.ClientSecretCredentialOptions{ClientOptions: options})
	default:
		certificates, key, parseErr := azidentity.ParseCertificates(a.Certificate, a.CertificatePassword)
		if parseErr != nil {
			return nil, fault.Field("graph.app.certificate", "cannot be read: expected a certificate with its private key, as PEM or PKCS #12")
		}
		credential, err = azidentity.NewClientCertificateCredential(a.Tenant, a.Client, certificates, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: options})
	}
	if err != nil {
		return nil, fault.Field("graph.app", "cannot be used: %v", err)
	}
	return credential, nil
}

// vouching is where a request for a token finds out why there is no assertion: the library keeps nothing of that but the text.
type vouching struct{}

// vouched is the application's assertion.
func (a *App) vouched(ctx context.Context) (string, error) {
	token, err := a.Assertion(ctx)
	if failed, ok := ctx.Value(vouching{}).(*error); ok {
		*failed = err
	}
	return token, err
}

// cloudOf is where tokens for a service address come from: https://learn.microsoft.com/graph/deployments.
func cloudOf(base *url.URL) cloud.Configuration {
	switch host := strings.ToLower(base.Hostname()); {
	case strings.HasSuffix(host, ".microsoft.us"):
		return cloud.AzureGovernment
	case strings.HasSuffix(host, ".chinacloudapi.cn"):
		return cloud.AzureChina
	}
	return cloud.AzurePublic
}

// SignIn is the sign-in of one user, for As.
type SignIn interface {
	// Token returns an access token and when it expires. It is asked before every request, so it should remember.
	Token(ctx context.Context) (token string, expires time.Time, err error)
	// Refused is called when the service wants more of the user than the token shows, with what it wants: a claims challenge (JSON), which the next
	// sign-in has to carry. What it returns is the error of the request.
	Refused(ctx context.Context, claims string) error
}

// bearer puts a token on every request.
type bearer struct {
	token   func(ctx context.Context) (string, error)
	refused func(ctx context.Context, claims string) error // nil: nobody has to know
	app     bool                                           // an application signs in, and not its users
}

// bearerOf acts for a user.
func bearerOf(user SignIn, clock func() time.Time) *bearer {
	return &bearer{
		token: func(ctx context.Context) (string, error) {
			token, expires, err := user.Token(ctx)
			if err != nil {
				return "", signInError(err, clock())
			}
			if !clock().Before(expires) {
				return "", fault.New(fault.Unauthenticated, "the sign-in at Microsoft 365 has ended")
			}
			return token, nil
		},
		refused: user.Refused,
	}
}

// encrypted refuses an address to which tokens would go in clear over a network.
func encrypted(base *url.URL) error {
	if base.Scheme != "https" && !isLoopback(base.Hostname()) {
		return fault.Field("graph.url", "must begin with https://, or the sign-in could be read on the way")
	}
	return nil
}

// newBearer finds out which of the ways to sign in o names.
func newBearer(o *Options, base *url.URL) (*bearer, error) {
	if ways(o.Token != "", o.Credential != nil, !o.App.isZero(), o.PerUser) != 1 {
		return nil, fault.Field("graph", "needs exactly one way to sign in: a token, a credential, an application, or each user")
	}
	if o.Token == "" {
		if err := encrypted(base); err != nil {
			return nil, err
		}
	}
	if o.ForOwners || o.PerUser {
		return bearerOfNobody(), nil
	}
	return newAppBearer(o, base)
}

// ways counts how many are set.
func ways(set ...bool) (n int) {
	for _, one := range set {
		if one {
			n++
		}
	}
	return n
}

// bearerOfNobody asks for nothing.
func bearerOfNobody() *bearer {
	return &bearer{token: func(context.Context) (string, error) {
		return "", fault.New(fault.Internal, "Microsoft 365 is asked for nobody: the request belongs to a user")
	}}
}

// applications sign in as the application of some options in the tenants of owners.
type applications struct {
	options Options
	base    *url.URL

	mu      sync.Mutex
	tenants map[string]*bearer
}

func newApplications(o *Options, c *client) *applications {
	own := *o
	own.ForOwners = false
	return &applications{options: own, base: c.base, tenants: map[string]*bearer{}}
}

// in returns the sign-in for a tenant, which remembers its tokens. A fixed token or credential is the same in all.
func (a *applications) in(tenant string) (*bearer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if b := a.tenants[tenant]; b != nil {
		return b, nil
	}
	o := a.options
	if !o.App.isZero() {
		o.App.Tenant = tenant // never the configured one, whose mailboxes are another organisation's
	}
	b, err := newAppBearer(&o, a.base)
	if err == nil {
		a.tenants[tenant] = b
	}
	return b, err
}

// newAppBearer signs in by a token, a credential or as an application.
func newAppBearer(o *Options, base *url.URL) (*bearer, error) {
	if token := o.Token; token != "" {
		return &bearer{token: func(context.Context) (string, error) { return token, nil }}, nil
	}
	credential := o.Credential
	if credential == nil {
		var err error
		if credential, err = o.App.credential(base, o.Transport); err != nil {
			return nil, err
		}
	}
	ask := policy.TokenRequestOptions{Scopes: []string{base.Scheme + "://" + base.Host + "/.default"}}
	return &bearer{app: !o.App.isZero(), token: func(ctx context.Context) (string, error) {
		var failed error
		token, err := credential.GetToken(context.WithValue(ctx, vouching{}, &failed), ask)
		if failed != nil {
			return "", failed
		}
		return token.Token, signInError(err, o.Clock())
	}}, nil
}

// Permissions returns the application permissions that Entra ID grants for all mailboxes of the organisation, as the application's token names them;
// those that Exchange grants are not among them. Errors are those of a sign-in; fault.Invalid where no application signs in.
func (p *Provider) Permissions(ctx context.Context) ([]string, error) {
	if !p.client.auth.app {
		return nil, fault.New(fault.Invalid, "no application signs in to Microsoft 365 here")
	}
	token, err := p.client.auth.token(ctx)
	if err != nil {
		return nil, err
	}
	var says struct {
		Roles []string `json:"roles"`
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, fault.New(fault.Unavailable, "the token of the application cannot be read")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(text, &says) != nil {
		return nil, fault.New(fault.Unavailable, "the token of the application cannot be read")
	}
	return says.Roles, nil
}

// AuthenticateRequest is what the SDK calls before it sends a request. The token goes to our service alone, which the wire sees to.
func (b *bearer) AuthenticateRequest(ctx context.Context, r *kiota.RequestInformation, _ map[string]any) error {
	token, err := b.token(ctx)
	if err != nil {
		return idle{err}
	}
	r.Headers.Remove("Authorization")
	r.Headers.Add("Authorization", "Bearer "+token)
	return nil
}

// maxRefusal is how many bytes are read of an answer of Entra ID's.
const maxRefusal = 64 << 10

// signInError classifies why there is no token. The text has none of what was sent or answered but Entra ID's word and number.
func signInError(err error, now time.Time) error {
	if err == nil || fault.Of(err) != fault.Internal {
		return err
	}
	refused := new(azidentity.AuthenticationFailedError)
	if errors.As(err, &refused) && refused.RawResponse != nil {
		text, _ := io.ReadAll(io.LimitReader(refused.RawResponse.Body, maxRefusal)) // the library has read it already
		return refusal.Read(refused.RawResponse.StatusCode, refused.RawResponse.Header, text, now).Err()
	}
	return fault.Wrap(fault.Unavailable, fmt.Errorf("sign in to Microsoft 365: %w", withoutAddress(err)))
}
