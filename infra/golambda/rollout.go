package golambda

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscodedeploy"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// Rollout moves aliases to new versions by CodeDeploy: a tenth of the calls goes to the new version for a while, then all.
type Rollout struct {
	application awscodedeploy.LambdaApplication
	role        awsiam.Role
	config      awscodedeploy.ILambdaDeploymentConfig
}

// Canaries are how long a canary can last, in ascending order.
var Canaries = []time.Duration{5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute}

// NewRollout makes a rollout with a canary that lasts one of Canaries. Another time is a defect of the caller.
func NewRollout(scope constructs.Construct, canary time.Duration) *Rollout {
	if !slices.Contains(Canaries, canary) {
		panic(fmt.Sprintf("CodeDeploy knows no canary of %s", canary))
	}
	here := constructs.NewConstruct(scope, jsii.String("Rollout"))
	r := &Rollout{
		application: awscodedeploy.NewLambdaApplication(here, jsii.String("Application"), nil),
		role: awsiam.NewRole(here, jsii.String("Role"), &awsiam.RoleProps{
			AssumedBy: awsiam.NewServicePrincipal(jsii.String("codedeploy.amazonaws.com"), nil),
		}),
		config: awscodedeploy.LambdaDeploymentConfig_FromLambdaDeploymentConfigName(here, jsii.String("Canary"),
			jsii.String(fmt.Sprintf("CodeDeployDefault.LambdaCanary10Percent%dMinutes", int(canary.Minutes())))),
	}
	cdknag.NagSuppressions_AddResourceSuppressions(r.role, &[]*cdknag.NagPackSuppression{{
		Id:        jsii.String("AwsSolutions-IAM4"),
		AppliesTo: &[]interface{}{"Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSCodeDeployRoleForLambdaLimited"},
		Reason: jsii.String("AWS's own policy for what CodeDeploy does with functions; CodeDeploy alone can take this role, and AWS keeps the " +
			"policy in step with it."),
	}}, nil)
	return r
}

// follow has the alias moved by the rollout.
func (r *Rollout) follow(scope constructs.Construct, alias awslambda.Alias) awscodedeploy.LambdaDeploymentGroup {
	if r == nil {
		return nil
	}
	return awscodedeploy.NewLambdaDeploymentGroup(scope, jsii.String("Deployment"), &awscodedeploy.LambdaDeploymentGroupProps{
		Application: r.application, Role: r.role, Alias: alias, DeploymentConfig: r.config,
		AutoRollback: &awscodedeploy.AutoRollbackConfig{
			FailedDeployment: jsii.Bool(true), StoppedDeployment: jsii.Bool(true), DeploymentInAlarm: jsii.Bool(true),
		},
	})
}
