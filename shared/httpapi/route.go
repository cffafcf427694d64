package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/account"
	"adminassistant/shared/audit"
	"adminassistant/shared/limit"
)

// route is a route, declared once: middleware, the OpenAPI document and the tests read it.
type route struct {
	pattern string       // "POST /v1/runs/{id}/retry"
	access  access       // who may call it; no route is without
	class   limit.Class  // as which its requests are counted
	action  audit.Action // what the audit log calls it; of every route that may change something
	body    body         // what a request brings, if it is not JSON
	needs   string       // the header without which nothing happens: If-Match or X-Confirm
	where   where        // on which servers it is there
	page    bool         // it is for people: what goes wrong is shown as a page, and what it changes comes as a form

	// The document has the routes with a tag.
	tag, summary, description string
	success                   int                   // status of a success, if it is not 200, or 204 without a body
	document                  func(*huma.Operation) // adds what follows from nothing else here
}

// access is who may call a route.
type access int

const (
	_                access = iota
	anyone                  // also without a sign-in
	byUsers                 // who is signed in, and neither shut out nor being erased; what is somebody else's does not exist for them
	byAdministrators        // users with the role of an administrator
	byLeaving               // users, and those who are being erased
	byAuthenticated         // who is signed in, shut out or not
)

// body is what a request brings that is not JSON. The handler reads it itself, as it comes.
type body struct {
	kinds  []string // content types; none: the body is JSON
	format string   // of the document's schema
	most   int64    // in bytes; 0: maxBody
}

func (b *body) isJSON() bool { return len(b.kinds) == 0 }

// largest is how many bytes a request may bring.
func (s *server) largest(r *route) int64 {
	switch {
	case r.body.most > 0:
		return r.body.most
	case r.body.isJSON():
		return s.Memory.Body()
	}
	return maxBody
}

// authenticated says whether the route is for those who have signed in.
func (r *route) authenticated() bool { return r.access != anyone }

func (r *route) split() (method, path string) {
	method, path, _ = strings.Cut(r.pattern, " ")
	return method, path
}

// wrong says what is missing in a declaration, or contradicts itself; empty if nothing does.
func (r *route) wrong() string {
	method, path := r.split()
	changes := unsafe(method) && r.authenticated()
	switch {
	case !strings.HasPrefix(path, "/"):
		return `has no pattern as in "GET /v1/runs"`
	case r.access < anyone || r.access > byAuthenticated:
		return "does not say who may call it"
	case changes && r.action == "":
		return "may change something, and has no name for the audit log"
	case !changes && r.action != "":
		return "changes nothing of anybody's, and has a name for the audit log"
	case changes && r.class == limit.Reads:
		return "may change something, and is counted as a read"
	case method == http.MethodDelete && r.class != limit.Removals:
		return "removes something, and is not counted as a removal"
	case r.needs != "" && r.needs != headerIfMatch && r.needs != headerConfirm:
		return "needs a header that is no precondition"
	case (r.tag == "") != (r.summary == ""):
		return "has a tag without a summary, or a summary without a tag"
	}
	return ""
}

// declare adds a route. One that is not complete, or is there already, is a mistake in this package, and panics.
func (s *server) declare(r *route) {
	wrong := r.wrong()
	if s.routes[r.pattern] != nil {
		wrong = "is declared twice"
	}
	if wrong != "" {
		panic(fmt.Sprintf("httpapi: route %q %s", r.pattern, wrong))
	}
	s.routes[r.pattern] = r
}

// handle registers a route whose input and output are types, and whose handler's errors become problems.
func handle[I, O any](s *server, r route, handler func(context.Context, *I) (*O, error)) {
	s.declare(&r)
	op := r.operation()
	huma.Register(s.api, *op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problemOf(ctx, err)
		}
		return out, nil
	})
	s.checkPrecondition(&r)
	s.fillAnswers(&r)
}

// fillAnswers gives other successes of a route, of which only the description is declared, the form of the first one.
func (s *server) fillAnswers(r *route) {
	method, path := r.split()
	op := operationOf(s.api.OpenAPI().Paths[path], method)
	first := op.Responses[strconv.Itoa(op.DefaultStatus)]
	for code, answer := range op.Responses {
		if code[0] == '2' && answer != first && len(answer.Content) == 0 {
			answer.Content, answer.Headers = first.Content, first.Headers
		}
	}
}

// checkPrecondition panics when the header that a route needs is not in its handler's input, or the other way round.
func (s *server) checkPrecondition(r *route) {
	method, path := r.split()
	op := operationOf(s.api.OpenAPI().Paths[path], method)
	for _, header := range []string{headerIfMatch, headerConfirm} {
		has := slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "header" && p.Name == header })
		if has != (r.needs == header) {
			panic(fmt.Sprintf("httpapi: route %q: declaration and input differ about %s", r.pattern, header))
		}
	}
}

