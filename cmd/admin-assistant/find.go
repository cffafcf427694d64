package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// thing is a kind of things that commands take by their id, by the beginning of it, or by a name.
type thing struct {
	word, path, list string     // "run", "/v1/runs", and the command that lists them
	query            url.Values // of the list
	newestFirst      bool       // the list is in the order of ids, from the largest
	key              string     // the member with the id; "id" if it is empty
	names            []string   // members with names
}

var (
	configs       = thing{word: "config", path: "/v1/archive-configs", list: "config list", names: []string{"name"}}
	runs          = thing{word: "run", path: "/v1/runs", list: "run list", newestFirst: true}
	jobs          = thing{word: "job", path: "/v1/jobs", list: "job list", names: []string{"name"}}
	backups       = thing{word: "backup", path: "/v1/backups", list: "backup list", newestFirst: true}
	actions       = thing{word: "action", path: "/v1/actions", list: "action list"}
	notifications = thing{word: "notification", path: "/v1/notifications", list: "notification list"}
	timesheets    = thing{word: "timesheet", path: sheetsPath, list: "timesheet list", newestFirst: true}
	users         = thing{word: "user", path: "/v1/users", list: "user list", key: "object", names: []string{"name"}}
)

// uuid is an id of Entra ID.
var uuid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// lastWord stands for the newest of things that have an order.
const lastWord = "last"

// fewNamed is how many things an error lists.
const fewNamed = 5

// find returns the id of the thing that a text names. A whole id is taken as it is, without asking.
func (p *program) find(ctx context.Context, c *client, of thing, text string) (string, error) {
	if _, err := ulid.ParseStrict(text); err == nil || uuid.MatchString(text) {
		return text, nil
	}
	if text == "" {
		return "", usageError{fault.New(fault.Invalid, "which %s? It has an empty name; see: %s", of.word, p.command(of.list))}
	}
	key := of.key
	if key == "" {
		key = "id"
	}
	var begin, named, words []string
	q := url.Values{"limit": {"200"}}
	for name, values := range of.query {
		q[name] = values
	}
	for more := true; more; {
		var found page[json.RawMessage]
		if _, err := c.do(ctx, request{method: http.MethodGet, path: of.path, query: q}, &found); err != nil {
			return "", err
		}
		more = found.Next != ""
		q.Set("cursor", found.Next)
		for _, raw := range found.Items {
			id := cellOf(value(raw, key))
			if of.newestFirst && text == lastWord {
				return id, nil
			}
			if len(id) >= len(text) && strings.EqualFold(id[:len(text)], text) {
				begin = append(begin, id)
			} else if of.newestFirst && strings.ToUpper(text) > id {
				more = false
				break
			}
			for _, member := range of.names {
				if name := cellOf(value(raw, member)); name != "" {
					words = append(words, name)
					if calendar.Folded(name) == calendar.Folded(text) {
						named = append(named, id)
					}
				}
			}
		}
	}
	if len(named) == 0 {
		named = begin
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return "", fault.New(fault.NotFound, "there is no %s %q%s", of.word, text, p.orSee(alike(text, words), of.list))
	}
	slices.Sort(named)
	return "", fault.New(fault.Invalid, "%q may be any of %s: %s; write more of the id", text, counted(len(named), of.word, of.word+"s"),
		strings.Join(named[:min(len(named), fewNamed)], ", "))
}

// orSee asks for the names that may be meant, and says where they are listed.
func (p *program) orSee(meant []string, list string) string {
	if len(meant) > 0 {
		return didYouMean(meant, "") + " See: " + p.command(list)
	}
	return "; see: " + p.command(list)
}

// thingsOf are the words in the use of commands that stand for such things, and flags the flags that name some.
var (
	thingsOf = map[string]thing{
		"RUN": runs, "RUN|last": runs, "JOB": jobs, "BACKUP": backups, "ACTION": actions, "NOTIFICATION": notifications, "TIMESHEET": timesheets, "OBJECT": users,
	}
	flagsOf = map[string]thing{"job": jobs, "backup": backups, "config": configs}
	// calendarsOf are flags that name calendars, in the order in which they are looked at.
	calendarsOf = []string{"calendar", "source", "archive", "into"}
)

// ids has every command get whole ids of what its arguments and flags name.
func (p *program) ids(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		p.ids(sub)
	}
	takes := argumentsOf(cmd.Use)
	words := append(slices.Clone(takes.must), takes.may...)
	do := cmd.RunE
	if do == nil {
		return
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		args = slices.Clone(args)
		for i := range args {
			word := words[min(i, len(words)-1)]
			if of := thingsOf[word]; of.word != "" && (args[i] != lastWord || !strings.HasSuffix(word, lastWord)) {
				if err := p.whole(cmd, of, &args[i]); err != nil {
					return err
				}
			}
		}
		for name, of := range flagsOf {
			if name == "config" && cmd.Flags().Changed("events") {
				continue // it names a file
			}
			if err := changeFlag(cmd, name, func(text *string) error { return p.whole(cmd, of, text) }); err != nil {
				return err
			}
		}
		if !cmd.HasParent() || cmd.Parent().Name() != "job" { // where --calendar is a word
			for _, name := range calendarsOf {
				if err := changeFlag(cmd, name, func(text *string) error { return p.calendarNamed(cmd, name, text) }); err != nil {
					return err
				}
			}
		}
		return do(cmd, args)
	}
}

// changeFlag changes the text of a flag, if it is given.
func changeFlag(cmd *cobra.Command, name string, change func(text *string) error) error {
	f := cmd.Flags().Lookup(name)
	if f == nil || !f.Changed || f.Value.Type() != "string" {
		return nil
	}
	text := f.Value.String()
	switch err := change(&text); {
	case fault.Of(err) == fault.Unavailable:
		return nil // the command says so, unless more is wrong with it
	case err != nil:
		return err
	}
	return f.Value.Set(text)
}

// calendarNamed puts the URI of a calendar in the place of its name. An archive that is not there yet is one beside its source.
func (p *program) calendarNamed(cmd *cobra.Command, flag string, text *string) error {
	if strings.Contains(*text, "://") || *text == "" {
		return nil
	}
	c, err := p.api()
	if err != nil {
		return err
	}
	v, err := p.findCalendar(cmd.Context(), c, *text)
	if create := cmd.Flags().Lookup("create"); fault.Of(err) == fault.NotFound && create != nil && create.Changed {
		return nil // who makes it says where
	}
	if source := cmd.Flags().Lookup("source"); fault.Of(err) == fault.NotFound && flag == "archive" && source != nil {
		if uri, wrong := calendar.ParseURI(source.Value.String()); wrong == nil {
			uri.Calendar = *text
			*text = uri.String()
			return nil
		}
	}
	if err == nil {
		*text = v.URI
	}
	return err
}

// whole puts the id of what a text names in its place.
func (p *program) whole(cmd *cobra.Command, of thing, text *string) error {
	c, err := p.api()
	if err != nil {
		return err
	}
	id, err := p.find(cmd.Context(), c, of, *text)
	if name := of.word == configs.word && !strings.EqualFold(id[:min(len(id), len(*text))], *text); err == nil && !name {
		*text = id // the name of a config stays, for what is printed with it
	}
	return err
}
