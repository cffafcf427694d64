package functions_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/oklog/ulid/v2"

	"adminassistant/functions/cloudtest"
	"adminassistant/functions/lambdatest"
	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/archive"
	"adminassistant/shared/awstest"
	"adminassistant/shared/blob/s3"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/kms"
	"adminassistant/shared/signing"
	"adminassistant/shared/store"
	"adminassistant/shared/store/dynamo"
)

// Who is in the samples, and what about them must never be in a log.
const (
	tenant   = "11111111-2222-4333-8444-555555555555"
	object   = "66666666-7777-4888-9999-aaaaaaaaaaaa"
	user     = tenant + "#" + object
	person   = "Ana Example"
	address  = "ana@example.com"
	customer = "Globex" // in every subject and category
	guest    = "bob@example.net"

	foreignTenant = "22222222-3333-4444-8555-666666666666"
	foreignObject = "77777777-8888-4999-8aaa-bbbbbbbbbbbb"

	audience   = "99999999-0000-4111-8222-333333333333"
	graphToken = "token-of-the-simulated-mailbox"
	mailFrom   = "assistant@mail.example.com"
)

// resources are what a deployment hands to its functions.
type resources struct {
	table, bucket   string
	heads, key      string            // the bucket of heads, and the ARN of the key that seals
	queues          map[string]string // URL by name, as in "archive-dead"
	graph, signIn   string
	dynamodb, other string // endpoints
}

// settings is the environment of a function as it is deployed, but for how it signs in to Microsoft.
func (r *resources) settings(function string) map[string]string {
	all := cloudtest.Resources{
		Table: r.table, Bucket: r.bucket, Heads: r.heads, Key: r.key, Queues: r.queues, DynamoDB: r.dynamodb, Other: r.other,
	}
	env := all.Environment(function)
	given := map[string][]string{
		"api":     {"SIGN_IN_AUTHORITY", "SIGN_IN_AUDIENCE", "SIGN_IN_TENANTS", "GRAPH_URL", "GRAPH_TOKEN", "MAIL_FROM"},
		"archive": {"GRAPH_URL", "GRAPH_TOKEN"},
		"backup":  {"GRAPH_URL", "GRAPH_TOKEN"},
		"notify":  {"MAIL_FROM"},
		"probe":   {"VERSIONS"},
	}
	values := map[string]string{
		"SIGN_IN_AUTHORITY": r.signIn, "SIGN_IN_AUDIENCE": audience, "SIGN_IN_TENANTS": tenant,
		"GRAPH_URL": r.graph, "GRAPH_TOKEN": graphToken, "MAIL_FROM": mailFrom,
		"VERSIONS": "api=arn:aws:lambda:eu-central-1:111122223333:function:api:2",
	}
	for _, name := range given[function] {
		env["ADMIN_ASSISTANT_"+name] = values[name]
	}
	return env
}

var queueNames = cloudtest.Queues

var functions = slices.Sorted(maps.Keys(cloudtest.Functions))

// launch starts a function of this environment.
func launch(t testing.TB, function string, env map[string]string, change func(*lambdatest.Options)) *lambdatest.Function {
	t.Helper()
	d := cloudtest.Functions[function]
	o := lambdatest.Options{
		FunctionName: function, Memory: d.Memory, Timeout: d.Timeout, AllowLoops: d.AllowLoops,
		InitTimeout: time.Minute, Grace: time.Minute, // the machine may be busy
	}
	if change != nil {
		change(&o)
	}
	return lambdatest.Start(t, lambdatest.Build(t, "adminassistant/functions/"+function), env, o)
}

// deployment is the system of one test: a table, queues and a bucket of its own, and simulators in place of Microsoft's services.
type deployment struct {
	resources
	t       testing.TB
	ctx     context.Context
	sqs     *awssqs.Client
	items   *dynamo.Table
	blobs   *s3.Blob
	objects *awss3.Client
	signing *signing.Installed // as the functions have it
	signer  *entrasim.Server
	sim     *graphsim.Server
	gate    *gate

	secrets *secrets
}

