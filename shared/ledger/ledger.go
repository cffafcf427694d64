// Package ledger is the append-only record of every appointment that was archived and of every later change. The archive
// calendar is a view of it.
//
// An entry is one version of one appointment. It is written intended, with the payload for the archive calendar, before that
// calendar is written, and done or failed after it. When a run ends, its entries are sealed: their hashes form a Merkle
// tree, and the link of the run covers the tree's root, the run itself and the link before it, so that nothing can change or disappear
// unseen. The head is signed with every write, so that who can write the table, and has no signing key, can add nothing either.
//
// Items in the store, all in the partition LEDGER#<config>:
//
//	<start>#<key>#<version>   an entry; start is UTC, so that the entries of a window are one range
//	KEY#<lineage>             where the versions of one source event are, wherever it moved (Lineage)
//	CHAIN#<seq>#<hash>#<part> the link of a run and the hashes of the entries that it sealed
//	HEAD                      the newest link, and the run that has entries which are not sealed yet; signed
package ledger

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/blob"
	"adminassistant/shared/calendar"
	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// State is how far an entry has come.
type State string

const (
	Intended State = "intended" // about to be written to the archive calendar; unknown whether it was
	Done     State = "done"     // in the archive calendar, or needs not be there
	Failed   State = "failed"   // the archive calendar refused it for good
)

// Outcome is what an entry records.
type Outcome string

const (
	Archived   Outcome = "archived"   // stands in the archive
	Superseded Outcome = "superseded" // gave way to By
	Conflicted Outcome = "conflicted" // waits for the user's decision
	Moved      Outcome = "moved"      // this version stands elsewhere: its start changed
	Declined   Outcome = "declined"   // a decision keeps it out of the archive
	Withdrawn  Outcome = "withdrawn"  // stood in the archive, and was taken out of it by a decision or an undo
)

// Change is one thing in which the appointment differs from its source event.
type Change struct {
	Field  string `json:"field"`
	From   string `json:"from"`
	To     string `json:"to"`
	Reason string `json:"reason"`
	// Version is that of the user's rule that Reason names; 0: there is none.
	Version int `json:"version,omitempty"`
}

// Entry is one version of one appointment.
type Entry struct {
	Config  string  `json:"config"`
	Key     string  `json:"key"`     // source key
	Lineage string  `json:"lineage"` // see Lineage
	Version int     `json:"version"` // from 1, counted by key
	Outcome Outcome `json:"outcome"`
	Reason  string  `json:"reason,omitempty"` // why there is this version, or why it was superseded
	By      string  `json:"by,omitempty"`     // event id of the winner

	// SourceHash is the content hash of the source that the version was made from. Hash is that of what stands, which differs from it where
	// users decided otherwise than the source has it.
	SourceHash string `json:"source_hash,omitempty"`
	Hash       string `json:"hash"`

	Single      bool                 `json:"single,omitempty"`
	Appointment calendar.Appointment `json:"appointment"`
	Changes     []Change             `json:"changes,omitempty"`
	Source      calendar.Event       `json:"source"`          // all that we read
	BodyDigest  string               `json:"body,omitempty"`  // digest of the source's body, as it counts in Hash
	Draft       *calendar.Draft      `json:"draft,omitempty"` // what was written, to the byte; nil for what is not in the archive calendar
	// Blobs names the blobs that hold what is too large for the entry: "source" and "draft" bodies.
	Blobs map[string]string `json:"blobs,omitempty"`

	Run   string    `json:"run"`
	Seal  int       `json:"seal"`  // number of the link that is to seal the version; set by Write
	Time  time.Time `json:"time"`  // UTC
	Actor string    `json:"actor"` // user key
	// CopyID is the event in the archive calendar that shows this version; Replaces the one that it took the place of.
	CopyID   string `json:"copy_id,omitempty"`
	Replaces string `json:"replaces,omitempty"`
	// Kept says that the archive calendar was not written for this version: CopyID and Draft are those of an earlier one.
	Kept bool `json:"kept,omitempty"`
	// Decision is the id of the decision that made the version; Reverses the id of the run that it undoes, and Restores the number of the version that
	// stands again by that; 0: what was there before the first one, which is nothing.
	Decision string `json:"decision,omitempty"`
	Reverses string `json:"reverses,omitempty"`
	Restores int    `json:"restores,omitempty"`

	State   State  `json:"state"`
	Failure string `json:"failure,omitempty"`

	stored  int64             // version of the store item
	leaf    tlog.Hash         // see Leaf
	sum     [sha256.Size]byte // of what is stored
	unknown store.Unknown     // with stored
}

