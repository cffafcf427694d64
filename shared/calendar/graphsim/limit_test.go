package graphsim

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// stepClock stands still unless it is moved; sleeping is immediate.
type stepClock struct {
	mu    sync.Mutex
	now   time.Time
	slept time.Duration
}

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *stepClock) Sleep(_ context.Context, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept += d
}

func (c *stepClock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// heldClock lets the operations on a mailbox wait until it may go on.
type heldClock struct {
	wallClock
	held    time.Duration // sleeps of this length wait
	waiting chan struct{} // gets one for each that begins to
	release chan struct{}
}

func hold(service time.Duration) *heldClock {
	return &heldClock{held: service, waiting: make(chan struct{}, 100), release: make(chan struct{})}
}

func (c *heldClock) Sleep(_ context.Context, d time.Duration) {
	if d == c.held {
		c.waiting <- struct{}{}
		<-c.release
	}
}

func TestFourRequestsAtOnceRunAndTheFifthIsThrottled(t *testing.T) {
	clock := hold(time.Second)
	sim, c := start(t, Options{ServiceTime: time.Second, Clock: clock, RetryAfter: "2.5"})
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() { c.do("GET", "/me/calendars", "").is(200) })
	}
	for range 4 {
		<-clock.waiting
	}
	if got := sim.MaxInFlight(user); got != 4 {
		t.Errorf("%d at once", got)
	}
	a := c.do("GET", "/me/calendars", "").is(429, "ApplicationThrottled")
	if a.header.Get("Retry-After") != "2.5" || !strings.Contains(a.field("error/message"), "MailboxConcurrency") {
		t.Error(a.header, a.text)
	}
	batch := c.do("POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/me/calendars"}]}`).is(200)
	batch.has("responses/0/status", "429", "responses/0/headers/Retry-After", "2.5", "responses/0/body/error/code", "ApplicationThrottled")
	close(clock.release)
	group.Wait()
	c.do("GET", "/me/calendars", "").is(200)
	if got := sim.MaxInFlight(user); got != 5 {
		t.Errorf("%d at once, those turned away included", got)
	}
}

func TestTheSwitchMakesTheFifthRequestWait(t *testing.T) {
	clock := hold(time.Second)
	sim, c := start(t, Options{ServiceTime: time.Second, Clock: clock, Queue: true})
	var group sync.WaitGroup
	for range 6 {
		group.Go(func() { c.do("GET", "/me/calendars", "").is(200) })
	}
	for range 4 {
		<-clock.waiting
	}
	select {
	case <-clock.waiting:
		t.Error("a fifth one runs")
	case <-time.After(20 * time.Millisecond):
	}
	close(clock.release)
	group.Wait()
	if got := sim.MaxInFlight(user); got != 6 {
		t.Errorf("%d at once, those that waited included", got)
	}
}

func TestABatchDispatchesFourAtATimeAndDoesNotThrottleItself(t *testing.T) {
	clock := hold(time.Second)
	sim, c := start(t, Options{ServiceTime: time.Second, Clock: clock})
	done := make(chan answer)
	go func() { done <- c.do("POST", "/$batch", batchOf(20, "")) }()
	for range 5 {
		for range 4 {
			<-clock.waiting
		}
		select {
		case <-clock.waiting:
			t.Fatal("a fifth one runs")
		case <-time.After(5 * time.Millisecond):
		}
		for range 4 {
			clock.release <- struct{}{}
		}
	}
	a := <-done
	for i := range 20 {
		a.has(fmt.Sprintf("responses/%d/status", i), "201")
	}
	if got := sim.MaxInFlight(user); got != 4 {
		t.Errorf("%d at once", got)
	}
	sim.AssertNobodyInvited(t)
}

func TestTwoBatchesAtOnceThrottleEachOther(t *testing.T) {
	clock := hold(time.Second)
	sim, c := start(t, Options{ServiceTime: time.Second, Clock: clock})
	first := make(chan answer)
	go func() { first <- c.do("POST", "/$batch", batchOf(4, "a")) }()
	for range 4 {
		<-clock.waiting
	}
	second := c.do("POST", "/$batch", batchOf(4, "b")).is(200)
	for i := range 4 {
		second.has(fmt.Sprintf("responses/%d/status", i), "429")
	}
	close(clock.release)
	(<-first).has("responses/3/status", "201")
	if got := sim.MaxInFlight(user); got < 5 {
		t.Errorf("%d at once", got)
	}
}

func TestTimeIsSpentPerRequestAndPerOperation(t *testing.T) {
	clock := &stepClock{now: time.Date(2026, 10, 5, 6, 0, 0, 0, time.UTC)}
	_, c := start(t, Options{RoundTrip: 20 * time.Millisecond, ServiceTime: 60 * time.Millisecond, Clock: clock})
	c.do("GET", "/me/calendars", "").is(200)
	if clock.slept != 80*time.Millisecond {
		t.Error(clock.slept)
	}
	clock.slept = 0
	c.do("POST", "/$batch", batchOf(20, "")).is(200)
	if clock.slept != 20*time.Millisecond+20*60*time.Millisecond {
		t.Error(clock.slept)
	}
}

func TestRequestsAndUploadsAreCountedPerSpanOfTime(t *testing.T) {
	clock := &stepClock{now: time.Date(2026, 10, 5, 6, 0, 0, 0, time.UTC)}
	_, c := start(t, Options{Clock: clock, Limits: Limits{Requests: 3, Uploads: 600}})
	for range 2 {
		c.do("GET", "/me/calendars", "").is(200)
	}
	clock.move(time.Minute)
	c.do("GET", "/me/calendars", "").is(200)
	a := c.do("GET", "/me/calendars", "").is(429, "ApplicationThrottled")
	if got := a.header.Get("Retry-After"); got != "540" {
		t.Errorf("Retry-After %s", got)
	}
	clock.move(9 * time.Minute)
	c.do("GET", "/me/calendars", "").is(200)
	body := draft(strings.Repeat("x", 300), "2026-10-05T09:00:00", "2026-10-05T10:00:00")
	clock.move(time.Hour)
	c.do("POST", "/me/events", body).is(201)
	a = c.do("POST", "/me/events", body).is(429)
	if got := a.header.Get("Retry-After"); got != "300" {
		t.Errorf("Retry-After %s", got)
	}
	clock.move(5 * time.Minute)
	c.do("POST", "/me/events", body).is(201)
}

func TestSizesAreLimited(t *testing.T) {
	_, c := start(t, Options{Limits: Limits{RequestBytes: 4000, EventBytes: 1000}})
	c.do("POST", "/me/events", draft(strings.Repeat("x", 5000), "2026-10-05T09:00:00", "2026-10-05T10:00:00")).is(413, "RequestEntityTooLarge")
	large := draft(strings.Repeat("x", 1000), "2026-10-05T09:00:00", "2026-10-05T10:00:00")
	c.do("POST", "/me/events", large).is(413, "ErrorMessageSizeExceeded")
	c.do("POST", "/$batch", `{"requests":[{"id":"1","method":"POST","url":"/me/events","headers":{"Content-Type":"application/json"},"body":`+large+`}]}`).is(200).
		has("responses/0/status", "413", "responses/0/body/error/code", "ErrorMessageSizeExceeded")
	id := c.post(draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00"))
	c.do("PATCH", "/me/events/"+id, `{"subject":"`+strings.Repeat("x", 1000)+`"}`).is(413)
}

func TestCompressedRequestsMustBeCompressed(t *testing.T) {
	_, c := start(t, Options{Limits: Limits{RequestBytes: 2000}})
	body := draft("x", "2026-10-05T09:00:00", "2026-10-05T10:00:00")
	pack := func(text string) string {
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		_, _ = w.Write([]byte(text))
		w.Close()
		return packed.String()
	}
	c.do("POST", "/me/events", pack(body), "Content-Encoding", "gzip").is(201)
	c.do("POST", "/me/events", body, "Content-Encoding", "gzip").is(400)
	c.do("POST", "/me/events", pack(strings.Repeat(" ", 100_000)), "Content-Encoding", "gzip").is(413)
	c.do("POST", "/me/events", body, "Content-Encoding", "br").is(http.StatusUnsupportedMediaType)
}

// batchOf creates n events.
func batchOf(n int, name string) string {
	var steps []string
	for i := range n {
		steps = append(steps, fmt.Sprintf(`{"id":"%d","method":"POST","url":"/me/events","headers":{"Content-Type":"application/json"},"body":%s}`, i+1,
			draft(fmt.Sprint("event ", name, i), "2026-10-05T09:00:00", "2026-10-05T10:00:00", "transactionId", fmt.Sprintf(`"%s%d"`, name, i))))
	}
	return `{"requests":[` + strings.Join(steps, ",") + `]}`
}
