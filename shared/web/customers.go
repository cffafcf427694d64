package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	spent "adminassistant/shared/hours"
	"adminassistant/shared/store"
	"adminassistant/shared/timesheet"
)

// unknownDays is how far back customers are looked for that nobody recorded.
const unknownDays = 90

// listCustomers shows who is recorded, and who is named in the archive without being recorded.
func (s *web) listCustomers(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	v.assume(configs)
	book, err := s.Customers.Book(v.ctx, v.user)
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.customers"), at: "/customers", bar: []g.Node{
		customerTabs(v, "/customers"), Span(Class("grow")), configChooser(v, "/customers", ofAny(c), configs),
		A(Class("button primary"), Href("/customers/new"), g.Attr("data-key", "n"), g.Text(v.t("customers.new")), key("n")),
	}}
	if v.r.URL.Query().Get("saved") == "1" {
		p.body = append(p.body, P(Class("done"), Role("status"), g.Text(v.t("settings.saved"))))
	}
	var unknown []spent.Unknown
	if c != nil {
		zone := zoneOf(c.Timezone)
		today := calendar.DateOf(v.now, zone)
		w, err := calendar.NewWindow(today.AddDays(1-unknownDays), today, zone)
		if err != nil {
			return err
		}
		if unknown, err = (&spent.Reader{Ledger: s.Ledger, Customers: s.Customers}).Unknowns(v.ctx, v.user, c.ID, w); err != nil {
			return err
		}
	}
	all := book.All()
	if len(all) == 0 && len(unknown) == 0 {
		p.body = append(p.body, empty(v.t("customers.none"), v.t("customers.none.text"),
			P(A(Class("button primary"), Href("/customers/new"), g.Text(v.t("customers.new"))))))
		return s.show(v, http.StatusOK, p)
	}
	if len(unknown) > 0 {
		p.body = append(p.body, unknownCard(v, unknown))
	}
	if len(all) > 0 {
		p.body = append(p.body, customerTable(v, all))
	}
	return s.show(v, http.StatusOK, p)
}

// ofAny is a config, or one without an id.
func ofAny(c *archive.Config) *archive.Config {
	if c == nil {
		return &archive.Config{}
	}
	return c
}

// customerTabs leads to the customers, and to the categories that name them.
func customerTabs(v *view, at string) g.Node {
	return tabs(v.t("nav.customers"), []string{"/customers", "/categories"}, at, func(path string) (string, string) {
		if path == "/categories" {
			return path, v.t("categories.title")
		}
		return path, v.t("nav.customers")
	})
}

func unknownCard(v *view, unknown []spent.Unknown) g.Node {
	return Section(Class("card"), Aria("labelledby", "unknown"), H2(ID("unknown"), g.Text(v.t("customers.unknown"))),
		P(Class("muted"), g.Text(v.t("customers.unknown.text", unknownDays))),
		Ul(Class("rows"), g.Map(unknown, func(u spent.Unknown) g.Node {
			much := v.n("customers.entries", u.Entries) + ", " + hours(u.Long) + " · " + v.t("customers.last", v.shortDay(u.Last))
			return Li(Div(B(g.Text(u.Name)), g.Text(" "), Small(g.Text(much))),
				A(Class("button"), Href(link("/customers/new", "name", u.Name)), Aria("label", v.t("customers.recordit")+": "+u.Name), g.Text(v.t("customers.recordit"))))
		})))
}

