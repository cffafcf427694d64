package local

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/calendar/providertest"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func TestCategories(t *testing.T) {
	providertest.RunCategories(t, func(t *testing.T) (providertest.Categories, string) {
		p, _ := fresh(t)
		return p.For("tenant#ann"), "me"
	})
}

func TestCategoriesAreAnAccountsAndGoWithItsUser(t *testing.T) {
	p, _ := fresh(t)
	ann, bob := p.For("tenant#ann"), p.For("tenant#bob")
	for of, account := range map[*Provider]string{ann: "Me", bob: "me"} {
		if _, err := of.CreateCategory(t.Context(), account, calendar.Category{Name: "Acme - billable", Colour: "none"}); err != nil {
			t.Fatal(err)
		}
	}
	count := func(of *Provider, account string) int {
		all, err := of.Categories(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	if got := fmt.Sprint(count(ann, "ME"), count(ann, "other"), count(bob, "me")); got != "1 0 1" {
		t.Error(got)
	}
	if err := ann.Erase(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(count(ann, "me"), count(bob, "me")); got != "0 1" {
		t.Errorf("after one user is erased: %s", got)
	}
}

// between does something else before the first write that goes over it.
type between struct {
	store.Table
	do func()
}

func (b *between) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
	return b.Table.Put(ctx, item, cond)
}

func TestCategoriesThatAreMadeAtTheSameTimeAreAllThere(t *testing.T) {
	p, _ := fresh(t)
	ann := p.For("tenant#ann")
	create := func(p *Provider, name string) {
		t.Helper()
		if _, err := p.CreateCategory(t.Context(), "me", calendar.Category{Name: name, Colour: "none"}); err != nil {
			t.Fatal(err)
		}
	}
	for i, first := range []string{"R1 - billable", "R3 - billable"} { // the first one ever, and one more
		other := *ann
		other.table = &between{Table: ann.table, do: func() { create(ann, fmt.Sprintf("R%d - billable", 2+2*i)) }}
		create(&other, first)
	}
	all, err := ann.Categories(t.Context(), "me")
	if err != nil || len(all) != 4 {
		t.Errorf("%v are there, %v", all, err)
	}
	for i := len(all); i < maxCategories; i++ {
		if _, err := ann.CreateCategory(t.Context(), "me", calendar.Category{Name: fmt.Sprintf("C%d - billable", i), Colour: "none"}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = ann.CreateCategory(t.Context(), "me", calendar.Category{Name: "One more - billable", Colour: "none"})
	if fault.Of(err) != fault.Conflict || !strings.Contains(err.Error(), "500") {
		t.Errorf("one too many: %v", err)
	}
}
