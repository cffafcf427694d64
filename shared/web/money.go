package web

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	spent "adminassistant/shared/hours"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/ledger"
	"adminassistant/shared/limit"
	"adminassistant/shared/place"
	"adminassistant/shared/timesheet"
)

// Money is what the pages about hours and money call beside the rest.
type Money struct {
	Timesheets *timesheet.Sheets
	Customers  *customer.Customers
	Places     *place.Places
	Tryouts    *archive.Tryouts
	// Categories returns who keeps the categories of the account of a calendar. Where only runs reach mailboxes the error is of kind fault.Conflict.
	Categories func(ctx context.Context, user string, uri calendar.URI) (Categories, error)
	// MostFile is the largest file that may be answered, in bytes.
	MostFile int64
}

// moneyPages declares the pages of this subject.
func (s *web) moneyPages(
	out *httpapi.Web, get func(string, func(*view) error), post func(string, limit.Class, audit.Action, func(*view) error),
) {
	file := func(path string, page func(*view) error) {
		out.Pages = append(out.Pages, httpapi.Page{Pattern: "GET " + path, Access: httpapi.Users, Class: limit.Bulk, Handler: s.handler(page)})
	}
	get("/timesheets", s.listSheets)
	post("/timesheets", limit.Writes, "timesheet.create", s.createSheet)
	get("/timesheets/{id}", s.sheet)
	file("/timesheets/{id}/file", s.sheetFile)
	post("/timesheets/{id}/approve", limit.Writes, "timesheet.approve", s.approveSheet)
	post("/timesheets/{id}/reopen", limit.Writes, "timesheet.reopen", s.reopenSheet)
	get("/timesheets/{id}/lock", s.previewLock)
	post("/timesheets/{id}/lock", limit.Writes, "timesheet.lock", s.lockSheet)
	post("/timesheets/{id}/send", limit.Writes, "timesheet.send", s.sendSheet)
	post("/timesheets/{id}/invoice", limit.Writes, "timesheet.invoice", s.invoiceSheet)
	post("/timesheets/{id}/remove", limit.Removals, "timesheet.delete", s.removeSheet)
	get("/hours", s.hours)
	file("/hours/file", s.hoursFile)
	post("/hours/journeys", limit.Writes, "travel.ask", s.askJourneys)
	get("/customers", s.listCustomers)
	post("/customers", limit.Writes, "customer.create", s.createCustomer)
	get("/customers/new", s.newCustomer)
	get("/customers/{id}", s.customer)
	post("/customers/{id}", limit.Writes, "customer.replace", s.saveCustomer)
	post("/customers/{id}/mail", limit.Writes, "customer.mail_again", s.mailCustomerAgain)
	post("/customers/{id}/merge", limit.Writes, "customer.merge", s.mergeCustomer)
	post("/customers/{id}/remove", limit.Removals, "customer.delete", s.removeCustomer)
	get("/categories", s.categories)
	post("/categories", limit.Writes, "category.create", s.createCategory)
	post("/categories/rename", limit.Writes, "category.rename", s.renameCategory)
	post("/categories/{id}/colour", limit.Writes, "category.recolour", s.recolourCategory)
	post("/categories/{id}/remove", limit.Removals, "category.delete", s.removeCategory)
	get("/rules", s.listRules)
	post("/rules", limit.Writes, "rules.replace", s.changeRules)
	get("/rules/edit", s.editRule)
	post("/rules/edit", limit.Writes, "rules.replace", s.saveRule)
	file("/rules/try", s.tryRules)
	post("/rules/try", limit.Bulk, "rules.try", s.tryRule)
}

// booked is what the ledger of a config has of some days, and what it comes to.
type booked struct {
	entries []ledger.Entry
	book    *customer.Book
	window  calendar.Window
	worths  []timesheet.Worth
}

// booked reads some days once, for whatever is added up of them.
func (s *web) booked(v *view, c *archive.Config, w calendar.Window) (*booked, error) {
	if w.Days() > spent.MaxDays {
		return nil, fault.Field("to", "makes it %d days; at most %d are added up at once", w.Days(), spent.MaxDays)
	}
	b := &booked{window: w}
	var err error
	if b.book, err = s.Customers.Book(v.ctx, v.user); err != nil {
		return nil, err
	}
	if b.entries, err = s.Ledger.AsOf(v.ctx, c.ID, ledger.Span{From: w.Start(), To: w.End()}, time.Time{}); err != nil {
		return nil, err
	}
	b.worths, err = timesheet.WorthOf(timesheet.Standing(b.entries), b.book, w.Zone, timesheet.Period{From: w.From, To: w.To})
	return b, err
}

// worth is what a customer's time comes to; nothing without rates.
func (b *booked) worth(of string) []timesheet.Total { return worthOf(b.worths, b.book.Named(of)) }

func worthOf(worths []timesheet.Worth, name string) []timesheet.Total {
	for _, w := range worths {
		if calendar.Folded(w.Customer) == calendar.Folded(name) {
			return w.Totals
		}
	}
	return nil
}

