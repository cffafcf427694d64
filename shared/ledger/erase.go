package ledger

import (
	"context"
	"encoding/json"
	"fmt"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Erase removes a config's ledger, bodies included. It gets further with every call.
func (l *Ledger) Erase(ctx context.Context, config string) error {
	q := store.Query{PK: partition(config), Limit: store.MaxTransact}
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("erase the ledger: %w", err)
		}
		keys := make([]store.Key, len(page.Items))
		for i := range page.Items {
			keys[i] = page.Items[i].Key
			var e struct {
				Blobs map[string]string `json:"blobs"`
			}
			if json.Unmarshal(page.Items[i].Data, &e) != nil { // no entry
				continue
			}
			for _, digest := range e.Blobs {
				if err := l.blobs.Delete(ctx, bodyKey(config, digest)); err != nil && fault.Of(err) != fault.Invalid { // Invalid: a digest that is none
					return fmt.Errorf("erase a body of the ledger: %w", err)
				}
			}
		}
		if err := store.Remove(ctx, l.table, keys...); err != nil {
			return fmt.Errorf("erase the ledger: %w", err)
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	// What is left was stored for entries that were never written.
	left, err := l.blobs.List(ctx, bodyKey(config, ""))
	if err != nil {
		return fmt.Errorf("list the bodies of the ledger: %w", err)
	}
	for _, o := range left {
		if err := l.blobs.Delete(ctx, o.Key); err != nil {
			return fmt.Errorf("erase a body of the ledger: %w", err)
		}
	}
	return nil
}
