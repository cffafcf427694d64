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
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"adminassistant/shared/app"
	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
	"adminassistant/shared/imports"
	"adminassistant/shared/ledger"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

type runView struct {
	document
	ID        string                `json:"id"`
	Kind      run.Kind              `json:"kind"`
	Config    string                `json:"config"`
	Calendar  string                `json:"calendar,omitempty"`
	Job       string                `json:"job,omitempty"`
	From      string                `json:"from,omitempty"`
	To        string                `json:"to,omitempty"`
	DryRun    bool                  `json:"dry_run"`
	AttemptOf string                `json:"attempt_of,omitempty"`
	State     run.State             `json:"state"`
	Progress  run.Progress          `json:"progress"`
	Result    *archive.Result       `json:"result,omitempty"`
	Backup    *backup.Result        `json:"backup,omitempty"`
	Restore   *restore.Result       `json:"restore,omitempty"`
	Drill     *restore.DrillResult  `json:"drill,omitempty"`
	Verify    *archive.VerifyResult `json:"verify,omitempty"`
	Repair    *archive.RepairResult `json:"repair,omitempty"`
	Import    *imports.Result       `json:"import,omitempty"`
	Undo      *undo.Result          `json:"undo,omitempty"`
	Decided   *archive.DecideResult `json:"decided,omitempty"`
	Problem   *run.Problem          `json:"problem,omitempty"`
	Failed    int                   `json:"failed"`
	Created   time.Time             `json:"created"`
	Started   *time.Time            `json:"started,omitempty"`
	Ended     *time.Time            `json:"ended,omitempty"`
}

// result is what a run came to; nil while it has no result.
func (r *runView) result() run.Result {
	switch {
	case r.Result != nil:
		return r.Result
	case r.Backup != nil:
		return r.Backup
	case r.Restore != nil:
		return r.Restore
	case r.Drill != nil:
		return r.Drill
	case r.Import != nil:
		return r.Import
	case r.Undo != nil:
		return r.Undo
	case r.Verify != nil:
		return r.Verify
	case r.Repair != nil:
		return r.Repair
	case r.Decided != nil:
		return r.Decided
	}
	return nil
}

// sums says in a few words what a run came to; nothing while it has no result.
func (r *runView) sums() string {
	if result := r.result(); result != nil {
		return result.Sums()
	}
	return ""
}

// wrote is how many events a run wrote to a calendar.
func (r *runView) wrote() int {
	if result := r.result(); result != nil {
		return result.Wrote()
	}
	return 0
}

func (p *program) archiveCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "archive", Short: "Archive a calendar, and see what became of each event"}
	cmd.AddCommand(p.archivePlan(), p.archiveRun(), p.runShow(), p.runList(), p.archiveRetry(), p.undoCommand())
	return cmd
}

