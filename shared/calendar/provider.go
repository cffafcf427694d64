package calendar

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/fault"
)

var (
	// ErrNotFound means that no calendar or event of that name or id is there.
	ErrNotFound = errors.New("calendar: not found")
	// ErrAmbiguous means that more than one calendar has the name; the error's text lists their ids.
	ErrAmbiguous = errors.New("calendar: name is ambiguous")
	// ErrExists means that a calendar of that name is there already.
	ErrExists = errors.New("calendar: exists already")
	// ErrNoMailbox means that there is no such mailbox, or that the user may not reach it. The two are one answer, so that nobody learns which
	// mailboxes there are. It is of kind fault.NotFound.
	ErrNoMailbox = fault.New(fault.NotFound, "no such mailbox, or it was not granted to you")
	// ErrOutOfReach means that the provider does not let the mailbox be reached, for a while or for good. It is of kind fault.Unavailable.
	ErrOutOfReach = errors.New("calendar: the mailbox is out of reach")
	// ErrTaken means that a draft's transaction id belongs to another event, or to one that is gone: no create with it makes anything.
	ErrTaken = errors.New("calendar: the transaction id is taken")
)

// told is one of the errors above in words for a user; the error itself is for programs.
type told struct {
	text string
	is   error
}

func (t *told) Error() string { return t.text }

func (t *told) Unwrap() error { return t.is }

// Told makes an error of a kind that is one of the errors above, and whose text is for users: without that of the error.
func Told(kind fault.Kind, is error, format string, args ...any) error {
	return fault.Wrap(kind, &told{fmt.Sprintf(format, args...), is})
}

// Info describes a calendar of a provider.
type Info struct {
	ID      string `json:"id"`   // the provider's id, immutable
	Name    string `json:"name"` // as the user sees it
	URI     URI    `json:"uri"`
	Primary bool   `json:"primary"`
	CanEdit bool   `json:"can_edit"`
}

// Draft is what we write into a calendar: one copy of an appointment, or of a series. It has no attendees, asks for no response,
// makes no online meeting and sets no reminder, so that writing it can notify nobody.
type Draft struct {
	// Mark is stored with the event as our extended property and distinguishes our copies from everybody else's. It names the
	// ledger entry that the copy shows. Two live events of one calendar never have the same mark.
	Mark string `json:"mark"`
	// TransactionID makes a repeated create one create: the provider answers with the event that the first one made.
	TransactionID string `json:"transaction_id"`

	Subject     string      `json:"subject"`
	Body        Body        `json:"body"`
	Start       DateTime    `json:"start"` // midnight of the first day when AllDay
	End         DateTime    `json:"end"`   // midnight after the last day when AllDay
	AllDay      bool        `json:"all_day,omitempty"`
	Location    string      `json:"location,omitempty"`
	Categories  []string    `json:"categories,omitempty"`
	ShowAs      ShowAs      `json:"show_as"`
	Importance  Importance  `json:"importance"`
	Sensitivity Sensitivity `json:"sensitivity"`

	// Recurrence makes the draft a series: Start and End are those of its first instance, and it repeats on the clocks of Start's zone. The
	// instances that Recurrence.Without names, and those that are to differ, are for the caller to delete and to update by their ids (see
	// Provider.Instances): a create may leave them in place. Nil: an event by itself, or an instance.
	Recurrence *Recurrence `json:"recurrence,omitempty"`
}

// Renewed is the nth transaction id of a draft whose first one was taken by an event that is gone: the same each time, so that a repeated create
// still makes one event.
func Renewed(transactionID string, nth int) string {
	first, _, _ := strings.Cut(transactionID, "-again-")
	return fmt.Sprintf("%s-again-%d", first, nth)
}

// WriteResult is the outcome of one write of several. Err is classified by its fault.Kind: a transient one may be tried
// again, any other is final for this event.
type WriteResult struct {
	ID        string // of the event that is there now
	ChangeKey string
	Err       error
}

// Update replaces the event of an id by a draft.
type Update struct {
	ID    string
	Draft Draft
}

