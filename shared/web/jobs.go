package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/run"
)

func (s *web) listJobs(v *view) error { return s.showJobs(v, http.StatusOK, nil) }

// showJobs shows the jobs, the next ones first, and the form that makes one; wrong is what is wrong with what was filled in.
func (s *web) showJobs(v *view, status int, wrong error) error {
	configs, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	if err != nil {
		return err
	}
	jobs, _, err := s.Jobs.List(v.ctx, v.user, mostJobs, "")
	if err != nil {
		return err
	}
	v.assume(configs)
	names := configNames(configs)
	p := page{title: v.t("nav.jobs"), at: "/jobs"}
	switch {
	case len(configs) == 0:
		p.body = append(p.body, s.noConfig(v))
	case len(jobs) == 0:
		p.body = append(p.body, empty(v.t("jobs.none"), v.t("jobs.none.text")))
	default:
		p.body = append(p.body, Div(Class("card scroll"), TabIndex("0"), Role("region"), Aria("label", v.t("nav.jobs")), Table(Class("stacks"),
			THead(Tr(g.Map([]string{"jobs.what", "runs.config", "jobs.when", "jobs.next", "jobs.do"}, func(name string) g.Node {
				return Th(Scope("col"), g.Text(v.t(name)))
			}))),
			TBody(g.Map(jobs, func(j *job.Job) g.Node { return s.jobRow(v, j, names) })),
		)))
	}
	if len(configs) > 0 {
		p.body = append(p.body, s.jobForm(v, configs, wrong))
	}
	return s.show(v, status, p)
}

// jobRow is a job with what can be done about it.
func (s *web) jobRow(v *view, j *job.Job, names map[string]string) g.Node {
	kind := v.word("run.kind", string(j.Kind))
	next := g.Node(Span(Class("pill queued"), g.Text(v.word("job.paused", string(j.Reason)))))
	turn := s.jobButton(v, j, "resume", kind, "jobs.resume")
	if j.State == job.Active {
		next, turn = g.Text(v.moment(j.Due, v.now, v.zone())), s.jobButton(v, j, "pause", kind, "jobs.pause")
	}
	return Tr(
		Td(B(g.Text(kind)), g.If(j.LastRun != "", g.Group{Br(), Small(A(Href("/runs/"+j.LastRun), g.Text(v.t("jobs.last"))))})),
		Td(g.Text(names[j.Config])),
		Td(g.Text(v.schedule(&j.Schedule)), g.If(j.Detail != "", g.Group{Br(), Small(g.Text(v.failure(j.Detail)))})), v.cell("jobs.next", next),
		Td(Div(Class("buttons"), s.jobButton(v, j, "trigger", kind, "jobs.trigger"), turn, s.jobButton(v, j, "remove", kind, "jobs.remove"))),
	)
}

func (s *web) jobButton(v *view, j *job.Job, does, kind, label string) g.Node {
	return s.form(v, "/jobs/"+j.ID+"/"+does, hidden("version", strconv.FormatInt(j.Version, 10)),
		Button(Type("submit"), Aria("label", v.t(label)+": "+kind), g.Text(v.t(label))))
}

// schedule is when a job is due, in words.
func (v *view) schedule(s *job.Schedule) string {
	text := s.Cron
	switch s.Repeat {
	case job.Daily:
		text = v.t("schedule.daily", s.At)
	case job.Weekly:
		days := make([]string, len(s.Weekdays))
		for i, day := range s.Weekdays {
			days[i] = v.weekdayNamed(day)
		}
		text = v.t("schedule.weekly", strings.Join(days, ", "), s.At)
	case job.Monthly:
		text = v.t("schedule.monthly", s.Day, s.At)
	}
	if s.Zone != v.Zone {
		text += " (" + s.Zone + ")"
	}
	return text
}

// weekdayNamed is a day of a schedule, which has it in English and small letters.
func (v *view) weekdayNamed(name string) string {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.EqualFold(d.String(), name) {
			return v.weekday(d)
		}
	}
	return name
}

