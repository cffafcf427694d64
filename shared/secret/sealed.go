package secret

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	// maxWrapped is the largest size of a wrapped data key in bytes (KMS's).
	maxWrapped = 6144
	// maxName is the largest size of a wrapper's name in bytes.
	maxName = 32
	// overhead is what the cipher adds to a secret: a nonce before it and a tag after it, in bytes.
	overhead = 12 + 16
)

// magic begins every sealed value; the last byte is the version of its form.
var magic = []byte("AAS\x01")

// parts are what a sealed value consists of, in this order: magic; the length of the wrapper's name in one byte, the name; the
// length of the wrapped data key in two bytes, big-endian, the wrapped key; and the box, AES-256-GCM with the nonce in front. The
// additional data of the box is all that stands before it, and the context.
type parts struct {
	header  []byte // all before the box
	wrapper string
	wrapped []byte
	box     []byte
}

// header encodes what stands before the box.
func header(wrapper string, wrapped []byte) []byte {
	b := make([]byte, 0, len(magic)+1+len(wrapper)+2+len(wrapped))
	b = append(b, magic...)
	b = append(b, byte(len(wrapper)))
	b = append(b, wrapper...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(wrapped)))
	return append(b, wrapped...)
}

// split returns the parts of a sealed value without copying them. Each value has one written form. Error: ErrUnreadable.
func split(sealed []byte) (parts, error) {
	version := len(magic) - 1
	if len(sealed) < len(magic)+1 || !bytes.Equal(sealed[:version], magic[:version]) {
		return parts{}, fmt.Errorf("%w (it is not a sealed value)", ErrUnreadable)
	}
	if sealed[version] != magic[version] {
		return parts{}, fmt.Errorf("%w (version %d of its form is not known here)", ErrUnreadable, sealed[version])
	}
	rest := sealed[len(magic):]
	name, rest, ok := cut(rest[1:], int(rest[0]))
	if !ok || !isName(string(name)) || len(rest) < 2 {
		return parts{}, ErrUnreadable
	}
	wrapped, box, ok := cut(rest[2:], int(binary.BigEndian.Uint16(rest)))
	if !ok || len(wrapped) == 0 || len(wrapped) > maxWrapped || len(box) < overhead || len(box) > overhead+MaxPlain {
		return parts{}, ErrUnreadable
	}
	return parts{header: sealed[:len(sealed)-len(box)], wrapper: string(name), wrapped: wrapped, box: box}, nil
}

// cut returns the first n bytes of b and the others.
func cut(b []byte, n int) (first, others []byte, ok bool) {
	if n > len(b) {
		return nil, nil, false
	}
	return b[:n:n], b[n:], true
}

// isName says whether a wrapper can have the name: some lower-case letters.
func isName(name string) bool {
	for _, r := range name {
		if r < 'a' || r > 'z' {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
