package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/decision"
	"adminassistant/shared/plaintext"
	"adminassistant/shared/run"
	"adminassistant/shared/strictjson"
)

func (p *program) archivePlan() *cobra.Command {
	var files planFiles
	var config, period string
	cmd := &cobra.Command{
		Use: "plan", Short: "Show what a run would do", Args: cobra.NoArgs,
		Long: "Show what a run would do, and why.\n\n" +
			"With --events the plan is made from files alone, without store, network or account: events as Microsoft Graph's JSON (a calendarView\n" +
			"response or its value) or as .ics, the config as JSON, with --ledger an earlier plan's JSON as what is archived already, and with --decisions\n" +
			"what was decided, as JSON. \"-\" reads standard input. Without --events, --config names an archive config, and the plan is that of a dry run.",
		Example: "  admin-assistant archive plan --events october.json --config config.json --output json\n" +
			"  admin-assistant archive plan --config work --period \"last week\"",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if files.config = config; files.events != "" {
				if period != "" {
					return usageError{errors.New("--period goes with the name of a config; with --events the window stands in the config file")}
				}
				return p.planFiles(files)
			}
			if files.held != "" {
				return usageError{errors.New("--ledger goes with --events")}
			}
			if files.decisions != "" {
				return usageError{errors.New("--decisions goes with --events")}
			}
			return p.planConfig(cmd.Context(), config, period)
		},
	}
	cmd.Flags().StringVar(&files.events, "events", "", "file with events, Graph JSON or .ics")
	cmd.Flags().StringVar(&config, "config", "", "file with the config; without --events the name of an archive config")
	cmd.Flags().StringVar(&files.held, "ledger", "", "file with an earlier plan: what is archived already")
	cmd.Flags().StringVar(&files.decisions, "decisions", "", "file with decisions, the oldest first")
	cmd.Flags().StringVar(&period, "period", "", "days, without --events")
	p.required(cmd, "config")
	return cmd
}

// planConfig makes the plan of a run of a config, and prints it with its items. For programs it is in the same form as one that is made from files.
func (p *program) planConfig(ctx context.Context, config, period string) error {
	c, err := p.api()
	if err != nil {
		return err
	}
	r, err := p.follow(ctx, c, request{
		method: http.MethodPost, path: "/v1/runs", json: runStart{Kind: string(run.Archive), Config: config, Period: period, DryRun: true},
	})
	if err != nil {
		return err
	}
	if p.output != "json" {
		return p.showRun(ctx, c, r, true)
	}
	var plan json.RawMessage
	if _, err := c.do(ctx, request{method: http.MethodGet, path: runPath(r.ID) + "/plan"}, &plan); err != nil {
		if r.Problem != nil {
			return &apiError{problem: problem{Code: r.Problem.Code, Detail: r.Problem.Detail}}
		}
		return err
	}
	return p.finish(plan, r.exit())
}

// planFiles are the files from which a plan is made; held and decisions may be missing.
type planFiles struct{ events, config, held, decisions string }

// A plan from a large file is nearly all alive until it is written: clearing up often costs little, and letting garbage grow as usual would double the memory.
const (
	planGC        = 50        // percent by which the memory grows before it is cleared up
	planMemory    = 200 << 20 // bytes near which it is cleared up more often
	memoryOfEvent = 2 << 10   // bytes for each event where there are very many
)

// planFiles makes a plan from files and prints it.
func (p *program) planFiles(files planFiles) error {
	defer debug.SetGCPercent(debug.SetGCPercent(planGC))
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(planMemory))
	plan, err := p.makePlan(files)
	if err != nil {
		return err
	}
	if p.output == "json" && p.form.plainJSON() {
		for i := range plan.Items {
			plan.Items[i].Event = nil // is not written
		}
		runtime.GC()
		return plan.WriteJSON(p.out)
	}
	debug.SetMemoryLimit(math.MaxInt64) // what follows makes a text of the whole
	if p.output == "json" {
		var text bytes.Buffer
		if err := plan.WriteJSON(&text); err != nil {
			return err
		}
		return p.printDocument(text.Bytes())
	}
	items := make([]runItem, len(plan.Items))
	for i := range plan.Items {
		it := &plan.Items[i]
		items[i].Plan = planItem{
			EventID: it.EventID, Outcome: it.Outcome, Reason: it.Reason, By: it.By, Decision: it.Decision, Verdict: it.Verdict, Appointment: it.Appointment,
			Changes: it.Changes, Issues: it.Issues,
		}
	}
	p.printItems(items, plan.Window.Zone)
	p.printCounts(plan.Counts, plan.Balanced())
	var rows []table.Row
	for _, o := range plan.Overlaps {
		rows = append(rows, table.Row{o.Outcome, strings.Join(o.EventIDs, ", ")})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Overlap", "Events"}, rows)
	}
	rows = nil
	for _, a := range plan.Actions {
		rows = append(rows, table.Row{a.Kind, strings.Join(a.EventIDs, ", "), a.Detail})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"For you to decide", "Events", ""}, rows)
	}
	for _, issue := range plan.Issues {
		fmt.Fprintln(p.out, printable(issue))
	}
	return nil
}

func (p *program) makePlan(files planFiles) (plan archive.Plan, err error) {
	f, err := p.read(files.config)
	if err != nil {
		return plan, err
	}
	config, err := archive.ReadPlanConfig(f)
	f.Close()
	if err != nil {
		return plan, fmt.Errorf("%s: %w", files.config, err)
	}
	var standing []archive.Standing
	if files.held != "" {
		if f, err = p.read(files.held); err != nil {
			return plan, err
		}
		standing, err = archive.ReadStanding(f)
		f.Close()
		if err != nil {
			return plan, fmt.Errorf("%s: %w", files.held, err)
		}
	}
	var decisions []decision.Decision
	if files.decisions != "" {
		if f, err = p.read(files.decisions); err != nil {
			return plan, err
		}
		decisions, err = decision.Read(f)
		f.Close()
		if err != nil {
			return plan, fmt.Errorf("%s: %w", files.decisions, err)
		}
	}
	events, aside, err := p.readEvents(files.events, config.Window)
	if err != nil {
		return plan, fmt.Errorf("%s: %w", files.events, err)
	}
	debug.SetMemoryLimit(max(planMemory, int64(len(events))*memoryOfEvent))
	return archive.NewPlan(archive.Input{
		Events: events, Window: config.Window, Settings: config.Settings, Rules: config.Rules, Standing: standing, Decisions: decisions, Aside: aside,
	}), nil
}

// readEvents reads a file of events: JSON begins with a brace or a bracket, everything else is read as iCalendar, of which what cannot be read is set aside.
func (p *program) readEvents(name string, w calendar.Window) ([]calendar.Event, []calendar.Aside, error) {
	f, err := p.read(name)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r := bufio.NewReader(plaintext.NewReader(f))
	head, _ := r.Peek(512)
	if head = bytes.TrimLeft(head, " \t\r\n"); len(head) > 0 && (head[0] == '{' || head[0] == '[') {
		events, err := calendar.DecodeLargeGraph(strictjson.NewReader(r), sizeOf(f), new(archive.Lean).Event)
		return events, nil, err
	}
	file, err := ics.Read(r)
	if err != nil {
		return nil, nil, err
	}
	events, aside := ics.ExpandIn(file, w)
	return events, aside, nil
}

// sizeOf is how many bytes a file has; 0: not known, as where it is a pipe.
func sizeOf(f io.Reader) int64 {
	if file, ok := f.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return info.Size()
		}
	}
	return 0
}
