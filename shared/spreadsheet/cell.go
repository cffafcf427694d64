// Package spreadsheet knows what a spreadsheet takes a cell of a CSV file for.
package spreadsheet

import (
	"strings"
	"unicode/utf8"
)

const (
	// marks are the letters at the beginning of a cell that make a formula of it, some of them in East Asian versions only, or that Cell and Text need
	// themselves. A zero byte is passed over.
	marks = "=+-@＝＋－＠\x00'"
	// splits are the letters behind which a cell may begin: where a semicolon separates lists, as in German, a spreadsheet splits a file with commas there
	// and at each line end, since it takes no heed of quotation marks within a cell. At the beginning of a cell they are passed over, but for the semicolon.
	splits = ";\t\r\n"
)

// Cell returns text as a cell may have it: before what a spreadsheet would take for a formula (= + - @ at the beginning of the text, or right behind a
// semicolon, a tab or a line end), and before an apostrophe there, is one more apostrophe. So it is before a tab, a line end or a zero byte at the beginning.
func Cell(text string) string {
	var out strings.Builder
	for i, begins := 0, true; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if begins && special(r, i == 0) {
			out.WriteByte('\'')
		}
		out.WriteString(text[i : i+size])
		begins = strings.ContainsRune(splits, r)
		i += size
	}
	return out.String()
}

// Text returns the text that Cell made the cell of. Of a cell that somebody else wrote, an apostrophe that protects nothing stays.
func Text(cell string) string {
	var out strings.Builder
	for i, begins := 0, true; i < len(cell); {
		r, size := utf8.DecodeRuneInString(cell[i:])
		if next, more := utf8.DecodeRuneInString(cell[i+size:]); begins && r == '\'' && special(next, i == 0) {
			i, r, size = i+size, next, more
		}
		out.WriteString(cell[i : i+size])
		begins = strings.ContainsRune(splits, r)
		i += size
	}
	return out.String()
}

// special says whether a letter with which a cell begins needs an apostrophe. First says that it is the first of the text.
func special(r rune, first bool) bool {
	return strings.ContainsRune(marks, r) || first && r != ';' && strings.ContainsRune(splits, r)
}
