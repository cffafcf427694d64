package run

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"adminassistant/shared/store"
)

// ErrBusy means that another run holds the lease.
var ErrBusy = errors.New("run: the archive calendar is in use by another run")

// Lease is the right to write an archive calendar, for a while. It is fenced: every write that it guards renews it in the same
// transaction, so that one who lost it without noticing cannot write any more.
type Lease struct {
	key     store.Key
	holder  string
	length  time.Duration
	stored  int64
	unknown store.Unknown
}

type leaseRecord struct {
	Holder string    `json:"holder"`
	Until  time.Time `json:"until"`
}

// LeaseKey is where the lease of that name is kept.
func LeaseKey(name string) store.Key { return store.Key{PK: "LEASE#" + name, SK: "LEASE"} }

// take takes the lease of that name for holder, in one transaction with other operations, if there are any. found are items that were just
// read, the lease among them if it is there: what the lease guards may be read with it, since it is written on condition of its version. It
// returns ErrBusy while somebody else has the lease, and store.ErrConflict when a condition of the other operations did not hold.
func take(ctx context.Context, t store.Table, found []store.Item, name, holder string, length time.Duration, now time.Time,
	others ...store.Op) (*Lease, error) {
	l := &Lease{key: LeaseKey(name), holder: holder, length: length}
	for _, item := range found {
		if item.Key != l.key {
			continue
		}
		var r leaseRecord
		unknown, err := store.Decode(item.Data, &r)
		if err == nil && r.Holder != holder && now.Before(r.Until) {
			return nil, ErrBusy
		}
		l.stored, l.unknown = item.Version, unknown
	}
	before := l.stored
	err := t.Transact(ctx, append([]store.Op{l.Renew(now)}, others...))
	if errors.Is(err, store.ErrConflict) && len(others) > 0 {
		switch item, err := t.Get(ctx, l.key); {
		case errors.Is(err, store.ErrNotFound), err == nil && item.Version == before:
			return nil, fmt.Errorf("take the lease: %w", store.ErrConflict)
		case err != nil:
			return nil, fmt.Errorf("read the lease: %w", err)
		}
	}
	if errors.Is(err, store.ErrConflict) {
		return nil, ErrBusy // somebody was faster
	}
	if err != nil {
		return nil, fmt.Errorf("take the lease: %w", err)
	}
	l.Renewed()
	return l, nil
}

// Renew is the operation that holds the lease for its length from now on, if nobody else took it meanwhile. It belongs into
// every transaction that the lease guards; call Renewed after it went through.
func (l *Lease) Renew(now time.Time) store.Op { return l.put(now.Add(l.length)) }

// Renewed notes that the operation of Renew went through.
func (l *Lease) Renewed() { l.stored++ }

// Release is the operation that gives the lease back, whatever the clock of whoever takes it next says.
func (l *Lease) Release() store.Op { return l.put(time.Time{}) }

func (l *Lease) put(until time.Time) store.Op {
	data, err := l.unknown.Encode(leaseRecord{Holder: l.holder, Until: until.UTC()})
	if err != nil {
		panic(fmt.Sprintf("run: %v", err)) // plain data
	}
	cond := store.VersionIs(l.stored)
	if l.stored == 0 {
		cond = store.Absent()
	}
	return store.Op{Put: &store.Item{Key: l.key, Data: data}, If: cond}
}

// Reserves says whether the run holds the lease that it took last.
func (s *Store) Reserves(ctx context.Context, r *Run, now time.Time) (bool, error) {
	if r.Lease == "" {
		return false, nil
	}
	item, err := s.table.Get(ctx, LeaseKey(r.Lease))
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the lease: %w", err)
	}
	var l leaseRecord
	if _, err := store.Decode(item.Data, &l); err != nil {
		return false, nil
	}
	return strings.HasPrefix(l.Holder, r.ID+"/") && now.Before(l.Until), nil
}
