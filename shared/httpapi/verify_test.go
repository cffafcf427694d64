package httpapi

import (
	"testing"
)

func TestANewConfigIsVerifiedWeeklyUnlessToldOtherwise(t *testing.T) {
	s := newService(t)
	s.seed("keep") // with verify: none
	jobs := func(config string) []any {
		return s.do("GET", "/v1/jobs?config="+config, nil).is(200).json.(map[string]any)["items"].([]any)
	}
	if got := jobs("work"); len(got) != 0 {
		t.Errorf("told not to: %v", got)
	}
	s.do("POST", "/v1/archive-configs", config("weekly", map[string]any{"archive": "local://me/calendars/Weekly"})).is(201)
	got := jobs("weekly")
	if len(got) != 1 {
		t.Fatalf("there are %v", got)
	}
	j := object(got[0])
	if schedule := object(j["schedule"]); j["kind"] != "verify" || schedule["repeat"] != "weekly" || schedule["zone"] != "Europe/Berlin" {
		t.Errorf("%v", j)
	}
	s.do("POST", "/v1/archive-configs", config("daily", map[string]any{"verify": "daily"})).problem(422, "invalid", "verify")
}

func TestAVerificationAndARepairAreStarted(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	at := "/v1/archive-configs/" + configID
	r := s.do("POST", at+"/verify", map[string]any{"period": "last month"}).is(202)
	if r.str("kind") != "verify" || r.str("from") == "" {
		t.Errorf("%s", r.body)
	}
	if all := s.do("POST", "/v1/archive-configs/work/verify", nil).is(202); all.str("kind") != "verify" || object(all.json)["from"] != nil {
		t.Errorf("%s", all.body)
	}
	s.do("POST", at+"/verify", map[string]any{"period": "some day"}).problem(422, "invalid", "period")
	if r := s.do("POST", at+"/repair", map[string]any{"mode": "adopt", "missing": true, "dry_run": true}).is(202); r.str("kind") != "repair" {
		t.Errorf("%s", r.body)
	}
	s.do("POST", at+"/repair", map[string]any{}).problem(422, "invalid", "mode")
	s.do("POST", at+"/repair", map[string]any{"mode": "repair", "missing": true}).problem(422, "invalid", "missing")
	s.do("POST", at+"/repair", map[string]any{"mode": "destroy"}).problem(422, "invalid", "mode")
	s.do("POST", at+"/repair", map[string]any{"answers": map[string]any{"1f2e3d4c5b": "perhaps"}}).problem(422, "invalid", "answers.1f2e3d4c5b")
	if r := s.do("POST", at+"/repair", map[string]any{"answers": map[string]any{"1f2e3d4c5b": "adopt"}}).is(202); r.str("kind") != "repair" {
		t.Errorf("%s", r.body)
	}
	s.do("POST", at+"/deactivate", nil).is(200)
	s.do("POST", at+"/verify", map[string]any{"period": "yesterday"}).is(202)
	s.do("POST", at+"/repair", map[string]any{"mode": "repair", "period": "yesterday"}).problem(409, "config_inactive", "")
}
