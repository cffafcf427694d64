package app

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"adminassistant/shared/account/bearer"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/account/webidentity"
	"adminassistant/shared/awssdk"
	"adminassistant/shared/blob/s3"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/fault"
	"adminassistant/shared/gateway"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/limit"
	"adminassistant/shared/mail/ses"
	"adminassistant/shared/probe"
	"adminassistant/shared/queue/sqs"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/kms"
	"adminassistant/shared/store/dynamo"
	"adminassistant/shared/telemetry"
	heads "adminassistant/shared/witness"
)

const (
	// busyInCloud is how long a run waits for another one of its archive calendar, and the first pause after an interruption.
	busyInCloud = 15 * time.Second
	// kmsTimeout is how long one attempt to ask KMS may take.
	kmsTimeout = 3 * time.Second
	// vouchTimeout is how long one attempt to ask AWS for a token for the function's role may take.
	vouchTimeout = 3 * time.Second
	// maxAnswer is the largest body that is answered, in bytes. Lambda passes 6 MB on, with the body as a JSON string or in base64.
	maxAnswer = 4 << 20
)

// Function is a Lambda function of the deployed system, with clients that live as long as its process.
type Function struct {
	system
	aws aws.Config
	// stop ends what is under way when the process is asked to end.
	ctx  context.Context
	stop context.CancelFunc
}

// MustOpenFunction reads the settings and sets the clients up that all functions need; it asks no service. requires names the
// variables without which the function cannot work. When a setting is missing or wrong, one line in the log names it, and the
// process ends.
func MustOpenFunction(version string, requires ...string) *Function {
	f, err := openFunction(version, requires)
	if err != nil {
		giveUp(err)
	}
	return f
}

// giveUp says in one line of the log why the function cannot work, and ends the process.
func giveUp(err error) {
	log, logErr := telemetry.NewLogger(os.Stderr, "error", time.Now)
	if logErr != nil {
		panic(logErr)
	}
	err = inSetting(err)
	log.Error().Stringer("fault", fault.Of(err)).Str("field", fault.FieldOf(err)).Err(err).Msg("function not started")
	os.Exit(1)
}

// variables are those that options of other packages come from, by the names that these packages have for them.
var variables = map[string]string{
	"log level": "ADMIN_ASSISTANT_LOG_LEVEL",
	"authority": "ADMIN_ASSISTANT_SIGN_IN_AUTHORITY", "audiences": "ADMIN_ASSISTANT_SIGN_IN_AUDIENCE", "tenants": "ADMIN_ASSISTANT_SIGN_IN_TENANTS",
	"clients": "ADMIN_ASSISTANT_SIGN_IN_PROGRAMS", "identifiers": "ADMIN_ASSISTANT_SIGN_IN_IDENTIFIERS", "service roles": "ADMIN_ASSISTANT_SIGN_IN_SERVICE_ROLES",
}

// inSetting names the variable in place of the option that err is about.
func inSetting(err error) error {
	option := fault.FieldOf(err)
	if name := variables[option]; name != "" {
		return fault.Field(name, "%s", strings.TrimPrefix(err.Error(), option+" "))
	}
	return err
}

func openFunction(version string, requires []string) (*Function, error) {
	s, err := FromEnvironment()
	if err != nil {
		return nil, err
	}
	if err := s.require(append(requires, "ADMIN_ASSISTANT_STAGE", "ADMIN_ASSISTANT_TABLE")...); err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(s.memory().Soft())
	f := &Function{system: system{version: version}}
	f.ctx, f.stop = context.WithCancel(context.Background())
	f.settings = s
	if f.log, err = telemetry.NewLogger(os.Stderr, cmp.Or(s.LogLevel, "info"), time.Now); err != nil {
		return nil, err
	}
	f.metrics = telemetry.NewMetrics(os.Stdout, s.Stage, time.Now)
	if f.aws, err = awssdk.Load(f.ctx); err != nil {
		return nil, err
	}
	f.table = dynamo.New(awssdk.Apart(awssdk.Within(f.aws, dynamo.PerAttempt)), s.Table)
	if s.Bucket != "" {
		f.blobs = s3.New(f.aws, s.Bucket)
	}
	f.archives = sqs.New(f.aws, s.QueueArchive, s.QueueArchiveDead)
	f.backups = sqs.New(f.aws, s.QueueBackup, s.QueueBackupDead)
	f.notices = sqs.New(f.aws, s.QueueNotify, s.QueueNotifyDead)
	f.keeper = secret.New(kms.New(awssdk.Within(f.aws, kmsTimeout), s.Key), time.Now, secret.Limits{})
	f.connect(f.credentials)
	if s.HeadBucket != "" {
		kept := heads.New(f.aws, s.HeadBucket, f.signing, time.Now)
		kept.Unkept = func() { f.metrics.Count(telemetry.Counts{telemetry.HeadsUnkept: 1}) }
		f.witness = kept
	}
	if err := f.openAnchors(nil); err != nil {
		return nil, err
	}
	f.providers.users = &once[*microsoft.Client]{make: f.newMicrosoft}
	if s.GraphCredentials != "" {
		f.providers.graph.make = newGraph(s, f.credentials, f.graphOptions, func(o *graph.Options) {
			o.Transport = rotating{http.DefaultTransport, func() bool { return f.providers.graph.again(f.clock()) }}
		})
	}
	return f, nil
}

