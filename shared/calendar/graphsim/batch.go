package graphsim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// maxBatch is how many requests a batch may have: https://learn.microsoft.com/graph/json-batching
const maxBatch = 20

// step is one request of a batch.
type step struct {
	id        string
	dependsOn []string
	call      *call
	entry     Entry
	mailbox   string // what its path calls it
	answer    *reply
	cut       bool
}

// batch carries out a JSON batch. For each mailbox up to four of its requests run at a time, in the order in which they come; one that depends on others
// waits for them, and is answered 424 if one of them failed. The answers come in the order in which they are ready.
func (s *Server) batch(ctx context.Context, c *call) (answer *reply, cut bool) {
	steps, err := c.steps()
	if err != nil {
		return c.answer(err), false
	}
	waiting := slices.Clone(steps)
	running, perMailbox := 0, map[string]int{}
	finished := make(chan *step)
	done := map[string]*step{}
	var responses []any
	var started []*step
	finish := func(one *step) {
		done[one.id] = one
		responses = append(responses, one.response())
	}
	for len(waiting) > 0 || running > 0 {
		waiting = slices.DeleteFunc(waiting, func(one *step) bool {
			for _, id := range one.dependsOn {
				switch before := done[id]; {
				case before == nil:
					return false
				case before.answer.status >= 400:
					one.answer = one.call.answer(fail(http.StatusFailedDependency, "FailedDependency", "Failed dependency on request id : %.100s.", id))
					finish(one)
					return true
				}
			}
			if err := s.refuses(one, started); err != nil {
				one.answer = one.call.answer(err)
				finish(one)
				return true
			}
			if perMailbox[one.mailbox] >= s.options.Limits.Concurrent {
				return false
			}
			perMailbox[one.mailbox]++
			started = append(started, one)
			running++
			go func() {
				var cut string
				one.answer, cut = s.run(ctx, one.call, true)
				one.cut = cut != ""
				finished <- one
			}()
			return true
		})
		if running == 0 {
			continue
		}
		one := <-finished
		running--
		perMailbox[one.mailbox]--
		finish(one)
	}
	for _, one := range steps {
		one.entry.Status, one.entry.RetryAfter = one.answer.status, one.answer.header.Get("Retry-After")
		if one.cut {
			one.entry.Status, cut = 0, true
		}
		c.entry.Sub = append(c.entry.Sub, one.entry)
	}
	return ok(object{"responses": responses}), cut
}

// refuses returns the error of a request that a switch does not let run in a batch beside those that have started.
func (s *Server) refuses(one *step, started []*step) error {
	at := 0
	for _, other := range started {
		if other.mailbox != one.mailbox {
			continue
		}
		at++
		if series := one.call.series(); series != "" && series == other.call.series() && s.on("series_conflicts") {
			return irresolvable(http.StatusConflict)
		}
	}
	if at >= s.options.Limits.Concurrent && s.on("batch_429") {
		return throttled("MailboxConcurrency", s.options.RetryAfter)
	}
	return nil
}

// series is the id of the series whose instance the request writes; empty for other requests.
func (c *call) series() string {
	last := c.path[len(c.path)-1]
	if at := strings.LastIndex(last, "@"); at > 0 && c.method != http.MethodGet {
		return last[:at]
	}
	return ""
}

func (one *step) response() object {
	headers := object{"request-id": one.call.requestID}
	for name := range one.answer.header {
		headers[name] = one.answer.header.Get(name)
	}
	if len(one.call.applied) > 0 {
		headers["Preference-Applied"] = strings.Join(one.call.applied, ", ")
	}
	o := object{"id": one.id, "status": one.answer.status, "headers": headers}
	if one.answer.body != nil {
		headers["Content-Type"] = contentType
		o["body"] = one.answer.body
	}
	return o
}

// steps reads the requests of a batch. What is wrong with the batch itself is an error of the whole; what is wrong with what a request asks for is its own.
func (c *call) steps() ([]*step, error) {
	if c.method != http.MethodPost || len(c.path) != 1 {
		return nil, fail(http.StatusMethodNotAllowed, "ErrorMethodNotAllowed", "$batch is called by POST.")
	}
	raw, err := c.object()
	if err != nil {
		return nil, err
	}
	list, isList := raw["requests"].([]any)
	switch {
	case !isList || len(raw) != 1:
		return nil, bad("Invalid batch payload format: expected an object with the array requests.")
	case len(list) == 0:
		return nil, bad("Invalid batch payload format: there are no requests.")
	case len(list) > maxBatch:
		return nil, fail(http.StatusBadRequest, "MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of %d.", maxBatch)
	}
	var steps []*step
	ids := map[string]bool{}
	for i, element := range list {
		o, isObject := element.(object)
		if !isObject {
			return nil, bad("Invalid batch payload format: request %d is no object.", i+1)
		}
		one, err := c.step(o)
		if err != nil {
			return nil, err
		}
		if ids[one.id] {
			return nil, bad("Invalid batch payload format: request id : %.100s is there more than once.", one.id)
		}
		ids[one.id] = true
		steps = append(steps, one)
	}
	return steps, checkOrder(steps)
}

