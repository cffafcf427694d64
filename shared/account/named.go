package account

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// NamedAccounts are the accounts of providers in which users named calendars, so that their calendars can be listed without naming the accounts.
// They are at USER#<user> / ACCOUNT#<provider>#<account in lower case>.
type NamedAccounts struct{ table store.Table }

// NewNamedAccounts returns those that a table holds.
func NewNamedAccounts(table store.Table) *NamedAccounts { return &NamedAccounts{table: table} }

const prefixNamed = "ACCOUNT#"

func namedKey(user string, uri calendar.URI) store.Key {
	return store.OfUser(user, prefixNamed+uri.Provider+"#"+strings.ToLower(uri.Account))
}

// Note keeps the accounts of calendars that a user named.
func (a *NamedAccounts) Note(ctx context.Context, user string, uris ...calendar.URI) error {
	var items []store.Item
	seen := map[store.Key]bool{}
	for _, uri := range uris {
		key := namedKey(user, uri)
		if seen[key] {
			continue
		}
		seen[key] = true
		data, err := json.Marshal(uri.Account)
		if err != nil {
			return err
		}
		items = append(items, store.Item{Key: key, Data: data})
	}
	if err := a.table.BatchPut(ctx, items); err != nil {
		return fmt.Errorf("note an account: %w", err)
	}
	return nil
}

// List returns the accounts of a provider that a user named, as they were written last.
func (a *NamedAccounts) List(ctx context.Context, user, provider string) ([]string, error) {
	items, err := store.All(ctx, a.table, store.Query{PK: store.UserPartition(user), Prefix: prefixNamed + provider + "#"})
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	names := make([]string, len(items))
	for i, item := range items {
		if err := json.Unmarshal(item.Data, &names[i]); err != nil {
			return nil, fault.New(fault.Malformed, "account %s is unreadable: %v", item.SK, err)
		}
	}
	return names, nil
}

// EraseNamed removes the accounts that a user named.
func EraseNamed(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: prefixNamed}); err != nil {
		return fmt.Errorf("erase the accounts that were named: %w", err)
	}
	return nil
}
