package entrasim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

type object = map[string]any

func writeJSON(w http.ResponseWriter, status int, body object) {
	text, err := json.Marshal(body)
	if err != nil {
		panic("entrasim: " + err.Error()) // strings and numbers always can be
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// refusal is an error of the service's. https://learn.microsoft.com/entra/identity-platform/reference-error-codes
type refusal struct {
	code   string // OAuth's
	number int    // AADSTS...
	text   string
	sub    string // suberror
	claims string // the claims challenge
	// http is the status of the answer, and after its Retry-After; 0 and empty: what the error has.
	http  int
	after string
}

func fail(code string, number int, format string, args ...any) *refusal {
	return &refusal{code: code, number: number, text: fmt.Sprintf(format, args...)}
}

func (f *refusal) status() int {
	switch {
	case f.http != 0:
		return f.http
	case f.code == "invalid_client":
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// description is how the service writes an error's text.
func (f *refusal) description(trace, correlation string, at time.Time) string {
	return fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", f.number, f.text, trace, correlation, at.UTC().Format(stamp))
}

const stamp = "2006-01-02 15:04:05Z"

// refuseFor is refuse with Retry-After, where the error has one.
func (s *Server) refuseFor(w http.ResponseWriter, f *refusal) {
	if f.after != "" {
		w.Header().Set("Retry-After", f.after)
	}
	s.refuse(w, f)
}

// refuse answers a program with an error.
func (s *Server) refuse(w http.ResponseWriter, f *refusal) {
	now, trace, correlation := s.options.Clock(), newID(), newID()
	body := object{
		"error":             f.code,
		"error_description": f.description(trace, correlation, now),
		"error_codes":       []int{f.number},
		"timestamp":         now.UTC().Format(stamp),
		"trace_id":          trace,
		"correlation_id":    correlation,
		"error_uri":         fmt.Sprintf("%s/error?code=%d", s.URL(), f.number),
	}
	if f.sub != "" {
		body["suberror"] = f.sub
	}
	if f.claims != "" {
		body["claims"] = f.claims
	}
	writeJSON(w, f.status(), body)
}
