package bearer

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"
)

const (
	freshFor   = 12 * time.Hour   // after that, keys are fetched anew in the background
	goodFor    = 24 * time.Hour   // after that, no token is accepted before they were fetched anew
	fetchPause = time.Minute      // the shortest time between two fetches, however many unknown keys are named
	retryPause = 10 * time.Second // the same after one that failed
	maxKeySet  = 1 << 20          // bytes
)

// keys are the signing keys of one tenant.
//
// The library's own remote key set fetches for every signature that does not fit, keeps a withdrawn key until another one is asked for, and knows
// nothing of the tenants for which a key is valid. This one asks at most once in a while, and lets no key grow old.
type keys struct {
	tenant string
	issuer string
	// applications are those whose tokens may be signed with keys of their own, which the service publishes for who names the application alone.
	applications []string
	client       *http.Client
	clock        func() time.Time

	flight singleflight.Group
	ring   atomic.Pointer[ring]
	tried  atomic.Pointer[attempt]
	jwks   string // where the keys are; touched by the flight alone
}

// ring is what a fetch brought; it is never changed.
type ring struct {
	keys    map[string]*rsa.PublicKey // by key id
	fetched time.Time
}

// attempt is the last fetch that ended.
type attempt struct {
	at     time.Time
	failed bool
}

// find returns the key of that name. Errors are errUnknownKey and errUnavailable.
func (k *keys) find(ctx context.Context, id string) (*rsa.PublicKey, error) {
	now := k.clock()
	if key := k.held(id, now); key != nil {
		if now.Sub(k.ring.Load().fetched) >= freshFor && k.due(now) {
			k.renew(ctx, id) // nobody waits for it
		}
		return key, nil
	}
	if k.due(now) {
		select {
		case <-k.renew(ctx, id):
		case <-ctx.Done():
			return nil, errUnavailable
		}
	}
	if key := k.held(id, now); key != nil { // fetched for us, or for others since we looked
		return key, nil
	}
	if last := k.tried.Load(); last == nil || last.failed {
		return nil, errUnavailable // a fetch might have brought it
	}
	return nil, errUnknownKey
}

// held returns a key that was fetched not too long ago, else nil.
func (k *keys) held(id string, now time.Time) *rsa.PublicKey {
	if r := k.ring.Load(); r != nil && now.Sub(r.fetched) < goodFor {
		return r.keys[id]
	}
	return nil
}

// due says whether the service may be asked.
func (k *keys) due(now time.Time) bool {
	last := k.tried.Load()
	switch {
	case last == nil:
		return true
	case last.failed:
		return now.Sub(last.at) >= retryPause
	}
	return now.Sub(last.at) >= fetchPause
}

// renew fetches the keys, once for all who ask meanwhile, and whether or not they go on waiting. wanted is the name of the key for which it is done.
func (k *keys) renew(ctx context.Context, wanted string) <-chan singleflight.Result {
	return k.flight.DoChan("", func() (any, error) {
		if !k.due(k.clock()) {
			return nil, nil // another flight has just ended
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), fetchTimeout)
		defer cancel()
		found, err := k.fetch(ctx, wanted)
		now := k.clock()
		if err != nil {
			k.jwks = "" // it may have moved
			zerolog.Ctx(ctx).Warn().Err(err).Str("tenant", k.tenant).Msg("signing keys could not be fetched")
		} else {
			k.ring.Store(&ring{keys: found, fetched: now})
		}
		k.tried.Store(&attempt{at: now, failed: err != nil})
		return nil, nil
	})
}

// fetch asks discovery where the keys are, and then for them. Where the wanted one is not among them, the keys of the applications' own are asked for,
// once: claims mapping gives an application such keys.
func (k *keys) fetch(ctx context.Context, wanted string) (map[string]*rsa.PublicKey, error) {
	if k.jwks == "" {
		provider, err := oidc.NewProvider(oidc.ClientContext(ctx, k.client), k.issuer)
		if err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
		var places struct {
			JWKS string `json:"jwks_uri"`
		}
		if err := provider.Claims(&places); err != nil {
			return nil, fmt.Errorf("discovery: %w", err)
		}
		k.jwks = places.JWKS
	}
	found, err := k.ask(ctx, k.jwks)
	if err != nil {
		return nil, err
	}
	if found[wanted] == nil {
		for _, id := range k.applications {
			own, err := k.ask(ctx, k.jwks+"?appid="+id)
			if err != nil {
				return nil, err
			}
			maps.Copy(found, own)
		}
	}
	return found, nil
}

// ask fetches the keys that are at an address.
func (k *keys) ask(ctx context.Context, at string) (map[string]*rsa.PublicKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	answer, err := k.client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("keys: answered %s", answer.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxKeySet)).Decode(&set); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	found := map[string]*rsa.PublicKey{}
	for _, raw := range set.Keys {
		if id, key := k.read(raw); key != nil {
			found[id] = key
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("keys: none of %d can be used", len(set.Keys))
	}
	return found, nil
}

// read returns a key that may sign tokens of the tenant, else nil: a set may hold keys of other kinds, and ones that sign for some tenants alone.
func (k *keys) read(raw json.RawMessage) (string, *rsa.PublicKey) {
	var key jose.JSONWebKey
	var more struct {
		Issuer string `json:"issuer"`
	}
	if json.Unmarshal(raw, &key) != nil || json.Unmarshal(raw, &more) != nil {
		return "", nil
	}
	public, ok := key.Key.(*rsa.PublicKey)
	if !ok || key.KeyID == "" || public.N.BitLen() < 2048 || key.Use != "" && key.Use != "sig" || key.Algorithm != "" && key.Algorithm != oidc.RS256 {
		return "", nil
	}
	if more.Issuer != "" && strings.ReplaceAll(more.Issuer, "{tenantid}", k.tenant) != k.issuer {
		return "", nil
	}
	return key.KeyID, public
}
