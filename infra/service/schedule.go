package service

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/golambda"
)

const (
	// tickSeconds is how long a tick is worth delivering; later ones have caught up by then.
	tickSeconds = 300
	tickRetries = 2
)

// newSchedule has the dispatcher called every minute. EventBridge hands a tick to Lambda, which calls the function in its own time:
// what fails before or after that ends in the same dead-letter queue.
func newSchedule(scope awscdk.Stack, dispatcher golambda.Function, dead named) {
	here := constructs.NewConstruct(scope, jsii.String("schedule"))
	group := fmt.Sprintf("arn:%s:scheduler:%s:%s:schedule-group/default", *scope.Partition(), *scope.Region(), *scope.Account())
	role := awsiam.NewRole(here, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("scheduler.amazonaws.com"), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]interface{}{"StringEquals": map[string]interface{}{"aws:SourceAccount": scope.Account(), "aws:SourceArn": group}},
		}),
	})
	role.AddToPolicy(golambda.Allow([]*string{dispatcher.Alias.FunctionArn()}, "lambda:InvokeFunction"))
	role.AddToPolicy(golambda.Allow([]*string{dead.queue.QueueArn()}, "sqs:SendMessage"))

	schedule := awsscheduler.NewCfnSchedule(here, jsii.String("EveryMinute"), &awsscheduler.CfnScheduleProps{
		Description:        jsii.String("Wakes the dispatcher."),
		ScheduleExpression: jsii.String("cron(* * * * ? *)"),
		FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{Mode: jsii.String("OFF")},
		State:              jsii.String("ENABLED"),
		Target: &awsscheduler.CfnSchedule_TargetProperty{
			Arn: dispatcher.Alias.FunctionArn(), RoleArn: role.RoleArn(),
			Input:            jsii.String(`{"scheduled_time":"<aws.scheduler.scheduled-time>"}`),
			DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: dead.queue.QueueArn()},
			RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
				MaximumEventAgeInSeconds: jsii.Number(tickSeconds), MaximumRetryAttempts: jsii.Number(tickRetries),
			},
		},
	})
	schedule.Node().AddDependency(role) // its policy too: the role is tried when the schedule is made

	failures := awslambda.NewCfnEventInvokeConfig(here, jsii.String("Failures"), &awslambda.CfnEventInvokeConfigProps{
		FunctionName: dispatcher.Function.FunctionName(), Qualifier: dispatcher.Alias.AliasName(),
		MaximumEventAgeInSeconds: jsii.Number(tickSeconds), MaximumRetryAttempts: jsii.Number(tickRetries),
		DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
			OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: dead.queue.QueueArn()},
		},
	})
	// It names the alias and does not refer to it, so that CloudFormation would not wait.
	failures.AddDependency(dispatcher.Alias.Node().DefaultChild().(awslambda.CfnAlias))
}
