// Package heads is the stack of the witness: the bucket that keeps the signed heads of ledgers, in which nobody can change or remove anything for
// ten years, neither the functions nor the account's administrators.
//
// It is apart from all else, so that who may deploy or administer the rest need not be let near it, and depends on nothing: what it keeps can be
// read when the other stacks, and their keys, are gone.
package heads

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/checked"
)

// Under is where the heads lie in the bucket: <Under><config>/<day>.
const Under = "heads/"

const (
	// lockedDays is how long an object cannot be changed or removed after it was put: ten years, with as many leap days as they can have.
	lockedDays = 3653
	// accessLog is how long it is known who read or put what. The log has object keys, which are ids.
	accessLog = 365 * 24 * time.Hour
)

// Props decide what the stack is like.
type Props struct {
	// Stack has the account, the region and the name.
	Stack awscdk.StackProps
}

// Stack is what other stacks refer to.
type Stack struct {
	Stack  awscdk.Stack
	Bucket awss3.Bucket
}

// New makes the stack. What is in it stays when it is deleted.
func New(scope constructs.Construct, id string, p Props) *Stack {
	stack := awscdk.NewStack(scope, &id, &p.Stack)
	log := awss3.NewBucket(stack, jsii.String("BucketLog"), private(awss3.BucketProps{
		LifecycleRules: &[]*awss3.LifecycleRule{{Id: jsii.String("forget"), Expiration: awscdk.Duration_Days(jsii.Number(accessLog.Hours() / 24))}},
	}))
	checked.Not(log, map[string]string{
		"CKV_AWS_18": "it is the log itself", "CKV_AWS_21": "lines of a log are written once and forgotten after a while",
	})
	bucket := awss3.NewBucket(stack, jsii.String("Bucket"), private(awss3.BucketProps{
		Versioned: jsii.Bool(true), ObjectLockEnabled: jsii.Bool(true),
		ObjectLockDefaultRetention: awss3.ObjectLockRetention_Compliance(awscdk.Duration_Days(jsii.Number(lockedDays))),
		ServerAccessLogsBucket:     log,
	}))
	for _, s := range refusals(bucket) {
		bucket.AddToResourcePolicy(s)
	}
	for _, b := range []awss3.Bucket{log, bucket} {
		b.Policy().ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN) // a bucket that stays is not to be open to plain HTTP
	}
	awscdk.NewCfnOutput(stack, jsii.String("HeadBucketName"), &awscdk.CfnOutputProps{
		Value: bucket.BucketName(), Description: jsii.String("signed heads of ledgers, which cannot be changed or removed"),
	})
	return &Stack{Stack: stack, Bucket: bucket}
}

// private completes the properties of a bucket. Objects are encrypted with S3's own key: heads are hashes and ids, and a key of ours would be a way
// to lose all of them at once.
func private(p awss3.BucketProps) *awss3.BucketProps {
	p.Encryption = awss3.BucketEncryption_S3_MANAGED
	p.BlockPublicAccess = awss3.BlockPublicAccess_BLOCK_ALL()
	p.ObjectOwnership = awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED
	p.EnforceSSL, p.MinimumTLSVersion = jsii.Bool(true), jsii.Number(1.2)
	p.RemovalPolicy = awscdk.RemovalPolicy_RETAIN
	return &p
}

// refusals are what nobody may do, whoever allows it. Object Lock keeps what was put; these keep it in sight, since an object can lie on it, or
// a deletion.
func refusals(bucket awss3.Bucket) []awsiam.PolicyStatement {
	deny := func(sid string, conditions map[string]any, actions ...string) awsiam.PolicyStatement {
		p := &awsiam.PolicyStatementProps{
			Sid: &sid, Effect: awsiam.Effect_DENY, Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
			Actions: jsii.Strings(actions...), Resources: &[]*string{bucket.ArnForObjects(jsii.String("*"))},
		}
		if conditions != nil {
			p.Conditions = &conditions
		}
		return awsiam.NewPolicyStatement(p)
	}
	return []awsiam.PolicyStatement{
		// Parts of an upload come without the header; what completes it has to have it.
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes-enforce.html
		deny("Overwriting", map[string]any{
			"Null": map[string]any{"s3:if-none-match": "true"},
			"Bool": map[string]any{"s3:ObjectCreationOperation": "true"},
		}, "s3:PutObject"),
		deny("Removing", nil, "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutObjectRetention"),
	}
}
