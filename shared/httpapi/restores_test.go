package httpapi

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"adminassistant/shared/limit"
)

func TestABackupIsRestored(t *testing.T) {
	s := newService(t)
	s.seed("keep")
	id := s.backup(map[string]any{"calendar": seeded})
	into := "local://me/calendars/Copy"

	preview := s.do("POST", "/v1/restores", map[string]any{"backup": id, "into": into, "create_calendar": true, "dry_run": true}).is(202)
	s.work()
	shown := s.do("GET", "/v1/runs/"+preview.str("id"), nil).is(200)
	if shown.str("kind") != "restore" || shown.str("state") != "succeeded" || shown.str("restore.counts.created") != "5" ||
		shown.str("restore.written") != "0" || shown.str("calendar") != into {
		t.Errorf("%s", shown.body)
	}
	if found := s.do("GET", "/v1/calendars?uri="+into, nil).is(200).items(); len(found) != 0 {
		t.Errorf("the preview made %v", found)
	}
	started := s.do("POST", "/v1/restores", map[string]any{"backup": id, "into": into, "create_calendar": true}).is(202)
	if again := s.do("POST", "/v1/restores", map[string]any{
		"backup":          id,
		"into":            into,
		"create_calendar": true,
	}).is(200); again.str("id") != started.str("id") || again.Header.Get("Location") != "/v1/runs/"+started.str("id") {
		t.Errorf("the same restore is started twice: %s", again.body)
	}
	s.work()
	done := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200)
	if done.str("state") != "succeeded" || done.str("restore.counts.created") != "5" || done.str("restore.written") != "5" ||
		done.str("restore.created_calendar") != "true" || done.str("restore.backup") != id {
		t.Errorf("%s", done.body)
	}
	items := s.do("GET", "/v1/runs/"+started.str("id")+"/items?outcome=created", nil).is(200).items()
	if len(items) != 5 || object(object(items[0])["plan"])["subject"] == "" || object(object(items[0])["plan"])["event_id"] == nil {
		t.Errorf("%v", items)
	}
	if items := s.do("GET", "/v1/runs/"+started.str("id")+"/items?outcome=skipped", nil).is(200).items(); len(items) != 0 {
		t.Errorf("%v", items)
	}
	second := s.do("POST", "/v1/restores", map[string]any{"backup": id, "into": into, "period": "2026-10-12"}).is(202)
	s.work()
	if shown := s.do("GET", "/v1/runs/"+second.str("id"), nil).is(200); shown.str("restore.counts.created") != "0" ||
		shown.str("restore.counts.outside_period") == "0" || shown.str("from") != "2026-10-12" {
		t.Errorf("%s", shown.body)
	}
	s.do("POST", "/v1/runs/"+second.str("id")+"/retry", nil).problem(409, "nothing_to_retry", "")
	s.do("GET", "/v1/runs/"+second.str("id")+"/plan", nil).problem(404, "not_found", "")
	if records := s.do("GET", "/v1/audit?action=restore", nil).is(200); !strings.Contains(string(records.body), `"restore.start"`) {
		t.Errorf("%s", records.body)
	}
}

