package audit

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/telemetry"
)

// request is one of Ana's, with what a server knows of it.
func request(t *testing.T, method, target string, log zerolog.Logger) *http.Request {
	r := httptest.NewRequestWithContext(account.With(telemetry.WithCorrelation(t.Context(), log, "c1"),
		account.Principal{Tenant: "tenant", Object: "ana", Name: "Ana"}), method, target, nil)
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("User-Agent", "Mozilla/5.0")
	return r
}

func TestServe(t *testing.T) {
	for _, tt := range []struct {
		name, route, target string
		action              Action
		handler             http.HandlerFunc
		resource            Resource
		outcome             Outcome
		fault               string
		status              int64
	}{
		{"a resource that is named by the path", "DELETE /v1/runs/{id}", "/v1/runs/r1", "run.delete",
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
			Resource{"run", "r1"}, OK, "", 204},
		{"the last of several", "PUT /v1/configs/{config}/rules/{id}/order", "/v1/configs/c1/rules/r%2F1/order", "rule.order",
			func(http.ResponseWriter, *http.Request) {},
			Resource{"rule", "r/1"}, OK, "", 200},
		{"one that was made", "POST /v1/runs", "/v1/runs", "run.start", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/v1/runs/r2")
			w.WriteHeader(202)
			w.WriteHeader(500) // is ignored
		}, Resource{"run", "r2"}, OK, "", 202},
		{"a body without a status", "POST /v1/runs", "/v1/runs", "run.start",
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) }, Resource{"run", ""}, OK, "", 200},
		{"early hints are not the answer", "POST /v1/runs", "/v1/runs", "run.start",
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(409) },
			Resource{"run", ""}, Refused, "conflict", 409},
		{"one that is content", "DELETE /v1/calendars/{id}", "/v1/calendars/Ana%20and%20Bob", "calendar.delete",
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
			Resource{"calendar", identifier("Ana and Bob")}, Refused, "not_found", 404},
		{"an invalid request", "POST /v1/runs", "/v1/runs", "run.start", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(422) },
			Resource{"run", ""}, Refused, "invalid", 422},
		{"a request too many", "POST /v1/runs", "/v1/runs", "run.start", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
			Resource{"run", ""}, Refused, "throttled", 429},
		{"a store that is away", "POST /v1/runs", "/v1/runs", "run.start", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
			Resource{"run", ""}, Failed, "unavailable", 503},
		{"a defect", "POST /v1/runs", "/v1/runs", "run.start", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) },
			Resource{"run", ""}, Failed, "internal", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			method, _, _ := strings.Cut(tt.route, " ")
			before := w.table.Requests()
			err := w.Serve(httptest.NewRecorder(), request(t, method, tt.target, zerolog.Nop()), tt.route, tt.action,
				http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
					begun := w.all(ana, Filter{Outcome: Begun})
					if len(begun) != 1 {
						t.Error("the handler is at work on what is not recorded")
					}
					w.move(30 * time.Millisecond)
					tt.handler(out, r)
				}))
			if err != nil {
				t.Fatal(err)
			}
			if got := w.table.Requests() - before; got != 4 { // the head, two transactions, and the handler's own
				t.Errorf("%d requests to the store", got)
			}
			records := w.all(ana, Filter{Correlation: "c1"})
			if len(records) != 2 {
				t.Fatalf("%d records", len(records))
			}
			ended, begun := records[0], records[1]
			if begun.Outcome != Begun || begun.Action != tt.action ||
				begun.Personal != (Personal{Name: "Ana", IP: netip.MustParseAddr("192.0.2.7"), UserAgent: "Mozilla/5.0"}) {
				t.Errorf("begun as %+v", begun)
			}
			want := Entry{User: ana, Actor: ana, Action: tt.action, Resource: tt.resource, Outcome: tt.outcome, Fault: tt.fault, Begun: begun.ID, Duration: 30,
				Correlation: "c1", Details: Details{"status": Int(tt.status)}}
			if diff := cmp.Diff(want, ended.Entry, same); diff != "" {
				t.Error(diff)
			}
			w.sound(ana, 2)
		})
	}
	t.Run("what cannot be recorded is not done", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) { cancel(); return true, false }})
		out := httptest.NewRecorder()
		r := request(t, "POST", "/v1/runs", zerolog.Nop())
		r = r.WithContext(account.With(ctx, account.Principal{Tenant: "tenant", Object: "ana"}))
		err := l.Serve(out, r, "POST /v1/runs", "run.start", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was done") }))
		if fault.Of(err) != fault.Unavailable || out.Body.Len() > 0 || !strings.Contains(err.Error(), "nothing was done") {
			t.Errorf("got %v", err)
		}
		w.sound(ana, 0)
	})
	t.Run("what was done and cannot be recorded leaves its beginning, a line in the log, and is counted", func(t *testing.T) {
		w := newWorld(t)
		away := false
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) { return away, false }, with: errors.New("access denied")})
		lost := 0
		l.Lost = func() { lost++ }
		var log bytes.Buffer
		out := httptest.NewRecorder()
		r := request(t, "POST", "/v1/runs", zerolog.New(&log))
		ctx, cancel := context.WithTimeoutCause(r.Context(), time.Minute, nil)
		defer cancel()
		err := l.Serve(out, r.WithContext(ctx), "POST /v1/runs", "run.start", http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) {
			away = true
			out.Header().Set("Location", "/v1/runs/Lunch with Ann")
			out.WriteHeader(201)
		}))
		if err != nil || out.Code != 201 || lost != 1 {
			t.Errorf("answered %d, %v; lost %d", out.Code, err, lost)
		}
		if text := log.String(); !strings.Contains(text, "audit record lost") || !strings.Contains(text, `"action":"run.start"`) || strings.Contains(text, "Lunch") {
			t.Errorf("logged %s", text)
		}
		if records := w.all(ana, Filter{}); len(records) != 1 || records[0].Outcome != Begun {
			t.Errorf("got %+v", records)
		}
	})
	t.Run("a caller who hangs up is recorded all the same", func(t *testing.T) {
		w := newWorld(t)
		r := request(t, "POST", "/v1/runs", zerolog.Nop())
		ctx, cancel := context.WithCancel(r.Context())
		if err := w.Serve(httptest.NewRecorder(), r.WithContext(ctx), "POST /v1/runs", "run.start",
			http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })); err != nil {
			t.Fatal(err)
		}
		w.sound(ana, 2)
	})
	t.Run("a panic goes on, and is recorded", func(t *testing.T) {
		w := newWorld(t)
		func() {
			defer func() {
				if p := recover(); p != "defect" {
					t.Errorf("got %v", p)
				}
			}()
			_ = w.Serve(httptest.NewRecorder(), request(t, "POST", "/v1/runs", zerolog.Nop()), "POST /v1/runs", "run.start",
				http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("defect") }))
		}()
		if records := w.all(ana, Filter{}); len(records) != 2 || records[0].Outcome != Failed || records[0].Fault != "internal" {
			t.Errorf("got %+v", records)
		}
	})
	t.Run("who is not signed in has no chain", func(t *testing.T) {
		w := newWorld(t)
		err := w.Serve(httptest.NewRecorder(), httptest.NewRequest("POST", "/v1/runs", nil), "POST /v1/runs", "run.start",
			http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was done") }))
		if fault.Of(err) != fault.Unauthenticated {
			t.Errorf("got %v", err)
		}
	})
}

