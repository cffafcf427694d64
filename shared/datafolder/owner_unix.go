//go:build !windows

package datafolder

import (
	"io/fs"
	"os"
	"syscall"
)

// owned says whether a file is this account's.
func owned(about fs.FileInfo) bool { return ownerOf(about) == os.Geteuid() }

// may says whether this account or the system's administrator made a link.
func may(link fs.FileInfo) bool { return trusted(ownerOf(link), os.Geteuid()) }

func trusted(owner, self int) bool { return owner == self || owner == 0 }

// others says whether any other account may do anything with a file.
func others(about fs.FileInfo) bool { return about.Mode().Perm()&0o077 != 0 }

func ownerOf(about fs.FileInfo) int {
	if of, ok := about.Sys().(*syscall.Stat_t); ok {
		return int(of.Uid)
	}
	return -1
}
