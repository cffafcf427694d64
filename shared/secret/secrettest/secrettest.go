// Package secrettest is the contract of secret.Keeper over any secret.Wrapper: every wrapper passes it.
package secrettest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"adminassistant/shared/fault"
	"adminassistant/shared/secret"
)

var anna = secret.Context{Purpose: secret.MicrosoftToken, User: "8a1f#anna"}

// Run runs the contract. open returns a wrapper of a master key; every call returns one of the same key.
func Run(t *testing.T, open func(t testing.TB) secret.Wrapper) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, func(testing.TB) secret.Wrapper)
	}{
		{"a secret opens as it was sealed, for any context", roundTrip},
		{"a secret opens in another process", restart},
		{"secrets of any size up to the largest are kept, larger ones refused", sizes},
		{"the same secret is sealed differently every time", differ},
		{"a sealed secret shows nothing of it", opaque},
		{"a secret opens for no other user or purpose", foreign},
		{"a value that was changed anywhere does not open", changed},
		{"a value that is cut off or goes on does not open", length},
		{"parts of two sealed values do not open together", swapped},
		{"what was never sealed is unreadable", garbage},
		{"a context without a user or a purpose is refused", nobody},
		{"a context that has ended stops every call", cancelled},
		{"many callers at once get their own secrets", concurrent},
		{"a wrapper makes keys that it unwraps for their context alone", wrapper},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open) })
	}
}

func keeper(t testing.TB, open func(testing.TB) secret.Wrapper) *secret.Envelope {
	return secret.New(open(t), time.Now, secret.Limits{})
}

func seal(t testing.TB, k secret.Keeper, c secret.Context, plain string) []byte {
	t.Helper()
	sealed, err := k.Seal(t.Context(), c, []byte(plain))
	if err != nil {
		t.Fatalf("seal: %v", err)
	}
	return sealed
}

func wantUnreadable(t testing.TB, plain []byte, err error) {
	t.Helper()
	if !errors.Is(err, secret.ErrUnreadable) || fault.Of(err) != fault.Malformed || plain != nil {
		t.Errorf("opened %d bytes with the error %v of kind %s, want unreadable, kind malformed", len(plain), err, fault.Of(err))
	}
}

func roundTrip(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	part := rapid.StringMatching(`[ -~äß€#|]{1,40}`)
	rapid.Check(t, func(r *rapid.T) {
		c := secret.Context{Purpose: part.Draw(r, "purpose"), User: part.Draw(r, "user")}
		plain := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(r, "plain")
		sealed, err := k.Seal(t.Context(), c, plain)
		if err != nil {
			r.Fatalf("seal: %v", err)
		}
		got, err := k.Open(t.Context(), c, sealed)
		if err != nil || !bytes.Equal(got, plain) {
			r.Fatalf("opened %x with error %v, want %x", got, err, plain)
		}
	})
}

func restart(t *testing.T, open func(testing.TB) secret.Wrapper) {
	sealed := seal(t, keeper(t, open), anna, "refresh token")
	for range 2 {
		if got, err := keeper(t, open).Open(t.Context(), anna, sealed); err != nil || string(got) != "refresh token" {
			t.Errorf("opened %q with error %v", got, err)
		}
	}
}

func sizes(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	for _, size := range []int{0, 1, 100 << 10, secret.MaxPlain} {
		plain := strings.Repeat("x", size)
		sealed := seal(t, k, anna, plain)
		if got, err := k.Open(t.Context(), anna, sealed); err != nil || string(got) != plain {
			t.Errorf("of %d bytes %d came back, error %v", size, len(got), err)
		}
	}
	_, err := k.Seal(t.Context(), anna, make([]byte, secret.MaxPlain+1))
	if err == nil || fault.Of(err) != fault.Invalid {
		t.Errorf("one byte more: error %v of kind %s, want kind invalid", err, fault.Of(err))
	}
}

func differ(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	seen := map[string]bool{}
	for range 50 {
		sealed := string(seal(t, k, anna, "token"))
		if seen[sealed] {
			t.Fatal("two sealed values are the same")
		}
		seen[sealed] = true
	}
}

func opaque(t *testing.T, open func(testing.TB) secret.Wrapper) {
	sealed := seal(t, keeper(t, open), anna, "refresh token of anna")
	for _, part := range []string{"refresh", "token", "anna", "8a1f"} {
		if bytes.Contains(sealed, []byte(part)) {
			t.Errorf("the sealed value holds %q", part)
		}
	}
}

