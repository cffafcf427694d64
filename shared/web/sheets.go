package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	spent "adminassistant/shared/hours"
	"adminassistant/shared/timesheet"
)

const (
	// sheetsOnPage is how many timesheets a page of the list has, and mostSheets how many are looked at for those of a month.
	sheetsOnPage = 25
	mostSheets   = 500
	// beforePeriod is how long before its period a timesheet may have been made and still be found by its month.
	beforePeriod = 370 * 24 * time.Hour
)

func (s *web) listSheets(v *view) error { return s.showSheets(v, http.StatusOK, nil) }

// ofMonth is a customer in a month.
type ofMonth struct {
	customer string
	row      spent.Row
	sheets   []*timesheet.Record
}

// missing says whether there is time to bill and no timesheet of it.
func (it *ofMonth) missing() bool { return len(it.sheets) == 0 && it.row.Billable+it.row.Travel > 0 }

// showSheets shows who has a timesheet of a month and who has none, and the newest ones; wrong is what is wrong with one that was to be made.
func (s *web) showSheets(v *view, status int, wrong error) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.timesheets"), at: "/timesheets"}
	if c == nil {
		p.body = []g.Node{s.noConfig(v)}
		return s.show(v, http.StatusOK, p)
	}
	v.assume(configs)
	zone := zoneOf(c.Timezone)
	today := calendar.DateOf(v.now, zone)
	from, to := monthOf(monthAfter(today, -1))
	if text := v.r.URL.Query().Get("month"); text != "" {
		day, err := archive.ReadDay("month", text+"-01")
		if err != nil {
			return err
		}
		from, to = monthOf(day)
	} else if day, err := calendar.ParseDate(v.r.PostForm.Get("from")); err == nil { // of a form that is shown again
		from, to = monthOf(day)
	}
	w, err := calendar.NewWindow(from, to, zone)
	if err != nil {
		return fault.At("month", err)
	}
	b, err := s.booked(v, c, w)
	if err != nil {
		return err
	}
	of, err := s.sheetsOf(v, c, b)
	if err != nil {
		return err
	}
	records, next, err := s.Timesheets.List(v.ctx, v.user, sheetsOnPage, v.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	month := func(first calendar.Date) string {
		return link("/timesheets", "month", first.String()[:7], "config", ofConfig(c, configs))
	}
	p.title = v.t("sheets.title", v.period(from, to))
	p.bar = []g.Node{
		Div(Class("steps"),
			A(Class("button icon"), Href(month(monthAfter(from, -1))), Aria("label", v.t("calendar.before.month")), g.Attr("data-key", "ArrowLeft"), g.Text("‹")),
			A(Class("button home"), Href(link("/timesheets", "config", ofConfig(c, configs))), g.Attr("data-key", "t"), g.Text(v.t("sheets.last"))),
			A(Class("button icon"), Href(month(monthAfter(from, 1))), Aria("label", v.t("calendar.after.month")), g.Attr("data-key", "ArrowRight"), g.Text("›"))),
		Span(Class("grow")),
		configChooser(v, "/timesheets", c, configs, "month", from.String()[:7]),
	}
	p.body = append(p.body, s.monthCard(v, c, b, of), s.sheetForm(v, c, configs, b, wrong))
	if len(records) > 0 {
		p.body = append(p.body, s.sheetTable(v, records, next))
	}
	return s.show(v, status, p)
}

// sheetsOf are the customers of a month with their timesheets, by name.
func (s *web) sheetsOf(v *view, c *archive.Config, b *booked) ([]ofMonth, error) {
	report := spent.Sum(b.entries, b.window, b.book, spent.ByCustomer, v.Weekday())
	by := map[string]*ofMonth{}
	for _, row := range report.Rows {
		if row.Key != "" {
			by[calendar.Folded(row.Key)] = &ofMonth{customer: row.Key, row: row}
		}
	}
	oldest, cursor := b.window.Start().Add(-beforePeriod), ""
	for read := 0; read < mostSheets; read += 100 {
		records, next, err := s.Timesheets.List(v.ctx, v.user, 100, cursor)
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Config != c.ID || r.Period.To.Before(b.window.From) || b.window.To.Before(r.Period.From) {
				continue
			}
			name := b.book.Named(r.Customer)
			it := by[calendar.Folded(name)]
			if it == nil {
				it = &ofMonth{customer: name}
				by[calendar.Folded(name)] = it
			}
			it.sheets = append(it.sheets, r)
		}
		if cursor = next; next == "" || records[len(records)-1].Created.Before(oldest) {
			break
		}
	}
	all := make([]ofMonth, 0, len(by))
	for _, it := range by {
		slices.SortFunc(it.sheets, func(a, b *timesheet.Record) int { return a.Period.From.Compare(b.Period.From) })
		all = append(all, *it)
	}
	slices.SortFunc(all, func(a, b ofMonth) int {
		return strings.Compare(calendar.Folded(a.customer), calendar.Folded(b.customer))
	})
	return all, nil
}

