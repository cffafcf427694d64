package timesheet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/action"
	"adminassistant/shared/archive"
	"adminassistant/shared/audit"
	"adminassistant/shared/blob"
	"adminassistant/shared/blob/folder"
	"adminassistant/shared/calendar"
	"adminassistant/shared/customer"
	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/signing"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
	"adminassistant/shared/timesheet"
	"adminassistant/shared/timesheet/pdf"
	"adminassistant/shared/timesheet/xlsx"
)

const ann = "tenant#ann"

// now is when everything in the tests happens.
var now = time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)

// world is a user's sheets over real stores.
type world struct {
	*timesheet.Sheets
	t      testing.TB
	table  *store.Counter
	config archive.Config
	runs   int
	acme   customer.Customer
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newWorld(t testing.TB) *world {
	t.Helper()
	clock := func() time.Time { return now }
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), clock)
	must(t, err)
	blobs, err := folder.Open(t.TempDir())
	must(t, err)
	t.Cleanup(func() { must(t, errors.Join(table.Close(), blobs.Close())) })
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	var mu sync.Mutex
	n := 0
	newID := func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("ID%08d", n)
	}
	counted := &store.Counter{Table: table}
	signer := signing.New(counted, secret.New(wrapper, clock, secret.Limits{}))
	l := ledger.New(counted, blobs, signer)
	w := &world{t: t, table: counted, config: archive.Config{ID: "work", Name: "work", Timezone: "Europe/Berlin"}, Sheets: &timesheet.Sheets{
		Table: counted, Blobs: blobs, Ledger: l, Configs: archive.NewConfigs(counted, l, newID, clock), Customers: customer.New(counted, newID, clock),
		Actions: action.New(counted, newID, clock), Signing: signer, Clock: clock, NewID: newID,
		Sender: func(context.Context, string) (timesheet.Party, error) {
			return timesheet.Party{Name: "Ann", Email: "ann@example.com"}, nil
		},
		Outputs: timesheet.Outputs{PDF: pdf.Write, XLSX: xlsx.Write},
	}}
	w.acme, err = w.Customers.Create(t.Context(), ann, customer.Customer{Name: "Acme", Aliases: []string{"Acme Ltd"}, Terms: customer.Terms{
		Currency: "EUR", Rates: []customer.Rate{{From: day("2026-01-01"), Work: "120.00", Travel: "50%"}},
		Rounding: []customer.Rounding{{From: day("2026-01-01"), Increment: 15, Mode: customer.Up, Scope: customer.Entry}},
	}, Address: customer.Address{Locale: "de", OrderNumber: "4711", Lines: []string{"Hafen 1"}, Emails: []string{"billing@acme.example"}}})
	must(t, err)
	w.audit()
	return w
}

// audit has the user's audit log grow.
func (w *world) audit() {
	log := audit.New(w.table, w.Clock, func() string { return ulid.Make().String() })
	_, err := log.Append(w.t.Context(), audit.Entry{User: ann, Actor: ann, Action: "customer.create", Resource: audit.Resource{Kind: "customer", ID: "x"},
		Outcome: audit.OK})
	must(w.t, err)
}

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

func period(from, to string) timesheet.Period { return timesheet.Period{From: day(from), To: day(to)} }

var (
	october  = period("2026-10-01", "2026-10-31")
	november = period("2026-11-01", "2026-11-30")
	december = period("2026-12-01", "2026-12-31")
)

// entry is a version of an appointment of Acme's that stands.
func entry(key string, version int, start string, minutes int) *ledger.Entry {
	at, err := time.Parse("2006-01-02 15:04", start)
	if err != nil {
		panic(err)
	}
	return &ledger.Entry{
		Config: "work", Key: key, Lineage: key, Version: version, Outcome: ledger.Archived, SourceHash: fmt.Sprintf("sha256:%s-%d", key, version),
		Hash: fmt.Sprintf("sha256:%s-%d", key, version), State: ledger.Done, Actor: ann, Time: now,
		Appointment: calendar.Appointment{
			Subject: "about " + key, Start: at, End: at.Add(time.Duration(minutes) * time.Minute), Customer: "Acme", BillingType: calendar.Billable,
			Categories: []string{"Acme - billable"}, Sensitivity: calendar.Normal,
		},
		Source: calendar.Event{ID: "id-" + key, Subject: key},
	}
}

// archive writes entries into the ledger and seals them, as a run does.
func (w *world) archive(entries ...*ledger.Entry) {
	w.t.Helper()
	head := w.write(entries...)
	link, err := w.Ledger.Prepare(w.t.Context(), "work", *head, ledger.Ending{Run: fmt.Sprintf("R%03d", w.runs), Time: now}, entries)
	must(w.t, err)
	must(w.t, w.Ledger.Seal(w.t.Context(), head, link))
}

// write writes entries into the ledger, and leaves the run open.
func (w *world) write(entries ...*ledger.Entry) *ledger.Head {
	w.t.Helper()
	w.runs++
	var lineages []string
	for _, e := range entries {
		e.Run = fmt.Sprintf("R%03d", w.runs)
		lineages = append(lineages, e.Lineage)
	}
	places, err := w.Ledger.Find(w.t.Context(), "work", lineages)
	must(w.t, err)
	head, err := w.Ledger.Head(w.t.Context(), "work")
	must(w.t, err)
	_, err = w.Ledger.Unsealed(w.t.Context(), "work", &head)
	must(w.t, err)
	for some := range slices.Chunk(entries, ledger.MaxWrite) {
		must(w.t, w.Ledger.Write(w.t.Context(), &head, &places, ledger.Span{}, some))
	}
	return &head
}

