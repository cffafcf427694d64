package mastercategory

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/local"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/store/sqlite"
)

const ann = "tenant#ann"

var now = time.Date(2026, 10, 15, 9, 0, 0, 0, time.UTC)

// world is local calendars of a user, and the user's customers.
type world struct {
	*local.Provider
	t         *testing.T
	customers *customer.Customers
	calendar  calendar.Info
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func uri(name string) calendar.URI {
	return calendar.URI{Provider: calendar.ProviderLocal, Account: "me", Calendar: name}
}

func open(t *testing.T) *world {
	t.Helper()
	clock := func() time.Time { return now }
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	n := 0
	ids := func() string { n++; return fmt.Sprintf("ID%04d", n) }
	w := &world{t: t, Provider: local.New(table, ids, clock).For(ann), customers: customer.New(table, ids, clock)}
	w.calendar, err = w.CreateCalendar(t.Context(), uri("Work"))
	must(t, err)
	return w
}

// add puts an event of an hour into the calendar.
func (w *world) add(start string, categories ...string) {
	w.t.Helper()
	at, err := time.Parse("2006-01-02 15:04", start)
	must(w.t, err)
	when := func(t time.Time) calendar.DateTime {
		return calendar.DateTime{Local: t.Format("2006-01-02T15:04:05"), Zone: "UTC"}
	}
	results, err := w.Provider.Create(w.t.Context(), "me", w.calendar.ID, []calendar.Draft{{
		Mark: start + strings.Join(categories, ","), TransactionID: start + strings.Join(categories, ","), Subject: "At " + start,
		Start: when(at), End: when(at.Add(time.Hour)), Categories: categories,
		ShowAs: calendar.Busy, Importance: calendar.NormalImportance, Sensitivity: calendar.Normal,
	}})
	must(w.t, err)
	must(w.t, results[0].Err)
}

func (w *world) create(name, colour string) {
	w.t.Helper()
	_, err := Create(w.t.Context(), w, "me", name, colour)
	must(w.t, err)
}

func (w *world) rename(from, to string) (Renamed, error) {
	w.t.Helper()
	r := Renaming{
		User: ann, Account: "me", From: from, To: to, Lists: w, Customers: w.customers, Events: w, Sources: []calendar.URI{uri("Work"), uri("Gone")},
		Since: now.AddDate(-1, 0, 0), Until: now.AddDate(1, 0, 0),
	}
	return r.Rename(w.t.Context())
}

// told is the list of categories and the names of customers.
func (w *world) told() string {
	w.t.Helper()
	list, err := w.Categories(w.t.Context(), "me")
	must(w.t, err)
	book, err := w.customers.Book(w.t.Context(), ann)
	must(w.t, err)
	var all []string
	for _, c := range list {
		all = append(all, c.Name+" "+c.Colour)
	}
	for _, c := range book.All() {
		all = append(all, strings.Join(c.Names(), "="))
	}
	return strings.Join(all, ", ")
}

func TestACategoryIsRenamedByBecomingAnotherOne(t *testing.T) {
	w := open(t)
	w.create("Acme GmbH - billable", "preset7")
	w.add("2026-10-01 09:00", "Acme GmbH - billable", "Online")
	w.add("2026-10-02 09:00", "acme  gmbh - BILLABLE")
	w.add("2026-10-03 09:00", "Acme - billable")
	w.add("2024-10-03 09:00", "Acme GmbH - billable") // too long ago
	done, err := w.rename("acme gmbh - billable", "Acme - billable")
	must(t, err)
	if !done.Created || done.Category.Colour != "preset7" || done.Customer != "Acme" || done.Alias != "acme gmbh" || done.Carrying != 2 {
		t.Errorf("%+v", done)
	}
	const after = "Acme GmbH - billable preset7, Acme - billable preset7, Acme=acme gmbh"
	if got := w.told(); got != after {
		t.Error(got)
	}
	again, err := w.rename("Acme GmbH - billable", "Acme - billable")
	must(t, err)
	if again.Created || again.Alias != "" || again.Carrying != 2 || w.told() != after {
		t.Errorf("a second time: %+v, %s", again, w.told())
	}
	if events := w.carry(); !slices.Equal(events, []string{"Acme - billable", "Acme GmbH - billable", "Online", "acme  gmbh - BILLABLE"}) {
		t.Errorf("events carry %q", events)
	}
}

// carry are the categories that the events of a year carry.
func (w *world) carry() (names []string) {
	w.t.Helper()
	events, err := w.Provider.Events(w.t.Context(), "me", w.calendar.ID, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0))
	must(w.t, err)
	for _, e := range events {
		names = append(names, e.Categories...)
	}
	slices.Sort(names)
	return names
}

