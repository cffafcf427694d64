// Package queue is the port to the message queues: SQS in the cloud, SQLite on one machine.
//
// Delivery is at least once and in no particular order. A message that is received is hidden from others for its
// visibility time and comes back unless it is deleted; after MaxReceives deliveries it goes to the dead-letter queue.
package queue

import (
	"context"
	"time"
)

// MaxReceives is how often a message is delivered before it is parked in the dead-letter queue.
const MaxReceives = 5

// Message is one delivery.
type Message struct {
	ID       string
	Receipt  string // names this delivery; the next delivery of the same message has another
	Body     []byte
	Receives int // deliveries so far, this one included
	Sent     time.Time
}

// Queue is the port to one queue. Errors are of kind fault.Throttled or fault.Unavailable, or internal.
type Queue interface {
	// Send adds a message that becomes visible after delay (at most 15 minutes).
	Send(ctx context.Context, body []byte, delay time.Duration) error
	// Receive returns up to limit (at most 10) visible messages and hides them for the visibility time. It waits up to
	// wait (at most 20 s) for the first; none is no error.
	Receive(ctx context.Context, limit int, visibility, wait time.Duration) ([]Message, error)
	// Delete removes a message for good. A receipt that is no longer the newest deletes nothing, without error.
	Delete(ctx context.Context, receipt string) error
	// Extend hides the message for that long from now; 0 makes it visible at once.
	Extend(ctx context.Context, receipt string, visibility time.Duration) error
	// Park moves the message to the dead-letter queue at once, with a reason for the operator.
	Park(ctx context.Context, m Message, reason string) error
	// Stats counts messages: waiting (visible, delayed and in flight) and dead; Oldest is when the oldest waiting one was
	// sent (zero: none, or the service does not say).
	Stats(ctx context.Context) (Stats, error)
}

// Stats of a queue.
type Stats struct {
	Waiting int
	Dead    int
	Oldest  time.Time
}
