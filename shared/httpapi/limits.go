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

// classes are the classes of all routes that change something, and of those that only read but read much. All others are limit.Reads.
var classes = map[string]limit.Class{
	"PUT /v1/me/settings": limit.Writes,
	"DELETE /v1/me":       limit.Removals,

	"POST /v1/calendars":            limit.Writes,
	"DELETE /v1/calendars/{id}":     limit.Removals,
	routeImport:                     limit.Bulk,
	"GET /v1/calendars/{id}/export": limit.Bulk,

	"POST /v1/archive-configs":                 limit.Writes,
	"PUT /v1/archive-configs/{id}":             limit.Writes,
	"DELETE /v1/archive-configs/{id}":          limit.Removals,
	"POST /v1/archive-configs/{id}/activate":   limit.Writes,
	"POST /v1/archive-configs/{id}/deactivate": limit.Writes,

	"POST /v1/runs":             limit.Starts,
	"POST /v1/runs/{id}/retry":  limit.Starts,
	"POST /v1/runs/{id}/cancel": limit.Writes,

	"POST /v1/jobs":              limit.Writes,
	"PUT /v1/jobs/{id}":          limit.Writes,
	"DELETE /v1/jobs/{id}":       limit.Removals,
	"POST /v1/jobs/{id}/pause":   limit.Writes,
	"POST /v1/jobs/{id}/resume":  limit.Writes,
	"POST /v1/jobs/{id}/trigger": limit.Starts,

	"POST /v1/actions/{id}/dismiss":    limit.Writes,
	"POST /v1/actions/{id}/resolve":    limit.Writes,
	"POST /v1/notifications/{id}/read": limit.Writes,
	routeReadAll:                       limit.Writes,

	routeUpload:       limit.Bulk,
	routeRestore:      limit.Starts,
	routeDrill:        limit.Starts,
	routeStartBackup:  limit.Starts,
	routeBackupFile:   limit.Bulk,
	routeVerifyBackup: limit.Bulk,
	routeDeleteBackup: limit.Removals,

	"POST /v1/ledger/{config}/verify": limit.Bulk,
	"POST /v1/audit/verify":           limit.Bulk,
	"GET /v1/audit/export":            limit.Bulk,

	"POST /v1/users/{object}/disable": limit.Writes,
	"POST /v1/users/{object}/enable":  limit.Writes,
	"PUT /v1/users/{object}/role":     limit.Writes,
	"DELETE /v1/users/{object}":       limit.Removals,

	routeLogout:     limit.Writes,
	routeEndSession: limit.Removals,
}

// throttled is the problem of a user's request that is one too many, and tells in a header when to try again; nil when it is not.
func (s *server) throttled(ctx context.Context, h http.Header, pattern, user string) *problemDetails {
	if s.Limits == nil {
		return nil
	}
	err := s.Limits.Allow(ctx, user, classes[pattern])
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
