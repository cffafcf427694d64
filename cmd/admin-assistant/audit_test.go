package main

import (
	"encoding/csv"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestAudit(t *testing.T) {
	m := seeded(t)
	list := func(args ...string) (found []auditView) {
		t.Helper()
		m.local(append([]string{"audit", "list", "--output", "json"}, args...)...).ok().decode(&found)
		return found
	}
	for range 200 { // a worker records the end of the import when it gets to it
		if len(list("--action", "run")) > 0 {
			break
		}
	}
	m.local("calendar", "create", work).fails(exitFailed, "exists already")
	everything := list("--most", "0")
	if len(everything) != 11 || everything[0].Action != "calendar.create" || everything[0].Outcome != "refused" ||
		everything[0].Fault != "conflict" || everything[10].Seq != 1 {
		t.Fatalf("listed %+v", everything)
	}
	created := everything[slices.IndexFunc(everything, func(r auditView) bool { return r.Action == "config.create" && r.Resource != "" })]
	m.local("audit", "list").ok().says("import.start", "config.create", "refused: conflict", created.Correlation)

	t.Run("is filtered by what the flags say", func(t *testing.T) {
		m.t = t
		began := everything[3].Time
		for _, c := range []struct {
			flags []string
			want  int
		}{
			{[]string{"--most", "3"}, 3},
			{[]string{"--action", "calendar"}, 4},
			{[]string{"--action", "import.start", "--outcome", "ok"}, 1},
			{[]string{"--outcome", "refused"}, 1},
			{[]string{"--kind", "config"}, 2},
			{[]string{"--resource", created.Resource}, 1}, // where it ended, when its id was known
			{[]string{"--correlation", everything[0].Correlation}, 2},
			{[]string{"--from", began.Add(time.Hour).Format(time.RFC3339)}, 0},
			{[]string{"--to", began.Add(time.Hour).Format(time.RFC3339)}, 11},
		} {
			if got := list(c.flags...); len(got) != c.want {
				t.Errorf("%q: %d records, want %d: %+v", c.flags, len(got), c.want, got)
			}
		}
		m.local("audit", "list", "--outcome", "fine").fails(exitUsage, "outcome")
		m.local("audit", "list", "--from", "someday").fails(exitUsage, "--from", "yesterday")
		for flags, want := range map[string]int{"--from yesterday": 11, "--to today": 11, "--to yesterday": 0, "--from today": 11, "--from 2026-01-01": 11} {
			if got := list(strings.Fields(flags)...); len(got) != want {
				t.Errorf("%s: %d records, want %d", flags, len(got), want)
			}
		}
	})
	t.Run("is exported, to a file or to the terminal", func(t *testing.T) {
		m.t = t
		shown := m.local("audit", "export").ok().out
		rows, err := csv.NewReader(strings.NewReader(shown)).ReadAll()
		if err != nil || len(rows) != 12 || !slices.Contains(rows[0], "action") {
			t.Errorf("%v in %s", err, shown)
		}
		file := filepath.Join(m.files, "audit.json")
		m.local("audit", "export", file, "--format", "json", "--action", "config").ok()
		var records []map[string]any
		if err := json.Unmarshal(mustRead(t, file), &records); err != nil || len(records) != 2 {
			t.Errorf("%v in %s", err, mustRead(t, file))
		}
		m.local("audit", "export", "--format", "xml").fails(exitUsage, "format")
	})
	t.Run("is verified, until it was changed", func(t *testing.T) {
		m.t = t
		m.local("audit", "verify").ok().says("the audit log holds: ")
		m.ownData(t)
		m.exec("store.db", "UPDATE items SET data = CAST('{}' AS BLOB) WHERE sk = CAST('"+everything[7].ID+"' AS BLOB)")
		broken := m.local("audit", "verify")
		broken.says("DOES NOT HOLD: 1 misfit", "record 4: altered")
		var report auditReport
		asJSON := m.local("audit", "verify", "--output", "json")
		asJSON.decode(&report)
		if broken.code != exitFailed || asJSON.code != exitFailed || report.OK || report.Count != 1 {
			t.Errorf("exit codes %d and %d, %+v", broken.code, asJSON.code, report)
		}
	})
}
