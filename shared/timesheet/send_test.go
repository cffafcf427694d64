package timesheet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/store"
	"adminassistant/shared/timesheet"
)

// box is a mail service that fails as it is told to.
type box struct {
	mu   sync.Mutex
	sent []mail.Mail
	fail error
	then func()
}

func (b *box) Send(_ context.Context, m mail.Mail) error {
	if err := m.Check(); err != nil {
		return err
	}
	if b.then != nil {
		b.then()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail == nil {
		b.sent = append(b.sent, m)
	}
	return b.fail
}

const billing = "billing@acme.example"

// posting is a world with a mail service, and October's sheet of Acme, approved.
func posting(t testing.TB) (*world, *box, string) {
	w := newWorld(t)
	b := &box{}
	w.Post.Sender = b
	w.archive(entry("a", 1, "2026-10-05 07:00", 50))
	id := w.create("Acme", october).Record.ID
	_, err := w.Approve(t.Context(), ann, id, "")
	must(t, err)
	return w, b, id
}

// mails are those of a sheet's history.
func mails(r *timesheet.Record) (all []timesheet.Sent) {
	for _, c := range r.History {
		if c.Sent != nil {
			all = append(all, *c.Sent)
		}
	}
	return all
}

func TestASheetIsSentAsAPDFInTheCustomersLanguage(t *testing.T) {
	w, b, id := posting(t)
	told := 0
	w.Post.Sent = func(_ context.Context, user string, r *timesheet.Record, m timesheet.Sent) error {
		told++
		if user != ann || r.ID != id || m.To != billing || m.Hash != r.Hash {
			t.Errorf("told is %s %+v", user, m)
		}
		return nil
	}
	r, err := w.Send(t.Context(), ann, id, " BILLING@acme.example", "key")
	must(t, err)
	if len(b.sent) != 1 || told != 1 {
		t.Fatalf("%d mails were sent, told %d times", len(b.sent), told)
	}
	m := b.sent[0]
	if m.To != billing || m.ReplyTo != "ann@example.com" || m.For != ann || !m.Asked || len(m.Files) != 1 ||
		!strings.HasPrefix(string(m.Files[0].Content), "%PDF") ||
		m.Files[0].Name != "timesheet-2026-10-01-2026-10-31-acme.pdf" {
		t.Errorf("sent %+v", m.To)
	}
	if m.Subject != "Leistungsnachweis, 01.10.2026 – 31.10.2026, 4711, Ann" {
		t.Errorf("the subject is %q", m.Subject)
	}
	for _, says := range []string{
		"Guten Tag", "für Acme", "Berechnete Zeit: 1:00 h", "Betrag: 120,00 EUR", "Bestellnummer: 4711", "freigegeben", "Grüßen\nAnn\n",
	} {
		if !strings.Contains(m.Text, says) {
			t.Errorf("the text does not say %q: %s", says, m.Text)
		}
	}
	if got := mails(r); len(got) != 1 || got[0].To != billing || !got[0].Done || got[0].Hash != r.Hash || got[0].ID != m.ID {
		t.Errorf("the history has %+v", got)
	}

	_, err = w.Lock(t.Context(), ann, id)
	must(t, err)
	c := w.acme
	c.Locale = "en"
	_, err = w.Customers.Update(t.Context(), ann, c)
	must(t, err)
	_, err = w.Send(t.Context(), ann, id, billing, "other")
	must(t, err)
	m = b.sent[1]
	if m.Subject != "Timesheet, 1 Oct 2026 – 31 Oct 2026, 4711, Ann" || !strings.Contains(m.Text, "timesheet verify timesheet-2026-10-01-2026-10-31-acme.pdf") {
		t.Errorf("of the locked one: %q %s", m.Subject, m.Text)
	}
	if v, err := timesheet.Verify(m.Files[0].Content, ""); err != nil || v.ID != id {
		t.Errorf("what was sent does not hold: %v", err)
	}
}

func TestASheetGoesToAddressesOfItsCustomerAlone(t *testing.T) {
	w, b, id := posting(t)
	_, err := w.Send(t.Context(), ann, id, "boss@evil.example", "")
	w.refused(err, fault.Invalid, billing)
	if fault.FieldOf(err) != "to" {
		t.Errorf("the field is %q", fault.FieldOf(err))
	}
	c := w.acme
	c.Emails = nil
	c, err = w.Customers.Update(t.Context(), ann, c)
	must(t, err)
	_, err = w.Send(t.Context(), ann, id, billing, "") // which was on it when the sheet was approved
	w.refused(err, fault.Conflict, "has no address")
	must(t, w.Customers.Delete(t.Context(), ann, c.ID, c.Version))
	_, err = w.Send(t.Context(), ann, id, billing, "")
	w.refused(err, fault.Conflict, "has no address")
	_, err = w.Send(t.Context(), "tenant#bob", id, billing, "")
	w.refused(err, fault.NotFound, "no timesheet")
	if len(b.sent) != 0 {
		t.Errorf("%d mails were sent", len(b.sent))
	}
}

func TestWhatCannotBeSentIsSaid(t *testing.T) {
	w, b, id := posting(t)
	draft := w.create("Acme", november).Record.ID
	_, err := w.Send(t.Context(), ann, draft, billing, "")
	w.refused(err, fault.Conflict, "is a draft")
	w.Post.Held = func(_ context.Context, address string) (*timesheet.Held, error) {
		return map[string]*timesheet.Held{billing: {Why: mail.Bounced, Again: timesheet.ByWord}}[address], nil
	}
	_, err = w.Send(t.Context(), ann, id, billing, "")
	w.refused(err, fault.Conflict, "came back (bounced)")
	w.Post.Held = nil
	w.Post.Allow = func(context.Context, string) error { return fault.New(fault.Throttled, "too many") }
	_, err = w.Send(t.Context(), ann, id, billing, "")
	w.refused(err, fault.Throttled, "too many")
	w.Post = timesheet.Post{}
	_, err = w.Send(t.Context(), ann, id, billing, "")
	w.refused(err, fault.Conflict, "no mail is sent from here")
	if len(b.sent) != 0 || len(mails(w.show(id).Record)) != 0 {
		t.Errorf("%d mails were sent, noted are %+v", len(b.sent), mails(w.show(id).Record))
	}
}

func TestARequestSendsOneMailHoweverOftenItComes(t *testing.T) {
	t.Run("one after the other, and after the sheet changed", func(t *testing.T) {
		w, b, id := posting(t)
		for range 2 {
			_, err := w.Send(t.Context(), ann, id, billing, "key")
			must(t, err)
		}
		_, err := w.Lock(t.Context(), ann, id)
		must(t, err)
		r, err := w.Send(t.Context(), ann, id, billing, "key")
		must(t, err)
		if len(b.sent) != 1 || len(mails(r)) != 1 || r.State != timesheet.Final {
			t.Errorf("%d mails were sent, %+v", len(b.sent), mails(r))
		}
		for range 2 { // without a key each is another
			_, err := w.Send(t.Context(), ann, id, billing, "")
			must(t, err)
		}
		if len(b.sent) != 3 || b.sent[1].ID == b.sent[2].ID {
			t.Errorf("%d mails were sent", len(b.sent))
		}
	})
	t.Run("at once", func(t *testing.T) {
		w, b, id := posting(t)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() { _, _ = w.Send(t.Context(), ann, id, billing, "key") })
		}
		wg.Wait()
		if len(b.sent) != 1 {
			t.Errorf("%d mails were sent", len(b.sent))
		}
	})
	t.Run("when the process ended in the middle, which nobody repeats unasked", func(t *testing.T) {
		w, b, id := posting(t)
		ctx, die := context.WithCancel(t.Context())
		b.then = func() { die(); b.fail = context.Canceled }
		_, err := w.Send(ctx, ann, id, billing, "key")
		if fault.Of(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		b.then, b.fail = nil, nil
		_, err = w.Send(t.Context(), ann, id, billing, "key")
		w.refused(err, fault.Conflict, "not known whether")
		r, err := w.Send(t.Context(), ann, id, billing, "another")
		must(t, err)
		if got := mails(r); len(b.sent) != 1 || len(got) != 2 || got[0].Done || !got[1].Done {
			t.Errorf("%d mails were sent, %+v", len(b.sent), got)
		}
	})
	t.Run("when the mail service refused it, which may be asked again", func(t *testing.T) {
		w, b, id := posting(t)
		b.fail = mail.ErrQuota
		if _, err := w.Send(t.Context(), ann, id, billing, "key"); !errors.Is(err, mail.ErrQuota) {
			t.Fatalf("got %v", err)
		}
		if got := mails(w.show(id).Record); len(got) != 0 {
			t.Errorf("noted are %+v", got)
		}
		b.fail = nil
		_, err := w.Send(t.Context(), ann, id, billing, "key")
		must(t, err)
		if len(b.sent) != 1 {
			t.Errorf("%d mails were sent", len(b.sent))
		}
	})
	t.Run("while others change the sheet", func(t *testing.T) {
		w, b, id := posting(t)
		_, err := w.Lock(t.Context(), ann, id)
		must(t, err)
		b.then = func() {
			_, err := w.Invoice(t.Context(), ann, id, "INV-1")
			must(t, err)
		}
		r, err := w.Send(t.Context(), ann, id, billing, "key")
		must(t, err)
		if got := mails(r); len(got) != 1 || !got[0].Done || r.InvoiceRef != "INV-1" {
			t.Errorf("%+v", r)
		}
	})
}

