package service

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsses"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/data"
	"adminassistant/infra/golambda"
	"adminassistant/infra/heads"
	"adminassistant/shared/signing"
)

// What functions may do, one action at a time. A function is given what it calls, and nothing because it might.
type grants struct {
	stack awscdk.Stack
	data  *data.Stack
	heads *heads.Stack // nil: heads are kept nowhere
	// stamps says that an authority is asked for time-stamps of heads.
	stamps bool
}

// Where objects lie in the bucket.
const (
	ledgerObjects = "ledger/" // bodies of the ledger's entries
	runObjects    = "runs/"   // plans
	backupObjects = "backups/"
	// uploadObjects are files to restore, and restoreObjects what restores decided and replaced.
	uploadObjects  = "uploads/"
	restoreObjects = "restores/"
	sheetObjects   = "timesheets/" // lines of approved ones
)

// table allows to read and write items.
func (g grants) table() []awsiam.PolicyStatement {
	table := g.data.Table.TableArn()
	index := jsii.String(*table + "/index/" + data.Index)
	return []awsiam.PolicyStatement{
		golambda.Allow([]*string{table},
			"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"),
		golambda.Allow([]*string{index}, "dynamodb:Query"),
		// DynamoDB asks for these in the name of whoever calls it.
		g.key("dynamodb", "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"),
	}
}

// key allows what a service does with the key of table and bucket on the function's behalf.
func (g grants) key(service string, actions ...string) awsiam.PolicyStatement {
	return golambda.AllowIf(map[string]interface{}{
		"StringEquals": map[string]interface{}{"kms:ViaService": fmt.Sprintf("%s.%s.%s", service, *g.stack.Region(), *g.stack.UrlSuffix())},
	}, []*string{g.data.Key.KeyArn()}, actions...)
}

// access is what a function may do with the objects under a prefix, besides reading them.
type access int

const (
	reads   access = 0
	writes  access = 1
	deletes access = 2
)

// objects allows access to the objects under each prefix. It allows as well to list the bucket, whatever the prefix: without that, S3
// answers a request for an object that is not there as one that is forbidden, and a condition on the prefix would not hold for it.
func (g grants) objects(under map[string]access) []awsiam.PolicyStatement {
	resources := map[access][]*string{}
	key := []string{"kms:Decrypt"}
	// in one order, for templates that do not change by themselves
	for _, prefix := range []string{ledgerObjects, runObjects, backupObjects, uploadObjects, restoreObjects, sheetObjects} {
		may, ok := under[prefix]
		if !ok {
			continue
		}
		arn := g.data.Bucket.ArnForObjects(jsii.String(prefix + "*"))
		resources[reads] = append(resources[reads], arn)
		if may&writes != 0 {
			resources[writes] = append(resources[writes], arn)
			key = []string{"kms:Decrypt", "kms:GenerateDataKey"}
		}
		if may&deletes != 0 {
			resources[deletes] = append(resources[deletes], arn)
		}
	}
	allowed := []awsiam.PolicyStatement{
		golambda.Allow([]*string{g.data.Bucket.BucketArn()}, "s3:ListBucket"),
		golambda.Allow(resources[reads], "s3:GetObject"),
		g.key("s3", key...),
	}
	if arns := resources[writes]; arns != nil {
		allowed = append(allowed, golambda.Allow(arns, "s3:PutObject", "s3:AbortMultipartUpload"))
	}
	if arns := resources[deletes]; arns != nil {
		allowed = append(allowed, golambda.Allow(arns, "s3:DeleteObject"))
	}
	return allowed
}

// sends allows to send messages to queues.
func (g grants) sends(to ...named) awsiam.PolicyStatement {
	return golambda.Allow(arns(to), "sqs:SendMessage")
}

// counts allows to see how many messages wait in queues.
func (g grants) counts(in ...named) awsiam.PolicyStatement {
	return golambda.Allow(arns(in), "sqs:GetQueueAttributes")
}

// consumes allows what Lambda does with the function's role to take messages off queues, and what the function does to give them back.
func (g grants) consumes(from ...named) awsiam.PolicyStatement {
	return golambda.Allow(arns(from), "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes")
}

func arns(queues []named) []*string {
	list := make([]*string, len(queues))
	for i, q := range queues {
		list[i] = q.queue.QueueArn()
	}
	return list
}

// tokens allows actions on the key of Microsoft tokens, for data keys that are bound to that purpose and to a user.
func (g grants) tokens(actions ...string) awsiam.PolicyStatement {
	return golambda.AllowIf(map[string]interface{}{
		"StringEquals":              map[string]interface{}{"kms:EncryptionContext:purpose": "microsoft-token"},
		"ForAnyValue:StringEquals":  map[string]interface{}{"kms:EncryptionContextKeys": "user"},
		"ForAllValues:StringEquals": map[string]interface{}{"kms:EncryptionContextKeys": []string{"purpose", "user"}},
	}, []*string{g.data.TokenKey.KeyArn()}, actions...)
}

