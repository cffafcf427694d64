package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
	"pgregory.net/rapid"

	"adminassistant/shared/app"
)

func TestForms(t *testing.T) {
	m := seeded(t)
	m.local("archive", "run", "-c", "work", "-p", october).ok()
	m.local("run", "list", "-o", "yaml", "--most", "1").ok().says("items:\n  - id: ", "state: succeeded", "next: ")
	m.local("run", "list", "-o", "csv", "--fields", "kind,state,result.counts.archived").ok().
		says("kind,state,result.counts.archived\narchive,succeeded,71\nimport,succeeded,\n")
	m.local("run", "list", "--fields", "kind,state").ok().says("kind     state\narchive  succeeded\n")
	m.local("run", "list", "--jq", ".items[] | .kind").ok().says("archive\nimport\n")
	m.local("run", "show", "last", "--jq", "{n: .result.counts.fetched}").ok().says("{\n  \"n\": 87\n}\n")
	m.local("run", "list", "--jq", ".items[").fails(exitUsage, "not whole")
	for says, args := range map[string][]string{"does not fit": {"--jq", ".items[0] + 1"}, "neither with --fields nor": {"--jq", ".", "-o", "yaml"}} {
		if r := m.local(append([]string{"run", "list"}, args...)...); r.code != exitUsage || r.out != "" || !strings.Contains(r.err, says) {
			t.Errorf("%q: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
	m.local("run", "list", "--fields", "stat").fails(exitUsage, `no field "stat"; did you mean "state"`)
	m.local("run", "list", "--fields", "result.balance").fails(exitUsage, `no field "result.balance"`)
	m.local("run", "items", "last", "--fields", "key,plan.nothing").ok().says("key")
	m.local("config", "delete", "work", "--yes", "-o", "xml").fails(exitUsage, "table, json, yaml or csv")

	// A command that prints nothing prints an empty document, and a missing thing is a failure.
	m.local("calendar", "create", "local://me/calendars/Gone").ok()
	if out := m.local("--yes", "calendar", "delete", "Gone", "-o", "json").ok().out; out != "{}\n" {
		t.Errorf("nothing is %q", out)
	}
	for _, args := range [][]string{{"run", "show", "01"}, {"run", "show", "nothing"}, {"config", "show", "none"}, {"job", "show", "none"},
		{"backup", "show", "none"},
		{"action", "show", "none"}, {"customer", "show", "none"}, {"timesheet", "show", "none"}, {"notification", "read", "none"},
		{"calendar", "events", "none", "-p", "today"},
		{"user", "show", "nobody"}} {
		want := exitFailed
		if args[2] == "01" {
			want = exitUsage // which is several
		}
		if r := m.local(args...); r.code != want || r.out != "" {
			t.Errorf("%q: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
}

func TestCellsOfSpreadsheetsAreNoFormulas(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out, form: form{kind: "csv"}}
	const list = `{"items": [{"a": "=1+1", "b": ["x", "y"], "c": null, "d": {"e": 1.50, "f": true}}, {"a": "é,\"", "g": [1]}], "next": ""}`
	if err := p.printDocument(json.RawMessage(list)); err != nil {
		t.Fatal(err)
	}
	if want := "a,b,c,d.e,d.f,g\n'=1+1,\"x, y\",,1.50,true,\n\"é,\"\"\",,,,,[1]\n"; out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestYAMLSaysWhatTheJSONSays(t *testing.T) {
	const text = `{"b": "yes", "a": {"n": 12345678901234567890, "f": 1.5, "t": true, "z": null}, ` +
		`"l": ["1", "2026-01-01", " x", "a\nb", "#", "é"], "e": [], "o": {}}`
	var out bytes.Buffer
	p := &program{out: &out, form: form{kind: "yaml"}}
	if err := p.printDocument(json.RawMessage(text)); err != nil {
		t.Fatal(err)
	}
	back, err := jsonOfYAML(out.Bytes())
	if err != nil || !strings.HasPrefix(out.String(), "b: \"yes\"\na:\n  \"n\": 12345678901234567890\n") {
		t.Fatalf("%v: %s", err, out.String())
	}
	var was, is any
	if json.Unmarshal([]byte(text), &was) != nil || json.Unmarshal(back[0], &is) != nil || !reflect.DeepEqual(was, is) {
		t.Errorf("%v became %v:\n%s", was, is, out.String())
	}
}

// TestYAMLWrittenItemByItemIsThatOfTheWhole compares the two for documents of every shape.
func TestYAMLWrittenItemByItemIsThatOfTheWhole(t *testing.T) {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Map(rapid.Bool(), func(b bool) any { return b }), rapid.Map(rapid.Int64(), func(n int64) any { return n }),
		rapid.Map(rapid.SampledFrom([]string{"", "a", "yes", "a: b", "- a", "#", "a\nb\n", " x", "é", strings.Repeat("long words ", 20)}),
			func(s string) any { return s }),
	)
	key := rapid.SampledFrom([]string{"items", "next", "y", "a b", "1", "é"})
	list := rapid.Map(rapid.SliceOfN(scalar, 0, 3), func(l []any) any { return l })
	object := rapid.Map(rapid.MapOfN(key, rapid.OneOf(scalar, list), 0, 3), func(m map[string]any) any { return m })
	items := rapid.Map(rapid.SliceOfN(rapid.OneOf(scalar, list, object), 0, 4), func(l []any) any { return l })
	many := rapid.Map(rapid.SampledFrom([]int{inOnePiece - 1, inOnePiece, inOnePiece + 1, 2 * inOnePiece}), func(n int) any { return make([]*int, n) })
	document := rapid.OneOf(scalar, items, rapid.Map(rapid.MapOfN(key, rapid.OneOf(scalar, items, object, many), 0, 4), func(m map[string]any) any { return m }))
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(document.Draw(t, "document"))
		if err != nil {
			t.Fatal(err)
		}
		var whole, written bytes.Buffer
		if err := errors.Join(encodeYAML(&whole, raw), writeYAML(&written, raw)); err != nil || written.String() != whole.String() {
			t.Fatalf("%s, %v:\n%s\nwant\n%s", raw, err, written.String(), whole.String())
		}
	})
}

func TestJSONIsTheAPIsOwn(t *testing.T) {
	m := seeded(t)
	m.local("archive", "run", "-c", "work", "-p", october).ok()
	m.local("customer", "create", "Acme", "--currency", "EUR", "--rate", "2026-01-01:120.00").ok()
	m.local("job", "create", "-c", "work", "--daily", "23:59", "--name", "nightly").ok()
	m.local("backup", "run", "--calendar", work).ok()
	config := strings.TrimSpace(m.local("config", "list", "--jq", ".items[0].id").ok().out)
	first := func(what string) string {
		return strings.TrimSpace(m.local(what, "list", "--jq", ".items[0].id").ok().out)
	}
	key := strings.TrimSpace(m.local("ledger", "day", "2026-10-15", "-c", "work", "--jq", ".items[0].key").ok().out)
	local, err := app.OpenLocal(app.Settings{Data: m.data, LogLevel: "disabled", Lease: 15e9, HandOn: 60e9}, "1.2.3", &bytes.Buffer{})
	if err != nil {
		t.Skip(err) // on a deployment there is no data folder
	}
	defer local.Close()
	c, err := newClient("http://local", inProcess{local.Handler()})
	if err != nil {
		t.Fatal(err)
	}
	for command, path := range map[string]string{
		"run list": "/v1/runs?limit=20", "run show last": "/v1/runs/" + first("run"), "run items last": "/v1/runs/" + first("run") + "/items?limit=200",
		"config list": "/v1/archive-configs", "config show work": "/v1/archive-configs/" + config, "job list": "/v1/jobs", "job show nightly": "/v1/jobs/nightly",
		"job health": "/v1/jobs/health", "calendar list": "/v1/calendars", "action list": "/v1/actions?state=open&limit=200",
		"action show " + first("action"): "/v1/actions/" + first("action"), "notification list": "/v1/notifications", "customer list": "/v1/customers",
		"customer show Acme": "/v1/customers/" + first("customer"), "backup list": "/v1/backups?limit=20",
		"backup show " + first("backup"):     "/v1/backups/" + first("backup"),
		"ledger day 2026-10-15 -c work":      "/v1/ledger/" + config + "/days/2026-10-15",
		"ledger history " + key + " -c work": "/v1/ledger/" + config + "/history?key=" + key,
		"ledger head -c work":                "/v1/ledger/" + config + "/head", "hours -p 2026-10": "/v1/hours?period=2026-10", "whoami": "/v1/me",
		"audit list":        "/v1/audit?limit=50",
		"rule list -c work": "/v1/archive-configs/" + config + "/rules", "place list": "/v1/places", "timesheet list": "/v1/timesheets?limit=50",
		"category list -c work":          "/v1/categories?config=work",
		"calendar events Work -p 15-Oct": "",
	} {
		if path == "" {
			m.local(append(strings.Fields(command), "-o", "json")...).ok().says(`"items": [`, `"show_as"`, `"next": ""`)
			continue
		}
		var want json.RawMessage
		if _, err := c.do(t.Context(), request{method: http.MethodGet, path: path}, &want); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var is, was any
		out := m.local(append(strings.Fields(command), "-o", "json")...).ok().out
		if json.Unmarshal(want, &was) != nil || json.Unmarshal([]byte(out), &is) != nil || !reflect.DeepEqual(was, is) {
			t.Errorf("%s prints\n%s\nand the API answers\n%s", command, out, want)
		}
	}
}

func TestPrintedCommandsWorkAsPrinted(t *testing.T) {
	m := seeded(t)
	elsewhere := m.data
	m.data = t.TempDir() // what is printed has to say which folder it is of
	flags := []string{"--local", "--data", elsewhere}
	spoken := m.run("", append(flags, "archive", "run", "-c", "work", "-p", october, "--no-wait")...).ok().out
	spoken += m.run("", append(flags, "archive", "run", "-c", "work", "-p", october)...).ok().out
	spoken += m.run("", append(flags, "action", "list", "-o", "table")...).ok().out
	id := strings.TrimSpace(m.run("", append(flags, "action", "list", "--kind", "orphan_modification", "--jq", ".items[0].id")...).ok().out)
	spoken += m.run("", append(flags, "action", "show", id)...).ok().out
	spoken += m.run("", append(flags, "customer", "list", "-p", october)...).ok().out
	spoken += m.run("", append(flags, "run", "show", "none")...).err
	spoken += m.run("", append(flags, "config", "show", "none")...).err
	commands := regexp.MustCompile(`admin-assistant [^;\n]+`).FindAllString(spoken, -1)
	if len(commands) < 7 {
		t.Fatalf("only %q are printed:\n%s", commands, spoken)
	}
	for _, command := range commands {
		args := strings.Fields(command)[1:]
		if !strings.HasPrefix(command, "admin-assistant --local --data "+elsewhere+" ") {
			t.Errorf("%q does not say where", command)
			continue
		}
		if r := m.run("", args...); r.code != exitOK && (r.code != exitPartial || !slices.Contains(args, "review")) { // which says what is open
			t.Errorf("%q does not work: exit code %d\n%s%s", command, r.code, r.out, r.err)
		}
	}
	p := &program{place: []string{"--profile work", "--data there"}}
	for text, want := range map[string]string{
		"see: admin-assistant run list":                 "see: admin-assistant --profile work --data there run list",
		"sign in with: admin-assistant login --profile": "sign in with: admin-assistant login --profile",
		"admin-assistant --local run list":              "admin-assistant --local run list",
		"/opt/admin-assistant run is no folder":         "/opt/admin-assistant run is no folder",
		"the file admin-assistant holds":                "the file admin-assistant holds",
		"admin-assistant export (to begin)":             "admin-assistant --profile work --data there export (to begin)",
		"start: admin-assistant serve, or":              "start: admin-assistant --data there serve, or",
		"the admin-assistant":                           "the admin-assistant",
	} {
		if got := p.told(text); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}

// TestPrintedCommandsStartTheProgramAsItWasStarted: whoever starts it by a path has it under no other name.
func TestPrintedCommandsStartTheProgramAsItWasStarted(t *testing.T) {
	m := newMachine(t)
	if err := os.Symlink(filepath.Dir(binary), filepath.Join(m.files, "dist")); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ typed, path, want string }{
		{"dist/admin-assistant", os.Getenv("PATH"), "see: dist/admin-assistant --local config list\n"},
		{"dist/admin-assistant", filepath.Dir(binary), "see: admin-assistant --local config list\n"},
		{"dist/admin-assistant", "", "see: dist/admin-assistant --local config list\n"},
	} {
		cmd := m.command(t.Context(), "--local", "config", "show", "none")
		cmd.Args[0] = tt.typed
		cmd.Env = append(cmd.Env, "PATH="+tt.path)
		out, _ := cmd.CombinedOutput()
		if !strings.HasSuffix(string(out), tt.want) || cmd.ProcessState.ExitCode() != exitFailed {
			t.Errorf("with %q it says %s", tt.path, out)
		}
	}
}

// TestCommandsArePrintedAsTheyCanBeTyped reads the source: what is printed and names a command goes through told or command, by which it says where.
func TestCommandsArePrintedAsTheyCanBeTyped(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	prints := []string{"Fprint", "Fprintf", "Fprintln", "WriteString"}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		var within func(ast.Node, bool)
		within = func(n ast.Node, printed bool) {
			ast.Inspect(n, func(at ast.Node) bool {
				switch x := at.(type) {
				case *ast.CallExpr:
					if x == n {
						return true
					}
					f, is := x.Fun.(*ast.SelectorExpr)
					within(x, is && (printed || slices.Contains(prints, f.Sel.Name)) && f.Sel.Name != "told")
					return false
				case *ast.BasicLit:
					if printed && x.Kind == token.STRING && spelt.MatchString(x.Value) {
						t.Errorf("%s: %s is printed as it stands", set.Position(x.Pos()), x.Value)
					}
				}
				return true
			})
		}
		within(parsed, false)
	}
}

func TestRunsAreWatchedAndCancelled(t *testing.T) {
	m := seeded(t)
	var queued runResult
	m.local("archive", "run", "-c", "work", "-p", october, "--no-wait", "-o", "json").ok().decode(&queued)
	m.local("run", "cancel", "last").ok().says("cancelled")
	if r := m.local("run", "watch", queued.ID); r.code != exitFailed || !strings.Contains(r.out, "cancelled") {
		t.Errorf("exit code %d: %s%s", r.code, r.out, r.err)
	}
	m.local("run", "cancel", queued.ID).fails(exitFailed, "ended")
	m.local("archive", "run", "-c", "work", "-p", october, "--no-wait").ok().says("run watch")
	m.local("run", "watch", "last").ok().says("succeeded", "71 written")
	list := func(args ...string) string {
		return m.local(append([]string{"run", "list", "--jq", ".items | length"}, args...)...).ok().out
	}
	for args, want := range map[string]string{"": "3\n", "--state cancelled": "1\n", "--kind import": "1\n", "--since yesterday": "3\n",
		"--since 2020-01-01":           "3\n",
		"--since 9999-01-01T00:00:00Z": "0\n", "--since tomorrow": "0\n"} {
		if got := list(strings.Fields(args)...); got != want {
			t.Errorf("run list %s: %s, want %s", args, got, want)
		}
	}
	m.local("archive", "run", "-c", "work", "-p", "tomorrow").fails(exitUsage, "still to come", "--future")
	m.local("archive", "run", "-c", "work", "-p", "this year").fails(exitUsage, "A record is of what was")
	m.local("archive", "plan", "-c", "work", "-p", "tomorrow").ok()
	m.local("archive", "run", "-c", "work", "-p", "tomorrow", "--future").ok()
}

func TestTablesFitTheTerminal(t *testing.T) {
	heads := []column{{name: "Id"}, {name: "What"}, less("Config"), least("Since"), {name: ""}}
	cells := [][]string{{"01M8NME3JF", "They share time, and none of them ranks higher", "work", "2026-10-01 09:00", ""}}
	for room, want := range map[int][]int{0: {0, 1, 2, 3}, 200: {0, 1, 2, 3}, 60: {0, 1, 2, 3}, 50: {0, 1, 2}, 35: {0, 1}} {
		shown, widths := fit(heads, cells, room)
		sum := between * (len(shown) - 1)
		for _, i := range shown {
			sum += widths[i]
		}
		if !reflect.DeepEqual(shown, want) || room > 0 && sum > room {
			t.Errorf("in %d columns: %v of %d", room, shown, sum)
		}
	}
	rows := []table.Row{{identity("01AAAAAAAAAAAAAA1"), identity("01AAAAAAAAAAAAAA2")}, {identity("02BBBBBBBBBBBBBB1"), "x"}}
	short := shortIDs(rows)
	if short["02BBBBBBBBBBBBBB1"] != "02BBBBBBBB" || short["01AAAAAAAAAAAAAA1"] != "" { // which is told apart by its last letter alone
		t.Errorf("shortened: %v", short)
	}
}

func TestTablesLineUpAndLeaveOutFromTheRight(t *testing.T) {
	var out strings.Builder
	p := &program{out: &out}
	p.printTable(table.Row{"Name", "N"}, []table.Row{{"a", 5}, {"b", 10}})
	if want := "Name   N\na      5\nb     10\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	heads := []column{{name: "Id"}, less("One"), less("Two"), {name: ""}}
	cells := [][]string{{"0123456789", "abcdefghij", "abcdefghij", ""}}
	for room, want := range map[int][]int{34: {0, 1, 2}, 33: {0, 1}, 22: {0, 1}, 21: {0}} {
		if shown, _ := fit(heads, cells, room); !reflect.DeepEqual(shown, want) {
			t.Errorf("in %d columns: %v, want %v", room, shown, want)
		}
	}
	if got := hanging(30, "one two three four five", 4); got != "one two three four five" {
		t.Errorf("%q", got)
	}
	if got := hanging(27, "one two three four five", 4); got != "one two three four\n       five" {
		t.Errorf("%q", got)
	}
	if got := hanging(26, "one two three four five", 4); got != "one two three four five" { // there is no room to wrap it in
		t.Errorf("%q", got)
	}
}
