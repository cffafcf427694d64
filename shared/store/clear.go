package store

import (
	"context"
	"errors"
)

const removeAttempts = 5

// Clear deletes every item that a query finds, page by page. It is not atomic: after an error some are deleted and some not, and
// another Clear goes on. The query's Limit and Cursor do not matter.
func Clear(ctx context.Context, t Table, q Query) error {
	q.Limit, q.Cursor = MaxTransact, ""
	for {
		page, err := t.Query(ctx, q)
		if err != nil {
			return err
		}
		keys := make([]Key, len(page.Items))
		for i := range page.Items {
			keys[i] = page.Items[i].Key
		}
		if err := Remove(ctx, t, keys...); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

// Remove deletes up to MaxTransact items, whatever their versions: all, or none. It repeats the attempt when other transactions get in the way.
func Remove(ctx context.Context, t Table, keys ...Key) (err error) {
	if len(keys) == 0 {
		return nil
	}
	ops := make([]Op, len(keys))
	for i := range keys {
		ops[i].Delete = &keys[i]
	}
	for range removeAttempts {
		if err = t.Transact(ctx, ops); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}
