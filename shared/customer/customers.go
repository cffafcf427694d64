package customer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/limit"
	"adminassistant/shared/store"
)

// Customers keeps the customers of all users.
type Customers struct {
	table store.Table
	newID func() string
	clock func() time.Time
}

// New returns the customers that are kept in table.
func New(table store.Table, newID func() string, clock func() time.Time) *Customers {
	return &Customers{table: table, newID: newID, clock: clock}
}

const prefix = "CUSTOMER#"

func key(user, id string) store.Key { return store.OfUser(user, prefix+id) }

// countKey is the item that changes whenever one of a user's customers does. So no two changes are stored at once, and names are compared with all others.
func countKey(user string) store.Key { return store.OfUser(user, "CUSTOMERS") }

// attempts is how often a change is tried while others are made.
const attempts = 8

func item(user string, c *Customer) *store.Item {
	data, err := c.Unknown.Encode(c)
	if err != nil {
		panic(fmt.Sprintf("customer: %v", err)) // plain data
	}
	return &store.Item{Key: key(user, c.ID), Data: data}
}

func decode(item store.Item) (Customer, error) {
	var c Customer
	unknown, err := store.Decode(item.Data, &c)
	if err != nil {
		return Customer{}, fault.New(fault.Malformed, "customer %s is unreadable: %v", item.SK, err)
	}
	c.Version, c.Unknown = item.Version, unknown
	return c, nil
}

// Book returns all customers of a user.
func (s *Customers) Book(ctx context.Context, user string) (*Book, error) {
	items, err := store.All(ctx, s.table, store.Query{PK: store.UserPartition(user), Prefix: prefix})
	if err != nil {
		return nil, fmt.Errorf("list customers: %w", err)
	}
	all := make([]Customer, len(items))
	for i, item := range items {
		if all[i], err = decode(item); err != nil {
			return nil, err
		}
	}
	return NewBook(all), nil
}

// Get returns a user's customer by its id. When the user has none of that id, the error is of kind fault.NotFound.
func (s *Customers) Get(ctx context.Context, user, id string) (Customer, error) {
	item, err := s.table.Get(ctx, key(user, id))
	if errors.Is(err, store.ErrNotFound) {
		return Customer{}, errNone(id)
	}
	if err != nil {
		return Customer{}, fmt.Errorf("read customer %s: %w", id, err)
	}
	return decode(item)
}

func errNone(id string) error { return fault.New(fault.NotFound, "there is no customer %.50q", id) }

// Named returns a user's customer by its id, or by any of its names, however it is spelled. Errors are Get's.
func (s *Customers) Named(ctx context.Context, user, idOrName string) (Customer, error) {
	c, err := s.Get(ctx, user, idOrName)
	if fault.Of(err) != fault.NotFound {
		return c, err
	}
	book, failed := s.Book(ctx, user)
	if failed != nil {
		return Customer{}, failed
	}
	if named := book.Find(idOrName); named != nil {
		return *named, nil
	}
	return Customer{}, err
}

// Create stores a new customer. A name that another one has is of kind fault.Conflict, as is one customer more than limit.Customers; all else that is wrong
// with the record is of kind fault.Invalid and names the field.
func (s *Customers) Create(ctx context.Context, user string, c Customer) (Customer, error) {
	if err := c.Validate(); err != nil {
		return Customer{}, err
	}
	c.ID, c.Created, c.Unknown = s.newID(), s.clock().UTC(), store.Unknown{}
	c.Updated = c.Created
	c.sort()
	err := s.change(ctx, user, func(book *Book) ([]store.Op, error) {
		if len(book.all) >= limit.Customers {
			return nil, fault.New(fault.Conflict, "there are %d customers already, as many as there may be; delete or merge one first", len(book.all))
		}
		return []store.Op{{Put: item(user, &c), If: store.Absent()}}, free(book, &c)
	})
	if err != nil {
		return Customer{}, err
	}
	c.Version = 1
	return c, nil
}

// Update replaces the customer c.ID. When its version is no longer c.Version, the error is store.ErrConflict. Other errors are Create's.
func (s *Customers) Update(ctx context.Context, user string, c Customer) (Customer, error) {
	if err := c.Validate(); err != nil {
		return Customer{}, err
	}
	c.sort()
	err := s.change(ctx, user, func(book *Book) ([]store.Op, error) {
		old, err := book.at(c.ID, c.Version)
		if err != nil {
			return nil, err
		}
		c.Created, c.Updated, c.Unknown = old.Created, s.clock().UTC(), old.Unknown
		return []store.Op{{Put: item(user, &c), If: store.VersionIs(c.Version)}}, free(book, &c)
	})
	if err != nil {
		return Customer{}, err
	}
	c.Version++
	return c, nil
}

