package pdf

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/timesheet"
)

func day(text string) calendar.Date {
	d, err := calendar.ParseDate(text)
	if err != nil {
		panic(err)
	}
	return d
}

var berlin = func() *time.Location {
	z, err := calendar.LoadZone("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return z
}()

var subjects = []string{
	"Acme review", "Workshop: requirements for the new warehouse, with the people of purchasing, sales and the accounting department of the second plant",
	"Συνάντηση με τον πελάτη", "Встреча с заказчиком", "Größenänderung prüfen – Übergabe", "Kick-off 🎉👩‍👩‍👧 with the team", "פגישה עם דנה (עמוד 12)",
	"اجتماع المشروع",
	"Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnungsentwurfsbesprechungsterminvereinbarungsprotokollführung",
	"=HYPERLINK(\"http://evil.example\")", "", "Łódź, Đorđe & Çağla <b>", "東京オフィス",
}

// sample is a document of n entries.
func sample(t testing.TB, n int, locale string, change func(*timesheet.Terms)) *timesheet.Document {
	t.Helper()
	terms := timesheet.Terms{
		Zone: berlin, Period: timesheet.Period{From: day("2026-10-01"), To: day("2026-10-31")}, Customer: "Acme", Currency: "EUR", DayMinutes: 480,
		Rates:    []timesheet.Rate{{From: day("2026-01-01"), Work: "120.00", Travel: "50%"}},
		Rounding: []timesheet.Rounding{{From: day("2026-01-01"), Increment: 15, Mode: timesheet.Up, Scope: timesheet.ByDay}},
	}
	if change != nil {
		change(&terms)
	}
	var entries []timesheet.Entry
	for i := range n {
		start := time.Date(2026, 10, 1+i%31, 7+i/31%12, 10*(i%6), 0, 0, time.UTC)
		a := calendar.Appointment{
			Subject: subjects[i%len(subjects)], Start: start, End: start.Add(time.Duration(25+i%70) * time.Minute), Customer: "Acme", BillingType: calendar.Billable,
			Travel: i%9 == 4,
		}
		if i%11 == 7 {
			a.BillingType = calendar.NonBillable
		}
		if i == 3 {
			a.Start, a.End = time.Date(2026, 10, 4, 20, 30, 0, 0, time.UTC), time.Date(2026, 10, 4, 23, 15, 0, 0, time.UTC)
		}
		entries = append(entries, timesheet.Entry{Key: fmt.Sprintf("e%04d", i), Version: 1, Hash: fmt.Sprintf("sha256:%064d", i), Appointment: a})
	}
	sheet, err := timesheet.Compute(entries, terms)
	if err != nil {
		t.Fatal(err)
	}
	return &timesheet.Document{
		Sheet: sheet, ID: "2026-10-ACME", State: timesheet.Final, Zone: berlin, Locale: locale, Made: time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC),
		From:        timesheet.Party{Name: "Dana Muster", Lines: []string{"Musterstraße 12", "10115 Berlin", "VAT DE123456789"}, Email: "dana@example.com"},
		To:          timesheet.Party{Name: "Acme GmbH", Lines: []string{"Einkauf", "Hafenstraße 7", "20457 Hamburg"}, Email: "billing@acme.example"},
		OrderNumber: "4500012345", BuyerReference: "04011000-12345-67", Rounding: terms.Rounding,
		Seal: timesheet.Seal{Hash: sheet.Hash(), Link: 42, Head: "3f786850e387550fdab836ed7e6dc881de23001b", File: []byte(`{"format": "test"}` + "\n")},
	}
}

func draw(t testing.TB, d *timesheet.Document) []byte {
	t.Helper()
	file, err := Write(d)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// tool runs a program of poppler on a file; it is left out where the machine has none.
func tool(t *testing.T, name string, file []byte, args ...string) string {
	t.Helper()
	program, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not there; install poppler-utils", name)
		}
		t.Skipf("%s is not there; install poppler-utils", name)
	}
	path := filepath.Join(t.TempDir(), "sheet.pdf")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := range args {
		args[i] = strings.Replace(args[i], "FILE", path, 1)
	}
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out)
}

var pageCount = regexp.MustCompile(`Pages: +(\d+)`)

func TestTheSameDocumentGivesTheSameBytes(t *testing.T) {
	d := sample(t, 60, "de", nil)
	first := draw(t, d)
	for range 3 {
		if !bytes.Equal(first, draw(t, d)) {
			t.Fatal("the second time it is another file")
		}
	}
}

