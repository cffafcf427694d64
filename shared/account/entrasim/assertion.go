package entrasim

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// assertionType is that of client assertions (RFC 7523).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// FederatedAudience is the audience of tokens that stand for an application.
const FederatedAudience = "api://AzureADTokenExchange"

// Federated is an identity of another provider whose tokens may stand for an application (workload identity federation).
type Federated struct {
	Issuer, Subject string
	Audience        string                     // empty: FederatedAudience
	Keys            func() *jose.JSONWebKeySet // those that the issuer publishes
}

// assertion is what a client assertion says.
type assertion struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience any    `json:"aud"`
	ID       string `json:"jti"`
	Expires  int64  `json:"exp"`
	Begins   int64  `json:"nbf"`
}

func (a *assertion) isFor(audiences ...string) bool {
	switch named := a.Audience.(type) {
	case string:
		return slices.Contains(audiences, named)
	case []any:
		return len(named) == 1 && slices.Contains(audiences, named[0].(string))
	}
	return false
}

const assertionLeeway = 5 * time.Minute

// asserted says what is wrong with a client assertion.
func (s *Server) asserted(app *App, text, tenant string) *refusal {
	token, err := jose.ParseSigned(text, []jose.SignatureAlgorithm{jose.PS256, jose.RS256, jose.ES384})
	var says assertion
	if err != nil || json.Unmarshal(token.UnsafePayloadWithoutVerification(), &says) != nil {
		return fail("invalid_client", 50027, "JWT token is invalid or malformed.")
	}
	header := token.Signatures[0].Protected
	now := s.options.Clock()
	if now.After(time.Unix(says.Expires, 0).Add(assertionLeeway)) || now.Before(time.Unix(says.Begins, 0).Add(-assertionLeeway)) {
		return fail("invalid_client", 700024, "Client assertion is not within its valid time range.")
	}
	if says.Issuer == app.Client {
		return s.signedByCertificate(app, token, header, &says, tenant)
	}
	for _, f := range app.Federated {
		audience := f.Audience
		if audience == "" {
			audience = FederatedAudience
		}
		switch {
		case f.Issuer != says.Issuer:
			continue
		case f.Subject != says.Subject:
			return fail("invalid_client", 700213, "No matching federated identity record found for presented assertion subject '%.200s'.", says.Subject)
		case !says.isFor(audience):
			return fail("invalid_client", 700212, "No matching federated identity record found for presented assertion audience.")
		}
		for _, key := range f.Keys().Key(header.KeyID) {
			if _, err := token.Verify(key); err == nil {
				return nil
			}
		}
		return fail("invalid_client", 700027, "Client assertion failed signature validation.")
	}
	return fail("invalid_client", 700211, "No matching federated identity record found for presented assertion issuer '%.200s'.", says.Issuer)
}

// signedByCertificate demands an assertion as Microsoft's libraries make it: by PSS and SHA-256, naming the certificate by its SHA-256, for this
// service, and not used before.
func (s *Server) signedByCertificate(app *App, token *jose.JSONWebSignature, header jose.Header, says *assertion, tenant string) *refusal {
	named, _ := header.ExtraHeaders["x5t#S256"].(string)
	named = strings.TrimRight(strings.NewReplacer("+", "-", "/", "_").Replace(named), "=") // Microsoft's library for Go writes it in the other alphabet
	for _, certificate := range app.Certificates {
		sum := sha256.Sum256(certificate.Raw)
		if base64.RawURLEncoding.EncodeToString(sum[:]) != named {
			continue
		}
		s.mu.Lock()
		again, at := s.used[says.ID], s.url+"/"+tenant
		s.used[says.ID] = true
		s.mu.Unlock()
		_, err := token.Verify(certificate.PublicKey)
		switch {
		case header.Algorithm != string(jose.PS256) || err != nil:
			return fail("invalid_client", 700027, "Client assertion failed signature validation.")
		case s.options.Clock().After(certificate.NotAfter):
			return fail("invalid_client", 700027, "The certificate used to sign the client assertion is expired.")
		case says.Subject != app.Client || !says.isFor(at+"/oauth2/v2.0/token", at+"/v2.0"):
			return fail("invalid_client", 700023, "Client assertion audience claim does not match Realm issuer.")
		case says.ID == "" || again:
			return fail("invalid_client", 50027, "The client assertion was used before.")
		}
		return nil
	}
	return fail("invalid_client", 700027, "The certificate with identifier used to sign the client assertion is not registered on application.")
}
