package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// The categories of an account are kept in one item, USER#<user> / CATEGORIES#<account>. They are the account's, not a calendar's, as in Outlook.

const (
	prefixCategories = "CATEGORIES#"
	// maxCategories is how many categories an account may have.
	maxCategories = 500
)

type categories struct {
	Categories []calendar.Category `json:"categories"`

	version int64
	unknown store.Unknown
}

func (p *Provider) categoriesKey(account string) store.Key {
	return store.OfUser(p.user, prefixCategories+fold(account))
}

func (p *Provider) readCategories(ctx context.Context, account string) (c categories, err error) {
	item, err := p.table.Get(ctx, p.categoriesKey(account))
	if errors.Is(err, store.ErrNotFound) {
		return c, nil
	}
	if err != nil {
		return c, fmt.Errorf("read categories: %w", err)
	}
	if c.unknown, err = store.Decode(item.Data, &c); err != nil {
		return c, fault.New(fault.Malformed, "the categories of an account are unreadable: %v", err)
	}
	c.version = item.Version
	return c, nil
}

// Categories lists the categories of an account, in the order in which they were made.
func (p *Provider) Categories(ctx context.Context, account string) ([]calendar.Category, error) {
	c, err := p.readCategories(ctx, account)
	if err != nil {
		return nil, err
	}
	return append([]calendar.Category{}, c.Categories...), nil
}

// changeCategories stores what change makes of an account's categories, and tries again while others change them.
func (p *Provider) changeCategories(ctx context.Context, account string, change func(*categories) error) error {
	for range attempts {
		c, err := p.readCategories(ctx, account)
		if err != nil {
			return err
		}
		if err := change(&c); err != nil {
			return err
		}
		data, err := c.unknown.Encode(&c)
		if err != nil {
			return err
		}
		cond := store.Absent()
		if c.version > 0 {
			cond = store.VersionIs(c.version)
		}
		if _, err = p.table.Put(ctx, store.Item{Key: p.categoriesKey(account), Data: data}, cond); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "the categories are changed by somebody else at the same moment; try again")
}

// at finds the category of an id.
func (c *categories) at(id string) (*calendar.Category, error) {
	i := slices.IndexFunc(c.Categories, func(one calendar.Category) bool { return one.ID == id })
	if i < 0 {
		return nil, calendar.Told(fault.NotFound, calendar.ErrNotFound, "there is no category %.100q", id)
	}
	return &c.Categories[i], nil
}

// CreateCategory adds a category, and gives it its ID. A name that exists, in any case, is a Conflict, as is one category too many.
func (p *Provider) CreateCategory(ctx context.Context, account string, made calendar.Category) (calendar.Category, error) {
	if err := made.Check(); err != nil {
		return calendar.Category{}, err
	}
	made.ID = p.ids()
	err := p.changeCategories(ctx, account, func(c *categories) error {
		switch {
		case slices.ContainsFunc(c.Categories, func(one calendar.Category) bool { return fold(one.Name) == fold(made.Name) }):
			return fault.New(fault.Conflict, "there is a category %q already", made.Name)
		case len(c.Categories) >= maxCategories:
			return fault.New(fault.Conflict, "there are %d categories already, as many as there may be; delete one first", len(c.Categories))
		}
		c.Categories = append(c.Categories, made)
		return nil
	})
	if err != nil {
		return calendar.Category{}, err
	}
	return made, nil
}

// RecolourCategory gives a category another colour. Errors: calendar.ErrNotFound.
func (p *Provider) RecolourCategory(ctx context.Context, account, id, colour string) error {
	if err := calendar.CheckColour(colour); err != nil {
		return err
	}
	return p.changeCategories(ctx, account, func(c *categories) error {
		one, err := c.at(id)
		if err == nil {
			one.Colour = colour
		}
		return err
	})
}

// DeleteCategory removes a category from the list; events keep it. Errors: calendar.ErrNotFound.
func (p *Provider) DeleteCategory(ctx context.Context, account, id string) error {
	return p.changeCategories(ctx, account, func(c *categories) error {
		_, err := c.at(id)
		c.Categories = slices.DeleteFunc(c.Categories, func(one calendar.Category) bool { return one.ID == id })
		return err
	})
}

// eraseCategories removes the categories of all accounts of the user.
func (p *Provider) eraseCategories(ctx context.Context) error {
	if err := store.Clear(ctx, p.table, store.Query{PK: store.UserPartition(p.user), Prefix: prefixCategories}); err != nil {
		return fmt.Errorf("erase categories: %w", err)
	}
	return nil
}