func TestAPageReadsAsAPersonReadsIt(t *testing.T) {
	d := sample(t, 13, "de", nil)
	text := strings.Join(strings.Fields(tool(t, "pdftotext", draw(t, d), "-layout", "FILE", "-")), " ")
	at := 0
	for _, part := range []string{
		"Dana Muster", "Musterstraße 12", "Acme GmbH", "Leistungsnachweis 01.10.2026 – 31.10.2026", "Zusammenfassung", "Stundensatz", "Arbeitszeit 120,00",
		"Arbeitszeit (nicht berechnet)", "Reisezeit 60,00", "Zeit gesamt", "EUR", "je Tag auf volle 15 Minuten aufgerundet", "Leistungen",
		"Do 01.10.2026", "09:00–09:25 Acme review", "Fr 02.10.2026", "Συνάντηση με τον πελάτη", "So 04.10.2026", "22:30–01:15 * Встреча с заказчиком 2:45",
		"Kick-off □□ with the team", "Donaudampfschifffahrtsgesellschafts", "=HYPERLINK(\"http://evil.example\")", "(ohne Betreff)", "Łódź, Đorđe & Çağla <b>",
		"□□□□□□",
		"Reisezeit", "Größenänderung prüfen – Übergabe", "zählt zu dem Tag, an dem es beginnt", "So lässt sich dieser Nachweis prüfen",
		strings.TrimPrefix(d.Seal.Hash, "sha256:"), "Glied der Kette 42", "3f786850e387550fdab836ed7e6dc881de23001b",
		"admin-assistant timesheet verify timesheet-2026-10-01-2026-10-31-acme-gmbh.pdf", "Leistungsnachweis 2026-10-ACME", "Seite 2 von 2",
	} {
		n := strings.Index(text[at:], part)
		if n < 0 {
			t.Fatalf("%q is missing, or not where it belongs, in\n%s", part, text)
		}
		at += n
	}
	for _, part := range []string{"4500012345", "04011000-12345-67", "Stand abgeschlossen"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing", part)
		}
	}
	if strings.Contains(text, "ENTWURF") {
		t.Error("a final sheet says that it is a draft")
	}
}