// Lineage names the source event of an entry wherever it moves: the source key of an instance of a series, and the iCalUId, or
// else the id, of a single event.
func Lineage(e *calendar.Event, key string) string {
	if e.OriginalStart.IsZero() && e.ICalUID != "" && (e.Type == calendar.Single || e.Type == "") {
		return e.ICalUID
	}
	return key
}

// TransactionID is the deterministic id by which a repeated create is one create.
func (e *Entry) TransactionID() string {
	sum := sha256.Sum256([]byte(e.Config + "\x00" + e.Key + "\x00" + fmt.Sprint(e.Version)))
	return hex.EncodeToString(sum[:16])
}

// Removes says whether the version takes the copy of the one before out of the archive calendar.
func (e *Entry) Removes() bool { return e.Draft == nil && e.Replaces != "" }

// maxEntry is the largest size of an entry in bytes without its bodies, uncompressed, so that it surely fits into a store item.
const maxEntry = 256 << 10

// Fits says whether the entry can be stored; if not, the error is of kind fault.Invalid.
func (e *Entry) Fits() error {
	bare := *e
	bare.Source.Body = calendar.Body{}
	if e.Draft != nil {
		draft := *e.Draft
		draft.Body = calendar.Body{}
		bare.Draft = &draft
	}
	if n := len(mustJSON(bare)); n > maxEntry {
		return fault.New(fault.Invalid, "the event is too large to be recorded: %d KB without its text, at most %d are possible", n>>10, maxEntry>>10)
	}
	return nil
}

// Ledger reads and writes the ledgers of all configs.
type Ledger struct {
	// Most is how many bytes of entries, as they are stored, a reading returns at most; 0: any number.
	Most int64

	table  store.Table
	blobs  blob.Blob
	signer Signer
}

// New returns the ledger that is kept in table, with large bodies in blobs and heads that are signed by signer.
func New(table store.Table, blobs blob.Blob, signer Signer) *Ledger {
	return &Ledger{table: table, blobs: blobs, signer: signer}
}

func partition(config string) string { return "LEDGER#" + config }

const (
	headSK      = "HEAD"
	placePrefix = "KEY#"
)

const hashedPart = "sha256:"

