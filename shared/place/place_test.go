package place

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/ledger"
)

func date(text string) calendar.Date {
	d, err := calendar.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

// at is an archived appointment at a place, from one time to another of a day, as in "2026-10-05 09:00-10:00".
func at(when, location, who string, more ...func(*ledger.Entry)) ledger.Entry {
	day, span, _ := strings.Cut(when, " ")
	from, to, _ := strings.Cut(span, "-")
	parse := func(clock string) time.Time {
		t, err := time.Parse("2006-01-02 15:04", day+" "+clock)
		if err != nil {
			panic(err)
		}
		return t
	}
	e := ledger.Entry{Key: when, Version: 1, Outcome: ledger.Archived, State: ledger.Done, Appointment: calendar.Appointment{
		Subject: when, Start: parse(from), End: parse(to), Location: location, Customer: who, Sensitivity: calendar.Normal, ShowAs: calendar.Busy,
	}}
	if who != "" {
		e.Appointment.BillingType = calendar.Billable
	}
	for _, change := range more {
		change(&e)
	}
	return e
}

func travel(e *ledger.Entry)    { e.Appointment.Travel = true }
func cancelled(e *ledger.Entry) { e.Appointment.Cancelled = true }
func declined(e *ledger.Entry)  { e.Appointment.Declined = true }
func free(e *ledger.Entry)      { e.Appointment.ShowAs = calendar.Free }
func withdrawn(e *ledger.Entry) { e.Outcome = ledger.Withdrawn }
func unpaid(e *ledger.Entry)    { e.Appointment.BillingType = calendar.NonBillable }
func allDay(e *ledger.Entry) {
	a := &e.Appointment
	a.AllDay, a.StartDate, a.EndDate = true, calendar.DateOf(a.Start, time.UTC), calendar.DateOf(a.Start, time.UTC).AddDays(1)
}

func days(from, to string) calendar.Window {
	return calendar.Window{From: date(from), To: date(to), Zone: time.UTC}
}

func book(all ...customer.Customer) *customer.Book { return customer.NewBook(all) }

func told(gaps []Gap) string {
	var all []string
	for _, g := range gaps {
		text := fmt.Sprintf("%s>%s", g.FromPlace, g.ToPlace)
		switch {
		case g.Unreachable:
			text += fmt.Sprintf(" unreachable in %d", g.Minutes)
		case g.Journeys >= AtLeast:
			text += fmt.Sprintf(" %s-%s %s", g.Start.Format("15:04"), g.End.Format("15:04"), g.Category)
		}
		all = append(all, strings.TrimSpace(text))
	}
	return strings.Join(all, "; ")
}

// known are two journeys between Office and Acme HQ, of 30 and of 41 minutes, in either direction.
var known = []ledger.Entry{
	at("2026-09-01 08:00-09:00", "Office", ""), at("2026-09-01 09:10-09:40", "", "Acme", travel), at("2026-09-01 10:00-11:00", "Acme HQ", "Acme"),
	at("2026-09-02 08:00-09:00", "acme  hq", "Acme"), at("2026-09-02 09:10-09:30", "Train", "Acme", travel),
	at("2026-09-02 09:35-09:56", "", "Acme", travel), at("2026-09-02 10:00-11:00", "OFFICE", ""),
}

func TestJourneysThatAreMissingAreFound(t *testing.T) {
	both := book(customer.Customer{Name: "Acme", Aliases: []string{"ACME Ltd"}, Terms: customer.Terms{Travel: customer.TravelBoth}})
	for name, c := range map[string]struct {
		day  []ledger.Entry
		book *customer.Book
		want string
	}{
		"to a customer": {[]ledger.Entry{at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "ACME Ltd")}, both,
			"Office>Acme HQ 09:24-10:00 Acme - billable"},
		"to a customer whom nobody recorded": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme", unpaid),
		}, book(), "Office>Acme HQ 09:24-10:00 Acme - non-billable"},
		"to an appointment without a customer, at a customer's": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", ""),
		}, book(), "Office>Acme HQ 09:24-10:00 Acme - billable"},
		"from a customer who pays both ways": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Acme HQ", "Acme"), at("2026-10-05 10:00-11:00", "Office", ""),
		}, both, "Acme HQ>Office 09:24-10:00 Acme - billable"},
		"from a customer who pays both ways, to what nobody pays for": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Acme HQ", "Acme"), at("2026-10-05 10:00-11:00", "Office", "Admin", unpaid),
		}, both, "Acme HQ>Office 09:24-10:00 Acme - billable"},
		"from a customer who pays one way": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Acme HQ", "Acme"), at("2026-10-05 10:00-11:00", "Office", ""),
		}, book(), "Acme HQ>Office 09:24-10:00"},
		"to a customer who pays for none": {[]ledger.Entry{at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme")},
			book(customer.Customer{Name: "Acme", Terms: customer.Terms{Travel: customer.NoTravel}}), "Office>Acme HQ 09:24-10:00"},
		"which is recorded": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 09:30-09:40", "", "", travel), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme"),
		}, both, ""},
		"which is recorded, and late": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 09:30-10:10", "", "", travel), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme"),
		}, both, ""},
		"with a call on the way": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 09:45-09:50", "https://teams.example/1", "Acme"), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme"),
		}, both, "Office>Acme HQ 09:09-09:45 Acme - billable"},
		"as late as there is time for it": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-10:10", "", "Acme"), at("2026-10-05 11:00-12:00", "Acme HQ", "Acme"),
		}, both, "Office>Acme HQ 10:24-11:00 Acme - billable"},
		"with a call that began before and goes on": {[]ledger.Entry{
			at("2026-10-05 07:30-09:20", "Online", "Acme"), at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme"),
		}, both, "Office>Acme HQ 09:24-10:00 Acme - billable"},
		"without the time for it": {[]ledger.Entry{at("2026-10-05 08:00-09:25", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme")}, both,
			"Office>Acme HQ unreachable in 36"},
		"with just the time for it": {[]ledger.Entry{at("2026-10-05 08:00-09:24", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme")}, both,
			"Office>Acme HQ 09:24-10:00 Acme - billable"},
		"back to back": {[]ledger.Entry{at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 09:00-11:00", "Acme HQ", "Acme")}, both,
			"Office>Acme HQ unreachable in 36"},
		"with calls all the time": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 09:20-09:40", "", "Acme"), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme"),
		}, both, "Office>Acme HQ unreachable in 36"},
		"between places that were never travelled between": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Globex", "Globex"),
		}, both, "Office>Globex"},
		"not within one place": {[]ledger.Entry{at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "  OFFICE ", "Acme")}, both, ""},
		"not over night":       {[]ledger.Entry{at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-06 10:00-11:00", "Acme HQ", "Acme")}, both, ""},
		"not of what did not happen": {[]ledger.Entry{
			at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme", cancelled),
			at("2026-10-05 10:00-11:00", "Acme HQ", "Acme", declined), at("2026-10-05 11:00-12:00", "Acme HQ", "Acme", free),
			at("2026-10-05 12:00-13:00", "Acme HQ", "Acme", withdrawn),
			at("2026-10-05 00:00-00:00", "Acme HQ", "Acme", allDay),
		}, both, ""},
		"not of appointments at once": {[]ledger.Entry{
			at("2026-10-05 08:00-12:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme"), at("2026-10-05 13:00-14:00", "Office", ""),
		}, both, ""},
		"not outside the days": {[]ledger.Entry{
			at("2026-10-04 08:00-09:00", "Office", ""), at("2026-10-04 10:00-11:00", "Acme HQ", "Acme"),
			at("2026-10-07 08:00-09:00", "Office", ""), at("2026-10-07 10:00-11:00", "Acme HQ", "Acme"),
		}, both, ""},
	} {
		t.Run(name, func(t *testing.T) {
			entries := append(append([]ledger.Entry{}, known...), c.day...)
			if got := told(Gaps(entries, days("2026-10-05", "2026-10-06"), c.book, nil)); got != c.want {
				t.Errorf("got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestOneJourneyIsNoRule(t *testing.T) {
	day := []ledger.Entry{at("2026-10-05 08:00-09:00", "Office", ""), at("2026-10-05 10:00-11:00", "Acme HQ", "Acme")}
	if got := told(Gaps(append(day, known[:3]...), days("2026-10-05", "2026-10-05"), book(), nil)); got != "Office>Acme HQ" {
		t.Error(got)
	}
	late := []ledger.Entry{ // nobody knows how long it took by itself
		at("2026-09-03 08:00-09:00", "Office", ""), at("2026-09-03 09:10-12:10", "", "Acme", travel), at("2026-09-03 12:00-14:00", "Acme HQ", "Acme"),
	}
	if got := told(Gaps(append(append(day, known[:3]...), late...), days("2026-10-05", "2026-10-05"), book(), nil)); got != "Office>Acme HQ" {
		t.Errorf("with a journey that shares time with an appointment: %s", got)
	}
	third := []ledger.Entry{
		at("2026-09-03 08:00-09:00", "Office", ""), at("2026-09-03 09:10-12:10", "", "Acme", travel), at("2026-09-03 13:00-14:00", "Acme HQ", "Acme"),
	}
	gaps := Gaps(append(append(day, known...), third...), days("2026-10-05", "2026-10-05"), book(), nil)
	if len(gaps) != 1 || gaps[0].Minutes != 41 || gaps[0].Journeys != 3 {
		t.Errorf("%+v", gaps)
	}
}

func TestPlacesAreListed(t *testing.T) {
	entries := append([]ledger.Entry{
		at("2026-10-05 08:00-09:00", "Acme HQ, Room 4", "ACME"), at("2026-10-06 08:00-09:00", "Acme HQ", "Globex"),
		at("2026-10-06 10:00-11:00", "Microsoft Teams Meeting", "Globex"),
		at("2026-10-07 10:00-11:00", "", "Globex"), at("2026-10-08 10:00-11:00", "Hotel", "Globex"), at("2026-10-08 12:00-13:00", "Hotel", ""),
	}, known...)
	tell := func(all []Place) string {
		var texts []string
		for _, p := range all {
			texts = append(texts, fmt.Sprintf("%s=%s %d %s %s", p.Name, strings.Join(p.Also, "="), p.Entries, p.Customer, p.Last))
		}
		return strings.Join(texts, "; ")
	}
	if got, want := tell(List(entries, time.UTC, book(), nil)),
		"Acme HQ= 3 Acme 2026-10-06; Acme HQ, Room 4= 1 ACME 2026-10-05; Hotel= 2  2026-10-08; OFFICE= 2  2026-09-02"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	aliases := Aliases{calendar.Folded("acme hq, ROOM 4"): "Acme HQ", "plant 2": "Plant"}
	if got, want := tell(List(entries, time.UTC, book(), aliases)),
		"Acme HQ=Acme HQ, Room 4 4 Acme 2026-10-06; Hotel= 2  2026-10-08; OFFICE= 2  2026-09-02; Plant=plant 2 0  "; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	day := []ledger.Entry{at("2026-10-12 08:00-09:00", "Office", ""), at("2026-10-12 10:00-11:00", "Acme HQ, Room 4", "Acme")}
	if got := told(Gaps(append(day, known...), days("2026-10-12", "2026-10-12"), book(), aliases)); got != "Office>Acme HQ 09:24-10:00 Acme - billable" {
		t.Errorf("with an alias: %s", got)
	}
}
