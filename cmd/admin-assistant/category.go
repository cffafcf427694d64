package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

type categoryView struct {
	document
	ID       string `json:"id"`
	Name     string `json:"name"`
	Colour   string `json:"colour"`
	Customer string `json:"customer,omitempty"`
	Billing  string `json:"billing_type,omitempty"`
	New      bool   `json:"new,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

type renamedView struct {
	document
	Category categoryView `json:"category"`
	Created  bool         `json:"created"`
	Customer string       `json:"customer,omitempty"`
	Alias    string       `json:"alias,omitempty"`
	Events   int          `json:"events"`
}

type validationView struct {
	document
	Calendar string `json:"calendar"`
	From     string `json:"from"`
	To       string `json:"to"`
	Events   int    `json:"events"`
	Without  int    `json:"without_category"`
	Rows     []struct {
		Customer string  `json:"customer"`
		New      bool    `json:"new,omitempty"`
		Billing  string  `json:"billing_type"`
		Events   int     `json:"events"`
		Minutes  float64 `json:"minutes"`
	} `json:"rows"`
	Issues []struct {
		Date    string `json:"date"`
		Subject string `json:"subject"`
		EventID string `json:"event_id"`
		Problem string `json:"problem"`
	} `json:"issues"`
	IssueCount int `json:"issue_count"`
	Unlisted   []struct {
		Name   string `json:"name"`
		Events int    `json:"events"`
	} `json:"unlisted"`
}

// categoryAccount is whose categories a command is about.
type categoryAccount struct{ calendar, config string }

func (a *categoryAccount) register(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&a.calendar, "calendar", "", "a calendar of the account, by its name, or its URI as in msgraph://me/calendars/primary")
	cmd.Flags().StringVar(&a.config, "config", "", "name or id of a config whose source is of the account; may be left out where there is one alone")
	return cmd
}

func (a *categoryAccount) query() url.Values {
	return given(map[string]string{"calendar": a.calendar, "config": a.config})
}

// body is the account and more of a request's body.
func (a *categoryAccount) body(more map[string]string) map[string]string {
	for name, values := range a.query() {
		more[name] = values[0]
	}
	return more
}

func (p *program) categoryCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "category", Short: "See to the categories that an account keeps, and look at those of its events"}
	cmd.AddCommand(p.categoryList(), p.categoryCreate(), p.categoryRecolour(), p.categoryRename(), p.categoryDelete(), p.categoryValidate())
	return cmd
}

func (p *program) showCategories(list []categoryView) {
	var rows []table.Row
	for _, v := range list {
		note := v.Problem
		if v.New {
			note = "new customer"
		}
		rows = append(rows, table.Row{v.Name, v.Colour, v.Customer, v.Billing, note})
	}
	p.printTable(table.Row{"Category", "Colour", "Customer", "Billing", ""}, rows)
}

func (p *program) showCategory(v categoryView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	p.showCategories([]categoryView{v})
	return nil
}

func (p *program) categoryList() *cobra.Command {
	var of categoryAccount
	return of.register(&cobra.Command{
		Use: "list", Short: "List the categories of an account, with the customers that they name", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			list, err := all[categoryView](ctx, c, "/v1/categories", of.query(), 0)
			if err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(list)
			}
			p.showCategories(list)
			return nil
		}),
	})
}

func (p *program) categoryCreate() *cobra.Command {
	var of categoryAccount
	colour := calendar.NoColour
	cmd := of.register(&cobra.Command{
		Use: "create NAME", Short: "Add a category, as in \"Acme - billable\"", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var made categoryView
			body := of.body(map[string]string{"name": args[0], "colour": colour})
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/categories", json: body}, &made); err != nil {
				return err
			}
			return p.showCategory(made)
		}),
	})
	cmd.Flags().StringVar(&colour, "colour", colour, "as Outlook names it: none, or preset0 to preset24")
	return cmd
}

// findCategory returns a category of an account by its name.
func (p *program) findCategory(ctx context.Context, c *client, of *categoryAccount, name string) (categoryView, error) {
	list, err := all[categoryView](ctx, c, "/v1/categories", of.query(), 0)
	if err != nil {
		return categoryView{}, err
	}
	for _, v := range list {
		if calendar.Folded(v.Name) == calendar.Folded(name) || v.ID == name {
			return v, nil
		}
	}
	return categoryView{}, fault.New(fault.NotFound, "there is no category %q; see: admin-assistant category list", name)
}

func (p *program) categoryRecolour() *cobra.Command {
	var of categoryAccount
	return of.register(&cobra.Command{
		Use: "recolour NAME COLOUR", Short: "Give a category another colour: none, or preset0 to preset24", Args: cobra.ExactArgs(2),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, err := p.findCategory(ctx, c, &of, args[0])
			if err != nil {
				return err
			}
			var now categoryView
			in := request{
				method: http.MethodPut, path: "/v1/categories/" + url.PathEscape(v.ID), query: of.query(), json: map[string]string{"colour": args[1]},
			}
			if _, err := c.do(ctx, in, &now); err != nil {
				return err
			}
			return p.showCategory(now)
		}),
	})
}

func (p *program) categoryRename() *cobra.Command {
	var of categoryAccount
	return of.register(&cobra.Command{
		Use: "rename NAME NEW", Short: "Call a category otherwise", Args: cobra.ExactArgs(2),
		Long: "Call a category otherwise. The name of a category cannot change: the new one is created with the colour of the old one, whose customer's name " +
			"becomes an alias of the new one's customer. The old one stays, and events are not rewritten.",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var done renamedView
			body := of.body(map[string]string{"from": args[0], "to": args[1]})
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/categories/rename", json: body}, &done); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(done)
			}
			p.showCategories([]categoryView{done.Category})
			if done.Alias != "" {
				fmt.Fprintf(p.out, "%q is an alias of customer %q from now on.\n", printable(done.Alias), printable(done.Customer))
			}
			_, err := fmt.Fprintf(p.out, "%s %q; nothing is rewritten.\n",
				counted(done.Events, "event of the last and the next year still carries", "events of the last and the next year still carry"), printable(args[0]))
			return err
		}),
	})
}

func (p *program) categoryDelete() *cobra.Command {
	var of categoryAccount
	return of.register(&cobra.Command{
		Use: "delete NAME", Short: "Remove a category from the list; events keep it", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, err := p.findCategory(ctx, c, &of, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(fmt.Sprintf("This removes category %q from the list; events keep it.", v.Name)); err != nil {
				return err
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/categories/" + url.PathEscape(v.ID), query: of.query()}, nil); err != nil {
				return err
			}
			return p.say("deleted category %s", printable(v.Name))
		}),
	})
}

func (p *program) categoryValidate() *cobra.Command {
	var of categoryAccount
	var period string
	cmd := of.register(&cobra.Command{
		Use: "validate", Short: "Look at the categories of the events of a period", Args: cobra.NoArgs,
		Long: "Look at the categories of the events of a period, and change nothing: events and hours by customer and billing type, every event whose " +
			"categories cannot be read as they are meant, and categories that the account's list does not have. Exit code 3 if there is an issue.",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := of.query()
			query.Set("period", period)
			var v validationView
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/categories/validate", query: query}, &v); err != nil {
				return err
			}
			if err := p.printValidation(&v); err != nil {
				return err
			}
			if v.IssueCount > 0 {
				return exitError{exitPartial}
			}
			return nil
		}),
	})
	cmd.Flags().StringVar(&period, "period", "", `days, as in "last month" or "2026-10-01 to 2026-10-31"`)
	p.required(cmd, "period")
	return cmd
}

func (p *program) printValidation(v *validationView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	var rows []table.Row
	for _, r := range v.Rows {
		rows = append(rows, table.Row{r.Customer, r.Billing, r.Events, clockTime(r.Minutes), mark(r.New, "new")})
	}
	p.printTable(table.Row{"Customer", "Billing", "Events", "Hours", ""}, rows)
	fmt.Fprintf(p.out, "%s, %d without a category, %s\n", counted(v.Events, "event", "events"), v.Without,
		counted(v.IssueCount, "issue", "issues"))
	for _, i := range v.Issues {
		fmt.Fprintf(p.out, "  %s  %s: %s\n", i.Date, printable(i.Subject), printable(i.Problem))
	}
	if len(v.Unlisted) > 0 {
		var names []string
		for _, u := range v.Unlisted {
			names = append(names, fmt.Sprintf("%q (%d)", printable(u.Name), u.Events))
		}
		fmt.Fprintf(p.out, "not in the list of the account: %s\n", strings.Join(names, ", "))
	}
	return nil
}
