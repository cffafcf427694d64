package service

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsses"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"adminassistant/infra/golambda"
	"adminassistant/infra/heads"
)

// The functions, each built from functions/<name>.
const (
	api        = "api"
	dispatcher = "dispatcher"
	archive    = "archive"
	backup     = "backup"
	notify     = "notify"
)

var names = []string{api, dispatcher, archive, backup, notify}

// prober tries new versions of the others, where a canary moves the aliases. It is built as they are, and nobody else calls it.
const prober = "probe"

const (
	apiTimeout        = 29 * time.Second // a gateway waits no longer than 30 s
	dispatcherTimeout = time.Minute
	archiveTimeout    = 15 * time.Minute // the longest there is
	backupTimeout     = 15 * time.Minute
	notifyTimeout     = time.Minute
	probeTimeout      = 10 * time.Minute
)

const (
	// lease and handOn are ADMIN_ASSISTANT_LEASE and _HAND_ON.
	lease  = time.Minute
	handOn = time.Minute
	// dispatchers may overlap, so that one tick that takes long does not lose the next one; more would only get in each other's way.
	dispatchers = 2
	// notices and deadLetters are how many batches of a queue are worked on at once: each writes a few items for each message.
	notices     = 5
	deadLetters = 2
	noticeBatch = 10
	// fewNotices is notices where nothing is reserved: SQS asks for no less, and the account may have 10 instances for all.
	fewNotices = 2
)

// Reserved is how many instances a stage with these settings reserves of its account's concurrency, if it reserves any.
func Reserved(archiveConcurrency, backupConcurrency int) int {
	return dispatchers + archiveConcurrency + backupConcurrency + notices + 2*deadLetters
}

// functions are those of names.
type functions struct {
	api, dispatcher, archive, backup, notify golambda.Function

	pins *golambda.Pins
	// probe is nil where nothing is tried.
	probe *golambda.Function
}

func (f *functions) all() []*golambda.Function {
	return []*golambda.Function{&f.api, &f.dispatcher, &f.archive, &f.backup, &f.notify}
}

// told are all, and the one that tries them.
func (f *functions) told() []*golambda.Function {
	if f.probe == nil {
		return f.all()
	}
	return append(f.all(), f.probe)
}

// rollBackOn makes every function's deployment watch the alarms that show a bad version.
func (f *functions) rollBackOn(a alarms) {
	for _, function := range f.all() {
		function.RollBackOn(a.rollback(function.Name)...)
	}
}

