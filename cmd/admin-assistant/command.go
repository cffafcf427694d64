package main

import (
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// given are the flags of this command line, each with its value, by which every further command has to be told the same place: stores, server, sign-in.
func (p *program) given(cmd *cobra.Command) (flags []string) {
	for _, name := range []string{"local", "data", "profile", "api"} {
		f := cmd.Flags().Lookup(name)
		switch {
		case f == nil || !f.Changed || f.Value.String() == "false":
		case f.Value.Type() == "bool":
			flags = append(flags, "--"+name)
		default:
			flags = append(flags, "--"+name+" "+quoted(f.Value.String()))
		}
	}
	return flags
}

// programName is what the program is called in the help and in texts that are not for one machine.
const programName = "admin-assistant"

// called is the name by which a shell starts this program once more: its own where a shell finds it by that, else the path that was typed. Windows has
// shells that take a path in three ways, so there it is always the name.
func (p *program) called() string {
	self, err := os.Executable()
	if err != nil || p.typed == "" || runtime.GOOS == "windows" {
		return programName
	}
	one, err := os.Stat(self)
	if err != nil {
		return programName
	}
	if found, err := exec.LookPath(programName); err == nil {
		if other, err := os.Stat(found); err == nil && os.SameFile(one, other) {
			return programName
		}
	}
	return quoted(p.typed)
}

// command is a command as it can be typed where this one was: with the flags that say where.
func (p *program) command(words string) string {
	return strings.Join(append(append([]string{p.called()}, p.place...), words), " ")
}

// spelt finds commands in a text: what stands before one, and its word.
var spelt = regexp.MustCompile(`(^|[^/\\\w])admin-assistant ([a-z][a-z-]*)`)

// isCommand says whether a word is a command of the program.
func isCommand(word string) bool {
	return slices.ContainsFunc(groups, func(g struct{ title, commands string }) bool {
		return slices.Contains(strings.Fields(g.commands), word)
	})
}

// anywhere are commands that say themselves what they are about, or are about this machine alone, with the flags which they are told all the same.
var anywhere = map[string][]string{
	"login": nil, "logout": nil, "serve": {"--data"}, "browser": {"--api", "--data"}, "doctor": nil, "proof": nil,
}

// told is a text with its commands as they can be typed where this one was.
func (p *program) told(text string) string {
	return spelt.ReplaceAllStringFunc(text, func(found string) string {
		before, word, _ := strings.Cut(found, programName+" ")
		if !isCommand(word) {
			return found
		}
		flags, is := anywhere[word]
		if !is {
			return before + p.command(word)
		}
		told := []string{p.called()}
		for _, flag := range p.place {
			if name, _, _ := strings.Cut(flag, " "); slices.Contains(flags, name) {
				told = append(told, flag)
			}
		}
		return before + strings.Join(append(told, word), " ")
	})
}

// quoted is a name as a shell takes it.
func quoted(name string) string {
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("._-/:@", r))
	}
	if name != "" && name[0] != '-' && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return "'" + strings.ReplaceAll(printable(name), "'", `'\''`) + "'"
}
