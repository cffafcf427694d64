package store

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/fault"
)

const (
	// MaxData is the largest document in bytes before compression; it bounds the memory that reading an item can take.
	MaxData = 16 << 20
	// packOver is the size in bytes above which a document is compressed. A unit of writing is 1 KB (DynamoDB), and a page of a query holds 1 MB as stored: most
	// entries of a ledger have 2 to 4 KB, of which less than half is left.
	packOver = 1 << 10
)

// zstdMagic begins every Zstandard frame (RFC 8878, section 3.1.1). No JSON document begins so.
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// The options cannot be wrong, so neither constructor fails. Both may be used from many goroutines.
var (
	encoder = sync.OnceValue(func() *zstd.Encoder {
		e, _ := zstd.NewWriter(nil, zstd.WithLowerEncoderMem(true))
		return e
	})
	decoder = sync.OnceValue(func() *zstd.Decoder {
		d, _ := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(MaxData), zstd.WithDecoderLowmem(true))
		return d
	})
)

// Pack returns the bytes that adapters keep for a document: itself up to 1 KB, else a Zstandard frame where that is smaller.
// ErrTooLarge if data is over MaxData.
func Pack(data []byte) ([]byte, error) {
	if len(data) > MaxData {
		return nil, fmt.Errorf("%w: %d bytes of data, at most %d", ErrTooLarge, len(data), MaxData)
	}
	framed := bytes.HasPrefix(data, zstdMagic) // kept as it is, it would be read as one of ours
	if len(data) <= packOver && !framed {
		return data, nil
	}
	packed := encoder().EncodeAll(data, make([]byte, 0, len(data)/2))
	if len(packed) >= len(data) && !framed {
		return data, nil
	}
	return packed, nil
}

// Unpack returns the document that Pack was given. What cannot be read, or would be over MaxData, is of kind fault.Malformed.
func Unpack(packed []byte) ([]byte, error) {
	if !bytes.HasPrefix(packed, zstdMagic) {
		return packed, nil
	}
	data, err := decoder().DecodeAll(packed, nil)
	if errors.Is(err, zstd.ErrDecoderSizeExceeded) || len(data) > MaxData {
		return nil, fault.New(fault.Malformed, "stored data is over %d bytes when decompressed", MaxData)
	}
	if err != nil {
		return nil, fault.New(fault.Malformed, "stored data cannot be decompressed: %w", err)
	}
	return data, nil
}
