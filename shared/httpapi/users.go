package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/roster"
)

// admit lets an authenticated user in, or says why not.
func (s *server) admit(ctx context.Context, to *route, p account.Principal) (account.Principal, error) {
	if err := s.letsIn(ctx, p.Tenant); err != nil {
		return p, err
	}
	switch to.access {
	case byAuthenticated:
		return p, nil
	case byLeaving:
		return s.Users.AdmitLeaving(ctx, p)
	}
	return s.Users.Admit(ctx, p)
}

// settings are those of who asks.
func (s *server) settings(ctx context.Context) (account.Settings, error) {
	p, err := account.From(ctx)
	if err != nil {
		return account.Settings{}, err
	}
	return s.Users.Settings(ctx, p)
}

// userView is a user as administrators see one: nothing of what the user keeps here.
type userView struct {
	Object   string     `json:"object" doc:"Entra object id."`
	UserName string     `json:"user_name,omitempty" doc:"As the sign-in gave it last. Routes take it in place of the object id."`
	Name     string     `json:"name" doc:"As the sign-in gave it last; empty once the user is erased."`
	Role     string     `json:"role" enum:"user,admin" doc:"Given here. A sign-in with the application role \"admin\" makes an administrator, too."`
	State    string     `json:"state" enum:"active,disabled,erasing,erased"`
	Disabled *banView   `json:"disabled,omitempty" doc:"Who has shut the user out."`
	Created  *time.Time `json:"created,omitempty" doc:"First sign-in."`
	Seen     string     `json:"seen,omitempty" format:"date" doc:"The last day, in UTC, on which the user asked for anything."`
	Erasing  *time.Time `json:"erasing,omitempty" doc:"Since when the user's data is being erased."`
	Erased   *time.Time `json:"erased,omitempty" doc:"When all of it was erased."`
	// Mailboxes are in the answer about one user alone.
	Mailboxes []grantView `json:"mailboxes,omitempty" nullable:"false" doc:"Granted to the user, beside the own one. Not in lists."`
	// MailReturned is there, likewise, while it is so.
	MailReturned *returnedView `json:"mail_returned,omitempty" doc:"E-mail to the user's address came back, and none is sent to it any more. Not in lists."`
}

// grantView is a mailbox that was granted to a user.
type grantView struct {
	Mailbox string    `json:"mailbox" doc:"Address or object id, in lower case."`
	By      string    `json:"by" doc:"Object id of the administrator."`
	At      time.Time `json:"at"`
}

func viewGrants(grants []account.Grant) []grantView {
	views := make([]grantView, len(grants))
	for i, g := range grants {
		views[i] = grantView{Mailbox: g.Mailbox, By: g.By, At: g.At}
	}
	return views
}

type banView struct {
	By string    `json:"by" doc:"Object id of the administrator."`
	At time.Time `json:"at"`
}

func viewUser(p account.Profile) userView {
	v := userView{
		Object: p.Object, UserName: p.UserName, Name: p.Name, Role: string(account.RoleUser), State: string(p.State()), Created: orNil(p.Created),
		Erasing: orNil(p.Erasing), Erased: orNil(p.Erased),
	}
	if p.Role == account.RoleAdmin {
		v.Role = string(account.RoleAdmin)
	}
	if p.Ban != nil {
		v.Disabled = &banView{By: p.Ban.By, At: p.Ban.At}
	}
	if p.Seen != (calendar.Date{}) {
		v.Seen = p.Seen.String()
	}
	return v
}

type userAnswer struct{ Body userView }

// ByObject names a user of the administrator's tenant.
type ByObject struct {
	Object string `path:"object" doc:"Entra object id, or the user name or address of the sign-in."`
}

func (s *server) userRoutes() {
	handle(s, route{pattern: "GET /v1/users", access: byAdministrators, tag: tagUsers, summary: "List the users of your tenant"}, s.listUsers)
	handle(s, route{pattern: "GET /v1/users/{object}", access: byAdministrators, tag: tagUsers, summary: "Show a user"}, s.getUser)
	handle(s, route{
		pattern: "POST /v1/users/{object}/disable", access: byAdministrators, class: limit.Writes, action: "user.disable",
		tag: tagUsers, summary: "Shut a user out",
		description: "The user is refused everywhere within 30 seconds and signed out of all browsers, and the user's jobs start no runs from now " +
			"on. Nobody can disable themselves.",
	}, s.changeUser((*roster.Roster).Disable))
	handle(s, route{
		pattern: "POST /v1/users/{object}/enable", access: byAdministrators, class: limit.Writes, action: "user.enable",
		tag: tagUsers, summary: "Let a user in again",
		description: "The user's jobs go on at their next times.",
	}, s.changeUser((*roster.Roster).Enable))
	handle(s, route{
		pattern: "PUT /v1/users/{object}/role", access: byAdministrators, class: limit.Writes, action: "user.role",
		tag: tagUsers, summary: "Give a user a role",
		description: "Nobody can take the role of administrator from themselves. A role that the sign-in brings stays.",
	}, s.putRole)
	handle(s, route{
		pattern: "POST /v1/users/{object}/mailboxes", access: byAdministrators, class: limit.Writes, action: "user.grant",
		tag: tagUsers, summary: "Grant a mailbox to a user", success: http.StatusCreated,
		description: "The user's calendar URIs may name the mailbox from then on, beside the own one. It is looked for in your tenant alone. One that " +
			"is granted already stays so. Where mailboxes are reached by each user's own sign-in, Microsoft 365 alone decides, and a grant changes nothing.",
	}, s.grantMailbox)
	handle(s, route{
		pattern: "DELETE /v1/users/{object}/mailboxes/{mailbox}", access: byAdministrators, class: limit.Removals, action: "user.revoke",
		tag: tagUsers, summary: "Take a granted mailbox from a user",
		description: "No run that starts from then on reaches it for the user. What was archived and backed up stays the user's.",
	}, s.revokeMailbox)
	handle(s, route{
		pattern: "DELETE /v1/users/{object}/mail-returned", access: byAdministrators, class: limit.Removals, action: "user.mail_again",
		tag: tagUsers, summary: "Have e-mail go to a user's address again",
		description: "After e-mail came back, or was called unwanted, none is sent to the address. Where nothing came back, nothing happens.",
	}, s.mailUserAgain)
	handle(s, route{
		pattern: "DELETE /v1/users/{object}", access: byAdministrators, class: limit.Removals, action: "user.erase",
		tag: tagUsers, summary: "Erase all that is kept of a user", success: http.StatusAccepted, document: erasedOK,
		description: erasing + " A user who is disabled stays so. To erase yourself, use DELETE /v1/me.",
	}, s.deleteUser)
}

