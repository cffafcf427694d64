package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"adminassistant/shared/limit"
)

// TestDeclarationsThatAreRefused shows declarations that no server starts with.
func TestDeclarationsThatAreRefused(t *testing.T) {
	good := route{pattern: "DELETE /v1/things/{id}", access: byUsers, class: limit.Removals, action: "thing.delete", tag: tagMe, summary: "Delete a thing"}
	type input struct{ ByID }
	type matched struct {
		ByID
		IfMatch
	}
	for _, c := range []struct {
		name   string
		change func(*route)
		want   string // part of what is wrong; empty when nothing is
	}{
		{"a whole one is taken", func(*route) {}, ""},
		{"without saying who may call it", func(r *route) { r.access = 0 }, "does not say who may call it"},
		{"with an access that there is not", func(r *route) { r.access = byAuthenticated + 1 }, "does not say who may call it"},
		{"without a path", func(r *route) { r.pattern = "DELETE" }, "has no pattern"},
		{"a change without a name for the audit log", func(r *route) { r.action = "" }, "no name for the audit log"},
		{"a read with a name for the audit log", func(r *route) { r.pattern = "GET /v1/things/{id}" }, "changes nothing"},
		{"a change by nobody in particular with a name for the audit log", func(r *route) { r.access = anyone }, "changes nothing"},
		{"a change that is counted as a read", func(r *route) { r.class = limit.Reads }, "counted as a read"},
		{"a removal that is counted as a write", func(r *route) { r.class = limit.Writes }, "not counted as a removal"},
		{"a header that is no precondition", func(r *route) { r.needs = "X-Mood" }, "no precondition"},
		{"a precondition that the input has not", func(r *route) { r.needs = headerIfMatch }, "differ about If-Match"},
		{"a tag without a summary", func(r *route) { r.summary = "" }, "without a summary"},
		{"a summary without a tag", func(r *route) { r.tag = "" }, "without a tag"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := good
			c.change(&r)
			got := panicOf(func() {
				handle(emptyServer(), r, func(context.Context, *input) (*struct{}, error) { return nil, nil })
			})
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("an input with a precondition that is not declared", func(t *testing.T) {
		got := panicOf(func() {
			handle(emptyServer(), good, func(context.Context, *matched) (*struct{}, error) { return nil, nil })
		})
		if !strings.Contains(got, "differ about If-Match") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a plain one says who may call it, too", func(t *testing.T) {
		got := panicOf(func() { emptyServer().handlePlain(route{pattern: "GET /things"}, http.NotFound) })
		if !strings.Contains(got, "does not say who may call it") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("one that is there already", func(t *testing.T) {
		s := emptyServer()
		s.handlePlain(route{pattern: "GET /things", access: anyone}, http.NotFound)
		if got := panicOf(func() { s.handlePlain(route{pattern: "GET /things", access: anyone}, http.NotFound) }); !strings.Contains(got, "declared twice") {
			t.Errorf("got %q", got)
		}
	})
}

// emptyServer has the routes of every server alone.
func emptyServer() *server { return New(Services{}).(*server) }

func panicOf(f func()) (told string) {
	defer func() {
		if p := recover(); p != nil {
			told = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

// TestNoHandlerPassesTheDeclarations demands that the mux knows no pattern but those that are declared.
func TestNoHandlerPassesTheDeclarations(t *testing.T) {
	s := newService(t)
	for pattern, r := range s.declared {
		method, path := r.split()
		req, err := http.NewRequestWithContext(t.Context(), method, "http://example.com"+strings.NewReplacer("{$}", "", "{", "", "}", "").Replace(path), nil)
		check(t, err)
		if _, got := s.server.mux.Handler(req); got != pattern {
			t.Errorf("%s %s is answered by %q, want %q", method, req.URL.Path, got, pattern)
		}
	}
	s.server.mux.HandleFunc("GET /undeclared", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	s.do("GET", "/undeclared", nil).problem(404, codeNoRoute, "")
}

// TestPreconditions asks every route that needs a header without it: nothing happens.
func TestPreconditions(t *testing.T) {
	needing := 0
	for pattern, r := range newService(t).declared {
		if r.needs == "" {
			continue
		}
		needing++
		t.Run(pattern, func(t *testing.T) {
			s := newService(t)
			_, configID := s.seed("keep")
			jobID := s.do("POST", "/v1/jobs", strings.ReplaceAll(nightly, "$config", configID)).is(201).str("id")
			customerID := s.do("POST", "/v1/customers", `{"name": "Acme"}`).is(201).str("id")
			fill := strings.NewReplacer("$config", configID, "$job", jobID, "$customer", customerID)
			row := matrix[pattern]
			method, path := r.split()
			if row.path != "" {
				path = row.path
			}
			var body any
			if row.body != "" {
				body = fill.Replace(row.body)
			}
			a := s.do(method, fill.Replace(path), body)
			if r.needs == headerIfMatch {
				a.problem(428, codeNoPrecondition, headerIfMatch)
			} else {
				a.problem(422, "invalid", r.needs)
			}
		})
	}
	if needing != 10 {
		t.Errorf("%d routes need a header", needing)
	}
}
