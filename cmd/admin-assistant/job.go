package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"adminassistant/shared/app"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/job"
	"adminassistant/shared/run"
)

// jobSettings are what can be changed of a job.
type jobSettings struct {
	Name      string           `json:"name,omitempty"`
	Schedule  job.Schedule     `json:"schedule"`
	Window    job.Window       `json:"window,omitzero"`
	Jitter    *int             `json:"jitter,omitempty"` // nil: the server says how much
	Calendar  job.Calendar     `json:"calendar,omitempty"`
	Retention backup.Retention `json:"retention,omitzero"`
}

type jobBody struct {
	Kind   run.Kind `json:"kind"`
	Config string   `json:"config"`
	jobSettings
}

type jobView struct {
	document
	ID string `json:"id"`
	jobBody
	State   job.State  `json:"state"`
	Reason  job.Reason `json:"reason,omitempty"`
	Detail  string     `json:"detail,omitempty"`
	Due     *time.Time `json:"due,omitempty"`
	Starts  *time.Time `json:"starts,omitempty"`
	LastRun string     `json:"last_run,omitempty"`
	LastDue *time.Time `json:"last_due,omitempty"`
	Created time.Time  `json:"created"`
	Updated time.Time  `json:"updated"`
	Next    []jobTime  `json:"next,omitempty"`
}

type jobTime struct {
	Due   time.Time `json:"due"`
	Local time.Time `json:"local"`
}

// clock writes an instant as clocks in the job's zone show it.
const clock = "Mon 2006-01-02 15:04 MST"

// at is clock, and empty if there is no instant.
func (v *jobView) at(t *time.Time) string {
	if t == nil {
		return ""
	}
	zone, err := calendar.LoadZone(v.Schedule.Zone)
	if err != nil {
		zone = time.UTC
	}
	return t.In(zone).Format(clock)
}

// state says whether the job is active, and why not.
func (v *jobView) state() string {
	if v.Reason == "" {
		return string(v.State)
	}
	return fmt.Sprintf("%s (%s)", v.State, strings.ReplaceAll(string(v.Reason), "_", " "))
}

// schedule writes a schedule in words, as in "weekly on monday, thursday at 23:59".
func schedule(s job.Schedule) string {
	switch {
	case s.Repeat == job.Cron:
		return "cron " + s.Cron
	case s.Repeat == job.Weekly:
		return fmt.Sprintf("weekly on %s at %s", strings.Join(s.Weekdays, ", "), s.At)
	case s.Repeat == job.Monthly && s.Day == job.LastDay:
		return "monthly on the last day at " + s.At
	case s.Repeat == job.Monthly:
		return fmt.Sprintf("monthly on day %d at %s", s.Day, s.At)
	}
	return fmt.Sprintf("%s at %s", s.Repeat, s.At)
}

// deref is a number that may be left out.
func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

// jobFlags are the flags that say what a job does and when.
type jobFlags struct {
	daily, weekly, monthly, cron, timezone string
	settings                               jobSettings
	jitter                                 int
}

// scheduleFlags are a schedule each.
var scheduleFlags = []string{"daily", "weekly", "monthly", "cron"}

// register makes the flags, with the present values as defaults.
func (j *jobFlags) register(f *pflag.FlagSet) {
	f.StringVar(&j.settings.Name, "name", j.settings.Name, "a name for the job, to be used in place of its id")
	f.StringVar(&j.daily, "daily", "", "every day at HH:MM")
	f.StringVar(&j.weekly, "weekly", "", "on days of the week, as in mon,thu@23:59")
	f.StringVar(&j.monthly, "monthly", "", "on a day of the month, as in 1@04:00; 31 is the last day of every month")
	f.StringVar(&j.cron, "cron", "", `minute, hour, day of month, month and day of week, as in "30 2 * * 1-5"`)
	f.StringVar(&j.timezone, "timezone", j.timezone, "IANA time zone of the schedule (default: the config's)")
	f.IntVar(&j.settings.Window.Days, "days", j.settings.Window.Days,
		"the last so many days (default: an archive goes on where the last one ended, a backup is of the whole calendar)")
	f.IntVar(&j.jitter, "jitter", j.jitter, "up to how many minutes after its time a run begins (default: 10, and more where many jobs are due)")
	f.StringVar((*string)(&j.settings.Calendar), "calendar", string(j.settings.Calendar), "of a backup or drill: source or archive (default source)")
	f.IntVar(&j.settings.Retention.Last, "keep-last", j.settings.Retention.Last, "of a backup: keep the newest so many; with no --keep flag all stay")
	f.IntVar(&j.settings.Retention.Daily, "keep-daily", j.settings.Retention.Daily, "keep the newest one of each of so many days")
	f.IntVar(&j.settings.Retention.Weekly, "keep-weekly", j.settings.Retention.Weekly, "keep the newest one of each of so many weeks")
	f.IntVar(&j.settings.Retention.Monthly, "keep-monthly", j.settings.Retention.Monthly, "keep the newest one of each of so many months")
}

