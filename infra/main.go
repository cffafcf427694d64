// Command infra is the CDK app: what Admin Assistant is made of in the cloud. The CDK command line runs it, see cdk.json. As `infra doctor` it
// says what this machine and an account lack for that, as `infra migrate` it brings a stage's table into the form that this source reads, and as
// `infra rollback` it puts a stage back.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"adminassistant/infra/data"
	"adminassistant/infra/heads"
	"adminassistant/infra/outside"
	"adminassistant/infra/service"
)

func main() {
	if len(os.Args) > 1 {
		call := map[string]func([]string, io.Writer) int{"doctor": callDoctor, "migrate": callMigrate, "rollback": callRollback}[os.Args[1]]
		if call == nil {
			fmt.Fprintln(os.Stderr, "there are doctor, migrate and rollback, and what the CDK command line runs")
			os.Exit(2)
		}
		os.Exit(call(os.Args[2:], os.Stdout))
	}
	err := run()
	jsii.Close()
	if err != nil {
		fmt.Fprintf(os.Stderr, "cannot describe the stacks:\n%v\n", err)
		os.Exit(1)
	}
}

func run() error {
	app := awscdk.NewApp(nil)
	from, err := sources(func(name string) any { return app.Node().TryGetContext(&name) }, environment)
	if err != nil {
		return err
	}
	s, err := read(from)
	if err != nil {
		return err
	}
	if err := build(app, s); err != nil {
		return err
	}
	app.Synth(nil)
	return nil
}

// environment reads an environment variable. Account and region are, when nothing else is said, those for which the CDK command line
// has credentials.
func environment(name string) string {
	value := os.Getenv(name)
	switch name {
	case variable("account"):
		return cmp.Or(value, os.Getenv("CDK_DEFAULT_ACCOUNT"))
	case variable("region"):
		return cmp.Or(value, os.Getenv("CDK_DEFAULT_REGION"))
	}
	return value
}

// build adds the stacks of a stage to the app. An error says which function is not built.
func build(app awscdk.App, s settings) error {
	props := func(name, what string) awscdk.StackProps {
		return awscdk.StackProps{
			StackName: jsii.String("admin-assistant-" + s.Stage + "-" + name), Description: jsii.String("Admin Assistant: " + what),
			Env:                   &awscdk.Environment{Account: &s.Account, Region: &s.Region},
			TerminationProtection: jsii.Bool(s.Stage == "prod"),
		}
	}
	tags := awscdk.Tags_Of(app)
	tags.Add(jsii.String("product"), jsii.String("admin-assistant"), nil)
	tags.Add(jsii.String("stage"), &s.Stage, nil)
	kept := data.New(app, "data", data.Props{
		Stack: props("data", "table, bucket and keys."), UseTable: s.Table, UseBucket: s.Bucket, CopyVault: s.CopyVault, Destroy: s.Destroy,
		WarmReads: s.WarmReads, WarmWrites: s.WarmWrites,
	})
	var witness *heads.Stack
	if s.Stage == "prod" { // what is put there stays for years
		witness = heads.New(app, "heads", heads.Props{Stack: props("heads", "signed heads of ledgers, which cannot be changed.")})
	}
	if s.OutsideProbe {
		there := props("outside", "probe of the API from other regions.")
		there.Env = &awscdk.Environment{Account: &s.Account, Region: jsii.String(outside.Region)}
		outside.New(app, "outside", outside.Props{Stack: there, Stage: s.Stage, URL: s.PublicURL, AlarmEmail: s.AlarmEmail})
	}
	_, err := service.New(app, "service", service.Props{
		Stack: props("service", "queues, functions, API, schedule and alarms."),
		Stage: s.Stage, Commit: s.Commit, Data: kept, Heads: witness, Functions: s.Functions, Canary: s.Canary,
		LogLevel: s.LogLevel, LogDays: s.LogDays, Destroy: s.Destroy,
		MailFrom: s.MailFrom, MailIdentity: s.MailIdentity, MailConfigurationSet: s.MailConfigurationSet,
		MailSandbox: s.MailSandbox,
		PublicURL:   s.PublicURL, AlarmEmail: s.AlarmEmail, Budget: s.Budget, SignIn: s.SignIn, Graph: s.Graph,
		UnseenDays: s.UnseenDays, StampURL: s.StampURL, StampTrust: s.StampTrust,
		Reserve: s.Reserve, ArchiveConcurrency: s.ArchiveConcurrency, BackupConcurrency: s.BackupConcurrency, CORSOrigins: s.CORSOrigins,
	})
	return err
}
