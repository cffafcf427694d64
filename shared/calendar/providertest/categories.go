package providertest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
)

// Categories is what keeps the categories of accounts: a Provider's other side.
type Categories interface {
	Categories(ctx context.Context, account string) ([]calendar.Category, error)
	CreateCategory(ctx context.Context, account string, c calendar.Category) (calendar.Category, error)
	RecolourCategory(ctx context.Context, account, id, colour string) error
	DeleteCategory(ctx context.Context, account, id string) error
}

// RunCategories checks what keeps the categories of accounts. open returns a fresh one, and an account without categories.
func RunCategories(t *testing.T, open func(t *testing.T) (of Categories, account string)) {
	of, me := open(t)
	ctx := t.Context()
	list := func() []calendar.Category {
		t.Helper()
		all, err := of.Categories(ctx, me)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(all, func(a, b calendar.Category) int { return strings.Compare(a.Name, b.Name) })
		return all
	}
	if all := list(); len(all) != 0 {
		t.Fatalf("there are %v", all)
	}
	acme, err := of.CreateCategory(ctx, me, calendar.Category{Name: "Acme - billable", Colour: "preset24"})
	if err != nil || acme.ID == "" || acme.Name != "Acme - billable" || acme.Colour != "preset24" {
		t.Fatalf("made %+v, %v", acme, err)
	}
	globex, err := of.CreateCategory(ctx, me, calendar.Category{Name: "Globex – billable 🎈", Colour: calendar.NoColour})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := list(), []calendar.Category{acme, globex}; !slices.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	for name, c := range map[string]struct {
		calendar.Category
		kind  fault.Kind
		field string
	}{
		"a name that is there":                        {calendar.Category{Name: "acme - BILLABLE", Colour: "none"}, fault.Conflict, ""},
		"no name":                                     {calendar.Category{Colour: "none"}, fault.Invalid, "name"},
		"a name with a space at its end":              {calendar.Category{Name: "Acme ", Colour: "none"}, fault.Invalid, "name"},
		"a name of two lines":                         {calendar.Category{Name: "Ac\nme", Colour: "none"}, fault.Invalid, "name"},
		"a name that is too long":                     {calendar.Category{Name: strings.Repeat("ä", 256), Colour: "none"}, fault.Invalid, "name"},
		"no colour":                                   {calendar.Category{Name: "Initech"}, fault.Invalid, "colour"},
		"a colour that Outlook has no name for":       {calendar.Category{Name: "Initech", Colour: "red"}, fault.Invalid, "colour"},
		"a colour beyond the last one that there are": {calendar.Category{Name: "Initech", Colour: "preset25"}, fault.Invalid, "colour"},
	} {
		if _, err := of.CreateCategory(ctx, me, c.Category); fault.Of(err) != c.kind || fault.FieldOf(err) != c.field {
			t.Errorf("%s: %v", name, err)
		} else if c.kind == fault.Conflict && !strings.Contains(err.Error(), `"acme - BILLABLE" already`) {
			t.Errorf("%s is told as %v", name, err)
		}
	}
	if err := of.RecolourCategory(ctx, me, acme.ID, "preset0"); err != nil {
		t.Fatal(err)
	}
	acme.Colour = "preset0"
	if err := of.RecolourCategory(ctx, me, acme.ID, "green"); fault.FieldOf(err) != "colour" {
		t.Errorf("recoloured in green: %v", err)
	}
	if got, want := list(), []calendar.Category{acme, globex}; !slices.Equal(got, want) {
		t.Errorf("recoloured there are %v, want %v", got, want)
	}
	if err := of.DeleteCategory(ctx, me, acme.ID); err != nil {
		t.Fatal(err)
	}
	if got, want := list(), []calendar.Category{globex}; !slices.Equal(got, want) {
		t.Errorf("after one was deleted there are %v, want %v", got, want)
	}
	for what, err := range map[string]error{"recoloured": of.RecolourCategory(ctx, me, acme.ID, "none"), "deleted": of.DeleteCategory(ctx, me, acme.ID)} {
		if !errors.Is(err, calendar.ErrNotFound) {
			t.Errorf("one that is gone is %s: %v", what, err)
		}
	}
	if _, err := of.CreateCategory(ctx, me, calendar.Category{Name: "Acme - billable", Colour: "none"}); err != nil {
		t.Errorf("made anew: %v", err)
	}
}
