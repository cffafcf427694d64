package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/blob"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Span is a half-open interval of instants.
type Span struct{ From, To time.Time }

// Link is what a run adds to the chain.
type Link struct {
	Seq     int       `json:"seq"` // from 1
	Run     string    `json:"run"`
	Time    time.Time `json:"time"` // UTC
	Entries int       `json:"entries"`
	Root    string    `json:"root"` // of the Merkle tree over the entries, hex
	Prev    string    `json:"prev"` // hash of the link before, "" for the first
}

// Hash returns the link's hash, hex: it covers all of the link, and by Prev all links before.
func (k Link) Hash() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "ledger-link/1\n%d\n%s\n%s\n%d\n%s\n%s", k.Seq, k.Run, k.Time.UTC().Format(time.RFC3339Nano), k.Entries, k.Root, k.Prev))
	return hex.EncodeToString(sum[:])
}

// leaf is a sealed entry: where it is and its hash.
type leaf struct {
	SK   string `json:"sk"`
	Hash string `json:"hash"`
}

// leavesPerPart keeps an item of leaves far below the largest size, with the longest sort keys.
const leavesPerPart = 700

// part of a link as it is stored; the first one has the link itself.
type linkPart struct {
	Link   *Link  `json:"link,omitempty"`
	Leaves []leaf `json:"leaves"`
}

// merkleRoot returns the root of the Merkle tree over leaf hashes as RFC 6962, section 2.1, builds it.
func merkleRoot(hashes [][sha256.Size]byte) [sha256.Size]byte {
	switch len(hashes) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return hashes[0]
	}
	k := 1
	for k*2 < len(hashes) {
		k *= 2
	}
	left, right := merkleRoot(hashes[:k]), merkleRoot(hashes[k:])
	return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
}

// leafHash returns the hash of an entry in the tree: over the bytes of its JSON form as they are stored.
func leafHash(stored []byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat([]byte{0}, stored))
}

// Sealing is a link that is ready to be added to the chain.
type Sealing struct {
	config string
	head   Head // as it will be
	items  []store.Item
}

// Hash returns the hash that the link will have.
func (s *Sealing) Hash() string { return s.head.Hash }

// Prepare makes the link over the entries that a run wrote, in any order, to follow head. What is sealed is each entry as it was
// last written or read.
func (l *Ledger) Prepare(config string, head Head, run string, at time.Time, entries []*Entry) (*Sealing, error) {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b *Entry) int { return strings.Compare(a.sortKey(), b.sortKey()) })
	leaves := make([]leaf, len(sorted))
	hashes := make([][sha256.Size]byte, len(sorted))
	for i, e := range sorted {
		if e.State == Intended {
			return nil, fault.New(fault.Internal, "entry %s is to be sealed while it is unknown whether it was written", e.sortKey())
		}
		if e.stored == 0 {
			return nil, fault.New(fault.Internal, "entry %s is to be sealed and was never written", e.sortKey())
		}
		hashes[i] = e.leaf
		leaves[i] = leaf{SK: e.sortKey(), Hash: hex.EncodeToString(hashes[i][:])}
		head.Longest = max(head.Longest, e.Appointment.Duration())
	}
	root := merkleRoot(hashes)
	link := Link{Seq: head.Seq + 1, Run: run, Time: at.UTC(), Entries: len(leaves), Root: hex.EncodeToString(root[:]), Prev: head.Hash}
	head.Seq, head.Hash, head.Open, head.OpenFrom, head.OpenTo = link.Seq, link.Hash(), "", time.Time{}, time.Time{}

	s := &Sealing{config: config, head: head}
	for n := 0; n == 0 || len(leaves) > 0; n++ {
		p := linkPart{Leaves: leaves[:min(leavesPerPart, len(leaves))]}
		if n == 0 {
			p.Link = &link
		}
		leaves = leaves[len(p.Leaves):]
		s.items = append(s.items, store.Item{Key: store.Key{PK: partition(config), SK: fmt.Sprintf("%s%04d", linkPrefix(link.Seq, head.Hash), n)}, Data: mustJSON(p)})
	}
	return s, nil
}

