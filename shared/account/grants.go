package account

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/mail"
	"adminassistant/shared/store"
)

// MaxGrants is how many mailboxes may be granted to one user.
const MaxGrants = 100

// Grant is a mailbox of the user's tenant that an administrator of it granted to the user.
type Grant struct {
	Mailbox string    `json:"mailbox"` // address or object id, in lower case
	By      string    `json:"by"`      // object id of the administrator
	At      time.Time `json:"at"`
}

// grants are all grants of one user, in the order of their mailboxes. They are kept at USER#<tenant>#<object> / MAILBOXES, in one record, so that a
// run reads them with what else it reads.
type grants struct {
	Mailboxes []Grant `json:"mailboxes"`

	stored  int64
	unknown store.Unknown
}

func grantsKey(user string) store.Key { return store.OfUser(user, "MAILBOXES") }

func decodeGrants(item store.Item) (grants, error) {
	var g grants
	unknown, err := store.Decode(item.Data, &g)
	if err != nil {
		return grants{}, fault.New(fault.Malformed, "the mailboxes that were granted to a user are unreadable: %v", err)
	}
	g.stored, g.unknown = item.Version, unknown
	return g, nil
}

// find returns where the grant of a mailbox is, or belongs.
func (g *grants) find(mailbox string) (at int, there bool) {
	return slices.BinarySearchFunc(g.Mailboxes, mailbox, func(one Grant, mailbox string) int { return strings.Compare(one.Mailbox, mailbox) })
}

var (
	objectID = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	// address has none of what would be more than a name in the path of a request.
	address = regexp.MustCompile(`^[a-z0-9.!$&'*+=^_{|}~-]+@[a-z0-9.-]+$`)
)

// normalMailbox returns a mailbox as it is kept. Errors are of kind fault.Invalid and name the field.
func normalMailbox(text string) (string, error) {
	text = strings.ToLower(strings.TrimSpace(text))
	if objectID.MatchString(text) {
		return text, nil
	}
	if a, err := mail.Address("mailbox", text); err != nil || a.Address != text || !address.MatchString(text) {
		return "", fault.Field("mailbox", "must be an e-mail address as in team@example.com, or an object id of Entra ID")
	}
	return text, nil
}

// Grants returns the mailboxes that were granted to a user of a tenant. A user who is not there has none.
func (u *Users) Grants(ctx context.Context, tenant, object string) ([]Grant, error) {
	g, err := u.grants(ctx, tenant, object)
	return g.Mailboxes, err
}

func (u *Users) grants(ctx context.Context, tenant, object string) (grants, error) {
	key := grantsKey(Principal{Tenant: tenant, Object: object}.Key())
	if key.Check() != nil {
		return grants{}, nil
	}
	item, err := u.table.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return grants{}, nil
	}
	if err != nil {
		return grants{}, fmt.Errorf("read the mailboxes that were granted: %w", err)
	}
	return decodeGrants(item)
}

// Grant lets a user of the administrator's tenant reach a mailbox, which is always looked for in that tenant. One that the user has already stays as
// it is. A user who is not there is of kind fault.NotFound, one whose data is or was erased fault.Conflict, as are the user's own mailbox and more
// than MaxGrants. What is neither an address nor an object id is fault.Invalid.
func (u *Users) Grant(ctx context.Context, by Principal, object, mailbox string) (Grant, error) {
	mailbox, err := normalMailbox(mailbox)
	if err != nil {
		return Grant{}, err
	}
	p, err := u.Get(ctx, by.Tenant, object)
	if err != nil {
		return Grant{}, err
	}
	switch s := p.State(); {
	case s == Erasing || s == Erased:
		return Grant{}, fault.New(fault.Conflict, "user %s is %s", object, s)
	case p.owns(mailbox):
		return Grant{}, fault.New(fault.Conflict, "this is the user's own mailbox, which needs no grant")
	}
	made := Grant{Mailbox: mailbox, By: by.Object, At: u.clock().UTC().Truncate(time.Second)}
	err = u.changeGrants(ctx, by.Tenant, object, func(g *grants) (bool, error) {
		at, there := g.find(mailbox)
		if there {
			made = g.Mailboxes[at]
			return false, nil
		}
		if len(g.Mailboxes) >= MaxGrants {
			return false, fault.New(fault.Conflict, "%d mailboxes are granted to the user already, as many as there may be; revoke one first", len(g.Mailboxes))
		}
		g.Mailboxes = slices.Insert(g.Mailboxes, at, made)
		return true, nil
	})
	return made, err
}

// RevokeGrant takes a mailbox from a user of the administrator's tenant. From then on no request and no attempt at a run that begins reaches it for
// the user. One that was not granted, or a user who is not there, is of kind fault.NotFound.
func (u *Users) RevokeGrant(ctx context.Context, by Principal, object, mailbox string) error {
	none := fault.New(fault.NotFound, "this mailbox is not granted to user %s", object)
	mailbox, err := normalMailbox(mailbox)
	if err != nil {
		return none
	}
	if _, err := u.Get(ctx, by.Tenant, object); err != nil {
		return err
	}
	return u.changeGrants(ctx, by.Tenant, object, func(g *grants) (bool, error) {
		at, there := g.find(mailbox)
		if !there {
			return false, none
		}
		g.Mailboxes = slices.Delete(g.Mailboxes, at, at+1)
		return true, nil
	})
}

// changeGrants reads a user's grants, changes them and stores them, again when somebody else changed them meanwhile.
func (u *Users) changeGrants(ctx context.Context, tenant, object string, change func(*grants) (bool, error)) error {
	for range attempts {
		g, err := u.grants(ctx, tenant, object)
		if err != nil {
			return err
		}
		if changed, err := change(&g); err != nil || !changed {
			return err
		}
		data, err := g.unknown.Encode(g)
		if err != nil {
			return err
		}
		cond := store.VersionIs(g.stored)
		if g.stored == 0 {
			cond = store.Absent()
		}
		key := grantsKey(Principal{Tenant: tenant, Object: object}.Key())
		if _, err = u.table.Put(ctx, store.Item{Key: key, Data: data}, cond); !errors.Is(err, store.ErrConflict) {
			if err != nil {
				return fmt.Errorf("store the mailboxes that were granted: %w", err)
			}
			return nil
		}
	}
	return errBusy
}

// EraseGrants removes what was granted to a user.
func EraseGrants(ctx context.Context, table store.Table, user string) error {
	if err := store.Remove(ctx, table, grantsKey(user)); err != nil {
		return fmt.Errorf("erase the mailboxes that were granted: %w", err)
	}
	return nil
}

// owns says whether a name means the user's own mailbox.
func (p *Profile) owns(name string) bool {
	return isMe(name, p.Object) || p.UserName != "" && calendar.SameName(name, p.UserName) || p.Address != "" && calendar.SameName(name, p.Address)
}

// isMe says whether a name means the mailbox of the user with that object id, whatever the user's address is.
func isMe(name, object string) bool {
	return calendar.SameName(name, "me") || calendar.SameName(name, object)
}
