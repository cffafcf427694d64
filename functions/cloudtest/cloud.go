// Package cloudtest is what AWS puts around the compiled functions, for tests: API Gateway before the one, SQS and the schedule before the others,
// with the limits that they have. The table is in DynamoDB Local; queues, objects, keys, secrets and e-mail are moto's.
package cloudtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/awstest"
	"adminassistant/shared/queue"
	"adminassistant/shared/store/dynamo"
)

// Deployed is how a function is deployed.
type Deployed struct {
	Memory  int // MB
	Timeout time.Duration
	// AllowLoops says that what the function sends on may come back to it as often as it likes.
	AllowLoops bool
	// Queues are those of which messages invoke the function, with the most messages of one invocation.
	Queues map[string]int
}

// Functions are all there are. The tests of infra/service compare them with its template.
var Functions = map[string]Deployed{
	"api":        {Memory: 512, Timeout: 29 * time.Second},
	"dispatcher": {Memory: 256, Timeout: time.Minute},
	"archive":    {Memory: 512, Timeout: 15 * time.Minute, AllowLoops: true, Queues: map[string]int{"archive": 1}},
	"backup":     {Memory: 1024, Timeout: 15 * time.Minute, AllowLoops: true, Queues: map[string]int{"backup": 1}},
	"notify": {Memory: 256, Timeout: time.Minute, AllowLoops: true, Queues: map[string]int{
		"notify": 10, "archive-dead": 10, "backup-dead": 10,
	}},
	"probe": {Memory: 256, Timeout: 10 * time.Minute},
}

// Queues are the names of all queues.
var Queues = []string{"archive", "archive-dead", "backup", "backup-dead", "notify", "notify-dead"}

// Resources are what a deployment hands to its functions.
type Resources struct {
	Table, Bucket string
	Heads, Key    string            // the bucket of heads, and the ARN of the key that seals
	Queues        map[string]string // URL by name, as in "archive-dead"
	// DynamoDB, SQS and Other are addresses of stand-ins; SQS may be empty: Other's. Those of NewResources let a function do what it may do, see May.
	DynamoDB, SQS, Other string
}

// given are the variables that functions have of Resources, without the prefix.
var given = map[string][]string{
	"api":        {"BUCKET", "HEAD_BUCKET", "KEY", "QUEUE_ARCHIVE", "QUEUE_BACKUP"},
	"dispatcher": {"QUEUE_ARCHIVE", "QUEUE_BACKUP", "QUEUE_NOTIFY"},
	"archive":    {"BUCKET", "HEAD_BUCKET", "KEY", "QUEUE_ARCHIVE", "QUEUE_ARCHIVE_DEAD", "QUEUE_NOTIFY"},
	"backup":     {"BUCKET", "QUEUE_BACKUP", "QUEUE_BACKUP_DEAD", "QUEUE_NOTIFY"},
	"notify":     {"QUEUE_NOTIFY", "QUEUE_NOTIFY_DEAD", "QUEUE_ARCHIVE_DEAD", "QUEUE_BACKUP_DEAD"},
	"probe":      {"BUCKET", "VERSIONS"},
}

// Environment is the environment of a function as it is deployed, but for sign-in, mailboxes and e-mail.
func (r *Resources) Environment(function string) map[string]string {
	values := map[string]string{
		"BUCKET": r.Bucket, "HEAD_BUCKET": r.Heads, "KEY": r.Key, "VERSIONS": "api=arn:aws:lambda:eu-central-1:111122223333:function:api:2",
	}
	for name, url := range r.Queues {
		values["QUEUE_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))] = url
	}
	env := map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": function, "AWS_SECRET_ACCESS_KEY": "local",
		"AWS_ENDPOINT_URL": r.Other, "AWS_ENDPOINT_URL_DYNAMODB": r.DynamoDB,
		"ADMIN_ASSISTANT_STAGE": "dev", "ADMIN_ASSISTANT_TABLE": r.Table, "ADMIN_ASSISTANT_LOG_LEVEL": "debug",
		"ADMIN_ASSISTANT_LEASE": "1s", // what a killed worker holds is free again soon
	}
	if r.SQS != "" {
		env["AWS_ENDPOINT_URL_SQS"] = r.SQS
	}
	for _, name := range given[function] {
		env["ADMIN_ASSISTANT_"+name] = values[name]
	}
	return env
}

