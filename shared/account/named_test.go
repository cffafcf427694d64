package account

import (
	"slices"
	"testing"

	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func TestNamedAccounts(t *testing.T) {
	w := newWorld(t)
	named := NewNamedAccounts(w.table)
	in := func(provider, account string) calendar.URI {
		return calendar.URI{Provider: provider, Account: account, Calendar: "Work"}
	}
	local, graph := calendar.ProviderLocal, calendar.ProviderGraph
	must(t, named.Note(t.Context(), "home#ann", in(local, "Me"), in(local, "me"), in(local, "other")))
	must(t, named.Note(t.Context(), "home#ann", in(local, "ME"), in(graph, "ann@example.com")))
	must(t, named.Note(t.Context(), "home#ann2", in(local, "second")))
	list := func(user, provider string) []string {
		t.Helper()
		names, err := named.List(t.Context(), user, provider)
		must(t, err)
		return names
	}
	if got := list("home#ann", local); !slices.Equal(got, []string{"ME", "other"}) {
		t.Errorf("local: %q", got)
	}
	if got := list("home#ann", graph); !slices.Equal(got, []string{"ann@example.com"}) {
		t.Errorf("msgraph: %q", got)
	}
	must(t, EraseNamed(t.Context(), w.table, "home#ann"))
	if got := append(list("home#ann", local), list("home#ann", graph)...); len(got) != 0 {
		t.Errorf("left: %q", got)
	}
	if got := list("home#ann2", local); !slices.Equal(got, []string{"second"}) {
		t.Errorf("another user's: %q", got)
	}
	_, err := w.table.Put(t.Context(), store.Item{Key: namedKey("home#ann", in(local, "x")), Data: []byte("{}")}, store.Any())
	must(t, err)
	if _, err := named.List(t.Context(), "home#ann", local); fault.Of(err) != fault.Malformed {
		t.Errorf("an unreadable one: %v", err)
	}
}
