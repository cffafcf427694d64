package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"adminassistant/shared/fault"
)

// configBody is what a config is made of and what can be edited.
type configBody struct {
	Name           string `json:"name"`
	Source         string `json:"source"`
	Archive        string `json:"archive"`
	Timezone       string `json:"timezone"`
	Purpose        string `json:"purpose"`
	Overlaps       string `json:"overlaps"`
	AllDayOverlaps bool   `json:"all_day_overlaps"`
	OnDrift        string `json:"on_drift"`
	OnEdit         string `json:"on_edit"`
	LookBack       int    `json:"look_back"`
	CreateCalendar bool   `json:"create_calendar"`
}

type configView struct {
	document
	ID string `json:"id"`
	configBody
	Active  bool          `json:"active"`
	Shares  []configShare `json:"shares,omitempty"`
	Created string        `json:"created"`
	Updated string        `json:"updated"`
}

// configShare is a calendar of a config that another config has as well.
type configShare struct {
	Calendar string `json:"calendar"`
	As       string `json:"as"`
	Config   string `json:"config"`
	Name     string `json:"name"`
}

// flags gives the body's fields as flags, with the present values as defaults.
func (b *configBody) flags(f *pflag.FlagSet) {
	f.StringVar(&b.Name, "name", b.Name, "name of the config")
	f.StringVar(&b.Source, "source", b.Source, "calendar that is archived, by its name or URI; it is never written")
	f.StringVar(&b.Archive, "archive", b.Archive, "calendar of the archive, by its URI or name; one that is not there yet is made beside the source")
	f.StringVar(&b.Timezone, "timezone", b.Timezone, "IANA time zone in which days begin and end")
	f.StringVar(&b.Purpose, "purpose", b.Purpose, "general: everything; timesheet: what has a customer, and travel")
	f.StringVar(&b.Overlaps, "overlaps", b.Overlaps, "what becomes of appointments that share time: keep, ask or resolve")
	f.BoolVar(&b.AllDayOverlaps, "all-day-overlaps", b.AllDayOverlaps, "all-day appointments take part in overlaps")
	f.StringVar(&b.OnDrift, "on-drift", b.OnDrift, "what becomes of an appointment that changed after it was archived: ask or accept")
	f.StringVar(&b.OnEdit, "on-edit", b.OnEdit, "what becomes of a copy that was altered in the archive calendar, when a job finds it: ask, repair or adopt")
	f.IntVar(&b.LookBack, "look-back", b.LookBack, "days that a run without a period covers at least")
	f.BoolVar(&b.CreateCalendar, "create-calendar", b.CreateCalendar, "the first run may create the archive calendar")
}

func (p *program) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Say which calendar is archived into which one, and how"}
	cmd.AddCommand(p.configCreate(), p.configList(), p.configShow(), p.configEdit(), p.configSwitch("activate", "Let a config start runs"),
		p.configSwitch("deactivate", "Keep a config from starting runs"), p.configDelete())
	return cmd
}

func (p *program) configCreate() *cobra.Command {
	verify := "weekly"
	body := configBody{Purpose: "general", Overlaps: "ask", OnDrift: "ask", OnEdit: "ask", LookBack: 30, CreateCalendar: true}
	cmd := &cobra.Command{
		Use: "create", Short: "Create an archive config", Args: cobra.NoArgs,
		Example: `  admin-assistant config create --name work --source local://me/calendars/Work --archive local://me/calendars/Archive --timezone Europe/Berlin`,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var made configView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/archive-configs", json: struct {
				configBody
				Verify string `json:"verify"`
			}{body, verify}}, &made); err != nil {
				return err
			}
			if err := p.showConfig(made); err != nil || verify != "weekly" {
				return err
			}
			return p.say("a job verifies it once a week; see: %s", p.command("job list --config "+quoted(made.Name)))
		}),
	}
	body.flags(cmd.Flags())
	cmd.Flags().StringVar(&verify, "verify", verify, "weekly: also create a job that verifies the config once a week; or none")
	p.required(cmd, "name", "source", "archive", "timezone")
	return cmd
}

func (p *program) showConfig(v configView) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	p.printTable(table.Row{"Config", v.Name}, []table.Row{
		{"Source", v.Source}, {"Archive", v.Archive}, {"Time zone", v.Timezone}, {"Purpose", v.Purpose}, {"Overlaps", v.Overlaps},
		{"All-day overlaps", v.AllDayOverlaps}, {"On drift", v.OnDrift}, {"On edit", v.OnEdit}, {"Look-back", counted(v.LookBack, "day", "days")},
		{"May create the archive", v.CreateCalendar}, {"Active", v.Active}, {"Id", v.ID},
	})
	return nil
}

