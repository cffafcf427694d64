package web

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/run"
	"adminassistant/shared/setup"
)

func (s *web) setup(v *view) error { return s.showSetup(v, http.StatusOK, nil) }

// showSetup asks what is to be archived; wrong is what is wrong with the answer.
func (s *web) showSetup(v *view, status int, wrong error) error {
	sources, err := s.Sources(v.ctx, v.user)
	if err != nil {
		return err
	}
	configs, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	if err != nil {
		return err
	}
	sources = slices.DeleteFunc(sources, func(uri string) bool { return usedBy(configs, uri) })
	f := v.r.PostForm
	first := "local://me/calendars/Work"
	if len(sources) > 0 {
		first = sources[0]
	}
	zone := cmp.Or(f.Get("timezone"), v.Zone)
	problem := func(name string) string {
		if wrong != nil && fault.FieldOf(wrong) == name {
			return v.wrong(wrong)
		}
		return ""
	}
	field := func(name, label, hint string, input func(more ...g.Node) g.Node) g.Node {
		described := "hint-" + name
		if problem(name) != "" {
			described += " " + name + "-problem"
		}
		return Div(Class("field"), Label(For(name), g.Text(label)),
			input(ID(name), Name(name), Aria("describedby", described), g.If(problem(name) != "", Aria("invalid", "true"))),
			fieldProblem(name, problem(name)), P(ID("hint-"+name), Class("hint"), g.Text(hint)))
	}
	text := func(value string, extra ...g.Node) func(more ...g.Node) g.Node {
		return func(more ...g.Node) g.Node {
			return Input(Type("text"), Value(value), Required(), g.Group(more), g.Group(extra))
		}
	}
	choice := func(of string, values ...string) func(more ...g.Node) g.Node {
		return func(more ...g.Node) g.Node {
			return Select(g.Group(more), g.Map(values, func(value string) g.Node {
				return Option(Value(value), g.If(value == f.Get(of), Selected()), g.Text(v.t(of+"."+value)))
			}))
		}
	}
	nightly := len(f) == 0 || f.Has("nightly")
	other := wrong != nil && !slices.Contains([]string{"name", "source", "archive", "timezone", "purpose", "overlaps"}, fault.FieldOf(wrong))
	body := []g.Node{
		g.Iff(other, func() g.Node { return P(Class("problem"), Role("alert"), g.Text(v.wrong(wrong))) }),
		Div(Class("review"),
			s.form(v, "/setup", Class("card"),
				field("source", v.t("setup.source"), v.t("setup.source.hint"), text(cmp.Or(f.Get("source"), first), g.Attr("list", "sources"))),
				DataList(ID("sources"), g.Map(sources, func(uri string) g.Node { return Option(Value(uri)) })),
				field("archive", v.t("setup.archive"), v.t("setup.archive.hint"), func(more ...g.Node) g.Node {
					return Input(Type("text"), Value(f.Get("archive")), Placeholder(besideOf(cmp.Or(f.Get("source"), first), configs)), g.Group(more))
				}),
				field("name", v.t("setup.name"), v.t("setup.name.hint"), text(cmp.Or(f.Get("name"), nameOf(configs)))),
				field("timezone", v.t("settings.zone"), v.t("setup.zone.hint"), text(zone, g.Attr("list", "zones"), g.Attr("data-zone"))),
				DataList(ID("zones"), g.Map(zones, func(z string) g.Node { return Option(Value(z)) })),
				field("purpose", v.t("setup.purpose"), v.t("setup.purpose.hint"), choice("purpose", "general", "timesheet")),
				field("overlaps", v.t("setup.overlaps"), v.t("setup.overlaps.hint"), choice("overlaps", "resolve", "ask", "keep")),
				Div(Class("field check"), Input(ID("nightly"), Type("checkbox"), Name("nightly"), g.If(nightly, Checked())),
					Label(For("nightly"), g.Text(v.t("setup.nightly")))),
				P(Button(Type("submit"), Class("primary"), g.Text(v.t("setup.go")))),
			),
			Aside(Class("card"), H2(g.Text(v.t("setup.how"))),
				Ol(Class("how"), Li(g.Text(v.t("setup.step.choose"))), Li(g.Text(v.t("setup.step.look"))), Li(g.Text(v.t("setup.step.archive")))),
				P(Class("muted"), g.Text(v.t("setup.file"))), P(A(Class("button"), Href("/restore"), g.Text(v.t("setup.file.go"))))),
		),
	}
	return s.show(v, status, page{title: v.t("setup.title"), body: body})
}

