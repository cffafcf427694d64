package web

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/proof"
	"adminassistant/shared/run"
)

// sealedBar is what can be done with the ledger of a config besides reading a day of it.
func (s *web) sealedBar(v *view, c *archive.Config, on calendar.Date, links, archived int) []g.Node {
	return []g.Node{
		A(Class("button"), Href(link("/ledger/head", "config", c.ID)), g.Text(v.n("ledger.links", links))),
		g.If(archived > 0, A(Class("button"), Href(link("/ledger/proof", "config", c.ID, "on", on.String())), g.Text(v.t("ledger.proof")))),
		s.form(v, "/ledger/verify", hidden("config", c.ID), Button(Type("submit"), g.Text(v.t("backups.verify")))),
	}
}

// verifyLedger starts a run that compares the archive calendar with the ledger, and the ledger with what was sealed of it.
func (s *web) verifyLedger(v *view) error {
	c, err := s.Configs.Get(v.ctx, v.user, v.r.PostForm.Get("config"))
	if err == nil {
		err = s.Reach(v.ctx, v.user, &c)
	}
	return s.launch(v, &run.Run{Kind: run.Verify, Config: c.ID}, err)
}

// ledgerHead shows the newest link of the chain, which is worth keeping elsewhere; and whether the ledger continues one that somebody has kept.
func (s *web) ledgerHead(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	if c == nil {
		return fault.New(fault.NotFound, "there is no config")
	}
	v.assume(configs)
	head, err := s.Ledger.Head(v.ctx, c.ID)
	if err == nil {
		err = s.Ledger.Check(v.ctx, c.ID, &head)
	}
	if err != nil {
		return err
	}
	key, err := s.Signing.Key(v.ctx)
	if err != nil {
		return err
	}
	p := page{title: v.t("ledger.head.of", c.Name), at: "/ledger", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href(link("/ledger", "config", c.ID)), g.Attr("data-key", "Escape"), g.Text(v.t("undo.back"))),
	}}
	if head.Seq == 0 {
		p.body = append(p.body, empty(v.t("ledger.head.none"), v.t("ledger.head.none.text"), P(A(Class("button"), Href("/runs"), g.Text(v.t("nav.runs"))))))
		return s.show(v, http.StatusOK, p)
	}
	since := strings.TrimSpace(strings.ReplaceAll(v.r.URL.Query().Get("since"), "\r\n", "\n"))
	told, problem := g.Node(nil), ""
	if since != "" {
		if told, problem, err = s.continues(v, c, since+"\n"); err != nil {
			return err
		}
	}
	p.body = append(p.body, told, Div(Class("columns"),
		Section(Class("card"), Aria("labelledby", "head"), H2(ID("head"), g.Text(v.n("ledger.links", head.Seq))),
			P(g.Text(v.t("ledger.head.text"))),
			Pre(Class("head"), Code(g.Text(head.Checkpoint))),
			P(A(Class("button primary"), Href(link("/ledger/head/file", "config", c.ID)), g.Text(v.t("ledger.head.keep")))),
			g.If(head.Open != "", P(Class("muted"), g.Text(v.t("ledger.head.open")))),
			H2(g.Text(v.t("ledger.key"))), P(Class("muted"), g.Text(v.t("ledger.key.text"))), Pre(Class("head"), Code(g.Text(key.Public()))),
		),
		Section(Class("card"), Aria("labelledby", "earlier"), H2(ID("earlier"), g.Text(v.t("ledger.since"))),
			Form(Method("get"), Action("/ledger/head"), hidden("config", c.ID),
				labelled("since", v.t("ledger.since.label"), v.t("ledger.since.hint"), problem, func(more ...g.Node) g.Node {
					return Textarea(Rows("7"), Required(), g.Attr("spellcheck", "false"), g.Group(more), g.Text(since))
				}),
				P(Button(Type("submit"), g.Text(v.t("ledger.since.go"))))),
		),
	))
	return s.show(v, http.StatusOK, p)
}

// continues says whether a ledger continues an earlier head of it; or what is wrong with the head.
func (s *web) continues(v *view, c *archive.Config, since string) (told g.Node, problem string, err error) {
	report, err := s.Verifier.Verify(v.ctx, v.user, c.ID, []string{since})
	if fault.Of(err) == fault.Invalid {
		return nil, v.t("ledger.since.wrong"), nil
	}
	if err != nil {
		return nil, "", err
	}
	if report.OK {
		return P(Class("done"), Role("status"), g.Text(v.t("ledger.since.ok", v.number(report.Links), v.number(report.Entries)))), "", nil
	}
	detail := ""
	if report.First != nil {
		detail = " " + v.failure(report.First.Problem)
	}
	return P(Class("problem"), Role("alert"), g.Text(v.t("ledger.since.bad")+detail)), "", nil
}

// headFile hands the head over as a file to be kept elsewhere.
func (s *web) headFile(v *view) error {
	c, _, err := s.choose(v)
	if err != nil {
		return err
	}
	if c == nil {
		return fault.New(fault.NotFound, "there is no config")
	}
	head, err := s.Ledger.Head(v.ctx, c.ID)
	if err == nil {
		err = s.Ledger.Check(v.ctx, c.ID, &head)
	}
	if err != nil {
		return err
	}
	v.attachment("head-"+c.ID+".txt", "text/plain; charset=utf-8")
	_, _ = v.w.Write([]byte(head.Checkpoint))
	return nil
}

// proveDay hands over what proves the entries of a day to somebody who has no account.
func (s *web) proveDay(v *view) error {
	c, _, err := s.choose(v)
	if err != nil {
		return err
	}
	on, err := calendar.ParseDate(v.r.URL.Query().Get("on"))
	if err != nil {
		return fault.At("on", err)
	}
	if c == nil {
		return fault.New(fault.NotFound, "there is no config")
	}
	window, err := calendar.NewWindow(on, on, zoneOf(c.Timezone))
	if err != nil {
		return fault.At("on", err)
	}
	entries, err := s.Ledger.AsOf(v.ctx, c.ID, ledger.Span{From: window.Start(), To: window.End()}, time.Time{})
	if err != nil {
		return err
	}
	entries = slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Outcome != ledger.Archived })
	if len(entries) == 0 {
		return fault.New(fault.NotFound, "nothing of this day is in the archive")
	}
	key, err := s.Signing.Key(v.ctx)
	if err != nil {
		return err
	}
	doc, unsealed, err := proof.Prove(v.ctx, s.Ledger, key, c.ID, entries)
	if err != nil {
		return err
	}
	if unsealed > 0 {
		return fault.New(fault.Conflict, "some of the day is not sealed yet, since a run is under way or was interrupted; ask again when the next run has ended")
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	v.attachment("proof-"+on.String()+".json", "application/json")
	_, _ = v.w.Write(text)
	return nil
}
