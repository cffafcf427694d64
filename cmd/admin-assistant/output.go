package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/jedib0t/go-pretty/v6/table"

	"adminassistant/shared/calendar"
)

// printJSON prints a value for programs.
func (p *program) printJSON(v any) error {
	enc := json.NewEncoder(p.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// printTable prints rows for people. What a calendar says may hold anything; control characters do not reach the terminal.
func (p *program) printTable(header table.Row, rows []table.Row) {
	t := table.NewWriter()
	t.SetOutputMirror(p.out)
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = 0
	t.SetStyle(style)
	t.AppendHeader(header)
	for _, row := range rows {
		for i, cell := range row {
			if s, ok := cell.(string); ok {
				row[i] = printable(s)
			}
		}
		t.AppendRow(row)
	}
	t.Render()
}

// jsonUnless prints a value unless there is an error already.
func (p *program) jsonUnless(err error, v any) error {
	if err != nil {
		return nil
	}
	return p.printJSON(v)
}

// printList prints what a path lists, the first most of it or, with 0, all: as JSON, or in a table with a row each.
func printList[T any](ctx context.Context, p *program, c *client, path string, query url.Values, most int, header table.Row, row func(T) table.Row) error {
	found, err := all[T](ctx, c, path, query, most)
	if err != nil || p.output == "json" {
		return errors.Join(err, p.jsonUnless(err, found))
	}
	rows := make([]table.Row, len(found))
	for i, v := range found {
		rows[i] = row(v)
	}
	p.printTable(header, rows)
	return nil
}

// printHead prints which run it is, what has become of it and why it failed.
func (p *program) printHead(r *runView, what string) {
	fmt.Fprintf(p.out, "%s: %s\n", what, r.State)
	if r.Problem != nil {
		fmt.Fprintf(p.out, "%s\n", printable(r.Problem.Detail))
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

// minute writes an instant in this machine's time zone.
func minute(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

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