// Seal adds the link to the chain, together with the caller's own operations, and brings head up to date. A store.ErrConflict means
// that somebody else moved the chain on.
func (l *Ledger) Seal(ctx context.Context, head *Head, s *Sealing, own ...store.Op) error {
	ops := append(slices.Clone(own), s.head.put(s.config))
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

func linkPrefix(seq int, hash string) string { return fmt.Sprintf("CHAIN#%08d#%s#", seq, hash) }

// Misfit is an entry or a link that is not what was sealed.
type Misfit struct {
	Seq     int    `json:"seq,omitempty"` // of the link
	Run     string `json:"run,omitempty"`
	Entry   string `json:"entry,omitempty"` // "<start>#<key>#<version>"; empty when it is the link itself
	Problem string `json:"problem"`
}

// Report is the outcome of a verification.
type Report struct {
	OK      bool `json:"ok"`
	Links   int  `json:"links"`
	Entries int  `json:"entries"` // sealed ones
	Open    int  `json:"open"`    // entries of a run that has not ended yet
	// First is the first misfit in the order of the chain, nil when all is well.
	First   *Misfit `json:"first,omitempty"`
	Misfits int     `json:"misfits"`
	Head    string  `json:"head"` // hash of the newest link; whoever kept it can prove later that nothing before it changed
}

func (r *Report) misfit(m Misfit) {
	if r.Misfits++; r.First == nil {
		r.First = &m
	}
}

// verifyAttempts is how often Verify begins again when a run begins or ends meanwhile.
const verifyAttempts = 3

// Verify recomputes the chain from the newest link back, and every entry and body against it. It is of kind fault.Unavailable when
// runs went on to change the ledger meanwhile.
func (l *Ledger) Verify(ctx context.Context, config string) (Report, error) {
	for range verifyAttempts {
		head, err := l.Head(ctx, config)
		if err != nil {
			return Report{}, err
		}
		report, err := l.verify(ctx, config, head)
		if err != nil || report.OK {
			return report, err
		}
		if now, err := l.Head(ctx, config); err != nil || now.stored == head.stored {
			return report, err
		}
	}
	return Report{}, fault.New(fault.Unavailable, "runs are writing the ledger; verify it when they have ended")
}

func (l *Ledger) verify(ctx context.Context, config string, head Head) (Report, error) {
	report := Report{Links: head.Seq, Head: head.Hash}
	links, broken, err := l.links(ctx, config, head)
	if err != nil {
		return Report{}, err
	}
	if broken != nil {
		report.misfit(*broken)
	}
	entries, order, err := l.inspect(ctx, config)
	if err != nil {
		return Report{}, err
	}
	for _, k := range links {
		for _, lf := range k.leaves {
			found := entries[lf.SK]
			problem := "is missing"
			if found == nil || !found.sealed {
				report.Entries++
			}
			if found != nil {
				problem = found.problem
				if problem == "" && found.hash != lf.Hash {
					problem = "is not what was sealed"
				}
				found.sealed = true // maybe again: a run that went on although others had settled it seals its entries once more
			}
			if problem != "" {
				report.misfit(Misfit{Seq: k.Seq, Run: k.Run, Entry: lf.SK, Problem: problem})
			}
		}
	}
	for _, sk := range order {
		switch found := entries[sk]; {
		case found.sealed:
		case head.Open != "" && found.run == head.Open:
			report.Open++
		case broken == nil:
			report.misfit(Misfit{Run: found.run, Entry: sk, Problem: "was never sealed by a run"})
		}
	}
	report.OK = report.Misfits == 0
	return report, nil
}

// inspected is what Verify has to know of a stored entry.
type inspected struct {
	hash    string // of its leaf, hex
	run     string
	problem string // what is wrong with it, whatever was sealed
	sealed  bool
}

// inspect reads all entries of a config, page by page, and returns what there is by sort key, and the sort keys in order.
func (l *Ledger) inspect(ctx context.Context, config string) (entries map[string]*inspected, order []string, err error) {
	entries = map[string]*inspected{}
	q := store.Query{PK: partition(config), From: "0", To: ":"}
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("read the ledger: %w", err)
		}
		for _, item := range page.Items {
			found, err := l.inspectEntry(ctx, item)
			if err != nil {
				return nil, nil, err
			}
			entries[item.SK] = found
			order = append(order, item.SK)
		}
		if page.Next == "" {
			return entries, order, nil
		}
		q.Cursor = page.Next
	}
}

