package main

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// binary is the program, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "admin-assistant-test-*")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "admin-assistant")
		if out, err := exec.Command("go", "build", "-ldflags", "-X main.version=1.2.3", "-o", binary, ".").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// machine is a user's machine: a folder for data and one for files, or a deployment that the user is signed in to.
type machine struct {
	t     *testing.T
	data  string
	files string
	token string   // for the deployment
	more  []string // variables of the environment
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, data: filepath.Join(t.TempDir(), "data"), files: t.TempDir()}
	if deployed != nil {
		m.token = deployed.take()
	}
	return m
}

// file writes a file and returns its path.
func (m *machine) file(name, content string) string {
	m.t.Helper()
	path := filepath.Join(m.files, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		m.t.Fatal(err)
	}
	return path
}

func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = m.files
	cmd.Env = []string{"ADMIN_ASSISTANT_DATA=" + m.data, "ADMIN_ASSISTANT_API=http://127.0.0.1:1", "TZ=Europe/Berlin", "HOME=" + m.files,
		"PATH=" + filepath.Dir(binary) + string(filepath.ListSeparator) + os.Getenv("PATH")}
	cmd.Env = append(cmd.Env, m.more...)
	if m.token != "" {
		cmd.Env = append(cmd.Env, "ADMIN_ASSISTANT_API="+deployed.cloud.URL, "ADMIN_ASSISTANT_TOKEN="+m.token)
	}
	return cmd
}

// result is what a command printed and how it ended.
type result struct {
	t        *testing.T
	line     string
	code     int
	out, err string
}

// run runs a command line as a user would, with stdin as its input.
func (m *machine) run(stdin string, args ...string) result {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(m.t.Context(), time.Minute)
	defer cancel()
	cmd := m.command(ctx, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) || ctx.Err() != nil {
		m.t.Fatalf("%q: %v", args, err)
	}
	return result{t: m.t, line: strings.Join(args, " "), code: cmd.ProcessState.ExitCode(), out: out.String(), err: errs.String()}
}

// local runs a command on the stores of the machine; where the test runs on a deployment, on those.
func (m *machine) local(args ...string) result {
	m.t.Helper()
	if m.token != "" {
		return m.run("", args...)
	}
	return m.run("", append([]string{"--local"}, args...)...)
}

// ok demands success.
func (r result) ok() result {
	r.t.Helper()
	if r.code != exitOK || r.err != "" {
		r.t.Fatalf("%s: exit code %d\n%s%s", r.line, r.code, r.out, r.err)
	}
	return r
}

// fails demands an exit code and one line for the user that says these texts, and nothing else.
func (r result) fails(code int, says ...string) result {
	r.t.Helper()
	if r.code != code || r.out != "" || strings.Count(r.err, "\n") != 1 || !strings.HasPrefix(r.err, "admin-assistant: ") {
		r.t.Errorf("%s: exit code %d, want %d and one line\nout: %s\nerr: %s", r.line, r.code, code, r.out, r.err)
	}
	for _, text := range says {
		if !strings.Contains(r.err, text) {
			r.t.Errorf("%s: says %q, not %q", r.line, r.err, text)
		}
	}
	return r
}

// says demands texts in the output.
func (r result) says(texts ...string) result {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.out, text) {
			r.t.Errorf("%s: does not print %q:\n%s", r.line, text, r.out)
		}
	}
	return r
}

// decode reads the output as JSON, and nothing but JSON. Into a slice it reads the items of a list.
func (r result) decode(v any) {
	r.t.Helper()
	if reflect.TypeOf(v).Elem().Kind() == reflect.Slice {
		var list struct {
			Items json.RawMessage
			Next  *string
		}
		if err := json.Unmarshal([]byte(r.out), &list); err != nil || list.Next == nil {
			r.t.Fatalf("%s: %v: no list in\n%s", r.line, err, r.out)
		}
		r.out = string(list.Items)
	}
	if err := json.Unmarshal([]byte(r.out), v); err != nil {
		r.t.Fatalf("%s: %v in\n%s", r.line, err, r.out)
	}
}

const (
	october = "2026-10-01 to 2026-10-31"
	work    = "local://me/calendars/Work"
)

func sample(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("demo/sample.ics")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// seeded is a machine with the sample month in a calendar and a config for it.
func seeded(t *testing.T) *machine {
	t.Helper()
	m := newMachine(t)
	m.local("calendar", "create", work).ok()
	m.local("calendar", "import", work, sample(t)).ok()
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin",
		"--overlaps", "resolve").ok()
	return m
}

type runResult struct {
	ID     string
	Kind   string
	State  string
	DryRun bool `json:"dry_run"`
	Result struct {
		Counts   map[string]int
		Balanced bool
		Written  int
		Link     string
	}
}

