package notice

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/mail"
	"adminassistant/shared/notify"
)

func TestTheUserIsToldThatMailCameBack(t *testing.T) {
	for _, c := range []struct {
		why     mail.Reason
		times   int
		says    string
		command string
		also    string
	}{
		{mail.Bounced, 1, "does not take e-mail for it", "admin-assistant notification mail-again", "another address in your settings"},
		{mail.Rejected, 3, "refused by the service", "admin-assistant notification mail-again", "another address in your settings"},
		{mail.Complained, 1, "unwanted", "", "ask an administrator to let e-mail through again: admin-assistant user mail-again ann"},
		{mail.Bounced, 4, "does not take e-mail for it", "", "admin-assistant user mail-again ann"},
	} {
		w := newWorld(t)
		p, err := w.users.Of(t.Context(), annKey)
		must(t, err)
		p.Settings.Notifications.Problems.InApp = false // the user is told all the same
		m := notify.Mark{Why: c.why, At: w.clock.Now(), Times: c.times}
		for range 2 {
			must(t, w.MailReturned(t.Context(), p, m))
		}
		m.At = m.At.Add(time.Hour)
		must(t, w.MailReturned(t.Context(), p, m))
		list, _, err := w.Notifications.List(t.Context(), annKey, true, 10, "")
		if err != nil || len(list) != 2 {
			t.Fatalf("%s: told %d times, %v", c.why, len(list), err)
		}
		n := list[0]
		if n.Title != "E-mail to you came back" || !strings.Contains(n.Text, c.says) || !strings.Contains(n.Text, c.also) || n.Command != c.command ||
			n.Mail != notify.NotMailed || n.Class != notify.Problems || strings.Contains(n.Text, "@") {
			t.Errorf("%s: %+v", c.why, n)
		}
	}
}

func TestTheUserIsToldThatATimesheetCameBack(t *testing.T) {
	for why, says := range map[mail.Reason]string{
		mail.Bounced: "does not take e-mail for it", mail.Rejected: "refused by the service", mail.Complained: "unwanted",
	} {
		w := newWorld(t)
		r := mail.Return{ID: "sheet-S1-1", For: annKey, To: []string{"ap@acme.example"}, Why: why, Sent: w.clock.Now()}
		for range 2 {
			must(t, w.SheetReturned(t.Context(), "S1", r))
		}
		list, _, err := w.Notifications.List(t.Context(), annKey, true, 10, "")
		if err != nil || len(list) != 1 {
			t.Fatalf("%s: told %d times, %v", why, len(list), err)
		}
		n := list[0]
		if n.Title != "A timesheet that you sent came back" || !strings.Contains(n.Text, says) || n.Command != "admin-assistant timesheet show S1" ||
			n.Link != "/v1/timesheets/S1" || n.Class != notify.Problems || strings.Contains(n.Text, "@") {
			t.Errorf("%s: %+v", why, n)
		}
	}
}
