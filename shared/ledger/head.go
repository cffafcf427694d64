package ledger

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Signer signs what this installation vouches for. A signed note is text, an empty line and signatures, as golang.org/x/mod/sumdb/note has it.
type Signer interface {
	// Sign returns the signed note of a text, which ends with a newline.
	Sign(ctx context.Context, text string) (signed string, err error)
	// Open returns the text of a signed note. One that this installation did not sign is of kind fault.Malformed.
	Open(ctx context.Context, signed string) (text string, err error)
}

// ErrDamaged means that a ledger is not what was written, so that nothing may be added to it. It is of kind fault.Malformed.
var ErrDamaged = fault.New(fault.Malformed, "the ledger is not what was written")

// damaged says what is wrong with a ledger.
func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrDamaged, fmt.Sprintf(format, args...))
}

// Head is the end of a config's chain.
type Head struct {
	Seq  int    `json:"seq"`  // number of links
	Hash string `json:"hash"` // of the newest link
	Open string `json:"open"` // run with unsealed entries, or ""
	// OpenFrom and OpenTo bound the starts of the open run's entries, [from, to).
	OpenFrom time.Time `json:"open_from,omitzero"`
	OpenTo   time.Time `json:"open_to,omitzero"`
	// OpenDigest is that of the open run's entries, so that none of them changes, appears or disappears before they are sealed.
	OpenDigest string `json:"open_digest,omitempty"`
	// Through is the last day that a run archived.
	Through calendar.Date `json:"through,omitzero"`
	// Longest is the longest duration of an entry, so that a reading of some days knows how far back their entries may begin.
	Longest time.Duration `json:"longest"`
	// Entries is how many entries there are, the unsealed ones too.
	Entries int `json:"entries"`
	// Locks are the days on which nothing changes any more what is archived.
	Locks Locks `json:"locks,omitempty"`
	// Tree has the roots of the complete subtrees of the tree over the links, from the left; see frontier.
	Tree []string `json:"tree,omitempty"`
	// Checkpoint is the signed note of the newest link; see Checkpoint.
	Checkpoint string `json:"checkpoint,omitempty"`

	stored  int64
	unknown store.Unknown
	open    map[string]tlog.Hash // the open run's entries by sort key; nil: not read
	data    []byte               // as it was read
}

// HeadKey is where the end of the config's chain is kept.
func HeadKey(config string) store.Key { return store.Key{PK: partition(config), SK: headSK} }

// Head returns the end of the config's chain; a config that archived nothing has the zero Head. Whether it can be trusted is Check's to say.
func (l *Ledger) Head(ctx context.Context, config string) (Head, error) {
	found, err := l.table.GetMany(ctx, []store.Key{HeadKey(config)})
	if err != nil {
		return Head{}, fmt.Errorf("read the head of the ledger: %w", err)
	}
	return HeadOf(config, found)
}

// HeadOf returns the end of the config's chain from items that were just read, as Head does.
func HeadOf(config string, found []store.Item) (h Head, err error) {
	for _, item := range found {
		if item.Key != HeadKey(config) {
			continue
		}
		unknown, err := store.Decode(item.Data, &h)
		if err != nil {
			return Head{}, fault.New(fault.Malformed, "the head of ledger %s is unreadable: %v", config, err)
		}
		h.stored, h.unknown, h.data = item.Version, unknown, item.Data
	}
	return h, nil
}

// sealMember is the member of a stored head that holds the signature over the others.
const sealMember = "seal"

// members takes a head's document apart: its seal, and what the seal is over, which is the name of the ledger and all other members. Those that
// this program does not know belong to it too.
func members(config string, data []byte) (others map[string]json.RawMessage, text, seal string, err error) {
	if err := json.Unmarshal(data, &others); err != nil {
		return nil, "", "", err
	}
	if raw, ok := others[sealMember]; ok {
		if err := json.Unmarshal(raw, &seal); err != nil {
			return nil, "", "", err
		}
	}
	delete(others, sealMember)
	return others, "ledger-head/1\n" + config + "\n" + string(mustJSON(others)) + "\n", seal, nil
}

// put is the operation that stores the head, sealed.
func (l *Ledger) put(ctx context.Context, config string, h *Head) (store.Op, error) {
	all, text, _, err := members(config, encode(h.unknown, h))
	if err != nil {
		return store.Op{}, fmt.Errorf("seal the head of the ledger: %w", err)
	}
	signed, err := l.signer.Sign(ctx, text)
	if err != nil {
		return store.Op{}, fmt.Errorf("seal the head of the ledger: %w", err)
	}
	all[sealMember] = mustJSON(strings.TrimPrefix(signed, text))
	return store.Op{Put: &store.Item{Key: HeadKey(config), Data: mustJSON(all)}, If: h.asRead()}, nil
}

// asRead is the condition that the head is stored as it was read.
func (h *Head) asRead() store.Condition {
	if h.stored == 0 {
		return store.Absent()
	}
	return store.VersionIs(h.stored)
}

// Unchanged is an operation that fails with store.ErrConflict if anything happened to the config's ledger since the head was read: a run began or ended, or
// days were locked.
func (h *Head) Unchanged(config string) store.Op {
	head := HeadKey(config)
	return store.Op{Check: &head, If: h.asRead()}
}

// Origin is the name of a config's chain in checkpoints.
func Origin(config string) string { return "admin-assistant/ledger/" + config }

// Checkpoint is what a signed note says of a chain, in the form of C2SP's tlog-checkpoint: origin, number of links, root of the tree over them.
type Checkpoint struct {
	Origin string
	Size   int
	Root   tlog.Hash
}

