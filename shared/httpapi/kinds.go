package httpapi

import (
	"encoding/json"
	"fmt"
	"path"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/run"
)

// runKind and jobKind are kinds of runs, and those of them that jobs start. Which there are is not known before the services are.
type (
	runKind string
	jobKind string
)

// kindsOf marks the schemas of kinds until describeKinds replaces it by what there is.
const kindsOf = "x-kinds-of"

// Schema implements huma.SchemaProvider.
func (runKind) Schema(huma.Registry) *huma.Schema { return kindSchema("runs") }

// Schema implements huma.SchemaProvider.
func (jobKind) Schema(huma.Registry) *huma.Schema { return kindSchema("jobs") }

func kindSchema(of string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Extensions: map[string]any{kindsOf: of}}
}

// describeKinds completes the document by what the kinds say of themselves: their names wherever one is named, and their results.
func describeKinds(doc *huma.OpenAPI, kinds run.Kinds) {
	schemas := doc.Components.Schemas
	results := schemas.Map()["Run"].Properties
	for _, d := range kinds {
		s := schemas.Schema(reflect.TypeOf(d.Empty()), true, "")
		s.Description = d.Reports
		results[d.Member] = s
	}
	for _, s := range schemas.Map() {
		for _, property := range s.Properties {
			nameKinds(property, kinds)
		}
	}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch} {
			if op == nil {
				continue
			}
			for _, parameter := range op.Parameters {
				nameKinds(parameter.Schema, kinds)
			}
		}
	}
}

// nameKinds completes a schema that is one of a kind.
func nameKinds(s *huma.Schema, kinds run.Kinds) {
	of := s.Extensions[kindsOf]
	if of == nil {
		return
	}
	names := kinds.Names()
	if of == "jobs" {
		names = kinds.ForJobs()
	}
	s.Extensions = nil
	for _, kind := range names {
		s.Enum = append(s.Enum, string(kind))
		if of == "jobs" && s.Description != "" && kinds[kind].Job.Means != "" {
			s.Description += fmt.Sprintf(" %s: %s.", kind, kinds[kind].Job.Means)
		}
	}
	s.PrecomputeMessages()
}

// schemaNames name types in the document: what is called runView here is a Run there. Types of the packages of kinds get the names of
// these in front, but for archive's.
func schemaNames(kinds run.Kinds) func(reflect.Type, string) string {
	apart := map[string]string{} // by package
	plain := ""
	if d, ok := kinds[run.Archive]; ok {
		plain = reflect.TypeOf(d.Empty()).Elem().PkgPath()
	}
	for _, d := range kinds {
		if of := reflect.TypeOf(d.Empty()).Elem().PkgPath(); of != plain {
			name := path.Base(of)
			apart[of] = strings.ToUpper(name[:1]) + name[1:]
		}
	}
	return func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if of := apart[t.PkgPath()]; of != "" {
			return of + t.Name()
		}
		return strings.ReplaceAll(huma.DefaultSchemaNamer(t, hint), "View", "")
	}
}

// resultView is what a run reports, under the name that its kind has for it; empty: nothing.
type resultView struct {
	member string
	result run.Result
}

// into adds the result to the JSON of an object.
func (v resultView) into(object []byte) ([]byte, error) {
	if v.result == nil {
		return object, nil
	}
	text, err := json.Marshal(v.result)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(object[:len(object)-1], ",%q:%s}", v.member, text), nil
}
