package main

import (
	"context"
	"crypto/subtle"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"time"

	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
)

// landing is where the browser comes back to after a sign-in: a server on this machine, for that one request.
type landing struct {
	address string // to be named as redirect address
	state   string
	arrived chan url.Values
	server  *http.Server
}

// land begins to listen, on IPv4's loopback alone, for a browser that brings the state.
func land(state string) (*landing, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, fault.New(fault.Unavailable, "cannot listen for the browser: %w; sign in with --device", err)
	}
	l := &landing{
		address: fmt.Sprintf("http://localhost:%d", listener.Addr().(*net.TCPAddr).Port), // Entra ID lets the port be any of this name alone
		state:   state, arrived: make(chan url.Values, 1),
	}
	l.server = &http.Server{
		Handler: ownHostOnly(l), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0),
	}
	go func() { _ = l.server.Serve(listener) }() // until it is closed
	return l, nil
}

// ServeHTTP answers the browser's request. All others are refused and change nothing.
func (l *landing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Connection", "close")
	say := func(status int, text string) {
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Admin Assistant</title><p>%s</p></html>`, text)
	}
	q := r.URL.Query()
	switch {
	case r.URL.Path != "/":
		say(http.StatusNotFound, "There is nothing here.")
		return
	case r.Method != http.MethodGet:
		say(http.StatusMethodNotAllowed, "There is nothing here.")
		return
	case subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(l.state)) != 1 || !q.Has("code") && !q.Has("error"):
		say(http.StatusBadRequest, "This is not the sign-in that admin-assistant waits for.")
		return
	}
	select {
	case l.arrived <- q:
		say(http.StatusOK, "You can close this page and go back to the terminal.")
	default:
		say(http.StatusConflict, "You have been here already.")
	}
}

// wait returns the code that the browser brings; what it brings in its place is a refusal.Error.
func (l *landing) wait(ctx context.Context) (string, error) {
	var q url.Values
	select {
	case q = <-l.arrived:
	case <-ctx.Done():
		if context.Cause(ctx) == context.DeadlineExceeded {
			return "", fault.New(fault.Unauthenticated, "nobody signed in in time")
		}
		return "", fault.New(fault.Unavailable, "the sign-in was interrupted")
	}
	if q.Has("error") {
		return "", refusal.Brought(q.Get("error"), q.Get("error_description")).Err()
	}
	return q.Get("code"), nil
}

// close stops listening when the browser has its answer.
func (l *landing) close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if l.server.Shutdown(ctx) != nil {
		_ = l.server.Close()
	}
}
