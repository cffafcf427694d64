package store

import (
	"bytes"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// Unknown is what a record has of members that its reader does not know, because a newer version of the program wrote them. Whoever reads a record
// that may be written back keeps the Unknown that Decode returned beside it, and writes the record with that Unknown's Encode. The zero Unknown is that
// of a record which was not read, or has nothing unknown. Two can be compared by ==.
type Unknown struct {
	original string // the document that was read; empty if its reader knows all of it
}

// Equal is ==, for those who compare what an Unknown is in.
func (u Unknown) Equal(other Unknown) bool { return u == other }

// Decode reads a document into v, a pointer, as json.Unmarshal does and with its errors, and returns the members that v's type does not know. A type
// with JSON methods of its own, whose JSON is an object, names by a method JSONForm() any a type that has the same members; if it does not, it counts
// as one that knows all.
func Decode(data []byte, v any) (Unknown, error) {
	if err := json.Unmarshal(data, v); err != nil {
		return Unknown{}, err
	}
	if s := shapeOf(reflect.TypeOf(v).Elem()); s != nil {
		if _, foreign := s.foreign(data, space(data, 0)); foreign {
			return Unknown{original: string(data)}, nil
		}
	}
	return Unknown{}, nil
}

// Encode returns the document of v, of the type that was read or a pointer to it, together with the unknown members. These stay, to the byte, in the
// objects that they were in, behind the members that they were behind; they go with an object that is gone. Objects in a list are recognised by all
// that is known of them: one that changed loses what was unknown. The same v gives the same bytes. Unlike json.Marshal it leaves <, > and & as they
// are. Errors are those of json.Marshal.
func (u Unknown) Encode(v any) ([]byte, error) {
	data, err := encode(v)
	if err != nil || u.original == "" {
		return data, err
	}
	reread := reflect.New(reflect.TypeOf(v))
	original := []byte(u.original)
	if err := json.Unmarshal(original, reread.Interface()); err != nil {
		return nil, err
	}
	known, err := encode(reread.Interface())
	if err != nil {
		return nil, err
	}
	return shapeOf(reflect.TypeOf(v)).overlay(nil, bytes.TrimSpace(original), known, data), nil
}

// encode is json.Marshal that leaves <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// shape is what a type knows of its JSON. A nil shape knows all.
type shape struct {
	members map[string]*shape // of a struct
	each    *shape            // of what a list or a map holds
}

// shapes are those of the types that were asked for, each a *shape by its reflect.Type.
var shapes sync.Map

// shapeOf returns the shape of a type.
func shapeOf(t reflect.Type) *shape {
	s, ok := shapes.Load(t)
	if !ok {
		s, _ = shapes.LoadOrStore(t, shapeIn(map[reflect.Type]*shape{}, t))
	}
	return s.(*shape)
}

// methods are those by which a type makes its own JSON.
var methods = []reflect.Type{
	reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.Unmarshaler](),
	reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](),
}

func shapeIn(known map[reflect.Type]*shape, t reflect.Type) *shape {
	if s, ok := known[t]; ok {
		return s
	}
	own := func(method reflect.Type) bool { return t.Implements(method) || reflect.PointerTo(t).Implements(method) }
	if t.Kind() != reflect.Pointer && slices.ContainsFunc(methods, own) {
		if f, ok := reflect.Zero(t).Interface().(interface{ JSONForm() any }); ok {
			known[t] = shapeIn(known, reflect.TypeOf(f.JSONForm()))
		}
		return known[t]
	}
	switch t.Kind() {
	case reflect.Pointer:
		known[t] = shapeIn(known, t.Elem())
	case reflect.Slice, reflect.Array, reflect.Map:
		if each := shapeIn(known, t.Elem()); each != nil {
			known[t] = &shape{each: each}
		}
	case reflect.Struct:
		s := &shape{members: map[string]*shape{}}
		known[t] = s // before its fields: it may hold itself
		s.add(known, t)
	}
	return known[t]
}

// add adds the fields of a struct. Those of structs that are embedded come last: they give way to its own.
func (s *shape) add(known map[reflect.Type]*shape, t reflect.Type) {
	var embedded []reflect.Type
	for f := range t.Fields() {
		tag := f.Tag.Get("json")
		name, _, _ := strings.Cut(tag, ",")
		under := f.Type
		if under.Kind() == reflect.Pointer {
			under = under.Elem()
		}
		switch {
		case tag == "-":
		case f.Anonymous && name == "" && under.Kind() == reflect.Struct:
			embedded = append(embedded, under)
		case f.IsExported() || f.Anonymous && under.Kind() == reflect.Struct:
			if name == "" {
				name = f.Name
			}
			if _, there := s.members[name]; !there {
				s.members[name] = shapeIn(known, f.Type)
			}
		}
	}
	for _, t := range embedded {
		s.add(known, t)
	}
}

// member returns the shape of a member, and whether it is known. As when JSON is decoded, case does not matter.
func (s *shape) member(name []byte) (of *shape, known bool) {
	if of, known = s.members[string(name)]; known {
		return of, true
	}
	for other, of := range s.members {
		if bytes.EqualFold([]byte(other), name) {
			return of, true
		}
	}
	return nil, false
}