func TestRenamingMakesNoAliasWhereTheCustomerIsTheSame(t *testing.T) {
	w := open(t)
	w.create("Acme - billable", "none")
	done, err := w.rename("Acme - billable", "ACME - non-billable")
	must(t, err)
	if done.Alias != "" || w.told() != "Acme - billable none, ACME - non-billable none" {
		t.Errorf("%+v; %s", done, w.told())
	}
	_, err = w.Provider.CreateCategory(t.Context(), "me", calendar.Category{Name: "Acme billable", Colour: "none"}) // by hand, in Outlook
	must(t, err)
	if done, err = w.rename("Acme billable", "Acme - billable"); err != nil || done.Created || done.Alias != "" {
		t.Errorf("one that cannot be read: %+v, %v", done, err)
	}
}

func TestRenamingKeepsTheRecordOfACustomer(t *testing.T) {
	w := open(t)
	w.create("Acme GmbH - billable", "none")
	_, err := w.customers.Create(t.Context(), ann, customer.Customer{Name: "Acme", Terms: customer.Terms{DayMinutes: 480}})
	must(t, err)
	_, err = w.rename("Acme GmbH - billable", "ACME - billable")
	must(t, err)
	if got := w.told(); got != "Acme GmbH - billable none, ACME - billable none, Acme=Acme GmbH" {
		t.Error(got)
	}
	w.create("Globex - billable", "none")
	_, err = w.customers.Create(t.Context(), ann, customer.Customer{Name: "Globex"})
	must(t, err)
	before := w.told()
	if _, err = w.rename("Globex - billable", "Acme Holding - billable"); fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "merge") {
		t.Error(err)
	}
	if _, err = w.rename("Globex - billable", "Acme"); fault.FieldOf(err) != "to" {
		t.Error(err)
	}
	if _, err = w.rename("Globex - billable", "GLOBEX - billable"); fault.FieldOf(err) != "to" {
		t.Error(err)
	}
	if _, err = w.rename("Nobody - billable", "Globex - billable"); fault.Of(err) != fault.NotFound {
		t.Error(err)
	}
	if got := w.told(); got != before {
		t.Errorf("refused, and yet %s", got)
	}
}

