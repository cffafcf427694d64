package web

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/account"
	"adminassistant/shared/account/tenant"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// usersOnPage is how many users a page of the list has.
const usersOnPage = 50

func (s *web) listUsers(v *view) error { return s.showUsers(v, http.StatusOK, nil) }

// showUsers shows the users of the administrator's tenant, and the tenants to whom is asked by the operator's; wrong is what is wrong with what was filled in.
func (s *web) showUsers(v *view, status int, wrong error) error {
	profiles, next, err := s.Roster.Users.List(v.ctx, v.who.Tenant, usersOnPage, v.r.URL.Query().Get("after"))
	if err != nil {
		return err
	}
	p := page{title: v.t("nav.users"), at: "/users", body: []g.Node{P(Class("fresh muted"), g.Text(v.t("users.about")))}}
	p.body = append(p.body, Div(Class("card scroll"), TabIndex("0"), Role("region"), Aria("label", v.t("nav.users")), Table(Class("stacks"),
		THead(Tr(g.Map([]string{"users.name", "users.role", "users.state", "users.seen"}, func(name string) g.Node { return Th(Scope("col"), g.Text(v.t(name))) }))),
		TBody(g.Map(profiles, func(u account.Profile) g.Node {
			return Tr(Td(A(Href(pathOf(u.Object)), g.Text(v.nameOf(&u)))), Td(g.Text(v.t("users.role."+string(v.roleOf(&u))))),
				Td(v.stateOf(&u)), Td(Class("told"), g.Text(v.seenOn(&u))))
		})),
	)))
	if next != "" {
		p.body = append(p.body, P(A(Class("button"), Href(link("/users", "after", next)), g.Text(v.t("list.more")))))
	}
	if _, err := s.Roster.Operator(v.ctx); err == nil {
		tenants, err := s.Roster.Tenants.List(v.ctx)
		if err != nil {
			return err
		}
		p.body = append(p.body, s.tenants(v, tenants, wrong))
	}
	return s.show(v, status, p)
}

// pathOf is the page of a user.
func pathOf(object string) string { return "/users/" + url.PathEscape(object) }

func (v *view) nameOf(u *account.Profile) string { return cmp.Or(u.Name, v.t("users.nameless")) }

// roleOf is the role that was given to a user here. Of who asks it is the one that counts, which the sign-in may have brought.
func (v *view) roleOf(u *account.Profile) account.Role {
	if u.Role == account.RoleAdmin || u.Object == v.who.Object && v.who.Admin() {
		return account.RoleAdmin
	}
	return account.RoleUser
}

// stateOf is a shape and a word.
func (v *view) stateOf(u *account.Profile) g.Node {
	class := map[account.State]string{
		account.Active: "succeeded", account.Disabled: "cancelled", account.Erasing: "partial", account.Erased: "queued",
	}[u.State()]
	return Span(Class("pill "+class), g.Text(v.word("users.state", string(u.State()))))
}

func (v *view) seenOn(u *account.Profile) string {
	if u.Seen == (calendar.Date{}) {
		return "–"
	}
	return v.day(u.Seen)
}

// tenants are those whose users are let in, for the administrators of the one that runs the installation.
func (s *web) tenants(v *view, all []tenant.Tenant, wrong error) g.Node {
	f := v.r.PostForm
	return Section(Class("card"), Aria("labelledby", "tenants"), H2(ID("tenants"), g.Text(v.t("tenants.title"))),
		v.wrongBeside(wrong, "tenant", "name"),
		Ul(Class("rows"), g.Map(all, func(t tenant.Tenant) g.Node {
			name, word := cmp.Or(t.Name, t.ID), "tenants.in"
			if t.Out {
				word = "tenants.out"
			}
			return Li(Div(Strong(g.Text(name)), Br(), Small(g.Text(t.ID+" · "+v.t(word)))),
				g.If(!t.Out && t.ID != v.who.Tenant, s.form(v, "/tenants/"+url.PathEscape(t.ID)+"/remove",
					Button(Type("submit"), Aria("label", v.t("tenants.remove")+": "+name), g.Text(v.t("tenants.remove"))))))
		})),
		s.form(v, "/tenants", Class("line"),
			labelled("tenant", v.t("tenants.id"), "", v.wrongIn(wrong, "tenant"), textInput("text", f.Get("tenant"), Required(), AutoComplete("off"))),
			labelled("name", v.t("users.name"), "", v.wrongIn(wrong, "name"), textInput("text", f.Get("name"), AutoComplete("off"))),
			Div(Class("buttons"), Button(Type("submit"), g.Text(v.t("tenants.add")))),
		),
		P(Class("hint"), g.Text(v.t("tenants.hint"))),
	)
}

