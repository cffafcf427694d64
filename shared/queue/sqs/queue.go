// Package sqs keeps messages in standard queues of Amazon SQS.
//
// A queue's redrive policy moves a message to its dead-letter queue after queue.MaxReceives deliveries; Park does so at once. Of a
// queue's own settings the delay and the wait of a receive have to be zero, since they count where a request asks for none. The
// service knows whole seconds: shorter times are rounded up.
//
// Who sends needs the permission sqs:SendMessage on the queue. Who receives needs sqs:ReceiveMessage, sqs:DeleteMessage and
// sqs:ChangeMessageVisibility there, and sqs:SendMessage on the dead-letter queue. Stats needs sqs:GetQueueAttributes on both.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	service "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
)

const (
	// answerWithin is how long the answer to a receive may come after its wait.
	answerWithin = 5 * time.Second
	// maxReason is the largest size of a parked message's reason in bytes.
	maxReason = 1 << 10
	// reasonAttribute and reasonType are name and type of the attribute that says why a message was parked. They count towards the
	// size of the message.
	reasonAttribute = "reason"
	reasonType      = "String"
)

// Queue is one queue, and where its dead letters go.
type Queue struct {
	client   *service.Client
	receiver *service.Client // waits long enough for a long poll
	url      string
	deadURL  string
}

var _ queue.Queue = (*Queue)(nil)

// New returns the queue of a URL, of which the dead letters go to the queue of deadURL. Without one, messages can be neither parked
// nor counted as dead; that is enough to send. No service is asked.
func New(cfg aws.Config, url, deadURL string) *Queue {
	return &Queue{client: service.NewFromConfig(cfg), receiver: service.NewFromConfig(patient(cfg)), url: url, deadURL: deadURL}
}

// patient gives an attempt time for the longest wait. An HTTP client other than the SDK's own has limits of its own.
func patient(cfg aws.Config) aws.Config {
	if _, ok := cfg.HTTPClient.(*awshttp.BuildableClient); !ok {
		return cfg
	}
	return awssdk.Within(cfg, queue.MaxWait+answerWithin)
}

// Send adds a message. When the answer is lost the send is repeated, and the message may then be there twice.
func (q *Queue) Send(ctx context.Context, body []byte, delay time.Duration) error {
	if err := queue.CheckSend(body, delay); err != nil {
		return err
	}
	_, err := q.client.SendMessage(ctx, &service.SendMessageInput{
		QueueUrl: &q.url, MessageBody: aws.String(string(body)), DelaySeconds: seconds(delay),
	})
	return classify(err, "send message")
}

// Receive returns visible messages and hides them for at least a second. Messages of an answer that is lost are redelivered after their
// visibility time, as a further delivery.
func (q *Queue) Receive(ctx context.Context, limit int, visibility, wait time.Duration) ([]queue.Message, error) {
	if err := queue.CheckReceive(limit, visibility, wait); err != nil {
		return nil, err
	}
	out, err := q.receiver.ReceiveMessage(ctx, &service.ReceiveMessageInput{
		QueueUrl:            &q.url,
		MaxNumberOfMessages: int32(limit),
		VisibilityTimeout:   max(1, seconds(visibility)), // 0 would be the queue's own
		WaitTimeSeconds:     seconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
		},
	})
	if err != nil {
		return nil, classify(err, "receive messages")
	}
	messages := make([]queue.Message, len(out.Messages))
	for i, m := range out.Messages {
		messages[i] = message(aws.ToString(m.MessageId), aws.ToString(m.ReceiptHandle), aws.ToString(m.Body), m.Attributes)
	}
	return messages, nil
}

// Messages returns the deliveries of an event with which SQS invokes a Lambda function, in its order, one for each record. A record
// without a readable number of deliveries counts as the first one; one without a readable time of sending has the zero time.
func Messages(event events.SQSEvent) []queue.Message {
	messages := make([]queue.Message, len(event.Records))
	for i, m := range event.Records {
		messages[i] = message(m.MessageId, m.ReceiptHandle, m.Body, m.Attributes)
	}
	return messages
}

// lastMilli is the last Unix millisecond whose year has four digits, so that the time can be written down.
const lastMilli = 253402300799999

func message(id, receipt, body string, attributes map[string]string) queue.Message {
	m := queue.Message{ID: id, Receipt: receipt, Body: []byte(body), Receives: 1}
	if n, err := strconv.Atoi(attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)]); err == nil && n > 0 {
		m.Receives = n
	}
	ms, err := strconv.ParseInt(attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err == nil && ms > 0 && ms <= lastMilli {
		m.Sent = time.UnixMilli(ms).UTC()
	}
	return m
}

