package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Span is a half-open interval of instants.
type Span struct{ From, To time.Time }

// Link is what a run adds to the chain. Its JSON is what is hashed, and what proofs show.
type Link struct {
	Seq     int       `json:"seq"` // from 1
	Run     string    `json:"run"`
	Time    time.Time `json:"time"`    // UTC
	Entries int       `json:"entries"` // that it seals
	Root    string    `json:"root"`    // of the Merkle tree over their leaves, hex; see Leaf
	// RunDigest is that of the run as it ended, its window and sums included; empty: others sealed what the run had left open.
	RunDigest string `json:"run_digest,omitempty"`
	// Sheet is the hash of a timesheet that the link locks, as in "sha256:9f2c..."; Run is its id then. Empty: the link is a run's.
	Sheet string `json:"sheet,omitempty"`
	// Audit is where the user's audit log was when the run began.
	Audit AuditHead `json:"audit,omitzero"`
	// Longest, Through and Total are what the head has of them; see Head.
	Longest time.Duration `json:"longest"`
	Through calendar.Date `json:"through,omitzero"`
	Total   int           `json:"total"`
	Prev    string        `json:"prev"` // hash of the link before, "" for the first
}

// AuditHead is the end of a user's audit log.
type AuditHead struct {
	Seq  int    `json:"seq"`
	Hash string `json:"hash"`
}

// linkText is what is hashed of a link.
func linkText(raw []byte) []byte { return append([]byte("ledger-link/2\n"), raw...) }

// LinkHash returns the hash of a link, hex, from its JSON: it covers all of the link, and by Prev all links before.
func LinkHash(raw []byte) string {
	sum := sha256.Sum256(linkText(raw))
	return hex.EncodeToString(sum[:])
}

// LinkLeaf returns the hash of a link in the tree over the links, from its JSON.
func LinkLeaf(raw []byte) tlog.Hash { return tlog.RecordHash(linkText(raw)) }

// leaf is a sealed entry: where it is and its hash.
type leaf struct {
	SK   string `json:"sk"`
	Hash string `json:"hash"`
}

// leavesPerPart keeps an item of leaves far below the largest size, with the longest sort keys.
const leavesPerPart = 700

// part of a link as it is stored; the first one has the link itself.
type linkPart struct {
	Link   json.RawMessage `json:"link,omitempty"`
	Leaves []leaf          `json:"leaves"`
}

// Ending is what a link says besides the entries that it seals.
type Ending struct {
	Run       string
	RunDigest string
	Sheet     string // see Link
	Audit     AuditHead
	Time      time.Time
}

// Sealing is a link that is ready to be added to the chain.
type Sealing struct {
	config string
	head   Head // as it will be
	items  []store.Item
}

// Seq returns the number that the link will have.
func (s *Sealing) Seq() int { return s.head.Seq }

// Hash returns the hash that the link will have.
func (s *Sealing) Hash() string { return s.head.Hash }

// Checkpoint is the signed note of the chain as it will be.
func (s *Sealing) Checkpoint() string { return s.head.Checkpoint }

// Prepare makes the link over the entries that the open run wrote, in any order, to follow head. What is sealed is each entry as it was
// last written or read.
func (l *Ledger) Prepare(ctx context.Context, config string, head Head, ending Ending, entries []*Entry) (*Sealing, error) {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b *Entry) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	leaves := make([]leaf, len(sorted))
	hashes := make([]tlog.Hash, len(sorted))
	for i, e := range sorted {
		if e.State == Intended {
			return nil, fault.New(fault.Internal, "entry %s is to be sealed while it is unknown whether it was written", e.sortKey())
		}
		if e.stored == 0 {
			return nil, fault.New(fault.Internal, "entry %s is to be sealed and was never written", e.sortKey())
		}
		if head.open[e.sortKey()] != e.leaf {
			return nil, fault.New(fault.Internal, "entry %s is to be sealed and is not the open run's", e.sortKey())
		}
		hashes[i] = e.leaf
		leaves[i] = leaf{SK: e.sortKey(), Hash: hex.EncodeToString(e.leaf[:])}
		head.Longest = max(head.Longest, e.Appointment.Duration())
	}
	if len(sorted) != len(head.open) || head.Open != "" && head.Open != ending.Run {
		return nil, fault.New(fault.Internal, "%d entries of run %s are to be sealed while %d of %s are open", len(sorted), ending.Run, len(head.open), head.Open)
	}
	root := newTree(hashes...).root()
	link := Link{
		Seq: head.Seq + 1, Run: ending.Run, Time: ending.Time.UTC(), Entries: len(leaves), Root: hex.EncodeToString(root[:]), RunDigest: ending.RunDigest,
		Sheet: ending.Sheet, Audit: ending.Audit, Longest: head.Longest, Through: head.Through, Total: head.Entries, Prev: head.Hash,
	}
	raw := mustJSON(link)
	links, err := grown(head.Seq, head.Tree)
	if err != nil {
		return nil, damaged("the head is unreadable")
	}
	links.add(LinkLeaf(raw))
	head.Seq, head.Hash, head.Tree = link.Seq, LinkHash(raw), links.frontier()
	head.Open, head.OpenFrom, head.OpenTo, head.OpenDigest, head.open = "", time.Time{}, time.Time{}, "", nil
	head.Checkpoint, err = l.signer.Sign(ctx, Checkpoint{Origin: Origin(config), Size: head.Seq, Root: links.root()}.Text())
	if err != nil {
		return nil, fmt.Errorf("sign the head of the ledger: %w", err)
	}

	s := &Sealing{config: config, head: head}
	for n := 0; n == 0 || len(leaves) > 0; n++ {
		p := linkPart{Leaves: leaves[:min(leavesPerPart, len(leaves))]}
		if n == 0 {
			p.Link = raw
		}
		leaves = leaves[len(p.Leaves):]
		s.items = append(s.items, store.Item{Key: store.Key{PK: partition(config), SK: fmt.Sprintf(linkForm, link.Seq, head.Hash, n)}, Data: mustJSON(p)})
	}
	return s, nil
}

