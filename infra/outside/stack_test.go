package outside

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adminassistant/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }

func synth(t *testing.T, url string) infratest.Template {
	t.Helper()
	infratest.NeedNode(t)
	out, err := os.MkdirTemp("", "outside-stack-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(out) })
	app, err := infratest.NewApp("../..", out)
	if err != nil {
		t.Fatal(err)
	}
	props := infratest.Stack("outside")
	region := Region
	props.Env.Region = &region
	template, err := infratest.Read(New(app, "outside", Props{Stack: props, Stage: "staging", URL: url, AlarmEmail: "ops@example.com"}))
	if err != nil {
		t.Fatal(err)
	}
	return template
}

func only(t *testing.T, template infratest.Template, kind string) (id string, properties map[string]any) {
	t.Helper()
	all := template.Of(t, kind)
	if len(all) != 1 {
		t.Fatalf("there are %d of %s", len(all), kind)
	}
	for id, r := range all {
		return id, r.Properties
	}
	return "", nil
}

func TestTheAPIIsAskedFromThreeRegionsWhetherItReachesItsTable(t *testing.T) {
	for url, want := range map[string]map[string]any{
		"https://calendar.example.com":      {"FullyQualifiedDomainName": "calendar.example.com", "Port": 443.0},
		"https://calendar.example.com:8443": {"FullyQualifiedDomainName": "calendar.example.com", "Port": 8443.0},
	} {
		_, check := only(t, synth(t, url), "AWS::Route53::HealthCheck")
		for name, value := range map[string]any{
			"Type": "HTTPS", "ResourcePath": "/readyz", "EnableSNI": true, "RequestInterval": 30.0, "FailureThreshold": 3.0,
			"Regions": []any{"us-east-1", "eu-west-1", "ap-southeast-1"},
		} {
			want[name] = value
		}
		if diff := cmp.Diff(want, check["HealthCheckConfig"]); diff != "" {
			t.Errorf("%s: %s", url, diff)
		}
	}
}

func TestSomebodyIsToldThatItDoesNotAnswerAndThatItDoesAgain(t *testing.T) {
	template := synth(t, "https://calendar.example.com")
	check, _ := only(t, template, "AWS::Route53::HealthCheck")
	topic, _ := only(t, template, "AWS::SNS::Topic")
	_, alarm := only(t, template, "AWS::CloudWatch::Alarm")
	told := []any{map[string]any{"Ref": topic}}
	want := map[string]any{
		"AlarmName": "staging-outside-probe", "Namespace": "AWS/Route53", "MetricName": "HealthCheckStatus", "Statistic": "Minimum", "Period": 60.0,
		"Dimensions": []any{map[string]any{"Name": "HealthCheckId", "Value": map[string]any{"Fn::GetAtt": []any{check, "HealthCheckId"}}}},
		"Threshold":  1.0, "ComparisonOperator": "LessThanThreshold", "EvaluationPeriods": 3.0, "DatapointsToAlarm": 3.0, "TreatMissingData": "breaching",
		"AlarmActions": told, "OKActions": told,
		"AlarmDescription": "From outside the API does not answer. What to do: docs/runbooks/outside-probe.md",
	}
	if diff := cmp.Diff(want, alarm); diff != "" {
		t.Error(diff)
	}
	_, subscription := only(t, template, "AWS::SNS::Subscription")
	if subscription["Protocol"] != "email" || subscription["Endpoint"] != "ops@example.com" || infratest.Text(subscription["TopicArn"]) != `{"Ref":"`+topic+`"}` {
		t.Errorf("told is %v", subscription)
	}
}

func TestAlarmsOfThisAccountAloneReachTheTopic(t *testing.T) {
	_, policy := only(t, synth(t, "https://calendar.example.com"), "AWS::SNS::TopicPolicy")
	allowed := 0
	statements, _ := infratest.At(policy, "PolicyDocument", "Statement").([]any)
	for _, s := range statements {
		if infratest.At(s, "Effect") != "Allow" {
			continue
		}
		allowed++
		conditions := infratest.Text(infratest.At(s, "Condition"))
		if infratest.At(s, "Principal", "Service") != "cloudwatch.amazonaws.com" || infratest.At(s, "Action") != "sns:Publish" ||
			!strings.Contains(conditions, `"aws:SourceAccount":"`+infratest.Account+`"`) || !strings.Contains(conditions, ":cloudwatch:us-east-1:") {
			t.Errorf("allowed is %s", infratest.Text(s))
		}
	}
	if allowed != 1 || !strings.Contains(infratest.Text(policy), "aws:SecureTransport") {
		t.Errorf("the policy is %s", infratest.Text(policy))
	}
}

// TestItNeedsNothingOfTheStagesRegion: it has to tell when all of that is gone.
func TestItNeedsNothingOfTheStagesRegion(t *testing.T) {
	template := synth(t, "https://calendar.example.com")
	for id, r := range template.Resources {
		if text := infratest.Text(r); strings.Contains(text, infratest.Region) || strings.Contains(text, "ImportValue") || strings.HasPrefix(r.Type, "Custom::") {
			t.Errorf("%s: %s", id, text)
		}
	}
	for _, output := range []string{"HealthCheck", "AlarmTopic"} {
		if template.Outputs[output].Value == nil {
			t.Errorf("there is no output %s", output)
		}
	}
}
