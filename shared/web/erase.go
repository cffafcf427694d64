package web

import (
	"net/http"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/account"
	"adminassistant/shared/audit"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/phrase"
)

// plainForm is a form without a key of its own: what it does can be done again, and nothing is kept of it.
func (s *web) plainForm(v *view, to string, nodes ...g.Node) g.Node {
	return Form(Method("post"), Action(to), Input(Type("hidden"), Name("csrf_token"), Value(httpapi.FormToken(v.ctx))), g.Group(nodes))
}

// confirmField has to be filled in with the words that say what is meant.
func confirmField(v *view, wrong error) g.Node {
	return labelled("confirm", v.t("erase.confirm", v.t("erase.word")), "", v.wrongIn(wrong, "confirm"),
		textInput("text", v.r.PostForm.Get("confirm"), Required(), AutoComplete("off"), g.Attr("spellcheck", "false")))
}

// confirmed says whether the words were filled in, in whichever language.
func confirmed(v *view) error {
	typed := strings.Join(strings.Fields(v.r.PostForm.Get("confirm")), " ")
	for _, lang := range []phrase.Language{phrase.English, phrase.German} {
		if strings.EqualFold(typed, speech{string(lang)}.t("erase.word")) {
			return nil
		}
	}
	return wrongly("confirm", v.t("erase.unconfirmed", v.t("erase.word")))
}

// leaving answers requests of users who may be being erased, of whom no profile is made.
func (s *web) leaving(page func(*view) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		who, err := account.From(r.Context())
		if err != nil {
			return err
		}
		profile, err := s.Users.Get(r.Context(), who.Tenant, who.Object)
		if err != nil {
			return err
		}
		v := &view{w: w, r: r, ctx: r.Context(), who: who, user: who.Key(), Settings: profile.Settings, chosen: profile.SettingsVersion > 0, now: s.Clock()}
		v.speech = speechOf(r, &v.Settings, v.chosen)
		return page(v)
	}
}

func (s *web) eraseMe(v *view) error { return s.showErase(v, http.StatusOK, nil) }

// showErase says what erasing oneself takes away and what stays; of who is being erased, how far it is. wrong is what is wrong with what was filled in.
func (s *web) showErase(v *view, status int, wrong error) error {
	p := page{title: v.t("erase.title"), at: "/settings", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href("/settings"), g.Attr("data-key", "Escape"), g.Text(v.t("undo.back"))),
	}}
	profile, err := s.Users.Get(v.ctx, v.who.Tenant, v.who.Object)
	if err != nil {
		return err
	}
	switch profile.State() {
	case account.Erased:
		return v.redirect("/erased?done=yes")
	case account.Erasing:
		return v.write(http.StatusOK, s.frame(v.speech, v.t("erase.title"), Body(Class("plain"), Main(ID("main"), TabIndex("-1"),
			H1(g.Text(v.t("erase.begun"))), P(g.Text(v.t("erase.under"))),
			s.plainForm(v, "/settings/erase", hidden("confirm", v.t("erase.word")), Button(Type("submit"), Class("primary"), g.Text(v.t("erase.on")))),
		))))
	}
	lost := []string{"archive", "ledger", "backups", "sheets", "settings", "sessions"}
	kept := []string{"outlook", "audit", "copies"}
	p.body = append(p.body, Div(Class("columns"),
		Section(Class("card"), Aria("labelledby", "lost"), H2(ID("lost"), g.Text(v.t("erase.lost"))),
			Ul(g.Map(lost, func(name string) g.Node { return Li(g.Text(v.t("erase.lost." + name))) })),
			H2(g.Text(v.t("erase.kept"))), Ul(g.Map(kept, func(name string) g.Node { return Li(g.Text(v.t("erase.kept." + name))) })),
		),
		Div(
			Section(Class("card"), Aria("labelledby", "first"), H2(ID("first"), g.Text(v.t("erase.first"))), P(g.Text(v.t("erase.first.text"))),
				Div(Class("buttons"), A(Class("button"), Href("/backups"), g.Text(v.t("nav.backups"))),
					A(Class("button"), Href("/ledger/head"), g.Text(v.t("ledger.head"))),
					A(Class("button"), Href("/audit/export"), g.Text(v.t("audit.export"))))),
			Section(Class("card"), Aria("labelledby", "now"), H2(ID("now"), g.Text(v.t("erase.now"))), P(g.Text(v.t("erase.now.text"))),
				s.plainForm(v, "/settings/erase", confirmField(v, wrong), P(Button(Type("submit"), g.Text(v.t("erase.go")))))),
		),
	))
	return s.show(v, status, p)
}

// erase erases the user, or goes on with that. From the first time on the user is refused everywhere else, and no browser is signed in any more.
func (s *web) erase(v *view) error {
	if err := confirmed(v); err != nil {
		return s.showErase(v, http.StatusUnprocessableEntity, err)
	}
	progress, err := s.Eraser.Erase(v.ctx, v.who, v.who.Object)
	if err != nil {
		return err
	}
	if progress.Done {
		return v.redirect("/erased?done=yes")
	}
	return v.redirect(link("/erased", "again", progress.Again.UTC().Format(time.RFC3339)))
}

// erased tells who is not signed in any more how it goes on.
func (s *web) erased(w http.ResponseWriter, r *http.Request) error {
	in := speechOf(r, nil, false)
	v := &view{w: w, r: r, ctx: r.Context(), speech: in, now: s.Clock()}
	title, text := in.t("erase.begun"), in.t("erase.again")
	if r.URL.Query().Get("done") != "" {
		title, text = in.t("erase.done"), in.t("erase.done.text")
	}
	again := g.Node(nil)
	if at, err := time.Parse(time.RFC3339, r.URL.Query().Get("again")); err == nil {
		again = P(g.Text(in.t("erase.from")+" "), g.El("time", g.Attr("datetime", at.UTC().Format(time.RFC3339)),
			g.Text(in.moment(at, v.now, time.UTC)+" "+in.t("erase.utc"))))
	}
	return v.write(http.StatusOK, s.frame(in, title, Body(Class("plain"), Main(ID("main"), TabIndex("-1"),
		H1(g.Text(title)), P(g.Text(text)), again,
		P(A(Class("button primary"), Href("/settings/erase"), g.Text(in.t("erase.on")))),
	))))
}

// exportAudit hands the audit log of the user over as a file.
func (s *web) exportAudit(v *view) error {
	v.attachment("audit.csv", audit.CSV.ContentType())
	if err := s.Audit.Export(v.ctx, v.user, audit.Filter{}, audit.CSV, v.w); err != nil {
		panic(http.ErrAbortHandler) // half a file does not show that it is one
	}
	return nil
}
