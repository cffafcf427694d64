// Package data is the stack of what must not be lost: the table, the bucket and their keys.
//
// It changes rarely and is apart from compute, so that a deployment of code cannot touch it. Nothing in it has a physical name of
// ours: whatever has to be replaced can stand beside what it replaces.
package data

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Props decide what the stack is like.
type Props struct {
	// Stack has the account, the region and the name.
	Stack awscdk.StackProps
	// Destroy deletes the data with the stack. Otherwise the data stays, and the table refuses to be deleted.
	Destroy bool
	// WarmReads and WarmWrites are how many units a second table and index take at once, from the beginning; 0 is what AWS gives a new table.
	WarmReads, WarmWrites int
}

// Stack is what other stacks refer to.
type Stack struct {
	Stack  awscdk.Stack
	Table  awsdynamodb.TableV2
	Bucket awss3.Bucket
	// Key encrypts table and bucket. Whoever uses them needs it too, through those services alone.
	Key awskms.Key
	// TokenKey wraps the data keys of Microsoft refresh tokens and of the installation's signing key, and nothing else.
	TokenKey awskms.Key
}

// New makes the stack.
func New(scope constructs.Construct, id string, p Props) *Stack {
	stack := awscdk.NewStack(scope, &id, &p.Stack)
	s := &Stack{Stack: stack}
	removal := awscdk.RemovalPolicy_RETAIN
	if p.Destroy {
		removal = awscdk.RemovalPolicy_DESTROY
	}
	s.Key = newKey(stack, "Key", "Admin Assistant: table and bucket", removal)
	s.TokenKey = newKey(stack, "TokenKey", "Admin Assistant: data keys of Microsoft refresh tokens, and of the signing key", removal)
	s.Table = newTable(stack, s.Key, removal, p.warm())
	s.Bucket = newBucket(stack, s.Key, removal)
	s.output("TableName", "the DynamoDB table", s.Table.TableName())
	s.output("BucketName", "bodies of the ledger, and backups", s.Bucket.BucketName())
	return s
}

func (s *Stack) output(id, what string, value *string) {
	awscdk.NewCfnOutput(s.Stack, &id, &awscdk.CfnOutputProps{Value: value, Description: &what})
}

// newKey makes a key that is rotated every year. Its policy leaves it to IAM who may use it.
func newKey(scope constructs.Construct, id, what string, removal awscdk.RemovalPolicy) awskms.Key {
	return awskms.NewKey(scope, &id, &awskms.KeyProps{
		Description: &what, EnableKeyRotation: jsii.Bool(true), RemovalPolicy: removal, PendingWindow: awscdk.Duration_Days(jsii.Number(30)),
	})
}
