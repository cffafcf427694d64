package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/rule"
)

// ruleList are the rules of a config as the API has them.
type ruleList struct {
	document
	Rules      []rule.Rule `json:"rules"`
	Precedence string      `json:"precedence,omitempty"`
}

func (p *program) ruleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "rule", Short: "Say beforehand what becomes of events: customer, privacy, travel, or left out",
		Long: "Say beforehand what becomes of events: customer, privacy, travel, or left out.\n\n" + wrapped(rule.Precedence),
	}
	cmd.AddCommand(p.ruleListing(), p.ruleAdd(), p.ruleEdit(), p.ruleDelete(), p.ruleMove(), p.ruleTry(), p.ruleSuggest())
	return cmd
}

// wrapped breaks a text into lines for a terminal.
func wrapped(text string) string {
	const width = 120
	var b strings.Builder
	line := 0
	for word := range strings.FieldsSeq(text) {
		if line > 0 && line+1+len(word) > width {
			b.WriteByte('\n')
			line = 0
		}
		if line > 0 {
			b.WriteByte(' ')
			line++
		}
		b.WriteString(word)
		line += len(word)
	}
	return b.String()
}

// rulesOf reads the rules of a config, with its id and ETag.
func (p *program) rulesOf(ctx context.Context, c *client, config string) (id, etag string, rules ruleList, err error) {
	v, _, err := p.findConfig(ctx, c, config)
	if err != nil {
		return "", "", rules, err
	}
	header, err := c.do(ctx, request{method: http.MethodGet, path: "/v1/archive-configs/" + v.ID + "/rules"}, &rules)
	if err != nil {
		return "", "", rules, err
	}
	return v.ID, header.Get("ETag"), rules, nil
}

// changeRules replaces the rules of a config by what change makes of them, and prints them.
func (p *program) changeRules(ctx context.Context, c *client, config string, change func([]rule.Rule) ([]rule.Rule, error)) error {
	id, etag, now, err := p.rulesOf(ctx, c, config)
	if err != nil {
		return err
	}
	rules, err := change(now.Rules)
	if err != nil {
		return err
	}
	if rules, err = rule.Check(rule.Drafts(rules)); err != nil {
		return err
	}
	var saved ruleList
	if _, err = c.do(ctx, request{
		method: http.MethodPut, path: "/v1/archive-configs/" + id + "/rules", json: ruleList{Rules: orNone(rules)}, ifMatch: etag,
	}, &saved); err != nil {
		return err
	}
	return p.showRules(saved)
}

func orNone[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func (p *program) showRules(l ruleList) error {
	if p.output == "json" {
		return p.printJSON(l)
	}
	p.printTable(table.Row{"", "Rule", "When", "Then", "", less("Version")}, ruleRows(l.Rules))
	_, err := fmt.Fprintln(p.out, "\n"+p.fitted(wrapped(l.Precedence)))
	return err
}

func ruleRows(rules []rule.Rule) []table.Row {
	rows := make([]table.Row, len(rules))
	for i, r := range rules {
		var when []string
		for _, c := range r.All {
			when = append(when, fmt.Sprintf("%s %s %s", c.Field, strings.ReplaceAll(string(c.Op), "_", " "), strings.Join(c.Any, " | ")))
		}
		rows[i] = table.Row{i + 1, r.ID + ": " + r.Name, strings.Join(when, " and "), effectText(r.Then), mark(!r.On, "off"), r.Version}
	}
	return rows
}

func effectText(e rule.Effect) string {
	var then []string
	if e.Category != "" {
		then = append(then, "category "+e.Category)
	}
	if e.Privacy != "" {
		then = append(then, "at least "+string(e.Privacy))
	}
	if e.Travel {
		then = append(then, "travel")
	}
	if e.Exclude {
		then = append(then, "left out")
	}
	return strings.Join(then, ", ")
}

func (p *program) ruleListing() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "list", Short: "List the rules of a config in their order, and say which one wins", Args: cobra.NoArgs,
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			_, _, rules, err := p.rulesOf(ctx, c, config)
			if err != nil {
				return err
			}
			return p.showRules(rules)
		}),
	}
	p.ofConfig(cmd, &config)
	return cmd
}

func (p *program) ofConfig(cmd *cobra.Command, config *string) {
	cmd.Flags().StringVar(config, "config", "", "name of the archive config")
	p.required(cmd, "config")
}

// written is a rule as flags have it.
type written struct {
	file, name, category, privacy string
	when                          []string
	exclude, travel, off          bool
	at                            int
}

