package listing

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const user, mailbox = "tenant#ann", "Ann@example.com"

// lister lists the same for every account.
type lister struct {
	infos []calendar.Info
	err   error
}

func (l lister) Calendars(context.Context, string) ([]calendar.Info, error) { return l.infos, l.err }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) *store.Counter {
	t.Helper()
	table, err := sqlite.Open(":memory:", time.Now)
	must(t, err)
	t.Cleanup(func() { _ = table.Close() })
	return &store.Counter{Table: table}
}

var (
	first  = []calendar.Info{{ID: "1", Name: "Calendar", Primary: true, CanEdit: true}, {ID: "2", Name: "Archive"}}
	second = []calendar.Info{{ID: "1", Name: "Calendar", Primary: true, CanEdit: true}}
)

func TestListings(t *testing.T) {
	t.Run("what was listed last is shown, in any case of the account", func(t *testing.T) {
		l := New(open(t))
		for _, infos := range [][]calendar.Info{first, second, first} {
			got, err := l.Calendars(t.Context(), user, mailbox, lister{infos: infos})
			must(t, err)
			if diff := cmp.Diff(infos, got); diff != "" {
				t.Error(diff)
			}
			got, err = l.Of(user).Calendars(t.Context(), strings.ToLower(mailbox))
			must(t, err)
			if diff := cmp.Diff(infos, got); diff != "" {
				t.Error(diff)
			}
		}
		for name, want := range map[string]string{"primary": "1", "archive": "2", "2": "2"} {
			info, err := l.Of(user).Calendar(t.Context(), calendar.URI{Provider: calendar.ProviderGraph, Account: mailbox, Calendar: name})
			if err != nil || info.ID != want {
				t.Errorf("%s: %+v, %v", name, info, err)
			}
		}
		none := calendar.URI{Provider: calendar.ProviderGraph, Account: mailbox, Calendar: "None"}
		if _, err := l.Of(user).Calendar(t.Context(), none); !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("a calendar that is not there: %v", err)
		}
	})
	t.Run("the same listing is not written a second time", func(t *testing.T) {
		table := open(t)
		l := New(table)
		_, err := l.Calendars(t.Context(), user, mailbox, lister{infos: first})
		must(t, err)
		before, err := table.Get(t.Context(), keyOf(user, mailbox))
		must(t, err)
		_, err = l.Calendars(t.Context(), user, mailbox, lister{infos: first})
		must(t, err)
		if after, err := table.Get(t.Context(), keyOf(user, mailbox)); err != nil || after.Version != before.Version {
			t.Errorf("version %d became %d, %v", before.Version, after.Version, err)
		}
	})
	t.Run("a listing that fails leaves the one before", func(t *testing.T) {
		l := New(open(t))
		_, err := l.Calendars(t.Context(), user, mailbox, lister{infos: first})
		must(t, err)
		down := fault.New(fault.Unavailable, "down")
		if got, err := l.Calendars(t.Context(), user, mailbox, lister{err: down}); !errors.Is(err, down) || got != nil {
			t.Errorf("%v, %v", got, err)
		}
		if got, err := l.Of(user).Calendars(t.Context(), mailbox); err != nil || len(got) != 2 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("an account that was never listed, or is somebody else's, is not found", func(t *testing.T) {
		l := New(open(t))
		_, err := l.Calendars(t.Context(), user, mailbox, lister{infos: first})
		must(t, err)
		for who, account := range map[string]string{user: "other@example.com", "tenant#bob": mailbox} {
			uri := calendar.URI{Provider: calendar.ProviderGraph, Account: account, Calendar: "Calendar"}
			if _, err := l.Of(who).Calendar(t.Context(), uri); fault.Of(err) != fault.NotFound || errors.Is(err, calendar.ErrNotFound) {
				t.Errorf("%s: %v", account, err)
			}
		}
	})
	t.Run("what needs the mailbox is for runs", func(t *testing.T) {
		l := New(open(t)).Of(user)
		_, created := l.CreateCalendar(t.Context(), calendar.URI{})
		_, events := l.Events(t.Context(), mailbox, "1", time.Time{}, time.Time{})
		for _, err := range []error{created, events, l.DeleteCalendar(t.Context(), mailbox, "1")} {
			if fault.Of(err) != fault.Conflict {
				t.Errorf("%v", err)
			}
		}
	})
	t.Run("an unreadable one is damage", func(t *testing.T) {
		table := open(t)
		_, err := table.Put(t.Context(), store.Item{Key: keyOf(user, mailbox), Data: []byte("{}")}, store.Any())
		must(t, err)
		if _, err := New(table).Of(user).Calendars(t.Context(), mailbox); fault.Of(err) != fault.Malformed {
			t.Errorf("%v", err)
		}
	})
	t.Run("a user's are erased, and nobody else's", func(t *testing.T) {
		table := open(t)
		l := New(table)
		for _, who := range []string{user, "tenant#ann2"} {
			_, err := l.Calendars(t.Context(), who, mailbox, lister{infos: first})
			must(t, err)
		}
		must(t, Erase(t.Context(), table, user))
		if _, err := l.Of(user).Calendars(t.Context(), mailbox); fault.Of(err) != fault.NotFound {
			t.Errorf("%v", err)
		}
		if _, err := l.Of("tenant#ann2").Calendars(t.Context(), mailbox); err != nil {
			t.Error(err)
		}
	})
}
