// Package audit keeps the log of who did what: every request that may change something, and every effect, append-only, and
// hash-chained for each user, so that a change, a removal or a swap shows.
//
// A record holds ids, counts and hashes, never content; its types see to that. What is personal about the one who acted (name,
// address, browser) lies beside what is chained, under a salted digest, so that it can be erased and the chain still verifies. It is
// kept in that person's own chain only.
//
// Items in the store, none of which expires:
//
//	AUDIT#<user> / <ulid>   a record; ids ascend with the sequence
//	AUDIT#<user> / HEAD     sequence number, id and hash of the newest record, and how far personal fields are erased
package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

const (
	// System is the actor of what no person asked for at that moment.
	System = "system"
	// MaxAppend is the largest number of records in one Append: they and the head are one transaction.
	MaxAppend = store.MaxTransact - 1

	maxUser      = 512 // bytes; of users and actors
	maxAction    = 64
	maxID        = 128
	maxName      = 128
	maxUserAgent = 256
	maxDetails   = 16
	maxDetail    = 32 // bytes of a detail's name
	saltSize     = 16
)

// Action is what was done: two or more words joined by dots, the first one the kind of the resource, as in "config.create" or
// "run.archive.finished". Actions are part of the API: they are never renamed.
type Action string

// Outcome says how an action went.
type Outcome string

const (
	Begun   Outcome = "begun"   // a request that may change something is let through; another record says how it ended
	OK      Outcome = "ok"      // done
	Refused Outcome = "refused" // not done, because of the request
	Failed  Outcome = "failed"  // not done, or not all of it, because of us or of a service we need
	// Unreadable marks a record that cannot be decoded. Nothing is stored with it.
	Unreadable Outcome = "unreadable"
)

var outcomes = []Outcome{Begun, OK, Refused, Failed, Unreadable}

// Resource is what was acted on. An ID that does not look like one is replaced by its hash, as ID does.
type Resource struct {
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
}

// Value is a detail: made by ID, Int or Bool.
type Value struct{ is any } // string, int64 or bool

// ID is the id or the hash of something. What is no id (longer than 128 bytes, or with other characters than ASCII letters, digits
// and -_.:#=+/) becomes "sha256:" and 32 hex digits of its SHA-256, so that no content gets into the log.
func ID(id string) Value { return Value{identifier(id)} }

// Int is a count.
func Int(n int64) Value { return Value{n} }

// Bool is a choice.
func Bool(b bool) Value { return Value{b} }

func (v Value) MarshalJSON() ([]byte, error) { return json.Marshal(v.is) }

// UnmarshalJSON takes a string, a whole number or a boolean.
func (v *Value) UnmarshalJSON(data []byte) error {
	var s string
	var n int64
	var b bool
	switch {
	case json.Unmarshal(data, &s) == nil:
		v.is = s
	case json.Unmarshal(data, &n) == nil:
		v.is = n
	case json.Unmarshal(data, &b) == nil:
		v.is = b
	default:
		return fault.New(fault.Malformed, "a detail is neither an id nor a whole number nor a boolean")
	}
	return nil
}

// Details are at most 16 ids, counts and choices, by names of lower-case letters, digits and underscores.
type Details map[string]Value

// Personal is what is personal about the one who acted. It can be erased.
type Personal struct {
	Name      string     `json:"name,omitempty"`       // cut to 128 bytes
	IP        netip.Addr `json:"ip,omitzero"`          // where the request came from
	UserAgent string     `json:"user_agent,omitempty"` // cut to 256 bytes
}

// Entry is what is to be recorded.
type Entry struct {
	User     string   `json:"user"`  // whose chain it goes into: account.Principal.Key
	Actor    string   `json:"actor"` // who acted: a principal's key; empty becomes System
	Action   Action   `json:"action"`
	Resource Resource `json:"resource,omitzero"`
	Outcome  Outcome  `json:"outcome"`
	Fault    string   `json:"fault,omitempty"` // of what was refused or failed: a fault.Kind or a problem's code
	Begun    string   `json:"begun,omitempty"` // id of the record that said that it began
	// Duration in milliseconds.
	Duration    int64    `json:"duration_ms"`
	Correlation string   `json:"correlation_id,omitempty"`
	Details     Details  `json:"details,omitempty"`
	Personal    Personal `json:"personal,omitzero"` // dropped unless Actor is User
}

// Record is an entry in its chain.
type Record struct {
	Seq int    `json:"seq"` // from 1, without gaps
	ID  string `json:"id"`  // ULID, greater than that of the record before
	// Time is that of the ID, in UTC and whole milliseconds; it never goes back. Behind is by how many milliseconds the clock of
	// the writer was behind it, because the record before came from a clock that was ahead, or because it was set back.
	Time   time.Time `json:"time"`
	Behind int64     `json:"behind_ms,omitempty"`
	Entry
	Digest string `json:"digest"` // HMAC-SHA-256 over the personal fields as JSON, under the salt; hex
	Prev   string `json:"prev"`   // hash of the record before, "" for the first
	Hash   string `json:"hash"`   // see Sum
	Salt   []byte `json:"salt,omitempty"`
}

