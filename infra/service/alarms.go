package service

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbudgets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awseventstargets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/data"
	"adminassistant/infra/golambda"
	"adminassistant/infra/outside"
	"adminassistant/shared/telemetry"
)

const (
	archiveDeadLetters  = "archive-dead-letters"
	backupDeadLetters   = "backup-dead-letters"
	notifyDeadLetters   = "notify-dead-letters"
	scheduleDeadLetters = "schedule-dead-letters"
	apiErrors           = "api-errors"
	apiLatency          = "api-latency"
	functionErrors      = "function-errors"
	userErrors          = "user-errors"
	functionThrottles   = "function-throttles"
	tableThrottles      = "table-throttles"
	oldMessages         = "old-messages"
	failedRuns          = "failed-runs"
	lateJobs            = "late-jobs"
	signInFailures      = "sign-in-failures"
	dispatcherSilent    = "dispatcher-silent"
	lostAuditRecords    = "lost-audit-records"
	unkeptHeads         = "unkept-heads"
	droppedMessages     = "dropped-messages"
	setupFaults         = "setup-faults"
	stuckJobs           = "stuck-jobs"
	gatewayThrottles    = "gateway-throttles"
	bouncedMail         = "bounced-mail"
	secretExpiry        = "secret-expiry"
	canary              = "canary"
	budget              = "budget"
	keyDeletion         = "key-deletion"
)

// AlarmNames returns the names of all alarms but those of canaries, without the stage: an alarm is called <stage>-<name> in CloudWatch.
func AlarmNames() []string {
	var list []string
	for _, name := range []string{
		archiveDeadLetters, backupDeadLetters, notifyDeadLetters, scheduleDeadLetters, apiErrors, apiLatency, functionErrors, userErrors, functionThrottles,
		tableThrottles, oldMessages, failedRuns, lateJobs, stuckJobs, signInFailures, dispatcherSilent, lostAuditRecords, unkeptHeads, gatewayThrottles,
		bouncedMail, secretExpiry, droppedMessages, setupFaults,
	} {
		switch name {
		case functionErrors:
			for _, function := range names {
				list = append(list, of(name, function))
			}
		case secretExpiry:
			for _, days := range secretDays {
				list = append(list, of(name, strconv.Itoa(days)))
			}
		default:
			list = append(list, name)
		}
	}
	return list
}

// Pages returns what there are pages about in docs/runbooks, one each, named so: every alarm, that of the probe from outside, and what is told without one.
func Pages() []string {
	pages := []string{canary, budget, keyDeletion, outside.Alarm}
	for _, name := range AlarmNames() {
		if page := page(name); !slices.Contains(pages, page) {
			pages = append(pages, page)
		}
	}
	return pages
}

// of names an alarm that there are several of.
func of(name, what string) string { return name + "-" + what }

// page is the page about an alarm. Those of which there are several share one.
func page(name string) string {
	for _, shared := range []string{functionErrors, secretExpiry, canary} {
		if strings.HasPrefix(name, shared+"-") {
			return shared
		}
	}
	return name
}

// secretDays are how many days before an application's secret ends an alarm rings.
var secretDays = []int{30, 7, 1}

const (
	// functionErrorPercent of a function's calls in a minute, and userErrorPercent of the requests of signed-in users, are too much; for a version
	// on its canary, canaryErrorPercent of its own calls.
	functionErrorPercent = 5
	userErrorPercent     = 5
	canaryErrorPercent   = 10
	// brokenRunPercent of the runs of a quarter of an hour, and at least brokenRuns, fail for no fault of their users.
	brokenRunPercent = 5
	brokenRuns       = 3
	// jobWait is for how long a job may have been due that nobody starts.
	jobWait = 15 * time.Minute
	// gatewayThrottleLimit is how many requests in five minutes the gateway may turn away.
	gatewayThrottleLimit = 100
	// bounceShare of the account's e-mails that come back; at twice as many SES stops sending.
	bounceShare = 0.05
	// apiErrorPercent of the requests of a minute, and apiSlow for one in a hundred of them, are too much.
	apiErrorPercent = 1
	apiSlow         = 2 * time.Second
	// tableThrottleLimit is how many requests in five minutes the table may turn away; the functions ask again.
	tableThrottleLimit = 10
	// signInFailureLimit is how many requests may be refused for their sign-in in a quarter of an hour; a few are expired tokens.
	signInFailureLimit = 20
	// workAge and noticeAge are how old a message may get. Work that was interrupted without a word comes again after 16 minutes.
	workAge   = time.Hour
	noticeAge = 15 * time.Minute
)

