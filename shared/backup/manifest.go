package backup

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/strictjson"
)

// manifestName is the name of the object that makes a backup one. It is written last.
const manifestName = "manifest.json"

// maxManifest is the largest size of a manifest in bytes; real ones have two thousand.
const maxManifest = 64 << 10

// Manifest says what a backup holds, so that its files can be proven.
type Manifest struct {
	Format   string    `json:"format"`
	Version  int       `json:"version"`
	ID       string    `json:"id"` // of the backup, and of the run that made it
	Job      string    `json:"job,omitempty"`
	Software string    `json:"software"` // version of what made it
	Made     time.Time `json:"made"`
	Calendar Calendar  `json:"calendar"`
	Window   *Window   `json:"window,omitempty"` // nil: all there is
	Counts   Counts    `json:"counts"`
	// Unread are the minutes in which events start that the provider could not give out: they are in none of the files.
	Unread []time.Time `json:"unread,omitempty"`
	// Content is the same for the same events in whatever order the provider returns them; see docs/backup-format.md.
	Content string `json:"content"`
	Files   []File `json:"files"` // one of each of Formats
	// LedgerHead is the signed head of the config's ledger when the backup was made; empty: it has none, or the backup is of no config.
	LedgerHead string `json:"ledger_head,omitempty"`
}

// encode returns the manifest as it is stored, and its digest: a SHA-256, in hex.
func (m *Manifest) encode() (data []byte, digest string, err error) {
	if data, err = json.MarshalIndent(m, "", "  "); err != nil {
		return nil, "", fmt.Errorf("write the manifest: %w", err)
	}
	return data, digestOf(data), nil
}

func digestOf(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return hex.EncodeToString(sum[:])
}

// File is one file of a backup.
type File struct {
	Name       string `json:"name"`
	Format     Format `json:"format"`
	Size       Size   `json:"raw"`
	Compressed Size   `json:"compressed"`
	LeftOut    int    `json:"left_out,omitempty"` // events that the format cannot hold; the JSONL file has them all
}

// Size is how long something is, and the proof that it is unchanged.
type Size struct {
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"` // in hex
}

// ParseManifest reads a manifest. Errors are of kind fault.Invalid and name the field.
func ParseManifest(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxManifest+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifest {
		return nil, fault.New(fault.Invalid, "a manifest has at most %d bytes", maxManifest)
	}
	m := &Manifest{}
	if err := strictjson.Unmarshal(data, m); err != nil {
		return nil, err
	}
	return m, m.check()
}

func (m *Manifest) check() error {
	if err := checkFormat(m.Format, m.Version, manifestVersion); err != nil {
		return err
	}
	c := m.Counts
	switch {
	case m.ID == "":
		return fault.Field("id", "is missing")
	case m.Made.IsZero():
		return fault.Field("made", "is missing")
	case c.Singles < 0 || c.Series < 0 || c.Exceptions < 0 || c.Events != c.Singles+c.Series+c.Exceptions:
		return fault.Field("counts", "do not add up")
	case len(m.Files) != len(Formats):
		return fault.Field("files", "are %d, not %d", len(m.Files), len(Formats))
	}
	for _, format := range Formats {
		f := m.File(format)
		switch {
		case f == nil || f.Name != fileNames[format]:
			return fault.Field("files", "have no %s", fileNames[format])
		case f.Size.Bytes < 0 || f.Compressed.Bytes < 0 || f.LeftOut < 0:
			return fault.Field("files", "have a size of %s that cannot be", f.Name)
		}
	}
	return nil
}

// File returns the file of a format, nil if there is none.
func (m *Manifest) File(f Format) *File {
	i := slices.IndexFunc(m.Files, func(file File) bool { return file.Format == f })
	if i < 0 {
		return nil
	}
	return &m.Files[i]
}

// bytes returns how much room the files take.
func (m *Manifest) bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Compressed.Bytes
	}
	return n
}
