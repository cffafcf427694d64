package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"adminassistant/shared/app"
	"adminassistant/shared/run"
)

// patience is how long a shell waits for what may come next.
const patience = 3 * time.Second

// candidates are what may be written at a place of a command line, each with what it means behind a tab.
type candidates func(ctx context.Context, api func() (*client, error), cmd *cobra.Command) ([]string, error)

// words are candidates that are always the same.
func words(list ...string) candidates {
	return func(context.Context, func() (*client, error), *cobra.Command) ([]string, error) { return list, nil }
}

// mostOffered is how many things of a long list are offered.
const mostOffered = 50

// offered are things of a list by a member each, with others to tell them by.
func offered(path string, query url.Values, member string, by ...string) candidates {
	return func(ctx context.Context, api func() (*client, error), _ *cobra.Command) (list []string, err error) {
		c, err := api()
		if err != nil {
			return nil, err
		}
		found, err := some[json.RawMessage](ctx, c, path, query, mostOffered)
		for _, raw := range found.items {
			word := printable(cellOf(value(raw, member)))
			var means []string
			for _, name := range by {
				if text := cellOf(value(raw, name)); text != "" {
					means = append(means, printable(text))
				}
			}
			if word != "" {
				list = append(list, word+"\t"+strings.Join(means, ", "))
			}
		}
		return list, err
	}
}

// both offers what several do.
func both(all ...candidates) candidates {
	return func(ctx context.Context, api func() (*client, error), cmd *cobra.Command) (list []string, err error) {
		for _, some := range all {
			more, err := some(ctx, api, cmd)
			if err != nil {
				return nil, err
			}
			list = append(list, more...)
		}
		return list, nil
	}
}

var (
	someConfigs   = offered("/v1/archive-configs", nil, "name", "source")
	someCalendars = offered("/v1/calendars", nil, "uri", "name")
	someCustomers = offered("/v1/customers", nil, "name", "aliases")
	someRuns      = both(words("last\tthe newest one"), offered("/v1/runs", nil, "id", "kind", "from", "to", "state"))
	someJobs      = both(offered("/v1/jobs", nil, "name", "kind"), offered("/v1/jobs", nil, "id", "kind", "name"))
	someActions   = offered("/v1/actions", url.Values{"state": {"open"}}, "id", "kind", "detail")
	someBackups   = offered("/v1/backups", nil, "id", "made", "calendar.uri")
	somePeriods   = words("today", "yesterday", "this week", "last week", "last 7 days", "last 30 days", "this month", "last month", "last quarter", "this year")
	someDays      = words("today", "yesterday")
)

// someCategories are those of the account that a command names.
func someCategories(ctx context.Context, api func() (*client, error), cmd *cobra.Command) ([]string, error) {
	query := url.Values{}
	for _, name := range []string{"calendar", "config"} {
		if f := cmd.Flags().Lookup(name); f != nil && f.Changed {
			query.Set(name, f.Value.String())
		}
	}
	return offered("/v1/categories", query, "name", "colour")(ctx, api, cmd)
}

// someRules are those of the config that a command names.
func someRules(ctx context.Context, api func() (*client, error), cmd *cobra.Command) (list []string, err error) {
	var rules struct {
		Rules []struct{ ID, Name string } `json:"rules"`
	}
	config := cmd.Flags().Lookup("config")
	if config == nil || config.Value.String() == "" {
		return nil, nil
	}
	c, err := api()
	if err != nil {
		return nil, err
	}
	path := "/v1/archive-configs/" + url.PathEscape(config.Value.String())
	found, err := all[configView](ctx, c, "/v1/archive-configs", url.Values{"name": {config.Value.String()}}, 1)
	if err == nil && len(found) == 1 {
		path = "/v1/archive-configs/" + found[0].ID
	}
	_, err = c.do(ctx, request{method: http.MethodGet, path: path + "/rules"}, &rules)
	for _, r := range rules.Rules {
		list = append(list, r.ID+"\t"+printable(r.Name))
	}
	return list, err
}

// kindsOfRuns are those of runs, or of jobs alone.
func kindsOfRuns(list []run.Kind) candidates {
	var names []string
	for _, kind := range list {
		names = append(names, string(kind)+"\t"+app.Kinds.Of(kind).Title)
	}
	return words(names...)
}

// allKinds are the kinds of runs, in their order.
func allKinds() (list []run.Kind) {
	for kind := range app.Kinds {
		list = append(list, kind)
	}
	slices.Sort(list)
	return list
}

// argumentCandidates are what arguments may be, by the word in the use of a command, behind the name of its group where that matters.
var argumentCandidates = map[string]candidates{
	"RUN": someRuns, "RUN|last": someRuns, "JOB": someJobs, "BACKUP": someBackups, "ACTION": someActions, "URI": someCalendars, "DAY": someDays,
	"NOTIFICATION": offered("/v1/notifications", nil, "id", "title"), "TIMESHEET": offered(sheetsPath, nil, "id", "customer", "from", "to", "state"),
	"OBJECT": offered("/v1/users", nil, "object", "name"), "config NAME": someConfigs, "customer NAME": someCustomers, "customer INTO": someCustomers,
	"category NAME": someCategories, "rule ID": someRules, "place NAME": offered("/v1/places", nil, "name"),
}