func (w *world) create(of string, p timesheet.Period) *timesheet.View {
	w.t.Helper()
	v, err := w.Create(w.t.Context(), ann, w.config, of, p)
	must(w.t, err)
	return v
}

func (w *world) show(id string) *timesheet.View {
	w.t.Helper()
	v, err := w.Show(w.t.Context(), ann, id)
	must(w.t, err)
	return v
}

// locked makes a sheet, approves and locks it.
func (w *world) locked(p timesheet.Period) *timesheet.Record {
	w.t.Helper()
	id := w.create("Acme", p).Record.ID
	_, err := w.Approve(w.t.Context(), ann, id, "")
	must(w.t, err)
	r, err := w.Lock(w.t.Context(), ann, id)
	must(w.t, err)
	return r
}

// told says what the lines of a sheet bill.
func told(v *timesheet.View) string {
	var lines []string
	for _, l := range v.Document.Sheet.Lines {
		mark := ""
		if l.Supplements != "" {
			mark = "*"
		}
		lines = append(lines, fmt.Sprintf("%s/%d%s %+d", l.Key, l.Version, mark, l.Billed/60))
	}
	return strings.Join(lines, ", ")
}

func (w *world) refused(err error, kind fault.Kind, says string) {
	w.t.Helper()
	if fault.Of(err) != kind || !strings.Contains(err.Error(), says) {
		w.t.Errorf("got %v, want %v and %q", err, kind, says)
	}
}

func TestADraftIsComputedWhenItIsLookedAt(t *testing.T) {
	w := newWorld(t)
	v := w.create("acme ltd", october)
	if v.Record.Customer != "Acme" || v.Record.State != timesheet.Draft || len(v.Document.Sheet.Lines) != 0 || v.Document.To.Lines[0] != "Hafen 1" {
		t.Errorf("got %+v, %+v", v.Record, v.Document)
	}
	w.archive(entry("a", 1, "2026-10-05 09:00", 50), entry("b", 1, "2026-11-05 09:00", 50))
	if v := w.show(v.Record.ID); told(v) != "a/1 +60" || v.Document.Sheet.Totals[0].Amount != "120.00" || v.Document.Locale != "de" || v.Document.Seal.Hash != "" {
		t.Errorf("got %s, %+v", told(v), v.Document)
	}
	if _, err := w.Show(t.Context(), "tenant#bob", v.Record.ID); fault.Of(err) != fault.NotFound {
		t.Errorf("another user's: %v", err)
	}
	if err := w.Delete(t.Context(), ann, v.Record.ID); err != nil {
		t.Error(err)
	}
	if all, _, err := w.List(t.Context(), ann, 10, ""); err != nil || len(all) != 0 {
		t.Errorf("got %v, %v", all, err)
	}
	_, err := w.Create(t.Context(), ann, w.config, " ", october)
	w.refused(err, fault.Invalid, "customer is missing")
}

func TestACustomerWithoutARecordHasHoursOnly(t *testing.T) {
	w := newWorld(t)
	other := entry("a", 1, "2026-10-05 09:00", 50)
	other.Appointment.Customer = "Globex"
	w.archive(other)
	if v := w.create("globex", october); len(v.Document.Sheet.Totals) != 0 || v.Document.Sheet.Positions[0].Seconds != 3000 ||
		v.Document.Sheet.Lines[0].Flags[0] != timesheet.NoRate {
		t.Errorf("got %s", v.Document.Sheet.JSON())
	}
}

func TestAnApprovedSheetIsFrozen(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	id := w.create("Acme", october).Record.ID
	r, err := w.Approve(t.Context(), ann, id, "")
	must(t, err)
	days, err := w.ApprovedDays(t.Context(), ann, "work")
	if err != nil || !days.Has("ACME ltd", day("2026-10-31")) || days.Has("Acme", day("2026-11-01")) || days.Has("Globex", day("2026-10-31")) {
		t.Errorf("the days are %v, %v", days, err)
	}
	w.archive(entry("a", 2, "2026-10-05 09:00", 80))
	w.acme.Rates[0].Work = "999.00"
	w.acme, err = w.Customers.Update(t.Context(), ann, w.acme)
	must(t, err)
	v := w.show(id)
	if told(v) != "a/1 +60" || v.Document.Sheet.Totals[0].Amount != "120.00" || v.Document.Sheet.Hash() != r.Hash || v.Document.Seal.Hash != r.Hash {
		t.Errorf("got %s at %v", told(v), v.Document.Sheet.Totals)
	}
	_, err = w.Approve(t.Context(), ann, id, "")
	w.refused(err, fault.Conflict, "is approved")
	w.refused(w.Delete(t.Context(), ann, id), fault.Conflict, "is approved")
	_, err = w.Create(t.Context(), ann, w.config, "Acme Ltd", period("2026-10-31", "2026-11-30"))
	w.refused(err, fault.Conflict, "has days of the period")

	_, err = w.Reopen(t.Context(), ann, id, " ")
	w.refused(err, fault.Invalid, "reason is missing")
	r, err = w.Reopen(t.Context(), ann, id, "forgot a meeting")
	must(t, err)
	if v := w.show(id); told(v) != "a/2 +90" || v.Document.Sheet.Totals[0].Amount != "1498.50" || len(r.History) != 3 || r.History[2].Note != "forgot a meeting" {
		t.Errorf("got %s, %+v", told(v), r.History)
	}
}

