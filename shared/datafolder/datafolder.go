// Package datafolder knows whose the data folder of one machine is, and who may open it.
package datafolder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"adminassistant/shared/fault"
)

// private is the mode of a folder that its owner alone may open.
const private = fs.FileMode(0o700)

// Open makes the folder if it is not there, with those above it, and sees to it that the account which runs this owns it and that nobody else may
// open it. tightened says that others could, until now.
//
// A folder that is another account's is refused, and so is one that cannot be kept from others. A link in its place is followed if this account
// or the system's administrator made it: whoever else made it could lead us anywhere. Errors are of kind fault.Invalid. Windows has no such
// modes; there the folder has what its parent says.
func Open(dir string) (tightened bool, err error) {
	if err := os.MkdirAll(dir, private); err != nil {
		return false, fault.New(fault.Invalid, "data folder %s cannot be made: %v; name another one with --data", dir, reason(err))
	}
	link, err := os.Lstat(dir)
	if err != nil {
		return false, unreadable(dir, err)
	}
	if link.Mode()&fs.ModeSymlink != 0 && !may(link) {
		return false, fault.New(fault.Invalid, "data folder %s is a link that another account of this machine made; name another one with --data", dir)
	}
	if link.Mode()&fs.ModeSymlink != 0 {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return false, unreadable(dir, err)
		}
	}
	folder, err := os.Open(dir) // what is looked at is what is changed, whatever happens to its name meanwhile
	if err != nil {
		return false, unreadable(dir, err)
	}
	defer folder.Close()
	return tighten(folder, dir)
}

// tighten is Open for the open folder of that name.
func tighten(folder *os.File, dir string) (bool, error) {
	about, err := folder.Stat()
	switch {
	case err != nil:
		return false, unreadable(dir, err)
	case !owned(about):
		return false, fault.New(fault.Invalid,
			"data folder %s belongs to another account of this machine; work under that account, or name another folder with --data", dir)
	case !others(about):
		return false, nil
	}
	err = folder.Chmod(private)
	if err == nil {
		if about, err = folder.Stat(); err == nil && others(about) {
			err = errors.New("its file system keeps the mode as it is")
		}
	}
	if err != nil {
		return false, fault.New(fault.Invalid,
			"other accounts of this machine may open data folder %s, and that cannot be changed (%v); name another one with --data", dir, reason(err))
	}
	return true, nil
}

func unreadable(dir string, err error) error {
	return fault.New(fault.Invalid, "data folder %s cannot be opened: %v; name another one with --data", dir, reason(err))
}

// reason is what the system says, without the name of the file, which the error has already.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