// Sum returns what Hash must be: the SHA-256, in hex, of "audit-record/1\n" and the record's JSON without hash, salt and personal
// fields. It covers all else in the record, and by Prev all records before.
func (r *Record) Sum() string {
	sealed := *r
	sealed.Hash, sealed.Salt, sealed.Personal = "", nil, Personal{}
	sum := sha256.Sum256(append([]byte("audit-record/1\n"), mustJSON(sealed)...))
	return hex.EncodeToString(sum[:])
}

// digest returns what Digest must be while the personal fields are there.
func (r *Record) digest() string {
	mac := hmac.New(sha256.New, r.Salt)
	mac.Write(mustJSON(r.Personal))
	return hex.EncodeToString(mac.Sum(nil))
}

func partition(user string) string { return "AUDIT#" + user }

const headSK = "HEAD"

// All records are from firstSK on and before pastSK; the head is behind them.
const firstSK, pastSK = "0", "8"

func (r *Record) item() store.Item {
	return store.Item{Key: store.Key{PK: partition(r.User), SK: r.ID}, Data: mustJSON(r)}
}

// decode reads a stored record.
func decode(item *store.Item) (Record, error) {
	var r Record
	if err := json.Unmarshal(item.Data, &r); err != nil {
		return Record{}, fault.New(fault.Malformed, "audit record %s is unreadable: %v", item.SK, err)
	}
	return r, nil
}

var (
	actionForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	wordForm   = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// normal returns the entry as it is recorded: cut, and with hashes in place of what is no id. Errors are of kind fault.Internal:
// what is wrong then, a programmer wrote.
func (e Entry) normal() (Entry, error) {
	if e.Actor == "" {
		e.Actor = System
	}
	for _, who := range []string{e.User, e.Actor} {
		if who == "" || len(who) > maxUser || !utf8.ValidString(who) {
			return e, fault.New(fault.Internal, "audit: user and actor must be 1 to %d bytes of UTF-8", maxUser)
		}
	}
	if len(e.Action) > maxAction || !actionForm.MatchString(string(e.Action)) {
		return e, fault.New(fault.Internal, "audit: action %q is not at most %d bytes of lower-case words joined by dots", e.Action, maxAction)
	}
	if !slices.Contains(outcomes, e.Outcome) || e.Outcome == Unreadable {
		return e, fault.New(fault.Internal, "audit: %s has no outcome", e.Action)
	}
	if len(e.Details) > maxDetails {
		return e, fault.New(fault.Internal, "audit: %s has %d details, at most %d are allowed", e.Action, len(e.Details), maxDetails)
	}
	for name, v := range e.Details {
		if len(name) > maxDetail || !wordForm.MatchString(name) || v.is == nil {
			return e, fault.New(fault.Internal, "audit: a detail of %s has no value, or its name is not a lower-case word of at most %d bytes", e.Action, maxDetail)
		}
	}
	e.Details = maps.Clone(e.Details)
	e.Duration = max(e.Duration, 0)
	for _, id := range []*string{&e.Resource.Kind, &e.Resource.ID, &e.Fault, &e.Begun, &e.Correlation} {
		*id = identifier(*id)
	}
	if e.Actor != e.User {
		e.Personal = Personal{}
	}
	e.Personal.Name, e.Personal.UserAgent = cut(e.Personal.Name, maxName), cut(e.Personal.UserAgent, maxUserAgent)
	e.Personal.IP = e.Personal.IP.Unmap().WithZone("")
	return e, nil
}

// identifier returns id if it looks like one, else its hash.
func identifier(id string) string {
	other := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.:#=+/", r)
	}
	if len(id) <= maxID && !strings.ContainsFunc(id, other) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "sha256:" + hex.EncodeToString(sum[:16])
}

// cut returns text with a space in place of each control character and of what is not UTF-8, in at most so many bytes.
func cut(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	if len(text) > most {
		for !utf8.RuneStart(text[most]) {
			most--
		}
		text = text[:most]
	}
	return text
}

// after returns the id that follows last: fresh, or the next one that there can be if fresh is not greater.
func after(last, fresh ulid.ULID) ulid.ULID {
	if fresh.Compare(last) > 0 {
		return fresh
	}
	for i := len(last) - 1; i >= 0; i-- {
		if last[i]++; last[i] != 0 {
			break
		}
	}
	return last
}

// parseID reads the id of a record, and says whether it is one.
func parseID(text string) (ulid.ULID, bool) {
	id, err := ulid.ParseStrict(text)
	return id, err == nil && id.String() == text
}

// encode makes the document of a record, with what is unknown of the one that was read.
func encode(unknown store.Unknown, v any) []byte {
	data, err := unknown.Encode(v)
	if err != nil {
		panic(fmt.Sprintf("audit: %v", err)) // plain data
	}
	return data
}

func mustJSON(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("audit: %v", err)) // plain data
	}
	return data
}
