package web

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/category"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/mastercategory"
)

const (
	// checkedDays is how far back the categories of events are looked at.
	checkedDays = 30
	// carriedDays is how far back and ahead events are counted that carry a category's old name.
	carriedDays = 365
	// mostIssues is how many events a page names whose categories cannot be read as they are meant.
	mostIssues = 100
)

// Categories is what keeps the categories of an account, and has its events.
type Categories interface {
	httpapi.Categories
	mastercategory.Events
}

// palette is the categories of the account of a config's source, as a page shows them.
type palette struct {
	*view
	config  archive.Config
	configs []archive.Config
	lists   Categories
	list    []calendar.Category
	book    *customer.Book
}

// palette reads the categories that a request is about; nil: nothing is archived.
func (s *web) palette(v *view) (*palette, error) {
	c, configs, err := s.choose(v)
	if c == nil || err != nil {
		return nil, err
	}
	p := &palette{view: v, config: *c, configs: configs}
	if p.lists, err = s.Categories(v.ctx, v.user, c.Source); err != nil {
		return p, err
	}
	if p.list, err = p.lists.Categories(v.ctx, c.Source.Account); err != nil {
		return p, err
	}
	p.list = slices.Clone(p.list)
	slices.SortFunc(p.list, func(a, b calendar.Category) int {
		return strings.Compare(calendar.Folded(a.Name), calendar.Folded(b.Name))
	})
	p.book, err = s.Customers.Book(v.ctx, v.user)
	return p, err
}

func (s *web) categories(v *view) error { return s.showCategories(v, http.StatusOK, nil) }

// showCategories shows the categories of an account; wrong is why one could not be made or changed.
func (s *web) showCategories(v *view, status int, wrong error) error {
	p, err := s.palette(v)
	out := page{title: v.t("categories.title"), at: "/customers", bar: []g.Node{customerTabs(v, "/categories")}}
	switch {
	case p == nil && err == nil:
		out.body = []g.Node{s.noConfig(v)}
		return s.show(v, http.StatusOK, out)
	case p == nil:
		return err
	case err != nil: // customers work all the same
		out.body = []g.Node{empty(v.t("categories.unread"), v.wrong(err), P(A(Class("button"), Href("/customers"), g.Text(v.t("nav.customers")))))}
		if fault.Of(err) == fault.Internal {
			return err
		}
		return s.show(v, http.StatusOK, out)
	}
	out.bar = append(out.bar, Span(Class("grow")), configChooser(v, "/categories", &p.config, p.configs))
	if n, err := strconv.Atoi(v.r.URL.Query().Get("carrying")); err == nil {
		out.body = append(out.body, P(Class("done"), Role("status"), g.Text(v.n("categories.renamed", n))))
	}
	f := filling(v, v.r.PostForm, wrong)
	rows := g.Node(empty(v.t("categories.none"), v.t("categories.none.text")))
	if len(p.list) > 0 {
		rows = p.table(s)
	}
	form := p.form(s, f)
	issues, err := p.issues()
	if err != nil {
		return err
	}
	out.body = append(out.body, f.rest(), Div(Class("review"), Div(Class("stacked"), rows, issues), Div(Class("stacked"), form, p.check())))
	return s.show(v, status, out)
}

// swatch is a category's colour; its name stands beside it, or in it for those who hear it.
func (p *palette) swatch(colour string) g.Node {
	return Span(Class("swatch colour-"+colour), Aria("hidden", "true"))
}

func (p *palette) colours(chosen string) g.Node {
	return g.Map(calendar.Colours, func(colour string) g.Node {
		return Option(Value(colour), g.If(colour == cmp.Or(chosen, calendar.NoColour), Selected()), g.Text(p.word("colour", colour)))
	})
}

// reading says whom a category names.
func (p *palette) reading(name string) g.Node {
	who, billing, err := category.Read(name)
	switch {
	case err != nil:
		return Span(Class("unread-category"), g.Text(p.t("categories.nocustomer")))
	case who == "":
		return Span(Class("muted"), g.Text(p.t("categories.marker")))
	}
	known := p.book.Find(who)
	text := p.book.Named(who) + ", " + p.word("billing", string(billing))
	switch {
	case known != nil:
		return A(Href("/customers/"+known.ID), g.Text(text))
	case category.OwnTime(who, billing):
		return g.Text(text)
	}
	return g.Group{g.Text(text + " "), A(Class("new"), Href(link("/customers/new", "name", who)), g.Text(p.t("customers.record")))}
}

