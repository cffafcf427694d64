package datafolder

import "io/fs"

func owned(fs.FileInfo) bool { return true }

func may(fs.FileInfo) bool { return true }

func others(fs.FileInfo) bool { return false }
