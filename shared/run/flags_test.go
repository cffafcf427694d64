package run

import (
	"context"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

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
	flags := &switches{value: true, key: store.Key{PK: "FLAGS", SK: "FLAGS"}}
	s.Flags = flags
	s.start("1")
	if err := s.Handle(t.Context(), s.receiveOne()); err == nil {
		t.Fatal("no error")
	}
	if flags.used != 1 || len(flags.found) != 0 || flags.user == "" {
		t.Errorf("where nothing is decided the flags were told %d times of %v, for %q", flags.used, flags.found, flags.user)
	}
	flags.value = false // switched off between two workers
	if _, err := s.Runs.table.Put(t.Context(), store.Item{Key: flags.key, Data: []byte(`{}`)}, store.Any()); err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(visibility)
	if err := s.Handle(t.Context(), s.receiveOne()); err != nil {
		t.Fatal(err)
	}
	if len(saw) != 2 || !saw[0]["a.b"] || !saw[1]["a.b"] {
		t.Errorf("the workers saw %v", saw)
	}
	if flags.used != 2 || len(flags.found) != 1 || flags.found[0].Key != flags.key {
		t.Errorf("the flags were told %d times, then of %v", flags.used, flags.found)
	}
	flags.lately = true
	s.start("2")
	if err := s.Handle(t.Context(), s.receiveOne()); err != nil || flags.used != 2 {
		t.Errorf("flags that were read lately were told %d times: %v", flags.used, err)
	}
}

// switches is one flag, of which an item tells.
type switches struct {
	value, lately bool
	key           store.Key
	used          int
	found         []store.Item
	user          string
}

func (f *switches) Needs(string) []store.Key {
	if f.lately {
		return nil
	}
	return []store.Key{f.key}
}

func (f *switches) Use(_ context.Context, user string, found []store.Item) {
	f.used++
	f.found, f.user = found, user
}

func (f *switches) Kept(context.Context, string) map[string]bool {
	return map[string]bool{"a.b": f.value}
}

func TestARunIsReadBesideOthersInOneRequest(t *testing.T) {
	s := newShop(t, nil)
	r := s.start("1")
	key := store.Key{PK: "OTHER", SK: "a"}
	if _, err := s.Runs.table.Put(t.Context(), store.Item{Key: key, Data: []byte(`{}`)}, store.Any()); err != nil {
		t.Fatal(err)
	}
	counter := &store.Counter{Table: s.Runs.table}
	runs := NewStore(counter)
	for name, c := range map[string]struct {
		id     string
		keys   []store.Key
		beside int
		fault  fault.Kind
	}{
		"with another":             {r.ID, []store.Key{key}, 1, 0},
		"with one that is not":     {r.ID, []store.Key{{PK: "OTHER", SK: "b"}}, 0, 0},
		"by itself":                {r.ID, nil, 0, 0},
		"one that is not there":    {"none", []store.Key{key}, 0, fault.NotFound},
		"neither by itself is one": {"none", nil, 0, fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			before := counter.Requests()
			got, beside, err := runs.GetBeside(t.Context(), r.User, c.id, c.keys)
			if c.fault != 0 {
				if fault.Of(err) != c.fault {
					t.Errorf("got %v, %v", got, err)
				}
				return
			}
			if err != nil || got.ID != r.ID || len(beside) != c.beside || counter.Requests() != before+1 {
				t.Errorf("got %+v, %v, %v, in %d requests", got, beside, err, counter.Requests()-before)
			}
		})
	}
}
