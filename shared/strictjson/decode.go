package strictjson

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"adminassistant/shared/fault"
)

// exact reads as encoding/json does, but for names: they have to be spelt as the type has them.
var exact = json.JoinOptions(jsonv1.DefaultOptionsV1(), jsonv1.ReportErrorsWithLegacySemantics(false), json.MatchCaseInsensitiveNames(false))

// known refuses members that the type does not have.
var known = json.JoinOptions(exact, json.RejectUnknownMembers(true))

// Decode reads one JSON value into v, a pointer, and nothing after it, by the rules of Reader. Names of members have to be spelt as v's type has
// them, and a member that it does not have is an error. Errors are of kind fault.Invalid and name the field as far as it is known, as in
// "rules[0].id"; those of r are handed on.
func Decode(r io.Reader, v any) error { return decode(r, v, known) }

// DecodeKnown is Decode, but members that v's type does not have are passed over.
func DecodeKnown(r io.Reader, v any) error { return decode(r, v, exact) }

// Unmarshal is Decode of text.
func Unmarshal(text []byte, v any) error {
	clean, err := Clean(text)
	if err != nil {
		return err
	}
	return told(json.Unmarshal(clean, v, known))
}

func decode(r io.Reader, v any, options json.Options) error {
	in := NewReader(r)
	err := json.UnmarshalRead(in, v, options)
	if in.err != nil && in.err != io.EOF {
		return in.err // what stopped the reading says more than that it stopped
	}
	return told(err)
}

// told is an error as whoever wrote the JSON needs it.
func told(err error) error {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	var own *fault.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own): // of a value that reads itself
		return own
	case errors.As(err, &semantic):
		field := fieldOf(semantic.JSONPointer)
		if errors.Is(semantic.Err, json.ErrUnknownName) {
			return fault.Field(field, "is not a known field")
		}
		what := "must be " + kindOf(semantic.GoType) + ", not " + nameOf(semantic.JSONKind)
		var time *time.ParseError
		switch {
		case errors.As(semantic.Err, &time):
			what = fmt.Sprintf("is %.40q: expected a time as in 2026-10-05T07:00:00Z", time.Value)
		case semantic.Err != nil && !errors.Is(semantic.Err, strconv.ErrSyntax):
			what = "is wrong: " + strings.TrimPrefix(semantic.Err.Error(), "json: ")
		}
		if field == "" {
			return fault.New(fault.Invalid, "the JSON %s", what)
		}
		return fault.Field(field, "%s", what)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.Invalid, "this is not JSON: the text ends too early")
	case errors.As(err, &syntax) && strings.Contains(syntax.Err.Error(), "after top-level value"):
		return fault.New(fault.Invalid, "something follows the JSON, at byte %d", syntax.ByteOffset)
	case errors.As(err, &syntax):
		return fault.New(fault.Invalid, "this is not JSON: what stands at byte %d does not belong there", syntax.ByteOffset)
	}
	return fault.New(fault.Invalid, "this is not JSON as it should be")
}

// fieldOf is a pointer as we name fields.
func fieldOf(pointer jsontext.Pointer) string {
	var path strings.Builder
	for token := range pointer.Tokens() {
		if _, err := strconv.ParseUint(token, 10, 32); err == nil {
			path.WriteString("[" + token + "]")
			continue
		}
		if path.Len() > 0 {
			path.WriteString(".")
		}
		path.WriteString(token)
	}
	return path.String()
}

// kindOf says what a type takes.
func kindOf(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil {
		return "something else"
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "an integer"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a string"
}

func nameOf(kind jsontext.Kind) string {
	switch kind {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case '0':
		return "this number"
	case 'n':
		return "null"
	}
	return "true or false"
}
