package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/app"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// undoStart is how an undo is asked for.
type undoStart struct {
	PlanHash string `json:"plan_hash,omitempty"`
	Cascade  bool   `json:"cascade,omitempty"`
	Force    bool   `json:"force,omitempty"`
	DryRun   bool   `json:"dry_run,omitempty"`
}

func (p *program) undoCommand() *cobra.Command {
	var start undoStart
	var dryRun bool
	var config string
	cmd := &cobra.Command{
		Use: "undo RUN|last", Short: "Take back what a run wrote", Args: cobra.ExactArgs(1),
		Long: "Take back what a run wrote, and show before what that comes to. Every appointment becomes what it was before the run; what the run created goes.\n" +
			"What a later run or somebody in the calendar changed since is left as it is, and named. An undo is a run, which can be undone like any other.\n" +
			"\"last\" is the newest of your runs that wrote something.\n" +
			"The exit code is 0 when all was undone, 3 when some of it was left as it is or failed, 1 when nothing could be done.",
		Example: `  admin-assistant undo 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --dry-run
  admin-assistant undo last --config work`,
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			id, err := args[0], error(nil)
			if id == "last" {
				if id, err = lastWritten(ctx, c, config); err != nil {
					return err
				}
			}
			path := "/v1/runs/" + url.PathEscape(id) + "/undo"
			start.DryRun = true
			r, err := p.follow(ctx, c, request{method: http.MethodPost, path: path, json: start})
			switch {
			case err != nil:
				return err
			case dryRun || r.State != run.Succeeded:
				return p.showUndo(ctx, c, r, true)
			}
			if p.output != "json" && !p.yes {
				if err := p.printUndo(ctx, c, &r, true); err != nil {
					return err
				}
			}
			if err := p.confirm(fmt.Sprintf("This undoes %d of %d.", r.Undo.Counts.Undone, r.Undo.Counts.Participants)); err != nil {
				return err
			}
			start.DryRun, start.PlanHash = false, r.Undo.PlanHash
			if r, err = p.follow(ctx, c, request{method: http.MethodPost, path: path, json: start}); err != nil {
				return err
			}
			return p.showUndo(ctx, c, r, false)
		}),
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would happen, and write nothing")
	cmd.Flags().StringVar(&config, "config", "", `the archive config whose last run is meant by "last"`)
	cmd.Flags().BoolVar(&start.Cascade, "cascade", false, "undo also the later runs that stand in the way, first")
	cmd.Flags().BoolVar(&start.Force, "force", false, "undo also what was changed in the calendar since")
	return cmd
}

// recent is how many runs are looked through for the last one that wrote something.
const recent = 200

// lastWritten is the id of the newest run that wrote something and can be undone, of a config or of all.
func lastWritten(ctx context.Context, c *client, config string) (string, error) {
	runs, err := all[runView](ctx, c, "/v1/runs", given(map[string]string{"config": config}), recent)
	if err != nil {
		return "", err
	}
	for i := range runs {
		r := &runs[i]
		kind := app.Kinds.Of(r.Kind)
		if !r.DryRun && r.State.Ended() && (kind.Undo != "" || r.Kind == run.Undo) && r.wrote() > 0 {
			return r.ID, nil
		}
	}
	return "", errors.New("none of your last runs wrote anything that could be undone; see: admin-assistant run list")
}

// zoneOf is the time zone in which the appointments of a run are shown: that of its config, or the user's.
func (p *program) zoneOf(ctx context.Context, c *client, r *runView) (*time.Location, error) {
	if r.Config == "" {
		return userZone(ctx, c)
	}
	config, _, err := p.findConfig(ctx, c, r.Config)
	if err != nil {
		return nil, err
	}
	return calendar.LoadZone(config.Timezone)
}

// leftOver is the end of a command of whose items some were left as they are.
func leftOver(c *undo.Totals) error {
	if c.Skipped > 0 || c.Failed > 0 {
		return exitError{exitPartial}
	}
	return nil
}

// steps are what undoing does, in words.
var steps = map[undo.Step]string{
	undo.Removes: "removed", undo.Changes: "back to what it was", undo.Creates: "brought back", undo.Records: "in the ledger alone", undo.Gone: "gone already",
	undo.Nothing: "left as it is",
}

func (p *program) printUndoItems(items []undo.Item, zone *time.Location) {
	var rows []table.Row
	for i := range items {
		it := &items[i]
		does := steps[it.Does]
		if it.Becomes != nil && it.Does == undo.Changes {
			does += ": " + became(&it.Appointment, it.Becomes, zone)
		}
		rows = append(rows, table.Row{when(&it.Appointment, zone), it.Appointment.Subject, does, string(it.Reason), it.Detail})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"When", "Subject", "Becomes", "Reason", ""}, rows)
	}
}

