package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/ledger"
)

type entryView struct {
	Key         string               `json:"key"`
	Version     int                  `json:"version"`
	Outcome     ledger.Outcome       `json:"outcome"`
	Reason      string               `json:"reason,omitempty"`
	By          string               `json:"by,omitempty"`
	State       ledger.State         `json:"state"`
	Failure     string               `json:"failure,omitempty"`
	Hash        string               `json:"hash"`
	Appointment calendar.Appointment `json:"appointment"`
	Changes     []ledger.Change      `json:"changes"`
	EventID     string               `json:"event_id"`
	CopyID      string               `json:"copy_id,omitempty"`
	Run         string               `json:"run"`
	Time        time.Time            `json:"time"`
	Actor       string               `json:"actor"`
}

func (p *program) ledgerCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "ledger", Short: "Read and verify the record of what was archived"}
	cmd.AddCommand(p.ledgerDay(), p.ledgerHistory(), p.ledgerVerify())
	return cmd
}

// entries reads a list of ledger entries and prints it.
func (p *program) entries(cmd *cobra.Command, config, path string, query url.Values) error {
	c, err := p.api()
	if err != nil {
		return err
	}
	v, _, err := p.findConfig(cmd.Context(), c, config)
	if err != nil {
		return err
	}
	entries, err := all[entryView](cmd.Context(), c, "/v1/ledger/"+v.ID+path, query, 0)
	if err != nil || p.output == "json" {
		return errors.Join(err, p.jsonUnless(err, entries))
	}
	zone, err := calendar.LoadZone(v.Timezone)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, e := range entries {
		a := &e.Appointment
		why := e.Reason
		if e.By != "" {
			why += " by " + e.By
		}
		rows = append(rows, table.Row{when(a, zone), a.Subject, a.Customer, string(a.BillingType), string(a.Sensitivity), string(e.Outcome), why,
			e.Version, e.Time.In(zone).Format("2006-01-02 15:04"), e.Key})
	}
	p.printTable(table.Row{"When", "Subject", "Customer", "Billing", "Sensitivity", "Outcome", "Why", "Version", "Recorded", "Key"}, rows)
	_, err = fmt.Fprintf(p.out, "%d entries, times in %s\n", len(entries), v.Timezone)
	return err
}

func (p *program) ledgerDay() *cobra.Command {
	var config, asOf string
	cmd := &cobra.Command{
		Use: "day DAY", Short: "Show a day as the ledger has it", Args: cobra.ExactArgs(1),
		Long: "Show a day as the ledger has it, or with --as-of had it at an instant.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.entries(cmd, config, "/days/"+url.PathEscape(args[0]), given(map[string]string{"as_of": asOf}))
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar(&asOf, "as-of", "", "instant, as in 2026-11-02T12:00:00Z")
	required(cmd, "config")
	return cmd
}

func (p *program) ledgerHistory() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "history KEY", Short: "Show all versions of an appointment, the oldest first", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.entries(cmd, config, "/history", url.Values{"key": {args[0]}})
		},
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	required(cmd, "config")
	return cmd
}

func (p *program) ledgerVerify() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "verify", Short: "Recompute the ledger's hash chain, and name the first entry that does not fit", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			var report ledger.Report
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/ledger/" + v.ID + "/verify"}, &report); err != nil {
				return err
			}
			if p.output == "json" {
				err = p.printJSON(report)
			} else if report.OK {
				_, err = fmt.Fprintf(p.out, "the ledger holds: %d entries of %d runs, head %s\n", report.Entries, report.Links, report.Head)
			} else {
				_, err = fmt.Fprintf(p.out, "THE LEDGER DOES NOT HOLD: %d misfits; the first: %s\n", report.Misfits, misfit(report.First))
			}
			if err == nil && !report.OK {
				err = exitError{exitFailed}
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	required(cmd, "config")
	return cmd
}

func misfit(m *ledger.Misfit) string {
	what := fmt.Sprintf("link %d of run %s", m.Seq, m.Run)
	if m.Entry != "" {
		what = fmt.Sprintf("entry %s of run %s", printable(m.Entry), m.Run)
	}
	return what + ": " + m.Problem
}
