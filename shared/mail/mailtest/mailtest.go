// Package mailtest is the contract of mail.Sender: every implementation passes it.
package mailtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	gomail "github.com/emersion/go-message/mail"
	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
)

// From is the address that senders under test send from.
const From = "Admin Assistant <assistant@example.com>"

// Received is a mail as it left: its addresses with and without names, everything decoded, "\n" after each line.
type Received struct {
	From, To, ReplyTo, Subject, Text, HTML string
	Files                                  []mail.File
}

// Read reads a message as a mail program does.
func Read(t testing.TB, from io.Reader) (Received, gomail.Header) {
	t.Helper()
	r, err := gomail.CreateReader(from)
	if err != nil {
		t.Fatal(err)
	}
	address := func(key string) string {
		list, err := r.Header.AddressList(key)
		if err != nil || len(list) > 1 {
			t.Fatalf("%s has %d addresses, error %v", key, len(list), err)
		}
		if len(list) == 0 {
			return ""
		}
		return list[0].String()
	}
	got := Received{From: address("From"), To: address("To"), ReplyTo: address("Reply-To")}
	if got.Subject, err = r.Header.Subject(); err != nil {
		t.Fatal(err)
	}
	for {
		part, err := r.NextPart()
		if err == io.EOF {
			return got, r.Header
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(part.Body)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(body), "\r\n", "\n")
		switch h := part.Header.(type) {
		case *gomail.AttachmentHeader:
			name, _ := h.Filename()
			got.Files = append(got.Files, mail.File{Name: name, Type: h.Get("Content-Type"), Content: body})
		case *gomail.InlineHeader:
			switch h.Get("Content-Type") {
			case "text/plain; charset=utf-8":
				got.Text = text
			case "text/html; charset=utf-8":
				got.HTML = text
			default:
				t.Errorf("a part is %q", h.Get("Content-Type"))
			}
		}
	}
}

// Box is a sender and what it sent, in any order.
type Box struct {
	mail.Sender
	Sent func(t testing.TB) []Received
}

