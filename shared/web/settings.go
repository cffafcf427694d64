package web

import (
	"net/http"
	"strconv"
	"time"

	g "maragu.dev/gomponents"
	. "maragu.dev/gomponents/html"

	"adminassistant/shared/account"
	"adminassistant/shared/account/session"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
)

// zones are those that are proposed; any other may be typed.
var zones = []string{
	"Europe/Berlin", "Europe/Zurich", "Europe/Vienna", "Europe/London", "Europe/Dublin", "Europe/Paris", "Europe/Madrid", "Europe/Rome", "Europe/Amsterdam",
	"Europe/Brussels", "Europe/Copenhagen", "Europe/Stockholm", "Europe/Oslo", "Europe/Helsinki", "Europe/Warsaw", "Europe/Prague", "Europe/Athens",
	"Europe/Istanbul", "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Toronto", "America/Sao_Paulo", "Asia/Dubai",
	"Asia/Kolkata", "Asia/Singapore", "Asia/Tokyo", "Asia/Shanghai", "Australia/Sydney", "Pacific/Auckland", "UTC",
}

// noticeClasses are those of account.Notifications, by the names of their fields.
func noticeClasses(n *account.Notifications) []struct {
	name string
	*account.Channels
} {
	return []struct {
		name string
		*account.Channels
	}{{"runs", &n.Runs}, {"problems", &n.Problems}, {"actions", &n.Actions}, {"sign_in", &n.SignIn}, {"digest", &n.Digest}}
}

func (s *web) settings(v *view) error {
	profile, err := s.Users.Get(v.ctx, v.who.Tenant, v.who.Object)
	if err != nil {
		return err
	}
	if err := s.assumeZone(v); err != nil {
		return err
	}
	now := profile.Settings
	if !v.chosen { // what holds till something is chosen
		now.Locale, now.Zone = v.lang, v.Zone
	}
	return s.showSettings(v, http.StatusOK, now, profile.SettingsVersion, nil)
}

// showSettings shows settings to be changed; wrong is what is wrong with them.
func (s *web) showSettings(v *view, status int, now account.Settings, version int64, wrong error) error {
	about := func(field string) string {
		if wrong != nil && fault.FieldOf(wrong) == field {
			return v.wrong(wrong)
		}
		return ""
	}
	field := func(name, label, hint string, input func(more ...g.Node) g.Node) g.Node {
		problem := about(name)
		described := "hint-" + name
		if problem != "" {
			described += " " + name + "-problem"
		}
		return Div(Class("field"), Label(For(name), g.Text(label)),
			input(ID(name), Name(name), Aria("describedby", described), g.If(problem != "", Aria("invalid", "true"))),
			fieldProblem(name, problem), P(ID("hint-"+name), Class("hint"), g.Text(hint)))
	}
	choice := func(current string, values ...[2]string) func(more ...g.Node) g.Node {
		return func(more ...g.Node) g.Node {
			return Select(g.Group(more), g.Map(values, func(o [2]string) g.Node {
				return Option(Value(o[0]), g.If(o[0] == current, Selected()), g.Text(o[1]))
			}))
		}
	}
	text := func(kind, value string, extra ...g.Node) func(more ...g.Node) g.Node {
		return func(more ...g.Node) g.Node { return Input(Type(kind), Value(value), g.Group(more), g.Group(extra)) }
	}
	locales := [][2]string{{"en", "English"}, {"de", "Deutsch"}}
	if now.Locale != "en" && now.Locale != "de" {
		locales = append(locales, [2]string{now.Locale, now.Locale})
	}
	body := []g.Node{
		g.If(v.r.URL.Query().Get("saved") == "1", P(Class("done"), Role("status"), g.Text(v.t("settings.saved")))),
		g.Iff(wrong != nil && fault.FieldOf(wrong) == "", func() g.Node { return P(Class("problem"), Role("alert"), g.Text(v.wrong(wrong))) }),
		Div(Class("columns"),
			s.form(v, "/settings", hidden("version", strconv.FormatInt(version, 10)),
				Section(Class("card"), H2(g.Text(v.t("settings.look"))),
					field("locale", v.t("settings.language"), v.t("settings.language.hint"), choice(now.Locale, locales...)),
					field("timezone", v.t("settings.zone"), v.t("settings.zone.hint"), text("text", now.Zone, g.Attr("list", "zones"), Required(),
						g.If(version == 0, g.Attr("data-zone")))),
					DataList(ID("zones"), g.Map(zones, func(z string) g.Node { return Option(Value(z)) })),
					field("week_start", v.t("settings.week"), v.t("settings.week.hint"), choice(now.WeekStart,
						[2]string{"monday", v.weekday(1)}, [2]string{"sunday", v.weekday(0)}, [2]string{"saturday", v.weekday(6)})),
				),
				Section(Class("card"), H2(g.Text(v.t("settings.notices"))),
					field("email", v.t("settings.email"), v.t("settings.email.hint"), text("email", now.Email, AutoComplete("email"))),
					field("digest_at", v.t("settings.digest"), v.t("settings.digest.hint"), text("time", now.DigestTime())),
					Table(Class("checks"), Caption(Class("vh"), g.Text(v.t("settings.notices"))),
						THead(Tr(Th(Scope("col"), g.Text(v.t("settings.notice"))), Th(Scope("col"), g.Text(v.t("settings.here"))),
							Th(Scope("col"), g.Text(v.t("settings.bymail"))))),
						TBody(g.Map(noticeClasses(&now.Notifications), func(c struct {
							name string
							*account.Channels
						}) g.Node {
							label := v.t("settings.notice." + c.name)
							check := func(channel, of string, on bool) g.Node {
								return Td(Input(Type("checkbox"), Name(channel+"."+c.name), Aria("label", label+", "+of), g.If(on, Checked())))
							}
							return Tr(Th(Scope("row"), g.Text(label)), check("app", v.t("settings.here"), c.InApp), check("mail", v.t("settings.bymail"), c.Email))
						})),
					),
				),
				P(Button(Class("primary"), Type("submit"), g.Text(v.t("settings.save")))),
			),
			Div(s.heldMail(v, now.Email), s.sessions(v), Section(Class("card"), Aria("labelledby", "erase"), H2(ID("erase"), g.Text(v.t("erase.title"))),
				P(Class("muted"), g.Text(v.t("erase.offer"))), P(A(Class("button"), Href("/settings/erase"), g.Text(v.t("erase.look")))))),
		),
	}
	return s.show(v, status, page{title: v.t("nav.settings"), at: "/settings", body: body})
}

