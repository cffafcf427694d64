package notify

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/store"
)

// back is word of the first mail to ann.
func (w *world) back(why mail.Reason) mail.Return {
	return mail.Return{ID: failed(1).ID, For: ann, To: []string{"ann@example.com"}, Why: why, Sent: w.Now()}
}

// sent tells ann of a run and has the e-mail sent, or not.
func (w *world) sent(s account.Settings, i int) *Notification {
	w.t.Helper()
	w.tell(s, failed(i))
	must(w.t, w.mailer.Handle(w.t.Context(), w.receive()))
	return w.get(failed(i))
}

// lasting is a table that removes nothing whose time is over, as DynamoDB may for days.
type lasting struct {
	store.Table
	ends map[store.Key]time.Time
}

func (l *lasting) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	l.ends[item.Key], item.Expires = item.Expires, time.Time{}
	return l.Table.Put(ctx, item, cond)
}

func (l *lasting) Get(ctx context.Context, key store.Key) (store.Item, error) {
	item, err := l.Table.Get(ctx, key)
	item.Expires = l.ends[key]
	return item, err
}

func TestReturnedMail(t *testing.T) {
	t.Run("is the last to its address, and all is shown in the application from then on", func(t *testing.T) {
		w := newWorld(t)
		s := w.user(mailed)
		if n := w.sent(s, 1); n.Mail != Sent || !n.MailOnly {
			t.Fatalf("%+v", n)
		}
		var told []Mark
		w.mailer.Returned = func(_ context.Context, p account.Profile, m Mark) error {
			if p.Object != "ann" {
				t.Errorf("told is %+v", p)
			}
			told = append(told, m)
			return nil
		}
		for range 2 {
			must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		}
		if n := w.get(failed(1)); n.Mail != Returned || n.MailOnly || !n.unread() {
			t.Errorf("the one that came back is %+v", n)
		}
		if len(told) != 2 || !told[1].At.Equal(told[0].At) || told[0].Why != mail.Bounced || told[0].Times != 1 || !told[0].At.Equal(w.Now()) {
			t.Errorf("the user is told %+v", told)
		}
		w.Advance(time.Minute)
		if n := w.sent(s, 2); n.Mail != Returned || n.MailOnly {
			t.Errorf("the next one is %+v", n)
		}
		list, _, err := w.List(t.Context(), ann, true, 10, "")
		if err != nil || len(list) != 2 || len(w.mails()) != 1 {
			t.Errorf("shown are %d, sent %d, %v", len(list), len(w.mails()), err)
		}
	})
	t.Run("holds for the address however it is written, and for whoever has it", func(t *testing.T) {
		w := newWorld(t)
		s := w.user(both)
		r := w.back(mail.Bounced)
		r.For, r.To = bob, []string{"ANN@Example.com"}
		must(t, w.mailer.ComesBack(t.Context(), r))
		if n := w.sent(s, 1); n.Mail != Returned {
			t.Errorf("%+v", n)
		}
		if m, err := w.Returned(t.Context(), "Ann <ann@example.com>"); err != nil || m == nil {
			t.Errorf("with a name it is %+v, %v", m, err)
		}
		if m, err := w.Returned(t.Context(), "anna@example.com"); err != nil || m != nil {
			t.Errorf("another one is %+v, %v", m, err)
		}
		if m, err := w.Returned(t.Context(), ""); err != nil || m != nil {
			t.Errorf("none is %+v, %v", m, err)
		}
	})
	t.Run("says nothing to a user who has another address by now", func(t *testing.T) {
		w := newWorld(t)
		s := w.user(both)
		w.sent(s, 1)
		s.Email = "ann@example.org"
		w.user(s)
		w.mailer.Returned = func(context.Context, account.Profile, Mark) error { t.Error("told"); return nil }
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		if n := w.sent(s, 2); n.Mail != Sent {
			t.Errorf("the next one is %+v", n)
		}
	})
	t.Run("of a user or a notification that is gone marks the address", func(t *testing.T) {
		w := newWorld(t)
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		for _, who := range []string{ann, ""} {
			r := w.back(mail.Complained)
			r.ID, r.For, r.To = strings.Repeat("x", store.MaxSK), who, []string{"bob@example.com"}
			must(t, w.mailer.ComesBack(t.Context(), r))
		}
		for _, address := range []string{"ann@example.com", "bob@example.com"} {
			if m, err := w.Returned(t.Context(), address); err != nil || m == nil {
				t.Errorf("%+v, %v", m, err)
			}
		}
	})
	t.Run("of something else than a notification is told to whoever knows what it is", func(t *testing.T) {
		w := newWorld(t)
		w.sent(w.user(both), 1)
		var told []string
		w.mailer.Others = func(_ context.Context, r mail.Return) error { told = append(told, r.ID); return nil }
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		r := w.back(mail.Bounced)
		r.ID, r.To = "sheet-1-2", []string{"bob@example.com"}
		must(t, w.mailer.ComesBack(t.Context(), r))
		if len(told) != 1 || told[0] != r.ID {
			t.Errorf("told is %v", told)
		}
		w.mailer.Others = func(context.Context, mail.Return) error { return fault.New(fault.Unavailable, "gone") }
		if err := w.mailer.ComesBack(t.Context(), r); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
	})
	t.Run("is let through again, and what was sent before counts no more", func(t *testing.T) {
		w := newWorld(t)
		s := w.user(both)
		w.sent(s, 1)
		early := w.back(mail.Bounced)
		must(t, w.mailer.ComesBack(t.Context(), early))
		w.Advance(time.Hour)
		must(t, w.MailAgain(t.Context(), "ann@example.com", false))
		must(t, w.MailAgain(t.Context(), "ann@example.com", false))
		must(t, w.mailer.ComesBack(t.Context(), early))
		if n := w.sent(s, 2); n.Mail != Sent {
			t.Errorf("after that the next one is %+v", n)
		}
		w.Advance(time.Second)
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m == nil || m.Times != 2 {
			t.Errorf("%+v, %v", m, err)
		}
	})
	t.Run("is let through by an administrator alone when it came back for the fourth time", func(t *testing.T) {
		w := newWorld(t)
		for n := 1; n <= 4; n++ {
			w.Advance(time.Second)
			must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Rejected)))
			err := w.MailAgain(t.Context(), "ann@example.com", false)
			if forbidden := fault.Of(err) == fault.Forbidden; forbidden != (n == 4) {
				t.Fatalf("time %d: %v", n, err)
			}
		}
		must(t, w.MailAgain(t.Context(), "ann@example.com", true))
		if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m != nil {
			t.Errorf("%+v, %v", m, err)
		}
	})
	t.Run("outlasts a complaint by nobody's word but an administrator's", func(t *testing.T) {
		w := newWorld(t)
		for _, why := range []mail.Reason{mail.Bounced, mail.Complained, mail.Bounced} {
			must(t, w.mailer.ComesBack(t.Context(), w.back(why)))
		}
		m, err := w.Returned(t.Context(), "ann@example.com")
		if err != nil || m.Why != mail.Complained || m.Times != 1 || !m.ForAdministrators() {
			t.Errorf("%+v, %v", m, err)
		}
		if err := w.MailAgain(t.Context(), "ann@example.com", false); fault.Of(err) != fault.Forbidden || !strings.Contains(err.Error(), "unwanted") {
			t.Errorf("%v", err)
		}
		must(t, w.MailAgain(t.Context(), "ann@example.com", true))
	})
	t.Run("lets timesheets through again at their sender's word, a complaint only when that is confirmed", func(t *testing.T) {
		for _, why := range []mail.Reason{mail.Bounced, mail.Rejected} {
			w := newWorld(t)
			must(t, w.mailer.ComesBack(t.Context(), w.back(why)))
			if m, err := w.SheetsReturned(t.Context(), "ann@example.com"); err != nil || m == nil || m.ForNobody() {
				t.Fatalf("%+v, %v", m, err)
			}
			must(t, w.SheetsAgain(t.Context(), "Ann@Example.com", false))
			must(t, w.SheetsAgain(t.Context(), "ann@example.com", false))
			if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m != nil {
				t.Errorf("%s: %+v, %v", why, m, err)
			}
		}
		w := newWorld(t)
		must(t, w.SheetsAgain(t.Context(), "ann@example.com", false)) // nothing came back
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Complained)))
		if err := w.SheetsAgain(t.Context(), "ann@example.com", false); fault.FieldOf(err) != "confirm" {
			t.Errorf("%v", err)
		}
		w.Advance(time.Hour)
		must(t, w.SheetsAgain(t.Context(), "ann@example.com", true))
		must(t, w.SheetsAgain(t.Context(), "ann@example.com", false)) // it is let through already
		if m, err := w.SheetsReturned(t.Context(), "ann@example.com"); err != nil || m != nil {
			t.Errorf("%+v, %v", m, err)
		}
		if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m == nil || !m.ForAdministrators() {
			t.Errorf("all other mail waits for an administrator: %+v, %v", m, err)
		}
		early := w.back(mail.Bounced)
		early.Sent = w.Now().Add(-time.Minute)
		must(t, w.mailer.ComesBack(t.Context(), early))
		if m, err := w.SheetsReturned(t.Context(), "ann@example.com"); err != nil || m != nil {
			t.Errorf("what was sent before counts: %+v, %v", m, err)
		}
		w.Advance(time.Minute)
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		if m, err := w.SheetsReturned(t.Context(), "ann@example.com"); err != nil || m == nil || m.Times != 2 || m.Why != mail.Complained || !m.At.Equal(w.Now()) {
			t.Errorf("what is sent after counts: %+v, %v", m, err)
		}
		for n := 3; n <= 4; n++ {
			w.Advance(time.Minute)
			must(t, w.SheetsAgain(t.Context(), "ann@example.com", true))
			w.Advance(time.Minute)
			must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Complained)))
		}
		if err := w.SheetsAgain(t.Context(), "ann@example.com", true); fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "another one") {
			t.Errorf("the fourth time: %v", err)
		}
		must(t, w.MailAgain(t.Context(), "ann@example.com", true))
		if m, err := w.SheetsReturned(t.Context(), "ann@example.com"); err != nil || m != nil {
			t.Errorf("after an administrator's word: %+v, %v", m, err)
		}
	})
	t.Run("is forgotten after a year, also while the store still has it", func(t *testing.T) {
		w := newWorld(t)
		w.table = &lasting{Table: w.Table, ends: map[store.Key]time.Time{}}
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Complained)))
		w.Advance(keepMark - time.Second)
		if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m == nil {
			t.Errorf("%+v, %v", m, err)
		}
		w.Advance(time.Second)
		if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m != nil {
			t.Errorf("%+v, %v", m, err)
		}
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		if m, err := w.Returned(t.Context(), "ann@example.com"); err != nil || m == nil || m.Why != mail.Bounced || m.Times != 1 {
			t.Errorf("%+v, %v", m, err)
		}
	})
	t.Run("leaves no address in the store", func(t *testing.T) {
		w := newWorld(t)
		must(t, w.mailer.ComesBack(t.Context(), w.back(mail.Bounced)))
		item, err := w.Table.Get(t.Context(), markKey("ann@example.com"))
		must(t, err)
		text, err := json.Marshal(item)
		if err != nil || strings.Contains(string(text), "example") || strings.Contains(string(item.Data), "ann") {
			t.Errorf("%s, %v", text, err)
		}
	})
	t.Run("comes as an event between the messages of the queue", func(t *testing.T) {
		w := newWorld(t)
		s := w.user(both)
		w.sent(s, 1)
		w.mailer.Event = func(body []byte) (mail.Return, bool, error) {
			switch string(body) {
			case `"back"`:
				return w.back(mail.Bounced), true, nil
			case `"broken"`:
				return mail.Return{}, true, fault.New(fault.Malformed, "broken")
			}
			return mail.Return{}, false, nil
		}
		for _, body := range []string{`"back"`, `"broken"`} {
			must(t, w.queue.Send(t.Context(), []byte(body), 0))
			must(t, w.mailer.Handle(t.Context(), w.receive()))
		}
		w.became(Returned, 1, 0, 1)
		if n := w.sent(s, 2); n.Mail != Returned {
			t.Errorf("the next one is %+v", n)
		}
	})
	t.Run("comes again when it could not be noted", func(t *testing.T) {
		w := newWorld(t)
		w.user(both)
		w.mailer.Event = func([]byte) (mail.Return, bool, error) { return w.back(mail.Bounced), true, nil }
		w.mailer.Returned = func(context.Context, account.Profile, Mark) error { return fault.New(fault.Unavailable, "down") }
		must(t, w.queue.Send(t.Context(), []byte(`{}`), 0))
		if err := w.mailer.Handle(t.Context(), w.receive()); fault.Of(err) != fault.Unavailable {
			t.Errorf("error %v", err)
		}
		w.waiting(1)
	})
}