func (w *written) flags(f *pflag.FlagSet) {
	f.StringVar(&w.file, "file", "", "file with rules as JSON, as rule list --output json prints them; - reads standard input")
	f.StringVar(&w.name, "name", "", "what the rule is called")
	f.StringArrayVar(&w.when, "when", nil, `condition "FIELD OP VALUE | VALUE", as in "attendee_domain domain acme.example"; several have to be met together`)
	f.StringVar(&w.category, "category", "", "category that an event gets if it has none of its own")
	f.StringVar(&w.privacy, "privacy", "", "least sensitivity: personal, private or confidential")
	f.BoolVar(&w.exclude, "exclude", false, "leave the event out")
	f.BoolVar(&w.travel, "travel", false, "the event is travel")
	f.BoolVar(&w.off, "off", false, "the rule does nothing for now")
	f.IntVar(&w.at, "at", 0, "place in the list, from 1; without it a new rule is the last one")
}

// into puts what flags say into a rule.
func (w *written) into(f *pflag.FlagSet, r *rule.Rule) error {
	if f.Changed("name") {
		r.Name = w.name
	}
	if f.Changed("when") {
		r.All = nil
		for _, text := range w.when {
			c, err := readCondition(text)
			if err != nil {
				return err
			}
			r.All = append(r.All, c)
		}
	}
	if f.Changed("category") {
		r.Then.Category = w.category
	}
	if f.Changed("privacy") {
		r.Then.Privacy = calendar.Sensitivity(w.privacy)
	}
	if f.Changed("exclude") {
		r.Then.Exclude = w.exclude
	}
	if f.Changed("travel") {
		r.Then.Travel = w.travel
	}
	if f.Changed("off") {
		r.On = !w.off
	}
	return nil
}

// asFlags are the flags for what is wrong with members of a rule, in the order in which they are looked for.
var asFlags = []struct {
	member *regexp.Regexp
	flag   string
}{
	{regexp.MustCompile(`rules\[\d+\]\.all is empty`), "--when is missing"},
	{regexp.MustCompile(`rules\[\d+\]\.all\[\d+\]\.any(\[\d+\])?`), "--when: the value"},
	{regexp.MustCompile(`rules\[\d+\]\.all(\[\d+\]\.?)?`), "--when: "},
	{regexp.MustCompile(`rules\[\d+\]\.then is empty: say .*`), "what becomes of the events is missing: say --category, --privacy, --exclude or --travel"},
	{regexp.MustCompile(`rules\[\d+\]\.then\.`), "--"},
	{regexp.MustCompile(`rules\[\d+\]\.name`), "--name"},
	{regexp.MustCompile(`rules\[\d+\]\.`), ""},
}

// byFlags is p.with for a rule that flags describe: what is wrong with it is said in their names.
func (p *program) byFlags(do func(ctx context.Context, c *client, args []string) error, w *written) func(*cobra.Command, []string) error {
	return p.with(func(ctx context.Context, c *client, args []string) error {
		err := do(ctx, c, args)
		var problems rule.Problems
		if w.file != "" || !errors.As(err, &problems) {
			return err
		}
		text := err.Error()
		for _, as := range asFlags {
			text = as.member.ReplaceAllString(text, as.flag)
		}
		return fault.New(fault.Invalid, "%s", text)
	})
}

// readCondition reads "FIELD OP VALUE | VALUE". A regular expression is one value, whatever is in it.
func readCondition(text string) (rule.Condition, error) {
	field, rest, _ := strings.Cut(strings.TrimSpace(text), " ")
	op, values, found := strings.Cut(strings.TrimSpace(rest), " ")
	if !found {
		return rule.Condition{}, usageError{fmt.Errorf(`--when is %q; write "FIELD OP VALUE", as in "subject contains retro | review"`, text)}
	}
	c := rule.Condition{Field: rule.Field(field), Op: rule.Op(op)}
	if c.Op == rule.Regex {
		c.Any = []string{strings.TrimSpace(values)}
		return c, nil
	}
	for v := range strings.SplitSeq(values, "|") {
		c.Any = append(c.Any, strings.TrimSpace(v))
	}
	return c, nil
}

