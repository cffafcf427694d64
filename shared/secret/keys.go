package secret

import (
	"container/list"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// fetchLimit is how long making or unwrapping a data key may last.
const fetchLimit = 30 * time.Second

// keys are plaintext data keys in memory, each used within the limits. Whoever needs one that is not there fetches it; others who
// need the same one meanwhile wait for it.
type keys struct {
	clock  func() time.Time
	limits Limits

	fetching singleflight.Group
	mu       sync.Mutex
	byID     map[string]*list.Element // of byAge
	byAge    *list.List               // of *key, the oldest first
}

// key is one data key. Only the bytes are kept: a cipher made of them cannot be wiped.
type key struct {
	id      string
	plain   []byte
	wrapped []byte
	since   time.Time
	uses    int
}

// cipher returns the cipher for one use of the key.
func (k *key) cipher() (cipher.AEAD, error) {
	if len(k.plain) != KeySize {
		return nil, fmt.Errorf("a data key has %d bytes, not %d", len(k.plain), KeySize)
	}
	block, err := aes.NewCipher(k.plain)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func newKeys(clock func() time.Time, limits Limits) *keys {
	return &keys{clock: clock, limits: limits, byID: map[string]*list.Element{}, byAge: list.New()}
}

// used is what one use of a key yields.
type used struct {
	cipher  cipher.AEAD
	wrapped []byte
}

// use returns the cipher of the key for one use, and how the key is wrapped. fetch brings the key where it is not in memory. It is
// not cancelled with the context of the caller who happens to be the first, since others may wait for the same key.
func (k *keys) use(ctx context.Context, id string, fetch func(context.Context) (plain, wrapped []byte, err error)) (cipher.AEAD, []byte, error) {
	for {
		mine, err := k.inMemory(id)
		if err != nil {
			return nil, nil, err
		}
		if mine != nil {
			return mine.cipher, mine.wrapped, nil
		}
		done := k.fetching.DoChan(id, func() (any, error) {
			var err error
			if mine, err = k.inMemory(id); mine != nil || err != nil { // fetched since
				return nil, err
			}
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchLimit)
			defer cancel()
			plain, wrapped, err := fetch(ctx)
			if err != nil {
				return nil, err
			}
			mine, err = k.put(&key{id: id, plain: plain, wrapped: wrapped})
			return nil, err
		})
		select {
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		case fetched := <-done:
			if fetched.Err != nil {
				return nil, nil, fetched.Err
			}
			if mine != nil {
				return mine.cipher, mine.wrapped, nil
			}
		}
	}
}

// inMemory uses a key that is in memory; nil if it is not.
func (k *keys) inMemory(id string) (*used, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	e, ok := k.byID[id]
	if !ok {
		return nil, nil
	}
	return k.once(e)
}

// put keeps a key that was fetched, and uses it.
func (k *keys) put(fetched *key) (*used, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expire()
	fetched.since = k.clock()
	e := k.byAge.PushBack(fetched)
	k.byID[fetched.id] = e
	for k.byAge.Len() > k.limits.MaxKeys {
		k.wipe(k.byAge.Front())
	}
	return k.once(e)
}

// once counts a use, and wipes the key if that was the last.
func (k *keys) once(e *list.Element) (*used, error) {
	key := e.Value.(*key)
	box, err := key.cipher()
	key.uses++
	wrapped := key.wrapped
	if err != nil || key.uses >= k.limits.MaxUses {
		k.wipe(e)
	}
	if err != nil {
		return nil, err
	}
	return &used{box, wrapped}, nil
}

// expire wipes the keys that are too old, or that a clock which was set back makes seem to be from the future.
func (k *keys) expire() {
	now := k.clock()
	for e := k.byAge.Front(); e != nil; {
		next := e.Next()
		age := now.Sub(e.Value.(*key).since)
		if age >= 0 && age < k.limits.MaxAge {
			return // the others are newer
		}
		k.wipe(e)
		e = next
	}
}

func (k *keys) wipe(e *list.Element) {
	key := e.Value.(*key)
	clear(key.plain)
	k.byAge.Remove(e)
	delete(k.byID, key.id)
}
