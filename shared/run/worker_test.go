package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

const (
	busyDelay  = 30 * time.Second
	visibility = time.Minute
)

// handler is a function that handles runs.
type handler func(ctx context.Context, r *Run) error

func (h handler) Run(ctx context.Context, r *Run) error { return h(ctx, r) }

// nothing is a handler for whom there is nothing to do.
func nothing(t *testing.T) handler {
	return func(_ context.Context, r *Run) error {
		t.Errorf("run %s was carried out", r.ID)
		return nil
	}
}

// shop is a worker with a real store and a real queue, and a clock that stands still until it is moved.
type shop struct {
	*Worker
	t     testing.TB
	table store.Table
	queue *queues.Queue
	now   time.Time
	log   bytes.Buffer
	count bytes.Buffer // what was counted
}

func newShop(t testing.TB, h handler) *shop {
	t.Helper()
	s := &shop{t: t, now: monday, table: openTable(t)}
	clock := func() time.Time { return s.now }
	file, err := queues.Open(":memory:", clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	s.queue = file.Queue("archive")
	s.Worker = &Worker{
		Runs: NewStore(s.table), Queue: s.queue, Handlers: map[Kind]Handler{}, Kinds: madeUp(), Log: zerolog.New(zerolog.SyncWriter(&s.log)),
		Metrics: telemetry.NewMetrics(&s.count, "test", clock), Clock: clock, BusyDelay: busyDelay, Visibility: visibility,
	}
	if h != nil {
		s.Handlers[Archive] = h
	}
	return s
}

// start creates a run and sends its message.
func (s *shop) start(id string) *Run {
	s.t.Helper()
	r := sample(id)
	r.From.Day, r.To.Day = 1+len(id), 31 // runs of different windows, if their ids are
	r, created, err := (&Starter{Runs: s.Runs, Queue: s.queue}).Start(s.t.Context(), r)
	if err != nil || !created {
		s.t.Fatalf("created %t, %v", created, err)
	}
	return r
}

func (s *shop) send(body string) {
	s.t.Helper()
	if err := s.queue.Send(s.t.Context(), []byte(body), 0); err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) receive() []queue.Message {
	s.t.Helper()
	messages, err := s.queue.Receive(s.t.Context(), queue.MaxBatch, visibility, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	return messages
}

func (s *shop) receiveOne() queue.Message {
	s.t.Helper()
	messages := s.receive()
	if len(messages) != 1 {
		s.t.Fatalf("%d messages, want one", len(messages))
	}
	return messages[0]
}

// remaining expects so many messages that wait and that are dead, with a reason that contains the text.
func (s *shop) remaining(waiting, dead int, reason string) {
	s.t.Helper()
	stats, err := s.queue.Stats(s.t.Context())
	if err != nil || stats.Waiting != waiting || stats.Dead != dead {
		s.t.Errorf("%+v, %v, want %d waiting and %d dead", stats, err, waiting, dead)
	}
	letters, err := s.queue.DeadLetters(s.t.Context(), 10)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, letter := range letters {
		if !strings.Contains(letter.Reason, reason) {
			s.t.Errorf("dead because %q, want %q", letter.Reason, reason)
		}
	}
}

// counted expects what the worker counted so far.
func (s *shop) counted(want telemetry.Counts) {
	s.t.Helper()
	got := telemetry.Counts{}
	for line := range strings.Lines(s.count.String()) {
		var fields map[telemetry.Metric]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		for name, value := range fields {
			if n, ok := value.(float64); ok {
				got[name] += int(n)
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.t.Errorf("counted, want - got +:\n%s", diff)
	}
}

func TestParseMessage(t *testing.T) {
	good := Message{RunID: "1", Kind: Archive, User: user, AttemptOf: "0", Correlation: "c"}
	body, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseMessage(body); err != nil || got != good {
		t.Errorf("got %+v, %v", got, err)
	}
	if got, err := ParseMessage([]byte(` {"run_id":"1","kind":"archive","user":"u"} ` + "\n")); err != nil ||
		got != (Message{RunID: "1", Kind: Archive, User: "u"}) {
		t.Errorf("what need not be there: %+v, %v", got, err)
	}
	for _, bad := range badMessages {
		if got, err := ParseMessage([]byte(bad)); fault.Of(err) != fault.Malformed || err == nil {
			t.Errorf("%q: %+v, %v, want malformed", bad, got, err)
		}
	}
}

var badMessages = []string{
	"", " ", "{}", "null", "[]", "1", `"run"`, "{", "run", "\x00",
	`{"run_id":"1","kind":"archive"}`, `{"run_id":"1","user":"u"}`, `{"kind":"archive","user":"u"}`, `{"run_id":"","kind":"archive","user":"u"}`,
	`{"run_id":1,"kind":"archive","user":"u"}`,
	`{"run_id":"1","kind":"archive","user":"u","more":1}`,
	`{"run_id":"1","kind":"archive","user":"u"}{}`, `{"run_id":"1","kind":"archive","user":"u"} x`, `{"run_id":"1","kind":"archive","user":"u"}}`,
}

func FuzzParseMessage(f *testing.F) {
	for _, bad := range badMessages {
		f.Add([]byte(bad))
	}
	f.Add([]byte(`{"run_id":"1","kind":"archive","user":"u","attempt_of":"0","correlation_id":"c"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := ParseMessage(body)
		if err != nil {
			if fault.Of(err) != fault.Malformed {
				t.Errorf("error of kind %s: %v", fault.Of(err), err)
			}
			return
		}
		if m.RunID == "" || m.Kind == "" || m.User == "" {
			t.Errorf("%q names no run", body)
		}
		again, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseMessage(again); err != nil || got != m {
			t.Errorf("%q was read as %+v, and %q as %+v, %v", body, m, again, got, err)
		}
	})
}

func TestStart(t *testing.T) {
	s := newShop(t, nil)
	r := s.start("1")
	want := Message{RunID: "1", Kind: Archive, User: user, Correlation: "correlation-1"}
	if got, err := ParseMessage(s.receiveOne().Body); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	t.Run("what is under way is named again", func(t *testing.T) {
		same := sample("2")
		same.From, same.To = r.From, r.To
		again, created, err := (&Starter{Runs: s.Runs, Queue: s.queue}).Start(t.Context(), same)
		if err != nil || created || again.ID != "1" {
			t.Fatalf("%+v, %t, %v", again, created, err)
		}
		if got, err := ParseMessage(s.receiveOne().Body); err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestHandle(t *testing.T) {
	t.Run("a run that ended is done with", func(t *testing.T) {
		var s *shop
		s = newShop(t, func(ctx context.Context, r *Run) error {
			if r.ID != "1" || telemetry.Correlation(ctx) != "correlation-1" {
				t.Errorf("run %s, correlation %s", r.ID, telemetry.Correlation(ctx))
			}
			zerolog.Ctx(ctx).Info().Msg("handled")
			return s.Runs.Finish(ctx, r, Succeeded, s.now)
		})
		s.start("1")
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Fatal(err)
		}
		s.remaining(0, 0, "")
		if log := s.log.String(); !strings.Contains(log, `"run":"1"`) || !strings.Contains(log, `"correlation_id":"correlation-1"`) || strings.Contains(log, user) {
			t.Errorf("the log has %s", log)
		}
	})
	t.Run("a run that ended just when its worker is stopped is done with, too", func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var s *shop
		s = newShop(t, func(ctx context.Context, r *Run) error {
			defer stop()
			return s.Runs.Finish(ctx, r, Succeeded, s.now)
		})
		s.start("1")
		if err := s.Handle(ctx, s.receiveOne()); err != nil {
			t.Error(err)
		}
		s.remaining(0, 0, "")
	})
	t.Run("a message that cannot be read is parked at once, and those that came with it go on", func(t *testing.T) {
		handled := map[string]bool{}
		s := newShop(t, func(_ context.Context, r *Run) error {
			handled[r.ID] = true
			return nil
		})
		s.start("1")
		s.send(`{"run_id":"1","kind":`)
		s.start("22")
		for _, m := range s.receive() {
			if err := s.Handle(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
		s.remaining(0, 1, "malformed")
		if diff := cmp.Diff(map[string]bool{"1": true, "22": true}, handled); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a message that names no run is parked at once", func(t *testing.T) {
		for _, body := range []string{
			`{"run_id":"none","kind":"archive","user":"tenant#object"}`,
			`{"run_id":"1","kind":"archive","user":"tenant#other"}`,
			`{"run_id":"` + strings.Repeat("x", store.MaxSK) + `","kind":"archive","user":"tenant#object"}`,
		} {
			s := newShop(t, nothing(t))
			s.start("1")
			s.receive()
			s.send(body)
			if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
				t.Errorf("%.60s: %v", body, err)
			}
			s.remaining(1, 1, "names no readable run")
		}
	})
	t.Run("a run that is unreadable is parked at once", func(t *testing.T) {
		s := newShop(t, nil)
		s.start("1")
		if _, err := s.table.Put(t.Context(), store.Item{Key: runKey(user, "1"), Data: []byte("{")}, store.Any()); err != nil {
			t.Fatal(err)
		}
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Error(err)
		}
		s.remaining(0, 1, "names no readable run")
	})
	t.Run("a run of a kind that nobody handles is parked", func(t *testing.T) {
		s := newShop(t, nil)
		s.start("1")
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Error(err)
		}
		s.remaining(0, 1, "nobody handles")
		if r := get(t, s.Runs, "1"); r.State != Queued {
			t.Errorf("it is %s: after the message is put back it could go on", r.State)
		}
	})
	t.Run("a run that has ended already is not carried out again", func(t *testing.T) {
		s := newShop(t, nothing(t))
		r := s.start("1")
		if err := s.Runs.Finish(t.Context(), r, Cancelled, monday); err != nil {
			t.Fatal(err)
		}
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Error(err)
		}
		s.remaining(0, 0, "")
		if r := get(t, s.Runs, "1"); r.State != Cancelled {
			t.Errorf("it is %s", r.State)
		}
	})
	t.Run("a store that is down leaves the message", func(t *testing.T) {
		s := newShop(t, nil)
		s.start("1")
		s.Runs = NewStore(unavailable{s.table})
		if err := s.Handle(t.Context(), s.receiveOne()); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v, want unavailable", err)
		}
		s.remaining(1, 0, "")
	})
	t.Run("a run that waits for another is sent on, however often", func(t *testing.T) {
		s := newShop(t, func(context.Context, *Run) error { return fmt.Errorf("archive: %w", ErrBusy) })
		s.start("1")
		for range 2 * queue.MaxReceives {
			m := s.receiveOne()
			if m.Receives != 1 {
				t.Fatalf("delivery %d: waiting counts as failing", m.Receives)
			}
			if err := s.Handle(t.Context(), m); err != nil {
				t.Fatal(err)
			}
			s.remaining(1, 0, "")
			if s.now = s.now.Add(busyDelay - time.Second); len(s.receive()) != 0 {
				t.Fatal("it comes too early")
			}
			s.now = s.now.Add(time.Second)
		}
		if r := get(t, s.Runs, "1"); r.State != Queued {
			t.Errorf("it is %s", r.State)
		}
	})
	t.Run("a run that is handed on goes on at once", func(t *testing.T) {
		s := newShop(t, func(context.Context, *Run) error { return ErrHandOn })
		s.start("1")
		first := s.receiveOne()
		if err := s.Handle(t.Context(), first); err != nil {
			t.Fatal(err)
		}
		second := s.receiveOne()
		if second.ID == first.ID || second.Receives != 1 || !bytes.Equal(second.Body, first.Body) {
			t.Errorf("%+v after %+v", second, first)
		}
		s.remaining(1, 0, "")
	})
	for name, cause := range map[string]error{
		"a passing failure":   fault.New(fault.Throttled, "slow down"),
		"a dependency down":   fmt.Errorf("read: %w", fault.New(fault.Unavailable, "down")),
		"a deadline":          context.DeadlineExceeded,
		"a change meanwhile":  fmt.Errorf("write the ledger: %w", store.ErrConflict),
		"one joined to other": errors.Join(errors.New("x"), fault.New(fault.Unavailable, "down")),
	} {
		t.Run(name+" is tried five times, and then the run has failed", func(t *testing.T) {
			s := newShop(t, func(context.Context, *Run) error { return cause })
			s.start("1")
			for attempt := 1; attempt < queue.MaxReceives; attempt++ {
				m := s.receiveOne()
				if m.Receives != attempt {
					t.Fatalf("delivery %d, want %d", m.Receives, attempt)
				}
				if err := s.Handle(t.Context(), m); !errors.Is(err, cause) {
					t.Fatalf("attempt %d: %v", attempt, err)
				}
				s.remaining(1, 0, "")
				if r := get(t, s.Runs, "1"); r.State.Ended() {
					t.Fatalf("it is %s after attempt %d", r.State, attempt)
				}
				s.now = s.now.Add(visibility)
			}
			if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
				t.Fatal(err)
			}
			s.remaining(0, 1, "interrupted too often")
			if r := get(t, s.Runs, "1"); r.State != Failed || r.Problem == nil || r.Ended != s.now.UTC() {
				t.Errorf("%+v", r)
			}
			create(t, s.Runs, sample("another"))
		})
	}
	for name, c := range map[string]struct {
		cause   error
		code    string
		visible bool
	}{
		"a wrong config":   {fault.Field("archive", "names the source calendar"), "invalid", true},
		"no such calendar": {fmt.Errorf("source: %w", fault.New(fault.NotFound, "calendar not found")), "not_found", true},
		"a defect":         {errors.New("secret"), "internal", false},
		"a locked period":  {fault.New(fault.Locked, "locked"), "locked", true},
	} {
		t.Run(name+" ends the run at once", func(t *testing.T) {
			s := newShop(t, func(context.Context, *Run) error { return c.cause })
			s.start("1")
			if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
				t.Fatal(err)
			}
			s.remaining(0, 0, "")
			r := get(t, s.Runs, "1")
			if r.State != Failed || r.Problem == nil || r.Problem.Code != c.code || (r.Problem.Detail == c.cause.Error()) != c.visible {
				t.Errorf("%s, %+v", r.State, r.Problem)
			}
		})
	}
	t.Run("a handler that panics ends its own run only", func(t *testing.T) {
		for name, value := range map[string]any{"text": "boom", "an error": fault.New(fault.Unavailable, "boom"), "nil": nil} {
			t.Run(name, func(t *testing.T) {
				s := newShop(t, func(context.Context, *Run) error { panic(value) })
				s.start("1")
				if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
					t.Fatal(err)
				}
				s.remaining(0, 0, "")
				if r := get(t, s.Runs, "1"); r.State != Failed || r.Problem == nil || r.Problem.Code != "internal" || strings.Contains(r.Problem.Detail, "boom") {
					t.Errorf("%+v, %+v", r, r.Problem)
				}
				if log := s.log.String(); !strings.Contains(log, "worker_test.go") || !strings.Contains(log, "panic") {
					t.Errorf("the log does not say where: %s", log)
				}
			})
		}
	})
	t.Run("a handler that ended the run before it failed has the last word", func(t *testing.T) {
		var s *shop
		s = newShop(t, func(ctx context.Context, r *Run) error {
			if err := s.Runs.Finish(ctx, r, Partial, s.now); err != nil {
				t.Fatal(err)
			}
			return errors.New("afterwards")
		})
		s.start("1")
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Fatal(err)
		}
		s.remaining(0, 0, "")
		if r := get(t, s.Runs, "1"); r.State != Partial || r.Problem != nil {
			t.Errorf("%s, %+v", r.State, r.Problem)
		}
	})
	t.Run("a handler that stored the run before it failed is no conflict", func(t *testing.T) {
		var s *shop
		s = newShop(t, func(ctx context.Context, r *Run) error {
			r.State, r.Progress = Running, NewProgress("writing", 1, 4)
			if err := s.Runs.Update(ctx, r); err != nil {
				t.Fatal(err)
			}
			return errors.New("then")
		})
		s.start("1")
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Fatal(err)
		}
		if r := get(t, s.Runs, "1"); r.State != Failed || r.Progress != (Progress{"done", 1, 4, 25}) {
			t.Errorf("%s, %+v", r.State, r.Progress)
		}
	})
}

func TestCounts(t *testing.T) {
	// ends is a handler that ends runs in a state, with a result.
	ends := func(s **shop, state State, result string) handler {
		return func(ctx context.Context, r *Run) error {
			r.Result = json.RawMessage(result)
			return (*s).Runs.Finish(ctx, r, state, (*s).now)
		}
	}
	handle := func(t *testing.T, s *shop) {
		t.Helper()
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Error(err)
		}
	}
	const wrote = `{"counts":{"archived":9},"written":7}`
	for name, c := range map[string]struct {
		state  State
		result string
		want   telemetry.Counts
	}{
		"a run that succeeded counts with what it wrote": {Succeeded, wrote,
			telemetry.Counts{telemetry.RunsSucceeded: 1, telemetry.AppointmentsArchived: 7}},
		"one that changed nothing counts alone":                   {Succeeded, `{"written":0}`, telemetry.Counts{telemetry.RunsSucceeded: 1}},
		"one of which a part failed counts with what it wrote":    {Partial, wrote, telemetry.Counts{telemetry.RunsPartial: 1, telemetry.AppointmentsArchived: 7}},
		"one that its handler let fail counts as failed":          {Failed, `{"written":0}`, telemetry.Counts{telemetry.RunsFailed: 1}},
		"one whose result is of another form counts all the same": {Succeeded, `"nothing"`, telemetry.Counts{telemetry.RunsSucceeded: 1}},
		"one that was cancelled is none of these":                 {Cancelled, wrote, telemetry.Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			var s *shop
			s = newShop(t, ends(&s, c.state, c.result))
			s.start("1")
			handle(t, s)
			s.counted(c.want)
			if lines := strings.Count(s.count.String(), "\n"); lines > 1 {
				t.Errorf("one fact is told in %d lines", lines)
			}
		})
	}
	t.Run("what other kinds of run write is no archived appointment", func(t *testing.T) {
		var s *shop
		s = newShop(t, nil)
		s.Handlers["restore"] = ends(&s, Succeeded, wrote)
		r := sample("1")
		r.Kind = "restore"
		if _, _, err := (&Starter{Runs: s.Runs, Queue: s.queue}).Start(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		handle(t, s)
		s.counted(telemetry.Counts{telemetry.RunsSucceeded: 1})
	})
	t.Run("a run whose message comes again after its end counts once", func(t *testing.T) {
		var s *shop
		s = newShop(t, ends(&s, Succeeded, wrote))
		r := s.start("1")
		if err := send(t.Context(), s.queue, r, 0); err != nil {
			t.Fatal(err)
		}
		for _, m := range s.receive() {
			if err := s.Handle(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
		s.remaining(0, 0, "")
		s.counted(telemetry.Counts{telemetry.RunsSucceeded: 1, telemetry.AppointmentsArchived: 7})
	})
	t.Run("a run that goes on elsewhere, or waits, does not count", func(t *testing.T) {
		for _, err := range []error{ErrBusy, ErrHandOn} {
			s := newShop(t, func(context.Context, *Run) error { return err })
			s.start("1")
			handle(t, s)
			s.counted(telemetry.Counts{})
		}
	})
	t.Run("a run whose end was not stored does not count", func(t *testing.T) {
		s := newShop(t, func(_ context.Context, r *Run) error {
			r.End(Succeeded, monday) // and the transaction of it fails
			return fault.New(fault.Unavailable, "down")
		})
		s.start("1")
		if err := s.Handle(t.Context(), s.receiveOne()); err == nil {
			t.Error("no error")
		}
		s.counted(telemetry.Counts{})
	})
	t.Run("a run that failed at once counts, and nothing is parked", func(t *testing.T) {
		s := newShop(t, func(context.Context, *Run) error { return fault.New(fault.NotFound, "calendar not found") })
		s.start("1")
		handle(t, s)
		s.counted(telemetry.Counts{telemetry.RunsFailed: 1})
	})
	t.Run("one that failed for no fault of its user counts as broken, too", func(t *testing.T) {
		for _, kind := range []fault.Kind{fault.Internal, fault.Malformed} {
			s := newShop(t, func(context.Context, *Run) error { return fault.New(kind, "a defect") })
			s.start("1")
			handle(t, s)
			s.counted(telemetry.Counts{telemetry.RunsFailed: 1, telemetry.RunsBroken: 1})
		}
	})
	t.Run("a run that was interrupted too often counts once, as its message does", func(t *testing.T) {
		s := newShop(t, func(context.Context, *Run) error { return fault.New(fault.Unavailable, "down") })
		s.start("1")
		for range queue.MaxReceives - 1 {
			if err := s.Handle(t.Context(), s.receiveOne()); err == nil {
				t.Fatal("no error")
			}
			s.counted(telemetry.Counts{})
			s.now = s.now.Add(visibility)
		}
		handle(t, s)
		s.counted(telemetry.Counts{telemetry.RunsFailed: 1, telemetry.RunsBroken: 1, telemetry.MessagesParked: 1})
	})
	t.Run("messages that no worker can use count when they are parked", func(t *testing.T) {
		s := newShop(t, nil)
		s.send("malformed")
		s.send(`{"run_id":"none","kind":"archive","user":"tenant#object"}`)
		s.start("1") // nobody handles its kind
		for _, m := range s.receive() {
			if err := s.Handle(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
		s.remaining(0, 3, "")
		s.counted(telemetry.Counts{telemetry.MessagesParked: 3})
	})
	t.Run("a message that could not be parked does not count", func(t *testing.T) {
		s := newShop(t, nil)
		s.Queue = unparkable{s.queue}
		s.send("malformed")
		if err := s.Handle(t.Context(), s.receiveOne()); err == nil {
			t.Error("no error")
		}
		s.counted(telemetry.Counts{})
	})
	t.Run("nobody has to look", func(t *testing.T) {
		var s *shop
		s = newShop(t, ends(&s, Succeeded, wrote))
		s.Metrics = nil
		s.send("malformed")
		s.start("1")
		for _, m := range s.receive() {
			if err := s.Handle(t.Context(), m); err != nil {
				t.Error(err)
			}
		}
		s.remaining(0, 1, "malformed")
	})
}

// unparkable is a queue whose dead-letter queue is down.
type unparkable struct{ queue.Queue }

func (unparkable) Park(context.Context, queue.Message, string) error {
	return fault.New(fault.Unavailable, "down")
}

// unavailable is a store that is down.
type unavailable struct{ store.Table }

func (unavailable) Get(context.Context, store.Key) (store.Item, error) {
	return store.Item{}, fault.New(fault.Unavailable, "down")
}

// watched is a queue that tells what becomes of messages.
type watched struct {
	queue.Queue
	extended chan time.Duration
	settled  chan string
}

func (q *watched) Extend(ctx context.Context, receipt string, visibility time.Duration) error {
	err := q.Queue.Extend(ctx, receipt, visibility)
	select {
	case q.extended <- visibility:
	case <-ctx.Done():
	}
	return err
}

func (q *watched) Delete(ctx context.Context, receipt string) error {
	err := q.Queue.Delete(ctx, receipt)
	q.settled <- "deleted"
	return err
}

func (q *watched) Park(ctx context.Context, m queue.Message, reason string) error {
	err := q.Queue.Park(ctx, m, reason)
	q.settled <- "parked"
	return err
}

func TestPoll(t *testing.T) {
	poll := func(t *testing.T, s *shop) (q *watched, stop func()) {
		q = &watched{Queue: s.queue, extended: make(chan time.Duration, 1), settled: make(chan string, 1)}
		s.Queue = q
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- s.Poll(ctx) }()
		return q, func() {
			t.Helper()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("poll ended with %v", err)
			}
		}
	}
	const short = 30 * time.Millisecond

	t.Run("a long run stays hidden, and its message is renewed until it ends", func(t *testing.T) {
		goOn := make(chan bool)
		s := newShop(t, func(context.Context, *Run) error {
			<-goOn
			return nil
		})
		s.Visibility = short
		s.start("1")
		q, stop := poll(t, s)
		for range 3 {
			if d := <-q.extended; d != short {
				t.Errorf("renewed for %s", d)
			}
		}
		goOn <- true
		for {
			select {
			case <-q.extended:
				continue
			case <-q.settled:
			}
			break
		}
		stop()
		s.remaining(0, 0, "")
	})
	t.Run("a run that failed for now comes again after a while", func(t *testing.T) {
		s := newShop(t, func(context.Context, *Run) error { return fault.New(fault.Unavailable, "down") })
		s.start("1")
		q, stop := poll(t, s)
		if d := <-q.extended; d != busyDelay {
			t.Errorf("hidden for %s, want %s", d, busyDelay)
		}
		stop()
		if len(s.receive()) != 0 {
			t.Error("it is visible at once")
		}
		s.now = s.now.Add(busyDelay)
		if m := s.receiveOne(); m.Receives != 2 {
			t.Errorf("delivery %d", m.Receives)
		}
	})
	t.Run("a run that is interrupted by the end comes again soon", func(t *testing.T) {
		begun := make(chan bool)
		s := newShop(t, func(ctx context.Context, _ *Run) error {
			begun <- true
			<-ctx.Done()
			return ctx.Err()
		})
		s.start("1")
		q, stop := poll(t, s)
		<-begun
		stop()
		if d := <-q.extended; d != busyDelay {
			t.Errorf("hidden for %s, want %s", d, busyDelay)
		}
		s.remaining(1, 0, "")
		if r := get(t, s.Runs, "1"); r.State.Ended() {
			t.Errorf("it is %s", r.State)
		}
	})
	t.Run("one after the other is handled, whatever becomes of them", func(t *testing.T) {
		s := newShop(t, func(_ context.Context, r *Run) error {
			if r.ID == "22" {
				panic("boom")
			}
			return nil
		})
		for _, id := range []string{"1", "22", "333"} {
			s.start(id)
		}
		s.send("malformed")
		q, stop := poll(t, s)
		became := map[string]int{}
		for range 4 {
			became[<-q.settled]++
		}
		stop()
		if became["deleted"] != 3 || became["parked"] != 1 {
			t.Errorf("%v", became)
		}
		s.remaining(0, 1, "malformed")
	})
}
