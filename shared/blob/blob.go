// Package blob is the port to large objects: S3 in the cloud, a folder on one machine.
package blob

import (
	"context"
	"errors"
	"io"
	"time"
)

// ErrNotFound means that no object has the key.
var ErrNotFound = errors.New("blob: not found")

// Object describes what is stored under a key.
type Object struct {
	Key      string
	Size     int64
	Modified time.Time
}

// Blob is the port. Keys are slash-separated paths of letters, digits and "-_.=", without "." or ".." parts.
// Put is atomic: an object is there whole, or not at all. Malformed keys are of kind fault.Invalid.
type Blob interface {
	// Put stores all of r under key and replaces what was there.
	Put(ctx context.Context, key string, r io.Reader) error
	// Get opens an object; the caller closes it. ErrNotFound.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	// Stat describes an object. ErrNotFound.
	Stat(ctx context.Context, key string) (Object, error)
	// List returns all objects whose key begins with prefix, by key.
	List(ctx context.Context, prefix string) ([]Object, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, key string) error
}
