package microsoft

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/oauth2"

	"adminassistant/shared/account"
	"adminassistant/shared/account/refusal"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

// Request begins a sign-in. State, Nonce and the verifier of Challenge are random and new for each, and kept by whoever asks until the user is back.
type Request struct {
	State     string
	Nonce     string
	Challenge string // of PKCE, by S256
	LoginHint string // user name that the page proposes; may be empty
	Claims    string // State.Claims of the user; mostly empty
	Prompt    string // empty, SelectAccount or Silent
	// Tenant is that at which the user signs in; empty: the one that is let in, or that of the user's account where there are several. A guest can be
	// asked for at the host's alone.
	Tenant string
}

// The values of Request.Prompt. Without one, the service takes the one user who is signed in there without a word.
const (
	SelectAccount = "select_account"
	Silent        = "none" // no page is shown: an error comes back in its place
)

// Response is what came of a Request.
type Response struct {
	Code     string
	Verifier string // of PKCE
	Nonce    string // of the Request
	Tenant   string // of the Request
	// Asked says whether the page was asked for what a user has to show, since Begin was given a user; nil: it was given none.
	Asked func(user string) bool
}

// ErrMore means that a sign-in does not show what the user's next one has to: it was begun before anybody knew whose it is.
var ErrMore = fault.New(fault.Unauthenticated, "your organisation wants to see more of you than this sign-in shows; sign in again")

// Identity is who signed in.
type Identity struct {
	account.Principal
	// Account is the user name with which the user signed in, for the next sign-in's LoginHint. It is no name of a mailbox: it may be an alias, and
	// changes. May be empty.
	Account string
	// LogoutHint names the user to the service when the user signs out; empty where the application's registration does not ask for it.
	LogoutHint string
	// Access is for the listing of the user's calendars that follows a sign-in, in a process that cannot open the user's tokens later. Whoever has it
	// drops it with the request: it is not for sessions, tables or other processes.
	Access *Access
}

// Access is an access token in memory. It cannot be written out.
type Access struct {
	token   string
	expires time.Time
}

// Token returns the token and when it ends.
func (a *Access) Token(context.Context) (string, time.Time, error) { return a.token, a.expires, nil }

// Refused returns an ErrSignInNeeded with what the service asks for.
func (a *Access) Refused(_ context.Context, claims string) error { return signInNeeded("", claims) }

// Format keeps the token out of whatever is printed.
func (a *Access) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "access to Microsoft Graph") }

