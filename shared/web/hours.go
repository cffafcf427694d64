package web

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	spent "adminassistant/shared/hours"
	"adminassistant/shared/ledger"
	"adminassistant/shared/place"
	"adminassistant/shared/timesheet"
)

// tally is the time of some days of a config, as a page shows it.
type tally struct {
	*view
	config  archive.Config
	configs []archive.Config
	kind    string // week, month, year or days
	on      calendar.Date
	today   calendar.Date
	window  calendar.Window
	by      spent.By
	booked  *booked
	report  *spent.Report
}

// kindsOfTally are the lengths of time that one steps through.
var kindsOfTally = []string{"week", "month", "year"}

// tally reads what a request is about; nil: nothing is archived.
func (s *web) tally(v *view) (*tally, error) {
	c, configs, err := s.choose(v)
	if c == nil || err != nil {
		return nil, err
	}
	v.assume(configs)
	q := v.r.URL.Query()
	zone := zoneOf(c.Timezone)
	t := &tally{view: v, config: *c, configs: configs, kind: cmp.Or(q.Get("view"), "month"), today: calendar.DateOf(v.now, zone), by: spent.By(q.Get("by"))}
	t.on = t.today
	if text := q.Get("on"); text != "" {
		if t.on, err = archive.ReadDay("on", text); err != nil {
			return nil, err
		}
	}
	from, to := monthOf(t.on)
	switch {
	case q.Get("from") != "" || q.Get("to") != "":
		t.kind = "days"
		if t.window, err = archive.ReadWindow("", q.Get("from"), q.Get("to"), zone, v.now, v.Weekday()); err != nil {
			return nil, err
		}
		from, to = t.window.From, t.window.To
	case t.kind == "week":
		from = weekOf(t.on, v.Weekday())
		to = from.AddDays(6)
	case t.kind == "year":
		from, to = calendar.Date{Year: t.on.Year, Month: time.January, Day: 1}, calendar.Date{Year: t.on.Year, Month: time.December, Day: 31}
	default:
		t.kind = "month"
	}
	if t.window, err = calendar.NewWindow(from, to, zone); err != nil {
		return nil, fault.At("on", err)
	}
	if !slices.Contains(spent.All, t.by) {
		t.by = spent.ByCustomer
	}
	if t.booked, err = s.booked(v, c, t.window); err != nil {
		return nil, err
	}
	t.report = spent.Sum(t.booked.entries, t.window, t.booked.book, t.by, v.Weekday())
	slices.SortStableFunc(t.report.Rows, func(a, b spent.Row) int { // who is nobody's comes last
		switch {
		case a.Key == "" && b.Key != "":
			return 1
		case a.Key != "" && b.Key == "":
			return -1
		}
		return 0
	})
	return t, nil
}

// address is that of the page with another kind, day or grouping.
func (t *tally) address(path, kind string, on calendar.Date, by spent.By) string {
	pairs := []string{"view", kind, "on", on.String()}
	if kind == "days" {
		pairs = []string{"from", t.window.From.String(), "to", t.window.To.String()}
	}
	return link(path, append(pairs, "by", string(by), "config", ofConfig(&t.config, t.configs))...)
}

// step is the day to which one goes forth or back.
func (t *tally) step(by int) calendar.Date {
	switch t.kind {
	case "week":
		return t.on.AddDays(7 * by)
	case "year":
		return calendar.Date{Year: t.on.Year + by, Month: time.January, Day: 1}
	}
	return monthAfter(t.on, by)
}

// periodName is what the days are called.
func (t *tally) periodName() string {
	if t.kind == "year" {
		return strconv.Itoa(t.on.Year)
	}
	return t.period(t.window.From, t.window.To)
}

