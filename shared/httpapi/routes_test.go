package httpapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/account"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/run"
	"adminassistant/shared/store"
)

// unreachable is the ping of a store that does not answer it.
func unreachable(context.Context) error { return errors.New("no route to host") }

func calendarIDOf(uri string) string { return base64.RawURLEncoding.EncodeToString([]byte(uri)) }

// run archives the whole of October and returns the run's id.
func (s *service) run(configID string) string {
	s.t.Helper()
	a := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID, "from": "2026-10-01", "to": "2026-10-31", "future": true}).is(202)
	s.work()
	return a.str("id")
}

func TestMe(t *testing.T) {
	a := newService(t).do("GET", "/v1/me", nil).is(200)
	if got := fmt.Sprint(a.str("tenant"), a.str("object"), a.str("version")); got != "localana1.2.3" {
		t.Error(got)
	}
}

func TestCalendars(t *testing.T) {
	s := newService(t)
	created := s.do("POST", "/v1/calendars", `{"uri": "local://Me/calendars/My%20Work"}`).is(201)
	id := created.str("id")
	if got := created.Header.Get("Location"); got != "/v1/calendars/"+id {
		t.Errorf("location %s", got)
	}
	if got := s.do("GET", "/v1/calendars/"+id, nil).is(200); got.str("name") != "My Work" ||
		got.str("uri") != "local://Me/calendars/My%20Work" || got.str("primary") != "true" {
		t.Errorf("got %s", got.body)
	}
	s.calendar("local://other/calendars/Private")
	if all := s.do("GET", "/v1/calendars", nil).is(200).items(); len(all) != 2 {
		t.Errorf("all accounts: %v", all)
	}
	if mine := s.do("GET", "/v1/calendars?account=ME", nil).is(200).items(); len(mine) != 1 {
		t.Errorf("one account: %v", mine)
	}
	if one := s.do("GET", "/v1/calendars?uri="+url.QueryEscape(`local://me/calendars/"my work"`), nil).is(200).items(); len(one) != 1 ||
		object(one[0])["provider_id"] != created.str("provider_id") {
		t.Errorf("by URI: %v", one)
	}
	if none := s.do("GET", "/v1/calendars?uri=local://me/calendars/None", nil).is(200).items(); len(none) != 0 {
		t.Errorf("by a URI of nothing: %v", none)
	}
	s.do("DELETE", "/v1/calendars/"+id, nil).is(204)
	s.do("GET", "/v1/calendars/"+id, nil).problem(404, "not_found", "")
	s.do("DELETE", "/v1/calendars/"+id, nil).problem(404, "not_found", "")
}

func TestImportAndExport(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	send := func(text string) answer {
		return s.do("POST", "/v1/calendars/"+id+"/import", text, "Content-Type", "text/calendar; charset=utf-8")
	}
	counts := func(a answer) string { return a.str("added") + " " + a.str("changed") + " " + a.str("total") }
	if got := counts(send(week).is(200)); got != "5 0 5" {
		t.Errorf("first: %s", got)
	}
	if got := counts(send(week).is(200)); got != "0 0 5" {
		t.Errorf("again: %s", got)
	}
	if got := counts(send(strings.Replace(week, "Dentist", "Doctor", 1)).is(200)); got != "0 1 5" {
		t.Errorf("changed: %s", got)
	}
	broken := strings.Replace(file("x@example.com|New|20261020T070000Z|20261020T080000Z|", "y@example.com|Broken|20261020T070000Z|20261320T080000Z|"),
		"CATEGORIES:\r\n", "", 2)
	how := func(query string) answer {
		return s.do("POST", "/v1/calendars/"+id+"/import?"+query, broken, "Content-Type", "text/calendar")
	}
	how("strict=true").problem(422, "invalid", "")
	preview := how("dry_run=true").is(200)
	if got := counts(preview) + " " + preview.str("set_aside") + " " + preview.str("dry_run"); got != "1 0 2 1 true" {
		t.Errorf("the preview: %s", got)
	}
	if events := s.all("/v1/calendars/"+id+"/events?from=2026-10-01&to=2026-10-31", 200); len(events) != 5 {
		t.Errorf("a broken file left %d events", len(events))
	}
	out := s.do("GET", "/v1/calendars/"+id+"/export", nil).is(200)
	if kind := out.Header.Get("Content-Type"); kind != "text/calendar; charset=utf-8" {
		t.Errorf("content type %s", kind)
	}
	if disposition := out.Header.Get("Content-Disposition"); disposition != "attachment; filename*=UTF-8''Work.ics" {
		t.Errorf("disposition %s", disposition)
	}
	other := s.calendar("local://me/calendars/Copy")
	copied := s.do("POST", "/v1/calendars/"+other+"/import", string(out.body), "Content-Type", "text/calendar").is(200)
	if got := counts(copied); got != "5 0 5" {
		t.Errorf("a copy: %s", got)
	}
}

