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
				got = append(got, name)
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
			if text := alarm["AlarmDescription"].(string); !strings.HasSuffix(text, "docs/runbooks/"+name+".md") || len(text) > 1024 {
				t.Errorf("%s says %q", name, text)
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
		if diff := cmp.Diff(slices.Sorted(slices.Values(AlarmNames())), pages); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("silence is bad where something has to happen every minute, and nowhere else", func(t *testing.T) {
		for name, alarm := range found {
			want, comparison := "notBreaching", "GreaterThanOrEqualToThreshold"
			if name == dispatcherSilent {
				want, comparison = "breaching", "LessThanThreshold"
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
		archiveDeadLetters:  {dead("archive-dead"), "FILL(taken, 0) + FILL(waiting, 0)", 1},
		backupDeadLetters:   {dead("backup-dead"), "FILL(taken, 0) + FILL(waiting, 0)", 1},
		notifyDeadLetters:   {[]string{"AWS/SQS ApproximateNumberOfMessagesVisible Maximum queue-notify-dead"}, "", 1},
		scheduleDeadLetters: {[]string{"AWS/SQS ApproximateNumberOfMessagesVisible Maximum queue-schedule-dead"}, "", 1},
		apiErrors:           {[]string{"AWS/ApiGateway 5xx Sum " + gateway, "AWS/ApiGateway Count Sum " + gateway}, "100 * errors / requests", 1},
		apiLatency:          {[]string{"AWS/ApiGateway Latency p99 " + gateway}, "", 2000},
		functionErrors: {append(across("Errors"), across("Invocations")...), "MAX([100 * FILL(apiErrors, 0) / FILL(apiCalls, 1), " +
			"100 * FILL(dispatcherErrors, 0) / FILL(dispatcherCalls, 1), 100 * FILL(archiveErrors, 0) / FILL(archiveCalls, 1), " +
			"100 * FILL(backupErrors, 0) / FILL(backupCalls, 1), 100 * FILL(notifyErrors, 0) / FILL(notifyCalls, 1)])", 5},
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
		failedRuns:       {[]string{"AdminAssistant RunsFailed Sum prod"}, "", 1},
		lateJobs:         {[]string{"AdminAssistant JobsLate Sum prod"}, "", 1},
		signInFailures:   {[]string{"AdminAssistant SignInFailures Sum prod"}, "", 20},
		lostAuditRecords: {[]string{"AdminAssistant AuditRecordsLost Sum prod"}, "", 1},
		unkeptHeads:      {[]string{"AdminAssistant HeadsUnkept Sum prod"}, "", 1},
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
	t.Run("those that bring a deployment back ring within a canary", func(t *testing.T) {
		for _, name := range []string{functionErrors, userErrors} {
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
		if !alarmsMay(key.Properties["KeyPolicy"], "kms:Decrypt", "kms:GenerateDataKey") {
			t.Errorf("CloudWatch cannot use it: %v", key.Properties["KeyPolicy"])
		}
	})
	t.Run("CloudWatch may publish, and nobody in plain HTTP", func(t *testing.T) {
		policy := only(t, v, "AWS::SNS::TopicPolicy").Properties["PolicyDocument"]
		if !alarmsMay(policy, "sns:Publish") {
			t.Errorf("CloudWatch cannot publish: %v", policy)
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

// alarmsMay says whether a policy allows exactly these actions to the alarms of the account.
func alarmsMay(policy any, actions ...string) bool {
	return slices.ContainsFunc(infratest.At(policy, "Statement").([]any), func(s any) bool {
		return infratest.At(s, "Effect") == "Allow" && infratest.At(s, "Principal", "Service") == "cloudwatch.amazonaws.com" &&
			slices.Equal(infratest.Strings(infratest.At(s, "Action")), actions) &&
			infratest.At(s, "Condition", "StringEquals", "aws:SourceAccount") == infratest.Account &&
			infratest.At(s, "Condition", "ArnLike", "aws:SourceArn") == "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:*"
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
