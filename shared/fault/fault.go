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
	Setup                       // the installation is not set up as a service wants it, or its credential there has ended: its operator's to mend
	Locked                      // the period is locked
)

var names = [...]string{
	"internal", "invalid", "not_found", "conflict", "unauthenticated", "forbidden", "throttled", "unavailable", "malformed", "setup", "locked",
}

// String is the kind's stable name, as used in problem details and logs.
func (k Kind) String() string { return names[k] }

// ErrFull means that there is no room left on a disk. No further attempt succeeds before somebody makes some.
var ErrFull = errors.New("full; free some space")

// Transient says whether the same attempt may succeed later without anybody changing anything.
func (k Kind) Transient() bool { return k == Throttled || k == Unavailable }

// Public says whether the error's text may be shown to the user.
func (k Kind) Public() bool { return k != Internal }

// Error is a classified failure. Field is the path of the input that is at fault, as in "window.from"; it may be empty.
type Error struct {
	Kind  Kind
	Field string
	err   error // the text, and what the failure came from
}

func (e *Error) Error() string { return e.err.Error() }

func (e *Error) Unwrap() error { return e.err }

// New makes a failure of a kind with a text for the user. A cause that the format takes with %w stays one; if it has a kind
// already, that one counts (Of).
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, err: fmt.Errorf(format, args...)}
}

// Wrap gives err a kind and keeps its text; nil stays nil. The kind counts if err has none yet (Of).
func Wrap(kind Kind, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, err: err}
}

// Field makes an Invalid failure that names the field at fault, as in Field("window.to", "is before window.from").
func Field(field, format string, args ...any) error {
	return &Error{Kind: Invalid, Field: field, err: fmt.Errorf("%s %w", field, fmt.Errorf(format, args...))}
}

// At names the field of an Invalid failure by what its caller calls it; the text stays. Nil and other kinds of failure stay what they are.
func At(field string, err error) error {
	if err == nil || Of(err) != Invalid {
		return err
	}
	return &Error{Kind: Invalid, Field: field, err: errors.New(err.Error())}
}

// Of returns the kind that was given to err first, that is the innermost one; of several causes, that of the first one which has
// a kind. A deadline or a cancellation that nobody classified is Unavailable.
func Of(err error) Kind {
	if f := innermost(err, func(*Error) bool { return true }); f != nil {
		return f.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// FieldOf returns the field that the innermost failure of err which names one does, if any.
func FieldOf(err error) string {
	if f := innermost(err, func(f *Error) bool { return f.Field != "" }); f != nil {
		return f.Field
	}
	return ""
}

// innermost returns the last classified failure that fits on the way from err to its first cause, nil if there is none. Where the
// way forks, it goes on to the first cause that has one.
func innermost(err error, fits func(*Error) bool) *Error {
	var found *Error
	for err != nil {
		if f, ok := err.(*Error); ok && fits(f) {
			found = f
		}
		switch e := err.(type) {
		case interface{ Unwrap() error }:
			err = e.Unwrap()
		case interface{ Unwrap() []error }:
			for _, cause := range e.Unwrap() {
				if f := innermost(cause, fits); f != nil {
					return f
				}
			}
			return found
		default:
			return found
		}
	}
	return found
}
