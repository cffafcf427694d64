// Package signing keeps the key with which an installation signs what it vouches for: an Ed25519 key, sealed in the table by the
// installation's master key, which is KMS's in the cloud and a file on one machine.
//
// Item in the store:
//
//	SIGNING / KEY   the sealed key, and its public part
//
// What is signed are notes as golang.org/x/mod/sumdb/note has them, so that others can check them with that form's tools.
package signing

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/store"
)

// Purpose is that of the sealed key; see secret.Context.
const Purpose = "signing-key"

// sealedFor stands in the place of a user: the key is the installation's.
const sealedFor = "installation"

// Key signs notes and checks those that it signed.
type Key struct {
	signer   note.Signer
	verifier note.Verifier
	public   string
}

// Generate returns a new private key in the note package's form, with a name of its own.
func Generate() (private string, err error) {
	var name [4]byte
	_, _ = rand.Read(name[:]) // it never fails
	private, _, err = note.GenerateKey(rand.Reader, "admin-assistant-"+hex.EncodeToString(name[:]))
	return private, err
}

// Parse reads a private key. Errors are of kind fault.Malformed and do not show it.
func Parse(private string) (*Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fault.New(fault.Malformed, "the signing key is unreadable")
	}
	parts := strings.SplitN(private, "+", 5) // PRIVATE, KEY, name, hash, key
	raw, err := base64.StdEncoding.Strict().DecodeString(parts[len(parts)-1])
	if err != nil || len(raw) != 1+ed25519.SeedSize {
		return nil, fault.New(fault.Malformed, "the signing key is unreadable")
	}
	public, err := note.NewEd25519VerifierKey(signer.Name(), ed25519.NewKeyFromSeed(raw[1:]).Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fault.New(fault.Malformed, "the signing key is unreadable")
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, fault.New(fault.Malformed, "the signing key is unreadable")
	}
	return &Key{signer, verifier, public}, nil
}

// Public is the public part of the key in the note package's form, <name>+<hash>+<key>: whoever has it can check what the key signed.
func (k *Key) Public() string { return k.public }

// Needs are none: the key is at hand.
func (k *Key) Needs() []store.Key { return nil }

// Use takes nothing.
func (k *Key) Use(context.Context, []store.Item) error { return nil }

// Sign returns the signed note of a text, which must end with a newline.
func (k *Key) Sign(_ context.Context, text string) (signed string, err error) {
	data, err := note.Sign(&note.Note{Text: text}, k.signer)
	return string(data), err
}

// Open returns the text of a note that the key signed. Others are of kind fault.Malformed.
func (k *Key) Open(_ context.Context, signed string) (text string, err error) {
	text, err = open(k.verifier, signed)
	if err != nil {
		return "", fault.New(fault.Malformed, "the note is not signed with this installation's key")
	}
	return text, nil
}

// OpenWith returns the text of a note that was signed with the key of which this is the public part. Errors are of kind fault.Invalid.
func OpenWith(public, signed string) (text string, err error) {
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return "", fault.New(fault.Invalid, "this is no public key of a note, as in admin-assistant-1f2e3d4c+5b6a7988+AbC...: %.80q", public)
	}
	text, err = open(verifier, signed)
	if err != nil {
		return "", fault.New(fault.Invalid, "the note is not signed with the key %s", verifier.Name())
	}
	return text, nil
}

// open returns the text of a note that the verifier's key signed. The signature has to be written in its one form: the last character of its base64 has bits
// that decoding leaves out.
func open(verifier note.Verifier, signed string) (string, error) {
	n, err := note.Open([]byte(signed), note.VerifierList(verifier))
	if err != nil {
		return "", err
	}
	for _, signature := range n.Sigs {
		if _, err := base64.StdEncoding.Strict().DecodeString(signature.Base64); err != nil {
			return "", err
		}
	}
	return n.Text, nil
}

// Installed is the installation's key. It is made when it is first needed, and read once by a process.
type Installed struct {
	table  store.Table
	keeper secret.Keeper

	mu  sync.Mutex
	key *Key
}

// New returns the key that is kept in table, sealed by keeper.
func New(table store.Table, keeper secret.Keeper) *Installed {
	return &Installed{table: table, keeper: keeper}
}

var itemKey = store.Key{PK: "SIGNING", SK: "KEY"}

type record struct {
	Sealed []byte `json:"sealed"`
	Public string `json:"public"` // for people; what counts is the sealed one
}

// Needs are the keys of the items that Use takes; none if the key was read.
func (i *Installed) Needs() []store.Key {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.key != nil {
		return nil
	}
	return []store.Key{itemKey}
}

// Use takes the key from items that were just read, if it is among them.
func (i *Installed) Use(ctx context.Context, found []store.Item) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := range found {
		if found[n].Key == itemKey && i.key == nil {
			return i.open(ctx, found[n])
		}
	}
	return nil
}

// Key returns the installation's key. When the stored one cannot be opened, no other key takes its place.
func (i *Installed) Key(ctx context.Context) (*Key, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.key != nil {
		return i.key, nil
	}
	item, err := i.table.Get(ctx, itemKey)
	if errors.Is(err, store.ErrNotFound) {
		if err := i.make(ctx); err != nil && !errors.Is(err, store.ErrConflict) { // another process was faster
			return nil, err
		}
		item, err = i.table.Get(ctx, itemKey)
	}
	if err != nil {
		return nil, fmt.Errorf("read the signing key: %w", err)
	}
	if err := i.open(ctx, item); err != nil {
		return nil, err
	}
	return i.key, nil
}

// open opens the stored key. What cannot be opened is of kind fault.Invalid: somebody has to put the master key back.
func (i *Installed) open(ctx context.Context, item store.Item) error {
	var r record
	if _, err := store.Decode(item.Data, &r); err != nil {
		return errUnreadable
	}
	private, err := i.keeper.Open(ctx, secret.Context{Purpose: Purpose, User: sealedFor}, r.Sealed)
	if fault.Of(err) == fault.Malformed {
		return errUnreadable
	}
	if err != nil {
		return fmt.Errorf("open the signing key: %w", err)
	}
	i.key, err = Parse(string(private))
	return err
}

var errUnreadable = fault.New(fault.Invalid,
	"the signing key cannot be opened with this installation's master key; put the master key back that it was made with")

func (i *Installed) make(ctx context.Context) error {
	private, err := Generate()
	if err != nil {
		return fmt.Errorf("make a signing key: %w", err)
	}
	key, err := Parse(private)
	if err != nil {
		return err
	}
	sealed, err := i.keeper.Seal(ctx, secret.Context{Purpose: Purpose, User: sealedFor}, []byte(private))
	if err != nil {
		return fmt.Errorf("seal a signing key: %w", err)
	}
	data, err := store.Unknown{}.Encode(record{Sealed: sealed, Public: key.Public()})
	if err != nil {
		return err
	}
	if _, err := i.table.Put(ctx, store.Item{Key: itemKey, Data: data}, store.Absent()); err != nil {
		return fmt.Errorf("store a signing key: %w", err)
	}
	return nil
}

// Sign returns the signed note of a text, which must end with a newline.
func (i *Installed) Sign(ctx context.Context, text string) (signed string, err error) {
	key, err := i.Key(ctx)
	if err != nil {
		return "", err
	}
	return key.Sign(ctx, text)
}

// Open returns the text of a note that the installation signed. Others are of kind fault.Malformed.
func (i *Installed) Open(ctx context.Context, signed string) (text string, err error) {
	key, err := i.Key(ctx)
	if err != nil {
		return "", err
	}
	return key.Open(ctx, signed)
}
