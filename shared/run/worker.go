package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Message names a run; the run's record holds everything else.
type Message struct {
	RunID       string `json:"run_id"`
	Kind        Kind   `json:"kind"`
	User        string `json:"user"`
	AttemptOf   string `json:"attempt_of"`
	Correlation string `json:"correlation_id"`
}

// ParseMessage reads a message; errors are of kind fault.Malformed.
func ParseMessage(body []byte) (Message, error) {
	var m Message
	if err := queue.Parse(body, &m); err != nil {
		return m, fault.New(fault.Malformed, "not a message that names a run: %w", err)
	}
	if m.RunID == "" || m.Kind == "" || m.User == "" {
		return m, fault.New(fault.Malformed, "not a message that names a run: run_id, kind and user are needed")
	}
	return m, nil
}

// Handler carries out one kind of run. It returns nil when the run has ended, whatever its state; ErrBusy when another run holds
// the lease; ErrHandOn when it stored a checkpoint because its time was nearly up; otherwise an error of which the kind says
// whether another attempt makes sense.
type Handler interface {
	Run(ctx context.Context, r *Run) error
}

// ErrHandOn means that the rest of the run is for another worker.
var ErrHandOn = errors.New("run: handed on")

// handOn is ErrHandOn with a pause before the next worker goes on.
type handOn struct{ after time.Duration }

func (h handOn) Error() string        { return ErrHandOn.Error() }
func (h handOn) Is(target error) bool { return target == ErrHandOn }

// HandOnAfter is ErrHandOn for a run that has to wait longer than its worker can.
func HandOnAfter(pause time.Duration) error { return handOn{pause} }

// Starter creates runs and names them to the worker.
type Starter struct {
	Runs  *Store
	Queue queue.Queue
}

// Start creates the run and sends its message. If the same is under way, that run is returned, and its message is sent again in
// case that the worker it was with is no more; two workers of one run cannot do harm.
func (s *Starter) Start(ctx context.Context, r *Run) (*Run, bool, error) {
	r, created, err := s.Runs.Create(ctx, r)
	if err != nil {
		return nil, false, err
	}
	return r, created, send(ctx, s.Queue, r, 0)
}

func send(ctx context.Context, q queue.Queue, r *Run, delay time.Duration) error {
	body, err := json.Marshal(Message{RunID: r.ID, Kind: r.Kind, User: r.User, AttemptOf: r.AttemptOf, Correlation: r.Correlation})
	if err != nil {
		return fmt.Errorf("name run %s: %w", r.ID, err)
	}
	if err := q.Send(ctx, body, delay); err != nil {
		return fmt.Errorf("send run %s: %w", r.ID, err)
	}
	return nil
}

// Flags has the values of flags with which runs start.
type Flags interface {
	// Beside are the items that are to be read beside a run of a user; none where what was read before still counts.
	Beside(user string) []store.Key
	// Started returns the values with which a run of the user starts, which the run stores. read are those items that are there.
	Started(ctx context.Context, user string, read []store.Item) map[string]bool
}

// Worker takes messages off the queue and carries the runs out.
type Worker struct {
	Runs     *Store
	Queue    queue.Queue
	Handlers map[Kind]Handler
	Kinds    Kinds
	Log      zerolog.Logger
	// Metrics count what becomes of runs and messages; nil if nobody looks at them.
	Metrics *telemetry.Metrics
	// Ended is called for every run that has ended, at least once; after an error, once more. It may be nil.
	Ended func(ctx context.Context, r *Run) error
	// Flags has the values of flags with which runs start; nil: there are none.
	Flags Flags
	Clock func() time.Time
	// BusyDelay is how long a run waits before it asks for the lease again.
	BusyDelay time.Duration
	// Visibility is how long a message stays hidden from other workers; Poll renews it while the run goes on.
	Visibility time.Duration
	// Failed is told what attempts at runs fail with that are tried again, and the queue itself; nil if nobody asks.
	Failed func(error)
}

