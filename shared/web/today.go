package web

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/action"
	"adminassistant/shared/calendar"
	"adminassistant/shared/job"
	"adminassistant/shared/run"
)

const (
	// shownToday is how many of each sort the first page shows.
	shownToday = 5
	// mostJobs is of how many jobs the next ones are picked.
	mostJobs = 100
)

// today shows what needs the user, what happened last and what comes next.
func (s *web) today(v *view) error {
	c, configs, err := s.choose(v)
	if err != nil {
		return err
	}
	zone := v.zone()
	if c != nil {
		zone = zoneOf(c.Timezone)
	}
	today := calendar.DateOf(v.now, zone)
	p := page{title: v.longDay(today), at: "/today"}
	if c == nil {
		p.body = []g.Node{s.noConfig(v)}
		return s.show(v, http.StatusOK, p)
	}
	open, more, err := s.openActions(v)
	if err != nil {
		return err
	}
	runs, _, err := s.Runs.List(v.ctx, v.user, "", shownToday, "")
	if err != nil {
		return err
	}
	jobs, _, err := s.Jobs.List(v.ctx, v.user, mostJobs, "")
	if err != nil {
		return err
	}
	sh := &sheet{view: v, config: *c, configs: configs, zone: zone, kind: "week", on: today, today: today}
	from, to := sh.bounds()
	if sh.window, err = calendar.NewWindow(from, to, zone); err != nil {
		return err
	}
	if err := s.fill(sh); err != nil {
		return err
	}
	week := sh.hoursCard()
	if len(sh.sums()) == 0 {
		week = Section(Class("card"), Aria("labelledby", "hours"), H2(ID("hours"), g.Text(v.t("hours.week"))), P(Class("muted"), g.Text(v.t("today.nohours"))),
			P(A(Class("button"), Href(sh.address("week", today)), g.Text(v.t("nav.calendar")))))
	}
	names := configNames(configs)
	p.body = []g.Node{P(Class("fresh muted"), g.Text(sh.fresh())), Div(Class("columns"),
		Div(s.needs(v, open, more, zone), week),
		Div(s.lately(v, runs, names, zone), s.nextJobs(v, jobs, names, zone)),
	)}
	return s.show(v, http.StatusOK, p)
}

// needs are the open actions.
func (s *web) needs(v *view, open []*action.Action, more bool, zone *time.Location) g.Node {
	if len(open) == 0 {
		return Section(Class("card calm"), Aria("labelledby", "needs"), H2(ID("needs"), g.Text(v.t("today.needs"))), P(g.Text(v.t("today.nothing"))))
	}
	count := fmt.Sprint(len(open))
	if more {
		count += "+"
	}
	slices.Reverse(open)
	return Section(Class("card"), Aria("labelledby", "needs"), H2(ID("needs"), g.Text(v.t("today.needs")), g.Text(" "), Span(Class("count"), g.Text(count))),
		Ul(Class("rows"), g.Map(open[:min(len(open), shownToday)], func(a *action.Action) g.Node {
			when := ""
			if a.Span != (action.Span{}) {
				when = v.shortDay(calendar.DateOf(a.Span.From, zone)) + ", " + clock(a.Span.From, zone)
			}
			what := v.word("kind", string(a.Kind))
			if n := len(a.Participants); a.Kind == action.Overlap && n > 1 {
				what = v.t("review.share", n+a.Others)
			}
			return Li(A(Href("/review/"+a.ID), g.Text(what)), Small(g.Text(when)))
		})),
		P(A(Class("button primary"), Href("/review"), g.Text(v.t("today.review")))),
	)
}

// lately are the newest runs.
func (s *web) lately(v *view, runs []*run.Run, names map[string]string, zone *time.Location) g.Node {
	return Section(Class("card"), Aria("labelledby", "lately"), H2(ID("lately"), A(Href("/runs"), g.Text(v.t("today.lately")))),
		g.If(len(runs) == 0, P(Class("muted"), g.Text(v.t("runs.none.text")))),
		Ul(Class("rows"), g.Map(runs, func(r *run.Run) g.Node {
			return Li(
				Div(A(Href("/runs/"+r.ID), g.Text(v.kindOf(r))), g.Text(" "), v.pill(r), Br(),
					Small(g.Text(cmp.Or(names[r.Config], calendarName(r.Calendar))+" · "+v.days(r.From, r.To)))),
				Small(Class("at"), g.Text(v.moment(ended(r), v.now, zone))),
			)
		})),
	)
}

// nextJobs are the jobs that are due next.
func (s *web) nextJobs(v *view, jobs []*job.Job, names map[string]string, zone *time.Location) g.Node {
	due := slices.DeleteFunc(slices.Clone(jobs), func(j *job.Job) bool { return j.Due.IsZero() })
	slices.SortFunc(due, func(a, b *job.Job) int { return a.Due.Compare(b.Due) })
	due = due[:min(len(due), shownToday)]
	return Section(Class("card"), Aria("labelledby", "next"), H2(ID("next"), g.Text(v.t("today.next"))),
		g.If(len(due) == 0, P(Class("muted"), g.Text(v.t("today.nojobs")))),
		Ul(Class("rows"), g.Map(due, func(j *job.Job) g.Node {
			return Li(Div(g.Text(v.word("run.kind", string(j.Kind))), Br(), Small(g.Text(names[j.Config]))), Small(Class("at"), g.Text(v.moment(j.Due, v.now, zone))))
		})),
	)
}
