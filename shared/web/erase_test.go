package web_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestErasingOneselfIsMeant(t *testing.T) {
	m := newMachine(t)
	config := m.fill(sample(t))
	m.work()
	m.archive(config)
	r := m.reader()
	r.page("/settings").says(t, `href="/settings/erase"`)
	page := r.page("/settings/erase")
	page.says(t, "What is gone then, for good", "What stays", `href="/backups"`, `href="/audit/export"`, "erase everything")
	if log := r.page("/audit/export"); !strings.Contains(log.body, "run.start") || !strings.Contains(log.header.Get("Content-Disposition"), "audit.csv") {
		t.Errorf("the audit log as a file: %v %s", log.header, log.body)
	}
	for _, typed := range []string{"", "yes", "everything"} {
		p := r.sends(page, "/settings/erase", "confirm", typed)
		if p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, `id="confirm-problem"`) {
			t.Errorf("%q typed: %d %s", typed, p.status, p.body)
		}
	}
	if entries := m.json("GET", "/v1/ledger/work/days/2026-10-12", "")["items"].([]any); len(entries) == 0 {
		t.Fatal("it was erased without being meant")
	}
	erased := r.sends(page, "/settings/erase", "confirm", " Alles  löschen ")
	if erased.status != http.StatusSeeOther || !strings.HasPrefix(erased.to, "/erased?again=") {
		t.Fatalf("erased: %d to %s: %s", erased.status, erased.to, erased.body)
	}
	r.page(erased.to).says(t, "Your data is being erased", "It can go on from", "UTC")
	if p := r.get("/today"); p.status != http.StatusUnauthorized {
		t.Errorf("the browser is signed in still: %d", p.status)
	}
	again := m.reader()
	if p := again.get("/today"); p.status != http.StatusForbidden {
		t.Errorf("who is being erased is let in: %d", p.status)
	}
	going := again.page("/settings/erase")
	going.says(t, "Most of it is gone already.")
	if p := again.sends(going, "/settings/erase"); p.status != http.StatusSeeOther || !strings.HasPrefix(p.to, "/erased?again=") {
		t.Errorf("gone on with: %d to %s", p.status, p.to)
	}
	again.page("/erased?done=yes").says(t, "All of it is erased")
}
