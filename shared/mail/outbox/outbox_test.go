package outbox

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/mailtest"
)

var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.FixedZone("CEST", 2*60*60))

func open(t *testing.T, dir string) *Outbox {
	t.Helper()
	o, err := Open(dir, mailtest.From, func() time.Time { return noon })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOutbox(t *testing.T) {
	mailtest.Run(t, func(t *testing.T) mailtest.Box {
		o := open(t, filepath.Join(t.TempDir(), "a", "outbox"))
		return mailtest.Box{Sender: o, Sent: func(t testing.TB) []mailtest.Received {
			var sent []mailtest.Received
			for _, name := range files(t, o.dir) {
				r, _ := read(t, filepath.Join(o.dir, name))
				sent = append(sent, r)
			}
			return sent
		}}
	})
}

func files(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// read reads a mail as a mail program does.
func read(t testing.TB, file string) (mailtest.Received, gomail.Header) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return mailtest.Read(t, f)
}

func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	o := open(t, dir)
	m := mail.Mail{ID: "01JD-finished", To: "Anna <anna@example.com>", Subject: "Done ✓", Text: "first\nsecond", HTML: "<p>first"}
	for _, m.Text = range []string{"first", "second"} {
		if err := o.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	names := files(t, dir)
	if len(names) != 1 || !strings.HasPrefix(names[0], "01JD-finished") || !strings.HasSuffix(names[0], ".eml") {
		t.Fatalf("the folder has %q, want one file, named after the mail", names)
	}
	file := filepath.Join(dir, names[0])
	got, header := read(t, file)
	t.Run("a repeat replaces the mail", func(t *testing.T) {
		if got.Text != "second" {
			t.Errorf("the file has the text %q", got.Text)
		}
	})
	t.Run("it has the headers that mails have", func(t *testing.T) {
		for key, want := range map[string]string{
			"Date": "Mon, 05 Oct 2026 10:00:00 +0000", "Message-Id": "<01JD-finished@example.com>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
		} {
			if got := header.Get(key); got != want {
				t.Errorf("%s is %q, want %q", key, got, want)
			}
		}
		if kind, _, err := header.ContentType(); err != nil || kind != "multipart/alternative" {
			t.Errorf("it is %q, error %v", kind, err)
		}
	})
	t.Run("it consists of short lines of ASCII", func(t *testing.T) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.SplitAfter(string(text), "\r\n")
		for _, line := range lines[:len(lines)-1] {
			if len(line) > 80 || strings.ContainsFunc(line[:len(line)-2], func(r rune) bool { return r < ' ' && r != '\t' || r > '~' }) {
				t.Errorf("line %q", line)
			}
		}
	})
	t.Run("only its owner can read it", func(t *testing.T) {
		if runtime.GOOS == "windows" {
			t.Skip("modes say nothing")
		}
		for name, want := range map[string]fs.FileMode{dir: 0o700, file: 0o600} {
			if info, err := os.Stat(name); err != nil || info.Mode().Perm() != want {
				t.Errorf("mode of %s is %s, error %v", name, info.Mode(), err)
			}
		}
	})
}

func TestOpenRemovesWhatACrashLeftAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	for name, age := range map[string]time.Duration{".new-old": 25 * time.Hour, ".new-young": 23 * time.Hour, "old.eml": 1000 * time.Hour} {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, noon.Add(-age), noon.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	open(t, dir)
	if got := strings.Join(files(t, dir), " "); got != ".new-young old.eml" {
		t.Errorf("left are %s", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, dir, from string
		kind            fault.Kind
		field           string
	}{
		{"a file", file, mailtest.From, fault.Invalid, ""},
		{"a folder below a file", filepath.Join(file, "outbox"), mailtest.From, fault.Unavailable, ""},
		{"a sender that is no address", t.TempDir(), "assistant", fault.Invalid, "from"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(c.dir, c.from, func() time.Time { return noon })
			if err == nil || fault.Of(err) != c.kind || fault.FieldOf(err) != c.field {
				t.Errorf("error %v of kind %s for the field %q, want kind %s for %q", err, fault.Of(err), fault.FieldOf(err), c.kind, c.field)
			}
		})
	}
}

func TestAFolderThatGoesAwayIsUnavailable(t *testing.T) {
	o := open(t, filepath.Join(t.TempDir(), "outbox"))
	if err := os.Remove(o.dir); err != nil {
		t.Fatal(err)
	}
	err := o.Send(t.Context(), mail.Mail{ID: "1", To: "anna@example.com", Subject: "Done", Text: "Done"})
	if fault.Of(err) != fault.Unavailable || !strings.Contains(err.Error(), o.dir) || strings.Contains(err.Error(), "anna") {
		t.Errorf("error %v of kind %s, want kind unavailable", err, fault.Of(err))
	}
}

func TestMailsThatCameBackAreNamed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outbox")
	o := open(t, dir)
	named := func() (list []mail.Return, unreadable int) {
		t.Helper()
		unreadable, err := o.Returned(func(r mail.Return) error { list = append(list, r); return nil })
		if err != nil {
			t.Fatal(err)
		}
		return list, unreadable
	}
	for _, id := range []string{"01-back", "02-fine"} {
		if err := o.Send(t.Context(), mail.Mail{ID: id, To: "Anna <anna@example.com>", Subject: "Done", Text: "Done", HTML: "<p>Done"}); err != nil {
			t.Fatal(err)
		}
	}
	if list, unreadable := named(); len(list)+unreadable != 0 {
		t.Errorf("nothing came back, and named are %+v", list)
	}
	back := filepath.Join(dir, ReturnedFolder)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(back, 0o700))
	first := files(t, dir)[0]
	must(os.Rename(filepath.Join(dir, first), filepath.Join(back, first)))
	must(os.WriteFile(filepath.Join(back, "other.eml"), []byte("no mail of ours"), 0o600))
	must(os.WriteFile(filepath.Join(back, "foreign.eml"), []byte("Date: Mon, 05 Oct 2026 10:00:00 +0000\r\nTo: eve@example.com\r\n\r\nhi"), 0o600))
	must(os.WriteFile(filepath.Join(back, "notes.txt"), nil, 0o600))
	for range 2 { // they stay, and are named again
		list, unreadable := named()
		want := mail.Return{ID: "01-back", To: []string{"anna@example.com"}, Why: mail.Bounced, Sent: noon}
		if len(list) != 1 || !list[0].Sent.Equal(want.Sent) || list[0].ID != want.ID || list[0].Why != want.Why || strings.Join(list[0].To, " ") != want.To[0] ||
			unreadable != 2 {
			t.Errorf("named are %+v, and %d were unreadable", list, unreadable)
		}
	}
	broken := errors.New("broken")
	if _, err := o.Returned(func(mail.Return) error { return broken }); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}
