package httpapi

import (
	"encoding/json"
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// misfit says what is wrong with a value of a schema, formats included; empty: nothing is.
func (s *service) misfit(schema *huma.Schema, mode huma.ValidateMode, example any) string {
	data, err := json.Marshal(example)
	check(s.t, err)
	var value any
	check(s.t, json.Unmarshal(data, &value))
	var res huma.ValidateResult
	huma.Validate(s.server.api.OpenAPI().Components.Schemas, schema, huma.NewPathBuffer(nil, 0), mode, value, &res)
	var all []string
	for _, err := range res.Errors {
		all = append(all, err.Error())
	}
	return strings.Join(all, "; ")
}

// readable says whether a body of a content type and schema is text that people read.
func readable(media string, schema *huma.Schema) bool {
	return media == "application/json" || strings.HasPrefix(media, "text/") && media != "text/html" && (schema == nil || schema.Format != "binary")
}

func TestEveryOperationHasAnExampleThatFitsItsSchema(t *testing.T) {
	s := newService(t)
	doc := s.server.described().document
	all := examples()
	for pattern := range all {
		method, path, _ := strings.Cut(pattern, " ")
		if operationOf(doc.Paths[path], method) == nil {
			t.Errorf("%s has an example, and is no operation", pattern)
		}
	}
	for path, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete, item.Patch} {
			if op == nil {
				continue
			}
			pattern := op.Method + " " + path
			e := all[pattern]
			if e == nil {
				t.Errorf("%s has no example: add a step to theStory", pattern)
				continue
			}
			for _, wrong := range s.lacks(op, e) {
				t.Errorf("%s: %s", pattern, wrong)
			}
		}
	}
}

// lacks says what is missing in the examples of an operation, or wrong.
func (s *service) lacks(op *huma.Operation, e *example) (wrong []string) {
	add := func(format string, values ...any) { wrong = append(wrong, fmt.Sprintf(format, values...)) }
	for _, p := range op.Parameters {
		shown := p.Example
		if shown == nil && len(p.Schema.Examples) > 0 {
			shown = p.Schema.Examples[0]
		}
		obvious := p.In == "header" || p.Schema.Type != huma.TypeString || len(p.Schema.Enum) > 0 || p.Schema.Format == "date-time" || p.Name == "cursor"
		switch {
		case shown != nil:
			if text := s.misfit(p.Schema, huma.ModeWriteToServer, shown); text != "" {
				add("the example of %s: %s", p.Name, text)
			}
		case p.Required || p.In == "path" || !obvious:
			add("%s has no example", p.Name)
		}
	}
	if op.RequestBody != nil {
		if e.Body == nil {
			add("the body has no example")
		}
		for media, content := range op.RequestBody.Content {
			if content.Example == nil && (media == "application/json" || media == e.Type) {
				add("the body of %s has no example", media)
			} else if content.Example != nil {
				if text := s.misfit(content.Schema, huma.ModeWriteToServer, content.Example); text != "" {
					add("the example of the body: %s", text)
				}
			}
		}
	}
	answer := op.Responses[fmt.Sprint(e.Status)]
	if answer == nil {
		add("the example's status %d is not described", e.Status)
		return wrong
	}
	for media, content := range answer.Content {
		switch {
		case content.Example != nil:
			if text := s.misfit(content.Schema, huma.ModeReadFromServer, content.Example); text != "" {
				add("the example of the answer: %s", text)
			}
		case readable(media, content.Schema) && len(answer.Content) == 1:
			add("the answer of %s has no example", media)
		}
	}
	return wrong
}

func TestExamplesNameNobodyWhoExists(t *testing.T) {
	for pattern, e := range examples() {
		data, err := json.Marshal(e)
		check(t, err)
		for _, found := range regexp.MustCompile(`[\w.+-]+@[\w-]+(\.[\w-]+)+`).FindAllString(string(data), -1) {
			address, err := mail.ParseAddress(found)
			if err == nil && !strings.HasSuffix(address.Address, "example.com") && !strings.HasSuffix(address.Address, ".example") && !strings.Contains(found, "T07") {
				t.Errorf("%s: %s", pattern, found)
			}
		}
	}
}

// TestACommandLineOfTheReferenceCanBeGivenToAShell shows what is quoted.
func TestACommandLineOfTheReferenceCanBeGivenToAShell(t *testing.T) {
	put := &huma.Operation{Method: "PUT", Path: "/v1/customers/{id}", Security: []map[string][]string{{}}}
	e := &example{
		Path: map[string]string{"id": "Acme & Co"}, Query: map[string]string{"a": "b c"}, Header: map[string]string{"If-Match": `"1"`},
		Body: json.RawMessage(`{"name":"O'Neill"}`),
	}
	want := `curl -X PUT "$API/v1/customers/Acme%20&%20Co?a=b+c" \
  -H "Authorization: Bearer $TOKEN" \
  -H 'If-Match: "1"' \
  -H 'Content-Type: application/json' \
  -d '{
  "name": "O'\''Neill"
}'`
	if got := e.curl(put); got != want {
		t.Errorf("got %s", got)
	}
	out := &huma.Operation{Method: "POST", Path: "/auth/logout", Security: []map[string][]string{{}}}
	want = `curl -X POST "$API/auth/logout" \
  -b "__Host-session=$SESSION" \
  -H "X-CSRF-Token: $CSRF"`
	if got := (&example{Session: true}).curl(out); got != want {
		t.Errorf("got %s", got)
	}
	if got := (&example{}).curl(&huma.Operation{Method: "GET", Path: "/healthz"}); got != `curl "$API/healthz"` {
		t.Errorf("got %s", got)
	}
}
