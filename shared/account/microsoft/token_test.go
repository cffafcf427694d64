package microsoft

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"adminassistant/shared/account/entrasim"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

func TestTokensComeFromWhereTheyAreCheapest(t *testing.T) {
	w := newWorld(t, entrasim.Options{Strict: true})
	w.api().signIn(ann)
	worker := w.worker()
	s := worker.Of(annKey)
	step := func(requests, asked int) {
		t.Helper()
		before, askedBefore := worker.store.Requests(), w.asked()
		if _, _, err := s.Token(w.ctx()); err != nil {
			t.Fatal(err)
		}
		if r, a := worker.store.Requests()-before, w.asked()-askedBefore; r != requests || a != asked {
			t.Errorf("took %d requests of the table and %d of the service, want %d and %d", r, a, requests, asked)
		}
	}
	step(1, 0) // from the table
	step(0, 0) // from memory
	w.advance(lookEvery - time.Second)
	step(0, 0)
	w.advance(2 * time.Second)
	step(1, 0) // is it still there?
	step(0, 0)
}

func TestATokenThatEndsIsRefreshed(t *testing.T) {
	for name, change := range map[string]func(*Options){"a confidential application": func(*Options) {}, "a public application": publicApp} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{Strict: true})
			w.expiring(true)
			w.api(change).signIn(ann)
			worker := w.worker(change)
			seen := map[string]bool{}
			for range 5 {
				seen[worker.needs(annKey)] = true
			}
			if len(seen) != 5 || w.asked() != 6 {
				t.Errorf("%d tokens after %d requests", len(seen), w.asked())
			}
			if got := w.Requests()[entrasim.Discovery]; got != 3 {
				t.Errorf("discovery was asked %d times, want once for each process, and once for the keys", got)
			}
			w.expiring(false)
			last := worker.needs(annKey)
			if worker.needs(annKey) != last || w.worker(change).needs(annKey) != last {
				t.Error("a token that is good for an hour was refreshed")
			}
			if e, _ := w.item(annKey); !e.Refreshing.IsZero() || e.Needed != nil {
				t.Errorf("the record is %+v", e.record)
			}
		})
	}
}

// TestTwoWorkersRefreshAtOnce is the one for which there is a lease: the service takes each refresh token once, and ends the sign-in when one comes
// again.
func TestTwoWorkersRefreshAtOnce(t *testing.T) {
	w := newWorld(t, entrasim.Options{Strict: true})
	w.expiring(true)
	w.api().signIn(ann)
	workers := []*process{w.worker(), w.worker()}
	lost := 0
	for range *rounds {
		var all sync.WaitGroup
		errs := make(chan error, len(workers))
		start := make(chan struct{})
		for _, p := range workers {
			all.Go(func() {
				<-start
				_, err := p.token(annKey)
				errs <- err
			})
		}
		close(start)
		all.Wait()
		for range workers {
			if err := <-errs; err != nil {
				t.Error(err)
				lost++
			}
		}
		if t.Failed() {
			break
		}
	}
	if got, want := w.asked(), 1+2**rounds; got != want || lost > 0 {
		t.Errorf("%d requests for tokens in %d rounds, want %d", got, *rounds, want)
	}
}

func TestManyWhoNeedATokenRefreshItOnce(t *testing.T) {
	w := newWorld(t, entrasim.Options{Strict: true})
	w.expiring(true)
	w.api().signIn(ann)
	w.expiring(false)
	var all sync.WaitGroup
	tokens := make(chan string, 100)
	for range 5 {
		worker := w.worker()
		for range 20 {
			all.Go(func() {
				token, err := worker.token(annKey)
				if err != nil {
					t.Error(err)
				}
				tokens <- token
			})
		}
	}
	all.Wait()
	close(tokens)
	seen := map[string]bool{}
	for token := range tokens {
		seen[token] = true
	}
	if len(seen) != 1 || w.asked() != 2 {
		t.Errorf("%d tokens after %d requests, want one after two", len(seen), w.asked())
	}
}

