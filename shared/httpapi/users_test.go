package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/job"
	"adminassistant/shared/store"
)

// administered is a service whose user "boss" is an administrator by the sign-in.
func administered(t *testing.T, change ...func(*service, *Services)) *service {
	return newService(t, append(change, func(_ *service, s *Services) {
		plain := s.Authenticate
		s.Authenticate = func(r *http.Request) (account.Principal, error) {
			p, err := plain(r)
			if p.Object == "boss" {
				p.Role = account.RoleAdmin
			}
			return p, err
		}
	})...)
}

func (s *service) signIn(names ...string) {
	s.t.Helper()
	for _, name := range names {
		s.do("GET", "/v1/me", nil, headerUser, name).is(200)
	}
}

func TestSettings(t *testing.T) {
	s := newService(t)
	first := s.do("GET", "/v1/me", nil).is(200)
	if first.str("role") != "user" || first.str("settings.timezone") != "UTC" || first.str("settings.notifications.runs.in_app") != "true" ||
		first.Header.Get("ETag") == "" {
		t.Errorf("first: %s %s", first.Header.Get("ETag"), first.body)
	}
	put := func(body string, etag string) answer {
		return s.do("PUT", "/v1/me/settings", body, "If-Match", etag)
	}
	put(`{}`, "").problem(428, codeNoPrecondition, "If-Match")
	put(`{}`, `"7"`).problem(412, codeMismatch, "If-Match")
	for body, field := range map[string]string{
		`{"timezone": "Mars/Olympus"}`: "timezone", `{"week_start": "friday"}`: "week_start", `{"locale": "?"}`: "locale", `{"email": "x"}`: "email",
		`{"notifications": {"runs": {"in_app": true, "email": true}}}`: "email", `{"notifications": {"gossip": {}}}`: "notifications.gossip",
		`{"colour": 1}`: "colour",
	} {
		put(body, first.Header.Get("ETag")).problem(422, "invalid", field)
	}
	changed := put(`{"timezone": "America/New_York", "week_start": "sunday", "locale": "en_us", "email": "ana@example.com", `+
		`"notifications": {"digest": {"in_app": false, "email": true}}}`,
		first.Header.Get("ETag")).is(200)
	if changed.str("locale") != "en-US" || changed.str("notifications.digest.email") != "true" || changed.str("notifications.runs.in_app") != "true" {
		t.Errorf("changed: %s", changed.body)
	}
	put(`{}`, first.Header.Get("ETag")).problem(412, codeMismatch, "If-Match")
	me := s.do("GET", "/v1/me", nil).is(200)
	if me.Header.Get("ETag") != changed.Header.Get("ETag") || me.str("settings.timezone") != "America/New_York" {
		t.Errorf("me: %s %s", me.Header.Get("ETag"), me.body)
	}
	if other := s.do("GET", "/v1/me", nil, headerUser, "bob").is(200); other.str("settings.timezone") != "UTC" {
		t.Errorf("another user: %s", other.body)
	}

	t.Run("a period without a zone is read in the user's, with the user's weeks", func(t *testing.T) {
		id := s.calendar(seeded)
		text := file("late@example.com|Late|20261012T033000Z|20261012T040000Z|", "sunday@example.com|Sunday|20261018T120000Z|20261018T130000Z|")
		s.do("POST", "/v1/calendars/"+id+"/import", strings.ReplaceAll(text, "CATEGORIES:\r\n", ""), "Content-Type", "text/calendar").is(200)
		subjects := func(query string, header ...string) (found []string) {
			for _, e := range s.do("GET", "/v1/calendars/"+id+"/events?"+query, nil, header...).is(200).items() {
				found = append(found, fmt.Sprint(object(e)["subject"]))
			}
			return found
		}
		// Tuesday the 20th: last week is the 11th to the 17th when weeks begin on Sunday. 03:30 UTC on the 12th is the 11th in New York.
		if got := subjects("period=last+week"); !slices.Equal(got, []string{"Late"}) {
			t.Errorf("last week: %v", got)
		}
		if got := subjects("period=2026-10-11"); !slices.Equal(got, []string{"Late"}) {
			t.Errorf("the day in New York: %v", got)
		}
		if got := subjects("period=2026-10-11&timezone=UTC"); got != nil {
			t.Errorf("the day in UTC: %v", got)
		}
		s.do("POST", "/v1/archive-configs", config("work", map[string]any{"timezone": "UTC"})).is(201)
		run := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": "work", "period": "last week"}).is(202)
		if got := run.str("from") + " " + run.str("to"); got != "2026-10-11 2026-10-17" {
			t.Errorf("a run of last week: %s", got)
		}
	})
}

