package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// ofLibraries are words of libraries that no user should have to read.
var ofLibraries = []string{
	"arg(s)", "unknown flag", "unknown shorthand", "flag needs an argument", "invalid argument", "strconv.", "parsing time", "invalid character",
	"json:", "jsontext", "unmarshal", "calendar: ", "store: ", "blob: ", "2006-01-02", "looking for beginning", "%!", "sql:", "fault.",
	"no such file or directory", "<nil>", "goroutine", "usage: ",
}

// end is what libraries say of a text that ends too early. Ids may have its letters.
var end = regexp.MustCompile(`(?m)(^|[^\w-])EOF($|[^\w-])`)

// byLibraries are the words of libraries in a text.
func byLibraries(text string) (found []string) {
	for _, words := range ofLibraries {
		if strings.Contains(text, words) {
			found = append(found, words)
		}
	}
	if end.MatchString(text) {
		found = append(found, "EOF")
	}
	return found
}

// leaves are the commands without subcommands.
func leaves(cmd *cobra.Command) (all []*cobra.Command) {
	if !cmd.HasSubCommands() {
		return []*cobra.Command{cmd}
	}
	for _, sub := range cmd.Commands() {
		all = append(all, leaves(sub)...)
	}
	return all
}

// spoken runs a command line in this process, and returns its exit code and all that it said.
func spoken(t *testing.T, args ...string) (code int, text string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), append([]string{programName}, args...), strings.NewReader(""), &out, &errs)
	text = out.String() + errs.String()
	for _, words := range byLibraries(text) {
		t.Errorf("%q says %q, which are words of a library:\n%s", args, words, text)
	}
	return code, text
}

func TestEveryCommandSaysWhatIsWrongInWordsOfOurs(t *testing.T) {
	t.Setenv("ADMIN_ASSISTANT_DATA", filepath.Join(t.TempDir(), "data"))
	t.Setenv("ADMIN_ASSISTANT_API", "http://127.0.0.1:1")
	t.Chdir(t.TempDir())
	all := leaves((&program{}).root())
	if len(all) < 100 {
		t.Fatalf("only %d commands were found", len(all))
	}
	for _, cmd := range all {
		if cmd.Name() == "help" {
			continue
		}
		path := strings.Fields(cmd.CommandPath())[1:]
		takes := argumentsOf(cmd.Use)
		filled := slices.Concat(path, slices.Repeat([]string{"ï"}, len(takes.must)))
		refused := func(args []string, says ...string) {
			t.Helper()
			code, text := spoken(t, args...)
			if code != exitUsage || !strings.HasPrefix(text, "admin-assistant: ") {
				t.Errorf("%q: exit code %d\n%s", args, code, text)
			}
			for _, say := range says {
				if !strings.Contains(text, say) {
					t.Errorf("%q does not say %q:\n%s", args, say, text)
				}
			}
		}
		refused(append(slices.Clone(filled), "--nonsense"), "no flag --nonsense")
		refused(append(slices.Clone(filled), "-ß"), "no flag -")
		if !takes.more {
			many := slices.Concat(path, slices.Repeat([]string{"one"}, len(takes.must)+len(takes.may)), []string{"surplus"})
			refused(many, `"surplus" is too many`)
		}
		if n := len(takes.must); n > 0 {
			refused(slices.Concat(path, slices.Repeat([]string{"one"}, n-1)), alternatives(takes.must[n-1])+" is missing")
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if kind := f.Value.Type(); kind != "string" && !strings.HasPrefix(kind, "string") && f.Name != "help" && f.Name != "version" {
				refused(append(slices.Clone(filled), "--"+f.Name+"=nonsense"), "--"+f.Name, "nonsense")
			}
			if f.NoOptDefVal == "" {
				refused(append(slices.Clone(filled), "--"+f.Name), "--"+f.Name+" is without its value")
			}
		})
	}
}

// notTried are commands that wait for somebody, or reach for other machines.
var notTried = []string{"serve", "service", "login", "doctor", "completion", "man"}

func TestNonsenseIsRefusedInWordsOfOurs(t *testing.T) {
	t.Setenv("ADMIN_ASSISTANT_DATA", filepath.Join(t.TempDir(), "data"))
	t.Setenv("ADMIN_ASSISTANT_API", "http://127.0.0.1:1")
	t.Chdir(t.TempDir())
	for _, cmd := range leaves((&program{}).root()) {
		path := strings.Fields(cmd.CommandPath())[1:]
		if slices.Contains(notTried, path[0]) || cmd.Name() == "help" {
			continue
		}
		if cmd.CommandPath() == "admin-assistant user export" { // which prints an archive
			continue
		}
		for _, nonsense := range []string{"ï", "{../x\x01"} {
			args := slices.Concat([]string{"--local", "--yes"}, path)
			cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
				if f.Value.Type() == "string" && f.Name != "help" {
					args = append(args, "--"+f.Name+"="+nonsense)
				}
			})
			args = append(args, slices.Repeat([]string{nonsense}, len(argumentsOf(cmd.Use).must))...)
			spoken(t, args...)
		}
	}
}