func (p *palette) table(s *web) g.Node {
	return Section(Class("card"), Aria("label", p.t("categories.title")), scroll(p.t("categories.title"), Table(Class("categories"),
		heads(p.view, "categories.name", "", "categories.reads", "desk", "", ""),
		TBody(g.Map(numbers(len(p.list)), func(i int) g.Node {
			c := &p.list[i]
			id := "colour-" + c.ID
			config := hidden("config", p.config.ID)
			return Tr(Th(Scope("row"), p.swatch(c.Colour), g.Text(c.Name), Span(Class("vh"), g.Text(", "+p.word("colour", c.Colour))),
				Small(Class("phone"), p.reading(c.Name))),
				Td(Class("desk"), p.reading(c.Name)),
				Td(Details(Class("own"), Summary(Aria("label", p.t("categories.change")+": "+c.Name), g.Text(p.t("categories.change"))),
					s.form(p.view, "/categories/"+c.ID+"/colour", Class("inline"), config, Label(Class("vh"), For(id), g.Text(p.t("categories.colour"))),
						Select(ID(id), Name("colour"), p.colours(c.Colour)), Button(Type("submit"), g.Text(p.t("categories.recolour")))),
					s.form(p.view, "/categories/rename", Class("inline"), config, hidden("from", c.Name),
						Label(Class("vh"), For("to-"+c.ID), g.Text(p.t("categories.newname"))),
						Input(ID("to-"+c.ID), Name("to"), Type("text"), Value(c.Name), Required(), g.Attr("maxlength", "255"), AutoComplete("off")),
						Button(Type("submit"), g.Text(p.t("categories.rename")))),
					s.form(p.view, "/categories/"+c.ID+"/remove", config, Button(Type("submit"), g.Text(p.t("categories.remove"))),
						Small(g.Text(" "+p.t("categories.remove.hint")))),
				)))
		})))))
}

func (p *palette) form(s *web, f *filled) g.Node {
	fields := g.Group{
		f.field("name", p.t("categories.name"), p.t("categories.name.hint"), f.text("name", "text", Required(), g.Attr("maxlength", "255"),
			Placeholder("Acme - billable"), AutoComplete("off"))),
		f.field("colour", p.t("categories.colour"), "", func(more ...g.Node) g.Node { return Select(g.Group(more), p.colours(f.values.Get("colour"))) }),
		P(Button(Type("submit"), Class("primary"), g.Text(p.t("categories.add")))),
	}
	return Section(Class("card"), Aria("labelledby", "new"), H2(ID("new"), g.Text(p.t("categories.new"))),
		s.form(p.view, "/categories", hidden("config", p.config.ID), fields))
}

// check offers to look at the events' categories.
func (p *palette) check() g.Node {
	return Section(Class("card"), Aria("labelledby", "check"), H2(ID("check"), g.Text(p.t("categories.check"))),
		P(Class("muted"), g.Text(p.t("categories.check.text"))),
		P(A(Class("button"), Href(link("/categories", "check", "yes", "config", ofConfig(&p.config, p.configs))), g.Text(p.t("categories.check.do", checkedDays)))))
}

