package notify

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/mail"
	"adminassistant/shared/phrase"
	"adminassistant/shared/queue"
	"adminassistant/shared/telemetry"
)

// Message names a notification that is due by e-mail.
type Message struct {
	User         string `json:"user"`
	Notification string `json:"notification"` // id
	Correlation  string `json:"correlation_id"`
}

// ParseMessage reads a message; errors are of kind fault.Malformed.
func ParseMessage(body []byte) (Message, error) {
	var m Message
	if err := queue.Parse(body, &m); err != nil {
		return m, fault.New(fault.Malformed, "not a message that names a notification: %w", err)
	}
	if m.User == "" || m.Notification == "" {
		return m, fault.New(fault.Malformed, "not a message that names a notification: user and notification are needed")
	}
	return m, nil
}

// Limits decides whether a user may be sent one more e-mail now; its errors are of kind fault.Throttled, with a limit.Exceeded, or
// fault.Unavailable.
type Limits interface {
	Allow(ctx context.Context, user string, class limit.Class) error
}

// Mailer sends the notifications that messages name.
type Mailer struct {
	queue.Deliveries
	Notifications *Notifications
	// Profile returns what is known of a user, by Principal.Key; fault.NotFound when nothing is.
	Profile func(ctx context.Context, user string) (account.Profile, error)
	Sender  mail.Sender
	// Limits bounds the e-mails of a user; nil: there may be any number.
	Limits Limits
	// Event reads what the mail service says of a mail that came back, which comes by the same queue; about is false of any other message. Errors
	// are of kind fault.Malformed. nil: nothing is said.
	Event func(body []byte) (r mail.Return, about bool, err error)
	// Returned tells a user that nothing more is mailed to the address of the settings, since mail came back; nil: nobody does.
	Returned func(ctx context.Context, p account.Profile, m Mark) error
	// Others is told of mails that came back and are of no notification; nil: nobody is.
	Others func(ctx context.Context, r mail.Return) error
	// Base is the address of the pages, without a slash at its end, for links; empty: e-mails have none.
	Base string
	// Unsubscribe returns the address at which a user ends the e-mails of the digest, with a page in a language; nil: there is none.
	Unsubscribe func(ctx context.Context, user string, in phrase.Language) (string, error)
	Clock       func() time.Time
}

// sendTime is how long an e-mail is one mailer's alone: longer than the function lives that sends it.
const sendTime = 2 * time.Minute

// noteTime is how long it may take to note what became of an e-mail, even when the mailer's own time is up.
const noteTime = 5 * time.Second

// patience is how long an e-mail waits for a quota of the mail service, which is free again within a day; tooLate is how long after it was due one is
// still sent: each wait takes a little longer than it is to.
const (
	patience = 36 * time.Hour
	tooLate  = patience + queue.MaxDelay
)

