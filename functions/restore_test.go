package functions_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"testing"

	"adminassistant/functions/lambdatest"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
)

// TestABackupBecomesACalendarAgain backs a mailbox up and restores it beside itself, by the functions that do it in the cloud: every message
// is delivered twice, and the worker of the restore is killed half way.
func TestABackupBecomesACalendarAgain(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.appointments(60, 14, "2026-10-01")
	api, worker := d.start("api"), d.start("backup")
	start := func(path string, in map[string]any) string {
		text, err := json.Marshal(in)
		must(t, err)
		a := d.ask(api, d.request("api-start-run.json", at(http.MethodPost, path), header("idempotency-key", ""), body(string(text))))
		return read[map[string]any](t, a, http.StatusAccepted)["id"].(string)
	}
	backup := start("/v1/backups", map[string]any{"calendar": "msgraph://" + address + "/calendars/primary"})
	batch := d.take("backup", 10)
	for range 2 {
		d.deliverAll(t, worker, "backup", batch)
	}
	if r := d.stored(backup); r.State != run.Succeeded {
		t.Fatalf("the backup is %s, %+v", r.State, r.Problem)
	}

	id := start("/v1/restores", map[string]any{"backup": backup, "into": "msgraph://" + address + "/calendars/Archive", "create_calendar": true})
	batch = d.take("backup", 10)
	done := d.hold(t, worker, batch, 2, true)
	worker.Kill()
	if o := <-done; !errors.As(o.err, new(*lambdatest.CrashError)) {
		t.Fatalf("the invocation ended with %s, %v", o.answer.Payload, o.err)
	}
	if state, n := d.stored(id).State, len(d.content(d.archiveID())); state != run.Running || n != 40 {
		t.Fatalf("the run is %s, with %d copies", state, n)
	}

	next := d.start("backup")
	batch = d.redeliver("backup", batch)
	for range 2 {
		d.deliverAll(t, next, "backup", batch)
	}
	r := d.stored(id)
	var result restore.Result
	must(t, json.Unmarshal(r.Result, &result))
	if r.State != run.Succeeded || !result.Balanced || result.Counts.Created != 60 || result.Written != 60 || !result.CreatedCalendar {
		t.Errorf("the run is %s, %+v, and reports %+v", r.State, r.Problem, result)
	}
	if copies := d.content(d.archiveID()); !slices.Equal(copies, d.sourceContent()) {
		t.Errorf("the calendar has %d events: %q", len(copies), copies)
	}
	d.sim.AssertNobodyInvited(t)
	d.empty()
}
