package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/itchyny/gojq"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"adminassistant/shared/spreadsheet"
)

// form says in which form a command prints: what --output, --fields and --jq ask for.
type form struct {
	kind   string // table, json, yaml or csv
	fields []string
	jq     *gojq.Code
}

// forms are the values of --output.
var forms = []string{"table", "json", "yaml", "csv"}

// readForm reads the flags that say in which form a command prints. p.output is then table for people, json for programs, or csv of commands that have one
// of their own.
func (p *program) readForm(cmd *cobra.Command) error {
	f := &p.form
	if f.kind = strings.ToLower(p.output); !slices.Contains(forms, f.kind) {
		return wrong(cmd, "--output must be table, json, yaml or csv, not %q", p.output)
	}
	p.output = f.kind
	for field := range strings.SplitSeq(p.fields, ",") {
		if field = strings.TrimSpace(field); field != "" {
			f.fields = append(f.fields, field)
		}
	}
	if p.jq != "" {
		if f.fields != nil || cmd.Flags().Changed("output") && f.kind != "json" {
			return wrong(cmd, "--jq makes its own form of the JSON: it goes neither with --fields nor with --output %s", f.kind)
		}
		query, err := gojq.Parse(p.jq)
		if err == nil {
			f.jq, err = gojq.Compile(query)
		}
		if err != nil {
			return wrong(cmd, "--jq is no program of jq: %s", jqProblem(err, p.jq))
		}
		f.kind = "json"
	}
	if f.kind != "table" || f.fields != nil {
		p.output = "json"
	}
	if f.kind == "csv" && cmd.Annotations[asCSV] != "" && f.fields == nil {
		p.output = "csv"
	}
	return nil
}

// jqProblem says where a program of jq is wrong.
func jqProblem(err error, program string) string {
	var at *gojq.ParseError
	if errors.As(err, &at) && at.Token != "" {
		return fmt.Sprintf("%q does not belong there, at letter %d", at.Token, at.Offset)
	}
	if errors.As(err, &at) {
		return fmt.Sprintf("%q is not whole", program)
	}
	return err.Error()
}

// plainJSON says whether a document is printed as JSON, and whole.
func (f *form) plainJSON() bool { return f.kind == "json" && f.fields == nil && f.jq == nil }

// printDocument prints a document in the form that was asked for.
func (p *program) printDocument(raw json.RawMessage) error {
	switch {
	case p.form.jq != nil:
		return p.printQuery(raw)
	case p.form.fields != nil:
		var err error
		if raw, err = p.form.project(raw); err != nil {
			return err
		}
	}
	switch p.form.kind {
	case "yaml":
		return writeYAML(p.out, raw)
	case "csv":
		return p.printRows(raw)
	case "table":
		return p.printFields(raw)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err := p.out.Write(out.Bytes())
	return err
}

// printQuery prints what a program of jq makes of a document: texts as they are, a line each.
func (p *program) printQuery(raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return err
	}
	iter := p.form.jq.Run(v)
	for {
		made, ok := iter.Next()
		if !ok {
			return nil
		}
		switch made := made.(type) {
		case error:
			var halt *gojq.HaltError
			if errors.As(made, &halt) && halt.Value() == nil {
				return nil
			}
			return usageError{fmt.Errorf("--jq does not fit what there is: %w", made)}
		case string:
			if _, err := fmt.Fprintln(p.out, made); err != nil {
				return err
			}
		default:
			text, err := gojq.Marshal(made)
			if err != nil {
				return err
			}
			var out bytes.Buffer
			if err := json.Indent(&out, text, "", "  "); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(p.out, out.String()); err != nil {
				return err
			}
		}
	}
}

// member is one of an object.
type member struct {
	name  string
	value json.RawMessage
}

// members are those of an object, in their order; ok says whether it is one.
func members(raw json.RawMessage) (all []member, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if begin, err := dec.Token(); err != nil || begin != json.Delim('{') {
		return nil, false
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return nil, false
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, false
		}
		all = append(all, member{fmt.Sprint(name), value})
	}
	return all, true
}

