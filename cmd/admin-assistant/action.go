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
		p.actionEnd("resolve", "Say that what an action is about is done"))
	return cmd
}

func (p *program) actionList() *cobra.Command {
	var state, kind string
	cmd := &cobra.Command{
		Use: "list", Short: "List actions, the newest first", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"kind": kind})
			if state != "all" {
				query.Set("state", state)
			}
			return printList(ctx, p, c, "/v1/actions", query, 0, table.Row{"Action", "Kind", "State", "Since", "What"}, func(v actionView) table.Row {
				what, _, _ := strings.Cut(v.Detail, "\n")
				return table.Row{v.ID, v.Kind, v.State, minute(v.Since), what}
			})
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
