package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/imports"
)

// icsOf is an iCalendar file of events, one after the other from 9 o'clock of 5 October on.
func icsOf(subjects ...string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n")
	for _, s := range subjects {
		b.WriteString("BEGIN:VEVENT\r\nUID:" + s + "\r\nDTSTAMP:20260101T000000Z\r\nSUMMARY:" + s + "\r\nDTSTART:20261005T090000Z\r\n" +
			"DTEND:20261005T100000Z\r\nEND:VEVENT\r\n")
	}
	return b.String() + "END:VCALENDAR\r\n"
}

func TestACalendarMirrorsAFile(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", "work", m.file("a.ics", icsOf("Review", "Lunch", "Call"))).ok().says("3 added")
	file := m.file("b.ics", icsOf("Review", "Demo"))
	if r := m.local("calendar", "import", work, file, "--mirror"); r.code != exitUsage || !strings.Contains(r.err, "removes 2 events") ||
		!strings.Contains(r.out, "2 removed from the calendar") {
		t.Errorf("without an answer: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	m.local("calendar", "import", work, file, "--mirror", "--dry-run").ok().says("preview", "Lunch", "2 removed from the calendar")
	events := func() string { return m.local("calendar", "events", work, "-p", "2026-10-05").ok().out }
	if out := events(); !strings.Contains(out, "3 events") {
		t.Errorf("a preview changed something: %s", out)
	}
	var done struct {
		ID     string
		Import struct{ Added, Removed int }
	}
	m.local("--yes", "calendar", "import", work, file, "--mirror", "-o", "json").ok().decode(&done)
	if out := events(); done.Import.Removed != 2 || done.Import.Added != 1 || !strings.Contains(out, "2 events") || strings.Contains(out, "Lunch") {
		t.Errorf("%+v\n%s", done, out)
	}
	m.local("--yes", "calendar", "import", work, file, "--mirror").ok().says("0 added, 0 changed, 2 unchanged").without("removed")
	broken := m.file("c.ics", strings.Replace(icsOf("Review"), "DTSTART:20261005T090000Z\r\n", "DTSTART:never\r\n", 1))
	m.local("--yes", "calendar", "import", work, broken, "--mirror").fails(exitUsage, "nothing was imported", "not known what the file lacks")
	m.local("--yes", "undo", done.ID).ok()
	if out := events(); !strings.Contains(out, "3 events") || !strings.Contains(out, "Lunch") || strings.Contains(out, "Demo") {
		t.Errorf("after the undo: %s", out)
	}

	// What was archived into a calendar is no import's to remove.
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "UTC").ok()
	m.local("archive", "run", "-c", "work", "-p", "2026-10-05").says("written")
	m.local("calendar", "import", "Archive", m.file("own.ics", icsOf("Own"))).ok()
	m.local("--yes", "calendar", "import", "Archive", m.file("none.ics", icsOf("Other")), "--mirror").ok().says("1 added", "; 1 removed")
}

func TestACalendarMirrorsAFolder(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	folder := t.TempDir()
	put := func(name string, at int, subjects ...string) {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(icsOf(subjects...)), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Date(2026, 10, 1, 12, at, 0, 0, time.UTC)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	m.local("calendar", "subscribe").ok().says("Nothing to show.")
	m.local("calendar", "subscribe", work).fails(exitUsage, "FOLDER is missing")
	m.local("calendar", "subscribe", work, filepath.Join(folder, "none")).fails(exitUsage, "no folder")
	m.local("calendar", "subscribe", work, folder).ok().says(folder) // which has no files yet
	m.local("calendar", "sync").ok()
	put("one.ics", 1, "Review", "Lunch")
	put("two.ics", 2, "Review", "Lunch", "Call")
	put("notes.txt", 3, "Nothing")
	put(".hidden.ics", 4, "Nothing")
	m.local("calendar", "sync", "Work").ok().says("two.ics")
	events := func() string { return m.local("calendar", "events", work, "-p", "2026-10-05").ok().out }
	if out := events(); !strings.Contains(out, "3 events") {
		t.Errorf("the newest file is not there: %s", out)
	}
	put("three.ics", 5, "Review")
	if r := m.local("calendar", "sync"); r.code == exitOK || !strings.Contains(events(), "3 events") {
		t.Errorf("nobody was asked: %s%s", r.out, r.err)
	}
	m.local("calendar", "subscribe").ok().says("two.ics", "Say --yes")
	m.local("--yes", "calendar", "sync").ok().says("three.ics").without("Say --yes")
	if out := events(); !strings.Contains(out, "1 event,") {
		t.Errorf("after the sync: %s", out)
	}

	// A server looks by itself, and does not take a file that lacks most of the calendar.
	many := strings.Fields("a b c d e f g h i j k l")
	put("many.ics", 6, many...)
	server := m.command(context.Background(), "serve", "--addr", "127.0.0.1:0")
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill(); _ = server.Wait() })
	deadline := time.After(time.Minute)
	for !strings.Contains(m.local("calendar", "subscribe").out, "many.ics") {
		select {
		case <-deadline:
			t.Fatal("the server did not look")
		default:
		}
	}
	_ = server.Process.Kill()
	_ = server.Wait()
	if out := events(); !strings.Contains(out, "12 events") {
		t.Errorf("the server took: %s", out)
	}
	for removed, refused := range map[int]bool{9: false, 10: true} {
		var preview runView
		preview.Import = newImport(removed, 9)
		if err := unasked(preview); (err != nil) != refused {
			t.Errorf("%d of %d gone: %v", removed, removed+9, err)
		}
	}
	preview := runView{}
	preview.Import = newImport(20, 20)
	if err := unasked(preview); err != nil {
		t.Errorf("half of it gone: %v", err)
	}
	m.local("calendar", "subscribe", work, "--remove").ok()
	m.local("calendar", "subscribe", work, "--remove").fails(exitFailed, "not subscribed")
}

func newImport(removed, unchanged int) *imports.Result {
	return &imports.Result{Removed: removed, Unchanged: unchanged}
}

// TestSubscriptionsAreInTheDataFolder subscribes with the data folder that there is without a word, and lists from elsewhere.
func TestSubscriptionsAreInTheDataFolder(t *testing.T) {
	m := newMachine(t)
	share := t.TempDir()
	m.more = []string{"ADMIN_ASSISTANT_DATA=", "XDG_DATA_HOME=" + share, "TMPDIR=" + filepath.Join(share, "none")}
	m.local("calendar", "create", work).ok()
	folder := t.TempDir()
	m.local("calendar", "subscribe", work, folder).ok()
	m.files = t.TempDir()
	m.local("calendar", "subscribe").ok().says(folder)
	if left, err := os.ReadDir(m.files); err != nil || len(left) > 0 {
		t.Errorf("the folder where the command was given has %v, %v", left, err)
	}
}
