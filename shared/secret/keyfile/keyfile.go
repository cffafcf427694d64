// Package keyfile wraps data keys with master keys of a file, for one machine.
//
// The file is text: one master key a line, 32 random bytes in base64; empty lines and lines that begin with # do not count. The last
// key wraps, all unwrap. To change to a new key, add a line (openssl rand -base64 32); to give up what an old one protects, remove
// its line. Who can read the file can read the secrets, so it must be for its owner only.
package keyfile

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"adminassistant/shared/disk"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
)

const (
	masterSize  = 32
	idSize      = 8
	wrappedSize = idSize + 12 + secret.KeySize + 16 // id, nonce, key, tag
	maxFile     = 64 << 10
	comment     = "# Master keys of Admin Assistant. Without this file the secrets in its store are lost: back it up, apart from the store.\n" +
		"# One key a line, in base64; the last one is used for what is new.\n"
)

// id names a master key. It is derived from the key, which it does not give away.
type id [idSize]byte

// masters are the keys of a file.
type masters struct {
	byID   map[id]cipher.AEAD
	newest id
}

// Wrapper is one key file. Several processes may use the file at once.
type Wrapper struct {
	path string
	mu   sync.Mutex
	masters
}

var _ secret.Wrapper = (*Wrapper)(nil)

// Open reads the key file, or makes it with a new key and mode 0600. Errors: fault.Invalid when others can read the file, or it
// holds something else than keys; fault.Unavailable when it cannot be read or made.
func Open(path string) (*Wrapper, error) {
	w := &Wrapper{path: path}
	var err error
	if w.masters, err = read(path); !errors.Is(err, fs.ErrNotExist) {
		return w, err
	}
	if err = create(path); err == nil {
		w.masters, err = read(path)
	}
	return w, err
}

// Name is keyfile.
func (w *Wrapper) Name() string { return "keyfile" }

// Generate makes a data key and wraps it with the newest master key.
func (w *Wrapper) Generate(_ context.Context, c secret.Context) (plain, wrapped []byte, err error) {
	w.mu.Lock()
	master, name := w.byID[w.newest], w.newest
	w.mu.Unlock()
	plain = make([]byte, secret.KeySize)
	_, _ = rand.Read(plain) // never fails
	return plain, master.Seal(name[:], nil, plain, additional(name, c)), nil
}

// Unwrap returns a data key. It rereads the file when the master key is not known: another process may have added it.
func (w *Wrapper) Unwrap(_ context.Context, c secret.Context, wrapped []byte) ([]byte, error) {
	if len(wrapped) != wrappedSize {
		return nil, secret.ErrUnreadable
	}
	name := id(wrapped[:idSize])
	master, err := w.master(name)
	if err != nil {
		return nil, err
	}
	plain, err := master.Open(nil, nil, wrapped[idSize:], additional(name, c))
	if err != nil {
		return nil, secret.ErrUnreadable
	}
	return plain, nil
}

func (w *Wrapper) master(name id) (cipher.AEAD, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if master, ok := w.byID[name]; ok {
		return master, nil
	}
	reread, err := read(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, unavailable(w.path, err)
	}
	if err != nil {
		return nil, err
	}
	w.masters = reread
	master, ok := w.byID[name]
	if !ok {
		return nil, fmt.Errorf("%w (its master key is not in the key file %s)", secret.ErrUnreadable, w.path)
	}
	return master, nil
}

// additional is what a wrapped key is bound to.
func additional(name id, c secret.Context) []byte { return append(name[:], c.Bytes()...) }

// read reads the keys of a file. The error of a file that does not exist is fs.ErrNotExist.
func read(path string) (masters, error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return masters{}, err
	}
	if err != nil {
		return masters{}, unavailable(path, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return masters{}, unavailable(path, err)
	}
	if !info.Mode().IsRegular() {
		return masters{}, fault.New(fault.Invalid, "key file %s is no file", path)
	}
	if info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" { // where the mode says nothing
		return masters{}, fault.New(fault.Invalid, "key file %s can be read or changed by others; if nobody did, run: chmod 600 %s", path, path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return masters{}, unavailable(path, err)
	}
	defer clear(data)
	keys, err := parse(data)
	if err != nil {
		return masters{}, fault.New(fault.Invalid, "key file %s %w; restore it from a backup (a new file cannot open what the old one protects)", path, err)
	}
	return keys, nil
}

// parse reads the text of a key file.
func parse(text []byte) (masters, error) {
	if len(text) > maxFile {
		return masters{}, fmt.Errorf("is over %d bytes", maxFile)
	}
	m := masters{byID: map[id]cipher.AEAD{}}
	n := 0
	for line := range bytes.Lines(text) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		key := make([]byte, base64.StdEncoding.DecodedLen(len(line)))
		size, err := base64.StdEncoding.Strict().Decode(key, line)
		if err != nil || size != masterSize {
			return masters{}, fmt.Errorf("has no key of %d bytes in base64 in line %d", masterSize, n)
		}
		name, master, err := derive(key[:size])
		clear(key)
		if err != nil {
			return masters{}, err
		}
		m.byID[name], m.newest = master, name
	}
	if len(m.byID) == 0 {
		return masters{}, errors.New("holds no key")
	}
	return m, nil
}

// derive makes of a master key its name and the cipher that wraps, so that neither is of use for the other.
func derive(key []byte) (id, cipher.AEAD, error) {
	name, err := hkdf.Key(sha256.New, key, nil, "admin-assistant key file: id", idSize)
	if err != nil {
		return id{}, nil, err
	}
	wrapping, err := hkdf.Key(sha256.New, key, nil, "admin-assistant key file: wrap", masterSize)
	if err != nil {
		return id{}, nil, err
	}
	defer clear(wrapping)
	block, err := aes.NewCipher(wrapping)
	if err != nil {
		return id{}, nil, err
	}
	master, err := cipher.NewGCMWithRandomNonce(block)
	return id(name), master, err
}

// create makes the file with one new key, whole and on the disk. Of several processes that do so at once, one succeeds for all.
func create(path string) error {
	key := make([]byte, masterSize)
	_, _ = rand.Read(key) // never fails
	defer clear(key)
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return unavailable(path, err)
	}
	defer os.Remove(file.Name())
	_, err = io.Copy(file, strings.NewReader(comment+base64.StdEncoding.EncodeToString(key)+"\n"))
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Link(file.Name(), path) // unlike a rename it replaces nothing
	}
	if err == nil {
		err = disk.SyncFolder(dir)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return unavailable(path, err)
	}
	return nil
}

func unavailable(path string, err error) error {
	return fault.New(fault.Unavailable, "key file %s cannot be read or made: %v", path, err)
}
