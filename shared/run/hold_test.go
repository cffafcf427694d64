package run

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/store"
)

func TestLeaseName(t *testing.T) {
	uri := calendar.URI{Provider: "local", Account: "me", Calendar: "Copy"}
	for _, c := range []struct{ id, want string }{{"", "tenant#object#local://me/calendars/Copy"}, {"C7", "tenant#object#local#C7"}} {
		if got := LeaseName(user, uri, c.id); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

// begin begins an attempt at a run as whoever handles it does: it reads the lease and takes it.
func begin(t testing.TB, s *Store, r *Run, name, holder string, now time.Time) (*Hold, error) {
	t.Helper()
	found, err := s.table.GetMany(t.Context(), []store.Key{LeaseKey(name)})
	if err != nil {
		t.Fatal(err)
	}
	return Begin(t.Context(), s.table, r, name, holder, leaseFor, func() time.Time { return now }, found)
}

func hold(t testing.TB, s *Store, r *Run, name, holder string, now time.Time) *Hold {
	t.Helper()
	h, err := begin(t, s, r, name, holder, now)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// another returns a run besides sample's.
func another(id string) *Run {
	r := sample(id)
	r.Config = "other"
	return r
}

func TestHold(t *testing.T) {
	const byURI, byID = "tenant#object#local://me/calendars/Copy", "tenant#object#local#C7"

	t.Run("a run that begins is running and has the calendar", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		now := monday.Add(time.Minute) // it was created before
		hold(t, s, r, byID, "R1/a", now)
		for who, got := range map[string]*Run{"stored": get(t, s, "R1"), "here": r} {
			if got.State != Running || !got.Started.Equal(now) || got.Lease != byID || got.FormerLeases != nil {
				t.Errorf("%s: %+v", who, got)
			}
		}
		other := create(t, s, another("R2"))
		want := *other
		if _, err := begin(t, s, other, byID, "R2/a", now.Add(leaseFor-1)); !errors.Is(err, ErrBusy) {
			t.Errorf("another run: %v", err)
		}
		if diff := cmp.Diff(want, *other, cmp.AllowUnexported(Run{})); diff != "" {
			t.Errorf("it is not as it was: %s", diff)
		}
		hold(t, s, other, byID, "R2/b", now.Add(leaseFor))
	})
	t.Run("one that goes on keeps when it was started", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		hold(t, s, r, byID, "R1/a", monday).Release(t.Context())
		hold(t, s, r, byID, "R1/b", monday.Add(time.Hour))
		if got := get(t, s, "R1"); !got.Started.Equal(monday) {
			t.Errorf("started %s", got.Started)
		}
	})
	t.Run("a run that somebody else stored takes nothing", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		if err := s.Finish(t.Context(), get(t, s, "R1"), Cancelled, monday); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{byID, ""} {
			if _, err := begin(t, s, r, name, "R1/a", monday); !errors.Is(err, store.ErrConflict) || errors.Is(err, ErrBusy) {
				t.Errorf("lease %q: %v, want a conflict", name, err)
			}
		}
		if r.State != Queued || r.Lease != "" {
			t.Errorf("%s %q", r.State, r.Lease)
		}
		hold(t, s, create(t, s, another("R2")), byID, "R2/a", monday)
	})
	t.Run("what only reads reserves nothing, and is told of who else stores the run", func(t *testing.T) {
		s := NewStore(openTable(t))
		hold(t, s, create(t, s, another("R2")), byID, "R2/a", monday)
		r := create(t, s, sample("R1"))
		h := hold(t, s, r, "", "", monday)
		if got := get(t, s, "R1"); got.State != Running || got.Lease != "" {
			t.Errorf("%+v", got)
		}
		if err := h.Move(t.Context(), byURI); err != nil || r.Lease != "" {
			t.Errorf("it has no lease to move: %v %q", err, r.Lease)
		}
		if ops := h.Guard(); len(ops) != 1 {
			t.Errorf("%d operations", len(ops))
		}
		if err := h.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Update(t.Context(), get(t, s, "R1")); err != nil {
			t.Fatal(err)
		}
		if err := h.Commit(t.Context()); !errors.Is(err, store.ErrConflict) {
			t.Errorf("%v, want a conflict", err)
		}
		h.Release(t.Context())
	})
	t.Run("what is committed is guarded by run and lease, and keeps the calendar", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		now := monday
		found, err := s.table.GetMany(t.Context(), []store.Key{LeaseKey(byID)})
		if err != nil {
			t.Fatal(err)
		}
		h, err := Begin(t.Context(), s.table, r, byID, "R1/a", leaseFor, func() time.Time { return now }, found)
		if err != nil {
			t.Fatal(err)
		}
		with := func(what string) store.Op {
			return store.Op{Put: &store.Item{Key: store.Key{PK: "CALENDAR", SK: what}, Data: []byte("{}")}}
		}
		for range 2 {
			now = now.Add(leaseFor)
			r.Progress.Done++
			if err := h.Commit(t.Context(), with("x")); err != nil {
				t.Fatal(err)
			}
		}
		if got := get(t, s, "R1"); got.Progress.Done != 2 || !written(t, s.table, "x") {
			t.Errorf("%+v", got)
		}
		other := create(t, s, another("R2"))
		if _, err := begin(t, s, other, byID, "R2/a", now.Add(leaseFor-1)); !errors.Is(err, ErrBusy) {
			t.Errorf("another run: %v", err)
		}
		hold(t, s, other, byID, "R2/a", now.Add(leaseFor))
		if err := h.Commit(t.Context(), with("y")); !errors.Is(err, store.ErrConflict) || written(t, s.table, "y") {
			t.Errorf("who lost the calendar: %v, want a conflict", err)
		}
	})
	t.Run("a run that ends gives its calendar free, and room to the next run of the window", func(t *testing.T) {
		for _, name := range []string{byID, ""} {
			s := NewStore(openTable(t))
			h := hold(t, s, create(t, s, sample("R1")), name, "R1/a", monday)
			h.Ends(Partial)
			if err := s.table.Transact(t.Context(), h.Ending()); err != nil {
				t.Fatal(err)
			}
			h.Done()
			if got := get(t, s, "R1"); got.State != Partial || !got.Ended.Equal(monday) {
				t.Errorf("%+v", got)
			}
			next := hold(t, s, create(t, s, sample("R2")), name, "R2/a", monday)
			h.Release(t.Context()) // as it is deferred: it must take nothing from the next
			if err := next.Commit(t.Context()); err != nil {
				t.Errorf("lease %q: the next: %v", name, err)
			}
		}
	})
	t.Run("what has ended asks nothing of the store any more", func(t *testing.T) {
		table := &store.Counter{Table: openTable(t)}
		s := NewStore(table)
		h := hold(t, s, create(t, s, sample("R1")), byID, "R1/a", monday)
		h.Ends(Succeeded)
		if err := table.Transact(t.Context(), h.Ending()); err != nil {
			t.Fatal(err)
		}
		h.Done()
		before := table.Requests()
		h.Release(t.Context())
		if n := table.Requests() - before; n != 0 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("an attempt that could not store its end gives the calendar free all the same", func(t *testing.T) {
		for _, again := range []bool{false, true} {
			s := NewStore(openTable(t))
			h := hold(t, s, create(t, s, sample("R1")), byID, "R1/a", monday)
			h.Ends(Succeeded)
			h.Ending()
			if again { // the end did not go through, and something else did
				if err := h.Commit(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			h.Release(t.Context())
			hold(t, s, create(t, s, another("R2")), byID, "R2/a", monday)
		}
	})
	t.Run("whoever lost the calendar does not give it free", func(t *testing.T) {
		s := NewStore(openTable(t))
		old := hold(t, s, create(t, s, sample("R1")), byID, "R1/a", monday)
		hold(t, s, create(t, s, another("R2")), byID, "R2/a", monday.Add(leaseFor))
		old.Release(t.Context())
		third := another("R3")
		third.Config = "third"
		if _, err := begin(t, s, create(t, s, third), byID, "R3/a", monday.Add(leaseFor)); !errors.Is(err, ErrBusy) {
			t.Errorf("%v", err)
		}
	})
	t.Run("the calendar is given free although the worker is stopped", func(t *testing.T) {
		s := NewStore(openTable(t))
		h := hold(t, s, create(t, s, sample("R1")), byID, "R1/a", monday)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		h.Release(ctx)
		hold(t, s, create(t, s, another("R2")), byID, "R2/a", monday)
	})
}

func TestMove(t *testing.T) {
	const byURI, byID = "tenant#object#local://me/calendars/Copy", "tenant#object#local#C7"

	t.Run("the calendar is reserved by its id from then on, and its URI is free", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		h := hold(t, s, r, byURI, "R1/a", monday)
		for range 2 { // again is as once
			if err := h.Move(t.Context(), byID); err != nil {
				t.Fatal(err)
			}
		}
		if got := get(t, s, "R1"); got.Lease != byID || !slices.Equal(got.FormerLeases, []string{byURI}) {
			t.Errorf("%q, formerly %q", got.Lease, got.FormerLeases)
		}
		if _, err := begin(t, s, create(t, s, another("R2")), byID, "R2/a", monday); !errors.Is(err, ErrBusy) {
			t.Errorf("by its id: %v", err)
		}
		third := another("R3")
		third.Config = "third"
		hold(t, s, create(t, s, third), byURI, "R3/a", monday)
		if err := h.Commit(t.Context()); err != nil {
			t.Error(err)
		}
		h.Release(t.Context())
		hold(t, s, get(t, s, "R2"), byID, "R2/b", monday)
	})
	t.Run("while another run has it by its id, nothing changes", func(t *testing.T) {
		s := NewStore(openTable(t))
		hold(t, s, create(t, s, another("R2")), byID, "R2/a", monday)
		r := create(t, s, sample("R1"))
		h := hold(t, s, r, byURI, "R1/a", monday)
		if err := h.Move(t.Context(), byID); !errors.Is(err, ErrBusy) || r.Lease != byURI {
			t.Errorf("%v, reserved %q", err, r.Lease)
		}
		if err := h.Commit(t.Context()); err != nil {
			t.Errorf("it lost what it had: %v", err)
		}
		h.Release(t.Context())
		third := another("R3")
		third.Config = "third"
		hold(t, s, create(t, s, third), byURI, "R3/a", monday)
	})
	t.Run("who lost the calendar by its URI does not get it by its id", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		h := hold(t, s, r, byURI, "R1/a", monday)
		hold(t, s, create(t, s, another("R2")), byURI, "R2/a", monday.Add(leaseFor))
		if err := h.Move(t.Context(), byID); !errors.Is(err, store.ErrConflict) || errors.Is(err, ErrBusy) || r.Lease != byURI {
			t.Errorf("%v, want a conflict", err)
		}
		third := another("R3")
		third.Config = "third"
		hold(t, s, create(t, s, third), byID, "R3/a", monday)
	})
	t.Run("whatever a run reserved goes with it", func(t *testing.T) {
		s := NewStore(openTable(t))
		r := create(t, s, sample("R1"))
		names := []string{byURI, byID, "tenant#object#local#C8"}
		h := hold(t, s, r, byURI, "R1/a", monday)
		if err := h.Move(t.Context(), byID); err != nil {
			t.Fatal(err)
		}
		h.Release(t.Context())
		h = hold(t, s, r, byURI, "R1/b", monday) // somebody deleted the calendar, and it is made anew
		if err := h.Move(t.Context(), names[2]); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if _, err := s.table.Get(t.Context(), LeaseKey(name)); err != nil {
				t.Errorf("lease %q: %v", name, err)
			}
		}
		nothing := func(context.Context, *Run) error { return nil }
		if err := s.Erase(t.Context(), user, time.Time{}, monday, nothing); err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if _, err := s.table.Get(t.Context(), LeaseKey(name)); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("lease %q is left: %v", name, err)
			}
		}
	})
}
