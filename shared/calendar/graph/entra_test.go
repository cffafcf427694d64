package graph

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/awstest"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
)

const (
	ofTenant = "11111111-1111-4111-8111-111111111111"
	ofApp    = "11111111-2222-4333-8444-555555555555"
	ofRole   = "arn:aws:iam::123456789012:role/archive"
)

// services are Entra ID and Microsoft 365, both simulated, at their own addresses.
type services struct {
	entra   *entrasim.Server
	mailbox *graphsim.Server
}

func (s *services) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r = r.Clone(r.Context()); r.Body == nil {
		r.Body = http.NoBody // as a server sees it
	}
	switch {
	case r.URL.Host == "graph.microsoft.com":
		s.mailbox.ServeHTTP(w, r)
	case strings.Contains(r.URL.Path, "/discovery/instance"):
		_, _ = io.WriteString(w, `{"tenant_discovery_endpoint":"https://login.microsoftonline.com/`+ofTenant+`/v2.0/.well-known/openid-configuration",`+
			`"metadata":[{"preferred_network":"login.microsoftonline.com","preferred_cache":"login.windows.net","aliases":["login.microsoftonline.com"]}]}`)
	default:
		s.entra.ServeHTTP(w, r)
	}
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

func newServices(t *testing.T, app entrasim.App) *services {
	t.Helper()
	app.Client = ofApp
	s := &services{
		entra:   entrasim.New(entrasim.Options{Apps: []entrasim.App{app}, Tenants: []string{ofTenant}}),
		mailbox: graphsim.New(graphsim.Options{}),
	}
	if err := s.mailbox.AddMailbox(graphsim.Mailbox{ID: me}); err != nil {
		t.Fatal(err)
	}
	return s
}

// lists has the application list calendars.
func (s *services) lists(t *testing.T, app App) error {
	t.Helper()
	app.Tenant, app.Client = ofTenant, ofApp
	p, err := New(Options{App: app, Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Calendars(t.Context(), me)
	return err
}

func certificateOf(t *testing.T) (*x509.Certificate, []byte) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "application"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return certificate, append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
}

func TestHowAnApplicationShowsWhoItIs(t *testing.T) {
	certificate, text := certificateOf(t)
	_, other := certificateOf(t)
	issuer := awstest.NewIssuer("https://11111111.tokens.sts.global.api.aws")
	vouched := []entrasim.Federated{{Issuer: issuer.URL, Subject: ofRole, Keys: issuer.Keys}}
	by := func(role string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) {
			return issuer.Token(role, entrasim.FederatedAudience, time.Now(), time.Minute), nil
		}
	}
	for name, row := range map[string]struct {
		registered entrasim.App
		app        App
		kind       fault.Kind
		says       string // empty: it works
	}{
		"by a secret":            {entrasim.App{Secret: "s3cret"}, App{Secret: "s3cret"}, 0, ""},
		"by another secret":      {entrasim.App{Secret: "s3cret"}, App{Secret: "other"}, fault.Setup, "AADSTS7000215"},
		"by a certificate":       {entrasim.App{Certificates: []*x509.Certificate{certificate}}, App{Certificate: text}, 0, ""},
		"by another certificate": {entrasim.App{Certificates: []*x509.Certificate{certificate}}, App{Certificate: other}, fault.Setup, "AADSTS700027"},
		"by a role":              {entrasim.App{Federated: vouched}, App{Assertion: by(ofRole)}, 0, ""},
		"by another role":        {entrasim.App{Federated: vouched}, App{Assertion: by("other")}, fault.Unavailable, "AADSTS700213"},
		"by a role that is not vouched for": {entrasim.App{Federated: vouched}, App{Assertion: func(context.Context) (string, error) {
			return "", fault.New(fault.Setup, "the role may not do that")
		}}, fault.Setup, "may not do that"},
	} {
		t.Run(name, func(t *testing.T) {
			err := newServices(t, row.registered).lists(t, row.app)
			if row.says == "" && err != nil || row.says != "" && (fault.Of(err) != row.kind || !strings.Contains(err.Error(), row.says)) {
				t.Errorf("got %v of kind %s", err, fault.Of(err))
			}
		})
	}
	if _, err := New(Options{App: App{Tenant: ofTenant, Client: ofApp, Secret: "s", Assertion: by(ofRole)}}); err == nil {
		t.Error("two ways at once")
	}
}

func TestAnApplicationIsToldOfWhatPassesAndWhatHasEnded(t *testing.T) {
	for _, e := range entrasim.Passing {
		s := newServices(t, entrasim.App{Secret: "s3cret"})
		s.entra.Fail(entrasim.Token, e)
		if err := s.lists(t, App{Secret: "s3cret"}); !fault.Of(err).Transient() {
			t.Errorf("%+v: got %v of kind %s", e, err, fault.Of(err))
		}
		if err := s.lists(t, App{Secret: "s3cret"}); err != nil {
			t.Errorf("%+v: it does not pass: %v", e, err)
		}
	}
	s := newServices(t, entrasim.App{Secret: "s3cret"})
	s.entra.ExpireSecret(ofApp)
	if err := s.lists(t, App{Secret: "s3cret"}); fault.Of(err) != fault.Setup || !strings.Contains(err.Error(), "AADSTS7000222") {
		t.Errorf("got %v of kind %s", err, fault.Of(err))
	}
}

func TestGrantsInExchangeThatDoNotCountYet(t *testing.T) {
	s := newServices(t, entrasim.App{Secret: "s3cret"})
	late := graphsim.Fault{Path: "/users/*/calendars", Kind: graphsim.FaultError, Status: 403, Code: "ErrorAccessDenied", Times: 1}
	if err := s.mailbox.SetFaults(late); err != nil {
		t.Fatal(err)
	}
	if err := s.lists(t, App{Secret: "s3cret"}); fault.Of(err) != fault.Forbidden || !strings.Contains(err.Error(), "two hours") {
		t.Errorf("got %v", err)
	}
	if err := s.lists(t, App{Secret: "s3cret"}); err != nil {
		t.Errorf("two hours later: %v", err)
	}
	late.Times = 0
	if err := s.mailbox.SetFaults(late); err != nil {
		t.Fatal(err)
	}
	p, err := New(Options{Token: "a-users", Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Calendars(t.Context(), me); fault.Of(err) != fault.Forbidden || strings.Contains(err.Error(), "two hours") {
		t.Errorf("a user's own access: %v", err)
	}
}

func TestPermissionsThatEntraIDGrantsForAllMailboxes(t *testing.T) {
	for name, roles := range map[string][]string{"none": nil, "two": {"Calendars.ReadWrite", "MailboxSettings.Read"}} {
		s := newServices(t, entrasim.App{Secret: "s3cret", Roles: roles})
		p, err := New(Options{App: App{Tenant: ofTenant, Client: ofApp, Secret: "s3cret"}, Transport: s})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Permissions(t.Context()); err != nil || strings.Join(got, " ") != strings.Join(roles, " ") {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	s := newServices(t, entrasim.App{Secret: "other"})
	p, err := New(Options{App: App{Tenant: ofTenant, Client: ofApp, Secret: "s3cret"}, Transport: s})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Permissions(t.Context()); fault.Of(err) != fault.Setup {
		t.Errorf("got %v", err)
	}
	if p, err = New(Options{Token: "fixed"}); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Permissions(t.Context()); fault.Of(err) != fault.Invalid {
		t.Errorf("got %v", err)
	}
}
