package ledger

import (
	"context"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// Chain is a config's chain with what is needed to prove that something is in it.
type Chain struct {
	Head  Head
	links []chainLink
	tree  *tree
	of    map[string]at // where the leaves are, by the entry's sort key
}

// at is a leaf's place: the number of its link from 0, and its own in the link.
type at struct{ link, leaf int }

// Chain returns a config's chain. One that does not hold, or of which the head cannot be trusted, is ErrDamaged.
func (l *Ledger) Chain(ctx context.Context, config string) (*Chain, error) {
	head, err := l.Head(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := l.Check(ctx, config, &head); err != nil {
		return nil, err
	}
	c := &Chain{Head: head, tree: newTree(), of: map[string]at{}}
	links, _, broken, err := l.links(ctx, config, head, itself)
	if err != nil {
		return nil, err
	}
	if broken != nil {
		return nil, damaged("link %d: %s", broken.Seq, broken.Problem)
	}
	c.links = links
	for i := range links {
		c.tree.add(LinkLeaf(links[i].raw))
		for j, lf := range links[i].leaves {
			c.of[lf.SK] = at{i, j}
		}
	}
	return c, nil
}

// Proof says where an entry is in its link.
type Proof struct {
	Seq   int   // number of the link
	Index int64 // of the entry in the link, from 0
	Path  []tlog.Hash
	// Sum is the SHA-256 of what is stored of the entry; see Leaf.
	Sum [32]byte
}

// Prove returns the proof that the entry is in its link; false if it is not sealed, or is not what was sealed.
func (c *Chain) Prove(e *Entry) (Proof, bool) {
	where, ok := c.of[e.sortKey()]
	if !ok {
		return Proof{}, false
	}
	k := &c.links[where.link]
	if e.leaf != k.leaves[where.leaf].hash {
		return Proof{}, false
	}
	path, err := tlog.ProveRecord(int64(len(k.leaves)), int64(where.leaf), newTree(k.hashes()...))
	if err != nil {
		return Proof{}, false
	}
	return Proof{Seq: k.Seq, Index: int64(where.leaf), Path: path, Sum: e.sum}, true
}

// Locks says whether a link locks the timesheet of a hash. Several links may lock the same one: two customers' sheets of a period without lines are equal.
func (c *Chain) Locks(seq int, hash string) bool {
	return hash != "" && slices.ContainsFunc(c.links, func(l chainLink) bool { return l.Seq == seq && l.Sheet == hash })
}

// ProveLink returns the JSON of a link, and the proof that it is in the chain.
func (c *Chain) ProveLink(seq int) (raw []byte, path []tlog.Hash, err error) {
	path, err = tlog.ProveRecord(c.tree.size, int64(seq-1), c.tree)
	return c.links[seq-1].raw, path, err
}
