package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/restore"
)

func TestARestoreShowsWhatItWouldDoFirst(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("backup", "run", "--calendar", work).ok()
	var listed []struct{ ID string }
	if m.local("--output", "json", "backup", "list").ok().decode(&listed); len(listed) != 1 {
		t.Fatalf("%+v", listed)
	}
	id, into := listed[0].ID, "local://me/calendars/Copy"

	m.local("restore", "--backup", id, "--into", "Fresh", "--create").fails(exitUsage, `"Fresh": the provider is missing; expected msgraph:`)
	m.local("restore", "--backup", id, "--into", into, "--create", "--dry-run").ok().says("preview", "created", "succeeded")
	if out := m.local("calendar", "list").ok().out; strings.Contains(out, into) {
		t.Errorf("the preview made the calendar:\n%s", out)
	}
	if r := m.local("restore", "--backup", id, "--into", into, "--create"); r.code != exitUsage || !strings.Contains(r.err, "--yes") {
		t.Errorf("without a terminal to ask at: %+v", r)
	}
	m.local("restore", "--backup", id, "--into", into, "--create", "--yes").ok().says("succeeded", "created")
	var again struct{ Restore restore.Result }
	if err := json.Unmarshal([]byte(m.local("--output", "json", "--yes", "restore", "--backup", id, "--into", into).ok().out), &again); err != nil ||
		again.Restore.Counts.Skipped != again.Restore.Counts.Read || again.Restore.Counts.Read == 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	for _, line := range [][]string{
		{"restore", "--into", into}, {"restore", "--backup", id}, {"restore", "--backup", id, "--file", "x.ics", "--into", into},
		{"restore", "--backup", id, "--into", into, "--policy", "merge"},
	} {
		if r := m.local(line...); r.code != exitUsage {
			t.Errorf("%v: %+v", line, r)
		}
	}
	m.local("backup", "drill", "--calendar", work).ok().says("succeeded", "0 differ")
}

// TestARestoreThatWasKilledIsGoneOnWith kills the program while it writes a series, and asks for the same once more: what is half written
// is not called done.
func TestARestoreThatWasKilledIsGoneOnWith(t *testing.T) {
	m := newMachine(t)
	into := "local://me/calendars/Copy"
	m.local("calendar", "create", into).ok()
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:s\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Daily\r\n" +
		"DTSTART:20261005T090000Z\r\nDTEND:20261005T093000Z\r\nRRULE:FREQ=DAILY;COUNT=400\r\nEXDATE:20261006T090000Z\r\nEND:VEVENT\r\n")
	const moved = 300
	for i := range moved {
		day := time.Date(2026, 10, 7, 9, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format("20060102")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:s\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:Moved\r\nRECURRENCE-ID:%sT090000Z\r\n"+
			"DTSTART:%sT100000Z\r\nDTEND:%sT103000Z\r\nEND:VEVENT\r\n", day, day, day)
	}
	b.WriteString("END:VCALENDAR\r\n")
	args := []string{"--local", "--output", "json", "--yes", "restore", "--file", m.file("series.ics", b.String()), "--into", into}
	started := func() *exec.Cmd {
		cmd := m.command(t.Context(), args...)
		cmd.Env = append(cmd.Env, "ADMIN_ASSISTANT_LEASE=5s")
		return cmd
	}

	killed := started()
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	for !m.restoring() {
		time.Sleep(5 * time.Millisecond) // another process is what is waited for
	}
	if err := killed.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := killed.Wait(); err == nil {
		t.Fatal("it was done before it was killed")
	}

	var shown struct{ Restore restore.Result }
	preview := started()
	preview.Args = append(preview.Args, "--dry-run")
	if out, err := preview.Output(); err != nil || json.Unmarshal(out, &shown) != nil || shown.Restore.UnderWay == "" {
		t.Errorf("the preview: %v %+v", err, shown)
	}
	var r struct{ Restore restore.Result }
	if out, err := started().Output(); err != nil || json.Unmarshal(out, &r) != nil || r.Restore.Counts.Read != 1 || !r.Restore.Balanced {
		t.Errorf("the same again: %v %+v", err, r)
	}
	out := m.local("calendar", "export", into).ok().out
	if n, gone := strings.Count(out, "SUMMARY:Moved"), strings.Count(out, "EXDATE"); n != moved || gone != 1 {
		t.Errorf("%d of %d were moved, %d are gone", n, moved, gone)
	}
}

// restoring says whether a restore writes a series.
func (m *machine) restoring() bool {
	m.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(m.data, "store.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	var n int
	const begun = "SELECT count(*) FROM items WHERE CAST(sk AS TEXT) LIKE 'RESTORING#%' AND CAST(data AS TEXT) LIKE '%begun%'"
	if err := db.QueryRowContext(m.t.Context(), begun).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n > 0
}

func TestAFileIsRestored(t *testing.T) {
	m := newMachine(t)
	into := "local://me/calendars/Mine"
	file, err := os.ReadFile(sample(t))
	if err != nil {
		t.Fatal(err)
	}
	m.local("restore", "--file", sample(t), "--into", into, "--create", "--yes").ok().says("succeeded")
	packed, err := compress(strings.NewReader(string(file)))
	if err != nil {
		t.Fatal(err)
	}
	if again, err := compress(strings.NewReader(string(packed))); err != nil || string(again) != string(packed) {
		t.Errorf("what is compressed is compressed again: %v", err)
	}
	path := filepath.Join(m.files, "mine.ics.zst")
	if err := os.WriteFile(path, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	m.local("restore", "--file", path, "--into", into, "--yes").ok().says("skipped")
	bad := filepath.Join(m.files, "bad.ics")
	if err := os.WriteFile(bad, []byte("nothing of a calendar"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := m.local("restore", "--file", bad, "--into", into, "--yes"); r.code != exitUsage || !strings.Contains(r.err, "neither") {
		t.Errorf("%+v", r)
	}
}

func TestARestoreSaysWhichFieldsItChanges(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	event := func(uid, subject, clock string) string {
		return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:" + subject + "\r\nDTSTART:20261005T" + clock +
			"0000Z\r\nDTEND:20261005T120000Z\r\nEND:VEVENT\r\n"
	}
	file := func(name string, events ...string) string {
		return m.file(name, "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+strings.Join(events, "")+"END:VCALENDAR\r\n")
	}
	m.local("calendar", "import", work, file("old.ics", event("1", "Review", "10"), event("2", "Lunch", "11"))).ok()
	newer := file("new.ics", event("1", "Review of Acme", "09"), event("2", "Lunch", "11"))
	restored := []string{"restore", "--file", newer, "--into", work, "--policy", "replace"}
	for _, args := range [][]string{append(restored, "--dry-run"), append(restored, "--yes")} {
		m.local(args...).ok().says("Differs in", "Review of Acme", "subject, start", "nothing")
	}
	var shown []struct{ Plan restore.Entry }
	third := file("third.ics", event("1", "Third", "09"))
	var dry runResult
	m.local("--output", "json", "restore", "--file", third, "--into", work, "--policy", "replace", "--dry-run").ok().decode(&dry)
	m.local("run", "items", dry.ID, "--output", "json").ok().decode(&shown)
	if len(shown) != 1 || strings.Join(shown[0].Plan.Fields, " ") != "subject" {
		t.Errorf("%+v", shown)
	}
}
