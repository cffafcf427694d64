package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	spent "adminassistant/shared/hours"
	"adminassistant/shared/ledger"
	"adminassistant/shared/store"
	"adminassistant/shared/timesheet"
)

// statement is a timesheet as its page shows it.
type statement struct {
	*view
	*timesheet.View
	sheet   *timesheet.Sheet
	zone    *time.Location
	entries map[string]*ledger.Entry // of the period, by key, as the ledger has them now
	of      *customer.Customer       // nil: nobody recorded the customer
	asks    []*action.Action         // open ones that are about the period; of a draft alone
}

func (s *web) sheet(v *view) error { return s.showSheet(v, http.StatusOK, nil) }

// statement reads a timesheet with what there is to know of its period: a number of requests that does not depend on how many lines it has.
func (s *web) statement(v *view) (*statement, error) {
	it, err := s.Timesheets.Show(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	st := &statement{view: v, View: it, sheet: it.Document.Sheet, zone: it.Document.Zone, entries: map[string]*ledger.Entry{}}
	w, err := calendar.NewWindow(it.Record.Period.From, it.Record.Period.To, st.zone)
	if err != nil {
		return nil, err
	}
	if w.Days() > spent.MaxDays {
		return st, nil
	}
	b, err := s.booked(v, &archive.Config{ID: it.Record.Config}, w)
	if err != nil {
		return nil, err
	}
	for i := range b.entries {
		st.entries[b.entries[i].Key] = &b.entries[i]
	}
	st.of = b.book.Find(it.Record.Customer)
	if len(it.Open) > 0 {
		st.asks, _, err = s.Actions.List(v.ctx, v.user, action.Filter{State: action.Open, Config: it.Record.Config, From: w.Start(), To: w.End()}, mostOpen, "")
	}
	return st, err
}

// showSheet shows a timesheet; wrong is why it could not be changed.
func (s *web) showSheet(v *view, status int, wrong error) error {
	st, err := s.statement(v)
	if err != nil {
		return err
	}
	r := st.Record
	p := page{title: v.t("sheet.title", r.Customer, v.period(r.Period.From, r.Period.To)), at: "/timesheets", bar: []g.Node{
		sheetPill(v, r.State), Span(Class("grow")),
		A(Class("button"), Href(st.file(timesheet.PDF)), Target("_blank"), g.Attr("data-key", "p"), g.Text(v.t("sheet.pdf")), key("p")),
	}}
	if wrong != nil {
		p.body = append(p.body, st.conflict(wrong))
	}
	p.body = append(p.body, Div(Class("review sheet"),
		s.standing(st, wrong), // first for whoever reads on a phone, or hears it
		Div(Class("stacked"), st.positions(), st.issues(), st.days(), st.history()),
		Div(Class("stacked"), s.post(st, filling(v, v.r.PostForm, wrong)), st.downloads()),
	))
	return s.show(v, status, p)
}

// conflict says why a timesheet is not what somebody wanted to make of it. What is wrong with a field stands beside it.
func (st *statement) conflict(wrong error) g.Node {
	text := st.wrong(wrong)
	switch {
	case fault.FieldOf(wrong) != "":
		return nil
	case errors.Is(wrong, store.ErrConflict), errors.Is(wrong, timesheet.ErrChanged):
		text = st.t("sheet.changed")
	case st.r.PostForm.Get("state") != "" && st.r.PostForm.Get("state") != string(st.Record.State):
		text = st.t("sheet.overtaken", st.word("sheet.state", string(st.Record.State)))
	}
	return P(Class("problem"), Role("alert"), g.Text(text))
}

// file is the address of the timesheet as a file.
func (st *statement) file(f timesheet.Format) string {
	return link("/timesheets/"+st.Record.ID+"/file", "format", string(f))
}

// positions are what is billed, with the sums.
func (st *statement) positions() g.Node {
	if len(st.sheet.Positions) == 0 {
		return Section(Class("card empty"), H2(g.Text(st.t("sheet.empty"))), P(g.Text(st.t("sheet.empty.text"))),
			P(A(Class("button"), Href(link("/calendar", "view", "month", "on", st.Record.Period.From.String())), g.Text(st.t("nav.calendar")))))
	}
	var time, billed int64
	rows := g.Map(st.sheet.Positions, func(p timesheet.Position) g.Node {
		time, billed = time+p.Seconds, billed+p.Billed
		name := st.word("sheet.kind", string(p.Kind))
		if p.BillingType == calendar.NonBillable {
			name += ", " + st.t("sheet.notbilled")
		}
		none := Span(Class("muted"), g.Text("–"))
		rate, sum := none, none
		if p.Rate != "" {
			rate = g.Text(st.money(total(p.Rate, p.Currency)))
		}
		if p.Amount != "" {
			sum = g.Text(st.money(total(p.Amount, p.Currency)))
		}
		other := calendar.Folded(p.Customer) != calendar.Folded(st.Record.Customer)
		return Tr(Th(Scope("row"), g.Text(name), g.If(p.Rate != "", Small(Class("phone"), rate)), g.If(other, Small(g.Text(" "+p.Customer)))),
			Td(Class("n desk"), rate), Td(Class("n desk"), g.Text(long(p.Seconds))), Td(Class("n"), g.Text(long(p.Billed))), Td(Class("n"), sum))
	})
	return Section(Class("card"), Aria("labelledby", "positions"), H2(ID("positions"), g.Text(st.t("sheet.positions"))),
		scroll(st.t("sheet.positions"), Table(
			heads(st.view, "sheet.what", "", "sheet.rate", "n desk", "sheet.time", "n desk", "sheet.billed", "n", "sheet.amount", "n"), TBody(rows),
			TFoot(Tr(Th(Scope("row"), g.Text(st.t("hours.total"))), Td(Class("desk")), Td(Class("n desk"), g.Text(long(time))), Td(Class("n"), g.Text(long(billed))),
				Td(Class("n"), st.totals(st.sheet.Totals)))),
		)),
		P(Class("hint"), g.Text(st.rounding())),
	)
}

// rounding says in words how time is rounded in the period.
func (st *statement) rounding() string {
	var texts []string
	all := timesheet.RoundingIn(st.Document.Rounding, st.sheet.Period)
	for _, r := range all {
		text := st.t("sheet.rounding.none")
		if r.Increment > 0 {
			text = st.t("sheet.rounding."+string(r.Mode), r.Increment, st.word("sheet.scope", string(r.Scope)))
		}
		if r.Least > 0 {
			text += " " + st.t("sheet.rounding.least", r.Least, st.word("sheet.scope", string(r.Scope)))
		}
		if len(all) > 1 && st.sheet.Period.From.Before(r.From) {
			text = st.t("sheet.rounding.from", st.day(r.From)) + " " + text
		}
		texts = append(texts, text)
	}
	return cmp.Or(strings.Join(texts, " "), st.t("sheet.rounding.none"))
}

// issues are what whoever approves the timesheet should have seen: time that is shared, what is open, what was left out and why, gaps.
func (st *statement) issues() g.Node {
	var nodes []g.Node
	if n := len(st.sheet.Overlaps); n > 0 {
		nodes = append(nodes, st.overlaps())
	}
	if days := st.sheet.Doubled(); len(days) > 0 {
		nodes = append(nodes, st.doubled(days))
	}
	if len(st.Open) > 0 {
		nodes = append(nodes, st.questions())
	}
	for _, one := range []struct {
		flag timesheet.Flag
		word string
	}{{timesheet.NoRate, "sheet.norate"}, {timesheet.CrossesMidnight, "sheet.midnight"}, {timesheet.ZeroLength, "sheet.nolength"}} {
		n := 0
		for i := range st.sheet.Lines {
			if slices.Contains(st.sheet.Lines[i].Flags, one.flag) {
				n++
			}
		}
		if n > 0 {
			nodes = append(nodes, Li(Class("say"), g.Text(st.n(one.word, n))))
		}
	}
	if len(st.sheet.LeftOut) > 0 {
		nodes = append(nodes, st.leftOut())
	}
	for _, kind := range []timesheet.IssueKind{timesheet.ReachesIn, timesheet.Gap} {
		nodes = append(nodes, st.named(kind))
	}
	nodes = slices.DeleteFunc(nodes, func(n g.Node) bool { return n == nil })
	if len(nodes) == 0 {
		return nil
	}
	return Section(Class("card"), Aria("labelledby", "issues"), H2(ID("issues"), g.Text(st.t("sheet.issues"))), Ul(Class("issues"), g.Group(nodes)))
}

// mostNamed is how many overlaps, entries that were left out, and gaps a page names, each.
const mostNamed = 50

// more says how many there are beyond those that are named.
func (v *view) more(all int) g.Node {
	return g.If(all > mostNamed, Li(Class("muted"), g.Text(v.t("undo.more", all-mostNamed))))
}

func (st *statement) overlaps() g.Node {
	subjects := map[string]*timesheet.Line{}
	for i := range st.sheet.Lines {
		if l := &st.sheet.Lines[i]; !l.Reverses() {
			subjects[l.Key] = l
		}
	}
	name := func(key string) string {
		l := subjects[key]
		if l == nil {
			return key
		}
		from, to := st.Document.Clock(l)
		return cmp.Or(l.Subject, st.t("calendar.untitled")) + " " + from + "–" + to
	}
	n := len(st.sheet.Overlaps)
	twice := st.t("sheet.overlaps.twice", long(st.sheet.Billed), long(st.sheet.Worked))
	return Li(Class("stop"), Details(Summary(B(g.Text(st.n("sheet.overlaps", n))), g.Text(" "+twice)),
		Ul(g.Map(st.sheet.Overlaps[:min(n, mostNamed)], func(o [2]string) g.Node {
			on := ""
			if l := subjects[o[0]]; l != nil {
				on = st.shortDay(l.Date) + ": "
			}
			return Li(g.Text(on + name(o[0]) + " · " + name(o[1])))
		}), st.more(n))))
}

// doubled names the days that are billed as a whole, and line by line.
func (st *statement) doubled(days []calendar.Date) g.Node {
	return Li(Class("stop"), Details(Summary(B(g.Text(st.n("sheet.doubled", len(days)))), g.Text(" "+st.t("sheet.doubled.all"))),
		Ul(g.Map(days[:min(len(days), mostNamed)], func(d calendar.Date) g.Node { return Li(g.Text(st.shortDay(d))) }), st.more(len(days)))))
}

func (st *statement) questions() g.Node {
	total := 0
	var kinds []string
	for _, kind := range action.Kinds() {
		if n := st.Open[kind]; n > 0 {
			total += n
			kinds = append(kinds, st.word("kind", string(kind))+" ("+strconv.Itoa(n)+")")
		}
	}
	to := "/review"
	for _, a := range slices.Backward(st.asks) {
		if st.Open[a.Kind] > 0 {
			to = "/review/" + a.ID
			break
		}
	}
	return Li(Class("stop"), B(g.Text(st.n("sheet.open", total))), g.Text(" "+strings.Join(kinds, ", ")+" "), A(Href(to), g.Text(st.t("today.review"))))
}

// about names an entry by its key, as far as the ledger has it in the period.
func (st *statement) about(key string) g.Node {
	history := link("/ledger/history", "config", st.Record.Config, "key", key)
	e := st.entries[key]
	if e == nil {
		return A(Href(history), g.Text(key))
	}
	return g.Group{g.Text(st.times(&e.Appointment, st.zone) + " "), A(Href(history), g.Text(cmp.Or(e.Appointment.Subject, st.t("calendar.untitled"))))}
}

func (st *statement) leftOut() g.Node {
	by := map[timesheet.Reason][]string{}
	for _, l := range st.sheet.LeftOut {
		by[l.Reason] = append(by[l.Reason], l.Key)
	}
	var nodes []g.Node
	for _, reason := range []timesheet.Reason{
		timesheet.Private, timesheet.Cancelled, timesheet.Declined, timesheet.Free, timesheet.WholeDay, timesheet.NoCustomer,
	} {
		keys := by[reason]
		if len(keys) == 0 {
			continue
		}
		nodes = append(nodes, Li(Class("say"), Details(Summary(B(g.Text(st.n("sheet.left", len(keys)))), g.Text(" "+st.word("sheet.reason", string(reason)))),
			Ul(g.Map(keys[:min(len(keys), mostNamed)], func(key string) g.Node { return Li(st.about(key)) }), st.more(len(keys))))))
	}
	return g.Group(nodes)
}

// named are the issues of a kind, if there are any.
func (st *statement) named(kind timesheet.IssueKind) g.Node {
	var all []timesheet.Issue
	var sum time.Duration
	for _, i := range st.Document.Issues {
		if i.Kind == kind {
			all = append(all, i)
			sum += i.End.Sub(i.Start)
		}
	}
	n := len(all)
	if n == 0 {
		return nil
	}
	title := st.n("sheet.gaps", n)
	if kind == timesheet.ReachesIn {
		title = st.n("sheet.reaches", n)
	}
	return Li(Class("say"), Details(Summary(B(g.Text(title)), g.Text(" "+st.t("sheet.gaps.sum", hours(sum)))),
		Ul(g.Map(all[:min(n, mostNamed)], func(i timesheet.Issue) g.Node {
			if i.Key != "" {
				return Li(st.about(i.Key))
			}
			return Li(g.Text(st.gap(spent.Gap{From: i.Start, To: i.End}, st.zone)))
		}), st.more(n))))
}

// days are the lines by their days, and those that supplement other timesheets apart.
func (st *statement) days() g.Node {
	var days []calendar.Date
	by := map[calendar.Date][]*timesheet.Line{}
	var supplements []*timesheet.Line
	for i := range st.sheet.Lines {
		l := &st.sheet.Lines[i]
		if l.Supplements != "" {
			supplements = append(supplements, l)
			continue
		}
		if by[l.Date] == nil {
			days = append(days, l.Date)
		}
		by[l.Date] = append(by[l.Date], l)
	}
	if len(st.sheet.Lines) == 0 {
		return nil
	}
	slices.SortFunc(days, calendar.Date.Compare) // one that lasts for days comes before what starts earlier than its later days
	head := heads(st.view, "item.when", "desk", "item.subject", "", "sheet.time", "n", "sheet.billed", "n")
	return g.Group{
		g.If(len(supplements) > 0, Section(Class("card"), Aria("labelledby", "supplements"), H2(ID("supplements"), g.Text(st.t("sheet.supplements"))),
			P(Class("muted"), g.Text(st.t("sheet.supplements.text"))),
			scroll(st.t("sheet.supplements"), Table(Class("lines"), head, TBody(g.Map(supplements, func(l *timesheet.Line) g.Node { return st.line(l, true) })))))),
		g.If(len(days) > 0, Section(Class("card"), Aria("labelledby", "days"), H2(ID("days"), g.Text(st.t("sheet.days"))),
			scroll(st.t("sheet.days"), Table(Class("lines"), head, g.Map(days, func(day calendar.Date) g.Node {
				var time, billed int64
				for _, l := range by[day] {
					time, billed = time+l.Seconds, billed+l.Billed
				}
				return TBody(
					Tr(Class("dayrow"), Th(Scope("rowgroup"), g.Text(st.shortDay(day))), Td(Class("desk")), Td(Class("n"), g.Text(long(time))),
						Td(Class("n"), g.Text(long(billed)))),
					g.Map(by[day], func(l *timesheet.Line) g.Node { return st.line(l, false) }),
				)
			}))))),
	}
}

// line is one entry. One that supplements another timesheet says which line of which, and on what day it was.
func (st *statement) line(l *timesheet.Line, supplement bool) g.Node {
	when := st.t("calendar.allday")
	if l.Start != "" {
		from, to := st.Document.Clock(l)
		when = from + "–" + to
	}
	if supplement {
		when = st.shortDay(l.Date) + ", " + when
	}
	var marks []g.Node
	if l.Supplements != "" {
		word := "sheet.replaces"
		hash, number, _ := strings.Cut(strings.TrimPrefix(l.Supplements, "sha256:"), "#")
		switch {
		case l.Reverses():
			word = "sheet.takesback"
		case number == "":
			word = "sheet.newone"
		}
		marks = append(marks, Span(Class("pill supplement"), g.Text(st.t(word))), Small(g.Text(" "+st.t("sheet.of", hash[:min(8, len(hash))], cmp.Or(number, "–")))))
	}
	var notes []string
	if l.Kind == timesheet.Travel {
		notes = append(notes, "→ "+st.t("calendar.travel"))
	}
	if l.BillingType == calendar.NonBillable {
		notes = append(notes, st.t("sheet.notbilled"))
	}
	for _, flag := range l.Flags {
		if flag != timesheet.AllDay {
			notes = append(notes, st.word("sheet.flag", string(flag)))
		}
	}
	history := link("/ledger/history", "config", st.Record.Config, "key", l.Key)
	return Tr(Td(Class("when desk"), g.Text(when)),
		Td(Small(Class("phone"), g.Text(when)), A(Class("plain"), Href(history), g.Text(cmp.Or(l.Subject, st.t("calendar.untitled")))),
			g.If(len(notes) > 0, Small(g.Text(" · "+strings.Join(notes, " · ")))), g.If(len(marks) > 0, Div(g.Group(marks)))),
		Td(Class("n"), g.Text(long(l.Seconds))), Td(Class("n"), g.Text(long(l.Billed))))
}

// history is what was done with the timesheet, the newest first.
func (st *statement) history() g.Node {
	all := slices.Clone(st.Record.History)
	slices.Reverse(all)
	return Section(Class("card"), Aria("labelledby", "history"), H2(ID("history"), g.Text(st.t("sheet.history"))),
		Ul(Class("rows"), g.Map(all, func(c timesheet.Change) g.Node {
			what := g.Node(sheetPill(st.view, c.State))
			switch {
			case c.InvoiceRef != nil:
				what = g.Text(st.t("sheet.invoice") + ": " + cmp.Or(*c.InvoiceRef, "–"))
			case c.Sent != nil:
				what = g.Text(st.sent(c.Sent))
			}
			return Li(Div(what, g.If(c.Note != "", g.Group{g.Text(" "), Q(g.Text(c.Note))})), Small(g.Text(st.moment(c.At, st.now, st.zone))))
		})))
}

// sent says what became of a mail with the timesheet.
func (st *statement) sent(m *timesheet.Sent) string {
	switch {
	case m.Returned != "":
		return st.t("sheet.returned", m.To, st.word("mail.returned", string(m.Returned)))
	case !m.Done:
		return st.t("sheet.unsent", m.To)
	}
	return st.t("sheet.sent", m.To)
}

// post sends the timesheet to an address of its customer's.
func (s *web) post(st *statement, f *filled) g.Node {
	if st.Record.State == timesheet.Draft {
		return nil
	}
	title := H2(ID("send"), g.Text(st.t("sheet.send")))
	switch {
	case s.Timesheets.Post.Sender == nil:
		return Section(Class("card"), Aria("labelledby", "send"), title, P(Class("muted"), g.Text(st.t("sheet.send.none"))))
	case st.of == nil:
		return Section(Class("card"), Aria("labelledby", "send"), title, P(Class("muted"), g.Text(st.t("sheet.send.noaddress"))),
			P(A(Class("button"), Href(link("/customers/new", "name", st.Record.Customer)), g.Text(st.t("customers.recordit")))))
	case len(st.of.Emails) == 0:
		return Section(Class("card"), Aria("labelledby", "send"), title, P(Class("muted"), g.Text(st.t("sheet.send.noaddress"))),
			P(A(Class("button"), Href("/customers/"+st.of.ID+"#emails"), g.Text(st.of.Name))))
	}
	var addresses [][2]string
	for _, one := range st.of.Emails {
		addresses = append(addresses, [2]string{one, one})
	}
	return Section(Class("card"), Aria("labelledby", "send"), title, P(Class("muted"), g.Text(st.t("sheet.send.text"))),
		s.form(st.view, "/timesheets/"+st.Record.ID+"/send", hidden("state", string(st.Record.State)),
			f.field("to", st.t("sheet.send.to"), "", f.choice("to", addresses...)), P(Button(Type("submit"), g.Text(st.t("sheet.send.do"))))))
}

func (s *web) sendSheet(v *view) error {
	return s.changeSheet(v, func(id string) error {
		_, err := s.Timesheets.Send(v.ctx, v.user, id, v.r.PostForm.Get("to"), v.r.PostForm.Get("idempotency_key"))
		return err
	})
}

// standing is what the timesheet comes to, how binding it is, and what can be done about it.
func (s *web) standing(st *statement, wrong error) g.Node {
	r := st.Record
	total := g.Node(g.Text(long(st.sheet.Billed)))
	if len(st.sheet.Totals) > 0 {
		total = st.totals(st.sheet.Totals)
	}
	states := []timesheet.State{timesheet.Draft, timesheet.Approved, timesheet.Final}
	return Section(Class("card"), Aria("labelledby", "standing"), H2(ID("standing"), Class("vh"), g.Text(st.t("runs.state"))),
		Div(Class("delta"), total),
		P(Class("muted"), g.Text(st.t("sheet.sums", long(st.sheet.Billed), long(st.sheet.Worked)))),
		Ol(Class("way"), g.Map(states, func(state timesheet.State) g.Node {
			return Li(g.If(state == r.State, Aria("current", "step")), g.If(slices.Index(states, state) < slices.Index(states, r.State), Class("past")),
				g.Text(st.word("sheet.state", string(state))))
		})),
		P(g.Text(st.t("sheet.says."+string(r.State)))),
		s.steps(st, wrong),
	)
}

// steps are what can be done with a timesheet in its state.
func (s *web) steps(st *statement, wrong error) g.Node {
	r := st.Record
	f := filling(st.view, st.r.PostForm, wrong)
	state := hidden("state", string(r.State))
	at := "/timesheets/" + r.ID
	switch r.State {
	case timesheet.Draft:
		needed := len(st.Problems) > 0
		hint := ""
		if needed {
			hint = st.t("sheet.note.hint")
		}
		return g.Group{
			s.form(st.view, at+"/approve", state, hidden("seen", st.sheet.Hash()),
				g.If(needed, P(Class("problem"), g.Text(st.t("sheet.needsnote")), g.Text(" "), A(Href("#issues"), g.Text(st.t("sheet.issues"))))),
				f.field("note", st.t("sheet.note"), hint, f.area("note", "2", g.Attr("maxlength", "500"), g.If(needed, Required()))),
				P(Class("buttons"), Button(Type("submit"), Class("primary"), g.Attr("data-key", "a"), g.Text(st.t("sheet.approve")), key("a"))),
			),
			s.form(st.view, at+"/remove", Class("quiet"), Button(Type("submit"), g.Text(st.t("sheet.remove")))),
		}
	case timesheet.Approved:
		return g.Group{
			P(Class("buttons"), A(Class("button primary"), Href(at+"/lock"), g.Attr("data-key", "l"), g.Text(st.t("sheet.lock")), key("l"))),
			Details(Class("own below"), g.If(f.wrong["reason"] != "", g.Attr("open")), Summary(g.Text(st.t("sheet.reopen"))),
				s.form(st.view, at+"/reopen", state,
					f.field("reason", st.t("sheet.reason"), st.t("sheet.reason.hint"), f.area("reason", "2", Required(), g.Attr("maxlength", "500"))),
					P(Button(Type("submit"), g.Text(st.t("sheet.reopen"))))),
			),
		}
	}
	if !st.r.PostForm.Has("invoice_ref") {
		f.values = url.Values{"invoice_ref": {r.InvoiceRef}}
	}
	return g.Group{
		s.form(st.view, at+"/invoice", state,
			f.field("invoice_ref", st.t("sheet.invoice"), st.t("sheet.invoice.hint"), f.text("invoice_ref", "text", g.Attr("maxlength", "64"))),
			P(Button(Type("submit"), g.Text(st.t("settings.save"))))),
		Dl(Class("facts"), Dt(g.Text(st.t("sheet.link"))), Dd(g.Textf("%d", r.Link)),
			Dt(g.Text(st.t("sheet.hash"))), Dd(Code(Class("hash"), g.Text(strings.TrimPrefix(r.Hash, "sha256:"))))),
	}
}

// downloads are the files that there are of the timesheet.
func (st *statement) downloads() g.Node {
	formats := []timesheet.Format{timesheet.PDF, timesheet.XLSX, timesheet.CSV, timesheet.JSON, timesheet.Invoice}
	return Section(Class("card"), Aria("labelledby", "files"), H2(ID("files"), g.Text(st.t("sheet.files"))),
		Ul(Class("files"), g.Map(formats, func(format timesheet.Format) g.Node {
			return Li(A(Href(st.file(format)), g.Text(st.word("sheet.format", string(format)))), Small(g.Text(st.t("sheet.format.for."+string(format)))))
		})),
		Details(Class("own"), Summary(g.Text(st.t("sheet.xero"))),
			Form(Method("get"), Action("/timesheets/"+st.Record.ID+"/file"), hidden("format", string(timesheet.XeroCSV)),
				st.xeroField("number", "text", g.Attr("maxlength", "64")), st.xeroField("date", "date"), st.xeroField("due", "date"),
				st.xeroField("account", "text", g.Attr("maxlength", "64")), st.xeroField("tax", "text", g.Attr("maxlength", "64")),
				P(Button(Type("submit"), g.Text(st.t("sheet.download")))))),
	)
}

func (st *statement) xeroField(name, kind string, extra ...g.Node) g.Node {
	id := "xero-" + name
	return Div(Class("field"), Label(For(id), g.Text(st.t("xero."+name))), Input(ID(id), Name(name), Type(kind), g.Group(extra)))
}

// changeSheet carries a form about a timesheet out, and shows it.
func (s *web) changeSheet(v *view, change func(id string) error) error {
	err := change(v.r.PathValue("id"))
	if errors.Is(err, store.ErrConflict) {
		return s.showSheet(v, http.StatusConflict, err)
	}
	if refusable(err) {
		return s.showSheet(v, statusOf(err), err)
	}
	if err != nil {
		return err
	}
	return v.redirect("/timesheets/" + v.r.PathValue("id"))
}

func (s *web) approveSheet(v *view) error {
	return s.changeSheet(v, func(id string) error {
		_, err := s.Timesheets.ApproveSeen(v.ctx, v.user, id, lines(v.r.PostForm.Get("note")), v.r.PostForm.Get("seen"))
		return err
	})
}

func (s *web) reopenSheet(v *view) error {
	return s.changeSheet(v, func(id string) error {
		_, err := s.Timesheets.Reopen(v.ctx, v.user, id, lines(v.r.PostForm.Get("reason")))
		return err
	})
}

func (s *web) lockSheet(v *view) error {
	return s.changeSheet(v, func(id string) error {
		_, err := s.Timesheets.Lock(v.ctx, v.user, id)
		return err
	})
}

func (s *web) invoiceSheet(v *view) error {
	return s.changeSheet(v, func(id string) error {
		_, err := s.Timesheets.Invoice(v.ctx, v.user, id, v.r.PostForm.Get("invoice_ref"))
		return err
	})
}

// lines is a text of several lines as browsers send it, with line ends as everybody else has them.
func lines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

func (s *web) removeSheet(v *view) error {
	err := s.Timesheets.Delete(v.ctx, v.user, v.r.PathValue("id"))
	if refusable(err) || errors.Is(err, store.ErrConflict) {
		return s.showSheet(v, http.StatusConflict, err)
	}
	if err != nil {
		return err
	}
	return v.redirect("/timesheets")
}

// previewLock says what locking does before it is done, since nobody can take it back.
func (s *web) previewLock(v *view) error {
	it, err := s.Timesheets.Show(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	r := it.Record
	at := "/timesheets/" + r.ID
	if r.State != timesheet.Approved {
		return v.redirect(at)
	}
	total := g.Node(g.Text(long(it.Document.Sheet.Billed)))
	if len(it.Document.Sheet.Totals) > 0 {
		total = v.totals(it.Document.Sheet.Totals)
	}
	p := page{title: v.t("lock.title"), at: "/timesheets", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href(at), g.Attr("data-key", "Escape"), g.Text(v.t("undo.back"))),
	}}
	p.body = append(p.body, Section(Class("card lock"), Aria("label", v.t("lock.title")),
		H2(g.Text(v.t("sheet.title", r.Customer, v.period(r.Period.From, r.Period.To)))),
		Div(Class("delta"), total),
		P(Class("forever"), g.Text(v.t("lock.forever"))),
		Ul(Li(g.Text(v.t("lock.days", r.Customer, v.days(r.Period.From, r.Period.To)))), Li(g.Text(v.t("lock.link"))), Li(g.Text(v.t("lock.later")))),
		s.form(v, at+"/lock", hidden("state", string(r.State)),
			P(Class("buttons"), Button(Type("submit"), Class("primary"), g.Attr("data-key", "Enter"), g.Text(v.t("lock.do")), key("Enter")),
				A(Class("button"), Href(at), g.Text(v.t("lock.not"))))),
	))
	return s.show(v, http.StatusOK, p)
}

