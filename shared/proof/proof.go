package proof

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
	"adminassistant/shared/signing"
	"adminassistant/shared/store"
)

// FormatName is what a proof says that it is.
const FormatName = "admin-assistant-proof/1"

// Proof is a proof: entries of a ledger, and that they are in the chain of which the head is signed. docs/proof-format.md describes it.
type Proof struct {
	Format string       `json:"format"`
	Origin string       `json:"origin"` // of the ledger
	Key    string       `json:"key"`    // the public key of who signed the head, as a note's verifier key
	Head   string       `json:"head"`   // signed note
	Links  []ProvenLink `json:"links" nullable:"false"`
	// Entries are in the order of their start and key.
	Entries []ProvenEntry `json:"entries" nullable:"false"`
}

// ProvenLink is a link of the chain, and that it is in it.
type ProvenLink struct {
	Link json.RawMessage `json:"link"`
	Path []string        `json:"path" nullable:"false"` // hashes in base64, as RFC 6962 has an audit path
}

// ProvenEntry is an entry, and that it is in its link.
type ProvenEntry struct {
	Seq   int   `json:"seq"`   // of its link
	Index int64 `json:"index"` // in the link, from 0
	// Facts are what the entry says, and Stored is the SHA-256, in hex, of all that the ledger has of it. Of a private entry there is Leaf alone.
	Facts  json.RawMessage `json:"facts,omitempty"`
	Stored string          `json:"stored,omitempty"`
	Leaf   string          `json:"leaf,omitempty"` // hex
	Path   []string        `json:"path" nullable:"false"`
}

// Prove returns the proof of entries of a config's ledger, in any order. Those that are not sealed yet are left out, and counted. A ledger that is
// not what was written is ledger.ErrDamaged.
func Prove(ctx context.Context, l *ledger.Ledger, key *signing.Key, config string, entries []ledger.Entry) (doc *Proof, unsealed int, err error) {
	chain, err := l.Chain(ctx, config)
	if err != nil {
		return nil, 0, err
	}
	return prove(chain, key, config, entries, nil)
}

// ProveSheet is Prove with the link of a number, which locks the timesheet of a hash. Where it does not, the error is of kind fault.NotFound.
func ProveSheet(
	ctx context.Context, l *ledger.Ledger, key *signing.Key, config, sheet string, link int, entries []ledger.Entry,
) (doc *Proof, unsealed int, err error) {
	chain, err := l.Chain(ctx, config)
	if err != nil {
		return nil, 0, err
	}
	if !chain.Locks(link, sheet) {
		return nil, 0, fault.New(fault.NotFound, "link %d of the ledger does not lock the timesheet %s", link, sheet)
	}
	return prove(chain, key, config, entries, map[int]bool{link: true})
}

// prove proves entries and the links that are named.
func prove(chain *ledger.Chain, key *signing.Key, config string, entries []ledger.Entry, linked map[int]bool) (doc *Proof, unsealed int, err error) {
	if linked == nil {
		linked = map[int]bool{}
	}
	doc = &Proof{
		Format: FormatName, Origin: ledger.Origin(config), Key: key.Public(), Head: chain.Head.Checkpoint, Links: []ProvenLink{}, Entries: []ProvenEntry{},
	}
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b ledger.Entry) int {
		if c := a.Appointment.Start.Compare(b.Appointment.Start); c != 0 {
			return c
		}
		if c := strings.Compare(a.Key, b.Key); c != 0 {
			return c
		}
		return a.Version - b.Version
	})
	for i := range entries {
		e := &entries[i]
		at, ok := chain.Prove(e)
		if !ok {
			unsealed++
			continue
		}
		facts := e.Facts()
		p := ProvenEntry{Seq: at.Seq, Index: at.Index, Path: encode(at.Path)}
		data := facts.JSON()
		if facts.Private() {
			leaf := ledger.Leaf(data, at.Sum)
			p.Leaf = hex.EncodeToString(leaf[:])
		} else {
			p.Facts, p.Stored = data, hex.EncodeToString(at.Sum[:])
		}
		doc.Entries = append(doc.Entries, p)
		linked[at.Seq] = true
	}
	seqs := make([]int, 0, len(linked))
	for seq := range linked {
		seqs = append(seqs, seq)
	}
	slices.Sort(seqs)
	for _, seq := range seqs {
		raw, path, err := chain.ProveLink(seq)
		if err != nil {
			return nil, 0, fmt.Errorf("prove link %d: %w", seq, err)
		}
		doc.Links = append(doc.Links, ProvenLink{Link: raw, Path: encode(path)})
	}
	return doc, unsealed, nil
}

