// Package golambda is the one way in which a function of this system is made: arm64, its own role and log, traced, and reached
// through the alias live alone.
package golambda

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Alias is the name under which a function is called. It alone moves from version to version.
const Alias = "live"

// Settings are what all functions of a stack have in common.
type Settings struct {
	// Folder holds the built functions: <Folder>/<name>/bootstrap.
	Folder string
	// LogDays is how long logs are kept, one of Retentions.
	LogDays int
	// Removal is what becomes of a function's log when the function is removed.
	Removal awscdk.RemovalPolicy
	// Rollout moves the aliases; nil moves them at once.
	Rollout *Rollout
	// Pins put the aliases back to versions that a parameter of the stack names; nil: nothing does.
	Pins *Pins
}

// Props are what one function has for itself.
type Props struct {
	// Name is the name of the function's folder, and of its construct.
	Name        string
	Description string
	// MemoryMB also decides the share of a processor, 1,769 MB are one, and what the function holds at once: shared/limit.Memory.
	MemoryMB int
	Timeout  time.Duration
	// Reserved is how many instances may run at once; it is taken from what the account has. 0 sets no limit.
	Reserved int
	// Loops says that what the function sends on may come back to it as often as it likes. Lambda drops it after 16 times else, though it is no
	// mistake: work that waits is sent on. Whoever sends bounds how long.
	Loops       bool
	Environment map[string]string
	// May is all that the function may do, besides writing its log and its traces.
	May []awsiam.PolicyStatement
	// Newest makes a function without versions: whoever calls it calls the newest code.
	Newest bool
}

// Function is a function and what belongs to it.
type Function struct {
	Name       string
	Timeout    time.Duration
	Function   awslambda.Function
	Alias      awslambda.Alias // nil of one without versions
	Log        awslogs.LogGroup
	deployment awscodedeploy.LambdaDeploymentGroup // nil: the alias moves at once
}

// Built says whether each of the functions lies in the folder, ready to be run.
func Built(folder string, names ...string) error {
	for _, name := range names {
		file := filepath.Join(folder, name, "bootstrap")
		switch info, err := os.Stat(file); {
		case err != nil:
			return fmt.Errorf("function %s is not built (%w); run: make build", name, err)
		case !info.Mode().IsRegular() || info.Size() == 0 || info.Mode()&0o111 == 0:
			return fmt.Errorf("function %s: %s is not a program; run: make build", name, file)
		}
	}
	return nil
}

// New makes a function of a folder that Built has seen.
func New(scope constructs.Construct, s Settings, p Props) Function {
	f := Function{Name: p.Name, Timeout: p.Timeout}
	here := constructs.NewConstruct(scope, &p.Name)
	f.Log = awslogs.NewLogGroup(here, jsii.String("Log"), &awslogs.LogGroupProps{
		Retention: Retentions[s.LogDays], RemovalPolicy: s.Removal,
	})
	role := newRole(here, f.Log, p.May)
	var reserved *float64
	if p.Reserved > 0 {
		reserved = jsii.Number(p.Reserved)
	}
	loops := awslambda.RecursiveLoop_TERMINATE
	if p.Loops {
		loops = awslambda.RecursiveLoop_ALLOW
	}
	environment := make(map[string]*string, len(p.Environment))
	for name, value := range p.Environment {
		environment[name] = jsii.String(value)
	}
	var versions *awslambda.VersionOptions
	if !p.Newest { // earlier versions stay, so that the alias can be moved back to them
		versions = &awslambda.VersionOptions{RemovalPolicy: awscdk.RemovalPolicy_RETAIN}
	}
	f.Function = awslambda.NewFunction(here, jsii.String("Function"), &awslambda.FunctionProps{
		Description:                  &p.Description,
		Architecture:                 awslambda.Architecture_ARM_64(),
		Runtime:                      awslambda.Runtime_PROVIDED_AL2023(),
		Handler:                      jsii.String("bootstrap"),
		Code:                         awslambda.Code_FromAsset(jsii.String(filepath.Join(s.Folder, p.Name)), nil),
		MemorySize:                   jsii.Number(p.MemoryMB),
		Timeout:                      Seconds(p.Timeout),
		ReservedConcurrentExecutions: reserved,
		RecursiveLoop:                loops,
		Environment:                  &environment,
		Role:                         role,
		LogGroup:                     f.Log,
		Tracing:                      awslambda.Tracing_ACTIVE,
		CurrentVersionOptions:        versions,
	})
	cdknag.NagSuppressions_AddResourceSuppressions(role.Node().FindChild(jsii.String("DefaultPolicy")).Node().DefaultChild(),
		&[]*cdknag.NagPackSuppression{{
			Id: jsii.String("AwsSolutions-IAM5"), AppliesTo: &[]interface{}{"Resource::*"},
			Reason: jsii.String("X-Ray has no resources to name: xray:PutTraceSegments and xray:PutTelemetryRecords, the only actions here, need *."),
		}}, nil)
	if p.Newest {
		return f
	}
	f.Alias = awslambda.NewAlias(here, jsii.String("Alias"), &awslambda.AliasProps{
		AliasName: jsii.String(Alias), Version: f.Function.CurrentVersion(),
	})
	if s.Pins != nil {
		s.Pins.hold(p.Name, f.Alias.Node().DefaultChild().(awslambda.CfnAlias), f.Function.CurrentVersion().Version())
	}
	f.deployment = s.Rollout.follow(here, f.Alias)
	return f
}

