package backup

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// ErrDamaged means that a file of a backup is not what its manifest says. It is of kind fault.Malformed.
var ErrDamaged = errors.New("backup: damaged")

func damaged(file, format string, args ...any) error {
	return fault.Wrap(fault.Malformed, fmt.Errorf("%w: %s %s", ErrDamaged, file, fmt.Sprintf(format, args...)))
}

// Content is a backup that can be read.
type Content struct {
	Record   *Record
	Manifest *Manifest

	blobs blob.Blob
	// there says whether the backup is still there; nil: it is only being made.
	there func(ctx context.Context) error
}

// Open opens a user's backup. One that is not there, or has no manifest, is of kind fault.NotFound; one of which the manifest is not the one that
// was recorded when it was made is ErrDamaged.
func (b *Backups) Open(ctx context.Context, user, id string) (*Content, error) {
	r, err := b.Get(ctx, user, id)
	if err != nil {
		return nil, err
	}
	stored, err := b.blobs.Get(ctx, key(user, id, r.Attempt, manifestName))
	if errors.Is(err, blob.ErrNotFound) {
		return nil, errNone(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read the manifest of backup %s: %w", id, err)
	}
	defer stored.Close()
	data, err := io.ReadAll(io.LimitReader(stored, maxManifest+1))
	if err != nil {
		return nil, fmt.Errorf("read the manifest of backup %s: %w", id, err)
	}
	if digestOf(data) != r.Manifest {
		return nil, damaged(manifestName, "of backup %s is not the one that was recorded when the backup was made", id)
	}
	m, err := ParseManifest(bytes.NewReader(data))
	switch {
	case fault.Of(err) == fault.Invalid && err != nil, err == nil && m.ID != id:
		return nil, damaged(manifestName, "of backup %s cannot be read", id)
	case err != nil:
		return nil, fmt.Errorf("read the manifest of backup %s: %w", id, err)
	}
	there := func(ctx context.Context) error {
		_, err := b.Get(ctx, user, id)
		return err
	}
	return &Content{Record: r, Manifest: m, blobs: b.blobs, there: there}, nil
}

// Key is where a file of the backup is in blob storage. A file that it does not have is of kind fault.NotFound.
func (c *Content) Key(name string) (string, error) {
	for _, f := range c.Manifest.Files {
		if f.Name == name {
			return c.key(name), nil
		}
	}
	return "", fault.New(fault.NotFound, "backup %s has no file %.100q; it has %s, %s and %s", c.Record.ID, name, fileNames[JSONL], fileNames[ICS], fileNames[CSV])
}

func (c *Content) key(name string) string {
	return key(c.Record.User, c.Record.ID, c.Record.Attempt, name)
}

// Zones returns the time zones that only the backup explains.
func (c *Content) Zones(ctx context.Context) ([]calendar.Zone, error) {
	var zones []calendar.Zone
	enough := errors.New("enough")
	err := c.lines(ctx, func(h header) error {
		zones = h.Zones
		return enough
	}, nil)
	if errors.Is(err, enough) {
		err = nil
	}
	return zones, err
}

// Each gives all that the backup holds, in its order, as often as it is called. What it has given is proven only when there is no error: ErrDamaged
// if the file turns out not to be what the manifest says. Of its other errors, those of each are handed on.
func (c *Content) Each(ctx context.Context, each func(calendar.Kept) error) error {
	return c.lines(ctx, nil, each)
}

// Calendar gives all that the backup's iCalendar file holds, as whoever imports it reads it, in the zones that the file itself explains. The file is held in
// memory; one of more than MaxICS is of kind fault.Conflict. ErrDamaged if it is not what the manifest says, or something of it cannot be read.
func (c *Content) Calendar(ctx context.Context, each func(calendar.Kept) error) (zones []calendar.Zone, err error) {
	f := c.Manifest.File(ICS)
	if f == nil || f.Size.Bytes > MaxICS {
		return nil, fault.New(fault.Conflict, "the iCalendar file of backup %s is too large to be compared", c.Record.ID)
	}
	var s *Stream
	err = c.read(ctx, f, func(r io.Reader) error {
		if s, err = readICS(r, 0); fault.Of(err) == fault.Invalid && err != nil {
			return damaged(f.Name, "cannot be read: %v", err)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return s.Zones, s.each(func(_ place, k calendar.Kept) error {
		if k.Aside != nil {
			return damaged(f.Name, "cannot be read: %s", *k.Aside)
		}
		return each(k)
	})
}

// lines reads the JSONL file and compares it with the manifest. Both head and each may be nil.
func (c *Content) lines(ctx context.Context, head func(header) error, each func(calendar.Kept) error) error {
	var counts Counts
	var sum digest
	f := c.Manifest.File(JSONL)
	err := c.read(ctx, f, func(r io.Reader) error {
		j, err := openJSONL(bufio.NewReaderSize(r, 64<<10))
		if err != nil {
			return damaged(f.Name, "cannot be read: %v", err)
		}
		if head != nil {
			if err := head(j.header); err != nil {
				return err
			}
		}
		var own error // of each
		j.seen = sum.add
		err = j.each(func(_ place, k calendar.Kept) error {
			counts.add(&k)
			if each != nil {
				own = each(k)
			}
			return own
		})
		if err != nil && own == nil && fault.Of(err) == fault.Invalid {
			return damaged(f.Name, "cannot be read: %v", err)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case counts != c.Manifest.Counts:
		return damaged(f.Name, "holds %d events, not %d", counts.Events, c.Manifest.Counts.Events)
	case sum.String() != c.Manifest.Content:
		return damaged(f.Name, "has other content")
	}
	return nil
}

// read lets consume read a file decompressed, reads what it leaves, and compares all with the manifest. ErrDamaged if they differ, or the
// file is not there; of kind fault.NotFound if the backup was deleted meanwhile. Errors of consume are handed on.
func (c *Content) read(ctx context.Context, f *File, consume func(io.Reader) error) error {
	stored, err := c.blobs.Get(ctx, c.key(f.Name))
	if errors.Is(err, blob.ErrNotFound) {
		if c.there != nil {
			if err := c.there(ctx); err != nil {
				return err
			}
		}
		return damaged(f.Name, "is not there")
	}
	if err != nil {
		return fmt.Errorf("read %s of backup %s: %w", f.Name, c.Record.ID, err)
	}
	defer stored.Close()
	r, err := f.Open(stored)
	if err != nil {
		return err
	}
	defer r.Close()
	if err = consume(r); err == nil {
		_, err = io.Copy(io.Discard, r)
	}
	return cmp.Or(r.err, err)
}

// Reader reads a file of a backup decompressed, and compares it with what is known of it.
type Reader struct {
	of  *File
	u   *unpacker
	raw *meter
	err error // of the file or of what it is read from; nil at its end
}

// Open begins to read the file from where it is stored. Close has to be called. What was read is proven when the end is reached: Read then returns
// ErrDamaged in place of io.EOF if the file is not what it should be. Errors of stored are handed on.
func (f *File) Open(stored io.Reader) (*Reader, error) {
	u, err := unpack(stored, f.Size.Bytes, 0)
	if err != nil {
		return nil, unreadable(f, err)
	}
	return &Reader{of: f, u: u, raw: newMeter()}, nil
}

// Close gives the decompression's memory back.
func (r *Reader) Close() { r.u.Close() }

func (r *Reader) Read(p []byte) (int, error) {
	n, err := r.u.Read(p)
	_, _ = r.raw.Write(p[:n])
	switch {
	case err == io.EOF && r.raw.size() == r.of.Size && r.u.packed.size() == r.of.Compressed, err == nil:
		return n, err
	case err == io.EOF:
		r.err = damaged(r.of.Name, "is not what was written")
	default:
		r.err = unreadable(r.of, err)
	}
	return n, r.err
}

// unreadable says whose error of reading a file it is: the storage's, or the file's.
func unreadable(f *File, err error) error {
	if fault.Of(err) == fault.Invalid {
		return damaged(f.Name, "cannot be read: %v", err)
	}
	return err
}
