// Package folder keeps objects as files of a folder, for one machine. Several processes may use the folder at once.
//
// The object a/b/c.json is the file a+/b+/c.json: a folder's name ends with +, which no key has, so that there can be an
// object a as well. What is being written is in the folder +new.
package folder

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"sort"
	"strings"
	"syscall"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/disk"
	"adminassistant/shared/fault"
)

const (
	newFolder = "+new"
	// abandonedAfter is how long an unfinished file may be left untouched before it counts as one that a crash left behind.
	abandonedAfter = 24 * time.Hour
)

// escapes is what os.Root says of a symbolic link that leads out of it. It has no error of its own for that.
const escapes = "path escapes from parent"

// Folder is the store. It never leaves its folder, not even over a symbolic link.
type Folder struct {
	root *os.Root
	dir  string
}

var _ blob.Blob = (*Folder)(nil)

// Open opens the folder, or makes it with mode 0700, and removes what crashes left unfinished in it. Errors: fault.Invalid when
// dir is no folder, fault.Unavailable when it cannot be read or written.
func Open(dir string) (*Folder, error) {
	if info, err := os.Stat(dir); err == nil && !info.IsDir() {
		return nil, fault.New(fault.Invalid, "%s is a file; objects need a folder", dir)
	}
	f := &Folder{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, f.classify(err)
	}
	var err error
	if f.root, err = os.OpenRoot(dir); err != nil {
		return nil, f.classify(err)
	}
	if err := f.clean(time.Now()); err != nil {
		_ = f.root.Close()
		return nil, err
	}
	return f, nil
}

// Close gives the folder back to the system.
func (f *Folder) Close() error { return f.root.Close() }

// clean makes sure that there is a writable place for new files, and empties it of abandoned ones.
func (f *Folder) clean(now time.Time) error {
	if err := f.root.Mkdir(newFolder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return f.classify(err)
	}
	probe, err := f.create()
	if err != nil {
		return err
	}
	_ = probe.Close()
	if err := f.root.Remove(probe.name); err != nil {
		return f.classify(err)
	}
	entries, err := fs.ReadDir(f.root.FS(), newFolder)
	if err != nil {
		return f.classify(err)
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || now.Sub(info.ModTime()) < abandonedAfter {
			continue // finished meanwhile, or still being written by another process
		}
		if err := f.root.Remove(path.Join(newFolder, entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return f.classify(err)
		}
	}
	return nil
}

// unfinished is a file in the folder +new.
type unfinished struct {
	*os.File
	name string
}

func (f *Folder) create() (unfinished, error) {
	name := path.Join(newFolder, rand.Text())
	file, err := f.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	return unfinished{file, name}, f.classify(err)
}

// file is the path, below the folder, of the object of a key.
func file(key string) string { return strings.ReplaceAll(key, "/", "+/") }

// key is the key of a file; false for what is not ours.
func key(file string) (string, bool) {
	key := strings.ReplaceAll(file, "+/", "/")
	return key, blob.CheckKey(key) == nil
}

// Put writes a new file to the disk, and then gives it the name of the object.
func (f *Folder) Put(ctx context.Context, key string, r io.Reader) (err error) {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	file, err := f.create()
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.root.Remove(file.name)
		}
	}()
	from := blob.NewSource(ctx, r)
	_, err = io.Copy(file, from)
	if err == nil {
		err = file.Sync()
	}
	if e := file.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = f.publish(file.name, key)
	}
	switch {
	case from.Err != nil:
		return fmt.Errorf("put %s: read what to put: %w", key, from.Err)
	case err != nil:
		return fmt.Errorf("put %s: %w", key, f.classify(err))
	}
	return nil
}

// publish moves an unfinished file to where its key says. It repeats the move when a Delete removes the empty folder that it moves to.
func (f *Folder) publish(unfinished, key string) error {
	to := file(key)
	dir := path.Dir(to)
	for attempt := 0; ; attempt++ {
		err := f.root.MkdirAll(dir, 0o700)
		if err == nil {
			err = f.root.Rename(unfinished, to)
		}
		if err == nil {
			break
		}
		// A Delete may remove a folder at any moment; one that was there a moment ago is also said to exist.
		if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) || attempt == 100 {
			return err
		}
	}
	// The name, and the names of folders that may be new, are on the disk when their folders are.
	for {
		if err := f.sync(dir); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

func (f *Folder) sync(dir string) error {
	d, err := f.root.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // the object was deleted already, and its folder
	}
	if err != nil {
		return err
	}
	defer d.Close()
	return disk.Sync(d)
}

// Get opens an object. One that is replaced or deleted meanwhile is read to its end as it was.
func (f *Folder) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if _, err := f.Stat(ctx, key); err != nil {
		return nil, err
	}
	r, err := f.root.Open(file(key))
	if err != nil {
		return nil, f.find(err)
	}
	return r, nil
}

// Stat describes an object.
func (f *Folder) Stat(ctx context.Context, key string) (blob.Object, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Object{}, err
	}
	if err := ctx.Err(); err != nil {
		return blob.Object{}, err
	}
	info, err := f.root.Lstat(file(key))
	if err != nil {
		return blob.Object{}, f.find(err)
	}
	if !info.Mode().IsRegular() {
		return blob.Object{}, blob.ErrNotFound
	}
	return object(key, info), nil
}

func object(key string, info fs.FileInfo) blob.Object {
	return blob.Object{Key: key, Size: info.Size(), Modified: info.ModTime().UTC()}
}

// find classifies the error of looking for an object.
func (f *Folder) find(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return blob.ErrNotFound
	}
	return f.classify(err)
}

// List walks the folder of the prefix.
func (f *Folder) List(ctx context.Context, prefix string) ([]blob.Object, error) {
	if err := blob.CheckPrefix(prefix); err != nil {
		return nil, err
	}
	start := path.Dir(file(prefix + "a")) // the folder in which all such keys are
	var objects []blob.Object
	err := fs.WalkDir(f.root.FS(), start, func(name string, entry fs.DirEntry, err error) error {
		if e := ctx.Err(); e != nil {
			return e
		}
		if errors.Is(err, fs.ErrNotExist) || name == newFolder {
			return fs.SkipDir // the prefix has no folder, or it was removed meanwhile
		}
		if err != nil {
			return err
		}
		key, ours := key(name)
		if !entry.Type().IsRegular() || !ours || !strings.HasPrefix(key, prefix) {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile
		}
		if err != nil {
			return err
		}
		objects = append(objects, object(key, info))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", prefix, f.classify(err))
	}
	sort.Slice(objects, func(i, j int) bool { return objects[i].Key < objects[j].Key })
	return objects, nil
}

// Delete removes an object, and the folders that are empty without it.
func (f *Folder) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	name := file(key)
	if err := f.find(f.root.Remove(name)); err != nil && !errors.Is(err, blob.ErrNotFound) {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if f.root.Remove(dir) != nil {
			break // not empty
		}
	}
	return nil
}

// classify gives what the system reports a kind, and the user something to do.
func (f *Folder) classify(err error) error {
	explained, ok := disk.Explain(err, f.dir)
	switch {
	case err == nil:
		return nil
	case ok:
		return explained
	case strings.Contains(err.Error(), escapes):
		return fault.New(fault.Invalid,
			"in %s is a symbolic link that leads out of it, which is not followed: make the whole folder a link, or name another one", f.dir)
	case errors.Is(err, syscall.EIO), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, fs.ErrNotExist),
		errors.Is(err, syscall.ENOTDIR):
		return fault.New(fault.Unavailable, "the folder %s does not work: %v", f.dir, err)
	}
	return err
}
