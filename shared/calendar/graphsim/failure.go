package graphsim

import (
	"errors"
	"fmt"
	"net/http"
)

// failure is an error as Graph answers it: a status, a code for programs, a message for people.
type failure struct {
	status     int
	code       string
	message    string
	retryAfter string         // header Retry-After; empty: none
	also       map[string]any // further members of the error object
}

func (f *failure) Error() string { return f.code + ": " + f.message }

func fail(status int, code, format string, args ...any) error {
	return &failure{status: status, code: code, message: fmt.Sprintf(format, args...)}
}

// bad is a request that cannot be understood.
func bad(format string, args ...any) error {
	return fail(http.StatusBadRequest, "BadRequest", format, args...)
}

// badQuery is a query option that cannot be understood.
func badQuery(format string, args ...any) error {
	return fail(http.StatusBadRequest, "RequestBroker--ParseUri", format, args...)
}

// badBody is a property in a body that the type definitions do not allow.
func badBody(format string, args ...any) error {
	return fail(http.StatusBadRequest, "RequestBodyRead", format, args...)
}

// badValue is a property that has the right type and makes no sense.
func badValue(format string, args ...any) error {
	return fail(http.StatusBadRequest, "ErrorPropertyValidationFailure", "At least one property failed validation. "+format, args...)
}

func badZone(name string) error {
	return fail(http.StatusBadRequest, "TimeZoneNotSupportedException",
		"A valid TimeZone value must be specified. The following TimeZone value is not supported: '%.100s'.", name)
}

func notFound() error {
	return fail(http.StatusNotFound, "ErrorItemNotFound", "The specified object was not found in the store.")
}

func denied() error {
	return fail(http.StatusForbidden, "ErrorAccessDenied", "Access is denied. Check credentials and try again.")
}

func throttled(limit, retryAfter string) error {
	return &failure{status: http.StatusTooManyRequests, code: "ApplicationThrottled", message: "Application is over its " + limit + " limit.",
		retryAfter: retryAfter}
}

// answer is the reply that err stands for.
func (c *call) answer(err error) *reply {
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{status: http.StatusInternalServerError, code: "InternalServerError", message: err.Error()}
	}
	body := map[string]any{
		"code": f.code, "message": f.message,
		"innerError": map[string]any{"date": c.at.UTC().Format("2006-01-02T15:04:05"), "request-id": c.requestID, "client-request-id": c.clientRequestID()},
	}
	for key, value := range f.also {
		body[key] = value
	}
	r := &reply{status: f.status, header: http.Header{}, body: map[string]any{"error": body}}
	if f.retryAfter != "" {
		r.header.Set("Retry-After", f.retryAfter)
	}
	return r
}
