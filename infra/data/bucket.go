package data

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/checked"
)

const (
	// undeleteDays is how long what was deleted or replaced can still be brought back.
	undeleteDays = 90
	// uploadDays is how long files that users uploaded stay, which are good for a day, and the parts of an upload that nobody completed.
	uploadDays = 2
	// accessLogDays is how long it is known who read what. The log has object keys, which are ids.
	accessLogDays = 90
	// signatureAge is how old the signature of an address may be at which an object is fetched.
	signatureAge = 5 * time.Minute
)

// newBucket makes the bucket, and the one that its access log goes to. Objects are encrypted with the stack's key; the bucket has a
// data key of its own for a while, so that KMS is not asked, and paid, for each object.
func newBucket(scope constructs.Construct, key awskms.Key, removal awscdk.RemovalPolicy) awss3.Bucket {
	log := awss3.NewBucket(scope, jsii.String("BucketLog"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_S3_MANAGED, // the service that writes the log knows no other
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		LifecycleRules:    &[]*awss3.LifecycleRule{{Id: jsii.String("forget"), Expiration: days(accessLogDays)}},
		RemovalPolicy:     removal,
	})
	checked.Not(log, map[string]string{
		"CKV_AWS_18": "it is the log itself", "CKV_AWS_21": "lines of a log are written once and forgotten after a while",
	})
	bucket := awss3.NewBucket(scope, jsii.String("Bucket"), &awss3.BucketProps{
		Encryption:        awss3.BucketEncryption_KMS,
		EncryptionKey:     key,
		BucketKeyEnabled:  jsii.Bool(true),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(),
		ObjectOwnership:   awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		EnforceSSL:        jsii.Bool(true),
		MinimumTLSVersion: jsii.Number(1.2),
		Versioned:         jsii.Bool(true),
		LifecycleRules: &[]*awss3.LifecycleRule{{
			Id:                                  jsii.String("tidy"),
			NoncurrentVersionExpiration:         days(undeleteDays),
			ExpiredObjectDeleteMarker:           jsii.Bool(true),
			AbortIncompleteMultipartUploadAfter: days(uploadDays),
		}, {
			Id: jsii.String("forget-uploads"), Prefix: jsii.String("uploads/"), Expiration: days(uploadDays), NoncurrentVersionExpiration: days(uploadDays),
		}},
		ServerAccessLogsBucket: log,
		RemovalPolicy:          removal,
	})
	// An address that was signed for somebody is good for minutes, whatever it says itself.
	bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Sid: jsii.String("OldSignatures"), Effect: awsiam.Effect_DENY, Principals: &[]awsiam.IPrincipal{awsiam.NewAnyPrincipal()},
		Actions: jsii.Strings("s3:*"), Resources: &[]*string{bucket.ArnForObjects(jsii.String("*"))},
		Conditions: &map[string]any{
			"StringEquals":       map[string]any{"s3:authType": "REST-QUERY-STRING"},
			"NumericGreaterThan": map[string]any{"s3:signatureAge": signatureAge.Milliseconds()},
		},
	}))
	for _, b := range []awss3.Bucket{log, bucket} {
		b.Policy().ApplyRemovalPolicy(removal) // a bucket that stays is not to be open to plain HTTP
	}
	return bucket
}

func days(n float64) awscdk.Duration { return awscdk.Duration_Days(&n) }
