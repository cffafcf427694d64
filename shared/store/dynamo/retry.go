package dynamo

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"adminassistant/shared/awssdk"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// haste divides the pauses between attempts, which suit services that answer slower: DynamoDB answers within milliseconds.
const haste = 4

// retryer is the SDK's, for DynamoDB.
type retryer struct{ aws.RetryerV2 }

// newRetryer wraps the retryer of the settings, which is of the second version as all of the SDK's are.
func newRetryer(r aws.Retryer) retryer { return retryer{r.(aws.RetryerV2)} }

// IsErrorRetryable knows what DynamoDB's errors mean beyond their HTTP status.
func (r retryer) IsErrorRetryable(err error) bool {
	switch cancellation(err) {
	case notCancelled:
		return errors.As(err, new(*types.TransactionConflictException)) || r.RetryerV2.IsErrorRetryable(err)
	case throttled:
		return true
	}
	return false
}

// RetryDelay is how long to wait before another attempt.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	d, delayErr := r.RetryerV2.RetryDelay(attempt, err)
	return d / haste, delayErr
}

// lone retries a transaction that is a single write also when another one got in its way.
type lone struct{ aws.RetryerV2 }

func (l lone) IsErrorRetryable(err error) bool {
	return cancellation(err) == collided || l.RetryerV2.IsErrorRetryable(err)
}

// witness sees the errors of all attempts of one call.
type witness struct {
	aws.RetryerV2
	unknown bool // an attempt may have had its effect though it failed
}

func (w *witness) IsErrorRetryable(err error) bool {
	w.unknown = w.unknown || !refused(err)
	return w.RetryerV2.IsErrorRetryable(err)
}

// refused says whether DynamoDB answered that it did not do what it was asked.
func refused(err error) bool {
	var response *awshttp.ResponseError
	return errors.As(err, new(smithy.APIError)) && errors.As(err, &response) && response.HTTPStatusCode() < 500
}

// cause is why DynamoDB did not carry out a transaction.
type cause int

const (
	notCancelled    cause = iota // another error, or none
	conditionFailed              // a condition did not hold
	collided                     // another write of an item was under way
	throttled                    // too much was asked for
	otherwise
)

// cancellation reads the reasons of a transaction that was cancelled, of which there is one for each operation. What waiting
// cannot change comes first.
func cancellation(err error) cause {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return notCancelled
	}
	has := map[string]bool{}
	for _, reason := range cancelled.CancellationReasons {
		has[aws.ToString(reason.Code)] = true
	}
	switch {
	case has["ConditionalCheckFailed"]:
		return conditionFailed
	case has["ValidationError"], has["ItemCollectionSizeLimitExceeded"]:
		return otherwise
	case has["TransactionConflict"]:
		return collided
	case has["ThrottlingError"], has["ProvisionedThroughputExceeded"], has["RequestLimitExceeded"]:
		return throttled
	}
	return otherwise
}

// tooLarge says whether DynamoDB refused an item for its size.
func tooLarge(err error) bool {
	const text = "exceeded the maximum allowed size"
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for _, reason := range cancelled.CancellationReasons {
			if strings.Contains(aws.ToString(reason.Message), text) {
				return true
			}
		}
		return false
	}
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "ValidationException" && strings.Contains(api.ErrorMessage(), text)
}

// classified gives an error its kind and says what was attempted; nil stays nil.
func classified(err error, doing string) error {
	switch why := cancellation(err); {
	case err == nil:
		return nil
	case tooLarge(err):
		return fmt.Errorf("%s: %w", doing, store.ErrTooLarge)
	case why == throttled:
		return fault.New(fault.Throttled, "%s: %w", doing, err)
	case why == collided, errors.As(err, new(*types.TransactionConflictException)):
		return fault.New(fault.Unavailable, "%s: %w", doing, err)
	}
	return awssdk.Fault(err, doing)
}
