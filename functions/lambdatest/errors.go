package lambdatest

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
)

// ErrEnded means that the process is gone, by itself after an earlier invocation, or because it was stopped.
var ErrEnded = errors.New("lambdatest: the function's process has ended")

// ErrTooLarge means that the payload of an invocation is larger than the 6 MB that Lambda takes.
var ErrTooLarge = errors.New("lambdatest: the payload is larger than 6 MB")

// ErrLoop means that what the function was to be invoked for has come round too often: Lambda drops it.
var ErrLoop = errors.New("lambdatest: the function was invoked 16 times on the way: a loop")

// HandlerError is an answer: the handler returned an error or panicked, or the answer was too large (Type Function.ResponseSizeTooLarge).
type HandlerError struct {
	RequestID string
	Type      string                                     // errorType: the Go type of the error, or of what was panicked with
	Message   string                                     // errorMessage
	Stack     []messages.InvokeResponse_Error_StackFrame // of a panic; the process ends after it
}

func (e *HandlerError) Error() string {
	return fmt.Sprintf("RequestId: %s Error: %s: %s", e.RequestID, e.Type, e.Message)
}

// InitError means that the process never asked for an invocation: it ended, reported that it cannot start, or took too long.
type InitError struct {
	Type    string // Runtime.ExitError, Sandbox.Timedout, or what the function reported
	Message string
	Log     string // what the process wrote
}

func (e *InitError) Error() string { return fmt.Sprintf("init: %s: %s\n%s", e.Type, e.Message, e.Log) }

// CrashError means that the process ended without an answer.
type CrashError struct {
	RequestID string
	State     string // how it ended: "exit status 3", "signal: killed"
	Log       string // what the process wrote
}

func (e *CrashError) Error() string {
	return fmt.Sprintf("RequestId: %s Error: Runtime exited: %s\n%s", e.RequestID, e.State, e.Log)
}

// TimeoutError means that the deadline came before an answer. The process is gone.
type TimeoutError struct {
	RequestID string
	After     time.Duration
	Log       string // what the process wrote
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("RequestId: %s Error: Task timed out after %.2f seconds\n%s", e.RequestID, e.After.Seconds(), e.Log)
}
