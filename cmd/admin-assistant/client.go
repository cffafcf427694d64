package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"

	"adminassistant/shared/fault"
)

// client speaks to the API.
type client struct {
	base        string // as apiAddress gives it
	at          *url.URL
	http        *http.Client
	credentials credentials // nil: nobody signs in
	via         string      // what calls are made through, for the audit log; empty: the user's own command
}

func newClient(base string, transport http.RoundTripper) (*client, error) {
	base, err := apiAddress(base)
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	return &client{base: base, at: at, http: &http.Client{Transport: transport, CheckRedirect: noRedirect}}, nil
}

// secret says whether what is sent to the API stays between it and us: over https, or on this machine.
func (c *client) secret() bool { return c.at.Scheme == "https" || ownHost(c.at.Hostname()) }

// errInClear is the failure of sending a token for others to read.
func errInClear(api string) error {
	return fault.New(fault.Invalid, "a sign-in is not sent in the clear; reach %s by https", api)
}

// inProcess answers requests by a handler, without a network.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. The answer is held in memory.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := &answer{header: http.Header{}}
	request := r.Clone(r.Context())
	request.RequestURI = r.URL.RequestURI()
	request.RemoteAddr = "local"
	t.handler.ServeHTTP(w, request)
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer is an http.ResponseWriter in memory.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

// problem is an error of the API.
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Field  string `json:"field,omitempty"`
}

// apiError is an error that the API answered with.
type apiError struct {
	problem
	Status int
}

func (e *apiError) Error() string { return e.Detail }

// largeToken is from how many bytes on an access token may be too large for a gateway, which takes 10 KB of headers.
const largeToken = 8 << 10

// request is one call of the API.
type request struct {
	method, path string
	query        url.Values
	json         any       // body
	file         io.Reader // body of a file
	ifMatch      string
	confirm      string // X-Confirm
	elsewhere    bool   // the answer may be somewhere else (303): then it is fetched from there, without a token
}

// errStopped means that Ctrl-C ended a command while it waited for an answer.
var errStopped = fault.New(fault.Unavailable, "stopped before the answer came")

// do makes a call and decodes the answer into out, which may be nil. It returns the answer's headers.
func (c *client) do(ctx context.Context, in request, out any) (http.Header, error) {
	answer, err := c.send(ctx, in)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return nil, errStopped
	}
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if out != nil {
		var raw json.RawMessage
		err := json.NewDecoder(answer.Body).Decode(&raw)
		if err == nil {
			err = json.Unmarshal(raw, out)
		}
		if kept, ok := out.(interface{ keep(json.RawMessage) }); ok {
			kept.keep(raw)
		}
		if err != nil {
			return nil, c.unexpected()
		}
	}
	return answer.Header, nil
}

// send makes a call. The caller closes the answer's body.
func (c *client) send(ctx context.Context, in request) (*http.Response, error) {
	var body []byte
	if in.json != nil {
		var err error
		if body, err = json.Marshal(in.json); err != nil {
			return nil, err
		}
		body = bytes.ReplaceAll(body, []byte("\ufffd"), []byte(`\ufffd`)) // as it is, it would look like damage
	}
	key := rand.Text()
	token, err := c.token(ctx, "")
	if err != nil {
		return nil, err
	}
	answer, err := c.try(ctx, in, body, key, token)
	if err != nil {
		return nil, err
	}
	// A file cannot be sent twice; the call before it has shown that its token is good.
	if answer.StatusCode == http.StatusUnauthorized && token != "" && in.file == nil {
		newer, err := c.token(ctx, token)
		if err != nil {
			answer.Body.Close()
			return nil, err
		}
		if newer != token {
			answer.Body.Close()
			if answer, err = c.try(ctx, in, body, key, newer); err != nil {
				return nil, err
			}
		}
	}
	if answer.StatusCode < 300 {
		return answer, nil
	}
	if location, err := answer.Location(); in.elsewhere && answer.StatusCode == http.StatusSeeOther && err == nil {
		answer.Body.Close()
		return c.fetch(ctx, location)
	}
	defer answer.Body.Close()
	failure := &apiError{Status: answer.StatusCode}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&failure.problem); err != nil || failure.Detail == "" {
		failure.problem = problem{Code: "http", Detail: c.withoutReason(answer)}
	}
	if failure.Code == "http" && len(token) > largeToken && (failure.Status == http.StatusRequestHeaderFieldsTooLarge || failure.Status == http.StatusBadRequest) {
		failure.Detail = fmt.Sprintf("%s answered %s, probably since the access token is too large for it: %d KB. The API's registration in Entra ID must not "+
			"ask for the groups claim; whoever runs the server can mend that", c.base, answer.Status, len(token)>>10)
	}
	if failure.Status == http.StatusUnauthorized && c.credentials != nil {
		return nil, c.credentials.Unaccepted(failure.Detail)
	}
	return nil, failure
}

