package restore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/backup"
	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/store"
)

// UploadFor is how long an uploaded file stays: long enough to look at what restoring it would do, and to restore it.
const UploadFor = 24 * time.Hour

// Upload is a file that a user handed in.
type Upload struct {
	ID      string        `json:"id"`
	Format  backup.Format `json:"format"`
	Events  int           `json:"events"`              // a series and each of its changed instances count as one
	Unread  bool          `json:"unread,omitempty"`    // nobody has looked at more than its beginning; what else it holds, a run finds out
	Aside   int           `json:"set_aside,omitempty"` // events that cannot be read
	Bytes   int64         `json:"bytes"`
	SHA256  string        `json:"sha256"` // in hexadecimal
	Created time.Time     `json:"created"`
	Expires time.Time     `json:"expires"`
}

// Uploads keeps files until they are restored, or for UploadFor.
type Uploads struct {
	// MostEvents is how many bytes of events an iCalendar file has at most; see backup.ReadUpTo.
	MostEvents int64

	table store.Table
	blobs blob.Blob
	newID func() string
	clock func() time.Time
}

// NewUploads returns the files kept in table and blobs.
func NewUploads(table store.Table, blobs blob.Blob, newID func() string, clock func() time.Time) *Uploads {
	return &Uploads{table: table, blobs: blobs, newID: newID, clock: clock}
}

const uploadPrefix = "UPLOAD#"

func uploadKey(user, id string) store.Key {
	return store.OfUser(user, uploadPrefix+id)
}

// uploadCount is the item that changes whenever a user uploads a file, so that no two are counted at once.
func uploadCount(user string) store.Key { return store.OfUser(user, "UPLOADS") }

func uploadFolder(user string) string { return userFolder("uploads", user) }

// uploadAttempts is how often Put tries again when another file is uploaded at the same time.
const uploadAttempts = 3

