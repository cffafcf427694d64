package hours

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/ledger"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorded is an entry as a run writes it, with all that Outlook says of a meeting.
func recorded(n int, start time.Time) *ledger.Entry {
	long := func(text string) string { // as long as Outlook's ids, and as hard to compress
		sum := sha512.Sum512(fmt.Append(nil, text, n))
		return base64.StdEncoding.EncodeToString(sum[:]) + base64.StdEncoding.EncodeToString(sum[:32])
	}
	local := calendar.DateTime{Local: start.Format("2006-01-02T15:04:05"), Zone: "UTC"}
	uid := fmt.Sprintf("%s@%s", long("series")[:100], start.Format(time.RFC3339))
	who := []string{"Acme", "Globex", "Initech"}[n%3]
	categories := []string{who + " - billable"}
	return &ledger.Entry{
		Config: "work", Key: uid, Lineage: uid, Version: 1, Outcome: ledger.Archived, SourceHash: long("source")[:71], Hash: long("hash")[:71],
		Appointment: calendar.Appointment{
			Subject: "Weekly review", Start: start, End: start.Add(30 * time.Minute), Categories: categories, Customer: who, BillingType: calendar.Billable,
			Sensitivity: calendar.Normal, ShowAs: calendar.Busy, Importance: calendar.NormalImportance,
		},
		Source: calendar.Event{
			ID: long("id"), ICalUID: long("series"), Type: calendar.Occurrence, SeriesMasterID: long("master"), OriginalStart: start, Subject: "Weekly review",
			Start: local, End: local, StartZone: "W. Europe Standard Time", Categories: categories, LastModified: start, Created: start, ChangeKey: long("change")[:40],
			Organizer: calendar.Person{Name: "Ann Example", Address: "ann@example.com"},
			Attendees: []calendar.Attendee{{Person: calendar.Person{Name: "Bob Example", Address: "bob@acme.example"}}},
		},
		Draft: &calendar.Draft{Mark: uid, TransactionID: long("transaction")[:32], Subject: "Weekly review", Start: local, End: local, Categories: categories},
		Run:   "run", Time: start, Actor: "tenant#ann", CopyID: long("copy"), State: ledger.Done,
	}
}

// TestAYearTakesFewRequests counts the requests to the store for a year of 5,000 entries; under 10 are allowed.
func TestAYearTakesFewRequests(t *testing.T) {
	table, err := sqlite.Open(":memory:", time.Now)
	must(t, err)
	blobs, err := folder.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()); must(t, blobs.Close()) })
	writing := ledger.New(table, blobs, signingtest.Key(t))
	var entries []*ledger.Entry
	for n := range 4660 {
		e := recorded(n, time.Date(2026, 1, 1+n*365/5000, 8, n%5*30, 0, 0, time.UTC))
		entries = append(entries, e)
		if n >= 170 {
			continue
		}
		note, moved := *e, *e // to the next day
		note.Version, note.Outcome, moved.Version = 2, ledger.Moved, 2
		moved.Appointment.Start, moved.Appointment.End = e.Appointment.Start.AddDate(0, 0, 1), e.Appointment.End.AddDate(0, 0, 1)
		entries = append(entries, &note, &moved)
	}
	if len(entries) != 5000 {
		t.Fatal(len(entries))
	}
	var head ledger.Head
	_, err = writing.Unsealed(t.Context(), "work", &head)
	must(t, err)
	for some := range slices.Chunk(entries, ledger.MaxWrite) {
		var places ledger.Places
		must(t, writing.Write(t.Context(), &head, &places, ledger.Span{}, some))
	}
	counted := &store.Counter{Table: table}
	reader := Reader{Ledger: ledger.New(counted, blobs, nil), Customers: customer.New(counted, nil, nil)}
	year := calendar.Window{From: date("2026-01-01"), To: date("2026-12-31"), Zone: time.UTC}
	r, err := reader.Report(t.Context(), "tenant#ann", "work", year, ByCustomer, time.Monday)
	must(t, err)
	if got := told(r.Rows); strings.Count(got, "new") != 3 || r.Total.Entries != 4660 || r.Total.Billable != 2330*time.Hour {
		t.Errorf("%s; %+v", got, r.Total)
	}
	if counted.Requests() >= 10 {
		t.Errorf("%d requests to the store, under 10 are allowed", counted.Requests())
	}
	t.Logf("%d requests to the store", counted.Requests())
	most := calendar.Window{From: date("2026-01-01"), To: date("2027-02-04"), Zone: time.UTC}
	if r, err = reader.Report(t.Context(), "tenant#ann", "work", most, ByCustomer, time.Monday); err != nil || r.Total.Entries != 4660 {
		t.Errorf("of 400 days: %v", err)
	}
	leap := calendar.Window{From: date("2026-01-01"), To: date("2027-02-05"), Zone: time.UTC}
	if _, err = reader.Report(t.Context(), "tenant#ann", "work", leap, ByCustomer, time.Monday); err == nil || !strings.Contains(err.Error(), "401 days") {
		t.Errorf("of 401 days: %v", err)
	}
}