func (s *web) hours(v *view) error {
	t, err := s.tally(v)
	if err != nil {
		return err
	}
	if t == nil {
		return s.show(v, http.StatusOK, page{title: v.t("nav.hours"), at: "/hours", body: []g.Node{s.noConfig(v)}})
	}
	p := page{title: v.t("tally.title", t.periodName()), at: "/hours", bar: t.bar()}
	if n := v.r.URL.Query().Get("asked"); n != "" {
		if asked, err := strconv.Atoi(n); err == nil && asked > 0 {
			p.body = append(p.body, P(Class("done"), Role("status"), g.Text(v.n("journeys.asked", asked)+" "), A(Href("/review"), g.Text(v.t("today.review")))))
		} else {
			p.body = append(p.body, P(Class("done"), Role("status"), g.Text(v.t("journeys.none"))))
		}
	}
	var main g.Node
	if len(t.report.Rows) == 0 {
		main = empty(v.t("tally.none"), v.t("tally.none.text"), P(Class("buttons"),
			A(Class("button primary"), Href("/runs"), g.Text(v.t("runs.start"))),
			A(Class("button"), Href(link("/calendar", "view", "month", "on", t.window.From.String())), g.Text(v.t("nav.calendar")))))
	} else {
		main = t.card()
	}
	p.body = append(p.body, Div(Class("review"), Div(Class("stacked"), main), Div(Class("stacked"), t.sums(), s.journeys(t), t.otherDays())))
	return s.show(v, http.StatusOK, p)
}

func (t *tally) bar() []g.Node {
	steps := g.Node(nil)
	if t.kind != "days" {
		steps = Div(Class("steps"),
			A(Class("button icon"), Href(t.address("/hours", t.kind, t.step(-1), t.by)), Aria("label", t.t("tally.before."+t.kind)), g.Attr("data-key", "ArrowLeft"),
				g.Text("‹")),
			A(Class("button home"), Href(t.address("/hours", t.kind, t.today, t.by)), g.Attr("data-key", "t"), g.Text(t.t("tally.this."+t.kind))),
			A(Class("button icon"), Href(t.address("/hours", t.kind, t.step(1), t.by)), Aria("label", t.t("tally.after."+t.kind)), g.Attr("data-key", "ArrowRight"),
				g.Text("›")))
	}
	return []g.Node{
		steps, Span(Class("grow")), configChooser(t.view, "/hours", &t.config, t.configs, "view", t.kind, "on", t.on.String(), "by", string(t.by)),
		tabs(t.t("calendar.view"), kindsOfTally, t.kind, func(kind string) (string, string) { return t.address("/hours", kind, t.on, t.by), t.t("tally." + kind) }),
	}
}

// tabs are links of which one is the page itself.
func tabs(label string, all []string, current string, of func(string) (address, name string)) g.Node {
	return Div(Class("tabs"), Role("group"), Aria("label", label), g.Map(all, func(one string) g.Node {
		address, name := of(one)
		return A(Href(address), g.If(one == current, Aria("current", "true")), g.Text(name))
	}))
}

// card is the rows with their bars.
func (t *tally) card() g.Node {
	var names []string
	for _, by := range spent.All {
		names = append(names, string(by))
	}
	chart := g.Node(nil)
	if t.by == spent.ByDay || t.by == spent.ByWeek {
		chart = t.columns()
	}
	return Section(Class("card"), Aria("labelledby", "tally"),
		Div(Class("bar"), H2(ID("tally"), g.Text(t.word("tally.by", string(t.by)))), Span(Class("grow")),
			tabs(t.t("tally.group"), names, string(t.by), func(by string) (string, string) {
				return t.address("/hours", t.kind, t.on, spent.By(by)), t.word("tally.tab", by)
			})),
		chart, t.table(), t.shapesOfHours(),
	)
}

// shapesOfHours says what the parts of bars are.
func (v *view) shapesOfHours() g.Node {
	return Ul(Class("legend"), Aria("label", v.t("legend")), g.Map([]string{"billable", "travel", "nonbillable"}, func(part string) g.Node {
		return Li(sample("b-"+part), g.Text(v.t("hours."+part)))
	}))
}

// sample is a piece of a bar, for legends.
func sample(class string) g.Node {
	return SVG(Class("swatch-bar"), g.Attr("viewBox", "0 0 22 12"), Aria("hidden", "true"), rect(class, 1, 1, 20, 10))
}

func rect(class string, x, y, width, height int) g.Node {
	return g.El("rect", g.Attr("class", class), g.Attr("x", strconv.Itoa(x)), g.Attr("y", strconv.Itoa(y)), g.Attr("width", strconv.Itoa(width)),
		g.Attr("height", strconv.Itoa(height)), g.Attr("vector-effect", "non-scaling-stroke"))
}

// parts are the times of a row in the order in which they are drawn.
func parts(r *spent.Row) []struct {
	class string
	long  time.Duration
} {
	return []struct {
		class string
		long  time.Duration
	}{{"b-billable", r.Billable}, {"b-travel", r.Travel}, {"b-nonbillable", r.NonBillable}}
}