func TestEvents(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	text := strings.TrimSuffix(week, "END:VCALENDAR\r\n") +
		"BEGIN:VEVENT\r\nUID:daily@example.com\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Daily\r\nDTSTART:20261012T090000Z\r\n" +
		"DTEND:20261012T091500Z\r\nRRULE:FREQ=DAILY;COUNT=3\r\nEND:VEVENT\r\n" +
		"BEGIN:VEVENT\r\nUID:holiday@example.com\r\nDTSTAMP:20261001T000000Z\r\nSUMMARY:Holiday\r\nDTSTART;VALUE=DATE:20261013\r\n" +
		"DTEND;VALUE=DATE:20261014\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	s.do("POST", "/v1/calendars/"+id+"/import", text, "Content-Type", "text/calendar").is(200)
	path := "/v1/calendars/" + id + "/events?timezone=Europe/Berlin&"
	events := s.all(path+"period=last+week", 200)
	if len(events) != 9 {
		t.Fatalf("%d events: %v", len(events), events)
	}
	if !slices.IsSortedFunc(events, func(a, b string) int { return strings.Compare(startOf(t, a), startOf(t, b)) }) {
		t.Errorf("not in order: %v", events)
	}
	for limit := 1; limit < 10; limit++ {
		if paged := s.all(path+"period=last+week", limit); !slices.Equal(paged, events) {
			t.Errorf("by %d: %v", limit, paged)
		}
	}
	day := s.do("GET", path+"from=2026-10-13&to=2026-10-13", nil).is(200).items()
	if first := object(day[0]); len(day) != 3 || first["all_day"] != true || first["start"] != "2026-10-12T22:00:00Z" ||
		first["start_date"] != "2026-10-13" || first["end_date"] != "2026-10-14" {
		t.Errorf("a day: %v", day)
	}
}

func startOf(t *testing.T, item string) string {
	var v struct {
		Start string `json:"start"`
	}
	check(t, json.Unmarshal([]byte(item), &v))
	return v.Start
}

func TestOverlaps(t *testing.T) {
	s := newService(t)
	id := s.calendar(seeded)
	text := strings.TrimSuffix(week, "END:VCALENDAR\r\n") +
		strings.TrimPrefix(file("f@example.com|Call|20261015T090000Z|20261015T100000Z|Initech - billable"),
			"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//test//EN\r\n")
	s.do("POST", "/v1/calendars/"+id+"/import", text, "Content-Type", "text/calendar").is(200)
	path := "/v1/calendars/" + id + "/overlaps?period=last+week"
	groups := s.all(path, 200)
	if len(groups) != 2 || !strings.Contains(groups[0], "Acme review") || !strings.Contains(groups[0], "Acme planning") ||
		!strings.Contains(groups[1], "Workshop") {
		t.Fatalf("groups %v", groups)
	}
	if !strings.Contains(groups[0], `"start":"2026-10-12T07:00:00Z"`) || !strings.Contains(groups[0], `"end":"2026-10-12T08:30:00Z"`) {
		t.Errorf("group %s", groups[0])
	}
	if paged := s.all(path, 1); !slices.Equal(paged, groups) {
		t.Errorf("by one: %v", paged)
	}
}

