// Package mail is the port to outgoing e-mail: SES in the cloud, a folder of message files on one machine.
package mail

import (
	"context"
	"mime"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/fault"
)

const (
	// MaxID, MaxSubject, MaxText and MaxHTML are the largest sizes of a mail's parts in bytes.
	MaxID      = 128
	MaxSubject = 500
	MaxText    = 1 << 20
	MaxHTML    = 1 << 20
	// MaxAttached is the largest size of all files of a mail together, in bytes. Mail servers take 10 MB at least, of which base64 is a quarter.
	MaxAttached = 7 << 20
	maxFiles    = 10
	// maxUnsubscribe is that of an address that fits into one line of a header (RFC 5322, section 2.1.1).
	maxUnsubscribe = 900
	// maxName, maxAddress and maxLocal are those of an address: the name beside it, all of it, and what stands before the @
	// (RFC 5321, section 4.5.3.1).
	maxName    = 128
	maxAddress = 254
	maxLocal   = 64
)

// Mail is one e-mail to one person.
type Mail struct {
	// ID is our own name for the mail: letters of ASCII, digits, "-" and "_". A mail that is sent twice has the same both times.
	ID string
	// For names whose mail it is, for word of what became of it: a user, by Principal.Key; empty: nobody's.
	For string
	// To is the recipient as in anna@example.com, or Anna <anna@example.com>.
	To string
	// Subject is one line.
	Subject string
	// Text is the body for those who read plain text, required.
	Text string
	// HTML is the body for the others, if any: a whole document.
	HTML string
	// ReplyTo is who gets the answers, written as To is; empty: whoever the mail is from.
	ReplyTo string
	// Files come with the mail.
	Files []File
	// Asked says that a person had the mail sent just now. Any other is a machine's, and says so.
	Asked bool
	// Unsubscribe is the address at which one POST ends mails of this sort (RFC 8058); empty: there is none.
	Unsubscribe string
}

// File is what comes with a mail.
type File struct {
	// Name is what it is called: letters of ASCII, digits, ".", "-" and "_".
	Name string
	// Type is its media type, as in application/pdf.
	Type    string
	Content []byte
}

