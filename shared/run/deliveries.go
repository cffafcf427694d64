package run

import (
	"context"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/telemetry"
)

// HandleBatch gives the messages of one delivery to handle, one after the other, and returns the ids of those that have to come
// again. One that cannot be handled does not stop the others.
func (w *Worker) HandleBatch(ctx context.Context, messages []queue.Message, handle func(context.Context, queue.Message) error) (again []string) {
	for _, m := range messages {
		if err := handle(ctx, m); err != nil {
			w.release(ctx, m, err)
			again = append(again, m.ID)
		}
	}
	return again
}

const (
	// longestPause is the longest that a message which was interrupted waits for its next delivery.
	longestPause = time.Hour
	// settleTime is how long releasing a message may take, even when the worker's own time is up.
	settleTime = 5 * time.Second
)

// release lets a message that was interrupted come again, after a pause that grows with its deliveries.
func (w *Worker) release(ctx context.Context, m queue.Message, cause error) {
	telemetry.Failure(w.Log.WithLevel(interrupted(ctx)), cause).Str("message_id", m.ID).Int("attempt", m.Receives).Msg("message left for redelivery")
	settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if err := w.Queue.Extend(settle, m.Receipt, w.pause(m.Receives)); err != nil {
		telemetry.Failure(w.Log.Warn(), err).Str("message_id", m.ID).Msg("message not released")
	}
}

// pause is how long a message waits after so many deliveries: four times as long after each.
func (w *Worker) pause(receives int) time.Duration {
	pause := w.BusyDelay
	for range min(receives, queue.MaxReceives) - 1 {
		pause *= 4
	}
	return min(pause, longestPause)
}

// HandleDead fails the run that a dead letter names, and deletes the letter; the queue is that of the dead letters. What names no
// readable run is parked for an operator.
func (w *Worker) HandleDead(ctx context.Context, m queue.Message) error {
	err := w.Bury(ctx, m.Body)
	if nobodys(err) {
		telemetry.Failure(w.Log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.park(ctx, m, "names no readable run")
	}
	if err != nil {
		return err
	}
	return w.Queue.Delete(ctx, m.Receipt)
}

// errDead is why a run failed whose workers all ended without a word.
var errDead = fault.New(fault.Unavailable, "the run was interrupted at every attempt; nothing is lost or doubled, start it again")

// Bury fails the run that a dead letter names, since nobody will carry it on; one that has ended stays as it is. An error of kind
// fault.Malformed, fault.NotFound or fault.Invalid means that the letter names no readable run.
func (w *Worker) Bury(ctx context.Context, letter []byte) error {
	msg, err := ParseMessage(letter)
	if err != nil {
		return err
	}
	ctx = telemetry.WithCorrelation(ctx, w.Log.With().Str("run", msg.RunID).Str("user", telemetry.Hash(msg.User)).Logger(), msg.Correlation)
	return w.fail(ctx, msg.User, msg.RunID, errDead)
}

// nobodys says whether err means that a message names no readable run, so that no worker can ever do anything with it. Invalid is
// an id that is none of ours.
func nobodys(err error) bool {
	kind := fault.Of(err)
	return kind == fault.NotFound || kind == fault.Malformed || kind == fault.Invalid
}
