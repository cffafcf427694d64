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

type placeView struct {
	document
	Name     string   `json:"name"`
	Also     []string `json:"also"`
	Entries  int      `json:"entries"`
	Customer string   `json:"customer,omitempty"`
	Last     string   `json:"last,omitempty"`
}

type gapEnd struct {
	Key     string    `json:"key"`
	Subject string    `json:"subject"`
	Place   string    `json:"place"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
}

type travelGaps struct {
	document
	Config string `json:"config"`
	From   string `json:"from"`
	To     string `json:"to"`
	Gaps   []struct {
		From        gapEnd     `json:"from"`
		To          gapEnd     `json:"to"`
		Minutes     int        `json:"minutes,omitempty"`
		Journeys    int        `json:"journeys,omitempty"`
		Start       *time.Time `json:"start,omitempty"`
		End         *time.Time `json:"end,omitempty"`
		Category    string     `json:"category,omitempty"`
		Unreachable bool       `json:"unreachable"`
	} `json:"gaps"`
	Open     int `json:"open,omitempty"`
	Resolved int `json:"resolved,omitempty"`
}

func (p *program) placeCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "place", Short: "See where appointments are, and give places other names"}
	cmd.AddCommand(p.placeList(), p.placeAlias())
	return cmd
}

func (p *program) placeList() *cobra.Command {
	var config, period string
	cmd := &cobra.Command{
		Use: "list", Short: "List the places of archived appointments", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"config": config, "period": period})
			head := table.Row{"Place", "Also", "Entries", "Customer", "Last"}
			return printList(ctx, p, c, "/v1/places", query, 0, head, func(v placeView) table.Row {
				return table.Row{v.Name, strings.Join(v.Also, "; "), v.Entries, v.Customer, v.Last}
			})
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "name or id of the config whose archive it is; may be left out where there is one alone")
	cmd.Flags().StringVar(&period, "period", "last 400 days", "days whose appointments are looked at")
	return cmd
}

func (p *program) placeAlias() *cobra.Command {
	var remove bool
	cmd := &cobra.Command{
		Use: "alias NAME [OF]", Short: "Make a name another name of a place", Args: cobra.RangeArgs(1, 2),
		Long:    "Make a name another name of a place, as locations have both. With --remove, and without OF, the name is a place of its own again.",
		Example: `  admin-assistant place alias "Acme HQ, Room 4" "Acme HQ"`,
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			switch {
			case remove && len(args) == 1:
				_, err := c.do(ctx, request{method: http.MethodDelete, path: "/v1/places/aliases", query: url.Values{"name": {args[0]}}}, nil)
				return err
			case remove || len(args) == 1:
				return usageError{fmt.Errorf("give the name and the place, or the name alone with --remove")}
			}
			body := map[string]string{"name": args[0], "of": args[1]}
			_, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/places/aliases", json: body}, nil)
			return err
		}),
	}
	cmd.Flags().BoolVar(&remove, "remove", false, "make the name a place of its own again")
	return cmd
}

func (p *program) travelCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "travel", Short: "Find journeys that are missing from the record"}
	cmd.AddCommand(p.travelGaps())
	return cmd
}

func (p *program) travelGaps() *cobra.Command {
	var config, period string
	var ask bool
	cmd := &cobra.Command{
		Use: "gaps", Short: "List the journeys that are missing from a period", Args: cobra.NoArgs,
		Long: "List the neighbouring appointments of one day that are at different places, without travel between them, and those that there was no time to " +
			"travel between. How long a journey takes is known from those of the year before. Nothing is made: --ask opens an action for each for which " +
			"there is a suggestion, and review decides them.",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			var v travelGaps
			in := request{method: http.MethodGet, path: "/v1/travel/gaps", query: given(map[string]string{"config": config, "period": period})}
			if ask {
				body := map[string]string{"period": period}
				if config != "" {
					body["config"] = config
				}
				in = request{method: http.MethodPost, path: "/v1/travel/gaps", json: body}
			}
			if _, err := c.do(ctx, in, &v); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(v)
			}
			return p.printGaps(ctx, c, &v, ask)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "name or id of the config whose archive it is; may be left out where there is one alone")
	cmd.Flags().StringVar(&period, "period", "", `days, as in "last week" or "2026-10-01 to 2026-10-31"`)
	cmd.Flags().BoolVar(&ask, "ask", false, "open an action for each for which there is a suggestion")
	p.required(cmd, "period")
	return cmd
}

func (p *program) printGaps(ctx context.Context, c *client, v *travelGaps, asked bool) error {
	config, _, err := p.findConfig(ctx, c, v.Config)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(config.Timezone)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, g := range v.Gaps {
		takes, suggested := "", "no such journeys are known"
		switch {
		case g.Unreachable:
			takes, suggested = fmt.Sprintf("%d min", g.Minutes), "NOT TO BE REACHED IN TIME"
		case g.Start != nil:
			takes, suggested = fmt.Sprintf("%d min", g.Minutes), g.Start.In(zone).Format("15:04-")+g.End.In(zone).Format("15:04")
		}
		rows = append(rows, table.Row{
			g.From.End.In(zone).Format("Mon 2006-01-02 15:04-") + g.To.Start.In(zone).Format("15:04"), g.From.Place, g.To.Place, takes, suggested, g.Category,
		})
	}
	p.printTable(table.Row{"Between", "From", "To", "Takes", "Suggested", "Category"}, rows)
	if asked {
		fmt.Fprintf(p.out, "%d to decide, %d resolved; decide them: %s\n", v.Open, v.Resolved, p.command("review"))
	}
	return nil
}