// TestADayShowsWhatIsBilledOfIt has the three scopes of rounding one after the other.
func TestADayShowsWhatIsBilledOfIt(t *testing.T) {
	d := sample(t, 13, "en", func(terms *timesheet.Terms) {
		terms.Rounding = append(terms.Rounding, timesheet.Rounding{From: day("2026-10-03"), Increment: 6, Mode: timesheet.Nearest, Scope: timesheet.ByPosition},
			timesheet.Rounding{From: day("2026-10-07"), Increment: 30, Mode: timesheet.Up, Scope: timesheet.ByEntry}, timesheet.Rounding{From: day("2026-10-10")})
	})
	text := strings.Join(strings.Fields(tool(t, "pdftotext", draw(t, d), "-layout", "FILE", "-")), " ")
	for _, part := range []string{
		"Thu 1 Oct 2026 0:25 0:30 09:00–09:25 Acme review 0:25 Fri 2 Oct 2026 0:26 0:30",                           // by day
		"Sat 3 Oct 2026 0:27 09:20–09:47 Συνάντηση με τον πελάτη 0:27 Sun 4 Oct 2026",                              // by position: the summary has it
		"0:33 1:00 09:20–09:53 Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichenverordnungsent 0:33 1:00", // by entry
		"Sat 10 Oct 2026 0:34 0:34 09:30–10:04 =HYPERLINK(\"http://evil.example\") 0:34 0:34",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
	d = sample(t, 3, "en", func(terms *timesheet.Terms) { terms.Rounding = nil })
	if text := tool(t, "pdftotext", draw(t, d), "-layout", "FILE", "-"); strings.Count(text, "Billed") != 1 {
		t.Errorf("where nothing is rounded, a column says so:\n%s", text)
	}
}

// read is the text of a document as it is drawn, with single spaces.
func read(t *testing.T, d *timesheet.Document) string {
	t.Helper()
	return strings.Join(strings.Fields(tool(t, "pdftotext", draw(t, d), "-layout", "FILE", "-")), " ")
}

func TestTheSummaryHasEveryFigureOfTheSheet(t *testing.T) {
	d := sample(t, 3, "en", nil)
	position := func(customer string, billing calendar.BillingType, kind timesheet.Kind, rate, currency, amount string, n int64) timesheet.Position {
		return timesheet.Position{Customer: customer, BillingType: billing, Kind: kind, Rate: rate, Currency: currency, Amount: amount, Seconds: n*3600 + 60,
			Billed: n*3600 + 1800}
	}
	d.Sheet.Positions = []timesheet.Position{
		position("Acme", calendar.Billable, timesheet.Travel, "60.00", "EUR", "1110.00", 18),
		position("Acme", calendar.Billable, timesheet.Work, "1120.5", "EUR", "12886.75", 11),
		position("Acme", calendar.Billable, timesheet.Work, "", "EUR", "", 12),
		position("Acme", calendar.NonBillable, timesheet.Work, "", "EUR", "", 13),
		position("Beta", calendar.Billable, timesheet.Work, "90.00", "JPY", "-1305", -14),
		position("Beta", calendar.NonBillable, timesheet.Travel, "", "", "", 15),
	}
	d.Sheet.Billed, d.Sheet.Totals = 99*3600, []timesheet.Total{{Currency: "EUR", Amount: "13996.75"}, {Currency: "JPY", Amount: "-1305"}}
	text := read(t, d)
	if want := "Summary Description Rate per hour Time Billed Amount " +
		"Acme · Work 1,120.5 11:01 11:30 12,886.75 EUR Acme · Work (no rate) 12:01 12:30 Acme · Work (not billed) 13:01 13:30 " +
		"Acme · Travel 60.00 18:01 18:30 1,110.00 EUR " +
		"Beta · Work 90.00 −13:59 −13:30 −1,305 JPY Beta · Travel (not billed) 15:01 15:30 " +
		"Total time 55:06 99:00 13,996.75 EUR −1,305 JPY Rounding: Time is rounded up to 15 minutes for each day."; !strings.Contains(text, want) {
		t.Errorf("%s is not in\n%s", want, text)
	}
	d.Sheet.Positions, d.Sheet.Totals = d.Sheet.Positions[1:2], d.Sheet.Totals[:1]
	if text := read(t, d); !strings.Contains(text, "Amount Work 1,120.5 11:01 11:30 12,886.75 EUR Total time 11:01 99:00 13,996.75 EUR Rounding") {
		t.Errorf("of one customer there is\n%s", text)
	}
}

func TestTheLetterheadHasWhoAndWhenAndNothingThatIsNotThere(t *testing.T) {
	d := sample(t, 1, "en", nil)
	d.InvoiceRef = "INV-7"
	text := read(t, d)
	for _, want := range []string{
		"Dana Muster", "Musterstraße 12 · 10115 Berlin · VAT DE123456789 · dana@example.com", "Acme GmbH", "Einkauf", "Hafenstraße 7", "20457 Hamburg",
		"Timesheet no. 2026-10-ACME", "Period 1 Oct 2026 – 31 Oct 2026", "Date 2 Nov 2026", "Status final", "Order number 4500012345",
		"Your reference 04011000-12345-67", "Invoice INV-7", "Timesheet 1 Oct 2026 – 31 Oct 2026 Summary", "Timesheet 2026-10-ACME · SHA-256 ",
		"Ledger link 42", "Ledger head 3f786850e387550fdab836ed7e6dc881de23001b", "The file that proves it is attached",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	d.From.Lines, d.From.Email, d.InvoiceRef, d.OrderNumber, d.BuyerReference, d.ID, d.Seal = []string{"", "Berlin"}, "", "", "", "", "", timesheet.Seal{}
	text = read(t, d)
	for _, none := range []string{"Invoice", "Order number", "Your reference", "Timesheet no.", "·", "SHA-256", "Ledger", "attached", "How to check"} {
		if strings.Contains(text, none) {
			t.Errorf("%q is in\n%s", none, text)
		}
	}
	d.Seal = timesheet.Seal{Hash: "sha256:0123456789abcdef"}
	if text = read(t, d); !strings.Contains(text, "SHA-256 0123456789abcdef") || strings.Contains(text, "Ledger link") || strings.Contains(text, "verify") {
		t.Errorf("an approved one says\n%s", text)
	}
}

func TestTheFileSaysWhatItIs(t *testing.T) {
	d := sample(t, 1, "de", nil)
	d.From.Name = "Dana (Muster) Łódź"
	file := draw(t, d)
	info := tool(t, "pdfinfo", file, "-isodates", "FILE")
	for _, want := range []string{
		`Title: +Leistungsnachweis 01.10.2026 – 31.10.2026\n`, `Author: +Dana \(Muster\) Łódź\n`, `Producer: +Admin Assistant\n`,
		`CreationDate: +2026-11-02T08:00:00Z\n`, `ModDate: +2026-11-02T08:00:00Z\n`,
	} {
		if !regexp.MustCompile(want).MatchString(info) {
			t.Errorf("%s is not in\n%s", want, info)
		}
	}
	if !bytes.Contains(file, []byte("/Lang (de)")) || !bytes.Contains(draw(t, sample(t, 1, "en", nil)), []byte("/Lang (en)")) {
		t.Error("the language is missing")
	}
	if list := tool(t, "pdfdetach", file, "-list", "FILE"); !strings.Contains(list, "1 embedded") || !strings.Contains(list, ProofName) {
		t.Errorf("attached is %s", list)
	}
	if len(file) > 150_000 {
		t.Errorf("one page has %d bytes", len(file))
	}
}

func TestWhatALineIsMarkedWith(t *testing.T) {
	d := sample(t, 6, "en", nil)
	for i := range d.Sheet.Lines {
		d.Sheet.Lines[i].Subject = fmt.Sprintf("Subject%d", i)
	}
	l := d.Sheet.Lines
	l[0].BillingType = calendar.NonBillable
	l[1].Flags = append(l[1].Flags, timesheet.NoRate)
	l[2].Start, l[2].End, l[2].Flags = "", "", []timesheet.Flag{timesheet.AllDay}
	l[4].Supplements, l[4].BillingType = "sha256:0123456789abcdef#12", calendar.NonBillable
	l[5].Supplements = "sha256:0123456789abcdef"
	text := read(t, d)
	for _, want := range []string{
		"Subject0 0:25 not billed", "Subject1 0:26 no rate", "all day Subject2 0:27", "22:30–01:15 * Subject3 2:45",
		"Subject4 0:29 replaces 0123456789ab #12, not billed", "Subject5 0:30 new (0123456789ab)",
		"* ends on a later day; counted on the day on which it starts", "Work From – to Subject Time Billed Thu 1 Oct 2026 0:25 0:30",
		"Supplements to earlier timesheets From – to Subject Time",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Count(text, "ends on a later day") != 1 {
		t.Error("that lines go on past midnight is not said once")
	}
}

func TestSupplementsHaveWhatTheyBill(t *testing.T) {
	d := sample(t, 2, "en", nil)
	one, other := d.Sheet.Lines[0], d.Sheet.Lines[1]
	one.Seconds, one.Billed, one.Supplements = -3000, -3600, "sha256:0123456789abcdef#1"
	other.Seconds, other.Billed, other.Supplements, other.Date = 4800, 5400, "sha256:0123456789abcdef#1", one.Date
	d.Sheet.Lines = []timesheet.Line{one, other}
	if text := read(t, d); !strings.Contains(text, "Time Billed Thu 1 Oct 2026 0:30 0:30") || !strings.Contains(text, "−0:50 −1:00") ||
		!strings.Contains(text, "1:20 1:30") {
		t.Errorf("got\n%s", text)
	}
	d.Sheet.Lines[0].Billed, d.Sheet.Lines[1].Billed = -3000, 4800 // as they were: more than a line was rounded as one, or nothing
	if text := read(t, d); !strings.Contains(text, "From – to Subject Time Thu 1 Oct 2026 0:30 09:00") {
		t.Errorf("got\n%s", text)
	}
}

func TestTextsThatNeedSeveralLinesAreWhole(t *testing.T) {
	d := sample(t, 3, "en", nil)
	words := func(of string, n int) string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprint(of, i)
		}
		return strings.Join(all, " ")
	}
	d.Sheet.Lines[1].Subject = words("subject", 40)
	d.Sheet.Positions = append(d.Sheet.Positions, d.Sheet.Positions[0])
	d.Sheet.Positions[0].Customer = words("customer", 20)
	text := strings.Join(strings.Fields(tool(t, "pdftotext", draw(t, d), "-raw", "FILE", "-")), " ")
	for of, n := range map[string]int{"subject": 40, "customer": 20} {
		for i := range n {
			if !strings.Contains(text, fmt.Sprint(of, i)) {
				t.Errorf("%s%d is missing in\n%s", of, i, text)
			}
		}
	}
}

// TestDaysHaveTheirOrder: lines of whole days come first in a sheet, whatever day they are of.
func TestDaysHaveTheirOrder(t *testing.T) {
	d := sample(t, 4, "en", nil)
	l := d.Sheet.Lines[3]
	l.Start, l.End, l.Flags = "", "", []timesheet.Flag{timesheet.AllDay}
	d.Sheet.Lines = append([]timesheet.Line{l}, d.Sheet.Lines[:3]...)
	text := read(t, d)
	at := 0
	for _, day := range []string{"Thu 1 Oct 2026", "Fri 2 Oct 2026", "Sat 3 Oct 2026", "Sun 4 Oct 2026 2:45", "all day"} {
		n := strings.Index(text[at:], day)
		if n < 0 {
			t.Fatalf("%s is missing, or not where it belongs, in\n%s", day, text)
		}
		at += n
	}
	if strings.Count(text, "Travel") != 0 {
		t.Errorf("there is a title without lines:\n%s", text)
	}
}

func TestADraftSaysSoAndSealsNothing(t *testing.T) {
	d := sample(t, 2, "en", nil)
	d.State, d.Seal = timesheet.Draft, timesheet.Seal{}
	text := tool(t, "pdftotext", draw(t, d), "-layout", "FILE", "-")
	if !strings.Contains(text, "DRAFT") || strings.Contains(text, "SHA-256") || strings.Contains(text, "verify") {
		t.Errorf("got\n%s", text)
	}
}

func TestSupplementsAreMarked(t *testing.T) {
	first := sample(t, 1, "en", nil).Sheet
	hash := strings.TrimPrefix(first.Hash(), "sha256:")[:12]
	d := sample(t, 3, "en", nil)
	later := timesheet.Terms{
		Zone: berlin, Period: timesheet.Period{From: day("2026-11-01"), To: day("2026-11-30")}, Currency: "EUR", Rates: []timesheet.Rate{{From: day("2026-01-01"),
			Work: "120.00"}},
		Locked: []timesheet.Locked{{Sheet: *first}},
	}
	start := time.Date(2026, 10, 1, 7, 0, 0, 0, time.UTC)
	entry := func(key string, minutes int) timesheet.Entry {
		return timesheet.Entry{Key: key, Version: 2, Hash: "sha256:new", Appointment: calendar.Appointment{
			Subject: "Changed", Start: start, End: start.Add(time.Duration(minutes) * time.Minute), Customer: "Acme", BillingType: calendar.Billable,
		}}
	}
	sheet, err := timesheet.Compute([]timesheet.Entry{entry("e0000", 10), entry("other", 20)}, later)
	if err != nil {
		t.Fatal(err)
	}
	d.Sheet, d.Rounding = sheet, nil
	text := strings.Join(strings.Fields(tool(t, "pdftotext", draw(t, d), "-layout", "FILE", "-")), " ")
	for _, part := range []string{
		"Supplements to earlier timesheets", "−0:25 takes back " + hash + " #1", "0:10 replaces " + hash + " #1", "0:20 new (" + hash + ")", "Time is not rounded.",
		"10.00 EUR",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is missing in\n%s", part, text)
		}
	}
}

