package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"adminassistant/infra/infratest"
)

func TestMain(m *testing.M) { infratest.Main(m) }

// written is what was synthesised of a stage.
type written struct {
	folder   string
	manifest struct {
		Artifacts map[string]struct {
			Type         string
			Environment  string
			Dependencies []string
			Properties   struct {
				StackName             string
				TerminationProtection bool
				Tags                  map[string]string
			}
		}
	}
	templates map[string]infratest.Template // by the stack's id
}

// synth writes all stacks of a stage, looked at by cdk-nag.
func synth(t *testing.T, stage string, changes map[string]string) written {
	t.Helper()
	infratest.NeedNode(t)
	folder := t.TempDir()
	if err := infratest.Functions(filepath.Join(folder, "functions"), "api", "dispatcher", "archive", "backup", "notify", "probe"); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{"functions": filepath.Join(folder, "functions")}
	maps.Copy(all, changes)
	s, err := read(given(stage, all))
	if err != nil {
		t.Fatal(err)
	}
	w := written{folder: filepath.Join(folder, "out"), templates: map[string]infratest.Template{}}
	app, err := infratest.NewApp("..", w.folder)
	if err != nil {
		t.Fatal(err)
	}
	if err := build(app, s); err != nil {
		t.Fatal(err)
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Reports: jsii.Bool(true), ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_CSV},
	}), nil)
	app.Synth(nil)
	readJSON(t, filepath.Join(w.folder, "manifest.json"), &w.manifest)
	ids := stacks(stage)
	if changes["outside-probe"] == "on" {
		ids = append(ids, "outside")
	}
	for _, id := range ids {
		var template infratest.Template
		readJSON(t, filepath.Join(w.folder, id+".template.json"), &template)
		w.templates[id] = template
	}
	return w
}

// stacks are those of a stage.
func stacks(stage string) []string {
	if stage == "prod" {
		return []string{"data", "heads", "service"}
	}
	return []string{"data", "service"}
}

