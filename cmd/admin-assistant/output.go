package main

import (
	"encoding/json"
	"fmt"
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

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

// when tells an appointment's time in a zone: "Thu 2026-10-15 09:00-11:00", or its dates.
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