// alarm is what rings, and when.
type alarm struct {
	name, summary string
	metric        awscloudwatch.IMetric
	// atLeast is the value from which on a period is bad; below turns it around.
	atLeast float64
	below   bool
	// bad of periods make it ring; both 0 is one of one.
	bad, periods float64
	// silence, missing data, is bad.
	silence bool
	// many says that the metric is a percentile, which of few samples says nothing.
	many bool
}

// alarms are by name.
type alarms map[string]awscloudwatch.Alarm

// rollback returns the alarms that tell of a bad version of a function. Somebody who is not signed in cannot make them ring: no request makes a
// function fail, and it is requests of users alone that userErrors counts. With many requests at once anybody raises apiErrors and apiLatency, by
// calls that are turned away and by cold starts.
func (a alarms) rollback(function string) []awscloudwatch.IAlarm {
	list := []awscloudwatch.IAlarm{a[of(canary, function)], a[of(functionErrors, function)]}
	if function == api {
		list = append(list, a[userErrors])
	}
	return list
}

// all returns the alarms in the order of AlarmNames.
func (a alarms) all() []awscloudwatch.IAlarm {
	var list []awscloudwatch.IAlarm
	for _, name := range AlarmNames() {
		list = append(list, a[name])
	}
	return list
}

// newAlarms makes the alarms, and the topic that they are told to.
func newAlarms(scope awscdk.Stack, p Props, q queues, f *functions, gateway awsapigatewayv2.HttpApi) (alarms, awssns.Topic) {
	here := constructs.NewConstruct(scope, jsii.String("alarms"))
	topic := newTopic(here, scope, p.AlarmEmail)
	action := awscloudwatchactions.NewSnsAction(topic)
	made := alarms{}
	for _, a := range describe(p, q, f, gateway) {
		comparison, missing := awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD, awscloudwatch.TreatMissingData_NOT_BREACHING
		if a.below {
			comparison = awscloudwatch.ComparisonOperator_LESS_THAN_THRESHOLD
		}
		if a.silence {
			missing = awscloudwatch.TreatMissingData_BREACHING
		}
		made[a.name] = awscloudwatch.NewAlarm(here, jsii.String(a.name), &awscloudwatch.AlarmProps{
			AlarmName:          jsii.String(p.Stage + "-" + a.name),
			AlarmDescription:   jsii.String(fmt.Sprintf("%s What to do: docs/runbooks/%s.md", a.summary, page(a.name))),
			Metric:             a.metric,
			Threshold:          jsii.Number(a.atLeast),
			ComparisonOperator: comparison,
			DatapointsToAlarm:  jsii.Number(max(a.bad, 1)),
			EvaluationPeriods:  jsii.Number(max(a.periods, 1)),
			TreatMissingData:   missing,

			EvaluateLowSampleCountPercentile: lowSamples(a.many),
		})
		made[a.name].AddAlarmAction(action)
		made[a.name].AddOkAction(action)
	}
	newKeyWatch(here, p.Stage, topic)
	newBudget(here, p, topic)
	return made, topic
}

// lowSamples is CloudWatch's word for what to do with a percentile of few samples.
func lowSamples(ignore bool) *string {
	if ignore {
		return jsii.String("ignore")
	}
	return nil
}