func TestASignInThatHasEnded(t *testing.T) {
	for _, row := range []struct {
		name   string
		end    func(*world)
		reason string
		claims bool
		mend   func(*world)
	}{
		{name: "revoked, or the password was changed", end: func(w *world) { w.Revoke(ann) }, reason: "AADSTS50173"},
		{name: "a closed account", end: func(w *world) { w.Disable(ann, true) }, reason: "AADSTS50057", mend: func(w *world) { w.Disable(ann, false) }},
		{name: "not used for too long", end: func(w *world) { w.advance(91 * 24 * time.Hour) }, reason: "AADSTS700082"},
		{name: "a policy that wants more", end: func(w *world) { w.RequireClaims(ann) }, reason: "AADSTS50076", claims: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{})
			w.expiring(true)
			api, worker := w.api(), w.worker()
			api.signIn(ann)
			worker.needs(annKey)
			row.end(w)
			refused := func(p *process) {
				t.Helper()
				_, err := p.token(annKey)
				needed := new(SignInNeeded)
				if !errors.As(err, &needed) || !errors.Is(err, ErrSignInNeeded) || fault.Of(err) != fault.Unauthenticated || fault.Of(err).Transient() {
					t.Fatalf("got %v of kind %s", err, fault.Of(err))
				}
				if needed.Reason != row.reason || (needed.Claims != "") != row.claims || !strings.Contains(err.Error(), "sign in again ("+row.reason+")") {
					t.Errorf("got %+v: %v", needed, err)
				}
			}
			refused(worker)
			asked := w.asked()
			refused(worker)
			refused(w.worker())
			if w.asked() != asked {
				t.Error("the service was asked again")
			}
			if e, _ := w.item(annKey); len(e.Sealed) != 0 || e.Needed.Since.IsZero() {
				t.Errorf("the record is %+v", e.record)
			}
			state, err := api.State(w.ctx(), annKey)
			if err != nil || state.SignedIn || (state.Claims != "") != row.claims || row.claims && !json.Valid([]byte(state.Claims)) {
				t.Errorf("the state is %+v, %v", state, err)
			}
			if row.mend != nil {
				row.mend(w)
			}
			w.expiring(false)
			for user, claims := range map[string]string{annKey: state.Claims, bossKey: "", "": ""} {
				page, err := api.Begin(w.ctx(), user, Request{State: "s"})
				if at, parseErr := url.Parse(page); err != nil || parseErr != nil || at.Query().Get("claims") != claims || at.Query().Get("state") != "s" {
					t.Errorf("the next sign-in of %q is at %s, %v", user, page, err)
				}
			}
			if row.claims { // a sign-in that was begun for nobody does not show what is asked for
				who, err := api.Redeem(w.ctx(), api.begin(ann))
				if !errors.Is(w.tell(err), ErrMore) || who.Key() != annKey || who.Access != nil {
					t.Errorf("got %+v, %v", who, err)
				}
				if after, err := api.State(w.ctx(), annKey); err != nil || after != state {
					t.Errorf("the state is %+v now, %v", after, err)
				}
			}
			api.signIn(ann, func(r *Request) { r.Claims = state.Claims })
			worker.needs(annKey)
			if row.claims { // the challenge was answered
				w.expiring(true)
				api.signIn(ann)
				w.advance(lookEvery)
				worker.needs(annKey)
			}
			if state, err := api.State(w.ctx(), annKey); err != nil || !state.SignedIn {
				t.Errorf("after a new sign-in: %+v, %v", state, err)
			}
		})
	}
	t.Run("forgotten", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		worker.needs(annKey)
		if err := api.Forget(w.ctx(), annKey); err != nil {
			t.Fatal(err)
		}
		w.advance(lookEvery)
		if _, err := worker.token(annKey); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("another process: got %v", err)
		}
		api.signIn(ann)
		worker.needs(annKey)
		if err := worker.Forget(w.ctx(), annKey); err != nil {
			t.Fatal(err)
		}
		if _, err := worker.token(annKey); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("the same process, at once: got %v", err)
		}
		if _, found := w.item(annKey); found {
			t.Error("it is still there")
		}
		if err := api.Forget(w.ctx(), annKey); err != nil {
			t.Errorf("twice: %v", err)
		}
	})
	t.Run("never begun", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		if _, err := w.worker().token(annKey); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("got %v", err)
		}
		for _, user := range []string{eveKey, "", home, home + "#", "#" + ann, "common#" + ann} {
			if _, err := w.worker().token(user); fault.Of(err) != fault.Forbidden {
				t.Errorf("%q: got %v", user, err)
			}
		}
	})
}

