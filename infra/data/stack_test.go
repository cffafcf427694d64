package data

import (
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// synth makes the stack once for all tests, by whether it may be destroyed.
func synth(t *testing.T, destroy bool) infratest.Template {
	t.Helper()
	infratest.NeedNode(t)
	made, err := once[destroy]()
	if err != nil {
		t.Fatal(err)
	}
	return made
}

var (
	once = map[bool]func() (infratest.Template, error){true: maker(Props{Destroy: true}), false: maker(Props{})}
	warm = maker(Props{WarmWrites: 30000})
)

func maker(p Props) func() (infratest.Template, error) {
	return sync.OnceValues(func() (infratest.Template, error) {
		out, err := os.MkdirTemp("", "data-stack-*")
		if err != nil {
			return infratest.Template{}, err
		}
		defer os.RemoveAll(out)
		p.Stack = infratest.Stack("data")
		app, err := infratest.NewApp("../..", out)
		if err != nil {
			return infratest.Template{}, err
		}
		return infratest.Read(New(app, "data", p).Stack)
	})
}

// one returns the only resource of a type.
func one(t *testing.T, template infratest.Template, kind string) infratest.Resource {
	t.Helper()
	found := template.Of(t, kind)
	if len(found) != 1 {
		t.Fatalf("%d resources are of type %s", len(found), kind)
	}
	for _, r := range found {
		return r
	}
	panic("unreachable")
}

func want(t *testing.T, r infratest.Resource, value any, path ...any) {
	t.Helper()
	if diff := cmp.Diff(value, infratest.At(r.Properties, path...)); diff != "" {
		t.Errorf("%v of %s: %s", path, r.Type, diff)
	}
}

func TestTable(t *testing.T) {
	table := one(t, synth(t, false), "AWS::DynamoDB::GlobalTable")
	replica := func(path ...any) []any { return append([]any{"Replicas", 0}, path...) }

	t.Run("it is paid by request and keyed by pk and sk", func(t *testing.T) {
		want(t, table, "PAY_PER_REQUEST", "BillingMode")
		want(t, table, []any{map[string]any{"AttributeName": "pk", "KeyType": "HASH"}, map[string]any{"AttributeName": "sk", "KeyType": "RANGE"}}, "KeySchema")
		for _, attribute := range table.Properties["AttributeDefinitions"].([]any) {
			if infratest.At(attribute, "AttributeType") != "S" {
				t.Errorf("%v is no string", attribute)
			}
		}
	})
	t.Run("its one index has all attributes", func(t *testing.T) {
		want(t, table, []any{map[string]any{
			"IndexName":  "gsi1",
			"KeySchema":  []any{map[string]any{"AttributeName": "gsi1pk", "KeyType": "HASH"}, map[string]any{"AttributeName": "gsi1sk", "KeyType": "RANGE"}},
			"Projection": map[string]any{"ProjectionType": "ALL"},
		}}, "GlobalSecondaryIndexes")
	})
	t.Run("it takes from the beginning what is said, and its index with it", func(t *testing.T) {
		want(t, table, nil, "WarmThroughput")
		made, err := warm()
		if err != nil {
			t.Fatal(err)
		}
		units := map[string]any{"ReadUnitsPerSecond": 12000.0, "WriteUnitsPerSecond": 30000.0}
		want(t, one(t, made, "AWS::DynamoDB::GlobalTable"), units, "WarmThroughput")
		want(t, one(t, made, "AWS::DynamoDB::GlobalTable"), units, "GlobalSecondaryIndexes", 0, "WarmThroughput")
	})
	t.Run("items expire by ttl", func(t *testing.T) {
		want(t, table, map[string]any{"AttributeName": "ttl", "Enabled": true}, "TimeToLiveSpecification")
	})
	t.Run("it can be brought back to any second", func(t *testing.T) {
		want(t, table, true, replica("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled")...)
	})
	t.Run("it is encrypted with a key of ours", func(t *testing.T) {
		want(t, table, "KMS", "SSESpecification", "SSEType")
		want(t, table, true, "SSESpecification", "SSEEnabled")
		key := keyFor(t, synth(t, false), "table and bucket")
		if id := infratest.At(table.Properties, replica("SSESpecification", "KMSMasterKeyId", "Fn::GetAtt", 0)...); id != key {
			t.Errorf("it is encrypted with %v", id)
		}
	})
	t.Run("it can be neither deleted nor lost with the stack", func(t *testing.T) {
		want(t, table, true, replica("DeletionProtectionEnabled")...)
		stays(t, table)
	})
	t.Run("its name is CloudFormation's", func(t *testing.T) { want(t, table, nil, "TableName") })
}

// keyFor returns the logical id of the key whose description says what it is for.
func keyFor(t *testing.T, template infratest.Template, what string) string {
	t.Helper()
	for id, key := range template.Of(t, "AWS::KMS::Key") {
		if strings.Contains(key.Properties["Description"].(string), what) {
			return id
		}
	}
	t.Fatalf("no key is for %s", what)
	return ""
}

func stays(t *testing.T, r infratest.Resource) {
	t.Helper()
	if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
		t.Errorf("%s goes with its stack: %q, %q", r.Type, r.DeletionPolicy, r.UpdateReplacePolicy)
	}
}

