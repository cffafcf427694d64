package notify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/queue"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Mark says of an address that nothing more is mailed to it, since mail to it came back. It is the address's, not a user's: others may have the same.
// The address itself is not kept, only its hash.
type Mark struct {
	Why   mail.Reason `json:"why"`
	At    time.Time   `json:"at"`
	Times int         `json:"times"` // how often it was marked; 0: never
	// Cleared is when mail was let through again; zero while none is. What comes back of mails that were sent before counts no more.
	Cleared time.Time `json:"cleared,omitzero"`
	// Sheets is when mails with timesheets were let through again though somebody complained, which all other mail still waits for; zero while they are not.
	Sheets time.Time `json:"sheets,omitzero"`

	stored  int64
	unknown store.Unknown
}

const (
	// keepMark is how long after it came back nothing is mailed: an address may be another's by then, and the mark is somebody's.
	keepMark = 365 * 24 * time.Hour
	// mostClears is how often the user can let mail through again. After that it takes an administrator: each attempt is one more mail that comes back.
	mostClears = 3
)

// ForAdministrators says that only an administrator lets mail through again: somebody complained of it, or it came back too often.
func (m *Mark) ForAdministrators() bool { return m.Why == mail.Complained || m.Times > mostClears }

// markKey is where the mark of an address is, which may have a name beside it.
func markKey(address string) store.Key {
	if a, err := mail.Address("to", address); err == nil {
		address = a.Address
	}
	sum := sha256.Sum256([]byte(strings.ToLower(address)))
	return store.Key{PK: "ADDRESS#" + hex.EncodeToString(sum[:]), SK: "RETURNED"}
}

// mark returns what stands of an address, cleared or not.
func (s *Notifications) mark(ctx context.Context, address string) (*Mark, error) {
	m := &Mark{}
	item, err := s.table.Get(ctx, markKey(address))
	switch {
	case errors.Is(err, store.ErrNotFound):
		return m, nil
	case err != nil:
		return nil, fmt.Errorf("read whether mail to an address comes back: %w", err)
	case !s.clock().Before(item.Expires):
		m.stored = item.Version
		return m, nil
	}
	unknown, err := store.Decode(item.Data, m)
	if err != nil {
		return nil, fault.New(fault.Malformed, "the mark of an address is unreadable: %v", err)
	}
	m.stored, m.unknown = item.Version, unknown
	return m, nil
}

// Returned returns the mark of an address to which nothing is mailed; nil: there is none, or mail is let through again.
func (s *Notifications) Returned(ctx context.Context, address string) (*Mark, error) {
	if address == "" {
		return nil, nil
	}
	m, err := s.mark(ctx, address)
	if err != nil || m.Times == 0 || !m.Cleared.IsZero() {
		return nil, err
	}
	return m, nil
}

// changeMark changes what stands of an address, or makes it; a change that returns false is none.
func (s *Notifications) changeMark(ctx context.Context, address string, change func(*Mark) bool) (*Mark, error) {
	for range attempts {
		m, err := s.mark(ctx, address)
		if err != nil {
			return nil, err
		}
		if !change(m) {
			return m, nil
		}
		data, err := m.unknown.Encode(m)
		if err != nil {
			return nil, err
		}
		cond := store.VersionIs(m.stored)
		if m.stored == 0 {
			cond = store.Absent()
		}
		_, err = s.table.Put(ctx, store.Item{Key: markKey(address), Expires: m.At.Add(keepMark), Data: data}, cond)
		if err == nil || !errors.Is(err, store.ErrConflict) {
			return m, err
		}
	}
	return nil, errBusy
}

// comesBack marks an address. It returns nil when the mail was sent before mail was let through again, and what stands already when it is another mail
// that was under way.
func (s *Notifications) comesBack(ctx context.Context, address string, r mail.Return) (*Mark, error) {
	counts := false
	m, err := s.changeMark(ctx, address, func(m *Mark) bool {
		stands := m.Times > 0 && m.Cleared.IsZero()
		anew := !stands || !m.Sheets.IsZero() && r.Sent.After(m.Sheets)
		counts = stands || r.Sent.After(m.Cleared)
		switch {
		case !counts, !anew && (m.Why == mail.Complained || r.Why != mail.Complained):
			return false
		case anew:
			m.Times++
		}
		if !stands || m.Why != mail.Complained { // a complaint outlasts what comes back later
			m.Why = r.Why
		}
		m.At, m.Cleared, m.Sheets = s.clock().UTC(), time.Time{}, time.Time{}
		return true
	})
	if err != nil || !counts {
		return nil, err
	}
	return m, nil
}

