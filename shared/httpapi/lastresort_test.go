package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/refusal"
	"adminassistant/shared/audit"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/telemetry"
)

// withMetrics returns a service, and what its metrics have counted of one since they were last asked.
func withMetrics(t *testing.T, change ...func(*service, *Services)) (*service, func(telemetry.Metric) int) {
	t.Helper()
	metrics := &logBuffer{}
	s := newService(t, append(change, func(_ *service, to *Services) { to.Metrics = telemetry.NewMetrics(metrics, "test", to.Clock) })...)
	seen := map[telemetry.Metric]int{}
	return s, func(m telemetry.Metric) int {
		n := strings.Count(metrics.String(), fmt.Sprintf(`"%s":1`, m))
		defer func() { seen[m] = n }()
		return n - seen[m]
	}
}

func TestPanicsAreCountedApart(t *testing.T) {
	s, counted := withMetrics(t)
	s.do("GET", "/v1/calendars?account=broken", nil).problem(500, "internal", "")
	if n := counted(telemetry.Panics); n != 0 {
		t.Errorf("an error is counted as %d panics", n)
	}
	s.do("GET", "/v1/calendars?account=panics", nil).problem(500, "internal", "")
	if n := counted(telemetry.Panics); n != 1 {
		t.Errorf("a panic is counted as %d", n)
	}
	log := s.log.String()
	if strings.Contains(log, "secret-panic") || !strings.Contains(log, `"panic":"string"`) || !strings.Contains(log, "api_test.go:") {
		t.Errorf("the log does not say where, and only where: %s", log)
	}
}

func TestRequestsOfUsersAreCounted(t *testing.T) {
	s, counted := withMetrics(t)
	for _, c := range []struct {
		name, path, user string
		all, failed      int
	}{
		{"an answer", "/v1/me", "ana", 1, 0},
		{"what is not there", "/v1/runs/none", "ana", 1, 0},
		{"a failure", "/v1/calendars?account=broken", "ana", 1, 1},
		{"a provider that does not answer", "/v1/calendars?account=down", "ana", 1, 1},
		{"a panic", "/v1/calendars?account=panics", "ana", 1, 1},
		{"nobody", "/v1/calendars?account=panics", "nobody", 0, 0},
		{"a route for anyone", "/healthz", "ana", 0, 0},
		{"no route", "/v1/none", "ana", 0, 0},
	} {
		s.do("GET", c.path, nil, headerUser, c.user)
		all, failed := counted(telemetry.UserRequests), counted(telemetry.UserRequestsFailed)
		if all != c.all || failed != c.failed {
			t.Errorf("%s: %d requests, %d failed", c.name, all, failed)
		}
	}
	check(t, s.table.Close()) // who asks is known, and nothing else can be read
	s.do("GET", "/v1/me", nil).is(503)
	s.do("GET", "/readyz", nil).is(503)
	if all, failed := counted(telemetry.UserRequests), counted(telemetry.UserRequestsFailed); all != 1 || failed != 1 {
		t.Errorf("without a store: %d requests, %d failed", all, failed)
	}
}

