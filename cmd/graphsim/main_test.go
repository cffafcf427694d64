package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Example//EN\r\nBEGIN:VEVENT\r\nUID:one\r\nDTSTAMP:20260901T000000Z\r\n" +
	"DTSTART:20261005T070000Z\r\nDTEND:20261005T080000Z\r\nSUMMARY:Acme review\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// serve runs the command until stop is called, which returns its error.
func serve(t *testing.T, args ...string) (address string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	read, write := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append(args, "--addr", "127.0.0.1:0"), write)
		write.CloseWithError(io.EOF)
		done <- err
	}()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err, <-done)
	}
	return strings.TrimSuffix(strings.Fields(line)[1], "/me/calendars"), func() error { cancel(); return <-done }
}

func get(t *testing.T, address string) string {
	t.Helper()
	r, err := http.NewRequest("GET", address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer secret")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.Status + " " + string(text)
}

func TestTheDemoMailboxIsServedAndSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	seed, state, log, script := filepath.Join(dir, "seed.ics"), filepath.Join(dir, "state.json"), filepath.Join(dir, "log.jsonl"),
		filepath.Join(dir, "faults.jsonl")
	for path, text := range map[string]string{seed: sample, script: `{"kind":"unavailable","path":"/me/mailboxSettings"}`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := []string{"--seed", seed, "--state", state, "--log", log, "--faults", script, "--token", "secret"}
	address, stop := serve(t, args...)
	if got := get(t, address+"/me/events?$select=subject"); !strings.Contains(got, `"Acme review"`) {
		t.Error(got)
	}
	if got := get(t, address+"/me/mailboxSettings"); !strings.HasPrefix(got, "503") {
		t.Error(got)
	}
	r, err := http.NewRequest("POST", address+"/me/calendars", strings.NewReader(`{"name":"Archive"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Authorization": {"Bearer secret"}, "Content-Type": {"application/json"}}
	if response, err := http.DefaultClient.Do(r); err != nil || response.StatusCode != 201 {
		t.Fatal(response, err)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(log); err != nil || strings.Count(string(text), "\n") != 3 {
		t.Errorf("%s %v", text, err)
	}

	address, stop = serve(t, args...)
	if got := get(t, address+"/me/calendars"); !strings.Contains(got, `"Archive"`) {
		t.Error(got)
	}
	if got := get(t, address+"/me/events"); strings.Count(got, `"Acme review"`) != 1 {
		t.Error(got)
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
}

func TestWrongFlagsAreRefused(t *testing.T) {
	for _, args := range [][]string{
		{"--addr", "0.0.0.0:0"}, {"--addr", ":8081"}, {"--addr", "example.com:80"}, {"--addr", "127.0.0.1"},
		{"--duplicate-status", "500"}, {"--switches", "gravity"}, {"--switches", "page_504=5,bump_keys=on"}, {"--colour", "red"}, {"file.ics"},
	} {
		var out strings.Builder
		if err := run(t.Context(), args, &out); !errors.Is(err, errUsage) || out.Len() == 0 {
			t.Errorf("%v: %v %q", args, err, out.String())
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0", "localhost:8081"} {
		if !loopback(addr) {
			t.Error(addr)
		}
	}
}

func TestFilesThatAreNotThereAreErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	for _, flag := range []string{"--seed", "--faults"} {
		if err := run(t.Context(), []string{"--addr", "127.0.0.1:0", flag, missing}, io.Discard); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: %v", flag, err)
		}
	}
	broken := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"--addr", "127.0.0.1:0", "--state", broken}, io.Discard); err == nil {
		t.Error("a broken state was accepted")
	}
}
