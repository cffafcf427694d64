// Package fault sorts failures by kind, once, where they are first seen.
//
// Everything that depends on what sort of failure happened follows from the Kind in one table each:
// the HTTP status, whether a retry makes sense, the exit code of the command line.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind says what sort of failure an error is. The zero value is Internal: what nobody classified is our fault.
type Kind int

const (
	Internal        Kind = iota // a defect or an unknown error; logged, its text is never shown to anybody
	Invalid                     // the request or the file is wrong; the text says which field and what to do
	NotFound                    // what was named does not exist, or is not the caller's
	Conflict                    // the state does not allow it now: changed meanwhile, exists already, in use
	Unauthenticated             // nobody is signed in, or the sign-in has ended
	Forbidden                   // signed in, and not allowed
	Throttled                   // asked to slow down
	Unavailable                 // a dependency is down, or did not answer in time
	Malformed                   // a message or stored record that cannot be read; never retried
	Locked                      // the period is locked
)

var names = [...]string{"internal", "invalid", "not_found", "conflict", "unauthenticated", "forbidden", "throttled", "unavailable", "malformed", "locked"}

// String is the kind's stable name, as used in problem details and logs.
func (k Kind) String() string { return names[k] }

// Transient says whether the same attempt may succeed later without anybody changing anything.
func (k Kind) Transient() bool { return k == Throttled || k == Unavailable }

// Public says whether the error's text may be shown to the user.
func (k Kind) Public() bool { return k != Internal }

// Error is a classified failure. Field is the path of the input that is at fault, as in "window.from"; it may be empty.
type Error struct {
	Kind  Kind
	Field string
	text  string
	cause error
}

func (e *Error) Error() string {
	switch {
	case e.text == "":
		return e.cause.Error()
	case e.cause == nil:
		return e.text
	}
	return e.text + ": " + e.cause.Error()
}

func (e *Error) Unwrap() error { return e.cause }

// New makes a failure of a kind with a text for the user.
func New(kind Kind, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	return &Error{Kind: kind, text: err.Error(), cause: nil}
}

// Wrap gives err a kind and keeps its text; nil stays nil.
func Wrap(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, cause: err}
}

// Field makes an Invalid failure that names the field at fault, as in Field("window.to", "is before window.from").
func Field(field, format string, args ...any) error {
	return &Error{Kind: Invalid, Field: field, text: field + " " + fmt.Sprintf(format, args...)}
}

// Of returns the kind that was given to err first, that is the innermost one. A deadline or a cancellation is Unavailable.
func Of(err error) Kind {
	kind, found := Internal, false
	for e := err; e != nil; e = errors.Unwrap(e) {
		if f, ok := e.(*Error); ok {
			kind, found = f.Kind, true
		}
	}
	if !found {
		var f *Error
		switch {
		case errors.As(err, &f): // below a joined error
			return f.Kind
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
			return Unavailable
		}
	}
	return kind
}

// FieldOf returns the field that the innermost classified failure of err names, if any.
func FieldOf(err error) string {
	field := ""
	for e := err; e != nil; e = errors.Unwrap(e) {
		if f, ok := e.(*Error); ok && f.Field != "" {
			field = f.Field
		}
	}
	return field
}