func newFunctions(scope awscdk.Stack, p Props, q queues, set awsses.ConfigurationSet) *functions {
	here := constructs.NewConstruct(scope, jsii.String("functions"))
	settings := golambda.Settings{Folder: p.Functions, LogDays: p.LogDays, Removal: p.removal()}
	settings.Pins = golambda.NewPins(scope, names...)
	if p.Canary > 0 {
		settings.Rollout = golambda.NewRollout(here, p.Canary)
	}
	g := grants{stack: scope, data: p.Data, heads: p.Heads, stamps: p.StampURL != ""}
	e := environment{p: p, q: q}
	may := func(groups ...[]awsiam.PolicyStatement) []awsiam.PolicyStatement { return slices.Concat(groups...) }
	one := func(statements ...awsiam.PolicyStatement) []awsiam.PolicyStatement { return statements }

	reserved := func(instances int) int {
		if !p.Reserve {
			return 0
		}
		return instances
	}
	notifiers := fewNotices
	if p.Reserve {
		notifiers = notices
	}
	objects := map[string]map[string]access{
		// of users who are erased; backups that users delete
		api: {
			ledgerObjects: deletes, runObjects: deletes, backupObjects: deletes, uploadObjects: writes | deletes, restoreObjects: deletes,
			sheetObjects: writes | deletes,
		},
		archive: {ledgerObjects: writes, runObjects: writes, restoreObjects: writes, sheetObjects: reads}, // restores are undone, timesheets verified
		backup:  {backupObjects: writes | deletes, uploadObjects: deletes, restoreObjects: writes},        // the retention deletes, and a file that was imported goes
	}
	f := &functions{
		pins: settings.Pins,
		api: golambda.New(here, settings, golambda.Props{
			Name: api, Description: "Answers the HTTP API.", MemoryMB: 512, Timeout: apiTimeout,
			Environment: e.of(e.bucket(), e.heads(), e.urls(q.archive.queue, q.backup.queue), e.signIn(), e.web(), e.graph(),
				e.sender(set), e.stamps()),
			May: may(g.table(), g.objects(objects[api]), one(g.sends(q.archive.queue, q.backup.queue), g.counts(q.archive.queue, q.backup.queue)),
				one(g.signs()), g.readsHeads(), g.signsIn(p.SignIn), g.credentials(p.Graph.Credentials),
				g.vouches(p.Graph.Federated && !p.SignIn.Federated), // the application's, to list calendars; never a user's
				one(g.mails(p, set, "ses:SendEmail", "ses:SendRawEmail"))),
		}),
		dispatcher: golambda.New(here, settings, golambda.Props{
			Name: dispatcher, Description: "Starts the runs of jobs that are due.", MemoryMB: 256, Timeout: dispatcherTimeout,
			Reserved: reserved(dispatchers),
			Environment: e.of(e.urls(q.archive.queue, q.backup.queue, q.notify.queue), map[string]string{"UNSEEN_DAYS": strconv.Itoa(p.UnseenDays)},
				e.stamps(), e.key()),
			May: may(g.table(), one(g.sends(q.archive.queue, q.backup.queue, q.notify.queue, q.scheduleDead)), // Lambda sends a failed tick there in its name
				g.opens()),
		}),
		archive: golambda.New(here, settings, golambda.Props{
			Name: archive, Description: "Carries out archive, verify and undo runs.", MemoryMB: 512, Timeout: archiveTimeout,
			Reserved: reserved(p.ArchiveConcurrency), Loops: true,
			Environment: e.of(e.bucket(), e.heads(), e.urls(q.archive.queue, q.archive.dead, q.notify.queue), e.runs(), e.users(), e.graph(),
				e.stamps()),
			May: may(g.table(), g.objects(objects[archive]),
				one(g.consumes(q.archive.queue), g.sends(q.archive.queue, q.archive.dead, q.notify.queue)), one(g.signs()), g.keepsHeads(), g.reaches(p)),
		}),
		backup: golambda.New(here, settings, golambda.Props{
			Name: backup, Description: "Carries out backup, restore and drill runs.", MemoryMB: 1024, Timeout: backupTimeout,
			Reserved: reserved(p.BackupConcurrency), Loops: true,
			Environment: e.of(e.bucket(), e.urls(q.backup.queue, q.backup.dead, q.notify.queue), e.runs(), e.users(), e.graph()),
			May: may(g.table(), g.objects(objects[backup]),
				one(g.consumes(q.backup.queue), g.sends(q.backup.queue, q.backup.dead, q.notify.queue)), g.reaches(p)),
		}),
		notify: golambda.New(here, settings, golambda.Props{
			Name: notify, Description: "Sends notifications, notes e-mails that came back, fails runs of dead letters.", MemoryMB: 256, Timeout: notifyTimeout,
			Reserved: reserved(notices + 2*deadLetters), Loops: true,
			Environment: e.of(e.urls(q.notify.queue, q.notify.dead, q.archive.dead, q.backup.dead), e.mail(set)),
			May: may(g.table(), one(g.consumes(q.notify.queue, q.archive.dead, q.backup.dead), g.sends(q.notify.queue, q.notify.dead),
				g.mails(p, set, "ses:SendEmail"), g.signs())),
		}),
	}
	everything := map[string]access{
		ledgerObjects: deletes, runObjects: deletes, backupObjects: deletes, uploadObjects: deletes, restoreObjects: deletes, sheetObjects: deletes,
	}
	if p.Canary > 0 {
		var versions []string
		var arns []*string
		for _, function := range f.all() {
			arn := function.Function.CurrentVersion().FunctionArn()
			versions, arns = append(versions, function.Name+"="+*arn), append(arns, arn)
		}
		objects[prober] = everything
		probe := golambda.New(here, settings, golambda.Props{
			Name: prober, Description: "Tries new versions of the other functions.", MemoryMB: 256, Timeout: probeTimeout, Newest: true,
			Environment: e.of(e.bucket(), map[string]string{"VERSIONS": strings.Join(versions, ",")}),
			May:         may(g.table(), g.objects(everything), one(golambda.Allow(arns, "lambda:InvokeFunction"))),
		})
		for _, function := range f.all() {
			function.Try(settings.Rollout, settings.Pins, probe)
		}
		f.probe = &probe
		suppressObjects(probe, slices.Sorted(maps.Keys(everything)))
	}
	for _, function := range []golambda.Function{f.api, f.archive, f.backup} {
		under := slices.Sorted(maps.Keys(objects[function.Name]))
		if p.Heads != nil && function.Name != backup {
			under = append(under, heads.Under)
		}
		suppressObjects(function, under)
	}
	if p.MailSandbox {
		for _, function := range []golambda.Function{f.api, f.notify} {
			suppressRecipients(function)
		}
	}
	consume(f.archive, q.archive.queue, 1, p.ArchiveConcurrency) // one run has the function's whole time
	consume(f.backup, q.backup.queue, 1, p.BackupConcurrency)
	consume(f.notify, q.notify.queue, noticeBatch, notifiers)
	consume(f.notify, q.archive.dead, noticeBatch, deadLetters)
	consume(f.notify, q.backup.dead, noticeBatch, deadLetters)
	return f
}

