package microsoft

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"
	"github.com/rs/zerolog"

	"adminassistant/shared/account/msal"
	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
	"adminassistant/shared/secret"
	"adminassistant/shared/store"
)

// errChanged means that somebody else changed the item: it has to be read anew.
var errChanged = errors.New("microsoft: the sign-in was changed meanwhile")

var (
	errRenewed = fault.New(fault.Unavailable, "the sign-in at Microsoft was renewed meanwhile; try again")
	errTenant  = fault.New(fault.Forbidden, "users of this tenant are not let in; sign in with another account")
)

// SignIn is the sign-in of one user, for a worker that acts for that user. It may be used from many goroutines at once.
type SignIn struct {
	client  *Client
	user    string
	version atomic.Int64 // of the item from which the last token came
}

// Of returns the sign-in of a user, by the user's key. It asks nobody for anything.
func (c *Client) Of(user string) *SignIn { return &SignIn{client: c, user: user} }

// Token returns an access token of the user for Microsoft Graph and when it ends: mostly from memory, else from the table, else by a refresh, during
// which all others who need one wait. What another process did to the sign-in is noticed within a minute. Errors: ErrSignInNeeded, at once and
// without asking the service from the second time on; fault.Forbidden with a refusal.Error where the organisation does not let us act for the
// user, for a while without asking; fault.Throttled, fault.Unavailable, fault.Setup, and those of table and keeper.
func (s *SignIn) Token(ctx context.Context) (token string, expires time.Time, err error) {
	h, err := s.client.token(ctx, s.user)
	if err != nil {
		return "", time.Time{}, err
	}
	s.version.Store(h.version)
	return h.token, h.expires, nil
}

// Refused notes that Graph refused the last token and wants more of the user than it shows: claims is its challenge (JSON). The error that it returns
// is an ErrSignInNeeded, and from then on all get that until the user has signed in; or fault.Unavailable, when there is a newer token to try.
func (s *SignIn) Refused(ctx context.Context, claims string) error {
	c := s.client
	c.memory.drop(s.user)
	e, err := c.load(ctx, s.user)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return signInNeeded("", claims)
	case err != nil:
		return err
	case e.Needed != nil:
		return e.Needed.err()
	case e.version != s.version.Load():
		return errRenewed
	}
	n := &need{Since: c.clock().UTC(), Reason: "claims challenge", Claims: claims}
	switch _, err := c.save(ctx, s.user, record{Needed: n, unknown: e.unknown}, store.VersionIs(e.version)); {
	case errors.Is(err, store.ErrConflict):
		return errRenewed
	case err != nil:
		return err
	}
	return n.err()
}

// token returns a user's access token.
func (c *Client) token(ctx context.Context, user string) (held, error) {
	if tenant, object, _ := strings.Cut(user, "#"); object == "" || !slices.Contains(c.tenants, tenant) {
		return held{}, errTenant
	}
	if h, ok := c.memory.get(user, c.clock()); ok {
		return h, nil
	}
	// One who does not wait leaves it to the others: a refresh that was cut off would lose the new refresh token.
	flight := c.flights.DoChan(user, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), workFor)
		defer cancel()
		return c.obtain(ctx, user)
	})
	select {
	case r := <-flight:
		h, _ := r.Val.(held)
		return h, r.Err
	case <-ctx.Done():
		return held{}, fault.Wrap(fault.Unavailable, fmt.Errorf("get access to Microsoft 365: %w", ctx.Err()))
	}
}

// obtain gets a token from the table or by a refresh, after whoever is refreshing already.
func (c *Client) obtain(ctx context.Context, user string) (held, error) {
	wait := pause.Growing(firstPause, longestPause)
	for {
		e, err := c.load(ctx, user)
		if errors.Is(err, store.ErrNotFound) {
			err = signInNeeded("", "")
		} else if err == nil && e.Needed != nil {
			err = e.Needed.err()
		}
		if err != nil {
			if errors.Is(err, ErrSignInNeeded) {
				c.memory.drop(user)
			}
			return held{}, err
		}
		now := c.clock()
		if h, ok := c.memory.confirm(user, e.version, now); ok {
			return h, nil
		}
		if e.blocked(now) {
			return held{}, e.Blocked.err()
		}
		if e.leased(now) {
			if err := pause.For(ctx, wait.NextBackOff()); err != nil {
				return held{}, fault.Wrap(fault.Unavailable, fmt.Errorf("wait for another who renews the sign-in at Microsoft: %w", err))
			}
			continue
		}
		if h, err := c.use(ctx, user, e); !errors.Is(err, errChanged) {
			return h, err
		}
	}
}