// itemsOf are those of a list; ok says whether it is one.
func itemsOf(raw json.RawMessage) (items []json.RawMessage, ok bool) {
	var list struct {
		Items *[]json.RawMessage `json:"items"`
		Next  *string            `json:"next"`
	}
	if json.Unmarshal(raw, &list) != nil || list.Items == nil || list.Next == nil {
		return nil, false
	}
	return *list.Items, true
}

// value is what a path as in "appointment.subject" leads to in an object; nil: nothing.
func value(raw json.RawMessage, path string) json.RawMessage {
	if all, ok := members(raw); ok {
		for _, m := range all {
			if m.name == path {
				return m.value
			}
			if rest, below := strings.CutPrefix(path, m.name+"."); below {
				if found := value(m.value, rest); found != nil {
					return found
				}
			}
		}
	}
	return nil
}

// errNoField says which fields there are.
func errNoField(field string, raw json.RawMessage) error {
	var there []string
	all, _ := members(raw)
	for _, m := range all {
		there = append(there, m.name)
	}
	return usageError{fmt.Errorf("there is no field %q%s; there are %s", field, didYouMean(alike(field, there), ""), strings.Join(there, ", "))}
}

// project keeps the fields that were asked for: of the items of a list, or of what it is. One that no item has is an error; one that only this item lacks, as
// what is left out where it is empty, is null.
func (f *form) project(raw json.RawMessage) (json.RawMessage, error) {
	items, list := itemsOf(raw)
	if !list {
		items = []json.RawMessage{raw}
	}
	there := map[string]bool{}
	picked := make([]json.RawMessage, len(items))
	for i, item := range items {
		out := []byte{'{'}
		for n, field := range f.fields {
			found := value(item, field)
			there[field] = there[field] || found != nil
			if found == nil {
				found = json.RawMessage("null")
			}
			name, err := encoded(field)
			if err != nil {
				return nil, err
			}
			if n > 0 {
				out = append(out, ',')
			}
			out = append(append(append(out, name...), ':'), found...)
		}
		picked[i] = append(out, '}')
	}
	for _, field := range f.fields {
		if !there[field] && len(items) > 0 && !optional(items, field) {
			return nil, errNoField(field, items[0])
		}
	}
	if !list {
		return picked[0], nil
	}
	return encoded(page[json.RawMessage]{Items: picked, Next: nextOf(raw)})
}

// optional says whether a field may be one that is left out where it is empty: it is within an object that is there, and like no other of that, or that is not.
func optional(items []json.RawMessage, field string) bool {
	at := strings.LastIndexByte(field, '.')
	if at < 0 || value(items[0], strings.SplitN(field, ".", 2)[0]) == nil {
		return false
	}
	var names []string
	there, _ := members(value(items[0], field[:at]))
	for _, m := range there {
		names = append(names, m.name)
	}
	return len(alike(field[at+1:], names)) == 0
}

func nextOf(raw json.RawMessage) (next string) {
	_ = json.Unmarshal(value(raw, "next"), &next)
	return next
}

// rows are those of a document as cells: of a list one for each item. Objects within are columns of their own, as "progress.percent", unless fields
// were asked for.
func (f *form) rows(raw json.RawMessage) (names []string, rows []map[string]string) {
	items, list := itemsOf(raw)
	if !list {
		items = []json.RawMessage{raw}
	}
	known := map[string]bool{}
	for _, item := range items {
		row := map[string]string{}
		var flatten func(prefix string, raw json.RawMessage)
		flatten = func(prefix string, raw json.RawMessage) {
			all, ok := members(raw)
			if !ok || f.fields != nil && prefix != "" {
				if !known[prefix] {
					known[prefix] = true
					names = append(names, prefix)
				}
				row[prefix] = cellOf(raw)
				return
			}
			for _, m := range all {
				name := m.name
				if prefix != "" {
					name = prefix + "." + name
				}
				flatten(name, m.value)
			}
		}
		flatten("", item)
		rows = append(rows, row)
	}
	return names, rows
}

// cellOf is a value as a cell: a text as it is, nothing of null, a list of texts with commas.
func cellOf(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return strings.Join(list, ", ")
	}
	if string(raw) == "null" {
		return ""
	}
	return string(raw)
}

