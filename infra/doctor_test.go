package main

import (
	"errors"
	"fmt"
	"maps"
	"os/exec"
	"strings"
	"testing"

	"adminassistant/infra/infratest"
)

// healthy is what AWS answers in an account in which dev is deployed, by the beginning of the question.
var healthy = map[string]string{
	"sts get-caller-identity":                                                                                          infratest.Account,
	"lambda get-account-settings":                                                                                      "1000",
	"ssm get-parameter --name /cdk-bootstrap":                                                                          "27",
	"sesv2 get-email-identity --email-identity mail.example.c":                                                         "True",
	"sesv2 get-account":                                                                                                "True",
	"cloudtrail describe-trails --query trailList[].TrailARN":                                                          "arn:trail",
	"cloudtrail get-trail-status --name arn:trail --query IsLogging":                                                   "True",
	"secretsmanager describe-secret --secret-id graph/app":                                                             "arn",
	"cloudformation describe-stacks --stack-name admin-assistant-dev-data":                                             "CREATE_COMPLETE",
	"cloudformation describe-stacks --stack-name admin-assistant-dev-service --query Stacks[0].StackStatus":            "UPDATE_COMPLETE",
	"cloudformation describe-stacks --stack-name admin-assistant-dev-service --query Stacks[0].Outputs[?OutputKey=='A": "arn:topic",
	"cloudwatch describe-alarms":                                                                                       "",
	"sns list-subscriptions-by-topic":                                                                                  "arn:subscription",
}

// examine has the doctor look at an account where some answers are others; one that begins with "!" is an error.
func examine(t *testing.T, stage string, answers, variables map[string]string) (code int, said string) {
	t.Helper()
	all := maps.Clone(healthy)
	maps.Copy(all, answers)
	env := map[string]string{"AWS_REGION": infratest.Region}
	for name, value := range least(stage) {
		if name != "stage" && name != "account" && name != "region" {
			env[variable(name)] = value
		}
	}
	maps.Copy(env, variables)
	d := &doctor{
		look: func(program string) (string, error) { return program, nil }, env: func(name string) string { return env[name] },
		context: func(string) any { return nil }, there: func(string) bool { return true },
		run: func(program string, args ...string) (string, error) {
			question, best := strings.Join(args, " "), ""
			for begin := range all {
				if strings.HasPrefix(question, begin) && len(begin) > len(best) {
					best = begin
				}
			}
			if best == "" {
				t.Errorf("nobody answers %s", question)
			}
			if program != "aws" || !strings.HasSuffix(question, " --output text") {
				t.Errorf("%s is asked %s", program, question)
			}
			if text, bad := strings.CutPrefix(all[best], "!"); bad {
				return "", errors.New(text)
			}
			return all[best], nil
		},
	}
	d.account(stage)
	var b strings.Builder
	return d.report(&b), b.String()
}

