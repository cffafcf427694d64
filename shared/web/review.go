package web

import (
	"cmp"
	"errors"
	"fmt"
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
	"adminassistant/shared/asked"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/fault"
	"adminassistant/shared/run"
)

// choice is one answer to a question, as a button.
type choice struct {
	word     string // sent as "do"
	label    string
	key      string // empty: none
	why      string
	verdicts []decision.Verdict
	shares   bool // what stands then shares time
}

// asking is a question as a page shows it.
type asking struct {
	*view
	*asked.Question
	config  archive.Config
	zone    *time.Location
	choices []choice
	chosen  *choice // of which the effect is shown; nil: none
	place   int     // of the open ones, from 1
	open    int
	before  string // id of the action before, and after; empty: none
	after   string
}

// reviewFirst leads to the oldest of what is open, or says that nothing is.
func (s *web) reviewFirst(v *view) error {
	open, _, err := s.openActions(v)
	if err != nil {
		return err
	}
	if len(open) > 0 {
		to := "/review/" + open[len(open)-1].ID
		return v.redirect(link(to, "run", v.r.URL.Query().Get("run")))
	}
	return s.show(v, http.StatusOK, page{title: v.t("nav.review"), at: "/review", body: []g.Node{
		s.decided(v), empty(v.t("review.none"), v.t("review.none.text"), P(A(Class("button"), Href("/calendar"), g.Text(v.t("nav.calendar"))))),
	}})
}

// decided says that the last answer is carried out, and offers to take it back.
func (s *web) decided(v *view) g.Node {
	id := v.r.URL.Query().Get("run")
	if id == "" {
		return nil
	}
	return P(Class("done"), Role("status"), g.Text(v.t("review.decided")+" "), A(Href("/runs/"+id), g.Text(v.t("review.run"))), g.Text(" · "),
		A(Href("/runs/"+id+"/undo"), g.Attr("data-key", "u"), g.Text(v.t("run.undo")), key("u")))
}

func (s *web) review(v *view) error { return s.showQuestion(v, http.StatusOK, nil) }

// showQuestion shows one question; wrong is what is wrong with an answer to it.
func (s *web) showQuestion(v *view, status int, wrong error) error {
	q, err := s.question(v)
	if err != nil {
		return err
	}
	p := page{title: q.title(), at: "/review", bar: q.bar()}
	p.body = append(p.body, s.decided(v))
	if wrong != nil {
		p.body = append(p.body, P(Class("problem"), Role("alert"), g.Text(v.wrong(wrong))))
	}
	if q.State != action.Open {
		p.body = append(p.body, empty(v.t("review.closed"), v.word("review.state", string(q.State)),
			P(A(Class("button primary"), Href("/review"), g.Text(v.t("review.next"))))))
		return s.show(v, status, p)
	}
	if len(q.Participants) == 0 {
		p.body = append(p.body, s.plainAction(q))
		return s.show(v, status, p)
	}
	p.body = append(p.body, Div(Class("review"),
		Section(Class("card"), Aria("label", v.t("review.question")),
			P(Class("reason"), g.Text(q.why())),
			q.timeLine(),
			s.form(v, "/review/"+q.ID, Div(Class("sides"), g.Map(numbers(len(q.Participants)), q.side)),
				g.If(q.Others > 0, P(Class("muted"), g.Text(v.n("review.others", q.Others)))),
				q.suggestion(), q.buttons(),
			),
			s.form(v, "/review/"+q.ID+"/dismiss", Class("quiet"), Button(Type("submit"), g.Attr("data-key", "d"), g.Text(v.t("review.dismiss")), key("d"))),
		),
		q.effect(),
	))
	return s.show(v, status, p)
}

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// question reads the action that a request names, and what surrounds it.
func (s *web) question(v *view) (*asking, error) {
	a, err := s.Actions.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	q := &asking{view: v, zone: v.zone()}
	if q.Question, err = (&asked.Reader{Ledger: s.Ledger, Blobs: s.Blobs, Runs: s.Runs}).Read(v.ctx, a); err != nil {
		return nil, err
	}
	if a.Config != "" {
		if q.config, err = s.Configs.Get(v.ctx, v.user, a.Config); err != nil && fault.Of(err) != fault.NotFound {
			return nil, err
		} else if err == nil {
			q.zone = zoneOf(q.config.Timezone)
		}
	}
	open, _, err := s.openActions(v)
	if err != nil {
		return nil, err
	}
	slices.Reverse(open) // the oldest first
	q.open = len(open)
	if at := slices.IndexFunc(open, func(o *action.Action) bool { return o.ID == a.ID }); at >= 0 {
		q.place = at + 1
		if at > 0 {
			q.before = open[at-1].ID
		}
		if at+1 < len(open) {
			q.after = open[at+1].ID
		}
	}
	slices.SortStableFunc(q.Participants, func(a, b asked.Participant) int { return startOf(&a).Compare(startOf(&b)) })
	q.choose()
	return q, nil
}

