package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

// mayBeEmpty are the parameters of queries that mean something when they are empty: the first page, and the start page.
var mayBeEmpty = []string{"cursor", "return"}

// checkQuery returns the problem of a query in which a parameter is there twice, or has no value. No parameter of ours is a list.
func checkQuery(ctx context.Context, u *url.URL) *problemDetails {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return newProblem(ctx, codeUnparsable, "", "the query of the address cannot be read: percent signs and semicolons have to be escaped")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		switch values := query[name]; {
		case len(values) > 1:
			return newProblem(ctx, codeUnparsable, name, fmt.Sprintf("%s is there %d times; it has one value", name, len(values)))
		case values[0] == "" && !slices.Contains(mayBeEmpty, name):
			return newProblem(ctx, codeUnparsable, name, name+" is empty; leave it out, or give it a value")
		}
	}
	return nil
}

// strictBody is a body of JSON that means one thing, and has null only where its schema has it. Reading it fails with a problem.
type strictBody struct {
	io.Closer
	in      *strictjson.Reader
	ctx     context.Context
	schemas huma.Registry
	schema  *huma.Schema // nil: any
	text    bytes.Buffer
}

func (b *strictBody) Read(p []byte) (int, error) {
	n, err := b.in.Read(p)
	b.text.Write(p[:n])
	switch {
	case err == io.EOF && b.schema != nil:
		var value any
		if bytes.Contains(b.text.Bytes(), []byte("null")) && json.Unmarshal(b.text.Bytes(), &value) == nil {
			if field, found := b.null(b.schema, value, ""); found {
				return n, newProblem(b.ctx, fault.Invalid.String(), field, field+" must not be null; leave it out")
			}
		}
	case fault.Of(err) == fault.Invalid:
		field := fault.FieldOf(err)
		return n, newProblem(b.ctx, codeUnparsable, field, err.Error())
	}
	return n, err
}

// null returns where in a value null stands although the schema does not have it there. Where the schema says nothing, anything goes.
func (b *strictBody) null(s *huma.Schema, value any, at string) (string, bool) {
	for s.Ref != "" {
		s = b.schemas.SchemaFromRef(s.Ref)
	}
	switch v := value.(type) {
	case nil:
		return at, at != "" && s.Type != "" && !s.Nullable
	case []any:
		if s.Items == nil {
			return "", false
		}
		for i, item := range v {
			if field, found := b.null(s.Items, item, fmt.Sprintf("%s[%d]", at, i)); found {
				return field, true
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			of := s.Properties[name]
			if of == nil {
				of, _ = s.AdditionalProperties.(*huma.Schema)
			}
			if of == nil {
				continue
			}
			in := name
			if at != "" {
				in = at + "." + name
			}
			if field, found := b.null(of, v[name], in); found {
				return field, true
			}
		}
	}
	return "", false
}

// strictly lets h answer requests whose query and body mean one thing.
func (s *server) strictly(to *route, h http.Handler) http.Handler {
	if to.tag == "" {
		return h
	}
	method, path := to.split()
	var schema *huma.Schema
	if op := operationOf(s.api.OpenAPI().Paths[path], method); op != nil && op.RequestBody != nil {
		if content := op.RequestBody.Content["application/json"]; content != nil {
			schema = content.Schema
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if problem := checkQuery(r.Context(), r.URL); problem != nil {
			writeProblem(w, problem)
			return
		}
		if hasBody(method) && asText(r.Header.Get("Content-Type")) {
			r.Body = &wholeText{ReadCloser: r.Body, ctx: r.Context(), json: to.body.isJSON()}
		}
		if hasBody(method) && to.body.isJSON() {
			r.Body = &strictBody{Closer: r.Body, in: strictjson.NewReader(r.Body), ctx: r.Context(), schemas: s.api.OpenAPI().Components.Schemas, schema: schema}
		}
		h.ServeHTTP(w, r)
	})
}

// asText says whether a gateway may hand a body of this type over as text. What is not UTF-8 in it has become U+FFFD then, without a word.
func asText(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	return err == nil && (strings.HasPrefix(media, "text/") || media == "application/json")
}

// wholeText is a body that may have been damaged on its way. Reading it fails with a problem where it has a U+FFFD, as a file in Latin-1 has after
// such a gateway, and one that is compressed.
type wholeText struct {
	io.ReadCloser
	ctx  context.Context
	json bool
	tail []byte // the last bytes that were read
	bad  error  // what every reading fails with from now on
}

// replacement is U+FFFD in UTF-8.
const replacement = "\ufffd"

func (b *wholeText) Read(p []byte) (int, error) {
	if b.bad != nil {
		return 0, b.bad
	}
	n, err := b.ReadCloser.Read(p)
	seen := append(b.tail, p[:n]...)
	if bytes.Contains(seen, []byte(replacement)) {
		detail := "the body has the character U+FFFD, which stands for bytes that were no UTF-8; send the file with Content-Type: application/octet-stream"
		if b.json {
			detail = `the body has the character U+FFFD, which stands for bytes that were no UTF-8; where it is meant, write it as \ufffd`
		}
		b.bad = newProblem(b.ctx, codeUnparsable, "", detail)
		return 0, b.bad
	}
	b.tail = append([]byte(nil), seen[max(0, len(seen)-len(replacement)+1):]...)
	return n, err
}

// ofBody is the problem with which reading a body failed, if it did with one.
func ofBody(err error) *problemDetails {
	var problem *problemDetails
	errors.As(err, &problem)
	return problem
}

// operationOf returns the operation of a method, nil if there is none.
func operationOf(item *huma.PathItem, method string) *huma.Operation {
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodDelete: item.Delete, http.MethodPatch: item.Patch,
	}[method]
}
