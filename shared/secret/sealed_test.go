package secret

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestContextsHaveBytesOfTheirOwn(t *testing.T) {
	part := rapid.StringMatching(`[ab\x00]{1,4}`)
	context := rapid.Custom(func(r *rapid.T) Context { return Context{part.Draw(r, "purpose"), part.Draw(r, "user")} })
	rapid.Check(t, func(r *rapid.T) {
		a, b := context.Draw(r, "a"), context.Draw(r, "b")
		if bytes.Equal(a.Bytes(), b.Bytes()) != (a == b) {
			r.Fatalf("%q and %q", a, b)
		}
	})
}

func TestSealedForm(t *testing.T) {
	box := strings.Repeat("b", overhead)
	for _, c := range []struct {
		name, sealed string
		ok           bool
	}{
		{"the smallest", "AAS\x01\x01k\x00\x01w" + box, true},
		{"the largest", "AAS\x01\x20" + strings.Repeat("k", 32) + "\x18\x00" + strings.Repeat("w", maxWrapped) + box + strings.Repeat("b", MaxPlain), true},
		{"a secret that is too long", "AAS\x01\x01k\x00\x01w" + box + strings.Repeat("b", MaxPlain+1), false},
		{"a key that is too long", "AAS\x01\x01k\x18\x01" + strings.Repeat("w", maxWrapped+1) + box, false},
		{"no key", "AAS\x01\x01k\x00\x00" + box, false},
		{"no name", "AAS\x01\x00\x00\x01w" + box, false},
		{"a name that is too long", "AAS\x01\x21" + strings.Repeat("k", 33) + "\x00\x01w" + box, false},
		{"a name of other letters", "AAS\x01\x02k\n\x00\x01w" + box, false},
		{"no room for a tag", "AAS\x01\x01k\x00\x01w" + box[1:], false},
		{"another version", "AAS\x02\x01k\x00\x01w" + box, false},
		{"something else", "AES\x01\x01k\x00\x01w" + box, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := split([]byte(c.sealed))
			if c.ok != (err == nil) || err != nil && !errors.Is(err, ErrUnreadable) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func FuzzSealed(f *testing.F) {
	f.Add([]byte("AAS\x01\x03kms\x00\x04key." + strings.Repeat("b", 40)))
	f.Add([]byte("AAS\x01\xff"))
	f.Add([]byte("AAS\x01\x01k\xff\xff" + strings.Repeat("b", 40)))
	f.Fuzz(func(t *testing.T, sealed []byte) {
		p, err := split(sealed)
		if err != nil {
			if !errors.Is(err, ErrUnreadable) {
				t.Errorf("error %v, want unreadable", err)
			}
			return
		}
		if !bytes.Equal(header(p.wrapper, p.wrapped), p.header) || !bytes.Equal(append(p.header[:len(p.header):len(p.header)], p.box...), sealed) {
			t.Error("the value can be written in another way")
		}
	})
}
