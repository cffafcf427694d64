package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// otherWords are what people call commands in other programs.
var otherWords = map[string][]string{
	"list": {"ls", "get"}, "show": {"view", "describe", "get", "cat"}, "delete": {"rm", "del", "remove"}, "remove": {"rm", "delete"},
	"create": {"new", "add"}, "add": {"new", "create"}, "edit": {"update", "set", "change"}, "run": {"start"}, "cancel": {"stop", "kill", "abort"},
	"trigger": {"run", "start", "now"}, "day": {"show", "list", "view", "get", "ls", "cat"}, "events": {"show", "view", "cat"}, "health": {"status"},
	"serve": {"server", "start", "up"}, "whoami": {"me", "status"}, "notification": {"inbox", "messages"}, "timesheet": {"invoice", "bill"},
	"config": {"archive-config"}, "login": {"signin", "sign-in", "auth"}, "logout": {"signout", "sign-out"}, "watch": {"follow", "logs", "wait"},
}

// wrongCommand is the error of a command line whose words name no command; nil where they do. It does not look at flags beyond what is needed to tell them
// from words, so that a word that is wrong is said before a flag that the wrong command does not know.
func wrongCommand(root *cobra.Command, args []string) error {
	at := root
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--" || strings.HasPrefix(arg, cobra.ShellCompRequestCmd):
			return nil
		case !at.HasSubCommands():
			return oneDash(at, args[i:])
		case len(arg) > 1 && arg[0] == '-':
			if takesNext(at, arg) || i+1 < len(args) && !known(at, arg) && child(at, args[i+1]) == nil {
				i++ // its value
			}
		default:
			next := child(at, arg)
			if takes := argumentsOf(at.Use); next == nil && (len(takes.must) > 0 || len(takes.may) > 0) {
				return oneDash(at, args[i:]) // a command that has others below it
			}
			if next == nil {
				return unknownCommand(at, arg)
			}
			if next.Name() == "help" && at == root {
				return nil
			}
			at = next
		}
	}
	return nil
}

// oneDash finds a flag whose name has one dash before it, which would be read as its first letter with a value.
func oneDash(cmd *cobra.Command, args []string) error {
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		switch {
		case arg == "--":
			return nil
		case len(name) > 1 && strings.HasPrefix(arg, "-") && name[0] != '-' && flagOf(cmd, "--"+name) != nil:
			return wrong(cmd, "there is no flag -%s%s", name, didYouMean([]string{name}, "--"))
		}
	}
	return nil
}

// child is the command of a name or another name below a command; nil: there is none.
func child(of *cobra.Command, name string) *cobra.Command {
	for _, sub := range of.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}

// flagOf finds the flag that an argument names, by its name or its letter.
func flagOf(cmd *cobra.Command, arg string) *pflag.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	for _, flags := range []*pflag.FlagSet{cmd.Flags(), cmd.PersistentFlags(), cmd.Root().PersistentFlags()} {
		if strings.HasPrefix(arg, "--") {
			if f := flags.Lookup(name); f != nil {
				return f
			}
		} else if len(name) > 0 && name[0] < 0x80 {
			if f := flags.ShorthandLookup(name[:1]); f != nil {
				return f
			}
		}
	}
	return nil
}

func known(cmd *cobra.Command, arg string) bool {
	return strings.Contains(arg, "=") || flagOf(cmd, arg) != nil
}

// takesNext says whether the value of a flag is the argument after it.
func takesNext(cmd *cobra.Command, arg string) bool {
	f := flagOf(cmd, arg)
	return f != nil && f.NoOptDefVal == "" && !strings.Contains(arg, "=") && (strings.HasPrefix(arg, "--") || len(arg) == 2)
}

