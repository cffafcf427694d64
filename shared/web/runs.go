package web

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

const (
	// runsOnPage is how many runs a page of the list has.
	runsOnPage = 25
	// itemsOnPage is how many items of a run a page has.
	itemsOnPage = 100
)

// pill is the state of a run: a shape and a word.
func (v *view) pill(r *run.Run) g.Node {
	return Span(Class("pill "+string(r.State)), g.Text(v.word("run.state", string(r.State))))
}

// kindOf is what a kind of run is called.
func (v *view) kindOf(r *run.Run) string {
	title := v.word("run.kind", string(r.Kind))
	if r.Options.DryRun {
		title = v.t("run.dry", title)
	}
	return title
}

// configNames are the names of the user's configs, by id.
func configNames(all []archive.Config) map[string]string {
	names := make(map[string]string, len(all))
	for i := range all {
		names[all[i].ID] = all[i].Name
	}
	return names
}

func (s *web) listRuns(v *view) error { return s.showRuns(v, http.StatusOK, nil) }

// showRuns shows the runs and the form that starts one; wrong is what is wrong with what was filled in.
func (s *web) showRuns(v *view, status int, wrong error) error {
	configs, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	if err != nil {
		return err
	}
	v.assume(configs)
	runs, next, err := s.Runs.List(v.ctx, v.user, "", runsOnPage, v.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.runs"), at: "/runs"}
	if len(configs) == 0 {
		p.body = append(p.body, s.noConfig(v))
	} else {
		p.body = append(p.body, s.startForm(v, configs, wrong))
	}
	switch {
	case len(runs) > 0:
		p.body = append(p.body, s.runTable(v, runs, configNames(configs)))
		if next != "" {
			p.body = append(p.body, P(A(Class("button"), Href(link("/runs", "after", next)), g.Text(v.t("list.older")))))
		}
	case len(configs) > 0:
		p.body = append(p.body, empty(v.t("runs.none"), v.t("runs.none.text")))
	}
	return s.show(v, status, p)
}

// startForm starts an archive run.
func (s *web) startForm(v *view, configs []archive.Config, wrong error) g.Node {
	f := v.r.PostForm
	problem := ""
	if wrong != nil {
		problem = v.wrong(wrong)
	}
	chosen := cmp.Or(f.Get("config"), v.r.URL.Query().Get("config"))
	periods := []string{"yesterday", "this week", "last week", "last 30 days", "last month"}
	return Section(Class("card"), Aria("labelledby", "start"), H2(ID("start"), g.Text(v.t("runs.start"))),
		s.form(v, "/runs", Class("line"),
			Div(Class("field"), Label(For("config"), g.Text(v.t("runs.config"))), Select(ID("config"), Name("config"), g.Map(configs, func(c archive.Config) g.Node {
				return Option(Value(c.ID), g.If(c.ID == chosen, Selected()), g.Text(c.Name))
			}))),
			Div(Class("field wide"), Label(For("period"), g.Text(v.t("runs.period"))),
				Input(ID("period"), Name("period"), Type("text"), Value(f.Get("period")), g.Attr("list", "periods"), Placeholder(v.t("runs.period.new")),
					Aria("describedby", "period-hint period-problem"), g.If(problem != "", Aria("invalid", "true"))),
				DataList(ID("periods"), g.Map(periods, func(text string) g.Node { return Option(Value(text)) })),
				fieldProblem("period", problem), P(ID("period-hint"), Class("hint"), g.Text(v.t("runs.period.hint")))),
			Div(Class("buttons"),
				Button(Type("submit"), Class("primary"), Name("do"), Value("run"), g.Text(v.t("runs.go"))),
				Button(Type("submit"), Name("do"), Value("try"), g.Text(v.t("runs.try"))),
			),
		),
	)
}

func (s *web) runTable(v *view, runs []*run.Run, names map[string]string) g.Node {
	return Div(Class("card scroll"), TabIndex("0"), Role("region"), Aria("label", v.t("nav.runs")), Table(Class("runs stacks"),
		THead(Tr(g.Map([]string{"runs.what", "runs.days", "runs.config", "runs.state", "runs.result", "runs.when"}, func(name string) g.Node {
			return Th(Scope("col"), g.Text(v.t(name)))
		}))),
		TBody(g.Map(runs, func(r *run.Run) g.Node {
			return Tr(
				Td(A(Href("/runs/"+r.ID), g.Text(v.kindOf(r)))),
				Td(g.Text(v.days(r.From, r.To))),
				Td(Class("long"), g.Text(cmp.Or(names[r.Config], calendarName(r.Calendar)))),
				Td(v.pill(r)),
				Td(g.Text(s.sums(v, r))),
				Td(g.Text(v.moment(ended(r), v.now, v.zone()))),
			)
		})),
	))
}

// ended is when a run ended, or else was created.
func ended(r *run.Run) time.Time {
	if r.Ended.IsZero() {
		return r.Created
	}
	return r.Ended
}

// sums is what a run came to, in a few words.
func (s *web) sums(v *view, r *run.Run) string {
	if r.Problem != nil {
		return v.failure(r.Problem.Detail)
	}
	result, err := s.Kinds.Result(r)
	if err != nil || result == nil {
		return ""
	}
	switch it := result.(type) {
	case *archive.Result:
		return v.t("sums.archive", it.Counts.Fetched, it.Written)
	case *archive.DecideResult:
		return v.t("sums.decide", it.Written, it.Removed)
	}
	return v.sumsOf(result)
}

func (s *web) startRun(v *view) error {
	f := v.r.PostForm
	c, err := s.Configs.Get(v.ctx, v.user, f.Get("config"))
	if err == nil {
		err = s.Reach(v.ctx, v.user, &c)
	}
	if err != nil {
		return err
	}
	r, err := s.Configs.NewRun(v.ctx, &c, archive.Wanted{Period: f.Get("period"), Options: run.Options{DryRun: f.Get("do") == "try"}}, v.now, v.Weekday())
	if kind := fault.Of(err); err != nil && (kind == fault.Invalid || kind == fault.Conflict) {
		return s.showRuns(v, http.StatusUnprocessableEntity, err)
	}
	return s.launch(v, r, err)
}

// launch starts a run, if nothing is wrong, and leads to it.
func (s *web) launch(v *view, r *run.Run, err error) error {
	if err == nil {
		r, _, err = s.Launcher.Launch(v.ctx, v.user, r)
	}
	if err != nil {
		return err
	}
	return v.redirect("/runs/" + r.ID)
}

func (s *web) showRun(v *view) error {
	r, err := s.Runs.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return s.showRunWith(v, http.StatusOK, r, nil)
}

// showRunWith shows a run; wrong is what is wrong with what was asked about its findings.
func (s *web) showRunWith(v *view, status int, r *run.Run, wrong error) error {
	if err := s.assumeZone(v); err != nil {
		return err
	}
	zone, name := v.zone(), calendarName(r.Calendar)
	if r.Config != "" {
		c, err := s.Configs.Get(v.ctx, v.user, r.Config)
		if err == nil {
			zone, name = zoneOf(c.Timezone), c.Name
		} else if fault.Of(err) != fault.NotFound {
			return err
		}
	}
	result, err := s.Kinds.Result(r)
	if err != nil {
		return err
	}
	p := page{
		title: v.t("run.title", v.kindOf(r), v.days(r.From, r.To)), at: "/runs",
		bar: []g.Node{Span(Class("grow")), P(Class("muted"), g.Text(name)), g.If(r.State.Ended(), v.pill(r))},
	}
	if !r.State.Ended() {
		p.body = append(p.body, s.progress(v, r))
		return s.show(v, http.StatusOK, p)
	}
	p.body = append(p.body, s.outcome(v, r, result, zone))
	items, err := s.items(v, r, zone)
	if r.Kind == run.Verify {
		items, err = s.findings(v, r, zone, wrong)
	}
	if err != nil {
		return err
	}
	p.body = append(p.body, items)
	return s.show(v, status, p)
}

// progress is a run that goes on. It is asked for again until the run has ended.
func (s *web) progress(v *view, r *run.Run) g.Node {
	at := &r.Progress
	words := v.word("run.phase", at.Phase)
	if at.Total > 0 {
		words = v.t("run.progress", words, at.Done, at.Total)
	}
	return Section(ID("progress"), Class("card"), Aria("labelledby", "phase"),
		g.Attr("hx-get", "/runs/"+r.ID+"/progress"), g.Attr("hx-trigger", "every 2s"), g.Attr("hx-swap", "outerHTML"),
		P(ID("phase"), Class("phase"), Role("status"), v.pill(r), g.Text(" "+words)),
		Progress(Aria("label", v.t("run.progress.label")), Max("100"), Value(strconv.Itoa(at.Percent)), g.Textf("%d %%", at.Percent)),
		P(Class("muted"), g.Text(v.t("run.goeson"))), P(Class("problem away"), g.Text(v.t("run.away"))),
		Div(Class("buttons"),
			A(Class("button"), Href("/runs/"+r.ID), g.Text(v.t("run.reload"))),
			s.form(v, "/runs/"+r.ID+"/cancel", Button(Type("submit"), g.Text(v.t("run.cancel")))),
		),
	)
}

// progressOfRun is the part of a run's page that changes while it goes on. When it has ended the page is loaded anew.
func (s *web) progressOfRun(v *view) error {
	r, err := s.Runs.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	if r.State.Ended() {
		v.w.Header().Set("HX-Refresh", "true")
	}
	return v.write(http.StatusOK, s.progress(v, r))
}

// outcome is what a run that has ended came to, and what can be done about it.
func (s *web) outcome(v *view, r *run.Run, result run.Result, zone *time.Location) g.Node {
	var nodes []g.Node
	if r.Problem != nil {
		nodes = append(nodes, P(Class("problem"), Role("alert"), g.Text(v.failure(r.Problem.Detail))))
	}
	switch it := result.(type) {
	case *archive.Result:
		nodes = append(nodes, s.conservation(v, r, it))
		if len(it.Hours) > 0 {
			nodes = append(nodes, v.hoursTable(it.Hours))
		}
	case *archive.DecideResult:
		nodes = append(nodes, P(g.Text(s.sums(v, r))))
		for _, no := range it.Refusals {
			nodes = append(nodes, P(Class("problem"), g.Text(v.failure(no.Detail))))
		}
		if len(it.Hours) > 0 {
			nodes = append(nodes, v.hoursTable(it.Hours))
		}
	case nil:
	default:
		told := s.report(v, r, result)
		if told == nil {
			told = []g.Node{P(g.Text(sentence(v.sumsOf(result))))}
		}
		nodes = append(nodes, told...)
	}
	nodes = append(nodes, Dl(Class("facts"),
		Dt(g.Text(v.t("run.began"))), Dd(g.Text(v.moment(r.Created, v.now, zone))),
		Dt(g.Text(v.t("run.ended"))), Dd(g.Text(v.moment(r.Ended, v.now, zone))),
		g.If(r.AttemptOf != "", g.Group{Dt(g.Text(v.t("run.again"))), Dd(A(Href("/runs/"+r.AttemptOf), g.Text(r.AttemptOf)))}),
		g.If(r.Job != "", g.Group{Dt(g.Text(v.t("run.by"))), Dd(g.Text(v.t("run.byjob")))}),
	))
	nodes = append(nodes, s.afterwards(v, r, result))
	return Section(Class("card"), Aria("labelledby", "outcome"), H2(ID("outcome"), g.Text(v.t("run.outcome"))), g.Group(nodes))
}

// afterwards is what can be done about a run that has ended.
func (s *web) afterwards(v *view, r *run.Run, result run.Result) g.Node {
	var buttons []g.Node
	if r.Kind == run.Archive && r.Options.DryRun && r.State == run.Succeeded {
		buttons = append(buttons, s.form(v, "/runs", hidden("config", r.Config), hidden("period", r.From.String()+" to "+r.To.String()), hidden("do", "run"),
			Button(Type("submit"), Class("primary"), g.Attr("data-key", "Enter"), g.Text(v.t("run.forreal")), key("Enter"))))
	}
	if r.Kind == run.Restore && r.Options.DryRun && r.State != run.Failed && r.State != run.Cancelled {
		buttons = append(buttons, s.restoreForReal(v, r))
	}
	if r.Kind == run.Repair && r.Options.DryRun && r.State != run.Failed && r.State != run.Cancelled {
		buttons = append(buttons, s.form(v, "/runs/"+r.ID+"/repair", hidden("do", "run"),
			Button(Type("submit"), Class("primary"), g.Attr("data-key", "Enter"), g.Text(v.t("repair.go")), key("Enter"))))
	}
	if made, ok := result.(*backup.Result); ok && made.ID != "" {
		buttons = append(buttons, A(Class("button primary"), Href("/backups/"+made.ID), g.Text(v.t("result.show"))))
	}
	if _, err := s.Kinds.Again(r); err == nil {
		buttons = append(buttons, s.form(v, "/runs/"+r.ID+"/retry", Button(Type("submit"), Class("primary"), g.Text(v.n("run.retry", r.Failed)))))
	}
	if undone, ok := result.(*undo.Result); ok && r.Options.DryRun && undone.PlanHash != "" {
		if in, err := undo.InputOf(r); err == nil {
			buttons = append(buttons, s.form(v, "/runs/"+in.Run+"/undo", hidden("plan_hash", undone.PlanHash), hidden("cascade", yes(in.Cascade)),
				hidden("force", yes(r.Options.Force)), Button(Type("submit"), Class("primary"), g.Text(v.t("undo.do")))))
		}
	}
	if r.Kind == run.Restore && !r.Options.DryRun && r.State == run.Succeeded && !s.archives(v) {
		buttons = append(buttons, A(Class("button primary"), Href("/setup"), g.Text(v.t("none.begin"))))
	}
	wrote := result != nil && result.Wrote() > 0
	if _, _, err := s.Undo.New(v.ctx, v.user, r.ID, undo.Asked{}); err == nil && wrote {
		buttons = append(buttons, A(Class("button"), Href("/runs/"+r.ID+"/undo"), g.Attr("data-key", "u"), g.Text(v.t("run.undo")), key("u")))
	}
	if r.Config != "" && r.From.Valid() {
		in := link("/calendar", "view", "week", "on", r.To.String(), "config", r.Config)
		buttons = append(buttons, A(Class("button"), Href(in), g.Text(v.t("run.incalendar"))))
	}
	return Div(Class("buttons"), g.Group(buttons))
}

// archives says whether anything of the user's is archived; where that cannot be found out, it is.
func (s *web) archives(v *view) bool {
	configs, _, err := s.Configs.List(v.ctx, v.user, 1, "")
	return err != nil || len(configs) > 0
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return ""
}

// conservation shows that every event is in exactly one bucket: as a bar, and as a table whose numbers add up.
func (s *web) conservation(v *view, r *run.Run, it *archive.Result) g.Node {
	type bucket struct {
		archive.Outcome
		n int
	}
	var all []bucket
	counts := it.Counts
	for _, o := range archive.Outcomes {
		if n := *counts.Of(o); n > 0 && o != archive.Vanished && o != archive.Created {
			all = append(all, bucket{o, n})
		}
	}
	apart := counts.Vanished
	return Div(Class("conservation"),
		P(g.Text(v.t("run.fetched", counts.Fetched)), g.If(it.Written > 0, g.Text(" "+v.t("run.written", it.Written)))),
		g.If(counts.Fetched > 0, Div(Class("stack"), Aria("hidden", "true"), g.Map(all, func(b bucket) g.Node {
			return Span(Class(fmt.Sprintf("o-%s p%d", b.Outcome, max(1, b.n*100/counts.Fetched))))
		}))),
		Table(Class("buckets"), Caption(Class("vh"), g.Text(v.t("run.buckets"))),
			THead(Tr(Th(Scope("col"), g.Text(v.t("run.bucket"))), Th(Scope("col"), Class("n"), g.Text(v.t("run.events"))),
				Th(Scope("col"), g.Text(v.t("run.means"))))),
			TBody(g.Map(all, func(b bucket) g.Node {
				return Tr(Th(Scope("row"), Span(Class("swatch o-"+string(b.Outcome)), Aria("hidden", "true")),
					A(Href(link("/runs/"+r.ID, "outcome", string(b.Outcome))+"#items"), g.Text(v.word("outcome", string(b.Outcome))))),
					Td(Class("n"), g.Textf("%d", b.n)), Td(Class("muted"), g.Text(v.word("means", string(b.Outcome)))))
			})),
			TFoot(Tr(Th(Scope("row"), g.Text(v.t("run.sum"))), Td(Class("n"), g.Textf("%d", counts.Fetched)),
				Td(g.Text(v.t(map[bool]string{true: "run.balanced", false: "run.unbalanced"}[it.Balanced]))))),
		),
		g.If(apart > 0, P(g.Text(v.n("run.vanished", apart)))),
		g.If(it.Waiting > 0, P(A(Href("/review"), g.Text(v.n("run.waiting", it.Waiting))))),
	)
}

// hoursTable shows what becomes of the hours of customers.
func (v *view) hoursTable(all []archive.HoursChange) g.Node {
	return Table(Class("effect"), Caption(g.Text(v.t("effect.title"))),
		THead(Tr(Th(Scope("col"), g.Text(v.t("hours.customer"))), Th(Scope("col"), Class("n"), g.Text(v.t("effect.before"))),
			Th(Scope("col"), Class("n"), g.Text(v.t("effect.after"))), Th(Scope("col"), Class("n"), g.Text(v.t("effect.change"))))),
		TBody(g.Map(all, func(h archive.HoursChange) g.Node {
			before, after := time.Duration(h.Before)*time.Minute, time.Duration(h.After)*time.Minute
			return Tr(Th(Scope("row"), g.Text(cmp.Or(h.Customer, v.t("hours.none")))), Td(Class("n"), g.Text(hours(before))), Td(Class("n"), g.Text(hours(after))),
				Td(Class("n"), g.Text(change(after-before))))
		})),
	)
}

// told is what a page shows of an item of a run of any kind.
type told struct {
	Outcome     string                `json:"outcome"`
	Reason      string                `json:"reason"`
	Detail      string                `json:"detail"`
	Issues      []string              `json:"issues"`
	Appointment *calendar.Appointment `json:"appointment"`
	Subject     string                `json:"subject"`
	Name        string                `json:"name"`
	Start       string                `json:"start"` // of a thing of a file
	Line        int                   `json:"line"`
	Fields      []string              `json:"fields"`
	Notes       []string              `json:"notes"`
}

// items lists what became of each event, or of those with one outcome.
func (s *web) items(v *view, r *run.Run, zone *time.Location) (g.Node, error) {
	q := v.r.URL.Query()
	outcome := q.Get("outcome")
	page, _ := strconv.Atoi(q.Get("page")) // what is no number is the first one
	index, _ := strconv.Atoi(q.Get("item"))
	if r.Pages == 0 {
		return nil, nil
	}
	var rows []g.Node
	next := ""
reading:
	for page = max(0, page); page < r.Pages; page, index = page+1, 0 {
		items, err := s.Runs.Items(v.ctx, r, page)
		if err != nil {
			return nil, err
		}
		for index = max(0, index); index < len(items); index++ {
			var t told
			if err := json.Unmarshal(items[index].Plan, &t); err != nil {
				return nil, fault.New(fault.Malformed, "item %s is unreadable: %v", items[index].Key, err)
			}
			failed := items[index].Problem != nil
			if outcome != "" && t.Outcome != outcome && !(outcome == "failed" && failed) {
				continue
			}
			if outcome == "" && t.Outcome == string(restore.Outside) { // what is not meant is shown to who asks for it
				continue
			}
			if len(rows) == itemsOnPage {
				next = link("/runs/"+r.ID, "outcome", outcome, "page", strconv.Itoa(page), "item", strconv.Itoa(index)) + "#items"
				break reading
			}
			rows = append(rows, itemRow(v, &items[index], &t, zone))
		}
	}
	if len(rows) == 0 && outcome == "" {
		return nil, nil
	}
	title := v.t("run.items")
	if outcome != "" {
		title = v.t("run.items.of", v.word("outcome", outcome))
	}
	return Section(Class("card"), Aria("labelledby", "items"), H2(ID("items"), g.Text(title)),
		g.If(outcome != "", P(A(Href("/runs/"+r.ID+"#items"), g.Text(v.t("run.items.all"))))),
		Div(Class("scroll"), TabIndex("0"), Role("region"), Aria("labelledby", "items"), Table(Class("stacks"),
			THead(Tr(g.Map([]string{"item.when", "item.subject", "item.customer", "item.outcome", "item.why"}, func(name string) g.Node {
				return Th(Scope("col"), g.Text(v.t(name)))
			}))),
			TBody(g.Group(rows)),
		)),
		g.If(next != "", P(A(Class("button"), Href(next), g.Text(v.t("list.more"))))),
	), nil
}

func itemRow(v *view, it *run.Item, t *told, zone *time.Location) g.Node {
	var why []string
	if t.Reason != "" {
		why = append(why, v.word("reason", t.Reason))
	}
	if t.Detail != "" {
		why = append(why, v.detail(t.Detail))
	}
	why = append(why, t.Issues...)
	why = append(why, t.Notes...)
	if len(t.Fields) > 0 {
		why = append(why, v.t("item.fields", strings.Join(t.Fields, ", ")))
	}
	if t.Line > 0 {
		why = append(why, v.t("item.line", t.Line))
	}
	word := v.word("outcome", t.Outcome)
	if it.Problem != nil {
		word, why = v.t("outcome.failed"), append([]string{v.detail(it.Problem.Detail)}, why...)
	}
	subject, when, customer := cmp.Or(t.Subject, t.Name), v.startOf(t.Start, zone), ""
	if a := t.Appointment; a != nil {
		subject, when, customer = a.Subject, v.times(a, zone), a.Customer
	}
	return Tr(
		Td(Class("when"), g.Text(when)), Td(Class("long"), B(g.Text(cmp.Or(subject, v.t("calendar.untitled"))))), Td(Class("long"), g.Text(customer)),
		Td(Class("told"), Span(Class("swatch o-"+t.Outcome), Aria("hidden", "true")), g.Text(word)),
		Td(Class("why"), g.Map(slices.Compact(why), func(text string) g.Node { return Div(g.Text(text)) })),
	)
}

// startOf is when a thing of a file starts, which is an instant or a date.
func (v *view) startOf(text string, zone *time.Location) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return v.shortDay(calendar.DateOf(t, zone)) + ", " + clock(t, zone)
	}
	if day, err := calendar.ParseDate(text); err == nil {
		return v.shortDay(day)
	}
	return text
}

