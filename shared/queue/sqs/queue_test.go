package sqs

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	service "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/awstest"
	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/queue/queuetest"
)

// create makes a queue and its dead-letter queue, which the redrive policy fills, and returns their URLs.
func create(t *testing.T, cfg aws.Config) (url, deadURL string) {
	t.Helper()
	client := service.NewFromConfig(cfg)
	create := func(name string, attributes map[string]string) string {
		out, err := client.CreateQueue(t.Context(), &service.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		return *out.QueueUrl
	}
	name := rand.Text()
	deadURL = create(name+"-dead", nil)
	arn := types.QueueAttributeNameQueueArn
	out, err := client.GetQueueAttributes(t.Context(), &service.GetQueueAttributesInput{QueueUrl: &deadURL, AttributeNames: []types.QueueAttributeName{arn}})
	if err != nil {
		t.Fatal(err)
	}
	return create(name, map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"%d"}`, out.Attributes[string(arn)], queue.MaxReceives),
	}), deadURL
}

type doer func(*http.Request) (*http.Response, error)

func (d doer) Do(r *http.Request) (*http.Response, error) { return d(r) }

// oneByOne lets one request at a time take messages away. moto has no lock around that: two receivers can get the same message.
func oneByOne(cfg aws.Config) aws.Config {
	below := awssdk.Within(cfg, queue.MaxWait+answerWithin).HTTPClient
	var mu sync.Mutex
	cfg.HTTPClient = doer(func(r *http.Request) (*http.Response, error) {
		switch awstest.Operation(r) {
		case "ReceiveMessage", "DeleteMessage":
			mu.Lock()
			defer mu.Unlock()
		}
		return below.Do(r)
	})
	return cfg
}

func TestQueue(t *testing.T) {
	moto := awstest.Moto(t)
	queuetest.Run(t, func(t *testing.T) queuetest.Fixture {
		t.Parallel()
		cfg := oneByOne(moto)
		url, deadURL := create(t, cfg)
		return queuetest.Fixture{
			Queue: New(cfg, url, deadURL), Advance: time.Sleep, Now: time.Now, NoOldest: true,
			Deviations: map[string]string{
				"an old receipt deletes and changes nothing": "moto deletes a message by any receipt that it ever had, SQS by the newest alone",
			},
		}
	})
}

// shop is a queue, and its dead-letter queue, behind faults.
type shop struct {
	*Queue // asks through the faults
	sound  *Queue
	dead   *Queue
}

// open makes the queues. fault sees every attempt of what shop.Queue asks; nil lets all through.
func open(t *testing.T, fault func(r *http.Request, attempt int) awstest.Answer) shop {
	t.Helper()
	cfg := awstest.Moto(t)
	url, deadURL := create(t, cfg)
	if fault == nil {
		fault = func(*http.Request, int) awstest.Answer { return awstest.Answer{} }
	}
	return shop{Queue: New(awstest.Faults(t, cfg, fault), url, deadURL), sound: New(cfg, url, deadURL), dead: New(cfg, deadURL, "")}
}

// on answers one operation so, every time.
func on(operation string, answer awstest.Answer) func(*http.Request, int) awstest.Answer {
	return func(r *http.Request, _ int) awstest.Answer {
		if awstest.Operation(r) == operation {
			return answer
		}
		return awstest.Answer{}
	}
}

func send(t *testing.T, q *Queue, body string) {
	t.Helper()
	if err := q.Send(t.Context(), []byte(body), 0); err != nil {
		t.Fatal(err)
	}
}

// receive gets one message and hides it for a second.
func receive(t *testing.T, q *Queue) queue.Message {
	t.Helper()
	messages, err := q.Receive(t.Context(), 1, time.Second, 10*time.Second)
	if err != nil || len(messages) != 1 {
		t.Fatalf("received %+v, %v, want one message", messages, err)
	}
	return messages[0]
}

func wantNone(t *testing.T, q *Queue) {
	t.Helper()
	if stats, err := q.Stats(t.Context()); err != nil || stats.Waiting != 0 {
		t.Errorf("stats %+v, %v, want no message", stats, err)
	}
}

func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	if err == nil || fault.Of(err) != kind {
		t.Errorf("error %v of kind %s, want kind %s", err, fault.Of(err), kind)
	}
}

func TestPark(t *testing.T) {
	// deadLetter returns body and reason of the only dead letter.
	deadLetter := func(t *testing.T, s shop) (body, reason string) {
		t.Helper()
		out, err := s.dead.client.ReceiveMessage(t.Context(), &service.ReceiveMessageInput{
			QueueUrl: &s.dead.url, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"},
		})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("received %+v, %v, want one dead letter", out, err)
		}
		return *out.Messages[0].Body, aws.ToString(out.Messages[0].MessageAttributes["reason"].StringValue)
	}
	t.Run("a dead letter says why it is one", func(t *testing.T) {
		for given, want := range map[string]string{
			"malformed":                            "malformed",
			"":                                     "",
			"\x00\x1b":                             "",
			"not\x00 JSON\uffff: \xff\nGrüße":      "not JSON: \ufffd\nGrüße",
			strings.Repeat("x", maxReason-1) + "ü": strings.Repeat("x", maxReason-1),
		} {
			s := open(t, nil)
			send(t, s.Queue, "body")
			if err := s.Park(t.Context(), receive(t, s.Queue), given); err != nil {
				t.Fatal(err)
			}
			if body, reason := deadLetter(t, s); body != "body" || reason != want {
				t.Errorf("parked %q because of %q, want because of %q", body, reason, want)
			}
			wantNone(t, s.Queue)
		}
	})
	t.Run("a reason does not make a message too long", func(t *testing.T) {
		for _, room := range []int{0, len("reasonString"), len("reasonString") + 3} {
			s := open(t, nil)
			long := strings.Repeat("x", queue.MaxBody-room)
			send(t, s.Queue, long)
			if err := s.Park(t.Context(), receive(t, s.Queue), "malformed"); err != nil {
				t.Fatal(err)
			}
			want := "malformed"[:max(0, room-len("reasonString"))]
			if body, reason := deadLetter(t, s); body != long || reason != want {
				t.Errorf("with room for %d bytes parked %d bytes because of %q, want %q", room, len(body), reason, want)
			}
		}
	})
	t.Run("a message that cannot be deleted is in both queues", func(t *testing.T) {
		t.Parallel()
		s := open(t, on("DeleteMessage", awstest.Error(500, "InternalError")))
		send(t, s.Queue, "body")
		wantKind(t, s.Park(t.Context(), receive(t, s.Queue), "malformed"), fault.Unavailable)
		if body, _ := deadLetter(t, s); body != "body" {
			t.Errorf("parked %q", body)
		}
		if m := receive(t, s.Queue); m.Receives != 2 {
			t.Errorf("received %+v, want the second delivery", m)
		}
	})
	t.Run("a message that cannot become a dead letter stays", func(t *testing.T) {
		t.Parallel()
		s := open(t, on("SendMessage", awstest.Error(500, "InternalError")))
		send(t, s.sound, "body")
		wantKind(t, s.Park(t.Context(), receive(t, s.Queue), "malformed"), fault.Unavailable)
		if m := receive(t, s.Queue); m.Receives != 2 {
			t.Errorf("received %+v, want the second delivery", m)
		}
		wantNone(t, s.dead)
	})
	t.Run("a queue without dead letters keeps the message", func(t *testing.T) {
		t.Parallel()
		s := open(t, nil)
		s.deadURL = ""
		send(t, s.Queue, "body")
		wantKind(t, s.Park(t.Context(), receive(t, s.Queue), "malformed"), fault.Internal)
		if stats, err := s.Stats(t.Context()); err != nil || stats != (queue.Stats{Waiting: 1}) {
			t.Errorf("stats %+v, %v, want one that waits", stats, err)
		}
		if m := receive(t, s.Queue); m.Receives != 2 {
			t.Errorf("received %+v, want the second delivery", m)
		}
	})
	t.Run("without a receipt nothing is parked", func(t *testing.T) {
		s := open(t, nil)
		wantKind(t, s.Park(t.Context(), queue.Message{Body: []byte("body")}, "malformed"), fault.Invalid)
		wantNone(t, s.dead)
	})
}

func TestFaults(t *testing.T) {
	t.Run("a request that is throttled is repeated", func(t *testing.T) {
		for _, code := range []string{"RequestThrottled", "ThrottlingException"} {
			attempts := 0
			s := open(t, func(_ *http.Request, attempt int) awstest.Answer {
				if attempts = attempt; attempt <= 2 {
					return awstest.Error(400, code)
				}
				return awstest.Answer{}
			})
			send(t, s.Queue, "body")
			if m := receive(t, s.sound); string(m.Body) != "body" || attempts != 3 {
				t.Errorf("%s: received %+v after %d attempts", code, m, attempts)
			}
		}
	})
	for _, c := range []struct {
		name   string
		answer awstest.Answer
		want   fault.Kind
	}{
		{"a service that goes on throttling", awstest.Error(400, "RequestThrottled"), fault.Throttled},
		{"too many messages in flight", awstest.Error(403, "OverLimit"), fault.Throttled},
		{"a key service that throttles", awstest.Error(400, "KmsThrottled"), fault.Throttled},
		{"a service that is broken", awstest.Error(500, "InternalError"), fault.Unavailable},
		{"a service that is down", awstest.Answer{Status: 503, Body: "<html>"}, fault.Unavailable},
		{"answers that are lost", awstest.Answer{Lost: true}, fault.Unavailable},
		{"a permission that is missing", awstest.Error(403, "AccessDeniedException"), fault.Internal},
		{"a queue that is not there", awstest.Error(400, "QueueDoesNotExist"), fault.Internal},
	} {
		t.Run(c.name+" makes every call "+c.want.String(), func(t *testing.T) {
			s := open(t, func(*http.Request, int) awstest.Answer { return c.answer })
			ctx := t.Context()
			_, receive := s.Receive(ctx, 1, time.Second, 0)
			_, stats := s.Stats(ctx)
			for call, err := range map[string]error{
				"send": s.Send(ctx, []byte("a"), 0), "receive": receive, "delete": s.Delete(ctx, "r"), "extend": s.Extend(ctx, "r", 0),
				"park": s.Park(ctx, queue.Message{Receipt: "r", Body: []byte("a")}, "malformed"), "stats": stats,
			} {
				if err == nil || fault.Of(err) != c.want {
					t.Errorf("%s: error %v of kind %s", call, err, fault.Of(err))
				}
			}
		})
	}

	// lost loses the first answer of an operation.
	lost := func(operation string) func(*http.Request, int) awstest.Answer {
		return func(r *http.Request, attempt int) awstest.Answer {
			return awstest.Answer{Lost: attempt == 1 && awstest.Operation(r) == operation}
		}
	}
	t.Run("a message whose answer is lost is there", func(t *testing.T) {
		s := open(t, lost("SendMessage"))
		send(t, s.Queue, "body")
		if m := receive(t, s.Queue); string(m.Body) != "body" {
			t.Errorf("received %+v", m)
		}
	})
	t.Run("messages that are lost on their way are redelivered", func(t *testing.T) {
		t.Parallel()
		s := open(t, lost("ReceiveMessage"))
		send(t, s.Queue, "body")
		if m := receive(t, s.Queue); m.Receives != 2 {
			t.Errorf("received %+v, want the second delivery", m)
		}
	})
	t.Run("a deletion whose answer is lost is repeated without harm", func(t *testing.T) {
		s := open(t, lost("DeleteMessage"))
		send(t, s.Queue, "body")
		if err := s.Delete(t.Context(), receive(t, s.Queue).Receipt); err != nil {
			t.Error(err)
		}
		wantNone(t, s.Queue)
	})
	t.Run("a body that has changed on its way is refused", func(t *testing.T) {
		s := open(t, on("ReceiveMessage", awstest.Answer{
			Status: 200, Body: `{"Messages":[{"MessageId":"1","ReceiptHandle":"r","Body":"b","MD5OfBody":"0cc175b9c0f1b6a831c399e269772661"}]}`,
		}))
		if messages, err := s.Receive(t.Context(), 1, time.Second, 0); err == nil {
			t.Errorf("received %+v", messages)
		}
	})
	t.Run("counts that cannot be read are an error", func(t *testing.T) {
		s := open(t, on("GetQueueAttributes", awstest.Answer{Status: 200, Body: `{"Attributes":{"ApproximateNumberOfMessages":"many"}}`}))
		_, err := s.Stats(t.Context())
		wantKind(t, err, fault.Internal)
	})
}

func TestReceiptsThatAreOld(t *testing.T) {
	refused := func(code, message string) awstest.Answer {
		answer := awstest.Error(400, code)
		answer.Body = fmt.Sprintf(`{"__type":"com.amazonaws.sqs#%s","message":%q}`, code, message)
		return answer
	}
	gone := refused("InvalidParameterValue",
		"Value AQEB for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.")
	for name, answer := range map[string]awstest.Answer{
		"the message was deleted":   gone,
		"the message is not hidden": refused("MessageNotInflight", "The specified message isn't in flight."),
	} {
		t.Run("extend changes nothing when "+name, func(t *testing.T) {
			s := open(t, on("ChangeMessageVisibility", answer))
			if err := s.Extend(t.Context(), "AQEB", time.Minute); err != nil {
				t.Error(err)
			}
		})
	}
	t.Run("delete deletes nothing when the message is gone", func(t *testing.T) {
		s := open(t, on("DeleteMessage", gone))
		if err := s.Delete(t.Context(), "AQEB"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a message that was hidden too long cannot be extended", func(t *testing.T) {
		s := open(t, on("ChangeMessageVisibility", refused("InvalidParameterValue",
			"Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]")))
		wantKind(t, s.Extend(t.Context(), "AQEB", queue.MaxVisibility), fault.Internal)
	})
	t.Run("a receipt that is none is refused", func(t *testing.T) {
		s := open(t, nil)
		for _, receipt := range []string{"", "nonsense"} {
			wantKind(t, s.Extend(t.Context(), receipt, time.Minute), fault.Invalid)
			wantKind(t, s.Delete(t.Context(), receipt), fault.Invalid)
		}
	})
}

func TestRequests(t *testing.T) {
	// asked returns the last request.
	asked := func(t *testing.T) (shop, func() map[string]any) {
		var last map[string]any
		s := open(t, func(r *http.Request, _ int) awstest.Answer {
			last = nil
			if err := json.Unmarshal(awstest.Body(t, r), &last); err != nil {
				t.Error(err)
			}
			return awstest.Answer{}
		})
		return s, func() map[string]any { return last }
	}
	t.Run("times are whole seconds, rounded up", func(t *testing.T) {
		s, last := asked(t)
		for _, c := range []struct {
			call func() error
			want map[string]any
		}{
			{func() error { return s.Send(t.Context(), []byte("a"), 1001*time.Millisecond) }, map[string]any{"DelaySeconds": 2.0}},
			{func() error { return s.Send(t.Context(), []byte("a"), queue.MaxDelay) }, map[string]any{"DelaySeconds": 900.0}},
			{
				func() error { _, err := s.Receive(t.Context(), 10, 0, time.Nanosecond); return err },
				map[string]any{"MaxNumberOfMessages": 10.0, "VisibilityTimeout": 1.0, "WaitTimeSeconds": 1.0},
			},
			{
				func() error { _, err := s.Receive(t.Context(), 1, queue.MaxVisibility, 0); return err },
				map[string]any{"MaxNumberOfMessages": 1.0, "VisibilityTimeout": 43200.0},
			},
		} {
			if err := c.call(); err != nil {
				t.Error(err)
			}
			got := last()
			for _, other := range []string{"QueueUrl", "MessageBody", "MessageSystemAttributeNames"} {
				delete(got, other)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		}
	})
	t.Run("what SQS would refuse is not sent", func(t *testing.T) {
		s, last := asked(t)
		for _, body := range []string{"", "\x00", "\x1f", "\x7f\xff", "\ufffe", "\uffff", strings.Repeat("x", queue.MaxBody+1)} {
			wantKind(t, s.Send(t.Context(), []byte(body), 0), fault.Invalid)
		}
		if got := last(); got != nil {
			t.Errorf("sent %v", got)
		}
	})
}

func TestReceiveWaitsLongerThanOtherRequests(t *testing.T) {
	t.Parallel()
	cfg := awstest.Moto(t)
	url, deadURL := create(t, cfg)
	q := New(awssdk.Within(cfg, 200*time.Millisecond), url, deadURL)
	messages, err := q.Receive(t.Context(), 1, time.Second, 2*time.Second)
	if err != nil || len(messages) != 0 {
		t.Errorf("received %+v, %v, want none", messages, err)
	}
}

func TestMessages(t *testing.T) {
	sent := time.Date(2026, time.October, 5, 7, 0, 0, 123e6, time.UTC)
	first := queue.Message{ID: "1", Receipt: "r", Body: []byte("{}"), Receives: 1}
	with := func(receives int, sent time.Time) queue.Message {
		m := first
		m.Receives, m.Sent = receives, sent
		return m
	}
	for _, c := range []struct {
		name       string
		attributes map[string]string
		want       queue.Message
	}{
		{
			"a delivery is read whole",
			map[string]string{"ApproximateReceiveCount": "3", "SentTimestamp": strconv.FormatInt(sent.UnixMilli(), 10), "SenderId": "AIDA"},
			with(3, sent),
		},
		{"without attributes it is the first", nil, first},
		{"without a count it is the first", map[string]string{"SentTimestamp": "1"}, with(1, time.UnixMilli(1).UTC())},
		{"with an empty count it is the first", map[string]string{"ApproximateReceiveCount": ""}, first},
		{"with a count of none it is the first", map[string]string{"ApproximateReceiveCount": "0"}, first},
		{"with a negative count it is the first", map[string]string{"ApproximateReceiveCount": "-7"}, first},
		{"with a count that is no number it is the first", map[string]string{"ApproximateReceiveCount": "2.0"}, first},
		{"with a count beyond all numbers it is the first", map[string]string{"ApproximateReceiveCount": "99999999999999999999"}, first},
		{"a time that is none is left out", map[string]string{"ApproximateReceiveCount": "2", "SentTimestamp": "soon"}, with(2, time.Time{})},
		{"a time that nobody can write is left out", map[string]string{"SentTimestamp": "253402300800000"}, first},
		{"a time before all times is left out", map[string]string{"SentTimestamp": "-1"}, first},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Messages(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", ReceiptHandle: "r", Body: "{}", Attributes: c.attributes}}})
			if diff := cmp.Diff([]queue.Message{c.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("every record is a message, in the same order", func(t *testing.T) {
		got := Messages(events.SQSEvent{Records: []events.SQSMessage{{MessageId: "b"}, {}, {MessageId: "a"}}})
		if len(got) != 3 || got[0].ID != "b" || got[1].ID != "" || got[2].ID != "a" {
			t.Errorf("got %+v", got)
		}
		if got := Messages(events.SQSEvent{}); len(got) != 0 {
			t.Errorf("got %+v of no record", got)
		}
	})
	t.Run("a delivery to a function is the one that a receiver gets", func(t *testing.T) {
		s := open(t, nil)
		send(t, s.Queue, "body")
		out, err := s.client.ReceiveMessage(t.Context(), &service.ReceiveMessageInput{
			QueueUrl: &s.url, VisibilityTimeout: 1, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil || len(out.Messages) != 1 {
			t.Fatalf("received %+v, %v", out, err)
		}
		m := out.Messages[0]
		delivered := Messages(events.SQSEvent{Records: []events.SQSMessage{
			{MessageId: *m.MessageId, ReceiptHandle: *m.ReceiptHandle, Body: *m.Body, Attributes: m.Attributes},
		}})[0]
		redelivered := receive(t, s.Queue)
		if redelivered.Receives != 2 || redelivered.Receipt == delivered.Receipt {
			t.Errorf("received %+v, want another delivery than %+v", redelivered, delivered)
		}
		redelivered.Receives, redelivered.Receipt = 1, delivered.Receipt
		if diff := cmp.Diff(redelivered, delivered); diff != "" {
			t.Error(diff)
		}
		if err := s.Delete(t.Context(), delivered.Receipt); err != nil {
			t.Error(err)
		}
	})
}

func FuzzMessages(f *testing.F) {
	f.Add([]byte(`{"Records":[{"messageId":"1","receiptHandle":"r","body":"{}","attributes":{"ApproximateReceiveCount":"3","SentTimestamp":"1790000000000"}}]}`))
	f.Add([]byte(`{"Records":[{"attributes":null},{"attributes":{"ApproximateReceiveCount":"-1","SentTimestamp":"9223372036854775807"}}]}`))
	f.Add([]byte(`{"Records":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var event events.SQSEvent
		if json.Unmarshal(data, &event) != nil {
			return
		}
		messages := Messages(event)
		if len(messages) != len(event.Records) {
			t.Fatalf("%d messages of %d records", len(messages), len(event.Records))
		}
		for i, m := range messages {
			record := event.Records[i]
			if m.ID != record.MessageId || m.Receipt != record.ReceiptHandle || string(m.Body) != record.Body {
				t.Errorf("%+v is read as %+v", record, m)
			}
			if m.Receives < 1 || m.Receives != 1 && !says(record.Attributes["ApproximateReceiveCount"], int64(m.Receives)) {
				t.Errorf("%+v is delivery number %d", record, m.Receives)
			}
			if !m.Sent.IsZero() && !says(record.Attributes["SentTimestamp"], m.Sent.UnixMilli()) {
				t.Errorf("%+v was sent at %s", record, m.Sent)
			}
			if _, err := json.Marshal(m); err != nil {
				t.Errorf("%+v cannot be written: %v", m, err)
			}
		}
	})
}

// says says whether a text is that number.
func says(text string, n int64) bool {
	got, err := strconv.ParseInt(text, 10, 64)
	return err == nil && got == n
}
