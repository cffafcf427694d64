package httpapi

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
)

// backup makes a backup and returns its id.
func (s *service) backup(body map[string]any) string {
	s.t.Helper()
	id := s.do("POST", "/v1/backups", body).is(202).str("id")
	s.work()
	if state := s.do("GET", "/v1/runs/"+id, nil).is(200).str("state"); state != "succeeded" {
		s.t.Fatalf("the run is %s", state)
	}
	return id
}

func TestABackupIsMadeShownSentAndDeleted(t *testing.T) {
	s := newService(t)
	s.seed("keep")
	started := s.do("POST", "/v1/backups", map[string]any{"calendar": seeded}).is(202)
	id := started.str("id")
	if started.str("kind") != "backup" || started.str("calendar") != seeded || started.Header.Get("Location") != "/v1/runs/"+id {
		t.Errorf("%s", started.body)
	}
	if again := s.do("POST", "/v1/backups", map[string]any{"calendar": seeded}).is(200); again.str("id") != id {
		t.Errorf("the same backup is made twice: %s", again.body)
	}
	s.do("GET", "/v1/backups/"+id, nil).problem(404, "not_found", "")
	s.work()
	r := s.do("GET", "/v1/runs/"+id, nil).is(200)
	if r.str("state") != "succeeded" || r.str("backup.counts.events") != "5" || r.str("backup.id") != id {
		t.Errorf("%s", r.body)
	}
	shown := s.do("GET", "/v1/backups/"+id, nil).is(200)
	if shown.str("calendar.uri") != seeded || shown.str("calendar.name") != "Work" || shown.str("counts.singles") != "5" ||
		shown.str("software") != "1.2.3" || shown.str("content") != r.str("backup.content") {
		t.Errorf("%s", shown.body)
	}
	files := object(shown.json)["files"].([]any)
	for _, f := range files {
		f := object(f)
		sent := s.do("GET", fmt.Sprint(f["download_at"]), nil).is(200)
		if len(sent.body) != int(f["bytes"].(float64)) || sent.Header.Get("Content-Type") != contentZstd ||
			!strings.HasPrefix(sent.Header.Get("Content-Disposition"), "attachment") ||
			sent.Header.Get("Cache-Control") != "no-store" || sent.ContentLength != int64(len(sent.body)) {
			t.Errorf("%v: %d bytes, %v", f, len(sent.body), sent.Header)
		}
		stream, err := backup.Read(bytes.NewReader(sent.body))
		check(t, err)
		defer stream.Close()
		n := 0
		check(t, stream.Each(func(calendar.Kept) error { n++; return nil }))
		if n != 5 || string(stream.Format) != f["format"] {
			t.Errorf("%v holds %d events in %s", f, n, stream.Format)
		}
	}
	if len(files) != 3 {
		t.Errorf("%d files", len(files))
	}
	s.do("GET", "/v1/backups/"+id+"/files/manifest.json", nil).problem(404, "not_found", "")
	s.do("GET", "/v1/backups/"+id+"/files/..%2Fx", nil).problem(404, "not_found", "")

	if report := s.do("POST", "/v1/backups/"+id+"/verify", nil).is(200); report.str("ok") != "true" {
		t.Errorf("%s", report.body)
	}
	check(t, s.services.Blobs.Delete(t.Context(), s.backupKey(id, "calendar.ics.zst")))
	if report := s.do("POST", "/v1/backups/"+id+"/verify", nil).is(200); report.str("ok") != "false" || !strings.Contains(string(report.body), "is not there") {
		t.Errorf("%s", report.body)
	}
	s.do("GET", "/v1/backups/"+id+"/files/calendar.ics.zst", nil).problem(404, "not_found", "")

	s.do("DELETE", "/v1/backups/"+id, nil).is(204)
	s.do("DELETE", "/v1/backups/"+id, nil).problem(404, "not_found", "")
	s.do("GET", "/v1/backups/"+id, nil).problem(404, "not_found", "")
	if items := s.do("GET", "/v1/backups", nil).is(200).items(); len(items) != 0 {
		t.Errorf("%v", items)
	}
	if records := s.do("GET", "/v1/audit?action=backup", nil).is(200); !strings.Contains(string(records.body), `"backup.delete"`) ||
		!strings.Contains(string(records.body), `"backup.start"`) {
		t.Errorf("%s", records.body)
	}
}

func (s *service) backupKey(id, name string) string {
	s.t.Helper()
	c, err := s.services.Backups.Open(s.t.Context(), "local#ana", id)
	check(s.t, err)
	key, err := c.Key(name)
	check(s.t, err)
	return key
}

