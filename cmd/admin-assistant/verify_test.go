package main

import (
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/run"
)

const shown = "local://me/calendars/Archive"

// edits has the user change the copies of some subjects in the archive calendar, each into the one that follows, and enter an event.
func (m *machine) edits(subjects ...string) {
	m.t.Helper()
	text := m.local("calendar", "export", shown).ok().out
	for i := 0; i < len(subjects); i += 2 {
		if n := strings.Count(text, "SUMMARY:"+subjects[i]+"\r\n"); n != 1 {
			m.t.Fatalf("%d copies of %q", n, subjects[i])
		}
		text = strings.Replace(text, "SUMMARY:"+subjects[i]+"\r\n", "SUMMARY:"+subjects[i+1]+"\r\n", 1)
	}
	m.local("calendar", "import", shown, m.file("copies.ics", text)).ok()
	m.local("calendar", "import", shown, m.file("own.ics", strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//test//EN", "BEGIN:VEVENT", "UID:own@example.com", "DTSTAMP:20261101T000000Z",
		"DTSTART:20261003T150000Z", "DTEND:20261003T153000Z", "SUMMARY:Own note", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n"))).ok()
}

// altered are the open actions about copies, by the subject that they are about.
func (m *machine) altered() map[string]string {
	m.t.Helper()
	var open []actionView
	m.local("action", "list", "--kind", "altered", "--output", "json").ok().decode(&open)
	ids := map[string]string{}
	for _, a := range open {
		var v actionDetail
		m.local("action", "show", a.ID, "--output", "json").ok().decode(&v)
		if v.Finding == nil || v.Finding.Appointment == nil {
			m.t.Fatalf("%+v", v)
		}
		ids[v.Finding.Appointment.Subject] = a.ID
	}
	return ids
}

func TestWhatAVerificationFindsIsRepairedAdoptedOrLeft(t *testing.T) {
	m := asking(t)
	verify := func(args ...string) result {
		return m.local(append([]string{"verify", "--config", "work"}, args...)...)
	}
	verify().ok().says("holds", "adds up", "nothing differs")
	m.edits("Umbrella report", "Umbrella final report", "Globex rollout", "Globex roll-out", "Globex design", "Globex designs")
	verify().partial().says(`subject: "Umbrella report" -> "Umbrella final report"`, "Own note: foreign", "3 altered, 1 foreign", "--repair", "--adopt",
		"4 things for you to decide, one by one: admin-assistant --local review --config work --kind altered")
	verify("--period", "2026-10-01 to 2026-10-02").ok()
	verify("--repair", "--adopt").fails(exitUsage, "--repair or --adopt")
	verify("--adopt=all").fails(exitUsage, "--adopt takes")
	verify("--answer", "x").fails(exitUsage, "--answer takes")
	verify("--dry-run").fails(exitUsage, "--dry-run")

	var dry runResult
	verify("--repair", "--dry-run", "--output", "json").partial().decode(&dry)
	var found []foundItem
	m.local("run", "items", dry.ID, "--output", "json").ok().decode(&found)
	if len(found) != 4 || found[0].Plan.Done == "" {
		t.Errorf("%+v", found)
	}
	ids := m.altered()
	if len(ids) != 4 {
		t.Fatalf("%v", ids)
	}
	report, rollout, design, own := ids["Umbrella report"], ids["Globex rollout"], ids["Globex design"], ids["Own note"]
	m.local("action", "show", report).ok().says("Umbrella report: altered", "Umbrella final report", "action resolve "+report+" --repair", "--leave",
		"times in Europe/Berlin")
	m.local("action", "list", "--kind", "altered").ok().says("Thu 2026-10-15 13:00-17:00 CEST", "They differ in: subject.")
	m.local("action", "resolve", report, "--repair", "--adopt").fails(exitUsage, "exclude each other")
	m.local("action", "resolve", report, "--repair", "--verdict", "1=keep").fails(exitUsage, "exclude each other")
	m.local("action", "resolve", report, "--leave", "--note", "why").fails(exitUsage, "--leave")
	m.local("action", "resolve", report, "--verdict", "1=keep").fails(exitUsage, "repaired or adopted")
	m.local("action", "resolve", own, "--repair").fails(exitUsage, "must be one of [adopt]")
	m.local("action", "resolve", m.about("Flight to Vienna").ID, "--repair").fails(exitUsage, "about no copy")
	m.local("action", "resolve", report).fails(exitFailed, "putting the copy right")
	m.local("action", "resolve", report, "--repair", "--dry-run").ok().says("dry run of a repair", "1 put back")
	if len(m.altered()) != 4 {
		t.Error("a dry run answered something")
	}

	m.local("action", "resolve", report, "--repair").ok().says("1 put back", "Umbrella report: altered, put_back")
	m.local("action", "resolve", rollout, "--adopt").ok().says("1 adopted")
	m.local("action", "resolve", own, "--leave").ok().says("dismissed", "you")
	m.local("action", "show", report).ok().says("resolved", "you")
	m.local("action", "resolve", report, "--adopt").fails(exitFailed, "resolved already")
	m.local("ledger", "day", "2026-10-21", "--config", "work").ok().says("Globex roll-out")
	if got := m.altered(); len(got) != 1 || got["Globex design"] != design {
		t.Errorf("open are %v", got)
	}
	verify().partial().says("1 altered, 1 foreign")
	verify("--adopt").partial().says("1 adopted", "Own note: foreign, left")
	if got := m.altered(); len(got) != 0 {
		t.Errorf("open are %v", got)
	}
	var runs []runView
	m.local("archive", "list", "--output", "json").ok().decode(&runs)
	var last runView
	for i := len(runs) - 1; i >= 0; i-- {
		if runs[i].Kind == run.Repair && !runs[i].DryRun {
			last = runs[i]
		}
	}
	if last.Repair == nil || last.Repair.Adopted != 1 || last.Repair.Mode != archive.AdoptFindings {
		t.Errorf("%+v", last)
	}
	m.local("undo", last.ID, "--yes").ok().says("1 undone")
	m.local("ledger", "day", "2026-10-06", "--config", "work").ok().says("Globex design")
	m.local("ledger", "verify", "--config", "work").ok()
}

func TestASeriesAndFieldsAreDecided(t *testing.T) {
	m := seeded(t)
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	text := string(mustRead(t, sample(t)))
	at := strings.Index(text, "UID:planning@consulting.example")
	rest := strings.Replace(text[at:], "SUMMARY:Mail and planning", "LOCATION:Desk\r\nSUMMARY:Mail and plans", 1)
	m.local("calendar", "import", work, m.file("edited.ics", text[:at]+strings.Replace(rest, "DTSTAMP:20261101", "DTSTAMP:20261102", 1))).ok()
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	var open []actionView
	m.local("action", "list", "--kind", "drift", "--output", "json").ok().decode(&open)
	if len(open) < 5 {
		t.Fatalf("%d drifted", len(open))
	}
	first, whole := open[0].ID, fmt.Sprintf("%d decided", len(open)-1)
	m.local("action", "resolve", first, "--verdict", "1=accept:subject").ok().says("Mail and plans", "taken over from the source", "1 decided")
	m.local("action", "resolve", first, "--verdict", "1=accept:colour").fails(exitUsage, "start, end, subject")
	m.local("action", "resolve", open[1].ID, "--series", "--each", "keep_archived", "--dry-run").ok().says("preview", whole)
	m.local("action", "resolve", open[1].ID, "--series", "--accept").ok().says(whole, "taken over from the source")
	m.local("action", "list", "--kind", "drift", "--output", "json").ok().decode(&open)
	if len(open) != 0 {
		t.Errorf("%d are open", len(open))
	}
	both := m.about("Travel to Acme")
	m.local("action", "resolve", both.ID, "--verdict", "1=merge:3", "--verdict", "2=keep").fails(exitUsage, "has no appointment 3")
	m.local("action", "resolve", both.ID, "--verdict", "1=merge:1", "--verdict", "2=merge:1", "--subject", "On the way").ok().
		says("On the way", "1 changed, 1 merged")
	m.local("ledger", "day", "2026-10-05", "--config", "work").ok().says("On the way", "08:00-08:55")
}