// Seal adds the link to the chain, together with the caller's own operations, and brings head up to date. A store.ErrConflict means
// that somebody else moved the chain on.
func (l *Ledger) Seal(ctx context.Context, head *Head, s *Sealing, own ...store.Op) error {
	put, err := l.put(ctx, s.config, &s.head)
	if err != nil {
		return err
	}
	ops := append(slices.Clone(own), put)
	if len(s.items) == 1 {
		ops = append(ops, store.Op{Put: &s.items[0]})
	} else if err := l.table.BatchPut(ctx, s.items); err != nil { // nothing refers to them until the head does
		return fmt.Errorf("write the chain: %w", err)
	}
	if err := l.table.Transact(ctx, ops); err != nil {
		return fmt.Errorf("seal the ledger: %w", err)
	}
	*head = s.head
	head.stored++
	return nil
}

const (
	chainPrefix = "CHAIN#"
	afterChain  = "CHAIN$" // the first sort key after those of the chain
)

// linkForm is the sort key of a part of a link.
const linkForm = chainPrefix + "%08d#%s#%04d"

func linkPart0(seq int, hash string) string { return fmt.Sprintf(linkForm, seq, hash, 0) }

func linkPrefix(seq int, hash string) string { return strings.TrimSuffix(linkPart0(seq, hash), "0000") }

// chainLink is a link with its leaves.
type chainLink struct {
	Link
	raw    []byte // its JSON
	leaves []sealedLeaf
}

// sealedLeaf is a leaf that was read.
type sealedLeaf struct {
	SK   string
	hash tlog.Hash
}

// eachPage runs a query page by page.
func (l *Ledger) eachPage(ctx context.Context, q store.Query, look func([]store.Item) error) error {
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return fmt.Errorf("read the ledger: %w", err)
		}
		if err := look(page.Items); err != nil {
			return err
		}
		if page.Next == "" {
			return nil
		}
		q.Cursor = page.Next
	}
}

// links returns the chain from its first link on, as far back from the head as it holds. Where it does not, broken says what is wrong. stored is
// how many items there are, those of links that were prepared and never added too. same may return a text like the one that it is given, of which
// there is one already.
func (l *Ledger) links(ctx context.Context, config string, head Head, same func(sk string) string) (chain []chainLink, stored int, broken *Misfit, err error) {
	parts := map[string][]store.Item{} // by linkPrefix
	err = l.eachPage(ctx, store.Query{PK: partition(config), Prefix: chainPrefix}, func(items []store.Item) error {
		stored += len(items)
		for _, item := range items {
			prefix := item.SK[:strings.LastIndexByte(item.SK, '#')+1]
			parts[prefix] = append(parts[prefix], item)
		}
		return nil
	})
	if err != nil {
		return nil, 0, nil, err
	}
	hash := head.Hash
	for seq := head.Seq; seq > 0; seq-- {
		prefix := linkPrefix(seq, hash)
		k, problem := readLink(parts[prefix], seq, hash, same)
		delete(parts, prefix)
		if problem != "" {
			broken = &Misfit{Seq: seq, Run: k.Run, Problem: problem}
			break
		}
		chain = append(chain, k)
		hash = k.Prev
	}
	if broken == nil && hash != "" {
		broken = &Misfit{Seq: 1, Problem: "the first link follows another"}
	}
	slices.Reverse(chain)
	return chain, stored, broken, nil
}

// link returns one link; problem says what is wrong with it.
func (l *Ledger) link(ctx context.Context, config string, seq int, hash string) (k chainLink, problem string, err error) {
	items, err := store.All(ctx, l.table, store.Query{PK: partition(config), Prefix: linkPrefix(seq, hash)})
	if err != nil {
		return k, "", fmt.Errorf("read the chain: %w", err)
	}
	k, problem = readLink(items, seq, hash, itself)
	return k, problem, nil
}

func itself(sk string) string { return sk }

// readLink reads a link from its parts.
func readLink(items []store.Item, seq int, hash string, same func(sk string) string) (k chainLink, problem string) {
	if len(items) == 0 {
		return k, "the link is missing"
	}
	bad := false
	for i, item := range items {
		var p linkPart
		if err := json.Unmarshal(item.Data, &p); err != nil || (len(p.Link) > 0) != (i == 0) {
			return k, "the link is unreadable"
		}
		if len(p.Link) > 0 {
			k.raw = p.Link
		}
		for _, lf := range p.Leaves {
			hash, err := hex.DecodeString(lf.Hash)
			if err != nil || len(hash) != tlog.HashSize {
				bad = true
				continue
			}
			k.leaves = append(k.leaves, sealedLeaf{SK: same(lf.SK), hash: tlog.Hash(hash)})
		}
	}
	if err := json.Unmarshal(k.raw, &k.Link); err != nil || bad {
		return k, "the link is unreadable"
	}
	root := newTree(k.hashes()...).root()
	switch {
	case LinkHash(k.raw) != hash || k.Seq != seq:
		return k, "the link is not what the one after it covers"
	case hex.EncodeToString(root[:]) != k.Root || len(k.leaves) != k.Entries:
		return k, "the link's entries are not those that its root covers"
	}
	return k, ""
}

// hashes of the leaves.
func (k *chainLink) hashes() []tlog.Hash {
	hashes := make([]tlog.Hash, len(k.leaves))
	for i, lf := range k.leaves {
		hashes[i] = lf.hash
	}
	return hashes
}
