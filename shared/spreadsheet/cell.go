// Package spreadsheet knows what a spreadsheet takes a cell of a CSV file for.
package spreadsheet

import "strings"

// special are the letters at the beginning of a cell that make a formula of it, or that Cell and Text need themselves.
const special = "=+-@\t\r\n'"

// Cell returns text as a cell may have it: what a spreadsheet would take for a formula (it begins with = + - @, a tab or a line end), or
// what begins with an apostrophe, has one more apostrophe before it.
func Cell(text string) string {
	if text != "" && strings.Contains(special, text[:1]) {
		return "'" + text
	}
	return text
}

// Text returns the text that Cell made the cell of. Of a cell that somebody else wrote, an apostrophe that protects nothing stays.
func Text(cell string) string {
	if len(cell) > 1 && cell[0] == '\'' && strings.Contains(special, cell[1:2]) {
		return cell[1:]
	}
	return cell
}