// schedule reads the schedule that the flags name, without a zone; nil if none does.
func (j *jobFlags) schedule(f *pflag.FlagSet) (*job.Schedule, error) {
	var s *job.Schedule
	for _, name := range scheduleFlags {
		if !f.Changed(name) {
			continue
		}
		if s != nil {
			return nil, usageError{errors.New("give one of --daily, --weekly, --monthly and --cron")}
		}
		s = &job.Schedule{Repeat: job.Repeat(name)}
	}
	if s == nil {
		return nil, nil
	}
	switch s.Repeat {
	case job.Daily:
		s.At = j.daily
	case job.Weekly:
		days, at, _ := strings.Cut(j.weekly, "@")
		s.At = at
		for day := range strings.SplitSeq(days, ",") {
			s.Weekdays = append(s.Weekdays, weekday(strings.TrimSpace(day)))
		}
	case job.Monthly:
		day, at, _ := strings.Cut(j.monthly, "@")
		n, err := strconv.Atoi(day)
		if err != nil {
			return nil, usageError{fmt.Errorf("--monthly is %q: expected a day and a time, as in 1@04:00", j.monthly)}
		}
		s.Day, s.At = n, at
	case job.Cron:
		s.Cron = j.cron
	}
	return s, nil
}

// weekday completes the name of a day; what is the beginning of none stays as it is, for the API to refuse.
func weekday(name string) string {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if full := strings.ToLower(day.String()); len(name) > 1 && strings.HasPrefix(full, strings.ToLower(name)) {
			return full
		}
	}
	return name
}

func (p *program) jobCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "job", Short: "Have archives, backups and drills run by themselves"}
	cmd.AddCommand(p.jobCreate(), p.jobList(), p.jobShow(), p.jobEdit(), p.jobSwitch("pause", "Keep a job from starting runs"),
		p.jobSwitch("resume", "Let a paused job start runs again, at its next time from now"), p.jobTrigger(), p.jobDelete(), p.jobHistory(), p.jobHealth())
	return cmd
}