// findConfig returns a config by name or id, with its ETag.
func (p *program) findConfig(ctx context.Context, c *client, name string) (v configView, etag string, err error) {
	id := name
	found, err := all[configView](ctx, c, "/v1/archive-configs", url.Values{"name": {name}}, 1)
	if err != nil {
		return v, "", err
	}
	if len(found) == 1 {
		id = found[0].ID
	}
	if len(found) == 0 {
		if id, err = p.find(ctx, c, configs, name); err != nil {
			return v, "", err
		}
	}
	header, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/archive-configs/" + url.PathEscape(id)}, &v)
	var answer *apiError
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound {
		return v, "", fault.New(fault.NotFound, "there is no config %q; see: admin-assistant config list", name)
	}
	if err != nil {
		return v, "", err
	}
	return v, header.Get("ETag"), nil
}

func (p *program) configList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List archive configs", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			found, err := all[configView](ctx, c, "/v1/archive-configs", nil, 0)
			if err != nil || p.output == "json" {
				return errors.Join(err, p.jsonUnless(err, found))
			}
			var rows []table.Row
			for _, v := range found {
				rows = append(rows, table.Row{v.Name, v.Source, v.Archive, v.Timezone, v.Purpose, v.Overlaps, mark(!v.Active, "inactive")})
			}
			p.printTable(table.Row{"Config", "Source", "Archive", least("Time zone"), least("Purpose"), less("Overlaps"), ""}, rows)
			return p.printShares(found)
		}),
	}
}

// printShares says which calendars several configs have that belong to one alone.
func (p *program) printShares(configs []configView) error {
	shared := false
	for _, v := range configs {
		for _, s := range v.Shares {
			shared = true
			fmt.Fprintf(p.out, "The %s calendar of config %q is the %s of config %q.\n", s.Calendar, printable(v.Name), s.As, printable(s.Name))
		}
	}
	if !shared {
		return nil
	}
	_, err := fmt.Fprintln(p.out, "An archive calendar belongs to one config. Deactivate the others: "+p.command("config deactivate NAME"))
	return err
}

func (p *program) configShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show an archive config", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, _, err := p.findConfig(ctx, c, args[0])
			if err != nil {
				return err
			}
			return p.showConfig(v)
		}),
	}
}

func (p *program) configEdit() *cobra.Command {
	var change configBody
	var cmd *cobra.Command
	cmd = &cobra.Command{
		Use: "edit NAME", Short: "Change what the flags name, and leave the rest as it is", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, etag, err := p.findConfig(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := edit(cmd, v.configBody.flags); err != nil {
				return err
			}
			var now configView
			if _, err := c.do(ctx, request{method: http.MethodPut, path: "/v1/archive-configs/" + v.ID, json: v.configBody, ifMatch: etag}, &now); err != nil {
				return err
			}
			return p.showConfig(now)
		}),
	}
	change.flags(cmd.Flags())
	return cmd
}

// edit applies the flags of a command to a thing as it is: register makes flags with its present values, which those given then replace.
// A command without any is a usage error.
func edit(cmd *cobra.Command, register func(*pflag.FlagSet)) (err error) {
	present := pflag.NewFlagSet("", pflag.ContinueOnError)
	register(present)
	changed := 0
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if present.Lookup(f.Name) != nil {
			changed++
			err = errors.Join(err, present.Set(f.Name, f.Value.String()))
		}
	})
	if err == nil && changed == 0 {
		err = wrong(cmd, "nothing to change")
	}
	return err
}

func (p *program) configSwitch(verb, short string) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, _, err := p.findConfig(ctx, c, args[0])
			if err != nil {
				return err
			}
			var now configView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/archive-configs/" + v.ID + "/" + verb}, &now); err != nil {
				return err
			}
			return p.showConfig(now)
		}),
	}
}

func (p *program) configDelete() *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME", Short: "Delete an archive config that never archived anything", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			v, etag, err := p.findConfig(ctx, c, args[0])
			if err != nil {
				return err
			}
			if err := p.confirm(fmt.Sprintf("This deletes config %q.", v.Name)); err != nil {
				return err
			}
			if _, err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/archive-configs/" + v.ID, ifMatch: etag}, nil); err != nil {
				return err
			}
			return p.say("deleted config %s", printable(v.Name))
		}),
	}
}
