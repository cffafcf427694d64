package flag

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/machinetest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// TestASharePutsNobodyOutWhenItGrows looks at a million users, at every share.
func TestASharePutsNobodyOutWhenItGrows(t *testing.T) {
	const users = 1_000_000
	var at [Whole + 1]int // users by the smallest share that they are in
	f := Flag{Name: DeleteOldBackups, State: Percent}
	for i := range users {
		user := fmt.Sprintf("tenant#%08d", i)
		b := bucket(f.Name, user)
		if b < 0 || b >= Whole {
			t.Fatalf("%s is in bucket %d", user, b)
		}
		at[b+1]++
		// in from one share on, and in every larger one
		for _, share := range []int{0, b, b + 1, Whole} {
			f.Percent = share
			if on := f.On(user); on != (share > b) {
				t.Fatalf("%s, bucket %d: %t at %d", user, b, on, share)
			}
		}
	}
	in := 0
	for share, n := range at {
		in += n
		if want := float64(users) * float64(share) / Whole; share%500 == 0 && (float64(in) < want-3000 || float64(in) > want+3000) {
			t.Errorf("at %d of %d are %d users of %d", share, Whole, in, users)
		}
	}
}

func TestSharesOfDifferentFlagsAreOfDifferentUsers(t *testing.T) {
	both := 0
	for i := range 10_000 {
		user := fmt.Sprintf("tenant#%d", i)
		if bucket(DeleteOldBackups, user) < Whole/2 && bucket(StuckJobAction, user) < Whole/2 {
			both++
		}
	}
	if both < 2300 || both > 2700 {
		t.Errorf("%d of 10,000 are in both halves", both)
	}
}

func TestABucketStaysWhereItIs(t *testing.T) {
	// a value that was computed apart: the first 8 bytes of SHA-256("backup.delete_old" 00 "tenant#object"), big-endian, modulo 10,000
	if got := bucket("backup.delete_old", "tenant#object"); got != 4393 {
		t.Errorf("got %d", got)
	}
}

func TestWhoeverIsDeniedIsDenied(t *testing.T) {
	for _, c := range []struct {
		flag Flag
		want bool
	}{
		{Flag{State: On}, true},
		{Flag{State: Off}, false},
		{Flag{State: Percent, Percent: Whole}, true},
		{Flag{State: Percent, Percent: 0}, false},
		{Flag{State: Off, Allow: []string{"ann"}}, true},
		{Flag{State: Percent, Allow: []string{"ann"}}, true},
		{Flag{State: On, Deny: []string{"ann"}}, false},
		{Flag{State: On, Allow: []string{"ann"}, Deny: []string{"ann"}}, false},
		{Flag{State: Off, Allow: []string{"anna", "an"}}, false},
	} {
		c.flag.Name = StuckJobAction
		if got := c.flag.On("tenant#ann"); got != c.want {
			t.Errorf("%+v: %t", c.flag, got)
		}
	}
}

// world is a store on a clock that moves when it is told to.
type world struct {
	*machinetest.Clock
	*out
}

// out is a table that can be out of reach.
type out struct {
	store.Table
	err  error
	gets int
	slow func() // happens before an answer comes; nil: nothing
}

func (o *out) Get(ctx context.Context, key store.Key) (store.Item, error) {
	o.gets++
	item, err := o.Table.Get(ctx, key)
	if o.slow != nil {
		o.slow()
	}
	if o.err != nil {
		return store.Item{}, o.err
	}
	return item, err
}