func TestApprovalAsksForANoteWhereSomethingIsOpen(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50), entry("b", 1, "2026-10-05 09:30", 50))
	q := action.Question{Participants: []action.Participant{{Key: "c", Hash: "x"}}}
	q.Span.Add(now.AddDate(0, 0, -20), now.AddDate(0, 0, -20))
	ask := action.Ask(action.Drift, "work", q)
	_, err := w.Actions.Settle(t.Context(), action.Findings{
		User: ann, Config: "work", Run: "R1", Asked: []action.Action{ask}, Kinds: []action.Kind{action.Drift}, Near: func(action.Span) bool { return true },
		Looked: func(*action.Action) bool { return true },
	})
	must(t, err)
	v := w.create("Acme", october)
	if strings.Join(v.Problems, "; ") != "1 pair of lines shares time, which is billed for both; 1 open action of kind drift" ||
		len(v.Open) != 1 || v.Open[action.Drift] != 1 {
		t.Errorf("got %q, %v", v.Problems, v.Open)
	}
	_, err = w.Approve(t.Context(), ann, v.Record.ID, "")
	w.refused(err, fault.Invalid, "1 open action of kind drift")
	if fault.FieldOf(err) != "note" {
		t.Errorf("names %q", fault.FieldOf(err))
	}
	r, err := w.Approve(t.Context(), ann, v.Record.ID, "agreed with Acme")
	must(t, err)
	if last := r.History[1]; last.Note != "agreed with Acme" || len(last.Acknowledged) != 2 || last.By != ann {
		t.Errorf("got %+v", last)
	}
	if v := w.create("Acme", november); len(v.Problems) != 0 {
		t.Errorf("another month: %q", v.Problems)
	}
}

func TestApprovalAsksForANoteWhereAWholeDayIsBilledBesideOthers(t *testing.T) {
	w := newWorld(t)
	w.acme.DayMinutes = 480
	var err error
	w.acme, err = w.Customers.Update(t.Context(), ann, w.acme)
	must(t, err)
	whole := func(key, from, to string) *ledger.Entry {
		e := entry(key, 1, from+" 00:00", 0)
		a := &e.Appointment
		a.AllDay, a.StartDate, a.EndDate = true, day(from), day(to)
		a.Start, a.End = calendar.StartOfDay(a.StartDate, berlin), calendar.StartOfDay(a.EndDate, berlin)
		return e
	}
	travel := entry("travel", 1, "2026-10-12 09:00", 60)
	travel.Appointment.Travel = true
	w.archive(whole("twice", "2026-10-05", "2026-10-08"), entry("a", 1, "2026-10-06 09:00", 60), entry("none", 1, "2026-10-05 09:00", 0),
		whole("alone", "2026-10-12", "2026-10-13"), travel, entry("b", 1, "2026-10-14 09:00", 60))
	v := w.create("Acme", october)
	if len(v.Problems) != 1 || v.Problems[0] != "1 day has a line of the whole day beside others, which are all billed" {
		t.Errorf("got %q", v.Problems)
	}
	_, err = w.Approve(t.Context(), ann, v.Record.ID, "")
	w.refused(err, fault.Invalid, "a line of the whole day")
	w.archive(whole("also", "2026-10-07", "2026-10-08"))
	if v := w.show(v.Record.ID); len(v.Problems) != 1 || !strings.HasPrefix(v.Problems[0], "2 days have") {
		t.Errorf("got %q", v.Problems)
	}
	must(t, discard(w.Approve(t.Context(), ann, v.Record.ID, "the calls were on top")))
	gone := entry("a", 2, "2026-10-06 09:00", 60)
	gone.Outcome = ledger.Withdrawn
	w.archive(gone)
	if v := w.create("Acme", november); told(v) != "a/1* -60" || len(v.Problems) != 0 {
		t.Errorf("what is taken back is no problem: %s, %q", told(v), v.Problems)
	}
}

func TestNothingIsApprovedOrLockedWhileARunWrites(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	id := w.create("Acme", october).Record.ID
	other := w.create("Acme", november).Record.ID
	_, err := w.Approve(t.Context(), ann, id, "")
	must(t, err)
	w.write(entry("b", 1, "2026-10-06 09:00", 50))
	_, err = w.Lock(t.Context(), ann, id)
	w.refused(err, fault.Conflict, "is writing the ledger")
	_, err = w.Approve(t.Context(), ann, other, "")
	w.refused(err, fault.Conflict, "is writing the ledger")
	if r, err := w.Get(t.Context(), ann, id); err != nil || r.State != timesheet.Approved {
		t.Errorf("half done: %+v, %v", r, err)
	}
}

// busy is blob storage where something happens before what is put there is kept.
type busy struct {
	blob.Blob
	before func()
}

func (b *busy) Put(ctx context.Context, key string, content io.Reader) error {
	b.before()
	return b.Blob.Put(ctx, key, content)
}

func TestASheetIsNotApprovedWhenARunBeganWhileItWasComputed(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	id := w.create("Acme", october).Record.ID
	blobs := w.Sheets.Blobs
	w.Sheets.Blobs = &busy{blobs, func() { w.write(entry("b", 1, "2026-10-06 09:00", 50)) }}
	if _, err := w.Approve(t.Context(), ann, id, ""); !errors.Is(err, store.ErrConflict) {
		t.Errorf("got %v", err)
	}
	w.Sheets.Blobs = blobs
	if r, err := w.Get(t.Context(), ann, id); err != nil || r.State != timesheet.Draft {
		t.Errorf("half done: %+v, %v", r, err)
	}
}