// startOf is when a participant starts; of one that is not known any more, no time.
func startOf(p *asked.Participant) time.Time {
	if at := p.Stands(); at != nil {
		return at.Start
	}
	return time.Time{}
}

// choose makes the answers that there are, the suggested ones first.
func (q *asking) choose() {
	for i, one := range q.Suggestions() {
		c := choice{word: fmt.Sprintf("suggestion%d", i), label: q.t("review.do"), why: q.word("suggest", one.Rule), verdicts: one.Verdicts}
		if c.key = "Enter"; i > 0 {
			c.key, c.label = strconv.Itoa(i+1), q.t("review.or")
		}
		q.choices = append(q.choices, c)
	}
	each := func(word decision.Word) (verdicts []decision.Verdict) {
		for i := range q.Participants {
			verdicts = append(verdicts, decision.Verdict{Key: q.Participants[i].Key, Word: word})
		}
		return verdicts
	}
	add := func(word, key string, verdicts []decision.Verdict, shares bool) {
		q.choices = append(q.choices, choice{word: word, label: q.t("review." + word), key: key, verdicts: verdicts, shares: shares})
	}
	gone := slices.ContainsFunc(q.Participants, func(p asked.Participant) bool { return p.Gone })
	switch {
	case q.Kind == action.Overlap:
		add("keep_all", "a", each(decision.Keep), true)
		if len(q.Participants) > 1 && len(q.Participants) < 20 {
			add("merge", "m", q.merged(), false)
		}
		add("drop_all", "x", each(decision.Drop), false)
	case gone:
		add("keep_archived", "k", each(decision.KeepArchived), false)
		add("withdraw", "x", each(decision.Withdraw), false)
	case q.Kind == action.Drift || q.Kind == action.Altered:
		add("accept", "a", each(decision.Accept), false)
		add("keep_archived", "k", each(decision.KeepArchived), false)
	default:
		add("keep", "k", each(decision.Keep), false)
		add("drop_all", "x", each(decision.Drop), false)
	}
	show := q.r.URL.Query().Get("show")
	for i := range q.choices {
		if c := &q.choices[i]; c.word == show || show == "" && i == 0 && strings.HasPrefix(c.word, "suggestion") {
			q.chosen = c
		}
	}
}

// merged has one appointment stand for all: the longest, from the first start to the last end.
func (q *asking) merged() []decision.Verdict {
	longest := 0
	var start, end time.Time
	for i := range q.Participants {
		at := q.Participants[i].Stands()
		if at == nil {
			continue
		}
		if q.Participants[i].Lasts() > q.Participants[longest].Lasts() {
			longest = i
		}
		if start.IsZero() || at.Start.Before(start) {
			start = at.Start
		}
		if at.End.After(end) {
			end = at.End
		}
	}
	into := q.Participants[longest].Key
	var verdicts []decision.Verdict
	for i := range q.Participants {
		d := decision.Verdict{Key: q.Participants[i].Key, Word: decision.Merge, Into: into}
		if i == longest && !start.IsZero() {
			d.Fields = &decision.Fields{Start: &start, End: &end}
		}
		verdicts = append(verdicts, d)
	}
	return verdicts
}

func (q *asking) title() string {
	what := q.word("kind", string(q.Kind))
	if q.Kind == action.Overlap && len(q.Participants) > 1 {
		what = q.t("review.share", len(q.Participants)+q.Others)
	}
	if q.Span == (action.Span{}) {
		return what
	}
	on := calendar.DateOf(q.Span.From, q.zone)
	return q.t("review.title", q.t("form.weekday", q.weekday(on.Weekday()), on.Day, q.month(on.Month)), what)
}

