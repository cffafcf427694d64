package main

import (
	"strings"
	"testing"
)

func TestCustomersAndHours(t *testing.T) {
	m := newMachine(t)
	const october = "2026-10-01 to 2026-10-31"
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, m.file("month.ics", string(sampleMonth))).ok()
	m.local("hours", "--period", october).fails(exitFailed, "no archive config")
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin",
		"--overlaps", "resolve").ok()
	m.local("archive", "run", "--config", "work", "--period", october)

	m.local("customer", "list", "--period", october).ok().says("Acme", "ACME", "customer create Globex")
	m.local("customer", "create", "Globex").ok().says("Globex")
	m.local("customer", "create", "acme", "--currency", "EUR", "--rate", "2026-01-01:120.00:50%", "--rate", "2026-11-01:130", "--rounding", "2026-01-01:15:up:day",
		"--rounding", "2026-07-01:0:::0", "--address", "Hauptstr. 1", "--address", "Berlin", "--email", "ap@acme.example").ok().
		says("120.00, travel 50%", "Rate from 2026-11-01", "15 min up by day", "Hauptstr. 1, Berlin", "ap@acme.example")
	m.local("customer", "create", "GLOBEX").fails(exitFailed, "a customer \"Globex\" already")
	m.local("customer", "create", "X", "--rate", "2026-01-01").fails(exitUsage, "FROM:WORK")
	m.local("customer", "create", "X", "--rate", "2026-01-01:many", "--currency", "EUR").fails(exitUsage, "--rate: work must be")
	m.local("customer", "create", "X", "--rounding", "2026-01-01:15:up").fails(exitUsage, "FROM:MINUTES")
	m.local("customer", "create", "X", "--rounding", "2026-01-01:some:up:day").fails(exitUsage, "no number")
	m.local("customer", "edit", "ACME").fails(exitUsage, "nothing to change")
	m.local("customer", "edit", "ACME", "--name", "Acme", "--day-minutes", "480", "--rounding", "2026-01-01:6:nearest:entry:30").ok().
		says("Acme", "8:00", "6 min nearest by entry, at least 30 min", "120.00, travel 50%")
	m.local("customer", "edit", "Acme", "--address", "").ok().without("Hauptstr")
	m.local("customer", "show", "new").fails(exitFailed, `no customer "new"`)
	m.local("customer", "list", "--period", october).ok().says("130 EUR from 2026-11-01", "6 min nearest by entry", "Initech", "Umbrella").
		without("customer create Acme")

	m.local("hours", "--period", october).ok().says("Customer", "Acme", "18:40", "left out:", "gaps between", "2026-10-06 08:30-09:00, 12:00-14:00, 14:30-17:00")
	m.local("--output", "csv", "hours", "--period", october, "--by", "billing").ok().says("billing,entries,", "non-billable,21,0,660,0,660")
	m.local("--output", "csv", "customer", "list").ok().says("id,name,")
	m.local("--output", "xml", "hours", "--period", october).fails(exitUsage, "table, json, yaml or csv")
	m.local("hours").fails(exitUsage, "--period is missing")
	m.local("hours", "working-time", "--period", october).ok().says("Rest before", "2026-10-05", "09:00", "Total")
	m.local("hours", "working-time", "--period", october, "--most-day", "1", "--most-week", "10").ok().says("long day", "week of 2026-10-05")
	m.local("--output", "csv", "hours", "working-time", "--period", october).ok().says("date,first_begin,", "2026-10-05,09:00:00,")
	m.local("--output", "json", "hours", "working-time", "--period", october).ok().says(`"first_begin"`)
	m.local("hours", "working-time", "--period", october, "--least-rest", "long").fails(exitUsage, "--least-rest")
	if out := m.local("--output", "json", "hours", "--period", october).ok().out; !strings.Contains(out, `"worked_minutes"`) {
		t.Error(out)
	}

	m.local("customer", "merge", "Initech", "Globex").ok().says("Initech")
	m.local("customer", "merge", "Acme", "Globex").fails(exitUsage, "becomes an alias", "--yes")
	m.local("--yes", "customer", "merge", "Acme", "Globex").ok().says("Initech, Acme")
	m.local("hours", "--period", october).ok().says("63:25").without("Acme")
	m.local("customer", "delete", "Globex").fails(exitUsage, "--yes")
	m.local("--yes", "customer", "delete", "acme").ok()
	m.local("customer", "list", "--period", october).ok().says("customer create Acme")
	m.local("audit", "list").ok().says("customer.create", "customer.merge", "customer.replace", "customer.delete")
}

// without demands that texts are not said.
func (r result) without(texts ...string) result {
	r.t.Helper()
	for _, text := range texts {
		if strings.Contains(r.out, text) {
			r.t.Errorf("says %q:\n%s", text, r.out)
		}
	}
	return r
}
