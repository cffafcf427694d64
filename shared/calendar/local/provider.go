// Package local keeps calendars in our own store, behind the same port as Outlook's.
package local

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/store"
)

const (
	// attempts is how often a write is tried when others change the same calendar.
	attempts = 5
	// maxName is the largest size of a calendar's name in bytes.
	maxName = 255
	// primaryName is what the default calendar is called when it is made as "primary".
	primaryName = "Calendar"
)

// Provider is the calendars of a user's accounts; For names the user. An account is named in any case.
type Provider struct {
	// MostEvents is how many bytes of events a reading returns at most, as calendar.Gathering counts them; 0: any number.
	MostEvents int64

	table store.Table
	user  string
	ids   func() string
	clock func() time.Time
}

var _ calendar.Provider = (*Provider)(nil)

// New makes a Provider. ids returns a new id each time, of letters, digits and "-_".
func New(table store.Table, ids func() string, clock func() time.Time) *Provider {
	return &Provider{table: table, ids: ids, clock: clock}
}

// For returns the calendars of one user: nobody else's are there for it, whatever the account is called.
func (p *Provider) For(user string) *Provider {
	bound := *p
	bound.user = user
	return &bound
}

// record is a calendar.
type record struct {
	user    string
	account string
	version int64
	unknown store.Unknown

	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Primary bool      `json:"primary,omitempty"`
	Created time.Time `json:"created"`
	// Prepared is a generation that is being written, and Switched the one that counts, though it may not be carried over yet.
	Prepared string `json:"prepared,omitempty"`
	Switched string `json:"switched,omitempty"`
}

func (c *record) info() calendar.Info {
	uri := calendar.URI{Provider: calendar.ProviderLocal, Account: c.account, Calendar: c.Name}
	return calendar.Info{ID: c.ID, Name: c.Name, URI: uri, Primary: c.Primary, CanEdit: true}
}

func decode(item store.Item, into any) error {
	return readable(item, json.Unmarshal(item.Data, into))
}

// decodeRecord is decode for an item that may be written back.
func decodeRecord(item store.Item, into any) (store.Unknown, error) {
	unknown, err := store.Decode(item.Data, into)
	return unknown, readable(item, err)
}

func readable(item store.Item, err error) error {
	if err != nil {
		return fault.New(fault.Malformed, "stored item %s %s cannot be read: %v", item.PK, item.SK, err)
	}
	return nil
}

func encode(key store.Key, v any) *store.Item { return encodeRecord(key, store.Unknown{}, v) }

// encodeRecord makes an item anew, with what is unknown of the one that was read.
func encodeRecord(key store.Key, unknown store.Unknown, v any) *store.Item {
	data, _ := unknown.Encode(v) // plain structs always can be
	return &store.Item{Key: key, Data: data}
}

func errNoCalendar(account, id string) error {
	return calendar.Told(fault.NotFound, calendar.ErrNotFound, "calendar %.200q not found in %s", id, account)
}

// readRecord makes the calendar of an item.
func (p *Provider) readRecord(account string, item store.Item) (*record, error) {
	c := &record{user: p.user, account: account, version: item.Version}
	var err error
	c.unknown, err = decodeRecord(item, c)
	return c, err
}

// open finds a calendar by id. Errors: calendar.ErrNotFound.
func (p *Provider) open(ctx context.Context, account, id string) (*record, error) {
	key := (&record{user: p.user, account: account, ID: id}).key()
	if key.Check() != nil {
		return nil, errNoCalendar(account, id)
	}
	item, err := p.table.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, errNoCalendar(account, id)
	}
	if err != nil {
		return nil, fmt.Errorf("find calendar %s: %w", id, err)
	}
	return p.readRecord(account, item)
}

// Calendars lists the calendars of an account, by name. An account that has none is no error.
func (p *Provider) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	items, err := store.All(ctx, p.table, store.Query{PK: accountPK(p.user, account), Prefix: prefixCalendar})
	if err != nil {
		return nil, fmt.Errorf("list calendars: %w", err)
	}
	list := make([]calendar.Info, len(items))
	for i, item := range items {
		c, err := p.readRecord(account, item)
		if err != nil {
			return nil, err
		}
		list[i] = c.info()
	}
	slices.SortFunc(list, func(a, b calendar.Info) int {
		return cmp.Or(strings.Compare(fold(a.Name), fold(b.Name)), strings.Compare(a.ID, b.ID))
	})
	return list, nil
}

// Calendar finds the one that uri names. "primary" is the first one that was made for the account.
func (p *Provider) Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	list, err := p.Calendars(ctx, uri.Account)
	if err != nil {
		return calendar.Info{}, err
	}
	return calendar.Pick(list, uri)
}

