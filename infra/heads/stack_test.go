package heads

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

var synth = sync.OnceValues(func() (infratest.Template, error) {
	out, err := os.MkdirTemp("", "heads-stack-*")
	if err != nil {
		return infratest.Template{}, err
	}
	defer os.RemoveAll(out)
	app, err := infratest.NewApp("../..", out)
	if err != nil {
		return infratest.Template{}, err
	}
	return infratest.Read(New(app, "heads", Props{Stack: infratest.Stack("heads")}).Stack)
})

// buckets returns the template, the id of the bucket of heads, and that of its access log.
func buckets(t *testing.T) (template infratest.Template, main, log string) {
	t.Helper()
	infratest.NeedNode(t)
	template, err := synth()
	if err != nil {
		t.Fatal(err)
	}
	for id, b := range template.Of(t, "AWS::S3::Bucket") {
		if target := infratest.At(b.Properties, "LoggingConfiguration", "DestinationBucketName", "Ref"); target != nil {
			main, log = id, target.(string)
		}
	}
	if main == "" || len(template.Of(t, "AWS::S3::Bucket")) != 2 {
		t.Fatalf("there is no bucket with a log: %v", template.Of(t, "AWS::S3::Bucket"))
	}
	return template, main, log
}

func want(t *testing.T, r infratest.Resource, value any, path ...any) {
	t.Helper()
	if diff := cmp.Diff(value, infratest.At(r.Properties, path...)); diff != "" {
		t.Errorf("%v of %s: %s", path, r.Type, diff)
	}
}

func TestWhatIsPutIsLockedForTenYears(t *testing.T) {
	template, main, _ := buckets(t)
	bucket := template.Resources[main]
	want(t, bucket, true, "ObjectLockEnabled")
	want(t, bucket, "Enabled", "ObjectLockConfiguration", "ObjectLockEnabled")
	want(t, bucket, map[string]any{"Mode": "COMPLIANCE", "Days": 3653.0}, "ObjectLockConfiguration", "Rule", "DefaultRetention")
	want(t, bucket, "Enabled", "VersioningConfiguration", "Status")
	want(t, bucket, nil, "LifecycleConfiguration")
}

func TestBucketsArePrivateAndStay(t *testing.T) {
	template, _, log := buckets(t)
	for _, b := range template.Of(t, "AWS::S3::Bucket") {
		want(t, b, map[string]any{"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true},
			"PublicAccessBlockConfiguration")
		want(t, b, "BucketOwnerEnforced", "OwnershipControls", "Rules", 0, "ObjectOwnership")
		want(t, b, "AES256", "BucketEncryption", "ServerSideEncryptionConfiguration", 0, "ServerSideEncryptionByDefault", "SSEAlgorithm")
		want(t, b, nil, "BucketName")
	}
	for id, r := range template.Resources {
		if r.DeletionPolicy != "Retain" || r.UpdateReplacePolicy != "Retain" {
			t.Errorf("%s goes with its stack", id)
		}
	}
	want(t, template.Resources[log], 365.0, "LifecycleConfiguration", "Rules", 0, "ExpirationInDays")
}

// refused are the statements of a bucket's policy that refuse something, each as "<actions> if <condition>". None allows anything but the
// service that writes the access log.
func refused(t *testing.T, template infratest.Template, bucket string) (list []string) {
	t.Helper()
	for _, policy := range template.Of(t, "AWS::S3::BucketPolicy") {
		if infratest.At(policy.Properties, "Bucket", "Ref") != bucket {
			continue
		}
		for _, s := range infratest.At(policy.Properties, "PolicyDocument", "Statement").([]any) {
			if infratest.At(s, "Effect") == "Allow" {
				if infratest.At(s, "Principal", "Service") != "logging.s3.amazonaws.com" {
					t.Errorf("%s is allowed", infratest.Text(s))
				}
				continue
			}
			if infratest.At(s, "Principal", "AWS") != "*" || !strings.Contains(infratest.Text(infratest.At(s, "Resource")), `"/*"]]}`) {
				t.Errorf("%s does not hold for everybody and every object", infratest.Text(s))
			}
			text := strings.Join(infratest.Strings(infratest.At(s, "Action")), " ")
			if condition := infratest.At(s, "Condition"); condition != nil {
				text += " if " + infratest.Text(condition)
			}
			list = append(list, text)
		}
	}
	slices.Sort(list)
	return list
}

func TestNobodyReplacesHidesOrRemovesAHead(t *testing.T) {
	template, main, log := buckets(t)
	plain := []string{`s3:* if {"Bool":{"aws:SecureTransport":"false"}}`, `s3:* if {"NumericLessThan":{"s3:TlsVersion":1.2}}`}
	all := append(plain, "s3:BypassGovernanceRetention s3:DeleteObject s3:DeleteObjectVersion s3:PutObjectRetention",
		`s3:PutObject if {"Bool":{"s3:ObjectCreationOperation":"true"},"Null":{"s3:if-none-match":"true"}}`)
	if diff := cmp.Diff(all, refused(t, template, main)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(plain, refused(t, template, log)); diff != "" {
		t.Error(diff)
	}
}

func TestItDependsOnNothing(t *testing.T) {
	template, _, _ := buckets(t)
	if text := infratest.Text(template.Resources); strings.Contains(text, "Fn::ImportValue") || strings.Contains(text, "KMSMasterKeyID") {
		t.Errorf("it needs another stack, or a key: %s", text)
	}
}

func TestTheBucketIsTold(t *testing.T) {
	template, main, _ := buckets(t)
	if diff := cmp.Diff(map[string]any{"Ref": main}, template.Outputs["HeadBucketName"].Value); diff != "" {
		t.Error(diff)
	}
}
