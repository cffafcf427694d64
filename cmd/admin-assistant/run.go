package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/spf13/cobra"

	"adminassistant/shared/run"
)

func (p *program) runCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "run", Short: "List, watch and cancel runs", Long: "List, watch and cancel runs. RUN is an id, the beginning of one, or \"last\".",
	}
	cmd.AddCommand(p.runList(), p.runShow(), p.runItems(), p.runWatch(), p.runCancel(), p.archiveRetry())
	return cmd
}

func runPath(id string) string { return "/v1/runs/" + url.PathEscape(id) }

func (p *program) runList() *cobra.Command {
	var filter struct{ config, kind, state, since string }
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List runs, the newest first", Args: cobra.NoArgs,
		Example: "  admin-assistant run list --since yesterday\n  admin-assistant run list --config work --state failed",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			since, err := p.instant(ctx, c, "since", filter.since, true)
			if err != nil {
				return err
			}
			query := given(map[string]string{"config": filter.config, "kind": filter.kind, "state": filter.state, "since": since})
			found, err := some[runView](ctx, c, runs.path, query, most)
			if err != nil {
				return err
			}
			if p.output == "json" {
				return printListed(p, found)
			}
			if err := p.printRuns(ctx, c, found.items); err != nil {
				return err
			}
			return p.printMore(found.next)
		}),
	}
	cmd.Flags().StringVar(&filter.config, "config", "", "only runs of this archive config")
	cmd.Flags().StringVar(&filter.kind, "kind", "", "only runs of this kind, as in archive or backup")
	cmd.Flags().StringVar(&filter.state, "state", "", "only runs that are queued, running, succeeded, partial, failed or cancelled")
	cmd.Flags().StringVar(&filter.since, "since", "", `only runs of this day or instant and later, as in "yesterday" or 2026-11-02T12:00:00Z`)
	cmd.Flags().IntVar(&most, "most", 20, "so many at the most; 0: all")
	return cmd
}

// readRun returns the run of an id.
func readRun(ctx context.Context, c *client, id string) (r runView, err error) {
	_, err = c.do(ctx, request{method: http.MethodGet, path: runPath(id)}, &r)
	return r, err
}

func (p *program) runShow() *cobra.Command {
	return &cobra.Command{
		Use: "show RUN", Short: "Show a run with what became of each event", Args: cobra.ExactArgs(1),
		Long: "Show a run with what became of each event. For programs it prints the run; its events are those of \"run items\".",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			r, err := readRun(ctx, c, args[0])
			if err != nil {
				return err
			}
			var exit exitError
			if err := p.showRun(ctx, c, r, true); err != nil && !errors.As(err, &exit) {
				return err
			}
			return nil // showing a failed run is no failure
		}),
	}
}

func (p *program) runItems() *cobra.Command {
	var outcome string
	var failed bool
	var most int
	cmd := &cobra.Command{
		Use: "items RUN", Short: "List what became of each event of a run", Args: cobra.ExactArgs(1),
		Example: "  admin-assistant run items last --failed\n  admin-assistant run items last --output csv --fields key,plan.outcome,plan.appointment.subject",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			r, err := readRun(ctx, c, args[0])
			if err != nil {
				return err
			}
			query := given(map[string]string{"outcome": outcome})
			if failed {
				query.Set("failed", "true")
			}
			found, err := some[runItem](ctx, c, runPath(r.ID)+"/items", query, most)
			if err != nil {
				return err
			}
			if p.output == "json" {
				return printListed(p, found)
			}
			zone, err := p.zoneOf(ctx, c, &r)
			if err != nil {
				return err
			}
			p.printItems(found.items, zone)
			if err := p.printMore(found.next); err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.out, "%s, times in %s\n", counted(len(found.items), "item", "items"), zone)
			return err
		}),
	}
	cmd.Flags().StringVar(&outcome, "outcome", "", "only items with this outcome, as in archived or excluded")
	cmd.Flags().BoolVar(&failed, "failed", false, "only items that failed")
	cmd.Flags().IntVar(&most, "most", 0, "so many at the most; 0: all")
	return cmd
}

func (p *program) runWatch() *cobra.Command {
	return &cobra.Command{
		Use: "watch RUN", Short: "Follow a run to its end, and show what it came to", Args: cobra.ExactArgs(1),
		Long: "Follow a run to its end, and show what it came to. Ctrl-C ends the watching; a run that a server carries out goes on. With --local this command\n" +
			"carries the run out itself. The exit code is 0 when all went well, 3 when some events failed, 1 when the run failed or was cancelled.",
		Example: "  admin-assistant run watch last",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			r, err := readRun(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.toItsEnd(ctx, c, &r); err != nil {
				return err
			}
			return p.showRun(ctx, c, r, false)
		}),
	}
}

func (p *program) runCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel RUN", Short: "Cancel a run that has not ended", Args: cobra.ExactArgs(1),
		Long: "Cancel a run that has not ended. What it has written so far stays and is recorded; undo takes it back.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var r runView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: runPath(args[0]) + "/cancel"}, &r); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(r)
			}
			if r.State == run.Cancelled {
				return p.say("run %s is cancelled", r.ID)
			}
			_, err := fmt.Fprintf(p.out, "run %s is told to stop, and is %s until it has; see: %s\n", r.ID, r.State, p.command("run watch "+r.ID))
			return err
		}),
	}
}
