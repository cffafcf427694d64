// Package session knows which browser is signed in as whom, and which one is about to be.
//
// A browser holds 256 random bits in a cookie; the table holds their hash and whose they are, so that who reads the table cannot go on in anybody's
// session. A session ends 12 hours after its last use and 7 days after its beginning, whatever the store still returns; by signing out; and, with all
// the others of its user, by signing out everywhere.
//
//	item      pk                              sk          index
//	session   SESSION#<hex SHA-256 of its id>  SESSION     SESSIONS#<user> / <beginning>#<hash>
//	ends      USER#<user>                      SESSIONS
//	attempt   LOGIN#<hex SHA-256 of its state> LOGIN
//
// The version of a user's item ends is the generation of the sessions: a session counts while it is of the present one. So signing out everywhere is
// one write, and does not depend on an index that may lag behind. Whoever erases a user ends the sessions and keeps this item, which says nothing.
package session

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/rs/zerolog"
	"golang.org/x/sync/singleflight"

	"adminassistant/shared/account"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
	"adminassistant/shared/telemetry"
)

const (
	// Idle is how long a session lasts without use. Its last use is known to within 5 minutes, by which it may end earlier.
	Idle = 12 * time.Hour
	// Longest is how long a session lasts at most.
	Longest = 7 * 24 * time.Hour

	// noteEvery is how often the last use is written at most.
	noteEvery = 5 * time.Minute
	// believedFor is how long a process believes what it read, and so how long a session that ended elsewhere goes on in it.
	believedFor = 30 * time.Second
	// maxCached is how many sessions a process remembers at most, some 700 bytes each.
	maxCached = 8192
	// maxAgent is how many characters of the browser's description are kept.
	maxAgent = 200
	// findTimeout is how long the table may take in all to return a session.
	findTimeout = 10 * time.Second
)

var (
	errNone  = fault.New(fault.Unauthenticated, "this session is not known, or has ended; sign in again")
	errEnded = fault.New(fault.Unauthenticated, "the session has ended; sign in again")
	errOther = fault.New(fault.NotFound, "you have no such session, or it has ended")
)

// SignIn is who signed in, and by which names the sign-in service knows the user when it is asked about them.
type SignIn struct {
	account.Principal
	Account string // user name; may be empty
	Hint    string // that names the user without saying who it is (login_hint); may be empty
}

// Session is one browser in which a user is signed in.
type Session struct {
	SignIn
	ID    string    // names it to its user, in 64 hex digits; it is of no use as a cookie
	Agent string    // what the browser says of itself; at most 200 printable characters
	Began time.Time // at the sign-in
	Used  time.Time // to within 5 minutes
	// Checked is when the sign-in service said last who the user is, and with which role.
	Checked time.Time
	// Token has to come with every request of the session that writes: only a page of ours can read it. Empty in a List.
	Token string
	// Noted says that this very use was written down, so that the session lasts longer than before and its cookie should too.
	Noted bool
}

// Ends is when the session ends if it is not used again.
func (s *Session) Ends() time.Time {
	idle, longest := s.Used.Add(Idle), s.Began.Add(Longest)
	if longest.Before(idle) {
		return longest
	}
	return idle
}

// Proves says whether a token is the session's, masked or not, in time that does not depend on it.
func (s *Session) Proves(token string) bool {
	if len(token) == encoding.EncodedLen(2*sha256.Size) {
		token = unmasked(token)
	}
	return s.Token != "" && hmac.Equal([]byte(s.Token), []byte(token))
}

// Masked is the token for a page that is compressed with texts that others may have chosen: random bytes, and the token's added to them bit by bit. It
// is another one each time, so that what two pages have in common tells nothing of it. Empty if there is no token.
func (s *Session) Masked() string {
	token, err := encoding.DecodeString(s.Token)
	if err != nil || len(token) != sha256.Size {
		return ""
	}
	var both [2 * sha256.Size]byte
	mask, masked := both[:sha256.Size], both[sha256.Size:]
	_, _ = rand.Read(mask) // never fails
	subtle.XORBytes(masked, mask, token)
	return encoding.EncodeToString(both[:])
}