func TestAFailureThatPassesCostsNothing(t *testing.T) {
	for _, row := range []struct {
		name  string
		begin func(*world)
		kind  fault.Kind
		wait  time.Duration
	}{
		{name: "an outage", begin: func(w *world) { w.Break(entrasim.Token, 503) }, kind: fault.Unavailable},
		{name: "an outage of discovery", begin: func(w *world) { w.Break(entrasim.Discovery, 502) }, kind: fault.Unavailable},
		{name: "a cut connection", begin: func(w *world) { w.Break(entrasim.Token, 0) }, kind: fault.Unavailable},
		{name: "a page of a proxy", begin: func(w *world) { w.answers(200, "<html>sign in to the hotel's network", nil) }, kind: fault.Unavailable},
		{
			name: "throttling", begin: func(w *world) { w.answers(429, `{"error":"x"}`, http.Header{"Retry-After": {"17"}}) }, kind: fault.Throttled,
			wait: 17 * time.Second,
		},
		{name: "too many of the same requests", begin: func(w *world) {
			w.answers(400, `{"error":"invalid_grant","error_codes":[50196]}`, http.Header{"Retry-After": {"3"}})
		}, kind: fault.Throttled, wait: 3 * time.Second},
		{
			name: "a passing error", begin: func(w *world) { w.answers(400, `{"error":"temporarily_unavailable","error_codes":[90033]}`, nil) },
			kind: fault.Unavailable,
		},
		{
			name:  "an application that the organisation took away",
			begin: func(w *world) { w.answers(400, `{"error":"unauthorized_client","error_codes":[700016]}`, nil) }, kind: fault.Setup,
		},
		{
			name:  "an application whose secret has ended",
			begin: func(w *world) { w.answers(401, `{"error":"invalid_client","error_codes":[7000222]}`, nil) }, kind: fault.Setup,
		},
		{name: "an answer without meaning", begin: func(w *world) { w.answers(404, `not found`, nil) }, kind: fault.Unavailable},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{Strict: true})
			w.expiring(true)
			w.api().signIn(ann)
			worker := w.worker()
			row.begin(w)
			_, err := worker.token(annKey)
			if fault.Of(err) != row.kind || errors.Is(err, ErrSignInNeeded) {
				t.Fatalf("got %v of kind %s, want %s", err, fault.Of(err), row.kind)
			}
			var waits interface{ RetryAfter() time.Duration }
			if told := errors.As(err, &waits) && waits.RetryAfter() > 0; told != (row.wait > 0) || told && waits.RetryAfter() != row.wait {
				t.Errorf("told to wait: %v", waits)
			}
			if e, _ := w.item(annKey); e.leased(w.now()) || e.Needed != nil {
				t.Errorf("the record is %+v", e.record)
			}
			w.Mend(entrasim.Token)
			w.Mend(entrasim.Discovery)
			w.wire.set(func(wire *wire) { wire.request = nil })
			worker.needs(annKey)
		})
	}
}

// answers makes the service answer requests for tokens otherwise.
func (w *world) answers(status int, text string, header http.Header) {
	w.wire.set(func(wire *wire) {
		wire.request = func(r *http.Request, _ url.Values) (*http.Response, error) {
			return reply(r, status, text, header), nil
		}
	})
}