func (q *asking) bar() []g.Node {
	step := func(id, key, shown, label string) g.Node {
		if id == "" {
			return nil
		}
		return A(Class("button"), Href("/review/"+id), g.Attr("data-key", key), g.Text(label), g.El("kbd", Aria("hidden", "true"), g.Text(shown)))
	}
	return []g.Node{
		Span(Class("grow")),
		g.If(q.place > 0, P(Class("muted"), g.Text(q.t("review.place", q.place, q.open)))),
		step(q.before, "ArrowLeft", "←", q.t("review.back")), step(q.after, "ArrowRight", "→", q.t("review.skip")),
	}
}

// why is why it was asked.
func (q *asking) why() string {
	for _, of := range []string{"rule.", "finding."} {
		if has(of + q.Rule) {
			return q.t(of + q.Rule)
		}
	}
	return cmp.Or(q.Why, q.Detail)
}

// timeLine draws the participants on a line of time.
func (q *asking) timeLine() g.Node {
	var from, to time.Time
	n := 0
	for i := range q.Participants {
		at := q.Participants[i].Stands()
		if at == nil || at.AllDay {
			continue
		}
		n++
		if from.IsZero() || at.Start.Before(from) {
			from = at.Start
		}
		if at.End.After(to) {
			to = at.End
		}
	}
	if n < 2 || to.Sub(from) > 48*time.Hour || !to.After(from) {
		return nil
	}
	from, to = from.Truncate(time.Hour), to.Add(time.Hour-1).Truncate(time.Hour)
	const lane = 28
	share := func(d time.Duration) string {
		return strconv.FormatFloat(100*float64(d)/float64(to.Sub(from)), 'f', 3, 64) + "%"
	}
	var bars, said []g.Node
	var words []string
	row := 0
	stays := q.stays()
	for i := range q.Participants {
		at := q.Participants[i].Stands()
		if at == nil || at.AllDay {
			continue
		}
		class := "rival"
		if stays[q.Participants[i].Key] {
			class = "wins"
		}
		subject := cmp.Or(at.Subject, q.t("calendar.untitled"))
		movable := slices.Contains(q.words(&q.Participants[i]), decision.KeepAs)
		bars = append(bars, SVG(Class(class), g.Attr("x", share(at.Start.Sub(from))), g.Attr("y", strconv.Itoa(row*lane+2)),
			g.Attr("width", share(max(at.Duration(), to.Sub(from)/250))), g.Attr("height", strconv.Itoa(lane-4)),
			g.El("rect", g.If(movable, g.Attr("data-at", strconv.Itoa(i))), g.Attr("width", "100%"), g.Attr("height", "100%")),
			g.El("text", g.Attr("x", "7"), g.Attr("y", strconv.Itoa((lane-4)/2+4)), g.Text(subject))))
		words = append(words, fmt.Sprintf("%s %s–%s", subject, clock(at.Start, q.zone), clock(at.End, q.zone)))
		row++
	}
	step := time.Hour
	for to.Sub(from)/step > 8 {
		step *= 2
	}
	for t := from; !t.After(to); t = t.Add(step) {
		anchor := "middle"
		switch {
		case t.Equal(from):
			anchor = "start"
		case !t.Add(step).Before(to.Add(step)):
			anchor = "end"
		}
		x := share(t.Sub(from))
		said = append(said,
			g.El("line", g.Attr("x1", x), g.Attr("x2", x), g.Attr("y1", "0"), g.Attr("y2", strconv.Itoa(row*lane))),
			g.El("text", g.Attr("class", "hour"), g.Attr("x", x), g.Attr("y", strconv.Itoa(row*lane+16)), g.Attr("text-anchor", anchor), g.Text(clock(t, q.zone))))
	}
	return SVG(Class("timeline"), g.Attr("data-minutes", strconv.Itoa(int(to.Sub(from).Minutes()))), g.Attr("height", strconv.Itoa(row*lane+20)),
		Role("img"), Aria("label", strings.Join(words, ", ")),
		g.Group(said), g.Group(bars))
}

// stays are the keys of what stands by the answer whose effect is shown.
func (q *asking) stays() map[string]bool {
	stays := map[string]bool{}
	if q.chosen == nil {
		return stays
	}
	for i := range q.Participants {
		stays[q.Participants[i].Key] = q.Participants[i].Archive != nil
	}
	for _, d := range q.chosen.verdicts {
		stays[d.Key] = d.Word == decision.Keep || d.Word == decision.KeepAs || d.Word == decision.Accept || d.Word == decision.KeepArchived ||
			d.Word == decision.Merge && d.Target() == d.Key
	}
	return stays
}