// whole is what all customers' time comes to.
func (b *booked) whole() []timesheet.Total { return sumOf(b.worths) }

func sumOf(worths []timesheet.Worth) []timesheet.Total {
	each := make([][]timesheet.Total, len(worths))
	for i := range worths {
		each[i] = worths[i].Totals
	}
	return timesheet.AddUp(each...)
}

// price says what the archived appointments of the days that a calendar shows come to.
func (s *web) price(sh *sheet) (err error) {
	if sh.book, err = s.Customers.Book(sh.ctx, sh.user); err != nil {
		return err
	}
	days := timesheet.Period{From: sh.window.From, To: sh.window.To}
	if sh.kind == "month" { // which has days of the months beside it
		days.From, days.To = monthOf(sh.on)
	}
	var entries []timesheet.Entry
	for i := range sh.pairs {
		if b := &sh.pairs[i]; b.Archive != nil {
			entries = append(entries, timesheet.Entry{Key: b.Key, Version: b.Version, Appointment: *b.Archive})
		}
	}
	sh.worths, err = timesheet.WorthOf(entries, sh.book, sh.zone, days)
	return err
}

// decimal writes a decimal with the marks of the language: 2,250.00, 2.250,00.
func (s speech) decimal(text string) string {
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "−", text[1:]
	}
	whole, part, point := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + s.t("number.group") + whole[i:]
	}
	if point {
		whole += s.t("number.point") + part
	}
	return sign + whole
}

// total is an amount in a currency.
func total(amount, currency string) timesheet.Total {
	return timesheet.Total{Currency: currency, Amount: amount}
}

// signs are those of currencies that people know by them; others are written with their code.
var signs = map[string]string{"EUR": "€", "GBP": "£", "USD": "$"}

// money is an amount in a currency: €2,250.00, 2.250,00 €, 1,050 JPY.
func (s speech) money(t timesheet.Total) string {
	text, sign := s.decimal(t.Amount), signs[t.Currency]
	if s.lang == "en" && sign != "" {
		if rest, less := strings.CutPrefix(text, "−"); less {
			return "−" + sign + rest
		}
		return sign + text
	}
	return text + "\u00a0" + cmp.Or(sign, t.Currency)
}

// totals are amounts in several currencies, one below the other; nothing is a dash.
func (s speech) totals(all []timesheet.Total) g.Node {
	if len(all) == 0 {
		return Span(Class("muted"), g.Text("–"))
	}
	return g.Map(all, func(t timesheet.Total) g.Node { return Div(g.Text(s.money(t))) })
}

// long is seconds as h:mm.
func long(seconds int64) string { return strings.Replace(timesheet.Hours(seconds), "-", "−", 1) }

// typed is a decimal as somebody typed it, with the point that programs want: "120,50" is 120.50.
func typed(text string) string {
	text = strings.TrimSpace(text)
	if strings.Count(text, ",") == 1 && !strings.Contains(text, ".") {
		text = strings.Replace(text, ",", ".", 1)
	}
	return text
}

// monthOf is the first and the last day of a day's month.
func monthOf(d calendar.Date) (from, to calendar.Date) {
	from = calendar.Date{Year: d.Year, Month: d.Month, Day: 1}
	return from, monthAfter(from, 1).AddDays(-1)
}

// monthAfter is the first day of the month that is so many months after a day's.
func monthAfter(d calendar.Date, months int) calendar.Date {
	return calendar.DateOf(time.Date(d.Year, d.Month+time.Month(months), 1, 12, 0, 0, 0, time.UTC), time.UTC)
}

// period is days: a month by its name, others as days.
func (s speech) period(from, to calendar.Date) string {
	if first, last := monthOf(from); from == first && to == last {
		return s.t("form.month", s.month(from.Month), from.Year)
	}
	return s.days(from, to)
}

// configField chooses a config, where there are several; else it is sent with the form without being shown.
func configField(v *view, c *archive.Config, configs []archive.Config) g.Node {
	if len(configs) < 2 {
		return hidden("config", c.ID)
	}
	return Div(Class("field"), Label(For("config"), g.Text(v.t("runs.config"))), Select(ID("config"), Name("config"), configOptions(c, configs)))
}

func configOptions(c *archive.Config, configs []archive.Config) g.Node {
	return g.Map(configs, func(it archive.Config) g.Node {
		return Option(Value(it.ID), g.If(it.ID == c.ID, Selected()), g.Text(it.Name))
	})
}

// configChooser changes to another config, where there are several. What else the address has stays.
func configChooser(v *view, path string, c *archive.Config, configs []archive.Config, stays ...string) g.Node {
	if len(configs) < 2 {
		return nil
	}
	var kept []g.Node
	for i := 0; i < len(stays); i += 2 {
		if stays[i+1] != "" {
			kept = append(kept, hidden(stays[i], stays[i+1]))
		}
	}
	return Form(Class("choose"), Method("get"), Action(path), g.Group(kept), Label(Class("vh"), For("of-config"), g.Text(v.t("calendar.config"))),
		Select(ID("of-config"), Name("config"), g.Attr("data-submit"), configOptions(c, configs)),
		Button(Type("submit"), g.Text(v.t("calendar.show"))))
}

