// Package xlsx writes timesheets as workbooks for spreadsheets (Office Open XML, ECMA-376). The same document gives the same bytes, and no text in it
// is ever a formula.
package xlsx

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"adminassistant/shared/calendar"
	"adminassistant/shared/timesheet"
)

// style is the number of a cell's format in styles.xml.
type style int

const (
	plain style = iota
	heading
	duration // [h]:mm
	clock    // hh:mm
	date     // yyyy-mm-dd
	perHour  // two decimals and more, as they are
	takes    // a duration that is taken back
	coins0   // amounts of currencies without decimals, as JPY
	coins2
	coins3
)

// formats are those of the styles in styles.xml. Excel shows a negative time as a row of #, so that one that is taken back shows as days.
var formats = []string{
	plain: "", heading: "", duration: "[h]:mm", clock: "hh:mm", date: `yyyy\-mm\-dd`, perHour: "#,##0.00##", takes: `[h]:mm;\-0.0000" d"`, coins0: "#,##0",
	coins2: "#,##0.00", coins3: "#,##0.000",
}

// longest is how many characters a cell may have, each as UTF-16 has it: an emoji is two.
const longest = 32767

// cell is a text, or a number as it is written in XML.
type cell struct {
	text   string
	number string // decimal; a number if it is not empty
	style  style
}

func text(s string) cell { return cell{text: s} }

func integer(n int64) cell { return cell{number: strconv.FormatInt(n, 10)} }

// fraction is a/b with as many decimals as a spreadsheet can tell apart.
func fraction(a, b int64) string { return strings.TrimRight(big.NewRat(a, b).FloatString(18), "0") }

const secondsOfDay = 24 * 60 * 60

// lasting is a duration as a part of a day.
func lasting(seconds int64) cell {
	c := cell{number: fraction(seconds, secondsOfDay) + "0", style: duration}
	if seconds < 0 {
		c.style = takes
	}
	return c
}

// day is a date as spreadsheets count them: days since 1899-12-30. Days before 1 March 1900 are counted otherwise, and are text.
func day(d calendar.Date) cell {
	since := func(d calendar.Date) int64 {
		return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, time.UTC).Unix() / secondsOfDay
	}
	n := since(d) - since(calendar.Date{Year: 1899, Month: time.December, Day: 30})
	if n <= 60 {
		return text(d.String())
	}
	return cell{number: strconv.FormatInt(n, 10), style: date}
}

// rate is what an hour costs; empty where it costs nothing.
func rate(s string) cell {
	if s == "" {
		return cell{}
	}
	return cell{number: s, style: perHour}
}

// amount is a sum with the decimals of its currency; empty where there is none.
func amount(s string) cell {
	if s == "" {
		return cell{}
	}
	_, part, _ := strings.Cut(s, ".")
	c := cell{number: s, style: coins2}
	switch len(part) {
	case 0:
		c.style = coins0
	case 3:
		c.style = coins3
	}
	return c
}

// at is the time on a clock.
func at(hhmm string) cell {
	t, err := time.Parse("15:04", hhmm)
	if err != nil {
		return cell{}
	}
	return cell{number: fraction(int64(t.Hour()*60+t.Minute()), 24*60) + "0", style: clock}
}

// sheet is a table; the first row is its head.
type sheet struct {
	name   string
	widths []int // of the columns, in characters
	rows   [][]cell
}

func head(titles ...string) []cell {
	cells := make([]cell, len(titles))
	for i, t := range titles {
		cells[i] = cell{text: t, style: heading}
	}
	return cells
}

