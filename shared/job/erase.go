package job

import (
	"context"
	"fmt"

	"adminassistant/shared/store"
)

// Erase removes all that is kept of a user's jobs, readable or not. Runs that they have started stay.
func Erase(ctx context.Context, table store.Table, user string) error {
	q := store.Query{PK: jobKey(user, "").PK, Prefix: "JOB"} // the jobs and their count
	if err := store.Clear(ctx, table, q); err != nil {
		return fmt.Errorf("erase jobs: %w", err)
	}
	return nil
}
