package notice

import (
	"context"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/mail"
	"adminassistant/shared/notify"
	"adminassistant/shared/phrase"
)

// MailReturned tells a user, in the application, that nothing more is mailed to the address of the settings. It says so once each time the address is
// marked.
func (n *Notices) MailReturned(ctx context.Context, p account.Profile, m notify.Mark) error {
	user := account.Principal{Tenant: p.Tenant, Object: p.Object}.Key()
	what := notify.Notification{
		ID: notify.ID(m.At, "mail returned "+m.At.UTC().Format(time.RFC3339Nano)), User: user, Class: notify.Problems, State: string(m.Why), Percent: 100,
		Heading: phrase.New("mail.back"), Says: phrase.Text{phrase.New("mail.back." + string(m.Why)), phrase.New("mail.back.held")}, Link: "/v1/me",
	}
	if m.ForAdministrators() {
		what.Says = append(what.Says, phrase.New("mail.back.administrator", phrase.Name(program+"user mail-again "+p.Object)).New())
	} else {
		what.Says = append(what.Says, phrase.New("mail.back.user").New())
		what.Command = program + "notification mail-again"
	}
	return n.Notifications.Tell(ctx, inApp, what)
}

// inApp are settings by which a problem is told in the application alone.
var inApp = account.Settings{Notifications: account.Notifications{Problems: account.Channels{InApp: true}}}

// SheetReturned tells a user, in the application, that a mail with a timesheet came back.
func (n *Notices) SheetReturned(ctx context.Context, sheet string, r mail.Return) error {
	return n.Notifications.Tell(ctx, inApp, notify.Notification{
		ID: notify.ID(r.Sent, "mail returned "+r.ID), User: r.For, Class: notify.Problems, State: string(r.Why), Percent: 100,
		Heading: phrase.New("sheet.back"), Link: "/v1/timesheets/" + sheet, Command: program + "timesheet show " + sheet,
		Says: phrase.Text{phrase.New("sheet.back." + string(r.Why)), phrase.New("sheet.back.held"), phrase.New("sheet.back.do").New()},
	})
}