// readRules reads a file of rules.
func (p *program) readRules(name string) ([]rule.Rule, error) {
	f, err := p.read(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if list := value(text, "rules"); list != nil { // as the API has them
		text = list
	}
	rules, err := rule.Read(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return rules, nil
}

func placeOf(rules []rule.Rule, id string) (int, error) {
	i := slices.IndexFunc(rules, func(r rule.Rule) bool { return strings.EqualFold(r.ID, id) })
	if i < 0 {
		return 0, fault.New(fault.NotFound, "the config has no rule %q; see: admin-assistant rule list", id)
	}
	return i, nil
}

// moved is a list in which one of its rules has another place, from 1.
func moved(rules []rule.Rule, i, place int) ([]rule.Rule, error) {
	if place < 1 || place > len(rules) {
		return nil, noPlace(place, rules)
	}
	r := rules[i]
	return insert(slices.Delete(slices.Clone(rules), i, i+1), place, r)
}

func noPlace(place int, rules []rule.Rule) error {
	return usageError{fmt.Errorf("there is no place %d: the list has %s", place, counted(len(rules), "rule", "rules"))}
}

// insert puts rules into a list, the first one at a place from 1; 0: at the end.
func insert(rules []rule.Rule, at int, more ...rule.Rule) ([]rule.Rule, error) {
	if at < 0 || at > len(rules)+1 {
		return nil, noPlace(at, rules)
	}
	if at == 0 {
		at = len(rules) + 1
	}
	return slices.Insert(slices.Clone(rules), at-1, more...), nil
}

func (p *program) ruleAdd() *cobra.Command {
	var config string
	var w written
	cmd := &cobra.Command{
		Use: "add [ID]", Short: "Add a rule, or those of a file", Args: cobra.MaximumNArgs(1),
		Example: `  admin-assistant rule add acme --config work --name "Acme by domain" --when "attendee_domain domain acme.example" --category "Acme - billable"
  admin-assistant rule add lunch --config work --name Lunch --when "subject word lunch | gym" --when "start_time at_least 11:30" --exclude --at 1
  admin-assistant rule add --config work --file rules.json`,
	}
	cmd.RunE = p.byFlags(func(ctx context.Context, c *client, args []string) error {
		if (w.file != "") == (len(args) > 0) {
			return wrong(cmd, "give the id of the rule, or --file")
		}
		return p.changeRules(ctx, c, config, func(rules []rule.Rule) ([]rule.Rule, error) {
			if w.file != "" {
				more, err := p.readRules(w.file)
				if err != nil {
					return nil, err
				}
				return insert(rules, w.at, more...)
			}
			if _, err := placeOf(rules, args[0]); err == nil {
				return nil, fault.New(fault.Conflict, "there is a rule %q already; change it with: admin-assistant rule edit %s", args[0], quoted(args[0]))
			}
			r := rule.Rule{ID: args[0], Name: args[0], On: true}
			if err := w.into(cmd.Flags(), &r); err != nil {
				return nil, err
			}
			return insert(rules, w.at, r)
		})
	}, &w)
	p.ofConfig(cmd, &config)
	w.flags(cmd.Flags())
	return cmd
}

func (p *program) ruleEdit() *cobra.Command {
	var config string
	var w written
	cmd := &cobra.Command{
		Use: "edit [ID]", Short: "Change what the flags name of a rule, or put those of a file into the place of all", Args: cobra.MaximumNArgs(1),
		Example: `  admin-assistant rule edit acme --config work --category "Acme - non-billable"
  admin-assistant rule list --config work --output json > rules.json
  admin-assistant rule edit --config work --file rules.json`,
	}
	cmd.RunE = p.byFlags(func(ctx context.Context, c *client, args []string) error {
		if (w.file != "") == (len(args) > 0) {
			return wrong(cmd, "give the id of a rule, or --file")
		}
		return p.changeRules(ctx, c, config, func(rules []rule.Rule) ([]rule.Rule, error) {
			if w.file != "" {
				return p.readRules(w.file)
			}
			i, err := placeOf(rules, args[0])
			if err != nil {
				return nil, err
			}
			r := rules[i]
			if err := w.into(cmd.Flags(), &r); err != nil {
				return nil, err
			}
			rules[i] = r
			if w.at == 0 {
				return rules, nil
			}
			return moved(rules, i, w.at)
		})
	}, &w)
	p.ofConfig(cmd, &config)
	w.flags(cmd.Flags())
	return cmd
}

func (p *program) ruleDelete() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "delete ID", Short: "Delete a rule", Args: cobra.ExactArgs(1),
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			return p.changeRules(ctx, c, config, func(rules []rule.Rule) ([]rule.Rule, error) {
				i, err := placeOf(rules, args[0])
				if err != nil {
					return nil, err
				}
				if err := p.confirm(fmt.Sprintf("This deletes rule %q of config %q.", rules[i].ID, config)); err != nil {
					return nil, err
				}
				return slices.Delete(slices.Clone(rules), i, i+1), nil
			})
		}),
	}
	p.ofConfig(cmd, &config)
	return cmd
}

