package httpapi

import "testing"

func TestJobsAreFoundByTheirNames(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	body := func(name string) map[string]any {
		return map[string]any{"kind": "backup", "config": configID, "name": name, "schedule": map[string]any{"repeat": "daily", "at": "04:00", "zone": "UTC"}}
	}
	made := s.do("POST", "/v1/jobs", body("Every night")).is(201)
	id := made.str("id")
	if made.str("name") != "Every night" {
		t.Errorf("it is called %q", made.str("name"))
	}
	s.do("POST", "/v1/jobs", body("every NIGHT")).problem(409, "conflict", "")
	s.do("POST", "/v1/jobs", body(" x")).problem(422, "invalid", "name")
	s.do("POST", "/v1/jobs", body("")).is(201)
	s.do("POST", "/v1/jobs", body("")).is(201) // two without a name are no clash
	other := s.do("POST", "/v1/jobs", body("Other")).is(201)
	for _, route := range [][2]string{{"GET", ""}, {"POST", "/pause"}, {"POST", "/resume"}} {
		if got := s.do(route[0], "/v1/jobs/every%20night"+route[1], nil).is(200); got.str("id") != id {
			t.Errorf("%s is of %s", route, got.str("id"))
		}
	}
	s.do("GET", "/v1/jobs/every%20night/runs", nil).is(200)
	settings := map[string]any{"name": "EVERY night", "schedule": map[string]any{"repeat": "daily", "at": "04:00", "zone": "UTC"}}
	s.do("PUT", "/v1/jobs/"+other.str("id"), settings, headerIfMatch, other.Header.Get("ETag")).problem(409, "conflict", "")
	s.do("GET", "/v1/jobs/nobody", nil).problem(404, "not_found", "")
}

func TestRunsAreListedByStateAndSince(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	s.run(configID)
	for query, want := range map[string]int{"": 1, "?state=succeeded": 1, "?state=failed": 0, "?since=2000-01-01T00:00:00Z": 1, "?since=2100-01-01T00:00:00Z": 0} {
		if got := s.do("GET", "/v1/runs"+query, nil).is(200).items(); len(got) != want {
			t.Errorf("%s: %d runs, want %d", query, len(got), want)
		}
	}
	s.do("GET", "/v1/runs?state=asleep", nil).problem(422, "invalid", "state")
	s.do("GET", "/v1/runs?since=yesterday", nil).problem(422, "invalid", "since")
}

func TestWhatIsToComeIsNotArchivedUnasked(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	start := func(period string, more ...string) map[string]any {
		body := map[string]any{"kind": "archive", "config": configID, "period": period}
		for _, name := range more {
			body[name] = true
		}
		return body
	}
	for _, period := range []string{"tomorrow", "this month", "2026-10-20 to 2026-10-21", "next week"} {
		s.do("POST", "/v1/runs", start(period)).problem(422, "invalid", "period")
		s.do("POST", "/v1/runs", start(period, "dry_run")).is(202)
	}
	s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID, "from": "2026-10-20", "to": "2026-10-21"}).problem(422, "invalid", "to")
	s.do("POST", "/v1/runs", start("2026-10-19 to today")).is(202)
	s.do("POST", "/v1/runs", start("tomorrow", "future")).is(202)
}
