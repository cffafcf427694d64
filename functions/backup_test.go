package functions_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"adminassistant/shared/backup"
	"adminassistant/shared/calendar"
	"adminassistant/shared/run"
)

func TestARequestBecomesABackup(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(60, 14, "2026-10-01")
	api, worker := d.start("api"), d.start("backup")
	started := read[map[string]any](t, d.ask(api, d.request("api-start-run.json", at(http.MethodPost, "/v1/backups"),
		body(`{"calendar": "msgraph://`+address+`/calendars/primary"}`))), http.StatusAccepted)
	id := started["id"].(string)
	batch := d.take("backup", 10)
	if len(batch.Records) != 1 {
		t.Fatalf("the queue has %+v", batch)
	}
	for range 2 { // delivered twice it changes nothing
		d.deliverAll(t, worker, "backup", batch)
		if r := d.stored(id); r.State != run.Succeeded {
			t.Fatalf("the run is %s: %+v", r.State, r.Problem)
		}
	}
	d.empty()
	if finished := lines(worker, "backup finished"); len(finished) != 1 || finished[0]["events"] != 60.0 || finished[0]["run"] != id {
		t.Errorf("the log has %v", finished)
	}

	get := func(path string) answer { return d.ask(api, d.request("api-get-me.json", at(http.MethodGet, path))) }
	shown := read[struct {
		Counts backup.Counts `json:"counts"`
		Files  []struct {
			Name       string `json:"name"`
			DownloadAt string `json:"download_at"`
		} `json:"files"`
	}](t, get("/v1/backups/"+id), http.StatusOK)
	if shown.Counts.Events != 60 || len(shown.Files) != 3 {
		t.Fatalf("api shows %+v", shown)
	}
	for _, f := range shown.Files {
		sent := get(f.DownloadAt)
		if sent.status != http.StatusSeeOther || len(sent.body) > 0 {
			t.Fatalf("%s: %d %s", f.Name, sent.status, sent.body)
		}
		fetched, err := http.Get(sent.header.Get("Location"))
		must(t, err)
		defer fetched.Body.Close()
		file, err := backup.Read(fetched.Body)
		must(t, err)
		defer file.Close()
		n := 0
		must(t, file.Each(func(k calendar.Kept) error {
			if strings.Contains(k.Event.Subject, customer) {
				n++
			}
			return nil
		}))
		if n != 60 {
			t.Errorf("%s has %d events of %s", f.Name, n, customer)
		}
		_, _ = io.Copy(io.Discard, fetched.Body)
	}
	d.secrets.mu.Lock()
	d.secrets.all = append(d.secrets.all, "X-Amz-Signature") // an address opens the file to whoever has it
	d.secrets.mu.Unlock()
	if report := read[map[string]any](t, d.ask(api, d.request("api-start-run.json", at(http.MethodPost, "/v1/backups/"+id+"/verify"), body(""),
		header("idempotency-key", "verify"))), http.StatusOK); report["ok"] != true {
		t.Errorf("%v", report)
	}
}
