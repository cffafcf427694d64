package main

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"adminassistant/shared/app"
	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/rule"
	"adminassistant/shared/run"
)

// sampleMonth is October 2026 of a consultant in Berlin: series with exceptions across the change of the clocks, overlaps of every
// rank, modifications, travel, categories good and bad, all-day, private and cancelled events.
//
//go:embed demo/sample.ics
var sampleMonth []byte

const (
	demoConfig = "demo"
	demoPeriod = "2026-10-01 to 2026-10-31"
	demoDay    = "2026-10-15" // a chain of three meetings that collide, one of them tentative
)

// prepareDemo puts the sample month into a calendar of this machine, archives it as any other through queue and worker, and shows
// what became of it, what it asks, and what will happen to it every night. Then it does a nightly archive of a mailbox: that of the account in Microsoft
// 365 where that is set up, else one in a simulator, which closing stops. What is there from an earlier start stays. waits says that something waits for
// an answer.
func (p *program) prepareDemo(ctx context.Context, mailbox string) (closing func(), waits bool, err error) {
	closing = func() {}
	simulated := !p.settings.HasGraph()
	if simulated {
		if err := p.folder(); err != nil { // the mailbox is kept there
			return nil, false, err
		}
		settings, stop, err := app.OpenDemoMailbox(p.settings, bytes.NewReader(sampleMonth))
		if err != nil {
			return nil, false, err
		}
		p.settings, mailbox = settings, app.DemoAccount
		closing = func() {
			if err := stop(); err != nil {
				fmt.Fprintf(p.err, "admin-assistant: the demo mailbox was not kept: %v\n", err)
			}
		}
	}
	stop := closing // a return with an error sets closing to nil
	defer func() {
		if err != nil {
			stop()
		}
	}()
	c, err := p.api()
	if err != nil {
		return nil, false, err
	}
	work := configBody{
		Name: demoConfig, Source: "local://demo/calendars/Work", Archive: "local://demo/calendars/Archive", Timezone: "Europe/Berlin",
		Purpose: "general", Overlaps: "resolve", OnDrift: "ask", OnEdit: "ask", LookBack: 30, CreateCalendar: true,
	}
	source, err := p.findCalendar(ctx, c, work.Source)
	if fault.Of(err) == fault.NotFound {
		_, err = c.do(ctx, request{method: http.MethodPost, path: "/v1/calendars", json: map[string]string{"uri": work.Source}}, &source)
	}
	if err != nil {
		return nil, false, err
	}
	if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/calendars/" + source.ID + "/import", file: bytes.NewReader(sampleMonth)}, nil); err != nil {
		return nil, false, fmt.Errorf("import the sample month: %w", err)
	}
	if err := p.knowDemoCustomers(ctx, c); err != nil {
		return nil, false, err
	}
	if err := p.archiveDemo(ctx, c, work, "The sample month", demoRules); err != nil {
		return nil, false, err
	}
	fmt.Fprintf(p.out, "\n%s as the ledger has it:\n\n", demoDay)
	entries, err := all[entryView](ctx, c, "/v1/ledger/"+work.Name+"/days/"+demoDay, url.Values{}, 0)
	if err != nil {
		return nil, false, err
	}
	zone, err := calendar.LoadZone(work.Timezone)
	if err != nil {
		return nil, false, err
	}
	p.printDay(entries, zone)
	if waits, err = p.showAsked(ctx, c, work.Name, zone); err != nil {
		return nil, false, err
	}
	if err := p.scheduleDemo(ctx, c, work); err != nil {
		return nil, false, err
	}
	if err := p.billDemo(ctx, c, work); err != nil {
		return nil, false, err
	}
	fmt.Fprintln(p.out)
	if mailbox == "" {
		fmt.Fprintln(p.out, "Microsoft 365 is set up; name a mailbox with --mailbox to archive its default calendar too.")
		return closing, waits, p.showDemoHours(ctx, c)
	}
	night := configBody{
		Name: "demo mailbox " + mailbox, Source: calendar.URI{Provider: calendar.ProviderGraph, Account: mailbox, Calendar: "primary"}.String(),
		Archive:  calendar.URI{Provider: calendar.ProviderGraph, Account: mailbox, Calendar: "Archive (Admin Assistant)"}.String(),
		Timezone: "Europe/Berlin", Purpose: "timesheet", Overlaps: "resolve", OnDrift: "ask", OnEdit: "ask", LookBack: 30, CreateCalendar: true,
	}
	title := "Mailbox " + mailbox
	if simulated {
		title = "A simulated Outlook mailbox"
	}
	if err := p.archiveDemo(ctx, c, night, title, nil); err != nil {
		return nil, false, err
	}
	return closing, waits, p.showDemoHours(ctx, c)
}

