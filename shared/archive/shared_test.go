package archive_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"adminassistant/shared/archive"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// place reads "uri" or "uri = id".
func place(t *testing.T, text string) archive.Place {
	t.Helper()
	text, id, _ := strings.Cut(text, " = ")
	uri, err := calendar.ParseURI(text)
	must(t, err)
	return archive.Place{URI: uri, ID: id}
}

func TestShares(t *testing.T) {
	const mine = "msgraph://ann@example.com/calendars/"
	for _, tt := range []struct {
		name            string
		source, archive string // of the config
		other           [2]string
		want            string
	}{
		{"two configs of different calendars", mine + "Work", mine + "Archive", [2]string{mine + "Home", mine + "Home archive"}, ""},
		{"one source of two archives", mine + "Work", mine + "Archive", [2]string{mine + "Work", mine + "Second"}, ""},
		{"one archive", mine + "Work", mine + "Archive", [2]string{mine + "Home", mine + "Archive"}, "archive is archive"},
		{"in another case", mine + "Work", mine + "Archive", [2]string{mine + "Home", "MSGRAPH://ANN@EXAMPLE.COM/calendars/ARCHIVE"}, "archive is archive"},
		{"quoted", mine + "Work", mine + "My%20archive", [2]string{mine + "Home", mine + `"my archive"`}, "archive is archive"},
		{"%-encoded", mine + "Work", mine + "Archive", [2]string{mine + "Home", "msgraph://ann%40example.com/calendars/%41rchive"}, "archive is archive"},
		{"by name and by id", mine + "Work", mine + "Archive = A", [2]string{mine + "Home", mine + "A = A"}, "archive is archive"},
		{
			"by id where the other's account is not listed",
			mine + "Work", mine + "Archive = A", [2]string{mine + "Home", "msgraph://0001/calendars/A"}, "archive is archive",
		},
		{"by id where this account is not listed", mine + "Work", mine + "A", [2]string{mine + "Home", mine + "Archive = A"}, "archive is archive"},
		{
			"one mailbox by another name of it",
			mine + "Work", mine + "Archive = A", [2]string{mine + "Home", "msgraph://0001/calendars/Archive = A"}, "archive is archive",
		},
		{"the same name in two mailboxes", mine + "Work", mine + "Archive", [2]string{mine + "Home", "msgraph://bob@example.com/calendars/Archive"}, ""},
		{
			"the same name in two mailboxes that are listed",
			mine + "Work", mine + "Archive = A", [2]string{mine + "Home", "msgraph://bob@example.com/calendars/Archive = B"}, "",
		},
		{"one name that was another calendar's before", mine + "Work", mine + "Archive = A", [2]string{mine + "Home", mine + "Archive = B"}, ""},
		{"the archive is the other's source", mine + "Work", mine + "Calendar = C", [2]string{mine + "primary = C", mine + "Archive = A"}, "archive is source"},
		{"the source is the other's archive", mine + "primary = C", mine + "Archive = A", [2]string{mine + "Home = H", mine + "Calendar = C"}, "source is archive"},
		{"each is the other's", mine + "A", mine + "B", [2]string{mine + "B", mine + "A"}, "archive is source, source is archive"},
		{"the same name of two providers", mine + "Work", mine + "Archive", [2]string{mine + "Home", "local://ann@example.com/calendars/Archive"}, ""},
		{
			"local calendars of two accounts",
			"local://me/calendars/Work", "local://me/calendars/Archive = A", [2]string{"local://you/calendars/Work", "local://you/calendars/A"}, "",
		},
		{
			"local calendars of one account",
			"local://me/calendars/Work", "local://me/calendars/Archive = A", [2]string{"local://ME/calendars/Home", "local://ME/calendars/A"}, "archive is archive",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			claim := func(id, source, archiveURI string) archive.Claim {
				return archive.Claim{ID: id, Name: "name of " + id, Source: place(t, source), Archive: place(t, archiveURI)}
			}
			c, other := claim("c", tt.source, tt.archive), claim("o", tt.other[0], tt.other[1])
			var got []string
			for _, s := range archive.Shares(c, []archive.Claim{c, other}) {
				got = append(got, fmt.Sprintf("%s is %s", s.Of, s.As))
				if want := fmt.Sprintf("the %s calendar is the %s of config \"name of o\"", s.Of, s.As); s.Config != "o" || s.String() != want {
					t.Errorf("%+v reads %s", s, s)
				}
			}
			if text := strings.Join(got, ", "); text != tt.want {
				t.Errorf("got %q, want %q", text, tt.want)
			}
			if back := archive.Shares(other, []archive.Claim{c, other}); len(back) != len(got) {
				t.Errorf("the other one shares %v", back)
			}
		})
	}
}

