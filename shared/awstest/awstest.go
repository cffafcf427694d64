// Package awstest gives tests the engines that stand in for AWS on this machine: DynamoDB Local for the table, moto for SQS, S3,
// KMS and SES. The program cmd/awslocal runs them; their addresses come in the environment variables that the SDK defines, so that
// others, in containers for example, can be used instead.
package awstest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"adminassistant/shared/awssdk"
)

// DynamoDB returns the settings for DynamoDB Local, without a limit on the time of an attempt, or skips the test where there is none.
func DynamoDB(t testing.TB) aws.Config {
	t.Helper()
	return awssdk.Apart(engine(t, "DynamoDB Local", "AWS_ENDPOINT_URL_DYNAMODB"))
}

// Moto returns the settings for the other services, without that limit, or skips the test where they are not.
func Moto(t testing.TB) aws.Config {
	t.Helper()
	return engine(t, "moto", "AWS_ENDPOINT_URL")
}

func engine(t testing.TB, name, variable string) aws.Config {
	t.Helper()
	if os.Getenv(variable) == "" {
		const text = "%s is not set, so that there is no %s to test with; run: make test"
		if os.Getenv("CI") == "true" {
			t.Fatalf(text, variable, name)
		}
		t.Skipf(text, variable, name)
	}
	cfg, err := awssdk.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return awssdk.Within(cfg, 0) // an engine answers when the machine lets it; repeating the request meanwhile would make it slower
}

// Answer is what a fault does to a request. The zero value lets it through.
type Answer struct {
	// Status other than 0 answers in the service's place, with Header and Body.
	Status int
	Header http.Header
	Body   string
	// Lost lets the request through and loses the answer, as a connection does that is cut after the effect.
	Lost bool
}

// Error answers as the services with JSON protocols do (DynamoDB, SQS, KMS; SES in its second version).
func Error(status int, code string) Answer {
	return Answer{
		Status: status,
		Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}, "X-Amzn-Errortype": {code}},
		Body:   `{"__type":"` + code + `","message":"injected"}`,
	}
}

// Operation names what a request of a JSON protocol asks for, as in "PutItem"; "" in other protocols.
func Operation(r *http.Request) string {
	_, name, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return name
}

// Faults returns cfg with f between the SDK and the engine. f sees every attempt; attempt counts from 1 for each operation. Pauses
// between attempts are left out.
func Faults(t testing.TB, cfg aws.Config, f func(r *http.Request, attempt int) Answer) aws.Config {
	t.Helper()
	below := cfg.HTTPClient
	attempts := map[string]int{}
	var mu sync.Mutex
	cfg.HTTPClient = client(func(r *http.Request) (*http.Response, error) {
		mu.Lock()
		attempts[Operation(r)]++
		attempt := attempts[Operation(r)]
		mu.Unlock()
		answer := f(r, attempt)
		if answer.Status != 0 {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			header := answer.Header
			if header == nil {
				header = http.Header{}
			}
			return &http.Response{
				StatusCode: answer.Status, Status: http.StatusText(answer.Status), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header,
				Body: io.NopCloser(strings.NewReader(answer.Body)), ContentLength: int64(len(answer.Body)), Request: r,
			}, nil
		}
		response, err := below.Do(r)
		if answer.Lost && err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			return nil, io.ErrUnexpectedEOF
		}
		return response, err
	})
	retryer := cfg.Retryer
	cfg.Retryer = func() aws.Retryer { return hasty{retryer()} }
	return cfg
}

type client func(*http.Request) (*http.Response, error)

func (c client) Do(r *http.Request) (*http.Response, error) { return c(r) }

// hasty is a retryer that does not wait.
type hasty struct{ aws.Retryer }

func (h hasty) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// GetAttemptToken leaves the client's own rate limit out, which would wait, too.
func (h hasty) GetAttemptToken(context.Context) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

// Body reads the body of a request, and leaves it to be read once more.
func Body(t testing.TB, r *http.Request) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("read a request: %v", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body
}
