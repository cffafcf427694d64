package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/fault"
)

type flagView struct {
	Name    string     `json:"name"`
	What    string     `json:"what"`
	State   string     `json:"state"`
	Percent float64    `json:"percent,omitempty"`
	Allow   []string   `json:"allow"`
	Deny    []string   `json:"deny"`
	Owner   string     `json:"owner"`
	Since   string     `json:"since"`
	Old     bool       `json:"old"`
	By      string     `json:"by,omitempty"`
	At      *time.Time `json:"at,omitempty"`
}

// adminCommand has what the administrators of an organisation decide for all of its users.
func (p *program) adminCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "admin", Short: "Decide for all users of your organisation, as its administrator"}
	flags := &cobra.Command{Use: "flag", Short: "Switch behaviour on and off, for all users or some"}
	flags.AddCommand(p.flagList(), p.flagSet())
	cmd.AddCommand(flags, p.tenantCommand())
	return cmd
}

func (p *program) flagList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the flags", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var answer struct {
				document
				Flags []flagView `json:"flags"`
			}
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/flags"}, &answer); err != nil {
				return err
			}
			return p.showFlags(answer.Flags, answer)
		}),
	}
}

func (p *program) showFlags(flags []flagView, all any) error {
	if p.output == "json" {
		return p.printJSON(all)
	}
	var rows []table.Row
	for _, f := range flags {
		state, note := f.State, ""
		if state == "percent" {
			state = strconv.FormatFloat(f.Percent, 'f', -1, 64) + " %"
		}
		if f.Old {
			note = "older than 180 days: decide it for good"
		}
		rows = append(rows, table.Row{f.Name, state, len(f.Allow), len(f.Deny), f.Since, f.What, note})
	}
	p.printTable(table.Row{"Name", "State", "Allowed", "Denied", "Since", "What", ""}, rows)
	return nil
}

func (p *program) flagSet() *cobra.Command {
	var allow, deny []string
	cmd := &cobra.Command{
		Use: "set NAME off|on|shadow|PERCENT%", Short: "Switch a flag off, on, or on for a share of the users", Args: cobra.ExactArgs(2),
		Long: "Switch a flag off, on, or on for a share of the users, as in 2.5%. Who is in a share stays in it when it grows. With shadow it is " +
			"off, and runs tell in their result what it would change. It takes effect within 30 seconds; --allow and --deny name " +
			"users by their object ids, and replace those that were named before.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			body := map[string]any{"state": args[1]}
			if share, ok := strings.CutSuffix(args[1], "%"); ok {
				percent, err := strconv.ParseFloat(strings.TrimSpace(share), 64)
				if err != nil {
					return fault.Field("percent", "%.20q is no share; give one as in 2.5%%", args[1])
				}
				body["state"], body["percent"] = "percent", percent
			}
			if allow != nil {
				body["allow"] = allow
			}
			if deny != nil {
				body["deny"] = deny
			}
			var set flagView
			if _, err := c.do(ctx, request{method: http.MethodPut, path: "/v1/flags/" + url.PathEscape(args[0]), json: body}, &set); err != nil {
				return err
			}
			return p.showFlags([]flagView{set}, set)
		}),
	}
	cmd.Flags().StringSliceVar(&allow, "allow", nil, "users for whom it is on, whatever the state says")
	cmd.Flags().StringSliceVar(&deny, "deny", nil, "users for whom it is off, whatever else says that it is on")
	return cmd
}
