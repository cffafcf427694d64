package httpapi

import (
	"fmt"
	"testing"
	"time"

	"adminassistant/shared/account"
	"adminassistant/shared/action"
	"adminassistant/shared/notify"
)

// minute is that many minutes after the time of the clock of tests.
func minute(minutes int) time.Time {
	t, err := time.Parse(time.RFC3339, today)
	if err != nil {
		panic(err)
	}
	return t.Add(time.Duration(minutes) * time.Minute)
}

// ana is who asks in tests.
const ana = "local#ana"

// raise opens an action of ana's.
func (s *service) raise(kind action.Kind, minutes int) string {
	s.t.Helper()
	a, err := s.services.Actions.Raise(s.t.Context(), action.Action{
		User: ana, Cause: action.Cause{Kind: kind, Of: "work"}, Subject: action.Subject{Kind: "run", ID: fmt.Sprintf("R%d", minutes)},
		Detail: "It failed.", At: minute(minutes),
	})
	check(s.t, err)
	return a.ID
}

func TestActions(t *testing.T) {
	s := newService(t)
	failed, shrunk := s.raise(action.RunFailed, 1), s.raise(action.ShrunkWindow, 1)
	ids := func(query string) string {
		t.Helper()
		list := ""
		for _, it := range s.do("GET", "/v1/actions"+query, nil).is(200).items() {
			list += fmt.Sprint(object(it)["id"], " ")
		}
		return list
	}
	if got := ids(""); got != shrunk+" "+failed+" " {
		t.Errorf("listed: %s", got)
	}
	if got := ids("?kind=run_failed&state=open"); got != failed+" " {
		t.Errorf("of a kind and state: %s", got)
	}
	shown := s.do("GET", "/v1/actions/"+failed, nil).is(200)
	if shown.str("kind") != "run_failed" || shown.str("state") != "open" || shown.str("subject.id") != "R1" ||
		shown.str("detail") != "It failed." || shown.str("since") != minute(1).Format(time.RFC3339) {
		t.Errorf("%s", shown.body)
	}

	s.do("POST", "/v1/actions/"+shrunk+"/resolve", nil).problem(409, "conflict", "")
	resolved := s.do("POST", "/v1/actions/"+failed+"/resolve", nil).is(200)
	history, _ := object(resolved.json)["history"].([]any)
	if resolved.str("state") != "resolved" || len(history) != 2 || object(history[0])["you"] != false || object(history[0])["why"] != "R1" ||
		object(history[1])["you"] != true {
		t.Errorf("%s", resolved.body)
	}
	s.do("POST", "/v1/actions/"+failed+"/resolve", nil).is(200)
	s.do("POST", "/v1/actions/"+failed+"/dismiss", nil).problem(409, "conflict", "")
	if got := s.do("POST", "/v1/actions/"+shrunk+"/dismiss", nil).is(200).str("state"); got != "dismissed" {
		t.Errorf("dismissed: %s", got)
	}
	if got := ids("?state=open"); got != "" {
		t.Errorf("open: %s", got)
	}
	for _, query := range []string{"?state=done", "?kind=lunch", "?limit=0", "?cursor=x"} {
		if a := s.do("GET", "/v1/actions"+query, nil); a.StatusCode != 422 {
			t.Errorf("%s: %d", query, a.StatusCode)
		}
	}
	s.do("GET", "/v1/actions/nothing", nil).problem(404, "not_found", "")
}