func customerTable(v *view, all []customer.Customer) g.Node {
	today := calendar.DateOf(v.now, v.zone())
	return Section(Class("card"), Aria("label", v.t("nav.customers")), scroll(v.t("nav.customers"), Table(
		heads(v, "hours.customer", "", "customer.rate", "n", "customer.travel", "n desk", "customer.rounding", "desk"),
		TBody(g.Map(all, func(c customer.Customer) g.Node {
			rate, travel, rounding := "–", "–", "–"
			for _, r := range c.Rates {
				if !today.Before(r.From) {
					rate, travel = v.money(total(r.Work, c.Currency)), "–"
					if share, ok := strings.CutSuffix(r.Travel, "%"); ok {
						travel = v.decimal(share) + " %"
					} else if r.Travel != "" {
						travel = v.money(total(r.Travel, c.Currency))
					}
				}
			}
			for _, r := range c.Rounding {
				if !today.Before(r.From) && r.Increment > 0 {
					rounding = v.t("customer.rounding."+string(r.Mode), r.Increment) + ", " + v.word("sheet.scope", string(r.Scope))
				}
			}
			return Tr(Th(Scope("row"), A(Href("/customers/"+c.ID), g.Text(c.Name)),
				g.If(len(c.Aliases) > 0, g.Group{Br(), Small(g.Text(v.t("customers.also", strings.Join(c.Aliases, ", "))))})),
				Td(Class("n"), g.Text(rate)), Td(Class("n desk"), g.Text(travel)), Td(Class("desk"), g.Text(rounding)))
		})))))
}

func (s *web) newCustomer(v *view) error {
	book, err := s.Customers.Book(v.ctx, v.user)
	if err != nil {
		return err
	}
	c := customer.Customer{Name: v.r.URL.Query().Get("name"), Address: customer.Address{Locale: v.lang}}
	for _, other := range book.All() {
		if other.Currency != "" {
			c.Currency = other.Currency
		}
	}
	return s.showCustomer(v, http.StatusOK, c, v.valuesOf(&c), nil)
}

func (s *web) customer(v *view) error {
	c, err := s.Customers.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.showCustomer(v, http.StatusOK, c, v.valuesOf(&c), nil)
}

// comma writes a decimal into a field as it is written in the language, without groups.
func (s speech) comma(text string) string { return strings.Replace(text, ".", s.t("number.point"), 1) }

// valuesOf is a customer as the fields of its form have it.
func (v *view) valuesOf(c *customer.Customer) url.Values {
	f := url.Values{
		"name": {c.Name}, "aliases": {strings.Join(c.Aliases, "\n")}, "currency": {c.Currency}, "travel_policy": {string(c.Policy())}, "locale": {c.Language()},
		"buyer_reference": {c.BuyerReference}, "order_number": {c.OrderNumber}, "address": {strings.Join(c.Lines, "\n")}, "emails": {strings.Join(c.Emails, "\n")},
	}
	if c.DayMinutes > 0 {
		f.Set("day_minutes", strconv.Itoa(c.DayMinutes))
	}
	for i, r := range c.Rates {
		row(f, "rates", i, "from", r.From.String(), "work", v.comma(r.Work), "travel", v.comma(r.Travel))
	}
	for i, r := range c.Rounding {
		row(f, "rounding", i, "from", r.From.String(), "increment", strconv.Itoa(r.Increment), "mode", string(r.Mode), "scope", string(r.Scope),
			"least", strconv.Itoa(r.Least))
	}
	return f
}

// row puts a row of fields into a form.
func row(f url.Values, list string, i int, pairs ...string) {
	for n := 0; n < len(pairs); n += 2 {
		f.Set(fmt.Sprintf("%s[%d].%s", list, i, pairs[n]), pairs[n+1])
	}
}

// rows returns the rows of a form in which one of the needed fields has something, each by the names of its fields. Every row has the first of them.
func rows(f url.Values, list string, needed []string, names ...string) (found []map[string]string) {
	for i := 0; f.Has(fmt.Sprintf("%s[%d].%s", list, i, names[0])); i++ {
		one := map[string]string{}
		for _, name := range names {
			one[name] = strings.TrimSpace(f.Get(fmt.Sprintf("%s[%d].%s", list, i, name)))
		}
		for _, name := range needed {
			if one[name] != "" {
				found = append(found, one)
				break
			}
		}
	}
	return found
}

// each returns the lines of a text that have something in them.
func each(text string) (all []string) {
	for line := range strings.SplitSeq(text, "\n") {
		if line = strings.TrimSpace(line); line != "" {
			all = append(all, line)
		}
	}
	return all
}

