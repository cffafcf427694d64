package notice

import (
	"context"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/mail"
	"adminassistant/shared/notify"
)

// came says why nothing is mailed any more, in the user's words.
var came = map[mail.Reason]string{
	mail.Bounced:    "The mail server of your address does not take e-mail for it, or does not know it.",
	mail.Complained: "Somebody who reads your address called an e-mail of ours unwanted.",
	mail.Rejected:   "An e-mail to your address was refused by the service that sends it.",
}

// MailReturned tells a user, in the application, that nothing more is mailed to the address of the settings. It says so once each time the address is
// marked.
func (n *Notices) MailReturned(ctx context.Context, p account.Profile, m notify.Mark) error {
	user := account.Principal{Tenant: p.Tenant, Object: p.Object}.Key()
	what := notify.Notification{
		ID: notify.ID(m.At, "mail returned "+m.At.UTC().Format(time.RFC3339Nano)), User: user, Class: notify.Problems, State: string(m.Why), Percent: 100,
		Title: "E-mail to you came back", Link: "/v1/me",
		Text: came[m.Why] + " No e-mail is sent to it any more. You see all notifications here, and nothing else changed.\n",
	}
	if m.ForAdministrators() {
		what.Text += "Give another address in your settings, or ask an administrator to let e-mail through again: " + program + "user mail-again " + p.Object
	} else {
		what.Text += "Give another address in your settings; or, when this one is right after all, let e-mail through again."
		what.Command = program + "notification mail-again"
	}
	return n.Notifications.Tell(ctx, inApp, what)
}

// inApp are settings by which a problem is told in the application alone.
var inApp = account.Settings{Notifications: account.Notifications{Problems: account.Channels{InApp: true}}}

// sheetCame says why a timesheet came back, in the user's words.
var sheetCame = map[mail.Reason]string{
	mail.Bounced:    "The mail server of the customer's address does not take e-mail for it, or does not know it.",
	mail.Complained: "Somebody who reads the customer's address called the e-mail unwanted.",
	mail.Rejected:   "The e-mail was refused by the service that sends it.",
}

// SheetReturned tells a user, in the application, that a mail with a timesheet came back.
func (n *Notices) SheetReturned(ctx context.Context, sheet string, r mail.Return) error {
	return n.Notifications.Tell(ctx, inApp, notify.Notification{
		ID: notify.ID(r.Sent, "mail returned "+r.ID), User: r.For, Class: notify.Problems, State: string(r.Why), Percent: 100,
		Title: "A timesheet that you sent came back", Link: "/v1/timesheets/" + sheet, Command: program + "timesheet show " + sheet,
		Text: sheetCame[r.Why] + " No e-mail is sent to it any more. The timesheet's history says which address it is.\n" +
			"Give the customer another address, and send the timesheet once more.",
	})
}
