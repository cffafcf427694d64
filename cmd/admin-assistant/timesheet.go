package main

import (
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/timesheet"
)

func (p *program) timesheetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "timesheet", Short: "Make of the record what customers pay",
		Long: "Make of the record what customers pay. TIMESHEET is an id, the beginning of one, or \"last\".",
	}
	cmd.AddCommand(p.timesheetCreate(), p.timesheetList(), p.timesheetShow(), p.timesheetApprove(), p.timesheetReopen(), p.timesheetLock(),
		p.timesheetInvoice(), p.timesheetSend(), p.timesheetDelete(), p.timesheetExport(), p.timesheetVerify(), p.timesheetCompute())
	return cmd
}

func (p *program) timesheetCompute() *cobra.Command {
	var entries, terms string
	cmd := &cobra.Command{
		Use: "compute", Short: "Compute a timesheet from files alone", Args: cobra.NoArgs,
		Long: "Compute a timesheet from files alone, without store, network or account: the archived items of a plan, as \"archive plan --output json\"\n" +
			"prints it, and the terms as JSON: time zone, period, customer, rates, rounding, and earlier sheets that are locked. \"-\" reads standard input.",
		Example: "  admin-assistant timesheet compute --entries plan.json --terms terms.json --output json",
		RunE: func(*cobra.Command, []string) error {
			if entries == "-" && terms == "-" {
				return usageError{errors.New("--entries and --terms cannot both be standard input")}
			}
			sheet, err := p.computeFiles(entries, terms)
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(sheet)
			}
			p.printSheet(sheet)
			return nil
		},
	}
	cmd.Flags().StringVar(&entries, "entries", "", "file with a plan: what is archived")
	cmd.Flags().StringVar(&terms, "terms", "", "file with the terms")
	p.required(cmd, "entries", "terms")
	return cmd
}

// computeFiles makes the sheet of two files.
func (p *program) computeFiles(entries, terms string) (*timesheet.Sheet, error) {
	f, err := p.read(terms)
	if err != nil {
		return nil, err
	}
	t, err := timesheet.ReadTerms(f)
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", terms, err)
	}
	if f, err = p.read(entries); err != nil {
		return nil, err
	}
	all, err := timesheet.ReadEntries(f)
	f.Close()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", entries, err)
	}
	return timesheet.Compute(all, t)
}

// printSheet prints a sheet for people.
func (p *program) printSheet(s *timesheet.Sheet) {
	var rows []table.Row
	for _, l := range s.Lines {
		note := ""
		for _, f := range l.Flags {
			note += string(f) + " "
		}
		if l.Supplements != "" {
			note += "supplement"
		}
		rows = append(rows, table.Row{
			l.Date.String(), l.Customer, l.Subject, string(l.BillingType), string(l.Kind), timesheet.Hours(l.Seconds), timesheet.Hours(l.Billed), note,
		})
	}
	p.printTable(table.Row{"Day", "Customer", "Subject", "Billing", "Kind", "Time", "Billed", ""}, rows)
	rows = nil
	for _, o := range s.Positions {
		rows = append(rows, table.Row{
			o.Customer, string(o.BillingType), string(o.Kind), timesheet.Hours(o.Seconds), timesheet.Hours(o.Billed), o.Rate, o.Amount, o.Currency,
		})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Customer", "Billing", "Kind", "Time", "Billed", "Rate", "Amount", ""}, rows)
	}
	for _, t := range s.Totals {
		fmt.Fprintf(p.out, "total %s %s\n", t.Amount, t.Currency)
	}
	fmt.Fprintf(p.out, "%s billed, %s worked", timesheet.Hours(s.Billed), timesheet.Hours(s.Worked))
	if n := len(s.LeftOut); n > 0 {
		fmt.Fprintf(p.out, ", %d left out", n)
	}
	if n := len(s.Overlaps); n > 0 {
		fmt.Fprintf(p.out, ", %s", counted(n, "pair overlaps", "pairs overlap"))
	}
	fmt.Fprintln(p.out)
}