// Delete removes a customer; what is archived stays, and names it as before. When its version is no longer the given one, the error is store.ErrConflict.
func (s *Customers) Delete(ctx context.Context, user, id string, version int64) error {
	return s.change(ctx, user, func(book *Book) ([]store.Op, error) {
		if _, err := book.at(id, version); err != nil {
			return nil, err
		}
		gone := key(user, id)
		return []store.Op{{Delete: &gone, If: store.VersionIs(version)}}, nil
	})
}

// Merge makes a name an alias of the customer id: with the name of another customer, that one's other names as well, and its record goes. Nothing that is
// archived is rewritten. A name that the customer has already changes nothing. When the version of the customer is no longer the given one, the error is
// store.ErrConflict. Other errors are of kind fault.NotFound, or Create's.
func (s *Customers) Merge(ctx context.Context, user, id string, version int64, name string) (Customer, error) {
	if err := checkName("name", name); err != nil {
		return Customer{}, err
	}
	var c Customer
	err := s.change(ctx, user, func(book *Book) ([]store.Op, error) {
		into, err := book.at(id, version)
		if err != nil {
			return nil, err
		}
		c = *into
		c.Aliases = slices.Clone(c.Aliases)
		other, names := book.Find(name), []string{name}
		var ops []store.Op
		switch {
		case other == into:
			return nil, nil
		case other != nil:
			gone := key(user, other.ID)
			ops, names = []store.Op{{Delete: &gone, If: store.VersionIs(other.Version)}}, other.Names()
		}
		c.Aliases, c.Updated = append(c.Aliases, names...), s.clock().UTC()
		if err := c.Validate(); err != nil {
			return nil, err
		}
		c.Version++
		return append(ops, store.Op{Put: item(user, &c), If: store.VersionIs(version)}), nil
	})
	return c, err
}

// at returns the customer of an id, if it has that version.
func (b *Book) at(id string, version int64) (*Customer, error) {
	i := slices.IndexFunc(b.all, func(c Customer) bool { return c.ID == id })
	switch {
	case i < 0:
		return nil, errNone(id)
	case b.all[i].Version != version:
		return nil, fmt.Errorf("store customer %s: %w", id, store.ErrConflict)
	}
	return &b.all[i], nil
}

// free says whether no other customer has one of the names.
func free(book *Book, c *Customer) error {
	for i, name := range c.Names() {
		other := book.Find(name)
		switch {
		case other == nil || other.ID == c.ID:
		case i > 0:
			return fault.Field(fmt.Sprintf("aliases[%d]", i-1), "is a name of customer %q", other.Name)
		case calendar.Folded(other.Name) == calendar.Folded(name):
			return fault.New(fault.Conflict, "there is a customer %q already", other.Name)
		default:
			return fault.New(fault.Conflict, "%q is an alias of customer %q", name, other.Name)
		}
	}
	return nil
}

// change stores what of a user's customers makes of them. It is made again while others are stored; no operations change nothing.
func (s *Customers) change(ctx context.Context, user string, of func(*Book) ([]store.Op, error)) error {
	for range attempts {
		count, unchanged := store.Item{Key: countKey(user), Data: []byte("{}")}, store.Absent()
		was, err := s.table.Get(ctx, count.Key)
		switch {
		case err == nil:
			unchanged, count.Data = store.VersionIs(was.Version), was.Data
		case !errors.Is(err, store.ErrNotFound):
			return fmt.Errorf("count the customers: %w", err)
		}
		book, err := s.Book(ctx, user) // after the count: what is stored in between changes it
		if err != nil {
			return err
		}
		ops, err := of(book)
		if err != nil || len(ops) == 0 {
			return err
		}
		err = s.table.Transact(ctx, append(ops, store.Op{Put: &count, If: unchanged}))
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return fmt.Errorf("store a customer: %w", err)
		}
	}
	return fault.New(fault.Unavailable, "other customers are changed at the same moment; try again")
}

// Erase removes all that is kept of a user's customers, readable or not.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Clear(ctx, table, store.Query{PK: store.UserPartition(user), Prefix: "CUSTOMER"}); err != nil {
		return fmt.Errorf("erase customers: %w", err)
	}
	return nil
}