// unmasked is the token that a masked one is of; empty: it is none.
func unmasked(masked string) string {
	both, err := encoding.DecodeString(masked)
	if err != nil || len(both) != 2*sha256.Size { // line ends count as nothing
		return ""
	}
	subtle.XORBytes(both[:sha256.Size], both[:sha256.Size], both[sha256.Size:])
	return encoding.EncodeToString(both[:sha256.Size])
}

// record is what the table holds of a session.
type record struct {
	Tenant     string       `json:"tenant"`
	Object     string       `json:"object"`
	Name       string       `json:"name,omitempty"`
	Role       account.Role `json:"role,omitempty"`
	Generation int64        `json:"generation"` // of the user's sessions
	Agent      string       `json:"agent,omitempty"`
	Began      time.Time    `json:"began"`
	Used       time.Time    `json:"used"`
	Checked    time.Time    `json:"checked,omitzero"` // zero: at the beginning
	Account    string       `json:"account,omitempty"`
	Hint       string       `json:"hint,omitempty"`

	unknown store.Unknown
}

func (r *record) session(id string) Session {
	checked := r.Checked
	if checked.IsZero() {
		checked = r.Began
	}
	who := account.Principal{Tenant: r.Tenant, Object: r.Object, Name: r.Name, Role: r.Role}
	return Session{
		SignIn: SignIn{who, r.Account, r.Hint}, ID: id, Agent: r.Agent, Began: r.Began, Used: r.Used, Checked: checked,
	}
}

const (
	prefixSession = "SESSION#"
	skSession     = "SESSION"
	skEnds        = "SESSIONS"
)

func keyOf(id string) store.Key    { return store.Key{PK: prefixSession + id, SK: skSession} }
func endsOf(user string) store.Key { return store.OfUser(user, skEnds) }
func indexOf(user string) string   { return "SESSIONS#" + user }

// Sessions are all of them. Its methods may be called from many goroutines at once. Errors that are not described are the table's.
type Sessions struct {
	table   store.Table
	clock   func() time.Time
	cache   cache
	flights singleflight.Group // by epoch and hash
}

// New returns the sessions that a table holds.
func New(table store.Table, clock func() time.Time) *Sessions {
	return &Sessions{table: table, clock: clock, cache: cache{limit: maxCached, entries: map[[sha256.Size]byte]entry{}}}
}

// Start begins a session and returns what its browser has to show, for the cookie: 43 characters of base64url, new each time. agent is what the
// browser says of itself.
func (s *Sessions) Start(ctx context.Context, who SignIn, agent string) (cookie string, _ Session, err error) {
	if who.Tenant == "" || who.Object == "" {
		return "", Session{}, fault.New(fault.Internal, "a session of nobody")
	}
	generation, err := s.generation(ctx, who.Key())
	if err != nil {
		return "", Session{}, err
	}
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	sum := sha256.Sum256(secret[:])
	id, now := hex.EncodeToString(sum[:]), s.clock().UTC()
	r := record{Tenant: who.Tenant, Object: who.Object, Name: who.Name, Role: who.Role, Generation: generation, Agent: printable(agent), Began: now, Used: now,
		Checked: now, Account: who.Account, Hint: who.Hint}
	began := r.session(id)
	if _, err := s.put(ctx, id, &r, store.Absent()); err != nil {
		return "", Session{}, fmt.Errorf("begin a session: %w", err)
	}
	began.Token, began.Noted = tokenOf(secret[:]), true
	return encoding.EncodeToString(secret[:]), began, nil
}

