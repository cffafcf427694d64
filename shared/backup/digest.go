package backup

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/binary"
	"fmt"
)

// digest is the same for the same lines in whatever order, and takes the same memory for any number of them: LtHash16 with SHAKE128
// (Lewi, Kim, Maykov, Weis: Securing Update Propagation with Homomorphic Hashing, 2019). Nobody can find other lines for it.
type digest struct{ sum [1024]uint16 }

func (d *digest) add(line []byte) {
	h := sha3.NewSHAKE128()
	_, _ = h.Write(line)
	var out [2 * len(d.sum)]byte
	_, _ = h.Read(out[:])
	for i := range d.sum {
		d.sum[i] += binary.LittleEndian.Uint16(out[2*i:])
	}
}

// String is "lthash16:" and the SHA-256 of the sum.
func (d *digest) String() string {
	out := make([]byte, 0, 2*len(d.sum))
	for _, n := range d.sum {
		out = binary.LittleEndian.AppendUint16(out, n)
	}
	return fmt.Sprintf("lthash16:%x", sha256.Sum256(out))
}