// frail is a table that may fail to write.
type frail struct {
	store.Table
	mu  sync.Mutex
	put func(item store.Item, write func() (int64, error)) (int64, error)
}

func (f *frail) Put(ctx context.Context, item store.Item, cond store.Condition) (int64, error) {
	write := func() (int64, error) { return f.Table.Put(ctx, item, cond) }
	f.mu.Lock()
	put := f.put
	f.mu.Unlock()
	if put == nil {
		return write()
	}
	return put(item, write)
}

func (f *frail) set(put func(item store.Item, write func() (int64, error)) (int64, error)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.put = put
}

var errDown = fault.New(fault.Unavailable, "the table does not answer")

// refreshed says whether an item is what is stored after a refresh, not the lease.
func refreshed(item store.Item) bool {
	var r record
	return json.Unmarshal(item.Data, &r) == nil && r.Refreshing.IsZero()
}

func TestAWorkerThatIsKilledBeforeItStores(t *testing.T) {
	for name, strict := range map[string]bool{"goes on with the old refresh token": false, "needs a sign-in where refresh tokens are good for one use": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{Strict: strict})
			w.expiring(true)
			w.api().signIn(ann)
			table := &frail{Table: w.table()}
			killed := w.worker(func(o *Options) { o.Table = table })
			errKilled := errors.New("killed")
			table.set(func(item store.Item, write func() (int64, error)) (int64, error) {
				if refreshed(item) {
					return 0, errKilled // and nothing comes after it
				}
				return write()
			})
			if _, err := killed.token(annKey); !errors.Is(err, errKilled) {
				t.Fatalf("got %v", err)
			}
			if e, _ := w.item(annKey); !e.leased(w.now()) {
				t.Fatalf("the record is %+v", e.record)
			}
			impatient, cancel := context.WithTimeout(w.ctx(), 200*time.Millisecond)
			defer cancel()
			other := w.worker()
			if _, _, err := other.Of(annKey).Token(impatient); fault.Of(w.tell(err)) != fault.Unavailable {
				t.Errorf("while the lease lasts: %v", err)
			}
			w.advance(leaseFor)
			_, err := other.token(annKey)
			if strict != errors.Is(err, ErrSignInNeeded) || !strict && err != nil {
				t.Errorf("after the lease: %v", err)
			}
		})
	}
}

func TestStoringIsTriedUntilItIsDone(t *testing.T) {
	for name, write := range map[string]bool{"a write that failed": false, "a write of which we did not hear": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{Strict: true})
			w.expiring(true)
			w.api().signIn(ann)
			w.expiring(false)
			table := &frail{Table: w.table()}
			worker := w.worker(func(o *Options) { o.Table = table })
			failures := 0
			table.set(func(item store.Item, put func() (int64, error)) (int64, error) {
				if !refreshed(item) || failures == 3 {
					return put()
				}
				failures++
				if write {
					if _, err := put(); err != nil {
						return 0, err
					}
				}
				return 0, errDown
			})
			token := worker.needs(annKey)
			if failures == 0 || w.worker().needs(annKey) != token || w.asked() != 2 {
				t.Errorf("%d failures, %d requests for tokens", failures, w.asked())
			}
		})
	}
}

func TestWhoeverLeavesDoesNotTakeTheRefreshAlong(t *testing.T) {
	w := newWorld(t, entrasim.Options{Strict: true})
	w.expiring(true)
	w.api().signIn(ann)
	w.expiring(false)
	worker := w.worker()
	ctx, leave := context.WithCancel(w.ctx())
	w.wire.set(func(wire *wire) {
		wire.received = func(r *http.Request) error {
			if strings.HasSuffix(r.URL.Path, "/token") {
				leave() // after the service has used up the old refresh token
			}
			return nil
		}
	})
	if _, _, err := worker.Of(annKey).Token(ctx); err != nil && (!errors.Is(w.tell(err), context.Canceled) || fault.Of(err) != fault.Unavailable) {
		t.Errorf("got %v", err)
	}
	worker.needs(annKey)
	w.worker().needs(annKey)
	if w.asked() != 2 {
		t.Errorf("%d requests for tokens", w.asked())
	}
}

