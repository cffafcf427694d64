package app

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"adminassistant/shared/account"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/fault"
	"adminassistant/shared/httpapi"
	"adminassistant/shared/telemetry"
)

const (
	// reachFor is how long a sign-in waits for the application's secret.
	reachFor = 10 * time.Second
	// listFor is how long it waits for the listing of the user's calendars.
	listFor = 5 * time.Second
)

// signInOnly is what is asked of a user for whom nobody acts at Microsoft 365: who it is. A sign-in has to ask for something of Microsoft Graph.
var signInOnly = []string{"User.Read"}

// signIn is where browsers sign in. Its client is made when the first one does, since its secret has to be fetched.
type signIn struct {
	client   *once[*microsoft.Client]
	users    *account.Users
	listings *listing.Listings
	graph    *once[*graph.Provider] // for a listing of the user's calendars; nil: mailboxes are not reached on users' behalf
	// signedIn is called after every sign-in, with the user's key. The sign-in stands, whatever it returns. It may be nil.
	signedIn func(ctx context.Context, user string) error
}

var _ httpapi.SignIn = (*signIn)(nil)

// newSignIn returns where browsers sign in, as the settings say.
func (f *Function) newSignIn() *signIn {
	s := &signIn{client: f.providers.users, users: f.users, listings: f.providers.listings, signedIn: f.notice.SignedIn}
	if f.settings.GraphDelegated {
		s.graph = f.providers.graph
	}
	return s
}

// reach returns the client. What keeps it from being made goes to the log. The user, who cannot mend it, reads only that it may work later:
// the error is of kind fault.Unavailable.
func (s *signIn) reach(ctx context.Context) (*microsoft.Client, error) {
	within, cancel := context.WithTimeout(ctx, reachFor)
	defer cancel()
	client, err := s.client.get(within)
	if err != nil {
		telemetry.Failure(zerolog.Ctx(ctx).Error(), err).Msg("nobody can sign in on the web")
		return nil, fault.New(fault.Unavailable, "nobody can sign in on the web just now; try again in a few minutes")
	}
	return client, nil
}

// Begin implements httpapi.SignIn.
func (s *signIn) Begin(ctx context.Context, user string, r microsoft.Request) (string, error) {
	client, err := s.reach(ctx)
	if err != nil {
		return "", err
	}
	return client.Begin(ctx, user, r)
}

// Redeem implements httpapi.SignIn. A user who is not let in here is of kind fault.Forbidden, and leaves nothing behind.
func (s *signIn) Redeem(ctx context.Context, r microsoft.Response) (microsoft.Identity, error) {
	client, err := s.reach(ctx)
	if err != nil {
		return microsoft.Identity{}, err
	}
	who, err := client.Redeem(ctx, r)
	if err != nil {
		return who, err
	}
	log := zerolog.Ctx(ctx)
	if _, err := s.users.Admit(ctx, who.Principal); err != nil {
		if fault.Of(err) == fault.Forbidden {
			if err := client.Forget(ctx, who.Key()); err != nil {
				telemetry.Failure(log.Error(), err).Msg("the tokens of a user who is shut out were not removed")
			}
		}
		return microsoft.Identity{}, err
	}
	if s.graph != nil {
		if err := s.list(ctx, who); err != nil {
			telemetry.Failure(log.Warn(), err).Msg("calendars not listed after a sign-in")
		}
	}
	if s.signedIn != nil {
		if err := s.signedIn(ctx, who.Key()); err != nil {
			telemetry.Failure(log.Error(), err).Msg("a sign-in was not followed up")
		}
	}
	return who, nil
}

// SignOut implements httpapi.SignIn.
func (s *signIn) SignOut(ctx context.Context, tenant, hint string) (string, error) {
	client, err := s.reach(ctx)
	if err != nil {
		return "", err
	}
	return client.SignOut(ctx, tenant, hint)
}

// Consent implements httpapi.SignIn.
func (s *signIn) Consent(ctx context.Context, tenant string) (string, error) {
	client, err := s.reach(ctx)
	if err != nil {
		return "", err
	}
	return client.Consent(ctx, tenant)
}

// Forget implements httpapi.SignIn.
func (s *signIn) Forget(ctx context.Context, user string) error {
	client, err := s.reach(ctx)
	if err != nil {
		return err
	}
	return client.Forget(ctx, user)
}

// list leaves the listing of the user's own calendars, with the access token that the sign-in brought and nobody can get here again.
func (s *signIn) list(ctx context.Context, who microsoft.Identity) error {
	ctx, cancel := context.WithTimeout(ctx, listFor)
	defer cancel()
	shared, err := s.graph.get(ctx)
	if err != nil {
		return err
	}
	own, err := shared.As(who.Access)
	if err != nil {
		return err
	}
	// Asked for by the object id: the name in a token may be an alias, and another's tomorrow. Shown by all names that users have for it.
	infos, err := s.listings.Calendars(ctx, who.Key(), who.Object, own)
	if err != nil {
		return err
	}
	for _, name := range []string{"me", who.UserName, who.Address} {
		if name != "" {
			err = errors.Join(err, s.listings.Keep(ctx, who.Key(), name, infos))
		}
	}
	return err
}
