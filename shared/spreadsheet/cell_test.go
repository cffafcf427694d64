package spreadsheet

import (
	"encoding/csv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCells(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Review": "Review", "=1+1": "'=1+1", "+49 30": "'+49 30", "-3": "'-3", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\r=1": "'\r'=1", "\n=1": "'\n'=1",
		"'Tis": "''Tis", "'": "''", "'=1": "''=1", "a=1": "a=1", "\x00=1": "'\x00=1",
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠A": "'＠A", ";": ";", "\xff=": "\xff=",
		// where semicolons separate lists, these are cells, and rows, of their own
		"a;=1+1": "a;'=1+1", "a;b=1": "a;b=1", "a\n=1": "a\n'=1", "a\r\n@x": "a\r\n'@x", "a\t-1": "a\t'-1", "a;'b": "a;''b", ";;=1": ";;'=1", "a;\x00=": "a;'\x00=",
		"\t=1": "'\t'=1", "a,=1": "a,=1", "a\n\nb": "a\n\nb", "a;＝1": "a;'＝1",
	} {
		if got := Cell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	for cell, want := range map[string]string{"'Tis": "'Tis", "a\n'Tis": "a\n'Tis", "a'=1": "a'=1", "a;'\n": "a;'\n", "';": "';", "'": "'", ";'": ";'"} {
		if got := Text(cell); got != want {
			t.Errorf("%q, which somebody else wrote, is read as %q, want %q", cell, got, want)
		}
	}
}

func TestTextOfACellIsWhatItWasMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune(marks+splits+"a")), 0, 6, -1)).Draw(t, "text")
		if got := Text(Cell(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}

// TestNoCellIsAFormulaWhereverItIsSplit reads rows as spreadsheets with other separators than the comma do.
func TestNoCellIsAFormulaWhereverItIsSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.SampledFrom([]rune(marks+splits+",\"a")), 0, 8, -1).Draw(t, "text")
		var file strings.Builder
		w := csv.NewWriter(&file)
		if err := w.Write([]string{"first", Cell(text), "last"}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		for _, separators := range []string{";\r\n", "\t\r\n"} {
			for cell := range strings.FieldsFuncSeq(file.String(), func(r rune) bool { return strings.ContainsRune(separators, r) }) {
				if cell = strings.Trim(cell, "\t\x00"); cell != "" && strings.ContainsRune("=+-@＝＋－＠", []rune(cell)[0]) {
					t.Errorf("%q has the cell %q", file.String(), cell)
				}
			}
		}
	})
}