// Find returns the session that a cookie's value names. Errors: fault.Unauthenticated if there is none, or not any more.
func (s *Sessions) Find(ctx context.Context, cookie string) (Session, error) {
	secret, err := encoding.DecodeString(cookie)
	if err != nil || len(secret) != 32 || len(cookie) != encoding.EncodedLen(32) { // the decoder passes over line ends
		return Session{}, errNone
	}
	sum, now := sha256.Sum256(secret), s.clock().UTC()
	id, token := hex.EncodeToString(sum[:]), tokenOf(secret)
	r, ok := s.cache.get(sum, now)
	noted := false
	if !ok || now.Sub(r.Used) >= noteEvery {
		epoch := s.cache.now()
		// Requests of one session that come at once share one reading, which goes on if the request that began it is given up.
		// A reading that began before a session ended in this process is no answer for those who come after.
		got, err, _ := s.flights.Do(fmt.Sprint(epoch, id), func() (any, error) {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), findTimeout)
			defer cancel()
			return s.read(ctx, id, now, func(r record) { s.cache.put(sum, entry{record: r, read: now}, epoch) })
		})
		if err != nil {
			return Session{}, err
		}
		found := got.(use)
		r, noted = found.record, found.noted
	}
	if over(&r, now) {
		return Session{}, errEnded
	}
	it := r.session(id)
	it.Token, it.Noted = token, noted
	return it, nil
}

// use is a session as it was read, and whether its use was noted.
type use struct {
	record
	noted bool
}

// read gets a session from the table and notes its use if that is due.
func (s *Sessions) read(ctx context.Context, id string, now time.Time, keep func(record)) (use, error) {
	for noting := true; ; noting = false {
		item, err := s.table.Get(ctx, keyOf(id))
		if errors.Is(err, store.ErrNotFound) {
			return use{}, errNone
		}
		if err != nil {
			return use{}, fmt.Errorf("read the session: %w", err)
		}
		r, err := decode(item)
		if err != nil {
			return use{}, err
		}
		generation, err := s.generation(ctx, r.user())
		switch {
		case err != nil:
			return use{}, err
		case generation != r.Generation, over(&r, now):
			return use{}, errEnded
		case !noting || now.Sub(r.Used) < noteEvery:
			keep(r)
			return use{record: r}, nil
		}
		later := r
		later.Used = now
		_, err = s.put(ctx, id, &later, store.VersionIs(item.Version))
		switch {
		case err == nil:
			keep(later)
			return use{later, true}, nil
		case errors.Is(err, store.ErrConflict): // noted by another process, or ended
		default: // which must not end it: the next request tries again
			telemetry.Failure(zerolog.Ctx(ctx).Warn(), err).Msg("use of a session not noted")
			return use{record: r}, nil
		}
	}
}

func (r *record) user() string { return account.Principal{Tenant: r.Tenant, Object: r.Object}.Key() }

// over says whether time has ended a session.
func over(r *record, now time.Time) bool {
	it := r.session("")
	return !now.Before(it.Ends())
}

func (s *Sessions) put(ctx context.Context, id string, r *record, cond store.Condition) (int64, error) {
	data, err := r.unknown.Encode(r)
	if err != nil {
		return 0, err
	}
	it := r.session(id)
	return s.table.Put(ctx, store.Item{
		Key: keyOf(id), IndexPK: indexOf(r.user()), IndexSK: r.Began.UTC().Format(sortable) + "#" + id, Expires: it.Ends(), Data: data,
	}, cond)
}

// sortable is a time as text that sorts like it.
const sortable = "2006-01-02T15:04:05.000000000Z"

func decode(item store.Item) (record, error) {
	var r record
	unknown, err := store.Decode(item.Data, &r)
	if err != nil || r.Tenant == "" || r.Object == "" {
		return r, fault.New(fault.Malformed, "session %.12s is unreadable", strings.TrimPrefix(item.PK, prefixSession))
	}
	r.unknown = unknown
	return r, nil
}

// generation counts how often a user signed out everywhere.
func (s *Sessions) generation(ctx context.Context, user string) (int64, error) {
	item, err := s.table.Get(ctx, endsOf(user))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, fmt.Errorf("read which sessions have ended: %w", err)
	}
	return item.Version, nil
}

