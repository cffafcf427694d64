package httpapi

import (
	"cmp"
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
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
	say := wordsIn(languageOf(r))
	s.unsubscribePage(w, r, "unsubscribe.ask", Form(Method("post"), Action(r.URL.RequestURI()),
		Input(Type("hidden"), Name("List-Unsubscribe"), Value("One-Click")),
		P(say("unsubscribe.ask.text")),
		Button(Type("submit"), say("unsubscribe.go")),
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
	s.unsubscribePage(w, r, "unsubscribe.done", P(wordsIn(languageOf(r))("unsubscribe.done.text")))
}

// languageOf is the language of a page for somebody whose settings are not known: that which the address names, else the browser's.
func languageOf(r *http.Request) phrase.Language {
	return phrase.Match(cmp.Or(r.URL.Query().Get("lang"), r.Header.Get("Accept-Language")))
}

// wordsIn are those of pages in a language, by their names.
func wordsIn(language phrase.Language) func(name string) g.Node {
	return func(name string) g.Node {
		text, _ := phrase.New(name).In(phrase.Reader{Language: language})
		return g.Text(text)
	}
}

func (s *server) unsubscribePage(w http.ResponseWriter, r *http.Request, title string, content g.Node) {
	language := languageOf(r)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", strings.Replace(docsPolicy, "form-action 'none'", "form-action 'self'", 1))
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	_ = smallPage(language, wordsIn(language)(title), content).Render(w) // whoever hung up does not read it
}
