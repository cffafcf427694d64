// Package queuetest is the contract of queue.Queue: every implementation passes it.
package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/queue"
)

// Fixture is an empty queue, and its time.
type Fixture struct {
	Queue queue.Queue
	// Advance lets time pass: it moves the queue's clock, or waits.
	Advance func(time.Duration)
	// Now is the queue's time, to a few seconds.
	Now func() time.Time
	// NoOldest means that the service does not say when its oldest message was sent.
	NoOldest bool
	// Deviations are cases, by name, in which the engine that stands in for the service differs from it, each with how. They are skipped.
	Deviations map[string]string
}

// Run runs the contract. open returns a queue that nobody else uses.
func Run(t *testing.T, open func(t *testing.T) Fixture) {
	tests := []struct {
		name string
		test func(*testing.T, Fixture)
	}{
		{"a message comes as it was sent", sent},
		{"a message that is received is hidden and comes back", comesBack},
		{"a message that is deleted does not come back", deleted},
		{"an old receipt deletes and changes nothing", oldReceipt},
		{"a message can be hidden for longer or less", extended},
		{"a delayed message comes later", delayed},
		{"a message that nobody can handle becomes a dead letter", dies},
		{"a parked message is a dead letter at once", parked},
		{"stats count what waits and what is dead", stats},
		{"of many receivers one gets a message", competing},
		{"a receiver waits for a message", waits},
		{"a context that has ended stops the waiting", cancelled},
		{"what no queue could do is refused", invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := open(t)
			if how := f.Deviations[tt.name]; how != "" {
				t.Skip(how)
			}
			tt.test(t, f)
		})
	}
}

const (
	// soon is when what has to come back within a test does.
	soon = 2 * time.Second
	// long is for what must not come back before the test has looked, on a busy machine, too.
	long = time.Hour
)

func send(t *testing.T, q queue.Queue, bodies ...string) {
	t.Helper()
	for _, body := range bodies {
		if err := q.Send(t.Context(), []byte(body), 0); err != nil {
			t.Fatalf("send: %v", err)
		}
	}
}

// receive gets messages until there are n of them, and hides them. A queue may need more than one call for all that are visible.
func receive(t *testing.T, q queue.Queue, n int, visibility time.Duration) []queue.Message {
	t.Helper()
	var got []queue.Message
	for calls := 0; len(got) < n && calls < 10+n; calls++ {
		messages, err := q.Receive(t.Context(), min(queue.MaxBatch, n-len(got)), visibility, time.Second)
		if err != nil {
			t.Fatalf("receive: %v", err)
		}
		got = append(got, messages...)
	}
	if len(got) != n {
		t.Fatalf("received %d messages, want %d", len(got), n)
	}
	return got
}

func receiveNone(t *testing.T, q queue.Queue) {
	t.Helper()
	messages, err := q.Receive(t.Context(), queue.MaxBatch, long, 0)
	if err != nil || len(messages) != 0 {
		t.Fatalf("received %d messages, %v, want none", len(messages), err)
	}
}

// eventually repeats check until it is content: counts may lag behind.
func eventually(t *testing.T, check func() error) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func wantStats(t *testing.T, q queue.Queue, waiting, dead int) {
	t.Helper()
	eventually(t, func() error {
		stats, err := q.Stats(t.Context())
		if err != nil {
			return err
		}
		if stats.Waiting != waiting || stats.Dead != dead {
			return fmt.Errorf("%d waiting and %d dead, want %d and %d", stats.Waiting, stats.Dead, waiting, dead)
		}
		return nil
	})
}

func sent(t *testing.T, f Fixture) {
	receiveNone(t, f.Queue)
	const body = "{\"run_id\":\"01J\",\"text\":\"Grüße 日本 \U0001f600\\n\"}\r\n\t"
	send(t, f.Queue, body)
	m := receive(t, f.Queue, 1, long)[0]
	if string(m.Body) != body || m.Receives != 1 || m.ID == "" || m.Receipt == "" {
		t.Errorf("received %+v, want its first delivery with body %q", m, body)
	}
	if late := f.Now().Sub(m.Sent).Abs(); late > 10*time.Second {
		t.Errorf("sent at %s, it is %s", m.Sent, f.Now())
	}
	longest := strings.Repeat("x", queue.MaxBody)
	send(t, f.Queue, longest)
	if got := receive(t, f.Queue, 1, long)[0]; string(got.Body) != longest {
		t.Errorf("the longest body came with %d bytes", len(got.Body))
	}
}