func TestAnUploadedFileIsRestored(t *testing.T) {
	s := newService(t)
	file, err := os.ReadFile(filepath.Join("..", "restore", "testdata", "google.ics"))
	check(t, err)
	uploaded := s.do("POST", "/v1/uploads", string(file), "Content-Type", "text/calendar").is(201)
	if uploaded.str("format") != "ics" || uploaded.str("events") != "4" || uploaded.str("sha256") == "" || uploaded.str("expires") == "" {
		t.Errorf("%s", uploaded.body)
	}
	started := s.do("POST", "/v1/restores", map[string]any{
		"upload":          uploaded.str("id"),
		"into":            "local://me/calendars/Google",
		"create_calendar": true,
		"policy":          "duplicate",
	}).is(202)
	s.work()
	if done := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200); done.str("state") != "succeeded" || done.str("restore.counts.created") != "3" {
		t.Errorf("%s", done.body)
	}

	// One that cannot be kept fails alone, and is tried again alone.
	bad := s.do("POST", "/v1/uploads",
		"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261005T090000Z\r\nDTEND:20261005T090001Z\r\nRRULE:FREQ=SECONDLY\r\n"+
			"SUMMARY:Tick\r\nEND:VEVENT\r\n"+
			"BEGIN:VEVENT\r\nUID:2\r\nDTSTART:20261005T090000Z\r\nDTEND:20261005T100000Z\r\nSUMMARY:Tock\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
		"Content-Type", "text/calendar").is(201)
	started = s.do("POST", "/v1/restores", map[string]any{"upload": bad.str("id"), "into": "local://me/calendars/Google"}).is(202)
	s.work()
	if done := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200); done.str("state") != "partial" || done.str("failed") != "1" ||
		done.str("restore.counts.created") != "1" {
		t.Errorf("%s", done.body)
	}
	again := s.do("POST", "/v1/runs/"+started.str("id")+"/retry", nil).is(202)
	s.work()
	if done := s.do("GET", "/v1/runs/"+again.str("id"), nil).is(200); done.str("attempt_of") != started.str("id") ||
		done.str("restore.counts.read") != "1" || done.str("failed") != "1" {
		t.Errorf("%s", done.body)
	}
	s.do("POST", "/v1/uploads", "hello world", "Content-Type", "text/plain").problem(422, "invalid", "")
	s.do("POST", "/v1/uploads", strings.Repeat("x", limit.UploadBytes+1), "Content-Type", "text/plain").problem(413, "too_large", "")
}

func TestWhatCannotBeRestored(t *testing.T) {
	s := newService(t)
	s.seed("keep")
	id := s.backup(map[string]any{"calendar": seeded})
	for _, test := range []struct {
		body        map[string]any
		status      int
		code, field string
	}{
		{map[string]any{"backup": "ID99999999", "into": seeded}, 404, "not_found", ""},
		{map[string]any{"upload": "ID99999999", "into": seeded}, 404, "not_found", ""},
		{map[string]any{"into": seeded}, 422, "invalid", "backup"},
		{map[string]any{"backup": id, "upload": id, "into": seeded}, 422, "invalid", "backup"},
		{map[string]any{"backup": id, "into": "Work"}, 422, "invalid", "into"},
		{map[string]any{"backup": id, "into": seeded, "period": "the other day"}, 422, "invalid", "period"},
		{map[string]any{"backup": id, "into": seeded, "timezone": "Nowhere"}, 422, "invalid", "timezone"},
	} {
		s.do("POST", "/v1/restores", test.body).problem(test.status, test.code, test.field)
	}
	missing := s.do("POST", "/v1/restores", map[string]any{"backup": id, "into": "local://me/calendars/None"}).is(202)
	s.work()
	if r := s.do("GET", "/v1/runs/"+missing.str("id"), nil).is(200); r.str("state") != "failed" || r.str("problem.code") != "not_found" ||
		!strings.Contains(r.str("problem.detail"), "calendar create") {
		t.Errorf("%s", r.body)
	}
}

func TestADrillIsStarted(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	s.backup(map[string]any{"calendar": seeded})
	for _, body := range []map[string]any{{"calendar": seeded}, {"config": configID}} {
		started := s.do("POST", "/v1/backups/drills", body).is(202)
		s.work()
		if r := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200); r.str("kind") != "drill" || r.str("state") != "succeeded" ||
			r.str("drill.compared") != "5" || r.str("drill.differing") != "0" {
			t.Errorf("%s", r.body)
		}
	}
	s.do("POST", "/v1/backups/drills", map[string]any{"config": configID, "which": "archive"}).problem(404, "not_found", "") // it has not archived yet
	s.do("POST", "/v1/calendars", map[string]any{"uri": "local://me/calendars/Never"}).is(201)
	none := s.do("POST", "/v1/backups/drills", map[string]any{"calendar": "local://me/calendars/Never"}).is(202)
	s.work()
	if r := s.do("GET", "/v1/runs/"+none.str("id"), nil).is(200); r.str("state") != "failed" || r.str("problem.code") != "not_found" {
		t.Errorf("%s", r.body)
	}
	s.do("POST", "/v1/backups/drills", map[string]any{}).problem(422, "invalid", "calendar")
	s.do("POST", "/v1/backups/drills", map[string]any{"calendar": seeded, "config": configID}).problem(422, "invalid", "calendar")
}

