package archive

import (
	"context"
	"time"

	"adminassistant/shared/ledger"
	"adminassistant/shared/run"
)

// Carry carries out a run that makes these changes, which are found from the newest version of every key.
func (e *Engine) Carry(ctx context.Context, rn *run.Run, changes func(newest map[string]*ledger.Entry) []Change) error {
	a, err := e.Open(ctx, rn, Writing)
	if err != nil {
		return err
	}
	defer a.Close(ctx)
	from := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	entries, err := a.books.ledger.Range(ctx, a.config.ID, from, from.AddDate(10, 0, 0))
	if err != nil {
		return err
	}
	var lineages []string
	for i := range entries {
		lineages = append(lineages, entries[i].Lineage)
	}
	if _, err := a.books.find(ctx, lineages); err != nil {
		return err
	}
	if _, err := a.Write(ctx, changes(a.books.newest)); err != nil {
		return err
	}
	return a.End(ctx, run.Succeeded, &Result{Balanced: true}, nil)
}
