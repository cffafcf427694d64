package secret_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
	"adminassistant/shared/secret/keyfile"
)

// watched is a wrapper that remembers the plaintext keys that it gave away, and may be stopped or made to fail.
type watched struct {
	secret.Wrapper
	before func(context.Context) error // of every call

	mu                   sync.Mutex
	generated, unwrapped [][]byte
}

func watch(t testing.TB) *watched {
	t.Helper()
	w, err := keyfile.Open(filepath.Join(t.TempDir(), "master.key"))
	if err != nil {
		t.Fatal(err)
	}
	return &watched{Wrapper: w, before: func(context.Context) error { return nil }}
}

func (w *watched) Generate(ctx context.Context, c secret.Context) (plain, wrapped []byte, err error) {
	if err := w.before(ctx); err != nil {
		return nil, nil, err
	}
	plain, wrapped, err = w.Wrapper.Generate(ctx, c)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.generated = append(w.generated, plain)
	return plain, wrapped, err
}

func (w *watched) Unwrap(ctx context.Context, c secret.Context, wrapped []byte) ([]byte, error) {
	if err := w.before(ctx); err != nil {
		return nil, err
	}
	plain, err := w.Wrapper.Unwrap(ctx, c, wrapped)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.unwrapped = append(w.unwrapped, plain)
	return plain, err
}

// wiped says which of the keys are zero by now.
func wiped(keys [][]byte) string {
	var s strings.Builder
	for _, key := range keys {
		if bytes.Equal(key, make([]byte, secret.KeySize)) {
			s.WriteString("x")
		} else {
			s.WriteString("-")
		}
	}
	return s.String()
}

// clock is a clock that tests set.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time          { return c.now }
func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

func user(name string) secret.Context {
	return secret.Context{Purpose: secret.MicrosoftToken, User: name}
}

func TestDataKeysAreUsedWithinTheirLimits(t *testing.T) {
	type run struct {
		*testing.T
		keeper secret.Keeper
		*clock
		sealed map[string][]byte // the last of each user
	}
	seal := func(r run, times int, users ...string) {
		r.Helper()
		for range times {
			for _, u := range users {
				sealed, err := r.keeper.Seal(r.Context(), user(u), []byte(u))
				if err != nil {
					r.Fatalf("seal: %v", err)
				}
				r.sealed[u] = sealed
			}
		}
	}
	open := func(r run, times int, users ...string) {
		r.Helper()
		for range times {
			for _, u := range users {
				if got, err := r.keeper.Open(r.Context(), user(u), r.sealed[u]); err != nil || string(got) != u {
					r.Fatalf("opened %q with error %v, want %q", got, err, u)
				}
			}
		}
	}
	for _, c := range []struct {
		name                 string
		limits               secret.Limits
		do                   func(run)
		generated, unwrapped string // the keys in order; x is wiped, - still in memory
	}{
		{"a thousand seals of one user need one key", secret.Limits{}, func(r run) { seal(r, 999, "a") }, "-", ""},
		{"which is wiped with the last of them", secret.Limits{}, func(r run) { seal(r, 1000, "a") }, "x", ""},
		{"one more needs another", secret.Limits{}, func(r run) { seal(r, 1001, "a") }, "x-", ""},
		{"users share no key", secret.Limits{}, func(r run) { seal(r, 3, "a", "b", "c") }, "---", ""},
		{"what sealed does not open", secret.Limits{}, func(r run) { seal(r, 1, "a"); open(r, 1, "a") }, "-", "-"},
		{"a thousand times opened is once unwrapped", secret.Limits{}, func(r run) { seal(r, 1, "a"); open(r, 1000, "a") }, "-", "x"},
		{"values of one key are opened with one key", secret.Limits{}, func(r run) {
			for range 10 {
				seal(r, 1, "a")
				open(r, 1, "a")
			}
		}, "-", "-"},
		{"a key serves until it is old", secret.Limits{}, func(r run) {
			seal(r, 1, "a")
			open(r, 1, "a")
			r.advance(5*time.Minute - 1)
			open(r, 1, "a")
			seal(r, 1, "a")
		}, "-", "-"},
		{"and not after", secret.Limits{}, func(r run) {
			seal(r, 1, "a")
			open(r, 1, "a")
			r.advance(5 * time.Minute)
			open(r, 1, "a")
			seal(r, 1, "a")
		}, "x-", "x-"},
		{"old keys of others are wiped by the next call", secret.Limits{}, func(r run) {
			seal(r, 1, "a", "b")
			r.advance(time.Minute)
			seal(r, 1, "c")
			r.advance(4 * time.Minute)
			seal(r, 1, "d")
		}, "xx--", ""},
		{"keys of the future are wiped when the clock is set back", secret.Limits{}, func(r run) {
			seal(r, 1, "a")
			r.advance(-time.Hour)
			seal(r, 1, "a")
		}, "x-", ""},
		{"beyond the number of keys the oldest goes", secret.Limits{MaxKeys: 2}, func(r run) { seal(r, 2, "a", "b"); seal(r, 1, "c", "b") }, "x--", ""},
		{"to be refetched", secret.Limits{MaxKeys: 2}, func(r run) { seal(r, 1, "a", "b", "c"); open(r, 1, "a", "b", "c", "c", "a") }, "x--", "xx--"},
		{"one use a key", secret.Limits{MaxUses: 1}, func(r run) { seal(r, 3, "a"); open(r, 2, "a") }, "xxx", "xx"},
		{"limits of one's own", secret.Limits{MaxAge: time.Second, MaxUses: 2, MaxKeys: 1}, func(r run) {
			seal(r, 3, "a")
			r.advance(time.Second)
			seal(r, 1, "a")
		}, "xx-", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, now := watch(t), &clock{time.Date(2026, 10, 5, 7, 0, 0, 0, time.UTC)}
			c.do(run{t, secret.New(w, now.Now, c.limits), now, map[string][]byte{}})
			if got := wiped(w.generated); got != c.generated {
				t.Errorf("keys for sealing %q, want %q", got, c.generated)
			}
			if got := wiped(w.unwrapped); got != c.unwrapped {
				t.Errorf("keys for opening %q, want %q", got, c.unwrapped)
			}
		})
	}
}

