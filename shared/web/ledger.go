package web

import (
	"cmp"
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
)

// ledger shows a day as the ledger has it, now or as it had it at an earlier time.
func (s *web) ledger(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.ledger"), at: "/ledger"}
	if c == nil {
		p.body = []g.Node{s.noConfig(v)}
		return s.show(v, http.StatusOK, p)
	}
	zone := zoneOf(c.Timezone)
	q := v.r.URL.Query()
	on, asOf := calendar.DateOf(v.now, zone), time.Time{}
	if text := q.Get("on"); text != "" {
		if on, err = calendar.ParseDate(text); err != nil {
			return fault.At("on", err)
		}
	}
	if text := q.Get("as_of"); text != "" {
		if asOf, err = time.ParseInLocation(fieldForm, text, zone); err != nil {
			return fault.Field("as_of", "must be a time as in 2026-10-06T12:00, not %.40q", text)
		}
	}
	window, err := calendar.NewWindow(on, on, zone)
	if err != nil {
		return fault.At("on", err)
	}
	entries, err := s.Ledger.AsOf(v.ctx, c.ID, ledger.Span{From: window.Start(), To: window.End()}, asOf)
	if err != nil {
		return err
	}
	head, err := s.Ledger.Head(v.ctx, c.ID)
	if err != nil {
		return err
	}
	step := func(day calendar.Date) string {
		return link("/ledger", "config", c.ID, "on", day.String(), "as_of", q.Get("as_of"))
	}
	p.title = v.t("ledger.title", v.longDay(on))
	p.bar = []g.Node{
		Div(Class("steps"),
			A(Class("button icon"), Href(step(on.AddDays(-1))), Aria("label", v.t("calendar.before.day")), g.Attr("data-key", "ArrowLeft"), g.Text("‹")),
			A(Class("button icon"), Href(step(on.AddDays(1))), Aria("label", v.t("calendar.after.day")), g.Attr("data-key", "ArrowRight"), g.Text("›"))),
		Span(Class("grow")),
	}
	archived := 0
	for i := range entries {
		if entries[i].Outcome == ledger.Archived {
			archived++
		}
	}
	p.bar = append(p.bar, s.sealedBar(v, c, on, head.Seq, archived)...)
	p.body = append(p.body, ledgerForm(v, c, configs, on, q.Get("as_of")))
	if len(entries) == 0 {
		p.body = append(p.body, empty(v.t("ledger.none"), v.t("ledger.none.text"), P(A(Class("button"), Href("/runs"), g.Text(v.t("nav.runs"))))))
	} else {
		p.body = append(p.body, Div(Class("card scroll"), TabIndex("0"), Role("region"), Aria("label", p.title), Table(Class("stacks"),
			THead(Tr(g.Map([]string{"item.when", "item.subject", "item.customer", "item.outcome", "ledger.version", "ledger.recorded"}, func(name string) g.Node {
				return Th(Scope("col"), g.Text(v.t(name)))
			}))),
			TBody(g.Map(entries, func(e ledger.Entry) g.Node {
				history := link("/ledger/history", "config", c.ID, "key", e.Key)
				return Tr(Td(Class("when"), g.Text(v.times(&e.Appointment, zone))),
					Td(Class("long"), A(Href(history), g.Text(cmp.Or(e.Appointment.Subject, v.t("calendar.untitled"))))),
					Td(Class("long"), g.Text(e.Appointment.Customer)), Td(Class("told"), g.Text(v.word("ledger", string(e.Outcome)))),
					v.cell("ledger.version", g.Textf("%d", e.Version)),
					v.cell("ledger.recorded", Class("told"), g.Text(v.moment(e.Time, v.now, zone))))
			})),
		)))
	}
	return s.show(v, http.StatusOK, p)
}

// ledgerForm chooses a day, and as of when.
func ledgerForm(v *view, c *archive.Config, configs []archive.Config, on calendar.Date, asOf string) g.Node {
	return Form(Class("card line"), Method("get"), Action("/ledger"),
		g.If(len(configs) > 1, Div(Class("field"), Label(For("config"), g.Text(v.t("runs.config"))), Select(ID("config"), Name("config"),
			g.Map(configs, func(o archive.Config) g.Node {
				return Option(Value(o.ID), g.If(o.ID == c.ID, Selected()), g.Text(o.Name))
			})))),
		Div(Class("field"), Label(For("on"), g.Text(v.t("ledger.day"))), Input(ID("on"), Name("on"), Type("date"), Value(on.String()))),
		Div(Class("field wide"), Label(For("as_of"), g.Text(v.t("ledger.asof"))),
			Input(ID("as_of"), Name("as_of"), Type("datetime-local"), Value(asOf), Aria("describedby", "asof-hint")),
			P(ID("asof-hint"), Class("hint"), g.Text(v.t("ledger.asof.hint")))),
		Div(Class("buttons"), Button(Type("submit"), Class("primary"), g.Text(v.t("calendar.show")))),
	)
}

