package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small is one of the small files of package importing.
func small(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "shared", "calendar", "importing", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// ends demands an exit code.
func (r result) ends(code int) result {
	r.t.Helper()
	if r.code != code || r.err != "" {
		r.t.Errorf("%s: exit code %d, want %d\n%s%s", r.line, r.code, code, r.out, r.err)
	}
	return r
}

// partial demands that some of it was done.
func (r result) partial() result {
	r.t.Helper()
	return r.ends(exitPartial)
}

type imported struct {
	Total, Added, Changed, Unchanged, Older, Removed int
	SetAside                                         int `json:"set_aside"`
	DryRun                                           bool
	Items                                            []importedItem
	Aside                                            []importedAside
}

type importedItem struct {
	UID, Instance, Subject, Outcome string
	Fields                          []string
}

type importedAside struct {
	Line                         int
	UID, Subject, Reason, Detail string
}

// imported is what an import run came to, with its items.
func (m *machine) imported(r result) (got imported) {
	m.t.Helper()
	var done struct {
		ID     string
		DryRun bool `json:"dry_run"`
		Import imported
	}
	r.decode(&done)
	got, got.DryRun = done.Import, done.DryRun
	for _, item := range m.items(done.ID) {
		var it struct {
			Plan struct {
				UID, Instance, Subject, Outcome, Reason, Detail string
				Fields                                          []string
				Line                                            int
			}
		}
		if err := json.Unmarshal(item, &it); err != nil {
			m.t.Fatal(err)
		}
		p := it.Plan
		if p.Outcome == "set_aside" {
			got.Aside = append(got.Aside, importedAside{p.Line, p.UID, p.Subject, p.Reason, p.Detail})
			continue
		}
		got.Items = append(got.Items, importedItem{p.UID, p.Instance, p.Subject, p.Outcome, p.Fields})
	}
	return got
}

func TestImportingABrokenFileSaysWhatWasSetAside(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	broken := small(t, "62-lines-without-fold.ics")

	m.local("calendar", "import", work, broken, "--strict").fails(2, `line 10: event "n": "location that is not" is no content line`)
	m.local("calendar", "import", work, broken, "--dry-run").partial().
		says("preview: 2 events in the file: 1 added, 0 changed, 0 unchanged, 1 set aside", "10", "no content line")
	if out := m.local("calendar", "events", work, "--period", "2026-10-06").ok().out; !strings.Contains(out, "0 events") {
		t.Errorf("the preview wrote something:\n%s", out)
	}
	m.local("calendar", "import", work, broken).partial().says("2 events in the file: 1 added", "1 set aside")
	m.local("calendar", "events", work, "--period", "2026-10-06").ok().says("1 event,")

	got := m.imported(m.local("calendar", "import", work, broken, "--output", "json").partial())
	if got.Unchanged != 1 || got.SetAside != 1 || len(got.Aside) != 1 {
		t.Fatalf("%+v", got)
	}
	if got.Aside[0].Line != 10 || got.Aside[0].UID != "n" || got.Aside[0].Reason != "unreadable" {
		t.Errorf("%+v", got)
	}
}

func TestImportingManyNewEventsDoesNotListThem(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	preview := m.local("calendar", "import", work, sample(t), "--dry-run").ok()
	done := m.local("calendar", "import", work, sample(t)).ok()
	if strings.Contains(done.out, "Acme steering") || !strings.Contains(preview.out, "Acme steering") {
		t.Errorf("the preview tells\n%s\nand the import\n%s", preview.out, done.out)
	}
}

func TestImportingNamesWhatItChangesAndRemoves(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, small(t, "82-series-1.ics")).ok()
	m.local("calendar", "import", work, small(t, "82-series-2-moved.ics")).ok().says("added", "R moved", "2026-10-12T16:00:00Z")
	revise := strings.NewReplacer("SEQUENCE:3", "SEQUENCE:6", "SUMMARY:R", "SUMMARY:S")
	newer := m.file("newer.ics", revise.Replace(string(mustRead(t, small(t, "82-series-1.ics")))))
	m.local("calendar", "import", work, newer).ok().says("changed", "subject", "removed", "1 removed from the calendar")
	m.local("calendar", "import", work, small(t, "82-series-1.ics")).ok().says("1 older than what is there")
}