// credentials completes how the application signs in to Microsoft Graph from the secret that the settings name.
func (f *Function) credentials(ctx context.Context, app *graph.App) error {
	if f.settings.GraphFederated {
		app.Assertion = f.vouched
		return nil
	}
	if f.settings.GraphCredentials == "" {
		return fromSettings(f.settings)(ctx, app)
	}
	held, err := f.secret(ctx, f.settings.GraphCredentials, "ADMIN_ASSISTANT_GRAPH_CREDENTIALS")
	if err != nil {
		return err
	}
	app.Secret, app.Certificate, app.CertificatePassword = held.Secret, held.certificate, []byte(held.Password)
	return nil
}

// applicationSecret is how an application shows who it is: by a secret, or by a certificate.
type applicationSecret struct {
	Secret      string `json:"client_secret"`
	Certificate string `json:"certificate"`
	Password    string `json:"password"`
	// Expires is the last day on which a client secret is good, as in 2027-01-31; Microsoft does not say it in the secret. It may be left out.
	Expires string `json:"expires"`

	certificate []byte
}

// soon is how many days before its end it is counted for how many days a secret is still good.
const soon = 40

// expiry counts for how many days what is held is still good, the current day included, if that is soon. A day that cannot be read counts as none left:
// somebody has to look.
func (s *applicationSecret) expiry(now time.Time, metrics *telemetry.Metrics) {
	var end time.Time
	if block, _ := pem.Decode(s.certificate); block != nil && block.Type == "CERTIFICATE" {
		if certificate, err := x509.ParseCertificate(block.Bytes); err == nil {
			end = certificate.NotAfter
		}
	}
	if s.Expires != "" {
		day, err := time.Parse(time.DateOnly, s.Expires)
		if err != nil {
			day = now.Truncate(24*time.Hour).AddDate(0, 0, -1)
		}
		end = day.AddDate(0, 0, 1)
	}
	if end.IsZero() {
		return
	}
	if days := int(math.Ceil(end.Sub(now).Hours() / 24)); days <= soon {
		metrics.Count(telemetry.Counts{telemetry.SecretDays: max(days, 1)}) // nothing is counted that is not above zero
	}
}

// secret reads an application's secret from Secrets Manager; variable is the setting that names it. No part of it gets into an error.
func (f *Function) secret(ctx context.Context, name, variable string) (applicationSecret, error) {
	var held applicationSecret
	out, err := secretsmanager.NewFromConfig(f.aws).GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &name})
	if err != nil {
		return held, awssdk.Fault(err, "read the secret that "+variable+" names")
	}
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &held) != nil || (held.Secret == "") == (held.Certificate == "") {
		return held, fault.Wrap(fault.Internal, fmt.Errorf(`the secret that %s names must hold {"client_secret"} or {"certificate","password"}`, variable))
	}
	if held.certificate = []byte(held.Certificate); held.Certificate != "" && !strings.Contains(held.Certificate, "-----BEGIN") {
		if held.certificate, err = base64.StdEncoding.DecodeString(held.Certificate); err != nil {
			return held, fault.Wrap(fault.Internal, fmt.Errorf("the certificate that %s names is neither PEM nor base64", variable))
		}
	}
	held.expiry(f.clock(), f.metrics)
	return held, nil
}

// vouched is a token of AWS for the function's role, which stands for an application of Entra ID.
func (f *Function) vouched(ctx context.Context) (string, error) {
	return webidentity.New(awssdk.Within(f.aws, vouchTimeout)).Token(ctx)
}

// newMicrosoft returns who signs users in and acts for them at Microsoft.
func (f *Function) newMicrosoft(ctx context.Context) (*microsoft.Client, error) {
	s := f.settings
	o := microsoft.Options{
		Authority: s.SignInAuthority, Client: s.SignInAudience, RedirectURL: s.SignInRedirect, Tenants: s.SignInTenants, Guests: s.SignInGuests,
		Lets: f.tenants.Lets, More: f.tenants.More, Table: f.table, Clock: time.Now, Keeper: f.keeper,
		HTTPClient: &http.Client{Transport: rotating{http.DefaultTransport, func() bool { return f.providers.users.again(f.clock()) }}},
	}
	if s.SignInFederated {
		o.Assertion = f.vouched
	} else {
		held, err := f.secret(ctx, s.SignInCredentials, "ADMIN_ASSISTANT_SIGN_IN_CREDENTIALS")
		if err != nil {
			return nil, err
		}
		o.Secret, o.Certificate, o.CertificatePassword = held.Secret, held.certificate, []byte(held.Password)
	}
	if !s.GraphDelegated { // nobody acts for users
		o.IdentityOnly, o.Scopes = true, signInOnly
	}
	return microsoft.New(o)
}