func TestWhatHappensDuringARefreshWins(t *testing.T) {
	during := func(w *world, do func()) {
		var once sync.Once
		w.wire.set(func(wire *wire) {
			wire.request = func(r *http.Request, form url.Values) (*http.Response, error) {
				if form.Get("grant_type") == "refresh_token" {
					once.Do(do)
				}
				return nil, nil
			}
		})
	}
	t.Run("a new sign-in", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.expiring(true)
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		w.expiring(false)
		var who Identity
		during(w, func() { who = api.signIn(ann) })
		token := worker.needs(annKey)
		if want, _, _ := who.Access.Token(t.Context()); token != want {
			t.Error("the token is not that of the new sign-in")
		}
	})
	t.Run("a new sign-in, while the old one turns out to have ended", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.expiring(true)
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		w.expiring(false)
		w.Revoke(ann)
		during(w, func() { api.signIn(ann) })
		worker.needs(annKey)
	})
	t.Run("a sign-out", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.expiring(true)
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		during(w, func() {
			if err := api.Forget(w.ctx(), annKey); err != nil {
				t.Error(err)
			}
		})
		if _, err := worker.token(annKey); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("got %v", err)
		}
		if _, found := w.item(annKey); found {
			t.Error("it came back")
		}
	})
}

func TestUsersStayApart(t *testing.T) {
	t.Run("each gets the own tokens, whoever asks beside", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{Strict: true})
		w.expiring(true)
		api := w.api(tenants)
		keys := map[string]string{ann: annKey, boss: bossKey, eve: eveKey}
		for user := range keys {
			api.signIn(user)
		}
		workers := []*process{w.worker(tenants), w.worker(tenants)}
		var all sync.WaitGroup
		for _, worker := range workers {
			for _, key := range keys {
				all.Go(func() {
					for range 5 {
						if _, err := worker.token(key); err != nil { // looks whose it is
							t.Error(err)
						}
					}
				})
			}
		}
		all.Wait()
		for object, key := range keys {
			e, _ := w.item(key)
			o, err := workers[0].open(w.ctx(), key, e.Sealed)
			if err != nil {
				t.Fatal(err)
			}
			for other := range keys {
				if strings.Contains(string(o.Cache), other) != (other == object) {
					t.Errorf("what is sealed for %s names %s", key, other)
				}
			}
		}
	})
	t.Run("an item in the place of another's opens for nobody", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.api().signIn(ann)
		e, _ := w.item(annKey)
		worker := w.worker()
		if _, err := worker.save(w.ctx(), bossKey, e.record, store.Any()); err != nil {
			t.Fatal(err)
		}
		if _, err := worker.token(bossKey); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an answer for another is not taken", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		w.expiring(true)
		api := w.api()
		api.signIn(ann)
		var others map[string]any
		w.wire.set(func(wire *wire) {
			wire.answer = func(_ url.Values, body map[string]any) { others = body }
		})
		api.signIn(boss)
		w.wire.set(func(wire *wire) {
			wire.answer = func(form url.Values, body map[string]any) {
				if form.Get("grant_type") == "refresh_token" {
					for name, value := range others {
						body[name] = value
					}
				}
			}
		})
		before, _ := w.item(annKey)
		if token, err := w.worker().token(annKey); err == nil || fault.Of(err) != fault.Internal {
			t.Errorf("got the token of %s, %v", keyIn(token), err)
		}
		if after, _ := w.item(annKey); string(after.Sealed) != string(before.Sealed) {
			t.Error("it was stored")
		}
	})
}

