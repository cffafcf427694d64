package app

import (
	"context"
	"os"
	"sync"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
)

// calendars finds the provider of a calendar URI.
type calendars struct {
	settings    Settings
	local       *local.Provider
	credentials credentials

	mu    sync.Mutex
	graph *graph.Provider // nil: not asked for yet
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

// microsoft returns the provider of Microsoft 365, which shares connections, sign-in and what each mailbox may still be asked with
// all who ask. It is made when it is first asked for.
func (c *calendars) microsoft(ctx context.Context) (*graph.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.graph != nil {
		return c.graph, nil
	}
	if !c.settings.HasGraph() {
		return nil, fault.New(fault.Invalid, "Microsoft 365 is not connected; set ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _SECRET, or use local://<account>/calendars/<name>")
	}
	app := graph.App{Tenant: c.settings.GraphTenant, Client: c.settings.GraphClient}
	if err := c.credentials(ctx, &app); err != nil {
		return nil, err
	}
	provider, err := graph.New(graph.Options{BaseURL: c.settings.GraphURL, Token: c.settings.GraphToken, App: app, Clock: time.Now})
	if err != nil {
		return nil, err
	}
	c.graph = provider
	return provider, nil
}

// of returns the provider of a calendar URI for a user. That of Microsoft 365 counts what is done with it alone.
func (c *calendars) of(ctx context.Context, user string, uri calendar.URI) (calendar.Provider, error) {
	if uri.Provider == calendar.ProviderLocal {
		return c.local.For(user), nil
	}
	provider, err := c.microsoft(ctx)
	if err != nil {
		return nil, err
	}
	return provider.Counting()
}