func encode(path []tlog.Hash) []string {
	out := make([]string, len(path))
	for i := range path {
		out[i] = base64.StdEncoding.EncodeToString(path[i][:])
	}
	return out
}

func decode(path []string) (tlog.RecordProof, error) {
	out := make(tlog.RecordProof, len(path))
	for i, text := range path {
		raw, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(raw) != tlog.HashSize {
			return nil, fmt.Errorf("a hash is no SHA-256 in base64: %.60q", text)
		}
		copy(out[i][:], raw)
	}
	return out, nil
}

const (
	// MaxSize is the largest proof in bytes.
	MaxSize = 64 << 20
	// maxPath is the longest path: a tree has at most so many levels.
	maxPath = 64
)

// Parse reads a proof. Errors are of kind fault.Invalid and name the field.
func Parse(r io.Reader) (*Proof, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxSize {
		return nil, fault.New(fault.Invalid, "a proof has at most %d MB", MaxSize>>20)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	doc := &Proof{}
	if err := d.Decode(doc); err != nil {
		return nil, fault.New(fault.Invalid, "this is no proof as \"ledger prove\" and \"ledger stamp\" write it")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fault.New(fault.Invalid, "something follows the proof")
	}
	if doc.Format != FormatName {
		return nil, fault.Field("format", "is %.40q, not %q", doc.Format, FormatName)
	}
	return doc, nil
}

// Checked is what a proof proves.
type Checked struct {
	Origin string // of the ledger
	Signer string // name and hash of the key that signed the head
	Links  int    // in the chain when the head was signed
	Facts  []ledger.Facts
	// Sheets are the hashes of the timesheets that links of the proof lock, by the numbers of the links.
	Sheets map[int]string
	// Private is how many entries are proven of which the proof shows no more.
	Private int
	// From and To are when the first and the last of the links were added that seal these entries; zero where there are none.
	From, To time.Time
}

// Check checks a proof by itself, with no account and no network. key is the public key that the reader trusts; empty: that of the proof, which
// proves that whoever has that key signed it. Errors are of kind fault.Invalid and say what does not fit.
func (d *Proof) Check(key string) (*Checked, error) {
	if key == "" {
		key = d.Key
	} else if key != d.Key {
		return nil, fault.Field("key", "is not the one that you trust: the proof was signed by %.80q", d.Key)
	}
	text, err := signing.OpenWith(key, d.Head)
	if err != nil {
		return nil, fault.Field("head", "%w", err)
	}
	head, err := ledger.ParseCheckpoint(text)
	if err != nil {
		return nil, fault.Field("head", "%w", err)
	}
	config, ok := strings.CutPrefix(d.Origin, ledger.Origin(""))
	if head.Origin != d.Origin || !ok {
		return nil, fault.Field("origin", "is %.80q, and the head's is %.80q", d.Origin, head.Origin)
	}
	name, _, _ := strings.Cut(key, "+")
	checked := &Checked{Origin: d.Origin, Signer: name, Links: head.Size}
	links := map[int]ledger.Link{}
	for i, l := range d.Links {
		link, err := l.check(head)
		if err != nil {
			return nil, fault.Field(fmt.Sprintf("links[%d]", i), "%w", err)
		}
		links[link.Seq] = link
		if link.Sheet != "" {
			if checked.Sheets == nil {
				checked.Sheets = map[int]string{}
			}
			checked.Sheets[link.Seq] = link.Sheet
		}
	}
	used := map[string]bool{}
	for i := range d.Entries {
		e, field := &d.Entries[i], fmt.Sprintf("entries[%d]", i)
		link, ok := links[e.Seq]
		if !ok {
			return nil, fault.Field(field, "is of link %d, which the proof does not have", e.Seq)
		}
		place := fmt.Sprintf("%d/%d", e.Seq, e.Index)
		if used[place] {
			return nil, fault.Field(field, "is there twice")
		}
		used[place] = true
		facts, err := e.check(link)
		if err != nil {
			return nil, fault.Field(field, "%w", err)
		}
		switch {
		case facts == nil:
			checked.Private++
		case facts.Config != config:
			return nil, fault.Field(field, "is of ledger %.80q", facts.Config)
		default:
			checked.Facts = append(checked.Facts, *facts)
		}
		if checked.From.IsZero() || link.Time.Before(checked.From) {
			checked.From = link.Time
		}
		if link.Time.After(checked.To) {
			checked.To = link.Time
		}
	}
	return checked, nil
}

// check says whether a link is in the chain.
func (l *ProvenLink) check(head ledger.Checkpoint) (link ledger.Link, err error) {
	raw, err := canonical(l.Link, &link)
	if err != nil {
		return link, err
	}
	path, err := decode(l.Path)
	if err != nil {
		return link, err
	}
	if link.Seq < 1 || link.Seq > head.Size || len(path) > maxPath {
		return link, fmt.Errorf("is number %d of %d", link.Seq, head.Size)
	}
	if tlog.CheckRecord(path, int64(head.Size), head.Root, int64(link.Seq-1), ledger.LinkLeaf(raw)) != nil {
		return link, fmt.Errorf("is not in the chain of the head: link %d is another one, or its path is wrong", link.Seq)
	}
	return link, nil
}

// check says whether an entry is in its link, and returns its facts; nil: it is private.
func (e *ProvenEntry) check(link ledger.Link) (*ledger.Facts, error) {
	path, err := decode(e.Path)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(link.Root)
	if err != nil || len(raw) != tlog.HashSize {
		return nil, fmt.Errorf("is of a link without a root")
	}
	if e.Index < 0 || e.Index >= int64(link.Entries) || len(path) > maxPath {
		return nil, fmt.Errorf("is number %d of %d in its link", e.Index+1, link.Entries)
	}
	leaf, facts, err := e.leaf()
	if err != nil {
		return nil, err
	}
	if tlog.CheckRecord(path, int64(link.Entries), tlog.Hash(raw), e.Index, leaf) != nil {
		return nil, fmt.Errorf("is not what link %d seals", link.Seq)
	}
	return facts, nil
}

func (e *ProvenEntry) leaf() (leaf tlog.Hash, facts *ledger.Facts, err error) {
	if e.Leaf != "" {
		raw, err := hex.DecodeString(e.Leaf)
		if err != nil || len(raw) != tlog.HashSize || len(e.Facts) > 0 || e.Stored != "" {
			return leaf, nil, fmt.Errorf("has a leaf that is no SHA-256 in hex, or more than a leaf")
		}
		return tlog.Hash(raw), nil, nil
	}
	stored, err := hex.DecodeString(e.Stored)
	if err != nil || len(stored) != 32 {
		return leaf, nil, fmt.Errorf("has neither a leaf nor what is stored of it")
	}
	facts = &ledger.Facts{}
	data, err := canonical(e.Facts, facts)
	if err != nil {
		return leaf, nil, err
	}
	return ledger.Leaf(data, [32]byte(stored)), facts, nil
}

// canonical reads JSON into v and returns it as the ledger hashes it, whatever program wrote the file anew.
func canonical(raw []byte, v any) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return nil, fmt.Errorf("cannot be read here: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return store.Unknown{}.Encode(v)
}