// ofConfig is the id of a config for addresses, where there are several.
func ofConfig(c *archive.Config, configs []archive.Config) string {
	if len(configs) < 2 {
		return ""
	}
	return c.ID
}

// filled is a form as it is shown: what is in its fields, and what is wrong with that.
type filled struct {
	*view
	values url.Values
	wrong  map[string]string // sentences, by the fields that they are about; "" has what is about the whole
	said   map[string]bool   // fields whose problem is shown beside them
}

// filling is a form with values, of which an error says what is wrong; nil: nothing.
func filling(v *view, values url.Values, wrong error) *filled {
	f := &filled{view: v, values: values, wrong: map[string]string{}, said: map[string]bool{}}
	note := func(err error) {
		field := fault.FieldOf(err)
		if text := strings.TrimPrefix(err.Error(), field+" "); f.wrong[field] == "" {
			f.wrong[field] = v.failure(text)
		}
	}
	if several, ok := wrong.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			note(err)
		}
	} else if wrong != nil {
		note(wrong)
	}
	return f
}

// input makes the element of a field, with what every one needs.
type input func(more ...g.Node) g.Node

// field is a labelled input with what is wrong with it and a hint below; an empty hint is none.
func (f *filled) field(name, label, hint string, in input) g.Node {
	return f.fieldAs("field", name, label, hint, in)
}

func (f *filled) fieldAs(class, name, label, hint string, in input) g.Node {
	problem := f.wrong[name]
	f.said[name] = true
	id := fieldID(name)
	var described []string
	if problem != "" {
		described = append(described, id+"-problem")
	}
	if hint != "" {
		described = append(described, "hint-"+id)
	}
	return Div(Class(class), Label(For(id), g.Text(label)),
		in(ID(id), Name(name), g.If(len(described) > 0, Aria("describedby", strings.Join(described, " "))),
			g.If(problem != "", Aria("invalid", "true"))),
		fieldProblem(id, problem), g.If(hint != "", P(ID("hint-"+id), Class("hint"), g.Text(hint))))
}

// fieldID is the id of a field's element: "rates[1].from" is rates-1-from.
func fieldID(name string) string {
	return strings.Trim(strings.NewReplacer("[", "-", "].", "-", "]", "", ".", "-").Replace(name), "-")
}

func (f *filled) text(name, kind string, extra ...g.Node) input {
	return func(more ...g.Node) g.Node {
		return Input(Type(kind), Value(f.values.Get(name)), g.Group(more), g.Group(extra))
	}
}

func (f *filled) area(name string, rows string, extra ...g.Node) input {
	return func(more ...g.Node) g.Node {
		return Textarea(Rows(rows), g.Group(more), g.Group(extra), g.Text(f.values.Get(name)))
	}
}

// choice is a list of pairs: what is sent, and what is shown.
func (f *filled) choice(name string, pairs ...[2]string) input {
	return func(more ...g.Node) g.Node {
		return Select(g.Group(more), g.Map(pairs, func(o [2]string) g.Node {
			return Option(Value(o[0]), g.If(o[0] == f.values.Get(name), Selected()), g.Text(o[1]))
		}))
	}
}

// rest is what is wrong and stands beside no field. It has to be made after the fields.
func (f *filled) rest() g.Node {
	var texts []string
	for field, text := range f.wrong {
		if field == "" {
			texts = append(texts, text)
		} else if !f.said[field] {
			texts = append(texts, field+": "+text)
		}
	}
	if len(texts) == 0 {
		if len(f.wrong) > 0 {
			return P(Class("problem"), Role("alert"), g.Text(f.n("form.wrong", len(f.wrong))))
		}
		return nil
	}
	return Div(Role("alert"), g.Map(texts, func(text string) g.Node { return P(Class("problem"), g.Text(text)) }))
}

// scroll is a table that may be wider than the page.
func scroll(label string, table g.Node) g.Node {
	return Div(Class("scroll"), TabIndex("0"), Role("region"), Aria("label", label), table)
}

// heads are the heads of columns: pairs of a word and a class, which is n for numbers and desk for what is not on phones. Without a word there is no text.
func heads(v *view, pairs ...string) g.Node {
	var cells []g.Node
	for i := 0; i < len(pairs); i += 2 {
		class := g.If(pairs[i+1] != "", Class(pairs[i+1]))
		if pairs[i] == "" {
			cells = append(cells, Td(class))
		} else {
			cells = append(cells, Th(Scope("col"), class, g.Text(v.t(pairs[i]))))
		}
	}
	return THead(Tr(g.Group(cells)))
}

// refusable says whether an error is for the person at the form to mend.
func refusable(err error) bool {
	kind := fault.Of(err)
	return err != nil && (kind == fault.Invalid || kind == fault.Conflict || kind == fault.Locked)
}

// statusOf is the status of a page that says why a form was not carried out.
func statusOf(err error) int {
	if fault.Of(err) == fault.Conflict {
		return http.StatusConflict
	}
	return http.StatusUnprocessableEntity
}
