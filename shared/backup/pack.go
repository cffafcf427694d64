package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/fault"
)

const (
	// window is how far back the compression of our own files looks, in bytes; it decides how much memory that takes.
	window = 1 << 20
	// maxWindow is the largest one of a file that is read: what the command zstd uses without --ultra and --long.
	maxWindow = 8 << 20
	// maxRatio is how many times its compressed size a file may have, after the first freeBytes: a calendar in which every event is the same
	// has less.
	maxRatio  = 1000
	freeBytes = maxLine + 8<<20
)

// zstdMagic begins every Zstandard frame (RFC 8878, section 3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// meter measures what is written to it.
type meter struct {
	sum   hash.Hash
	bytes int64
}

func newMeter() *meter { return &meter{sum: sha256.New()} }

func (m *meter) Write(p []byte) (int, error) {
	m.bytes += int64(len(p))
	return m.sum.Write(p)
}

func (m *meter) size() Size { return Size{Bytes: m.bytes, SHA256: hex.EncodeToString(m.sum.Sum(nil))} }

// packer compresses what is written to it and measures both sides.
type packer struct {
	raw, packed *meter
	to          *zstd.Encoder
}

func newPacker(w io.Writer) *packer {
	p := &packer{raw: newMeter(), packed: newMeter()}
	var err error
	p.to, err = zstd.NewWriter(io.MultiWriter(p.packed, w), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("backup: %v", err)) // the options are constants
	}
	return p
}

func (p *packer) Write(b []byte) (int, error) {
	_, _ = p.raw.Write(b)
	return p.to.Write(b)
}

// Close ends the file.
func (p *packer) Close() error { return p.to.Close() }

// source keeps the errors of what a file is read from apart from those of what it holds.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// unpacker reads a file, decompressed if it is compressed, within limits.
type unpacker struct {
	from   *source
	packed *meter
	plain  io.Reader
	close  func()
	raw    int64
	most   int64
	ratio  int64 // 0: any
	zipped bool
}

// unpack reads r, of which at most most bytes may come after it was decompressed, and at most ratio times what it has; 0 is any, for a file whose
// size is known. Close has to be called. Errors of what r holds are of kind fault.Invalid, those of r are handed on.
func unpack(r io.Reader, most, ratio int64) (*unpacker, error) {
	u := &unpacker{from: &source{r: r}, packed: newMeter(), most: most, ratio: ratio, close: func() {}}
	in := bufio.NewReader(io.TeeReader(u.from, u.packed))
	u.plain = in
	head, err := in.Peek(len(zstdMagic))
	if u.from.err != nil {
		return nil, u.from.err
	}
	if err == nil && bytes.Equal(head, zstdMagic) {
		d, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, u.classify(err)
		}
		u.plain, u.close, u.zipped = d, d.Close, true
	}
	return u, nil
}

// Close gives the decompression's memory back.
func (u *unpacker) Close() { u.close() }

func (u *unpacker) Read(p []byte) (int, error) {
	n, err := u.plain.Read(p)
	u.raw += int64(n)
	switch {
	case u.raw > u.most:
		return 0, fault.New(fault.Invalid, "the file holds more than %d MB; split it into several", u.most>>20)
	case u.zipped && u.ratio > 0 && u.raw > freeBytes && u.raw/u.ratio > u.packed.bytes:
		return 0, fault.New(fault.Invalid, "the file becomes more than %d times its size when it is decompressed", u.ratio)
	case err != nil && err != io.EOF:
		return n, u.classify(err)
	}
	return n, err
}

func (u *unpacker) classify(err error) error {
	switch {
	case u.from.err != nil:
		return u.from.err
	case errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fault.New(fault.Invalid,
			"the file was compressed so that decompressing it takes more than %d MB of memory; compress it without --long and --ultra", maxWindow>>20)
	}
	return fault.New(fault.Invalid, "the file cannot be decompressed; it is damaged: %v", err)
}