// Text is the text of the note.
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
}

// ParseCheckpoint reads the text of a note. Errors are of kind fault.Invalid.
func ParseCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" {
		return c, fault.New(fault.Invalid, "this is no checkpoint: it has an origin, a size and a root, a line each")
	}
	c.Origin = lines[0]
	if _, err := fmt.Sscanf(lines[1], "%d", &c.Size); err != nil || c.Size < 0 || fmt.Sprint(c.Size) != lines[1] {
		return c, fault.New(fault.Invalid, "the size of the checkpoint is no number: %.40q", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return c, fault.New(fault.Invalid, "the root of the checkpoint is no SHA-256 in base64: %.60q", lines[2])
	}
	copy(c.Root[:], root)
	return c, nil
}

// LinkKey is where the newest link is, or the first part of a large one; none while there is no link.
func (h *Head) LinkKey(config string) []store.Key {
	if h.Seq == 0 {
		return nil
	}
	return []store.Key{{PK: partition(config), SK: linkPart0(h.Seq, h.Hash)}}
}

// Check returns nil if the head is what was signed and its newest link is there as it was sealed, else ErrDamaged with what is wrong. It costs
// one request to the store, or none when the link is among items that were just read; see LinkKey. Whoever goes on to write must have asked.
func (l *Ledger) Check(ctx context.Context, config string, h *Head, found ...store.Item) error {
	if h.stored == 0 {
		page, err := l.table.Query(ctx, store.Query{PK: partition(config), Limit: 1})
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if len(page.Items) > 0 {
			return damaged("it has entries and no head")
		}
		return nil
	}
	if problem, err := l.unlike(ctx, config, h); err != nil || problem != "" {
		return errors.Join(err, damagedIf(problem))
	}
	if h.Seq == 0 {
		return nil
	}
	newest := h.LinkKey(config)[0]
	found = slices.DeleteFunc(slices.Clone(found), func(item store.Item) bool { return item.Key != newest })
	k, problem := readLink(found, h.Seq, h.Hash, itself)
	if problem != "" { // it was not read, or it has more parts
		var err error
		if k, problem, err = l.link(ctx, config, h.Seq, h.Hash); err != nil {
			return err
		}
	}
	if problem == "" {
		problem = k.unlike(h)
	}
	return damagedIf(problem)
}

func damagedIf(problem string) error {
	if problem == "" {
		return nil
	}
	return damaged("%s", problem)
}

// unlike says in what a stored head is not what was signed; empty: in nothing.
func (l *Ledger) unlike(ctx context.Context, config string, h *Head) (problem string, err error) {
	_, text, seal, err := members(config, h.data)
	if err != nil {
		return "the head is unreadable", nil
	}
	switch opened, err := l.signer.Open(ctx, text+seal); {
	case fault.Of(err) == fault.Malformed:
		return "the head is not what was signed", nil
	case err != nil:
		return "", fmt.Errorf("check the head of the ledger: %w", err)
	case opened != text:
		return "the head is not what was signed", nil
	}
	if h.Seq == 0 {
		return "", nil
	}
	root, err := rootOf(h.Seq, h.Tree)
	if err != nil {
		return "the head is unreadable", nil
	}
	opened, err := l.signer.Open(ctx, h.Checkpoint)
	if err != nil && fault.Of(err) != fault.Malformed {
		return "", fmt.Errorf("check the head of the ledger: %w", err)
	}
	if err != nil || opened != (Checkpoint{Origin(config), h.Seq, root}).Text() {
		return "the head's checkpoint is not that of its links", nil
	}
	return "", nil
}

// unlike says in what a head differs from its newest link; empty: in nothing.
func (k *chainLink) unlike(h *Head) string {
	unsealed := len(h.open)
	switch {
	case k.Longest != h.Longest, k.Through != h.Through:
		return "the head's longest entry or last day is not that of the newest link"
	case h.Open == "" && k.Total != h.Entries, h.Open != "" && k.Total+unsealed > h.Entries:
		return "the head counts other entries than the newest link"
	}
	return ""
}

// digest of the open run's entries: over their leaf hashes, whatever their order.
func digest(open map[string]tlog.Hash) string {
	if len(open) == 0 {
		return ""
	}
	hashes := slices.SortedFunc(maps.Values(open), func(a, b tlog.Hash) int { return bytes.Compare(a[:], b[:]) })
	all := sha256.New()
	all.Write([]byte("ledger-open/1\n"))
	for i := range hashes {
		all.Write(hashes[i][:])
	}
	return hex.EncodeToString(all.Sum(nil))
}

// Unsealed returns the entries of the open run, and remembers them in head, for whoever goes on with the run or seals it. Entries that are not
// those that were written are ErrDamaged.
func (l *Ledger) Unsealed(ctx context.Context, config string, h *Head) ([]*Entry, error) {
	if h.Open == "" {
		h.open = nil
		return nil, nil
	}
	entries, err := l.Range(ctx, config, h.OpenFrom, h.OpenTo)
	if err != nil {
		return nil, err
	}
	var unsealed []*Entry
	open := map[string]tlog.Hash{}
	for i := range entries {
		if e := &entries[i]; e.Run == h.Open && e.Seal == h.Seq+1 {
			unsealed = append(unsealed, e)
			open[e.sortKey()] = e.leaf
		}
	}
	if digest(open) != h.OpenDigest {
		return nil, damaged("the entries of run %s, which are not sealed yet, are not those that it wrote", h.Open)
	}
	h.open = open
	return unsealed, nil
}
