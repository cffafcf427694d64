package graphsim

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Violation is a request that would have notified somebody, or reminded the user, had this been the real service.
type Violation struct {
	Request int    `json:"request"` // Entry.N
	Method  string `json:"method"`
	Path    string `json:"path"`
	What    string `json:"what"`
}

func (v Violation) String() string {
	return fmt.Sprintf("request %d, %s %s: %s", v.Request, v.Method, v.Path, v.What)
}

// TB is the part of testing.TB that AssertNobodyInvited needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// AssertNobodyInvited fails the test if any request so far, carried out or not, would have sent an invitation, a reply, a cancellation
// or a mail, made an online meeting, asked for a response or set a reminder.
func (s *Server) AssertNobodyInvited(t TB) {
	t.Helper()
	for _, v := range s.Violations() {
		t.Errorf("graphsim: somebody would have been notified: %v", v)
	}
}

// Violations returns all of them so far.
func (s *Server) Violations() []Violation {
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	return slices.Clone(s.watch.seen)
}

type watch struct {
	mu   sync.Mutex
	seen []Violation
}

func (c *call) violation(what string) {
	w := &c.server.watch
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, Violation{Request: c.entry.N, Method: c.method, Path: c.entry.Path, What: what})
}

// inspect records what is wrong with a request as it came, whatever becomes of it.
func (c *call) inspect() {
	last := func(n int) string {
		if n > len(c.path) {
			return ""
		}
		return c.path[len(c.path)-n]
	}
	switch {
	case c.method == "POST" && strings.EqualFold(last(1), "sendMail"):
		c.violation("sends a mail")
	case c.method == "POST" && last(3) == "events" && slices.Contains(eventActions, last(1)):
		if body, err := readObject(c.body); last(1) == "forward" || last(1) == "cancel" || err != nil || body["sendResponse"] != false {
			c.violation(last(1) + " notifies people")
		}
	case c.method == "POST" && last(1) == "events", (c.method == "PATCH" || c.method == "PUT") && last(2) == "events":
		body, err := readObject(c.body)
		if err != nil {
			return
		}
		if attendees, ok := body["attendees"].([]any); ok && len(attendees) > 0 {
			c.violation("attendees are invited")
		}
		if body["isOnlineMeeting"] == true {
			c.violation("isOnlineMeeting makes an online meeting")
		}
		if body["responseRequested"] == true {
			c.violation("responseRequested asks for a response")
		}
		if on, there := body["isReminderOn"]; (there || c.method == "POST") && on != false {
			c.violation("isReminderOn is not false, so that a reminder is set")
		}
	}
}
