package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
)

type hoursRow struct {
	Key         string  `json:"key"`
	New         bool    `json:"new,omitempty"`
	Entries     int     `json:"entries"`
	Billable    float64 `json:"billable_minutes"`
	NonBillable float64 `json:"non_billable_minutes"`
	Travel      float64 `json:"travel_minutes"`
	Minutes     float64 `json:"minutes"`
}

type hoursEntry struct {
	Key     string    `json:"key"`
	Subject string    `json:"subject"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
}

type hoursView struct {
	document
	Config   string         `json:"config"`
	Timezone string         `json:"timezone"`
	From     string         `json:"from"`
	To       string         `json:"to"`
	By       string         `json:"by"`
	Rows     []hoursRow     `json:"rows"`
	Total    hoursRow       `json:"total"`
	Worked   float64        `json:"worked_minutes"`
	LeftOut  map[string]int `json:"left_out"`
	Overlaps []struct {
		First   hoursEntry `json:"first"`
		Second  hoursEntry `json:"second"`
		Start   time.Time  `json:"start"`
		End     time.Time  `json:"end"`
		Minutes float64    `json:"minutes"`
	} `json:"overlaps"`
	OverlapCount int        `json:"overlap_count"`
	Gaps         []hoursGap `json:"gaps"`
	GapCount     int        `json:"gap_count"`
}

// shownHours is how many overlaps, and days with gaps, are shown below a table.
const shownHours = 20

// clockTime writes minutes as h:mm, with seconds where there are some.
func clockTime(minutes float64) string {
	d := time.Duration(minutes * float64(time.Minute)).Round(time.Second)
	text := fmt.Sprintf("%d:%02d", int(d.Hours()), int(d.Minutes())%60)
	if s := int(d.Seconds()) % 60; s > 0 {
		text += fmt.Sprintf(":%02d", s)
	}
	return text
}

func (p *program) hoursCommand() *cobra.Command {
	var config, period, by string
	cmd := &cobra.Command{
		Use: "hours", Short: "Add up the time that stands in an archive", Args: cobra.NoArgs, Annotations: map[string]string{asCSV: "yes"},
		Long: "Add up the time that stands in an archive, of at most 400 days. All names of a customer are one. Travel is apart; what is private, cancelled, " +
			"declined, free or of no customer is left out and counted. Overlaps and gaps are named. --output may also be csv.",
		Example: `  admin-assistant hours --period "last month" --by day`,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"config": config, "period": period, "by": by})
			if p.output == "csv" {
				return p.printCSV(ctx, c, "/v1/hours/export", query)
			}
			return p.printHours(ctx, c, query)
		}),
	}
	cmd.Flags().StringVar(&config, "config", "", "name or id of the config whose archive it is; may be left out where there is one alone")
	cmd.Flags().StringVar(&period, "period", "", `days, as in "last month" or "2026-10-01 to 2026-10-31"`)
	cmd.Flags().StringVar(&by, "by", "customer", "what time is added up by: customer, day, week, billing or category")
	p.required(cmd, "period")
	cmd.AddCommand(p.workingTime())
	return cmd
}

type workingTimeView struct {
	Timezone string `json:"timezone"`
	Config   string `json:"config"`
	From     string `json:"from"`
	To       string `json:"to"`
	Days     []struct {
		Date     string     `json:"date"`
		First    time.Time  `json:"first_begin"`
		Last     time.Time  `json:"last_end"`
		Worked   float64    `json:"worked_minutes"`
		Breaks   float64    `json:"break_minutes"`
		Rest     *float64   `json:"rest_minutes,omitempty"`
		Stretch  float64    `json:"longest_stretch_minutes"`
		Gaps     []hoursGap `json:"gaps"`
		Warnings []string   `json:"warnings"`
	} `json:"days"`
	Weeks []struct {
		From     string   `json:"from"`
		Worked   float64  `json:"worked_minutes"`
		Warnings []string `json:"warnings"`
	} `json:"weeks"`
	Worked  float64        `json:"worked_minutes"`
	LeftOut map[string]int `json:"left_out"`
}

type hoursGap struct {
	Date    string    `json:"date"`
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Minutes float64   `json:"minutes"`
}

func (p *program) workingTime() *cobra.Command {
	parameters := map[string]*string{}
	cmd := &cobra.Command{
		Use: "working-time", Short: "Show when there was work on each day", Args: cobra.NoArgs, Annotations: map[string]string{asCSV: "yes"},
		Long: "Show when there was work on each day: first begin, last end, time worked, breaks, and the rest before. Work that goes on past midnight is\n" +
			"split there. Work is what has a customer, private or not, but for \"Break - non-billable\", and travel. What warnings look at can be set in\n" +
			"minutes; they keep nobody from anything. --output may also be csv.",
		Example: `  admin-assistant hours working-time --period "last month" --output csv`,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := url.Values{}
			for name, value := range parameters {
				if *value != "" {
					query.Set(name, *value)
				}
			}
			if p.output == "csv" {
				return p.printCSV(ctx, c, "/v1/hours/working-time/export", query)
			}
			var v workingTimeView
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/hours/working-time", query: query}, &v); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(v)
			}
			return p.printWorkingTime(&v)
		}),
	}
	for flag, usage := range map[string]string{
		"config":   "name or id of the config whose archive it is; may be left out where there is one alone",
		"period":   `days, as in "last month" or "2026-10-01 to 2026-10-31"`,
		"most-day": "warn of more minutes of work on a day than these (600); 0: never", "most-week": "warn of more minutes of work in a week than these (2880)",
		"least-rest": "warn of fewer minutes without work before a day (660)", "most-stretch": "warn of more minutes of work without a break (360)",
		"least-break": "minutes from which on time without work is a break (15)",
		"breaks":      "false: do not warn of breaks under 30 minutes with more than 6 hours of work, and 45 with more than 9",
	} {
		parameters[strings.ReplaceAll(flag, "-", "_")] = cmd.Flags().String(flag, "", usage)
	}
	p.required(cmd, "period")
	return cmd
}

// printCSV prints a file that the API has.
func (p *program) printCSV(ctx context.Context, c *client, path string, query url.Values) error {
	answer, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(p.out, answer.Body)
	return err
}

// printWorkingTime prints the days, and below them the weeks that are too long.
func (p *program) printWorkingTime(v *workingTimeView) error {
	zone, err := calendar.LoadZone(v.Timezone)
	if err != nil {
		return err
	}
	clock := func(t time.Time, day string) string {
		if t = t.In(zone); t.Format(time.DateOnly) != day {
			return "24:00" // the midnight at its end
		}
		return t.Format("15:04")
	}
	words := func(warnings []string) string { return strings.ReplaceAll(strings.Join(warnings, ", "), "_", " ") }
	var rows []table.Row
	for _, d := range v.Days {
		rest := ""
		if d.Rest != nil {
			rest = clockTime(*d.Rest)
		}
		var gaps []string
		for _, g := range d.Gaps {
			gaps = append(gaps, clock(g.Start, d.Date)+"-"+clock(g.End, d.Date))
		}
		rows = append(rows, table.Row{
			d.Date, clock(d.First, d.Date), clock(d.Last, d.Date), clockTime(d.Worked), clockTime(d.Breaks), rest, strings.Join(gaps, " "), words(d.Warnings),
		})
	}
	rows = append(rows, table.Row{"Total", "", "", clockTime(v.Worked), "", "", "", ""})
	p.printTable(table.Row{"Day", "From", "To", "Worked", "Breaks", "Rest before", "Gaps", "Warnings"}, rows)
	for _, w := range v.Weeks {
		if len(w.Warnings) > 0 {
			fmt.Fprintf(p.out, "week of %s: %s worked, %s\n", w.From, clockTime(w.Worked), words(w.Warnings))
		}
	}
	p.printLeftOut(v.LeftOut)
	return nil
}

// printLeftOut says what was not counted.
func (p *program) printLeftOut(reasons map[string]int) {
	var left []string
	for _, why := range slices.Sorted(maps.Keys(reasons)) {
		left = append(left, fmt.Sprintf("%d %s", reasons[why], strings.ReplaceAll(why, "_", " ")))
	}
	if len(left) > 0 {
		fmt.Fprintf(p.out, "left out: %s\n", strings.Join(left, ", "))
	}
}

// printHours prints what time comes to, and what is to be looked at.
func (p *program) printHours(ctx context.Context, c *client, query url.Values) error {
	var v hoursView
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/hours", query: query}, &v); err != nil {
		return err
	}
	if p.output == "json" {
		return p.printJSON(v)
	}
	p.printHoursTable(&v)
	return p.printOverlapsAndGaps(&v)
}

// noCustomer stands where a table has no name of a customer.
const noCustomer = "(no customer)"

// printHoursTable prints the rows, and what was left out.
func (p *program) printHoursTable(v *hoursView) {
	row := func(name string, r hoursRow) table.Row {
		return table.Row{name, r.Entries, clockTime(r.Billable), clockTime(r.NonBillable), clockTime(r.Travel), clockTime(r.Minutes), mark(r.New, "new")}
	}
	var rows []table.Row
	for _, r := range v.Rows {
		name := r.Key
		if name == "" {
			name = noCustomer
		}
		rows = append(rows, row(name, r))
	}
	rows = append(rows, row("Total", v.Total))
	p.printTable(table.Row{strings.ToUpper(v.By[:1]) + v.By[1:], "Entries", "Billable", "Non-billable", "Travel", "Hours", ""}, rows)
	p.printLeftOut(v.LeftOut)
}

func (p *program) printOverlapsAndGaps(v *hoursView) error {
	zone, err := calendar.LoadZone(v.Timezone)
	if err != nil {
		return err
	}
	if v.OverlapCount > 0 {
		fmt.Fprintf(p.out, "%s: in fact %s were worked\n", counted(v.OverlapCount, "overlap", "overlaps"), clockTime(v.Worked))
	}
	for _, o := range v.Overlaps[:min(len(v.Overlaps), shownHours)] {
		fmt.Fprintf(p.out, "  %s-%s  %s | %s\n", o.Start.In(zone).Format("2006-01-02 15:04"), o.End.In(zone).Format("15:04"),
			printable(o.First.Subject), printable(o.Second.Subject))
	}
	if v.GapCount > 0 {
		fmt.Fprintf(p.out, "%s between the appointments of a day\n", counted(v.GapCount, "gap", "gaps"))
	}
	days := v.gapsByDay(zone)
	for _, day := range days[:min(len(days), shownHours)] {
		fmt.Fprintf(p.out, "  %s\n", day)
	}
	if v.OverlapCount > shownHours || len(days) > shownHours {
		fmt.Fprintln(p.out, "More of them: --output json")
	}
	return nil
}

// gapsByDay are the gaps of each day: "2026-10-06 12:00-14:00, 14:30-17:00".
func (v *hoursView) gapsByDay(zone *time.Location) (days []string) {
	day := ""
	for _, g := range v.Gaps {
		text := g.Start.In(zone).Format("15:04-") + g.End.In(zone).Format("15:04")
		if g.Date == day {
			days[len(days)-1] += ", " + text
			continue
		}
		day, days = g.Date, append(days, g.Date+" "+text)
	}
	return days
}
