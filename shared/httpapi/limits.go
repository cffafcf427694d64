package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
)

// Limits decides whether a user may make one more request of a class now. Its errors are of kind fault.Throttled, with a limit.Exceeded,
// or fault.Unavailable.
type Limits interface {
	Allow(ctx context.Context, user string, class limit.Class) error
}

var _ Limits = (*limit.Limiter)(nil)

// throttled is the problem of a user's request that is one too many, and says in a header when to try again; nil when it is not.
func (s *server) throttled(ctx context.Context, h http.Header, to *route, user string) *problemDetails {
	if s.Limits == nil {
		return nil
	}
	err := s.Limits.Allow(ctx, user, to.class)
	if err == nil {
		return nil
	}
	var over *limit.Exceeded
	if !errors.As(err, &over) {
		return problemOf(ctx, err)
	}
	h.Set("Retry-After", strconv.Itoa(int(over.RetryAfter/time.Second)))
	return newProblem(ctx, fault.Throttled.String(), "", over.Error()) // what one user does too often is no failure of ours
}
