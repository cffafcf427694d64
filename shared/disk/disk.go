// Package disk knows how disks behave, for adapters that keep files.
package disk

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"adminassistant/shared/fault"
)

// Explain tells the user what to do about a full disk, which is fault.ErrFull, and about a folder that may not be read and written, both of kind
// fault.Unavailable. Of other errors it says false.
func Explain(err error, folder string) (error, bool) {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.New(fault.Unavailable, "the disk of the folder %s is %w", folder, fault.ErrFull), true
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fault.New(fault.Unavailable, "the folder %s cannot be read and written; make it writable for this user: %v", folder, err), true
	}
	return err, false
}

// Sync writes the names of an open folder's files to the disk. Systems that cannot do that for a folder need not, and are no error.
func Sync(folder *os.File) error {
	err := folder.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || errors.Is(err, fs.ErrPermission) {
		return nil
	}
	return err
}

// SyncFolder is Sync for the folder of a path.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	return Sync(folder)
}