// customerOf reads a form. Rows of fields without anything in them are left out; values has the form without them. Errors are of kind fault.Invalid and name
// the field.
func customerOf(f url.Values) (c customer.Customer, values url.Values, err error) {
	values = url.Values{}
	for name := range f {
		if !strings.Contains(name, "[") {
			values.Set(name, f.Get(name))
		}
	}
	wrong := func(e error) {
		if err == nil {
			err = e
		}
	}
	number := func(field, text string) int {
		n, e := strconv.Atoi(text)
		if text != "" && e != nil {
			wrong(fault.Field(field, "must be a whole number of minutes, not %.20q", text))
		}
		return n
	}
	c.Name, c.Aliases, c.Currency = strings.TrimSpace(f.Get("name")), each(f.Get("aliases")), strings.ToUpper(strings.TrimSpace(f.Get("currency")))
	c.Address = customer.Address{
		Locale: f.Get("locale"), BuyerReference: strings.TrimSpace(f.Get("buyer_reference")), OrderNumber: strings.TrimSpace(f.Get("order_number")),
		Lines: each(f.Get("address")), Emails: each(f.Get("emails")),
	}
	c.Travel, c.DayMinutes = customer.Policy(f.Get("travel_policy")), number("day_minutes", strings.TrimSpace(f.Get("day_minutes")))
	for i, r := range rows(f, "rates", []string{"from", "work", "travel"}, "from", "work", "travel") {
		row(values, "rates", i, "from", r["from"], "work", r["work"], "travel", r["travel"])
		rate := customer.Rate{Work: typed(r["work"]), Travel: strings.ReplaceAll(typed(r["travel"]), " ", "")}
		var e error
		if rate.From, e = archive.ReadDay(fmt.Sprintf("rates[%d].from", i), r["from"]); e != nil {
			wrong(e)
		}
		c.Rates = append(c.Rates, rate)
	}
	for i, r := range rows(f, "rounding", []string{"from"}, "from", "increment", "mode", "scope", "least") {
		row(values, "rounding", i, "from", r["from"], "increment", r["increment"], "mode", r["mode"], "scope", r["scope"], "least", r["least"])
		at := fmt.Sprintf("rounding[%d].", i)
		rounding := customer.Rounding{
			Increment: number(at+"increment", r["increment"]), Mode: customer.Mode(r["mode"]), Scope: customer.Scope(r["scope"]), Least: number(at+"least", r["least"]),
		}
		var e error
		if rounding.From, e = archive.ReadDay(at+"from", r["from"]); e != nil {
			wrong(e)
		}
		c.Rounding = append(c.Rounding, rounding)
	}
	return c, values, err
}

// listFields are those of a customer's form that have a line for each of several.
var listFields = []string{"aliases", "address", "emails"}

// ofLine has an error about one line of a field be about the field.
func ofLine(err error) error {
	field := fault.FieldOf(err)
	for _, name := range listFields {
		if rest, ok := strings.CutPrefix(field, name+"["); ok {
			n, _, _ := strings.Cut(rest, "]")
			if i, e := strconv.Atoi(n); e == nil {
				return fault.Field(name, "line %d %s", i+1, strings.TrimPrefix(err.Error(), field+" "))
			}
		}
	}
	return err
}

// increments are the minutes to which time may be rounded that are offered: the divisors of an hour.
var increments = []int{0, 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60}

// currencies are those that are proposed; any other of ISO 4217 may be typed.
var currencies = []string{"EUR", "CHF", "GBP", "USD", "SEK", "DKK", "NOK", "PLN", "CZK"}