// Put reads a file and keeps it; the same file is the same upload, so that restoring it again is the same restore. One that cannot be
// restored is of kind fault.Invalid and says why; one more than limit.Uploads is of kind fault.Conflict. Files whose time is over go.
func (s *Uploads) Put(ctx context.Context, user string, from io.Reader) (Upload, error) {
	data, err := io.ReadAll(io.LimitReader(from, limit.UploadBytes+1))
	if err != nil {
		return Upload{}, err
	}
	if len(data) > limit.UploadBytes {
		return Upload{}, errTooLarge
	}
	sum := sha256.Sum256(data)
	id := s.newID()
	u := Upload{ID: id, Bytes: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	if err := u.look(data, s.MostEvents); err != nil {
		return Upload{}, err
	}
	if err := s.sweep(ctx, user); err != nil {
		return Upload{}, err
	}
	u.Created = s.clock().UTC()
	u.Expires = u.Created.Add(UploadFor)
	err = s.note(ctx, user, &u, func() error {
		if err := s.blobs.Put(ctx, uploadFolder(user)+u.ID, bytes.NewReader(data)); err != nil {
			return fmt.Errorf("store the file: %w", err)
		}
		return nil
	})
	if err != nil && u.ID == id { // nobody else knows it by this id
		err = errors.Join(err, s.blobs.Delete(ctx, uploadFolder(user)+id))
	}
	if err != nil {
		return Upload{}, err
	}
	return u, nil
}

// note notes a file, by the id by which it is known already if it is; keep puts it there before. A file that is let go at the same time is known no more.
func (s *Uploads) note(ctx context.Context, user string, u *Upload, keep func() error) (err error) {
	id := u.ID
	for range uploadAttempts {
		var known int64
		if u.ID, known, err = s.known(ctx, user, u.SHA256); err != nil {
			return err
		}
		u.ID = cmp.Or(u.ID, id)
		if err := keep(); err != nil {
			return err
		}
		if err = s.put(ctx, user, u, known); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return err
}

var errTooLarge = fault.New(fault.Invalid, "the file has more than %d MB; compress it with zstd, or split it", limit.UploadBytes>>20)

// Begin returns the id of a file that is to be put among the blobs by itself, and the key to put it at; Arrived notes it. More than limit.Uploads at
// once are of kind fault.Conflict, a size that no file may have fault.Invalid. Files whose time is over go.
func (s *Uploads) Begin(ctx context.Context, user string, size int64) (id, key string, err error) {
	switch {
	case size < 1:
		return "", "", fault.Field("bytes", "must be the size of the file")
	case size > limit.UploadBytes:
		return "", "", errTooLarge
	}
	if err := s.sweep(ctx, user); err != nil {
		return "", "", err
	}
	objects, err := s.blobs.List(ctx, uploadFolder(user))
	if err != nil {
		return "", "", fmt.Errorf("list the uploaded files: %w", err)
	}
	if len(objects) >= limit.Uploads {
		return "", "", errTooMany(len(objects))
	}
	id = s.newID()
	return id, uploadFolder(user) + id, nil
}

// Arrived notes a file that was put where Begin said. It looks at the file's beginning alone: who opens it compares it with sha256, in hexadecimal.
// The same file is the same upload. One that is not there is of kind fault.NotFound, one that is not whole fault.Conflict, and one that cannot be
// restored fault.Invalid.
func (s *Uploads) Arrived(ctx context.Context, user, id string, size int64, sha256 string) (Upload, error) {
	key := uploadFolder(user) + id
	u := Upload{ID: id, Bytes: size, SHA256: sha256, Unread: true}
	object, err := s.blobs.Stat(ctx, key)
	switch {
	case errors.Is(err, blob.ErrNotFound), fault.Of(err) == fault.Invalid: // the latter is an id that is none of ours
		return u, fault.New(fault.NotFound, "file %s has not arrived", id)
	case err != nil:
		return u, fmt.Errorf("look for file %s: %w", id, err)
	case object.Size != size:
		return u, fault.New(fault.Conflict, "file %s arrived with %d bytes of %d; upload it again", id, object.Size, size)
	}
	stored, err := s.blobs.Get(ctx, key)
	if err != nil {
		return u, fmt.Errorf("read file %s: %w", id, err)
	}
	defer stored.Close()
	if u.Format, err = backup.FormatOf(stored); err != nil {
		return u, err
	}
	u.Created = s.clock().UTC()
	u.Expires = u.Created.Add(UploadFor)
	err = s.note(ctx, user, &u, func() error { return nil })
	if err == nil && u.ID != id {
		err = s.blobs.Delete(ctx, key) // the one that is known is the same
	}
	return u, err
}

// known is the id by which a file is known already, and the version of what is noted of it; empty: it is not.
func (s *Uploads) known(ctx context.Context, user, sha256 string) (id string, version int64, err error) {
	all, err := s.list(ctx, user)
	if err != nil {
		return "", 0, err
	}
	for _, old := range all {
		if old.SHA256 == sha256 {
			return old.ID, old.version, nil
		}
	}
	return "", 0, nil
}

// look reads the whole file, so that one that cannot be restored is refused at once.
func (u *Upload) look(data []byte, most int64) error {
	stream, err := backup.ReadUpTo(bytes.NewReader(data), most)
	if err != nil {
		return err
	}
	defer stream.Close()
	u.Format = stream.Format
	return stream.Each(func(k calendar.Kept) error {
		if k.Aside != nil {
			u.Aside++
		} else {
			u.Events += 1 + len(k.Exceptions)
		}
		return nil
	})
}

// put notes the file, unless there are too many; store.ErrConflict when another one is uploaded at the same time, or when the one that is known in this
// version changes or goes.
func (s *Uploads) put(ctx context.Context, user string, u *Upload, known int64) error {
	count := store.Item{Key: uploadCount(user), Data: []byte("{}"), Expires: u.Expires.Add(UploadFor)}
	unchanged := store.Absent()
	if item, err := s.table.Get(ctx, count.Key); err == nil {
		unchanged, count.Data = store.VersionIs(item.Version), item.Data
	} else if !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("count the uploaded files: %w", err)
	}
	all, err := s.list(ctx, user)
	if err != nil {
		return err
	}
	there := slices.ContainsFunc(all, func(old noted) bool { return old.ID == u.ID })
	if len(all) >= limit.Uploads && !there {
		return errTooMany(len(all))
	}
	data, err := json.Marshal(u)
	if err != nil {
		return fmt.Errorf("store the file: %w", err)
	}
	stands := store.Any()
	if known > 0 {
		stands = store.VersionIs(known)
	}
	err = s.table.Transact(ctx, []store.Op{
		{Put: &store.Item{Key: uploadKey(user, u.ID), Data: data, Expires: u.Expires}, If: stands},
		{Put: &count, If: unchanged},
	})
	if err != nil {
		return fmt.Errorf("note the file: %w", err)
	}
	return nil
}

func errTooMany(n int) error {
	return fault.New(fault.Conflict,
		"there are %d uploaded files already, as many as there may be; each goes by itself %.0f hours after it came", n, UploadFor.Hours())
}

// noted is a file with the version of what is noted of it.
type noted struct {
	Upload
	version int64
}

// list returns the user's files whose time is not over.
func (s *Uploads) list(ctx context.Context, user string) ([]noted, error) {
	items, err := store.All(ctx, s.table, store.Query{PK: store.UserPartition(user), Prefix: uploadPrefix})
	if err != nil {
		return nil, fmt.Errorf("list the uploaded files: %w", err)
	}
	var all []noted
	for _, item := range items {
		u, err := readUpload(item)
		if err != nil {
			return nil, err
		}
		if s.clock().Before(u.Expires) {
			all = append(all, noted{u, item.Version})
		}
	}
	return all, nil
}

func readUpload(item store.Item) (Upload, error) {
	var u Upload
	if err := json.Unmarshal(item.Data, &u); err != nil {
		return u, fault.New(fault.Malformed, "uploaded file %s is unreadable: %v", strings.TrimPrefix(item.SK, uploadPrefix), err)
	}
	return u, nil
}

// Get returns a user's file; one that is not there, or whose time is over, is of kind fault.NotFound.
func (s *Uploads) Get(ctx context.Context, user, id string) (Upload, error) {
	item, err := s.table.Get(ctx, uploadKey(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return Upload{}, errNoUpload(id)
	}
	if err != nil {
		return Upload{}, fmt.Errorf("read uploaded file %s: %w", id, err)
	}
	u, err := readUpload(item)
	if err == nil && !s.clock().Before(u.Expires) {
		err = errNoUpload(id)
	}
	return u, err
}

func errNoUpload(id string) error {
	return fault.New(fault.NotFound, "there is no uploaded file %s; one stays for %.0f hours, upload it again", id, UploadFor.Hours())
}

// open returns the file's content as what is restored.
func (s *Uploads) open(ctx context.Context, user, id, sum string) (File, error) {
	data, err := s.Content(ctx, user, id, sum)
	return uploaded{data, s.MostEvents}, err
}

// Used lets go of a user's file that was used for good, unless it was uploaded once more since. One that is not there is no error.
func (s *Uploads) Used(ctx context.Context, user, id string, since time.Time) error {
	key := uploadKey(user, id)
	item, err := s.table.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read uploaded file %s: %w", id, err)
	}
	u, err := readUpload(item)
	if err != nil || u.Created.After(since) {
		return err
	}
	switch err := s.table.Delete(ctx, key, store.VersionIs(item.Version)); {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound): // it is uploaded just now, or somebody else let go of it
		return nil
	case err != nil:
		return fmt.Errorf("remove uploaded file %s: %w", id, err)
	}
	if err := s.blobs.Delete(ctx, uploadFolder(user)+id); err != nil {
		return fmt.Errorf("remove uploaded file %s: %w", id, err)
	}
	return nil
}