func (s *web) addTenant(v *view) error {
	by, err := s.Roster.Operator(v.ctx)
	if err != nil {
		return err
	}
	f := v.r.PostForm
	_, err = s.Roster.LetIn(v.ctx, by.Object, strings.TrimSpace(f.Get("tenant")), strings.TrimSpace(f.Get("name")))
	if mistaken(err) {
		return s.showUsers(v, http.StatusUnprocessableEntity, err)
	}
	if err != nil {
		return err
	}
	return v.redirect("/users")
}

func (s *web) removeTenant(v *view) error {
	by, err := s.Roster.Operator(v.ctx)
	if err == nil {
		err = s.Roster.Tenants.Remove(v.ctx, by.Object, v.r.PathValue("tenant"))
	}
	if err != nil {
		return err
	}
	return v.redirect("/users")
}

func (s *web) showUser(v *view) error { return s.userPage(v, http.StatusOK, nil) }

// userPage shows a user as administrators see one: nothing of what the user keeps here. wrong is what is wrong with what was filled in.
func (s *web) userPage(v *view, status int, wrong error) error {
	u, err := s.Roster.Users.Get(v.ctx, v.who.Tenant, v.r.PathValue("object"))
	if err != nil {
		return err
	}
	grants, err := s.Roster.Users.Grants(v.ctx, v.who.Tenant, u.Object)
	if err != nil {
		return err
	}
	returned, err := s.Notifications.Returned(v.ctx, u.Settings.Email)
	if err != nil {
		return err
	}
	at := pathOf(u.Object)
	moment := func(t time.Time) string { return v.moment(t, v.now, v.zone()) }
	p := page{title: v.nameOf(&u), at: "/users", bar: []g.Node{
		v.stateOf(&u), Span(Class("grow")), A(Class("button"), Href("/users"), g.Attr("data-key", "Escape"), g.Text(v.t("nav.users"))),
	}}
	self, gone := u.Object == v.who.Object, u.State() == account.Erasing || u.State() == account.Erased
	facts := []g.Node{
		Dt(g.Text(v.t("users.object"))), Dd(Code(g.Text(u.Object))), Dt(g.Text(v.t("users.role"))), Dd(g.Text(v.t("users.role." + string(v.roleOf(&u))))),
		g.If(!u.Created.IsZero(), g.Group{Dt(g.Text(v.t("users.created"))), Dd(g.Text(moment(u.Created)))}),
		Dt(g.Text(v.t("users.seen"))), Dd(g.Text(v.seenOn(&u))),
	}
	if u.Ban != nil {
		facts = append(facts, Dt(g.Text(v.t("users.banned"))), Dd(g.Text(v.t("users.by", moment(u.Ban.At), u.Ban.By))))
	}
	if !u.Erasing.IsZero() {
		facts = append(facts, Dt(g.Text(v.t("users.erasing"))), Dd(g.Text(moment(u.Erasing))))
	}
	button := func(to, label string, nodes ...g.Node) g.Node {
		return s.form(v, at+to, g.Group(nodes), Button(Type("submit"), g.Text(v.t(label))))
	}
	var acts []g.Node
	if !self {
		if u.Ban == nil {
			acts = append(acts, button("/disable", "users.disable"))
		} else {
			acts = append(acts, button("/enable", "users.enable"))
		}
		if !gone && v.roleOf(&u) == account.RoleAdmin {
			acts = append(acts, button("/role", "users.make.user", hidden("role", string(account.RoleUser))))
		} else if !gone {
			acts = append(acts, button("/role", "users.make.admin", hidden("role", string(account.RoleAdmin))))
		}
	}
	p.body = append(p.body, v.wrongBeside(wrong, "mailbox", "confirm"))
	p.body = append(p.body, Section(Class("card"), Aria("labelledby", "facts"), H2(ID("facts"), g.Text(v.t("users.what"))),
		Dl(Class("facts"), g.Group(facts)),
		g.If(self, P(Class("muted"), g.Text(v.t("users.self")))),
		g.If(len(acts) > 0, Div(Class("buttons"), g.Group(acts))),
		g.If(!self && !gone, P(Class("hint"), g.Text(v.t("users.disable.hint")))),
	))
	if returned != nil {
		p.body = append(p.body, Section(Class("card"), Aria("labelledby", "mail"), H2(ID("mail"), g.Text(v.t("users.mail"))),
			P(g.Text(v.t("users.mail.text", v.word("users.mail", string(returned.Why)), moment(returned.At)))), button("/mail", "users.mail.again")))
	}
	if !gone {
		p.body = append(p.body, s.mailboxes(v, at, grants, wrong))
	}
	if !self && u.State() != account.Erased {
		p.body = append(p.body, s.eraseUserCard(v, &u, at, wrong))
	}
	return s.show(v, status, p)
}

