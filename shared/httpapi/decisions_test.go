package httpapi

import (
	"fmt"
	"strings"
	"testing"
)

type verdicts = []map[string]any

// overlap archives the week, and returns the calendar, its config and the action that asks about two appointments, with their keys.
func (s *service) overlap() (source, config, action string, keys []string) {
	s.t.Helper()
	source, config = s.seed("resolve")
	s.run(config)
	action = object(s.do("GET", "/v1/actions?kind=overlap", nil).is(200).items()[0])["id"].(string)
	participants, _ := object(s.do("GET", "/v1/actions/"+action, nil).is(200).json)["participants"].([]any)
	for _, p := range participants {
		keys = append(keys, object(p)["key"].(string))
	}
	return source, config, action, keys
}

// shared is two appointments that share time, of which one has a customer.
var shared = strings.Join([]string{
	"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//test//EN",
	"BEGIN:VEVENT", "UID:x@example.com", "DTSTAMP:20261001T000000Z", "DTSTART:20261019T070000Z", "DTEND:20261019T080000Z", "SUMMARY:Acme plan",
	"CATEGORIES:Acme - billable", "END:VEVENT",
	"BEGIN:VEVENT", "UID:y@example.com", "DTSTAMP:20261001T000000Z", "DTSTART:20261019T073000Z", "DTEND:20261019T083000Z", "SUMMARY:Lunch", "END:VEVENT",
	"END:VCALENDAR", "",
}, "\r\n")

func TestAnActionIsResolvedByADecision(t *testing.T) {
	s := newService(t)
	source, config, action, keys := s.overlap()
	path := "/v1/actions/" + action
	first := verdicts{{"key": keys[0], "verdict": "keep"}, {"key": keys[1], "verdict": "drop", "by": keys[0]}}

	s.do("POST", path+"/resolve", nil).problem(409, "conflict", "")
	s.do("POST", path+"/resolve", map[string]any{"verdicts": verdicts{{"key": "other", "verdict": "keep"}}}).problem(422, "invalid", "verdicts[0].key")
	s.do("POST", path+"/resolve", map[string]any{"verdicts": first, "allow_overlap": true}).problem(422, "invalid", "note")
	s.do("POST", path+"/resolve", map[string]any{"verdicts": first}, headerUser, "bob").problem(404, "not_found", "")

	preview := s.do("POST", path+"/resolve", map[string]any{"verdicts": first, "preview": true}).is(202).str("id")
	s.work()
	r := s.do("GET", "/v1/runs/"+preview, nil).is(200)
	hours, _ := object(object(r.json)["decided"])["hours"].([]any)
	if r.str("state") != "succeeded" || r.str("dry_run") != "true" || r.str("decided.written") != "0" || r.str("decided.kept") != "1" || len(hours) != 1 {
		t.Errorf("the preview: %s", r.body)
	}
	if state := s.do("GET", path, nil).is(200).str("state"); state != "open" {
		t.Errorf("after the preview the action is %s", state)
	}

	suggested := func(path string) []any {
		list, _ := object(s.do("GET", path, nil).is(200).json)["suggestions"].([]any)
		return list
	}
	if list := suggested(path); list == nil || len(list) != 0 {
		t.Errorf("nothing speaks for either, and this is suggested: %v", list)
	}
	s.do("POST", "/v1/calendars/"+source+"/import", shared, "Content-Type", "text/calendar").is(200)
	s.run(config)
	other := "/v1/actions/" + object(s.do("GET", "/v1/actions?kind=overlap&period=2026-10-19", nil).is(200).items()[0])["id"].(string)
	suggestions := suggested(other)
	if len(suggestions) != 2 || object(suggestions[0])["rule"] != "only_customer" || object(suggestions[1])["rule"] != "trim" {
		t.Fatalf("suggested: %v", suggestions)
	}
	for _, one := range suggestions {
		id := s.do("POST", other+"/resolve", map[string]any{"verdicts": object(one)["verdicts"], "preview": true}).is(202).str("id")
		s.work()
		if r := s.do("GET", "/v1/runs/"+id, nil).is(200); r.str("state") != "succeeded" || r.str("decided.refused") != "0" {
			t.Errorf("%v comes to %s", one, r.body)
		}
	}

	started := s.do("POST", path+"/resolve", map[string]any{"verdicts": first, "note": "the review took place"}).is(202)
	if started.str("kind") != "decide" || started.Header.Get("Location") != "/v1/runs/"+started.str("id") {
		t.Errorf("%s", started.body)
	}
	s.do("POST", path+"/resolve", map[string]any{"verdicts": first}).problem(409, codeDecidedAlready, "")
	s.work()
	if r := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200); r.str("state") != "succeeded" || r.str("decided.written") != "1" {
		t.Errorf("%s", r.body)
	}
	a := s.do("GET", path, nil).is(200)
	history, _ := object(a.json)["history"].([]any)
	if last := object(history[len(history)-1]); last["state"] != "resolved" || last["you"] != true || last["why"] != started.str("id") {
		t.Errorf("%s", a.body)
	}
	again := s.do("POST", path+"/resolve", map[string]any{"verdicts": first}).problem(409, codeDecidedAlready, "")
	if detail := again.str("detail"); !strings.Contains(detail, "resolved") || !strings.Contains(detail, started.str("id")) {
		t.Errorf("it does not say what was decided: %s", detail)
	}
	// The source changes, so that the decision does not hold any more; it is suggested again.
	s.do("POST", "/v1/calendars/"+source+"/import", strings.ReplaceAll(week, "Acme review", "Acme revision"), "Content-Type", "text/calendar").is(200)
	s.run(config)
	var earlier []string
	for _, it := range s.do("GET", "/v1/actions?state=open&period=2026-10-12", nil).is(200).items() {
		for _, one := range suggested("/v1/actions/" + object(it)["id"].(string)) {
			earlier = append(earlier, object(one)["rule"].(string)+" "+fmt.Sprint(object(object(one)["verdicts"].([]any)[0])["verdict"]))
		}
	}
	if len(earlier) == 0 || earlier[0] != "earlier_decision keep" {
		t.Errorf("suggested when the source has changed: %q", earlier)
	}
	failed := s.raise("run_failed", 1)
	s.do("POST", "/v1/actions/"+failed+"/resolve", map[string]any{"verdicts": first}).problem(422, "invalid", "verdicts")
}