func TestOfTwoApprovalsAtOnceOneWins(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	first, second := w.create("Acme", october).Record.ID, w.create("Acme", period("2026-10-05", "2026-10-05")).Record.ID
	for range 3 {
		var errs [4]error
		var group sync.WaitGroup
		for i := range errs {
			group.Go(func() {
				_, errs[i] = w.Approve(t.Context(), ann, []string{first, second}[i%2], "")
			})
		}
		group.Wait()
		won := ""
		for i, err := range errs {
			switch {
			case err == nil && won != "":
				t.Error("two approvals won")
			case err == nil:
				won = []string{first, second}[i%2]
			case fault.Of(err) != fault.Conflict && !errors.Is(err, store.ErrConflict):
				t.Errorf("the other one: %v", err)
			}
		}
		if won == "" {
			t.Fatal("none won")
		}
		_, err := w.Reopen(t.Context(), ann, won, "again")
		must(t, err)
	}
}

func TestALockedSheetStaysAndItsDaysAreLocked(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	id := w.create("Acme", october).Record.ID
	_, err := w.Lock(t.Context(), ann, id)
	w.refused(err, fault.Conflict, "is draft")
	_, err = w.Approve(t.Context(), ann, id, "")
	must(t, err)
	_, err = w.Invoice(t.Context(), ann, id, "INV-1")
	w.refused(err, fault.Conflict, "is approved")
	r, err := w.Lock(t.Context(), ann, id)
	must(t, err)
	head, err := w.Ledger.Head(t.Context(), "work")
	must(t, err)
	if r.State != timesheet.Final || r.Link != 2 || r.Head != head.Hash || head.Seq != 2 {
		t.Errorf("got %+v, head %+v", r, head)
	}
	if days, err := w.ApprovedDays(t.Context(), ann, "work"); err != nil || days.Has("Acme", day("2026-10-31")) {
		t.Errorf("of a locked sheet: %v, %v", days, err)
	}
	for _, name := range []string{"acme", "ACME LTD"} {
		if !head.Locks.Has(name, day("2026-10-31")) || head.Locks.Has(name, day("2026-11-01")) || head.Locks.Has("Globex", day("2026-10-31")) {
			t.Errorf("locks of %s: %+v", name, head.Locks)
		}
	}
	must(t, w.Ledger.Check(t.Context(), "work", &head))
	if in, err := w.Ledger.Inspect(t.Context(), "work"); err != nil || !in.Report.OK || in.Links[1].Sheet != r.Hash || in.Links[1].Audit.Seq != 1 {
		t.Errorf("the ledger does not hold: %+v, %v", in, err)
	}
	for _, change := range []func() error{
		func() error { _, err := w.Lock(t.Context(), ann, id); return err },
		func() error { _, err := w.Approve(t.Context(), ann, id, ""); return err },
		func() error { _, err := w.Reopen(t.Context(), ann, id, "because"); return err },
		func() error { return w.Delete(t.Context(), ann, id) },
	} {
		w.refused(change(), fault.Conflict, "is locked")
	}
	w.archive(entry("b", 1, "2026-11-05 09:00", 50)) // the chain goes on
	if hashes, err := w.Hashes(t.Context(), ann, "work"); err != nil || hashes[id] != r.Hash || len(hashes) != 1 {
		t.Errorf("got %v, %v", hashes, err)
	}

	before := w.show(id).Document.Sheet.Hash()
	for _, ref := range []string{"INV-1", "", "INV-2"} {
		if r, err = w.Invoice(t.Context(), ann, id, ref); err != nil || r.InvoiceRef != ref {
			t.Errorf("got %q, %v", r.InvoiceRef, err)
		}
	}
	if n := len(r.History); n != 6 || *r.History[n-2].InvoiceRef != "" || w.show(id).Document.Sheet.Hash() != before {
		t.Errorf("got %+v", r.History)
	}
	_, err = w.Invoice(t.Context(), ann, id, strings.Repeat("x", 65))
	w.refused(err, fault.Invalid, "at most 64")
}