// Handle sends the notification that a message names, if its e-mail is due, notes what became of it, and deletes the message. What cannot
// be sent now comes again; what the mail service refuses for a reason that an operator has to see to is parked.
func (w *Mailer) Handle(ctx context.Context, m queue.Message) error {
	if w.Event != nil {
		if r, about, err := w.Event(m.Body); about {
			return w.handleReturn(ctx, m, r, err)
		}
	}
	msg, err := ParseMessage(m.Body)
	if err != nil {
		telemetry.Failure(w.Log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.Park(ctx, m, "malformed")
	}
	ctx = telemetry.WithCorrelation(ctx, w.Log.With().Str("notification", msg.Notification).Str("user", telemetry.Hash(msg.User)).Logger(), msg.Correlation)
	log := zerolog.Ctx(ctx)
	n, err := w.Notifications.Get(ctx, msg.User, msg.Notification)
	switch kind := fault.Of(err); {
	case err == nil:
	case kind == fault.NotFound: // read and gone, or its user was erased
		return w.Queue.Delete(ctx, m.Receipt)
	case kind == fault.Malformed, kind == fault.Invalid: // the latter is an id that is none of ours
		telemetry.Failure(log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.Park(ctx, m, "names no readable notification")
	default:
		return err
	}
	if n.Mail != Due {
		return w.Queue.Delete(ctx, m.Receipt)
	}

	became, err := w.send(ctx, n)
	switch kind := fault.Of(err); {
	case err == nil:
	case errors.Is(err, mail.ErrQuota): // it lasts for hours: waiting must not count as failing
		telemetry.Failure(log.Warn(), err).Msg("e-mail put off")
		return w.putOff(ctx, m, n, queue.MaxDelay)
	case errors.Is(err, errSending) && m.Receives >= queue.MaxReceives: // nor must waiting for one who died
		return w.putOff(ctx, m, n, sendTime)
	case kind.Transient() && m.Receives < queue.MaxReceives:
		return err
	default:
		telemetry.Failure(log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.Park(ctx, m, "the e-mail could not be sent")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime) // a mailer that is stopped just then must not have it sent again
	defer cancel()
	if _, err := w.Notifications.change(ctx, n.User, n.ID, func(n *Notification) bool {
		if n.Mail != Due {
			return false
		}
		n.Mail, n.Sending = became, time.Time{}
		if became == Returned {
			n.MailOnly = false // the user would never hear of it
		}
		return true
	}); err != nil && fault.Of(err) != fault.NotFound {
		return fmt.Errorf("note that a notification was mailed: %w", err)
	}
	log.Info().Str("mail", string(became)).Msg("notification handled")
	return w.Queue.Delete(ctx, m.Receipt)
}

// putOff sends a message of its own, so that the e-mail is sent later.
func (w *Mailer) putOff(ctx context.Context, m queue.Message, n *Notification, delay time.Duration) error {
	if err := w.Notifications.send(ctx, n, delay); err != nil {
		return err
	}
	return w.Queue.Delete(ctx, m.Receipt)
}

// send sends a notification by e-mail if it is still wanted, and returns what became of it. An error means that nothing did yet.
func (w *Mailer) send(ctx context.Context, n *Notification) (MailState, error) {
	if w.Clock().Sub(n.Created) > tooLate {
		return Dropped, nil
	}
	p, err := w.Profile(ctx, n.User)
	if fault.Of(err) == fault.NotFound {
		return Dropped, nil
	}
	if err != nil {
		return "", err
	}
	if p.State() != account.Active || p.Settings.Email == "" || !channels(p.Settings.Notifications, n.Class).Email {
		return Dropped, nil
	}
	if mark, err := w.Notifications.Returned(ctx, p.Settings.Email); err != nil || mark != nil {
		return Returned, err
	}
	n, became, err := w.claim(ctx, n)
	if became != Due || err != nil {
		return became, err
	}
	reader, unsubscribe := phrase.For(p.Settings.Locale, p.Settings.Zone), ""
	if n.Class == Digest && w.Unsubscribe != nil {
		if unsubscribe, err = w.Unsubscribe(ctx, n.User, reader.Language); err != nil {
			w.release(ctx, n, n.Counted)
			return "", err
		}
	}
	counted := n.Counted
	if w.Limits != nil && !counted {
		var over *limit.Exceeded
		switch err := w.Limits.Allow(ctx, n.User, limit.Mails); {
		case errors.As(err, &over):
			return Dropped, nil
		case err != nil:
			w.release(ctx, n, false)
			return "", err
		}
		counted = true
	}
	err = w.Sender.Send(ctx, n.mail(p.Settings.Email, w.Base, unsubscribe, reader))
	switch {
	case fault.Of(err) == fault.Invalid:
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("e-mail refused")
		return Refused, nil
	case err != nil:
		w.release(ctx, n, counted)
	}
	return Sent, err
}

var errSending = fault.New(fault.Unavailable, "the e-mail is being sent by another mailer, or was when that one died")

// claim takes a notification's e-mail for this mailer alone. It returns Due, and the notification as it is now, when that worked, and what became
// of the e-mail when it was sent meanwhile.
func (w *Mailer) claim(ctx context.Context, n *Notification) (*Notification, MailState, error) {
	now, claimed := w.Clock().UTC(), false
	n, err := w.Notifications.change(ctx, n.User, n.ID, func(n *Notification) bool {
		if claimed = n.Mail == Due && !now.Before(n.Sending); claimed {
			n.Sending = now.Add(sendTime)
		}
		return claimed
	})
	switch {
	case fault.Of(err) == fault.NotFound:
		return nil, Dropped, nil
	case err != nil:
		return nil, "", fmt.Errorf("take an e-mail: %w", err)
	case n.Mail == Due && !claimed:
		return nil, "", errSending
	}
	return n, n.Mail, nil
}

// release gives an e-mail that could not be sent free for the next attempt; otherwise that has to wait for the end of the claim. counted says
// whether it counts among those of its user.
func (w *Mailer) release(ctx context.Context, n *Notification, counted bool) {
	_, err := w.Notifications.change(ctx, n.User, n.ID, func(n *Notification) bool {
		n.Sending, n.Counted = time.Time{}, counted
		return true
	})
	if err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("e-mail not released")
	}
}
