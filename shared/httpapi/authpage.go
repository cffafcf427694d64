package httpapi

import (
	"cmp"
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
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
	_ = p.page(languageOf(r), s.SignIn != nil).Render(w) // whoever hung up does not read it
}

// page shows a problem with a sign-in, with a link to another one where there can be one.
func (p *problemDetails) page(language phrase.Language, again bool) g.Node {
	says := wordsIn(language)
	title, detail := p.Title, sentence(p.Detail)
	if language == phrase.German {
		detail = language.Failure(p.Detail)
		title = cmp.Or(germanTitles[p.Code], "Das ging nicht")
	}
	return smallPage(language, g.Text(title),
		P(Role("alert"), g.Text(detail)),
		g.If(again, P(A(Href("/auth/login"), says("sign_in")))),
		P(Small(says("reference"), g.Text(" "), Code(g.Text(p.Correlation)))),
	)
}

// smallPage is a page of a few lines, beside those of the application.
func smallPage(language phrase.Language, title g.Node, content ...g.Node) g.Node {
	return Doctype(HTML(Lang(string(language)),
		Head(
			Meta(Charset("utf-8")),
			Meta(Name("viewport"), Content("width=device-width, initial-scale=1")),
			TitleEl(title),
			Link(Rel("stylesheet"), Href("/docs/style.css")),
		),
		Body(Main(H1(title), g.Group(content))),
	))
}

// germanTitles are the titles of the codes that a page of a sign-in shows.
var germanTitles = map[string]string{
	fault.Internal.String(): "Bei uns ist etwas schiefgegangen", fault.NotFound.String(): "Das gibt es nicht, oder es gehört Ihnen nicht",
	fault.Unauthenticated.String(): "Niemand ist angemeldet", fault.Forbidden.String(): "Das dürfen Sie nicht",
	fault.Throttled.String(): "Zu viel auf einmal; versuchen Sie es später wieder", fault.Conflict.String(): "Der jetzige Stand lässt das nicht zu",
	fault.Unavailable.String(): "Etwas, das gebraucht wird, antwortet nicht; versuchen Sie es später wieder",
	fault.Setup.String():       "Die Installation braucht ihren Betreiber", fault.Malformed.String(): "Ein gespeicherter Eintrag ist nicht lesbar",
	codeUnparsable: "Die Anfrage ist nicht lesbar", codeCSRF: "Die Seite passt nicht zu Ihrer Sitzung", codeSignIn: "Die Anmeldung ist nicht gelungen",
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
