// Package machinetest gives tests a machine of their own: a store, blobs and queues that are gone after the test, on a clock that moves when it
// is told to.
package machinetest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"adminassistant/shared/blob/folder"
	queues "adminassistant/shared/queue/sqlite"
	"adminassistant/shared/signing"
	"adminassistant/shared/signing/signingtest"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

// Clock shows the time that it is set to.
type Clock struct {
	mu   sync.Mutex
	now  time.Time
	step time.Duration
}

// NewClock returns a clock that goes on by step whenever it is asked; with a step of 0 it stands.
func NewClock(now time.Time, step time.Duration) *Clock { return &Clock{now: now, step: step} }

// Now is the time, a step after the last answer.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(c.step)
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Set puts the clock to a time.
func (c *Clock) Set(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = now
}

// Machine is what processes of a test share.
type Machine struct {
	Table store.Table
	Blobs *folder.Folder
	Key   *signing.Key // signs heads
	ids   atomic.Int64
}

// New returns a machine with an empty store and no blobs.
func New(t testing.TB, clock func() time.Time) *Machine {
	t.Helper()
	table, err := sqlite.Open(":memory:", clock)
	closing(t, table, err)
	blobs, err := folder.Open(t.TempDir())
	closing(t, blobs, err)
	return &Machine{Table: table, Blobs: blobs, Key: signingtest.Key(t)}
}

// NewID returns an id that no other is, in the order in which they are asked for.
func (m *Machine) NewID() string { return fmt.Sprintf("ID%08d", m.ids.Add(1)) }

// Queues returns a file of queues.
func Queues(t testing.TB, clock func() time.Time) *queues.File {
	t.Helper()
	file, err := queues.Open(":memory:", clock)
	closing(t, file, err)
	return file
}

// closing demands that something was opened, and closes it after the test.
func closing(t testing.TB, opened interface{ Close() error }, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
}
