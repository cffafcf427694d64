package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/jedib0t/go-pretty/v6/table"
)

func TestPrintable(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"ordinary text stays", "Zürich – Café, 日本, עברית, 👍 \\u", "Zürich – Café, 日本, עברית, 👍 \\u"},
		{"line breaks and tabs are spaces", "a\nb\r\nc\td", "a b  c d"},
		{"an escape sequence", "\x1b[2J\x1b]0;x\a", `\u001b[2J\u001b]0;x\u0007`},
		{"NUL, backspace and DEL", "a\x00\b\x7f", `a\u0000\u0008\u007f`},
		{"C1 controls", "\u0080\u0085\u009b31m\u009f", `\u0080\u0085\u009b31m\u009f`},
		{"embeddings and overrides", "\u202a\u202b\u202c\u202d\u202e", `\u202a\u202b\u202c\u202d\u202e`},
		{"isolates", "\u2066\u2067\u2068\u2069", `\u2066\u2067\u2068\u2069`},
		{"marks of direction", "\u200e\u200f\u061c", `\u200e\u200f\u061c`},
		{"separators of lines and paragraphs", "a\u2028b\u2029", `a\u2028b\u2029`},
		{"letters without width", "a\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e", `a\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e`},
		{"letters that show nothing", "\u3164\u115f\u1160\uffa0\u034f\u2063", `\u3164\u115f\u1160\uffa0\u034f\u2063`},
		{"tags", "\U000e0041", `\U000e0041`},
		{"bytes that are no text", "a\x9b\xff", "a\ufffd\ufffd"},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := printable(c.text); got != c.want {
				t.Errorf("%q is shown as %q, want %q", c.text, got, c.want)
			}
		})
	}
}

func TestTablesWriteOutWhatHidesAndJSONDoesNot(t *testing.T) {
	var out bytes.Buffer
	p := &program{out: &out}
	const subject = "invoice\u202efdp.exe\x1b[8m"
	p.printTable(table.Row{"Subject"}, []table.Row{{subject}})
	if got := out.String(); !strings.Contains(got, `invoice\u202efdp.exe\u001b[8m`) || strings.ContainsAny(got, "\u202e\x1b") {
		t.Errorf("%q", got)
	}
	out.Reset()
	var read struct{ Items []string }
	if err := p.printJSON([]string{subject}); err != nil || json.Unmarshal(out.Bytes(), &read) != nil || read.Items[0] != subject {
		t.Errorf("%q, %v", out.String(), err)
	}
}