// showCustomer shows a customer to be changed, or a new one; wrong is what is wrong with the values.
func (s *web) showCustomer(v *view, status int, c customer.Customer, values url.Values, wrong error) error {
	p := page{title: c.Name, at: "/customers"}
	to, save := "/customers/"+c.ID, "settings.save"
	if c.ID == "" {
		p.title, to, save = v.t("customers.new"), "/customers", "customers.add"
	}
	p.bar = []g.Node{Span(Class("grow")), A(Class("button"), Href("/customers"), g.Attr("data-key", "Escape"), g.Text(v.t("nav.customers")))}
	if v.r.URL.Query().Get("saved") == "1" {
		p.body = append(p.body, P(Class("done"), Role("status"), g.Text(v.t("settings.saved"))))
	}
	changed := errors.Is(wrong, store.ErrConflict)
	if changed {
		wrong = nil
	}
	f := filling(v, values, wrong)
	held, err := s.heldOf(v, &c, wrong)
	if err != nil {
		return err
	}
	fields := g.Group{
		Section(Class("card"), H2(g.Text(v.t("customer.who"))),
			f.field("name", v.t("customer.name"), v.t("customer.name.hint"), f.text("name", "text", Required(), g.Attr("maxlength", "100"), AutoComplete("off"))),
			f.field("aliases", v.t("customer.aliases"), v.t("customer.aliases.hint"), f.area("aliases", "2")),
		),
		Section(Class("card"), H2(g.Text(v.t("customer.money"))),
			f.fieldAs("field small", "currency", v.t("customer.currency"), v.t("customer.currency.hint"), f.text("currency", "text", g.Attr("maxlength", "3"),
				g.Attr("list", "currencies"), AutoComplete("off"))),
			DataList(ID("currencies"), g.Map(currencies, func(code string) g.Node { return Option(Value(code)) })),
			f.rates(), f.roundings(),
			f.fieldAs("field small", "day_minutes", v.t("customer.day"), v.t("customer.day.hint"), f.text("day_minutes", "number", Min("0"), Max("1440"))),
			f.field("travel_policy", v.t("customer.policy"), "", f.choice("travel_policy", [2]string{"to", v.t("policy.to")}, [2]string{"both", v.t("policy.both")},
				[2]string{"none", v.t("policy.none")})),
		),
		Section(Class("card"), H2(g.Text(v.t("customer.sheet"))),
			f.field("locale", v.t("settings.language"), v.t("customer.locale.hint"), f.choice("locale", [2]string{"en", "English"}, [2]string{"de", "Deutsch"})),
			f.field("address", v.t("customer.address"), v.t("customer.line"), f.area("address", "3")),
			f.field("emails", v.t("customer.emails"), v.t("customer.line"), f.area("emails", "2")),
			Div(Class("pair"), f.field("order_number", v.t("customer.order"), "", f.text("order_number", "text")),
				f.field("buyer_reference", v.t("customer.buyer"), "", f.text("buyer_reference", "text"))),
		),
		P(Button(Class("primary"), Type("submit"), g.Text(v.t(save)))),
	}
	if changed {
		p.body = append(p.body, P(Class("problem"), Role("alert"), g.Text(v.t("customer.changed")+" "), A(Href(to), g.Text(v.t("customer.anew")))))
	}
	p.body = append(p.body, held, f.rest(), Div(Class("review"),
		s.form(v, to, Class("stacked"), hidden("version", strconv.FormatInt(c.Version, 10)), fields),
		g.Iff(c.ID != "", func() g.Node { return s.besideCustomer(v, &c, f) })))
	return s.show(v, status, p)
}

// cell is a field in a table, whose label is that of its column.
func (f *filled) cell(name, label string, in input) g.Node {
	problem := f.wrong[name]
	f.said[name] = true
	id := fieldID(name)
	return Td(g.Attr("data-of", label), in(ID(id), Name(name), Aria("label", label),
		g.If(problem != "", g.Group{Aria("invalid", "true"), Aria("describedby", id+"-problem")})),
		fieldProblem(id, problem))
}

// filledRows is how many rows of a list a form has.
func (f *filled) filledRows(list string) (n int) {
	for f.values.Has(fmt.Sprintf("%s[%d].from", list, n)) {
		n++
	}
	return n
}