// sessions are the browsers that are signed in as the user.
func (s *web) sessions(v *view) g.Node {
	all, err := s.Sessions.List(v.ctx, v.user)
	if err != nil || len(all) == 0 {
		return nil // the settings can be changed without them
	}
	mine := httpapi.SessionID(v.ctx)
	return Section(Class("card"), Aria("labelledby", "sessions"), H2(ID("sessions"), g.Text(v.t("settings.sessions"))),
		P(Class("muted"), g.Text(v.t("settings.sessions.hint"))),
		Ul(Class("rows"), g.Map(all, func(it session.Session) g.Node {
			name := browserNamed(it.Agent)
			return Li(
				Div(Span(g.Text(name)), g.If(it.ID == mine, g.Group{g.Text(" "), Span(Class("pill succeeded"), g.Text(v.t("settings.thisone")))}), Br(),
					Small(g.Text(v.t("settings.used", v.moment(it.Used, v.now, v.zone()))))),
				s.form(v, "/settings/sessions/"+it.ID+"/end", Button(Type("submit"), Aria("label", v.t("settings.end")+": "+name), g.Text(v.t("settings.end")))),
			)
		})),
	)
}

// heldMail says that e-mail to the user came back, with what lets it through again; nil: it did not.
func (s *web) heldMail(v *view, address string) g.Node {
	m, err := s.Notifications.Returned(v.ctx, address)
	if err != nil || m == nil {
		return nil // the settings can be changed without it
	}
	again := g.Node(P(g.Text(v.t("settings.held.admin"))))
	if !m.ForAdministrators() || v.who.Admin() {
		again = s.form(v, "/settings/mail", Button(Type("submit"), g.Text(v.t("users.mail.again"))))
	}
	return Section(Class("card"), Aria("labelledby", "held"), H2(ID("held"), g.Text(v.t("users.mail"))),
		P(g.Text(v.t("settings.held", v.day(calendar.DateOf(m.At, v.zone())), v.word("users.mail", string(m.Why))))), again)
}

// mailMeAgain lets e-mail to the user through again.
func (s *web) mailMeAgain(v *view) error {
	if err := s.Notifications.MailAgain(v.ctx, v.Email, v.who.Admin()); err != nil {
		return err
	}
	return v.redirect("/settings?saved=1")
}

func (s *web) saveSettings(v *view) error {
	f := v.r.PostForm
	version, _ := strconv.ParseInt(f.Get("version"), 10, 64) // what is no number is no version that there is
	now := v.Settings
	now.Locale, now.Zone, now.WeekStart, now.Email = f.Get("locale"), f.Get("timezone"), f.Get("week_start"), f.Get("email")
	now.DigestAt = f.Get("digest_at")
	for _, c := range noticeClasses(&now.Notifications) {
		c.InApp, c.Email = f.Has("app."+c.name), f.Has("mail."+c.name)
	}
	profile, err := s.Users.UpdateSettings(v.ctx, v.who, now, version)
	if fault.Of(err) == fault.Invalid {
		return s.showSettings(v, http.StatusUnprocessableEntity, now, version, err)
	}
	if err == nil {
		err = s.DigestWanted(v.ctx, v.user, profile.Settings)
	}
	if err != nil {
		return err
	}
	return v.redirect("/settings?saved=1")
}

func (s *web) endSession(v *view) error {
	if err := s.Sessions.End(v.ctx, v.user, v.r.PathValue("id")); err != nil {
		return err
	}
	return v.redirect("/settings")
}

// zoneOf is the zone of a config; one that is not known any more is UTC.
func zoneOf(name string) *time.Location {
	zone, err := calendar.LoadZone(name)
	if err != nil {
		return time.UTC
	}
	return zone
}
