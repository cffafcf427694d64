package account

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// Reach says which mailboxes of Microsoft 365 a user may name, where an application reaches all mailboxes of the user's tenant: the own one, and
// those that an administrator granted. It is for one request or one attempt at a run: it reads the user's record once at most, so that the next
// one sees a grant or a revocation. All its methods may be called from many goroutines at once.
//
// The own mailbox is named "me", by the user's object id, user name or address, in any case, and is always reached by the object id: a name in a token
// may be another's tomorrow. So naming oneself reads nothing from the store but where it is by user name or address.
type Reach struct {
	// Address asks Microsoft 365 for the address of the own mailbox. It is called once at most, for a user whose last request was before names of
	// mailboxes were kept, so that what was stored under the address goes on. Nil: nobody is asked.
	Address func(ctx context.Context) (string, error)

	table          store.Table
	tenant, object string

	mu      sync.Mutex
	known   bool
	profile Profile
	grants  grants
}

// Reach returns that of a user, by the user's key.
func (u *Users) Reach(user string) *Reach {
	tenant, object, _ := strings.Cut(user, "#")
	return &Reach{table: u.table, tenant: tenant, object: object}
}

// ReachKeys are the keys of what a Reach reads of a user.
func ReachKeys(user string) []store.Key {
	return []store.Key{store.OfUser(user, profileSK), grantsKey(user)}
}

// Tenant is the id of the tenant in which the user's mailboxes are looked for.
func (r *Reach) Tenant() string { return r.tenant }

// Know takes what was just read at the keys of ReachKeys, so that the Reach need not read it. Other items are passed over.
func (r *Reach) Know(items []store.Item) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.know(items)
}

func (r *Reach) know(items []store.Item) (err error) {
	user := Principal{Tenant: r.tenant, Object: r.object}.Key()
	for _, item := range items {
		switch item.Key {
		case store.OfUser(user, profileSK):
			if r.profile, err = decodeProfile(item); err != nil {
				return err
			}
		case grantsKey(user):
			if r.grants, err = decodeGrants(item); err != nil {
				return err
			}
		}
	}
	r.known = true
	return nil
}

// Mailbox returns the id or address by which Microsoft 365 is asked for the mailbox that a user names, in lower case: one for all names of the own
// mailbox. Errors: calendar.ErrNoMailbox for any other that was not granted, there or not; those of the table.
func (r *Reach) Mailbox(ctx context.Context, account string) (string, error) {
	own := strings.ToLower(r.object)
	if isMe(account, r.object) {
		return own, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.known {
		items, err := r.table.GetMany(ctx, ReachKeys(Principal{Tenant: r.tenant, Object: r.object}.Key()))
		if err != nil {
			return "", fmt.Errorf("read whose mailbox it is: %w", err)
		}
		if err := r.know(items); err != nil {
			return "", err
		}
	}
	if r.profile.owns(account) {
		return own, nil
	}
	name := strings.ToLower(strings.TrimSpace(account))
	if _, granted := r.grants.find(name); granted {
		return name, nil
	}
	// Whether anybody is asked does not depend on whose address it is.
	nameless := r.profile.Object != "" && r.profile.State() == Active && r.profile.UserName+r.profile.Address == ""
	if r.Address == nil || !nameless || !address.MatchString(name) {
		return "", calendar.ErrNoMailbox
	}
	found, err := r.Address(ctx)
	if err != nil && fault.Of(err) != fault.NotFound {
		return "", err
	}
	if r.Address = nil; found == "" {
		return "", calendar.ErrNoMailbox
	}
	r.profile.Address = found
	if !r.profile.owns(account) {
		return "", calendar.ErrNoMailbox
	}
	return own, nil
}
