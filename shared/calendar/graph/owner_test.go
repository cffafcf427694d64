package graph

import (
	"context"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/fault"
)

const (
	homeTenant   = "11111111-1111-4111-8111-111111111111"
	abroadTenant = "22222222-2222-4222-8222-222222222222"
	annID        = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"
	bobID        = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
	eveID        = "eeeeeeee-eeee-4eee-8eee-eeeeeeeeeeee"
)

// owner has one mailbox of a tenant, under several names.
type owner struct {
	tenant, mailbox string
	names           []string
}

func (o owner) Tenant() string { return o.tenant }

func (o owner) Mailbox(_ context.Context, account string) (string, error) {
	if slices.Contains(o.names, account) {
		return o.mailbox, nil
	}
	return "", calendar.ErrNoMailbox
}

// openForOwners returns a Provider for owners, and what it talks to: two mailboxes of a tenant, and one of another.
func openForOwners(t *testing.T, change func(*Options)) (*Provider, *graphsim.Server, *graphsim.SignIn) {
	t.Helper()
	sim := graphsim.New(graphsim.Options{})
	for _, m := range []graphsim.Mailbox{
		{ID: annID, Address: "ann@home.example", Tenant: homeTenant}, {ID: bobID, Address: "bob@home.example", Tenant: homeTenant},
		{ID: eveID, Address: "eve@abroad.example", Tenant: abroadTenant},
	} {
		if err := sim.AddMailbox(m); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(sim)
	t.Cleanup(server.Close)
	entra := &graphsim.SignIn{}
	o := Options{
		BaseURL: server.URL + "/v1.0", App: App{Tenant: abroadTenant, Client: "cccccccc-cccc-4ccc-8ccc-cccccccccccc", Secret: "secret"},
		ForOwners: true, Transport: entra,
	}
	if change != nil {
		change(&o)
	}
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p, sim, entra
}

var ann = owner{tenant: homeTenant, mailbox: annID, names: []string{"me", annID, "ann@home.example"}}

func TestAnOwnerReachesTheOwnMailboxesAlone(t *testing.T) {
	p, sim, _ := openForOwners(t, nil)
	own, err := p.For(ann)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("under each of its names, by its id", func(t *testing.T) {
		for _, name := range ann.names {
			sim.ResetLog()
			uri := calendar.URI{Provider: calendar.ProviderGraph, Account: name, Calendar: "From " + name}
			info, err := own.CreateCalendar(t.Context(), uri)
			if err != nil || info.URI.Account != name {
				t.Fatalf("%s: %+v, %v", name, info, err)
			}
			written, err := own.Create(t.Context(), name, info.ID, []calendar.Draft{{
				Mark: "m", TransactionID: "t" + name, Subject: "Review", Start: calendar.DateTime{Local: "2026-10-05T07:00:00", Zone: "UTC"},
				End: calendar.DateTime{Local: "2026-10-05T08:00:00", Zone: "UTC"},
			}})
			if err != nil || written[0].Err != nil {
				t.Fatalf("%s: %+v, %v", name, written, err)
			}
			for _, e := range sim.Log() {
				for _, one := range append([]graphsim.Entry{e}, e.Sub...) {
					if one.Tenant != homeTenant || !strings.HasSuffix(one.Path, "/$batch") && !strings.Contains(one.Path, "/users/"+annID+"/") {
						t.Errorf("%s: %s in tenant %q", name, one.Path, one.Tenant)
					}
				}
			}
		}
	})
	t.Run("no method asks for another, whether it is there or not", func(t *testing.T) {
		sim.ResetLog()
		methods := 0
		for _, of := range []*Provider{own, own.Patiently(nil).(*Provider), must(own.Counting())} {
			for _, account := range []string{bobID, "bob@home.example", eveID, "eve@abroad.example", "nobody@home.example", "ANN@home.example", annID + "/"} {
				for i := range reflect.TypeOf(of).NumMethod() {
					name, results, asked := call(t, of, i, account)
					if !asked {
						continue
					}
					methods++
					if err, _ := results[len(results)-1].Interface().(error); err != nil && fault.Of(err) != fault.NotFound {
						t.Errorf("%s of %s: %v", name, account, err)
					}
				}
			}
		}
		if log := sim.Log(); len(log) > 0 || methods < 3*7*16 {
			t.Errorf("%d calls sent %d requests: %.2000v", methods, len(log), log)
		}
	})
	t.Run("a mailbox that is gone is answered like one that is another's", func(t *testing.T) {
		gone, err := p.For(owner{tenant: homeTenant, mailbox: "gone@home.example", names: []string{"gone@home.example"}})
		if err != nil {
			t.Fatal(err)
		}
		_, there := own.Calendars(t.Context(), "bob@home.example")
		if _, err := gone.Calendars(t.Context(), "gone@home.example"); err != there || err != calendar.ErrNoMailbox {
			t.Errorf("%v and %v", err, there)
		}
		uri := calendar.URI{Provider: calendar.ProviderGraph, Account: "gone@home.example", Calendar: "New"}
		if _, err := gone.CreateCalendar(t.Context(), uri); err != calendar.ErrNoMailbox {
			t.Errorf("create: %v", err)
		}
	})
	t.Run("and knows its address", func(t *testing.T) {
		for _, name := range ann.names {
			if got, err := own.Address(t.Context(), name); got != "ann@home.example" || err != nil {
				t.Errorf("%s is %q, %v", name, got, err)
			}
		}
	})
	t.Run("one name stands for all", func(t *testing.T) {
		for _, name := range ann.names {
			if got, err := own.Mailbox(t.Context(), name); got != annID || err != nil {
				t.Errorf("%s is %s, %v", name, got, err)
			}
		}
	})
}

// call calls a method of a Provider whose second argument is an account or the URI of a calendar of it.
func call(t *testing.T, p *Provider, i int, account string) (name string, results []reflect.Value, ok bool) {
	t.Helper()
	m, f := reflect.TypeOf(p).Method(i), reflect.ValueOf(p).Method(i)
	of := f.Type()
	if m.Name == "Mailbox" || of.NumIn() < 2 || of.In(0) != reflect.TypeFor[context.Context]() {
		return m.Name, nil, false
	}
	args := []reflect.Value{reflect.ValueOf(t.Context())}
	switch of.In(1) {
	case reflect.TypeFor[string]():
		args = append(args, reflect.ValueOf(account))
	case reflect.TypeFor[calendar.URI]():
		args = append(args, reflect.ValueOf(calendar.URI{Provider: calendar.ProviderGraph, Account: account, Calendar: "primary"}))
	default:
		return m.Name, nil, false
	}
	for i := 2; i < of.NumIn(); i++ {
		switch in := of.In(i); {
		case in.Kind() == reflect.String:
			args = append(args, reflect.ValueOf("AAMkAGFolder1"))
		case in.Kind() == reflect.Slice:
			args = append(args, reflect.MakeSlice(in, 1, 1))
		case in == reflect.TypeFor[time.Time]():
			args = append(args, reflect.ValueOf(time.Date(2026, 10, i, 0, 0, 0, 0, time.UTC)))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	return m.Name, f.Call(args), true
}

func must(p *Provider, err error) *Provider {
	if err != nil {
		panic(err)
	}
	return p
}

func TestAnApplicationSignsInInTheOwnersTenant(t *testing.T) {
	p, sim, entra := openForOwners(t, nil)
	t.Run("which is never the configured one for an owner of another", func(t *testing.T) {
		for range 2 {
			for _, o := range []owner{ann, {tenant: abroadTenant, mailbox: eveID, names: []string{"me"}}} {
				own := must(p.For(o))
				if list, err := own.Calendars(t.Context(), "me"); err != nil || len(list) != 1 {
					t.Fatalf("%+v: %v, %v", o, list, err)
				}
				if e := sim.Log()[len(sim.Log())-1]; e.Tenant != o.tenant || e.Mailbox != o.mailbox {
					t.Errorf("%s of %s was asked in %s", e.Mailbox, o.tenant, e.Tenant)
				}
			}
		}
		if want := []string{homeTenant, abroadTenant}; !slices.Equal(entra.Tenants(), want) {
			t.Errorf("tokens were asked for at %v, want %v: once each", entra.Tenants(), want)
		}
	})
	t.Run("so a mailbox of another tenant is not there, whatever was granted", func(t *testing.T) {
		own := must(p.For(owner{tenant: homeTenant, mailbox: "eve@abroad.example", names: []string{"eve@abroad.example"}}))
		if _, err := own.Calendars(t.Context(), "eve@abroad.example"); err != calendar.ErrNoMailbox {
			t.Errorf("got %v", err)
		}
	})
	t.Run("and its requests are not counted against that one", func(t *testing.T) {
		mine, theirs := must(p.For(owner{homeTenant, eveID, []string{"x"}})), must(p.For(owner{abroadTenant, eveID, []string{"me"}}))
		a, err := mine.budget(t.Context(), "x")
		if err != nil {
			t.Fatal(err)
		}
		b, err := theirs.budget(t.Context(), "me")
		if err != nil || a == b {
			t.Errorf("%p and %p, %v", a, b, err)
		}
	})
	t.Run("the names of one mailbox share its budget", func(t *testing.T) {
		own := must(p.For(ann))
		first, err := own.budget(t.Context(), "me")
		if err != nil {
			t.Fatal(err)
		}
		if second, err := must(p.For(ann)).budget(t.Context(), "ann@home.example"); err != nil || first != second {
			t.Errorf("%p and %p, %v", first, second, err)
		}
	})
}

func TestAProviderForOwnersAsksForNothingByItself(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"as an application":  nil,
		"with a fixed token": func(o *Options) { o.App, o.Token = App{}, "token" },
	} {
		t.Run(name, func(t *testing.T) {
			p, sim, _ := openForOwners(t, change)
			if _, err := p.Calendars(t.Context(), annID); err == nil || fault.Of(err) != fault.Internal || len(sim.Log()) != 0 {
				t.Errorf("got %v, %d requests", err, len(sim.Log()))
			}
			if list, err := must(p.For(ann)).Calendars(t.Context(), "me"); err != nil || len(list) != 1 {
				t.Errorf("for its owner: %v, %v", list, err)
			}
		})
	}
	t.Run("and one that is not for owners knows none", func(t *testing.T) {
		p, _, _ := openForOwners(t, func(o *Options) { o.ForOwners = false })
		if _, err := p.For(ann); err == nil || fault.Of(err) != fault.Internal {
			t.Errorf("got %v", err)
		}
		p, _, _ = openForOwners(t, nil)
		if _, err := must(p.For(ann)).For(owner{tenant: abroadTenant}); err == nil || fault.Of(err) != fault.Internal {
			t.Errorf("an owner's own one: %v", err)
		}
	})
	t.Run("an application that cannot sign in says so", func(t *testing.T) {
		p, _, _ := openForOwners(t, func(o *Options) { o.App.Secret = "" })
		if _, err := p.For(ann); fault.Of(err) != fault.Invalid {
			t.Errorf("got %v", err)
		}
	})
}