func (l *Ledger) inspectEntry(ctx context.Context, item store.Item) (*inspected, error) {
	sum := leafHash(item.Data)
	found := &inspected{hash: hex.EncodeToString(sum[:])}
	var e Entry
	if err := json.Unmarshal(item.Data, &e); err != nil {
		found.problem = "is unreadable"
		return found, nil
	}
	found.run = e.Run
	if e.key() != item.Key {
		found.problem = "is not what was sealed"
		return found, nil
	}
	for _, name := range slices.Sorted(maps.Keys(e.Blobs)) {
		_, err := l.body(ctx, e.Config, e.Blobs[name])
		switch kind := fault.Of(err); {
		case err == nil:
		case errors.Is(err, blob.ErrNotFound), kind == fault.Malformed, kind == fault.Invalid: // Invalid: a digest that is none
			found.problem = "has lost its " + name + " body"
			return found, nil
		default:
			return nil, err
		}
	}
	return found, nil
}

// chainLink is a link with its leaves.
type chainLink struct {
	Link
	leaves []leaf
}

// links returns the chain from its first link on, as far back from the head as it holds. Where it does not, broken says what is wrong.
func (l *Ledger) links(ctx context.Context, config string, head Head) (chain []chainLink, broken *Misfit, err error) {
	hash := head.Hash
	for seq := head.Seq; seq > 0; seq-- {
		k, problem, err := l.link(ctx, config, seq, hash)
		if err != nil {
			return nil, nil, err
		}
		if problem != "" {
			broken = &Misfit{Seq: seq, Run: k.Run, Problem: problem}
			break
		}
		chain = append(chain, k)
		hash = k.Prev
	}
	slices.Reverse(chain)
	return chain, broken, nil
}

func (l *Ledger) link(ctx context.Context, config string, seq int, hash string) (k chainLink, problem string, err error) {
	items, err := store.All(ctx, l.table, store.Query{PK: partition(config), Prefix: linkPrefix(seq, hash)})
	if err != nil {
		return k, "", fmt.Errorf("read the chain: %w", err)
	}
	if len(items) == 0 {
		return k, "the link is missing", nil
	}
	for i, item := range items {
		var p linkPart
		if err := json.Unmarshal(item.Data, &p); err != nil || (p.Link != nil) != (i == 0) {
			return k, "the link is unreadable", nil
		}
		if p.Link != nil {
			k.Link = *p.Link
		}
		k.leaves = append(k.leaves, p.Leaves...)
	}
	hashes := make([][sha256.Size]byte, len(k.leaves))
	for i, lf := range k.leaves {
		hash, err := hex.DecodeString(lf.Hash)
		if err != nil || len(hash) != sha256.Size {
			return k, "the link is unreadable", nil
		}
		copy(hashes[i][:], hash)
	}
	root := merkleRoot(hashes)
	switch {
	case k.Hash() != hash || k.Seq != seq:
		return k, "the link is not what the one after it covers", nil
	case hex.EncodeToString(root[:]) != k.Root:
		return k, "the link's entries are not those that its root covers", nil
	}
	return k, "", nil
}
