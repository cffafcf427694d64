package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adminassistant/shared/restore"
)

func TestARestoreShowsWhatItWouldDoFirst(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("backup", "run", "--calendar", work).ok()
	var listed []struct{ ID string }
	if err := json.Unmarshal([]byte(m.local("--output", "json", "backup", "list").ok().out), &listed); err != nil || len(listed) != 1 {
		t.Fatalf("%+v, %v", listed, err)
	}
	id, into := listed[0].ID, "local://me/calendars/Copy"

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
