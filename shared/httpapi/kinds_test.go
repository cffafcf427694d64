package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/archive"
	"adminassistant/shared/backup"
	"adminassistant/shared/restore"
	"adminassistant/shared/run"
	"adminassistant/shared/undo"
)

// dreaming is a service that knows one kind of run more, which jobs start, and which says so itself and nobody else.
func dreaming(t *testing.T) *service {
	return newService(t, func(_ *service, services *Services) {
		services.Kinds = maps.Clone(services.Kinds)
		services.Kinds["dream"] = run.Description{
			Kind: "dream", Title: "Dream", Queue: run.BackupQueue, Empty: func() run.Result { return &restore.DrillResult{} }, Member: "slept",
			Reports: "How it was.",
			Words:   run.AsAnyRun, Job: &run.JobTerms{Means: "look inside"},
		}
	})
}

func (s *service) dream(state run.State, id, result string) {
	s.t.Helper()
	r := &run.Run{ID: id, User: "local#ana", Kind: "dream", Calendar: seeded, State: run.Queued, Created: s.services.Clock(), Result: json.RawMessage(result)}
	_, _, err := s.services.Runs.Create(s.t.Context(), r)
	check(s.t, err)
	if state.Ended() {
		r.Failed = 1
		check(s.t, s.services.Runs.Finish(s.t.Context(), r, state, s.services.Clock()))
	}
}

func TestAKindOfRunIsShownByWhatItSaysOfItself(t *testing.T) {
	s := dreaming(t)
	s.dream(run.Partial, "D1", `{"compared": 3}`)
	r := s.do("GET", "/v1/runs/D1", nil).is(200)
	if r.str("kind") != "dream" || r.str("slept.compared") != "3" || r.str("state") != "partial" || strings.Contains(string(r.body), `"result"`) {
		t.Errorf("got %s", r.body)
	}
	for query, want := range map[string]int{"?kind=dream": 1, "?kind=drill": 0, "": 1} {
		if got := s.do("GET", "/v1/runs"+query, nil).is(200).items(); len(got) != want || want == 1 && object(object(got[0])["slept"])["compared"] != 3.0 {
			t.Errorf("%s: %v", query, got)
		}
	}
	s.do("GET", "/v1/runs?kind=nightmare", nil).problem(422, "invalid", "kind")
	s.do("POST", "/v1/runs/D1/retry", nil).problem(409, "nothing_to_retry", "")

	schemas := object(object(s.document["components"])["schemas"])
	enum := func(schema string) string {
		return fmt.Sprint(object(object(object(schemas[schema])["properties"])["kind"])["enum"])
	}
	for schema, want := range map[string]string{
		"Run": "[archive backup decide dream drill import repair restore undo verify]",
		"Job": "[archive backup dream drill verify]", "JobInput": "[archive backup dream drill verify]",
		"Queue": "[archive backup dream drill verify]",
	} {
		if got := enum(schema); got != want {
			t.Errorf("kinds of %s are %s", schema, got)
		}
	}
	result := object(object(object(schemas["Run"])["properties"])["slept"])
	if result["description"] != "How it was." || result["$ref"] == nil {
		t.Errorf("its result is told as %v", result)
	}
	if text := fmt.Sprint(object(object(object(schemas["JobInput"])["properties"])["kind"])["description"]); !strings.Contains(text, "dream: look inside.") {
		t.Errorf("the document says %q", text)
	}
	if strings.Contains(fmt.Sprint(s.document), kindsOf) {
		t.Error("the document says where kinds come from")
	}
}

func TestARunOfAKindThatThisVersionDoesNotKnowIsShownWithoutItsResult(t *testing.T) {
	s := newService(t)
	view, err := (&server{Services: s.services}).viewRun(&run.Run{ID: "D1", Kind: "dream", Result: json.RawMessage(`{"compared": 3}`)})
	check(t, err)
	text, err := json.Marshal(view)
	check(t, err)
	if got := string(text); !strings.Contains(got, `"kind":"dream"`) || strings.Contains(got, "compared") || !json.Valid(text) {
		t.Errorf("got %s", text)
	}
	s.dream(run.Failed, "D1", `{"compared": 3}`)
	s.do("POST", "/v1/runs/D1/retry", nil).problem(409, "nothing_to_retry", "")
}

func TestAResultThatCannotBeReadIsSaid(t *testing.T) {
	s := dreaming(t)
	s.dream(run.Failed, "D1", `{"compared": "x"}`)
	s.do("GET", "/v1/runs/D1", nil).problem(500, "malformed", "")
}

func TestTypesOfTwoKindsHaveTwoNames(t *testing.T) {
	kinds := run.MustKinds(archive.RunKind, archive.VerifyKind, archive.RepairKind, backup.RunKind, restore.RunKind, restore.DrillKind, undo.RunKind)
	name := schemaNames(kinds)
	var names []string
	for _, of := range []any{archive.Result{}, archive.Counts{}, &backup.Result{}, backup.Counts{}, restore.Result{}, &restore.DrillResult{},
		undo.Totals{}, &undo.Result{}, runView{}, run.Problem{}} {
		names = append(names, name(reflect.TypeOf(of), ""))
	}
	want := []string{"Result", "Counts", "BackupResult", "BackupCounts", "RestoreResult", "RestoreDrillResult", "UndoTotals", "UndoResult", "Run", "Problem"}
	if !slices.Equal(names, want) {
		t.Errorf("got %v", names)
	}
	if s := (runKind("").Schema(nil)); s.Type != huma.TypeString {
		t.Errorf("a kind is %s", s.Type)
	}
}
