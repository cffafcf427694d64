package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/job"
	"adminassistant/shared/store"
)

// jobBody is the body of a nightly archive job, with some fields changed.
func jobBody(config string, change map[string]any) map[string]any {
	b := map[string]any{"kind": "archive", "config": config, "schedule": map[string]any{"repeat": "daily", "at": "02:30", "zone": "Europe/Berlin"}, "jitter": 0}
	maps.Copy(b, change)
	return b
}

func (s *service) job(config string, change map[string]any) answer {
	s.t.Helper()
	return s.do("POST", "/v1/jobs", jobBody(config, change)).is(201)
}

// tick moves the clock and starts what is due.
func (s *service) tick(after time.Duration) job.Report {
	s.t.Helper()
	s.now.Add(int64(after / time.Second))
	r, err := s.dispatcher.Tick(s.t.Context())
	check(s.t, err)
	return r
}

func TestJobs(t *testing.T) {
	t.Run("a job is created by its config's name, and shows its next times as clocks do", func(t *testing.T) {
		s := newService(t) // Tuesday, 20 October 2026; clocks go back on Sunday
		_, configID := s.seed("keep")
		made := s.job("WORK", nil)
		if made.Header.Get("Location") != "/v1/jobs/"+made.str("id") || made.Header.Get("ETag") == "" || made.str("config") != configID ||
			made.str("state") != "active" {
			t.Errorf("created %v %s", made.Header, made.body)
		}
		shown := s.do("GET", "/v1/jobs/"+made.str("id"), nil).is(200)
		var next []string
		for _, n := range object(shown.json)["next"].([]any) {
			next = append(next, fmt.Sprint(object(n)["due"], " ", object(n)["local"]))
		}
		want := []string{
			"2026-10-21T00:30:00Z 2026-10-21T02:30:00+02:00", "2026-10-22T00:30:00Z 2026-10-22T02:30:00+02:00", "2026-10-23T00:30:00Z 2026-10-23T02:30:00+02:00",
			"2026-10-24T00:30:00Z 2026-10-24T02:30:00+02:00", "2026-10-25T00:30:00Z 2026-10-25T02:30:00+02:00",
		}
		if !slices.Equal(next, want) || shown.str("due") != "2026-10-21T00:30:00Z" || shown.str("starts") != "2026-10-21T00:30:00Z" {
			t.Errorf("next %q of %s", next, shown.body)
		}
	})
	t.Run("without a jitter it is ten minutes, and a backup is of the source", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		b := jobBody("work", map[string]any{"kind": "backup", "retention": map[string]any{"last": 3}})
		delete(b, "jitter")
		made := s.do("POST", "/v1/jobs", b).is(201)
		if made.str("jitter") != "10" || made.str("calendar") != "source" || made.str("retention.last") != "3" {
			t.Errorf("made %s", made.body)
		}
		for _, kind := range []string{"archive", "drill"} {
			if made := s.do("POST", "/v1/jobs", jobBody("work", map[string]any{"kind": kind})).is(201); strings.Contains(string(made.body), "retention") {
				t.Errorf("a job of kind %s keeps no backups: %s", kind, made.body)
			}
		}
	})
	t.Run("what is wrong names the field", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		schedule := func(change map[string]any) map[string]any {
			b := map[string]any{"repeat": "daily", "at": "02:30", "zone": "Europe/Berlin"}
			maps.Copy(b, change)
			maps.DeleteFunc(b, func(_ string, v any) bool { return v == nil })
			return map[string]any{"schedule": b}
		}
		cron := func(text string) map[string]any {
			return schedule(map[string]any{"repeat": "cron", "at": nil, "cron": text})
		}
		for _, bad := range []struct {
			change map[string]any
			field  string
			says   string
		}{
			{schedule(map[string]any{"zone": "Mars/Olympus"}), "schedule.zone", "Mars/Olympus"},
			{cron("0 0 30 2 *"), "schedule.cron", "never comes"},
			{cron("*/4 * * * *"), "schedule.cron", "more often than every 5 minutes"},
			{cron("soon"), "schedule.cron", "five fields"},
			{schedule(map[string]any{"at": "25:00"}), "schedule.at", "HH:MM"},
			{schedule(map[string]any{"at": nil}), "schedule.at", "is missing"},
			{schedule(map[string]any{"repeat": "weekly"}), "schedule.weekdays", "is missing"},
			{schedule(map[string]any{"repeat": "weekly", "weekdays": []string{"someday"}}), "schedule.weekdays", "someday"},
			{schedule(map[string]any{"repeat": "monthly", "day": 32}), "schedule.day", "1 to 31"},
			{schedule(map[string]any{"repeat": "hourly"}), "schedule.repeat", "daily"},
			{schedule(map[string]any{"day": 1}), "schedule.day", "leave it out"},
			{map[string]any{"jitter": 61}, "jitter", "60"},
			{map[string]any{"window": map[string]any{"days": 367}}, "window.days", "366"},
			{map[string]any{"calendar": "archive"}, "calendar", "leave it out"},
			{map[string]any{"retention": map[string]any{"last": 1}}, "retention", "leave it out"},
			{map[string]any{"kind": "backup", "retention": map[string]any{"daily": 1001}}, "retention.daily", "1000"},
			{map[string]any{"kind": "drill", "window": map[string]any{"days": 1}}, "window.days", "leave it out"},
			{map[string]any{"kind": "dream"}, "kind", "archive"},
			{map[string]any{"config": ""}, "config", ""},
			{map[string]any{"colour": 1}, "colour", "not a known field"},
		} {
			a := s.do("POST", "/v1/jobs", jobBody("work", bad.change)).problem(422, "invalid", bad.field)
			if !strings.Contains(a.str("detail"), bad.says) {
				t.Errorf("%v: %q does not say %q", bad.change, a.str("detail"), bad.says)
			}
		}
		s.do("POST", "/v1/jobs", jobBody("none", nil)).problem(404, "not_found", "")
		if items := s.do("GET", "/v1/jobs", nil).is(200).items(); len(items) != 0 {
			t.Errorf("there are %v", items)
		}
	})
	t.Run("the list can be of a config and of a state, page by page", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		s.do("POST", "/v1/archive-configs", config("other", map[string]any{"verify": "none"})).is(201)
		var ids []string
		for i := range 5 {
			ids = append(ids, s.job([]string{"work", "other"}[i%2], nil).str("id"))
		}
		s.do("POST", "/v1/jobs/"+ids[0]+"/pause", nil).is(200)
		for path, want := range map[string][]string{
			"/v1/jobs": ids, "/v1/jobs?config=other": {ids[1], ids[3]}, "/v1/jobs?state=active": ids[1:], "/v1/jobs?config=work&state=paused": {ids[0]},
		} {
			for limit := 1; limit < 4; limit++ {
				items := s.all(path, limit)
				if len(items) != len(want) {
					t.Errorf("%s: %v, want %v", path, items, want)
					continue
				}
				for i, item := range items {
					if !strings.Contains(item, want[i]) {
						t.Errorf("%s: %s is not %s", path, item, want[i])
					}
				}
			}
		}
		s.do("GET", "/v1/jobs?config=none", nil).problem(404, "not_found", "")
		s.do("GET", "/v1/jobs?state=tired", nil).problem(422, "invalid", "state")
	})
	t.Run("it is replaced and removed by who has read it last", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		made := s.job("work", map[string]any{"window": map[string]any{"days": 7}, "jitter": 5})
		path := "/v1/jobs/" + made.str("id")
		body := `{"schedule": {"repeat": "monthly", "at": "04:00", "day": 31, "zone": "UTC"}}`
		s.do("PUT", path, body).problem(428, codeNoPrecondition, "If-Match")
		s.do("PUT", path, body, "If-Match", `"9"`).problem(412, codeMismatch, "If-Match")
		tag := made.Header.Get("ETag")
		s.do("PUT", path, `{"schedule": {"repeat": "cron", "cron": "0 0 31 2 *", "zone": "UTC"}}`, "If-Match", tag).problem(422, "invalid", "schedule.cron")
		s.do("PUT", path, `{"kind": "backup", "schedule": {"repeat": "daily", "at": "04:00", "zone": "UTC"}}`, "If-Match", tag).problem(422, "invalid", "kind")
		changed := s.do("PUT", path, body, "If-Match", made.Header.Get("ETag")).is(200)
		if changed.str("due") != "2026-10-31T04:00:00Z" || changed.str("jitter") != "10" || len(object(object(changed.json)["window"])) != 0 ||
			changed.Header.Get("ETag") == made.Header.Get("ETag") {
			t.Errorf("changed %s", changed.body)
		}
		s.do("DELETE", path, nil).problem(428, codeNoPrecondition, "If-Match")
		s.do("DELETE", path, nil, "If-Match", made.Header.Get("ETag")).problem(412, codeMismatch, "If-Match")
		s.do("DELETE", path, nil, "If-Match", changed.Header.Get("ETag")).is(204)
		s.do("GET", path, nil).problem(404, "not_found", "")
	})
	t.Run("it starts its run in time, once, and tells of it", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		path := "/v1/jobs/" + s.job("work", nil).str("id")
		if r := s.tick(14*time.Hour + 30*time.Minute); r != (job.Report{Started: 1}) {
			t.Fatalf("got %+v", r)
		}
		if r := s.tick(time.Minute); r != (job.Report{}) {
			t.Errorf("again: %+v", r)
		}
		s.work()
		runs := s.do("GET", path+"/runs", nil).is(200).items()
		if len(runs) != 1 {
			t.Fatalf("runs %v", runs)
		}
		r, shown := object(runs[0]), s.do("GET", path, nil).is(200)
		if r["state"] != "succeeded" || r["id"] != shown.str("last_run") || r["job"] != shown.str("id") || r["to"] != "2026-10-20" ||
			shown.str("last_due") != "2026-10-21T00:30:00Z" {
			t.Errorf("run %v of %s", r, shown.body)
		}
	})
	t.Run("a run that is asked for is answered with 202, and with 200 while it is under way", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		path := "/v1/jobs/" + s.job("work", nil).str("id")
		s.do("POST", path+"/pause", nil).is(200)
		first := s.do("POST", path+"/trigger", nil).is(202)
		second := s.do("POST", path+"/trigger", nil).is(200)
		if first.str("id") != second.str("id") || first.Header.Get("Location") != "/v1/runs/"+first.str("id") ||
			second.Header.Get("Location") != first.Header.Get("Location") {
			t.Errorf("first %s, then %s", first.body, second.body)
		}
		s.work()
		if third := s.do("POST", path+"/trigger", nil).is(202); third.str("id") == first.str("id") {
			t.Error("the run that had ended")
		}
		if runs := s.do("GET", path+"/runs", nil).is(200).items(); len(runs) != 2 {
			t.Errorf("runs %v", runs)
		}
	})
	t.Run("a backup's run tells its calendar, and no days where it is of all", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		path := "/v1/jobs/" + s.job("work", map[string]any{"kind": "backup", "calendar": "archive"}).str("id")
		r := s.do("POST", path+"/trigger", nil).is(202)
		if _, days := object(r.json)["from"]; days || r.str("kind") != "backup" || r.str("calendar") != "local://me/calendars/Archive%20of%20work" {
			t.Errorf("run %s", r.body)
		}
		s.do("POST", "/v1/runs/"+r.str("id")+"/cancel", nil).is(200)
		s.do("POST", "/v1/runs/"+r.str("id")+"/retry", nil).problem(409, codeNothingToRetry, "")
	})
	t.Run("it is paused and goes on at its next time", func(t *testing.T) {
		s := newService(t)
		s.seed("keep")
		path := "/v1/jobs/" + s.job("work", nil).str("id")
		paused := s.do("POST", path+"/pause", nil).is(200)
		if body := object(paused.json); body["due"] != nil || body["next"] != nil || paused.str("state") != "paused" || paused.str("reason") != "user" {
			t.Errorf("paused %s", paused.body)
		}
		if r := s.tick(48 * time.Hour); r != (job.Report{}) {
			t.Errorf("got %+v", r)
		}
		if resumed := s.do("POST", path+"/resume", nil).is(200); resumed.str("state") != "active" || resumed.str("due") != "2026-10-23T00:30:00Z" {
			t.Errorf("resumed %s", resumed.body)
		}
	})
}

