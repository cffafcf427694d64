package customer

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const ann, bob = "tenant#ann", "tenant#bob"

// kept are customers in a store of a test's own.
type kept struct {
	*Customers
	t     *testing.T
	table store.Table
}

func open(t *testing.T) *kept {
	t.Helper()
	at := time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)
	var ticks atomic.Int64
	clock := func() time.Time { return at.Add(time.Duration(ticks.Add(1)) * time.Second) }
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	var mu sync.Mutex
	n := 0
	return &kept{t: t, table: table, Customers: New(table, func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("ID%04d", n)
	}, clock)}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (k *kept) create(user, name string, aliases ...string) Customer {
	k.t.Helper()
	c, err := k.Create(k.t.Context(), user, Customer{Name: name, Aliases: aliases})
	must(k.t, err)
	return c
}

// names are the names of a user's customers, each with its aliases.
func (k *kept) names(user string) string {
	k.t.Helper()
	book, err := k.Book(k.t.Context(), user)
	must(k.t, err)
	var all []string
	for _, c := range book.All() {
		all = append(all, strings.Join(c.Names(), "="))
	}
	return strings.Join(all, " ")
}

func is(t *testing.T, err error, kind fault.Kind, field, says string) {
	t.Helper()
	if err == nil || fault.Of(err) != kind || fault.FieldOf(err) != field || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v, a %s at %q; want %q", err, fault.Of(err), fault.FieldOf(err), says)
	}
}

func TestACustomerIsKeptAsItWasGiven(t *testing.T) {
	k := open(t)
	given := Customer{
		Name: "Acme", Aliases: []string{"Acme GmbH"},
		Terms: Terms{Currency: "EUR", DayMinutes: 480, Travel: TravelBoth,
			Rates:    []Rate{{From: day(t, "2026-07-01"), Work: "130"}, {From: day(t, "2026-01-01"), Work: "120", Travel: "50%"}},
			Rounding: []Rounding{{From: day(t, "2026-03-01"), Increment: 15, Mode: Up, Scope: Day}, {From: day(t, "2026-01-01")}}},
		Address: Address{Locale: "de", BuyerReference: "04", OrderNumber: "7", Lines: []string{"Berlin"}, Emails: []string{"ap@acme.example"}},
	}
	created, err := k.Create(t.Context(), ann, given)
	must(t, err)
	read, err := k.Get(t.Context(), ann, created.ID)
	must(t, err)
	want := given
	want.Rates = []Rate{{From: day(t, "2026-01-01"), Work: "120", Travel: "50%"}, {From: day(t, "2026-07-01"), Work: "130"}}
	want.Rounding = []Rounding{{From: day(t, "2026-01-01")}, {From: day(t, "2026-03-01"), Increment: 15, Mode: Up, Scope: Day}}
	ignore := cmpopts.IgnoreFields(Customer{}, "ID", "Created", "Updated", "Version", "Unknown")
	if diff := cmp.Diff(want, read, ignore); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(created, read, cmpopts.IgnoreFields(Customer{}, "Unknown")); diff != "" || read.Version != 1 {
		t.Error(read.Version, diff)
	}
	if created.Created.IsZero() || created.Updated != created.Created {
		t.Errorf("created %v, updated %v", created.Created, created.Updated)
	}
	_, err = k.Get(t.Context(), bob, created.ID)
	is(t, err, fault.NotFound, "", "no customer")

	changed := read
	changed.Rates = []Rate{{From: day(t, "2026-09-01"), Work: "140"}, {From: day(t, "2026-02-01"), Work: "110"}}
	changed.Rounding = []Rounding{{From: day(t, "2026-09-01")}, {From: day(t, "2026-02-01"), Least: 5, Scope: Entry}}
	updated, err := k.Update(t.Context(), ann, changed)
	must(t, err)
	read, err = k.Get(t.Context(), ann, created.ID)
	must(t, err)
	if diff := cmp.Diff(updated, read, cmpopts.IgnoreFields(Customer{}, "Unknown")); diff != "" || read.Rates[0].Work != "110" || read.Rounding[0].Least != 5 {
		t.Error(read.Rates, read.Rounding, diff)
	}
	read.Currency = "EUX"
	_, err = k.Create(t.Context(), bob, read)
	is(t, err, fault.Invalid, "currency", "ISO 4217")
	_, err = k.Update(t.Context(), ann, read)
	is(t, err, fault.Invalid, "currency", "ISO 4217")
}

// out is a store of which some operations fail.
type out struct {
	store.Table
	get, query, transact bool
	n                    int // how many were asked for
}

var errOut = errors.New("out of order")

func (o *out) Get(ctx context.Context, key store.Key) (store.Item, error) {
	if o.n++; o.get {
		return store.Item{}, errOut
	}
	return o.Table.Get(ctx, key)
}