// vouched are the functions for whose roles AWS vouches to Entra ID.
func (f *functions) vouched(p Props) []*golambda.Function {
	if !p.SignIn.Federated && !p.Graph.Federated {
		return nil
	}
	return []*golambda.Function{&f.api, &f.archive, &f.backup}
}

// consume has the function called with messages of the queue. No more batches are taken at once than instances are reserved for them:
// one that is turned away would count as a delivery.
func consume(f golambda.Function, q named, batch, atOnce int) {
	f.Alias.AddEventSourceMapping(jsii.String(q.name), &awslambda.EventSourceMappingOptions{
		EventSourceArn: q.queue.QueueArn(), BatchSize: jsii.Number(batch), MaxConcurrency: jsii.Number(atOnce), ReportBatchItemFailures: jsii.Bool(true),
	})
}

// suppressObjects explains the wildcards of grants.objects, and of those for heads.
func suppressObjects(f golambda.Function, under []string) {
	var forms []any
	for _, prefix := range under {
		forms = append(forms, &cdknag.RegexAppliesTo{Regex: jsii.String(`/^Resource::.+\/` + strings.TrimSuffix(prefix, "/") + `\/\*$/`)})
	}
	cdknag.NagSuppressions_AddResourceSuppressions(f.Function.Role().Node().FindChild(jsii.String("DefaultPolicy")).Node().DefaultChild(),
		&[]*cdknag.NagPackSuppression{{
			Id: jsii.String("AwsSolutions-IAM5"), AppliesTo: &forms,
			Reason: jsii.String("Objects under one prefix of a bucket, whose names are made at run time; which prefixes and which actions is said per function."),
		}}, nil)
}

// suppressRecipients explains the wildcard of grants.mails.
func suppressRecipients(f golambda.Function) {
	cdknag.NagSuppressions_AddResourceSuppressions(f.Function.Role().Node().FindChild(jsii.String("DefaultPolicy")).Node().DefaultChild(),
		&[]*cdknag.NagPackSuppression{{
			Id: jsii.String("AwsSolutions-IAM5"), AppliesTo: &[]interface{}{&cdknag.RegexAppliesTo{Regex: jsii.String(`/^Resource::arn:.+:ses:.+:identity\/\*$/`)}},
			Reason: jsii.String("In its sandbox SES asks for permission on the identity of each recipient, and recipients are made at run time. " +
				"The one sender is a condition."),
		}}, nil)
}

