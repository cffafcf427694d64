package main

import (
	"strings"
	"testing"

	"adminassistant/shared/undo"
)

type undoneRun struct {
	ID    string
	State string
	Undo  undo.Result
}

func TestUndoARunAndThatAndWhatIsLeft(t *testing.T) {
	m := seeded(t)
	m.local("config", "edit", "work", "--on-drift", "accept").ok()
	archived := func() string {
		var r struct{ ID string }
		m.local("archive", "run", "--config", "work", "--period", october, "--output", "json").ok().decode(&r)
		return r.ID
	}
	first := archived()
	copies := func() int {
		return strings.Count(m.local("calendar", "export", "local://me/calendars/Archive").ok().out, "BEGIN:VEVENT\r\n")
	}
	all := copies()

	m.local("undo", first, "--dry-run").ok().says("preview of undo", "of "+first, "Umbrella report", "removed", "Acme", "0:00 h", " undone")
	var plan undoneRun
	m.local("undo", first, "--dry-run", "--output", "json").ok().decode(&plan)
	if plan.Undo.Counts.Undone == 0 || plan.Undo.PlanHash == "" || len(m.items(plan.ID)) != plan.Undo.Counts.Participants || copies() != all {
		t.Errorf("%+v", plan.Undo)
	}
	if r := m.local("undo", first); r.code != exitUsage || !strings.Contains(r.err, "--yes") || copies() != all {
		t.Errorf("without an answer: %d %s", r.code, r.err)
	}
	var undone undoneRun
	m.local("undo", first, "--yes", "--output", "json").ok().decode(&undone)
	if undone.State != "succeeded" || undone.Undo.Written != all || copies() != 0 {
		t.Errorf("%+v", undone)
	}
	archived()
	if n := copies(); n != 0 {
		t.Errorf("the next run archived %d again", n)
	}
	m.local("archive", "undo", undone.ID, "--yes").ok().says("undo ", "succeeded", "take that back with: admin-assistant ", " undo 01")
	if n := copies(); n != all {
		t.Errorf("%d of %d came back", n, all)
	}

	edited := m.file("edited.ics", strings.Replace(string(mustRead(t, sample(t))), "SUMMARY:Umbrella report", "SUMMARY:Umbrella final report", 1))
	m.local("calendar", "import", work, edited).ok()
	second := archived()
	m.local("undo", first, "--dry-run").partial().says("changed_since", second, "--cascade")
	m.local("undo", first, "--yes").partial().says("Umbrella final report", "changed_since", "1 left as they are")
	if n := copies(); n != 1 {
		t.Errorf("%d are left", n)
	}
	m.local("undo", second, "--yes").ok().says("1 undone")
	m.local("ledger", "verify", "--config", "work").ok()
	m.local("archive", "list").ok().says("undo", "1 left as they are (1 changed_since)")
	m.local("archive", "show", undone.ID).ok().says("Umbrella report", "removed")

	var dry struct{ ID string }
	m.local("archive", "run", "--config", "work", "--period", october, "--dry-run", "--output", "json").ok().decode(&dry)
	m.local("undo", dry.ID, "--yes").fails(exitFailed, "dry run")
	var restored struct{ ID string }
	m.local("restore", "--file", sample(t), "--into", "local://me/calendars/Copy", "--create", "--yes", "--output", "json").ok().decode(&restored)
	m.local("undo", restored.ID, "--dry-run").ok().says("Umbrella report", "removed")
	m.local("undo", restored.ID, "--yes").ok().says("succeeded")
	if out := m.local("calendar", "export", "local://me/calendars/Copy").ok().out; strings.Contains(out, "BEGIN:VEVENT") {
		t.Errorf("what was restored is still there")
	}
	m.local("undo", "last", "--yes").ok().says("take that back with") // of the undo: the copies are back
	if out := m.local("calendar", "export", "local://me/calendars/Copy").ok().out; !strings.Contains(out, "BEGIN:VEVENT") {
		t.Errorf("what was restored is not back")
	}
	m.local("undo", "last", "--config", "work", "--dry-run").ok().says("of ")

	own := func() string { return m.local("calendar", "export", work).ok().out }
	as := own()
	m.local("calendar", "import", work, m.file("again.ics", strings.Replace(string(mustRead(t, edited)), "Umbrella final report", "Umbrella last report", 1))).ok()
	m.local("undo", "last", "--dry-run").ok().says("preview of undo", "Umbrella last report", "back to what it was")
	m.local("undo", "last", "--yes").ok().says("1 undone", "take that back with")
	if now := own(); strings.Contains(now, "last report") || strings.Count(now, "BEGIN:VEVENT") != strings.Count(as, "BEGIN:VEVENT") {
		t.Errorf("the import is still there")
	}
	m.local("undo", "last", "--yes").ok()
	if !strings.Contains(own(), "last report") {
		t.Errorf("the import is not back")
	}
	m.local("undo", "nothing").fails(exitFailed, "there is no run")
}
