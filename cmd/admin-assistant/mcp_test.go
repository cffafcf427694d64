package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// talk is a session of an assistant that started the program.
type talk struct {
	t       *testing.T
	session *mcp.ClientSession
}

func (m *machine) talk(args ...string) *talk {
	m.t.Helper()
	args = append([]string{"mcp"}, args...)
	if m.token == "" {
		args = append([]string{"--local"}, args...)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(m.t.Context(), &mcp.CommandTransport{Command: m.command(context.WithoutCancel(m.t.Context()), args...)}, nil)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() { _ = session.Close() })
	return &talk{m.t, session}
}

// ask calls a tool and returns its answer, and whether it is an error.
func (s *talk) ask(tool string, arguments any) (answer string, failed bool) {
	s.t.Helper()
	result, err := s.session.CallTool(s.t.Context(), &mcp.CallToolParams{Name: tool, Arguments: arguments})
	if err != nil {
		s.t.Fatalf("%s: %v", tool, err)
	}
	for _, c := range result.Content {
		if text, ok := c.(*mcp.TextContent); ok {
			answer += text.Text
		}
	}
	return answer, result.IsError
}

// into calls a tool that must succeed, and decodes its answer.
func (s *talk) into(out any, tool string, arguments any) {
	s.t.Helper()
	answer, failed := s.ask(tool, arguments)
	if failed {
		s.t.Fatalf("%s: %s", tool, answer)
	}
	if err := json.Unmarshal([]byte(answer), out); err != nil {
		s.t.Fatalf("%s: %v: %s", tool, err, answer)
	}
}

// refused calls a tool that must fail, and whose answer has to say something.
func (s *talk) refused(says, tool string, arguments any) {
	s.t.Helper()
	if answer, failed := s.ask(tool, arguments); !failed || !strings.Contains(answer, says) {
		s.t.Errorf("%s: %t, %s", tool, failed, answer)
	}
}

type object = map[string]any

func TestAnAssistantReadsAndProposes(t *testing.T) {
	m := asking(t)
	doctor := m.about("Doctor")
	s := m.talk()

	var tools []string
	for tool, err := range s.session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		tools = append(tools, tool.Name)
		if changes := tool.Name == "apply"; tool.Annotations.ReadOnlyHint == changes {
			t.Errorf("%s says of itself that it only reads: %t", tool.Name, tool.Annotations.ReadOnlyHint)
		}
	}
	var hours struct {
		Rows []struct{ Customer string } `json:"rows"`
	}
	if s.into(&hours, "hours", object{"period": "October 2026"}); len(hours.Rows) == 0 {
		t.Error("no hours")
	}
	var listed struct {
		Items []json.RawMessage `json:"items"`
	}
	for tool, arguments := range map[string]object{
		"configs": nil, "runs": {}, "ledger_day": {"config": "work", "date": "2026-10-20"}, "open_actions": {"kind": "overlap"},
	} {
		if s.into(&listed, tool, arguments); len(listed.Items) == 0 {
			t.Errorf("%s: nothing", tool)
		}
	}
	for _, tool := range []string{"customers", "timesheets"} {
		s.into(&listed, tool, object{})
	}
	for tool, arguments := range map[string]object{"run": {"id": "nothing"}, "timesheet": {"id": "nothing"}, "action": {"id": "nothing"}} {
		s.refused("nothing", tool, arguments)
	}
	s.refused("period", "hours", object{"period": "some day"})

	// A decision: what is shown is what happens, once.
	var action struct {
		Suggestions []struct {
			Verdicts []json.RawMessage `json:"verdicts"`
		} `json:"suggestions"`
	}
	s.into(&action, "action", object{"id": doctor.ID})
	decided := object{"config": "work", "action": doctor.ID, "verdicts": action.Suggestions[0].Verdicts}
	var preview struct {
		Hash  string `json:"plan_hash"`
		Would struct {
			Result struct {
				Hours []json.RawMessage `json:"hours"`
			} `json:"result"`
			Items []json.RawMessage `json:"items"`
		} `json:"would"`
	}
	s.into(&preview, "preview_decision", decided)
	if len(preview.Would.Items) != 2 {
		t.Errorf("the preview shows %d appointments", len(preview.Would.Items))
	}
	again := preview
	if s.into(&again, "preview_decision", decided); again.Hash != preview.Hash {
		t.Error("the same has two hashes")
	}
	if m.about("Doctor").ID != doctor.ID {
		t.Fatal("the preview decided")
	}
	s.refused("plan_hash", "apply", object{"plan_hash": "sha256:0000"})
	var done struct {
		Done struct {
			ID    string `json:"id"`
			State string `json:"state"`
		} `json:"done"`
	}
	if s.into(&done, "apply", object{"plan_hash": preview.Hash}); done.Done.State != "succeeded" {
		t.Fatalf("applied: %+v", done)
	}
	s.refused("preview it first", "apply", object{"plan_hash": preview.Hash})

	// What changed since the preview is not carried out.
	var undo struct {
		Hash string `json:"plan_hash"`
	}
	s.into(&undo, "preview_undo", object{"run": done.Done.ID})
	m.local("undo", done.Done.ID, "--yes").ok()
	s.refused("", "apply", object{"plan_hash": undo.Hash})

	// A correction, and its undo.
	var day struct {
		Items []struct {
			Key string `json:"key"`
		} `json:"items"`
	}
	s.into(&day, "ledger_day", object{"config": "work", "date": "2026-10-05"})
	globex := object{"key": day.Items[0].Key, "verdict": "keep_as", "fields": object{"categories": []string{"Globex - billable"}}}
	correct := object{"config": "work", "verdicts": []object{globex}}
	s.into(&preview, "preview_decision", correct)
	s.into(&done, "apply", object{"plan_hash": preview.Hash})
	s.into(&undo, "preview_undo", object{"run": done.Done.ID})
	s.into(&done, "apply", object{"plan_hash": undo.Hash})
	s.into(&listed, "history", object{"config": "work", "key": day.Items[0].Key})
	if len(listed.Items) != 3 {
		t.Errorf("the appointment has %d versions, not 3", len(listed.Items))
	}
	s.into(&preview, "preview_archive", object{"config": "work", "period": "2026-10-05 to 2026-10-09"})
	s.into(&done, "apply", object{"plan_hash": preview.Hash})

	// The audit log says who did it.
	log := m.local("audit", "list", "--output", "json").ok().out
	if n := strings.Count(log, `"via": "assistant"`); n < 6 {
		t.Errorf("the audit log names the assistant %d times", n)
	}

	reading := m.talk("--read-only")
	for tool, err := range reading.session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		if tool.Name == "apply" || strings.HasPrefix(tool.Name, "preview_") || !slices.Contains(tools, tool.Name) {
			t.Errorf("with --read-only there is %s", tool.Name)
		}
	}
}