// NewResources makes a table, queues, buckets and a key, or skips the test where there are no stand-ins for AWS.
func NewResources(t testing.TB) Resources {
	t.Helper()
	tables, moto := awstest.DynamoDB(t), awstest.Moto(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	r := Resources{
		Table: awstest.Table(t, tables, dynamo.Schema), Bucket: strings.ToLower(rand.Text()), Heads: strings.ToLower(rand.Text()), Queues: map[string]string{},
		DynamoDB: os.Getenv("AWS_ENDPOINT_URL_DYNAMODB"), Other: os.Getenv("AWS_ENDPOINT_URL"),
	}
	queues := awssqs.NewFromConfig(moto)
	create := func(name string, attributes map[string]string) string {
		out, err := queues.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		must(err)
		return *out.QueueUrl
	}
	prefix := rand.Text() + "-"
	for _, name := range []string{"archive", "backup", "notify"} {
		dead := name + "-dead"
		r.Queues[dead] = create(prefix+dead, nil)
		arn := sqstypes.QueueAttributeNameQueueArn
		out, err := queues.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{
			QueueUrl: aws.String(r.Queues[dead]), AttributeNames: []sqstypes.QueueAttributeName{arn},
		})
		must(err)
		r.Queues[name] = create(prefix+name, map[string]string{
			"RedrivePolicy":     fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, out.Attributes[string(arn)], queue.MaxReceives),
			"VisibilityTimeout": "960",
		})
	}
	objects := awss3.NewFromConfig(moto, func(o *awss3.Options) { o.UsePathStyle = true })
	for _, bucket := range []*string{&r.Bucket, &r.Heads} {
		_, err := objects.CreateBucket(ctx, &awss3.CreateBucketInput{
			Bucket: bucket, ObjectLockEnabledForBucket: aws.Bool(bucket == &r.Heads),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(moto.Region)},
		})
		must(err)
	}
	key, err := awskms.NewFromConfig(moto).CreateKey(ctx, &awskms.CreateKeyInput{})
	must(err)
	r.Key = *key.KeyMetadata.Arn
	at := newGuard(t, r)
	r.DynamoDB, r.Other = at, at
	return r
}

// Options of Start.
type Options struct {
	// Functions are those that run, each in so many environments at most; one whose process ended gets another. A nil map runs each in one.
	Functions map[string]int
	// Environment changes the variables of a function; nil: they stay.
	Environment func(function string, env map[string]string)
	// Change changes the options of a function; nil: they stay.
	Change func(function string, o *lambdatest.Options)
	// Wait says how long a message really waits that is to wait for asked; nil: as long. It makes the clock of the queues a value.
	Wait func(asked time.Duration) time.Duration
	// Twice delivers every message twice, and lets the schedule tick twice, as the services may.
	Twice bool
	// Every is how often the schedule ticks; 0: only when Tick is called.
	Every time.Duration
	// Gateway changes the gateway before api; nil: it stays.
	Gateway func(*Gateway)
}

// Cloud is a deployment that works by itself: requests, messages and ticks invoke its functions until the test ends.
type Cloud struct {
	Resources
	// URL is the address of the gateway; empty if api does not run.
	URL string

	t       testing.TB
	options Options
	sqs     *awssqs.Client
	wire    *wire
	pools   map[string]*pool
	dropped counter
}

// Start starts the functions.
func Start(t testing.TB, r Resources, o Options) *Cloud {
	t.Helper()
	c := &Cloud{Resources: r, t: t, options: o, sqs: awssqs.NewFromConfig(awstest.Moto(t)), pools: map[string]*pool{}}
	c.wire = newWire(t, r.Other, o.Wait)
	c.SQS = c.wire.url
	most := o.Functions
	if most == nil {
		most = map[string]int{}
		for name := range Functions {
			most[name] = 1
		}
	}
	for _, name := range slices.Sorted(maps.Keys(most)) {
		c.pools[name] = c.newPool(name, most[name])
	}
	ctx, stop := context.WithCancel(context.Background())
	var working sync.WaitGroup
	t.Cleanup(func() { // before the processes are killed
		stop()
		working.Wait()
	})
	for name := range c.pools {
		for queue, batch := range Functions[name].Queues {
			for range most[name] {
				working.Go(func() { c.deliver(ctx, name, queue, batch) })
			}
		}
	}
	if o.Every > 0 && c.pools["dispatcher"] != nil {
		working.Go(func() { c.schedule(ctx) })
	}
	if c.pools["api"] != nil {
		g := &Gateway{Function: c.pools["api"]}
		if o.Gateway != nil {
			o.Gateway(g)
		}
		server := httptest.NewServer(g)
		t.Cleanup(server.Close)
		c.URL = server.URL
	}
	return c
}

// schedule ticks until ctx ends.
func (c *Cloud) schedule(ctx context.Context) {
	ticks := time.NewTicker(c.options.Every)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
			c.Tick(ctx)
		}
	}
}

// Tick invokes dispatcher, as the schedule does every minute.
func (c *Cloud) Tick(ctx context.Context) {
	times := 1
	if c.options.Twice {
		times = 2
	}
	for range times {
		_, err := c.pools["dispatcher"].InvokeFrom(ctx, "", []byte(`{"version":"0","detail-type":"Scheduled Event"}`))
		if err != nil && ctx.Err() == nil {
			c.t.Errorf("a tick: %v", err)
		}
	}
}

// Dropped is how many messages were dropped because they came round too often.
func (c *Cloud) Dropped() int { return c.dropped.value() }

// Waited is how long messages were to wait, all together.
func (c *Cloud) Waited() time.Duration { return c.wire.waited() }

// Log is what the environments of a function have written.
func (c *Cloud) Log(function string) string {
	var all strings.Builder
	for _, f := range c.pools[function].all() {
		all.WriteString(f.Log())
	}
	return all.String()
}

// counter counts from several goroutines.
type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
}

func (c *counter) value() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}
