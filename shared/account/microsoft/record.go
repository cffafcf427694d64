package microsoft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/store"
)

// record is the document of the item.
type record struct {
	Sealed     []byte    `json:"sealed,omitempty"`    // opened, for the user alone; empty when a sign-in is needed
	Refreshing time.Time `json:"refreshing,omitzero"` // until then somebody has the lease
	Needed     *need     `json:"needed,omitempty"`    // why the user has to sign in again; nil: need not
	Blocked    *block    `json:"blocked,omitempty"`   // why the organisation does not let us act for the user, though the sign-in stands; nil: it does

	unknown store.Unknown
}

// need says why the user has to sign in again. It is not secret.
type need struct {
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"` // the service's word or number
	Claims string    `json:"claims,omitempty"` // the claims challenge, JSON
}

func (n *need) err() error { return signInNeeded(n.Reason, n.Claims) }

// block says why the organisation does not let us act for a user. It is not secret.
type block struct {
	Since  time.Time `json:"since"`
	Again  time.Time `json:"again"` // until then nobody asks
	Word   string    `json:"word"`
	Number int       `json:"number,omitempty"`
	Sub    string    `json:"sub,omitempty"`
}

func (b *block) err() error {
	r := refusal.Refusal{Word: b.Word, Number: b.Number, Sub: b.Sub}
	return r.Err()
}

// blockedFor is how long nobody asks for a user whom the organisation blocks: each attempt would be one too many, and is in its logs.
const blockedFor = 15 * time.Minute

// blockOf is what is noted of a failure that an administrator can mend and no sign-in; nil: nothing is. before is what was noted earlier.
func blockOf(failure error, before *block, now time.Time) *block {
	refused := new(refusal.Error)
	if !errors.As(failure, &refused) {
		return nil
	}
	switch refused.Meaning() {
	case refusal.Policy, refusal.Consent, refusal.NotLetIn:
		b := &block{Since: now.UTC(), Again: now.Add(blockedFor).UTC(), Word: refused.Word, Number: refused.Number, Sub: refused.Sub}
		if before != nil {
			b.Since = before.Since
		}
		return b
	}
	return nil
}

// blocked says whether nobody is to ask yet. A time that no note can have comes from a clock that is wrong.
func (r *record) blocked(now time.Time) bool {
	return r.Blocked != nil && now.Before(r.Blocked.Again) && r.Blocked.Again.Sub(now) <= blockedFor
}

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