func TestWhatChangesAfterTheLockIsCarriedByTheNextSheet(t *testing.T) {
	w := newWorld(t)
	days := entry("days", 1, "2026-10-29 23:00", 0) // midnight in Berlin
	days.Appointment.AllDay, days.Appointment.StartDate, days.Appointment.EndDate = true, day("2026-10-30"), day("2026-11-01")
	days.Appointment.End = days.Appointment.Start.Add(48 * time.Hour)
	w.acme.DayMinutes = 480
	var err error
	w.acme, err = w.Customers.Update(t.Context(), ann, w.acme)
	must(t, err)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50), entry("same", 1, "2026-10-06 09:00", 60), entry("gone", 1, "2026-10-07 09:00", 30), days)
	first := w.locked(october)

	gone := entry("gone", 2, "2026-10-07 09:00", 30)
	gone.Outcome = ledger.Withdrawn
	shorter := *days
	shorter = *entry("days", 2, "2026-10-29 23:00", 0)
	shorter.Appointment = days.Appointment
	shorter.Appointment.EndDate = day("2026-10-31")
	w.archive(entry("a", 2, "2026-10-05 09:00", 80), gone, entry("new", 1, "2026-10-08 09:00", 10), entry("n", 1, "2026-11-02 09:00", 60), &shorter)
	id := w.create("Acme", november).Record.ID
	v := w.show(id)
	if want := "days/1* -480, days/2* +480, days/1* -480, a/1* -60, a/2* +90, gone/1* -30, new/1* +15, n/1 +60"; told(v) != want {
		t.Fatalf("got  %s\nwant %s", told(v), want)
	}
	r, err := w.Approve(t.Context(), ann, id, "")
	must(t, err)
	// what is approved is reserved: a third sheet does not carry it too
	if third := w.create("Acme", december); told(third) != "" {
		t.Errorf("the third one has %s", told(third))
	}
	_, err = w.Reopen(t.Context(), ann, id, "again")
	must(t, err)
	third := w.create("Acme", december)
	if told(third) != "days/1* -480, days/2* +480, days/1* -480, a/1* -60, a/2* +90, gone/1* -30, new/1* +15" {
		t.Errorf("when it is free again: %s", told(third))
	}
	_, err = w.Approve(t.Context(), ann, third.Record.ID, "")
	must(t, err)
	if v := w.show(id); told(v) != "n/1 +60" {
		t.Errorf("reserved by the third one: %s", told(v))
	}
	_, err = w.Lock(t.Context(), ann, third.Record.ID)
	must(t, err)

	file, err := w.Export(t.Context(), ann, third.Record.ID, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	if got, err := timesheet.Verify(file.Content, ""); err != nil || got.Lines != 7 || got.Link != 4 {
		t.Errorf("its proof: %+v, %v", got, err)
	}
	if v := w.show(first.ID); v.Document.Sheet.Hash() != first.Hash {
		t.Error("a locked sheet changed")
	}
	_ = r
}

func TestAnInvoiceIsOneLineAndNotedOnceForEachChange(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	n := len(r.History)
	for range 2 {
		var err error
		if r, err = w.Invoice(t.Context(), ann, r.ID, " INV-1 "); err != nil || r.InvoiceRef != "INV-1" || len(r.History) != n+1 {
			t.Errorf("got %q, %d changes, %v", r.InvoiceRef, len(r.History), err)
		}
	}
	_, err := w.Invoice(t.Context(), ann, r.ID, "INV\n1")
	w.refused(err, fault.Invalid, "one line")
}

func TestHashesAreThoseOfAConfigsLockedSheets(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	locked := w.locked(october)
	must(t, discard(w.Approve(t.Context(), ann, w.create("Acme", november).Record.ID, "")))
	w.create("Acme", december)
	_, err := w.table.Put(t.Context(), store.Item{Key: store.OfUser(ann, "SHEET#unreadable"), Data: []byte("{")}, store.Any())
	must(t, err)
	if got, err := w.Hashes(t.Context(), ann, "work"); err != nil || len(got) != 1 || got[locked.ID] != locked.Hash {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := w.Hashes(t.Context(), ann, "another"); err != nil || len(got) != 0 {
		t.Errorf("of another config: %v, %v", got, err)
	}
}

func TestOnlyAnApprovedSheetIsReopenedAndNothingOfItIsLeft(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	id := w.create("Acme", october).Record.ID
	_, err := w.Reopen(t.Context(), ann, id, "because")
	w.refused(err, fault.Conflict, "is draft")
	must(t, discard(w.Approve(t.Context(), ann, id, "")))
	_, err = w.Reopen(t.Context(), ann, id, " \n")
	w.refused(err, fault.Invalid, "is missing")
	r, err := w.Reopen(t.Context(), ann, id, "because")
	must(t, err)
	left, err := w.Blobs.List(t.Context(), "timesheets/")
	if err != nil || len(left) != 0 || r.Hash != "" || r.Through != 0 || r.State != timesheet.Draft || r.History[2].Note != "because" {
		t.Errorf("left are %v, %v, %+v", left, err, r)
	}
	must(t, discard(w.Approve(t.Context(), ann, id, "")))
	must(t, discard(w.Lock(t.Context(), ann, id)))
	_, err = w.Reopen(t.Context(), ann, id, "because")
	w.refused(err, fault.Conflict, "settled by the customer's next timesheet")
}

func TestASheetThatIsSupplementedIsLockedFirstAndNotReopened(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	first := w.create("Acme", october).Record.ID
	_, err := w.Approve(t.Context(), ann, first, "")
	must(t, err)
	w.archive(entry("a", 2, "2026-10-05 09:00", 80))
	second := w.create("Acme", november).Record.ID
	_, err = w.Approve(t.Context(), ann, second, "")
	must(t, err)
	_, err = w.Reopen(t.Context(), ann, first, "oops")
	w.refused(err, fault.Conflict, second)
	_, err = w.Lock(t.Context(), ann, second)
	w.refused(err, fault.Conflict, first)
	_, err = w.Lock(t.Context(), ann, first)
	must(t, err)
	_, err = w.Lock(t.Context(), ann, second)
	must(t, err)
}

func TestACustomerThatWasMergedMeanwhileIsStillSettled(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	w.locked(october)
	other, err := w.Customers.Create(t.Context(), ann, customer.Customer{Name: "Acme Holding", Terms: w.acme.Terms})
	must(t, err)
	_, err = w.Customers.Merge(t.Context(), ann, other.ID, other.Version, "Acme")
	must(t, err)
	w.archive(entry("a", 2, "2026-10-05 09:00", 80))
	if v := w.create("Acme", november); told(v) != "a/1* -60, a/2* +90" || v.Record.Customer != "Acme Holding" {
		t.Errorf("got %s of %s", told(v), v.Record.Customer)
	}
	_, err = w.Create(t.Context(), ann, w.config, "Acme Holding", october)
	w.refused(err, fault.Conflict, "has days of the period")
}

// beta is an entry of another customer than Acme.
func beta(key, start string, minutes int) *ledger.Entry {
	e := entry(key, 1, start, minutes)
	e.Appointment.Customer, e.Appointment.Categories = "Beta", []string{"Beta - billable"}
	return e
}

func TestWhatACustomerBroughtWhenItWasMergedIsOnTheNextSheet(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 60), beta("b", "2026-10-06 09:00", 30), beta("s", "2026-09-07 09:00", 30))
	w.locked(october)
	requests := func(of string, p timesheet.Period) (lines string, n int) {
		before := w.table.Requests()
		lines = told(w.create(of, p))
		return lines, w.table.Requests() - before
	}
	lines, few := requests("Acme", december)
	if lines != "" {
		t.Errorf("before it is merged: %s", lines)
	}
	c, err := w.Customers.Merge(t.Context(), ann, w.acme.ID, w.acme.Version, "Beta")
	must(t, err)
	_, err = w.Create(t.Context(), ann, w.config, "Beta", october)
	w.refused(err, fault.Conflict, "has days of the period")
	november := w.create("Acme", november).Record.ID
	if got := told(w.show(november)); got != "b/1* +30" {
		t.Errorf("the next sheet has %q", got)
	}
	must(t, errors.Join(discard(w.Approve(t.Context(), ann, november, "")), discard(w.Lock(t.Context(), ann, november))))
	if lines, n := requests("Acme", december); lines != "" || n != few {
		t.Errorf("when it is settled: %q after %d requests, at first after %d", lines, n, few)
	}

	// what is another's again is taken back, and may be billed to that one
	c.Aliases = []string{"Acme Ltd"}
	_, err = w.Customers.Update(t.Context(), ann, c)
	must(t, err)
	if lines, n := requests("Acme", december); lines != "b/1* -30" || n >= 10 {
		t.Errorf("when the two are apart: %q after %d requests", lines, n)
	}
	if got := told(w.create("Beta", october)); got != "b/1 +30" {
		t.Errorf("Beta's own has %q", got)
	}
	if got := told(w.create("Acme", period("2026-09-01", "2026-09-30"))); got != "b/1* -30" {
		t.Errorf("an earlier month has %q", got)
	}
}

