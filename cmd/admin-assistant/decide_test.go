package main

import (
	"strings"
	"testing"
)

// asking is a machine on which the sample month is archived, so that there is something to decide.
func asking(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin").ok()
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	return m
}

// about returns the open overlap that is about an appointment.
func (m *machine) about(subject string) (v actionDetail) {
	m.t.Helper()
	var open []actionView
	m.local("action", "list", "--kind", "overlap", "--output", "json").ok().decode(&open)
	for _, one := range open {
		m.local("action", "show", one.ID, "--output", "json").ok().decode(&v)
		for i := range v.Participants {
			if v.Participants[i].subject() == subject {
				return v
			}
		}
	}
	m.t.Fatalf("no open overlap is about %q", subject)
	return v
}

func TestWhatAnActionAsksIsDecided(t *testing.T) {
	m := asking(t)
	doctor := m.about("Doctor").ID
	m.local("action", "show", doctor).ok().says(`Suggestion 1: "Umbrella data request" is the only one with a customer.`, "left out",
		"Tue 2026-10-20 10:00-10:30", "action resolve "+doctor+" --suggestion 1")
	m.local("action", "resolve", doctor).fails(exitFailed, "decision")
	m.local("action", "resolve", doctor, "--verdict", "1=keep", "--accept").fails(exitUsage, "exclude each other")
	m.local("action", "resolve", doctor, "--verdict", "3=keep").fails(exitUsage, "has no appointment 3")
	m.local("action", "resolve", doctor, "--verdict", "1=hold").fails(exitUsage, `"hold"`)
	m.local("action", "resolve", doctor, "--note", "why").fails(exitUsage, "--verdict")
	m.local("action", "resolve", doctor, "--verdict", "1=drop", "--subject", "Umbrella").fails(exitUsage, "keep_as")
	m.local("action", "resolve").fails(exitUsage, "--all")

	both := m.local("action", "resolve", doctor, "--each", "keep")
	if both.code != exitPartial || !strings.Contains(both.out, "2 refused") ||
		!strings.Contains(both.out, "would share time") || strings.Contains(both.out, "undo") {
		t.Errorf("what would share time: exit code %d\n%s%s", both.code, both.out, both.err)
	}
	preview := m.local("action", "resolve", doctor, "--suggestion", "2", "--dry-run").ok()
	preview.says("preview", "Doctor", "kept, changed", "Tue 2026-10-20 10:00-10:30", "Umbrella       0:00 h  0:30 h")
	m.local("action", "list", "--kind", "overlap").ok().says(doctor)

	// Times are those of the config's zone.
	m.local("action", "resolve", doctor, "--verdict", "1=keep", "--verdict", "2=keep_as", "--start", "10:00", "--note", "it began late").ok().
		says("Tue 2026-10-20 09:00-10:00", "Tue 2026-10-20 10:00-10:30", "Umbrella       0:00 h  0:30 h", "admin-assistant ", " undo ")
	m.local("action", "resolve", doctor, "--suggestion", "1").fails(exitFailed, "resolved already")

	some := m.local("action", "resolve", "--all", "--kind", "overlap", "--suggestion", "2")
	if some.code != exitPartial || !strings.Contains(some.err, "has no suggestion 2; it stays open") {
		t.Errorf("all at once: exit code %d\n%s%s", some.code, some.out, some.err)
	}
	strategy := m.about("Initech strategy")
	m.local("action", "resolve", strategy.ID, "--verdict", "1=keep", "--verdict", strategy.Participants[1].Key+"=drop", "--verdict", "3=drop").ok().
		says("1 kept", "2 left out")
	m.local("action", "resolve", "--all", "--kind", "overlap", "--suggestion", "1").ok()
	m.local("action", "dismiss", "--all", "--kind", "orphan_modification").ok().says("dismissed")
	m.local("action", "dismiss", "--all", "--kind", "orphan_modification").fails(exitFailed, "no such open action")
	m.local("review").ok().says("Nothing needs you.")
}

func TestTheRecordIsCorrected(t *testing.T) {
	m := asking(t)
	ledger := func(verb string, args ...string) result {
		return m.local(append([]string{"ledger", verb, "--config", "work"}, args...)...)
	}
	ledger("add", "--start", "2026-10-06 05:00", "--end", "05:30", "--subject", "Call", "--category", "Acme - billable", "--note", "never entered").ok().
		says("Tue 2026-10-06 05:00-05:30", "Call", "added", "Acme")
	var day []entryView
	ledger("day", "2026-10-06", "--output", "json").ok().decode(&day)
	key := ""
	for _, e := range day {
		if e.Appointment.Subject == "Call" {
			key = e.Key
		}
	}
	ledger("amend", key).fails(exitUsage, "--category")
	ledger("amend", key, "--end", "25:00").fails(exitUsage, "--end")
	ledger("amend", key, "--start", "2026-03-29 02:30").fails(exitUsage, "does not exist")
	ledger("amend", key, "--start", "06:00", "--end", "04:00").fails(exitUsage, "before the start")
	ledger("amend", "nothing", "--subject", "Call").fails(exitFailed, "nothing")
	ledger("amend", key, "--category", "Globex - billable", "--end", "05:45", "--dry-run").ok().says("preview", "05:00-05:45", "Globex")
	ledger("amend", key, "--category", "Globex - billable", "--end", "05:45").ok().says("05:00-05:45", "kept, changed", "Globex")
	ledger("day", "2026-10-06").ok().says("05:00-05:45", "Globex")
	ledger("withdraw", key).ok().says("withdrawn")
	ledger("day", "2026-10-06").ok().says("withdrawn")

	var runs []runView
	m.local("archive", "list", "--output", "json").ok().decode(&runs)
	m.local("archive", "show", runs[0].ID).ok().says("Call", "withdrawn", "Globex")
}