// rates are the rows of rates, and one more for another.
func (f *filled) rates() g.Node {
	return Div(Class("field"), P(Class("label"), ID("rates"), g.Text(f.t("customer.rates"))), scroll(f.t("customer.rates"), Table(Class("inputs"),
		heads(f.view, "customer.from", "", "customer.hour", "", "customer.travelhour", ""),
		TBody(g.Map(numbers(f.filledRows("rates")+1), func(i int) g.Node {
			at := fmt.Sprintf("rates[%d].", i)
			nth := fmt.Sprintf(" %d", i+1)
			return Tr(f.cell(at+"from", f.t("customer.from")+nth, f.text(at+"from", "date")),
				f.cell(at+"work", f.t("customer.hour")+nth, f.text(at+"work", "text", g.Attr("inputmode", "decimal"), Placeholder(f.comma("120.00")))),
				f.cell(at+"travel", f.t("customer.travelhour")+nth, f.text(at+"travel", "text", Placeholder("50%"))))
		})))),
		P(Class("hint"), g.Text(f.t("customer.rates.hint"))))
}

// roundings are the rows of how time is rounded, and one more.
func (f *filled) roundings() g.Node {
	return Div(Class("field"), P(Class("label"), g.Text(f.t("customer.rounding"))), scroll(f.t("customer.rounding"), Table(Class("inputs"),
		heads(f.view, "customer.from", "", "customer.increment", "", "customer.mode", "", "customer.scope", "", "customer.least", ""),
		TBody(g.Map(numbers(f.filledRows("rounding")+1), func(i int) g.Node {
			at := fmt.Sprintf("rounding[%d].", i)
			nth := fmt.Sprintf(" %d", i+1)
			var steps [][2]string
			for _, n := range increments {
				name := f.t("customer.minutes", n)
				if n == 0 {
					name = f.t("customer.exact")
				}
				steps = append(steps, [2]string{strconv.Itoa(n), name})
			}
			return Tr(f.cell(at+"from", f.t("customer.from")+nth, f.text(at+"from", "date")),
				f.cell(at+"increment", f.t("customer.increment")+nth, f.choice(at+"increment", steps...)),
				f.cell(at+"mode", f.t("customer.mode")+nth, f.choice(at+"mode", [2]string{"up", f.t("mode.up")}, [2]string{"nearest", f.t("mode.nearest")})),
				f.cell(at+"scope", f.t("customer.scope")+nth, f.choice(at+"scope", [2]string{"day", f.t("sheet.scope.day")}, [2]string{"entry", f.t("sheet.scope.entry")},
					[2]string{"position", f.t("sheet.scope.position")})),
				f.cell(at+"least", f.t("customer.least")+nth, f.text(at+"least", "number", Min("0"), Max("1440"), Placeholder("0"))))
		})))),
		P(Class("hint"), g.Text(f.t("customer.rounding.hint"))))
}

// heldOf shows the addresses of a customer to which no sheets are sent, with what lets them through again; wrong is what is wrong with that.
func (s *web) heldOf(v *view, c *customer.Customer, wrong error) (g.Node, error) {
	held, err := s.Timesheets.HeldOf(v.ctx, c)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	return Section(Class("card"), Aria("labelledby", "held"), H2(ID("held"), g.Text(v.t("customer.held"))),
		g.Map(held, func(h timesheet.Held) g.Node {
			text := v.t("customer.held.text", h.Address, v.day(calendar.DateOf(h.Since, v.zone())), v.word("mail.returned", string(h.Why)))
			again := []g.Node{hidden("address", h.Address)}
			switch h.Again {
			case timesheet.ByNobody:
				return P(g.Text(text+" "), g.Text(v.t("customer.held.never")))
			case timesheet.ByConfirmation:
				problem := ""
				if v.r.PostForm.Get("address") == h.Address {
					problem = v.wrongIn(wrong, "confirm")
				}
				again = append(again, P(g.Text(v.t("customer.held.ask"))),
					labelled("confirm", v.t("customer.held.confirm"), "", problem, textInput("text", "", AutoComplete("off"), g.Attr("spellcheck", "false"))))
			}
			return g.Group{P(g.Text(text)), s.form(v, "/customers/"+c.ID+"/mail", g.Group(again), P(Button(Type("submit"),
				Aria("label", v.t("users.mail.again")+": "+h.Address), g.Text(v.t("users.mail.again")))))}
		}),
	), nil
}