// End ends one session of a user, by Session.ID: in this process at once, in others within 30 seconds. Errors: fault.NotFound if the user has none
// of that id.
func (s *Sessions) End(ctx context.Context, user, id string) error {
	sum, err := hex.DecodeString(id)
	if err != nil || len(sum) != sha256.Size || hex.EncodeToString(sum) != id {
		return errOther
	}
	item, err := s.table.Get(ctx, keyOf(id))
	if errors.Is(err, store.ErrNotFound) {
		s.cache.forget(func(known [sha256.Size]byte, r *record) bool {
			return known == [sha256.Size]byte(sum) && r.user() == user
		})
		return errOther
	}
	if err != nil {
		return fmt.Errorf("read the session: %w", err)
	}
	if r, err := decode(item); err != nil {
		return err
	} else if r.user() != user {
		return errOther
	}
	if err := s.table.Delete(ctx, keyOf(id), store.Any()); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	s.cache.forget(func(known [sha256.Size]byte, _ *record) bool { return known == [sha256.Size]byte(sum) })
	return nil
}

// Check notes what the sign-in service says now of the user of a session, by Session.ID: name, role and by which names it knows the user. The
// session goes on with that, in this process at once, in others within 30 seconds. Errors: fault.NotFound if the session has ended or is another
// user's.
func (s *Sessions) Check(ctx context.Context, id string, who SignIn) error {
	for {
		item, err := s.table.Get(ctx, keyOf(id))
		if errors.Is(err, store.ErrNotFound) {
			return errOther
		}
		if err != nil {
			return fmt.Errorf("read the session: %w", err)
		}
		r, err := decode(item)
		if err != nil {
			return err
		}
		if r.user() != who.Key() {
			return errOther
		}
		now := s.clock().UTC()
		r.Name, r.Role, r.Account, r.Hint, r.Checked, r.Used = who.Name, who.Role, who.Account, who.Hint, now, now
		_, err = s.put(ctx, id, &r, store.VersionIs(item.Version))
		if errors.Is(err, store.ErrConflict) {
			continue // its use was noted, or it has ended
		}
		if err != nil {
			return fmt.Errorf("note a check of the session: %w", err)
		}
		s.cache.forget(func(known [sha256.Size]byte, _ *record) bool { return hex.EncodeToString(known[:]) == id })
		return nil
	}
}

// EndAll ends all sessions of a user, those that begin at this moment too: in this process at once, in others within 30 seconds. Then it removes what
// is kept of them. After an error they may have ended and still be kept, until time removes them or EndAll is called again.
func (s *Sessions) EndAll(ctx context.Context, user string) error {
	if _, err := s.table.Put(ctx, store.Item{Key: endsOf(user), Data: []byte("{}")}, store.Any()); err != nil {
		return fmt.Errorf("end all sessions: %w", err)
	}
	s.cache.forget(func(_ [sha256.Size]byte, r *record) bool { return r.user() == user })
	items, err := store.All(ctx, s.table, store.Query{Index: true, PK: indexOf(user)})
	for err == nil && len(items) > 0 {
		n := min(len(items), store.MaxTransact)
		ops := make([]store.Op, n)
		for i := range ops {
			ops[i].Delete = &items[i].Key
		}
		err, items = s.table.Transact(ctx, ops), items[n:]
	}
	if err != nil {
		return fmt.Errorf("remove ended sessions: %w", err)
	}
	return nil
}

// List returns the sessions of a user that have not ended, the oldest first. One that began just now may be missing.
func (s *Sessions) List(ctx context.Context, user string) ([]Session, error) {
	generation, err := s.generation(ctx, user)
	if err != nil {
		return nil, err
	}
	items, err := store.All(ctx, s.table, store.Query{Index: true, PK: indexOf(user)})
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	now, all := s.clock().UTC(), []Session{}
	for _, item := range items {
		r, err := decode(item)
		if err != nil {
			return nil, err
		}
		if r.Generation == generation && !over(&r, now) {
			all = append(all, r.session(strings.TrimPrefix(item.PK, prefixSession)))
		}
	}
	return all, nil
}

var encoding = base64.RawURLEncoding.Strict()

// tokenOf is a session's token: it follows from its secret, and the secret does not follow from it.
func tokenOf(secret []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("csrf"))
	return encoding.EncodeToString(mac.Sum(nil))
}

// printable is the beginning of what a browser says of itself, without what could not be shown.
func printable(text string) string {
	clean := []rune(strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text))
	return strings.TrimSpace(string(clean[:min(len(clean), maxAgent)]))
}
