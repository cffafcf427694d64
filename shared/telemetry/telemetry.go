// Package telemetry sets logging up: one event per fact, a constant message, values in fields, and never content.
package telemetry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
)

var levels = map[string]zerolog.Level{
	"debug": zerolog.DebugLevel, "info": zerolog.InfoLevel, "warn": zerolog.WarnLevel, "error": zerolog.ErrorLevel, "disabled": zerolog.Disabled,
}

// NewLogger returns a logger that writes JSON lines. level is debug, info, warn, error or disabled, else the error is of kind
// fault.Invalid.
func NewLogger(w io.Writer, level string, clock func() time.Time) (zerolog.Logger, error) {
	l, ok := levels[level]
	if !ok {
		return zerolog.Nop(), fault.Field("log level", "must be one of debug, info, warn, error, disabled, not %q", level)
	}
	stamp := zerolog.HookFunc(func(e *zerolog.Event, _ zerolog.Level, _ string) { e.Time(zerolog.TimestampFieldName, clock().UTC()) })
	return zerolog.New(w).Level(l).Hook(stamp), nil
}

type correlationKey struct{}

// WithCorrelation returns a context whose logger and messages carry the correlation id.
func WithCorrelation(ctx context.Context, logger zerolog.Logger, id string) context.Context {
	ctx = context.WithValue(ctx, correlationKey{}, id)
	return logger.With().Str("correlation_id", id).Logger().WithContext(ctx)
}

// Correlation returns the context's correlation id, or "".
func Correlation(ctx context.Context) string {
	id, _ := ctx.Value(correlationKey{}).(string)
	return id
}

// Hash stands for a value in a log line that must not appear there itself, such as a user key: the first 12 hex digits of its SHA-256.
func Hash(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:6])
}

// Failure adds err to a log line. Only the text of internal and of transient errors, and of those that are the operator's, is logged: it says what
// broke, and nobody else will ever see it in full. The text of the other kinds is made for the user and may hold names, so that the log has the kind
// and the field alone.
func Failure(e *zerolog.Event, err error) *zerolog.Event {
	kind := fault.Of(err)
	e = e.Stringer("fault", kind)
	if field := fault.FieldOf(err); field != "" {
		e = e.Str("field", field)
	}
	if kind == fault.Internal || kind == fault.Setup || kind.Transient() {
		e = e.AnErr("error", err)
	}
	return e
}
