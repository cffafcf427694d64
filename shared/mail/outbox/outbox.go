// Package outbox keeps mails as files of a folder instead of sending them, for one machine. Any mail program opens them. Whoever sends them on moves
// one that came back into the folder returned below it.
package outbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	"time"

	gomail "github.com/emersion/go-message/mail"

	"adminassistant/shared/disk"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/mail/message"
)

const (
	// unfinished begins the names of files that are being written.
	unfinished = ".new-"
	// abandonedAfter is how long such a file may be left untouched before it counts as one that a crash left behind.
	abandonedAfter = 24 * time.Hour
	// maxHeaders is how much of a mail is read for its headers, in bytes.
	maxHeaders = 64 << 10
)

// Outbox is the folder. Several processes may use it at once.
type Outbox struct {
	dir   string
	from  *netmail.Address
	clock func() time.Time
}

var _ mail.Sender = (*Outbox)(nil)

// Open opens the folder, or makes it with mode 0700, and removes what crashes left unfinished in it. clock gives the date of mails.
// Errors: fault.Invalid when dir is no folder, or from no address (field "from"); fault.Unavailable when it cannot be read or written.
func Open(dir, from string, clock func() time.Time) (*Outbox, error) {
	o := &Outbox{dir: dir, clock: clock}
	var err error
	if o.from, err = mail.Address("from", from); err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fault.New(fault.Invalid, "%s is a file; mails need a folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, o.classify(err)
	}
	return o, o.clean()
}

// clean removes unfinished files that nobody writes any more.
func (o *Outbox) clean() error {
	names, err := os.ReadDir(o.dir)
	if err != nil {
		return o.classify(err)
	}
	for _, entry := range names {
		if !strings.HasPrefix(entry.Name(), unfinished) {
			continue
		}
		info, err := entry.Info()
		if err != nil || o.clock().Sub(info.ModTime()) < abandonedAfter {
			continue // finished meanwhile, or still being written by another process
		}
		if err := os.Remove(filepath.Join(o.dir, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return o.classify(err)
		}
	}
	return nil
}

// name is the file of a mail: its id, and a part of the id's hash, so that ids that differ in case alone have files of their own on
// every system, and no id is one of the names that some systems reserve.
func name(id string) string {
	sum := sha256.Sum256([]byte(id))
	return id + "-" + hex.EncodeToString(sum[:4]) + ".eml"
}

// Send writes the mail to a file of mode 0600, whole or not at all. The same mail replaces its file.
func (o *Outbox) Send(ctx context.Context, m mail.Mail) error {
	if err := m.Check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	text, err := message.Write(m, o.from, o.clock())
	if err != nil {
		return err
	}
	return o.classify(o.write(name(m.ID), text))
}

// write writes a new file to the disk, and then gives it its name.
func (o *Outbox) write(name string, text []byte) error {
	file, err := os.CreateTemp(o.dir, unfinished) // mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(file.Name(), filepath.Join(o.dir, name))
	}
	if err != nil {
		_ = os.Remove(file.Name())
		return err
	}
	return disk.SyncFolder(o.dir)
}

// ReturnedFolder is the folder, below that of the mails, of those that came back.
const ReturnedFolder = "returned"

// Returned calls note for each mail that lies in the folder of those that came back, at each call again. What is no mail of ours is left out; it
// returns how many files that were. Errors of note end it.
func (o *Outbox) Returned(note func(mail.Return) error) (unreadable int, err error) {
	dir := filepath.Join(o.dir, ReturnedFolder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, o.classify(err)
	}
	for _, entry := range entries {
		if entry.IsDir() || !strings.HasSuffix(entry.Name(), ".eml") {
			continue
		}
		r, err := readReturned(filepath.Join(dir, entry.Name()))
		if err != nil {
			unreadable++
			continue
		}
		if err := note(r); err != nil {
			return unreadable, err
		}
	}
	return unreadable, nil
}

// readReturned reads whose mail came back, and which.
func readReturned(path string) (r mail.Return, err error) {
	file, err := os.Open(path)
	if err != nil {
		return r, err
	}
	defer file.Close()
	parts, err := gomail.CreateReader(io.LimitReader(file, maxHeaders))
	if err != nil {
		return r, err
	}
	to, err := parts.Header.AddressList("To")
	if err != nil {
		return r, err
	}
	id, err := parts.Header.MessageID()
	if err != nil {
		return r, err
	}
	if r.Sent, err = parts.Header.Date(); err != nil {
		return r, err
	}
	for _, a := range to {
		r.To = append(r.To, a.Address)
	}
	r.ID, _, _ = strings.Cut(id, "@")
	r.Why = mail.Bounced
	if r.ID == "" || len(r.To) == 0 || r.Sent.IsZero() {
		return r, fault.New(fault.Malformed, "no mail of ours")
	}
	return r, nil
}

// classify gives what the system reports a kind, and the user something to do.
func (o *Outbox) classify(err error) error {
	if err == nil {
		return nil
	}
	if explained, ok := disk.Explain(err, o.dir); ok {
		return explained
	}
	return fault.New(fault.Unavailable, "the folder %s does not work: %v", o.dir, err)
}
