package httpapi

import (
	"strings"
	"testing"

	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/notify"
)

func TestMailThatCameBack(t *testing.T) {
	s := administered(t)
	s.signIn("ana", "boss")
	boss := []string{headerUser, "boss"}
	back := func(why mail.Reason) {
		t.Helper()
		mailer := &notify.Mailer{Notifications: s.services.Notifications, Profile: s.services.Users.Of, Clock: s.services.Clock}
		r := mail.Return{ID: "01K7", To: []string{"ana@example.com"}, Why: why, Sent: s.services.Clock()}
		check(t, mailer.ComesBack(t.Context(), r))
	}
	me := func() answer { return s.do("GET", "/v1/me", nil).is(200) }
	back(mail.Complained)
	if a := me(); strings.Contains(string(a.body), "mail_returned") {
		t.Errorf("it is about another address: %s", a.body)
	}
	s.do("PUT", "/v1/me/settings", `{"email": "ana@example.com"}`, "If-Match", "*").is(200)
	if a := me(); a.str("mail_returned.why") != "complained" || a.str("mail_returned.needs_administrator") != "true" || a.str("mail_returned.at") == "" {
		t.Errorf("to the user: %s", a.body)
	}
	s.do("DELETE", "/v1/me/mail-returned", nil).problem(403, fault.Forbidden.String(), "")
	if a := s.do("GET", "/v1/users/ana", nil, boss...).is(200); a.str("mail_returned.why") != "complained" {
		t.Errorf("to the administrator: %s", a.body)
	}
	s.do("DELETE", "/v1/users/ana/mail-returned", nil, boss...).is(204)
	if a := s.do("GET", "/v1/users/ana", nil, boss...).is(200); strings.Contains(string(a.body), "mail_returned") {
		t.Errorf("afterwards, to the administrator: %s", a.body)
	}
	if a := me(); strings.Contains(string(a.body), "mail_returned") {
		t.Errorf("afterwards, to the user: %s", a.body)
	}
	s.do("DELETE", "/v1/users/nobody/mail-returned", nil, boss...).problem(404, "not_found", "")
	s.now.Add(2)
	back(mail.Bounced)
	if a := me(); a.str("mail_returned.why") != "bounced" || a.str("mail_returned.needs_administrator") != "false" {
		t.Errorf("a bounce: %s", a.body)
	}
	for range 2 {
		s.do("DELETE", "/v1/me/mail-returned", nil).is(204)
	}
	if a := me(); strings.Contains(string(a.body), "mail_returned") {
		t.Errorf("after the user put it right: %s", a.body)
	}
}