func TestBackupsAreListedByWhatTheyAreOf(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	s.run(configID) // makes the archive calendar
	all := s.backup(map[string]any{"calendar": seeded})
	source := s.backup(map[string]any{"config": "work"})
	archived := s.backup(map[string]any{"config": configID, "which": "archive"})
	part := s.backup(map[string]any{"config": "work", "period": "2026-10-12 to 2026-10-13"})
	for query, want := range map[string][]string{
		"": {part, archived, source, all}, "?config=work": {part, archived, source}, "?calendar=" + seeded: {part, source, all},
		"?calendar=local://me/calendars/archive%2520of%2520work": {archived}, "?job=none": {}, "?config=" + configID + "&calendar=" + seeded: {part, source},
	} {
		var got []string
		for _, item := range s.do("GET", "/v1/backups"+query, nil).is(200).items() {
			got = append(got, fmt.Sprint(object(item)["id"]))
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	shown := s.do("GET", "/v1/backups/"+part, nil).is(200)
	if shown.str("timezone") != "Europe/Berlin" || shown.str("from") != "2026-10-12" || shown.str("to") != "2026-10-13" || shown.str("counts.events") != "3" {
		t.Errorf("%s", shown.body)
	}
	if n := len(s.all("/v1/runs?kind=backup", 2)); n != 4 {
		t.Errorf("%d backup runs", n)
	}
	if n := len(s.all("/v1/runs?kind=archive", 2)); n != 1 {
		t.Errorf("%d archive runs", n)
	}
	if n := len(s.all("/v1/runs?calendar="+seeded, 2)); n != 1 {
		t.Errorf("%d runs of the calendar alone", n)
	}
}

func TestWhatCannotBeBackedUp(t *testing.T) {
	s := newService(t)
	s.seed("keep")
	for _, c := range []struct {
		body  map[string]any
		field string
	}{
		{map[string]any{}, "calendar"},
		{map[string]any{"calendar": "Work"}, "calendar"},
		{map[string]any{"calendar": seeded, "config": "work"}, "calendar"},
		{map[string]any{"calendar": seeded, "which": "source"}, "calendar"},
		{map[string]any{"calendar": seeded, "period": "someday"}, "period"},
		{map[string]any{"calendar": seeded, "from": "2026-10-05"}, "to"},
		{map[string]any{"calendar": seeded, "from": "2026-10-05", "to": "2026-10-04"}, "to"},
	} {
		s.do("POST", "/v1/backups", c.body).problem(422, "invalid", c.field)
	}
	s.do("POST", "/v1/backups", map[string]any{"config": "play"}).problem(404, "not_found", "")
	if p := s.do("POST", "/v1/backups", map[string]any{"calendar": "local://me/calendars/None"}); p.StatusCode != 404 {
		t.Errorf("%d %s", p.StatusCode, p.body)
	}
	s.do("GET", "/v1/runs?config=work&calendar="+seeded, nil).problem(422, "invalid", "calendar")
	s.do("POST", "/v1/runs/"+s.backup(map[string]any{"calendar": seeded})+"/retry", nil).problem(409, "nothing_to_retry", "")
}

// elsewhere is blob storage that clients reach by themselves.
type elsewhere struct{ blob.Blob }

func (elsewhere) Presign(_ context.Context, key, name string, lasts time.Duration) (string, error) {
	return fmt.Sprintf("https://bucket.example/%s?name=%s&lasts=%s", key, name, lasts), nil
}

func TestWhereClientsFetchFilesThemselvesTheyAreToldWhere(t *testing.T) {
	s := newService(t, func(_ *service, services *Services) { services.Blobs = elsewhere{services.Blobs} })
	s.seed("keep")
	id := s.backup(map[string]any{"calendar": seeded})
	sent := s.do("GET", "/v1/backups/"+id+"/files/events.csv.zst", nil).is(303)
	want := "https://bucket.example/" + s.backupKey(id, "events.csv.zst") + "?name=" + id + "-events.csv.zst&lasts=2m0s"
	if sent.Header.Get("Location") != want || len(sent.body) != 0 || sent.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v %s", sent.Header, sent.body)
	}
	if strings.Contains(s.log.String(), "bucket.example") {
		t.Error("the address is in the log")
	}
	s.do("GET", "/v1/backups/"+id+"/files/events.csv.zst", nil, headerUser, "ben").problem(404, "not_found", "")
}
