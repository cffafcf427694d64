package bearer

import (
	"crypto/sha256"
	"sync"
)

// maxCached is how many tokens are remembered at most, some 400 bytes each.
const maxCached = 8192

// verified is a token that proved genuine. Its times and its key are looked at again each time.
type verified struct {
	claims Claims
	keyID  string
	times  times
}

// cache remembers genuine tokens by their hash, so that a client pays for the signature once. It holds two generations: when the young one has
// half of the limit it becomes the old one, and the old one is forgotten. What is in use moves to the young one.
type cache struct {
	limit int

	mu         sync.Mutex
	young, old map[[sha256.Size]byte]verified
}

func (c *cache) get(sum [sha256.Size]byte) (verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.young[sum]; ok {
		return v, true
	}
	v, ok := c.old[sum]
	if ok {
		c.add(sum, v)
	}
	return v, ok
}

func (c *cache) put(sum [sha256.Size]byte, v verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(sum, v)
}

func (c *cache) add(sum [sha256.Size]byte, v verified) {
	if c.young == nil || len(c.young) >= c.limit/2 {
		c.young, c.old = map[[sha256.Size]byte]verified{}, c.young
	}
	c.young[sum] = v
}
