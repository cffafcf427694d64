package stamp

import (
	"encoding/json"
	"io"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/fault"
	"adminassistant/shared/ledger"
)

// ProofFormat names the form of a Proof.
const ProofFormat = "admin-assistant-stamp/1"

// Proof shows that a head of a ledger was there at a time, to whoever believes the authority: no account is needed, and no connection.
type Proof struct {
	Format string `json:"format"`
	// Head is the signed head, and Key the verifier key of whoever signed it.
	Head string `json:"head"`
	Key  string `json:"key"`
	// Path leads from leaf Index of a tree of Size heads, which is the hash of Head as a record (RFC 6962), to the tree's root.
	Index int64  `json:"index"`
	Size  int64  `json:"size"`
	Path  []Hash `json:"path" nullable:"false"`
	// Token is the time-stamp of the root, as RFC 3161 has it.
	Token     []byte `json:"token"`
	Authority string `json:"authority,omitempty"` // whom it came from
}

// Hash is a hash of a tree, in base64.
type Hash []byte

// Checked is what a proof shows.
type Checked struct {
	Origin string    `json:"origin"`
	Links  int       `json:"links"` // of the ledger's chain, that were there
	Time   time.Time `json:"time"`  // when the authority saw the root
	Key    string    `json:"key"`
}

// maxProof is the largest proof, in bytes.
const maxProof = 1 << 20

// ParseProof reads a proof; errors are of kind fault.Invalid.
func ParseProof(r io.Reader) (*Proof, error) {
	p := &Proof{}
	if err := json.NewDecoder(io.LimitReader(r, maxProof)).Decode(p); err != nil || p.Format != ProofFormat {
		return nil, fault.New(fault.Invalid, "this is no time-stamp of a ledger's head in the format %s", ProofFormat)
	}
	return p, nil
}

// Check says what a proof shows. key is the verifier key that is believed; empty: that of the proof. Errors are of kind fault.Malformed.
func (p *Proof) Check(key string, trust *Trust) (Checked, error) {
	if key != "" && key != p.Key {
		return Checked{}, fault.New(fault.Malformed, "the head is signed with another key than the one that is believed")
	}
	verifier, err := note.NewVerifier(p.Key)
	if err != nil {
		return Checked{}, fault.New(fault.Malformed, "the key is unreadable: %v", err)
	}
	opened, err := note.Open([]byte(p.Head), note.VerifierList(verifier))
	if err != nil {
		return Checked{}, fault.New(fault.Malformed, "the head is not signed with the key: %v", err)
	}
	c, err := ledger.ParseCheckpoint(opened.Text)
	if err != nil {
		return Checked{}, fault.New(fault.Malformed, "the head is unreadable: %v", err)
	}
	at, err := p.time(trust)
	return Checked{Origin: c.Origin, Links: c.Size, Time: at, Key: p.Key}, err
}

// time says when the authority saw the root to which the path leads.
func (p *Proof) time(trust *Trust) (time.Time, error) {
	root, err := rootOf(p.Head, p.Index, p.Size, p.Path)
	if err != nil {
		return time.Time{}, err
	}
	return trust.Check(p.Token, root[:])
}

// rootOf is the root to which a path leads from a leaf.
func rootOf(head string, index, size int64, path []Hash) (root tlog.Hash, err error) {
	bad := fault.New(fault.Malformed, "the path leads nowhere")
	if index < 0 || index >= size || len(path) > 64 {
		return root, bad
	}
	root = tlog.RecordHash([]byte(head))
	last := size - 1
	for _, h := range path { // RFC 9162, section 2.1.3.2
		if len(h) != tlog.HashSize || last == 0 {
			return root, bad
		}
		sibling := tlog.Hash(h)
		if index&1 == 1 || index == last {
			root = tlog.NodeHash(sibling, root)
			for index&1 == 0 && index != 0 {
				index, last = index>>1, last>>1
			}
		} else {
			root = tlog.NodeHash(root, sibling)
		}
		index, last = index>>1, last>>1
	}
	if last != 0 {
		return root, bad
	}
	return root, nil
}

// hashes are those of a tree, for tlog.
type hashes map[int64]tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		all[i] = h[index]
	}
	return all, nil
}

// tree is the tree over heads.
func tree(heads []string) (h hashes, root tlog.Hash, err error) {
	h = hashes{}
	for i, head := range heads {
		stored, err := tlog.StoredHashesForRecordHash(int64(i), tlog.RecordHash([]byte(head)), h)
		if err != nil {
			return nil, root, err
		}
		first := tlog.StoredHashIndex(0, int64(i))
		for n, hash := range stored {
			h[first+int64(n)] = hash
		}
	}
	root, err = tlog.TreeHash(int64(len(heads)), h)
	return h, root, err
}

// pathOf leads from a leaf to the root.
func pathOf(h hashes, size, index int64) ([]Hash, error) {
	proof, err := tlog.ProveRecord(size, index, h)
	if err != nil {
		return nil, err
	}
	path := make([]Hash, len(proof))
	for i := range proof {
		path[i] = proof[i][:]
	}
	return path, nil
}

// hostOf is what is said of an authority: its host.
func hostOf(address string) string {
	_, host, _ := strings.Cut(address, "://")
	host, _, _ = strings.Cut(host, "/")
	return host
}
