package shared_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// longest is how many characters a line of Go, of Markdown or of the Makefile may have. A tab is one.
const longest = 160

// notOurs are folders without files of ours: what was installed, built or stored, and what tests read as it is.
var notOurs = []string{".git", ".tools", ".data", "dist", "cdk.out", "node_modules", "testdata"}

// bounded says whether the lines of a file are bounded, by its name.
func bounded(name string) bool {
	return name == "Makefile" || slices.Contains([]string{".go", ".md"}, filepath.Ext(name))
}

// longLines lists the lines of a text that are too long, each as "<name>:<line>: <what>".
func longLines(name, text string) (found []string) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if n := utf8.RuneCountInString(strings.TrimRight(line, "\r\n")); n > longest {
			found = append(found, fmt.Sprintf("%s:%d: the line has %d characters, %d at most are allowed", name, number, n, longest))
		}
	}
	return found
}

func TestLinesAreShortEnoughToRead(t *testing.T) {
	looked := map[string]bool{}
	err := filepath.WalkDir("..", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(notOurs, entry.Name()) {
			if entry.IsDir() {
				return filepath.SkipDir
			}
			return nil // a link to such a folder
		}
		if !entry.Type().IsRegular() || !bounded(entry.Name()) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		inModule, err := filepath.Rel("..", name)
		if err != nil {
			return err
		}
		inModule = filepath.ToSlash(inModule)
		looked[inModule] = true
		for _, what := range longLines(inModule, string(text)) {
			t.Error(what)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"Makefile", "README.md", "docs/security.md", "shared/lines_test.go", "cmd/admin-assistant/main.go"} {
		if !looked[name] {
			t.Errorf("%s was not looked at", name)
		}
	}
}

// TestLongLinesAreFound shows the rule texts that were made up.
func TestLongLinesAreFound(t *testing.T) {
	full := strings.Repeat("ü", longest)
	for text, want := range map[string]string{
		"":                       "",
		full:                     "",
		full + "\n" + full:       "",
		full + "\r\nshort":       "",
		"\t" + full[2:] + "\n":   "",
		full + "x":               "a.md:1: the line has 161 characters",
		"\n" + full + "\t\n":     "a.md:2: the line has 161 characters",
		"short\n\n" + full + "é": "a.md:3: the line has 161 characters",
	} {
		got := longLines("a.md", text)
		if len(got) > 1 || (len(got) == 0) != (want == "") || !strings.HasPrefix(strings.Join(got, ""), want) {
			t.Errorf("%.20q of %d bytes: got %q, want %q", text, len(text), got, want)
		}
	}
	for name, want := range map[string]bool{"a.go": true, "a_test.go": true, "README.md": true, "Makefile": true, "go.sum": false, "a.json": false, "go": false} {
		if bounded(name) != want {
			t.Errorf("bounded(%q) is %v", name, !want)
		}
	}
}
