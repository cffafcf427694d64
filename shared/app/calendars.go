package app

import (
	"context"
	"os"
	"sync"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/store"
)

// calendars finds the provider of a calendar URI. It is the one way of all code to a mailbox.
type calendars struct {
	settings Settings
	reach    func(user string) *account.Reach // which mailboxes a user may name; nil: whoever holds the credentials is the one user
	local    *local.Provider
	graph    *once[*graph.Provider]
	users    *once[*microsoft.Client] // who acts for users; nil: nobody does
	sealed   bool                     // users' tokens cannot be opened here, so that nobody acts for them
	listings *listing.Listings
}

// once makes something when it is first asked for. When that fails, the next call tries once more.
type once[T any] struct {
	make func(context.Context) (T, error)

	mu      sync.Mutex
	done    bool
	made    T
	renewed time.Time // when it was last to be made anew
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
func newGraph(s Settings, credentials credentials, change ...func(*graph.Options)) func(context.Context) (*graph.Provider, error) {
	return func(ctx context.Context) (*graph.Provider, error) {
		options := graph.Options{BaseURL: s.GraphURL, Token: s.GraphToken, PerUser: s.GraphDelegated, MostEvents: s.memory().Events(), Clock: time.Now}
		for _, c := range change {
			c(&options)
		}
		if s.GraphTenant+s.GraphClient != "" {
			options.App = graph.App{Tenant: s.GraphTenant, Client: s.GraphClient}
			if err := credentials(ctx, &options.App); err != nil {
				return nil, err
			}
		}
		return graph.New(options)
	}
}

// reaching is Microsoft 365 as an application reaches it for one user.
type reaching struct {
	*graph.Provider
	reach *account.Reach
}

// Know takes what was read of the user beside something else, so that it is not read again. See archive.Engine.
func (r *reaching) Know(items []store.Item) error { return r.reach.Know(items) }

// beside are the keys of what a provider of a user's reads of the user.
func (c *calendars) beside(user string) []store.Key {
	if c.reach == nil {
		return nil
	}
	return account.ReachKeys(user)
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

// of returns the provider of a calendar URI for a user's runs. That of Microsoft 365 counts what is done with it alone, and reaches no mailbox but those
// that the user may name, whichever of its methods is asked.
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
	switch {
	case c.settings.GraphDelegated:
	case c.reach == nil:
		return shared.Counting()
	default:
		reach := c.reach(user)
		own, err := shared.For(reach)
		if err != nil {
			return nil, err
		}
		reach.Address = func(ctx context.Context) (string, error) { return own.Address(ctx, "me") }
		return &reaching{Provider: own, reach: reach}, nil
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