// lineBar is the bar of a row, as long as its share of the longest.
func lineBar(r *spent.Row, longest time.Duration) g.Node {
	const width, height = 1000, 14
	var rects []g.Node
	x := 0
	for _, part := range parts(r) {
		if part.long > 0 {
			w := max(2, int(int64(width)*int64(part.long)/int64(longest)))
			rects = append(rects, rect(part.class, x, 1, min(w, width-x), height-2))
			x += w
		}
	}
	return SVG(Class("line-bar"), g.Attr("viewBox", fmt.Sprintf("0 0 %d %d", width, height)), g.Attr("preserveAspectRatio", "none"), Aria("hidden", "true"),
		g.Group(rects))
}

// name is what a row is called.
func (t *tally) name(r *spent.Row) string {
	switch t.by {
	case spent.ByDay, spent.ByWeek:
		day, err := calendar.ParseDate(r.Key)
		if err != nil {
			return r.Key
		}
		if t.by == spent.ByWeek {
			return t.t("calendar.weekof", t.shortDay(day))
		}
		return t.shortDay(day)
	case spent.ByBilling:
		return t.word("billing", r.Key)
	}
	return cmp.Or(r.Key, t.t("hours.none"))
}

// table is the rows, with their bars where they are no columns of a chart.
func (t *tally) table() g.Node {
	longest := time.Duration(1)
	for i := range t.report.Rows {
		longest = max(longest, t.report.Rows[i].Whole())
	}
	money := t.by == spent.ByCustomer && len(t.booked.worths) > 0
	bars := t.by != spent.ByDay && t.by != spent.ByWeek
	row := func(r *spent.Row, head g.Node, bar g.Node, worth []timesheet.Total) g.Node {
		return Tr(Th(Scope("row"), head), g.If(bars, Td(Class("bars desk"), bar)), Td(Class("n desk"), amount(r.Billable)), Td(Class("n desk"), amount(r.Travel)),
			Td(Class("n desk"), amount(r.NonBillable)), Td(Class("n"), B(g.Text(hours(r.Whole())))), g.If(money, Td(Class("n"), t.totals(worth))))
	}
	first := map[spent.By]string{
		spent.ByCustomer: "hours.customer", spent.ByDay: "calendar.day", spent.ByWeek: "calendar.week", spent.ByBilling: "tally.billing",
		spent.ByCategory: "tally.category",
	}[t.by]
	head := []string{first, "", "tally.bar", "desk", "hours.billable", "n desk", "hours.travel", "n desk", "hours.nonbillable", "n desk", "hours.total", "n"}
	if !bars {
		head = slices.Delete(head, 2, 4)
	}
	if money {
		head = append(head, "money.comes", "n")
	}
	return scroll(t.word("tally.by", string(t.by)), Table(Class("tally"), heads(t.view, head...),
		TBody(g.Map(numbers(len(t.report.Rows)), func(i int) g.Node {
			r := &t.report.Rows[i]
			bar := lineBar(r, longest)
			known := g.If(r.New, g.Group{g.Text(" "), A(Class("new"), Href(link("/customers/new", "name", r.Key)), g.Text(t.t("customers.record")))})
			head := g.Group{g.Text(t.name(r)), known, g.If(bars, Span(Class("phone"), bar))}
			return row(r, head, bar, t.booked.worth(r.Key))
		})),
		g.Iff(len(t.report.Rows) > 1, func() g.Node { return TFoot(row(&t.report.Total, g.Text(t.t("hours.total")), nil, t.booked.whole())) }),
	))
}

