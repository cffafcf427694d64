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
)

type actionView struct {
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	State   string `json:"state"`
	Subject struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"subject"`
	Detail  string         `json:"detail"`
	Since   time.Time      `json:"since"`
	History []actionChange `json:"history"`
	Created time.Time      `json:"created"`
	Updated time.Time      `json:"updated"`
}

type actionChange struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	You   bool      `json:"you"`
	Why   string    `json:"why,omitempty"`
}

func (p *program) actionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "action", Short: "See to what needs you"}
	cmd.AddCommand(p.actionList(), p.actionShow(), p.actionEnd("dismiss", "Say that an action does not matter"),
		p.actionEnd("resolve", "Say that what an action is about is settled"))
	return cmd
}

func (p *program) actionList() *cobra.Command {
	var state, kind string
	cmd := &cobra.Command{
		Use: "list", Short: "List actions, the newest first", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := url.Values{}
			if state != "all" {
				query.Set("state", state)
			}
			if kind != "" {
				query.Set("kind", kind)
			}
			found, err := all[actionView](ctx, c, "/v1/actions", query, 0)
			if err != nil || p.output == "json" {
				return errors.Join(err, p.jsonUnless(err, found))
			}
			var rows []table.Row
			for _, v := range found {
				what, _, _ := strings.Cut(v.Detail, "\n")
				rows = append(rows, table.Row{v.ID, v.Kind, v.State, minute(v.Since), what})
			}
			p.printTable(table.Row{"Action", "Kind", "State", "Since", "What"}, rows)
			return nil
		}),
	}
	cmd.Flags().StringVar(&state, "state", "open", "open, resolved, dismissed or all")
	cmd.Flags().StringVar(&kind, "kind", "", "only actions of this kind, as in run_failed")
	return cmd
}

func (p *program) actionShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ACTION", Short: "Show an action with its history", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var v actionView
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/actions/" + url.PathEscape(args[0])}, &v); err != nil {
				return err
			}
			return p.showAction(v)
		}),
	}
}

func (p *program) showAction(v actionView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	p.printTable(table.Row{"Action", v.ID}, []table.Row{
		{"Kind", v.Kind}, {"State", v.State}, {"About", v.Subject.Kind + " " + v.Subject.ID}, {"Since", minute(v.Since)},
	})
	for line := range strings.SplitSeq(v.Detail, "\n") {
		if _, err := fmt.Fprintln(p.out, printable(line)); err != nil {
			return err
		}
	}
	var rows []table.Row
	for _, change := range v.History {
		rows = append(rows, table.Row{minute(change.At), change.State, mark(change.You, "you"), change.Why})
	}
	p.printTable(table.Row{"When", "State", "By", "Because of"}, rows)
	return nil
}

func (p *program) actionEnd(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " ACTION", Short: short, Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var v actionView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/actions/" + url.PathEscape(args[0]) + "/" + verb}, &v); err != nil {
				return err
			}
			return p.showAction(v)
		}),
	}
}

// minute tells an instant in this machine's time zone.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }
