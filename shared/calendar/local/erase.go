package local

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"adminassistant/shared/store"
)

// Erase removes all calendars of the user, in all accounts, with their events, and the accounts' categories. It gets further with every call.
func (p *Provider) Erase(ctx context.Context) error {
	if err := p.eraseCategories(ctx); err != nil {
		return err
	}
	q := store.Query{Index: true, PK: indexPK(p.user), Limit: store.MaxTransact}
	for {
		page, err := p.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("erase calendars: %w", err)
		}
		for _, item := range page.Items {
			if err := p.erase(ctx, item); err != nil {
				return fmt.Errorf("erase calendar %s: %w", item.IndexSK, err)
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

// erase removes the calendar of an indexed item, and with the last one of its account all that the account has. The calendar is gone
// before its events are, so that nobody adds to them meanwhile.
func (p *Provider) erase(ctx context.Context, item store.Item) error {
	if id, there := strings.CutPrefix(item.SK, prefixCalendar); there {
		going := item
		going.SK = prefixDeleting + id
		if err := p.table.Transact(ctx, []store.Op{{Put: &going}, {Delete: &item.Key}}); err != nil {
			return err
		}
		item = going
	}
	var c record
	if err := decode(item, &c); err != nil {
		return err
	}
	for _, pk := range append(generations(item.IndexSK, &c), keysPK(item.IndexSK), eventsPK(item.IndexSK)) {
		if err := store.Clear(ctx, p.table, store.Query{PK: pk}); err != nil {
			return err
		}
	}
	last := true
	for _, prefix := range []string{prefixCalendar, prefixDeleting} {
		page, err := p.table.Query(ctx, store.Query{PK: item.PK, Prefix: prefix, Limit: 2})
		if err != nil {
			return err
		}
		last = last && !slices.ContainsFunc(page.Items, func(other store.Item) bool { return other.Key != item.Key })
	}
	if last {
		for _, prefix := range []string{prefixName, keyPrimary} {
			if err := store.Clear(ctx, p.table, store.Query{PK: item.PK, Prefix: prefix}); err != nil {
				return err
			}
		}
	}
	return store.Remove(ctx, p.table, item.Key) // the record by which all the rest is found is removed last
}