// secrets must not be in any log.
type secrets struct {
	mu  sync.Mutex
	all []string
}

// in is the deployment as a part of the test sees it.
func (d *deployment) in(t testing.TB) *deployment {
	part := *d
	part.t = t
	return &part
}

func deploy(t testing.TB) *deployment {
	t.Helper()
	made := cloudtest.NewResources(t)
	tables, moto := awstest.DynamoDB(t), awstest.Moto(t)
	ctx := t.Context()
	d := &deployment{
		t: t, ctx: ctx, secrets: &secrets{all: []string{graphToken, address, customer, guest, person, object}},
		resources: resources{
			table: made.Table, bucket: made.Bucket, heads: made.Heads, key: made.Key, queues: made.Queues, dynamodb: made.DynamoDB, other: made.Other,
		},
		signer: entrasim.New(entrasim.Options{
			Users: []entrasim.User{
				{Tenant: tenant, Object: object, Name: person, Username: address},
				{Tenant: foreignTenant, Object: foreignObject, Name: "Eve Elsewhere", Username: "eve@example.org"},
			},
			Apps: []entrasim.App{{Client: audience}},
		}),
		sim: graphsim.New(graphsim.Options{Token: graphToken}),
	}

	d.items = dynamo.New(tables, d.table)
	d.sqs = awssqs.NewFromConfig(moto)
	d.objects = awss3.NewFromConfig(moto, func(o *awss3.Options) { o.UsePathStyle = true })
	d.blobs = s3.New(moto, d.bucket)
	d.signing = signing.New(d.items, secret.New(kms.New(moto, d.key), time.Now, secret.Limits{}))

	signIn, err := d.signer.Start("")
	must(t, err)
	t.Cleanup(func() { _ = signIn.Close() })
	d.signIn = signIn.URL

	must(t, d.sim.AddMailbox(graphsim.Mailbox{ID: object, Address: address, Name: person, TimeZone: "Europe/Zurich"}))
	d.gate = &gate{to: d.sim}
	server := httptest.NewServer(d.gate)
	t.Cleanup(server.Close)
	d.graph = server.URL + "/v1.0"
	t.Cleanup(func() { d.sim.AssertNobodyInvited(t) })
	return d
}

// start starts a function of the deployment. At the end of the test its log is searched for what must not be there.
func (d *deployment) start(function string, changes ...func(*lambdatest.Options, map[string]string)) *lambdatest.Function {
	d.t.Helper()
	env := d.settings(function)
	f := launch(d.t, function, env, func(o *lambdatest.Options) {
		for _, change := range changes {
			change(o, env)
		}
	})
	if _, err := f.InitTime(); err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { d.discreet(function, f.Log()) })
	return f
}

// discreet checks that a log tells nothing about people, and no secret.
func (d *deployment) discreet(function, log string) {
	d.t.Helper()
	d.secrets.mu.Lock()
	defer d.secrets.mu.Unlock()
	for _, secret := range d.secrets.all {
		if strings.Contains(strings.ToLower(log), strings.ToLower(secret)) {
			d.t.Errorf("the log of %s has %.20q", function, secret)
		}
	}
	for line := range strings.Lines(log) {
		if names := repeated(line); len(names) > 0 {
			d.t.Errorf("a line of the log of %s has %q more than once: %s", function, names, line)
		}
	}
}

// repeated returns the members that a JSON object has more than once, of which a reader would see one alone.
func repeated(line string) (names []string) {
	in := json.NewDecoder(strings.NewReader(line))
	if opening, err := in.Token(); err != nil || opening != json.Delim('{') {
		return nil // a line of a library's
	}
	seen := map[string]bool{}
	for in.More() {
		name, err := in.Token()
		var value json.RawMessage
		if err != nil || in.Decode(&value) != nil {
			return nil
		}
		if text := fmt.Sprint(name); seen[text] {
			names = append(names, text)
		}
		seen[fmt.Sprint(name)] = true
	}
	return names
}

