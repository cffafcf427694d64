package httpapi

import (
	"testing"
)

func TestUndo(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	id := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID, "period": "last week"}).is(202).str("id")
	path := "/v1/runs/" + id + "/undo"
	s.do("POST", path+"?preview=true", nil).problem(409, codeRunUnderWay, "")
	s.work()
	s.do("POST", path, map[string]any{}).problem(422, "invalid", "plan_hash")
	plan := s.do("POST", path+"?preview=true", map[string]any{}).is(200)
	n := plan.str("counts.participants")
	if n == "0" || plan.str("counts.undone") != n || plan.str("plan_hash") == "" {
		t.Fatalf("the preview: %s", plan.body)
	}
	looked := s.do("POST", path, map[string]any{"dry_run": true}).is(202).str("id")
	s.work()
	if r := s.do("GET", "/v1/runs/"+looked, nil).is(200); r.str("undo.plan_hash") != plan.str("plan_hash") || r.str("undo.written") != "0" ||
		r.str("undo.counts.undone") != n || r.str("state") != "succeeded" {
		t.Errorf("the dry run: %s", r.body)
	}
	s.do("POST", "/v1/runs/"+looked+"/undo?preview=true", nil).problem(409, codeNothingToUndo, "")
	s.do("POST", path, map[string]any{"plan_hash": "sha256:0"}).problem(409, codeChanged, "")
	s.do("POST", path, map[string]any{"plan_hash": plan.str("plan_hash"), "force": true}).problem(409, codeChanged, "")
	started := s.do("POST", path, map[string]any{"plan_hash": plan.str("plan_hash")}).is(202)
	if started.str("kind") != "undo" || started.str("state") != "queued" || started.Header.Get("Location") != "/v1/runs/"+started.str("id") {
		t.Errorf("started: %s", started.body)
	}
	if again := s.do("POST", path, map[string]any{"plan_hash": plan.str("plan_hash")}).is(202); again.str("id") != started.str("id") {
		t.Errorf("started again: %s", again.body)
	}
	s.work()
	r := s.do("GET", "/v1/runs/"+started.str("id"), nil).is(200)
	if r.str("state") != "succeeded" || r.str("undo.counts.undone") != n || r.str("undo.written") == "0" {
		t.Errorf("ended: %s", r.body)
	}
	items := s.do("GET", "/v1/runs/"+started.str("id")+"/items?outcome=undone", nil).is(200).items()
	if len(items) == 0 || object(object(items[0])["plan"])["does"] == nil {
		t.Errorf("items: %v", items)
	}
	if left := s.do("GET", "/v1/runs?kind=undo", nil).is(200).items(); len(left) != 2 {
		t.Errorf("listed: %v", left)
	}
	dry := s.do("POST", "/v1/runs", map[string]any{"kind": "archive", "config": configID, "dry_run": true}).is(202).str("id")
	s.work()
	s.do("POST", "/v1/runs/"+dry+"/undo?preview=true", map[string]any{}).problem(409, codeNothingToUndo, "")
	s.do("POST", path+"?preview=true", map[string]any{}, headerUser, "bob").problem(404, "not_found", "")
}

func TestUndoWhereCalendarsCannotBeLookedInto(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("keep")
	path := "/v1/runs/" + s.run(configID) + "/undo"
	s.services.Undo.Blind = true
	s.do("POST", path+"?preview=true", nil).problem(409, "conflict", "")
	looked := s.do("POST", path, map[string]any{"dry_run": true}).is(202).str("id")
	s.work()
	hash := s.do("GET", "/v1/runs/"+looked, nil).is(200).str("undo.plan_hash")
	wrong := s.do("POST", path, map[string]any{"plan_hash": "sha256:0"}).is(202).str("id")
	s.work()
	if r := s.do("GET", "/v1/runs/"+wrong, nil).is(200); r.str("state") != "failed" || r.str("problem.code") != "changed" {
		t.Errorf("with another hash: %s", r.body)
	}
	right := s.do("POST", path, map[string]any{"plan_hash": hash}).is(202).str("id")
	s.work()
	if r := s.do("GET", "/v1/runs/"+right, nil).is(200); r.str("state") != "succeeded" || r.str("undo.counts.undone") == "0" {
		t.Errorf("with the hash: %s", r.body)
	}
}
