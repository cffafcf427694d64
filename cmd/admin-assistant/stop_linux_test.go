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