// mailCustomerAgain lets sheets to an address of a customer through again.
func (s *web) mailCustomerAgain(v *view) error {
	id, f := v.r.PathValue("id"), v.r.PostForm
	err := s.Timesheets.MailAgain(v.ctx, v.user, id, f.Get("address"), f.Get("confirm"))
	if !refusable(err) {
		if err != nil {
			return err
		}
		return v.redirect("/customers/" + id + "?saved=1")
	}
	c, gone := s.Customers.Get(v.ctx, v.user, id)
	if gone != nil {
		return gone
	}
	return s.showCustomer(v, statusOf(err), c, v.valuesOf(&c), err)
}

// besideCustomer is what else can be done with a customer.
func (s *web) besideCustomer(v *view, c *customer.Customer, f *filled) g.Node {
	version := hidden("version", strconv.FormatInt(c.Version, 10))
	return Div(Class("stacked"),
		Section(Class("card"), Aria("labelledby", "merge"), H2(ID("merge"), g.Text(v.t("customer.merge"))),
			P(Class("muted"), g.Text(v.t("customer.merge.text", c.Name))),
			s.form(v, "/customers/"+c.ID+"/merge", version,
				f.field("other", v.t("customer.other"), "", f.text("other", "text", Required(), g.Attr("maxlength", "100"), AutoComplete("off"))),
				P(Button(Type("submit"), g.Text(v.t("customer.merge.do")))))),
		Section(Class("card"), Aria("labelledby", "remove"), H2(ID("remove"), g.Text(v.t("customer.remove"))), P(Class("muted"), g.Text(v.t("customer.remove.text"))),
			s.form(v, "/customers/"+c.ID+"/remove", version, Button(Type("submit"), g.Text(v.t("customer.remove.do"))))),
	)
}

func (s *web) createCustomer(v *view) error {
	c, values, err := customerOf(v.r.PostForm)
	if err == nil {
		_, err = s.Customers.Create(v.ctx, v.user, c)
	}
	if refusable(err) {
		return s.showCustomer(v, statusOf(err), customer.Customer{}, values, ofLine(err))
	}
	if err != nil {
		return err
	}
	return v.redirect("/customers?saved=1")
}

// seen is the version of something that a form was made from.
func (v *view) seen() int64 {
	version, _ := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64) // what is no number is no version that there is
	return version
}

func (s *web) saveCustomer(v *view) error {
	was, err := s.Customers.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	c, values, err := customerOf(v.r.PostForm)
	if err == nil {
		c.ID, c.Version = was.ID, v.seen()
		_, err = s.Customers.Update(v.ctx, v.user, c)
	}
	return s.afterCustomer(v, was, values, err, "/customers/"+was.ID+"?saved=1")
}

// afterCustomer shows a customer once more where a form about it was refused, or leads on.
func (s *web) afterCustomer(v *view, was customer.Customer, values url.Values, err error, to string) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.showCustomer(v, http.StatusConflict, was, values, store.ErrConflict)
	case refusable(err):
		return s.showCustomer(v, statusOf(err), was, values, ofLine(err))
	case err != nil:
		return err
	}
	return v.redirect(to)
}

func (s *web) mergeCustomer(v *view) error {
	was, err := s.Customers.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	other := strings.TrimSpace(v.r.PostForm.Get("other"))
	if _, err = s.Customers.Merge(v.ctx, v.user, was.ID, v.seen(), other); fault.Of(err) == fault.Invalid && !errors.Is(err, store.ErrConflict) {
		err = fault.Field("other", "%s", strings.TrimPrefix(err.Error(), fault.FieldOf(err)+" "))
	}
	values := v.valuesOf(&was)
	values.Set("other", other)
	return s.afterCustomer(v, was, values, err, "/customers/"+was.ID+"?saved=1")
}

func (s *web) removeCustomer(v *view) error {
	was, err := s.Customers.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	err = s.Customers.Delete(v.ctx, v.user, was.ID, v.seen())
	return s.afterCustomer(v, was, v.valuesOf(&was), err, "/customers")
}