// demoCustomers are three of the sample month's four customers; the fourth one is new, as whoever is met for the first time.
var demoCustomers = []customerBody{
	{
		Name: "Acme", Aliases: []string{"Acme GmbH"}, Currency: "EUR", Rates: []customerRate{{From: "2026-01-01", Work: "120.00", Travel: "50%"}},
		Rounding: []customerRounding{{From: "2026-01-01", Increment: 15, Mode: "up", Scope: "day"}}, Locale: "de", DayMinutes: 480,
	},
	{Name: "Globex", Currency: "EUR", Rates: []customerRate{{From: "2026-01-01", Work: "110.00", Travel: "60.00"}}},
	{
		Name: "Initech", Currency: "EUR", Rates: []customerRate{{From: "2026-01-01", Work: "130.00"}, {From: "2026-10-15", Work: "135.00"}},
		Rounding: []customerRounding{{From: "2026-01-01", Increment: 6, Mode: "nearest", Scope: "entry"}},
		Address:  []string{"Accounts payable", "4120 Freidrich Lane", "Austin, TX 78744"}, OrderNumber: "4500012345",
	},
}

// demoRules give a customer to what has only a marker, and hide what is nobody's business.
var demoRules = []rule.Rule{
	{
		ID: "offers", Name: "Calls about offers", On: true, Then: rule.Effect{Category: "Admin - non-billable"},
		All: []rule.Condition{{Field: rule.Subject, Op: rule.Word, Any: []string{"offer"}}},
	},
	{
		ID: "doctors", Name: "Doctors are confidential", On: true, Then: rule.Effect{Privacy: calendar.Confidential},
		All: []rule.Condition{{Field: rule.Subject, Op: rule.Word, Any: []string{"doctor", "dentist"}}},
	},
}

// knowDemoCustomers records the customers, but for those that are there from an earlier start.
func (p *program) knowDemoCustomers(ctx context.Context, c *client) error {
	known, err := all[customerView](ctx, c, "/v1/customers", nil, 0)
	if err != nil {
		return err
	}
	for _, body := range demoCustomers {
		if slices.ContainsFunc(known, func(v customerView) bool { return calendar.Folded(v.Name) == calendar.Folded(body.Name) }) {
			continue
		}
		if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/customers", json: body}, nil); err != nil {
			return err
		}
	}
	return nil
}

// showDemoHours prints what the sample month comes to.
func (p *program) showDemoHours(ctx context.Context, c *client) error {
	query := url.Values{"config": {demoConfig}, "period": {demoPeriod}}
	var v hoursView
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/hours", query: query}, &v); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "\nThe hours of %s by customer:\n\n", demoPeriod)
	p.printHoursTable(&v)
	_, err := fmt.Fprintln(p.out)
	return err
}