// withoutReason says what an answer means that does not say so itself: it comes from what is before the API.
func (c *client) withoutReason(answer *http.Response) string {
	why := ""
	switch answer.StatusCode {
	case http.StatusRequestEntityTooLarge:
		why = ": that is more than it takes at once, 10 MB, or some 4 MB of a file; compress the file with zstd, or split it"
	case http.StatusRequestHeaderFieldsTooLarge:
		why = ": the address or the token is longer than it takes; sign in again, or ask for less"
	case http.StatusTooManyRequests:
		why = ": more is asked of it just now than it takes; try again in a moment"
	case http.StatusInternalServerError, http.StatusBadGateway:
		why = ": it failed, and may have done what you asked for; look before you ask again"
	case http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		why = ": it did not answer within half a minute, and may have done what you asked for; look before you ask again"
	}
	return fmt.Sprintf("%s answered %s%s", c.base, answer.Status, why)
}

// fetch gets what an answer said is somewhere else.
func (c *client) fetch(ctx context.Context, from *url.URL) (*http.Response, error) {
	if from.Scheme != "https" && !ownHost(from.Hostname()) {
		return nil, fault.New(fault.Unavailable, "%s sends for a file to an address that is not secret: not fetched", c.base)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.String(), nil)
	if err != nil {
		return nil, err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "the file cannot be fetched from %s: %w", from.Host, withoutAddress(err))
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fault.New(fault.Unavailable, "the file cannot be fetched from %s: %s", from.Host, answer.Status)
	}
	return answer, nil
}

// withoutAddress is why a request failed whose address is for this process alone.
func withoutAddress(err error) error {
	if network := (*url.Error)(nil); errors.As(err, &network) {
		return network.Err
	}
	return err
}

// put sends a file to where an answer said it belongs, without a token.
func (c *client) put(ctx context.Context, to *url.URL, data []byte) error {
	if to.Scheme != "https" && !ownHost(to.Hostname()) {
		return fault.New(fault.Unavailable, "%s wants the file at an address that is not secret: not sent", c.base)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, to.String(), bytes.NewReader(data))
	if err != nil {
		return err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return fault.New(fault.Unavailable, "the file cannot be sent to %s: %w", to.Host, withoutAddress(err))
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fault.New(fault.Unavailable, "the file cannot be sent to %s: %s", to.Host, answer.Status)
	}
	return nil
}

// token returns the token for a request, if there is one.
func (c *client) token(ctx context.Context, refused string) (string, error) {
	if c.credentials == nil {
		return "", nil
	}
	token, err := c.credentials.Token(ctx, refused)
	if err == nil && token != "" && !c.secret() {
		return "", errInClear(c.base)
	}
	return token, err
}

