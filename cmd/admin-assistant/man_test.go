package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestEachCommandHasAManualPage(t *testing.T) {
	m := newMachine(t)
	folder := filepath.Join(m.files, "man")
	m.run("", "man", folder, "--date", "2026-10-26").ok()
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.IsAdditionalHelpTopicCommand() || !cmd.IsAvailableCommand() {
			return
		}
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		page, err := os.ReadFile(filepath.Join(folder, name+".1"))
		if err != nil {
			t.Error(err)
			return
		}
		text := strings.NewReplacer(`\-`, "-", `\_`, "_", `\&`, "").Replace(string(page))
		for _, part := range []string{`"1" "Oct 2026" "Admin Assistant 1.2.3"`, name + " - "} {
			if !strings.Contains(text, part) {
				t.Errorf("%s has no %q", name, part)
			}
		}
		for _, word := range strings.Fields(cmd.Long) {
			if strings.ContainsAny(word, "_*<") && !strings.ContainsAny(word, `"'\-`) && !strings.Contains(text, word) {
				t.Errorf("%s has no %q", name, word)
			}
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	root := (&program{}).root()
	walk(root)
	again := filepath.Join(m.files, "again")
	m.run("", "man", again, "--date", "2026-10-26").ok()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) < 50 {
		t.Fatalf("%d pages, %v", len(entries), err)
	}
	for _, e := range entries {
		one, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if other, err := os.ReadFile(filepath.Join(again, e.Name())); err != nil || string(one) != string(other) {
			t.Errorf("%s is another page the second time: %v", e.Name(), err)
		}
	}
	m.run("", "man", folder, "--date", "tomorrow").fails(exitUsage, "is no day")
}
