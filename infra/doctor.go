package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"adminassistant/infra/outside"
	"adminassistant/infra/service"
)

// A finding of the doctor is good, worth knowing, or keeps a deployment from working.
type level string

const (
	good    level = "ok"
	unknown level = "unknown" // it could not be seen
	worth   level = "look"
	missing level = "missing"
)

// symptom is one thing that was looked at.
type symptom struct {
	level level
	what  string
	todo  string // empty if it is good
}

// doctor looks at this machine and at an account of AWS, and says what is missing there.
type doctor struct {
	// look finds a program, as exec.LookPath does.
	look func(program string) (string, error)
	// run runs a program and returns what it printed; an error has what it said about it.
	run func(program string, args ...string) (string, error)
	// there says whether a file exists, by its path below the module's folder.
	there func(file string) bool
	env   func(name string) string
	// context is what cdk.json says.
	context func(name string) any

	found []symptom
}

// callDoctor is the program's part that `make doctor` and `make deploy` run. It returns 1 if something is missing; for a deployment that is what keeps it
// from working, else anything.
func callDoctor(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(out)
	stage := flags.String("stage", "", "look at the account for this stage, too: dev, staging or prod")
	deploying := flags.Bool("deploying", false, "look at the account alone, before a deployment")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	context, err := contextOf("cdk.json")
	if err != nil {
		fmt.Fprintln(out, err)
		return 1
	}
	d := &doctor{look: exec.LookPath, run: output, env: os.Getenv, context: context, there: func(file string) bool {
		_, err := os.Stat(file)
		return err == nil
	}}
	if !*deploying {
		d.machine()
	}
	if *stage != "" {
		d.account(*stage)
	}
	return d.report(out)
}

// contextOf returns what a cdk.json gives to every deployment.
func contextOf(file string) (func(name string) any, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var cdk struct {
		Context map[string]any `json:"context"`
	}
	if err := json.Unmarshal(text, &cdk); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return func(name string) any { return cdk.Context[name] }, nil
}

