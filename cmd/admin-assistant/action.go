package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/decision"
)

type actionView struct {
	document
	ID      string `json:"id"`
	Kind    string `json:"kind"`
	State   string `json:"state"`
	Subject struct {
		Kind string `json:"kind"`
		ID   string `json:"id"`
	} `json:"subject"`
	Detail  string         `json:"detail"`
	Config  string         `json:"config,omitempty"`
	Rule    string         `json:"rule,omitempty"`
	Span    *actionSpan    `json:"span,omitempty"`
	Since   time.Time      `json:"since"`
	History []actionChange `json:"history"`
	Created time.Time      `json:"created"`
	Updated time.Time      `json:"updated"`
}

type actionSpan struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// actionDetail is an action with what it asks about.
type actionDetail struct {
	actionView
	Why          string              `json:"why,omitempty"`
	Participants []actionParticipant `json:"participants"`
	Others       int                 `json:"others,omitempty"`
	Suggestions  []actionSuggestion  `json:"suggestions"`
	Finding      *actionFinding      `json:"finding,omitempty"`
}

// actionFinding is what a verification found of a copy.
type actionFinding struct {
	ID          string                `json:"id"`
	Found       archive.FindingKind   `json:"found"`
	Key         string                `json:"key,omitempty"`
	EventID     string                `json:"event_id,omitempty"`
	Appointment *calendar.Appointment `json:"appointment,omitempty"`
	Differences []archive.Difference  `json:"differences"`
	Detail      string                `json:"detail,omitempty"`
	Answers     []archive.RepairMode  `json:"answers"`
}

type actionSuggestion struct {
	Rule     string             `json:"rule"`
	Why      string             `json:"why"`
	Verdicts []decision.Verdict `json:"verdicts"`
}

type actionParticipant struct {
	Key       string                `json:"key"`
	Version   int                   `json:"version"`
	Hash      string                `json:"hash"`
	Newest    int                   `json:"newest"`
	Outcome   string                `json:"outcome,omitempty"`
	Decision  string                `json:"decision,omitempty"`
	Archive   *calendar.Appointment `json:"archive,omitempty"`
	Source    *calendar.Appointment `json:"source,omitempty"`
	Gone      bool                  `json:"gone"`
	Fields    []actionField         `json:"fields"`
	Rank      int                   `json:"rank"`
	Organiser *bool                 `json:"organiser,omitempty"`
	Accepted  *int                  `json:"accepted,omitempty"`
}

type actionField struct {
	Field   string `json:"field"`
	Archive string `json:"archive"`
	Source  string `json:"source"`
	Differs bool   `json:"differs"`
}

type actionChange struct {
	At    time.Time `json:"at"`
	State string    `json:"state"`
	You   bool      `json:"you"`
	Why   string    `json:"why,omitempty"`
}

func (p *program) actionCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "action", Short: "See to what needs you"}
	cmd.AddCommand(p.actionList(), p.actionShow(), p.actionResolve(), p.actionDismiss())
	return cmd
}

func (p *program) actionList() *cobra.Command {
	var state, kind, config, period string
	cmd := &cobra.Command{
		Use: "list", Short: "List actions, the newest first", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			query := given(map[string]string{"kind": kind, "config": config, "period": period})
			if state != "all" {
				query.Set("state", state)
			}
			var places zonesOfConfigs
			if p.output != "json" {
				var err error
				if places, err = readZones(ctx, c); err != nil {
					return err
				}
			}
			header := table.Row{"Action", "About", "When", less("What"), least("Config"), "Kind", least("State"), least("Since")}
			looked := 0
			return printList(ctx, p, c, "/v1/actions", query, 0, header, func(v actionView) table.Row {
				what, _, _ := strings.Cut(v.Detail, "\n")
				about := ""
				if v.Span != nil && looked < mostLooked {
					looked++
					about = aboutAction(ctx, c, v.ID)
				}
				if about == "" {
					about, what = what, ""
				}
				at := places.of(v.Config)
				return table.Row{identity(v.ID), about, v.Span.in(at.zone), what, cmp.Or(at.name, v.Config), v.Kind, status(v.State), p.minute(v.Since)}
			})
		}),
	}
	cmd.Flags().StringVar(&state, "state", "open", "open, resolved, dismissed or all")
	cmd.Flags().StringVar(&kind, "kind", "", "only actions of this kind, as in overlap")
	cmd.Flags().StringVar(&config, "config", "", "only actions about this config")
	cmd.Flags().StringVar(&period, "period", "", `only actions about appointments of these days, as in "last week"`)
	return cmd
}