func comesBack(t *testing.T, f Fixture) {
	send(t, f.Queue, "a", "b")
	other, first := receive(t, f.Queue, 1, long)[0], receive(t, f.Queue, 1, soon)[0]
	f.Advance(soon + time.Second)
	second := receive(t, f.Queue, 1, long)[0]
	if second.ID != first.ID || second.Receives != 2 || second.Receipt == first.Receipt {
		t.Errorf("received %+v and then %+v, want the same message with another receipt", first, second)
	}
	if other.ID == first.ID || other.Receives != 1 {
		t.Errorf("received %+v while %+v was hidden", other, first)
	}
	receiveNone(t, f.Queue)
}

func deleted(t *testing.T, f Fixture) {
	send(t, f.Queue, "a")
	m := receive(t, f.Queue, 1, soon)[0]
	for range 2 {
		if err := f.Queue.Delete(t.Context(), m.Receipt); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
	f.Advance(soon + time.Second)
	receiveNone(t, f.Queue)
	wantStats(t, f.Queue, 0, 0)
}

func oldReceipt(t *testing.T, f Fixture) {
	send(t, f.Queue, "a")
	first := receive(t, f.Queue, 1, soon)[0]
	f.Advance(soon + time.Second)
	second := receive(t, f.Queue, 1, soon)[0]
	if err := f.Queue.Delete(t.Context(), first.Receipt); err != nil {
		t.Errorf("delete with the old receipt: %v", err)
	}
	f.Advance(soon + time.Second)
	third := receive(t, f.Queue, 1, soon)[0]
	if third.ID != second.ID {
		t.Errorf("received %+v, want %s again", third, second.ID)
	}
}

func extended(t *testing.T, f Fixture) {
	send(t, f.Queue, "a")
	const enough = 10 * time.Second // to say that it is wanted for longer
	m := receive(t, f.Queue, 1, enough)[0]
	if err := f.Queue.Extend(t.Context(), m.Receipt, long); err != nil {
		t.Fatalf("extend: %v", err)
	}
	f.Advance(enough + time.Second)
	receiveNone(t, f.Queue)
	if err := f.Queue.Extend(t.Context(), m.Receipt, soon); err != nil {
		t.Fatalf("extend: %v", err)
	}
	f.Advance(soon + time.Second)
	m = receive(t, f.Queue, 1, long)[0]
	if err := f.Queue.Extend(t.Context(), m.Receipt, 0); err != nil {
		t.Fatalf("make visible: %v", err)
	}
	if m = receive(t, f.Queue, 1, long)[0]; m.Receives != 3 {
		t.Errorf("delivery number %d, want 3", m.Receives)
	}
}

func delayed(t *testing.T, f Fixture) {
	for body, delay := range map[string]time.Duration{"much later": queue.MaxDelay, "later": soon} {
		if err := f.Queue.Send(t.Context(), []byte(body), delay); err != nil {
			t.Fatal(err)
		}
	}
	wantStats(t, f.Queue, 2, 0)
	f.Advance(soon + time.Second)
	if m := receive(t, f.Queue, 1, long)[0]; string(m.Body) != "later" {
		t.Errorf("received %q", m.Body)
	}
	receiveNone(t, f.Queue)
}

func dies(t *testing.T, f Fixture) {
	send(t, f.Queue, "poison")
	for i := range queue.MaxReceives {
		if m := receive(t, f.Queue, 1, soon)[0]; m.Receives != i+1 {
			t.Errorf("delivery number %d, want %d", m.Receives, i+1)
		}
		wantStats(t, f.Queue, 1, 0)
		f.Advance(soon + time.Second)
	}
	send(t, f.Queue, "good")
	if m := receive(t, f.Queue, 1, long)[0]; string(m.Body) != "good" {
		t.Errorf("received %q after its last delivery", m.Body)
	}
	receiveNone(t, f.Queue)
	wantStats(t, f.Queue, 1, 1)
}

func parked(t *testing.T, f Fixture) {
	send(t, f.Queue, "malformed")
	if err := f.Queue.Park(t.Context(), receive(t, f.Queue, 1, soon)[0], "not JSON"); err != nil {
		t.Fatal(err)
	}
	wantStats(t, f.Queue, 0, 1)
	f.Advance(soon + time.Second)
	receiveNone(t, f.Queue)
}

func stats(t *testing.T, f Fixture) {
	stats, err := f.Queue.Stats(t.Context())
	if err != nil || stats != (queue.Stats{}) {
		t.Errorf("stats of an empty queue: %+v, %v", stats, err)
	}
	before := f.Now()
	send(t, f.Queue, "a")
	if !f.NoOldest {
		f.Advance(time.Minute)
	}
	send(t, f.Queue, "b", "c")
	receive(t, f.Queue, 1, long)
	wantStats(t, f.Queue, 3, 0)
	stats, err = f.Queue.Stats(t.Context())
	switch late := stats.Oldest.Sub(before).Abs(); {
	case err != nil:
		t.Error(err)
	case f.NoOldest && !stats.Oldest.IsZero():
		t.Errorf("oldest was sent at %s, want no time", stats.Oldest)
	case !f.NoOldest && late > 10*time.Second:
		t.Errorf("oldest was sent at %s, want about %s", stats.Oldest, before)
	}
}

func competing(t *testing.T, f Fixture) {
	const messages, receivers = 60, 6
	want := []string{}
	for i := range messages {
		want = append(want, fmt.Sprintf("%03d", i))
	}
	send(t, f.Queue, want...)
	var mu sync.Mutex
	got := []string{}
	var wg sync.WaitGroup
	for range receivers {
		wg.Go(func() {
			for empty := 0; empty < 3; {
				batch, err := f.Queue.Receive(t.Context(), 4, time.Hour, 0)
				if err != nil {
					t.Errorf("receive: %v", err)
					return
				}
				if len(batch) == 0 {
					empty++
				}
				if len(batch) > 4 {
					t.Errorf("received %d messages, the limit is 4", len(batch))
				}
				for _, m := range batch {
					mu.Lock()
					got = append(got, string(m.Body))
					mu.Unlock()
					if err := f.Queue.Delete(t.Context(), m.Receipt); err != nil {
						t.Errorf("delete: %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("received %v, want each once", got)
	}
}

func waits(t *testing.T, f Fixture) {
	got := make(chan []queue.Message)
	go func() {
		messages, err := f.Queue.Receive(t.Context(), 1, long, queue.MaxWait)
		if err != nil {
			t.Errorf("receive: %v", err)
		}
		got <- messages
	}()
	send(t, f.Queue, "a")
	if messages := <-got; len(messages) != 1 || !bytes.Equal(messages[0].Body, []byte("a")) {
		t.Errorf("received %+v", messages)
	}
}

func cancelled(t *testing.T, f Fixture) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		_, err := f.Queue.Receive(ctx, 1, long, queue.MaxWait)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("receive: %v, want cancelled", err)
	}
	if err := f.Queue.Send(ctx, []byte("a"), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("send: %v, want cancelled", err)
	}
	receiveNone(t, f.Queue)
}

func invalid(t *testing.T, f Fixture) {
	ctx := t.Context()
	send(t, f.Queue, "a")
	m := receive(t, f.Queue, 1, long)[0]
	receiveSo := func(limit int, visibility, wait time.Duration) error {
		_, err := f.Queue.Receive(ctx, limit, visibility, wait)
		return err
	}
	for name, err := range map[string]error{
		"an empty body":           f.Queue.Send(ctx, nil, 0),
		"a body that is too long": f.Queue.Send(ctx, make([]byte, queue.MaxBody+1), 0),
		"a body that is no text":  f.Queue.Send(ctx, []byte("\xff\xfe"), 0),
		"a body with a control":   f.Queue.Send(ctx, []byte("a\x00b"), 0),
		"a long delay":            f.Queue.Send(ctx, []byte("a"), queue.MaxDelay+time.Second),
		"a negative delay":        f.Queue.Send(ctx, []byte("a"), -time.Second),
		"a limit of none":         receiveSo(0, long, 0),
		"a limit that is too big": receiveSo(queue.MaxBatch+1, long, 0),
		"a long wait":             receiveSo(1, long, queue.MaxWait+time.Second),
		"a long visibility":       receiveSo(1, queue.MaxVisibility+time.Second, 0),
		"a negative visibility":   receiveSo(1, -time.Second, 0),
		"a longer visibility":     f.Queue.Extend(ctx, m.Receipt, queue.MaxVisibility+time.Second),
		"a receipt that is none":  f.Queue.Delete(ctx, "nonsense"),
	} {
		if err == nil || fault.Of(err) != fault.Invalid {
			t.Errorf("%s: error %v of kind %s, want kind invalid", name, err, fault.Of(err))
		}
	}
	wantStats(t, f.Queue, 1, 0)
}
