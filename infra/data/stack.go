// Package data is the stack of what must not be lost: the table, the bucket and their keys.
//
// It changes rarely and is apart from compute, so that a deployment of code cannot touch it. Nothing in it has a physical name of
// ours: whatever has to be replaced can stand beside what it replaces.
package data

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbackup"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Props decide what the stack is like.
type Props struct {
	// Stack has the account, the region and the name.
	Stack awscdk.StackProps
	// UseTable and UseBucket are the names of a table and a bucket that exist and are used in the place of those of the stack, such as ones that were
	// restored; empty: the stack's own. The stack's own stay where they are.
	UseTable, UseBucket string
	// CopyVault is the ARN of a vault of AWS Backup, in another account, that a copy of table and bucket goes to every day; empty: none does.
	CopyVault string
	// Destroy deletes the data with the stack. Otherwise the data stays, and the table refuses to be deleted.
	Destroy bool
	// WarmReads and WarmWrites are how many units a second table and index take at once, from the beginning; 0 is what AWS gives a new table.
	WarmReads, WarmWrites int
}

// Stack is what other stacks refer to.
type Stack struct {
	Stack  awscdk.Stack
	Table  awsdynamodb.ITableV2
	Bucket awss3.IBucket
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
	table, bucket := newTable(stack, s.Key, removal, p.warm()), newBucket(stack, s.Key, removal)
	if s.Table = table; p.UseTable != "" {
		s.Table = awsdynamodb.TableV2_FromTableName(stack, jsii.String("UsedTable"), &p.UseTable)
		keepExported(stack, table.TableName(), table.TableArn())
	}
	if s.Bucket = bucket; p.UseBucket != "" {
		s.Bucket = awss3.Bucket_FromBucketName(stack, jsii.String("UsedBucket"), &p.UseBucket)
		keepExported(stack, bucket.BucketName(), bucket.BucketArn())
	}
	if p.CopyVault != "" {
		copyAway(stack, s, removal, p.CopyVault)
	}
	s.output("TableName", "the DynamoDB table", s.Table.TableName())
	s.output("BucketName", "bodies of the ledger, and backups", s.Bucket.BucketName())
	return s
}

const (
	// keepHere and keepThere are how many days a daily backup stays in the account's own vault, and in the other one.
	keepHere, keepThere = 7, 35
)

// copyAway has AWS Backup copy table and bucket to a vault of another account every day: what nobody who owns this one can lose. The vault there has
// to let this account copy into it.
// https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html
func copyAway(stack awscdk.Stack, s *Stack, removal awscdk.RemovalPolicy, vault string) {
	key := newKey(stack, "VaultKey", "Admin Assistant: backups on their way to another account", removal) // AWS's own cannot be used by another account
	own := awsbackup.NewBackupVault(stack, jsii.String("Vault"), &awsbackup.BackupVaultProps{EncryptionKey: key, RemovalPolicy: removal})
	plan := awsbackup.NewBackupPlan(stack, jsii.String("Copies"), &awsbackup.BackupPlanProps{BackupVault: own})
	plan.AddRule(awsbackup.NewBackupPlanRule(&awsbackup.BackupPlanRuleProps{
		RuleName:           jsii.String("daily"),
		ScheduleExpression: awsevents.Schedule_Cron(&awsevents.CronOptions{Hour: jsii.String("3"), Minute: jsii.String("0")}),
		DeleteAfter:        days(keepHere),
		CopyActions: &[]*awsbackup.BackupPlanCopyActionProps{{
			DestinationBackupVault: awsbackup.BackupVault_FromBackupVaultArn(stack, jsii.String("OtherVault"), &vault), DeleteAfter: days(keepThere),
		}},
	}))
	role := awsiam.NewRole(stack, jsii.String("CopyRole"), &awsiam.RoleProps{AssumedBy: awsiam.NewServicePrincipal(jsii.String("backup.amazonaws.com"), nil)})
	var managed []any
	for _, name := range []string{
		"service-role/AWSBackupServiceRolePolicyForBackup", "service-role/AWSBackupServiceRolePolicyForRestores",
		"AWSBackupServiceRolePolicyForS3Backup", "AWSBackupServiceRolePolicyForS3Restore", // the first two know nothing of buckets
	} {
		role.AddManagedPolicy(awsiam.ManagedPolicy_FromAwsManagedPolicyName(&name))
		managed = append(managed, "Policy::arn:<AWS::Partition>:iam::aws:policy/"+name)
	}
	cdknag.NagSuppressions_AddResourceSuppressions(role, &[]*cdknag.NagPackSuppression{{
		Id: jsii.String("AwsSolutions-IAM4"), AppliesTo: &managed,
		Reason: jsii.String("AWS's own policies for what AWS Backup does; that service alone can take this role, and AWS keeps them in step with it."),
	}}, nil)
	plan.AddSelection(jsii.String("Data"), &awsbackup.BackupSelectionOptions{
		Role: role,
		Resources: &[]awsbackup.BackupResource{
			awsbackup.BackupResource_FromArn(s.Table.TableArn()), awsbackup.BackupResource_FromArn(s.Bucket.BucketArn()),
		},
	})
}

// keepExported goes on exporting values that the other stack does not use any more: it is deployed later, and until then CloudFormation refuses to
// remove what it imports.
func keepExported(stack awscdk.Stack, values ...*string) {
	for _, value := range values {
		stack.ExportValue(value, nil)
	}
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
