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
}

func fail(code string, number int, format string, args ...any) *refusal {
	return &refusal{code: code, number: number, text: fmt.Sprintf(format, args...)}
}

func (f *refusal) status() int {
	if f.code == "invalid_client" {
		return http.StatusUnauthorized
	}
	return http.StatusBadRequest
}

// description is how the service writes an error's text.
func (f *refusal) description(trace, correlation string, at time.Time) string {
	return fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", f.number, f.text, trace, correlation, at.UTC().Format(stamp))
}

const stamp = "2006-01-02 15:04:05Z"

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
