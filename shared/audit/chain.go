package audit

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"maps"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"adminassistant/shared/fault"
	"adminassistant/shared/pause"
	"adminassistant/shared/store"
)

// Log is the audit log of all users.
type Log struct {
	// Lost is called for each record that could not be written after its effect; see Serve. Nil: nobody counts them.
	Lost func()

	table   store.Table
	clock   func() time.Time
	newID   func() string
	seed    maphash.Seed
	stripes [64]stripe
}

// stripe lets the appends of a process to a chain follow each other, so that only those of other processes are in their way. It
// remembers the head of the chain that was appended to last. Chains share stripes, which bounds what is remembered.
type stripe struct {
	turn chan struct{} // holds one when somebody is at work
	user string
	head *head // nil: not known
}

// New returns the log kept in table. newID makes ULIDs.
func New(table store.Table, clock func() time.Time, newID func() string) *Log {
	l := &Log{table: table, clock: clock, newID: newID, seed: maphash.MakeSeed()}
	for i := range l.stripes {
		l.stripes[i].turn = make(chan struct{}, 1)
	}
	return l
}

// head is the end of a chain. The zero head is that of an empty chain.
type head struct {
	Seq    int    `json:"seq"`
	ID     string `json:"id"`
	Hash   string `json:"hash"`
	Erased int    `json:"erased,omitempty"` // the personal fields of the records up to this one are erased, or about to be

	version int64 // as stored; 0: not stored
	unknown store.Unknown
}

// HeadKey is where the end of a user's chain is kept.
func HeadKey(user string) store.Key { return store.Key{PK: partition(user), SK: headSK} }

// HeadOf returns the number and the hash of the newest record of a user's chain from items that were just read; zero where there is none. A head
// that is unreadable is of kind fault.Malformed.
func HeadOf(user string, found []store.Item) (seq int, hash string, err error) {
	for i := range found {
		if found[i].Key != HeadKey(user) {
			continue
		}
		h, err := readHead(&found[i])
		if err != nil {
			return 0, "", err
		}
		return h.Seq, h.Hash, nil
	}
	return 0, "", nil
}

// readHead decodes a stored head; what is no head is of kind fault.Malformed.
func readHead(item *store.Item) (*head, error) {
	h := &head{version: item.Version}
	var err error
	h.unknown, err = store.Decode(item.Data, h)
	_, ok := parseID(h.ID)
	if err != nil || !ok || h.Seq < 1 || h.Erased < 0 || h.Erased > h.Seq || !sameMembers(encode(h.unknown, h), item.Data) || !bare(item) {
		return nil, fault.New(fault.Malformed, "the head of an audit chain is unreadable")
	}
	return h, nil
}

// sameMembers says whether two objects have the same members, written alike. Their order depends on which version of the program knew which of them.
func sameMembers(a, b []byte) bool {
	var of, other map[string]json.RawMessage
	if len(a) != len(b) || json.Unmarshal(a, &of) != nil || json.Unmarshal(b, &other) != nil {
		return false
	}
	return maps.EqualFunc(of, other, func(v, w json.RawMessage) bool { return bytes.Equal(v, w) })
}

// bare says whether an item has neither index keys nor an end, as all of ours.
func bare(item *store.Item) bool {
	return item.IndexPK == "" && item.IndexSK == "" && item.Expires.IsZero()
}

// extend makes the records of entries that are normal already, and the head behind them.
func (l *Log) extend(h head, entries []Entry) ([]Record, head, error) {
	records := make([]Record, len(entries))
	for i, e := range entries {
		fresh, err := ulid.ParseStrict(l.newID())
		if err != nil {
			return nil, h, fault.New(fault.Internal, "audit: a new id is no ULID: %w", err)
		}
		last, _ := parseID(h.ID) // the zero ULID before the first
		id := after(last, fresh)
		r := Record{
			Seq: h.Seq + 1, ID: id.String(), Time: id.Timestamp().UTC(), Behind: int64(id.Time()) - int64(fresh.Time()), Entry: e, Prev: h.Hash,
			Salt: make([]byte, saltSize),
		}
		_, _ = rand.Read(r.Salt) // it never fails
		r.Digest = r.digest()
		r.Hash = r.Sum()
		h.Seq, h.ID, h.Hash = r.Seq, r.ID, r.Hash
		records[i] = r
	}
	return records, h, nil
}

// Append records one or more entries, up to MaxAppend, all of one user, in one transaction: all of them, or none. It waits its turn behind
// other writers of the chain. Errors are transient when trying again may help; then the records may or may not have been written.
// A damaged head is of kind fault.Malformed.
//
// Alone on a chain it costs one transaction, and one read the first time.
func (l *Log) Append(ctx context.Context, entries ...Entry) ([]Record, error) {
	return l.add(ctx, entries, "", nil, nil)
}

// Once is Append for an entry that may have been recorded already: one of its action and resource at or after since is returned
// instead. However many call it for the same effect, one record is written. It costs one query, from since on, and one transaction.
func (l *Log) Once(ctx context.Context, since time.Time, e Entry) (Record, error) {
	e, err := e.normal()
	if err != nil {
		return Record{}, err
	}
	same := func(r *Record) bool { return r.Action == e.Action && r.Resource == e.Resource }
	records, err := l.add(ctx, []Entry{e}, lowest(since), same, nil)
	if err != nil {
		return Record{}, err
	}
	return records[0], nil
}

