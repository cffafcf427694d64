package notice

import (
	"fmt"
	"regexp"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

const program = "admin-assistant "

// show is the command that shows a run of any kind.
func show(id string) string { return program + "archive show " + id }

// retry is the command that repeats the failed items of a run.
func retry(id string) string { return program + "archive retry " + id }

// questions is the command that lists what waits for the user.
func (a about) questions() string {
	if a.id == "" {
		return program + "action list"
	}
	return program + "action list --config " + a.word()
}

// word names the config to a shell.
func (a about) word() string {
	if plainWord.MatchString(a.name) {
		return a.name
	}
	return a.id
}

// plainWord is a name that a shell takes as it is.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)

// repeat is the command that repeats a run of a kind, with further flags; empty where it would have to name a calendar.
func (a about) repeat(kind run.Description, r *run.Run, flags ...string) string {
	command := kind.Command
	switch {
	case r.Job != "" && (command.OfJob || command.Name == ""):
		return program + "job trigger " + r.Job
	case a.id == "" || command.Name == "":
		return ""
	}
	words := []string{program + command.Name, "--config", a.word()}
	if r.From != (calendar.Date{}) {
		words = append(words, fmt.Sprintf(`--period "%s to %s"`, r.From, r.To))
	}
	words = append(words, flags...)
	if command.Archive != "" && r.Calendar == a.archive {
		words = append(words, command.Archive)
	}
	if r.Options.Adopt {
		words = append(words, "--adopt")
	}
	if r.Options.DryRun {
		words = append(words, "--dry-run")
	}
	return strings.Join(words, " ")
}
