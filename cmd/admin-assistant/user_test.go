package main

import (
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/mail"
)

// TestMailAgain has e-mail to a user come back.
func TestMailAgain(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.login("--profile", "ann")
	w.user = boss
	w.login("--profile", "boss")
	anns := func(args ...string) result { return w.run(append([]string{"--profile", "ann"}, args...)...) }
	admin := func(args ...string) result { return w.run(append([]string{"--profile", "boss", "user"}, args...)...) }
	anns("whoami").ok()
	s := account.DefaultSettings()
	s.Email = "ann@home.example"
	if _, err := w.users.UpdateSettings(t.Context(), account.Principal{Tenant: home, Object: ann}, s, 0); err != nil {
		t.Fatal(err)
	}
	for _, why := range []mail.Reason{mail.Bounced, mail.Complained} {
		if err := w.mailer.ComesBack(t.Context(), mail.Return{ID: "01K7", To: []string{s.Email}, Why: why, Sent: time.Now()}); err != nil {
			t.Fatal(err)
		}
		anns("whoami").ok().says("E-mail", string(why)+" at ", "nothing more is sent")
		admin("show", ann).ok().says("E-mail", string(why))
		if why == mail.Bounced {
			anns("notification", "mail-again").ok().says("goes to your address again")
		} else {
			anns("notification", "mail-again").fails(exitFailed, "only an administrator", "unwanted")
			anns("user", "mail-again", ann).fails(exitFailed, "only administrators")
			admin("mail-again", ann).ok().says(ann, "again")
		}
		for _, r := range []result{anns("whoami").ok(), admin("show", ann).ok()} {
			if strings.Contains(r.out, "E-mail") {
				t.Errorf("shown is %s", r.out)
			}
		}
	}
	admin("mail-again", eve).fails(exitFailed, "no user")
}

func TestUsers(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.login("--profile", "ann")
	w.user = boss
	w.login("--profile", "boss")
	anns := func(args ...string) result { return w.run(append([]string{"--profile", "ann"}, args...)...) }
	admin := func(args ...string) result { return w.run(append([]string{"--profile", "boss", "user"}, args...)...) }
	show := func() (v userView) {
		t.Helper()
		admin("show", ann, "--output", "json").ok().decode(&v)
		return v
	}

	anns("whoami").ok()
	anns("user", "list").fails(exitFailed, "only administrators")
	admin("list").ok().says("Ann", ann, "Boss", boss, "active")
	var users []userView
	if admin("list", "--output", "json").ok().decode(&users); len(users) != 2 || users[0].Object != ann || users[0].Role != "user" || users[0].State != "active" {
		t.Errorf("listed %+v", users)
	}
	admin("show", eve).fails(exitFailed, "no user")

	admin("disable", ann).fails(exitUsage, "shuts user "+ann+" out", "--yes")
	if v := show(); v.State != "active" {
		t.Errorf("nobody confirmed, and the user is %+v", v)
	}
	admin("disable", ann, "--yes").ok().says("Ann", "disabled", boss)
	anns("whoami").fails(exitFailed, "disabled")
	admin("disable", boss, "--yes").fails(exitFailed, "yourself")
	admin("enable", ann).ok().says("active")
	anns("whoami").ok()

	admin("role", ann, "admin").ok().says("admin")
	anns("user", "list").ok()
	admin("role", ann, "user").ok()
	anns("user", "list").fails(exitFailed, "only administrators")
	admin("role", ann, "king").fails(exitUsage, "role")

	admin("grants", ann, "--output", "json").ok().says("[]")
	admin("grant", ann, "Team@example.com").ok().says("team@example.com", boss)
	admin("grant", ann, "team").fails(exitUsage, "mailbox", "e-mail address")
	admin("grant", eve, "team@example.com").fails(exitFailed, "no user")
	anns("user", "grant", ann, "other@example.com").fails(exitFailed, "only administrators")
	admin("grants", ann).ok().says("team@example.com", boss)
	var grants []grantView
	if admin("grants", ann, "--output", "json").ok().decode(&grants); len(grants) != 1 || grants[0].Mailbox != "team@example.com" || grants[0].By != boss {
		t.Errorf("granted %+v", grants)
	}
	admin("show", ann).ok().says("team@example.com")
	anns("whoami").ok().says("team@example.com")
	anns("user", "revoke-grant", ann, "team@example.com").fails(exitFailed, "only administrators")
	admin("revoke-grant", ann, "team@example.com").ok().says(ann, "team@example.com")
	admin("revoke-grant", ann, "team@example.com").fails(exitFailed, "not granted")
	if v := show(); len(v.Mailboxes) != 0 {
		t.Errorf("the user has %+v", v.Mailboxes)
	}

	admin("delete", ann).fails(exitUsage, "erases all", "--yes")
	admin("delete", ann, "--yes").ok().says(ann+" is being erased", "run this command again at ")
	if v := show(); v.State != "erasing" || v.Erasing == nil || v.Name != "" {
		t.Errorf("the user is %+v", v)
	}
	var done struct{ State, Again string }
	if admin("delete", ann, "--yes", "--output", "json").ok().decode(&done); done.State != "erasing" || done.Again == "" {
		t.Errorf("answered %+v", done)
	}
	anns("whoami").fails(exitFailed, "erased")
}
