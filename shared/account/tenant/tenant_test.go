package tenant

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const (
	home   = "11111111-1111-4111-8111-111111111111"
	branch = "22222222-2222-4222-8222-222222222222"
	guest  = "33333333-3333-4333-8333-333333333333"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// failing is a table that cannot be asked for a while.
type failing struct {
	store.Table
	fails atomic.Bool
	asked atomic.Int64
}

func (f *failing) Query(ctx context.Context, q store.Query) (store.Page, error) {
	f.asked.Add(1)
	if f.fails.Load() {
		return store.Page{}, fault.New(fault.Unavailable, "down")
	}
	return f.Table.Query(ctx, q)
}

// world is the tenants of two processes over one table.
type world struct {
	*machinetest.Clock
	t          *testing.T
	table      *failing
	one, other *Tenants
}

func newWorld(t *testing.T, named ...string) *world {
	t.Helper()
	w := &world{Clock: machinetest.NewClock(time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC), 0), t: t}
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), w.Now)
	must(t, err)
	t.Cleanup(func() { _ = table.Close() })
	w.table = &failing{Table: table}
	w.one, w.other = New(w.table, named, w.Now), New(w.table, named, w.Now)
	return w
}

func (w *world) lets(by *Tenants, id string, want bool) {
	w.t.Helper()
	if in, err := by.Lets(w.t.Context(), id); err != nil || in != want {
		w.t.Errorf("%s is let in: %v, %v", id, in, err)
	}
}