const (
	mostLooked  = 25 // actions of a list of which the appointments are looked up, each by a request
	mostSubject = 3  // appointments of an action that a list names
)

// aboutAction names the appointments of an action, of which a list has none; empty: none is known.
func aboutAction(ctx context.Context, c *client, id string) string {
	v, err := getAction(ctx, c, id)
	if err != nil {
		return "" // it is told otherwise what it is about
	}
	var subjects []string
	more := v.Others
	for i := range v.Participants {
		a := cmp.Or(v.Participants[i].Source, v.Participants[i].Archive)
		switch {
		case a == nil:
		case len(subjects) < mostSubject:
			subjects = append(subjects, strconv.Quote(a.Subject))
		default:
			more++
		}
	}
	if v.Finding != nil && v.Finding.Appointment != nil && len(subjects) == 0 {
		subjects = append(subjects, strconv.Quote(v.Finding.Appointment.Subject))
	}
	if len(subjects) > 0 && more > 0 {
		subjects = append(subjects, fmt.Sprintf("%d more", more))
	}
	return strings.Join(subjects, ", ")
}

const minuteFormat = "2006-01-02 15:04"

// in says when the appointments of an action are, and in which zone's time.
func (s *actionSpan) in(zone *time.Location) string {
	if s == nil {
		return ""
	}
	return when(&calendar.Appointment{Start: s.From, End: s.To}, zone) + s.From.In(zone).Format(" MST")
}

// zonesOfConfigs are the names and time zones of archive configs, by their ids; that of none is the user's own.
type zonesOfConfigs map[string]struct {
	name string
	zone *time.Location
}

// readZones reads all of a user's.
func readZones(ctx context.Context, c *client) (zonesOfConfigs, error) {
	zone, err := userZone(ctx, c)
	if err != nil {
		return nil, err
	}
	configs, err := all[configView](ctx, c, "/v1/archive-configs", nil, 0)
	if err != nil {
		return nil, err
	}
	places := zonesOfConfigs{}
	own := places[""]
	own.zone = zone
	places[""] = own
	for i := range configs {
		one := places[configs[i].ID]
		one.name = configs[i].Name
		if one.zone, err = calendar.LoadZone(configs[i].Timezone); err != nil {
			return nil, err
		}
		places[configs[i].ID] = one
	}
	return places, nil
}

// of returns that of a config; of one that is gone, the zone of the user.
func (z zonesOfConfigs) of(config string) struct {
	name string
	zone *time.Location
} {
	if one, there := z[config]; there {
		return one
	}
	return z[""]
}

// userZone is the time zone of the user's settings.
func userZone(ctx context.Context, c *client) (*time.Location, error) {
	var me struct {
		Settings struct {
			Timezone string `json:"timezone"`
		} `json:"settings"`
	}
	if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/me"}, &me); err != nil {
		return nil, err
	}
	return calendar.LoadZone(me.Settings.Timezone)
}

func (p *program) actionShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ACTION", Short: "Show an action with what it asks about and its history", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			var v actionDetail
			if _, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/actions/" + url.PathEscape(args[0])}, &v); err != nil {
				return err
			}
			if p.output == "json" {
				return p.printJSON(v)
			}
			zone, err := p.zoneOfAction(ctx, c, v.Config)
			if err != nil {
				return err
			}
			if v.Finding != nil {
				p.printFinding(&v, zone)
			} else {
				p.printParticipants(v, zone)
			}
			if v.State == "open" {
				p.printSuggestions(&v, zone)
			}
			return p.showAction(v.actionView, zone)
		}),
	}
}

// zoneOfAction is the time zone in which an action's appointments are shown, and decided: its config's, or the user's.
func (p *program) zoneOfAction(ctx context.Context, c *client, config string) (*time.Location, error) {
	if config == "" {
		return userZone(ctx, c)
	}
	_, zone, err := p.zoneNamed(ctx, c, config)
	return zone, err
}