// Write makes the workbook of a document: sheets Positions, Entries and Issues.
func Write(d *timesheet.Document) ([]byte, error) {
	sheets := []sheet{positions(d), entries(d), issues(d)}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	files := [][2]string{
		{"[Content_Types].xml", contentTypes(len(sheets))}, {"_rels/.rels", rels}, {"xl/workbook.xml", workbook(sheets)},
		{"xl/_rels/workbook.xml.rels", workbookRels(len(sheets))}, {"xl/styles.xml", styles()},
	}
	for i := range sheets {
		files = append(files, [2]string{fmt.Sprintf("xl/worksheets/sheet%d.xml", i+1), sheets[i].xml()})
	}
	for _, f := range files {
		w, err := z.CreateHeader(&zip.FileHeader{Name: f[0], Method: zip.Deflate})
		if err == nil {
			_, err = w.Write([]byte(f[1]))
		}
		if err != nil {
			return nil, fmt.Errorf("write the workbook: %w", err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("write the workbook: %w", err)
	}
	return out.Bytes(), nil
}

func positions(d *timesheet.Document) sheet {
	s := sheet{name: "Positions", widths: []int{28, 14, 10, 12, 10, 10, 14, 14, 14, 10}}
	s.rows = append(s.rows, head("Customer", "Billing type", "Kind", "Rate", "Time", "Billed", "Seconds", "Billed seconds", "Amount", "Currency"))
	seconds := int64(0)
	for i := range d.Sheet.Positions {
		p := &d.Sheet.Positions[i]
		s.rows = append(s.rows, []cell{
			text(p.Customer), text(string(p.BillingType)), text(string(p.Kind)), rate(p.Rate), lasting(p.Seconds), lasting(p.Billed), integer(p.Seconds),
			integer(p.Billed), amount(p.Amount), text(p.Currency),
		})
		seconds += p.Seconds
	}
	s.rows = append(s.rows, []cell{
		{text: "Total time", style: heading}, {}, {}, {}, lasting(seconds), lasting(d.Sheet.Billed), integer(seconds), integer(d.Sheet.Billed),
	})
	for _, t := range d.Sheet.Totals {
		s.rows = append(s.rows, []cell{{text: "Total", style: heading}, {}, {}, {}, {}, {}, {}, {}, amount(t.Amount), text(t.Currency)})
	}
	return s
}

func entries(d *timesheet.Document) sheet {
	s := sheet{name: "Entries", widths: []int{12, 8, 8, 24, 14, 10, 60, 10, 10, 10, 14, 12, 10, 24, 24, 40, 9, 40}}
	s.rows = append(s.rows, head("Date", "Start", "End", "Customer", "Billing type", "Kind", "Subject", "Time", "Billed", "Seconds", "Billed seconds",
		"Rate", "Currency", "Flags", "Supplements", "Key", "Version", "Hash"))
	for i := range d.Sheet.Lines {
		l := &d.Sheet.Lines[i]
		from, to := d.Clock(l)
		flags := make([]string, len(l.Flags))
		for n, f := range l.Flags {
			flags[n] = string(f)
		}
		s.rows = append(s.rows, []cell{
			day(l.Date), at(from), at(to), text(l.Customer), text(string(l.BillingType)), text(string(l.Kind)), text(l.Subject), lasting(l.Seconds),
			lasting(l.Billed), integer(l.Seconds), integer(l.Billed), rate(l.Rate), text(d.Sheet.CurrencyOf(l)), text(strings.Join(flags, " ")),
			text(l.Supplements), text(l.Key), integer(int64(l.Version)), text(l.Hash),
		})
	}
	return s
}

func issues(d *timesheet.Document) sheet {
	s := sheet{name: "Issues", widths: []int{18, 18, 50, 50}}
	s.rows = append(s.rows, head("Issue", "Reason", "Key", "Other key"))
	for _, o := range d.Sheet.LeftOut {
		s.rows = append(s.rows, []cell{text("left out"), text(string(o.Reason)), text(o.Key), {}})
	}
	for _, o := range d.Sheet.Overlaps {
		s.rows = append(s.rows, []cell{text("overlap"), {}, text(o[0]), text(o[1])})
	}
	for i := range d.Sheet.Lines {
		l := &d.Sheet.Lines[i]
		for _, f := range l.Flags {
			s.rows = append(s.rows, []cell{text("flag"), text(string(f)), text(l.Key), {}})
		}
	}
	for _, o := range d.Issues {
		zone := func(t time.Time) string { return t.In(d.Zone).Format("2006-01-02 15:04") }
		s.rows = append(s.rows, []cell{
			text(strings.ReplaceAll(string(o.Kind), "_", " ")), text(o.Date.String()), text(o.Key), text(zone(o.Start) + " – " + zone(o.End)),
		})
	}
	return s
}

const (
	declaration = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	office      = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
	main        = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	packages    = "http://schemas.openxmlformats.org/package/2006/"
	kinds       = "application/vnd.openxmlformats-officedocument.spreadsheetml."

	rels = declaration + `<Relationships xmlns="` + packages + `relationships"><Relationship Id="rId1" Type="` + office +
		`/officeDocument" Target="xl/workbook.xml"/></Relationships>`
)

// styles is styles.xml: one format a style.
func styles() string {
	var numbers, cells strings.Builder
	n := 0
	for i, f := range formats {
		id, font, apply := 0, 0, ""
		if f != "" {
			id, apply = 164+n, ` applyNumberFormat="1"` // those before are the format's own
			n++
			fmt.Fprintf(&numbers, `<numFmt numFmtId="%d" formatCode="%s"/>`, id, strings.ReplaceAll(f, `"`, "&quot;"))
		}
		if style(i) == heading {
			font, apply = 1, ` applyFont="1"`
		}
		fmt.Fprintf(&cells, `<xf numFmtId="%d" fontId="%d" fillId="0" borderId="0" xfId="0"%s/>`, id, font, apply)
	}
	return declaration + `<styleSheet xmlns="` + main + `"><numFmts count="` + strconv.Itoa(n) + `">` + numbers.String() + `</numFmts>` +
		`<fonts count="2"><font><sz val="11"/><name val="Calibri"/></font><font><b/><sz val="11"/><name val="Calibri"/></font></fonts>` +
		`<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>` +
		`<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>` +
		`<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs><cellXfs count="` + strconv.Itoa(len(formats)) + `">` +
		cells.String() + `</cellXfs><cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>`
}

func contentTypes(sheets int) string {
	var b strings.Builder
	b.WriteString(declaration + `<Types xmlns="` + packages + `content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.` +
		`relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="` + kinds +
		`sheet.main+xml"/><Override PartName="/xl/styles.xml" ContentType="` + kinds + `styles+xml"/>`)
	for i := range sheets {
		fmt.Fprintf(&b, `<Override PartName="/xl/worksheets/sheet%d.xml" ContentType="%sworksheet+xml"/>`, i+1, kinds)
	}
	return b.String() + `</Types>`
}

func workbook(sheets []sheet) string {
	var b strings.Builder
	b.WriteString(declaration + `<workbook xmlns="` + main + `" xmlns:r="` + office + `"><sheets>`)
	for i := range sheets {
		fmt.Fprintf(&b, `<sheet name="%s" sheetId="%d" r:id="rId%d"/>`, sheets[i].name, i+1, i+1)
	}
	return b.String() + `</sheets></workbook>`
}

func workbookRels(sheets int) string {
	var b strings.Builder
	b.WriteString(declaration + `<Relationships xmlns="` + packages + `relationships">`)
	for i := range sheets {
		fmt.Fprintf(&b, `<Relationship Id="rId%d" Type="%s/worksheet" Target="worksheets/sheet%d.xml"/>`, i+1, office, i+1)
	}
	fmt.Fprintf(&b, `<Relationship Id="rId%d" Type="%s/styles" Target="styles.xml"/>`, sheets+1, office)
	return b.String() + `</Relationships>`
}

// xml is the sheet's part. The head stays where it is when one scrolls.
func (s *sheet) xml() string {
	var b strings.Builder
	b.WriteString(declaration + `<worksheet xmlns="` + main + `"><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" ` +
		`activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><cols>`)
	for i, w := range s.widths {
		fmt.Fprintf(&b, `<col min="%d" max="%d" width="%d" customWidth="1"/>`, i+1, i+1, w)
	}
	b.WriteString(`</cols><sheetData>`)
	for r, row := range s.rows {
		fmt.Fprintf(&b, `<row r="%d">`, r+1)
		for c, cell := range row {
			cell.write(&b, columnName(c)+strconv.Itoa(r+1))
		}
		b.WriteString(`</row>`)
	}
	return b.String() + `</sheetData></worksheet>`
}

func (c cell) write(b *strings.Builder, ref string) {
	switch {
	case c.number != "":
		fmt.Fprintf(b, `<c r="%s" s="%d"><v>%s</v></c>`, ref, c.style, c.number)
	case c.text != "":
		fmt.Fprintf(b, `<c r="%s" s="%d" t="inlineStr"><is><t xml:space="preserve">`, ref, c.style)
		_ = xml.EscapeText(writer{b}, []byte(fitting(c.text))) // which replaces what XML cannot have
		b.WriteString(`</t></is></c>`)
	}
}

// escaped is how the format writes a letter that XML cannot have.
var escaped = regexp.MustCompile(`_x[0-9A-Fa-f]{4}_`)

// fitting is as much of a text as a cell takes. What looks like an escape of the format is kept as it is, by escaping its first letter.
func fitting(s string) string {
	s = escaped.ReplaceAllString(strings.ToValidUTF8(s, "\ufffd"), "_x005F$0")
	units := 0
	for i, r := range s {
		if units += utf16.RuneLen(r); units > longest {
			return s[:i]
		}
	}
	return s
}

type writer struct{ b *strings.Builder }

func (w writer) Write(p []byte) (int, error) { return w.b.Write(p) }

// columnName is A, B, and so on, up to Z, which is more than there are.
func columnName(n int) string { return string(rune('A' + n)) }
