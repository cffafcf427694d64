package mail

import (
	"bytes"
	"errors"
	netmail "net/mail"
	"strings"
	"testing"

	"adminassistant/shared/fault"
)

func attached(name, kind string, size int) File {
	return File{Name: name, Type: kind, Content: make([]byte, size)}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Mail)
		field string // at fault; empty when there is none
		text  string
	}{
		{"a mail with everything", func(m *Mail) {}, "", ""},
		{"no page", func(m *Mail) { m.HTML = "" }, "", ""},
		{"the largest of everything", func(m *Mail) {
			m.ID, m.Subject = strings.Repeat("a", MaxID), strings.Repeat("s", MaxSubject)
			m.Text, m.HTML = strings.Repeat("t", MaxText), strings.Repeat("h", MaxHTML)
		}, "", ""},
		{"an id of all letters", func(m *Mail) { m.ID = "-_azAZ09" }, "", ""},
		{"an id that is too long", func(m *Mail) { m.ID = strings.Repeat("a", MaxID+1) }, "id", "128"},
		{"an id with a slash", func(m *Mail) { m.ID = "a/b" }, "id", "letters"},
		{"an id with a dot", func(m *Mail) { m.ID = "a.b" }, "id", "letters"},
		{"an id with a letter beyond ASCII", func(m *Mail) { m.ID = "ä" }, "id", "letters"},
		{"an id of two lines", func(m *Mail) { m.ID = "a\nb" }, "id", "letters"},
		{"a subject that is too long", func(m *Mail) { m.Subject = strings.Repeat("s", MaxSubject+1) }, "subject", "501 bytes"},
		{"a subject of two lines", func(m *Mail) { m.Subject = "a\nb" }, "subject", "one line"},
		{"a subject with a return", func(m *Mail) { m.Subject = "a\rb" }, "subject", "one line"},
		{"a subject with a line separator", func(m *Mail) { m.Subject = "a\u2028b" }, "subject", "one line"},
		{"a subject with an escape", func(m *Mail) { m.Subject = "a\x1b[31m" }, "subject", "control"},
		{"a subject that is no UTF-8", func(m *Mail) { m.Subject = "a\xff" }, "subject", "UTF-8"},
		{"a subject of nothing", func(m *Mail) { m.Subject = "\u00a0" }, "subject", "empty"},
		{"a text that is too long", func(m *Mail) { m.Text = strings.Repeat("t", MaxText+1) }, "text", "1048577 bytes"},
		{"a text of nothing", func(m *Mail) { m.Text = " \n" }, "text", "empty"},
		{"a text with a zero byte", func(m *Mail) { m.Text = "a\x00" }, "text", "zero"},
		{"a page that is too long", func(m *Mail) { m.HTML = strings.Repeat("h", MaxHTML+1) }, "html", "1048577 bytes"},
		{"a page that is no UTF-8", func(m *Mail) { m.HTML = "\xc3" }, "html", "UTF-8"},
		{"somebody who gets the answers", func(m *Mail) { m.ReplyTo = "Ben <ben@example.com>" }, "", ""},
		{"nobody who gets the answers", func(m *Mail) { m.ReplyTo = "nobody" }, "reply_to", "e-mail address"},
		{"as much in files as there may be", func(m *Mail) {
			m.Files = []File{attached("a.pdf", "application/pdf", MaxAttached-1), attached("b_-9.csv", "text/csv", 1)}
		}, "", ""},
		{"too much in files", func(m *Mail) { m.Files = []File{attached("a", "text/csv", MaxAttached), attached("b", "text/csv", 1)} }, "files", "7340033 bytes"},
		{"too many files", func(m *Mail) {
			for range 11 {
				m.Files = append(m.Files, attached("a", "text/csv", 1))
			}
		}, "files", "11 files"},
		{"a file without a name", func(m *Mail) { m.Files = []File{attached("..", "text/csv", 1)} }, "files", "letters"},
		{"a file of two lines", func(m *Mail) { m.Files = []File{attached("a\nb", "text/csv", 1)} }, "files", "letters"},
		{"a file with a long name", func(m *Mail) { m.Files = []File{attached(strings.Repeat("a", MaxID+1), "text/csv", 1)} }, "files", "128"},
		{"a file without a type", func(m *Mail) { m.Files = []File{attached("a", "", 1)} }, "files", "media types"},
		{"a file with half a type", func(m *Mail) { m.Files = []File{attached("a", "text", 1)} }, "files", "media types"},
		{"a file whose type says more", func(m *Mail) { m.Files = []File{attached("a", "text/csv; a=b", 1)} }, "files", "media types"},
		{"a file of nothing", func(m *Mail) { m.Files = []File{attached("a", "text/csv", 0)} }, "files", "empty"},
		{"a recipient who is none", func(m *Mail) { m.To = "nobody" }, "to", "e-mail address"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Mail{ID: "run-1", To: "anna@example.com", Subject: "Done", Text: "Done.", HTML: "<p>Done."}
			c.spoil(&m)
			err := m.Check()
			if c.field == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if err == nil || fault.Of(err) != fault.Invalid || fault.FieldOf(err) != c.field || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v of kind %s for the field %q, want kind invalid for %q that says %q", err, fault.Of(err), fault.FieldOf(err), c.field, c.text)
			}
		})
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]netmail.Address{
		"anna@example.com":                        {Address: "anna@example.com"},
		"<anna@example.com>":                      {Address: "anna@example.com"},
		"Anna <anna@example.com>":                 {Name: "Anna", Address: "anna@example.com"},
		`"Müller, Anna" <anna+aa@example.com>`:    {Name: "Müller, Anna", Address: "anna+aa@example.com"},
		"=?utf-8?q?M=C3=BCller?= <a@example.com>": {Name: "Müller", Address: "a@example.com"},
		"a'b{c}@localhost":                        {Address: "a'b{c}@localhost"},
		strings.Repeat("l", maxLocal) + "@b.com":  {Address: strings.Repeat("l", maxLocal) + "@b.com"},
	} {
		if got, err := Address("to", text); err != nil || *got != want {
			t.Errorf("%q is %+v, error %v, want %+v", text, got, err, want)
		}
	}
	for name, text := range map[string]string{
		"nothing":                       "",
		"a word":                        "secret",
		"no local part":                 "@secret.com",
		"no domain":                     "secret@",
		"a space":                       "secret name@example.com",
		"a quoted local part":           `"secret name"@example.com`,
		"two":                           "secret@example.com, b@example.com",
		"a group":                       "secret: a@example.com, b@example.com;",
		"a domain of other letters":     "secret@müller.example",
		"a local part of others":        "sécret@example.com",
		"a number as domain":            "secret@[127.0.0.1]",
		"a line end":                    "secret@example.com\n",
		"another header":                "secret@example.com\r\nBcc: b@example.com",
		"another header in the name":    "\"secret\r\nBcc: b@example.com\" <a@example.com>",
		"another header, encoded":       "=?utf-8?q?secret=0D=0ABcc:_b@example.com?= <a@example.com>",
		"a zero byte":                   "secret\x00@example.com",
		"no UTF-8":                      "secret\xff@example.com",
		"a local part that is too long": strings.Repeat("l", maxLocal+1) + "@secret.com",
		"an address that is too long":   "secret@" + strings.Repeat("d", maxAddress) + ".com",
		"a name that is too long":       strings.Repeat("n", maxName+1) + " <secret@example.com>",
	} {
		_, err := Address("to", text)
		if err == nil || fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "to" {
			t.Errorf("%s: error %v of kind %s, want kind invalid for the field to", name, err, fault.Of(err))
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error shows the address: %v", name, err)
		}
	}
}

func TestTheQuotaIsThrottling(t *testing.T) {
	if fault.Of(ErrQuota) != fault.Throttled || !errors.Is(fault.Wrap(fault.Internal, ErrQuota), ErrQuota) {
		t.Errorf("kind %s", fault.Of(ErrQuota))
	}
}

func FuzzAddress(f *testing.F) {
	for _, text := range []string{"anna@example.com", `"a\" b" <a@b>`, "=?utf-8?b?w7w=?= <a@b.c>", "a@b (c)", "=?utf-8?q?=0A?= <a@b>", "a@[::1]", "<@a:b@c>"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := Address("to", text)
		if err != nil {
			if fault.FieldOf(err) != "to" {
				t.Errorf("error %v names no field", err)
			}
			return
		}
		written := a.String()
		if i := bytes.IndexFunc([]byte(written), func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
			t.Errorf("%q is written %q, which is no line of ASCII", text, written)
		}
		if reread, err := netmail.ParseAddress(written); err != nil || *reread != *a {
			t.Errorf("%q is %+v, written %q, which is %+v, %v", text, *a, written, reread, err)
		}
	})
}