// URL is the page on which the user signs in. It comes back to Options.RedirectURL, with state and code in the query.
func (c *Client) URL(ctx context.Context, r Request) string {
	scopes := []string{"openid", "profile"}
	if !c.identity {
		scopes = append(scopes, "offline_access")
	}
	config := oauth2.Config{
		ClientID: c.id, RedirectURL: c.redirect, Scopes: append(scopes, c.scopes...),
		Endpoint: oauth2.Endpoint{AuthURL: c.endpoint(ctx, r.Tenant) + "authorize"},
	}
	options := []oauth2.AuthCodeOption{
		oauth2.SetAuthURLParam("response_mode", "query"), oauth2.SetAuthURLParam("nonce", r.Nonce),
		oauth2.SetAuthURLParam("code_challenge", r.Challenge), oauth2.SetAuthURLParam("code_challenge_method", "S256"),
	}
	for name, value := range map[string]string{"login_hint": r.LoginHint, "claims": r.Claims, "prompt": r.Prompt} {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	return config.AuthCodeURL(r.State, options...)
}

// Begin is URL, with what the next sign-in of a user has to show in Request.Claims. user is who is signed in and signs in once more; empty: nobody
// is. Errors are the table's, and fault.Invalid for a tenant that is not let in.
func (c *Client) Begin(ctx context.Context, user string, r Request) (string, error) {
	if r.Tenant = strings.ToLower(r.Tenant); r.Tenant != "" {
		in := slices.Contains(c.tenants, r.Tenant)
		if c.lets != nil {
			var err error
			if in, err = c.lets(ctx, r.Tenant); err != nil {
				return "", err
			}
		}
		if !in {
			return "", fault.Field("tenant", "has to be one whose users are let in, as %s", strings.Join(c.tenants, ", "))
		}
	}
	if user != "" {
		state, err := c.State(ctx, user)
		if err != nil {
			return "", err
		}
		r.Claims = state.Claims
	}
	return c.URL(ctx, r), nil
}

// door is the tenant at which users sign in, if they do not name one. Where nobody can say whether others are let in, those of the settings are.
func (c *Client) door(ctx context.Context, named string) string {
	if named != "" {
		return named
	}
	if c.more != nil {
		more, err := c.more(ctx)
		if err != nil {
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("nobody can say which tenants are let in")
		}
		if more {
			return "organizations"
		}
	}
	if len(c.tenants) == 1 {
		return c.tenants[0]
	}
	return "organizations"
}

// endpoint is where the service's pages for a tenant are.
func (c *Client) endpoint(ctx context.Context, tenant string) string {
	return c.authority.String() + "/" + c.door(ctx, tenant) + "/oauth2/v2.0/"
}

// SignOut is the page on which a user ends the session with the service too. The browser comes back from it to the page signed-out beside
// Options.RedirectURL, where the application's registration has that among its redirect addresses. hint is Identity.LogoutHint; without it the service
// asks who signs out.
func (c *Client) SignOut(ctx context.Context, tenant, hint string) (string, error) {
	q := url.Values{"post_logout_redirect_uri": {c.redirect[:strings.LastIndex(c.redirect, "/")] + "/signed-out"}}
	if hint != "" {
		q.Set("logout_hint", hint)
	}
	return c.endpoint(ctx, tenant) + "logout?" + q.Encode(), nil
}

// Consent is where an administrator allows the application for the whole organisation.
func (c *Client) Consent(ctx context.Context, tenant string) (string, error) {
	return refusal.ConsentAddress(c.authority.String(), c.door(ctx, tenant), c.id), nil
}

// Redeem completes a sign-in: it exchanges the code, verifies who it is, and stores the tokens sealed, in the place of what was there. A user of
// whom a sign-in was needed is done with that. Errors: ErrSignInNeeded when the code is not good, those of bearer.Verifier.Identify when the id
// token is not, fault.Forbidden when the user or the organisation does not allow what is needed, ErrMore, with the Identity of who has to
// begin once more, fault.Throttled, fault.Unavailable, and those of table and keeper; nothing is stored then.
func (c *Client) Redeem(ctx context.Context, r Response) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*askFor)
	defer cancel()
	kept := newCache(nil)
	l, err := c.library(c.door(ctx, r.Tenant), kept, true)
	if err != nil {
		return Identity{}, err
	}
	got, err := l.redeem(ctx, r.Code, r.Verifier, c.redirect)
	if err != nil {
		return Identity{}, fmt.Errorf("sign in: %w", explain(err, c.clock()))
	}
	claims, err := c.verifier.Identify(ctx, got.IDToken.RawToken, r.Nonce)
	if err != nil {
		return Identity{}, err
	}
	who := claims.Principal()
	if state, err := c.State(ctx, who.Key()); err != nil {
		return Identity{}, err
	} else if state.Claims != "" && (r.Asked == nil || !r.Asked(who.Key())) {
		return Identity{Principal: who, Account: got.IDToken.PreferredUsername}, ErrMore
	}
	in := Identity{
		Principal: who, Account: got.IDToken.PreferredUsername, LogoutHint: claims.LogoutHint,
		Access: &Access{token: got.AccessToken, expires: got.ExpiresOn},
	}
	if c.identity {
		return in, c.Forget(ctx, who.Key()) // what another setting left
	}
	sealed, err := c.seal(ctx, who.Key(), opened{Account: got.Account.HomeAccountID, Cache: kept.Text})
	if err != nil {
		return Identity{}, err
	}
	if _, err := c.save(ctx, who.Key(), record{Sealed: sealed}, store.Any()); err != nil {
		return Identity{}, err
	}
	c.memory.drop(who.Key())
	return in, nil
}

// State is what can be read of a user's sign-in without opening its secret.
type State struct {
	SignedIn bool      // else only a new sign-in helps
	Since    time.Time // when that was noticed; zero if the user never signed in
	Claims   string    // what that sign-in has to show, for Request.Claims; mostly empty
	// Blocked is why the organisation does not let us act for the user though the sign-in stands, for people; nil: it does. It is of kind fault.Forbidden.
	Blocked      error
	BlockedSince time.Time
}

// State reads the state of a user's sign-in. Errors are the table's.
func (c *Client) State(ctx context.Context, user string) (State, error) {
	e, err := c.load(ctx, user)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return State{}, nil
	case err != nil:
		return State{}, err
	case e.Needed != nil:
		return State{Since: e.Needed.Since, Claims: e.Needed.Claims}, nil
	}
	state := State{SignedIn: true}
	if e.Blocked != nil {
		state.Blocked, state.BlockedSince = e.Blocked.err(), e.Blocked.Since
	}
	return state, nil
}

// Forget removes a user's tokens, when the user is shut out. Workers notice it within a minute. Errors are the table's.
func (c *Client) Forget(ctx context.Context, user string) error {
	defer c.memory.drop(user)
	if err := c.table.Delete(ctx, keyOf(user), store.Any()); err != nil {
		return fmt.Errorf("forget the sign-in at Microsoft: %w", err)
	}
	return nil
}
