// Package strictjson reads JSON that others wrote so that it can be understood in one way alone (RFC 7493). encoding/json lets the last of two
// members with one name win, and takes "Kind" for "kind": what one reader checked, the next would not see.
//
// Reader stands in front of any reader of JSON and refuses such text. Decode is a whole reader, with exact names.
package strictjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/fault"
	"adminassistant/shared/plaintext"
)

const (
	// maxDepth is how deep arrays and objects may be in each other; encoding/json reads no deeper either.
	maxDepth = 10_000
	// maxMembers is how many members one object may have, and maxName how long the name of one may be, in bytes. They bound the memory that
	// reading takes.
	maxMembers = 1_000_000
	maxName    = 64 << 10
	// fewMembers is up to how many members of an object are looked through one by one.
	fewMembers = 24
	// maxNumber is the length in bytes of the longest number that may be an integer in other words.
	maxNumber = 64
	chunk     = 32 << 10
)

// Reader hands on JSON text as it comes, in bounded memory, and looks at it on the way:
//   - A member whose name is in its object already, also in another case, is an error that names it. Names are compared as encoding/json does.
//   - A number that is whole is handed on as an integer, if it has up to 15 digits: 229.0 and 2.29e2 as 229.
//   - A byte order mark at the start is taken off; text in UTF-16 or UTF-32 is an error.
//
// What is no JSON is handed on for its reader to refuse. Errors are of kind fault.Invalid, or those of the reader behind.
type Reader struct {
	from io.Reader
	in   []byte // what was read and not looked at yet
	out  []byte // what was looked at and not handed on yet
	err  error  // of from, or what is wrong with the text

	buffer, ready []byte
	within        within
	escaped       bool   // in a string: the next byte is escaped
	token         []byte // the name or the number that is being read
	open          []container
	names         []byte // of all open objects, one after the other
	ends          []int  // of the names, in names
}

// within is what a part of the text belongs to.
type within int

const (
	between within = iota
	inName
	inString
	inNumber
	inLongNumber // which is handed on as it is
)

// container is an object or an array that is open.
type container struct {
	object bool
	name   bool   // the next string is a name
	at     []byte // an object's member that is being read
	index  int    // of an array's value that is being read
	first  int    // where the object's names begin, in ends
	many   map[string]struct{}
}

// NewReader returns a Reader of r.
func NewReader(r io.Reader) *Reader { return &Reader{from: plaintext.NewReader(r)} }

// Clean is what a Reader hands on of text, at once.
func Clean(text []byte) ([]byte, error) {
	if plaintext.Wide(text[:min(len(text), 4)]) {
		return nil, plaintext.ErrWide
	}
	text = bytes.TrimPrefix(text, []byte(plaintext.Mark))
	r := &Reader{ready: make([]byte, 0, len(text))}
	if err := r.look(text); err != nil {
		return nil, err
	}
	r.close()
	return r.ready, nil
}