// describe says when which alarm rings.
func describe(p Props, q queues, f *functions, gateway awsapigatewayv2.HttpApi) []alarm {
	var list []alarm
	for _, function := range f.all() {
		list = append(list, alarm{
			name: of(functionErrors, function.Name), metric: errorShare(function), atLeast: functionErrorPercent, bad: 2, periods: 3,
			summary: "Calls of the function " + function.Name + " crash, run out of time or memory, or return an error.",
		})
		if p.Canary > 0 {
			list = append(list, alarm{
				name: of(canary, function.Name), metric: canaryShare(function), atLeast: canaryErrorPercent, bad: 2, periods: 5,
				summary: "The new version of the function " + function.Name + ", which gets a tenth of the calls, fails at them; its deployment goes back.",
			})
		}
	}
	for _, days := range secretDays {
		list = append(list, alarm{
			name: of(secretExpiry, strconv.Itoa(days)), metric: value(p.Stage, telemetry.SecretDays, "Minimum", 24*time.Hour), atLeast: float64(days) + 0.5, below: true,
			summary: fmt.Sprintf("A secret or certificate with which the installation signs in to Microsoft ends in %d days or less.", days),
		})
	}
	return append(list, []alarm{
		{name: archiveDeadLetters, metric: deadAndTaken(q.archive.dead), atLeast: 1,
			summary: "Archive runs were given up, because their messages failed too often or could not be read."},
		{name: backupDeadLetters, metric: deadAndTaken(q.backup.dead), atLeast: 1,
			summary: "Backup or restore runs were given up, because their messages failed too often or could not be read."},
		{name: notifyDeadLetters, metric: visible(q.notify.dead), atLeast: 1,
			summary: "Messages wait that nobody can handle; no function takes them."},
		{name: scheduleDeadLetters, metric: visible(q.scheduleDead), atLeast: 1,
			summary: "Ticks of the schedule did not reach the dispatcher, or it failed at them."},
		{name: apiErrors, metric: apiErrorShare(gateway), atLeast: apiErrorPercent, bad: 3, periods: 5,
			summary: "Requests to the API end with a status of 500 or above."},
		{name: apiLatency, metric: gateway.MetricLatency(&awscloudwatch.MetricOptions{Statistic: jsii.String("p99"), Period: golambda.Seconds(time.Minute)}),
			atLeast: float64(apiSlow.Milliseconds()), bad: 3, periods: 3, many: true, summary: "One request to the API in a hundred takes too long."},
		{name: userErrors, metric: userErrorShare(p.Stage), atLeast: userErrorPercent, bad: 2, periods: 5,
			summary: "Requests of users who are signed in end with a status of 500 or above."},
		{name: functionThrottles, metric: acrossFunctions(f, "Throttles", 5*time.Minute), atLeast: 1, bad: 2, periods: 3,
			summary: "Calls of a function are turned away, because too many run at once."},
		{name: tableThrottles, metric: throttledTable(p), atLeast: tableThrottleLimit, bad: 2, periods: 3,
			summary: "The table turns requests away."},
		{name: oldMessages, metric: worstAge(q), atLeast: 1, bad: 2, periods: 3,
			summary: "Messages wait for longer than they should."},
		{name: failedRuns, metric: brokenShare(p.Stage), atLeast: brokenRunPercent,
			summary: "Runs fail for no fault of their users."},
		{name: lateJobs, metric: value(p.Stage, telemetry.JobWait, "Maximum", 5*time.Minute), atLeast: jobWait.Seconds(), bad: 2, periods: 3,
			summary: "Jobs are due for long and are not started."},
		{name: stuckJobs, metric: business(p.Stage, telemetry.JobsStuck, 15*time.Minute), atLeast: 1,
			summary: "A defect keeps jobs from being started; they are tried again by themselves."},
		{name: gatewayThrottles, metric: turnedAway(p.Stage), atLeast: gatewayThrottleLimit, bad: 2, periods: 3,
			summary: "The gateway turns many requests away, since more come than it lets through."},
		{name: bouncedMail, metric: bounces(), atLeast: bounceShare,
			summary: "Many e-mails of the account come back; SES stops sending when it goes on."},
		{name: signInFailures, metric: business(p.Stage, telemetry.SignInFailures, 15*time.Minute), atLeast: signInFailureLimit,
			summary: "Many sign-ins are refused."},
		{name: dispatcherSilent, metric: dispatched(f), atLeast: 1, below: true, silence: true,
			summary: "The dispatcher did not finish a single tick in five minutes; no job is started."},
		{name: lostAuditRecords, metric: business(p.Stage, telemetry.AuditRecordsLost, 5*time.Minute), atLeast: 1,
			summary: "Something was done, and how it ended is not in the audit log."},
		{name: unkeptHeads, metric: business(p.Stage, telemetry.HeadsUnkept, 5*time.Minute), atLeast: 1,
			summary: "Heads of ledgers could not be kept where nobody can change them."},
		{name: droppedMessages, metric: acrossFunctions(f, "RecursiveInvocationsDropped", 5*time.Minute), atLeast: 1,
			summary: "Lambda took work that was sent on for a loop, and dropped it."},
		{name: setupFaults, metric: business(p.Stage, telemetry.SetupFaults, 5*time.Minute), atLeast: 1,
			summary: "Microsoft does not accept the installation: a credential has ended, or a registration is not as it has to be."},
	}...)
}