// part returns the key in a form that fits into a sort key and a mark. No two keys have the same.
func part(key string) string {
	if len(key) <= 256 && !strings.ContainsAny(key, "\x00\n") && !strings.HasPrefix(key, hashedPart) {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return hashedPart + hex.EncodeToString(sum[:])
}

const startFormat = "2006-01-02T15:04:05Z"

func startKey(t time.Time) string { return t.UTC().Format(startFormat) }

func (e *Entry) sortKey() string {
	return fmt.Sprintf("%s#%s#%06d", startKey(e.Appointment.Start), part(e.Key), e.Version)
}

func (e *Entry) key() store.Key { return store.Key{PK: partition(e.Config), SK: e.sortKey()} }

// Range returns every version of every entry whose start is in [from, to), by start (to the second), key and version. Bodies in
// blobs are left there. More than Most are of kind fault.Invalid.
func (l *Ledger) Range(ctx context.Context, config string, from, to time.Time) ([]Entry, error) {
	q := store.Query{PK: partition(config), From: startKey(from), To: startKey(to.Add(time.Second - 1))} // the keys have whole seconds
	var entries []Entry
	for bytes := int64(0); ; {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return nil, fmt.Errorf("read the ledger: %w", err)
		}
		some, err := decode(page.Items)
		if err != nil {
			return nil, err
		}
		for i := range some {
			if start := some[i].Appointment.Start; start.Before(from) || !start.Before(to) {
				continue
			}
			if bytes += int64(len(page.Items[i].Data)); l.Most > 0 && bytes > l.Most {
				return nil, fault.New(fault.Invalid, "the ledger has more than %d MB of entries from %s to %s, more than can be read at once; take a shorter period",
					l.Most>>20, from.UTC().Format(time.DateOnly), to.UTC().Format(time.DateOnly))
			}
			entries = append(entries, some[i])
		}
		if page.Next == "" {
			return entries, nil
		}
		q.Cursor = page.Next
	}
}

func decode(items []store.Item) ([]Entry, error) {
	entries := make([]Entry, len(items))
	for i, item := range items {
		unknown, err := store.Decode(item.Data, &entries[i])
		if err != nil {
			return nil, fault.New(fault.Malformed, "ledger entry %s is unreadable: %v", item.SK, err)
		}
		entries[i].stored, entries[i].sum, entries[i].unknown = item.Version, sha256.Sum256(item.Data), unknown
		entries[i].leaf = leafHash(&entries[i])
		if entries[i].SourceHash == "" { // written when the two were one
			entries[i].SourceHash = entries[i].Hash
		}
	}
	return entries, nil
}

// Newest keeps of each key's versions the newest one, in the order of the entries.
func Newest(entries []Entry) []Entry {
	newest := make(map[string]int, len(entries))
	for _, e := range entries {
		newest[e.Key] = max(newest[e.Key], e.Version)
	}
	return slices.DeleteFunc(entries, func(e Entry) bool { return e.Version < newest[e.Key] })
}

// place is where one version of a lineage is.
type place struct {
	Key     string    `json:"key"`
	Version int       `json:"version"`
	Start   time.Time `json:"start"`
}

// Places knows where the versions of lineages are; the zero Places knows of none.
type Places struct {
	of      map[string][]place // by sort key
	stored  map[string]int64
	unknown map[string]store.Unknown
}

func (p *Places) init() {
	if p.of == nil {
		p.of, p.stored, p.unknown = map[string][]place{}, map[string]int64{}, map[string]store.Unknown{}
	}
}

// Add adds what other places know.
func (p *Places) Add(other Places) {
	p.init()
	maps.Copy(p.of, other.of)
	maps.Copy(p.stored, other.stored)
	maps.Copy(p.unknown, other.unknown)
}

// Versions returns the newest version under a key of the lineage, 0 if there is none.
func (p *Places) Versions(lineage, key string) int {
	newest := 0
	for _, at := range p.of[placePrefix+part(lineage)] {
		if at.Key == key {
			newest = max(newest, at.Version)
		}
	}
	return newest
}

// Find looks lineages up, however many.
func (l *Ledger) Find(ctx context.Context, config string, lineages []string) (Places, error) {
	var found Places
	found.init()
	keys := make([]store.Key, len(lineages))
	for i, lineage := range lineages {
		keys[i] = store.Key{PK: partition(config), SK: placePrefix + part(lineage)}
	}
	if len(keys) == 0 {
		return found, nil
	}
	items, err := l.table.GetMany(ctx, keys)
	if err != nil {
		return found, fmt.Errorf("look up the ledger: %w", err)
	}
	for _, item := range items {
		var places []place
		unknown, err := store.Decode(item.Data, &places)
		if err != nil {
			return found, fault.New(fault.Malformed, "ledger item %s is unreadable: %v", item.SK, err)
		}
		found.of[item.SK], found.stored[item.SK], found.unknown[item.SK] = places, item.Version, unknown
	}
	return found, nil
}

