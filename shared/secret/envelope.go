package secret

import (
	"context"
	"fmt"
	"time"

	"adminassistant/shared/fault"
)

// KeySize is the size of a data key in bytes: AES-256.
const KeySize = 32

// Wrapper keeps a master key and wraps data keys with it. It may be used from many goroutines. Its errors are those of Keeper.
type Wrapper interface {
	// Name names the kind of wrapper in what is sealed with it: at most 32 lower-case letters.
	Name() string
	// Generate makes a random data key of KeySize bytes, and wraps it for the context in at most 6144 bytes. The caller may
	// overwrite both.
	Generate(ctx context.Context, c Context) (plain, wrapped []byte, err error)
	// Unwrap returns the data key that Generate made for the context; the caller may overwrite it. ErrUnreadable.
	Unwrap(ctx context.Context, c Context, wrapped []byte) ([]byte, error)
}

// Limits bound how long and how often a plaintext data key is used, once for sealing and once for opening. Zero values are defaults.
type Limits struct {
	MaxAge  time.Duration // since the key came; 5 minutes. An older one is wiped by the next call.
	MaxUses int           // secrets that one key seals, or opens; 1000
	MaxKeys int           // keys in memory; 1000. Beyond, the oldest goes.
}

// Envelope is the Keeper over any Wrapper. A data key seals and opens secrets of one context alone, and one that was made for
// sealing does not open: whether a process may open depends on what its Wrapper may do, not on what it sealed before.
type Envelope struct {
	wrapper Wrapper
	sealing *keys // by context
	opening *keys // by context and wrapped key
}

var _ Keeper = (*Envelope)(nil)

// New returns the Keeper that wraps data keys with w. clock gives the time, for the age of data keys.
func New(w Wrapper, clock func() time.Time, limits Limits) *Envelope {
	if limits.MaxAge <= 0 {
		limits.MaxAge = 5 * time.Minute
	}
	if limits.MaxUses <= 0 {
		limits.MaxUses = 1000
	}
	if limits.MaxKeys <= 0 {
		limits.MaxKeys = 1000
	}
	return &Envelope{wrapper: w, sealing: newKeys(clock, limits), opening: newKeys(clock, limits)}
}

// Seal encrypts a secret with a data key of its context.
func (e *Envelope) Seal(ctx context.Context, c Context, plain []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if len(plain) > MaxPlain {
		return nil, fault.New(fault.Invalid, "a secret has %d bytes, at most %d are allowed", len(plain), MaxPlain)
	}
	box, wrapped, err := e.sealing.use(ctx, string(c.Bytes()), func(ctx context.Context) ([]byte, []byte, error) {
		plain, wrapped, err := e.wrapper.Generate(ctx, c)
		if err == nil && (len(wrapped) == 0 || len(wrapped) > maxWrapped) {
			clear(plain)
			err = fmt.Errorf("a wrapped data key has %d bytes", len(wrapped))
		}
		return plain, wrapped, err
	})
	if err != nil {
		return nil, fmt.Errorf("seal a secret: %w", err)
	}
	head := header(e.wrapper.Name(), wrapped)
	return box.Seal(head, nil, plain, append(head[:len(head):len(head)], c.Bytes()...)), nil
}

// Open decrypts a sealed value, with its own data key.
func (e *Envelope) Open(ctx context.Context, c Context, sealed []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	p, err := split(sealed)
	if err != nil {
		return nil, err
	}
	if name := e.wrapper.Name(); p.wrapper != name {
		return nil, fmt.Errorf("%w (its key is kept by %s, not %s)", ErrUnreadable, p.wrapper, name)
	}
	id := append(c.Bytes(), p.wrapped...)
	box, _, err := e.opening.use(ctx, string(id), func(ctx context.Context) ([]byte, []byte, error) {
		plain, err := e.wrapper.Unwrap(ctx, c, p.wrapped)
		return plain, nil, err
	})
	if err != nil {
		return nil, fmt.Errorf("open a secret: %w", err)
	}
	plain, err := box.Open(nil, nil, p.box, append(p.header[:len(p.header):len(p.header)], c.Bytes()...))
	if err != nil {
		return nil, ErrUnreadable
	}
	return plain, nil
}
