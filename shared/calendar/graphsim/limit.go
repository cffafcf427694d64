package graphsim

import (
	"strconv"
	"sync"
	"time"
)

// Limits are what the service grants one application for one mailbox
// (https://learn.microsoft.com/graph/throttling-limits#outlook-service-limits). A zero is the service's own number.
type Limits struct {
	Concurrent   int           // requests at once; 4
	Requests     int64         // in RequestSpan; 10,000
	RequestSpan  time.Duration // 10 minutes
	Uploads      int64         // bytes in UploadSpan; 150 MB
	UploadSpan   time.Duration // 5 minutes
	RequestBytes int           // of one HTTP request; 4 MB
	EventBytes   int           // of one event's JSON; as RequestBytes
}

func (l Limits) filled() Limits {
	fill(&l.Concurrent, 4)
	fill(&l.Requests, 10_000)
	fill(&l.RequestSpan, 10*time.Minute)
	fill(&l.Uploads, 150<<20)
	fill(&l.UploadSpan, 5*time.Minute)
	fill(&l.RequestBytes, 4<<20)
	fill(&l.EventBytes, l.RequestBytes)
	return l
}

func fill[T comparable](to *T, value T) {
	var zero T
	if *to == zero {
		*to = value
	}
}

// gate lets so many requests into a mailbox at once.
type gate struct {
	mu      sync.Mutex
	inside  int
	most    int // ever at once, those that were turned away or had to wait included
	waiting []chan struct{}
}

// enter says whether there is room; with queue it waits for it instead, first come, first served.
func (g *gate) enter(room int, queue bool) bool {
	g.mu.Lock()
	g.most = max(g.most, g.inside+len(g.waiting)+1)
	if g.inside < room {
		g.inside++
		g.mu.Unlock()
		return true
	}
	if !queue {
		g.mu.Unlock()
		return false
	}
	turn := make(chan struct{})
	g.waiting = append(g.waiting, turn)
	g.mu.Unlock()
	<-turn
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.inside--
		return
	}
	close(g.waiting[0]) // hands its place on
	g.waiting = g.waiting[1:]
}

func (g *gate) seen() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.most
}

// meter admits an amount per span of time, which slides.
type meter struct {
	mu    sync.Mutex
	sum   int64
	marks []amountAt // admitted in the last span, oldest first
}

type amountAt struct {
	at     time.Time
	amount int64
}

// admit admits an amount, or says for how many whole seconds to wait.
func (m *meter) admit(now time.Time, amount, limit int64, span time.Duration) (retryAfter string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.marks) > 0 && !m.marks[0].at.After(now.Add(-span)) {
		m.sum -= m.marks[0].amount
		m.marks = m.marks[1:]
	}
	if m.sum+amount <= limit {
		m.sum += amount
		m.marks = append(m.marks, amountAt{now, amount})
		return "", true
	}
	wait, free := span, limit-m.sum
	for _, old := range m.marks {
		if free += old.amount; free >= amount {
			wait = old.at.Add(span).Sub(now)
			break
		}
	}
	return strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10), false
}