// words that may be chosen for a single appointment, by what is asked.
func (q *asking) words(p *asked.Participant) []decision.Word {
	switch {
	case p.Gone:
		return []decision.Word{decision.KeepArchived, decision.Withdraw}
	case q.Kind == action.Drift || q.Kind == action.Altered:
		return []decision.Word{decision.Accept, decision.KeepArchived, decision.KeepAs, decision.Withdraw}
	}
	return []decision.Word{decision.Keep, decision.KeepAs, decision.Drop}
}

// side is one participant, with what can be said of it alone.
func (q *asking) side(i int) g.Node {
	p := &q.Participants[i]
	at := p.Stands()
	if at == nil {
		return Div(Class("side"), P(g.Text(q.t("review.unknown"))))
	}
	id := strconv.Itoa(i)
	class := "side"
	if q.stays()[p.Key] {
		class += " win"
	}
	when, long := q.times(at, q.zone), ""
	if !at.AllDay {
		when, long = clock(at.Start, q.zone)+"–"+clock(at.End, q.zone), hours(at.Duration())
		if calendar.DateOf(at.Start, q.zone) != calendar.DateOf(at.End, q.zone) {
			when = q.times(at, q.zone)
		}
	}
	word := q.r.PostForm.Get("verdict." + id)
	value := func(name string, t time.Time) string {
		return cmp.Or(q.r.PostForm.Get(name+"."+id), t.In(q.zone).Format(fieldForm))
	}
	return Div(Class(class),
		Div(Class("span"), Strong(g.Text(when)), g.If(long != "", g.Group{Br(), Small(g.Text(long))})),
		Div(Class("what"), B(g.Text(cmp.Or(at.Subject, q.t("calendar.untitled")))), Br(), Small(g.Text(q.about(p)))),
		q.differences(p),
		Details(Class("own"), g.If(word != "", g.Attr("open")), Summary(g.Text(q.t("review.own"))),
			Div(Class("fields"),
				Div(Class("field"), Label(For("verdict-"+id), g.Text(q.t("review.verdict"))),
					Select(ID("verdict-"+id), Name("verdict."+id), Option(Value(""), g.Text(q.t("review.verdict.none"))), g.Map(q.words(p), func(w decision.Word) g.Node {
						return Option(Value(string(w)), g.If(word == string(w), Selected()), g.Text(q.word("verdict", string(w))))
					}))),
				g.If(!at.AllDay, g.Group{
					Div(Class("field"), Label(For("start-"+id), g.Text(q.t("review.start"))),
						Input(ID("start-"+id), Name("start."+id), Type("datetime-local"), Value(value("start", at.Start)))),
					Div(Class("field"), Label(For("end-"+id), g.Text(q.t("review.end"))),
						Input(ID("end-"+id), Name("end."+id), Type("datetime-local"), Value(value("end", at.End)))),
				}),
				Div(Class("field"), Label(For("category-"+id), g.Text(q.t("review.category"))), Input(ID("category-"+id), Name("category."+id), Type("text"),
					Value(cmp.Or(q.r.PostForm.Get("category."+id), strings.Join(at.Categories, "; "))), Placeholder("Acme - billable"))),
			),
		),
	)
}

// fieldForm is how a field of a form has a time.
const fieldForm = "2006-01-02T15:04"

// about is who takes part, and for whom it is.
func (q *asking) about(p *asked.Participant) string {
	var parts []string
	if p.People {
		if p.Organiser {
			parts = append(parts, q.t("review.organiser"))
		} else {
			parts = append(parts, q.t("review.invited"))
		}
		if p.Accepted > 0 {
			parts = append(parts, q.n("review.accepted", p.Accepted))
		}
	}
	a := p.Stands()
	if a.ShowAs != calendar.Busy {
		parts = append(parts, q.word("shows", string(a.ShowAs)))
	}
	if a.Customer != "" {
		parts = append(parts, a.Customer+", "+q.word("billing", string(a.BillingType)))
	} else {
		parts = append(parts, q.t("hours.none"))
	}
	if p.Gone {
		parts = append(parts, q.t("review.gone"))
	}
	return strings.Join(parts, " · ")
}