func TestUnknownCommandsAreSaidBeforeFlags(t *testing.T) {
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"rnu", "--config", "work"}, `unknown command "rnu"; did you mean "run"? See: admin-assistant --help`},
		{[]string{"archive", "rnu", "--nonsense"}, `unknown command "rnu"; did you mean "run"? See: admin-assistant archive --help`},
		{[]string{"--output", "json", "-y", "cofnig", "list"}, `unknown command "cofnig"; did you mean "config"?`},
		{[]string{"--data=x", "configs"}, `did you mean "config"?`},
		{[]string{"config", "ls"}, `did you mean "list"?`},
		{[]string{"job", "rm", "x"}, `did you mean "delete"?`},
		{[]string{"help", "nonsense"}, `unknown command "nonsense"; see: admin-assistant --help`},
		{[]string{"help", "archive", "shwo"}, `did you mean "show"?`},
		{[]string{"zzzzzz"}, `unknown command "zzzzzz"; see: `},
		{[]string{"--nonsense", "list"}, `there is no flag --nonsense`}, // the word may be its value
		{[]string{"--nonsense", "archive", "rnu"}, `unknown command "rnu"`},
		{[]string{"archive", "run", "--perod", "today"}, `there is no flag --perod; did you mean "--period"? See: admin-assistant archive run --help`},
		{[]string{"archive", "run", "-period", "today"}, `did you mean "--period"?`},
	} {
		code, text := spoken(t, tt.args...)
		if code != exitUsage || !strings.Contains(text, tt.says) {
			t.Errorf("%q: exit code %d, %s\nwant %s", tt.args, code, text, tt.says)
		}
	}
	if code, text := spoken(t, "help", "archive", "run"); code != exitOK || !strings.Contains(text, "Archive a period") {
		t.Errorf("help of a command: exit code %d, %s", code, text)
	}
	if code, text := spoken(t, "--version"); code != exitOK || text != version+"\n" {
		t.Errorf("the version: exit code %d, %q", code, text)
	}
	if code, text := spoken(t, "admin", "flag", "set", "x"); code != exitUsage ||
		!strings.Contains(text, "off, on, shadow or PERCENT% is missing, as in: admin-assistant admin flag set NAME off; see: ") {
		t.Errorf("of several words one: exit code %d, %q", code, text)
	}
	if code, text := spoken(t, "calendar", "import"); code != exitUsage || !strings.Contains(text, "URI and FILE are missing") {
		t.Errorf("no arguments: exit code %d, %q", code, text)
	}
}

func TestWordsThatMayBeMeant(t *testing.T) {
	for _, tt := range []struct {
		word  string
		names []string
		want  string
	}{
		{"rn", []string{"run"}, "run"}, // one slip is always forgiven
		{"abef", []string{"abcd"}, ""},
		{"ca", []string{"calendar"}, ""}, // two letters begin too many words
		{"cal", []string{"calendar"}, "calendar"},
		{"abcx", []string{"abca", "abcb", "abcc", "abcd"}, "abca abcb abcc"},
		{"archive", []string{"arxhivez", "archives", "archive"}, "archive archives"}, // what is much further away is not meant
		{"RNU", []string{"Run"}, "Run"},
		{"kind", []string{"king", "find"}, "king find"}, // in their order
	} {
		if got := strings.Join(alike(tt.word, tt.names), " "); got != tt.want {
			t.Errorf("%q of %q: %q, want %q", tt.word, tt.names, got, tt.want)
		}
	}
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"mna"}, `unknown command "mna"; see: `}, // man is for those who pack it
		{[]string{"hlep"}, `did you mean "help"?`},
		{[]string{"--nonsense", "archive", "rnu"}, `did you mean "run"? See: admin-assistant archive --help`},
		{[]string{"archive", "run", "-dry-rn"}, `there is no flag -d; did you mean "--dry-run"?`},
		{[]string{"run", "list", "--most", "few"}, `--most is "few": expected a whole number; see: `},
		{[]string{"run", "list", "-x"}, `there is no flag -x; see: `},
	} {
		if code, text := spoken(t, tt.args...); code != exitUsage || !strings.Contains(text, tt.says) {
			t.Errorf("%q: exit code %d, %s\nwant %s", tt.args, code, text, tt.says)
		}
	}
	cmd := &cobra.Command{Use: "do KEY..."}
	cmd.Flags().String("secret", "", "")
	_ = cmd.Flags().MarkHidden("secret")
	if err := wrongFlag(cmd, cmd.ParseFlags([]string{"--secrt"})); !strings.Contains(err.Error(), "there is no flag --secrt; see: ") {
		t.Errorf("a flag that is hidden is told: %v", err)
	}
	parent := &cobra.Command{Use: "admin-assistant"}
	parent.AddCommand(cmd)
	if takes := argumentsOf(cmd.Use); takes.check(cmd, []string{"a", "b", "c"}) != nil || takes.check(cmd, nil) == nil {
		t.Error("KEY... is not one or more")
	}
}

func TestWordsOfLibrariesAreFoundAndIdsAreNone(t *testing.T) {
	for text, want := range map[string]int{"": 0, "N8PEOF2Ui,created": 0, "a-EOF_b": 0, "EOF": 1, "read x: unexpected EOF\n": 1, "json: unknown field": 1} {
		if got := byLibraries(text); len(got) != want {
			t.Errorf("%q has %q", text, got)
		}
	}
}
