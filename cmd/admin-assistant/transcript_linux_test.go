package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// sees runs a line of a shell at a terminal so wide, and returns what the screen shows and the exit code.
func (m *machine) sees(columns int, colour bool, line string) (screen string, code int) {
	m.t.Helper()
	user, program := terminal(m.t)
	if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(columns)}); err != nil {
		m.t.Fatal(err)
	}
	cmd := m.command(m.t.Context(), "")
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", line}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	cmd.Env = append(cmd.Env, "TERM=xterm-256color", "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	if !colour {
		cmd.Env = append(cmd.Env, "NO_COLOR=1")
	}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	program.Close()
	guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	var shown bytes.Buffer
	_, _ = shown.ReadFrom(user) // until the program has closed its end
	_ = cmd.Wait()
	return strings.ReplaceAll(shown.String(), "\r\n", "\n"), cmd.ProcessState.ExitCode()
}

func TestCommandLinesRunSideBySide(t *testing.T) {
	user, narrow := terminal(t)
	if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 60}); err != nil {
		t.Fatal(err)
	}
	first := (&program{out: narrow}).root()
	(&program{out: io.Discard}).root()
	var help bytes.Buffer
	first.SetOut(&help)
	first.SetArgs([]string{"--help"})
	if err := first.Execute(); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(help.String()) {
		if utf8.RuneCountInString(line) > 61 && !strings.HasPrefix(line, "  admin-assistant ") { // commands stay on their line
			t.Errorf("a line is wider than the terminal of its own program: %s", line)
		}
	}
}

var escape = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// readmeCommands are the lines that the README says for a shell, with those that go on joined, and without those of make.
func readmeCommands(t *testing.T) (lines []string) {
	t.Helper()
	text := strings.ReplaceAll(string(mustRead(t, "../../README.md")), "\\\n", " ")
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1) {
		whole := ""
		for line := range strings.Lines(block[1]) {
			whole += line
			if strings.Count(whole, "'")%2 == 0 { // not within a text that goes on
				if !strings.HasPrefix(whole, "make ") && strings.TrimSpace(whole) != "" {
					lines = append(lines, strings.TrimSpace(whole))
				}
				whole = ""
			}
		}
	}
	return lines
}

// TestTranscripts runs the README, and looks at what commands show, as somebody does who sits at a terminal.
func TestTranscripts(t *testing.T) {
	lines := readmeCommands(t)
	if len(lines) < 40 {
		t.Fatalf("only %d commands were found", len(lines))
	}
	for _, columns := range []int{80, 120} {
		m := newMachine(t)
		if err := os.MkdirAll(filepath.Join(m.files, "cmd/admin-assistant/demo"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(m.files, "cmd/admin-assistant/demo/sample.ics"), mustRead(t, sample(t)), 0o600); err != nil {
			t.Fatal(err)
		}
		colour := columns == 80
		coloured := 0
		for _, line := range lines {
			screen, code := m.sees(columns, colour, line)
			if code != exitOK {
				t.Errorf("%s: exit code %d\n%s", line, code, screen)
			}
			coloured += strings.Count(screen, "\x1b[1m") + strings.Count(screen, "\x1b[32m")
			for _, words := range byLibraries(screen) {
				if !strings.Contains(line, "json") && !strings.Contains(line, "export PATH") {
					t.Errorf("%s says %q, which are words of a library:\n%s", line, words, screen)
				}
			}
		}
		if colour != (coloured > 0) {
			t.Errorf("colour %v, and %d texts in colour", colour, coloured)
		}
		for _, line := range []string{
			"run list", "action list --state all", "ledger day 2026-10-15 -c work", "config list", "job list", "calendar list", "audit list", "notification list",
			"backup list",
			"hours -p 2026-10", "calendar events Work -p 2026-10", "rule list -c work", "customer list -p 2026-10", "timesheet list", "run items last",
			"archive run --help",
			"run show last", "place list", "category list -c work", "config show work", "apply --help", "--help",
		} {
			screen, code := m.sees(columns, colour, "admin-assistant --local "+line)
			if code != exitOK {
				t.Errorf("%s: exit code %d\n%s", line, code, screen)
			}
			if seen := strings.Contains(screen, "\x1b["); seen && !colour || !seen && colour && strings.Contains(line, "list") && !strings.Contains(screen, "Nothing") {
				t.Errorf("%s: colour is %v:\n%q", line, colour, screen)
			}
			for row := range strings.Lines(escape.ReplaceAllString(screen, "")) {
				if n := utf8.RuneCountInString(strings.TrimRight(row, "\n")); n > columns && !prose.MatchString(row) {
					t.Errorf("%s: a line of %d columns on a terminal of %d: %s", line, n, columns, row)
				}
			}
		}
	}
}

// prose are lines of text, which a terminal wraps itself, and progress.
var prose = regexp.MustCompile(`^(fetched \d|The archive |rules |Every |\d+ requests |  \d|  admin-assistant |      admin-assistant |.*%)`)

func TestExamplesOfHelpsAreOfCommandsThatThereAre(t *testing.T) {
	for _, cmd := range below((&program{}).root()) {
		for line := range strings.Lines(cmd.Example) {
			line = strings.TrimSpace(line)
			args := splitLine(strings.TrimPrefix(line, "admin-assistant "))
			if !strings.HasPrefix(line, "admin-assistant ") {
				t.Errorf("%s: %q is no command", cmd.CommandPath(), line)
				continue
			}
			root := (&program{}).root()
			if err := wrongCommand(root, args); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			found, rest, err := root.Find(args)
			if err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			if err := found.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
				continue
			}
			takes := argumentsOf(found.Use)
			if err := takes.check(found, found.Flags().Args()); err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), line, err)
			}
		}
	}
}

func TestCommandsOfTheDocsAreOfCommandsThatThereAre(t *testing.T) {
	pages := []string{"../../README.md"}
	for _, folder := range []string{"", "runbooks", "recovery", "decisions"} {
		more, err := filepath.Glob(filepath.Join("../../docs", folder, "*.md"))
		if err != nil || len(more) == 0 {
			t.Fatal(folder, err)
		}
		pages = append(pages, more...)
	}
	placeholder := regexp.MustCompile(`<[^>]*>`)
	seen := 0
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile("`admin-assistant ([^`\n]+)`").FindAllStringSubmatch(string(text), -1) {
			seen++
			args := splitLine(placeholder.ReplaceAllString(found[1], "x"))
			root := (&program{}).root()
			if err := wrongCommand(root, args); err != nil {
				t.Errorf("%s: %q: %v", page, found[1], err)
				continue
			}
			cmd, rest, err := root.Find(args)
			if err != nil {
				t.Errorf("%s: %q: %v", page, found[1], err)
				continue
			}
			if err := cmd.ParseFlags(rest); err != nil {
				t.Errorf("%s: %q: %v", page, found[1], err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d commands were found", seen)
	}
}

// splitLine splits a line into words as a shell does, and ends at what goes elsewhere.
func splitLine(line string) (words []string) {
	word, quote, some := "", rune(0), false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '"' || r == '\''):
			quote, some = r, true
		case quote == 0 && r == '>':
			return words
		case quote == 0 && r == ' ':
			if some {
				words = append(words, word)
			}
			word, some = "", false
		default:
			word, some = word+string(r), true
		}
	}
	if some {
		words = append(words, word)
	}
	return words
}
