package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
	"adminassistant/shared/timesheet"
)

// sheet is what the calendar shows: some days of a config.
type sheet struct {
	*view
	config  archive.Config
	configs []archive.Config
	zone    *time.Location
	kind    string // day, week or month
	on      calendar.Date
	window  calendar.Window
	today   calendar.Date
	pairs   []archive.Beside
	asks    map[string]string // by source key: the open action about it
	last    *run.Run          // the newest archive run that has ended; nil: none
	unread  bool              // the source could not be read here
	book    *customer.Book
	worths  []timesheet.Worth // what the archived appointments come to
}

// mostConfigs is how many configs can be chosen from.
const mostConfigs = 100

// choose returns the config that a request names, else the first active one; nil: there is none at all.
func (s *web) choose(v *view) (*archive.Config, []archive.Config, error) {
	all, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	if err != nil {
		return nil, nil, err
	}
	if id := cmp.Or(v.r.URL.Query().Get("config"), v.r.PostForm.Get("config")); id != "" {
		for i := range all {
			if all[i].ID == id {
				return &all[i], all, nil
			}
		}
		return nil, nil, fault.New(fault.NotFound, "there is no config %s", id)
	}
	if len(all) == 0 {
		return nil, nil, nil
	}
	at := max(0, slices.IndexFunc(all, func(c archive.Config) bool { return c.Active }))
	return &all[at], all, nil
}

func (s *web) calendar(v *view) error {
	c, all, err := s.choose(v)
	if err != nil {
		return err
	}
	if c == nil {
		return s.show(v, http.StatusOK, page{title: v.t("nav.calendar"), at: "/calendar", body: []g.Node{s.noConfig(v)}})
	}
	q := v.r.URL.Query()
	sh := &sheet{view: v, config: *c, configs: all, zone: zoneOf(c.Timezone), kind: cmp.Or(q.Get("view"), "week")}
	sh.today = calendar.DateOf(v.now, sh.zone)
	sh.on = sh.today
	if day := q.Get("on"); day != "" {
		if sh.on, err = calendar.ParseDate(day); err != nil {
			return fault.At("on", err)
		}
	}
	from, to := sh.bounds()
	if sh.window, err = calendar.NewWindow(from, to, sh.zone); err != nil {
		return fault.At("on", err)
	}
	if err := s.fill(sh); err != nil {
		return err
	}
	return s.show(v, http.StatusOK, sh.page())
}

// bounds are the first and the last day that are shown.
func (sh *sheet) bounds() (from, to calendar.Date) {
	switch sh.kind {
	case "day":
		return sh.on, sh.on
	case "month":
		first := calendar.Date{Year: sh.on.Year, Month: sh.on.Month, Day: 1}
		last := calendar.DateOf(time.Date(sh.on.Year, sh.on.Month+1, 0, 12, 0, 0, 0, time.UTC), time.UTC)
		from = weekOf(first, sh.Weekday())
		return from, weekOf(last, sh.Weekday()).AddDays(6)
	}
	sh.kind = "week"
	from = weekOf(sh.on, sh.Weekday())
	return from, from.AddDays(6)
}

// weekOf is the first day of a day's week.
func weekOf(d calendar.Date, first time.Weekday) calendar.Date {
	return d.AddDays(-int((d.Weekday() - first + 7) % 7))
}

// fill reads what the sheet shows: a number of requests that does not depend on how much there is on other days.
func (s *web) fill(sh *sheet) error {
	v := sh.view
	events, readable, err := s.Events(v.ctx, v.user, &sh.config, sh.window)
	if err != nil && !fault.Of(err).Transient() && fault.Of(err) != fault.NotFound {
		return err
	}
	sh.unread = err != nil || !readable
	var seen *run.Run
	if sh.last, seen, err = s.lastRun(v, sh.config.ID, sh.window); err != nil {
		return err
	}
	if sh.unread {
		if seen != nil {
			sh.last = seen
		}
		sh.pairs, err = s.AsSeen(v.ctx, v.user, &sh.config, sh.window, seen)
	} else {
		sh.pairs, err = s.Compare(v.ctx, v.user, &sh.config, sh.window, events)
	}
	if err != nil {
		return err
	}
	sh.asks = map[string]string{}
	open, _, err := s.Actions.List(v.ctx, v.user, action.Filter{
		State: action.Open, Config: sh.config.ID, From: sh.window.Start(), To: sh.window.End(),
	}, 200, "")
	if err != nil {
		return err
	}
	for _, a := range open {
		for _, p := range a.Participants {
			sh.asks[p.Key] = a.ID
		}
	}
	return s.price(sh)
}

