package service

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsapigatewayv2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatchactions"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/data"
	"adminassistant/infra/golambda"
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
)

// AlarmNames returns the names of all alarms. An alarm is called <stage>-<name> in CloudWatch, and docs/runbooks/<name>.md says
// what to do when it rings.
func AlarmNames() []string {
	return []string{
		archiveDeadLetters, backupDeadLetters, notifyDeadLetters, scheduleDeadLetters, apiErrors, apiLatency, functionErrors, userErrors, functionThrottles,
		tableThrottles, oldMessages, failedRuns, lateJobs, signInFailures, dispatcherSilent, lostAuditRecords, unkeptHeads,
		droppedMessages, setupFaults,
	}
}

const (
	// functionErrorPercent of a function's calls in a minute, and userErrorPercent of the requests of signed-in users, are too much. A canary
	// gets a tenth of the calls: if it fails at half of them, it is found.
	functionErrorPercent = 5
	userErrorPercent     = 5
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
}

// alarms are by name.
type alarms map[string]awscloudwatch.Alarm

// rollback returns the alarms that tell of a bad version. Somebody who is not signed in cannot make them ring: no request makes a function
// fail, and it is requests of users alone that the other counts. With many requests at once anybody raises apiErrors and apiLatency, by
// calls that are turned away and by cold starts.
func (a alarms) rollback() []awscloudwatch.IAlarm {
	return []awscloudwatch.IAlarm{a[functionErrors], a[userErrors]}
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
			AlarmDescription:   jsii.String(fmt.Sprintf("%s What to do: docs/runbooks/%s.md", a.summary, a.name)),
			Metric:             a.metric,
			Threshold:          jsii.Number(a.atLeast),
			ComparisonOperator: comparison,
			DatapointsToAlarm:  jsii.Number(max(a.bad, 1)),
			EvaluationPeriods:  jsii.Number(max(a.periods, 1)),
			TreatMissingData:   missing,
		})
		made[a.name].AddAlarmAction(action)
	}
	return made, topic
}

// describe says when which alarm rings.
func describe(p Props, q queues, f *functions, gateway awsapigatewayv2.HttpApi) []alarm {
	return []alarm{
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
			atLeast: float64(apiSlow.Milliseconds()), bad: 3, periods: 3, summary: "One request to the API in a hundred takes too long."},
		{name: functionErrors, metric: worstErrorShare(f), atLeast: functionErrorPercent,
			summary: "Calls of a function crash, run out of time or memory, or return an error."},
		{name: userErrors, metric: userErrorShare(p.Stage), atLeast: userErrorPercent, bad: 2, periods: 5,
			summary: "Requests of users who are signed in end with a status of 500 or above."},
		{name: functionThrottles, metric: acrossFunctions(f, "Throttles", 5*time.Minute), atLeast: 1, bad: 2, periods: 3,
			summary: "Calls of a function are turned away, because too many run at once."},
		{name: tableThrottles, metric: throttledTable(p), atLeast: tableThrottleLimit, bad: 2, periods: 3,
			summary: "The table turns requests away."},
		{name: oldMessages, metric: worstAge(q), atLeast: 1, bad: 2, periods: 3,
			summary: "Messages wait for longer than they should."},
		{name: failedRuns, metric: business(p.Stage, telemetry.RunsFailed, 5*time.Minute), atLeast: 1,
			summary: "Runs failed."},
		{name: lateJobs, metric: business(p.Stage, telemetry.JobsLate, 5*time.Minute), atLeast: 1, bad: 3, periods: 3,
			summary: "Jobs that are due are not started."},
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
	}
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
	ring := func(resource *string, actions ...string) awsiam.PolicyStatement {
		alarms := fmt.Sprintf("arn:%s:cloudwatch:%s:%s:alarm:*", *stack.Partition(), *stack.Region(), *stack.Account())
		s := golambda.AllowIf(map[string]interface{}{
			"StringEquals": map[string]interface{}{"aws:SourceAccount": stack.Account()},
			"ArnLike":      map[string]interface{}{"aws:SourceArn": alarms},
		}, []*string{resource}, actions...)
		s.AddServicePrincipal(jsii.String("cloudwatch.amazonaws.com"), nil)
		return s
	}
	key.AddToResourcePolicy(ring(jsii.String("*"), "kms:Decrypt", "kms:GenerateDataKey"), nil) // * is the key itself
	topic.AddToResourcePolicy(ring(topic.TopicArn(), "sns:Publish"))
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

// worstErrorShare is the percentage of calls that failed, of the function where it is largest.
func worstErrorShare(f *functions) awscloudwatch.IMetric {
	using, shares := map[string]awscloudwatch.IMetric{}, []string{}
	for _, function := range f.all() {
		calls, errors := function.Name+"Calls", function.Name+"Errors"
		using[calls], using[errors] = metric(function, "Invocations", "Sum", time.Minute), metric(function, "Errors", "Sum", time.Minute)
		shares = append(shares, fmt.Sprintf("100 * FILL(%s, 0) / FILL(%s, 1)", errors, calls))
	}
	return math("MAX(["+strings.Join(shares, ", ")+"])", "percent of calls that failed", time.Minute, using)
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

// business is a count that the functions write into their log in CloudWatch's embedded metric format.
func business(stage string, counted telemetry.Metric, period time.Duration) awscloudwatch.Metric {
	name := string(counted)
	return awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String(telemetry.Namespace), MetricName: &name, DimensionsMap: &map[string]*string{"Stage": &stage},
		Statistic: jsii.String("Sum"), Period: golambda.Seconds(period), Label: &name,
	})
}
