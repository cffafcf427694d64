package bearer

import (
	"context"
	"crypto/subtle"
	"slices"

	"adminassistant/shared/fault"
)

// What is wrong with an id token, where it is not what may be wrong with an access token too.
var (
	errNotIdentity = fault.New(fault.Unauthenticated, "the sign-in was not for this application; sign in again")
	errNonce       = fault.New(fault.Unauthenticated, "the sign-in was not begun here, or too long ago; sign in again")
)

// Identify checks the id token that a sign-in brought: by the same rules as Verify, and that it answers the request with that nonce, which may not
// be empty. The audience is the application to which the user signed in; Options.Clients do not matter. Errors are those of Verify but fault.Forbidden.
func (v *Verifier) Identify(ctx context.Context, raw, nonce string) (Claims, error) {
	if len(raw) > maxToken {
		return Claims{}, errLarge
	}
	keyID, b, err := parse(raw)
	if err != nil {
		return Claims{}, err
	}
	from, err := v.from(ctx, b.Tenant)
	if err != nil {
		return Claims{}, err
	}
	switch {
	case b.Issuer != from.v2 || b.Version != "2.0" || !slices.Contains(v.audiences, b.Audience) || b.Scopes != "": // an access token is no proof of a sign-in
		return Claims{}, errNotIdentity
	case nonce == "" || subtle.ConstantTimeCompare([]byte(b.Nonce), []byte(nonce)) != 1:
		return Claims{}, errNonce
	case !guid.MatchString(b.Object):
		return Claims{}, errNoUser
	case !v.guests && b.guest():
		return Claims{}, errGuest
	}
	if err := b.times.check(v.clock()); err != nil {
		return Claims{}, err
	}
	if err := from.genuine(ctx, raw, keyID, b.Issuer); err != nil {
		return Claims{}, err
	}
	return b.claims(b.Audience), nil
}
