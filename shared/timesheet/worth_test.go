package timesheet_test

import (
	"errors"
	"fmt"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/ledger"
	"adminassistant/shared/timesheet"
)

func TestWorthIsWhatSheetsWouldComeTo(t *testing.T) {
	yen := customer.Customer{ID: "y", Name: "Umbrella", Terms: customer.Terms{Currency: "JPY", Rates: []customer.Rate{{From: day("2026-10-06"), Work: "9000"}}}}
	acme := customer.Customer{ID: "a", Name: "Acme", Aliases: []string{"ACME Ltd"}, Terms: customer.Terms{
		Currency: "EUR", Rates: []customer.Rate{{From: day("2026-01-01"), Work: "60.00", Travel: "50%"}},
		Rounding: []customer.Rounding{{From: day("2026-01-01"), Increment: 15, Mode: customer.Up, Scope: customer.Day}},
	}}
	book := customer.NewBook([]customer.Customer{yen, acme, {ID: "g", Name: "Globex"}})
	of := func(key, start string, minutes int, change func(a *calendar.Appointment)) ledger.Entry {
		e := entry(key, 1, start, minutes)
		change(&e.Appointment)
		return *e
	}
	entries := []ledger.Entry{
		of("1", "2026-10-05 09:00", 20, func(*calendar.Appointment) {}),
		of("2", "2026-10-05 11:00", 20, func(a *calendar.Appointment) { a.Customer = "acme ltd" }),
		of("3", "2026-10-06 11:00", 60, func(a *calendar.Appointment) { a.Travel = true }),
		of("4", "2026-10-06 13:00", 7, func(a *calendar.Appointment) { a.Customer = "Umbrella" }),
		of("5", "2026-10-06 14:00", 60, func(a *calendar.Appointment) { a.Customer = "Globex" }),
		of("6", "2026-10-06 15:00", 60, func(a *calendar.Appointment) { a.Customer = "nobody" }),
		of("7", "2026-11-06 15:00", 60, func(*calendar.Appointment) {}),
		of("9", "2026-10-08 15:00", 60, func(a *calendar.Appointment) { a.Cancelled = true }),
	}
	dropped := of("8", "2026-10-07 15:00", 60, func(*calendar.Appointment) {})
	dropped.Outcome = ledger.Withdrawn
	berlin, err := calendar.LoadZone("Europe/Berlin")
	must(t, err)
	worths, err := timesheet.WorthOf(timesheet.Standing(append(entries, dropped)), book, berlin, october)
	must(t, err)
	if got, want := fmt.Sprint(worths), "[{Acme [{EUR 75.00}] 6300} {Umbrella [{JPY 1050}] 420}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestTotalsAreAddedUpByCurrency(t *testing.T) {
	got := timesheet.AddUp([]timesheet.Total{{"EUR", "999999999.99"}, {"JPY", "1050"}}, nil, []timesheet.Total{{"EUR", "-0.05"}, {"KWD", "0.005"}},
		[]timesheet.Total{{"EUR", "0.10"}, {"KWD", "-0.010"}})
	if want := "[{EUR 1000000000.04} {JPY 1050} {KWD -0.005}]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestWhatIsApprovedIsWhatWasSeen(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	seen := w.create("Acme", october)
	w.archive(entry("b", 1, "2026-10-06 09:00", 50))
	if _, err := w.ApproveSeen(t.Context(), ann, seen.Record.ID, "", seen.Document.Sheet.Hash()); !errors.Is(err, timesheet.ErrChanged) {
		t.Errorf("of what was seen: %v", err)
	}
	now := w.show(seen.Record.ID)
	r, err := w.ApproveSeen(t.Context(), ann, seen.Record.ID, "", now.Document.Sheet.Hash())
	must(t, err)
	if r.State != timesheet.Approved || r.Hash != now.Document.Sheet.Hash() {
		t.Errorf("got %+v", r)
	}
}
