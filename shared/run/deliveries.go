package run

import (
	"context"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/telemetry"
)

// deliveries gives the worker its messages.
func (w *Worker) deliveries() *queue.Deliveries {
	return &queue.Deliveries{
		Queue: w.Queue, Log: w.Log, Metrics: w.Metrics, FirstPause: w.BusyDelay, Visibility: w.Visibility, Failed: w.Failed,
	}
}

// HandleBatch gives the messages of one delivery to handle, one after the other, and returns the ids of those that have to come
// again. One that cannot be handled does not stop the others.
func (w *Worker) HandleBatch(ctx context.Context, messages []queue.Message, handle queue.Handler) (again []string) {
	return w.deliveries().Batch(ctx, messages, handle)
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