// newTopic makes the topic that alarms are sent to, with a key that CloudWatch may use, which it may not of AWS's own.
func newTopic(scope constructs.Construct, stack awscdk.Stack, email string) awssns.Topic {
	key := awskms.NewKey(scope, jsii.String("Key"), &awskms.KeyProps{
		// nothing is kept under it
		Description: jsii.String("Admin Assistant: alarms"), EnableKeyRotation: jsii.Bool(true), RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	topic := awssns.NewTopic(scope, jsii.String("Topic"), &awssns.TopicProps{
		DisplayName: jsii.String("Admin Assistant alarms"), MasterKey: key, EnforceSSL: jsii.Bool(true),
	})
	// Who tells it something, each for things of this account alone. EventBridge is not among them: it takes no conditions in the policy of a topic, and
	// the CDK lets it in where a rule names the topic.
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions
	for _, teller := range []struct{ service, things string }{
		{"cloudwatch", fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:*", *stack.Partition(), *stack.Region(), *stack.Account())},
		{"budgets", fmt.Sprintf("arn:%s:budgets::%s:*", *stack.Partition(), *stack.Account())},
	} {
		tell := func(resource *string, actions ...string) awsiam.PolicyStatement {
			s := golambda.AllowIf(map[string]interface{}{
				"StringEquals": map[string]interface{}{"aws:SourceAccount": stack.Account()},
				"ArnLike":      map[string]interface{}{"aws:SourceArn": teller.things},
			}, []*string{resource}, actions...)
			s.AddServicePrincipal(jsii.String(teller.service+".amazonaws.com"), nil)
			return s
		}
		key.AddToResourcePolicy(tell(jsii.String("*"), "kms:Decrypt", "kms:GenerateDataKey"), nil) // * is the key itself
		topic.AddToResourcePolicy(tell(topic.TopicArn(), "sns:Publish"))
	}
	if email != "" {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(&email, nil))
	}
	return topic
}

// math makes a metric of others; letters stand for them.
func math(expression, label string, period time.Duration, using map[string]awscloudwatch.IMetric) awscloudwatch.MathExpression {
	return awscloudwatch.NewMathExpression(&awscloudwatch.MathExpressionProps{
		Expression: &expression, Label: &label, Period: golambda.Seconds(period), UsingMetrics: &using,
	})
}

func visible(q named) awscloudwatch.Metric {
	return q.queue.MetricApproximateNumberOfMessagesVisible(&awscloudwatch.MetricOptions{
		Statistic: jsii.String("Maximum"), Period: golambda.Seconds(5 * time.Minute), Label: &q.name,
	})
}

// deadAndTaken counts the dead letters of a queue that a function empties at once. They are hardly ever visible, and SQS does not count
// as sent what it moves there by itself; but it counts what the function receives.
func deadAndTaken(q named) awscloudwatch.IMetric {
	return math("FILL(taken, 0) + FILL(waiting, 0)", q.name, 5*time.Minute, map[string]awscloudwatch.IMetric{
		"taken": taken(q), "waiting": visible(q),
	})
}

func taken(q named) awscloudwatch.Metric {
	return q.queue.MetricNumberOfMessagesReceived(&awscloudwatch.MetricOptions{
		Statistic: jsii.String("Sum"), Period: golambda.Seconds(5 * time.Minute), Label: &q.name,
	})
}

func apiErrorShare(gateway awsapigatewayv2.HttpApi) awscloudwatch.IMetric {
	return math("100 * errors / requests", "percent of requests with a status of 5xx", time.Minute, map[string]awscloudwatch.IMetric{
		"errors":   gateway.MetricServerError(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum")}),
		"requests": gateway.MetricCount(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum")}),
	})
}

// userErrorShare leaves out whoever is not signed in.
func userErrorShare(stage string) awscloudwatch.IMetric {
	return math("100 * errors / requests", "percent of users' requests with a status of 5xx", time.Minute, map[string]awscloudwatch.IMetric{
		"errors":   business(stage, telemetry.UserRequestsFailed, time.Minute),
		"requests": business(stage, telemetry.UserRequests, time.Minute),
	})
}

// errorShare is the percentage of a function's calls that failed.
func errorShare(f *golambda.Function) awscloudwatch.IMetric {
	return math("100 * errors / calls", "percent of calls that failed", time.Minute, map[string]awscloudwatch.IMetric{
		"calls": metric(f, "Invocations", "Sum", time.Minute), "errors": metric(f, "Errors", "Sum", time.Minute),
	})
}

// canaryShare is the percentage of the calls of the newest version that failed, while it shares them with the one before: Lambda counts by version for
// an alias that has two.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
func canaryShare(f *golambda.Function) awscloudwatch.IMetric {
	count := func(name string) awscloudwatch.IMetric {
		return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
			Namespace: jsii.String("AWS/Lambda"), MetricName: &name, Statistic: jsii.String("Sum"), Period: golambda.Seconds(time.Minute),
			DimensionsMap: &map[string]*string{
				"FunctionName": f.Function.FunctionName(), "Resource": jsii.String(*f.Function.FunctionName() + ":" + golambda.Alias),
				"ExecutedVersion": f.Function.CurrentVersion().Version(),
			},
		})
	}
	return math("100 * errors / calls", "percent of the new version's calls that failed", time.Minute, map[string]awscloudwatch.IMetric{
		"calls": count("Invocations"), "errors": count("Errors"),
	})
}

// brokenShare is the percentage of runs that failed for no fault of their users; 0 while it is only a few of them.
func brokenShare(stage string) awscloudwatch.IMetric {
	const period = 15 * time.Minute
	return math(fmt.Sprintf("IF(FILL(broken, 0) >= %d, 100 * FILL(broken, 0) / (FILL(succeeded, 0) + FILL(part, 0) + FILL(failed, 0)), 0)", brokenRuns),
		"percent of runs that failed for no fault of their users", period, map[string]awscloudwatch.IMetric{
			"broken": business(stage, telemetry.RunsBroken, period), "succeeded": business(stage, telemetry.RunsSucceeded, period),
			"part": business(stage, telemetry.RunsPartial, period), "failed": business(stage, telemetry.RunsFailed, period),
		})
}

// turnedAway counts what the gateway answered with 429, by its log: its own metrics do not tell that from other refusals.
func turnedAway(stage string) awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(gatewayNamespace(stage)), MetricName: jsii.String(turnedAwayMetric), Statistic: jsii.String("Sum"),
		Period: golambda.Seconds(5 * time.Minute),
	})
}

