package cloudtest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"adminassistant/functions/lambdatest"
)

// lookAgain is how often a queue is looked at without word of a message: for those that waited, or came back.
const lookAgain = 250 * time.Millisecond

// deliver invokes a function with the messages of a queue until ctx ends.
func (c *Cloud) deliver(ctx context.Context, function, name string, batch int) {
	looks := time.NewTicker(lookAgain)
	defer looks.Stop()
	for {
		event, err := c.receive(ctx, name, batch)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			c.t.Errorf("queue %s: %v", name, err)
			return
		case len(event.Records) > 0:
			c.handle(ctx, function, name, event)
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-c.wire.wake(c.Queues[name]):
		case <-looks.C:
		}
	}
}

func (c *Cloud) receive(ctx context.Context, name string, batch int) (event events.SQSEvent, err error) {
	out, err := c.sqs.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{
		QueueUrl: aws.String(c.Queues[name]), MaxNumberOfMessages: int32(batch), VisibilityTimeout: 5400, WaitTimeSeconds: 0,
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []sqstypes.MessageSystemAttributeName{sqstypes.MessageSystemAttributeNameAll},
	})
	if err != nil {
		return event, err
	}
	return SQSEvent(c.ARN(name), out.Messages), nil
}

// ARN is that of a queue.
func (r *Resources) ARN(name string) string {
	return "arn:aws:sqs:eu-central-1:111122223333:" + r.Queues[name][strings.LastIndex(r.Queues[name], "/")+1:]
}

// SQSEvent is the event with which messages of a queue invoke a function.
func SQSEvent(arn string, messages []sqstypes.Message) (event events.SQSEvent) {
	for _, m := range messages {
		record := events.SQSMessage{
			MessageId: aws.ToString(m.MessageId), ReceiptHandle: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Md5OfBody: aws.ToString(m.MD5OfBody), Attributes: m.Attributes,
			MessageAttributes: map[string]events.SQSMessageAttribute{}, EventSource: "aws:sqs", AWSRegion: "eu-central-1", EventSourceARN: arn,
		}
		for attribute, value := range m.MessageAttributes {
			if value.DataType == nil {
				continue // moto lists what is in Attributes here again
			}
			record.MessageAttributes[attribute] = events.SQSMessageAttribute{StringValue: value.StringValue, DataType: *value.DataType}
		}
		event.Records = append(event.Records, record)
	}
	return event
}

// handle invokes a function with messages and deletes those that it does not name as failed. What has come round too often goes to the
// dead letters, and is lost where there are none.
func (c *Cloud) handle(ctx context.Context, function, name string, event events.SQSEvent) {
	payload, err := json.Marshal(event)
	if err != nil {
		panic(err) // texts alone
	}
	times := 1
	if c.options.Twice {
		times = 2
	}
	var answer lambdatest.Answer
	for range times {
		answer, err = c.pools[function].InvokeFrom(ctx, c.wire.trace(event.Records[0].MessageId), payload)
	}
	if errors.Is(err, lambdatest.ErrLoop) {
		c.drop(ctx, name, event)
		return
	}
	if err != nil {
		return // they come again when they are visible
	}
	var failed events.SQSEventResponse
	if json.Unmarshal(answer.Payload, &failed) != nil {
		c.t.Errorf("%s answered messages with %.200s", function, answer.Payload)
		return
	}
	for _, m := range event.Records {
		if slices.Contains(failed.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId}) {
			continue
		}
		c.remove(ctx, name, m)
	}
}

func (c *Cloud) drop(ctx context.Context, name string, event events.SQSEvent) {
	for _, m := range event.Records {
		c.dropped.add()
		if dead := c.Queues[name+"-dead"]; dead != "" {
			if _, err := c.sqs.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: &dead, MessageBody: &m.Body}); err != nil && ctx.Err() == nil {
				c.t.Errorf("queue %s: %v", name, err)
			}
		}
		c.remove(ctx, name, m)
	}
}

// remove deletes a message; the function may have done so, or sent it on.
func (c *Cloud) remove(ctx context.Context, name string, m events.SQSMessage) {
	_, err := c.sqs.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: aws.String(c.Queues[name]), ReceiptHandle: &m.ReceiptHandle})
	if err != nil && !errors.As(err, new(*sqstypes.ReceiptHandleIsInvalid)) && ctx.Err() == nil {
		c.t.Errorf("queue %s: %v", name, err)
	}
}
