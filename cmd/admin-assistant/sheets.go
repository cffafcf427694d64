package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/timesheet"
)

// sheetResult is a timesheet as the API has it; Sheet is there where its lines were asked for.
type sheetResult struct {
	document
	ID         string           `json:"id"`
	Config     string           `json:"config"`
	Customer   string           `json:"customer"`
	Timezone   string           `json:"timezone"`
	From       string           `json:"from"`
	To         string           `json:"to"`
	State      string           `json:"state"`
	Hash       string           `json:"hash,omitempty"`
	Link       int              `json:"link,omitempty"`
	Head       string           `json:"head,omitempty"`
	InvoiceRef string           `json:"invoice_ref,omitempty"`
	History    []sheetChange    `json:"history"`
	Created    time.Time        `json:"created"`
	Problems   []string         `json:"problems,omitempty"`
	Issues     []sheetIssue     `json:"issues,omitempty"`
	Sheet      *timesheet.Sheet `json:"sheet,omitempty"`
}

type sheetIssue struct {
	Kind  string    `json:"kind"`
	Date  string    `json:"date"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
	Key   string    `json:"key,omitempty"`
}

type sheetChange struct {
	At           time.Time `json:"at"`
	By           string    `json:"by"`
	State        string    `json:"state"`
	Note         string    `json:"note,omitempty"`
	Acknowledged []string  `json:"acknowledged,omitempty"`
	InvoiceRef   *string   `json:"invoice_ref,omitempty"`
	Sent         *struct {
		To       string `json:"to"`
		Hash     string `json:"hash"`
		Done     bool   `json:"done"`
		Returned string `json:"returned,omitempty"`
	} `json:"sent,omitempty"`
}

const sheetsPath = "/v1/timesheets"

func (p *program) timesheetCreate() *cobra.Command {
	var body struct {
		Config   string `json:"config,omitempty"`
		Customer string `json:"customer"`
		Period   string `json:"period"`
	}
	cmd := &cobra.Command{
		Use: "create", Short: "Make a timesheet of a customer and a period", Args: cobra.NoArgs,
		Long: "Make a timesheet of a customer and a period. It is a draft, which is computed from the ledger whenever it is looked at.\n" +
			"What changed in days that are locked is on it as supplements.",
		Example: "  admin-assistant timesheet create --period \"last month\" --customer Acme",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			return p.sheet(ctx, c, request{method: http.MethodPost, path: sheetsPath, json: body})
		}),
	}
	cmd.Flags().StringVar(&body.Period, "period", "", "days in the config's zone: last month, 2026-10-01 to 2026-10-31")
	cmd.Flags().StringVar(&body.Customer, "customer", "", "name or alias of the customer")
	cmd.Flags().StringVar(&body.Config, "config", "", "id or name of the archive config; may be left out where there is only one")
	p.required(cmd, "period", "customer")
	return cmd
}

func (p *program) timesheetList() *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List timesheets, the newest first", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			head := table.Row{"Id", "Customer", "From", "To", "State", "Invoice"}
			return printList(ctx, p, c, sheetsPath, url.Values{}, most, head, func(s sheetResult) table.Row {
				return table.Row{identity(s.ID), s.Customer, s.From, s.To, status(s.State), s.InvoiceRef}
			})
		}),
	}
	cmd.Flags().IntVar(&most, "most", 50, "so many at the most; 0: all")
	return cmd
}

func (p *program) timesheetShow() *cobra.Command {
	return &cobra.Command{
		Use: "show TIMESHEET", Short: "Show a timesheet with its lines", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.sheet(ctx, c, request{method: http.MethodGet, path: sheetsPath + "/" + url.PathEscape(args[0])})
		}),
	}
}

func (p *program) timesheetApprove() *cobra.Command {
	var note string
	cmd := &cobra.Command{
		Use: "approve TIMESHEET", Short: "Freeze a draft as it is now", Args: cobra.ExactArgs(1),
		Long: "Freeze a draft as it is now. Where lines share time, or questions about the period are open, --note says why it is right all the same.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.changeSheet(ctx, c, http.MethodPost, args[0], "approve", map[string]string{"note": note})
		}),
	}
	cmd.Flags().StringVar(&note, "note", "", "why it is right to approve it although there are problems")
	return cmd
}

func (p *program) timesheetReopen() *cobra.Command {
	var reason string
	cmd := &cobra.Command{
		Use: "reopen TIMESHEET", Short: "Make an approved timesheet a draft again", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.changeSheet(ctx, c, http.MethodPost, args[0], "reopen", map[string]string{"reason": reason})
		}),
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why it becomes a draft again")
	p.required(cmd, "reason")
	return cmd
}

func (p *program) timesheetLock() *cobra.Command {
	return &cobra.Command{
		Use: "lock TIMESHEET", Short: "Lock an approved timesheet for ever, and its customer's days", Args: cobra.ExactArgs(1),
		Long: "Lock an approved timesheet for ever, and its customer's days in the archive. Nobody can take that back: what changes later is settled by the " +
			"customer's next timesheet.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.confirm(fmt.Sprintf("Timesheet %s would be locked for ever, and its days with it.", args[0])); err != nil {
				return err
			}
			return p.changeSheet(ctx, c, http.MethodPost, args[0], "lock", nil)
		}),
	}
}

func (p *program) timesheetInvoice() *cobra.Command {
	return &cobra.Command{
		Use: "invoice TIMESHEET [REFERENCE]", Short: "Note the invoice of a locked timesheet; without a reference, take that back", Args: cobra.RangeArgs(1, 2),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.changeSheet(ctx, c, http.MethodPut, args[0], "invoice", map[string]string{"invoice_ref": strings.Join(args[1:], "")})
		}),
	}
}

func (p *program) timesheetSend() *cobra.Command {
	var to string
	cmd := &cobra.Command{
		Use: "send TIMESHEET", Short: "Send an approved or locked timesheet to its customer", Args: cobra.ExactArgs(1),
		Long: "Send an approved or locked timesheet to its customer: a mail with the PDF, in the customer's language. It goes to addresses that the\n" +
			"customer's record names alone (customer edit NAME --email ADDRESS). Answers go to the address of your settings. On one machine the mail is\n" +
			"a file in the folder outbox of the data folder, to be opened with a mail program.",
		Example: "  admin-assistant timesheet send 01K... --to billing@acme.example",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.confirm(fmt.Sprintf("Timesheet %s would be sent to %s.", args[0], printable(to))); err != nil {
				return err
			}
			return p.changeSheet(ctx, c, http.MethodPost, args[0], "send", map[string]string{"to": to})
		}),
	}
	cmd.Flags().StringVar(&to, "to", "", "address of the customer")
	p.required(cmd, "to")
	return cmd
}

func (p *program) timesheetDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete TIMESHEET", Short: "Delete a draft", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: sheetsPath + "/" + url.PathEscape(args[0])}, nil); err != nil {
				return err
			}
			return p.say("deleted timesheet %s", args[0])
		}),
	}
}

// sheetFormats are formats of timesheets by what names of their files end with.
var sheetFormats = map[string]string{".pdf": "pdf", ".xlsx": "xlsx", ".csv": "csv", ".json": "json"}

func (p *program) timesheetExport() *cobra.Command {
	xero := map[string]*string{}
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "export TIMESHEET [FILE]", Short: "Export a timesheet as a file", Args: cobra.RangeArgs(1, 2),
		Long: "Export a timesheet as a file, or to standard output: pdf, xlsx, csv, json, invoice-data (what an e-invoice needs) or xero (for its import of\n" +
			"invoices). PDF and JSON of a locked one hold what proves it; whoever gets them checks them with: admin-assistant timesheet verify FILE",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			format, err := formatOf(cmd, sheetFormats, args[1:])
			if err != nil {
				return err
			}
			query := url.Values{"format": {format}}
			for name, value := range xero {
				if *value != "" {
					query.Set(name, *value)
				}
			}
			return p.save(ctx, c, request{method: http.MethodGet, path: sheetsPath + "/" + url.PathEscape(args[0]) + "/export", query: query}, args[1:])
		}),
	}
	cmd.Flags().String("format", "pdf", "pdf, xlsx, csv, json, invoice-data or xero; without it what FILE ends with")
	for name, usage := range map[string]string{
		"number": "for xero: number of the invoice", "date": "for xero: day of the invoice, as in 2026-11-02", "due": "for xero: day on which it is due",
		"account": "for xero: code of the account", "tax": "for xero: name of the tax rate",
	} {
		xero[name] = cmd.Flags().String(name, "", usage)
	}
	return cmd
}

func (p *program) timesheetVerify() *cobra.Command {
	var key string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check the PDF or JSON of a timesheet by itself, with no account and no connection", Args: cobra.ExactArgs(1),
		Long: "Check the PDF or JSON of a locked timesheet by itself, with no account and no connection. It holds if not a byte of it changed,\n" +
			"every line is in the ledger, the timesheet is a link of the ledger's chain, the sums are right, and all of it is signed.\n\n" +
			"Who signed it is for you to know: compare the key with the one that you were given by another way, or name that one with --key.",
		Example: "  admin-assistant timesheet verify timesheet-2026-10-01-2026-10-31-acme.pdf",
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return unreadable(fault.NotFound, args[0], err)
			}
			defer file.Close()
			data, err := io.ReadAll(io.LimitReader(file, timesheet.MaxFile+1))
			if err != nil {
				return err
			}
			if len(data) > timesheet.MaxFile {
				return fault.New(fault.Invalid, "a timesheet has at most %d MB", timesheet.MaxFile>>20)
			}
			v, err := timesheet.Verify(data, key)
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(v)
			}
			fmt.Fprintf(p.out, "the timesheet holds: %s, %s to %s, %s, link %d of %s\n", printable(v.ID), v.Period.From, v.Period.To,
				counted(v.Lines, "line", "lines"), v.Link,
				printable(v.Ledger))
			for _, t := range v.Totals {
				fmt.Fprintf(p.out, "total %s %s\n", t.Amount, t.Currency)
			}
			if key == "" {
				fmt.Fprintf(p.out, "signed with the key %s\ncompare it with the one that you were given by another way\n", v.Key)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "the public key that you trust")
	return cmd
}

// sheet makes a call that is answered with a timesheet and its lines, and prints it.
func (p *program) sheet(ctx context.Context, c *client, in request) error {
	var s sheetResult
	if _, err := c.do(ctx, in, &s); err != nil {
		return err
	}
	if p.output == "json" {
		return p.printJSON(s)
	}
	p.printSheet(s.Sheet)
	if err := p.printIssues(&s); err != nil {
		return err
	}
	p.printSheetHead(&s)
	return nil
}

func (p *program) changeSheet(ctx context.Context, c *client, method, id, what string, body map[string]string) error {
	in := request{method: method, path: sheetsPath + "/" + url.PathEscape(id) + "/" + what}
	if body != nil {
		in.json = body
	}
	var s sheetResult
	if _, err := c.do(ctx, in, &s); err != nil {
		return err
	}
	if p.output == "json" {
		return p.printJSON(s)
	}
	p.printSheetHead(&s)
	return nil
}

// printIssues prints what may be worth a look, as the clocks of the sheet's zone show it.
func (p *program) printIssues(s *sheetResult) error {
	zone, err := calendar.LoadZone(s.Timezone)
	if err != nil {
		return err
	}
	shown := 0
	for _, i := range s.Issues {
		if shown++; shown > shownHours {
			fmt.Fprintln(p.out, "More of them: --output json")
			break
		}
		from, to := i.Start.In(zone), i.End.In(zone)
		if i.Kind == string(timesheet.Gap) {
			fmt.Fprintf(p.out, "gap: %s %s-%s\n", i.Date, from.Format("15:04"), to.Format("15:04"))
			continue
		}
		fmt.Fprintf(p.out, "began before the period, and is not billed again: %s to %s\n", from.Format("2006-01-02 15:04"), to.Format("2006-01-02 15:04"))
	}
	return nil
}

func (p *program) printSheetHead(s *sheetResult) {
	fmt.Fprintf(p.out, "timesheet %s of %s, %s to %s: %s", s.ID, printable(s.Customer), s.From, s.To, s.State)
	if s.InvoiceRef != "" {
		fmt.Fprintf(p.out, ", invoice %s", printable(s.InvoiceRef))
	}
	fmt.Fprintln(p.out)
	if s.Hash != "" {
		fmt.Fprintf(p.out, "hash %s\n", s.Hash)
	}
	if s.Link > 0 {
		fmt.Fprintf(p.out, "locked by link %d of the ledger, %s\n", s.Link, s.Head)
	}
	for _, change := range s.History {
		if m := change.Sent; m != nil {
			fmt.Fprintf(p.out, "%s\n", sentLine(change.At, m.To, m.Done, m.Returned))
		}
	}
	for _, problem := range s.Problems {
		fmt.Fprintf(p.out, "to be acknowledged: %s\n", printable(problem))
	}
}

// sentLine says what became of a mail with a timesheet.
func sentLine(at time.Time, to string, done bool, returned string) string {
	text := "sent to " + printable(to) + " at " + minute(at)
	switch {
	case !done:
		return "perhaps " + text + ": it is not known whether the mail left"
	case returned != "":
		return text + ", and it came back: " + returned
	}
	return text
}