// lines returns the lines of a function's log that have this message.
func lines(f *lambdatest.Function, message string) (found []map[string]any) {
	for line := range strings.Lines(f.Log()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["message"] == message {
			found = append(found, entry)
		}
	}
	return found
}

// counted adds up a metric in a function's log.
func counted(f *lambdatest.Function, metric string) (n int) {
	for line := range strings.Lines(f.Log()) {
		var entry map[string]any
		if json.Unmarshal([]byte(line), &entry) == nil && entry["_aws"] != nil {
			count, _ := entry[metric].(float64)
			n += int(count)
		}
	}
	return n
}

// token is an access token of the user of the samples, changed as asked.
func (d *deployment) token(changes ...entrasim.Override) string { return d.tokenOf(object, changes...) }

func (d *deployment) tokenOf(object string, changes ...entrasim.Override) string {
	token := d.signer.Token(object, changes...)
	d.secrets.mu.Lock()
	defer d.secrets.mu.Unlock()
	d.secrets.all = append(d.secrets.all, token)
	return token
}

// sample reads one of the events.
func sample[E any](t testing.TB, name string) (e E) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "events", name))
	must(t, err)
	must(t, json.Unmarshal(text, &e))
	return e
}

// request is a sample request of the user who is signed in, changed as asked.
func (d *deployment) request(name string, changes ...func(*events.APIGatewayV2HTTPRequest)) events.APIGatewayV2HTTPRequest {
	d.t.Helper()
	r := sample[events.APIGatewayV2HTTPRequest](d.t, name)
	r.Headers["authorization"] = "Bearer " + d.token()
	for _, change := range changes {
		change(&r)
	}
	return r
}

func header(name, value string) func(*events.APIGatewayV2HTTPRequest) {
	return func(r *events.APIGatewayV2HTTPRequest) {
		if r.Headers[name] = value; value == "" {
			delete(r.Headers, name)
		}
	}
}

func at(method, path string) func(*events.APIGatewayV2HTTPRequest) {
	return func(r *events.APIGatewayV2HTTPRequest) {
		r.RawPath, r.RequestContext.HTTP.Path, r.RequestContext.HTTP.Method = path, path, method
	}
}

// uncompressed is a request of a client that cannot read what is compressed.
func uncompressed(r *events.APIGatewayV2HTTPRequest) { delete(r.Headers, "accept-encoding") }

func body(text string) func(*events.APIGatewayV2HTTPRequest) {
	return func(r *events.APIGatewayV2HTTPRequest) {
		r.Body, r.Headers["content-length"] = text, strconv.Itoa(len(text))
	}
}

// answer is what API Gateway would send to the client.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// ask has api answer a request.
func (d *deployment) ask(api *lambdatest.Function, r events.APIGatewayV2HTTPRequest) answer {
	d.t.Helper()
	a, _ := d.exchange(api, r)
	return a
}

// exchange is ask, with the lines that set cookies.
func (d *deployment) exchange(api *lambdatest.Function, r events.APIGatewayV2HTTPRequest) (a answer, cookies []string) {
	d.t.Helper()
	out := invoke[events.APIGatewayV2HTTPResponse](d, api, r)
	a = answer{status: out.StatusCode, header: http.Header{}, body: []byte(out.Body)}
	for name, value := range out.Headers {
		a.header.Set(name, value)
	}
	if out.IsBase64Encoded {
		var err error
		a.body, err = base64.StdEncoding.DecodeString(out.Body)
		must(d.t, err)
	}
	if a.header.Get("Content-Encoding") == "gzip" {
		packed, err := gzip.NewReader(bytes.NewReader(a.body))
		must(d.t, err)
		a.body, err = io.ReadAll(packed)
		must(d.t, err)
	}
	return a, out.Cookies
}

