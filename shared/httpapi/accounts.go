package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// The accounts that a user made calendars or archive configs with are kept at USER#<user> / ACCOUNT#<provider>#<account in lower
// case>, so that their calendars can be listed without naming them.

const prefixAccount = "ACCOUNT#"

// rememberAccounts notes the accounts of calendars.
func (s *server) rememberAccounts(ctx context.Context, who string, uris ...calendar.URI) error {
	var items []store.Item
	seen := map[string]bool{}
	for _, uri := range uris {
		sk := prefixAccount + uri.Provider + "#" + strings.ToLower(uri.Account)
		if seen[sk] {
			continue
		}
		seen[sk] = true
		data, err := json.Marshal(uri.Account)
		if err != nil {
			return err
		}
		items = append(items, store.Item{Key: store.OfUser(who, sk), Data: data})
	}
	if err := s.Table.BatchPut(ctx, items); err != nil {
		return fmt.Errorf("note an account: %w", err)
	}
	return nil
}

// accounts returns the accounts of a provider that a user named so far.
func (s *server) accounts(ctx context.Context, who, provider string) ([]string, error) {
	items, err := store.All(ctx, s.Table, store.Query{PK: store.UserPartition(who), Prefix: prefixAccount + provider + "#"})
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
