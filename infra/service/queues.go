package service

import (
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"adminassistant/infra/golambda"
	"adminassistant/shared/queue"
)

// named is a queue with the name that the project has for it.
type named struct {
	queue awssqs.Queue
	name  string
}

// pair is a queue and where its messages go that could not be handled.
type pair struct{ queue, dead named }

type queues struct {
	archive, backup, notify pair
	// scheduleDead has the ticks that did not reach the dispatcher, or that it failed at.
	scheduleDead named
}

const (
	// keepMessages is how long a message waits for a worker; keepDead how long a dead letter waits for a person. Dead letters keep
	// the age that they had.
	keepMessages = 4 * 24 * time.Hour
	keepDead     = 14 * 24 * time.Hour
	// patience is how much longer than a function's timeout its messages stay hidden. A worker that was killed without a word is noticed then: the
	// message comes again. AWS advises six times the timeout, for a function that may be throttled while Lambda holds its messages; here no more are
	// taken at once than may run, and two workers at one run do no harm.
	patience = time.Minute
)

func newQueues(scope constructs.Construct) queues {
	here := constructs.NewConstruct(scope, jsii.String("queues"))
	q := queues{
		archive:      newPair(here, archive, archiveTimeout, notifyTimeout),
		backup:       newPair(here, backup, backupTimeout, notifyTimeout),
		notify:       newPair(here, notify, notifyTimeout, 0),
		scheduleDead: newQueue(here, "schedule-dead", keepDead, 0, nil),
	}
	cdknag.NagSuppressions_AddResourceSuppressions(q.scheduleDead.queue.Node().DefaultChild(), &[]*cdknag.NagPackSuppression{{
		Id:     jsii.String("AwsSolutions-SQS3"),
		Reason: jsii.String("This is a dead-letter queue itself, of EventBridge Scheduler and of Lambda's asynchronous calls; nothing consumes it that could fail."),
	}}, nil)
	return q
}

// newPair makes a queue for a function with that timeout, and its dead-letter queue, for a function with the other; 0 is for a
// queue that only people look at.
func newPair(scope constructs.Construct, name string, timeout, deadTimeout time.Duration) pair {
	dead := newQueue(scope, name+"-dead", keepDead, deadTimeout, nil)
	return pair{dead: dead, queue: newQueue(scope, name, keepMessages, timeout, &awssqs.DeadLetterQueue{
		Queue: dead.queue, MaxReceiveCount: jsii.Number(queue.MaxReceives),
	})}
}

// newQueue makes a queue that SQS encrypts with a key of its own: a message has ids alone, and a key of ours would have to be opened
// to every service that sends.
func newQueue(scope constructs.Construct, name string, keep, timeout time.Duration, dead *awssqs.DeadLetterQueue) named {
	var visibility awscdk.Duration
	if timeout > 0 {
		visibility = golambda.Seconds(timeout + patience)
	}
	return named{name: name, queue: awssqs.NewQueue(scope, &name, &awssqs.QueueProps{
		Encryption: awssqs.QueueEncryption_SQS_MANAGED, EnforceSSL: jsii.Bool(true),
		RetentionPeriod: golambda.Seconds(keep), VisibilityTimeout: visibility, DeadLetterQueue: dead,
	})}
}

// all returns every queue.
func (q queues) all() []named {
	return append(q.working(), q.archive.dead, q.backup.dead, q.notify.dead, q.scheduleDead)
}

// working returns the queues that should not stay full.
func (q queues) working() []named { return []named{q.archive.queue, q.backup.queue, q.notify.queue} }

// title writes "archive-dead" as "ArchiveDead".
func title(name string) string {
	var b strings.Builder
	for _, part := range strings.Split(name, "-") {
		b.WriteString(strings.ToUpper(part[:1]) + part[1:])
	}
	return b.String()
}