func TestTenants(t *testing.T) {
	t.Run("are those of the settings, and what was added", func(t *testing.T) {
		w := newWorld(t, strings.ToUpper(home), branch)
		for id, in := range map[string]bool{home: true, strings.ToUpper(branch): true, guest: false, "": false} {
			w.lets(w.one, id, in)
		}
		if more, err := w.one.More(t.Context()); err != nil || more {
			t.Errorf("more: %v, %v", more, err)
		}
		added, err := w.one.Add(t.Context(), "boss", strings.ToUpper(guest), " Guest Ltd ")
		if err != nil || added.ID != guest || added.Name != "Guest Ltd" || added.By != "boss" || added.Named || !added.At.Equal(w.Now()) {
			t.Errorf("%+v, %v", added, err)
		}
		w.lets(w.one, guest, true)
		named := New(w.table, []string{home, guest}, w.Now)
		if more, err := named.More(t.Context()); err != nil || more {
			t.Errorf("where the settings name it, more: %v, %v", more, err)
		}
		if more, err := w.one.More(t.Context()); err != nil || !more {
			t.Errorf("more: %v, %v", more, err)
		}
		must(t, w.one.Remove(t.Context(), "boss", guest))
		w.lets(w.one, guest, false)
		if more, err := w.one.More(t.Context()); err != nil || more {
			t.Errorf("after that, more: %v, %v", more, err)
		}
		again, err := w.one.Add(t.Context(), "other", guest, "")
		if err != nil || again.Name != "Guest Ltd" || again.By != "other" {
			t.Errorf("its name stays: %+v, %v", again, err)
		}
		w.lets(w.one, guest, true)
	})
	t.Run("of the settings are put out as well, but the first", func(t *testing.T) {
		w := newWorld(t, home, branch)
		must(t, w.one.Remove(t.Context(), "boss", branch))
		w.lets(w.one, branch, false)
		if out, err := w.one.Out(t.Context(), branch); err != nil || !out {
			t.Errorf("out: %v, %v", out, err)
		}
		if err := w.one.Remove(t.Context(), "boss", strings.ToUpper(home)); fault.Of(err) != fault.Forbidden {
			t.Errorf("the operator's: %v", err)
		}
		w.lets(w.one, home, true)
		if !w.one.Operator(strings.ToUpper(home)) || w.one.Operator(branch) || New(w.table, nil, w.Now).Operator("") {
			t.Error("somebody else decides")
		}
	})
	t.Run("of which nothing is known are not out for who knows no settings", func(t *testing.T) {
		w := newWorld(t)
		if out, err := w.one.Out(t.Context(), home); err != nil || out {
			t.Errorf("out: %v, %v", out, err)
		}
		w.lets(w.one, home, false)
	})
	t.Run("have ids, and names of one line", func(t *testing.T) {
		w := newWorld(t, home)
		for _, id := range []string{"", "example.com", guest + "0", "../" + guest} {
			if _, err := w.one.Add(t.Context(), "boss", id, ""); fault.FieldOf(err) != "tenant" {
				t.Errorf("%q: %v", id, err)
			}
			if err := w.one.Remove(t.Context(), "boss", id); fault.FieldOf(err) != "tenant" {
				t.Errorf("%q: %v", id, err)
			}
		}
		if err := w.one.Remove(t.Context(), "boss", guest); fault.Of(err) != fault.NotFound {
			t.Errorf("one that is not there: %v", err)
		}
		for _, name := range []string{strings.Repeat("x", maxName+1), "a\nb"} {
			if _, err := w.one.Add(t.Context(), "boss", guest, name); fault.FieldOf(err) != "name" {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
	t.Run("are listed, those of the settings first", func(t *testing.T) {
		w := newWorld(t, branch, home)
		_, err := w.one.Add(t.Context(), "boss", guest, "Guest")
		must(t, err)
		_, err = w.one.Add(t.Context(), "boss", home, "Home")
		must(t, err)
		list, err := w.one.List(t.Context())
		must(t, err)
		var got []string
		for _, one := range list {
			got = append(got, fmt.Sprint(one.ID[:1], one.Name, one.Named, one.Out))
		}
		if text := strings.Join(got, " "); text != "2true false 1Hometrue false 3Guestfalse false" {
			t.Error(text)
		}
	})
}

func TestWhatIsKnownOfTenantsHasABoundedAge(t *testing.T) {
	w := newWorld(t, home)
	w.lets(w.other, guest, false)
	_, err := w.one.Add(t.Context(), "boss", guest, "")
	must(t, err)
	w.Advance(fresh - time.Second)
	w.lets(w.other, guest, false)
	w.Advance(time.Second)
	w.lets(w.other, guest, true)
	t.Run("and whoever asks asks nobody meanwhile", func(t *testing.T) {
		before := w.table.asked.Load()
		for i := range 100 {
			_, err := w.other.Lets(t.Context(), fmt.Sprintf("44444444-4444-4444-8444-%012d", i))
			must(t, err)
		}
		if n := w.table.asked.Load() - before; n != 0 {
			t.Errorf("the table was asked %d times", n)
		}
	})
	t.Run("also while it cannot be read: ten minutes", func(t *testing.T) {
		w.table.fails.Store(true)
		w.Advance(fresh)
		before := w.table.asked.Load()
		for range 100 {
			w.lets(w.other, guest, true)
		}
		if n := w.table.asked.Load() - before; n != 1 {
			t.Errorf("the table was asked %d times", n)
		}
		var err error
		for range 100 {
			w.Advance(fresh)
			in := false
			if in, err = w.other.Lets(t.Context(), guest); err != nil {
				break
			}
			if !in {
				t.Fatal("it is forgotten")
			}
		}
		if err == nil {
			t.Fatal("it is never forgotten")
		}
		if age := w.Now().Sub(w.other.read); age < stale || age > stale+fresh {
			t.Errorf("after %s", age)
		}
		if _, err := New(w.table, []string{home}, w.Now).Lets(t.Context(), home); fault.Of(err) != fault.Unavailable {
			t.Errorf("who never read it: %v", err)
		}
		w.table.fails.Store(false)
		w.lets(w.other, guest, true)
	})
	t.Run("a record that is unreadable lets nobody in", func(t *testing.T) {
		_, err := w.table.Put(t.Context(), store.Item{Key: key(guest), Data: []byte(`{"id": 7}`)}, store.Any())
		must(t, err)
		w.Advance(fresh)
		w.lets(w.other, guest, false)
		w.lets(w.other, home, true)
	})
}
