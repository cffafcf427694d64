package account

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// world is a store and a clock that moves by hand. Users of their own stand for processes.
type world struct {
	t     *testing.T
	table *store.Counter
	now   time.Time
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 10, 20, 9, 0, 0, 0, time.UTC)}
	table, err := sqlite.Open(":memory:", w.clock)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	w.table = &store.Counter{Table: table}
	return w
}

func (w *world) clock() time.Time { return w.now }

func (w *world) process() *Users { return NewUsers(w.table, w.clock) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// admitted demands that a user is let in, and returns as whom.
func (w *world) admitted(u *Users, p Principal) Principal {
	w.t.Helper()
	got, err := u.Admit(w.t.Context(), p)
	must(w.t, err)
	return got
}

// fails demands an error of a kind.
func (w *world) fails(kind fault.Kind, err error) {
	w.t.Helper()
	if err == nil || fault.Of(err) != kind {
		w.t.Fatalf("got %v, want %s", err, kind)
	}
}

func (w *world) profile(p Principal) Profile {
	w.t.Helper()
	got, err := w.process().Get(w.t.Context(), p.Tenant, p.Object)
	must(w.t, err)
	return got
}

var (
	ann   = Principal{Tenant: "home", Object: "ann", Name: "Ann"}
	boss  = Principal{Tenant: "home", Object: "boss", Name: "Boss", Role: RoleAdmin}
	eve   = Principal{Tenant: "abroad", Object: "eve", Name: "Eve"}
	eboss = Principal{Tenant: "abroad", Object: "boss", Name: "Other boss", Role: RoleAdmin}
)

func TestAdmit(t *testing.T) {
	t.Run("the first sign-in makes a profile with the settings of one who has chosen nothing", func(t *testing.T) {
		w := newWorld(t)
		if got := w.admitted(w.process(), ann); got.Role != RoleUser || got.Key() != ann.Key() {
			t.Errorf("admitted as %+v", got)
		}
		p := w.profile(ann)
		if p.Name != "Ann" || !p.Created.Equal(w.now) || p.Seen.String() != "2026-10-20" || p.State() != Active || p.Settings != DefaultSettings() {
			t.Errorf("%+v", p)
		}
	})
	t.Run("many first requests at once make one profile", func(t *testing.T) {
		w := newWorld(t)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if _, err := w.process().Admit(t.Context(), ann); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if p := w.profile(ann); p.stored != 1 {
			t.Errorf("stored %d times", p.stored)
		}
	})
	t.Run("a known user costs no request for 30 seconds, and one read after that", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		before := w.table.Requests()
		w.now = w.now.Add(rememberFor - time.Nanosecond)
		w.admitted(u, ann)
		if n := w.table.Requests() - before; n != 0 {
			t.Errorf("%d requests", n)
		}
		w.now = w.now.Add(time.Nanosecond)
		w.admitted(u, ann)
		if n := w.table.Requests() - before; n != 1 {
			t.Errorf("%d requests after the time", n)
		}
	})
	t.Run("a day and a new name are noted once", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		w.now = w.now.AddDate(0, 0, 1)
		renamed := ann
		renamed.Name = "Ann Other"
		w.admitted(u, renamed)
		w.now = w.now.Add(time.Hour)
		w.admitted(u, renamed)
		nameless := ann
		nameless.Name = ""
		w.now = w.now.Add(time.Hour)
		w.admitted(u, nameless)
		if p := w.profile(ann); p.Name != "Ann Other" || p.Seen.String() != "2026-10-21" || p.stored != 2 {
			t.Errorf("%+v stored %d times", p, p.stored)
		}
	})
	t.Run("a long name is cut between its letters", func(t *testing.T) {
		w := newWorld(t)
		long := ann
		long.Name = "x" + strings.Repeat("ä", maxName)
		w.admitted(w.process(), long)
		if got := w.profile(ann).Name; got != "x"+strings.Repeat("ä", (maxName-1)/2) {
			t.Errorf("%d bytes: %q", len(got), got)
		}
	})
	t.Run("either role makes an administrator", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		w.admitted(u, ann)
		if got := w.admitted(u, boss); got.Role != RoleAdmin {
			t.Errorf("by token: %s", got.Role)
		}
		if got := w.admitted(u, Principal{Tenant: "home", Object: "odd", Role: "Admin"}); got.Role != RoleUser {
			t.Errorf("a role that is none: %s", got.Role)
		}
		_, err := u.SetRole(t.Context(), boss, "ann", RoleAdmin)
		must(t, err)
		if got := w.admitted(u, ann); got.Role != RoleAdmin {
			t.Errorf("by profile: %s", got.Role)
		}
		_, err = u.SetRole(t.Context(), boss, "ann", RoleUser)
		must(t, err)
		if got := w.admitted(u, ann); got.Role != RoleUser {
			t.Errorf("taken away: %s", got.Role)
		}
	})
	t.Run("a disabled user is refused at once here, and within 30 seconds elsewhere", func(t *testing.T) {
		w := newWorld(t)
		here, elsewhere := w.process(), w.process()
		w.admitted(here, ann)
		w.admitted(elsewhere, ann)
		_, err := here.Disable(t.Context(), boss, "ann")
		must(t, err)
		_, err = here.Admit(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		w.now = w.now.Add(rememberFor)
		_, err = elsewhere.Admit(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		_, err = elsewhere.AdmitLeaving(t.Context(), ann)
		w.fails(fault.Forbidden, err)
		_, err = here.Enable(t.Context(), boss, "ann")
		must(t, err)
		w.admitted(here, ann)
		w.now = w.now.Add(rememberFor)
		w.admitted(elsewhere, ann)
	})
	t.Run("a profile that was read before a change is not remembered after it", func(t *testing.T) {
		w := newWorld(t)
		w.admitted(w.process(), ann)
		var u *Users
		slow := &between{Table: w.table}
		u = NewUsers(slow, w.clock)
		slow.after = func() { // the profile was read, and is not yet remembered
			slow.after = nil
			_, err := u.Disable(t.Context(), boss, "ann")
			must(t, err)
		}
		w.admitted(u, ann)
		_, err := u.Admit(t.Context(), ann)
		w.fails(fault.Forbidden, err)
	})
	t.Run("a store that takes no writes keeps nobody out who is known", func(t *testing.T) {
		w := newWorld(t)
		w.admitted(w.process(), ann)
		w.now = w.now.AddDate(0, 0, 1)
		u := NewUsers(readOnly{w.table}, w.clock)
		w.admitted(u, ann)
		_, err := u.Admit(t.Context(), eve)
		w.fails(fault.Unavailable, err)
	})
	t.Run("what is remembered is bounded", func(t *testing.T) {
		w := newWorld(t)
		u := w.process()
		u.memory.limit = 10
		for i := range 100 {
			w.admitted(u, Principal{Tenant: "home", Object: fmt.Sprint("u", i)})
		}
		if n := len(u.memory.young) + len(u.memory.old); n > 10 || n < 5 {
			t.Errorf("%d are remembered", n)
		}
	})
}

// between calls after once a Get has returned.
type between struct {
	store.Table
	after func()
}

func (b *between) Get(ctx context.Context, key store.Key) (store.Item, error) {
	item, err := b.Table.Get(ctx, key)
	if b.after != nil {
		b.after()
	}
	return item, err
}

type readOnly struct{ store.Table }

func (readOnly) Put(context.Context, store.Item, store.Condition) (int64, error) {
	return 0, fault.New(fault.Unavailable, "no writes")
}

func TestUpdateSettings(t *testing.T) {
	w := newWorld(t)
	u := w.process()
	w.admitted(u, ann)
	wanted := Settings{
		Zone: "Europe/Berlin", WeekStart: "sunday", Locale: "de-DE", Email: "ann@example.com", Notifications: Notifications{Digest: Channels{Email: true}},
	}
	p, err := u.UpdateSettings(t.Context(), ann, wanted, 0)
	must(t, err)
	if p.Settings != wanted || p.SettingsVersion != 1 || w.profile(ann).Settings != wanted {
		t.Errorf("%+v", p)
	}
	if got, err := u.Settings(t.Context(), ann); err != nil || got != wanted || got.Weekday() != time.Sunday {
		t.Errorf("at once: %+v, %v", got, err)
	}
	if _, err := u.UpdateSettings(t.Context(), ann, DefaultSettings(), 0); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an old version: %v", err)
	}
	w.now = w.now.AddDate(0, 0, 1) // the request itself notes a day, which is no change of the settings
	w.admitted(u, ann)
	_, err = u.UpdateSettings(t.Context(), ann, DefaultSettings(), 1)
	must(t, err)
	_, err = u.Disable(t.Context(), boss, "ann")
	must(t, err)
	_, err = u.UpdateSettings(t.Context(), ann, wanted, 2)
	w.fails(fault.Forbidden, err)
}

