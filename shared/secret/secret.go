// Package secret is the port to the encryption of small secrets, such as a user's Microsoft tokens: KMS in the cloud, a key file on
// one machine.
//
// It is envelope encryption: a secret is encrypted with a data key, and the data key, wrapped by a master key that never leaves its
// keeper, stands beside it. Envelope does this for every adapter; an adapter is a Wrapper, which only makes and unwraps data keys.
// What a secret is for and whose it is are bound to both: sealed for one user, it opens for no other.
package secret

import (
	"context"
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"adminassistant/shared/fault"
)

// MaxPlain is the largest secret in bytes. Sealed and in base64 it still fits into one item of the store.
const MaxPlain = 256 << 10

// MicrosoftToken is the purpose of what a sign-in with Microsoft yields: refresh tokens, token caches.
const MicrosoftToken = "microsoft-token"

// ErrUnreadable means that a sealed value cannot be opened, now or later: it is damaged, or was sealed for another user or purpose
// or with another key; the error does not say which of these. It is of kind fault.Malformed.
var ErrUnreadable = fault.New(fault.Malformed, "a stored secret cannot be read: it is damaged, or was sealed for another user, purpose or key")

// Keeper is the port. Besides the errors named, every method may return one of kind fault.Throttled or fault.Unavailable, which is
// worth a retry, or fault.Internal, when the master key cannot be used and an operator has to see to it. No error's text holds a
// secret, a key or a user.
type Keeper interface {
	// Seal encrypts a secret of at most MaxPlain bytes, else fault.Invalid. The same secret is sealed differently every time. Its
	// result is binary and some 250 bytes longer.
	Seal(ctx context.Context, c Context, plain []byte) ([]byte, error)
	// Open returns the secret that Seal was given with the same context. ErrUnreadable.
	Open(ctx context.Context, c Context, sealed []byte) ([]byte, error)
}

// Context says what a secret is for and whose it is. Neither is secret: KMS writes both into its log.
type Context struct {
	Purpose string // as in MicrosoftToken
	User    string // the user's key
}

// maxContext is the largest size of each part of a context in bytes. KMS allows 8192 for all of it.
const maxContext = 1024

// check refuses a context that would bind a secret to nobody; the caller has a defect then.
func (c Context) check() error {
	for _, part := range []string{c.Purpose, c.User} {
		if part == "" || len(part) > maxContext || !utf8.ValidString(part) {
			return errors.New("the context of a secret needs a purpose and a user of at most 1024 bytes of UTF-8 each")
		}
	}
	return nil
}

// Pairs returns the context as the encryption context that KMS accepts, and that key policies can name.
func (c Context) Pairs() map[string]string {
	return map[string]string{"purpose": c.Purpose, "user": c.User}
}

// Bytes returns the context as additional data of authenticated encryption. No two contexts have the same.
func (c Context) Bytes() []byte {
	b := make([]byte, 0, 8+len(c.Purpose)+len(c.User))
	for _, part := range []string{c.Purpose, c.User} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return b
}
