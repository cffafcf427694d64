package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell is a shell at a terminal, to type into.
type shell struct {
	t     *testing.T
	user  *os.File
	shown bytes.Buffer
}

const ready = "READY>"

// shell starts a shell where the program is found by its name, and waits until it is ready.
func (m *machine) shell(name string, args ...string) *shell {
	m.t.Helper()
	user, program := terminal(m.t)
	cmd := exec.CommandContext(m.t.Context(), name, args...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = m.files, program, program, program
	cmd.Env = []string{"ADMIN_ASSISTANT_DATA=" + m.data, "HOME=" + m.files, "TERM=dumb", "PS1=" + ready, "TZ=Europe/Berlin",
		"PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH")}
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	program.Close()
	guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	m.t.Cleanup(func() {
		guard.Stop()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	s := &shell{t: m.t, user: user}
	s.until(ready)
	return s
}

// until reads until the shell shows a text, and returns all that it showed since.
func (s *shell) until(text string) string {
	s.t.Helper()
	buffer := make([]byte, 4096)
	for !strings.Contains(s.shown.String(), text) {
		n, err := s.user.Read(buffer)
		s.shown.Write(buffer[:n])
		if err != nil {
			s.t.Fatalf("%q is not shown: %s", text, s.shown.String())
		}
	}
	shown := s.shown.String()
	s.shown.Reset()
	return shown
}

// types types keys and waits for the next prompt.
func (s *shell) types(keys string) string {
	s.t.Helper()
	if _, err := s.user.WriteString(keys); err != nil {
		s.t.Fatal(err)
	}
	return s.until("\n" + ready)
}

// installed leaves a test out where there is no such shell.
func installed(t *testing.T, shell string) {
	t.Helper()
	if _, err := exec.LookPath(shell); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: make shells", shell)
		}
		t.Skipf("%s is not installed", shell)
	}
}

func TestShellsCompleteValues(t *testing.T) {
	m := seeded(t)
	m.local("job", "create", "--config", "work", "--daily", "23:59", "--name", "every-night").ok()
	for _, tt := range []struct {
		name  string
		args  []string
		setup []string
	}{
		{"bash", []string{"--norc", "--noprofile", "-i"}, []string{
			"test -r /usr/share/bash-completion/bash_completion && source /usr/share/bash-completion/bash_completion; source <(admin-assistant completion bash)\n"}},
		{"zsh", []string{"-f", "-i", "+o", "prompt_cr", "+o", "prompt_sp"}, []string{
			"autoload -Uz compinit && compinit -u -D; source <(admin-assistant completion zsh)\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			installed(t, tt.name)
			m.t = t
			s := m.shell(tt.name, tt.args...)
			for _, line := range tt.setup {
				s.types(line)
			}
			for typed, want := range map[string]string{
				"admin-assistant --local config show wo\t\n":                   "local://me/calendars/Archive",
				"admin-assistant --local job show eve\t\n":                     "daily at 23:59",
				"admin-assistant --local archive plan -c work -p yester\t\n":   "dry run",
				"admin-assistant --local conf\t show work --output ya\t\n":     "timezone: Europe/Berlin",
				"admin-assistant --local action list --kind orph\t -o jso\t\n": `"items"`,
			} {
				if shown := s.types(typed); !strings.Contains(shown, want) {
					t.Errorf("%q is not completed to what shows %q:\n%s", typed, want, shown)
				}
			}
		})
	}
	t.Run("fish", func(t *testing.T) {
		installed(t, "fish")
		m.t = t
		for typed, want := range map[string]string{
			"config show ":                       "work\tlocal://me/calendars/Work",
			"archive run --config wo":            "work\t",
			"calendar events local://me/calenda": "local://me/calendars/Work\tWork",
			"run show la":                        "last\tthe newest one",
			"archive run --period ":              "last week",
			"config edit work --overlaps ":       "resolve",
			"job trigger every":                  "every-night\tarchive",
		} {
			cmd := exec.CommandContext(t.Context(), "fish", "--no-config", "-c",
				`admin-assistant completion fish | source; complete -C "admin-assistant --local $argv[1]"`, typed)
			cmd.Env = []string{"ADMIN_ASSISTANT_DATA=" + m.data, "HOME=" + m.files, "PATH=" + filepath.Dir(binary) + ":" + os.Getenv("PATH")}
			if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), want) {
				t.Errorf("%q is not completed to %q: %v\n%s", typed, want, err, out)
			}
		}
	})
}

func TestCompletionScripts(t *testing.T) {
	m := newMachine(t)
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		m.run("", "completion", shell).ok().says("__complete")
	}
}
