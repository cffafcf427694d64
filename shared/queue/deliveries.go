package queue

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/pause"
	"adminassistant/shared/telemetry"
)

// Deliveries gives the messages of a queue to a handler. A handler finishes its message: it deletes it, parks it, or sends another in
// its place. After an error the message is redelivered.
type Deliveries struct {
	Queue Queue
	Log   zerolog.Logger
	// Metrics count messages that are parked; nil if nobody looks at them.
	Metrics *telemetry.Metrics
	// FirstPause is how long a message waits after the first delivery that was interrupted.
	FirstPause time.Duration
	// Visibility is how long a message stays hidden from others; Poll renews it while its handler is at work.
	Visibility time.Duration
	// Failed is told what deliveries fail with, and the queue itself; nil if nobody asks. Each is tried again all the same.
	Failed func(error)
}

// Handler does what one message asks for and finishes the message.
type Handler func(context.Context, Message) error

// Batch gives the messages of one delivery to handle, one after the other, and returns the ids of those that have to be redelivered. One
// that cannot be handled does not stop the others.
func (d *Deliveries) Batch(ctx context.Context, messages []Message, handle Handler) (redeliver []string) {
	for _, m := range messages {
		if err := d.attempt(ctx, m, handle); err != nil {
			d.release(ctx, m, err)
			redeliver = append(redeliver, m.ID)
		}
	}
	return redeliver
}

// attempt gives one message to the handler. A panic is an error of that message alone: it would end the process, and with it what others wait for.
func (d *Deliveries) attempt(ctx context.Context, m Message, handle Handler) (err error) {
	defer func() {
		if p := recover(); p != nil {
			d.Log.Error().Str("message_id", m.ID).Bytes("stack", debug.Stack()).Msg("handler panicked")
			err = fmt.Errorf("message %s: panic: %v", m.ID, p)
		}
	}()
	return handle(ctx, m)
}

// Poll handles messages one after the other until ctx ends.
func (d *Deliveries) Poll(ctx context.Context, handle Handler) error {
	for ctx.Err() == nil {
		messages, err := d.Queue.Receive(ctx, 1, d.Visibility, 10*time.Second)
		if err != nil && ctx.Err() == nil {
			telemetry.Failure(d.Log.Error(), err).Msg("queue unreachable")
			d.failed(err)
			if pause.For(ctx, time.Second) != nil {
				break
			}
		}
		for _, m := range messages {
			d.renewing(ctx, m, handle)
		}
	}
	return ctx.Err()
}

// renewing handles one message and keeps it hidden until that is done. What is interrupted is visible to others soon after.
func (d *Deliveries) renewing(ctx context.Context, m Message, handle Handler) {
	renewing, stop := context.WithCancel(ctx)
	defer stop()
	var renewals sync.WaitGroup
	renewals.Go(func() {
		for pause.For(renewing, d.Visibility/3) == nil {
			if err := d.Queue.Extend(renewing, m.Receipt, d.Visibility); err != nil && renewing.Err() == nil {
				telemetry.Failure(d.Log.Warn(), err).Msg("message not renewed")
			}
		}
	})
	err := d.attempt(ctx, m, handle)
	stop()
	renewals.Wait() // a late one would hide the message again
	if err != nil {
		d.release(ctx, m, err)
	}
}

// Park moves a message to the dead-letter queue.
func (d *Deliveries) Park(ctx context.Context, m Message, reason string) error {
	if err := d.Queue.Park(ctx, m, reason); err != nil {
		return err
	}
	d.Metrics.Count(telemetry.Counts{telemetry.MessagesParked: 1})
	return nil
}

const (
	// longestPause is the longest that a message which was interrupted waits for its next delivery.
	longestPause = time.Hour
	// releaseTime is how long releasing a message may last, even when the handler's own time is up.
	releaseTime = 5 * time.Second
)

// release lets a message that was interrupted be redelivered, after a pause that grows with its deliveries.
func (d *Deliveries) release(ctx context.Context, m Message, cause error) {
	telemetry.Failure(d.Log.WithLevel(Interrupted(ctx)), cause).Str("message_id", m.ID).Int("attempt", m.Receives).Msg("message left for redelivery")
	d.failed(cause)
	released, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := d.Queue.Extend(released, m.Receipt, d.pause(m.Receives)); err != nil {
		telemetry.Failure(d.Log.Warn(), err).Str("message_id", m.ID).Msg("message not released")
	}
}

func (d *Deliveries) failed(err error) {
	if d.Failed != nil {
		d.Failed(err)
	}
}

// pause is how long a message waits after so many deliveries: four times as long after each.
func (d *Deliveries) pause(receives int) time.Duration {
	pause := d.FirstPause
	for range min(receives, MaxReceives) - 1 {
		pause *= 4
	}
	return min(pause, longestPause)
}

// Interrupted is how loudly an interruption is logged: a handler that was stopped itself is nothing to worry about.
func Interrupted(ctx context.Context) zerolog.Level {
	if ctx.Err() != nil {
		return zerolog.DebugLevel
	}
	return zerolog.WarnLevel
}