func newWorld(t *testing.T) *world {
	clock := machinetest.NewClock(time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), 0)
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock.Now)
	must(t, err)
	t.Cleanup(func() { _ = table.Close() })
	return &world{Clock: clock, out: &out{Table: table}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const ann = "tenant#ann"

func TestAFlagTakesEffectWithin30SecondsInEveryProcess(t *testing.T) {
	w := newWorld(t)
	here, there := New(w, w.Now), New(w, w.Now)
	if !there.On(t.Context(), StuckJobAction, ann) {
		t.Fatal("what nobody decided is not as the program says")
	}
	_, err := here.Set(t.Context(), "tenant", "boss", Flag{Name: StuckJobAction, State: Off})
	must(t, err)
	if here.On(t.Context(), StuckJobAction, ann) {
		t.Error("the process that it was set in does not know it")
	}
	w.Advance(29 * time.Second)
	if gets := w.gets; !there.On(t.Context(), StuckJobAction, ann) || w.gets != gets {
		t.Error("it was read again before the time")
	}
	w.Advance(time.Second)
	if there.On(t.Context(), StuckJobAction, ann) {
		t.Error("after 30 seconds another process does not know it")
	}
	w.Advance(fresh)
	w.slow = func() { // it was read, and before the answer came somebody decided otherwise
		w.slow = nil
		_, err := here.Set(t.Context(), "tenant", "boss", Flag{Name: StuckJobAction, State: On})
		must(t, err)
		w.Advance(10 * time.Second)
	}
	if there.On(t.Context(), StuckJobAction, ann) {
		t.Error("it is not what was read")
	}
	w.Advance(20 * time.Second)
	if !there.On(t.Context(), StuckJobAction, ann) {
		t.Error("30 seconds after it was decided another process does not know it, since the answer took long")
	}
	if !there.On(t.Context(), StuckJobAction, "other#ann") || !there.On(t.Context(), DeleteOldBackups, ann) {
		t.Error("it is of another tenant, or another flag, too")
	}
}

func TestATableOutOfReachKeepsTheLastValue(t *testing.T) {
	w := newWorld(t)
	f := New(w, w.Now)
	_, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: Off})
	must(t, err)
	w.err = fault.New(fault.Unavailable, "no answer")
	w.slow = func() { w.Advance(time.Minute) } // until nobody waits for it any more
	for range 3 {
		w.Advance(time.Minute)
		if f.On(t.Context(), DeleteOldBackups, ann) {
			t.Fatal("the last value is forgotten")
		}
	}
	gets := w.gets
	if f.On(t.Context(), DeleteOldBackups, ann); w.gets != gets {
		t.Error("a table that is out of reach is asked each time")
	}
	w.slow = nil
	if !New(w, w.Now).On(t.Context(), DeleteOldBackups, ann) {
		t.Error("a process that never read it does not do as the program says")
	}
	w.err = nil
	_, err = New(w, w.Now).Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: On})
	must(t, err)
	w.Advance(time.Minute)
	if !f.On(t.Context(), DeleteOldBackups, ann) {
		t.Error("it does not come back")
	}
}

func TestSettingAFlag(t *testing.T) {
	w := newWorld(t)
	f := New(w, w.Now)
	for name, c := range map[string]struct {
		flag  Flag
		kind  fault.Kind
		field string
	}{
		"that there is not":        {Flag{Name: "plan.dream", State: On}, fault.NotFound, ""},
		"without a state":          {Flag{Name: StuckJobAction}, fault.Invalid, "state"},
		"more than all":            {Flag{Name: StuckJobAction, State: Percent, Percent: Whole + 1}, fault.Invalid, "percent"},
		"less than nobody":         {Flag{Name: StuckJobAction, State: Percent, Percent: -1}, fault.Invalid, "percent"},
		"a share of what is off":   {Flag{Name: StuckJobAction, State: Off, Percent: 5}, fault.Invalid, "percent"},
		"a user by the whole key":  {Flag{Name: StuckJobAction, State: On, Deny: []string{ann}}, fault.Invalid, "deny"},
		"a user without a name":    {Flag{Name: StuckJobAction, State: On, Allow: []string{""}}, fault.Invalid, "allow"},
		"more users than a record": {Flag{Name: StuckJobAction, State: On, Allow: make([]string, maxListed+1)}, fault.Invalid, "allow"},
	} {
		if _, err := f.Set(t.Context(), "tenant", "boss", c.flag); fault.Of(err) != c.kind || fault.FieldOf(err) != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if all, err := f.List(t.Context(), "tenant"); err != nil || len(all) != 0 {
		t.Errorf("stored %v, %v", all, err)
	}
	many := make([]string, maxListed)
	for i := range many {
		many[i] = fmt.Sprint("user", i)
	}
	if _, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: StuckJobAction, State: On, Deny: many}); err != nil {
		t.Errorf("as many as there may be: %v", err)
	}
	if _, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: StuckJobAction, State: On, Deny: append(many, "one more")}); fault.FieldOf(err) != "deny" {
		t.Errorf("one more than that: %v", err)
	}
	_, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: StuckJobAction, State: Percent, Percent: 250, Deny: []string{"ann", "bob"}, By: "somebody"})
	must(t, err)
	_, err = New(w, w.Now).Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: Off, Allow: []string{"ann"}})
	must(t, err)
	all, err := f.List(t.Context(), "tenant")
	must(t, err)
	if got := all[StuckJobAction]; len(all) != 2 || got.By != "boss" || !got.At.Equal(w.Now()) || got.Percent != 250 {
		t.Errorf("got %+v", all)
	}
	must(t, f.Erase(t.Context(), ann))
	before, err := w.Get(t.Context(), key("tenant"))
	must(t, err)
	must(t, f.Erase(t.Context(), ann)) // who is in no list
	if after, err := w.Get(t.Context(), key("tenant")); err != nil || after.Version != before.Version {
		t.Errorf("where nothing was to be erased something was written: %v", err)
	}
	must(t, f.Erase(t.Context(), "nobody#else"))
	all, err = f.List(t.Context(), "tenant")
	must(t, err)
	if len(all[StuckJobAction].Deny) != 1 || all[StuckJobAction].Deny[0] != "bob" || len(all[DeleteOldBackups].Allow) != 0 {
		t.Errorf("after the erasure: %+v", all)
	}
}