// bounces is the share of e-mails that came back, of the account: SES acts on that.
func bounces() awscloudwatch.IMetric {
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/SES"), MetricName: jsii.String("Reputation.BounceRate"), Statistic: jsii.String("Maximum"),
		Period: golambda.Seconds(time.Hour),
	})
}

// newKeyWatch tells of keys that somebody is about to delete or has disabled: what they encrypt could no longer be read.
func newKeyWatch(scope constructs.Construct, stage string, topic awssns.Topic) {
	rule := awsevents.NewRule(scope, jsii.String(keyDeletion), &awsevents.RuleProps{
		Description: jsii.String("Admin Assistant: a key is to be deleted or was disabled. What to do: docs/runbooks/" + keyDeletion + ".md"),
		EventPattern: &awsevents.EventPattern{
			Source: jsii.Strings("aws.kms"), DetailType: jsii.Strings("AWS API Call via CloudTrail"),
			Detail: &map[string]any{"eventName": []string{"ScheduleKeyDeletion", "DisableKey"}},
		},
	})
	rule.AddTarget(awseventstargets.NewSnsTopic(topic, &awseventstargets.SnsTopicProps{
		Message: awsevents.RuleTargetInput_FromText(jsii.String("Admin Assistant " + stage + ": " +
			*awsevents.EventField_FromPath(jsii.String("$.detail.eventName")) + " by " +
			*awsevents.EventField_FromPath(jsii.String("$.detail.userIdentity.arn")) + " of " +
			*awsevents.EventField_FromPath(jsii.String("$.detail.requestParameters.keyId")) + ". What to do: docs/runbooks/" + keyDeletion + ".md")),
	}))
}