// MailAgain lets mail to an address through again. Where nothing held it back, nothing happens. What takes an administrator is of kind fault.Forbidden
// for others.
func (s *Notifications) MailAgain(ctx context.Context, address string, administrator bool) error {
	m, err := s.Returned(ctx, address)
	if err != nil || m == nil {
		return err
	}
	if m.ForAdministrators() && !administrator {
		return fault.New(fault.Forbidden, "only an administrator lets e-mail to your address through again: %s", whyHeld(m))
	}
	_, err = s.changeMark(ctx, address, func(m *Mark) bool {
		if m.Times == 0 || !m.Cleared.IsZero() {
			return false
		}
		m.Cleared = s.clock().UTC()
		return true
	})
	return err
}

// SheetsReturned returns the mark of an address to which no mails with timesheets go; nil: there is none, or they are let through again.
func (s *Notifications) SheetsReturned(ctx context.Context, address string) (*Mark, error) {
	m, err := s.Returned(ctx, address)
	if err != nil || m == nil || !m.Sheets.IsZero() {
		return nil, err
	}
	return m, nil
}

// ForNobody says that no mail with a timesheet goes to the address any more, whatever its sender says: it came back too often.
func (m *Mark) ForNobody() bool { return m.Times > mostClears }

// SheetsAgain lets mails with timesheets to an address through again. Where nothing held them back, nothing happens. confirmed says that the sender asked
// whoever reads it, which a complaint needs: else the error is of kind fault.Invalid, field "confirm". An address to which mail came back too often is of kind
// fault.Conflict.
func (s *Notifications) SheetsAgain(ctx context.Context, address string, confirmed bool) error {
	var refused error
	_, err := s.changeMark(ctx, address, func(m *Mark) bool {
		refused = nil
		switch {
		case m.Times == 0, !m.Cleared.IsZero(), !m.Sheets.IsZero():
			return false
		case m.ForNobody():
			refused = fault.New(fault.Conflict, "mail came back from this address too often; give the customer another one")
			return false
		case m.Why != mail.Complained:
			m.Cleared = s.clock().UTC()
		case !confirmed:
			refused = fault.Field("confirm", "must be the address once more: whoever reads it called a mail unwanted, so ask them before you send another")
			return false
		default:
			m.Sheets = s.clock().UTC()
		}
		return true
	})
	return errors.Join(err, refused)
}

func whyHeld(m *Mark) string {
	if m.Why == mail.Complained {
		return "whoever reads it called an e-mail of ours unwanted"
	}
	return "it came back each time"
}

// handleReturn does what an event says, and deletes its message; err is why it could not be read.
func (w *Mailer) handleReturn(ctx context.Context, m queue.Message, r mail.Return, err error) error {
	if err != nil {
		telemetry.Failure(w.Log.Error(), err).Str("message_id", m.ID).Msg("message parked")
		return w.Park(ctx, m, "malformed")
	}
	ctx = w.Log.With().Str("notification", r.ID).Str("user", telemetry.Hash(r.For)).Logger().WithContext(ctx)
	if err := w.ComesBack(ctx, r); err != nil {
		return err
	}
	return w.Queue.Delete(ctx, m.Receipt)
}

// ComesBack notes that a mail came back: nothing more is mailed to its addresses, the notification says so and is shown in the application, even if it
// was to go by e-mail alone, and the user is told. It may be called any number of times for the same mail.
func (w *Mailer) ComesBack(ctx context.Context, r mail.Return) error {
	log := zerolog.Ctx(ctx)
	for _, address := range r.To {
		m, err := w.Notifications.comesBack(ctx, address, r)
		if err != nil {
			return err
		}
		if m == nil {
			continue
		}
		log.Info().Str("why", string(r.Why)).Str("address", telemetry.Hash(strings.ToLower(address))).Msg("nothing more is mailed to an address")
		if r.For == "" {
			continue
		}
		_, err = w.Notifications.change(ctx, r.For, r.ID, func(n *Notification) bool {
			changed := n.Mail != Returned || n.MailOnly
			n.Mail, n.MailOnly = Returned, false
			return changed
		})
		switch kind := fault.Of(err); {
		case err == nil:
		case kind == fault.NotFound || kind == fault.Invalid:
			if w.Others != nil {
				if err := w.Others(ctx, r); err != nil {
					return err
				}
			}
		default:
			return fmt.Errorf("note that an e-mail came back: %w", err)
		}
		p, err := w.Profile(ctx, r.For)
		switch {
		case fault.Of(err) == fault.NotFound:
			continue
		case err != nil:
			return err
		}
		if w.Returned != nil && markKey(p.Settings.Email) == markKey(address) { // else the user has another address by now
			if err := w.Returned(ctx, p, *m); err != nil {
				return err
			}
		}
	}
	return nil
}