func (p *program) archiveRun() *cobra.Command {
	var start runStart
	var noWait bool
	cmd := &cobra.Command{
		Use: "run", Short: "Archive a period", Args: cobra.NoArgs,
		Long: "Archive a period. Without --period: from the last archived day to yesterday, at least the config's look-back.\n" +
			"The exit code is 0 when all went well, 3 when some events failed, 1 when the run failed.",
		Example: `  admin-assistant archive run --config work --period "2026-10-01 to 2026-10-31"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.carryOut(cmd.Context(), request{method: http.MethodPost, path: "/v1/runs", json: start}, noWait)
		},
	}
	start.Kind = string(run.Archive)
	cmd.Flags().StringVar(&start.Config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar(&start.Period, "period", "", `days, as in "last week", "last 7 days", "2026-10-01 to 2026-10-31"`)
	cmd.Flags().BoolVar(&start.DryRun, "dry-run", false, "make the plan and write nothing")
	cmd.Flags().BoolVar(&start.Future, "future", false, "also days that are still to come; else they are refused: a record is of what was")
	cmd.Flags().BoolVar(&start.Force, "force", false, "go on although the window shrank against the ledger")
	cmd.Flags().BoolVar(&start.Replace, "replace", false, "archive the period anew: what differs is replaced, but for what was decided and what is locked")
	cmd.Flags().BoolVar(&start.Adopt, "adopt", false, "use an archive calendar that holds other events, and take copies of another ledger over into this one")
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until the run has ended")
	p.required(cmd, "config")
	return cmd
}

type runStart struct {
	Kind    string `json:"kind"`
	Config  string `json:"config"`
	Period  string `json:"period,omitempty"`
	Future  bool   `json:"future,omitempty"`
	DryRun  bool   `json:"dry_run,omitempty"`
	Force   bool   `json:"force,omitempty"`
	Replace bool   `json:"replace,omitempty"`
	Adopt   bool   `json:"adopt,omitempty"`
}

func (p *program) archiveRetry() *cobra.Command {
	var noWait bool
	cmd := &cobra.Command{
		Use: "retry RUN", Short: "Try the failed events of a run again", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.carryOut(cmd.Context(), request{method: http.MethodPost, path: "/v1/runs/" + url.PathEscape(args[0]) + "/retry"}, noWait)
		},
	}
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until the run has ended")
	return cmd
}

// carryOut starts a run, waits for its end and shows it.
func (p *program) carryOut(ctx context.Context, start request, noWait bool) error {
	c, err := p.api()
	if err != nil {
		return err
	}
	if noWait {
		var r runView
		if _, err := c.do(ctx, start, &r); err != nil {
			return err
		}
		if p.output == "json" {
			return p.printJSON(r)
		}
		_, err := fmt.Fprintf(p.out, "run %s is %s; follow it with: %s\n", r.ID, r.State, p.command("run watch "+r.ID))
		return err
	}
	r, err := p.follow(ctx, c, start)
	if err != nil {
		return err
	}
	return p.showRun(ctx, c, r, false)
}

// follow starts a run and waits for its end.
func (p *program) follow(ctx context.Context, c *client, start request) (r runView, err error) {
	switch _, err := c.do(ctx, start, &r); {
	case errors.Is(err, errStopped):
		return r, fmt.Errorf("%w; whether the run has begun is not known. Look with: %s", err, p.command("run list"))
	case err != nil:
		return r, err
	}
	return r, p.toItsEnd(ctx, c, &r)
}

// toItsEnd waits for the end of a run. With --local this process carries it out.
func (p *program) toItsEnd(ctx context.Context, c *client, r *runView) error {
	pause := 500 * time.Millisecond
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	if p.local {
		pause = 20 * time.Millisecond
		done := make(chan struct{})
		go func() {
			defer close(done)
			if err := p.opened.WorkFor(waiting); err != nil {
				stop(err)
			}
		}()
		defer func() {
			stop(nil)
			<-done
		}()
	}
	err := p.wait(waiting, c, r, pause)
	if cause := context.Cause(waiting); err != nil && ctx.Err() == nil && cause != nil {
		err = cause // this machine's own worker gave up
	}
	switch {
	case err == nil:
		return nil
	case p.local && errors.Is(err, errStopped):
		return fmt.Errorf("stopped; run %s goes on where it was when you ask for the same again, or with: %s", r.ID, p.command("run watch "+r.ID))
	case p.local:
		return fmt.Errorf("%w; run %s goes on where it was with: %s", err, r.ID, p.command("run watch "+r.ID))
	case errors.Is(err, errStopped):
		return fmt.Errorf("no longer watching; run %s goes on at the server. Look with: %s; end it with: %s", r.ID, p.command("run watch "+r.ID),
			p.command("run cancel "+r.ID))
	}
	return fmt.Errorf("%w; run %s may go on at the server. Look with: %s", err, r.ID, p.command("run watch "+r.ID))
}

// wait follows a run to its end, with a progress bar where there is a terminal.
func (p *program) wait(ctx context.Context, c *client, r *runView, pause time.Duration) error {
	var bar *progressbar.ProgressBar
	if isTerminal(p.err) && !p.serving {
		bar = progressbar.NewOptions(100, progressbar.OptionSetWriter(p.err), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30))
		defer bar.Close()
	}
	for !r.State.Ended() {
		if bar != nil {
			bar.Describe(r.Progress.Phase)
			_ = bar.Set(r.Progress.Percent)
		}
		select {
		case <-ctx.Done():
			return errStopped
		case <-time.After(pause):
		}
		if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/runs/" + r.ID}, r); err != nil {
			return err
		}
	}
	return nil
}

// showRun prints a run: its sums, then what failed and, with details, every event.
func (p *program) showRun(ctx context.Context, c *client, r runView, details bool) error {
	if p.output == "json" {
		return p.finish(r, r.exit())
	}
	switch r.Kind {
	case run.Restore:
		return p.showRestore(ctx, c, r, details)
	case run.Drill:
		return p.showDrill(r)
	case run.Undo:
		return p.showUndo(ctx, c, r, details)
	case run.Decide:
		return p.showDecided(ctx, c, r)
	case run.Verify:
		return p.showVerified(ctx, c, r)
	case run.Repair:
		return p.showRepaired(ctx, c, r)
	case run.Import:
		if r.Import == nil {
			break
		}
		return p.showImport(ctx, c, r)
	}
	var items []runItem
	query := url.Values{}
	if !details {
		query.Set("failed", "true")
	}
	if r.State.Ended() && (details || r.Failed > 0) {
		var err error
		if items, err = all[runItem](ctx, c, "/v1/runs/"+r.ID+"/items", query, 0); err != nil {
			return err
		}
	}
	if r.Kind == run.Backup {
		p.printBackupRun(r, items)
	} else if r.Kind != run.Archive {
		p.printHead(&r, fmt.Sprintf("%s %s, %s", app.Kinds.Of(r.Kind).Title, r.ID, r.days()))
		p.printProblems(items)
	} else {
		config, _, err := p.findConfig(ctx, c, r.Config)
		if err != nil {
			return err
		}
		zone, err := calendar.LoadZone(config.Timezone)
		if err != nil {
			return err
		}
		p.printRun(r, config.Name, items, zone)
	}
	return r.exit()
}

// exit is the end of a command that carried a run out.
func (r *runView) exit() error {
	switch r.State {
	case run.Partial:
		return exitError{exitPartial}
	case run.Failed, run.Cancelled:
		return exitError{exitFailed}
	}
	return nil
}

type runItem struct {
	document
	Key     string       `json:"key"`
	Written bool         `json:"written"`
	Problem *run.Problem `json:"problem,omitempty"`
	Plan    planItem     `json:"plan"`
}

// planItem is an item of a plan as the API and "archive plan" print it.
type planItem struct {
	EventID     string               `json:"event_id"`
	Outcome     archive.Outcome      `json:"outcome"`
	Reason      string               `json:"reason"`
	By          string               `json:"by"`
	Decision    string               `json:"decision"`
	Verdict     decision.Word        `json:"verdict"`
	Appointment calendar.Appointment `json:"appointment"`
	Changes     []ledger.Change      `json:"changes"`
	Issues      []string             `json:"issues"`
}

// days says which days a run covers.
func (r *runView) days() string {
	if r.From == "" {
		return "all days"
	}
	return r.From + " to " + r.To
}

func (p *program) printRun(r runView, config string, items []runItem, zone *time.Location) {
	kind := "run"
	if r.DryRun {
		kind = "dry run"
	}
	p.printHead(&r, fmt.Sprintf("%s %s of config %s, %s", kind, r.ID, printable(config), r.days()))
	if r.Result != nil {
		p.printOtherwise(r.Result.Otherwise...)
		p.printCounts(r.Result.Counts, r.Result.Balanced)
		fmt.Fprintf(p.out, "%d written, %d failed, %s, %d for you to decide\n", r.Result.Written, r.Result.Failed,
			counted(r.Result.Overlaps, "overlap", "overlaps"), r.Result.Actions)
		if r.Result.Actions > 0 && !r.DryRun {
			fmt.Fprintf(p.out, "decide what is open with: %s\n", p.command("review --config "+quoted(config)))
		}
		for _, line := range remarks(r.Result) {
			fmt.Fprintln(p.out, line)
		}
		if t := r.Result.Cost.Traffic; t.Requests > 0 {
			fmt.Fprintf(p.out, "%s to Microsoft 365 with %d in batches, %d made again; %d to the store\n",
				counted(int(t.Requests), "request", "requests"), t.SubRequests,
				r.Result.Cost.Retries, r.Result.Cost.Store)
		}
	}
	if len(items) > 0 {
		p.printItems(items, zone)
		fmt.Fprintf(p.out, "times in %s\n", zone)
	}
	if r.Failed > 0 {
		fmt.Fprintf(p.out, "try the failed ones again with: %s\n", p.command("run retry "+r.ID))
	}
}

// remarks says in words what else a run reports.
func remarks(r *archive.Result) (lines []string) {
	if r.Adopted > 0 {
		lines = append(lines, counted(r.Adopted, "copy", "copies")+" of another ledger added to this one")
	}
	if r.LeftAside > 0 {
		lines = append(lines,
			counted(r.LeftAside, "copy", "copies")+" of another ledger left alone: the events are in the archive calendar twice, or cannot be identified")
	}
	if r.DuplicateCopies > 0 {
		lines = append(lines, fmt.Sprintf("somebody copied events of ours in the archive calendar: %s, left alone; what is not wanted can be deleted in Outlook",
			counted(r.DuplicateCopies, "copy", "copies")))
	}
	if r.Unsettled > 0 {
		lines = append(lines, fmt.Sprintf("an earlier run left %s open, not archived as this one counts; the next run settles that",
			counted(r.Unsettled, "entry", "entries")))
	}
	return lines
}

// printCounts prints the conservation table: every event in exactly one bucket.
func (p *program) printCounts(c archive.Counts, balanced bool) {
	var rows []table.Row
	for _, o := range archive.Outcomes {
		if n := *c.Of(o); n > 0 || o != archive.Created {
			rows = append(rows, table.Row{string(o), n})
		}
	}
	p.printTable(table.Row{"Bucket", "Events"}, rows)
	fmt.Fprintf(p.out, "%s: %s\n", c, map[bool]string{true: "balanced", false: "NOT BALANCED"}[balanced])
}

func (p *program) printItems(items []runItem, zone *time.Location) {
	var rows []table.Row
	subjects := map[string]string{}
	for _, it := range items {
		subjects[it.Plan.EventID] = it.Plan.Appointment.Subject
	}
	for _, it := range items {
		var notes []string
		if it.Problem != nil {
			notes = append(notes, "failed: "+it.Problem.Detail)
		}
		for _, c := range it.Plan.Changes {
			notes = append(notes, fmt.Sprintf("%s %s -> %s (%s)", c.Field, atHome(c.From, zone), atHome(c.To, zone), c.Reason))
		}
		notes = append(notes, it.Plan.Issues...)
		why := it.Plan.Reason
		if it.Plan.By != "" {
			by := it.Plan.By
			if subject := subjects[by]; subject != "" {
				by = strconv.Quote(subject)
			}
			why = strings.TrimSpace(why + " by " + by)
		}
		if it.Plan.Decision != "" {
			why += fmt.Sprintf(" (%s)", strings.TrimSpace(it.Plan.Decision+" "+string(it.Plan.Verdict)))
		}
		rows = append(rows, table.Row{when(&it.Plan.Appointment, zone), it.Plan.Appointment.Subject, string(it.Plan.Outcome), why, strings.Join(notes, "; ")})
	}
	p.printTable(table.Row{"When", "Subject", "Outcome", "Why", "Notes"}, rows)
}

// atHome is a value of a field, a time in a zone.
func atHome(value string, zone *time.Location) string {
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return t.In(zone).Format(minuteFormat)
	}
	return value
}

// printRuns prints a row for each run.
func (p *program) printRuns(ctx context.Context, c *client, runs []runView) error {
	names, err := p.configNames(ctx, c)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, r := range runs {
		sums := r.sums()
		if r.DryRun {
			sums = strings.TrimSuffix("dry run: "+sums, ": ")
		}
		rows = append(rows, table.Row{identity(r.ID), p.minute(r.Created), string(r.Kind), cmp.Or(names[r.Config], r.Calendar), r.days(), status(r.State), sums})
	}
	p.printTable(table.Row{"Run", "Created", "Kind", less("Config"), less("Period"), "State", "Result"}, rows)
	return nil
}
