// Package plaintext reads files that others wrote as the UTF-8 that they should be.
package plaintext

import (
	"bytes"
	"io"

	"adminassistant/shared/fault"
)

// Mark is the byte order mark of UTF-8, which editors on Windows put first.
const Mark = "\ufeff"

// ErrWide means that a text is UTF-16 or UTF-32. It is of kind fault.Invalid.
var ErrWide = fault.New(fault.Invalid, "the text is UTF-16 or UTF-32; save it as UTF-8")

// Wide says whether a text that begins with head, its first four bytes or all of it if it is shorter, is UTF-16 or UTF-32: by its byte order
// mark, or by the zero bytes around a first letter of ASCII.
func Wide(head []byte) bool {
	switch {
	case bytes.HasPrefix(head, []byte{0xFF, 0xFE}), bytes.HasPrefix(head, []byte{0xFE, 0xFF}), bytes.HasPrefix(head, []byte{0, 0, 0xFE, 0xFF}):
		return true
	case len(head) < 2:
		return false
	}
	return head[0] != 0 && head[1] == 0 || head[0] == 0 && head[1] != 0 || len(head) >= 4 && bytes.HasPrefix(head, []byte{0, 0, 0}) && head[3] != 0
}

// NewReader returns a reader of r without the byte order mark of UTF-8 at its start. Reading what is UTF-16 or UTF-32 is ErrWide.
func NewReader(r io.Reader) io.Reader { return &reader{from: r} }

type reader struct {
	from  io.Reader
	begun bool
	head  []byte
	err   error
}

func (r *reader) Read(p []byte) (int, error) {
	if !r.begun {
		r.begin()
	}
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	return r.from.Read(p)
}

func (r *reader) begin() {
	r.begun = true
	head := make([]byte, 4)
	n, err := io.ReadFull(r.from, head)
	if err == io.ErrUnexpectedEOF {
		err = io.EOF
	}
	r.head, r.err = bytes.TrimPrefix(head[:n], []byte(Mark)), err
	if Wide(head[:n]) {
		r.head, r.err = nil, ErrWide
	}
}
