package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

type auditView struct {
	document
	Seq         int            `json:"seq"`
	ID          string         `json:"id"`
	Time        time.Time      `json:"time"`
	Actor       string         `json:"actor"`
	Action      string         `json:"action"`
	Kind        string         `json:"resource_kind"`
	Resource    string         `json:"resource"`
	Outcome     string         `json:"outcome"`
	Fault       string         `json:"fault,omitempty"`
	Begun       string         `json:"begun,omitempty"`
	Duration    int64          `json:"duration_ms"`
	Correlation string         `json:"correlation_id"`
	Details     map[string]any `json:"details,omitempty"`
	Name        string         `json:"name,omitempty"`
	IP          string         `json:"ip,omitempty"`
	UserAgent   string         `json:"user_agent,omitempty"`
	Hash        string         `json:"hash"`
}

type auditReport struct {
	document
	OK      bool          `json:"ok"`
	Records int           `json:"records"`
	Erased  int           `json:"erased"`
	Count   int           `json:"count"`
	Misfits []auditMisfit `json:"misfits"`
	Head    string        `json:"head"`
	Seq     int           `json:"seq"`
}

type auditMisfit struct {
	Seq     int    `json:"seq,omitempty"`
	Last    int    `json:"last,omitempty"`
	ID      string `json:"id,omitempty"`
	Problem string `json:"problem"`
}

// auditFilter says which records are wanted, by the parameters of the API.
type auditFilter map[string]*string

func (f auditFilter) flags(flags *pflag.FlagSet) {
	for _, flag := range []struct{ name, parameter, usage string }{
		{"from", "from", "records of this day or instant and later, as in yesterday, 2026-11-02 or 2026-11-02T12:00:00Z"},
		{"to", "to", "records until the end of this day, or before this instant"},
		{"action", "action", "the action, as in run.start, or its first words, as in run"},
		{"kind", "resource_kind", "the kind of what was acted on, as in config"},
		{"resource", "resource", "the id of what was acted on"},
		{"correlation", "correlation_id", "the correlation id of a request"},
		{"outcome", "outcome", "begun, ok, refused, failed or unreadable"},
	} {
		f[flag.parameter] = flags.String(flag.name, "", flag.usage)
	}
}

// query is what is asked of the API. A day is from its beginning, and to its end.
func (f auditFilter) query(ctx context.Context, p *program, c *client) (url.Values, error) {
	query := url.Values{}
	for parameter, value := range f {
		text := *value
		if parameter == "from" || parameter == "to" {
			var err error
			if text, err = p.instant(ctx, c, parameter, text, parameter == "from"); err != nil {
				return nil, err
			}
		}
		if text != "" {
			query.Set(parameter, text)
		}
	}
	return query, nil
}

func (p *program) auditCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Read and verify the record of who did what"}
	cmd.AddCommand(p.auditList(), p.auditExport(), p.auditVerify())
	return cmd
}

func (p *program) auditList() *cobra.Command {
	filter := auditFilter{}
	var most int
	cmd := &cobra.Command{
		Use: "list", Short: "List what was done by you and for you, the newest first", Args: cobra.NoArgs,
		Example: "  admin-assistant audit list --from yesterday\n  admin-assistant audit list --action run --outcome failed",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query, err := filter.query(ctx, p, c)
			if err != nil {
				return err
			}
			head := table.Row{"Record", "Time", "Who", "Action", less("On"), "Outcome", column{"From", 3}, column{"Correlation", 4}}
			return printList(ctx, p, c, "/v1/audit", query, most, head, func(r auditView) table.Row {
				outcome := r.Outcome
				if r.Fault != "" {
					outcome += ": " + r.Fault
				}
				who := r.Name
				if who == "" {
					who = r.Actor
				}
				return table.Row{r.Seq, p.second(r.Time), who, r.Action, r.Resource, outcome, r.IP, r.Correlation}
			})
		}),
	}
	filter.flags(cmd.Flags())
	cmd.Flags().IntVar(&most, "most", 50, "so many at the most; 0: all")
	return cmd
}

func (p *program) auditExport() *cobra.Command {
	filter := auditFilter{}
	var format string
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "Export the records, the oldest first", Args: cobra.MaximumNArgs(1),
		Long: "Export the records, the oldest first, into a file, or to standard output. As json they have all that is needed to compute the chain again.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			query, err := filter.query(ctx, p, c)
			if err != nil {
				return err
			}
			query.Set("format", format)
			return p.save(ctx, c, request{method: http.MethodGet, path: "/v1/audit/export", query: query}, args)
		}),
	}
	filter.flags(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "csv", "csv or json")
	return cmd
}

func (p *program) auditVerify() *cobra.Command {
	return &cobra.Command{
		Use: "verify", Short: "Recompute the hash chain of your records, and name what does not fit", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var report auditReport
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/audit/verify"}, &report); err != nil {
				return err
			}
			var err error
			switch {
			case p.output == "json":
				err = p.printJSON(report)
			case report.OK:
				_, err = fmt.Fprintf(p.out, "the audit log holds: %s, head %s of record %d\n", counted(report.Records, "record", "records"), report.Head, report.Seq)
			default:
				_, err = fmt.Fprintf(p.out, "THE AUDIT LOG DOES NOT HOLD: %s\n", counted(report.Count, "misfit", "misfits"))
				for _, m := range report.Misfits {
					if err == nil {
						_, err = fmt.Fprintln(p.out, m)
					}
				}
			}
			if err == nil && !report.OK {
				err = exitError{exitFailed}
			}
			return err
		}),
	}
}

// String describes a misfit: "records 3 to 5: missing".
func (m auditMisfit) String() string {
	what := "the record " + printable(m.ID)
	switch {
	case m.Last > m.Seq:
		what = fmt.Sprintf("records %d to %d", m.Seq, m.Last)
	case m.Seq > 0:
		what = fmt.Sprintf("record %d", m.Seq)
	case m.ID == "":
		what = "the log"
	}
	return what + ": " + m.Problem
}