func TestARestoreTellsWhichFieldsItChanges(t *testing.T) {
	s := newService(t)
	calendarID, _ := s.seed("keep")
	id := s.backup(map[string]any{"calendar": seeded})
	s.do("POST", "/v1/calendars/"+calendarID+"/import", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261005T090000Z\r\n"+
		"DTEND:20261005T100000Z\r\nSUMMARY:Tock\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "Content-Type", "text/calendar").is(200)
	later := s.do("POST", "/v1/uploads", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTART:20261005T090000Z\r\n"+
		"DTEND:20261005T110000Z\r\nSUMMARY:Tick\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "Content-Type", "text/calendar").is(201)
	for _, dry := range []bool{true, false} {
		r := s.do("POST", "/v1/restores", map[string]any{"upload": later.str("id"), "into": seeded, "policy": "replace", "dry_run": dry}).is(202)
		s.work()
		items := s.do("GET", "/v1/runs/"+r.str("id")+"/items?outcome=replaced", nil).is(200).items()
		if len(items) != 1 || fmt.Sprint(object(object(items[0])["plan"])["fields"]) != "[subject end]" {
			t.Errorf("%v", items)
		}
	}
	r := s.do("POST", "/v1/restores", map[string]any{"backup": id, "into": seeded, "policy": "replace"}).is(202)
	s.work()
	for _, it := range s.do("GET", "/v1/runs/"+r.str("id")+"/items?outcome=replaced", nil).is(200).items() {
		if fields := object(object(it)["plan"])["fields"]; fields != nil && fmt.Sprint(fields) != "[body]" { // who was invited becomes text
			t.Errorf("%v", it)
		}
	}
}

func TestAnUploadedFileIsImported(t *testing.T) {
	s := newService(t)
	calendarID := s.calendar(seeded)
	upload := func(text string) string {
		return s.do("POST", "/v1/uploads", text, "Content-Type", contentFile).is(201).str("id")
	}
	start := func(id string, more map[string]any) answer {
		body := map[string]any{"calendar": seeded, "upload": id}
		maps.Copy(body, more)
		return s.do("POST", "/v1/imports", body)
	}
	ended := func(id string, more map[string]any) answer {
		t.Helper()
		run := start(id, more).is(202).str("id")
		s.work()
		return s.do("GET", "/v1/runs/"+run, nil).is(200)
	}
	id := upload(week)
	if r := ended(id, map[string]any{"dry_run": true}); r.str("state") != "succeeded" || r.str("import.added") != "5" || r.str("dry_run") != "true" {
		t.Errorf("the preview: %s", r.body)
	}
	if events := s.do("GET", "/v1/calendars/"+calendarID+"/events?from=2026-10-01&to=2026-10-31", nil).is(200).items(); len(events) > 0 {
		t.Errorf("the preview wrote %v", events)
	}
	first := ended(id, nil)
	if first.str("state") != "succeeded" || first.str("import.added") != "5" || first.str("import.total") != "5" {
		t.Errorf("%s", first.body)
	}
	items := s.all("/v1/runs/"+first.str("id")+"/items?outcome=added", 100)
	if len(items) != 5 || !strings.Contains(items[0], `"uid":"a@example.com"`) || !strings.Contains(items[0], `"written":true`) {
		t.Errorf("items %v", items)
	}
	start(id, nil).problem(404, "not_found", "") // nobody needs it any more
	broken := strings.Replace(week, "DTSTART:20261012", "DTSTART:20261312", 1)
	if r := ended(upload(broken), map[string]any{"strict": true}); r.str("state") != "failed" || r.str("problem.code") != "invalid" {
		t.Errorf("strict: %s", r.body)
	}
	if r := ended(upload(broken), nil); r.str("state") != "partial" || r.str("import.set_aside") != "1" || r.str("import.unchanged") != "4" {
		t.Errorf("%s", r.body)
	}
	start(upload(week), map[string]any{"calendar": "local://me/calendars/None"}).problem(404, "not_found", "")
	start(upload(week), map[string]any{"calendar": "msgraph://me/calendars/Work"}).problem(422, "invalid", "calendar")
	start(upload(week), map[string]any{"calendar": "Work"}).problem(422, "invalid", "calendar")
}
