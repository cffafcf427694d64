package data

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsdynamodb"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Index is the name of the table's one index.
const Index = "gsi1"

func newTable(scope constructs.Construct, key awskms.Key, removal awscdk.RemovalPolicy) awsdynamodb.TableV2 {
	return awsdynamodb.NewTableV2(scope, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		PartitionKey: text("pk"),
		SortKey:      text("sk"),
		GlobalSecondaryIndexes: &[]*awsdynamodb.GlobalSecondaryIndexPropsV2{{
			IndexName: jsii.String(Index), PartitionKey: text("gsi1pk"), SortKey: text("gsi1sk"), ProjectionType: awsdynamodb.ProjectionType_ALL,
		}},
		TimeToLiveAttribute:              jsii.String("ttl"),
		Billing:                          awsdynamodb.Billing_OnDemand(nil),
		Encryption:                       awsdynamodb.TableEncryptionV2_CustomerManagedKey(key, nil),
		PointInTimeRecoverySpecification: &awsdynamodb.PointInTimeRecoverySpecification{PointInTimeRecoveryEnabled: jsii.Bool(true)},
		DeletionProtection:               jsii.Bool(removal != awscdk.RemovalPolicy_DESTROY),
		RemovalPolicy:                    removal,
	})
}

func text(name string) *awsdynamodb.Attribute {
	return &awsdynamodb.Attribute{Name: &name, Type: awsdynamodb.AttributeType_STRING}
}