// Try has a hook called before a deployment sends calls to a new version of the function; it goes on if the hook says so. A version that a pin
// names gets all calls at once instead, whatever rings: it was good before.
func (f *Function) Try(r *Rollout, pins *Pins, hook Function) {
	if f.deployment == nil {
		return
	}
	r.role.AddToPolicy(Allow([]*string{hook.Function.FunctionArn()}, "lambda:InvokeFunction"))
	hook.Function.AddToRolePolicy(Allow([]*string{f.deployment.DeploymentGroupArn()}, "codedeploy:PutLifecycleEventHookExecutionStatus"))
	alias := f.Alias.Node().DefaultChild().(awslambda.CfnAlias)
	alias.AddDependency(f.deployment.Node().DefaultChild().(awscodedeploy.CfnDeploymentGroup)) // with the alarms that it watches
	alias.AddDependency(hook.Function.Node().DefaultChild().(awslambda.CfnFunction))
	alias.AddDependency(r.role.Node().FindChild(jsii.String("DefaultPolicy")).Node().DefaultChild().(awsiam.CfnPolicy)) // by which the hook is called
	alias.AddDeletionOverride(jsii.String("UpdatePolicy.CodeDeployLambdaAliasUpdate"))
	alias.AddOverride(jsii.String("UpdatePolicy.Fn::If"), []any{pins.condition.LogicalId(), map[string]any{"Ref": "AWS::NoValue"}, map[string]any{
		"CodeDeployLambdaAliasUpdate": map[string]any{
			"ApplicationName": r.application.ApplicationName(), "DeploymentGroupName": f.deployment.DeploymentGroupName(),
			"BeforeAllowTrafficHook": hook.Function.FunctionName(),
		},
	}})
}

// RollBackOn makes a deployment of the function stop, and go back, when one of the alarms rings.
func (f *Function) RollBackOn(alarms ...awscloudwatch.IAlarm) {
	if f.deployment == nil {
		return
	}
	for _, alarm := range alarms {
		f.deployment.AddAlarm(alarm)
	}
}

// newRole makes a role that may write to the log and do what the function may.
func newRole(scope constructs.Construct, log awslogs.LogGroup, may []awsiam.PolicyStatement) awsiam.Role {
	role := awsiam.NewRole(scope, jsii.String("Role"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("lambda.amazonaws.com"), nil),
	})
	role.AddToPolicy(Allow([]*string{log.LogGroupArn()}, "logs:CreateLogStream", "logs:PutLogEvents"))
	for _, statement := range may {
		role.AddToPolicy(statement)
	}
	return role
}

// Allow makes a statement that allows actions on resources.
func Allow(resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Actions: jsii.Strings(actions...), Resources: &resources})
}

// AllowIf is Allow under conditions of IAM.
func AllowIf(conditions map[string]interface{}, resources []*string, actions ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings(actions...), Resources: &resources, Conditions: &conditions,
	})
}

// Seconds is a time as CDK writes it, in whole seconds.
func Seconds(d time.Duration) awscdk.Duration {
	return awscdk.Duration_Seconds(jsii.Number(d.Seconds()))
}
