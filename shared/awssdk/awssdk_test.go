package awssdk

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"adminassistant/shared/fault"
)

// answered is an error as the SDK returns it for an answer.
func answered(status int, code string) error {
	return &smithy.OperationError{ServiceID: "S3", OperationName: "GetObject", Err: &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: "no"},
	}}}
}

func TestFault(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"a throttled request", answered(400, "ThrottlingException"), fault.Throttled},
		{"a throttled table", answered(400, "ProvisionedThroughputExceededException"), fault.Throttled},
		{"a bucket that asks to slow down", answered(503, "SlowDown"), fault.Throttled},
		{"an answer of 500", answered(500, "InternalError"), fault.Unavailable},
		{"an answer of 503 without a code", answered(503, ""), fault.Unavailable},
		{"a missing permission", answered(400, "AccessDeniedException"), fault.Internal},
		{"a request that the service does not like", answered(400, "ValidationException"), fault.Internal},
		{"a refused connection", &smithy.OperationError{Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}, fault.Unavailable},
		{"a connection that ended", &smithy.OperationError{Err: &smithyhttp.RequestSendError{Err: io.ErrUnexpectedEOF}}, fault.Unavailable},
		{"a context that ended", &smithy.OperationError{Err: context.DeadlineExceeded}, fault.Unavailable},
		{"anything else", errors.New("broken"), fault.Internal},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Fault(c.err, "get object")
			if got := fault.Of(err); got != c.want {
				t.Errorf("%v is %s, want %s", err, got, c.want)
			}
			if !errors.Is(err, c.err) || !strings.HasPrefix(err.Error(), "get object: ") {
				t.Errorf("%v lost its cause or what was attempted", err)
			}
		})
	}
	if Fault(nil, "get object") != nil {
		t.Error("no error became one")
	}
}

func TestBackoff(t *testing.T) {
	for attempt, longest := range []time.Duration{
		200 * time.Millisecond, 400 * time.Millisecond, 800 * time.Millisecond, 1600 * time.Millisecond, 3200 * time.Millisecond, maxBackoff, maxBackoff,
	} {
		var most time.Duration
		for range 200 {
			d, err := backoff(attempt, nil)
			if err != nil || d < 0 || d >= longest {
				t.Fatalf("pause after attempt %d is %s, %v", attempt, d, err)
			}
			most = max(most, d)
		}
		if most < longest/2 {
			t.Errorf("200 pauses after attempt %d were at most %s of %s", attempt, most, longest)
		}
	}
}

func TestLoadNeedsARegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	if _, err := Load(t.Context()); fault.FieldOf(err) != "AWS_REGION" {
		t.Errorf("error is %v", err)
	}
}

// TestApart has a service throttle many requests. A request whose context has ended is made all the same, unless it has to wait before.
func TestApart(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-central-1")
	cfg, err := Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	for name, c := range map[string]struct {
		cfg   aws.Config
		waits bool
	}{
		"requests of one client are held back together": {cfg, true},
		"requests that are apart are not":               {Apart(cfg), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.cfg.Retryer().(aws.RetryerV2)
			for range 3 {
				done, err := r.GetAttemptToken(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				_ = done(answered(400, "ThrottlingException"))
			}
			var err error
			for range 3 { // there may be something left to begin with
				if _, err = r.GetAttemptToken(ended); err != nil {
					break
				}
			}
			if (err != nil) != c.waits {
				t.Errorf("the next one: %v", err)
			}
			if r.MaxAttempts() != attempts {
				t.Errorf("%d attempts", r.MaxAttempts())
			}
			if !r.IsErrorRetryable(answered(400, "ThrottlingException")) {
				t.Error("it is not asked again")
			}
			for range 1000 { // no budget of retries that all share
				if _, err := r.GetRetryToken(t.Context(), answered(400, "ThrottlingException")); err != nil && !c.waits {
					t.Fatal(err)
				}
			}
		})
	}
}