// unknownCommand says which word is no command, and which ones may be meant.
func unknownCommand(of *cobra.Command, word string) error {
	var names []string
	var meant []string
	for _, sub := range of.Commands() {
		if !sub.IsAvailableCommand() && sub.Name() != "help" {
			continue
		}
		names = append(names, sub.Name())
		if slices.Contains(otherWords[sub.Name()], strings.ToLower(word)) {
			meant = append(meant, sub.Name())
		}
	}
	if meant == nil {
		meant = alike(word, names)
	}
	if len(meant) == 0 && of.HasParent() && len(names) > 0 {
		return wrong(of, "unknown command %q: %s has %s", word, of.CommandPath(), strings.Join(names, ", "))
	}
	return wrong(of, "unknown command %q%s", word, didYouMean(meant, ""))
}

// wrong is the error of a command line that makes no sense, with where to look.
func wrong(cmd *cobra.Command, format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	see := "; see"
	if strings.HasSuffix(err.Error(), "?") {
		see = " See"
	}
	return usageError{fmt.Errorf("%w%s: %s --help", err, see, cmd.CommandPath())}
}

// didYouMean asks for the names that may be meant: `; did you mean "run" or "rule"?`, each with a prefix.
func didYouMean(names []string, prefix string) string {
	if len(names) == 0 {
		return ""
	}
	said := make([]string, len(names))
	for i, name := range names {
		said[i] = `"` + prefix + name + `"`
	}
	return "; did you mean " + strings.Join(said, " or ") + "?"
}

// alike are the names that a word may be a slip for, the likeliest ones first, three at most.
func alike(word string, names []string) []string {
	type near struct {
		name string
		far  int
	}
	var found []near
	word = strings.ToLower(word)
	for _, name := range names {
		far := slips(word, strings.ToLower(name))
		if far > max(1, min(len(word), len(name))/3) && (len(word) < 3 || !strings.HasPrefix(strings.ToLower(name), word)) {
			continue
		}
		found = append(found, near{name, far})
	}
	slices.SortStableFunc(found, func(a, b near) int { return a.far - b.far })
	var best []string
	for _, f := range found[:min(len(found), 3)] {
		if f.far <= found[0].far+1 {
			best = append(best, f.name)
		}
	}
	return best
}

// slips is how many letters have to be changed, left out, added or swapped with the next one to make b of a.
func slips(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}

// wrongFlag says what is wrong with a flag in words of ours.
func wrongFlag(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	var without *pflag.ValueRequiredError
	var value *pflag.InvalidValueError
	var syntax *pflag.InvalidSyntaxError
	said := err
	switch {
	case errors.As(err, &missing):
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !f.Hidden {
				names = append(names, f.Name)
			}
		})
		if letters := missing.GetSpecifiedShortnames(); letters != "" {
			said = fmt.Errorf("there is no flag -%s", missing.GetSpecifiedName())
			if len(letters) > 2 {
				said = fmt.Errorf("%w%s", said, didYouMean(alike(letters, names), "--"))
			}
			break
		}
		said = fmt.Errorf("there is no flag --%s%s", missing.GetSpecifiedName(), didYouMean(alike(missing.GetSpecifiedName(), names), "--"))
	case errors.As(err, &without):
		said = fmt.Errorf("--%s is without its value: %s", without.GetFlag().Name, without.GetFlag().Usage)
	case errors.As(err, &value):
		f := value.GetFlag()
		said = fmt.Errorf("--%s is %q: expected %s", f.Name, value.GetValue(), expected(f))
	case errors.As(err, &syntax):
		said = fmt.Errorf("%q is no flag: expected a name after the dashes", syntax.GetSpecifiedFlag())
	}
	return wrong(cmd, "%w", said)
}

// expected says what a flag takes.
func expected(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "duration":
		return "a time as in 30s or 5m"
	}
	return f.Usage
}

// slots are what a command takes beside flags, as its Use names them.
type slots struct {
	must, may []string
	more      bool // the last one may come several times
}