func TestTheDoctorLooksAtAnAccount(t *testing.T) {
	service := "cloudformation describe-stacks --stack-name admin-assistant-dev-service --query Stacks[0].StackStatus"
	probed := map[string]string{variable("outside-probe"): "on", variable("public-url"): "https://calendar.example.com"}
	graph := map[string]string{
		variable("graph-tenant"): guid, variable("graph-client"): guid2, variable("graph-credentials"): "graph/app",
	}
	for _, c := range []struct {
		name      string
		stage     string
		answers   map[string]string
		variables map[string]string
		code      int
		want      []string
	}{
		{"all is well", "dev", nil, graph, 0, []string{"ok       settings of dev",
			"alarms of " + infratest.Region + " are heard", "the secret of graph-credentials"}},
		{"nobody is signed in", "dev", map[string]string{"sts get-caller-identity": "!expired"}, nil, 1, []string{"missing  nobody is signed in", "aws sso login"}},
		{"the wrong account", "dev", nil, map[string]string{variable("account"): "444455556666"}, 1, []string{"444455556666", infratest.Account}},
		{"a setting that is missing", "dev", nil, map[string]string{variable("mail-from"): ""}, 1, []string{"mail-from is not set"}},
		{"a fresh account", "dev", map[string]string{
			"lambda get-account-settings": "10", "ssm get-parameter --name /cdk-bootstrap": "!ParameterNotFound",
			"cloudformation describe-stacks": "!Stack does not exist", service: "!Stack does not exist",
			"cloudformation describe-stacks --stack-name admin-assistant-dev-data": "!Stack does not exist",
			"sesv2 get-email-identity --email-identity mail.example.c":             "!NotFoundException", "sesv2 get-account": "False",
			"cloudtrail describe-trails --query trailList[].TrailARN": "",
		}, nil, 1, []string{"missing  the account was never prepared", "cdk bootstrap aws://" + infratest.Account + "/" + infratest.Region,
			"look     10 functions at once", "look     SES has not verified", "sandbox", "ok       admin-assistant-dev-service is not there yet",
			"look     no trail of CloudTrail logs in " + infratest.Region}},
		{"a trail that was stopped, and one that was not", "dev", map[string]string{
			"cloudtrail describe-trails --query trailList[].TrailARN": "arn:stopped\tarn:trail", "cloudtrail get-trail-status --name arn:stopped": "False",
		}, nil, 0, []string{"ok       a trail of CloudTrail logs"}},
		{"a trail that was stopped", "dev", map[string]string{"cloudtrail get-trail-status --name arn:trail --query IsLogging": "False"}, nil, 0,
			[]string{"look     no trail of CloudTrail logs"}},
		{"trails that nobody may see", "dev", map[string]string{"cloudtrail describe-trails --query trailList[].TrailARN": "!AccessDenied"}, nil, 0,
			[]string{"unknown  whether a trail"}},
		{"an old CDK", "dev", map[string]string{"ssm get-parameter --name /cdk-bootstrap": "5"}, nil, 1, []string{"older CDK in " + infratest.Region + ": 5"}},
		{"the CDK of now", "dev", map[string]string{"ssm get-parameter --name /cdk-bootstrap": "6"}, nil, 0, nil},
		{"an account of 10 takes prod without reserving", "prod", map[string]string{
			"lambda get-account-settings": "10", "cloudformation describe-stacks": "!does not exist"}, nil, 0, []string{"look     10 functions", "enough to try it"}},
		{"an account of 150", "prod", map[string]string{"lambda get-account-settings": "150", "cloudformation describe-stacks": "!does not exist"}, nil, 0,
			[]string{"look     150 functions", "other programs"}},
		{"an account of 1000", "prod", map[string]string{"cloudformation describe-stacks": "!does not exist"}, nil, 0, []string{"of which prod reserves 51"}},
		{"a concurrency that cannot be read", "dev", map[string]string{"lambda get-account-settings": "!AccessDenied"}, nil, 0,
			[]string{"unknown  how many functions"}},
		{"an identity that waits", "dev", map[string]string{"sesv2 get-email-identity --email-identity mail.example.c": "False"}, nil, 0,
			[]string{"look     SES has not verified"}},
		{"a secret that is not there", "dev", map[string]string{"secretsmanager describe-secret --secret-id graph/app": "!ResourceNotFoundException"}, graph, 1,
			[]string{"missing  the secret that graph-credentials"}},
		{"a secret that nobody may see", "dev", map[string]string{"secretsmanager describe-secret --secret-id graph/app": "!AccessDenied"}, graph, 0,
			[]string{"unknown  whether there is the secret"}},
		{"a first deployment that failed", "dev", map[string]string{service: "ROLLBACK_COMPLETE"}, nil, 1,
			[]string{"missing  admin-assistant-dev-service is ROLLBACK_COMPLETE", "delete-stack --stack-name admin-assistant-dev-service"}},
		{"one that could not go back", "dev", map[string]string{service: "UPDATE_ROLLBACK_FAILED"}, nil, 1, []string{"continue-update-rollback"}},
		{"one that is under way", "dev", map[string]string{service: "UPDATE_IN_PROGRESS"}, nil, 1, []string{"wait until it is done"}},
		{"an update that went back", "dev", map[string]string{service: "UPDATE_ROLLBACK_COMPLETE"}, nil, 0,
			[]string{"ok       admin-assistant-dev-service is UPDATE_ROLLBACK"}},
		{"an alarm that rings", "dev", map[string]string{"cloudwatch describe-alarms": "dev-late-jobs\tdev-api-errors"}, nil, 0,
			[]string{"look     rings: dev-late-jobs, dev-api-errors"}},
		{"an alarm address that was never confirmed", "dev", map[string]string{"sns list-subscriptions-by-topic": "arn:subscription\tPendingConfirmation"}, nil, 0,
			[]string{"look     the alarm address was never confirmed"}},
		{"a probe from outside that is not there yet, where the CDK never was", "dev", map[string]string{
			"ssm get-parameter --name /cdk-bootstrap/hnb659fds/version --query Parameter.Value --region us-east-1":  "!ParameterNotFound",
			"cloudformation describe-stacks --stack-name admin-assistant-dev-outside --query Stacks[0].StackStatus": "!does not exist",
		}, probed, 1, []string{"missing  the account was never prepared for the CDK in us-east-1", "cdk bootstrap aws://" + infratest.Account + "/us-east-1",
			"ok       prepared for the CDK in " + infratest.Region, "admin-assistant-dev-outside is not there yet"}},
		{"a probe from outside that nobody hears", "dev", map[string]string{
			"cloudformation describe-stacks --stack-name admin-assistant-dev-outside --query Stacks[0].StackStatus --region us-east": "CREATE_COMPLETE",
			"cloudformation describe-stacks --stack-name admin-assistant-dev-outside --query Stacks[0].Outputs[?OutputKey=='AlarmTo": "arn:there",
			"sns list-subscriptions-by-topic --topic-arn arn:there --query Subscriptions[].SubscriptionArn --region us-east-1":       "PendingConfirmation",
			"cloudwatch describe-alarms --alarm-name-prefix dev- --state-value ALARM --query MetricAlarms[].AlarmName --region us-e": "dev-outside-probe",
		}, probed, 0, []string{"look     the alarm address was never confirmed in us-east-1", "ok       alarms of " + infratest.Region + " are heard",
			"look     rings: dev-outside-probe"}},
		{"nobody hears alarms", "dev", map[string]string{"sns list-subscriptions-by-topic": ""}, nil, 0, []string{"look     nobody hears alarms"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, said := examine(t, c.stage, c.answers, c.variables)
			if code != c.code {
				t.Errorf("ended with %d", code)
			}
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("it does not say %q:\n%s", want, said)
				}
			}
			if c.code == 0 && strings.Contains(said, string(missing)) {
				t.Error(said)
			}
		})
	}
}

