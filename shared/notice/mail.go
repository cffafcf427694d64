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
	shown := account.Settings{Notifications: account.Notifications{Problems: account.Channels{InApp: true}}}
	return n.Notifications.Tell(ctx, shown, what)
}
