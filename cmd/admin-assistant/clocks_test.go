package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestABackupSaysWhatCannotBeRestoredToMicrosoft365(t *testing.T) {
	m := newMachine(t)
	path := filepath.Join(m.files, "troll.ics")
	file := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x", "BEGIN:VEVENT", "UID:troll", "DTSTAMP:20260901T000000Z", "DTSTART;TZID=Antarctica/Troll:20261005T090000",
		"DTEND;TZID=Antarctica/Troll:20261005T100000", "RRULE:FREQ=WEEKLY;COUNT=5", "SUMMARY:Station call", "END:VEVENT", "END:VCALENDAR", "",
	}
	if err := os.WriteFile(path, []byte(strings.Join(file, "\r\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, path).ok()
	made := m.local("backup", "run", "--calendar", work).ok()
	made.says("1 series cannot be restored to Microsoft 365", "backup show ")
	_, id, _ := strings.Cut(made.out, "backup show ")
	id = strings.TrimSpace(id)
	m.local("backup", "show", id).ok().says("1 series cannot be restored to Microsoft 365", "Station call, in Antarctica/Troll")
	m.local("--output", "json", "backup", "show", id).ok().says(`"own_clocks_series": 1`, `"zone": "Antarctica/Troll"`)
}