func TestFromAFileToTheLedgerAndBack(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", work).ok().says("created " + work)
	m.local("calendar", "import", work, sample(t)).ok().says("57 events in the file: 57 added, 0 changed, 0 unchanged")
	m.local("calendar", "import", work, sample(t)).ok().says("0 added, 0 changed, 57 unchanged")
	m.local("calendar", "events", work, "--period", "2026-10-15").ok().says("Initech strategy", "Thu 2026-10-15 09:00-11:00", "Europe/Berlin")
	m.local("calendar", "overlaps", work, "--period", "2026-10-15").ok().says("1 group,", "Globex architecture")
	m.local("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin",
		"--overlaps", "resolve").ok()

	plan := m.local("archive", "plan", "--config", "work", "--period", october, "--output", "json").ok()
	first := m.local("archive", "run", "--config", "work", "--period", october).ok()
	first.says("succeeded", "Bucket", "fetched ", " = archived ", ": balanced")
	m.local("archive", "run", "--config", "work", "--period", october).ok().says("fetched ", " = archived 0 + ", "0 written")

	var dry struct {
		Counts   map[string]int
		Balanced bool
		Window   map[string]string
		Items    []any
	}
	var again, run runResult
	plan.decode(&dry)
	m.local("archive", "plan", "--config", "work", "--period", october).ok().says("dry run", "Thu 2026-10-15 09:00-11:00", "Initech strategy", "0 written")
	m.local("archive", "run", "--config", "WORK", "--period", october, "--output", "json").ok().decode(&again)
	var runs []runResult
	m.local("archive", "list", "--output", "json").ok().decode(&runs)
	runs = slices.DeleteFunc(runs, func(r runResult) bool { return r.Kind == "import" })
	if len(runs) != 5 || runs[0].ID != again.ID || !runs[4].DryRun {
		t.Fatalf("runs, the newest first: %+v", runs)
	}
	m.local("archive", "show", runs[3].ID, "--output", "json").ok().decode(&run)
	if dry.Window["start"] != "2026-10-01T00:00:00+02:00" || !dry.Balanced || fmt.Sprint(dry.Counts) != fmt.Sprint(run.Result.Counts) ||
		len(dry.Items) != run.Result.Counts["fetched"] {
		t.Errorf("the plan tells %+v, the run did %+v", dry, run.Result)
	}
	sum := 0
	for _, bucket := range []string{"archived", "unchanged", "merged", "absorbed", "superseded", "conflicted", "excluded", "drifted"} {
		sum += run.Result.Counts[bucket]
	}
	if fetched := run.Result.Counts["fetched"]; sum != fetched || fetched == 0 || !run.Result.Balanced || len(m.items(run.ID)) != fetched ||
		run.Result.Written != run.Result.Counts["archived"] {
		t.Errorf("%d events in buckets, %d items: %+v", sum, len(m.items(run.ID)), run.Result)
	}
	if again.Result.Written != 0 || again.Result.Counts["unchanged"] != run.Result.Counts["archived"] {
		t.Errorf("again: %+v", again.Result)
	}

	m.local("ledger", "day", "2026-10-15", "--config", "work").ok().says("Initech strategy", "conflicted", "Lunch", "times in Europe/Berlin")
	m.local("ledger", "day", "2026-10-15", "--config", "work", "--as-of", "2020-01-01T00:00:00Z").ok().says("0 entries")
	var entries []struct{ Key string }
	m.local("ledger", "day", "15-Oct-2026", "--config", "work", "--output", "json").ok().decode(&entries)
	m.local("ledger", "history", entries[0].Key, "--config", "work").ok().says("1 entry,")
	m.local("ledger", "verify", "--config", "work").ok().says("The ledger holds")

	archive := filepath.Join(m.files, "archive.ics")
	m.local("calendar", "export", "local://me/calendars/archive", archive).ok()
	exported, err := os.ReadFile(archive)
	if err != nil || bytes.Count(exported, []byte("BEGIN:VEVENT\r\n")) != run.Result.Written {
		t.Errorf("exported %d events, archived were %d: %v", bytes.Count(exported, []byte("BEGIN:VEVENT\r\n")), run.Result.Written, err)
	}
	out := m.local("calendar", "export", "local://me/calendars/Archive").ok().out
	if strings.Count(out, "BEGIN:VEVENT\r\n") != run.Result.Written || strings.Contains(out, "ATTENDEE") {
		t.Errorf("the export to the terminal differs, or invites somebody")
	}

	edited := m.file("edited.ics", strings.Replace(string(mustRead(t, sample(t))), "SUMMARY:Umbrella report", "SUMMARY:Umbrella final report", 1))
	m.local("calendar", "import", work, edited).ok().says("0 added, 1 changed, 56 unchanged")
	m.local("archive", "run", "--config", "work", "--period", october).ok().says(" + drifted 1;", "5 for you to decide")
}

