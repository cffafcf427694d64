package strictjson

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// List is an array whose elements are read one by one, so that a large one is never there as a whole. Its zero value passes them over.
type List[T any] struct {
	// Each gets every element with its place. Its error ends the reading, and is returned by it where it is one of package fault.
	Each func(at int, element *T) error
	// Read says that the array was there, and not null.
	Read bool
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (l *List[T]) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() != '[' {
		return json.UnmarshalDecode(d, new([]T)) // which says that it is no array
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	l.Read = true
	for at := 0; d.PeekKind() != ']'; at++ {
		var element T
		if err := json.UnmarshalDecode(d, &element); err != nil {
			return err
		}
		if l.Each == nil {
			continue
		}
		if err := l.Each(at, &element); err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}
