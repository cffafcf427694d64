// Package migration brings stored records into the form that newer code reads, before that code is live: by steps, each of which is carried out once.
//
// Items in the store:
//
//	MIGRATION / STEP#<name>   how far a step is, and when it was done
package migration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Step changes records of one kind. It belongs to the version of the program that no longer reads the older form; the version before it reads both, and
// writes the newer one. So a step is carried out while that version is at work, and nobody writes the older form any more.
type Step struct {
	// Name is stored, and never used again for something else.
	Name string
	// What is for people: what becomes of which records.
	What string
	// Of says by its key whether a record is one of those.
	Of func(store.Key) bool
	// Change returns what takes a record's place, under the same key: the same if it has the newer form. It looks at nothing else, so that the same record
	// always becomes the same. Types of the program change; so it reads and writes JSON by what it says itself.
	Change func(store.Item) (store.Item, error)
}

// Steps are all steps, in the order in which they are carried out. Those that every installation has behind it may be removed.
var Steps []Step

// Table is what steps are carried out on.
type Table interface {
	store.Table
	// Walk returns a page of all items of the table, from the beginning or from where a page before ended.
	Walk(ctx context.Context, cursor string) (store.Page, error)
}

// record is what is stored of a step.
type record struct {
	Step    string    `json:"step"`
	Begun   time.Time `json:"begun"`
	Done    time.Time `json:"done,omitzero"`
	By      string    `json:"by"`               // version of the software
	Cursor  string    `json:"cursor,omitempty"` // all before it have been looked at
	Read    int       `json:"read"`             // records that the step is about
	Changed int       `json:"changed"`

	version int64
	unknown store.Unknown
}

func key(step string) store.Key { return store.Key{PK: "MIGRATION", SK: "STEP#" + step} }

func load(ctx context.Context, t store.Table, step string) (r record, err error) {
	item, err := t.Get(ctx, key(step))
	if errors.Is(err, store.ErrNotFound) {
		return record{Step: step}, nil
	}
	if err != nil {
		return r, fmt.Errorf("read how far step %s is: %w", step, err)
	}
	if r.unknown, err = store.Decode(item.Data, &r); err != nil {
		return r, fault.New(fault.Malformed, "the record of step %s cannot be read: %w", step, err)
	}
	r.version = item.Version
	return r, nil
}

func (r *record) save(ctx context.Context, t store.Table) error {
	data, err := r.unknown.Encode(*r)
	if err != nil {
		return err
	}
	condition := store.Absent()
	if r.version > 0 {
		condition = store.VersionIs(r.version)
	}
	r.version, err = t.Put(ctx, store.Item{Key: key(r.Step), Data: data}, condition)
	return err
}

// Pending returns the names of those steps that are not done in the table.
func Pending(ctx context.Context, t store.Table, steps []Step) (names []string, err error) {
	for _, step := range steps {
		r, err := load(ctx, t, step.Name)
		if err != nil {
			return nil, err
		}
		if r.Done.IsZero() {
			names = append(names, step.Name)
		}
	}
	return names, nil
}

// Migration carries steps out.
type Migration struct {
	Table    Table
	Steps    []Step
	Clock    func() time.Time
	Software string
}

// Outcome is what one step did, or would do.
type Outcome struct {
	Step, What string
	Read       int // records that the step is about
	Changed    int
}

// Run carries out, in their order, the steps that are not done, and returns what each did. It may be ended at any time and run again: it goes on where
// it was. Several may be at it at once; each then goes on behind what another one has looked at.
func (m *Migration) Run(ctx context.Context) (done []Outcome, err error) {
	for _, step := range m.Steps {
		r, err := load(ctx, m.Table, step.Name)
		if err != nil {
			return done, err
		}
		if !r.Done.IsZero() {
			continue
		}
		if r, err = m.carryOut(ctx, step, r); err != nil {
			return done, fmt.Errorf("step %s: %w", step.Name, err)
		}
		done = append(done, Outcome{step.Name, step.What, r.Read, r.Changed})
	}
	return done, nil
}

// Look returns what Run would do, and changes nothing. A step that follows another one sees the records as they are now.
func (m *Migration) Look(ctx context.Context) (would []Outcome, err error) {
	for _, step := range m.Steps {
		r, err := load(ctx, m.Table, step.Name)
		if err != nil {
			return would, err
		}
		if !r.Done.IsZero() {
			continue
		}
		for more := true; more; more = r.Cursor != "" {
			page, err := m.Table.Walk(ctx, r.Cursor)
			if err != nil {
				return would, fmt.Errorf("step %s: %w", step.Name, err)
			}
			for _, item := range page.Items {
				if !step.Of(item.Key) {
					continue
				}
				r.Read++
				_, differs, err := step.change(item)
				if err != nil {
					return would, fmt.Errorf("step %s: %w", step.Name, err)
				}
				if differs {
					r.Changed++
				}
			}
			r.Cursor = page.Next
		}
		would = append(would, Outcome{step.Name, step.What, r.Read, r.Changed})
	}
	return would, nil
}

// carryOut walks through the table from where the step is, and notes after each page how far it has come.
func (m *Migration) carryOut(ctx context.Context, step Step, r record) (record, error) {
	for {
		if r.Begun.IsZero() {
			r.Begun = m.Clock().UTC()
		}
		r.By = m.Software
		page, err := m.Table.Walk(ctx, r.Cursor)
		if err != nil {
			return r, err
		}
		for _, item := range page.Items {
			if !step.Of(item.Key) {
				continue
			}
			r.Read++
			changed, err := m.replace(ctx, step, item)
			if err != nil {
				return r, err
			}
			if changed {
				r.Changed++
			}
		}
		if r.Cursor = page.Next; r.Cursor == "" {
			r.Done = m.Clock().UTC()
		}
		err = r.save(ctx, m.Table)
		if errors.Is(err, store.ErrConflict) { // another one came first; what it noted was looked at
			r, err = load(ctx, m.Table, step.Name)
		}
		if err != nil || !r.Done.IsZero() {
			return r, err
		}
	}
}

// attempts is how often a record is tried that others write meanwhile.
const attempts = 5

// replace puts what becomes of a record into its place, and says whether that is something else. A record that was written meanwhile is read again.
func (m *Migration) replace(ctx context.Context, step Step, item store.Item) (changed bool, err error) {
	for range attempts {
		next, differs, err := step.change(item)
		if err != nil || !differs {
			return false, err
		}
		_, err = m.Table.Put(ctx, next, store.VersionIs(item.Version))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return false, err
		}
		item, err = m.Table.Get(ctx, item.Key)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, fault.New(fault.Conflict, "a record is written by others again and again; run it once more")
}

// change is Change, of which it asks that twice is the same as once: what becomes of a record may be looked at again.
func (s *Step) change(item store.Item) (next store.Item, differs bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("record %s %s: %w", item.PK, item.SK, err)
		}
	}()
	if next, err = s.Change(item); err != nil {
		return next, false, err
	}
	if same(item, next) {
		return next, false, nil
	}
	again, err := s.Change(next)
	switch {
	case err != nil:
		return next, false, fmt.Errorf("what it makes of a record it cannot read: %w", err)
	case next.Key != item.Key || !same(next, again):
		return next, false, fault.New(fault.Internal, "it changes a record anew each time, or its key")
	}
	return next, true, nil
}

func same(a, b store.Item) bool {
	return a.Key == b.Key && a.IndexPK == b.IndexPK && a.IndexSK == b.IndexSK && a.Expires.Equal(b.Expires) && bytes.Equal(a.Data, b.Data)
}