// items are those of a run.
func (m *machine) items(run string) (items []json.RawMessage) {
	m.t.Helper()
	m.local("run", "items", run, "--output", "json").ok().decode(&items)
	return items
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const planConfig = `{"id": "work", "timezone": "Europe/Berlin", "purpose": "general", "overlaps": "resolve", "all_day_overlaps": false, ` +
	`"on_drift": "ask", "window": {"from": "2026-10-01", "to": "2026-10-31"}, "rules": []}`

const graphEvents = `{"value": [
	{"id": "a", "iCalUId": "uid-a", "type": "singleInstance", "subject": "Acme review",
		"start": {"dateTime": "2026-10-05T07:00:00.0000000", "timeZone": "UTC"}, "end": {"dateTime": "2026-10-05T08:00:00.0000000", "timeZone": "UTC"},
		"showAs": "busy", "categories": ["Acme - billable"]},
	{"id": "b", "iCalUId": "uid-b", "type": "singleInstance", "subject": "Maybe lunch",
		"start": {"dateTime": "2026-10-05T07:30:00.0000000", "timeZone": "UTC"}, "end": {"dateTime": "2026-10-05T08:30:00.0000000", "timeZone": "UTC"},
		"showAs": "tentative", "categories": ["Break - non-billable"]}
]}`

func TestPlanFromFiles(t *testing.T) {
	m := newMachine(t)
	// There is no place for a store and no server: the plan needs neither.
	m.data = filepath.Join(m.file("in-the-way", ""), "data")
	config := m.file("config.json", planConfig)
	events := m.file("events.json", graphEvents)
	type plan struct {
		Window   map[string]string
		Counts   map[string]int
		Balanced bool
		Items    []struct {
			EventID string `json:"event_id"`
			Outcome string
			Reason  string
			By      string
		}
		Overlaps, Actions []any
	}
	made := m.run("", "archive", "plan", "--events", events, "--config", config, "--output", "json").ok()
	var p plan
	made.decode(&p)
	if p.Window["start"] != "2026-10-01T00:00:00+02:00" || p.Window["end"] != "2026-11-01T00:00:00+01:00" || !p.Balanced || len(p.Items) != 2 ||
		p.Items[0].Outcome != "archived" || p.Items[1].Outcome != "superseded" || p.Items[1].By != "a" || len(p.Overlaps) != 1 || p.Actions == nil {
		t.Errorf("plan %+v", p)
	}
	m.run("", "archive", "plan", "--events", events, "--config", config).ok().says("Mon 2026-10-05 09:00-10:00", "Acme review", "superseded",
		`by "Acme review"`, "balanced")

	t.Run("the bare array, standard input and a list without its object give the same", func(t *testing.T) {
		m.t = t
		if piped := m.run(graphEvents, "archive", "plan", "--events", "-", "--config", config, "--output", "json").ok(); piped.out != made.out {
			t.Errorf("standard input: %s", piped.out)
		}
		array := m.file("array", strings.TrimSuffix(strings.TrimPrefix(graphEvents, `{"value": `), "}"))
		if bare := m.run("", "archive", "plan", "--events", array, "--config", config, "--output", "json").ok(); bare.out != made.out {
			t.Errorf("array: %s", bare.out)
		}
		marked := m.file("marked.json", "\ufeff"+graphEvents)
		if again := m.run("\ufeff"+planConfig, "archive", "plan", "--events", marked, "--config", "-", "--output", "json").ok(); again.out != made.out {
			t.Error("files with a byte order mark make another plan")
		}
		if piped := m.run(planConfig, "archive", "plan", "--events", events, "--config", "-", "--output", "json").ok(); piped.out != made.out {
			t.Errorf("config from standard input: %s", piped.out)
		}
	})
	t.Run("an earlier plan is what the ledger holds", func(t *testing.T) {
		m.t = t
		earlier := m.file("earlier.json", made.out)
		var again, changed, gone plan
		m.run("", "archive", "plan", "--events", events, "--config", config, "--ledger", earlier, "--output", "json").ok().decode(&again)
		if again.Counts["unchanged"] != 1 || again.Counts["superseded"] != 1 || again.Counts["archived"] != 0 {
			t.Errorf("again %v", again.Counts)
		}
		edited := m.file("edited.json", strings.Replace(graphEvents, "Acme review", "Acme audit", 1))
		m.run("", "archive", "plan", "--events", edited, "--config", config, "--ledger", earlier, "--output", "json").ok().decode(&changed)
		if changed.Counts["drifted"] != 1 {
			t.Errorf("changed %v", changed.Counts)
		}
		m.run(`[]`, "archive", "plan", "--events", "-", "--config", config, "--ledger", earlier, "--output", "json").ok().decode(&gone)
		if gone.Counts["vanished"] != 1 || gone.Counts["fetched"] != 0 || !gone.Balanced {
			t.Errorf("gone %v", gone.Counts)
		}
	})
	t.Run("an iCalendar file is expanded over the window", func(t *testing.T) {
		m.t = t
		var month plan
		m.run("", "archive", "plan", "--events", sample(t), "--config", config, "--output", "json").ok().decode(&month)
		if month.Counts["fetched"] <= 57 || !month.Balanced {
			t.Errorf("month %v", month.Counts)
		}
	})
	for _, tt := range []struct {
		name           string
		events, config string
		says           []string
	}{
		{"a window that ends before it starts", graphEvents, strings.Replace(planConfig, `"to": "2026-10-31"`, `"to": "2026-09-30"`, 1),
			[]string{"window.to", "before"}},
		{"an unknown zone", graphEvents, strings.Replace(planConfig, "Europe/Berlin", "Mars/Base", 1), []string{"timezone", "Mars/Base"}},
		{"an unknown field", graphEvents, strings.Replace(planConfig, `"id"`, `"colour": 1, "id"`, 1), []string{"colour"}},
		{"a config that is no JSON", graphEvents, "timezone: Europe/Berlin", []string{"config.json"}},
		{"events that break off", graphEvents[:100], planConfig, []string{"events.json", "ends too early"}},
		{"events that are one page of several",
			strings.Replace(graphEvents, `{"value"`, `{"@odata.nextLink": "https://example.com/next", "value"`, 1), planConfig, []string{"nextLink"}},
		{"an iCalendar file that breaks off", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:a\r\n", planConfig, []string{"events.json"}},
		{"a file that is something else", "MZ\x90\x00", planConfig, []string{"events.json"}},
		{"an empty file", "", planConfig, []string{"events.json"}},
		{"an event with a field twice", strings.Replace(graphEvents, `"subject"`, `"subject": "other", "subject"`, 1), planConfig,
			[]string{"events.json", "value[0].subject", "twice"}},
		{"an event with a field in two cases", strings.Replace(graphEvents, `"subject"`, `"Subject": "other", "subject"`, 1), planConfig,
			[]string{"events.json", "value[0].subject", "twice"}},
		{"a config with a field in two cases", graphEvents, strings.Replace(planConfig, `"id"`, `"Id": "other", "id"`, 1), []string{"config.json", "id", "twice"}},
		{"events in UTF-16", "\xff\xfe{\x00", planConfig, []string{"events.json", "save it as UTF-8"}},
		{"a config in UTF-16", graphEvents, "{\x00", []string{"config.json", "save it as UTF-8"}},
	} {
		t.Run(tt.name+" is refused", func(t *testing.T) {
			m := newMachine(t)
			m.run("", "archive", "plan", "--events", m.file("events.json", tt.events), "--config", m.file("config.json", tt.config),
				"--output", "table").fails(exitUsage, tt.says...)
		})
	}
	m.t = t
	m.run("", "archive", "plan", "--events", "nowhere.json", "--config", config).fails(exitUsage, "nowhere.json")
	m.run("", "archive", "plan", "--events", events, "--config", config, "--ledger", config).fails(exitUsage, "config.json", "no plan")
	m.run("", "archive", "plan", "--events", m.files, "--config", config).fails(exitUsage, "is a folder")
}

func TestPlanFromFilesWithDecisions(t *testing.T) {
	m := newMachine(t)
	config, events := m.file("config.json", planConfig), m.file("events.json", graphEvents)
	var p struct {
		Counts map[string]int
		Items  []struct{ Key, Hash, Outcome, Reason, By, Decision string }
		Issues []string
	}
	args := []string{"archive", "plan", "--events", events, "--config", config}
	m.run("", append(args, "--output", "json")...).ok().decode(&p)
	decisions := fmt.Sprintf(`[{"id": "d1", "kind": "overlap", "seen": [{"key": %q, "hash": %q}, {"key": %q, "hash": %q}, {"key": "nobody", "hash": "sha256:1"}],
		"verdicts": [{"key": %q, "verdict": "drop"}, {"key": %q, "verdict": "keep_as", "fields": {"start": "2026-10-05T10:00:00+02:00"}},
			{"key": "decision:01K6ZXV3N4T9Y8QK7C2M5R1B0D", "verdict": "create", "fields": {"start": "2026-10-05T09:00:00+02:00", "end": "2026-10-05T10:00:00+02:00",
				"subject": "Globex call", "categories": ["Globex - billable"]}}, {"key": "nobody", "verdict": "keep"}]}]`,
		p.Items[0].Key, p.Items[0].Hash, p.Items[1].Key, p.Items[1].Hash, p.Items[0].Key, p.Items[1].Key)
	args = append(args, "--decisions", m.file("decisions.json", decisions))
	m.run("", append(args, "--output", "json")...).ok().decode(&p)
	var got []string
	for _, it := range p.Items {
		got = append(got, it.Outcome+" "+it.Reason+" "+it.Decision)
	}
	slices.Sort(got)
	if want := []string{"archived decision d1", "created decision d1", "superseded decision d1"}; !slices.Equal(got, want) || p.Counts["created"] != 1 ||
		p.Counts["fetched"] != 2 || len(p.Issues) != 1 {
		t.Errorf("%q, counts %v, issues %q", got, p.Counts, p.Issues)
	}
	m.run("", args...).ok().says("decision (d1 drop)", "decision (d1 keep_as)", "start 2026-10-05 09:30 -> 2026-10-05 10:00 (decision)",
		"Globex call", "decision (d1 create)", "created 1: balanced", `decision "d1" is about a key that is not here: "nobody"`)

	wrong := m.file("wrong.json", strings.Replace(decisions, `"end": "2026-10-05T10:00`, `"end": "2026-10-05T08:59`, 1))
	m.run("", append(args[:len(args)-1], wrong)...).fails(exitUsage, "wrong.json", "[0].verdicts[2].fields.end", "before the start")
	m.run("", append(args[:len(args)-1], "nowhere.json")...).fails(exitUsage, "nowhere.json")
}

func TestWordsThatMakeNoSense(t *testing.T) {
	const nobody = "12345678-1234-4234-8234-123456789012"
	m := newMachine(t)
	for _, args := range [][]string{
		{"dance"}, {"calendar", "dance"}, {"archive", "dance"}, {"config", "dance"}, {"ledger", "dance"},
		{"--dance"}, {"calendar", "create"}, {"calendar", "create", "a", "b"}, {"calendar", "import", "a"}, {"calendar", "events", work},
		{"archive", "run"}, {"archive", "show"}, {"archive", "plan"}, {"archive", "retry"}, {"config", "create", "--name", "x"},
		{"config", "create", "--look-back", "many"},
		{"ledger", "day"}, {"ledger", "day", "2026-10-15"}, {"ledger", "history", "key"}, {"ledger", "verify"},
		{"audit", "dance"}, {"audit", "list", "now"}, {"audit", "list", "--most", "few"}, {"audit", "export", "a", "b"}, {"audit", "verify", "now"},
		{"user", "dance"}, {"user", "list", "now"}, {"user", "show"}, {"user", "disable"}, {"user", "enable", "a", "b"}, {"user", "role", "a"}, {"user", "delete"},
		{"user", "grants"}, {"user", "grant", "a"}, {"user", "revoke-grant", "a"},
		{"user", "disable", nobody}, // which nobody confirms
		{"job", "dance"}, {"job", "create"}, {"job", "create", "--config", "x"},
		{"job", "create", "--config", "x", "--daily", "01:00", "--monthly", "1@01:00"}, {"job", "show"},
		{"login", "now"}, {"logout", "now"}, {"whoami", "now"}, {"--profile", "My Profile", "whoami"}, {"--profile", "none", "whoami"},
		{"version", "now"}, {"version", "--output", "xml"},
		{"serve", "--addr", "0.0.0.0:8080"}, {"serve", "--addr", ":8080"}, {"serve", "--addr", "[::]:0"}, {"serve", "--addr", "example.com:80"},
		{"serve", "--addr", "8080"},
		{"archive", "plan", "--config", "x", "--ledger", "y"},
		{"archive", "plan", "--config", "x", "--decisions", "y"}, {"archive", "plan", "--events", "x", "--config", "y", "--period", "today"},
		{"--api", "not an address", "calendar", "list"}, {"--api", "ftp://127.0.0.1", "calendar", "list"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			m.t = t
			m.run("", args...).fails(exitUsage)
		})
	}
	if _, err := os.Stat(m.data); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something was written: %v", err)
	}
}

