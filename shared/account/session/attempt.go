package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// AttemptFor is how long a user may take to sign in.
const AttemptFor = 10 * time.Minute

// ErrNoAttempt means that a sign-in was not begun in this browser, or is over ten minutes old, or was completed before. It is of kind
// fault.NotFound.
var ErrNoAttempt = fault.Wrap(fault.NotFound, errors.New("session: no such sign-in"))

// Attempt is a sign-in that a browser began.
type Attempt struct {
	State  string // names it to the sign-in service, which sends it back
	Cookie string // what the browser keeps, and has to bring along to complete it
	Return string // the path to which the browser goes then
	Tenant string // at which the user signs in; empty: where there is one alone, or that of the account
	// Silent means that it was begun to check a session, and that no page was to be shown.
	Silent bool

	user string // hex SHA-256 of the key of the user who signs in once more; empty: nobody was signed in
}

// NewAttempt is a sign-in that nobody has begun yet. user is the key of who signs in once more; empty: nobody is signed in.
func NewAttempt(user, back string) Attempt {
	a := Attempt{State: newSecret(), Cookie: newSecret(), Return: back}
	if user != "" {
		a.user = hexSum(user)
	}
	return a
}

// Of says whether it is the sign-in of a user who was signed in before, by key.
func (a *Attempt) Of(user string) bool { return a.user == hexSum(user) }

// Nonce and Verifier are secrets that follow from the cookie, and not the other way round. So the browser has to bring the cookie along to
// complete the sign-in, and the table holds nothing that would.
func (a *Attempt) Nonce() string    { return a.derived("nonce") }
func (a *Attempt) Verifier() string { return a.derived("verifier") }

func (a *Attempt) derived(purpose string) string {
	mac := hmac.New(sha256.New, []byte(a.Cookie))
	mac.Write([]byte(purpose + "\x00" + a.State))
	return encoding.EncodeToString(mac.Sum(nil))
}

// newSecret is 256 random bits, in the alphabet of URLs.
func newSecret() string {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	return encoding.EncodeToString(secret[:])
}

func hexSum(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// attemptRecord is what the table holds of a sign-in. What completes it is in the browser alone.
type attemptRecord struct {
	Browser string    `json:"browser"`       // hex SHA-256 of the cookie
	For     string    `json:"for,omitempty"` // Attempt.user
	Return  string    `json:"return"`
	Tenant  string    `json:"tenant,omitempty"`
	Silent  bool      `json:"silent,omitempty"`
	Until   time.Time `json:"until"`
}

func attemptKey(state string) store.Key { return store.Key{PK: "LOGIN#" + hexSum(state), SK: "LOGIN"} }

// Attempts are the sign-ins that were begun and are not completed. Errors that are not described are the table's.
type Attempts struct {
	table store.Table
	clock func() time.Time
}

// NewAttempts returns the sign-ins that a table holds.
func NewAttempts(table store.Table, clock func() time.Time) *Attempts {
	return &Attempts{table: table, clock: clock}
}

// Begin notes that a browser has begun a sign-in.
func (s *Attempts) Begin(ctx context.Context, a Attempt) error {
	r := attemptRecord{Browser: hexSum(a.Cookie), For: a.user, Return: a.Return, Tenant: a.Tenant, Silent: a.Silent, Until: s.clock().Add(AttemptFor)}
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := s.table.Put(ctx, store.Item{Key: attemptKey(a.State), Expires: r.Until, Data: data}, store.Absent()); err != nil {
		return fmt.Errorf("begin a sign-in: %w", err)
	}
	return nil
}

// Complete returns the sign-in that a browser began, by its state and cookie, and forgets it: it can be completed once. Errors: ErrNoAttempt.
func (s *Attempts) Complete(ctx context.Context, state, cookie string) (Attempt, error) {
	item, err := s.table.Get(ctx, attemptKey(state))
	if errors.Is(err, store.ErrNotFound) {
		return Attempt{}, ErrNoAttempt
	}
	if err != nil {
		return Attempt{}, fmt.Errorf("read the sign-in: %w", err)
	}
	var r attemptRecord
	if err := json.Unmarshal(item.Data, &r); err != nil {
		return Attempt{}, fault.New(fault.Malformed, "the sign-in is unreadable: %v", err)
	}
	if subtle.ConstantTimeCompare([]byte(r.Browser), []byte(hexSum(cookie))) != 1 || !s.clock().Before(r.Until) {
		return Attempt{}, ErrNoAttempt
	}
	switch err := s.table.Delete(ctx, item.Key, store.VersionIs(item.Version)); {
	case errors.Is(err, store.ErrConflict):
		return Attempt{}, ErrNoAttempt // the same callback was faster
	case err != nil:
		return Attempt{}, fmt.Errorf("complete the sign-in: %w", err)
	}
	return Attempt{State: state, Cookie: cookie, Return: r.Return, Tenant: r.Tenant, Silent: r.Silent, user: r.For}, nil
}