// try makes a call once, with a token if there is one. body is the JSON, unless there is a file.
func (c *client) try(ctx context.Context, in request, body []byte, key, token string) (*http.Response, error) {
	address := c.base + in.path
	if len(in.query) > 0 {
		address += "?" + in.query.Encode()
	}
	content, contentType := in.file, "application/octet-stream" // what is called text may become other text on its way
	if in.json != nil {
		content, contentType = bytes.NewReader(body), "application/json"
	}
	r, err := http.NewRequestWithContext(ctx, in.method, address, content)
	if err != nil {
		return nil, err
	}
	if r.URL.Scheme != c.at.Scheme || r.URL.Host != c.at.Host || r.URL.User != nil {
		return nil, fault.New(fault.Internal, "%s is not of %s: not sent", in.path, c.base)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if content != nil {
		r.Header.Set("Content-Type", contentType)
	}
	if in.ifMatch != "" {
		r.Header.Set("If-Match", in.ifMatch)
	}
	if in.confirm != "" {
		r.Header.Set("X-Confirm", in.confirm)
	}
	if c.via != "" {
		r.Header.Set("X-Via", c.via)
	}
	if in.method == http.MethodPost && in.file == nil {
		r.Header.Set("Idempotency-Key", key)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		var network *url.Error
		if errors.As(err, &network) && ctx.Err() == nil {
			return nil, fault.New(fault.Unavailable, "no server answers at %s%s", c.base, whyNoAnswer(c.at.Hostname(), network.Err))
		}
		return nil, err
	}
	return answer, nil
}

// whyNoAnswer says after "no server answers" why, as far as that is known, and what to do.
func whyNoAnswer(host string, err error) string {
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return fmt.Sprintf(", since no machine has the name %s; is it written right, and is there a network?", host)
	case errors.Is(err, syscall.ECONNREFUSED) && ownHost(host):
		return "; start one with: admin-assistant serve, or work without one with: --local"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ": the machine is there, and does not listen"
	case ownHost(host):
		return fmt.Sprintf(" (%v); start one with: admin-assistant serve, or work without one with: --local", err)
	}
	return fmt.Sprintf(" (%v); is the address right, and is there a network?", err)
}

// page is one page of a list.
type page[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// all reads a list page by page to its end, or until there are most items; 0 means all of them.
func all[T any](ctx context.Context, c *client, path string, query url.Values, most int) ([]T, error) {
	found, err := some[T](ctx, c, path, query, most)
	return found.items, err
}

// pageSize is how many items a page of a list may have.
const pageSize = 200

// some reads a list page by page until there are most items; 0 means all of them. It knows where the list goes on.
func some[T any](ctx context.Context, c *client, path string, query url.Values, most int) (found listed[T], err error) {
	found.items = []T{}
	q := url.Values{}
	for name, values := range query {
		q[name] = values
	}
	for {
		limit := pageSize
		if most > 0 {
			limit = min(limit, most-len(found.items))
		}
		q.Set("limit", strconv.Itoa(limit))
		var p page[json.RawMessage]
		if _, err := c.do(ctx, request{method: http.MethodGet, path: path, query: q}, &p); err != nil {
			return listed[T]{}, err
		}
		for _, raw := range p.Items {
			var item T
			if err := json.Unmarshal(raw, &item); err != nil {
				return listed[T]{}, c.unexpected()
			}
			if kept, ok := any(&item).(interface{ keep(json.RawMessage) }); ok {
				kept.keep(raw)
			}
			found.items = append(found.items, item)
		}
		if found.next = p.Next; p.Next == "" || most > 0 && len(found.items) >= most {
			return found, nil
		}
		q.Set("cursor", p.Next)
	}
}

// unexpected is the failure that an answer cannot be read.
func (c *client) unexpected() error {
	return fault.New(fault.Unavailable, "the answer of %s is not what was expected: it may be another version, or no server of this kind", c.base)
}

// given is the query of those parameters that have a value.
func given(parameters map[string]string) url.Values {
	query := url.Values{}
	for name, value := range parameters {
		if value != "" {
			query.Set(name, value)
		}
	}
	return query
}