// jobForm makes a job.
func (s *web) jobForm(v *view, configs []archive.Config, wrong error) g.Node {
	f := v.r.PostForm
	problem := ""
	if wrong != nil {
		problem = v.wrong(wrong)
	}
	choose := func(name, label string, values []string, shown func(string) string) g.Node {
		return Div(Class("field"), Label(For(name), g.Text(v.t(label))), Select(ID(name), Name(name), g.Map(values, func(value string) g.Node {
			return Option(Value(value), g.If(value == f.Get(name), Selected()), g.Text(shown(value)))
		})))
	}
	names := configNames(configs)
	var ids, kinds, weekdays []string
	for i := range configs {
		ids = append(ids, configs[i].ID)
	}
	for _, kind := range s.Kinds.ForJobs() {
		kinds = append(kinds, string(kind))
	}
	for i := range 7 {
		weekdays = append(weekdays, strings.ToLower(time.Weekday((i+int(v.Weekday()))%7).String()))
	}
	return Section(Class("card"), Aria("labelledby", "new"), H2(ID("new"), g.Text(v.t("jobs.new"))),
		s.form(v, "/jobs", Class("line"),
			choose("kind", "jobs.what", kinds, func(kind string) string { return v.word("run.kind", kind) }),
			choose("config", "runs.config", ids, func(id string) string { return names[id] }),
			choose("repeat", "jobs.repeat", []string{"daily", "weekly", "monthly"}, func(repeat string) string { return v.t("repeat." + repeat) }),
			Div(Class("field"), Label(For("at"), g.Text(v.t("jobs.at"))), Input(ID("at"), Name("at"), Type("time"), Value(cmp.Or(f.Get("at"), "23:59")), Required(),
				g.If(problem != "", g.Group{Aria("invalid", "true"), Aria("describedby", "at-problem")})), fieldProblem("at", problem)),
			choose("weekday", "jobs.weekday", weekdays, v.weekdayNamed),
			Div(Class("field"), Label(For("day"), g.Text(v.t("jobs.day"))),
				Input(ID("day"), Name("day"), Type("number"), Min("1"), Max("31"), Value(cmp.Or(f.Get("day"), "1")))),
			Div(Class("buttons"), Button(Type("submit"), Class("primary"), g.Text(v.t("jobs.create")))),
		),
		P(Class("hint"), g.Text(v.t("jobs.new.hint"))),
	)
}

func (s *web) createJob(v *view) error {
	f := v.r.PostForm
	c, err := s.Configs.Get(v.ctx, v.user, f.Get("config"))
	if err != nil {
		return err
	}
	j := job.Job{
		Kind: run.Kind(f.Get("kind")), Config: c.ID, Jitter: job.DefaultJitter,
		Schedule: job.Schedule{Repeat: job.Repeat(f.Get("repeat")), At: f.Get("at"), Zone: c.Timezone},
	}
	switch j.Schedule.Repeat {
	case job.Weekly:
		j.Schedule.Weekdays = []string{f.Get("weekday")}
	case job.Monthly:
		j.Schedule.Day, _ = strconv.Atoi(f.Get("day")) // what is no number is no day
	}
	_, err = s.Jobs.Create(v.ctx, v.user, j)
	if kind := fault.Of(err); err != nil && (kind == fault.Invalid || kind == fault.Conflict) {
		return s.showJobs(v, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	return v.redirect("/jobs")
}

func (s *web) pauseJob(v *view) error {
	if _, err := s.Jobs.Pause(v.ctx, v.user, v.r.PathValue("id"), job.ByUser); err != nil {
		return err
	}
	return v.redirect("/jobs")
}

func (s *web) resumeJob(v *view) error {
	if _, err := s.Jobs.Resume(v.ctx, v.user, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.redirect("/jobs")
}

func (s *web) triggerJob(v *view) error {
	r, _, err := s.Jobs.Trigger(v.ctx, v.user, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	return v.redirect("/runs/" + r.ID)
}

func (s *web) removeJob(v *view) error {
	version, _ := strconv.ParseInt(v.r.PostForm.Get("version"), 10, 64) // what is no number is no version that there is
	if err := s.Jobs.Remove(v.ctx, v.user, v.r.PathValue("id"), version); err != nil {
		return err
	}
	return v.redirect("/jobs")
}