// columns draws days or weeks side by side.
func (t *tally) columns() g.Node {
	by := map[calendar.Date]*spent.Row{}
	tallest := 2 * time.Hour
	for i := range t.report.Rows {
		r := &t.report.Rows[i]
		if day, err := calendar.ParseDate(r.Key); err == nil {
			by[day] = r
			tallest = max(tallest, r.Whole())
		}
	}
	first, step := t.window.From, 1
	if t.by == spent.ByWeek {
		first, step = weekOf(t.window.From, t.Weekday()), 7
	}
	var days []calendar.Date
	for day := first; !t.window.To.Before(day); day = day.AddDays(step) {
		days = append(days, day)
	}
	const left, top, height, all = 44, 8, 150, 760
	wide := (all - left) / max(len(days), 7)
	tick := 2 * time.Hour
	for tallest/tick > 4 {
		tick *= 2
	}
	tallest = (tallest + tick - 1) / tick * tick
	y := func(d time.Duration) int { return top + height - int(int64(height)*int64(d)/int64(tallest)) }
	width, apart := left+wide*max(len(days), 7), wide/6
	var back, bars []g.Node
	for d := time.Duration(0); d <= tallest; d += tick {
		at := strconv.Itoa(y(d))
		back = append(back, g.El("line", g.Attr("x1", strconv.Itoa(left)), g.Attr("x2", strconv.Itoa(width)), g.Attr("y1", at), g.Attr("y2", at)),
			g.El("text", g.Attr("x", strconv.Itoa(left-8)), g.Attr("y", strconv.Itoa(y(d)+4)), g.Attr("text-anchor", "end"), g.Text(hours(d))))
	}
	for i, day := range days {
		x := left + i*wide
		if t.by == spent.ByDay && weekend(day) {
			back = append(back, rect("rest", x, top, wide, height))
		}
		if hasLabel(day, i, len(days), t.by) {
			label := strconv.Itoa(day.Day)
			if t.by == spent.ByWeek || len(days) > 45 {
				label = t.t("month.short." + strconv.Itoa(int(day.Month)))
			}
			back = append(back, g.El("text", g.Attr("x", strconv.Itoa(x+wide/2)), g.Attr("y", strconv.Itoa(top+height+18)), g.Attr("text-anchor", "middle"),
				g.Text(label)))
		}
		r := by[day]
		if r == nil {
			continue
		}
		var sum time.Duration
		for _, part := range parts(r) {
			if part.long > 0 {
				bars = append(bars, rect(part.class, x+apart, y(sum+part.long), max(1, wide-2*apart), max(1, y(sum)-y(sum+part.long))))
				sum += part.long
			}
		}
	}
	said := t.t("tally.chart", t.word("tally.by", string(t.by)), hours(t.report.Total.Whole()))
	return scroll(said, SVG(Class("columns-chart"), g.Attr("viewBox", fmt.Sprintf("0 0 %d %d", width, top+height+26)), Role("img"), Aria("label", said),
		g.Group(back), g.Group(bars)))
}

// hasLabel says whether a column has a label: each one where there is room, else the first of a month.
func hasLabel(day calendar.Date, i, of int, by spent.By) bool {
	if by == spent.ByWeek {
		return day.Day <= 7
	}
	return of <= 45 || day.Day == 1
}

// sums are the time and the money of the whole period, and what was not counted.
func (t *tally) sums() g.Node {
	r := t.report
	var left []g.Node
	for _, reason := range []spent.Reason{spent.Private, spent.Cancelled, spent.Declined, spent.Free, spent.NoCustomer, spent.AllDay} {
		if n := r.LeftOut[reason]; n > 0 {
			left = append(left, Li(Span(g.Text(t.word("tally.reason", string(reason)))), Strong(g.Text(strconv.Itoa(n)))))
		}
	}
	return Section(Class("card"), Aria("labelledby", "sum"), H2(ID("sum"), Class("vh"), g.Text(t.t("hours.total"))),
		Div(Class("delta"), g.Text(hours(r.Total.Whole()))), g.If(len(t.booked.worths) > 0, Div(Class("delta worth"), t.totals(t.booked.whole()))),
		g.If(r.Worked < r.Total.Whole(), P(Class("muted"), g.Text(t.t("tally.worked", hours(r.Worked))))),
		g.If(r.OverlapCount > 0, t.shared()),
		g.If(r.GapCount > 0, t.gaps()),
		g.If(len(left) > 0, g.Group{H3(g.Text(t.t("tally.left"))), Ul(Class("counts"), g.Group(left))}),
		g.If(len(t.booked.worths) > 0, P(Class("muted"), g.Text(t.t("money.comes.hint")))),
		g.If(len(r.Rows) > 0, P(A(Class("button"), Href(t.address("/hours/file", t.kind, t.on, t.by)), g.Text(t.t("tally.csv"))))),
	)
}