// read reads the body of an answer that has this status.
func read[T any](t testing.TB, a answer, status int) (v T) {
	t.Helper()
	if a.status != status {
		t.Fatalf("answered %d, want %d: %s", a.status, status, a.body)
	}
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return v
}

type problem struct {
	Status      int    `json:"status"`
	Code        string `json:"code"`
	Correlation string `json:"correlation_id"`
}

// refused checks that an answer is the problem of this status and code.
func refused(t testing.TB, a answer, status int, code string) {
	t.Helper()
	p := read[problem](t, a, status)
	if p.Status != status || p.Code != code || p.Correlation == "" || p.Correlation != a.header.Get("X-Correlation-Id") ||
		a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("answered %s, with %v, want the problem %s", a.body, a.header, code)
	}
}

// invoke has a function handle an event and returns what it returned.
func invoke[T any](d *deployment, f *lambdatest.Function, event any) (out T) {
	d.t.Helper()
	payload, err := json.Marshal(event)
	must(d.t, err)
	a, err := f.Invoke(d.ctx, payload)
	must(d.t, err)
	must(d.t, json.Unmarshal(a.Payload, &out))
	return out
}

// take receives up to n messages of a queue, as Lambda does for the function that it invokes with them.
func (d *deployment) take(name string, n int) events.SQSEvent {
	d.t.Helper()
	out, err := d.sqs.ReceiveMessage(d.ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: aws.String(d.queues[name]), MaxNumberOfMessages: int32(n), VisibilityTimeout: 5400, WaitTimeSeconds: 0, MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
	})
	must(d.t, err)
	return cloudtest.SQSEvent(d.arn(name), out.Messages)
}

func (d *deployment) arn(name string) string {
	return "arn:aws:sqs:eu-central-1:111122223333:" + d.queues[name][strings.LastIndex(d.queues[name], "/")+1:]
}

// replay puts the messages of a sample into a queue and takes them again: what comes back is the sample with ids and receipts that
// the queue knows.
func (d *deployment) replay(name, from string) events.SQSEvent {
	d.t.Helper()
	event := sample[events.SQSEvent](d.t, name)
	sent := map[string]bool{}
	for i := range event.Records {
		r := &event.Records[i]
		in := &awssqs.SendMessageInput{QueueUrl: aws.String(d.queues[from]), MessageBody: &r.Body, MessageAttributes: map[string]sqstypes.MessageAttributeValue{}}
		for attribute, value := range r.MessageAttributes {
			in.MessageAttributes[attribute] = sqstypes.MessageAttributeValue{DataType: &value.DataType, StringValue: value.StringValue}
		}
		_, err := d.sqs.SendMessage(d.ctx, in)
		must(d.t, err)
		taken := d.take(from, 1)
		for len(taken.Records) == 1 && sent[taken.Records[0].Md5OfBody] { // the request to send it was made again, since its answer was late
			_, err := d.sqs.DeleteMessage(d.ctx, &awssqs.DeleteMessageInput{QueueUrl: aws.String(d.queues[from]), ReceiptHandle: &taken.Records[0].ReceiptHandle})
			must(d.t, err)
			taken = d.take(from, 1)
		}
		if sum := md5.Sum([]byte(r.Body)); len(taken.Records) != 1 || taken.Records[0].Md5OfBody != hex.EncodeToString(sum[:]) {
			d.t.Fatalf("queue %s had other messages: %+v", from, taken)
		}
		sent[taken.Records[0].Md5OfBody] = true
		r.MessageId, r.ReceiptHandle, r.EventSourceARN = taken.Records[0].MessageId, taken.Records[0].ReceiptHandle, d.arn(from)
	}
	return event
}

