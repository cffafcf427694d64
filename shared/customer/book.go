package customer

import (
	"maps"
	"slices"
	"strings"

	"adminassistant/shared/calendar"
)

// Book is the customers of a user, to be found by any of their names.
type Book struct {
	all    []Customer // by folded name
	byName map[string]int
}

// NewBook returns the book of customers.
func NewBook(all []Customer) *Book {
	b := &Book{all: slices.Clone(all), byName: map[string]int{}}
	slices.SortFunc(b.all, func(a, c Customer) int { return strings.Compare(calendar.Folded(a.Name), calendar.Folded(c.Name)) })
	for i := range b.all {
		for _, name := range b.all[i].Names() {
			b.byName[calendar.Folded(name)] = i
		}
	}
	return b
}

// All returns the customers by name.
func (b *Book) All() []Customer { return b.all }

// Find returns the customer of a name or alias, however it is spelled; nil if none has it.
func (b *Book) Find(name string) *Customer {
	if i, ok := b.byName[calendar.Folded(name)]; ok {
		return &b.all[i]
	}
	return nil
}

// Named is what a customer is called whom a category names: the name of the record, or, of one that nobody has recorded, the name as it is written.
func (b *Book) Named(name string) string {
	if c := b.Find(name); c != nil {
		return c.Name
	}
	return name
}

// Spellings says how customers are written, by their folded names: as most do. count is how many write a name so.
func Spellings(count map[string]int) map[string]string {
	names := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(count)) {
		if folded := calendar.Folded(name); names[folded] == "" || count[name] > count[names[folded]] {
			names[folded] = name
		}
	}
	return names
}