// rival is a table that another process writes to before each of the first writes.
type rival struct {
	store.Table
	times int
	do    func()
}

func (r *rival) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if r.times--; r.times >= 0 {
		r.do()
	}
	return r.Table.Put(ctx, item, cond)
}

func TestNoDecisionIsLostToAnotherAtTheSameTime(t *testing.T) {
	w := newWorld(t)
	n := 0
	other := func() {
		n++
		_, err := New(w, w.Now).Set(t.Context(), "tenant", "boss", Flag{Name: StuckJobAction, State: Percent, Percent: n})
		must(t, err)
	}
	f := New(&rival{Table: w, times: 2, do: other}, w.Now)
	_, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: Off})
	must(t, err)
	all, err := f.List(t.Context(), "tenant")
	must(t, err)
	if all[StuckJobAction].Percent != 2 || all[DeleteOldBackups].State != Off {
		t.Errorf("got %+v", all)
	}
	f = New(&rival{Table: w, times: 100, do: other}, w.Now)
	if _, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: On}); fault.Of(err) != fault.Conflict {
		t.Errorf("got %v", err)
	}
}

// started asks for what a run of a user starts with, as a worker does.
func started(t *testing.T, f *Flags, user, owner string) map[string]bool {
	t.Helper()
	kept := Kept{Flags: f, Owner: owner}
	var read []store.Item
	if keys := kept.Beside(user); len(keys) > 0 {
		var err error
		read, err = f.table.GetMany(t.Context(), keys)
		must(t, err)
	}
	return kept.Started(t.Context(), user, read)
}

func TestFlagsOfRunsAreReadBesideThemAtMostOnceInAWhile(t *testing.T) {
	w := newWorld(t)
	f := New(w, w.Now)
	_, err := New(w, w.Now).Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: Off})
	must(t, err)
	kept := Kept{Flags: f, Owner: "backup"}
	if keys := kept.Beside(ann); len(keys) != 1 {
		t.Errorf("at first %v is read", keys)
	}
	if started(t, f, ann, "backup")["backup.delete_old"] {
		t.Error("what was read does not count")
	}
	if keys := kept.Beside(ann); len(keys) != 0 {
		t.Errorf("what was read is read again: %v", keys)
	}
	if keys := kept.Beside("other#bob"); len(keys) != 1 {
		t.Errorf("of another tenant %v is read", keys)
	}
	w.Advance(fresh)
	if keys := kept.Beside(ann); len(keys) != 1 {
		t.Errorf("after a while %v is read", keys)
	}
	broken := []store.Item{{Key: key("tenant"), Data: []byte("no JSON")}}
	if kept.Started(t.Context(), ann, broken)["backup.delete_old"] {
		t.Error("what cannot be read puts what was known out of force")
	}
	if gets := w.gets; gets != 1 {
		t.Errorf("%d requests were made, not the one of whoever set the flag", gets)
	}
}