func TestTheDoctorLooksAtThisMachine(t *testing.T) {
	for _, c := range []struct {
		lacks, python, tool string
		code                int
		want                string
	}{
		{"", "Python 3.11.7", "", 0, "ok       python3"},
		{"java", "Python 3.12.1", "", 1, "missing  java is not installed; it is for DynamoDB Local"},
		{"", "Python 3.9.2", "", 1, "python3 is version 3.9"},
		{"", "Python 2.12", "", 1, "python3 is version 2.12"},
		{"", "Python 4.0", "", 0, ""},
		{"", "no number", "", 0, "unknown  the version of python3"},
		{"", "Python 3.11.7", ".tools/moto/bin/python", 1, "make tools"},
	} {
		d := &doctor{
			look: func(program string) (string, error) {
				if program == c.lacks {
					return "", exec.ErrNotFound
				}
				return program, nil
			},
			run: func(program string, args ...string) (string, error) {
				return map[string]string{"python3": c.python, "node": "v24.1.0"}[program], nil
			},
			there: func(file string) bool { return file != c.tool },
		}
		d.machine()
		var b strings.Builder
		if code := d.report(&b); code != c.code || !strings.Contains(b.String(), c.want) {
			t.Errorf("%+v: ended with %d\n%s", c, code, b.String())
		}
	}
}

func TestTheDoctorReadsTheContextOfDeployments(t *testing.T) {
	context, err := contextOf("../cdk.json")
	if err != nil {
		t.Fatal(err)
	}
	if stages := fmt.Sprint(context("stages")); !strings.Contains(stages, "prod") {
		t.Errorf("%v", stages)
	}
	if _, err := contextOf(t.TempDir()); err == nil {
		t.Error("a folder is a context")
	}
}

func TestAStageInTheRegionOfItsProbeIsLookedAtOnce(t *testing.T) {
	code, said := examine(t, "dev", map[string]string{
		"cloudformation describe-stacks --stack-name admin-assistant-dev-outside --query Stacks[0].StackStatus":                  "CREATE_COMPLETE",
		"cloudformation describe-stacks --stack-name admin-assistant-dev-outside --query Stacks[0].Outputs[?OutputKey=='AlarmTo": "arn:there",
	}, map[string]string{"AWS_REGION": "us-east-1", variable("outside-probe"): "on", variable("public-url"): "https://calendar.example.com"})
	if n := strings.Count(said, "prepared for the CDK in us-east-1"); code != 0 || n != 1 {
		t.Errorf("%d, %d times: %s", code, n, said)
	}
}
