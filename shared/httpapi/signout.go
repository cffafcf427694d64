package httpapi

import (
	"net/http"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/account/session"
	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/phrase"
	"adminassistant/shared/telemetry"

	"github.com/rs/zerolog"
)

// formKind is the content type of a form.
const formKind = "application/x-www-form-urlencoded"

// formPolicy is for pages with a form. It does not say where the form may lead: browsers apply that to redirects as well, and this one goes on to the
// sign-in service.
const formPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"

// writePage shows people a page of a few lines, under a title that the words have by a name.
func writePage(w http.ResponseWriter, language phrase.Language, title string, content ...g.Node) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", formPolicy)
	_ = smallPage(language, wordsIn(language)(title), content...).Render(w) // whoever hung up does not read it
}

// signOutPage asks in which way the user of the browser signs out.
func (s *server) signOutPage(w http.ResponseWriter, r *http.Request) {
	it, err := s.already(r)
	switch {
	case err != nil:
		s.refuse(w, r, problemOf(r.Context(), err))
		return
	case it == nil:
		s.signedOutPage(w, r)
		return
	}
	language := languageOf(r)
	says := wordsIn(language)
	button := func(value, label, about string) g.Node {
		return P(Button(Name("access"), Value(value), says(label)), g.Text(" "), Small(says(about)))
	}
	writePage(w, language, "sign_out",
		P(says("sign_out.as"), g.Text(" "), Strong(g.Text(it.Name)), g.Text(".")),
		Form(Method("post"), Action("/auth/sign-out"), Input(Type("hidden"), Name("csrf_token"), Value((*session.Session)(it).Masked())),
			button("here", "sign_out", "sign_out.here"),
			button("all", "sign_out.all", "sign_out.all.text"),
		),
	)
}

// signOutForm signs the user of the browser out, and goes on to the sign-in service, where the user would be signed in still.
func (s *server) signOutForm(w http.ResponseWriter, r *http.Request) {
	to, err := s.signOutBy(w.Header(), r)
	if err != nil {
		s.refuse(w, r, problemOf(r.Context(), err))
		return
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

func (s *server) signOutBy(h http.Header, r *http.Request) (to string, err error) {
	ctx := r.Context()
	if err := r.ParseForm(); err != nil {
		return "", withCode(codeUnparsable, "the form cannot be read")
	}
	it, err := s.already(r)
	if err != nil {
		return "", err
	}
	if it == nil {
		return "/auth/signed-out", nil
	}
	own := (*session.Session)(it)
	if !own.Proves(r.PostForm.Get("csrf_token")) {
		return "", &coded{codeCSRF, "csrf_token", "the page is too old; open /auth/sign-out again"}
	}
	everywhere := r.PostForm.Get("access") == "all"
	if err := s.signOut(ctx, own.Key(), own, everywhere); err != nil {
		return "", err
	}
	if _, err := s.Audit.Append(ctx, audit.Entry{
		User: own.Key(), Actor: own.Key(), Action: "session.end", Resource: audit.Resource{Kind: "session", ID: own.ID}, Outcome: audit.OK,
		Correlation: telemetry.Correlation(ctx), Personal: audit.Personal{Name: own.Name, IP: remote(r.RemoteAddr), UserAgent: r.UserAgent()},
	}); err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("signing out was not recorded") // and is done
	}
	s.signedOut(h)
	to, err = s.SignIn.SignOut(ctx, own.Tenant, own.Hint)
	if err != nil && fault.Of(err).Transient() {
		return "/auth/signed-out", nil // here it is done
	}
	return to, err
}

// signedOutPage is where the sign-in service sends a browser back to.
func (s *server) signedOutPage(w http.ResponseWriter, r *http.Request) {
	language := languageOf(r)
	writePage(w, language, "signed_out", P(A(Href("/auth/login?prompt=select_account"), wordsIn(language)("sign_in"))))
}