// flagCandidates are what flags may be, by the name of the flag, behind the name of its command where that matters.
var flagCandidates = map[string]candidates{
	"config": someConfigs, "period": somePeriods, "calendar": someCalendars, "source": someCalendars, "archive": someCalendars, "into": someCalendars,
	"customer": someCustomers, "job": someJobs, "backup": someBackups, "since": someDays, "from": someDays, "to": someDays, "as-of": someDays,
	"output": words(forms...), "purpose": words("general", "timesheet"), "overlaps": words("keep", "ask", "resolve"), "on-drift": words("ask", "accept"),
	"on-edit": words("ask", "repair", "adopt"), "locale": words("en", "de"), "travel": words("to", "both", "none"),
	"by":     words("customer", "day", "week", "billing", "category"),
	"policy": words("skip", "replace", "duplicate"), "sensitivity": words("normal", "personal", "private", "confidential"),
	"privacy": words("personal", "private", "confidential"), "show-as": words("free", "tentative", "busy", "oof", "workingElsewhere", "unknown"),
	"which": words("source", "archive"), "outcome": words("begun", "ok", "refused", "failed", "unreadable"), "adopt": words("altered", "missing"),
	"config create verify": words("weekly", "none"), "job create calendar": words("source", "archive"), "job edit calendar": words("source", "archive"),
	"run list state":    words("queued", "running", "succeeded", "partial", "failed", "cancelled"),
	"run items outcome": words("archived", "unchanged", "merged", "absorbed", "superseded", "conflicted", "excluded", "drifted", "vanished", "created", "failed"),
	"job list state":    words("active", "paused"), "action list state": words("open", "resolved", "dismissed", "all"),
	"kind": words("overlap", "drift", "orphan_modification", "missing_category", "missing_travel", "altered"), "run list kind": kindsOfRuns(allKinds()),
	"archive list kind": kindsOfRuns(allKinds()), "job create kind": kindsOfRuns(app.Kinds.ForJobs()),
	"backup download format": words("jsonl", "ics", "csv"), "timesheet export format": words("pdf", "xlsx", "csv", "json", "invoice-data", "xero"),
	"audit export format": words("csv", "json"), "archive plan config": both(someConfigs),
}

// files are flags and arguments that name files of this machine; shells know those.
var files = []string{"file", "events", "ledger", "decisions", "entries", "terms", "data", "FILE"}

// completions has every command offer what its arguments and flags may be.
func (p *program) completions(cmd *cobra.Command) {
	for _, sub := range cmd.Commands() {
		p.completions(sub)
	}
	path := strings.TrimPrefix(cmd.CommandPath(), "admin-assistant ")
	register := func(f *pflag.Flag) {
		offer, ok := flagCandidates[path+" "+f.Name]
		if !ok {
			offer, ok = flagCandidates[f.Name]
		}
		switch {
		case f.Value.Type() == "bool" || slices.Contains(files, f.Name):
		case ok:
			_ = cmd.RegisterFlagCompletionFunc(f.Name, p.offer(offer))
		case f.Name == "profile":
			_ = cmd.RegisterFlagCompletionFunc(f.Name, p.offer(func(context.Context, func() (*client, error), *cobra.Command) ([]string, error) {
				return p.signIns.names()
			}))
		default:
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.NoFileCompletions)
		}
	}
	cmd.LocalFlags().VisitAll(register)
	if cmd.HasSubCommands() || cmd.ValidArgsFunction != nil {
		return
	}
	takes := argumentsOf(cmd.Use)
	slots := append(slices.Clone(takes.must), takes.may...)
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		at := len(args)
		if takes.more {
			at = min(at, len(slots)-1)
		}
		if at >= len(slots) {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		word := slots[at]
		offer, ok := argumentCandidates[word]
		if group := cmd.Parent(); !ok && group != nil {
			offer, ok = argumentCandidates[group.Name()+" "+word]
		}
		switch {
		case slices.Contains(files, word):
			return nil, cobra.ShellCompDirectiveDefault
		case ok:
			return p.offer(offer)(cmd, args, begun)
		case strings.Contains(word, "|"):
			var list []string
			for choice := range strings.SplitSeq(word, "|") {
				if choice == strings.ToLower(choice) {
					list = append(list, choice)
				}
			}
			return p.offer(words(list...))(cmd, args, begun)
		}
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
}

// offer makes candidates of what a shell asks for. What cannot be asked is not offered.
func (p *program) offer(of candidates) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, begun string) (fitting []string, _ cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), patience)
		defer cancel()
		if err := p.readSettings(cmd); err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		list, err := of(ctx, p.api, cmd)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		for _, candidate := range list {
			word, _, _ := strings.Cut(candidate, "\t")
			if strings.HasPrefix(strings.ToLower(word), strings.ToLower(begun)) {
				fitting = append(fitting, candidate)
			}
		}
		return fitting, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	}
}