// use opens an entry and gets a token of it. It returns errChanged when somebody else was faster.
func (c *Client) use(ctx context.Context, user string, e entry) (held, error) {
	o, err := c.open(ctx, user, e.Sealed)
	if errors.Is(err, secret.ErrUnreadable) {
		// Not noted in the item: with the right key it may be readable again.
		zerolog.Ctx(ctx).Warn().Msg("a sign-in at Microsoft cannot be opened")
		return held{}, signInNeeded("unreadable", "")
	}
	if err != nil {
		return held{}, err
	}
	kept := newCache(o.Cache)
	got, err := c.ask(ctx, user, kept, o.Account, false)
	if err == nil {
		return c.hold(user, got, e.version), nil
	}
	if !errors.Is(err, errOffline) {
		return held{}, explain(err, c.clock())
	}
	leased := record{Sealed: e.Sealed, Refreshing: c.clock().Add(leaseFor).UTC(), Blocked: e.Blocked, unknown: e.unknown}
	version, err := c.save(ctx, user, leased, store.VersionIs(e.version))
	if errors.Is(err, store.ErrConflict) {
		return held{}, errChanged
	}
	if err != nil {
		return held{}, err
	}
	asking, cancel := context.WithTimeout(ctx, 2*askFor)
	defer cancel()
	if got, err = c.ask(asking, user, kept, o.Account, true); err != nil {
		return held{}, c.release(ctx, user, e, version, explain(err, c.clock()))
	}
	version, err = c.keep(ctx, user, opened{Account: o.Account, Cache: kept.Text}, e.unknown, version)
	if err != nil {
		return held{}, err
	}
	return c.hold(user, got, version), nil
}

// ask gets a token from the library.
func (c *Client) ask(ctx context.Context, user string, kept *msal.Cache, home string, online bool) (public.AuthResult, error) {
	tenant, object, _ := strings.Cut(user, "#")
	l, err := c.library(tenant, kept, online)
	if err != nil {
		return public.AuthResult{}, err
	}
	got, err := l.silent(ctx, home)
	if err == nil && (got.IDToken.TenantID != tenant || got.IDToken.Oid != object) {
		return public.AuthResult{}, fault.New(fault.Internal, "Microsoft's sign-in service answered for another user than was asked for")
	}
	return got, err
}

// hold keeps a token in memory.
func (c *Client) hold(user string, got public.AuthResult, version int64) held {
	h := held{token: got.AccessToken, expires: got.ExpiresOn, version: version}
	c.memory.put(user, h, c.clock())
	return h
}

// keep seals and stores what a refresh brought, if the lease is still ours, and returns the item's version. The old refresh token may be dead, so
// that it does not give up while there is time.
func (c *Client) keep(ctx context.Context, user string, o opened, unknown store.Unknown, leased int64) (int64, error) {
	wait := pause.Growing(firstPause, longestPause)
	for {
		sealed, err := c.seal(ctx, user, o)
		var version int64
		if err == nil {
			version, err = c.save(ctx, user, record{Sealed: sealed, unknown: unknown}, store.VersionIs(leased))
		}
		switch {
		case err == nil:
			return version, nil
		case errors.Is(err, store.ErrConflict): // or it was stored by an attempt of which we did not hear
			return 0, errChanged
		case !fault.Of(err).Transient() || pause.For(ctx, wait.NextBackOff()) != nil:
			return 0, err
		}
	}
}

// release gives the lease back after a refresh that failed, with a note if a sign-in is needed, and returns the failure.
func (c *Client) release(ctx context.Context, user string, e entry, leased int64, failure error) error {
	r := record{Sealed: e.Sealed, Blocked: blockOf(failure, e.Blocked, c.clock()), unknown: e.unknown}
	if r.Blocked != nil && e.Blocked == nil {
		zerolog.Ctx(ctx).Info().Int("number", r.Blocked.Number).Msg("an organisation does not let us act for a user at Microsoft")
	}
	if r.Blocked == nil && fault.Of(failure).Transient() {
		r.Blocked = e.Blocked // nobody knows whether it is over
	}
	if needed := new(SignInNeeded); errors.As(failure, &needed) {
		zerolog.Ctx(ctx).Info().Str("reason", needed.Reason).Bool("claims", needed.Claims != "").Msg("a sign-in at Microsoft has ended")
		r.Sealed, r.Blocked = nil, nil // what was sealed is good for nothing any more
		r.Needed = &need{Since: c.clock().UTC(), Reason: needed.Reason, Claims: needed.Claims}
	}
	switch _, err := c.save(ctx, user, r, store.VersionIs(leased)); {
	case errors.Is(err, store.ErrConflict):
		return errChanged
	case err != nil:
		zerolog.Ctx(ctx).Warn().Err(err).Msg("the lease of a sign-in at Microsoft was not given back; it runs out")
	}
	return failure
}
