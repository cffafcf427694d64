package calendar

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
)

func TestParseURI(t *testing.T) {
	for _, c := range []struct{ name, text, account, calendar string }{
		{"plain", "msgraph://me@example.com/calendars/primary", "me@example.com", "primary"},
		{"the provider in any case", "MSGraph://me@example.com/calendars/primary", "me@example.com", "primary"},
		{"space around it", "  msgraph://me/calendars/Work \n", "me", "Work"},
		{"spaces as they are", "msgraph://me/calendars/Activity Archive", "me", "Activity Archive"},
		{"spaces encoded", "msgraph://me/calendars/Activity%20Archive", "me", "Activity Archive"},
		{"a plus is a plus", "msgraph://me/calendars/A+B", "me", "A+B"},
		{"quoted", `msgraph://me/calendars/"Activity Archive"`, "me", "Activity Archive"},
		{"quoted is read as it stands", `msgraph://me/calendars/"50%20 / "half""`, "me", `50%20 / "half"`},
		{"slash and percent encoded", "msgraph://me/calendars/a%2Fb%25", "me", "a/b%"},
		{"an account with a slash", "msgraph://a%2Fb/calendars/x", "a/b", "x"},
		{"letters of any language", "msgraph://jürgen/calendars/Büro 会議", "jürgen", "Büro 会議"},
		{"a question mark, a hash and an at sign", "msgraph://me/calendars/what?#@", "me", "what?#@"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u, err := ParseURI(c.text)
			if want := (URI{ProviderGraph, c.account, c.calendar}); err != nil || u != want {
				t.Fatalf("got %#v, %v; want %#v", u, err, want)
			}
		})
	}
}

func TestParseURINamesThePartThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "provider is missing",
		"me@example.com":                "provider is missing",
		"google://me/calendars/x":       "neither msgraph nor local",
		"local:///calendars/x":          "account is missing",
		"local://%20/calendars/x":       "account is missing",
		"local://50%/calendars/x":       "account has a %",
		"local://me":                    "followed by /calendars/",
		"local://me/x":                  "followed by /calendars/",
		"local://me/events/x":           "followed by /calendars/",
		"local://me/calendars":          "followed by /calendars/",
		"local://me/calendars/":         "name is missing",
		`local://me/calendars/" "`:      "name is missing",
		`local://me/calendars/"x`:       "no closing quote",
		`local://me/calendars/"`:        "no closing quote",
		"local://me/calendars/a/b":      "has a slash",
		"local://me/calendars/50% done": "name has a %",
		"local://me/calendars/%ff":      "name is not UTF-8",
		"local://me/calendars/a%00b":    "name has control characters",
		"local://m\x01e/calendars/b":    "account has control characters",
		"local://m%FFe/calendars/b":     "account is not UTF-8",
	} {
		_, err := ParseURI(text)
		if err == nil || fault.Of(err) != fault.Invalid || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "msgraph://<account>/calendars/<name-or-id>") {
			t.Errorf("%q: got %v, want an invalid one with %q and the expected form", text, err, want)
		}
	}
}

func TestURIIsAStringInJSON(t *testing.T) {
	type doc struct{ Source, None URI }
	in := doc{Source: URI{ProviderLocal, "me@example.com", `A "b" / 100%`}}
	text, err := json.Marshal(in)
	if want := `{"Source":"local://me@example.com/calendars/A%20%22b%22%20%2F%20100%25","None":""}`; err != nil || string(text) != want {
		t.Fatalf("got %s, %v; want %s", text, err, want)
	}
	var out doc
	if err := json.Unmarshal(text, &out); err != nil || out != in {
		t.Fatalf("got %v, %v; want %v", out, err, in)
	}
	if err := json.Unmarshal([]byte(`{"Source":"local://me"}`), &out); err == nil {
		t.Fatal("a wrong URI was accepted")
	}
}

func TestEveryValidURIComesBackFromItsText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.StringMatching(`["/%@ +?#.:a-zéß]{1,12}`), rapid.String()).Filter(func(s string) bool { return faultIn(s) == "" })
		u := URI{rapid.SampledFrom([]string{ProviderGraph, ProviderLocal}).Draw(t, "provider"), part.Draw(t, "account"), part.Draw(t, "calendar")}
		if got, err := ParseURI(u.String()); err != nil || got != u {
			t.Fatalf("%q: got %#v, %v; want %#v", u, got, err, u)
		}
	})
}

func FuzzParseURI(f *testing.F) {
	for _, seed := range []string{"msgraph://me@example.com/calendars/primary", `local://a/calendars/"x"`, "local://%41/calendars/a%2Fb", "://", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURI(text)
		if err != nil {
			return
		}
		if reread, err := ParseURI(u.String()); err != nil || reread != u {
			t.Fatalf("%q is %#v, whose text %q is %#v, %v", text, u, u, reread, err)
		}
	})
}

func TestNamesAreComparedWithoutRegardToCase(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"Work", " WORK ", true}, {"Büro", "BÜRO", true}, {"Σ", "ς", true}, {"Work", "Works", false}, {"a b", "ab", false},
	} {
		if got := SameName(c.a, c.b); got != c.want {
			t.Errorf("SameName(%q, %q) is %v", c.a, c.b, got)
		}
	}
	u := URI{ProviderLocal, "Me@example.com", "Primary"}
	if !u.IsPrimary() || !u.Same(URI{ProviderLocal, "me@EXAMPLE.com", "primary"}) {
		t.Error("case made a difference")
	}
	if u.Same(URI{ProviderGraph, u.Account, u.Calendar}) || u.Same(URI{ProviderLocal, "you@example.com", u.Calendar}) ||
		u.Same(URI{ProviderLocal, u.Account, "Work"}) {
		t.Error("different URIs are the same")
	}
}
