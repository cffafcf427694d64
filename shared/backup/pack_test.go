package backup

import (
	"bytes"
	"io"
	"testing"

	"adminassistant/shared/fault"
)

// TestSizeThatIsKnownNeedsNoRatio reads a file that is next to nothing when it is compressed, as a calendar of equal texts: somebody else's might be a
// bomb; ours has the size that its manifest says.
func TestSizeThatIsKnownNeedsNoRatio(t *testing.T) {
	var packed bytes.Buffer
	p := newPacker(&packed)
	text := bytes.Repeat([]byte("all the same "), 80_000)
	const times = 64
	for range times {
		_, err := p.Write(text)
		must(t, err)
	}
	must(t, p.Close())
	size := int64(times * len(text))
	if size < maxRatio*int64(packed.Len()) || size <= freeBytes {
		t.Fatalf("%d bytes become %d, which is no test", size, packed.Len())
	}
	read := func(most, ratio int64) (int64, error) {
		u, err := unpack(bytes.NewReader(packed.Bytes()), most, ratio)
		must(t, err)
		defer u.Close()
		return io.Copy(io.Discard, u)
	}
	if n, err := read(size, 0); err != nil || n != size {
		t.Errorf("read %d of %d: %v", n, size, err)
	}
	if _, err := read(size-1, 0); fault.Of(err) != fault.Invalid {
		t.Errorf("over its size: %v", err)
	}
	if _, err := read(MaxBytes, maxRatio); fault.Of(err) != fault.Invalid {
		t.Errorf("somebody else's: %v", err)
	}
}