// Headers are those of a mail that follow from nothing else: name and value, in order.
func (m *Mail) Headers() [][2]string {
	var headers [][2]string
	if !m.Asked {
		headers = [][2]string{{"Auto-Submitted", "auto-generated"}} // RFC 3834: no answer by a machine
	}
	if m.Unsubscribe != "" {
		headers = append(headers, [2]string{"List-Unsubscribe", "<" + m.Unsubscribe + ">"}, [2]string{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"})
	}
	return headers
}

// Sender is the port. Send gives the mail to the service that delivers it, which says nothing about whether it arrives. A mail that
// does not pass Check is of kind fault.Invalid and names the field; fault.Throttled and fault.Unavailable are worth a retry, and
// fault.Internal is for an operator. After an error that is worth a retry the mail may have been sent all the same: a service may
// deliver twice what is sent twice. No error's text holds an address, a subject or a body.
type Sender interface {
	Send(ctx context.Context, m Mail) error
}

// Reason is why nothing more should be sent to an address.
type Reason string

const (
	Bounced    Reason = "bounced"    // its mail server does not take mail for it, for good
	Complained Reason = "complained" // whoever reads it called a mail unwanted
	Rejected   Reason = "rejected"   // the mail service refused to deliver a mail to it
)

// Return is word of a mail that was handed over for delivery and did not arrive, or was not welcome.
type Return struct {
	ID, For string // of the mail
	// To are the addresses that it is about, as in anna@example.com.
	To   []string
	Why  Reason
	Sent time.Time // when the mail was handed over
}

// ErrQuota means that no more mail can be sent for some hours, since a quota of the last 24 hours is used up. It is of kind
// fault.Throttled.
var ErrQuota = fault.New(fault.Throttled, "the daily quota of e-mail is used up")

// Check says whether a mail can be sent, else fault.Invalid that names the field: "id", "to", "reply_to", "subject", "text", "html", "files" or
// "unsubscribe".
func (m Mail) Check() error {
	if m.ID == "" || len(m.ID) > MaxID || strings.IndexFunc(m.ID, notInID) >= 0 {
		return fault.Field("id", `must be at most %d letters, digits, "-" and "_"`, MaxID)
	}
	if _, err := Address("to", m.To); err != nil {
		return err
	}
	if m.ReplyTo != "" {
		if _, err := Address("reply_to", m.ReplyTo); err != nil {
			return err
		}
	}
	if err := checkFiles(m.Files); err != nil {
		return err
	}
	if err := line("subject", m.Subject, MaxSubject); err != nil {
		return err
	}
	if strings.TrimSpace(m.Subject) == "" {
		return fault.Field("subject", "is empty")
	}
	if err := body("text", m.Text, MaxText); err != nil {
		return err
	}
	if strings.TrimSpace(m.Text) == "" {
		return fault.Field("text", "is empty")
	}
	if m.Unsubscribe != "" {
		u, err := url.Parse(m.Unsubscribe)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || len(m.Unsubscribe) > maxUnsubscribe || strings.ContainsAny(m.Unsubscribe, "<> \r\n\t,") {
			return fault.Field("unsubscribe", "must be the address of a page, of at most %d bytes", maxUnsubscribe)
		}
	}
	return body("html", m.HTML, MaxHTML)
}

func checkFiles(files []File) error {
	size := 0
	for _, f := range files {
		name := strings.ReplaceAll(f.Name, ".", "")
		if name == "" || len(f.Name) > MaxID || strings.IndexFunc(name, notInID) >= 0 {
			return fault.Field("files", `must have names of at most %d letters, digits, ".", "-" and "_"`, MaxID)
		}
		if kind, _, err := mime.ParseMediaType(f.Type); err != nil || kind != f.Type || !strings.Contains(kind, "/") {
			return fault.Field("files", "must have media types, as application/pdf")
		}
		if len(f.Content) == 0 {
			return fault.Field("files", "has one that is empty")
		}
		size += len(f.Content)
	}
	if size > MaxAttached || len(files) > maxFiles {
		return fault.Field("files", "has %d bytes in %d files, at most %d in %d are allowed", size, len(files), MaxAttached, maxFiles)
	}
	return nil
}

// Address reads an address with or without a name, such as Anna <anna@example.com>; else fault.Invalid that names the field. The
// address has a domain of the ASCII form, since not every mail server knows others.
func Address(field, text string) (*netmail.Address, error) {
	if text == "" {
		return nil, fault.Field(field, "is empty")
	}
	if err := line(field, text, maxName+maxAddress+8); err != nil {
		return nil, err
	}
	a, err := netmail.ParseAddress(text)
	if err != nil { // its text shows the address
		return nil, fault.Field(field, "is no e-mail address; write one as in anna@example.com, or Anna <anna@example.com>")
	}
	at := strings.LastIndexByte(a.Address, '@')
	local, domain := a.Address[:at], a.Address[at+1:]
	switch {
	case strings.IndexFunc(a.Address, func(r rune) bool { return r > unicode.MaxASCII }) >= 0:
		return nil, fault.Field(field, "must be an address of ASCII letters; write the domain in its form that begins with xn--")
	case strings.IndexFunc(a.Address, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }) >= 0:
		return nil, fault.Field(field, "must be an address without spaces and quotes")
	case len(a.Address) > maxAddress || len(local) > maxLocal || len(a.Name) > maxName:
		return nil, fault.Field(field, "is too long: at most %d bytes before the @, %d in all, %d of the name are allowed", maxLocal, maxAddress, maxName)
	case strings.ContainsAny(domain, "[]") || strings.IndexFunc(a.Name, unprintable) >= 0:
		return nil, fault.Field(field, "must be an address at a domain, with a name of printable letters")
	}
	return a, nil
}

// line checks what goes into one header: nothing in it may begin another one.
func line(field, text string, size int) error {
	if err := body(field, text, size); err != nil {
		return err
	}
	if strings.IndexFunc(text, unprintable) >= 0 {
		return fault.Field(field, "must be one line without control characters")
	}
	return nil
}

func body(field, text string, size int) error {
	if len(text) > size {
		return fault.Field(field, "has %d bytes, at most %d are allowed", len(text), size)
	}
	if !utf8.ValidString(text) {
		return fault.Field(field, "is not UTF-8")
	}
	if strings.IndexByte(text, 0) >= 0 {
		return fault.Field(field, "has a zero byte")
	}
	return nil
}

// unprintable says whether a letter is a control character or ends a line.
func unprintable(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func notInID(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}