// CreateCalendar makes an empty calendar. The first one of an account is its default calendar; made as "primary" it is named "Calendar".
// Errors: calendar.ErrExists, fault.Invalid when the name is blank, too long or has control characters, and fault.Conflict when the user
// has limit.LocalCalendars already.
func (p *Provider) CreateCalendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	name := strings.TrimSpace(uri.Calendar)
	switch {
	case uri.Provider != calendar.ProviderLocal:
		return calendar.Info{}, fault.Field("calendar", "%s is not a local calendar", uri)
	case strings.TrimSpace(uri.Account) == "":
		return calendar.Info{}, fault.Field("calendar", "has no account")
	case name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return calendar.Info{}, fault.Field("calendar", "must have a name of at most %d bytes, without control characters", maxName)
	}
	for range attempts {
		list, err := p.Calendars(ctx, uri.Account)
		if err != nil {
			return calendar.Info{}, err
		}
		switch found, err := calendar.Pick(list, uri); {
		case err == nil:
			return calendar.Info{}, calendar.Told(fault.Conflict, calendar.ErrExists, "calendar %q of %s exists already: id %s", found.Name, uri.Account, found.ID)
		case !errors.Is(err, calendar.ErrNotFound):
			return calendar.Info{}, err
		}
		if uri.IsPrimary() {
			name = primaryName
		}
		c := &record{user: p.user, account: uri.Account, ID: p.ids(), Name: name, Created: p.clock().UTC()}
		if err := p.room(ctx); err != nil {
			return calendar.Info{}, err
		}
		c.Primary = !slices.ContainsFunc(list, func(i calendar.Info) bool { return i.Primary })
		ops := []store.Op{
			{Put: c.indexed(encode(c.key(), c)), If: store.Absent()},
			{Put: encode(c.nameKey(), c.ID), If: store.Absent()},
		}
		if c.Primary {
			ops = append(ops, store.Op{Put: encode(c.primaryKey(), c.ID), If: store.Absent()})
		}
		err = p.table.Transact(ctx, ops)
		if err == nil {
			return c.info(), nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return calendar.Info{}, fmt.Errorf("create calendar: %w", err)
		}
		if uri.IsPrimary() && slices.ContainsFunc(list, func(i calendar.Info) bool { return calendar.SameName(i.Name, name) }) {
			return calendar.Info{}, calendar.Told(fault.Conflict, calendar.ErrExists,
				"a calendar %q of %s exists already, which is not the default one", name, uri.Account)
		}
	}
	return calendar.Info{}, errBusy()
}

// room says whether the user may have one more calendar. The index lags behind by moments, so that calendars made at the same time may
// be a few more: the cap keeps lists and their pages small, and no harm comes from these few.
func (p *Provider) room(ctx context.Context) error {
	items, err := store.All(ctx, p.table, store.Query{Index: true, PK: indexPK(p.user)})
	if err != nil {
		return fmt.Errorf("count calendars: %w", err)
	}
	if len(items) >= limit.LocalCalendars {
		return fault.New(fault.Conflict, "there are %d local calendars already, as many as there may be; delete one first", len(items))
	}
	return nil
}

func (c *record) nameKey() store.Key {
	return store.Key{PK: accountPK(c.user, c.account), SK: prefixName + fold(c.Name)}
}

func (c *record) primaryKey() store.Key {
	return store.Key{PK: accountPK(c.user, c.account), SK: keyPrimary}
}

func (c *record) deletingKey() store.Key {
	return store.Key{PK: accountPK(c.user, c.account), SK: prefixDeleting + c.ID}
}

// errBusy says that others changed the calendar during each attempt.
func errBusy() error {
	return fault.New(fault.Throttled, "the calendar is being changed by others at the same time; try again")
}

// DiscardCalendar is DeleteCalendar: nothing stays of a local calendar.
func (p *Provider) DiscardCalendar(ctx context.Context, account, calendarID string) error {
	return p.DeleteCalendar(ctx, account, calendarID)
}

// DeleteCalendar removes a calendar with all its events. It is gone at once; when removing its events fails,
// another call goes on with them.
func (p *Provider) DeleteCalendar(ctx context.Context, account, calendarID string) error {
	c, err := p.open(ctx, account, calendarID)
	switch {
	case err == nil:
		ops := []store.Op{
			{Put: c.indexed(encodeRecord(c.deletingKey(), c.unknown, c))},
			{Delete: new(c.key()), If: store.VersionIs(c.version)},
			{Delete: new(c.nameKey())},
		}
		if c.Primary {
			ops = append(ops, store.Op{Delete: new(c.primaryKey())})
		}
		if err := p.table.Transact(ctx, ops); err != nil && !errors.Is(err, store.ErrConflict) { // a conflict: another call did it
			return fmt.Errorf("delete calendar: %w", err)
		}
	case errors.Is(err, calendar.ErrNotFound):
		c = &record{user: p.user, account: account, ID: calendarID}
		if c.deletingKey().Check() != nil {
			return err
		}
		going, unfinished := p.table.Get(ctx, c.deletingKey())
		if errors.Is(unfinished, store.ErrNotFound) {
			return err
		} else if unfinished != nil {
			return fmt.Errorf("delete calendar: %w", unfinished)
		}
		if c, err = p.readRecord(account, going); err != nil {
			return err
		}
	default:
		return err
	}
	for _, pk := range append(generations(calendarID, c), keysPK(calendarID), eventsPK(calendarID)) {
		if err := store.Clear(ctx, p.table, store.Query{PK: pk}); err != nil {
			return fmt.Errorf("delete the calendar's events: %w", err)
		}
	}
	return p.table.Delete(ctx, c.deletingKey(), store.Any())
}
