package microsoft

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/store"
)

// record is the document of the item.
type record struct {
	Sealed     []byte    `json:"sealed,omitempty"`    // opened, for the user alone; empty when a sign-in is needed
	Refreshing time.Time `json:"refreshing,omitzero"` // until then somebody has the lease
	Needed     *need     `json:"needed,omitempty"`    // why the user has to sign in again; nil: need not

	unknown store.Unknown
}

// need says why the user has to sign in again. It is not secret.
type need struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"` // the service's word or number
	Claims string    `json:"claims,omitempty"` // the claims challenge, JSON
}

func (n *need) err() error { return signInNeeded(n.Reason, n.Claims) }

// leased says whether somebody is refreshing. A time that no lease can have comes from a clock that is wrong.
func (r *record) leased(now time.Time) bool {
	return now.Before(r.Refreshing) && r.Refreshing.Sub(now) <= 2*leaseFor
}

// opened is what is sealed.
type opened struct {
	Account string          `json:"account"` // the library's name for the user, which is another one than ours for guests
	Cache   json.RawMessage `json:"cache"`   // the library's
}

// entry is a stored record.
type entry struct {
	record
	version int64
}

func keyOf(user string) store.Key { return store.OfUser(user, "SECRET#microsoft") }

func sealedFor(user string) secret.Context {
	return secret.Context{Purpose: secret.MicrosoftToken, User: user}
}

// load reads the item. Errors are store.ErrNotFound, fault.Malformed, and those of the table.
func (c *Client) load(ctx context.Context, user string) (entry, error) {
	item, err := c.table.Get(ctx, keyOf(user))
	if err != nil {
		return entry{}, fmt.Errorf("read the sign-in at Microsoft: %w", err)
	}
	e := entry{version: item.Version}
	if e.unknown, err = store.Decode(item.Data, &e.record); err != nil {
		return entry{}, fault.New(fault.Malformed, "the record of a sign-in at Microsoft cannot be read")
	}
	return e, nil
}

// save writes the item and returns its version. Errors are those of Table.Put.
func (c *Client) save(ctx context.Context, user string, r record, cond store.Condition) (int64, error) {
	data, err := r.unknown.Encode(r)
	if err != nil {
		return 0, fmt.Errorf("write the sign-in at Microsoft: %w", err)
	}
	version, err := c.table.Put(ctx, store.Item{Key: keyOf(user), Data: data}, cond)
	if err != nil {
		return 0, fmt.Errorf("write the sign-in at Microsoft: %w", err)
	}
	return version, nil
}

func (c *Client) seal(ctx context.Context, user string, o opened) ([]byte, error) {
	plain, err := json.Marshal(o)
	if err != nil {
		return nil, fault.New(fault.Internal, "what the sign-in library keeps is no JSON")
	}
	defer clear(plain)
	return c.keeper.Seal(ctx, sealedFor(user), plain)
}

// open returns what is sealed. Errors are those of the keeper.
func (c *Client) open(ctx context.Context, user string, sealed []byte) (opened, error) {
	plain, err := c.keeper.Open(ctx, sealedFor(user), sealed)
	if err != nil {
		return opened{}, err
	}
	defer clear(plain)
	var o opened
	if json.Unmarshal(plain, &o) != nil {
		return opened{}, secret.ErrUnreadable
	}
	return o, nil
}
