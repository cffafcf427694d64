package strictjson

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"adminassistant/shared/fault"
)

type settings struct {
	Name  string     `json:"name"`
	Count int        `json:"count"`
	Share float64    `json:"share"`
	On    bool       `json:"on"`
	Made  time.Time  `json:"made"`
	Rules []settings `json:"rules"`
	In    *settings  `json:"in"`
}

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, text, want, field string }{
		{"what is right", "\ufeff" + `{"name": "work", "count": 229.0, "share": 2.5, "on": true, "rules": [{"count": 2.29e2}], "in": null}`, "", ""},
		{"an empty file", "", "ends too early", ""},
		{"half a file", `{"name": "wo`, "ends too early", ""},
		{"something behind it", `{"name": "work"} {}`, "something follows the JSON, at byte 17", ""},
		{"no JSON", `{"name": work}`, "not JSON: what stands at byte 9 does", ""},
		{"an array", `[]`, "must be an object, not an array", ""},
		{"a field that is not known", `{"nome": 1}`, "is not a known field", "nome"},
		{"one in an array", `{"rules": [{}, {"nome": 1}]}`, "is not a known field", "rules[1].nome"},
		{"a field in another case", `{"Name": "work"}`, "is not a known field", "Name"},
		{"a field twice", `{"name": "work", "name": "play"}`, "is there twice", "name"},
		{"a field in two cases", `{"name": "work", "Name": "play"}`, "is there twice", "Name"},
		{"half an integer", `{"count": 229.5}`, "must be an integer, not this number", "count"},
		{"too large an integer", `{"count": 1e30}`, "must be an integer, not this number", "count"},
		{"a text for an integer", `{"in": {"count": "1"}}`, "must be an integer, not a string", "in.count"},
		{"an integer for a text", `{"name": 1}`, "must be a string, not this number", "name"},
		{"an object for an array", `{"rules": {}}`, "must be an array, not an object", "rules"},
		{"a text for a switch", `{"on": "yes"}`, "must be true or false, not a string", "on"},
		{"a time that is none", `{"made": "yesterday"}`, `is "yesterday": expected a time as in`, "made"},
		{"UTF-16", "\xff\xfe{\x00", "save it as UTF-8", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got settings
			err := Decode(iotest.HalfReader(strings.NewReader(tt.text)), &got)
			if tt.want == "" {
				if err != nil || got.Count != 229 || got.Rules[0].Count != 229 || got.Share != 2.5 {
					t.Errorf("got %+v, %v", got, err)
				}
				return
			}
			if fault.Of(err) != fault.Invalid || fault.FieldOf(err) != tt.field || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("got %v in %q", err, fault.FieldOf(err))
			}
			if again := Unmarshal([]byte(tt.text), &settings{}); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Errorf("of text: got %v", again)
			}
		})
	}
	cut := errors.New("cut")
	if err := Decode(iotest.ErrReader(cut), &settings{}); !errors.Is(err, cut) {
		t.Errorf("got %v", err)
	}
	var got settings
	if err := DecodeKnown(strings.NewReader(`{"nome": 1, "Name": "play", "count": 1}`), &got); err != nil || got.Name != "" || got.Count != 1 {
		t.Errorf("with fields that are not known: got %+v, %v", got, err)
	}
}
