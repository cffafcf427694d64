package microsoft

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/confidential"
	"github.com/AzureAD/microsoft-authentication-library-for-go/apps/public"

	"adminassistant/shared/account/msal"
	"adminassistant/shared/fault"
)

const (
	maxAnswer = 1 << 20        // bytes of an answer
	goodFor   = 24 * time.Hour // how long discovery is believed
)

// errOffline means that the library would have to ask the service.
var errOffline = errors.New("microsoft: the access token has to be refreshed")

// library is Microsoft's, for one user. There is a new one for each call: a shared one would hold the tokens of all its users in one cache, and write
// all of them out for each.
type library struct {
	public       public.Client
	confidential confidential.Client
	secret       bool // the second is the one
	scopes       []string
}

// newCache holds what the library keeps of one user.
func newCache(text []byte) *msal.Cache {
	return &msal.Cache{Text: text, Unreadable: signInNeeded("", "")}
}

// library makes one for a tenant. One that is not online gives out what it has, else errOffline.
func (c *Client) library(tenant string, kept *msal.Cache, online bool) (*library, error) {
	l := &library{secret: c.credential != nil, scopes: c.scopes}
	at := c.authority.String() + "/" + tenant
	send := &sender{Client: c, online: online}
	var err error
	if l.secret {
		l.confidential, err = confidential.New(at, c.id, *c.credential, confidential.WithCache(kept), confidential.WithHTTPClient(send),
			confidential.WithInstanceDiscovery(false),
			confidential.WithAzureRegion("DisableMsalForceRegion")) // else it looks for a region in the environment
	} else {
		l.public, err = public.New(c.id, public.WithAuthority(at), public.WithCache(kept), public.WithHTTPClient(send), public.WithInstanceDiscovery(false))
	}
	if err != nil {
		return nil, fault.New(fault.Internal, "the sign-in library cannot be set up for %s", at)
	}
	return l, nil
}

// redeem exchanges a code. What it brings is in the library's contents.
func (l *library) redeem(ctx context.Context, code, verifier, redirect string) (public.AuthResult, error) {
	if l.secret {
		return l.confidential.AcquireTokenByAuthCode(ctx, code, redirect, l.scopes, confidential.WithChallenge(verifier))
	}
	return l.public.AcquireTokenByAuthCode(ctx, code, redirect, l.scopes, public.WithChallenge(verifier))
}

// silent returns an access token from the contents, or refreshes it.
func (l *library) silent(ctx context.Context, home string) (public.AuthResult, error) {
	who := public.Account{HomeAccountID: home}
	if l.secret {
		return l.confidential.AcquireTokenSilent(ctx, l.scopes, confidential.WithSilentAccount(who))
	}
	return l.public.AcquireTokenSilent(ctx, l.scopes, public.WithSilentAccount(who))
}

// sender carries the library's requests: to the one host alone, and none if it is not online.
type sender struct {
	*Client
	online bool
}

// Do sends a request. Discovery is answered from memory where it can be: the library has none across users.
func (s *sender) Do(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" || !strings.EqualFold(r.URL.Host, s.authority.Host) {
		return nil, fault.New(fault.Internal, "the sign-in service named an address at %q, which is not its own: not followed", r.URL.Host)
	}
	if r.Method == http.MethodGet {
		if text := s.documents.get(r.URL.String(), s.clock()); text != nil {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(text)), Request: r}, nil
		}
	}
	if !s.online {
		return nil, errOffline
	}
	got, err := s.send.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	text, err := io.ReadAll(io.LimitReader(got.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, fmt.Errorf("Microsoft's sign-in service did not answer in full: %w", err))
	case len(text) > maxAnswer:
		return nil, fault.New(fault.Unavailable, "an answer of Microsoft's sign-in service is over %d bytes", maxAnswer)
	case got.StatusCode == http.StatusOK && r.Method == http.MethodGet:
		if s.describes(text) {
			s.documents.put(r.URL.String(), text, s.clock())
		}
	case got.StatusCode == http.StatusOK:
		text = msal.InWords(s.scopes, withoutRefreshIn(text))
	}
	got.Body, got.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	return got, nil
}

// describes says whether a text is an answer of discovery that may be kept.
func (s *sender) describes(text []byte) bool {
	var places struct {
		Token string `json:"token_endpoint"`
	}
	return json.Unmarshal(text, &places) == nil && strings.HasPrefix(places.Token, s.authority.String()+"/")
}

// CloseIdleConnections is the library's; the connections are everybody's.
func (s *sender) CloseIdleConnections() {}

// withoutRefreshIn takes the proposal to refresh early from an answer. A confidential client of the library follows it with a token for the
// application in the place of the user's, and a public one fails while the old token is still good.
func withoutRefreshIn(text []byte) []byte {
	var object map[string]json.RawMessage
	if json.Unmarshal(text, &object) != nil || object["refresh_in"] == nil {
		return text
	}
	delete(object, "refresh_in")
	if less, err := json.Marshal(object); err == nil {
		return less
	}
	return text
}

// documents are the answers of discovery, one per tenant.
type documents struct {
	mu    sync.Mutex
	byURL map[string]document
}

type document struct {
	text    []byte
	fetched time.Time
}

func (d *documents) get(address string, now time.Time) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if known, ok := d.byURL[address]; ok && now.Sub(known.fetched) < goodFor {
		return known.text
	}
	return nil
}

func (d *documents) put(address string, text []byte, now time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byURL == nil {
		d.byURL = map[string]document{}
	}
	d.byURL[address] = document{text: text, fetched: now}
}