// handlePlain registers a route whose handler reads the request and writes the answer itself.
func (s *server) handlePlain(r route, handler http.HandlerFunc) {
	s.declare(&r)
	s.mux.HandleFunc(r.pattern, handler)
	if r.tag != "" {
		s.api.OpenAPI().AddOperation(s.pageOperation(&r))
	}
}

// guarded is what answers a route, for those who may call it. Who is signed in and let in is known by then.
func (s *server) guarded(r *route) http.Handler {
	h := s.strictly(r, s.mux)
	if r.access != byAdministrators {
		return h
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if _, err := account.Administrator(req.Context()); err != nil {
			s.answerProblem(w, req, r, problemOf(req.Context(), err))
			return
		}
		h.ServeHTTP(w, req)
	})
}

// index makes paths and methods of the routes that there are.
func (s *server) index() {
	s.paths, s.methods = http.NewServeMux(), map[string][]string{}
	for _, r := range s.routes {
		if !s.has(r) {
			continue
		}
		method, path := r.split()
		if s.methods[path] == nil {
			s.paths.Handle(path, http.NotFoundHandler())
		}
		s.methods[path] = append(s.methods[path], method)
		if method == http.MethodGet {
			s.methods[path] = append(s.methods[path], http.MethodHead)
		}
	}
	for _, methods := range s.methods {
		slices.Sort(methods)
	}
}

// routeOf returns the route of a request; without one, the methods that its path has, if it has any. A path that is declared as it stands is no
// other's: "health" in /v1/jobs/health is not the id of a job, whatever the method.
func (s *server) routeOf(r *http.Request) (*route, []string) {
	if at := r.URL.EscapedPath(); path.Clean(at) != at {
		return nil, nil // the mux would redirect to a cleaner path
	}
	_, at := s.paths.Handler(r)
	methods, method := s.methods[at], r.Method
	if !slices.Contains(methods, method) {
		return nil, methods
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return s.routes[method+" "+at], nil
}

// operation is the route in the document, without what the handler's types add.
func (r *route) operation() *huma.Operation {
	method, path := r.split()
	op := &huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: r.summary, Description: r.description, Tags: []string{r.tag},
		DefaultStatus: r.success, Errors: r.errors(),
		MaxBodyBytes: -1, BodyReadTimeout: bodyReadTimeout, // the limit of bodies is the server's
	}
	if method == http.MethodPost {
		op.Parameters = append(op.Parameters, idempotencyKeyParam)
	}
	if r.authenticated() {
		op.Security = []map[string][]string{{schemeBearer: {}}, {schemeSession: {}}}
		if unsafe(method) {
			op.Parameters = append(op.Parameters, csrfParam)
		}
	}
	if !r.body.isJSON() {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
		for _, kind := range r.body.kinds {
			op.RequestBody.Content[kind] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: r.body.format}}
		}
	}
	if r.document != nil {
		r.document(op)
	}
	return op
}

// pageOperation is a route for browsers in the document, which answers with a redirect, or with a problem as a page.
func (s *server) pageOperation(r *route) *huma.Operation {
	method, path := r.split()
	op := &huma.Operation{
		OperationID: operationID(method, path), Method: method, Path: path, Summary: r.summary, Description: r.description, Tags: []string{r.tag},
		Responses: map[string]*huma.Response{"303": {Description: "See Location."}},
	}
	problem := &huma.MediaType{Schema: s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[problemDetails](), true, "")}
	text := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	for _, status := range append(r.errors(), http.StatusNotFound) {
		content := map[string]*huma.MediaType{problemContentType: problem, "text/html": text}
		op.Responses[fmt.Sprint(status)] = &huma.Response{Description: http.StatusText(status), Content: content}
	}
	if r.document != nil {
		r.document(op)
	}
	return op
}

// errors are the statuses of the problems that the route may answer with.
func (r *route) errors() []int {
	statuses := []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if !r.authenticated() {
		return statuses
	}
	statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests)
	method, _ := r.split()
	if method == http.MethodGet {
		return statuses
	}
	statuses = append(statuses, http.StatusLocked, http.StatusRequestEntityTooLarge)
	if hasBody(method) {
		statuses = append(statuses, http.StatusUnsupportedMediaType)
	}
	if r.needs == headerIfMatch {
		statuses = append(statuses, http.StatusPreconditionFailed, http.StatusPreconditionRequired)
	}
	return statuses
}

// operationID is "post-runs-retry" for POST /v1/runs/{id}/retry.
func operationID(method, path string) string {
	words := []string{strings.ToLower(method)}
	for part := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if part != "v1" {
			words = append(words, strings.Trim(part, "{}"))
		}
	}
	return strings.Join(words, "-")
}