const (
	// attempts is how often an append is tried. It is enough for some fifty processes that write one chain at the same moment.
	attempts = 32
	// The pause between two attempts is random between zero and twice a mean that grows from firstPause to longestPause.
	firstPause, longestPause = 4 * time.Millisecond, 400 * time.Millisecond
)

// add appends entries. With since it looks from that id on for a record that is there already, and if there is one returns that
// instead. erasing is for the record of an erasure: it is given the head as it was, up to which personal fields are to go.
func (l *Log) add(ctx context.Context, entries []Entry, since string, there func(*Record) bool, erasing func(was head)) ([]Record, error) {
	if len(entries) == 0 || len(entries) > MaxAppend {
		return nil, fault.New(fault.Internal, "audit: %d records at once, it must be 1 to %d", len(entries), MaxAppend)
	}
	entries = slices.Clone(entries)
	for i := range entries {
		var err error
		if entries[i], err = entries[i].normal(); err != nil {
			return nil, err
		}
		if entries[i].User != entries[0].User {
			return nil, fault.New(fault.Internal, "audit: records of two users at once")
		}
	}
	user := entries[0].User
	s := &l.stripes[maphash.String(l.seed, user)%uint64(len(l.stripes))]
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the audit chain: %w", ctx.Err())
	}
	if s.user != user || since != "" {
		s.user, s.head = user, nil
	}

	wait := pause.Growing(firstPause, longestPause)
	doubtful := map[string][]Record{} // what may have been written or not, by the hash of the first one
	for attempt := 1; ; attempt++ {
		records, found, err := l.attempt(ctx, s, entries, since, func(r *Record) bool { return doubtful[r.Hash] != nil || there != nil && there(r) }, erasing)
		switch {
		case found != nil && doubtful[found.Hash] != nil:
			return doubtful[found.Hash], nil
		case found != nil:
			return []Record{*found}, nil
		case err == nil:
			return records, nil
		case errors.Is(err, store.ErrConflict):
			err = fault.New(fault.Unavailable, "too many write the audit chain at once; try again: %w", err)
		case !fault.Of(err).Transient():
			return nil, err
		case len(records) > 0:
			doubtful[records[0].Hash] = records
			if id := records[0].ID; since == "" || id < since {
				since = id
			}
		}
		if attempt >= attempts || pause.For(ctx, wait.NextBackOff()) != nil {
			return nil, err
		}
	}
}

// attempt tries once to append at the stripe's head, or at the stored one if it has none. found is a record that made it needless. When
// an error comes with records, these may have been written. The stripe has a head afterwards only if that is known to be the newest.
func (l *Log) attempt(ctx context.Context, s *stripe, entries []Entry, since string, there func(*Record) bool,
	erasing func(was head)) (records []Record, found *Record, err error) {
	h := s.head
	s.head = nil
	if h == nil {
		if h, found, err = l.look(ctx, s.user, since, there); err != nil || found != nil {
			return nil, found, err
		}
	}
	if erasing != nil {
		erasing(*h)
		entries[0].Details[erasedDetail] = Int(int64(h.Seq))
	}
	records, next, err := l.extend(*h, entries)
	if err != nil {
		return nil, nil, err
	}
	if erasing != nil {
		next.Erased = h.Seq
	}
	cond := store.VersionIs(h.version)
	if h.version == 0 {
		cond = store.Absent()
	}
	ops := []store.Op{{Put: &store.Item{Key: HeadKey(s.user), Data: encode(next.unknown, next)}, If: cond}}
	for i := range records {
		item := records[i].item()
		ops = append(ops, store.Op{Put: &item, If: store.Absent()})
	}
	if err := l.table.Transact(ctx, ops); err != nil {
		return records, nil, fmt.Errorf("write the audit log: %w", err)
	}
	next.version++
	s.head = &next
	return records, nil, nil
}

// look reads the head of a chain. With since it also looks for a record at or after that id which is there, from the newest back: the
// head comes first, so that no append can be missed on which it does not build.
func (l *Log) look(ctx context.Context, user, since string, there func(*Record) bool) (*head, *Record, error) {
	if since == "" {
		item, err := l.table.Get(ctx, HeadKey(user))
		if errors.Is(err, store.ErrNotFound) {
			return &head{}, nil, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the head of the audit log: %w", err)
		}
		h, err := readHead(&item)
		return h, nil, err
	}
	h := &head{}
	q := store.Query{PK: partition(user), From: since, Desc: true}
	for {
		page, err := l.table.Query(ctx, q)
		if err != nil {
			return nil, nil, fmt.Errorf("read the audit log: %w", err)
		}
		for i := range page.Items {
			item := &page.Items[i]
			if item.SK == headSK {
				if h, err = readHead(item); err != nil {
					return nil, nil, err
				}
				continue
			}
			if r, err := decode(item); err == nil && there(&r) {
				return h, &r, nil
			}
		}
		if page.Next == "" {
			return h, nil, nil
		}
		q.Cursor = page.Next
	}
}

// lowest returns the least id that a record at or after t can have.
func lowest(t time.Time) string {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++ // records have whole milliseconds
	}
	var id ulid.ULID
	if err := id.SetTime(uint64(max(ms, 0))); err != nil { // after the last time there is
		return pastSK
	}
	return id.String()
}
