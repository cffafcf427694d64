package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/telemetry"
)

// LastResort answers with a problem what the API itself does not get to answer. All fields are needed but Metrics.
type LastResort struct {
	NewID   func() string
	Log     zerolog.Logger
	Metrics *telemetry.Metrics
}

// Unreadable answers what is no HTTP request with 400. why is a constant text for the log and the client.
func (l *LastResort) Unreadable(ctx context.Context, w http.ResponseWriter, why string) {
	ctx = l.named(ctx, w)
	zerolog.Ctx(ctx).Warn().Str("why", why).Msg("request unreadable")
	writeProblem(w, newProblem(ctx, codeUnparsable, "", "the request cannot be read: "+why))
}

// TooLarge answers a request whose answer is more than the surroundings can pass on.
func (l *LastResort) TooLarge(ctx context.Context, w http.ResponseWriter) {
	ctx = l.named(ctx, w)
	zerolog.Ctx(ctx).Warn().Msg("answer too large")
	writeProblem(w, newProblem(ctx, codeAnswerTooLarge, "", "the answer is larger than what can be passed on; ask for a shorter period or a smaller page"))
}

// Panicked answers a request whose handler panicked with value with 500.
func (l *LastResort) Panicked(ctx context.Context, w http.ResponseWriter, value any) {
	writeProblem(w, panicked(l.named(ctx, w), l.Metrics, value))
}

func (l *LastResort) named(ctx context.Context, w http.ResponseWriter) context.Context {
	id := l.NewID()
	w.Header().Set(headerCorrelation, id)
	return telemetry.WithCorrelation(ctx, l.Log, id)
}

// panicked counts a panic, logs it and returns the problem that tells the client of it. It has to be called by the goroutine that
// panicked. The text of value is logged only if it is the runtime's: any other may have been made of the request.
func panicked(ctx context.Context, metrics *telemetry.Metrics, value any) *problemDetails {
	metrics.Count(telemetry.Counts{telemetry.Panics: 1})
	what := fmt.Sprintf("%T", value)
	if err, ok := value.(runtime.Error); ok {
		what = err.Error()
	}
	zerolog.Ctx(ctx).Error().Str("panic", what).Bytes("stack", debug.Stack()).Msg("request panicked")
	return newProblem(ctx, fault.Internal.String(), "", internalDetail)
}