// printParticipants prints what an action asks about: of each appointment both sides, beside each other.
func (p *program) printParticipants(v actionDetail, zone *time.Location) {
	for i := range v.Participants {
		one := &v.Participants[i]
		fmt.Fprintf(p.out, "%d of %d: %s\n", i+1, len(v.Participants)+v.Others, printable(one.Key))
		var rows []table.Row
		for _, f := range one.Fields {
			row := table.Row{mark(f.Differs, "*"), strings.ReplaceAll(f.Field, "_", " "), inZone(f.Archive, zone), inZone(f.Source, zone)}
			if f.Field == "text_or_people" {
				row[2], row[3] = "other text, people or link", "than these"
			}
			rows = append(rows, row)
		}
		if one.Organiser != nil {
			organises := "no"
			if *one.Organiser {
				organises = "yes"
			}
			rows = append(rows, table.Row{"", "you organise it", "", organises}, table.Row{"", "accepted by", "", fmt.Sprint(*one.Accepted)})
		}
		p.printTable(table.Row{"", "", one.archived(), one.sourced()}, rows)
		fmt.Fprintln(p.out)
	}
	if v.Others > 0 {
		fmt.Fprintf(p.out, "And %d more.\n\n", v.Others)
	}
}

// printFinding prints what a verification found of a copy, and how it is answered.
func (p *program) printFinding(v *actionDetail, zone *time.Location) {
	f := v.Finding
	if f.Appointment != nil {
		fmt.Fprintf(p.out, "%s  %s: %s\n", when(f.Appointment, zone), printable(f.Appointment.Subject), strings.ReplaceAll(string(f.Found), "_", " "))
	}
	if f.Detail != "" {
		fmt.Fprintln(p.out, printable(f.Detail))
	}
	var rows []table.Row
	for _, d := range f.Differences {
		rows = append(rows, table.Row{strings.ReplaceAll(d.Field, "_", " "), inZone(d.Ledger, zone), inZone(d.Calendar, zone)})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"", "Ledger", "Calendar"}, rows)
	}
	if v.State == "open" {
		for _, answer := range f.Answers {
			fmt.Fprintf(p.out, "%s %s\n", f.does(answer), p.command("action resolve "+v.ID+" --"+string(answer)))
		}
		fmt.Fprintf(p.out, "Leave it as it is: %s\n", p.command("action resolve "+v.ID+" --leave"))
	}
	fmt.Fprintln(p.out)
}

// does says what an answer does about a finding.
func (f *actionFinding) does(answer archive.RepairMode) string {
	repairs := answer == archive.RepairFindings
	switch f.Found {
	case archive.Missing:
		if repairs {
			return "Create the copy again:"
		}
		return "Take it out of the ledger too:"
	case archive.OrphanCopy:
		return "Remove the copy:"
	case archive.Altered:
		if repairs {
			return "Let the calendar show what the ledger has:"
		}
		return "Let the ledger have what the calendar shows:"
	}
	return "Take it into the ledger:"
}

// archived and sourced head the two sides.
func (a *actionParticipant) archived() string {
	switch {
	case a.Archive != nil:
		return fmt.Sprintf("Archive, version %d", a.Newest)
	case a.Outcome != "":
		return "Archive: nothing, it is " + a.Outcome
	}
	return "Archive: nothing"
}

func (a *actionParticipant) sourced() string {
	switch {
	case a.Source != nil:
		return "Source, when asked"
	case a.Gone:
		return "Source: gone"
	}
	return "Source: not known any more"
}

// inZone writes an instant in a zone; any other text stays.
func inZone(text string, zone *time.Location) string {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t.In(zone).Format("Mon " + minuteFormat)
	}
	return text
}

// showAction prints an action with its history, in the time of its zone.
func (p *program) showAction(v actionView, zone *time.Location) error {
	if p.output == "json" {
		return p.printJSON(v)
	}
	p.printTable(table.Row{"Action", v.ID}, []table.Row{
		{"Kind", v.Kind}, {"State", v.State}, {"About", v.Subject.Kind + " " + v.Subject.ID}, {"Since", v.Since.In(zone).Format(minuteFormat)},
	})
	for line := range strings.SplitSeq(v.Detail, "\n") {
		if _, err := fmt.Fprintln(p.out, printable(line)); err != nil {
			return err
		}
	}
	var rows []table.Row
	for _, change := range v.History {
		rows = append(rows, table.Row{change.At.In(zone).Format(minuteFormat), change.State, mark(change.You, "you"), change.Why})
	}
	p.printTable(table.Row{"When", "State", "By", "Because of"}, rows)
	_, err := fmt.Fprintf(p.out, "times in %s\n", zone)
	return err
}