func TestJobsFollowTheirConfig(t *testing.T) {
	reason := func(s *service, id string) string {
		a := s.do("GET", "/v1/jobs/"+id, nil).is(200)
		return fmt.Sprint(a.str("state"), " ", object(a.json)["reason"])
	}
	t.Run("they rest while it is not active, but for those that the user has paused", func(t *testing.T) {
		s := newService(t)
		_, configID := s.seed("keep")
		s.do("POST", "/v1/archive-configs", config("other", map[string]any{"verify": "none"})).is(201)
		mine, held, other := s.job("work", nil).str("id"), s.job("work", nil).str("id"), s.job("other", nil).str("id")
		s.do("POST", "/v1/jobs/"+held+"/pause", nil).is(200)
		path := "/v1/archive-configs/" + configID
		s.do("POST", path+"/deactivate", nil).is(200)
		want := []string{"paused config_inactive", "paused user", "active <nil>"}
		if got := []string{reason(s, mine), reason(s, held), reason(s, other)}; !slices.Equal(got, want) {
			t.Errorf("deactivated: %q", got)
		}
		s.do("POST", "/v1/jobs/"+mine+"/resume", nil).problem(409, codeConfigInactive, "")
		s.do("POST", "/v1/jobs/"+mine+"/trigger", nil).problem(409, codeConfigInactive, "")
		s.do("POST", "/v1/jobs", jobBody("work", nil)).problem(409, codeConfigInactive, "")
		s.do("POST", path+"/activate", nil).is(200)
		if got := []string{reason(s, mine), reason(s, held)}; !slices.Equal(got, []string{"active <nil>", "paused user"}) {
			t.Errorf("activated: %q", got)
		}
	})
	t.Run("what a request left undone the next one does", func(t *testing.T) {
		s := newService(t)
		_, configID := s.seed("keep")
		id := s.job("work", nil).str("id")
		c, err := s.services.Configs.Get(t.Context(), "local#ana", configID)
		check(t, err)
		c.Active = false
		c, err = s.services.Configs.Update(t.Context(), "local#ana", c) // and then the process died
		check(t, err)
		s.do("POST", "/v1/archive-configs/"+configID+"/deactivate", nil).is(200)
		if got := reason(s, id); got != "paused config_inactive" {
			t.Errorf("deactivated: %s", got)
		}
		c.Active = true
		c, err = s.services.Configs.Update(t.Context(), "local#ana", c)
		check(t, err)
		s.do("POST", "/v1/archive-configs/"+configID+"/activate", nil).is(200)
		if got := reason(s, id); got != "active <nil>" {
			t.Errorf("activated: %s", got)
		}
		check(t, s.services.Configs.Delete(t.Context(), "local#ana", configID, c.Version))
		s.do("DELETE", "/v1/archive-configs/"+configID, nil).problem(404, "not_found", "")
		s.do("GET", "/v1/jobs/"+id, nil).problem(404, "not_found", "")
	})
	t.Run("they go with it, unless it stays", func(t *testing.T) {
		s := newService(t)
		_, configID := s.seed("keep")
		id := s.job("work", nil).str("id")
		path := "/v1/archive-configs/" + configID
		s.do("DELETE", path, nil, "If-Match", `"9"`).problem(412, codeMismatch, "If-Match")
		s.do("GET", "/v1/jobs/"+id, nil).is(200)
		s.do("DELETE", path, nil, "If-Match", "*").is(204)
		s.do("GET", "/v1/jobs/"+id, nil).problem(404, "not_found", "")
		if r := s.tick(48 * time.Hour); r != (job.Report{}) {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("one that has archived stays, and its jobs too", func(t *testing.T) {
		s := newService(t)
		_, configID := s.seed("keep")
		s.run(configID)
		id := s.job("work", nil).str("id")
		s.do("DELETE", "/v1/archive-configs/"+configID, nil, "If-Match", "*").problem(409, "conflict", "")
		s.do("GET", "/v1/jobs/"+id, nil).is(200)
	})
}

func TestJobsOfADisabledUser(t *testing.T) {
	s := administered(t)
	s.signIn("ana", "boss")
	s.seed("keep")
	id := s.job("work", nil).str("id")
	s.do("POST", "/v1/users/ana/disable", nil, headerUser, "boss").is(200)
	j, err := s.services.Jobs.Get(t.Context(), "local#ana", id)
	check(t, err)
	if j.State != job.Paused || j.Reason != job.UserDisabled {
		t.Errorf("disabled: %+v", j)
	}
	s.do("POST", "/v1/users/ana/enable", nil, headerUser, "boss").is(200)
	if a := s.do("GET", "/v1/jobs/"+id, nil).is(200); a.str("state") != "active" {
		t.Errorf("enabled: %s", a.body)
	}

	t.Run("start no runs even when whoever disabled the user died before they were paused", func(t *testing.T) {
		_, err := s.services.Users.Disable(t.Context(), account.Principal{Tenant: "local", Object: "boss"}, "ana")
		check(t, err)
		if r := s.tick(24 * time.Hour); r != (job.Report{Paused: 1}) {
			t.Errorf("got %+v", r)
		}
		s.do("POST", "/v1/users/ana/enable", nil, headerUser, "boss").is(200)
		if a := s.do("GET", "/v1/jobs/"+id, nil).is(200); a.str("state") != "active" {
			t.Errorf("enabled: %s", a.body)
		}
	})
}

func TestJobHealth(t *testing.T) {
	s := administered(t)
	s.seed("keep")
	good := s.do("GET", "/v1/jobs/health", nil).is(200)
	if len(object(good.json)["late"].([]any)) != 0 || len(object(good.json)["failing"].([]any)) != 0 {
		t.Errorf("at first %s", good.body)
	}
	id := s.job("work", nil).str("id")
	s.do("POST", "/v1/jobs/"+id+"/trigger", nil).is(202)
	s.now.Add(int64(15 * time.Hour / time.Second))
	late := s.do("GET", "/v1/jobs/health", nil).is(200)
	if jobs := object(late.json)["late"].([]any); len(jobs) != 1 || object(jobs[0])["id"] != id {
		t.Errorf("late are %s", late.body)
	}
	if _, told := object(late.json)["queues"]; told {
		t.Errorf("a user is told what waits for others: %s", late.body)
	}
	admin := s.do("GET", "/v1/jobs/health", nil, headerUser, "boss").is(200)
	if len(object(admin.json)["late"].([]any)) != 0 {
		t.Errorf("an administrator sees jobs of others: %s", admin.body)
	}
	queues, _ := object(admin.json)["queues"].([]any)
	if want := "[map[age:54000 kind:archive waiting:1] map[kind:backup waiting:0] map[kind:drill waiting:0] " +
		"map[age:54000 kind:verify waiting:1]]"; fmt.Sprint(queues) != want {
		t.Errorf("queues %v", queues)
	}
}

// TestUnreadableJob has a job that nobody can read: it is in nobody's way, and can be removed.
func TestUnreadableJob(t *testing.T) {
	s := newService(t)
	s.seed("keep")
	id := s.job("work", nil).str("id")
	_, err := s.table.Put(t.Context(), store.Item{Key: store.Key{PK: "USER#local#ana", SK: "JOB#" + id}, Data: []byte(`{"id":`)}, store.Any())
	check(t, err)
	if items := s.do("GET", "/v1/jobs", nil).is(200).items(); len(items) != 0 {
		t.Errorf("items %v", items)
	}
	s.do("GET", "/v1/jobs/"+id, nil).problem(http.StatusInternalServerError, "malformed", "")
}
