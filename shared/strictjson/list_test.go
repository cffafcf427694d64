package strictjson

import (
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/fault"
)

func TestAListIsReadElementByElement(t *testing.T) {
	type element struct {
		Name string `json:"name"`
	}
	for text, want := range map[string]string{
		`{"items": [{"name": "a"}, {"name": "b"}], "other": 1}`: "0a 1b read",
		`{"items": []}`:   "read",
		`{"items": null}`: "", `{}`: "",
		`{"items": "a"}`:                     "error items must be an array, not a string",
		`{"items": {}}`:                      "error items must be an array, not an object",
		`{"items": [{"name": "a"}, 7]}`:      "0a error items[1] must be an object, not this number",
		`{"items": [{"name": 7}]}`:           "error items[0].name must be a string, not this number",
		`{"items": [{"name": "stop"}, 7]}`:   "0stop error items[0] is enough",
		`{"items": [{"name": "a"}`:           "0a error",
		`{"items": [{"name": "a"}, ] }`:      "0a error",
		`{"items": [], "items": []}`:         "error",
		`{"items": [{"Name": "a", "x": 1}]}`: "0 read",
	} {
		var said []string
		var v struct {
			Items List[element] `json:"items"`
		}
		v.Items.Each = func(at int, e *element) error {
			said = append(said, fmt.Sprint(at, e.Name))
			if e.Name == "stop" {
				return fault.Field(fmt.Sprintf("items[%d]", at), "is enough")
			}
			return nil
		}
		err := DecodeKnown(strings.NewReader(text), &v)
		if err != nil {
			said = append(said, "error "+err.Error())
		} else if v.Items.Read {
			said = append(said, "read")
		}
		if got := strings.Join(said, " "); got != want && !(strings.HasSuffix(want, "error") && strings.HasPrefix(got, want+" ")) {
			t.Errorf("%s: %s", text, got)
		}
	}
	var passed struct {
		Items List[element] `json:"items"`
	}
	if err := DecodeKnown(strings.NewReader(`{"items": [{"name": "a"}]}`), &passed); err != nil || !passed.Items.Read {
		t.Error(err)
	}
}
