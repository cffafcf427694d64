package account

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

const (
	annObject = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	team      = "team@home.example"
)

// ana is ann as an Entra sign-in shows her, with a user name that is not her address.
var ana = Principal{Tenant: "home", Object: annObject, Name: "Ann", UserName: "Ann.Other@home.example", Address: "ann@home.example"}

// reaches demands which mailbox a name means to a user, "" for none.
func (w *world) reaches(p Principal, name, want string) {
	w.t.Helper()
	got, err := w.process().Reach(p.Key()).Mailbox(w.t.Context(), name)
	if got != want || (want == "") != (err == calendar.ErrNoMailbox) {
		w.t.Errorf("%q of %s is %q, %v; want %q", name, p.Object, got, err, want)
	}
}

func TestReach(t *testing.T) {
	w := newWorld(t)
	users := w.process()
	w.admitted(users, ana)
	w.admitted(users, eve)

	t.Run("every name of the own mailbox means the object id", func(t *testing.T) {
		for _, name := range []string{
			"me", "ME", " me ", annObject, strings.ToUpper(annObject), "ann.other@home.example", "ANN.OTHER@HOME.EXAMPLE", "ann@home.example", " Ann@Home.example ",
		} {
			w.reaches(ana, name, annObject)
		}
	})
	t.Run("another's mailbox is none, whether it is there or not, in this tenant or another", func(t *testing.T) {
		for _, name := range []string{team, "eve@abroad.example", "eve", "nobody@home.example", "ann", "ann@home.example.org", "", "users/eve", annObject + "/.."} {
			w.reaches(ana, name, "")
		}
		w.reaches(eve, "ann@home.example", "")
		w.reaches(eve, annObject, "")
	})
	t.Run("the own id is known without the store, a name with one request to it", func(t *testing.T) {
		for name, requests := range map[string]int{"me": 0, annObject: 0, "ann@home.example": 1, team: 1} {
			before := w.table.Requests()
			r := users.Reach(ana.Key())
			for range 3 {
				_, err := r.Mailbox(t.Context(), name)
				if err != nil && err != calendar.ErrNoMailbox {
					t.Fatal(err)
				}
			}
			if got := w.table.Requests() - before; got != requests {
				t.Errorf("%s asks the store %d times, want %d", name, got, requests)
			}
		}
	})
	t.Run("what was read with something else is not read again", func(t *testing.T) {
		items, err := w.table.GetMany(t.Context(), append(ReachKeys(ana.Key()), ReachKeys(eve.Key())...))
		must(t, err)
		before := w.table.Requests()
		r := users.Reach(ana.Key())
		must(t, r.Know(items))
		if got, err := r.Mailbox(t.Context(), "ann@home.example"); got != annObject || err != nil || w.table.Requests() != before {
			t.Errorf("got %q, %v with %d requests", got, err, w.table.Requests()-before)
		}
	})
	t.Run("a user of whom nothing is kept reaches the own mailbox alone", func(t *testing.T) {
		p := Principal{Tenant: "home", Object: "new"}
		w.reaches(p, "me", "new")
		w.reaches(p, "new@home.example", "")
	})
	t.Run("an unreadable record opens nothing", func(t *testing.T) {
		for _, key := range ReachKeys(boss.Key()) {
			_, err := w.table.Put(t.Context(), store.Item{Key: key, Data: []byte(`"?"`)}, store.Any())
			must(t, err)
			_, err = users.Reach(boss.Key()).Mailbox(t.Context(), team)
			w.fails(fault.Malformed, err)
			must(t, store.Remove(t.Context(), w.table, key))
		}
	})
	t.Run("the tenant is the user's", func(t *testing.T) {
		if got := users.Reach(eve.Key()).Tenant(); got != "abroad" {
			t.Errorf("got %q", got)
		}
	})
}