func TestSettings(t *testing.T) {
	with := func(change func(*Settings)) Settings {
		s := DefaultSettings()
		change(&s)
		return s
	}
	for _, c := range []struct {
		name  string
		in    Settings
		field string // at fault
		want  func(*Settings)
	}{
		{name: "the defaults", in: DefaultSettings(), want: func(*Settings) {}},
		{
			name: "a Windows zone becomes its IANA one", in: with(func(s *Settings) { s.Zone = "W. Europe Standard Time" }),
			want: func(s *Settings) { s.Zone = "Europe/Berlin" },
		},
		{name: "no zone", in: with(func(s *Settings) { s.Zone = "" }), field: "timezone"},
		{name: "the machine's zone", in: with(func(s *Settings) { s.Zone = "Local" }), field: "timezone"},
		{name: "an unknown zone", in: with(func(s *Settings) { s.Zone = "Europe/Nowhere" }), field: "timezone"},
		{name: "a week from Saturday", in: with(func(s *Settings) { s.WeekStart = "saturday" }), want: func(s *Settings) { s.WeekStart = "saturday" }},
		{name: "a week from Friday", in: with(func(s *Settings) { s.WeekStart = "friday" }), field: "week_start"},
		{name: "a locale in another spelling", in: with(func(s *Settings) { s.Locale = "DE_ch" }), want: func(s *Settings) { s.Locale = "de-CH" }},
		{name: "a locale with a script", in: with(func(s *Settings) { s.Locale = "zh-Hant-TW" }), want: func(s *Settings) { s.Locale = "zh-Hant-TW" }},
		{name: "no locale", in: with(func(s *Settings) { s.Locale = "" }), field: "locale"},
		{name: "the undetermined locale", in: with(func(s *Settings) { s.Locale = "und" }), field: "locale"},
		{name: "a locale that is none", in: with(func(s *Settings) { s.Locale = "<b>" }), field: "locale"},
		{name: "a locale without end", in: with(func(s *Settings) { s.Locale = "en-x-" + strings.Repeat("a-", 50) + "a" }), field: "locale"},
		{
			name: "a letterhead", in: with(func(s *Settings) { s.Letterhead = "\nAnn\nBerlin " }), want: func(s *Settings) { s.Letterhead = "Ann\nBerlin" },
		},
		{
			name: "the longest letterhead", in: with(func(s *Settings) { s.Letterhead = "a" + strings.Repeat("\na", 9) }),
			want: func(s *Settings) { s.Letterhead = "a" + strings.Repeat("\na", 9) },
		},
		{name: "a letterhead of eleven lines", in: with(func(s *Settings) { s.Letterhead = "a" + strings.Repeat("\na", 10) }), field: "letterhead"},
		{name: "a letterhead that is too long", in: with(func(s *Settings) { s.Letterhead = strings.Repeat("ä", 1001) }), field: "letterhead"},
		{name: "a letterhead with a tab", in: with(func(s *Settings) { s.Letterhead = "Ann\tBerlin" }), field: "letterhead"},
		{name: "an address", in: with(func(s *Settings) { s.Email = " ann@example.com " }), want: func(s *Settings) { s.Email = "ann@example.com" }},
		{name: "an address that is none", in: with(func(s *Settings) { s.Email = "ann" }), field: "email"},
		{name: "a header in an address", in: with(func(s *Settings) { s.Email = "ann@example.com\r\nBcc: eve@example.com" }), field: "email"},
		{name: "e-mail without an address", in: with(func(s *Settings) { s.Notifications.SignIn.Email = true }), field: "email"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.in.normal()
			if c.field != "" {
				if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != c.field {
					t.Errorf("got %v, want field %s", err, c.field)
				}
				return
			}
			must(t, err)
			if diff := cmp.Diff(with(c.want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("Europe/Berlin", "monday", "de-DE", "ann@example.com")
	f.Add("", "", "x-a", "Ann <ann@example.com>")
	f.Fuzz(func(t *testing.T, zone, week, locale, email string) {
		s := DefaultSettings()
		s.Zone, s.WeekStart, s.Locale, s.Email = zone, week, locale, email
		once, err := s.normal()
		if err != nil {
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		if again, err := once.normal(); err != nil || again != once {
			t.Fatalf("%+v becomes %+v, %v", once, again, err)
		}
	})
}

func TestAdministration(t *testing.T) {
	w := newWorld(t)
	u := w.process()
	for _, p := range []Principal{ann, boss, eve, eboss} {
		w.admitted(u, p)
	}
	type change func(by Principal, object string) error
	changes := map[string]change{
		"disable": func(by Principal, object string) error { _, err := u.Disable(t.Context(), by, object); return err },
		"enable":  func(by Principal, object string) error { _, err := u.Enable(t.Context(), by, object); return err },
		"role": func(by Principal, object string) error {
			_, err := u.SetRole(t.Context(), by, object, RoleAdmin)
			return err
		},
	}
	for name, do := range changes {
		t.Run(name+" does not reach users of another tenant, nor any who is not there", func(t *testing.T) {
			here := &world{t: t}
			here.fails(fault.NotFound, do(boss, "eve"))
			here.fails(fault.NotFound, do(boss, "nobody"))
			here.fails(fault.NotFound, do(boss, ""+strings.Repeat("x", 3000)))
			here.fails(fault.NotFound, do(boss, "\xff"))
			if p := w.profile(eve); p.Role != "" || p.State() != Active {
				t.Errorf("%+v", p)
			}
		})
	}
	t.Run("nobody locks the tenant out", func(t *testing.T) {
		here := &world{t: t}
		_, err := u.Disable(t.Context(), boss, "boss")
		here.fails(fault.Forbidden, err)
		_, err = u.SetRole(t.Context(), boss, "boss", RoleUser)
		here.fails(fault.Forbidden, err)
		_, err = u.SetRole(t.Context(), boss, "boss", RoleAdmin)
		must(t, err)
	})
	t.Run("a role is one of two", func(t *testing.T) {
		if _, err := u.SetRole(t.Context(), boss, "ann", "owner"); fault.FieldOf(err) != "role" {
			t.Errorf("%v", err)
		}
	})
	t.Run("a ban tells who and when, and the first one counts", func(t *testing.T) {
		_, err := u.Disable(t.Context(), boss, "ann")
		must(t, err)
		first := w.now
		w.now = w.now.Add(time.Hour)
		p, err := u.Disable(t.Context(), Principal{Tenant: "home", Object: "other", Role: RoleAdmin}, "ann")
		must(t, err)
		if p.State() != Disabled || *p.Ban != (Ban{By: "boss", At: first}) {
			t.Errorf("%+v", p.Ban)
		}
	})
	t.Run("a list has the tenant's users and nobody else's", func(t *testing.T) {
		var got []string
		cursor := ""
		for range 10 {
			profiles, next, err := u.List(t.Context(), "home", 1, cursor)
			must(t, err)
			for _, p := range profiles {
				got = append(got, p.Tenant+"#"+p.Object)
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		if diff := cmp.Diff([]string{"home#ann", "home#boss"}, got); diff != "" {
			t.Error(diff)
		}
		_, foreign, err := u.List(t.Context(), "abroad", 1, "")
		must(t, err)
		if _, _, err := u.List(t.Context(), "home", 1, foreign); fault.Of(err) != fault.Invalid {
			t.Errorf("another tenant's cursor: %v", err)
		}
	})
	t.Run("an unreadable profile does not hide the others", func(t *testing.T) {
		item := (&Profile{Tenant: "home", Object: "broken"}).item()
		item.Data = []byte(`{"tenant":1}`)
		_, err := w.table.Put(t.Context(), item, store.Any())
		must(t, err)
		profiles, _, err := u.List(t.Context(), "home", 10, "")
		if err != nil || len(profiles) != 2 {
			t.Errorf("%d profiles, %v", len(profiles), err)
		}
		_, err = u.Admit(t.Context(), Principal{Tenant: "home", Object: "broken"})
		(&world{t: t}).fails(fault.Malformed, err)
	})
}

func TestAdministrator(t *testing.T) {
	for who, kind := range map[Principal]fault.Kind{ann: fault.Forbidden, {}: fault.Unauthenticated} {
		if _, err := Administrator(With(t.Context(), who)); fault.Of(err) != kind {
			t.Errorf("%+v: %v, want %s", who, err, kind)
		}
	}
	if p, err := Administrator(With(t.Context(), boss)); err != nil || p != boss {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestBarred(t *testing.T) {
	w := newWorld(t)
	u := w.process()
	broken := Principal{Tenant: "home", Object: "broken"}
	for _, p := range []Principal{ann, boss, eve, broken} {
		w.admitted(u, p)
	}
	_, err := w.process().Disable(t.Context(), boss, ann.Object)
	must(t, err)
	_, err = w.table.Put(t.Context(), store.Item{Key: profileKey(broken.Tenant, broken.Object), Data: []byte(`{"disabled":`)}, store.Any())
	must(t, err)
	keys := []string{ann.Key(), boss.Key(), eve.Key(), broken.Key(), "home#nobody"}
	today := calendar.DateOf(w.now, time.UTC)
	got, unseen, err := u.Barred(t.Context(), keys, today) // which another process has disabled, and u remembers otherwise
	must(t, err)
	if diff := cmp.Diff(map[string]bool{ann.Key(): true}, got); diff != "" || len(unseen) != 0 {
		t.Errorf("unseen %v, barred (-want +got):\n%s", unseen, diff)
	}
	_, unseen, err = u.Barred(t.Context(), keys, today.AddDays(1))
	must(t, err)
	if diff := cmp.Diff(map[string]calendar.Date{boss.Key(): today, eve.Key(): today}, unseen); diff != "" {
		t.Errorf("not seen (-want +got):\n%s", diff)
	}
	_, err = u.Enable(t.Context(), boss, ann.Object)
	must(t, err)
	if got, unseen, err := u.Barred(t.Context(), keys, calendar.Date{}); err != nil || len(got) != 0 || len(unseen) != 0 {
		t.Errorf("barred %v, not seen %v, %v", got, unseen, err)
	}
}

func TestAUserWhoReturns(t *testing.T) {
	w := newWorld(t)
	var returned []string
	var fails error
	process := func() *Users {
		u := w.process()
		u.Returned = func(_ context.Context, user string) error {
			returned = append(returned, user)
			return fails
		}
		return u
	}
	w.admitted(process(), ann)
	w.now = w.now.AddDate(0, 0, AwayAfter)
	w.admitted(process(), ann)
	if len(returned) != 0 {
		t.Errorf("after a week: %q", returned)
	}
	w.now = w.now.AddDate(0, 0, AwayAfter+1)
	fails = errors.New("the jobs cannot be read")
	before := w.profile(ann).Seen
	for range 2 {
		w.admitted(process(), ann)
	}
	if len(returned) != 2 || returned[0] != ann.Key() || w.profile(ann).Seen != before {
		t.Errorf("%q, seen on %s", returned, w.profile(ann).Seen)
	}
	fails = nil
	for range 2 {
		w.admitted(process(), ann)
	}
	if len(returned) != 3 || w.profile(ann).Seen != calendar.DateOf(w.now, time.UTC) {
		t.Errorf("%q, seen on %s", returned, w.profile(ann).Seen)
	}
}

func TestEndDigest(t *testing.T) {
	w := newWorld(t)
	u := w.process()
	w.admitted(u, ann)
	both := Channels{InApp: true, Email: true}
	wanted := Settings{Zone: "UTC", WeekStart: "monday", Locale: "en", Email: "ann@example.com", Notifications: Notifications{Problems: both, Digest: both}}
	_, err := u.UpdateSettings(t.Context(), ann, wanted, 0)
	must(t, err)
	wanted.Notifications.Digest.Email = false
	for range 2 {
		p, err := u.EndDigest(t.Context(), ann.Key())
		must(t, err)
		if p.Settings != wanted || p.SettingsVersion != 2 {
			t.Errorf("%+v", p)
		}
	}
	if got, err := u.Settings(t.Context(), ann); err != nil || got != wanted {
		t.Errorf("at once: %+v, %v", got, err)
	}
	if _, err := u.EndDigest(t.Context(), "home#nobody"); fault.Of(err) != fault.NotFound {
		t.Errorf("who is not there: %v", err)
	}
}
