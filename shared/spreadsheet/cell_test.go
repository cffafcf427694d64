package spreadsheet

import (
	"testing"

	"pgregory.net/rapid"
)

func TestCells(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Review": "Review", "=1+1": "'=1+1", "+49 30": "'+49 30", "-3": "'-3", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\r=1": "'\r=1", "\n=1": "'\n=1",
		"'Tis": "''Tis", "'": "''", "'=1": "''=1", "a=1": "a=1",
	} {
		if got := Cell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := Text("'Tis"); got != "'Tis" {
		t.Errorf("an apostrophe that somebody else wrote: %q", got)
	}
}

func TestTextOfACellIsWhatItWasMadeOf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOfN(rapid.SampledFrom([]rune(special+"a")), 0, 5, -1)).Draw(t, "text")
		if got := Text(Cell(text)); got != text {
			t.Errorf("%q comes back as %q", text, got)
		}
	})
}