func TestManyWhoNeedOneKeyFetchItOnce(t *testing.T) {
	w := watch(t)
	const rounds = 50 // each with keys of its own
	for range rounds {
		k := secret.New(w, time.Now, secret.Limits{})
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				sealed, err := k.Seal(t.Context(), user("a"), []byte("token"))
				if err != nil {
					t.Errorf("seal: %v", err)
				}
				if _, err := k.Open(t.Context(), user("a"), sealed); err != nil {
					t.Errorf("open: %v", err)
				}
			})
		}
		wg.Wait()
	}
	if len(w.generated) != rounds || len(w.unwrapped) != rounds {
		t.Errorf("in %d rounds %d keys were made and %d unwrapped, want one each", rounds, len(w.generated), len(w.unwrapped))
	}
}

func TestACallerWhoLeavesDoesNotTakeTheKeyAlong(t *testing.T) {
	w := watch(t)
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan struct{})
		w.before = func(ctx context.Context) error {
			select {
			case <-answer:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		k := secret.New(w, time.Now, secret.Limits{})
		ctx, leave := context.WithCancel(t.Context())
		var first, second error
		go func() { _, first = k.Seal(ctx, user("a"), []byte("token")) }()
		synctest.Wait()
		go func() { _, second = k.Seal(t.Context(), user("a"), []byte("token")) }()
		synctest.Wait()
		leave()
		synctest.Wait()
		if !errors.Is(first, context.Canceled) {
			t.Errorf("who left: %v, want cancelled", first)
		}
		close(answer)
		synctest.Wait()
		if second != nil {
			t.Errorf("who stayed: %v", second)
		}
		if len(w.generated) != 1 {
			t.Errorf("%d keys were made, want one", len(w.generated))
		}
	})
}

func TestAKeyThatDoesNotComeIsNotWaitedForForEver(t *testing.T) {
	w := watch(t)
	synctest.Test(t, func(t *testing.T) {
		w.before = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		begin := time.Now()
		_, err := secret.New(w, time.Now, secret.Limits{}).Seal(t.Context(), user("a"), []byte("token"))
		if !errors.Is(err, context.DeadlineExceeded) || fault.Of(err) != fault.Unavailable || time.Since(begin) > time.Minute {
			t.Errorf("error %v of kind %s after %s, want kind unavailable within a minute", err, fault.Of(err), time.Since(begin))
		}
	})
}

// loose is a wrapper that binds its keys to nothing, and pads what it wraps with a byte that it does not look at.
type loose struct{ secret.Wrapper }