// monthCard shows each customer of a month: hours, what they come to, and the timesheet or the button that makes one.
func (s *web) monthCard(v *view, c *archive.Config, b *booked, of []ofMonth) g.Node {
	title := v.period(b.window.From, b.window.To)
	if len(of) == 0 {
		return empty(v.t("sheets.none"), v.t("sheets.none.text", title),
			P(A(Class("button"), Href(link("/calendar", "view", "month", "on", b.window.From.String())), g.Text(v.t("nav.calendar")))))
	}
	missing := 0
	for i := range of {
		if of[i].missing() {
			missing++
		}
	}
	first, longest := true, time.Duration(1)
	for i := range of {
		longest = max(longest, of[i].row.Whole())
	}
	return Section(Class("card"), Aria("labelledby", "month"), H2(ID("month"), g.Text(v.t("sheets.by")), g.Text(" "),
		g.If(missing > 0, Small(g.Text(v.n("sheets.missing", missing)))), g.If(missing == 0, Small(g.Text(v.t("sheets.complete"))))),
		scroll(title, Table(Class("sheets stacks"),
			heads(v, "hours.customer", "", "tally.bar", "", "hours.billable", "n desk", "hours.travel", "n desk", "hours.nonbillable", "n desk", "money.comes", "n",
				"sheets.sheet", "n"),
			TBody(g.Map(of, func(it ofMonth) g.Node {
				name := g.Node(g.Text(it.customer))
				if len(it.sheets) > 0 {
					name = A(Href("/timesheets/"+it.sheets[0].ID), name)
				}
				return Tr(Th(Scope("row"), name), Td(Class("bars"), lineBar(&it.row, longest)),
					Td(Class("n phone"), g.Text(hours(it.row.Whole()))), Td(Class("n desk"), amount(it.row.Billable)),
					Td(Class("n desk"), amount(it.row.Travel)), Td(Class("n desk"), amount(it.row.NonBillable)),
					Td(Class("n"), v.totals(b.worth(it.customer))),
					Td(Class("does"), s.sheetOrMake(v, c, b, &it, &first)))
			})),
			g.If(len(of) > 1, TFoot(Tr(Th(Scope("row"), g.Text(v.t("hours.total"))), Td(Class("desk")), totalHours(of),
				Td(Class("n"), v.totals(b.whole())), Td(Class("desk"))))),
		)),
		v.shapesOfHours(),
		P(Class("hint"), g.Text(v.t("money.comes.hint"))),
	)
}

func totalHours(of []ofMonth) g.Node {
	var sum spent.Row
	for _, it := range of {
		sum.Billable, sum.Travel, sum.NonBillable = sum.Billable+it.row.Billable, sum.Travel+it.row.Travel, sum.NonBillable+it.row.NonBillable
	}
	return g.Group{Td(Class("n desk"), amount(sum.Billable)), Td(Class("n desk"), amount(sum.Travel)), Td(Class("n desk"), amount(sum.NonBillable))}
}

