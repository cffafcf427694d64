// Package outside is the stack of the probe from outside: AWS asks the API from other regions whether users can be served, and tells when they cannot.
//
// It is in us-east-1, wherever the stage is: Route 53 tells of its health checks there alone, and an alarm and its topic have to be where the metric is.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-health-checks.html
// So it tells also when all of the stage's own region is gone, and it refers to nothing there.
package outside

import (
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"adminassistant/infra/checked"
)

const (
	// Region is where the stack has to be.
	Region = "us-east-1"
	// Alarm is the alarm's name without the stage, and that of its page in docs/runbooks.
	Alarm = "outside-probe"
	// Path is what is asked for: the API answers 200 if it reaches its table.
	Path = "/readyz"
	// every is how often each checker asks, and failures after how many bad answers in a row it holds the API for out of reach.
	every    = 30 * time.Second
	failures = 3
	// silent is for how many minutes the API is out of reach until the alarm rings.
	silent = 3
)

// From are the regions that ask; three is the least there may be. Each has about two checkers, so that the API is asked six times in every.
var From = []string{"us-east-1", "eu-west-1", "ap-southeast-1"}

// Props decide what the stack is like.
type Props struct {
	// Stack has the name and the account, and Region.
	Stack awscdk.StackProps
	// Stage is dev, staging or prod.
	Stage string
	// URL is the https address, without a path, at which people reach the API.
	URL string
	// AlarmEmail is who is told.
	AlarmEmail string
}

// New makes the stack. A URL that is no address is a defect of the caller.
func New(scope constructs.Construct, id string, p Props) awscdk.Stack {
	stack := awscdk.NewStack(scope, &id, &p.Stack)
	at, err := url.Parse(p.URL)
	if err != nil || at.Hostname() == "" {
		panic(fmt.Sprintf("outside: %q is no address", p.URL))
	}
	port := 443.0
	if at.Port() != "" {
		_, _ = fmt.Sscan(at.Port(), &port)
	}
	check := awsroute53.NewCfnHealthCheck(stack, jsii.String("Check"), &awsroute53.CfnHealthCheckProps{
		HealthCheckConfig: &awsroute53.CfnHealthCheck_HealthCheckConfigProperty{
			Type: jsii.String("HTTPS"), FullyQualifiedDomainName: jsii.String(at.Hostname()), Port: &port, ResourcePath: jsii.String(Path),
			EnableSni: jsii.Bool(true), RequestInterval: jsii.Number(every.Seconds()), FailureThreshold: jsii.Number(failures), Regions: jsii.Strings(From...),
		},
		HealthCheckTags: &[]*awsroute53.CfnHealthCheck_HealthCheckTagProperty{{Key: jsii.String("Name"), Value: jsii.String("admin-assistant-" + p.Stage)}},
	})
	topic := newTopic(stack, p.AlarmEmail)
	alarm := awscloudwatch.NewAlarm(stack, jsii.String(Alarm), &awscloudwatch.AlarmProps{
		AlarmName:        jsii.String(p.Stage + "-" + Alarm),
		AlarmDescription: jsii.String("From outside the API does not answer. What to do: docs/runbooks/" + Alarm + ".md"),
		Metric: awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/Route53"), MetricName: jsii.String("HealthCheckStatus"), Statistic: jsii.String("Minimum"),
			Period: awscdk.Duration_Minutes(jsii.Number(1)), DimensionsMap: &map[string]*string{"HealthCheckId": check.AttrHealthCheckId()},
		}),
		Threshold: jsii.Number(1), ComparisonOperator: awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD,
		EvaluationPeriods: jsii.Number(silent), DatapointsToAlarm: jsii.Number(silent),
		TreatMissingData: awscloudwatch.TreatMissingData_BREACHING, // nobody looks
	})
	action := awscloudwatchactions.NewSnsAction(topic)
	alarm.AddAlarmAction(action)
	alarm.AddOkAction(action)

	output := func(id, what string, value *string) {
		awscdk.NewCfnOutput(stack, &id, &awscdk.CfnOutputProps{Value: value, Description: &what})
	}
	output("HealthCheck", "id of the health check", check.AttrHealthCheckId())
	output("AlarmTopic", "where the alarm is told", topic.TopicArn())
	return stack
}

// newTopic makes the topic of the alarm. It has no key of its own, which would cost more than all else here: a message has the alarm's name and state.
func newTopic(stack awscdk.Stack, email string) awssns.Topic {
	topic := awssns.NewTopic(stack, jsii.String("Topic"), &awssns.TopicProps{
		DisplayName: jsii.String("Admin Assistant from outside"), EnforceSSL: jsii.Bool(true),
	})
	topic.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("sns:Publish"), Resources: &[]*string{topic.TopicArn()},
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)},
		Conditions: &map[string]any{
			"StringEquals": map[string]any{"aws:SourceAccount": stack.Account()},
			"ArnLike": map[string]any{
				"aws:SourceArn": fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:*", *stack.Partition(), *stack.Region(), *stack.Account()),
			},
		},
	}))
	topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&email, nil))
	const why = "A message says that an alarm of this name rings, or is over, and goes on as an e-mail; a key for it would cost a dollar a month."
	cdknag.NagSuppressions_AddResourceSuppressions(topic, &[]*cdknag.NagPackSuppression{{Id: jsii.String("AwsSolutions-SNS2"), Reason: jsii.String(why)}}, nil)
	checked.Not(topic, map[string]string{"CKV_AWS_26": why})
	return topic
}
