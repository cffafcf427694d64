package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/action"
	"adminassistant/shared/httpapi"
)

// page is what stands in the frame that all pages have.
type page struct {
	title string
	at    string // path of the entry in the rail that it belongs to
	bar   []g.Node
	body  []g.Node
}

// entry is one of the rail.
type entry struct{ path, name string }

// rail are the entries; an empty one is a line between them.
var rail = []entry{
	{"/today", "nav.today"}, {"/calendar", "nav.calendar"}, {"/review", "nav.review"}, {},
	{"/timesheets", "nav.timesheets"}, {"/hours", "nav.hours"}, {"/customers", "nav.customers"}, {"/rules", "nav.rules"}, {},
	{"/runs", "nav.runs"}, {"/ledger", "nav.ledger"}, {"/backups", "nav.backups"}, {"/jobs", "nav.jobs"}, {},
	{"/notifications", "nav.told"}, {"/audit", "nav.audit"}, {"/settings", "nav.settings"},
	{"/users", "nav.users"},
}

// mostOpen is up to how many open actions are counted.
const mostOpen = 50

// openActions returns the open actions, the oldest last, at most mostOpen.
func (s *web) openActions(v *view) ([]*action.Action, bool, error) {
	open, next, err := s.Actions.List(v.ctx, v.user, action.Filter{State: action.Open}, mostOpen, "")
	return open, next != "", err
}

// show answers with a page.
func (s *web) show(v *view, status int, p page) error {
	open, more, err := s.openActions(v)
	if err != nil {
		return err
	}
	count := ""
	if len(open) > 0 {
		if count = strconv.Itoa(len(open)); more {
			count += "+"
		}
	}
	return v.write(status, s.frame(v.speech, p.title, Body(
		A(Class("skip"), Href("#main"), g.Text(v.t("nav.skip"))),
		Header(Class("top"),
			A(Class("brand"), Href("/today"), g.Text(name)),
			Button(Type("button"), g.Attr("popovertarget", "rail"), g.Text(v.t("nav.menu")), g.If(count != "", Span(Class("count"), g.Text(count)))),
		),
		Nav(ID("rail"), g.Attr("popover"), Aria("label", v.t("nav.label")),
			A(Class("brand"), Href("/today"), g.Text(name)),
			g.Map(rail, func(e entry) g.Node {
				if e.path == "" {
					return Hr()
				}
				if e.path == "/users" && (!v.who.Admin() || s.Roster.Tenants == nil) { // who is alone has nobody to look after
					return nil
				}
				return A(Href(e.path), g.If(e.path == p.at, Aria("current", "page")), Span(g.Text(v.t(e.name))),
					g.If(e.path == "/review" && count != "", g.Group{
						Span(Class("count"), Aria("hidden", "true"), g.Text(count)), Span(Class("vh"), g.Text(v.t("nav.open", count))),
					}))
			}),
			Div(Class("who"), Span(g.Text(v.who.Name)), g.If(s.SignIn, A(Href("/auth/sign-out"), g.Text(v.t("nav.out"))))),
		),
		Main(ID("main"), TabIndex("-1"),
			Div(Class("bar"), H1(g.Text(p.title)), g.Group(p.bar)),
			g.Group(p.body),
		),
	)))
}

// name is that of the product.
const name = "Admin Assistant"

// frame is a document with what all of them have in their heads.
func (s *web) frame(in speech, title string, body g.Node) g.Node {
	return Doctype(HTML(Lang(in.lang),
		Head(
			Meta(Charset("utf-8")),
			Meta(Name("viewport"), Content("width=device-width, initial-scale=1")),
			Meta(Name("color-scheme"), Content("light dark")),
			Meta(Name("htmx-config"), Content(`{"includeIndicatorCSS":false,"history":false}`)),
			TitleEl(g.Text(title+" · "+name)),
			Link(Rel("stylesheet"), Href(s.static.style)),
			Link(Rel("icon"), Href(s.static.icon)),
			Script(Src(s.static.htmx), Defer()),
			Script(Src(s.static.script), Defer()),
		),
		body,
	))
}

// form is a form that takes effect once.
func (s *web) form(v *view, to string, nodes ...g.Node) g.Node {
	return Form(Method("post"), Action(to),
		s.token(v),
		Input(Type("hidden"), Name("idempotency_key"), Value(s.NewID())),
		g.Group(nodes),
	)
}

// token is the field by which a form is known to come from a page of the session.
func (s *web) token(v *view) g.Node { return hidden("csrf_token", httpapi.FormToken(v.ctx)) }

// hidden is a field that is not shown.
func hidden(name, value string) g.Node { return Input(Type("hidden"), Name(name), Value(value)) }

// link is an address with a query, in the order of its pairs; those without a value are left out.
func link(path string, pairs ...string) string {
	var q []string
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q = append(q, pairs[i]+"="+url.QueryEscape(pairs[i+1]))
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + strings.Join(q, "&")
}

// cell is a cell of a table whose rows stand below each other on a phone, where it says of which column it is.
func (v *view) cell(of string, nodes ...g.Node) g.Node {
	return Td(g.Attr("data-of", v.t(of)), g.Group(nodes))
}

// key shows which key does the same.
func key(label string) g.Node { return g.El("kbd", Aria("hidden", "true"), g.Text(label)) }

// fieldProblem stands under the field that it is about.
func fieldProblem(id, text string) g.Node {
	if text == "" {
		return nil
	}
	return P(ID(id+"-problem"), Class("problem"), g.Text(text))
}

// empty is what a page says that has nothing to show: what to do first.
func empty(title, text string, more ...g.Node) g.Node {
	return Div(Class("card empty"), H2(g.Text(title)), P(g.Text(text)), g.Group(more))
}

// refuse shows why a request was not answered.
func (s *web) refuse(w http.ResponseWriter, r *http.Request, why httpapi.Refusal) {
	in := s.speechFor(r)
	title := in.t("refused.other")
	if has("refused." + why.Code) {
		title = in.t("refused." + why.Code)
	}
	v := &view{w: w, r: r, speech: in}
	form, text := r.Method == http.MethodPost, in.failure(why.Detail)
	if has("refusal." + why.Code) {
		text = in.t("refusal." + why.Code)
	}
	_ = v.write(why.Status, s.frame(in, title, Body(Class("plain"), g.If(form, g.Attr("data-refused")), Main(ID("main"),
		P(Class("brand"), g.Text(name)),
		Div(Class("card empty"),
			H1(g.Text(title)),
			P(Role("alert"), g.Text(text)),
			g.If(form, P(Class("givenback"), g.Text(in.t("refused.kept")))),
			P(Class("buttons"), A(Class("button primary"), Href("/today"), g.Text(in.t("refused.home"))),
				g.If(form, A(Class("button givenback"), Href("/today"), g.Text(in.t("refused.back"))))),
			P(Class("muted"), g.Text(in.t("refused.reference")+" "), Code(g.Text(why.Correlation))),
		),
	))))
}

// sentence begins with a capital letter and ends with a full stop.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	_, first := utf8.DecodeRuneInString(text)
	return strings.ToUpper(text[:first]) + strings.TrimSuffix(text[first:], ".") + "."
}
