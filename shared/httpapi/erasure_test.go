package httpapi

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/timesheet"
)

// lockedSheet locks a sheet of Acme's first week and returns its id.
func (s *service) lockedSheet(configID string) string {
	s.t.Helper()
	id := s.do("POST", "/v1/timesheets", map[string]any{"config": configID, "customer": "Acme", "period": "2026-10-12 to 2026-10-18"}).is(201).str("id")
	s.do("POST", "/v1/timesheets/"+id+"/approve", `{"note": "so"}`).is(200)
	s.do("POST", "/v1/timesheets/"+id+"/lock", nil).is(200)
	return id
}

// files are the names and contents of a ZIP.
func files(t testing.TB, data []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	check(t, err)
	all := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		check(t, err)
		text, err := io.ReadAll(r)
		check(t, err)
		all[f.Name] = string(text)
	}
	return all
}

func TestWhoErasesIsToldWhatIsToBeKeptAndExportsItBefore(t *testing.T) {
	s := administered(t)
	_, configID := s.seed("keep")
	s.run(configID)
	s.signIn("boss")
	none := s.do("GET", "/v1/me/erasure", nil).is(200)
	if none.str("retained") != "0" || none.str("kept") != "" || none.str("retention_years") != "10" || len(object(none.json)["laws"].([]any)) < 4 {
		t.Errorf("without timesheets: %s", none.body)
	}
	id := s.lockedSheet(configID)
	warning := s.do("GET", "/v1/me/erasure", nil).is(200)
	sheet := object(object(warning.json)["timesheets"].([]any)[0])
	if warning.str("retained") != "1" || sheet["id"] != id || sheet["until"] != "2036-12-31" || warning.str("until") != "2036-12-31" ||
		!strings.Contains(warning.str("says"), "One locked timesheet") || warning.str("export") != "/v1/me/export" {
		t.Errorf("with one: %s", warning.body)
	}
	settings := s.do("GET", "/v1/me", nil).is(200)
	s.do("PUT", "/v1/me/settings", `{"retention_years": 31}`, headerIfMatch, settings.Header.Get("ETag")).problem(422, "invalid", "retention_years")
	s.do("PUT", "/v1/me/settings", `{"retention_years": 7}`, headerIfMatch, settings.Header.Get("ETag")).is(200)
	if later := s.do("GET", "/v1/me/erasure", nil).is(200); later.str("until") != "2033-12-31" || later.str("kept") == warning.str("kept") {
		t.Errorf("with seven years: %s", later.body)
	}
	kept := s.do("GET", "/v1/me/erasure", nil).is(200).str("kept")
	toAdmin := s.do("GET", "/v1/users/ana/erasure", nil, headerUser, "boss").is(200)
	if toAdmin.str("kept") != kept || strings.Contains(string(toAdmin.body), "Acme") || strings.Contains(string(toAdmin.body), id) {
		t.Errorf("the administrator is told %s", toAdmin.body)
	}

	export := s.do("GET", "/v1/me/export", nil).is(200)
	all := files(t, []byte(export.body))
	names := []string{}
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	sheetName := "timesheets/" + id + "-timesheet-2026-10-12-2026-10-18-acme"
	want := []string{
		"about.txt", "audit.json", "ledger/" + configID + "-head.txt", "ledger/" + configID + ".jsonl", "records.jsonl", sheetName + ".json", sheetName + ".pdf",
	}
	if !slices.Equal(names, want) || export.Header.Get("Content-Type") != "application/zip" {
		t.Errorf("the export has %v", names)
	}
	for _, name := range []string{sheetName + ".json", sheetName + ".pdf"} {
		if v, err := timesheet.Verify([]byte(all[name]), ""); err != nil || v.ID != id {
			t.Errorf("%s does not hold: %v", name, err)
		}
	}
	for _, says := range []string{`"SHEET#` + id + `"`, `"CONFIG#` + configID + `"`, `"PROFILE"`} {
		if !strings.Contains(all["records.jsonl"], says) {
			t.Errorf("the records have no %s", says)
		}
	}
	for line := range strings.Lines(all["records.jsonl"] + all["ledger/"+configID+".jsonl"]) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	for name := range files(t, []byte(s.do("GET", "/v1/me/export", nil, headerUser, "boss").is(200).body)) {
		if strings.HasPrefix(name, "ledger/") || strings.HasPrefix(name, "timesheets/") {
			t.Errorf("somebody else's has %s", name)
		}
	}

	refused := s.do("DELETE", "/v1/me", nil, headerConfirm, "ana").problem(409, "conflict", "")
	if !strings.Contains(string(refused.body), "/v1/me/erasure") {
		t.Errorf("refused with %s", refused.body)
	}
	s.do("DELETE", "/v1/me?kept=none", nil, headerConfirm, "ana").problem(409, "conflict", "")
	s.do("DELETE", "/v1/users/ana", nil, headerUser, "boss").problem(409, "conflict", "")
	s.do("GET", "/v1/timesheets/"+id, nil).is(200)
	s.do("DELETE", "/v1/users/ana?kept="+kept, nil, headerUser, "boss").is(202)
	s.do("DELETE", "/v1/me", nil, headerConfirm, "ana").is(202) // what has begun goes on
}

func TestATimesheetWhoseRetentionIsOverIsNotAskedAbout(t *testing.T) {
	s := administered(t)
	_, configID := s.seed("keep")
	s.run(configID)
	s.lockedSheet(configID)
	last := int64(0)
	for _, day := range []struct {
		days int64
		want string
	}{{3650, "1"}, {3730, "0"}} { // 2036-10-17, 2037-01-05
		s.now.Add((day.days - last) * 24 * 3600)
		last = day.days
		if got := s.do("GET", "/v1/me/erasure", nil).is(200).str("retained"); got != day.want {
			t.Errorf("after %d days %s are retained", day.days, got)
		}
	}
	s.do("DELETE", "/v1/me", nil, headerConfirm, "ana").is(202)
}