func TestHelp(t *testing.T) {
	m := newMachine(t)
	for group, commands := range map[string][]string{
		"": {"login", "logout", "whoami", "calendar", "config", "archive", "backup", "undo", "job", "ledger", "audit", "user", "serve", "service",
			"browser", "version", "completion", "category", "customer", "hours"},
		"calendar":   {"create", "list", "delete", "import", "export", "events", "overlaps"},
		"config":     {"create", "list", "show", "edit", "activate", "deactivate", "delete"},
		"rule":       {"list", "add", "edit", "delete", "move", "try", "suggest"},
		"archive":    {"plan", "run", "show", "list", "retry", "undo"},
		"category":   {"list", "create", "recolour", "rename", "delete", "validate"},
		"place":      {"list", "alias"},
		"travel":     {"gaps"},
		"customer":   {"list", "create", "show", "edit", "merge", "delete"},
		"job":        {"create", "list", "show", "edit", "pause", "resume", "trigger", "delete", "history", "health"},
		"backup":     {"run", "list", "show", "download", "verify", "delete"},
		"ledger":     {"day", "history", "verify"},
		"audit":      {"list", "export", "verify"},
		"user":       {"list", "show", "disable", "enable", "role", "grants", "grant", "revoke-grant", "delete"},
		"serve":      {"--addr", "127.0.0.1:8080"},
		"service":    {"install", "status", "remove"},
		"completion": {"bash", "zsh", "fish"},
	} {
		args := strings.Fields(group)
		m.run("", append(args, "--help")...).ok().says(commands...)
		if group != "" && group != "serve" && group != "completion" {
			m.run("", args...).ok().says(commands...)
			for _, c := range commands {
				m.run("", group, c, "--help").ok().says("admin-assistant " + group + " " + c)
			}
		}
	}
	m.run("", "version").ok().says("1.2.3\n")
	m.run("", "version", "--output", "json").ok().says(`"version": "1.2.3"`)
	m.run("", "completion", "bash").ok().says("admin-assistant")
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	m := seeded(t)
	create := func(change ...string) []string {
		args := []string{"config", "create", "--name", "other", "--source", work, "--archive", "local://me/calendars/Other", "--timezone", "Europe/Berlin"}
		return append(args, change...)
	}
	broken := m.file("broken.ics", strings.Replace(string(mustRead(t, sample(t))), "END:VCALENDAR", "", 1))
	for _, tt := range []struct {
		name string
		args []string
		code int
		says []string
	}{
		{"a calendar that is not there", []string{"calendar", "events", "local://me/calendars/None", "--period", "today"}, exitFailed,
			[]string{"not found", "calendar create"}},
		{"a URI that is none", []string{"calendar", "create", "me/Work"}, exitUsage, []string{"calendar URI", "local://"}},
		{"a calendar twice", []string{"calendar", "create", work}, exitFailed, []string{"exists already"}},
		{"a provider without connection", []string{"calendar", "create", "msgraph://me@example.com/calendars/Work"}, exitUsage, []string{"Microsoft 365"}},
		{"a file that is not there", []string{"calendar", "import", work, "nowhere.ics"}, exitUsage, []string{"nowhere.ics"}},
		{"a file that breaks off", []string{"calendar", "import", work, broken}, exitUsage, []string{"line ", "END:VCALENDAR is missing"}},
		{"a period in unknown words", []string{"calendar", "events", work, "--period", "some day"}, exitUsage, []string{"some day", "last week"}},
		{"a zone that is not known", []string{"calendar", "events", work, "--period", "today", "--timezone", "Mars/Base"}, exitUsage, []string{"Mars/Base"}},
		{"a config of an unknown zone", create("--timezone", "Mars/Base"), exitUsage, []string{"timezone", "Mars/Base"}},
		{"a config that names one calendar twice", create("--archive", work), exitUsage, []string{"source calendar"}},
		{"a config with an unknown policy", create("--overlaps", "dice"), exitUsage, []string{"overlaps"}},
		{"a config with a name that is taken", create("--name", "Work"), exitFailed, []string{"already"}},
		{"a config that is not there", []string{"config", "show", "none"}, exitFailed, []string{"none", "config list"}},
		{"an edit of nothing", []string{"config", "edit", "work"}, exitUsage, []string{"nothing to change"}},
		{"a run of no config", []string{"archive", "run", "--config", "none"}, exitFailed, []string{"none"}},
		{"a run that ends before it starts", []string{"archive", "run", "--config", "work", "--period", "2026-10-31 to 2026-10-01"}, exitUsage, []string{"before"}},
		{"a run that is not there", []string{"archive", "show", "none"}, exitFailed, []string{"none"}},
		{"a day that is none", []string{"ledger", "day", "someday", "--config", "work"}, exitUsage, []string{"someday"}},
		{"an instant that is none", []string{"ledger", "day", "2026-10-15", "--config", "work", "--as-of", "noon"}, exitUsage, []string{"noon"}},
		{"a deletion that nobody confirms", []string{"calendar", "delete", work}, exitUsage, []string{"--yes"}},
		{"a deletion of a config that nobody confirms", []string{"config", "delete", "work"}, exitUsage, []string{"--yes"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m.t = t
			m.local(tt.args...).fails(tt.code, tt.says...)
			var told struct {
				Error struct{ Code, Detail string }
			}
			asJSON := m.local(append(tt.args, "--output", "json")...)
			if err := json.Unmarshal([]byte(asJSON.err), &told); err != nil || asJSON.code != tt.code || asJSON.out != "" || told.Error.Code == "" ||
				told.Error.Detail == "" {
				t.Errorf("as JSON: %d %s", asJSON.code, asJSON.err)
			}
		})
	}
	m.t = t
	m.local("calendar", "import", work, sample(t)).ok().says("0 added, 0 changed, 57 unchanged") // nothing was half done
	var calendars []any
	m.local("calendar", "list", "--output", "json").ok().decode(&calendars)
	if len(calendars) != 1 {
		t.Errorf("calendars %v", calendars)
	}
	m.local("--yes", "config", "delete", "work").ok()
	m.local("--yes", "calendar", "delete", work).ok()
	m.local("calendar", "list", "--output", "json").ok().decode(&calendars)
	if len(calendars) != 0 {
		t.Errorf("calendars %v", calendars)
	}
}

