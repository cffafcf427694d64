// Package listing keeps which calendars an account had when they were listed last, and shows those where mailboxes cannot be reached.
//
// A listing is kept at USER#<user> / LISTING#<account in lower case>.
package listing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Lister lists the calendars of an account.
type Lister interface {
	Calendars(ctx context.Context, account string) ([]calendar.Info, error)
}

// Listings are the listings of all users.
type Listings struct{ table store.Table }

// New returns the listings that a table holds.
func New(table store.Table) *Listings { return &Listings{table: table} }

const prefix = "LISTING#"

func keyOf(user, account string) store.Key {
	return store.OfUser(user, prefix+strings.ToLower(account))
}

// Calendars lists the calendars of a user's account, and keeps the listing. It is returned even when it cannot be kept.
func (l *Listings) Calendars(ctx context.Context, user, account string, from Lister) ([]calendar.Info, error) {
	infos, err := from.Calendars(ctx, account)
	if err != nil {
		return nil, err
	}
	return infos, l.Keep(ctx, user, account, infos)
}

// Keep writes a listing of an account, if it is another one than is kept.
func (l *Listings) Keep(ctx context.Context, user, account string, infos []calendar.Info) error {
	key := keyOf(user, account)
	before, err := l.table.Get(ctx, key)
	var unknown store.Unknown
	if err == nil {
		unknown, _ = store.Decode(before.Data, &[]calendar.Info{}) // of one that is unreadable nothing stays
	} else if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("read the listing of calendars: %w", err)
	}
	data, err := unknown.Encode(infos)
	if err != nil {
		return err
	}
	if bytes.Equal(before.Data, data) {
		return nil
	}
	if _, err := l.table.Put(ctx, store.Item{Key: key, Data: data}, store.Any()); err != nil {
		return fmt.Errorf("keep the listing of calendars: %w", err)
	}
	return nil
}

// Erase removes the listings of a user.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: prefix}); err != nil {
		return fmt.Errorf("erase listings of calendars: %w", err)
	}
	return nil
}

// Of returns the calendars that were listed last for a user.
func (l *Listings) Of(user string) *Listed { return &Listed{table: l.table, user: user} }

// Listed shows a user's calendars as they were listed last, and nothing of what is in them.
type Listed struct {
	table store.Table
	user  string
}

// Calendars returns the calendars of an account. An account that was never listed is of kind fault.NotFound.
func (l *Listed) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	item, err := l.table.Get(ctx, keyOf(l.user, account))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fault.New(fault.NotFound, "no calendars of account %s are known yet; sign in on the web with it, or start a run", account)
	}
	if err != nil {
		return nil, fmt.Errorf("read the listing of calendars: %w", err)
	}
	var infos []calendar.Info
	if err := json.Unmarshal(item.Data, &infos); err != nil {
		return nil, fault.New(fault.Malformed, "the listing of calendars is unreadable: %v", err)
	}
	return infos, nil
}

// Calendar finds the calendar that uri names, as calendar.Pick does.
func (l *Listed) Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	infos, err := l.Calendars(ctx, uri.Account)
	if err != nil {
		return calendar.Info{}, err
	}
	return calendar.Pick(infos, uri)
}

// errRunsAlone is what is answered where a mailbox would have to be reached.
var errRunsAlone = fault.New(fault.Conflict, "mailboxes are reached by runs alone: create the calendar in Outlook, or let the first run of an "+
	"archive config create it; to see what is in one, start a run with dry_run")

// CreateCalendar fails with kind fault.Conflict, as all that needs the mailbox.
func (*Listed) CreateCalendar(context.Context, calendar.URI) (calendar.Info, error) {
	return calendar.Info{}, errRunsAlone
}

// DeleteCalendar fails as CreateCalendar.
func (*Listed) DeleteCalendar(context.Context, string, string) error { return errRunsAlone }

// Events fails as CreateCalendar.
func (*Listed) Events(context.Context, string, string, time.Time, time.Time) ([]calendar.Event, error) {
	return nil, errRunsAlone
}

// Walk fails as CreateCalendar.
func (*Listed) Walk(context.Context, string, string, time.Time, time.Time, time.Time, func(calendar.Event) (time.Time, error)) error {
	return errRunsAlone
}
