package httpapi

import (
	"encoding/base64"
	"slices"
	"strings"

	"adminassistant/shared/fault"
)

// Paging is what every list takes.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"At most so many items."`
	Cursor string `query:"cursor" maxLength:"4096" doc:"Where the page before ended: its next."`
}

// list is one page.
type list[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"Cursor of the next page; empty on the last one."`
}

// page is a response with one page.
type page[T any] struct {
	Body list[T]
}

// onePage is a response with a page that the store made; each item is shown by view.
func onePage[S, T any](items []S, next string, view func(S) T) *page[T] {
	p := &page[T]{Body: list[T]{Items: make([]T, 0, len(items)), Next: next}}
	for _, it := range items {
		p.Body.Items = append(p.Body.Items, view(it))
	}
	return p
}

// cut makes one page of a list that is made anew for each request. key must be different for each item; items are ordered by it, and
// the cursor is the key of a page's last item, so that what comes or goes in the meantime moves nothing else.
func cut[T any](in Paging, items []T, key func(T) string) (*page[T], error) {
	after := ""
	if in.Cursor != "" {
		text, err := base64.RawURLEncoding.Strict().DecodeString(in.Cursor)
		if err != nil || len(text) == 0 {
			return nil, errCursor()
		}
		after = string(text)
	}
	type keyed struct {
		key  string
		item T
	}
	var rest []keyed
	for _, it := range items {
		if k := key(it); k > after {
			rest = append(rest, keyed{k, it})
		}
	}
	slices.SortStableFunc(rest, func(a, b keyed) int { return strings.Compare(a.key, b.key) })
	next := ""
	if len(rest) > in.Limit {
		rest = rest[:in.Limit]
		next = base64.RawURLEncoding.EncodeToString([]byte(rest[in.Limit-1].key))
	}
	return onePage(rest, next, func(k keyed) T { return k.item }), nil
}

func errCursor() error {
	return fault.Field("cursor", "is not one that a page of this list ended with; start again without it")
}