// Run runs the contract. open returns a sender from From that has sent nothing.
func Run(t *testing.T, open func(t *testing.T) Box) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Box)
	}{
		{"a mail leaves as it was written", asWritten},
		{"a mail with files leaves as it was written", withFiles},
		{"a mail that cannot be sent is refused, and nothing leaves", refused},
		{"the same mail may be sent twice", twice},
		{"mails that differ in the case of their ids are two", twoIDs},
		{"many mails at once all leave", atOnce},
		{"a context that has ended sends nothing", cancelled},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

func simple(id string) mail.Mail {
	return mail.Mail{ID: id, To: "anna@example.com", Subject: "Archive run finished", Text: "12 appointments archived.\n"}
}

func asWritten(t *testing.T, b Box) {
	want := []Received{}
	for i, c := range []struct{ to, subject, text, html string }{
		{"anna@example.com", "Archive run finished", "12 appointments archived.\n", ""},
		{"Anna Müller <anna.mueller+aa@mail.example.com>", "Überlappung am 5. Oktober ✓ 会議", "Grüße\nzwei Zeilen", ""},
		{`"Müller, Anna" <anna@example.com>`, "Two actions are open", "Two actions are open: see the page.",
			"<!doctype html><title>Actions</title><p>Two <b>actions</b> – see <a href=\"https://example.com/?a=1&b=2\">the page</a>"},
		{"anna@xn--mller-kva.example", strings.Repeat("a long subject of many words ", 15) + "ends", strings.Repeat("x", 5000) + "\n", ""},
		{"anna@example.com", strings.Repeat("ü", mail.MaxSubject/2), "From the start\n.\n..\n\n--boundary\n= =20 trailing space \n\ttab\nend",
			"<p>.\n--boundary--\n"},
		{"anna@example.com", "What looks encoded", "=?utf-8?q?x?= =C3=BC", ""},
	} {
		m := mail.Mail{ID: fmt.Sprint("mail-", i), To: c.to, Subject: c.subject, Text: c.text, HTML: c.html}
		if err := b.Send(t.Context(), m); err != nil {
			t.Errorf("send mail %d: %v", i, err)
		}
		want = append(want, Received{From: From, To: c.to, Subject: c.subject, Text: c.text, HTML: c.html})
	}
	compare(t, want, b.Sent(t))
}

func withFiles(t *testing.T, b Box) {
	every := make([]byte, 3000) // bytes that no text has
	for i := range every {
		every[i] = byte(i)
	}
	files := []mail.File{{Name: "timesheet-2026-10.pdf", Type: "application/pdf", Content: every}, {Name: "a.csv", Type: "text/csv", Content: []byte("a,b\r\n")}}
	want := []Received{}
	for i, html := range []string{"", "<p>Grüße"} {
		m := mail.Mail{
			ID: fmt.Sprint("files-", i), To: "Anna Müller <anna@example.com>", ReplyTo: `"Müller, Ben" <ben@example.com>`, Subject: fmt.Sprint("Überstunden ", i),
			Text: "Grüße\n.\n", HTML: html, Files: files, Asked: true,
		}
		if err := b.Send(t.Context(), m); err != nil {
			t.Errorf("send a mail with files: %v", err)
		}
		want = append(want, Received{From: From, To: m.To, ReplyTo: m.ReplyTo, Subject: m.Subject, Text: m.Text, HTML: html, Files: files})
	}
	m := simple("reply")
	m.ReplyTo = "ben@example.com"
	if err := b.Send(t.Context(), m); err != nil {
		t.Errorf("send a mail that others answer: %v", err)
	}
	compare(t, append(want, Received{From: From, To: m.To, ReplyTo: m.ReplyTo, Subject: m.Subject, Text: m.Text}), b.Sent(t))
}

// compare looks at mails in whatever order.
func compare(t *testing.T, want, got []Received) {
	t.Helper()
	for _, list := range [][]Received{got, want} {
		for i := range list {
			list[i].From, list[i].To = spell(t, list[i].From), spell(t, list[i].To)
			if list[i].ReplyTo != "" {
				list[i].ReplyTo = spell(t, list[i].ReplyTo)
			}
		}
		slices.SortFunc(list, func(a, b Received) int { return strings.Compare(a.Subject, b.Subject) })
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// spell writes an address in one way.
func spell(t testing.TB, address string) string {
	a, err := mail.Address("address", address)
	if err != nil {
		t.Fatalf("an address of a mail that was sent: %v", err)
	}
	return a.String()
}

func refused(t *testing.T, b Box) {
	for _, c := range []struct {
		name, field string
		spoil       func(*mail.Mail)
	}{
		{"no id", "id", func(m *mail.Mail) { m.ID = "" }},
		{"an id that is a path", "id", func(m *mail.Mail) { m.ID = "../private" }},
		{"no recipient", "to", func(m *mail.Mail) { m.To = "" }},
		{"two recipients", "to", func(m *mail.Mail) { m.To = "private@example.com, other@example.com" }},
		{"a recipient that is no address", "to", func(m *mail.Mail) { m.To = "private" }},
		{"a recipient with another header", "to", func(m *mail.Mail) { m.To = "private@example.com\r\nBcc: other@example.com" }},
		{"a subject with another header", "subject", func(m *mail.Mail) { m.Subject = "private\r\nBcc: other@example.com" }},
		{"no subject", "subject", func(m *mail.Mail) { m.Subject = " " }},
		{"a reply to two", "reply_to", func(m *mail.Mail) { m.ReplyTo = "private@example.com, other@example.com" }},
		{"a file that is a path", "files", func(m *mail.Mail) {
			m.Files = []mail.File{{Name: "../private", Type: "application/pdf", Content: []byte("x")}}
		}},
		{"no text", "text", func(m *mail.Mail) { m.Text, m.HTML = "", "<p>private" }},
		{"a text that is too long", "text", func(m *mail.Mail) { m.Text = strings.Repeat("private", mail.MaxText/7+1) }},
		{"a page that is no UTF-8", "html", func(m *mail.Mail) { m.HTML = "private\xff" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := simple("refused")
			c.spoil(&m)
			err := b.Send(t.Context(), m)
			if err == nil || fault.Of(err) != fault.Invalid || fault.FieldOf(err) != c.field {
				t.Errorf("error %v of kind %s for the field %q, want kind invalid for %q", err, fault.Of(err), fault.FieldOf(err), c.field)
			}
			if err != nil && (strings.Contains(err.Error(), "private") || strings.Contains(err.Error(), "other")) {
				t.Errorf("the error shows what is in the mail: %v", err)
			}
		})
	}
	if got := b.Sent(t); len(got) != 0 {
		t.Errorf("%d mails were sent", len(got))
	}
}

func twice(t *testing.T, b Box) {
	for range 2 {
		if err := b.Send(t.Context(), simple("twice")); err != nil {
			t.Errorf("send: %v", err)
		}
	}
	if got := b.Sent(t); len(got) == 0 {
		t.Error("nothing was sent")
	}
}

func twoIDs(t *testing.T, b Box) {
	for _, id := range []string{"mail-a", "mail-A"} {
		if err := b.Send(t.Context(), simple(id)); err != nil {
			t.Errorf("send: %v", err)
		}
	}
	if got := b.Sent(t); len(got) != 2 {
		t.Errorf("%d mails were sent, want 2", len(got))
	}
}

func atOnce(t *testing.T, b Box) {
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			m := simple(fmt.Sprint("mail-", i))
			m.Text = fmt.Sprintf("text %02d", i)
			if err := b.Send(t.Context(), m); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	wg.Wait()
	texts := map[string]bool{}
	for _, r := range b.Sent(t) {
		texts[r.Text] = true
	}
	if len(texts) != 20 {
		t.Errorf("%d of 20 mails were sent", len(texts))
	}
}

func cancelled(t *testing.T, b Box) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := b.Send(ctx, simple("cancelled"))
	if !errors.Is(err, context.Canceled) || fault.Of(err) != fault.Unavailable {
		t.Errorf("error %v of kind %s, want cancelled", err, fault.Of(err))
	}
	if got := b.Sent(t); len(got) != 0 {
		t.Errorf("%d mails were sent", len(got))
	}
}
