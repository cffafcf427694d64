package archive

import (
	"context"
	"fmt"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// Erase removes all that archiving keeps for a user: the ledgers with their bodies, configs, plans and runs. Runs that ended at or after the
// time before, and those that it cancels at the time now, stay without their plans and items, so that their workers see that they must stop.
// With a zero before no run stays. Erase can be called repeatedly: each call continues where the one before it failed.
func Erase(ctx context.Context, table store.Table, blobs blob.Blob, user string, before, now time.Time) error {
	entries, runs := ledger.New(table, blobs, nil), run.NewStore(table)
	q := store.Query{PK: store.UserPartition(user), Prefix: "CONFIG#", Limit: store.MaxTransact}
	for {
		page, err := table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("erase configs: %w", err)
		}
		for _, item := range page.Items {
			id := item.SK[len(q.Prefix):]
			if err := entries.Erase(ctx, id); err != nil {
				return err
			}
			if err := eraseBaselines(ctx, table, id); err != nil {
				return err
			}
			c, err := decodeConfig(item)
			if err != nil { // the lease of an unreadable config is removed with its runs
				c = Config{}
			}
			if err := runs.EraseConfig(ctx, id, run.LeaseName(user, c.Archive, "")); err != nil {
				return err
			}
			if err := store.Remove(ctx, table, item.Key); err != nil {
				return fmt.Errorf("erase config %s: %w", id, err)
			}
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if err := store.Remove(ctx, table, configCount(user)); err != nil {
		return fmt.Errorf("erase the count of configs: %w", err)
	}
	if err := store.Clear(ctx, table, store.Query{PK: q.PK, Prefix: "CONFIGNAME#"}); err != nil {
		return fmt.Errorf("erase the names of configs: %w", err)
	}
	if err := store.Clear(ctx, table, store.Query{PK: q.PK, Prefix: foundPrefix}); err != nil {
		return fmt.Errorf("erase what is known of calendars: %w", err)
	}
	erased := map[string]bool{}
	return runs.Erase(ctx, user, before, now, func(ctx context.Context, r *run.Run) error {
		if r.Config != "" && !erased[r.Config] { // a late worker may have written to it after it was erased
			if err := entries.Erase(ctx, r.Config); err != nil {
				return err
			}
			if err := eraseBaselines(ctx, table, r.Config); err != nil {
				return err
			}
			erased[r.Config] = true
		}
		if err := blobs.Delete(ctx, LeftOutKey(r.ID)); err != nil {
			return err
		}
		return blobs.Delete(ctx, PlanKey(r.ID))
	})
}