// start hands the handler to Lambda; probes come before it, and do is what they can have done. When the process is asked to end, what is under way
// stops where it is safe.
func (f *Function) start(handler lambda.Handler, do func(context.Context, probe.Ask) error) {
	lambda.StartWithOptions(&probed{Handler: handler, function: f, do: do}, lambda.WithContext(f.ctx), lambda.WithEnableSIGTERM(func() {
		f.log.Info().Msg("function stopping")
		f.stop()
	}))
}

// verifier returns who checks the access tokens that requests bring. Those of the API's own application, with which browsers sign in, of the
// command line's and of the programs that are named are accepted.
func (s *Settings) verifier(lets func(ctx context.Context, tenant string) (bool, error)) (*bearer.Verifier, error) {
	return bearer.New(bearer.Options{
		Authority: s.SignInAuthority, Audiences: []string{s.SignInAudience}, Identifiers: s.SignInIdentifiers, Tenants: s.SignInTenants, Lets: lets,
		Guests: s.SignInGuests, ServiceRoles: s.SignInServiceRoles,
		Clients: append([]string{s.SignInAudience, cmp.Or(s.SignInClient, s.SignInAudience)}, s.SignInPrograms...), Clock: time.Now,
	})
}

// StartAPI answers requests that API Gateway passes on, in its payload format 2.0.
func (f *Function) StartAPI() {
	verifier, err := f.settings.verifier(f.tenants.Lets)
	if err != nil {
		giveUp(err)
	}
	f.providers.sealed = true
	f.cli = httpapi.CLISignIn{
		Authority: f.settings.SignInAuthority, Client: cmp.Or(f.settings.SignInClient, f.settings.SignInAudience),
		Scope: f.settings.SignInAudience + "/" + bearer.Scope, Tenants: f.settings.SignInTenants,
	}
	f.limits = limit.New(f.table, limit.Default(), time.Now)
	if f.settings.webSignIn() {
		f.signIn = f.newSignIn()
	}
	if f.settings.MailFrom != "" {
		if f.post, err = ses.New(f.aws, f.settings.MailFrom, f.settings.MailSet, time.Now); err != nil {
			giveUp(err)
		}
	}
	last := &httpapi.LastResort{NewID: f.newID, Log: f.log, Metrics: f.metrics}
	f.start(&gateway.Handler{
		API: httpapi.LimitAnswers(f.api(verifier.Authenticate), maxAnswer), Unreadable: last.Unreadable, TooLarge: last.TooLarge,
		Panicked: last.Panicked,
	}, f.verify)
}

// StartArchive carries out the runs that SQS delivers from the archive queue.
func (f *Function) StartArchive() { f.startWorker(run.ArchiveQueue) }

// StartBackup carries out the runs that SQS delivers from the backup queue.
func (f *Function) StartBackup() { f.startWorker(run.BackupQueue) }

func (f *Function) startWorker(name run.QueueName) {
	w := f.worker(name, busyInCloud, 0)
	f.start(lambda.NewHandler(func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		return failures(w.HandleBatch(ctx, sqs.Messages(event), w.Handle)), nil
	}), f.carryOut(name))
}

// StartNotify sends the notifications that messages of the notify queue name, notes which e-mails came back, and fails
// the runs that the dead letters of the others do.
func (f *Function) StartNotify() {
	s := f.settings
	sender, err := ses.New(f.aws, s.MailFrom, s.MailSet, time.Now)
	if err != nil {
		giveUp(err)
	}
	mailer := f.mailer(sender, limit.New(f.table, limit.Default(), time.Now), busyInCloud, 0)
	mailer.Event = ses.ParseEvent
	dead := map[string]*run.Worker{}
	for _, url := range []string{s.QueueArchiveDead, s.QueueBackupDead} {
		dead[url[strings.LastIndex(url, "/")+1:]] = f.newWorker(sqs.New(f.aws, url, s.QueueNotifyDead), busyInCloud, 0)
	}
	f.start(lambda.NewHandler(func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		var retry []string
		for _, record := range event.Records { // each batch is of one queue
			one := sqs.Messages(events.SQSEvent{Records: []events.SQSMessage{record}})
			if w := dead[record.EventSourceARN[strings.LastIndex(record.EventSourceARN, ":")+1:]]; w != nil {
				retry = append(retry, w.HandleBatch(ctx, one, w.HandleDead)...)
			} else {
				retry = append(retry, mailer.Batch(ctx, one, mailer.Handle)...)
			}
		}
		return failures(retry), nil
	}), nil)
}

// failures names the messages that SQS has to deliver once more; it deletes the others.
func failures(retry []string) events.SQSEventResponse {
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, id := range retry {
		out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: id})
	}
	return out
}

// StartDispatcher starts the runs of jobs that are due, every time the schedule asks for it.
func (f *Function) StartDispatcher() {
	dispatcher := f.dispatcher()
	f.start(lambda.NewHandler(func(ctx context.Context, _ json.RawMessage) error { // the event is not read: the clock says what is due
		return f.tick(ctx, dispatcher)
	}), nil)
}