func TestConfigsChange(t *testing.T) {
	m := seeded(t)
	m.local("config", "edit", "work", "--purpose", "timesheet", "--look-back", "0", "--create-calendar=false", "--name", "Work 2").ok()
	var c struct {
		Name, Purpose, Overlaps string
		LookBack                *int  `json:"look_back"`
		CreateCalendar          *bool `json:"create_calendar"`
		Active                  bool
	}
	m.local("config", "show", "WORK 2", "--output", "json").ok().decode(&c)
	if c.Name != "Work 2" || c.Purpose != "timesheet" || c.Overlaps != "resolve" || *c.LookBack != 0 || *c.CreateCalendar || !c.Active {
		t.Errorf("config %+v", c)
	}
	m.local("config", "deactivate", "work 2").ok()
	m.local("config", "list").ok().says("Work 2", "inactive")
	m.local("archive", "run", "--config", "work 2", "--period", october).fails(exitFailed, "not active")
	m.local("config", "activate", "work 2").ok()

	missing := m.local("archive", "run", "--config", "work 2", "--period", october)
	if missing.code != exitFailed {
		t.Errorf("a run that may not create its calendar: %d %s", missing.code, missing.err)
	}
	missing.says("failed", "not found", "calendar create")
}

func TestARunThatNobodyWaitedForIsCarriedOutByTheNextCommand(t *testing.T) {
	m := seeded(t)
	var queued, ended runResult
	m.local("archive", "run", "--config", "work", "--period", october, "--no-wait", "--output", "json").ok().decode(&queued)
	if queued.State != "queued" {
		t.Errorf("state %s", queued.State)
	}
	m.local("archive", "run", "--config", "work", "--period", october, "--output", "json").ok().decode(&ended)
	if ended.ID != queued.ID || ended.State != "succeeded" {
		t.Errorf("run %+v, queued was %s", ended, queued.ID)
	}
	m.local("archive", "retry", ended.ID).fails(exitFailed, "no failed items")
}

