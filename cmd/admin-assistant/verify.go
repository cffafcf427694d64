package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

func (p *program) verifyCommand() *cobra.Command {
	var config, period string
	var noWait bool
	cmd := &cobra.Command{
		Use: "verify", Short: "Compare the archive calendar with the ledger, and the ledger with its chain", Args: cobra.NoArgs,
		Long: "Compare the archive calendar with the ledger, and the ledger with all that was sealed of it. Nothing is written.\n" +
			"The exit code is 0 when nothing differs, 3 when something does, 1 when it failed or the ledger is not what was written.",
		Example: "  admin-assistant verify --config work\n" +
			"  admin-assistant verify --config work --period \"last month\"",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			return p.carryOut(ctx, request{
				method: http.MethodPost, path: "/v1/archive-configs/" + url.PathEscape(v.ID) + "/verify", json: map[string]string{"period": period},
			}, noWait)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "archive config, by name or id")
	cmd.Flags().StringVar(&period, "period", "", `days, as in "last month", "2026-10-01 to 2026-10-31" (default: all)`)
	cmd.Flags().BoolVar(&noWait, "no-wait", false, "do not wait until the run has ended")
	required(cmd, "config")
	return cmd
}

// foundItem is an item of a verify or repair run.
type foundItem struct {
	Key     string          `json:"key"`
	Written bool            `json:"written"`
	Problem *run.Problem    `json:"problem,omitempty"`
	Plan    archive.Finding `json:"plan"`
}

// findings reads what a run found.
func (p *program) findings(ctx context.Context, c *client, r *runView) (items []foundItem, zone *time.Location, name string, err error) {
	config, _, err := p.findConfig(ctx, c, r.Config)
	if err != nil {
		return nil, nil, "", err
	}
	if zone, err = calendar.LoadZone(config.Timezone); err != nil {
		return nil, nil, "", err
	}
	if r.State.Ended() {
		items, err = all[foundItem](ctx, c, "/v1/runs/"+r.ID+"/items", nil, 0)
	}
	return items, zone, config.Name, err
}

// showVerified prints what a verify run found.
func (p *program) showVerified(ctx context.Context, c *client, r runView) error {
	items, zone, name, err := p.findings(ctx, c, &r)
	if err != nil {
		return err
	}
	if p.output == "json" {
		err := p.printJSON(struct {
			runView
			Items []foundItem `json:"items"`
		}{r, slices.Concat([]foundItem{}, items)})
		if err != nil {
			return err
		}
		return r.exit()
	}
	p.printHead(&r, fmt.Sprintf("verify %s of config %s, %s", r.ID, printable(name), r.days()))
	if v := r.Verify; v != nil {
		p.printVerify(v)
		p.printFindings(items, zone)
		if v.NotListed > 0 {
			fmt.Fprintf(p.out, "and %d more\n", v.NotListed)
		}
		p.printTraffic(v.Cost)
		if r.State == run.Partial {
			p.printWhatHelps(&v.View, r.Config, name, r.From, r.To)
		}
	}
	return r.exit()
}

// printVerify prints the three things that a verify run looks at, a line each.
func (p *program) printVerify(v *archive.VerifyResult) {
	chain := fmt.Sprintf("holds: %s in %s", counted(v.Chain.Entries, "entry", "entries"), counted(v.Chain.Links, "link", "links"))
	switch {
	case !v.Chain.OK && v.Chain.First != nil:
		chain = "DOES NOT HOLD: " + misfit(v.Chain.First)
	case !v.Chain.OK:
		chain = "DOES NOT HOLD"
	}
	fmt.Fprintf(p.out, "chain        %s\n", chain)
	if !v.Chain.OK {
		fmt.Fprintln(p.out, "the archive calendar is not compared with such a ledger, and nothing is repaired from it")
		return
	}
	books := "adds up: " + counted(v.Bookkeeping.Runs, "run", "runs")
	if n := v.Bookkeeping.Problems; n > 0 {
		books = "DOES NOT ADD UP: " + counted(n, "run", "runs")
	}
	if v.Chain.Unfinished != "" {
		books += "; run " + v.Chain.Unfinished + " was interrupted, the next run finishes what it left"
	}
	fmt.Fprintf(p.out, "bookkeeping  %s\n", books)
	for _, wrong := range v.Bookkeeping.Wrong {
		fmt.Fprintf(p.out, "             %s\n", printable(wrong))
	}
	fmt.Fprintf(p.out, "calendar     %s\n", viewLine(&v.View))
	if v.View.Missing > 0 && v.View.Retention() {
		fmt.Fprintln(p.out, "             a retention policy or AutoArchive of the mailbox is the likely cause of what is missing")
	}
}

// viewLine says how the archive calendar compares.
func viewLine(v *archive.CopyCounts) string {
	if v.CalendarMissing {
		return "IS GONE, though the ledger holds appointments in it"
	}
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{
		{v.Missing, "missing"}, {v.Altered, "altered"}, {v.DuplicateCopies, "duplicates"}, {v.OrphanCopies, "orphans"}, {v.Foreign, "foreign"},
		{v.Unsettled, "unsettled"}, {v.Unread, "not shown by the provider"},
	} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if v.UnreadDays > 0 {
		parts = append(parts, counted(v.UnreadDays, "day that cannot be read", "days that cannot be read"))
	}
	if len(parts) == 0 {
		parts = []string{"nothing differs"}
	}
	return counted(v.Compared, "copy", "copies") + " compared: " + strings.Join(parts, ", ")
}

// printFindings prints a row for each finding, and one for each field of it that differs.
func (p *program) printFindings(items []foundItem, zone *time.Location) {
	var rows []table.Row
	for i := range items {
		f := &items[i].Plan
		what := string(f.Outcome)
		if f.Done != "" {
			what += ": " + string(f.Done)
		}
		notes := []string{}
		for _, note := range []string{f.Detail, f.Reason} {
			if note != "" {
				notes = append(notes, note)
			}
		}
		if it := items[i].Problem; it != nil {
			notes = append(notes, "failed: "+it.Detail)
		}
		rows = append(rows, table.Row{when(&f.Appointment, zone), clipped(f.Appointment.Subject), what, strings.Join(notes, "; ")})
		for _, d := range f.Differences {
			rows = append(rows, table.Row{"", "  " + d.Field, "", inZone(d.Ledger, zone) + " -> " + inZone(d.Calendar, zone)})
		}
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"When", "Subject", "What", "Ledger -> calendar"}, rows)
	}
}

// shownSubject is how many characters of a subject are shown, so that a row with both values fits.
const shownSubject = 24

func clipped(s string) string {
	if runes := []rune(s); len(runes) > shownSubject {
		return string(runes[:shownSubject-1]) + "…"
	}
	return s
}

// inZone is a field's value with instants as the clocks of a zone show them.
func inZone(s string, zone *time.Location) string {
	if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
		return t.In(zone).Format("01-02 15:04")
	}
	if s == "" {
		return `""`
	}
	return clipped(s)
}

func (p *program) printTraffic(cost run.Cost) {
	if t := cost.Traffic; t.Requests > 0 {
		fmt.Fprintf(p.out, "%d requests to Microsoft 365, %d made again; %d to the store\n", t.Requests, cost.Retries, cost.Store)
	}
}

// printWhatHelps says what can be done about findings.
func (p *program) printWhatHelps(v *archive.CopyCounts, id, name, from, to string) {
	if v.CalendarMissing {
		fmt.Fprintln(p.out, "bring the calendar back in Outlook from the deleted items, or create an empty one and repair")
	}
}