func (p *program) ruleMove() *cobra.Command {
	var config string
	cmd := &cobra.Command{
		Use: "move ID PLACE", Aliases: []string{"order"}, Short: "Put a rule at another place of the list, from 1", Args: cobra.ExactArgs(2),
		Example: "  admin-assistant rule move acme 1 --config work",
		RunE: p.with(func(ctx context.Context, c *client, args []string) error {
			place, err := strconv.Atoi(args[1])
			if err != nil || place < 1 {
				return usageError{fmt.Errorf("%q is no place in a list; the first one is 1", args[1])}
			}
			return p.changeRules(ctx, c, config, func(rules []rule.Rule) ([]rule.Rule, error) {
				i, err := placeOf(rules, args[0])
				if err != nil {
					return nil, err
				}
				return moved(rules, i, place)
			})
		}),
	}
	p.ofConfig(cmd, &config)
	return cmd
}

// tryView is what rules would do, as the API has it.
type tryView struct {
	document
	From         string         `json:"from"`
	To           string         `json:"to"`
	Before       archive.Counts `json:"before"`
	After        archive.Counts `json:"after"`
	Minutes      []tryMinutes   `json:"minutes"`
	Changed      []tryChanged   `json:"changed"`
	ChangedCount int            `json:"changed_count"`
	Rules        []triedRule    `json:"rules"`
}

type tryMinutes struct {
	Customer    string  `json:"customer"`
	BillingType string  `json:"billing_type"`
	Before      float64 `json:"before"`
	After       float64 `json:"after"`
	Difference  float64 `json:"difference"`
}

type tryChanged struct {
	EventID string     `json:"event_id"`
	Key     string     `json:"key"`
	Rules   []string   `json:"rules"`
	Before  tryBecomes `json:"before"`
	After   tryBecomes `json:"after"`
}

type tryBecomes struct {
	Outcome     string               `json:"outcome"`
	Reason      string               `json:"reason,omitempty"`
	Appointment calendar.Appointment `json:"appointment"`
}

// text is what becomes of an event, in few words.
func (b *tryBecomes) text() string {
	a := &b.Appointment
	parts := []string{b.Outcome}
	for _, part := range []string{b.Reason, a.Customer, string(a.BillingType)} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if a.Travel {
		parts = append(parts, "travel")
	}
	if a.Sensitivity != calendar.Normal {
		parts = append(parts, string(a.Sensitivity))
	}
	return strings.Join(parts, " ")
}

type triedRule struct {
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Matched int      `json:"matched"`
	Acted   int      `json:"acted"`
	State   string   `json:"state"`
	By      []string `json:"by"`
}

func (p *program) ruleTry() *cobra.Command {
	var config, period, file string
	cmd := &cobra.Command{
		Use: "try", Short: "Say what rules would do, and save nothing", Args: cobra.NoArgs,
		Long: "Say what rules would do, and save nothing. With --file the rules of the file are compared with those of the config, without it those of the\n" +
			"config with none. Every event that the ledger has, or that runs left out, is planned twice, as if nothing were archived yet; no calendar is asked.",
		Example: "  admin-assistant rule try --config work --period \"last month\" --file rules.json",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			v, _, err := p.findConfig(ctx, c, config)
			if err != nil {
				return err
			}
			body := struct {
				Period string      `json:"period"`
				Rules  []rule.Rule `json:"rules,omitzero"`
			}{Period: period}
			if file != "" {
				if body.Rules, err = p.readRules(file); err != nil {
					return err
				}
				body.Rules = orNone(body.Rules)
			}
			var tried tryView
			if _, err := c.do(ctx, request{method: http.MethodPost, path: "/v1/archive-configs/" + v.ID + "/rules/try", json: body}, &tried); err != nil {
				return err
			}
			return p.showTryout(&tried)
		}),
	}
	p.ofConfig(cmd, &config)
	cmd.Flags().StringVar(&period, "period", "", "days that are looked at; at most 400")
	cmd.Flags().StringVar(&file, "file", "", "file with rules as JSON; - reads standard input")
	p.required(cmd, "config", "period")
	return cmd
}