// argumentsOf reads "import URI FILE", "export URI [FILE]" and "withdraw KEY...".
func argumentsOf(use string) (a slots) {
	for _, word := range strings.Fields(use)[1:] {
		a.more = a.more || strings.Contains(word, "...")
		word = strings.ReplaceAll(word, "...", "")
		if inner, ok := strings.CutPrefix(word, "["); ok {
			a.may = append(a.may, strings.TrimSuffix(inner, "]"))
			continue
		}
		a.must = append(a.must, word)
	}
	return a
}

// alternatives are what an argument may be, in words: "off, on or shadow" of "off|on|shadow".
func alternatives(slot string) string {
	at := strings.LastIndexByte(slot, '|')
	if at < 0 {
		return slot
	}
	return strings.ReplaceAll(slot[:at], "|", ", ") + " or " + slot[at+1:]
}

// example is how a command is used, with the first of what an argument may be, since a shell takes | for its own.
func example(use string) string {
	words := strings.Fields(use)
	for i := range words {
		words[i], _, _ = strings.Cut(words[i], "|")
	}
	return strings.Join(words, " ")
}

// check says which arguments are missing or too many.
func (a *slots) check(cmd *cobra.Command, given []string) error {
	if n := len(given); n < len(a.must) {
		is := "is"
		if n+1 < len(a.must) {
			is = "are"
		}
		var missing []string
		for _, slot := range a.must[n:] {
			missing = append(missing, alternatives(slot))
		}
		return wrong(cmd, "%s %s missing, as in: %s", strings.Join(missing, " and "), is, strings.TrimSpace(cmd.Parent().CommandPath()+" "+example(cmd.Use)))
	}
	if most := len(a.must) + len(a.may); len(given) > most && !a.more {
		takes := "takes no arguments"
		if most > 0 {
			takes = "takes " + strings.Join(append(slices.Clone(a.must), a.may...), " and ")
		}
		if most == 0 && cmd.Example != "" {
			return wrong(cmd, "%q is too many: %s takes flags alone%s", given[most], cmd.CommandPath(), exampleOf(cmd))
		}
		return wrong(cmd, "%q is too many: %s %s; a text with spaces goes into quotes", given[most], cmd.CommandPath(), takes)
	}
	return nil
}

// usage makes wrong words, arguments and flags of every command usage errors, and a command without a subcommand say what there is.
func usage(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(wrongFlag)
	if cmd.HasSubCommands() && cmd.RunE == nil {
		cmd.Args = cobra.ArbitraryArgs
		cmd.Annotations = map[string]string{"commands": "true"} // for its help
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return cmd.Help()
		}
	} else if cmd.Name() != "help" {
		takes := argumentsOf(cmd.Use)
		cmd.Args = takes.check
	}
	for _, sub := range cmd.Commands() {
		usage(sub)
	}
}

// letters are the flags that have a letter, too, wherever they are.
var letters = map[string]string{"config": "c", "period": "p"}

// shorten gives flags their letters.
func shorten(cmd *cobra.Command) {
	var own []*pflag.Flag
	cmd.Flags().VisitAll(func(f *pflag.Flag) { own = append(own, f) })
	if slices.ContainsFunc(own, func(f *pflag.Flag) bool { return letters[f.Name] != "" }) && cmd.HasParent() {
		cmd.ResetFlags()
		for _, f := range own {
			f.Shorthand = letters[f.Name]
			cmd.Flags().AddFlag(f)
		}
	}
	for _, sub := range cmd.Commands() {
		shorten(sub)
	}
}

// helpCommand explains commands. One that is not there is a usage error.
func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND...]", Short: "Explain a command",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			at := cmd.Root()
			for _, arg := range args {
				if at = child(at, arg); at == nil {
					return nil, cobra.ShellCompDirectiveNoFileComp
				}
			}
			var names []string
			for _, sub := range at.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, sub.Name()+"\t"+sub.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			at := cmd.Root()
			for _, arg := range args {
				next := child(at, arg)
				if next == nil {
					return unknownCommand(at, arg)
				}
				at = next
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}
