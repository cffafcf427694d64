package lambdatest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// api is what the process finds at AWS_LAMBDA_RUNTIME_API.
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
func (f *Function) api() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /2018-06-01/runtime/invocation/next", f.next)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/response", f.response)
	mux.HandleFunc("POST /2018-06-01/runtime/invocation/{id}/error", f.failure)
	mux.HandleFunc("POST /2018-06-01/runtime/init/error", f.initFailure)
	mux.HandleFunc("POST /2020-01-01/extension/register", f.register)
	mux.HandleFunc("GET /2020-01-01/extension/event/next", f.event)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-f.started
		mux.ServeHTTP(w, r)
	})
}

// next is where the process waits, frozen, for something to do.
func (f *Function) next(w http.ResponseWriter, r *http.Request) {
	took := time.Since(f.began)
	f.measure()
	f.mu.Lock()
	busy, ending, first := f.current != nil, f.ending, f.initTime == 0
	switch {
	case busy || f.initError != nil:
		f.mu.Unlock()
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "no invocation can be had now")
		return
	case ending: // after its last answer the process may come to ask only when it has been told to end; nothing comes any more
		f.mu.Unlock()
		<-r.Context().Done()
		return
	case first:
		f.initTime = took
		close(f.ready)
	}
	f.frozen = true
	freeze(f.cmd.Process)
	f.mu.Unlock()

	select {
	case inv := <-f.pending:
		deadline := f.begin(inv)
		f.mu.Lock()
		f.frozen = false
		_ = thaw(f.cmd.Process) // fails when it is gone, which Invoke notices
		f.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(deadline.UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", f.arn)
		h.Set("Lambda-Runtime-Trace-Id", inv.trace)
		_, _ = w.Write(inv.payload)
	case <-r.Context().Done():
	}
}

func (f *Function) response(w http.ResponseWriter, r *http.Request) {
	f.finish(w, r, func(inv *invocation, body []byte) ([]byte, error) {
		if len(body) > maxResponse {
			return nil, &HandlerError{
				RequestID: inv.id, Type: "Function.ResponseSizeTooLarge",
				Message: fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxResponse),
			}
		}
		return body, nil
	})
}

func (f *Function) failure(w http.ResponseWriter, r *http.Request) {
	f.finish(w, r, func(inv *invocation, body []byte) ([]byte, error) {
		report := parseReport(r, body)
		failed := &HandlerError{RequestID: inv.id, Type: report.Type, Message: report.Message}
		for _, frame := range report.StackTrace {
			failed.Stack = append(failed.Stack, *frame)
		}
		return nil, failed
	})
}

// finish ends the invocation that the request names. Its result is what answer makes of the request's body.
func (f *Function) finish(w http.ResponseWriter, r *http.Request, answer func(*invocation, []byte) ([]byte, error)) {
	f.measure()
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse+1))
	if err != nil { // the process is gone in the middle of its answer
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "the request ended early")
		return
	}
	inv := f.at(r.PathValue("id"))
	if inv == nil {
		refuseID(w)
		return
	}
	payload, err := answer(inv, body)
	if !f.end(inv, payload, err) {
		refuseID(w)
		return
	}
	var failed *HandlerError
	if errors.As(err, &failed) && failed.Type == "Function.ResponseSizeTooLarge" {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", failed.Message)
		return
	}
	accept(w)
}

func (f *Function) initFailure(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxResponse))
	if err != nil {
		refuse(w, http.StatusBadRequest, "TruncatedHTTPRequest", "the request ended early")
		return
	}
	report := parseReport(r, body)
	f.mu.Lock()
	ready := f.initTime > 0
	if !ready {
		f.initError = &InitError{Type: report.Type, Message: report.Message}
	}
	f.mu.Unlock()
	if ready {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the init phase is over")
		return
	}
	accept(w)
	go f.shutdown() // which waits for the process, and that may wait for this answer
}

// parseReport reads what a function says of its failure; what is not in the body may be in a header.
func parseReport(r *http.Request, body []byte) messages.InvokeResponse_Error {
	var report messages.InvokeResponse_Error
	if json.Unmarshal(body, &report) != nil {
		report = messages.InvokeResponse_Error{Message: string(body)}
	}
	report.Type = cmp.Or(report.Type, r.Header.Get("Lambda-Runtime-Function-Error-Type"), "Runtime.Unknown")
	return report
}

// register lets an extension inside the process register while it starts, for no event: SHUTDOWN is not for such extensions, and for
// INVOKE aws-lambda-go has no use.
func (f *Function) register(w http.ResponseWriter, r *http.Request) {
	name := r.Header.Get("Lambda-Extension-Name")
	var wants struct {
		Events []string `json:"events"`
	}
	if err := json.NewDecoder(r.Body).Decode(&wants); err != nil {
		refuse(w, http.StatusForbidden, "InvalidRequestFormat", err.Error())
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	taken := false
	for _, other := range f.extensions {
		taken = taken || other == name
	}
	switch {
	case name == "":
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionName", "Empty extension name")
	case len(wants.Events) > 0:
		refuse(w, http.StatusForbidden, "Extension.InvalidEventType", fmt.Sprintf("%v: no events for an extension inside the process", wants.Events))
	case f.initTime > 0 || f.ending:
		refuse(w, http.StatusForbidden, "Extension.RegistrationClosed", "Extension registration closed already")
	case taken:
		refuse(w, http.StatusForbidden, "Extension.InvalidExtensionState", "Extension with this name already registered")
	default:
		id := newID()
		f.extensions[id] = name
		w.Header().Set("Lambda-Extension-Identifier", id)
		respond(w, http.StatusOK, map[string]string{"functionName": f.options.FunctionName, "functionVersion": version, "handler": handler})
	}
}

// event is where an extension waits. None is registered for an event, so that nothing ever comes.
func (f *Function) event(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("Lambda-Extension-Identifier")
	f.mu.Lock()
	known := f.extensions[id] != ""
	f.mu.Unlock()
	if !known {
		refuse(w, http.StatusForbidden, "Extension.UnknownExtensionIdentifier", "Unknown extension "+id)
		return
	}
	<-r.Context().Done()
}

func accept(w http.ResponseWriter) {
	respond(w, http.StatusAccepted, map[string]string{"status": "OK"})
}

func refuseID(w http.ResponseWriter) {
	refuse(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	respond(w, status, map[string]string{"errorType": kind, "errorMessage": message})
}

func respond(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // fails when the process is gone
}