// failing is a table that fails at operations from some moment on.
type failing struct {
	store.Table
	err error
}

func (f *failing) Transact(ctx context.Context, ops []store.Op) error {
	if f.err != nil {
		return f.err
	}
	return f.Table.Transact(ctx, ops)
}

func TestAMailThatLeftAndCouldNotBeNotedIsNotSentAgainUnasked(t *testing.T) {
	w, b, id := posting(t)
	table := &failing{Table: w.Sheets.Table}
	w.Sheets.Table = table
	for _, broken := range []error{errors.New("the disk is full"), store.ErrConflict} {
		b.then = func() { table.err = broken }
		_, err := w.Send(t.Context(), ann, id, billing, broken.Error())
		if conflict := errors.Is(broken, store.ErrConflict); !conflict && !errors.Is(err, broken) || conflict && fault.Of(err) != fault.Unavailable {
			t.Errorf("%v: told is %v", broken, err)
		}
		b.then, table.err = nil, nil
		_, err = w.Send(t.Context(), ann, id, billing, broken.Error())
		w.refused(err, fault.Conflict, "not known whether")
	}
	if len(b.sent) != 2 {
		t.Errorf("%d mails were sent", len(b.sent))
	}
}

func TestAMailWhoseNoteIsGoneFromAFullHistoryIsNoFailure(t *testing.T) {
	w, b, id := posting(t)
	must(t, discard(w.Lock(t.Context(), ann, id)))
	b.then = func() {
		for i := range 200 {
			must(t, discard(w.Invoice(t.Context(), ann, id, fmt.Sprint("INV-", i))))
		}
	}
	r, err := w.Send(t.Context(), ann, id, billing, "key")
	must(t, err)
	if got := w.show(id).Record; len(got.History) != 200 || len(mails(got)) != 0 || got.InvoiceRef != "INV-199" || r.ID != id {
		t.Errorf("%d changes, mails %+v", len(got.History), mails(got))
	}
}

