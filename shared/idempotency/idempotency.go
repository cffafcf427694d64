// Package idempotency remembers requests by the keys that their senders gave them, so that a request that is sent once more takes no further
// effect and is answered as before.
//
//	item     pk                   sk
//	record   IDEMPOTENCY#<user>   <hex SHA-256 of route and key>
//
// A record says that the request is under way, and then how it was answered. It expires a day after it was written last.
package idempotency

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

const (
	// KeptFor is how long an answer is kept.
	KeptFor = 24 * time.Hour
	// ClaimedFor is how long a request may be under way before a repeat of it takes over: whoever worked on it is gone then.
	ClaimedFor = 2 * time.Minute
)

// ErrUnderWay means that the request that came first with the key has not been answered yet. It is of kind fault.Conflict.
var ErrUnderWay = fault.Wrap(fault.Conflict, errors.New("idempotency: the request is still under way"))

// Answer is how a request was answered.
type Answer struct {
	Request string // hash of the request; another one with the same key is a mistake of its sender
	Status  int
	Header  map[string][]string
	Body    []byte
}

// record is an Answer as it is stored, or a request that is under way.
type record struct {
	Until  time.Time           `json:"until"`            // while it is under way: when a repeat may take over
	Hash   string              `json:"hash,omitempty"`   // of the request, once it is answered
	Status int                 `json:"status,omitempty"` // 0: under way
	Header map[string][]string `json:"header,omitempty"`
	Body   []byte              `json:"body,omitempty"`
}

// Records are all of them. Errors that are not described are the table's.
type Records struct {
	table store.Table
	clock func() time.Time
}

// New returns the records that a table holds.
func New(table store.Table, clock func() time.Time) *Records {
	return &Records{table: table, clock: clock}
}

func partition(user string) string { return "IDEMPOTENCY#" + user }

// Claim is a request that is under way. Whoever holds it either keeps its answer or drops it.
type Claim struct {
	records *Records
	key     store.Key
	version int64
}

// Claim notes that a user's request to a route is under way under a key. If it was answered before, that answer is returned and no claim.
// Errors: ErrUnderWay.
func (r *Records) Claim(ctx context.Context, user, route, key string) (*Claim, *Answer, error) {
	name := sha256.Sum256([]byte(route + "\x00" + key))
	c := &Claim{records: r, key: store.Key{PK: partition(user), SK: hex.EncodeToString(name[:])}}
	now := r.clock()
	data, err := json.Marshal(record{Until: now.Add(ClaimedFor)})
	if err != nil {
		return nil, nil, err
	}
	item := store.Item{Key: c.key, Expires: now.Add(KeptFor), Data: data}
	c.version, err = r.table.Put(ctx, item, store.Absent())
	if err == nil {
		return c, nil, nil
	}
	if !errors.Is(err, store.ErrConflict) {
		return nil, nil, fmt.Errorf("note a request: %w", err)
	}
	stored, err := r.table.Get(ctx, c.key)
	if errors.Is(err, store.ErrNotFound) { // dropped just now
		return nil, nil, ErrUnderWay
	}
	if err != nil {
		return nil, nil, fmt.Errorf("read the idempotency record: %w", err)
	}
	var first record
	if err := json.Unmarshal(stored.Data, &first); err != nil {
		return nil, nil, fault.New(fault.Malformed, "the idempotency record is unreadable: %v", err)
	}
	abandoned := first.Status == 0 && !now.Before(first.Until)
	switch expired := !now.Before(stored.Expires); { // which the store may still return
	case !abandoned && !expired && first.Status == 0:
		return nil, nil, ErrUnderWay
	case !abandoned && !expired:
		return nil, &Answer{Request: first.Hash, Status: first.Status, Header: first.Header, Body: first.Body}, nil
	}
	c.version, err = r.table.Put(ctx, item, store.VersionIs(stored.Version))
	if errors.Is(err, store.ErrConflict) { // another repeat was faster
		return nil, nil, ErrUnderWay
	}
	if err != nil {
		return nil, nil, fmt.Errorf("note a request: %w", err)
	}
	return c, nil, nil
}

// Keep stores the request's answer for repeats. store.ErrConflict means that a repeat has taken the request over.
func (c *Claim) Keep(ctx context.Context, a Answer) error {
	data, err := json.Marshal(record{Hash: a.Request, Status: a.Status, Header: a.Header, Body: a.Body})
	if err != nil {
		return err
	}
	item := store.Item{Key: c.key, Expires: c.records.clock().Add(KeptFor), Data: data}
	if _, err := c.records.table.Put(ctx, item, store.VersionIs(c.version)); err != nil {
		return fmt.Errorf("keep an answer: %w", err)
	}
	return nil
}

// Drop forgets the request, so that the next one with its key is the first. A request that a repeat has taken over is that one's to drop.
func (c *Claim) Drop(ctx context.Context) error {
	if err := c.records.table.Delete(ctx, c.key, store.VersionIs(c.version)); err != nil && !errors.Is(err, store.ErrConflict) {
		return fmt.Errorf("drop an idempotency record: %w", err)
	}
	return nil
}

// Erase removes all records of a user.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: partition(user)}); err != nil {
		return fmt.Errorf("erase answers to requests: %w", err)
	}
	return nil
}