func TestWhatACustomerBroughtIsFoundInWhateverOrderItsMonthsWereApproved(t *testing.T) {
	for _, order := range [][]timesheet.Period{{october, november}, {november, october}} {
		w := newWorld(t)
		w.archive(beta("o", "2026-10-06 09:00", 30), beta("n", "2026-11-06 09:00", 45), beta("d", "2026-12-06 09:00", 15))
		for _, p := range order {
			must(t, discard(w.Approve(t.Context(), ann, w.create("Acme", p).Record.ID, "")))
		}
		must(t, discard(w.Customers.Merge(t.Context(), ann, w.acme.ID, w.acme.Version, "Beta")))
		if got := told(w.create("Acme", december)); got != "o/1* +30, n/1* +45, d/1 +15" {
			t.Errorf("got %q", got)
		}
	}
}

func TestWhatChangesInTheFirstAndTheLastMinuteOfALockedMonthIsSettled(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("long", 1, "2026-09-10 06:00", 36*60), entry("first", 1, "2026-09-30 22:00", 15), entry("last", 1, "2026-10-31 22:59", 30),
		entry("before", 1, "2026-09-30 21:59", 15), entry("after", 1, "2026-10-31 23:00", 15)) // by the clocks of Berlin
	w.locked(october)
	w.archive(entry("first", 2, "2026-09-30 22:00", 30), entry("last", 2, "2026-10-31 22:59", 60), entry("before", 2, "2026-09-30 21:59", 30),
		entry("after", 2, "2026-10-31 23:00", 30))
	if got := told(w.create("Acme", november)); got != "first/1* -15, first/2* +30, last/1* -30, last/2* +60, after/2 +30" {
		t.Errorf("got %q", got)
	}
}

func TestWhatWasBilledWithoutRoundingIsTakenBackWithoutIt(t *testing.T) {
	w := newWorld(t)
	c := w.acme
	c.Rounding = nil
	c, err := w.Customers.Update(t.Context(), ann, c)
	must(t, err)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50), entry("b", 1, "2026-10-05 12:00", 20))
	w.locked(october)
	c.Rounding = []customer.Rounding{{From: day("2026-01-01"), Increment: 60, Mode: customer.Up, Scope: customer.Day}}
	must(t, discard(w.Customers.Update(t.Context(), ann, c)))
	w.archive(entry("a", 2, "2026-10-05 09:00", 80))
	if s := w.create("Acme", november).Document.Sheet; s.Billed != (-50+120)*60 || s.Totals[0].Amount != "140.00" {
		t.Errorf("billed are %d minutes, %v", s.Billed/60, s.Totals)
	}
}

func TestAnEntryThatReachesOutOfALockedMonthIsSettledOnce(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-31 22:30", 60)) // until 00:30 in Berlin
	w.locked(october)
	w.archive(entry("a", 2, "2026-10-31 22:30", 90))
	if got := told(w.create("Acme", november)); got != "a/1* -60, a/2* +90" {
		t.Errorf("got %q", got)
	}
}

