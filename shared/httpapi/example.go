package httpapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// example is a request of a route that was answered as it says: one page of the story that TestTheExamplesTellOneStory plays.
type example struct {
	Path   map[string]string `json:"path,omitempty"`
	Query  map[string]string `json:"query,omitempty"`
	Header map[string]string `json:"header,omitempty"`
	// Session says that it is a browser's, which shows the cookie of its session and its token, in place of an access token.
	Session bool            `json:"session,omitempty"`
	Type    string          `json:"type,omitempty"` // of the body; empty: JSON, or there is none
	Body    json.RawMessage `json:"body,omitempty"` // JSON; or a JSON string with the text
	Status  int             `json:"status"`
	// Answers is the type of the answer; empty: it has no body. Answer is as Body, and empty where the answer is no text.
	Answers string          `json:"answers,omitempty"`
	Answer  json.RawMessage `json:"answer,omitempty"`
}

//go:embed examples.json
var examplesFile []byte

// examples are those of all operations, by the patterns of their routes.
func examples() map[string]*example {
	all := map[string]*example{}
	if err := json.Unmarshal(examplesFile, &all); err != nil {
		panic(fmt.Sprintf("httpapi: the examples: %v", err)) // it is part of the program
	}
	return all
}

// described is the document with its examples.
type described struct {
	document *huma.OpenAPI
	examples map[string]*example
}

// exemplified is the document with the examples. The document itself stays as it is, since requests are read by it.
func exemplified(doc *huma.OpenAPI, all map[string]*example) *huma.OpenAPI {
	shown := *doc
	shown.Paths = make(map[string]*huma.PathItem, len(doc.Paths))
	for path, item := range doc.Paths {
		with := *item
		for _, op := range []**huma.Operation{&with.Get, &with.Post, &with.Put, &with.Delete} {
			if *op == nil {
				continue
			}
			if e := all[(*op).Method+" "+path]; e != nil {
				*op = e.in(*op)
			}
		}
		shown.Paths[path] = &with
	}
	return &shown
}

// in is an operation with the example.
func (e *example) in(op *huma.Operation) *huma.Operation {
	with := *op
	with.Parameters = slices.Clone(op.Parameters)
	for i, p := range op.Parameters {
		if text, ok := e.of(p.In)[p.Name]; ok {
			mine := *p
			mine.Example = typed(p.Schema, text)
			with.Parameters[i] = &mine
		}
	}
	if op.RequestBody != nil && e.Body != nil {
		body := *op.RequestBody
		body.Content = showing(body.Content, e.bodyType(), e.Body)
		with.RequestBody = &body
	}
	if status := strconv.Itoa(e.Status); op.Responses[status] != nil && e.Answer != nil {
		answer := *op.Responses[status]
		answer.Content = showing(answer.Content, e.Answers, e.Answer)
		with.Responses = maps.Clone(op.Responses)
		with.Responses[status] = &answer
	}
	return &with
}

// showing is content of which one kind has an example.
func showing(content map[string]*huma.MediaType, kind string, value json.RawMessage) map[string]*huma.MediaType {
	with, mine := maps.Clone(content), *content[kind]
	mine.Example = value
	with[kind] = &mine
	return with
}

// of are the values of the parameters in a place of the request.
func (e *example) of(in string) map[string]string {
	return map[string]map[string]string{"path": e.Path, "query": e.Query, "header": e.Header}[in]
}

func (e *example) bodyType() string {
	if e.Type == "" {
		return "application/json"
	}
	return e.Type
}

// typed is the value of a parameter that has a text in a request.
func typed(s *huma.Schema, text string) any {
	if s.Type == huma.TypeString {
		return text
	}
	return json.RawMessage(text)
}

// target is the path of the example's request, with its query.
func (e *example) target(path string) string {
	for name, value := range e.Path {
		path = strings.Replace(path, "{"+name+"}", url.PathEscape(value), 1)
	}
	if len(e.Query) == 0 {
		return path
	}
	q := url.Values{}
	for name, value := range e.Query {
		q.Set(name, value)
	}
	return path + "?" + q.Encode()
}

// curl is the request as a command line: $API is where the API is, and $TOKEN an access token.
func (e *example) curl(op *huma.Operation) string {
	line := "curl"
	if op.Method != http.MethodGet {
		line += " -X " + op.Method
	}
	lines := []string{line + ` "$API` + e.target(op.Path) + `"`}
	switch {
	case e.Session:
		lines = append(lines, `-b "`+sessionCookie+`=$SESSION"`)
		if unsafe(op.Method) {
			lines = append(lines, `-H "`+headerCSRF+`: $CSRF"`)
		}
	case len(op.Security) > 0:
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		lines = append(lines, "-H "+quoted(name+": "+e.Header[name]))
	}
	switch {
	case e.Type != "":
		lines = append(lines, "-H "+quoted("Content-Type: "+e.Type), "--data-binary @october.ics")
	case e.Body != nil:
		lines = append(lines, "-H "+quoted("Content-Type: application/json"), "-d "+quoted(text("application/json", e.Body)))
	}
	return strings.Join(lines, " \\\n  ")
}

// quoted is a word of a command line.
func quoted(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

// text is what a body or an answer looks like: JSON over several lines, or the text itself.
func text(kind string, value json.RawMessage) string {
	if kind != "application/json" {
		var plain string
		if json.Unmarshal(value, &plain) == nil {
			return strings.ReplaceAll(plain, "\r\n", "\n")
		}
	}
	var out bytes.Buffer
	if err := json.Indent(&out, value, "", "  "); err != nil {
		return string(value)
	}
	return out.String()
}
