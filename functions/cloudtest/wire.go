package cloudtest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// wire is the way from the functions to SQS. It knows in whose course a message was sent, which moto does not keep, and how long it is to wait.
type wire struct {
	url  string
	to   string
	wait func(time.Duration) time.Duration

	mu     sync.Mutex
	traces map[string]string // trace header by message
	total  time.Duration
	woken  map[string]chan struct{} // by URL of the queue
}

func newWire(t testing.TB, to string, wait func(time.Duration) time.Duration) *wire {
	w := &wire{to: to, wait: wait, traces: map[string]string{}, woken: map[string]chan struct{}{}}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// ServeHTTP passes a request of the SDK on.
func (w *wire) ServeHTTP(answer http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever asked is gone
	}
	sending := strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessage")
	var message map[string]any
	if sending && json.Unmarshal(body, &message) == nil {
		body = w.delayed(message)
	}
	on, err := http.NewRequestWithContext(r.Context(), r.Method, w.to+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	on.Header = r.Header.Clone()
	got, err := http.DefaultClient.Do(on)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer got.Body.Close()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if sending {
		var sent struct{ MessageId string }
		queue, _ := message["QueueUrl"].(string)
		if json.Unmarshal(text, &sent) == nil && sent.MessageId != "" {
			w.note(sent.MessageId, r.Header.Get("X-Amzn-Trace-Id"), queue)
		}
	}
	for name, values := range got.Header {
		answer.Header()[name] = values
	}
	answer.WriteHeader(got.StatusCode)
	_, _ = answer.Write(text) // fails when whoever asked is gone
}

// delayed is the body of a request to send a message, with the wait that the test has for it.
func (w *wire) delayed(message map[string]any) []byte {
	seconds, _ := message["DelaySeconds"].(float64)
	asked := time.Duration(seconds) * time.Second
	w.mu.Lock()
	w.total += asked
	w.mu.Unlock()
	if w.wait != nil {
		message["DelaySeconds"] = int(w.wait(asked).Seconds())
	}
	body, err := json.Marshal(message)
	if err != nil {
		panic(err) // was JSON before
	}
	return body
}

func (w *wire) note(message, trace, queue string) {
	w.mu.Lock()
	w.traces[message] = trace
	w.mu.Unlock()
	select {
	case w.wake(queue) <- struct{}{}:
	default: // it knows
	}
}

// trace is what the one who sent a message was invoked with.
func (w *wire) trace(message string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.traces[message]
}

// wake is where it shows that a queue has got a message.
func (w *wire) wake(queue string) chan struct{} {
	name := queue[strings.LastIndex(queue, "/")+1:]
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.woken[name] == nil {
		w.woken[name] = make(chan struct{}, 1)
	}
	return w.woken[name]
}

func (w *wire) waited() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}
