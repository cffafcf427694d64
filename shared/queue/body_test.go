package queue

import (
	"testing"

	"adminassistant/shared/fault"
)

func TestParse(t *testing.T) {
	type message struct {
		Run     string `json:"run"`
		Attempt int    `json:"attempt"`
	}
	var got message
	if err := Parse([]byte(`{"run": "R1", "attempt": 2.0}`), &got); err != nil || got != (message{"R1", 2}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for name, body := range map[string]string{
		"nothing":                 ``,
		"no JSON":                 `R1`,
		"half of it":              `{"run": "R1"`,
		"more behind it":          `{"run": "R1"} {}`,
		"a field of another kind": `{"run": 1}`,
		"half an attempt":         `{"attempt": 1.5}`,
		"a field that is unknown": `{"run": "R1", "user": "U1"}`,
		"a field in another case": `{"Run": "R1"}`,
		"a field twice":           `{"run": "R1", "run": "R2"}`,
		"a field in two cases":    `{"run": "R1", "RUN": "R2"}`,
	} {
		if err := Parse([]byte(body), &message{}); fault.Of(err) != fault.Malformed || err == nil {
			t.Errorf("%s: got %v (%v), want malformed", name, err, fault.Of(err))
		}
	}
}
