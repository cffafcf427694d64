package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"

	"adminassistant/infra/golambda"
)

// deployed is what a deployment notes of itself: the versions of all functions, in the order of the stack's parameter.
type deployed struct {
	Commit    string `json:"commit"`
	Versions  string `json:"versions"`
	PutBackTo string `json:"put_back_to"` // in the place of the others: it was put back by callRollback
}

// callRollback is the program's part that `make rollback` runs: it puts all functions of a stage back to the versions before those that they are at.
func callRollback(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("rollback", flag.ContinueOnError)
	flags.SetOutput(out)
	stage := flags.String("stage", "", "dev, staging or prod")
	show := flags.Bool("show", false, "say what it would do, and do nothing")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	context, err := contextOf("cdk.json")
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	b := &rollback{doctor: &doctor{look: exec.LookPath, run: output, env: environment, context: context}, stage: *stage, out: out}
	if err := b.do(*show); err != nil {
		fmt.Fprintln(out, "rollback:", err)
		return 1
	}
	return 0
}

// rollback puts a stack back.
type rollback struct {
	*doctor
	stage string
	out   io.Writer

	stack, region string
}

// do puts the functions back, by CloudFormation itself, and waits until it is done. A deployment that is under way is stopped instead: CloudFormation
// goes back by itself.
func (b *rollback) do(show bool) (err error) {
	if b.region, err = b.regionOf(b.stage); err != nil {
		return err
	}
	b.stack = "admin-assistant-" + b.stage + "-service"
	state, err := b.aws(b.region, "cloudformation", "describe-stacks", "--stack-name", b.stack, "--query", "Stacks[0].StackStatus")
	switch {
	case err != nil:
		return err
	case state == "UPDATE_IN_PROGRESS":
		fmt.Fprintf(b.out, "a deployment of %s is under way; it is stopped, and CloudFormation goes back to the versions before it\n", b.stack)
		if show {
			return nil
		}
		if _, err := b.aws(b.region, "cloudformation", "cancel-update-stack", "--stack-name", b.stack); err != nil {
			return err
		}
		_, err := b.aws(b.region, "cloudformation", "wait", "stack-rollback-complete", "--stack-name", b.stack)
		return err
	case !strings.HasSuffix(state, "_COMPLETE") || state == "ROLLBACK_COMPLETE" || state == "DELETE_COMPLETE":
		return fmt.Errorf("%s is %s; run make doctor", b.stack, state)
	}
	history, err := b.history()
	if err != nil {
		return err
	}
	target, at, err := before(history)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.out, "from %s to %s of commit %s\n", at, target.Versions, target.Commit)
	if show {
		return nil
	}
	parameter, err := json.Marshal([]map[string]string{{"ParameterKey": golambda.PinsParameter, "ParameterValue": target.Versions}})
	if err != nil {
		return err
	}
	if _, err := b.aws(b.region, "cloudformation", "update-stack", "--stack-name", b.stack, "--use-previous-template", "--parameters", string(parameter),
		"--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"); err != nil {
		return err
	}
	if _, err := b.aws(b.region, "cloudformation", "wait", "stack-update-complete", "--stack-name", b.stack); err != nil {
		return err
	}
	fmt.Fprintln(b.out, "all functions are back; the next deployment goes on from there")
	return nil
}

// history is what deployments noted, the oldest first.
func (b *rollback) history() ([]deployed, error) {
	name, err := b.aws(b.region, "cloudformation", "describe-stacks", "--stack-name", b.stack, "--query", "Stacks[0].Outputs[?OutputKey=='Deployed'].OutputValue")
	if err != nil {
		return nil, err
	}
	ask := []string{"ssm", "get-parameter-history", "--name", name, "--query", "Parameters[].Value", "--output", "json"}
	if b.region != "" {
		ask = append(ask, "--region", b.region)
	}
	text, err := b.run("aws", ask...)
	if err != nil {
		return nil, err
	}
	var values []string
	if err := json.Unmarshal([]byte(text), &values); err != nil {
		return nil, fmt.Errorf("the history of %s: %w", name, err)
	}
	all := make([]deployed, len(values))
	for i, value := range values {
		if err := json.Unmarshal([]byte(value), &all[i]); err != nil {
			return nil, fmt.Errorf("the history of %s: %w", name, err)
		}
	}
	return all, nil
}

// before returns the deployment before the one whose versions the functions are at, and those versions. What was gone back from is forgotten, until it is
// deployed again: it was not good. So whoever goes back twice goes back two deployments, and who goes back after the mend gets what was good before it.
func before(history []deployed) (target deployed, at string, err error) {
	if len(history) == 0 {
		return target, "", fmt.Errorf("nothing was deployed")
	}
	var good []deployed // the last one is where the functions are
	for _, h := range history {
		at = cmp.Or(h.PutBackTo, h.Versions)
		place := slices.IndexFunc(good, func(g deployed) bool { return g.Versions == at })
		switch {
		case place >= 0 && h.PutBackTo == "" && place == len(good)-1:
			good[place] = h // settings alone were deployed
		case place >= 0: // by callRollback, or by CloudFormation, which writes the value from before when a deployment fails
			good = good[:place+1]
		case h.PutBackTo == "":
			good = append(good, h)
		default:
			good = nil // nobody knows what was before it
		}
	}
	if len(good) < 2 {
		return target, at, fmt.Errorf("there is no deployment before %s that was not gone back from", at)
	}
	return good[len(good)-2], at, nil
}
