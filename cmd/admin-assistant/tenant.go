package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
)

type tenantView struct {
	document
	ID    string     `json:"id"`
	Name  string     `json:"name"`
	State string     `json:"state"`
	Named bool       `json:"named"`
	By    string     `json:"by,omitempty"`
	At    *time.Time `json:"at,omitempty"`
}

// tenantCommand has which organisations are let in.
func (p *program) tenantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "tenant", Short: "Decide the users of which tenants are let in",
		Long: "Decide the users of which tenants of Entra ID are let in, beside those that the settings of the deployment name. That is for administrators " +
			"of the first tenant that the settings name. A change takes effect within 30 seconds.",
	}
	cmd.AddCommand(p.tenantList(), p.tenantAdd(), p.tenantRemove())
	return cmd
}

func tenantPath(id string) string { return "/v1/tenants/" + url.PathEscape(id) }

func (p *program) showTenants(tenants []tenantView, all any) error {
	if p.output == "json" {
		return p.printJSON(all)
	}
	rows := make([]table.Row, len(tenants))
	for i, t := range tenants {
		at := ""
		if t.At != nil {
			at = minute(*t.At)
		}
		rows[i] = table.Row{t.ID, t.Name, t.State, mark(t.Named, "in the settings"), t.By, at}
	}
	p.printTable(table.Row{"Tenant", "Name", "State", "", "By", "At"}, rows)
	return nil
}

func (p *program) tenantList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tenants", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var answer struct {
				document
				Items []tenantView `json:"items"`
			}
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/tenants"}, &answer); err != nil {
				return err
			}
			return p.showTenants(answer.Items, answer.Items)
		}),
	}
}

func (p *program) tenantAdd() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "add TENANT", Short: "Let the users of a tenant in", Args: cobra.ExactArgs(1),
		Long: "Let the users of a tenant in, by its id. The registrations in Entra ID have to be multi-tenant, and an administrator of that tenant has to " +
			"allow them. Jobs that rested while the tenant was out go on.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var added tenantView
			r := request{method: http.MethodPut, path: tenantPath(args[0]), json: map[string]string{"name": name}}
			if _, err := c.do(ctx, r, &added); err != nil {
				return err
			}
			return p.showTenants([]tenantView{added}, added)
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "what people call it")
	return cmd
}

func (p *program) tenantRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove TENANT", Short: "Let the users of a tenant in no more", Args: cobra.ExactArgs(1),
		Long: "Let the users of a tenant in no more, also one that the settings name. Their jobs start no runs. What they keep stays, until they are deleted.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			if err := p.confirm(fmt.Sprintf("This shuts all users of tenant %s out, and stops their jobs.", printable(args[0]))); err != nil {
				return err
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: tenantPath(args[0])}, nil); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.out, "users of tenant %s are let in no more\n", printable(args[0]))
			return err
		}),
	}
}
