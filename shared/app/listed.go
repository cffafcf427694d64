package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Where users' tokens cannot be opened, the calendars of Microsoft 365 are those that a sign-in or a run listed last. They are kept at
// USER#<user> / LISTING#<account in lower case>.

const prefixListing = "LISTING#"

func listingKey(user, account string) store.Key {
	return store.OfUser(user, prefixListing+strings.ToLower(account))
}

// note keeps a listing, if it is another one than is kept.
func note(ctx context.Context, table store.Table, user, account string, infos []calendar.Info) error {
	key := listingKey(user, account)
	before, err := table.Get(ctx, key)
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
	if _, err = table.Put(ctx, store.Item{Key: key, Data: data}, store.Any()); err != nil {
		return fmt.Errorf("keep the listing of calendars: %w", err)
	}
	return nil
}

// eraseListings removes what is kept of a user's listings.
func eraseListings(ctx context.Context, table store.Table, user string) error {
	return store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: prefixListing})
}

// noting keeps what it lists.
type noting struct {
	*graph.Provider
	table store.Table
	user  string
}

// Calendars implements calendar.Provider.
func (n *noting) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	infos, err := n.Provider.Calendars(ctx, account)
	if err != nil {
		return nil, err
	}
	return infos, note(ctx, n.table, n.user, account, infos)
}

// listed shows the calendars that were listed last, and nothing of what is in them.
type listed struct {
	table store.Table
	user  string
}

var _ calendar.Provider = listed{}

// Calendars implements calendar.Provider.
func (l listed) Calendars(ctx context.Context, account string) ([]calendar.Info, error) {
	item, err := l.table.Get(ctx, listingKey(l.user, account))
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

// Calendar implements calendar.Provider.
func (l listed) Calendar(ctx context.Context, uri calendar.URI) (calendar.Info, error) {
	infos, err := l.Calendars(ctx, uri.Account)
	if err != nil {
		return calendar.Info{}, err
	}
	return calendar.Pick(infos, uri)
}

// errRunsAlone is what is answered where a mailbox would have to be reached.
var errRunsAlone = fault.New(fault.Conflict, "mailboxes are reached by runs alone: create the calendar in Outlook, or let the first run of an archive config create it; "+
	"to see what is in one, start a run with dry_run")

func (listed) CreateCalendar(context.Context, calendar.URI) (calendar.Info, error) {
	return calendar.Info{}, errRunsAlone
}

func (listed) DeleteCalendar(context.Context, string, string) error { return errRunsAlone }

func (listed) Events(context.Context, string, string, time.Time, time.Time) ([]calendar.Event, error) {
	return nil, errRunsAlone
}

func (listed) Bodies(context.Context, string, string, []string, time.Time, time.Time) (map[string]calendar.Body, error) {
	return nil, errRunsAlone
}

func (listed) Marked(context.Context, string, string, []string) (map[string]calendar.Event, error) {
	return nil, errRunsAlone
}

func (listed) Find(context.Context, string, string, []string) (map[string]calendar.Event, error) {
	return nil, errRunsAlone
}

func (listed) Zones(context.Context, string, string) ([]calendar.Zone, error) {
	return nil, errRunsAlone
}

func (listed) Kept(context.Context, string, string, func(calendar.Kept) error) error {
	return errRunsAlone
}

func (listed) Instances(context.Context, string, string, string, time.Time, time.Time) ([]calendar.Event, error) {
	return nil, errRunsAlone
}

func (listed) AdoptZones(context.Context, string, string, []calendar.Zone) (map[string]string, error) {
	return nil, errRunsAlone
}

func (listed) Marks(context.Context, string, string, func(id, mark string) error) error {
	return errRunsAlone
}

func (listed) Create(context.Context, string, string, []calendar.Draft) ([]calendar.WriteResult, error) {
	return nil, errRunsAlone
}

func (listed) Update(context.Context, string, string, []calendar.Update) ([]calendar.WriteResult, error) {
	return nil, errRunsAlone
}

func (listed) Delete(context.Context, string, string, []string) ([]calendar.WriteResult, error) {
	return nil, errRunsAlone
}