func TestATamperedLedgerDoesNotHold(t *testing.T) {
	m := seeded(t)
	m.local("archive", "run", "--config", "work", "--period", october).ok()
	m.exec("store.db",
		"UPDATE items SET data = CAST('{}' AS BLOB) WHERE sk = (SELECT min(sk) FROM items WHERE CAST(pk AS TEXT) LIKE 'LEDGER#%' "+
			"AND CAST(sk AS TEXT) LIKE '2026-10-15%')")
	broken := m.local("ledger", "verify", "--config", "work")
	if broken.code != exitFailed {
		t.Errorf("exit code %d", broken.code)
	}
	broken.says("DOES NOT HOLD", "2026-10-15")
}

// exec runs SQL on a file of the data folder.
func (m *machine) exec(file, statement string) {
	m.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(m.data, file))
	if err != nil {
		m.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(m.t.Context(), statement); err != nil {
		m.t.Fatal(err)
	}
}

func TestDataFoldersThatCannotBeUsed(t *testing.T) {
	t.Run("a place below a file", func(t *testing.T) {
		m := newMachine(t)
		file := m.file("a-file", "precious")
		m.data = filepath.Join(file, "data")
		m.local("calendar", "list").fails(exitUsage, m.data)
		m.local("archive", "run").fails(exitUsage, m.data) // not that the config is missing
		m.run("", "--local", "--data", file, "calendar", "list").fails(exitUsage, file)
		if string(mustRead(t, file)) != "precious" {
			t.Error("the file was changed")
		}
	})
	t.Run("stores of a newer version", func(t *testing.T) {
		m := newMachine(t)
		m.local("calendar", "create", work).ok()
		m.exec("store.db", "PRAGMA user_version = 999")
		m.local("calendar", "list").fails(exitUsage, "newer", "store.db")
		m.local("calendar", "create", "local://me/calendars/Other").fails(exitUsage, "newer")
		m.exec("store.db", "PRAGMA user_version = 1")
		var calendars []any
		m.local("calendar", "list", "--output", "json").ok().decode(&calendars)
		if len(calendars) != 1 {
			t.Errorf("calendars %v", calendars)
		}
	})
	t.Run("a file that is no store", func(t *testing.T) {
		m := newMachine(t)
		if err := os.MkdirAll(m.data, 0o700); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(m.data, "store.db")
		content := strings.Repeat("somebody's letter\n", 1000)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		m.local("calendar", "list").fails(exitUsage, "store.db")
		if string(mustRead(t, path)) != content {
			t.Error("the file was changed")
		}
	})
	t.Run("settings that cannot be", func(t *testing.T) {
		m := newMachine(t)
		cmd := m.command(t.Context(), "--local", "calendar", "list")
		cmd.Env = append(cmd.Env, "ADMIN_ASSISTANT_LOG_LEVEL=loud")
		out, err := cmd.CombinedOutput()
		if cmd.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(out), "loud") {
			t.Errorf("%v: %s", err, out)
		}
	})
}