func readJSON(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// finding is a line of cdk-nag's report.
type finding struct{ rule, resource, compliance, reason string }

// findings reads the report of a stack.
func findings(t *testing.T, w written, id string) []finding {
	t.Helper()
	file, err := os.Open(filepath.Join(w.folder, "AwsSolutions-"+w.manifest.Artifacts[id].Properties.StackName+"-NagReport.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) < 2 || !slices.Equal(lines[0][:4], []string{"Rule ID", "Resource ID", "Compliance", "Exception Reason"}) {
		t.Fatalf("%s: unknown report %v", id, lines[0])
	}
	var list []finding
	for _, line := range lines[1:] {
		f := finding{rule: line[0], resource: line[1], compliance: line[2], reason: line[3]}
		if of, reason, ok := strings.Cut(f.reason, "] "); ok && strings.HasPrefix(of, "[") { // what of the resource is suppressed
			f.rule, f.reason = f.rule+of+"]", reason
		}
		list = append(list, f)
	}
	return list
}

// suppression is what a resource says of a rule that it breaks.
type suppression struct {
	ID        string `json:"id"`
	Reason    string `json:"reason"`
	AppliesTo []any  `json:"applies_to"`
}

// covers says whether the suppression is about the finding of a rule, such as "AwsSolutions-IAM5[Resource::*]".
func (s suppression) covers(rule string) bool {
	id, of, _ := strings.Cut(strings.TrimSuffix(rule, "]"), "[")
	if id != s.ID {
		return false
	}
	return s.AppliesTo == nil || slices.ContainsFunc(s.AppliesTo, func(to any) bool {
		if text, ok := to.(string); ok {
			return text == of
		}
		form, _ := infratest.At(to, "regex").(string)
		return regexp.MustCompile(strings.Trim(form, "/")).MatchString(of)
	})
}

func TestNag(t *testing.T) {
	graph := map[string]string{"graph-tenant": guid, "graph-client": guid2, "graph-credentials": "graph/app"}
	users := map[string]string{"sign-in-credentials": "sign-in/app", "public-url": "https://calendar.example.com", "graph-delegated": "true",
		"mail-sandbox": "on", "outside-probe": "on", "copy-vault": "arn:aws:backup:eu-west-1:444455556666:backup-vault:copies"}
	for stage, changes := range map[string]map[string]string{
		"dev": {"alarm-email": "", "removal": "destroy"}, "staging": users, "prod": graph,
	} {
		w := synth(t, stage, changes)
		for id, template := range w.templates {
			found := findings(t, w, id)
			t.Run(stage+": "+id+" breaks no rule without saying why", func(t *testing.T) {
				compliant := 0
				for _, f := range found {
					switch f.compliance {
					case "Compliant":
						compliant++
					case "Suppressed":
						if len(strings.Fields(f.reason)) < 5 {
							t.Errorf("%s on %s: %q is no reason", f.rule, f.resource, f.reason)
						}
					case "N/A":
					default:
						t.Errorf("%s on %s: %s", f.rule, f.resource, f.compliance)
					}
				}
				if compliant == 0 {
					t.Error("nothing was looked at")
				}
			})
			t.Run(stage+": every suppression in "+id+" suppresses something", func(t *testing.T) {
				for _, unused := range unused(t, template, found) {
					t.Error(unused)
				}
			})
		}
	}
}

// unused names the suppressions of a template that are about nothing, or have no reason.
func unused(t *testing.T, template infratest.Template, found []finding) []string {
	t.Helper()
	var list []string
	for id, r := range template.Resources {
		var said []suppression
		text, err := json.Marshal(infratest.At(r.Metadata, "cdk_nag", "rules_to_suppress"))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &said); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		path, _ := r.Metadata["aws:cdk:path"].(string)
		for _, s := range said {
			if strings.TrimSpace(s.Reason) == "" {
				list = append(list, fmt.Sprintf("%s on %s has no reason", s.ID, path))
			}
			parts := []suppression{s}
			if s.AppliesTo != nil {
				parts = parts[:0]
				for _, to := range s.AppliesTo { // each for itself
					parts = append(parts, suppression{ID: s.ID, AppliesTo: []any{to}})
				}
			}
			for _, part := range parts {
				if !slices.ContainsFunc(found, func(f finding) bool { return f.resource == path && f.compliance == "Suppressed" && part.covers(f.rule) }) {
					list = append(list, fmt.Sprintf("%s %v on %s suppresses nothing", s.ID, part.AppliesTo, path))
				}
			}
		}
	}
	return list
}

// TestUnused shows the check of suppressions some that it must not let pass.
func TestUnused(t *testing.T) {
	template := func(suppressions ...any) infratest.Template {
		return infratest.Template{Resources: map[string]infratest.Resource{"Role": {Metadata: map[string]any{
			"aws:cdk:path": "service/role", "cdk_nag": map[string]any{"rules_to_suppress": suppressions},
		}}}}
	}
	rule := func(id, reason string, to ...any) any {
		s := map[string]any{"id": id, "reason": reason}
		if to != nil {
			s["applies_to"] = to
		}
		return s
	}
	found := []finding{{rule: "AwsSolutions-IAM5[Resource::*]", resource: "service/role", compliance: "Suppressed", reason: "r"},
		{rule: "AwsSolutions-IAM4", resource: "service/role", compliance: "Compliant"}}
	for _, c := range []struct {
		name string
		said any
		want string
	}{
		{"one that is used", rule("AwsSolutions-IAM5", "r", "Resource::*"), ""},
		{"one of the whole rule", rule("AwsSolutions-IAM5", "r"), ""},
		{"one by a pattern", rule("AwsSolutions-IAM5", "r", map[string]any{"regex": `/^Resource::\*$/`}), ""},
		{"one without a reason", rule("AwsSolutions-IAM5", " ", "Resource::*"), "no reason"},
		{"one of a rule that is kept", rule("AwsSolutions-IAM4", "r"), "suppresses nothing"},
		{"one of another resource of the rule", rule("AwsSolutions-IAM5", "r", "Resource::*", "Resource::b"), "Resource::b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := unused(t, template(c.said), found)
			if (c.want == "") != (len(got) == 0) || !strings.Contains(strings.Join(got, ""), c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestAStageCanUseATableAndABucketThatWereRestored has a stage that was deployed with its own go over to others.
func TestAStageCanUseATableAndABucketThatWereRestored(t *testing.T) {
	own, restored := synth(t, "prod", nil), synth(t, "prod", map[string]string{"table": "restored-table", "bucket": "restored-bucket"})
	t.Run("the functions read and write those, and may do so", func(t *testing.T) {
		text := infratest.Text(restored.templates["service"].Resources)
		for _, f := range restored.templates["service"].Of(t, "AWS::Lambda::Function") {
			variables := infratest.At(f.Properties, "Environment", "Variables")
			if table := infratest.At(variables, "ADMIN_ASSISTANT_TABLE"); table != "restored-table" {
				t.Errorf("the table is %v", table)
			}
			if bucket := infratest.At(variables, "ADMIN_ASSISTANT_BUCKET"); bucket != nil && bucket != "restored-bucket" {
				t.Errorf("the bucket is %v", bucket)
			}
		}
		for _, want := range []string{":table/restored-table\"", ":table/restored-table/index/gsi1", ":s3:::restored-bucket\"", ":s3:::restored-bucket/ledger/*"} {
			if !strings.Contains(text, want) {
				t.Errorf("nothing is allowed on %s", want)
			}
		}
		if strings.Contains(text, "-data:ExportsOutputRefTable") || strings.Contains(text, "-data:ExportsOutputFnGetAttBucket") {
			t.Error("the old ones are used somewhere")
		}
	})
	t.Run("the old ones stay as they were, and so does what the other stack imports of them until it is deployed", func(t *testing.T) {
		for id, r := range own.templates["data"].Resources {
			if infratest.Text(restored.templates["data"].Resources[id]) != infratest.Text(r) {
				t.Errorf("%s is another", id)
			}
		}
		exports := func(w written) (names []string) {
			for id := range w.templates["data"].Outputs {
				if strings.HasPrefix(id, "ExportsOutput") {
					names = append(names, id)
				}
			}
			return names
		}
		still := exports(restored)
		for _, name := range exports(own) {
			if !slices.Contains(still, name) {
				t.Errorf("%s is gone", name)
			}
		}
	})
	t.Run("the runbooks find those that are used", func(t *testing.T) {
		for output, want := range map[string]string{"TableName": "restored-table", "BucketName": "restored-bucket"} {
			if got := restored.templates["data"].Outputs[output].Value; got != want {
				t.Errorf("%s is %v", output, got)
			}
		}
	})
}

func TestStacks(t *testing.T) {
	for _, stage := range []string{"dev", "prod"} {
		w := synth(t, stage, nil)
		t.Run("there are those of "+stage+", each after those that it needs, and no others", func(t *testing.T) {
			var found []string
			for id, a := range w.manifest.Artifacts {
				if a.Type == "aws:cloudformation:stack" {
					found = append(found, id)
				}
			}
			slices.Sort(found)
			if !slices.Equal(found, stacks(stage)) {
				t.Errorf("there are %q", found)
			}
			for _, id := range stacks(stage) {
				for _, other := range stacks(stage) {
					if waits := slices.Contains(w.manifest.Artifacts[id].Dependencies, other); waits != (id == "service" && other != id) {
						t.Errorf("%s waits for %s: %t", id, other, waits)
					}
				}
			}
		})
		t.Run("those of "+stage+" are named, tagged and protected as the stage wants", func(t *testing.T) {
			for id := range w.templates {
				p := w.manifest.Artifacts[id].Properties
				if p.StackName != "admin-assistant-"+stage+"-"+id || p.TerminationProtection != (stage == "prod") ||
					p.Tags["product"] != "admin-assistant" || p.Tags["stage"] != stage {
					t.Errorf("%s is %+v", id, p)
				}
			}
		})
		t.Run("nothing in "+stage+" that can be replaced has a name of ours", func(t *testing.T) {
			for id, template := range w.templates {
				for name, r := range template.Resources {
					for _, property := range []string{"TableName", "BucketName", "QueueName", "RoleName", "LogGroupName", "TopicName", "DeploymentGroupName"} {
						if _, ours := r.Properties[property].(string); ours { // else it is that of another resource
							t.Errorf("%s/%s has %s", id, name, property)
						}
					}
					if r.Type == "AWS::Lambda::Function" && r.Properties["FunctionName"] != nil {
						t.Errorf("%s/%s has a name", id, name)
					}
				}
			}
		})
	}
}

func TestAProbeFromOutsideIsWhereRoute53TellsOfIt(t *testing.T) {
	for _, on := range []string{"on", "off"} {
		w := synth(t, "prod", map[string]string{"public-url": "https://calendar.example.com", "outside-probe": on})
		stack, there := w.manifest.Artifacts["outside"]
		if there != (on == "on") {
			t.Fatalf("%s: there is such a stack: %t", on, there)
		}
		if !there {
			continue
		}
		if stack.Environment != "aws://"+infratest.Account+"/us-east-1" || stack.Properties.StackName != "admin-assistant-prod-outside" ||
			!stack.Properties.TerminationProtection || stack.Properties.Tags["stage"] != "prod" {
			t.Errorf("it is %+v", stack)
		}
		if service := w.manifest.Artifacts["service"]; service.Environment != "aws://"+infratest.Account+"/"+infratest.Region {
			t.Errorf("the service went there, too: %+v", service)
		}
		for _, other := range stacks("prod") {
			if slices.Contains(stack.Dependencies, other) || slices.Contains(w.manifest.Artifacts[other].Dependencies, "outside") {
				t.Errorf("it and %s wait for each other", other)
			}
		}
	}
}