// foreign says whether the value at i has members that the shape does not know, and where the value ends, if it has none.
func (s *shape) foreign(data []byte, i int) (end int, found bool) {
	if s == nil || data[i] != '{' && data[i] != '[' {
		return skip(data, i), false
	}
	object := data[i] == '{'
	for i = space(data, i+1); data[i] != '}' && data[i] != ']'; {
		each := s.each
		if object {
			key := i
			i = skip(data, i)
			if s.members != nil {
				var known bool
				if each, known = s.member(nameOf(data[key:i])); !known {
					return i, true
				}
			}
			i = space(data, space(data, i)+1) // the colon
		}
		if i, found = each.foreign(data, i); found {
			return i, true
		}
		i = next(data, i)
	}
	return i + 1, false
}

// member is one of an object, as it is written.
type member struct{ key, value []byte }

// membersOf takes an object apart; nil if the value is none. Of an array each element is the value of a member without a key.
func membersOf(data []byte) (all []member) {
	if len(data) == 0 || data[0] != '{' && data[0] != '[' {
		return nil
	}
	object := data[0] == '{'
	for i := space(data, 1); data[i] != '}' && data[i] != ']'; {
		var m member
		if object {
			key := i
			i = skip(data, i)
			m.key = data[key:i]
			i = space(data, space(data, i)+1)
		}
		value := i
		i = skip(data, i)
		m.value = data[value:i]
		all = append(all, m)
		i = next(data, i)
	}
	return all
}

// overlay appends a value to dst: as it is now, and what of the original the shape does not know. known is the original as far as it is known; both
// may be empty. All three are written without space around them.
func (s *shape) overlay(dst, original, known, now []byte) []byte {
	switch {
	case s != nil && now[0] == '{':
		return s.overlayObject(dst, membersOf(original), membersOf(known), membersOf(now))
	case s != nil && now[0] == '[':
		return s.overlayList(dst, membersOf(original), membersOf(known), membersOf(now))
	}
	return append(dst, now...)
}

// overlayObject writes what is known in the order of now. What is not stays behind the member that it was behind.
func (s *shape) overlayObject(dst []byte, original, known, now []member) []byte {
	foreign := make([][]member, len(now)+1) // foreign[i+1] are those behind now[i]
	last := 0
	for _, m := range original {
		if s.members == nil { // a map: what is gone was removed
			break
		}
		name := nameOf(m.key)
		if _, knows := s.member(name); !knows {
			foreign[last] = append(foreign[last], m)
		} else if at := slices.IndexFunc(now, func(n member) bool { return bytes.EqualFold(nameOf(n.key), name) }); at >= 0 {
			last = at + 1
		}
	}
	dst = append(dst, '{')
	for i := range foreign {
		if i > 0 {
			m := now[i-1]
			each := s.each
			if s.members != nil {
				each = s.members[string(nameOf(m.key))]
			}
			dst = append(append(dst, m.key...), ':')
			dst = append(each.overlay(dst, s.find(original, m.key), s.find(known, m.key), m.value), ',')
		}
		for _, m := range foreign[i] {
			dst = append(append(append(append(dst, m.key...), ':'), m.value...), ',')
		}
	}
	return append(bytes.TrimSuffix(dst, []byte(",")), '}')
}

// find returns the value of the last member of that key; nil if there is none.
func (s *shape) find(in []member, key []byte) []byte {
	name := nameOf(key)
	for _, m := range slices.Backward(in) {
		if other := nameOf(m.key); bytes.Equal(name, other) || s.members != nil && bytes.EqualFold(name, other) {
			return m.value
		}
	}
	return nil
}

func (s *shape) overlayList(dst []byte, original, known, now []member) []byte {
	places := map[string][]int{}                               // where an element is in the original, by what is known of it
	for i, m := range known[:min(len(known), len(original))] { // an array of Go may have more elements than were written
		places[string(m.value)] = append(places[string(m.value)], i)
	}
	dst = append(dst, '[')
	for i, m := range now {
		if i > 0 {
			dst = append(dst, ',')
		}
		if at := places[string(m.value)]; len(at) > 0 { // those that are alike stay in their order
			places[string(m.value)] = at[1:]
			dst = s.each.overlay(dst, original[at[0]].value, known[at[0]].value, m.value)
		} else {
			dst = append(dst, m.value...)
		}
	}
	return append(dst, ']')
}

// What follows walks over JSON that is known to be valid.

// nameOf is what the key of a member, in its quotes, stands for.
func nameOf(key []byte) []byte {
	if bytes.IndexByte(key, '\\') < 0 {
		return key[1 : len(key)-1]
	}
	var name string
	_ = json.Unmarshal(key, &name) // a valid string
	return []byte(name)
}

// space returns where the next thing after space begins, at or after i.
func space(data []byte, i int) int {
	for data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t' {
		i++
	}
	return i
}

// next goes from the end of a member or an element to the next one, or to what closes them all.
func next(data []byte, i int) int {
	if i = space(data, i); data[i] == ',' {
		i = space(data, i+1)
	}
	return i
}

// skip returns the end of the value at i.
func skip(data []byte, i int) int {
	depth := 0
	for ; i < len(data); i++ {
		switch data[i] {
		case '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
			continue
		case '}', ']':
			if depth--; depth < 0 {
				return i // of what the value is in
			}
		case ',', ':', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
			continue
		default:
			if depth == 0 { // a number or a word
				continue
			}
		}
		if depth == 0 {
			return i + 1
		}
	}
	return i
}
