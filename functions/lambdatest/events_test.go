package lambdatest

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail/ses"
	"adminassistant/shared/notify"
	"adminassistant/shared/run"
)

const samples = "../../events"

// strict reads the whole of text, which has no field that v has not.
func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fault.New(fault.Malformed, "more than one value")
	}
	return nil
}

// TestSampleEvents checks that the samples have the shape that AWS gives to its events, and that what is called malformed is.
func TestSampleEvents(t *testing.T) {
	checks := map[string]func(t *testing.T, text []byte, malformed bool){"api": checkRequest, "sqs": checkMessages, "schedule": checkTick}
	files, err := filepath.Glob(filepath.Join(samples, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("samples: %v, %v", files, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			trigger, _, _ := strings.Cut(name, "-")
			check := checks[trigger]
			if check == nil {
				t.Fatalf("there is no trigger %q", trigger)
			}
			check(t, text, strings.Contains(name, "malformed"))
		})
	}
}

// checkRequest checks an event of API Gateway, whose envelope is right whatever the client sent.
func checkRequest(t *testing.T, text []byte, malformed bool) {
	var r events.APIGatewayV2HTTPRequest
	if err := strict(text, &r); err != nil {
		t.Fatal(err)
	}
	c := r.RequestContext
	if r.Version != "2.0" || r.RouteKey != c.RouteKey || r.RawPath != c.HTTP.Path || c.HTTP.Method == "" || c.RequestID == "" || c.AccountID != account ||
		r.Headers["host"] != c.DomainName || r.Headers["user-agent"] != c.HTTP.UserAgent || r.Headers["x-forwarded-for"] != c.HTTP.SourceIP {
		t.Errorf("does not agree with itself: %+v", r)
	}
	if at, err := time.Parse("02/Jan/2006:15:04:05 -0700", c.Time); err != nil || at.Unix() != c.TimeEpoch/1000 {
		t.Errorf("time %q (%v), and %d ms", c.Time, err, c.TimeEpoch)
	}
	for name := range r.Headers {
		if name != strings.ToLower(name) || name == "cookie" {
			t.Errorf("API Gateway does not send a header %q", name)
		}
	}
	body := []byte(r.Body)
	if r.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(r.Body); err != nil {
			t.Fatal(err)
		}
	}
	if length := r.Headers["content-length"]; length != "" && length != strconv.Itoa(len(body)) {
		t.Errorf("content-length %s, and a body of %d bytes", length, len(body))
	}
	if valid := len(body) == 0 || json.Valid(body); valid == malformed {
		t.Errorf("body %q is JSON: %v", body, valid)
	}
}

// checkMessages checks an event of SQS, whose envelope is right whatever was sent.
func checkMessages(t *testing.T, text []byte, malformed bool) {
	var e events.SQSEvent
	if err := strict(text, &e); err != nil {
		t.Fatal(err)
	}
	readable, unreadable := 0, 0
	for _, m := range e.Records {
		if m.MessageId == "" || m.ReceiptHandle == "" || m.EventSource != "aws:sqs" ||
			!strings.HasPrefix(m.EventSourceARN, "arn:aws:sqs:"+m.AWSRegion+":"+account+":") {
			t.Errorf("incomplete: %+v", m)
		}
		for _, name := range []string{"ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp"} {
			if m.Attributes[name] == "" {
				t.Errorf("message %s has no attribute %s", m.MessageId, name)
			}
		}
		if sum := md5.Sum([]byte(m.Body)); m.Md5OfBody != hex.EncodeToString(sum[:]) {
			t.Errorf("MD5 of message %s's body is %x, not %s", m.MessageId, sum, m.Md5OfBody)
		}
		if (m.Md5OfMessageAttributes != "") != (len(m.MessageAttributes) > 0) {
			t.Errorf("message %s: attributes %v with MD5 %q", m.MessageId, m.MessageAttributes, m.Md5OfMessageAttributes)
		}
		_, err := run.ParseMessage([]byte(m.Body))
		if strings.HasSuffix(m.EventSourceARN, ":notify") {
			var returned bool
			if _, returned, err = ses.ParseEvent([]byte(m.Body)); !returned {
				_, err = notify.ParseMessage([]byte(m.Body))
			}
		}
		switch _, parked := m.MessageAttributes["reason"]; {
		case err == nil:
			readable++
		case parked: // unreadable, as it says
		default:
			unreadable++
		}
	}
	if readable == 0 || (unreadable > 0) != malformed {
		t.Errorf("%d messages can be read, %d cannot", readable, unreadable)
	}
}

// checkTick checks what the schedule sends.
func checkTick(t *testing.T, text []byte, malformed bool) {
	var tick struct {
		ScheduledTime time.Time `json:"scheduled_time"`
	}
	if err := strict(text, &tick); (err != nil) != malformed {
		t.Errorf("got %v, %v", tick.ScheduledTime, err)
	}
}

func TestTheListOfSampleEventsIsComplete(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(samples, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed, there []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, row[1])
	}
	entries, err := os.ReadDir(samples)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if entry.Name() != "README.md" {
			there = append(there, entry.Name())
		}
	}
	slices.Sort(listed)
	if diff := cmp.Diff(there, listed); diff != "" {
		t.Errorf("- in the folder, + in its README:\n%s", diff)
	}
}
