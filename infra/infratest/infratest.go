// Package infratest is what the tests of the stacks share. They run the CDK itself, which needs Node.
package infratest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"
)

// The account and region of all stacks in tests.
const (
	Account = "111122223333"
	Region  = "eu-central-1"
)

// Main runs a package's tests and stops the CDK's process after them.
func Main(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// NeedNode skips a test where there is no Node, and fails it in continuous integration.
func NeedNode(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("node"); err == nil {
		return
	} else if os.Getenv("CI") == "true" {
		t.Fatalf("the CDK needs Node: %v", err)
	}
	t.Skip("skipped: the CDK needs Node, which is not installed")
}

// NewApp returns an app with the context that cdk.json in folder root gives to every deployment. It is written to outdir.
func NewApp(root, outdir string) (awscdk.App, error) {
	file, err := os.ReadFile(filepath.Join(root, "cdk.json"))
	if err != nil {
		return nil, err
	}
	var cdk struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(file, &cdk); err != nil {
		return nil, err
	}
	cdk.Context["aws:cdk:enable-path-metadata"] = true // as the CDK's command line does
	return awscdk.NewApp(&awscdk.AppProps{Context: &cdk.Context, Outdir: &outdir}), nil
}

// Stack returns the properties of a stack in tests.
func Stack(name string) awscdk.StackProps {
	return awscdk.StackProps{StackName: &name, Env: &awscdk.Environment{Account: jsii.String(Account), Region: jsii.String(Region)}}
}

// Functions fills a folder with functions that count as built.
func Functions(folder string, names ...string) error {
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name, "bootstrap"), []byte("the program "+name), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// Template is what CloudFormation is given for a stack.
type Template struct {
	Resources  map[string]Resource
	Outputs    map[string]struct{ Value any }
	Parameters map[string]struct{ Type, Default string }
	Conditions map[string]any
}

// Resource is one resource of a template.
type Resource struct {
	Type                string
	Properties          map[string]any
	DeletionPolicy      string
	UpdateReplacePolicy string
	UpdatePolicy        map[string]any
	Metadata            map[string]any
	DependsOn           []string
}

// Read makes the template of a stack. Resources that wait for each other in a circle are an error there.
func Read(stack awscdk.Stack) (Template, error) {
	var t Template
	text, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(text, &t)
}

// Of returns the resources of a type by their logical ids, at least one.
func (t Template) Of(tb testing.TB, kind string) map[string]Resource {
	tb.Helper()
	found := map[string]Resource{}
	for id, r := range t.Resources {
		if r.Type == kind {
			found[id] = r
		}
	}
	if len(found) == 0 {
		tb.Fatalf("no resource is of type %s", kind)
	}
	return found
}

// At walks into what JSON was decoded to, by names of members and places in arrays; nil when there is nothing.
func At(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			array, _ := value.([]any)
			if step >= len(array) {
				return nil
			}
			value = array[step]
		}
	}
	return value
}

// Text is value as compact JSON.
func Text(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Strings returns what is one string or an array of strings in a policy, sorted.
func Strings(value any) []string {
	switch value := value.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, v := range value {
			if s, ok := v.(string); ok {
				list = append(list, s)
			} else {
				list = append(list, Text(v))
			}
		}
		slices.Sort(list)
		return list
	case nil:
		return nil
	}
	return []string{Text(value)}
}