// Delete removes a message for good.
func (q *Queue) Delete(ctx context.Context, receipt string) error {
	if err := checkReceipt(receipt); err != nil {
		return err
	}
	_, err := q.client.DeleteMessage(ctx, &service.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &receipt})
	if stale(err) {
		return nil
	}
	return classify(err, "delete message")
}

// Extend hides the message for that long from now. When the message was deleted, or is no longer hidden, it changes nothing, without
// error. A message cannot be hidden for longer than queue.MaxVisibility from its delivery, all times together.
func (q *Queue) Extend(ctx context.Context, receipt string, visibility time.Duration) error {
	if err := checkReceipt(receipt); err != nil {
		return err
	}
	if err := queue.CheckVisibility(visibility); err != nil {
		return err
	}
	_, err := q.client.ChangeMessageVisibility(ctx, &service.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &receipt, VisibilityTimeout: seconds(visibility),
	})
	if stale(err) {
		return nil
	}
	return classify(err, "extend message")
}

// Park sends the message to the dead-letter queue, with the reason as an attribute, and then deletes it: what fails in between
// leaves it in both queues, and never in none. A receipt that is no longer the newest makes a dead letter, too, and deletes nothing.
func (q *Queue) Park(ctx context.Context, m queue.Message, reason string) error {
	if err := checkReceipt(m.Receipt); err != nil {
		return err
	}
	if q.deadURL == "" {
		return fault.New(fault.Internal, "park message %s: its queue has no dead-letter queue", m.ID)
	}
	in := &service.SendMessageInput{QueueUrl: &q.deadURL, MessageBody: aws.String(string(m.Body))}
	if reason := fitting(reason, queue.MaxBody-len(m.Body)-len(reasonAttribute)-len(reasonType)); reason != "" {
		in.MessageAttributes = map[string]types.MessageAttributeValue{
			reasonAttribute: {DataType: aws.String(reasonType), StringValue: &reason},
		}
	}
	if _, err := q.client.SendMessage(ctx, in); err != nil {
		return classify(err, "park message "+m.ID)
	}
	return q.Delete(ctx, m.Receipt)
}

// fitting makes of a reason what can stand beside the body: no more than room bytes, of characters that a message may have.
func fitting(reason string, room int) string {
	reason = strings.Map(func(r rune) rune {
		if queue.CheckSend([]byte(string(r)), 0) != nil {
			return -1
		}
		return r
	}, reason)
	room = max(0, min(room, maxReason))
	if len(reason) > room {
		reason = strings.ToValidUTF8(reason[:room], "")
	}
	return reason
}

// Stats counts the messages. The counts are approximate, and may lag a minute behind. When the oldest one was sent, a queue does
// not tell.
func (q *Queue) Stats(ctx context.Context) (queue.Stats, error) {
	var stats queue.Stats
	var err error
	if stats.Waiting, err = q.count(ctx, q.url); err != nil || q.deadURL == "" {
		return stats, err
	}
	stats.Dead, err = q.count(ctx, q.deadURL)
	return stats, err
}

// count adds up what is visible, delayed and in flight.
func (q *Queue) count(ctx context.Context, url string) (int, error) {
	names := []types.QueueAttributeName{
		types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
	}
	out, err := q.client.GetQueueAttributes(ctx, &service.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return 0, classify(err, "count messages")
	}
	sum := 0
	for _, name := range names {
		n, err := strconv.Atoi(out.Attributes[string(name)])
		if err != nil {
			return 0, fmt.Errorf("count messages: %s: %w", name, err)
		}
		sum += n
	}
	return sum, nil
}

// seconds rounds up, so that nothing happens before its time.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

func checkReceipt(receipt string) error {
	if receipt == "" {
		return fault.Field("receipt", "is empty")
	}
	return nil
}

// stale says whether the service knows the receipt, and that it no longer names a delivery.
func stale(err error) bool {
	var api smithy.APIError
	switch {
	case errors.As(err, new(*types.MessageNotInflight)):
		return true
	case errors.As(err, &api):
		return strings.HasPrefix(api.ErrorCode(), "InvalidParameterValue") && strings.Contains(api.ErrorMessage(), "ReceiptHandle")
	}
	return false
}

// classify gives an error of the service its kind.
func classify(err error, doing string) error {
	switch {
	case errors.As(err, new(*types.ReceiptHandleIsInvalid)):
		return fault.Field("receipt", "is not one that a message came with")
	case errors.As(err, new(*types.OverLimit)), errors.As(err, new(*types.KmsThrottled)):
		return fault.Wrap(fault.Throttled, fmt.Errorf("%s: %w", doing, err))
	}
	return awssdk.Fault(err, doing)
}