// deliver invokes a function with messages and, as Lambda does, deletes those that the answer does not name as failed.
// It returns the ids of the others.
func (d *deployment) deliver(f *lambdatest.Function, from string, event events.SQSEvent) (failed []string) {
	d.t.Helper()
	for _, item := range invoke[events.SQSEventResponse](d, f, event).BatchItemFailures {
		failed = append(failed, item.ItemIdentifier)
	}
	for _, m := range event.Records {
		if !slices.Contains(failed, m.MessageId) {
			_, err := d.sqs.DeleteMessage(d.ctx, &awssqs.DeleteMessageInput{QueueUrl: aws.String(d.queues[from]), ReceiptHandle: &m.ReceiptHandle})
			if !errors.As(err, new(*sqstypes.ReceiptHandleIsInvalid)) { // the function may have deleted it
				must(d.t, err)
			}
		}
	}
	return failed
}

// deliverAll delivers messages that all have to be handled: none may be named as failed.
func (d *deployment) deliverAll(t testing.TB, f *lambdatest.Function, from string, event events.SQSEvent) {
	t.Helper()
	if failed := d.deliver(f, from, event); len(failed) > 0 {
		t.Fatalf("messages %q have to come again", failed)
	}
}

// redeliver makes messages that were not deleted visible, as the time does, and takes them once more. The leases of whoever had them
// before have ended by then.
func (d *deployment) redeliver(from string, event events.SQSEvent) events.SQSEvent {
	d.t.Helper()
	d.awaitLease()
	for _, m := range event.Records {
		_, err := d.sqs.ChangeMessageVisibility(d.ctx, &awssqs.ChangeMessageVisibilityInput{QueueUrl: aws.String(d.queues[from]), ReceiptHandle: &m.ReceiptHandle})
		must(d.t, err)
	}
	next := d.take(from, 10)
	if len(next.Records) != len(event.Records) {
		d.t.Fatalf("queue %s has %d messages, want %d", from, len(next.Records), len(event.Records))
	}
	return next
}

// awaitLease waits until nobody has the archive calendar reserved.
func (d *deployment) awaitLease() {
	d.t.Helper()
	eventually(d.t, "the lease has ended", func() bool {
		item, err := d.items.Get(d.ctx, run.LeaseKey(d.leaseName()))
		if errors.Is(err, store.ErrNotFound) {
			return true
		}
		must(d.t, err)
		var lease struct{ Until time.Time }
		must(d.t, json.Unmarshal(item.Data, &lease))
		return !time.Now().Before(lease.Until)
	})
}

// leaseName is what the archive calendar is reserved by.
func (d *deployment) leaseName() string {
	return run.LeaseName(user, calendar.URI{Provider: calendar.ProviderGraph}, d.archiveID())
}

// letters returns what is in a queue, as messages without an owner: their bodies, and the reasons why they were parked.
func (d *deployment) letters(name string) (bodies, reasons []string) {
	d.t.Helper()
	for _, m := range d.take(name, 10).Records {
		bodies, reasons = append(bodies, m.Body), append(reasons, aws.ToString(m.MessageAttributes["reason"].StringValue))
	}
	return bodies, reasons
}

// drain empties a queue.
func (d *deployment) drain(name string) {
	d.t.Helper()
	_, err := d.sqs.PurgeQueue(d.ctx, &awssqs.PurgeQueueInput{QueueUrl: aws.String(d.queues[name])})
	must(d.t, err)
}

// waiting counts the messages of a queue, hidden and delayed ones too.
func (d *deployment) waiting(name string) (n int) {
	d.t.Helper()
	names := []sqstypes.QueueAttributeName{
		sqstypes.QueueAttributeNameApproximateNumberOfMessages, sqstypes.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		sqstypes.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}
	out, err := d.sqs.GetQueueAttributes(d.ctx, &awssqs.GetQueueAttributesInput{QueueUrl: aws.String(d.queues[name]), AttributeNames: names})
	must(d.t, err)
	for _, value := range out.Attributes {
		count, err := strconv.Atoi(value)
		must(d.t, err)
		n += count
	}
	return n
}

// empty checks that no message is left in any queue.
func (d *deployment) empty() {
	d.t.Helper()
	for _, name := range queueNames {
		if n := d.waiting(name); n != 0 {
			d.t.Errorf("%d messages are left in queue %s", n, name)
		}
	}
}

