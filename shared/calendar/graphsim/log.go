package graphsim

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Entry is one request in the log.
type Entry struct {
	N       int               `json:"n"` // counted from 1, in order of arrival
	ID      string            `json:"id,omitempty"`
	Time    time.Time         `json:"time"`
	Method  string            `json:"method"`
	Path    string            `json:"path"` // as it was called
	Query   string            `json:"query,omitempty"`
	Headers map[string]string `json:"headers,omitempty"` // those that matter
	Body    json.RawMessage   `json:"body,omitempty"`    // JSON; what is none, as a string. Of a batch see Sub
	Bytes   int               `json:"bytes,omitempty"`   // of the body, as it was sent
	Status  int               `json:"status,omitempty"`  // 0: the connection was cut
	// RetryAfter is the answer's header.
	RetryAfter string        `json:"retry_after,omitempty"`
	Answer     int           `json:"answer_bytes,omitempty"`
	Took       time.Duration `json:"took_ns,omitempty"`
	Mailbox    string        `json:"mailbox,omitempty"`
	Tenant     string        `json:"tenant,omitempty"` // of the token, where it is a JWT that names one
	Fault      string        `json:"fault,omitempty"`  // the kind of fault that struck
	Sub        []Entry       `json:"sub,omitempty"`    // the requests of a batch, in the order in which it has them; ID is what the batch calls them
}

// logged are the headers that the log keeps. Retry-Attempt is what Microsoft's client libraries send when they repeat a request.
var logged = []string{"Prefer", "If-Match", "Content-Type", "Content-Encoding", "Client-Request-Id", "Retry-Attempt", "User-Agent", "Connection"}

func headersOf(h http.Header) map[string]string {
	kept := map[string]string{}
	for _, name := range logged {
		for i, value := range h.Values(name) {
			if i > 0 {
				value = kept[name] + ", " + value
			}
			kept[name] = value
		}
	}
	return kept
}

// bodyOf is a body as the log has it.
func bodyOf(body []byte) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	if json.Valid(body) {
		return slices.Clone(body)
	}
	text, _ := json.Marshal(string(body))
	return text
}

// logbook keeps the last entries, and writes all of them.
type logbook struct {
	mu      sync.Mutex
	out     io.Writer
	failed  error
	keep    int
	count   int
	entries []Entry
}

// begin counts a request.
func (l *logbook) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count++
	return l.count
}

func (l *logbook) add(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.entries = append(l.entries, e); len(l.entries) > 2*l.keep {
		l.entries = append([]Entry(nil), l.entries[l.keep:]...)
	}
	if l.out != nil && l.failed == nil {
		line, _ := json.Marshal(e)
		_, l.failed = l.out.Write(append(line, '\n'))
	}
}

// all returns the last entries in order of arrival.
func (l *logbook) all() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.entries[max(0, len(l.entries)-l.keep):])
	slices.SortFunc(all, func(a, b Entry) int { return a.N - b.N })
	return all
}

func (l *logbook) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.entries = nil
}

// err says whether an entry could not be written.
func (l *logbook) err() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed
}
