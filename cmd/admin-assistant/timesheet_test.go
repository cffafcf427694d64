package main

import (
	"strings"
	"testing"
)

const sheetTerms = `{"timezone": "Europe/Berlin", "period": {"from": "2026-10-01", "to": "2026-10-31"}, "currency": "EUR",
 "rates": [{"from": "2026-01-01", "work": "120.00"}], "rounding": [{"from": "2026-01-01", "increment": 15, "mode": "up", "scope": "entry"}], "locked": []}`

func TestTimesheetOfFiles(t *testing.T) {
	m := newMachine(t)
	plan := m.run("", "archive", "plan", "--events", m.file("events.json", graphEvents), "--config", m.file("config.json", planConfig), "--output", "json").ok()
	entries, terms := m.file("plan.json", plan.out), m.file("terms.json", sheetTerms)
	type sheet struct {
		Positions []struct {
			Amount string
		}
		Totals []struct{ Amount, Currency string }
		Billed int `json:"billed_seconds"`
		Lines  []struct {
			Supplements string
			Subject     string
		}
	}
	var s, again, next sheet
	made := m.run("", "timesheet", "compute", "--entries", entries, "--terms", terms, "--output", "json").ok()
	made.decode(&s)
	if len(s.Totals) != 1 || s.Totals[0].Currency != "EUR" || s.Billed == 0 || s.Billed%900 != 0 {
		t.Errorf("got %s", made.out)
	}
	m.run("", "timesheet", "compute", "--entries", entries, "--terms", terms).ok().says("Acme review", "total "+s.Totals[0].Amount+" EUR", "billed")
	m.run(plan.out, "timesheet", "compute", "--entries", "-", "--terms", terms, "--output", "json").ok().decode(&again)
	if again.Billed != s.Billed {
		t.Errorf("piped: got %d billed", again.Billed)
	}
	t.Run("what changes after the lock is on the next sheet", func(t *testing.T) {
		later := strings.NewReplacer("2026-10-01", "2026-11-01", "2026-10-31", "2026-11-30", `"locked": []`, `"locked": [`+made.out+`]`).Replace(sheetTerms)
		m.run(`{"items": []}`, "timesheet", "compute", "--entries", "-", "--terms", m.file("later.json", later), "--output", "json").ok().decode(&next)
		if len(next.Totals) != 1 || next.Totals[0].Amount != "-"+s.Totals[0].Amount {
			t.Errorf("got %+v", next)
		}
	})
	t.Run("what cannot be is refused by name", func(t *testing.T) {
		m.run("", "timesheet", "compute", "--entries", entries, "--terms", m.file("bad.json", strings.Replace(sheetTerms, `"increment": 15`, `"increment": 7`, 1))).
			fails(exitUsage, "bad.json", "rounding[0].increment", "divides an hour")
		m.run("", "timesheet", "compute", "--entries", m.file("none.json", "[]"), "--terms", terms).fails(exitUsage, "none.json")
		m.run("", "timesheet", "compute", "--entries", "-", "--terms", "-").fails(exitUsage, "standard input")
		m.run("", "timesheet", "compute", "--entries", entries).fails(exitUsage, "--terms")
	})
}