func TestWhatCannotBeOpened(t *testing.T) {
	w := newWorld(t, entrasim.Options{})
	w.api().signIn(ann)
	wrong := w.worker(func(o *Options) { o.Keeper = w.keeper("other.key") })
	for range 2 {
		if _, err := wrong.token(annKey); !errors.Is(err, ErrSignInNeeded) || fault.Of(err) != fault.Unauthenticated {
			t.Errorf("got %v of kind %s", err, fault.Of(err))
		}
	}
	w.worker().needs(annKey) // with the right key all is as it was
	if w.asked() != 1 {
		t.Errorf("%d requests for tokens", w.asked())
	}
}

func TestGraphRefusesAToken(t *testing.T) {
	const claims = `{"access_token":{"acrs":{"value":"c1"}}}`
	t.Run("all need a sign-in that answers the challenge", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		s := worker.Of(annKey)
		if _, _, err := s.Token(w.ctx()); err != nil {
			t.Fatal(err)
		}
		needed := new(SignInNeeded)
		for range 2 { // from two requests that were under way
			if err := s.Refused(w.ctx(), claims); !errors.As(w.tell(err), &needed) || needed.Claims != claims || strings.Contains(err.Error(), "acrs") {
				t.Errorf("got %v", err)
			}
		}
		for _, p := range []*process{worker, w.worker()} {
			if _, err := p.token(annKey); !errors.As(err, &needed) || needed.Claims != claims {
				t.Errorf("got %v", err)
			}
		}
		if state, err := api.State(w.ctx(), annKey); err != nil || state.SignedIn || state.Since.IsZero() || state.Claims != claims {
			t.Errorf("the state is %+v, %v", state, err)
		}
		api.signIn(ann, func(r *Request) { r.Claims = claims })
		worker.needs(annKey)
	})
	t.Run("a newer token is tried first", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		s := worker.Of(annKey)
		old, _, err := s.Token(w.ctx())
		if err != nil {
			t.Fatal(err)
		}
		api.signIn(ann)
		if err := s.Refused(w.ctx(), claims); fault.Of(err) != fault.Unavailable {
			t.Errorf("got %v", err)
		}
		if token, _, err := s.Token(w.ctx()); err != nil || token == old {
			t.Errorf("the old one again, or %v", err)
		}
		if err := s.Refused(w.ctx(), claims); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("when that is refused as well: %v", err)
		}
	})
	t.Run("a forgotten sign-in stays forgotten", func(t *testing.T) {
		w := newWorld(t, entrasim.Options{})
		api, worker := w.api(), w.worker()
		api.signIn(ann)
		s := worker.Of(annKey)
		if _, _, err := s.Token(w.ctx()); err != nil {
			t.Fatal(err)
		}
		if err := api.Forget(w.ctx(), annKey); err != nil {
			t.Fatal(err)
		}
		if err := s.Refused(w.ctx(), claims); !errors.Is(err, ErrSignInNeeded) {
			t.Errorf("got %v", err)
		}
		if _, found := w.item(annKey); found {
			t.Error("it came back")
		}
	})
}

// TestAProposalToRefreshEarly shows what the library would do with it: the transport fails the test when a token for the application is asked for.
func TestAProposalToRefreshEarly(t *testing.T) {
	for name, change := range map[string]func(*Options){"a confidential application": func(*Options) {}, "a public application": publicApp} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, entrasim.Options{})
			w.wire.set(func(wire *wire) {
				wire.answer = func(_ url.Values, body map[string]any) {
					if body["access_token"] != nil {
						body["refresh_in"] = -1
					}
				}
			})
			w.api(change).signIn(ann)
			requests := 0
			w.wire.set(func(wire *wire) {
				wire.request = func(*http.Request, url.Values) (*http.Response, error) {
					requests++
					return nil, fmt.Errorf("the network is down")
				}
			})
			if w.worker(change).needs(annKey); requests != 0 {
				t.Errorf("%d requests were made for a token that is good", requests)
			}
		})
	}
}