// archiveDemo archives the sample month by a config, which it creates with these rules if it is not there.
func (p *program) archiveDemo(ctx context.Context, c *client, body configBody, title string, rules []rule.Rule) error {
	if _, _, err := p.findConfig(ctx, c, body.Name); fault.Of(err) == fault.NotFound {
		withRules := struct {
			configBody
			Rules []rule.Rule `json:"rules,omitempty"`
		}{body, rules}
		if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/archive-configs", json: withRules}, nil); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "%s, %s, archived from %s into %s:\n\n", title, demoPeriod, body.Source, body.Archive)
	err := p.carryOut(ctx, request{method: http.MethodPost, path: "/v1/runs", json: runStart{Kind: "archive", Config: body.Name, Period: demoPeriod}}, false)
	if exit := (exitError{}); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}

// showAsked prints the open questions of a config with what is suggested first, and says whether there are any.
func (p *program) showAsked(ctx context.Context, c *client, config string, zone *time.Location) (asks bool, err error) {
	open, err := all[actionView](ctx, c, "/v1/actions", url.Values{"state": {"open"}, "config": {config}}, 0)
	if err != nil || len(open) == 0 {
		return false, err
	}
	inOrder(open)
	fmt.Fprint(p.out, "\nWhat it asks you:\n\n")
	for i := range open {
		v, err := getAction(ctx, c, open[i].ID)
		if err != nil {
			return false, err
		}
		fmt.Fprintf(p.out, "%d  %s\n", i+1, printable(cmp.Or(v.Why, v.Detail)))
		for j := range v.Participants {
			if a := cmp.Or(v.Participants[j].Source, v.Participants[j].Archive); a != nil {
				fmt.Fprintf(p.out, "     %d %s  %s\n", j+1, when(a, zone), printable(a.Subject))
			}
		}
		if len(v.Suggestions) == 0 {
			fmt.Fprintln(p.out, "   no rule suggests an answer")
			continue
		}
		s := &v.Suggestions[0]
		fmt.Fprintf(p.out, "   suggested: %s\n", printable(s.Why))
		for j := range s.Verdicts {
			fmt.Fprintf(p.out, "     %s\n", printable(v.inWords(&s.Verdicts[j], zone)))
		}
	}
	return true, nil
}

// scheduleDemo has the sample month's calendar archived and backed up every night, and shows when that will be next. Jobs that are
// there stay as they are.
func (p *program) scheduleDemo(ctx context.Context, c *client, config configBody) error {
	ofConfig := url.Values{"config": {config.Name}}
	there, err := all[jobView](ctx, c, "/v1/jobs", ofConfig, 0)
	if err != nil {
		return err
	}
	nightly := jobSettings{Schedule: job.Schedule{Repeat: job.Daily, At: "23:59", Zone: config.Timezone}}
	backups := nightly
	backups.Schedule.At, backups.Retention = "04:00", backup.Retention{Last: 7, Monthly: 12}
	weekly := nightly
	weekly.Schedule.Repeat, weekly.Schedule.At, weekly.Schedule.Weekdays = job.Weekly, "04:30", []string{"sunday"}
	for _, body := range []jobBody{{run.Archive, config.Name, nightly}, {run.Backup, config.Name, backups}, {run.Verify, config.Name, weekly}} {
		if slices.ContainsFunc(there, func(v jobView) bool { return v.Kind == body.Kind }) {
			continue
		}
		var made jobView
		if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/jobs", json: body}, &made); err != nil {
			return err
		}
		there = append(there, made)
	}
	fmt.Fprint(p.out, "\nWhat happens by itself:\n\n")
	return p.printJobs(ctx, c, there)
}

// demoCustomer is who gets a timesheet of the sample month.
const demoCustomer = "Initech"

// billDemo makes the sample month's timesheet of a customer, locks it, and puts it into the data folder as PDF. What is there stays as it is.
func (p *program) billDemo(ctx context.Context, c *client, config configBody) error {
	sheets, err := all[sheetResult](ctx, c, sheetsPath, url.Values{}, 0)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(sheets, func(s sheetResult) bool {
		return s.Customer == demoCustomer && s.From == demoPeriod[:len("2026-10-01")]
	})
	if at < 0 {
		var made sheetResult
		body := map[string]string{"config": config.Name, "customer": demoCustomer, "period": demoPeriod}
		if _, err := c.do(ctx, request{method: http.MethodPost, path: sheetsPath, json: body}, &made); err != nil {
			return err
		}
		for _, step := range []string{"approve", "lock"} {
			in := request{method: http.MethodPost, path: sheetsPath + "/" + made.ID + "/" + step}
			if step == "approve" {
				in.json = map[string]string{"note": "the sample month"}
			}
			if _, err := c.do(ctx, in, &made); err != nil {
				return err
			}
		}
		sheets, at = []sheetResult{made}, 0
	}
	dir, err := p.settings.DataDir()
	if err != nil {
		return err
	}
	answer, err := c.send(ctx, request{method: http.MethodGet, path: sheetsPath + "/" + sheets[at].ID + "/export", query: url.Values{"format": {"pdf"}}})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	name := filepath.Join(dir, "timesheet-2026-10-"+strings.ToLower(demoCustomer)+".pdf")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		return err
	}
	fmt.Fprintf(p.out, "\nThe sample month's timesheet of %s, locked: %s\n", demoCustomer, name)
	fmt.Fprintf(p.out, "Whoever gets it checks it with: %s timesheet verify %s\n", p.called(), quoted(name))
	return nil
}

// printDay prints what is of interest on a day, without keys and times of recording.
func (p *program) printDay(entries []entryView, zone *time.Location) {
	var rows []table.Row
	for _, e := range entries {
		a := &e.Appointment
		why := e.Reason
		if e.By != "" {
			why += " by " + e.By
		}
		rows = append(rows, table.Row{when(a, zone), a.Subject, a.Customer, string(a.BillingType), string(e.Outcome), why})
	}
	p.printTable(table.Row{"When", "Subject", "Customer", less("Billing"), "Outcome", less("Why")}, rows)
}