func (d *deployment) configs() *archive.Configs {
	return archive.NewConfigs(d.items, ledger.New(d.items, d.blobs, d.signing), newID, time.Now)
}

// config stores an archive config of the mailbox, of the calendars that the samples name, and makes its archive calendar.
func (d *deployment) config() archive.Config {
	d.t.Helper()
	_, err := account.NewUsers(d.items, time.Now).Admit(d.ctx, account.Principal{Tenant: tenant, Object: object, Name: person, UserName: address})
	must(d.t, err)
	source, err := calendar.ParseURI("msgraph://" + address + "/calendars/primary")
	must(d.t, err)
	target, err := calendar.ParseURI("msgraph://" + address + "/calendars/Archive")
	must(d.t, err)
	_, err = d.sim.AddCalendar(address, graphsim.Calendar{Name: "Archive"})
	must(d.t, err)
	c, err := d.configs().Create(d.ctx, user, archive.Config{
		Name: "work", Source: source, Archive: target, Timezone: "Europe/Zurich", Purpose: archive.General, Overlaps: archive.Resolve,
		OnDrift: archive.AskOnDrift, CreateCalendar: true,
	})
	must(d.t, err)
	return c
}

// queued stores a run that waits for its message, changed as asked: an archive run of the first two weeks of October.
func (d *deployment) queued(config, id string, change func(*run.Run)) *run.Run {
	d.t.Helper()
	from, err := calendar.ParseDate("2026-10-01")
	must(d.t, err)
	r := &run.Run{
		ID: id, User: user, Kind: run.Archive, Config: config, From: from, To: from.AddDays(13), State: run.Queued, Progress: run.NewProgress("queued", 0, 0),
		Correlation: "correlation-" + strings.ToLower(id), Created: time.Now().UTC(),
	}
	if change != nil {
		change(r)
	}
	r, _, err = run.NewStore(d.items).Create(d.ctx, r)
	must(d.t, err)
	return r
}

// send leaves the message of a run in a queue.
func (d *deployment) send(r *run.Run, to string) {
	d.t.Helper()
	text, err := json.Marshal(run.Message{RunID: r.ID, Kind: r.Kind, User: r.User, Correlation: r.Correlation})
	must(d.t, err)
	_, err = d.sqs.SendMessage(d.ctx, &awssqs.SendMessageInput{QueueUrl: aws.String(d.queues[to]), MessageBody: aws.String(string(text))})
	must(d.t, err)
}

// stored reads a run.
func (d *deployment) stored(id string) *run.Run {
	d.t.Helper()
	r, err := run.NewStore(d.items).Get(d.ctx, user, id)
	must(d.t, err)
	return r
}

// succeeded checks that a run did what it was for, and returns what it reports.
func (d *deployment) succeeded(id string) archive.Result {
	d.t.Helper()
	r := d.stored(id)
	if r.State != run.Succeeded {
		d.t.Fatalf("run %s is %s, %+v", id, r.State, r.Problem)
	}
	var result archive.Result
	must(d.t, json.Unmarshal(r.Result, &result))
	if !result.Balanced {
		d.t.Errorf("the sums of run %s: %+v", id, result.Counts)
	}
	return result
}

// appointments puts n events, none over another, into the source calendar: some a day, from a day on.
func (d *deployment) appointments(n, days int, first string) {
	d.t.Helper()
	day, err := time.Parse(time.DateOnly, first)
	must(d.t, err)
	for i := range n {
		begin := day.AddDate(0, 0, i%days).Add(6*time.Hour + time.Duration(i/days)*30*time.Minute)
		told := func(t time.Time) map[string]string {
			return map[string]string{"dateTime": t.Format("2006-01-02T15:04:05"), "timeZone": "Europe/Zurich"}
		}
		event, err := json.Marshal(map[string]any{
			"subject": fmt.Sprintf("Review %03d with %s", i, customer), "start": told(begin), "end": told(begin.Add(30 * time.Minute)),
			"showAs": "busy", "categories": []string{customer + " - billable"},
			"body":      map[string]string{"contentType": "text", "content": "What " + customer + " wants."},
			"attendees": []any{map[string]any{"type": "required", "emailAddress": map[string]string{"name": "Bob", "address": guest}}},
		})
		must(d.t, err)
		_, err = d.sim.PutEvent(address, "", event)
		must(d.t, err)
	}
}