func foreign(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	sealed := seal(t, k, anna, "token")
	others := map[string]secret.Context{
		"another user":         {Purpose: anna.Purpose, User: "8a1f#ben"},
		"another tenant":       {Purpose: anna.Purpose, User: "8a1e#anna"},
		"another purpose":      {Purpose: "session", User: anna.User},
		"letters moved over":   {Purpose: anna.Purpose + "8", User: anna.User[1:]},
		"user and purpose one": {Purpose: anna.User, User: anna.Purpose},
	}
	for name, c := range others {
		t.Run(name, func(t *testing.T) {
			for _, fresh := range []bool{true, false} {
				opener := k
				if fresh {
					opener = keeper(t, open)
				} else { // with the data keys of both in memory
					for _, own := range []secret.Context{anna, c} {
						if _, err := k.Open(t.Context(), own, seal(t, k, own, "own")); err != nil {
							t.Fatal(err)
						}
					}
					if _, err := k.Open(t.Context(), anna, sealed); err != nil {
						t.Fatal(err)
					}
				}
				got, err := opener.Open(t.Context(), c, sealed)
				wantUnreadable(t, got, err)
				if err != nil && (strings.Contains(err.Error(), "anna") || strings.Contains(err.Error(), c.User)) {
					t.Errorf("the error names a user: %v", err)
				}
			}
		})
	}
}

// recorder remembers the last wrapped key.
type recorder struct {
	secret.Wrapper
	wrapped []byte
}

func (r *recorder) Generate(ctx context.Context, c secret.Context) (plain, wrapped []byte, err error) {
	plain, wrapped, err = r.Wrapper.Generate(ctx, c)
	r.wrapped = bytes.Clone(wrapped)
	return plain, wrapped, err
}

func changed(t *testing.T, open func(testing.TB) secret.Wrapper) {
	r := &recorder{Wrapper: open(t)}
	k := secret.New(r, time.Now, secret.Limits{})
	sealed := seal(t, k, anna, "token")
	begin := bytes.Index(sealed, r.wrapped)
	if begin < 0 {
		t.Fatal("the wrapped key is not in the sealed value")
	}
	end := begin + len(r.wrapped)
	for i := range sealed {
		for bit := range 8 {
			within := i >= begin && i < end
			if within && bit != i%8 { // one bit of each byte: each costs a request to the service
				continue
			}
			broken := bytes.Clone(sealed)
			broken[i] ^= 1 << bit
			got, err := k.Open(t.Context(), anna, broken)
			// What a service answers to a wrapped key that names another master key is its own affair, as long as it refuses for good.
			if within && err != nil && fault.Of(err) == fault.Internal && got == nil {
				continue
			}
			if !errors.Is(err, secret.ErrUnreadable) || got != nil {
				t.Errorf("bit %d of byte %d changed: %v, want unreadable", bit, i, err)
			}
		}
	}
	if got, err := k.Open(t.Context(), anna, sealed); err != nil || string(got) != "token" {
		t.Errorf("unchanged it opened as %q, error %v", got, err)
	}
}

func length(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	sealed := seal(t, k, anna, "token")
	for n := range len(sealed) {
		if got, err := k.Open(t.Context(), anna, sealed[:n]); !errors.Is(err, secret.ErrUnreadable) || got != nil {
			t.Errorf("the first %d bytes: %v, want unreadable", n, err)
		}
	}
	got, err := k.Open(t.Context(), anna, append(bytes.Clone(sealed), 0))
	wantUnreadable(t, got, err)
	got, err = k.Open(t.Context(), anna, append([]byte{0}, sealed...))
	wantUnreadable(t, got, err)
}

func swapped(t *testing.T, open func(testing.TB) secret.Wrapper) {
	ben := secret.Context{Purpose: anna.Purpose, User: "8a1f#ben"}
	var sealed, heads [3][]byte
	for i, c := range []secret.Context{anna, anna, ben} {
		r := &recorder{Wrapper: open(t)}
		sealed[i] = seal(t, secret.New(r, time.Now, secret.Limits{}), c, "token")
		heads[i] = sealed[i][:bytes.Index(sealed[i], r.wrapped)+len(r.wrapped)]
	}
	k := keeper(t, open)
	for i := range heads {
		for j := range sealed {
			if i == j {
				continue
			}
			mixed := append(bytes.Clone(heads[i]), sealed[j][len(heads[j]):]...)
			for _, c := range []secret.Context{anna, ben} {
				got, err := k.Open(t.Context(), c, mixed)
				wantUnreadable(t, got, err)
			}
		}
	}
}