func TestUsers(t *testing.T) {
	s := administered(t)
	s.signIn("ana", "bob", "boss")
	boss := []string{headerUser, "boss"}
	if all := s.do("GET", "/v1/users?limit=2", nil, boss...).is(200); len(all.items()) != 2 || all.str("next") == "" {
		t.Errorf("users: %s", all.body)
	}
	ana := s.do("GET", "/v1/users/ana", nil, boss...).is(200)
	if ana.str("role") != "user" || ana.str("state") != "active" || ana.str("seen") != "2026-10-20" {
		t.Errorf("ana: %s", ana.body)
	}
	s.do("PUT", "/v1/users/ana/role", map[string]any{"role": "admin"}, boss...).is(200)
	if a := s.do("GET", "/v1/me", nil).is(200); a.str("role") != "admin" {
		t.Errorf("made an administrator: %s", a.body)
	}
	if a := s.do("POST", "/v1/users/bob/disable", nil).is(200); a.str("state") != "disabled" || a.str("disabled.by") != "ana" {
		t.Errorf("disabled by the new one: %s", a.body)
	}
	s.do("GET", "/v1/me", nil, headerUser, "bob").problem(403, fault.Forbidden.String(), "")
	s.do("DELETE", "/v1/me", nil, headerUser, "bob", headerConfirm, "bob").problem(403, fault.Forbidden.String(), "")
	s.do("POST", "/v1/users/bob/enable", nil).is(200)
	s.signIn("bob")
	s.do("PUT", "/v1/users/bob/role", map[string]any{"role": "owner"}).problem(422, "invalid", "role")
	for _, route := range []string{"POST /v1/users/ana/disable", "DELETE /v1/users/ana"} {
		method, path, _ := strings.Cut(route, " ")
		s.do(method, path, nil).problem(403, fault.Forbidden.String(), "")
	}
	s.do("PUT", "/v1/users/ana/role", map[string]any{"role": "user"}).problem(403, fault.Forbidden.String(), "")
	s.do("PUT", "/v1/users/ana/role", map[string]any{"role": "user"}, boss...).is(200)
	s.do("GET", "/v1/users", nil).problem(403, fault.Forbidden.String(), "")
}

func TestErasingUsers(t *testing.T) {
	s := administered(t)
	_, configID := s.seed("keep")
	runID := s.run(configID)
	s.signIn("bob", "boss")
	leave := func(confirm string) answer { return s.do("DELETE", "/v1/me", nil, headerConfirm, confirm) }
	leave("").problem(422, "invalid", headerConfirm)
	leave("bob").problem(422, "invalid", headerConfirm)
	s.do("GET", "/v1/runs/"+runID, nil).is(200)

	begun := leave("ana").is(202)
	if begun.str("state") != "erasing" || begun.Header.Get("Retry-After") != "961" {
		t.Errorf("begun: %s %s", begun.Header.Get("Retry-After"), begun.body)
	}
	s.do("GET", "/v1/me", nil).problem(403, fault.Forbidden.String(), "")
	s.do("GET", "/v1/runs/"+runID, nil).problem(403, fault.Forbidden.String(), "")
	if a := s.do("GET", "/v1/users/ana", nil, headerUser, "boss").is(200); a.str("state") != "erasing" || a.str("name") != "" {
		t.Errorf("to the administrator: %s", a.body)
	}
	leave("ana").is(202)
	s.now.Add(961)
	if a := leave("ana").is(200); a.str("state") != "erased" {
		t.Errorf("ended: %s", a.body)
	}
	leave("ana").problem(404, fault.NotFound.String(), "")
	s.now.Add(60)
	for _, path := range []string{"/v1/calendars", "/v1/calendars?account=me", "/v1/archive-configs", "/v1/runs"} {
		if items := s.do("GET", path, nil).is(200).items(); len(items) != 0 {
			t.Errorf("%s has %v", path, items)
		}
	}
	s.do("GET", "/v1/runs/"+runID, nil).problem(404, fault.NotFound.String(), "")

	s.do("DELETE", "/v1/users/bob", nil, headerUser, "boss").is(202)
	s.now.Add(961)
	s.do("DELETE", "/v1/users/bob", nil, headerUser, "boss").is(200)
	s.do("DELETE", "/v1/users/bob", nil, headerUser, "boss").is(200)
	if a := s.do("GET", "/v1/users/bob", nil, headerUser, "boss").is(200); a.str("state") != "erased" {
		t.Errorf("bob: %s", a.body)
	}
	s.do("DELETE", "/v1/users/nobody", nil, headerUser, "boss").problem(404, fault.NotFound.String(), "")
}

// between is a table at which something happens once, before it is first asked for what a user has.
type between struct {
	store.Table
	what func()
}

func (b *between) Query(ctx context.Context, q store.Query) (store.Page, error) {
	if what := b.what; what != nil && q.Prefix == "JOB#" {
		b.what = nil
		what()
	}
	return b.Table.Query(ctx, q)
}

func TestJobsFollowTheLaterOfTwoAdministrators(t *testing.T) {
	hook := &between{}
	s := administered(t, func(s *service, services *Services) {
		hook.Table = s.table
		services.Jobs = job.New(hook, s.dispatcher.Kinds, services.NewID, services.Clock)
	})
	_, configID := s.seed("keep")
	id := s.job(configID, nil).str("id")
	s.signIn("boss")
	let := func(verb string) { s.do("POST", "/v1/users/ana/"+verb, nil, headerUser, "boss").is(200) }
	is := func(state string) {
		t.Helper()
		j, err := s.services.Jobs.Get(t.Context(), account.Principal{Tenant: "local", Object: "ana"}.Key(), id)
		check(t, err)
		if string(j.State) != state {
			t.Errorf("the job is %s because of %q, want %s", j.State, j.Reason, state)
		}
	}
	hook.what = func() { let("enable") } // when ana is disabled, and her jobs are not paused yet
	let("disable")
	is("active")
	let("disable")
	is("paused")
	hook.what = func() { let("disable") }
	let("enable")
	is("paused")
}