func (o *out) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if o.n++; o.query {
		return store.Page{}, errOut
	}
	return o.Table.Query(ctx, q)
}

func (o *out) Transact(ctx context.Context, ops []store.Op) error {
	if o.n++; o.transact {
		return errOut
	}
	return o.Table.Transact(ctx, ops)
}

func TestWhatTheStoreCannotDoIsNotTakenForDone(t *testing.T) {
	for name, broken := range map[string]out{"get": {get: true}, "query": {query: true}, "transact": {transact: true}} {
		k := open(t)
		acme := k.create(ann, "Acme")
		o := broken
		o.Table = k.table
		s := New(&o, func() string { return "NEW" }, k.clock)
		calls := map[string]func() error{
			"create": func() error { _, err := s.Create(t.Context(), ann, Customer{Name: "Beta"}); return err },
			"update": func() error { _, err := s.Update(t.Context(), ann, acme); return err },
			"merge":  func() error { _, err := s.Merge(t.Context(), ann, acme.ID, acme.Version, "Beta"); return err },
			"delete": func() error { return s.Delete(t.Context(), ann, acme.ID, acme.Version) },
		}
		if o.get {
			calls["read"] = func() error { _, err := s.Get(t.Context(), ann, acme.ID); return err }
		}
		if o.query {
			calls["list"] = func() error { _, err := s.Book(t.Context(), ann); return err }
			calls["find"] = func() error { _, err := s.Named(t.Context(), ann, "Acme"); return err }
			calls["erase"] = func() error { return Erase(t.Context(), &o, ann) }
		}
		for what, call := range calls {
			if o.n = 0; !errors.Is(call(), errOut) || o.n > 3 {
				t.Errorf("%s fails: %s goes on, after %d operations", name, what, o.n)
			}
		}
		if got := k.names(ann); got != "Acme" {
			t.Errorf("%s fails: there are %s", name, got)
		}
	}
}

func TestNoNameIsTwoCustomers(t *testing.T) {
	k := open(t)
	k.create(ann, "Acme", "Acme GmbH")
	_, err := k.Create(t.Context(), ann, Customer{Name: "ACME"})
	is(t, err, fault.Conflict, "", `a customer "Acme" already`)
	_, err = k.Create(t.Context(), ann, Customer{Name: "acme  gmbh"})
	is(t, err, fault.Conflict, "", `alias of customer "Acme"`)
	_, err = k.Create(t.Context(), ann, Customer{Name: "Globex", Aliases: []string{"G", "acme gmbh"}})
	is(t, err, fault.Invalid, "aliases[1]", `"Acme"`)
	globex := k.create(ann, "Globex")
	globex.Aliases = []string{"Acme"}
	_, err = k.Update(t.Context(), ann, globex)
	is(t, err, fault.Invalid, "aliases[0]", `"Acme"`)
	globex.Name, globex.Aliases = "GLOBEX", []string{"Globex Corporation"}
	_, err = k.Update(t.Context(), ann, globex)
	must(t, err)
	k.create(bob, "Acme")
	if got := k.names(ann) + "; " + k.names(bob); got != "Acme=Acme GmbH GLOBEX=Globex Corporation; Acme" {
		t.Error(got)
	}
}

func TestNothingIsChangedThatWasNotSeen(t *testing.T) {
	k := open(t)
	first := k.create(ann, "Acme")
	k.create(ann, "Globex")
	second, err := k.Update(t.Context(), ann, Customer{ID: first.ID, Version: first.Version, Name: "Acme Ltd"})
	must(t, err)
	stored, err := k.Get(t.Context(), ann, first.ID)
	must(t, err)
	if second.Version != stored.Version || stored.Name != "Acme Ltd" || stored.Created != first.Created || !stored.Updated.After(first.Updated) {
		t.Errorf("%+v", stored)
	}
	_, err = k.Update(t.Context(), ann, Customer{ID: first.ID, Version: first.Version, Name: "Acme Inc"})
	if !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if err := k.Delete(t.Context(), ann, first.ID, first.Version); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if _, err = k.Merge(t.Context(), ann, first.ID, first.Version, "Globex"); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	_, err = k.Update(t.Context(), bob, second)
	is(t, err, fault.NotFound, "", "no customer")
	is(t, k.Delete(t.Context(), bob, second.ID, second.Version), fault.NotFound, "", "no customer")
	must(t, k.Delete(t.Context(), ann, second.ID, second.Version))
	if got := k.names(ann); got != "Globex" {
		t.Error(got)
	}
}