func garbage(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	for _, sealed := range []string{
		"", "x", "refresh token in clear", `{"token":"in clear"}`, strings.Repeat("\xff", 1000), "AAS\x02" + strings.Repeat("\x01a", 100),
	} {
		got, err := k.Open(t.Context(), anna, []byte(sealed))
		wantUnreadable(t, got, err)
		if err != nil && strings.Contains(err.Error(), "clear") {
			t.Errorf("the error shows what was to be opened: %v", err)
		}
	}
}

func nobody(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	sealed := seal(t, k, anna, "token")
	for _, c := range []secret.Context{
		{}, {Purpose: anna.Purpose}, {User: anna.User}, {Purpose: anna.Purpose, User: "\xff"}, {Purpose: anna.Purpose, User: strings.Repeat("u", 1025)},
	} {
		if _, err := k.Seal(t.Context(), c, []byte("token")); err == nil || fault.Of(err) != fault.Internal {
			t.Errorf("seal: error %v of kind %s, want kind internal", err, fault.Of(err))
		}
		if _, err := k.Open(t.Context(), c, sealed); err == nil || fault.Of(err) != fault.Internal {
			t.Errorf("open: error %v of kind %s, want kind internal", err, fault.Of(err))
		}
	}
}

func cancelled(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := keeper(t, open)
	sealed := seal(t, k, anna, "token")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := k.Seal(ctx, anna, []byte("token")); !errors.Is(err, context.Canceled) {
		t.Errorf("seal: %v, want cancelled", err)
	}
	if _, err := k.Open(ctx, anna, sealed); !errors.Is(err, context.Canceled) {
		t.Errorf("open: %v, want cancelled", err)
	}
}

func concurrent(t *testing.T, open func(testing.TB) secret.Wrapper) {
	k := secret.New(open(t), time.Now, secret.Limits{MaxUses: 3, MaxKeys: 2})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			c := secret.Context{Purpose: anna.Purpose, User: fmt.Sprint("user ", i%5)}
			want := fmt.Sprint("token ", i)
			sealed, err := k.Seal(t.Context(), c, []byte(want))
			if err != nil {
				t.Errorf("seal: %v", err)
				return
			}
			if got, err := k.Open(t.Context(), c, sealed); err != nil || string(got) != want {
				t.Errorf("opened %q with error %v, want %q", got, err, want)
			}
		})
	}
	wg.Wait()
}

func wrapper(t *testing.T, open func(testing.TB) secret.Wrapper) {
	w := open(t)
	if name := w.Name(); name == "" || len(name) > 32 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "" {
		t.Errorf("its name is %q", name)
	}
	plain, wrapped, err := w.Generate(t.Context(), anna)
	if err != nil || len(plain) != secret.KeySize || len(wrapped) == 0 || len(wrapped) > 6144 {
		t.Fatalf("generated keys of %d and %d bytes, error %v", len(plain), len(wrapped), err)
	}
	other, _, err := w.Generate(t.Context(), anna)
	if err != nil || bytes.Equal(plain, other) || bytes.Equal(plain, make([]byte, len(plain))) {
		t.Errorf("the next key is the same, or zero; error %v", err)
	}
	got, err := w.Unwrap(t.Context(), anna, wrapped)
	if err != nil || !bytes.Equal(got, plain) {
		t.Errorf("unwrapped another key, error %v", err)
	}
	for _, c := range []secret.Context{{Purpose: anna.Purpose, User: "8a1f#ben"}, {Purpose: "session", User: anna.User}} {
		if foreign, err := w.Unwrap(t.Context(), c, wrapped); !errors.Is(err, secret.ErrUnreadable) || foreign != nil {
			t.Errorf("unwrapped %d bytes for another context, error %v, want unreadable", len(foreign), err)
		}
	}
	clear(got)
	if reread, err := w.Unwrap(t.Context(), anna, wrapped); err != nil || !bytes.Equal(reread, plain) {
		t.Errorf("unwrapped another key after the first was wiped, error %v", err)
	}
}