func TestOnlyCategoriesThatCanBeReadAreCreated(t *testing.T) {
	w := open(t)
	for name, field := range map[string]string{
		"Acme – billable": "", "billable - Acme": "", "Online": "", "Acme": "name", "billable - billable": "name", "": "name",
	} {
		if _, err := Create(t.Context(), w, "me", name, "none"); fault.FieldOf(err) != field || field == "" && err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestCategoriesOfEventsAreLookedAt(t *testing.T) {
	w := open(t)
	w.add("2026-09-30 22:30", "Acme - billable") // in Berlin the next day
	w.add("2026-09-30 20:30", "Late - billable")
	w.add("2026-10-02 09:00", "acme - billable", "Online")
	w.add("2026-10-02 11:00", "Acme - billable")
	w.add("2026-10-03 09:00", "Acme GmbH - non-billable")
	w.add("2026-10-04 09:00", "Acme", "Acme - billable", "Globex - billable", "Initech - billable")
	w.add("2026-10-05 09:00")
	w.add("2026-10-06 09:00", "break - non-billable")
	w.add("2026-10-31 23:30", "Later - billable")
	berlin, err := calendar.LoadZone("Europe/Berlin")
	must(t, err)
	from, to := calendar.Date{Year: 2026, Month: 10, Day: 1}, calendar.Date{Year: 2026, Month: 10, Day: 31}
	window, err := calendar.NewWindow(from, to, berlin)
	must(t, err)
	book := customer.NewBook([]customer.Customer{{Name: "Acme Holding", Aliases: []string{"Acme GmbH"}}})
	before := w.carry()
	r, err := Validate(t.Context(), w, "me", w.calendar.ID, window, []calendar.Category{{Name: "ACME - billable"}, {Name: "Online"}}, book)
	must(t, err)
	if got := fmt.Sprint(r.Events, r.Without, r.IssueCount); got != "7 1 2" {
		t.Error(got)
	}
	rows := "[{Acme true billable 4 4h0m0s} {Acme Holding false non-billable 1 1h0m0s} {Break false non-billable 1 1h0m0s}]"
	if got := fmt.Sprint(r.Rows); got != rows {
		t.Errorf("rows %s\nwant %s", got, rows)
	}
	var issues []string
	for _, i := range r.Issues {
		issues = append(issues, i.Date.String()+" "+i.Subject+": "+i.Problem)
	}
	want := []string{
		`2026-10-04 At 2026-10-04 09:00: invalid category "Acme": expected "<customer> - billable" or "<customer> - non-billable"`,
		`2026-10-04 At 2026-10-04 09:00: multiple valid categories, using "Acme - billable"`,
	}
	if !slices.Equal(issues, want) {
		t.Errorf("issues %q", issues)
	}
	unlisted := "[{Acme 1} {Acme GmbH - non-billable 1} {Globex - billable 1} {Initech - billable 1} {break - non-billable 1}]"
	if got := fmt.Sprint(r.Unlisted); got != unlisted {
		t.Errorf("not listed: %s\nwant %s", got, unlisted)
	}
	if after := w.carry(); !slices.Equal(after, before) {
		t.Errorf("events carry %q, carried %q", after, before)
	}
}

// walked is events as a provider may hand them over: one that was changed meanwhile twice, cancelled and declined ones, those of whole days.
type walked []calendar.Event

func (walked) Calendar(context.Context, calendar.URI) (calendar.Info, error) {
	return calendar.Info{}, nil
}

func (w walked) Walk(_ context.Context, _, _ string, _, _, _ time.Time, each func(calendar.Event) (time.Time, error)) error {
	for _, e := range w {
		if _, err := each(e); err != nil {
			return err
		}
	}
	return nil
}

func TestAnEventIsCountedOnceAndOneThatDidNotHappenNot(t *testing.T) {
	at := func(local string) calendar.DateTime { return calendar.DateTime{Local: local, Zone: "UTC"} }
	one := calendar.Event{ID: "1", Start: at("2026-10-05T09:00:00"), End: at("2026-10-05T10:30:00"), Categories: []string{"Acme - billable"}}
	cancelled, declined, days, broken := one, one, one, one
	cancelled.ID, cancelled.Cancelled = "2", true
	declined.ID, declined.Response = "3", calendar.Declined
	days.ID, days.AllDay, days.Start, days.End = "4", true, at("2026-10-06T00:00:00"), at("2026-10-08T00:00:00")
	broken.ID, broken.Start = "5", calendar.DateTime{}
	w, err := calendar.NewWindow(calendar.Date{Year: 2026, Month: 10, Day: 5}, calendar.Date{Year: 2026, Month: 10, Day: 6}, time.UTC)
	must(t, err)
	r, err := Validate(t.Context(), walked{one, cancelled, one, declined, days, broken}, "me", "id", w, nil, customer.NewBook(nil))
	must(t, err)
	if got := fmt.Sprint(r.Events, r.Rows); got != "2 [{Acme true billable 2 1h30m0s}]" {
		t.Error(got)
	}
}

func TestAnEventThatComesTwiceCarriesANameOnce(t *testing.T) {
	w := open(t)
	w.create("Acme - billable", "none")
	one := calendar.Event{ID: "1", Categories: []string{"Acme - billable"}}
	other := calendar.Event{ID: "2", Categories: []string{"Acme - billable", "ACME - billable"}}
	r := Renaming{
		User: ann, Account: "me", From: "Acme - billable", To: "Acme - non-billable", Lists: w, Customers: w.customers, Events: walked{one, other, one},
		Sources: []calendar.URI{uri("Work")},
	}
	if done, err := r.Rename(t.Context()); err != nil || done.Carrying != 2 {
		t.Errorf("%+v, %v", done, err)
	}
}