func TestDecisions(t *testing.T) {
	s := newService(t)
	_, config, action, keys := s.overlap()
	decide := func(d map[string]any) answer {
		return s.do("POST", "/v1/decisions", map[string]any{"config": "work", "decisions": []any{d}})
	}
	first := verdicts{{"key": keys[0], "verdict": "keep"}, {"key": keys[1], "verdict": "drop"}}
	decide(map[string]any{"action": action, "verdicts": first, "seen": []any{
		map[string]any{"key": keys[0], "hash": "sha256:" + strings.Repeat("0", 64)},
	}}).problem(409, "stale_decision", "")
	decide(map[string]any{"verdicts": verdicts{{"key": "nothing", "verdict": "withdraw"}}}).problem(404, "not_found", "")
	decide(map[string]any{"action": action, "verdicts": verdicts{{"key": "another", "verdict": "keep"}}}).problem(422, "invalid", "decisions[0].verdicts[0].key")
	repair := func(actions map[string]any) answer {
		return s.do("POST", "/v1/archive-configs/"+config+"/repair", map[string]any{"actions": actions})
	}
	repair(map[string]any{"nothing": "repair"}).problem(404, "not_found", "")
	repair(map[string]any{action: "repair"}).problem(422, "invalid", "actions."+action)
	repair(map[string]any{}).problem(422, "invalid", "mode")
	fields := map[string]any{"subject": "Call", "start": "2026-10-12T06:00:00Z", "end": "2026-10-12T05:30:00Z"}
	decide(map[string]any{"verdicts": verdicts{{"verdict": "create", "fields": fields}}}).problem(422, "invalid", "decisions[0].verdicts[0].fields.end")
	s.do("POST", "/v1/decisions", map[string]any{"config": "none", "decisions": []any{map[string]any{"verdicts": first}}}).problem(404, "not_found", "")

	// An appointment of the user's own, and of two decisions the one that can be carried out.
	fields["end"] = "2026-10-12T06:30:00Z"
	in := map[string]any{"config": config, "decisions": []any{
		map[string]any{"verdicts": verdicts{{"verdict": "create", "fields": fields}}},
		map[string]any{"action": action, "verdicts": verdicts{{"key": keys[0], "verdict": "keep"}, {"key": keys[1], "verdict": "keep"}}},
	}}
	id := s.do("POST", "/v1/decisions", in).is(202).str("id")
	s.work()
	if r := s.do("GET", "/v1/runs/"+id, nil).is(200); r.str("state") != "failed" || r.str("problem.code") != "would_overlap" || r.str("decided.written") != "0" {
		t.Errorf("all or nothing: %s", r.body)
	}
	in["partial"] = true
	id = s.do("POST", "/v1/decisions", in).is(202).str("id")
	s.work()
	if r := s.do("GET", "/v1/runs/"+id, nil).is(200); r.str("state") != "partial" || r.str("decided.created") != "1" || r.str("decided.refused") != "2" {
		t.Errorf("in part: %s", r.body)
	}
	if state := s.do("GET", "/v1/actions/"+action, nil).is(200).str("state"); state != "open" {
		t.Errorf("what was refused is %s", state)
	}
	s.do("POST", "/v1/archive-configs/"+config+"/deactivate", nil).is(200)
	decide(map[string]any{"action": action, "verdicts": first}).problem(409, codeConfigInactive, "")
}
