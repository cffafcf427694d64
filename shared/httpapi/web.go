package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"

	"adminassistant/shared/audit"
	"adminassistant/shared/limit"
)

// Web are the pages for people, which are answered beside the API and guarded in the same way. What they change they change by forms.
type Web struct {
	Pages []Page
	// Home is the path of the page to which / leads.
	Home string
	// Policy is the Content-Security-Policy of the pages.
	Policy string
	// Refuse shows a person why a request was not answered. It sets the status.
	Refuse func(w http.ResponseWriter, r *http.Request, why Refusal)
}

// Page is a route for people. A form has the field csrf_token, of FormToken, and may have idempotency_key: with it, it takes effect once.
type Page struct {
	Pattern string // "GET /calendar"
	Access  Access
	Class   limit.Class
	Action  audit.Action // of a form: what the audit log calls it
	// Handler answers the request, or returns why not.
	Handler func(http.ResponseWriter, *http.Request) error
}

// Access is who may ask for a page. The zero Access is nobody's, and no page has it.
type Access = access

const (
	Anyone               = anyone
	Users                = byUsers
	LeavingUsers         = byLeaving
	Administrators       = byAdministrators
	fieldCSRF            = "csrf_token"
	fieldOnce            = "idempotency_key"
	maxForm        int64 = 1 << 20
)

// Refusal is why a request of a person was not answered.
type Refusal struct {
	Status      int
	Code        string // of the problem
	Detail      string // a sentence, without capital letter and full stop
	Field       string
	Correlation string
}

type formTokenKey struct{}

// FormToken is what a form has to bring that changes something; empty: the request was made with an access token, and needs none. It is another one in
// each answer, though the same in all of one.
func FormToken(ctx context.Context) string {
	token, _ := ctx.Value(formTokenKey{}).(string)
	return token
}

// webRoutes adds the pages.
func (s *server) webRoutes() {
	if s.Web == nil {
		return
	}
	for i := range s.Web.Pages {
		p := &s.Web.Pages[i]
		s.handlePlain(route{
			pattern: p.Pattern, access: p.Access, class: p.Class, action: p.Action, page: true,
			body: body{kinds: []string{formKind}, most: maxForm},
		}, func(w http.ResponseWriter, r *http.Request) {
			if err := p.Handler(w, r); err != nil {
				s.show(w, r, problemOf(r.Context(), err))
			}
		})
	}
}

// forPeople says whether a problem is shown as a page: of a page's route, and to a browser that asks for what is not there.
func (s *server) forPeople(r *http.Request, to *route) bool {
	if s.Web == nil {
		return false
	}
	if to != nil {
		return to.page
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html") && !strings.HasPrefix(r.URL.Path, "/v1/")
}

// answerProblem answers with a problem, to a person with a page.
func (s *server) answerProblem(w http.ResponseWriter, r *http.Request, to *route, p *problemDetails) {
	if s.forPeople(r, to) {
		s.show(w, r, p)
		return
	}
	writeProblem(w, p)
}

// show shows a person a problem. Who is not signed in is led to where that can be done, if it can be done without a word.
func (s *server) show(w http.ResponseWriter, r *http.Request, p *problemDetails) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.Web.Policy)
	if p.Status == http.StatusUnauthorized && s.SignIn != nil && !unsafe(r.Method) {
		q := url.Values{"return": {r.URL.RequestURI()}}
		if p.Code == codeUnchecked {
			q.Set("check", "true")
		}
		h.Set("Location", "/auth/login?"+q.Encode())
		w.WriteHeader(http.StatusSeeOther)
		return
	}
	h.Set("Cache-Control", "no-store")
	s.Web.Refuse(w, r, Refusal{Status: p.Status, Code: p.Code, Detail: p.Detail, Field: p.Field, Correlation: p.Correlation})
}

// readForm reads the form of a request, whose body can be read once more then, and checks that it comes from a page of the session's.
func readForm(r *http.Request) error {
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), formKind) {
		return withCode(codeMediaType, "the body must be a form, with Content-Type: %s", formKind)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if r.PostForm, err = url.ParseQuery(string(text)); err != nil {
		return withCode(codeUnparsable, "the form cannot be read")
	}
	r.Form = r.PostForm
	r.Body = io.NopCloser(bytes.NewReader(text))
	if it := sessionOf(r.Context()); it != nil && !it.Proves(r.PostForm.Get(fieldCSRF)) {
		return &coded{codeCSRF, fieldCSRF, "the page is too old, or was not made for this session; open it again"}
	}
	return nil
}
