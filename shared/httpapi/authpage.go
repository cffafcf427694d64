package httpapi

import (
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"
)

// refuse says what is wrong: to a person in a browser by a page, to a program by a problem.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, p *problemDetails) {
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		writeProblem(w, p)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", docsPolicy)
	w.WriteHeader(p.Status)
	_ = p.page(s.SignIn != nil).Render(w) // whoever hung up does not read it
}

// page shows a problem with a sign-in, with a link to another one where there can be one.
func (p *problemDetails) page(again bool) g.Node {
	return Doctype(HTML(Lang("en"),
		Head(
			Meta(Charset("utf-8")),
			Meta(Name("viewport"), Content("width=device-width, initial-scale=1")),
			TitleEl(g.Text(p.Title)),
			Link(Rel("stylesheet"), Href("/docs/style.css")),
		),
		Body(Main(
			H1(g.Text(p.Title)),
			P(Role("alert"), g.Text(sentence(p.Detail))),
			g.If(again, P(A(Href("/auth/login"), g.Text("Sign in")))),
			P(Small(g.Text("Reference for questions: "), Code(g.Text(p.Correlation)))),
		)),
	))
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