func TestWhatTheAPIDoesNotAnswer(t *testing.T) {
	var log, metrics bytes.Buffer
	last := &LastResort{
		NewID: func() string { return "ID1" }, Log: zerolog.New(&log),
		Metrics: telemetry.NewMetrics(&metrics, "test", func() time.Time { return time.Unix(0, 0) }),
	}
	answered := func(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
		t.Helper()
		var p problemDetails
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != status || p.Status != status || p.Code != code || p.Correlation != "ID1" ||
			w.Header().Get(headerCorrelation) != "ID1" || w.Header().Get("Content-Type") != problemContentType {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if !strings.Contains(log.String(), `"correlation_id":"ID1"`) {
			t.Errorf("the log has %s", &log)
		}
	}
	t.Run("what is no request is the client's fault", func(t *testing.T) {
		w := httptest.NewRecorder()
		last.Unreadable(t.Context(), w, "its method is none")
		answered(t, w, 400, codeUnparsable)
		if metrics.Len() > 0 || !strings.Contains(log.String(), "its method is none") || !strings.Contains(w.Body.String(), "its method is none") {
			t.Errorf("%s %s", &metrics, &log)
		}
	})
	for _, c := range []struct {
		name   string
		value  any
		logged string
	}{
		{"a panic with a text", "secret", "string"},
		{"a panic with an error", errors.New("secret"), "*errors.errorString"},
		{"a panic of the runtime", func() (p any) {
			defer func() { p = recover() }()
			return []int{}[len(t.Name())-len(t.Name())]
		}(), "runtime error: index out of range [0] with length 0"},
		{"a panic with an error around one of the runtime", func() (p any) {
			defer func() { p = fmt.Errorf("secret: %w", recover().(error)) }()
			return []int{}[len(t.Name())-len(t.Name())]
		}(), "*fmt.wrapError"},
	} {
		t.Run(c.name, func(t *testing.T) {
			log.Reset()
			metrics.Reset()
			w := httptest.NewRecorder()
			last.Panicked(t.Context(), w, c.value)
			answered(t, w, 500, "internal")
			if strings.Contains(log.String()+w.Body.String(), "secret") || !strings.Contains(log.String(), fmt.Sprintf(`"panic":%q`, c.logged)) {
				t.Errorf("the log has %s", &log)
			}
			if n := strings.Count(metrics.String(), `"Panics":1`); n != 1 {
				t.Errorf("counted as %d", n)
			}
		})
	}
}

// TestTheLogHasNothingOfPathsAndQueries asks every route, and paths that are none, with a word and a line of its own in all places, while
// the store works and while it does not.
func TestTheLogHasNothingOfPathsAndQueries(t *testing.T) {
	const word = "marked-word"
	evil := word + "\n{\"level\":\"info\",\"message\":\"" + word + "\"}\r\x00\u2028%"
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for _, state := range []string{"a store that works", "a store that does not"} {
		t.Run(state, func(t *testing.T) {
			s := newService(t, func(_ *service, to *Services) { // who asks is let in, and the audit log kept, all the same
				profiles, err := sqlite.Open(":memory:", to.Clock)
				check(t, err)
				t.Cleanup(func() { check(t, profiles.Close()) })
				to.Users, to.Audit = account.NewUsers(profiles, to.Clock), audit.New(profiles, to.Clock, to.NewID)
			})
			if state == "a store that does not" {
				check(t, s.table.Close())
			}
			asked := 0
			ask := func(method, path, query string) {
				r := httptest.NewRequest(method, "/", strings.NewReader(`{"`+word+`": 1}`))
				r.URL = &url.URL{Path: path, RawQuery: query}
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set(headerConfirm, word)
				r.Header.Set(headerIfMatch, `"1"`)
				s.server.ServeHTTP(httptest.NewRecorder(), r)
				asked++
			}
			for pattern := range s.declared {
				method, path, _ := strings.Cut(pattern, " ")
				for _, value := range []string{word, evil, "local://me/calendars/" + word} {
					at := parameter.ReplaceAllLiteralString(path, value)
					ask(method, at, "")
					if state == "a store that does not" { // and routes fail at it before they look at more
						continue
					}
					ask(method, at, word+"="+word+"&"+url.QueryEscape(evil)+"=%zz")
					for _, name := range []string{
						"calendar", "account", "provider", "from", "to", "config", "cursor", "limit", "state", "kind", "key", "format", "error", "code",
					} {
						ask(method, at, name+"="+url.QueryEscape(value))
					}
				}
			}
			for _, path := range []string{"/" + word, "/%" + word, "/" + evil, "/v1/me?" + word, "/v1/me#" + word, "//" + word, "/../" + word, "/v1/me\n" + word} {
				ask("GET", path, word)
			}
			log, requests := s.log.String(), 0
			for line := range strings.Lines(log) {
				var fields map[string]any
				if err := json.Unmarshal([]byte(line), &fields); err != nil {
					t.Fatalf("%q is no line of the log: %v", line, err)
				}
				if fields["message"] == "request" {
					requests++
				}
				if strings.Contains(line, word) {
					t.Errorf("the log has %s", line)
				}
			}
			if requests != asked {
				t.Errorf("%d requests are in the log, %d were made", requests, asked)
			}
		})
	}
}

func TestTheLogHasKnownErrorsOfASignInAlone(t *testing.T) {
	for word, want := range map[string]string{"access_denied": "access_denied", "server_error": "server_error", "marked_word": "another"} {
		var log bytes.Buffer
		err := (&server{}).providerError(zerolog.New(&log).WithContext(t.Context()), refusal.Brought(word, ""), "")
		if err == nil || !strings.Contains(log.String(), fmt.Sprintf(`"error":%q`, want)) {
			t.Errorf("%s: %v, and the log has %s", word, err, &log)
		}
	}
}