// Provider is a place that holds calendars: all that the adapters do, and package providertest checks for each. A caller declares the part that it
// needs: archive.Provider, backup.Provider, restore.Provider. A read that fails in part fails as a whole, but for Unread: what is returned is complete.
// Times are UTC instants or wall times with a zone; see DateTime. Errors: ErrNotFound, ErrAmbiguous, ErrExists, and the kinds of package fault.
type Provider interface {
	// Calendars lists the calendars of an account, by name.
	Calendars(ctx context.Context, account string) ([]Info, error)
	// Calendar finds the one that uri names: by id, else by name (case-insensitive), else the default one for "primary".
	Calendar(ctx context.Context, uri URI) (Info, error)
	// CreateCalendar makes an empty calendar of uri's name.
	CreateCalendar(ctx context.Context, uri URI) (Info, error)
	// DeleteCalendar removes a calendar with all its events.
	DeleteCalendar(ctx context.Context, account, calendarID string) error
	// DiscardCalendar is DeleteCalendar for a calendar of no worth to anybody: where that can be had, nothing of it stays among what its user deleted.
	DiscardCalendar(ctx context.Context, account, calendarID string) error

	// Events returns every event that overlaps [from, to) or starts in it, series expanded, each id once with its mark, in no particular order.
	// Bodies may be left out: then Body is empty and BodyUnread is set. That holds for Marked, Find and Instances too. More events than the provider
	// may hold at once are an error of kind fault.Invalid. With an error that is an *Unread the events are all that could be read.
	Events(ctx context.Context, account, calendarID string, from, to time.Time) ([]Event, error)
	// Walk hands those of these events to each that start at since or later (a zero since: all), in no particular order, with memory that does not
	// grow with them. each returns until when events still matter, zero for all: those that start later may be left out from then on. Of events
	// without a zone, and of days, more may come: those that would be among them in some zone. One that is changed meanwhile may come twice. An
	// error of each stops it and is returned as it is; an *Unread comes at the end.
	Walk(ctx context.Context, account, calendarID string, from, to, since time.Time, each func(Event) (until time.Time, err error)) error
	// Bodies returns the bodies of some events by id: an empty one where the event has no text, or its text is hidden from us. The body of an event that
	// is not there, or does not let it be read, is left out. All of the events are within [from, to), so that many may be read as a window.
	Bodies(ctx context.Context, account, calendarID string, ids []string, from, to time.Time) (map[string]Body, error)
	// Marked returns, by mark, the events and series in the calendar that carry one of these marks, whenever they are. Exceptions may be left out:
	// Instances has them with their marks.
	Marked(ctx context.Context, account, calendarID string, marks []string) (map[string]Event, error)

	// Find returns, by id, those of some events, series and instances of series that are in the calendar, also those that are Withheld.
	Find(ctx context.Context, account, calendarID string, ids []string) (map[string]Event, error)

	// Zones returns the time zones that only the calendar itself explains, by ID; Microsoft 365 has none.
	Zones(ctx context.Context, account, calendarID string) ([]Zone, error)
	// Kept hands all that the calendar keeps to each, whenever it is: events by themselves and series with their exceptions, bodies included,
	// each once, in no particular order, with memory that does not grow with the calendar. Times may be written in a zone that only Zones explains.
	// An error that each returns stops the reading and is returned as it is. A read that fails in part fails as a whole: what was handed over then does not count.
	Kept(ctx context.Context, account, calendarID string, each func(Kept) error) error
	// Instances returns the instances of a series that start in [from, to), deleted ones left out, of type Occurrence or Exception. An Occurrence
	// carries the mark of its series. Errors: ErrNotFound; Invalid for an event that is no series.
	Instances(ctx context.Context, account, calendarID, masterID string, from, to time.Time) ([]Event, error)

	// Marks hands every event by itself and every series of the calendar to each, with its mark or "" when it has none, whenever it is and in no
	// particular order, with memory that does not grow with the calendar. One that is changed meanwhile may come twice. An error of each stops the
	// reading and is returned as it is.
	Marks(ctx context.Context, account, calendarID string, each func(id, mark string) error) error

	// AdoptZones makes zones known to the calendar, and returns under which names those are known there that had to be renamed, because another
	// zone has their name. Where a calendar cannot explain zones, as in Microsoft 365, none is adopted: a draft that needs one is Invalid there.
	AdoptZones(ctx context.Context, account, calendarID string, zones []Zone) (renamed map[string]string, err error)

	// Create writes new events. There is one result per draft, in order; an error means that nothing is known about any of them. ErrTaken in a
	// result means that the draft needs another transaction id.
	// A recurrence that the provider cannot keep is a result of kind Invalid that says what to do.
	Create(ctx context.Context, account, calendarID string, drafts []Draft) ([]WriteResult, error)
	// Update replaces events; ErrNotFound in a result means that the event is gone. A draft with a Recurrence is for a series, which loses its
	// exceptions and has its deleted instances back; one without is for an event by itself or for an instance.
	Update(ctx context.Context, account, calendarID string, updates []Update) ([]WriteResult, error)
	// Delete removes events; one that is already gone is a success. The id of a series removes all of it, that of an instance the instance.
	Delete(ctx context.Context, account, calendarID string, ids []string) ([]WriteResult, error)
}

// OneName returns the one name that stands for all by which a provider knows an account to be the same, so that accounts can be compared; a mailbox of
// Microsoft 365 has several. provider is whatever has a part of a Provider's methods. Errors are the provider's: ErrNoMailbox.
func OneName(ctx context.Context, provider any, account string) (string, error) {
	if p, ok := provider.(interface {
		Mailbox(ctx context.Context, account string) (string, error)
	}); ok {
		return p.Mailbox(ctx, account)
	}
	return strings.ToLower(strings.TrimSpace(account)), nil
}

// Pick finds the calendar that uri names among those of its account: by id, else by name, else the default one for "primary".
// ErrNotFound is of kind fault.NotFound; ErrAmbiguous of kind fault.Conflict, its text lists the ids.
func Pick(calendars []Info, uri URI) (Info, error) {
	var named []Info
	for _, c := range calendars {
		if c.ID == uri.Calendar {
			return c, nil
		}
		if SameName(c.Name, uri.Calendar) || uri.IsPrimary() && c.Primary {
			named = append(named, c)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return Info{}, Told(fault.NotFound, ErrNotFound, "calendar %q not found in %s", uri.Calendar, uri.Account)
	}
	ids := make([]string, len(named))
	for i, c := range named {
		ids[i] = c.ID
	}
	return Info{}, Told(fault.Conflict, ErrAmbiguous, "%d calendars in %s are named %q; name one by its id: %s",
		len(named), uri.Account, uri.Calendar, strings.Join(ids, ", "))
}
