package restore_test

import (
	"context"
	"fmt"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// counting counts what is written between two transactions of the store.
type counting struct {
	store.Table
	writes, most int
}

func (c *counting) Transact(ctx context.Context, ops []store.Op) error {
	c.writes = 0
	return c.Table.Transact(ctx, ops)
}

func (c *counting) note(n int) {
	c.writes += n
	c.most = max(c.most, c.writes)
}

// counted is a calendar whose writes are counted.
type counted struct {
	calendar.Provider
	by *counting
}

func (c counted) Create(ctx context.Context, account, id string, drafts []calendar.Draft) ([]calendar.WriteResult, error) {
	c.by.note(len(drafts))
	return c.Provider.Create(ctx, account, id, drafts)
}

func (c counted) Update(ctx context.Context, account, id string, updates []calendar.Update) ([]calendar.WriteResult, error) {
	c.by.note(len(updates))
	return c.Provider.Update(ctx, account, id, updates)
}

// TestChangedInstancesAreWritesToo has many series with some changed instances each: the calendar is kept reserved while they are written.
func TestChangedInstancesAreWritesToo(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		k := weekly()
		k.Event.ID, k.Event.ICalUID = fmt.Sprint("s", i), fmt.Sprint("s", i)
		for j := range k.Exceptions {
			k.Exceptions[j].SeriesMasterID = k.Event.ID
		}
		first := k.Exceptions[0]
		k.Exceptions = nil
		for week := range 10 {
			e := first
			e.ID, e.OriginalStart = fmt.Sprint("x", week), first.OriginalStart.AddDate(0, 0, 7*week+1) // which belong to no occurrence
			k.Exceptions = append(k.Exceptions, e)
		}
		w.file.things = append(w.file.things, k)
	}
	c := &counting{Table: w.Table}
	r := w.start(restore.Skip)
	must(t, w.runner(c, w.Blobs, counted{w.calendar, c}).Run(t.Context(), r))
	if r, result := w.result(r.ID); r.State != run.Succeeded || result.Counts.Created != 40 || c.most > 60 {
		t.Errorf("%s %+v, %d writes at once", r.State, result, c.most)
	}
}
