package ledger

import (
	"encoding/hex"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is a Merkle tree as RFC 6962, section 2.1, has it, in memory: the hashes that golang.org/x/mod/sumdb/tlog stores, by their indexes.
type tree struct {
	size   int64
	hashes map[int64]tlog.Hash
}

func newTree(leaves ...tlog.Hash) *tree {
	t := &tree{hashes: make(map[int64]tlog.Hash, 2*len(leaves))}
	for _, leaf := range leaves {
		t.add(leaf)
	}
	return t
}

// ReadHashes reads hashes of the tree, for tlog.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	read := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hash, ok := t.hashes[index]
		if !ok {
			return nil, fmt.Errorf("the tree of %d hashes lacks number %d", t.size, index)
		}
		read[i] = hash
	}
	return read, nil
}

// add adds a leaf, of which the hash is given.
func (t *tree) add(leaf tlog.Hash) {
	stored, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		panic(err) // a tree has what it needs to grow
	}
	first := tlog.StoredHashIndex(0, t.size)
	for i, hash := range stored {
		t.hashes[first+int64(i)] = hash
	}
	t.size++
}

// root of the tree; that of an empty one is the hash of nothing.
func (t *tree) root() tlog.Hash { return t.rootAt(t.size) }

// rootAt is the root that the tree had with so many leaves.
func (t *tree) rootAt(size int64) tlog.Hash {
	root, err := tlog.TreeHash(size, t)
	if err != nil {
		panic(err)
	}
	return root
}

// frontier is what a tree needs to grow and to have a root: the hashes of its complete subtrees, from the left, in hex.
func (t *tree) frontier() []string {
	var hashes []string
	eachSubtree(t.size, func(index int64) {
		hash := t.hashes[index]
		hashes = append(hashes, hex.EncodeToString(hash[:]))
	})
	return hashes
}

// grown is the tree of so many leaves of which only the frontier is known.
func grown(size int, frontier []string) (*tree, error) {
	if size < 0 || bits.OnesCount64(uint64(size)) != len(frontier) {
		return nil, fmt.Errorf("a tree of %d leaves does not have %d complete subtrees", size, len(frontier))
	}
	t := &tree{size: int64(size), hashes: map[int64]tlog.Hash{}}
	var err error
	eachSubtree(t.size, func(index int64) {
		var hash tlog.Hash
		raw, bad := hex.DecodeString(frontier[0])
		if bad != nil || copy(hash[:], raw) != tlog.HashSize || len(raw) != tlog.HashSize {
			err = fmt.Errorf("a hash of the tree is no SHA-256")
		}
		t.hashes[index], frontier = hash, frontier[1:]
	})
	return t, err
}

func rootOf(size int, frontier []string) (tlog.Hash, error) {
	t, err := grown(size, frontier)
	if err != nil {
		return tlog.Hash{}, err
	}
	return t.root(), nil
}

// eachSubtree calls f with the index of the root of each complete subtree, from the left.
func eachSubtree(size int64, f func(index int64)) {
	var before int64 // leaves
	for level := bits.Len64(uint64(size)) - 1; level >= 0; level-- {
		if size&(1<<level) != 0 {
			f(tlog.StoredHashIndex(level, before>>level))
			before += 1 << level
		}
	}
}
