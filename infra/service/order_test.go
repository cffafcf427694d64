package service

import (
	"fmt"
	"strings"
	"testing"

	"adminassistant/infra/golambda"
	"adminassistant/infra/infratest"
)

// untimely says which resources of a template CloudFormation may begin with before there is what they name: the alias of a function, by its
// qualifier, or anything else that has a name of ours. It returns as well how many qualifiers it saw.
func untimely(template infratest.Template) (wrong []string, qualifiers int) {
	aliases := map[string]string{} // by the function
	named := map[string][]string{} // resources by the names of ours
	callers := map[string]string{  // what calls a function, and by which member
		"AWS::Lambda::EventInvokeConfig": "FunctionName", "AWS::Lambda::EventSourceMapping": "FunctionName", "AWS::Lambda::Permission": "FunctionName",
		"AWS::Scheduler::Schedule": "Target", "AWS::ApiGatewayV2::Integration": "IntegrationUri",
	}
	for id, r := range template.Resources {
		if r.Type == "AWS::Lambda::Alias" {
			aliases[template.Refers(r.Properties["FunctionName"])[0]] = id
			continue
		}
		for _, member := range []string{"AlarmName", "TopicName", "DeploymentConfigName", "DeploymentGroupName", "DashboardName", "ParameterName", "BudgetName"} {
			if name, ok := r.Properties[member].(string); ok && !strings.HasPrefix(name, "CodeDeployDefault.") {
				named[name] = append(named[name], id)
			}
		}
	}
	for id, r := range template.Resources {
		before := template.Closure(id)
		if before[id] {
			wrong = append(wrong, id+" waits for itself")
		}
		if member, calls := callers[r.Type]; calls || r.Properties["Qualifier"] != nil {
			qualifiers++
			alias := false
			for _, to := range template.Refers(r.Properties[member]) {
				at := to
				if of, ok := aliases[to]; ok && r.Properties["Qualifier"] == golambda.Alias {
					at = of // it names the function, and the alias by its qualifier
				}
				alias = alias || template.Resources[at].Type == "AWS::Lambda::Alias" && before[at]
			}
			if !alias {
				wrong = append(wrong, fmt.Sprintf("%s (%s) does not wait for the alias %s", id, r.Type, golambda.Alias))
			}
		}
		for _, text := range infratest.Texts(r.Properties) {
			for _, other := range named[text] {
				if other != id && !before[other] {
					wrong = append(wrong, fmt.Sprintf("%s names %s, and does not wait for it", id, text))
				}
			}
		}
	}
	return wrong, qualifiers
}

// TestTheFirstDeploymentNamesNothingBeforeItExists walks what each resource waits for.
func TestTheFirstDeploymentNamesNothingBeforeItExists(t *testing.T) {
	for stage, of := range map[string]func() (infratest.Template, error){"prod": prod, "delegated": delegated, "dev": dev} {
		wrong, qualifiers := untimely(stack(t, of).Template)
		for _, w := range wrong {
			t.Errorf("%s: %s", stage, w)
		}
		if qualifiers < 9 { // five queues, the schedule, its failures, the gateway and its permission
			t.Errorf("%s: only %d callers of functions were found", stage, qualifiers)
		}
	}
}

// TestWhatIsNamedTooEarlyIsFound shows the walk templates that were made up.
func TestWhatIsNamedTooEarlyIsFound(t *testing.T) {
	ref := func(id string) any { return map[string]any{"Ref": id} }
	at := func(id, of string) any { return map[string]any{"Fn::GetAtt": []any{id, of}} }
	alias := infratest.Resource{Type: "AWS::Lambda::Alias", Properties: map[string]any{
		"FunctionName": ref("F"), "FunctionVersion": at("V", "Version"), "Name": "live",
	}}
	version := infratest.Resource{Type: "AWS::Lambda::Version", Properties: map[string]any{"FunctionName": ref("F")}}
	function := infratest.Resource{Type: "AWS::Lambda::Function"}
	for _, c := range []struct {
		name  string
		extra infratest.Resource
		want  string
	}{
		{"a qualifier that nothing waits for", infratest.Resource{Type: "AWS::Lambda::EventInvokeConfig",
			Properties: map[string]any{"FunctionName": ref("F"), "Qualifier": "live"}}, "alias"},
		{"one that waits", infratest.Resource{Type: "AWS::Lambda::EventInvokeConfig", DependsOn: []string{"A"},
			Properties: map[string]any{"FunctionName": ref("F"), "Qualifier": "live"}}, ""},
		{"one that waits for the version alone", infratest.Resource{Type: "AWS::Lambda::EventInvokeConfig", DependsOn: []string{"V"},
			Properties: map[string]any{"FunctionName": ref("F"), "Qualifier": "live"}}, "alias"},
		{"a queue that calls the function itself", infratest.Resource{Type: "AWS::Lambda::EventSourceMapping",
			Properties: map[string]any{"FunctionName": ref("F")}}, "alias"},
		{"a queue that calls the alias", infratest.Resource{Type: "AWS::Lambda::EventSourceMapping",
			Properties: map[string]any{"FunctionName": map[string]any{"Fn::Sub": "${A}"}}}, ""},
		{"an alarm by its name", infratest.Resource{Type: "AWS::CodeDeploy::DeploymentGroup", Properties: map[string]any{
			"Alarms": []any{map[string]any{"Name": "dev-alarm"}}}}, "dev-alarm"},
		{"an alarm by its name, and waited for", infratest.Resource{Type: "AWS::CodeDeploy::DeploymentGroup", DependsOn: []string{"Alarm"},
			Properties: map[string]any{"Alarms": []any{map[string]any{"Name": "dev-alarm"}}}}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			wrong, _ := untimely(infratest.Template{Resources: map[string]infratest.Resource{
				"A": alias, "V": version, "F": function, "X": c.extra,
				"Alarm": {Type: "AWS::CloudWatch::Alarm", Properties: map[string]any{"AlarmName": "dev-alarm"}},
			}})
			if got := strings.Join(wrong, "\n"); (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