func (l loose) Generate(ctx context.Context, _ secret.Context) (plain, wrapped []byte, err error) {
	plain, wrapped, err = l.Wrapper.Generate(ctx, user("all"))
	return plain, append(wrapped, 0), err
}

func (l loose) Unwrap(ctx context.Context, _ secret.Context, wrapped []byte) ([]byte, error) {
	return l.Wrapper.Unwrap(ctx, user("all"), wrapped[:len(wrapped)-1])
}

func TestASecretIsBoundToItsContextAndItsKeyWhateverTheWrapperDoes(t *testing.T) {
	w := loose{watch(t)}
	k := secret.New(w, time.Now, secret.Limits{})
	sealed, err := k.Seal(t.Context(), user("a"), []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Open(t.Context(), user("a"), sealed); err != nil || string(got) != "token" {
		t.Fatalf("opened %q with error %v", got, err)
	}
	if _, err := k.Open(t.Context(), user("b"), sealed); !errors.Is(err, secret.ErrUnreadable) {
		t.Errorf("another user: %v, want unreadable", err)
	}
	padding := len(sealed) - len("token") - 12 - 16 - 1
	if sealed[padding] != 0 {
		t.Fatal("the padding is not where it should be")
	}
	sealed[padding] = 1
	if _, err := k.Open(t.Context(), user("a"), sealed); !errors.Is(err, secret.ErrUnreadable) {
		t.Errorf("a changed wrapped key: %v, want unreadable", err)
	}
}

func TestAFailureIsNotKept(t *testing.T) {
	w := watch(t)
	k := secret.New(w, time.Now, secret.Limits{})
	sealed, err := k.Seal(t.Context(), user("a"), []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	fail := fault.New(fault.Throttled, "slow down")
	w.before = func(context.Context) error { return fail }
	if _, err := k.Open(t.Context(), user("a"), sealed); !errors.Is(err, fail) || fault.Of(err) != fault.Throttled {
		t.Errorf("open: %v, want the wrapper's error", err)
	}
	if _, err := k.Seal(t.Context(), user("b"), nil); !errors.Is(err, fail) || fault.Of(err) != fault.Throttled {
		t.Errorf("seal: %v, want the wrapper's error", err)
	}
	w.before = func(context.Context) error { return nil }
	if got, err := k.Open(t.Context(), user("a"), sealed); err != nil || string(got) != "token" {
		t.Errorf("opened %q with error %v", got, err)
	}
	if _, err := k.Seal(t.Context(), user("b"), nil); err != nil {
		t.Errorf("seal: %v", err)
	}
}

// broken is a wrapper whose keys are as long as the test wants.
type broken struct {
	secret.Wrapper
	plain, wrapped int
}

func (b broken) Generate(context.Context, secret.Context) (plain, wrapped []byte, err error) {
	return make([]byte, b.plain), make([]byte, b.wrapped), nil
}

func TestKeysOfAWrongSizeAreNotUsed(t *testing.T) {
	for _, b := range []broken{{plain: 16, wrapped: 60}, {plain: 0, wrapped: 60}, {plain: 32, wrapped: 0}, {plain: 32, wrapped: 6145}} {
		t.Run(fmt.Sprintf("%d and %d bytes", b.plain, b.wrapped), func(t *testing.T) {
			b.Wrapper = watch(t)
			sealed, err := secret.New(b, time.Now, secret.Limits{}).Seal(t.Context(), user("a"), []byte("token"))
			if err == nil || fault.Of(err) != fault.Internal || sealed != nil {
				t.Errorf("sealed %d bytes with the error %v", len(sealed), err)
			}
		})
	}
}

// renamed is a wrapper of another kind.
type renamed struct{ secret.Wrapper }

func (renamed) Name() string { return "vault" }

func TestWhatAnotherKindOfWrapperSealedIsUnreadable(t *testing.T) {
	w := watch(t)
	sealed, err := secret.New(renamed{w}, time.Now, secret.Limits{}).Seal(t.Context(), user("a"), []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = secret.New(w, time.Now, secret.Limits{}).Open(t.Context(), user("a"), sealed)
	if !errors.Is(err, secret.ErrUnreadable) || !strings.Contains(err.Error(), "vault") || len(w.unwrapped) != 0 {
		t.Errorf("error %v after %d keys were unwrapped, want unreadable and none", err, len(w.unwrapped))
	}
}
