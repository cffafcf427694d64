// Package tenant knows whose users are let in: those of the tenants that the deployment's settings name, and of those that were added since.
//
// Items in the store:
//
//	TENANTS / TENANT#<id>   a tenant that was added, or put out
package tenant

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/rs/zerolog"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Tenant is an organisation of Entra ID.
type Tenant struct {
	ID    string    `json:"id"`
	Name  string    `json:"name,omitempty"` // for people
	By    string    `json:"by"`             // object id of the administrator who decided last
	At    time.Time `json:"at"`
	Out   bool      `json:"out,omitempty"` // its users are not let in, whatever the settings say
	Named bool      `json:"-"`             // the settings name it

	stored  int64
	unknown store.Unknown
}

const (
	pk     = "TENANTS"
	prefix = "TENANT#"
	// fresh is how long what was read counts, and stale how long it does while it cannot be read anew.
	fresh = 30 * time.Second
	stale = 10 * time.Minute
	// maxName is the largest size of a name in bytes.
	maxName = 128
	// attempts is how often a change is tried when others change the same at that moment.
	attempts = 8
)

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func key(id string) store.Key { return store.Key{PK: pk, SK: prefix + id} }

// Tenants are all that are known. All of it may be used from many goroutines. The list is read as a whole, so that a token of whichever tenant
// costs nothing.
type Tenants struct {
	table store.Table
	named []string // in lower case
	clock func() time.Time

	mu   sync.Mutex // held while the list is read: others wait for it
	held map[string]Tenant
	read time.Time // when; zero: never
	look time.Time // from when on the list is read again
}

// New returns the tenants kept in table, beside those that the settings name. The first of these is the operator's own: its administrators decide.
func New(table store.Table, named []string, clock func() time.Time) *Tenants {
	t := &Tenants{table: table, clock: clock}
	for _, id := range named {
		t.named = append(t.named, strings.ToLower(id))
	}
	return t
}

// Operator says whether the administrators of a tenant decide which others are let in.
func (t *Tenants) Operator(id string) bool {
	return len(t.named) > 0 && strings.EqualFold(t.named[0], id)
}

func decode(item store.Item) (Tenant, error) {
	var one Tenant
	unknown, err := store.Decode(item.Data, &one)
	if err != nil || key(one.ID) != item.Key {
		return one, fault.New(fault.Malformed, "the record of tenant %s is unreadable: %v", strings.TrimPrefix(item.SK, prefix), err)
	}
	one.stored, one.unknown = item.Version, unknown
	return one, nil
}

// known returns the list, as it was 30 seconds ago at most, or ten minutes while it cannot be read.
func (t *Tenants) known(ctx context.Context) (map[string]Tenant, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	if now.Before(t.look) {
		return t.held, nil
	}
	items, err := store.All(ctx, t.table, store.Query{PK: pk, Prefix: prefix})
	if err != nil {
		if t.read.IsZero() || !now.Before(t.read.Add(stale)) {
			return nil, fmt.Errorf("read which tenants are let in: %w", err)
		}
		telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("tenants not read")
		t.look = now.Add(fresh)
		return t.held, nil
	}
	held := map[string]Tenant{}
	for _, item := range items {
		one, err := decode(item)
		if err != nil { // nobody knows whether it was put out
			one = Tenant{ID: strings.TrimPrefix(item.SK, prefix), Out: true}
			telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("unreadable record of a tenant lets nobody in")
		}
		held[one.ID] = one
	}
	t.held, t.read, t.look = held, now, now.Add(fresh)
	return held, nil
}

// Lets says whether the users of a tenant are let in. A change made by another process counts after 30 seconds at the latest. While the list cannot
// be read for long, errors are those of the store.
func (t *Tenants) Lets(ctx context.Context, id string) (bool, error) {
	id = strings.ToLower(id)
	held, err := t.known(ctx)
	if err != nil {
		return false, err
	}
	if one, ok := held[id]; ok {
		return !one.Out, nil
	}
	return slices.Contains(t.named, id), nil
}

