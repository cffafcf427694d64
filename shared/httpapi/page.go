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
	p, err := newPicked[T](in)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		p.add(key(it), it, 0)
	}
	return p.page(), nil
}

// pageBytes is about how much text a page that is picked of many items has at most, but for one item: what can be answered, in the cloud too.
const pageBytes = 2 << 20

// picked are the first items, by their keys, of all those that were seen, as far as they belong on a page.
type picked[T any] struct {
	after string // keys of the page are greater
	most  int
	once  bool            // an item with the key of another one is the same
	items []pickedItem[T] // by key
	bytes int
	// beyond is the smallest key that is too much for the page; empty: all are on it.
	beyond string
}

type pickedItem[T any] struct {
	key   string
	item  T
	bytes int
}

func newPicked[T any](in Paging) (*picked[T], error) {
	p := &picked[T]{most: in.Limit}
	if in.Cursor != "" {
		text, err := base64.RawURLEncoding.Strict().DecodeString(in.Cursor)
		if err != nil || len(text) == 0 {
			return nil, errCursor()
		}
		p.after = string(text)
	}
	return p, nil
}

// wants says whether an item with the key would be on the page.
func (p *picked[T]) wants(key string) bool {
	return key > p.after && (p.beyond == "" || key < p.beyond)
}

// add takes an item of about so many bytes of text, if the page wants it.
func (p *picked[T]) add(key string, item T, bytes int) {
	if !p.wants(key) {
		return
	}
	at, there := slices.BinarySearchFunc(p.items, key, func(it pickedItem[T], key string) int { return strings.Compare(it.key, key) })
	switch {
	case there && p.once:
		return
	case there:
		at++
	}
	p.items = slices.Insert(p.items, at, pickedItem[T]{key, item, bytes})
	p.bytes += bytes
	for n := len(p.items); n > p.most || n > 1 && p.bytes > pageBytes; n = len(p.items) {
		last := p.items[n-1]
		p.beyond, p.bytes, p.items = last.key, p.bytes-last.bytes, slices.Delete(p.items, n-1, n)
	}
}

func (p *picked[T]) page() *page[T] {
	next := ""
	if p.beyond != "" {
		next = base64.RawURLEncoding.EncodeToString([]byte(p.items[len(p.items)-1].key))
	}
	return onePage(p.items, next, func(it pickedItem[T]) T { return it.item })
}

func errCursor() error {
	return fault.Field("cursor", "is not one that a page of this list ended with; start again without it")
}
