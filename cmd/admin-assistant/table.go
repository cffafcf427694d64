package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// column heads a column of a table that may be left out where the terminal is too narrow for all: the highest number goes first.
type column struct {
	name string
	goes int
}

// less heads a column that a narrow terminal does without; least one that it does without before those.
func less(name string) column  { return column{name, 1} }
func least(name string) column { return column{name, 2} }

// identity is a cell with an id. On a terminal it is shortened to what tells the ids of the column apart, which commands take as well.
type identity string

// shortest is how many letters of an id are shown at least: those that a ULID has of its time.
const shortest = 10

// status is a cell with the state of a thing, which has a colour.
type status string

// colours of states: good, in between, bad.
var colours = map[string]text.Color{
	"succeeded": text.FgGreen, "active": text.FgGreen, "archived": text.FgGreen, "resolved": text.FgGreen, "locked": text.FgGreen, "ok": text.FgGreen,
	"partial": text.FgYellow, "queued": text.FgYellow, "running": text.FgYellow, "paused": text.FgYellow, "open": text.FgYellow, "conflicted": text.FgYellow,
	"drifted": text.FgYellow, "draft": text.FgYellow, "unread": text.FgYellow,
	"failed": text.FgRed, "cancelled": text.FgRed, "refused": text.FgRed,
}