// signs allows to make the installation's signing key, sealed, and to open it. It shares the key of Microsoft tokens and opens none of them: what is
// sealed is bound to its purpose.
func (g grants) signs() awsiam.PolicyStatement {
	return golambda.AllowIf(map[string]interface{}{
		"StringEquals": map[string]interface{}{
			"kms:EncryptionContext:purpose": signing.Purpose, "kms:EncryptionContext:user": "installation",
		},
		"ForAllValues:StringEquals": map[string]interface{}{"kms:EncryptionContextKeys": []string{"purpose", "user"}},
	}, []*string{g.data.TokenKey.KeyArn()}, "kms:Decrypt", "kms:GenerateDataKey")
}

// opens allows to open signed heads, where they are stamped.
func (g grants) opens() []awsiam.PolicyStatement {
	if !g.stamps {
		return nil
	}
	return []awsiam.PolicyStatement{g.signs()}
}

// keepsHeads allows to put heads of ledgers, which the bucket takes only where there is none; readsHeads to read them, also what lies below others.
func (g grants) keepsHeads() []awsiam.PolicyStatement {
	if g.heads == nil {
		return nil
	}
	return []awsiam.PolicyStatement{golambda.Allow([]*string{g.heads.Bucket.ArnForObjects(jsii.String(heads.Under + "*"))}, "s3:PutObject")}
}

func (g grants) readsHeads() []awsiam.PolicyStatement {
	if g.heads == nil {
		return nil
	}
	return []awsiam.PolicyStatement{
		golambda.Allow([]*string{g.heads.Bucket.ArnForObjects(jsii.String(heads.Under + "*"))}, "s3:GetObjectVersion"),
		golambda.AllowIf(map[string]interface{}{
			"StringLike": map[string]interface{}{"s3:prefix": heads.Under + "*"},
		}, []*string{g.heads.Bucket.BucketArn()}, "s3:ListBucketVersions"),
	}
}

// credentials allows to read an application's credentials; none are none.
func (g grants) credentials(secret string) []awsiam.PolicyStatement {
	if secret == "" {
		return nil
	}
	arn := secret
	if !strings.HasPrefix(arn, "arn:") {
		// Secrets Manager adds a hyphen and six characters to a name; no other name fits than one that is this long.
		arn = fmt.Sprintf("arn:%s:secretsmanager:%s:%s:secret:%s-??????", *g.stack.Partition(), *g.stack.Region(), *g.stack.Account(), secret)
	}
	return []awsiam.PolicyStatement{golambda.Allow([]*string{&arn}, "secretsmanager:GetSecretValue")}
}

// vouchedAudience is Entra ID's, of tokens that stand for an application there.
const vouchedAudience = "api://AzureADTokenExchange"

// vouches allows to have AWS say which role the function has, to Entra ID alone and for five minutes at most.
func (g grants) vouches(federated bool) []awsiam.PolicyStatement {
	if !federated {
		return nil
	}
	return []awsiam.PolicyStatement{golambda.AllowIf(map[string]interface{}{
		"ForAllValues:StringEquals": map[string]interface{}{"sts:IdentityTokenAudience": vouchedAudience},
		"Null":                      map[string]interface{}{"sts:IdentityTokenAudience": "false"},
		"NumericLessThanEquals":     map[string]interface{}{"sts:DurationSeconds": 300},
	}, []*string{jsii.String("*")}, "sts:GetWebIdentityToken")}
}

// signsIn allows to sign users in with a browser: to show which application does, and to seal what that brings. What is sealed stays closed to
// whoever has no more than this.
func (g grants) signsIn(s SignIn) []awsiam.PolicyStatement {
	if !s.Web() {
		return nil
	}
	return append(append(g.credentials(s.Credentials), g.vouches(s.Federated)...), g.tokens("kms:GenerateDataKey"))
}

// reaches allows to reach mailboxes: as an application, or as each user, whose tokens are opened, renewed and sealed again.
func (g grants) reaches(p Props) []awsiam.PolicyStatement {
	if !p.Graph.Delegated {
		return append(g.credentials(p.Graph.Credentials), g.vouches(p.Graph.Federated)...)
	}
	return append(append(g.credentials(p.SignIn.Credentials), g.vouches(p.SignIn.Federated)...), g.tokens("kms:Decrypt", "kms:GenerateDataKey"))
}

// mails allows to send e-mail from one address through configuration sets: ours, and the default one of its identity if it has one. SES asks for
// permission on all of them. While the account is in SES's sandbox it asks for permission on recipients, too, which are identities that it has verified,
// whichever those are. A mail with files is sent whole, for which SES asks for another permission.
func (g grants) mails(p Props, set awsses.ConfigurationSet, actions ...string) awsiam.PolicyStatement {
	arn := func(kind, name string) *string {
		return jsii.String(fmt.Sprintf("arn:%s:ses:%s:%s:%s/%s", *g.stack.Partition(), *g.stack.Region(), *g.stack.Account(), kind, name))
	}
	arns := []*string{arn("identity", p.MailIdentity)}
	for _, set := range []string{*set.ConfigurationSetName(), p.MailConfigurationSet} {
		if set != "" {
			arns = append(arns, arn("configuration-set", set))
		}
	}
	if p.MailSandbox {
		arns = append(arns, arn("identity", "*"))
	}
	return golambda.AllowIf(map[string]interface{}{
		"StringEquals": map[string]interface{}{"ses:FromAddress": p.MailFrom},
	}, arns, actions...)
}
