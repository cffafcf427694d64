package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
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
	// File says that the form brings a file besides, as multipart/form-data; see FileOf.
	File bool
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
			body: p.body(),
		}, func(w http.ResponseWriter, r *http.Request) {
			if err := p.Handler(w, r); err != nil {
				s.show(w, r, problemOf(r.Context(), err))
			}
		})
	}
}

// body is what the page's form brings.
func (p *Page) body() body {
	if p.File {
		return body{kinds: []string{fileFormKind}, most: limit.UploadBytes + maxForm}
	}
	return body{kinds: []string{formKind}, most: maxForm}
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

// fileFormKind is the content type of a form with a file.
const fileFormKind = "multipart/form-data"

// mostFields is how many fields a form with a file has at most.
const mostFields = 50

type fileKey struct{}

// FileOf is the file that a form brought, and the name that it had; nil: it brought none.
func FileOf(ctx context.Context) (name string, content []byte) {
	f, _ := ctx.Value(fileKey{}).(*formFile)
	if f == nil {
		return "", nil
	}
	return f.name, f.content
}

type formFile struct {
	name    string
	content []byte
}

// readForm reads the form of a request to a page, and checks that it comes from a page of the session's. The request that it returns has a body that can
// be read once more, and that is the same when the form is sent again.
func readForm(r *http.Request, to *route) (*http.Request, error) {
	kind := to.body.kinds[0]
	media, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != kind {
		return nil, withCode(codeMediaType, "the body must be a form, with Content-Type: %s", kind)
	}
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	again := io.Reader(bytes.NewReader(text))
	if kind == fileFormKind {
		var file *formFile
		if r.PostForm, file, err = readFileForm(text, parameters["boundary"]); err != nil {
			return nil, withCode(codeUnparsable, "the form cannot be read")
		}
		// What lies between the parts of the form is another text each time.
		r.Header.Set("Content-Type", media)
		again = strings.NewReader(r.PostForm.Encode())
		if file != nil {
			again = io.MultiReader(again, strings.NewReader("\n"+file.name+"\n"), bytes.NewReader(file.content))
			r = r.WithContext(context.WithValue(r.Context(), fileKey{}, file))
		}
	} else if r.PostForm, err = url.ParseQuery(string(text)); err != nil {
		return nil, withCode(codeUnparsable, "the form cannot be read")
	}
	r.Form = r.PostForm
	r.Body = io.NopCloser(again)
	if it := sessionOf(r.Context()); it != nil && !it.Proves(r.PostForm.Get(fieldCSRF)) {
		return nil, &coded{codeCSRF, fieldCSRF, "the page is too old, or was not made for this session; open it again"}
	}
	return r, nil
}

// readFileForm reads a form with at most one file that is not empty.
func readFileForm(text []byte, boundary string) (url.Values, *formFile, error) {
	if !bytes.HasSuffix(bytes.TrimRight(text, "\r\n"), []byte("--"+boundary+"--")) {
		return nil, nil, errors.New("the form ends too soon")
	}
	fields := url.Values{}
	var file *formFile
	parts := multipart.NewReader(bytes.NewReader(text), boundary)
	for n := 0; ; n++ {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return fields, file, nil
		}
		if err != nil {
			return nil, nil, err
		}
		content, err := io.ReadAll(part)
		switch {
		case err != nil:
			return nil, nil, err
		case n == mostFields:
			return nil, nil, errors.New("there are too many fields")
		case part.FileName() == "" && int64(len(content)) > maxForm:
			return nil, nil, errors.New("a field is too long")
		case part.FileName() == "":
			fields.Add(part.FormName(), string(content))
		case file != nil:
			return nil, nil, errors.New("there are several files")
		case len(content) > 0:
			file = &formFile{part.FileName(), content}
		}
	}
}