func TestWhatRunsKeep(t *testing.T) {
	w := newWorld(t)
	f := New(w, w.Now)
	if kept := started(t, New(w, w.Now), ann, "backup"); len(kept) != 1 || !kept["backup.delete_old"] {
		t.Errorf("of what nobody decided the backup keeps %v", kept)
	}
	_, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: DeleteOldBackups, State: Off})
	must(t, err)
	if kept := started(t, f, ann, "backup"); len(kept) != 1 || kept["backup.delete_old"] {
		t.Errorf("got %v", kept)
	}
	if kept := started(t, f, ann, "archive"); len(kept) != 1 || kept["plan.alike_duplicates"] || KeptShadow(kept, AlikeDuplicates) {
		t.Errorf("the archive keeps %v", kept)
	}
	_, err = f.Set(t.Context(), "tenant", "boss", Flag{Name: AlikeDuplicates, State: Shadow, Allow: []string{"bob"}})
	must(t, err)
	if kept := started(t, f, ann, "archive"); len(kept) != 2 || KeptOn(kept, AlikeDuplicates) || !KeptShadow(kept, AlikeDuplicates) {
		t.Errorf("of a shadow the archive keeps %v", kept)
	}
	if kept := started(t, f, "tenant#bob", "archive"); len(kept) != 1 || !KeptOn(kept, AlikeDuplicates) || KeptShadow(kept, AlikeDuplicates) {
		t.Errorf("for whom it is on the archive keeps %v", kept)
	}
	for _, c := range []struct {
		kept map[string]bool
		want bool
	}{
		{nil, true}, {map[string]bool{"backup.delete_old": false}, false},
		{map[string]bool{"backup.delete_old": true}, true}, {map[string]bool{"other": false}, true},
	} {
		if got := KeptOn(c.kept, DeleteOldBackups); got != c.want {
			t.Errorf("%v: %t", c.kept, got)
		}
	}
}

func TestAShadowIsOnForNobodyAndOfAllButWhomListsName(t *testing.T) {
	for _, c := range []struct {
		flag         Flag
		on, shadowed bool
	}{
		{Flag{State: Shadow}, false, true},
		{Flag{State: Shadow, Allow: []string{"ann"}}, true, false},
		{Flag{State: Shadow, Deny: []string{"ann"}}, false, false},
		{Flag{State: Shadow, Allow: []string{"bob"}, Deny: []string{"eve"}}, false, true},
		{Flag{State: On}, true, false},
		{Flag{State: Off}, false, false},
		{Flag{State: Percent, Percent: 1}, false, false},
		{Flag{}, false, false},
	} {
		c.flag.Name = AlikeDuplicates
		if on, shadowed := c.flag.On("tenant#ann"), c.flag.Shadowed("tenant#ann"); on != c.on || shadowed != c.shadowed {
			t.Errorf("%+v: on %t, shadowed %t", c.flag, on, shadowed)
		}
	}
}

func TestOnlyWhatCanBeToldIsShadowed(t *testing.T) {
	w := newWorld(t)
	f := New(w, w.Now)
	for name, d := range Known {
		_, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: name, State: Shadow})
		if (err == nil) != d.Shadows || err != nil && fault.FieldOf(err) != "state" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := f.Set(t.Context(), "tenant", "boss", Flag{Name: AlikeDuplicates, State: Shadow, Percent: 5}); fault.FieldOf(err) != "percent" {
		t.Errorf("a share of a shadow: %v", err)
	}
}

func TestAFlagIsOldAfterHalfAYear(t *testing.T) {
	d := Definition{Since: "2026-11-30"}
	day := time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC)
	if d.Old(day.AddDate(0, 0, 180)) || !d.Old(day.AddDate(0, 0, 181)) {
		t.Error("not then")
	}
	for name, d := range Known {
		if _, err := time.Parse(time.DateOnly, d.Since); err != nil || d.What == "" || d.Owner == "" || strings.Count(string(name), ".") != 1 {
			t.Errorf("%s is %+v", name, d)
		}
	}
}

func TestAFlagThatTheProgramDoesNotHaveIsADefect(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it is off")
		}
	}()
	w := newWorld(t)
	w.err = errors.New("not asked")
	New(w, w.Now).On(t.Context(), "plan.dream", ann)
}
