package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// terminal opens a terminal of 80 columns: its end for the user, and the one for the program.
func terminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminals here: %v", err)
	}
	t.Cleanup(func() { user.Close() })
	fd := int(user.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 80})
	}
	if err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { program.Close() })
	return user, program
}

// review goes through what is open, with a key for each question, and returns what the screen showed and the exit code.
func (m *machine) review(keys []string, args ...string) (screen string, code int) {
	m.t.Helper()
	user, program := terminal(m.t)
	cmd := m.command(m.t.Context(), append([]string{"--local", "review"}, args...)...)
	if m.token != "" {
		cmd = m.command(m.t.Context(), append([]string{"review"}, args...)...)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
	if err := cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
	program.Close()
	var shown bytes.Buffer
	buffer, asked := make([]byte, 4096), 0
	guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	for {
		n, err := user.Read(buffer)
		shown.Write(buffer[:n])
		if err != nil { // the program has closed its end
			break
		}
		waits := bytes.HasSuffix(shown.Bytes(), []byte("] ")) || bytes.HasSuffix(shown.Bytes(), []byte("share time? "))
		if waits && shown.Len() > asked && len(keys) > 0 {
			asked = shown.Len()
			if _, err := user.WriteString(keys[0]); err != nil {
				m.t.Fatal(err)
			}
			keys = keys[1:]
		}
	}
	_ = cmd.Wait()
	if len(keys) > 0 {
		m.t.Errorf("nobody asked for %q:\n%s", keys, shown.String())
	}
	return strings.ReplaceAll(shown.String(), "\r", ""), cmd.ProcessState.ExitCode()
}

func TestReview(t *testing.T) {
	m := asking(t)
	if r := m.local("review"); r.code != exitPartial || strings.Count(r.out, "overlap") != 5 || !strings.Contains(r.out, "review\n") {
		t.Errorf("without a terminal: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	screen, code := m.review([]string{"y", "\x03"})
	if code != exitFailed || !strings.Contains(screen, "nothing was written") {
		t.Errorf("broken off: exit code %d\n%s", code, screen)
	}
	if _, code := m.review([]string{"y", "q", "n"}); code != exitFailed {
		t.Errorf("not written: exit code %d", code)
	}
	if screen, code := m.review([]string{"s", "q"}); code != exitPartial || !strings.Contains(screen, "Nothing was decided; 6 open.") {
		t.Errorf("nothing decided: exit code %d\n%s", code, screen)
	}

	// Back to the first one, an arrow and a key that means nothing; what was chosen is marked.
	screen, code = m.review([]string{"?", "y", "b", "\x1b[A", "z", "1", "q", "b", "q", "y"}, "--kind", "overlap", "--period", "2026-10-05", "--dry-run")
	for _, text := range []string{"1 of 1: overlap, config work", "Travel to Acme", "Mon 2026-10-05 08:15-08:55",
		"not archived", `"Travel to Acme" is the longest.`,
		"Ctrl-C", "> 1 ", "1 decided, 0 dismissed, 0 left open", "preview of decisions"} {
		if !strings.Contains(screen, text) {
			t.Errorf("the screen does not say %q:\n%s", text, screen)
		}
	}
	if code != exitOK {
		t.Errorf("a preview: exit code %d", code)
	}
	for line := range strings.Lines(screen) { // where a run goes on, its progress is in the line, too
		if n := len([]rune(strings.TrimRight(line, "\n"))); n > 80 && !strings.Contains(line, "%") {
			t.Errorf("%d columns: %s", n, line)
		}
	}

	screen, code = m.review([]string{"y", "y", "k", "they ran side by side\n", "d", "2", "s", "y"})
	if code != exitPartial || !strings.Contains(screen, "4 decided, 1 dismissed, 1 left open.") || !strings.Contains(screen, " undo ") {
		t.Errorf("exit code %d\n%s", code, screen)
	}
	var open []actionView
	m.local("action", "list", "--output", "json").ok().decode(&open)
	if len(open) != 1 {
		t.Errorf("%d are open", len(open))
	}
}