func TestCustomersThatBothHaveASheetAreBilledOnceWhenTheyAreMerged(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 60), beta("b", "2026-10-06 09:00", 30), beta("n", "2026-11-06 09:00", 45))
	w.locked(october)
	other := w.create("Beta", october).Record.ID
	must(t, discard(w.Approve(t.Context(), ann, other, "")))
	must(t, discard(w.Customers.Merge(t.Context(), ann, w.acme.ID, w.acme.Version, "Beta")))
	if got := told(w.create("Acme", november)); got != "n/1 +45" {
		t.Errorf("got %q", got)
	}
}

// discard is the error of what returns something else, too.
func discard(_ any, err error) error { return err }

func TestFilesOfALockedSheetHoldOfflineAndNotAfterAByteChanged(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50), entry("b", 1, "2026-10-06 09:00", 20))
	id := w.create("Acme", october).Record.ID
	draft, err := w.Export(t.Context(), ann, id, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	_, err = timesheet.Verify(draft.Content, "")
	w.refused(err, fault.Malformed, "nothing vouches for it")
	unsealed, err := w.Export(t.Context(), ann, id, timesheet.PDF, timesheet.Xero{})
	must(t, err)
	_, err = timesheet.Verify(unsealed.Content, "")
	w.refused(err, fault.Malformed, "has no seal")
	_, err = w.Approve(t.Context(), ann, id, "")
	must(t, err)
	r, err := w.Lock(t.Context(), ann, id)
	must(t, err)
	key, err := w.Signing.Key(t.Context())
	must(t, err)
	for _, format := range []timesheet.Format{timesheet.JSON, timesheet.PDF} {
		file, err := w.Export(t.Context(), ann, id, format, timesheet.Xero{})
		must(t, err)
		w.archive(entry(string("n"+format), 1, "2026-11-05 09:00", 50)) // the chain goes on, and the file stays
		if again, err := w.Export(t.Context(), ann, id, format, timesheet.Xero{}); err != nil || !bytes.Equal(again.Content, file.Content) {
			t.Errorf("%s: made again it is another file: %v", format, err)
		}
		got, err := timesheet.Verify(file.Content, key.Public())
		if err != nil || got.Hash != r.Hash || got.Link != r.Link || got.Lines != 2 || got.Totals[0].Amount != "180.00" || got.FromPDF != (format == timesheet.PDF) {
			t.Fatalf("%s: got %+v, %v", format, got, err)
		}
		if _, err := timesheet.Verify(file.Content, "other+12345678+AbC="); err == nil {
			t.Errorf("%s: holds for another key", format)
		}
		step := max(1, len(file.Content)/700)
		for at := 0; at < len(file.Content); at += step {
			changed := bytes.Clone(file.Content)
			changed[at] ^= 1
			if _, err := timesheet.Verify(changed, ""); err == nil {
				t.Fatalf("%s: holds with byte %d changed, %q", format, at, file.Content[max(0, at-20):at+1])
			}
		}
		for name, changed := range map[string][]byte{
			"cut": file.Content[:len(file.Content)-1], "more": append(bytes.Clone(file.Content), '\n'), "empty": {}, "doubled": append(bytes.Clone(file.Content),
				file.Content...),
		} {
			if _, err := timesheet.Verify(changed, ""); err == nil {
				t.Errorf("%s: holds when it is %s", format, name)
			}
		}
	}
	for _, format := range timesheet.Formats {
		file, err := w.Export(t.Context(), ann, id, format, timesheet.Xero{})
		if err != nil || len(file.Content) == 0 || !strings.HasPrefix(file.Name, "timesheet-2026-10-01-2026-10-31-acme.") {
			t.Errorf("%s: %+v, %v", format, file, err)
		}
	}
	_, err = w.Export(t.Context(), ann, id, "docx", timesheet.Xero{})
	w.refused(err, fault.Invalid, "docx")
}

func TestLinesThatWereChangedInTheBlobAreNoticed(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	key := "timesheets/work/" + r.ID + "/" + strings.TrimPrefix(r.Hash, "sha256:")
	must(t, w.Blobs.Put(t.Context(), key, strings.NewReader(`{"sheet": {}, "places": []}`)))
	_, err := w.Show(t.Context(), ann, r.ID)
	w.refused(err, fault.Malformed, "not what was approved")
	if hashes, err := w.Hashes(t.Context(), ann, "work"); err != nil || hashes[r.ID] == r.Hash {
		t.Errorf("got %v, %v", hashes, err)
	}
}

// twoThousand are the entries of a month.
func (w *world) twoThousand() {
	w.t.Helper()
	var some []*ledger.Entry
	for i := range 2000 {
		e := entry(fmt.Sprintf("040000008200E00074C5B7101A82E008000000%04d@2026", i), 1, fmt.Sprintf("2026-10-%02d %02d:%02d", 1+i%31, 6+i/31%12, i/372), 5)
		e.Source.Body.Content = strings.Repeat("text of the invitation ", 20)
		if some = append(some, e); len(some) == ledger.MaxWrite || i == 1999 {
			w.archive(some...)
			some = nil
		}
	}
}

func TestTwoThousandEntriesTakeFewRequests(t *testing.T) {
	w := newWorld(t)
	w.twoThousand()
	before := w.table.Requests()
	v := w.create("Acme", october)
	if n := w.table.Requests() - before; n >= 10 || len(v.Document.Sheet.Lines) != 2000 {
		t.Errorf("%d requests for %d lines, fewer than 10 are allowed", n, len(v.Document.Sheet.Lines))
	}
}