func (p *program) jobCreate() *cobra.Command {
	var body jobBody
	var flags jobFlags
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "create", Short: "Create a job", Args: cobra.NoArgs,
		Example: `  admin-assistant job create --config work --daily 23:59
  admin-assistant job create --config work --kind backup --weekly mon,thu@04:00 --keep-last 7 --keep-monthly 12`,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := flags.schedule(cmd.Flags())
			if err != nil {
				return err
			}
			if s == nil {
				return wrong(cmd, "say when: --daily, --weekly, --monthly or --cron")
			}
			return p.with(func(ctx context.Context, c *client, _ []string) error {
				body.jobSettings, body.Schedule = flags.settings, *s
				if cmd.Flags().Changed("jitter") {
					body.Jitter = &flags.jitter
				}
				if body.Schedule.Zone = flags.timezone; flags.timezone == "" {
					config, _, err := p.findConfig(ctx, c, body.Config)
					if err != nil {
						return err
					}
					body.Schedule.Zone = config.Timezone
				}
				var made jobView
				if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/jobs", json: body}, &made); err != nil {
					return err
				}
				return p.showJob(ctx, c, made)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&body.Config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar((*string)(&body.Kind), "kind", string(run.Archive), jobKinds())
	flags.register(cmd.Flags())
	p.required(cmd, "config")
	return cmd
}

// jobKinds lists the kinds of jobs that there are.
func jobKinds() string {
	var kinds []string
	for _, kind := range app.Kinds.ForJobs() {
		text := string(kind)
		if means := app.Kinds[kind].Job.Means; means != "" {
			text += " (" + means + ")"
		}
		kinds = append(kinds, text)
	}
	return strings.Join(kinds, ", ")
}

// terms are the settings that jobs of a kind may have; nothing, when only a newer API knows the kind.
func terms(kind run.Kind) run.JobTerms {
	if job := app.Kinds.Of(kind).Job; job != nil {
		return *job
	}
	return run.JobTerms{}
}

// configNames are the names of all configs, by id.
func (p *program) configNames(ctx context.Context, c *client) (map[string]string, error) {
	configs, err := all[configView](ctx, c, "/v1/archive-configs", nil, 0)
	if err != nil {
		return nil, err
	}
	names := map[string]string{}
	for _, v := range configs {
		names[v.ID] = v.Name
	}
	return names, nil
}

func (p *program) showJob(ctx context.Context, c *client, v jobView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	names, err := p.configNames(ctx, c)
	if err != nil {
		return err
	}
	rows := []table.Row{{"Kind", string(v.Kind)}, {"Config", names[v.Config]}}
	add := func(name, value string) {
		if value != "" {
			rows = append(rows, table.Row{name, value})
		}
	}
	add("Calendar", string(v.Calendar))
	add("Schedule", fmt.Sprintf("%s, %s", schedule(v.Schedule), v.Schedule.Zone))
	add("Days", jobDays(&v))
	if terms(v.Kind).Retention {
		add("Keeps", retention(v.Retention))
	}
	add("Jitter", "up to "+counted(deref(v.Jitter), "minute", "minutes"))
	add("State", v.state())
	add("Why", v.Detail)
	add("Starts", v.at(v.Starts))
	for _, n := range v.Next {
		add("Next", v.at(&n.Due))
	}
	add("Last run", v.LastRun)
	p.printTable(table.Row{"Job", cmp.Or(v.Name, v.ID)}, append(rows, table.Row{"Id", v.ID}))
	return nil
}

// jobDays says which days a job's runs cover.
func jobDays(v *jobView) string {
	if v.Window.Days > 0 {
		return fmt.Sprintf("the last %d", v.Window.Days)
	}
	return terms(v.Kind).Without
}

// retention says which backups stay.
func retention(r backup.Retention) string {
	var kept []string
	for _, rule := range []struct {
		n    int
		name string
	}{{r.Last, "last"}, {r.Daily, "daily"}, {r.Weekly, "weekly"}, {r.Monthly, "monthly"}} {
		if rule.n > 0 {
			kept = append(kept, fmt.Sprintf("%d %s", rule.n, rule.name))
		}
	}
	if kept == nil {
		return "all"
	}
	return strings.Join(kept, ", ")
}

func (p *program) printJobs(ctx context.Context, c *client, jobs []jobView) error {
	names, err := p.configNames(ctx, c)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, v := range jobs {
		rows = append(rows, table.Row{identity(v.ID), v.Name, string(v.Kind), names[v.Config], schedule(v.Schedule), v.at(v.Due), status(v.state())})
	}
	p.printTable(table.Row{"Job", "Name", "Kind", less("Config"), "Schedule", "Next", "State"}, rows)
	return nil
}

func (p *program) jobList() *cobra.Command {
	var config, state string
	cmd := &cobra.Command{
		Use: "list", Short: "List jobs", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"config": config, "state": state})
			jobs, err := all[jobView](ctx, c, "/v1/jobs", query, 0)
			if err != nil || p.output == "json" {
				return errors.Join(err, p.jsonUnless(err, jobs))
			}
			return p.printJobs(ctx, c, jobs)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "only jobs of this archive config")
	cmd.Flags().StringVar(&state, "state", "", "only those that are active, or paused")
	return cmd
}

func jobPath(id string) string { return "/v1/jobs/" + url.PathEscape(id) }

// findJob returns a job with its ETag.
func findJob(ctx context.Context, c *client, id string) (v jobView, etag string, err error) {
	header, err := c.do(ctx, request{method: http.MethodGet, path: jobPath(id)}, &v)
	return v, header.Get("ETag"), err
}

