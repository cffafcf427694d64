package main

import (
	"archive/zip"
	"path/filepath"
	"strings"
	"testing"
)

// TestErasingYourself exports all before it erases, after it said what is to be kept.
func TestErasingYourself(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, m.file("october.ics", octoberOfTheDemo(t))).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin",
		"--overlaps", "resolve", "--verify", "none").ok()
	m.local("archive", "run", "--config", "work", "--period", october)
	var s sheetResult
	m.local("timesheet", "create", "--period", october, "--customer", "globex", "--output", "json").ok().decode(&s)
	m.local("timesheet", "approve", s.ID, "--note", "agreed").ok()
	m.local("--yes", "timesheet", "lock", s.ID).ok()

	file := filepath.Join(m.files, "all.zip")
	m.local("user", "export", file).ok()
	m.local("user", "erase").fails(exitUsage, "--export is missing")
	asked := m.local("user", "erase", "--export", file)
	if asked.code != exitUsage {
		t.Errorf("without --yes: exit code %d", asked.code)
	}
	for _, says := range []string{"One locked timesheet is in its retention period", s.ID + " of globex", "DE: 8 years", "CH: 10 years", "gov.uk"} {
		if !strings.Contains(asked.out+asked.err, says) {
			t.Errorf("it does not say %q: %s %s", says, asked.out, asked.err)
		}
	}
	m.local("timesheet", "show", s.ID).ok()
	erased := m.local("--yes", "user", "erase", "--export", file).ok()
	if !strings.Contains(erased.out, " user erase --go-on ") || !strings.Contains(erased.out, "exported into "+file) {
		t.Errorf("it says %s", erased.out)
	}
	z, err := zip.OpenReader(file)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	names := ""
	for _, f := range z.File {
		names += f.Name + " "
	}
	if !strings.Contains(names, "timesheets/"+s.ID) || !strings.Contains(names, ".jsonl") {
		t.Errorf("the file has %s", names)
	}
	m.local("timesheet", "show", s.ID).fails(exitFailed, "being erased")
	me := strings.TrimSpace(strings.SplitAfter(erased.out, "--go-on ")[1])
	m.local("user", "erase", "--go-on", me).ok().says("--go-on " + me)
	m.local("user", "erase", "--go-on", "somebody").fails(exitUsage, "your own object id")
}