// coloured says whether the output is for somebody who sees colours: https://no-color.org.
func (p *program) coloured() bool {
	return isTerminal(p.out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// width is how many columns the terminal has; 0: the output goes elsewhere, or is to be as wide as it is.
func (p *program) width() int {
	f := fileOf(p.out)
	if p.wide || !isTerminal(p.out) {
		return 0
	}
	if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
		return columns
	}
	return 80
}

const (
	between = 2 // spaces between columns
	// narrowest is how narrow a column of text may become before columns go that may.
	narrowest = 20
	// tightest is how narrow it may become when none may go any more.
	tightest = 6
)

// printTable prints rows for people. On a terminal it fits: columns that may go do, and texts are wrapped. What a calendar says may hold anything; control
// characters do not reach the terminal.
func (p *program) printTable(header table.Row, rows []table.Row) {
	if len(rows) == 0 {
		fmt.Fprintln(p.out, "Nothing to show.")
		return
	}
	heads, cells := p.cellsOf(header, rows)
	room := p.width()
	shown, widths := fit(heads, cells, room)
	t := table.NewWriter()
	t.SetOutputMirror(p.out)
	style := table.StyleDefault
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = 0
	style.Box.PaddingLeft, style.Box.PaddingRight = "", strings.Repeat(" ", between)
	t.SetStyle(style)
	t.SuppressTrailingSpaces()
	var head table.Row
	var configs []table.ColumnConfig
	var gone []string
	for i, h := range heads {
		if !slices.Contains(shown, i) {
			gone = append(gone, h.name)
			continue
		}
		name := h.name
		if p.coloured() {
			name = text.Bold.Sprint(name)
		}
		head = append(head, name)
		c := table.ColumnConfig{Number: len(head)}
		if room > 0 {
			c.WidthMax, c.WidthMaxEnforcer = widths[i], wrapCell
		}
		if numbers(cells, i) {
			c.Align, c.AlignHeader = text.AlignRight, text.AlignRight
		}
		configs = append(configs, c)
	}
	t.SetColumnConfigs(configs)
	if strings.TrimSpace(strings.Join(names(heads), "")) != "" {
		t.AppendHeader(head)
	}
	for r, row := range cells {
		var line table.Row
		for _, i := range shown {
			cell := row[i]
			if colour, ok := colours[cell]; ok && p.coloured() && isStatus(rows[r], i) {
				cell = colour.Sprint(cell)
			}
			line = append(line, cell)
		}
		t.AppendRow(line)
	}
	t.Render()
	if p.haveTimes(cells, shown) {
		fmt.Fprintf(p.out, "times in %s\n", p.zone())
	}
	if gone = slices.DeleteFunc(gone, func(name string) bool { return name == "" }); len(gone) > 0 {
		note := fmt.Sprintf("Left out for want of room: %s. --wide shows all.", strings.ToLower(strings.Join(gone, ", ")))
		fmt.Fprintln(p.err, text.WrapSoft(note, room))
	}
}

// haveTimes says whether columns have times of this machine's zone.
func (p *program) haveTimes(cells [][]string, columns []int) bool {
	times := p.times[:min(len(p.times), 10)] // enough to know a column by
	p.times = nil
	for _, row := range cells {
		for _, i := range columns {
			if slices.ContainsFunc(times, func(t string) bool { return strings.Contains(row[i], t) }) {
				return true
			}
		}
	}
	return false
}

func isStatus(row table.Row, i int) bool {
	if i >= len(row) {
		return false
	}
	_, ok := row[i].(status)
	return ok
}

func names(heads []column) (all []string) {
	for _, h := range heads {
		all = append(all, h.name)
	}
	return all
}

// cellsOf are the texts of a table. Every row has as many as the header.
func (p *program) cellsOf(header table.Row, rows []table.Row) (heads []column, cells [][]string) {
	for _, h := range header {
		head, ok := h.(column)
		if !ok {
			head = column{name: fmt.Sprint(h)}
		}
		head.name = printable(head.name)
		heads = append(heads, head)
	}
	short := map[string]string{}
	if p.width() > 0 {
		short = shortIDs(rows)
	}
	for _, row := range rows {
		line := make([]string, len(heads))
		for i, cell := range row[:min(len(row), len(heads))] {
			line[i] = printable(fmt.Sprint(cell))
			if id, ok := cell.(identity); ok {
				line[i] = cmp.Or(short[string(id)], line[i])
			}
		}
		cells = append(cells, line)
	}
	return heads, cells
}

// shortIDs gives ids of a table as short as they are told apart.
func shortIDs(rows []table.Row) map[string]string {
	var ids []string
	for _, row := range rows {
		for _, cell := range row {
			if id, ok := cell.(identity); ok {
				ids = append(ids, string(id))
			}
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	short := map[string]string{}
	for i, id := range ids {
		length := shortest
		for _, j := range []int{i - 1, i + 1} {
			if j >= 0 && j < len(ids) {
				length = max(length, common(id, ids[j])+1)
			}
		}
		if length < len(id) {
			short[id] = printable(id[:length])
		}
	}
	return short
}

// common is how many bytes two texts begin with alike.
func common(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// numbers says whether all cells of a column are numbers or empty, and one is a number.
func numbers(cells [][]string, i int) bool {
	some := false
	for _, row := range cells {
		if row[i] == "" {
			continue
		}
		if strings.Trim(row[i], "0123456789.:") != "" {
			return false
		}
		some = true
	}
	return some
}

// wide is how many columns of a terminal a text takes.
func wide(s string) int { return text.StringWidthWithoutEscSequences(s) }

// wrapCell wraps a text to a width, between words where that is possible.
func wrapCell(s string, width int) string {
	if width <= 0 || wide(s) <= width {
		return s
	}
	return text.WrapSoft(s, width)
}

// fit chooses the columns that are shown in so much room, and how wide each may be; 0: in any room.
func fit(heads []column, cells [][]string, room int) (shown, widths []int) {
	widths = make([]int, len(heads))
	least := make([]int, len(heads)) // that do without breaking words that are not long
	for i, h := range heads {
		widths[i], least[i] = wide(h.name), wide(h.name)
		empty := true
		for _, row := range cells {
			empty = empty && row[i] == ""
			widths[i] = max(widths[i], wide(row[i]))
			longest := 0
			for word := range strings.FieldsSeq(row[i]) {
				longest = max(longest, wide(word))
			}
			if strings.Contains(row[i], " ") {
				longest = max(longest, min(wide(row[i]), narrowest))
			}
			least[i] = max(least[i], longest)
		}
		if !(empty && h.name == "" && len(cells) > 0) {
			shown = append(shown, i)
		}
	}
	if room <= 0 {
		return shown, widths
	}
	taken := func(of []int) int {
		sum := between * (len(shown) - 1)
		for _, i := range shown {
			sum += of[i]
		}
		return sum
	}
	for taken(least) > room {
		last := -1
		for at, i := range shown {
			if heads[i].goes > 0 && (last < 0 || heads[i].goes >= heads[shown[last]].goes) {
				last = at
			}
		}
		if last < 0 {
			break
		}
		shown = slices.Delete(shown, last, last+1)
	}
	// The widest column gives way first; none below what it needs, unless all are there already.
	for _, floor := range [][]int{least, slices.Repeat([]int{tightest}, len(heads))} {
		for taken(widths) > room {
			at := -1
			for _, i := range shown {
				if widths[i] > floor[i] && (at < 0 || widths[i] > widths[at]) {
					at = i
				}
			}
			if at < 0 {
				break
			}
			widths[at]--
		}
	}
	return shown, widths
}

// fitted wraps a text to the terminal, paragraph by paragraph; what is indented stays as it is.
func (p *program) fitted(long string) string { return fitted(p.width(), long) }

// fitted wraps a text to so many columns, paragraph by paragraph; 0 leaves the lines as they are.
func fitted(room int, long string) string {
	long = strings.TrimSpace(long)
	if room <= 0 {
		return long
	}
	var out []string
	for line := range strings.SplitSeq(long, "\n") {
		if goes := len(out) > 0 && line != "" && out[len(out)-1] != "" && line[0] != ' ' && out[len(out)-1][0] != ' '; goes {
			out[len(out)-1] += " " + line
			continue
		}
		out = append(out, line)
	}
	for i, line := range out {
		if line != "" && line[0] != ' ' {
			out[i] = text.WrapSoft(line, room)
		}
	}
	return strings.Join(out, "\n")
}

// hanging wraps what stands behind a name of so many columns.
func hanging(columns int, short string, padding int) string {
	const margin = 3 // two before the name, one behind it
	room := columns - padding - margin
	if room < narrowest {
		return short
	}
	lines := strings.Split(text.WrapSoft(short, room), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return strings.Join(lines, "\n"+strings.Repeat(" ", padding+margin))
}

// fittedUsage has flags wrapped to so many columns, and says of what only has commands below it that one of them is to be named.
func fittedUsage(template string, room int) string {
	template = strings.Replace(template, "{{if .Runnable}}", `{{if and .Runnable (not (index .Annotations "commands"))}}`, 1)
	template = strings.Replace(template, "{{.CommandPath}} [command]{{end}}", "{{.CommandPath}} COMMAND{{end}}", 1)
	template = strings.ReplaceAll(template, "[command] --help", "COMMAND --help")
	if room <= 0 {
		return template
	}
	template = strings.ReplaceAll(template, "{{rpad .Name .NamePadding }} {{.Short}}",
		fmt.Sprintf("{{rpad .Name .NamePadding }} {{hanging %d .Short .NamePadding}}", room))
	template = strings.ReplaceAll(template, `Use "{{.CommandPath}} COMMAND --help" for more information about a command.`,
		fmt.Sprintf(`{{fitted %d (printf "Use \"%%s COMMAND --help\" for more information about a command." .CommandPath)}}`, room))
	return strings.ReplaceAll(template, ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", room))
}
