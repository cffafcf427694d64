// Package webidentity has AWS vouch for the role of the process to Entra ID, so that an application there needs no secret: AWS's outbound identity
// federation on this side, workload identity federation on the other.
package webidentity

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/fault"
)

const (
	// Audience is that of tokens that stand for an application of Entra ID.
	Audience = "api://AzureADTokenExchange"
	// lasts is for how long a token is good, in seconds: it is exchanged at once.
	lasts = 300
)

// Role is the role of the process.
type Role struct{ client *sts.Client }

// New returns the role of the process. It asks nobody for anything. The global endpoint of STS does not know the request: the settings have a region.
func New(cfg aws.Config) *Role { return &Role{sts.NewFromConfig(cfg)} }

// Token returns a token of AWS's that says which role the process has, good for five minutes. Errors are of kind fault.Setup, where the account or the
// role does not allow it, and those of awssdk.Fault.
func (r *Role) Token(ctx context.Context) (string, error) {
	out, err := r.client.GetWebIdentityToken(ctx, &sts.GetWebIdentityTokenInput{
		Audience: []string{Audience}, SigningAlgorithm: aws.String("RS256"), DurationSeconds: aws.Int32(lasts),
	})
	var api smithy.APIError
	switch {
	case err == nil:
		return aws.ToString(out.WebIdentityToken), nil
	case errors.As(err, new(*types.OutboundWebIdentityFederationDisabledException)):
		return "", fault.New(fault.Setup, "outbound identity federation is off in this AWS account; turn it on with: aws iam enable-outbound-web-identity-federation")
	case errors.As(err, &api) && api.ErrorCode() == "AccessDenied":
		return "", fault.New(fault.Setup, "the role of this function may not ask AWS to vouch for it (sts:GetWebIdentityToken)")
	}
	return "", awssdk.Fault(err, "ask AWS to vouch for this function")
}
