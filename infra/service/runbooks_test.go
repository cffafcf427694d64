package service

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"adminassistant/infra/outside"
)

// TestRunbooksNameWhatThereIs looks at the words of commands in runbooks that the rehearsal cannot: its stand-ins answer to every name.
func TestRunbooksNameWhatThereIs(t *testing.T) {
	pages, err := filepath.Glob("../../docs/r*/*.md")
	if err != nil || len(pages) < 30 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	read := func(file string) string {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	metrics := regexp.MustCompile(`Metric += "(\w+)"`).FindAllStringSubmatch(read("../../shared/telemetry/metrics.go"), -1)
	targets := regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(read("../../Makefile"), -1)
	within := func(list [][]string, word string) bool {
		return slices.ContainsFunc(list, func(found []string) bool { return found[1] == word })
	}
	queues := []string{"Archive", "ArchiveDead", "Backup", "BackupDead", "Notify", "NotifyDead", "ScheduleDead"}
	functions := []string{"Gateway", title(prober)}
	for _, name := range names {
		functions = append(functions, title(name))
	}
	known := map[string]func(word string) bool{
		"alarm": func(word string) bool {
			return word == outside.Alarm || slices.ContainsFunc(AlarmNames(), func(name string) bool { return name == word || page(name) == word })
		},
		"count":   func(word string) bool { return within(metrics, word) },
		"depth":   func(word string) bool { return slices.Contains(queues, word) },
		"letters": func(word string) bool { return slices.Contains(queues, word) },
		"ask":     func(word string) bool { return slices.Contains(functions, word) },
		"make":    func(word string) bool { return within(targets, word) },
	}
	code := regexp.MustCompile("(?ms)^ *```[a-z]+\n(.*?)^ *```$|`([^`\n]+)`")
	command := regexp.MustCompile(`(?m)(?:^|[;(]|&&) *(alarm|count|depth|letters|ask|make) ([A-Za-z][A-Za-z-]*)`)
	seen := map[string]int{}
	for _, file := range pages {
		for _, part := range code.FindAllStringSubmatch(read(file), -1) {
			for _, found := range command.FindAllStringSubmatch(part[1]+part[2], -1) {
				if seen[found[1]]++; !known[found[1]](found[2]) {
					t.Errorf("%s: there is no such thing as in %q", filepath.Base(file), strings.TrimSpace(found[0]))
				}
			}
		}
	}
	for what := range known {
		if seen[what] < 3 {
			t.Errorf("%s was found %d times", what, seen[what])
		}
	}
}
