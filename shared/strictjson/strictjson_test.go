package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"adminassistant/shared/fault"
)

func TestMembersThatAreThereTwice(t *testing.T) {
	for _, tt := range []struct{ name, text, field string }{
		{"one name twice", `{"kind": "archive", "kind": "undo"}`, "kind"},
		{"two names that differ in case", `{"kind": "archive", "Kind": "undo"}`, "Kind"},
		{"one of them is escaped", `{"kind": 1, "\u006bind": 2}`, "kind"},
		{"letters that encoding/json takes for ASCII", "{\"kind\": 1, \"\u212aind\": 2}", "\u212aind"},
		{"the long s", `{"class": 1, "cla\u017fs": 2}`, "claſs"},
		{"letters beyond ASCII", `{"größe": 1, "GRÖßE": 2}`, "GRÖßE"},
		{"bytes that are no letters", "{\"a\xff\": 1, \"a\xfe\": 2}", "a\xfe"},
		{"half of a pair, and the letter for it", `{"\ud800": 1, "\ufffd": 2}`, "�"},
		{"a name with a quote", `{"a\"b": 1, "c": 2, "A\"B": 3}`, `A"B`},
		{"a name that ends in a backslash", `{"a\\": 1, "A\\": 3}`, `A\`},
		{"no name at all", `{"": 1, "": 2}`, ""},
		{"deep in arrays and objects", `{"a": [1, {"b": [[], {}, {"c": null, "d": {"x": 1}, "C": 0}]}]}`, "a[1].b[2].C"},
		{"in an array", `[{"a": 1}, {"a": 1, "a": 2}]`, "[1].a"},
		{"after an object of the same names", `{"a": {"b": 1}, "c": {"b": 1}, "b": {"b": 1}, "A": 1}`, "A"},
		{"in one of several values", "{\"a\": 1}\n{\"a\": 1, \"a\": 2}", "a"},
		{"among many", "{" + members(100) + `, "N7": 1}`, "N7"},
		{"among few and many", `{"N7": 1, ` + members(30) + "}", "n7"},
		{"in an object within one of many", "{" + members(50) + `, "in": {"a": 1, "a": 2}}`, "in.a"},
		{"behind an object within one of many", "{" + members(50) + `, "in": {` + members(60) + `}, "n49": 1}`, "n49"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(tt.text), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.text))} {
				_, err := io.ReadAll(NewReader(r))
				if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field || err == nil || !strings.Contains(err.Error(), "is there twice") {
					t.Errorf("%s: got %v in %q", name, err, fault.FieldOf(err))
				}
			}
		})
	}
}

func members(n int) string {
	var text []string
	for i := range n {
		text = append(text, fmt.Sprintf(`"n%d": %d`, i, i))
	}
	return strings.Join(text, ", ")
}

func TestWhatIsHandedOn(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"a part of a value", `{"a": `, `{"a": `},
		{"what is no JSON", `}]"{,:`, `}]"{,:`},
		{"the same names in objects of their own", `{"a": {"a": 1, "b": [{"a": 1}, {"a": 2}]}, "b": "a"}`, `{"a": {"a": 1, "b": [{"a": 1}, {"a": 2}]}, "b": "a"}`},
		{"texts that look like names", `{"a": "a", "b": ["a", "a", "b\"", "\\"], "c": "c"}`, `{"a": "a", "b": ["a", "a", "b\"", "\\"], "c": "c"}`},
		{"names that are alike", `{"ab": 1, "a": 2, "b": 3, "a b": 4, "aβ": 5, "abc": 6}`, `{"ab": 1, "a": 2, "b": 3, "a b": 4, "aβ": 5, "abc": 6}`},
		{"a byte order mark", "\ufeff{}", "{}"},
		{"one within", "{\"\ufeff\": 1}", "{\"\ufeff\": 1}"},
		{"integers in other words", `[229.0, 2.29e2, -1.50E+1, 1e0, 0.0, -0.0, 0e5, 10e-1, 1200e-2, 999999999999999.0]`,
			`[229, 229, -15, 1, 0, 0, 0, 1, 12, 999999999999999]`},
		{"numbers that are no integers", `[229.5, 1e-1, 12e-1, 0.1e0, 1e15, 1e400, 229.00000000000000000000001, 1.5e0]`,
			`[229.5, 1e-1, 12e-1, 0.1e0, 1e15, 1e400, 229.00000000000000000000001, 1.5e0]`},
		{"an integer as it is", `[229, 123456789012345678901234567890]`, `[229, 123456789012345678901234567890]`},
		{"a long number", "[1." + strings.Repeat("0", 62) + "5e3, 2.0]", "[1." + strings.Repeat("0", 62) + "5e3, 2]"},
		{"an integer with very many zeros", "[1." + strings.Repeat("0", 100) + ", 3.0]", "[1." + strings.Repeat("0", 100) + ", 3]"},
		{"what is no number", `[1.e1, 01.0, 1.0.0, +1.0]`, `[1.e1, 01.0, 1.0.0, +1.0]`},
		{"numbers in texts", `{"1.0": "2.0"}`, `{"1.0": "2.0"}`},
		{"a number alone", `7.0`, `7`},
		{"many members", "{" + members(1000) + "}", "{" + members(1000) + "}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, r := range map[string]io.Reader{"at once": strings.NewReader(tt.text), "byte by byte": iotest.OneByteReader(strings.NewReader(tt.text))} {
				if got, err := io.ReadAll(NewReader(r)); err != nil || string(got) != tt.want {
					t.Errorf("%s: got %q, %v", name, got, err)
				}
			}
		})
	}
	cut := errors.New("cut")
	got, err := io.ReadAll(NewReader(io.MultiReader(strings.NewReader(`{"abc": 1`), iotest.ErrReader(cut))))
	if !errors.Is(err, cut) || string(got) != `{"abc": 1` {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestTextThatTakesTooMuch(t *testing.T) {
	var wide strings.Builder
	for i := range maxMembers + 1 {
		fmt.Fprintf(&wide, `,"%x":1`, i)
	}
	for name, tt := range map[string]struct{ text, want string }{
		"too deep":         {strings.Repeat("[", maxDepth+1), "deep"},
		"too long a name":  {`{"a": {"` + strings.Repeat("n", maxName+1), "a has a member with a name of over"},
		"too many members": {`{"a": {` + wide.String()[1:] + "}}", "a has over 1000000 fields"},
		"UTF-16":           {"{\x00\"\x00", "save it as UTF-8"},
	} {
		if _, err := io.ReadAll(NewReader(strings.NewReader(tt.text))); fault.Of(err) != fault.Invalid || !strings.Contains(fmt.Sprint(err), tt.want) {
			t.Errorf("%s: got %.200v", name, err)
		}
	}
	if _, err := io.ReadAll(NewReader(strings.NewReader(strings.Repeat("[", maxDepth)))); err != nil {
		t.Errorf("as deep as may be: %v", err)
	}
}

// twice says whether a JSON text has an object with one name twice, as far as encoding/json tells names apart.
func twice(t *testing.T, text []byte) bool {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	found := false
	var value func()
	value = func() {
		token, err := d.Token()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for d.More() && (token == json.Delim('{') || token == json.Delim('[')) {
			if token == json.Delim('{') {
				name, err := d.Token()
				if err != nil {
					t.Fatal(err)
				}
				for _, other := range names {
					found = found || strings.EqualFold(other, name.(string))
				}
				names = append(names, name.(string))
			}
			value()
		}
		if token == json.Delim('{') || token == json.Delim('[') {
			if _, err := d.Token(); err != nil {
				t.Fatal(err)
			}
		}
	}
	value()
	return found
}

// FuzzReader compares with encoding/json, whatever the parts in which the text comes.
func FuzzReader(f *testing.F) {
	for _, text := range []string{
		`{"kind": "archive", "Kind": "undo"}`, `[229.0, 2.29e2, 1e400, -0.0]`, `{"a": [1, {"b": [[], {}, {"c": null, "C": 0}]}]}`, "\ufeff{}",
		`{"\u006bind": 1, "kind": 2}`, "{" + members(30) + "}", `"\\\""`, "{\x00", "{\"a\xff\": 1, \"a\xfe\": 2}",
	} {
		f.Add([]byte(text), uint8(3))
	}
	f.Fuzz(func(t *testing.T, text []byte, size uint8) {
		got, err := io.ReadAll(NewReader(bytes.NewReader(text)))
		again, err2 := io.ReadAll(NewReader(parts{bytes.NewReader(text), int(size)%7 + 1}))
		if string(again) != string(got) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%q gives %q, %v at once and %q, %v in parts", text, got, err, again, err2)
		}
		clean, err2 := Clean(text)
		if err == nil && string(clean) != string(got) || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("%q gives %q, %v as a stream and %q, %v as text", text, got, err, clean, err2)
		}
		plain := bytes.TrimPrefix(text, []byte("\ufeff"))
		if !json.Valid(plain) {
			return
		}
		if wrong := twice(t, plain); wrong != (err != nil) {
			t.Fatalf("%q: got %v, and one name twice is %t", text, err, wrong)
		}
		if err != nil {
			return
		}
		var before, after any
		e1, e2 := json.Unmarshal(plain, &before), json.Unmarshal(got, &after)
		if (e1 == nil) != (e2 == nil) || e1 == nil && !reflect.DeepEqual(before, after) {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// parts reads a few bytes at once.
type parts struct {
	io.Reader
	size int
}

func (p parts) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.size)]) }

func BenchmarkReader(b *testing.B) {
	event := `{"id": "AAMk1", "subject": "Acme \"review\"", "start": {"dateTime": "2026-10-05T09:00:00", "timeZone": "UTC"}, "n": 15},`
	text := []byte("[" + strings.Repeat(event, 10_000) + "1]")
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := io.Copy(io.Discard, NewReader(bytes.NewReader(text))); err != nil {
			b.Fatal(err)
		}
	}
}