// output runs a program and returns what it printed.
func output(program string, args ...string) (string, error) {
	var said strings.Builder
	command := exec.Command(program, args...)
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w: %s", program, err, strings.TrimSpace(said.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

func (d *doctor) note(l level, todo, format string, args ...any) {
	d.found = append(d.found, symptom{level: l, what: fmt.Sprintf(format, args...), todo: todo})
}

// report writes what was found, and returns 1 if something is missing.
func (d *doctor) report(out io.Writer) int {
	code := 0
	for _, s := range d.found {
		fmt.Fprintf(out, "%-8s %s\n", s.level, s.what)
		if s.level != good && s.todo != "" {
			fmt.Fprintf(out, "%-8s   %s\n", "", s.todo)
		}
		if s.level == missing {
			code = 1
		}
	}
	return code
}

// programs are what the targets of the Makefile need beside Go, and what for.
var programs = []struct{ names, what, todo string }{
	{"git", "versions of builds", "install git"},
	{"node npm", "the CDK and the tests of the stacks", "install Node 20 or newer with npm"},
	{"java mvn", "DynamoDB Local, for tests of the table", "install Java 17 and Maven"},
	{"python3", "moto, cfn-lint and checkov", "install Python 3.11 or newer with venv"},
	{"aws", "make smoke, rollback, logs, and all runbooks", "install the AWS command line, version 2"},
	{"curl", "make smoke", "install curl"},
	{"jq", "the runbooks", "install jq"},
	{"zstd", "the runbooks, to read records", "install zstd"},
}

// installed are what `make tools` puts below .tools/.
var installed = []string{"dynamodb-local/lib", "moto/bin/python", "cdk/node_modules/.bin/cdk", "awscli/bin/aws", "rie"}

var versionForm = regexp.MustCompile(`([0-9]+)\.([0-9]+)`)

// machine looks for programs.
func (d *doctor) machine() {
	for _, p := range programs {
		var lacks []string
		for _, name := range strings.Fields(p.names) {
			if _, err := d.look(name); err != nil {
				lacks = append(lacks, name)
			}
		}
		if len(lacks) > 0 {
			d.note(missing, p.todo, "%s is not installed; it is for %s", strings.Join(lacks, " and "), p.what)
			continue
		}
		d.note(good, "", "%s", p.names)
	}
	d.atLeast("python3", 3, 11)
	d.atLeast("node", 20, 0)
	for _, tool := range installed {
		if !d.there(filepath.Join(".tools", filepath.FromSlash(tool))) {
			d.note(missing, "make tools", ".tools/%s is not there; tests that need it are left out", tool)
		}
	}
}

// atLeast notes that a program is older than it may be.
func (d *doctor) atLeast(program string, major, minor int) {
	said, err := d.run(program, "--version")
	if err != nil {
		return // it is missing, which is told
	}
	found := versionForm.FindStringSubmatch(said)
	if found == nil {
		d.note(unknown, "", "the version of %s: it says %.40q", program, said)
		return
	}
	a, _ := strconv.Atoi(found[1])
	b, _ := strconv.Atoi(found[2])
	if a < major || a == major && b < minor {
		d.note(missing, fmt.Sprintf("install %s %d.%d or newer", program, major, minor), "%s is version %s", program, found[0])
	}
}

// settingsOf finds what the settings of a stage say, and regionOf where it is; empty: where the command line of AWS is signed in.
func (d *doctor) settingsOf(stage string) (source, error) {
	return sources(func(name string) any {
		if name == "stage" {
			return stage
		}
		return d.context(name)
	}, d.env)
}

func (d *doctor) regionOf(stage string) (string, error) {
	from, err := d.settingsOf(stage)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(from("region")), nil
}

// aws asks AWS and returns its answer; --output and the region are given.
func (d *doctor) aws(region string, args ...string) (string, error) {
	if region != "" {
		args = append(args, "--region", region)
	}
	return d.run("aws", append(args, "--output", "text")...)
}

// account looks at what a deployment of a stage needs in its account.
func (d *doctor) account(stage string) {
	if _, err := d.look("aws"); err != nil {
		d.note(missing, "install the AWS command line, version 2", "aws is not installed; the account cannot be looked at")
		return
	}
	account, err := d.aws("", "sts", "get-caller-identity", "--query", "Account")
	if err != nil {
		d.note(missing, "aws sso login, or set AWS_PROFILE", "nobody is signed in to AWS: %v", err)
		return
	}
	region := cmp.Or(d.env("AWS_REGION"), d.env("AWS_DEFAULT_REGION"))
	if region == "" {
		region, _ = d.aws("", "configure", "get", "region")
	}
	concurrency := d.concurrency(region)
	env := func(name string) string {
		switch name {
		case variable("account"):
			return cmp.Or(d.env(name), account)
		case variable("region"):
			return cmp.Or(d.env(name), region)
		case variable("stage"):
			return stage
		case variable("account-concurrency"):
			return concurrency
		}
		return d.env(name)
	}
	from, err := sources(d.context, env)
	if err != nil {
		d.note(missing, "correct it", "cdk.json: %v", err)
		return
	}
	s, err := read(from)
	if err != nil {
		d.note(missing, "say it in cdk.json under stages, or as a variable", "settings: %v", err)
		return
	}
	d.note(good, "", "settings of %s", stage)
	if s.Account != account {
		d.note(missing, "sign in there, or leave the setting out", "the settings are for account %s; signed in to %s", s.Account, account)
		return
	}
	d.bootstrap(s, s.Region)
	if s.OutsideProbe && s.Region != outside.Region {
		d.bootstrap(s, outside.Region)
	}
	d.reserves(s, concurrency)
	d.mail(s)
	d.trail(s)
	for setting, secret := range map[string]string{"graph-credentials": s.Graph.Credentials, "sign-in-credentials": s.SignIn.Credentials} {
		d.secret(s, setting, secret)
	}
	d.stacks(s)
}

// concurrency is how many instances of functions the account may have in a region, or "" if that cannot be seen.
func (d *doctor) concurrency(region string) string {
	said, err := d.aws(region, "lambda", "get-account-settings", "--query", "AccountLimit.ConcurrentExecutions")
	if n, wrong := strconv.Atoi(said); err != nil || wrong != nil || n < 1 {
		d.note(unknown, "with less than 200 deploy with -c reserved-concurrency=off", "how many functions the account may run at once")
		return ""
	}
	return said
}

// reserves says what the account's concurrency means for the stage.
func (d *doctor) reserves(s settings, concurrency string) {
	n, err := strconv.Atoi(concurrency)
	if err != nil {
		return // which is told
	}
	needs := service.Reserved(s.ArchiveConcurrency, s.BackupConcurrency)
	const more = "ask for more: aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000"
	switch {
	case s.Reserve:
		d.note(good, "", "%d functions at once in the account, of which %s reserves %d", n, s.Stage, needs)
	case n < needs:
		d.note(worth, more, "%d functions at once in the account: enough to try it, and for one user; a busy night is throttled", n)
	case s.Stage == "prod":
		d.note(worth, more, "%d functions at once in the account, of which none are reserved: other programs there can take them all", n)
	default:
		d.note(good, "", "%d functions at once in the account; nothing is reserved", n)
	}
}

// leastBootstrap is the version of the CDK's own stack that templates of this project ask for.
const leastBootstrap = 6

func (d *doctor) bootstrap(s settings, region string) {
	todo := fmt.Sprintf(".tools/cdk/node_modules/.bin/cdk bootstrap aws://%s/%s", s.Account, region)
	said, err := d.aws(region, "ssm", "get-parameter", "--name", "/cdk-bootstrap/hnb659fds/version", "--query", "Parameter.Value")
	switch n, wrong := strconv.Atoi(said); {
	case err != nil && strings.Contains(err.Error(), "ParameterNotFound"):
		d.note(missing, todo, "the account was never prepared for the CDK in %s", region)
	case err != nil || wrong != nil:
		d.note(unknown, todo, "whether the account is prepared for the CDK in %s", region)
	case n < leastBootstrap:
		d.note(missing, todo, "the account was prepared for an older CDK in %s: %d, not %d", region, n, leastBootstrap)
	default:
		d.note(good, "", "prepared for the CDK in %s", region)
	}
}

func (d *doctor) mail(s settings) {
	verified, err := d.aws(s.Region, "sesv2", "get-email-identity", "--email-identity", s.MailIdentity, "--query", "VerifiedForSendingStatus")
	switch {
	case err == nil && verified == "True":
		d.note(good, "", "%s may send e-mail", s.MailIdentity)
	case err == nil || strings.Contains(err.Error(), "NotFoundException"):
		d.note(worth, "aws sesv2 create-email-identity --email-identity "+s.MailIdentity+", then do what it says",
			"SES has not verified %s: notifications are not sent", s.MailIdentity)
	default:
		d.note(unknown, "", "whether SES has verified %s", s.MailIdentity)
	}
	if open, err := d.aws(s.Region, "sesv2", "get-account", "--query", "ProductionAccessEnabled"); err == nil && open != "True" {
		d.note(worth, "verify the addresses of all who get notifications, or ask for production access in the console of SES",
			"SES keeps the account in its sandbox: it sends to verified addresses alone")
	}
}

// trail looks for what tells of keys that are to be deleted: EventBridge gets calls of KMS from a trail of CloudTrail that logs, and without one from nobody.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
func (d *doctor) trail(s settings) {
	said, err := d.aws(s.Region, "cloudtrail", "describe-trails", "--query", "trailList[].TrailARN")
	if err != nil {
		d.note(unknown, "", "whether a trail of CloudTrail logs in %s", s.Region)
		return
	}
	for _, trail := range strings.Fields(said) {
		if logging, err := d.aws(s.Region, "cloudtrail", "get-trail-status", "--name", trail, "--query", "IsLogging"); err == nil && logging == "True" {
			d.note(good, "", "a trail of CloudTrail logs in %s", s.Region)
			return
		}
	}
	d.note(worth, "make one in the console of CloudTrail, for management events, KMS among them; the first costs no more than the bucket that it makes",
		"no trail of CloudTrail logs in %s: nobody is told when a key is to be deleted or is disabled", s.Region)
}

func (d *doctor) secret(s settings, setting, name string) {
	if name == "" {
		return
	}
	switch _, err := d.aws(s.Region, "secretsmanager", "describe-secret", "--secret-id", name, "--query", "ARN"); {
	case err == nil:
		d.note(good, "", "the secret of %s", setting)
	case strings.Contains(err.Error(), "ResourceNotFoundException"):
		d.note(missing, `aws secretsmanager create-secret --name NAME --secret-string file://secret.json, with {"client_secret": "..."}`,
			"the secret that %s names is not in %s", setting, s.Region)
	default:
		d.note(unknown, "", "whether there is the secret that %s names", setting)
	}
}

// stuck are states of a stack in which CloudFormation takes no deployment, and what to do.
var stuck = map[string]string{
	"ROLLBACK_COMPLETE": "its first deployment failed: aws cloudformation delete-stack --stack-name %s",
	"ROLLBACK_FAILED":   "its first deployment failed: aws cloudformation delete-stack --stack-name %s",
	"CREATE_FAILED":     "its first deployment failed: aws cloudformation delete-stack --stack-name %s",
	"DELETE_FAILED":     "delete it to the end: aws cloudformation delete-stack --stack-name %s",
	"UPDATE_ROLLBACK_FAILED": "find out what kept it from going back, mend that, then: aws cloudformation continue-update-rollback --stack-name %s " +
		"(docs/recovery/bad-version.md)",
}

func (d *doctor) stacks(s settings) {
	names := []string{"data", "service"}
	if s.Stage == "prod" {
		names = []string{"data", "heads", "service"}
	}
	if s.OutsideProbe {
		names = append(names, "outside")
	}
	for _, name := range names {
		stack, region := "admin-assistant-"+s.Stage+"-"+name, s.Region
		if name == "outside" {
			region = outside.Region
		}
		state, err := d.aws(region, "cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].StackStatus")
		switch {
		case err != nil && strings.Contains(err.Error(), "does not exist"):
			d.note(good, "", "%s is not there yet", stack)
		case err != nil:
			d.note(unknown, "", "how %s is", stack)
		case stuck[state] != "":
			d.note(missing, fmt.Sprintf(stuck[state], stack), "%s is %s", stack, state)
		case strings.HasSuffix(state, "_IN_PROGRESS"):
			d.note(missing, "wait until it is done", "%s is %s", stack, state)
		default:
			d.note(good, "", "%s is %s", stack, state)
			if name == "service" || name == "outside" {
				d.alarms(s, region, stack)
			}
		}
	}
}

// alarms looks at what rings, and at whether somebody hears it.
func (d *doctor) alarms(s settings, region, stack string) {
	ringing, err := d.aws(region, "cloudwatch", "describe-alarms", "--alarm-name-prefix", s.Stage+"-", "--state-value", "ALARM",
		"--query", "MetricAlarms[].AlarmName")
	if names := strings.Fields(ringing); err == nil && len(names) > 0 && ringing != "None" {
		d.note(worth, "see its page in docs/runbooks; a canary does not begin while an alarm of its functions rings", "rings: %s", strings.Join(names, ", "))
	}
	topic, err := d.aws(region, "cloudformation", "describe-stacks", "--stack-name", stack, "--query", "Stacks[0].Outputs[?OutputKey=='AlarmTopic'].OutputValue")
	if err != nil || topic == "" || topic == "None" {
		return // an older stack, which does not say
	}
	said, err := d.aws(region, "sns", "list-subscriptions-by-topic", "--topic-arn", topic, "--query", "Subscriptions[].SubscriptionArn")
	switch all := strings.Fields(said); {
	case err != nil:
		d.note(unknown, "", "who hears alarms of %s", region)
	case len(all) == 0 || said == "None":
		d.note(worth, "set alarm-email", "nobody hears alarms of %s", region)
	case slices.Contains(all, "PendingConfirmation"):
		d.note(worth, "follow the link in the e-mail from AWS Notifications; a deployment sends it again",
			"the alarm address was never confirmed in %s: it hears nothing", region)
	default:
		d.note(good, "", "alarms of %s are heard", region)
	}
}