func TestEveryAnswerHasAnOutcome(t *testing.T) {
	for status := 200; status < 600; status++ {
		outcome, kind := outcomeOf(status)
		if want := map[int]Outcome{2: OK, 3: OK, 4: Refused, 5: Failed}[status/100]; outcome != want || (kind == "") != (outcome == OK) {
			t.Errorf("%d is %s, %q", status, outcome, kind)
		}
	}
}

func TestRemote(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.7:80":     "192.0.2.7",
		"192.0.2.7":        "192.0.2.7",
		"[2001:db8::1]:80": "2001:db8::1",
		"2001:db8::1":      "2001:db8::1",
		"pipe":             "invalid IP",
		"":                 "invalid IP",
	} {
		if got := remote(addr).String(); got != want {
			t.Errorf("%q is %s, want %s", addr, got, want)
		}
	}
}

func TestRunEnded(t *testing.T) {
	started := &run.Run{
		ID: "r1", User: ana, Kind: run.Archive, Config: "c1", Created: monday, Started: monday.Add(time.Second), Ended: monday.Add(3 * time.Second),
		Correlation: "c1",
	}
	for _, tt := range []struct {
		name    string
		change  func(*run.Run)
		outcome Outcome
		fault   string
		took    int64
	}{
		{"succeeded", func(r *run.Run) { r.State = run.Succeeded }, OK, "", 2000},
		{"partial", func(r *run.Run) { r.State, r.Failed = run.Partial, 3 }, Failed, "", 2000},
		{"failed", func(r *run.Run) {
			r.State, r.Problem = run.Failed, &run.Problem{Code: "not_found", Detail: "archive calendar gone"}
		}, Failed, "not_found", 2000},
		{"cancelled", func(r *run.Run) { r.State, r.Started = run.Cancelled, time.Time{} }, OK, "", 0},
	} {
		t.Run("a run that "+tt.name+" is recorded once", func(t *testing.T) {
			w := newWorld(t)
			w.move(time.Minute)
			r := *started
			tt.change(&r)
			for range 3 {
				if err := w.another(w.table).RunEnded(t.Context(), &r); err != nil {
					t.Fatal(err)
				}
			}
			digest, err := r.Digest()
			if err != nil {
				t.Fatal(err)
			}
			want := Entry{User: ana, Actor: System, Action: "run.archive.finished", Resource: Resource{"run", "r1"}, Outcome: tt.outcome,
				Fault: tt.fault, Duration: tt.took, Correlation: "c1",
				Details: Details{"state": ID(tt.name), "failed_items": Int(int64(r.Failed)), "config": ID("c1"), "digest": ID(digest)}}
			records := w.all(ana, Filter{})
			if len(records) != 1 {
				t.Fatalf("%d records", len(records))
			}
			if diff := cmp.Diff(want, records[0].Entry, same); diff != "" {
				t.Error(diff)
			}
			if ended, ok := records[0].EndedRun(); !ok || ended != (EndedRun{ID: "r1", Config: "c1", Digest: digest}) {
				t.Errorf("it says %+v, %t", ended, ok)
			}
		})
	}
	t.Run("one that goes on is not recorded as ended", func(t *testing.T) {
		w := newWorld(t)
		r := *started
		r.State = run.Running
		if err := w.RunEnded(t.Context(), &r); fault.Of(err) != fault.Conflict {
			t.Errorf("got %v", err)
		}
		w.sound(ana, 0)
	})
	t.Run("a clock that is a little behind the worker's does not record it twice", func(t *testing.T) {
		w := newWorld(t)
		w.move(-30 * time.Second)
		r := *started
		r.State = run.Succeeded
		for range 2 {
			if err := w.RunEnded(t.Context(), &r); err != nil {
				t.Fatal(err)
			}
		}
		w.sound(ana, 1)
	})
	t.Run("one that could not be recorded is told again", func(t *testing.T) {
		w := newWorld(t)
		ctx, cancel := context.WithCancel(t.Context())
		l := w.another(&flaky{Table: w.table, fails: func() (bool, bool) { cancel(); return true, false }})
		r := *started
		r.State = run.Succeeded
		if err := l.RunEnded(ctx, &r); !fault.Of(err).Transient() {
			t.Errorf("got %v", err)
		}
	})
}
