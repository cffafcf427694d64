package httpapi

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/store"
)

// limited lets users do what the deployed system lets them do.
func limited(s *service, services *Services) {
	services.Limits = limit.New(s.table, limit.Default(), services.Clock)
}

func TestEveryRouteHasAClass(t *testing.T) {
	want := map[string]limit.Class{
		"POST /v1/runs": limit.Starts, "POST /v1/runs/{id}/retry": limit.Starts, "POST /v1/jobs/{id}/trigger": limit.Starts, "POST /v1/backups": limit.Starts,
		"POST /v1/restores": limit.Starts, "POST /v1/backups/drills": limit.Starts, "POST /v1/archive-configs/{id}/verify": limit.Starts,
		"POST /v1/archive-configs/{id}/repair": limit.Starts, "POST /v1/runs/{id}/undo": limit.Starts, "POST /v1/imports": limit.Starts,
		"POST /v1/decisions":             limit.Starts,
		"POST /v1/calendars/{id}/import": limit.Bulk, "GET /v1/calendars/{id}/export": limit.Bulk, "POST /v1/uploads": limit.Bulk,
		"POST /v1/uploads/direct": limit.Bulk, "POST /v1/uploads/{id}/arrived": limit.Bulk,
		"GET /v1/backups/{id}/files/{name}": limit.Bulk, "POST /v1/backups/{id}/verify": limit.Bulk, "POST /v1/ledger/{config}/verify": limit.Bulk,
		"POST /v1/archive-configs/{id}/rules/try": limit.Bulk, "GET /v1/archive-configs/{id}/rules/suggestions": limit.Bulk,
		"GET /v1/ledger/{config}/proof": limit.Bulk, "POST /v1/audit/verify": limit.Bulk, "GET /v1/audit/export": limit.Bulk,
		"GET /v1/hours": limit.Bulk, "GET /v1/hours/export": limit.Bulk, "GET /v1/hours/working-time": limit.Bulk,
		"GET /v1/hours/working-time/export": limit.Bulk, "GET /v1/customers/new": limit.Bulk, "GET /v1/categories/validate": limit.Bulk,
		"GET /v1/places": limit.Bulk, "GET /v1/travel/gaps": limit.Bulk,
		"GET /v1/timesheets/{id}/export": limit.Bulk, "GET /v1/me/export": limit.Bulk,
	}
	for pattern, r := range newService(t).declared {
		method, _ := r.split()
		class := want[pattern]
		switch {
		case want[pattern] != limit.Reads:
		case method == http.MethodDelete:
			class = limit.Removals
		case method != http.MethodGet:
			class = limit.Writes
		}
		if r.class != class {
			t.Errorf("%s is of class %s, want %s", pattern, r.class, class)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Run("one request too many is answered with 429 and when to try again, and takes no effect", func(t *testing.T) {
		s := newService(t, limited)
		_, configID := s.seed("keep")
		body := map[string]any{"kind": "archive", "config": configID, "from": "2026-10-01", "to": "2026-10-31", "dry_run": true}
		for range 10 {
			if a := s.do("POST", "/v1/runs", body); a.StatusCode != 202 && a.StatusCode != 200 {
				t.Fatalf("status %d: %s", a.StatusCode, a.body)
			}
			s.work()
		}
		before := len(s.all("/v1/runs", 200))
		over := s.do("POST", "/v1/runs", body).problem(429, "throttled", "")
		if over.Header.Get("Retry-After") != "60" || !strings.Contains(over.str("detail"), "10 requests of this sort (starts) a minute; try again in 60 seconds") {
			t.Errorf("Retry-After %q: %s", over.Header.Get("Retry-After"), over.body)
		}
		if after := len(s.all("/v1/runs", 200)); after != before {
			t.Errorf("%d runs became %d", before, after)
		}
		s.do("GET", "/v1/runs", nil).is(200)
		s.do("POST", "/v1/runs", body, headerUser, "ben").problem(404, "not_found", "") // another user, not throttled
		s.now.Add(60)
		s.do("POST", "/v1/runs", body).is(202)
	})
	t.Run("a repeated idempotency key counts as well", func(t *testing.T) {
		s := newService(t, limited)
		_, configID := s.seed("keep")
		body := map[string]any{"kind": "archive", "config": configID, "period": "last week"}
		for range 10 {
			s.do("POST", "/v1/runs", body, headerIdempotency, "k").is(202)
		}
		s.do("POST", "/v1/runs", body, headerIdempotency, "k").problem(429, "throttled", "")
	})
	t.Run("who is not let in does not use up anybody's requests", func(t *testing.T) {
		s := newService(t, limited)
		for range 8 {
			s.do("DELETE", "/v1/calendars/x", nil, headerUser, "nobody").problem(401, "unauthenticated", "")
		}
		if items, err := store.All(t.Context(), s.table, store.Query{PK: "LIMIT#local#nobody"}); err != nil || len(items) != 0 {
			t.Errorf("%v, %v", items, err)
		}
	})
	t.Run("health is not counted", func(t *testing.T) {
		s := newService(t, func(_ *service, services *Services) { services.Limits = refusing{} })
		s.do("GET", "/healthz", nil).is(200)
		s.do("GET", "/readyz", nil).is(200)
		s.do("GET", "/v1/me", nil).problem(503, "unavailable", "")
	})
	t.Run("many processes of the API share the limit", func(t *testing.T) {
		s := newService(t)
		var handlers []http.Handler
		for range 3 {
			services := s.services
			limited(s, &services)
			handlers = append(handlers, New(services))
		}
		yes := 0
		for i := range 60 {
			if status := serveOnce(t, handlers[i%3], "DELETE", "/v1/calendars/x"); status == 404 {
				yes++
			} else if status != 429 {
				t.Fatalf("status %d", status)
			}
		}
		if yes != 5 {
			t.Errorf("%d were let through", yes)
		}
	})
}

// serveOnce sends a request of ana to a handler and returns the status.
func serveOnce(t *testing.T, h http.Handler, method, path string) int {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
	return w.Code
}

// refusing cannot count.
type refusing struct{}

func (refusing) Allow(context.Context, string, limit.Class) error {
	return fault.New(fault.Unavailable, "not counted")
}

func TestCaps(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	start := func(change map[string]any) answer {
		body := map[string]any{"kind": "archive", "config": configID}
		maps.Copy(body, change)
		return s.do("POST", "/v1/runs", body)
	}
	first := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	last := func(days int) string { return first.AddDate(0, 0, days-1).Format(time.DateOnly) }
	over := start(map[string]any{"from": "2025-01-01", "to": last(limit.RunDays + 1)}).problem(422, "invalid", "to")
	if !strings.Contains(over.str("detail"), strconv.Itoa(limit.RunDays)) {
		t.Errorf("detail %s", over.body)
	}
	start(map[string]any{"period": "last 401 days"}).problem(422, "invalid", "period")
	start(map[string]any{"from": "2025-01-01", "to": last(limit.RunDays)}).is(202)

	if got := len(s.do("GET", "/v1/runs?limit=200", nil).is(200).items()); got != 1 {
		t.Errorf("%d runs", got)
	}
	s.do("GET", "/v1/runs?limit=201", nil).problem(422, "invalid", "limit")
}

func TestAParameterOfTheWrongKindIsRefusedInWordsOfOurs(t *testing.T) {
	s := newService(t)
	for value, want := range map[string]string{"many": "limit must be a whole number", "0": "limit must be at least 1", "201": "limit must be at most 200"} {
		if got := s.do("GET", "/v1/runs?limit="+value, nil).problem(422, "invalid", "limit").str("detail"); got != want {
			t.Errorf("limit %s: %s", value, got)
		}
	}
	if got := s.do("DELETE", "/v1/calendars/"+s.calendar("local://me/calendars/Work")+"?force=maybe", nil).problem(422, "invalid", "force").str("detail"); got !=
		"force must be true or false" {
		t.Errorf("a yes or no: %s", got)
	}
	for body, want := range map[string]string{
		`{"name": "Acme", "rates": [{"from": "2026-13-01", "work": "1"}]}`: "rates[0].from must be a day as in 2026-11-02",
		`{"name": "Acme", "aliases": "x"}`:                                 "aliases must be an array",
		`{"name": ["Acme"]}`:                                               "name must be a string",
	} {
		if got := s.do("POST", "/v1/customers", json.RawMessage(body)).problem(422, "invalid", strings.Fields(want)[0]).str("detail"); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	if got := s.do("POST", "/v1/runs", []int{1}).str("detail"); got != "the body must be an object" {
		t.Errorf("a body that is a list: %s", got)
	}
	if got := s.do("POST", "/v1/runs", nil).problem(400, "unparsable", "").str("detail"); got != "the request needs a body, and has none" {
		t.Errorf("no body: %s", got)
	}
}
