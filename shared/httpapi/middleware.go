package httpapi

import (
	"context"
	"mime"
	"net/http"
	"strings"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/limit"
	"adminassistant/shared/telemetry"
)

const (
	headerCorrelation = "X-Correlation-Id"
	// maxBody is the largest body, but for imports, in bytes.
	maxBody = limit.BodyBytes
	// maxCorrelation is the longest correlation id of a request that is kept.
	maxCorrelation = 128
)

// response notes what was answered.
type response struct {
	http.ResponseWriter
	status int
}

func (r *response) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	if r.Header().Get("ETag") != "" {
		asItIs(r.Header())
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *response) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.WriteHeader(http.StatusOK)
	}
	return r.ResponseWriter.Write(p)
}

func (r *response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.shrinking.ServeHTTP(w, r) }

// answer surrounds every request with a correlation id, security headers, one line in the log, and a problem for whatever goes wrong.
func (s *server) answer(w http.ResponseWriter, r *http.Request) {
	began := s.Clock()
	id := r.Header.Get(headerCorrelation)
	if !visible(id, maxCorrelation) {
		id = s.NewID()
	}
	ctx := telemetry.WithCorrelation(r.Context(), s.Log, id)
	r = r.WithContext(ctx)
	if r.Body == nil {
		r.Body = http.NoBody
	}
	out := &response{ResponseWriter: w}
	h := out.Header()
	h.Set(headerCorrelation, id)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" { // over plain HTTP browsers ignore it, whoever made that header up
		h.Set("Strict-Transport-Security", "max-age=63072000")
	}

	to, allowed := s.routeOf(r)
	pattern := ""
	if to != nil {
		pattern = to.pattern
		if to.page {
			h.Set("Content-Security-Policy", s.Web.Policy)
		}
	}
	ctx = context.WithValue(ctx, askedKey{}, askedFor{r.URL, pattern})
	r = r.WithContext(ctx)
	var who account.Principal
	signedIn := false
	defer func() {
		if p := recover(); p != nil {
			if p == http.ErrAbortHandler {
				panic(p)
			}
			problem := panicked(ctx, s.Metrics, p)
			if out.status == 0 {
				s.answerProblem(out, r, to, problem)
			}
		}
		line := s.Log.Info().Str("correlation_id", id).Str("method", r.Method).Str("route", pattern).Int("status", out.status).Dur("took", s.Clock().Sub(began))
		if signedIn {
			counts := telemetry.Counts{telemetry.UserRequests: 1}
			if out.status >= http.StatusInternalServerError {
				counts[telemetry.UserRequestsFailed] = 1
			}
			s.Metrics.Count(counts)
		}
		if who.Object != "" {
			line = line.Str("user", telemetry.Hash(who.Key()))
		}
		line.Msg("request")
	}()

	if to == nil {
		s.answerProblem(out, r, to, noRoute(ctx, h, allowed))
		return
	}
	if err := s.origins.Check(r); err != nil {
		s.answerProblem(out, r, to, newProblem(ctx, codeCrossOrigin, "", "requests of other sites' pages are refused"))
		return
	}
	if to.authenticated() {
		p, it, err := s.authenticate(h, r, to)
		if signedIn = err == nil; signedIn {
			p, err = s.admit(ctx, to, p)
		}
		if err != nil {
			s.answerProblem(out, r, to, problemOf(ctx, err))
			return
		}
		who = p
		ctx := context.WithValue(account.With(ctx, p), sessionKey{}, it)
		if to.page && it != nil {
			ctx = context.WithValue(ctx, formTokenKey{}, it.Masked())
		}
		r = r.WithContext(ctx)
		if problem := s.throttled(ctx, h, to, p.Key()); problem != nil {
			s.answerProblem(out, r, to, problem)
			return
		}
	}
	most := s.largest(to)
	if r.ContentLength > most {
		h.Set("Connection", "close") // the body will not be read
		s.answerProblem(out, r, to, bodyTooLarge(ctx, most))
		return
	}
	r.Body = http.MaxBytesReader(out, r.Body, most)
	if hasBody(r.Method) && r.ContentLength != 0 && to.body.isJSON() {
		if !isJSON(r.Header.Get("Content-Type")) {
			s.answerProblem(out, r, to, newProblem(ctx, codeMediaType, "", bodyNotJSON))
			return
		}
		r.Header.Set("Content-Type", "application/json") // which may come in capitals, and which huma knows in this spelling alone
	}
	key := r.Header.Get(headerIdempotency)
	if to.page && unsafe(r.Method) {
		form, err := readForm(r, to)
		if err != nil {
			s.show(out, r, problemOf(ctx, err))
			return
		}
		r = form
		key = r.PostForm.Get(fieldOnce)
	}
	if key != "" && r.Method == http.MethodPost && who.Object != "" {
		s.once(out, r, to, key)
		return
	}
	s.serve(out, r, to)
}

// noRoute is the problem of a request that has no route: of its path, or of its method, if the path has others.
func noRoute(ctx context.Context, answer http.Header, allowed []string) *problemDetails {
	if len(allowed) > 0 {
		list := strings.Join(allowed, ", ")
		answer.Set("Allow", list)
		return newProblem(ctx, codeMethod, "", "this route knows "+list)
	}
	return newProblem(ctx, codeNoRoute, "", "there is no such route; /docs lists those that there are")
}

// hasBody says whether requests of a method come with a body.
func hasBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// isJSON says whether a content type is JSON, in the one encoding that there is for it. A form of another site's page cannot send it.
func isJSON(contentType string) bool {
	media, parameters, err := mime.ParseMediaType(contentType)
	charset := parameters["charset"]
	return err == nil && media == "application/json" && (charset == "" || strings.EqualFold(charset, "utf-8"))
}

// visible says whether text has 1 to most visible ASCII characters and nothing else.
func visible(text string, most int) bool {
	return text != "" && len(text) <= most && !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

// healthTimeout is how long the store may take to show that it is there.
const healthTimeout = 3 * time.Second