func TestNamesOfTheOwnMailbox(t *testing.T) {
	w := newWorld(t)
	users := w.process()
	t.Run("a profile of a time without them learns them from the next request", func(t *testing.T) {
		w.admitted(users, Principal{Tenant: "home", Object: annObject, Name: "Ann"})
		w.reaches(ana, "ann@home.example", "")
		w.admitted(users, ana) // within the time for which a profile is remembered
		w.reaches(ana, "ann@home.example", annObject)
		w.reaches(ana, "ann.other@home.example", annObject)
	})
	t.Run("until then Microsoft 365 is asked once for the own address, and for nobody else's", func(t *testing.T) {
		old := Principal{Tenant: "home", Object: "old", Name: "Old"}
		w.admitted(users, old)
		asked := 0
		reach := func(of Principal, found string, err error) *Reach {
			r := w.process().Reach(of.Key())
			asked = 0
			r.Address = func(ctx context.Context) (string, error) {
				asked++
				own, ownErr := r.Mailbox(ctx, "me") // as the request for it does
				if own != of.Object || ownErr != nil {
					t.Errorf("got %q, %v", own, ownErr)
				}
				return found, err
			}
			return r
		}
		r := reach(old, "Old@home.example", nil)
		for name, want := range map[string]string{"old@HOME.example": "old", "ann@home.example": "", "me": "old"} {
			if got, err := r.Mailbox(t.Context(), name); got != want || (want == "") != (err == calendar.ErrNoMailbox) {
				t.Errorf("%s is %q, %v", name, got, err)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
		for _, found := range []error{nil, fault.New(fault.NotFound, "no mailbox")} {
			if _, err := reach(old, "", found).Mailbox(t.Context(), "old@home.example"); err != calendar.ErrNoMailbox {
				t.Errorf("got %v", err)
			}
		}
		_, err := reach(old, "", fault.New(fault.Unavailable, "down")).Mailbox(t.Context(), "old@home.example")
		w.fails(fault.Unavailable, err)
		for _, of := range []Principal{ana, {Tenant: "home", Object: "stranger"}} { // one whose names are known, and one of whom nothing is kept
			if got, err := reach(of, team, nil).Mailbox(t.Context(), team); err != calendar.ErrNoMailbox || asked != 0 {
				t.Errorf("%s: %q, %v, asked %d times", of.Object, got, err, asked)
			}
		}
		if _, err := reach(old, "x", nil).Mailbox(t.Context(), "no-address"); err != calendar.ErrNoMailbox || asked != 0 {
			t.Errorf("got %v, asked %d times", err, asked)
		}
	})
	t.Run("a request of a browser, which brings none, leaves them", func(t *testing.T) {
		w.now = w.now.Add(24 * time.Hour)
		w.admitted(users, Principal{Tenant: "home", Object: annObject, Name: "Ann"})
		w.reaches(ana, "ann@home.example", annObject)
	})
	t.Run("new ones take the place of the old ones", func(t *testing.T) {
		w.now = w.now.Add(time.Minute)
		moved := ana
		moved.Address = "ann.new@home.example"
		w.admitted(users, moved)
		w.reaches(ana, "ann.new@home.example", annObject)
		w.reaches(ana, "ann@home.example", "")
	})
	t.Run("one that is too long is none", func(t *testing.T) {
		w.now = w.now.Add(time.Minute)
		long := ana
		long.Address = strings.Repeat("a", maxName) + "@home.example"
		for range 2 {
			before := w.table.Requests()
			w.admitted(users, long)
			if n := w.table.Requests() - before; n > 2 {
				t.Errorf("%d requests", n)
			}
		}
		w.reaches(ana, "ann.new@home.example", annObject)
	})
	t.Run("an erasure takes them", func(t *testing.T) {
		if _, err := NewEraser(users).Erase(t.Context(), boss, annObject); err != nil {
			t.Fatal(err)
		}
		if p := w.profile(ana); p.UserName != "" || p.Address != "" {
			t.Errorf("left: %+v", p)
		}
		w.reaches(ana, "ann.new@home.example", "")
	})
}

func TestGrants(t *testing.T) {
	w := newWorld(t)
	users := w.process()
	for _, p := range []Principal{ana, boss, eve, eboss} {
		w.admitted(users, p)
	}
	grant := func(by Principal, object, mailbox string) (Grant, error) {
		return users.Grant(t.Context(), by, object, mailbox)
	}
	list := func() (mailboxes []string) {
		t.Helper()
		all, err := w.process().Grants(t.Context(), "home", annObject)
		must(t, err)
		for _, g := range all {
			mailboxes = append(mailboxes, g.Mailbox)
		}
		return mailboxes
	}

	t.Run("a granted mailbox is reached in any case, by the name that was granted", func(t *testing.T) {
		got, err := grant(boss, annObject, " Team@Home.example ")
		if want := (Grant{Mailbox: team, By: boss.Object, At: w.now}); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
		for _, name := range []string{team, "TEAM@home.EXAMPLE", " team@home.example"} {
			w.reaches(ana, name, team)
		}
		w.reaches(ana, "team@home.example.org", "")
		w.reaches(ana, "me", annObject)
		for _, p := range []Principal{boss, eve, eboss} { // it is nobody else's
			w.reaches(p, team, "")
		}
	})
	t.Run("the same once more changes nothing", func(t *testing.T) {
		began := w.now
		w.now = w.now.Add(time.Hour)
		if got, err := grant(Principal{Tenant: "home", Object: "second"}, annObject, team); err != nil || got.By != boss.Object || !got.At.Equal(began) {
			t.Errorf("got %+v, %v", got, err)
		}
		if got := list(); !reflect.DeepEqual(got, []string{team}) {
			t.Errorf("granted: %v", got)
		}
	})
	t.Run("an object id is a mailbox, too", func(t *testing.T) {
		room := "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
		if _, err := grant(boss, annObject, strings.ToUpper(room)); err != nil {
			t.Fatal(err)
		}
		w.reaches(ana, room, room)
		must(t, users.RevokeGrant(t.Context(), boss, annObject, strings.ToUpper(room)))
		w.reaches(ana, room, "")
	})
	t.Run("what no grant can be about", func(t *testing.T) {
		for _, mailbox := range []string{
			"", "me", "team", "Team <team@home.example>", "team@home.example/calendars", "*", "*@home.example/", "a b@home.example", "../" + annObject,
		} {
			if _, err := grant(boss, annObject, mailbox); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "mailbox" {
				t.Errorf("%q: %v", mailbox, err)
			}
		}
		for _, own := range []string{annObject, "ann@home.example", "ANN.other@home.example"} {
			_, err := grant(boss, annObject, own)
			w.fails(fault.Conflict, err)
		}
	})
	t.Run("an administrator of another tenant, and a user that is not there", func(t *testing.T) {
		_, err := grant(eboss, annObject, team)
		w.fails(fault.NotFound, err)
		w.fails(fault.NotFound, users.RevokeGrant(t.Context(), eboss, annObject, team))
		_, err = grant(boss, "nobody", team)
		w.fails(fault.NotFound, err)
		w.fails(fault.NotFound, users.RevokeGrant(t.Context(), boss, "nobody", team))
		w.reaches(ana, team, team)
		if got, err := users.Grants(t.Context(), "abroad", annObject); err != nil || len(got) != 0 {
			t.Errorf("another tenant shows %v, %v", got, err)
		}
		if got, err := users.Grants(t.Context(), "home", strings.Repeat("x", 4000)); err != nil || len(got) != 0 {
			t.Errorf("nobody has %v, %v", got, err)
		}
	})
	t.Run("revoked is revoked for whoever asks from then on", func(t *testing.T) {
		before := users.Reach(ana.Key())
		if _, err := before.Mailbox(t.Context(), team); err != nil {
			t.Fatal(err)
		}
		must(t, users.RevokeGrant(t.Context(), boss, annObject, "TEAM@home.example"))
		w.reaches(ana, team, "")
		for _, mailbox := range []string{team, "never@home.example", "?"} {
			w.fails(fault.NotFound, users.RevokeGrant(t.Context(), boss, annObject, mailbox))
		}
	})
	t.Run("members of a newer version stay", func(t *testing.T) {
		_, err := grant(boss, annObject, team)
		must(t, err)
		key := grantsKey(ana.Key())
		item, err := w.table.Get(t.Context(), key)
		must(t, err)
		item.Data = []byte(strings.Replace(string(item.Data), `"by"`, `"until":"tomorrow","by"`, 1))
		_, err = w.table.Put(t.Context(), item, store.Any())
		must(t, err)
		_, err = grant(boss, annObject, "other@home.example")
		must(t, err)
		item, err = w.table.Get(t.Context(), key)
		must(t, err)
		var stored struct{ Mailboxes []map[string]any }
		must(t, json.Unmarshal(item.Data, &stored))
		if len(stored.Mailboxes) != 2 || stored.Mailboxes[1]["mailbox"] != team || stored.Mailboxes[1]["until"] != "tomorrow" {
			t.Errorf("stored: %s", item.Data)
		}
	})
	t.Run("many at once are all there, up to as many as there may be", func(t *testing.T) {
		var group sync.WaitGroup
		for i := range 5 {
			group.Go(func() {
				for {
					if _, err := w.process().Grant(t.Context(), boss, annObject, fmt.Sprintf("m%d@home.example", i)); !errors.Is(err, errBusy) {
						must(t, err)
						return
					}
				}
			})
		}
		group.Wait()
		for i := 5; len(list()) < MaxGrants; i++ {
			_, err := grant(boss, annObject, fmt.Sprintf("m%d@home.example", i))
			must(t, err)
		}
		_, err := grant(boss, annObject, "more@home.example")
		w.fails(fault.Conflict, err)
		if _, err := grant(boss, annObject, team); err != nil { // which is there
			t.Error(err)
		}
	})
	t.Run("one whose data is being erased gets none, and loses what there was", func(t *testing.T) {
		if _, err := NewEraser(users, Step{"mailboxes", func(c context.Context, e Erasure) error {
			return EraseGrants(c, w.table, e.User)
		}}).Erase(t.Context(), boss, annObject); err != nil {
			t.Fatal(err)
		}
		if got := list(); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
		_, err := grant(boss, annObject, team)
		w.fails(fault.Conflict, err)
	})
}