// Out says whether a tenant was put out. Unlike Lets it needs no settings: it is false of a tenant of which nothing is known.
func (t *Tenants) Out(ctx context.Context, id string) (bool, error) {
	held, err := t.known(ctx)
	return held[strings.ToLower(id)].Out, err
}

// More says whether tenants are let in that the settings do not name.
func (t *Tenants) More(ctx context.Context) (bool, error) {
	held, err := t.known(ctx)
	for _, one := range held {
		if !one.Out && !slices.Contains(t.named, one.ID) {
			return true, nil
		}
	}
	return false, err
}

// List returns all tenants of which anything is known: those that the settings name first, in their order, then the others by id.
func (t *Tenants) List(ctx context.Context) ([]Tenant, error) {
	items, err := store.All(ctx, t.table, store.Query{PK: pk, Prefix: prefix})
	if err != nil {
		return nil, fmt.Errorf("list tenants: %w", err)
	}
	var list []Tenant
	for _, id := range t.named {
		list = append(list, Tenant{ID: id, Named: true})
	}
	for _, item := range items {
		one, err := decode(item)
		if err != nil {
			return nil, err
		}
		if i := slices.Index(t.named, one.ID); i >= 0 {
			one.Named = true
			list[i] = one
		} else {
			list = append(list, one)
		}
	}
	return list, nil
}

// Add lets the users of a tenant in. by is the object id of the administrator. A name of no use is of kind fault.Invalid.
func (t *Tenants) Add(ctx context.Context, by, id, name string) (Tenant, error) {
	name = strings.TrimSpace(name)
	if len(name) > maxName || strings.IndexFunc(name, unicode.IsControl) >= 0 {
		return Tenant{}, fault.Field("name", "must be one line of at most %d bytes", maxName)
	}
	return t.change(ctx, id, func(one *Tenant) error {
		one.By, one.At, one.Out = by, t.clock().UTC(), false
		if name != "" {
			one.Name = name
		}
		return nil
	})
}

// Remove lets the users of a tenant in no more. The operator's own stays (fault.Forbidden): nobody would be left to decide. One of which nothing is
// known is of kind fault.NotFound.
func (t *Tenants) Remove(ctx context.Context, by, id string) error {
	if t.Operator(id) {
		return fault.New(fault.Forbidden, "your own tenant cannot be removed: nobody would be left who decides")
	}
	_, err := t.change(ctx, id, func(one *Tenant) error {
		if one.stored == 0 && !slices.Contains(t.named, one.ID) {
			return fault.New(fault.NotFound, "there is no tenant %s", one.ID)
		}
		one.By, one.At, one.Out = by, t.clock().UTC(), true
		return nil
	})
	return err
}

func (t *Tenants) change(ctx context.Context, id string, change func(*Tenant) error) (Tenant, error) {
	if id = strings.ToLower(id); !guid.MatchString(id) {
		return Tenant{}, fault.Field("tenant", "must be the id of a tenant of Entra ID, as in 11111111-2222-4333-8444-555555555555")
	}
	for range attempts {
		one, cond := Tenant{ID: id}, store.Absent()
		item, err := t.table.Get(ctx, key(id))
		if err == nil {
			cond = store.VersionIs(item.Version)
			one, err = decode(item)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return Tenant{}, fmt.Errorf("read tenant %s: %w", id, err)
		}
		if err := change(&one); err != nil {
			return Tenant{}, err
		}
		data, err := one.unknown.Encode(one)
		if err != nil {
			return Tenant{}, err
		}
		_, err = t.table.Put(ctx, store.Item{Key: key(id), Data: data}, cond)
		if err == nil {
			t.forget()
			one.Named = slices.Contains(t.named, id)
			return one, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return Tenant{}, fmt.Errorf("store tenant %s: %w", id, err)
		}
	}
	return Tenant{}, fault.New(fault.Unavailable, "the tenant is changed by others at the same time; try again")
}

// forget has the list be read again by the next who asks.
func (t *Tenants) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.look = time.Time{}
}