func TestConfigs(t *testing.T) {
	s := newService(t)
	created := s.do("POST", "/v1/archive-configs", config("work", nil)).is(201)
	id, etag := created.str("id"), created.Header.Get("ETag")
	if got := created.Header.Get("Location"); got != "/v1/archive-configs/"+id || etag == "" {
		t.Errorf("location %s, etag %s", got, etag)
	}
	for field, want := range map[string]string{
		"active":           "true",
		"purpose":          "general",
		"overlaps":         "ask",
		"on_drift":         "ask",
		"look_back":        "30",
		"create_calendar":  "true",
		"all_day_overlaps": "false",
		"rules":            "[]",
	} {
		if got := created.str(field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	path := "/v1/archive-configs/" + id
	if got := s.do("GET", path, nil).is(200); got.Header.Get("ETag") != etag || string(got.body) != string(created.body) {
		t.Errorf("got %s %s", got.Header.Get("ETag"), got.body)
	}
	window := s.do("GET", path+"/window", nil).is(200)
	if got := window.str("from") + " " + window.str("to"); got != "2026-09-20 2026-10-19" {
		t.Errorf("window %s", got)
	}

	changed := s.do("PUT", path, config("Work 2", map[string]any{"look_back": 0, "create_calendar": false, "overlaps": "resolve"}), "If-Match", etag).is(200)
	if changed.str("look_back") != "0" || changed.str("create_calendar") != "false" || changed.str("name") != "Work 2" || changed.Header.Get("ETag") == etag {
		t.Errorf("changed %s %s", changed.Header.Get("ETag"), changed.body)
	}
	s.do("PUT", path, config("work", nil), "If-Match", etag).problem(412, codeMismatch, "If-Match")
	s.do("PUT", path, config("work 3", nil), "If-Match", etag+`, `+changed.Header.Get("ETag")).is(200)

	if a := s.do("POST", path+"/deactivate", nil).is(200); a.str("active") != "false" {
		t.Errorf("deactivated: %s", a.body)
	}
	s.do("POST", path+"/deactivate", nil).is(200)
	s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": id}).problem(409, codeConfigInactive, "")
	latest := s.do("POST", path+"/activate", nil).is(200)
	if latest.str("active") != "true" {
		t.Errorf("activated: %s", latest.body)
	}

	for i := range 6 {
		s.do("POST", "/v1/archive-configs", config(fmt.Sprintf("c%d", i), nil)).is(201)
	}
	all := s.all("/v1/archive-configs", 200)
	for limit := 1; limit < 8; limit++ {
		if paged := s.all("/v1/archive-configs", limit); len(all) != 7 || !slices.Equal(paged, all) {
			t.Errorf("by %d: %d of %d", limit, len(paged), len(all))
		}
	}
	if named := s.do("GET", "/v1/archive-configs?name=WORK%203", nil).is(200).items(); len(named) != 1 {
		t.Errorf("by name: %v", named)
	}
	if named := s.do("GET", "/v1/archive-configs?name="+id, nil).is(200).items(); len(named) != 0 {
		t.Errorf("an id is no name: %v", named)
	}
	s.do("DELETE", path, nil, "If-Match", latest.Header.Get("ETag")).is(204)
	s.do("GET", path, nil).problem(404, "not_found", "")
}

func TestRuns(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("resolve")
	start := map[string]any{"kind": "archive", "config": "WORK", "period": "last week"}
	started := s.do("POST", "/v1/runs", start).is(202)
	id := started.str("id")
	if started.str("state") != "queued" || started.str("from") != "2026-10-12" || started.str("to") != "2026-10-18" ||
		started.str("config") != configID || started.Header.Get("Location") != "/v1/runs/"+id {
		t.Errorf("started %s", started.body)
	}
	if again := s.do("POST", "/v1/runs", start).is(200); again.str("id") != id || again.Header.Get("Location") != "/v1/runs/"+id {
		t.Errorf("the same again: %s", again.body)
	}
	s.do("GET", "/v1/runs/"+id+"/plan", nil).problem(404, "not_found", "")
	s.do("POST", "/v1/runs/"+id+"/retry", nil).problem(409, codeRunUnderWay, "")
	s.work()
	ended := s.do("GET", "/v1/runs/"+id, nil).is(200)
	if ended.str("state") != "succeeded" || ended.str("result.balanced") != "true" || ended.str("result.counts.fetched") != "5" ||
		ended.str("progress.percent") != "100" {
		t.Errorf("ended %s", ended.body)
	}
	plan := s.do("GET", "/v1/runs/"+id+"/plan", nil).is(200)
	if object(plan.json)["balanced"] != true || len(plan.items()) != 5 {
		t.Errorf("plan %s", plan.body)
	}
	items := s.all("/v1/runs/"+id+"/items", 200)
	for limit := 1; limit < 6; limit++ {
		if paged := s.all("/v1/runs/"+id+"/items", limit); len(items) != 5 || !slices.Equal(paged, items) {
			t.Errorf("items by %d: %v", limit, paged)
		}
	}
	conflicted := s.all("/v1/runs/"+id+"/items?outcome=conflicted", 1)
	archived := s.all("/v1/runs/"+id+"/items?outcome=archived", 1)
	if len(conflicted) != 2 || len(archived) != 3 || len(s.all("/v1/runs/"+id+"/items?failed=true", 1)) != 0 {
		t.Errorf("conflicted %v, archived %v", conflicted, archived)
	}

	dry := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID, "from": "2026-10-12", "to": "2026-10-18", "dry_run": true}).is(202)
	s.do("POST", "/v1/runs", start).is(202) // not the same as the dry one
	byDefault := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID}).is(202)
	if got := byDefault.str("from") + " " + byDefault.str("to"); got != "2026-09-20 2026-10-19" {
		t.Errorf("default window %s", got)
	}
	cancelled := s.do("POST", "/v1/runs/"+byDefault.str("id")+"/cancel", nil).is(200)
	if cancelled.str("state") != "cancelled" {
		t.Errorf("cancelled %s", cancelled.body)
	}
	s.work()
	if a := s.do("GET", "/v1/runs/"+dry.str("id"), nil).is(200); a.str("state") != "succeeded" || a.str("result.written") != "0" || a.str("dry_run") != "true" {
		t.Errorf("dry run %s", a.body)
	}
	if a := s.do("GET", "/v1/runs/"+byDefault.str("id"), nil).is(200); a.str("state") != "cancelled" {
		t.Errorf("cancelled %s", a.body)
	}
	s.do("POST", "/v1/runs/"+byDefault.str("id")+"/cancel", nil).problem(409, codeRunEnded, "")

	all := s.all("/v1/runs", 200)
	if len(all) != 4 || !strings.Contains(all[3], id) {
		t.Errorf("runs, the newest first: %v", all)
	}
	for _, path := range []string{"/v1/runs", "/v1/runs?config=work"} {
		for limit := 1; limit < 5; limit++ {
			if paged := s.all(path, limit); !slices.Equal(paged, all) {
				t.Errorf("%s by %d: %v", path, limit, paged)
			}
		}
	}
	other := s.do("POST", "/v1/archive-configs", config("other", nil)).is(201).str("id")
	if none := s.all("/v1/runs?config="+other, 50); len(none) != 0 {
		t.Errorf("runs of another config: %v", none)
	}
}

