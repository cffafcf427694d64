package queue

import (
	"time"
	"unicode/utf8"

	"adminassistant/shared/fault"
)

// The limits are those of SQS, so that what works on one machine works in the cloud.
const (
	MaxBody       = 256 << 10 // bytes of a message's body
	MaxDelay      = 15 * time.Minute
	MaxBatch      = 10 // messages of one Receive
	MaxWait       = 20 * time.Second
	MaxVisibility = 12 * time.Hour
)

// CheckSend says whether such a message can be sent: UTF-8 text without control characters that XML 1.0 does not know, not
// empty, at most MaxBody bytes, after at most MaxDelay. Else fault.Invalid.
func CheckSend(body []byte, delay time.Duration) error {
	switch {
	case len(body) == 0:
		return fault.Field("body", "is empty")
	case len(body) > MaxBody:
		return fault.Field("body", "has %d bytes, at most %d are allowed", len(body), MaxBody)
	case !utf8.Valid(body):
		return fault.Field("body", "is not UTF-8")
	case delay < 0 || delay > MaxDelay:
		return fault.Field("delay", "is %s, at most %s is allowed", delay, MaxDelay)
	}
	for _, r := range string(body) {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == '\ufffe' || r == '\uffff' {
			return fault.Field("body", "has the character %U, which is not allowed", r)
		}
	}
	return nil
}

// CheckReceive says whether messages can be received so. Else fault.Invalid.
func CheckReceive(limit int, visibility, wait time.Duration) error {
	switch {
	case limit < 1 || limit > MaxBatch:
		return fault.Field("limit", "is %d, it must be 1 to %d", limit, MaxBatch)
	case wait < 0 || wait > MaxWait:
		return fault.Field("wait", "is %s, at most %s is allowed", wait, MaxWait)
	}
	return CheckVisibility(visibility)
}

// CheckVisibility says whether a message can be hidden for that long. Else fault.Invalid.
func CheckVisibility(visibility time.Duration) error {
	if visibility < 0 || visibility > MaxVisibility {
		return fault.Field("visibility", "is %s, at most %s is allowed", visibility, MaxVisibility)
	}
	return nil
}
