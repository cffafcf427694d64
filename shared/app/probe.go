package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	deploying "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	service "github.com/aws/aws-sdk-go-v2/service/lambda"

	"adminassistant/shared/account"
	"adminassistant/shared/awssdk"
	"adminassistant/shared/fault"
	"adminassistant/shared/migration"
	"adminassistant/shared/probe"
	"adminassistant/shared/queue"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// probed is a function's handler that answers probes itself.
type probed struct {
	lambda.Handler
	function *Function
	do       func(ctx context.Context, a probe.Ask) error // nil: there is nothing that it could be asked to do
}

// Invoke implements lambda.Handler.
func (p *probed) Invoke(ctx context.Context, event []byte) ([]byte, error) {
	ask, is, err := probe.Read(event)
	if !is {
		return p.Handler.Invoke(ctx, event)
	}
	if err == nil {
		err = p.function.probe(ctx, ask, p.do)
	}
	answer := probe.Answer{Version: p.function.version}
	if err != nil {
		telemetry.Failure(p.function.log.Error(), err).Msg("probe failed")
		answer.Problem = err.Error() // of a user who is nobody, told to whoever deploys
	}
	return json.Marshal(answer)
}

// probe looks whether the function reaches what it needs, and has it do what it is asked.
func (f *Function) probe(ctx context.Context, ask probe.Ask, do func(context.Context, probe.Ask) error) error {
	if err := f.table.Ping(ctx); err != nil {
		return fmt.Errorf("reach the table: %w", err)
	}
	pending, err := migration.Pending(ctx, f.table, migration.Steps)
	if err != nil {
		return err
	}
	if len(pending) > 0 {
		return fault.New(fault.Conflict, "the table is not yet as this version reads it: %s; run: make migrate STAGE=%s",
			strings.Join(pending, ", "), f.settings.Stage)
	}
	if f.settings.GraphCredentials != "" {
		if _, err := f.secret(ctx, f.settings.GraphCredentials, "ADMIN_ASSISTANT_GRAPH_CREDENTIALS"); err != nil {
			return err
		}
	}
	if f.settings.SignInCredentials != "" {
		if _, err := f.secret(ctx, f.settings.SignInCredentials, "ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS"); err != nil {
			return err
		}
	}
	switch {
	case ask == probe.Ask{}:
		return nil
	case do == nil:
		return fault.New(fault.Invalid, "this function carries nothing out")
	}
	return do(ctx, ask)
}

// nowhere is a queue for runs that no message names: what is sent or deleted is nothing.
type nowhere struct{ queue.Queue }

func (nowhere) Send(context.Context, []byte, time.Duration) error {
	return errors.New("the run was not carried out in one go")
}
func (nowhere) Delete(context.Context, string) error { return nil }
func (nowhere) Park(_ context.Context, _ queue.Message, reason string) error {
	return errors.New(reason)
}

// carryOut carries out a run of a probe, as the worker of the queue does. Its head is kept by no witness, where it would stay for ten years, and
// nobody counts it.
func (f *Function) carryOut(name run.QueueName) func(context.Context, probe.Ask) error {
	own := f.system
	own.witness, own.metrics = nil, nil
	w := own.worker(name, busyInCloud, 0)
	w.Queue = nowhere{}
	return func(ctx context.Context, a probe.Ask) error {
		if a.Run == nil || !strings.HasPrefix(a.Run.User, probe.Tenant+"#") {
			return fault.New(fault.Invalid, "a probe names a run of its own user")
		}
		body, err := json.Marshal(a.Run)
		if err != nil {
			return err
		}
		return w.Handle(ctx, queue.Message{ID: "probe", Body: body, Receives: queue.MaxReceives})
	}
}

// verify verifies the ledger of a probe's user.
func (f *Function) verify(ctx context.Context, a probe.Ask) error {
	if a.Verify == nil || !strings.HasPrefix(a.Verify.User, probe.Tenant+"#") {
		return fault.New(fault.Invalid, "a probe names a ledger of its own user")
	}
	found, err := f.verifier().Verify(ctx, a.Verify.User, a.Verify.Config, nil)
	if err != nil {
		return err
	}
	if !found.OK {
		return fault.New(fault.Conflict, "the ledger does not verify: %d things are not what was written", found.Misfits)
	}
	return nil
}

