package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
)

func TestEverySuccessHasAForm(t *testing.T) {
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct {
					Schema map[string]any `json:"schema"`
				} `json:"content"`
			} `json:"responses"`
		} `json:"paths"`
	}
	served := newService(t).do("GET", "/openapi.json", nil).is(200)
	if err := json.Unmarshal(served.body, &document); err != nil {
		t.Fatal(err)
	}
	n := 0
	for path, operations := range document.Paths {
		for method, op := range operations {
			for code, answer := range op.Responses {
				if code[0] != '2' || code == "204" {
					continue
				}
				n++
				if len(answer.Content) == 0 {
					t.Errorf("%s %s: %s has no form", method, path, code)
				}
				for kind, content := range answer.Content {
					if len(content.Schema) == 0 || kind == "application/json" && reflect.DeepEqual(content.Schema, map[string]any{"type": "object"}) {
						t.Errorf("%s %s: %s as %s may be anything", method, path, code, kind)
					}
				}
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d answers are described", n)
	}
}

func TestAPlanIsAsItIsDescribed(t *testing.T) {
	s := newService(t)
	_, configID := s.seed("ask")
	run := s.run(configID)
	text := s.do("GET", "/v1/runs/"+run+"/plan", nil).is(200).body
	var described planDocument
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&described); err != nil {
		t.Error(err)
	}
	again, err := json.Marshal(described)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(again, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(described.Items) == 0 || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
