package place

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const ann, bob = "tenant#ann", "tenant#bob"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T) *Places {
	t.Helper()
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), time.Now)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	return New(table)
}

func (p *Places) told(t *testing.T, user string) string {
	t.Helper()
	all, err := p.Aliases(t.Context(), user)
	must(t, err)
	return strings.TrimPrefix(fmt.Sprint(map[string]string(all)), "map")
}

func TestANameIsThatOfOnePlace(t *testing.T) {
	p := open(t)
	for _, c := range []struct{ name, of, want string }{
		{"Room 4", " Acme  HQ ", "[room 4:Acme HQ]"},
		{"ROOM 4", "Acme HQ", "[room 4:Acme HQ]"},
		{"Room 5", "room 4", "[room 4:Acme HQ room 5:Acme HQ]"},                                   // another name of the same
		{"Acme HQ", "Hauptstr. 1", "[acme hq:Hauptstr. 1 room 4:Hauptstr. 1 room 5:Hauptstr. 1]"}, // the place itself gets another name
		{"Room 5", "Plant", "[acme hq:Hauptstr. 1 room 4:Hauptstr. 1 room 5:Plant]"},
	} {
		must(t, p.Alias(t.Context(), ann, c.name, c.of))
		if got := p.told(t, ann); got != c.want {
			t.Errorf("%s of %s: %s, want %s", c.name, c.of, got, c.want)
		}
	}
	before := p.told(t, ann)
	for _, c := range []struct{ name, of, field string }{
		{"", "Plant", "name"}, {"Online", "Plant", "name"}, {"Gate", "https://teams.example/1", "of"}, {"plant", "PLANT", "of"},
		{"Hauptstr. 1", "Acme HQ", "of"}, {strings.Repeat("a", 256), "Plant", "name"}, {"Gate\x00", "Plant", "name"},
	} {
		if err := p.Alias(t.Context(), ann, c.name, c.of); fault.Of(err) != fault.Invalid || fault.FieldOf(err) != c.field {
			t.Errorf("%q of %q: %v", c.name, c.of, err)
		}
	}
	if got := p.told(t, ann) + p.told(t, bob); got != before+"[]" {
		t.Errorf("after refusals: %s", got)
	}
	must(t, p.Unalias(t.Context(), ann, " room  4"))
	if err := p.Unalias(t.Context(), ann, "room 4"); fault.Of(err) != fault.NotFound {
		t.Error(err)
	}
	if got := p.told(t, ann); got != "[acme hq:Hauptstr. 1 room 5:Plant]" {
		t.Error(got)
	}
}

func TestThereAreOnlySoManyNames(t *testing.T) {
	p := open(t)
	for i := range maxAliases {
		must(t, p.Alias(t.Context(), ann, fmt.Sprint("Room ", i), "Acme HQ"))
	}
	must(t, p.Alias(t.Context(), ann, "Room 1", "Plant")) // in the place of another
	if err := p.Alias(t.Context(), ann, "One more", "Plant"); fault.Of(err) != fault.Conflict {
		t.Error(err)
	}
}

func TestErasingPlacesLeavesThoseOfOthers(t *testing.T) {
	p := open(t)
	must(t, p.Alias(t.Context(), ann, "Room", "Acme HQ"))
	must(t, p.Alias(t.Context(), bob, "Room", "Acme HQ"))
	must(t, Erase(t.Context(), p.table, ann))
	left, err := store.All(t.Context(), p.table, store.Query{PK: store.UserPartition(ann)})
	must(t, err)
	if len(left) != 0 || p.told(t, bob) != "[room:Acme HQ]" {
		t.Errorf("left %v, %s", left, p.told(t, bob))
	}
}
