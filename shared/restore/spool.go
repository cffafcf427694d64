package restore

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"adminassistant/shared/blob"
	"adminassistant/shared/fault"
)

// spool stores lines of JSON, compressed, as one object, while fill makes them: it takes no more memory than a line does. The object is there when
// fill has returned nil, and not otherwise.
func spool(ctx context.Context, blobs blob.Blob, key string, fill func(line func(v any) error) error) error {
	from, to := io.Pipe()
	filled := make(chan error, 1)
	go func() {
		packed, err := zstd.NewWriter(to, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err == nil {
			err = fill(json.NewEncoder(packed).Encode)
			if closed := packed.Close(); err == nil {
				err = closed
			}
		}
		to.CloseWithError(err)
		filled <- err
	}()
	stored := blobs.Put(ctx, key, from)
	from.CloseWithError(errStopped)
	if err := <-filled; err != nil && !errors.Is(err, errStopped) {
		return err
	}
	return stored
}

// errStopped is what fill gets when its lines are not wanted any more.
var errStopped = errors.New("restore: nobody stores the lines")

// maxLine bounds the memory that a line of an object of ours may take.
const maxLine = 1 << 20

// lines reads an object that spool stored, line by line.
type lines struct {
	object io.Closer
	packed *zstd.Decoder
	scan   *bufio.Scanner
}

func openLines(ctx context.Context, blobs blob.Blob, key string) (*lines, error) {
	object, err := blobs.Get(ctx, key)
	if err != nil {
		return nil, err
	}
	packed, err := zstd.NewReader(object, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(64<<20))
	if err != nil {
		object.Close()
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	l := &lines{object: object, packed: packed, scan: bufio.NewScanner(packed)}
	l.scan.Buffer(nil, maxLine)
	return l, nil
}

// next decodes the next line into v; io.EOF after the last one.
func (l *lines) next(v any) error {
	if !l.scan.Scan() {
		if err := l.scan.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	if err := json.Unmarshal(l.scan.Bytes(), v); err != nil {
		return fault.New(fault.Malformed, "a stored line is unreadable: %v", err)
	}
	return nil
}

func (l *lines) close() {
	l.packed.Close()
	l.object.Close()
}
