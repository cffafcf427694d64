package httpapi

import (
	"fmt"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2/validation"
)

// TestWhatIsWrongWithAValueIsSaidInWordsOfOurs has the framework's sentences made of its own templates.
func TestWhatIsWrongWithAValueIsSaidInWordsOfOurs(t *testing.T) {
	for theirs, want := range map[string]string{
		"invalid integer": "must be a whole number", "invalid float": "must be a number", "invalid floating value": "must be a number",
		"invalid boolean": "must be true or false", "invalid date/time for format 2006-01-02T15:04:05.999999999Z07:00": "must be a time as in 2026-11-02T12:00:00Z",
		validation.MsgExpectedBoolean: "must be true or false", validation.MsgExpectedInteger: "must be a whole number",
		validation.MsgExpectedNumber: "must be a number", validation.MsgExpectedString: "must be a string", validation.MsgExpectedArray: "must be an array",
		validation.MsgExpectedObject: "must be an object", validation.MsgExpectedArrayItemsUnique: "must have nothing twice",
		validation.MsgExpectedRFC3339DateTime: "must be a time as in 2026-11-02T12:00:00Z", validation.MsgExpectedRFC3339Date: "must be a day as in 2026-11-02",
		validation.MsgExpectedBase64String:                           "must be base64",
		fmt.Sprintf(validation.MsgExpectedOneOf, "a, b"):             "must be one of a, b",
		fmt.Sprintf(validation.MsgExpectedMinimumNumber, 0):          "must be at least 0",
		fmt.Sprintf(validation.MsgExpectedMaximumNumber, 200):        "must be at most 200",
		fmt.Sprintf(validation.MsgExpectedExclusiveMinimumNumber, 0): "must be more than 0",
		fmt.Sprintf(validation.MsgExpectedExclusiveMaximumNumber, 9): "must be less than 9",
		fmt.Sprintf(validation.MsgExpectedNumberBeMultipleOf, 5):     "must be a multiple of 5",
		fmt.Sprintf(validation.MsgExpectedMinLength, 1):              "is empty",
		fmt.Sprintf(validation.MsgExpectedMinLength, 10):             "must have at least 10 characters",
		fmt.Sprintf(validation.MsgExpectedMaxLength, 100):            "must have at most 100 characters",
		fmt.Sprintf(validation.MsgExpectedMinItems, 1):               "is empty",
		fmt.Sprintf(validation.MsgExpectedMinItems, 12):              "must have at least 12 items",
		fmt.Sprintf(validation.MsgExpectedMaxItems, 12):              "must have at most 12 items",
		fmt.Sprintf(validation.MsgExpectedMinProperties, 2):          "must have at least 2 properties",
		fmt.Sprintf(validation.MsgExpectedMatchPattern, "^a$"):       "must match the pattern ^a$",
	} {
		if got := inOurWords(theirs); got != want {
			t.Errorf("%q becomes %q, want %q", theirs, got, want)
		}
	}
}

func TestWrongParametersAreNamedInPlainWords(t *testing.T) {
	s := newService(t)
	for path, want := range map[string]string{
		"/v1/hours/working-time?period=2026-10&least_rest=long": "least_rest must be a whole number",
		"/v1/hours/working-time?period=2026-10&breaks=perhaps":  "breaks must be true or false",
		"/v1/runs?limit=0":             "limit must be at least 1",
		"/v1/runs?limit=9999":          "limit must be at most 200",
		"/v1/runs?state=odd":           "state must be one of queued, running, ",
		"/v1/runs/abc/items?limit=1.5": "limit must be a whole number",
	} {
		if detail := s.do("GET", path, nil).is(422).str("detail"); !strings.HasPrefix(detail, want) {
			t.Errorf("%s: %s", path, detail)
		}
	}
}