// differences are the fields in which archive and calendar differ.
func (q *asking) differences(p *asked.Participant) g.Node {
	var rows []g.Node
	for _, f := range p.Fields() {
		if f.Differs {
			rows = append(rows, Tr(Th(Scope("row"), g.Text(q.word("field", f.Name))), Td(g.Text(q.value(f.Archive))), Td(g.Text(q.value(f.Source)))))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return Table(Class("differences"), THead(Tr(Th(Scope("col"), Span(Class("vh"), g.Text(q.t("review.field")))),
		Th(Scope("col"), g.Text(q.t("calendar.archive"))), Th(Scope("col"), g.Text(q.t("calendar.source"))))), TBody(g.Group(rows)))
}

// value is a field's value; an instant is a time of the zone.
func (q *asking) value(text string) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return q.shortDay(calendar.DateOf(t, q.zone)) + ", " + clock(t, q.zone)
	}
	return text
}

// suggestion says what is suggested, and why.
func (q *asking) suggestion() g.Node {
	if len(q.choices) == 0 || !strings.HasPrefix(q.choices[0].word, "suggestion") {
		return nil
	}
	return Div(Class("reasons"), g.Map(q.choices, func(c choice) g.Node {
		if !strings.HasPrefix(c.word, "suggestion") {
			return nil
		}
		return P(Class("why"), B(g.Text(q.t("review.suggested")+" ")), g.Text(q.does(c.verdicts)), Br(), Small(g.Text(c.why)))
	}))
}

