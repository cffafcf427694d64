package timesheet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/store"
)

// Post sends sheets to customers.
type Post struct {
	Sender mail.Sender
	// Allow decides whether a user may have one more mail sent now, with an error of kind fault.Throttled if not; nil: there may be any number.
	Allow func(ctx context.Context, user string) error
	// Held says why no sheets are mailed to an address any more; nil: mail goes there. Again lets them through again; confirmed says that the user asked
	// whoever reads it. Both nil: nothing is known of mail that came back.
	Held  func(ctx context.Context, address string) (*Held, error)
	Again func(ctx context.Context, user string, c *customer.Customer, address string, confirmed bool) error
	// Sent is told of every mail that left.
	Sent func(ctx context.Context, user string, r *Record, m Sent) error
}

// Sent is a mail with a sheet.
type Sent struct {
	ID   string `json:"id"`   // of the mail
	To   string `json:"to"`   // address of the customer's
	Hash string `json:"hash"` // of the sheet
	// Done says that the mail service took the mail. Without it nobody knows whether it did.
	Done bool `json:"done"`
	// Returned says why it came back; empty: it did not, as far as anybody knows.
	Returned mail.Reason `json:"returned,omitempty"`
}

// attempts is how often it is noted that a mail left, while others change the record.
const attempts = 8

// Send sends an approved or locked sheet as a PDF to an address that the customer's record names. request names what asks for it: the same one sends one
// mail, however often it comes; empty: each is another. Errors: fault.Conflict for a draft, where no mail can be sent, where the customer has no address, and
// where it is not known whether the mail of an earlier try left; fault.Invalid, field "to", for another address; those of mail.Sender.
func (s *Sheets) Send(ctx context.Context, user, id, to, request string) (*Record, error) {
	r, err := s.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	switch {
	case r.State == Draft:
		return nil, fault.New(fault.Conflict, "timesheet %s is a draft; only one that is approved or locked can be sent", r.ID)
	case s.Post.Sender == nil:
		return nil, fault.New(fault.Conflict, "no mail is sent from here: whoever runs this installation has to set an address that mail comes from")
	}
	customers, err := s.Customers.Book(ctx, user)
	if err != nil {
		return nil, err
	}
	c := customers.Find(r.Customer)
	if to, err = addressOf(c, r.Customer, to); err != nil {
		return nil, err
	}
	sent := Sent{ID: mailID(r.ID, to, request, s.NewID), To: to, Hash: r.Hash}
	for _, earlier := range r.History {
		switch {
		case earlier.Sent == nil || earlier.Sent.ID != sent.ID:
		case earlier.Sent.Done:
			return r, nil
		default:
			return nil, fault.New(fault.Conflict, "it is not known whether the mail of %s left; ask whoever was to get it before you send it once more",
				earlier.At.Format("2006-01-02 15:04 MST"))
		}
	}
	if s.Post.Held != nil {
		held, err := s.Post.Held(ctx, to)
		if err != nil {
			return nil, err
		}
		if held != nil {
			return nil, fault.New(fault.Conflict, "mail to %s came back (%s), and none is sent there any more; give the customer another address, or if it is "+
				"right after all, let mail through to it again: admin-assistant customer mail-again", to, held.Why)
		}
	}
	letter, err := s.letter(ctx, user, r, c, sent)
	if err != nil {
		return nil, err
	}
	if s.Post.Allow != nil {
		if err := s.Post.Allow(ctx, user); err != nil {
			return nil, err
		}
	}
	return s.post(ctx, user, r, letter, sent)
}

// post sends a mail between two notes: that it is about to leave, and that it did.
func (s *Sheets) post(ctx context.Context, user string, r *Record, letter mail.Mail, sent Sent) (*Record, error) {
	r.note(Change{At: s.Clock().UTC(), By: user, State: r.State, Sent: &sent})
	r, err := s.store(ctx, user, r, nil)
	if err != nil {
		return nil, err
	}
	err = s.Post.Sender.Send(ctx, letter)
	if kind := fault.Of(err); err != nil && kind == fault.Unavailable {
		return nil, fault.New(fault.Unavailable, "it is not known whether the mail left; ask whoever was to get it before you send it once more: %w", err)
	}
	failed := err
	if r, err = s.noteSent(context.WithoutCancel(ctx), user, r, sent.ID, failed == nil); failed != nil || err != nil {
		return nil, errors.Join(failed, err)
	}
	if s.Post.Sent == nil {
		return r, nil
	}
	return r, s.Post.Sent(ctx, user, r, sent)
}

