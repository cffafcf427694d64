package microsoft

import (
	"sync"
	"time"
)

const (
	maxHeld = 1000 // users whose access tokens are in memory, at most; some 3 KB each
	// idleFor is how long the token of a user for whom nothing is done stays in memory.
	idleFor = 10 * time.Minute
	// lookEvery is how long a token is given out without a look at the table, where the user may have signed out.
	lookEvery = time.Minute
	// early is how long before its end a token is not given out any more. The library has the same.
	early = 5 * time.Minute
)

// held is an access token, and the version of the item from which it came. Refresh tokens are not held.
type held struct {
	token   string
	expires time.Time
	version int64

	looked time.Time // when the table said so
	used   time.Time
}

func (h *held) fresh(now time.Time) bool { return now.Add(early).Before(h.expires) }

// memory holds access tokens, so that not every request reads the table and opens a secret.
type memory struct {
	limit int

	mu    sync.Mutex
	users map[string]held
	swept time.Time
}

func newMemory(limit int) *memory { return &memory{limit: limit, users: map[string]held{}} }

// get returns a user's token if it need not be looked after.
func (m *memory) get(user string, now time.Time) (held, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.users[user]
	if !ok || !h.fresh(now) || now.Before(h.looked) || now.Sub(h.looked) >= lookEvery {
		return held{}, false
	}
	h.used = now
	m.users[user] = h
	return h, true
}

// confirm is get after a look at the table: a token that is still of the item's version is good for another while.
func (m *memory) confirm(user string, version int64, now time.Time) (held, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	h, ok := m.users[user]
	if !ok || !h.fresh(now) || h.version != version {
		return held{}, false
	}
	h.looked, h.used = now, now
	m.users[user] = h
	return h, true
}

// put holds a token, unless it ends too soon to be given out again.
func (m *memory) put(user string, h held, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.users, user)
	if !h.fresh(now) {
		return
	}
	if now.Sub(m.swept) >= lookEvery || now.Before(m.swept) {
		m.swept = now
		for name, other := range m.users {
			if !other.fresh(now) || now.Sub(other.used) >= idleFor {
				delete(m.users, name)
			}
		}
	}
	if len(m.users) >= m.limit {
		var oldest string
		for name, other := range m.users {
			if oldest == "" || other.used.Before(m.users[oldest].used) {
				oldest = name
			}
		}
		delete(m.users, oldest)
	}
	h.looked, h.used = now, now
	m.users[user] = h
}

func (m *memory) drop(user string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.users, user)
}