func TestRetryIsForRunsWithFailedItems(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	id := s.run(configID)
	r, err := s.services.Runs.Get(t.Context(), "local#ana", id)
	check(t, err)
	items, err := s.services.Runs.Items(t.Context(), r, 0)
	check(t, err)
	items[1].Problem = &run.Problem{Code: "invalid", Detail: "refused"}
	check(t, s.services.Runs.PutItems(t.Context(), r, items))
	r.State, r.Failed = run.Partial, 1
	check(t, s.services.Runs.Update(t.Context(), r))

	if failed := s.all("/v1/runs/"+id+"/items?failed=true", 50); len(failed) != 1 || !strings.Contains(failed[0], "refused") {
		t.Errorf("failed items %v", failed)
	}
	retried := s.do("POST", "/v1/runs/"+id+"/retry", nil).is(202)
	if retried.str("attempt_of") != id || retried.str("from") != "2026-10-01" || retried.str("to") != "2026-10-31" {
		t.Errorf("retried %s", retried.body)
	}
	if again := s.do("POST", "/v1/runs/"+id+"/retry", nil).is(200); again.str("id") != retried.str("id") {
		t.Errorf("again %s", again.body)
	}
	s.work()
	if a := s.do("GET", "/v1/runs/"+retried.str("id"), nil).is(200); a.str("state") != "succeeded" {
		t.Errorf("ended %s", a.body)
	}
	s.do("POST", "/v1/archive-configs/"+configID+"/deactivate", nil).is(200)
	s.do("POST", "/v1/runs/"+id+"/retry", nil).problem(409, codeConfigInactive, "")
}