// does says what verdicts do: "keep Initech strategy; leave Globex out".
func (q *asking) does(verdicts []decision.Verdict) string {
	var parts []string
	subject := func(key string) string {
		for i := range q.Participants {
			if at := q.Participants[i].Stands(); q.Participants[i].Key == key && at != nil {
				return at.Subject
			}
		}
		return ""
	}
	for _, d := range verdicts {
		name := cmp.Or(subject(d.Key), q.t("calendar.untitled"))
		text := q.t("does."+string(d.Word), name)
		if d.Fields != nil && d.Fields.Start != nil && d.Fields.End != nil {
			if d.Word == decision.Create {
				name = *d.Fields.Subject
			}
			text = q.t("does.at", name, clock(*d.Fields.Start, q.zone), clock(*d.Fields.End, q.zone))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ") + "."
}

// buttons are the answers. The first one is that of Enter.
func (q *asking) buttons() g.Node {
	return Div(Class("buttons"), g.Map(numbers(len(q.choices)), func(i int) g.Node {
		c := &q.choices[i]
		return Button(Type("submit"), Name("do"), Value(c.word), g.If(c.key == "Enter", Class("primary")), g.If(c.key != "", g.Attr("data-key", c.key)),
			g.Text(c.label), g.If(c.key != "", key(c.key)))
	}), Button(Type("submit"), Name("do"), Value("own"), g.Text(q.t("review.takeown"))))
}

// effect is what answers do to the hours.
func (q *asking) effect() g.Node {
	var rows []g.Node
	if q.chosen != nil {
		changes, total := q.Effect(q.chosen.verdicts), q.total(q.chosen.verdicts)
		class := "delta"
		if total > 0 {
			class += " plus"
		}
		rows = append(rows, P(Class(class), g.Text(change(total))))
		if len(changes) > 0 {
			rows = append(rows, Table(Caption(Class("vh"), g.Text(q.t("effect.title"))), TBody(g.Map(changes, func(h archive.HoursChange) g.Node {
				return Tr(Th(Scope("row"), g.Text(cmp.Or(h.Customer, q.t("hours.none")))),
					Td(Class("n"), g.Text(change(time.Duration(h.After-h.Before)*time.Minute))))
			}))))
		} else {
			rows = append(rows, P(g.Text(q.t("effect.none"))))
		}
	}
	shown := ""
	if q.chosen != nil {
		shown = q.chosen.word
	}
	return Aside(Class("card"), H2(g.Text(q.t("effect.title"))), g.Group(rows),
		Ul(Class("shows"), Aria("label", q.t("effect.of")), g.Map(q.choices, func(c choice) g.Node {
			label := c.label
			if strings.HasPrefix(c.word, "suggestion") {
				label = q.does(c.verdicts)
			}
			return Li(A(Href(link("/review/"+q.ID, "show", c.word)), g.If(c.word == shown, Aria("current", "true")), Span(g.Text(label)),
				Strong(g.Text(change(q.total(c.verdicts))))))
		})),
		P(Class("muted"), g.Text(q.t("review.safe"))),
	)
}

// total is by how much all hours together change.
func (q *asking) total(verdicts []decision.Verdict) (total time.Duration) {
	for _, h := range q.Effect(verdicts) {
		total += time.Duration(h.After-h.Before) * time.Minute
	}
	return total
}

// plainAction is an action that is about no appointments.
func (s *web) plainAction(q *asking) g.Node {
	return Section(Class("card"), g.Map(strings.Split(q.In(q.reader()), "\n"), func(line string) g.Node { return P(g.Text(line)) }),
		g.If(q.Subject.Kind == "run", P(A(Href("/runs/"+q.Subject.ID), g.Text(q.t("review.run"))))),
		s.form(q.view, "/review/"+q.ID+"/dismiss", Class("quiet"), Button(Type("submit"), g.Attr("data-key", "d"), g.Text(q.t("review.dismiss")), key("d"))),
	)
}

// answerNote is why appointments may share time that were kept on the page of the review.
const answerNote = "kept together in the review"

func (s *web) decide(v *view) error {
	q, err := s.question(v)
	if err != nil {
		return err
	}
	answer := archive.Answer{Action: q.ID}
	for _, p := range q.Participants {
		answer.Seen = append(answer.Seen, decision.Seen{Key: p.Key, Hash: p.Hash})
	}
	do := v.r.PostForm.Get("do")
	if at := slices.IndexFunc(q.choices, func(c choice) bool { return c.word == do }); at >= 0 {
		c := &q.choices[at]
		if answer.Verdicts = c.verdicts; c.shares {
			answer.AllowOverlap, answer.Note = true, answerNote
		}
	} else if answer.Verdicts, err = q.own(v.r.PostForm); err != nil {
		return s.showQuestion(v, http.StatusUnprocessableEntity, err)
	}
	if err := q.config.MayRun(); err != nil {
		return s.showQuestion(v, http.StatusConflict, err)
	}
	if err := s.Reach(v.ctx, v.user, &q.config); err != nil {
		return err
	}
	r, err := s.Deciding.Run(v.ctx, v.user, archive.Asked{Config: q.Action.Config, Answers: []archive.Answer{answer}})
	var taken *action.Taken
	if err != nil && (fault.Of(err) == fault.Invalid || errors.Is(err, archive.ErrStale) || errors.As(err, &taken)) {
		return s.showQuestion(v, http.StatusUnprocessableEntity, err)
	}
	var started *run.Run
	if err == nil {
		started, _, err = s.Launcher.Launch(v.ctx, v.user, r)
	}
	if err != nil {
		return err
	}
	return v.redirect(q.next(started.ID))
}

// next is where one goes on after an answer.
func (q *asking) next(run string) string {
	if id := cmp.Or(q.after, q.before); id != "" {
		return link("/review/"+id, "run", run)
	}
	return link("/review/"+q.ID, "run", run)
}

// own reads the verdicts that the user put together.
func (q *asking) own(f url.Values) (verdicts []decision.Verdict, err error) {
	for i := range q.Participants {
		p, id := &q.Participants[i], strconv.Itoa(i)
		word := decision.Word(f.Get("verdict." + id))
		if word == "" {
			continue
		}
		d := decision.Verdict{Key: p.Key, Word: word}
		if at := p.Stands(); word == decision.KeepAs && at != nil {
			if d.Fields, err = changedFields(q.zone, f, "."+id, at); err != nil {
				return nil, err
			}
		}
		verdicts = append(verdicts, d)
	}
	if len(verdicts) == 0 {
		return nil, fault.New(fault.Invalid, "%s", q.t("review.nothing"))
	}
	return verdicts, nil
}

func (s *web) dismiss(v *view) error {
	q, err := s.question(v)
	if err != nil {
		return err
	}
	if _, err := s.Actions.Dismiss(v.ctx, v.user, q.ID); err != nil {
		return err
	}
	if id := cmp.Or(q.after, q.before); id != "" {
		return v.redirect("/review/" + id)
	}
	return v.redirect("/review")
}
