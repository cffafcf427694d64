package msal

import (
	"errors"
	"strings"
	"testing"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/cache"

	"adminassistant/shared/fault"
)

// library keeps a text that it can only read when it begins with "{", and then quotes it.
type library struct {
	kept   string
	broken bool
}

func (l *library) Unmarshal(text []byte) error {
	if l.kept = string(text); !strings.HasPrefix(l.kept, "{") {
		return errors.New("cannot read " + l.kept)
	}
	return nil
}

func (l *library) Marshal() ([]byte, error) {
	if l.broken {
		return nil, errors.New("cannot write " + l.kept)
	}
	return []byte(l.kept), nil
}

func TestCache(t *testing.T) {
	unreadable := errors.New("sign in again")
	c := &Cache{Unreadable: unreadable}
	l := &library{kept: "untouched"}
	if err := c.Replace(t.Context(), l, cache.ReplaceHints{}); err != nil || l.kept != "untouched" {
		t.Errorf("of nothing the library is given %q, %v", l.kept, err)
	}
	l.kept = "{token}"
	if err := c.Export(t.Context(), l, cache.ExportHints{}); err != nil || string(c.Text) != "{token}" {
		t.Errorf("kept is %q, %v", c.Text, err)
	}
	l.kept = ""
	if err := c.Replace(t.Context(), l, cache.ReplaceHints{}); err != nil || l.kept != "{token}" {
		t.Errorf("the library is given %q, %v", l.kept, err)
	}
	l.broken = true
	if err := c.Export(t.Context(), l, cache.ExportHints{}); fault.Of(err) != fault.Internal || strings.Contains(err.Error(), "token") ||
		string(c.Text) != "{token}" {
		t.Errorf("error is %v, kept is %q", err, c.Text)
	}
	c.Text = []byte("token")
	if err := c.Replace(t.Context(), l, cache.ReplaceHints{}); err != unreadable {
		t.Errorf("error is %v", err)
	}
}