func TestLedger(t *testing.T) {
	s := newService(t)
	calendarID, configID := s.seed("keep")
	s.do("PUT", "/v1/archive-configs/"+configID, config("work", map[string]any{"overlaps": "keep", "on_drift": "accept"}), "If-Match", "*").is(200)
	s.run(configID)
	before := s.now.Load()
	s.now.Add(3600)
	s.do("POST", "/v1/calendars/"+calendarID+"/import", strings.Replace(week, "Dentist", "Doctor", 1), "Content-Type", "text/calendar").is(200)
	s.run(configID)

	day := s.all("/v1/ledger/work/days/2026-10-12", 200)
	if len(day) != 2 || !strings.Contains(day[0], "Acme review") || !strings.Contains(day[1], "Acme planning") {
		t.Errorf("day %v", day)
	}
	if paged := s.all("/v1/ledger/"+configID+"/days/12-Oct", 1); !slices.Equal(paged, day) {
		t.Errorf("day by one: %v", paged)
	}
	if now := s.all("/v1/ledger/work/days/2026-10-13", 1); len(now) != 1 || !strings.Contains(now[0], "Doctor") {
		t.Errorf("now %v", now)
	}
	asOf := time.Unix(before+60, 0).UTC().Format(time.RFC3339)
	then := s.do("GET", "/v1/ledger/work/days/2026-10-13?as_of="+url.QueryEscape(asOf), nil).is(200).items()
	if len(then) != 1 || object(object(then[0])["appointment"])["subject"] != "Dentist" {
		t.Errorf("as of %s: %v", asOf, then)
	}
	key := fmt.Sprint(object(then[0])["key"])
	history := s.all("/v1/ledger/work/history?key="+url.QueryEscape(key), 1)
	if len(history) != 2 || !strings.Contains(history[0], "Dentist") || !strings.Contains(history[1], "Doctor") || !strings.Contains(history[1], `"version":2`) {
		t.Errorf("history %v", history)
	}
	if none := s.all("/v1/ledger/work/history?key=nothing", 1); len(none) != 0 {
		t.Errorf("history of nothing %v", none)
	}
	if a := s.do("POST", "/v1/ledger/work/verify", nil).is(200); a.str("ok") != "true" || a.str("links") != "2" || a.str("entries") != "6" {
		t.Errorf("verify %s", a.body)
	}

	page, err := s.table.Query(t.Context(), store.Query{PK: "LEDGER#" + configID, From: "2", To: "3", Limit: 1})
	check(t, err)
	item := page.Items[0]
	item.Data = []byte(strings.Replace(string(item.Data), "Acme", "Evil", 1))
	_, err = s.table.Put(t.Context(), item, store.Any())
	check(t, err)
	if a := s.do("POST", "/v1/ledger/work/verify", nil).is(200); a.str("ok") != "false" || a.str("first.entry") != item.SK {
		t.Errorf("verify after tampering %s", a.body)
	}
}

