package account

import (
	"testing"

	"adminassistant/shared/fault"
)

func TestFrom(t *testing.T) {
	ann := Principal{Tenant: "tenant", Object: "object", Name: "Ann"}
	if got, err := From(With(t.Context(), ann)); err != nil || got != ann {
		t.Errorf("got %+v, %v", got, err)
	}
	bob := Principal{Tenant: "tenant", Object: "other", Name: "Bob"}
	if got, err := From(With(With(t.Context(), ann), bob)); err != nil || got != bob {
		t.Errorf("the one who was put last: got %+v, %v", got, err)
	}
	if got, err := From(t.Context()); fault.Of(err) != fault.Unauthenticated || got != (Principal{}) {
		t.Errorf("nobody: got %+v, %v", got, err)
	}
	for _, half := range []Principal{{}, {Tenant: "tenant"}, {Object: "object"}, {Name: "Ann"}} {
		if got, err := From(With(t.Context(), half)); fault.Of(err) != fault.Unauthenticated || got != (Principal{}) {
			t.Errorf("%+v: got %+v, %v, want unauthenticated", half, got, err)
		}
	}
}

func TestKey(t *testing.T) {
	p := Principal{Tenant: "tenant", Object: "object", Name: "Ann"}
	if got := p.Key(); got != "tenant#object" {
		t.Errorf("got %q", got)
	}
	p.Name = "Bob"
	if got := p.Key(); got != "tenant#object" {
		t.Errorf("the name counts: %q", got)
	}
}

func TestAdmin(t *testing.T) {
	for role, want := range map[Role]bool{"": false, RoleUser: false, RoleAdmin: true, "Admin": false} {
		if got := (Principal{Tenant: "tenant", Object: "object", Role: role}).Admin(); got != want {
			t.Errorf("role %q is an administrator: %t", role, got)
		}
	}
}