func BenchmarkTwoThousandEntries(b *testing.B) {
	w := newWorld(b)
	w.twoThousand()
	id := w.create("Acme", october).Record.ID
	b.ReportAllocs()
	for b.Loop() {
		w.show(id)
	}
}

func TestErasingAUserTakesTheirSheets(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	r := w.locked(october)
	_, err := w.Export(t.Context(), ann, r.ID, timesheet.JSON, timesheet.Xero{})
	must(t, err)
	draft := w.create("Acme", november).Record.ID
	for _, sk := range []string{"SHEET#" + r.ID, "SHEET#" + draft, "SHEETS#work"} { // the lines lie in blob storage, whatever the records have become
		_, err = w.table.Put(t.Context(), store.Item{Key: store.OfUser(ann, sk), Data: []byte("{")}, store.Any())
		must(t, err)
	}
	_, err = w.table.Put(t.Context(), store.Item{Key: store.OfUser("tenant#bob", "SHEET#1"), Data: []byte("{}")}, store.Any())
	must(t, err)
	must(t, w.Blobs.Put(t.Context(), "timesheets/bobs/1/x", strings.NewReader("x")))
	must(t, timesheet.Erase(t.Context(), w.table, w.Blobs, ann))
	if all, _, err := w.List(t.Context(), ann, 10, ""); err != nil || len(all) != 0 {
		t.Errorf("got %v, %v", all, err)
	}
	if left, err := w.Blobs.List(t.Context(), "timesheets/"); err != nil || len(left) != 1 || left[0].Key != "timesheets/bobs/1/x" {
		t.Errorf("got %v, %v", left, err)
	}
	if _, err := w.table.Get(t.Context(), store.OfUser("tenant#bob", "SHEET#1")); err != nil {
		t.Errorf("another user's: %v", err)
	}
	if page, err := w.table.Query(t.Context(), store.Query{PK: store.UserPartition(ann), Prefix: "SHEET"}); err != nil || len(page.Items) != 0 {
		t.Errorf("got %v, %v", page.Items, err)
	}
}

func TestWholeDaysThatReachIntoALockedPeriodAreSettled(t *testing.T) {
	w := newWorld(t)
	w.acme.DayMinutes = 480
	var err error
	w.acme, err = w.Customers.Update(t.Context(), ann, w.acme)
	must(t, err)
	days := entry("days", 1, "2026-09-28 22:00", 0) // midnight in Berlin
	a := &days.Appointment
	a.AllDay, a.StartDate, a.EndDate, a.End = true, day("2026-09-29"), day("2026-10-03"), a.Start.Add(96*time.Hour)
	w.archive(days)
	if r := w.locked(october); told(w.show(r.ID)) != "days/1 +480, days/1 +480" {
		t.Fatalf("got %s", told(w.show(r.ID)))
	}
	gone := entry("days", 2, "2026-09-28 22:00", 0)
	gone.Appointment, gone.Outcome = days.Appointment, ledger.Withdrawn
	w.archive(gone)
	if v := w.create("Acme", november); told(v) != "days/1* -480, days/1* -480" {
		t.Errorf("got %s", told(v))
	}
}

func TestADifferenceIsFoundAgainWhenTheSheetThatCarriedItIsReopened(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 09:00", 50))
	w.locked(october)
	w.archive(entry("a", 2, "2026-10-05 09:00", 80))
	carrying, later := w.create("Acme", november).Record.ID, w.create("Acme", december).Record.ID
	for _, id := range []string{carrying, later} {
		_, err := w.Approve(t.Context(), ann, id, "")
		must(t, err)
	}
	if got := told(w.show(later)); got != "" {
		t.Fatalf("carried twice: %s", got)
	}
	_, err := w.Reopen(t.Context(), ann, carrying, "again")
	must(t, err)
	if got := told(w.show(carrying)); got != "a/1* -60, a/2* +90" {
		t.Errorf("got %q", got)
	}
}

func TestAnAppointmentThatIsCancelledIsNotBilledAndTakenBackWhereItWas(t *testing.T) {
	w := newWorld(t)
	w.archive(entry("a", 1, "2026-10-05 07:00", 60), entry("b", 1, "2026-10-05 09:00", 60))
	w.locked(october)
	off := entry("a", 2, "2026-10-05 07:00", 60)
	off.Appointment.Cancelled = true
	also := entry("c", 1, "2026-11-05 07:00", 60)
	also.Appointment.Declined = true
	w.archive(off, also, entry("d", 1, "2026-11-06 07:00", 60), entry("e", 1, "2026-11-06 09:00", 60))
	v := w.create("Acme", november)
	if got := told(v); got != "a/1* -60, d/1 +60, e/1 +60" || len(v.Document.Sheet.LeftOut) != 1 || v.Document.Sheet.LeftOut[0].Reason != timesheet.Declined {
		t.Errorf("the sheet is %s, left out are %v", got, v.Document.Sheet.LeftOut)
	}
	if total := v.Document.Sheet.Totals[0].Amount; total != "120.00" { // two hours, and one taken back
		t.Errorf("the total is %s", total)
	}
	issues := v.Document.Issues
	if len(issues) != 1 || issues[0].Kind != timesheet.Gap || issues[0].Date != day("2026-11-06") {
		t.Errorf("the issues are %+v", issues)
	}
	_, err := w.Approve(t.Context(), ann, v.Record.ID, "")
	must(t, err)
	if again := w.show(v.Record.ID).Document.Issues; len(again) != 1 || !again[0].Start.Equal(issues[0].Start) {
		t.Errorf("of the approved one they are %+v", again)
	}
}
