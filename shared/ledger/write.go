package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"adminassistant/shared/fault"
	"adminassistant/shared/store"
)

// MaxWrite is the largest number of entries that Write takes, so that they, their places, the head and three of the caller's own operations fit
// into one transaction.
const MaxWrite = 45

// Write puts entries of one run, new ones or such as were read before, the head and the caller's own operations into one transaction. The run is the
// open one from then on, until it is sealed. span bounds the starts of those that are known to follow; it may be zero. places must cover the lineages of
// new entries; it is brought up to date, as head and the entries are. Nothing is written when anything changed since it was read (store.ErrConflict), or
// when a condition of the caller's operations does not hold.
func (l *Ledger) Write(ctx context.Context, head *Head, places *Places, span Span, entries []*Entry, own ...store.Op) error {
	if len(entries) == 0 || len(entries) > MaxWrite {
		return fmt.Errorf("ledger: %d entries in one write, it takes 1 to %d", len(entries), MaxWrite)
	}
	places.init()
	ops := slices.Clone(own)
	sums, leaves := make([][sha256.Size]byte, len(entries)), make([]tlog.Hash, len(entries))
	touched := map[string][]place{}
	var order []string
	for i, e := range entries {
		stored, err := l.offload(ctx, *e)
		if err != nil {
			return err
		}
		stored.Seal = head.Seq + 1
		cond := store.VersionIs(e.stored)
		unknown := e.unknown
		if e.stored == 0 {
			cond, unknown = store.Absent(), store.Unknown{}
			sk := placePrefix + part(e.Lineage)
			if touched[sk] == nil {
				touched[sk] = slices.Clone(places.of[sk])
				order = append(order, sk)
			}
			touched[sk] = append(touched[sk], place{Key: e.Key, Version: e.Version, Start: e.Appointment.Start})
			e.Blobs = stored.Blobs
		}
		data := encode(unknown, stored)
		sums[i] = sha256.Sum256(data)
		stored.sum = sums[i]
		leaves[i] = leafHash(&stored)
		ops = append(ops, store.Op{Put: &store.Item{Key: e.key(), Data: data}, If: cond})
	}
	config := entries[0].Config
	for _, sk := range order {
		cond := store.VersionIs(places.stored[sk])
		if places.stored[sk] == 0 {
			cond = store.Absent()
		}
		item := &store.Item{Key: store.Key{PK: partition(config), SK: sk}, Data: encode(places.unknown[sk], touched[sk])}
		ops = append(ops, store.Op{Put: item, If: cond})
	}
	next, undo, err := head.with(entries, leaves, span)
	if err != nil {
		return err
	}
	put, err := l.put(ctx, config, &next)
	if err == nil {
		err = l.table.Transact(ctx, append(ops, put))
	}
	if err != nil {
		undo()
		return fmt.Errorf("write the ledger: %w", err)
	}
	*head = next
	head.stored++
	for i, e := range entries {
		e.stored++
		e.Seal = head.Seq + 1
		e.sum, e.leaf = sums[i], leaves[i]
	}
	for sk, of := range touched {
		places.of[sk] = of
		places.stored[sk]++
	}
	return nil
}

// with returns the head as it is when entries of the open run are written. They are noted at once; undo takes that back.
func (h *Head) with(entries []*Entry, leaves []tlog.Hash, span Span) (next Head, undo func(), err error) {
	run := entries[0].Run
	switch {
	case h.Open != "" && h.Open != run:
		return Head{}, nil, fault.New(fault.Internal, "run %s writes the ledger while run %s is open", run, h.Open)
	case h.Open != "" && h.open == nil:
		return Head{}, nil, fault.New(fault.Internal, "the entries of run %s were not read before more are written", run)
	}
	next = *h
	if next.open == nil {
		next.open = map[string]tlog.Hash{}
	}
	was := map[string]tlog.Hash{}
	for i, e := range entries {
		if e.Run != run {
			return Head{}, nil, fault.New(fault.Internal, "entries of runs %s and %s in one write", run, e.Run)
		}
		sk := e.sortKey()
		was[sk] = next.open[sk]
		next.open[sk] = leaves[i]
		if e.stored == 0 {
			next.Entries++
		}
	}
	next.Open, next.OpenDigest = run, digest(next.open)
	if h.Open == "" {
		next.OpenFrom, next.OpenTo = entries[0].Appointment.Start, entries[0].Appointment.Start
	}
	if span != (Span{}) {
		next.widen(span)
	}
	for _, e := range entries {
		next.widen(Span{e.Appointment.Start, e.Appointment.Start.Add(time.Second)})
	}
	open := next.open
	return next, func() {
		for sk, hash := range was {
			if hash == (tlog.Hash{}) {
				delete(open, sk)
			} else {
				open[sk] = hash
			}
		}
	}, nil
}

// widen makes the span of the open run's entries large enough for s.
func (h *Head) widen(s Span) {
	if s.From.Before(h.OpenFrom) {
		h.OpenFrom = s.From
	}
	if s.To.After(h.OpenTo) {
		h.OpenTo = s.To
	}
}
