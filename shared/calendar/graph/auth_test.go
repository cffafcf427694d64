package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"adminassistant/shared/fault"
)

// entra answers for Entra ID, and for Graph, whatever their addresses.
type entra struct {
	status   int
	answer   string
	asked    atomic.Int64
	bearers  chan string
	requests atomic.Int64
}

func (e *entra) RoundTrip(r *http.Request) (*http.Response, error) {
	reply := func(status int, text string) (*http.Response, error) {
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)), Request: r}, nil
	}
	switch {
	case r.URL.Host == "graph.microsoft.com":
		e.requests.Add(1)
		e.bearers <- r.Header.Get("Authorization")
		return reply(http.StatusOK, `{"value":[]}`)
	case strings.Contains(r.URL.Path, "/discovery/instance"):
		return reply(http.StatusOK, `{"tenant_discovery_endpoint":"https://login.microsoftonline.com/t/v2.0/.well-known/openid-configuration","metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com","login.windows.net"]}]}`)
	case strings.Contains(r.URL.Path, "openid-configuration"):
		base := "https://" + r.URL.Host + "/contoso.example.com"
		return reply(http.StatusOK, fmt.Sprintf(`{"token_endpoint":"%s/oauth2/v2.0/token","authorization_endpoint":"%s/oauth2/v2.0/authorize","issuer":"%s/v2.0"}`, base, base, base))
	}
	e.asked.Add(1)
	body, _ := io.ReadAll(r.Body)
	if want := "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"; !strings.Contains(string(body), want) {
		return nil, errors.New("the scope is not " + want)
	}
	return reply(e.status, e.answer)
}

func TestAnApplicationSignsIn(t *testing.T) {
	e := &entra{status: http.StatusOK, answer: `{"token_type":"Bearer","expires_in":3600,"access_token":"app-token"}`, bearers: make(chan string, 10)}
	p, err := New(Options{App: App{Tenant: "contoso.example.com", Client: "11111111-2222-3333-4444-555555555555", Secret: "s3cret"}, Transport: e})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, err := p.Calendars(t.Context(), me); err != nil {
			t.Fatal(err)
		}
		if got := <-e.bearers; got != "Bearer app-token" {
			t.Errorf("authorization is %q", got)
		}
	}
	if n := e.asked.Load(); n != 1 {
		t.Errorf("the token was asked for %d times, want once", n)
	}
}

func TestAnApplicationThatIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name   string
		status int
		answer string
		kind   fault.Kind
	}{
		{"a wrong secret", 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret s3cret provided. Trace ID: 1"}`, fault.Unauthenticated},
		{"an unknown tenant", 400, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found"}`, fault.Unauthenticated},
		{"an outage", 503, `{}`, fault.Unavailable},
		{"throttled", 429, `{}`, fault.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := &entra{status: tt.status, answer: tt.answer}
			p, err := New(Options{App: App{Tenant: "contoso.example.com", Client: "11111111-2222-3333-4444-555555555555", Secret: "s3cret"}, Transport: e})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Calendars(t.Context(), me)
			if fault.Of(err) != tt.kind || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "Trace") {
				t.Errorf("error is %v of kind %s, want %s", err, fault.Of(err), tt.kind)
			}
			if n := e.asked.Load(); n != 1 || e.requests.Load() != 0 {
				t.Errorf("the token was asked for %d times, want once; %d requests were sent without one", n, e.requests.Load())
			}
		})
	}
}

// brokenCredential has no token.
type brokenCredential struct{ err error }

func (b brokenCredential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, b.err
}

func TestACredentialThatFails(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	for _, tt := range []struct {
		name string
		err  error
		kind fault.Kind
	}{
		{"for a reason that it has classified", fault.New(fault.Unauthenticated, "sign in again"), fault.Unauthenticated},
		{"for want of time", context.DeadlineExceeded, fault.Unavailable},
		{"for another reason", errors.New("no network"), fault.Unavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := New(Options{BaseURL: server.URL, Credential: brokenCredential{tt.err}, Timeout: time.Minute})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Calendars(t.Context(), me); fault.Of(err) != tt.kind || !errors.Is(err, tt.err) {
				t.Errorf("error is %v of kind %s, want %s", err, fault.Of(err), tt.kind)
			}
		})
	}
}
