package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// sampleMonth is October 2026 of a consultant in Berlin: series with exceptions across the change of the clocks, overlaps of every
// rank, modifications, travel, categories good and bad, all-day, private and cancelled events.
//
//go:embed demo/sample.ics
var sampleMonth []byte

const (
	demoSource  = "local://demo/calendars/Work"
	demoArchive = "local://demo/calendars/Archive"
	demoConfig  = "demo"
	demoPeriod  = "2026-10-01 to 2026-10-31"
	demoDay     = "2026-10-15" // a chain of three meetings that collide, one of them tentative
)

// prepareDemo puts the sample month into a calendar, archives it as any other through queue and worker, and shows what became of it.
// What is there from an earlier start stays.
func (p *program) prepareDemo(ctx context.Context) error {
	c, err := p.api()
	if err != nil {
		return err
	}
	source, err := p.findCalendar(ctx, c, demoSource)
	if fault.Of(err) == fault.NotFound {
		_, err = c.do(ctx, request{method: http.MethodPost, path: "/v1/calendars", json: map[string]string{"uri": demoSource}}, &source)
	}
	if err != nil {
		return err
	}
	if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/calendars/" + source.ID + "/import", file: bytes.NewReader(sampleMonth)}, nil); err != nil {
		return fmt.Errorf("import the sample month: %w", err)
	}
	if _, _, err := p.findConfig(ctx, c, demoConfig); fault.Of(err) == fault.NotFound {
		body := configBody{Name: demoConfig, Source: demoSource, Archive: demoArchive, Timezone: "Europe/Berlin", Purpose: "general", Overlaps: "resolve", OnDrift: "ask", LookBack: 30, CreateCalendar: true}
		if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/archive-configs", json: body}, nil); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	fmt.Fprintf(p.out, "The sample month, %s, archived from %s into %s:\n\n", demoPeriod, demoSource, demoArchive)
	err = p.carryOut(ctx, request{method: http.MethodPost, path: "/v1/runs", json: runStart{Kind: "archive", Config: demoConfig, Period: demoPeriod}}, false)
	if exit := (exitError{}); err != nil && !errors.As(err, &exit) {
		return err
	}
	fmt.Fprintf(p.out, "\n%s as the ledger has it:\n\n", demoDay)
	entries, err := all[entryView](ctx, c, "/v1/ledger/"+demoConfig+"/days/"+demoDay, url.Values{}, 0)
	if err != nil {
		return err
	}
	zone, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		return err
	}
	p.printDay(entries, zone)
	fmt.Fprintln(p.out)
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
	p.printTable(table.Row{"When", "Subject", "Customer", "Billing", "Outcome", "Why"}, rows)
}
