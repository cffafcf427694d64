package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"

	"adminassistant/shared/app/migrating"
	"adminassistant/shared/migration"
)

// callMigrate is the program's part that `make migrate` and `make deploy` run: it carries out the steps that a stage's table lacks.
func callMigrate(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("migrate", flag.ContinueOnError)
	flags.SetOutput(out)
	stage := flags.String("stage", "", "dev, staging or prod")
	commit := flags.String("commit", "unknown", "what of the source will be deployed")
	show := flags.Bool("show", false, "say what it would do, and do nothing")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	context, err := contextOf("cdk.json")
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	m := &migrate{doctor: &doctor{look: exec.LookPath, run: output, env: environment, context: context}, stage: *stage, out: out}
	if err := m.do(*commit, *show); err != nil {
		fmt.Fprintln(out, "migrate:", err)
		return 1
	}
	return 0
}

// migrate brings a stage's table into the form that this source reads.
type migrate struct {
	*doctor
	stage string
	out   io.Writer
	steps []migration.Step // in the place of migration.Steps, by tests
}

// do carries the steps out, or says what they would do. It may be interrupted: the next one goes on.
func (m *migrate) do(commit string, show bool) error {
	region, table, err := m.table()
	if err != nil {
		return err
	}
	if table == "" {
		fmt.Fprintf(m.out, "migrate: %s has no table yet; nothing to do\n", m.stage)
		return nil
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	all, err := migrating.Deployed(ctx, region, table, commit)
	if err != nil {
		return err
	}
	if m.steps != nil {
		all.Steps = m.steps
	}
	call, how := all.Run, "of %d records that it is about, %d changed"
	if show {
		call, how = all.Look, "of %d records that it is about, %d would change"
	}
	outcomes, err := call(ctx)
	for _, o := range outcomes {
		fmt.Fprintf(m.out, "migrate: %s: %s "+how+"\n", o.Step, o.What, o.Read, o.Changed)
	}
	if err == nil && len(outcomes) == 0 {
		fmt.Fprintf(m.out, "migrate: nothing to do: the table of %s is as this source reads it\n", m.stage)
	}
	return err
}

// table is the one that the next deployment will use, and where: that of the settings, else that of the stack; empty: there is none yet.
func (m *migrate) table() (region, name string, err error) {
	from, err := m.settingsOf(m.stage)
	if err != nil {
		return "", "", err
	}
	region = strings.TrimSpace(from("region"))
	if name = strings.TrimSpace(from("table")); name != "" {
		return region, name, nil
	}
	name, err = m.aws(region, "cloudformation", "describe-stacks", "--stack-name", "admin-assistant-"+m.stage+"-data",
		"--query", "Stacks[0].Outputs[?OutputKey=='TableName'].OutputValue")
	if err != nil && strings.Contains(err.Error(), "does not exist") {
		return "", "", nil
	}
	return region, name, err
}