// archiveID is the id of the archive calendar.
func (d *deployment) archiveID() string {
	d.t.Helper()
	calendars, err := d.sim.Calendars(address)
	must(d.t, err)
	i := slices.IndexFunc(calendars, func(c graphsim.Calendar) bool { return c.Name == "Archive" })
	if i < 0 {
		d.t.Fatal("there is no archive calendar")
	}
	return calendars[i].ID
}

// content lists a calendar: when each event begins, and its subject.
func (d *deployment) content(calendarID string) []string {
	d.t.Helper()
	stored, err := d.sim.Events(address, calendarID)
	must(d.t, err)
	list := []string{}
	for _, e := range stored {
		start, err := e.Start.Instant(time.UTC)
		must(d.t, err)
		list = append(list, start.UTC().Format(time.RFC3339)+" "+e.Subject)
	}
	slices.Sort(list)
	return list
}

// sourceContent lists the calendar that is archived.
func (d *deployment) sourceContent() []string {
	d.t.Helper()
	calendars, err := d.sim.Calendars(address)
	must(d.t, err)
	return d.content(calendars[0].ID)
}

// once checks that each appointment is in the archive calendar and in the ledger, once.
func (d *deployment) once(config string) {
	d.t.Helper()
	want, got := d.sourceContent(), d.content(d.archiveID())
	if !slices.Equal(got, want) {
		d.t.Errorf("the archive has %d events of %d appointments:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
	entries := ledger.New(d.items, d.blobs, d.signing)
	in, err := entries.Inspect(d.ctx, config)
	must(d.t, err)
	if report := in.Report; !report.OK || report.Entries != len(want) || report.Open != 0 {
		d.t.Errorf("the ledger has %+v, want %d entries", report, len(want))
	}
}

// gate is before the mailbox and can hold a write.
type gate struct {
	to http.Handler

	mu     sync.Mutex
	writes int   // so far; each is of up to twenty events
	held   *hold // nil: all pass
}

// hold is a write that waits: the nth, before or after it takes effect.
type hold struct {
	nth     int
	after   bool
	reached chan struct{} // closed when it waits
}

// stopAt has the nth write, from the start, wait until whoever asked for it is gone.
func (g *gate) stopAt(nth int, after bool) *hold {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = &hold{nth: nth, after: after, reached: make(chan struct{})}
	return g.held
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text := &bytes.Buffer{}
	if _, err := text.ReadFrom(r.Body); err != nil {
		return // whoever asked is gone
	}
	write := strings.HasSuffix(r.URL.Path, "/$batch") && bytes.Contains(text.Bytes(), []byte(`"POST"`))
	r.Body = io.NopCloser(text) // read to its end here, so that the server notices when the connection ends
	g.mu.Lock()
	if write {
		g.writes++
	}
	var held *hold
	if write && g.held != nil && g.held.nth == g.writes {
		held = g.held
	}
	g.mu.Unlock()
	switch {
	case held == nil:
		g.to.ServeHTTP(w, r)
		return
	case held.after:
		g.to.ServeHTTP(httptest.NewRecorder(), r)
	}
	close(held.reached)
	<-r.Context().Done()
}

// newID is an id as the system makes them.
func newID() string { return ulid.MustNew(ulid.Now(), rand.Reader).String() }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that only time brings.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	within(t, time.Minute, what, is)
}

// within waits for what does not take so long, however busy the machine is.
func within(t testing.TB, most time.Duration, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if is() {
			return
		}
	}
	t.Fatalf("not in %s: %s", most, what)
}