func TestMergingMakesAliasesOfTheOthersNames(t *testing.T) {
	k := open(t)
	acme := k.create(ann, "Acme", "Acme GmbH")
	k.create(ann, "Globex", "Globex Inc")
	merged, err := k.Merge(t.Context(), ann, acme.ID, acme.Version, "globex inc")
	must(t, err)
	if got := k.names(ann); got != "Acme=Acme GmbH=Globex=Globex Inc" {
		t.Error(got)
	}
	again, err := k.Merge(t.Context(), ann, acme.ID, merged.Version, "GLOBEX")
	must(t, err)
	if diff := cmp.Diff(merged, again, cmpopts.IgnoreFields(Customer{}, "Unknown")); diff != "" {
		t.Error("merged twice:", diff)
	}
	merged, err = k.Merge(t.Context(), ann, acme.ID, again.Version, "Nobody Ltd")
	must(t, err)
	stored, err := k.Get(t.Context(), ann, acme.ID)
	must(t, err)
	if got := k.names(ann); got != "Acme=Acme GmbH=Globex=Globex Inc=Nobody Ltd" || stored.Version != merged.Version {
		t.Error(got, stored.Version, merged.Version)
	}
	_, err = k.Merge(t.Context(), ann, acme.ID, merged.Version, "billable")
	is(t, err, fault.Invalid, "name", "category")
	_, err = k.Merge(t.Context(), bob, acme.ID, merged.Version, "Globex")
	is(t, err, fault.NotFound, "", "no customer")
	for i := range maxAliases - len(merged.Aliases) {
		merged.Aliases = append(merged.Aliases, fmt.Sprintf("Alias %d", i))
	}
	merged, err = k.Update(t.Context(), ann, merged)
	must(t, err)
	k.create(ann, "Initech")
	_, err = k.Merge(t.Context(), ann, acme.ID, merged.Version, "Initech")
	is(t, err, fault.Invalid, "aliases", "50")
	if !strings.HasSuffix(k.names(ann), " Initech") {
		t.Error("the other one went all the same")
	}
}

func TestThereAreOnlySoManyCustomers(t *testing.T) {
	k := open(t)
	var items []store.Item
	for i := range limit.Customers - 1 {
		items = append(items, *item(ann, &Customer{ID: fmt.Sprintf("C%04d", i), Name: fmt.Sprintf("Customer %d", i)}))
	}
	must(t, k.table.BatchPut(t.Context(), items))
	k.create(ann, "The last")
	_, err := k.Create(t.Context(), ann, Customer{Name: "One more"})
	is(t, err, fault.Conflict, "", "500")
}

func TestOfManyThatTakeANameAtOnceOneGetsIt(t *testing.T) {
	k := open(t)
	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = k.Create(context.WithoutCancel(t.Context()), ann, Customer{Name: "Acme", Aliases: []string{fmt.Sprintf("Acme %d", i)}})
		})
	}
	wg.Wait()
	made := 0
	for _, err := range errs {
		switch {
		case err == nil:
			made++
		case fault.Of(err) != fault.Conflict:
			t.Error(err)
		}
	}
	if made != 1 || strings.Count(k.names(ann), "Acme=") != 1 {
		t.Errorf("%d were made: %s", made, k.names(ann))
	}
}

func TestErasingCustomersLeavesThoseOfOthers(t *testing.T) {
	k := open(t)
	k.create(ann, "Acme")
	k.create(bob, "Acme")
	_, err := k.table.Put(t.Context(), store.Item{Key: key(ann, "broken"), Data: []byte(`[]`)}, store.Any())
	must(t, err)
	_, err = k.Book(t.Context(), ann)
	is(t, err, fault.Malformed, "", "unreadable")
	other := store.Item{Key: store.OfUser(ann, "JOB#1"), Data: []byte("{}")}
	_, err = k.table.Put(t.Context(), other, store.Any())
	must(t, err)
	must(t, Erase(t.Context(), k.table, ann))
	left, err := store.All(t.Context(), k.table, store.Query{PK: store.UserPartition(ann)})
	must(t, err)
	if len(left) != 1 || left[0].Key != other.Key || k.names(bob) != "Acme" {
		t.Errorf("left %v; bob has %q", left, k.names(bob))
	}
}

func TestACustomerIsFoundByItsIDAndByAnyOfItsNames(t *testing.T) {
	k := open(t)
	acme := k.create(ann, "Acme", "Acme GmbH")
	k.create(ann, acme.ID+"x")
	for _, text := range []string{acme.ID, "ACME", "acme  gmbh"} {
		if got, err := k.Named(t.Context(), ann, text); err != nil || got.ID != acme.ID {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for user, text := range map[string]string{ann: "Initech", bob: "Acme"} {
		if _, err := k.Named(t.Context(), user, text); fault.Of(err) != fault.NotFound {
			t.Errorf("%s: %v", text, err)
		}
	}
}
