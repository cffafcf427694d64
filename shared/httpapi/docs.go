package httpapi

import (
	"bytes"
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.css
var docsStyle []byte

// reference is the OpenAPI document as the reference page shows it.
type reference struct {
	Title, Version, Description string
	Groups                      []referenceGroup
	Schemas                     []referenceSchema
	Codes                       []code
	Sought                      string // what the operations have to contain; empty: all are shown
}

// mostSought is how many bytes may be looked for.
const mostSought = 100

// containing is the reference of those operations that contain a text, in any case: in method and path, summary, description or a parameter.
func (r reference) containing(text string) reference {
	all := r
	all.Sought, all.Groups = text, nil
	text = strings.ToLower(text)
	has := func(in ...string) bool { return strings.Contains(strings.ToLower(strings.Join(in, "\n")), text) }
	for _, group := range r.Groups {
		group.Operations = slices.DeleteFunc(slices.Clone(group.Operations), func(op referenceOperation) bool {
			return !has(op.Method+" "+op.Path, op.Summary, op.Description) &&
				!slices.ContainsFunc(op.Parameters, func(f referenceField) bool { return has(f.Name, f.Description) })
		})
		if len(group.Operations) > 0 {
			all.Groups = append(all.Groups, group)
		}
	}
	return all
}

type referenceGroup struct {
	Name, Description string
	Operations        []referenceOperation
}

type referenceOperation struct {
	ID, Method, Path, Summary, Description string
	Parameters                             []referenceField
	Headers                                []string        // those that many operations take
	Bodies                                 []referenceBody // of the request
	Answers                                []referenceBody // when it went well
	Problems                               []string        // statuses of all else
	Request                                string          // of the example, as a command line; empty: there is none
	Status, Answer                         string          // with which the example was answered; the text is empty where there is none
}

type referenceBody struct {
	Status, Description, ContentType, Type, Ref string
}

type referenceSchema struct {
	Name, Description string
	Fields            []referenceField
}

type referenceField struct {
	Name, In, Type, Ref, Description string
	Required                         bool
}

const schemaPrefix = "#/components/schemas/"

// newReference makes the page's content of the document.
func newReference(doc *huma.OpenAPI, shown map[string]*example) reference {
	ref := reference{Title: doc.Info.Title, Version: doc.Info.Version, Description: doc.Info.Description}
	ref.Codes = slices.Clone(codes)
	slices.SortStableFunc(ref.Codes, func(a, b code) int { return a.Status - b.Status })
	groups := map[string][]referenceOperation{}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		item := doc.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Delete} {
			if op != nil {
				groups[op.Tags[0]] = append(groups[op.Tags[0]], newReferenceOperation(op, shown[op.Method+" "+op.Path]))
			}
		}
	}
	for _, tag := range doc.Tags {
		ref.Groups = append(ref.Groups, referenceGroup{Name: tag.Name, Description: tag.Description, Operations: groups[tag.Name]})
	}
	schemas := doc.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		s := schemas[name]
		ref.Schemas = append(ref.Schemas, referenceSchema{Name: name, Description: s.Description, Fields: fieldsOf(s)})
	}
	return ref
}

func newReferenceOperation(op *huma.Operation, shown *example) referenceOperation {
	out := referenceOperation{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description}
	for _, p := range op.Parameters {
		if p == idempotencyKeyParam || p == csrfParam {
			out.Headers = append(out.Headers, p.Name)
			continue
		}
		f := newReferenceField(p.Name, p.Schema, p.Required)
		f.In, f.Description = p.In, strings.TrimSpace(cmp.Or(p.Description, f.Description)+asIn(p))
		out.Parameters = append(out.Parameters, f)
	}
	if op.RequestBody != nil {
		out.Bodies = bodiesOf("", op.RequestBody.Description, op.RequestBody.Content)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		r := op.Responses[status]
		if r.Content[problemContentType] != nil {
			out.Problems = append(out.Problems, status)
			continue
		}
		out.Answers = append(out.Answers, bodiesOf(status, r.Description, r.Content)...)
	}
	if shown != nil {
		out.Request, out.Status = shown.curl(op), strconv.Itoa(shown.Status)
		if shown.Answer != nil {
			out.Answer = text(shown.Answers, shown.Answer)
		}
	}
	return out
}

