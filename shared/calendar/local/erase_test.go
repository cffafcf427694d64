package local

import (
	"errors"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/ics"
	"adminassistant/shared/calendar/importing"
	"adminassistant/shared/store"
)

// TestErase cuts the erasure of a user's calendars short after every transaction.
func TestErase(t *testing.T) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p, line := fresh(t)
	users := []string{"tenant#ann", "tenant#bob"}
	of := map[string][]string{} // partitions
	for _, user := range users {
		p := p.For(user)
		for _, account := range []string{"me@example.com", "Second"} {
			of[user] = append(of[user], accountPK(user, account))
			for _, name := range []string{"Work", "Archive"} {
				info, err := p.CreateCalendar(t.Context(), calendar.URI{Provider: calendar.ProviderLocal, Account: account, Calendar: name})
				must(err)
				of[user] = append(of[user], eventsPK(info.ID), keysPK(info.ID))
				_, err = p.Import(t.Context(), account, info.ID, ics.File{Events: []calendar.Event{
					single("a@example.com", "2026-10-05T09:00:00", "2026-10-05T10:00:00"), weekly("b@example.com"),
				}}, importing.Options{})
				must(err)
			}
		}
		gone, err := p.Calendar(t.Context(), calendar.URI{Provider: calendar.ProviderLocal, Account: "Second", Calendar: "Archive"})
		must(err)
		line.failAfter.Store(line.transactions.Load() + 2) // the calendar goes, its events do not
		if err := p.DeleteCalendar(t.Context(), "Second", gone.ID); !errors.Is(err, errCut) {
			t.Fatalf("half a deletion: %v", err)
		}
		line.failAfter.Store(0)
	}
	count := func(user string) (n int) {
		for _, pk := range of[user] {
			items, err := store.All(t.Context(), line.Table, store.Query{PK: pk})
			must(err)
			n += len(items)
		}
		return n
	}
	ann, bobs := p.For(users[0]), count(users[1])
	calls := 1
	for ; ; calls++ {
		line.failAfter.Store(line.transactions.Load() + 2) // one happens
		err := ann.Erase(t.Context())
		line.failAfter.Store(0)
		if err == nil {
			break
		}
		if !errors.Is(err, errCut) || calls > 100 {
			t.Fatalf("call %d: %v", calls, err)
		}
	}
	if n := count(users[0]); n != 0 || calls < 4*3 {
		t.Errorf("%d items are left after %d calls", n, calls)
	}
	if n := count(users[1]); n != bobs || n == 0 {
		t.Errorf("another user has %d items, had %d", n, bobs)
	}
}
