package main

import (
	"os"
	"path/filepath"
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

func TestATimesheetFromDraftToInvoice(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, m.file("october.ics", octoberOfTheDemo(t))).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin",
		"--overlaps", "resolve", "--verify", "none").ok()
	m.local("archive", "run", "--config", "work", "--period", october)
	var s, again sheetResult
	m.local("timesheet", "create", "--period", october, "--customer", "globex", "--output", "json").ok().decode(&s)
	if s.State != "draft" || len(s.Sheet.Lines) == 0 {
		t.Fatalf("got %+v", s)
	}
	m.local("timesheet", "show", "last").ok().says("Globex support")
	m.local("timesheet", "show", s.ID).ok().says("Globex support", "draft", "billed")
	m.local("timesheet", "approve", s.ID, "--note", "agreed").ok().says("approved", "sha256:")
	m.local("timesheet", "reopen", s.ID).fails(exitUsage, "--reason")
	m.local("timesheet", "reopen", s.ID, "--reason", "forgot one").ok().says("draft")
	m.local("timesheet", "approve", s.ID, "--note", "agreed").ok()
	m.local("timesheet", "lock", s.ID).fails(exitUsage, "--yes")
	m.local("--yes", "timesheet", "lock", s.ID).ok().says("locked by link 2")
	m.local("timesheet", "invoice", s.ID, "INV-7").ok().says("invoice INV-7")
	m.local("timesheet", "list").ok().says("globex", "locked", "INV-7")
	m.local("timesheet", "delete", s.ID).fails(exitFailed, "is locked")
	m.local("--yes", "timesheet", "send", s.ID, "--to", "ap@globex.example").fails(exitFailed, "customer edit")
	m.local("customer", "create", "globex", "--email", "ap@globex.example").ok()
	m.local("timesheet", "send", s.ID, "--to", "ap@globex.example").fails(exitUsage, "--yes")
	m.local("--yes", "timesheet", "send", s.ID, "--to", "else@globex.example").fails(exitUsage, "ap@globex.example")
	m.local("--yes", "timesheet", "send", s.ID, "--to", "ap@globex.example").ok().says("sent to ap@globex.example at 20")
	m.local("timesheet", "show", s.ID).ok().says("sent to ap@globex.example at 20")
	mails, err := filepath.Glob(filepath.Join(m.data, "outbox", "*.eml"))
	if err != nil || m.token == "" && len(mails) != 1 {
		t.Errorf("the outbox has %v, %v", mails, err)
	}
	for _, format := range []string{"pdf", "json"} {
		file := m.file("sheet."+format, "")
		m.local("--yes", "timesheet", "export", s.ID, file, "--format", format).ok()
		m.run("", "timesheet", "verify", file).ok().says("the timesheet holds", "signed with the key")
		m.run("", "timesheet", "verify", file, "--output", "json").ok().says(`"link": 2`)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		at := len(data) / 2 // in a PDF that is in a font
		if format == "json" {
			at = strings.Index(string(data), "Globex support")
		}
		data[at] ^= 1
		m.run("", "timesheet", "verify", m.file("changed."+format, string(data))).fails(exitFailed, "DOES NOT HOLD")
	}
	m.run("", "timesheet", "verify", filepath.Join(m.files, "none")).fails(exitFailed, "is not there")
	m.run("", "timesheet", "verify", m.file("note.txt", "hello")).fails(exitUsage, "this is no timesheet")
	m.local("timesheet", "export", s.ID, "--format", "csv").ok().says("Globex support")
	m.local("ledger", "verify", "--config", "work").ok()
	m.local("timesheet", "show", s.ID, "--output", "json").ok().decode(&again)
	if again.Sheet.Hash() != again.Hash {
		t.Errorf("the sheet hashes to %s, not %s", again.Sheet.Hash(), again.Hash)
	}
}

// octoberOfTheDemo is the demo's month.
func octoberOfTheDemo(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("demo", "sample.ics"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestASourceThatChangesAfterTheLockIsOnTheNextTimesheet(t *testing.T) {
	m := newMachine(t)
	month := octoberOfTheDemo(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, m.file("october.ics", month)).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin",
		"--overlaps", "resolve", "--verify", "none").ok()
	m.local("archive", "run", "--config", "work", "--period", october)
	var first, next sheetResult
	m.local("timesheet", "create", "--period", october, "--customer", "Initech", "--output", "json").ok().decode(&first)
	m.local("timesheet", "approve", first.ID, "--note", "agreed").ok()
	m.local("--yes", "timesheet", "lock", first.ID).ok()

	longer := strings.Replace(month, "SUMMARY:Initech research", "SUMMARY:Initech research and report", 1)
	if longer == month {
		t.Fatal("the month has no research")
	}
	m.local("calendar", "import", work, m.file("changed.ics", longer)).ok()
	m.local("archive", "run", "--config", "work", "--period", october)
	m.local("timesheet", "create", "--period", "2026-11-01 to 2026-11-30", "--customer", "Initech", "--output", "json").ok().decode(&next)
	if len(next.Sheet.Lines) != 0 {
		t.Errorf("a locked day took in a change by itself: %+v", next.Sheet.Lines)
	}
	var actions []struct {
		ID   string `json:"id"`
		Kind string `json:"kind"`
	}
	m.local("action", "list", "--kind", "drift", "--output", "json").ok().decode(&actions)
	if len(actions) != 1 {
		t.Fatalf("got %+v", actions)
	}
	if r := m.local("--yes", "action", "resolve", actions[0].ID, "--accept"); r.code == exitOK {
		t.Errorf("a locked day is changed without a word: %s", r.out)
	}
	m.local("--yes", "action", "resolve", actions[0].ID, "--accept", "--supplement", "--note", "Initech knows").ok()
	m.local("timesheet", "show", next.ID, "--output", "json").ok().decode(&next)
	if len(next.Sheet.Lines) != 2 || next.Sheet.Lines[0].Supplements != first.Sheet.Hash()+"#6" || next.Sheet.Lines[1].Subject != "Initech research and report" {
		t.Errorf("got %+v", next.Sheet.Lines)
	}
	m.local("ledger", "verify", "--config", "work").ok()
}