// lastRuns is how many runs are looked at for the newest archive run.
const lastRuns = 25

// lastRun returns the newest archive run of a config that has ended, and the newest one of these that looked at any day of a window; nil: there is none among
// the newest runs.
func (s *web) lastRun(v *view, config string, w calendar.Window) (newest, looked *run.Run, err error) {
	runs, _, err := s.Runs.List(v.ctx, v.user, config, lastRuns, "")
	if err != nil {
		return nil, nil, err
	}
	for _, r := range runs {
		if r.Kind != run.Archive || r.State != run.Succeeded && r.State != run.Partial || r.Options.DryRun {
			continue
		}
		if newest == nil {
			newest = r
		}
		if r.From.Compare(w.To) <= 0 && w.From.Compare(r.To) <= 0 {
			return newest, r, nil
		}
	}
	return newest, nil, nil
}

// address is that of the calendar with another view or day.
func (sh *sheet) address(kind string, on calendar.Date) string {
	config := ""
	if len(sh.configs) > 1 {
		config = sh.config.ID
	}
	return link("/calendar", "view", kind, "on", on.String(), "config", config)
}

// step is the day to which one goes forth or back.
func (sh *sheet) step(by int) calendar.Date {
	switch sh.kind {
	case "day":
		return sh.on.AddDays(by)
	case "month":
		return calendar.DateOf(time.Date(sh.on.Year, sh.on.Month+time.Month(by), 1, 12, 0, 0, 0, time.UTC), time.UTC)
	}
	return sh.on.AddDays(7 * by)
}

func (sh *sheet) page() page {
	title := sh.days(sh.window.From, sh.window.To)
	switch sh.kind {
	case "month":
		title = sh.t("form.month", sh.month(sh.on.Month), sh.on.Year)
	case "day":
		title = sh.longDay(sh.on)
	}
	p := page{title: title, at: "/calendar", bar: sh.bar(), body: []g.Node{P(Class("fresh muted"), g.Text(sh.fresh()))}}
	switch sh.kind {
	case "day":
		p.body = append(p.body, sh.dayView())
	case "month":
		p.body = append(p.body, sh.monthView())
	default:
		p.body = append(p.body, sh.weekView())
	}
	if len(sh.pairs) == 0 {
		p.body = append(p.body, P(Class("muted note"), g.Text(sh.t("calendar.nothing"))))
	}
	p.body = append(p.body, sh.legend(), sh.hoursCard())
	return p
}

// bar is what stands beside the title: where one can go, how fresh it is, what needs the user.
func (sh *sheet) bar() []g.Node {
	kinds := []string{"day", "week", "month"}
	n := len(sh.asking())
	return []g.Node{
		Div(Class("steps"),
			A(Class("button icon"), Href(sh.address(sh.kind, sh.step(-1))), Aria("label", sh.t("calendar.before."+sh.kind)), g.Attr("data-key", "ArrowLeft"),
				g.Text("‹")),
			A(Class("button home"), Href(sh.address(sh.kind, sh.today)), g.Attr("data-key", "t"), g.Text(sh.t("calendar.today"))),
			A(Class("button icon"), Href(sh.address(sh.kind, sh.step(1))), Aria("label", sh.t("calendar.after."+sh.kind)), g.Attr("data-key", "ArrowRight"),
				g.Text("›")),
		),
		Span(Class("grow")),
		sh.chooser(),
		Div(Class("tabs"), Role("group"), Aria("label", sh.t("calendar.view")), g.Map(kinds, func(kind string) g.Node {
			return A(Href(sh.address(kind, sh.on)), g.If(kind == sh.kind, Aria("current", "true")), g.Text(sh.t("calendar."+kind)))
		})),
		g.Iff(n > 0, func() g.Node {
			return A(Class("button primary"), Href("/review/"+sh.asking()[0]), g.Text(sh.t("calendar.review", n)))
		}),
	}
}

