// Package account knows whose data is whose.
package account

import (
	"context"

	"adminassistant/shared/fault"
)

// Principal is who makes a request. Everything that a request reads or writes is keyed by it.
type Principal struct {
	Tenant string // Entra tenant id; "local" on one machine
	Object string // Entra object id; the name of the operating system's account on one machine
	Name   string // for people, never a key
	Role   Role   // what the principal may do; empty: RoleUser
	// UserName and Address are by which the user may name the own mailbox, as the sign-in has them: the user principal name and the e-mail address.
	// Both may be empty. Nobody is let in to anything by them: they only mean Object.
	UserName, Address string
}

// Role is what a principal may do.
type Role string

const (
	RoleUser  Role = "user"  // own data only
	RoleAdmin Role = "admin" // also users and jobs of the own tenant, without the content of events
)

// Admin says whether the principal is an administrator of its tenant.
func (p Principal) Admin() bool { return p.Role == RoleAdmin }

// Key names the user in store keys: "<tid>#<oid>".
func (p Principal) Key() string { return p.Tenant + "#" + p.Object }

type principalKey struct{}

// With returns a context that carries the principal. The one middleware that knows who is calling uses it.
func With(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// From returns the context's principal; without one the error is of kind fault.Unauthenticated.
func From(ctx context.Context) (Principal, error) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	if !ok || p.Tenant == "" || p.Object == "" {
		return Principal{}, fault.New(fault.Unauthenticated, "nobody is signed in")
	}
	return p, nil
}