// Entries returns every version of each key that the lineages have, in no particular order.
func (l *Ledger) Entries(ctx context.Context, config string, places Places) ([]Entry, error) {
	return l.at(ctx, config, places, func(place) bool { return true })
}

// at returns the entries at those of the places that fit.
func (l *Ledger) at(ctx context.Context, config string, places Places, fits func(place) bool) ([]Entry, error) {
	var keys []store.Key
	for _, of := range places.of {
		for _, p := range of {
			if fits(p) {
				e := Entry{Config: config, Key: p.Key, Version: p.Version, Appointment: calendar.Appointment{Start: p.Start}}
				keys = append(keys, e.key())
			}
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	items, err := l.table.GetMany(ctx, keys)
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return decode(items)
}

// maxInline is the largest body that stays in its entry; larger ones go to blob storage by their digest.
const maxInline = 32 << 10

// offload returns the entry as it is stored: with its large bodies put into blob storage.
func (l *Ledger) offload(ctx context.Context, e Entry) (Entry, error) {
	out := func(name string, body *calendar.Body) error {
		if len(body.Content) <= maxInline {
			return nil
		}
		sum := sha256.Sum256([]byte(body.Content))
		digest := hex.EncodeToString(sum[:])
		if _, err := l.blobs.Stat(ctx, bodyKey(e.Config, digest)); errors.Is(err, blob.ErrNotFound) {
			if err := l.blobs.Put(ctx, bodyKey(e.Config, digest), strings.NewReader(body.Content)); err != nil {
				return fmt.Errorf("store a body: %w", err)
			}
		} else if err != nil {
			return fmt.Errorf("store a body: %w", err)
		}
		blobs := map[string]string{name: digest}
		for n, d := range e.Blobs {
			if n != name {
				blobs[n] = d
			}
		}
		e.Blobs = blobs
		*body = calendar.Body{ContentType: body.ContentType}
		return nil
	}
	if err := out("source", &e.Source.Body); err != nil {
		return e, err
	}
	if e.Draft != nil {
		draft := *e.Draft
		e.Draft = &draft
		if err := out("draft", &e.Draft.Body); err != nil {
			return e, err
		}
	}
	return e, nil
}

func bodyKey(config, digest string) string { return "ledger/" + config + "/bodies/" + digest }

// Load fetches the bodies of an entry that are kept in blob storage.
func (l *Ledger) Load(ctx context.Context, e *Entry) error {
	for name, digest := range e.Blobs {
		content, err := l.body(ctx, e.Config, digest)
		if err != nil {
			return err
		}
		switch {
		case name == "source":
			e.Source.Body.Content = content
		case name == "draft" && e.Draft != nil:
			draft := *e.Draft
			draft.Body.Content = content
			e.Draft = &draft
		}
	}
	return nil
}

func (l *Ledger) body(ctx context.Context, config, digest string) (string, error) {
	r, err := l.blobs.Get(ctx, bodyKey(config, digest))
	if err != nil {
		return "", fmt.Errorf("read a body of the ledger: %w", err)
	}
	defer r.Close()
	content, err := io.ReadAll(r)
	if err != nil {
		return "", fmt.Errorf("read a body of the ledger: %w", err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != digest {
		return "", fault.New(fault.Malformed, "body %s of ledger %s is not what was stored", digest, config)
	}
	return string(content), nil
}

func mustJSON(v any) []byte { return encode(store.Unknown{}, v) }

// encode makes the document of a record, with what is unknown of the one that was read.
func encode(unknown store.Unknown, v any) []byte {
	data, err := unknown.Encode(v)
	if err != nil {
		panic(fmt.Sprintf("ledger: %T does not encode: %v", v, err)) // only plain structs get here
	}
	return data
}