func (s *server) listUsers(ctx context.Context, in *Paging) (*page[userView], error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	profiles, next, err := s.Users.List(ctx, by.Tenant, in.Limit, in.Cursor)
	if err != nil {
		return nil, err
	}
	return onePage(profiles, next, viewUser), nil
}

func (s *server) getUser(ctx context.Context, in *ByObject) (*userAnswer, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.Users.Get(ctx, by.Tenant, in.Object)
	if err != nil {
		return nil, err
	}
	grants, err := s.Users.Grants(ctx, by.Tenant, in.Object)
	if err != nil {
		return nil, err
	}
	returned, err := s.Notifications.Returned(ctx, p.Settings.Email)
	view := viewUser(p)
	view.Mailboxes, view.MailReturned = viewGrants(grants), viewReturned(returned)
	return &userAnswer{view}, err
}

func (s *server) mailUserAgain(ctx context.Context, in *ByObject) (*struct{}, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.Users.Get(ctx, by.Tenant, in.Object)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.Notifications.MailAgain(ctx, p.Settings.Email, true)
}

type grantAnswer struct {
	Location string `header:"Location" doc:"By which the grant is revoked."`
	Body     grantView
}

func (s *server) grantMailbox(ctx context.Context, in *struct {
	ByObject
	Body struct {
		Mailbox string `json:"mailbox" doc:"Address, or object id of its user." example:"team@example.com"`
	}
}) (*grantAnswer, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	g, err := s.roster().Grant(ctx, by, in.Object, in.Body.Mailbox)
	if err != nil {
		return nil, err
	}
	at := "/v1/users/" + url.PathEscape(in.Object) + "/mailboxes/" + url.PathEscape(g.Mailbox)
	return &grantAnswer{Location: at, Body: viewGrants([]account.Grant{g})[0]}, nil
}

func (s *server) revokeMailbox(ctx context.Context, in *struct {
	ByObject
	Mailbox string `path:"mailbox" doc:"As it was granted."`
}) (*struct{}, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	return &struct{}{}, s.roster().Revoke(ctx, by, in.Object, in.Mailbox)
}

// roster changes users.
func (s *server) roster() *roster.Roster {
	return &roster.Roster{Users: s.Users, Jobs: s.Jobs, Sessions: s.Sessions, Tenants: s.Tenants, Audit: s.Audit}
}

// changeUser is the handler of a change that needs nothing but the user's name.
func (s *server) changeUser(
	change func(*roster.Roster, context.Context, account.Principal, string) (account.Profile, error),
) func(context.Context, *ByObject) (*userAnswer, error) {
	return func(ctx context.Context, in *ByObject) (*userAnswer, error) {
		by, err := account.From(ctx)
		if err != nil {
			return nil, err
		}
		p, err := change(s.roster(), ctx, by, in.Object)
		if err != nil {
			return nil, err
		}
		return &userAnswer{viewUser(p)}, nil
	}
}

func (s *server) putRole(ctx context.Context, in *struct {
	ByObject
	Body struct {
		Role string `json:"role" enum:"user,admin"`
	}
}) (*userAnswer, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	p, err := s.Users.SetRole(ctx, by, in.Object, account.Role(in.Body.Role))
	return &userAnswer{viewUser(p)}, err
}

func (s *server) deleteUser(ctx context.Context, in *struct {
	ByObject
	Kept string `query:"kept" doc:"Where timesheets are to be kept: what GET /v1/users/{object}/erasure has as kept." example:"f2307374ba8f"`
}) (*erasureAnswer, error) {
	by, err := account.From(ctx)
	if err != nil {
		return nil, err
	}
	if in.Object == by.Object {
		return nil, fault.New(fault.Forbidden, "to erase yourself, use DELETE /v1/me")
	}
	return s.erase(ctx, by, in.Object, in.Kept)
}
