package main

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"testing"
)

// shell is an engine that is a shell script.
func shell(t *testing.T, script string) *process {
	t.Helper()
	p, err := engine{name: "the engine", command: func(string) *exec.Cmd { return exec.Command("sh", "-c", script) }}.start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.end)
	return p
}

func TestAnEngine(t *testing.T) {
	t.Run("tells its port among other lines, and ends with its input", func(t *testing.T) {
		p := shell(t, "echo Port: 8000; echo 66000; echo 4711; echo 4712; cat; exit 3")
		if at, err := p.address(t.Context()); at != "http://127.0.0.1:4711" || err != nil {
			t.Fatalf("it is at %q, %v", at, err)
		}
		p.end()
		if code := p.command.ProcessState.ExitCode(); code != 3 {
			t.Errorf("it ended as %v", p.command.ProcessState)
		}
	})
	t.Run("that ends at once has its words repeated", func(t *testing.T) {
		_, err := shell(t, "echo no such thing >&2; exit 3").address(t.Context())
		if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no such thing") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("that does not listen yet is waited for until somebody interrupts", func(t *testing.T) {
		ctx, interrupt := context.WithCancel(t.Context())
		p := shell(t, "cat")
		interrupt()
		if _, err := p.address(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("that is not there is an error", func(t *testing.T) {
		_, err := engine{name: "the engine", command: func(string) *exec.Cmd { return exec.Command("/none") }}.start("")
		if err == nil || !strings.Contains(err.Error(), "the engine") {
			t.Errorf("error %v", err)
		}
	})
}
