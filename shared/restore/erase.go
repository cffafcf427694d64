package restore

import (
	"context"
	"fmt"

	"adminassistant/shared/blob"
	"adminassistant/shared/store"
)

// Erase removes all that restoring keeps for a user besides the runs: uploaded files, plans, what was replaced, and the notes of restores and of
// scratch calendars; those that are in Outlook stay there, like all that was written to it. It gets further with every call.
func Erase(ctx context.Context, table store.Table, blobs blob.Blob, user string) error {
	for _, kind := range []string{"uploads", "restores"} {
		objects, err := blobs.List(ctx, userFolder(kind, user))
		if err != nil {
			return fmt.Errorf("erase %s: %w", kind, err)
		}
		for _, o := range objects {
			if err := blobs.Delete(ctx, o.Key); err != nil {
				return fmt.Errorf("erase %s: %w", kind, err)
			}
		}
	}
	for _, prefix := range []string{uploadPrefix, scratchPrefix, restoringPrefix} {
		if err := store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: prefix}); err != nil {
			return fmt.Errorf("erase uploaded files and notes: %w", err)
		}
	}
	if err := store.Remove(ctx, table, uploadCount(user)); err != nil {
		return fmt.Errorf("erase the count of uploaded files: %w", err)
	}
	return nil
}
