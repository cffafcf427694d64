package blob

import (
	"strings"

	"adminassistant/shared/fault"
)

const (
	// MaxKey is the largest size of a key in bytes (S3's).
	MaxKey = 1024
	// MaxPart is the largest size of one part of a key in bytes, so that a folder can hold it under some more letters.
	MaxPart = 200
)

// CheckKey says whether an object can have the key: parts of letters, digits and "-_.=" between slashes, none of them
// empty, "." or "..", or over MaxPart; at most MaxKey in all. Else fault.Invalid.
func CheckKey(key string) error {
	if key == "" {
		return fault.New(fault.Invalid, "key of an object is empty")
	}
	return check(key, strings.Split(key, "/"))
}

// CheckPrefix says whether keys can begin so: empty, or what CheckKey allows, or that with a slash after it. Else fault.Invalid.
func CheckPrefix(prefix string) error {
	if prefix == "" {
		return nil
	}
	parts := strings.Split(prefix, "/")
	last := len(parts) - 1
	switch parts[last] {
	case "": // ends with a slash
		parts = parts[:last]
	case ".", "..": // may be the beginning of ".hidden"
		parts[last] += "a"
	}
	return check(prefix, parts)
}

func check(key string, parts []string) error {
	if len(key) > MaxKey {
		return fault.New(fault.Invalid, "key of an object has %d bytes, at most %d are allowed", len(key), MaxKey)
	}
	for _, part := range parts {
		if part == "" || part == "." || part == ".." || len(part) > MaxPart || strings.IndexFunc(part, forbidden) >= 0 {
			return fault.New(fault.Invalid, `key of an object %q must be parts of at most %d letters, digits and "-_.=" between slashes`, key, MaxPart)
		}
	}
	return nil
}

func forbidden(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.=", r)
}
