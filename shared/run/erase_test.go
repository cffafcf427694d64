package run

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func TestErase(t *testing.T) {
	keys := func(table store.Table, pks ...string) (all []string) {
		for _, pk := range pks {
			items, err := store.All(t.Context(), table, store.Query{PK: pk})
			if err != nil {
				t.Fatal(err)
			}
			for _, item := range items {
				all = append(all, item.PK+" "+item.SK)
			}
		}
		return all
	}
	nothing := func(context.Context, *Run) error { return nil }
	// ended makes a run that ended, with items and a lease.
	ended := func(s *Store, id string, at time.Time) {
		r := sample(id)
		r.Config = "config of " + id
		create(t, s, r)
		if err := s.PutItems(t.Context(), r, []Item{{Key: "a", Plan: []byte(`{}`)}}); err != nil {
			t.Fatal(err)
		}
		if _, err := readAndTake(t.Context(), s.table, "calendar of "+id, id, time.Minute, monday); err != nil {
			t.Fatal(err)
		}
		r.Lease = "calendar of " + id
		if err := s.Finish(t.Context(), r, Succeeded, at); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("runs of before go with all that is theirs, one under way is cancelled and stays until the end", func(t *testing.T) {
		s := NewStore(openTable(t))
		mark := monday.Add(time.Hour)
		ended(s, "OLD", monday)
		ended(s, "LATE", mark)
		create(t, s, sample("LIVE"))
		other := sample("OTHER")
		other.User, other.Config = "tenant#other", "other"
		create(t, s, other)
		var told []string
		also := func(_ context.Context, r *Run) error {
			if !r.State.Ended() {
				t.Errorf("%s is told while it is %s", r.ID, r.State)
			}
			told = append(told, r.ID)
			return nil
		}
		for range 2 { // again is as once
			told = nil
			if err := s.Erase(t.Context(), user, mark, mark.Add(time.Minute), also); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(told, []string{"LATE", "LIVE"}) {
			t.Errorf("told %v", told)
		}
		if live := get(t, s, "LIVE"); live.State != Cancelled {
			t.Errorf("the run under way is %s", live.State)
		}
		if got := keys(s.table, "RUN#OLD", "RUN#LATE", "ACTIVE#work", "ACTIVE#config of OLD", "LEASE#calendar of OLD"); got != nil {
			t.Errorf("left: %v", got)
		}
		if err := s.Erase(t.Context(), user, time.Time{}, mark.Add(time.Hour), also); err != nil {
			t.Fatal(err)
		}
		if got := keys(s.table, store.UserPartition(user), "LEASE#calendar of LATE"); got != nil {
			t.Errorf("left at the end: %v", got)
		}
		if got := keys(s.table, store.UserPartition("tenant#other"), "ACTIVE#other"); len(got) != 2 {
			t.Errorf("of another user: %v", got)
		}
	})
	t.Run("an unreadable run goes too", func(t *testing.T) {
		s := NewStore(openTable(t))
		for _, key := range []store.Key{runKey(user, "BROKEN"), itemKey("BROKEN", 0)} {
			if _, err := s.table.Put(t.Context(), store.Item{Key: key, Data: []byte(`{"id": 1}`)}, store.Any()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Erase(t.Context(), user, monday, monday, nothing); err != nil {
			t.Fatal(err)
		}
		if got := keys(s.table, store.UserPartition(user), "RUN#BROKEN"); got != nil {
			t.Errorf("left: %v", got)
		}
	})
	t.Run("a run stays while what others keep of it cannot be removed", func(t *testing.T) {
		s := NewStore(openTable(t))
		ended(s, "OLD", monday)
		down := errors.New("down")
		if err := s.Erase(t.Context(), user, time.Time{}, monday, func(context.Context, *Run) error { return down }); !errors.Is(err, down) {
			t.Errorf("%v", err)
		}
		get(t, s, "OLD")
	})
	t.Run("a worker that stores its run meanwhile does not save it", func(t *testing.T) {
		table := openTable(t)
		s := NewStore(table)
		busy := create(t, s, sample("BUSY"))
		racing := NewStore(&meddling{Table: table, meddle: func() {
			busy.Progress.Done++
			if err := s.Update(t.Context(), busy); err != nil {
				t.Fatal(err)
			}
		}})
		if err := racing.Erase(t.Context(), user, monday, monday.Add(time.Minute), nothing); err != nil {
			t.Fatal(err)
		}
		if got := get(t, s, "BUSY"); got.State != Cancelled {
			t.Errorf("it is %s", got.State)
		}
	})
	t.Run("many runs are erased page by page", func(t *testing.T) {
		s := NewStore(openTable(t))
		for i := range 230 {
			r := sample(fmt.Sprintf("R%03d", i))
			r.State, r.Ended = Failed, monday
			if _, err := s.table.Put(t.Context(), *r.item(), store.Absent()); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Erase(t.Context(), user, time.Time{}, monday, nothing); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Get(t.Context(), user, "R229"); fault.Of(err) != fault.NotFound {
			t.Errorf("%v", err)
		}
		if got := keys(s.table, store.UserPartition(user)); got != nil {
			t.Errorf("%d are left", len(got))
		}
	})
}

// meddling does something before the first transaction.
type meddling struct {
	store.Table
	meddle func()
}

func (m *meddling) Transact(ctx context.Context, ops []store.Op) error {
	if meddle := m.meddle; meddle != nil {
		m.meddle = nil
		meddle()
	}
	return m.Table.Transact(ctx, ops)
}
