package run

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"adminassistant/shared/store"
)

const leaseFor = time.Minute

func acquire(t *testing.T, table store.Table, holder string, now time.Time) *Lease {
	t.Helper()
	l, err := readAndTake(t.Context(), table, "calendar", holder, leaseFor, now)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// guarded does a write that the lease guards.
func guarded(t *testing.T, table store.Table, l *Lease, op store.Op, what string) error {
	t.Helper()
	write := store.Op{Put: &store.Item{Key: store.Key{PK: "CALENDAR", SK: what}, Data: []byte("{}")}}
	err := table.Transact(t.Context(), []store.Op{op, write})
	if err == nil {
		l.Renewed()
	}
	return err
}

func written(t *testing.T, table store.Table, what string) bool {
	t.Helper()
	_, err := table.Get(t.Context(), store.Key{PK: "CALENDAR", SK: what})
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func busy(t *testing.T, table store.Table, holder string, now time.Time) bool {
	t.Helper()
	_, err := readAndTake(t.Context(), table, "calendar", holder, leaseFor, now)
	if err != nil && !errors.Is(err, ErrBusy) {
		t.Fatal(err)
	}
	return err != nil
}

func TestLease(t *testing.T) {
	t.Run("one at a time has it", func(t *testing.T) {
		table := openTable(t)
		acquire(t, table, "a", monday)
		for _, after := range []time.Duration{0, time.Second, leaseFor - time.Nanosecond} {
			if !busy(t, table, "b", monday.Add(after)) {
				t.Fatalf("another has it after %s", after)
			}
		}
		if _, err := readAndTake(t.Context(), table, "another calendar", "b", leaseFor, monday); err != nil {
			t.Errorf("another calendar's: %v", err)
		}
	})
	t.Run("it comes with all of its transaction or not at all", func(t *testing.T) {
		table := openTable(t)
		take := func(holder string, cond store.Condition) error {
			_, err := readAndTake(t.Context(), table, "calendar", holder, leaseFor, monday,
				store.Op{Put: &store.Item{Key: store.Key{PK: "CALENDAR", SK: "with"}, Data: []byte("{}")}, If: cond})
			return err
		}
		if err := take("a", store.VersionIs(7)); !errors.Is(err, store.ErrConflict) || errors.Is(err, ErrBusy) {
			t.Errorf("what came with it did not hold: %v", err)
		}
		if busy(t, table, "b", monday) {
			t.Error("it was taken all the same")
		}
		if err := take("b", store.VersionIs(7)); !errors.Is(err, store.ErrConflict) || errors.Is(err, ErrBusy) {
			t.Errorf("what came with it did not hold, where the lease is there: %v", err)
		}
		if err := take("a", store.Absent()); !errors.Is(err, ErrBusy) || written(t, table, "with") {
			t.Errorf("another has it: %v", err)
		}
		if err := take("b", store.Absent()); err != nil || !written(t, table, "with") {
			t.Errorf("it is free: %v", err)
		}
	})
	t.Run("of many at once one gets it", func(t *testing.T) {
		table := openTable(t)
		results := make(chan error)
		for i := range 10 {
			go func() {
				_, err := readAndTake(context.WithoutCancel(t.Context()), table, "calendar", fmt.Sprint(i), leaseFor, monday)
				results <- err
			}()
		}
		got := 0
		for range 10 {
			if err := <-results; err == nil {
				got++
			} else if !errors.Is(err, ErrBusy) {
				t.Error(err)
			}
		}
		if got != 1 {
			t.Errorf("%d got it", got)
		}
	})
	t.Run("every renewal holds it for its whole length", func(t *testing.T) {
		table := openTable(t)
		l := acquire(t, table, "a", monday)
		now := monday
		for range 3 {
			now = now.Add(leaseFor - time.Second)
			if err := guarded(t, table, l, l.Renew(now), "x"); err != nil {
				t.Fatal(err)
			}
		}
		if !busy(t, table, "b", now.Add(leaseFor-time.Nanosecond)) {
			t.Error("another has it too early")
		}
		if busy(t, table, "b", now.Add(leaseFor)) {
			t.Error("it does not end")
		}
	})
	t.Run("who lost it cannot write any more", func(t *testing.T) {
		table := openTable(t)
		old := acquire(t, table, "a", monday)
		late := monday.Add(leaseFor)
		fresh := acquire(t, table, "b", late)
		for name, op := range map[string]store.Op{"renew": old.Renew(late), "release": old.Release()} {
			if err := guarded(t, table, old, op, name); !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v, want a conflict", name, err)
			}
			if written(t, table, name) {
				t.Errorf("%s: what was to be written with it is there", name)
			}
		}
		if err := guarded(t, table, fresh, fresh.Renew(late), "fresh"); err != nil || !written(t, table, "fresh") {
			t.Errorf("who has it now: %v", err)
		}
	})
	t.Run("who was slow and lost it to nobody goes on", func(t *testing.T) {
		table := openTable(t)
		l := acquire(t, table, "a", monday)
		if err := guarded(t, table, l, l.Renew(monday.Add(time.Hour)), "x"); err != nil {
			t.Error(err)
		}
		if !busy(t, table, "b", monday.Add(time.Hour)) {
			t.Error("it is not held")
		}
	})
	t.Run("released it is free at once", func(t *testing.T) {
		table := openTable(t)
		l := acquire(t, table, "a", monday)
		if err := guarded(t, table, l, l.Release(), "x"); err != nil {
			t.Fatal(err)
		}
		next := acquire(t, table, "b", monday)
		if err := guarded(t, table, l, l.Renew(monday), "y"); !errors.Is(err, store.ErrConflict) {
			t.Errorf("who released it: %v, want a conflict", err)
		}
		if err := guarded(t, table, next, next.Renew(monday), "y"); err != nil {
			t.Error(err)
		}
	})
	t.Run("the same holder gets it again, and what it held before is fenced off", func(t *testing.T) {
		table := openTable(t)
		old := acquire(t, table, "a", monday)
		fresh := acquire(t, table, "a", monday.Add(time.Second))
		if err := guarded(t, table, old, old.Renew(monday), "x"); !errors.Is(err, store.ErrConflict) {
			t.Errorf("before: %v, want a conflict", err)
		}
		if err := guarded(t, table, fresh, fresh.Renew(monday), "x"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a record that is unreadable is nobody's", func(t *testing.T) {
		table := openTable(t)
		item := store.Item{Key: store.Key{PK: "LEASE#calendar", SK: "LEASE"}, Data: []byte("{")}
		if _, err := table.Put(t.Context(), item, store.Any()); err != nil {
			t.Fatal(err)
		}
		l := acquire(t, table, "a", monday)
		if err := guarded(t, table, l, l.Renew(monday), "x"); err != nil {
			t.Error(err)
		}
	})
}

func TestALeaseThatWasGivenBackIsFreeForAClockThatIsBehind(t *testing.T) {
	table := openTable(t)
	l, err := readAndTake(t.Context(), table, "calendar", "a", time.Minute, monday)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Transact(t.Context(), []store.Op{l.Release()}); err != nil {
		t.Fatal(err)
	}
	if _, err := readAndTake(t.Context(), table, "calendar", "b", time.Minute, monday.Add(-time.Second)); err != nil {
		t.Errorf("taken a second earlier: %v", err)
	}
}

// readAndTake reads the lease of that name and takes it for holder.
func readAndTake(ctx context.Context, t store.Table, name, holder string, length time.Duration, now time.Time,
	others ...store.Op) (*Lease, error) {
	found, err := t.GetMany(ctx, []store.Key{LeaseKey(name)})
	if err != nil {
		return nil, fmt.Errorf("read the lease: %w", err)
	}
	return take(ctx, t, found, name, holder, length, now, others...)
}
