package blob

import (
	"context"
	"io"
)

// Source reads what is put, for adapters. It stops with its context, and keeps its own error apart from the engine's.
type Source struct {
	Err error // of reading; nil at the end

	ctx context.Context
	r   io.Reader
}

// NewSource returns a Source that reads r until ctx ends.
func NewSource(ctx context.Context, r io.Reader) *Source { return &Source{ctx: ctx, r: r} }

// Read implements io.Reader.
func (s *Source) Read(p []byte) (n int, err error) {
	if s.Err = s.ctx.Err(); s.Err != nil {
		return 0, s.Err
	}
	n, err = s.r.Read(p)
	if err != io.EOF {
		s.Err = err
	}
	return n, err
}