func TestKeys(t *testing.T) {
	template := synth(t, false)
	keys := template.Of(t, "AWS::KMS::Key")
	t.Run("tokens have a key that nothing else is encrypted with", func(t *testing.T) {
		tokens := keyFor(t, template, "tokens")
		if len(keys) != 2 || tokens == keyFor(t, template, "table and bucket") {
			t.Fatalf("%d keys", len(keys))
		}
		for id, r := range template.Resources {
			if strings.Contains(infratest.Text(r.Properties), tokens) {
				t.Errorf("%s uses it", id)
			}
		}
	})
	t.Run("they are rotated, stay, and can be brought back for a month", func(t *testing.T) {
		for _, key := range keys {
			want(t, key, true, "EnableKeyRotation")
			want(t, key, float64(30), "PendingWindowInDays")
			stays(t, key)
		}
	})
}

func TestBuckets(t *testing.T) {
	template := synth(t, false)
	buckets := template.Of(t, "AWS::S3::Bucket")
	var main, log string
	for id, b := range buckets {
		if target := infratest.At(b.Properties, "LoggingConfiguration", "DestinationBucketName", "Ref"); target != nil {
			main, log = id, target.(string)
		}
	}
	if len(buckets) != 2 || log == "" {
		t.Fatalf("%d buckets, the log goes to %q", len(buckets), log)
	}
	t.Run("all are private, and stay", func(t *testing.T) {
		for _, b := range buckets {
			want(t, b, map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
				"PublicAccessBlockConfiguration")
			want(t, b, "BucketOwnerEnforced", "OwnershipControls", "Rules", 0, "ObjectOwnership")
			want(t, b, nil, "BucketName")
			stays(t, b)
		}
	})
	t.Run("all refuse plain HTTP and old TLS, and go on doing so without the stack", func(t *testing.T) {
		refusing := 0
		for _, policy := range template.Of(t, "AWS::S3::BucketPolicy") {
			stays(t, policy)
			for _, s := range infratest.At(policy.Properties, "PolicyDocument", "Statement").([]any) {
				condition := infratest.Text(infratest.At(s, "Condition"))
				if infratest.At(s, "Effect") == "Deny" && infratest.At(s, "Action") == "s3:*" && infratest.At(s, "Principal", "AWS") == "*" &&
					slices.Contains([]string{`{"Bool":{"aws:SecureTransport":"false"}}`, `{"NumericLessThan":{"s3:TlsVersion":1.2}}`}, condition) &&
					len(infratest.At(s, "Resource").([]any)) == 2 {
					refusing++
				}
			}
		}
		if refusing != 4 {
			t.Errorf("%d statements refuse, not 2 for each bucket", refusing)
		}
	})
	t.Run("an address that was signed more than five minutes ago opens nothing", func(t *testing.T) {
		refused := false
		for _, policy := range template.Of(t, "AWS::S3::BucketPolicy") {
			if infratest.At(policy.Properties, "Bucket", "Ref") != main {
				continue
			}
			for _, s := range infratest.At(policy.Properties, "PolicyDocument", "Statement").([]any) {
				refused = refused || infratest.At(s, "Effect") == "Deny" && infratest.At(s, "Action") == "s3:*" && infratest.At(s, "Principal", "AWS") == "*" &&
					strings.HasSuffix(infratest.Text(infratest.At(s, "Resource")), `"/*"]]}`) &&
					infratest.Text(infratest.At(s, "Condition")) == `{"NumericGreaterThan":{"s3:signatureAge":300000},"StringEquals":{"s3:authType":"REST-QUERY-STRING"}}`
			}
		}
		if !refused {
			t.Error("nothing refuses it")
		}
	})
	t.Run("objects are encrypted with a key of ours, which KMS is not asked for each time", func(t *testing.T) {
		rule := []any{"BucketEncryption", "ServerSideEncryptionConfiguration", 0}
		want(t, buckets[main], true, append(rule, "BucketKeyEnabled")...)
		want(t, buckets[main], "aws:kms", append(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm")...)
		want(t, buckets[main], keyFor(t, template, "table and bucket"), append(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID", "Fn::GetAtt", 0)...)
		want(t, buckets[log], "AES256", append(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm")...)
	})
	t.Run("what was replaced or deleted is kept for a while, and no more", func(t *testing.T) {
		want(t, buckets[main], "Enabled", "VersioningConfiguration", "Status")
		want(t, buckets[main], map[string]any{
			"Id": "tidy", "Status": "Enabled", "NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 90.0}, "ExpiredObjectDeleteMarker": true,
			"AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": 2.0},
		}, "LifecycleConfiguration", "Rules", 0)
		want(t, buckets[main], map[string]any{
			"Id": "forget-uploads", "Status": "Enabled", "Prefix": "uploads/", "ExpirationInDays": 2.0,
			"NoncurrentVersionExpiration": map[string]any{"NoncurrentDays": 2.0},
		}, "LifecycleConfiguration", "Rules", 1)
		want(t, buckets[log], 90.0, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")
	})
}

func TestDestroyable(t *testing.T) {
	template := synth(t, true)
	for id, r := range template.Resources {
		if r.DeletionPolicy == "Retain" {
			t.Errorf("%s stays", id)
		}
	}
	want(t, one(t, template, "AWS::DynamoDB::GlobalTable"), false, "Replicas", 0, "DeletionProtectionEnabled")
}

func TestOutputs(t *testing.T) {
	outputs := synth(t, false).Outputs
	for _, name := range []string{"TableName", "BucketName"} {
		if outputs[name].Value == nil {
			t.Errorf("%s is not told", name)
		}
	}
}

func TestCopiesInAnotherAccount(t *testing.T) {
	infratest.NeedNode(t)
	const vault = "arn:aws:backup:eu-west-1:444455556666:backup-vault:copies"
	app, err := infratest.NewApp("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	template, err := infratest.Read(New(app, "data", Props{Stack: infratest.Stack("data"), CopyVault: vault}).Stack)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("table and bucket are copied there every day, and stay for longer than here", func(t *testing.T) {
		rule := func(path ...any) any {
			return infratest.At(one(t, template, "AWS::Backup::BackupPlan").Properties, append([]any{"BackupPlan", "BackupPlanRule", 0}, path...)...)
		}
		got := []any{rule("ScheduleExpression"), rule("Lifecycle", "DeleteAfterDays"), rule("CopyActions", 0, "DestinationBackupVaultArn"),
			rule("CopyActions", 0, "Lifecycle", "DeleteAfterDays")}
		if diff := cmp.Diff([]any{"cron(0 3 * * ? *)", 7.0, vault, 35.0}, got); diff != "" {
			t.Error(diff)
		}
		selected := infratest.Text(infratest.At(one(t, template, "AWS::Backup::BackupSelection").Properties, "BackupSelection", "Resources"))
		for kind := range map[string]bool{"AWS::DynamoDB::GlobalTable": true, "AWS::S3::Bucket": true} {
			found := false
			for id := range template.Of(t, kind) {
				found = found || strings.Contains(selected, id+"\"")
			}
			if !found {
				t.Errorf("no %s is among %s", kind, selected)
			}
		}
	})
	t.Run("what waits for it stays, under a key of ours", func(t *testing.T) {
		v := one(t, template, "AWS::Backup::BackupVault")
		stays(t, v)
		if key := keyFor(t, template, "on their way"); infratest.At(v.Properties, "EncryptionKeyArn", "Fn::GetAtt", 0) != key {
			t.Errorf("it is encrypted with %v", v.Properties)
		}
	})
	t.Run("without another account there is none of it", func(t *testing.T) {
		for id, r := range synth(t, false).Resources {
			if strings.HasPrefix(r.Type, "AWS::Backup") {
				t.Errorf("%s is %s", id, r.Type)
			}
		}
	})
}