func TestServe(t *testing.T) {
	m := newMachine(t)
	m.run("", "calendar", "list").fails(exitFailed, "no server answers", "admin-assistant serve", "--local")

	server := m.command(context.Background(), "serve", "--addr", "127.0.0.1:0")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	server.Stderr = &errs
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Kill() })
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	at := strings.Index(line, "http://127.0.0.1:")
	if at < 0 {
		t.Fatalf("it does not say where it listens: %s", line)
	}
	address := strings.TrimRight(strings.Fields(line[at:])[0], ",;")
	remote := func(args ...string) result { return m.run("", append([]string{"--api", address}, args...)...) }
	remote("calendar", "create", work).ok()
	remote("calendar", "import", work, sample(t)).ok().says("57 added")
	remote("config", "create", "--name", "work", "--source", work, "--archive", "local://me/calendars/Archive", "--timezone", "Europe/Berlin").ok()
	remote("archive", "run", "--config", "work", "--period", october).ok().says("succeeded", "balanced")
	remote("calendar", "events", "local://me/calendars/Nowhere", "--period", "today").fails(exitFailed, "not found")
	key := strings.TrimSpace(string(mustRead(t, m.keyFile(address))))
	ask := func(host, path string, header ...string) *http.Response {
		request, err := http.NewRequest(http.MethodGet, address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = host
		for i := 0; i < len(header); i += 2 {
			request.Header.Set(header[i], header[i+1])
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { answer.Body.Close() })
		return answer
	}
	for host, want := range map[string]int{
		"evil.example":    http.StatusMisdirectedRequest,
		"evil.example:80": http.StatusMisdirectedRequest,
		"localhost:1":     http.StatusOK,
		"[::1]:1":         http.StatusOK,
	} {
		if answer := ask(host, "/v1/me", "Authorization", "Bearer "+key); answer.StatusCode != want {
			t.Errorf("a request for host %s is answered with %d, want %d", host, answer.StatusCode, want)
		}
	}
	// Another process may use the same stores meanwhile.
	m.local("ledger", "verify", "--config", "work").ok().says("The ledger holds")
	m.run("", "serve", "--addr", strings.TrimPrefix(address, "http://")).fails(exitFailed, "cannot listen")

	if err := server.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var rest []string
	for {
		line, err := lines.ReadString('\n')
		rest = append(rest, line)
		if err != nil {
			break
		}
	}
	if err := server.Wait(); err != nil || errs.Len() > 0 || !slices.Contains(rest, "stopped\n") {
		t.Errorf("it ended with %v: %q %s", err, rest, errs.String())
	}
	m.local("ledger", "verify", "--config", "work").ok()
}