// usedBy says whether a calendar is one of a config's.
func usedBy(configs []archive.Config, uri string) bool {
	return slices.ContainsFunc(configs, func(c archive.Config) bool {
		return strings.EqualFold(c.Source.String(), uri) || strings.EqualFold(c.Archive.String(), uri)
	})
}

// besideOf is the URI of an archive calendar beside a calendar, which none of the configs has.
func besideOf(source string, configs []archive.Config) string {
	uri, err := calendar.ParseURI(source)
	if err != nil {
		uri = calendar.URI{Provider: calendar.ProviderLocal, Account: "me"}
	}
	uri.Calendar = "Archive"
	for n := 2; usedBy(configs, uri.String()); n++ {
		uri.Calendar = fmt.Sprintf("Archive %d", n)
	}
	return uri.String()
}

// nameOf is a name that no config has.
func nameOf(configs []archive.Config) string {
	name := "work"
	for n := 2; slices.ContainsFunc(configs, func(c archive.Config) bool { return strings.EqualFold(c.Name, name) }); n++ {
		name = fmt.Sprintf("work %d", n)
	}
	return name
}

// begin makes the config, and shows what would become of the last weeks.
func (s *web) begin(v *view) error {
	f := v.r.PostForm
	c := archive.Config{
		Name: strings.TrimSpace(f.Get("name")), Timezone: f.Get("timezone"), Purpose: archive.Purpose(f.Get("purpose")), Overlaps: archive.Policy(f.Get("overlaps")),
		OnDrift: archive.AskOnDrift, OnEdit: archive.AskOnEdit, LookBack: 30, CreateCalendar: true,
	}
	var err error
	if c.Source, err = calendar.ParseURI(f.Get("source")); err != nil {
		return s.showSetup(v, http.StatusUnprocessableEntity, fault.At("source", err))
	}
	configs, _, err := s.Configs.List(v.ctx, v.user, mostConfigs, "")
	if err != nil {
		return err
	}
	if c.Archive, err = calendar.ParseURI(cmp.Or(strings.TrimSpace(f.Get("archive")), besideOf(f.Get("source"), configs))); err != nil {
		return s.showSetup(v, http.StatusUnprocessableEntity, fault.At("archive", err))
	}
	if err := s.Reach(v.ctx, v.user, &c); err != nil {
		return s.showSetup(v, http.StatusUnprocessableEntity, fault.Field("source", "cannot be used: %v", err))
	}
	var jobs []func(*archive.Config) job.Job
	if f.Has("nightly") {
		jobs = append(jobs, setup.Nightly, setup.Weekly)
	}
	find := archive.NewFinder(func(ctx context.Context, uri calendar.URI) ([]calendar.Info, error) {
		return s.Calendars(ctx, v.user, uri)
	})
	c, err = s.Setup.Create(v.ctx, v.user, c, find, jobs...)
	if kind := fault.Of(err); err != nil && (kind == fault.Invalid || kind == fault.Conflict) {
		return s.showSetup(v, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	r, err := s.Configs.NewRun(v.ctx, &c, archive.Wanted{Period: fmt.Sprintf("last %d days", c.LookBack), Options: run.Options{DryRun: true}}, v.now, v.Weekday())
	return s.launch(v, r, err)
}