func TestRestoringABrokenFileSaysWhatWasSetAside(t *testing.T) {
	m := newMachine(t)
	broken := small(t, "62-lines-without-fold.ics")
	m.local("restore", "--file", broken, "--into", work, "--create", "--strict", "--yes").ends(exitFailed).says(`line 10: event "n"`)
	m.local("restore", "--file", broken, "--into", work, "--create", "--yes").partial().says("1 set aside", "no content line", "10")
	m.local("calendar", "events", work, "--period", "2026-10-06").ok().says("1 event,")
}

func TestRestoringAnEmptyFileMakesTheCalendar(t *testing.T) {
	m := newMachine(t)
	empty := m.file("empty.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nEND:VCALENDAR\r\n")
	m.local("restore", "--file", empty, "--into", work, "--create", "--yes").ok()
	m.local("calendar", "list").ok().says(work)
}

func TestAPlanExcludesWhatCannotBeRead(t *testing.T) {
	m := newMachine(t)
	config := m.file("config.json", `{"id": "work", "timezone": "Europe/Berlin", "purpose": "general", "overlaps": "resolve", "all_day_overlaps": false,
		"on_drift": "ask", "window": {"from": "2026-10-01", "to": "2026-10-31"}, "rules": []}`)
	for file, reason := range map[string]string{"62-lines-without-fold.ics": "unreadable", "55-value-date-with-time.ics": "invalid_time",
		"58-negative-duration.ics": "invalid_time"} {
		var plan struct {
			Counts map[string]int
			Items  []struct {
				Outcome, Reason string
				Issues          []string
			}
		}
		m.run("", "archive", "plan", "--events", small(t, file), "--config", config, "--output", "json").ok().decode(&plan)
		if plan.Counts["fetched"] != 2 || plan.Counts["archived"] != 1 || plan.Counts["excluded"] != 1 {
			t.Errorf("%s: %+v", file, plan.Counts)
		}
		for _, it := range plan.Items {
			if it.Outcome == "excluded" && (it.Reason != reason || len(it.Issues) != 1) {
				t.Errorf("%s: %+v", file, it)
			}
		}
	}
	var plan struct{ Counts map[string]int }
	m.run("", "archive", "plan", "--events", small(t, "84-days-around.ics"), "--config", config, "--output", "json").ok().decode(&plan)
	if plan.Counts["fetched"] != 2 || plan.Counts["excluded"] != 0 { // not what is on 1 November
		t.Errorf("%+v", plan.Counts)
	}
}

// TestALargeFileIsImportedAndRestored hands in files that are larger than a gateway takes, even compressed.
func TestALargeFileIsImportedAndRestored(t *testing.T) {
	m := newMachine(t)
	const events = 1100
	var file strings.Builder
	file.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	from := rand.NewChaCha8([32]byte{7})
	for i := range events {
		noise := make([]byte, 4<<10) // which no compression makes much smaller
		_, _ = from.Read(noise)
		at := time.Date(2026, 10, 1, 6, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Hour).Format("20060102T150405Z")
		fmt.Fprintf(&file, "BEGIN:VEVENT\r\nUID:%d@example.com\r\nDTSTAMP:20261001T000000Z\r\nDTSTART:%s\r\nDURATION:PT30M\r\nSUMMARY:Event %d\r\n", i, at, i)
		text := base64.StdEncoding.EncodeToString(noise)
		file.WriteString("DESCRIPTION:")
		for len(text) > 60 {
			file.WriteString(text[:60] + "\r\n ")
			text = text[60:]
		}
		file.WriteString(text + "\r\nEND:VEVENT\r\n")
	}
	file.WriteString("END:VCALENDAR\r\n")
	name := filepath.Join(t.TempDir(), "large.ics")
	if err := os.WriteFile(name, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if packed, err := compress(strings.NewReader(file.String())); err != nil || len(packed) <= throughGateway {
		t.Fatalf("it is not large: %d bytes, %v", len(packed), err)
	}
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, name).ok().says(fmt.Sprintf("%d events in the file: %d added", events, events))
	m.local("calendar", "events", work, "--period", "2026-10-02").ok().says("24 events")
	m.local("--yes", "restore", "--file", name, "--into", "local://me/calendars/Large", "--create").ok().says(fmt.Sprint(events))
	m.local("calendar", "events", "local://me/calendars/Large", "--period", "2026-10-02").ok().says("24 events")
}
