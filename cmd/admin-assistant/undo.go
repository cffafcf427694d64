package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// undoStart is how an undo is asked for.
type undoStart struct {
	PlanHash string `json:"plan_hash,omitempty"`
	Cascade  bool   `json:"cascade,omitempty"`
	Force    bool   `json:"force,omitempty"`
}

func (p *program) undoCommand() *cobra.Command {
	var start undoStart
	var dryRun bool
	cmd := &cobra.Command{
		Use: "undo RUN", Short: "Take back what a run wrote", Args: cobra.ExactArgs(1),
		Long: "Take back what a run wrote, and show before what that comes to. Every appointment becomes what it was before the run; what the run created goes.\n" +
			"What a later run or somebody in the calendar changed since is left as it is, and named. An undo is a run, which can be undone like any other.\n" +
			"The exit code is 0 when all was undone, 3 when some of it was left as it is or failed, 1 when nothing could be done.",
		Example: `  admin-assistant undo 01KBA3ZQ2J8V5T1G7N9W4X6Y0D --dry-run`,
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var of runView
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/runs/" + url.PathEscape(args[0])}, &of); err != nil {
				return err
			}
			zone, err := p.zoneOf(ctx, c, &of)
			if err != nil {
				return err
			}
			path := "/v1/runs/" + of.ID + "/undo"
			var plan undo.Plan
			if _, err := c.do(ctx, request{method: http.MethodPost, path: path + "?preview=true", json: start}, &plan); err != nil {
				return err
			}
			if dryRun {
				if p.output == "json" {
					if err := p.printJSON(plan); err != nil {
						return err
					}
				} else {
					p.printUndoPlan(&plan, zone)
				}
				return leftOver(&plan.Counts)
			}
			if p.output != "json" && !p.yes {
				p.printUndoPlan(&plan, zone)
			}
			if err := p.confirm(fmt.Sprintf("This undoes %d of %d.", plan.Counts.Undone, plan.Counts.Participants)); err != nil {
				return err
			}
			start.PlanHash = plan.Hash
			r, err := p.follow(ctx, c, request{method: http.MethodPost, path: path, json: start})
			if err != nil {
				return err
			}
			return p.showUndo(ctx, c, r, false)
		}),
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would happen, and write nothing")
	cmd.Flags().BoolVar(&start.Cascade, "cascade", false, "undo also the later runs that stand in the way, first")
	cmd.Flags().BoolVar(&start.Force, "force", false, "undo also what was changed in the calendar since")
	return cmd
}

// zoneOf is the time zone in which the appointments of a run are shown: that of its config, or UTC.
func (p *program) zoneOf(ctx context.Context, c *client, r *runView) (*time.Location, error) {
	if r.Config == "" {
		return time.UTC, nil
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

func (p *program) printUndoPlan(plan *undo.Plan, zone *time.Location) {
	fmt.Fprintf(p.out, "undo of %s\n", strings.Join(plan.Runs, ", then of "))
	p.printUndoItems(plan.Items, zone)
	if plan.More > 0 {
		fmt.Fprintf(p.out, "and %d others\n", plan.More)
	}
	fmt.Fprintf(p.out, "%d in all: %s\n", plan.Counts.Participants, &plan.Counts)
	p.printUndoHours(plan.Hours)
	if len(plan.Later) > 0 {
		fmt.Fprintf(p.out, "later runs stand in the way: %s; with --cascade they are undone first\n", strings.Join(plan.Later, ", "))
	}
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

// showUndo prints an undo run that has ended, with what was left as it is or failed or, with details, everything.
func (p *program) showUndo(ctx context.Context, c *client, r runView, details bool) error {
	var items []undoneItem
	queries := []url.Values{{"outcome": {string(undo.Skipped)}}, {"failed": {"true"}}}
	if details {
		queries = []url.Values{nil}
	} else if r.Undo == nil || r.Undo.Counts.Skipped+r.Undo.Counts.Failed == 0 {
		queries = nil
	}
	for _, query := range queries {
		some, err := all[undoneItem](ctx, c, "/v1/runs/"+r.ID+"/items", query, 0)
		if err != nil {
			return err
		}
		items = append(items, some...)
	}
	if p.output == "json" {
		err := p.printJSON(struct {
			runView
			Items []undoneItem `json:"items,omitempty"`
		}{r, items})
		if err != nil {
			return err
		}
		return r.undoExit()
	}
	zone, err := p.zoneOf(ctx, c, &r)
	if err != nil {
		return err
	}
	p.printHead(&r, fmt.Sprintf("undo %s", r.ID))
	plans := make([]undo.Item, len(items))
	for i := range items {
		plans[i] = items[i].Plan
		if problem := items[i].Problem; problem != nil {
			plans[i].Does, plans[i].Detail = undo.Nothing, "failed: "+problem.Detail
		}
	}
	p.printUndoItems(plans, zone)
	if u := r.Undo; u != nil {
		fmt.Fprintf(p.out, "of %s: %d in all, %s; %d written\n", strings.Join(u.Runs, ", "), u.Counts.Participants, &u.Counts, u.Written)
		p.printUndoHours(u.Hours)
	}
	if r.State == run.Succeeded || r.State == run.Partial {
		fmt.Fprintf(p.out, "take that back with: admin-assistant undo %s\n", r.ID)
	}
	return r.undoExit()
}

// undoExit is the end of a command that undid a run.
func (r *runView) undoExit() error {
	if err := r.exit(); err != nil || r.Undo == nil {
		return err
	}
	return leftOver(&r.Undo.Counts)
}
