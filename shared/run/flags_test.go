package run

import (
	"context"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// switches are flags that are read beside runs from an item.
type switches struct {
	item store.Key
	on   bool
	saw  [][]store.Item
}

func (f *switches) Beside(user string) []store.Key {
	if user == "" {
		return nil
	}
	return []store.Key{f.item}
}

func (f *switches) Started(_ context.Context, _ string, read []store.Item) map[string]bool {
	f.saw = append(f.saw, read)
	return map[string]bool{"a.b": f.on}
}

func TestARunKeepsTheFlagsThatItStartedWith(t *testing.T) {
	var saw []map[string]bool
	var s *shop
	s = newShop(t, func(ctx context.Context, r *Run) error {
		saw = append(saw, r.Flags)
		r.State = Running
		if err := s.Runs.Update(ctx, r); err != nil {
			return err
		}
		if len(saw) == 1 {
			return fault.New(fault.Unavailable, "down")
		}
		return s.Runs.Finish(ctx, r, Succeeded, s.now)
	})
	flags := &switches{item: store.Key{PK: "FLAGS", SK: "FLAGS"}, on: true}
	s.Flags = flags
	if _, err := s.Runs.table.Put(t.Context(), store.Item{Key: flags.item, Data: []byte("{}")}, store.Condition{}); err != nil {
		t.Fatal(err)
	}
	s.start("1")
	if err := s.Handle(t.Context(), s.receiveOne()); err == nil {
		t.Fatal("no error")
	}
	flags.on = false // switched off between two workers
	s.now = s.now.Add(visibility)
	if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
		t.Fatal(err)
	}
	if len(saw) != 2 || !saw[0]["a.b"] || !saw[1]["a.b"] {
		t.Errorf("the workers saw %v", saw)
	}
	if len(flags.saw) != 1 || len(flags.saw[0]) != 1 || flags.saw[0][0].Key != flags.item {
		t.Errorf("beside the run was read %v", flags.saw)
	}
}