// times is when an appointment is: "Thu 15 Oct, 09:00–11:00".
func (v *view) times(a *calendar.Appointment, zone *time.Location) string {
	switch {
	case a.Start.IsZero():
		return ""
	case a.AllDay && a.StartDate.AddDays(1) == a.EndDate:
		return v.shortDay(a.StartDate)
	case a.AllDay:
		return v.shortDay(a.StartDate) + " – " + v.shortDay(a.EndDate.AddDays(-1))
	}
	from, to := calendar.DateOf(a.Start, zone), calendar.DateOf(a.End, zone)
	if from != to {
		return fmt.Sprintf("%s, %s – %s, %s", v.shortDay(from), clock(a.Start, zone), v.shortDay(to), clock(a.End, zone))
	}
	return fmt.Sprintf("%s, %s–%s", v.shortDay(from), clock(a.Start, zone), clock(a.End, zone))
}

func (s *web) retryRun(v *view) error {
	r, err := s.Runs.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	again, err := s.Kinds.Again(r)
	if err == nil && r.Config != "" {
		var c archive.Config
		if c, err = s.Configs.Get(v.ctx, v.user, r.Config); err == nil {
			err = c.MayRun()
		}
	}
	return s.launch(v, again, err)
}

func (s *web) cancelRun(v *view) error {
	_, err := s.Runs.Cancel(v.ctx, v.user, v.r.PathValue("id"), v.now)
	if err != nil && !errors.Is(err, run.ErrEnded) { // what has ended needs no end, and its page says how it ended
		return err
	}
	return v.redirect("/runs/" + v.r.PathValue("id"))
}

