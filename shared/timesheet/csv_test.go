package timesheet

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adminassistant/shared/calendar"
)

func document(s *Sheet) *Document {
	return &Document{
		Sheet: s, ID: "T1", State: Final, Zone: berlin, Locale: "en", Made: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC), OrderNumber: "4500012345",
		BuyerReference: "ref",
		From:           Party{Name: "Dana Muster", Lines: []string{"Musterstraße 12"}}, To: Party{Name: "=Acme GmbH", Lines: []string{"a", "b", "c", "d", "e"},
			Email: "billing@acme.example"},
	}
}

func rows(t *testing.T, file []byte) (rows []map[string]string) {
	t.Helper()
	all, err := csv.NewReader(bytes.NewReader(file)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, cells := range all[1:] {
		row := map[string]string{}
		for i, cell := range cells {
			row[all[0][i]] = cell
		}
		rows = append(rows, row)
	}
	return rows
}

func TestCSVHoldsEveryLineAndNoFormula(t *testing.T) {
	entries := minutes(25, 7)
	for i, subject := range []string{"=1+1", "Größe; \"a\", b"} {
		entries[i].Appointment.Subject = subject
	}
	file := document(compute(t, entries, october("EUR", "34.34").rounded(15, Up, ByEntry, 0))).CSV()
	if !bytes.Contains(file, []byte("\r\n")) {
		t.Error("the lines do not end as RFC 4180 has it")
	}
	got := rows(t, file)
	want := map[string]string{
		"date": "2026-10-05", "start": "08:00", "end": "08:25", "customer": "Acme", "billing_type": "billable", "kind": "work", "subject": "'=1+1", "time": "0:25",
		"seconds": "1500", "billed": "0:30", "billed_seconds": "1800", "rate": "34.34", "currency": "EUR", "flags": "", "supplements": "", "key": "e0",
		"version": "1",
		"hash":    "sha256:e0",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" || len(got) != 2 || got[1]["subject"] != "Größe; \"a\", b" {
		t.Error(diff, got[1])
	}
}

func TestXeroComesToOurAmounts(t *testing.T) {
	travel := with(timed("t", "2026-10-06 08:00", 60*20), func(a *calendar.Appointment) { a.Travel = true })
	free := with(timed("f", "2026-10-06 10:00", 60*20), func(a *calendar.Appointment) { a.BillingType = calendar.NonBillable })
	terms := october("EUR", "34.34")
	terms.Rates[0].Travel = "17.17"
	d := document(compute(t, append(minutes(25, 2), travel, free), terms))
	got := rows(t, d.Xero(Xero{Date: day("2026-11-02"), Due: day("2026-12-02"), Account: "200", Tax: "20% (VAT on Income)"}))
	if len(got) != 2 || len(got[0]) != 29 {
		t.Fatalf("got %v", got)
	}
	work := got[1]
	for name, want := range map[string]string{
		"*ContactName": "'=Acme GmbH", "EmailAddress": "billing@acme.example", "POAddressLine1": "a", "POAddressLine4": "d", "POCity": "", "*InvoiceNumber": "T1",
		"Reference": "4500012345", "*InvoiceDate": "02/11/2026", "*DueDate": "02/12/2026", "*Description": "Acme, work, 0:27 h, 2026-10-01 to 2026-10-31",
		"*Quantity": "0.45", "*UnitAmount": "34.34", "*AccountCode": "200", "*TaxType": "20% (VAT on Income)", "Currency": "EUR",
	} {
		if work[name] != want {
			t.Errorf("%s: got %q, want %q", name, work[name], want)
		}
	}
	// 20 minutes are no decimal hours
	if got[0]["*Quantity"] != "1" || got[0]["*UnitAmount"] != "5.72" || !strings.Contains(got[0]["*Description"], "travel, 0:20 h") {
		t.Errorf("travel: got %v", got[0])
	}
	d.InvoiceRef = "INV-7"
	if got := rows(t, d.Xero(Xero{})); got[0]["*InvoiceNumber"] != "INV-7" || got[0]["*InvoiceDate"] != "" {
		t.Errorf("with a reference: got %v", got[0])
	}
	if got := rows(t, d.Xero(Xero{InvoiceNumber: "-8"})); got[0]["*InvoiceNumber"] != "'-8" {
		t.Errorf("with a number: got %v", got[0])
	}
}

func TestXeroIsNotLeftToRoundWhatItRoundsOtherwise(t *testing.T) {
	for _, c := range []struct {
		name, currency, rate string
		seconds              int
		quantity, unit       string
	}{
		{"two decimals, and no half", "EUR", "34.34", 27 * 60, "0.45", "34.34"},
		{"half a cent", "EUR", "27.50", 15 * 60, "1", "6.88"},
		{"a currency without decimals", "JPY", "9001", 15 * 60, "1", "2250"},
		{"the same where none are left", "JPY", "9000", 15 * 60, "0.25", "9000"},
		{"one with three", "KWD", "12.345", 15 * 60, "1", "3.086"},
		{"the same where two are enough", "KWD", "12.340", 30 * 60, "0.5", "12.340"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := document(compute(t, []Entry{timed("a", "2026-10-05 08:00", c.seconds)}, october(c.currency, c.rate)))
			if got := rows(t, d.Xero(Xero{}))[0]; got["*Quantity"] != c.quantity || got["*UnitAmount"] != c.unit {
				t.Errorf("got %s at %s", got["*Quantity"], got["*UnitAmount"])
			}
		})
	}
}

func TestHoursAreWrittenAsDecimalsWhereTheyAreExact(t *testing.T) {
	for seconds, want := range map[int64]string{3600: "1", 0: "0", 1620: "0.45", 9: "0.0025", 60 * 20: "", 1: "", -5400: "-1.5", 36: "0.01", 18: "0.005",
		3600 * 1000: "1000"} {
		if got, exact := exactHours(seconds); got != want || exact != (want != "") {
			t.Errorf("%d: got %q, %t", seconds, got, exact)
		}
	}
	for seconds, want := range map[int64]string{0: "0:00", 5400: "1:30", -900: "-0:15", 450: "0:07:30", 360000: "100:00", 59: "0:00:59"} {
		if got := Hours(seconds); got != want {
			t.Errorf("%d: got %q, want %q", seconds, got, want)
		}
	}
}

// checked lets other software check JSON by the schema in docs; what does not fit is returned.
func checked(t *testing.T, data []byte) string {
	t.Helper()
	python, err := filepath.Abs(filepath.Join("..", "..", ".tools", "openpyxl", "bin", "python"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); errors.Is(err, fs.ErrNotExist) {
		const none = "there is no other software to check JSON by its schema; make tools installs it"
		if os.Getenv("CI") == "true" {
			t.Fatal(none)
		}
		t.Skip(none)
	}
	cmd := exec.CommandContext(t.Context(), python, filepath.Join("xlsx", "testdata", "schema.py"), filepath.Join("..", "..", "docs", "invoice-data.schema.json"))
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.CombinedOutput()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out)
}

func TestInvoiceDataIsWhatAnInvoiceNeeds(t *testing.T) {
	terms := october("EUR", "34.34").rounded(15, Up, ByEntry, 0)
	old := minutes(25, 40)
	sheet := compute(t, old, terms)
	free := with(timed("f", "2026-11-06 10:00", 60*20), func(a *calendar.Appointment) { a.BillingType = calendar.NonBillable })
	d := document(compute(t, []Entry{lasting(old[0], 50*60), old[1], free}, terms.next(sheet)))
	var got invoiceData
	if err := json.Unmarshal(d.InvoiceData(), &got); err != nil {
		t.Fatal(err)
	}
	position := func(id, quantity, amount string, reversal bool) invoicePosition {
		return invoicePosition{id, "Acme, work", "Acme", "billable", "work", quantity, "MIN", "60", "34.34", "EUR", amount, reversal}
	}
	want := invoiceData{
		InvoiceFormat, "T1", d.Sheet.Hash(), Final, "", "ref", "4500012345", d.Sheet.Period, invoiceParty{"Dana Muster", []string{"Musterstraße 12"}, ""},
		invoiceParty{"=Acme GmbH", []string{"a", "b", "c", "d", "e"}, "billing@acme.example"},
		[]invoicePosition{position("1", "60", "34.34", false), position("2", "-30", "-17.17", true)}, []Total{{"EUR", "17.17"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if problem := checked(t, d.InvoiceData()); problem != "" {
		t.Errorf("by the schema: %s", problem)
	}
	for old, new := range map[string]string{`"MIN"`: `"HUR"`, `"quantity": "60"`: `"quantity": "60.5"`, `"order_number"`: `"order_nr"`,
		`"reversal": true`: `"reversal": 1`} {
		if problem := checked(t, bytes.Replace(d.InvoiceData(), []byte(old), []byte(new), 1)); problem == "" {
			t.Errorf("the schema takes %s", new)
		}
	}
	t.Run("what is taken back at another rate by itself", func(t *testing.T) {
		terms := october("EUR", "100.00")
		terms.Rates = append(terms.Rates, Rate{From: day("2026-11-01"), Work: "120.00"})
		a, n := timed("a", "2026-10-05 09:00", 3600), timed("n", "2026-11-05 09:00", 3600)
		first := compute(t, []Entry{a, n}, terms)
		second := compute(t, []Entry{a, n}, terms.next(first))
		third := terms.next(first).next(second)
		d := document(compute(t, []Entry{lasting(n, 5400)}, third))
		if err := json.Unmarshal(d.InvoiceData(), &got); err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, p := range got.Positions {
			parts = append(parts, fmt.Sprintf("%s at %s: %s %t", p.Quantity, p.Price, p.Amount, p.Reversal))
		}
		want := []string{"-60 at 100.00: -100.00 true", "90 at 120.00: 180.00 false", "-60 at 120.00: -120.00 true"}
		if diff := cmp.Diff(want, parts); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("parties without an address, and texts as they are", func(t *testing.T) {
		d := document(compute(t, minutes(30), october("EUR", "60")))
		d.From.Lines, d.To.Lines, d.To.Name = nil, nil, "A <b> & c"
		if problem := checked(t, d.InvoiceData()); problem != "" || !strings.Contains(string(d.InvoiceData()), "A <b> & c") {
			t.Errorf("by the schema: %s", problem)
		}
	})
	t.Run("seconds where minutes do not hold the time", func(t *testing.T) {
		d := document(compute(t, []Entry{timed("a", "2026-10-05 08:00", 61)}, october("EUR", "60.00")))
		if err := json.Unmarshal(d.InvoiceData(), &got); err != nil {
			t.Fatal(err)
		}
		if p := got.Positions[0]; p.Quantity != "61" || p.Unit != "SEC" || p.BaseQty != "3600" || p.Amount != "1.02" {
			t.Errorf("got %+v", p)
		}
	})
	t.Run("whole where the parts do not add up to the position", func(t *testing.T) {
		terms := october("EUR", "0.0100")
		sheet := compute(t, minutes(30), terms) // half a cent
		d := document(compute(t, []Entry{lasting(minutes(30)[0], 60*60)}, terms.next(sheet)))
		if err := json.Unmarshal(d.InvoiceData(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Positions) != 1 || got.Positions[0].Amount != "0.01" || got.Positions[0].Quantity != "30" {
			t.Errorf("got %+v", got.Positions)
		}
	})
	t.Run("what only takes back", func(t *testing.T) {
		d := document(compute(t, nil, terms.next(sheet)))
		if err := json.Unmarshal(d.InvoiceData(), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.Positions) != 1 || !got.Positions[0].Reversal || got.Positions[0].Quantity != "-75" {
			t.Errorf("got %+v", got.Positions)
		}
	})
}

func TestFileNamesAreOfLettersThatEverySystemTakes(t *testing.T) {
	d := document(compute(t, nil, october("", "")))
	for name, want := range map[string]string{"Acme GmbH & Co. KG": "acme-gmbh-co-kg", "": "all", "../../etc": "etc", "日本": "all", strings.Repeat("x",
		99): strings.Repeat("x", 40)} {
		d.To.Name = name
		if got := d.FileName(); got != "timesheet-2026-10-01-2026-10-31-"+want {
			t.Errorf("%q: got %q", name, got)
		}
	}
}
