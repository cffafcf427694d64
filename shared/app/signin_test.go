package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/oauth2"

	"adminassistant/shared/account"
	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/account/microsoft"
	"adminassistant/shared/calendar/graph"
	"adminassistant/shared/calendar/graphsim"
	"adminassistant/shared/calendar/listing"
	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
	"adminassistant/shared/store"
	"adminassistant/shared/store/sqlite"
)

const annKey = plantedTenant + "#" + plantedObject

// signingIn is a sign-in with a browser at a simulated service, of a user with a simulated mailbox.
type signingIn struct {
	*signIn
	t       *testing.T
	table   store.Table
	browser *http.Client
	mailbox *graphsim.Server
	logs    *heard
	told    []string // users of whom signedIn was told
	answers error    // of signedIn
}

func newSigning(t *testing.T) *signingIn {
	t.Helper()
	s := &signingIn{t: t, mailbox: graphsim.New(graphsim.Options{}), logs: &heard{}}
	must(t, s.mailbox.AddMailbox(graphsim.Mailbox{ID: plantedObject, Address: "ann@example.com", Name: "Ann", TimeZone: "UTC"}))
	remote := httptest.NewServer(s.mailbox)
	t.Cleanup(remote.Close)
	const back = "https://calendar.example.com/auth/callback"
	entra, err := entrasim.New(entrasim.Options{
		Apps:  []entrasim.App{{Client: plantedClient, Secret: "secret", RedirectURIs: []string{back}}},
		Users: []entrasim.User{{Tenant: plantedTenant, Object: plantedObject, Name: "Ann", Username: "Ann@example.com"}},
		Clock: time.Now,
	}).StartTLS("")
	must(t, err)
	t.Cleanup(func() { _ = entra.Close() })
	browser := *entra.Client
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.browser = &browser
	table, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), time.Now)
	must(t, err)
	t.Cleanup(func() { must(t, table.Close()) })
	wrapper, err := keyfile.Open(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	s.table = table
	s.signIn = &signIn{
		users: account.NewUsers(table, time.Now), listings: listing.New(table),
		graph: &once[*graph.Provider]{make: newGraph(Settings{GraphURL: remote.URL + "/v1.0", GraphDelegated: true}, nil)},
		client: &once[*microsoft.Client]{make: func(context.Context) (*microsoft.Client, error) {
			return microsoft.New(microsoft.Options{
				Authority: entra.URL, Client: plantedClient, Secret: "secret", RedirectURL: back, Tenants: []string{plantedTenant}, HTTPClient: entra.Client,
				Table: table, Keeper: secret.New(wrapper, time.Now, secret.Limits{}), Clock: time.Now,
			})
		}},
		signedIn: func(_ context.Context, user string) error {
			s.told = append(s.told, user)
			return s.answers
		},
	}
	return s
}

// signs has the user sign in.
func (s *signingIn) signs() (microsoft.Identity, error) {
	s.t.Helper()
	ctx := zerolog.New(s.logs).WithContext(s.t.Context())
	verifier := oauth2.GenerateVerifier()
	page, err := s.Begin(ctx, "", microsoft.Request{State: "state", Nonce: "nonce", Challenge: oauth2.S256ChallengeFromVerifier(verifier)})
	must(s.t, err)
	res, err := s.browser.PostForm(page, url.Values{"user": {plantedObject}})
	must(s.t, err)
	res.Body.Close()
	to, err := res.Location()
	must(s.t, err)
	return s.Redeem(ctx, microsoft.Response{Code: to.Query().Get("code"), Verifier: verifier, Nonce: "nonce"})
}

// listed are the names of the calendars that are known of the user's mailbox.
func (s *signingIn) listed() (names []string) {
	s.t.Helper()
	infos, err := s.listings.Of(annKey).Calendars(s.t.Context(), "ann@EXAMPLE.com")
	if fault.Of(err) != fault.NotFound {
		must(s.t, err)
	}
	for _, info := range infos {
		names = append(names, info.Name)
	}
	return names
}

func TestASignIn(t *testing.T) {
	t.Run("leaves the names of the user's own calendars, and is told", func(t *testing.T) {
		s := newSigning(t)
		who, err := s.signs()
		must(t, err)
		if who.Key() != annKey || len(s.told) != 1 || s.told[0] != annKey || len(s.listed()) != 1 {
			t.Errorf("%s, told %q, calendars %q", who.Key(), s.told, s.listed())
		}
		_, err = s.mailbox.AddCalendar("ann@example.com", graphsim.Calendar{Name: "Archive"})
		must(t, err)
		_, err = s.signs()
		must(t, err)
		if len(s.listed()) != 2 {
			t.Errorf("after another one: %q", s.listed())
		}
		if s.logs.String() != "" {
			t.Errorf("logged: %s", s.logs)
		}
	})
	t.Run("stands without that", func(t *testing.T) {
		s := newSigning(t)
		must(t, s.mailbox.SetFaults(graphsim.Fault{Path: "/users/*/calendars", Kind: graphsim.FaultCut}))
		s.answers = errors.New("the jobs cannot be read")
		who, err := s.signs()
		must(t, err)
		client, err := s.client.get(t.Context())
		must(t, err)
		if state, err := client.State(t.Context(), annKey); err != nil || !state.SignedIn || who.Key() != annKey || len(s.listed()) != 0 {
			t.Errorf("%+v, %v, calendars %q", state, err, s.listed())
		}
		for _, line := range []string{"calendars not listed after a sign-in", "a sign-in was not followed up"} {
			if !strings.Contains(s.logs.String(), line) {
				t.Errorf("%q is not in the log: %s", line, s.logs)
			}
		}
		if strings.Contains(strings.ToLower(s.logs.String()), "ann@example.com") {
			t.Errorf("the log has an address: %s", s.logs)
		}
	})
	t.Run("of a user who is shut out is refused, and leaves nothing", func(t *testing.T) {
		s := newSigning(t)
		_, err := s.signs()
		must(t, err)
		must(t, listing.Erase(t.Context(), s.table, annKey))
		_, err = s.users.Disable(t.Context(), account.Principal{Tenant: plantedTenant, Object: strangerObject}, plantedObject)
		must(t, err)
		if _, err := s.signs(); fault.Of(err) != fault.Forbidden {
			t.Errorf("got %v", err)
		}
		client, err := s.client.get(t.Context())
		must(t, err)
		if state, err := client.State(t.Context(), annKey); err != nil || state.SignedIn || len(s.told) != 1 || len(s.listed()) != 0 {
			t.Errorf("%+v, %v, told %q, calendars %q", state, err, s.told, s.listed())
		}
	})
	t.Run("waits until the application's secret can be had", func(t *testing.T) {
		s := newSigning(t)
		get := s.client.make
		s.client.make = func(context.Context) (*microsoft.Client, error) {
			return nil, fault.New(fault.Internal, "no permission for the secret")
		}
		ctx := zerolog.New(s.logs).WithContext(t.Context())
		if _, err := s.Begin(ctx, "", microsoft.Request{}); fault.Of(err) != fault.Unavailable || strings.Contains(err.Error(), "permission") {
			t.Errorf("got %v", err)
		}
		if !strings.Contains(s.logs.String(), "no permission for the secret") {
			t.Errorf("logged: %s", s.logs)
		}
		s.client.make = get
		_, err := s.signs()
		must(t, err)
	})
}