func TestWhatIsSomebodyElsesDoesNotExist(t *testing.T) {
	s := newService(t)
	calendarID, configID := s.seed("keep")
	runID := s.run(configID)
	for _, route := range []string{
		"GET /v1/calendars/" + calendarID, "DELETE /v1/calendars/" + calendarID, "GET /v1/calendars/" + calendarID + "/events?period=today",
		"GET /v1/calendars/" + calendarID + "/overlaps?period=today", "GET /v1/calendars/" + calendarID + "/export",
		"GET /v1/archive-configs/" + configID, "DELETE /v1/archive-configs/" + configID, "GET /v1/archive-configs/" + configID + "/window",
		"POST /v1/archive-configs/" + configID + "/activate", "POST /v1/archive-configs/" + configID + "/deactivate",
		"GET /v1/runs?config=" + configID, "GET /v1/runs/" + runID, "GET /v1/runs/" + runID + "/items", "GET /v1/runs/" + runID + "/plan",
		"POST /v1/runs/" + runID + "/retry", "POST /v1/runs/" + runID + "/cancel", "POST /v1/runs/" + runID + "/undo?preview=true",
		"GET /v1/ledger/" + configID + "/days/2026-10-12", "GET /v1/ledger/work/days/2026-10-12",
		"GET /v1/ledger/" + configID + "/history?key=a@example.com", "POST /v1/ledger/" + configID + "/verify",
	} {
		method, path, _ := strings.Cut(route, " ")
		s.do(method, path, nil, headerUser, "bob", "If-Match", "*").problem(404, "not_found", "")
	}
	s.do("POST", "/v1/calendars/"+calendarID+"/import", week, "Content-Type", "text/calendar", headerUser, "bob").problem(404, "not_found", "")
	s.do("PUT", "/v1/archive-configs/"+configID, config("work", nil), "If-Match", "*", headerUser, "bob").problem(404, "not_found", "")
	s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID}, headerUser, "bob").problem(404, "not_found", "")
	for _, path := range []string{"/v1/calendars", "/v1/calendars?account=me", "/v1/archive-configs", "/v1/archive-configs?name=work", "/v1/runs"} {
		if items := s.do("GET", path, nil, headerUser, "bob").is(200).items(); len(items) != 0 {
			t.Errorf("%s shows %v", path, items)
		}
	}
}

func TestCutting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		items := rapid.SliceOfNDistinct(rapid.StringN(1, 6, -1), 0, 40, rapid.ID[string]).Draw(t, "items")
		in := Paging{Limit: rapid.IntRange(1, 50).Draw(t, "limit")}
		var got []string
		for range len(items) + 1 {
			p, err := cut(in, items, func(s string) string { return s })
			if err != nil {
				t.Fatal(err)
			}
			if len(p.Body.Items) > in.Limit {
				t.Fatalf("%d items on a page of %d", len(p.Body.Items), in.Limit)
			}
			got = append(got, p.Body.Items...)
			if in.Cursor = p.Body.Next; in.Cursor == "" {
				break
			}
		}
		if want := slices.Sorted(slices.Values(items)); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func FuzzCursors(f *testing.F) {
	for _, seed := range []string{"", "MC4w", "MS4xOTk", "x!", place{3, 4}.cursor(), "LTEuMA"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		p, err := parsePlace(cursor)
		switch {
		case err != nil && (fault.Of(err) != fault.Invalid || fault.FieldOf(err) != "cursor"):
			t.Errorf("place: %v", err)
		case err == nil && cursor != "" && p.cursor() != cursor || p.Page < 0 || p.Index < 0:
			t.Errorf("place %v of %q", p, cursor)
		}
		if _, err := cut(Paging{Limit: 2, Cursor: cursor}, []string{"a", "b", "c"}, func(s string) string { return s }); err != nil &&
			fault.FieldOf(err) != "cursor" {
			t.Errorf("cut: %v", err)
		}
	})
}

func FuzzWindow(f *testing.F) {
	f.Add("last week", "", "", "Europe/Berlin")
	f.Add("", "2026-10-01", "2026-10-31", "UTC")
	f.Add("9999-12-31", "", "", "Pacific/Apia")
	f.Fuzz(func(t *testing.T, words, from, to, zone string) {
		now, err := calendar.DateTime{Local: today}.Instant(nil)
		check(t, err)
		w, err := Period{Period: words, From: from, To: to, Timezone: zone}.window(now, account.DefaultSettings())
		if err != nil {
			if p := problemOf(t.Context(), err); p.Status != 422 || p.Field == "" {
				t.Errorf("%v: %+v", err, p)
			}
			return
		}
		if w.Days() < 1 || w.Days() > limit.PeriodDays || !w.Start().Before(w.End()) && w.Days() > 1 {
			t.Errorf("window %v", w)
		}
	})
}