func (p *program) showTryout(t *tryView) error {
	if p.output == "json" {
		return p.printJSON(t)
	}
	var rows []table.Row
	for _, c := range t.Changed {
		rows = append(rows, table.Row{
			c.After.Appointment.Start.Format("2006-01-02 15:04"), c.After.Appointment.Subject, c.Before.text(), c.After.text(), strings.Join(c.Rules, ", "),
		})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Start (UTC)", "Subject", "Before", "After", "Rule"}, rows)
	}
	if left := t.ChangedCount - len(t.Changed); left > 0 {
		fmt.Fprintf(p.out, "... and %d more\n", left)
	}
	rows = nil
	for _, m := range t.Minutes {
		rows = append(rows, table.Row{cmp.Or(m.Customer, noCustomer), m.BillingType, m.Before, m.After, fmt.Sprintf("%+g", m.Difference)})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Customer", "Billing type", "Minutes before", "After", "Difference"}, rows)
	}
	rows = nil
	for _, r := range t.Rules {
		rows = append(rows, table.Row{r.ID, r.Matched, r.Acted, stateText(&r)})
	}
	if len(rows) > 0 {
		p.printTable(table.Row{"Rule", "Matches", "Acts on", ""}, rows)
	}
	_, err := fmt.Fprintf(p.out, "Before: %s\nAfter:  %s\n%d of %s would become something else. Nothing was saved.\n",
		t.Before, t.After, t.ChangedCount, counted(t.After.Fetched, "event", "events"))
	return err
}

func stateText(r *triedRule) string {
	switch archive.RuleState(r.State) {
	case archive.RuleDead:
		return "matches nothing"
	case archive.RuleShadowed:
		return "always behind " + strings.Join(r.By, ", ")
	case archive.RuleIdle:
		return "nothing was left to do"
	case archive.RuleOff:
		return "off"
	}
	if len(r.By) > 0 {
		return "at times behind " + strings.Join(r.By, ", ")
	}
	return ""
}

type suggestedRule struct {
	Rule    rule.Rule `json:"rule"`
	Why     string    `json:"why"`
	Support int       `json:"support"`
	Of      int       `json:"of"`
	Gets    int       `json:"gets"`
}

func (p *program) ruleSuggest() *cobra.Command {
	var config, period, file string
	cmd := &cobra.Command{
		Use: "suggest", Short: "Suggest rules from the categories that events have and from what you decided", Args: cobra.NoArgs,
		Long: "Suggest rules from the categories that events have and from what you decided, and say what speaks for each one and what against it. None is\n" +
			"applied. With --file they are written as JSON, for you to choose from, to try and to add.",
		Example: "  admin-assistant rule suggest --config work --file suggested.json\n" +
			"  admin-assistant rule try --config work --period \"last 90 days\" --file suggested.json",
	}
	cmd.RunE = p.with(func(ctx context.Context, c *client, _ []string) error {
		v, _, err := p.findConfig(ctx, c, config)
		if err != nil {
			return err
		}
		var found struct {
			document
			Suggestions []suggestedRule `json:"suggestions"`
		}
		path := "/v1/archive-configs/" + v.ID + "/rules/suggestions"
		if _, err := c.do(ctx, request{method: http.MethodGet, path: path, query: map[string][]string{"period": {period}}}, &found); err != nil {
			return err
		}
		rules := make([]rule.Rule, len(found.Suggestions))
		for i, s := range found.Suggestions {
			rules[i] = s.Rule
		}
		if file != "" {
			text, err := json.MarshalIndent(rules, "", "  ")
			if err != nil {
				return err
			}
			if err := p.store(file, bytes.NewReader(append(text, '\n'))); err != nil {
				return err
			}
		}
		if p.output == "json" {
			return p.printJSON(found)
		}
		for i, s := range found.Suggestions {
			fmt.Fprintf(p.out, "%d. %s: %s\n   %s\n", i+1, s.Rule.ID, printable(effectText(s.Rule.Then)), printable(s.Why))
		}
		if len(rules) == 0 {
			_, err = fmt.Fprintln(p.out, "Nothing speaks clearly enough for a rule.")
			return err
		}
		_, err = fmt.Fprintln(p.out, "None of them is applied. Write them to a file with --file, and keep in it those that you want. Then see what they would do:\n"+
			p.command("rule try --config "+quoted(v.Name)+" --period "+quoted(period)+" --file FILE"))
		return err
	})
	p.ofConfig(cmd, &config)
	cmd.Flags().StringVar(&period, "period", "last 90 days", "days that are looked at; at most 400")
	cmd.Flags().StringVar(&file, "file", "", "write the rules to this file")
	return cmd
}
