package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
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

	"adminassistant/shared/calendar/graphsim"
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
		return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(text)),
			Request: r}, nil
	}
	switch {
	case r.URL.Host == "graph.microsoft.com":
		e.requests.Add(1)
		e.bearers <- r.Header.Get("Authorization")
		return reply(http.StatusOK, `{"value":[]}`)
	case strings.Contains(r.URL.Path, "/discovery/instance"):
		return reply(http.StatusOK, `{"tenant_discovery_endpoint":"https://login.microsoftonline.com/t/v2.0/.well-known/openid-configuration",
			"metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net",
			"aliases":["login.microsoftonline.com","login.windows.net"]}]}`)
	case strings.Contains(r.URL.Path, "openid-configuration"):
		base := "https://" + r.URL.Host + "/contoso.example.com"
		const answer = `{"token_endpoint":"%[1]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","issuer":"%[1]s/v2.0"}`
		return reply(http.StatusOK, fmt.Sprintf(answer, base))
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
		{"a wrong secret", 401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret s3cret provided. Trace ID: 1"}`,
			fault.Setup},
		{"a secret that has ended", 401, `{"error":"invalid_client","error_codes":[7000222]}`, fault.Setup},
		{"an unknown tenant", 400, `{"error":"invalid_request","error_description":"AADSTS90002: Tenant not found"}`, fault.Setup},
		{"an outage", 503, `{}`, fault.Unavailable},
		{"a passing error", 400, `{"error":"temporarily_unavailable","error_codes":[90024]}`, fault.Unavailable},
		{"throttled", 429, `{}`, fault.Throttled},
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

// signIn is the sign-in of a user.
type signIn struct {
	token   string
	expires time.Time
	err     error

	asked, refused atomic.Int64
}

var errMore = fault.New(fault.Unauthenticated, "sign in again")

func (s *signIn) Token(context.Context) (string, time.Time, error) {
	s.asked.Add(1)
	return s.token, s.expires, s.err
}

func (s *signIn) Refused(_ context.Context, claims string) error {
	if claims != challengeOfTests {
		return errors.New("the challenge is " + claims)
	}
	s.refused.Add(1)
	return errMore
}

const challengeOfTests = `{"access_token":{"acrs":{"value":"c1"}}}`

func challengeHeader() string {
	return `Bearer realm="", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(challengeOfTests)) + `"`
}

func TestOneProviderActsForManyUsers(t *testing.T) {
	sim := graphsim.New(graphsim.Options{})
	for _, id := range []string{me, "boss@example.com"} {
		if err := sim.AddMailbox(graphsim.Mailbox{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	var answer atomic.Pointer[func(http.ResponseWriter)] // in the place of the simulator's
	tokens := make(chan string, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens <- r.Header.Get("Authorization")
		if f := answer.Load(); f != nil {
			(*f)(w)
			return
		}
		sim.ServeHTTP(w, r)
	}))
	defer server.Close()
	all, err := New(Options{BaseURL: server.URL + "/v1.0", PerUser: true})
	if err != nil {
		t.Fatal(err)
	}
	as := func(t *testing.T, s *signIn) *Provider {
		t.Helper()
		p, err := all.As(s)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	hour := time.Now().Add(time.Hour)
	nobodyWaits := func(t *testing.T, when string) {
		t.Helper()
		slots := all.budgets.of(me).slots
		if !slots.TryAcquire(4) {
			t.Errorf("%s the next one has to wait", when)
			return
		}
		slots.Release(4)
	}

	t.Run("each request has the token of its user, and is counted for the user", func(t *testing.T) {
		mine, other := &signIn{token: "mine", expires: hour}, &signIn{token: "other", expires: hour}
		a, b := as(t, mine), as(t, other)
		for _, row := range []struct {
			p       *Provider
			account string
			token   string
		}{{a, me, "mine"}, {b, "boss@example.com", "other"}, {a, me, "mine"}} {
			if _, err := row.p.Calendars(t.Context(), row.account); err != nil {
				t.Fatal(err)
			}
			if got := <-tokens; got != "Bearer "+row.token {
				t.Errorf("authorization is %q, want that of %s", got, row.token)
			}
		}
		if a.Stats().Requests != 2 || b.Stats().Requests != 1 || all.Stats().Requests != 0 {
			t.Errorf("counted %d, %d and %d requests", a.Stats().Requests, b.Stats().Requests, all.Stats().Requests)
		}
		if a.budgets != all.budgets {
			t.Error("the budgets are not shared")
		}
		second, err := a.Counting()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := second.Calendars(t.Context(), me); err != nil || <-tokens != "Bearer mine" || mine.asked.Load() != 3 {
			t.Errorf("a counting one of it: %v, asked %d times", err, mine.asked.Load())
		}
	})
	t.Run("nothing is sent without a user, without a token, or with one that has ended", func(t *testing.T) {
		needed := fault.Wrap(fault.Unauthenticated, errors.New("sign in"))
		for name, row := range map[string]struct {
			p    *Provider
			kind fault.Kind
		}{
			"no user":         {all, fault.Internal},
			"no token":        {as(t, &signIn{err: needed}), fault.Unauthenticated},
			"one that ended":  {as(t, &signIn{token: "old", expires: time.Now()}), fault.Unauthenticated},
			"no end":          {as(t, &signIn{token: "old"}), fault.Unauthenticated},
			"a slow sign-in":  {as(t, &signIn{err: fault.New(fault.Throttled, "later")}), fault.Throttled},
			"an unknown one":  {as(t, &signIn{err: errors.New("network")}), fault.Unavailable},
			"a sign-in alone": {as(t, &signIn{err: errMore}), fault.Unauthenticated},
		} {
			if _, err := row.p.Calendars(t.Context(), me); fault.Of(err) != row.kind {
				t.Errorf("%s: %v of kind %s, want %s", name, err, fault.Of(err), row.kind)
			}
		}
		if len(tokens) != 0 {
			t.Errorf("%d requests were sent", len(tokens))
		}
		nobodyWaits(t, "after requests that were not sent")
	})
	t.Run("a challenge goes to the sign-in that it is about", func(t *testing.T) {
		challenged := func(w http.ResponseWriter) {
			w.Header().Set("WWW-Authenticate", challengeHeader())
			w.WriteHeader(http.StatusUnauthorized)
		}
		answer.Store(&challenged)
		defer answer.Store(nil)
		s := &signIn{token: "mine", expires: hour}
		if _, err := as(t, s).Calendars(t.Context(), me); !errors.Is(err, errMore) || s.refused.Load() != 1 {
			t.Errorf("error is %v, told %d times", err, s.refused.Load())
		}
		part := func(w http.ResponseWriter) {
			_ = json.NewEncoder(w).Encode(map[string]any{"responses": []any{map[string]any{
				"id": "0", "status": 401, "headers": map[string]string{"www-authenticate": challengeHeader()},
			}}})
		}
		answer.Store(&part)
		if _, err := as(t, s).Create(t.Context(), me, "AAA", numbered(1)); !errors.Is(err, errMore) || s.refused.Load() != 2 {
			t.Errorf("in a batch: error is %v, told %d times", err, s.refused.Load())
		}
		nobodyWaits(t, "after a challenge")
		fixed, err := New(Options{BaseURL: server.URL + "/v1.0", Token: "fixed"})
		if err != nil {
			t.Fatal(err)
		}
		answer.Store(&challenged)
		f := new(Failure)
		if _, err := fixed.Calendars(t.Context(), me); !errors.As(err, &f) || f.Claims != challengeOfTests || fault.Of(err) != fault.Unauthenticated {
			t.Errorf("without a user: %v", err)
		}
	})
	t.Run("a 401 that asks for nothing is a failure like others", func(t *testing.T) {
		if err := sim.SetFaults(graphsim.Fault{Kind: graphsim.FaultExpired}); err != nil {
			t.Fatal(err)
		}
		s := &signIn{token: "mine", expires: hour}
		if _, err := as(t, s).Calendars(t.Context(), me); fault.Of(err) != fault.Unauthenticated || s.refused.Load() != 0 {
			t.Errorf("error is %v, told %d times", err, s.refused.Load())
		}
	})
	t.Run("tokens of users do not leave the machine in clear", func(t *testing.T) {
		clear, err := New(Options{BaseURL: "http://graph.example/v1.0", Token: "for a proxy"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := clear.As(&signIn{}); fault.FieldOf(err) != "graph.url" {
			t.Errorf("error is %v", err)
		}
		if _, err := New(Options{BaseURL: "http://graph.example/v1.0", PerUser: true}); fault.FieldOf(err) != "graph.url" {
			t.Errorf("error is %v", err)
		}
		if _, err := New(Options{PerUser: true, Token: "x"}); fault.FieldOf(err) != "graph" {
			t.Errorf("two ways: error is %v", err)
		}
	})
}