// newBudget tells when the account spends more in a month than was thought, or is about to.
func newBudget(scope constructs.Construct, p Props, topic awssns.Topic) {
	if p.Budget == 0 {
		return
	}
	notify := func(kind string, percent float64) *awsbudgets.CfnBudget_NotificationWithSubscribersProperty {
		return &awsbudgets.CfnBudget_NotificationWithSubscribersProperty{
			Notification: &awsbudgets.CfnBudget_NotificationProperty{
				NotificationType: &kind, ComparisonOperator: jsii.String("GREATER_THAN"), Threshold: &percent, ThresholdType: jsii.String("PERCENTAGE"),
			},
			Subscribers: &[]any{&awsbudgets.CfnBudget_SubscriberProperty{SubscriptionType: jsii.String("SNS"), Address: topic.TopicArn()}},
		}
	}
	b := awsbudgets.NewCfnBudget(scope, jsii.String(budget), &awsbudgets.CfnBudgetProps{
		Budget: &awsbudgets.CfnBudget_BudgetDataProperty{
			BudgetType: jsii.String("COST"), TimeUnit: jsii.String("MONTHLY"),
			BudgetLimit: &awsbudgets.CfnBudget_SpendProperty{Amount: jsii.Number(p.Budget), Unit: jsii.String("USD")},
		},
		NotificationsWithSubscribers: &[]any{notify("ACTUAL", 100), notify("FORECASTED", 100)},
	})
	b.Node().AddDependency(topic.Node().FindChild(jsii.String("Policy"))) // by which it may tell
}

// acrossFunctions adds a metric of all functions up.
func acrossFunctions(f *functions, name string, period time.Duration) awscloudwatch.IMetric {
	using, terms := map[string]awscloudwatch.IMetric{}, []string{}
	for _, function := range f.all() {
		using[function.Name] = metric(function, name, "Sum", period)
		terms = append(terms, "FILL("+function.Name+", 0)")
	}
	return math(strings.Join(terms, " + "), name, period, using)
}

// dispatched counts the ticks that the dispatcher finished.
func dispatched(f *functions) awscloudwatch.IMetric {
	return math("FILL(calls, 0) - FILL(errors, 0)", "ticks", 5*time.Minute, map[string]awscloudwatch.IMetric{
		"calls":  metric(&f.dispatcher, "Invocations", "Sum", 5*time.Minute),
		"errors": metric(&f.dispatcher, "Errors", "Sum", 5*time.Minute),
	})
}

// throttledTable adds up what the table and its index turned away.
func throttledTable(p Props) awscloudwatch.IMetric {
	using, terms := map[string]awscloudwatch.IMetric{}, []string{}
	for _, name := range []string{"ReadThrottleEvents", "WriteThrottleEvents"} {
		for where, dimensions := range map[string]map[string]*string{
			"table": {"TableName": p.Data.Table.TableName()},
			"index": {"TableName": p.Data.Table.TableName(), "GlobalSecondaryIndexName": jsii.String(data.Index)},
		} {
			id := where + strings.TrimSuffix(name, "ThrottleEvents")
			using[id] = awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
				Namespace: jsii.String("AWS/DynamoDB"), MetricName: &name, DimensionsMap: &dimensions, Statistic: jsii.String("Sum"),
			})
			terms = append(terms, "FILL("+id+", 0)")
		}
	}
	slices.Sort(terms)
	return math(strings.Join(terms, " + "), "throttled requests", 5*time.Minute, using)
}

// worstAge is the age of the oldest message as a share of the age that its queue allows, of the queue where that is largest.
func worstAge(q queues) awscloudwatch.IMetric {
	using, terms := map[string]awscloudwatch.IMetric{}, []string{}
	for _, queue := range q.working() {
		limit := workAge
		if queue.name == notify {
			limit = noticeAge
		}
		using[queue.name] = age(queue)
		terms = append(terms, fmt.Sprintf("FILL(%s, 0) / %d", queue.name, int(limit.Seconds())))
	}
	return math("MAX(["+strings.Join(terms, ", ")+"])", "share of the age that is allowed", 5*time.Minute, using)
}

func age(q named) awscloudwatch.Metric {
	return q.queue.MetricApproximateAgeOfOldestMessage(&awscloudwatch.MetricOptions{
		Statistic: jsii.String("Maximum"), Period: golambda.Seconds(5 * time.Minute), Label: &q.name,
	})
}

// value is a number that the functions write into their log as they do counts; the statistic says which of a period.
func value(stage string, of telemetry.Metric, statistic string, period time.Duration) awscloudwatch.Metric {
	return business(stage, of, period).With(&awscloudwatch.MetricOptions{Statistic: &statistic})
}

// business is a count that the functions write into their log in CloudWatch's embedded metric format.
func business(stage string, counted telemetry.Metric, period time.Duration) awscloudwatch.Metric {
	name := string(counted)
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(telemetry.Namespace), MetricName: &name, DimensionsMap: &map[string]*string{"Stage": &stage},
		Statistic: jsii.String("Sum"), Period: golambda.Seconds(period), Label: &name,
	})
}