// Handle does what one message asks for and then deletes the message, sends it on, or parks it. After an error the message
// stays where it is and comes again.
func (w *Worker) Handle(ctx context.Context, m queue.Message) error {
	msg, err := ParseMessage(m.Body)
	if err != nil {
		telemetry.Failure(w.Log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.park(ctx, m, "malformed")
	}
	ctx = telemetry.WithCorrelation(ctx, w.Log.With().Str("run", msg.RunID).Str("user", telemetry.Hash(msg.User)).Logger(), msg.Correlation)
	log := zerolog.Ctx(ctx)
	var flags []store.Key
	if w.Flags != nil {
		flags = w.Flags.Beside(msg.User)
	}
	r, read, err := w.Runs.GetBeside(ctx, msg.User, msg.RunID, flags)
	if nobodys(err) {
		telemetry.Failure(log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.park(ctx, m, "names no readable run")
	}
	if err != nil {
		return err
	}
	if r.State.Ended() {
		return w.finish(ctx, m, r) // cancelled, or delivered again after the run had ended
	}
	handler := w.Handlers[r.Kind]
	if handler == nil {
		log.Error().Str("message_id", m.ID).Str("kind", string(r.Kind)).Msg("message parked")
		return w.park(ctx, m, "nobody handles runs of this kind")
	}

	if r.Flags == nil && w.Flags != nil {
		r.Flags = w.Flags.Started(ctx, r.User, read)
	}
	err = carryOut(ctx, handler, r)
	switch {
	case err == nil:
		w.count(r)
		return w.finish(ctx, m, r)
	case (errors.Is(err, ErrBusy) || errors.Is(err, ErrHandOn)) && w.Clock().Sub(r.Created) > longestRun:
		err = errTooLong
	case errors.Is(err, ErrBusy):
		return w.replace(ctx, m, r, w.BusyDelay)
	case errors.Is(err, ErrHandOn):
		var pause handOn
		errors.As(err, &pause)
		return w.replace(ctx, m, r, min(pause.after, queue.MaxDelay))
	case worthRetry(err) && m.Receives < queue.MaxReceives:
		telemetry.Failure(log.WithLevel(queue.Interrupted(ctx)), err).Int("attempt", m.Receives).Msg("run interrupted")
		return err
	}
	telemetry.Failure(log.Error(), err).Msg("run failed")
	if err := w.fail(ctx, r.User, r.ID, err); err != nil {
		return err
	}
	if worthRetry(err) {
		return w.park(ctx, m, "the run was interrupted too often")
	}
	return w.delete(ctx, m)
}

// longestRun is how long a run may wait for others and be handed on.
const longestRun = 24 * time.Hour

var errTooLong = fault.New(fault.Conflict, "the run did not get done within a day; nothing is lost or doubled, start it again")

// carryOut runs the handler. A panic becomes an internal error, so that one run that trips over a defect ends alone.
func carryOut(ctx context.Context, h Handler, r *Run) (err error) {
	defer func() {
		if p := recover(); p != nil {
			zerolog.Ctx(ctx).Error().Bytes("stack", debug.Stack()).Msg("handler panicked")
			err = fmt.Errorf("run %s: panic: %v", r.ID, p)
		}
	}()
	return h.Run(ctx, r)
}

// worthRetry says whether another attempt makes sense: after a transient failure, and when somebody else went on with the run or the
// ledger meanwhile, so that a fresh look shows what is left to do.
func worthRetry(err error) bool {
	return fault.Of(err).Transient() || errors.Is(err, store.ErrConflict)
}

// replace sends the run on by a message of its own, so that waiting does not count as failing.
func (w *Worker) replace(ctx context.Context, m queue.Message, r *Run, delay time.Duration) error {
	if err := send(ctx, w.Queue, r, delay); err != nil {
		return err
	}
	return w.Queue.Delete(ctx, m.Receipt)
}

// finish reports that the run has ended, and deletes its message.
func (w *Worker) finish(ctx context.Context, m queue.Message, r *Run) error {
	if err := w.report(ctx, r); err != nil {
		return err
	}
	return w.delete(ctx, m)
}

// delete removes a message whose run has ended, even when the worker is stopped just then: it would come again for nothing.
func (w *Worker) delete(ctx context.Context, m queue.Message) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
	defer cancel()
	return w.Queue.Delete(ctx, m.Receipt)
}

// reportTime is how long it may take to report that a run has ended, even when the worker's own time is up.
const reportTime = 10 * time.Second

// report calls Ended for a run that has ended. A worker that is stopped just then does so all the same: whoever waits for the run sees its end
// and may not be there when its message comes again.
func (w *Worker) report(ctx context.Context, r *Run) error {
	if w.Ended == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reportTime)
	defer cancel()
	if err := w.Ended(ctx, r); err != nil {
		return fmt.Errorf("report that run %s has ended: %w", r.ID, err)
	}
	return nil
}

// fail ends a run for good with the reason. It reads the run again, since the handler may have stored it.
func (w *Worker) fail(ctx context.Context, user, id string, cause error) error {
	r, err := w.Runs.Get(ctx, user, id)
	if err != nil {
		return err
	}
	if !r.State.Ended() {
		if fault.Of(cause) == fault.Setup {
			w.Metrics.Count(telemetry.Counts{telemetry.SetupFaults: 1})
		}
		r.Problem = NewProblem(cause)
		if err := w.Runs.Finish(ctx, r, Failed, w.Clock()); err != nil {
			return err
		}
		w.count(r)
	}
	return w.report(ctx, r)
}

// park moves a message to the dead-letter queue.
func (w *Worker) park(ctx context.Context, m queue.Message, reason string) error {
	return w.deliveries().Park(ctx, m, reason)
}

// endings are how runs of each state that they end in are counted.
var endings = map[State]telemetry.Metric{Succeeded: telemetry.RunsSucceeded, Partial: telemetry.RunsPartial, Failed: telemetry.RunsFailed}

// count counts a run that this worker has just ended. One of which the worker does not know that its end was stored is not counted, and
// none is counted twice: the record of the run says what became of it, the metrics say how things go.
func (w *Worker) count(r *Run) {
	metric, ok := endings[r.State]
	if !ok {
		return
	}
	counts := telemetry.Counts{metric: 1}
	if r.State == Failed && r.Problem.ours() {
		counts[telemetry.RunsBroken] = 1
	}
	if written := w.Kinds.Of(r.Kind).Counts; written != "" {
		if result, err := w.Kinds.Result(r); err == nil && result != nil { // a run that failed may have none
			counts[written] = result.Wrote()
		}
	}
	w.Metrics.Count(counts)
}

// Poll handles messages one after the other until ctx ends.
func (w *Worker) Poll(ctx context.Context) error { return w.deliveries().Poll(ctx, w.Handle) }
