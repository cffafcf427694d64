package session

import (
	"crypto/sha256"
	"maps"
	"sync"
	"time"
)

// entry is a session as it was read from the table.
type entry struct {
	record
	read time.Time
}

// cache remembers sessions by their hash for a short while. When it is full it forgets all of them, which costs each a read.
type cache struct {
	limit int

	mu      sync.Mutex
	epoch   uint64 // counts how often something was forgotten
	entries map[[sha256.Size]byte]entry
}

// get returns a session if it was read a short while ago.
func (c *cache) get(sum [sha256.Size]byte, now time.Time) (record, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[sum]
	age := now.Sub(e.read)
	return e.record, ok && age >= 0 && age < believedFor
}

// now returns the epoch, for put.
func (c *cache) now() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// put remembers what was read since the epoch, unless something was forgotten meanwhile: it may have been that.
func (c *cache) put(sum [sha256.Size]byte, e entry, epoch uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if epoch != c.epoch {
		return
	}
	if _, known := c.entries[sum]; !known && len(c.entries) >= c.limit {
		clear(c.entries)
	}
	c.entries[sum] = e
}

// forget begins an epoch without the sessions that fit.
func (c *cache) forget(fits func([sha256.Size]byte, *record) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	maps.DeleteFunc(c.entries, func(sum [sha256.Size]byte, e entry) bool { return fits(sum, &e.record) })
}
