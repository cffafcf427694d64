// Package gateway answers events of API Gateway (HTTP API, payload format 2.0) with an http.Handler.
//
// Every event gets an answer, whatever its bytes are: no request of a client makes the function fail.
//
// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
)

// Handler is what Lambda calls with events. All fields are needed.
type Handler struct {
	// API answers requests. An answer is held back until it is whole.
	API http.Handler
	// Unreadable answers an event that is no request. why is one of a few constant texts.
	Unreadable func(ctx context.Context, w http.ResponseWriter, why string)
	// TooLarge answers in place of an answer that Lambda would not pass on.
	TooLarge func(ctx context.Context, w http.ResponseWriter)
	// Panicked answers a request at which API panicked with value, in place of what API wrote. It is called by the goroutine that panicked.
	Panicked func(ctx context.Context, w http.ResponseWriter, value any)
}

// Invoke answers one event. payload is its JSON, and what is returned that of the answer; the error is always nil.
func (h *Handler) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, why := request(ctx, payload)
	if why != "" {
		a := newAnswer("")
		h.Unreadable(ctx, a, why)
		return encode(a.event()), nil
	}
	answer := encode(h.answer(r).event())
	if len(answer) > maxAnswer {
		a := newAnswer(r.Method)
		h.TooLarge(ctx, a)
		answer = encode(a.event())
	}
	return answer, nil
}

func (h *Handler) answer(r *http.Request) (a *answer) {
	defer func() {
		if value := recover(); value != nil {
			a = newAnswer(r.Method)
			h.Panicked(r.Context(), a, value)
		}
	}()
	a = newAnswer(r.Method)
	h.API.ServeHTTP(a, r)
	return a
}

// encode makes JSON of v without writing <, > and & six times as long.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("gateway: " + err.Error()) // texts and numbers alone
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
