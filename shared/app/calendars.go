package app

import (
	"context"
	"os"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/fault"
)

// calendars finds the provider of a calendar URI.
type calendars struct {
	local *local.Provider
	graph *graph.Provider // nil: Microsoft 365 is not set up
}

// newCalendars wires the providers.
func newCalendars(s Settings, own *local.Provider) (*calendars, error) {
	c := &calendars{local: own}
	if !s.HasGraph() {
		return c, nil
	}
	app := graph.App{Tenant: s.GraphTenant, Client: s.GraphClient, Secret: s.GraphSecret, CertificatePassword: []byte(s.GraphCertificatePassword)}
	if s.GraphCertificate != "" {
		certificate, err := os.ReadFile(s.GraphCertificate)
		if err != nil {
			return nil, fault.New(fault.Invalid, "ADMIN_ASSISTANT_GRAPH_CERTIFICATE: %v", err)
		}
		app.Certificate = certificate
	}
	var err error
	c.graph, err = graph.New(graph.Options{BaseURL: s.GraphURL, Token: s.GraphToken, App: app, Clock: time.Now})
	return c, err
}

// of returns the provider of a calendar URI for a user. That of Microsoft 365 shares connections, sign-in and what each mailbox may
// still be asked with all others, and counts what is done with it alone.
func (c *calendars) of(_ context.Context, user string, uri calendar.URI) (calendar.Provider, error) {
	if uri.Provider == calendar.ProviderLocal {
		return c.local.For(user), nil
	}
	if c.graph == nil {
		return nil, fault.New(fault.Invalid, "this machine is not connected to Microsoft 365; set ADMIN_ASSISTANT_GRAPH_TENANT, _CLIENT and _SECRET, or use local://<account>/calendars/<name>")
	}
	return c.graph.Counting()
}