func TestACalendarOfAConfigIsDeletedWithForce(t *testing.T) {
	m := seeded(t)
	m.local("--yes", "calendar", "delete", work).fails(exitFailed, `the source of config "work"`, "--force")
	m.local("--yes", "calendar", "delete", work, "--force").ok()
	var left []any
	m.local("calendar", "list", "--output", "json").ok().decode(&left)
	if len(left) != 0 {
		t.Errorf("calendars %v", left)
	}
}

func TestConfigsThatShareAnArchiveAreTold(t *testing.T) {
	m := seeded(t)
	const only, first = "local://new/calendars/Only", "local://new/calendars/primary" // the same calendar, once it is there
	m.local("config", "create", "--name", "a", "--source", work, "--archive", only, "--timezone", "UTC").ok()
	m.local("config", "create", "--name", "b", "--source", work, "--archive", first, "--timezone", "UTC").ok()
	if out := m.local("config", "list").ok().out; strings.Contains(out, "belongs to one config") {
		t.Errorf("told before the calendar is there: %s", out)
	}
	m.local("calendar", "create", only).ok()
	m.local("config", "list").ok().says(`The archive calendar of config "a" is the archive of config "b".`,
		`The archive calendar of config "b" is the archive of config "a".`,
		"config deactivate NAME")
	m.local("config", "create", "--name", "c", "--source", work, "--archive", only, "--timezone", "UTC").fails(exitFailed, `config "a"`, "one config")
	m.local("config", "edit", "a", "--look-back", "7").fails(exitFailed, `config "b"`, "deactivate")
	m.local("config", "deactivate", "b").ok()
	m.local("config", "edit", "a", "--look-back", "7").ok()
	m.local("config", "activate", "b").fails(exitFailed, `config "a"`)
	var configs []struct {
		Name   string
		Shares []struct{ Calendar, As, Name string }
	}
	m.local("config", "list", "--output", "json").ok().decode(&configs)
	told := 0
	for _, c := range configs {
		told += len(c.Shares)
	}
	if told != 2 {
		t.Errorf("configs %+v", configs)
	}
}