// step reads one request of a batch.
func (c *call) step(o object) (*step, error) {
	one := &step{}
	one.id, _ = o["id"].(string)
	method, _ := o["method"].(string)
	address, _ := o["url"].(string)
	if one.id == "" {
		return nil, bad("Invalid batch payload format: a request has no id, which is a string.")
	}
	wrong := func(format string, args ...any) (*step, error) {
		return nil, bad("Invalid batch request id : %.100s: %s", one.id, fmt.Sprintf(format, args...))
	}
	for name := range o {
		if !slices.Contains([]string{"id", "method", "url", "headers", "body", "dependsOn"}, name) {
			return wrong("unknown member '%.60s'.", name)
		}
	}
	method = strings.ToUpper(method)
	if !slices.Contains([]string{"GET", "POST", "PATCH", "PUT", "DELETE"}, method) {
		return wrong("the method is missing or unknown.")
	}
	if address == "" || strings.Contains(address, "://") || strings.HasPrefix(address, "//") {
		return wrong("the url must be relative to the version, as in /me/events.")
	}
	header := http.Header{}
	headers, isObject := o["headers"].(object)
	if o["headers"] != nil && !isObject {
		return wrong("headers must be an object.")
	}
	for name, v := range headers {
		text, isText := v.(string)
		if !isText {
			return wrong("the header '%.60s' must be a string.", name)
		}
		header.Set(name, text)
	}
	if depends, there := o["dependsOn"]; there {
		list, isList := depends.([]any)
		if !isList {
			return wrong("dependsOn must be an array.")
		}
		for _, v := range list {
			text, isText := v.(string)
			if !isText {
				return wrong("dependsOn must have ids.")
			}
			one.dependsOn = append(one.dependsOn, text)
		}
	}
	var body []byte
	if v, there := o["body"]; there && v != nil {
		if body, _ = json.Marshal(v); header.Get("Content-Type") == "" { // it came as JSON
			return nil, bad("Write request id : %.100s does not contain Content-Type header or body.", one.id)
		}
	} else if method == "PATCH" || method == "PUT" {
		return nil, bad("Write request id : %.100s does not contain Content-Type header or body.", one.id)
	}
	escaped, query, _ := strings.Cut(address, "?")
	base, path, err := segments("/" + strings.TrimPrefix(escaped, "/"))
	switch {
	case err != nil || base != "":
		return wrong("the url must be relative to the version, as in /me/events.")
	case path[0] == "$batch":
		return wrong("a batch cannot be nested.")
	}
	one.entry = Entry{N: c.entry.N, ID: one.id, Time: c.at.UTC(), Method: method, Path: escaped, Query: query, Headers: headersOf(header),
		Body: bodyOf(body), Bytes: len(body)}
	one.mailbox = strings.ToLower(path[0])
	if len(path) > 1 && path[0] == "users" {
		one.mailbox = strings.ToLower(path[1])
	}
	if m := c.server.mailbox(strings.TrimPrefix(one.mailbox, "me")); m != nil {
		one.mailbox = m.ID
	}
	one.entry.Tenant = c.tenant
	one.call = &call{server: c.server, at: c.at, requestID: c.requestID, method: method, base: c.base, path: path, rawQuery: query, header: header,
		body: body, entry: &one.entry, tenant: c.tenant}
	return one, nil
}

// checkOrder says whether the requests can be carried out in some order.
func checkOrder(steps []*step) error {
	ready := map[string]bool{}
	for waiting := steps; len(waiting) > 0; {
		var still []*step
		for _, one := range waiting {
			if slices.ContainsFunc(one.dependsOn, func(id string) bool { return !ready[id] }) {
				still = append(still, one)
			} else {
				ready[one.id] = true
			}
		}
		if len(still) == len(waiting) {
			return bad("Invalid batch request id : %.100s: it depends on a request that is not in the batch, or on itself.", still[0].id)
		}
		waiting = still
	}
	return nil
}