func TestNotifications(t *testing.T) {
	s := newService(t)
	tell := func(minutes int, state string) string {
		t.Helper()
		n := notify.Notification{
			ID: notify.ID(minute(minutes), fmt.Sprint(minutes)), User: ana, Class: notify.Problems, State: state, Percent: 40,
			Title: fmt.Sprintf("Run %d failed", minutes),
			Text:  "It failed.\nNothing is lost.", Command: "admin-assistant archive list", Link: "/v1/runs/R1",
		}
		check(t, s.services.Notifications.Tell(t.Context(), account.DefaultSettings(), n))
		return n.ID
	}
	var ids []string
	for i := range 5 {
		ids = append(ids, tell(i, "failed"))
	}
	listed := func(query string, want ...string) {
		t.Helper()
		var got []string
		for _, it := range s.do("GET", "/v1/notifications"+query, nil).is(200).items() {
			got = append(got, fmt.Sprint(object(it)["id"]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	count := func(want string) {
		t.Helper()
		if a := s.do("GET", "/v1/notifications/count", nil).is(200); a.str("unread") != want || a.str("more") != "false" {
			t.Errorf("%s unread are counted: %s", want, a.body)
		}
	}
	listed("", ids[4], ids[3], ids[2], ids[1], ids[0])
	count("5")
	page := s.do("GET", "/v1/notifications?limit=2", nil).is(200)
	listed("?limit=2&cursor="+page.str("next"), ids[2], ids[1])

	read := s.do("POST", "/v1/notifications/"+ids[3]+"/read", nil).is(200)
	if read.str("read") != today || read.str("text") != "It failed.\nNothing is lost." || read.str("percent") != "40" || object(read.json)["mail"] != nil {
		t.Errorf("%s", read.body)
	}
	s.do("POST", "/v1/notifications/"+ids[3]+"/read", nil).is(200)
	listed("?unread=true", ids[4], ids[2], ids[1], ids[0])
	if n := s.do("POST", "/v1/notifications/read?until="+ids[1], nil).is(200).str("read"); n != "2" {
		t.Errorf("%s were read", n)
	}
	listed("?unread=true", ids[4], ids[2])
	if again := tell(0, "partial"); again != ids[0] {
		t.Errorf("the same has another id: %s", again)
	}
	listed("?unread=true", ids[4], ids[2], ids[0])
	if n := s.do("POST", "/v1/notifications/read", nil).is(200).str("read"); n != "3" {
		t.Errorf("%s were read", n)
	}
	count("0")
	s.do("POST", "/v1/notifications/nothing/read", nil).problem(404, "not_found", "")
}

func TestActionsAboutAppointments(t *testing.T) {
	s := newService(t)
	_, work := s.seed("resolve")
	other := s.do("POST", "/v1/archive-configs", config("other", nil)).is(201).str("id")
	failed := s.raise(action.RunFailed, 1)
	run := s.run(work)
	count := func(query string) int {
		t.Helper()
		return len(s.do("GET", "/v1/actions"+query, nil).is(200).items())
	}
	for query, want := range map[string]int{
		"": 2, "?config=work": 1, "?config=" + work: 1, "?config=" + other: 0, "?kind=overlap&state=open&config=work": 1, "?kind=drift": 0,
		"?period=2026-10-12": 1, "?from=2026-10-12&to=2026-10-12": 1, "?period=2026-10-13&kind=overlap": 0,
		"?period=2026-10-11&timezone=America/New_York": 0, "?period=2026-10-11&timezone=Pacific/Honolulu": 1,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %d, should be %d", query, got, want)
		}
	}
	for _, query := range []string{"?period=lunch", "?from=2026-10-12"} {
		s.do("GET", "/v1/actions"+query, nil).is(422)
	}
	s.do("GET", "/v1/actions?config=none", nil).problem(404, "not_found", "")

	listed := object(s.do("GET", "/v1/actions?kind=overlap", nil).is(200).items()[0])
	if listed["config"] != work || listed["rule"] != "equal_rank" || object(listed["span"])["from"] != "2026-10-12T07:00:00Z" ||
		object(listed["span"])["to"] != "2026-10-12T08:30:00Z" || listed["participants"] != nil {
		t.Errorf("%v", listed)
	}
	shown := s.do("GET", "/v1/actions/"+listed["id"].(string), nil).is(200)
	participants, _ := object(shown.json)["participants"].([]any)
	if len(participants) != 2 || shown.str("subject.id") != run || shown.str("why") == "" {
		t.Fatalf("%s", shown.body)
	}
	first := object(participants[0])
	fields, _ := first["fields"].([]any)
	if first["outcome"] != "conflicted" || first["gone"] != false || first["archive"] != nil || object(first["source"])["subject"] != "Acme review" ||
		first["rank"] != 5. || first["version"] != 1. || len(fields) == 0 || object(fields[0])["field"] != "subject" ||
		object(fields[0])["source"] != "Acme review" || object(fields[0])["archive"] != "" || object(fields[0])["differs"] != false {
		t.Errorf("%s", shown.body)
	}
	if empty, _ := object(s.do("GET", "/v1/actions/"+failed, nil).is(200).json)["participants"].([]any); empty == nil || len(empty) != 0 {
		t.Errorf("participants of a failed run: %v", empty)
	}
}