// became says what of an appointment is another when it is what it was before.
func became(now, then *calendar.Appointment, zone *time.Location) string {
	var parts []string
	if now.Subject != then.Subject {
		parts = append(parts, fmt.Sprintf("%q", then.Subject))
	}
	if !now.Start.Equal(then.Start) || !now.End.Equal(then.End) {
		parts = append(parts, when(then, zone))
	}
	if a, b := strings.Join(now.Categories, ", "), strings.Join(then.Categories, ", "); a != b {
		parts = append(parts, b)
	}
	if len(parts) == 0 {
		return "its details"
	}
	return strings.Join(parts, "; ")
}

func (p *program) printUndoHours(hours []undo.CustomerHours) {
	var rows []table.Row
	for _, h := range hours {
		if h.Before == h.After {
			continue
		}
		customer := h.Customer
		if customer == "" {
			customer = "(no customer)"
		}
		rows = append(rows, table.Row{customer, hoursOf(h.Before), hoursOf(h.After)})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Customer", "Before", "After"}, rows)
	}
}

// hoursOf writes seconds as hours and minutes.
func hoursOf(seconds int64) string { return fmt.Sprintf("%d:%02d h", seconds/3600, seconds/60%60) }

// undoneItem is an item of an undo run.
type undoneItem struct {
	Key     string       `json:"key"`
	Written bool         `json:"written"`
	Problem *run.Problem `json:"problem,omitempty"`
	Plan    undo.Item    `json:"plan"`
}

// undoneItems reads what became of what was to be undone: what was left as it is or failed or, with details, everything.
func (p *program) undoneItems(ctx context.Context, c *client, r *runView, details bool) (items []undoneItem, err error) {
	queries := []url.Values{{"outcome": {string(undo.Skipped)}}, {"failed": {"true"}}}
	if details {
		queries = []url.Values{nil}
	} else if r.Undo == nil || r.Undo.Counts.Skipped+r.Undo.Counts.Failed == 0 {
		queries = nil
	}
	for _, query := range queries {
		some, err := all[undoneItem](ctx, c, "/v1/runs/"+r.ID+"/items", query, 0)
		if err != nil {
			return nil, err
		}
		items = append(items, some...)
	}
	return items, nil
}

// showUndo prints an undo run that has ended, or what it would do.
func (p *program) showUndo(ctx context.Context, c *client, r runView, details bool) error {
	if p.output == "json" {
		if err := p.printJSON(r); err != nil {
			return err
		}
	} else if err := p.printUndo(ctx, c, &r, details); err != nil {
		return err
	}
	return r.undoExit()
}

func (p *program) printUndo(ctx context.Context, c *client, r *runView, details bool) error {
	items, err := p.undoneItems(ctx, c, r, details)
	if err != nil {
		return err
	}
	zone, err := p.zoneOf(ctx, c, r)
	if err != nil {
		return err
	}
	kind := "undo"
	if r.DryRun {
		kind = "preview of undo"
	}
	p.printHead(r, fmt.Sprintf("%s %s", kind, r.ID))
	plans := make([]undo.Item, len(items))
	for i := range items {
		plans[i] = items[i].Plan
		if problem := items[i].Problem; problem != nil {
			plans[i].Does, plans[i].Detail = undo.Nothing, "failed: "+problem.Detail
		}
	}
	p.printUndoItems(plans, zone)
	u := r.Undo
	if u == nil {
		return nil
	}
	fmt.Fprintf(p.out, "of %s: %d in all, %s\n", strings.Join(u.Runs, ", then of "), u.Counts.Participants, &u.Counts)
	p.printUndoHours(u.Hours)
	if len(u.Later) > 0 {
		fmt.Fprintf(p.out, "later runs stand in the way: %s; with --cascade they are undone first\n", strings.Join(u.Later, ", "))
	}
	if !r.DryRun && (r.State == run.Succeeded || r.State == run.Partial) {
		fmt.Fprintf(p.out, "%s written; take that back with: %s\n", counted(u.Written, "event", "events"), p.command("undo "+r.ID))
	}
	return nil
}

// undoExit is the end of a command that undid a run.
func (r *runView) undoExit() error {
	if err := r.exit(); err != nil || r.Undo == nil {
		return err
	}
	return leftOver(&r.Undo.Counts)
}