// sheetOrMake leads to the timesheets of a customer, or makes one. The first that is missing has the filled button.
func (s *web) sheetOrMake(v *view, c *archive.Config, b *booked, it *ofMonth, first *bool) g.Node {
	if len(it.sheets) > 0 {
		return g.Map(it.sheets, func(r *timesheet.Record) g.Node {
			days := ""
			if r.Period.From != b.window.From || r.Period.To != b.window.To {
				days = v.days(r.Period.From, r.Period.To)
			}
			return Div(A(Href("/timesheets/"+r.ID), Aria("label", v.t("sheet.title", it.customer, v.period(r.Period.From, r.Period.To))+", "+
				v.word("sheet.state", string(r.State))), sheetPill(v, r.State)), g.If(days != "", g.Group{g.Text(" "), Small(g.Text(days))}))
		})
	}
	var leading g.Node
	if *first && it.missing() {
		*first = false
		leading = g.Group{Class("primary"), g.Attr("data-key", "Enter")}
	}
	return s.form(v, "/timesheets", hidden("config", c.ID), hidden("customer", it.customer), hidden("from", b.window.From.String()),
		hidden("to", b.window.To.String()), Button(Type("submit"), leading, Aria("label", v.t("sheets.make")+": "+it.customer),
			g.Text(v.t("sheets.make")), g.If(leading != nil, key("Enter"))))
}

// sheetPill is the state of a timesheet: a shape and a word.
func sheetPill(v *view, state timesheet.State) g.Node {
	return Span(Class("pill s-"+string(state)), g.Text(v.word("sheet.state", string(state))))
}

// sheetForm makes a timesheet of any customer and days.
func (s *web) sheetForm(v *view, c *archive.Config, configs []archive.Config, b *booked, wrong error) g.Node {
	values := v.r.PostForm
	if len(values) == 0 {
		values = url.Values{"from": {b.window.From.String()}, "to": {b.window.To.String()}}
	}
	f := filling(v, values, wrong)
	var names []string
	for _, one := range b.book.All() {
		names = append(names, one.Name)
	}
	fields := g.Group{
		configField(v, c, configs),
		f.fieldAs("field wide", "customer", v.t("hours.customer"), "", f.text("customer", "text", Required(), g.Attr("list", "customers"), AutoComplete("off"))),
		DataList(ID("customers"), g.Map(names, func(name string) g.Node { return Option(Value(name)) })),
		f.field("from", v.t("form.from"), "", f.text("from", "date", Required())),
		f.field("to", v.t("form.to"), "", f.text("to", "date", Required())),
		Div(Class("buttons"), Button(Type("submit"), g.Text(v.t("sheets.make")))),
	}
	return Section(Class("card"), Aria("labelledby", "other"), H2(ID("other"), g.Text(v.t("sheets.other"))), f.rest(),
		s.form(v, "/timesheets", Class("line"), fields))
}

func (s *web) sheetTable(v *view, records []*timesheet.Record, next string) g.Node {
	return Section(Class("card"), Aria("labelledby", "all"), H2(ID("all"), g.Text(v.t("sheets.all"))),
		scroll(v.t("sheets.all"), Table(Class("stacks"),
			heads(v, "hours.customer", "", "sheets.days", "", "runs.state", "", "sheets.since", "desk", "sheet.invoice", "desk"),
			TBody(g.Map(records, func(r *timesheet.Record) g.Node {
				return Tr(Td(A(Href("/timesheets/"+r.ID), g.Text(r.Customer))), Td(g.Text(v.period(r.Period.From, r.Period.To))), Td(sheetPill(v, r.State)),
					Td(Class("told desk"), g.Text(v.moment(r.Made, v.now, v.zone()))), Td(Class("desk"), g.Text(r.InvoiceRef)))
			})))),
		g.If(next != "", P(A(Class("button"), Href(link("/timesheets", "month", v.r.URL.Query().Get("month"), "after", next)), g.Text(v.t("list.more"))))),
	)
}

func (s *web) createSheet(v *view) error {
	f := v.r.PostForm
	c, err := s.Configs.Get(v.ctx, v.user, f.Get("config"))
	if err != nil {
		return err
	}
	w, err := archive.ReadWindow("", f.Get("from"), f.Get("to"), zoneOf(c.Timezone), v.now, v.Weekday())
	var made *timesheet.View
	if err == nil {
		made, err = s.Timesheets.Create(v.ctx, v.user, c, f.Get("customer"), timesheet.Period{From: w.From, To: w.To})
	}
	if refusable(err) {
		return s.showSheets(v, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	return v.redirect("/timesheets/" + made.Record.ID)
}
