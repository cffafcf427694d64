package service

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/infra/infratest"
)

// alarmsOf returns the alarms of a stack by their names without the stage.
func alarmsOf(t *testing.T, v view, stage string) map[string]map[string]any {
	t.Helper()
	found := map[string]map[string]any{}
	for id, alarm := range v.Of(t, "AWS::CloudWatch::Alarm") {
		name, ok := strings.CutPrefix(alarm.Properties["AlarmName"].(string), stage+"-")
		if !ok {
			t.Errorf("%s is called %v", id, alarm.Properties["AlarmName"])
		}
		found[name] = alarm.Properties
	}
	return found
}

func TestAlarms(t *testing.T) {
	v := stack(t, prod)
	found := alarmsOf(t, v, "prod")
	t.Run("all that have a name are there, and no others", func(t *testing.T) {
		for _, set := range []map[string]map[string]any{found, alarmsOf(t, stack(t, dev), "dev")} {
			var got []string
			for name := range set {
				if !strings.HasPrefix(name, "canary-") {
					got = append(got, name)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(slices.Sorted(slices.Values(AlarmNames())), got); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("each tells somebody, and says where to read on", func(t *testing.T) {
		topics := v.Of(t, "AWS::SNS::Topic")
		for name, alarm := range found {
			topic, _ := infratest.At(alarm["AlarmActions"], 0, "Ref").(string)
			if _, ok := topics[topic]; !ok {
				t.Errorf("%s tells %v", name, alarm["AlarmActions"])
			}
			if text := alarm["AlarmDescription"].(string); !strings.HasSuffix(text, "docs/runbooks/"+page(name)+".md") || len(text) > 1024 {
				t.Errorf("%s says %q", name, text)
			}
			if over, _ := infratest.At(alarm["OKActions"], 0, "Ref").(string); over != topic {
				t.Errorf("%s does not tell that it is over: %v", name, alarm["OKActions"])
			}
		}
	})
	t.Run("each has a page, and each page an alarm", func(t *testing.T) {
		files, err := os.ReadDir("../../docs/runbooks")
		if err != nil {
			t.Fatal(err)
		}
		var pages []string
		for _, file := range files {
			if file.Name() != "README.md" { // the list of them
				pages = append(pages, strings.TrimSuffix(file.Name(), ".md"))
			}
		}
		slices.Sort(pages)
		if diff := cmp.Diff(slices.Sorted(slices.Values(Pages())), pages); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("silence is bad where something has to happen every minute, and nowhere else", func(t *testing.T) {
		for name, alarm := range found {
			want, comparison := "notBreaching", "GreaterThanOrEqualToThreshold"
			if name == dispatcherSilent {
				want, comparison = "breaching", "LessThanThreshold"
			} else if strings.HasPrefix(name, secretExpiry) {
				comparison = "LessThanThreshold"
			}
			if alarm["TreatMissingData"] != want || alarm["ComparisonOperator"] != comparison {
				t.Errorf("%s: %v, %v", name, alarm["TreatMissingData"], alarm["ComparisonOperator"])
			}
		}
	})

	// source names a metric as "<namespace> <name> <statistic> <what of>".
	source := func(metric any, statistic any) string {
		var of []string
		dimensions, _ := infratest.At(metric, "Dimensions").([]any)
		for _, d := range dimensions {
			of = append(of, v.name(infratest.At(d, "Value")))
		}
		return strings.Join([]string{infratest.At(metric, "Namespace").(string), infratest.At(metric, "MetricName").(string), statistic.(string),
			strings.Join(of, "/")}, " ")
	}
	sources := func(alarm map[string]any) (list []string, expression string) {
		if alarm["MetricName"] != nil {
			statistic := alarm["Statistic"]
			if statistic == nil {
				statistic = alarm["ExtendedStatistic"]
			}
			return []string{source(alarm, statistic)}, ""
		}
		for _, m := range alarm["Metrics"].([]any) {
			if e, ok := infratest.At(m, "Expression").(string); ok {
				expression = e
			} else {
				list = append(list, source(infratest.At(m, "MetricStat", "Metric"), infratest.At(m, "MetricStat", "Stat")))
			}
		}
		slices.Sort(list)
		return list, expression
	}
	share := func(name string) struct {
		sources    []string
		expression string
		threshold  float64
	} {
		return struct {
			sources    []string
			expression string
			threshold  float64
		}{[]string{"AWS/Lambda Errors Sum function-" + name, "AWS/Lambda Invocations Sum function-" + name}, "100 * errors / calls", 5}
	}
	across := func(metric string) (list []string) {
		for _, name := range names {
			list = append(list, "AWS/Lambda "+metric+" Sum function-"+name)
		}
		slices.Sort(list)
		return list
	}
	gateway := func() string {
		for id := range v.Of(t, "AWS::ApiGatewayV2::Api") {
			return id
		}
		return ""
	}()
	dead := func(name string) []string {
		return []string{"AWS/SQS ApproximateNumberOfMessagesVisible Maximum queue-" + name, "AWS/SQS NumberOfMessagesReceived Sum queue-" + name}
	}
	for name, want := range map[string]struct {
		sources    []string
		expression string
		threshold  float64
	}{
		archiveDeadLetters:    {dead("archive-dead"), "FILL(taken, 0) + FILL(waiting, 0)", 1},
		backupDeadLetters:     {dead("backup-dead"), "FILL(taken, 0) + FILL(waiting, 0)", 1},
		notifyDeadLetters:     {[]string{"AWS/SQS ApproximateNumberOfMessagesVisible Maximum queue-notify-dead"}, "", 1},
		scheduleDeadLetters:   {[]string{"AWS/SQS ApproximateNumberOfMessagesVisible Maximum queue-schedule-dead"}, "", 1},
		apiErrors:             {[]string{"AWS/ApiGateway 5xx Sum " + gateway, "AWS/ApiGateway Count Sum " + gateway}, "100 * errors / requests", 1},
		apiLatency:            {[]string{"AWS/ApiGateway Latency p99 " + gateway}, "", 2000},
		"function-errors-api": share(api), "function-errors-dispatcher": share(dispatcher), "function-errors-archive": share(archive),
		"function-errors-backup": share(backup), "function-errors-notify": share(notify),
		userErrors:        {[]string{"AdminAssistant UserRequests Sum prod", "AdminAssistant UserRequestsFailed Sum prod"}, "100 * errors / requests", 5},
		functionThrottles: {across("Throttles"), "FILL(api, 0) + FILL(dispatcher, 0) + FILL(archive, 0) + FILL(backup, 0) + FILL(notify, 0)", 1},
		tableThrottles: {[]string{
			"AWS/DynamoDB ReadThrottleEvents Sum gsi1/table", "AWS/DynamoDB ReadThrottleEvents Sum table",
			"AWS/DynamoDB WriteThrottleEvents Sum gsi1/table", "AWS/DynamoDB WriteThrottleEvents Sum table",
		}, "FILL(indexRead, 0) + FILL(indexWrite, 0) + FILL(tableRead, 0) + FILL(tableWrite, 0)", 10},
		oldMessages: {[]string{
			"AWS/SQS ApproximateAgeOfOldestMessage Maximum queue-archive", "AWS/SQS ApproximateAgeOfOldestMessage Maximum queue-backup",
			"AWS/SQS ApproximateAgeOfOldestMessage Maximum queue-notify",
		}, "MAX([FILL(archive, 0) / 3600, FILL(backup, 0) / 3600, FILL(notify, 0) / 900])", 1},
		failedRuns: {[]string{
			"AdminAssistant RunsBroken Sum prod", "AdminAssistant RunsFailed Sum prod", "AdminAssistant RunsPartial Sum prod",
			"AdminAssistant RunsSucceeded Sum prod",
		}, "IF(FILL(broken, 0) >= 3, 100 * FILL(broken, 0) / (FILL(succeeded, 0) + FILL(part, 0) + FILL(failed, 0)), 0)", 5},
		lateJobs:           {[]string{"AdminAssistant JobWait Maximum prod"}, "", 900},
		stuckJobs:          {[]string{"AdminAssistant JobsStuck Sum prod"}, "", 1},
		gatewayThrottles:   {[]string{"AdminAssistant/prod TurnedAway Sum "}, "", 100},
		bouncedMail:        {[]string{"AWS/SES Reputation.BounceRate Maximum "}, "", 0.05},
		"secret-expiry-30": {[]string{"AdminAssistant SecretDays Minimum prod"}, "", 30.5},
		"secret-expiry-7":  {[]string{"AdminAssistant SecretDays Minimum prod"}, "", 7.5},
		"secret-expiry-1":  {[]string{"AdminAssistant SecretDays Minimum prod"}, "", 1.5},
		signInFailures:     {[]string{"AdminAssistant SignInFailures Sum prod"}, "", 20},
		lostAuditRecords:   {[]string{"AdminAssistant AuditRecordsLost Sum prod"}, "", 1},
		unkeptHeads:        {[]string{"AdminAssistant HeadsUnkept Sum prod"}, "", 1},
		dispatcherSilent: {[]string{"AWS/Lambda Errors Sum function-dispatcher", "AWS/Lambda Invocations Sum function-dispatcher"},
			"FILL(calls, 0) - FILL(errors, 0)", 1},
	} {
		t.Run(name+" looks at what it is named after", func(t *testing.T) {
			got, expression := sources(found[name])
			if diff := cmp.Diff(want.sources, got); diff != "" {
				t.Error(diff)
			}
			if expression != want.expression || found[name]["Threshold"] != want.threshold {
				t.Errorf("%s from %v on", expression, found[name]["Threshold"])
			}
		})
	}
	t.Run("the newest version of a function is looked at by itself, where there is a canary", func(t *testing.T) {
		for _, function := range names {
			got, expression := sources(found["canary-"+function])
			for i, name := range []string{"Errors", "Invocations"} {
				if !strings.HasPrefix(got[i], "AWS/Lambda "+name+" Sum functions"+function+"FunctionCurrentVersion") ||
					!strings.HasSuffix(got[i], "/function-"+function+"/function-"+function+":live") {
					t.Errorf("%s looks at %s", function, got[i])
				}
			}
			if expression != "100 * errors / calls" || found["canary-"+function]["Threshold"] != 10.0 {
				t.Errorf("%s: %s", function, expression)
			}
		}
		for name := range alarmsOf(t, stack(t, dev), "dev") {
			if strings.HasPrefix(name, "canary-") {
				t.Errorf("%s is there", name)
			}
		}
	})
	t.Run("one error of one call does not ring", func(t *testing.T) {
		for name, alarm := range found {
			if strings.HasPrefix(name, "canary-") || strings.HasPrefix(name, functionErrors) {
				if alarm["DatapointsToAlarm"].(float64) < 2 {
					t.Errorf("%s: %v", name, alarm["DatapointsToAlarm"])
				}
			}
		}
	})
	t.Run("a percentile of few samples says nothing", func(t *testing.T) {
		for name, alarm := range found {
			if alarm["ExtendedStatistic"] != nil && alarm["EvaluateLowSampleCountPercentile"] != "ignore" {
				t.Errorf("%s: %v", name, alarm["EvaluateLowSampleCountPercentile"])
			}
		}
	})
	t.Run("those that bring a deployment back ring within a canary", func(t *testing.T) {
		for _, name := range []string{"function-errors-api", "function-errors-archive", "canary-api", "canary-dispatcher", userErrors} {
			text := infratest.Text(found[name])
			if !strings.Contains(text, `"Period":60`) || found[name]["EvaluationPeriods"].(float64) > 5 {
				t.Errorf("%s: %s", name, text)
			}
		}
	})
}

func TestTopic(t *testing.T) {
	v := stack(t, prod)
	topic := only(t, v, "AWS::SNS::Topic")
	t.Run("it is encrypted with a key that CloudWatch may use for alarms of this account", func(t *testing.T) {
		key := v.Resources[infratest.At(topic.Properties, "KmsMasterKeyId", "Fn::GetAtt", 0).(string)]
		if key.Properties["EnableKeyRotation"] != true {
			t.Errorf("%v", key.Properties)
		}
		for service := range tellers {
			if !mayTell(service, key.Properties["KeyPolicy"], "kms:Decrypt", "kms:GenerateDataKey") {
				t.Errorf("%s cannot use it: %v", service, key.Properties["KeyPolicy"])
			}
		}
	})
	t.Run("CloudWatch may publish, and nobody in plain HTTP", func(t *testing.T) {
		policy := only(t, v, "AWS::SNS::TopicPolicy").Properties["PolicyDocument"]
		for service := range tellers {
			if !mayTell(service, policy, "sns:Publish") {
				t.Errorf("%s cannot publish: %v", service, policy)
			}
		}
		if !slices.ContainsFunc(infratest.At(policy, "Statement").([]any), func(s any) bool {
			return infratest.At(s, "Effect") == "Deny" && infratest.At(s, "Condition", "Bool", "aws:SecureTransport") == "false" &&
				slices.Contains(infratest.Strings(infratest.At(s, "Action")), "sns:Publish")
		}) {
			t.Errorf("plain HTTP is not refused: %v", policy)
		}
	})
	t.Run("the address that was given is told", func(t *testing.T) {
		s := only(t, v, "AWS::SNS::Subscription").Properties
		if s["Protocol"] != "email" || s["Endpoint"] != "ops@example.com" {
			t.Errorf("%v", s)
		}
	})
	t.Run("without an address nobody is told", func(t *testing.T) {
		for id, r := range stack(t, dev).Resources {
			if r.Type == "AWS::SNS::Subscription" {
				t.Errorf("%s: %v", id, r.Properties)
			}
		}
	})
}

// tellers are who may tell the topic something, and of what of this account.
var tellers = map[string]string{
	"cloudwatch": "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*", "budgets": "arn:aws:budgets::111122223333:*",
}

// mayTell says whether a policy allows exactly these actions to a service, for things of this account.
func mayTell(service string, policy any, actions ...string) bool {
	return slices.ContainsFunc(infratest.At(policy, "Statement").([]any), func(s any) bool {
		return infratest.At(s, "Effect") == "Allow" && infratest.At(s, "Principal", "Service") == service+".amazonaws.com" &&
			slices.Equal(infratest.Strings(infratest.At(s, "Action")), actions) &&
			infratest.At(s, "Condition", "StringEquals", "aws:SourceAccount") == infratest.Account &&
			infratest.At(s, "Condition", "ArnLike", "aws:SourceArn") == tellers[service]
	})
}

func TestWhatIsToldWithoutAnAlarm(t *testing.T) {
	v := stack(t, prod)
	t.Run("a key that is to be deleted or was disabled", func(t *testing.T) {
		var rule map[string]any
		for _, r := range v.Of(t, "AWS::Events::Rule") {
			if infratest.At(r.Properties, "EventPattern", "source", 0) == "aws.kms" {
				rule = r.Properties
			}
		}
		want := map[string]any{"source": []any{"aws.kms"}, "detail-type": []any{"AWS API Call via CloudTrail"},
			"detail": map[string]any{"eventName": []any{"ScheduleKeyDeletion", "DisableKey"}}}
		if diff := cmp.Diff(want, rule["EventPattern"]); diff != "" {
			t.Error(diff)
		}
		topic, _ := infratest.At(rule["Targets"], 0, "Arn", "Ref").(string)
		if v.Resources[topic].Type != "AWS::SNS::Topic" {
			t.Errorf("it tells %v", rule["Targets"])
		}
		// A condition would never hold for EventBridge, and the message would be lost without a word.
		key, _ := infratest.At(v.Resources[topic].Properties, "KmsMasterKeyId", "Fn::GetAtt", 0).(string)
		for what, of := range map[string]struct {
			policy  any
			actions []string
		}{
			"publish":        {infratest.At(only(t, v, "AWS::SNS::TopicPolicy").Properties, "PolicyDocument"), []string{"sns:Publish"}},
			"use of the key": {infratest.At(v.Resources[key].Properties, "KeyPolicy"), []string{"kms:Decrypt", "kms:GenerateDataKey*"}},
		} {
			let := 0
			statements, _ := infratest.At(of.policy, "Statement").([]any)
			for _, s := range statements {
				if infratest.At(s, "Principal", "Service") != "events.amazonaws.com" {
					continue
				}
				if let++; infratest.At(s, "Condition") != nil || !slices.Equal(infratest.Strings(infratest.At(s, "Action")), of.actions) {
					t.Errorf("%s: %s", what, infratest.Text(s))
				}
			}
			if let != 1 {
				t.Errorf("%s: EventBridge is let in %d times", what, let)
			}
		}
	})
	t.Run("a month that costs more than was thought, or is about to", func(t *testing.T) {
		b := only(t, v, "AWS::Budgets::Budget").Properties
		for id, r := range v.Resources {
			before := v.Closure(id)
			for policy := range v.Of(t, "AWS::SNS::TopicPolicy") {
				if r.Type == "AWS::Budgets::Budget" && !before[policy] {
					t.Errorf("it does not wait for %s, by which it may tell", policy)
				}
			}
		}
		if limit := infratest.At(b, "Budget", "BudgetLimit", "Amount"); limit != 50.0 {
			t.Errorf("more than %v", limit)
		}
		var kinds []string
		for _, n := range b["NotificationsWithSubscribers"].([]any) {
			kinds = append(kinds, infratest.At(n, "Notification", "NotificationType").(string))
			if topic, _ := infratest.At(n, "Subscribers", 0, "Address", "Ref").(string); v.Resources[topic].Type != "AWS::SNS::Topic" {
				t.Errorf("it tells %v", n)
			}
			if of := infratest.At(n, "Notification"); infratest.At(of, "Threshold") != 100.0 || infratest.At(of, "ThresholdType") != "PERCENTAGE" ||
				infratest.At(of, "ComparisonOperator") != "GREATER_THAN" {
				t.Errorf("it tells of %v", of)
			}
		}
		if diff := cmp.Diff([]string{"ACTUAL", "FORECASTED"}, kinds); diff != "" {
			t.Error(diff)
		}
		for id, r := range stack(t, dev).Resources {
			if r.Type == "AWS::Budgets::Budget" {
				t.Errorf("%s is there though nobody asked", id)
			}
		}
	})
	t.Run("what the gateway turns away is counted by its log", func(t *testing.T) {
		filter := only(t, v, "AWS::Logs::MetricFilter").Properties
		if filter["FilterPattern"] != `{ $.status = "429" }` || infratest.At(filter, "MetricTransformations", 0, "MetricName") != "TurnedAway" ||
			infratest.At(filter, "MetricTransformations", 0, "MetricNamespace") != "AdminAssistant/prod" {
			t.Errorf("%v", filter)
		}
		if !strings.HasPrefix(v.name(filter["LogGroupName"]), "gatewayAccessLog") {
			t.Errorf("of %v", filter["LogGroupName"])
		}
	})
}

func TestDashboard(t *testing.T) {
	v := stack(t, prod)
	body := v.name(only(t, v, "AWS::CloudWatch::Dashboard").Properties["DashboardBody"])
	for _, word := range []string{
		"RunsSucceeded", "RunsPartial", "RunsFailed", "AppointmentsArchived", "MessagesParked", "SignInFailures", "JobsLate", "JobsParked",
		"AuditRecordsLost", "HeadsUnkept", "UserRequests", "UserRequestsFailed", "Panics", // all that the functions count
		"function-api", "function-notify", "queue-archive", "queue-schedule-dead", "Latency", "ConsumedWriteCapacityUnits", "dispatcher-silent",
	} {
		if !strings.Contains(strings.ReplaceAll(body, "alarmsdispatchersilent", "dispatcher-silent"), word) {
			t.Errorf("it does not show %s", word)
		}
	}
}
