package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

func TestCtrlCAtAQuestion(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", "local://me/calendars/Kept").ok()
	for _, answer := range []string{"", "\n", "no\n", "yess\n", "Yes\n"} { // the first is Ctrl-C
		kept := answer != "Yes\n"
		user, program := terminal(t)
		cmd := m.command(t.Context(), "--local", "calendar", "delete", "Kept")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = program, program, program
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		program.Close()
		guard := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
		var shown bytes.Buffer
		buffer, asked := make([]byte, 4096), false
		for {
			n, err := user.Read(buffer)
			shown.Write(buffer[:n])
			if err != nil {
				break
			}
			if asked || !strings.HasSuffix(shown.String(), "[y/N] ") {
				continue
			}
			asked = true
			if answer == "" {
				err = cmd.Process.Signal(os.Interrupt)
			} else {
				_, err = user.WriteString(answer)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		if !guard.Stop() {
			t.Fatalf("%q does not end it: %s", answer, shown.String())
		}
		if code := cmd.ProcessState.ExitCode(); kept != strings.HasSuffix(shown.String(), "\nadmin-assistant: nothing was done\r\n") || kept != (code == exitFailed) {
			t.Errorf("%q: exit code %d: %q", answer, code, shown.String())
		}
	}
	m.local("calendar", "list").ok().says("Nothing to show.")
}

func TestAFileThatIsNoTextIsNotForATerminal(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", "local://me/calendars/Work").ok()
	for line, want := range map[string]bool{
		"admin-assistant --local user export":                false,
		"admin-assistant --local user export - | wc -c":      true,
		"admin-assistant --local user export > all.zip":      true,
		"admin-assistant --local calendar export Work":       true,
		"admin-assistant --local audit export --format json": true,
	} {
		screen, code := m.sees(80, false, line)
		if want != (code == exitOK) || !want && (code != exitUsage || !strings.Contains(screen, "not text, and this is a terminal: name a file")) {
			t.Errorf("%s: exit code %d: %q", line, code, screen)
		}
	}
}

func TestColoursAndWidthAreAsTheUserWantsThem(t *testing.T) {
	m := newMachine(t)
	m.local("calendar", "create", "local://me/calendars/active").ok()
	for line, want := range map[string]struct {
		colour, whole bool
	}{
		"admin-assistant --local calendar list":                {true, false}, // of the head; a name is no state
		"NO_COLOR=1 admin-assistant --local calendar list":     {false, false},
		"TERM=dumb admin-assistant --local calendar list":      {false, false},
		"admin-assistant --local calendar list --wide":         {true, true},
		"admin-assistant --local calendar list --wide | cat":   {false, true},
		"TERM=dumb admin-assistant --local job list && exit 0": {false, false},
	} {
		screen, code := m.sees(24, true, line)
		if code != exitOK || strings.Contains(screen, "\x1b[1m") != want.colour || strings.Count(screen, "\x1b[32m") > 0 ||
			strings.Contains(screen, "local://me/calendars/active ") != want.whole {
			t.Errorf("%s: exit code %d: %q", line, code, screen)
		}
	}
}
