package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"adminassistant/shared/app"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/plaintext"
	"adminassistant/shared/run"
	"adminassistant/shared/strictjson"
)

// fields are those of a thing as the API has it.
type fields map[string]any

func (f fields) text(name string) string {
	s, _ := f[name].(string)
	return s
}

// setUp is what apply makes so, and export prints.
type setUp struct {
	Configs   []fields `json:"configs,omitempty"`
	Customers []fields `json:"customers,omitempty"`
	Jobs      []fields `json:"jobs,omitempty"`
}

// Of each kind of things: which fields are its user's to set, and what they are where a new one leaves them out.
var (
	ofConfigs = kindOfThing{word: "config", path: "/v1/archive-configs", fields: []string{
		"name", "source", "archive", "timezone", "purpose", "overlaps", "all_day_overlaps", "on_drift", "on_edit", "look_back", "create_calendar", "rules", "active",
	}, defaults: fields{
		"purpose": "general", "overlaps": "ask", "all_day_overlaps": false, "on_drift": "ask", "on_edit": "ask", "look_back": 30.0, "create_calendar": true,
		"rules": []any{}, "active": true,
	}, apart: []string{"active"}}
	ofCustomers = kindOfThing{word: "customer", path: "/v1/customers", fields: []string{
		"name", "aliases", "currency", "rates", "rounding", "day_minutes", "travel_policy", "locale", "buyer_reference", "order_number", "address", "emails",
	}, defaults: fields{"travel_policy": "to", "locale": "en"}}
	ofJobs = kindOfThing{word: "job", path: "/v1/jobs", fields: []string{
		"name", "kind", "config", "schedule", "window", "jitter", "calendar", "retention", "state",
	}, defaults: fields{"kind": string(run.Archive), "state": "active"}, apart: []string{"state"}, fixed: []string{"kind", "config"}}
)

// kindOfThing is one of the kinds of things that apply makes.
type kindOfThing struct {
	word, path string
	fields     []string
	defaults   fields
	apart      []string // those that are set by a request of their own
	fixed      []string // those that never change
}

// difference is a field that apply changes.
type difference struct {
	Field string `json:"field"`
	From  any    `json:"from"`
	To    any    `json:"to"`
}

// change is what apply does about one thing of its file.
type change struct {
	Kind    string       `json:"kind"`
	Name    string       `json:"name"`
	Outcome string       `json:"outcome"` // created, changed or unchanged
	Fields  []difference `json:"fields"`

	of     *kindOfThing
	id     string // of what is there
	wanted fields // whole
}

func (p *program) applyCommand() *cobra.Command {
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "apply", Short: "Make configs, rules, customers and jobs as a file has them", Args: cobra.NoArgs,
		Long: "Make configs with their rules, customers and jobs as a file has them, in YAML or JSON; \"-\" reads standard input.\n" +
			"What is not in the file stays as it is, and so does a field that the file leaves out. Applying a file twice changes nothing.\n" +
			"All of the file is checked before anything is changed; --dry-run stops there and shows the differences.\n" +
			"\"export\" prints such a file of what there is.\n\n" +
			"Configs and customers are known by their names, and jobs too: give jobs names, since one without a name is another one when anything of it changes.",
		Example: "  admin-assistant export > setup.yaml\n  admin-assistant apply -f setup.yaml --dry-run",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			from, err := p.read(file)
			if err != nil {
				return err
			}
			defer from.Close()
			want, err := setUpOf(from)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			have, err := readSetUp(ctx, c)
			if err != nil {
				return err
			}
			changes, err := have.changes(want)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			done := 0
			for i := range changes {
				if dryRun || changes[i].Outcome == "unchanged" {
					continue
				}
				if err := changes[i].carryOut(ctx, c); err != nil {
					if done > 0 {
						err = fmt.Errorf("%w; before it, %s", err, counted(done, "thing was changed", "things were changed"))
					}
					return fmt.Errorf("%s %q: %w", changes[i].Kind, changes[i].Name, err)
				}
				done++
			}
			return p.printChanges(changes, dryRun)
		}),
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "file in YAML or JSON; - reads standard input")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	p.required(cmd, "file")
	return cmd
}

