package httpapi

import (
	"context"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/limit"
	"adminassistant/shared/notify"
)

// notificationView is a notification as a response has it.
type notificationView struct {
	ID      string `json:"id"`
	Class   string `json:"class" enum:"runs,problems,actions,sign_in,digest"`
	State   string `json:"state" doc:"What it has come to, such as the state of a run; late of a job; needed or done of a sign-in."`
	Percent int    `json:"percent" minimum:"0" maximum:"100"`
	Title   string `json:"title"`
	Text    string `json:"text" doc:"What happened and what is safe; a line for each paragraph."`
	Command string `json:"command,omitempty" doc:"The command line that does something about it, or shows more."`
	Link    string `json:"link,omitempty" doc:"Path of this API that shows what it is about."`
	// Points and Heads are those of a digest.
	Points  []pointView `json:"points,omitempty" doc:"Single things that it is about."`
	Heads   []string    `json:"heads,omitempty" doc:"The signed heads of ledgers: keep them to prove later that nothing before them changed."`
	Mail    string      `json:"mail,omitempty" enum:"due,sent,refused,returned,dropped" doc:"The e-mail; dropped: unwanted, one too many, or late."`
	Read    *time.Time  `json:"read,omitempty" doc:"When it was marked as read."`
	Created time.Time   `json:"created"`
	Updated time.Time   `json:"updated"`
}

// pointView is one of the things that a notification is about.
type pointView struct {
	Text string `json:"text" doc:"What it is."`
	Link string `json:"link" doc:"Path of this API that shows it."`
}

func viewNotification(n *notify.Notification) notificationView {
	var points []pointView
	for _, p := range n.Points {
		points = append(points, pointView{p.Text, p.Link})
	}
	return notificationView{
		ID: n.ID, Class: string(n.Class), State: n.State, Percent: n.Percent, Title: n.Title, Text: n.Text, Command: n.Command, Link: n.Link,
		Points: points, Heads: n.Heads, Mail: string(n.Mail), Read: orNil(n.Read), Created: n.Created, Updated: n.Updated,
	}
}

// Digests looks after the daily digests of users.
type Digests interface {
	// DigestWanted has to be called when a user's settings have changed.
	DigestWanted(ctx context.Context, user string, s account.Settings) error
	// Unsubscriber returns the user whom a token of an e-mail's address is for, and Unsubscribe ends that user's e-mails. Others than our tokens are
	// of kind fault.Invalid.
	Unsubscriber(ctx context.Context, token string) (user string, err error)
	Unsubscribe(ctx context.Context, token string) (user string, err error)
}

func (s *server) notificationRoutes() {
	s.handlePlain(route{pattern: "GET " + unsubscribePath, access: anyone}, s.askToUnsubscribe)
	s.handlePlain(route{
		pattern: "POST " + unsubscribePath, access: anyone, class: limit.Writes,
		body: body{kinds: []string{"application/x-www-form-urlencoded", "multipart/form-data"}}, // RFC 8058, section 3.2
	}, s.unsubscribe)
	handle(s, route{
		pattern: "GET /v1/notifications", access: byUsers, tag: tagNotifications, summary: "List notifications, the newest first",
		description: "There is one for each run, late job or sign-in, whose state changes in place. They are kept for 90 days, and about the " +
			"newest thousand. A page may have few, or none, and still have a next.",
	}, s.listNotifications)
	handle(s, route{
		pattern: "GET /v1/notifications/count", access: byUsers, tag: tagNotifications, summary: "Count unread notifications",
	}, s.countNotifications)
	handle(s, route{
		pattern: "POST /v1/notifications/{id}/read", access: byUsers, class: limit.Writes, action: "notification.read",
		tag: tagNotifications, summary: "Mark a notification as read",
	}, s.readNotification)
	handle(s, route{
		pattern: "POST /v1/notifications/read", access: byUsers, class: limit.Writes, action: "notification.read",
		tag: tagNotifications, summary: "Mark all notifications as read",
	}, s.readNotifications)
}

func (s *server) listNotifications(ctx context.Context, in *struct {
	Paging
	Unread bool `query:"unread" doc:"Only those that are not marked as read."`
}) (*page[notificationView], error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	list, next, err := s.Notifications.List(ctx, who, in.Unread, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(list, next, viewNotification), nil
}

type countView struct {
	Unread int  `json:"unread" doc:"At most 100."`
	More   bool `json:"more" doc:"There may be more than that."`
}

func (s *server) countNotifications(ctx context.Context, _ *struct{}) (*struct{ Body countView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	n, err := s.Notifications.Unread(ctx, who)
	if err != nil {
		return nil, err
	}
	return &struct{ Body countView }{countView{Unread: n, More: n == notify.MostCounted}}, nil
}

func (s *server) readNotification(ctx context.Context, in *ByID) (*struct{ Body notificationView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	n, err := s.Notifications.MarkRead(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	return &struct{ Body notificationView }{viewNotification(n)}, nil
}

type readView struct {
	Read int `json:"read" doc:"How many were marked."`
}

func (s *server) readNotifications(ctx context.Context, in *struct {
	Until string `query:"until" maxLength:"64" doc:"Id of the newest one that you have seen: later ones stay unread." example:"01M6DMBE009H13SZBGSKTBG3CW"`
}) (*struct{ Body readView }, error) {
	who, err := user(ctx)
	if err != nil {
		return nil, err
	}
	n, err := s.Notifications.MarkAllRead(ctx, who, in.Until)
	if err != nil {
		return nil, err
	}
	return &struct{ Body readView }{readView{Read: n}}, nil
}
