package queue_test

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/machinetest"
	"adminassistant/shared/queue"
)

// TestAMessageThatAHandlerPanicsAtIsAloneWithThat is about a defect that one message trips over. Were the panic to reach Lambda, its call would
// have failed, and with it the rest of the batch.
func TestAMessageThatAHandlerPanicsAtIsAloneWithThat(t *testing.T) {
	clock := machinetest.NewClock(time.Date(2026, 10, 5, 20, 0, 0, 0, time.UTC), 0)
	q := machinetest.Queues(t, clock.Now).Queue("work")
	for _, body := range []string{"first", "poison", "last"} {
		if err := q.Send(t.Context(), []byte(body), 0); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	d := &queue.Deliveries{Queue: q, Log: zerolog.New(zerolog.SyncWriter(&log)), FirstPause: time.Minute}
	var done []string
	handle := func(ctx context.Context, m queue.Message) error {
		if string(m.Body) == "poison" {
			var none []string
			_ = none[len(m.Body)]
		}
		done = append(done, string(m.Body))
		return q.Delete(ctx, m.Receipt)
	}
	messages, err := q.Receive(t.Context(), 10, time.Hour, 0)
	if err != nil || len(messages) != 3 {
		t.Fatal(messages, err)
	}
	redeliver := d.Batch(t.Context(), messages, handle)
	slices.Sort(done)
	if len(redeliver) != 1 || !slices.Equal(done, []string{"first", "last"}) {
		t.Errorf("redelivered %v, done %v", redeliver, done)
	}
	text := log.String()
	if !strings.Contains(text, "handler panicked") || !strings.Contains(text, redeliver[0]) || !strings.Contains(text, "index out of range") {
		t.Errorf("the log says %s", text)
	}
	clock.Advance(time.Minute) // not an hour: it was released
	again, err := q.Receive(t.Context(), 10, time.Hour, 0)
	if err != nil || len(again) != 1 || string(again[0].Body) != "poison" || again[0].Receives != 2 {
		t.Errorf("%v, %v", again, err)
	}
}
