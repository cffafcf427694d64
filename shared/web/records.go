package web

import (
	"net/http"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/audit"
	"adminassistant/shared/fault"
	"adminassistant/shared/notify"
)

const (
	// toldOnPage is how many notifications a page has, and recordsOnPage how many records of the audit log.
	toldOnPage    = 30
	recordsOnPage = 50
)

// notifications shows what the user was told, the newest first.
func (s *web) notifications(v *view) error {
	if err := s.assumeZone(v); err != nil {
		return err
	}
	all, next, err := s.Notifications.List(v.ctx, v.user, false, toldOnPage, v.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.told"), at: "/notifications"}
	if len(all) == 0 {
		p.body = append(p.body, empty(v.t("told.none"), v.t("told.none.text"), P(A(Class("button"), Href("/settings"), g.Text(v.t("nav.settings"))))))
		return s.show(v, http.StatusOK, p)
	}
	if unread := all[0]; unread.Read.IsZero() {
		p.bar = []g.Node{Span(Class("grow")), s.form(v, "/notifications/read", hidden("until", unread.ID),
			Button(Type("submit"), g.Text(v.t("told.read"))))}
	}
	p.body = append(p.body, Ol(Class("versions"), g.Map(all, func(n *notify.Notification) g.Node {
		title, text, points := n.In(v.reader())
		return Li(g.If(n.Read.IsZero(), Class("card unread")), g.If(!n.Read.IsZero(), Class("card")),
			H2(g.If(n.Read.IsZero(), Span(Class("vh"), g.Text(v.t("told.new")+" "))), g.Text(title)),
			g.Map(strings.Split(text, "\n"), func(line string) g.Node { return P(g.Text(line)) }),
			g.If(len(points) > 0, Ul(g.Map(points, func(p notify.Point) g.Node { return Li(g.Text(p.Text), pageOf(v, p.Link)) }))),
			P(Class("muted"), g.Text(v.moment(n.Updated, v.now, v.zone())), pageOf(v, n.Link)),
		)
	})))
	if next != "" {
		p.body = append(p.body, P(A(Class("button"), Href(link("/notifications", "after", next)), g.Text(v.t("list.more")))))
	}
	return s.show(v, http.StatusOK, p)
}

// assumeZone has a user who has chosen no settings read times in the zone of the first config.
func (s *web) assumeZone(v *view) error {
	if v.chosen {
		return nil
	}
	configs, _, err := s.Configs.List(v.ctx, v.user, 1, "")
	v.assume(configs)
	return err
}

// pageOf leads to the page that shows what a path of the API shows, if there is one.
func pageOf(v *view, path string) g.Node {
	page := notify.Page(path)
	if page == "" {
		return nil
	}
	return g.Group{g.Text(" · "), A(Href(page), g.Text(v.t("told.show")))}
}

func (s *web) readNotifications(v *view) error {
	if _, err := s.Notifications.MarkAllRead(v.ctx, v.user, v.r.PostForm.Get("until")); err != nil {
		return err
	}
	return v.redirect("/notifications")
}

// auditLog shows what was done by the user and for the user.
func (s *web) auditLog(v *view) error {
	if err := s.assumeZone(v); err != nil {
		return err
	}
	q := v.r.URL.Query()
	f := audit.Filter{Action: audit.Action(strings.TrimSpace(q.Get("action"))), Outcome: audit.Outcome(q.Get("outcome"))}
	records, err := s.Audit.List(v.ctx, v.user, f, recordsOnPage, q.Get("after"))
	problem := ""
	if fault.Of(err) == fault.Invalid {
		problem, err = v.wrong(err), nil
	}
	if err != nil {
		return err
	}
	outcomes := []string{"", "ok", "refused", "failed"}
	p := page{title: v.t("nav.audit"), at: "/audit", body: []g.Node{Form(Class("card line"), Method("get"), Action("/audit"),
		Div(Class("field"), Label(For("action"), g.Text(v.t("audit.action"))), Input(ID("action"), Name("action"), Type("text"), Value(q.Get("action")),
			Placeholder("run.start"), g.If(problem != "", g.Group{Aria("invalid", "true"), Aria("describedby", "action-problem")})), fieldProblem("action", problem)),
		Div(Class("field"), Label(For("outcome"), g.Text(v.t("item.outcome"))), Select(ID("outcome"), Name("outcome"), g.Map(outcomes, func(o string) g.Node {
			return Option(Value(o), g.If(o == q.Get("outcome"), Selected()), g.Text(v.t("audit.outcome."+o)))
		}))),
		Div(Class("buttons"), Button(Type("submit"), Class("primary"), g.Text(v.t("calendar.show")))),
	)}}
	if len(records.Records) == 0 {
		p.body = append(p.body, P(Class("muted"), g.Text(v.t("audit.none"))))
		return s.show(v, http.StatusOK, p)
	}
	p.body = append(p.body, Div(Class("card scroll"), TabIndex("0"), Role("region"), Aria("label", v.t("nav.audit")), Table(Class("stacks"),
		THead(Tr(g.Map([]string{"item.when", "audit.action", "audit.what", "item.outcome", "audit.who"}, func(name string) g.Node {
			return Th(Scope("col"), g.Text(v.t(name)))
		}))),
		TBody(g.Map(records.Records, func(r audit.Record) g.Node {
			who := v.t("audit.you")
			if r.Actor != v.user {
				who = v.t("audit.system")
			}
			return Tr(Td(Class("when"), g.Text(v.moment(r.Time, v.now, v.zone()))), Td(Code(g.Text(string(r.Action)))),
				Td(Class("long"), g.Text(r.Resource.Kind+" "), Small(g.Text(r.Resource.ID))),
				Td(Class("told"), g.Text(v.word("audit.outcome", string(r.Outcome)))), Td(g.Text(who)))
		})),
	)))
	if records.Next != "" {
		more := link("/audit", "action", q.Get("action"), "outcome", q.Get("outcome"), "after", records.Next)
		p.body = append(p.body, P(A(Class("button"), Href(more), g.Text(v.t("list.more")))))
	}
	return s.show(v, http.StatusOK, p)
}
