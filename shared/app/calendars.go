package app

import (
	"context"
	"os"
	"sync"
	"time"

	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
)

// calendars finds the provider of a calendar URI.
type calendars struct {
	settings Settings
	local    *local.Provider
	graph    *once[*graph.Provider]
	users    *once[*microsoft.Client] // who acts for users; nil: nobody does
	sealed   bool                     // users' tokens cannot be opened here, so that nobody acts for them
	listings *listing.Listings
}

// once makes something when it is first asked for. When that fails, the next call tries once more.
type once[T any] struct {
	make func(context.Context) (T, error)

	mu   sync.Mutex
	done bool
	made T
}

func (o *once[T]) get(ctx context.Context) (T, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.done {
		return o.made, nil
	}
	made, err := o.make(ctx)
	if err == nil {
		o.made, o.done = made, true
	}
	return made, err
}

// credentials completes how the application signs in to Microsoft Graph.
type credentials func(ctx context.Context, app *graph.App) error

// fromSettings takes a secret as it is and a certificate from its file.
func fromSettings(s Settings) credentials {
	return func(_ context.Context, app *graph.App) error {
		app.Secret, app.CertificatePassword = s.GraphSecret, []byte(s.GraphCertificatePassword)
		if s.GraphCertificate == "" {
			return nil
		}
		certificate, err := os.ReadFile(s.GraphCertificate)
		if err != nil {
			return fault.New(fault.Invalid, "ADMIN_ASSISTANT_GRAPH_CERTIFICATE: %v", err)
		}
		app.Certificate = certificate
		return nil
	}
}

// newGraph makes the provider of Microsoft 365, which shares connections, sign-in and what each mailbox may still be asked with all
// who ask.
func newGraph(s Settings, credentials credentials) func(context.Context) (*graph.Provider, error) {
	return func(ctx context.Context) (*graph.Provider, error) {
		options := graph.Options{BaseURL: s.GraphURL, Token: s.GraphToken, PerUser: s.GraphDelegated, Clock: time.Now}
		if s.GraphTenant+s.GraphClient != "" {
			options.App = graph.App{Tenant: s.GraphTenant, Client: s.GraphClient}
			if err := credentials(ctx, &options.App); err != nil {
				return nil, err
			}
		}
		return graph.New(options)
	}
}

// Outlook returns the provider of Microsoft 365 that the settings name, for questions about the service itself. Errors are Invalid.
func Outlook(ctx context.Context, s Settings) (*graph.Provider, error) {
	if !s.HasGraph() || s.GraphDelegated {
		return nil, fault.New(fault.Invalid, "Microsoft 365 is not connected; set ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _SECRET, or _TOKEN")
	}
	return newGraph(s, fromSettings(s))(ctx)
}

// noting keeps what it lists.
type noting struct {
	*graph.Provider
	listings *listing.Listings
	user     string
}

// Calendars implements calendar.Provider.
func (n *noting) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	return n.listings.Calendars(ctx, n.user, account, n.Provider)
}

// shown returns the provider of a calendar URI for the API: where users' tokens cannot be opened, the calendars that were listed last.
func (c *calendars) shown(ctx context.Context, user string, uri calendar.URI) (httpapi.Provider, error) {
	if c.sealed && c.settings.GraphDelegated && uri.Provider == calendar.ProviderGraph {
		return c.listings.Of(user), nil
	}
	return c.of(ctx, user, uri)
}

// of returns the provider of a calendar URI for a user's runs. That of Microsoft 365 counts what is done with it alone.
func (c *calendars) of(ctx context.Context, user string, uri calendar.URI) (calendar.Provider, error) {
	switch {
	case uri.Provider == calendar.ProviderLocal:
		return c.local.For(user), nil
	case !c.settings.HasGraph():
		return nil, fault.New(fault.Invalid,
			"Microsoft 365 is not connected; set ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _SECRET, or use local://<account>/calendars/<name>")
	}
	shared, err := c.graph.get(ctx)
	if err != nil {
		return nil, err
	}
	if !c.settings.GraphDelegated {
		return shared.Counting()
	}
	users, err := c.users.get(ctx)
	if err != nil {
		return nil, err
	}
	own, err := shared.As(users.Of(user))
	if err != nil {
		return nil, err
	}
	return &noting{Provider: own, listings: c.listings, user: user}, nil
}