func TestFontsAreEmbeddedAndTheProofIsAttached(t *testing.T) {
	d := sample(t, 13, "en", nil)
	file := draw(t, d)
	for _, l := range strings.Split(strings.TrimSpace(tool(t, "pdffonts", file, "FILE")), "\n")[2:] {
		if fields := strings.Fields(l); fields[len(fields)-5] != "yes" || fields[len(fields)-3] != "yes" { // emb sub uni object generation
			t.Errorf("a font is not embedded, or does not say what its letters are: %s", l)
		}
	}
	to := filepath.Join(t.TempDir(), "proof")
	tool(t, "pdfdetach", file, "-save", "1", "-o", to, "FILE")
	if got, err := os.ReadFile(to); err != nil || !bytes.Equal(got, d.Seal.File) {
		t.Errorf("attached is %q, %v", got, err)
	}
}

func TestFromOnePageToForty(t *testing.T) {
	for _, tt := range []struct{ entries, least, most int }{{0, 1, 1}, {1, 1, 1}, {60, 2, 4}, {1500, 38, 48}} {
		d := sample(t, tt.entries, "en", nil)
		var pages int
		found := pageCount.FindStringSubmatch(tool(t, "pdfinfo", draw(t, d), "FILE"))
		if _, err := fmt.Sscan(found[1], &pages); err != nil || pages < tt.least || pages > tt.most {
			t.Errorf("%d entries: %d pages, want %d to %d", tt.entries, pages, tt.least, tt.most)
		}
		text := tool(t, "pdftotext", draw(t, d), "FILE", "-")
		for n := 1; n <= pages; n++ {
			if !strings.Contains(text, fmt.Sprintf("Page %d of %d", n, pages)) {
				t.Errorf("page %d of %d is not numbered", n, pages)
			}
		}
		if headed := strings.Count(text, "From – to"); pages > 3 && headed < pages-2 {
			t.Errorf("the head of the table stands on %d of %d pages", headed, pages)
		}
	}
}

