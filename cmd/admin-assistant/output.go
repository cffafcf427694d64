package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"

	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

// counted is a number of things, with the word for one or for several.
var counted = run.Counted

// document is what the API answered, to the byte: what programs get.
type document struct{ raw json.RawMessage }

func (d *document) keep(raw json.RawMessage) { d.raw = raw }

func (d document) original() json.RawMessage { return d.raw }

// original is what the API answered, of a value that was decoded from it; else the value as JSON. A list is a page of the API's.
func original(v any) (json.RawMessage, error) {
	if kept, ok := v.(interface{ original() json.RawMessage }); ok {
		if raw := kept.original(); raw != nil {
			return raw, nil
		}
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice || list.Type().Elem().Kind() == reflect.Uint8 {
		return encoded(v)
	}
	var whole page[json.RawMessage]
	whole.Items = []json.RawMessage{}
	for i := range list.Len() {
		item, err := original(list.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		whole.Items = append(whole.Items, item)
	}
	return encoded(whole)
}

// encoded is a value as JSON, with its characters as they are.
func encoded(v any) (json.RawMessage, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}

// printJSON prints a value for programs: as the API answered it, in the form that was asked for.
func (p *program) printJSON(v any) error {
	raw, err := original(v)
	if err != nil {
		return err
	}
	return p.printDocument(raw)
}

// finish prints a value for programs, and returns how the command ends.
func (p *program) finish(v any, end error) error {
	if err := p.printJSON(v); err != nil {
		return err
	}
	return end
}

// jsonUnless prints a value unless there is an error already.
func (p *program) jsonUnless(err error, v any) error {
	if err != nil {
		return nil
	}
	return p.printJSON(v)
}

// listed is what a path lists as the API answers it, but with as many items as were asked for in one document.
type listed[T any] struct {
	items []T
	next  string
}

// printList prints what a path lists, the first most of it or, with 0, all: for programs, or in a table with a row each.
func printList[T any](ctx context.Context, p *program, c *client, path string, query url.Values, most int, header table.Row, row func(T) table.Row) error {
	found, err := some[T](ctx, c, path, query, most)
	if err != nil {
		return err
	}
	if p.output == "json" {
		return printListed(p, found)
	}
	rows := make([]table.Row, len(found.items))
	for i, v := range found.items {
		rows[i] = row(v)
	}
	p.printTable(header, rows)
	return p.printMore(found.next)
}

// printListed prints a list for programs.
func printListed[T any](p *program, found listed[T]) error {
	whole := page[json.RawMessage]{Items: []json.RawMessage{}, Next: found.next}
	for _, item := range found.items {
		raw, err := original(item)
		if err != nil {
			return err
		}
		whole.Items = append(whole.Items, raw)
	}
	return p.printJSON(whole)
}

// printMore says at a terminal that a list goes on.
func (p *program) printMore(next string) (err error) {
	if next != "" && isTerminal(p.out) {
		_, err = fmt.Fprintln(p.err, "There are more; --most 0 lists all.")
	}
	return err
}

// say tells people a sentence. Programs get nothing.
func (p *program) say(format string, args ...any) (err error) {
	if p.output != "json" {
		_, err = fmt.Fprintf(p.out, format+"\n", args...)
	}
	return err
}

// printHead prints which run it is, what has become of it and why it failed.
func (p *program) printHead(r *runView, what string) {
	fmt.Fprintf(p.out, "%s: %s\n", what, r.State)
	if r.Problem != nil {
		fmt.Fprintf(p.out, "%s\n", printable(p.told(r.Problem.Detail)))
	}
}

// printable is s as one line of text for a terminal: line breaks and tabs are spaces, and what a reader would not see, or what changes how
// the rest is shown, is written out, such as \u001b or \u202e.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n' || r == '\r' || r == '\t':
			b.WriteByte(' ')
		case r > 0xffff && unicode.In(r, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point):
			fmt.Fprintf(&b, `\U%08x`, r)
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Other_Default_Ignorable_Code_Point):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// minute writes an instant in this machine's time zone, which it names.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04 MST") }

// when writes an appointment's time in a zone: "Thu 2026-10-15 09:00-11:00", or its dates.
func when(a *calendar.Appointment, zone *time.Location) string {
	if a.Start.IsZero() {
		return ""
	}
	if a.AllDay {
		last := a.EndDate.AddDays(-1)
		if last.Before(a.StartDate) {
			last = a.StartDate
		}
		if last == a.StartDate {
			return fmt.Sprintf("%s %s all day", a.StartDate.Weekday().String()[:3], a.StartDate)
		}
		return fmt.Sprintf("%s %s to %s", a.StartDate.Weekday().String()[:3], a.StartDate, last)
	}
	start, end := a.Start.In(zone), a.End.In(zone)
	if calendar.DateOf(start, zone) == calendar.DateOf(end, zone) {
		return start.Format("Mon 2006-01-02 15:04-") + end.Format("15:04")
	}
	return start.Format("Mon 2006-01-02 15:04 - ") + end.Format("01-02 15:04")
}