func (p Props) removal() awscdk.RemovalPolicy {
	if p.Destroy {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// environment makes the functions' environments; names are without the prefix ADMIN_ASSISTANT_.
type environment struct {
	p Props
	q queues
}

// of puts together what every function has with what one function has.
func (e environment) of(parts ...map[string]string) map[string]string {
	all := map[string]string{"STAGE": e.p.Stage, "TABLE": *e.p.Data.Table.TableName(), "LOG_LEVEL": e.p.LogLevel}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	out := make(map[string]string, len(all))
	for name, value := range all {
		out["ADMIN_ASSISTANT_"+name] = value
	}
	return out
}

func (e environment) bucket() map[string]string {
	return map[string]string{"BUCKET": *e.p.Data.Bucket.BucketName()}
}

// heads is what a function needs to open the installation's signing key, and where heads that are signed with it are kept, if anywhere.
func (e environment) heads() map[string]string {
	all := map[string]string{"KEY": *e.p.Data.TokenKey.KeyArn()}
	if e.p.Heads != nil {
		all["HEAD_BUCKET"] = *e.p.Heads.Bucket.BucketName()
	}
	return all
}

// stamps is what a function needs to have heads stamped, and to check time-stamps; nothing, where none are asked for.
func (e environment) stamps() map[string]string {
	if e.p.StampURL == "" {
		return nil
	}
	return map[string]string{"STAMP_URL": e.p.StampURL, "STAMP_TRUST": e.p.StampTrust}
}

// key is what the function that has heads stamped needs to open them.
func (e environment) key() map[string]string {
	if e.p.StampURL == "" {
		return nil
	}
	return map[string]string{"KEY": *e.p.Data.TokenKey.KeyArn()}
}

func (e environment) urls(queues ...named) map[string]string {
	urls := map[string]string{}
	for _, q := range queues {
		urls["QUEUE_"+strings.ToUpper(strings.ReplaceAll(q.name, "-", "_"))] = *q.queue.QueueUrl()
	}
	return urls
}

func (e environment) runs() map[string]string {
	return map[string]string{"LEASE": lease.String(), "HAND_ON": handOn.String()}
}

// sender is what a function needs to send e-mail.
func (e environment) sender(set awsses.ConfigurationSet) map[string]string {
	return map[string]string{"MAIL_FROM": e.p.MailFrom, "MAIL_SET": *set.ConfigurationSetName()}
}

func (e environment) mail(set awsses.ConfigurationSet) map[string]string {
	out := e.sender(set)
	if e.p.PublicURL != "" { // with the key it signs the addresses below it that end e-mails
		out["PUBLIC_URL"], out["KEY"] = e.p.PublicURL, *e.p.Data.TokenKey.KeyArn()
	}
	return out
}

func (e environment) signIn() map[string]string {
	s := e.p.SignIn
	return given(map[string]string{
		"SIGN_IN_AUTHORITY": s.Authority, "SIGN_IN_AUDIENCE": s.Audience, "SIGN_IN_TENANTS": strings.Join(s.Tenants, ","), "SIGN_IN_CLIENT": s.Client,
		"SIGN_IN_PROGRAMS": strings.Join(s.Programs, ","), "SIGN_IN_SERVICE_ROLES": strings.Join(s.ServiceRoles, ","),
		"SIGN_IN_IDENTIFIERS": strings.Join(s.Identifiers, ","), "SIGN_IN_GUESTS": yes(s.Guests),
	})
}

// web is what a function needs to sign users in at Microsoft and to keep their tokens; nothing, where nobody signs in with a browser.
func (e environment) web() map[string]string {
	s := e.p.SignIn
	if !s.Web() {
		return nil
	}
	return given(map[string]string{
		"SIGN_IN_CREDENTIALS": s.Credentials, "SIGN_IN_FEDERATED": yes(s.Federated), "SIGN_IN_REDIRECT": s.Redirect, "KEY": *e.p.Data.TokenKey.KeyArn(),
	})
}

// yes is how a variable says that something is so.
func yes(so bool) string {
	if so {
		return "true"
	}
	return ""
}

// users is what a function needs to act for users at Microsoft; nothing, where nobody does.
func (e environment) users() map[string]string {
	if !e.p.Graph.Delegated {
		return nil
	}
	all := e.signIn()
	for _, name := range []string{"SIGN_IN_CLIENT", "SIGN_IN_PROGRAMS", "SIGN_IN_SERVICE_ROLES", "SIGN_IN_IDENTIFIERS"} { // which are about requests to the API
		delete(all, name)
	}
	maps.Copy(all, e.web())
	return all
}

func (e environment) graph() map[string]string {
	g := e.p.Graph
	all := map[string]string{"GRAPH_TENANT": g.Tenant, "GRAPH_CLIENT": g.Client, "GRAPH_CREDENTIALS": g.Credentials, "GRAPH_URL": g.URL,
		"GRAPH_DELEGATED": yes(g.Delegated), "GRAPH_FEDERATED": yes(g.Federated)}
	return given(all)
}

// given are the variables that have a value.
func given(all map[string]string) map[string]string {
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// metric is a metric of a function, all versions together.
func metric(f *golambda.Function, name, statistic string, period time.Duration) awscloudwatch.Metric {
	return f.Function.Metric(&name, &awscloudwatch.MetricOptions{Statistic: &statistic, Period: golambda.Seconds(period)})
}