// sheetFile answers with a timesheet as a file. A PDF opens in the browser.
func (s *web) sheetFile(v *view) error {
	q := v.r.URL.Query()
	x := timesheet.Xero{InvoiceNumber: q.Get("number"), Account: q.Get("account"), Tax: q.Get("tax")}
	for _, day := range []struct {
		field string
		into  *calendar.Date
	}{{"date", &x.Date}, {"due", &x.Due}} {
		if text := q.Get(day.field); text != "" {
			var err error
			if *day.into, err = archive.ReadDay(day.field, text); err != nil {
				return err
			}
		}
	}
	file, err := s.Timesheets.Export(v.ctx, v.user, v.r.PathValue("id"), timesheet.Format(q.Get("format")), x)
	if err != nil {
		return err
	}
	how := "attachment"
	if timesheet.Format(q.Get("format")) == timesheet.PDF {
		how = "inline"
	}
	return s.send(v, how, file.Name, file.Type, file.Content)
}

// send answers with a file.
func (s *web) send(v *view, how, name, kind string, content []byte) error {
	if int64(len(content)) > s.MostFile {
		return fault.New(fault.Invalid, "the file has more than %d MB, which is the most that can be answered here", s.MostFile>>20)
	}
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", how+"; filename*=UTF-8''"+strings.ReplaceAll(url.QueryEscape(name), "+", "%20"))
	_, _ = v.w.Write(content) // whoever hung up does not read it
	return nil
}