// printRows prints a document as CSV, for a spreadsheet: a cell that it would take for a formula is none.
func (p *program) printRows(raw json.RawMessage) error {
	names, rows := p.form.rows(raw)
	w := csv.NewWriter(p.out)
	if err := w.Write(names); err != nil {
		return err
	}
	for _, row := range rows {
		line := make([]string, len(names))
		for i, name := range names {
			line[i] = spreadsheet.Cell(row[name])
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// printFields prints the fields that were asked for as a table.
func (p *program) printFields(raw json.RawMessage) error {
	names, rows := p.form.rows(raw)
	var header table.Row
	for _, name := range names {
		header = append(header, name)
	}
	var lines []table.Row
	for _, row := range rows {
		var line table.Row
		for _, name := range names {
			line = append(line, row[name])
		}
		lines = append(lines, line)
	}
	p.printTable(header, lines)
	return nil
}

// oldBools are texts that readers of YAML 1.1 take for something else.
var oldBools = []string{"y", "n", "yes", "no", "on", "off"}

// writeYAML writes JSON as YAML, in its order. The items of a list in an object are written some at a time: as a whole, YAML takes fifty times the room.
func writeYAML(w io.Writer, raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('{') || !dec.More() {
		return encodeYAML(w, raw)
	}
	out := bufio.NewWriter(w)
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return err
		}
		if value[0] != '[' {
			if err := encodeYAML(out, json.RawMessage(fmt.Sprintf(`{%s:%s}`, key, value))); err != nil {
				return err
			}
			continue
		}
		if err := writeYAMLList(out, key, value); err != nil {
			return err
		}
	}
	return out.Flush()
}

// inOnePiece is how many items of a list are written at once: the encoder makes much room for itself.
const inOnePiece = 200

// writeYAMLList writes a member with a list, piece by piece: each as that of a list with these items alone, whose first line has the member's name.
func writeYAMLList(w io.Writer, key, list []byte) error {
	dec := json.NewDecoder(bytes.NewReader(list))
	if _, err := dec.Token(); err != nil {
		return err
	}
	var text bytes.Buffer
	for first := true; first || dec.More(); first = false {
		items := []json.RawMessage{}
		for dec.More() && len(items) < inOnePiece {
			var item json.RawMessage
			if err := dec.Decode(&item); err != nil {
				return err
			}
			items = append(items, item)
		}
		piece, err := json.Marshal(items)
		if err != nil {
			return err
		}
		text.Reset()
		if err := encodeYAML(&text, json.RawMessage(fmt.Sprintf(`{%s:%s}`, key, piece))); err != nil {
			return err
		}
		if !first {
			_, _ = text.ReadBytes('\n') // there is one
		}
		if _, err := text.WriteTo(w); err != nil {
			return err
		}
	}
	return nil
}

func encodeYAML(w io.Writer, raw json.RawMessage) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	node, err := yamlValue(dec)
	if err != nil {
		return err
	}
	enc := yaml.NewEncoder(w)
	enc.SetIndent(2)
	return errors.Join(enc.Encode(node), enc.Close())
}

func yamlValue(dec *json.Decoder) (*yaml.Node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch v := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
		if v == '[' {
			node = &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
		}
		for dec.More() {
			inner, err := yamlValue(dec) // a name, or an item
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, inner)
		}
		_, err := dec.Token()
		return node, err
	case string:
		node := &yaml.Node{}
		node.SetString(v)
		if slices.Contains(oldBools, strings.ToLower(v)) {
			node.Style = yaml.DoubleQuotedStyle
		}
		return node, nil
	case json.Number:
		tag := "!!int"
		if strings.ContainsAny(v.String(), ".eE") {
			tag = "!!float"
		}
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: v.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: fmt.Sprint(v)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}, nil
}

// counting counts what goes through it.
type counting struct {
	io.Writer
	bytes int64
}

func (w *counting) Write(b []byte) (int, error) {
	n, err := w.Writer.Write(b)
	w.bytes += int64(n)
	return n, err
}
