package ledger

import (
	"strings"
	"testing"
)

const (
	hash32 = "0123456789abcdef0123456789abcdef" // as a mark has it
	rest32 = "fedcba9876543210fedcba9876543210"
)

func TestMarksAreReadAsTheyWereWritten(t *testing.T) {
	long := strings.Repeat("k", 257)
	for _, key := range []string{
		"uid@2026-10-05T09:00:00Z", "k", "/", "a/b", "a/1", "a/1/" + hash32, "a/1/" + hash32 + "/single", "/1", "1/", "single", "a/single", "a b", "é", "#",
		"a#000001", "7", "a/007", strings.Repeat("k", 256), long, long + "/1", "a\nb", "a\x00", part(long), "sha256:", hash32,
	} {
		for _, version := range []int{1, 9, 10, 999_999_999} {
			for _, hash := range []string{"sha256:" + hash32 + rest32, "sha256:x-1", ""} {
				for _, single := range []bool{false, true} {
					e := &Entry{Config: "01J8XYZ", Key: key, Version: version, SourceHash: hash, Single: single}
					want := Mark{Config: "01J8XYZ", Key: KeyInMark(key), Version: version, Hash: HashInMark(hash), Single: single}
					if want.Hash == "" {
						want.Single = false
					}
					m, ok := ParseMark(e.Mark())
					if !ok || m != want || m.String() != e.Mark() {
						t.Errorf("%q is read as %+v, %t, want %+v", e.Mark(), m, ok, want)
					}
				}
			}
		}
	}
}

func TestWhatIsNoMark(t *testing.T) {
	for _, s := range []string{
		"", "/", "//1", "a", "a/b", "a/1", "/key/1", "a/key/", "a/key/0", "a/key/01", "a/key/-1", "a/key/1234567890", "a/key/1x", " ", "another config's",
		"a/key/x/" + hash32, "a//1", "a/key/1/single", "a/key/1/" + hash32[1:], "a/key/1/" + strings.ToUpper(hash32), "a/key/1/" + hash32 + "/double",
		"a/key/1/" + hash32 + "/",
	} {
		if m, ok := ParseMark(s); ok || m != (Mark{}) {
			t.Errorf("%q is read as %+v, %t", s, m, ok)
		}
	}
}

func TestAKeyThatEndsLikeAMark(t *testing.T) {
	for s, want := range map[string]Mark{
		"c/key/1/2":                             {Config: "c", Key: "key/1", Version: 2},
		"c/key/1/2/" + hash32:                   {Config: "c", Key: "key/1", Version: 2, Hash: hash32},
		"c/key/1/" + hash32 + "/2":              {Config: "c", Key: "key/1/" + hash32, Version: 2},
		"c/key/1/" + hash32 + "/2/" + hash32:    {Config: "c", Key: "key/1/" + hash32, Version: 2, Hash: hash32},
		"c/key/1/" + hash32:                     {Config: "c", Key: "key", Version: 1, Hash: hash32},
		"c/key/1/" + hash32 + "/single":         {Config: "c", Key: "key", Version: 1, Hash: hash32, Single: true},
		"c/key/1/" + hash32 + "/single/3":       {Config: "c", Key: "key/1/" + hash32 + "/single", Version: 3},
		"c/ /9":                                 {Config: "c", Key: " ", Version: 9},
		"c///9":                                 {Config: "c", Key: "/", Version: 9},
		"c/two\nlines/9":                        {Config: "c", Key: "two\nlines", Version: 9},
		"c/sha256:" + hash32 + hash32 + "/1":    {Config: "c", Key: "sha256:" + hash32 + hash32, Version: 1},
		"c/key@2026-10-05T09:00:00Z/123456789/": {},
	} {
		if m, ok := ParseMark(s); m != want || ok != (want != Mark{}) {
			t.Errorf("%q is read as %+v, %t, want %+v", s, m, ok, want)
		}
	}
}

func TestHashInMark(t *testing.T) {
	for hash, want := range map[string]string{
		"sha256:" + hash32 + rest32: hash32, hash32 + rest32: hash32, "": "", "sha256:": "", "sha256:" + hash32: "", "sha256:" + hash32 + hash32 + "00": "",
		"sha256:" + strings.Repeat("g", 64): "", "md5:" + hash32 + hash32: "",
	} {
		if got := HashInMark(hash); got != want {
			t.Errorf("%q is %q, want %q", hash, got, want)
		}
	}
}

func FuzzParseMark(f *testing.F) {
	for _, s := range []string{
		"", "c/key/1", "c/key/1/" + hash32, "c/key/1/" + hash32 + "/single", "c/a/b/1/2/3", "c///1", "c/\n/1", "\xff/\xff/1", "c/key/999999999",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, ok := ParseMark(s)
		if !ok {
			if m != (Mark{}) {
				t.Errorf("%q is no mark, and is read as %+v", s, m)
			}
			return
		}
		if m.String() != s || m.Config == "" || m.Key == "" || m.Version < 1 || strings.Contains(m.Config, "/") || m.Single && m.Hash == "" {
			t.Errorf("%q is read as %+v, which is %q", s, m, m)
		}
		if again, ok := ParseMark(m.String()); !ok || again != m {
			t.Errorf("%q is read as %+v, and then as %+v", s, m, again)
		}
	})
}