// record reads the appointment that a request names; nil: nothing is archived at all.
func (s *web) record(v *view) (*record, error) {
	c, _, err := s.choose(v)
	if c == nil || err != nil {
		return nil, err
	}
	r := &record{view: v, config: *c, zone: zoneOf(c.Timezone)}
	if r.entries, err = s.Ledger.History(v.ctx, c.ID, cmp.Or(v.r.PostForm.Get("key"), v.r.URL.Query().Get("key"))); err != nil {
		return nil, err
	}
	r.entries = slices.DeleteFunc(r.entries, func(e ledger.Entry) bool { return e.Outcome == ledger.Moved })
	if len(r.entries) == 0 {
		return nil, fault.New(fault.NotFound, "the ledger has no such appointment")
	}
	return r, nil
}

// history lists the versions of an appointment, the newest first, each with what it made otherwise.
func (s *web) history(v *view) error {
	r, err := s.record(v)
	if err != nil {
		return err
	}
	if r == nil {
		return fault.New(fault.NotFound, "there is no config")
	}
	return s.showRecord(r, http.StatusOK, nil)
}

// showRecord shows an appointment with its versions; wrong is what is wrong with what was said about it.
func (s *web) showRecord(r *record, status int, wrong error) error {
	day := r.newest().Appointment.Day(r.zone).String()
	p := page{title: r.name(), at: "/ledger", bar: []g.Node{
		Span(Class("grow")),
		A(Class("button"), Href(link("/calendar", "view", "week", "on", day, "config", r.config.ID)), g.Text(r.t("nav.calendar"))),
		A(Class("button"), Href(link("/ledger", "config", r.config.ID, "on", day)), g.Attr("data-key", "Escape"), g.Text(r.t("nav.ledger"))),
	}}
	var versions []g.Node
	for i := len(r.entries) - 1; i >= 0; i-- {
		var before *ledger.Entry
		if i > 0 {
			before = &r.entries[i-1]
		}
		versions = append(versions, versionOf(r.view, &r.entries[i], before, r.zone))
	}
	correction, err := s.correction(r, wrong)
	if err != nil {
		return err
	}
	p.body = append(p.body, Div(Class("review"), Ol(Class("versions"), g.Group(versions)), correction))
	return s.show(r.view, status, p)
}

// versionOf is one version of an appointment, compared with the one before.
func versionOf(v *view, e, before *ledger.Entry, zone *time.Location) g.Node {
	var changes []g.Node
	for _, f := range fieldsOfVersion(v, e, zone) {
		was := ""
		if before != nil {
			for _, o := range fieldsOfVersion(v, before, zone) {
				if o[0] == f[0] {
					was = o[1]
				}
			}
		}
		switch {
		case before == nil && f[1] != "":
			changes = append(changes, Dt(g.Text(v.t("field."+f[0]))), Dd(g.Text(f[1])))
		case before != nil && was != f[1]:
			changes = append(changes, Dt(g.Text(v.t("field."+f[0]))), Dd(Del(g.Text(cmp.Or(was, "–"))), g.Text(" → "), Ins(g.Text(cmp.Or(f[1], "–")))))
		}
	}
	return Li(Class("card"),
		H2(g.Text(v.t("ledger.numbered", e.Version)+": "+v.word("ledger", string(e.Outcome)))),
		Dl(Class("facts"), g.Group(changes)),
		P(Class("muted"), g.Text(v.moment(e.Time, v.now, zone)+" · "), A(Href("/runs/"+e.Run), g.Text(v.t("review.run"))),
			g.If(e.Reason != "", g.Text(" · "+v.word("reason", e.Reason)))),
	)
}

// fieldsOfVersion are the fields of an appointment that are compared, by their names.
func fieldsOfVersion(v *view, e *ledger.Entry, zone *time.Location) [][2]string {
	a := &e.Appointment
	return [][2]string{
		{"subject", a.Subject}, {"when", v.times(a, zone)}, {"location", a.Location}, {"categories", strings.Join(a.Categories, ", ")},
		{"customer", a.Customer}, {"sensitivity", v.privacyOf(a)}, {"show_as", v.word("shows", string(a.ShowAs))},
	}
}

// privacyOf is how private an appointment is, in a word; of one that is not, none.
func (v *view) privacyOf(a *calendar.Appointment) string {
	if a.Sensitivity == "" || a.Sensitivity == calendar.Normal {
		return ""
	}
	return v.word("privacy", string(a.Sensitivity))
}
