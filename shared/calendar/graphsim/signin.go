package graphsim

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// SignIn answers for Entra ID where an application signs in by its secret, whatever that is, and passes all other requests on. It is for the clients of a
// Server, whose log and mailboxes tell tenants apart by its tokens. The zero SignIn is ready.
type SignIn struct {
	mu    sync.Mutex
	asked []string
}

var _ http.RoundTripper = (*SignIn)(nil)

const signInHost = "login.microsoftonline.com"

// Tenants are those at which tokens were asked for, in order.
func (s *SignIn) Tenants() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// RoundTrip implements http.RoundTripper.
func (s *SignIn) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != signInHost {
		return http.DefaultTransport.RoundTrip(r)
	}
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	answer := `{"tenant_discovery_endpoint":"https://` + signInHost + `/t/v2.0/.well-known/openid-configuration",
		"metadata":[{"preferred_network":"` + signInHost + `","preferred_cache":"` + signInHost + `","aliases":["` + signInHost + `"]}]}`
	switch {
	case strings.HasSuffix(rest, "/openid-configuration"):
		const at = `{"token_endpoint":"%[1]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/oauth2/v2.0/authorize","issuer":"%[1]s/v2.0"}`
		answer = fmt.Sprintf(at, "https://"+signInHost+"/"+tenant)
	case strings.HasSuffix(rest, "/token"):
		s.mu.Lock()
		s.asked = append(s.asked, tenant)
		s.mu.Unlock()
		answer = `{"token_type":"Bearer","expires_in":3600,"access_token":"` + Token(tenant) + `"}`
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

// Token is an access token of a tenant, which nobody signed.
func Token(tenant string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"tid":%q}`, tenant)) + ".e30"
}