// issues are the events of the last days whose categories cannot be read as they are meant, if they are asked for.
func (p *palette) issues() (g.Node, error) {
	if p.r.URL.Query().Get("check") == "" {
		return nil, nil
	}
	zone := zoneOf(p.config.Timezone)
	today := calendar.DateOf(p.now, zone)
	w, err := calendar.NewWindow(today.AddDays(1-checkedDays), today, zone)
	if err != nil {
		return nil, err
	}
	info, err := p.lists.Calendar(p.ctx, p.config.Source)
	if err != nil {
		return nil, err
	}
	r, err := mastercategory.Validate(p.ctx, p.lists, p.config.Source.Account, info.ID, w, p.list, p.book)
	if err != nil {
		return nil, err
	}
	var nodes []g.Node
	if len(r.Issues) > 0 {
		nodes = append(nodes, scroll(p.t("categories.check"), Table(heads(p.view, "item.when", "", "item.subject", "", "item.why", ""),
			TBody(g.Map(r.Issues[:min(len(r.Issues), mostIssues)], func(i mastercategory.Issue) g.Node {
				return Tr(Td(Class("when"), g.Text(p.shortDay(i.Date))),
					Td(g.Text(cmp.Or(i.Subject, p.t("calendar.untitled")))), Td(Class("why"), g.Text(p.failure(i.Problem))))
			})))))
		if r.IssueCount > mostIssues {
			nodes = append(nodes, P(Class("muted"), g.Text(p.t("undo.more", r.IssueCount-mostIssues))))
		}
	} else {
		nodes = append(nodes, P(g.Text(p.t("categories.fine"))))
	}
	if len(r.Unlisted) > 0 {
		names := make([]string, len(r.Unlisted))
		for i, u := range r.Unlisted {
			names[i] = u.Name
		}
		nodes = append(nodes, P(Class("muted"), g.Text(p.t("categories.unlisted", strings.Join(names, ", ")))))
	}
	return Section(Class("card"), Aria("labelledby", "issues"), H2(ID("issues"), g.Text(p.t("categories.issues", p.days(w.From, w.To)))),
		P(Class("muted"), g.Text(p.t("categories.looked", r.Events, r.Without))), g.Group(nodes)), nil
}

// changeCategories carries a form about categories out.
func (s *web) changeCategories(v *view, change func(p *palette) (to string, err error)) error {
	p, err := s.palette(v)
	if err == nil && p == nil {
		err = fault.New(fault.NotFound, "nothing is archived yet")
	}
	if err != nil {
		return err
	}
	to, err := change(p)
	if refusable(err) || fault.Of(err) == fault.Forbidden {
		return s.showCategories(v, statusOf(err), err)
	}
	if errors.Is(err, calendar.ErrNotFound) {
		err = fault.New(fault.NotFound, "there is no such category")
	}
	if err != nil {
		return err
	}
	return v.redirect(to)
}

// home is the page of the categories of a config.
func (p *palette) home(pairs ...string) string {
	return link("/categories", append(pairs, "config", ofConfig(&p.config, p.configs))...)
}

func (s *web) createCategory(v *view) error {
	return s.changeCategories(v, func(p *palette) (string, error) {
		_, err := mastercategory.Create(v.ctx, p.lists, p.config.Source.Account, strings.TrimSpace(v.r.PostForm.Get("name")), v.r.PostForm.Get("colour"))
		return p.home(), err
	})
}

func (s *web) recolourCategory(v *view) error {
	return s.changeCategories(v, func(p *palette) (string, error) {
		return p.home(), p.lists.RecolourCategory(v.ctx, p.config.Source.Account, v.r.PathValue("id"), v.r.PostForm.Get("colour"))
	})
}

func (s *web) removeCategory(v *view) error {
	return s.changeCategories(v, func(p *palette) (string, error) {
		return p.home(), p.lists.DeleteCategory(v.ctx, p.config.Source.Account, v.r.PathValue("id"))
	})
}

// renameCategory makes a category of the new name, and the customer of the old one an alias of that of the new one.
func (s *web) renameCategory(v *view) error {
	return s.changeCategories(v, func(p *palette) (string, error) {
		account := p.config.Source.Account
		r := mastercategory.Renaming{
			User: v.user, Account: account, From: v.r.PostForm.Get("from"), To: strings.TrimSpace(v.r.PostForm.Get("to")), Lists: p.lists, Customers: s.Customers,
			Events: p.lists, Since: v.now.AddDate(0, 0, -carriedDays), Until: v.now.AddDate(0, 0, carriedDays),
		}
		for _, c := range p.configs {
			if c.Source.Provider == p.config.Source.Provider && calendar.Folded(c.Source.Account) == calendar.Folded(account) && !slices.Contains(r.Sources, c.Source) {
				r.Sources = append(r.Sources, c.Source)
			}
		}
		done, err := r.Rename(v.ctx)
		return p.home("carrying", strconv.Itoa(done.Carrying)), err
	})
}
