package ledger

import (
	"context"
	"fmt"
	"time"

	"adminassistant/shared/store"
)

// Walk hands every version of every entry whose start is in [from, to) to each, in the order of Range, with memory that does not grow with them. A zero
// from or to is no bound. Bodies in blobs are left there. An error of each stops it and is returned as it is.
func (l *Ledger) Walk(ctx context.Context, config string, from, to time.Time, each func(*Entry) error) error {
	q := store.Query{PK: partition(config), From: "0", To: ":"} // entries begin with a year
	if !from.IsZero() {
		q.From = startKey(from)
	}
	if !to.IsZero() {
		q.To = startKey(to.Add(time.Second - 1)) // the keys have whole seconds
	}
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		entries, err := decode(page.Items)
		if err != nil {
			return err
		}
		for i := range entries {
			start := entries[i].Appointment.Start
			if start.Before(from) || !to.IsZero() && !start.Before(to) {
				continue
			}
			if err := each(&entries[i]); err != nil {
				return err
			}
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}