func TestOwners(t *testing.T) {
	w := newWorld(t)
	set := func(name, source, archiveName string, active bool) {
		c := w.config(func(c *archive.Config) { c.Name, c.Source.Calendar, c.Archive.Calendar = name, source, archiveName })
		if c.Active = active; !active {
			_, err := w.configs(w.Table).Update(t.Context(), user, c)
			must(t, err)
		}
	}
	set("first", "Work", "Archive", true)
	set("second", "W", "Other", false)
	elsewhere := calendar.URI{Provider: calendar.ProviderGraph, Account: "ann@example.com", Calendar: "Work"}
	w.config(func(c *archive.Config) { c.Name, c.Source, c.Archive.Calendar = "third", elsewhere, "Third" })
	names := listed(map[string]string{"Work": "W", "Archive": "A", "primary": "A"})
	configs := w.configs(w.Table).Finding(func(ctx context.Context, uri calendar.URI) (string, error) {
		if uri.Provider == calendar.ProviderGraph {
			return "", fault.New(fault.Unavailable, "down") // it is not asked: it cannot be the calendar
		}
		return names(ctx, uri)
	})
	for text, want := range map[string]string{
		"work = W": `[the source of config "first" the source of config "second"]`, "primary = A": `[the archive of config "first"]`,
		"OTHER = O": `[the archive of config "second"]`, "Free = F": "[]",
	} {
		name, id, _ := strings.Cut(text, " = ")
		own, err := configs.Owners(t.Context(), user, archive.Place{URI: uri(name), ID: id})
		must(t, err)
		got := []string{}
		for _, o := range own {
			got = append(got, o.Owned())
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", text, got, want)
		}
	}
	if _, err := configs.Owners(t.Context(), user, archive.Place{URI: elsewhere, ID: "X"}); fault.Of(err) != fault.Unavailable {
		t.Errorf("where calendars cannot be looked for: %v", err)
	}
}

// listed returns a Finder that finds calendars by name, or by id, in ids by name.
func listed(ids map[string]string) archive.Finder {
	return func(_ context.Context, uri calendar.URI) (string, error) {
		for name, id := range ids {
			if calendar.SameName(name, uri.Calendar) || id == uri.Calendar {
				return id, nil
			}
		}
		return "", nil
	}
}

// twoSharing stores two configs that share an archive calendar, as could be created before that was refused.
func twoSharing(t *testing.T, w *world) (a, b archive.Config) {
	t.Helper()
	a = w.config()
	b = w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = "second", "For now" })
	item, err := w.Table.Get(t.Context(), store.Key{PK: "USER#" + user, SK: "CONFIG#" + b.ID})
	must(t, err)
	item.Data = []byte(strings.Replace(string(item.Data), b.Archive.String(), a.Archive.String(), 1))
	_, err = w.Table.Put(t.Context(), item, store.Any())
	must(t, err)
	b, err = w.configs(w.Table).Get(t.Context(), user, b.ID)
	must(t, err)
	if b.Archive != a.Archive {
		t.Fatalf("%s and %s", a.Archive, b.Archive)
	}
	return a, b
}

