package httpapi

import (
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/telemetry"
)

// unsubscribePath is where the e-mails of the digest are ended (RFC 8058). Who has the address of an e-mail needs no sign-in for that: programs of mail do
// it for their users. A GET changes nothing, since programs that look for dangerous addresses open all of them.
const unsubscribePath = "/unsubscribe"

func (s *server) askToUnsubscribe(w http.ResponseWriter, r *http.Request) {
	if s.Digests == nil {
		s.refuse(w, r, problemOf(r.Context(), fault.New(fault.NotFound, "there are no e-mails to end here")))
		return
	}
	if _, err := s.Digests.Unsubscriber(r.Context(), r.URL.Query().Get("token")); err != nil {
		s.refuse(w, r, problemOf(r.Context(), err))
		return
	}
	s.unsubscribePage(w, "End the daily digest?", Form(Method("post"), Action(r.URL.RequestURI()),
		Input(Type("hidden"), Name("List-Unsubscribe"), Value("One-Click")),
		P(g.Text("You will get no more e-mails that say once a day what is open. All other notifications stay as they are.")),
		Button(Type("submit"), g.Text("End them")),
	))
}

func (s *server) unsubscribe(w http.ResponseWriter, r *http.Request) {
	if s.Digests == nil {
		s.refuse(w, r, problemOf(r.Context(), fault.New(fault.NotFound, "there are no e-mails to end here")))
		return
	}
	who, err := s.Digests.Unsubscribe(r.Context(), r.URL.Query().Get("token"))
	if err == nil {
		_, err = s.Audit.Append(r.Context(), audit.Entry{
			User: who, Actor: who, Action: "digest.unsubscribe", Resource: audit.Resource{Kind: "settings", ID: who}, Outcome: audit.OK,
			Correlation: telemetry.Correlation(r.Context()),
		})
	}
	if err != nil {
		s.refuse(w, r, problemOf(r.Context(), err))
		return
	}
	s.unsubscribePage(w, "The daily digest has ended", P(g.Text("You get no more e-mails of it. Your settings bring it back.")))
}

func (s *server) unsubscribePage(w http.ResponseWriter, title string, content g.Node) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.Replace(docsPolicy, "form-action 'none'", "form-action 'self'", 1))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	_ = Doctype(HTML(Lang("en"),
		Head(
			Meta(Charset("utf-8")), Meta(Name("viewport"), Content("width=device-width, initial-scale=1")), TitleEl(g.Text(title)),
			Link(Rel("stylesheet"), Href("/docs/style.css")),
		),
		Body(Main(H1(g.Text(title)), content)),
	)).Render(w) // whoever hung up does not read it
}