func TestWhatIsSentIsWhatWasApprovedWhenItWasAskedFor(t *testing.T) {
	w, b, id := posting(t)
	w.Post.Held = func(context.Context, string) (*timesheet.Held, error) { // just before the sheet is drawn
		must(t, discard(w.Reopen(t.Context(), ann, id, "one was forgotten")))
		w.archive(entry("late", 1, "2026-10-06 07:00", 30))
		return nil, discard(w.Approve(t.Context(), ann, id, ""))
	}
	if _, err := w.Send(t.Context(), ann, id, billing, "key"); !errors.Is(err, store.ErrConflict) || len(b.sent) != 0 {
		t.Errorf("got %v, %d mails were sent", err, len(b.sent))
	}
}

func TestAMailOfWhichNobodyKnewDidLeaveIfItComesBack(t *testing.T) {
	w, b, id := posting(t)
	sent := ""
	b.fail = fault.New(fault.Unavailable, "no answer")
	if _, err := w.Send(t.Context(), ann, id, billing, "key"); fault.Of(err) != fault.Unavailable {
		t.Fatalf("got %v", err)
	}
	if got := mails(w.show(id).Record); len(got) == 1 {
		sent = got[0].ID
	}
	back := mail.Return{ID: sent, For: ann, To: []string{billing}, Why: mail.Bounced, Sent: now}
	r, err := w.MailReturned(t.Context(), back)
	must(t, err)
	if got := mails(r); len(got) != 1 || !got[0].Done || got[0].Returned != mail.Bounced {
		t.Errorf("%+v", got)
	}
	version := r.Version
	back.Why = mail.Complained
	if r, err := w.MailReturned(t.Context(), back); err != nil || r.Version != version || mails(r)[0].Returned != mail.Bounced {
		t.Errorf("told twice: %+v, %v", r, err)
	}
	for _, other := range []string{id + "-1", "sheet-" + id} { // ids of no mail of ours
		back.ID = other
		if r, err := w.MailReturned(t.Context(), back); r != nil || err != nil {
			t.Errorf("%s: %+v, %v", other, r, err)
		}
	}
}

func TestAMailThatCameBackIsInTheHistoryOfItsSheet(t *testing.T) {
	w, b, id := posting(t)
	_, err := w.Send(t.Context(), ann, id, billing, "key")
	must(t, err)
	back := mail.Return{ID: b.sent[0].ID, For: ann, To: []string{billing}, Why: mail.Bounced, Sent: now}
	for range 2 {
		r, err := w.MailReturned(t.Context(), back)
		must(t, err)
		if got := mails(r); len(got) != 1 || got[0].Returned != mail.Bounced || r.ID != id {
			t.Errorf("%+v", got)
		}
	}
	for _, other := range []string{"01KNOTE", "sheet-", "sheet-none-1", "sheet"} {
		back.ID = other
		if r, err := w.MailReturned(t.Context(), back); r != nil || err != nil {
			t.Errorf("%s: %+v, %v", other, r, err)
		}
	}
}

func TestASubjectIsOneLineAsLongAsItMayBe(t *testing.T) {
	w, b, id := posting(t)
	long := strings.Repeat("ö", 400)
	w.Sheets.Sender = func(context.Context, string) (timesheet.Party, error) {
		return timesheet.Party{Name: "Ann  B " + long}, nil
	}
	_, err := w.Reopen(t.Context(), ann, id, "x")
	must(t, err)
	_, err = w.Approve(t.Context(), ann, id, "")
	must(t, err)
	_, err = w.Send(t.Context(), ann, id, billing, "")
	must(t, err)
	if s := b.sent[0].Subject; len(s) > mail.MaxSubject || len(s) < mail.MaxSubject-4 || !strings.Contains(s, "Ann B ö") || !strings.HasSuffix(s, "...") {
		t.Errorf("it has %d bytes: %q", len(s), s)
	}
}
