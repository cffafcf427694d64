package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestBefore(t *testing.T) {
	d := func(versions string) deployed { return deployed{Commit: "c" + versions, Versions: versions} }
	back := func(versions string) deployed { return deployed{PutBackTo: versions} }
	for _, c := range []struct {
		name     string
		history  []deployed
		want, at string
	}{
		{"nothing was deployed", nil, "", ""},
		{"there is only one", []deployed{d("1")}, "", "1"},
		{"the one before", []deployed{d("1"), d("2")}, "1", "2"},
		{"the same versions by a deployment of settings alone are passed over", []deployed{d("1"), d("2"), d("2")}, "1", "2"},
		{"a second time goes back two", []deployed{d("1"), d("2"), d("3"), back("2")}, "1", "2"},
		{"never to what was gone back from", []deployed{d("1"), d("2"), back("1")}, "", "1"},
		{"after the mend, to what was good before it", []deployed{d("1"), d("2"), back("1"), d("3")}, "1", "3"},
		{"after going back two, to neither of them", []deployed{d("1"), d("2"), d("3"), back("2"), back("1"), d("4")}, "1", "4"},
		{"what was gone back from and deployed again is good again", []deployed{d("1"), d("2"), back("1"), d("2"), d("3")}, "2", "3"},
		{"a deployment that CloudFormation took back is none", []deployed{d("1"), d("2"), d("1"), d("3")}, "1", "3"},
		{"going back that CloudFormation took back did not happen", []deployed{d("1"), d("2"), back("1"), d("2")}, "1", "2"},
		{"back, and the same once more", []deployed{d("1"), d("2"), d("3"), back("2"), back("1")}, "", "1"},
		{"at what no deployment brought", []deployed{d("1"), back("7")}, "", "7"},
		{"what was before that is not known", []deployed{d("1"), d("2"), back("7"), d("8")}, "", "8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, at, err := before(c.history)
			if got.Versions != c.want || at != c.at || (err != nil) != (c.want == "") {
				t.Errorf("from %q to %+v, %v", at, got, err)
			}
		})
	}
}

func TestADeploymentOfSettingsAloneIsWhatIsGoneBackTo(t *testing.T) {
	got, _, err := before([]deployed{{Commit: "a", Versions: "1"}, {Commit: "b", Versions: "1"}, {Commit: "c", Versions: "2"}})
	if err != nil || got.Commit != "b" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestRollback(t *testing.T) {
	const history = `["{\"commit\":\"c1\",\"versions\":\"1,1,1,1,1\"}","{\"commit\":\"c2\",\"versions\":\"2,2,2,2,2\"}"]`
	for _, c := range []struct {
		name   string
		state  string
		failed string // what AWS refuses
		show   bool
		asked  []string // what changes something
		said   string
		err    bool
	}{
		{"the whole set is put back by CloudFormation", "UPDATE_COMPLETE", "", false, []string{
			`cloudformation update-stack --stack-name admin-assistant-dev-service --use-previous-template --parameters ` +
				`[{"ParameterKey":"Versions","ParameterValue":"1,1,1,1,1"}] --capabilities CAPABILITY_IAM CAPABILITY_NAMED_IAM`,
			"cloudformation wait stack-update-complete --stack-name admin-assistant-dev-service",
		}, "from 2,2,2,2,2 to 1,1,1,1,1 of commit c1", false},
		{"after a deployment that went back by itself as well", "UPDATE_ROLLBACK_COMPLETE", "", false,
			[]string{"update-stack", "wait stack-update-complete"}, "c1", false},
		{"asked to show it, it does nothing", "UPDATE_COMPLETE", "", true, nil, "from 2,2,2,2,2 to 1,1,1,1,1", false},
		{"one that is under way is stopped", "UPDATE_IN_PROGRESS", "", false, []string{
			"cloudformation cancel-update-stack --stack-name admin-assistant-dev-service", "cloudformation wait stack-rollback-complete"}, "under way", false},
		{"asked to show it, one under way goes on", "UPDATE_IN_PROGRESS", "", true, nil, "under way", false},
		{"one that CloudFormation could not put back needs a person", "UPDATE_ROLLBACK_FAILED", "", false, nil, "", true},
		{"one whose first deployment failed has nothing before", "ROLLBACK_COMPLETE", "", false, nil, "", true},
		{"one that is going back already is left alone", "UPDATE_ROLLBACK_IN_PROGRESS", "", false, nil, "", true},
		{"AWS refuses", "UPDATE_COMPLETE", "update-stack", false, []string{"update-stack"}, "", true},
		{"it does not come about", "UPDATE_COMPLETE", "wait", false, []string{"update-stack", "wait"}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var asked []string
			var said strings.Builder
			stages := map[string]any{"dev": map[string]any{"region": "eu-west-3"}}
			b := &rollback{stage: "dev", out: &said, doctor: &doctor{env: func(string) string { return "" }, context: func(name string) any {
				return map[string]any{"stages": stages}[name]
			}, run: func(_ string, args ...string) (string, error) {
				question, there := strings.CutSuffix(strings.TrimSuffix(strings.Join(args, " "), " --output text"), " --region eu-west-3")
				if !there {
					t.Errorf("asked in another region: %s", question)
				}
				changes := strings.Contains(question, "update-stack") || strings.Contains(question, " wait ")
				if changes {
					asked = append(asked, question)
				}
				switch {
				case c.failed != "" && strings.Contains(question, c.failed):
					return "", errors.New("no")
				case strings.HasSuffix(question, "StackStatus"):
					return c.state, nil
				case strings.Contains(question, "OutputKey=='Deployed'"):
					return "CFN-Deployed", nil
				case strings.HasPrefix(question, "ssm get-parameter-history --name CFN-Deployed "):
					return history, nil
				case changes:
					return "", nil
				}
				t.Errorf("asked %s", question)
				return "", errors.New("unknown")
			}}}
			err := b.do(c.show)
			if (err != nil) != c.err || !strings.Contains(said.String(), c.said) {
				t.Errorf("%v, said %s", err, said.String())
			}
			if len(asked) != len(c.asked) || slices.ContainsFunc(asked, func(a string) bool {
				return !slices.ContainsFunc(c.asked, func(w string) bool { return strings.Contains(a, w) })
			}) {
				t.Errorf("asked %q", asked)
			}
		})
	}
}