// Read implements io.Reader.
func (r *Reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.fill()
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

// fill reads and looks at the next part of the text.
func (r *Reader) fill() {
	if r.buffer == nil {
		r.buffer = make([]byte, chunk)
	}
	n, err := r.from.Read(r.buffer)
	r.ready = r.ready[:0]
	if r.err = r.look(r.buffer[:n]); r.err == nil && err != nil {
		r.err = err
		r.close()
	}
	r.out = r.ready
}

// look looks at the next part of the text.
func (r *Reader) look(part []byte) (err error) {
	r.in = part
	for len(r.in) > 0 && err == nil {
		err = r.step()
	}
	return err
}

// close hands on what ends with the text.
func (r *Reader) close() {
	if r.within == inNumber {
		r.endNumber()
	}
}

// pass hands on the next n bytes.
func (r *Reader) pass(n int) {
	r.ready = append(r.ready, r.in[:n]...)
	r.in = r.in[n:]
}

// step looks at the next bytes, up to where something begins or ends.
func (r *Reader) step() error {
	switch r.within {
	case inName, inString:
		return r.text()
	case inNumber:
		n := 0
		for n < len(r.in) && ofNumber(r.in[n]) {
			n++
		}
		r.token, r.in = append(r.token, r.in[:n]...), r.in[n:]
		switch {
		case len(r.token) > maxNumber:
			r.ready, r.within = append(r.ready, r.token...), inLongNumber
		case len(r.in) > 0:
			r.endNumber()
		}
		return nil
	case inLongNumber:
		if !ofNumber(r.in[0]) {
			r.within = between
			return nil
		}
		r.pass(1)
		return nil
	}
	n := 0
	for n < len(r.in) && !begins[r.in[n]] {
		n++
	}
	if n == len(r.in) {
		r.pass(n)
		return nil
	}
	c := r.in[n]
	if ofNumber(c) {
		r.pass(n)
		r.within, r.token = inNumber, r.token[:0]
		return nil
	}
	r.pass(n + 1)
	switch c {
	case '"':
		r.within = inString
		if top := r.top(); top != nil && top.object && top.name {
			r.within, r.token = inName, r.token[:0]
		}
	case '{', '[':
		return r.begin(c == '{')
	case '}', ']':
		r.end()
	case ',':
		if top := r.top(); top != nil {
			top.name = top.object
			top.index++
		}
	}
	return nil
}

// begins are the bytes with which a string, a number, an object or an array begins or ends, or a part of it; others between them do not matter.
var begins = func() (table [256]bool) {
	for _, c := range []byte(`"{}[],+-.0123456789`) {
		table[c] = true
	}
	return table
}()

func (r *Reader) top() *container {
	if len(r.open) == 0 {
		return nil
	}
	return &r.open[len(r.open)-1]
}

func (r *Reader) begin(object bool) error {
	if len(r.open) == maxDepth {
		return fault.New(fault.Invalid, "the JSON is over %d arrays and objects deep", maxDepth)
	}
	if n := len(r.open); n < cap(r.open) { // to reuse the memory of the name
		r.open = r.open[:n+1]
		at := r.open[n].at[:0]
		r.open[n] = container{at: at}
	} else {
		r.open = append(r.open, container{})
	}
	top := r.top()
	top.object, top.name, top.first = object, object, len(r.ends)
	return nil
}

func (r *Reader) end() {
	top := r.top()
	if top == nil {
		return
	}
	r.names, r.ends = r.names[:r.start(top.first)], r.ends[:top.first]
	top.many = nil // which may be large
	r.open = r.open[:len(r.open)-1]
}

// start is where in names the name i begins.
func (r *Reader) start(i int) int {
	if i == 0 {
		return 0
	}
	return r.ends[i-1]
}

// text looks at a string, up to its end or the end of what was read.
func (r *Reader) text() error {
	n, done := len(r.in), false
	for at := 0; at < len(r.in); {
		quote := bytes.IndexByte(r.in[at:], '"')
		part := r.in[at:]
		if quote >= 0 {
			part = part[:quote]
		}
		slashes := 0
		for slashes < len(part) && part[len(part)-1-slashes] == '\\' {
			slashes++
		}
		odd := slashes%2 == 1
		if slashes == len(part) && r.escaped {
			odd = !odd
		}
		r.escaped = odd
		if quote < 0 {
			break
		}
		at += quote + 1
		if !odd {
			n, done = at, true
			break
		}
		r.escaped = false
	}
	if r.within == inName {
		r.token = append(r.token, r.in[:n]...)
		if len(r.token) > maxName {
			return fault.Field(r.path(len(r.open)-1), "has a member with a name of over %d bytes", maxName)
		}
	}
	r.pass(n)
	if !done {
		return nil
	}
	named := r.within == inName
	r.within = between
	if named {
		return r.member(r.token)
	}
	return nil
}

// member notes the name of a member. quoted ends with the quote.
func (r *Reader) member(quoted []byte) error {
	top := r.top()
	top.name = false
	top.at = append(top.at[:0], quoted[:len(quoted)-1]...)
	if bytes.IndexByte(quoted, '\\') >= 0 {
		var name string
		if json.Unmarshal(append([]byte{'"'}, quoted...), &name) != nil {
			return nil // no JSON
		}
		top.at = append(top.at[:0], name...)
	}
	begin := len(r.names)
	r.names = appendFolded(r.names, top.at)
	name := r.names[begin:]
	twice := false
	if top.many != nil {
		_, twice = top.many[string(name)]
		top.many[string(name)] = struct{}{}
	} else {
		for i, from := top.first, r.start(top.first); i < len(r.ends) && !twice; i++ {
			twice = bytes.Equal(r.names[from:r.ends[i]], name)
			from = r.ends[i]
		}
	}
	if twice {
		return fault.Field(r.path(len(r.open)), "is there twice, or differs from another field only in case")
	}
	if top.many != nil {
		r.names = r.names[:begin]
		if len(top.many) > maxMembers {
			return fault.Field(r.path(len(r.open)-1), "has over %d fields", maxMembers)
		}
		return nil
	}
	r.ends = append(r.ends, len(r.names))
	if len(r.ends)-top.first > fewMembers {
		top.many = map[string]struct{}{}
		from := r.start(top.first)
		for _, to := range r.ends[top.first:] {
			top.many[string(r.names[from:to])] = struct{}{}
			from = to
		}
	}
	return nil
}

// path names the value that is being read in the first n open containers, as in "items[3].appointment".
func (r *Reader) path(n int) string {
	var path strings.Builder
	for i := range r.open[:n] {
		c := &r.open[i]
		switch {
		case !c.object:
			fmt.Fprintf(&path, "[%d]", c.index)
		case path.Len() > 0:
			path.WriteString("." + string(c.at))
		default:
			path.Write(c.at)
		}
	}
	return path.String()
}

// appendFolded appends name to names so that names that encoding/json takes for the same are the same bytes.
func appendFolded(names, name []byte) []byte {
	for i := 0; i < len(name); {
		c := name[i]
		if c < utf8.RuneSelf {
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
			names = append(names, c)
			i++
			continue
		}
		letter, size := utf8.DecodeRune(name[i:])
		names = utf8.AppendRune(names, folded(letter))
		i += size
	}
	return names
}

// folded is the first of all letters that differ from a letter in case alone.
func folded(letter rune) rune {
	for {
		next := unicode.SimpleFold(letter)
		if next <= letter {
			return next
		}
		letter = next
	}
}

func ofNumber(c byte) bool {
	return '0' <= c && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E'
}

func (r *Reader) endNumber() {
	r.ready = appendWhole(r.ready, r.token)
	r.token, r.within = r.token[:0], between
}

// appendWhole appends a number, as an integer if it is one of up to 15 digits in other words.
func appendWhole(text, number []byte) []byte {
	if bytes.ContainsAny(number, ".eE") && json.Valid(number) {
		value, err := strconv.ParseFloat(string(number), 64)
		// up to there a float64 is exact, unless what was written is not
		if err == nil && value == math.Trunc(value) && math.Abs(value) < 1e15 && whole(string(number)) {
			return strconv.AppendInt(text, int64(value), 10)
		}
	}
	return append(text, number...)
}

// whole says whether a number, written with a point or an exponent, has nothing but zeros behind its point.
func whole(number string) bool {
	number = strings.ToLower(strings.TrimPrefix(number, "-"))
	mantissa, exponent, _ := strings.Cut(number, "e")
	before, after, _ := strings.Cut(mantissa, ".")
	power := 0
	if exponent != "" {
		var err error
		if power, err = strconv.Atoi(exponent); err != nil {
			return false
		}
	}
	digits := strings.TrimRight(before+after, "0")
	zeros := len(before+after) - len(digits)
	return digits == "" || power-len(after)+zeros >= 0
}