// undoable returns a run that the user may undo.
func (s *web) undoable(v *view) (*run.Run, *time.Location, error) {
	r, err := s.Runs.Get(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil || r.Config == "" {
		return r, v.zone(), err
	}
	c, err := s.Configs.Get(v.ctx, v.user, r.Config)
	if err == nil {
		err = s.Reach(v.ctx, v.user, &c)
	}
	return r, zoneOf(c.Timezone), err
}

func (s *web) previewUndo(v *view) error {
	r, zone, err := s.undoable(v)
	if err != nil {
		return err
	}
	q := v.r.URL.Query()
	asked := undo.Asked{Cascade: q.Get("cascade") == "yes", Force: q.Get("force") == "yes"}
	p := page{title: v.t("undo.title", v.kindOf(r)), at: "/runs", bar: []g.Node{
		Span(Class("grow")), A(Class("button"), Href("/runs/"+r.ID), g.Attr("data-key", "Escape"), g.Text(v.t("undo.back"))),
	}}
	if s.Undo.Blind {
		p.body = append(p.body, Section(Class("card"), P(g.Text(v.t("undo.blind"))),
			s.form(v, "/runs/"+r.ID+"/undo", hidden("do", "look"), Button(Type("submit"), Class("primary"), g.Text(v.t("undo.look"))))))
		return s.show(v, http.StatusOK, p)
	}
	_, plan, err := s.Undo.Plan(v.ctx, v.user, r.ID, asked)
	if err != nil {
		return err
	}
	changes := make([]archive.HoursChange, 0, len(plan.Hours))
	for _, h := range plan.Hours {
		if h.Before != h.After {
			changes = append(changes, archive.HoursChange{Customer: h.Customer, Before: int(h.Before / 60), After: int(h.After / 60)})
		}
	}
	c := &plan.Counts
	p.body = append(p.body, Div(Class("review"),
		Section(Class("card"), Aria("labelledby", "what"), H2(ID("what"), g.Text(v.t("undo.what"))),
			P(g.Text(v.n("undo.undone", c.Undone)), g.If(c.Skipped > 0, g.Text(" "+v.n("undo.skipped", c.Skipped)))),
			g.If(len(plan.Later) > 0 && !asked.Cascade, P(g.Text(v.n("undo.later", len(plan.Later))+" "),
				A(Href(link("/runs/"+r.ID+"/undo", "cascade", "yes", "force", yes(asked.Force))), g.Text(v.t("undo.cascade"))))),
			g.If(c.By[undo.Altered] > 0 && !asked.Force, P(g.Text(v.t("undo.altered")+" "),
				A(Href(link("/runs/"+r.ID+"/undo", "force", "yes", "cascade", yes(asked.Cascade))), g.Text(v.t("undo.force"))))),
			g.If(c.Undone > 0, s.form(v, "/runs/"+r.ID+"/undo", hidden("plan_hash", plan.Hash), hidden("cascade", yes(asked.Cascade)),
				hidden("force", yes(asked.Force)), Button(Type("submit"), Class("primary"), g.Attr("data-key", "Enter"), g.Text(v.t("undo.do")), key("Enter")))),
			undoItems(v, &plan, zone),
		),
		Aside(Class("card"), g.If(len(changes) > 0, v.hoursTable(changes)), g.If(len(changes) == 0, P(g.Text(v.t("effect.none")))),
			P(Class("muted"), g.Text(v.t("undo.safe")))),
	))
	return s.show(v, http.StatusOK, p)
}

func undoItems(v *view, plan *undo.Plan, zone *time.Location) g.Node {
	shown := plan.Items[:min(len(plan.Items), itemsOnPage)]
	return g.Group{
		Div(Class("scroll"), TabIndex("0"), Role("region"), Aria("labelledby", "what"), Table(Class("stacks"), THead(Tr(g.Map([]string{
			"item.when", "item.subject", "undo.does", "item.why",
		}, func(name string) g.Node {
			return Th(Scope("col"), g.Text(v.t(name)))
		}))),
			TBody(g.Map(shown, func(it undo.Item) g.Node {
				return Tr(Td(Class("when"), g.Text(v.times(&it.Appointment, zone))), Td(Class("long"), B(g.Text(cmp.Or(it.Appointment.Subject, v.t("calendar.untitled"))))),
					Td(g.Text(v.word("undo.does", string(it.Does)))), Td(Class("why"), g.Text(v.detail(it.Detail))))
			})))),
		g.If(len(plan.Items) > len(shown), P(Class("muted"), g.Text(v.t("undo.more", len(plan.Items)-len(shown))))),
	}
}

func (s *web) undoRun(v *view) error {
	r, _, err := s.undoable(v)
	if err != nil {
		return err
	}
	f := v.r.PostForm
	asked := undo.Asked{Cascade: f.Get("cascade") == "yes", Force: f.Get("force") == "yes", PlanHash: f.Get("plan_hash")}
	if f.Get("do") == "look" {
		asked = undo.Asked{DryRun: true}
		look, _, err := s.Undo.New(v.ctx, v.user, r.ID, asked)
		return s.launch(v, look, err)
	}
	undoing, err := s.Undo.Confirmed(v.ctx, v.user, r.ID, asked)
	return s.launch(v, undoing, err)
}
