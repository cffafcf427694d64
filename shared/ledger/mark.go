package ledger

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Mark is what a copy in the archive calendar carries: it names the ledger entry that the copy shows, and what the entry says of its source.
//
//	<config>/<key>/<version>/<first 32 digits of the source hash>[/single]
//
// The key is as part gives it. A copy that was written before marks had a hash ends with its version.
type Mark struct {
	Config  string
	Key     string // as KeyInMark gives it
	Version int
	Hash    string // see HashInMark; empty: it is not known
	Single  bool
}

var markForm = regexp.MustCompile(`^(?s:([^/]+)/(.+)/([1-9][0-9]{0,8}))(?:/([0-9a-f]{32})(/single)?)?$`)

// ParseMark reads a mark. What an event carries that is no copy of a ledger's entry is no mark.
func ParseMark(s string) (m Mark, ok bool) {
	parts := markForm.FindStringSubmatch(s)
	if parts == nil {
		return m, false
	}
	version, err := strconv.Atoi(parts[3])
	return Mark{Config: parts[1], Key: parts[2], Version: version, Hash: parts[4], Single: parts[5] != ""}, err == nil
}

// String is the mark as the copy carries it.
func (m Mark) String() string {
	s := fmt.Sprintf("%s/%s/%d", m.Config, m.Key, m.Version)
	if m.Hash == "" {
		return s
	}
	s += "/" + m.Hash
	if m.Single {
		s += "/single"
	}
	return s
}

// Mark is the mark of the entry's copy. The draft of an entry keeps the mark that its copy was written with.
func (e *Entry) Mark() string {
	return Mark{Config: e.Config, Key: KeyInMark(e.Key), Version: e.Version, Hash: HashInMark(e.SourceHash), Single: e.Single}.String()
}

// KeyInMark is the form of a source key in marks: the key itself, or its hash where it is too long for one. No two keys have the same.
func KeyInMark(key string) string { return part(key) }

// HashInMark is the form of a content hash in marks: its first 32 hexadecimal digits; empty for what is no such hash.
func HashInMark(hash string) string {
	digits := strings.TrimPrefix(hash, "sha256:")
	if sum, err := hex.DecodeString(digits); err != nil || len(sum) != 32 {
		return ""
	}
	return digits[:32]
}