func (p *program) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "Print configs, rules, customers and jobs as a file for apply", Args: cobra.NoArgs,
		Long: "Print configs with their rules, customers and jobs as a file for \"apply\": as YAML, or with --output json as JSON.\n" +
			"Archives, ledgers, timesheets and settings are not in it.",
		Example: "  admin-assistant export > setup.yaml",
		RunE: p.with(func(ctx context.Context, c *client, _ []string) error {
			have, err := readSetUp(ctx, c)
			if err != nil {
				return err
			}
			if p.form.kind == "table" && p.form.fields == nil {
				p.form.kind = "yaml"
			}
			raw, err := have.ordered()
			if err != nil {
				return err
			}
			return p.printDocument(raw)
		}),
	}
}

// ordered is the set-up with the fields of its things in their order.
func (s *setUp) ordered() (json.RawMessage, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for _, part := range []struct {
		name   string
		of     *kindOfThing
		things []fields
	}{{"configs", &ofConfigs, s.Configs}, {"customers", &ofCustomers, s.Customers}, {"jobs", &ofJobs, s.Jobs}} {
		if len(part.things) == 0 {
			continue
		}
		if out.Len() > 1 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, "%q:[", part.name)
		for i, thing := range part.things {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteByte('{')
			first := true
			for _, name := range part.of.fields {
				v, there := thing[name]
				if !there {
					continue
				}
				text, err := encoded(v)
				if err != nil {
					return nil, err
				}
				if !first {
					out.WriteByte(',')
				}
				first = false
				fmt.Fprintf(&out, "%q:%s", name, text)
			}
			out.WriteByte('}')
		}
		out.WriteByte(']')
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// readSetUp reads what there is. Things have their ids, too.
func readSetUp(ctx context.Context, c *client) (have setUp, err error) {
	if have.Configs, err = all[fields](ctx, c, ofConfigs.path, nil, 0); err != nil {
		return have, err
	}
	if have.Customers, err = all[fields](ctx, c, ofCustomers.path, nil, 0); err != nil {
		return have, err
	}
	if have.Jobs, err = all[fields](ctx, c, ofJobs.path, nil, 0); err != nil {
		return have, err
	}
	names := map[string]string{}
	for _, config := range have.Configs {
		names[config.text("id")] = config.text("name")
		plainRules(config)
	}
	for _, j := range have.Jobs {
		j["config"] = names[j.text("config")]
		if j.text("state") == "paused" && j.text("reason") != "user" {
			delete(j, "state") // it rests for another reason, which is not in its settings
		}
	}
	return have, nil
}

// plainRules leaves out which version a rule is, which nobody sets, and says that one is on which says nothing.
func plainRules(config fields) {
	rules, _ := config["rules"].([]any)
	for _, r := range rules {
		if r, ok := r.(map[string]any); ok {
			delete(r, "version")
			if _, said := r["on"]; !said {
				r["on"] = true
			}
		}
	}
}

// setUpOf reads a file of a set-up. It may be of several documents, which are one together.
func setUpOf(from io.Reader) (want setUp, err error) {
	text, err := io.ReadAll(plaintext.NewReader(from))
	if err != nil {
		return want, err
	}
	documents := []json.RawMessage{text}
	if begin := bytes.TrimSpace(text); len(begin) == 0 || begin[0] != '{' {
		if documents, err = jsonOfYAML(text); err != nil {
			return want, err
		}
	}
	for _, document := range documents {
		var part setUp
		if err := strictjson.Unmarshal(document, &part); err != nil {
			return want, err
		}
		want.Configs, want.Customers, want.Jobs = append(want.Configs, part.Configs...), append(want.Customers, part.Customers...), append(want.Jobs, part.Jobs...)
	}
	if len(want.Configs)+len(want.Customers)+len(want.Jobs) == 0 {
		return want, fault.New(fault.Invalid, "there is nothing in it: expected lists of configs, customers and jobs; see: admin-assistant export")
	}
	for _, config := range want.Configs {
		plainRules(config)
	}
	return want, nil
}

// changes says what it takes to make what there is what is wanted. Whatever is wrong with that is an error, before anything is changed.
func (s *setUp) changes(want setUp) (all []change, err error) {
	var problems []error
	add := func(list string, of *kindOfThing, have []fields, wanted []fields, check func(fields) error) {
		seen := map[string]bool{}
		for i, thing := range wanted {
			at := fmt.Sprintf("%s[%d]", list, i)
			c, err := of.change(have, thing)
			if err == nil {
				err = check(c.wanted)
			}
			if key := calendar.Folded(c.Name); err == nil && thing.text("name") != "" && seen[key] {
				err = fault.Field("name", "%q is there twice", c.Name)
			} else {
				seen[key] = true
			}
			if err != nil {
				problems = append(problems, fault.New(fault.Invalid, "%s.%w", at, err))
				continue
			}
			all = append(all, c)
		}
	}
	add("configs", &ofConfigs, s.Configs, want.Configs, checkConfig)
	add("customers", &ofCustomers, s.Customers, want.Customers, checkCustomer)
	known := map[string]bool{}
	for _, config := range slices.Concat(s.Configs, want.Configs) {
		known[calendar.Folded(config.text("name"))] = true
	}
	add("jobs", &ofJobs, s.Jobs, want.Jobs, func(thing fields) error {
		if name := thing.text("config"); !known[calendar.Folded(name)] {
			return fault.Field("config", "is %q: there is no such config, here or in the file", name)
		}
		return checkJob(thing)
	})
	return all, errors.Join(problems...)
}

// change says what it takes to make a thing what is wanted.
func (k *kindOfThing) change(have []fields, wanted fields) (change, error) {
	c := change{Kind: k.word, Name: wanted.text("name"), Outcome: "created", Fields: []difference{}, of: k, wanted: maps.Clone(k.defaults)}
	for name := range wanted {
		if !slices.Contains(k.fields, name) {
			return c, fault.Field(name, "is not a known field%s", didYouMean(alike(name, k.fields), ""))
		}
	}
	was := k.same(have, wanted)
	if was != nil {
		c.Outcome, c.id, c.wanted = "unchanged", was.text("id"), fields{}
		c.Name = was.text("name")
		for _, name := range k.fields {
			if v, there := was[name]; there {
				c.wanted[name] = v
			}
		}
	}
	if c.Name == "" && k == &ofJobs {
		c.Name = strings.TrimSpace(fmt.Sprintf("%v of %v", wanted["kind"], wanted["config"]))
	}
	for _, name := range k.fields {
		to, given := wanted[name]
		if !given {
			continue
		}
		from := c.wanted[name]
		c.wanted[name] = to
		if was != nil && !alikeValues(from, to) {
			if slices.Contains(k.fixed, name) {
				return c, fault.Field(name, "is %v and cannot become %v; remove the %s first, or give this one another name", from, to, k.word)
			}
			c.Outcome = "changed"
			c.Fields = append(c.Fields, difference{name, from, to})
		}
	}
	return c, nil
}

// alikeValues says whether two values are the same; what is left out is as what is empty. Names of configs are the same in any case.
func alikeValues(a, b any) bool {
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return x == y
		}
	}
	return reflect.DeepEqual(bare(a), bare(b))
}