// asIn says what a text in a parameter may be, where an example shows it.
func asIn(p *huma.Param) string {
	shown := p.Example
	if shown == nil && len(p.Schema.Examples) > 0 {
		shown = p.Schema.Examples[0]
	}
	if text, ok := shown.(string); ok && len(p.Schema.Enum) == 0 {
		return " As in " + text + "."
	}
	return ""
}

func bodiesOf(status, description string, content map[string]*huma.MediaType) []referenceBody {
	if len(content) == 0 {
		return []referenceBody{{Status: status, Description: description}}
	}
	var bodies []referenceBody
	for _, media := range slices.Sorted(maps.Keys(content)) {
		b := referenceBody{Status: status, Description: description, ContentType: media}
		b.Type, b.Ref = typeOf(content[media].Schema)
		bodies = append(bodies, b)
	}
	return bodies
}

func fieldsOf(s *huma.Schema) (fields []referenceField) {
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		fields = append(fields, newReferenceField(name, s.Properties[name], slices.Contains(s.Required, name)))
	}
	return fields
}

func newReferenceField(name string, s *huma.Schema, required bool) referenceField {
	f := referenceField{Name: name, Required: required, Description: s.Description}
	f.Type, f.Ref = typeOf(s)
	var notes []string
	if len(s.Enum) > 0 {
		words := make([]string, len(s.Enum))
		for i, word := range s.Enum {
			words[i] = fmt.Sprintf("%q", word)
		}
		notes = append(notes, "One of "+strings.Join(words, ", ")+".")
	}
	if s.Minimum != nil && s.Maximum != nil {
		notes = append(notes, fmt.Sprintf("%v to %v.", *s.Minimum, *s.Maximum))
	}
	if s.Default != nil {
		notes = append(notes, fmt.Sprintf("Default: %v.", s.Default))
	}
	f.Description = strings.TrimSpace(f.Description + " " + strings.Join(notes, " "))
	return f
}

// typeOf names a schema's type, and the schema among the components that it refers to.
func typeOf(s *huma.Schema) (name, ref string) {
	switch {
	case s == nil:
		return "any", ""
	case s.Ref != "":
		ref = strings.TrimPrefix(s.Ref, schemaPrefix)
		return ref, ref
	case s.Type == huma.TypeArray:
		name, ref = typeOf(s.Items)
		return "list of " + name, ref
	case s.Format != "":
		return s.Type + " (" + s.Format + ")", ""
	}
	return cmp.Or(s.Type, "any"), ""
}

const docsPolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// referencePolicy is docsPolicy for the reference page, which has a form that asks for less of it.
const referencePolicy = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// docsRoutes serves the OpenAPI document and a page that renders it.
func (s *server) docsRoutes() {
	ref := sync.OnceValue(func() reference {
		d := s.described()
		return newReference(d.document, d.examples)
	})
	page := sync.OnceValue(func() []byte {
		var page bytes.Buffer
		if err := ref().page().Render(&page); err != nil {
			panic(fmt.Sprintf("httpapi: the reference page: %v", err)) // a buffer takes everything
		}
		return page.Bytes()
	})
	serve := func(path, contentType string, content func() []byte) {
		s.handlePlain(route{pattern: "GET " + path, access: anyone}, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.Header().Set("Cache-Control", "no-cache")
			w.Header().Set("Content-Security-Policy", docsPolicy)
			_, _ = w.Write(content())
		})
	}
	serve("/openapi.json", "application/json", s.document)
	s.handlePlain(route{pattern: "GET /docs", access: anyone}, func(w http.ResponseWriter, r *http.Request) {
		content := page()
		if sought := strings.TrimSpace(r.URL.Query().Get("q")); sought != "" && len(sought) <= mostSought {
			var found bytes.Buffer
			if err := ref().containing(sought).page().Render(&found); err == nil {
				content = found.Bytes()
			}
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Content-Security-Policy", referencePolicy)
		_, _ = w.Write(content)
	})
	serve("/docs/style.css", "text/css; charset=utf-8", func() []byte { return docsStyle })
	s.handlePlain(route{pattern: "GET /{$}", access: anyone}, s.home)
}
