package sqlite

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"adminassistant/shared/queue"
	"adminassistant/shared/queue/queuetest"
)

// clock is a time that moves on demand.
type clock struct{ ms atomic.Int64 }

func (c *clock) now() time.Time          { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ms.Add(d.Milliseconds()) }
func at(year int, m time.Month) *clock {
	c := &clock{}
	c.ms.Store(time.Date(year, m, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func open(t *testing.T, path string, clock func() time.Time) *File {
	t.Helper()
	f, err := Open(path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

func TestQueue(t *testing.T) {
	for name, in := range map[string]func(*testing.T) string{
		"in a file": func(t *testing.T) string { return filepath.Join(t.TempDir(), "queue.db") },
		"in memory": func(*testing.T) string { return ":memory:" },
	} {
		t.Run(name, func(t *testing.T) {
			queuetest.Run(t, func(t *testing.T) queuetest.Fixture {
				c := at(2026, time.October)
				f := open(t, in(t), c.now)
				if err := f.Queue("other").Send(t.Context(), []byte("not for this queue"), 0); err != nil {
					t.Fatal(err)
				}
				return queuetest.Fixture{Queue: f.Queue("jobs"), Advance: c.advance, Now: c.now}
			})
		})
	}
}

func receiveOne(t *testing.T, q *Queue) queue.Message {
	t.Helper()
	messages, err := q.Receive(t.Context(), 1, time.Minute, 0)
	if err != nil || len(messages) != 1 {
		t.Fatalf("received %+v, %v, want one message", messages, err)
	}
	return messages[0]
}

func TestMessagesSurviveARestart(t *testing.T) {
	c := at(2026, time.October)
	path := filepath.Join(t.TempDir(), "queue.db")
	f, err := Open(path, c.now)
	if err != nil {
		t.Fatal(err)
	}
	q := f.Queue("jobs")
	for _, body := range []string{"in flight", "waiting"} {
		if err := q.Send(t.Context(), []byte(body), 0); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Second)
	}
	if m := receiveOne(t, q); string(m.Body) != "in flight" {
		t.Errorf("received %q first, want the oldest", m.Body)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}

	q = open(t, path, c.now).Queue("jobs")
	if m := receiveOne(t, q); string(m.Body) != "waiting" || m.Receives != 1 {
		t.Errorf("received %+v, want the first delivery of the one that waited", m)
	}
	c.advance(time.Minute)
	if m := receiveOne(t, q); string(m.Body) != "in flight" || m.Receives != 2 {
		t.Errorf("received %+v, want the second delivery of the one that was in flight", m)
	}
}

func TestDeadLetters(t *testing.T) {
	c := at(2026, time.October)
	q := open(t, ":memory:", c.now).Queue("jobs")
	ctx := t.Context()
	for i := range 3 {
		if err := q.Send(ctx, fmt.Appendf(nil, "%d", i), 0); err != nil {
			t.Fatal(err)
		}
		if err := q.Park(ctx, receiveOne(t, q), "malformed"); err != nil {
			t.Fatal(err)
		}
		c.advance(time.Hour)
	}
	dead, err := q.DeadLetters(ctx, 2)
	if err != nil || len(dead) != 2 {
		t.Fatalf("dead letters: %+v, %v, want the last two", dead, err)
	}
	if d := dead[0]; string(d.Body) != "2" || d.Reason != "malformed" || d.Receives != 1 || !d.Died.Equal(c.now().Add(-time.Hour)) {
		t.Errorf("dead letter is %+v", d)
	}

	t.Run("are no other queue's", func(t *testing.T) {
		other := q.Queue("other")
		if got, err := other.DeadLetters(ctx, 10); err != nil || len(got) != 0 {
			t.Errorf("dead letters: %+v, %v, want none", got, err)
		}
	})
	t.Run("are forgotten after two weeks", func(t *testing.T) {
		c.advance(deadFor - 2*time.Hour)
		if err := q.Send(ctx, []byte("3"), 0); err != nil {
			t.Fatal(err)
		}
		for range queue.MaxReceives {
			messages, err := q.Receive(ctx, 10, time.Minute, 0)
			if err != nil || len(messages) == 0 {
				t.Fatalf("received %+v, %v", messages, err)
			}
			c.advance(time.Minute)
		}
		if messages, err := q.Receive(ctx, 10, time.Minute, 0); err != nil || len(messages) != 0 {
			t.Errorf("received %+v, %v, want none", messages, err)
		}
		dead, err := q.DeadLetters(ctx, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range dead {
			if d.Died.Before(c.now().Add(-deadFor)) || string(d.Body) == "0" {
				t.Errorf("still there: %+v", d)
			}
		}
		if len(dead) < 2 {
			t.Errorf("%d dead letters are left", len(dead))
		}
	})
}

func TestReceiveHearsOfOtherProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	mine, other := open(t, path, time.Now), open(t, path, time.Now)
	got := make(chan string)
	go func() {
		messages, err := mine.Queue("jobs").Receive(t.Context(), 1, time.Minute, queue.MaxWait)
		if err != nil || len(messages) != 1 {
			t.Errorf("received %+v, %v", messages, err)
			close(got)
			return
		}
		got <- string(messages[0].Body)
	}()
	if err := other.Queue("jobs").Send(t.Context(), []byte("from elsewhere"), 0); err != nil {
		t.Fatal(err)
	}
	if body := <-got; body != "from elsewhere" {
		t.Errorf("received %q", body)
	}
}

func FuzzReceipt(f *testing.F) {
	f.Add("ABC.1")
	f.Add("a.b.2")
	f.Add(".1")
	f.Add("a.+1")
	f.Fuzz(func(t *testing.T, s string) {
		if id, receives, err := parseReceipt(s); err == nil && receipt(id, receives) != s {
			t.Errorf("%q is read as %q and %d", s, id, receives)
		}
	})
}