// bare is a value without what is empty in it.
func bare(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, inner := range v {
			if inner = bare(inner); inner != nil {
				out[name] = inner
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		if len(v) == 0 {
			return nil
		}
		out := make([]any, len(v))
		for i := range v {
			out[i] = bare(v[i])
		}
		return out
	case string:
		if v == "" {
			return nil
		}
	case float64:
		if v == 0 {
			return nil
		}
	case bool:
		if !v {
			return nil
		}
	}
	return v
}

// same finds the thing that a wanted one is: by its name, or of a job without one by all that is wanted of it.
func (k *kindOfThing) same(have []fields, wanted fields) fields {
	name := calendar.Folded(wanted.text("name"))
	for _, thing := range have {
		if name != "" {
			if calendar.Folded(thing.text("name")) == name {
				return thing
			}
			continue
		}
		if k != &ofJobs || thing.text("name") != "" {
			continue
		}
		fits := true
		for field, v := range wanted {
			fits = fits && (slices.Contains(k.apart, field) || alikeValues(thing[field], v))
		}
		if fits {
			return thing
		}
	}
	return nil
}

// body is what a request has of a thing.
func (c *change) body() fields {
	body := maps.Clone(c.wanted)
	for _, name := range c.of.apart {
		delete(body, name)
	}
	return body
}

// decoded reads a thing as the API would.
func decoded(thing fields, into any) error {
	text, err := encoded(thing)
	if err != nil {
		return err
	}
	return strictjson.Unmarshal(text, into)
}

func checkConfig(thing fields) error {
	thing = maps.Clone(thing)
	if _, ok := thing["active"].(bool); !ok {
		return fault.Field("active", "must be true or false")
	}
	delete(thing, "active")
	var in httpapi.ConfigInput
	if err := decoded(thing, &in); err != nil {
		return err
	}
	return in.Check()
}

func checkCustomer(thing fields) error {
	var in httpapi.CustomerInput
	if err := decoded(thing, &in); err != nil {
		return err
	}
	return in.Check()
}

func checkJob(thing fields) error {
	thing = maps.Clone(thing)
	if state, given := thing["state"]; given && state != "active" && state != "paused" {
		return fault.Field("state", "is %v: expected active or paused", state)
	}
	delete(thing, "state")
	var in struct {
		Kind   run.Kind `json:"kind"`
		Config string   `json:"config"`
		httpapi.JobSettings
	}
	if err := decoded(thing, &in); err != nil {
		return err
	}
	terms := app.Kinds.Of(in.Kind).Job
	if terms == nil {
		return fault.Field("kind", "is %q: expected one of %s", in.Kind, jobKinds())
	}
	return in.JobSettings.Check(in.Kind, *terms)
}

// carryOut makes a thing what is wanted.
func (c *change) carryOut(ctx context.Context, api *client) error {
	path := c.of.path
	body := c.body()
	var now fields
	if c.id == "" {
		if c.of == &ofConfigs {
			body["verify"] = "none" // jobs are in the file themselves
		}
		if _, err := api.do(ctx, request{method: http.MethodPost, path: path, json: body}, &now); err != nil {
			return err
		}
		c.id = now.text("id")
	} else {
		path += "/" + url.PathEscape(c.id)
		header, err := api.do(ctx, request{method: http.MethodGet, path: path}, &now)
		if err != nil {
			return err
		}
		for _, name := range c.of.fixed {
			delete(body, name)
		}
		if c.beyondApart() {
			if _, err := api.do(ctx, request{method: http.MethodPut, path: path, json: body, ifMatch: header.Get("ETag")}, &now); err != nil {
				return err
			}
		}
	}
	verb := ""
	switch {
	case c.of == &ofConfigs && now["active"] != c.wanted["active"]:
		verb = map[bool]string{true: "activate", false: "deactivate"}[c.wanted["active"] == true]
	case c.of == &ofJobs && c.wanted["state"] != nil && now["state"] != c.wanted["state"]:
		verb = map[bool]string{true: "resume", false: "pause"}[c.wanted["state"] == "active"]
	}
	if verb == "" {
		return nil
	}
	_, err := api.do(ctx, request{method: http.MethodPost, path: c.of.path + "/" + url.PathEscape(c.id) + "/" + verb}, nil)
	return err
}

// beyondApart says whether anything changes that is not set by a request of its own.
func (c *change) beyondApart() bool {
	return slices.ContainsFunc(c.Fields, func(d difference) bool { return !slices.Contains(c.of.apart, d.Field) })
}

// printChanges prints what was changed, or would be.
func (p *program) printChanges(changes []change, dryRun bool) error {
	if p.output == "json" {
		return p.printJSON(changes)
	}
	counts := map[string]int{}
	var rows []table.Row
	for i := range changes {
		c := &changes[i]
		counts[c.Outcome]++
		rows = append(rows, table.Row{c.Kind, c.Name, c.Outcome, ""})
		for _, d := range c.Fields {
			rows = append(rows, table.Row{"", "", "", fmt.Sprintf("%s: %s -> %s", d.Field, brief(d.From), brief(d.To))})
		}
	}
	p.printTable(table.Row{"Kind", "Name", "Outcome", "Differs in"}, rows)
	would := ""
	if dryRun {
		would = "Nothing was changed; without --dry-run: "
	}
	_, err := fmt.Fprintf(p.out, "%s%d created, %d changed, %d unchanged\n", would, counts["created"], counts["changed"], counts["unchanged"])
	return err
}

// brief is a value in a line.
func brief(v any) string {
	if v == nil {
		return "nothing"
	}
	if text, ok := v.(string); ok {
		return text
	}
	text, err := encoded(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// mostValues is how many values a file may have, so that aliases within aliases come to an end.
const mostValues = 100_000

// yamlLine is where an error of YAML is.
var yamlLine = regexp.MustCompile(`line \d+`)

// jsonOfYAML are the documents of a YAML file as JSON.
func jsonOfYAML(text []byte) (documents []json.RawMessage, err error) {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	left := mostValues
	for {
		var node yaml.Node
		err := dec.Decode(&node)
		if errors.Is(err, io.EOF) {
			return documents, nil
		}
		if err != nil {
			at := ""
			if line := yamlLine.FindString(err.Error()); line != "" {
				at = ": " + line + " does not fit what is before it"
			}
			return nil, fault.New(fault.Invalid, "this is neither YAML nor JSON%s", at)
		}
		v, err := valueOf(&node, &left)
		if err != nil {
			return nil, err
		}
		if v == nil {
			continue // nothing between two lines of dashes
		}
		document, err := encoded(v)
		if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
}

// valueOf is a value of YAML as JSON has it. What YAML takes for a date stays the text that it is.
func valueOf(node *yaml.Node, left *int) (any, error) {
	if *left--; *left < 0 {
		return nil, fault.New(fault.Invalid, "the file has more than %d values", mostValues)
	}
	switch node.Kind {
	case yaml.DocumentNode:
		return valueOf(node.Content[0], left)
	case yaml.AliasNode:
		return valueOf(node.Alias, left)
	case yaml.SequenceNode:
		list := []any{}
		for _, item := range node.Content {
			v, err := valueOf(item, left)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	case yaml.MappingNode:
		object := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			name := node.Content[i]
			if _, twice := object[name.Value]; twice || name.Kind != yaml.ScalarNode {
				return nil, fault.New(fault.Invalid, "line %d: %.80q is no name, or is there twice", name.Line, name.Value)
			}
			v, err := valueOf(node.Content[i+1], left)
			if err != nil {
				return nil, err
			}
			object[name.Value] = v
		}
		return object, nil
	}
	switch node.ShortTag() {
	case "!!null":
		return nil, nil
	case "!!bool", "!!int", "!!float":
		var v any
		if err := node.Decode(&v); err != nil {
			return nil, fault.New(fault.Invalid, "line %d: %.80q cannot be read", node.Line, node.Value)
		}
		return v, nil
	}
	return node.Value, nil
}
