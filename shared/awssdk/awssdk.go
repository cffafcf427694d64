// Package awssdk sets the AWS SDK up for all adapters alike: connections that are kept, a limit on the time of every attempt,
// retries that slow down together with the service, and what its errors mean.
package awssdk

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go"

	"adminassistant/shared/fault"
)

const (
	// attempts is how often a request is made at most, the first time included.
	attempts = 5
	// firstBackoff is the longest pause before the second attempt; it doubles with each, up to maxBackoff.
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 4 * time.Second
	// perAttempt is how long it may be until the answer to one attempt begins, unless an adapter says otherwise.
	perAttempt = 5 * time.Second
)

// Load reads region, credentials and endpoints from the environment that the SDK itself defines (AWS_REGION, AWS_ENDPOINT_URL and
// the like). It asks no service. Errors are of kind fault.Invalid.
func Load(ctx context.Context) (aws.Config, error) { return LoadIn(ctx, "") }

// LoadIn is Load for a region; empty: that of the environment.
func LoadIn(ctx context.Context, region string) (aws.Config, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRetryer(retryer), config.WithRegion(region))
	if err != nil {
		return aws.Config{}, fault.New(fault.Invalid, "settings of AWS: %v", err)
	}
	if cfg.Region == "" {
		return aws.Config{}, fault.Field("AWS_REGION", "is not set")
	}
	return Within(cfg, perAttempt), nil
}

// retryer repeats an attempt with full jitter, and holds requests back while the service throttles.
func retryer() aws.Retryer {
	return retry.NewAdaptiveMode(func(o *retry.AdaptiveModeOptions) { o.StandardOptions = append(o.StandardOptions, standard) })
}

// Apart returns cfg with retries that each request makes for itself: what throttles one holds no other back. That is for services that throttle
// parts of what they hold, as DynamoDB does with the partition of one key.
func Apart(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.Retryer = func() aws.Retryer {
		return retry.NewStandard(standard, func(o *retry.StandardOptions) { o.RateLimiter = ratelimit.None })
	}
	return cfg
}

func standard(o *retry.StandardOptions) {
	o.MaxAttempts = attempts
	o.MaxBackoff = maxBackoff
	o.Backoff = retry.BackoffDelayerFunc(backoff)
}

// backoff is the pause after so many attempts, with full jitter.
func backoff(attempt int, _ error) (time.Duration, error) {
	longest := min(firstBackoff<<min(attempt, 16), maxBackoff)
	return rand.N(longest), nil
}

// Within returns cfg with connections of its own on which the answer to every attempt has to begin within the time given. A body
// may last longer; the context limits that. 0 is no limit.
func Within(cfg aws.Config, perAttempt time.Duration) aws.Config {
	cfg.HTTPClient = awshttp.NewBuildableClient().
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = 2 * time.Second; d.KeepAlive = 30 * time.Second }).
		WithTransportOptions(func(t *http.Transport) {
			t.ResponseHeaderTimeout = perAttempt
			t.MaxIdleConns, t.MaxIdleConnsPerHost = 64, 64
			t.IdleConnTimeout = 90 * time.Second
		})
	return cfg
}

var (
	throttles  = retry.IsErrorThrottles(retry.DefaultThrottles)
	retryables = retry.IsErrorRetryables(retry.DefaultRetryables)
)

// Fault sorts an error of the SDK: Throttled when the service asked to slow down, Unavailable when it did not answer or answered
// that it cannot now, else Internal, among them a permission that the function lacks. The text begins with what was attempted,
// as in "put item". Nil stays nil.
func Fault(err error, doing string) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s: %w", doing, err)
	var (
		api      smithy.APIError
		response *awshttp.ResponseError
		cancel   *aws.RequestCanceledError
	)
	switch {
	case throttles.IsErrorThrottle(err) == aws.TrueTernary:
		return fault.Wrap(fault.Throttled, wrapped)
	case errors.As(err, &cancel), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(fault.Unavailable, wrapped)
	case errors.As(err, &response) && response.HTTPStatusCode() >= 500, errors.As(err, &api) && api.ErrorFault() == smithy.FaultServer:
		return fault.Wrap(fault.Unavailable, wrapped)
	case errors.As(err, &api):
		return fault.Wrap(fault.Internal, wrapped)
	case retryables.IsErrorRetryable(err) == aws.TrueTernary, isNetwork(err):
		return fault.Wrap(fault.Unavailable, wrapped)
	}
	return fault.Wrap(fault.Internal, wrapped)
}

// isNetwork says whether no answer came.
func isNetwork(err error) bool {
	var failed net.Error
	var sending *smithy.OperationError
	return errors.As(err, &failed) || errors.As(err, &sending) && errors.As(sending.Err, new(*net.OpError))
}