// KeepIn is the folder, with a slash at its end, of what restores and imports keep of a user's, until the user is erased.
func KeepIn(user string) string { return userFolder("restores", user) }

// HandedOut is the folder of files that are handed out to a user; it is forgotten as uploads are.
func HandedOut(user string) string { return uploadFolder(user) + "out-" }

// Content returns a user's file. One that is not what was uploaded is of kind fault.Conflict.
func (s *Uploads) Content(ctx context.Context, user, id, sum string) ([]byte, error) {
	stored, err := s.blobs.Get(ctx, uploadFolder(user)+id)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, errNoUpload(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read uploaded file %s: %w", id, err)
	}
	defer stored.Close()
	data, err := io.ReadAll(io.LimitReader(stored, limit.UploadBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read uploaded file %s: %w", id, err)
	}
	if now := sha256.Sum256(data); hex.EncodeToString(now[:]) != sum {
		return nil, fault.New(fault.Conflict, "uploaded file %s is not what it was when the restore was started; upload it again", id)
	}
	return data, nil
}

// uploaded is a file in memory, with at most so many bytes of events if it is iCalendar; see backup.ReadUpTo.
type uploaded struct {
	data []byte
	most int64
}

func (f uploaded) Zones(context.Context) ([]calendar.Zone, error) {
	stream, err := backup.ReadUpTo(bytes.NewReader(f.data), f.most)
	if err != nil {
		return nil, err
	}
	defer stream.Close()
	return stream.Zones, nil
}

func (f uploaded) Each(_ context.Context, each func(calendar.Kept) error) error {
	stream, err := backup.ReadUpTo(bytes.NewReader(f.data), f.most)
	if err != nil {
		return err
	}
	defer stream.Close()
	return stream.Each(each)
}

// sweep deletes the user's files whose time is over, and those that nobody noted: the store lets go of what is noted by itself.
func (s *Uploads) sweep(ctx context.Context, user string) error {
	objects, err := s.blobs.List(ctx, uploadFolder(user))
	if err != nil {
		return fmt.Errorf("list the uploaded files: %w", err)
	}
	for _, o := range objects {
		if s.clock().Sub(o.Modified) < UploadFor {
			continue
		}
		if err := s.blobs.Delete(ctx, o.Key); err != nil {
			return fmt.Errorf("delete an uploaded file: %w", err)
		}
	}
	return nil
}

// Opener returns what opens a backup or an uploaded file; see Runner.Open.
func Opener(backups *backup.Backups, uploads *Uploads) func(ctx context.Context, user string, in Input) (File, error) {
	return func(ctx context.Context, user string, in Input) (File, error) {
		if in.Upload != "" {
			return uploads.open(ctx, user, in.Upload, in.SHA256)
		}
		return backups.Open(ctx, user, in.Backup)
	}
}
