// Package message writes mails as RFC 5322 and MIME have them, for the adapters that hand whole messages on.
package message

import (
	"bytes"
	"io"
	netmail "net/mail"
	"strings"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"adminassistant/shared/mail"
)

// Write returns a mail as a message: its texts the best one last (RFC 2046, section 5.1.4), its files behind them. Errors are of kind fault.Invalid and
// name the field, as those of mail.Check.
func Write(m mail.Mail, from *netmail.Address, at time.Time) ([]byte, error) {
	h, err := header(m, from, at)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	switch {
	case len(m.Files) > 0:
		err = withFiles(&out, h, m)
	case m.HTML != "":
		err = inBoth(func() (*gomail.InlineWriter, error) { return gomail.CreateInlineWriter(&out, h) }, m)
	default:
		h.SetContentType("text/plain", utf8)
		part, begun := gomail.CreateSingleInlineWriter(&out, h)
		err = finish(part, begun, m.Text)
	}
	if err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func header(m mail.Mail, from *netmail.Address, at time.Time) (h gomail.Header, err error) {
	to, err := mail.Address("to", m.To)
	if err != nil {
		return h, err
	}
	h.SetDate(at.UTC())
	h.SetAddressList("From", []*gomail.Address{(*gomail.Address)(from)})
	h.SetAddressList("To", []*gomail.Address{(*gomail.Address)(to)})
	if m.ReplyTo != "" {
		reply, err := mail.Address("reply_to", m.ReplyTo)
		if err != nil {
			return h, err
		}
		h.SetAddressList("Reply-To", []*gomail.Address{(*gomail.Address)(reply)})
	}
	h.SetSubject(m.Subject)
	h.SetMessageID(m.ID + from.Address[strings.LastIndexByte(from.Address, '@'):])
	for _, line := range m.Headers() {
		h.Set(line[0], line[1])
	}
	return h, nil
}

// withFiles writes a message of the texts and the files.
func withFiles(out io.Writer, h gomail.Header, m mail.Mail) error {
	parts, err := gomail.CreateWriter(out, h)
	if err != nil {
		return err
	}
	if m.HTML != "" {
		err = inBoth(parts.CreateInline, m)
	} else {
		var h gomail.InlineHeader
		h.SetContentType("text/plain", utf8)
		part, begun := parts.CreateSingleInline(h)
		err = finish(part, begun, m.Text)
	}
	for _, f := range m.Files {
		if err != nil {
			return err
		}
		var h gomail.AttachmentHeader
		h.SetContentType(f.Type, nil)
		h.SetFilename(f.Name)
		part, begun := parts.CreateAttachment(h)
		err = finish(part, begun, string(f.Content))
	}
	if err != nil {
		return err
	}
	return parts.Close()
}

// inBoth writes the texts as alternatives.
func inBoth(begin func() (*gomail.InlineWriter, error), m mail.Mail) error {
	parts, err := begin()
	if err != nil {
		return err
	}
	for _, p := range []struct{ kind, text string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		var h gomail.InlineHeader
		h.SetContentType(p.kind, utf8)
		part, err := parts.CreatePart(h)
		if err := finish(part, err, p.text); err != nil {
			return err
		}
	}
	return parts.Close()
}

var utf8 = map[string]string{"charset": "utf-8"}

// finish writes a part to its end, unless it could not be begun.
func finish(part io.WriteCloser, err error, content string) error {
	if err == nil {
		_, err = io.WriteString(part, content)
	}
	if err == nil {
		err = part.Close()
	}
	return err
}
