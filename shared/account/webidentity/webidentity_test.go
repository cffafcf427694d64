package webidentity

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/go-jose/go-jose/v4"

	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
)

func world(t *testing.T) (*awstest.Issuer, *Role) {
	t.Helper()
	issuer := awstest.NewIssuer("https://11111111.tokens.sts.global.api.aws")
	issuer.Role = "arn:aws:iam::123456789012:role/archive"
	server := httptest.NewServer(issuer)
	t.Cleanup(server.Close)
	return issuer, New(aws.Config{
		Region: "eu-central-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("id", "key", ""),
		Retryer: func() aws.Retryer { return aws.NopRetryer{} },
	})
}

func TestATokenSaysWhichRoleItIs(t *testing.T) {
	issuer, role := world(t)
	token, err := role.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var says jwt.Claims
	if err := parsed.Claims(issuer.Keys(), &says); err != nil {
		t.Fatal(err)
	}
	if says.Subject != issuer.Role || says.Issuer != issuer.URL || len(says.Audience) != 1 || says.Audience[0] != Audience ||
		says.Expiry.Time().Sub(says.IssuedAt.Time()) != 5*time.Minute {
		t.Errorf("it says %+v", says)
	}
}

func TestWhatAWSRefusesIsTheOperators(t *testing.T) {
	for code, says := range map[string]string{
		"OutboundWebIdentityFederationDisabledException": "enable-outbound-web-identity-federation", "AccessDenied": "sts:GetWebIdentityToken",
	} {
		issuer, role := world(t)
		issuer.Refuses = code
		if _, err := role.Token(t.Context()); fault.Of(err) != fault.Setup || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "secret text") {
			t.Errorf("%s is %v of kind %s", code, err, fault.Of(err))
		}
	}
	issuer, role := world(t)
	issuer.Refuses = "Throttling"
	if _, err := role.Token(t.Context()); fault.Of(err) != fault.Throttled {
		t.Errorf("got %v of kind %s", err, fault.Of(err))
	}
}
