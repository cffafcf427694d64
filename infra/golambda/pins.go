package golambda

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// Pins let a stack be put back to earlier versions of all functions at once, by a parameter. CloudFormation does it itself, so that it knows which
// versions the aliases are at, and the next deployment goes on from there.
type Pins struct {
	functions []string
	parameter awscdk.CfnParameter
	condition awscdk.CfnCondition
}

const (
	// PinsParameter is the parameter's name: the versions of the functions, in their order, separated by commas.
	PinsParameter = "Versions"
	// Newest stands for the version that the template brings.
	Newest = "newest"
)

// NewPins makes the parameter of a stack, for functions in an order that has to stay.
func NewPins(stack awscdk.Stack, functions ...string) *Pins {
	p := &Pins{functions: functions}
	p.parameter = awscdk.NewCfnParameter(stack, jsii.String(PinsParameter), &awscdk.CfnParameterProps{
		Type: jsii.String("CommaDelimitedList"), Default: jsii.String(NewestOf(len(functions))),
		Description: jsii.String("Versions that the aliases are put back to, in the order " + strings.Join(functions, ", ") + "; " + Newest +
			" is that of the template."),
	})
	p.condition = awscdk.NewCfnCondition(stack, jsii.String("PutBack"), &awscdk.CfnConditionProps{
		Expression: awscdk.Fn_ConditionNot(awscdk.Fn_ConditionEquals(p.of(0), jsii.String(Newest))),
	})
	return p
}

// NewestOf is the value of the parameter with which so many functions get what the template brings.
func NewestOf(functions int) string {
	return strings.Join(slices.Repeat([]string{Newest}, functions), ",")
}

// of is what the parameter says of a function, by its place.
func (p *Pins) of(place int) *string {
	return awscdk.Fn_Select(jsii.Number(place), p.parameter.ValueAsList())
}

// hold has the alias of a function follow its pin, if there is one. A function that the pins do not know is a defect of the caller.
func (p *Pins) hold(function string, alias awslambda.CfnAlias, newest *string) {
	place := slices.Index(p.functions, function)
	if place < 0 {
		panic(fmt.Sprintf("no pin is for %s", function))
	}
	alias.SetFunctionVersion(p.version(place, newest))
}

func (p *Pins) version(place int, newest *string) *string {
	return awscdk.Token_AsString(awscdk.Fn_ConditionIf(p.condition.LogicalId(), p.of(place), newest), nil)
}

// Record notes in a parameter of Systems Manager which versions a deployment brought, once they have all calls. Its history is what to go back to.
func (p *Pins) Record(scope constructs.Construct, commit string, functions ...*Function) awsssm.CfnParameter {
	var versions, pinned []string
	for place, f := range functions {
		versions = append(versions, *f.Function.CurrentVersion().Version())
		pinned = append(pinned, *p.of(place))
	}
	record := awsssm.NewCfnParameter(scope, jsii.String("DeployedVersions"), &awsssm.CfnParameterProps{
		Type: jsii.String("String"), Description: jsii.String("Admin Assistant: the versions of the functions that the last deployment ended with."),
		Value: awscdk.Token_AsString(awscdk.Fn_ConditionIf(p.condition.LogicalId(),
			`{"put_back_to":"`+strings.Join(pinned, ",")+`"}`,
			fmt.Sprintf(`{"commit":%q,"versions":"%s"}`, commit, strings.Join(versions, ","))), nil),
	})
	for _, f := range functions {
		record.AddDependency(f.Alias.Node().DefaultChild().(awslambda.CfnAlias))
	}
	return record
}