func (p *program) jobShow() *cobra.Command {
	return &cobra.Command{
		Use: "show JOB", Short: "Show a job with its next times", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, _, err := findJob(ctx, c, args[0])
			if err != nil {
				return err
			}
			return p.showJob(ctx, c, v)
		}),
	}
}

func (p *program) jobEdit() *cobra.Command {
	var flags jobFlags
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "edit JOB", Short: "Change what the flags name, and leave the rest as it is", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := flags.schedule(cmd.Flags())
			if err != nil {
				return err
			}
			return p.with(func(ctx context.Context, c *client, args []string) error {
				v, etag, err := findJob(ctx, c, args[0])
				if err != nil {
					return err
				}
				now := jobFlags{settings: v.jobSettings, timezone: v.Schedule.Zone, jitter: deref(v.Jitter)}
				if err := edit(cmd, now.register); err != nil {
					return err
				}
				if s != nil {
					now.settings.Schedule = *s
				}
				now.settings.Schedule.Zone, now.settings.Jitter = now.timezone, &now.jitter
				var edited jobView
				if _, err := c.do(ctx, request{method: http.MethodPut, path: jobPath(v.ID), json: now.settings, ifMatch: etag}, &edited); err != nil {
					return err
				}
				return p.showJob(ctx, c, edited)
			})(cmd, args)
		},
	}
	flags.register(cmd.Flags())
	return cmd
}

func (p *program) jobSwitch(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " JOB", Short: short, Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var now jobView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: jobPath(args[0]) + "/" + verb}, &now); err != nil {
				return err
			}
			return p.showJob(ctx, c, now)
		}),
	}
}

func (p *program) jobTrigger() *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use: "trigger JOB", Short: "Start a run of a job now", Args: cobra.ExactArgs(1),
		Long: "Start a run of a job now, outside its schedule, whether it is paused or not.\n" +
			"The exit code is 0 when all went well, 3 when some events failed, 1 when the run failed.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.carryOut(cmd.Context(), request{method: http.MethodPost, path: jobPath(args[0]) + "/trigger"}, noWait)
		},
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until the run has ended")
	return cmd
}

func (p *program) jobDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete JOB", Aliases: []string{"remove"}, Short: "Delete a job; its runs stay", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, etag, err := findJob(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(fmt.Sprintf("This deletes the %s job that runs %s.", v.Kind, schedule(v.Schedule))); err != nil {
				return err
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: jobPath(v.ID), ifMatch: etag}, nil); err != nil {
				return err
			}
			return p.say("deleted job %s", v.ID)
		}),
	}
}

func (p *program) jobHistory() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use: "history JOB", Short: "List the runs that a job started, the newest first", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			runs, err := all[runView](ctx, c, jobPath(args[0])+"/runs", nil, most)
			if err != nil || p.output == "json" {
				return errors.Join(err, p.jsonUnless(err, runs))
			}
			return p.printRuns(ctx, c, runs)
		}),
	}
	cmd.Flags().IntVar(&most, "most", 20, "so many at the most; 0: all")
	return cmd
}

type jobHealth struct {
	document
	Late    []jobView `json:"late"`
	Failing []jobView `json:"failing"`
	Queues  []struct {
		Kind    string `json:"kind"`
		Waiting int    `json:"waiting"`
		Age     *int   `json:"age,omitempty"`
	} `json:"queues,omitempty"`
}

func (p *program) jobHealth() *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Show whether your jobs do what they should", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var h jobHealth
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/jobs/health"}, &h); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(h)
			}
			for _, part := range []struct {
				jobs []jobView
				of   string
			}{{h.Late, "late: more than five minutes after the time of a run"}, {h.Failing, "failing: three runs in a row failed"}} {
				fmt.Fprintf(p.out, "%s %s\n", counted(len(part.jobs), "job is", "jobs are"), part.of)
				if len(part.jobs) == 0 {
					continue
				}
				if err := p.printJobs(ctx, c, part.jobs); err != nil {
					return err
				}
			}
			var rows []table.Row
			for _, q := range h.Queues {
				age := ""
				if q.Age != nil {
					age = (time.Duration(*q.Age) * time.Second).String()
				}
				rows = append(rows, table.Row{q.Kind, q.Waiting, age})
			}
			if rows != nil {
				p.printTable(table.Row{"Runs", "Waiting", "Oldest"}, rows)
			}
			return nil
		}),
	}
}