func TestRoundingIsSaidInWords(t *testing.T) {
	of := func(increment int, mode timesheet.Mode, scope timesheet.Scope, least int) []timesheet.Rounding {
		return []timesheet.Rounding{{From: day("2026-10-15"), Increment: increment, Mode: mode, Scope: scope, Least: least}}
	}
	october, late := timesheet.Period{From: day("2026-10-01"), To: day("2026-10-31")}, timesheet.Period{From: day("2026-10-20"), To: day("2026-10-31")}
	for _, tt := range []struct {
		w    *words
		all  []timesheet.Rounding
		p    timesheet.Period
		want string
	}{
		{&english, nil, october, "Time is not rounded."},
		{&english, of(15, timesheet.Up, timesheet.ByEntry, 0), late, "Time is rounded up to 15 minutes for each entry."},
		{&english, of(6, timesheet.Nearest, timesheet.ByPosition, 30), late,
			"Time is rounded to the nearest 6 minutes for each line of the summary, halves upwards. At least 30 minutes count for each line of the summary."},
		{&english, of(6, timesheet.Up, timesheet.ByDay, 0), october, "Time is not rounded.|From 15 Oct 2026: Time is rounded up to 6 minutes for each day."},
		{&german, of(30, timesheet.Up, timesheet.ByDay, 0), october,
			"Zeiten werden nicht gerundet.|Ab 15.10.2026: Zeiten werden je Tag auf volle 30 Minuten aufgerundet."},
		{&german, of(0, "", timesheet.ByEntry, 15), late, "Zeiten werden nicht gerundet. Es zählen je Eintrag mindestens 15 Minuten."},
		{&german, of(15, timesheet.Nearest, timesheet.ByEntry, 0), late, "Zeiten werden je Eintrag auf die nächsten 15 Minuten gerundet, die Hälfte nach oben."},
	} {
		if got := strings.Join(tt.w.roundings(tt.all, tt.p), "|"); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

func TestNumbersAreWrittenAsTheLanguageHasThem(t *testing.T) {
	for text, want := range map[string][2]string{
		"1234567.50": {"1,234,567.50", "1.234.567,50"}, "-120.00": {"−120.00", "−120,00"}, "999": {"999", "999"}, "1000": {"1,000", "1.000"}, "0.05": {"0.05",
			"0,05"},
	} {
		if got := [2]string{english.Decimal(text), german.Decimal(text)}; got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}

func TestLettersThatTheFontLacksAreShownAsBoxes(t *testing.T) {
	g := readGlyphs(regular)
	for text, want := range map[string]string{
		"Grüße, Ελλάδα, Привет": "Grüße, Ελλάδα, Привет", "a\tb\r\nc\x00d": "a b c d", "🎉 party 👩‍👩‍👧": "□ party □", "👍🏽 ok": "□ ok", "東京": "□□", "❤️": "❤",
		"bad \xff":   "bad □",
		"  spaces  ": "spaces", "e\u0301": "é", "a\u00adb\u200bc": "abc", "": "", "\U0010ffff": "□",
	} {
		if got := g.shown(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := []rune(g.shown(strings.Repeat("x", 5000))); len(got) != longestText+1 || got[longestText] != '…' {
		t.Errorf("a very long text has %d letters", len(got))
	}
	if g.has(-1) || g.has(1<<16) || g.has('東') || !g.has('ß') || !readGlyphs(bold).has('ß') || readGlyphs([]byte("no font")).has('a') {
		t.Error("the font's letters are read wrongly")
	}
}

// font is a font that has a table cmap, of the given subtables, behind another table.
func font(cmap ...[]byte) []byte {
	u16 := func(n int) []byte { return []byte{byte(n >> 8), byte(n)} }
	file := slices.Concat([]byte{0, 1, 0, 0}, u16(2), make([]byte, 6), []byte("DSIG"), make([]byte, 12), []byte("cmap"), make([]byte, 4), u16(1), u16(0))
	file = append(file, make([]byte, 4)...)               // the length, which nobody asks for
	file = append(file, make([]byte, 1<<16-len(file))...) // the table is where an offset needs more than 16 bits
	table := slices.Concat(u16(0), u16(len(cmap)))
	at := 4 + 8*len(cmap)
	for _, c := range cmap {
		table = slices.Concat(table, u16(3), u16(1), u16(at>>16), u16(at))
		at += len(c)
	}
	return slices.Concat(file, table, slices.Concat(cmap...))
}

// segments is a subtable of form 4: the ends, starts, deltas and offsets of its segments, then glyphs.
func segments(form int, ends, starts, deltas, offsets, glyphs []int) (table []byte) {
	n := []int{form, 0, 0, 2 * len(ends), 0, 0, 0}
	for _, v := range slices.Concat(n, ends, []int{0}, starts, deltas, offsets, glyphs) {
		table = append(table, byte(v>>8), byte(v))
	}
	return table
}

func TestTheLettersOfAFontAreThoseOfItsTable(t *testing.T) {
	// 'a' to 'c' by a delta, of which 'b' is glyph 0; 'm' to 'o' by a list in which 'n' has none, and 'o' is glyph 0 by the delta; 'x' alone; the end
	table := segments(4, []int{'c', 'o', 'x', 0xffff}, []int{'a', 'm', 'x', 0xffff}, []int{0x10000 - 'b', 1, 5, 1}, []int{0, 6, 0, 0}, []int{7, 0, 0xffff})
	shown := func(g *glyphs) (text string) {
		for r := range rune(1 << 16) {
			if g.has(r) {
				text += string(r)
			}
		}
		return text
	}
	whole := font(segments(6, []int{'z'}, []int{'y'}, []int{1}, []int{0}, nil), table)
	if got := shown(readGlyphs(whole)); got != "acmx" {
		t.Errorf("got %q", got)
	}
	for n := range 200 { // wherever it is cut, nothing is read behind its end
		readGlyphs(slices.Clip(whole[:n]))
		readGlyphs(slices.Clip(whole[:len(whole)-n]))
	}
	first := segments(4, []int{0, 0xffff}, []int{0, 0xffff}, []int{1, 1}, []int{0, 0}, nil)
	if g := readGlyphs(font(first)); !g.has(0) || g.has(1) || g.has(0xffff) {
		t.Error("the first letter is missing, or there are others")
	}
}

func TestWhatIsWrittenFromTheRightIsTurnedRound(t *testing.T) {
	for text, want := range map[string]string{
		"abc": "abc", "אבג": "גבא", "Meeting אבג דהו end": "Meeting והד גבא end", "אב 12.5 גד": "דג 12.5 בא", "אב (גד)": "(דג) בא", "(אב)": "(בא)", "אב!": "בא!",
		"x אב, גד y": "x דג ,בא y", "א x ב": "א x ב", "א1": "1א", "א1.": "1א.", "א1.ב": "ב.1א", "א1x": "1אx", "א12/3-4": "4-12/3א", "א]ב": "ב[א", "א) b": "א) b",
		"א": "א", "(א": "(א", "ב\u05b8": "ב\u05b8", "אב\u05b8\u05b0ג": "גב\u05b8\u05b0א", "א {ב} c": "{ב} א c", "א } c": "א } c", "א«ב»": "«ב»א",
		"אב 12": "12 בא", "שָׁלוֹם": "םוֹלשָׁ",
	} {
		if got := visual(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestLongWordsAreBroken(t *testing.T) {
	measure := func(s string) float64 { return float64(len([]rune(s))) }
	for text, want := range map[string]string{
		"one two three": "one two|three", "": "", "abcdefghijklmnop": "abcdefgh|ijklmnop", "ab abcdefghij kl": "ab|abcdefgh|ij kl", "ääääääääää": "ääääääää|ää",
		"eight888 next": "eight888|next", "abcd efg": "abcd efg", "abcd efgh": "abcd|efgh", " a ": "a", "abcdefghi": "abcdefgh|i",
	} {
		if got := strings.Join(wrap(text, 8, measure), "|"); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := strings.Join(wrap("abc", 0, measure), "|"); got != "a|b|c" {
		t.Errorf("no room: got %q", got)
	}
}

var word = regexp.MustCompile(`<page|<word xMin="([0-9.-]+)" yMin="([0-9.-]+)" xMax="([0-9.-]+)" yMax="([0-9.-]+)">(.*?)</word>`)

// box is where a word is on its page, in points.
type box struct {
	page                   int
	left, top, right, down float64
	text                   string
}

func (b box) covers(other box) bool {
	const touch = 0.6 // of two boxes that touch
	return b.page == other.page && b.left < other.right-touch && other.left < b.right-touch && b.top < other.down-touch*4 && other.top < b.down-touch*4
}

// TestNothingRunsOffThePageOrIntoItsNeighbour has all that is long at once.
func TestNothingRunsOffThePageOrIntoItsNeighbour(t *testing.T) {
	cases := map[string]func(d *timesheet.Document){
		"as it is": func(*timesheet.Document) {},
		"long addresses": func(d *timesheet.Document) {
			d.From.Name, d.To.Name = strings.Repeat("Muster und Partner ", 5), strings.Repeat("Verwaltungsgesellschaft ", 4)
			for range 10 {
				d.From.Lines, d.To.Lines = append(d.From.Lines, strings.Repeat("Hafenstraße ", 16)), append(d.To.Lines, strings.Repeat("Hafenstraße ", 16))
			}
			d.OrderNumber, d.BuyerReference, d.InvoiceRef = strings.Repeat("450001", 16), strings.Repeat("04011", 20), strings.Repeat("INV-", 16)
		},
		"many positions of long names": func(d *timesheet.Document) {
			p := d.Sheet.Positions[0]
			d.Sheet.Positions = nil
			for i := range 70 {
				p.Customer = fmt.Sprintf("Customer %03d with a name that needs several lines of the table of positions, as some have", i)
				d.Sheet.Positions = append(d.Sheet.Positions, p)
			}
			for i := range 40 {
				d.Sheet.Totals = append(d.Sheet.Totals, timesheet.Total{Currency: fmt.Sprintf("X%02d", i), Amount: "1.00"})
			}
			for i := range 60 {
				r := timesheet.Rounding{From: d.Sheet.Period.From.AddDays(i % 28), Increment: 15, Mode: timesheet.Up, Scope: timesheet.ByDay, Least: i}
				d.Rounding = append(d.Rounding, r)
			}
		},
		"many lines with notes": func(d *timesheet.Document) {
			l := d.Sheet.Lines[0]
			l.BillingType, l.Flags = calendar.NonBillable, []timesheet.Flag{timesheet.NoRate, timesheet.CrossesMidnight}
			d.Sheet.Lines = nil
			for i := range 160 {
				l.Subject = strings.Repeat("goes on ", 5+i%40)
				d.Sheet.Lines = append(d.Sheet.Lines, l)
			}
		},
		"high rates": func(d *timesheet.Document) {
			s := d.Sheet
			for i := range s.Positions {
				p := &s.Positions[i]
				p.Customer, p.Currency, p.Seconds, p.Billed = fmt.Sprint("Customer with a name of its own ", i), "IDR", p.Seconds+999_999*3600+30, 999_999*3600+30
				p.Rate, p.Amount = "999999999.9999", "-1234567890123456.00"
			}
			s.Billed, s.Totals = 9_999_999*3600+59, []timesheet.Total{{Currency: "EUR", Amount: "1.00"}, {Currency: "IDR", Amount: "-12345678901234567.00"}}
			for i := range s.Lines {
				l := &s.Lines[i]
				l.Seconds, l.Billed, l.Subject = 99_999*3600+59, 199_999*3600+59, strings.Repeat("Subject that goes on ", 40)
			}
			d.Rounding[0].Scope = timesheet.ByEntry
		},
	}
	for n := range 14 { // the parts of a sheet end wherever a page may
		cases[fmt.Sprintf("%d lines more", 4*n)] = func(d *timesheet.Document) {
			for range n {
				d.To.Lines = append(d.To.Lines, "Hafenstraße", "Hamburg", "Hamburg", "Hamburg")
			}
			for range 4 * n {
				d.Sheet.Lines = append(d.Sheet.Lines, d.Sheet.Lines[len(d.Sheet.Lines)-1])
			}
			for i := range 8 {
				d.Sheet.Totals = append(d.Sheet.Totals, timesheet.Total{Currency: fmt.Sprintf("X%02d", i), Amount: "1.00"})
			}
			d.Sheet.Lines[0].Flags = []timesheet.Flag{timesheet.CrossesMidnight}
		}
	}
	for name, change := range cases {
		d := sample(t, 20, "de", nil)
		for i := range d.Sheet.Lines {
			d.Sheet.Lines[i].Subject = subjects[i%2]
		}
		change(d)
		var all []box
		page := 0
		for _, found := range word.FindAllStringSubmatch(tool(t, "pdftotext", draw(t, d), "-bbox", "FILE", "-"), -1) {
			if found[0] == "<page" {
				page++
				continue
			}
			b := box{page: page, text: found[5]}
			if _, err := fmt.Sscan(strings.Join(found[1:5], " "), &b.left, &b.top, &b.right, &b.down); err != nil {
				t.Fatal(err)
			}
			all = append(all, b)
		}
		if len(all) < 100 {
			t.Fatalf("%s: only %d words are found", name, len(all))
		}
		const millimetre = 72 / 25.4
		for i, b := range all {
			if b.left < (left-0.5)*millimetre || b.right > (right+0.5)*millimetre || b.top < 10*millimetre || b.down > 292*millimetre ||
				b.down > (bottom+3)*millimetre && b.top < 282*millimetre {
				t.Errorf("%s: page %d: %q runs off the page: %+v", name, b.page, b.text, b)
			}
			for _, other := range all[:i] {
				if b.covers(other) {
					t.Errorf("%s: page %d: %q is written over %q", name, b.page, b.text, other.text)
				}
			}
		}
	}
}

func FuzzSubjects(f *testing.F) {
	for _, s := range subjects {
		f.Add(s)
	}
	g := readGlyphs(regular)
	f.Fuzz(func(t *testing.T, text string) {
		shown := g.shown(text)
		for _, l := range wrap(shown, 30, func(s string) float64 { return float64(len(s)) }) {
			if turned := visual(l); len([]rune(turned)) != len([]rune(l)) {
				t.Fatalf("%q loses letters when it is turned: %q", l, turned)
			}
		}
		for _, r := range shown {
			if !g.has(r) {
				t.Fatalf("%q keeps %q, which the font does not have", text, r)
			}
		}
	})
}

func BenchmarkTwentyPages(b *testing.B) {
	d := sample(b, 740, "en", nil)
	b.ReportAllocs()
	for b.Loop() {
		draw(b, d)
	}
}