// chooser changes to another config, where there are several.
func (sh *sheet) chooser() g.Node {
	if len(sh.configs) < 2 {
		return nil
	}
	return Form(Class("choose"), Method("get"), Action("/calendar"), hidden("view", sh.kind), hidden("on", sh.on.String()),
		Label(Class("vh"), For("config"), g.Text(sh.t("calendar.config"))),
		Select(ID("config"), Name("config"), g.Attr("data-submit"), g.Map(sh.configs, func(c archive.Config) g.Node {
			return Option(Value(c.ID), g.If(c.ID == sh.config.ID, Selected()), g.Text(c.Name))
		})),
		Button(Type("submit"), g.Text(sh.t("calendar.show"))),
	)
}

// asking are the open actions about what is shown, each once.
func (sh *sheet) asking() []string {
	var ids []string
	for i := range sh.pairs {
		if id := sh.asks[sh.pairs[i].Key]; id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// fresh says how fresh the sheet is, and how much of it is as it was archived.
func (sh *sheet) fresh() string {
	if sh.last == nil {
		return sh.t("calendar.never")
	}
	when := sh.moment(sh.last.Ended, sh.now, sh.zone)
	if sh.unread {
		return sh.t("calendar.unread", when)
	}
	alike, all := 0, 0
	for i := range sh.pairs {
		if sh.pairs[i].Archive != nil {
			all++
			if sh.pairs[i].Outcome == archive.Unchanged || sh.pairs[i].Outcome == archive.Created {
				alike++
			}
		}
	}
	if all == 0 {
		return sh.t("calendar.archived", when)
	}
	return sh.t("calendar.fresh", when, alike, all)
}

// state is how a pair is drawn, and said: a shape and a word.
type state struct{ class, word string }

func (sh *sheet) state(b *archive.Beside) state {
	switch {
	case sh.asks[b.Key] != "" && b.Outcome == archive.Conflicted:
		return state{"ask", "ask"}
	case b.Outcome == archive.Conflicted:
		return state{"ask", "conflicted"}
	case b.Outcome == archive.Drifted:
		return state{"drift", "drifted"}
	case b.Outcome == archive.Vanished:
		return state{"drift", "vanished"}
	case b.Archive != nil && b.Decision != "":
		return state{"kept", "decided"}
	case b.Archive != nil:
		return state{"kept", "kept"}
	case b.Outcome == archive.Archived:
		return state{"new", "new"}
	}
	return state{"ghost", string(b.Outcome)}
}

// side is which of the two a block shows.
type side int

const (
	both side = iota
	inCalendar
	inArchive
)

// piece is one block that is drawn.
type piece struct {
	pair *archive.Beside
	at   *calendar.Appointment
	side side
}

// pieces are the blocks of a week: one where calendar and archive agree, both where they differ.
func (sh *sheet) pieces() []piece {
	var all []piece
	for i := range sh.pairs {
		b := &sh.pairs[i]
		switch {
		case b.Archive == nil:
			all = append(all, piece{b, b.Source, inCalendar})
		case b.Source == nil:
			all = append(all, piece{b, b.Archive, inArchive})
		case (b.Outcome == archive.Drifted || b.Decision != "") && !sameTimes(b.Source, b.Archive):
			all = append(all, piece{b, b.Archive, inArchive}, piece{b, b.Source, inCalendar})
		default:
			all = append(all, piece{b, b.Archive, both})
		}
	}
	return all
}

func sameTimes(a, b *calendar.Appointment) bool { return a.Start.Equal(b.Start) && a.End.Equal(b.End) }

// on says whether a piece is on a day, in part or whole.
func (p *piece) on(day calendar.Date, zone *time.Location) bool {
	start, end := calendar.StartOfDay(day, zone), calendar.StartOfDay(day.AddDays(1), zone)
	return p.at.Start.Before(end) && (p.at.End.After(start) || !p.at.Start.Before(start))
}

// timed are the pieces of a day that have a time, and wholeDay those that do not, each by start.
func divide(all []piece, day calendar.Date, zone *time.Location) (timed, wholeDay []piece) {
	for _, p := range all {
		switch {
		case !p.on(day, zone):
		case p.at.AllDay:
			wholeDay = append(wholeDay, p)
		default:
			timed = append(timed, p)
		}
	}
	slices.SortStableFunc(timed, func(a, b piece) int { return a.at.Start.Compare(b.at.Start) })
	return timed, wholeDay
}

func (sh *sheet) weekView() g.Node {
	all := sh.pieces()
	shown := usual
	var days []calendar.Date
	for day := sh.window.From; !sh.window.To.Before(day); day = day.AddDays(1) {
		days = append(days, day)
		timed, _ := divide(all, day, sh.zone)
		for _, p := range timed {
			shown.cover(p.at.Start, p.at.End, day, sh.zone)
		}
	}
	lasting, lines := sh.lasting(all, days)
	plain := span{shown.from, shown.to}.of(longestIn(days, sh.zone), sh.zone)
	class := "week"
	if sh.emptyWeekend(all, days) {
		class += " free-" + sh.WeekStart
	}
	return Div(Class(class), Role("group"), Aria("label", sh.t("calendar.weekof", sh.day(sh.window.From))),
		Div(Class("hours"), Aria("hidden", "true"), Div(Class("head")), sh.ticks(plain, false)),
		g.Map(numbers(len(days)), func(n int) g.Node {
			day := days[n]
			timed, wholeDay := divide(all, day, sh.zone)
			class := "day"
			if len(timed)+len(wholeDay) == 0 {
				class += " free"
			}
			if weekend(day) {
				class += " weekend"
			}
			if day == sh.today {
				class += " today"
			}
			col := shown.of(day, sh.zone)
			if shifts(col, sh.zone) {
				class += " shifted"
			}
			return Section(Class(class), Aria("labelledby", "d"+day.String()),
				Div(Class("head"), H2(ID("d"+day.String()), A(Href(sh.address("day", day)),
					Span(g.Text(sh.weekdayShort(day.Weekday()))), g.Text(" "), Strong(g.Textf("%d", day.Day)),
					Span(Class("vh"), g.Text(" "+sh.t("form.year", sh.month(day.Month), day.Year))))),
				),
				g.If(len(wholeDay) > 0, Ol(Class("whole"), g.Map(inLines(lasting, lines, n), func(i int) g.Node {
					at := lines[i]
					class := fmt.Sprintf("short r%d", at.line+1)
					switch {
					case at.first < n:
						class += " cont"
					case at.last > n:
						class += fmt.Sprintf(" b%d", at.last-n+1)
					}
					return sh.item(&lasting[i], day, class)
				}))),
				g.Iff(shifts(col, sh.zone), func() g.Node { return sh.ticks(col, true) }),
				sh.list(timed, col, day),
			)
		}),
	)
}

// lasting are the pieces that last all day, each with its place among the days that are drawn.
func (sh *sheet) lasting(all []piece, days []calendar.Date) (lasting []piece, lines []band) {
	var spans [][2]int
	for _, p := range all {
		first, last := -1, -1
		for n, day := range days {
			if p.at.AllDay && p.on(day, sh.zone) {
				if last = n; first < 0 {
					first = n
				}
			}
		}
		if first >= 0 {
			lasting, spans = append(lasting, p), append(spans, [2]int{first, last})
		}
	}
	return lasting, bands(spans)
}

// inLines are the numbers of what is on the n-th day, by their lines.
func inLines(lasting []piece, lines []band, n int) (on []int) {
	for i := range lasting {
		if lines[i].first <= n && n <= lines[i].last {
			on = append(on, i)
		}
	}
	slices.SortFunc(on, func(a, b int) int { return lines[a].line - lines[b].line })
	return on
}

// emptyWeekend says whether nothing is on Saturday and Sunday, which need less room then.
func (sh *sheet) emptyWeekend(all []piece, days []calendar.Date) bool {
	for _, day := range days {
		if !weekend(day) {
			continue
		}
		if timed, wholeDay := divide(all, day, sh.zone); len(timed)+len(wholeDay) > 0 {
			return false
		}
	}
	return true
}

func weekend(day calendar.Date) bool {
	return day.Weekday() == time.Saturday || day.Weekday() == time.Sunday
}

// longestIn is a day on which the clocks are not changed, if there is one.
func longestIn(days []calendar.Date, zone *time.Location) calendar.Date {
	for _, day := range days {
		if calendar.StartOfDay(day.AddDays(1), zone).Sub(calendar.StartOfDay(day, zone)) == 24*time.Hour {
			return day
		}
	}
	return days[0]
}

// shifts says whether the clocks are changed in a column.
func shifts(c column, zone *time.Location) bool {
	_, before := c.start.In(zone).Zone()
	_, after := c.start.Add(time.Duration(c.minutes) * time.Minute).In(zone).Zone()
	return before != after
}

// ticks are the hours at the side of a column; own ones stand in the column of the day that they are of.
func (sh *sheet) ticks(c column, own bool) g.Node {
	class, all := fmt.Sprintf("ticks h%d", c.hours()), c.ticks(sh.zone)
	if own { // up to the change they are those of the other days
		class += " own"
		all = all[max(0, slices.IndexFunc(all, func(t tick) bool { return strings.Contains(t.label, " ") })):]
	}
	return Div(Class(class), Aria("hidden", "true"), g.Map(all, func(t tick) g.Node {
		return Span(Class(fmt.Sprintf("r%d", t.row)), g.Text(t.label))
	}))
}

// places are where the pieces of a column stand.
func (sh *sheet) places(all []piece, c column) []block {
	things := make([]timed, len(all))
	for i, p := range all {
		st := sh.state(p.pair)
		things[i] = timed{p.at.Start, p.at.End, st.class == "ghost"}
	}
	return c.place(things)
}

// list is the blocks of a column, in order of time.
func (sh *sheet) list(all []piece, c column, day calendar.Date) g.Node {
	blocks := sh.places(all, c)
	items := make([]g.Node, len(all))
	for i := range all {
		class := blocks[i].class()
		if blocks[i].rows < 8 {
			class += " short"
		}
		items[i] = sh.item(&all[i], day, class)
	}
	return Ol(Class(fmt.Sprintf("slots h%d", c.hours())), g.Group(items))
}

// item is one block: what an eye sees, and what an ear hears, is the same.
func (sh *sheet) item(p *piece, day calendar.Date, class string) g.Node {
	st := sh.state(p.pair)
	if p.side == inCalendar && p.pair.Archive != nil { // the other one of two
		st = state{"moved", "moved"}
	}
	title := sh.title(p)
	if strings.HasSuffix(class, " cont") { // its title is where it begins
		title = B(g.Text(sh.subject(p)))
	}
	return Li(Class(strings.TrimSpace("e "+st.class+" "+class)), Div(
		Span(Class("when"), sh.whenParts(p.at, day)),
		g.Text(" "), title, g.Text(" "),
		Span(Class("meta"), g.Text(sh.meta(p, st))),
		Span(Class("vh"), g.Text(", "+sh.said(p, day))),
	))
}

func (sh *sheet) subject(p *piece) string { return cmp.Or(p.at.Subject, sh.t("calendar.untitled")) }

// title is a block's subject. It leads to the question about it, else to what the ledger has of it, if it has anything.
func (sh *sheet) title(p *piece) g.Node {
	subject := B(g.Text(sh.subject(p)))
	switch id := sh.asks[p.pair.Key]; {
	case id != "":
		return A(Href("/review/"+id), subject)
	case p.pair.Version > 0:
		config := ""
		if len(sh.configs) > 1 {
			config = sh.config.ID
		}
		return A(Href(link("/ledger/history", "key", p.pair.Key, "config", config)), subject)
	}
	return subject
}

// when is the time of a block on a day.
func (sh *sheet) when(a *calendar.Appointment, day calendar.Date) string {
	if a.AllDay {
		return sh.t("calendar.allday")
	}
	from, to := clock(a.Start, sh.zone), clock(a.End, sh.zone)
	if calendar.DateOf(a.Start, sh.zone) != day {
		from = "…"
	}
	if end := calendar.DateOf(a.End.Add(-time.Nanosecond), sh.zone); end != day && a.End.After(a.Start) {
		to = "…"
	}
	return from + "–" + to
}

// whenParts is when with its end apart, for which there is not always room.
func (sh *sheet) whenParts(a *calendar.Appointment, day calendar.Date) g.Node {
	from, to, both := strings.Cut(sh.when(a, day), "–")
	if !both {
		return g.Text(from)
	}
	return g.Group{g.Text(from), Span(Class("until"), g.Text("–"+to))}
}

// meta is what stands under a subject: customer, duration, state.
func (sh *sheet) meta(p *piece, st state) string {
	var parts []string
	a := p.at
	if a.Travel {
		parts = append(parts, "→ "+sh.t("calendar.travel"))
	}
	if a.Customer != "" {
		parts = append(parts, a.Customer)
	}
	if !a.AllDay {
		parts = append(parts, hours(a.Duration()))
	}
	if private(a) {
		parts = append(parts, sh.t("calendar.private"))
	}
	if st.word != "kept" {
		word := sh.word("state", st.word)
		if p.pair.Reason != "" && (st.class == "ghost") && p.pair.Outcome == archive.Excluded {
			word = sh.word("reason", p.pair.Reason)
		}
		parts = append(parts, word)
	}
	return strings.Join(parts, " · ")
}

func private(a *calendar.Appointment) bool {
	return a.Sensitivity == calendar.Private || a.Sensitivity == calendar.Confidential
}

// said is the rest of what an ear hears: date and duration.
func (sh *sheet) said(p *piece, day calendar.Date) string {
	text := sh.longDay(day)
	if !p.at.AllDay {
		text += ", " + sh.spoken(p.at.Duration())
	}
	if p.pair.By != "" {
		text += ", " + sh.t("calendar.by", p.pair.By)
	}
	switch p.side {
	case inArchive:
		text += ", " + sh.t("calendar.inarchive")
	case inCalendar:
		text += ", " + sh.t("calendar.incalendar")
	default:
		text += ", " + sh.t("calendar.inboth")
	}
	return text
}

// dayView draws the source beside the archive.
func (sh *sheet) dayView() g.Node {
	var source, kept []piece
	for i := range sh.pairs {
		b := &sh.pairs[i]
		if b.Source != nil {
			source = append(source, piece{b, b.Source, inCalendar})
		}
		if b.Archive != nil {
			kept = append(kept, piece{b, b.Archive, inArchive})
		}
	}
	shown := usual
	for _, p := range append(slices.Clone(source), kept...) {
		if !p.at.AllDay && p.on(sh.on, sh.zone) {
			shown.cover(p.at.Start, p.at.End, sh.on, sh.zone)
		}
	}
	col := shown.of(sh.on, sh.zone)
	half := func(id, title string, all []piece) g.Node {
		timed, wholeDay := divide(all, sh.on, sh.zone)
		return Section(Class("day"), Aria("labelledby", id),
			Div(Class("head"), H2(ID(id), g.Text(title))),
			g.If(len(wholeDay) > 0, Ol(Class("whole"), g.Map(wholeDay, func(p piece) g.Node { return sh.oneSide(&p, "") }))),
			sh.sideList(timed, col),
		)
	}
	return Div(Class("week two"), Role("group"), Aria("label", sh.longDay(sh.on)),
		Div(Class("hours"), Aria("hidden", "true"), Div(Class("head")), sh.ticks(col, false)),
		half("source", sh.t("calendar.source"), source), half("archive", sh.t("calendar.archive"), kept))
}

func (sh *sheet) sideList(all []piece, c column) g.Node {
	blocks := sh.places(all, c)
	items := make([]g.Node, len(all))
	for i := range all {
		class := blocks[i].class()
		if blocks[i].rows < 8 {
			class += " short"
		}
		items[i] = sh.oneSide(&all[i], class)
	}
	return Ol(Class(fmt.Sprintf("slots h%d", c.hours())), g.Group(items))
}

// oneSide is a block of a side: there the shape says what became of it on the other one.
func (sh *sheet) oneSide(p *piece, class string) g.Node {
	st := sh.state(p.pair)
	meta := sh.meta(p, st)
	if p.pair.By != "" {
		meta += " · " + sh.t("calendar.by", p.pair.By)
	}
	return Li(Class(strings.TrimSpace("e "+st.class+" "+class)), Div(
		Span(Class("when"), g.Text(sh.when(p.at, sh.on))), g.Text(" "), sh.title(p), g.Text(" "), Span(Class("meta"), g.Text(meta)),
		Span(Class("vh"), g.Text(", "+sh.spoken(p.at.Duration()))),
	))
}

func (sh *sheet) monthView() g.Node {
	all := sh.pieces()
	var names []g.Node
	for i := range 7 {
		names = append(names, Span(g.Text(sh.weekdayShort(sh.window.From.AddDays(i).Weekday()))))
	}
	var cells []g.Node
	for day := sh.window.From; !sh.window.To.Before(day); day = day.AddDays(1) {
		timed, wholeDay := divide(all, day, sh.zone)
		class := "cell"
		if day.Month != sh.on.Month {
			class += " other"
		}
		if len(timed)+len(wholeDay) == 0 {
			class += " free"
		}
		if day == sh.today {
			class += " today"
		}
		cells = append(cells, Section(Class(class), Aria("labelledby", "d"+day.String()),
			H2(ID("d"+day.String()), A(Href(sh.address("day", day)), Span(Class("name"), g.Text(sh.weekdayShort(day.Weekday())+" ")), g.Textf("%d", day.Day),
				Span(Class("vh"), g.Text(" "+sh.t("form.year", sh.month(day.Month), day.Year))))),
			Ol(g.Map(append(wholeDay, timed...), func(p piece) g.Node { return sh.item(&p, day, "slim") })),
		))
	}
	return Div(Class("month"), Role("group"), Aria("label", sh.t("form.month", sh.month(sh.on.Month), sh.on.Year)),
		Div(Class("names"), Aria("hidden", "true"), g.Group(names)), g.Group(cells))
}

// legend says what the shapes mean.
func (sh *sheet) legend() g.Node {
	return Ul(Class("legend"), Aria("label", sh.t("legend")), g.Map([]string{"kept", "new", "drift", "ask", "ghost"}, func(class string) g.Node {
		return Li(Span(Class("e "+class), Aria("hidden", "true")), g.Text(sh.t("legend."+class)))
	}))
}

// sum is the hours of a customer.
type sum struct {
	customer                              string
	billable, nonBillable, travel, decide time.Duration
}

// sums are the hours of what starts in the window, by customer; those without one last.
func (sh *sheet) sums() []sum {
	by := map[string]*sum{}
	for i := range sh.pairs {
		b := &sh.pairs[i]
		a := b.Stands()
		if a.AllDay || !sh.window.Contains(a.Start) || sh.kind == "month" && a.Day(sh.zone).Month != sh.on.Month {
			continue
		}
		if b.Archive == nil && b.Outcome != archive.Conflicted {
			continue
		}
		name := sh.book.Named(a.Customer)
		c := by[calendar.Folded(name)]
		if c == nil {
			c = &sum{customer: name}
			by[calendar.Folded(name)] = c
		}
		switch d := a.Duration(); {
		case b.Archive == nil:
			c.decide += d
		case a.Travel:
			c.travel += d
		case a.BillingType == calendar.Billable:
			c.billable += d
		default:
			c.nonBillable += d
		}
	}
	all := make([]sum, 0, len(by))
	for _, c := range by {
		all = append(all, *c)
	}
	slices.SortFunc(all, func(a, b sum) int {
		none := func(s sum) int {
			if s.customer == "" {
				return 1
			}
			return 0
		}
		return cmp.Or(none(a)-none(b), strings.Compare(strings.ToLower(a.customer), strings.ToLower(b.customer)))
	})
	return all
}

// hoursCard is the hours of the sheet by customer.
func (sh *sheet) hoursCard() g.Node {
	all := sh.sums()
	if len(all) == 0 {
		return nil
	}
	var total sum
	for _, c := range all {
		total.billable, total.nonBillable = total.billable+c.billable, total.nonBillable+c.nonBillable
		total.travel, total.decide = total.travel+c.travel, total.decide+c.decide
	}
	parts := []struct {
		of   string
		long func(sum) time.Duration
	}{
		{"hours.billable", func(c sum) time.Duration { return c.billable }}, {"hours.nonbillable", func(c sum) time.Duration { return c.nonBillable }},
		{"hours.travel", func(c sum) time.Duration { return c.travel }}, {"hours.decide", func(c sum) time.Duration { return c.decide }},
	}
	for i := len(parts) - 1; i > 0; i-- { // what nobody has takes no room
		if parts[i].long(total) == 0 {
			parts = slices.Delete(parts, i, i+1)
		}
	}
	row := func(c sum, worth []timesheet.Total) g.Node {
		var cells []g.Node
		for _, p := range parts {
			cells = append(cells, sh.cell(p.of, Class("n"), amount(p.long(c))))
		}
		return g.Group{g.Group(cells), g.If(len(sh.worths) > 0, sh.cell("money.comes", Class("n"), sh.totals(worth)))}
	}
	var columns []g.Node
	for _, p := range parts {
		columns = append(columns, Th(Scope("col"), Class("n"), g.Text(sh.t(p.of))))
	}
	return Section(Class("card"), Aria("labelledby", "hours"), H2(ID("hours"), g.Text(sh.t("hours."+sh.kind))),
		Div(Class("scroll"), TabIndex("0"), Role("region"), Aria("labelledby", "hours"), Table(Class("stacks"),
			THead(Tr(Th(Scope("col"), g.Text(sh.t("hours.customer"))), g.Group(columns),
				g.If(len(sh.worths) > 0, Th(Scope("col"), Class("n"), g.Text(sh.t("money.comes")))))),
			TBody(g.Map(all, func(c sum) g.Node {
				return Tr(Th(Scope("row"), g.If(c.customer == "", Class("muted")), g.Text(cmp.Or(c.customer, sh.t("hours.none")))), row(c, worthOf(sh.worths, c.customer)))
			})),
			g.If(len(all) > 1, TFoot(Tr(Th(Scope("row"), g.Text(sh.t("hours.total"))), row(total, sumOf(sh.worths))))),
		)),
	)
}

// amount is hours in a table; nothing is a dash, so that what is there is seen.
func amount(d time.Duration) g.Node {
	if d == 0 {
		return Span(Class("muted"), g.Text("–"))
	}
	return g.Text(hours(d))
}

// noConfig says what to do where nothing is archived yet.
func (s *web) noConfig(v *view) g.Node {
	return empty(v.t("none.title"), v.t("none.text"),
		P(A(Class("button primary"), Href("/setup"), g.Attr("data-key", "Enter"), g.Text(v.t("none.begin")), key("Enter"))))
}