// hook is the event with which CodeDeploy calls a function in the course of a deployment.
// https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
type hook struct {
	Deployment string `json:"DeploymentId"`
	Execution  string `json:"LifecycleEventHookExecutionId"`
}

// untilReported is how long before its time is up a probe stops, to report that.
const untilReported = 40 * time.Second

// StartProbe tries the versions that the settings name, whenever CodeDeploy is about to send calls to one of them, and tells CodeDeploy the outcome.
// A set of which one version does not work is not deployed in part: whichever deployment asks, all are tried.
func (f *Function) StartProbe() {
	arns := map[string]string{}
	r := &probe.Rehearsal{
		Ask: f.asks(arns), Configs: f.configs, Runs: f.runs, NewID: f.newID, Clock: f.clock, Erase: f.eraseNobody,
		Calendars: func(user string) probe.Calendars { return f.own.For(user) },
	}
	for _, of := range f.settings.Versions {
		function, arn, ok := strings.Cut(of, "=")
		if !ok {
			giveUp(fault.Field("ADMIN_ASSISTANT_VERSIONS", "must be pairs such as api=arn:..., not %.40q", of))
		}
		r.Functions, arns[function] = append(r.Functions, function), arn
	}
	deployments := codedeploy.NewFromConfig(f.aws)
	f.start(lambda.NewHandler(func(ctx context.Context, h hook) error {
		if h.Deployment == "" || h.Execution == "" {
			return fault.New(fault.Malformed, "not an event of a deployment")
		}
		status := deploying.LifecycleEventStatusSucceeded
		working, cancel := context.WithCancel(ctx)
		if deadline, ok := ctx.Deadline(); ok {
			working, cancel = context.WithDeadline(ctx, deadline.Add(-untilReported))
		}
		defer cancel()
		err := r.Run(working)
		if err != nil {
			status = deploying.LifecycleEventStatusFailed
			telemetry.Failure(f.log.Error(), err).Str("deployment", h.Deployment).Msg("the new versions do not work")
		} else {
			f.log.Info().Str("deployment", h.Deployment).Msg("the new versions work")
		}
		_, err = deployments.PutLifecycleEventHookExecutionStatus(ctx, &codedeploy.PutLifecycleEventHookExecutionStatusInput{
			DeploymentId: &h.Deployment, LifecycleEventHookExecutionId: &h.Execution, Status: status,
		})
		return awssdk.Fault(err, "report to the deployment")
	}), nil)
}

// asks returns who asks versions of functions, by their ARNs.
func (f *Function) asks(arns map[string]string) func(ctx context.Context, function string, a probe.Ask) (probe.Answer, error) {
	functions := service.NewFromConfig(awssdk.Within(f.aws, 0)) // a run takes as long as it takes
	return func(ctx context.Context, function string, a probe.Ask) (answer probe.Answer, err error) {
		event, err := a.Event()
		if err != nil {
			return answer, err
		}
		out, err := functions.Invoke(ctx, &service.InvokeInput{FunctionName: aws.String(arns[function]), Payload: event})
		if err != nil {
			return answer, awssdk.Fault(err, "call it")
		}
		if out.FunctionError != nil {
			return answer, fault.New(fault.Internal, "it ended with an error: %.500s", out.Payload)
		}
		if err := json.Unmarshal(out.Payload, &answer); err != nil {
			return answer, fault.New(fault.Malformed, "its answer is none: %.100q", out.Payload)
		}
		return answer, nil
	}
}

// eraseNobody erases all there is of a probe's user, at once: nobody else is at work for one.
func (f *Function) eraseNobody(ctx context.Context, user string) error {
	pass := account.Erasure{User: user, By: user, Begun: f.clock(), Last: true}
	for _, step := range f.erasing() {
		if err := step.Erase(ctx, pass); err != nil {
			return fmt.Errorf("%s: %w", step.Name, err)
		}
	}
	return store.Clear(ctx, f.table, store.Query{PK: store.UserPartition(user)})
}
