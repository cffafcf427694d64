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

// What a new table on demand takes, in units a second. It takes more as it is used more, twice as much within half an hour at best.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
const (
	NewReads  = 12000
	NewWrites = 4000
)

// warm is what table and index take from the beginning; nil: what a new table does. An index that takes less than its table pushes back on it.
func (p Props) warm() *awsdynamodb.WarmThroughput {
	if p.WarmReads == 0 && p.WarmWrites == 0 {
		return nil
	}
	return &awsdynamodb.WarmThroughput{
		ReadUnitsPerSecond: jsii.Number(max(p.WarmReads, NewReads)), WriteUnitsPerSecond: jsii.Number(max(p.WarmWrites, NewWrites)),
	}
}

func newTable(scope constructs.Construct, key awskms.Key, removal awscdk.RemovalPolicy, warm *awsdynamodb.WarmThroughput) awsdynamodb.TableV2 {
	return awsdynamodb.NewTableV2(scope, jsii.String("Table"), &awsdynamodb.TablePropsV2{
		PartitionKey: text("pk"),
		SortKey:      text("sk"),
		GlobalSecondaryIndexes: &[]*awsdynamodb.GlobalSecondaryIndexPropsV2{{
			IndexName: jsii.String(Index), PartitionKey: text("gsi1pk"), SortKey: text("gsi1sk"), ProjectionType: awsdynamodb.ProjectionType_ALL,
			WarmThroughput: warm,
		}},
		WarmThroughput:                   warm,
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