func refusedBy(t *testing.T, err error, words ...string) {
	t.Helper()
	if fault.Of(err) != fault.Conflict || errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
		return
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v lacks %q", err, word)
		}
	}
}

func TestCalendarsBelongToOneConfig(t *testing.T) {
	names := map[string]string{"Work": "W", "Archive": "A", "Home": "H", "Calendar": "C", "primary": "C"}
	base := func(t *testing.T) (*world, *archive.Configs, archive.Config) {
		w := newWorld(t)
		c := w.config(func(c *archive.Config) { c.Source.Calendar, c.Archive.Calendar = "primary", "Archive" })
		return w, w.configs(w.Table).Finding(listed(names)), c
	}
	for _, tt := range []struct {
		name            string
		source, archive string // of the second config
		want            string // of the refusal; empty: none
	}{
		{"calendars of its own", "Home", "Home archive", ""},
		{"the same source", "Calendar", "Home archive", ""},
		{"the archive of another one", "Home", "ARCHIVE", "archive calendar is the archive"},
		{"the archive of another one by id", "Home", "A", "archive calendar is the archive"},
		{"the source of another one as its archive", "Home", "Calendar", "archive calendar is the source"},
		{"the archive of another one as its source", "A", "Home archive", "source calendar is the archive"},
	} {
		t.Run("a second config may name "+tt.name+": "+fmt.Sprint(tt.want == ""), func(t *testing.T) {
			w, configs, first := base(t)
			c := first
			c.Name, c.Source.Calendar, c.Archive.Calendar = "second", tt.source, tt.archive
			_, err := configs.Create(t.Context(), user, c)
			free := w.config(func(c *archive.Config) {
				c.Name, c.Source.Calendar, c.Archive.Calendar = "third", "Third", "Third archive"
			})
			free.Source.Calendar, free.Archive.Calendar = tt.source, tt.archive
			if tt.want == "" {
				must(t, err)
				return
			}
			refusedBy(t, err, tt.want, `config "`+first.Name+`"`)
			_, err = configs.Update(t.Context(), user, free)
			refusedBy(t, err, tt.want, `config "`+first.Name+`"`)
		})
	}
	t.Run("an inactive config still has its archive", func(t *testing.T) {
		_, configs, first := base(t)
		off := first
		off.Active = false
		_, err := configs.Update(t.Context(), user, off)
		must(t, err)
		first.Name, first.Source.Calendar = "second", "Home"
		_, err = configs.Create(t.Context(), user, first)
		refusedBy(t, err, "archive calendar is the archive")
	})
	t.Run("a config that changes one calendar is compared with inactive ones as well", func(t *testing.T) {
		w, configs, first := base(t)
		off := first
		off.Active = false
		_, err := configs.Update(t.Context(), user, off)
		must(t, err)
		free := w.config(func(c *archive.Config) {
			c.Name, c.Source.Calendar, c.Archive.Calendar = "free", "Home", "Home archive"
		})
		moved := free
		moved.Archive = first.Archive
		_, err = configs.Update(t.Context(), user, moved)
		refusedBy(t, err, "archive calendar is the archive")
		moved = free
		moved.Source = first.Archive
		_, err = configs.Update(t.Context(), user, moved)
		refusedBy(t, err, "source calendar is the archive")
	})
	t.Run("what cannot be the same calendar is not looked for", func(t *testing.T) {
		w, configs, c := base(t)
		afar := calendar.URI{Provider: calendar.ProviderGraph, Account: "ann@example.com", Calendar: "Work"}
		w.config(func(c *archive.Config) { c.Name, c.Source, c.Archive.Calendar = "afar", afar, "Afar" })
		configs = configs.Finding(func(_ context.Context, uri calendar.URI) (string, error) {
			if uri.Provider == calendar.ProviderGraph {
				return "", fault.New(fault.Unavailable, "down")
			}
			return "", nil
		})
		c.Name, c.Source.Calendar, c.Archive.Calendar = "second", "Home", "Home archive"
		_, err := configs.Create(t.Context(), user, c)
		must(t, err)
	})
	t.Run("a config does not archive a calendar into itself, however that is named", func(t *testing.T) {
		_, configs, c := base(t)
		c.Name, c.Source.Calendar, c.Archive.Calendar = "second", "Home", "H"
		if _, err := configs.Create(t.Context(), user, c); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "archive" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("another user's configs do not count", func(t *testing.T) {
		_, configs, c := base(t)
		_, err := configs.Create(t.Context(), "tenant#other", c)
		must(t, err)
	})
	t.Run("a config may be edited that shares nothing", func(t *testing.T) {
		_, configs, c := base(t)
		c.LookBack++
		c, err := configs.Update(t.Context(), user, c)
		must(t, err)
		c.Archive.Calendar = "Elsewhere"
		_, err = configs.Update(t.Context(), user, c)
		must(t, err)
	})
	t.Run("calendars that cannot be looked for refuse nothing unseen", func(t *testing.T) {
		_, configs, c := base(t)
		down := fault.New(fault.Unavailable, "down")
		c.Name, c.Source.Calendar, c.Archive.Calendar = "second", "Home", "Home archive"
		configs = configs.Finding(func(context.Context, calendar.URI) (string, error) { return "", down })
		if _, err := configs.Create(t.Context(), user, c); !errors.Is(err, down) {
			t.Errorf("got %v", err)
		}
	})
}

func TestTwoThatShareFromEarlierTimes(t *testing.T) {
	w := newWorld(t)
	a, b := twoSharing(t, w)
	configs := w.configs(w.Table)
	edited := a
	edited.LookBack++
	_, err := configs.Update(t.Context(), user, edited)
	refusedBy(t, err, `config "second"`, "deactivate")

	b.Active = false
	b, err = configs.Update(t.Context(), user, b)
	must(t, err)
	edited, err = configs.Update(t.Context(), user, edited) // the other one does not run
	must(t, err)
	b.LookBack++
	b, err = configs.Update(t.Context(), user, b) // it does not run itself
	must(t, err)
	on := b
	on.Active = true
	_, err = configs.Update(t.Context(), user, on)
	refusedBy(t, err, `config "`+a.Name+`"`, "active")

	edited.Active = false
	_, err = configs.Update(t.Context(), user, edited)
	must(t, err)
	_, err = configs.Update(t.Context(), user, on)
	must(t, err)
}

func TestRenaming(t *testing.T) {
	w := newWorld(t)
	configs := w.configs(w.Table)
	a := w.config()
	w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = "second", "Second" })
	taken := a
	taken.Name = "SECOND"
	_, err := configs.Update(t.Context(), user, taken)
	refusedBy(t, err, "named")
	a.Name = "Work" // its own name in another case
	a, err = configs.Update(t.Context(), user, a)
	must(t, err)
	a.Name = "new"
	_, err = configs.Update(t.Context(), user, a)
	must(t, err)
	w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = "work", "Third" }) // its former name is free
	if c, err := configs.Named(t.Context(), user, "NEW"); err != nil || c.ID != a.ID {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestAnEditOfAnOldVersionIsRefused(t *testing.T) {
	w := newWorld(t)
	configs := w.configs(w.Table)
	old := w.config()
	now, err := configs.Update(t.Context(), user, old)
	must(t, err)
	old.LookBack++
	if _, err := configs.Update(t.Context(), user, old); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if c, err := configs.Get(t.Context(), user, old.ID); err != nil || !reflect.DeepEqual(c, now) {
		t.Errorf("%+v, %v, want %+v", c, err, now)
	}
}

func TestAnEditDoesNotBringADeletedConfigBack(t *testing.T) {
	w := newWorld(t)
	c := w.config()
	plain := w.configs(w.Table)
	deleted := sync.OnceFunc(func() { must(t, plain.Delete(t.Context(), user, c.ID, c.Version)) })
	late := plain.Finding(func(context.Context, calendar.URI) (string, error) { deleted(); return "", nil })
	if _, err := late.Update(t.Context(), user, c); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
	if _, err := plain.Get(t.Context(), user, c.ID); fault.Of(err) != fault.NotFound {
		t.Errorf("got %v", err)
	}
}

// TestOfRequestsAtOnceOneGetsTheArchive creates, edits and activates configs at the same moment.
func TestOfRequestsAtOnceOneGetsTheArchive(t *testing.T) {
	const callers = 4
	for _, tt := range []struct {
		name    string
		prepare func(t *testing.T, w *world, i int) func(*archive.Configs) error
	}{
		{"created", func(t *testing.T, _ *world, i int) func(*archive.Configs) error {
			return func(configs *archive.Configs) error {
				c := archive.Config{
					Name: fmt.Sprint("c", i), Source: uri("Work"), Archive: uri("Wanted"), Timezone: "Europe/Berlin",
					Purpose: archive.General, Overlaps: archive.Resolve, OnDrift: archive.AskOnDrift,
				}
				_, err := configs.Create(t.Context(), user, c)
				return err
			}
		}},
		{"edited", func(t *testing.T, w *world, i int) func(*archive.Configs) error {
			c := w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = fmt.Sprint("c", i), fmt.Sprint("Free ", i) })
			return func(configs *archive.Configs) error {
				c.Archive.Calendar = "Wanted"
				_, err := configs.Update(t.Context(), user, c)
				return err
			}
		}},
		{"created and edited", func(t *testing.T, w *world, i int) func(*archive.Configs) error {
			c := w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = fmt.Sprint("c", i), fmt.Sprint("Free ", i) })
			return func(configs *archive.Configs) (err error) {
				c.Archive.Calendar = "Wanted"
				if i%2 == 0 {
					_, err = configs.Update(t.Context(), user, c)
				} else {
					c.Name = fmt.Sprint("new", i)
					_, err = configs.Create(t.Context(), user, c)
				}
				return err
			}
		}},
		{"activated", func(t *testing.T, w *world, i int) func(*archive.Configs) error {
			c := w.config(func(c *archive.Config) { c.Name, c.Archive.Calendar = fmt.Sprint("c", i), fmt.Sprint("Free ", i) })
			item, err := w.Table.Get(t.Context(), store.Key{PK: "USER#" + user, SK: "CONFIG#" + c.ID})
			must(t, err)
			data := strings.Replace(string(item.Data), c.Archive.String(), strings.Replace(c.Archive.String(), fmt.Sprintf("Free%%20%d", i), "Wanted", 1), 1)
			item.Data = []byte(strings.Replace(data, `"active":true`, `"active":false`, 1))
			_, err = w.Table.Put(t.Context(), item, store.Any())
			must(t, err)
			c, err = w.configs(w.Table).Get(t.Context(), user, c.ID)
			must(t, err)
			return func(configs *archive.Configs) error {
				c.Active = true
				_, err := configs.Update(t.Context(), user, c)
				return err
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			var do []func(*archive.Configs) error
			for i := range callers {
				do = append(do, tt.prepare(t, w, i))
			}
			var met sync.WaitGroup // all have looked before any writes
			met.Add(callers)
			errs := make([]error, callers)
			var all sync.WaitGroup
			for i := range callers {
				all.Go(func() {
					meet := sync.OnceFunc(func() { met.Done(); met.Wait() })
					errs[i] = do[i](w.configs(w.Table).Finding(func(context.Context, calendar.URI) (string, error) { meet(); return "", nil }))
				})
			}
			all.Wait()
			got := 0
			for _, err := range errs {
				if err == nil {
					got++
				} else {
					refusedBy(t, err, "archive calendar is the archive")
				}
			}
			if got != 1 {
				t.Errorf("%d got it", got)
			}
		})
	}
}
