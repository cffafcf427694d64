package app

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// TestWorkStartsWhatIsDue puts the time of a job into the past, as it is after the machine was off, and lets the worker work.
func TestWorkStartsWhatIsDue(t *testing.T) {
	dir := t.TempDir()
	l, err := OpenLocal(Settings{Data: dir, Lease: time.Minute}, "test", io.Discard)
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	ask := func(method, path, body string) map[string]any {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		l.Handler().ServeHTTP(w, r)
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return answer
	}
	ask("POST", "/v1/calendars", `{"uri": "local://me/calendars/Work"}`)
	ask("POST", "/v1/archive-configs", `{"name": "work", "source": "local://me/calendars/Work", "archive": "local://me/calendars/Archive", "timezone": "Europe/Berlin"}`)
	id := ask("POST", "/v1/jobs", `{"kind": "archive", "config": "work", "schedule": {"repeat": "daily", "at": "23:59", "zone": "Europe/Berlin"}, "jitter": 0}`)["id"].(string)

	table, err := sqlite.Open(filepath.Join(dir, "store.db"), time.Now)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	item, err := table.Get(t.Context(), store.Key{PK: "USER#" + l.Principal.Key(), SK: "JOB#" + id})
	must(t, err)
	var stored map[string]any
	must(t, json.Unmarshal(item.Data, &stored))
	due, err := time.Parse(time.RFC3339, stored["due"].(string))
	must(t, err)
	stored["due"] = due.AddDate(0, 0, -3)
	item.Data, err = json.Marshal(stored)
	must(t, err)
	item.IndexSK = due.AddDate(0, 0, -3).UTC().Format(time.RFC3339) + "#" + id
	_, err = table.Put(t.Context(), item, store.Any())
	must(t, err)

	working, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- l.Work(working) }()
	var runs []any
	for len(runs) == 0 || runs[0].(map[string]any)["ended"] == nil {
		if working.Err() != nil {
			t.Fatalf("the job's runs are %v", runs)
		}
		runs = ask("GET", "/v1/jobs/"+id+"/runs", "")["items"].([]any)
	}
	stop()
	<-worked
	if r := runs[0].(map[string]any); len(runs) != 1 || r["state"] != "succeeded" || r["job"] != id {
		t.Errorf("runs %v", runs)
	}
	if j := ask("GET", "/v1/jobs/"+id, ""); j["due"] != due.UTC().Format(time.RFC3339) || j["last_run"] != runs[0].(map[string]any)["id"] {
		t.Errorf("job %v", j)
	}
}
