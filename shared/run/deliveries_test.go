package run

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
	"adminassistant/shared/telemetry"
)

func TestBatch(t *testing.T) {
	var s *shop
	var handled []string
	s = newShop(t, handler(func(ctx context.Context, r *Run) error {
		handled = append(handled, r.ID)
		if r.ID == "aa" {
			return fault.New(fault.Unavailable, "the calendar does not answer")
		}
		return s.Runs.Finish(ctx, r, Succeeded, s.now)
	}))
	s.start("aa")
	s.send("not a message")
	s.start("bbb")
	messages := s.receive()
	if len(messages) != 3 {
		t.Fatalf("%d messages", len(messages))
	}
	waits := messages[slices.IndexFunc(messages, func(m queue.Message) bool { return strings.Contains(string(m.Body), `"aa"`) })]

	again := s.HandleBatch(t.Context(), messages, s.Handle)

	if diff := cmp.Diff([]string{waits.ID}, again); diff != "" {
		t.Errorf("come again: %s", diff)
	}
	if slices.Sort(handled); !slices.Equal(handled, []string{"aa", "bbb"}) {
		t.Errorf("handled %v", handled)
	}
	s.remaining(1, 1, "malformed")
	if s.now = s.now.Add(busyDelay - time.Second); len(s.receive()) != 0 {
		t.Error("the interrupted message did not wait")
	}
	if s.now = s.now.Add(time.Second); len(s.receive()) != 1 {
		t.Error("the interrupted message waits for longer than the pause")
	}
}

func TestDeadLetters(t *testing.T) {
	t.Run("the run that a letter names fails", func(t *testing.T) {
		s := newShop(t, nothing(t))
		r := s.start("a")
		if again := s.HandleBatch(t.Context(), s.receive(), s.HandleDead); again != nil {
			t.Errorf("come again: %v", again)
		}
		r, err := s.Runs.Get(t.Context(), r.User, r.ID)
		if err != nil || r.State != Failed || r.Problem == nil || r.Problem.Code != "unavailable" {
			t.Errorf("run is %s because of %+v, %v", r.State, r.Problem, err)
		}
		s.remaining(0, 0, "")
		s.counted(telemetry.Counts{telemetry.RunsFailed: 1, telemetry.RunsBroken: 1})
		if _, created, err := s.Runs.Create(t.Context(), sampleAgain(r, "b")); err != nil || !created {
			t.Errorf("the window is not free for the next run: %v", err)
		}
	})
	t.Run("a run that has ended stays as it is", func(t *testing.T) {
		s := newShop(t, nothing(t))
		r := s.start("a")
		if err := s.Runs.Finish(t.Context(), r, Succeeded, s.now); err != nil {
			t.Fatal(err)
		}
		if err := s.HandleDead(t.Context(), s.receiveOne()); err != nil {
			t.Fatal(err)
		}
		if r, err := s.Runs.Get(t.Context(), r.User, r.ID); err != nil || r.State != Succeeded {
			t.Errorf("run is %s, %v", r.State, err)
		}
		s.remaining(0, 0, "")
	})
	for name, body := range map[string]string{
		"a letter that is no message is parked":      "{}",
		"a letter that names nobody's run is parked": `{"run_id":"x","kind":"archive","user":"u","attempt_of":"","correlation_id":""}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, nothing(t))
			s.send(body)
			if err := s.HandleDead(t.Context(), s.receiveOne()); err != nil {
				t.Fatal(err)
			}
			s.remaining(0, 1, "names no readable run")
		})
	}
}

// sampleAgain is a new run of the same window.
func sampleAgain(r *Run, id string) *Run {
	next := sample(id)
	next.From, next.To = r.From, r.To
	return next
}

func TestARunThatTakesADayFails(t *testing.T) {
	for _, err := range []error{ErrBusy, HandOnAfter(time.Minute)} {
		s := newShop(t, handler(func(context.Context, *Run) error { return err }))
		r := s.start("a")
		for range 3 {
			s.now = s.now.Add(8 * time.Hour)
			if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
				t.Fatal(err)
			}
		}
		if r, err := s.Runs.Get(t.Context(), r.User, r.ID); err != nil || r.State != Queued {
			t.Fatalf("after a day the run is %s, %v", r.State, err)
		}
		s.now = s.now.Add(time.Hour)
		if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
			t.Fatal(err)
		}
		r, getErr := s.Runs.Get(t.Context(), r.User, r.ID)
		if getErr != nil || r.State != Failed || r.Problem.Code != "conflict" {
			t.Errorf("%v: run is %s because of %+v, %v", err, r.State, r.Problem, getErr)
		}
		s.remaining(0, 0, "")
	}
}

func TestWhoeverWantsToKnowIsToldThatARunEnded(t *testing.T) {
	for _, c := range []struct {
		name string
		end  func(s *shop) handler
	}{
		{"by its handler", func(s *shop) handler {
			return func(ctx context.Context, r *Run) error { return s.Runs.Finish(ctx, r, Succeeded, s.now) }
		}},
		{"by a failure", func(*shop) handler {
			return func(context.Context, *Run) error { return fault.New(fault.Invalid, "no such calendar") }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s *shop
			s = newShop(t, handler(func(ctx context.Context, r *Run) error { return c.end(s)(ctx, r) }))
			var told []State
			broken := true
			s.Ended = func(_ context.Context, r *Run) error {
				told = append(told, r.State)
				if broken {
					return fault.New(fault.Unavailable, "the log does not answer")
				}
				return nil
			}
			s.start("a")
			if err := s.Handle(t.Context(), s.receiveOne()); fault.Of(err) != fault.Unavailable {
				t.Fatalf("who was not told is forgotten: %v", err)
			}
			broken = false
			s.now = s.now.Add(visibility)
			if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
				t.Fatal(err)
			}
			if len(told) != 2 || told[0] != told[1] || !told[0].Ended() {
				t.Errorf("told %v", told)
			}
			s.remaining(0, 0, "")
		})
	}
}

func TestAWorkerThatIsStoppedTellsThatItsRunEnded(t *testing.T) {
	var s *shop
	ctx, stop := context.WithCancel(t.Context())
	s = newShop(t, handler(func(ctx context.Context, r *Run) error {
		defer stop()
		return s.Runs.Finish(ctx, r, Succeeded, s.now)
	}))
	told := false
	s.Ended = func(ctx context.Context, r *Run) error {
		told = ctx.Err() == nil
		return ctx.Err()
	}
	s.start("a")
	_ = s.Handle(ctx, s.receiveOne()) // whether the message is deleted does not matter
	if !told {
		t.Error("nobody was told")
	}
}