// mailboxes are those that were granted to a user.
func (s *web) mailboxes(v *view, at string, grants []account.Grant, wrong error) g.Node {
	return Section(Class("card"), Aria("labelledby", "mailboxes"), H2(ID("mailboxes"), g.Text(v.t("users.mailboxes"))),
		P(Class("muted"), g.Text(v.t("users.mailboxes.text"))),
		Ul(Class("rows"), g.Map(grants, func(it account.Grant) g.Node {
			return Li(Div(g.Text(it.Mailbox), Br(), Small(g.Text(v.t("users.by", v.moment(it.At, v.now, v.zone()), it.By)))),
				s.form(v, at+"/revoke", hidden("mailbox", it.Mailbox),
					Button(Type("submit"), Aria("label", v.t("users.revoke")+": "+it.Mailbox), g.Text(v.t("users.revoke")))))
		})),
		s.form(v, at+"/grant", Class("line"),
			labelled("mailbox", v.t("users.mailbox"), "", v.wrongIn(wrong, "mailbox"), textInput("text", grantAsked(v), Required(), AutoComplete("off"),
				Placeholder("team@example.com"))),
			Div(Class("buttons"), Button(Type("submit"), g.Text(v.t("users.grant"))))),
	)
}

// grantAsked is what was filled in to be granted.
func grantAsked(v *view) string {
	if strings.HasSuffix(v.r.URL.Path, "/grant") {
		return v.r.PostForm.Get("mailbox")
	}
	return ""
}

// eraseUserCard erases a user's data, or goes on with that.
func (s *web) eraseUserCard(v *view, u *account.Profile, at string, wrong error) g.Node {
	if u.State() == account.Erasing {
		return Section(Class("card"), Aria("labelledby", "erase"), H2(ID("erase"), g.Text(v.t("erase.user"))), P(g.Text(v.t("erase.under"))),
			s.plainForm(v, at+"/erase", hidden("confirm", v.t("erase.word")), Button(Type("submit"), g.Text(v.t("erase.on")))))
	}
	return Section(Class("card"), Aria("labelledby", "erase"), H2(ID("erase"), g.Text(v.t("erase.user"))), P(g.Text(v.t("erase.user.text"))),
		s.plainForm(v, at+"/erase", confirmField(v, wrong), P(Button(Type("submit"), g.Text(v.t("erase.user.go"))))))
}

// changeUser answers a form that changes a user.
func (s *web) changeUser(change func(v *view, object string) error) func(*view) error {
	return func(v *view) error {
		object := v.r.PathValue("object")
		err := change(v, object)
		if mistaken(err) {
			return s.userPage(v, http.StatusUnprocessableEntity, err)
		}
		if err != nil {
			return err
		}
		return v.redirect(pathOf(object))
	}
}

func (s *web) disableUser(v *view, object string) error {
	_, err := s.Roster.Disable(v.ctx, v.who, object)
	return err
}

func (s *web) enableUser(v *view, object string) error {
	_, err := s.Roster.Enable(v.ctx, v.who, object)
	return err
}

func (s *web) setRole(v *view, object string) error {
	_, err := s.Roster.Users.SetRole(v.ctx, v.who, object, account.Role(v.r.PostForm.Get("role")))
	return err
}

func (s *web) grantMailbox(v *view, object string) error {
	_, err := s.Roster.Grant(v.ctx, v.who, object, v.r.PostForm.Get("mailbox"))
	if fault.Of(err) == fault.Invalid && fault.FieldOf(err) == "" {
		return fault.At("mailbox", err)
	}
	return err
}

func (s *web) revokeMailbox(v *view, object string) error {
	return s.Roster.Revoke(v.ctx, v.who, object, v.r.PostForm.Get("mailbox"))
}

func (s *web) mailUserAgain(v *view, object string) error {
	u, err := s.Roster.Users.Get(v.ctx, v.who.Tenant, object)
	if err != nil {
		return err
	}
	return s.Notifications.MailAgain(v.ctx, u.Settings.Email, true)
}

func (s *web) eraseUser(v *view, object string) error {
	if object == v.who.Object {
		return fault.New(fault.Forbidden, "you erase yourself in your settings")
	}
	if err := confirmed(v); err != nil {
		return err
	}
	_, err := s.Eraser.Erase(v.ctx, v.who, object)
	return err
}
