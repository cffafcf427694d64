package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestADeploymentAsksWhatTheAccountIs has make say what it would do, with a command line of AWS that answers so.
func TestADeploymentAsksWhatTheAccountIs(t *testing.T) {
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("skipped: there is no make")
	}
	for _, c := range []struct {
		name, concurrency, open string
		want                    []string // of what is said about the account
	}{
		{"one that nothing is known of", "exit 255", "exit 255", nil},
		{"a new one", "echo 10", "echo False", []string{"account-concurrency=10", "mail-sandbox=on"}},
		{"one that may mail everybody", "echo 1000", "echo True", []string{"account-concurrency=1000"}},
		{"one that says what nobody expects", "echo None", "echo None", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			aws := "#!/bin/sh\ncase \"$1 $2\" in\n'lambda get-account-settings') " + c.concurrency + ";;\n'sesv2 get-account') " + c.open + ";;\n*) exit 1;;\nesac\n"
			if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(aws), 0o755); err != nil {
				t.Fatal(err)
			}
			command := exec.Command("make", "--no-print-directory", "-n", "-C", "..", "deploy", "STAGE=dev")
			command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
			out, err := command.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			deploys := ""
			for line := range strings.Lines(strings.ReplaceAll(string(out), "\\\n", " ")) {
				if strings.Contains(line, "deploy --all") {
					deploys = line
				}
			}
			var got []string
			for _, word := range strings.Fields(deploys) {
				if strings.HasPrefix(word, "account-") || strings.HasPrefix(word, "mail-") {
					got = append(got, word)
				}
			}
			if strings.Join(got, " ") != strings.Join(c.want, " ") || !strings.Contains(deploys, "-c stage=dev") {
				t.Errorf("it says %q of the account, in %s", got, deploys)
			}
		})
	}
}