// shared names the appointments that share time.
func (t *tally) shared() g.Node {
	n := t.report.OverlapCount
	name := func(e *ledger.Entry) string { return cmp.Or(e.Appointment.Subject, t.t("calendar.untitled")) }
	return Details(Class("own"), Summary(g.Text(t.n("tally.overlaps", n))), Ul(Class("named"),
		g.Map(t.report.Overlaps[:min(len(t.report.Overlaps), mostNamed)], func(o spent.Overlap) g.Node {
			on := t.shortDay(calendar.DateOf(o.From, t.window.Zone))
			return Li(g.Text(fmt.Sprintf("%s, %s–%s: %s · %s", on, clock(o.From, t.window.Zone), clock(o.To, t.window.Zone), name(o.First), name(o.Second))))
		}), t.more(n)))
}

func (t *tally) gaps() g.Node {
	n := t.report.GapCount
	return Details(Class("own"), Summary(g.Text(t.n("sheet.gaps", n))), Ul(Class("named"),
		g.Map(t.report.Gaps[:min(len(t.report.Gaps), mostNamed)], func(gap spent.Gap) g.Node { return Li(g.Text(t.gap(gap, t.window.Zone))) }), t.more(n)))
}

// gap is when nothing was, and how long.
func (v *view) gap(gap spent.Gap, zone *time.Location) string {
	return fmt.Sprintf("%s, %s–%s (%s)", v.shortDay(calendar.DateOf(gap.From, zone)), clock(gap.From, zone), clock(gap.To, zone), hours(gap.To.Sub(gap.From)))
}

// journeys asks about travel that must have been and is not recorded.
func (s *web) journeys(t *tally) g.Node {
	return Section(Class("card"), Aria("labelledby", "journeys"), H2(ID("journeys"), g.Text(t.t("journeys.title"))),
		P(Class("muted"), g.Text(t.t("journeys.text"))),
		s.form(t.view, "/hours/journeys", hidden("config", t.config.ID), hidden("from", t.window.From.String()), hidden("to", t.window.To.String()),
			hidden("back", t.address("/hours", t.kind, t.on, t.by)), Button(Type("submit"), g.Text(t.t("journeys.ask")))))
}

// otherDays chooses any days.
func (t *tally) otherDays() g.Node {
	return Section(Class("card"), Aria("labelledby", "days"), H2(ID("days"), g.Text(t.t("tally.days"))),
		Form(Method("get"), Action("/hours"), g.If(len(t.configs) > 1, hidden("config", t.config.ID)), hidden("by", string(t.by)),
			dayField(t.t("form.from"), "from", t.window.From), dayField(t.t("form.to"), "to", t.window.To),
			P(Button(Type("submit"), g.Text(t.t("calendar.show"))))))
}

// dayField is a labelled field with a day.
func dayField(label, name string, day calendar.Date) g.Node {
	return Div(Class("field"), Label(For(name), g.Text(label)), Input(ID(name), Name(name), Type("date"), Value(day.String()), Required()))
}

// hoursFile answers with the rows as a CSV file.
func (s *web) hoursFile(v *view) error {
	t, err := s.tally(v)
	if err != nil {
		return err
	}
	if t == nil {
		return fault.New(fault.NotFound, "nothing is archived yet")
	}
	var text bytes.Buffer
	if err := t.report.WriteCSV(&text, t.by); err != nil {
		return err
	}
	return s.send(v, "attachment", "hours-"+t.window.From.String()+"-"+t.window.To.String()+".csv", "text/csv; charset=utf-8", text.Bytes())
}

// askJourneys asks about the journeys that are missing from some days: each is decided in the review.
func (s *web) askJourneys(v *view) error {
	f := v.r.PostForm
	c, err := s.Configs.Get(v.ctx, v.user, f.Get("config"))
	if err != nil {
		return err
	}
	w, err := archive.ReadWindow("", f.Get("from"), f.Get("to"), zoneOf(c.Timezone), v.now, v.Weekday())
	if err != nil {
		return err
	}
	reader := &place.Reader{Ledger: s.Ledger, Customers: s.Customers, Places: s.Places, Questions: s.Actions}
	_, settled, err := reader.Ask(v.ctx, v.user, c.ID, w)
	if err != nil {
		return err
	}
	back := f.Get("back")
	if !strings.HasPrefix(back, "/hours?") {
		back = "/hours?"
	}
	return v.redirect(back + "&asked=" + strconv.Itoa(settled.Open))
}
