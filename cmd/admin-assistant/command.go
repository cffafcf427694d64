package main

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// given are the flags of this command line by which every further command has to be told the same place: stores, server, sign-in.
func (p *program) given(cmd *cobra.Command) (flags []string) {
	for _, name := range []string{"local", "data", "profile", "api"} {
		f := cmd.Flags().Lookup(name)
		switch {
		case f == nil || !f.Changed || f.Value.String() == "false":
		case f.Value.Type() == "bool":
			flags = append(flags, "--"+name)
		default:
			flags = append(flags, "--"+name, quoted(f.Value.String()))
		}
	}
	return flags
}

// command is a command as it can be typed where this one was: with the flags that say where.
func (p *program) command(words string) string {
	return strings.Join(append(append([]string{"admin-assistant"}, p.place...), words), " ")
}

// spelt finds commands in a text.
var spelt = regexp.MustCompile(`\badmin-assistant [a-z][a-z-]*`)

// anywhere are commands that say themselves what they are about, or are about this machine alone.
var anywhere = []string{"login", "logout", "serve", "browser", "doctor", "proof"}

// told is a text with its commands as they can be typed where this one was.
func (p *program) told(text string) string {
	if len(p.place) == 0 {
		return text
	}
	return spelt.ReplaceAllStringFunc(text, func(found string) string {
		words := strings.TrimPrefix(found, "admin-assistant ")
		if slices.Contains(anywhere, words) {
			return found
		}
		return p.command(words)
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