// noteSent notes that a mail left, or forgets one that did not.
func (s *Sheets) noteSent(ctx context.Context, user string, r *Record, id string, left bool) (*Record, error) {
	return s.changeSent(ctx, user, r, id, func(of *Sent) bool { of.Done = left; return true })
}

// changeSent changes what the history has of a mail, which is taken out of it when it did not leave. A change that returns false is none.
func (s *Sheets) changeSent(ctx context.Context, user string, r *Record, id string, change func(*Sent) bool) (*Record, error) {
	for range attempts {
		at := slices.IndexFunc(r.History, func(c Change) bool { return c.Sent != nil && c.Sent.ID == id })
		if at < 0 || !change(r.History[at].Sent) { // without it, the history is full of what came later
			return r, nil
		}
		if !r.History[at].Sent.Done {
			r.History = slices.Delete(r.History, at, at+1)
		}
		stored, err := s.store(ctx, user, r, nil)
		if err == nil || !errors.Is(err, store.ErrConflict) {
			return stored, err
		}
		if r, err = s.Get(ctx, user, r.ID); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Unavailable, "the timesheet is changed by others at the same time")
}

// MailReturned notes that a mail came back, and returns the record of its sheet; nil: it is of none that there is. It may be called any number of times.
func (s *Sheets) MailReturned(ctx context.Context, back mail.Return) (*Record, error) {
	sheet, _, ok := strings.Cut(strings.TrimPrefix(back.ID, mailPrefix), "-")
	if !ok || !strings.HasPrefix(back.ID, mailPrefix) {
		return nil, nil
	}
	r, err := s.Get(ctx, back.For, sheet)
	if fault.Of(err) == fault.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.changeSent(ctx, back.For, r, back.ID, func(sent *Sent) bool {
		news := sent.Returned == "" || !sent.Done
		if news {
			sent.Returned, sent.Done = back.Why, true // it did leave
		}
		return news
	})
}

// letter is the mail with a sheet.
func (s *Sheets) letter(ctx context.Context, user string, r *Record, c *customer.Customer, sent Sent) (m mail.Mail, err error) {
	v, err := s.Show(ctx, user, r.ID)
	if err != nil {
		return m, err
	}
	if v.Record.Hash != sent.Hash {
		return m, fmt.Errorf("send timesheet %s: %w", r.ID, store.ErrConflict)
	}
	drawn, err := s.pdf(ctx, v)
	if err != nil {
		return m, err
	}
	name := v.Document.FileName() + "." + string(PDF)
	m = mail.Mail{
		ID: sent.ID, For: user, To: sent.To, ReplyTo: v.Document.From.Email, Asked: true,
		Files: []mail.File{{Name: name, Type: "application/pdf", Content: drawn}},
	}
	m.Subject, m.Text = v.Document.Letter(c.Language(), name)
	m.Subject = oneLine(m.Subject)
	return m, nil
}

// oneLine is a subject of a mail: at most as long as it may be.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > mail.MaxSubject {
		text = strings.ToValidUTF8(text[:mail.MaxSubject-3], "") + "..."
	}
	return text
}

// addressOf is an address as the customer's record has it.
func addressOf(c *customer.Customer, name, to string) (string, error) {
	if c == nil || len(c.Emails) == 0 {
		return "", fault.New(fault.Conflict,
			"customer %q has no address that timesheets may be sent to; give one with: admin-assistant customer edit '%s' --email ADDRESS", name, name)
	}
	for _, address := range c.Emails {
		if strings.EqualFold(address, strings.TrimSpace(to)) {
			return address, nil
		}
	}
	return "", fault.Field("to", "is no address of customer %q, who has %s", c.Name, strings.Join(c.Emails, ", "))
}

const mailPrefix = "sheet-"

// mailID is the id of a mail: the same for the same request. It names the sheet.
func mailID(sheet, to, request string, newID func() string) string {
	if request == "" {
		return mailPrefix + sheet + "-" + newID()
	}
	sum := sha256.Sum256([]byte(to + "\x00" + request))
	return mailPrefix + sheet + "-" + hex.EncodeToString(sum[:16])
}
