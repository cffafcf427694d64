package place

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

const (
	// maxAliases is how many other names a user may give to places.
	maxAliases = 500
	maxName    = 255
	// attempts is how often a change is tried while others are made.
	attempts = 5
)

// Places keeps the other names that users give to places.
type Places struct{ table store.Table }

// New returns those that are kept in table.
func New(table store.Table) *Places { return &Places{table: table} }

func key(user string) store.Key { return store.OfUser(user, "PLACES") }

// record is what is kept of a user.
type record struct {
	Aliases []alias `json:"aliases"`

	version int64
	unknown store.Unknown
}

// alias is another name of a place, as it was written.
type alias struct {
	Name string `json:"name"`
	Of   string `json:"of"`
}

func (p *Places) read(ctx context.Context, user string) (r record, err error) {
	item, err := p.table.Get(ctx, key(user))
	if errors.Is(err, store.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, fmt.Errorf("read places: %w", err)
	}
	if r.unknown, err = store.Decode(item.Data, &r); err != nil {
		return r, fault.New(fault.Malformed, "the places of a user are unreadable: %v", err)
	}
	r.version = item.Version
	return r, nil
}

// Aliases returns the other names of a user's places.
func (p *Places) Aliases(ctx context.Context, user string) (Aliases, error) {
	r, err := p.read(ctx, user)
	all := Aliases{}
	for _, a := range r.Aliases {
		all[calendar.Folded(a.Name)] = a.Of
	}
	return all, err
}

// change stores what change makes of a user's names, and tries again while others are changed.
func (p *Places) change(ctx context.Context, user string, change func(*record) error) error {
	for range attempts {
		r, err := p.read(ctx, user)
		if err != nil {
			return err
		}
		if err := change(&r); err != nil {
			return err
		}
		data, err := r.unknown.Encode(&r)
		if err != nil {
			return err
		}
		cond := store.Absent()
		if r.version > 0 {
			cond = store.VersionIs(r.version)
		}
		if _, err = p.table.Put(ctx, store.Item{Key: key(user), Data: data}, cond); !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fault.New(fault.Unavailable, "the names of places are changed by somebody else at the same moment; try again")
}

func checkName(field, text string) error {
	control := func(r rune) bool { return !unicode.IsSpace(r) && unicode.IsControl(r) }
	switch {
	case Name(text) == "":
		return fault.Field(field, "is no place; write it as appointments have it in their location")
	case !utf8.ValidString(text) || utf8.RuneCountInString(text) > maxName || slices.ContainsFunc([]rune(text), control):
		return fault.Field(field, "must have 1 to %d characters, without control characters", maxName)
	}
	return nil
}

// Alias makes name another name of the place of. If that is another name itself, it becomes one of the same place; what was known by name is known by the
// place from then on. Errors are of kind fault.Invalid and name the field, or of kind fault.Conflict.
func (p *Places) Alias(ctx context.Context, user, name, of string) error {
	if err := checkName("name", name); err != nil {
		return err
	}
	if err := checkName("of", of); err != nil {
		return err
	}
	name, of = Name(name), Name(of)
	return p.change(ctx, user, func(r *record) error {
		place := of
		for _, a := range r.Aliases {
			if calendar.Folded(a.Name) == calendar.Folded(of) {
				place = a.Of
			}
		}
		if calendar.Folded(place) == calendar.Folded(name) {
			return fault.Field("of", "is the same place already")
		}
		r.Aliases = slices.DeleteFunc(r.Aliases, func(a alias) bool { return calendar.Folded(a.Name) == calendar.Folded(name) })
		for i := range r.Aliases {
			if calendar.Folded(r.Aliases[i].Of) == calendar.Folded(name) {
				r.Aliases[i].Of = place
			}
		}
		if len(r.Aliases) >= maxAliases {
			return fault.New(fault.Conflict, "there are %d other names of places, as many as there may be; remove one first", len(r.Aliases))
		}
		r.Aliases = append(r.Aliases, alias{name, place})
		return nil
	})
}

// Unalias makes name a place of its own again. One that is no other name is of kind fault.NotFound.
func (p *Places) Unalias(ctx context.Context, user, name string) error {
	return p.change(ctx, user, func(r *record) error {
		left := slices.DeleteFunc(slices.Clone(r.Aliases), func(a alias) bool { return calendar.Folded(a.Name) == calendar.Folded(Name(name)) })
		if len(left) == len(r.Aliases) {
			return fault.New(fault.NotFound, "%.100q is no other name of a place", name)
		}
		r.Aliases = left
		return nil
	})
}

// Erase removes the names of a user's places.
func Erase(ctx context.Context, table store.Table, user string) error {
	if err := store.Remove(ctx, table, key(user)); err != nil {
		return fmt.Errorf("erase places: %w", err)
	}
	return nil
}
