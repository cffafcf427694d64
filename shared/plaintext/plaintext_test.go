package plaintext

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
	"unicode/utf16"

	"adminassistant/shared/fault"
)

func TestReader(t *testing.T) {
	cut := errors.New("cut")
	for _, tt := range []struct {
		name, text, want string
		err              error
	}{
		{"nothing", "", "", nil},
		{"one byte", "{", "{", nil},
		{"a text", "BEGIN", "BEGIN", nil},
		{"a mark", "\ufeff{}", "{}", nil},
		{"a mark alone", "\ufeff", "", nil},
		{"half a mark", "\xef\xbb", "\xef\xbb", nil},
		{"two marks", "\ufeff\ufeff", "\ufeff", nil},
		{"zero bytes", "\x00\x00", "\x00\x00", nil},
		{"a zero byte in the text", "ab\x00", "ab\x00", nil},
		{"UTF-16, little", "\xff\xfe{\x00", "", ErrWide},
		{"UTF-16, big", "\xfe\xff\x00{", "", ErrWide},
		{"UTF-16 without a mark, little", "{\x00}\x00", "", ErrWide},
		{"UTF-16 without a mark, big", "\x00{\x00}", "", ErrWide},
		{"UTF-32, little", "\xff\xfe\x00\x00{\x00\x00\x00", "", ErrWide},
		{"UTF-32, big", "\x00\x00\xfe\xff\x00\x00\x00{", "", ErrWide},
		{"UTF-32 without a mark, big", "\x00\x00\x00{", "", ErrWide},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, r := range []io.Reader{bytes.NewReader([]byte(tt.text)), iotest.OneByteReader(bytes.NewReader([]byte(tt.text)))} {
				if got, err := io.ReadAll(NewReader(r)); string(got) != tt.want || !errors.Is(err, tt.err) {
					t.Errorf("got %q, %v", got, err)
				}
			}
		})
	}
	if _, err := io.ReadAll(NewReader(iotest.ErrReader(cut))); !errors.Is(err, cut) {
		t.Errorf("got %v", err)
	}
	got, err := io.ReadAll(NewReader(io.MultiReader(bytes.NewReader([]byte("abcdef")), iotest.ErrReader(cut))))
	if !errors.Is(err, cut) || string(got) != "abcdef" {
		t.Errorf("got %q, %v", got, err)
	}
	if fault.Of(ErrWide) != fault.Invalid {
		t.Error("what is in another encoding is not invalid")
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\ufeff{}"))
	f.Add([]byte("BEGIN"))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := io.ReadAll(NewReader(bytes.NewReader(text)))
		switch want := bytes.TrimPrefix(text, []byte(Mark)); {
		case err == nil && !bytes.Equal(got, want):
			t.Fatalf("%q became %q", text, got)
		case err != nil && (!errors.Is(err, ErrWide) || len(got) > 0):
			t.Fatalf("%q gives %q, %v", text, got, err)
		case err != nil && bytes.IndexByte(text, 0) < 0 && text[0] < 0xFE:
			t.Fatalf("%q is refused, and has neither a mark nor a zero byte", text)
		}
		var wide []byte
		for _, unit := range utf16.Encode([]rune("{" + string(text))) {
			wide = append(wide, byte(unit), byte(unit>>8))
		}
		if _, err := io.ReadAll(NewReader(bytes.NewReader(wide))); !errors.Is(err, ErrWide) {
			t.Fatalf("UTF-16 %q: got %v", wide, err)
		}
	})
}
