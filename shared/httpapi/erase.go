package httpapi

import (
	"context"
	"fmt"

	"adminassistant/shared/limit"
	"adminassistant/shared/store"
)

// EraseRecords removes what the API itself keeps for a user: answers to requests with an idempotency key, the accounts that the user
// has named, and counts of requests.
func EraseRecords(ctx context.Context, table store.Table, user string) error {
	for _, q := range []store.Query{{PK: idempotencyPK(user)}, {PK: store.UserPartition(user), Prefix: prefixAccount}} {
		if err := store.Clear(ctx, table, q); err != nil {
			return fmt.Errorf("erase records of requests: %w", err)
		}
	}
	return limit.Erase(ctx, table, user)
}
